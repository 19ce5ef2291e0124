//! What the drums are made of: oscillators, noise, filters and envelopes, one sample at a time.

use fourbar_model::noise::Noise;
use std::f64::consts::TAU;

/// Highest frequency a filter is set to, as a fraction of the sample rate.
const HIGHEST_CUTOFF: f64 = 0.45;

/// The rate at which noise has the level its recipe says.
const NOISE_REFERENCE_HZ: f64 = 48_000.0;

/// Level after `seconds` of something that is 60 dB down after `t60_seconds`.
pub(super) fn decay(seconds: f64, t60_seconds: f64) -> f64 {
    (-3.0 * std::f64::consts::LN_10 * seconds / t60_seconds).exp()
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
        self.advance(frequency_hz);
        sample
    }

    /// A square wave whose edges are rounded off (PolyBLEP), so that its harmonics do not fold back as whistles.
    pub(super) fn square(&mut self, frequency_hz: f64) -> f64 {
        let step = frequency_hz * self.seconds_per_sample;
        let half_turn_on = (self.phase + 0.5).fract();
        let naive = if self.phase < 0.5 { 1.0 } else { -1.0 };
        let sample = naive + edge(self.phase, step) - edge(half_turn_on, step);
        self.advance(frequency_hz);
        sample
    }

    fn advance(&mut self, frequency_hz: f64) {
        self.phase = (self.phase + frequency_hz * self.seconds_per_sample).fract();
    }
}

/// What a rising edge at phase 0 has to be corrected by.
fn edge(phase: f64, step: f64) -> f64 {
    if phase < step {
        let x = phase / step;
        2.0 * x - x * x - 1.0
    } else if phase > 1.0 - step {
        let x = (phase - 1.0) / step;
        x * x + 2.0 * x + 1.0
    } else {
        0.0
    }
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
