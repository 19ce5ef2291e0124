//! The features by which two sets of windows are compared: sixteen numbers of a window, every one defined for every
//! window.

use crate::measure::statistics::{Moments, count, ratio};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR, STEPS_PER_BEAT};

/// How many features a window has.
pub(super) const N_FEATURES: usize = 16;

/// The features of a window, in the order of [`FEATURES`].
pub(super) type FeatureVector = [f64; N_FEATURES];

/// A snare hit below this is a ghost note.
const GHOST_VELOCITY: f32 = 0.35;
/// Swing needs more than so many hits both on odd and on even steps.
const MIN_SWING_HITS: usize = 2;

/// A feature: its key in a report and what it is, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its key in a report.
    pub id: &'static str,
    /// What it is; offsets are in 16th steps and **late is positive** here.
    pub words: &'static str,
}

const fn feature(id: &'static str, words: &'static str) -> Feature {
    Feature { id, words }
}

/// Every feature. A share of what does not occur in a window is 0.
pub(in crate::measure) const FEATURES: [Feature; N_FEATURES] = [
    feature("drums_used", "drums used"),
    feature("step_density", "share of steps with a hit"),
    feature("cell_density", "share of cells with a hit"),
    feature("kick_share", "share of hits: kick"),
    feature("snare_tom_share", "share of hits: snare, toms"),
    feature("cymbal_share", "share of hits: hats, ride, crash"),
    feature("velocity_mean", "velocity mean, 0–1"),
    feature("velocity_spread", "velocity spread, 0–1"),
    feature("offset_mean", "offset mean, steps late"),
    feature("offset_spread", "offset spread, steps"),
    feature("odd_step_share", "share of hits on odd 16ths"),
    feature("swing", "swing, steps"),
    feature("off_beat_kick_share", "share of kicks off the beat"),
    feature("ghost_snare_share", "share of snares below 0.35"),
    feature("bar_change", "bar-to-bar change"),
    feature("velocity_change", "velocity change of kept hits"),
];

/// Measures a window of whole bars in 4/4.
pub(super) fn measure(groove: &Groove) -> FeatureVector {
    let (mut velocity, mut offset) = (Moments::default(), Moments::default());
    let mut offset_by_parity = [Moments::default(); 2];
    let mut n_by_voice = [0; N_VOICES];
    let mut has_hit = vec![false; groove.n_steps()];
    let (mut n_off_beat_kicks, mut n_ghosts) = (0, 0);
    for (step, voice, cell) in groove.hits() {
        let late = -f64::from(cell.offset);
        velocity.add(f64::from(cell.velocity));
        offset.add(late);
        offset_by_parity[step % 2].add(late);
        n_by_voice[voice.index()] += 1;
        has_hit[step] = true;
        n_off_beat_kicks += usize::from(voice == Voice::Kick && step % STEPS_PER_BEAT != 0);
        n_ghosts += usize::from(voice == Voice::Snare && cell.velocity < GHOST_VELOCITY);
    }
    let (velocity, offset) = (velocity.summary(), offset.summary());
    let [even, odd] = offset_by_parity.map(|moments| moments.summary());
    let n_hits = groove.n_hits();
    let n_of = |voices: &[Voice]| voices.iter().map(|voice| n_by_voice[voice.index()]).sum();
    let share = |n: usize, of: usize| ratio(count(n), of).unwrap_or(0.0);
    let Change { hits, velocities } = Change::between_bars(groove);
    [
        count(n_by_voice.iter().filter(|n| **n > 0).count()),
        share(has_hit.iter().filter(|hit| **hit).count(), groove.n_steps()),
        share(n_hits, groove.n_steps() * N_VOICES),
        share(n_of(&[Voice::Kick]), n_hits),
        share(
            n_of(&[Voice::Snare, Voice::LowTom, Voice::MidTom, Voice::HighTom]),
            n_hits,
        ),
        share(
            n_of(&[Voice::ClosedHat, Voice::OpenHat, Voice::Crash, Voice::Ride]),
            n_hits,
        ),
        velocity.mean.unwrap_or(0.0),
        velocity.spread.unwrap_or(0.0),
        offset.mean.unwrap_or(0.0),
        offset.spread.unwrap_or(0.0),
        share(odd.n, n_hits),
        match (odd.mean, even.mean) {
            (Some(odd_mean), Some(even_mean)) if odd.n.min(even.n) > MIN_SWING_HITS => {
                odd_mean - even_mean
            }
            _ => 0.0,
        },
        share(n_off_beat_kicks, n_of(&[Voice::Kick])),
        share(n_ghosts, n_of(&[Voice::Snare])),
        hits,
        velocities,
    ]
}

/// How the bars of a window differ from the bar before.
struct Change {
    /// Cells that differ by their hit as a share of the cells with a hit in either bar, mean over the pairs of bars.
    hits: f64,
    /// Absolute difference of the velocities of cells with a hit in both bars, mean over these cells of all pairs.
    velocities: f64,
}

impl Change {
    fn between_bars(groove: &Groove) -> Self {
        let (mut hits, mut velocities) = (Moments::default(), Moments::default());
        for bar in 1..groove.n_steps() / STEPS_PER_BAR {
            let (mut n_changed, mut n_either) = (0, 0);
            for step in bar * STEPS_PER_BAR..(bar + 1) * STEPS_PER_BAR {
                for voice in Voice::ALL {
                    let (before, now) = (
                        groove.cell(step - STEPS_PER_BAR, voice),
                        groove.cell(step, voice),
                    );
                    n_either += usize::from(before.is_some() || now.is_some());
                    n_changed += usize::from(before.is_some() != now.is_some());
                    if let (Some(before), Some(now)) = (before, now) {
                        velocities.add(velocity_difference(before, now));
                    }
                }
            }
            hits.add(ratio(count(n_changed), n_either).unwrap_or(0.0));
        }
        Self {
            hits: hits.mean().unwrap_or(0.0),
            velocities: velocities.mean().unwrap_or(0.0),
        }
    }
}

fn velocity_difference(a: Cell, b: Cell) -> f64 {
    f64::from(a.velocity - b.velocity).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bars with these hits: (step, voice, velocity, offset, early is positive).
    fn two_bars(hits: &[(usize, Voice, f32, f32)]) -> Groove {
        let mut groove = Groove::empty(2 * STEPS_PER_BAR);
        for &(step, voice, velocity, offset) in hits {
            groove.set(step, voice, Some(Cell { velocity, offset }));
        }
        groove
    }

    fn assert_features(groove: &Groove, expected: FeatureVector) {
        let found = measure(groove);
        for (place, feature) in FEATURES.iter().enumerate() {
            assert!(
                (found[place] - expected[place]).abs() < 1e-6,
                "{}: {} instead of {}",
                feature.id,
                found[place],
                expected[place]
            );
        }
    }

    #[test]
    fn the_features_of_a_known_window_are_known() {
        let groove = two_bars(&[
            (0, Voice::Kick, 1.0, 0.25),
            (4, Voice::Snare, 0.5, 0.25),
            (1, Voice::ClosedHat, 0.5, -0.25),
            (3, Voice::ClosedHat, 0.5, -0.25),
            (5, Voice::ClosedHat, 0.5, -0.25),
            (16, Voice::Kick, 0.5, 0.25),
            (18, Voice::Kick, 1.0, 0.25),
            (20, Voice::Snare, 0.25, 0.25),
        ]);
        // Velocities 1, 0.5 five times, 1, 0.25: mean 0.59375, mean square 0.414…
        let velocities = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 0.25];
        let mean = 4.75 / 8.0;
        let variance = velocities
            .iter()
            .map(|v: &f64| (v - mean).powi(2))
            .sum::<f64>()
            / 8.0;
        assert_features(
            &groove,
            [
                3.0,
                8.0 / 32.0,
                8.0 / 288.0,
                3.0 / 8.0,
                2.0 / 8.0,
                3.0 / 8.0,
                mean,
                variance.sqrt(),
                // Five hits a quarter early, three a quarter late.
                -0.0625,
                (0.0625_f64 - 0.0625 * 0.0625).sqrt(),
                3.0 / 8.0,
                0.5,
                1.0 / 3.0,
                0.5,
                // Three hats gone and a kick come, of six cells.
                4.0 / 6.0,
                // The kick by a half and the snare by a quarter.
                0.375,
            ],
        );
    }

    #[test]
    fn swing_needs_three_hits_on_either_side_and_silence_has_no_feature() {
        let hits = [
            (0, Voice::Kick, 1.0, 0.0),
            (2, Voice::Kick, 1.0, 0.0),
            (4, Voice::Kick, 1.0, 0.0),
            (1, Voice::Kick, 1.0, -0.5),
            (3, Voice::Kick, 1.0, -0.5),
        ];
        let swing = FEATURES.iter().position(|feature| feature.id == "swing");
        let swing = swing.expect("it is among the features");
        assert!(measure(&two_bars(&hits))[swing].abs() < 1e-9);
        let third = (5, Voice::Kick, 1.0, -0.5);
        let with_third = measure(&two_bars(&[&hits[..], &[third]].concat()));
        assert!((with_third[swing] - 0.5).abs() < 1e-6);
        assert_features(&two_bars(&[]), [0.0; N_FEATURES]);
    }
}
