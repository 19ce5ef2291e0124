//! The small layers that encoder and decoder share.

use crate::noise::Noise;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// An affine layer with its kernel stored `[input, output]`, as TensorFlow does.
#[derive(Debug, Clone)]
pub struct Dense {
    kernel: Tensor,
    bias: Tensor,
}

impl Dense {
    /// The layer whose tensors `kernel` and `bias` are in `vb`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(input: usize, output: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            kernel: vb.get((input, output), "kernel")?,
            bias: vb.get(output, "bias")?,
        })
    }

    /// # Shapes
    /// `x`: `[rows, input]`; result: `[rows, output]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.kernel)?.broadcast_add(&self.bias)
    }
}

/// Dropout on the inputs of layers, from a seeded stream; off outside training.
///
/// # Source
/// Magenta's `DropoutWrapper` with an input keep probability: a fresh mask for every element, the kept ones divided by
/// the probability of being kept.
#[derive(Debug)]
pub struct Dropout(Option<(f32, Noise)>);

impl Dropout {
    /// No dropout.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Keeps each element with probability `keep`, which must be greater than 0.
    #[must_use]
    pub fn keep(keep: f32, noise: Noise) -> Self {
        Self((keep < 1.0).then_some((keep, noise)))
    }

    /// `x` with some of its elements dropped.
    ///
    /// # Errors
    /// If the device fails.
    pub fn apply(&mut self, x: &Tensor) -> Result<Tensor> {
        let Some((keep, noise)) = &mut self.0 else {
            return Ok(x.clone());
        };
        let mask: Vec<f32> = (0..x.elem_count())
            .map(|_| {
                if noise.uniform() < *keep {
                    1.0 / *keep
                } else {
                    0.0
                }
            })
            .collect();
        x * Tensor::from_vec(mask, x.shape(), x.device())?
    }
}
