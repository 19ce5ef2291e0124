//! The examples that a run learns from, in the order in which it sees them.

use crate::data::{Dataset, FillClassifier, Split, Window};
use crate::learn::base::Base;
use crate::measure::HeldOut;
use crate::models;
use crate::settings::{Config, TrainConfig};
use anyhow::{Result, bail};
use fourbar_model::attributes::AttributeVector;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::Example;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::latent::{LatentMap, Located, Prior};
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use std::collections::BTreeMap;
use std::io::Write;

/// Training examples that the latent map is fitted to, at most: enough for ten axes, and a matter of seconds.
const MAP_EXAMPLES: usize = 2_048;
/// Training examples that the prior is fitted to, at most.
const PRIOR_EXAMPLES: usize = 16_384;
/// Probability above which a bar counts as a fill: rather none than half a one.
const FILL: f64 = 0.7;
/// Principal axes in the latent map; the plugin has eight controls.
const MAP_AXES: usize = 8;

/// The data of a run and what it has come to with them.
pub(super) struct TrainingSet<'a> {
    pub(super) dataset: &'a Dataset,
    /// The run's settings, with the batch that the data allow.
    pub(super) config: Config,
    /// Length of a window in 16th steps.
    pub(super) n_steps: usize,
    pub(super) steps_per_epoch: usize,
    pub(super) windows: Vec<Window>,
    /// The validation split, if there is any.
    pub(super) validation: Option<HeldOut>,
    /// Which bars are fills, if examples are conditioned on them.
    fills: Option<FillClassifier>,
    /// The model that the run starts from, if it starts from one.
    base: Option<&'a Base>,
    /// What that model has learned from, where it goes on learning from it.
    rehearsal: Option<Box<Self>>,
    /// The epoch that `order` is of.
    epoch: Option<usize>,
    /// The windows of that epoch, shuffled.
    order: Vec<Window>,
}

impl<'a> TrainingSet<'a> {
    /// The training windows of `dataset` for `config`, whose batch is made smaller where there are too few, which is said
    /// to `out`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn new(
        dataset: &'a Dataset,
        config: &mut Config,
        out: &mut dyn Write,
    ) -> Result<Self> {
        let n_steps = config.model.window_steps();
        let windows = dataset.windows(Split::Train, n_steps, config.data.hop_bars);
        let n_examples = dataset.draw(&windows, &mut Noise::from_seed(0)).len();
        if n_examples == 0 {
            bail!(
                "{} holds no training window of {n_steps} steps: `fourbar prepare --preset {}` shows why",
                dataset.card.name,
                config.model.preset
            );
        }
        let batch_size = &mut config.train.batch_size;
        if *batch_size > n_examples {
            writeln!(
                out,
                "a batch of {batch_size} is larger than the data: using {n_examples} examples a step"
            )?;
            *batch_size = n_examples;
        }
        let held_out = HeldOut::of(dataset, Split::Validation, &config.model);
        Ok(Self {
            dataset,
            config: config.clone(),
            n_steps,
            steps_per_epoch: n_examples / config.train.batch_size,
            windows,
            validation: (!held_out.is_empty()).then_some(held_out),
            fills: (config.train.conditions.fills > 0.0)
                .then(|| FillClassifier::of(dataset, Split::Train))
                .flatten(),
            base: None,
            rehearsal: None,
            epoch: None,
            order: Vec::new(),
        })
    }

    /// Starts from `base`: what that learned from is learned on with each batch, as far as the settings say so and it is at
    /// hand, and the latent space stays as it is described there.
    ///
    /// # Errors
    /// If the data of the base hold no training window.
    pub(super) fn start_from(&mut self, base: &'a Base, out: &mut dyn Write) -> Result<()> {
        self.base = Some(base);
        let mut config = self.config.clone();
        let train = &mut config.train;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a batch is small"
        )]
        let n_rehearsed = (train.batch_size as f64 * train.rehearsal).round() as usize;
        if let Some(dataset) = base.dataset.as_ref().filter(|_| n_rehearsed > 0) {
            train.batch_size = n_rehearsed;
            // Other noise than that of the run's own examples.
            train.seed = !train.seed;
            let rehearsal = Self::new(dataset, &mut config, out)?;
            // Loops of a user's own have no fills that are named so.
            self.fills = self.fills.take().or_else(|| rehearsal.fills.clone());
            self.rehearsal = Some(Box::new(rehearsal));
        }
        Ok(())
    }

    /// Examples of a step: the run's own, and after them those of what is rehearsed.
    pub(super) fn batch_size(&self) -> usize {
        let rehearsal = self.rehearsal.as_deref();
        self.config.train.batch_size + rehearsal.map_or(0, Self::batch_size)
    }

    /// Gets the windows of the epoch of `step` into order. Each epoch draws its windows anew where the converter takes only
    /// some of a song, and goes through them in an order of its own.
    pub(super) fn turn_to(&mut self, step: usize) {
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.turn_to(step);
        }
        let epoch = step / self.steps_per_epoch;
        if self.epoch == Some(epoch) {
            return;
        }
        let mut noise = Noise::of_sample(!self.config.train.seed, epoch);
        self.order = self.dataset.draw(&self.windows, &mut noise);
        for i in (1..self.order.len()).rev() {
            self.order.swap(i, noise.below(i + 1));
        }
        self.epoch = Some(epoch);
    }

    /// The example at a place of the batch of `step`, below [`Self::batch_size`], varied as the converter says. It follows
    /// from the seed, the step and the place alone.
    pub(super) fn example_at(&self, step: usize, place: usize) -> Example {
        let TrainConfig {
            batch_size, seed, ..
        } = self.config.train;
        match &self.rehearsal {
            Some(rehearsal) if place >= batch_size => {
                rehearsal.example_at(step, place - batch_size)
            }
            _ => {
                let window = &self.order[step % self.steps_per_epoch * batch_size + place];
                let mut noise = Noise::of_sample(seed.rotate_left(32), step * batch_size + place);
                self.example(window, &mut noise)
            }
        }
    }

    /// A window as the converter and the settings vary it, with the conditions that are drawn for it.
    fn example(&self, window: &Window, noise: &mut Noise) -> Example {
        let TrainConfig {
            augment,
            conditions,
            ..
        } = &self.config.train;
        let plain = self.dataset.groove(window);
        let Some(plain) = plain.filter(|_| augment.is_on() || conditions.is_on()) else {
            return self.dataset.example(window, Some(noise));
        };
        let groove = augment.vary(&plain, noise);
        let example = self.dataset.converter.example_of_groove(&groove);
        let mut example = example.expect("the converter has grooves");
        let file = &self.dataset.files[window.file];
        let styles = &self.config.model.styles;
        let style = styles
            .iter()
            .position(|style| file.style.as_ref() == Some(style));
        let fills = self.fills.as_ref().map(|classifier| {
            let bars = classifier.of_bars(&plain).into_iter();
            bars.map(|probability| probability > FILL).collect()
        });
        #[expect(clippy::cast_possible_truncation, reason = "a tempo needs few digits")]
        let bpm = file.bpm as f32;
        let controls = example.conditions.controls.take();
        example.conditions = Conditions {
            controls,
            ..conditions.draw(&groove, style, bpm, fills, noise)
        };
        if let Some(read) = conditions.hidden(&groove, &example.conditions, noise) {
            let read = self.dataset.converter.example_of_groove(&read);
            example.input = read.expect("the converter has grooves").input;
        }
        example
    }

    /// Where the training examples lie in the latent space of `vae`: the base's own map where there is a base, because the
    /// axes of a few loops are no axes of all music.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn latent_map(&self, vae: &Vae) -> Result<LatentMap> {
        if let Some(base) = self.base {
            return Ok(base.checkpoint.metadata.latent.clone());
        }
        let hop_bars = self.n_steps.div_ceil(STEPS_PER_BAR);
        let windows = self.dataset.windows(Split::Train, self.n_steps, hop_bars);
        let windows = at_most(MAP_EXAMPLES, windows);
        let posteriors = self.posteriors(&windows, vae)?;
        let mus: Vec<Vec<f32>> = posteriors.into_iter().map(|[mu, _]| mu).collect();
        Ok(LatentMap::fit(&mus, &self.styles(&windows), MAP_AXES))
    }

    /// The directions of attributes in the latent space, where they are known: those of the base.
    pub(super) fn attributes(&self) -> BTreeMap<String, AttributeVector> {
        let known = self.base.map(|base| &base.checkpoint.metadata.attributes);
        known.cloned().unwrap_or_default()
    }

    /// The distribution that new grooves are drawn from, made of the training examples' posteriors, with the styles of the
    /// base for who asks for them.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn prior(&self, vae: &Vae) -> Result<Option<Prior>> {
        let windows = at_most(PRIOR_EXAMPLES, self.windows.clone());
        let styles = self.styles(&windows);
        let posteriors = self.posteriors(&windows, vae)?.into_iter();
        let located = posteriors.zip(&windows).zip(styles);
        let located = located.map(|(([mean, deviation], window), style)| Located {
            mean,
            deviation,
            style,
            song: window.file,
        });
        let grooves: Vec<Located> = located.collect();
        let own = Prior::fit(&grooves, self.config.train.prior_kernels);
        let of_base = self
            .base
            .and_then(|base| base.checkpoint.metadata.latent.prior.as_ref());
        Ok(match (own, of_base) {
            (Some(own), Some(of_base)) => Some(own.with_styles_of(of_base)),
            (own, _) => own,
        })
    }

    /// The style of each window, where it is known.
    fn styles(&self, windows: &[Window]) -> Vec<Option<&str>> {
        let file = |window: &Window| &self.dataset.files[window.file];
        windows
            .iter()
            .map(|window| file(window).style.as_deref())
            .collect()
    }

    /// Mean and deviation of each window's posterior.
    fn posteriors(&self, windows: &[Window], vae: &Vae) -> Result<Vec<[Vec<f32>; 2]>> {
        let example = |window: &Window| self.dataset.example(window, None);
        models::posteriors(vae, windows, self.config.train.micro_batch, example)
    }
}

/// Every nth of `windows`, with the smallest n that leaves no more than `most`.
fn at_most(most: usize, windows: Vec<Window>) -> Vec<Window> {
    let stride = windows.len().div_ceil(most).max(1);
    windows.into_iter().step_by(stride).collect()
}
