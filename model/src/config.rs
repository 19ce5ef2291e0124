//! The size of a model, and the named presets.

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
}
