//! The trainer's commands, built for speed and run where the user stands.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::{cargo, repository, run};

/// Runs `fourbar ARGUMENTS`, building the trainer first where it is out of date.
///
/// Relative paths in `arguments` are the user's: the current folder is not changed.
///
/// # Errors
/// If the trainer does not build or does not succeed.
pub(crate) fn trainer(arguments: &[OsString]) -> Result<()> {
    run(cargo()
        .args(["run", "--release", "--package", "fourbar-trainer"])
        .arg("--manifest-path")
        .arg(repository().join("Cargo.toml"))
        .args(["--bin", "fourbar", "--"])
        .args(arguments))
}
