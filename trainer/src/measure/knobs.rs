//! Whether attribute vectors do what they say, and only that: music of random points whose attributes are asked to be
//! more or less.

use super::prior_samples::TEMPERATURE;
use super::statistics::{Estimate, count, rank_correlation, ratio};
use crate::make::attributes::{KNOBS, Point, measure_at};
use fourbar_model::attributes::{Attribute, AttributeVector};
use fourbar_model::conditions::Conditions;
use fourbar_model::vae::Vae;
use serde::Serialize;
use std::collections::BTreeMap;

/// Settings of a knob, in standard deviations of the attribute in the training data.
const SETTINGS: [f32; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];
/// Random points that every knob is turned at.
const N_POINTS: usize = 128;

/// The attributes of the music at each setting, of each point: `[setting][point][attribute]`.
type Measured = Vec<Vec<Vec<Option<f64>>>>;

/// What the attribute vectors of a checkpoint do to the music of random points, drawn with the same noise at every
/// setting.
///
/// # Source
/// Pati & Lerch 2020, "Attribute-based regularization of latent spaces for variational auto-encoders".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Knobs {
    /// Random points, each at every setting.
    pub n_points: usize,
    /// The settings, in standard deviations of the attribute in the training data.
    pub settings: [f32; SETTINGS.len()],
    /// The knobs by their attribute.
    pub knobs: BTreeMap<&'static str, Knob>,
}

/// What the vector of one attribute does. A setting of d adds it d · deviation / (top − bottom) times: that is the way to
/// an attribute d standard deviations higher, if it changes evenly along the vector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Knob {
    /// Spearman's rank correlation of the setting and the attribute of the music; interval by resampling points.
    pub rank_correlation: Estimate,
    /// The attribute at each setting: mean over the points, in standard deviations from the training mean.
    pub means: Vec<Option<f64>>,
    /// Rank correlation of the setting with every attribute that has a knob.
    pub rank_correlations: BTreeMap<&'static str, Option<f64>>,
    /// Standard deviations by which every attribute changes for one of the setting: slope of the least-squares line.
    pub effects: BTreeMap<&'static str, Option<f64>>,
}

impl Knobs {
    /// Turns every knob that a checkpoint with these `attributes` has; `None` if there is none. Where there
    /// are `conditions`, each point has one of them. `seed` picks the points.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn of(
        vae: &Vae,
        attributes: &BTreeMap<String, AttributeVector>,
        conditions: &[Conditions],
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        let known = Attribute::all(&vae.config().converter).into_iter();
        let vectors: Vec<(Attribute, AttributeVector)> = known
            .filter(|attribute| KNOBS.contains(&attribute.id))
            .filter_map(|attribute| Some((attribute, attributes.get(attribute.id)?.clone())))
            .collect();
        if vectors.is_empty() {
            return Ok(None);
        }
        let points: Vec<Point> = (0..N_POINTS)
            .map(|index| Point::draw(vae, conditions, seed, index))
            .collect();
        let turn = |place: usize| {
            let (attribute, vector) = &vectors[place];
            let at_settings = SETTINGS.map(|setting| {
                let by: Vec<f32> = vector.moved_by(setting).collect();
                measure_at(vae, &vectors, &points, &by, TEMPERATURE)
            });
            let measured = at_settings
                .into_iter()
                .collect::<anyhow::Result<Measured>>()?;
            Ok((attribute.id, Knob::of(&vectors, place, &measured)))
        };
        Ok(Some(Self {
            n_points: N_POINTS,
            settings: SETTINGS,
            knobs: (0..vectors.len())
                .map(turn)
                .collect::<anyhow::Result<_>>()?,
        }))
    }
}

impl Knob {
    /// The knob of `vectors[own]`.
    fn of(vectors: &[(Attribute, AttributeVector)], own: usize, measured: &Measured) -> Self {
        let n_points = measured.first().map_or(0, Vec::len);
        // Setting and attribute of one point, in standard deviations from the training mean; less where it is undefined.
        let of_point = |attribute: usize, point: usize| -> Vec<(f64, f64)> {
            let AttributeVector {
                mean, deviation, ..
            } = vectors[attribute].1;
            let settings = SETTINGS.iter().zip(measured);
            settings
                .filter_map(|(setting, points)| {
                    let value = (points[point][attribute]? - mean) / deviation;
                    Some((f64::from(*setting), value))
                })
                .collect()
        };
        let of_points = |attribute: usize| -> Vec<Vec<(f64, f64)>> {
            (0..n_points)
                .map(|point| of_point(attribute, point))
                .collect()
        };
        let by_attribute = |figure: fn(&[(f64, f64)]) -> Option<f64>| {
            let attributes = vectors.iter().enumerate();
            attributes
                .map(|(place, (attribute, _))| (attribute.id, figure(&of_points(place).concat())))
                .collect()
        };
        let own_points = of_points(own);
        let at = |setting: &f32| {
            let pairs = own_points.iter().flatten();
            let values = pairs.filter(|(asked, _)| *asked == f64::from(*setting));
            let values: Vec<f64> = values.map(|(_, value)| *value).collect();
            ratio(values.iter().sum(), values.len())
        };
        Self {
            rank_correlation: Estimate::of(&own_points, |chosen| {
                let pairs = chosen.iter().copied().flatten().copied();
                rank_correlation(&pairs.collect::<Vec<_>>())
            }),
            means: SETTINGS.iter().map(at).collect(),
            rank_correlations: by_attribute(rank_correlation),
            effects: by_attribute(slope),
        }
    }
}

/// Slope of the least-squares line through (x, y); `None` if all x are the same.
fn slope(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = count(pairs.len());
    let (sum_x, sum_y) = pairs
        .iter()
        .fold((0.0, 0.0), |(x, y), pair| (x + pair.0, y + pair.1));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let products = pairs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y));
    let squares: f64 = pairs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (squares > 0.0).then(|| products.sum::<f64>() / squares)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::models::tiny;

    fn vector(deviation: f64) -> AttributeVector {
        AttributeVector {
            vector: vec![1.0; 8],
            bottom: 0.25,
            top: 0.75,
            mean: 0.5,
            deviation,
            n_sequences: 100,
        }
    }

    /// Vectors of density, which rises, and of swing, which falls half as fast and is undefined at some points.
    fn measured() -> (Vec<(Attribute, AttributeVector)>, Measured) {
        let config = tiny::open().metadata.config;
        let known = Attribute::all(&config.converter).into_iter();
        let vectors = known
            .filter(|attribute| ["density", "swing"].contains(&attribute.id))
            .map(|attribute| (attribute, vector(0.1)));
        let of_point = |setting: f32, point: u8| {
            let density = 0.5 + 0.1 * f64::from(setting) + 1e-3 * f64::from(point);
            let swing = 0.5 - 0.05 * f64::from(setting);
            vec![Some(density), (point < 6).then_some(swing)]
        };
        let at = |setting: f32| (0..8).map(|point| of_point(setting, point)).collect();
        (vectors.collect(), SETTINGS.map(at).to_vec())
    }

    #[test]
    fn a_knob_that_works_has_a_rank_correlation_of_nearly_one_and_an_effect_of_one() {
        let (vectors, measured) = measured();
        let density = Knob::of(&vectors, 0, &measured);
        // The points differ a little at each setting, which is one of five ranks.
        assert!(density.rank_correlation.value.unwrap() > 0.97);
        assert!(density.rank_correlation.interval.unwrap().low > 0.95);
        assert!((density.effects["density"].unwrap() - 1.0).abs() < 1e-6);
        assert!((density.effects["swing"].unwrap() + 0.5).abs() < 1e-6);
        assert_eq!(density.rank_correlations["swing"], Some(-1.0));
        for (mean, setting) in density.means.iter().zip(SETTINGS) {
            assert!((mean.unwrap() - f64::from(setting) - 0.035).abs() < 1e-6);
        }
        let swing = Knob::of(&vectors, 1, &measured);
        assert_eq!(swing.rank_correlation.value, Some(-1.0));
    }

    #[test]
    fn a_setting_moves_by_its_part_of_the_way_between_the_quarters() {
        // From a quarter to the other is 0.5, five deviations.
        let by: Vec<f32> = vector(0.1).moved_by(2.0).collect();
        assert!(by.iter().all(|x| (x - 0.4).abs() < 1e-6), "{by:?}");
    }

    #[test]
    fn the_knobs_of_a_checkpoint_are_turned_the_same_way_every_time() {
        let mut model = tiny::open();
        let turn = |model: &crate::models::LoadedModel| {
            Knobs::of(&model.vae, &model.metadata.attributes, &[], 1).unwrap()
        };
        assert_eq!(turn(&model), None);
        for name in ["density", "push", "hat_openness"] {
            let attributes = &mut model.metadata.attributes;
            attributes.insert(name.to_owned(), vector(0.1));
        }
        let knobs = turn(&model).unwrap();
        let names: Vec<&str> = knobs.knobs.keys().copied().collect();
        assert_eq!(names, ["density", "push"]);
        assert!(knobs.knobs["density"].effects["push"].is_some());
        assert_eq!(Some(knobs), turn(&model));
    }
}
