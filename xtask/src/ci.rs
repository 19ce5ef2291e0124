//! Every check, in the order of continuous integration: the cheap ones first.

use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::command::{cargo, find_program, has_target, quoted, step};
use crate::windows;

/// How much is checked.
#[derive(Args)]
pub(crate) struct CiArgs {
    /// Also check that everything compiles for Windows and macOS, where the Rust targets and C compilers for them are
    #[arg(long)]
    all: bool,
    /// Build and test the trainer with the feature `mpi` too, which needs an MPI and libclang
    #[arg(long)]
    mpi: bool,
}

/// Formatting, dependencies, lints, documentation and tests; stops at the first that fails.
///
/// # Errors
/// If a check fails.
pub(crate) fn ci(args: &CiArgs) -> Result<()> {
    check(&["fmt", "--all", "--check"])?;
    if let Some(actionlint) = find_program("actionlint") {
        step(&mut Command::new(actionlint))?;
    } else {
        println!("\n== `actionlint`: not found on PATH, so the workflows are not checked");
    }
    if find_program("cargo-deny").is_some() {
        check(&["deny", "check", "--hide-inclusion-graph"])?;
    } else {
        println!(
            "\n== `cargo deny`: not found on PATH, so the dependencies are not checked (cargo install cargo-deny)"
        );
    }
    let mpi: &[&str] = if args.mpi {
        &["--features", "fourbar-trainer/mpi"]
    } else {
        &[]
    };
    let clippy = ["clippy", "--workspace", "--all-targets"];
    check(&[&clippy[..], mpi, &["--", "-D", "warnings"]].concat())?;
    check(&["doc", "--workspace", "--no-deps"])?;
    check(&[&["test", "--workspace"][..], mpi].concat())?;
    say_which_rust()?;
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

/// Says whether the checks above were those of the oldest Rust that the root manifest promises.
fn say_which_rust() -> Result<()> {
    let mut command = Command::new("rustc");
    let output = command.arg("--version").output();
    let output = output.with_context(|| format!("could not start {}", quoted(&command)))?;
    let version = String::from_utf8_lossy(&output.stdout);
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let is_oldest = version.starts_with(&format!("rustc {oldest}."));
    let verdict = if is_oldest { "is" } else { "is not" };
    println!(
        "\n== {} {verdict} the oldest Rust that is promised, {oldest}",
        version.trim()
    );
    Ok(())
}

fn check(arguments: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    step(&mut command)
}
