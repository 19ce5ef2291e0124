//! Latent to groove: a stack of LSTM layers that reads its own last row.
//!
//! # Source
//! Magenta's `BaseLstmDecoder` with the head of `GrooveLstmDecoder`.

mod fast;

pub use fast::FastDecoder;

use crate::config::ModelConfig;
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::layers::{Dense, Dropout};
use crate::lstm::{Direction, Lstm, LstmState};
use candle_core::{D, DType, Result, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::sigmoid;

/// The decoder of a [`crate::vae::GrooveVae`] in stock tensor operations: for training, for any device, and as the
/// reference of [`FastDecoder`].
#[derive(Debug, Clone)]
pub struct Decoder {
    n_steps: usize,
    initial_state: Dense,
    layers: Vec<Lstm>,
    output: Dense,
}

impl Decoder {
    /// The decoder whose tensors are under `vb`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, vb: &VarBuilder) -> Result<Self> {
        let mut width = ROW + config.latent;
        let mut layers = Vec::with_capacity(config.decoder_units.len());
        for (i, &units) in config.decoder_units.iter().enumerate() {
            layers.push(Lstm::new(width, units, &vb.pp(format!("cell_{i}")))?);
            width = units;
        }
        let states = 2 * config.decoder_units.iter().sum::<usize>();
        Ok(Self {
            n_steps: config.n_steps,
            initial_state: Dense::new(config.latent, states, &vb.pp("initial_state"))?,
            layers,
            output: Dense::new(width, ROW, &vb.pp("output"))?,
        })
    }

    /// The state of each layer before the first step: tanh of a dense layer over z, cut into c₀, h₀, c₁, h₁, …
    fn initial_states(&self, z: &Tensor) -> Result<Vec<LstmState>> {
        let packed = self.initial_state.forward(z)?.tanh()?;
        let mut first = 0;
        self.layers
            .iter()
            .map(|layer| {
                let units = layer.units();
                let c = packed.narrow(1, first, units)?;
                let h = packed.narrow(1, first + units, units)?;
                first += 2 * units;
                Ok(LstmState { c, h })
            })
            .collect()
    }

    /// What the decoder says of every step when the rows before it are the true ones.
    ///
    /// # Shapes
    /// `x`: `[batch, steps, 27]`; `z`: `[batch, latent]`; result `[batch, steps, 27]`, before the non-linearities of
    /// the head: logits of hits, then velocities before their sigmoid, then offsets before their tanh.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced(&self, x: &Tensor, z: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
        let (batch, steps, _) = x.dims3()?;
        let silence = Tensor::zeros((1, batch, ROW), DType::F32, x.device())?;
        let rows = x.transpose(0, 1)?;
        let previous = Tensor::cat(&[&silence, &rows.narrow(0, 0, steps - 1)?], 0)?;
        let every_step = z.unsqueeze(0)?.broadcast_as((steps, batch, z.dim(1)?))?;
        let mut sequence = Tensor::cat(&[&previous, &every_step.contiguous()?], 2)?;
        for (layer, initial) in self.layers.iter().zip(self.initial_states(z)?) {
            sequence = layer.sequence(&dropout.apply(&sequence)?, &initial, Direction::Forward)?;
        }
        let units = sequence.dim(2)?;
        let outputs = self
            .output
            .forward(&sequence.reshape((steps * batch, units))?)?;
        outputs.reshape((steps, batch, ROW))?.transpose(0, 1)
    }

    /// Grooves from latents, each row read back as the next one's input.
    ///
    /// A hit is drawn where `uniforms` is below its probability; at temperature 0 it is there where it is more likely
    /// than not. Velocities and offsets are the head's own values: temperature does not reach them.
    ///
    /// # Shapes
    /// `z`: `[batch, latent]`; `uniforms`: `[batch, steps, 9]` in [0, 1); result: `[batch, steps, 27]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sample(&self, z: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
        let mut states = self.initial_states(z)?;
        let mut previous = Tensor::zeros((z.dim(0)?, ROW), DType::F32, z.device())?;
        let mut rows = Vec::with_capacity(self.n_steps);
        for step in 0..self.n_steps {
            let mut x = Tensor::cat(&[&previous, z], 1)?;
            for (layer, state) in self.layers.iter().zip(&mut states) {
                *state = layer.step(&x, state)?;
                x = state.h.clone();
            }
            let head = self.output.forward(&x)?.chunk(3, D::Minus1)?;
            let [hits, velocities, offsets] = head.as_slice() else {
                candle_core::bail!("a groove row has three parts");
            };
            let hits = if temperature > 0.0 {
                let probabilities = sigmoid(&(hits / f64::from(temperature))?)?;
                uniforms
                    .narrow(1, step, 1)?
                    .squeeze(1)?
                    .lt(&probabilities)?
            } else {
                sigmoid(hits)?.gt(0.5)?
            };
            let hits = hits.to_dtype(DType::F32)?;
            previous = Tensor::cat(&[hits, sigmoid(velocities)?, offsets.tanh()?], 1)?;
            rows.push(previous.clone());
        }
        Tensor::stack(&rows, 1)
    }

    /// Numbers from [0, 1) that one groove of `n_steps` steps uses up.
    #[must_use]
    pub fn n_uniforms(n_steps: usize) -> usize {
        n_steps * N_VOICES
    }
}
