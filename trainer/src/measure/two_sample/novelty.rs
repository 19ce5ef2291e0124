//! How far windows are from the music that a model has learned from.

use super::windows::Windows;
use crate::measure::statistics::{Estimate, by_file};
use fourbar_model::drums::N_VOICES;
use fourbar_model::groove::Groove;
use rayon::prelude::*;
use serde::Serialize;

/// The distance of each window to the nearest training window of another file: the Jaccard distance of their hits, 1 minus
/// the cells with a hit in both as a share of the cells with a hit in either. Velocities and offsets do not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Novelty {
    /// Median over the windows, interval by resampling whole files.
    pub median: Estimate,
    /// Windows whose hits are exactly those of a training window.
    pub copies: usize,
}

impl Novelty {
    /// Measures `windows`, whose files are numbered as those of `training`.
    pub(super) fn of(windows: &Windows, training: &Windows) -> Self {
        let learned: Vec<Hits> = training.grooves.iter().map(Hits::of).collect();
        let nearest = |(groove, file): (&Groove, &usize)| {
            let hits = Hits::of(groove);
            let others = learned.iter().zip(&training.files);
            others
                .filter(|(_, of)| *of != file)
                .map(|(other, _)| hits.distance(other))
                .fold(1.0, f64::min)
        };
        let pairs = windows.grooves.par_iter().zip(&windows.files);
        let distances: Vec<f64> = pairs.map(nearest).collect();
        let by_file = by_file(&windows.files, |of_file: &mut Vec<f64>, index| {
            of_file.push(distances[index]);
        });
        Self {
            median: Estimate::of(&by_file, |chosen| {
                median(chosen.iter().copied().flatten().copied().collect())
            }),
            copies: distances
                .iter()
                .filter(|distance| **distance == 0.0)
                .count(),
        }
    }
}

/// Which cells have a hit, 64 to a number.
struct Hits(Vec<u64>);

impl Hits {
    fn of(groove: &Groove) -> Self {
        let mut bits = vec![0; (groove.n_steps() * N_VOICES).div_ceil(64)];
        for (step, voice, _) in groove.hits() {
            let cell = step * N_VOICES + voice.index();
            bits[cell / 64] |= 1 << (cell % 64);
        }
        Self(bits)
    }

    /// The Jaccard distance; 0 of silence to silence.
    fn distance(&self, other: &Self) -> f64 {
        let (mut n_both, mut n_either) = (0, 0);
        for (a, b) in self.0.iter().zip(&other.0) {
            n_both += (a & b).count_ones();
            n_either += (a | b).count_ones();
        }
        if n_either == 0 {
            return 0.0;
        }
        1.0 - f64::from(n_both) / f64::from(n_either)
    }
}

/// The middle of some numbers, or of the two in the middle; `None` of nothing.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let above = *numbers.get(numbers.len() / 2)?;
    let below = numbers[(numbers.len() - 1) / 2];
    Some((below + above) / 2.0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::measure::tests::bar;
    use fourbar_model::drums::Voice;

    fn kicks(steps: &[usize], velocity: f32) -> Groove {
        let hits: Vec<_> = steps
            .iter()
            .map(|step| (*step, Voice::Kick, velocity, 0.0))
            .collect();
        bar(&hits)
    }

    #[test]
    fn novelty_is_the_distance_to_the_nearest_training_window() {
        let training = Windows::of([(kicks(&[0, 2, 4, 6, 8, 10, 12, 14], 1.0), 0)]);
        let windows = Windows::of([
            (kicks(&[0, 2, 4, 6, 8, 10, 12, 14], 0.5), 1),
            (kicks(&[0, 2, 4, 6, 8, 10, 12, 15], 1.0), 2),
            (kicks(&[1, 3, 5, 7, 9, 11, 13, 15], 1.0), 3),
        ]);
        let novelty = Novelty::of(&windows, &training);
        assert_eq!(novelty.copies, 1);
        assert!((novelty.median.value.unwrap() - 2.0 / 9.0).abs() < 1e-12);
        let interval = novelty.median.interval.unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
        let itself = Novelty::of(&training, &training);
        assert_eq!((itself.copies, itself.median.value), (0, Some(1.0)));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
