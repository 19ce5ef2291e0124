//! Held-out sequences through the network: decoded freely running and teacher-forced.

use super::elbo::Costs;
use super::held_out::HeldOut;
use crate::models;
use anyhow::Context as _;
use candle_core::{Device, Tensor};
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::{Batch, Example};
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;

/// Sequences that go through the network together.
pub(super) const BATCH: usize = 64;

/// How the decoder chooses its rows when it runs freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choosing {
    /// The most likely ones: temperature 0.
    MostLikely,
    /// Drawn at temperature 1, every sequence by noise of its own.
    Sampled {
        /// Picks the noise.
        seed: u64,
    },
}

/// What the decoder makes of held-out sequences, running freely: one for each, from its posterior's mean.
///
/// # Errors
/// If the network fails on its device.
pub(super) fn play_back(
    vae: &Vae,
    held_out: &HeldOut,
    choosing: Choosing,
) -> anyhow::Result<Vec<Rows>> {
    // At temperature 0 the noise decides nothing.
    let (temperature, seed) = match choosing {
        Choosing::MostLikely => (0.0, 0),
        Choosing::Sampled { seed } => (1.0, seed),
    };
    let mut played = Vec::with_capacity(held_out.len());
    for examples in held_out.examples.chunks(BATCH) {
        let zs = means(vae, examples)?;
        let conditions: Vec<Conditions> = examples
            .iter()
            .map(|example| example.conditions.clone())
            .collect();
        let places = played.len()..played.len() + examples.len();
        let mut noises: Vec<Noise> = places.map(|place| Noise::of_sample(seed, place)).collect();
        played.extend(
            vae.generate_batch(&zs, &conditions, temperature, &mut noises)
                .context("decoding held-out examples")?,
        );
    }
    Ok(played)
}

/// The posterior's mean of each example, `[latent]` each.
///
/// # Errors
/// If the network fails on its device.
pub(super) fn means(vae: &Vae, examples: &[Example]) -> anyhow::Result<Vec<Vec<f32>>> {
    models::posterior_means(vae, examples, BATCH, Example::clone)
}

/// What the decoder makes of held-out sequences, teacher-forced, and what they cost.
pub(super) struct Forced {
    /// The most likely rows, from the posterior's mean.
    pub(super) played: Vec<Rows>,
    /// What each sequence costs, from a sample of the posterior.
    pub(super) costs: Costs,
}

impl Forced {
    /// Goes through all of `held_out`; `seed` picks the samples of the posterior.
    ///
    /// # Errors
    /// If the network fails on its device.
    pub(super) fn of(vae: &Vae, held_out: &HeldOut, seed: u64) -> anyhow::Result<Self> {
        let mut noise = Noise::from_seed(seed);
        let mut forced = Self {
            played: Vec::with_capacity(held_out.len()),
            costs: Costs::new(vae.config()),
        };
        let layout = vae.config().converter.output();
        for examples in held_out.examples.chunks(BATCH) {
            let batch = Batch::new(examples, vae.device())?;
            let posterior = vae
                .encode(&batch.input, &batch.conditions)
                .context("encoding held-out examples")?;
            let rows = vae
                .decoder()
                .most_likely(&outputs(vae, &batch, &posterior.mu)?)?;
            let width = rows.dim(1)? * rows.dim(2)?;
            let numbers: Vec<f32> = rows
                .to_device(&Device::Cpu)?
                .contiguous()?
                .flatten_all()?
                .to_vec1()?;
            let sequences = numbers.chunks_exact(width);
            forced
                .played
                .extend(sequences.map(|numbers| layout.read(numbers)));

            let shape = posterior.mu.dims2()?;
            let eps = Tensor::from_vec(noise.normals(shape.0 * shape.1), shape, vae.device())?;
            let outputs = outputs(vae, &batch, &posterior.sample(&eps)?)?;
            let costs = &mut forced.costs;
            costs.add(vae, &outputs, &batch.output, &batch.conditions, &posterior)?;
        }
        Ok(forced)
    }
}

/// What the decoder says of every row of a batch's output when it knows the rows before it.
fn outputs(vae: &Vae, batch: &Batch, z: &Tensor) -> candle_core::Result<Vec<Tensor>> {
    vae.decoder()
        .teacher_forced(&batch.output, z, &batch.conditions, &mut Dropout::off())
}
