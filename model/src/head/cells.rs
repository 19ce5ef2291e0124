//! Every cell with a distribution of its own: the sizes of a [`crate::decoder::CellDecoder`].

use super::{HeadKind, HeadLayer};
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::mixture::{self, PER_COMPONENT};
use crate::parameters::Parameters;
use crate::rows::RowLayout;
use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Logit of a hit that is neither likely nor unlikely to be learned otherwise.
const USUAL_HIT: f32 = -2.0;
/// Lowest and highest mean, and logarithm of the scale, that the components of a mixture begin with.
const VELOCITIES: (f32, f32, f32) = (0.2, 0.95, -2.5);
const OFFSETS: (f32, f32, f32) = (-0.5, 0.5, -1.5);
/// Logarithm of the scale that the components that copy begin with.
const COPIED_LOG_SCALE: f32 = -2.7;

/// Sizes of the decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cells {
    /// Hidden units of each drum within a step.
    pub hidden: usize,
    /// Components of each mixture, besides those that copy.
    pub components: usize,
    /// How many steps ago the rows lie that the network reads besides the last one.
    pub look_back: Vec<usize>,
    /// Units of the dense layer below the LSTM layers.
    pub embedding: usize,
    /// Numbers that stand for a place in the sequence.
    pub position: usize,
    /// Units of each direction of the LSTM layer that reads what is known.
    pub known: usize,
    /// Factors on the temperatures of hits and of feel: what is called 1 is what comes nearest to drummers.
    pub calibration: [f32; 2],
    /// What tells the decoder that a bar is to be a fill when it plays; 1 while it learns. More is a plainer fill.
    #[serde(default = "as_learned")]
    pub fill_strength: f32,
}

fn as_learned() -> f32 {
    1.0
}

impl Cells {
    /// Components of a mixture.
    pub(crate) fn n_components(&self) -> usize {
        self.components + self.look_back.len()
    }

    /// Numbers that decide a drum's cell: the hit's logit, the mixture of its velocity, the mixture of its offset.
    pub(crate) fn cell(&self) -> usize {
        1 + 2 * PER_COMPONENT * self.n_components()
    }

    /// What the numbers of a cell are counted from: few hits, and components that are spread over the range.
    pub(crate) fn usual_cell(&self) -> Vec<f32> {
        let mut cell = vec![USUAL_HIT];
        for (low, high, log_scale) in [VELOCITIES, OFFSETS] {
            let n = self.n_components();
            let mut mixture = vec![0.0; PER_COMPONENT * n];
            let (means, log_scales) = mixture[n..].split_at_mut(n);
            mixture::spread(low, high, &mut means[..self.components]);
            log_scales[..self.components].fill(log_scale);
            log_scales[self.components..].fill(COPIED_LOG_SCALE);
            cell.extend(mixture);
        }
        cell
    }

    /// Numbers of a row that can be left out: the row, and whether it is there.
    pub(crate) fn look_back_width(&self) -> usize {
        (ROW + 1) * self.look_back.len()
    }
}

impl HeadKind for Cells {
    fn consumes(layout: &RowLayout) -> bool {
        *layout == (RowLayout::Groove { drums: N_VOICES })
    }

    fn consumes_words(&self) -> &'static str {
        "groove rows of nine drums"
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("hidden", self.hidden),
            ("components", self.components),
            ("embedding", self.embedding),
            ("position", self.position),
            ("known", self.known),
        ]
    }

    fn takes_known(&self) -> bool {
        true
    }

    fn takes_tempo(&self) -> bool {
        true
    }

    fn n_outputs(&self, _: &RowLayout) -> usize {
        N_VOICES * self.cell()
    }

    fn build(&self, _: &RowLayout, _: &Parameters) -> Result<Arc<dyn HeadLayer>> {
        bail!("cells are drawn by a decoder of their own")
    }
}
