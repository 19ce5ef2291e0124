//! How well a model plays back what it has heard once, and what that costs in nats.

use super::accuracy::Accuracy;
use super::drums::Drums;
use super::held_out::{HeldOut, grooves, has_feel};
use super::statistics::{Interval, by_file, count, ratio};
use crate::loss;
use anyhow::Context as _;
use candle_core::{Device, Tensor};
use fourbar_model::converter::{Batch, Example};
use fourbar_model::latent::Posterior;
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sequences that go through the network together.
pub(super) const BATCH: usize = 64;

/// The reconstruction of held-out sequences: encoded, then decoded from the posterior's mean, each row the most likely
/// one (temperature 0).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconstruction {
    /// How many sequences were reconstructed.
    pub n_examples: usize,
    /// What is right when the decoder is told the true row before each.
    pub teacher_forced: Accuracy,
    /// What is right when it reads its own rows, as it does when it plays.
    pub free_running: Accuracy,
    /// Freely running, in the words of a drummer; `None` if the model plays no drums, or 61 of them.
    pub drums: Option<Drums>,
    /// What the model's training minimises.
    pub elbo: Elbo,
}

/// The parts of the evidence lower bound, means over the sequences, in nats for a whole sequence: teacher-forced,
/// without dropout, one sample of the posterior. As in training, velocities and offsets cost their squared error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elbo {
    /// The parts of the reconstruction loss by name: of a groove head the cross entropy of the hits and the squared
    /// errors of velocities and offsets (which the network's rows hold doubled), of others cross entropies.
    pub parts_nats: BTreeMap<String, f64>,
    /// All parts together.
    pub r_loss_nats: f64,
    /// Kullback-Leibler divergence from the posterior to the prior.
    pub kl_nats: f64,
    /// The same in bits: how much the latent vector says about the sequence.
    pub kl_bits: f64,
    /// Bits of it that training leaves free of charge.
    pub free_bits: f64,
    /// What is above the free bits.
    pub free_bits_cost_nats: f64,
    /// The bound itself, `-(r_loss_nats + kl_nats)`.
    pub elbo_nats: f64,
    /// 95 % interval of `elbo_nats`, by resampling whole files.
    pub elbo_interval: Option<Interval>,
}

/// What the decoder makes of held-out sequences, freely running: one for each, from its posterior's mean.
///
/// # Errors
/// If the network fails on its device.
pub(super) fn play_back(vae: &Vae, held_out: &HeldOut) -> anyhow::Result<Vec<Rows>> {
    let mut played = Vec::with_capacity(held_out.len());
    for examples in held_out.examples.chunks(BATCH) {
        let zs = means(vae, examples)?;
        let controls: Option<Vec<Rows>> = examples
            .iter()
            .map(|example| example.controls.clone())
            .collect();
        // At temperature 0 the noise decides nothing, but every sequence brings its own.
        let mut noises = vec![Noise::from_seed(0); examples.len()];
        played.extend(
            vae.generate_batch(&zs, controls.as_deref(), 0.0, &mut noises)
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
    let posterior = encode(vae, &Batch::new(examples, vae.device())?)?;
    Ok(posterior.mu.to_device(&Device::Cpu)?.to_vec2()?)
}

/// What the decoder makes of held-out sequences when it is told the true row before each, and what they cost.
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
            costs: Costs::default(),
        };
        let layout = vae.config().converter.output();
        for examples in held_out.examples.chunks(BATCH) {
            let batch = Batch::new(examples, vae.device())?;
            let posterior = encode(vae, &batch)?;
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
            for (name, nats) in vae.decoder().loss(&outputs, &batch.output)? {
                let costs = forced.costs.parts.entry(name).or_default();
                costs.extend(numbers_of(&nats)?);
            }
            let kl = numbers_of(&loss::kl(&posterior)?)?;
            forced.costs.kl.extend(kl);
        }
        Ok(forced)
    }
}

fn encode(vae: &Vae, batch: &Batch) -> anyhow::Result<Posterior> {
    vae.encode(&batch.input, batch.controls.as_ref())
        .context("encoding held-out examples")
}

/// What the decoder says of every row of a batch's output when it knows the rows before it.
fn outputs(vae: &Vae, batch: &Batch, z: &Tensor) -> candle_core::Result<Vec<Tensor>> {
    vae.decoder().teacher_forced(
        &batch.output,
        z,
        batch.controls.as_ref(),
        &mut Dropout::off(),
    )
}

/// A `[batch]` tensor as numbers.
pub(super) fn numbers_of(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    let values: Vec<f32> = tensor.to_device(&Device::Cpu)?.to_vec1()?;
    Ok(values.into_iter().map(f64::from).collect())
}

impl Reconstruction {
    /// Scores what a model made of `held_out`: `played` freely running, and `forced`.
    ///
    /// `free_bits` is what training gave away; it only enters [`Elbo::free_bits_cost_nats`].
    pub(super) fn of(
        vae: &Vae,
        held_out: &HeldOut,
        forced: &Forced,
        played: &[Rows],
        free_bits: f64,
    ) -> Self {
        let files = &held_out.files;
        let heard = held_out.grooves.as_ref();
        let drums = heard.zip(grooves(vae.config(), played.iter()));
        let has_feel = has_feel(&vae.config().converter.output());
        Self {
            n_examples: held_out.len(),
            teacher_forced: Accuracy::of(held_out.outputs(), &forced.played, files),
            free_running: Accuracy::of(held_out.outputs(), played, files),
            drums: drums
                .map(|(heard, played)| Drums::of(heard, &played, &held_out.bpms, files, has_feel)),
            elbo: Elbo {
                elbo_interval: forced.costs.elbo_interval(files),
                ..forced.costs.elbo(free_bits)
            },
        }
    }
}

/// What each sequence costs, in nats.
#[derive(Default)]
pub(super) struct Costs {
    parts: BTreeMap<&'static str, Vec<f64>>,
    kl: Vec<f64>,
}

impl Costs {
    /// The means, without an interval.
    pub(super) fn elbo(&self, free_bits: f64) -> Elbo {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / count(values.len());
        let parts = self.parts.iter();
        let parts_nats: BTreeMap<String, f64> = parts
            .map(|(name, nats)| ((*name).to_owned(), mean(nats)))
            .collect();
        let kl_nats = mean(&self.kl);
        let free_nats = free_bits * std::f64::consts::LN_2;
        // One budget for a sequence's whole latent vector, so the cost is taken before the mean.
        let charged: Vec<f64> = self.kl.iter().map(|kl| (kl - free_nats).max(0.0)).collect();
        let r_loss_nats = parts_nats.values().sum::<f64>();
        Elbo {
            parts_nats,
            r_loss_nats,
            kl_nats,
            kl_bits: kl_nats / std::f64::consts::LN_2,
            free_bits,
            free_bits_cost_nats: mean(&charged),
            elbo_nats: -(r_loss_nats + kl_nats),
            elbo_interval: None,
        }
    }

    fn elbo_interval(&self, files: &[usize]) -> Option<Interval> {
        let tallies = by_file(files, |(sum, n): &mut (f64, usize), index| {
            let parts = self.parts.values().map(|nats| nats[index]);
            *sum -= parts.sum::<f64>() + self.kl[index];
            *n += 1;
        });
        Interval::bootstrap(&tallies, |chosen| {
            let n = chosen.iter().map(|(_, n)| n).sum();
            ratio(chosen.iter().map(|(sum, _)| sum).sum(), n)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn nats(bits: f64) -> f64 {
        bits * std::f64::consts::LN_2
    }

    fn costs() -> Costs {
        Costs {
            parts: BTreeMap::from([
                ("hits", vec![1.0, 3.0]),
                ("velocities", vec![2.0, 2.0]),
                ("offsets", vec![0.5, 0.5]),
            ]),
            kl: vec![nats(40.0), nats(60.0)],
        }
    }

    #[test]
    fn free_bits_are_taken_off_each_sequence_before_the_mean() {
        let elbo = costs().elbo(48.0);
        assert!((elbo.kl_bits - 50.0).abs() < 1e-9);
        assert!((elbo.free_bits_cost_nats - nats(6.0)).abs() < 1e-9);
        assert!((elbo.r_loss_nats - 4.5).abs() < 1e-9);
        assert!((elbo.elbo_nats + 4.5 + nats(50.0)).abs() < 1e-9);
    }

    #[test]
    fn the_bounds_interval_reaches_from_the_one_file_to_the_other() {
        let interval = costs().elbo_interval(&[0, 1]).unwrap();
        assert!((interval.low + 5.5 + nats(60.0)).abs() < 1e-9);
        assert!((interval.high + 3.5 + nats(40.0)).abs() < 1e-9);
    }
}
