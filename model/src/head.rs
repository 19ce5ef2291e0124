//! Heads: from the numbers that a decoder puts out at a step to a row, and what a row costs in training.
//!
//! A head says which [`RowLayout`]s it consumes, and a model is only built if its converter gives one of them: the
//! decoder's numbers have no meaning but the one that the head gives them. A new head is a file beside the others and
//! its line in [`KINDS`].

use crate::config::DecoderConfig;
use crate::rows::RowLayout;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use std::fmt::Debug;

/// Declares the heads' files and lists what they offer: a new head is a line here.
macro_rules! heads {
    ($($file:ident,)*) => {
        $(mod $file;)*

        /// Every kind of head.
        pub const KINDS: &[HeadKind] = &[$($file::KIND),*];
    };
}

heads! {
    boolean,
    categorical,
    groove,
    nade,
}

/// Names and shapes of tensors.
pub type Shapes = Vec<(String, Vec<usize>)>;

/// What is known of a head without its weights.
#[derive(Debug)]
pub struct HeadKind {
    /// Name in configurations.
    pub name: &'static str,
    /// The layouts it consumes, in words.
    pub consumes_words: &'static str,
    /// Whether it consumes rows of this layout.
    pub consumes: fn(&RowLayout) -> bool,
    /// Numbers that it wants from the decoder at each step.
    pub n_outputs: fn(&RowLayout, &DecoderConfig) -> usize,
    /// Names and shapes of tensors of its own, below the decoder's.
    pub tensors: fn(&RowLayout, &DecoderConfig) -> Shapes,
    /// Builds it for a layout that it consumes, from the decoder's tensors.
    pub build: fn(&RowLayout, &DecoderConfig, &VarBuilder) -> Result<Box<dyn Head>>,
}

/// The last part of a decoder.
pub trait Head: Debug + Send + Sync {
    /// The parts of the reconstruction loss by name, each `[rows]`, in nats (squared errors count as nats).
    ///
    /// # Shapes
    /// `outputs`: `[rows, n_outputs]`; `targets`: `[rows, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>>;

    /// One row for each of a batch. At temperature 0 it is the most likely one, and `uniforms` are not looked at.
    ///
    /// # Shapes
    /// `outputs`: `[batch, n_outputs]`; `uniforms`: `[batch, n_uniforms]` in [0, 1); result: `[batch, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor>;

    /// Numbers from [0, 1) that one row uses up.
    fn n_uniforms(&self) -> usize;
}

/// The head of this name.
///
/// # Errors
/// If there is none; the text lists those there are.
pub fn kind(name: &str) -> std::result::Result<&'static HeadKind, String> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| format!("there is no head `{name}`, only {}", names.join(", ")))
}

/// The names of the heads that consume a layout.
#[must_use]
pub fn fitting(layout: &RowLayout) -> Vec<&'static str> {
    let fitting = KINDS.iter().filter(|kind| (kind.consumes)(layout));
    fitting.map(|kind| kind.name).collect()
}

/// What the `i`th choice of a row is called: the only rows with several are those of a trio.
#[must_use]
pub fn choice_name(i: usize) -> &'static str {
    ["melody", "bass", "drums"][i % 3]
}

/// For heads without tensors of their own.
fn no_tensors(_: &RowLayout, _: &DecoderConfig) -> Shapes {
    Vec::new()
}

/// Where `uniforms` is below the probability of a logit at `temperature`: 1, else 0; at temperature 0, where a one is at
/// least as likely as a zero.
fn draw(logits: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
    let drawn = if temperature > 0.0 {
        let probabilities = candle_nn::ops::sigmoid(&(logits / f64::from(temperature))?)?;
        uniforms.lt(&probabilities)?
    } else {
        candle_nn::ops::sigmoid(logits)?.ge(0.5)?
    };
    drawn.to_dtype(logits.dtype())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use candle_core::Device;

    #[test]
    fn at_temperature_zero_what_is_as_likely_as_not_plays() {
        let tensor = |values: [f32; 3]| Tensor::new(&values, &Device::Cpu).unwrap();
        let drawn = draw(&tensor([0.0, -0.01, 0.01]), 0.0, &tensor([0.9; 3])).unwrap();
        assert_eq!(drawn.to_vec1::<f32>().unwrap(), [1.0, 0.0, 1.0]);
    }
}
