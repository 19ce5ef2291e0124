//! Every parameter and every persisted field: ids, ranges, units and their text, here and nowhere else.
//!
//! Ids are permanent, because projects and automation refer to them. Every value has a text that a person can read
//! and that parses back, so that a host's generic view, a control surface or a screen reader can do without our
//! window.
//!
//! Hosts and project files are not trusted: what is not a number never becomes a parameter's value, and what lies out
//! of range is brought back into it ([`sanitise`]).

mod export;
mod fields;
mod form;
mod groups;
mod input;
mod kit;
mod lanes;
mod level;
mod play;
mod sanitise;
mod settings;
mod slots;
mod text;

pub use export::{ExportChoices, FileKind, MAX_PASSES, SavedExport};
pub use fields::{InputField, LocksField, ModelField, PatternField, SavedPattern};
pub use form::{FillEvery, FillSize, FormParams, VaryEvery};
pub use groups::Grouped;
pub use input::{InputParams, KeyAction};
pub use kit::{DrumParams, KitParams, name_of_kit};
pub use lanes::{
    LaneChoice, LaneChoices, LaneParams, LanesParams, MAX_KEY, SavedLanes, label, length_value,
};
pub use level::LevelParams;
pub use play::{PlayParams, style_name, style_value};
pub use sanitise::sanitise;
pub use slots::{LIVE, MORPH, SavedSlots, SlotsParams, slot_value};

use crate::audio::pending::Boundary;
use crate::audio::player::Controls;
use crate::audio::scheduler::Output;
use crate::request::{self, Asked, MAX_LATENT, MAX_TEMPERATURE, N_LATENT, Request, Source};
use crate::shared::Shared;
use fourbar_model::drums::{DrumMap, N_VOICES, Voice};
use fourbar_model::pattern::Feel;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::*;
use nice_plug_egui::EguiState;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use text::{
    gain_of_level, leading_number, level_of_text, level_text, percent, share_of_percent,
    signed_percent, temperature_text, without_negative_zero,
};

/// Largest seed.
pub const MAX_SEED: i32 = request::MAX_SEED.cast_signed();
/// Largest timing or velocity amount.
pub const MAX_AMOUNT: f32 = 2.0;
/// The level at which the kit or a drum is off.
const MIN_LEVEL_DB: f32 = -60.0;
/// The highest level.
const MAX_LEVEL_DB: f32 = 12.0;
/// The editor's size when it is first opened, in logical pixels.
const EDITOR_SIZE: LogicalSize<f32> = LogicalSize::new(1160.0, 760.0);
/// Sides of a window that a project may ask for, in logical pixels.
const EDITOR_SIDE_RANGE: std::ops::RangeInclusive<f32> = 100.0..=10_000.0;

/// The plugin's parameters and persisted fields. Shared by the host's threads; every value is atomic or locked.
#[derive(Params)]
pub struct FourbarParams {
    /// Size of the window.
    #[persist = "editor"]
    pub editor_state: Arc<EguiState>,
    /// The variation to start with: how often *regenerate* was pressed while the transport was stopped, or the one that
    /// was recalled.
    #[persist = "take"]
    pub base_variation: AtomicU64,
    /// The model that makes the patterns. No parameter, because every machine has other models.
    #[persist = "model"]
    pub model: ModelField,
    /// The newest finished pattern.
    #[persist = "pattern"]
    pub pattern: PatternField,
    /// What an exported file is to be.
    #[persist = "export"]
    pub export: ExportChoices,
    /// What is locked of the groove.
    #[persist = "locks"]
    pub locks: LocksField,
    /// The rhythm that was put in.
    #[persist = "input"]
    pub input: InputField,
    /// How often *regenerate* was pressed at all since the plugin was created.
    n_presses: Arc<AtomicU32>,
    /// How often *fill now* was pressed.
    n_fills: Arc<AtomicU32>,
    /// How often [`Self::recall`] was called.
    n_recalls: AtomicU32,

    /// Of the hits: 0 is the most likely pattern, 1 as learned, 2 wild.
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
    /// Silences the pattern; drums can still be struck by hand.
    #[id = "mute"]
    pub mute: BoolParam,
    /// How the groove is played.
    #[nested(group = "Play")]
    pub play: PlayParams,
    /// How loud the notes are.
    #[nested(group = "Velocity")]
    pub level: LevelParams,
    /// What changes from pass to pass.
    #[nested(group = "Fills")]
    pub form: FormParams,
    /// Which groove plays.
    #[nested(group = "Slots")]
    pub slots: SlotsParams,
    /// What notes that come in do.
    #[nested(group = "Input")]
    pub notes_in: InputParams,
    /// What is heard of each drum.
    #[nested(group = "Drums")]
    pub lanes: LanesParams,
    /// How the built-in drums sound.
    #[nested(group = "Kit")]
    pub kit: KitParams,
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

impl FourbarParams {
    /// Parameters at their defaults; the saved pattern and model are those of `shared`.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new_cyclic(|params| {
            let make = Maker(params.clone());
            let amount = |name, pick: fn(&Self) -> &FloatParam| {
                make.float(name, 1.0, 0.0, MAX_AMOUNT, pick)
                    .with_unit(" %")
                    .with_value_to_string(Arc::new(percent))
                    .with_string_to_value(Arc::new(share_of_percent))
            };
            let n_presses = Arc::<AtomicU32>::default();
            let n_fills = Arc::<AtomicU32>::default();
            Self {
                editor_state: EguiState::from_size(EDITOR_SIZE),
                base_variation: AtomicU64::new(0),
                model: ModelField(shared.clone()),
                pattern: PatternField(shared.clone()),
                locks: LocksField(shared.clone()),
                export: ExportChoices::default(),
                input: InputField(shared.clone()),
                temperature: make
                    .float("Temperature", 1.0, 0.0, MAX_TEMPERATURE, |params| {
                        &params.temperature
                    })
                    .with_value_to_string(Arc::new(temperature_text))
                    .with_string_to_value(Arc::new(leading_number)),
                seed: IntParam::new(
                    "Seed",
                    // A backbeat with ghost notes and the "one" in every bar: a good groove to meet first.
                    14,
                    IntRange::Linear {
                        min: 0,
                        max: MAX_SEED,
                    },
                ),
                regenerate: BoolParam::new("Regenerate", false)
                    .with_callback(count_presses(n_presses.clone())),
                latent: std::array::from_fn(|axis| LatentParams {
                    position: make
                        .float(
                            &format!("Latent {}", axis + 1),
                            0.0,
                            -MAX_LATENT,
                            MAX_LATENT,
                            move |params| &params.latent[axis].position,
                        )
                        .with_unit(" σ")
                        .with_value_to_string(Arc::new(|position| {
                            format!("{:+.2}", without_negative_zero(position, 2))
                        }))
                        .with_string_to_value(Arc::new(leading_number)),
                }),
                timing: amount("Timing", |params| &params.timing),
                velocity: amount("Velocity", |params| &params.velocity),
                apply_at: EnumParam::new("Apply at", ApplyAt::Bar),
                kit_level: make
                    .float("Kit level", 0.0, MIN_LEVEL_DB, MAX_LEVEL_DB, |params| {
                        &params.kit_level
                    })
                    .with_unit(" dB")
                    .with_value_to_string(Arc::new(level_text))
                    .with_string_to_value(Arc::new(level_of_text)),
                midi_out: BoolParam::new("MIDI output", true),
                channel: IntParam::new("Channel", 10, IntRange::Linear { min: 1, max: 16 }),
                drum_map: EnumParam::new("Drum map", DrumMapChoice::Gm),
                bypass: BoolParam::new("Bypass", false).make_bypass(),
                mute: BoolParam::new("Mute", false),
                play: PlayParams::new(&make),
                level: LevelParams::new(&make),
                form: FormParams::new(&make, n_fills.clone()),
                lanes: LanesParams::new(&make),
                kit: KitParams::new(&make),
                slots: SlotsParams::new(&make, shared),
                notes_in: InputParams::new(),
                n_presses,
                n_fills,
                n_recalls: AtomicU32::new(0),
            }
        })
    }

    /// Brings a variation back, whatever automation chose meanwhile.
    pub fn recall(&self, variation: u64) {
        self.base_variation.store(variation, Ordering::Relaxed);
        // After the variation, so that whoever sees the recall sees what was recalled.
        self.n_recalls.fetch_add(1, Ordering::Release);
    }

    /// What was asked for besides the parameters' values.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked {
            n_presses: self.n_presses.load(Ordering::Relaxed),
            n_recalls: self.n_recalls.load(Ordering::Acquire),
        }
    }

    /// Asks for another groove, as a press of *regenerate* does.
    pub fn press_regenerate(&self) {
        self.n_presses.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks for a fill, as a press of *fill now* does.
    pub fn press_fill(&self) {
        self.n_fills.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a fill was asked for since the plugin was created.
    #[must_use]
    pub fn n_fills(&self) -> u32 {
        self.n_fills.load(Ordering::Relaxed)
    }

    /// The request that the parameters describe, for this variation.
    #[must_use]
    pub fn request(&self, variation: u64) -> Request {
        let source = self.slots.source();
        if !source.is_live() {
            return Request::of_source(source, self.form.form().fill_beats, self.slots.metre());
        }
        self.live_request(variation)
    }

    /// The request that the parameters describe, whatever slot plays.
    #[must_use]
    pub fn live_request(&self, variation: u64) -> Request {
        let latent = std::array::from_fn(|axis| self.latent[axis].position.value());
        let seed = u32::try_from(self.seed.value()).unwrap_or(0);
        let wanted = Request {
            seed,
            variation,
            temperature: self.temperature.value(),
            feel_temperature: self.play.feel_temperature.value(),
            latent,
            play: self.play.play(),
            form: self.form.form(),
            locks: self.locks.0.locks_id(),
            input: self.input.0.input_id(),
            metre: self.slots.metre(),
            source: Source::Live,
        };
        wanted.in_range()
    }

    /// How the pattern is to be played.
    #[must_use]
    pub fn feel(&self) -> Feel {
        Feel {
            timing: self.timing.value(),
            velocity: self.velocity.value(),
            lanes: self.lanes.lanes(),
            level: self.level.level(),
        }
    }

    /// Where the notes go.
    #[must_use]
    pub fn output(&self) -> Output {
        let channel = self.channel.value().clamp(1, 16) - 1;
        Output {
            channel: u8::try_from(channel).unwrap_or(9),
            keys: self.lanes.keys(self.drum_map.value().map()),
            routing: self.lanes.routing(),
            midi: self.midi_out.value(),
        }
    }

    /// The drum that a key which comes in plays: the one that is sent on it, else that of the drum map.
    #[must_use]
    pub fn voice_of(&self, key: u8) -> Option<Voice> {
        let map = self.drum_map.value().map();
        let keys = self.lanes.keys(map);
        let sent = Voice::ALL
            .into_iter()
            .find(|voice| keys[voice.index()] == key);
        sent.or_else(|| map.voice(key))
    }

    /// Linear gain of the preview kit; 0 at the bottom of the range.
    #[must_use]
    pub fn kit_gain(&self) -> f32 {
        gain_of_level(self.kit_level.value())
    }

    /// Everything the audio thread reads of the parameters, and what the editor asks it for.
    #[must_use]
    pub fn controls(&self, variation: u64, audition: bool, struck: [bool; N_VOICES]) -> Controls {
        Controls {
            request: self.request(variation),
            model_revision: self.model.0.model_revision(),
            apply_at: self.apply_at.value().boundary(),
            n_fills: self.n_fills(),
            feel: self.feel(),
            output: self.output(),
            kit: self.kit.settings(self.kit_gain()),
            bypass: self.bypass.value(),
            mute: self.mute.value(),
            audition,
            input_heard: self.notes_in.heard.value(),
            struck,
        }
    }
}

impl ApplyAt {
    /// The chosen kind of boundary.
    #[must_use]
    pub fn boundary(self) -> Boundary {
        match self {
            Self::Now => Boundary::Sixteenth,
            Self::Beat => Boundary::Beat,
            Self::Bar => Boundary::Bar,
            Self::Pattern => Boundary::Loop,
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

/// Makes parameters whose values are numbers, whatever hosts do.
struct Maker(Weak<FourbarParams>);

impl Maker {
    fn float(
        &self,
        name: &str,
        default: f32,
        min: f32,
        max: f32,
        pick: impl Fn(&FourbarParams) -> &FloatParam + Send + Sync + 'static,
    ) -> FloatParam {
        FloatParam::new(name, default, FloatRange::Linear { min, max })
            .with_callback(keep_a_number(self.0.clone(), pick))
    }
}

/// Counts the rising edges of a momentary parameter. Counting sees what the audio thread would miss: a press and its
/// release in one block, or while the host does not process audio.
fn count_presses(n_presses: Arc<AtomicU32>) -> Arc<dyn Fn(bool) + Send + Sync> {
    Arc::new(move |is_down| {
        if is_down {
            n_presses.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// A callback that undoes what a host sets to no number: the value would poison the sound, and could not be saved.
fn keep_a_number(
    params: Weak<FourbarParams>,
    pick: impl Fn(&FourbarParams) -> &FloatParam + Send + Sync + 'static,
) -> Arc<dyn Fn(f32) + Send + Sync> {
    Arc::new(move |value| {
        if !value.is_nan() {
            return;
        }
        let Some(params) = params.upgrade() else {
            return;
        };
        let param = pick(&params);
        let modulation_alone = !param.unmodulated_plain_value().is_nan();
        #[expect(
            unsafe_code,
            reason = "the framework has no other way to set a parameter; the pointer is in scope"
        )]
        unsafe {
            if modulation_alone {
                param.as_ptr()._internal_modulate_value(0.0);
            } else {
                param
                    .as_ptr()
                    ._internal_set_normalized_value(param.default_normalized_value());
            }
        }
    })
}

#[cfg(test)]
mod tests;
