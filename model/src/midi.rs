//! Standard MIDI Files, and the only place with ticks.
//!
//! [`read`] turns the bytes of a `.mid` file into a [`Song`], [`write()`] turns notes into such bytes. Both count time in
//! beats (quarter notes), so tempo never enters a groove: a file's tempo map is reported, not applied.

mod read;
mod track;
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
    /// Notes that no note-off ever ends, or that end on the tick on which they begin: left out, as by pretty_midi.
    pub unclosed_notes: usize,
    /// The byte at which the file stops in the middle of a track; what came before is kept.
    pub truncated_at: Option<usize>,
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

    /// The notes that a groove is made of, all on one channel, in the order of time.
    ///
    /// These are the notes on channel 10. Workstations export a clip on channel 1, so a file without any there is
    /// taken for a drum clip if it uses a single channel, nine tenths of its notes are keys of a drum kit, and kick
    /// or snare is among them; melodies would otherwise be learnt as drumming.
    ///
    /// # Errors
    /// If the file has no drums, or no bars of 16 steps; the text says which.
    pub fn drum_notes(&self) -> Result<Vec<Note>, Error> {
        let steps_per_bar = self.steps_per_bar()?;
        if steps_per_bar != STEPS_PER_BAR {
            let metre = self
                .time_signatures
                .first()
                .map_or_else(String::new, |first| {
                    format!(
                        "its metre is {}/{}, so ",
                        first.numerator, first.denominator
                    )
                });
            let problem = format!(
                "{metre}its bars have {steps_per_bar} sixteenth steps; a groove has bars of {STEPS_PER_BAR} (4/4, 2/2 or 8/8)"
            );
            return Err(Error::Song(problem));
        }
        let Some(first) = self.notes.first() else {
            return Err(Error::Song("it has no notes".to_owned()));
        };
        let drums: Vec<Note> = self
            .notes
            .iter()
            .copied()
            .filter(|note| note.channel == DRUM_CHANNEL)
            .collect();
        if !drums.is_empty() {
            return Ok(drums);
        }
        let is_one_clip = self.notes.iter().all(|note| note.channel == first.channel);
        if is_one_clip && is_played_on_a_kit(&self.notes) {
            return Ok(self.notes.clone());
        }
        Err(Error::Song(
            "it has no drums: nothing on MIDI channel 10, and what the other channels play is no drum kit".to_owned(),
        ))
    }
}

/// Whether nearly all notes are keys of a drum kit, with kick or snare among them.
fn is_played_on_a_kit(notes: &[Note]) -> bool {
    // General MIDI's kit, and the hi-hat's edge, closed and open, of electronic kits.
    let n_kit_keys = notes
        .iter()
        .filter(|note| matches!(note.pitch, 22 | 26 | 35..=59))
        .count();
    let has_backbone = notes.iter().any(|note| matches!(note.pitch, 35..=40));
    has_backbone && n_kit_keys * 10 >= notes.len() * 9
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn song(signatures: &[(f64, u8, u32)]) -> Song {
        let time_signatures = signatures
            .iter()
            .map(|&(beats, numerator, denominator)| TimeSignature {
                beats,
                numerator,
                denominator,
            })
            .collect();
        Song {
            time_signatures,
            ..Song::default()
        }
    }

    fn playing(keys: &[(u8, u8)]) -> Song {
        let note = |&(channel, pitch)| Note {
            onset_beats: 0.0,
            duration_beats: 0.25,
            pitch,
            velocity: 0.5,
            channel,
        };
        Song {
            notes: keys.iter().map(note).collect(),
            ..Song::default()
        }
    }

    fn refusal(song: &Song) -> String {
        song.drum_notes().unwrap_err().to_string()
    }

    #[test]
    fn bars_are_as_long_as_their_signature_says() {
        for (signatures, steps) in [
            (&[][..], 16),
            (&[(0.0, 4, 4)], 16),
            (&[(0.0, 2, 2)], 16),
            (&[(0.0, 8, 8), (8.0, 8, 8)], 16),
            (&[(12.0, 4, 4)], 16),
            (&[(0.0, 3, 4)], 12),
            (&[(0.0, 7, 8)], 14),
            (&[(0.0, 5, 16)], 5),
        ] {
            assert_eq!(
                song(signatures).steps_per_bar().unwrap(),
                steps,
                "{signatures:?}"
            );
        }
    }

    #[test]
    fn bars_without_a_common_length_are_refused_with_the_reason() {
        for (signatures, reason) in [
            (
                &[(0.0, 4, 4), (16.0, 3, 4)][..],
                "changes from 4/4 to 3/4 at beat 16",
            ),
            (&[(0.0, 4, 4), (16.0, 2, 2)], "changes from 4/4 to 2/2"),
            (&[(8.0, 3, 4)], "3/4, comes only at beat 8"),
            (&[(0.0, 0, 4)], "invalid"),
            (&[(0.0, 4, 0)], "invalid"),
            (&[(0.0, 3, 32)], "no whole number of 16th notes"),
        ] {
            let problem = song(signatures).steps_per_bar().unwrap_err().to_string();
            assert!(problem.contains(reason), "{problem}");
        }
    }

    #[test]
    fn only_bars_of_16_steps_make_a_groove() {
        let waltz = Song {
            notes: playing(&[(9, 36)]).notes,
            ..song(&[(0.0, 3, 4)])
        };
        assert!(refusal(&waltz).contains("12 sixteenth steps"));
    }

    #[test]
    fn drums_are_on_channel_10() {
        let notes = playing(&[(0, 40), (9, 36), (1, 60)]).drum_notes().unwrap();
        assert_eq!(
            notes.iter().map(|note| note.pitch).collect::<Vec<_>>(),
            [36]
        );
    }

    #[test]
    fn a_drum_clip_of_a_workstation_may_be_on_another_channel() {
        assert_eq!(
            playing(&[(0, 36), (0, 38), (0, 42), (0, 22)])
                .drum_notes()
                .unwrap()
                .len(),
            4
        );
    }

    #[test]
    fn a_song_without_drums_is_refused() {
        for keys in [
            &[(0, 60), (0, 64), (0, 67)][..],
            &[(0, 36), (1, 38)],
            &[(0, 45), (0, 50)],
        ] {
            assert!(refusal(&playing(keys)).contains("no drums"), "{keys:?}");
        }
        assert!(refusal(&playing(&[])).contains("no notes"));
    }
}
