//! Held-out figures: how well a model plays back what it hears, what lies between two things it has heard, and whether
//! what it samples is like the drummers.
//!
//! `fourbar evaluate` prints them as a table and writes a [`Report`]: with `--json` as numbers, with `--html` as a page
//! to look at. Training measures the same on the validation split while it runs, and puts a report into the checkpoint it
//! ships; `fourbar listen` lets people judge. The report's keys are the fields of the structs in this module under their
//! serialized names; shares are 0–1, velocities 0–127, an undefined figure is `null`, and `REPORT_VERSION` changes when a
//! key goes or changes its meaning.

mod accuracy;
mod completion;
mod decoding;
mod drums;
mod elbo;
pub mod evaluate;
mod evaluation;
mod features;
mod held_out;
mod interpolation;
mod knobs;
pub mod listen;
mod n_gram;
mod onsets;
mod page;
mod prior_samples;
mod reconstruction;
mod report;
mod segments;
mod sound;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod training_log;
mod two_sample;
mod validation;
mod web;
mod words;

pub use accuracy::{Accuracy, Choice};
pub use completion::{Completion, Feel, Fills, Played};
pub use drums::{Downbeat, Drums, Intervals, Timing, Velocity};
pub use elbo::{Elbo, KlTerms};
pub use evaluation::{Evaluation, Settings};
pub use features::Features;
pub use held_out::HeldOut;
pub use interpolation::{Curve, Interpolation};
pub use knobs::{Knob, Knobs};
pub use onsets::Onsets;
pub use reconstruction::Reconstruction;
pub use report::{Prior, REPORT_VERSION, Report};
pub use segments::Segment;
pub use statistics::{Estimate, Interval, Summary};
pub use training_log::Row;
pub(crate) use two_sample::shuffle;
pub use two_sample::{
    Comparison, Feature, FeatureLikeness, Novelty, Separability, TwoSample, WindowFigures,
};
pub use validation::{COLUMNS as VALIDATION_COLUMNS, Validation};
