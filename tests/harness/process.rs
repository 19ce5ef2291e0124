//! A test in a process of its own.

use std::ffi::OsStr;
use std::process::Command;

/// Runs the test with this full name once more, alone and with these environment variables: a process with threads
/// must not change its own.
pub(crate) fn run_alone(name: &str, variables: &[(&str, &OsStr)]) {
    let run = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (output, errors) = (text(&run.stdout), text(&run.stderr));
    assert!(
        run.status.success() && output.contains("1 passed"),
        "{name} with {variables:?}: {}\n{output}{errors}",
        run.status
    );
}
