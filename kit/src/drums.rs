//! The recipes of the nine drums.
//!
//! They follow what has been published about the voices of the Roland TR-808 and TR-909: tuned drums are sines whose
//! pitch falls, the snare is two modes of a skin under rattling noise, and all metal is one cluster of six square
//! oscillators that no common fundamental fits, filtered to the top (Reid, *Synth Secrets*, Sound on Sound 2002; Werner,
//! Abel and Smith, *The TR-808 Cymbal*, ICMC 2014).
//!
//! Every drum is made twice with the same random numbers, softly and hard, so that the two can be mixed without
//! cancelling: a hard stroke is not only louder but brighter.

use super::Drum;
use super::synthesis::{Decay, Filter, Oscillator, Pair, Squares, WhiteNoise};
use fourbar_model::drums::Voice;

/// The six oscillators of the TR-808's cymbals and hi-hats, from Werner, Abel and Smith.
const METAL_HZ: [f64; 6] = [205.3, 304.4, 369.6, 522.7, 540.0, 800.0];

/// How hard the soft and the hard version of a stroke are struck.
const HARDNESS: Pair = [0.2, 1.0];

/// Every drum begins within this, and ends within ten times as much: short enough to be a stroke, long enough not to
/// be a crack of the loudspeaker.
const ATTACK_SECONDS: f64 = 0.0004;

/// Loudness of a stroke; ghost notes are 25 dB below accents.
pub(super) fn level(velocity: f32) -> f32 {
    velocity.powf(1.5)
}

/// How much of the hard version a stroke has, from 0 to 1.
pub(super) fn hardness(velocity: f32) -> f32 {
    velocity
}

/// Makes a drum for `sample_rate`, in Hz.
pub(super) fn make(voice: Voice, sample_rate: f32) -> Drum {
    let recipe = recipe(voice);
    let sample_rate = f64::from(sample_rate).max(8000.0);
    let [soft, hard] = finish((recipe.stroke)(sample_rate), recipe.peak, sample_rate);
    // Equal power: a drum is as loud at the side as in the middle.
    let angle = (1.0 + recipe.pan) * std::f32::consts::FRAC_PI_4;
    let pan = [angle.cos(), angle.sin()].map(|gain| gain * std::f32::consts::SQRT_2);
    Drum {
        soft,
        hard,
        pan,
        retrigger_seconds: recipe.retrigger_seconds,
    }
}

/// What distinguishes one drum from another.
struct Recipe {
    /// Sample rate to samples.
    stroke: fn(f64) -> Vec<Pair>,
    /// Largest sample of a stroke at velocity 1, in the middle: the drum's place in the mix.
    peak: f64,
    /// -1 is left, 1 is right, as the drummer sits.
    pan: f32,
    retrigger_seconds: f32,
}

fn recipe(voice: Voice) -> Recipe {
    let new = |stroke, peak, pan, retrigger_seconds| Recipe {
        stroke,
        peak,
        pan,
        retrigger_seconds,
    };
    match voice {
        Voice::Kick => new(kick, 0.27, 0.0, 0.006),
        Voice::Snare => new(snare, 0.235, 0.0, 0.006),
        Voice::ClosedHat => new(closed_hat, 0.1, -0.3, 0.004),
        Voice::OpenHat => new(open_hat, 0.105, -0.3, 0.012),
        Voice::LowTom => new(low_tom, 0.19, 0.4, 0.008),
        Voice::MidTom => new(mid_tom, 0.18, 0.1, 0.008),
        Voice::HighTom => new(high_tom, 0.17, -0.2, 0.008),
        Voice::Crash => new(crash, 0.13, -0.45, 0.15),
        Voice::Ride => new(ride, 0.09, 0.45, 0.15),
    }
}

/// `seconds` of samples.
fn over(seconds: f64, sample_rate: f64, mut sample: impl FnMut() -> Pair) -> Vec<Pair> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds of samples"
    )]
    let n_samples = (seconds * sample_rate) as u32;
    (0..n_samples).map(|_| sample()).collect()
}

/// A sine that falls from 155 to 49 Hz, driven into a soft limit, with a click of the beater.
fn kick(sample_rate: f64) -> Vec<Pair> {
    const HELD_SECONDS: f64 = 0.02;
    let mut tone = Oscillator::new(0.0, sample_rate);
    let mut beater = WhiteNoise::new(1, sample_rate);
    let mut beater_band = Filter::band_pass(3200.0, 0.6, sample_rate);
    let mut fall = Decay::by_e(0.028, sample_rate);
    let mut first_fall = Decay::by_e(0.003, sample_rate);
    let mut skin_decay = Decay::by_60_db(0.42, sample_rate);
    let mut click_decay = Decay::by_60_db(0.012, sample_rate);
    let mut held_samples = HELD_SECONDS * sample_rate;
    let drive = HARDNESS.map(|hardness| 1.0 + 1.2 * hardness);
    over(0.6, sample_rate, || {
        let body = tone.sine(49.0 + 106.0 * fall.next() + 260.0 * first_fall.next());
        held_samples -= 1.0;
        let level = if held_samples > 0.0 {
            1.0
        } else {
            skin_decay.next()
        };
        let click = beater_band.next(beater.next()) * click_decay.next();
        std::array::from_fn(|version| {
            let skin = (drive[version] * body * level).tanh() / drive[version].tanh();
            skin + (0.15 + 0.75 * HARDNESS[version]) * click
        })
    })
}

/// Two modes of a skin, 185 and 330 Hz, and the wires under it.
fn snare(sample_rate: f64) -> Vec<Pair> {
    let mut low_mode = Oscillator::new(0.0, sample_rate);
    let mut high_mode = Oscillator::new(0.0, sample_rate);
    let mut noise = WhiteNoise::new(2, sample_rate);
    let mut floor = Filter::high_pass(1100.0, 0.7, sample_rate);
    let mut top =
        HARDNESS.map(|hardness| Filter::low_pass(4500.0 + 6500.0 * hardness, 0.7, sample_rate));
    let mut fall = Decay::by_e(0.008, sample_rate);
    let mut low_decay = Decay::by_60_db(0.2, sample_rate);
    let mut high_decay = Decay::by_60_db(0.13, sample_rate);
    let mut rattle_decay = Decay::by_60_db(0.26, sample_rate);
    let mut first_rattle_decay = Decay::by_60_db(0.05, sample_rate);
    over(0.4, sample_rate, || {
        let bend = 1.0 + 0.35 * fall.next();
        let skin = 0.9 * low_mode.sine(185.0 * bend) * low_decay.next()
            + 0.5 * high_mode.sine(330.0 * bend) * high_decay.next();
        let wires = Filter::next_pair(&mut top, [floor.next(noise.next()); 2]);
        let rattle = rattle_decay.next() + 0.6 * first_rattle_decay.next();
        // A struck skin and an overdriven amplifier both round off the first peaks.
        std::array::from_fn(|version| {
            let loudness = 1.1 + 0.8 * HARDNESS[version];
            (1.1 * skin + loudness * wires[version] * rattle).tanh()
        })
    })
}

fn closed_hat(sample_rate: f64) -> Vec<Pair> {
    let mut decay = Decay::by_60_db(0.075, sample_rate);
    hat(0.12, || decay.next(), sample_rate)
}

fn open_hat(sample_rate: f64) -> Vec<Pair> {
    let mut decay = Decay::by_60_db(0.5, sample_rate);
    let mut first_decay = Decay::by_60_db(0.05, sample_rate);
    let envelope = || 0.85 * decay.next() + 0.15 * first_decay.next();
    hat(0.7, envelope, sample_rate)
}

/// The metal cluster and a little noise, above 7 kHz.
fn hat(seconds: f64, mut envelope: impl FnMut() -> f64, sample_rate: f64) -> Vec<Pair> {
    let mut metal = metal(1.0, sample_rate);
    let mut noise = WhiteNoise::new(3, sample_rate);
    let mut band =
        HARDNESS.map(|hardness| Filter::band_pass(7100.0 + 1500.0 * hardness, 1.0, sample_rate));
    let mut floor = [Filter::high_pass(6000.0, 0.8, sample_rate); 2];
    over(seconds, sample_rate, || {
        let cluster = metal.next() + 0.35 * noise.next();
        let level = envelope();
        let filtered = Filter::next_pair(&mut band, [cluster; 2]);
        Filter::next_pair(&mut floor, filtered).map(|sample| sample * level)
    })
}

fn low_tom(sample_rate: f64) -> Vec<Pair> {
    tom(82.0, 0.6, 4, sample_rate)
}

fn mid_tom(sample_rate: f64) -> Vec<Pair> {
    tom(123.0, 0.5, 5, sample_rate)
}

fn high_tom(sample_rate: f64) -> Vec<Pair> {
    tom(174.0, 0.42, 6, sample_rate)
}

/// A sine that falls by half an octave to `frequency_hz`, its second mode, and the stick.
fn tom(frequency_hz: f64, t60_seconds: f64, seed: u64, sample_rate: f64) -> Vec<Pair> {
    let mut tone = Oscillator::new(0.0, sample_rate);
    let mut second_mode = Oscillator::new(0.0, sample_rate);
    let mut noise = WhiteNoise::new(seed, sample_rate);
    let mut skin_noise = Filter::low_pass(6.0 * frequency_hz, 0.7, sample_rate);
    let mut stick = Filter::band_pass(2600.0, 0.7, sample_rate);
    let mut fall = Decay::by_e(0.035, sample_rate);
    let mut tone_decay = Decay::by_60_db(t60_seconds, sample_rate);
    let mut second_decay = Decay::by_60_db(0.45 * t60_seconds, sample_rate);
    let mut breath_decay = Decay::by_60_db(0.18, sample_rate);
    let mut stick_decay = Decay::by_60_db(0.02, sample_rate);
    over(1.3 * t60_seconds, sample_rate, || {
        let bend = 1.0 + 0.5 * fall.next();
        // A clamped skin's second mode is 1.59 times the first.
        let body = tone.sine(frequency_hz * bend) * tone_decay.next()
            + 0.25 * second_mode.sine(1.59 * frequency_hz * bend) * second_decay.next();
        let white = noise.next();
        let breath = 0.5 * skin_noise.next(white) * breath_decay.next();
        let attack = stick.next(white) * stick_decay.next();
        HARDNESS.map(|hardness| body + breath + (0.1 + 0.6 * hardness) * attack)
    })
}

/// A wide cluster of metal in two bands, and a long hiss.
fn crash(sample_rate: f64) -> Vec<Pair> {
    let mut narrow_metal = metal(1.0, sample_rate);
    let mut wide_metal = metal(1.37, sample_rate);
    let mut noise = WhiteNoise::new(7, sample_rate);
    let mut low_band = Filter::band_pass(3440.0, 1.0, sample_rate);
    let mut high_band = Filter::band_pass(7100.0, 0.7, sample_rate);
    let mut hiss = Filter::high_pass(5200.0, 0.7, sample_rate);
    let mut floor = [Filter::high_pass(1800.0, 0.7, sample_rate); 2];
    let mut body_decay = Decay::by_60_db(1.6, sample_rate);
    let mut shine_decay = Decay::by_60_db(1.5, sample_rate);
    let mut first_decay = Decay::by_60_db(0.12, sample_rate);
    over(2.2, sample_rate, || {
        let cluster = narrow_metal.next() + wide_metal.next();
        let white = noise.next();
        let shine_level = shine_decay.next();
        let body = 0.55 * low_band.next(cluster + white) * body_decay.next();
        let shine = 0.45 * high_band.next(cluster + 1.5 * white) * shine_level;
        let air = hiss.next(white) * (0.6 * shine_level + 0.8 * first_decay.next());
        let mix = HARDNESS.map(|hardness| body + shine + (0.2 + 0.5 * hardness) * air);
        Filter::next_pair(&mut floor, mix)
    })
}

/// A tip on metal: a clear ping over a quiet wash.
fn ride(sample_rate: f64) -> Vec<Pair> {
    let mut metal = metal(1.62, sample_rate);
    let mut noise = WhiteNoise::new(8, sample_rate);
    let mut ping_band = Filter::band_pass(4600.0, 2.0, sample_rate);
    let mut wash_band = Filter::band_pass(7100.0, 0.8, sample_rate);
    let mut floor = [Filter::high_pass(2400.0, 0.7, sample_rate); 2];
    let mut first_ping_decay = Decay::by_60_db(0.35, sample_rate);
    let mut ping_decay = Decay::by_60_db(1.2, sample_rate);
    let mut wash_decay = Decay::by_60_db(1.3, sample_rate);
    let mut first_wash_decay = Decay::by_60_db(0.06, sample_rate);
    over(1.7, sample_rate, || {
        let cluster = metal.next();
        let ping_level = 0.7 * first_ping_decay.next() + 0.3 * ping_decay.next();
        let ping = ping_band.next(cluster) * ping_level;
        let wash = wash_band.next(cluster + noise.next());
        let (level, first_level) = (wash_decay.next(), first_wash_decay.next());
        let mix = HARDNESS.map(|hardness| {
            1.4 * ping + wash * (0.35 * level + (0.1 + 0.4 * hardness) * first_level)
        });
        Filter::next_pair(&mut floor, mix)
    })
}

/// Six square oscillators at once.
fn metal(tuning: f64, sample_rate: f64) -> Squares<6> {
    // Scattered phases: in step they would begin with a thud.
    let phases = [0.0, 0.37, 0.71, 0.19, 0.53, 0.87];
    let frequencies_hz = METAL_HZ.map(|frequency_hz| tuning * frequency_hz);
    Squares::new(phases, frequencies_hz, sample_rate)
}

/// Takes off what is too low to hear, rounds both ends and sets the largest sample to `peak`.
fn finish(mut stroke: Vec<Pair>, peak: f64, sample_rate: f64) -> [Vec<f32>; 2] {
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
    std::array::from_fn(|version| {
        let gain = peak / largest[version];
        #[expect(clippy::cast_possible_truncation, reason = "audio is single precision")]
        let finished = stroke
            .iter()
            .map(|samples| (samples[version] * gain) as f32)
            .collect();
        finished
    })
}
