//! How long a groove takes to generate, and how that compares.
//!
//! `cargo bench -p fourbar-model --bench generate` times one 4-bar groove and a batch of 64, then plays them in turns
//! with the plain candle decoder and with PyTorch, so that whatever else the machine does hits all alike, and prints
//! the ratios. PyTorch is looked for in `python3`, or in the interpreter that `FOURBAR_PYTHON` names.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::unwrap_used, reason = "a failed benchmark is meant to stop")]

use candle_core::Device;
use criterion::{Criterion, criterion_group};
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, FORMAT_VERSION, Metadata};
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const BATCH: usize = 64;
const TEMPERATURE: f32 = 1.0;
/// Turns of the comparison; the medians are reported.
const N_TURNS: usize = 31;

criterion_group!(benches, generate);

fn main() {
    benches();
    // `cargo test` runs every benchmark once, without this argument, to see that it works.
    if std::env::args().any(|argument| argument == "--bench") {
        compare();
    }
    Criterion::default().configure_from_args().final_summary();
}

fn generate(criterion: &mut Criterion) {
    let vae = Vae::from_checkpoint(&untrained(), &Device::Cpu).unwrap();
    let mut inputs = Inputs::new(vae.config(), BATCH);
    criterion.bench_function("one 4-bar groove", |bencher| {
        bencher.iter(|| {
            vae.generate(
                &inputs.zs[0],
                &Conditions::default(),
                TEMPERATURE,
                &mut inputs.noises[0],
            )
            .unwrap()
        });
    });
    criterion.bench_function("64 4-bar grooves", |bencher| {
        bencher.iter(|| {
            vae.generate_batch(
                &inputs.zs,
                &inputs.conditions,
                TEMPERATURE,
                &mut inputs.noises,
            )
            .unwrap()
        });
    });
}

/// Plays all in turns and prints the medians per groove.
fn compare() {
    // As in the plugin: no thread pool but the caller's own thread, for every contender.
    gemm::set_threading_threshold(usize::MAX);
    let checkpoint = untrained();
    let config = &checkpoint.metadata.config;
    let fast = Vae::from_checkpoint(&checkpoint, &Device::Cpu).unwrap();
    let plain = Vae::new(config, &checkpoint.tensors, &Device::Cpu).unwrap();
    let mut peer = Peer::start();

    let mut seconds: BTreeMap<(usize, String), Vec<f64>> = BTreeMap::new();
    for _ in 0..N_TURNS {
        for batch in [1, BATCH] {
            for (name, vae) in [("fast", &fast), ("candle, stock operations", &plain)] {
                let mut inputs = Inputs::new(config, batch);
                let start = Instant::now();
                black_box(
                    vae.generate_batch(
                        &inputs.zs,
                        &inputs.conditions,
                        TEMPERATURE,
                        &mut inputs.noises,
                    )
                    .unwrap(),
                );
                seconds
                    .entry((batch, name.to_owned()))
                    .or_default()
                    .push(start.elapsed().as_secs_f64());
            }
        }
        if let Some(peer) = &mut peer {
            for (name, batch) in peer.variants.clone() {
                let name_here = format!("{}, {name}", peer.version);
                seconds
                    .entry((batch, name_here))
                    .or_default()
                    .push(peer.time(&name, batch));
            }
        }
    }
    let medians: Vec<_> = seconds
        .into_iter()
        .map(|(key, seconds)| (key, median(seconds)))
        .collect();
    report(&medians);
}

fn report(medians: &[((usize, String), f64)]) {
    let fast = |of: usize| {
        medians
            .iter()
            .find(|((batch, name), _)| *batch == of && name == "fast")
            .unwrap()
            .1
    };
    for batch in [1, BATCH] {
        println!("\n{batch} at a time, medians of {N_TURNS} turns");
        println!("{:>12} {:>9}  decoder", "ms a groove", "x fast");
        for ((_, name), seconds) in medians.iter().filter(|((of, _), _)| *of == batch) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let each = seconds * 1e3 / batch as f64;
            println!("{each:>12.3} {:>9.2}  {name}", seconds / fast(batch));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let saving = fast(1) * BATCH as f64 / fast(BATCH);
    println!("\na groove of {BATCH} costs 1/{saving:.1} of a single one");
    let peers = medians
        .iter()
        .filter(|((batch, name), _)| *batch == 1 && name.starts_with("PyTorch"));
    if let Some(best) = peers.map(|(_, seconds)| *seconds).min_by(f64::total_cmp) {
        println!(
            "one groove is {:.1} x faster than PyTorch's best",
            best / fast(1)
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Latents and noise, the same in every run.
struct Inputs {
    zs: Vec<Vec<f32>>,
    conditions: Vec<Conditions>,
    noises: Vec<Noise>,
}

impl Inputs {
    fn new(config: &ModelConfig, batch: usize) -> Self {
        let mut noises: Vec<Noise> = (0..).map(Noise::from_seed).take(batch).collect();
        let zs = noises
            .iter_mut()
            .map(|noise| noise.normals(config.latent))
            .collect();
        Self {
            zs,
            conditions: vec![Conditions::default(); batch],
            noises,
        }
    }
}

/// A model of the shipped size: the time does not depend on what was learned.
fn untrained() -> Checkpoint {
    let config = ModelConfig::flat_groove("groovae_4bar", 64, 256, vec![512], vec![256, 256]);
    let mut noise = Noise::from_seed(1);
    let tensors = Vae::initial_tensors(&config, &mut noise).unwrap();
    let mus: Vec<Vec<f32>> = (0..8).map(|_| noise.normals(config.latent)).collect();
    let metadata = Metadata {
        format_version: FORMAT_VERSION,
        drum_map: "td11".to_owned(),
        dataset: DatasetCard {
            name: "none".to_owned(),
            licence: String::new(),
            attribution: String::new(),
            sha256: String::new(),
        },
        command: String::new(),
        seed: 1,
        step: 0,
        epochs: 0.0,
        metrics: serde_json::Value::Null,
        latent: LatentMap::fit(&mus, &vec![None; mus.len()], 8),
        attributes: BTreeMap::new(),
        config,
    };
    // Saved and loaded, its weights are halves, as those of every checkpoint.
    Checkpoint::from_bytes(
        &Checkpoint { metadata, tensors }.to_bytes().unwrap(),
        "untrained",
    )
    .unwrap()
}

/// PyTorch, in a process of its own that decodes when it is told to.
struct Peer {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    version: String,
    variants: Vec<(String, usize)>,
}

impl Peer {
    /// `None`, with a word about it, where there is no Python or no PyTorch.
    fn start() -> Option<Self> {
        let python = std::env::var("FOURBAR_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has_torch = Command::new(&python)
            .args(["-c", "import torch"])
            .stderr(Stdio::null())
            .status();
        if !has_torch.is_ok_and(|status| status.success()) {
            println!(
                "\n`{python}` has no PyTorch, which is left out: `pip install torch`, or set FOURBAR_PYTHON"
            );
            return None;
        }
        println!("\nstarting PyTorch; compiling its decoder takes a minute or two");
        let mut process = Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/benches/peers/decode.py"
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut peer = Self {
            process,
            requests,
            answers,
            version: String::new(),
            variants: Vec::new(),
        };
        peer.version = peer.line();
        loop {
            let line = peer.line();
            let Some((name, batch)) = line.split_once('\t') else {
                break;
            };
            peer.variants
                .push((name.to_owned(), batch.parse().unwrap()));
        }
        Some(peer)
    }

    /// Seconds of one decode of `batch` grooves.
    fn time(&mut self, variant: &str, batch: usize) -> f64 {
        writeln!(self.requests.as_mut().unwrap(), "{variant}\t{batch}").unwrap();
        self.line().parse().unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        self.requests = None;
        self.process.wait().unwrap();
    }
}
