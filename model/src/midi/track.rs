//! One track chunk -> its notes, tempos and time signatures, in ticks.

use super::event::{Event, Message, NoEvent};
use super::repair::{self, Damage, Repair};
use super::rhythm::Selection;
use crate::drums::CONTROLLERS;
use std::collections::HashMap;

/// The controller that chooses a bank of sounds.
const BANK: u8 = 0;
/// Characters of a name that are kept.
const LONGEST_NAME: usize = 40;

/// What a track holds; ticks count from its start.
#[derive(Default)]
pub(super) struct Track {
    /// In the order of their ends; those without a length come last, in the order of their starts.
    pub(super) notes: Vec<TickNote>,
    /// Tick, quarter notes per minute.
    pub(super) tempos: Vec<(u64, f64)>,
    /// Tick, numerator, denominator.
    pub(super) signatures: Vec<(u64, u8, u32)>,
    /// Tick, port and what is said of the channels there.
    pub(super) selections: Vec<(u64, u16, Selection)>,
    /// Where the pedal of a hi-hat is moved.
    pub(super) pedals: Vec<TickPedal>,
    /// What it is called.
    pub(super) name: Option<String>,
    /// The tick on which the track ends.
    pub(super) end: u64,
    /// Notes that never end, or end on the tick on which they begin.
    pub(super) unclosed_notes: usize,
    /// Byte of the file at which an event is cut off.
    pub(super) cut_at: Option<usize>,
    /// Whether the track says that it ends.
    pub(super) is_ended: bool,
    /// Byte of the file after its last event.
    pub(super) read_to: usize,
    /// How many events were read.
    pub(super) n_events: usize,
    /// What was wrong with them.
    pub(super) repairs: Vec<Repair>,
    /// The port that messages go to at the moment.
    port: u16,
    /// The sound of each channel so far.
    programs: [u8; 16],
    /// The bank that each channel takes its next sound from, if it was told one.
    banks: [Option<u8>; 16],
}

/// A note from tick to tick.
pub(super) struct TickNote {
    pub(super) start: u64,
    /// The same as the start where the note has no length.
    pub(super) end: u64,
    pub(super) pitch: u8,
    pub(super) velocity: u8,
    pub(super) port: u16,
    pub(super) channel: u8,
    /// The sound of the channel when the note ends, as pretty_midi has it.
    pub(super) program: u8,
}

/// A place of the pedal of a hi-hat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TickPedal {
    pub(super) tick: u64,
    pub(super) port: u16,
    pub(super) channel: u8,
    pub(super) controller: u8,
    pub(super) value: u8,
}

impl Track {
    /// Reads the events of the bytes of a file from `start` on, up to the end of the track. It is announced to end at
    /// `announced_end`; if it does not, it goes on while there are events, at most to `limit`.
    pub(super) fn read(bytes: &[u8], start: usize, announced_end: usize, limit: usize) -> Self {
        let data = &bytes[..limit];
        let mut track = Self {
            read_to: start,
            ..Self::default()
        };
        let mut open_notes = OpenNotes::default();
        let mut running_status = None;
        while !track.is_ended && track.read_to < limit {
            let at = track.read_to;
            let found = Event::read(data, at, &mut running_status);
            let is_sound = found.is_ok_and(|event| !event.is_damaged);
            if !is_sound && at >= announced_end {
                break;
            }
            match found {
                Ok(event) => {
                    track.n_events += 1;
                    track.read_to = event.end;
                    if event.is_damaged {
                        repair::count(&mut track.repairs, Damage::Value, at);
                    }
                    track.end = track.end.saturating_add(u64::from(event.delta));
                    track.apply(event.message, &mut open_notes);
                }
                Err(NoEvent::Damaged { next: Some(next) }) => {
                    repair::count(&mut track.repairs, Damage::Event, at);
                    track.read_to = next;
                }
                Err(NoEvent::Damaged { next: None }) => {
                    repair::count(&mut track.repairs, Damage::Event, at);
                    break;
                }
                Err(NoEvent::CutOff) => {
                    track.cut_at = Some(at);
                    break;
                }
            }
        }
        let unclosed = open_notes.into_unclosed(&track.programs);
        track.unclosed_notes = unclosed.len();
        track.notes.extend(unclosed);
        track
    }

    fn apply(&mut self, message: Message<'_>, open_notes: &mut OpenNotes) {
        match message {
            Message::NoteOn {
                channel,
                key,
                velocity,
            } => open_notes.begin((self.port, channel, key), velocity, self.end),
            Message::NoteOff { channel, key } => {
                let program = self.programs[usize::from(channel)];
                let place = (self.port, channel, key);
                open_notes.end(place, program, self.end, &mut self.notes);
            }
            Message::Program { channel, program } => {
                self.programs[usize::from(channel)] = program;
                if let Some(bank) = self.banks[usize::from(channel)] {
                    self.select(Selection::Bank { channel, bank });
                }
            }
            Message::Controller {
                channel,
                number: BANK,
                value,
            } => self.banks[usize::from(channel)] = Some(value),
            Message::Controller {
                channel,
                number,
                value,
            } => {
                if CONTROLLERS.contains(&number) {
                    self.pedals.push(TickPedal {
                        tick: self.end,
                        port: self.port,
                        channel,
                        controller: number,
                        value,
                    });
                }
            }
            Message::Exclusive(data) => {
                if let Some(selection) = Selection::of_exclusive(data) {
                    self.select(selection);
                }
            }
            Message::Meta { kind, data } => self.apply_meta(kind, data),
            Message::Other => {}
        }
    }

    fn apply_meta(&mut self, kind: u8, data: &[u8]) {
        match (kind, data) {
            (0x03, name) if self.name.is_none() => self.name = Some(text(name)),
            // A device is a port by name: a number of its own, above those of the ports.
            (0x09, device) => {
                let fold =
                    |sum: u16, byte: &u8| sum.wrapping_mul(31).wrapping_add(u16::from(*byte));
                self.port = 0x100 | device.iter().fold(0, fold);
            }
            (0x21, [port, ..]) => self.port = u16::from(*port),
            (0x2F, _) => self.is_ended = true,
            (0x51, [high, middle, low, ..]) => {
                let micros_per_beat = u32::from_be_bytes([0, *high, *middle, *low]);
                if micros_per_beat > 0 {
                    self.tempos
                        .push((self.end, 60e6 / f64::from(micros_per_beat)));
                }
            }
            (0x58, [numerator, power, ..]) => {
                let denominator = 1_u32.checked_shl(u32::from(*power)).unwrap_or(0);
                self.signatures.push((self.end, *numerator, denominator));
            }
            _ => {}
        }
    }

    fn select(&mut self, selection: Selection) {
        self.selections.push((self.end, self.port, selection));
    }
}

/// The words of a text event, which is UTF-8 or else Latin-1: at most as many as one reads at a glance.
fn text(bytes: &[u8]) -> String {
    let latin = || bytes.iter().copied().map(char::from).collect();
    let text = str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned);
    let words = text.chars().filter(|character| !character.is_control());
    let words: String = words.take(LONGEST_NAME).collect();
    words.trim().to_owned()
}

/// The notes of a track that still sound, by port, channel and key; those of one key in the order of their starts.
#[derive(Default)]
struct OpenNotes {
    /// Start and velocity of each.
    by_key: HashMap<Place, Vec<(u64, u8)>>,
    /// Notes that ended where they began.
    without_length: Vec<TickNote>,
}

/// Port, channel and key.
type Place = (u16, u8, u8);

impl OpenNotes {
    fn begin(&mut self, place: Place, velocity: u8, tick: u64) {
        self.by_key.entry(place).or_default().push((tick, velocity));
    }

    /// Closes what began before `tick`; if nothing did, what began on it has no length.
    fn end(&mut self, place: Place, program: u8, tick: u64, closed: &mut Vec<TickNote>) {
        let Some(open) = self.by_key.get_mut(&place) else {
            return;
        };
        let n_older = open.partition_point(|&(start, _)| start < tick);
        let note = |(start, velocity)| note(place, program, velocity, start, tick);
        if n_older == 0 {
            self.without_length.extend(open.drain(..).map(note));
        } else {
            closed.extend(open.drain(..n_older).map(note));
        }
    }

    /// The notes that have no length, in the order of their starts: `programs` are the sounds at the end of the track.
    fn into_unclosed(self, programs: &[u8; 16]) -> Vec<TickNote> {
        let mut unclosed = self.without_length;
        for (place, open) in self.by_key {
            let program = programs[usize::from(place.1)];
            let endless = |(start, velocity)| note(place, program, velocity, start, start);
            unclosed.extend(open.into_iter().map(endless));
        }
        unclosed.sort_by_key(|note| (note.start, note.port, note.channel, note.pitch));
        unclosed
    }
}

fn note(place: Place, program: u8, velocity: u8, start: u64, end: u64) -> TickNote {
    let (port, channel, pitch) = place;
    TickNote {
        start,
        end,
        pitch,
        velocity,
        port,
        channel,
        program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(data: &[u8]) -> Track {
        Track::read(data, 0, data.len(), data.len())
    }

    /// Start, end, key and velocity of the notes in events of a single channel.
    fn notes(data: &[u8]) -> Vec<(u64, u64, u8, u8)> {
        let notes = track(data).notes;
        notes
            .iter()
            .map(|note| (note.start, note.end, note.pitch, note.velocity))
            .collect()
    }

    /// Damages and how often.
    fn repairs(track: &Track) -> Vec<(Damage, usize)> {
        let repairs = track.repairs.iter();
        repairs
            .map(|repair| (repair.damage, repair.n_times))
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
    fn a_note_that_ends_where_it_begins_or_never_has_no_length_and_is_counted() {
        let data = [
            0, 0x99, 38, 100, 0, 38, 0, 5, 38, 50, 5, 38, 0, 0, 38, 0, 2, 36, 9,
        ];
        assert_eq!(
            notes(&data),
            [(5, 10, 38, 50), (0, 0, 38, 100), (12, 12, 36, 9)]
        );
        assert_eq!(track(&data).unclosed_notes, 2);
    }

    #[test]
    fn a_note_off_leaves_other_ports_channels_and_keys() {
        let data = [
            0, 0x99, 38, 1, 0, 0x98, 38, 1, 0, 0x99, 36, 1, 0, 0xFF, 0x21, 1, 1, 0, 0x99, 38, 2, 9,
            0x89, 38, 0,
        ];
        let track = track(&data);
        let found: Vec<_> = track
            .notes
            .iter()
            .map(|note| (note.port, note.channel, note.pitch, note.end))
            .collect();
        assert_eq!(
            found,
            [(1, 9, 38, 9), (0, 8, 38, 0), (0, 9, 36, 0), (0, 9, 38, 0)]
        );
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
    fn a_message_that_makes_no_sense_is_passed_over_with_its_time() {
        // A key signature of one byte, and a time code offset in the 31st hour.
        let data = [
            3, 0xFF, 0x59, 1, 0, 2, 0xFF, 0x54, 5, 0x7F, 99, 99, 99, 99, 0, 0x99, 36, 9, 1, 36, 0,
        ];
        assert_eq!(notes(&data), [(5, 6, 36, 9)]);
        assert_eq!(repairs(&track(&data)), []);
    }

    #[test]
    fn nothing_is_read_after_the_end_of_the_track() {
        let track = track(&[
            0, 0x99, 36, 9, 1, 36, 0, 7, 0xFF, 0x2F, 0, 0, 0x99, 38, 9, 1, 38, 0,
        ]);
        assert!(track.is_ended);
        assert_eq!((track.notes.len(), track.end, track.read_to), (1, 8, 11));
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
            let track = track(&whole[..length]);
            assert_eq!(track.cut_at, cut_at, "cut to {length} bytes");
            assert_eq!(track.notes.len(), 1, "cut to {length} bytes");
            assert_eq!(track.unclosed_notes, usize::from(length < 7));
        }
    }

    #[test]
    fn one_bad_event_costs_one_event_and_is_counted() {
        let (before, after) = ([0, 0x99, 36, 9, 1, 36, 0], [1, 0x99, 38, 9, 1, 38, 0]);
        for (bad, expected) in [
            // A clock message, one that no standard has, data without a status, and a text that is longer than the file.
            (&[0, 0xF8][..], (Damage::Value, 1)),
            (&[0, 0xF4, 0, 0], (Damage::Event, 1)),
            (&[0, 0xFF, 0x01, 0xFF, 0xFF, 0x7F, b'x'], (Damage::Event, 1)),
            (&[0, 0xB9, 4, 200], (Damage::Value, 1)),
            (&[0, 0x99, 200, 1], (Damage::Value, 1)),
        ] {
            let track = track(&[&before[..], bad, &after].concat());
            let keys: Vec<u8> = track.notes.iter().map(|note| note.pitch).collect();
            assert_eq!(keys, [36, 38], "{bad:02x?}");
            assert_eq!(repairs(&track), [expected], "{bad:02x?}");
        }
        let headless = track(&[&[0, 36, 9][..], &before].concat());
        assert_eq!(
            (headless.notes.len(), repairs(&headless)),
            (1, vec![(Damage::Event, 1)])
        );
    }

    #[test]
    fn a_value_above_127_is_127() {
        let track = track(&[0, 0x99, 36, 200, 1, 36, 0, 0, 0xB9, 4, 168]);
        assert_eq!(track.notes[0].velocity, 127);
        assert_eq!(track.pedals[0].value, 127);
        assert_eq!(repairs(&track), [(Damage::Value, 2)]);
    }

    #[test]
    fn an_exclusive_message_without_a_length_ends_with_its_end() {
        let data = [
            0, 0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7, 0, 0x99, 36, 9, 1, 36, 0,
        ];
        let track = track(&data);
        assert_eq!(
            (track.notes.len(), repairs(&track)),
            (1, vec![(Damage::Value, 1)])
        );
        assert_eq!(
            track.selections,
            [(0, 0, Selection::Reset { is_gs: false })]
        );
    }

    #[test]
    fn a_track_goes_on_beyond_its_announced_end_while_there_are_events() {
        let data = [
            0, 0x99, 36, 9, 1, 36, 0, 0, 0x99, 38, 9, 1, 38, 0, 0, 0xF4, 0, 0x99, 40, 9,
        ];
        let track = Track::read(&data, 0, 4, data.len());
        let keys: Vec<u8> = track.notes.iter().map(|note| note.pitch).collect();
        assert_eq!((keys, track.read_to), (vec![36, 38], 14));
    }

    #[test]
    fn what_is_said_of_the_music_is_kept() {
        let data = [
            0, 0xFF, 0x03, 6, 0xFF, b'K', b'i', b't', 0, b' ', 0, 0xB9, 0, 120, 0, 0xC9, 8, 1,
            0xFF, 0x21, 1, 2, 2, 0xB9, 4, 64,
        ];
        let track = track(&data);
        assert_eq!(track.name.as_deref(), Some("\u{ff}Kit"));
        let bank = Selection::Bank {
            channel: 9,
            bank: 120,
        };
        assert_eq!(track.selections, [(0, 0, bank)]);
        let pedal = TickPedal {
            tick: 3,
            port: 2,
            channel: 9,
            controller: 4,
            value: 64,
        };
        assert_eq!(track.pedals, [pedal]);
    }
}
