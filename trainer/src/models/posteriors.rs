//! Where examples lie in the latent space of a model.

use anyhow::{Context as _, Result};
use candle_core::{Device, Tensor};
use fourbar_model::converter::{Batch, Example};
use fourbar_model::vae::Vae;
use rayon::prelude::*;

/// Mean and standard deviation of the posterior of every item's example, `[latent]` each; `batch_size` items go through
/// the network together, and batches on every core.
///
/// # Errors
/// If the network fails on its device.
pub fn posteriors<T: Sync>(
    vae: &Vae,
    items: &[T],
    batch_size: usize,
    example: impl Fn(&T) -> Example + Sync,
) -> Result<Vec<[Vec<f32>; 2]>> {
    let numbers = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_vec2::<f32>();
    let encode = |items: &[T]| -> Result<Vec<[Vec<f32>; 2]>> {
        let examples: Vec<Example> = items.iter().map(&example).collect();
        let batch = Batch::new(&examples, vae.device())?;
        let posterior = vae
            .encode(&batch.input, &batch.conditions)
            .context("encoding examples")?;
        let pairs = numbers(&posterior.mu)?
            .into_iter()
            .zip(numbers(&posterior.sigma)?);
        Ok(pairs.map(|(mean, deviation)| [mean, deviation]).collect())
    };
    let batches = items.par_chunks(batch_size).map(encode);
    Ok(batches.collect::<Result<Vec<_>>>()?.concat())
}

/// The means of [`posteriors`].
///
/// # Errors
/// As there.
pub fn posterior_means<T: Sync>(
    vae: &Vae,
    items: &[T],
    batch_size: usize,
    example: impl Fn(&T) -> Example + Sync,
) -> Result<Vec<Vec<f32>>> {
    let posteriors = posteriors(vae, items, batch_size, example)?;
    Ok(posteriors.into_iter().map(|[mean, _]| mean).collect())
}
