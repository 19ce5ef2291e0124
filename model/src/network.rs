//! Everything of a model that has weights: the encoder and the decoder.

use crate::config::ModelConfig;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::parameters::{Declaration, Parameters, declarations};
use candle_core::Result;

/// The networks of a model.
#[derive(Debug, Clone)]
pub struct Network {
    /// From rows to the posterior.
    pub encoder: Encoder,
    /// From the latent to rows.
    pub decoder: Decoder,
}

impl Network {
    /// The networks of a configuration that passes [`ModelConfig::check`].
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            encoder: Encoder::new(config, &parameters.under("encoder"))?,
            decoder: Decoder::new(config, parameters)?,
        })
    }
}

impl ModelConfig {
    /// Every tensor of a model that passes [`Self::check`], in the order in which its layers declare them.
    ///
    /// Kernels are `[in, out]`; an LSTM kernel is `[input + units, 4 * units]` with the rows of the input first and
    /// the gates in the order i, g, f, o.
    ///
    /// # Source
    /// Magenta's checkpoint layout, with names of our own.
    #[must_use]
    pub fn declarations(&self) -> Vec<Declaration> {
        declarations(|parameters| Network::new(self, parameters))
            .expect("a network that only lists its tensors misses none")
    }

    /// Name and shape of each of [`Self::declarations`].
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let declarations = self.declarations().into_iter();
        declarations.map(|one| (one.name, one.shape)).collect()
    }

    /// Number of weights.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        let declarations = self.declarations();
        let shapes = declarations.iter().map(|one| &one.shape);
        shapes.map(|shape| shape.iter().product::<usize>()).sum()
    }
}
