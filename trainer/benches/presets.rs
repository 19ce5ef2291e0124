//! Whether every preset can be built and trained at its full size, and how long one example takes.
//!
//! `cargo bench -p fourbar-trainer --bench presets` builds every preset as it is, makes one optimisation step on one
//! example, and prints the times beside those of groovae_4bar in the same run. Names given after `--` pick presets.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::unwrap_used, reason = "a failed benchmark is meant to stop")]

use candle_core::Device;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::Example;
use fourbar_model::noise::Noise;
use fourbar_model::rows::RowLayout;
use fourbar_trainer::learn::Learner;
use fourbar_trainer::settings::{Config, DEFAULT_PRESET};
use std::time::Instant;

/// Scheduled sampling starts by hardly ever sampling, and then every step runs on its own.
const N_STEPS: usize = 2;

fn main() {
    let names: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let peer = measure(&Config::preset(DEFAULT_PRESET).unwrap());
    println!(
        "{:<46} {:>12} {:>9} {:>9} {:>14}",
        "preset", "parameters", "build, s", "step, s", "x groovae_4bar"
    );
    for config in Config::presets().unwrap() {
        let name = &config.model.preset;
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        let own = measure(&config);
        println!(
            "{name:<46} {:>12} {:>9.2} {:>9.2} {:>14.1}",
            own.n_parameters,
            own.build_seconds,
            own.step_seconds,
            own.step_seconds / peer.step_seconds
        );
    }
}

struct Measured {
    n_parameters: usize,
    build_seconds: f64,
    step_seconds: f64,
}

fn measure(config: &Config) -> Measured {
    let start = Instant::now();
    let mut learner = Learner::new(config, &Device::Cpu).unwrap();
    let build_seconds = start.elapsed().as_secs_f64();
    let example = example(config);
    let start = Instant::now();
    for _ in 0..N_STEPS {
        let losses = learner.step(std::slice::from_ref(&example)).unwrap();
        assert!(losses.loss.is_finite());
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let step_seconds = start.elapsed().as_secs_f64() / N_STEPS as f64;
    Measured {
        n_parameters: config.model.n_parameters(),
        build_seconds,
        step_seconds,
    }
}

/// Noise of the right layout: the time does not depend on what is learned.
fn example(config: &Config) -> Example {
    let mut noise = Noise::from_seed(1);
    let model = &config.model;
    let mut rows = |layout: RowLayout| layout.read(&noise.uniforms(model.n_steps * layout.width()));
    Example {
        input: rows(model.converter.input()),
        output: rows(model.converter.output()),
        conditions: Conditions::of_controls(model.converter.controls().map(rows)),
    }
}
