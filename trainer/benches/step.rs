//! How long a training step takes, and how that compares.
//!
//! `cargo bench -p fourbar-trainer --bench step` times a step of groovae_4bar on a batch of 64, then takes turns with
//! PyTorch, so that whatever else the machine does hits both alike, and prints the ratios of time and of memory.
//! PyTorch is looked for in `python3`, or in the interpreter that `FOURBAR_PYTHON` names; `FOURBAR_BENCH_THREADS` (1)
//! is the number of threads of both. glibc's `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_`, set to some 10⁹,
//! save PyTorch a third of its time; Fourbar does without.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::unwrap_used, reason = "a failed benchmark is meant to stop")]

use candle_core::Device;
use criterion::{Criterion, SamplingMode, criterion_group};
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::Example;
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::noise::Noise;
use fourbar_model::rows::{RowLayout, Rows};
use fourbar_trainer::config::{Config, DEFAULT_PRESET};
use fourbar_trainer::learner::Learner;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const BATCH: usize = 64;
/// Turns of the comparison; the medians are reported.
const N_TURNS: usize = 11;

criterion_group!(benches, step);

fn main() {
    let threads = threads();
    // candle takes its number of threads from the environment alone, and by default it is that of the processor.
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(std::env::args_os().skip(1))
            .env("CANDLE_NUM_THREADS", threads.to_string())
            .status();
        std::process::exit(status.unwrap().code().unwrap_or(1));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .unwrap();
    compare(threads);
    benches();
    Criterion::default().configure_from_args().final_summary();
}

fn threads() -> usize {
    std::env::var("FOURBAR_BENCH_THREADS").map_or(1, |threads| threads.parse().unwrap())
}

fn learner() -> (Learner, Vec<Example>) {
    let learner = Learner::new(&Config::preset(DEFAULT_PRESET).unwrap(), &Device::Cpu).unwrap();
    let mut noise = Noise::from_seed(1);
    let mut groove = || {
        let mut groove = Groove::empty(64);
        for step in 0..64 {
            for voice in Voice::ALL {
                if noise.uniform() < 0.13 {
                    let (velocity, offset) = (noise.uniform(), noise.uniform() - 0.49);
                    groove.set(step, voice, Some(Cell { velocity, offset }));
                }
            }
        }
        let rows = Rows::of_numbers(RowLayout::Groove { drums: 9 }, groove.to_rows());
        Example {
            input: rows.clone(),
            output: rows,
            conditions: Conditions::default(),
        }
    };
    let examples = (0..BATCH).map(|_| groove()).collect();
    (learner, examples)
}

fn step(criterion: &mut Criterion) {
    let (mut learner, grooves) = learner();
    let mut group = criterion.benchmark_group("training");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("one step of 64 grooves", |bencher| {
        bencher.iter(|| learner.step(&grooves).unwrap());
    });
}

fn compare(threads: usize) {
    let Some(mut peer) = Peer::start(threads) else {
        return;
    };
    let (mut learner, grooves) = learner();
    let (mut ours, mut theirs, mut their_memory) = (Vec::new(), Vec::new(), 0.0);
    // The first turn warms up.
    for turn in 0..=N_TURNS {
        let start = Instant::now();
        learner.step(&grooves).unwrap();
        let our_seconds = start.elapsed().as_secs_f64();
        let (their_seconds, memory) = peer.step();
        if turn > 0 {
            ours.push(our_seconds);
            theirs.push(their_seconds);
        }
        their_memory = memory;
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "\na training step of {BATCH} grooves on {threads} thread(s), medians of {N_TURNS} turns"
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

/// PyTorch, in a process of its own that makes a step when it is told to.
struct Peer {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    version: String,
}

impl Peer {
    /// `None`, with a word about it, where there is no Python or no PyTorch.
    fn start(threads: usize) -> Option<Self> {
        let python = std::env::var("FOURBAR_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(&python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/benches/peers/step.py"
            ))
            .args([BATCH.to_string(), threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut answers = BufReader::new(process.stdout.take()?);
        let mut version = String::new();
        answers.read_line(&mut version).ok()?;
        if version.is_empty() {
            println!(
                "`{python}` has no PyTorch, which is left out: `pip install torch`, or set FOURBAR_PYTHON"
            );
            return None;
        }
        let requests = process.stdin.take();
        Some(Self {
            process,
            requests,
            answers,
            version: version.trim_end().to_owned(),
        })
    }

    /// Seconds of one more step, and the largest memory of the process so far, in MiB.
    fn step(&mut self) -> (f64, f64) {
        writeln!(self.requests.as_mut().unwrap()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (seconds, memory) = line.trim_end().split_once(' ').unwrap();
        (seconds.parse().unwrap(), memory.parse().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        self.requests = None;
        self.process.wait().unwrap();
    }
}
