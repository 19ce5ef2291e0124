//! What cargo builds: it says itself where that lies.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::command::{cargo, quoted, repository, run};
use crate::target::Target;

/// How something is built.
pub(crate) struct Build<'a> {
    /// One of the root manifest's profiles.
    pub(crate) profile: &'a str,
    /// Features of the packages.
    pub(crate) features: &'a [String],
    /// The system and the processor.
    pub(crate) target: &'a Target,
    /// The glibc to link against, such as 2.28, if it is to be older than this system's: `cargo zigbuild` has them all.
    pub(crate) glibc: Option<String>,
}

/// Something that cargo builds.
struct Product {
    /// What cargo is told.
    arguments: [&'static str; 2],
    /// Its file, if this message of cargo's announces it.
    of_message: fn(&Value) -> Option<PathBuf>,
}

const LIBRARY: Product = Product {
    arguments: ["--package=fourbar-plugin", "--lib"],
    of_message: library_of_message,
};

const PROGRAM: Product = Product {
    arguments: ["--package=fourbar-trainer", "--bin=fourbar"],
    of_message: program_of_message,
};

impl Build<'_> {
    /// Builds the plugin; its library.
    ///
    /// # Errors
    /// If the build fails.
    pub(crate) fn library(&self) -> Result<PathBuf> {
        self.files([LIBRARY]).map(|[library]| library)
    }

    /// Builds the plugin and the `fourbar` command at once, which compiles once what they share; library and program.
    ///
    /// # Errors
    /// If the build fails.
    pub(crate) fn library_and_program(&self) -> Result<[PathBuf; 2]> {
        self.files([LIBRARY, PROGRAM])
    }

    fn files<const N: usize>(&self, products: [Product; N]) -> Result<[PathBuf; N]> {
        let built = self
            .triples()
            .into_iter()
            .map(|triple| artifacts(self.command(&products, triple), &products));
        join(&built.collect::<Result<Vec<_>>>()?)
    }

    /// Makes cargo compile the plugin anew: the library that it builds for tests, where other features of some dependencies are
    /// on, has the same file, and would be taken for this one.
    ///
    /// # Errors
    /// If cargo fails.
    pub(crate) fn forget_library(&self) -> Result<()> {
        for triple in self.triples() {
            let mut command = cargo();
            command.args([
                "clean",
                "--package",
                "fourbar-plugin",
                "--profile",
                self.profile,
            ]);
            if let Some(triple) = triple {
                command.args(["--target", &triple]);
            }
            run(command.current_dir(repository()))?;
        }
        Ok(())
    }

    /// What cargo is told to build for; `None` for this system.
    fn triples(&self) -> Vec<Option<String>> {
        let triples = self.target.triples.iter().cloned().map(Some);
        match triples.len() {
            0 if self.glibc.is_some() => {
                vec![Some(format!(
                    "{}-unknown-linux-gnu",
                    std::env::consts::ARCH
                ))]
            }
            0 => vec![None],
            _ => triples.collect(),
        }
    }

    fn command(&self, products: &[Product], triple: Option<String>) -> Command {
        let mut command = cargo();
        match (&self.glibc, triple) {
            (Some(version), Some(triple)) => {
                command.args(["zigbuild", "--target", &format!("{triple}.{version}")])
            }
            (_, Some(triple)) => command.args(["build", "--target", &triple]),
            (_, None) => command.arg("build"),
        };
        command.args(["--profile", self.profile]);
        for product in products {
            command.args(product.arguments);
        }
        if !self.features.is_empty() {
            command.arg("--features").arg(self.features.join(","));
        }
        command
            .arg("--message-format=json-render-diagnostics")
            .current_dir(repository())
            .stdout(Stdio::piped());
        command
    }
}

/// What a build announces: a file for each of its products.
fn artifacts<const N: usize>(
    mut command: Command,
    products: &[Product; N],
) -> Result<[PathBuf; N]> {
    let mut build = command
        .spawn()
        .with_context(|| format!("could not start {}", quoted(&command)))?;
    let messages = build.stdout.take().expect("stdout is piped above");
    let mut files = [const { None }; N];
    for line in BufReader::new(messages).lines() {
        let line = line.with_context(|| format!("reading the output of {}", quoted(&command)))?;
        // What is no JSON comes from a build script and is none of cargo's messages.
        let Ok(message) = serde_json::from_str(&line) else {
            continue;
        };
        for (file, product) in files.iter_mut().zip(products) {
            *file = (product.of_message)(&message).or(file.take());
        }
    }
    let status = build
        .wait()
        .with_context(|| format!("waiting for {}", quoted(&command)))?;
    ensure!(status.success(), "{} failed ({status})", quoted(&command));
    ensure!(
        files.iter().all(Option::is_some),
        "{} did not say what it built",
        quoted(&command)
    );
    Ok(files.map(|file| file.expect("checked above")))
}

/// One file for each product, with the code of all processors that it was built for.
fn join<const N: usize>(built: &[[PathBuf; N]]) -> Result<[PathBuf; N]> {
    let mut files = built[0].clone();
    if built.len() == 1 {
        return Ok(files);
    }
    let folder = repository().join("target/universal");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    for (product, file) in files.iter_mut().enumerate() {
        *file = folder.join(file.file_name().context("a file without a name")?);
        let mut lipo = Command::new("lipo");
        lipo.arg("-create")
            .args(built.iter().map(|files| &files[product]))
            .arg("-output")
            .arg(&file);
        run(&mut lipo)?;
    }
    Ok(files)
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
                .is_some_and(|end| end == "so" || end == "dll" || end == "dylib")
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
        for library in [
            "libfourbar_plugin.so",
            "fourbar_plugin.dll",
            "libfourbar_plugin.dylib",
        ] {
            let message = json!({
                "reason": "compiler-artifact",
                "target": { "name": "fourbar_plugin" },
                "filenames": ["libfourbar_plugin.rlib", "libfourbar_plugin.dll.a", library],
            });
            assert_eq!(library_of_message(&message), Some(library.into()));
        }
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
