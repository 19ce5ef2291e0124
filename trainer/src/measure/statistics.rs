//! Means, spreads and how far they can be trusted.

use fourbar_model::noise::Noise;
use serde::Serialize;
use std::collections::BTreeMap;

/// Resamplings behind an [`Interval`].
const N_RESAMPLINGS: usize = 1000;

/// The mean and the standard deviation of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Arithmetic mean; `None` of nothing.
    pub mean: Option<f64>,
    /// Standard deviation (of these numbers, not an estimate for more of them); `None` of nothing.
    pub spread: Option<f64>,
    /// How many numbers.
    pub n: usize,
}

impl Summary {
    /// The summary of `values`.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut moments = Moments::default();
        values.into_iter().for_each(|value| moments.add(value));
        moments.summary()
    }
}

/// Sums from which a mean and a spread follow; those of two parts can be added.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moments {
    n: usize,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// Counts one more number in.
    pub(super) fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// Counts another part in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Mean of the numbers so far.
    pub(super) fn mean(&self) -> Option<f64> {
        ratio(self.sum, self.n)
    }

    /// The summary of the numbers so far.
    pub(super) fn summary(&self) -> Summary {
        let mean = self.mean();
        // Rounding can leave the variance of equal numbers slightly below zero.
        let spread = mean
            .and_then(|mean| Some((ratio(self.squares, self.n)? - mean * mean).max(0.0).sqrt()));
        Summary {
            mean,
            spread,
            n: self.n,
        }
    }
}

/// `sum / n`; `None` of nothing.
pub(super) fn ratio(sum: f64, n: usize) -> Option<f64> {
    (n > 0).then(|| sum / count(n))
}

/// A count as a number to calculate with.
pub(super) fn count(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no data set has 2^53 notes")]
    let number = n as f64;
    number
}

/// Where a figure lies with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The percentile bootstrap interval of `figure`, which is computed from any choice of `parts`.
    ///
    /// The parts must be independent of each other: whole files, because the windows of one file are alike. The draws
    /// are the same every time. `None` where `figure` is undefined for some choice, and of less than two parts, which say
    /// nothing of how parts differ.
    pub(super) fn bootstrap<T>(parts: &[T], figure: impl Fn(&[&T]) -> Option<f64>) -> Option<Self> {
        if parts.len() < 2 {
            return None;
        }
        let mut noise = Noise::from_seed(0);
        let mut figures = Vec::with_capacity(N_RESAMPLINGS);
        let mut chosen = Vec::with_capacity(parts.len());
        for _ in 0..N_RESAMPLINGS {
            chosen.clear();
            chosen.extend((0..parts.len()).map(|_| &parts[noise.below(parts.len())]));
            figures.push(figure(&chosen)?);
        }
        Some(Self::of_middle(figures))
    }

    /// What the middle 95 % of at least one resampled figure span.
    pub(super) fn of_middle(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let tail = figures.len() / 40;
        Self {
            low: figures[tail],
            high: figures[figures.len() - 1 - tail],
        }
    }

    /// 1.96 standard deviations of the resampled figures to both sides of `value`: for figures that resampling moves to
    /// one side, because the same file several times is no larger set.
    pub(super) fn around(value: f64, figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let half = 1.96 * Summary::of(figures).spread?;
        Some(Self {
            low: value - half,
            high: value + half,
        })
    }
}

/// A figure and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure itself, over everything that was measured; `None` if it is undefined.
    pub value: Option<f64>,
    /// Where it lies with a confidence of 95 %.
    pub interval: Option<Interval>,
}

impl Estimate {
    /// `figure` of all `parts`, with its [`Interval::bootstrap`].
    pub(super) fn of<T>(parts: &[T], figure: impl Fn(&[&T]) -> Option<f64>) -> Self {
        Self {
            value: figure(&parts.iter().collect::<Vec<_>>()),
            interval: Interval::bootstrap(parts, figure),
        }
    }

    /// The mean of numbers that are independent of each other.
    pub(super) fn mean(numbers: &[f64]) -> Self {
        Self::of(numbers, |chosen| {
            ratio(chosen.iter().copied().sum(), chosen.len())
        })
    }
}

/// Spearman's rank correlation of the two numbers of each pair, equal numbers having the mean of their ranks; `None` if
/// one of the two is the same everywhere.
pub(super) fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(&a), ranks(&b));
    // Both means are half the number of ranks.
    let middle = count(pairs.len().saturating_sub(1)) / 2.0;
    let sum = |a: &[f64], b: &[f64]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let scale = (sum(&a, &a) * sum(&b, &b)).sqrt();
    (scale > 0.0).then(|| sum(&a, &b) / scale)
}

/// The place of each number in ascending order, from 0; equal numbers have the mean of their places.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut first = 0;
    for equal in order.chunk_by(|a, b| numbers[*a] == numbers[*b]) {
        for place in equal {
            ranks[*place] = count(first) + count(equal.len() - 1) / 2.0;
        }
        first += equal.len();
    }
    ranks
}

/// What belongs to the same file, put together: one `Tally` a file, in the order of the files' numbers.
pub(super) fn by_file<Tally: Default>(
    files: &[usize],
    mut add: impl FnMut(&mut Tally, usize),
) -> Vec<Tally> {
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        add(tallies.entry(*file).or_default(), index);
    }
    tallies.into_values().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_summary_is_mean_and_standard_deviation() {
        let summary = Summary::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(
            summary,
            Summary {
                mean: Some(5.0),
                spread: Some(2.0),
                n: 8
            }
        );
        assert_eq!(
            Summary::of([]),
            Summary {
                mean: None,
                spread: None,
                n: 0
            }
        );
    }

    #[test]
    fn merged_parts_count_like_the_whole() {
        let (mut a, mut b) = (Moments::default(), Moments::default());
        a.add(1.0);
        b.add(3.0);
        b.add(8.0);
        a.merge(&b);
        assert_eq!(a.summary(), Summary::of([1.0, 3.0, 8.0]));
    }

    #[test]
    fn the_interval_of_a_mean_is_about_two_standard_errors_wide_on_each_side() {
        let parts: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let mean = |chosen: &[&f64]| ratio(chosen.iter().copied().sum(), chosen.len());
        let interval = Interval::bootstrap(&parts, mean).unwrap();
        // The standard error of a share of one half among 400 is 0.025.
        assert!(
            (interval.low - 0.451).abs() < 0.01 && (interval.high - 0.549).abs() < 0.01,
            "{interval:?}"
        );
        assert_eq!(Some(interval), Interval::bootstrap(&parts, mean));
    }

    #[test]
    fn an_estimate_resamples_files_and_not_what_is_in_them() {
        let shares = |files: &[usize]| {
            let tallies = by_file(files, |(right, n): &mut (usize, usize), index| {
                *right += usize::from(index % 2 == 0);
                *n += 1;
            });
            Estimate::of(&tallies, |chosen| {
                let n = chosen.iter().map(|(_, n)| n).sum();
                ratio(count(chosen.iter().map(|(right, _)| right).sum()), n)
            })
        };
        // Two files, all right and all wrong: nothing is known. Files alike inside and out: all is known.
        let (apart, alike) = (shares(&[0, 1, 0, 1]), shares(&[0, 0, 1, 1]));
        assert_eq!((apart.value, alike.value), (Some(0.5), Some(0.5)));
        let (apart, alike) = (apart.interval.unwrap(), alike.interval.unwrap());
        assert_eq!((apart.low, apart.high), (0.0, 1.0));
        assert_eq!((alike.low, alike.high), (0.5, 0.5));
    }

    #[test]
    fn a_rank_correlation_knows_order_alone() {
        let rising = [(1.0, 0.1), (2.0, 10.0), (3.0, 1000.0)];
        assert_eq!(rank_correlation(&rising), Some(1.0));
        let falling = rising.map(|(a, b)| (a, -b));
        assert_eq!(rank_correlation(&falling), Some(-1.0));
        assert_eq!(rank_correlation(&[(1.0, 5.0), (2.0, 5.0)]), None);
        assert_eq!(rank_correlation(&[]), None);
        // scipy.stats.spearmanr([1, 1, 2, 3, 3], [2, 1, 4, 3, 5])
        let tied = [(1.0, 2.0), (1.0, 1.0), (2.0, 4.0), (3.0, 3.0), (3.0, 5.0)];
        assert!((rank_correlation(&tied).unwrap() - 0.790_569_415).abs() < 1e-9);
    }

    #[test]
    fn less_than_two_parts_and_what_is_undefined_have_no_interval() {
        assert_eq!(Interval::bootstrap(&[] as &[f64], |_| Some(1.0)), None);
        assert_eq!(Interval::bootstrap(&[1.0, 2.0], |_| None), None);
        let one_file = Estimate::mean(&[0.5]);
        assert_eq!((one_file.value, one_file.interval), (Some(0.5), None));
    }
}
