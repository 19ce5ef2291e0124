//! A small model of a folder of loops, and a groove of it: `cargo run --release -p fourbar-trainer --example train_tiny [FOLDER]`.
//!
//! `fourbar train` does more: it validates, logs, keeps the best model and can be resumed. This is what happens inside of it.

#![expect(clippy::print_stdout, reason = "an example tells what it finds")]

use std::path::Path;

use anyhow::{Result, ensure};
use candle_core::Device;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::Example;
use fourbar_model::drums::DrumMap;
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use fourbar_model::vae::Vae;
use fourbar_trainer::data::{Dataset, Split};
use fourbar_trainer::learn::Learner;
use fourbar_trainer::reading::{Holdout, Reading};
use fourbar_trainer::settings::{Config, DEFAULT_PRESET};

/// A model that learns in seconds.
const SETTINGS: [&str; 3] = [
    "model.latent=16",
    "model.encoder.units=[64]",
    "model.decoder.units=[64]",
];
const BATCH: usize = 16;
const STEPS: usize = 200;
const OUTPUT: &str = "groove.mid";

fn main() -> Result<()> {
    let folder = std::env::args().nth(1);
    let folder = folder.as_deref().unwrap_or("tests/fixtures/midi");
    let config = Config::resolve(DEFAULT_PRESET, None, &SETTINGS.map(str::to_owned))?;
    let n_steps = config.model.n_steps;
    let reading = Reading {
        repeat_to: Some(n_steps),
        validation: Holdout::None,
        ..Reading::default()
    };
    let dataset = Dataset::load(Path::new(folder), &config.model.converter, reading)?;
    let windows = dataset.windows(Split::Train, n_steps, 1);
    ensure!(
        !windows.is_empty(),
        "no file in {folder} has {n_steps} steps of drums"
    );

    let mut noise = Noise::from_seed(config.train.seed);
    let mut learner = Learner::new(&config, &Device::Cpu)?;
    for step in 0..STEPS {
        let mut draw = || dataset.example(&windows[noise.below(windows.len())], None);
        let batch: Vec<Example> = (0..BATCH).map(|_| draw()).collect();
        let losses = learner.step(&batch)?;
        if step % 50 == 0 {
            println!("step {step}: {:.1} nats", losses.loss);
        }
    }

    let vae = Vae::new(&config.model, &learner.tensors()?, &Device::Cpu)?;
    let z = vae.draw(None, &mut noise);
    let groove = vae.generate_groove(&z, &Conditions::default(), 1.0, &mut noise)?;
    let pattern = groove.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), 9);
    std::fs::write(OUTPUT, midi::write(&notes, pattern.loop_beats(), 120.0))?;
    println!("{} hits, written to {OUTPUT}", groove.n_hits());
    Ok(())
}
