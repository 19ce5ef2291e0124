//! Hits that were found, missed and invented.

use super::statistics::{count, ratio};
use serde::Serialize;

/// Which hits were found. A hit counts if the same drum plays on the same step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onsets {
    /// Played and reconstructed.
    pub found: usize,
    /// Played but not reconstructed.
    pub missed: usize,
    /// Reconstructed but not played.
    pub invented: usize,
}

impl Onsets {
    /// Share of the reconstructed hits that were played; `None` if nothing was reconstructed.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.invented)
    }

    /// Share of the played hits that were reconstructed; `None` if nothing was played.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.missed)
    }

    /// Harmonic mean of precision and recall; `None` if there are no hits on either side.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2.0 * count(self.found),
            2 * self.found + self.missed + self.invented,
        )
    }

    /// Counts another part in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.found += other.found;
        self.missed += other.missed;
        self.invented += other.invented;
    }
}

/// An [`Onsets`] in a report: the counts and what follows from them.
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
        let Self {
            found,
            missed,
            invented,
        } = *self;
        let (precision, recall, f1) = (self.precision(), self.recall(), self.f1());
        OnsetsReport {
            precision,
            recall,
            f1,
            found,
            missed,
            invented,
        }
        .serialize(serializer)
    }
}
