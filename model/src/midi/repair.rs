//! What a file does that the standard forbids, and how it is read nevertheless.

use serde::Serialize;
use std::fmt;

/// A kind of damage to a file, and how often it was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What is wrong.
    pub damage: Damage,
    /// The byte of the file at which it is found first.
    pub position: usize,
    /// How often it is found.
    pub n_times: usize,
}

/// What can be wrong with a file that is read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// A track's length is not that of its events: these are read up to their end.
    TrackLength,
    /// A byte above 127 where it is the largest there is, or a message for a cable: read as 127, or passed over.
    Value,
    /// Bytes that are no event: passed over up to the next one.
    Event,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many, remedy) = match self.damage {
            Damage::TrackLength => (
                "track has a wrong length",
                "tracks have a wrong length",
                "read to where the events end",
            ),
            Damage::Value => (
                "event has a value that does not exist",
                "events have values that do not exist",
                "clipped or passed over",
            ),
            Damage::Event => (
                "place has bytes that are no event",
                "places have bytes that are no event",
                "passed over",
            ),
        };
        let what = if self.n_times == 1 { one } else { many };
        let (n, position) = (self.n_times, self.position);
        write!(f, "{n} {what} (first at byte {position}): {remedy}")
    }
}

/// Counts one more case of `damage` at byte `position`.
pub(super) fn count(repairs: &mut Vec<Repair>, damage: Damage, position: usize) {
    let found = Repair {
        damage,
        position,
        n_times: 1,
    };
    add(repairs, &[found]);
}

/// Adds the counts of `others`.
pub(super) fn add(repairs: &mut Vec<Repair>, others: &[Repair]) {
    for other in others {
        match repairs
            .iter_mut()
            .find(|repair| repair.damage == other.damage)
        {
            Some(repair) => {
                repair.n_times += other.n_times;
                repair.position = repair.position.min(other.position);
            }
            None => repairs.push(*other),
        }
    }
}
