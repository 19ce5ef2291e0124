//! Running other programs: what failed, and with which command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The folder that holds the workspace.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies inside the workspace's folder")
}

/// The cargo that runs this task, so that a chosen toolchain stays chosen, in the environment of the user's shell.
///
/// `cargo run` describes xtask's own package in variables that would reach the crates built from here. Where a build
/// script watches one of them, as that of `ring` does, this cargo and one started in the shell would each find it
/// changed and build the crate and all that depends on it again, in turns.
pub(crate) fn cargo() -> Command {
    as_from_the_shell(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program of the nightly toolchain, for what no stable compiler does, in the same environment.
pub(crate) fn nightly(program: &str) -> Command {
    let mut command = as_from_the_shell("rustup".into());
    command.args(["run", "nightly", program]);
    command
}

fn as_from_the_shell(program: OsString) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if describes_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether cargo sets this variable for a program that it runs, from the manifest of the program's package.
///
/// # Source
/// The Cargo Book, "Environment variables Cargo sets for crates" and "... for build scripts".
fn describes_package(variable: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

/// Runs a command to its end with this terminal.
///
/// # Errors
/// If it can't be started or does not succeed; the error quotes the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {}", quoted(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", quoted(command));
    }
    Ok(())
}

/// Runs a step of a longer task in the repository's folder, under a line that says which.
///
/// # Errors
/// As of [`run`].
pub(crate) fn step(command: &mut Command) -> Result<()> {
    println!("\n== {}", quoted(command));
    run(command.current_dir(repository()))
}

/// Whether this compiler has a standard library for `target`.
///
/// # Errors
/// If there is no compiler.
pub(crate) fn has_target(target: &str) -> Result<bool> {
    let mut command = Command::new("rustc");
    command.args(["--print", "target-libdir", "--target", target]);
    let output = command
        .output()
        .with_context(|| format!("could not start {}", quoted(&command)))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(Path::new(folder.trim()).is_dir())
}

/// The first file of this name in the folders of `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let file_name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(&file_name))
        .find(|path| path.is_file())
}

/// A command line as one would type it.
pub(crate) fn quoted(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What cargo says of a package and `ring`'s build script watches.
    const WATCHED: [&str; 3] = [
        "CARGO_MANIFEST_DIR",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION_MINOR",
    ];

    /// A package whose build script watches [`WATCHED`].
    fn watching_package() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"watching\"\nedition = \"2024\"\n[workspace]\n";
        let watch =
            WATCHED.map(|name| format!("println!(\"cargo::rerun-if-env-changed={name}\");"));
        let build_script = format!("fn main() {{ {} }}", watch.concat());
        std::fs::create_dir(folder.path().join("src")).unwrap();
        for (name, text) in [
            ("Cargo.toml", manifest),
            ("build.rs", &build_script),
            ("src/lib.rs", ""),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    /// Builds the package with this cargo; whether nothing had to be compiled.
    fn is_fresh(mut cargo: Command, package: &Path) -> bool {
        let output = cargo
            .args(["build", "--quiet", "--message-format=json"])
            .arg("--target-dir")
            .arg(package.join("target"))
            .current_dir(package)
            .output()
            .unwrap();
        let messages = String::from_utf8(output.stdout).unwrap();
        let library = messages
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .find(|message| message["target"]["kind"][0] == "lib" && message["fresh"].is_boolean());
        library.unwrap()["fresh"].as_bool().unwrap()
    }

    #[test]
    fn what_the_users_cargo_built_is_fresh_for_the_cargo_started_here() {
        let inheriting = || Command::new(env!("CARGO"));
        let package = watching_package();
        let mut users = inheriting();
        for name in WATCHED {
            assert!(std::env::var_os(name).is_some(), "cargo test sets {name}");
            users.env_remove(name);
        }
        assert!(!is_fresh(users, package.path()));
        assert!(is_fresh(cargo(), package.path()));
        assert!(!is_fresh(inheriting(), package.path()));
    }

    #[test]
    fn a_failing_program_is_an_error_that_quotes_it() {
        let error = run(cargo().args(["no-such-subcommand", "--flag"])).unwrap_err();
        assert!(
            error.to_string().contains("no-such-subcommand --flag"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(
            error.to_string().contains("no-such-program-anywhere"),
            "{error}"
        );
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
