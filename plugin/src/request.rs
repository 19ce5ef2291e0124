//! What is asked of the network, and what comes back.
//!
//! A [`Request`] is the *complete* input of a generation: the same request and the same checkpoint give the same
//! pattern on every run. That is what lets a project replay exactly and a bounce equal its playback.

mod edit;
mod form;
mod input;
mod kept;
mod locks;
mod metre;
mod play;
mod source;

pub use edit::{BarChange, CellChange, Edit};
pub use form::{Form, MAX_FORM_BARS};
pub use input::{Input, Use};
pub use kept::Kept;
pub use locks::Locks;
pub use metre::Metre;
pub use play::{Play, STYLES, Style};
pub use source::{Morph, N_CORNERS, N_SLOTS, Source};

use crate::groove_name::{GrooveName, variation_at};
use fourbar_model::drums::N_VOICES;
use fourbar_model::groove::{Groove, STEPS_PER_BAR, beats, nearest_step};
use fourbar_model::noise::Noise;
use fourbar_model::pattern::{BAR_BEATS, Pattern};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of latent positions that can be set from outside.
pub const N_LATENT: usize = 8;
/// Largest seed; six digits are quick to read out and to type.
pub const MAX_SEED: u32 = 999_999;
/// Largest temperature.
pub const MAX_TEMPERATURE: f32 = 2.0;
/// Largest distance from the centre of a latent axis, in standard deviations.
pub const MAX_LATENT: f32 = 3.0;

/// Length of the loop where there is no pattern yet: four bars, as the plugin's own model makes them.
pub const LOOP_BEATS: f64 = 4.0 * BAR_BEATS;
/// Bars of the model that it has.
pub const N_BARS: usize = 4;
/// The most bars of a groove.
pub const MAX_BARS: u8 = 16;
/// The longest pattern: all passes of a groove, in bars of the model.
const MAX_LOOP_BARS: f64 = 64.0;
/// Furthest that a hit can be from its place on the grid: half a step.
const MAX_OFFSET_BEATS: f64 = 0.125;
/// Two amounts this close are the same: hosts pass values through a range of 0 to 1 and back.
const SAME: f32 = 1e-4;
/// Hits of the longest pattern if every drum plays on every step, in the longest bars.
const MAX_HITS: usize = 2 * MAX_FORM_BARS * STEPS_PER_BAR * N_VOICES;

/// The complete input of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "SavedRequest")]
pub struct Request {
    /// The number the user sees and types.
    pub seed: u32,
    /// Which variation of the seed; 0 is the one the seed names.
    #[serde(rename = "take")]
    pub variation: u64,
    /// Of the hits: 0 is the most likely pattern, 1 as learned, 2 wild.
    pub temperature: f32,
    /// Of velocities and timing, likewise.
    pub feel_temperature: f32,
    /// Position along the checkpoint's principal axes, in standard deviations.
    pub latent: [f32; N_LATENT],
    /// How it is to be played.
    pub play: Play,
    /// What changes from pass to pass.
    pub form: Form,
    /// Which [`Locks`] it is drawn around, by their id; 0 for none.
    pub locks: u64,
    /// Which [`Input`] it is made of, by its id; 0 for none.
    #[serde(skip_serializing_if = "is_none")]
    pub input: u64,
    /// The metre of the host's bars.
    #[serde(skip_serializing_if = "Metre::is_four_four")]
    pub metre: Metre,
    /// Where the pattern comes from. If it is not [`Source::Live`], all the rest is at its defaults, but for the metre and what
    /// is said of fills.
    #[serde(skip_serializing_if = "Source::is_live")]
    pub source: Source,
}

/// A request in a project; parts that are missing were added later.
#[derive(Deserialize)]
struct SavedRequest {
    seed: u32,
    #[serde(rename = "take")]
    variation: u64,
    temperature: f32,
    feel_temperature: Option<f32>,
    latent: [f32; N_LATENT],
    #[serde(default)]
    play: Play,
    #[serde(default)]
    form: Form,
    #[serde(default)]
    locks: u64,
    #[serde(default)]
    input: u64,
    #[serde(default)]
    metre: Metre,
    #[serde(default)]
    source: Source,
}

impl From<SavedRequest> for Request {
    fn from(saved: SavedRequest) -> Self {
        Self {
            seed: saved.seed,
            variation: saved.variation,
            temperature: saved.temperature,
            // There was one temperature for both.
            feel_temperature: saved.feel_temperature.unwrap_or(saved.temperature),
            latent: saved.latent,
            play: saved.play,
            form: saved.form,
            locks: saved.locks,
            input: saved.input,
            metre: saved.metre,
            source: saved.source,
        }
    }
}

impl Request {
    /// A request within the ranges that the network was made for, with one temperature for hits and feel, and the playing
    /// left to the model.
    #[must_use]
    pub fn new(seed: u32, variation: u64, temperature: f32, latent: [f32; N_LATENT]) -> Self {
        let wanted = Self {
            seed,
            variation,
            temperature,
            feel_temperature: temperature,
            latent,
            play: Play::default(),
            form: Form::default(),
            locks: 0,
            input: 0,
            metre: Metre::default(),
            source: Source::Live,
        };
        wanted.in_range()
    }

    /// What is asked for where the pattern comes from somewhere else than the parameters, with fills of this length and in bars of
    /// this metre.
    #[must_use]
    pub fn of_source(source: Source, fill_beats: u8, metre: Metre) -> Self {
        let form = Form {
            fill_beats,
            ..Form::default()
        };
        let wanted = Self {
            form,
            metre,
            source,
            ..Self::new(0, 0, 1.0, [0.0; N_LATENT])
        };
        wanted.in_range()
    }

    /// The same within the ranges that the network was made for; what is not a number becomes the default.
    #[must_use]
    pub fn in_range(self) -> Self {
        let temperature =
            |temperature: f32| finite_or(temperature, 1.0).clamp(0.0, MAX_TEMPERATURE);
        let position = |position: f32| finite_or(position, 0.0).clamp(-MAX_LATENT, MAX_LATENT);
        Self {
            seed: self.seed.min(MAX_SEED),
            variation: self.variation,
            temperature: temperature(self.temperature),
            feel_temperature: temperature(self.feel_temperature),
            latent: self.latent.map(position),
            play: self.play.in_range(),
            form: self.form.in_range(),
            locks: self.locks,
            input: self.input,
            metre: self.metre.in_range(),
            source: self.source.in_range(),
        }
    }

    /// Whether both ask for the same pattern.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let (a, b) = (&self.form, &other.form);
        self.draws_like(other)
            && self.locks == other.locks
            && self.metre == other.metre
            && (a.fill_every, a.fill_beats, a.fill_in, a.vary_every)
                == (b.fill_every, b.fill_beats, b.fill_in, b.vary_every)
            && is_near(&a.variation, &b.variation)
    }

    /// Whether both ask for the same groove, as far as it is not locked.
    #[must_use]
    pub fn draws_like(&self, other: &Self) -> bool {
        let amounts = |request: &Self| {
            let Play {
                style: _,
                complexity,
                intensity,
                swing,
                push,
            } = request.play;
            let temperatures = [request.temperature, request.feel_temperature];
            (temperatures, [complexity, intensity, swing, push])
        };
        let are_near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| is_near(a, b));
        let (own, others) = (amounts(self), amounts(other));
        self.name() == other.name()
            && self.input == other.input
            && self.source.matches(&other.source)
            && self.play.style == other.play.style
            && are_near(&own.0, &others.0)
            && are_near(&own.1, &others.1)
            && are_near(&self.latent, &other.latent)
    }

    /// What its groove is called.
    #[must_use]
    pub fn name(&self) -> GrooveName {
        GrooveName {
            seed: self.seed,
            variation: self.variation,
        }
    }

    /// All randomness of the generation. Take 0 is the stream of the seed itself.
    #[must_use]
    pub fn noise(&self) -> Noise {
        self.noise_of(0)
    }

    /// Randomness of one of the parts that are drawn besides the groove, whose own is part 0.
    #[must_use]
    pub fn noise_of(&self, part: usize) -> Noise {
        Noise::of_sample(u64::from(self.seed) ^ scramble(self.variation), part)
    }
}

impl Hash for Request {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            seed,
            variation,
            temperature,
            feel_temperature,
            latent,
            play,
            form,
            locks,
            input,
            metre,
            source,
        } = *self;
        (seed, variation, latent.map(f32::to_bits), play, form).hash(state);
        (locks, input, metre, source).hash(state);
        [temperature, feel_temperature]
            .map(f32::to_bits)
            .hash(state);
    }
}

/// What the audio thread sends to the worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// What to make.
    pub request: Request,
    /// Which choice of a model is to make it; see [`crate::shared::Shared::model_revision`].
    pub model_revision: u32,
    /// Which restored state it belongs to; see [`crate::shared::Snapshot::state_revision`].
    pub state_revision: u64,
}

/// A finished pattern and what it was made from; this is what the worker hands over and what a project saves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// What was asked for.
    pub request: Request,
    /// Identity of the checkpoint that answered.
    pub checkpoint_id: String,
    /// The answer.
    pub pattern: Pattern,
    /// The groove without fills and variations and in bars of four, where the pattern is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groove: Option<Pattern>,
    /// Passes of the groove that the pattern is long; see [`Form`].
    #[serde(default = "one")]
    pub n_passes: usize,
}

fn one() -> usize {
    1
}

impl Ready {
    /// A number that tells it from others: all that decides a pattern, in 64 bits.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.request.hash(&mut hasher);
        self.checkpoint_id.hash(&mut hasher);
        hasher.finish()
    }

    /// Length of the groove, in beats: that of a pass of the pattern.
    #[must_use]
    pub fn pass_beats(&self) -> f64 {
        let n_passes = u32::try_from(self.n_passes).unwrap_or(u32::MAX);
        self.pattern.loop_beats() / f64::from(n_passes.max(1))
    }

    /// Bars of the model that the groove has.
    #[must_use]
    pub fn n_bars(&self) -> usize {
        nearest_step(self.pass_beats()) / self.request.metre.unit_steps()
    }

    /// The groove without fills and variations, in bars of four.
    #[must_use]
    pub fn plain_groove(&self) -> Groove {
        match &self.groove {
            Some(groove) => Groove::from_pattern(groove),
            None => {
                let pattern = Groove::from_pattern(&self.pattern);
                let first = pattern.window(0, nearest_step(self.pass_beats()));
                first.unwrap_or(pattern)
            }
        }
    }

    /// Checks what a project file claims to be a pattern: only what a model could have made may be played.
    ///
    /// # Errors
    /// What is wrong with it, in words for the user.
    pub fn check(&self) -> Result<(), String> {
        if self.request.in_range() != self.request {
            return Err("its settings are out of range".to_owned());
        }
        let length = self.pattern.loop_beats();
        let unit_beats = beats(self.request.metre.unit_steps());
        let pass_bars = self.pass_beats() / unit_beats;
        let is_groove = pass_bars.fract() == 0.0 && pass_bars <= f64::from(MAX_BARS);
        if !is_groove || length > MAX_LOOP_BARS * unit_beats {
            return Err(format!(
                "it is {length} beats long, not a few passes of 1 to {MAX_BARS} whole bars"
            ));
        }
        if let Some(groove) = &self.groove {
            let bars = groove.loop_beats() / BAR_BEATS;
            if bars.to_bits() != pass_bars.to_bits() {
                return Err("its groove is not as long as its passes".to_owned());
            }
        }
        let of_groove = self.groove.iter().flat_map(Pattern::hits);
        let hits = || self.pattern.hits().iter().chain(of_groove.clone());
        let n_hits = self.pattern.hits().len();
        if n_hits > MAX_HITS {
            return Err(format!("it has {n_hits} hits, more than {MAX_HITS}"));
        }
        let too_far = |offset_beats: f64| offset_beats.abs() > MAX_OFFSET_BEATS;
        if hits().any(|hit| too_far(hit.offset_beats)) {
            return Err("a hit is more than half a step off the grid".to_owned());
        }
        Ok(())
    }
}

/// Which variation of a seed is wanted: what the *regenerate* parameter has done so far.
///
/// Pressed while the transport stands, it counts a saved number up. Pressed by automation while the song plays, the
/// variation follows from the place in the song, so that every playback and every bounce plays the same one; the next
/// start of the transport begins with the saved number again. The user can recall a variation at any time, by undo or
/// by its name: it becomes the saved one.
///
/// Owned by the audio thread.
#[derive(Debug, Default)]
pub struct Variations {
    seen: Asked,
    of_this_run: Option<u64>,
}

/// What was asked for since the plugin was created.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How often *regenerate* was pressed.
    pub n_presses: u32,
    /// How often a variation was recalled.
    pub n_recalls: u32,
}

impl Variations {
    /// The variation to ask for in this block.
    ///
    /// `song_beats` is the position if the host's song is playing; `base_variation` is the saved number, which is counted up
    /// here.
    pub fn update(
        &mut self,
        asked: Asked,
        song_beats: Option<f64>,
        base_variation: &AtomicU64,
    ) -> u64 {
        let seen = std::mem::replace(&mut self.seen, asked);
        let n_new = asked.n_presses.wrapping_sub(seen.n_presses);
        if asked.n_recalls != seen.n_recalls {
            self.of_this_run = None;
        }
        match song_beats {
            None => {
                self.of_this_run = None;
                base_variation.fetch_add(n_new.into(), Ordering::Relaxed);
            }
            Some(beats) if n_new > 0 => self.of_this_run = Some(variation_at(beats)),
            Some(_) => {}
        }
        self.of_this_run
            .unwrap_or_else(|| base_variation.load(Ordering::Relaxed))
    }

    /// Takes what was asked for so far as answered.
    pub fn forget(&mut self, asked: Asked) {
        self.seen = asked;
    }

    /// Forgets the variation that automation chose; call it when the transport starts.
    pub fn restart(&mut self) {
        self.of_this_run = None;
    }
}

/// What names contents in a request: equal ones have the same name, in every version of the plugin. Never 0.
fn id_of(contents: &[u8]) -> u64 {
    let mut id = [0; 8];
    id.copy_from_slice(&Sha256::digest(contents)[..8]);
    u64::from_le_bytes(id).max(1)
}

/// Contents as a project saves them.
fn to_bytes(contents: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(contents).unwrap_or_default()
}

/// Spreads a number over all 64 bits; 0 stays 0.
///
/// # Source
/// The finaliser of Austin Appleby's `MurmurHash3` (`fmix64`).
fn scramble(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ bits >> 33
}

/// Whether an id is that of nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_none(id: &u64) -> bool {
    *id == 0
}

fn is_near(a: &f32, b: &f32) -> bool {
    (a - b).abs() <= SAME
}

fn finite_or(value: f32, default: f32) -> f32 {
    if value.is_finite() { value } else { default }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use fourbar_model::drums::Voice;
    use fourbar_model::pattern::Hit;

    fn request(seed: u32, variation: u64) -> Request {
        Request::new(seed, variation, 1.0, [0.0; N_LATENT])
    }

    fn ready(loop_beats: f64, offset_beats: f64, n_hits: usize) -> Ready {
        let hit = Hit {
            grid_beats: 0.0,
            offset_beats,
            voice: Voice::Kick,
            velocity: 0.5,
        };
        Ready {
            request: request(1, 0),
            checkpoint_id: "test".to_owned(),
            pattern: Pattern::new(vec![hit; n_hits], loop_beats),
            groove: None,
            n_passes: 1,
        }
    }

    #[test]
    fn a_request_is_always_in_range() {
        let wild = Request::new(u32::MAX, 3, f32::NAN, [f32::INFINITY; N_LATENT]);
        assert_eq!(wild, Request::new(MAX_SEED, 3, 1.0, [0.0; N_LATENT]));
        let far = Request::new(1, 0, 99.0, [-99.0; N_LATENT]);
        assert_eq!(
            far,
            Request::new(1, 0, MAX_TEMPERATURE, [-MAX_LATENT; N_LATENT])
        );
    }

    #[test]
    fn a_request_of_before_there_was_more_to_ask_for_asks_for_the_same() {
        let saved =
            r#"{"seed":7,"take":2,"temperature":0.5,"latent":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0]}"#;
        let mut latent = [0.0; N_LATENT];
        latent[7] = 1.0;
        let request: Request = serde_json::from_str(saved).unwrap();
        assert_eq!(request, Request::new(7, 2, 0.5, latent));
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    }

    #[test]
    fn the_noise_depends_on_seed_and_take_and_nothing_else() {
        let draw = |seed, variation| request(seed, variation).noise().normals(4);
        assert_eq!(draw(5, 2), draw(5, 2));
        assert_ne!(draw(5, 2), draw(5, 3));
        assert_ne!(draw(5, 2), draw(6, 2));
        assert_eq!(draw(5, 0), Noise::from_seed(5).normals(4));
    }

    #[test]
    fn only_what_a_model_could_have_made_is_accepted() {
        assert_eq!(ready(16.0, 0.125, MAX_HITS).check(), Ok(()));
        assert_eq!(ready(4.0, 0.0, 1).check(), Ok(()));
        assert_eq!(ready(64.0, 0.0, 1).check(), Ok(()));
        assert!(ready(68.0, 0.0, 1).check().is_err());
        let mut long = ready(256.0, 0.0, 1);
        assert!(long.check().is_err());
        long.n_passes = 16;
        assert_eq!(long.check(), Ok(()));
        assert!(ready(6.0, 0.0, 1).check().is_err());
        assert!(ready(16.0, 0.2, 1).check().is_err());
        assert!(ready(16.0, 0.0, MAX_HITS + 1).check().is_err());
        let mut hostile = ready(16.0, 0.0, 1);
        hostile.request.temperature = f32::NAN;
        assert!(hostile.check().is_err());
    }

    fn presses(n_presses: u32) -> Asked {
        Asked {
            n_presses,
            n_recalls: 0,
        }
    }

    #[test]
    fn pressing_regenerate_while_stopped_counts_the_saved_take_up() {
        let mut variations = Variations::default();
        let base_variation = AtomicU64::new(7);
        assert_eq!(variations.update(presses(0), None, &base_variation), 7);
        assert_eq!(variations.update(presses(1), None, &base_variation), 8);
        assert_eq!(variations.update(presses(1), None, &base_variation), 8);
        assert_eq!(variations.update(presses(3), None, &base_variation), 10);
    }

    #[test]
    fn pressing_regenerate_in_the_song_depends_on_the_place_alone() {
        let (mut playback, mut bounce) = (Variations::default(), Variations::default());
        let base_variation = AtomicU64::new(7);
        let before = playback.update(presses(20), None, &base_variation);
        let first = playback.update(presses(21), Some(8.01), &base_variation);
        assert_eq!(first, variation_at(8.0));
        assert_eq!(
            bounce.update(presses(1), Some(7.99), &base_variation),
            first
        );
        assert_eq!(
            playback.update(presses(21), Some(9.0), &base_variation),
            first
        );
        assert_ne!(
            playback.update(presses(22), Some(16.0), &base_variation),
            first
        );
        assert_eq!(
            base_variation.into_inner(),
            before,
            "the saved variation stays"
        );
    }

    #[test]
    fn the_next_start_begins_with_the_saved_take() {
        let mut variations = Variations::default();
        let base_variation = AtomicU64::new(7);
        let _ = variations.update(presses(1), Some(4.0), &base_variation);
        variations.restart();
        assert_eq!(variations.update(presses(1), Some(0.0), &base_variation), 7);
    }

    #[test]
    fn a_recalled_take_takes_the_place_of_the_one_that_automation_chose() {
        let mut variations = Variations::default();
        let base_variation = AtomicU64::new(7);
        let _ = variations.update(presses(1), Some(4.0), &base_variation);
        base_variation.store(3, Ordering::Relaxed);
        let recalled = Asked {
            n_recalls: 1,
            ..presses(1)
        };
        assert_eq!(variations.update(recalled, Some(5.0), &base_variation), 3);
        let pressed = Asked {
            n_presses: 2,
            ..recalled
        };
        assert_eq!(
            variations.update(pressed, Some(8.0), &base_variation),
            variation_at(8.0)
        );
    }

    #[test]
    fn a_fingerprint_tells_patterns_apart_by_all_that_decides_them() {
        let plain = ready(16.0, 0.0, 1);
        assert_eq!(plain.fingerprint(), ready(16.0, 0.0, 1).fingerprint());
        let mut others = vec![plain.clone(); 10];
        others[0].request.seed = 2;
        others[1].request.variation = 1;
        others[2].request.temperature = 0.5;
        others[3].request.latent[7] = 0.5;
        others[4].checkpoint_id = "another".to_owned();
        others[5].request.feel_temperature = 0.5;
        others[6].request.play.style = Some(5);
        others[7].request.play.swing = 0.5;
        others[8].request.form.fill_in = Some(3);
        others[9].request.locks = 3;
        for other in others {
            assert_ne!(other.fingerprint(), plain.fingerprint(), "{other:?}");
        }
    }
}
