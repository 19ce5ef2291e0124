//! How alike the distributions of one feature are in two sets.

use crate::measure::statistics::{Moments, count};

/// Points of the grid on which densities are compared.
const N_POINTS: usize = 256;
/// The grid goes beyond the range of the numbers by this part of it on both sides.
const PADDING: f64 = 0.1;
/// Where a kernel ends, in bandwidths.
const KERNEL_BANDWIDTHS: f64 = 5.0;
/// The least probability of a point in [`Likeness::kl_nats`], which a kernel's end would make infinite.
const LEAST_PROBABILITY: f64 = 1e-10;

/// How alike two distributions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::measure) struct Likeness {
    /// Area under the lower one of the two densities: 1 if they are the same, 0 if they do not meet.
    pub(super) overlap: f64,
    /// Kullback-Leibler divergence of the drummers' distribution from the other one, in nats.
    pub(in crate::measure) kl_nats: f64,
}

impl Likeness {
    /// Compares what is measured of drummers with what is measured of others, neither of them empty.
    ///
    /// Both densities are estimated with Gaussian kernels of Scott's bandwidth, σ · n^(−1/5), on one grid over the joint
    /// range, and sum up to 1 on it. A bandwidth is at least one step of the grid, so that constant numbers have one,
    /// too.
    ///
    /// # Source
    /// Yang & Lerch 2020, "On the evaluation of generative models in music" (overlapping area and KL divergence); Scott
    /// 1992 (bandwidth); Fan & Marron 1994 (binned kernel estimate).
    pub(in crate::measure) fn of(drummers: &[f64], others: &[f64]) -> Self {
        let all = || drummers.iter().chain(others).copied();
        let lowest = all().fold(f64::INFINITY, f64::min);
        let highest = all().fold(f64::NEG_INFINITY, f64::max);
        if lowest >= highest {
            return Self {
                overlap: 1.0,
                kl_nats: 0.0,
            };
        }
        let range = highest - lowest;
        let grid = Grid {
            lowest: lowest - PADDING * range,
            step: (1.0 + 2.0 * PADDING) * range / count(N_POINTS - 1),
        };
        let (p, q) = (grid.density(drummers), grid.density(others));
        let pairs = || p.iter().zip(&q);
        Self {
            overlap: pairs().map(|(p, q)| p.min(*q)).sum(),
            kl_nats: pairs()
                .map(|(p, q)| p * (p.max(LEAST_PROBABILITY) / q.max(LEAST_PROBABILITY)).ln())
                .sum(),
        }
    }
}

/// Equally spaced points.
struct Grid {
    lowest: f64,
    step: f64,
}

impl Grid {
    /// The density of `values`, all of which lie on the grid, at each point; the points sum up to 1.
    fn density(&self, values: &[f64]) -> Vec<f64> {
        let kernel = self.kernel(bandwidth(values).max(self.step));
        let reach = kernel.len() - 1;
        let mut density = vec![0.0; N_POINTS];
        for (place, weight) in self.bins(values).into_iter().enumerate() {
            if weight > 0.0 {
                let first = place.saturating_sub(reach);
                let last = (place + reach).min(N_POINTS - 1);
                for (at, density) in density[first..=last].iter_mut().enumerate() {
                    *density += weight * kernel[(first + at).abs_diff(place)];
                }
            }
        }
        let total: f64 = density.iter().sum();
        density.iter().map(|point| point / total).collect()
    }

    /// How many values lie at each point, those between two points shared out by their distance.
    fn bins(&self, values: &[f64]) -> Vec<f64> {
        let mut bins = vec![0.0; N_POINTS + 1];
        for value in values {
            let at = (value - self.lowest) / self.step;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place on the grid"
            )]
            let place = at.floor() as usize;
            let beyond = at - at.floor();
            bins[place] += 1.0 - beyond;
            bins[place + 1] += beyond;
        }
        bins.truncate(N_POINTS);
        bins
    }

    /// A Gaussian at the distances 0, 1, 2 … points, up to its end.
    fn kernel(&self, bandwidth: f64) -> Vec<f64> {
        let of_point = |point: usize| {
            let distance = count(point) * self.step / bandwidth;
            (distance <= KERNEL_BANDWIDTHS).then(|| (-0.5 * distance * distance).exp())
        };
        (0..N_POINTS).map_while(of_point).collect()
    }
}

/// Scott's bandwidth.
fn bandwidth(values: &[f64]) -> f64 {
    let mut moments = Moments::default();
    values.iter().for_each(|value| moments.add(*value));
    let n = count(values.len());
    let spread = moments.summary().spread.unwrap_or(0.0);
    // From the spread of these numbers to an estimate of the distribution's.
    let deviation = spread * (n / (n - 1.0).max(1.0)).sqrt();
    deviation * n.powf(-0.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::noise::Noise;

    fn normals(n: usize, mean: f64, seed: u64) -> Vec<f64> {
        let numbers = Noise::from_seed(seed).normals(n);
        numbers.iter().map(|x| mean + f64::from(*x)).collect()
    }

    #[test]
    fn the_likeness_of_normal_distributions_is_that_of_their_formulas() {
        let (a, b) = (normals(20_000, 0.0, 1), normals(20_000, 1.0, 2));
        let Likeness { overlap, kl_nats } = Likeness::of(&a, &b);
        // 2 Φ(−1/2) and 1/2; the kernels widen both a little.
        assert!((overlap - 0.617).abs() < 0.015, "{overlap}");
        assert!((kl_nats - 0.5).abs() < 0.05, "{kl_nats}");
        let same = Likeness::of(&a, &a);
        assert!((same.overlap - 1.0).abs() < 1e-9 && same.kl_nats.abs() < 1e-9);
    }

    #[test]
    fn sets_that_do_not_meet_and_constant_numbers_have_a_likeness() {
        let apart = Likeness::of(&[0.0, 0.1, 0.2], &[9.8, 9.9, 10.0]);
        assert!(apart.overlap < 1e-6 && apart.kl_nats > 5.0, "{apart:?}");
        assert!(apart.kl_nats.is_finite());
        let constant = Likeness::of(&[1.0; 5], &[1.0; 3]);
        assert!((constant.overlap - 1.0).abs() < 1e-9);
        let beside = Likeness::of(&[1.0; 5], &[2.0; 3]);
        assert!(beside.overlap < 1e-6, "{beside:?}");
    }

    /// The numbers are those of SciPy's `gaussian_kde(...)` at 256 points of the same range, divided by their sums.
    #[test]
    fn the_likeness_is_that_of_scipys_kernel_densities() {
        let a = [0.1, 0.4, 0.35, 0.8, 0.9, 0.25];
        let b = [0.2, 0.5, 0.55, 0.6, 1.3];
        let Likeness { overlap, kl_nats } = Likeness::of(&a, &b);
        assert!((overlap - 0.880_912).abs() < 1e-4, "{overlap}");
        assert!((kl_nats - 0.058_443).abs() < 1e-4, "{kl_nats}");
    }
}
