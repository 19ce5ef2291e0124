//! Every check, in the order of continuous integration: the cheap ones first.

use anyhow::Result;
use clap::Args;

use crate::command::{cargo, find_program, quoted, repository, run};

/// How much is checked.
#[derive(Args)]
pub(crate) struct CiArgs {
    /// Also check that everything compiles for Windows (needs its Rust target and MinGW's C compiler)
    #[arg(long)]
    all: bool,
}

/// Formatting, dependencies, lints, documentation and tests; stops at the first that fails.
///
/// # Errors
/// If a check fails.
pub(crate) fn ci(args: &CiArgs) -> Result<()> {
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
    if args.all {
        let windows = "x86_64-pc-windows-gnu";
        check(&["check", "--workspace", "--tests", "--target", windows])?;
    }
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
