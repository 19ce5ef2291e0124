//! The nine drums of a groove, and the MIDI keys that different kits give them.
//!
//! General MIDI modules and electronic kits number their drums differently, so every reading and writing of keys names
//! its [`DrumMap`]. Nothing in this project picks a map by looking at the notes: three keys of an e-kit mean another tom
//! or even a cymbal in General MIDI.

use serde::{Deserialize, Serialize};

/// Number of drums in a groove.
pub const N_VOICES: usize = 9;

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

/// Which MIDI keys belong to which drum, and which key each drum is written with.
#[derive(Debug, PartialEq, Eq)]
pub struct DrumMap {
    /// Permanent name in files and on the command line.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The keys of each drum, in the order of [`Voice::ALL`]; the first one is written.
    pub pitches: [&'static [u8]; N_VOICES],
}

impl DrumMap {
    /// General MIDI and GM2 percussion, folded to nine drums.
    ///
    /// # Source
    /// note-seq's `REDUCED_DRUM_PITCH_CLASSES`.
    pub const GM: Self = Self {
        id: "gm",
        name: "General MIDI",
        pitches: [
            &[36, 35],
            &[38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85],
            &[42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22],
            &[46, 67, 72, 74, 79, 81, 26],
            &[45, 29, 41, 43, 61, 64, 84],
            &[48, 47, 60, 63, 77, 86, 87],
            &[50, 30, 62, 76, 83],
            &[49, 52, 55, 57, 58],
            &[51, 53, 59, 82],
        ],
    };

    /// The Roland TD-11 electronic kit that the Groove MIDI Dataset was played on.
    ///
    /// # Source
    /// Magenta's `ROLAND_DRUM_PITCH_CLASSES`.
    pub const TD11: Self = Self {
        id: "td11",
        name: "Roland TD-11",
        pitches: [
            &[36],
            &[38, 37, 40],
            &[42, 22, 44],
            &[46, 26],
            &[43, 58],
            &[47, 45],
            &[50, 48],
            &[49, 52, 55, 57],
            &[51, 53, 59],
        ],
    };

    /// Every map, in the order of menus.
    pub const ALL: [Self; 2] = [Self::GM, Self::TD11];

    /// The map with this [`id`](Self::id), if there is one.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        const MAPS: &[DrumMap] = &DrumMap::ALL;
        MAPS.iter().find(|map| map.id == id)
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

    /// The key that a drum is written with.
    #[must_use]
    pub const fn pitch(&self, voice: Voice) -> u8 {
        self.pitches[voice.index()][0]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// The columns ROLAND / REDUCED of "Every pitch" as printed by note-seq's and Magenta's dictionaries; `-` is none.
    const EVERY_PITCH: &str = "\
        22 2/2  26 3/3  27 -/1  28 -/1  29 -/4  30 -/6  31 -/1  32 -/1  33 -/1  34 -/1  35 -/0  36 0/0  37 1/1  38 1/1 \
        39 -/1  40 1/1  41 -/4  42 2/2  43 4/4  44 2/2  45 5/4  46 3/3  47 5/5  48 6/5  49 7/7  50 6/6  51 8/8  52 7/7 \
        53 8/8  54 -/2  55 7/7  56 -/1  57 7/7  58 4/7  59 8/8  60 -/5  61 -/4  62 -/6  63 -/5  64 -/4  65 -/1  66 -/1 \
        67 -/3  68 -/2  69 -/2  70 -/2  71 -/2  72 -/3  73 -/2  74 -/3  75 -/1  76 -/6  77 -/5  78 -/2  79 -/3  80 -/2 \
        81 -/3  82 -/8  83 -/6  84 -/4  85 -/1  86 -/5  87 -/5";

    #[test]
    fn every_key_plays_the_drum_that_the_reference_gives_it() {
        let mut expected = [(None, None); 128];
        let mut words = EVERY_PITCH.split_whitespace();
        while let Some(pitch) = words.next() {
            let (roland, reduced) = words.next().unwrap().split_once('/').unwrap();
            let voice = |class: &str| class.parse().ok().and_then(Voice::from_index);
            expected[pitch.parse::<usize>().unwrap()] = (voice(roland), voice(reduced));
        }
        for pitch in 0..128_u8 {
            let found = (DrumMap::TD11.voice(pitch), DrumMap::GM.voice(pitch));
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
        assert_eq!(DrumMap::by_id("GM"), None);
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
