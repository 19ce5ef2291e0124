//! The drums themselves: spectra and decay times within what is published of their kind (see the kits' files), and how
//! loud the kits are. `cargo test -p fourbar-kit figures -- --nocapture` prints what `docs/kit.md` says.

#![expect(clippy::print_stdout, reason = "the figures are what docs/kit.md says")]

use super::measure::{Spectrum, correlation, loudness_lufs, t60_seconds, true_peak_dbfs};
use super::*;
use std::ops::Range;

/// What is asked of a drum: seconds in which it falls by 60 dB, frequency of its strongest band and of its spectrum's
/// centroid, in Hz, when it is struck hard, and the least share of its energy between 2 and 8 kHz, in decibels.
struct Asked(Range<f64>, Range<f64>, Range<f64>, f64);

/// What is asked of every drum of every kit, in the order of `Voice::ALL`.
const ASKED: [[Asked; N_VOICES]; N_KITS] = [
    [
        Asked(0.3..0.6, 40.0..80.0, 80.0..300.0, -25.0),
        Asked(0.18..0.35, 160.0..360.0, 1_500.0..4_500.0, -10.0),
        Asked(0.05..0.15, 5_000.0..13_000.0, 7_000.0..12_500.0, -10.0),
        Asked(0.4..1.2, 5_000.0..13_000.0, 6_500.0..11_500.0, -10.0),
        Asked(0.5..1.0, 70.0..110.0, 80.0..200.0, -30.0),
        Asked(0.4..0.9, 100.0..150.0, 110.0..260.0, -30.0),
        Asked(0.35..0.8, 150.0..210.0, 160.0..320.0, -30.0),
        Asked(1.2..3.0, 1_500.0..9_000.0, 4_000.0..9_000.0, -6.0),
        Asked(0.8..3.0, 1_500.0..7_500.0, 3_500.0..9_000.0, -6.0),
    ],
    [
        Asked(0.3..1.2, 40.0..80.0, 50.0..150.0, -32.0),
        Asked(0.12..0.3, 160.0..360.0, 900.0..4_500.0, -12.0),
        Asked(0.04..0.08, 6_000.0..10_500.0, 7_000.0..10_500.0, -10.0),
        Asked(0.09..0.6, 6_000.0..10_500.0, 7_000.0..10_500.0, -10.0),
        Asked(0.3..0.7, 80.0..120.0, 80.0..180.0, -32.0),
        Asked(0.25..0.6, 120.0..180.0, 120.0..240.0, -32.0),
        Asked(0.2..0.5, 165.0..240.0, 165.0..320.0, -32.0),
        Asked(0.35..1.3, 2_000.0..9_000.0, 4_000.0..9_000.0, -6.0),
        Asked(0.35..1.3, 2_000.0..9_000.0, 3_000.0..8_000.0, -6.0),
    ],
    [
        Asked(0.25..0.6, 40.0..80.0, 80.0..250.0, -24.0),
        Asked(0.15..0.35, 160.0..360.0, 1_500.0..5_000.0, -12.0),
        Asked(0.04..0.1, 7_000.0..13_500.0, 7_500.0..12_000.0, -10.0),
        Asked(0.25..0.6, 7_000.0..13_500.0, 7_500.0..12_000.0, -10.0),
        Asked(0.3..0.7, 70.0..120.0, 80.0..200.0, -32.0),
        Asked(0.25..0.6, 110.0..180.0, 110.0..260.0, -32.0),
        Asked(0.2..0.5, 150.0..260.0, 150.0..340.0, -32.0),
        Asked(0.8..2.0, 2_000.0..11_000.0, 4_500.0..10_000.0, -6.0),
        Asked(0.7..2.0, 2_000.0..11_000.0, 4_000.0..10_000.0, -6.0),
    ],
];

#[test]
fn figures_of_every_drum_are_those_of_its_kind() {
    let mut player = Kit::new(48_000.0);
    for (kit, asked) in ASKED.iter().enumerate() {
        println!("{}", kit_name(kit));
        for (voice, asked) in Voice::ALL.into_iter().zip(asked) {
            let hard = stroke(&mut player, &dry(kit), voice, 1.0);
            let soft = stroke(&mut player, &dry(kit), voice, 0.3);
            let [bright, dark] = [&hard, &soft].map(|stroke| Spectrum::new(stroke, 48_000.0));
            let t60 = t60_seconds(&hard, 48_000.0);
            let strongest_hz = bright.strongest_hz();
            let [hard_hz, soft_hz] = [&bright, &dark].map(Spectrum::centroid_hz);
            let attack_decibels = 10.0 * bright.part(2_000.0, 8_000.0).log10();
            let figures = format!(
                "| {} | {t60:.2} | {strongest_hz:.0} | {hard_hz:.0} | {soft_hz:.0} | {attack_decibels:.1} |",
                voice.name()
            );
            println!("{figures}");
            assert!(
                asked.0.contains(&t60)
                    && asked.1.contains(&strongest_hz)
                    && asked.2.contains(&hard_hz)
                    && attack_decibels > asked.3,
                "{figures}"
            );
            let energy = |stroke: &[f64]| stroke.iter().map(|sample| sample * sample).sum::<f64>();
            assert!(
                energy(&hard) > 8.0 * energy(&soft) && hard_hz > soft_hz,
                "{figures}"
            );
        }
    }
}

#[test]
fn the_snare_is_as_loud_as_the_kick() {
    let mut player = Kit::new(48_000.0);
    for kit in 0..N_KITS {
        let mut lufs = |voice| {
            let four: Vec<_> = (0..4).map(|index| (12_000 * index, voice, 0.8)).collect();
            player.silence();
            loudness_lufs(&player.perform(&dry(kit), &strokes(&four), 48_000))
        };
        let (kick, snare) = (lufs(Voice::Kick), lufs(Voice::Snare));
        println!("{}: kick {kick:.1} LUFS, snare {snare:.1}", kit_name(kit));
        assert!((-3.0..5.0).contains(&(snare - kick)), "{kick} {snare}");
    }
}

#[test]
fn a_groove_is_as_loud_as_a_song_wide_and_below_full_scale() {
    let mut player = Kit::new(48_000.0);
    for kit in 0..N_KITS {
        let settings = Settings {
            kit,
            ..Settings::default()
        };
        let mut play = |settings: &Settings, strokes: &[Stroke]| {
            player.silence();
            player.perform(settings, strokes, 16 * 48_000)
        };
        let sound = play(&settings, &demo());
        let lufs = loudness_lufs(&sound);
        let first_lufs = loudness_lufs(&play(&settings, &first()));
        let peak = true_peak_dbfs(&sound);
        let correlation = correlation(&sound);
        let without = Settings {
            room: 0.0,
            ..settings
        };
        let without = play(&without, &demo());
        let power = |sound: &[Vec<f32>; 2]| -> f64 {
            let samples = sound.iter().flatten();
            samples.map(|&sample| f64::from(sample).powi(2)).sum()
        };
        let room = [0, 1].map(|side| {
            let pairs = sound[side].iter().zip(&without[side]);
            pairs.map(|(with, without)| with - without).collect()
        });
        let room = 10.0 * (power(&room) / power(&without)).log10();
        println!(
            "| {} | {lufs:.1} | {first_lufs:.1} | {peak:.2} | {correlation:.2} | {room:.1} |",
            kit_name(kit)
        );
        assert!((-18.0..-12.0).contains(&first_lufs), "{first_lufs}");
        assert!(
            (-18.0..-14.0).contains(&lufs) && peak < -1.0,
            "{lufs} {peak}"
        );
        assert!((0.3..0.95).contains(&correlation), "{correlation}");
        assert!((-24.0..-10.0).contains(&room), "{room}");
        assert!(play(&settings, &demo()) == sound, "the same bits");

        let everything: Vec<_> = (0..64)
            .flat_map(|index| Voice::ALL.map(|voice| (index * 4_500, voice, 1.0)))
            .collect();
        let loudest = Settings {
            gain: 4.0,
            room: 1.0,
            ..settings
        };
        for strokes in [strokes(&everything), demo(), first()] {
            let peak = true_peak_dbfs(&play(&loudest, &strokes));
            assert!(peak < -1.0, "{peak}");
        }
    }
}
