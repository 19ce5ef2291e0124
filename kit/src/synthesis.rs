//! What the drums are made of: oscillators, noise, filters and envelopes, one sample at a time.

use fourbar_model::noise::Noise;
use std::f64::consts::TAU;

/// Highest frequency a filter is set to, as a fraction of the sample rate.
const HIGHEST_CUTOFF: f64 = 0.45;

/// The rate at which noise has the level its recipe says.
const NOISE_REFERENCE_HZ: f64 = 48_000.0;

/// The same moment of a soft and of a hard stroke. They are made together, because they have most of the work in common.
pub(super) type Pair = [f64; 2];

/// A level that falls from 1 by the same factor with every sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay {
    level: f64,
    per_sample: f64,
}

impl Decay {
    /// 60 dB down after `t60_seconds`.
    pub(super) fn by_60_db(t60_seconds: f64, sample_rate: f64) -> Self {
        Self::by_e(t60_seconds / (3.0 * std::f64::consts::LN_10), sample_rate)
    }

    /// Down to a part of 1/e after `seconds`.
    pub(super) fn by_e(seconds: f64, sample_rate: f64) -> Self {
        Self {
            level: 1.0,
            per_sample: (-1.0 / (seconds * sample_rate)).exp(),
        }
    }

    pub(super) fn next(&mut self) -> f64 {
        let level = self.level;
        self.level *= self.per_sample;
        level
    }
}

/// A phase that advances by a frequency; 1 is a whole turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oscillator {
    phase: f64,
    seconds_per_sample: f64,
}

impl Oscillator {
    pub(super) fn new(phase: f64, sample_rate: f64) -> Self {
        Self {
            phase,
            seconds_per_sample: 1.0 / sample_rate,
        }
    }

    pub(super) fn sine(&mut self, frequency_hz: f64) -> f64 {
        let sample = (TAU * self.phase).sin();
        self.phase = (self.phase + frequency_hz * self.seconds_per_sample).fract();
        sample
    }
}

/// Square waves at once, whose edges are rounded off (PolyBLEP) so that their harmonics do not fold back as whistles.
///
/// All of them advance together and without a branch, so that the compiler makes vectors of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Squares<const N: usize> {
    /// 1 is a whole turn.
    phases: [f64; N],
    turns_per_sample: [f64; N],
    samples_per_turn: [f64; N],
}

impl<const N: usize> Squares<N> {
    pub(super) fn new(phases: [f64; N], frequencies_hz: [f64; N], sample_rate: f64) -> Self {
        Self {
            phases,
            turns_per_sample: frequencies_hz.map(|frequency_hz| frequency_hz / sample_rate),
            samples_per_turn: frequencies_hz.map(|frequency_hz| sample_rate / frequency_hz),
        }
    }

    /// Their mean.
    pub(super) fn next(&mut self) -> f64 {
        let mut squares = [0.0; N];
        for (index, square) in squares.iter_mut().enumerate() {
            let phase = self.phases[index];
            let samples_per_turn = self.samples_per_turn[index];
            let is_up = phase < 0.5;
            let half_turn_on = if is_up { phase + 0.5 } else { phase - 0.5 };
            let naive = if is_up { 1.0 } else { -1.0 };
            *square = naive + edge(phase, samples_per_turn) - edge(half_turn_on, samples_per_turn);
            let next = phase + self.turns_per_sample[index];
            self.phases[index] = if next < 1.0 { next } else { next - 1.0 };
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of oscillators")]
        let n_squares = N as f64;
        squares.iter().sum::<f64>() / n_squares
    }
}

/// What a rising edge at phase 0 has to be corrected by, a sample before it and a sample after it.
fn edge(phase: f64, samples_per_turn: f64) -> f64 {
    let after = (1.0 - phase * samples_per_turn).max(0.0);
    let before = (1.0 - (1.0 - phase) * samples_per_turn).max(0.0);
    before * before - after * after
}

/// White noise with the same level per hertz at every sample rate.
#[derive(Debug, Clone)]
pub(super) struct WhiteNoise {
    noise: Noise,
    level: f64,
}

impl WhiteNoise {
    pub(super) fn new(seed: u64, sample_rate: f64) -> Self {
        Self {
            noise: Noise::from_seed(seed),
            level: (sample_rate / NOISE_REFERENCE_HZ).sqrt(),
        }
    }

    pub(super) fn next(&mut self) -> f64 {
        (2.0 * f64::from(self.noise.uniform()) - 1.0) * self.level
    }
}

/// A second-order filter (Bristow-Johnson's cookbook, transposed direct form II).
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Filter {
    pub(super) fn low_pass(cutoff_hz: f64, q: f64, sample_rate: f64) -> Self {
        let (cos, alpha) = Self::angle(cutoff_hz, q, sample_rate);
        Self::new(
            [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0],
            cos,
            alpha,
        )
    }

    pub(super) fn high_pass(cutoff_hz: f64, q: f64, sample_rate: f64) -> Self {
        let (cos, alpha) = Self::angle(cutoff_hz, q, sample_rate);
        Self::new(
            [(1.0 + cos) / 2.0, -(1.0 + cos), (1.0 + cos) / 2.0],
            cos,
            alpha,
        )
    }

    /// Gain 1 at the centre.
    pub(super) fn band_pass(centre_hz: f64, q: f64, sample_rate: f64) -> Self {
        let (cos, alpha) = Self::angle(centre_hz, q, sample_rate);
        Self::new([alpha, 0.0, -alpha], cos, alpha)
    }

    pub(super) fn next(&mut self, sample: f64) -> f64 {
        let filtered = self.b[0] * sample + self.state[0];
        self.state[0] = self.b[1] * sample - self.a[0] * filtered + self.state[1];
        self.state[1] = self.b[2] * sample - self.a[1] * filtered;
        filtered
    }

    /// One sample through each of two filters.
    pub(super) fn next_pair(pair: &mut [Self; 2], samples: Pair) -> Pair {
        let [first, second] = pair;
        [first.next(samples[0]), second.next(samples[1])]
    }

    fn angle(frequency_hz: f64, q: f64, sample_rate: f64) -> (f64, f64) {
        let omega = TAU * (frequency_hz / sample_rate).min(HIGHEST_CUTOFF);
        (omega.cos(), omega.sin() / (2.0 * q))
    }

    fn new(b: [f64; 3], cos: f64, alpha: f64) -> Self {
        let a0 = 1.0 + alpha;
        Self {
            b: b.map(|coefficient| coefficient / a0),
            a: [-2.0 * cos / a0, (1.0 - alpha) / a0],
            state: [0.0; 2],
        }
    }
}
