//! The classes of a roll one after the other, each given those before it.

use super::{HeadKind, HeadLayer, draw};
use crate::parameters::{Init, Parameters};
use crate::rows::RowLayout;
use candle_core::{D, Result, Tensor};
use candle_nn::ops::sigmoid;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Added to probabilities before their logarithm is taken.
const LOG_EPSILON: f64 = 1e-6;

/// What plays depends on the classes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nade {
    /// Hidden units.
    pub hidden: usize,
}

impl HeadKind for Nade {
    fn consumes(layout: &RowLayout) -> bool {
        matches!(layout, RowLayout::Roll { .. })
    }

    fn consumes_words(&self) -> &'static str {
        "a roll"
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![("hidden", self.hidden)]
    }

    fn n_outputs(&self, layout: &RowLayout) -> usize {
        self.hidden + layout.width()
    }

    fn build(&self, layout: &RowLayout, parameters: &Parameters) -> Result<Arc<dyn HeadLayer>> {
        let shape = [layout.width(), self.hidden];
        #[expect(clippy::cast_precision_loss, reason = "a roll has few classes")]
        let init = Init::CutNormal((layout.width() as f32).sqrt().recip());
        Ok(Arc::new(NadeLayer {
            encode: parameters.get("nade.encode", &shape, init)?,
            decode: parameters.get("nade.decode", &shape, init)?,
        }))
    }
}

/// Outputs are the biases of the hidden units, then those of the classes.
///
/// # Source
/// Boulanger-Lewandowski et al. 2012, the neural autoregressive distribution estimator, as Magenta's `Nade` has it.
#[derive(Debug)]
struct NadeLayer {
    /// `[classes, hidden]`.
    encode: Tensor,
    /// `[classes, hidden]`.
    decode: Tensor,
}

impl NadeLayer {
    /// Goes through the classes; `row` is given the class and its logit `[rows]`, and says what plays `[rows]`.
    fn walk(
        &self,
        outputs: &Tensor,
        mut row: impl FnMut(usize, &Tensor) -> Result<Tensor>,
    ) -> Result<()> {
        let (classes, hidden) = self.encode.dims2()?;
        let mut a = outputs.narrow(D::Minus1, 0, hidden)?;
        for class in 0..classes {
            let bias = outputs.narrow(D::Minus1, hidden + class, 1)?;
            let weights = self.decode.narrow(0, class, 1)?;
            let logit = (sigmoid(&a)?
                .broadcast_mul(&weights)?
                .sum_keepdim(D::Minus1)?
                + bias)?
                .squeeze(D::Minus1)?;
            let plays = row(class, &logit)?.unsqueeze(D::Minus1)?;
            a = (a + plays.broadcast_mul(&self.encode.narrow(0, class, 1)?)?)?;
        }
        Ok(())
    }
}

impl HeadLayer for NadeLayer {
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>> {
        let mut logits = Vec::new();
        self.walk(outputs, |class, logit| {
            logits.push(logit.clone());
            targets.narrow(D::Minus1, class, 1)?.squeeze(D::Minus1)
        })?;
        let p = sigmoid(&Tensor::stack(&logits, D::Minus1)?)?;
        let present = (targets * (&p + LOG_EPSILON)?.log()?)?;
        let absent = ((1.0 - targets)? * ((1.0 - &p)? + LOG_EPSILON)?.log()?)?;
        Ok(vec![("notes", (present + absent)?.sum(D::Minus1)?.neg()?)])
    }

    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
        let mut row = Vec::new();
        self.walk(outputs, |class, logit| {
            let uniform = uniforms.narrow(D::Minus1, class, 1)?.squeeze(D::Minus1)?;
            row.push(draw(logit, temperature, &uniform)?);
            Ok(row[class].clone())
        })?;
        Tensor::stack(&row, D::Minus1)
    }

    fn n_uniforms(&self) -> usize {
        self.encode.dims()[0]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::{DType, Device};

    fn head(noise: &mut Noise) -> NadeLayer {
        let mut random = || Tensor::from_vec(noise.normals(3 * 5), (3, 5), &Device::Cpu).unwrap();
        NadeLayer {
            encode: random(),
            decode: random(),
        }
    }

    #[test]
    fn the_likelihoods_of_all_rows_add_up_to_one() {
        let mut noise = Noise::from_seed(1);
        let head = head(&mut noise);
        let outputs = Tensor::from_vec(noise.normals(8), (1, 8), &Device::Cpu).unwrap();
        let outputs = outputs.broadcast_as((8, 8)).unwrap().contiguous().unwrap();
        let rows: Vec<f32> = (0..8_u8)
            .flat_map(|row| [0, 1, 2].map(|i| f32::from(row >> i & 1)))
            .collect();
        let targets = Tensor::from_vec(rows, (8, 3), &Device::Cpu).unwrap();
        let (_, nats) = head.loss(&outputs, &targets).unwrap().remove(0);
        let sum: f32 = nats
            .neg()
            .unwrap()
            .exp()
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar()
            .unwrap();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn rows_are_drawn_as_often_as_they_are_likely() {
        let mut noise = Noise::from_seed(2);
        let head = head(&mut noise);
        let n = 4000;
        let outputs = Tensor::from_vec(noise.normals(8), (1, 8), &Device::Cpu).unwrap();
        let outputs = outputs.broadcast_as((n, 8)).unwrap().contiguous().unwrap();
        let uniforms = Tensor::from_vec(noise.uniforms(3 * n), (n, 3), &Device::Cpu).unwrap();
        let rows = head.sample(&outputs, 1.0, &uniforms).unwrap();
        let first = Tensor::zeros((1, 3), DType::F32, &Device::Cpu).unwrap();
        let (_, nats) = head
            .loss(&outputs.narrow(0, 0, 1).unwrap(), &first)
            .unwrap()
            .remove(0);
        let likelihood = (-nats.to_vec1::<f32>().unwrap()[0]).exp();
        let silent = rows
            .to_vec2::<f32>()
            .unwrap()
            .iter()
            .filter(|row| **row == [0.0; 3])
            .count();
        #[expect(clippy::cast_precision_loss, reason = "counts in a test are small")]
        let share = silent as f32 / n as f32;
        assert!((share - likelihood).abs() < 0.03, "{share} {likelihood}");
    }
}
