//! How long a training step takes, and how that compares.
//!
//! `cargo bench -p fourbar-trainer --bench step` takes turns with PyTorch at making steps of two models on batches of
//! 64, so that whatever else the machine does hits both alike, and prints the ratios of time and of memory. Then it
//! times steps by themselves. The name of a model after `--` picks it. PyTorch is looked for in `python3`, or in the
//! interpreter that `FOURBAR_PYTHON` names; `FOURBAR_BENCH_THREADS` (1) is the number of threads of both, and with
//! `--features cuda`, `FOURBAR_BENCH_DEVICE=cuda` has both on the GPU, in single precision. glibc's
//! `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_`, set to some 10⁹, save PyTorch a third of its time; Fourbar does
//! without.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::unwrap_used, reason = "a failed benchmark is meant to stop")]

#[path = "../../model/benches/peers/mod.rs"]
mod peers;

use candle_core::Device;
use criterion::{Criterion, SamplingMode};
use fourbar_model::converter::Example;
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;
use fourbar_model::rows::{RowLayout, Rows};
use fourbar_trainer::learn::Learner;
use fourbar_trainer::settings::Config;
use peers::Peer;
use std::process::Command;
use std::time::Instant;

/// Presets of grooves, each with a peer of its name.
const MODELS: [&str; 2] = ["groovae_4bar", "fourbar"];
const BATCH: usize = 64;
/// Turns of the comparison; the medians are reported.
const N_TURNS: usize = 11;

fn main() {
    let threads = threads();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_picked = |model: &&&str| arguments.iter().any(|argument| argument == **model);
    let picked: Vec<&str> = MODELS.iter().filter(is_picked).copied().collect();
    // candle takes its number of threads from the environment alone, and by default it is that of the processor. A
    // process for each model has a largest memory for each.
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        for model in MODELS {
            if picked.is_empty() || picked.contains(&model) {
                let options = arguments.iter().filter(|option| option.starts_with('-'));
                let status = Command::new(std::env::current_exe().unwrap())
                    .arg(model)
                    .args(options)
                    .env("CANDLE_NUM_THREADS", threads.to_string())
                    .status();
                assert!(status.unwrap().success(), "{model}");
            }
        }
        return;
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    for model in picked {
        // `cargo test` runs every benchmark once, without this argument, to see that it works.
        if arguments.iter().any(|argument| argument == "--bench") {
            compare(model, threads);
        }
        step(model, &mut criterion);
    }
    criterion.final_summary();
}

fn threads() -> usize {
    std::env::var("FOURBAR_BENCH_THREADS").map_or(1, |threads| threads.parse().unwrap())
}

fn device() -> Device {
    if device_name() == "cuda" {
        Device::new_cuda(0).unwrap()
    } else {
        Device::Cpu
    }
}

fn device_name() -> String {
    std::env::var("FOURBAR_BENCH_DEVICE").unwrap_or_else(|_| "cpu".to_owned())
}

/// A model before its first step, and a batch of random grooves under its preset's conditions.
fn learner(model: &str) -> (Learner, Vec<Example>) {
    let config = Config::preset(model).unwrap();
    let learner = Learner::new(&config, &device()).unwrap();
    let mut noise = Noise::from_seed(1);
    let example = |_| {
        let groove = groove(config.model.n_steps, &mut noise);
        let fills = vec![false; groove.n_steps() / STEPS_PER_BAR];
        let conditions = &config.train.conditions;
        let conditions = conditions.draw(&groove, None, 120.0, Some(fills), &mut noise);
        let rows = Rows::of_numbers(RowLayout::Groove { drums: 9 }, groove.to_rows());
        Example {
            input: rows.clone(),
            output: rows,
            conditions,
        }
    };
    let examples = (0..BATCH).map(example).collect();
    (learner, examples)
}

/// As many hits as drummers play.
fn groove(n_steps: usize, noise: &mut Noise) -> Groove {
    let mut groove = Groove::empty(n_steps);
    for step in 0..n_steps {
        for voice in Voice::ALL {
            if noise.uniform() < 0.13 {
                let (velocity, offset) = (noise.uniform(), noise.uniform() - 0.49);
                groove.set(step, voice, Some(Cell { velocity, offset }));
            }
        }
    }
    groove
}

fn step(model: &str, criterion: &mut Criterion) {
    let (mut learner, grooves) = learner(model);
    let mut group = criterion.benchmark_group("training");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function(format!("{model}: one step of 64 grooves"), |bencher| {
        bencher.iter(|| learner.step(&grooves).unwrap());
    });
}

fn compare(model: &str, threads: usize) {
    let script = format!("{}/benches/peers/{model}.py", env!("CARGO_MANIFEST_DIR"));
    let arguments = [BATCH.to_string(), threads.to_string(), device_name()];
    let Some(mut peer) = Peer::start(&script, &arguments) else {
        return;
    };
    let (mut learner, grooves) = learner(model);
    let (mut ours, mut theirs, mut their_memory) = (Vec::new(), Vec::new(), 0.0);
    // The first turn warms up.
    for turn in 0..=N_TURNS {
        let start = Instant::now();
        learner.step(&grooves).unwrap();
        let our_seconds = start.elapsed().as_secs_f64();
        let answer = peer.ask("");
        let (their_seconds, memory) = answer.split_once(' ').unwrap();
        if turn > 0 {
            ours.push(our_seconds);
            theirs.push(their_seconds.parse().unwrap());
        }
        their_memory = memory.parse().unwrap();
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "\n{model}: a training step of {BATCH} grooves on the {} with {threads} thread(s), medians of {N_TURNS} turns",
        device_name()
    );
    println!("{:>10.3} s  Fourbar", ours);
    println!(
        "{:>10.3} s  {}: {:.2} x ours",
        theirs,
        peer.version,
        theirs / ours
    );
    if let Some(our_memory) = peak_memory() {
        println!("{our_memory:>8.0} MiB  Fourbar, largest memory of the process");
        let ratio = our_memory / their_memory;
        println!(
            "{their_memory:>8.0} MiB  {}: ours is {ratio:.2} of it",
            peer.version
        );
    }
}

/// Largest memory of this process so far, in MiB, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
