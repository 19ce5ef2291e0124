//! Notes -> the bytes of a `.mid` file.

use crate::note::Note;
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use std::collections::BTreeMap;

/// Resolution of written files: a tick is half a millisecond at 120 beats per minute.
pub const TICKS_PER_BEAT: u16 = 960;

/// A loop of notes as a Standard MIDI File of format 0: tempo, 4/4, and the end of the track at exactly `loop_beats`.
///
/// Workstations loop and join clips by that end. Notes sound within the loop: they are cut at its end, and those that
/// start outside are left out. No note is silent or shorter than a tick; of notes with one key that start on one tick,
/// the loudest is written.
#[must_use]
pub fn write(notes: &[Note], loop_beats: f64, bpm: f64) -> Vec<u8> {
    let end = ticks(loop_beats);
    let mut track = vec![
        meta(MetaMessage::TrackName(b"Fourbar")),
        meta(MetaMessage::Tempo(u24::new(micros_per_beat(bpm)))),
        // 24 MIDI clocks a metronome click and eight 32nds a quarter note: what every workstation writes.
        meta(MetaMessage::TimeSignature(4, 2, 24, 8)),
    ];
    let mut now = 0;
    for (tick, message) in messages(notes, loop_beats, end) {
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
        Timing::Metrical(u15::new(TICKS_PER_BEAT)),
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
fn messages(notes: &[Note], loop_beats: f64, end: u32) -> Vec<(u32, TrackEventKind<'static>)> {
    // By channel, key and start: the velocity and where the note would end.
    let mut strikes: BTreeMap<(u8, u8, u32), (u8, u32)> = BTreeMap::new();
    for note in notes
        .iter()
        .filter(|note| note.onset_beats < loop_beats && end > 0)
    {
        let start = ticks(note.onset_beats).min(end - 1);
        let stop = ticks(note.onset_beats + note.duration_beats);
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

/// The nearest tick, from the start of the loop to the end of what the format can count.
fn ticks(beats: f64) -> u32 {
    let latest = f64::from(u28::max_value().as_int());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 28 bits"
    )]
    let tick = (beats * f64::from(TICKS_PER_BEAT))
        .round()
        .clamp(0.0, latest) as u32;
    tick
}

/// MIDI's 1–127; 0 would end the note.
fn midi_velocity(velocity: f32) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to seven bits"
    )]
    let velocity = (127.0 * velocity).round_ties_even().clamp(1.0, 127.0) as u8;
    velocity
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
