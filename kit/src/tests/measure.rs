//! What is measured of sound.

use std::f64::consts::TAU;

/// Energies in bands of [`WIDTH_HZ`], by a plain discrete Fourier transform of pieces that overlap by half.
pub(super) struct Spectrum {
    energies: Vec<f64>,
}

const WIDTH_HZ: f64 = 20.0;

impl Spectrum {
    /// That of the first moments of a stroke, which decide its colour.
    pub(super) fn new(stroke: &[f64], sample_rate: f32) -> Self {
        let sample_rate = f64::from(sample_rate);
        let n_window = (sample_rate / WIDTH_HZ) as usize;
        // The stroke begins in the middle of the first window, where it counts in full.
        let padded: Vec<f64> = std::iter::repeat_n(0.0, n_window / 2)
            .chain(stroke.iter().copied())
            .collect();
        let window: Vec<f64> = (0..n_window)
            .map(|n| (TAU / 2.0 * n as f64 / n_window as f64).sin())
            .collect();
        let turns: Vec<(f64, f64)> = (0..n_window)
            .map(|n| (TAU * n as f64 / n_window as f64).sin_cos())
            .collect();
        let mut energies = vec![0.0; n_window / 2];
        for piece in padded.windows(n_window).step_by(n_window / 2).take(6) {
            let piece: Vec<f64> = piece
                .iter()
                .zip(&window)
                .map(|(sample, weight)| sample * weight)
                .collect();
            if piece.iter().all(|sample| sample.abs() < 1e-5) {
                continue;
            }
            for (bin, energy) in energies.iter_mut().enumerate() {
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (n, sample) in piece.iter().enumerate() {
                    let (sin, cos) = turns[bin * n % n_window];
                    real += sample * cos;
                    imaginary += sample * sin;
                }
                *energy += real * real + imaginary * imaginary;
            }
        }
        Self { energies }
    }

    pub(super) fn centroid_hz(&self) -> f64 {
        let moment: f64 = self
            .energies
            .iter()
            .enumerate()
            .map(|(bin, energy)| bin as f64 * WIDTH_HZ * energy)
            .sum();
        moment / self.energies.iter().sum::<f64>()
    }

    /// Part of the energy between two frequencies.
    pub(super) fn part(&self, from_hz: f64, to_hz: f64) -> f64 {
        let inside = self
            .energies
            .iter()
            .enumerate()
            .filter(|(bin, _)| (from_hz..to_hz).contains(&(*bin as f64 * WIDTH_HZ)));
        inside.map(|(_, energy)| energy).sum::<f64>() / self.energies.iter().sum::<f64>()
    }

    /// Frequency of the strongest band.
    pub(super) fn strongest_hz(&self) -> f64 {
        let strongest = self
            .energies
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .unwrap();
        strongest.0 as f64 * WIDTH_HZ
    }
}

/// Time to fall by 60 dB, from the fall between 5 and 25 dB of what is still to come (Schroeder).
pub(super) fn t60_seconds(stroke: &[f64], sample_rate: f32) -> f64 {
    let mut left_over: Vec<f64> = stroke
        .iter()
        .rev()
        .scan(0.0, |sum, sample| {
            *sum += sample * sample;
            Some(*sum)
        })
        .collect();
    left_over.reverse();
    let after = |decibels: f64| {
        left_over
            .iter()
            .position(|&energy| energy < left_over[0] * 10_f64.powf(-decibels / 10.0))
    };
    3.0 * (after(25.0).unwrap() - after(5.0).unwrap()) as f64 / f64::from(sample_rate)
}

/// Loudness in LUFS, at 48 kHz.
///
/// # Source
/// ITU-R BS.1770-4: the two filters at 48 kHz, blocks of 400 ms that overlap by three quarters, and the two gates.
pub(super) fn loudness_lufs(channels: &[Vec<f32>; 2]) -> f64 {
    let weighted = channels.each_ref().map(|channel| {
        let shelf = biquad(
            channel.iter().map(|&sample| f64::from(sample)),
            [
                1.535_124_859_586_97,
                -2.691_696_189_406_38,
                1.198_392_810_852_85,
            ],
            [-1.690_659_293_182_41, 0.732_480_774_215_85],
        );
        biquad(
            shelf.into_iter(),
            [1.0, -2.0, 1.0],
            [-1.990_047_454_833_98, 0.990_072_250_366_21],
        )
    });
    let powers: Vec<f64> = (0..weighted[0].len().saturating_sub(19_200))
        .step_by(4_800)
        .map(|start| {
            let power = |channel: &Vec<f64>| -> f64 {
                let block = &channel[start..start + 19_200];
                block.iter().map(|sample| sample * sample).sum::<f64>() / 19_200.0
            };
            weighted.iter().map(power).sum()
        })
        .collect();
    let lufs = |power: f64| -0.691 + 10.0 * power.log10();
    let mean_above = |gate: f64| {
        let loud: Vec<f64> = powers
            .iter()
            .copied()
            .filter(|&power| lufs(power) > gate)
            .collect();
        loud.iter().sum::<f64>() / loud.len() as f64
    };
    lufs(mean_above(lufs(mean_above(-70.0)) - 10.0))
}

fn biquad(samples: impl Iterator<Item = f64>, b: [f64; 3], a: [f64; 2]) -> Vec<f64> {
    let mut state = [0.0; 2];
    samples
        .map(|sample| {
            let filtered = b[0] * sample + state[0];
            state[0] = b[1] * sample - a[0] * filtered + state[1];
            state[1] = b[2] * sample - a[1] * filtered;
            filtered
        })
        .collect()
}

/// True peak in dBFS: the largest sample after four times oversampling, by a windowed sinc of 32 samples.
pub(super) fn true_peak_dbfs(channels: &[Vec<f32>; 2]) -> f64 {
    const HALF: usize = 16;
    let kernel = |between: f64| -> Vec<f64> {
        (0..2 * HALF)
            .map(|n| {
                let x = n as f64 - (HALF as f64 - 1.0) - between;
                let sinc = if x == 0.0 {
                    1.0
                } else {
                    (TAU / 2.0 * x).sin() / (TAU / 2.0 * x)
                };
                sinc * (TAU / 4.0 * x / HALF as f64).cos().powi(2)
            })
            .collect()
    };
    let kernels = [0.0, 0.25, 0.5, 0.75].map(kernel);
    let mut peak: f64 = 0.0;
    for channel in channels {
        let padded: Vec<f64> = std::iter::repeat_n(0.0, HALF)
            .chain(channel.iter().map(|&sample| f64::from(sample)))
            .chain(std::iter::repeat_n(0.0, HALF))
            .collect();
        for window in padded.windows(2 * HALF) {
            // Nothing between quiet samples is loud.
            if window.iter().all(|sample| sample.abs() < 0.5 * peak) {
                continue;
            }
            for kernel in &kernels {
                let products = window.iter().zip(kernel).map(|(a, b)| a * b);
                peak = peak.max(products.sum::<f64>().abs());
            }
        }
    }
    20.0 * peak.log10()
}

/// Correlation of two channels.
pub(super) fn correlation([left, right]: &[Vec<f32>; 2]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    product(left, right) / (product(left, left) * product(right, right)).sqrt()
}
