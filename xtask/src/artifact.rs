//! What cargo builds: it says itself where that lies.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::command::{cargo, quoted, repository};

/// How something is built.
pub(crate) struct Build<'a> {
    /// One of the root manifest's profiles.
    pub(crate) profile: &'a str,
    /// Features of the package.
    pub(crate) features: &'a [String],
    /// The glibc to link against, such as 2.28, if it is to be older than this system's: `cargo zigbuild` has them all.
    pub(crate) glibc: Option<String>,
}

impl Build<'_> {
    /// Builds the plugin; its library.
    ///
    /// # Errors
    /// If the build fails.
    pub(crate) fn library(&self) -> Result<PathBuf> {
        let target = ["--package", "fourbar-plugin", "--lib"];
        self.run(&target, library_of_message)
    }

    /// Builds the `fourbar` command; its program.
    ///
    /// # Errors
    /// If the build fails.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let target = ["--package", "fourbar-trainer", "--bin", "fourbar"];
        self.run(&target, program_of_message)
    }

    fn run(
        &self,
        target: &[&str],
        artifact_of_message: fn(&Value) -> Option<PathBuf>,
    ) -> Result<PathBuf> {
        let mut command = cargo();
        match &self.glibc {
            Some(version) => {
                let triple = format!("{}-unknown-linux-gnu.{version}", std::env::consts::ARCH);
                command.args(["zigbuild", "--target", &triple])
            }
            None => command.arg("build"),
        };
        command
            .args(["--profile", self.profile])
            .args(target)
            .arg("--message-format=json-render-diagnostics")
            .current_dir(repository())
            .stdout(Stdio::piped());
        if !self.features.is_empty() {
            command.arg("--features").arg(self.features.join(","));
        }
        artifact(command, artifact_of_message)
    }
}

/// What a build announces.
fn artifact(
    mut command: Command,
    artifact_of_message: fn(&Value) -> Option<PathBuf>,
) -> Result<PathBuf> {
    let mut build = command
        .spawn()
        .with_context(|| format!("could not start {}", quoted(&command)))?;
    let messages = build.stdout.take().expect("stdout is piped above");
    let mut artifact = None;
    for line in BufReader::new(messages).lines() {
        let line = line.with_context(|| format!("reading the output of {}", quoted(&command)))?;
        // What is no JSON comes from a build script and is none of cargo's messages.
        if let Ok(message) = serde_json::from_str(&line) {
            artifact = artifact_of_message(&message).or(artifact);
        }
    }
    let status = build
        .wait()
        .with_context(|| format!("waiting for {}", quoted(&command)))?;
    ensure!(status.success(), "{} failed ({status})", quoted(&command));
    artifact.with_context(|| format!("{} did not say what it built", quoted(&command)))
}

/// The plugin's library file, if this message of cargo's announces it.
fn library_of_message(message: &Value) -> Option<PathBuf> {
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != "fourbar_plugin" {
        return None;
    }
    message["filenames"]
        .as_array()?
        .iter()
        .filter_map(|name| name.as_str())
        .map(PathBuf::from)
        .find(|path| {
            path.extension()
                .is_some_and(|e| e == std::env::consts::DLL_EXTENSION)
        })
}

/// The command's program file, if this message of cargo's announces it.
fn program_of_message(message: &Value) -> Option<PathBuf> {
    let is_program =
        message["reason"] == "compiler-artifact" && message["target"]["name"] == "fourbar";
    let program = message["executable"].as_str().filter(|_| is_program)?;
    Some(program.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_library_is_the_one_that_cargo_announces() {
        let library = format!(
            "/somewhere/libfourbar_plugin.{}",
            std::env::consts::DLL_EXTENSION
        );
        let message = json!({
            "reason": "compiler-artifact",
            "target": { "name": "fourbar_plugin" },
            "filenames": ["/somewhere/libfourbar_plugin.rlib", library],
        });
        assert_eq!(library_of_message(&message), Some(library.into()));
        assert_eq!(library_of_message(&json!({ "reason": "other" })), None);
    }

    #[test]
    fn the_program_is_the_one_that_cargo_announces() {
        let message = |name: &str, executable| {
            json!({
                "reason": "compiler-artifact",
                "target": { "name": name },
                "executable": executable,
            })
        };
        let program = |message| program_of_message(&message);
        let announced = program(message("fourbar", Some("/somewhere/fourbar")));
        assert_eq!(announced, Some("/somewhere/fourbar".into()));
        assert_eq!(program(message("fourbar", None)), None);
        assert_eq!(program(message("other", Some("/somewhere/other"))), None);
    }
}
