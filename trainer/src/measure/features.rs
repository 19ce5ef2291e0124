//! What a collection of grooves is like, in a musician's words.
//!
//! The same features are measured on drummers and on the model's samples of the prior: a model that plays like the drummers has
//! the same means *and* the same spreads.

use super::statistics::{Interval, Moments, Summary, count, ratio};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Groove, STEPS_PER_BAR, STEPS_PER_BEAT};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Features of a collection of grooves. A [`Summary`] is over the grooves, unless it says that it is over hits.
///
/// Offsets are in steps and **early is positive**, as in a groove.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Features {
    /// How many grooves were measured.
    pub n_grooves: usize,
    /// Share of grooves with any hit on their first step.
    pub downbeat: Option<f64>,
    /// 95 % interval of `downbeat`, by resampling whole files.
    pub downbeat_interval: Option<Interval>,
    /// Share of grooves with a kick on their first step.
    pub downbeat_kick: Option<f64>,
    /// 95 % interval of `downbeat_kick`, by resampling whole files.
    pub downbeat_kick_interval: Option<Interval>,
    /// Hits in a bar.
    pub hits_per_bar: Summary,
    /// How many of the nine drums play at all.
    pub voices_used: Summary,
    /// Share of steps on which anything plays.
    pub step_density: Summary,
    /// Mean velocity of a groove, 0–127.
    pub velocity_mean: Summary,
    /// Standard deviation of the velocities within a groove, 0–127: its dynamics.
    pub velocity_spread: Summary,
    /// Mean offset of a groove.
    pub offset_mean: Summary,
    /// Standard deviation of the offsets within a groove: its looseness.
    pub offset_spread: Summary,
    /// Share of a groove's hits that are ahead of the grid.
    pub early_share: Summary,
    /// How much later than the eighths the 16ths between them are played, in steps; only of grooves with both.
    pub swing: Summary,
    /// Velocity over all hits, 0–127.
    pub velocity_of_hits: Summary,
    /// Offset over all hits.
    pub offset_of_hits: Summary,
    /// Each drum's share of all hits.
    pub share_of_hits: BTreeMap<Voice, Option<f64>>,
    /// Share of steps with none, one, two, three, and four or more hits at once.
    pub simultaneous_hits: [Option<f64>; 5],
    /// Different grooves (by which drum plays where) as a share of all.
    pub distinct_grooves: Option<f64>,
    /// Different bars (by which drum plays where) as a share of all.
    pub distinct_bars: Option<f64>,
}

impl Features {
    /// Measures `grooves`; `files` names the file each one is from (for samples: a different number for each).
    ///
    /// # Panics
    /// If there are not as many `files` as `grooves`.
    #[must_use]
    pub fn of(grooves: &[Groove], files: &[usize]) -> Self {
        assert_eq!(grooves.len(), files.len(), "every groove is from one file");
        let measured: Vec<GrooveFeatures> = grooves.iter().map(GrooveFeatures::of).collect();
        let summary = |feature: fn(&GrooveFeatures) -> Option<f64>| {
            Summary::of(measured.iter().filter_map(feature))
        };

        let mut pooled = Pooled::default();
        grooves.iter().for_each(|groove| pooled.add(groove));
        let n_hits: usize = pooled.by_voice.iter().sum();
        let n_steps: usize = pooled.simultaneous.iter().sum();

        let mut by_file: BTreeMap<usize, Vec<&GrooveFeatures>> = BTreeMap::new();
        for (file, groove) in files.iter().zip(&measured) {
            by_file.entry(*file).or_default().push(groove);
        }
        let by_file: Vec<Vec<&GrooveFeatures>> = by_file.into_values().collect();
        let share = |feature: fn(&GrooveFeatures) -> bool| {
            let of_files = |files: &[&Vec<&GrooveFeatures>]| {
                let n = files.iter().map(|file| file.len()).sum();
                let n_with: usize = files
                    .iter()
                    .map(|file| file.iter().filter(|groove| feature(groove)).count())
                    .sum();
                ratio(count(n_with), n)
            };
            (
                of_files(&by_file.iter().collect::<Vec<_>>()),
                Interval::bootstrap(&by_file, of_files),
            )
        };
        let (downbeat, downbeat_interval) = share(|groove| groove.downbeat);
        let (downbeat_kick, downbeat_kick_interval) = share(|groove| groove.downbeat_kick);

        Self {
            n_grooves: grooves.len(),
            downbeat,
            downbeat_interval,
            downbeat_kick,
            downbeat_kick_interval,
            hits_per_bar: summary(|groove| groove.hits_per_bar),
            voices_used: summary(|groove| Some(count(groove.voices_used))),
            step_density: summary(|groove| groove.step_density),
            velocity_mean: summary(|groove| groove.velocity.mean),
            velocity_spread: summary(|groove| groove.velocity.spread),
            offset_mean: summary(|groove| groove.offset.mean),
            offset_spread: summary(|groove| groove.offset.spread),
            early_share: summary(|groove| groove.early_share),
            swing: summary(|groove| groove.swing),
            velocity_of_hits: pooled.velocity.summary(),
            offset_of_hits: pooled.offset.summary(),
            share_of_hits: Voice::ALL
                .map(|voice| (voice, ratio(count(pooled.by_voice[voice.index()]), n_hits)))
                .into(),
            simultaneous_hits: pooled.simultaneous.map(|n| ratio(count(n), n_steps)),
            distinct_grooves: distinct_share(
                grooves
                    .iter()
                    .map(|groove| hit_bits(groove, 0..groove.n_steps())),
            ),
            distinct_bars: distinct_share(grooves.iter().flat_map(|groove| {
                (0..groove.n_steps() / STEPS_PER_BAR)
                    .map(|bar| hit_bits(groove, bar * STEPS_PER_BAR..(bar + 1) * STEPS_PER_BAR))
            })),
        }
    }
}

/// Whether any drum plays on the first step.
pub(super) fn has_downbeat(groove: &Groove) -> bool {
    Voice::ALL
        .iter()
        .any(|voice| groove.cell(0, *voice).is_some())
}

/// Whether the kick plays on the first step.
pub(super) fn has_kick_downbeat(groove: &Groove) -> bool {
    groove.cell(0, Voice::Kick).is_some()
}

/// Features of one groove; `None` where a feature is undefined, such as the mean velocity of silence.
struct GrooveFeatures {
    downbeat: bool,
    downbeat_kick: bool,
    hits_per_bar: Option<f64>,
    voices_used: usize,
    step_density: Option<f64>,
    velocity: Summary,
    offset: Summary,
    early_share: Option<f64>,
    swing: Option<f64>,
}

impl GrooveFeatures {
    fn of(groove: &Groove) -> Self {
        let n_steps = groove.n_steps();
        let (mut velocity, mut offset) = (Moments::default(), Moments::default());
        let (mut on_eighths, mut between) = (Moments::default(), Moments::default());
        let mut early = 0;
        let mut voices = BTreeSet::new();
        let mut steps = BTreeSet::new();
        for (step, voice, cell) in groove.hits() {
            velocity.add(midi_velocity(cell.velocity));
            offset.add(f64::from(cell.offset));
            early += usize::from(cell.offset > 0.0);
            voices.insert(voice);
            steps.insert(step);
            let eighth = STEPS_PER_BEAT / 2;
            let group = if step % eighth == 0 {
                &mut on_eighths
            } else {
                &mut between
            };
            group.add(-f64::from(cell.offset));
        }
        Self {
            downbeat: has_downbeat(groove),
            downbeat_kick: has_kick_downbeat(groove),
            hits_per_bar: ratio(count(groove.n_hits() * STEPS_PER_BAR), n_steps),
            voices_used: voices.len(),
            step_density: ratio(count(steps.len()), n_steps),
            velocity: velocity.summary(),
            offset: offset.summary(),
            early_share: ratio(count(early), groove.n_hits()),
            swing: between
                .mean()
                .zip(on_eighths.mean())
                .map(|(between, on_eighths)| between - on_eighths),
        }
    }
}

/// Sums over all hits and steps of all grooves.
#[derive(Default)]
struct Pooled {
    velocity: Moments,
    offset: Moments,
    by_voice: [usize; N_VOICES],
    /// Steps with 0, 1, 2, 3, and 4 or more hits.
    simultaneous: [usize; 5],
}

impl Pooled {
    fn add(&mut self, groove: &Groove) {
        let mut hits_of_step = vec![0_usize; groove.n_steps()];
        for (step, voice, cell) in groove.hits() {
            self.velocity.add(midi_velocity(cell.velocity));
            self.offset.add(f64::from(cell.offset));
            self.by_voice[voice.index()] += 1;
            hits_of_step[step] += 1;
        }
        for n_hits in hits_of_step {
            self.simultaneous[n_hits.min(4)] += 1;
        }
    }
}

/// Velocity as MIDI counts it, 0–127.
pub(super) fn midi_velocity(velocity: f32) -> f64 {
    127.0 * f64::from(velocity)
}

/// Which drum plays where, a number of nine bits for each step.
fn hit_bits(groove: &Groove, steps: std::ops::Range<usize>) -> Vec<u16> {
    let bits = |step| {
        Voice::ALL
            .iter()
            .filter(|voice| groove.cell(step, **voice).is_some())
            .fold(0, |bits, voice| bits | 1 << voice.index())
    };
    steps.map(bits).collect()
}

/// The number of different items as a share of all.
fn distinct_share(items: impl Iterator<Item = Vec<u16>>) -> Option<f64> {
    let mut different = BTreeSet::new();
    let mut n = 0;
    for item in items {
        different.insert(item);
        n += 1;
    }
    ratio(count(different.len()), n)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::measure::tests::bar;

    fn near(found: Option<f64>, expected: f64) -> bool {
        (found.unwrap() - expected).abs() < 1e-6
    }

    #[test]
    fn the_features_of_a_known_bar_are_known() {
        let groove = bar(&[
            (0, Voice::Kick, 1.0, 0.25),
            (0, Voice::ClosedHat, 0.5, 0.25),
            (4, Voice::Snare, 1.0, -0.25),
            (5, Voice::Snare, 0.5, -0.25),
        ]);
        let features = Features::of(&[groove], &[0]);
        assert_eq!(
            (features.downbeat, features.downbeat_kick),
            (Some(1.0), Some(1.0))
        );
        assert_eq!(features.hits_per_bar.mean, Some(4.0));
        assert_eq!(features.voices_used.mean, Some(3.0));
        assert!(near(features.step_density.mean, 3.0 / 16.0));
        assert!(near(features.velocity_mean.mean, 0.75 * 127.0));
        assert!(near(features.velocity_spread.mean, 0.25 * 127.0));
        assert!(near(features.offset_mean.mean, 0.0));
        assert!(near(features.offset_spread.mean, 0.25));
        assert!(near(features.early_share.mean, 0.5));
        // The one hit between the eighths is 0.25 late, the others are 1/12 early on average.
        assert!(near(features.swing.mean, 0.25 + 0.25 / 3.0));
        assert!(near(features.share_of_hits[&Voice::Snare], 0.5));
        assert!(near(features.simultaneous_hits[0], 13.0 / 16.0));
        assert!(near(features.simultaneous_hits[1], 2.0 / 16.0));
        assert!(near(features.simultaneous_hits[2], 1.0 / 16.0));
    }

    #[test]
    fn the_downbeat_rate_counts_grooves_and_its_interval_surrounds_it() {
        let with = bar(&[(0, Voice::Kick, 1.0, 0.0)]);
        let without = bar(&[(1, Voice::Kick, 1.0, 0.0)]);
        let hat = bar(&[(0, Voice::ClosedHat, 1.0, 0.0)]);
        let features = Features::of(&[with, without, hat.clone(), hat], &[0, 1, 2, 3]);
        assert_eq!(
            (features.downbeat, features.downbeat_kick),
            (Some(0.75), Some(0.25))
        );
        let interval = features.downbeat_interval.unwrap();
        assert!(interval.low < 0.75 && interval.high > 0.75, "{interval:?}");
    }

    #[test]
    fn repetition_shows_as_fewer_distinct_grooves() {
        let a = bar(&[(0, Voice::Kick, 1.0, 0.0)]);
        let same_place_softer = bar(&[(0, Voice::Kick, 0.5, 0.1)]);
        let b = bar(&[(0, Voice::Snare, 1.0, 0.0)]);
        let features = Features::of(&[a.clone(), same_place_softer, a, b], &[0, 1, 2, 3]);
        assert_eq!(features.distinct_grooves, Some(0.5));
        assert_eq!(features.distinct_bars, Some(0.5));
    }

    #[test]
    fn silence_and_nothing_have_no_undefined_numbers() {
        let silence = Features::of(&[Groove::empty(STEPS_PER_BAR)], &[0]);
        assert_eq!(
            (silence.downbeat, silence.hits_per_bar.mean),
            (Some(0.0), Some(0.0))
        );
        assert_eq!(
            (silence.velocity_mean.mean, silence.swing.mean),
            (None, None)
        );
        assert_eq!(Features::of(&[], &[]).downbeat, None);
    }
}
