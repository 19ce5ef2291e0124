//! Where the points of real grooves lie, as a distribution to draw new ones from.
//!
//! The network is trained towards a standard normal prior and never reaches it: drawn from there, some points decode to
//! what no drummer plays. A mixture of normal distributions fitted to the points of the training grooves comes nearer.
//! Each style has components of its own: a rare style that shared them with others would be lost among these.
//!
//! # Source
//! Tomczak & Welling 2018, "VAE with a VampPrior", section 2, for the aggregate posterior as the best prior; Bishop 2006,
//! "Pattern Recognition and Machine Learning", section 9.2.2, for expectation maximisation.

use crate::noise::Noise;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Added to the variances: no component may close in on a single point.
const RIDGE: f64 = 1e-3;
/// Weight of the covariance of all points in that of each component, in points for each latent number: the few points of a
/// rare style alone say nothing of most directions.
const SHRINKAGE: f64 = 0.1;
/// Iterations of expectation maximisation, and of the clustering that it starts from.
const ITERATIONS: usize = 40;
const CLUSTERING_ITERATIONS: usize = 10;

/// A mixture of normal distributions with full covariances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Shares of the components; they add up to 1.
    weights: Vec<f32>,
    components: Vec<Component>,
    /// The shares of the components in each style.
    styles: BTreeMap<String, Vec<f32>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Component {
    /// `[latent]`.
    mean: Vec<f32>,
    /// The Cholesky factor of the covariance: the lower triangle, row after row.
    factor: Vec<f32>,
}

impl Prior {
    /// The mixture of about `n_components` that fits points of latent space best, each `[latent]`; `styles` names each
    /// point's style where it has one. The styles share the components out by their points, and each has at least one.
    /// `None` if there are fewer points than numbers in one of them: they say nothing of a covariance.
    ///
    /// # Panics
    /// If the points differ in width or `styles` is not as long as `points`.
    #[must_use]
    pub fn fit(
        points: &[Vec<f32>],
        styles: &[Option<&str>],
        n_components: usize,
        noise: &mut Noise,
    ) -> Option<Self> {
        assert_eq!(
            points.len(),
            styles.len(),
            "every point has its place in the styles"
        );
        let latent = points.first()?.len();
        if points.len() <= latent {
            return None;
        }
        let mut by_style: BTreeMap<Option<&str>, Vec<Vec<f64>>> = BTreeMap::new();
        for (point, style) in points.iter().zip(styles) {
            let point = point.iter().copied().map(f64::from).collect();
            by_style.entry(*style).or_default().push(point);
        }
        let all: Vec<Vec<f64>> = by_style.values().flatten().cloned().collect();
        let all = Moments::of(&all, || std::iter::repeat(1.0));

        let mut components = Vec::new();
        let mut ranges = Vec::new();
        for (style, members) in by_style {
            // A component needs more points than it has directions.
            let most = (members.len() / (2 * latent + 1)).max(1);
            let n = n_components * members.len() / points.len();
            let first = components.len();
            components.extend(mixture(&members, n.clamp(1, most), &all, noise));
            ranges.push((style, first..components.len()));
        }
        let shares = |of: std::ops::Range<usize>| -> Vec<f32> {
            let total: f64 = components[of.clone()].iter().map(|one| one.weight).sum();
            let share = |(place, one): (usize, &Normal)| {
                if of.contains(&place) {
                    one.weight / total
                } else {
                    0.0
                }
            };
            let shares: Vec<f64> = components.iter().enumerate().map(share).collect();
            super::narrow(&shares)
        };
        let of_styles = ranges.into_iter();
        Some(Self {
            weights: shares(0..components.len()),
            styles: of_styles
                .filter_map(|(style, of)| Some((style?.to_owned(), shares(of))))
                .collect(),
            components: components
                .iter()
                .map(|one| Component {
                    mean: super::narrow(&one.mean),
                    factor: super::narrow(&one.factor),
                })
                .collect(),
        })
    }

    /// A point of `latent` numbers from a model's prior: without one, from the standard normal distribution.
    #[must_use]
    pub fn draw_from(
        prior: Option<&Self>,
        latent: usize,
        style: Option<&str>,
        noise: &mut Noise,
    ) -> Vec<f32> {
        match prior {
            Some(prior) => prior.draw(style, noise),
            None => noise.normals(latent),
        }
    }

    /// A point: of grooves of a style that the prior knows, else of all grooves.
    #[must_use]
    pub fn draw(&self, style: Option<&str>, noise: &mut Noise) -> Vec<f32> {
        let weights = style.and_then(|style| self.styles.get(style));
        let weights = weights.unwrap_or(&self.weights);
        let mut left = noise.uniform();
        let mut chosen = self.components.len() - 1;
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                chosen = index;
                break;
            }
            left -= weight;
        }
        let Component { mean, factor } = &self.components[chosen];
        let normals = noise.normals(mean.len());
        let mut rows = factor.as_slice();
        let value = |(place, mean): (usize, &f32)| {
            let (row, rest) = rows.split_at(place + 1);
            rows = rest;
            let terms = row
                .iter()
                .zip(&normals)
                .map(|(factor, normal)| factor * normal);
            mean + terms.sum::<f32>()
        };
        mean.iter().enumerate().map(value).collect()
    }

    /// Width of the latent vector, if all parts of the prior agree on one.
    #[must_use]
    pub fn latent(&self) -> Option<usize> {
        let latent = self.components.first()?.mean.len();
        let n = self.components.len();
        let fits = |one: &Component| {
            let numbers = one.mean.iter().chain(&one.factor);
            one.mean.len() == latent
                && one.factor.len() == latent * (latent + 1) / 2
                && numbers.into_iter().all(|number| number.is_finite())
        };
        let shares = |weights: &Vec<f32>| {
            weights.len() == n && weights.iter().all(|weight| (0.0..=1.0).contains(weight))
        };
        let agree = self.components.iter().all(fits)
            && shares(&self.weights)
            && self.styles.values().all(shares);
        agree.then_some(latent)
    }
}

/// A normal distribution while a mixture is fitted.
struct Normal {
    /// Points that belong to it.
    weight: f64,
    mean: Vec<f64>,
    /// As in [`Component`].
    factor: Vec<f64>,
}

/// The mixture of `n` that fits `points` best.
fn mixture(points: &[Vec<f64>], n: usize, all: &Moments, noise: &mut Noise) -> Vec<Normal> {
    let mut shares = clusters(points, n, noise);
    let of_shares = |shares: &[Vec<f64>]| -> Vec<Normal> {
        let component = |component: usize| {
            let shares = || shares.iter().map(move |shares| shares[component]);
            Normal::of(Moments::of(points, shares), all)
        };
        (0..n).map(component).collect()
    };
    let mut normals = of_shares(&shares);
    for _ in 0..ITERATIONS {
        for (shares, point) in shares.iter_mut().zip(points) {
            *shares = shares_of(point, &normals);
        }
        normals = of_shares(&shares);
    }
    normals
}

/// The share of each component in a point.
fn shares_of(point: &[f64], normals: &[Normal]) -> Vec<f64> {
    let mut logs: Vec<f64> = normals
        .iter()
        .map(|normal| normal.weight.ln() + normal.log_density(point))
        .collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for log in &mut logs {
        *log = (*log - largest).exp();
    }
    let total: f64 = logs.iter().sum();
    logs.into_iter().map(|share| share / total).collect()
}

/// Weight, mean and covariance of points.
struct Moments {
    weight: f64,
    mean: Vec<f64>,
    /// The lower triangle, row after row.
    covariance: Vec<f64>,
}

impl Moments {
    /// Of points of which only these shares count.
    fn of<I: Iterator<Item = f64>>(points: &[Vec<f64>], shares: impl Fn() -> I) -> Self {
        let latent = points[0].len();
        let weight: f64 = points.iter().zip(shares()).map(|(_, share)| share).sum();
        let weight = weight.max(f64::MIN_POSITIVE);
        let mut mean = vec![0.0; latent];
        for (point, share) in points.iter().zip(shares()) {
            for (mean, x) in mean.iter_mut().zip(point) {
                *mean += share / weight * x;
            }
        }
        let mut covariance = vec![0.0; latent * (latent + 1) / 2];
        for (point, share) in points.iter().zip(shares()) {
            // Most points are next to nothing to most components.
            if share < 1e-9 {
                continue;
            }
            let centred: Vec<f64> = point.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            let mut rest = covariance.as_mut_slice();
            for (place, a) in centred.iter().enumerate() {
                let (row, below) = rest.split_at_mut(place + 1);
                for (sum, b) in row.iter_mut().zip(&centred) {
                    *sum += share / weight * a * b;
                }
                rest = below;
            }
        }
        Self {
            weight,
            mean,
            covariance,
        }
    }
}

impl Normal {
    /// With a little of the covariance of `all` points.
    fn of(own: Moments, all: &Moments) -> Self {
        let Moments {
            weight,
            mean,
            covariance,
        } = own;
        let latent = mean.len();
        let of_all = {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let points = SHRINKAGE * latent as f64;
            points / (weight + points)
        };
        let mut covariance: Vec<f64> = covariance
            .iter()
            .zip(&all.covariance)
            .map(|(own, all)| own + of_all * (all - own))
            .collect();
        for place in 0..latent {
            covariance[triangle(place) + place] += RIDGE;
        }
        Self {
            weight,
            mean,
            factor: cholesky(covariance, latent),
        }
    }

    /// Up to a constant.
    fn log_density(&self, point: &[f64]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(point.len());
        let mut log_density = 0.0;
        for (place, (x, mean)) in point.iter().zip(&self.mean).enumerate() {
            let row = &self.factor[triangle(place)..][..=place];
            let known: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
            let value = (x - mean - known) / row[place];
            log_density -= 0.5 * value * value + row[place].ln();
            solved.push(value);
        }
        log_density
    }
}

/// Where row `place` of a lower triangle begins.
fn triangle(place: usize) -> usize {
    place * (place + 1) / 2
}

/// The lower triangle whose product with its transpose is a positive definite matrix, given by its lower triangle.
fn cholesky(mut matrix: Vec<f64>, width: usize) -> Vec<f64> {
    for i in 0..width {
        for j in 0..=i {
            let (row_i, row_j) = (triangle(i), triangle(j));
            let known: f64 = (0..j).map(|k| matrix[row_i + k] * matrix[row_j + k]).sum();
            let rest = matrix[row_i + j] - known;
            matrix[row_i + j] = if i == j {
                // The ridge keeps it positive but for rounding.
                rest.max(RIDGE * RIDGE).sqrt()
            } else {
                rest / matrix[row_j + j]
            };
        }
    }
    matrix
}

/// For each point 1 for the nearest of `n` centres and 0 for the others.
///
/// # Source
/// Lloyd 1982 from the centres of Arthur & Vassilvitskii 2007, "k-means++".
fn clusters(points: &[Vec<f64>], n: usize, noise: &mut Noise) -> Vec<Vec<f64>> {
    let distance =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
    let mut centres = vec![points[noise.below(points.len())].clone()];
    let mut nearest: Vec<f64> = points
        .iter()
        .map(|point| distance(point, &centres[0]))
        .collect();
    while centres.len() < n {
        let mut left = f64::from(noise.uniform()) * nearest.iter().sum::<f64>();
        let chosen = nearest.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        let centre = points[chosen.unwrap_or(points.len() - 1)].clone();
        for (nearest, point) in nearest.iter_mut().zip(points) {
            *nearest = nearest.min(distance(point, &centre));
        }
        centres.push(centre);
    }
    let mut shares = Vec::new();
    for _ in 0..CLUSTERING_ITERATIONS {
        let closest = |point: &Vec<f64>| {
            let distances = centres.iter().map(|centre| distance(point, centre));
            let best = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            let best = best.map_or(0, |(index, _)| index);
            (0..n)
                .map(|index| f64::from(u8::from(index == best)))
                .collect()
        };
        shares = points.iter().map(closest).collect::<Vec<Vec<f64>>>();
        for (index, centre) in centres.iter_mut().enumerate() {
            let members = || {
                points
                    .iter()
                    .zip(&shares)
                    .filter(|(_, share)| share[index] > 0.0)
            };
            let count: f64 = members().map(|_| 1.0).sum();
            if count > 0.0 {
                centre.fill(0.0);
                for (point, _) in members() {
                    for (sum, x) in centre.iter_mut().zip(point) {
                        *sum += x / count;
                    }
                }
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// Funk around (3, 0) along the diagonal, jazz around (-3, 1), small.
    fn points() -> (Vec<Vec<f32>>, Vec<Option<&'static str>>) {
        let mut noise = Noise::from_seed(1);
        let funk = |noise: &mut Noise| {
            let (along, across) = (noise.normal(), 0.2 * noise.normal());
            vec![3.0 + along, along + across]
        };
        let jazz =
            |noise: &mut Noise| vec![-3.0 + 0.3 * noise.normal(), 1.0 + 0.1 * noise.normal()];
        let mut points = Vec::new();
        let mut styles = Vec::new();
        for i in 0..900 {
            if i % 3 == 0 {
                points.push(jazz(&mut noise));
                styles.push(Some("jazz"));
            } else {
                points.push(funk(&mut noise));
                styles.push(Some("funk"));
            }
        }
        (points, styles)
    }

    fn moments(points: &[Vec<f32>]) -> [f32; 5] {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let n = points.len() as f32;
        let mean = |of: &dyn Fn(&Vec<f32>) -> f32| points.iter().map(of).sum::<f32>() / n;
        let (x, y) = (mean(&|p| p[0]), mean(&|p| p[1]));
        [
            x,
            y,
            mean(&|p| (p[0] - x).powi(2)),
            mean(&|p| (p[1] - y).powi(2)),
            mean(&|p| (p[0] - x) * (p[1] - y)),
        ]
    }

    #[test]
    fn what_is_drawn_lies_as_the_points_do_and_a_style_lies_where_its_points_do() {
        let (points, styles) = points();
        let prior = Prior::fit(&points, &styles, 2, &mut Noise::from_seed(2)).unwrap();
        assert_eq!(prior.latent(), Some(2));
        let mut noise = Noise::from_seed(3);
        let of_style = |name| -> Vec<Vec<f32>> {
            let members = points.iter().zip(&styles);
            members
                .filter(|(_, style)| **style == name)
                .map(|(point, _)| point.clone())
                .collect()
        };
        for (style, expected) in [
            (None, points.clone()),
            (Some("funk"), of_style(Some("funk"))),
            (Some("jazz"), of_style(Some("jazz"))),
            (Some("polka"), points.clone()),
        ] {
            let drawn: Vec<Vec<f32>> = (0..20_000).map(|_| prior.draw(style, &mut noise)).collect();
            for (drawn, expected) in moments(&drawn).into_iter().zip(moments(&expected)) {
                assert!(
                    (drawn - expected).abs() < 0.15,
                    "{style:?}: {drawn}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn too_few_points_have_no_prior_and_a_damaged_one_has_no_width() {
        let (points, styles) = points();
        let mut noise = Noise::from_seed(1);
        assert!(Prior::fit(&points[..2], &styles[..2], 2, &mut noise).is_none());
        assert!(Prior::fit(&[], &[], 2, &mut noise).is_none());
        let mut prior = Prior::fit(&points, &styles, 2, &mut noise).unwrap();
        prior.components[1].factor.pop();
        assert_eq!(prior.latent(), None);
    }
}
