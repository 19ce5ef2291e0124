//! A pattern ready to be played: hits in beats and the length of the loop.
//!
//! A pattern keeps each hit's place on the grid apart from how far off the grid it is played, so that the amount of
//! feel can change while it plays, without asking the network again.

use crate::drums::Voice;
use crate::note::Note;
use serde::{Deserialize, Serialize};

/// Length of every drum note, in beats: one 16th.
pub const NOTE_BEATS: f64 = 0.25;

/// One drum hit of a [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Place on the grid, in beats from the start of the loop.
    pub grid_beats: f64,
    /// Distance from the grid, in beats; **late is positive**, as a clock counts.
    pub offset_beats: f64,
    /// Which drum.
    pub voice: Voice,
    /// Loudness, greater than 0 and at most 1.
    pub velocity: f32,
}

/// How much of a pattern's own timing and dynamics is played; 1 is as generated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Feel {
    /// Factor on every hit's distance from the grid; 0 is quantised, 2 doubles it.
    pub timing: f32,
    /// Factor on every hit's distance from the pattern's mean velocity; 0 is flat, 2 doubles the contrast.
    pub velocity: f32,
}

impl Feel {
    /// The pattern as generated.
    pub const AS_GENERATED: Self = Self { timing: 1.0, velocity: 1.0 };
}

/// A loop of drum hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    hits: Vec<Hit>,
    loop_beats: f64,
    mean_velocity: f32,
}
