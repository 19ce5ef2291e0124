//! Latent to rows.
//!
//! A [`RowDecoder`] ends in a head that draws a whole row at once, as Magenta's do. A [`CellDecoder`] draws the cells of a
//! row one after the other.

mod cells;
mod fast;
mod rows;

pub use cells::CellDecoder;
pub use fast::FastDecoder;
pub use rows::RowDecoder;

use crate::conditions::Conditions;
use crate::config::ModelConfig;
use crate::head::Head;
use crate::layers::Dropout;
use crate::noise::Noise;
use crate::parameters::Parameters;
use crate::temperature::Temperature;
use candle_core::{Result, Tensor, bail};

/// The decoder of a [`crate::vae::Vae`] in stock tensor operations: for training, for any device, and as the reference
/// of [`FastDecoder`].
#[derive(Debug, Clone)]
pub enum Decoder {
    /// Row after row.
    Rows(RowDecoder),
    /// Cell after cell.
    Cells(Box<CellDecoder>),
}

impl Decoder {
    /// The decoder of a configuration, whose tensors are all named below `decoder`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Result<Self> {
        Ok(match &config.decoder.head {
            Head::Cells(sizes) => Self::Cells(Box::new(CellDecoder::new(
                config,
                sizes,
                &parameters.under("decoder"),
            )?)),
            _ => Self::Rows(RowDecoder::new(config, parameters)?),
        })
    }

    /// What the decoder says of every step when the rows before it are the true ones: the numbers that decide a row, one
    /// tensor for each part of a split decoder.
    ///
    /// # Shapes
    /// `rows`: `[batch, steps, width]`; `z`: `[batch, latent]`; `conditions`: one for each of the batch; result:
    /// `[batch, steps, n_outputs]` for each part.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced(
        &self,
        rows: &Tensor,
        z: &Tensor,
        conditions: &[Conditions],
        dropout: &mut Dropout,
    ) -> Result<Vec<Tensor>> {
        match self {
            Self::Rows(decoder) => decoder.teacher_forced(rows, z, conditions, dropout),
            Self::Cells(decoder) => Ok(vec![decoder.teacher_forced(rows, z, conditions, dropout)?]),
        }
    }

    /// [`Self::teacher_forced`], but for each step and example the row before it is, with this probability, one that
    /// the decoder has drawn itself at temperature 1 (scheduled sampling).
    ///
    /// # Errors
    /// If shapes differ or the device fails, or the decoder draws cells.
    pub fn scheduled(
        &self,
        rows: &Tensor,
        z: &Tensor,
        conditions: &[Conditions],
        probability: f32,
        noise: &mut Noise,
        dropout: &mut Dropout,
    ) -> Result<Vec<Tensor>> {
        match self {
            Self::Rows(decoder) => {
                decoder.scheduled(rows, z, conditions, probability, noise, dropout)
            }
            Self::Cells(_) => bail!("a decoder of cells learns without scheduled sampling"),
        }
    }

    /// Sequences from latents, each row read back as the next one's input.
    ///
    /// # Shapes
    /// `z`: `[batch, latent]`; `conditions`: one for each of the batch; `uniforms`: `[batch, steps, n_uniforms]` in
    /// [0, 1); result: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sample(
        &self,
        z: &Tensor,
        conditions: &[Conditions],
        temperature: Temperature,
        uniforms: &Tensor,
    ) -> Result<Tensor> {
        match self {
            Self::Rows(decoder) => decoder.sample(z, conditions, temperature.hits, uniforms),
            Self::Cells(decoder) => decoder.sample(z, conditions, temperature, uniforms),
        }
    }

    /// The parts of the reconstruction loss by name, each `[batch]`: sums over the steps, in nats.
    ///
    /// # Shapes
    /// `outputs`: as from [`Self::teacher_forced`]; `targets`: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn loss(
        &self,
        outputs: &[Tensor],
        targets: &Tensor,
        conditions: &[Conditions],
    ) -> Result<Vec<(&'static str, Tensor)>> {
        match (self, outputs) {
            (Self::Rows(decoder), outputs) => decoder.loss(outputs, targets),
            (Self::Cells(decoder), [cells]) => decoder.loss(cells, targets, conditions),
            (Self::Cells(_), parts) => bail!("{} parts of a decoder that has one", parts.len()),
        }
    }

    /// The most likely rows, given outputs of [`Self::teacher_forced`].
    ///
    /// # Shapes
    /// Result: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn most_likely(&self, outputs: &[Tensor]) -> Result<Tensor> {
        match (self, outputs) {
            (Self::Rows(decoder), outputs) => decoder.most_likely(outputs),
            (Self::Cells(decoder), [cells]) => decoder.most_likely(cells),
            (Self::Cells(_), parts) => bail!("{} parts of a decoder that has one", parts.len()),
        }
    }

    /// Numbers from [0, 1) that one row uses up.
    #[must_use]
    pub fn n_uniforms(&self) -> usize {
        match self {
            Self::Rows(decoder) => decoder.n_uniforms(),
            Self::Cells(_) => cells::UNIFORMS,
        }
    }
}
