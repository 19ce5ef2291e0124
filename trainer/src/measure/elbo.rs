//! What held-out sequences cost in nats: the evidence lower bound, and what training makes of it.

use super::statistics::{Interval, by_file, count, ratio};
use crate::settings::{Config, TrainConfig, kl_weight};
use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::Metadata;
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::latent::Posterior;
use fourbar_model::vae::Vae;
use serde::Serialize;
use std::collections::BTreeMap;
use std::f64::consts::LN_2;

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
    pub kl_loss_nats: f64,
    /// The weight that training gives to that; see [`KlTerms`].
    pub kl_beta: f64,
    /// What training minimises, `r_loss_nats + kl_beta * kl_loss_nats`.
    pub loss_nats: f64,
    /// The bound itself, `-(r_loss_nats + kl_nats)`.
    pub elbo_nats: f64,
    /// 95 % interval of `elbo_nats`, by resampling whole files.
    pub elbo_interval: Option<Interval>,
}

/// What a training charges for the latent vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KlTerms {
    /// Bits that cost nothing.
    pub free_bits: f64,
    /// Weight of what is above them.
    pub beta: f64,
}

impl KlTerms {
    /// Those of a training after `step` steps.
    #[must_use]
    pub fn at(train: &TrainConfig, step: usize) -> Self {
        Self {
            free_bits: train.free_bits,
            beta: kl_weight(train, step),
        }
    }

    /// Those that a training ends with, however long it takes: the weight is the largest one.
    #[must_use]
    pub fn last(train: &TrainConfig) -> Self {
        Self {
            free_bits: train.free_bits,
            beta: train.max_beta,
        }
    }

    /// Those at a checkpoint's step by the settings that its training noted in it; where there are none (it was
    /// imported, or its training has not ended), the last ones of its preset.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        match TrainConfig::noted_in(metadata) {
            Some(train) => Self::at(&train, metadata.step),
            None => Self::last(
                &Config::preset(&metadata.config.preset)
                    .map(|config| config.train)
                    .unwrap_or_default(),
            ),
        }
    }
}

/// What each sequence costs, in nats.
pub(super) struct Costs {
    /// What the rows of each segment cost, by part; a flat decoder has one segment.
    segments: Vec<BTreeMap<&'static str, Vec<f64>>>,
    kl: Vec<f64>,
}

impl Costs {
    /// Of nothing yet.
    pub(super) fn new(config: &ModelConfig) -> Self {
        Self {
            segments: vec![BTreeMap::new(); config.n_steps / config.segment_steps()],
            kl: Vec::new(),
        }
    }

    /// Counts a batch in: what the decoder says of its true `rows` (`[batch, steps, width]`), and its posterior.
    ///
    /// # Errors
    /// If the network fails on its device.
    pub(super) fn add(
        &mut self,
        vae: &Vae,
        outputs: &[Tensor],
        rows: &Tensor,
        conditions: &[Conditions],
        posterior: &Posterior,
    ) -> candle_core::Result<()> {
        let steps = vae.config().segment_steps();
        for (segment, costs) in self.segments.iter_mut().enumerate() {
            let part = |x: &Tensor| x.narrow(1, segment * steps, steps);
            let outputs = outputs.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            for (name, nats) in vae.decoder().loss(&outputs, &part(rows)?, conditions)? {
                costs.entry(name).or_default().extend(numbers_of(&nats)?);
            }
        }
        self.kl.extend(numbers_of(&posterior.kl_nats()?)?);
        Ok(())
    }

    /// The mean costs of the rows of each segment, by part.
    pub(super) fn of_segments(&self) -> impl Iterator<Item = BTreeMap<String, f64>> {
        let means = |parts: &BTreeMap<&'static str, Vec<f64>>| {
            let parts = parts.iter();
            parts
                .map(|(name, nats)| ((*name).to_owned(), mean(nats)))
                .collect()
        };
        self.segments.iter().map(means)
    }

    /// The means, without an interval.
    pub(super) fn elbo(&self, KlTerms { free_bits, beta }: KlTerms) -> Elbo {
        let mut parts_nats: BTreeMap<String, f64> = BTreeMap::new();
        for (name, nats) in self.of_segments().flatten() {
            *parts_nats.entry(name).or_default() += nats;
        }
        let r_loss_nats = parts_nats.values().sum::<f64>();
        let kl_nats = mean(&self.kl);
        // One budget for a sequence's whole latent vector, so the cost is taken before the mean.
        let charged = |kl: &f64| (kl - free_bits * LN_2).max(0.0);
        let kl_loss_nats = mean(&self.kl.iter().map(charged).collect::<Vec<_>>());
        Elbo {
            parts_nats,
            r_loss_nats,
            kl_nats,
            kl_bits: kl_nats / LN_2,
            free_bits,
            kl_loss_nats,
            kl_beta: beta,
            loss_nats: r_loss_nats + beta * kl_loss_nats,
            elbo_nats: -(r_loss_nats + kl_nats),
            elbo_interval: None,
        }
    }

    /// 95 % interval of the bound, by resampling the files that the sequences are from.
    pub(super) fn elbo_interval(&self, files: &[usize]) -> Option<Interval> {
        let tallies = by_file(files, |(sum, n): &mut (f64, usize), index| {
            let parts = self.segments.iter().flat_map(BTreeMap::values);
            *sum -= parts.map(|nats| nats[index]).sum::<f64>() + self.kl[index];
            *n += 1;
        });
        Interval::bootstrap(&tallies, |chosen| {
            let n = chosen.iter().map(|(_, n)| n).sum();
            ratio(chosen.iter().map(|(sum, _)| sum).sum(), n)
        })
    }
}

/// A `[batch]` tensor as numbers.
pub(super) fn numbers_of(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    let values: Vec<f32> = tensor.to_device(&Device::Cpu)?.to_vec1()?;
    Ok(values.into_iter().map(f64::from).collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::models::tiny;
    use serde_json::json;

    fn nats(bits: f64) -> f64 {
        bits * LN_2
    }

    /// Two sequences of two segments.
    fn costs() -> Costs {
        Costs {
            segments: vec![
                BTreeMap::from([("hits", vec![0.5, 2.0]), ("offsets", vec![0.5, 0.5])]),
                BTreeMap::from([("hits", vec![0.5, 1.0]), ("offsets", vec![2.0, 2.0])]),
            ],
            kl: vec![nats(40.0), nats(60.0)],
        }
    }

    #[test]
    fn free_bits_are_taken_off_each_sequence_before_the_mean() {
        let elbo = costs().elbo(KlTerms {
            free_bits: 48.0,
            beta: 0.5,
        });
        assert!((elbo.kl_bits - 50.0).abs() < 1e-9);
        assert!((elbo.kl_loss_nats - nats(6.0)).abs() < 1e-9);
        assert!((elbo.parts_nats["hits"] - 2.0).abs() < 1e-9);
        assert!((elbo.r_loss_nats - 4.5).abs() < 1e-9);
        assert!((elbo.loss_nats - 4.5 - nats(3.0)).abs() < 1e-9);
        assert!((elbo.elbo_nats + 4.5 + nats(50.0)).abs() < 1e-9);
    }

    #[test]
    fn with_more_free_bits_than_the_latent_has_the_loss_is_that_of_the_rows() {
        let elbo = costs().elbo(KlTerms {
            free_bits: 61.0,
            beta: 0.5,
        });
        assert!(elbo.kl_loss_nats.abs() < 1e-12 && elbo.kl_nats > 0.0);
        assert!((elbo.loss_nats - elbo.r_loss_nats).abs() < 1e-12);
    }

    #[test]
    fn the_bounds_interval_reaches_from_the_one_file_to_the_other() {
        let interval = costs().elbo_interval(&[0, 1]).unwrap();
        assert!((interval.low + 5.5 + nats(60.0)).abs() < 1e-9);
        assert!((interval.high + 3.5 + nats(40.0)).abs() < 1e-9);
    }

    #[test]
    fn the_weight_is_that_of_the_checkpoints_step_or_the_last_one_of_its_preset() {
        let mut metadata = tiny::open().metadata;
        metadata.step = 1;
        metadata.config.preset = "groovae_4bar".to_owned();
        let preset = Config::preset("groovae_4bar").unwrap().train;
        assert_eq!(KlTerms::of(&metadata), KlTerms::last(&preset));

        let train = TrainConfig {
            free_bits: 5.0,
            max_beta: 0.4,
            beta_rate: 0.75,
            ..preset
        };
        metadata.metrics = json!({"training": {"config": {"train": train}}});
        let terms = KlTerms::of(&metadata);
        assert!((terms.beta - 0.1).abs() < 1e-12 && (terms.free_bits - 5.0).abs() < 1e-12);
    }
}
