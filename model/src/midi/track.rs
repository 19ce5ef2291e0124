//! One track chunk -> its notes, tempos and time signatures, in ticks.

use crate::error::Error;
use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};
use std::collections::HashMap;

/// What a track holds; ticks count from its start.
#[derive(Default)]
pub(super) struct Track {
    /// In the order of their ends.
    pub(super) notes: Vec<TickNote>,
    /// Tick, quarter notes per minute.
    pub(super) tempos: Vec<(u64, f64)>,
    /// Tick, numerator, denominator.
    pub(super) signatures: Vec<(u64, u8, u32)>,
    /// The tick on which the track ends.
    pub(super) end: u64,
    /// Notes without an end, or without a length.
    pub(super) unclosed_notes: usize,
    /// Byte of the file at which an event is cut off.
    pub(super) cut_at: Option<usize>,
    /// Whether the track says that it ends.
    pub(super) is_ended: bool,
}

/// A note from tick to tick.
pub(super) struct TickNote {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) pitch: u8,
    pub(super) velocity: u8,
    pub(super) channel: u8,
}

impl Track {
    /// Reads the events of `data`, which stands at byte `start` of the file, up to the end of the track.
    ///
    /// # Errors
    /// If something is no MIDI event, with its byte.
    pub(super) fn read(data: &[u8], start: usize) -> Result<Self, Error> {
        let mut track = Self::default();
        let mut open_notes = OpenNotes::default();
        let mut events = EventIter::new(data);
        let mut running_status = None;
        while !track.is_ended && !events.unread().is_empty() {
            let unread = events.unread();
            let position = start + data.len() - unread.len();
            let payload = Payload::of(unread);
            if payload
                .as_ref()
                .is_some_and(|payload| payload.end > unread.len())
            {
                track.cut_at = Some(position);
                break;
            }
            // The standard lets other messages cancel the running status, but files exist that count on it.
            *events.running_status_mut() = running_status;
            match (events.next(), payload) {
                (Some(Ok(event)), _) => {
                    running_status = events.running_status().or(running_status);
                    track.advance(u64::from(event.delta.as_int()));
                    track.apply(event.kind, &mut open_notes);
                }
                // A message whose content makes no sense to midly, such as a key signature of one byte: skip it alone.
                (_, Some(payload)) => {
                    track.advance(payload.delta);
                    events = EventIter::new(&unread[payload.end..]);
                }
                (_, None) if is_beginning_of_event(unread, running_status) => {
                    track.cut_at = Some(position);
                    break;
                }
                (_, None) => {
                    let problem = "there is no MIDI event here; export the file again".to_owned();
                    return Err(Error::Midi { position, problem });
                }
            }
        }
        track.unclosed_notes = open_notes.n_unclosed();
        Ok(track)
    }

    fn advance(&mut self, ticks: u64) {
        self.end = self.end.saturating_add(ticks);
    }

    fn apply(&mut self, event: TrackEventKind<'_>, open_notes: &mut OpenNotes) {
        match event {
            TrackEventKind::Midi {
                channel,
                message: MidiMessage::NoteOn { key, vel },
            } if vel > 0 => {
                open_notes.begin(channel.as_int(), key.as_int(), vel.as_int(), self.end);
            }
            TrackEventKind::Midi {
                channel,
                message: MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. },
            } => open_notes.end(channel.as_int(), key.as_int(), self.end, &mut self.notes),
            TrackEventKind::Meta(MetaMessage::Tempo(micros_per_beat)) if micros_per_beat > 0 => {
                self.tempos
                    .push((self.end, 60e6 / f64::from(micros_per_beat.as_int())));
            }
            TrackEventKind::Meta(MetaMessage::TimeSignature(numerator, power, ..)) => {
                let denominator = 1_u32.checked_shl(u32::from(power)).unwrap_or(0);
                self.signatures.push((self.end, numerator, denominator));
            }
            TrackEventKind::Meta(MetaMessage::EndOfTrack) => self.is_ended = true,
            _ => {}
        }
    }
}

/// The notes of a track that still sound, by channel and key; those of one key in the order of their starts.
#[derive(Default)]
struct OpenNotes {
    /// Start and velocity of each.
    by_key: HashMap<(u8, u8), Vec<(u64, u8)>>,
    /// Notes that ended where they began.
    n_without_length: usize,
}

impl OpenNotes {
    fn begin(&mut self, channel: u8, pitch: u8, velocity: u8, tick: u64) {
        self.by_key
            .entry((channel, pitch))
            .or_default()
            .push((tick, velocity));
    }

    /// Closes what began before `tick`; if nothing did, discards what began on it.
    fn end(&mut self, channel: u8, pitch: u8, tick: u64, closed: &mut Vec<TickNote>) {
        let Some(open) = self.by_key.get_mut(&(channel, pitch)) else {
            return;
        };
        let n_older = open.partition_point(|&(start, _)| start < tick);
        if n_older == 0 {
            self.n_without_length += open.len();
            open.clear();
        }
        closed.extend(open.drain(..n_older).map(|(start, velocity)| TickNote {
            start,
            end: tick,
            pitch,
            velocity,
            channel,
        }));
    }

    /// How many notes never got an end and a length.
    fn n_unclosed(&self) -> usize {
        self.n_without_length + self.by_key.values().map(Vec::len).sum::<usize>()
    }
}

/// The extent of an event that carries its own length: a meta or system exclusive message.
struct Payload {
    /// Ticks since the event before.
    delta: u64,
    /// Length of the whole event in bytes; may exceed what the track holds.
    end: usize,
}

impl Payload {
    /// The extent of the event that `unread` begins with, if it is of this kind; endless if its length is cut off.
    fn of(unread: &[u8]) -> Option<Self> {
        let (delta, status_at) = variable_length(unread, 0)?;
        let length_at = match unread.get(status_at)? {
            0xFF => status_at + 2,
            0xF0 | 0xF7 => status_at + 1,
            _ => return None,
        };
        let end = match variable_length(unread, length_at) {
            Some((length, data_at)) => data_at.saturating_add(usize::try_from(length).ok()?),
            None => usize::MAX,
        };
        Some(Self {
            delta: u64::from(delta),
            end,
        })
    }
}

/// A number in MIDI's variable-length form, of at most four bytes, and the offset after it.
fn variable_length(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut number = 0;
    for index in at..at + 4 {
        let byte = *bytes.get(index)?;
        number = (number << 7) | u32::from(byte & 0x7F);
        if byte < 0x80 {
            return Some((number, index + 1));
        }
    }
    Some((number, at + 4))
}

/// Whether `unread` would be an event if only the track went on.
fn is_beginning_of_event(unread: &[u8], running_status: Option<u8>) -> bool {
    /// No event without a payload is longer: four bytes of time, status, two of data.
    const LONGEST: usize = 7;
    if unread.len() >= LONGEST {
        return false;
    }
    if variable_length(unread, 0).is_none_or(|(_, status_at)| status_at == unread.len()) {
        return true;
    }
    let mut continued = unread.to_vec();
    continued.resize(unread.len() + LONGEST, 0);
    let mut events = EventIter::new(&continued);
    *events.running_status_mut() = running_status;
    matches!(events.next(), Some(Ok(_)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// Start, end, key and velocity of the notes in events of a single channel.
    fn notes(data: &[u8]) -> Vec<(u64, u64, u8, u8)> {
        let track = Track::read(data, 0).unwrap();
        track
            .notes
            .iter()
            .map(|note| (note.start, note.end, note.pitch, note.velocity))
            .collect()
    }

    #[test]
    fn a_note_on_with_velocity_0_ends_the_note() {
        assert_eq!(
            notes(&[0, 0x99, 36, 100, 10, 0x99, 36, 0]),
            [(0, 10, 36, 100)]
        );
    }

    #[test]
    fn a_note_off_closes_every_open_note_of_its_key() {
        let data = [0, 0x99, 38, 100, 5, 0x99, 38, 50, 5, 0x89, 38, 64];
        assert_eq!(notes(&data), [(0, 10, 38, 100), (5, 10, 38, 50)]);
    }

    #[test]
    fn a_note_off_leaves_what_began_on_its_tick() {
        // A retrigger whose note-on was written before the note-off of the note before.
        let data = [
            0, 0x99, 38, 100, 10, 0x99, 38, 50, 0, 0x89, 38, 64, 7, 0x89, 38, 64,
        ];
        assert_eq!(notes(&data), [(0, 10, 38, 100), (10, 17, 38, 50)]);
    }

    #[test]
    fn a_note_that_ends_where_it_begins_is_discarded_and_counted() {
        let data = [0, 0x99, 38, 100, 0, 38, 0, 5, 38, 50, 5, 38, 0, 0, 38, 0];
        assert_eq!(notes(&data), [(5, 10, 38, 50)]);
        assert_eq!(Track::read(&data, 0).unwrap().unclosed_notes, 1);
    }

    #[test]
    fn a_note_off_leaves_other_channels_and_keys() {
        let track = Track::read(
            &[
                0, 0x99, 38, 1, 0, 0x98, 38, 1, 0, 0x99, 36, 1, 9, 0x89, 38, 0,
            ],
            0,
        )
        .unwrap();
        assert_eq!(track.notes.len(), 1);
        assert_eq!(track.unclosed_notes, 2);
    }

    #[test]
    fn running_status_survives_other_messages() {
        let data = [
            0, 0x99, 36, 100, 0, 0xFF, 0x01, 1, b'x', 4, 36, 0, 0, 0xF0, 1, 0xF7, 1, 42, 80, 2, 42,
            0,
        ];
        assert_eq!(notes(&data), [(0, 4, 36, 100), (5, 7, 42, 80)]);
    }

    #[test]
    fn a_message_that_makes_no_sense_is_skipped_with_its_time() {
        // A key signature of one byte, and a time code offset in the 31st hour.
        let data = [
            3, 0xFF, 0x59, 1, 0, 2, 0xFF, 0x54, 5, 0x7F, 99, 99, 99, 99, 0, 0x99, 36, 9, 1, 36, 0,
        ];
        assert_eq!(notes(&data), [(5, 6, 36, 9)]);
    }

    #[test]
    fn nothing_is_read_after_the_end_of_the_track() {
        let track = Track::read(
            &[
                0, 0x99, 36, 9, 1, 36, 0, 7, 0xFF, 0x2F, 0, 0, 0x99, 38, 9, 1, 38, 0,
            ],
            0,
        )
        .unwrap();
        assert!(track.is_ended);
        assert_eq!((track.notes.len(), track.end), (1, 8));
    }

    #[test]
    fn a_cut_track_keeps_its_beginning_and_says_where_it_ends() {
        let whole = [
            0, 0x99, 36, 9, 1, 36, 0, 0, 0xFF, 0x03, 4, b'n', b'a', b'm', b'e', 0x81, 0, 0x99, 38,
            9,
        ];
        for (length, cut_at) in [
            (6, Some(4)),
            (7, None),
            (10, Some(7)),
            (14, Some(7)),
            (15, None),
            (16, Some(15)),
            (19, Some(15)),
        ] {
            let track = Track::read(&whole[..length], 100).unwrap();
            assert_eq!(
                track.cut_at,
                cut_at.map(|at| 100 + at),
                "cut to {length} bytes"
            );
            assert_eq!(track.notes.len(), usize::from(length >= 7));
        }
    }

    #[test]
    fn what_is_no_event_is_an_error_with_its_byte() {
        for junk in [
            &[0_u8, 0xF8, 0, 0, 0, 0, 0, 0][..],
            &[0, 0xF4],
            &[0, 0x99, 0xFF, 0xFF, 0, 0, 0, 0],
        ] {
            let data = [&[0, 0x99, 36, 9][..], junk].concat();
            let error = Track::read(&data, 1000).err().unwrap();
            assert!(
                matches!(error, Error::Midi { position: 1004, .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn data_bytes_without_any_status_are_an_error() {
        assert!(Track::read(&[0, 36, 9, 1, 36, 0, 0, 0, 0], 0).is_err());
    }
}
