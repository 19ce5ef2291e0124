//! How exactly a checkpoint stores its weights.

use super::check::check_shape;
use super::damaged;
use candle_core::{DType, Device, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, TensorView};
use std::fmt;

/// The type that all weights of a file have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 16 bits a weight: models that were trained here, which end by rounding to it.
    Half,
    /// 32 bits a weight: models that were trained elsewhere, and would not be the same rounded.
    Single,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Half => "half precision",
            Self::Single => "single precision",
        })
    }
}

impl Precision {
    /// Its name in a file.
    pub(super) fn dtype(self) -> Dtype {
        match self {
            Self::Half => Dtype::F16,
            Self::Single => Dtype::F32,
        }
    }

    /// The precision of a file whose first tensor is this.
    pub(super) fn of_first(name: &str, view: &TensorView) -> Result<Self, String> {
        [Self::Half, Self::Single]
            .into_iter()
            .find(|precision| precision.dtype() == view.dtype())
            .ok_or_else(|| {
                format!(
                    "tensor `{name}` is stored as {:?}, expected F16 or F32; export the model again with `fourbar train` \
                     or `fourbar import`",
                    view.dtype()
                )
            })
    }

    /// The tensor in single precision.
    pub(super) fn read(
        self,
        name: &str,
        shape: &[usize],
        view: &TensorView,
    ) -> Result<Tensor, String> {
        if view.dtype() != self.dtype() {
            return Err(format!(
                "tensor `{name}` is stored as {:?}, expected {:?} as the tensors before it; export the model again with \
                 `fourbar train` or `fourbar import`",
                view.dtype(),
                self.dtype()
            ));
        }
        check_shape(name, shape, view.shape())?;
        let values: Vec<f32> = match self {
            Self::Half => {
                let (pairs, _) = view.data().as_chunks();
                let halves: Vec<f16> = pairs.iter().map(|pair| f16::from_le_bytes(*pair)).collect();
                halves.to_f32_vec()
            }
            Self::Single => {
                let (words, _) = view.data().as_chunks();
                words.iter().map(|word| f32::from_le_bytes(*word)).collect()
            }
        };
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(damaged(&format!(
                "value {place} of tensor `{name}` is {}, expected a finite number",
                values[place]
            )));
        }
        Tensor::from_vec(values, shape, &Device::Cpu).map_err(|error| error.to_string())
    }

    /// The tensor's values as a file holds them, each the nearest one that this precision has.
    pub(super) fn write(
        self,
        name: &str,
        shape: &[usize],
        tensor: &Tensor,
    ) -> Result<Vec<u8>, String> {
        check_shape(name, shape, tensor.dims())?;
        let values = tensor
            .to_dtype(DType::F32)
            .and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>())
            .map_err(|error| format!("tensor `{name}` cannot be read: {error}"))?;
        let mut bytes = Vec::with_capacity(values.len() * self.dtype().bitsize() / 8);
        for value in values {
            let half = f16::from_f32(value);
            let (is_finite, largest) = match self {
                Self::Half => (half.is_finite(), f16::MAX.to_f32()),
                Self::Single => (value.is_finite(), f32::MAX),
            };
            if !is_finite {
                return Err(format!(
                    "tensor `{name}` holds {value}, expected finite numbers of at most {largest}, which is what {self} \
                     stores; training has diverged: go back to an earlier checkpoint or lower the learning rate"
                ));
            }
            match self {
                Self::Half => bytes.extend_from_slice(&half.to_le_bytes()),
                Self::Single => bytes.extend_from_slice(&value.to_le_bytes()),
            }
        }
        Ok(bytes)
    }
}
