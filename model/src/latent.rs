//! The space that grooves are points of: where real ones lie in it, and how to interpolate in it.
//!
//! The encoder turns a groove into a cloud of points (a [`Posterior`]); near points decode to similar grooves. The
//! [`LatentMap`] of a checkpoint describes where all the training grooves together lie, so that a knob can move along
//! the directions in which they differ most.

mod prior;

pub use prior::{Located, Prior};

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An independent normal distribution for every latent dimension of every groove of a batch.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Means, `[batch, latent]`.
    pub mu: Tensor,
    /// Standard deviations, `[batch, latent]`.
    pub sigma: Tensor,
}

impl Posterior {
    /// The points that standard normal noise picks: `mu + sigma * noise`.
    ///
    /// # Shapes
    /// `noise` and the result: `[batch, latent]`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        &self.mu + (&self.sigma * noise)?
    }

    /// Closed-form KL divergence from this distribution to the standard normal prior, in nats.
    ///
    /// # Shapes
    /// Result: `[batch]`.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Source
    /// Kingma & Welling 2013, appendix B: ½ Σ (μ² + σ² − 1 − ln σ²).
    pub fn kl_nats(&self) -> Result<Tensor> {
        let variance = self.sigma.sqr()?;
        let terms = ((self.mu.sqr()? + &variance)? - (variance.log()? + 1.0)?)?;
        terms.sum(1)? * 0.5
    }
}

/// The shape of a data set in latent space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentMap {
    /// Mean of the posterior means, `[latent]`.
    pub mean: Vec<f32>,
    /// Directions of unit length in which the posterior means differ most, strongest first, each `[latent]`.
    pub axes: Vec<Vec<f32>>,
    /// Standard deviation of the posterior means along each axis.
    pub spreads: Vec<f32>,
    /// Mean of the posterior means of every style by its name, each `[latent]`.
    pub styles: BTreeMap<String, Vec<f32>>,
    /// The distribution that new grooves are drawn from; without one it is the standard normal distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
}

impl LatentMap {
    /// Measures the posterior means of a data set, one per groove, and the `n_axes` strongest of their principal axes
    /// (all of them if there are fewer). `styles` names each groove's style where it has one.
    ///
    /// An axis and its opposite are the same axis to mathematics but not to a knob: the one whose largest component is
    /// positive is taken, and the result is the same on every machine.
    ///
    /// # Panics
    /// If the means differ in width or `styles` is not as long as `mus`.
    #[must_use]
    pub fn fit(mus: &[Vec<f32>], styles: &[Option<&str>], n_axes: usize) -> Self {
        assert_eq!(
            mus.len(),
            styles.len(),
            "every groove has its place in the list of styles"
        );
        let latent = mus.first().map_or(0, Vec::len);
        let mean = mean_of(mus.iter(), latent);
        let (variances, directions) = eigen(covariance(mus, &mean), latent);

        let mut strongest: Vec<usize> = (0..latent).collect();
        strongest.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
        strongest.truncate(n_axes);
        let axes = strongest
            .iter()
            .map(|&axis| narrow(&oriented(&directions[axis])))
            .collect();
        // Rounding can leave a variance of nothing slightly below zero.
        let deviations: Vec<f64> = strongest
            .iter()
            .map(|&axis| variances[axis].max(0.0).sqrt())
            .collect();

        let mut members: BTreeMap<&str, Vec<&Vec<f32>>> = BTreeMap::new();
        for (mu, style) in mus.iter().zip(styles) {
            if let Some(style) = style {
                members.entry(style).or_default().push(mu);
            }
        }
        let styles = members
            .into_iter()
            .map(|(style, mus)| (style.to_owned(), narrow(&mean_of(mus.into_iter(), latent))))
            .collect();
        Self {
            mean: narrow(&mean),
            axes,
            spreads: narrow(&deviations),
            styles,
            prior: None,
        }
    }

    /// The latent vector, `[latent]`, that leads from the centre of an axis to `position` on it, all axes added up.
    /// A position is in standard deviations of the data; axes without a position do not move, positions without an
    /// axis are ignored.
    #[must_use]
    pub fn offset(&self, position: &[f32]) -> Vec<f32> {
        let mut offset = vec![0.0; self.mean.len()];
        for ((position, spread), axis) in position.iter().zip(&self.spreads).zip(&self.axes) {
            for (sum, component) in offset.iter_mut().zip(axis) {
                *sum += position * spread * component;
            }
        }
        offset
    }
}

/// The point a fraction `t` of the way from `a` to `b` on the arc between them: halfway it keeps the length that
/// decoded points have, where a straight line would pass nearer to the centre, through grooves that no one plays.
/// Where there is no arc (equal, opposite or zero vectors) it is the straight line.
///
/// # Source
/// Magenta's `MusicVAE.interpolate`: the vectors are not normalised.
#[must_use]
pub fn slerp(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let t = f64::from(t);
    let angle = (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
        .clamp(-1.0, 1.0)
        .acos();
    // Nearly parallel, the arc is the line up to rounding. The comparison is also false for the NaN of a zero vector.
    let (of_a, of_b) = if angle.sin() > 1e-4 {
        (
            ((1.0 - t) * angle).sin() / angle.sin(),
            (t * angle).sin() / angle.sin(),
        )
    } else {
        (1.0 - t, t)
    };
    let blend: Vec<f64> = a
        .iter()
        .zip(b)
        .map(|(a, b)| of_a * f64::from(*a) + of_b * f64::from(*b))
        .collect();
    narrow(&blend)
}

/// The point a fraction `t` of the way from `a` to `b` on the straight line between them.
#[must_use]
pub fn lerp(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    a.iter()
        .zip(b)
        .map(|(a, b)| (1.0 - t) * a + t * b)
        .collect()
}

/// How two points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// By [`slerp`].
    Arc,
    /// By [`lerp`].
    Line,
}

impl Path {
    /// The point a fraction `t` of the way from `a` to `b`.
    #[must_use]
    pub fn between(self, a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
        match self {
            Self::Arc => slerp(a, b, t),
            Self::Line => lerp(a, b, t),
        }
    }

    /// The point `x` of the way from left to right and `y` of the way from top to bottom between four corners: top left,
    /// bottom left, top right, bottom right. On lines this is bilinear interpolation.
    ///
    /// # Source
    /// The order of the corners is that of magenta.js, which has lines only.
    #[must_use]
    pub fn inside(self, corners: [&[f32]; 4], x: f32, y: f32) -> Vec<f32> {
        let [top_left, bottom_left, top_right, bottom_right] = corners;
        let top = self.between(top_left, top_right, x);
        let bottom = self.between(bottom_left, bottom_right, x);
        self.between(&top, &bottom, y)
    }
}

fn mean_of<'a>(vectors: impl ExactSizeIterator<Item = &'a Vec<f32>>, width: usize) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "no data set has 2^53 grooves")]
    let count = vectors.len() as f64;
    let mut mean = vec![0.0; width];
    for vector in vectors {
        assert_eq!(vector.len(), width, "all latent vectors are equally wide");
        for (sum, value) in mean.iter_mut().zip(vector) {
            *sum += f64::from(*value) / count;
        }
    }
    mean
}

/// Population covariance, `[latent, latent]` in rows.
fn covariance(vectors: &[Vec<f32>], mean: &[f64]) -> Vec<Vec<f64>> {
    let width = mean.len();
    #[expect(clippy::cast_precision_loss, reason = "no data set has 2^53 grooves")]
    let count = vectors.len().max(1) as f64;
    let mut covariance = vec![vec![0.0; width]; width];
    for vector in vectors {
        let centred: Vec<f64> = vector
            .iter()
            .zip(mean)
            .map(|(value, mean)| f64::from(*value) - mean)
            .collect();
        for (row, a) in covariance.iter_mut().zip(&centred) {
            for (sum, b) in row.iter_mut().zip(&centred) {
                *sum += a * b / count;
            }
        }
    }
    covariance
}

/// Eigenvalues of a symmetric matrix, and in the same order its eigenvectors of unit length.
///
/// # Source
/// Cyclic Jacobi rotations: Golub & Van Loan, Matrix Computations, section 8.5. Slower than other methods, but it has
/// no random start, no threshold to tune, and accurate vectors for close eigenvalues.
fn eigen(mut matrix: Vec<Vec<f64>>, width: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    // Convergence is quadratic: matrices of a thousand rows need about ten sweeps.
    const MAX_SWEEPS: usize = 30;
    let mut vectors: Vec<Vec<f64>> = (0..width)
        .map(|i| (0..width).map(|j| f64::from(i == j)).collect())
        .collect();
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for p in 0..width {
            for q in p + 1..width {
                let scale = (matrix[p][p] * matrix[q][q]).abs().sqrt();
                if matrix[p][q].abs() <= f64::EPSILON * scale || matrix[p][q] == 0.0 {
                    continue;
                }
                rotated = true;
                let (cos, sin) = rotation(matrix[p][p], matrix[q][q], matrix[p][q]);
                for row in &mut matrix {
                    (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
                }
                rotate_rows(&mut matrix, p, q, cos, sin);
                rotate_rows(&mut vectors, p, q, cos, sin);
            }
        }
        if !rotated {
            break;
        }
    }
    ((0..width).map(|i| matrix[i][i]).collect(), vectors)
}

/// Cosine and sine of the smaller rotation that makes the off-diagonal element `pq` vanish.
fn rotation(pp: f64, qq: f64, pq: f64) -> (f64, f64) {
    let tau = (qq - pp) / (2.0 * pq);
    let tan = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let cos = 1.0 / (1.0 + tan * tan).sqrt();
    (cos, tan * cos)
}

fn rotate_rows(rows: &mut [Vec<f64>], p: usize, q: usize, cos: f64, sin: f64) {
    let (upper, lower) = rows.split_at_mut(q);
    for (a, b) in upper[p].iter_mut().zip(&mut lower[0]) {
        (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
    }
}

fn oriented(direction: &[f64]) -> Vec<f64> {
    let largest = direction.iter().fold(0.0_f64, |largest, value| {
        if value.abs() > largest.abs() {
            *value
        } else {
            largest
        }
    });
    direction
        .iter()
        .map(|value| value * largest.signum())
        .collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to single precision is meant"
    )]
    values.iter().map(|value| *value as f32).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::{DType, Device};

    #[test]
    fn kl_of_magentas_initial_posterior_is_27_nats() {
        // softplus(0) = ln 2 in each of 256 dimensions.
        let mu = Tensor::zeros((1, 256), DType::F32, &Device::Cpu).unwrap();
        let sigma = (mu.ones_like().unwrap() * std::f64::consts::LN_2).unwrap();
        let posterior = Posterior { mu, sigma };
        let nats = posterior.kl_nats().unwrap().to_vec1::<f32>().unwrap()[0];
        assert!((nats - 27.35).abs() < 0.05, "{nats}");
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// Points whose deviation is 3 along (0.6, 0.8, 0, 0), 1 along (0, 0, 0, 1) and next to nothing elsewhere.
    fn ellipsoid() -> Vec<Vec<f32>> {
        let mut noise = Noise::from_seed(1);
        let mut point = || {
            let [long, short, rest] = [noise.normal(), noise.normal(), 0.01 * noise.normal()];
            vec![1.0 + 1.8 * long, 2.4 * long, rest, 5.0 + short]
        };
        (0..4000).map(|_| point()).collect()
    }

    #[test]
    fn the_axes_are_those_of_the_data() {
        let points = ellipsoid();
        let map = LatentMap::fit(&points, &vec![None; points.len()], 2);
        assert!((map.mean[0] - 1.0).abs() < 0.1 && (map.mean[3] - 5.0).abs() < 0.1);
        assert!(
            dot(&map.axes[0], &[0.6, 0.8, 0.0, 0.0]) > 0.999,
            "the sign is fixed too"
        );
        assert!(dot(&map.axes[1], &[0.0, 0.0, 0.0, 1.0]) > 0.999);
        assert!((map.spreads[0] - 3.0).abs() < 0.1 && (map.spreads[1] - 1.0).abs() < 0.05);
    }

    #[test]
    fn all_axes_are_orthonormal_and_rebuild_the_covariance() {
        let mut noise = Noise::from_seed(2);
        let latent = 40;
        let mix: Vec<Vec<f32>> = (0..latent).map(|_| noise.normals(latent)).collect();
        let points: Vec<Vec<f32>> = (0..200)
            .map(|_| {
                let source = noise.normals(latent);
                mix.iter().map(|row| dot(row, &source)).collect()
            })
            .collect();
        let map = LatentMap::fit(&points, &vec![None; points.len()], latent);
        assert!(map.spreads.is_sorted_by(|a, b| a >= b));
        for (i, a) in map.axes.iter().enumerate() {
            for (j, b) in map.axes.iter().enumerate() {
                assert!(
                    (dot(a, b) - f32::from(u8::from(i == j))).abs() < 1e-5,
                    "axes {i} and {j}"
                );
            }
        }
        let mean: Vec<f64> = map.mean.iter().copied().map(f64::from).collect();
        for (i, row) in covariance(&points, &mean).iter().enumerate() {
            for (j, expected) in row.iter().enumerate() {
                let rebuilt: f32 = map
                    .axes
                    .iter()
                    .zip(&map.spreads)
                    .map(|(axis, s)| s * s * axis[i] * axis[j])
                    .sum();
                assert!(
                    (f64::from(rebuilt) - expected).abs() < 1e-3 * 40.0,
                    "covariance of {i} and {j}"
                );
            }
        }
    }

    #[test]
    fn styles_have_their_centroids() {
        let points = vec![
            vec![1.0, 0.0],
            vec![3.0, 2.0],
            vec![9.0, 9.0],
            vec![5.0, 5.0],
        ];
        let map = LatentMap::fit(
            &points,
            &[Some("funk"), Some("funk"), Some("jazz"), None],
            1,
        );
        assert_eq!(map.styles.keys().collect::<Vec<_>>(), ["funk", "jazz"]);
        assert_eq!(map.styles["funk"], [2.0, 1.0]);
        assert_eq!(map.styles["jazz"], [9.0, 9.0]);
    }

    #[test]
    fn points_that_do_not_differ_have_axes_without_spread() {
        let map = LatentMap::fit(&vec![vec![2.0; 9]; 3], &[None; 3], 8);
        assert_eq!(map.spreads, [0.0; 8]);
        assert_eq!(map.offset(&[3.0; 8]), [0.0; 9]);
        assert!(LatentMap::fit(&[], &[], 8).axes.is_empty());
    }

    #[test]
    fn an_offset_counts_standard_deviations_along_the_axes() {
        let map = LatentMap {
            mean: vec![7.0; 3],
            axes: vec![vec![1.0, 0.0, 0.0], vec![0.0, 0.6, 0.8]],
            spreads: vec![2.0, 10.0],
            styles: BTreeMap::new(),
            prior: None,
        };
        assert_eq!(map.offset(&[-1.5, 1.0, 99.0]), [-3.0, 6.0, 8.0]);
        assert_eq!(map.offset(&[]), [0.0; 3]);
    }

    #[test]
    fn interpolation_keeps_to_the_arc() {
        let (a, b) = ([2.0, 0.0], [0.0, 2.0]);
        assert_eq!(slerp(&a, &b, 0.0), a);
        let half = slerp(&a, &b, 0.5);
        assert!((half[0] - 2.0_f32.sqrt()).abs() < 1e-6 && (half[1] - 2.0_f32.sqrt()).abs() < 1e-6);
        let end = slerp(&a, &b, 1.0);
        assert!(end[0].abs() < 1e-6 && (end[1] - 2.0).abs() < 1e-6);
        // Not normalised: sin(60°)/sin(90°) of one and sin(30°)/sin(90°) of the other.
        let third = slerp(&[1.0, 0.0], &[0.0, 4.0], 1.0 / 3.0);
        assert!((third[0] - 0.75_f32.sqrt()).abs() < 1e-6 && (third[1] - 2.0).abs() < 1e-6);
    }

    #[test]
    fn interpolation_without_an_arc_is_a_straight_line() {
        assert_eq!(slerp(&[1.0, -3.0], &[1.0, -3.0], 0.3), [1.0, -3.0]);
        assert_eq!(slerp(&[1.0, 2.0], &[-1.0, -2.0], 0.25), [0.5, 1.0]);
        assert_eq!(slerp(&[0.0, 0.0], &[4.0, 8.0], 0.25), [1.0, 2.0]);
        assert_eq!(slerp(&[1.0, 1.0], &[3.0, 3.0], 0.5), [2.0, 2.0]);
    }

    #[test]
    fn a_grid_has_its_corners_and_is_bilinear_on_lines() {
        let corners: [&[f32]; 4] = [&[0.0, 1.0], &[0.0, 3.0], &[4.0, 1.0], &[4.0, 7.0]];
        for path in [Path::Arc, Path::Line] {
            for (corner, (x, y)) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
                .into_iter()
                .enumerate()
            {
                let point = path.inside(corners, x, y);
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
                assert!(point.iter().zip(corners[corner]).all(near), "{point:?}");
            }
        }
        assert_eq!(Path::Line.inside(corners, 0.5, 0.5), [2.0, 3.0]);
        assert_eq!(Path::Line.inside(corners, 0.25, 1.0), [1.0, 4.0]);
    }

    #[test]
    fn a_sample_is_mu_plus_sigma_times_noise() {
        let tensor = |values: [f32; 2]| Tensor::new(&[values], &Device::Cpu);
        let sample = || -> Result<Vec<Vec<f32>>> {
            let posterior = Posterior {
                mu: tensor([1.0, 2.0])?,
                sigma: tensor([0.5, 3.0])?,
            };
            posterior.sample(&tensor([2.0, -1.0])?)?.to_vec2()
        };
        assert_eq!(sample().ok(), Some(vec![vec![2.0, -1.0]]));
    }
}
