//! One of many classes, or several such choices side by side.

use super::{HeadKind, HeadLayer, choice_name};
use crate::parameters::Parameters;
use crate::rows::RowLayout;
use candle_core::{D, DType, Result, Tensor};
use candle_nn::ops::{log_softmax, softmax};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One class is chosen of each choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Categorical;

impl HeadKind for Categorical {
    fn consumes(layout: &RowLayout) -> bool {
        matches!(layout, RowLayout::OneHot { .. } | RowLayout::OneHots { .. })
    }

    fn consumes_words(&self) -> &'static str {
        "one of several classes"
    }

    fn build(&self, layout: &RowLayout, _: &Parameters) -> Result<Arc<dyn HeadLayer>> {
        let classes = match layout {
            RowLayout::OneHots { classes } => classes.clone(),
            layout => vec![layout.width()],
        };
        Ok(Arc::new(CategoricalLayer { classes }))
    }
}

/// Outputs are the logits of every choice.
///
/// # Source
/// Magenta's `CategoricalLstmDecoder`; for several choices its `MultiOutCategoricalLstmDecoder`.
#[derive(Debug)]
struct CategoricalLayer {
    classes: Vec<usize>,
}

impl CategoricalLayer {
    /// The columns of every choice.
    fn choices(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let mut first = 0;
        let choice = |classes: &usize| {
            let columns = x.narrow(D::Minus1, first, *classes);
            first += classes;
            columns
        };
        self.classes.iter().map(choice).collect()
    }
}

impl HeadLayer for CategoricalLayer {
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>> {
        let outputs = self.choices(outputs)?;
        let targets = self.choices(targets)?;
        let parts = outputs.iter().zip(&targets).enumerate();
        parts
            .map(|(i, (logits, target))| {
                let name = if self.classes.len() == 1 {
                    "labels"
                } else {
                    choice_name(i)
                };
                let log_likelihood = (log_softmax(logits, D::Minus1)? * target)?;
                Ok((name, log_likelihood.sum(D::Minus1)?.neg()?))
            })
            .collect()
    }

    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
        let choices = self.choices(outputs)?;
        let rows = choices
            .iter()
            .enumerate()
            .map(|(i, logits)| {
                let label = if temperature > 0.0 {
                    let probabilities = softmax(&(logits / f64::from(temperature))?, D::Minus1)?;
                    inverse_cdf(&probabilities, &uniforms.narrow(D::Minus1, i, 1)?)?
                } else {
                    logits.contiguous()?.argmax(D::Minus1)?
                };
                one_hot(&label, self.classes[i])
            })
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&rows, D::Minus1)
    }

    fn n_uniforms(&self) -> usize {
        self.classes.len()
    }
}

/// The first class at which the sum of the probabilities exceeds the uniform, `[batch]`.
fn inverse_cdf(probabilities: &Tensor, uniforms: &Tensor) -> Result<Tensor> {
    let classes = probabilities.dim(D::Minus1)?;
    let passed = probabilities.cumsum(D::Minus1)?.broadcast_le(uniforms)?;
    let label = passed.to_dtype(DType::U32)?.sum(D::Minus1)?;
    // The sum of all may round to less than a uniform.
    let last = u32::try_from(classes - 1).expect("a choice has fewer than 2^32 classes");
    label.minimum(last)
}

fn one_hot(labels: &Tensor, classes: usize) -> Result<Tensor> {
    let classes = u32::try_from(classes).expect("a choice has fewer than 2^32 classes");
    let places = Tensor::arange(0, classes, labels.device())?.unsqueeze(0)?;
    places
        .broadcast_eq(&labels.unsqueeze(1)?)?
        .to_dtype(DType::F32)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use candle_core::Device;

    fn head() -> CategoricalLayer {
        CategoricalLayer {
            classes: vec![2, 3],
        }
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_number_of_classes() {
        let outputs = Tensor::zeros((1, 5), DType::F32, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[[0f32, 1.0, 0.0, 0.0, 1.0]], &Device::Cpu).unwrap();
        let loss = head().loss(&outputs, &targets).unwrap();
        for ((name, part), (expected_name, classes)) in
            loss.iter().zip([("melody", 2f32), ("bass", 3.0)])
        {
            let nats = part.to_vec1::<f32>().unwrap()[0];
            assert_eq!(*name, expected_name);
            assert!((nats - classes.ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn each_choice_is_drawn_by_its_own_uniform() {
        let outputs = Tensor::new(&[[0f32, 0.0, 0.0, 0.0, 0.0]; 3], &Device::Cpu).unwrap();
        let uniforms = Tensor::new(
            &[[0.49f32, 0.99999994], [0.5, 0.0], [0.0, 0.4]],
            &Device::Cpu,
        )
        .unwrap();
        let rows = head().sample(&outputs, 1.0, &uniforms).unwrap();
        assert_eq!(
            rows.to_vec2::<f32>().unwrap(),
            [
                [1., 0., 0., 0., 1.],
                [0., 1., 1., 0., 0.],
                [1., 0., 0., 1., 0.]
            ]
        );
    }

    #[test]
    fn temperature_zero_is_the_largest_logit() {
        let outputs = Tensor::new(&[[1f32, 2.0, -1.0, 5.0, 0.0]], &Device::Cpu).unwrap();
        let uniforms = Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap();
        let rows = head().sample(&outputs, 0.0, &uniforms).unwrap();
        assert_eq!(rows.to_vec2::<f32>().unwrap(), [[0., 1., 0., 1., 0.]]);
    }
}
