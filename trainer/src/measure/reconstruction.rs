//! How well a model plays back what it has target once, and what that costs in nats.

use super::accuracy::Accuracy;
use super::decoding::Forced;
use super::drums::Drums;
use super::elbo::{Elbo, KlTerms};
use super::held_out::{HeldOut, grooves, has_feel};
use super::segments::Segment;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use serde::Serialize;

/// The reconstruction of held-out sequences: encoded, then decoded from the posterior's mean. Rows are the most likely
/// ones (temperature 0) where they are not said to be sampled.
///
/// # Source
/// Magenta's heads measure what is right under teacher forcing with the most likely rows; table 1 of Roberts et al. 2018
/// has that, and what is right running freely, sampled at temperature 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconstruction {
    /// How many sequences were reconstructed.
    pub n_examples: usize,
    /// What is right, teacher-forced.
    pub teacher_forced: Accuracy,
    /// What is right when it reads its own rows, as it does when it plays.
    pub free_running: Accuracy,
    /// The same when it draws its rows at temperature 1, each sequence once.
    pub free_running_sampled: Accuracy,
    /// Running freely, in the words of a drummer; `None` if the model plays no drums, or 61 of them.
    pub drums: Option<Drums>,
    /// The same of the sampled rows.
    pub drums_sampled: Option<Drums>,
    /// What the model's training minimises.
    pub elbo: Elbo,
    /// The figures of each segment of a hierarchical decoder; empty if it is flat.
    pub segments: Vec<Segment>,
}

impl Reconstruction {
    /// Scores what a model made of `held_out`: `forced`, and running freely the `most_likely` and the `sampled` rows.
    pub(super) fn of(
        vae: &Vae,
        held_out: &HeldOut,
        forced: &Forced,
        most_likely: &[Rows],
        sampled: &[Rows],
        kl_terms: KlTerms,
    ) -> Self {
        let (config, files) = (vae.config(), &held_out.files);
        let accuracy = |played: &[Rows]| Accuracy::of(held_out.outputs(), played, files);
        let has_feel = has_feel(&config.converter.output());
        let drums = |played: &[Rows]| {
            let targets = held_out.grooves.as_ref()?;
            let outputs = grooves(config, played.iter())?;
            Some(Drums::of(
                targets,
                &outputs,
                &held_out.bpms,
                files,
                has_feel,
            ))
        };
        Self {
            n_examples: held_out.len(),
            teacher_forced: accuracy(&forced.played),
            free_running: accuracy(most_likely),
            free_running_sampled: accuracy(sampled),
            drums: drums(most_likely),
            drums_sampled: drums(sampled),
            elbo: Elbo {
                elbo_interval: forced.costs.elbo_interval(files),
                ..forced.costs.elbo(kl_terms)
            },
            segments: Segment::all(config, held_out, forced),
        }
    }

    /// What is right by each of the decoder's ways of running, under its name.
    pub(super) fn ways(&self) -> [(&'static str, &Accuracy); 3] {
        [
            ("teacher-forced", &self.teacher_forced),
            ("free-running, most likely", &self.free_running),
            ("free-running, sampled", &self.free_running_sampled),
        ]
    }
}
