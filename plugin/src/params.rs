//! Every parameter and every persisted field: ids, ranges, units and their text, here and nowhere else.
//!
//! Ids are permanent, because projects and automation refer to them. Every value has a text that a person can read
//! and that parses back, so that a host's generic view, a control surface or a screen reader can do without our
//! window.

use crate::request::{N_LATENT, Request};
use fourbar_model::drums::DrumMap;
use fourbar_model::pattern::Feel;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::*;
use nice_plug_egui::EguiState;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// Largest seed; six digits are quick to read out and type.
pub const MAX_SEED: i32 = 999_999;
/// Largest temperature.
pub const MAX_TEMPERATURE: f32 = 2.0;
/// Largest distance from the latent centre along one axis, in standard deviations.
pub const MAX_LATENT: f32 = 3.0;
/// Largest timing or velocity amount.
pub const MAX_AMOUNT: f32 = 2.0;
/// The kit level at which the kit is off.
const MIN_LEVEL_DB: f32 = -60.0;
/// The highest kit level.
const MAX_LEVEL_DB: f32 = 6.0;
/// The editor's size when it is first opened, in logical pixels.
const EDITOR_SIZE: LogicalSize<f32> = LogicalSize::new(1080.0, 640.0);

/// The plugin's parameters and persisted fields. Shared by the host's threads; every value is atomic or locked.
#[derive(Params)]
pub struct FourbarParams {
    /// Size of the window.
    #[persist = "editor"]
    pub editor_state: Arc<EguiState>,
    /// How often *regenerate* was pressed while the transport was stopped.
    #[persist = "take"]
    pub base_take: AtomicU32,

    /// 0 is the most likely pattern, 1 as learned, 2 wild.
    #[id = "temperature"]
    pub temperature: FloatParam,
    /// Chooses the pattern.
    #[id = "seed"]
    pub seed: IntParam,
    /// Momentary: another pattern on its rising edge.
    #[id = "regenerate"]
    pub regenerate: BoolParam,
    /// Position along the model's principal axes; ids `latent_1` to `latent_8`.
    #[nested(array, group = "Latent")]
    pub latent: [LatentParams; N_LATENT],
    /// How much of the pattern's timing is played.
    #[id = "timing"]
    pub timing: FloatParam,
    /// How much of the pattern's dynamics is played.
    #[id = "velocity"]
    pub velocity: FloatParam,
    /// When a new pattern comes in.
    #[id = "apply_at"]
    pub apply_at: EnumParam<ApplyAt>,
    /// Level of the preview kit, in decibels; see [`Self::kit_gain`].
    #[id = "kit_level"]
    pub kit_level: FloatParam,
    /// Whether notes are sent to the host.
    #[id = "midi_out"]
    pub midi_out: BoolParam,
    /// MIDI channel of the notes, 1–16.
    #[id = "channel"]
    pub channel: IntParam,
    /// Which MIDI keys the drums are sent on.
    #[id = "drum_map"]
    pub drum_map: EnumParam<DrumMapChoice>,
    /// Silences everything.
    #[id = "bypass"]
    pub bypass: BoolParam,
}

/// One latent axis.
#[derive(Params)]
pub struct LatentParams {
    /// Position along the axis, in standard deviations of the training data.
    #[id = "latent"]
    pub position: FloatParam,
}

/// When a new pattern comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ApplyAt {
    /// At the next 16th that leaves time to make it.
    #[id = "now"]
    Now,
    /// At the next beat.
    #[id = "beat"]
    Beat,
    /// At the next bar of the host.
    #[id = "bar"]
    Bar,
    /// When the loop begins again.
    #[id = "pattern"]
    Pattern,
}

/// Which MIDI keys the drums are sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum DrumMapChoice {
    /// General MIDI.
    #[id = "gm"]
    #[name = "General MIDI"]
    Gm,
    /// Roland's electronic kits.
    #[id = "td11"]
    #[name = "Roland TD-11"]
    Td11,
}

impl Default for FourbarParams {
    fn default() -> Self {
        let amount = |name: &str| {
            FloatParam::new(
                name,
                1.0,
                FloatRange::Linear {
                    min: 0.0,
                    max: MAX_AMOUNT,
                },
            )
            .with_unit(" %")
            .with_value_to_string(formatters::v2s_f32_percentage(0))
            .with_string_to_value(formatters::s2v_f32_percentage())
        };
        Self {
            editor_state: EguiState::from_size(EDITOR_SIZE),
            base_take: AtomicU32::new(0),
            temperature: FloatParam::new(
                "Temperature",
                1.0,
                FloatRange::Linear {
                    min: 0.0,
                    max: MAX_TEMPERATURE,
                },
            )
            .with_value_to_string(formatters::v2s_f32_rounded(2)),
            seed: IntParam::new(
                "Seed",
                1,
                IntRange::Linear {
                    min: 0,
                    max: MAX_SEED,
                },
            ),
            regenerate: BoolParam::new("Regenerate", false),
            latent: std::array::from_fn(|axis| LatentParams {
                position: FloatParam::new(
                    format!("Latent {}", axis + 1),
                    0.0,
                    FloatRange::Linear {
                        min: -MAX_LATENT,
                        max: MAX_LATENT,
                    },
                )
                .with_unit(" σ")
                .with_value_to_string(formatters::v2s_f32_rounded(2)),
            }),
            timing: amount("Timing"),
            velocity: amount("Velocity"),
            apply_at: EnumParam::new("Apply at", ApplyAt::Bar),
            kit_level: FloatParam::new(
                "Kit level",
                -6.0,
                FloatRange::Linear {
                    min: MIN_LEVEL_DB,
                    max: MAX_LEVEL_DB,
                },
            )
            .with_unit(" dB"),
            midi_out: BoolParam::new("MIDI output", true),
            channel: IntParam::new("Channel", 10, IntRange::Linear { min: 1, max: 16 }),
            drum_map: EnumParam::new("Drum map", DrumMapChoice::Gm),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
        }
    }
}

impl DrumMapChoice {
    /// The chosen map.
    #[must_use]
    pub fn map(self) -> &'static DrumMap {
        match self {
            Self::Gm => &DrumMap::GM,
            Self::Td11 => &DrumMap::TD11,
        }
    }
}

impl FourbarParams {
    /// The request that the parameters describe, for take `take`.
    #[must_use]
    pub fn request(&self, take: u64) -> Request {
        Request {
            seed: self.seed.value().unsigned_abs(),
            take,
            temperature: self.temperature.value(),
            latent: std::array::from_fn(|axis| self.latent[axis].position.value()),
        }
    }

    /// How the pattern is to be played.
    #[must_use]
    pub fn feel(&self) -> Feel {
        Feel {
            timing: self.timing.value(),
            velocity: self.velocity.value(),
        }
    }

    /// Linear gain of the preview kit; 0 at the bottom of the range.
    #[must_use]
    pub fn kit_gain(&self) -> f32 {
        let level_db = self.kit_level.value();
        if level_db > MIN_LEVEL_DB {
            util::db_to_gain(level_db)
        } else {
            0.0
        }
    }
}
