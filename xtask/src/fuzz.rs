//! Runs the fuzz targets of `fuzz/`: hostile bytes for whatever reads a file, a state or a host's calls.

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::command::{find_program, nightly, repository, run};

/// Which targets are run, and for how long.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// The targets to run, such as midi; all if none is named
    #[arg(value_name = "TARGET", value_parser = TARGETS.map(|target| target.name))]
    targets: Vec<String>,
    /// How long each is run
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
    /// How many inputs each is given, however long that takes
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    executions: Option<u64>,
    /// What watches memory: none runs three times as many inputs in the same time
    #[arg(long, default_value = "address", value_parser = ["address", "none"])]
    sanitizer: String,
}

/// A fuzz target and the folders of inputs that it starts from.
struct Target {
    name: &'static str,
    seeds: &'static [&'static str],
    /// The longest input that is made; the seeds fit.
    max_bytes: u32,
}

const TARGETS: [Target; 8] = [
    Target {
        name: "midi",
        seeds: &["tests/fixtures/midi"],
        max_bytes: 1024,
    },
    Target {
        name: "archive",
        seeds: &["fuzz/seeds/archive"],
        max_bytes: 4096,
    },
    Target {
        name: "settings",
        seeds: &["trainer/presets", "model/maps"],
        max_bytes: 2048,
    },
    Target {
        name: "checkpoint",
        seeds: &["fuzz/seeds/checkpoint"],
        max_bytes: 20480,
    },
    Target {
        name: "import",
        seeds: &["fuzz/seeds/import"],
        max_bytes: 131072,
    },
    Target {
        name: "state",
        seeds: &["tests/fixtures/state"],
        max_bytes: 24576,
    },
    Target {
        name: "preset",
        seeds: &["fuzz/seeds/preset", "model/maps"],
        max_bytes: 1024,
    },
    Target {
        name: "host",
        seeds: &["fuzz/seeds/host"],
        max_bytes: 1024,
    },
];

/// Runs the targets one after the other; what they find of value is kept in `fuzz/corpus`, and what fails in
/// `fuzz/artifacts`.
///
/// # Errors
/// If cargo-fuzz or a nightly compiler is missing, or a target fails: the input is then the regression test to write.
pub(crate) fn fuzz(args: &FuzzArgs) -> Result<()> {
    if find_program("cargo-fuzz").is_none() {
        bail!(
            "fuzzing needs cargo-fuzz and a nightly compiler: cargo install cargo-fuzz, rustup toolchain install nightly"
        );
    }
    let is_asked_for = |target: &&Target| {
        args.targets.is_empty() || args.targets.iter().any(|name| name == target.name)
    };
    for target in TARGETS.iter().filter(is_asked_for) {
        let corpus = format!("fuzz/corpus/{}", target.name);
        fs::create_dir_all(repository().join(&corpus)).with_context(|| corpus.clone())?;
        let end = match args.executions {
            Some(n) => format!("-runs={n}"),
            None => format!("-max_total_time={}", args.seconds),
        };
        let mut command = nightly("cargo");
        command
            .args(["fuzz", "run", "--sanitizer", &args.sanitizer])
            .args([target.name, &corpus])
            .args(target.seeds)
            .args(["--", &end, &format!("-max_len={}", target.max_bytes)])
            .args(["-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"])
            // A drum map that was read is there as long as the program.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .current_dir(repository());
        println!("\n== {}", target.name);
        run(&mut command)?;
    }
    Ok(())
}
