//! Everything that decides a training run.
//!
//! A preset is a file in `trainer/presets`, and there is nothing else to it.

use super::augment::Augmentation;
use super::conditions::ConditionSampling;
use super::layers::{apply, merge, preset_names, preset_table, read_table, with_suggestion};
use crate::reading::maps;
use crate::reading::{self, Holdout, PartArgs, Reading};
use anyhow::{Context as _, Result, bail, ensure};
use fourbar_model::attributes::Attribute;
use fourbar_model::checkpoint::Metadata;
use fourbar_model::config::ModelConfig;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::STEPS_PER_BAR;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::{Table, Value};

/// What a run that starts from a trained model does otherwise than the run that trained it.
const FINE_TUNING: &str = include_str!("../../fine_tuning.toml");

/// The preset that a user who names none means.
pub const DEFAULT_PRESET: &str = "groovae_4bar";

/// A preset with whatever overrules it; the resolved form is saved with a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the model is for, in a sentence.
    pub description: String,
    /// Where its sizes come from.
    pub source: String,
    /// Other names that it goes by, such as those of published checkpoints.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The model.
    pub model: ModelConfig,
    /// What it learns from.
    #[serde(default)]
    pub data: DataConfig,
    /// How it learns.
    #[serde(default)]
    pub train: TrainConfig,
}

/// How files become training examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Drum map that the files are read with: one of `fourbar maps`, a file of a user's own, or "auto": the e-kit's for
    /// the Groove MIDI Dataset, else General MIDI.
    pub drum_map: String,
    /// Distance between the starts of two training windows, in bars.
    pub hop_bars: usize,
    /// MIDI channel of the drums, 1 to 16; found by what each file says where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// Track of the drums, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<usize>,
    /// Whether short loops are repeated up to the model's window.
    pub repeat_short: bool,
    /// What the model is validated on while it learns.
    pub validation: Holdout,
}

impl DataConfig {
    /// What the command line says about the files counts.
    pub fn overrule(&mut self, reading: &reading::Args, validation: Option<Holdout>) {
        if let Some(map) = &reading.drum_map {
            self.drum_map.clone_from(&map.word);
        }
        let PartArgs { channel, track } = reading.part;
        if channel.is_some() || track.is_some() {
            (self.channel, self.track) = (channel, track);
        }
        self.repeat_short |= reading.repeat_short;
        self.validation = validation.unwrap_or(self.validation);
    }
}

/// The drum map that fits the data.
const AUTO: &str = "auto";

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            drum_map: AUTO.to_owned(),
            hop_bars: 1,
            channel: None,
            track: None,
            repeat_short: false,
            validation: Holdout::default(),
        }
    }
}

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Examples per step.
    pub batch_size: usize,
    /// Examples that one thread works on at a time. Changes the result by more than rounding only with `attributes`, which
    /// compare each example with those beside it.
    pub micro_batch: usize,
    /// Steps after which training ends, unless validation stops it earlier.
    pub steps: usize,
    /// Largest learning rate: the first step's, unless the schedule warms up.
    pub learning_rate: f64,
    /// Learning rate that the schedule comes down to.
    pub min_learning_rate: f64,
    /// Factor on the learning rate (above its minimum) from one step to the next, where the schedule is exponential.
    pub learning_rate_decay: f64,
    /// How the learning rate comes down.
    pub schedule: Schedule,
    /// Share of every parameter, times the learning rate, that a step takes away; of its distance from the parameter of
    /// the model that the run started from, where it started from one.
    pub weight_decay: f64,
    /// Examples from the data of the model that the run started from, where they are at hand, for each of its own.
    pub rehearsal: f64,
    /// Largest weight of the KL divergence.
    pub max_beta: f64,
    /// How slowly that weight is reached; 0: from step 1 on.
    pub beta_rate: f64,
    /// Steps in which that weight is reached in a straight line, instead of by `beta_rate`; 0: by `beta_rate`.
    pub beta_steps: usize,
    /// Information that the latent of one example carries for nothing, in bits.
    pub free_bits: f64,
    /// Kernels of the mixture that the prior becomes after training; 0: it stays the standard normal distribution.
    pub prior_kernels: usize,
    /// Properties of the music that the first numbers of the latent are to stand for.
    pub attributes: AttributeOrder,
    /// Probability with which dropout keeps an input of a layer of the decoder.
    pub dropout_keep: f64,
    /// The same in the encoder; as in the decoder where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_dropout_keep: Option<f64>,
    /// How windows are varied.
    pub augment: Augmentation,
    /// What the examples are conditioned on.
    pub conditions: ConditionSampling,
    /// How often the decoder reads rows of its own while it learns.
    pub scheduled_sampling: ScheduledSampling,
    /// Largest global norm of the gradient.
    pub gradient_clip: f64,
    /// Share that the running average of the weights keeps from one step to the next; with it, that average is what is
    /// validated and kept. 0: the weights themselves are.
    pub average: f64,
    /// Steps between two validations; 0: once an epoch, but not more often than every 50 steps.
    pub validate_every: usize,
    /// Validations without a better one after which training ends.
    pub patience: usize,
    /// Seed of the initial weights, the order of the data, augmentation, dropout and the posterior's noise.
    pub seed: u64,
}

/// How the learning rate goes from `train.learning_rate` to `train.min_learning_rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Its distance from the minimum is multiplied by `train.learning_rate_decay` each step, for as long as training
    /// takes.
    ///
    /// # Source
    /// Magenta's `exponential_decay`.
    #[default]
    Exponential,
    /// In a straight line up from 0, then down half a cosine to the minimum at the last of `train.steps`. A resumed run
    /// that is given more steps is on the curve of the longer run from there on.
    ///
    /// # Source
    /// Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", without restarts; Goyal et al.
    /// 2017, "Accurate, Large Minibatch SGD", for the gradual warm-up.
    Cosine {
        /// Steps until the full learning rate.
        #[serde(default)]
        warmup: usize,
    },
}

/// Probability with which the decoder reads a row that it has drawn itself instead of the true one.
///
/// # Source
/// Magenta's `get_sampling_probability`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduledSampling {
    /// The same all the time.
    Constant {
        /// The probability.
        rate: f64,
    },
    /// 1 − rateˢᵗᵉᵖ.
    Exponential {
        /// Between 0 and 1; the nearer to 1, the slower.
        rate: f64,
    },
    /// 1 − rate / (rate + exp(step / rate)).
    InverseSigmoid {
        /// In steps: the larger, the slower.
        rate: f64,
    },
}

/// Which number of the latent is to have the order of which attribute, and what it costs where it has not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttributeOrder {
    /// Ids of attributes (those that `fourbar attributes` measures): the first one is the latent's first number's.
    pub names: Vec<String>,
    /// Weight of the cost, beside the nats of the rows.
    pub weight: f64,
    /// How steeply two latent numbers count as different.
    pub delta: f64,
}

impl Default for AttributeOrder {
    /// No attributes.
    fn default() -> Self {
        Self {
            names: Vec::new(),
            weight: 10.0,
            delta: 2.0,
        }
    }
}

impl Default for TrainConfig {
    /// Magenta's, but for a batch of 64 (it has 512).
    fn default() -> Self {
        Self {
            batch_size: 64,
            micro_batch: 32,
            steps: 20_000,
            learning_rate: 1e-3,
            min_learning_rate: 1e-5,
            learning_rate_decay: 0.9999,
            schedule: Schedule::Exponential,
            weight_decay: 0.0,
            rehearsal: 0.0,
            max_beta: 1.0,
            beta_rate: 0.0,
            beta_steps: 0,
            free_bits: 0.0,
            prior_kernels: 0,
            attributes: AttributeOrder::default(),
            dropout_keep: 1.0,
            encoder_dropout_keep: None,
            augment: Augmentation::default(),
            conditions: ConditionSampling::default(),
            scheduled_sampling: ScheduledSampling::Constant { rate: 0.0 },
            gradient_clip: 1.0,
            average: 0.0,
            validate_every: 0,
            patience: 10,
            seed: 1,
        }
    }
}

impl TrainConfig {
    /// The settings that a checkpoint's training noted in it; `None` where it was imported or its training has not ended.
    #[must_use]
    pub fn noted_in(metadata: &Metadata) -> Option<Self> {
        let noted = metadata.metrics.pointer("/training/config/train")?;
        Self::deserialize(noted).ok()
    }
}

impl Config {
    /// A preset of this repository by its name or an alias, as it is.
    ///
    /// # Errors
    /// If there is none.
    pub fn preset(name: &str) -> Result<Self> {
        Self::resolve(name, None, &[])
    }

    /// Every preset, in the order of names.
    ///
    /// # Errors
    /// If a preset's file is wrong.
    pub fn presets() -> Result<Vec<Self>> {
        preset_names().map(Self::preset).collect()
    }

    /// A preset (a name, or the path of a file in the same form) under a file of settings under `key=value` settings.
    ///
    /// # Errors
    /// If one of them does not exist, is not TOML or has an unknown key, or if the result cannot be trained. The text
    /// names the file or setting, the key and what would be right.
    pub fn resolve(preset: &str, file: Option<&Path>, settings: &[String]) -> Result<Self> {
        let (name, table) = preset_table(preset)?;
        Self::overruled(&name, table, file, settings)
            .with_context(|| format!("in the preset {preset}"))
    }

    /// The settings of a run that starts from a trained model: the model's own, under those of fine-tuning, under a file
    /// of settings under `key=value` settings.
    ///
    /// # Errors
    /// As [`Self::resolve`], and if a setting would give the model other tensors.
    pub fn resolve_for_base(
        base: &Metadata,
        file: Option<&Path>,
        settings: &[String],
    ) -> Result<Self> {
        let name = &base.config.preset;
        let of_preset = || Some(Self::preset(name).ok()?.train);
        let own = Self {
            description: format!("The model {name}, trained further."),
            source: "docs/fine-tuning.md".to_owned(),
            aliases: Vec::new(),
            model: base.config.clone(),
            data: DataConfig::default(),
            train: TrainConfig::noted_in(base)
                .or_else(of_preset)
                .unwrap_or_default(),
        };
        let mut table = Table::try_from(own).context("the settings cannot be written as TOML")?;
        merge(&mut table, FINE_TUNING.parse()?);
        let config = Self::overruled(name, table, file, settings)?;
        ensure!(
            config.model.tensors() == base.config.tensors(),
            "a run that starts from a model keeps its sizes: leave out the settings of model"
        );
        Ok(config)
    }

    /// `table` under a file of settings under `key=value` settings.
    fn overruled(
        name: &str,
        mut table: Table,
        file: Option<&Path>,
        settings: &[String],
    ) -> Result<Self> {
        let known = Value::try_from(Self::of(name, table.clone())?)
            .context("the settings cannot be written as TOML")?;
        if let Some(path) = file {
            let origin = || format!("in the settings {}", path.display());
            merge(&mut table, read_table(path)?);
            Self::of(name, table.clone()).with_context(origin)?;
        }
        for setting in settings {
            apply(&mut table, setting, &known).with_context(|| format!("in --set {setting}"))?;
            Self::of(name, table.clone()).with_context(|| format!("in --set {setting}"))?;
        }
        let config = Self::of(name, table)?;
        config
            .check()
            .with_context(|| format!("{name} with these settings cannot be trained"))?;
        Ok(config)
    }

    fn of(name: &str, mut table: Table) -> Result<Self> {
        if let Some(Value::Table(model)) = table.get_mut("model") {
            model
                .entry("preset")
                .or_insert_with(|| Value::String(name.to_owned()));
        }
        Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| anyhow::anyhow!(with_suggestion(error.message())))
    }

    /// The drum map that the files are read with; `None` for the one that fits the data.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn drum_map(&self) -> Result<Option<&'static DrumMap>> {
        let word = &self.data.drum_map;
        if word == AUTO {
            return Ok(None);
        }
        maps::find(word).map(Some).context("in data.drum_map")
    }

    /// How the files are read.
    ///
    /// # Errors
    /// If there is no drum map of the name.
    pub fn reading(&self) -> Result<Reading> {
        let part = PartArgs {
            channel: self.data.channel,
            track: self.data.track,
        };
        Ok(Reading {
            map: self.drum_map()?,
            part: part.part(),
            repeat_to: self.data.repeat_short.then_some(self.model.window_steps()),
            validation: self.data.validation,
        })
    }

    /// The attributes that the first numbers of the latent are to stand for.
    ///
    /// # Errors
    /// If the model's music does not have one of them, or there are more than numbers.
    pub fn ordered_attributes(&self) -> Result<Vec<Attribute>> {
        let names = &self.train.attributes.names;
        ensure!(
            names.len() <= self.model.latent,
            "train.attributes.names has {} names, but model.latent only {} numbers",
            names.len(),
            self.model.latent
        );
        let known = Attribute::all(&self.model.converter);
        let named = |name: &String| {
            known
                .iter()
                .find(|one| one.id == name)
                .copied()
                .with_context(|| {
                    let ids: Vec<&str> = known.iter().map(|one| one.id).collect();
                    format!(
                        "train.attributes.names has {name:?}; this model's music has {}",
                        ids.join(", ")
                    )
                })
        };
        names.iter().map(named).collect()
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Naming the first such setting and its range.
    pub fn check(&self) -> Result<()> {
        self.model.check().map_err(anyhow::Error::msg)?;
        self.drum_map()?;
        let train = &self.train;
        let (augment, conditions) = (&train.augment, &train.conditions);
        for (name, value) in [
            ("train.batch_size", train.batch_size),
            ("train.micro_batch", train.micro_batch),
            ("train.steps", train.steps),
            ("train.patience", train.patience),
            ("data.hop_bars", self.data.hop_bars),
        ] {
            if value == 0 {
                bail!("{name} is 0, but must be at least 1");
            }
        }
        let (sampling, most) = match train.scheduled_sampling {
            ScheduledSampling::Constant { rate } | ScheduledSampling::Exponential { rate } => {
                (rate, 1.0)
            }
            ScheduledSampling::InverseSigmoid { rate } => (rate, 1e9),
        };
        for (name, value, low, high) in [
            ("learning_rate", train.learning_rate, 1e-9, 1.0),
            ("min_learning_rate", train.min_learning_rate, 0.0, 1.0),
            ("learning_rate_decay", train.learning_rate_decay, 1e-9, 1.0),
            ("weight_decay", train.weight_decay, 0.0, 1e3),
            ("rehearsal", train.rehearsal, 0.0, 100.0),
            ("max_beta", train.max_beta, 0.0, 1e6),
            ("beta_rate", train.beta_rate, 0.0, 1.0),
            ("free_bits", train.free_bits, 0.0, 1e6),
            ("attributes.weight", train.attributes.weight, 0.0, 1e6),
            ("attributes.delta", train.attributes.delta, 1e-3, 1e3),
            ("dropout_keep", train.dropout_keep, 0.01, 1.0),
            (
                "encoder_dropout_keep",
                train.encoder_dropout_keep.unwrap_or(1.0),
                0.01,
                1.0,
            ),
            ("augment.velocity_curve", augment.velocity_curve, 0.0, 1.0),
            (
                "augment.swap_hat_and_ride",
                augment.swap_hat_and_ride,
                0.0,
                1.0,
            ),
            ("augment.rotate_toms", augment.rotate_toms, 0.0, 1.0),
            ("conditions.style", conditions.style, 0.0, 1.0),
            ("conditions.tempo", conditions.tempo, 0.0, 1.0),
            ("conditions.fills", conditions.fills, 0.0, 1.0),
            ("conditions.hide_fills", conditions.hide_fills, 0.0, 1.0),
            ("conditions.known", conditions.known, 0.0, 1.0),
            ("conditions.drum", conditions.drum, 0.0, 1.0),
            ("conditions.bar", conditions.bar, 0.0, 1.0),
            ("gradient_clip", train.gradient_clip, 1e-9, 1e9),
            ("average", train.average, 0.0, 0.999_999),
            ("scheduled_sampling.rate", sampling, 0.0, most),
        ] {
            if !(low..=high).contains(&value) {
                bail!("train.{name} is {value}, but must lie between {low} and {high}");
            }
        }
        ensure!(
            train.beta_rate == 0.0 || train.beta_steps == 0,
            "train.beta_rate and train.beta_steps are two ways to the same weight: leave out one of them"
        );
        ensure!(
            !augment.is_on() || self.model.converter.keeps_feel(),
            "train.augment varies grooves, which this model's converter does not keep"
        );
        let n_steps = self.model.n_steps;
        ensure!(
            conditions.known == 0.0
                || (!conditions.kinds.is_empty()
                    && n_steps.is_multiple_of(STEPS_PER_BAR)
                    && n_steps > STEPS_PER_BAR),
            "train.conditions.known needs at least one of train.conditions.kinds, and a model of at least two whole bars"
        );
        self.ordered_attributes()?;
        Ok(())
    }
}

impl ScheduledSampling {
    /// The probability at a step.
    #[must_use]
    pub fn probability(self, step: usize) -> f64 {
        let power = |base: f64| base.powi(i32::try_from(step).unwrap_or(i32::MAX));
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
        let step = step as f64;
        match self {
            Self::Constant { rate } => rate,
            Self::Exponential { rate } => 1.0 - power(rate),
            Self::InverseSigmoid { rate } => 1.0 - rate / (rate + (step / rate).exp()),
        }
    }
}

#[cfg(test)]
mod tests;
