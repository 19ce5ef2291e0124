//! Standard MIDI Files, and the only place with ticks.
//!
//! [`read`] turns the bytes of a `.mid` file into a [`Song`], [`write()`] turns notes into such bytes. Both count time in
//! beats (quarter notes), so tempo never enters a groove: a file's tempo map is reported, not applied.

mod event;
mod kit;
mod read;
mod repair;
mod rhythm;
mod segment;
mod track;
mod write;

pub use kit::{DrumPart, Drums};
pub use read::read;
pub use repair::{Damage, Repair};
pub use segment::{Segment, SplitAt, split};
pub use write::{Setup, TICKS_PER_BEAT, midi_velocity, write, write_with};

use crate::error::Error;
use crate::groove::{self, HALF_STEP_BEATS, STEPS_PER_BAR};
use crate::note::Note;
use std::collections::BTreeMap;
use std::fmt;

/// Longest loop that is recognised as one, in bars.
const MAX_LOOP_BARS: f64 = 4096.0;

/// The channel of General MIDI drums: musicians count it as 10.
pub const DRUM_CHANNEL: u8 = 9;

/// Everything of a MIDI file that matters for grooves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Song {
    /// Every note of every track and channel, sorted by onset, then by pitch.
    pub notes: Vec<Note>,
    /// Who plays which of the notes; every note has one instrument.
    pub instruments: Vec<Instrument>,
    /// Tempo changes in the order of time; 120 beats per minute before the first.
    pub tempos: Vec<TempoChange>,
    /// Time signatures in the order of time; 4/4 before the first.
    pub time_signatures: Vec<TimeSignature>,
    /// Where the longest track ends, in beats.
    pub end_beats: f64,
    /// What each track is called, by its place in the file.
    pub track_names: Vec<Option<String>>,
    /// Where the pedal of a hi-hat is moved, in the order of time.
    pub hat_pedals: Vec<HatPedal>,
    /// Notes that no note-off ever ends, or that end on the tick on which they begin: their length is 0.
    pub unclosed_notes: usize,
    /// What the standard forbids and was read nevertheless.
    pub repairs: Vec<Repair>,
    /// Where the user says that the drums are.
    pub drum_part: DrumPart,
    /// How long the loop is that this song was [made](Self::as_loop), in beats.
    pub loop_beats: Option<f64>,
    /// The byte at which the file stops in the middle of a track; what came before is kept.
    pub truncated_at: Option<usize>,
}

/// A player: the notes of one track and channel with one sound.
///
/// # Source
/// pretty_midi splits instruments in this way, in this order: by track, then by the first note to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// General MIDI sound, 0–127: 0 is the grand piano, 33 the finger bass. It means nothing on the drum channel.
    pub program: u8,
    /// MIDI channel, 0–15.
    pub channel: u8,
    /// Place of the track in the file.
    pub track: usize,
    /// The port that its messages go to: channels of two ports are apart.
    pub port: u16,
    /// Whether the file selects drums for the channel, or something else; `None` if it leaves it at that.
    pub selected: Option<bool>,
    /// Places in [`Song::notes`], ascending.
    pub notes: Vec<usize>,
}

/// The sound that a channel plays with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// MIDI channel, 0–15.
    pub channel: u8,
    /// General MIDI sound, 0–127.
    pub program: u8,
}

/// A place of what may be the pedal of a hi-hat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HatPedal {
    /// From when on, in beats.
    pub beats: f64,
    /// The port of the message.
    pub port: u16,
    /// MIDI channel, 0–15.
    pub channel: u8,
    /// The controller's number.
    pub controller: u8,
    /// 0–127; a [map](crate::drums::DrumMap::hat) says which is open.
    pub value: u8,
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
    /// 4/4 from the start, which is meant where nothing is written.
    pub const COMMON: Self = Self {
        beats: 0.0,
        numerator: 4,
        denominator: 4,
    };

    /// Whether both write the same fraction, whenever they come.
    fn same_metre(&self, other: &Self) -> bool {
        (self.numerator, self.denominator) == (other.numerator, other.denominator)
    }

    /// Length of a bar in 16th steps: 16 in 4/4, 2/2 and 8/8.
    ///
    /// # Errors
    /// If it is no whole number of them, or the signature means nothing.
    pub fn steps_per_bar(&self) -> Result<usize, Error> {
        if self.numerator == 0 || self.denominator == 0 {
            let unit = match self.denominator {
                0 => "an impossibly small unit".to_owned(),
                denominator => format!("/{denominator}"),
            };
            return Err(Error::Song(format!(
                "its time signature at beat {} is invalid: {} of {unit}",
                self.beats, self.numerator
            )));
        }
        let sixteenths = u32::from(self.numerator) * 16;
        match usize::try_from(sixteenths / self.denominator) {
            Ok(steps) if sixteenths.is_multiple_of(self.denominator) => Ok(steps),
            _ => Err(Error::Song(format!(
                "its bars of {self} are no whole number of 16th notes"
            ))),
        }
    }
}

impl fmt::Display for TimeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl Song {
    /// The song that these notes are, in any order, at 120 beats per minute and in 4/4: an instrument for each channel,
    /// a piano where `programs` names nothing else.
    #[must_use]
    pub fn from_notes(notes: Vec<Note>, programs: &[Program]) -> Self {
        let players = notes.iter().map(|note| {
            let program = programs.iter().find(|sound| sound.channel == note.channel);
            Player {
                program: program.map_or(0, |sound| sound.program),
                channel: note.channel,
                ..Player::default()
            }
        });
        let players = players.collect();
        let end_beats = notes
            .iter()
            .map(|note| note.onset_beats + note.duration_beats);
        let mut song = Self {
            end_beats: end_beats.fold(0.0, f64::max),
            notes,
            ..Self::default()
        };
        song.arrange(players);
        song
    }

    /// The song as the loop that it is, or as it is: a file that ends on a bar line, or within half a step of one, is a
    /// loop up to there. Bars are those of its metre, or of 4/4 if that changes.
    #[must_use]
    pub fn looped(self) -> Self {
        let bar_beats = groove::beats(self.steps_per_bar().unwrap_or(STEPS_PER_BAR));
        let n_bars = (self.end_beats / bar_beats).round();
        let loop_beats = n_bars * bar_beats;
        let ends_on_bar_line = (self.end_beats - loop_beats).abs() <= HALF_STEP_BEATS;
        let holds_all = self.notes.iter().all(|note| note.onset_beats < loop_beats);
        if ends_on_bar_line && holds_all && (1.0..=MAX_LOOP_BARS).contains(&n_bars) {
            self.as_loop(loop_beats)
        } else {
            self
        }
    }

    /// The song as a loop of `loop_beats`: a note less than half a step before its end announces the first beat, and is
    /// moved before it.
    #[must_use]
    pub fn as_loop(&self, loop_beats: f64) -> Self {
        let mut players = vec![Player::default(); self.notes.len()];
        for instrument in &self.instruments {
            for &place in &instrument.notes {
                players[place] = Player::of(instrument);
            }
        }
        let mut song = Self {
            instruments: Vec::new(),
            loop_beats: Some(loop_beats),
            ..self.clone()
        };
        let announces = |beats: f64| beats >= loop_beats - HALF_STEP_BEATS;
        for note in song
            .notes
            .iter_mut()
            .filter(|note| announces(note.onset_beats))
        {
            note.onset_beats -= loop_beats;
        }
        for pedal in song
            .hat_pedals
            .iter_mut()
            .filter(|pedal| announces(pedal.beats))
        {
            pedal.beats -= loop_beats;
        }
        song.hat_pedals.sort_by(|a, b| a.beats.total_cmp(&b.beats));
        song.arrange(players);
        song
    }

    /// The song without the notes that have no length, as pretty_midi reads it.
    #[must_use]
    pub fn sounding(mut self) -> Self {
        let mut places = Vec::with_capacity(self.notes.len());
        let mut n_kept = 0;
        for note in &self.notes {
            places.push((note.duration_beats > 0.0).then_some(n_kept));
            n_kept += usize::from(note.duration_beats > 0.0);
        }
        self.notes.retain(|note| note.duration_beats > 0.0);
        for instrument in &mut self.instruments {
            let kept = instrument.notes.iter().filter_map(|&place| places[place]);
            instrument.notes = kept.collect();
        }
        self.instruments
            .retain(|instrument| !instrument.notes.is_empty());
        self
    }

    /// Sorts the notes and gives each one's place to its player, whom `players` names in the order of the notes.
    fn arrange(&mut self, players: Vec<Player>) {
        let mut places: BTreeMap<Player, usize> = BTreeMap::new();
        for &player in &players {
            places.entry(player).or_insert_with(|| {
                self.instruments.push(Instrument {
                    program: player.program,
                    channel: player.channel,
                    track: player.track,
                    port: player.port,
                    selected: player.selected,
                    notes: Vec::new(),
                });
                self.instruments.len() - 1
            });
        }
        let mut played: Vec<(Note, Player)> = self.notes.drain(..).zip(players).collect();
        played.sort_by(|(a, _), (b, _)| {
            a.onset_beats
                .total_cmp(&b.onset_beats)
                .then(a.pitch.cmp(&b.pitch))
        });
        for (place, (note, player)) in played.into_iter().enumerate() {
            self.notes.push(note);
            self.instruments[places[&player]].notes.push(place);
        }
    }

    /// The notes of one of [`Self::instruments`], in the order of time.
    pub fn notes_of<'a>(&'a self, instrument: &'a Instrument) -> impl Iterator<Item = &'a Note> {
        instrument.notes.iter().map(|&place| &self.notes[place])
    }

    /// The tempo in force at a beat, in quarter notes a minute.
    #[must_use]
    pub fn bpm_at(&self, beats: f64) -> f64 {
        let n_changes = self.tempos.partition_point(|tempo| tempo.beats <= beats);
        let in_force = self.tempos[..n_changes].last();
        in_force.map_or(read::DEFAULT_BPM, |tempo| tempo.bpm)
    }

    /// The time signature in force at a beat.
    #[must_use]
    pub fn signature_at(&self, beats: f64) -> TimeSignature {
        let signatures = &self.time_signatures;
        let n_changes = signatures.partition_point(|signature| signature.beats <= beats);
        let in_force = signatures[..n_changes].last().copied();
        in_force.unwrap_or(TimeSignature::COMMON)
    }

    /// Where the last note ends, in beats.
    fn last_end_beats(&self) -> f64 {
        let ends = self
            .notes
            .iter()
            .map(|note| note.onset_beats + note.duration_beats);
        ends.fold(0.0, f64::max)
    }

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
        for signature in &self.time_signatures {
            if signature.numerator == 0 || signature.denominator == 0 {
                signature.steps_per_bar()?;
            }
        }
        if let Some(other) = self
            .time_signatures
            .iter()
            .find(|signature| !signature.same_metre(first))
        {
            return Err(Error::Song(format!(
                "its time signature changes from {first} to {other} at beat {}",
                other.beats
            )));
        }
        if first.beats > 0.0 && !first.same_metre(&TimeSignature::COMMON) {
            return Err(Error::Song(format!(
                "its first time signature, {first}, comes only at beat {}",
                first.beats
            )));
        }
        first.steps_per_bar()
    }

    /// The notes that a groove is made of, in the order of time; the whole song has bars of 16 steps.
    ///
    /// # Errors
    /// If the file has no certain [drums](Self::drums), or no bars of 16 steps; the text says which.
    pub fn drum_notes(&self) -> Result<Vec<Note>, Error> {
        let steps_per_bar = self.steps_per_bar()?;
        if steps_per_bar != STEPS_PER_BAR {
            let signature = self.time_signatures.first();
            return Err(wrong_metre(
                signature.unwrap_or(&TimeSignature::COMMON),
                steps_per_bar,
            ));
        }
        Ok(self.drums()?.notes)
    }
}

/// The identity of an [`Instrument`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Player {
    program: u8,
    channel: u8,
    track: usize,
    port: u16,
    selected: Option<bool>,
}

impl Player {
    fn of(instrument: &Instrument) -> Self {
        Self {
            program: instrument.program,
            channel: instrument.channel,
            track: instrument.track,
            port: instrument.port,
            selected: instrument.selected,
        }
    }
}

/// The error for bars that are not of 16 steps.
pub(crate) fn wrong_metre(signature: &TimeSignature, steps_per_bar: usize) -> Error {
    Error::Song(format!(
        "its metre is {signature}, so its bars have {steps_per_bar} sixteenth steps; models have bars of \
         {STEPS_PER_BAR} (4/4, 2/2 or 8/8) unless any_metre is set"
    ))
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

    fn note(onset_beats: f64, channel: u8) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.25,
            pitch: 60,
            velocity: 0.5,
            channel,
        }
    }

    #[test]
    fn a_song_of_notes_has_an_instrument_for_each_channel() {
        let bass = Program {
            channel: 1,
            program: 33,
        };
        let song = Song::from_notes(vec![note(2.0, 1), note(0.0, 0), note(1.0, 1)], &[bass]);
        let played: Vec<_> = song
            .instruments
            .iter()
            .map(|player| {
                let onsets: Vec<_> = song.notes_of(player).map(|note| note.onset_beats).collect();
                (player.channel, player.program, onsets)
            })
            .collect();
        assert_eq!(played, [(1, 33, vec![1.0, 2.0]), (0, 0, vec![0.0])]);
        assert_eq!(song.end_beats, 2.25);
    }

    #[test]
    fn a_file_that_ends_at_a_bar_line_or_nearly_is_a_loop() {
        let ending = |end_beats, last: f64| {
            let notes = vec![note(0.0, 0), note(last, 0)];
            let song = Song {
                end_beats,
                ..Song::from_notes(notes, &[])
            };
            song.looped().loop_beats
        };
        // Workstations end a file with its loop, with its last note-on, or with that note's end.
        for end_beats in [16.0, 15.95, 15.875, 16.06, 16.125] {
            assert_eq!(ending(end_beats, 15.95), Some(16.0), "{end_beats}");
        }
        // What ends anywhere is none, nor what ends with a stroke on the next bar.
        for (end_beats, last) in [(15.5, 15.0), (16.2, 15.95), (16.1, 16.0), (0.05, 0.0)] {
            assert_eq!(ending(end_beats, last), None, "{end_beats}, {last}");
        }
        let waltz = Song {
            end_beats: 6.0,
            ..song(&[(0.0, 3, 4)])
        };
        assert_eq!(waltz.looped().loop_beats, Some(6.0));
    }

    #[test]
    fn what_sounds_is_what_has_a_length() {
        let struck = |onset_beats, channel| Note {
            duration_beats: 0.0,
            ..note(onset_beats, channel)
        };
        let notes = vec![struck(0.0, 0), note(0.5, 1), struck(1.0, 1), note(2.0, 1)];
        let song = Song::from_notes(notes, &[]).sounding();
        assert_eq!(song.notes, [note(0.5, 1), note(2.0, 1)]);
        let [player] = &song.instruments[..] else {
            panic!("the other one plays nothing that sounds")
        };
        assert_eq!((player.channel, &player.notes[..]), (1, &[0, 1][..]));
    }

    #[test]
    fn a_loop_s_last_early_note_announces_its_first_beat() {
        let notes = vec![note(0.0, 0), note(3.8, 0), note(3.9, 1)];
        let song = Song::from_notes(notes, &[]).as_loop(4.0);
        let onsets: Vec<_> = song.notes.iter().map(|note| note.onset_beats).collect();
        assert_eq!(onsets, [3.9 - 4.0, 0.0, 3.8]);
        assert_eq!(song.loop_beats, Some(4.0));
        assert_eq!(song.instruments.len(), 2);
        assert_eq!(song.instruments[1].notes, [0]);
    }
}
