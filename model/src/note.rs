//! One played note, in musical time.

/// A note as every part of this project passes it on: musical time, no ticks, no samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Note {
    /// Start, in quarter notes from the beginning of the piece or loop.
    pub onset_beats: f64,
    /// Length, in quarter notes; 0 where a file has none for it, which a drum does not need.
    pub duration_beats: f64,
    /// MIDI key, 0–127.
    pub pitch: u8,
    /// Loudness, 0–1.
    pub velocity: f32,
    /// MIDI channel, 0–15; General MIDI drums are on 9.
    pub channel: u8,
}
