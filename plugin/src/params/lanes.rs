//! What is heard of each drum, and where it goes: mutes, solos, fewer hits, a trim of the velocity; key, channel, choke
//! group, and how long notes are.

use super::{MAX_AMOUNT, Maker, percent, share_of_percent};
use crate::key_maps::KeyMap;
use fourbar_model::drums::{DrumMap, Keys, N_CHOKE_GROUPS, N_VOICES, NoteLength, Routing, Voice};
use fourbar_model::pattern::{Lane, Lanes};
use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The drum's name as a label: "Closed hi-hat".
#[must_use]
pub fn label(voice: Voice) -> String {
    let mut label = voice.name().to_owned();
    label[..1].make_ascii_uppercase();
    label
}

/// Every drum, and what is one for all of them.
#[derive(Params)]
pub struct LanesParams {
    /// How long the notes of all drums are, by their place in [`NoteLength::ALL`].
    #[id = "note_length"]
    pub note_length: IntParam,
    /// In the order of [`Voice::ALL`]; ids `mute_1` to `mute_9`, and so on.
    #[nested(array)]
    pub drums: [LaneParams; N_VOICES],
    /// Solos and keys, which are no parameters.
    #[persist = "lanes"]
    pub choices: LaneChoices,
}

/// One drum.
#[derive(Params)]
pub struct LaneParams {
    /// Silences the drum.
    #[id = "mute"]
    pub mute: BoolParam,
    /// Share of its hits that is played.
    #[id = "density"]
    pub density: FloatParam,
    /// Factor on its velocities. The id *velocity* is the whole groove's.
    #[id = "lane_velocity"]
    pub velocity: FloatParam,
    /// Its MIDI channel, 1–16; 0 for that of the whole kit, whose id is *channel*.
    #[id = "lane_channel"]
    pub channel: IntParam,
    /// Its choke group; 0 for none.
    #[id = "choke"]
    pub choke: IntParam,
}

/// What stands for the channel of the whole kit, and for no choke group.
const CHANNEL_OF_KIT: &str = "As the kit";
const NO_CHOKE: &str = "None";

/// What is chosen for each drum and not automated.
#[derive(Debug, Default)]
pub struct LaneChoices {
    drums: [LaneChoice; N_VOICES],
    map: ChosenMap,
}

/// The map that is chosen in place of the parameter's.
#[derive(Debug)]
struct ChosenMap {
    /// For the editor and the project; the audio thread reads the keys.
    map: Mutex<Option<KeyMap>>,
    keys: [AtomicU8; N_VOICES],
}

impl Default for ChosenMap {
    fn default() -> Self {
        Self {
            map: Mutex::default(),
            keys: std::array::from_fn(|_| AtomicU8::new(KEY_OF_MAP)),
        }
    }
}

/// What is chosen for one drum.
#[derive(Debug)]
pub struct LaneChoice {
    /// Whether it is one of those that alone are heard.
    pub solo: AtomicBool,
    key: AtomicU8,
}

/// Instead of a key: that of the map, or of the parameter's map.
const KEY_OF_MAP: u8 = u8::MAX;
/// The largest MIDI key.
pub const MAX_KEY: u8 = 127;

impl Default for LaneChoice {
    fn default() -> Self {
        Self {
            solo: AtomicBool::new(false),
            key: AtomicU8::new(KEY_OF_MAP),
        }
    }
}

impl LaneChoice {
    /// The key that the drum is sent on; `None` for that of the drum map.
    #[must_use]
    pub fn key(&self) -> Option<u8> {
        let key = self.key.load(Ordering::Relaxed);
        (key <= MAX_KEY).then_some(key)
    }

    /// The key that the drum is sent on, which is `of_map` unless another is chosen.
    #[must_use]
    pub fn key_or(&self, of_map: u8) -> u8 {
        self.key().unwrap_or(of_map)
    }

    /// Chooses another key.
    pub fn choose_key(&self, key: Option<u8>) {
        self.key.store(key.unwrap_or(KEY_OF_MAP), Ordering::Relaxed);
    }
}

impl LanesParams {
    pub(super) fn new(make: &Maker) -> Self {
        let drum = |voice: Voice| {
            let name = label(voice);
            let share = |what, max, pick: fn(&LaneParams) -> &FloatParam| {
                let name = format!("{name} {what}");
                let index = voice.index();
                make.float(&name, 1.0, 0.0, max, move |params| {
                    pick(&params.lanes.drums[index])
                })
                .with_unit(" %")
                .with_value_to_string(Arc::new(percent))
                .with_string_to_value(Arc::new(share_of_percent))
            };
            LaneParams {
                mute: BoolParam::new(format!("{name} mute"), false),
                density: share("density", 1.0, |lane| &lane.density),
                velocity: share("velocity", MAX_AMOUNT, |lane| &lane.velocity),
                channel: number_or(format!("{name} channel"), CHANNEL_OF_KIT, 16),
                choke: number_or(
                    format!("{name} choke group"),
                    NO_CHOKE,
                    N_CHOKE_GROUPS.into(),
                ),
            }
        };
        Self {
            note_length: note_length(),
            drums: Voice::ALL.map(drum),
            choices: LaneChoices::default(),
        }
    }

    /// What is heard of each drum.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        let is_solo = |choice: &LaneChoice| choice.solo.load(Ordering::Relaxed);
        let has_solo = self.choices.drums.iter().any(is_solo);
        Lanes(Voice::ALL.map(|voice| {
            let params = &self.drums[voice.index()];
            Lane {
                is_heard: !params.mute.value() && (!has_solo || is_solo(self.choices.of(voice))),
                density: params.density.value(),
                velocity: params.velocity.value(),
            }
        }))
    }

    /// Channels, choke groups and the length of notes.
    #[must_use]
    pub fn routing(&self) -> Routing {
        let small = |param: &IntParam| u8::try_from(param.value()).unwrap_or(0);
        Routing {
            channels: self.drums.each_ref().map(|drum| small(&drum.channel)),
            chokes: self.drums.each_ref().map(|drum| small(&drum.choke)),
            note_length: length_at(self.note_length.value()),
        }
    }

    /// The key that each drum is sent on, which is that of the chosen map unless another is chosen for it; `map` is the
    /// parameter's.
    #[must_use]
    pub fn keys(&self, map: &DrumMap) -> Keys {
        let of_map = self.choices.map_keys(map);
        Voice::ALL.map(|voice| self.choices.of(voice).key_or(of_map[voice.index()]))
    }
}

/// A parameter for a number from 1 to `max`, or 0, which is called `zero`.
fn number_or(name: String, zero: &'static str, max: i32) -> IntParam {
    IntParam::new(name, 0, IntRange::Linear { min: 0, max })
        .with_value_to_string(Arc::new(move |number| match number {
            0 => zero.to_owned(),
            number => number.to_string(),
        }))
        .with_string_to_value(Arc::new(move |text| {
            let text = text.trim();
            let is_zero = text.eq_ignore_ascii_case(zero);
            if is_zero { Some(0) } else { text.parse().ok() }
        }))
}

fn note_length() -> IntParam {
    let range = IntRange::Linear {
        min: 0,
        max: length_value(NoteLength::UntilNextHit),
    };
    let default = length_value(NoteLength::default());
    IntParam::new("Note length", default, range)
        .with_value_to_string(Arc::new(|value| length_at(value).name().to_owned()))
        .with_string_to_value(Arc::new(|text| {
            NoteLength::by_name(&text.trim().to_lowercase()).map(length_value)
        }))
}

/// The value of the parameter *note length* for a length.
#[must_use]
pub fn length_value(length: NoteLength) -> i32 {
    let place = NoteLength::ALL.iter().position(|other| *other == length);
    place
        .and_then(|place| i32::try_from(place).ok())
        .unwrap_or(0)
}

fn length_at(value: i32) -> NoteLength {
    let place = usize::try_from(value).ok();
    let length = place.and_then(|place| NoteLength::ALL.get(place));
    length.copied().unwrap_or_default()
}

impl LaneChoices {
    /// What is chosen for `voice`.
    #[must_use]
    pub fn of(&self, voice: Voice) -> &LaneChoice {
        &self.drums[voice.index()]
    }

    /// The map that is chosen; `None` for that of the parameter. Never call this on the audio thread.
    #[must_use]
    pub fn map(&self) -> Option<KeyMap> {
        self.locked_map().clone()
    }

    /// Chooses a map, or that of the parameter, and forgets the keys of single drums.
    pub fn choose_map(&self, map: Option<KeyMap>) {
        for voice in Voice::ALL {
            self.of(voice).choose_key(None);
        }
        self.restore_map(map);
    }

    /// Whether a drum has another key than the map's.
    #[must_use]
    pub fn has_own_keys(&self) -> bool {
        self.drums.iter().any(|drum| drum.key().is_some())
    }

    fn restore_map(&self, map: Option<KeyMap>) {
        let mut chosen = self.locked_map();
        let keys = map.as_ref().map_or([KEY_OF_MAP; N_VOICES], KeyMap::keys);
        for (place, key) in self.map.keys.iter().zip(keys) {
            place.store(key, Ordering::Relaxed);
        }
        *chosen = map;
    }

    fn locked_map(&self) -> MutexGuard<'_, Option<KeyMap>> {
        // It is replaced whole.
        self.map.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of the map that is chosen, `of_parameter` if none is.
    #[must_use]
    pub fn map_keys(&self, of_parameter: &DrumMap) -> Keys {
        Voice::ALL.map(|voice| {
            let key = self.map.keys[voice.index()].load(Ordering::Relaxed);
            if key <= MAX_KEY {
                key
            } else {
                of_parameter.pitch(voice)
            }
        })
    }
}

/// [`LaneChoices`] in a project.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedLanes {
    solo: Vec<Voice>,
    /// Only those that are not the drum map's.
    keys: BTreeMap<Voice, u8>,
    /// Only if it is not the parameter's.
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<KeyMap>,
}

impl PersistentField<'_, SavedLanes> for LaneChoices {
    fn set(&self, saved: SavedLanes) {
        for voice in Voice::ALL {
            let choice = self.of(voice);
            let is_solo = saved.solo.contains(&voice);
            choice.solo.store(is_solo, Ordering::Relaxed);
            choice.choose_key(saved.keys.get(&voice).copied());
        }
        self.restore_map(saved.map);
    }

    fn map<F: Fn(&SavedLanes) -> R, R>(&self, f: F) -> R {
        let is_solo = |voice: &Voice| self.of(*voice).solo.load(Ordering::Relaxed);
        let key = |voice: Voice| Some((voice, self.of(voice).key()?));
        f(&SavedLanes {
            solo: Voice::ALL.into_iter().filter(is_solo).collect(),
            keys: Voice::ALL.into_iter().filter_map(key).collect(),
            map: LaneChoices::map(self),
        })
    }
}
