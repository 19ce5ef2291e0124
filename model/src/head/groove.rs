//! Hits, velocities and offsets of every drum.

use super::{HeadKind, HeadLayer, draw};
use crate::parameters::Parameters;
use crate::rows::RowLayout;
use candle_core::{D, Result, Tensor};
use candle_nn::ops::sigmoid;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Added to probabilities before their logarithm is taken, as `tf.losses.log_loss` does.
const LOG_EPSILON: f64 = 1e-7;

/// Drums are drawn independently of each other; how they are played is not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groove;

impl HeadKind for Groove {
    fn consumes(layout: &RowLayout) -> bool {
        matches!(layout, RowLayout::Groove { .. })
    }

    fn consumes_words(&self) -> &'static str {
        "groove rows (hits, velocities, offsets)"
    }

    fn build(&self, layout: &RowLayout, _: &Parameters) -> Result<Arc<dyn HeadLayer>> {
        Ok(Arc::new(GrooveLayer {
            drums: layout.width() / 3,
        }))
    }
}

/// Outputs are logits of hits, velocities before their sigmoid, and offsets before their tanh.
///
/// # Source
/// Magenta's `GrooveLstmDecoder`: log loss of the hits and squared errors of the rest, neither weighted nor masked;
/// hits are drawn, velocities and offsets are the head's own values, which temperature does not reach.
#[derive(Debug)]
struct GrooveLayer {
    drums: usize,
}

impl GrooveLayer {
    fn part(&self, x: &Tensor, i: usize) -> Result<Tensor> {
        x.narrow(D::Minus1, i * self.drums, self.drums)
    }
}

impl HeadLayer for GrooveLayer {
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>> {
        let hits = self.part(targets, 0)?;
        let p = sigmoid(&self.part(outputs, 0)?)?;
        let present = (&hits * (&p + LOG_EPSILON)?.log()?)?;
        let absent = ((1.0 - &hits)? * ((1.0 - &p)? + LOG_EPSILON)?.log()?)?;
        let velocities = (self.part(targets, 1)? - sigmoid(&self.part(outputs, 1)?)?)?;
        let offsets = (self.part(targets, 2)? - self.part(outputs, 2)?.tanh()?)?;
        Ok(vec![
            ("hits", (present + absent)?.neg()?.sum(D::Minus1)?),
            ("velocities", velocities.sqr()?.sum(D::Minus1)?),
            ("offsets", offsets.sqr()?.sum(D::Minus1)?),
        ])
    }

    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
        let hits = draw(&self.part(outputs, 0)?, temperature, uniforms)?;
        let velocities = sigmoid(&self.part(outputs, 1)?)?;
        Tensor::cat(
            &[hits, velocities, self.part(outputs, 2)?.tanh()?],
            D::Minus1,
        )
    }

    fn n_uniforms(&self) -> usize {
        self.drums
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn zero_logits_cost_log_two_a_hit_cell_and_a_quarter_a_velocity_cell() {
        let outputs = Tensor::zeros((64, 27), DType::F32, &Device::Cpu).unwrap();
        let loss = GrooveLayer { drums: 9 }.loss(&outputs, &outputs).unwrap();
        let sums: Vec<f32> = loss
            .iter()
            .map(|(_, part)| part.sum_all().unwrap().to_scalar().unwrap())
            .collect();
        assert!((sums[0] - 399.25).abs() < 0.1, "{sums:?}");
        assert!(
            (sums[1] - 144.0).abs() < 0.01 && sums[2].abs() < 1e-6,
            "{sums:?}"
        );
    }
}
