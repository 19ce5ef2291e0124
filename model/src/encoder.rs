//! Rows to posterior: bidirectional LSTM layers, over the whole sequence or over segments and then over what they say.
//!
//! # Source
//! Magenta's `BidirectionalLstmEncoder` and `HierarchicalLstmEncoder`: the last output of each direction of the top
//! layer, side by side, through two dense layers to the mean and the standard deviation of the latent.

use crate::config::ModelConfig;
use crate::latent::Posterior;
use crate::layers::{Dense, Dropout, NEAR_ZERO};
use crate::lstm::{Direction, LstmState};
use crate::parameters::Parameters;
use crate::stack::Layer;
use candle_core::{Result, Tensor};

/// The encoder of a [`crate::vae::Vae`].
#[derive(Debug, Clone)]
pub struct Encoder {
    /// From the rows to the latent; a flat encoder has one.
    levels: Vec<Level>,
    mu: Dense,
    sigma: Dense,
}

/// Layers that make one vector of each sequence.
#[derive(Debug, Clone)]
struct Level {
    /// Length of the sequences; `None`: as long as they come.
    steps: Option<usize>,
    layers: Vec<[Layer; 2]>,
}

impl Encoder {
    /// The encoder of a configuration.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Result<Self> {
        let units = &config.encoder.units;
        let mut width = config.encoder_input();
        let mut levels = Vec::new();
        let mut level = |steps, parameters: &Parameters| -> Result<()> {
            let mut layers = Vec::with_capacity(units.len());
            for i in 0..units.len() {
                let parameters = parameters.under(format!("cell_{i}"));
                // Each layer of a bidirectional encoder is a stack of its own.
                let layer = |name| {
                    Layer::new(
                        0,
                        width,
                        &units[i..=i],
                        config.encoder.residual,
                        &parameters.under(name),
                    )
                };
                layers.push([layer("forward")?, layer("backward")?]);
                width = 2 * units[i];
            }
            levels.push(Level { steps, layers });
            Ok(())
        };
        if config.encoder.levels.is_empty() {
            level(None, parameters)?;
        }
        // The configuration names the level next to the latent first.
        for (i, steps) in config.encoder.levels.iter().rev().enumerate() {
            level(Some(*steps), &parameters.under(format!("level_{i}")))?;
        }
        Ok(Self {
            levels,
            mu: Dense::new(width, config.latent, NEAR_ZERO, &parameters.under("mu"))?,
            sigma: Dense::new(width, config.latent, NEAR_ZERO, &parameters.under("sigma"))?,
        })
    }

    /// The posterior of each sequence of a batch.
    ///
    /// # Shapes
    /// `x`: `[batch, steps, input]`; result: `[batch, latent]` each.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn forward(&self, x: &Tensor, dropout: &mut Dropout) -> Result<Posterior> {
        let batch = x.dim(0)?;
        let mut x = x.clone();
        for level in &self.levels {
            // Segments of one example are examples of their own at this level, and rows of one at the next.
            let (_, steps, width) = x.dims3()?;
            let steps = level.steps.unwrap_or(steps);
            let segments = x.reshape(((), steps, width))?;
            let last = level.last_outputs(&segments, dropout)?;
            x = last.reshape((batch, (), last.dim(1)?))?;
        }
        let last = x.squeeze(1)?;
        Ok(Posterior {
            mu: self.mu.forward(&last)?,
            sigma: softplus(&self.sigma.forward(&last)?)?,
        })
    }
}

impl Level {
    /// `[batch, steps, input]` to `[batch, 2 * units]`: where each direction of the top layer ends.
    fn last_outputs(&self, x: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
        let mut sequence = x.transpose(0, 1)?.contiguous()?;
        let (top, below) = self.layers.split_last().ok_or_else(|| {
            candle_core::Error::Msg("a level of an encoder has at least one layer".to_owned())
        })?;
        for layer in below {
            let outputs = both(layer, &sequence, dropout, Layer::sequence)?;
            sequence = Tensor::cat(&outputs, 2)?;
        }
        Tensor::cat(&both(top, &sequence, dropout, Layer::last)?, 1)
    }
}

/// [`Layer::sequence`] or [`Layer::last`].
type Run = fn(&Layer, &Tensor, &LstmState, Direction, &mut Dropout) -> Result<Tensor>;

/// What `run` makes of a sequence `[steps, batch, input]` in either direction.
fn both(
    [forward, backward]: &[Layer; 2],
    sequence: &Tensor,
    dropout: &mut Dropout,
    run: Run,
) -> Result<[Tensor; 2]> {
    let initial = LstmState::zeros(sequence.dim(1)?, forward.units(), sequence)?;
    Ok([
        run(forward, sequence, &initial, Direction::Forward, dropout)?,
        run(backward, sequence, &initial, Direction::Backward, dropout)?,
    ])
}

/// ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e), where e = e^−|x|.
///
/// Single precision loses a small e beside the 1, and with it a deviation that is small but not 0; there the first two
/// terms of the series, e − e²/2, are exact enough.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let e = x.abs()?.neg()?.exp()?;
    let series = (&e - (e.sqr()? * 0.5)?)?;
    let tail = e.lt(1e-3)?.where_cond(&series, &(&e + 1.0)?.log()?)?;
    x.relu()? + tail
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn softplus_is_exact_where_it_is_small_and_where_it_is_large() {
        for x in [
            -80.0, -17.0, -10.0, -7.0, -6.9, -1.0, 0.0, 0.5, 20.0, 90.0_f32,
        ] {
            let var = Var::from_slice(&[x], 1, &Device::Cpu).unwrap();
            let y = softplus(&var).unwrap();
            let found = y.to_vec1::<f32>().unwrap()[0];
            let expected = if x > 30.0 {
                f64::from(x)
            } else {
                f64::from(x).exp().ln_1p()
            };
            let error = (f64::from(found) / expected - 1.0).abs();
            assert!(error < 1e-4, "softplus of {x} is {found}, not {expected}");
            let gradient = y
                .backward()
                .unwrap()
                .get(&var)
                .unwrap()
                .to_vec1::<f32>()
                .unwrap()[0];
            let expected = 1.0 / (1.0 + (-f64::from(x)).exp());
            let error = f64::from(gradient) - expected;
            assert!(
                error.abs() < 1e-5,
                "its slope at {x} is {gradient}, not {expected}"
            );
        }
    }
}
