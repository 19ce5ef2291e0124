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
use super::synthesis::{Filter, Oscillator, WhiteNoise, decay};
use fourbar_model::drums::Voice;

/// The six oscillators of the TR-808's cymbals and hi-hats, from Werner, Abel and Smith.
const METAL_HZ: [f64; 6] = [205.3, 304.4, 369.6, 522.7, 540.0, 800.0];

/// How hard the soft version of a stroke is struck; the hard version is 1.
const SOFT: f64 = 0.2;

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
    let version = |hardness| {
        finish(
            (recipe.stroke)(hardness, sample_rate),
            recipe.peak,
            sample_rate,
        )
    };
    // Equal power: a drum is as loud at the side as in the middle.
    let angle = (1.0 + recipe.pan) * std::f32::consts::FRAC_PI_4;
    let pan = [angle.cos(), angle.sin()].map(|gain| gain * std::f32::consts::SQRT_2);
    Drum {
        soft: version(SOFT),
        hard: version(1.0),
        pan,
        retrigger_seconds: recipe.retrigger_seconds,
    }
}

/// What distinguishes one drum from another.
struct Recipe {
    /// Hardness and sample rate to samples.
    stroke: fn(f64, f64) -> Vec<f64>,
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

/// Samples of `seconds`, each from its moment.
fn over(seconds: f64, sample_rate: f64, sample: impl FnMut(f64) -> f64) -> Vec<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds of samples"
    )]
    let n_samples = (seconds * sample_rate) as u32;
    (0..n_samples)
        .map(|index| f64::from(index) / sample_rate)
        .map(sample)
        .collect()
}

/// A sine that falls from 155 to 49 Hz, driven into a soft limit, with a click of the beater.
fn kick(hardness: f64, sample_rate: f64) -> Vec<f64> {
    let mut tone = Oscillator::new(0.0, sample_rate);
    let mut beater = WhiteNoise::new(1, sample_rate);
    let mut beater_band = Filter::band_pass(3200.0, 0.6, sample_rate);
    let drive = 1.0 + 1.2 * hardness;
    over(0.6, sample_rate, |t| {
        let body = tone.sine(49.0 + 106.0 * (-t / 0.028).exp() + 260.0 * (-t / 0.003).exp());
        let held = (t - 0.02).max(0.0);
        let skin = (drive * body * decay(held, 0.42)).tanh() / drive.tanh();
        let click = beater_band.next(beater.next()) * decay(t, 0.012);
        skin + (0.15 + 0.75 * hardness) * click
    })
}

/// Two modes of a skin, 185 and 330 Hz, and the wires under it.
fn snare(hardness: f64, sample_rate: f64) -> Vec<f64> {
    let mut low_mode = Oscillator::new(0.0, sample_rate);
    let mut high_mode = Oscillator::new(0.0, sample_rate);
    let mut noise = WhiteNoise::new(2, sample_rate);
    let mut floor = Filter::high_pass(1100.0, 0.7, sample_rate);
    let mut top = Filter::low_pass(4500.0 + 6500.0 * hardness, 0.7, sample_rate);
    over(0.4, sample_rate, |t| {
        let bend = 1.0 + 0.35 * (-t / 0.008).exp();
        let skin = 0.9 * low_mode.sine(185.0 * bend) * decay(t, 0.2)
            + 0.5 * high_mode.sine(330.0 * bend) * decay(t, 0.13);
        let wires = top.next(floor.next(noise.next()));
        let rattle = decay(t, 0.26) + 0.6 * decay(t, 0.05);
        // A struck skin and an overdriven amplifier both round off the first peaks.
        (1.1 * skin + (1.1 + 0.8 * hardness) * wires * rattle).tanh()
    })
}

fn closed_hat(hardness: f64, sample_rate: f64) -> Vec<f64> {
    hat(0.12, |t| decay(t, 0.075), hardness, sample_rate)
}

fn open_hat(hardness: f64, sample_rate: f64) -> Vec<f64> {
    hat(
        0.7,
        |t| 0.85 * decay(t, 0.5) + 0.15 * decay(t, 0.05),
        hardness,
        sample_rate,
    )
}

/// The metal cluster and a little noise, above 7 kHz.
fn hat(seconds: f64, envelope: impl Fn(f64) -> f64, hardness: f64, sample_rate: f64) -> Vec<f64> {
    let mut metal = Metal::new(1.0, sample_rate);
    let mut noise = WhiteNoise::new(3, sample_rate);
    let mut band = Filter::band_pass(7100.0 + 1500.0 * hardness, 1.0, sample_rate);
    let mut floor = Filter::high_pass(6000.0, 0.8, sample_rate);
    over(seconds, sample_rate, |t| {
        floor.next(band.next(metal.next() + 0.35 * noise.next())) * envelope(t)
    })
}

fn low_tom(hardness: f64, sample_rate: f64) -> Vec<f64> {
    tom(82.0, 0.6, 4, hardness, sample_rate)
}

fn mid_tom(hardness: f64, sample_rate: f64) -> Vec<f64> {
    tom(123.0, 0.5, 5, hardness, sample_rate)
}

fn high_tom(hardness: f64, sample_rate: f64) -> Vec<f64> {
    tom(174.0, 0.42, 6, hardness, sample_rate)
}

/// A sine that falls by half an octave to `frequency_hz`, its second mode, and the stick.
fn tom(
    frequency_hz: f64,
    t60_seconds: f64,
    seed: u64,
    hardness: f64,
    sample_rate: f64,
) -> Vec<f64> {
    let mut tone = Oscillator::new(0.0, sample_rate);
    let mut second_mode = Oscillator::new(0.0, sample_rate);
    let mut noise = WhiteNoise::new(seed, sample_rate);
    let mut skin_noise = Filter::low_pass(6.0 * frequency_hz, 0.7, sample_rate);
    let mut stick = Filter::band_pass(2600.0, 0.7, sample_rate);
    over(1.3 * t60_seconds, sample_rate, |t| {
        let bend = 1.0 + 0.5 * (-t / 0.035).exp();
        // A clamped skin's second mode is 1.59 times the first.
        let body = tone.sine(frequency_hz * bend) * decay(t, t60_seconds)
            + 0.25 * second_mode.sine(1.59 * frequency_hz * bend) * decay(t, 0.45 * t60_seconds);
        let white = noise.next();
        let breath = 0.5 * skin_noise.next(white) * decay(t, 0.18);
        let attack = (0.1 + 0.6 * hardness) * stick.next(white) * decay(t, 0.02);
        body + breath + attack
    })
}

/// A wide cluster of metal in two bands, and a long hiss.
fn crash(hardness: f64, sample_rate: f64) -> Vec<f64> {
    let mut metal = Metal::new(1.0, sample_rate);
    let mut wide_metal = Metal::new(1.37, sample_rate);
    let mut noise = WhiteNoise::new(7, sample_rate);
    let mut low_band = Filter::band_pass(3440.0, 1.0, sample_rate);
    let mut high_band = Filter::band_pass(7100.0, 0.7, sample_rate);
    let mut hiss = Filter::high_pass(5200.0, 0.7, sample_rate);
    let mut floor = Filter::high_pass(1800.0, 0.7, sample_rate);
    over(2.2, sample_rate, |t| {
        let cluster = metal.next() + wide_metal.next();
        let white = noise.next();
        let body = 0.55 * low_band.next(cluster + white) * decay(t, 1.6);
        let shine = 0.45 * high_band.next(cluster + 1.5 * white) * decay(t, 1.5);
        let air = (0.2 + 0.5 * hardness)
            * hiss.next(white)
            * (0.6 * decay(t, 1.5) + 0.8 * decay(t, 0.12));
        floor.next(body + shine + air)
    })
}

/// A tip on metal: a clear ping over a quiet wash.
fn ride(hardness: f64, sample_rate: f64) -> Vec<f64> {
    let mut metal = Metal::new(1.62, sample_rate);
    let mut noise = WhiteNoise::new(8, sample_rate);
    let mut ping_band = Filter::band_pass(4600.0, 2.0, sample_rate);
    let mut wash_band = Filter::band_pass(7100.0, 0.8, sample_rate);
    let mut floor = Filter::high_pass(2400.0, 0.7, sample_rate);
    over(1.7, sample_rate, |t| {
        let cluster = metal.next();
        let ping = ping_band.next(cluster) * (0.7 * decay(t, 0.35) + 0.3 * decay(t, 1.2));
        let wash = wash_band.next(cluster + noise.next())
            * (0.35 * decay(t, 1.3) + (0.1 + 0.4 * hardness) * decay(t, 0.06));
        floor.next(1.4 * ping + wash)
    })
}

/// Six square oscillators at once.
struct Metal {
    oscillators: [Oscillator; 6],
    tuning: f64,
}

impl Metal {
    fn new(tuning: f64, sample_rate: f64) -> Self {
        // Scattered phases: in step they would begin with a thud.
        let oscillators =
            [0.0, 0.37, 0.71, 0.19, 0.53, 0.87].map(|phase| Oscillator::new(phase, sample_rate));
        Self {
            oscillators,
            tuning,
        }
    }

    fn next(&mut self) -> f64 {
        let squares = self.oscillators.iter_mut().zip(METAL_HZ);
        squares
            .map(|(oscillator, frequency_hz)| oscillator.square(self.tuning * frequency_hz))
            .sum::<f64>()
            / 6.0
    }
}

/// Takes off what is too low to hear, rounds both ends and sets the largest sample to `peak`.
fn finish(mut stroke: Vec<f64>, peak: f64, sample_rate: f64) -> Vec<f32> {
    let mut subsonic = Filter::high_pass(22.0, 0.7, sample_rate);
    let length_seconds = f64::from(u32::try_from(stroke.len()).unwrap_or(u32::MAX)) / sample_rate;
    let mut largest = 0.0_f64;
    for (sample, t) in stroke
        .iter_mut()
        .zip((0_u32..).map(|index| f64::from(index) / sample_rate))
    {
        let begin = (t / ATTACK_SECONDS).min(1.0);
        let end = ((length_seconds - t) / (10.0 * ATTACK_SECONDS)).min(1.0);
        *sample = subsonic.next(*sample) * begin * end;
        largest = largest.max(sample.abs());
    }
    #[expect(clippy::cast_possible_truncation, reason = "audio is single precision")]
    let finished = stroke
        .iter()
        .map(|sample| (sample * peak / largest) as f32)
        .collect();
    finished
}
