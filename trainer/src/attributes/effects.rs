//! What adding a vector does to every attribute.

use crate::generate::noise_of;
use anyhow::Result;
use fourbar_model::attributes::{Attribute, AttributeVector, Passage};
use fourbar_model::conditions::Conditions;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

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
    let measured = |by: Option<&[f32]>| -> Result<Vec<Vec<Option<f64>>>> {
        let batches: Vec<Vec<Vec<Option<f64>>>> = points
            .par_chunks(BATCH)
            .map(|points| measure(vae, vectors, points, by, temperature))
            .collect::<Result<_>>()?;
        Ok(batches.concat())
    };
    let before = measured(None)?;
    let means = vectors
        .iter()
        .map(|(_, added)| {
            let after = measured(Some(&added.vector))?;
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
struct Point<'a> {
    z: Vec<f32>,
    noise: Noise,
    conditions: Option<&'a Conditions>,
}

impl<'a> Point<'a> {
    fn draw(vae: &Vae, conditions: &'a [Conditions], seed: u64, index: usize) -> Self {
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

/// Every attribute of the music of each point, moved by a vector.
fn measure(
    vae: &Vae,
    vectors: &[(Attribute, AttributeVector)],
    points: &[Point],
    by: Option<&[f32]>,
    temperature: f32,
) -> Result<Vec<Vec<Option<f64>>>> {
    let zs: Vec<Vec<f32>> = points
        .iter()
        .map(|point| match by {
            Some(by) => point.z.iter().zip(by).map(|(z, by)| z + by).collect(),
            None => point.z.clone(),
        })
        .collect();
    let mut noises: Vec<Noise> = points.iter().map(|point| point.noise.clone()).collect();
    let conditions: Vec<Conditions> = points
        .iter()
        .map(|point| point.conditions.cloned().unwrap_or_default())
        .collect();
    let converter = &vae.config().converter;
    let music = vae.generate_batch(&zs, &conditions, temperature, &mut noises)?;
    let of_rows = |rows: &Rows| {
        let passage = Passage::of_rows(converter, rows);
        let attributes = vectors.iter();
        attributes.map(|(one, _)| one.measure(&passage)).collect()
    };
    Ok(music.iter().map(of_rows).collect())
}

impl Effects {
    /// The table for a terminal.
    #[must_use]
    pub fn to_text(&self, samples: usize) -> String {
        let mut text = format!(
            "effect of adding each vector once (rows) on each attribute (columns, by number), in standard deviations of the \
             training data, mean of {samples} random points\n\n{:>23}",
            ""
        );
        for column in 1..=self.ids.len() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{column:>6}");
        }
        text.push('\n');
        for (row, (id, means)) in self.ids.iter().zip(&self.means).enumerate() {
            let _ = write!(text, "{:>2} {id:<20}", row + 1);
            for mean in means {
                let _ = match mean {
                    Some(mean) => write!(text, "{mean:>+6.2}"),
                    None => write!(text, "{:>6}", "–"),
                };
            }
            text.push('\n');
        }
        text
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
