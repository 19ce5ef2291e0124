//! Drums played back: which hits came back, how loud and how exact. It is the same for labels, rolls and grooves, so
//! that models of all three can be compared.

use super::features::{has_downbeat, has_kick_downbeat, midi_velocity};
use super::onsets::Onsets;
use super::statistics::{Interval, Moments, by_file, count, ratio};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Groove, STEPS_PER_BEAT};
use serde::Serialize;
use std::collections::BTreeMap;

/// The drums of reconstructions beside those of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drums {
    /// Hits of all drums together.
    pub onsets: Onsets,
    /// Hits of each drum.
    pub onsets_by_voice: BTreeMap<Voice, Onsets>,
    /// Loudness; `None` if the model knows nothing of it.
    pub velocity: Option<Velocity>,
    /// Timing; `None` if the model knows nothing of it.
    pub timing: Option<Timing>,
    /// The first beat.
    pub downbeat: Downbeat,
    /// How far the main figures can be trusted.
    pub intervals: Intervals,
}

/// Loudness of the reconstruction, in MIDI's 0–127.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Velocity {
    /// Mean absolute error over the true positives.
    pub mae: Option<f64>,
    /// Mean over all reconstructed hits.
    pub mean: Option<f64>,
    /// The same of the data.
    pub data_mean: Option<f64>,
    /// Standard deviation over all reconstructed hits.
    pub spread: Option<f64>,
    /// The same of the data.
    pub data_spread: Option<f64>,
}

/// Timing of the reconstruction. Milliseconds are at the tempo of each groove's file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timing {
    /// Mean absolute error over the true positives, in ms.
    pub mae_ms: Option<f64>,
    /// The error that playing the same hits exactly on the grid would have, in ms.
    pub quantised_mae_ms: Option<f64>,
    /// Standard deviation of the distance to the grid over all reconstructed hits, in ms.
    pub spread_ms: Option<f64>,
    /// The same of the data, in ms.
    pub data_spread_ms: Option<f64>,
    /// Mean absolute error in 16th steps.
    pub mae_steps: Option<f64>,
    /// That of playing on the grid, in steps.
    pub quantised_mae_steps: Option<f64>,
    /// Standard deviation in steps.
    pub spread_steps: Option<f64>,
    /// The same of the data, in steps.
    pub data_spread_steps: Option<f64>,
}

/// Shares of the grooves with a hit on their first step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Downbeat {
    /// Any drum, reconstructed.
    pub any: Option<f64>,
    /// Any drum, in the data.
    pub data_any: Option<f64>,
    /// The kick, reconstructed.
    pub kick: Option<f64>,
    /// The kick, in the data.
    pub data_kick: Option<f64>,
}

/// 95 % intervals, by resampling whole files.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of [`Onsets::f1`] over all drums.
    pub onset_f1: Option<Interval>,
    /// Of [`Velocity::mae`].
    pub velocity_mae: Option<Interval>,
    /// Of [`Timing::mae_ms`].
    pub timing_mae_ms: Option<Interval>,
}

impl Drums {
    /// Compares outputs with their targets, groove by groove: the tempo and the file of each are beside
    /// it. `has_feel` says whether the model plays velocities and timing of its own.
    pub(super) fn of(
        targets: &[Groove],
        outputs: &[Groove],
        bpms: &[f64],
        files: &[usize],
        has_feel: bool,
    ) -> Self {
        let tallies = by_file(files, |tally: &mut Tally, index| {
            tally.add(&targets[index], &outputs[index], bpms[index]);
        });
        let interval = |figure: fn(&Tally) -> Option<f64>| {
            Interval::bootstrap(&tallies, |chosen| figure(&Tally::sum(chosen)))
        };
        let feel_interval =
            |figure: fn(&Tally) -> Option<f64>| has_feel.then(|| interval(figure)).flatten();
        Self {
            intervals: Intervals {
                onset_f1: interval(|tally| tally.onsets().f1()),
                velocity_mae: feel_interval(|tally| tally.velocity_error.mean()),
                timing_mae_ms: feel_interval(|tally| tally.timing_ms.error.mean()),
            },
            ..Self::without_intervals(targets, outputs, bpms, has_feel)
        }
    }

    /// [`Self::of`] in a fraction of the time.
    pub(super) fn without_intervals(
        targets: &[Groove],
        outputs: &[Groove],
        bpms: &[f64],
        has_feel: bool,
    ) -> Self {
        let mut total = Tally::default();
        for ((target, output), bpm) in targets.iter().zip(outputs).zip(bpms) {
            total.add(target, output, *bpm);
        }
        let share = |n: usize| ratio(count(n), total.n_grooves);
        let (steps, ms) = (&total.timing_steps, &total.timing_ms);
        Self {
            onsets: total.onsets(),
            onsets_by_voice: total.by_voice.clone(),
            velocity: has_feel.then(|| Velocity {
                mae: total.velocity_error.mean(),
                mean: total.output_velocity.summary().mean,
                data_mean: total.target_velocity.summary().mean,
                spread: total.output_velocity.summary().spread,
                data_spread: total.target_velocity.summary().spread,
            }),
            timing: has_feel.then(|| Timing {
                mae_ms: ms.error.mean(),
                quantised_mae_ms: ms.quantised_error.mean(),
                spread_ms: ms.output.summary().spread,
                data_spread_ms: ms.target.summary().spread,
                mae_steps: steps.error.mean(),
                quantised_mae_steps: steps.quantised_error.mean(),
                spread_steps: steps.output.summary().spread,
                data_spread_steps: steps.target.summary().spread,
            }),
            downbeat: Downbeat {
                any: share(total.output_downbeats),
                data_any: share(total.target_downbeats),
                kick: share(total.output_kicks),
                data_kick: share(total.target_kicks),
            },
            intervals: Intervals {
                onset_f1: None,
                velocity_mae: None,
                timing_mae_ms: None,
            },
        }
    }
}

/// Sums over some grooves, from which every figure follows; those of two parts can be added.
#[derive(Debug, Clone, Default)]
struct Tally {
    n_grooves: usize,
    by_voice: BTreeMap<Voice, Onsets>,
    velocity_error: Moments,
    output_velocity: Moments,
    target_velocity: Moments,
    timing_steps: TimingTally,
    timing_ms: TimingTally,
    output_downbeats: usize,
    target_downbeats: usize,
    output_kicks: usize,
    target_kicks: usize,
}

/// The part of a [`Tally`] that is about offsets, in one unit.
#[derive(Debug, Clone, Default)]
struct TimingTally {
    error: Moments,
    quantised_error: Moments,
    output: Moments,
    target: Moments,
}

impl TimingTally {
    fn merge(&mut self, other: &Self) {
        self.error.merge(&other.error);
        self.quantised_error.merge(&other.quantised_error);
        self.output.merge(&other.output);
        self.target.merge(&other.target);
    }
}

impl Tally {
    /// Counts one groove in.
    fn add(&mut self, target: &Groove, output: &Groove, bpm: f64) {
        let step_ms = 60_000.0 / bpm / count(STEPS_PER_BEAT);
        self.n_grooves += 1;
        self.target_downbeats += usize::from(has_downbeat(target));
        self.output_downbeats += usize::from(has_downbeat(output));
        self.target_kicks += usize::from(has_kick_downbeat(target));
        self.output_kicks += usize::from(has_kick_downbeat(output));
        for voice in Voice::ALL {
            let onsets = self.by_voice.entry(voice).or_default();
            for step in 0..target.n_steps() {
                let (target, output) = (target.cell(step, voice), output.cell(step, voice));
                if let Some(target) = target {
                    self.target_velocity.add(midi_velocity(target.velocity));
                    self.timing_steps.target.add(f64::from(target.offset));
                    self.timing_ms
                        .target
                        .add(f64::from(target.offset) * step_ms);
                }
                if let Some(output) = output {
                    self.output_velocity.add(midi_velocity(output.velocity));
                    self.timing_steps.output.add(f64::from(output.offset));
                    self.timing_ms
                        .output
                        .add(f64::from(output.offset) * step_ms);
                }
                match (target, output) {
                    (Some(target), Some(output)) => {
                        onsets.true_positives += 1;
                        self.velocity_error.add(
                            (midi_velocity(output.velocity) - midi_velocity(target.velocity)).abs(),
                        );
                        let error = (f64::from(output.offset) - f64::from(target.offset)).abs();
                        let quantised_error = f64::from(target.offset).abs();
                        self.timing_steps.error.add(error);
                        self.timing_steps.quantised_error.add(quantised_error);
                        self.timing_ms.error.add(error * step_ms);
                        self.timing_ms
                            .quantised_error
                            .add(quantised_error * step_ms);
                    }
                    (Some(_), None) => onsets.false_negatives += 1,
                    (None, Some(_)) => onsets.false_positives += 1,
                    (None, None) => {}
                }
            }
        }
    }

    /// Counts another part in.
    fn merge(&mut self, other: &Self) {
        self.n_grooves += other.n_grooves;
        for (voice, onsets) in &other.by_voice {
            self.by_voice.entry(*voice).or_default().merge(onsets);
        }
        self.velocity_error.merge(&other.velocity_error);
        self.output_velocity.merge(&other.output_velocity);
        self.target_velocity.merge(&other.target_velocity);
        self.timing_steps.merge(&other.timing_steps);
        self.timing_ms.merge(&other.timing_ms);
        self.output_downbeats += other.output_downbeats;
        self.target_downbeats += other.target_downbeats;
        self.output_kicks += other.output_kicks;
        self.target_kicks += other.target_kicks;
    }

    fn sum(parts: &[&Self]) -> Self {
        let mut sum = Self::default();
        parts.iter().for_each(|part| sum.merge(part));
        sum
    }

    /// Hits of all drums together.
    fn onsets(&self) -> Onsets {
        let mut all = Onsets::default();
        self.by_voice.values().for_each(|onsets| all.merge(onsets));
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::measure::tests::bar;

    fn score_one(target: Groove, output: Groove, bpm: f64) -> Drums {
        Drums::of(&[target], &[output], &[bpm], &[0], true)
    }

    fn velocity(scored: &Drums) -> Velocity {
        scored.velocity.unwrap()
    }

    fn timing(scored: &Drums) -> Timing {
        scored.timing.unwrap()
    }

    fn near(found: Option<f64>, expected: f64) -> bool {
        (found.unwrap() - expected).abs() < 1e-5
    }

    #[test]
    fn a_perfect_reconstruction_has_no_error() {
        let groove = bar(&[(0, Voice::Kick, 0.9, 0.1), (4, Voice::Snare, 0.7, -0.2)]);
        let scored = score_one(groove.clone(), groove, 120.0);
        assert_eq!(
            scored.onsets,
            Onsets {
                true_positives: 2,
                false_negatives: 0,
                false_positives: 0
            }
        );
        assert_eq!(
            (
                scored.onsets.f1(),
                velocity(&scored).mae,
                timing(&scored).mae_ms
            ),
            (Some(1.0), Some(0.0), Some(0.0))
        );
        assert_eq!(velocity(&scored).spread, velocity(&scored).data_spread);
        assert_eq!(timing(&scored).spread_ms, timing(&scored).data_spread_ms);
        assert_eq!(
            (scored.downbeat.any, scored.downbeat.data_kick),
            (Some(1.0), Some(1.0))
        );
    }

    #[test]
    fn onsets_are_counted_for_each_drum() {
        let target = bar(&[
            (0, Voice::Kick, 1.0, 0.0),
            (8, Voice::Kick, 1.0, 0.0),
            (4, Voice::Snare, 1.0, 0.0),
        ]);
        let output = bar(&[
            (0, Voice::Kick, 1.0, 0.0),
            (9, Voice::Kick, 1.0, 0.0),
            (10, Voice::Kick, 1.0, 0.0),
        ]);
        let scored = score_one(target, output, 120.0);
        let kick = scored.onsets_by_voice[&Voice::Kick];
        assert_eq!(
            kick,
            Onsets {
                true_positives: 1,
                false_negatives: 1,
                false_positives: 2
            }
        );
        assert!(
            near(kick.precision(), 1.0 / 3.0) && near(kick.recall(), 0.5) && near(kick.f1(), 0.4)
        );
        let snare = scored.onsets_by_voice[&Voice::Snare];
        assert_eq!(
            (snare.precision(), snare.recall(), snare.f1()),
            (None, Some(0.0), Some(0.0))
        );
        assert_eq!(scored.onsets_by_voice[&Voice::Ride].f1(), None);
        assert_eq!(
            scored.onsets,
            Onsets {
                true_positives: 1,
                false_negatives: 2,
                false_positives: 2
            }
        );
    }

    #[test]
    fn errors_are_in_midi_velocities_steps_and_milliseconds_at_the_files_tempo() {
        let target = bar(&[(0, Voice::Kick, 1.0, 0.2), (4, Voice::Kick, 0.5, -0.2)]);
        let output = bar(&[(0, Voice::Kick, 0.9, 0.1), (4, Voice::Kick, 0.5, 0.1)]);
        // At 60 bpm a step lasts 250 ms.
        let scored = score_one(target, output, 60.0);
        assert!(near(velocity(&scored).mae, 0.05 * 127.0));
        assert!(near(timing(&scored).mae_steps, 0.2) && near(timing(&scored).mae_ms, 50.0));
        assert!(near(timing(&scored).quantised_mae_steps, 0.2));
        assert!(
            near(timing(&scored).spread_steps, 0.0) && near(timing(&scored).data_spread_steps, 0.2)
        );
        assert!(near(timing(&scored).data_spread_ms, 50.0));
        assert!(near(velocity(&scored).data_spread, 0.25 * 127.0));
    }

    #[test]
    fn a_missing_downbeat_shows_beside_the_datas() {
        let target = bar(&[(0, Voice::Kick, 1.0, 0.0)]);
        let output = bar(&[(0, Voice::ClosedHat, 1.0, 0.0)]);
        let downbeat = score_one(target, output, 120.0).downbeat;
        let expected = Downbeat {
            any: Some(1.0),
            data_any: Some(1.0),
            kick: Some(0.0),
            data_kick: Some(1.0),
        };
        assert_eq!(downbeat, expected);
    }

    #[test]
    fn drums_on_the_grid_are_compared_by_their_hits_alone() {
        let groove = bar(&[(0, Voice::Kick, 0.6, 0.0)]);
        let groove = std::slice::from_ref(&groove);
        let scored = Drums::of(groove, groove, &[120.0], &[0], false);
        assert_eq!(scored.onsets.f1(), Some(1.0));
        assert_eq!((scored.velocity, scored.timing), (None, None));
        assert_eq!(scored.intervals.velocity_mae, None);
    }

    #[test]
    fn silence_played_back_has_undefined_errors_and_no_panic() {
        let scored = score_one(bar(&[(0, Voice::Kick, 1.0, 0.0)]), bar(&[]), 120.0);
        assert_eq!(
            (scored.onsets.f1(), scored.onsets.precision()),
            (Some(0.0), None)
        );
        assert_eq!(
            (
                velocity(&scored).mae,
                timing(&scored).mae_ms,
                scored.intervals.velocity_mae
            ),
            (None, None, None)
        );
    }
}
