//! What the drums are made of: oscillators, noise, filters and envelopes, one sample at a time.

use fourbar_model::noise::Noise;
use std::f64::consts::TAU;

/// Highest frequency a filter is set to, as a fraction of the sample rate.
const HIGHEST_CUTOFF: f64 = 0.45;

/// The rate at which noise has the level its recipe says.
const NOISE_REFERENCE_HZ: f64 = 48_000.0;

/// Strokes of a drum that are made at once, which differ a little: the same steps for all of them are vectors to the
/// processor.
pub(super) const N_STROKES: usize = 5;

/// The same moment of all strokes.
pub(super) type Strokes = [f64; N_STROKES];

/// Number of [`Versions`].
pub(super) const N_VERSIONS: usize = 2 * N_STROKES;

/// The same moment of all strokes, softly and then hard. They are made together, because they have most of the work in common.
pub(super) type Versions = [f64; N_VERSIONS];

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

    pub(super) fn per_sample(&self) -> f64 {
        self.per_sample
    }
}

/// A sine for each stroke, all of which begin to rise from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sines {
    /// 1 is a whole turn.
    phases: Strokes,
    turns_per_sample: Strokes,
}

impl Sines {
    /// Sines of these frequencies.
    pub(super) fn new(hz: Strokes, sample_rate: f64) -> Self {
        Self {
            phases: [0.0; N_STROKES],
            turns_per_sample: hz.map(|hz| (hz / sample_rate).min(HIGHEST_CUTOFF)),
        }
    }

    /// The next sample of each, at `bend` times its frequency.
    pub(super) fn next(&mut self, bend: f64) -> Strokes {
        let mut samples = [0.0; N_STROKES];
        for (index, sample) in samples.iter_mut().enumerate() {
            let phase = self.phases[index];
            *sample = sine(phase);
            let next = phase + (bend * self.turns_per_sample[index]).min(1.0);
            self.phases[index] = if next < 1.0 { next } else { next - 1.0 };
        }
        samples
    }
}

/// The sine of a phase from 0 to 1, by its series around the nearest zero: exact to 1e-9, and without a branch or a call, so
/// that the compiler makes vectors of it.
fn sine(phase: f64) -> f64 {
    let centred = 0.5 - phase;
    let nearest = 0.25 - (0.25 - centred.abs()).abs();
    let angle = TAU * nearest;
    let square = angle * angle;
    let mut series = 1.0;
    for factor in [156.0, 110.0, 72.0, 42.0, 20.0, 6.0] {
        series = 1.0 - series * square / factor;
    }
    angle.copysign(centred) * series
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

/// As precise as audio has to be.
#[expect(clippy::cast_possible_truncation, reason = "what it is for")]
pub(super) fn single(number: f64) -> f32 {
    number as f32
}

/// How many modes a plate of metal has here.
const N_MODES: usize = 32;
/// How many are added up at a time.
const N_SUMS: usize = 8;

/// Decaying sines at once, as turning arrows: a multiplication per sample instead of a sine.
#[derive(Debug, Clone)]
pub(super) struct Modes {
    real: [f32; N_MODES],
    imaginary: [f32; N_MODES],
    turn_real: [f32; N_MODES],
    turn_imaginary: [f32; N_MODES],
}

impl Modes {
    /// Modes between two frequencies, and the times in which those at the two fall by 60 dB. `uniform` draws their
    /// phases and strengths; frequencies are the same every time, because the plate is.
    pub(super) fn new(
        range_hz: [f64; 2],
        t60_seconds: [f64; 2],
        mut uniform: impl FnMut() -> f64,
        sample_rate: f64,
    ) -> Self {
        let mut modes = Self {
            real: [0.0; N_MODES],
            imaginary: [0.0; N_MODES],
            turn_real: [0.0; N_MODES],
            turn_imaginary: [0.0; N_MODES],
        };
        let mut plate = Noise::from_seed(0);
        for (mode, place) in (0..N_MODES).zip(0_u32..) {
            let place = (f64::from(place) + f64::from(plate.uniform())) / 32.0;
            let between = |[low, high]: [f64; 2]| low * (high / low).powf(place);
            let frequency_hz = between(range_hz).min(HIGHEST_CUTOFF * sample_rate);
            let decay = Decay::by_60_db(between(t60_seconds), sample_rate).per_sample;
            let (sin, cos) = (TAU * frequency_hz / sample_rate).sin_cos();
            modes.turn_real[mode] = single(decay * cos);
            modes.turn_imaginary[mode] = single(decay * sin);
            let strength = (0.4 + 0.6 * uniform()) / f64::from(32_u32).sqrt();
            let (sin, cos) = (TAU * uniform()).sin_cos();
            modes.real[mode] = single(strength * cos);
            modes.imaginary[mode] = single(strength * sin);
        }
        modes
    }

    /// Their sum, as loud as one of them.
    pub(super) fn next(&mut self) -> f64 {
        // Several sums at once, so that the compiler makes vectors of them.
        let mut sums = [0.0_f32; N_SUMS];
        for first in (0..N_MODES).step_by(N_SUMS) {
            for (mode, sum) in (first..).zip(&mut sums) {
                let (real, imaginary) = (self.real[mode], self.imaginary[mode]);
                let (turn_real, turn_imaginary) = (self.turn_real[mode], self.turn_imaginary[mode]);
                self.real[mode] = real * turn_real - imaginary * turn_imaginary;
                self.imaginary[mode] = real * turn_imaginary + imaginary * turn_real;
                *sum += self.imaginary[mode];
            }
        }
        sums.iter().sum::<f32>().into()
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
    pub(super) fn new(noise: Noise, sample_rate: f64) -> Self {
        Self {
            noise,
            level: (sample_rate / NOISE_REFERENCE_HZ).sqrt(),
        }
    }

    pub(super) fn next(&mut self) -> f64 {
        (2.0 * f64::from(self.noise.uniform()) - 1.0) * self.level
    }
}

/// A second-order filter (Bristow-Johnson's cookbook).
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    b: [f64; 3],
    a: [f64; 2],
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

    fn angle(frequency_hz: f64, q: f64, sample_rate: f64) -> (f64, f64) {
        let omega = TAU * (frequency_hz / sample_rate).min(HIGHEST_CUTOFF);
        (omega.cos(), omega.sin() / (2.0 * q))
    }

    fn new(b: [f64; 3], cos: f64, alpha: f64) -> Self {
        let a0 = 1.0 + alpha;
        Self {
            b: b.map(|coefficient| coefficient / a0),
            a: [-2.0 * cos / a0, (1.0 - alpha) / a0],
        }
    }
}

/// A filter for every version of every stroke (transposed direct form II).
#[derive(Debug, Clone)]
pub(super) struct Filters {
    b: [Versions; 3],
    a: [Versions; 2],
    state: [Versions; 2],
}

impl Filters {
    pub(super) fn new(filters: &[Filter; N_VERSIONS]) -> Self {
        Self {
            b: [0, 1, 2].map(|place| filters.map(|filter| filter.b[place])),
            a: [0, 1].map(|place| filters.map(|filter| filter.a[place])),
            state: [[0.0; N_VERSIONS]; 2],
        }
    }

    /// Filters one sample of each.
    pub(super) fn next(&mut self, samples: &mut Versions) {
        for (index, sample) in samples.iter_mut().enumerate() {
            let filtered = self.b[0][index] * *sample + self.state[0][index];
            self.state[0][index] =
                self.b[1][index] * *sample - self.a[0][index] * filtered + self.state[1][index];
            self.state[1][index] = self.b[2][index] * *sample - self.a[1][index] * filtered;
            *sample = filtered;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_the_sine_is_exact_enough() {
        for index in 0..=1000_u32 {
            let phase = f64::from(index) / 1000.0;
            assert!((sine(phase) - (TAU * phase).sin()).abs() < 1e-9, "{phase}");
        }
    }
}
