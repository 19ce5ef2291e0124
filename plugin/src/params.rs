//! Every parameter and every persisted field: ids, ranges, units and their text, here and nowhere else.
//!
//! Ids are permanent, because projects and automation refer to them. Every value has a text that a person can read
//! and that parses back, so that a host's generic view, a control surface or a screen reader can do without our
//! window.
//!
//! Hosts and project files are not trusted: what is not a number never becomes a parameter's value, and what lies out
//! of range is brought back into it ([`sanitise`]).

mod export;
mod form;
mod input;
mod kit;
mod lanes;
mod level;
mod play;
mod slots;

pub use export::{ExportChoices, FileKind, MAX_PASSES, SavedExport};
pub use form::{FillEvery, FillSize, FormParams, VaryEvery};
pub use input::{InputParams, KeyAction};
pub use kit::{DrumParams, KitParams, name_of_kit};
pub use lanes::{LaneChoices, LaneParams, LanesParams, MAX_KEY, SavedLanes, label};
pub use level::LevelParams;
pub use play::{PlayParams, style_name, style_value};
pub use slots::{LIVE, MORPH, SavedSlots, SlotsParams, slot_value};

use crate::audio::pending::Boundary;
use crate::audio::player::Controls;
use crate::audio::scheduler::Output;
use crate::inference::models::{BuiltIn, Choice};
use crate::request::{
    self, Asked, Input, Locks, MAX_LATENT, MAX_TEMPERATURE, N_LATENT, Ready, Request, Source,
};
use crate::shared::Shared;
use fourbar_model::drums::{DrumMap, N_VOICES, Voice};
use fourbar_model::pattern::Feel;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::params::persist::PersistentField;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use nice_plug_egui::EguiState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

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

/// The number that `text` begins with, whatever unit or remark follows.
fn leading_number(text: &str) -> Option<f32> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c)))
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A value that is shown as zero has no sign.
fn without_negative_zero(value: f32, n_digits: i32) -> f32 {
    let unit = 10_f32.powi(n_digits);
    if (value * unit).round() == 0.0 {
        0.0
    } else {
        value
    }
}

/// A share of -1 to 1 in per cent, with its sign.
fn signed_percent(share: f32) -> String {
    let percent = without_negative_zero(100.0 * share, 0);
    if percent == 0.0 {
        "0".to_owned()
    } else {
        format!("{percent:+.0}")
    }
}

/// A share in per cent.
fn percent(share: f32) -> String {
    format!("{:.0}", 100.0 * share)
}

/// The share that [`percent`] and [`signed_percent`] show.
fn share_of_percent(text: &str) -> Option<f32> {
    Some(leading_number(text)? / 100.0)
}

fn temperature_text(temperature: f32) -> String {
    let text = format!("{temperature:.2}");
    // By the text, which is all that can be read back.
    if text == "0.00" {
        text + " (most likely)"
    } else {
        text
    }
}

/// Linear gain of a level in decibels; 0 at the bottom of the range.
fn gain_of_level(level_db: f32) -> f32 {
    if is_off(level_db) {
        0.0
    } else {
        util::db_to_gain(level_db.min(MAX_LEVEL_DB))
    }
}

/// Whether the kit is off at a level: at the bottom of the range, and as near to it as the text tells apart.
fn is_off(level_db: f32) -> bool {
    (10.0 * level_db).round() <= 10.0 * MIN_LEVEL_DB
}

fn level_text(level_db: f32) -> String {
    if is_off(level_db) {
        "-inf".to_owned()
    } else {
        format!("{:.1}", without_negative_zero(level_db, 1))
    }
}

fn level_of_text(text: &str) -> Option<f32> {
    let is_off = text.trim().to_ascii_lowercase().starts_with("-inf");
    if is_off {
        Some(MIN_LEVEL_DB)
    } else {
        leading_number(text)
    }
}

/// The persisted pattern: what [`Shared`] holds for the editor anyway.
pub struct PatternField(Arc<Shared>);

/// A pattern on its way to or from a project file.
pub enum SavedPattern {
    /// A pattern, or none yet.
    Whole(Option<Arc<Ready>>),
    /// What is wrong with the one that was found.
    Damaged(String),
}

impl Serialize for SavedPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(Some(ready)) => ready.serialize(serializer),
            Self::Whole(None) | Self::Damaged(_) => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for SavedPattern {
    /// Never fails on well-formed text, so that a damaged pattern is reported and does not pass in silence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let checked =
            serde_json::from_value::<Option<Ready>>(value).map_err(|error| error.to_string());
        let checked = checked.and_then(|ready| {
            ready.as_ref().map_or(Ok(()), Ready::check)?;
            Ok(ready.map(Arc::new))
        });
        Ok(checked.map_or_else(Self::Damaged, Self::Whole))
    }
}

impl PersistentField<'_, SavedPattern> for PatternField {
    fn set(&self, saved: SavedPattern) {
        self.0.snapshot().restore(match saved {
            SavedPattern::Whole(ready) => Ok(ready),
            SavedPattern::Damaged(problem) => Err(problem),
        });
    }

    fn map<F: Fn(&SavedPattern) -> R, R>(&self, f: F) -> R {
        let ready = self.0.snapshot().ready.clone();
        f(&SavedPattern::Whole(ready))
    }
}

/// The persisted choice of a model: what [`Shared`] holds for the worker anyway.
pub struct ModelField(Arc<Shared>);

impl PersistentField<'_, Choice> for ModelField {
    fn set(&self, choice: Choice) {
        self.0.restore_choice(choice);
    }

    fn map<F: Fn(&Choice) -> R, R>(&self, f: F) -> R {
        let choice = self.0.snapshot().choice.clone();
        f(&choice)
    }
}

/// The persisted locks: what [`Shared`] holds for the worker anyway.
pub struct LocksField(Arc<Shared>);

impl PersistentField<'_, Option<Locks>> for LocksField {
    fn set(&self, locks: Option<Locks>) {
        self.0.change_locks(locks.map(Arc::new));
    }

    fn map<F: Fn(&Option<Locks>) -> R, R>(&self, f: F) -> R {
        let locks = self.0.snapshot().locks().cloned();
        f(&locks.as_deref().cloned())
    }
}

/// The persisted rhythm that was put in: what [`Shared`] holds for the worker anyway.
pub struct InputField(Arc<Shared>);

impl PersistentField<'_, Option<Input>> for InputField {
    fn set(&self, input: Option<Input>) {
        self.0.change_input(input.map(Arc::new));
    }

    fn map<F: Fn(&Option<Input>) -> R, R>(&self, f: F) -> R {
        let input = self.0.snapshot().input().cloned();
        f(&input.as_deref().cloned())
    }
}

/// In place of a field of a project: nothing.
const NOTHING: &str = "null";

/// Takes out of a project's state whatever this version cannot use: unknown parameters, values of the wrong kind or
/// out of range, a window of impossible size. What is taken out stays as it is, but for the model: a project that names
/// none, or nothing in its place, was saved when `groovae_4bar` was the only one in the plugin file.
pub fn sanitise(state: &mut PluginState) {
    let params = FourbarParams::new(Arc::default());
    complete(state, &params);
    let known: HashMap<String, ParamPtr> = params
        .param_map()
        .into_iter()
        .map(|(id, param, _)| (id, param))
        .collect();
    state
        .params
        .retain(|id, value| known.get(id).is_some_and(|&param| is_usable(param, value)));

    let fields = &mut state.fields;
    let fits = |editor: EguiState| {
        let LogicalSize { width, height } = editor.size();
        EDITOR_SIDE_RANGE.contains(&width) && EDITOR_SIDE_RANGE.contains(&height)
    };
    if fields
        .get("editor")
        .is_some_and(|text| !serde_json::from_str(text).is_ok_and(fits))
    {
        fields.remove("editor");
    }
    let names_a_model = |text: &String| serde_json::from_str::<Choice>(text).is_ok();
    if !fields.get("model").is_some_and(names_a_model) {
        let first = serde_json::Value::from(BuiltIn::Groovae4Bar.name());
        fields.insert("model".to_owned(), first.to_string());
    }
    let names_lanes = |text: &String| serde_json::from_str::<SavedLanes>(text).is_ok();
    if !fields.get("lanes").is_some_and(names_lanes) {
        fields.insert("lanes".to_owned(), "{}".to_owned());
    }
    let names_export = |text: &String| serde_json::from_str::<SavedExport>(text).is_ok();
    if !fields.get("export").is_some_and(names_export) {
        fields.insert("export".to_owned(), "{}".to_owned());
    }
    let has_slots = |text: &String| serde_json::from_str::<SavedSlots>(text).is_ok();
    if !fields.get("slots").is_some_and(has_slots) {
        fields.insert("slots".to_owned(), "[]".to_owned());
    }
    let has_locks = keep_if_whole::<Option<Locks>>(fields, "locks");
    let has_input = keep_if_whole::<Option<Input>>(fields, "input");
    let is_complete = has_locks && has_input;
    if let Some(text) = fields
        .get_mut("pattern")
        .filter(|text| !is_complete || serde_json::from_str::<SavedPattern>(text).is_err())
    {
        // The framework would skip this silently, and without its locks and its input a pattern cannot be made again as it was; in this
        // form it is reported as damaged.
        *text = serde_json::Value::from("not JSON").to_string();
    }
}

/// Puts nothing in place of a field that is missing or cannot be read; whether it could.
fn keep_if_whole<T: DeserializeOwned>(fields: &mut BTreeMap<String, String>, name: &str) -> bool {
    let text = fields.entry(name.to_owned()).or_insert(NOTHING.to_owned());
    let is_whole = serde_json::from_str::<T>(text).is_ok();
    if !is_whole {
        *text = NOTHING.to_owned();
    }
    is_whole
}

/// Gives a project of before there were parameters for playing their values at rest, so that it plays as it did in an
/// instance in which they had been moved, too.
fn complete(state: &mut PluginState, params: &FourbarParams) {
    if let Some(&ParamValue::F32(temperature)) = state.params.get("temperature") {
        // There was one temperature for hits and feel.
        let feel = ParamValue::F32(temperature);
        state
            .params
            .entry("feel_temperature".to_owned())
            .or_insert(feel);
    }
    state
        .params
        .entry("mute".to_owned())
        .or_insert(ParamValue::Bool(false));
    let later = [
        params.play.param_map(),
        params.level.param_map(),
        params.form.param_map(),
        params.slots.param_map(),
        params.notes_in.param_map(),
        params.lanes.param_map(),
        params.kit.param_map(),
    ]
    .concat();
    for (id, param, _) in later {
        state.params.entry(id).or_insert_with(|| at_rest(param));
    }
}

/// The default of a parameter, as projects save it.
fn at_rest(param: ParamPtr) -> ParamValue {
    #[expect(
        unsafe_code,
        reason = "the caller holds the parameters that the pointer points into"
    )]
    let plain = unsafe { param.preview_plain(param.default_normalized_value()) };
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    match param {
        ParamPtr::FloatParam(_) => ParamValue::F32(plain),
        ParamPtr::IntParam(_) | ParamPtr::EnumParam(_) => ParamValue::I32(plain as i32),
        ParamPtr::BoolParam(_) => ParamValue::Bool(plain > 0.5),
    }
}

/// Whether `value` is of the parameter's kind; brings it into the parameter's range.
fn is_usable(param: ParamPtr, value: &mut ParamValue) -> bool {
    #[expect(
        unsafe_code,
        reason = "the caller holds the parameters that the pointer points into"
    )]
    let (min, max) = unsafe { (param.preview_plain(0.0), param.preview_plain(1.0)) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole numbers below a million"
    )]
    let whole_range = min as i32..=max as i32;
    match (param, value) {
        (ParamPtr::FloatParam(_), ParamValue::F32(value)) => {
            *value = value.clamp(min, max);
            !value.is_nan()
        }
        (ParamPtr::IntParam(_), ParamValue::I32(value)) => {
            *value = (*value).clamp(*whole_range.start(), *whole_range.end());
            true
        }
        (ParamPtr::EnumParam(_), ParamValue::I32(index)) => whole_range.contains(index),
        (ParamPtr::EnumParam(_), ParamValue::String(_))
        | (ParamPtr::BoolParam(_), ParamValue::Bool(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
