//! Every figure of a model in one structure.

use super::completion::Completion;
use super::features::Features;
use super::interpolation::Interpolation;
use super::knobs::Knobs;
use super::reconstruction::Reconstruction;
use super::two_sample::TwoSample;
use crate::data::Split;
use serde::Serialize;

/// Version of the report's keys.
pub const REPORT_VERSION: u32 = 3;

/// Every held-out figure of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub report_version: u32,
    /// Name of the model's preset.
    pub preset: String,
    /// Name of the model's head.
    pub head: String,
    /// What a row of the model's output is, in words.
    pub rows: String,
    /// Name of the data set.
    pub dataset: String,
    /// Part of the data that was measured on.
    pub split: Split,
    /// Files that the examples are from.
    pub n_files: usize,
    /// Examples, side by side.
    pub n_examples: usize,
    /// Length of each, in rows.
    pub n_steps: usize,
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// The examples played back by the model.
    pub reconstruction: Reconstruction,
    /// What lies between them.
    pub interpolation: Option<Interpolation>,
    /// What the model samples from its prior; `None` if it plays no drums of the nine.
    pub prior: Option<Prior>,
    /// What the drummers play; `None` if the model plays no drums of the nine.
    pub data: Option<Features>,
    /// Samples and reconstructions beside drummers, by their distributions. `None` if the model plays no grooves, there
    /// is no training data, or it was not asked for: it takes longer than the rest.
    pub two_sample: Option<TwoSample>,
    /// What the checkpoint's attribute vectors do. `None` if it has none of these, or it was not asked for.
    pub knobs: Option<Knobs>,
    /// What the model draws around known parts. `None` if it completes none, or it was not asked for.
    pub completion: Option<Completion>,
}

/// Features of grooves sampled from the prior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prior {
    /// Temperature of the hits.
    pub temperature: f32,
    /// What the grooves are like.
    pub features: Features,
}
