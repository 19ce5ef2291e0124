//! Played notes -> a Standard MIDI File of exactly the bars that were played.

use anyhow::{Result, anyhow};
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

use super::host::PlayedNote;

const TICKS_PER_BEAT: u16 = 960;

/// The bytes of a file that starts with tempo and metre and ends its track `n_beats` after its start.
///
/// # Errors
/// If a number does not fit the format.
pub(crate) fn file(notes: &[PlayedNote], tempo_bpm: f64, n_beats: u32) -> Result<Vec<u8>> {
    let end_tick = n_beats * u32::from(TICKS_PER_BEAT);
    let mut messages = Vec::new();
    for note in notes {
        let onset = tick(note.onset_beats).min(end_tick);
        let end = tick(note.end_beats).clamp(onset, end_tick);
        let key = u7::new(note.pitch);
        messages.push((
            onset,
            note,
            MidiMessage::NoteOn {
                key,
                vel: velocity(note.velocity),
            },
        ));
        messages.push((
            end,
            note,
            MidiMessage::NoteOff {
                key,
                vel: u7::new(0),
            },
        ));
    }
    // A voice that is hit again ends first: at one tick, note-offs come before note-ons.
    messages
        .sort_by_key(|(tick, _, message)| (*tick, matches!(message, MidiMessage::NoteOn { .. })));

    let mut track = vec![
        meta(MetaMessage::TrackName(b"Fourbar")),
        meta(MetaMessage::Tempo(u24::new(microseconds_per_beat(
            tempo_bpm,
        )))),
        meta(MetaMessage::TimeSignature(4, 2, 24, 8)),
    ];
    let mut now = 0;
    for (tick, note, message) in messages {
        track.push(TrackEvent {
            delta: u28::new(tick - now),
            kind: TrackEventKind::Midi {
                channel: u4::new(note.channel),
                message,
            },
        });
        now = tick;
    }
    track.push(TrackEvent {
        delta: u28::new(end_tick - now),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });

    let mut smf = Smf::new(Header::new(
        Format::SingleTrack,
        Timing::Metrical(u15::new(TICKS_PER_BEAT)),
    ));
    smf.tracks.push(track);
    let mut bytes = Vec::new();
    smf.write(&mut bytes)
        .map_err(|problem| anyhow!("writing the MIDI file: {problem}"))?;
    Ok(bytes)
}

fn meta(message: MetaMessage<'_>) -> TrackEvent<'_> {
    TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Meta(message),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions of a few bars, never negative"
)]
fn tick(beats: f64) -> u32 {
    (beats * f64::from(TICKS_PER_BEAT)).round() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "6 million at the slowest tempo that the demo takes"
)]
fn microseconds_per_beat(tempo_bpm: f64) -> u32 {
    (60e6 / tempo_bpm).round() as u32
}

/// Never 0, which would be a note-off.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 1-127 first"
)]
fn velocity(velocity: f64) -> u7 {
    u7::new((velocity * 127.0).round().clamp(1.0, 127.0) as u8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn note(onset_beats: f64, end_beats: f64, pitch: u8) -> PlayedNote {
        PlayedNote {
            onset_beats,
            end_beats,
            pitch,
            channel: 9,
            velocity: 0.5,
        }
    }

    #[test]
    fn the_track_ends_at_the_last_bar_line_and_states_tempo_and_metre() {
        let bytes = file(&[note(0.0, 0.25, 36), note(31.9, 32.0, 38)], 90.0, 32).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let track = &smf.tracks[0];
        let length: u32 = track.iter().map(|event| event.delta.as_int()).sum();
        assert_eq!(length, 32 * 960);
        assert_eq!(
            track.last().unwrap().kind,
            TrackEventKind::Meta(MetaMessage::EndOfTrack)
        );
        let has = |message| {
            track
                .iter()
                .any(|event| event.kind == TrackEventKind::Meta(message))
        };
        assert!(has(MetaMessage::Tempo(u24::new(666_667))));
        assert!(has(MetaMessage::TimeSignature(4, 2, 24, 8)));
    }

    #[test]
    fn a_note_that_ends_where_the_next_begins_is_closed_first() {
        let bytes = file(&[note(0.0, 0.25, 36), note(0.25, 0.5, 36)], 120.0, 4).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let on: Vec<_> = smf.tracks[0]
            .iter()
            .filter_map(|event| match event.kind {
                TrackEventKind::Midi { message, .. } => {
                    Some(matches!(message, MidiMessage::NoteOn { .. }))
                }
                _ => None,
            })
            .collect();
        assert_eq!(on, [true, false, true, false]);
    }
}
