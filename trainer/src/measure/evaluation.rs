//! One model measured on one split.

use super::decoding::{Choosing, Forced, play_back};
use super::elbo::KlTerms;
use super::features::Features;
use super::held_out::{self, HeldOut};
use super::interpolation::{self, Interpolation};
use super::knobs::Knobs;
use super::prior_samples::{TEMPERATURE, sampled_grooves};
use super::reconstruction::Reconstruction;
use super::report::{Prior, REPORT_VERSION, Report};
use super::two_sample::{TwoSample, Windows};
use crate::data::{Dataset, Split};
use crate::models::LoadedModel;
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::groove::Groove;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use std::collections::BTreeSet;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Grooves to sample from the prior.
    pub n_samples: usize,
    /// Pairs of examples to interpolate between; 0 leaves this out.
    pub n_pairs: usize,
    /// What training charges for the latent vector; it only enters the [`Elbo`](super::Elbo)'s loss.
    pub kl_terms: KlTerms,
    /// Picks everything that is left to chance.
    pub seed: u64,
}

/// A report, and what a picture of it needs.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The figures.
    pub report: Report,
    /// What was measured on.
    pub(super) held_out: HeldOut,
    /// What the model made of it, running freely: the most likely rows.
    pub(super) played: Vec<Rows>,
    /// The same, drawn at temperature 1.
    pub(super) sampled: Vec<Rows>,
    /// Samples of the prior, if the model plays drums of the nine.
    pub(super) prior_samples: Option<Vec<Groove>>,
}

impl Evaluation {
    /// Measures `vae` on one split of `dataset`.
    ///
    /// # Errors
    /// If the split holds nothing of the model's length, or the network fails.
    pub fn of(
        vae: &Vae,
        dataset: &Dataset,
        split: Split,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let config = vae.config();
        let held_out = HeldOut::of(dataset, split, config);
        anyhow::ensure!(
            !held_out.is_empty(),
            "the {} split of {} holds nothing of {} steps: choose another --split, or data with longer files",
            split.name(),
            dataset.card.name,
            config.n_steps
        );
        let forced = Forced::of(vae, &held_out, settings.seed)?;
        let played = play_back(vae, &held_out, Choosing::MostLikely)?;
        let sampled = Choosing::Sampled {
            seed: settings.seed,
        };
        let sampled = play_back(vae, &held_out, sampled)?;
        let reconstruction = Reconstruction::of(
            vae,
            &held_out,
            &forced,
            &played,
            &sampled,
            settings.kl_terms,
        );
        let interpolation = if settings.n_pairs == 0 {
            None
        } else {
            let n_grams = interpolation::n_grams_of(dataset, config);
            Interpolation::of(vae, &held_out, &n_grams, settings.n_pairs, settings.seed)?
        };
        let prior_samples = sampled_grooves(vae, &held_out, settings.n_samples, settings.seed)?;
        let report = Report {
            report_version: REPORT_VERSION,
            preset: config.preset.clone(),
            head: config.decoder.head.name().to_owned(),
            rows: config.converter.output().to_string(),
            dataset: dataset.card.name.clone(),
            split,
            n_files: held_out.files.iter().collect::<BTreeSet<_>>().len(),
            n_examples: held_out.len(),
            n_steps: config.n_steps,
            seed: settings.seed,
            reconstruction,
            interpolation,
            prior: prior_samples.as_ref().map(|grooves| Prior {
                temperature: TEMPERATURE,
                features: Features::of(grooves, &(0..grooves.len()).collect::<Vec<_>>()),
            }),
            data: held_out
                .grooves
                .as_ref()
                .map(|grooves| Features::of(grooves, &held_out.files)),
            two_sample: None,
            knobs: None,
            completion: None,
        };
        Ok(Self {
            report,
            held_out,
            played,
            sampled,
            prior_samples,
        })
    }

    /// Samples and reconstructions beside the drummers of `dataset`, which the rest was measured on; `None` if the
    /// model plays no grooves, or there is no training data.
    ///
    /// # Errors
    /// If the classifier cannot be trained.
    pub(super) fn beside_drummers(
        &self,
        dataset: &Dataset,
        config: &ModelConfig,
    ) -> anyhow::Result<Option<TwoSample>> {
        let Some(prior_samples) = &self.prior_samples else {
            return Ok(None);
        };
        // Each sample counts as a file of its own.
        let prior_samples = prior_samples.iter().cloned().zip(dataset.files.len()..);
        let mut sets = vec![("prior samples", Windows::of(prior_samples))];
        for (name, rows) in [
            ("reconstructions, most likely", &self.played),
            ("reconstructions, sampled", &self.sampled),
        ] {
            let grooves = held_out::grooves(config, rows.iter()).unwrap_or_default();
            let files = self.held_out.files.iter().copied();
            let of_beats = grooves.into_iter().zip(files).zip(&self.held_out.is_beat);
            let of_beats = of_beats.filter(|(_, is_beat)| **is_beat);
            sets.push((name, Windows::of(of_beats.map(|(window, _)| window))));
        }
        let Report { split, seed, .. } = self.report;
        TwoSample::of(dataset, split, config.window_steps(), sets, seed)
    }

    /// What the model's attribute vectors do; `None` if it has none.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn knobs(&self, model: &LoadedModel) -> anyhow::Result<Option<Knobs>> {
        let examples = self.held_out.examples.iter();
        let conditions: Vec<Conditions> = examples.map(|one| one.conditions.clone()).collect();
        let attributes = &model.metadata.attributes;
        Knobs::of(&model.vae, attributes, &conditions, self.report.seed)
    }
}
