//! The nine drums of a groove, and the MIDI keys that different kits give them.

use serde::{Deserialize, Serialize};

/// Number of drums in a groove.
pub const N_VOICES: usize = 9;

/// One of the nine drums, in the order of the model's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Voice {
    /// Bass drum.
    Kick,
    /// Snare drum, with rim and side stick.
    Snare,
    /// Closed or pedalled hi-hat.
    ClosedHat,
    /// Open hi-hat.
    OpenHat,
    /// Low (floor) tom.
    LowTom,
    /// Middle tom.
    MidTom,
    /// High tom.
    HighTom,
    /// Crash cymbals.
    Crash,
    /// Ride cymbals.
    Ride,
}
