//! Which channels play drums, as far as a file says so itself.
//!
//! General MIDI gives the drums channel 10. Everything else is said by messages, each for one port: a GS or XG module is
//! told by system exclusive data that another part is a rhythm part, General MIDI 2 and XG by a bank that holds drum
//! kits, and a reset takes all of it back.

use super::DRUM_CHANNEL;
use super::track::Track;
use std::collections::{BTreeMap, BTreeSet};

/// Bank of General MIDI 2 with drum kits.
const GM2_DRUMS: u8 = 120;
/// Bank of General MIDI 2 with melodic sounds.
const GM2_MELODIES: u8 = 121;
/// Banks of XG with sound effects and with drum kits; in GS, 127 holds melodic sounds of the MT-32.
const XG_DRUMS: [u8; 2] = [126, 127];

/// A message that decides what channels play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    /// The module is reset to the channels of General MIDI; as GS if so.
    Reset { is_gs: bool },
    /// The part that listens to a channel is made a rhythm part, or a melodic one.
    Part { channel: u8, is_rhythm: bool },
    /// A channel gets a sound of this bank.
    Bank { channel: u8, bank: u8 },
}

impl Selection {
    /// What system exclusive data, without the byte that begins it, selects.
    ///
    /// # Source
    /// Universal system exclusive messages (General MIDI on), the Roland SC-88's parameters `MODE SET` and `USE FOR
    /// RHYTHM PART`, and Yamaha's XG parameters `XG SYSTEM ON` and `PART MODE`.
    pub(super) fn of_exclusive(data: &[u8]) -> Option<Self> {
        match *data {
            [0x7E, _, 0x09, 1..=3, ..] => Some(Self::Reset { is_gs: false }),
            [0x41, _, 0x42, 0x12, 0x40 | 0x00, 0x00, 0x7F, ..] => Some(Self::Reset { is_gs: true }),
            [
                0x41,
                _,
                0x42,
                0x12,
                0x40 | 0x50,
                part @ 0x10..=0x1F,
                0x15,
                map,
                ..,
            ] => {
                // Part 0 listens to the drums' channel, and the others to the rest in turn.
                let channel = match part & 0x0F {
                    0 => DRUM_CHANNEL,
                    part if part <= DRUM_CHANNEL => part - 1,
                    part => part,
                };
                Some(Self::Part {
                    channel,
                    is_rhythm: map > 0,
                })
            }
            [0x43, 0x10..=0x1F, 0x4C, 0x00, 0x00, 0x7E, ..] => Some(Self::Reset { is_gs: false }),
            [
                0x43,
                0x10..=0x1F,
                0x4C,
                0x08,
                channel @ 0..=15,
                0x07,
                mode,
                ..,
            ] => Some(Self::Part {
                channel,
                is_rhythm: mode > 0,
            }),
            _ => None,
        }
    }
}

/// From which tick on a channel is drums, or not, or nothing is said.
type Switch = (u64, Option<bool>);

/// What the selections of a song say of each channel, from tick to tick.
#[derive(Default)]
pub(super) struct Rhythm {
    /// By port and channel.
    switches: BTreeMap<(u16, u8), Vec<Switch>>,
    /// By port and channel: whether what is said was said by a bank.
    is_by_bank: BTreeMap<(u16, u8), bool>,
    /// The ports whose module is one of GS.
    gs_ports: BTreeSet<u16>,
}

impl Rhythm {
    /// What the tracks say, which sound together.
    pub(super) fn of(tracks: &[Track]) -> Self {
        let mut selections: Vec<_> = tracks.iter().flat_map(|track| &track.selections).collect();
        selections.sort_by_key(|(tick, ..)| *tick);
        let mut rhythm = Self::default();
        for &&(tick, port, selection) in &selections {
            rhythm.select(tick, port, selection);
        }
        rhythm
    }

    /// Whether a channel is selected to play drums (or not to) at a tick; `None` if nothing is said.
    pub(super) fn selected(&self, port: u16, channel: u8, tick: u64) -> Option<bool> {
        let switches = self.switches.get(&(port, channel))?;
        let n_before = switches.partition_point(|(at, _)| *at <= tick);
        switches[..n_before]
            .last()
            .and_then(|(_, is_drums)| *is_drums)
    }

    fn select(&mut self, tick: u64, port: u16, selection: Selection) {
        match selection {
            Selection::Reset { is_gs } => {
                if is_gs {
                    self.gs_ports.insert(port);
                } else {
                    self.gs_ports.remove(&port);
                }
                for (_, switches) in self.switches.range_mut((port, 0)..=(port, u8::MAX)) {
                    if switches
                        .last()
                        .is_some_and(|(_, is_drums)| is_drums.is_some())
                    {
                        switches.push((tick, None));
                    }
                }
            }
            Selection::Part { channel, is_rhythm } => {
                self.set(tick, (port, channel), Some(is_rhythm), false);
            }
            Selection::Bank { channel, bank } => {
                let is_gs = self.gs_ports.contains(&port);
                let by_bank = self.is_by_bank.get(&(port, channel));
                match bank {
                    GM2_DRUMS => self.set(tick, (port, channel), Some(true), true),
                    GM2_MELODIES => self.set(tick, (port, channel), Some(false), true),
                    _ if XG_DRUMS.contains(&bank) && !is_gs => {
                        self.set(tick, (port, channel), Some(true), true);
                    }
                    // Another bank takes back what a bank has said, and leaves what a part was made.
                    _ if by_bank == Some(&true) => self.set(tick, (port, channel), None, true),
                    _ => {}
                }
            }
        }
    }

    fn set(&mut self, tick: u64, place: (u16, u8), is_drums: Option<bool>, is_by_bank: bool) {
        self.switches
            .entry(place)
            .or_default()
            .push((tick, is_drums));
        self.is_by_bank.insert(place, is_by_bank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(selections: &[(u64, u16, Selection)]) -> Rhythm {
        let mut track = Track::default();
        track.selections.extend(selections);
        Rhythm::of(&[track])
    }

    #[test]
    fn system_exclusive_messages_of_each_standard_are_understood() {
        let part = |channel, is_rhythm| Some(Selection::Part { channel, is_rhythm });
        for (data, expected) in [
            (
                &[0x7E, 0x7F, 9, 1, 0xF7][..],
                Some(Selection::Reset { is_gs: false }),
            ),
            (
                &[0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7],
                Some(Selection::Reset { is_gs: true }),
            ),
            (
                &[0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0, 0xF7],
                part(9, false),
            ),
            (
                &[0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 1, 0, 0xF7],
                part(0, true),
            ),
            (
                &[0x41, 0x10, 0x42, 0x12, 0x40, 0x19, 0x15, 2, 0, 0xF7],
                part(8, true),
            ),
            (
                &[0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 2, 0, 0xF7],
                part(10, true),
            ),
            (&[0x43, 0x10, 0x4C, 8, 0x0A, 7, 2, 0xF7], part(10, true)),
            (
                &[0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7],
                Some(Selection::Reset { is_gs: false }),
            ),
            (&[0x43, 0x10, 0x4C, 8, 0x0A, 8, 2, 0xF7], None),
            (&[0x41], None),
            (&[], None),
        ] {
            assert_eq!(Selection::of_exclusive(data), expected, "{data:02x?}");
        }
    }

    #[test]
    fn a_selection_holds_from_its_tick_on_and_on_its_port() {
        let kit = Selection::Part {
            channel: 1,
            is_rhythm: true,
        };
        let reset = Selection::Reset { is_gs: false };
        let rhythm = rhythm(&[(10, 0, kit), (30, 0, reset)]);
        let found = [9, 10, 29, 30].map(|tick| rhythm.selected(0, 1, tick));
        assert_eq!(found, [None, Some(true), Some(true), None]);
        assert_eq!(rhythm.selected(1, 1, 20), None);
        assert_eq!(rhythm.selected(0, 2, 20), None);
    }

    #[test]
    fn banks_select_kits_and_another_bank_takes_that_back() {
        let bank = |channel, bank| Selection::Bank { channel, bank };
        let found = rhythm(&[
            (0, 0, bank(9, 121)),
            (0, 0, bank(10, 120)),
            (5, 0, bank(10, 0)),
        ]);
        assert_eq!(found.selected(0, 9, 0), Some(false));
        assert_eq!(found.selected(0, 10, 0), Some(true));
        assert_eq!(found.selected(0, 10, 5), None);
        let xg = rhythm(&[(0, 0, bank(2, 127))]);
        assert_eq!(xg.selected(0, 2, 0), Some(true));
        // In GS that bank holds melodic sounds, and a rhythm part takes its kits from bank 0.
        let gs = rhythm(&[
            (0, 0, Selection::Reset { is_gs: true }),
            (
                0,
                0,
                Selection::Part {
                    channel: 3,
                    is_rhythm: true,
                },
            ),
            (0, 0, bank(2, 127)),
            (0, 0, bank(3, 0)),
        ]);
        assert_eq!(gs.selected(0, 2, 0), None);
        assert_eq!(gs.selected(0, 3, 0), Some(true));
    }
}
