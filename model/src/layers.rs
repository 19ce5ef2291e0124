//! The small layers that encoder and decoder share.

use crate::activation::sigmoid;
use crate::affine::affine;
use crate::cpu::{read, values};
use crate::noise::Noise;
use crate::parameters::{Init, Parameters};
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor};
use pulp::{Arch, NullaryFnOnce};

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
        affine(x, &self.kernel, &self.bias)
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
        Mask::new(*keep, x.elem_count(), noise).apply(x)
    }

    /// [`Self::apply`] with half the probability of being dropped.
    ///
    /// # Errors
    /// If the device fails.
    pub fn apply_half(&mut self, x: &Tensor) -> Result<Tensor> {
        match self.half_mask(x.elem_count()) {
            Some(mask) => mask.apply(x),
            None => Ok(x.clone()),
        }
    }

    /// x σ(x), the activation between dense layers, and then [`Self::apply_half`].
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Source
    /// Hendrycks & Gimpel 2016.
    pub fn apply_half_to_silu(&mut self, x: &Tensor) -> Result<Tensor> {
        if !x.device().is_cpu() {
            return self.apply_half(&x.silu()?);
        }
        let mask = self.half_mask(x.elem_count());
        x.contiguous()?.apply_op1(Silu { mask })
    }

    fn half_mask(&mut self, n: usize) -> Option<Mask> {
        let (keep, noise) = self.0.as_mut()?;
        Some(Mask::new(0.5 + 0.5 * *keep, n, noise))
    }

    /// Ones in a tensor of this shape, with zeros for what is dropped.
    ///
    /// # Errors
    /// If the device fails.
    pub fn kept(&mut self, shape: (usize, usize, usize), device: &Device) -> Result<Tensor> {
        let Some((keep, noise)) = &mut self.0 else {
            return Tensor::ones(shape, DType::F32, device);
        };
        let kept = noise.chances(*keep, shape.0 * shape.1 * shape.2);
        let kept: Vec<f32> = kept
            .into_iter()
            .map(|kept| f32::from(u8::from(kept)))
            .collect();
        Tensor::from_vec(kept, shape, device)
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
    /// For `n` elements, each kept with probability `keep`.
    fn new(keep: f32, n: usize, noise: &mut Noise) -> Self {
        Self {
            kept: noise.chances(keep, n),
            scale: 1.0 / keep,
        }
    }

    fn apply(self, x: &Tensor) -> Result<Tensor> {
        if x.device().is_cpu() {
            return x.contiguous()?.apply_op1(self);
        }
        let factors = self.kept.iter().map(|&kept| self.factor(kept)).collect();
        x * Tensor::from_vec(factors, x.shape(), x.device())?
    }

    #[inline(always)]
    fn factor(&self, kept: bool) -> f32 {
        if kept { self.scale } else { 0.0 }
    }

    /// `values` with some of them dropped.
    #[inline(always)]
    fn drop(&self, values: &mut [f32]) {
        for (value, &kept) in values.iter_mut().zip(&self.kept) {
            *value *= self.factor(kept);
        }
    }
}

impl CustomOp1 for Mask {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut values = values(x, layout)?.to_vec();
        Arch::new().dispatch(|| self.drop(&mut values));
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(self)?))
    }
}

/// x σ(x) and dropout after it, as an operation of its own for the CPU: the general ones make seven tensors for the
/// gradient.
struct Silu {
    mask: Option<Mask>,
}

/// Multiplies each of `values` by σ(x) of its `x`, or by the slope of x σ(x) there; then dropout. (A type of its own,
/// because a closure need not be compiled for the instructions that it is dispatched to.)
struct Multiply<'a, const SLOPE: bool> {
    values: &'a mut [f32],
    x: &'a [f32],
    mask: Option<&'a Mask>,
}

impl<const SLOPE: bool> Multiply<'_, SLOPE> {
    #[inline(always)]
    fn factors<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
        let mut factors = sigmoid(x);
        if SLOPE {
            for (factor, x) in factors.iter_mut().zip(x) {
                *factor *= 1.0 + x * (1.0 - *factor);
            }
        }
        factors
    }
}

impl<const SLOPE: bool> NullaryFnOnce for Multiply<'_, SLOPE> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        const LANES: usize = 16;
        let (chunks, rest) = self.values.as_chunks_mut::<LANES>();
        let (of_chunks, of_rest) = self.x.as_chunks::<LANES>();
        for (values, x) in chunks.iter_mut().zip(of_chunks) {
            for (value, factor) in values.iter_mut().zip(Self::factors(*x)) {
                *value *= factor;
            }
        }
        for (value, x) in rest.iter_mut().zip(of_rest) {
            let [factor] = Self::factors([*x]);
            *value *= factor;
        }
        if let Some(mask) = self.mask {
            mask.drop(self.values);
        }
    }
}

impl CustomOp1 for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let mut result = x.to_vec();
        Arch::new().dispatch(Multiply::<false> {
            values: &mut result,
            x,
            mask: self.mask.as_ref(),
        });
        Ok((CpuStorage::F32(result), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let (numbers, gradient) = (read(x), read(&gradient));
        let mut result = gradient.values()?.to_vec();
        Arch::new().dispatch(Multiply::<true> {
            values: &mut result,
            x: numbers.values()?,
            mask: self.mask.as_ref(),
        });
        Ok(Some(Tensor::from_vec(result, x.shape(), &Device::Cpu)?))
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
    fn silu_and_its_slope_are_those_of_the_general_operation_with_dropout_and_without() {
        let values: Vec<f32> = Noise::from_seed(1)
            .normals(37)
            .iter()
            .map(|x| 4.0 * x)
            .collect();
        let x = Var::from_slice(&values, 37, &Device::Cpu).unwrap();
        let both = |y: Tensor| {
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let gradient = gradients.get(&x).unwrap().to_vec1::<f32>().unwrap();
            [y.to_vec1::<f32>().unwrap(), gradient].concat()
        };
        for dropout in [
            || Dropout::off(),
            || Dropout::keep(0.5, Noise::from_seed(2)),
        ] {
            let ours = both(dropout().apply_half_to_silu(&x).unwrap());
            let general = both(dropout().apply_half(&x.silu().unwrap()).unwrap());
            for (ours, general) in ours.iter().zip(&general) {
                assert!((ours - general).abs() < 1e-5 * general.abs().max(1.0));
            }
        }
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
