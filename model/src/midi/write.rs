//! Notes -> the bytes of a `.mid` file.

use super::{Program, TimeSignature};
use crate::note::Note;
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use std::collections::BTreeMap;

/// Resolution of written files: a tick is half a millisecond at 120 beats per minute.
pub const TICKS_PER_BEAT: u16 = 960;

/// What a file says apart from its notes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setup<'a> {
    /// Quarter notes a minute.
    pub bpm: f64,
    /// The metre of the whole file, whatever its place.
    pub signature: TimeSignature,
    /// Resolution: 1 to 32,767.
    pub ticks_per_beat: u16,
    /// The sounds of channels; the others keep theirs.
    pub programs: &'a [Program],
}

/// [`write_with`] a tempo and nothing else out of the ordinary.
#[must_use]
pub fn write(notes: &[Note], loop_beats: f64, bpm: f64) -> Vec<u8> {
    let setup = Setup {
        bpm,
        signature: TimeSignature::COMMON,
        ticks_per_beat: TICKS_PER_BEAT,
        programs: &[],
    };
    write_with(notes, loop_beats, &setup)
}

/// A loop of notes as a Standard MIDI File of format 0: tempo, metre, and the end of the track at exactly `loop_beats`.
///
/// Workstations loop and join clips by that end. Notes sound within the loop: they are cut at its end, and those that
/// start outside are left out, as are those of velocity 0. No note is silent or shorter than a tick; of notes with one
/// key that start on one tick, the loudest is written.
#[must_use]
pub fn write_with(notes: &[Note], loop_beats: f64, setup: &Setup<'_>) -> Vec<u8> {
    let grid = Grid {
        ticks_per_beat: setup.ticks_per_beat.clamp(1, u15::max_value().as_int()),
    };
    let end = grid.ticks(loop_beats);
    let (numerator, power) = midi_metre(setup.signature);
    let mut track = vec![
        meta(MetaMessage::TrackName(b"Fourbar")),
        meta(MetaMessage::Tempo(u24::new(micros_per_beat(setup.bpm)))),
        // 24 MIDI clocks a metronome click and eight 32nds a quarter note: what every workstation writes.
        meta(MetaMessage::TimeSignature(numerator, power, 24, 8)),
    ];
    track.extend(setup.programs.iter().map(|sound| TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Midi {
            channel: u4::new(sound.channel),
            message: MidiMessage::ProgramChange {
                program: u7::new(sound.program),
            },
        },
    }));
    let mut now = 0;
    for (tick, message) in messages(notes, loop_beats, end, grid) {
        track.push(TrackEvent {
            delta: u28::new(tick - now),
            kind: message,
        });
        now = tick;
    }
    track.push(TrackEvent {
        delta: u28::new(end - now),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });

    let header = Header::new(
        Format::SingleTrack,
        Timing::Metrical(u15::new(grid.ticks_per_beat)),
    );
    let mut bytes = Vec::new();
    Smf {
        header,
        tracks: vec![track],
    }
    .write(&mut bytes)
    .expect("memory takes any number of bytes, and no event is longer than the format allows");
    bytes
}

/// The note messages of a loop that ends on tick `end`, in the order of time; ends come before starts.
fn messages(
    notes: &[Note],
    loop_beats: f64,
    end: u32,
    grid: Grid,
) -> Vec<(u32, TrackEventKind<'static>)> {
    // By channel, key and start: the velocity and where the note would end.
    let mut strikes: BTreeMap<(u8, u8, u32), (u8, u32)> = BTreeMap::new();
    for note in notes
        .iter()
        .filter(|note| note.onset_beats < loop_beats && end > 0 && note.velocity != 0.0)
    {
        let start = grid.ticks(note.onset_beats).min(end - 1);
        let stop = grid.ticks(note.onset_beats + note.duration_beats);
        let strike = (midi_velocity(note.velocity), stop);
        let kept = strikes
            .entry((note.channel, note.pitch, start))
            .or_insert(strike);
        *kept = (*kept).max(strike);
    }

    let mut messages = Vec::with_capacity(2 * strikes.len());
    let mut upcoming = strikes.keys().skip(1);
    for (&(channel, pitch, start), &(velocity, stop)) in &strikes {
        let next_start = match upcoming.next() {
            Some(&(next_channel, next_pitch, next))
                if (next_channel, next_pitch) == (channel, pitch) =>
            {
                next
            }
            _ => end,
        };
        let message = |message| TrackEventKind::Midi {
            channel: u4::new(channel),
            message,
        };
        let key = u7::new(pitch);
        let stop = stop.clamp(start + 1, next_start);
        messages.push((
            start,
            message(MidiMessage::NoteOn {
                key,
                vel: u7::new(velocity),
            }),
        ));
        messages.push((
            stop,
            message(MidiMessage::NoteOff {
                key,
                vel: u7::new(64),
            }),
        ));
    }
    messages.sort_by_key(|(tick, kind)| {
        let is_start = matches!(
            kind,
            TrackEventKind::Midi {
                message: MidiMessage::NoteOn { .. },
                ..
            }
        );
        (*tick, is_start)
    });
    messages
}

fn meta(message: MetaMessage<'static>) -> TrackEvent<'static> {
    TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Meta(message),
    }
}

/// Where the ticks of a file lie.
#[derive(Clone, Copy)]
struct Grid {
    ticks_per_beat: u16,
}

impl Grid {
    /// The nearest tick, from the start of the loop to the end of what the format can count.
    fn ticks(self, beats: f64) -> u32 {
        let latest = f64::from(u28::max_value().as_int());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 28 bits"
        )]
        let tick = (beats * f64::from(self.ticks_per_beat))
            .round()
            .clamp(0.0, latest) as u32;
        tick
    }
}

/// A note's velocity in MIDI's 1–127; 0 would end the note.
#[must_use]
pub fn midi_velocity(velocity: f32) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to seven bits"
    )]
    let velocity = (127.0 * velocity).round_ties_even().clamp(1.0, 127.0) as u8;
    velocity
}

/// A metre in the file's terms: the numerator, and how often its unit halves a whole note. 4/4 for one that means nothing.
fn midi_metre(signature: TimeSignature) -> (u8, u8) {
    match u8::try_from(signature.denominator.trailing_zeros()) {
        Ok(power) if signature.numerator > 0 && signature.denominator.is_power_of_two() => {
            (signature.numerator, power)
        }
        _ => midi_metre(TimeSignature::COMMON),
    }
}

/// A tempo in the file's unit, which spans 3.6 to 60 million beats per minute; nonsense becomes 120.
fn micros_per_beat(bpm: f64) -> u32 {
    let bpm = if bpm.is_finite() && bpm > 0.0 {
        bpm
    } else {
        120.0
    };
    let slowest = f64::from(u24::max_value().as_int());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 24 bits"
    )]
    let micros = (60e6 / bpm).round().clamp(1.0, slowest) as u32;
    micros
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::midi::read;
    use proptest::prelude::*;

    fn note(onset_beats: f64, duration_beats: f64, velocity: f32) -> Note {
        Note {
            onset_beats,
            duration_beats,
            pitch: 38,
            velocity,
            channel: 9,
        }
    }

    /// Onset, length (both in ticks) and velocity of what a file of these notes holds.
    fn written(notes: &[Note], loop_beats: f64) -> Vec<(f64, f64, f32)> {
        let song = read(&write(notes, loop_beats, 120.0)).unwrap();
        assert_eq!(song.unclosed_notes, 0);
        let ticks = f64::from(TICKS_PER_BEAT);
        song.notes
            .iter()
            .map(|note| {
                (
                    (note.onset_beats * ticks).round(),
                    (note.duration_beats * ticks).round(),
                    note.velocity * 127.0,
                )
            })
            .collect()
    }

    #[test]
    fn a_file_has_tempo_metre_and_ends_with_the_loop() {
        let song = read(&write(&[note(0.0, 0.25, 1.0)], 16.0, 174.0)).unwrap();
        assert_eq!(song.end_beats, 16.0);
        assert!((song.tempos[0].bpm - 174.0).abs() < 1e-3);
        let signature = song.time_signatures[0];
        assert_eq!(
            (signature.beats, signature.numerator, signature.denominator),
            (0.0, 4, 4)
        );
    }

    #[test]
    fn any_metre_is_written_and_nonsense_is_common_time() {
        for (numerator, denominator, expected) in [
            (7, 8, (7, 8)),
            (5, 16, (5, 16)),
            (2, 1, (2, 1)),
            (0, 4, (4, 4)),
            (3, 0, (4, 4)),
            (3, 6, (4, 4)),
        ] {
            let setup = Setup {
                bpm: 120.0,
                signature: TimeSignature {
                    beats: 3.0,
                    numerator,
                    denominator,
                },
                ticks_per_beat: TICKS_PER_BEAT,
                programs: &[],
            };
            let song = read(&write_with(&[], 4.0, &setup)).unwrap();
            let signature = song.time_signatures[0];
            assert_eq!(signature.beats, 0.0);
            assert_eq!((signature.numerator, signature.denominator), expected);
        }
    }

    #[test]
    fn a_loop_without_notes_still_has_its_length() {
        assert_eq!(read(&write(&[], 32.0, 120.0)).unwrap().end_beats, 32.0);
    }

    #[test]
    fn notes_stay_within_the_loop() {
        let notes = [
            note(-0.1, 0.2, 0.5),
            note(3.9, 0.25, 0.5),
            note(4.0, 0.25, 0.5),
            note(f64::NAN, 0.25, 0.5),
        ];
        assert_eq!(
            written(&notes, 4.0),
            [(0.0, 96.0, 64.0), (3744.0, 96.0, 64.0)]
        );
    }

    #[test]
    fn a_note_just_before_the_end_keeps_a_tick() {
        assert_eq!(
            written(&[note(3.999_99, 0.25, 0.5)], 4.0),
            [(3839.0, 1.0, 64.0)]
        );
    }

    #[test]
    fn no_note_is_silent_or_without_length() {
        let soft = note(1.0, 0.0, 0.001);
        assert_eq!(
            written(&[note(0.5, 0.5, 0.0), soft], 4.0),
            [(960.0, 1.0, 1.0)]
        );
    }

    #[test]
    fn sounds_and_resolution_are_written_on_request() {
        let bass = Program {
            channel: 1,
            program: 33,
        };
        let setup = Setup {
            bpm: 120.0,
            signature: TimeSignature::COMMON,
            ticks_per_beat: 220,
            programs: &[bass],
        };
        let late = Note {
            channel: 1,
            ..note(0.26, 0.25, 0.5)
        };
        let song = read(&write_with(&[late], 4.0, &setup)).unwrap();
        assert_eq!(song.notes[0].onset_beats, 57.0 / 220.0);
        assert_eq!(song.instruments[0].program, 33);
    }

    #[test]
    fn a_key_is_let_go_before_it_is_struck_again() {
        let notes = [
            note(0.0, 1.0, 0.25),
            note(0.5, 1.0, 0.5),
            note(0.500_01, 1.0, 0.75),
        ];
        assert_eq!(
            written(&notes, 4.0),
            [(0.0, 480.0, 32.0), (480.0, 960.0, 95.0)]
        );
    }

    #[test]
    fn nonsense_tempos_are_written_as_something_that_plays() {
        for (bpm, expected) in [
            (f64::NAN, 120.0),
            (0.0, 120.0),
            (-5.0, 120.0),
            (1e-9, 3.576),
            (1e12, 6e7),
        ] {
            let found = read(&write(&[], 4.0, bpm)).unwrap().tempos[0].bpm;
            assert!(
                (found / expected - 1.0).abs() < 1e-3,
                "{bpm} was written as {found}"
            );
        }
    }

    #[test]
    fn the_same_notes_are_the_same_bytes_in_any_order() {
        let notes = [
            note(0.0, 0.25, 0.5),
            note(0.0, 0.5, 0.5),
            note(1.0, 0.25, 0.75),
        ];
        let mut reversed = notes;
        reversed.reverse();
        assert_eq!(write(&notes, 4.0, 120.0), write(&reversed, 4.0, 120.0));
    }

    proptest! {
        #[test]
        fn every_note_apart_from_others_returns_within_half_a_tick(
            grid in prop::collection::btree_map((0..16_u8, 0..128_u8, 0..64_u16), (0.0..0.24, 1e-6..=1.0_f32), 0..50)
        ) {
            let notes: Vec<Note> = grid
                .into_iter()
                .map(|((channel, pitch, step), (late, velocity))| Note {
                    onset_beats: f64::from(step) / 4.0 + late,
                    duration_beats: 0.25 - late,
                    pitch,
                    velocity,
                    channel,
                })
                .collect();
            let song = read(&write(&notes, 16.0, 120.0)).unwrap();
            prop_assert_eq!(song.notes.len(), notes.len());
            let half_tick = 0.5 / f64::from(TICKS_PER_BEAT) + 1e-12;
            for note in &notes {
                let returned = song.notes.iter().any(|found| {
                    (found.channel, found.pitch) == (note.channel, note.pitch)
                        && (found.onset_beats - note.onset_beats).abs() <= half_tick
                        && (found.duration_beats - note.duration_beats).abs() <= 2.0 * half_tick
                        && (found.velocity - note.velocity).abs() <= 1.0 / 127.0
                });
                prop_assert!(returned, "{note:?} is missing");
            }
        }
    }
}
