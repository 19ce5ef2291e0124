//! The small layers that encoder and decoder share.

use crate::noise::Noise;
use crate::parameters::{Init, Parameters};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

/// How layers into and out of the latent begin, as in Magenta.
pub(crate) const NEAR_ZERO: Init = Init::Normal(0.001);

/// An affine layer with its kernel stored `[input, output]`, as TensorFlow does.
#[derive(Debug, Clone)]
pub struct Dense {
    /// `[input, output]`.
    pub(crate) kernel: Tensor,
    /// `[output]`.
    pub(crate) bias: Tensor,
}

impl Dense {
    /// The layer whose tensors are `kernel`, which begins as `init`, and `bias`, which begins as zeros.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(input: usize, output: usize, init: Init, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            kernel: parameters.get("kernel", &[input, output], init)?,
            bias: parameters.get("bias", &[output], Init::Zeros)?,
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
        let mask = Mask {
            kept: noise.chances(*keep, x.elem_count()),
            scale: 1.0 / *keep,
        };
        if x.device().is_cpu() {
            return x.contiguous()?.apply_op1(mask);
        }
        let factors: Vec<f32> = mask.factors().collect();
        x * Tensor::from_vec(factors, x.shape(), x.device())?
    }
}

/// Which elements of a tensor are kept, as an operation of its own for the CPU: the gradient of a product with a
/// mask would be worked out for the mask as well.
struct Mask {
    kept: Vec<bool>,
    /// Of the elements that are kept.
    scale: f32,
}

impl Mask {
    fn factors(&self) -> impl Iterator<Item = f32> {
        self.kept
            .iter()
            .map(|&kept| if kept { self.scale } else { 0.0 })
    }
}

impl CustomOp1 for Mask {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(x), Some((start, end))) = (x, layout.contiguous_offsets()) else {
            bail!("{} needs contiguous f32 tensors", self.name());
        };
        let x = x[start..end].iter();
        let values = x.zip(self.factors()).map(|(x, factor)| x * factor);
        Ok((CpuStorage::F32(values.collect()), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(self)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;
    use candle_core::{DType, Device, Var};

    #[test]
    fn dropout_keeps_its_share_scales_it_up_and_treats_the_gradient_alike() {
        let x = Var::ones((100, 1_000), DType::F32, &Device::Cpu).unwrap();
        let mut dropout = Dropout::keep(0.3, Noise::from_seed(1));
        let dropped = dropout.apply(&x).unwrap();
        let values: Vec<f32> = dropped.flatten_all().unwrap().to_vec1().unwrap();
        assert!(values.iter().all(|&x| x == 0.0 || x == 1.0 / 0.3));
        let share = values.iter().filter(|&&x| x != 0.0).count();
        // Five standard deviations of 100,000 draws.
        assert!(share.abs_diff(30_000) < 725, "{share}");
        let gradients = dropped.sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap();
        assert_eq!(gradient.to_vec1::<f32>().unwrap(), values);
    }

    #[test]
    fn dropout_that_keeps_all_or_is_off_changes_nothing() {
        let x = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        for mut dropout in [Dropout::off(), Dropout::keep(1.0, Noise::from_seed(1))] {
            let kept = dropout.apply(&x).unwrap();
            assert_eq!(kept.to_vec1::<f32>().unwrap(), [1.0, 2.0]);
        }
    }
}
