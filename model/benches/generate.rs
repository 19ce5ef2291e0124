//! How long a groove takes to generate, and how that compares.
//!
//! `cargo bench -p fourbar-model --bench generate` times one 4-bar groove, a batch of 64, and where in the latent space
//! a groove lies, for two models. Then it plays grooves in turns with the plain candle decoder and with PyTorch, so that
//! whatever else the machine does hits all alike, and prints the ratios. PyTorch is looked for in `python3`, or in the
//! interpreter that `FOURBAR_PYTHON` names. The name of a model after `--` picks it.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::unwrap_used, reason = "a failed benchmark is meant to stop")]

mod peers;

use candle_core::{Device, Tensor};
use criterion::{Criterion, criterion_group};
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, FORMAT_VERSION, Metadata};
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use peers::Peer;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// The presets that the plugin plays, each with a peer of its name.
const MODELS: [&str; 2] = ["groovae_4bar", "fourbar"];
const BATCH: usize = 64;
const TEMPERATURE: f32 = 1.0;
/// Turns of the comparison; the medians are reported.
const N_TURNS: usize = 31;

criterion_group!(benches, generate);

fn main() {
    benches();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` runs every benchmark once, without this argument, to see that it works.
    if arguments.iter().any(|argument| argument == "--bench") {
        let is_model = |argument: &&String| MODELS.contains(&argument.as_str());
        let picked: Vec<&String> = arguments.iter().filter(is_model).collect();
        for model in MODELS {
            if picked.is_empty() || picked.iter().any(|picked| *picked == model) {
                compare(model);
            }
        }
    }
    Criterion::default().configure_from_args().final_summary();
}

fn generate(criterion: &mut Criterion) {
    // As in the plugin: no thread pool but the caller's own thread, for every contender.
    gemm::set_threading_threshold(usize::MAX);
    for model in MODELS {
        let vae = Vae::from_checkpoint(&untrained(model), &Device::Cpu).unwrap();
        let mut inputs = Inputs::new(vae.config(), BATCH);
        criterion.bench_function(&format!("{model}: one 4-bar groove"), |bencher| {
            bencher.iter(|| {
                let (z, noise) = (&inputs.zs[0], &mut inputs.noises[0]);
                vae.generate(z, &Conditions::default(), TEMPERATURE, noise)
                    .unwrap()
            });
        });
        criterion.bench_function(&format!("{model}: 64 4-bar grooves"), |bencher| {
            bencher.iter(|| inputs.generate(&vae));
        });
        let n_steps = vae.config().n_steps;
        let rows = Noise::from_seed(1).uniforms(n_steps * vae.config().encoder_input());
        let rows = Tensor::from_vec(rows, (1, n_steps, ()), &Device::Cpu).unwrap();
        criterion.bench_function(&format!("{model}: posterior of a groove"), |bencher| {
            bencher.iter(|| vae.encode(&rows, &[Conditions::default()]).unwrap());
        });
    }
}

/// Plays all in turns and prints the medians per groove.
fn compare(model: &str) {
    let checkpoint = untrained(model);
    let config = &checkpoint.metadata.config;
    let fast = Vae::from_checkpoint(&checkpoint, &Device::Cpu).unwrap();
    let plain = Vae::new(config, &checkpoint.tensors, &Device::Cpu).unwrap();
    let (mut peer, variants) = peer(model);

    let mut seconds: BTreeMap<(usize, String), Vec<f64>> = BTreeMap::new();
    for _ in 0..N_TURNS {
        for batch in [1, BATCH] {
            for (name, vae) in [("fast", &fast), ("candle, stock operations", &plain)] {
                let mut inputs = Inputs::new(config, batch);
                let start = Instant::now();
                black_box(inputs.generate(vae));
                seconds
                    .entry((batch, name.to_owned()))
                    .or_default()
                    .push(start.elapsed().as_secs_f64());
            }
        }
        if let Some(peer) = &mut peer {
            for (name, batch) in &variants {
                let name_here = format!("{}, {name}", peer.version);
                let answer = peer.ask(&format!("{name}\t{batch}"));
                seconds
                    .entry((*batch, name_here))
                    .or_default()
                    .push(answer.parse().unwrap());
            }
        }
    }
    let medians: Vec<_> = seconds
        .into_iter()
        .map(|(key, seconds)| (key, median(seconds)))
        .collect();
    println!("\n{model}, medians of {N_TURNS} turns");
    report(&medians);
}

/// The decoder of a model in PyTorch, and name and batch size of each variant that works here.
fn peer(model: &str) -> (Option<Peer>, Vec<(String, usize)>) {
    println!("\ncompiling the peers of {model} takes a minute or two");
    let script = format!("{}/benches/peers/{model}.py", env!("CARGO_MANIFEST_DIR"));
    let mut peer = Peer::start(&script, &[]);
    let mut variants = Vec::new();
    if let Some(peer) = &mut peer {
        while let Some((name, batch)) = peer.line().split_once('\t') {
            variants.push((name.to_owned(), batch.parse().unwrap()));
        }
    }
    (peer, variants)
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
        println!("\n{batch} at a time");
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

    fn generate(&mut self, vae: &Vae) -> Vec<Rows> {
        let (zs, conditions) = (&self.zs, &self.conditions);
        vae.generate_batch(zs, conditions, TEMPERATURE, &mut self.noises)
            .unwrap()
    }
}

/// The model of a preset with random weights: the time does not depend on what was learned.
fn untrained(preset: &str) -> Checkpoint {
    let config = config(preset);
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

/// The model of a preset.
fn config(preset: &str) -> ModelConfig {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../trainer/presets");
    let text = std::fs::read_to_string(format!("{folder}/{preset}.toml")).unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    let model = table["model"].as_table_mut().unwrap();
    model.insert("preset".to_owned(), preset.into());
    model.clone().try_into().unwrap()
}
