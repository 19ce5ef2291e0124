//! The file of a drum map: what stands in it, and what makes sense.
//!
//! Also compiled into the build script, which turns our own files into constants.

use super::note_length::NoteLength;
use serde::Deserialize;

/// The drums in the order of the model's columns, as the file names them.
const DRUMS: [&str; 9] = [
    "kick",
    "snare",
    "closed_hat",
    "open_hat",
    "low_tom",
    "mid_tom",
    "high_tom",
    "crash",
    "ride",
];

/// A drum map as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Name for people.
    pub name: String,
    /// Where the keys are documented.
    pub source: String,
    /// Whether it is offered to nobody: a map that a model was trained with and no kit has.
    #[serde(default)]
    pub hidden: bool,
    /// The keys of each drum.
    pub drums: Drums,
    /// Keys that are known and are none of the nine drums.
    #[serde(default)]
    pub aside: Aside,
    /// How the hi-hat's pedal is sent, where the keys alone do not tell how open it is.
    pub hat: Option<Hat>,
    /// How long the notes are that are sent.
    #[serde(default)]
    pub note_length: NoteLength,
}

/// The keys of each of the nine drums.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drums {
    /// Bass drum.
    pub kick: Keys,
    /// Snare drum, with rim and side stick.
    pub snare: Keys,
    /// Closed or pedalled hi-hat.
    pub closed_hat: Keys,
    /// Open hi-hat, half open ones included.
    pub open_hat: Keys,
    /// Low (floor) tom.
    pub low_tom: Keys,
    /// Middle tom.
    pub mid_tom: Keys,
    /// High tom.
    pub high_tom: Keys,
    /// Crash cymbals.
    pub crash: Keys,
    /// Ride cymbals.
    pub ride: Keys,
}

/// The keys of one drum.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The one that it is written with: its main articulation.
    pub out: u8,
    /// All that are read as it.
    #[serde(rename = "in")]
    pub read: Vec<u8>,
    /// The MIDI channel that it is sent on, 1 to 16, if it is not that of the others. It is read on any.
    pub channel: Option<u8>,
    /// Its choke group, 1 to [`N_CHOKE_GROUPS`], if it has one.
    pub choke: Option<u8>,
}

/// Keys that are none of the nine drums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aside {
    /// What they play, in words.
    pub what: String,
    /// The keys.
    pub keys: Vec<u8>,
}

/// How the pedal of a hi-hat is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hat {
    /// The controller's number: one of [`CONTROLLERS`].
    pub controller: u8,
    /// The hi-hat is open at values below this.
    pub open_below: u8,
    /// The keys that it opens and closes; all of both drums if nothing is said.
    #[serde(default)]
    pub keys: Vec<u8>,
}

/// The controllers that can be the pedal of a hi-hat: the modulation wheel, the foot controller, and two for any use.
pub const CONTROLLERS: [u8; 4] = [1, 4, 16, 17];

/// How many choke groups there are: nine drums make four pairs.
pub const N_CHOKE_GROUPS: u8 = 4;

impl Drums {
    /// The keys of each drum in the order of the model's columns.
    fn in_order(&self) -> [&Keys; 9] {
        [
            &self.kick,
            &self.snare,
            &self.closed_hat,
            &self.open_hat,
            &self.low_tom,
            &self.mid_tom,
            &self.high_tom,
            &self.crash,
            &self.ride,
        ]
    }
}

impl Definition {
    /// The keys of each drum in the order of the model's columns, the one that is written first.
    pub fn keys(&self) -> [Vec<u8>; 9] {
        self.drums.in_order().map(|keys| {
            let others = keys.read.iter().copied().filter(|key| *key != keys.out);
            [keys.out].into_iter().chain(others).collect()
        })
    }

    /// The channel of each drum in the order of the model's columns, 1 to 16; 0 for that of the others.
    pub fn channels(&self) -> [u8; 9] {
        let drums = self.drums.in_order();
        drums.map(|keys| keys.channel.unwrap_or(0))
    }

    /// The choke group of each drum in the order of the model's columns; 0 for none.
    pub fn chokes(&self) -> [u8; 9] {
        let drums = self.drums.in_order();
        drums.map(|keys| keys.choke.unwrap_or(0))
    }

    /// The keys that the hi-hat's pedal opens and closes.
    pub fn hat_keys(&self) -> Vec<u8> {
        match &self.hat {
            Some(hat) if !hat.keys.is_empty() => hat.keys.clone(),
            _ => [&self.drums.closed_hat, &self.drums.open_hat]
                .map(|keys| keys.read.clone())
                .concat(),
        }
    }

    /// Whether every key has one meaning, every drum reads the key that it is written with, and its channel and choke group
    /// can be.
    ///
    /// # Errors
    /// If not; the text names the key and the drum.
    pub fn check(&self) -> Result<(), String> {
        for (drum, keys) in DRUMS.into_iter().zip(self.drums.in_order()) {
            if !keys.read.contains(&keys.out) {
                return Err(format!(
                    "{drum} is written with key {}, which it does not read",
                    keys.out
                ));
            }
            check_route(drum, keys.channel, keys.choke)?;
        }
        if let Some(hat) = &self.hat
            && !CONTROLLERS.contains(&hat.controller)
        {
            return Err(format!(
                "hat.controller is {}, but can be 1, 4, 16 or 17",
                hat.controller
            ));
        }
        let mut meanings = [None; 128];
        let named = DRUMS.into_iter().zip(self.keys());
        for (drum, keys) in named.chain([("aside", self.aside.keys.clone())]) {
            for key in keys {
                let meaning = meanings
                    .get_mut(usize::from(key))
                    .ok_or(format!("{drum} has key {key}, but keys are 0 to 127"))?;
                if let Some(other) = meaning.replace(drum) {
                    return Err(format!("key {key} is both {other} and {drum}"));
                }
            }
        }
        Ok(())
    }
}

/// Whether `channel` and `choke` can be those of `drum`.
///
/// # Errors
/// If one of them cannot; the text names it and the drum.
pub(super) fn check_route(
    drum: &str,
    channel: Option<u8>,
    choke: Option<u8>,
) -> Result<(), String> {
    if let Some(channel) = channel.filter(|channel| !(1..=16).contains(channel)) {
        return Err(format!(
            "{drum} has channel {channel}, but channels are 1 to 16"
        ));
    }
    if let Some(choke) = choke.filter(|choke| !(1..=N_CHOKE_GROUPS).contains(choke)) {
        return Err(format!(
            "{drum} is in choke group {choke}, but groups are 1 to {N_CHOKE_GROUPS}"
        ));
    }
    Ok(())
}
