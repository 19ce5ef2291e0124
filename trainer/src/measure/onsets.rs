//! Hits of a reconstruction beside those of the data: true positives, false negatives and false positives.

use super::statistics::{count, ratio};
use serde::Serialize;

/// How many hits are right. One is if the same drum plays on the same step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onsets {
    /// Played and reconstructed.
    pub true_positives: usize,
    /// Played but not reconstructed.
    pub false_negatives: usize,
    /// Reconstructed but not played.
    pub false_positives: usize,
}

impl Onsets {
    /// Share of the reconstructed hits that were played; `None` if nothing was reconstructed.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(
            count(self.true_positives),
            self.true_positives + self.false_positives,
        )
    }

    /// Share of the played hits that were reconstructed; `None` if nothing was played.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(
            count(self.true_positives),
            self.true_positives + self.false_negatives,
        )
    }

    /// Harmonic mean of precision and recall; `None` if there are no hits on either side.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2.0 * count(self.true_positives),
            2 * self.true_positives + self.false_negatives + self.false_positives,
        )
    }

    /// Counts another part in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.true_positives += other.true_positives;
        self.false_negatives += other.false_negatives;
        self.false_positives += other.false_positives;
    }
}

/// An [`Onsets`] in a report: the counts, under the names that they have had since the first version, and what follows from
/// them.
#[derive(Serialize)]
struct OnsetsReport {
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    found: usize,
    missed: usize,
    invented: usize,
}

impl Serialize for Onsets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OnsetsReport {
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f1(),
            found: self.true_positives,
            missed: self.false_negatives,
            invented: self.false_positives,
        }
        .serialize(serializer)
    }
}
