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
        let mut sequence = x.transpose(0, 1)?.contiguous()?;
        let (top, below) = self
            .layers
            .split_last()
            .ok_or_else(|| candle_core::Error::Msg("an encoder has layers".to_owned()))?;
        for layer in below {
            let outputs = layer.both(&sequence, dropout, Lstm::sequence)?;
            sequence = Tensor::cat(&outputs, 2)?;
        }
        let last = Tensor::cat(&top.both(&sequence, dropout, Lstm::last)?, 1)?;
        Ok(Posterior {
            mu: self.mu.forward(&last)?,
            sigma: softplus(&self.sigma.forward(&last)?)?,
        })
    }
}

/// [`Lstm::sequence`] or [`Lstm::last`].
type Run = fn(&Lstm, &Tensor, &LstmState, Direction) -> Result<Tensor>;

impl Bidirectional {
    /// What `run` makes of a sequence, `[steps, batch, input]`, in either direction, each with its own dropout.
    fn both(&self, sequence: &Tensor, dropout: &mut Dropout, run: Run) -> Result<[Tensor; 2]> {
        let (_, batch, _) = sequence.dims3()?;
        let initial = LstmState::zeros(batch, self.forward.units(), sequence)?;
        let forward = dropout.apply(sequence)?;
        let backward = dropout.apply(sequence)?;
        Ok([
            run(&self.forward, &forward, &initial, Direction::Forward)?,
            run(&self.backward, &backward, &initial, Direction::Backward)?,
        ])
    }
}

/// ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e^−|x|).
fn softplus(x: &Tensor) -> Result<Tensor> {
    let tail = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    x.relu()? + tail
}
