//! Groove to posterior: a stack of bidirectional LSTM layers.
//!
//! # Source
//! Magenta's `BidirectionalLstmEncoder`: the last output of each direction of the top layer, side by side, through two
//! dense layers to the mean and the standard deviation of the latent.

use crate::config::ModelConfig;
use crate::groove::ROW;
use crate::latent::Posterior;
use crate::layers::{Dense, Dropout};
use crate::lstm::{Direction, Lstm, LstmState};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// The encoder of a [`crate::vae::GrooveVae`].
#[derive(Debug, Clone)]
pub struct Encoder {
    layers: Vec<Bidirectional>,
    mu: Dense,
    sigma: Dense,
}

#[derive(Debug, Clone)]
struct Bidirectional {
    forward: Lstm,
    backward: Lstm,
}

impl Encoder {
    /// The encoder whose tensors are under `vb`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, vb: &VarBuilder) -> Result<Self> {
        let mut width = ROW;
        let mut layers = Vec::with_capacity(config.encoder_units.len());
        for (i, &units) in config.encoder_units.iter().enumerate() {
            let vb = vb.pp(format!("cell_{i}"));
            layers.push(Bidirectional {
                forward: Lstm::new(width, units, &vb.pp("forward"))?,
                backward: Lstm::new(width, units, &vb.pp("backward"))?,
            });
            width = 2 * units;
        }
        Ok(Self {
            layers,
            mu: Dense::new(width, config.latent, &vb.pp("mu"))?,
            sigma: Dense::new(width, config.latent, &vb.pp("sigma"))?,
        })
    }

    /// The posterior of each groove of a batch.
    ///
    /// # Shapes
    /// `x`: `[batch, steps, 27]`; result: `[batch, latent]` each.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn forward(&self, x: &Tensor, dropout: &mut Dropout) -> Result<Posterior> {
        let (batch, steps, _) = x.dims3()?;
        let mut sequence = x.transpose(0, 1)?.contiguous()?;
        let mut directions = [sequence.clone(), sequence.clone()];
        for layer in &self.layers {
            let initial = LstmState::zeros(batch, layer.forward.units(), &sequence)?;
            let forward = dropout.apply(&sequence)?;
            let backward = dropout.apply(&sequence)?;
            directions = [
                layer
                    .forward
                    .sequence(&forward, &initial, Direction::Forward)?,
                layer
                    .backward
                    .sequence(&backward, &initial, Direction::Backward)?,
            ];
            sequence = Tensor::cat(&directions, 2)?;
        }
        let [forward, backward] = directions;
        let last = Tensor::cat(&[forward.get(steps - 1)?, backward.get(0)?], 1)?;
        Ok(Posterior {
            mu: self.mu.forward(&last)?,
            sigma: softplus(&self.sigma.forward(&last)?)?,
        })
    }
}

/// ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e^−|x|).
fn softplus(x: &Tensor) -> Result<Tensor> {
    let tail = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    x.relu()? + tail
}
