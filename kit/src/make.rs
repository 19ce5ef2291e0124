//! From the recipe of a drum to its samples.
//!
//! Every stroke is made twice with the same random numbers, softly and hard, so that the two can be mixed without
//! cancelling: a hard stroke is not only louder but brighter. And every drum is made [`N_VARIANTS`] times with others, a
//! little different in pitch, decay and balance, so that no stroke is the copy of the one before.

use crate::recipe::{Band, DrumRecipe, Envelope, KitRecipe, Layer, Source};
use crate::synthesis::{Decay, Filter, Modes, Oscillator, Pair, Squares, WhiteNoise};
use fourbar_model::drums::Voice;
use fourbar_model::noise::Noise;

/// How many strokes of a drum there are. A beat, a bar and whatever else music is counted in is never a multiple of five
/// sixteenths, so that no two strokes that far apart are the same; see [`crate::Stroke::step`].
pub(crate) const N_VARIANTS: usize = 5;

/// Every drum begins within this, and ends within ten times as much: short enough to be a stroke, long enough not to
/// be a crack of the loudspeaker.
const ATTACK_SECONDS: f64 = 0.0004;

/// Length of a stroke in times of falling by 60 dB. Longer than the ear needs, because a longer decay brings out its end.
const LENGTH_T60: f64 = 1.6;

/// A layer is over when it has fallen this far.
const INAUDIBLE: f64 = 1e-6;

/// What a random number of a stroke changes at a looseness of 1, as a share of it.
const LOOSE_PITCH: f64 = 0.006;
const LOOSE_DECAY: f64 = 0.07;
const LOOSE_LEVEL: f64 = 0.12;
const LOOSE_FILTER: f64 = 0.06;

/// One drum, ready to be played.
#[derive(Debug)]
pub(crate) struct Drum {
    pub(crate) variants: [Variant; N_VARIANTS],
    /// See [`DrumRecipe`].
    pub(crate) t60_samples: f32,
    pub(crate) is_wide: bool,
    pub(crate) room: f32,
    pub(crate) retrigger_seconds: f32,
}

/// Samples of a stroke at low velocity, and of the same stroke at velocity 1; equally loud.
#[derive(Debug)]
pub(crate) struct Variant(pub(crate) Vec<[f32; 2]>);

/// Makes a drum of a kit for `sample_rate`, in Hz.
pub(crate) fn make(kit: &KitRecipe, voice: Voice, sample_rate: f32) -> Drum {
    let recipe = &kit.drums[voice.index()];
    let peak = kit.gain * recipe.peak;
    let variants = std::array::from_fn(|variant| {
        let seed = (voice.index() * N_VARIANTS + variant) as u64;
        let mut chance = Chance {
            noise: Noise::from_seed(seed),
            looseness: kit.looseness,
        };
        stroke(
            recipe,
            peak,
            &mut chance,
            f64::from(sample_rate).max(8000.0),
        )
    });
    #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
    let t60_samples = recipe.t60_seconds as f32 * sample_rate;
    Drum {
        variants,
        t60_samples,
        is_wide: recipe.is_wide,
        room: recipe.room,
        retrigger_seconds: recipe.retrigger_seconds,
    }
}

/// What is left to chance in a stroke.
struct Chance {
    noise: Noise,
    looseness: f64,
}

impl Chance {
    /// A factor within `share` of 1, at a looseness of 1.
    fn about_one(&mut self, share: f64) -> f64 {
        1.0 + self.looseness * share * (2.0 * self.uniform() - 1.0)
    }

    fn uniform(&mut self) -> f64 {
        f64::from(self.noise.uniform())
    }
}

fn n_samples(seconds: f64, sample_rate: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds of samples"
    )]
    let n_samples = (seconds * sample_rate) as usize;
    n_samples
}

fn stroke(recipe: &DrumRecipe, peak: f64, chance: &mut Chance, sample_rate: f64) -> Variant {
    let n_samples = n_samples(LENGTH_T60 * recipe.t60_seconds, sample_rate);
    let mut sum = vec![[0.0; 2]; n_samples];
    let pitch = chance.about_one(LOOSE_PITCH);
    for layer in recipe.layers {
        add_layer(&mut sum, layer, pitch, chance, sample_rate);
    }
    for (version, drive) in recipe.drive.into_iter().enumerate() {
        if drive > 0.0 {
            for samples in &mut sum {
                samples[version] = soft_limit(drive * samples[version]);
            }
        }
    }
    Variant(finish(sum, peak, sample_rate))
}

/// The hyperbolic tangent, which costs nothing where it is hardly bent.
fn soft_limit(sample: f64) -> f64 {
    if sample.abs() < 0.02 {
        sample - sample.powi(3) / 3.0
    } else {
        sample.tanh()
    }
}

/// Adds a layer to `sum`; the drum is tuned by the factor `pitch`.
fn add_layer(sum: &mut [Pair], layer: &Layer, pitch: f64, chance: &mut Chance, sample_rate: f64) {
    let level = chance.about_one(LOOSE_LEVEL);
    let level = layer.level.map(|of_version| level * of_version);
    let mut filters: Vec<[Filter; 2]> = layer
        .filters
        .iter()
        .map(|band| filter(band, chance.about_one(LOOSE_FILTER), sample_rate))
        .collect();
    let envelope = RunningEnvelope::new(&layer.envelope, chance, sample_rate);
    let add = |source: &mut dyn FnMut(&mut [f64])| {
        let mut block = [0.0; 64];
        let mut envelope = envelope;
        for sums in sum.chunks_mut(block.len()) {
            if envelope.is_over() {
                return;
            }
            let block = &mut block[..sums.len()];
            source(block);
            for (sums, &sample) in sums.iter_mut().zip(&*block) {
                let mut samples = [sample; 2];
                for pair in &mut filters {
                    samples = Filter::next_pair(pair, samples);
                }
                let envelope = envelope.next();
                sums[0] += level[0] * envelope * samples[0];
                sums[1] += level[1] * envelope * samples[1];
            }
        }
    };
    match layer.source {
        Source::Skin { hz, bends } => {
            let mut tone = Oscillator::new(0.0, sample_rate);
            let mut bends: Vec<(f64, Decay)> = bends
                .iter()
                .map(|&(share, seconds)| (share, Decay::by_e(seconds, sample_rate)))
                .collect();
            add(&mut |block| {
                block.fill_with(|| {
                    let bend: f64 = bends
                        .iter_mut()
                        .map(|(share, decay)| *share * decay.next())
                        .sum();
                    tone.sine(pitch * hz * (1.0 + bend))
                });
            });
        }
        Source::Noise => {
            let mut noise = WhiteNoise::new(chance.noise.branch(), sample_rate);
            add(&mut |block| block.fill_with(|| noise.next()));
        }
        Source::Squares { hz } => {
            // Scattered phases: in step they would begin with a thud.
            let phases = hz.map(|_| chance.uniform());
            let mut squares = Squares::new(phases, hz.map(|hz| pitch * hz), sample_rate);
            add(&mut |block| block.fill_with(|| squares.next()));
        }
        Source::Modes {
            from_hz,
            to_hz,
            t60_seconds,
        } => {
            let range = [pitch * from_hz, pitch * to_hz];
            let mut modes = Modes::new(range, t60_seconds, || chance.uniform(), sample_rate);
            add(&mut |block| block.fill_with(|| modes.next()));
        }
        Source::Pulse { seconds } => {
            let mut tone = Oscillator::new(0.0, sample_rate);
            let mut left = n_samples(seconds, sample_rate);
            add(&mut |block| {
                block.fill_with(|| {
                    left = left.saturating_sub(1);
                    let sample = tone.sine(0.5 / seconds);
                    if left > 0 { sample } else { 0.0 }
                });
            });
        }
    }
}

/// An envelope from sample to sample.
#[derive(Clone)]
struct RunningEnvelope {
    level: f64,
    rise_per_sample: f64,
    hold_samples: usize,
    decays: Vec<(f64, Decay)>,
}

impl RunningEnvelope {
    fn new(envelope: &Envelope, chance: &mut Chance, sample_rate: f64) -> Self {
        let stretch = chance.about_one(LOOSE_DECAY);
        let rise_samples = (envelope.attack_seconds * sample_rate).max(1.0);
        Self {
            level: 0.0,
            rise_per_sample: 1.0 / rise_samples,
            hold_samples: n_samples(envelope.attack_seconds + envelope.hold_seconds, sample_rate),
            decays: envelope
                .decays
                .iter()
                .map(|&(share, t60)| (share, Decay::by_60_db(stretch * t60, sample_rate)))
                .collect(),
        }
    }

    fn next(&mut self) -> f64 {
        self.level = (self.level + self.rise_per_sample).min(1.0);
        if self.hold_samples > 0 {
            self.hold_samples -= 1;
            return self.level;
        }
        let fallen: f64 = self
            .decays
            .iter_mut()
            .map(|(share, decay)| *share * decay.next())
            .sum();
        self.level * fallen
    }

    fn is_over(&self) -> bool {
        self.hold_samples == 0
            && self
                .decays
                .iter()
                .all(|(share, decay)| share * decay.level() < INAUDIBLE)
    }
}

fn filter(band: &Band, tuning: f64, sample_rate: f64) -> [Filter; 2] {
    let (hz, q, make): (_, _, fn(f64, f64, f64) -> Filter) = match *band {
        Band::Low { hz, q } => (hz, q, Filter::low_pass),
        Band::High { hz, q } => (hz, q, Filter::high_pass),
        Band::Around { hz, q } => (hz, q, Filter::band_pass),
    };
    hz.map(|hz| make(tuning * hz, q, sample_rate))
}

/// Takes off what is too low to hear, rounds both ends and sets the largest sample to `peak`.
fn finish(mut stroke: Vec<Pair>, peak: f64, sample_rate: f64) -> Vec<[f32; 2]> {
    let mut subsonic = [Filter::high_pass(22.0, 0.7, sample_rate); 2];
    let per_sample = 1.0 / (ATTACK_SECONDS * sample_rate);
    let n_samples = u32::try_from(stroke.len()).unwrap_or(u32::MAX);
    let mut largest = [0.0_f64; 2];
    for (samples, index) in stroke.iter_mut().zip(0..n_samples) {
        let begin = (f64::from(index) * per_sample).min(1.0);
        let end = (f64::from(n_samples - index) * per_sample / 10.0).min(1.0);
        *samples = Filter::next_pair(&mut subsonic, *samples).map(|sample| sample * begin * end);
        for (largest, sample) in largest.iter_mut().zip(samples) {
            *largest = largest.max(sample.abs());
        }
    }
    let gains = largest.map(|largest| peak / largest);
    #[expect(clippy::cast_possible_truncation, reason = "audio is single precision")]
    let finished = stroke
        .iter()
        .map(|samples| [0, 1].map(|version| (samples[version] * gains[version]) as f32))
        .collect();
    finished
}
