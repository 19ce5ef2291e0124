//! What adding a vector does to every attribute.

use crate::make::noise::noise_of;
use crate::text::columns;
use anyhow::Result;
use fourbar_model::attributes::{Attribute, AttributeVector, Passage};
use fourbar_model::conditions::Conditions;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Points that are decoded together.
const BATCH: usize = 32;

/// The mean effect of each attribute's vector on each attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// The attributes, in the order of rows and columns.
    pub ids: Vec<&'static str>,
    /// Row: whose vector was added once; column: what was measured. In standard deviations of the training data; `None`
    /// where no point has the attribute both before and after.
    pub means: Vec<Vec<Option<f64>>>,
}

/// Adds each vector to `samples` random points and measures every attribute before and after.
///
/// The music of a point is drawn with the same noise whatever is added to it, so that the vector is the only difference.
/// A conditional model is given what training windows are conditioned on, of which `conditions` holds all.
///
/// # Source
/// Roberts et al. 2018 (MusicVAE), figure 4.
///
/// # Errors
/// If the network fails.
pub fn effects(
    vae: &Vae,
    vectors: &[(Attribute, AttributeVector)],
    conditions: &[Conditions],
    samples: usize,
    temperature: f32,
    seed: u64,
) -> Result<Effects> {
    let points: Vec<Point> = (0..samples)
        .map(|index| Point::draw(vae, conditions, seed, index))
        .collect();
    let nothing = vec![0.0; vae.config().latent];
    let before = measure_at(vae, vectors, &points, &nothing, temperature)?;
    let means = vectors
        .iter()
        .map(|(_, added)| {
            let after = measure_at(vae, vectors, &points, &added.vector, temperature)?;
            let row = vectors.iter().enumerate().map(|(column, (_, of))| {
                let pairs = before.iter().zip(&after);
                let changes: Vec<f64> = pairs
                    .filter_map(|(before, after)| Some(after[column]? - before[column]?))
                    .collect();
                #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 points")]
                let n = changes.len() as f64;
                (n > 0.0 && of.deviation > 0.0)
                    .then(|| changes.iter().sum::<f64>() / n / of.deviation)
            });
            Ok(row.collect())
        })
        .collect::<Result<_>>()?;
    Ok(Effects {
        ids: vectors.iter().map(|(attribute, _)| attribute.id).collect(),
        means,
    })
}

/// A random point and the chance with which its music is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Point<'a> {
    pub(super) z: Vec<f32>,
    noise: Noise,
    conditions: Option<&'a Conditions>,
}

impl<'a> Point<'a> {
    /// Point number `index` of `seed`, with one of these conditions, if there are any.
    pub(crate) fn draw(vae: &Vae, conditions: &'a [Conditions], seed: u64, index: usize) -> Self {
        let mut noise = noise_of(seed, index);
        let z = vae.draw(None, &mut noise);
        let conditions =
            (!conditions.is_empty()).then(|| &conditions[noise.below(conditions.len())]);
        Self {
            z,
            noise,
            conditions,
        }
    }
}

/// The attributes of `vectors` in the music of each point, moved by `by` (`[latent]`).
///
/// # Errors
/// If the network fails.
pub(crate) fn measure_at(
    vae: &Vae,
    vectors: &[(Attribute, AttributeVector)],
    points: &[Point],
    by: &[f32],
    temperature: f32,
) -> Result<Vec<Vec<Option<f64>>>> {
    let converter = &vae.config().converter;
    let of_rows = |rows: &Rows| {
        let passage = Passage::of_rows(converter, rows);
        let attributes = vectors.iter();
        attributes.map(|(one, _)| one.measure(&passage)).collect()
    };
    let of_points = |points: &[Point]| -> Result<Vec<Vec<Option<f64>>>> {
        let moved = |point: &Point| point.z.iter().zip(by).map(|(z, by)| z + by).collect();
        let zs: Vec<Vec<f32>> = points.iter().map(moved).collect();
        let mut noises: Vec<Noise> = points.iter().map(|point| point.noise.clone()).collect();
        let conditions: Vec<Conditions> = points
            .iter()
            .map(|point| point.conditions.cloned().unwrap_or_default())
            .collect();
        let music = vae.generate_batch(&zs, &conditions, temperature, &mut noises)?;
        Ok(music.iter().map(of_rows).collect())
    };
    let batches: Vec<Vec<Vec<Option<f64>>>> = points
        .par_chunks(BATCH)
        .map(of_points)
        .collect::<Result<_>>()?;
    Ok(batches.concat())
}

impl Effects {
    /// The table for a terminal.
    #[must_use]
    pub fn to_text(&self, samples: usize) -> String {
        let head = (1..=self.ids.len()).map(|column| column.to_string());
        let rows = (1..)
            .zip(&self.ids)
            .zip(&self.means)
            .map(|((row, id), means)| {
                let cell = |mean: &Option<f64>| match mean {
                    Some(mean) => format!("{mean:+.2}"),
                    None => "–".to_owned(),
                };
                let name = format!("{row:>2} {id}");
                std::iter::once(name)
                    .chain(means.iter().map(cell))
                    .collect()
            });
        let head: Vec<String> = std::iter::once(String::new()).chain(head).collect();
        format!(
            "effect of adding each vector once (rows) on each attribute (columns, by number), in standard deviations of the \
             training data, mean of {samples} random points\n\n{}",
            columns(std::iter::once(head).chain(rows))
        )
    }

    /// Vector -> attribute -> effect.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let rows: BTreeMap<&str, BTreeMap<&str, Option<f64>>> = self
            .ids
            .iter()
            .zip(&self.means)
            .map(|(added, means)| {
                let row = self.ids.iter().copied().zip(means.iter().copied());
                (*added, row.collect())
            })
            .collect();
        json!(rows)
    }
}
