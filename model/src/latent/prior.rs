//! Where the points of real grooves lie, as a distribution to draw new ones from.
//!
//! The network is trained towards a standard normal prior and never reaches it: drawn from there, some points decode to
//! what no drummer plays. The best prior is what the posteriors of the training grooves add up to. Some of them are kept,
//! each a kernel to draw from, a little wider than it was and nearer to the middle of its style, so that there is no gap
//! between them and the whole is as wide as before. Many grooves of a style could be of another one: who asks for a style is
//! given the half that lies among its like.
//!
//! # Source
//! Tomczak & Welling 2018, "VAE with a VampPrior", section 2, for the aggregate posterior as the best prior; West 1993,
//! "Approximating posterior distributions by mixtures", section 2.2, for wider kernels at shrunken locations.

use crate::noise::Noise;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Factor on the deviations of a kernel, and on the distance of its mean from that of its style; see docs/feel.md.
const WIDTH: f32 = 1.3;
const SHRINKAGE: f32 = 0.93;
/// Grooves of other songs among which a groove's style is looked for.
const NEIGHBOURS: usize = 30;
/// Stored numbers are whole multiples of 1 / this.
const UNITS: f32 = 256.0;

/// A mixture of normal distributions, a group of them for each style.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    groups: Vec<Group>,
}

/// The grooves of one style, or those without one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    style: Option<String>,
    /// The group's share of all grooves; those of all groups add up to 1.
    share: f32,
    /// Each is as likely as the others; those whose neighbours are of the same style come first.
    kernels: Vec<Kernel>,
}

/// An independent normal distribution for every latent number, `[latent]` each, in [`UNITS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kernel {
    mean: Vec<i16>,
    deviation: Vec<u16>,
}

/// Where a groove lies in the latent space.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<'a> {
    /// Mean and deviation of its posterior, `[latent]` each.
    pub mean: Vec<f32>,
    /// See `mean`.
    pub deviation: Vec<f32>,
    /// Its style, where it has one.
    pub style: Option<&'a str>,
    /// The song that it is from, as a number: grooves of one song are no evidence for each other.
    pub song: usize,
}

impl Prior {
    /// The prior of these grooves, as at most `n_kernels` kernels. Rare styles keep all their grooves, the others as many as
    /// are left for each. `None` without a groove.
    ///
    /// # Panics
    /// If the posteriors differ in width.
    #[must_use]
    pub fn fit(grooves: &[Located], n_kernels: usize) -> Option<Self> {
        let mut by_style: BTreeMap<Option<&str>, Vec<&Located>> = BTreeMap::new();
        for groove in grooves {
            by_style.entry(groove.style).or_default().push(groove);
        }
        let most = most_of_each(by_style.values().map(Vec::len), n_kernels);
        let groups: Vec<Group> = by_style
            .into_iter()
            .map(|(style, members)| Group {
                style: style.map(str::to_owned),
                share: number(members.len()) / number(grooves.len()),
                kernels: kernels(&members, most.min(members.len()), grooves),
            })
            .collect();
        (!groups.is_empty()).then_some(Self { groups })
    }

    /// This prior, and of `other` the styles that it has not itself: they are drawn from only where they are asked for.
    #[must_use]
    pub fn with_styles_of(mut self, other: &Self) -> Self {
        let is_new = |group: &&Group| {
            group.style.is_some() && self.groups.iter().all(|own| own.style != group.style)
        };
        let new = other.groups.iter().filter(is_new).cloned();
        let mut groups: Vec<Group> = new
            .map(|group| Group {
                share: 0.0,
                ..group
            })
            .collect();
        // Last, because rounding can leave the last group a little more than its share.
        groups.append(&mut self.groups);
        Self { groups }
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
        let mut left = noise.uniform();
        let of_style = |group: &&Group| style.is_some() && group.style.as_deref() == style;
        let by_share = |group: &&Group| {
            left -= group.share;
            left < 0.0
        };
        let kernels = match self.groups.iter().find(of_style) {
            Some(Group { kernels, .. }) => &kernels[..kernels.len().div_ceil(2)],
            None => {
                let last = &self.groups[self.groups.len() - 1];
                &self.groups.iter().find(by_share).unwrap_or(last).kernels
            }
        };
        let Kernel { mean, deviation } = &kernels[noise.below(kernels.len())];
        let numbers = mean.iter().zip(deviation);
        numbers
            .map(|(mean, deviation)| {
                (f32::from(*mean) + f32::from(*deviation) * noise.normal()) / UNITS
            })
            .collect()
    }

    /// Width of the latent vector, if all parts of the prior agree on one.
    #[must_use]
    pub fn latent(&self) -> Option<usize> {
        let latent = self.groups.first()?.kernels.first()?.mean.len();
        let fits = |one: &Kernel| one.mean.len() == latent && one.deviation.len() == latent;
        let is_whole = |group: &Group| {
            !group.kernels.is_empty()
                && group.kernels.iter().all(fits)
                && (0.0..=1.0).contains(&group.share)
        };
        self.groups.iter().all(is_whole).then_some(latent)
    }
}

/// The largest number of members that each group can keep, so that all keep at most `n`; at least 1.
fn most_of_each(sizes: impl Iterator<Item = usize> + Clone, n: usize) -> usize {
    let kept = |most: usize| sizes.clone().map(|size| size.min(most)).sum::<usize>();
    (1..=n).rev().find(|most| kept(*most) <= n).unwrap_or(1)
}

/// `n` of the grooves of a style, evenly spaced, as kernels; `all` are those of every style.
fn kernels(members: &[&Located], n: usize, all: &[Located]) -> Vec<Kernel> {
    let latent = members[0].mean.len();
    let middle = super::narrow(&super::mean_of(members.iter().map(|one| &one.mean), latent));
    let mut chosen: Vec<&Located> = (0..n)
        .map(|place| members[place * members.len() / n])
        .collect();
    let typical = |one: &&Located| one.neighbours_of_its_style(all);
    chosen.sort_by_cached_key(|one| std::cmp::Reverse(typical(one)));
    let kernel = |one: &Located| Kernel {
        mean: one
            .mean
            .iter()
            .zip(&middle)
            .map(|(mean, middle)| units(middle + SHRINKAGE * (mean - middle)))
            .collect(),
        deviation: one
            .deviation
            .iter()
            .map(|deviation| units(WIDTH * deviation).unsigned_abs())
            .collect(),
    };
    chosen.into_iter().map(kernel).collect()
}

impl Located<'_> {
    /// How many of the nearest grooves of other songs have this one's style.
    fn neighbours_of_its_style(&self, all: &[Self]) -> usize {
        let mut others: Vec<(f32, bool)> = all
            .iter()
            .filter(|other| other.song != self.song)
            .map(|other| (self.distance(other), other.style == self.style))
            .collect();
        let n = NEIGHBOURS.min(others.len());
        if n < others.len() {
            others.select_nth_unstable_by(n, |a, b| a.0.total_cmp(&b.0));
        }
        others[..n].iter().filter(|(_, is_same)| *is_same).count()
    }

    /// Squared distance in deviations of this one's posterior.
    fn distance(&self, other: &Self) -> f32 {
        let means = self.mean.iter().zip(&other.mean);
        let terms = means.zip(&self.deviation);
        terms
            .map(|((a, b), deviation)| ((a - b) / deviation).powi(2))
            .sum()
    }
}

/// The nearest multiple of 1 / [`UNITS`], within ±128.
fn units(value: f32) -> i16 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of floats saturates"
    )]
    let units = (value * UNITS).round() as i16;
    units
}

#[expect(clippy::cast_precision_loss, reason = "a number of grooves")]
fn number(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// Funk around (3, 0), wide, and half as many of jazz around (-3, 1), narrow.
    fn grooves() -> Vec<Located<'static>> {
        let mut noise = Noise::from_seed(1);
        let groove = |song: usize| {
            let (x, y) = (noise.normal(), noise.normal());
            let (mean, deviation, style) = if song.is_multiple_of(3) {
                (vec![-3.0 + 0.3 * x, 1.0 + 0.1 * y], vec![0.1, 0.05], "jazz")
            } else {
                (vec![3.0 + x, y], vec![0.5, 1.0], "funk")
            };
            Located {
                mean,
                deviation,
                style: Some(style),
                song,
            }
        };
        (0..900).map(groove).collect()
    }

    /// Means and variances.
    fn moments(points: &[Vec<f32>]) -> [f32; 4] {
        let mean = |of: &dyn Fn(&Vec<f32>) -> f32| {
            points.iter().map(of).sum::<f32>() / number(points.len())
        };
        let (x, y) = (mean(&|p| p[0]), mean(&|p| p[1]));
        [
            x,
            y,
            mean(&|p| (p[0] - x).powi(2)),
            mean(&|p| (p[1] - y).powi(2)),
        ]
    }

    #[test]
    fn what_is_drawn_lies_as_the_posteriors_do_and_a_style_lies_where_its_posteriors_do() {
        let prior = Prior::fit(&grooves(), 400).unwrap();
        assert_eq!(prior.latent(), Some(2));
        let mut noise = Noise::from_seed(3);
        for (style, expected) in [
            (None, [1.0, 1.0 / 3.0, 8.0 + 0.87, 0.22 + 1.33]),
            (Some("funk"), [3.0, 0.0, 1.25, 2.0]),
            (Some("jazz"), [-3.0, 1.0, 0.1, 0.0125]),
            (Some("polka"), [1.0, 1.0 / 3.0, 8.0 + 0.87, 0.22 + 1.33]),
        ] {
            let drawn: Vec<Vec<f32>> = (0..20_000).map(|_| prior.draw(style, &mut noise)).collect();
            for (drawn, expected) in moments(&drawn).into_iter().zip(expected) {
                assert!(
                    (drawn - expected).abs() < 0.15 + 0.2 * expected.abs(),
                    "{style:?}: {drawn}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn a_rare_style_keeps_all_its_grooves_and_is_not_drawn_more_often() {
        let mut grooves = grooves();
        for groove in &mut grooves[890..] {
            groove.style = Some("polka");
        }
        let prior = Prior::fit(&grooves, 210).unwrap();
        let kept = |style| {
            let is_it = |group: &&Group| group.style.as_deref() == Some(style);
            let group = prior.groups.iter().find(is_it).unwrap();
            (group.kernels.len(), (group.share * 900.0).round())
        };
        assert_eq!(kept("polka"), (10, 10.0));
        assert_eq!(kept("funk").0, 100);
        assert_eq!(kept("jazz").0, 100);
    }

    #[test]
    fn who_asks_for_a_style_is_given_what_lies_among_its_like() {
        let mut grooves = grooves();
        // Every other groove of jazz is played like the funk beside it.
        for pair in grooves.chunks_exact_mut(2).step_by(3) {
            if let [jazz, funk] = pair {
                jazz.mean.clone_from(&funk.mean);
            }
        }
        let prior = Prior::fit(&grooves, 900).unwrap();
        let mut noise = Noise::from_seed(3);
        let mut like_funk = |style| {
            let drawn = (0..1_000).map(|_| prior.draw(style, &mut noise));
            drawn.filter(|point| point[0] > 0.0).count()
        };
        assert_eq!(like_funk(Some("jazz")), 0);
        assert!(like_funk(Some("funk")) > 950);
        assert!(like_funk(None) > 750);
    }

    #[test]
    fn nothing_has_no_prior_and_a_damaged_one_has_no_width() {
        assert!(Prior::fit(&[], 2).is_none());
        let mut prior = Prior::fit(&grooves(), 1).unwrap();
        assert_eq!(prior.groups.len(), 2);
        prior.groups[1].kernels[0].deviation.pop();
        assert_eq!(prior.latent(), None);
    }

    #[test]
    fn styles_of_another_prior_are_drawn_from_only_where_they_are_asked_for() {
        let (jazz, funk): (Vec<Located>, Vec<Located>) = grooves()
            .into_iter()
            .partition(|one| one.style == Some("jazz"));
        let both = Prior::fit(&jazz, 100).unwrap();
        let both = both.with_styles_of(&Prior::fit(&funk, 100).unwrap());
        let mut noise = Noise::from_seed(5);
        let mut sides = |style: Option<&str>| {
            let drawn = (0..1_000).map(|_| both.draw(style, &mut noise)[0]);
            let (funk, jazz): (Vec<f32>, Vec<f32>) = drawn.partition(|x| *x > 0.0);
            (jazz.len(), funk.len())
        };
        assert_eq!(sides(None), (1_000, 0));
        assert_eq!(sides(Some("jazz")), (1_000, 0));
        assert!(sides(Some("funk")).1 > 950);
    }
}
