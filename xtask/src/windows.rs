//! Windows on another system: packs what its users download, built with MinGW, and runs the tests where Wine is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::command::{cargo, find_program, has_target, repository, step};
use crate::dist::dist_for;

/// The target, and the C compiler that links for it.
pub(crate) const TARGET: &str = "x86_64-pc-windows-gnu";
pub(crate) const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// What Debian's Wine 8 lacks and Rust's standard library asks for random numbers, from what it has.
const PRIMITIVES: &str = include_str!("windows/bcryptprimitives.c");

/// Which tests are run.
#[derive(Args)]
pub(crate) struct WindowsArgs {
    /// Run only the tests whose names contain one of these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The root manifest's profile to build with: `quick` is compiled soon and runs slowly
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Packs the plugin and the command for Windows and runs their tests under Wine, in the same profile, so that what both need
/// is compiled once; says what was not run.
///
/// # Errors
/// If the Rust target or the C compiler is missing, a build fails, or a test does.
pub(crate) fn windows(args: &WindowsArgs) -> Result<()> {
    if !has_target(TARGET)? {
        bail!("Rust lacks {TARGET}: rustup target add {TARGET}");
    }
    if find_program(COMPILER).is_none() {
        bail!(
            "{COMPILER} is not on PATH: install MinGW's C compiler (gcc-mingw-w64-x86-64 on Debian)"
        );
    }
    let target = TARGET.parse().map_err(anyhow::Error::msg)?;
    dist_for(&target, &args.profile, &[])?;
    step(tests(&args.profile).arg("--no-run"))?;

    let Some(wine) = find_wine() else {
        println!("\nEverything compiles for Windows. No test was run: there is no Wine here.");
        return Ok(());
    };
    let Some(screen) = Screen::find() else {
        println!(
            "\nEverything compiles for Windows. No test was run: Wine's windows need a screen, and there is neither one nor \
             xvfb-run."
        );
        return Ok(());
    };
    let prefix = prepare(&wine)?;
    let mut command = screen.show(tests(&args.profile));
    command
        .args(["--no-fail-fast", "--"])
        .args(&args.names)
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", &wine)
        .env("WINEPREFIX", &prefix)
        .env("WINEDEBUG", "-all");
    step(&mut command)?;
    println!("\nEverything compiles for Windows, and its tests pass under Wine. Not run there:");
    println!("- xtask's tests, which start this system's cargo, and the examples in documentation");
    println!("- what only Linux has: the editor on X11, and the cost of idle instances");
    Ok(())
}

/// The command that builds and runs the tests.
fn tests(profile: &str) -> Command {
    let mut command = cargo();
    command
        .args(["test", "--profile", profile, "--target", TARGET])
        .args(["--workspace", "--lib", "--test", "fourbar"]);
    command
}

fn find_wine() -> Option<PathBuf> {
    // Debian keeps it beside the libraries until the package with the scripts is there.
    let beside = || Some(PathBuf::from("/usr/lib/wine/wine64")).filter(|path| path.is_file());
    find_program("wine64")
        .or_else(|| find_program("wine"))
        .or_else(beside)
}

/// Where Wine's windows are shown.
enum Screen {
    /// On the one that is there.
    Real,
    /// On one that `xvfb-run` makes for a command.
    Virtual(PathBuf),
}

impl Screen {
    fn find() -> Option<Self> {
        if std::env::var_os("DISPLAY").is_some() {
            return Some(Self::Real);
        }
        find_program("xvfb-run").map(Self::Virtual)
    }

    fn show(&self, command: Command) -> Command {
        let Self::Virtual(xvfb_run) = self else {
            return command;
        };
        let mut wrapped = Command::new(xvfb_run);
        wrapped.arg("--auto-servernum").arg(command.get_program());
        wrapped.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        wrapped
    }
}

/// A Windows of our own for Wine, in the target folder.
fn prepare(wine: &Path) -> Result<PathBuf> {
    let prefix = repository().join("target/wine");
    fs::create_dir_all(&prefix).with_context(|| format!("creating {}", prefix.display()))?;
    let system = prefix.join("drive_c/windows/system32");
    if !system.is_dir() {
        let mut command = Command::new(wine);
        command
            .args(["wineboot", "--init"])
            .env("WINEPREFIX", &prefix)
            .env("WINEDEBUG", "-all");
        step(&mut command)?;
    }
    let library = system.join("bcryptprimitives.dll");
    if !library.exists() {
        let source = prefix.join("bcryptprimitives.c");
        fs::write(&source, PRIMITIVES).with_context(|| format!("writing {}", source.display()))?;
        let mut command = Command::new(COMPILER);
        command
            .args(["-shared", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ladvapi32");
        step(&mut command)?;
    }
    Ok(prefix)
}
