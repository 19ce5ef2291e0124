//! The size of a model, and the named presets.

use crate::groove::ROW;
use serde::{Deserialize, Serialize};

/// Everything that fixes the shapes of a model's tensors. Travels inside the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Name of the preset this configuration came from.
    pub preset: String,
    /// Length of one groove in 16th steps.
    pub n_steps: usize,
    /// Width of the latent vector.
    pub latent: usize,
    /// Units of each direction of each encoder layer.
    pub encoder_units: Vec<usize>,
    /// Units of each decoder layer.
    pub decoder_units: Vec<usize>,
}

impl ModelConfig {
    /// Magenta's `groovae_4bar`: 4,085,019 parameters.
    #[must_use]
    pub fn groovae_4bar() -> Self {
        Self {
            preset: "groovae_4bar".to_owned(),
            n_steps: 64,
            latent: 256,
            encoder_units: vec![512],
            decoder_units: vec![256, 256],
        }
    }

    /// The configuration of a named preset.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        (name == "groovae_4bar").then(Self::groovae_4bar)
    }

    /// Name and shape of every tensor of the model, in a fixed order.
    ///
    /// Kernels are `[in, out]`; an LSTM kernel is `[input + units, 4 * units]` with the rows of the input first and
    /// the gates in the order i, g, f, o.
    ///
    /// # Source
    /// Magenta's checkpoint layout, with names of our own.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = Vec::new();
        let mut lstm = |name: String, input: usize, units: usize| {
            tensors.push((format!("{name}.kernel"), vec![input + units, 4 * units]));
            tensors.push((format!("{name}.bias"), vec![4 * units]));
        };
        let mut width = ROW;
        for (i, &units) in self.encoder_units.iter().enumerate() {
            lstm(format!("encoder.cell_{i}.forward"), width, units);
            lstm(format!("encoder.cell_{i}.backward"), width, units);
            width = 2 * units;
        }
        let encoded = width;
        width = ROW + self.latent;
        for (i, &units) in self.decoder_units.iter().enumerate() {
            lstm(format!("decoder.cell_{i}"), width, units);
            width = units;
        }
        let decoded = width;
        let states = 2 * self.decoder_units.iter().sum::<usize>();
        for (name, input, output) in [
            ("encoder.mu", encoded, self.latent),
            ("encoder.sigma", encoded, self.latent),
            ("decoder.initial_state", self.latent, states),
            ("decoder.output", decoded, ROW),
        ] {
            tensors.push((format!("{name}.kernel"), vec![input, output]));
            tensors.push((format!("{name}.bias"), vec![output]));
        }
        tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groovae_4bar_has_the_parameters_of_the_original() {
        let n: usize = ModelConfig::groovae_4bar()
            .tensors()
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        assert_eq!(n, 4_085_019);
    }
}
