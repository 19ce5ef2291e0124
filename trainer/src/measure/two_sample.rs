//! Whether windows of music could be drummers': their distribution beside that of windows that drummers played.
//!
//! Every set of windows is compared with the drummers of one split: samples of the prior, reconstructions, and, as
//! the level to reach, drummers of the other splits. A set that could be theirs has an overlap, a Fréchet distance and a
//! classifier's AUC like those between two sets of drummers, and yet copies nothing. The definitions are in
//! `docs/evaluation.md`.

mod classifier;
mod distribution;
mod features;
mod frechet;
mod novelty;
#[cfg(test)]
mod tests;
mod windows;

pub use classifier::Separability;
pub(super) use distribution::Likeness;
pub(super) use features::FEATURES;
pub use features::Feature;
pub use novelty::Novelty;
pub(crate) use windows::{MIN_HITS, Windows, shuffle};

use super::features::has_downbeat;
use super::statistics::{Estimate, Interval, Summary, by_file, count, ratio};
use crate::data::{Dataset, Split};
use features::{FeatureVector, N_FEATURES};
use fourbar_model::noise::Noise;
use frechet::frechet_distance;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Resamplings of the files behind the intervals.
const N_RESAMPLINGS: usize = 200;

/// Sets of windows beside the drummers of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoSample {
    /// The split of these drummers.
    pub split: Split,
    /// What they play.
    pub drummers: WindowFigures,
    /// The other sets, drummers of other splits first.
    pub comparisons: Vec<Comparison>,
}

/// What a set of windows is like by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowFigures {
    /// How many windows there are.
    pub n_windows: usize,
    /// Files that they are from; every sample of the prior is one.
    pub n_files: usize,
    /// Share of windows with any hit on their first step, interval by resampling whole files.
    pub downbeat: Estimate,
    /// How far they are from the training windows.
    pub novelty: Novelty,
    /// Each feature over the windows.
    pub features: BTreeMap<&'static str, Summary>,
}

/// A set of windows beside the drummers. Intervals are by resampling the files of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the set is.
    pub name: &'static str,
    /// What it is like by itself.
    pub windows: WindowFigures,
    /// Overlap of the distributions, mean over the features.
    pub overlap: Estimate,
    /// Overlap of the feature that has the least.
    pub worst_overlap: Estimate,
    /// Which feature that is.
    pub worst_feature: &'static str,
    /// Kullback-Leibler divergence of the drummers' distribution from this one in nats, mean over the features.
    pub kl_nats: Estimate,
    /// Overlap and divergence of each feature.
    pub by_feature: BTreeMap<&'static str, FeatureLikeness>,
    /// Fréchet distance of the features, z-scored by the training windows.
    pub frechet: Estimate,
    /// How well a classifier tells the two sets from each other; `None` of less than five files.
    pub classifier: Option<Separability>,
}

/// How alike the distributions of one feature are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeatureLikeness {
    /// Area under both densities, 0–1.
    pub overlap: f64,
    /// Kullback-Leibler divergence of the drummers' distribution from the other one, in nats.
    pub kl_nats: f64,
}

impl TwoSample {
    /// Compares sets of windows with what drummers play in `split` of `dataset`, in windows of `n_steps`: first the
    /// drummers of the training split (as many windows as `split` has) and, if it is not measured on, of the validation
    /// split, then `others`, each under its name. The files of `others` have the numbers that they have in `dataset`, or
    /// larger ones. A set without windows is left out.
    ///
    /// `seed` picks the windows of the training split, those and the folds of the classifier, and the resamplings. `None`
    /// if there are no windows in `split`, or none to learn from.
    ///
    /// # Errors
    /// If the classifier cannot be trained.
    pub(super) fn of(
        dataset: &Dataset,
        split: Split,
        n_steps: usize,
        others: Vec<(&'static str, Windows)>,
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        let training = Windows::of_split(dataset, Split::Train, n_steps);
        let drummers = Windows::of_split(dataset, split, n_steps);
        if training.is_empty() || drummers.is_empty() {
            return Ok(None);
        }
        let mut sets = Vec::new();
        if split != Split::Train {
            let some = training.some(drummers.len(), &mut Noise::from_seed(seed));
            sets.push(("drummers, train", some));
        }
        // The test split stays unseen while a model is chosen on validation.
        if split != Split::Validation {
            let windows = Windows::of_split(dataset, Split::Validation, n_steps);
            sets.push(("drummers, validation", windows));
        }
        sets.extend(others);
        let sets = sets.into_iter().filter(|(_, windows)| !windows.is_empty());
        let comparisons =
            sets.map(|(name, windows)| Comparison::of(name, &training, &drummers, &windows, seed));
        Ok(Some(Self {
            split,
            comparisons: comparisons.collect::<anyhow::Result<_>>()?,
            drummers: WindowFigures::of(&drummers, &training),
        }))
    }
}

impl WindowFigures {
    fn of(windows: &Windows, training: &Windows) -> Self {
        let downbeats = by_file(&windows.files, |(with, n): &mut (usize, usize), index| {
            *with += usize::from(has_downbeat(&windows.grooves[index]));
            *n += 1;
        });
        Self {
            n_windows: windows.len(),
            n_files: downbeats.len(),
            downbeat: Estimate::of(&downbeats, |chosen| {
                let with = chosen.iter().map(|(with, _)| with).sum();
                ratio(count(with), chosen.iter().map(|(_, n)| n).sum())
            }),
            novelty: Novelty::of(windows, training),
            features: by_name(windows.summaries()),
        }
    }
}

impl Comparison {
    fn of(
        name: &'static str,
        training: &Windows,
        drummers: &Windows,
        others: &Windows,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let scale = Scale::of(training);
        let sides = [drummers, others].map(|side| Side::of(side, &scale));
        let whole = Likenesses::of(sides.each_ref().map(Side::whole));
        let resampled: Vec<Likenesses> = (0..N_RESAMPLINGS)
            .into_par_iter()
            .map(|resampling| {
                let mut noise = Noise::of_sample(seed, resampling);
                Likenesses::of(sides.each_ref().map(|side| side.resampled(&mut noise)))
            })
            .collect();
        let has_files = sides.iter().all(|side| side.by_file.len() > 1);
        let estimate = |figure: fn(&Likenesses) -> Option<f64>| {
            let value = figure(&whole);
            let interval = value
                .filter(|_| has_files)
                .and_then(|value| Interval::around(value, resampled.iter().filter_map(figure)));
            Estimate { value, interval }
        };
        Ok(Self {
            name,
            windows: WindowFigures::of(others, training),
            overlap: estimate(|likenesses| Some(likenesses.mean_overlap())),
            worst_overlap: estimate(|likenesses| Some(likenesses.worst().1)),
            worst_feature: FEATURES[whole.worst().0].id,
            kl_nats: estimate(|likenesses| Some(likenesses.mean_kl_nats())),
            by_feature: by_name(
                whole
                    .by_feature
                    .map(|Likeness { overlap, kl_nats }| FeatureLikeness { overlap, kl_nats }),
            ),
            frechet: estimate(|likenesses| likenesses.frechet),
            classifier: Separability::of(drummers, others, seed)?,
        })
    }
}

/// What brings every feature to a mean of 0 and a standard deviation of 1 over the training windows.
struct Scale([Summary; N_FEATURES]);

impl Scale {
    fn of(training: &Windows) -> Self {
        Self(training.summaries())
    }

    fn z_scores(&self, features: &FeatureVector) -> FeatureVector {
        std::array::from_fn(|place| {
            let Summary { mean, spread, .. } = self.0[place];
            let spread = spread.filter(|spread| *spread > 0.0).unwrap_or(1.0);
            (features[place] - mean.unwrap_or(0.0)) / spread
        })
    }
}

/// The z-scored features of a set, file by file.
struct Side {
    by_file: Vec<Vec<FeatureVector>>,
}

impl Side {
    fn of(windows: &Windows, scale: &Scale) -> Self {
        Self {
            by_file: by_file(&windows.files, |of_file: &mut Vec<FeatureVector>, index| {
                of_file.push(scale.z_scores(&windows.features[index]));
            }),
        }
    }

    fn whole(&self) -> Vec<FeatureVector> {
        self.by_file.concat()
    }

    /// As many files, drawn anew.
    fn resampled(&self, noise: &mut Noise) -> Vec<FeatureVector> {
        let n_files = self.by_file.len();
        let files = (0..n_files).map(|_| &self.by_file[noise.below(n_files)]);
        files.flatten().copied().collect()
    }
}

/// How alike two sets are, drummers first.
struct Likenesses {
    by_feature: [Likeness; N_FEATURES],
    frechet: Option<f64>,
}

impl Likenesses {
    fn of([drummers, others]: [Vec<FeatureVector>; 2]) -> Self {
        let column = |vectors: &[FeatureVector], place: usize| -> Vec<f64> {
            vectors.iter().map(|vector| vector[place]).collect()
        };
        Self {
            by_feature: std::array::from_fn(|place| {
                Likeness::of(&column(&drummers, place), &column(&others, place))
            }),
            frechet: frechet_distance(&drummers, &others),
        }
    }

    fn mean_overlap(&self) -> f64 {
        self.by_feature.iter().map(|of| of.overlap).sum::<f64>() / count(N_FEATURES)
    }

    fn mean_kl_nats(&self) -> f64 {
        self.by_feature.iter().map(|of| of.kl_nats).sum::<f64>() / count(N_FEATURES)
    }

    /// The feature with the least overlap, and how much that is.
    fn worst(&self) -> (usize, f64) {
        let overlaps = self.by_feature.iter().map(|of| of.overlap).enumerate();
        overlaps
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("there are features")
    }
}

/// Figures of every feature under its key.
fn by_name<T>(figures: [T; N_FEATURES]) -> BTreeMap<&'static str, T> {
    FEATURES
        .iter()
        .map(|feature| feature.id)
        .zip(figures)
        .collect()
}
