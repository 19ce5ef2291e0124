//! Which notes of a song are its drums.
//!
//! Everything that a file says is heard, the plainest word first: what the user chose; the parts that the file itself
//! selects for drums; channel 10; the names of tracks; and last what the notes look like. A bass line is within the keys
//! of a kit, too, so the keys alone decide nothing: a kit strikes kick or snare together with a cymbal, a bass plays one
//! note at a time. Where that leaves a doubt, the user is asked.

mod look;
mod name;
#[cfg(test)]
mod tests;

use super::{DRUM_CHANNEL, HatPedal, Instrument, Song};
use crate::drums::{DrumMap, Pedal, Voice};
use crate::error::Error;
use crate::note::Note;
use look::{HELD, is_held, is_held_beyond_kit, is_kit, keys, kit_voice, legato};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The parts that are listed where the user is asked for one.
const MAX_LISTED: usize = 8;

/// What a user says of where the drums of a song are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrumPart {
    /// Nothing: see for yourself.
    #[default]
    Found,
    /// On this MIDI channel, 0–15.
    Channel(u8),
    /// In the track at this place of the file, counted from 0.
    Track(usize),
}

/// The drums of a song.
#[derive(Debug, Clone, PartialEq)]
pub struct Drums {
    /// Their notes, in the order of time.
    pub notes: Vec<Note>,
    /// Who plays them: places in [`Song::instruments`].
    pub instruments: Vec<usize>,
    /// How they were found, in words, if not simply on channel 10.
    pub found: Option<String>,
    /// Whether nothing but what they play tells that they are drums.
    pub is_by_look: bool,
    /// What plays on channel 10 and is no drum, in words.
    pub aside: Option<String>,
    /// Strokes of the hi-hat that its pedal makes open or closed, and not their key.
    pub n_by_pedal: usize,
}

impl Song {
    /// The [drums](Self::drums) with the hi-hat as open as its pedal says, where the keys of `map` do not say it: kits
    /// exist that send one key always. Where they send a key for each, or the pedal never moves, the keys count.
    ///
    /// # Errors
    /// As [`Self::drums`].
    pub fn drums_in(&self, map: &DrumMap) -> Result<Drums, Error> {
        let mut drums = self.drums()?;
        let Some(hat) = map.hat else {
            return Ok(drums);
        };
        let openness = self.openness(&drums, hat);
        let hats: Vec<(usize, Voice, bool)> = openness
            .into_iter()
            .enumerate()
            .filter_map(|(place, is_open)| {
                let pitch = drums.notes[place].pitch;
                let voice = map.voice(pitch).filter(|_| hat.keys.contains(&pitch))?;
                Some((place, voice, is_open?))
            })
            .collect();
        let is_one_key = hats.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let is_moved = hats.windows(2).any(|pair| pair[0].2 != pair[1].2);
        if is_one_key && is_moved {
            drums.n_by_pedal = hats.len();
            for (note, _, is_open) in hats {
                let voice = if is_open {
                    Voice::OpenHat
                } else {
                    Voice::ClosedHat
                };
                drums.notes[note].pitch = map.pitch(voice);
            }
        }
        Ok(drums)
    }

    /// The places of the notes of drums, in the order of time.
    fn places(&self, drums: &Drums) -> Vec<usize> {
        let places = drums
            .instruments
            .iter()
            .flat_map(|&place| &self.instruments[place].notes);
        let places: BTreeSet<usize> = places.copied().collect();
        places.into_iter().collect()
    }

    /// Whether the pedal is open at each of the notes of drums; `None` where it was not sent before.
    fn openness(&self, drums: &Drums, hat: Pedal) -> Vec<Option<bool>> {
        let mut ports = vec![0; self.notes.len()];
        for &player in &drums.instruments {
            let instrument = &self.instruments[player];
            instrument
                .notes
                .iter()
                .for_each(|&place| ports[place] = instrument.port);
        }
        let is_pedal = |pedal: &&HatPedal| pedal.controller == hat.controller;
        let mut moves = self.hat_pedals.iter().filter(is_pedal).peekable();
        let mut values: BTreeMap<(u16, u8), u8> = BTreeMap::new();
        let is_open = |place: usize| {
            let note = &self.notes[place];
            while let Some(pedal) = moves.next_if(|pedal| pedal.beats <= note.onset_beats) {
                values.insert((pedal.port, pedal.channel), pedal.value);
            }
            let value = values.get(&(ports[place], note.channel))?;
            Some(*value < hat.open_below)
        };
        self.places(drums).into_iter().map(is_open).collect()
    }

    /// The drums, wherever they are; see [`Self::drum_part`].
    ///
    /// # Errors
    /// If there are none, or it is not certain which they are: the text lists what there is.
    pub fn drums(&self) -> Result<Drums, Error> {
        if self.notes.is_empty() {
            return Err(Error::Song("it has no notes".to_owned()));
        }
        let parts = self.parts();
        let chosen = match self.drum_part {
            DrumPart::Found => found(&parts)?,
            DrumPart::Channel(channel) => Choice::of(
                parts.iter().filter(|part| part.channel == channel),
                Some(format!("channel {}, as you chose", channel + 1)),
            ),
            DrumPart::Track(track) => Choice::of(
                parts.iter().filter(|part| part.track == track),
                Some(format!("track {}, as you chose", track + 1)),
            ),
        };
        if chosen.parts.is_empty() {
            let choice = chosen.found.unwrap_or_default();
            let there = in_words(&parts.iter().collect::<Vec<_>>()).unwrap_or_default();
            return Err(Error::Song(format!("there is no {choice}; it has {there}")));
        }
        let instruments: Vec<usize> = chosen
            .parts
            .iter()
            .flat_map(|part| part.instruments.iter().copied())
            .collect();
        let mut drums = Drums {
            notes: Vec::new(),
            instruments,
            found: chosen.found,
            is_by_look: chosen.is_by_look,
            aside: chosen.aside,
            n_by_pedal: 0,
        };
        drums.notes = self
            .places(&drums)
            .into_iter()
            .map(|place| self.notes[place])
            .collect();
        Ok(drums)
    }

    /// The instruments of one track, port and channel together, which the file says the same of.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut places = BTreeMap::new();
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (place, instrument) in self.instruments.iter().enumerate() {
            let Instrument {
                track,
                port,
                channel,
                selected,
                ..
            } = *instrument;
            let part = *places
                .entry((track, port, channel, selected))
                .or_insert_with(|| {
                    parts.push(Part {
                        track,
                        port,
                        channel,
                        selected,
                        name: None,
                        instruments: Vec::new(),
                        programs: BTreeSet::new(),
                        notes: Vec::new(),
                    });
                    parts.len() - 1
                });
            parts[part].instruments.push(place);
            parts[part].programs.insert(instrument.program);
            parts[part].notes.extend(self.notes_of(instrument).copied());
        }
        let mut n_channels: BTreeMap<usize, usize> = BTreeMap::new();
        for part in &parts {
            *n_channels.entry(part.track).or_default() += 1;
        }
        for part in &mut parts {
            part.notes
                .sort_by(|a, b| a.onset_beats.total_cmp(&b.onset_beats));
            // A track of several channels has the name of the song.
            let name = self.track_names.get(part.track).and_then(Option::as_deref);
            part.name = name.filter(|name| !name.is_empty() && n_channels[&part.track] == 1);
        }
        parts
    }
}

/// What plays in one track on one channel.
struct Part<'a> {
    track: usize,
    port: u16,
    channel: u8,
    selected: Option<bool>,
    name: Option<&'a str>,
    instruments: Vec<usize>,
    programs: BTreeSet<u8>,
    /// In the order of time; never empty.
    notes: Vec<Note>,
}

/// Parts that are taken for the drums, and why.
struct Choice<'a> {
    parts: Vec<&'a Part<'a>>,
    found: Option<String>,
    is_by_look: bool,
    aside: Option<String>,
}

impl<'a> Choice<'a> {
    fn of(parts: impl Iterator<Item = &'a Part<'a>>, found: Option<String>) -> Self {
        Self {
            parts: parts.collect(),
            found,
            is_by_look: false,
            aside: None,
        }
    }
}

/// The drums among `parts`, by everything that the file says.
fn found<'a>(parts: &'a [Part<'a>]) -> Result<Choice<'a>, Error> {
    let (told, others): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.is_told_to_be_drums());
    // What another port plays on channel 10 is another module's part.
    let kits = told.iter().filter(|part| part.is_drums());
    let ports: BTreeSet<u16> = kits.map(|part| part.port).collect();
    let is_of_other_port = |part: &Part| !ports.is_empty() && !ports.contains(&part.port);
    let is_melody = |part: &&Part| part.is_melody(is_of_other_port(part));
    let melodies: Vec<&Part> = told.iter().copied().filter(is_melody).collect();
    let elsewhere: Vec<&Part> = others
        .iter()
        .copied()
        .filter(|part| part.is_drums())
        .collect();

    if melodies.len() == told.len() && !elsewhere.is_empty() {
        let is_named = elsewhere
            .iter()
            .any(|part| part.is_named_drums() == Some(true));
        let reason = if is_named {
            "named like drums"
        } else {
            "which plays like a drum kit"
        };
        return Ok(Choice {
            found: Some(format!("{}, {reason}", channels(&elsewhere))),
            is_by_look: !is_named,
            aside: in_words(&melodies),
            parts: elsewhere,
        });
    }
    if !told.is_empty() {
        // Only beside what is drums for certain is the rest no drums for certain.
        let is_certain = told.iter().any(|part| part.is_drums());
        let aside = if is_certain { melodies } else { Vec::new() };
        let is_aside = |part: &&Part| aside.iter().any(|other| std::ptr::eq(*other, *part));
        let taken: Vec<&Part> = told.into_iter().filter(|part| !is_aside(part)).collect();
        let is_selected = taken.iter().any(|part| part.channel != DRUM_CHANNEL);
        return Ok(Choice {
            found: is_selected.then(|| format!("{}, selected for drums", channels(&taken))),
            is_by_look: false,
            aside: in_words(&aside),
            parts: taken,
        });
    }
    let few: Vec<&Part> = others
        .into_iter()
        .filter(|part| part.is_a_few_drums())
        .collect();
    let mut together: Vec<Note> = few.iter().flat_map(|part| part.notes.clone()).collect();
    together.sort_by(|a, b| a.onset_beats.total_cmp(&b.onset_beats));
    let found = match &few[..] {
        [only] if parts.len() == 1 && only.is_a_beat() => "which plays a few drums",
        [_, _, ..] if is_kit(&together) || have_drums_of_their_own(&few) => {
            "which play the drums of one kit"
        }
        _ => {
            return Err(Error::Song(format!(
                "it has no drums that are certain: {}; if these are drums, say which with --channel N or --track N",
                in_words(&parts.iter().collect::<Vec<_>>()).unwrap_or_default()
            )));
        }
    };
    Ok(Choice {
        found: Some(format!("{}, {found}", channels(&few))),
        is_by_look: true,
        aside: None,
        parts: few,
    })
}

impl Part<'_> {
    /// Whether the file says that these are drums: by a selection, or by channel 10 where it selects nothing else.
    fn is_told_to_be_drums(&self) -> bool {
        self.selected.unwrap_or(self.channel == DRUM_CHANNEL)
    }

    /// Whether these are drums by their name, or else by what they play.
    fn is_drums(&self) -> bool {
        self.selected != Some(false)
            && self
                .is_named_drums()
                .unwrap_or_else(|| is_kit(&self.notes) && !self.has_melodic_program())
    }

    /// Whether this is a melody by its name, or else by what it plays; on another port than the drums, less is enough.
    fn is_melody(&self, is_of_other_port: bool) -> bool {
        let by_name = self.is_named_drums().map(|is_drums| !is_drums);
        let by_look = || {
            let is_beyond = is_of_other_port && is_held_beyond_kit(&self.notes);
            (is_beyond || is_held(&self.notes)) && !is_kit(&self.notes)
        };
        self.selected != Some(true) && by_name.unwrap_or_else(by_look)
    }

    /// Whether its sound is that of an instrument with pitches. The first of them is what nobody chose, and the
    /// percussive ones of General MIDI are 112 to 119; on channel 10 these numbers are kits.
    fn has_melodic_program(&self) -> bool {
        let is_melodic = |program: &u8| *program != 0 && !(112..120).contains(program);
        self.channel != DRUM_CHANNEL && self.programs.iter().any(is_melodic)
    }

    /// Whether the track is named like drums, or like something else; `None` if its name says neither.
    fn is_named_drums(&self) -> Option<bool> {
        self.name.and_then(name::is_of_drums)
    }

    /// The drum that it plays, if it is one alone.
    fn only_drum(&self) -> Option<Voice> {
        let drums: BTreeSet<Option<Voice>> = keys(&self.notes).into_iter().map(kit_voice).collect();
        drums
            .first()
            .copied()
            .flatten()
            .filter(|_| drums.len() == 1)
    }

    /// Whether it could be some drums of a kit that is spread over several parts: one drum, or each key another one, and
    /// these are struck rather than held.
    fn is_a_few_drums(&self) -> bool {
        let keys = keys(&self.notes);
        let drums: BTreeSet<Voice> = keys.iter().copied().filter_map(kit_voice).collect();
        let is_struck = keys.len() == 1 || legato(&self.notes) <= HELD;
        let is_melody = self.is_named_drums() == Some(false) || self.has_melodic_program();
        let is_of_drums =
            self.only_drum().is_some() || drums.len() == keys.len() || drums.iter().all(is_tom);
        keys.len() <= 3 && !drums.is_empty() && is_of_drums && is_struck && !is_melody
    }

    /// Whether a few drums make a beat by themselves: toms could be a riff as well, and held notes a drone.
    fn is_a_beat(&self) -> bool {
        let mut drums = keys(&self.notes).into_iter().filter_map(kit_voice);
        !drums.any(|drum| is_tom(&drum)) && legato(&self.notes) <= HELD
    }

    /// What it is, for someone who has to choose.
    fn in_words(&self) -> String {
        let keys = self.notes.iter().map(|note| note.pitch);
        let (lowest, highest) = (keys.clone().min().unwrap_or(0), keys.max().unwrap_or(0));
        let port = match self.port {
            0 => String::new(),
            port @ 1..=0xFF => format!(" of port {}", port + 1),
            _ => " of another device".to_owned(),
        };
        let mut words = format!(
            "channel {}{port}, track {}",
            self.channel + 1,
            self.track + 1
        );
        if let Some(name) = self.name {
            let _ = write!(words, " \"{name}\"");
        }
        let manner = if is_held(&self.notes) { ", held" } else { "" };
        let _ = write!(
            words,
            " ({} notes, keys {lowest} to {highest}{manner})",
            self.notes.len()
        );
        words
    }
}

/// Whether the bass drum has a part of its own, and the snare drum another: no tune is written so.
fn have_drums_of_their_own(parts: &[&Part]) -> bool {
    let is_of = |drum| parts.iter().any(|part| part.only_drum() == Some(drum));
    is_of(Voice::Kick) && is_of(Voice::Snare)
}

fn is_tom(voice: &Voice) -> bool {
    matches!(voice, Voice::LowTom | Voice::MidTom | Voice::HighTom)
}

/// The channels of parts, as people count them.
fn channels(parts: &[&Part]) -> String {
    let channels: BTreeSet<u8> = parts.iter().map(|part| part.channel + 1).collect();
    let words: Vec<String> = channels.iter().map(u8::to_string).collect();
    match &words[..] {
        [only] => format!("channel {only}"),
        _ => format!("channels {}", words.join(", ")),
    }
}

/// What parts are, for someone who has to choose; `None` if there are none.
fn in_words(parts: &[&Part]) -> Option<String> {
    let mut words: Vec<String> = parts
        .iter()
        .take(MAX_LISTED)
        .map(|part| part.in_words())
        .collect();
    if parts.len() > MAX_LISTED {
        words.push(format!("{} more", parts.len() - MAX_LISTED));
    }
    (!words.is_empty()).then(|| words.join("; "))
}
