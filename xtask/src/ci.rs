//! Every check, in the order of continuous integration: the cheap ones first.

use anyhow::Result;

use crate::command::{cargo, quoted, repository, run};

/// Formatting, lints, tests and documentation; stops at the first that fails.
///
/// # Errors
/// If a check fails.
pub(crate) fn ci() -> Result<()> {
    let checks: [&[&str]; 4] = [
        &["fmt", "--all", "--check"],
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &["doc", "--workspace", "--no-deps"],
        &["test", "--workspace"],
    ];
    for arguments in checks {
        let mut command = cargo();
        command
            .args(arguments)
            .current_dir(repository())
            .env("RUSTDOCFLAGS", "-D warnings");
        println!("\n== {}", quoted(&command));
        run(&mut command)?;
    }
    println!("\nAll checks passed.");
    Ok(())
}
