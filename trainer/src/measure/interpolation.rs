//! Ways between two held-out sequences: through the latent space, and by swapping rows.
//!
//! Interpolation in a good latent space leaves the start as steadily as swapping rows does, but what it passes is music:
//! half of one bar and half of another, row by row, is not.

use super::decoding::{BATCH, means};
use super::elbo::numbers_of;
use super::held_out::HeldOut;
use super::n_gram::{NGramModel, ORDER};
use super::statistics::{Estimate, count};
use super::tokens::{n_tokens, tokens};
use crate::data::{Dataset, Split};
use anyhow::Context as _;
use candle_core::Tensor;
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::Example;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::latent::slerp;
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::rows::{self, Rows};
use fourbar_model::vae::Vae;
use serde::Serialize;

/// Places on the way, the ends included.
const N_POSITIONS: u8 = 11;
/// Training sequences that the n-gram model learns from, at most.
const MAX_LEARNED: usize = 16_384;

/// Sequences on the way from one held-out example to another of a different file, on the arc between their latents and
/// in a naive blend; means over the pairs. A conditional model keeps the conditions of the start all the way.
///
/// # Source
/// Roberts et al. 2018, figure 3. The blend takes each row from the end with the probability of the position, else from
/// the start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interpolation {
    /// How many pairs were interpolated between.
    pub n_pairs: usize,
    /// The places on the way, 0 at the start and 1 at the end.
    pub positions: Vec<f64>,
    /// Order of the n-gram model of [`Curve::n_gram_nats_per_row`], learned from the training split.
    #[serde(rename = "language_order")]
    pub n_gram_order: usize,
    /// Most likely sequences decoded from the arc between the posteriors' means.
    pub latent: Curve,
    /// The naive blend.
    pub blend: Curve,
}

/// What the sequences at each position are like. Intervals are by resampling pairs; there are none where all pairs are of
/// one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Normalised Hamming distance to the start: share of rows that are not the same (hits only, of grooves).
    pub hamming: Vec<Estimate>,
    /// Log-likelihood of a row under an n-gram model of the training data's rows; undefined without training data.
    #[serde(rename = "language_nats_per_row")]
    pub n_gram_nats_per_row: Vec<Estimate>,
    /// Log-likelihood of a row under the model's own decoder at the same place of the arc, each row given those before.
    pub model_nats_per_row: Vec<Estimate>,
}

/// What usually follows what in the training split of `dataset`, as the model's rows.
pub(super) fn n_grams_of(dataset: &Dataset, config: &ModelConfig) -> NGramModel {
    let n_steps = config.window_steps();
    let windows = dataset.windows(Split::Train, n_steps, n_steps.div_ceil(STEPS_PER_BAR));
    let stride = windows.len().div_ceil(MAX_LEARNED).max(1);
    let learned = windows.iter().step_by(stride);
    NGramModel::learn(
        learned.map(|window| tokens(&dataset.example(window, None).output)),
        n_tokens(&config.converter.output()),
    )
}

impl Interpolation {
    /// Interpolates between `n_pairs` pairs that `seed` picks; `None` where there are none.
    ///
    /// # Errors
    /// If the network fails on its device.
    pub(super) fn of(
        vae: &Vae,
        held_out: &HeldOut,
        n_grams: &NGramModel,
        n_pairs: usize,
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        if n_pairs == 0 || held_out.is_empty() {
            return Ok(None);
        }
        let positions: Vec<f64> = (0..N_POSITIONS)
            .map(|place| f64::from(place) / f64::from(N_POSITIONS - 1))
            .collect();
        let mut latent = vec![AtPosition::default(); positions.len()];
        let mut blend = latent.clone();
        for (batch, pairs) in pairs(held_out, n_pairs, seed).chunks(BATCH).enumerate() {
            let ends = Ends::of(vae, held_out, pairs)?;
            // One draw for a pair's whole way: rows change sides one after the other.
            let mut noise = Noise::of_sample(!seed, batch);
            let thresholds: Vec<Vec<f32>> = pairs
                .iter()
                .map(|_| noise.uniforms(vae.config().n_steps))
                .collect();
            for (place, position) in positions.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "one of eleven places")]
                let t = *position as f32;
                let zs = ends.on_the_arc(t);
                let mut noises = vec![Noise::from_seed(0); zs.len()];
                let decoded = vae
                    .generate_batch(&zs, &ends.conditions, 0.0, &mut noises)
                    .context("decoding an interpolation")?;
                latent[place].add(vae, &ends, &zs, &decoded, n_grams)?;
                let blended: Vec<Rows> = (0..pairs.len())
                    .map(|pair| {
                        let takes_end: Vec<bool> = thresholds[pair]
                            .iter()
                            .map(|threshold| *threshold < t)
                            .collect();
                        mixed(&ends.starts[pair], &ends.ends[pair], &takes_end)
                    })
                    .collect();
                blend[place].add(vae, &ends, &zs, &blended, n_grams)?;
            }
        }
        Ok(Some(Self {
            n_pairs,
            positions,
            n_gram_order: ORDER,
            latent: Curve::of(&latent, has_several_files(held_out)),
            blend: Curve::of(&blend, has_several_files(held_out)),
        }))
    }
}

/// Whether the examples are of more than one file.
fn has_several_files(held_out: &HeldOut) -> bool {
    let files = &held_out.files;
    files.iter().any(|file| *file != files[0])
}

/// Start and end of `n` ways, as places among the held-out examples: of different files, if there are two.
pub(super) fn pairs(held_out: &HeldOut, n: usize, seed: u64) -> Vec<(usize, usize)> {
    let files = &held_out.files;
    let are_several = has_several_files(held_out);
    (0..n)
        .map(|pair| {
            let mut noise = Noise::of_sample(seed, pair);
            let start = noise.below(files.len());
            let mut end = noise.below(files.len());
            while are_several && files[start] == files[end] {
                end = noise.below(files.len());
            }
            (start, end)
        })
        .collect()
}

/// Both ends of some ways.
struct Ends {
    starts: Vec<Rows>,
    ends: Vec<Rows>,
    /// What the model is conditioned on at each start.
    conditions: Vec<Conditions>,
    start_mus: Vec<Vec<f32>>,
    end_mus: Vec<Vec<f32>>,
}

impl Ends {
    fn of(vae: &Vae, held_out: &HeldOut, pairs: &[(usize, usize)]) -> anyhow::Result<Self> {
        let examples = |place: fn(&(usize, usize)) -> usize| -> Vec<Example> {
            let chosen = pairs.iter().map(|pair| &held_out.examples[place(pair)]);
            chosen.cloned().collect()
        };
        let (starts, ends) = (examples(|pair| pair.0), examples(|pair| pair.1));
        let outputs = |examples: Vec<Example>| -> Vec<Rows> {
            examples.into_iter().map(|example| example.output).collect()
        };
        Ok(Self {
            conditions: starts
                .iter()
                .map(|start| start.conditions.clone())
                .collect(),
            start_mus: means(vae, &starts)?,
            end_mus: means(vae, &ends)?,
            starts: outputs(starts),
            ends: outputs(ends),
        })
    }

    fn on_the_arc(&self, t: f32) -> Vec<Vec<f32>> {
        let ends = self.start_mus.iter().zip(&self.end_mus);
        ends.map(|(start, end)| slerp(start, end, t)).collect()
    }
}

/// Each row from `end` where it is to be taken from there, else from `start`.
fn mixed(start: &Rows, end: &Rows, takes_end: &[bool]) -> Rows {
    fn mix<T: Copy>(start: &[T], end: &[T], takes_end: &[bool]) -> Vec<T> {
        let width = start.len() / takes_end.len();
        let rows = start.chunks_exact(width).zip(end.chunks_exact(width));
        rows.zip(takes_end)
            .flat_map(|((start, end), takes_end)| if *takes_end { end } else { start })
            .copied()
            .collect()
    }
    let layout = start.layout().clone();
    if let (Some(start), Some(end)) = (start.labels(), end.labels()) {
        Rows::of_labels(layout, mix(start, end, takes_end))
    } else if let (Some(start), Some(end)) = (start.bits(), end.bits()) {
        Rows::of_bits(layout, mix(start, end, takes_end))
    } else {
        let numbers = |rows: &Rows| rows.numbers().map(<[f32]>::to_vec).unwrap_or_default();
        Rows::of_numbers(layout, mix(&numbers(start), &numbers(end), takes_end))
    }
}

/// What was found at one position of all ways so far.
#[derive(Debug, Clone, Default)]
struct AtPosition {
    hamming: Vec<f64>,
    n_gram_nats: Vec<f64>,
    model: Vec<f64>,
}

impl AtPosition {
    /// Measures the sequences at this position of some ways, whose latents there are `zs`.
    fn add(
        &mut self,
        vae: &Vae,
        ends: &Ends,
        zs: &[Vec<f32>],
        sequences: &[Rows],
        n_grams: &NGramModel,
    ) -> anyhow::Result<()> {
        let n_rows = count(vae.config().n_steps);
        for (start, sequence) in ends.starts.iter().zip(sequences) {
            let (start, sequence) = (tokens(start), tokens(sequence));
            let pairs = start.iter().zip(&sequence);
            let n_different = pairs.filter(|(a, b)| a != b).count();
            self.hamming.push(count(n_different) / n_rows);
            if n_grams.n_contexts() > 0 {
                self.n_gram_nats
                    .push(n_grams.log_likelihood(&sequence) / n_rows);
            }
        }
        let tensor =
            |rows: &[Rows]| rows::to_tensor(&rows.iter().collect::<Vec<_>>(), vae.device());
        let rows = tensor(sequences)?;
        let shape = (zs.len(), vae.config().latent);
        let z = Tensor::from_vec(zs.concat(), shape, vae.device())?;
        let outputs =
            vae.decoder()
                .teacher_forced(&rows, &z, &ends.conditions, &mut Dropout::off())?;
        let mut nats = vec![0.0; zs.len()];
        for (_, part) in vae.decoder().loss(&outputs, &rows, &ends.conditions)? {
            for (sum, part) in nats.iter_mut().zip(numbers_of(&part)?) {
                *sum += part;
            }
        }
        self.model.extend(nats.iter().map(|nats| -nats / n_rows));
        Ok(())
    }
}

impl Curve {
    fn of(found: &[AtPosition], has_intervals: bool) -> Self {
        let curve = |numbers: fn(&AtPosition) -> &Vec<f64>| {
            let estimates = found.iter().map(|found| Estimate::mean(numbers(found)));
            let estimate = |Estimate { value, interval }| Estimate {
                value,
                interval: interval.filter(|_| has_intervals),
            };
            estimates.map(estimate).collect()
        };
        Self {
            hamming: curve(|found| &found.hamming),
            n_gram_nats_per_row: curve(|found| &found.n_gram_nats),
            model_nats_per_row: curve(|found| &found.model),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::measure::tests::held_out;
    use crate::models::{LoadedModel, tiny};

    #[test]
    fn the_blend_leaves_the_start_and_arrives_at_the_end() {
        for model in tiny::every_kind() {
            let held_out = held_out(&model.vae, 6);
            let n_grams = NGramModel::learn(
                held_out.outputs().map(tokens),
                n_tokens(&model.vae.config().converter.output()),
            );
            let study = Interpolation::of(&model.vae, &held_out, &n_grams, 5, 1).unwrap();
            let study = study.unwrap();
            let blend: Vec<f64> = study
                .blend
                .hamming
                .iter()
                .map(|estimate| estimate.value.unwrap())
                .collect();
            let ends: Vec<f64> = pairs(&held_out, 5, 1)
                .iter()
                .map(|(start, end)| {
                    let rows = |place: &usize| tokens(&held_out.examples[*place].output);
                    let (start, end) = (rows(start), rows(end));
                    let different = start.iter().zip(&end).filter(|(a, b)| a != b).count();
                    count(different) / count(start.len())
                })
                .collect();
            assert!(blend[0].abs() < 1e-12);
            assert!((blend[10] - Estimate::mean(&ends).value.unwrap()).abs() < 1e-12);
            assert!(blend.is_sorted(), "rows change sides one after the other");
            let again = Interpolation::of(&model.vae, &held_out, &n_grams, 5, 1).unwrap();
            assert_eq!(again.as_ref(), Some(&study));
        }
    }

    #[test]
    fn pairs_of_one_file_have_no_intervals() {
        let model = tiny::open();
        let nothing = NGramModel::learn(std::iter::empty(), 512.0);
        let study = |held_out: &HeldOut| {
            Interpolation::of(&model.vae, held_out, &nothing, 4, 1)
                .unwrap()
                .unwrap()
        };
        let several = held_out(&model.vae, 4);
        assert!(study(&several).blend.hamming[5].interval.is_some());
        let one = HeldOut {
            files: vec![0; 4],
            ..several
        };
        let hamming = study(&one).blend.hamming[5];
        assert!(hamming.value.is_some() && hamming.interval.is_none());
    }

    #[test]
    fn the_arc_begins_at_the_reconstruction_and_is_likely_for_the_model() {
        let conditional = tiny::every_kind()
            .into_iter()
            .find(|model| model.vae.config().converter.controls().is_some());
        for model in [tiny::open(), conditional.unwrap()] {
            the_arc_begins_at_the_reconstruction_of(&model);
        }
    }

    fn the_arc_begins_at_the_reconstruction_of(model: &LoadedModel) {
        let held_out = held_out(&model.vae, 6);
        let nothing = NGramModel::learn(std::iter::empty(), 512.0);
        let study = Interpolation::of(&model.vae, &held_out, &nothing, 4, 2)
            .unwrap()
            .unwrap();
        let played = crate::measure::tests::most_likely(&model.vae, &held_out);
        let distances: Vec<f64> = pairs(&held_out, 4, 2)
            .iter()
            .map(|(start, _)| {
                let (target, output) = (
                    tokens(&held_out.examples[*start].output),
                    tokens(&played[*start]),
                );
                let different = target.iter().zip(&output).filter(|(a, b)| a != b).count();
                count(different) / count(target.len())
            })
            .collect();
        let expected = Estimate::mean(&distances).value.unwrap();
        assert!((study.latent.hamming[0].value.unwrap() - expected).abs() < 1e-12);
        assert_eq!(study.latent.n_gram_nats_per_row[0].value, None);
        for (latent, blend) in study
            .latent
            .model_nats_per_row
            .iter()
            .zip(&study.blend.model_nats_per_row)
        {
            assert!(latent.value > blend.value);
        }
    }

    #[test]
    fn pairs_are_of_different_files_where_there_are_two() {
        let model = tiny::open();
        let several = held_out(&model.vae, 6);
        assert!(
            pairs(&several, 100, 3)
                .iter()
                .all(|(start, end)| several.files[*start] != several.files[*end])
        );
        let one_file = HeldOut {
            files: vec![0; 6],
            ..several
        };
        assert_eq!(pairs(&one_file, 3, 3).len(), 3);
    }
}
