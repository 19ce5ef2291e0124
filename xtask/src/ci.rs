//! Every check, in the order of continuous integration: the cheap ones first.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::command::{cargo, find_program, has_target, step};
use crate::windows;

/// How much is checked.
#[derive(Args)]
pub(crate) struct CiArgs {
    /// Also check that everything compiles for Windows and macOS, where the Rust targets and C compilers for them are
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
        compile_for(
            windows::TARGET,
            find_program(windows::COMPILER).map(|_| cargo()),
        )?;
        // Zig is a C compiler for macOS, which one of the trainer's dependencies needs.
        let zig = || find_program("cargo-zigbuild").map(Command::new);
        for target in ["aarch64-apple-darwin", "x86_64-apple-darwin"] {
            compile_for(target, zig())?;
        }
    }
    println!("\nAll checks that were run passed.");
    Ok(())
}

/// Checks that everything compiles for another system with a `cargo` that has a C compiler for it, or says what is missing.
fn compile_for(target: &str, cargo: Option<Command>) -> Result<()> {
    if !has_target(target)? {
        println!("\n== {target}: not checked (rustup target add {target})");
    } else if let Some(mut command) = cargo {
        command.args(["check", "--workspace", "--tests", "--target", target]);
        step(&mut command)?;
    } else {
        println!(
            "\n== {target}: not checked, because there is no C compiler for it (CONTRIBUTING.md says which)"
        );
    }
    Ok(())
}

fn check(arguments: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    step(&mut command)
}
