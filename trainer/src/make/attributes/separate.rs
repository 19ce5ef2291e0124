//! Vectors that move one attribute and leave others alone.
//!
//! In the data, attributes come together: what is dense is loud. The means of quartiles cannot tell them apart, and a
//! decoder need not follow them at all. So the attributes that a musician turns one by one get vectors from the music that
//! the model plays: the shortest way, seen from the prior, to an attribute one standard deviation higher with the others as
//! they were.

use super::effects::{Point, measure_at};
use anyhow::{Context as _, Result};
use fourbar_model::attributes::{Attribute, AttributeVector};
use fourbar_model::conditions::Conditions;
use fourbar_model::vae::Vae;
use smartcore::linalg::basic::arrays::{Array, Array2};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::cholesky::CholeskyDecomposable as _;
use smartcore::linalg::traits::qr::QRDecomposable as _;

/// The attributes that are kept apart from one another.
pub(crate) const KNOBS: [&str; 5] = ["density", "loudness", "weak_share", "swing", "push"];

/// How freely the music of the random points is drawn: as it is played.
const TEMPERATURE: f32 = 1.0;
/// Random points whose music says how attributes follow from the latent vector.
const N_POINTS: usize = 4096;
/// Of these, points at which the vectors are tried, and how often they are corrected.
const N_TRIALS: usize = 512;
const N_CORRECTIONS: usize = 2;
/// Least share of an attribute's variance that the latent vector has to explain.
const MIN_EXPLAINED: f64 = 0.1;
/// Added to the variances of the latent numbers, of which some say next to nothing.
const RIDGE: f64 = 1e-3;
/// The most standard deviations that an attribute counts: the swing of a few hits can be anything.
const LARGEST: f64 = 3.0;

/// A model and the knobs that are turned.
struct Turned<'a> {
    vae: &'a Vae,
    points: Vec<Point<'a>>,
    knobs: Vec<(Attribute, AttributeVector)>,
}

/// Replaces the vectors of those [`KNOBS`] that the model answers to; returns their names.
///
/// # Source
/// V = C (C' S⁻¹ C)⁻¹, of the covariances S of the latent numbers of random points and C of these with the attributes of
/// their music, is under linear regression the step of least Mahalanobis length that has given effects. That it is
/// corrected by what the steps do is our own.
///
/// # Errors
/// If the network fails.
pub(super) fn separate(
    vae: &Vae,
    vectors: &mut [(Attribute, AttributeVector)],
    conditions: &[Conditions],
    seed: u64,
) -> Result<Vec<&'static str>> {
    let knobs = vectors.iter();
    let mut turned = Turned {
        vae,
        points: (0..N_POINTS)
            .map(|index| Point::draw(vae, conditions, seed, index))
            .collect(),
        knobs: knobs
            .filter(|(attribute, _)| KNOBS.contains(&attribute.id))
            .cloned()
            .collect(),
    };
    let Some(ways) = turned.ways()? else {
        return Ok(Vec::new());
    };
    for (place, (attribute, knob)) in turned.knobs.iter().enumerate() {
        let vector = vectors.iter_mut().find(|(one, _)| one.id == attribute.id);
        let (_, vector) = vector.context("a knob is one of the vectors")?;
        // Added once, a vector leads from the quarter with least of the attribute to the one with most.
        let times = (knob.top - knob.bottom) / knob.deviation;
        vector.vector = row(&ways, place, times);
    }
    Ok(turned.knobs.iter().map(|(one, _)| one.id).collect())
}

impl Turned<'_> {
    /// The ways to one more standard deviation of each attribute, `[knobs, latent]`, without knobs that the model does not
    /// answer to; `None` if there are no others.
    fn ways(&mut self) -> Result<Option<DenseMatrix<f64>>> {
        let nothing = vec![0.0; self.vae.config().latent];
        let values = self.measured(&self.points, &nothing)?;
        let latents: Vec<Vec<f64>> = self
            .points
            .iter()
            .map(|point| point.z.iter().copied().map(f64::from).collect())
            .collect();
        let mut spread = covariance(&latents, &latents);
        for (place, row) in spread.iter_mut().enumerate() {
            row[place] += RIDGE;
        }
        let spread = matrix(&spread)?;
        let regressed = |values: &[Vec<f64>]| -> Result<_> {
            let together = matrix(&covariance(&latents, values))?;
            let weights = spread.clone().cholesky_solve_mut(together.clone())?;
            Ok((together.clone(), together.transpose().matmul(&weights)))
        };
        let (_, explained) = regressed(&values)?;
        let answers: Vec<bool> = (0..self.knobs.len())
            .map(|place| *explained.get((place, place)) >= MIN_EXPLAINED)
            .collect();
        let mut answer = answers.iter();
        self.knobs.retain(|_| answer.next() == Some(&true));
        if self.knobs.is_empty() {
            return Ok(None);
        }
        let kept = |values: &Vec<f64>| {
            let values = values.iter().zip(&answers);
            values
                .filter(|(_, answers)| **answers)
                .map(|(value, _)| *value)
                .collect()
        };
        let values: Vec<Vec<f64>> = values.iter().map(kept).collect();
        let (together, explained) = regressed(&values)?;
        let mut ways = explained.cholesky_solve_mut(together.transpose())?;
        for _ in 0..N_CORRECTIONS {
            let effects = matrix(&self.effects(&ways)?)?;
            ways = effects.qr_solve_mut(ways)?;
        }
        Ok(Some(ways))
    }

    /// What a step along each way does to each attribute, in standard deviations, `[knobs][knobs]`: half of the difference
    /// between a step forward and a step back.
    fn effects(&self, ways: &DenseMatrix<f64>) -> Result<Vec<Vec<f64>>> {
        let points = &self.points[..N_TRIALS];
        let means = |place, times| -> Result<Vec<f64>> {
            Ok(means(&self.measured(points, &row(ways, place, times))?))
        };
        let effect = |place| -> Result<Vec<f64>> {
            let (up, down) = (means(place, 1.0)?, means(place, -1.0)?);
            let pairs = up.iter().zip(down);
            Ok(pairs.map(|(up, down)| (up - down) / 2.0).collect())
        };
        (0..self.knobs.len()).map(effect).collect()
    }

    /// The attributes of each point's music, moved by `by`, in standard deviations from the training mean; an attribute
    /// that the music does not have is at the mean.
    fn measured(&self, points: &[Point], by: &[f32]) -> Result<Vec<Vec<f64>>> {
        let measured = measure_at(self.vae, &self.knobs, points, by, TEMPERATURE)?;
        let standard = |values: Vec<Option<f64>>| -> Vec<f64> {
            let values = values.into_iter().zip(&self.knobs);
            let standard = values.map(|(value, (_, knob))| {
                let distance = value.map_or(0.0, |value| (value - knob.mean) / knob.deviation);
                distance.clamp(-LARGEST, LARGEST)
            });
            standard.collect()
        };
        Ok(measured.into_iter().map(standard).collect())
    }
}

/// The mean of each column.
fn means(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut means = vec![0.0; rows[0].len()];
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let n = rows.len() as f64;
    for row in rows {
        for (mean, x) in means.iter_mut().zip(row) {
            *mean += x / n;
        }
    }
    means
}

/// The covariance of each column of `a` with each of `b`.
fn covariance(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (mean_a, mean_b) = (means(a), means(b));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let n = a.len() as f64;
    let mut sums = vec![vec![0.0; mean_b.len()]; mean_a.len()];
    for (a, b) in a.iter().zip(b) {
        for ((sums, a), mean_a) in sums.iter_mut().zip(a).zip(&mean_a) {
            for ((sum, b), mean_b) in sums.iter_mut().zip(b).zip(&mean_b) {
                *sum += (a - mean_a) * (b - mean_b) / n;
            }
        }
    }
    sums
}

fn matrix(rows: &Vec<Vec<f64>>) -> Result<DenseMatrix<f64>> {
    Ok(DenseMatrix::from_2d_vec(rows)?)
}

/// A row of a matrix, `times` as long.
fn row(matrix: &DenseMatrix<f64>, place: usize, times: f64) -> Vec<f32> {
    let (_, width) = matrix.shape();
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    let number = |column| (times * matrix.get((place, column))) as f32;
    (0..width).map(number).collect()
}
