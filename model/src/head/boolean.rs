//! Every class of a roll on its own.

use super::{HeadKind, HeadLayer, draw};
use crate::parameters::Parameters;
use crate::rows::RowLayout;
use candle_core::{D, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Each class plays or not, whatever the others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boolean;

impl HeadKind for Boolean {
    fn consumes(layout: &RowLayout) -> bool {
        matches!(layout, RowLayout::Roll { .. })
    }

    fn consumes_words(&self) -> &'static str {
        "a roll"
    }

    fn build(&self, layout: &RowLayout, _: &Parameters) -> Result<Arc<dyn HeadLayer>> {
        Ok(Arc::new(BooleanLayer {
            classes: layout.width(),
        }))
    }
}

/// Outputs are logits.
///
/// # Source
/// Magenta's `BooleanLstmDecoder`.
#[derive(Debug)]
struct BooleanLayer {
    classes: usize,
}

impl HeadLayer for BooleanLayer {
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>> {
        Ok(vec![(
            "notes",
            cross_entropy(outputs, targets)?.sum(D::Minus1)?,
        )])
    }

    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
        draw(outputs, temperature, uniforms)
    }

    fn n_uniforms(&self) -> usize {
        self.classes
    }
}

/// Sigmoid cross-entropy of every number, in the form that no logit overflows: max(a, 0) − a·y + ln(1 + e^−|a|).
fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let bend = ((logits.abs()?.neg()?.exp()? + 1.0)?).log()?;
    (logits.relu()? - (logits * targets)?)? + bend
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use candle_core::Device;

    #[test]
    fn cross_entropy_is_the_textbooks_and_survives_large_logits() {
        let logits = Tensor::new(&[0.3f32, -2.0, 200.0, -200.0], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1f32, 0.0, 0.0, 0.0], &Device::Cpu).unwrap();
        let found = cross_entropy(&logits, &targets)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        for (found, expected) in found.iter().zip([0.554_355, 0.126_928, 200.0, 0.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
