//! Runs the audio thread under LLVM's real-time sanitizer, which comes with the nightly compiler.
//!
//! What it watches are calls of the C library, so that nothing has to be compiled anew: its runtime becomes a library that
//! is loaded before C's, and the hosts of the tests tell it where the plugin's part of a block begins and ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::command::{cargo, nightly, quoted, repository, run, step};

/// Options of `cargo xtask rtsan`.
#[derive(Args)]
pub(crate) struct RtsanArgs {
    /// How many random transports are played, in CLAP and in VST3.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    transports: u32,
}

/// Plays random transports under the sanitizer.
///
/// # Errors
/// If there is no nightly compiler with it or no C compiler, or the audio thread calls what may wait.
pub(crate) fn rtsan(args: &RtsanArgs) -> Result<()> {
    let library = library(&repository().join("target/rtsan"))?;
    let runner = format!(
        "env LD_PRELOAD={} RTSAN_OPTIONS=symbolize=0",
        library.display()
    );
    let target = format!(
        "CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER",
        std::env::consts::ARCH.to_uppercase()
    );
    step(
        cargo()
            .args(["test", "--workspace", "--test", "fourbar", "real_time::no_"])
            .env(target, runner)
            .env("FOURBAR_TRANSPORTS", args.transports.to_string()),
    )
}

/// Makes the library in `folder`.
fn library(folder: &Path) -> Result<PathBuf> {
    let mut command = nightly("rustc");
    command.args(["--print", "target-libdir"]);
    let printed = command
        .output()
        .with_context(|| format!("could not start {}", quoted(&command)))?;
    let compiler = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    let runtime = compiler.join("librustc-nightly_rt.rtsan.a");
    ensure!(
        runtime.is_file(),
        "the sanitizer needs a nightly compiler that has it: rustup toolchain install nightly"
    );
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let (archive, library) = (folder.join("rtsan.a"), folder.join("librtsan.so"));
    fs::copy(&runtime, &archive).with_context(|| format!("copying {}", runtime.display()))?;
    // A program is initialised by this part, before its libraries are there; a library by `-init`.
    run(Command::new("ar")
        .arg("d")
        .arg(&archive)
        .arg("rtsan_preinit.cpp.o"))?;
    run(Command::new("cc")
        .args(["-shared", "-Wl,-init,__rtsan_init", "-Wl,--whole-archive"])
        .arg(&archive)
        .args(["-Wl,--no-whole-archive", "-lpthread", "-ldl", "-lm", "-o"])
        .arg(&library))?;
    Ok(library)
}
