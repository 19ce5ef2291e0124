//! The nine drums of a groove, and the MIDI keys that different kits give them.
//!
//! General MIDI modules, electronic kits and samplers number their drums differently, so every reading and writing of
//! keys names its [`DrumMap`]. Nothing in this project picks a map by looking at the notes: three keys of an e-kit mean
//! another tom or even a cymbal in General MIDI.

mod definition;
mod note_length;
mod routing;

pub use definition::{CONTROLLERS, Definition, N_CHOKE_GROUPS};
pub use note_length::NoteLength;
pub use routing::Routing;

use crate::note::Note;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Number of drums in a groove.
pub const N_VOICES: usize = 9;

/// With fewer notes, chance makes one map fit as well as another.
const FEWEST_NOTES: usize = 24;
/// By how much another map has to fit better, in nats a note.
const CLEARLY_NATS: f64 = 0.5;
/// How often each drum is struck in beats of any kind, by its column, and how seldom a key has none.
const USUAL_SHARES: [f64; N_VOICES] = [0.2, 0.2, 0.35, 0.05, 0.03, 0.03, 0.03, 0.03, 0.1];
const UNUSUAL_SHARE: f64 = 1e-4;

/// One of the nine drums, in the order of the model's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Voice {
    /// Bass drum.
    Kick,
    /// Snare drum, with rim and side stick.
    Snare,
    /// Closed or pedalled hi-hat.
    ClosedHat,
    /// Open hi-hat.
    OpenHat,
    /// Low (floor) tom.
    LowTom,
    /// Middle tom.
    MidTom,
    /// High tom.
    HighTom,
    /// Crash cymbals.
    Crash,
    /// Ride cymbals.
    Ride,
}

impl Voice {
    /// Every drum, in the order of the model's columns.
    pub const ALL: [Self; N_VOICES] = [
        Self::Kick,
        Self::Snare,
        Self::ClosedHat,
        Self::OpenHat,
        Self::LowTom,
        Self::MidTom,
        Self::HighTom,
        Self::Crash,
        Self::Ride,
    ];

    /// The drum's column, 0–8.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The drum of a column, if there is one.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// What a drummer calls it, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kick => "kick",
            Self::Snare => "snare",
            Self::ClosedHat => "closed hi-hat",
            Self::OpenHat => "open hi-hat",
            Self::LowTom => "low tom",
            Self::MidTom => "mid tom",
            Self::HighTom => "high tom",
            Self::Crash => "crash",
            Self::Ride => "ride",
        }
    }
}

/// The MIDI key that each drum is written with, in the order of [`Voice::ALL`].
pub type Keys = [u8; N_VOICES];

/// Which MIDI keys belong to which drum, and which key each drum is written with.
///
/// Each is a file in `model/maps`, and a constant here that is named by the file.
#[derive(Debug, PartialEq, Eq)]
pub struct DrumMap {
    /// Permanent name in files and on the command line.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// Where the keys are documented.
    pub source: &'static str,
    /// The keys of each drum, in the order of [`Voice::ALL`]; the first one is written.
    pub pitches: [&'static [u8]; N_VOICES],
    /// Keys that are known and are none of the nine drums.
    pub aside: &'static [u8],
    /// What these play, in words.
    pub aside_name: &'static str,
    /// How the hi-hat's pedal is sent, where the keys alone do not tell how open it is.
    pub hat: Option<Pedal>,
    /// Where the notes of the drums go besides their keys.
    pub routing: Routing,
}

/// How the pedal of a hi-hat is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pedal {
    /// The controller's number.
    pub controller: u8,
    /// The hi-hat is open at values below this.
    pub open_below: u8,
    /// The keys that it opens and closes.
    pub keys: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/drum_maps.rs"));

impl DrumMap {
    /// The map with this [`id`](Self::id), if there is one.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        Self::EVERY.iter().find(|map| map.id == id)
    }

    /// The map of a file that is read while the program runs, for as long as that does.
    ///
    /// # Errors
    /// If a key has two meanings, or a drum none; the text names both.
    pub fn from_definition(id: &str, definition: &Definition) -> Result<&'static Self, String> {
        definition.check()?;
        let text = |text: &str| -> &'static str { text.to_owned().leak() };
        Ok(Box::leak(Box::new(Self {
            id: text(id),
            name: text(&definition.name),
            source: text(&definition.source),
            pitches: definition.keys().map(|keys| &*keys.leak()),
            aside: definition.aside.keys.clone().leak(),
            aside_name: text(&definition.aside.what),
            hat: definition.hat.as_ref().map(|hat| Pedal {
                controller: hat.controller,
                open_below: hat.open_below,
                keys: definition.hat_keys().leak(),
            }),
            routing: definition.into(),
        })))
    }

    /// The drum that a key plays; `None` if the key belongs to none.
    #[must_use]
    pub fn voice(&self, pitch: u8) -> Option<Voice> {
        let index = self
            .pitches
            .iter()
            .position(|pitches| pitches.contains(&pitch))?;
        Voice::from_index(index)
    }

    /// Another map, in which `notes` are a beat, where they are none in this one; `None` if this one will do.
    ///
    /// A beat has a bass drum, a snare drum and a cymbal that keeps time. Of the maps that have all three, and hardly
    /// anything else, the one is meant in which the drums are struck as often as they usually are.
    #[must_use]
    pub fn better_for(&self, notes: &[Note]) -> Option<&'static Self> {
        const MAPS: &[DrumMap] = &DrumMap::ALL;
        if notes.len() < FEWEST_NOTES || Usage::of(self, &self.keys_of(notes)).is_beat() {
            return None;
        }
        // What is no drum here may be one there.
        let keys = keys_of(notes);
        let own = Usage::of(self, &keys);
        let usages = MAPS.iter().map(|map| (map, Usage::of(map, &keys)));
        let mut best: Option<(&'static Self, f64)> = None;
        for (map, usage) in
            usages.filter(|(_, usage)| usage.is_beat() && usage.is_hardly_anything_else())
        {
            let most = best.map_or(own.log_likelihood + CLEARLY_NATS, |(_, most)| most);
            if usage.log_likelihood > most {
                best = Some((map, usage.log_likelihood));
            }
        }
        best.map(|(map, _)| map)
    }

    /// Whether `notes` are a beat in this map, and hardly anything else.
    pub(crate) fn is_beat(&self, notes: &[Note]) -> bool {
        let usage = Usage::of(self, &self.keys_of(notes));
        usage.n_notes >= FEWEST_NOTES && usage.is_beat() && usage.is_hardly_anything_else()
    }

    /// How many notes each key has, without those that are known to be no drums.
    fn keys_of(&self, notes: &[Note]) -> BTreeMap<u8, usize> {
        let mut keys = keys_of(notes);
        keys.retain(|key, _| !self.aside.contains(key));
        keys
    }

    /// The key that a drum is written with.
    #[must_use]
    pub const fn pitch(&self, voice: Voice) -> u8 {
        self.pitches[voice.index()][0]
    }

    /// The key that each drum is written with.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Voice::ALL.map(|voice| self.pitch(voice))
    }
}

/// How many notes each key has.
fn keys_of(notes: &[Note]) -> BTreeMap<u8, usize> {
    let mut keys = BTreeMap::new();
    for note in notes {
        *keys.entry(note.pitch).or_default() += 1;
    }
    keys
}

/// How often notes strike which drum of a map.
struct Usage {
    n_notes: usize,
    /// Shares of the bass drum, of the snare drum, and of what keeps time: hi-hat and ride.
    shares: [f64; 3],
    /// How likely the drums of the notes are, in nats a note.
    log_likelihood: f64,
}

impl Usage {
    /// That of keys in `map`, by how many notes each has.
    fn of(map: &DrumMap, keys: &BTreeMap<u8, usize>) -> Self {
        let mut n_by_role = [0; 3];
        let mut log_likelihood = 0.0;
        let n_notes: usize = keys.values().sum();
        for (&key, &n) in keys {
            let voice = map.voice(key);
            let share = voice.map_or(UNUSUAL_SHARE, |voice| USUAL_SHARES[voice.index()]);
            log_likelihood += as_f64(n) * share.ln();
            match voice {
                Some(Voice::Kick) => n_by_role[0] += n,
                Some(Voice::Snare) => n_by_role[1] += n,
                Some(Voice::ClosedHat | Voice::OpenHat | Voice::Ride) => n_by_role[2] += n,
                _ => {}
            }
        }
        let of_all = |n: usize| as_f64(n) / as_f64(n_notes.max(1));
        Self {
            n_notes,
            shares: n_by_role.map(of_all),
            log_likelihood: log_likelihood / as_f64(n_notes.max(1)),
        }
    }

    fn is_beat(&self) -> bool {
        self.shares.iter().all(|share| *share >= 0.05)
    }

    fn is_hardly_anything_else(&self) -> bool {
        self.shares.iter().sum::<f64>() >= 0.85
    }
}

fn as_f64(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³ notes")]
    let n = n as f64;
    n
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// The columns ROLAND / REDUCED / magenta.js of "Every pitch" as printed by the dictionaries of note-seq, Magenta and
    /// magenta.js; `-` is none.
    const EVERY_PITCH: &str = "\
        22 2/2/-  26 3/3/-  27 -/1/1  28 -/1/1  29 -/4/4  30 -/6/6  31 -/1/1  32 -/1/1  33 -/1/1  34 -/1/1 \
        35 -/0/0  36 0/0/0  37 1/1/1  38 1/1/1  39 -/1/1  40 1/1/1  41 -/4/4  42 2/2/2  43 4/4/6  44 2/2/2 \
        45 5/4/4  46 3/3/3  47 5/5/5  48 6/5/5  49 7/7/7  50 6/6/6  51 8/8/8  52 7/7/8  53 8/8/8  54 -/2/2 \
        55 7/7/7  56 -/1/1  57 7/7/7  58 4/7/7  59 8/8/8  60 -/5/5  61 -/4/4  62 -/6/6  63 -/5/5  64 -/4/4 \
        65 -/1/1  66 -/1/1  67 -/3/3  68 -/2/2  69 -/2/2  70 -/2/2  71 -/2/2  72 -/3/3  73 -/2/2  74 -/3/3 \
        75 -/1/1  76 -/6/6  77 -/5/5  78 -/2/2  79 -/3/3  80 -/2/2  81 -/3/3  82 -/8/8  83 -/6/6  84 -/4/4 \
        85 -/1/1  86 -/5/5  87 -/5/5";

    #[test]
    fn every_key_plays_the_drum_that_the_reference_gives_it() {
        let mut expected = [[None; 3]; 128];
        let mut words = EVERY_PITCH.split_whitespace();
        while let Some(pitch) = words.next() {
            let voice = |class: &str| class.parse().ok().and_then(Voice::from_index);
            let classes = words.next().unwrap().split('/').map(voice);
            expected[pitch.parse::<usize>().unwrap()] =
                classes.collect::<Vec<_>>().try_into().unwrap();
        }
        for pitch in 0..128_u8 {
            let maps = [DrumMap::TD11, DrumMap::MAGENTA, DrumMap::MAGENTA_JS];
            let found = maps.map(|map| map.voice(pitch));
            assert_eq!(found, expected[usize::from(pitch)], "key {pitch}");
        }
    }

    #[test]
    fn each_drum_is_written_with_the_key_that_the_reference_writes() {
        assert_eq!(
            Voice::ALL.map(|voice| DrumMap::GM.pitch(voice)),
            [36, 38, 42, 46, 45, 48, 50, 49, 51]
        );
        assert_eq!(
            Voice::ALL.map(|voice| DrumMap::TD11.pitch(voice)),
            [36, 38, 42, 46, 43, 47, 50, 49, 51]
        );
    }

    #[test]
    fn a_written_key_reads_as_its_drum() {
        for map in &DrumMap::ALL {
            for voice in Voice::ALL {
                assert_eq!(map.voice(map.pitch(voice)), Some(voice));
            }
        }
    }

    #[test]
    fn maps_are_found_by_their_permanent_names() {
        assert_eq!(DrumMap::by_id("gm"), Some(&DrumMap::GM));
        assert_eq!(DrumMap::by_id("td11"), Some(&DrumMap::TD11));
        assert_eq!(DrumMap::by_id("magenta_js"), Some(&DrumMap::MAGENTA_JS));
        assert_eq!(DrumMap::by_id("GM"), None);
        assert_eq!([DrumMap::ALL[0].id, DrumMap::ALL[1].id], ["gm", "td11"]);
        assert!(DrumMap::ALL.iter().all(|map| map.id != "magenta_js"));
    }

    #[test]
    fn every_map_names_its_source_and_every_key_once() {
        assert!(DrumMap::ALL.len() >= 20);
        for map in &DrumMap::ALL {
            assert!(map.source.len() > 20, "{}", map.id);
            let keys: Vec<u8> = map
                .pitches
                .concat()
                .into_iter()
                .chain(map.aside.to_vec())
                .collect();
            for key in &keys {
                let n_times = keys.iter().filter(|other| *other == key).count();
                assert_eq!((n_times, *key < 128), (1, true), "{} key {key}", map.id);
            }
        }
    }

    #[test]
    fn articulations_fold_into_their_drum() {
        for (id, key, voice) in [
            ("gm", 37, Some(Voice::Snare)),
            ("gm", 53, Some(Voice::Ride)),
            ("gm", 33, None),
            ("addictive2", 49, Some(Voice::ClosedHat)),
            ("addictive2", 77, Some(Voice::Crash)),
            ("superior3", 61, Some(Voice::ClosedHat)),
            ("superior3", 60, Some(Voice::OpenHat)),
            ("superior3", 24, Some(Voice::OpenHat)),
            ("alesis", 23, Some(Voice::OpenHat)),
            ("td17", 58, Some(Voice::LowTom)),
            ("xg", 33, Some(Voice::Kick)),
        ] {
            assert_eq!(DrumMap::by_id(id).unwrap().voice(key), voice, "{id} {key}");
        }
    }

    /// So many notes on each of these keys.
    fn notes(keys: &[(u8, usize)]) -> Vec<Note> {
        let note = |&(pitch, n): &(u8, usize)| {
            let note = Note {
                onset_beats: 0.0,
                duration_beats: 0.1,
                pitch,
                velocity: 0.5,
                channel: 9,
            };
            vec![note; n]
        };
        keys.iter().flat_map(note).collect()
    }

    #[test]
    fn a_map_that_fits_clearly_better_is_named() {
        let better =
            |map: &DrumMap, keys: &[(u8, usize)]| map.better_for(&notes(keys)).map(|map| map.id);
        let gm = [(36, 16), (38, 16), (42, 56), (46, 8), (49, 1), (45, 4)];
        assert_eq!(better(&DrumMap::GM, &gm), None);
        assert_eq!(better(&DrumMap::TD11, &gm), None);
        let addictive = [
            (36, 16),
            (38, 16),
            (49, 64),
            (48, 20),
            (77, 1),
            (65, 4),
            (71, 4),
        ];
        assert_eq!(better(&DrumMap::GM, &addictive), Some("addictive2"));
        assert_eq!(
            better(DrumMap::by_id("addictive2").unwrap(), &addictive),
            None
        );
        let toontrack = [(36, 16), (38, 16), (61, 56), (60, 8), (24, 8), (57, 1)];
        let found = better(&DrumMap::GM, &toontrack).unwrap();
        assert!(["ezdrummer", "superior3"].contains(&found), "{found}");
        // Its hi-hat is one of the sticks of General MIDI 2.
        let bfd3 = [(24, 16), (26, 16), (30, 64)];
        assert_eq!(better(&DrumMap::GM, &bfd3), Some("bfd3"));
        // A ride instead of the hi-hat, the metronome beside the kit, and too little to say anything.
        assert_eq!(
            better(&DrumMap::GM, &[(36, 8), (38, 8), (51, 40), (33, 40)]),
            None
        );
        assert_eq!(better(&DrumMap::GM, &[(36, 4), (38, 4), (49, 8)]), None);
    }

    #[test]
    fn a_map_with_a_key_of_two_drums_is_refused() {
        let keys = |out, read: &[u8]| definition::Keys {
            out,
            read: read.to_vec(),
            channel: None,
            choke: None,
        };
        let drums = definition::Drums {
            kick: keys(36, &[36]),
            snare: keys(38, &[38]),
            closed_hat: keys(42, &[42]),
            open_hat: keys(46, &[46]),
            low_tom: keys(43, &[43]),
            mid_tom: keys(45, &[45]),
            high_tom: keys(48, &[48]),
            crash: keys(49, &[49]),
            ride: keys(51, &[51]),
        };
        let mut map = Definition {
            name: "Mine".to_owned(),
            source: "me".to_owned(),
            hidden: false,
            drums,
            aside: definition::Aside::default(),
            hat: None,
            note_length: NoteLength::default(),
        };
        let found = DrumMap::from_definition("mine", &map).unwrap();
        assert_eq!((found.id, found.voice(49)), ("mine", Some(Voice::Crash)));
        map.drums.ride.read.push(49);
        assert_eq!(map.check(), Err("key 49 is both crash and ride".to_owned()));
        map.drums.ride = keys(51, &[59]);
        assert!(map.check().unwrap_err().contains("written with key 51"));
        map.drums.ride = keys(200, &[200]);
        assert!(map.check().unwrap_err().contains("keys are 0 to 127"));
        map.drums.ride = keys(51, &[51]);
        map.drums.open_hat.channel = Some(0);
        let problem = map.check().unwrap_err();
        assert_eq!(problem, "open_hat has channel 0, but channels are 1 to 16");
    }

    #[test]
    fn a_column_and_its_drum_name_each_other() {
        for (index, voice) in Voice::ALL.into_iter().enumerate() {
            assert_eq!(voice.index(), index);
            assert_eq!(Voice::from_index(index), Some(voice));
        }
        assert_eq!(Voice::from_index(N_VOICES), None);
    }
}
