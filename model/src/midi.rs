//! Standard MIDI Files, and the only place with ticks.
//!
//! [`read`] turns the bytes of a `.mid` file into a [`Song`], [`write()`] turns notes into such bytes. Both count time in
//! beats (quarter notes), so tempo never enters a groove: a file's tempo map is reported, not applied.

mod read;
mod write;

pub use read::read;
pub use write::{TICKS_PER_BEAT, write};

use crate::error::Error;
use crate::groove::STEPS_PER_BAR;
use crate::note::Note;

/// The channel of General MIDI drums: musicians count it as 10.
pub const DRUM_CHANNEL: u8 = 9;

/// Everything of a MIDI file that matters for grooves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Song {
    /// Every note of every track and channel, sorted by onset, then by pitch.
    pub notes: Vec<Note>,
    /// Tempo changes in the order of time; 120 beats per minute before the first.
    pub tempos: Vec<TempoChange>,
    /// Time signatures in the order of time; 4/4 before the first.
    pub time_signatures: Vec<TimeSignature>,
    /// Where the longest track ends, in beats.
    pub end_beats: f64,
    /// Notes that no note-off ever ends. They are left out, as by pretty_midi.
    pub unclosed_notes: usize,
    /// The byte at which the file stops in the middle of a track; what came before is kept.
    pub truncated_at: Option<usize>,
    /// Whether a channel other than the drums' is given an instrument (a program change).
    pub names_instruments: bool,
}

/// A new tempo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TempoChange {
    /// When, in beats.
    pub beats: f64,
    /// Quarter notes per minute.
    pub bpm: f64,
}

/// A new time signature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeSignature {
    /// When, in beats.
    pub beats: f64,
    /// How many of the units make a bar.
    pub numerator: u8,
    /// The unit: 4 is a quarter note; 0 if the file gives a unit too small to write as a number.
    pub denominator: u32,
}

impl TimeSignature {
    /// Whether both write the same fraction, whenever they come.
    fn same_metre(&self, other: &Self) -> bool {
        (self.numerator, self.denominator) == (other.numerator, other.denominator)
    }
}

impl Song {
    /// Length of every bar in 16th steps: 16 in 4/4, 2/2 and 8/8; without a time signature, 4/4 is meant.
    ///
    /// # Errors
    /// If the bars have no common length in steps; the reason names the signatures.
    ///
    /// # Source
    /// note-seq's `quantize_note_sequence` and `steps_per_bar_in_quantized_sequence`.
    pub fn steps_per_bar(&self) -> Result<usize, Error> {
        let Some(first) = self.time_signatures.first() else {
            return Ok(STEPS_PER_BAR);
        };
        let refuse = |problem: String| Err(Error::Song(problem));
        let written = |signature: &TimeSignature| {
            format!("{}/{}", signature.numerator, signature.denominator)
        };
        if let Some(invalid) = self
            .time_signatures
            .iter()
            .find(|signature| signature.numerator == 0 || signature.denominator == 0)
        {
            let unit = match invalid.denominator {
                0 => "an impossibly small unit".to_owned(),
                denominator => format!("/{denominator}"),
            };
            return refuse(format!(
                "its time signature at beat {} is invalid: {} of {unit}",
                invalid.beats, invalid.numerator
            ));
        }
        if let Some(other) = self
            .time_signatures
            .iter()
            .find(|signature| !signature.same_metre(first))
        {
            return refuse(format!(
                "its time signature changes from {} to {} at beat {}",
                written(first),
                written(other),
                other.beats
            ));
        }
        if first.beats > 0.0 && (first.numerator, first.denominator) != (4, 4) {
            return refuse(format!(
                "its first time signature, {}, comes only at beat {}",
                written(first),
                first.beats
            ));
        }
        let sixteenths = u32::from(first.numerator) * 16;
        match usize::try_from(sixteenths / first.denominator) {
            Ok(steps) if sixteenths.is_multiple_of(first.denominator) => Ok(steps),
            _ => refuse(format!(
                "its bars of {} are no whole number of 16th notes",
                written(first)
            )),
        }
    }

    /// The notes that a groove is made of.
    ///
    /// These are the notes on channel 10. A file without any, but also without a program change, is taken for the
    /// drum clip of a workstation, which exports every clip on channel 1: then all notes are meant.
    ///
    /// # Errors
    /// If the file has no drums, or no bars of 16 steps; the text says which.
    pub fn drum_notes(&self) -> Result<Vec<Note>, Error> {
        let steps_per_bar = self.steps_per_bar()?;
        if steps_per_bar != STEPS_PER_BAR {
            let problem = format!(
                "its bars have {steps_per_bar} sixteenth steps; a groove has bars of {STEPS_PER_BAR} (4/4, 2/2 or 8/8)"
            );
            return Err(Error::Song(problem));
        }
        if self.notes.is_empty() {
            return Err(Error::Song("it has no notes".to_owned()));
        }
        let drums: Vec<Note> = self
            .notes
            .iter()
            .copied()
            .filter(|note| note.channel == DRUM_CHANNEL)
            .collect();
        match (drums.is_empty(), self.names_instruments) {
            (false, _) => Ok(drums),
            (true, false) => Ok(self.notes.clone()),
            (true, true) => Err(Error::Song(
                "it has no drums: none of its notes is on MIDI channel 10, and its other channels name instruments"
                    .to_owned(),
            )),
        }
    }
}
