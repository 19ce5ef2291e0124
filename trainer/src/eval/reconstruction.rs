//! How well the model plays a groove back that it has heard once, and what that costs in nats.

use super::score::score;
use super::statistics::{Interval, count, ratio};
use crate::dataset::{Dataset, Split};
use crate::loss;
use anyhow::Context as _;
use candle_core::{Device, Tensor};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{self, Groove, STEPS_PER_BAR};
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use serde::Serialize;
use std::collections::BTreeMap;

/// Grooves that go through the network together.
const BATCH: usize = 64;

/// Grooves that the model has not learned from, with what is needed to measure it on them.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// The grooves, each as long as the model's.
    pub grooves: Vec<Groove>,
    /// Tempo of each groove in quarter notes a minute, to turn steps into milliseconds.
    pub bpms: Vec<f64>,
    /// Which file each groove is from: any numbers, equal for grooves of the same file.
    pub files: Vec<usize>,
}

impl HeldOut {
    /// The windows of one split, side by side (each bar once).
    #[must_use]
    pub fn of(dataset: &Dataset, split: Split, n_steps: usize) -> Self {
        let windows = dataset.windows(split, n_steps, n_steps / STEPS_PER_BAR);
        Self {
            grooves: windows
                .iter()
                .map(|window| dataset.groove(window, n_steps))
                .collect(),
            bpms: windows
                .iter()
                .map(|window| dataset.files[window.file].bpm)
                .collect(),
            files: windows.iter().map(|window| window.file).collect(),
        }
    }
}

/// The reconstruction of held-out grooves: encoded, then decoded from the posterior's mean, freely running, each hit as
/// likely as not decided for the likelier (temperature 0).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconstruction {
    /// How many grooves were reconstructed.
    pub n_grooves: usize,
    /// Hits of all drums together.
    pub onsets: Onsets,
    /// Hits of each drum.
    pub onsets_by_voice: BTreeMap<Voice, Onsets>,
    /// Loudness.
    pub velocity: Velocity,
    /// Timing.
    pub timing: Timing,
    /// The first beat.
    pub downbeat: Downbeat,
    /// What the model's training minimises.
    pub elbo: Elbo,
    /// How far the main figures can be trusted.
    pub intervals: Intervals,
}

/// Which hits were found. A hit counts if the same drum plays on the same step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onsets {
    /// Played and reconstructed.
    pub found: usize,
    /// Played but not reconstructed.
    pub missed: usize,
    /// Reconstructed but not played.
    pub invented: usize,
}

impl Onsets {
    /// Share of the reconstructed hits that were played; `None` if nothing was reconstructed.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.invented)
    }

    /// Share of the played hits that were reconstructed; `None` if nothing was played.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.missed)
    }

    /// Harmonic mean of precision and recall; `None` if there are no hits on either side.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2.0 * count(self.found),
            2 * self.found + self.missed + self.invented,
        )
    }

    /// Counts another part in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.found += other.found;
        self.missed += other.missed;
        self.invented += other.invented;
    }
}

/// An [`Onsets`] in a report: the counts and what follows from them.
#[derive(Serialize)]
struct OnsetsReport {
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    found: usize,
    missed: usize,
    invented: usize,
}

impl Serialize for Onsets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            found,
            missed,
            invented,
        } = *self;
        let (precision, recall, f1) = (self.precision(), self.recall(), self.f1());
        OnsetsReport {
            precision,
            recall,
            f1,
            found,
            missed,
            invented,
        }
        .serialize(serializer)
    }
}

/// Loudness of the reconstruction, in MIDI's 0–127.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Velocity {
    /// Mean absolute error over the hits that were found.
    pub mae: Option<f64>,
    /// Mean over all reconstructed hits.
    pub mean: Option<f64>,
    /// The same of the data.
    pub data_mean: Option<f64>,
    /// Standard deviation over all reconstructed hits.
    pub spread: Option<f64>,
    /// The same of the data.
    pub data_spread: Option<f64>,
}

/// Timing of the reconstruction. Milliseconds are at the tempo of each groove's file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timing {
    /// Mean absolute error over the hits that were found, in ms.
    pub mae_ms: Option<f64>,
    /// The error that playing the same hits exactly on the grid would have, in ms.
    pub quantised_mae_ms: Option<f64>,
    /// Standard deviation of the distance to the grid over all reconstructed hits, in ms.
    pub spread_ms: Option<f64>,
    /// The same of the data, in ms.
    pub data_spread_ms: Option<f64>,
    /// Mean absolute error in 16th steps.
    pub mae_steps: Option<f64>,
    /// That of playing on the grid, in steps.
    pub quantised_mae_steps: Option<f64>,
    /// Standard deviation in steps.
    pub spread_steps: Option<f64>,
    /// The same of the data, in steps.
    pub data_spread_steps: Option<f64>,
}

/// Shares of the grooves with a hit on their first step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Downbeat {
    /// Any drum, reconstructed.
    pub any: Option<f64>,
    /// Any drum, in the data.
    pub data_any: Option<f64>,
    /// The kick, reconstructed.
    pub kick: Option<f64>,
    /// The kick, in the data.
    pub data_kick: Option<f64>,
}

/// The parts of the evidence lower bound, means over the grooves, in nats for a whole groove: teacher-forced, without
/// dropout, one sample of the posterior. As in training, velocities and offsets cost their squared error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elbo {
    /// The parts of the reconstruction loss by name: of a groove head the cross entropy of the hits and the squared
    /// errors of velocities and offsets (which the network's rows hold doubled), of others cross entropies.
    pub parts_nats: BTreeMap<String, f64>,
    /// All parts together.
    pub r_loss_nats: f64,
    /// Kullback-Leibler divergence from the posterior to the prior.
    pub kl_nats: f64,
    /// The same in bits: how much the latent vector says about the groove.
    pub kl_bits: f64,
    /// Bits of it that training leaves free of charge.
    pub free_bits: f64,
    /// What is above the free bits.
    pub free_bits_cost_nats: f64,
    /// The bound itself, `-(r_loss_nats + kl_nats)`.
    pub elbo_nats: f64,
}

/// 95 % intervals, by resampling whole files.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of [`Onsets::f1`] over all drums.
    pub onset_f1: Option<Interval>,
    /// Of [`Velocity::mae`].
    pub velocity_mae: Option<Interval>,
    /// Of [`Timing::mae_ms`].
    pub timing_mae_ms: Option<Interval>,
}

/// Reconstructs and scores `held_out`.
///
/// `free_bits` is what training gave away (it only enters [`Elbo::free_bits_cost_nats`]); `seed` picks the posterior's
/// sample for the ELBO. Everything else is free of chance.
///
/// # Errors
/// If there is no groove, or the network fails on its device.
pub fn reconstruction(
    vae: &Vae,
    held_out: &HeldOut,
    free_bits: f64,
    seed: u64,
) -> anyhow::Result<Reconstruction> {
    anyhow::ensure!(
        !held_out.grooves.is_empty(),
        "there is no groove to reconstruct"
    );
    let mut noise = Noise::from_seed(seed);
    let mut costs = Costs::default();
    let mut played = Vec::with_capacity(held_out.grooves.len());
    for grooves in held_out.grooves.chunks(BATCH) {
        let x = groove::to_tensor(grooves, vae.device())?;
        let posterior = vae.encode(&x, None).context("encoding held-out grooves")?;
        let mus: Vec<Vec<f32>> = posterior.mu.to_device(&Device::Cpu)?.to_vec2()?;
        // At temperature 0 the noise decides nothing, but every groove brings its own.
        let mut noises = vec![Noise::from_seed(seed); grooves.len()];
        let rows = vae
            .generate_batch(&mus, None, 0.0, &mut noises)
            .context("decoding held-out grooves")?;
        played.extend(
            rows.iter()
                .filter_map(|rows| vae.config().converter.groove(rows)),
        );

        let (batch, latent) = posterior.mu.dims2()?;
        let eps = Tensor::from_vec(noise.normals(batch * latent), (batch, latent), vae.device())?;
        let z = posterior.sample(&eps)?;
        let outputs = vae
            .decoder()
            .teacher_forced(&x, &z, None, &mut Dropout::off())?;
        for (name, nats) in vae.decoder().loss(&outputs, &x)? {
            costs.parts.entry(name).or_default().extend(numbers(&nats)?);
        }
        costs.kl.extend(numbers(&loss::kl(&posterior)?)?);
    }
    Ok(score(held_out, &played, costs.elbo(free_bits)))
}

/// A `[batch]` tensor as numbers.
fn numbers(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    let values: Vec<f32> = tensor.to_device(&Device::Cpu)?.to_vec1()?;
    Ok(values.into_iter().map(f64::from).collect())
}

/// What each groove costs, in nats.
#[derive(Default)]
struct Costs {
    parts: BTreeMap<&'static str, Vec<f64>>,
    kl: Vec<f64>,
}

impl Costs {
    fn elbo(&self, free_bits: f64) -> Elbo {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / count(values.len());
        let parts = self.parts.iter();
        let parts_nats: BTreeMap<String, f64> = parts
            .map(|(name, nats)| ((*name).to_owned(), mean(nats)))
            .collect();
        let kl_nats = mean(&self.kl);
        let free_nats = free_bits * std::f64::consts::LN_2;
        // One budget for a groove's whole latent vector, so the cost is taken before the mean.
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_bits_are_taken_off_each_groove_before_the_mean() {
        let nats = |bits: f64| bits * std::f64::consts::LN_2;
        let costs = Costs {
            parts: BTreeMap::from([
                ("hits", vec![1.0, 3.0]),
                ("velocities", vec![2.0, 2.0]),
                ("offsets", vec![0.5, 0.5]),
            ]),
            kl: vec![nats(40.0), nats(60.0)],
        };
        let elbo = costs.elbo(48.0);
        assert!((elbo.kl_bits - 50.0).abs() < 1e-9);
        assert!((elbo.free_bits_cost_nats - nats(6.0)).abs() < 1e-9);
        assert!((elbo.r_loss_nats - 4.5).abs() < 1e-9);
        assert!((elbo.elbo_nats + 4.5 + nats(50.0)).abs() < 1e-9);
    }
}
