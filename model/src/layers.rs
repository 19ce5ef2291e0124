//! The small layers that encoder and decoder share.

use crate::activation::sigmoid;
use crate::noise::Noise;
use crate::parameters::{Init, Parameters};
use candle_core::{
    CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Storage, Tensor, bail,
};
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
        let keep = *keep;
        Self::masked(x, keep, noise)
    }

    /// [`Self::apply`] with half the probability of being dropped.
    ///
    /// # Errors
    /// If the device fails.
    pub fn apply_half(&mut self, x: &Tensor) -> Result<Tensor> {
        match &mut self.0 {
            Some((keep, noise)) => Self::masked(x, 0.5 + 0.5 * *keep, noise),
            None => Ok(x.clone()),
        }
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

    fn masked(x: &Tensor, keep: f32, noise: &mut Noise) -> Result<Tensor> {
        let mask = Mask {
            kept: noise.chances(keep, x.elem_count()),
            scale: 1.0 / keep,
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

/// x σ(x), the activation between dense layers.
///
/// # Errors
/// If the device fails.
///
/// # Source
/// Hendrycks & Gimpel 2016.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        x.contiguous()?.apply_op1(Silu)
    } else {
        x.silu()
    }
}

/// [`silu`] as an operation of its own for the CPU: the general one makes five tensors for the gradient.
struct Silu;

/// The values of [`silu`], or its slopes.
struct SiluOf<'a, const SLOPE: bool>(&'a [f32]);

impl<const SLOPE: bool> NullaryFnOnce for SiluOf<'_, SLOPE> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(self) -> Vec<f32> {
        const LANES: usize = 16;
        let mut result = self.0.to_vec();
        let (chunks, rest) = result.as_chunks_mut::<LANES>();
        for values in chunks {
            let sigmoids = sigmoid(*values);
            for (value, sigmoid) in values.iter_mut().zip(sigmoids) {
                *value = Self::of(*value, sigmoid);
            }
        }
        for value in rest {
            let [sigmoid] = sigmoid([*value]);
            *value = Self::of(*value, sigmoid);
        }
        result
    }
}

impl<const SLOPE: bool> SiluOf<'_, SLOPE> {
    #[inline(always)]
    fn of(x: f32, sigmoid: f32) -> f32 {
        if SLOPE {
            sigmoid * (1.0 + x * (1.0 - sigmoid))
        } else {
            x * sigmoid
        }
    }

    fn run(x: &CpuStorage, layout: &Layout) -> Result<Vec<f32>> {
        let (CpuStorage::F32(x), Some((start, end))) = (x, layout.contiguous_offsets()) else {
            bail!("silu needs contiguous f32 tensors");
        };
        Ok(Arch::new().dispatch(SiluOf::<SLOPE>(&x[start..end])))
    }
}

impl CustomOp1 for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = SiluOf::<false>::run(x, layout)?;
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let slopes = {
            let (storage, layout) = x.storage_and_layout();
            let Storage::Cpu(storage) = &*storage else {
                bail!("{} is for the CPU only", self.name());
            };
            SiluOf::<true>::run(storage, layout)?
        };
        let slopes = Tensor::from_vec(slopes, x.shape(), &Device::Cpu)?;
        Ok(Some((gradient * slopes)?))
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
    fn silu_and_its_slope_are_those_of_the_general_operation() {
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
        let (ours, general) = (both(silu(&x).unwrap()), both(x.silu().unwrap()));
        for (ours, general) in ours.iter().zip(&general) {
            assert!((ours - general).abs() < 1e-5 * general.abs().max(1.0));
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
