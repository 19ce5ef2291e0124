//! The tensors that a network is made of, each declared once: by the layer that uses it.
//!
//! A layer asks [`Parameters`] for its tensors by name and shape, and says how they begin. The same code then builds a
//! network from the tensors of a checkpoint, and lists the tensors that a checkpoint of it has.

use crate::noise::Noise;
use candle_core::{DType, Device, Result, Tensor, bail};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A tensor of a network before there are any values.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its full name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How it begins.
    pub init: Init,
}

/// The values of a tensor before training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Zeros.
    Zeros,
    /// Uniform within ±√(6 / (rows + columns)).
    ///
    /// # Source
    /// Glorot & Bengio 2010.
    Glorot,
    /// Normal with mean 0 and this deviation.
    Normal(f32),
    /// [`Self::Normal`], drawn again until it lies within two deviations.
    CutNormal(f32),
}

/// Where the layers of a network get their tensors from.
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    prefix: String,
    source: Source<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Tensors(&'a BTreeMap<String, Tensor>),
    /// There are none: what is asked for is listed.
    List(&'a RefCell<Vec<Declaration>>),
}

impl Declaration {
    /// What the tensor is before training, on the CPU.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn draw(&self, noise: &mut Noise) -> Result<Tensor> {
        let n = self.shape.iter().product();
        let values = match self.init {
            Init::Zeros => vec![0.0; n],
            Init::Glorot => {
                let limit = (6.0 / narrow(self.shape.iter().sum())).sqrt();
                let uniforms = noise.uniforms(n);
                uniforms.iter().map(|u| (2.0 * u - 1.0) * limit).collect()
            }
            Init::Normal(deviation) => noise.normals(n).iter().map(|x| deviation * x).collect(),
            Init::CutNormal(deviation) => (0..n).map(|_| deviation * cut_normal(noise)).collect(),
        };
        Tensor::from_vec(values, self.shape.as_slice(), &Device::Cpu)
    }
}

impl<'a> Parameters<'a> {
    /// These tensors, by their full names.
    #[must_use]
    pub fn new(tensors: &'a BTreeMap<String, Tensor>) -> Self {
        Self {
            prefix: String::new(),
            source: Source::Tensors(tensors),
        }
    }

    /// Those whose names begin with this name and a dot.
    #[must_use]
    pub fn under(&self, name: impl AsRef<str>) -> Self {
        Self {
            prefix: self.full_name(name.as_ref()),
            source: self.source,
        }
    }

    /// The tensor of this name, which has to have this shape; `init` is what it is before training.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn get(&self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        let name = self.full_name(name);
        match self.source {
            Source::Tensors(tensors) => match tensors.get(&name) {
                Some(tensor) if tensor.dims() == shape => Ok(tensor.clone()),
                Some(tensor) => bail!(
                    "tensor `{name}` has shape {:?}, expected {shape:?}",
                    tensor.dims()
                ),
                None => bail!("tensor `{name}` is missing, expected with shape {shape:?}"),
            },
            Source::List(list) => {
                list.borrow_mut().push(Declaration {
                    name,
                    shape: shape.to_vec(),
                    init,
                });
                // One number, seen in every place: sizes alone must not take memory.
                Tensor::zeros(1, DType::F32, &Device::Cpu)?.broadcast_as(shape)
            }
        }
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.prefix)
        }
    }
}

/// Every tensor that `build` asks for, in that order.
///
/// # Errors
/// If it fails.
pub fn declarations<T>(build: impl FnOnce(&Parameters) -> Result<T>) -> Result<Vec<Declaration>> {
    let list = RefCell::new(Vec::new());
    build(&Parameters {
        prefix: String::new(),
        source: Source::List(&list),
    })?;
    Ok(list.into_inner())
}

#[expect(clippy::cast_precision_loss, reason = "widths of layers are small")]
fn narrow(size: usize) -> f32 {
    size as f32
}

/// A standard normal number, drawn again until it lies within two deviations.
fn cut_normal(noise: &mut Noise) -> f32 {
    loop {
        let x = noise.normal();
        if x.abs() <= 2.0 {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn build(parameters: &Parameters) -> Result<Tensor> {
        let parameters = parameters.under("decoder").under("output");
        parameters.get("kernel", &[2, 1000], Init::Glorot)?;
        parameters.get("bias", &[3], Init::Zeros)
    }

    #[test]
    fn what_is_listed_is_what_is_asked_for_and_begins_as_it_was_declared() {
        let list = declarations(build).unwrap();
        let names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["decoder.output.kernel", "decoder.output.bias"]);
        let mut noise = Noise::from_seed(1);
        let tensors: BTreeMap<String, Tensor> = list
            .iter()
            .map(|one| (one.name.clone(), one.draw(&mut noise).unwrap()))
            .collect();
        let kernel = tensors["decoder.output.kernel"].flatten_all().unwrap();
        let largest: f32 = kernel.abs().unwrap().max(0).unwrap().to_scalar().unwrap();
        let limit = (6.0_f32 / 1002.0).sqrt();
        assert!((0.99 * limit..=limit).contains(&largest), "{largest}");
        let bias = build(&Parameters::new(&tensors)).unwrap();
        assert_eq!(bias.to_vec1::<f32>().unwrap(), [0.0; 3]);
    }

    #[test]
    fn a_tensor_that_is_missing_or_misshapen_is_named() {
        let mut tensors = BTreeMap::new();
        let problem = |tensors: &BTreeMap<String, Tensor>| {
            build(&Parameters::new(tensors)).unwrap_err().to_string()
        };
        assert!(problem(&tensors).contains("`decoder.output.kernel` is missing"));
        let narrow = Tensor::zeros((2, 9), DType::F32, &Device::Cpu).unwrap();
        tensors.insert("decoder.output.kernel".to_owned(), narrow);
        assert!(problem(&tensors).contains("has shape [2, 9], expected [2, 1000]"));
    }

    #[test]
    fn a_cut_normal_stays_within_two_deviations() {
        let one = Declaration {
            name: String::new(),
            shape: vec![10_000],
            init: Init::CutNormal(0.5),
        };
        let values: Vec<f32> = one
            .draw(&mut Noise::from_seed(1))
            .unwrap()
            .to_vec1()
            .unwrap();
        let largest = values
            .iter()
            .fold(0.0_f32, |largest, x| largest.max(x.abs()));
        assert!((0.98..=1.0).contains(&largest), "{largest}");
    }
}
