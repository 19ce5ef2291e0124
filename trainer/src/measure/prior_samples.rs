//! Samples of a model's prior.

use super::decoding::BATCH;
use super::held_out::{self, HeldOut};
use anyhow::Context as _;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;

/// Temperature of the samples.
pub(super) const TEMPERATURE: f32 = 1.0;

/// `n_samples` grooves decoded from the prior at [`TEMPERATURE`]; `None` if the model plays no drums of the nine.
///
/// # Errors
/// If the network fails.
pub(super) fn sampled_grooves(
    vae: &Vae,
    held_out: &HeldOut,
    n_samples: usize,
    seed: u64,
) -> anyhow::Result<Option<Vec<Groove>>> {
    if held_out.grooves.is_none() {
        return Ok(None);
    }
    let mut grooves: Vec<Groove> = Vec::with_capacity(n_samples);
    let samples: Vec<usize> = (0..n_samples).collect();
    for batch in samples.chunks(BATCH) {
        let rows = sample_prior(vae, held_out, batch, seed)?;
        grooves.extend(held_out::grooves(vae.config(), rows.iter()).unwrap_or_default());
    }
    Ok(Some(grooves))
}

/// What the model plays at [`TEMPERATURE`]: number i is the sequence of the seed `seed` + i, in the plugin as in
/// `fourbar generate`. Conditional models take the controls of one held-out example after the other.
pub(super) fn sample_prior(
    vae: &Vae,
    held_out: &HeldOut,
    samples: &[usize],
    seed: u64,
) -> anyhow::Result<Vec<Rows>> {
    let mut noises: Vec<Noise> = samples
        .iter()
        .map(|sample| Noise::from_seed(seed.wrapping_add(*sample as u64)))
        .collect();
    let zs: Vec<Vec<f32>> = noises
        .iter_mut()
        .map(|noise| vae.draw(None, noise))
        .collect();
    let conditions: Vec<Conditions> = samples
        .iter()
        .map(|sample| {
            held_out.examples[sample % held_out.len()]
                .conditions
                .clone()
        })
        .collect();
    vae.generate_batch(&zs, &conditions, TEMPERATURE, &mut noises)
        .context("decoding samples of the prior")
}
