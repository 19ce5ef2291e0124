//! From the recipe of a drum to its samples.
//!
//! Every stroke is made twice with the same random numbers, softly and hard, so that the two can be mixed without
//! cancelling: a hard stroke is not only louder but brighter. And every drum is made [`N_VARIANTS`] times with others, a
//! little different in pitch, decay and balance, so that no stroke is the copy of the one before.

use crate::recipe::{Band, DrumRecipe, Envelope, KitRecipe, Layer, Source};
use crate::synthesis::{
    Decay, Filter, Filters, Modes, N_STROKES, N_VERSIONS, Sines, Squares, Strokes, Versions,
    WhiteNoise, single,
};
use fourbar_model::drums::Voice;
use fourbar_model::noise::Noise;

/// How many strokes of a drum there are. A beat, a bar and whatever else music is counted in is never a multiple of five
/// sixteenths, so that no two strokes that far apart are the same; see [`crate::Stroke::step`].
pub(crate) const N_VARIANTS: usize = N_STROKES;

/// Strokes are made in pieces of this length, which stay in the processor's cache.
const PIECE_SAMPLES: usize = 64;

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
    let chances = std::array::from_fn(|variant| Chance {
        noise: Noise::from_seed((voice.index() * N_VARIANTS + variant) as u64),
        looseness: kit.looseness,
    });
    #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
    let t60_samples = recipe.t60_seconds as f32 * sample_rate;
    let sample_rate = f64::from(sample_rate).max(8000.0);
    Drum {
        variants: strokes(recipe, kit.gain * recipe.peak, chances, sample_rate),
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

/// All strokes of a drum, the largest sample of each of which is `peak`.
fn strokes(
    recipe: &DrumRecipe,
    peak: f64,
    mut chances: [Chance; N_STROKES],
    sample_rate: f64,
) -> [Variant; N_VARIANTS] {
    let pitch = chances
        .each_mut()
        .map(|chance| chance.about_one(LOOSE_PITCH));
    let layers = recipe.layers.iter();
    let mut layers: Vec<RunningLayer> = layers
        .map(|layer| RunningLayer::new(layer, pitch, &mut chances, sample_rate))
        .collect();
    let n_samples = n_samples(LENGTH_T60 * recipe.t60_seconds, sample_rate);
    let mut finish = Finish::new(n_samples, sample_rate);
    let mut variants = [(); N_VARIANTS].map(|()| vec![[0.0; 2]; n_samples]);
    for start in (0..n_samples).step_by(PIECE_SAMPLES) {
        let mut piece = [[0.0; N_VERSIONS]; PIECE_SAMPLES];
        let piece = &mut piece[..PIECE_SAMPLES.min(n_samples - start)];
        for layer in &mut layers {
            layer.add(piece);
        }
        for samples in &mut *piece {
            drive(samples, recipe.drive);
            finish.next(samples);
        }
        for (stroke, variant) in variants.iter_mut().enumerate() {
            for (pair, samples) in variant[start..].iter_mut().zip(&*piece) {
                *pair = [samples[stroke], samples[N_STROKES + stroke]].map(single);
            }
        }
    }
    for (stroke, variant) in variants.iter_mut().enumerate() {
        let largest = [finish.largest[stroke], finish.largest[N_STROKES + stroke]];
        let gains = largest.map(|largest| single(peak / largest));
        for pair in variant {
            *pair = [gains[0] * pair[0], gains[1] * pair[1]];
        }
    }
    variants.map(Variant)
}

/// Drives a sample of every version into a soft limit.
fn drive(samples: &mut Versions, [soft, hard]: [f64; 2]) {
    for (index, sample) in samples.iter_mut().enumerate() {
        let drive = if index < N_STROKES { soft } else { hard };
        if drive > 0.0 {
            *sample = soft_limit(drive * *sample);
        }
    }
}

/// The hyperbolic tangent, which costs nothing where it is hardly bent.
fn soft_limit(sample: f64) -> f64 {
    if sample.abs() < 0.02 {
        sample - sample.powi(3) / 3.0
    } else {
        sample.tanh()
    }
}

/// A layer of all strokes, from piece to piece.
struct RunningLayer {
    source: RunningSource,
    filters: Vec<Filters>,
    envelope: RunningEnvelope,
    level: Versions,
}

impl RunningLayer {
    /// The layer's beginning; the drum is tuned by the factor `pitch`.
    fn new(
        layer: &Layer,
        pitch: Strokes,
        chances: &mut [Chance; N_STROKES],
        sample_rate: f64,
    ) -> Self {
        let level = about_one(chances, LOOSE_LEVEL);
        let level = versions(|version, stroke| layer.level[version] * level[stroke]);
        let filters = layer.filters.iter();
        let filters = filters.map(|band| {
            let tuning = about_one(chances, LOOSE_FILTER);
            Filters::new(&versions(|version, stroke| {
                filter(band, version, tuning[stroke], sample_rate)
            }))
        });
        let filters = filters.collect();
        let envelope = RunningEnvelope::new(&layer.envelope, chances, sample_rate);
        Self {
            source: RunningSource::new(&layer.source, pitch, chances, sample_rate),
            filters,
            envelope,
            level,
        }
    }

    /// Adds the next samples to `sums`, which are at most [`PIECE_SAMPLES`].
    fn add(&mut self, sums: &mut [Versions]) {
        if self.envelope.is_over() {
            return;
        }
        let mut piece = [[0.0; N_STROKES]; PIECE_SAMPLES];
        let piece = &mut piece[..sums.len()];
        self.source.fill(piece);
        for (sums, strokes) in sums.iter_mut().zip(piece) {
            let mut samples = versions(|_, stroke| strokes[stroke]);
            for filters in &mut self.filters {
                filters.next(&mut samples);
            }
            let envelope = self.envelope.next();
            let envelope = versions(|_, stroke| envelope[stroke]);
            for index in 0..N_VERSIONS {
                sums[index] += self.level[index] * envelope[index] * samples[index];
            }
        }
    }
}

/// Something of each version, 0 for the soft and 1 for the hard one, of each stroke.
fn versions<T>(mut of: impl FnMut(usize, usize) -> T) -> [T; N_VERSIONS] {
    std::array::from_fn(|index| of(index / N_STROKES, index % N_STROKES))
}

/// A factor within `share` of 1 for each stroke, at a looseness of 1.
fn about_one(chances: &mut [Chance; N_STROKES], share: f64) -> Strokes {
    chances.each_mut().map(|chance| chance.about_one(share))
}

/// What a layer of all strokes is before its filters.
enum RunningSource {
    Skin {
        tones: Sines,
        bends: Vec<(f64, Decay)>,
    },
    Noise(Box<[WhiteNoise; N_STROKES]>),
    Squares(Box<[Squares<6>; N_STROKES]>),
    Modes(Box<[Modes; N_STROKES]>),
    Pulse {
        tones: Sines,
        samples_to_go: usize,
    },
}

impl RunningSource {
    fn new(
        source: &Source,
        pitch: Strokes,
        chances: &mut [Chance; N_STROKES],
        sample_rate: f64,
    ) -> Self {
        match *source {
            Source::Skin { hz, bends } => Self::Skin {
                tones: Sines::new(pitch.map(|pitch| pitch * hz), sample_rate),
                bends: bends
                    .iter()
                    .map(|&(share, seconds)| (share, Decay::by_e(seconds, sample_rate)))
                    .collect(),
            },
            Source::Noise => {
                let noises = chances.each_mut().map(|chance| chance.noise.branch());
                Self::Noise(Box::new(
                    noises.map(|noise| WhiteNoise::new(noise, sample_rate)),
                ))
            }
            Source::Squares { hz } => Self::Squares(Box::new(std::array::from_fn(|stroke| {
                // Scattered phases: in step they would begin with a thud.
                let phases = hz.map(|_| chances[stroke].uniform());
                Squares::new(phases, hz.map(|hz| pitch[stroke] * hz), sample_rate)
            }))),
            Source::Modes {
                from_hz,
                to_hz,
                t60_seconds,
            } => Self::Modes(Box::new(std::array::from_fn(|stroke| {
                let range = [from_hz, to_hz].map(|hz| pitch[stroke] * hz);
                let uniform = || chances[stroke].uniform();
                Modes::new(range, t60_seconds, uniform, sample_rate)
            }))),
            Source::Pulse { seconds } => Self::Pulse {
                tones: Sines::new([0.5 / seconds; N_STROKES], sample_rate),
                samples_to_go: n_samples(seconds, sample_rate),
            },
        }
    }

    /// The next samples.
    fn fill(&mut self, piece: &mut [Strokes]) {
        match self {
            Self::Skin { tones, bends } => piece.fill_with(|| {
                let bends = bends.iter_mut();
                let bend: f64 = bends.map(|(share, decay)| *share * decay.next()).sum();
                tones.next(1.0 + bend)
            }),
            Self::Noise(noises) => piece.fill_with(|| noises.each_mut().map(WhiteNoise::next)),
            Self::Squares(squares) => piece.fill_with(|| squares.each_mut().map(Squares::next)),
            Self::Modes(modes) => piece.fill_with(|| modes.each_mut().map(Modes::next)),
            Self::Pulse {
                tones,
                samples_to_go,
            } => {
                let n_samples = piece.len().min(*samples_to_go);
                *samples_to_go -= n_samples;
                piece[..n_samples].fill_with(|| tones.next(1.0));
            }
        }
    }
}

/// An envelope of all strokes, from sample to sample.
struct RunningEnvelope {
    level: f64,
    rise_per_sample: f64,
    hold_samples: usize,
    decays: Vec<Decays>,
}

/// One of the decays of an envelope.
struct Decays {
    levels: Strokes,
    per_sample: Strokes,
}

impl RunningEnvelope {
    fn new(envelope: &Envelope, chances: &mut [Chance; N_STROKES], sample_rate: f64) -> Self {
        let stretch = about_one(chances, LOOSE_DECAY);
        let rise_samples = (envelope.attack_seconds * sample_rate).max(1.0);
        let decays = |&(share, t60): &(f64, f64)| Decays {
            levels: [share; N_STROKES],
            per_sample: stretch
                .map(|stretch| Decay::by_60_db(stretch * t60, sample_rate).per_sample()),
        };
        Self {
            level: 0.0,
            rise_per_sample: 1.0 / rise_samples,
            hold_samples: n_samples(envelope.attack_seconds + envelope.hold_seconds, sample_rate),
            decays: envelope.decays.iter().map(decays).collect(),
        }
    }

    fn next(&mut self) -> Strokes {
        self.level = (self.level + self.rise_per_sample).min(1.0);
        if self.hold_samples > 0 {
            self.hold_samples -= 1;
            return [self.level; N_STROKES];
        }
        let mut fallen = [0.0; N_STROKES];
        for Decays { levels, per_sample } in &mut self.decays {
            for stroke in 0..N_STROKES {
                fallen[stroke] += self.level * levels[stroke];
                levels[stroke] *= per_sample[stroke];
            }
        }
        fallen
    }

    fn is_over(&self) -> bool {
        let is_inaudible = |decays: &Decays| decays.levels.iter().all(|&level| level < INAUDIBLE);
        self.hold_samples == 0 && self.decays.iter().all(is_inaudible)
    }
}

fn filter(band: &Band, version: usize, tuning: f64, sample_rate: f64) -> Filter {
    let (hz, q, make): (_, _, fn(f64, f64, f64) -> Filter) = match *band {
        Band::Low { hz, q } => (hz, q, Filter::low_pass),
        Band::High { hz, q } => (hz, q, Filter::high_pass),
        Band::Around { hz, q } => (hz, q, Filter::band_pass),
    };
    make(tuning * hz[version], q, sample_rate)
}

/// Takes off what is too low to hear, and rounds both ends.
struct Finish {
    subsonic: Filters,
    n_done: u32,
    n_samples: u32,
    /// Share of the attack in a sample.
    per_sample: f64,
    /// The largest sample so far.
    largest: Versions,
}

impl Finish {
    fn new(n_samples: usize, sample_rate: f64) -> Self {
        let subsonic = Filter::high_pass(22.0, 0.7, sample_rate);
        Self {
            subsonic: Filters::new(&[subsonic; N_VERSIONS]),
            n_done: 0,
            n_samples: u32::try_from(n_samples).unwrap_or(u32::MAX),
            per_sample: 1.0 / (ATTACK_SECONDS * sample_rate),
            largest: [0.0; N_VERSIONS],
        }
    }

    fn next(&mut self, samples: &mut Versions) {
        self.subsonic.next(samples);
        let begin = (f64::from(self.n_done) * self.per_sample).min(1.0);
        let end = (f64::from(self.n_samples - self.n_done) * self.per_sample / 10.0).min(1.0);
        self.n_done += 1;
        for (largest, sample) in self.largest.iter_mut().zip(samples) {
            *sample *= begin * end;
            *largest = largest.max(sample.abs());
        }
    }
}
