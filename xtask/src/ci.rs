//! Every check, in the order of continuous integration: the cheap ones first.

use anyhow::Result;

use crate::command::{cargo, find_program, quoted, repository, run};

/// Formatting, dependencies, lints, documentation and tests; stops at the first that fails.
///
/// # Errors
/// If a check fails.
pub(crate) fn ci() -> Result<()> {
    check(&["fmt", "--all", "--check"])?;
    if find_program("cargo-deny").is_some() {
        check(&["deny", "check", "--hide-inclusion-graph"])?;
    } else {
        println!(
            "\n== `cargo deny`: not found on PATH, so the dependencies are not checked (cargo install cargo-deny)"
        );
    }
    check(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])?;
    check(&["doc", "--workspace", "--no-deps"])?;
    check(&["test", "--workspace"])?;
    println!("\nAll checks that were run passed.");
    Ok(())
}

fn check(arguments: &[&str]) -> Result<()> {
    let mut command = cargo();
    command
        .args(arguments)
        .current_dir(repository())
        .env("RUSTDOCFLAGS", "-D warnings");
    println!("\n== {}", quoted(&command));
    run(&mut command)
}
