//! Everything that a training run is told, and the presets.

use anyhow::{Context as _, Result, bail};
use fourbar_model::config::ModelConfig;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a model is trained. Read from TOML, where every key may be left out; the resolved form is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Name of the model preset.
    pub preset: String,
    /// Grooves per step.
    pub batch_size: usize,
    /// Grooves that one thread works on at a time; does not change the result but for rounding.
    pub micro_batch: usize,
    /// Steps after which training ends, unless validation stops it earlier.
    pub steps: usize,
    /// Learning rate of the first step.
    pub learning_rate: f64,
    /// Learning rate that the decay approaches.
    pub min_learning_rate: f64,
    /// Factor on the learning rate (above its minimum) from one step to the next.
    pub learning_rate_decay: f64,
    /// Largest weight of the KL divergence.
    pub max_beta: f64,
    /// How slowly that weight is reached; 0: from step 1 on.
    pub beta_rate: f64,
    /// Information that the latent of one groove carries for nothing, in bits.
    pub free_bits: f64,
    /// Probability with which dropout keeps an input of a layer.
    pub dropout_keep: f64,
    /// Largest global norm of the gradient.
    pub gradient_clip: f64,
    /// Distance between the starts of two training windows, in bars.
    pub hop_bars: usize,
    /// Steps between two validations; 0: once an epoch.
    pub validate_every: usize,
    /// Validations without a better one after which training ends.
    pub patience: usize,
    /// Drum map that the training data is read with.
    pub drum_map: String,
    /// Seed of the initial weights, the order of the data, dropout and the posterior's noise.
    pub seed: u64,
}

impl Default for TrainConfig {
    /// [`TrainConfig::groovae_4bar`].
    fn default() -> Self {
        Self::groovae_4bar()
    }
}

impl TrainConfig {
    /// Magenta's `groovae_4bar`, but for a batch of 64 (it has 512) and windows that start on every bar.
    #[must_use]
    pub fn groovae_4bar() -> Self {
        Self {
            preset: "groovae_4bar".to_owned(),
            batch_size: 64,
            micro_batch: 32,
            steps: 20_000,
            learning_rate: 1e-3,
            min_learning_rate: 1e-5,
            learning_rate_decay: 0.9999,
            max_beta: 0.2,
            beta_rate: 0.0,
            free_bits: 48.0,
            dropout_keep: 0.3,
            gradient_clip: 1.0,
            hop_bars: 1,
            validate_every: 0,
            patience: 10,
            drum_map: "td11".to_owned(),
            seed: 1,
        }
    }

    /// The settings of a named preset.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        (name == "groovae_4bar").then(Self::groovae_4bar)
    }

    /// The settings of a TOML file; keys that it leaves out have their defaults.
    ///
    /// # Errors
    /// If the file cannot be read, is not TOML, or has an unknown key.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in the configuration {}", path.display()))
    }

    /// The sizes of the model to train.
    ///
    /// # Errors
    /// If there is no such preset.
    pub fn model(&self) -> Result<ModelConfig> {
        ModelConfig::preset(&self.preset)
            .with_context(|| format!("there is no preset {:?}; try groovae_4bar", self.preset))
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Naming the first such setting and its range.
    pub fn check(&self) -> Result<()> {
        self.model()?;
        for (name, value) in [
            ("batch_size", self.batch_size),
            ("micro_batch", self.micro_batch),
            ("steps", self.steps),
            ("hop_bars", self.hop_bars),
            ("patience", self.patience),
        ] {
            if value == 0 {
                bail!("{name} must be at least 1");
            }
        }
        for (name, value, low, high) in [
            ("learning_rate", self.learning_rate, 1e-9, 1.0),
            ("min_learning_rate", self.min_learning_rate, 0.0, 1.0),
            ("learning_rate_decay", self.learning_rate_decay, 1e-9, 1.0),
            ("max_beta", self.max_beta, 0.0, 1e6),
            ("beta_rate", self.beta_rate, 0.0, 1.0),
            ("free_bits", self.free_bits, 0.0, 1e6),
            ("dropout_keep", self.dropout_keep, 0.01, 1.0),
            ("gradient_clip", self.gradient_clip, 1e-9, 1e9),
        ] {
            if !(low..=high).contains(&value) {
                bail!("{name} is {value}, but must lie between {low} and {high}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;

    #[test]
    fn the_default_can_be_trained() {
        TrainConfig::default().check().unwrap();
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = toml::from_str::<TrainConfig>("learning_rat = 0.1").unwrap_err();
        assert!(error.to_string().contains("learning_rat"), "{error}");
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let config = TrainConfig {
            dropout_keep: 0.0,
            ..TrainConfig::default()
        };
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("dropout_keep")
        );
        let config = TrainConfig {
            learning_rate: f64::NAN,
            ..TrainConfig::default()
        };
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("learning_rate")
        );
    }
}
