//! Which bars are fills: a classifier that learns it from the fills that a data set labels.
//!
//! The Groove MIDI Dataset has files of single fills, but its beats are full of fills that no label names. The classifier
//! is trained on the labelled ones against the bars of beats, and then says of every bar of a training window whether it
//! is one, so that a model can be asked for a fill.

use super::dataset::{BeatType, Dataset, Split};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Groove, STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::noise::Noise;

/// Fewer labelled fills than this teach nothing.
const MIN_FILLS: usize = 20;
/// Bars of beats for each fill: there are many, and the first thousands say it all.
const BEATS_PER_FILL: usize = 4;
/// Hits of a bar below which it is not asked whether it is a fill.
const MIN_HITS: usize = 4;
/// Weight of the squared weights in the loss.
const DECAY: f64 = 0.01;
/// Steps of gradient descent and their length: on standardised features the loss stands still long before.
const STEPS: usize = 400;
const RATE: f64 = 0.5;
/// Drums that are counted together, beat by beat.
const GROUPS: [&[Voice]; 6] = [
    &[Voice::Kick],
    &[Voice::Snare],
    &[Voice::ClosedHat, Voice::OpenHat],
    &[Voice::LowTom, Voice::MidTom, Voice::HighTom],
    &[Voice::Crash],
    &[Voice::Ride],
];
const BEATS: usize = STEPS_PER_BAR / STEPS_PER_BEAT;
const N_FEATURES: usize = 3 * N_VOICES + 2 * GROUPS.len() * BEATS + 2;

/// A logistic regression on what is struck in a bar, and when.
#[derive(Debug, Clone)]
pub struct FillClassifier {
    means: Vec<f64>,
    deviations: Vec<f64>,
    weights: Vec<f64>,
    bias: f64,
}

impl FillClassifier {
    /// Learns from the labelled fills of a split against as many of its beats as are needed; `None` where hardly any is
    /// labelled.
    #[must_use]
    pub fn of(dataset: &Dataset, split: Split) -> Option<Self> {
        let plays = |groove: &Groove| groove.n_hits() >= MIN_HITS;
        let fills = dataset.fill_bars(split);
        let fills = fills.iter().filter_map(|window| dataset.groove(window));
        let fills: Vec<Groove> = fills.filter(plays).collect();
        if fills.len() < MIN_FILLS {
            return None;
        }
        let bars = dataset.windows(split, STEPS_PER_BAR, 1).into_iter();
        let is_beat = |file: usize| dataset.files[file].beat_type == Some(BeatType::Beat);
        let beats = bars.filter(|window| is_beat(window.file));
        let beats = beats.filter_map(|window| dataset.groove(&window));
        let mut beats: Vec<Groove> = beats.filter(plays).collect();
        let mut noise = Noise::from_seed(0);
        let n_beats = beats.len().min(BEATS_PER_FILL * fills.len());
        for place in 0..n_beats {
            let other = place + noise.below(beats.len() - place);
            beats.swap(place, other);
        }
        beats.truncate(n_beats);
        (!beats.is_empty()).then(|| Self::learn(&fills, &beats))
    }

    /// Probability that a bar of 16 steps is a fill, if fills were as frequent as beats.
    #[must_use]
    pub fn probability(&self, bar: &Groove) -> f64 {
        if bar.n_hits() < MIN_HITS {
            return 0.0;
        }
        self.score(&self.standardised(&features(bar)))
    }

    /// [`Self::probability`] of each bar of a window.
    #[must_use]
    pub fn of_bars(&self, window: &Groove) -> Vec<f64> {
        let bars = (0..window.n_steps()).step_by(STEPS_PER_BAR);
        let bar = |first| window.window(first, STEPS_PER_BAR);
        bars.filter_map(bar)
            .map(|bar| self.probability(&bar))
            .collect()
    }

    fn learn(fills: &[Groove], beats: &[Groove]) -> Self {
        let rows: Vec<[f64; N_FEATURES]> = fills.iter().chain(beats).map(features).collect();
        let n = number(rows.len());
        let mut means = vec![0.0; N_FEATURES];
        let mut deviations = vec![0.0; N_FEATURES];
        for row in &rows {
            for (mean, x) in means.iter_mut().zip(row) {
                *mean += x / n;
            }
        }
        for row in &rows {
            for ((deviation, x), mean) in deviations.iter_mut().zip(row).zip(&means) {
                *deviation += (x - mean).powi(2) / n;
            }
        }
        for deviation in &mut deviations {
            // What never varies says nothing, and is divided by 1.
            *deviation = if *deviation > 1e-12 {
                deviation.sqrt()
            } else {
                1.0
            };
        }
        let mut classifier = Self {
            means,
            deviations,
            weights: vec![0.0; N_FEATURES],
            bias: 0.0,
        };
        let rows: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| classifier.standardised(row))
            .collect();
        // Each class counts as much as the other.
        let shares = [0.5 / number(fills.len()), 0.5 / number(beats.len())];
        for _ in 0..STEPS {
            let mut slopes = vec![0.0; N_FEATURES];
            let mut of_bias = 0.0;
            for (i, row) in rows.iter().enumerate() {
                let is_fill = i < fills.len();
                let error = classifier.score(row) - f64::from(u8::from(is_fill));
                let error = error * shares[usize::from(!is_fill)];
                of_bias += error;
                for (slope, x) in slopes.iter_mut().zip(row) {
                    *slope += error * x;
                }
            }
            classifier.bias -= RATE * of_bias;
            for (weight, slope) in classifier.weights.iter_mut().zip(slopes) {
                *weight -= RATE * (slope + DECAY * *weight);
            }
        }
        classifier
    }

    fn standardised(&self, row: &[f64]) -> Vec<f64> {
        let scale = self.means.iter().zip(&self.deviations);
        row.iter()
            .zip(scale)
            .map(|(x, (mean, deviation))| (x - mean) / deviation)
            .collect()
    }

    fn score(&self, row: &[f64]) -> f64 {
        let sum: f64 = row
            .iter()
            .zip(&self.weights)
            .map(|(x, weight)| x * weight)
            .sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }
}

/// Of each drum its hits, their velocities added up, and whether it plays on the one; of each group of drums and each beat
/// hits and velocities; how many steps are struck, and the mean velocity.
fn features(bar: &Groove) -> [f64; N_FEATURES] {
    let mut features = [0.0; N_FEATURES];
    let mut struck = [false; STEPS_PER_BAR];
    for (step, voice, cell) in bar.hits() {
        let velocity = f64::from(cell.velocity);
        features[voice.index()] += 1.0;
        features[N_VOICES + voice.index()] += velocity;
        if step == 0 {
            features[2 * N_VOICES + voice.index()] = 1.0;
        }
        let group = GROUPS.iter().position(|group| group.contains(&voice));
        let group = group.expect("every drum has its group");
        let first = 3 * N_VOICES + 2 * (group * BEATS + step / STEPS_PER_BEAT);
        features[first] += 1.0;
        features[first + 1] += velocity;
        struck[step] = true;
        features[N_FEATURES - 1] += velocity / number(bar.n_hits());
    }
    features[N_FEATURES - 2] = number(struck.iter().filter(|struck| **struck).count());
    features
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::groove::Cell;

    /// A bar of a beat, or of a roll over the toms, with random velocities.
    fn bar(is_fill: bool, noise: &mut Noise) -> Groove {
        let mut bar = Groove::empty(STEPS_PER_BAR);
        for step in 0..STEPS_PER_BAR {
            let velocity = 0.2 + 0.8 * noise.uniform();
            let cell = Some(Cell {
                velocity,
                offset: 0.0,
            });
            let voice = if is_fill {
                [Voice::HighTom, Voice::MidTom, Voice::LowTom, Voice::Snare][noise.below(4)]
            } else if step % 8 == 0 {
                Voice::Kick
            } else {
                Voice::ClosedHat
            };
            if is_fill || step % 2 == 0 {
                bar.set(step, voice, cell);
            }
        }
        bar
    }

    #[test]
    fn rolls_over_the_toms_are_told_from_beats() {
        let mut noise = Noise::from_seed(1);
        let mut bars =
            |is_fill| -> Vec<Groove> { (0..40).map(|_| bar(is_fill, &mut noise)).collect() };
        let (fills, beats) = (bars(true), bars(false));
        let (new_fills, new_beats) = (bars(true), bars(false));
        let classifier = FillClassifier::learn(&fills, &beats);
        assert!(
            new_fills
                .iter()
                .all(|bar| classifier.probability(bar) > 0.8)
        );
        assert!(
            new_beats
                .iter()
                .all(|bar| classifier.probability(bar) < 0.2)
        );
        let silence = Groove::empty(STEPS_PER_BAR);
        assert!(classifier.probability(&silence) == 0.0);
        assert_eq!(classifier.of_bars(&Groove::empty(64)), [0.0; 4]);
    }
}
