//! How a hierarchical decoder does in each of its segments.

use super::accuracy::Accuracy;
use super::decoding::Forced;
use super::held_out::HeldOut;
use fourbar_model::config::ModelConfig;
use fourbar_model::rows::Rows;
use serde::Serialize;
use std::collections::BTreeMap;

/// The rows that a hierarchical decoder's core decodes in one run, teacher-forced.
///
/// # Source
/// The `segment/NNN/` figures of Magenta's hierarchical decoders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// Where the segment begins, in rows from 0.
    pub first_row: usize,
    /// What is right; all segments together are [`super::Reconstruction::teacher_forced`].
    pub accuracy: Accuracy,
    /// What its rows cost; those of all segments add up to [`super::Elbo::parts_nats`].
    pub parts_nats: BTreeMap<String, f64>,
    /// All parts together.
    pub r_loss_nats: f64,
}

impl Segment {
    /// Every segment of a decoder of this configuration, in order; none if it is flat.
    pub(super) fn all(config: &ModelConfig, held_out: &HeldOut, forced: &Forced) -> Vec<Self> {
        if config.decoder.hierarchy.is_none() {
            return Vec::new();
        }
        let n_rows = config.segment_steps();
        let costs = forced.costs.of_segments().enumerate();
        costs
            .map(|(segment, parts_nats)| {
                let first_row = segment * n_rows;
                let rows = |rows: &Rows| rows.steps(first_row..first_row + n_rows);
                let data: Vec<Rows> = held_out.outputs().map(rows).collect();
                let played: Vec<Rows> = forced.played.iter().map(rows).collect();
                Self {
                    first_row,
                    accuracy: Accuracy::of(data.iter(), &played, &held_out.files),
                    r_loss_nats: parts_nats.values().sum(),
                    parts_nats,
                }
            })
            .collect()
    }
}
