//! How the built-in drums sound: which kit, how much room, and level, place, pitch and decay of each drum.

use super::lanes::label;
use super::{
    MAX_LEVEL_DB, MIN_LEVEL_DB, Maker, gain_of_level, leading_number, level_of_text, level_text,
    percent, share_of_percent, without_negative_zero,
};
use fourbar_kit::{DrumSettings, N_KITS, PANORAMA, Settings, USUAL_ROOM, kit_name};
use fourbar_model::drums::{N_VOICES, Voice};
use nice_plug::prelude::*;
use std::sync::Arc;

/// How far a drum can be tuned, in semitones.
const MAX_TUNE: f32 = 12.0;
/// Factors on the time in which a drum decays.
const MIN_DECAY: f32 = 0.25;
const MAX_DECAY: f32 = 2.0;

/// The built-in drums.
#[derive(Params)]
pub struct KitParams {
    /// The place of the kit among all.
    #[id = "kit"]
    pub kit: IntParam,
    /// How much of the room is heard.
    #[id = "room"]
    pub room: FloatParam,
    /// Whether drums that have a bus of their own are left out of the mix.
    #[id = "separate_outputs"]
    pub separate_outputs: BoolParam,
    /// Every drum, in the order of [`Voice::ALL`]; ids `drum_level_1` to `drum_level_9`, and so on.
    #[nested(array)]
    pub drums: [DrumParams; N_VOICES],
}

/// One drum.
#[derive(Params)]
pub struct DrumParams {
    /// Level beside that of the kit, in decibels.
    #[id = "drum_level"]
    pub level: FloatParam,
    /// -1 is left, 1 is right.
    #[id = "pan"]
    pub pan: FloatParam,
    /// Semitones.
    #[id = "tune"]
    pub tune: FloatParam,
    /// Factor on the time in which it decays.
    #[id = "decay"]
    pub decay: FloatParam,
}

impl KitParams {
    pub(super) fn new(make: &Maker) -> Self {
        let drum = |voice: Voice| {
            let name = |what| format!("{} {what}", label(voice));
            let index = voice.index();
            DrumParams {
                level: make
                    .float(
                        &name("level"),
                        0.0,
                        MIN_LEVEL_DB,
                        MAX_LEVEL_DB,
                        move |params| &params.kit.drums[index].level,
                    )
                    .with_unit(" dB")
                    .with_value_to_string(Arc::new(level_text))
                    .with_string_to_value(Arc::new(level_of_text)),
                pan: make
                    .float(&name("pan"), PANORAMA[index], -1.0, 1.0, move |params| {
                        &params.kit.drums[index].pan
                    })
                    .with_value_to_string(Arc::new(pan_text))
                    .with_string_to_value(Arc::new(pan_of_text)),
                tune: make
                    .float(&name("tune"), 0.0, -MAX_TUNE, MAX_TUNE, move |params| {
                        &params.kit.drums[index].tune
                    })
                    .with_unit(" st")
                    .with_value_to_string(Arc::new(|semitones| {
                        format!("{:+.1}", without_negative_zero(semitones, 1))
                    }))
                    .with_string_to_value(Arc::new(leading_number)),
                decay: make
                    .float(&name("decay"), 1.0, MIN_DECAY, MAX_DECAY, move |params| {
                        &params.kit.drums[index].decay
                    })
                    .with_unit(" %")
                    .with_value_to_string(Arc::new(percent))
                    .with_string_to_value(Arc::new(share_of_percent)),
            }
        };
        Self {
            kit: IntParam::new(
                "Kit",
                0,
                IntRange::Linear {
                    min: 0,
                    max: last_kit(),
                },
            )
            .with_value_to_string(Arc::new(|kit| name_of_kit(kit).to_owned()))
            .with_string_to_value(Arc::new(kit_of_name)),
            room: make
                .float("Room", USUAL_ROOM, 0.0, 1.0, |params| &params.kit.room)
                .with_unit(" %")
                .with_value_to_string(Arc::new(percent))
                .with_string_to_value(Arc::new(share_of_percent)),
            separate_outputs: BoolParam::new("Separate outputs", false),
            drums: Voice::ALL.map(drum),
        }
    }

    /// The place of the kit among all.
    #[must_use]
    pub fn index(&self) -> usize {
        usize::try_from(self.kit.value()).unwrap_or(0)
    }

    /// What they say, at the level `gain` of the whole kit.
    #[must_use]
    pub fn settings(&self, gain: f32) -> Settings {
        Settings {
            kit: self.index(),
            gain,
            room: self.room.value(),
            drums: self.drums.each_ref().map(|drum| DrumSettings {
                gain: gain_of_level(drum.level.value()),
                pan: drum.pan.value(),
                tune: (drum.tune.value() / 12.0).exp2(),
                decay: drum.decay.value(),
            }),
            is_split: self.separate_outputs.value(),
        }
    }
}

fn last_kit() -> i32 {
    i32::try_from(N_KITS - 1).unwrap_or(0)
}

/// The name of the kit that the parameter *kit* chooses with a value.
#[must_use]
pub fn name_of_kit(value: i32) -> &'static str {
    kit_name(usize::try_from(value).unwrap_or(0))
}

fn kit_of_name(text: &str) -> Option<i32> {
    let text = text.trim();
    (0..=last_kit()).find(|&kit| name_of_kit(kit).eq_ignore_ascii_case(text))
}

/// A place between left and right: "38 % L", "C", "50 % R".
fn pan_text(pan: f32) -> String {
    let text = percent(pan.abs());
    match (text.as_str(), pan > 0.0) {
        ("0", _) => "C".to_owned(),
        (share, false) => format!("{share} % L"),
        (share, true) => format!("{share} % R"),
    }
}

/// The place that [`pan_text`] shows; a number alone is to the right.
fn pan_of_text(text: &str) -> Option<f32> {
    let text = text.trim().to_ascii_lowercase();
    if text.starts_with('c') {
        return Some(0.0);
    }
    let share = share_of_percent(&text)?;
    Some(if text.ends_with('l') { -share } else { share })
}
