//! Whether the drums sound like drums: spectra and decay times within what is published of the TR-808 and the TR-909
//! (see `drums`), and whether they are played cleanly.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers in tests are small"
)]

use super::*;
use std::f64::consts::TAU;

const SAMPLE_RATES: [f32; 5] = [22_050.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0];

/// Left and right channel of strokes at the given samples.
fn play(kit: &mut Kit, strokes: &[(usize, Voice, f32)], n_samples: usize) -> [Vec<f32>; 2] {
    let strokes: Vec<Stroke> = strokes
        .iter()
        .map(|&(sample, voice, velocity)| Stroke {
            sample,
            voice,
            velocity,
        })
        .collect();
    kit.perform(&strokes, n_samples)
}

fn samples(seconds: f32, sample_rate: f32) -> usize {
    (seconds * sample_rate) as usize
}

/// A stroke alone, until it is silent; both channels together.
fn stroke(kit: &mut Kit, voice: Voice, velocity: f32) -> Vec<f64> {
    kit.silence();
    let n_samples = samples(2.3, kit.sample_rate());
    let [left, right] = play(kit, &[(0, voice, velocity)], n_samples);
    left.iter()
        .zip(&right)
        .map(|(left, right)| f64::from(left + right) / 2.0)
        .collect()
}

fn peak(channels: &[Vec<f32>; 2]) -> f32 {
    channels
        .iter()
        .flatten()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Energies in bands of `WIDTH_HZ`, by a plain discrete Fourier transform of pieces that overlap by half.
struct Spectrum {
    energies: Vec<f64>,
}

const WIDTH_HZ: f64 = 20.0;

impl Spectrum {
    fn new(stroke: &[f64], sample_rate: f32) -> Self {
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
        // The first moments decide the colour.
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

    fn centroid_hz(&self) -> f64 {
        let moment: f64 = self
            .energies
            .iter()
            .enumerate()
            .map(|(bin, energy)| bin as f64 * WIDTH_HZ * energy)
            .sum();
        moment / self.energies.iter().sum::<f64>()
    }

    /// Part of the energy between two frequencies.
    fn part(&self, from_hz: f64, to_hz: f64) -> f64 {
        let inside = self
            .energies
            .iter()
            .enumerate()
            .filter(|(bin, _)| (from_hz..to_hz).contains(&(*bin as f64 * WIDTH_HZ)));
        inside.map(|(_, energy)| energy).sum::<f64>() / self.energies.iter().sum::<f64>()
    }

    /// Frequency of the strongest band.
    fn strongest_hz(&self) -> f64 {
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
fn t60_seconds(stroke: &[f64], sample_rate: f32) -> f64 {
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

#[test]
fn every_drum_decays_as_published() {
    for sample_rate in SAMPLE_RATES {
        let mut kit = Kit::new(sample_rate);
        for (voice, seconds) in [
            (Voice::Kick, 0.3..0.5),
            (Voice::Snare, 0.15..0.28),
            (Voice::ClosedHat, 0.05..0.08),
            (Voice::OpenHat, 0.3..0.6),
            (Voice::LowTom, 0.4..0.7),
            (Voice::MidTom, 0.35..0.6),
            (Voice::HighTom, 0.3..0.5),
            (Voice::Crash, 1.0..2.0),
            (Voice::Ride, 1.0..2.0),
        ] {
            let t60 = t60_seconds(&stroke(&mut kit, voice, 1.0), sample_rate);
            assert!(
                seconds.contains(&t60),
                "{voice:?} at {sample_rate} Hz: {t60} s"
            );
        }
    }
}

#[test]
fn every_drum_has_the_colour_of_its_kind() {
    for sample_rate in [22_050.0, 48_000.0] {
        let mut kit = Kit::new(sample_rate);
        let mut spectrum = |voice| Spectrum::new(&stroke(&mut kit, voice, 1.0), sample_rate);
        let kick = spectrum(Voice::Kick);
        assert!(
            (40.0..80.0).contains(&kick.strongest_hz()),
            "{}",
            kick.strongest_hz()
        );
        assert!(
            kick.part(0.0, 250.0) > 0.9 && kick.part(1000.0, 8000.0) > 1e-4,
            "weight, and a click"
        );

        let snare = spectrum(Voice::Snare);
        assert!(
            (160.0..360.0).contains(&snare.strongest_hz()),
            "{}",
            snare.strongest_hz()
        );
        assert!(
            snare.part(150.0, 400.0) > 0.15 && snare.part(1000.0, 12_000.0) > 0.3,
            "skin and wires"
        );

        for (voice, lowest_hz, highest_hz) in [
            (Voice::LowTom, 70.0, 110.0),
            (Voice::MidTom, 110.0, 170.0),
            (Voice::HighTom, 160.0, 230.0),
        ] {
            let strongest_hz = spectrum(voice).strongest_hz();
            assert!(
                (lowest_hz..highest_hz).contains(&strongest_hz),
                "{voice:?}: {strongest_hz}"
            );
        }
        for voice in [Voice::ClosedHat, Voice::OpenHat] {
            let hat = spectrum(voice);
            assert!(
                (7_000.0..11_500.0).contains(&hat.centroid_hz()),
                "{voice:?}: {}",
                hat.centroid_hz()
            );
            assert!(hat.part(0.0, 3_000.0) < 0.02, "nothing low is left");
        }
        for voice in [Voice::Crash, Voice::Ride] {
            let cymbal = spectrum(voice);
            assert!(
                (5_000.0..11_000.0).contains(&cymbal.centroid_hz()),
                "{voice:?}: {}",
                cymbal.centroid_hz()
            );
            assert!(cymbal.part(2_000.0, 6_000.0) > 0.12, "{voice:?} has a body");
        }
    }
}

#[test]
fn harder_strokes_are_louder_and_brighter() {
    let mut kit = Kit::new(48_000.0);
    for voice in Voice::ALL {
        let (soft, hard) = (stroke(&mut kit, voice, 0.3), stroke(&mut kit, voice, 1.0));
        let energy = |stroke: &[f64]| stroke.iter().map(|sample| sample * sample).sum::<f64>();
        assert!(energy(&hard) > 8.0 * energy(&soft), "{voice:?}");
        let centroid_hz = |stroke: &[f64]| Spectrum::new(stroke, 48_000.0).centroid_hz();
        assert!(centroid_hz(&hard) > centroid_hz(&soft), "{voice:?}");
    }
}

#[test]
fn nothing_clips_rumbles_or_clicks_at_any_sample_rate() {
    for sample_rate in SAMPLE_RATES {
        let mut kit = Kit::new(sample_rate);
        for voice in Voice::ALL {
            let stroke = stroke(&mut kit, voice, 1.0);
            assert!(stroke.iter().all(|sample| sample.is_finite()));
            let mean = stroke.iter().sum::<f64>() / stroke.len() as f64;
            assert!(mean.abs() < 1e-4, "{voice:?} has no constant part");
            assert!(stroke[0].abs() < 1e-3, "{voice:?} begins at rest");
            let n_played = kit.set.drums[voice.index()].hard.len();
            assert!(
                stroke[n_played - 1].abs() < 1e-3
                    && stroke[n_played..].iter().all(|&sample| sample == 0.0)
            );
        }
        kit.silence();
        let everything = Voice::ALL.map(|voice| (0, voice, 1.0));
        assert!(
            peak(&play(&mut kit, &everything, samples(0.5, sample_rate))) < 1.0,
            "all nine at once fit"
        );
    }
}

#[test]
fn a_busy_groove_does_not_clip() {
    let mut kit = Kit::new(48_000.0);
    let step = 4_500;
    let strokes: Vec<_> = (0..64)
        .flat_map(|index| Voice::ALL.map(|voice| (index * step, voice, 0.9)))
        .collect();
    assert!(peak(&play(&mut kit, &strokes, 64 * step)) < 1.0);
}

#[test]
fn a_stroke_starts_at_its_sample_whatever_the_block() {
    let mut kit = Kit::new(48_000.0);
    let [whole, _] = play(&mut kit, &[(0, Voice::Snare, 0.8)], 4_096);
    for offset in [1, 63, 64, 500] {
        kit.silence();
        let [late, _] = play(&mut kit, &[(offset, Voice::Snare, 0.8)], 4_096);
        assert!(late[..offset].iter().all(|&sample| sample == 0.0));
        assert_eq!(late[offset..], whole[..4_096 - offset]);
    }
}

#[test]
fn closing_the_hi_hat_chokes_it() {
    let mut kit = Kit::new(48_000.0);
    let energy = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
    let [open, _] = play(&mut kit, &[(0, Voice::OpenHat, 0.9)], 24_000);
    kit.silence();
    let [closed, _] = play(&mut kit, &[(4_800, Voice::ClosedHat, 0.2)], 24_000);
    kit.silence();
    let [choked, _] = play(
        &mut kit,
        &[(0, Voice::OpenHat, 0.9), (4_800, Voice::ClosedHat, 0.2)],
        24_000,
    );
    assert_eq!(choked[..4_800], open[..4_800]);
    let gone = 4_800 + samples(CHOKE_SECONDS, 48_000.0) + 1;
    let rest: Vec<f32> = choked
        .iter()
        .zip(&closed)
        .map(|(choked, closed)| choked - closed)
        .collect();
    assert!(energy(&rest[gone..]) < 1e-12 && energy(&open[gone..]) > 1e-3);
    let largest_step = |samples: &[f32]| {
        samples
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    };
    assert!(
        largest_step(&rest[4_790..gone]) <= largest_step(&open[4_700..5_400]),
        "without a click"
    );
}

#[test]
fn the_gain_glides() {
    let mut kit = Kit::new(48_000.0);
    kit.trigger(0, Voice::Crash, 1.0);
    let (mut left, mut right) = (vec![0.0; 480], vec![0.0; 480]);
    kit.render(&mut left, &mut right, 1.0);
    left.fill(0.0);
    right.fill(0.0);
    kit.render(&mut left, &mut right, 0.0);
    let loudness = |samples: &[f32]| samples.iter().map(|sample| sample.abs()).sum::<f32>();
    assert!(loudness(&left[..120]) > 2.0 * loudness(&left[360..]) && loudness(&left[470..]) > 0.0);
}

#[test]
fn the_kit_is_the_same_every_time_and_never_grows() {
    let strokes: Vec<_> = (0..2_000)
        .map(|index| (index * 20, Voice::ALL[index % 9], 0.7))
        .collect();
    let mut kit = Kit::new(44_100.0);
    let first = play(&mut kit, &strokes, 48_000);
    assert!(kit.ringing.len() <= MAX_RINGING && kit.ringing.capacity() == MAX_RINGING);
    for _ in 0..2 * MAX_TRIGGERS {
        kit.trigger(u32::MAX, Voice::Kick, f32::NAN);
        kit.trigger(u32::MAX, Voice::Kick, f32::INFINITY);
    }
    assert_eq!(kit.triggers.capacity(), MAX_TRIGGERS);
    let [left, _] = play(&mut kit, &[], 64);
    assert!(left.iter().all(|sample| sample.is_finite()));
    drop(kit);
    assert!(play(&mut Kit::new(44_100.0), &strokes, 48_000) == first);
}

#[test]
fn kits_of_one_sample_rate_share_their_drums() {
    let (one, other) = (Kit::new(88_200.0), Kit::new(88_200.0));
    assert!(Arc::ptr_eq(&one.set, &other.set));
    assert!(!Arc::ptr_eq(&one.set, &Kit::new(11_025.0).set));
}
