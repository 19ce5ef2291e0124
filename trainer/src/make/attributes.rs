//! `fourbar attributes`: directions of the latent space that change a musical property, and what each of them does to the
//! others.
//!
//! The vectors are measured on the training data, those of a few attributes corrected so that each changes nothing else,
//! and written into the checkpoint, where `fourbar generate --attribute` finds them. How well they keep properties apart is
//! measured on what the model plays from its prior: every vector is added to the same random points, and every property is
//! measured before and after.

mod effects;
mod heat_map;
mod separate;

pub use effects::{Effects, effects};
pub(crate) use effects::{Point, measure_at};
pub(crate) use separate::KNOBS;

use crate::arguments;
use crate::data;
use crate::data::prepare;
use crate::data::{Dataset, Split, Window};
use crate::files;
use crate::models;
use crate::reading;
use anyhow::{Context as _, Result, bail, ensure};
use candle_core::Device;
use fourbar_model::attributes::{Attribute, AttributeVector, Passage};
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::conditions::Conditions;
use fourbar_model::vae::Vae;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Sequences that are encoded together.
const BATCH: usize = 32;

/// Arguments of `fourbar attributes`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to measure
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub model: PathBuf,
    /// Folder or zip of the MIDI files that it was trained on; without it, the Groove MIDI Dataset where `fourbar data`
    /// finds it
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// How the files are read.
    #[command(flatten)]
    pub reading: reading::Args,
    /// Where to write the checkpoint with its vectors [default: back into --model]
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub out: Option<PathBuf>,
    /// Also write the table of effects as a heat map
    #[arg(long, value_name = "FILE.svg", value_parser = files::path_parser())]
    pub svg: Option<PathBuf>,
    /// Also write every figure to this file
    #[arg(long, value_name = "FILE.json", value_parser = files::path_parser())]
    pub json: Option<PathBuf>,
    /// Random points that the effects are measured at
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = arguments::count)]
    pub samples: usize,
    /// How freely the music at these points is drawn
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = arguments::temperature)]
    pub temperature: f32,
    /// Picks the points
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = arguments::seed, allow_negative_numbers = true)]
    pub seed: u64,
}

/// Measures the attribute vectors of a checkpoint, writes them into it and prints their effects.
///
/// # Errors
/// If the model or the data cannot be read, no attribute differs enough in the training data, or a file cannot be
/// written.
pub fn run(args: &Args) -> Result<()> {
    measure(args, &mut io::stdout())
}

/// See [`run`].
fn measure(args: &Args, out: &mut dyn Write) -> Result<()> {
    let origin = args.model.display().to_string();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {origin}"))?;
    let (mut checkpoint, precision) = Checkpoint::with_precision(&bytes, &origin)?;
    let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
    let metadata = &checkpoint.metadata;
    let path = data::locate(args.data.as_deref())?;
    let is_another = |out: &&Path| !files::is_same(out, &args.model);
    files::check_outputs(
        &[("--model", Some(&args.model)), ("--data", Some(&path))],
        &[
            ("--json", args.json.as_deref()),
            ("--svg", args.svg.as_deref()),
            ("--out", args.out.as_deref().filter(is_another)),
        ],
    )?;
    let dataset = models::dataset(metadata, &path, &args.reading)?;
    prepare::warn(&dataset, &path, &metadata.config, out)?;
    if !models::has_learned_from(metadata, &dataset) {
        writeln!(
            out,
            "note: the model was trained on other data ({}) than these ({})",
            metadata.dataset.name, dataset.card.name
        )?;
    }

    let n_steps = metadata.config.window_steps();
    if dataset.windows(Split::Train, n_steps, 1).is_empty() {
        let report = prepare::Report::of(&dataset, &path, n_steps, 1);
        let no_training = || "none of its files is one that models train on: add files".to_owned();
        bail!(
            "{}: {}",
            path.display(),
            report.unusable().unwrap_or_else(no_training)
        );
    }
    let training = Training::encode(&vae, &dataset)?;
    let mut vectors = training.vectors();
    ensure!(
        !vectors.found.is_empty(),
        "{}: no attribute differs enough between its {} training windows for a vector: give more data",
        path.display(),
        training.mus.len()
    );
    let separated = separate::separate(&vae, &mut vectors.found, &training.conditions, args.seed)?;
    let effects = effects(
        &vae,
        &vectors.found,
        &training.conditions,
        args.samples,
        args.temperature,
        args.seed,
    )?;
    let n_windows = training.mus.len();
    write!(out, "{}", vectors.to_text(n_windows))?;
    if !separated.is_empty() {
        writeln!(out, "\neach moved alone: {}", separated.join(", "))?;
    }
    write!(out, "\n{}", effects.to_text(args.samples))?;

    if let Some(path) = &args.json {
        let report = json!({
            "preset": metadata.config.preset,
            "dataset": dataset.card.name,
            "split": Split::Train.name(),
            "n_windows": n_windows,
            "attributes": vectors.to_json(),
            "separated": separated,
            "without_vector": vectors.constant.iter().map(|one| one.id).collect::<Vec<_>>(),
            "samples": args.samples,
            "temperature": args.temperature,
            "seed": args.seed,
            "effects": effects.to_json(),
        });
        let text = serde_json::to_string_pretty(&report).context("the figures cannot be JSON")?;
        files::write_atomically(path, (text + "\n").as_bytes())?;
        writeln!(out, "{} written", path.display())?;
    }
    if let Some(path) = &args.svg {
        let title = format!(
            "{}: effect of each attribute vector",
            metadata.config.preset
        );
        let picture = heat_map::picture(&effects, &title);
        files::write_atomically(path, picture.to_svg().as_bytes())?;
        writeln!(out, "{} written", path.display())?;
    }
    let path = args.out.as_ref().unwrap_or(&args.model);
    checkpoint.metadata.attributes = vectors
        .found
        .into_iter()
        .map(|(attribute, vector)| (attribute.id.to_owned(), vector))
        .collect();
    files::write_atomically(path, &checkpoint.to_bytes_in(precision)?)?;
    writeln!(out, "{} written, with its vectors", path.display())?;
    Ok(())
}

/// The training windows as the model and as a musician see them.
struct Training {
    attributes: Vec<Attribute>,
    /// Posterior mean of each window.
    mus: Vec<Vec<f32>>,
    /// Its attributes, in their order.
    values: Vec<Vec<Option<f64>>>,
    /// What each window is conditioned on; empty if that is nothing.
    conditions: Vec<Conditions>,
}

impl Training {
    /// Encodes every training window of a data set, a bar apart.
    ///
    /// # Errors
    /// If there is none, or the network fails.
    fn encode(vae: &Vae, dataset: &Dataset) -> Result<Self> {
        let config = vae.config();
        let attributes = Attribute::all(&config.converter);
        let n_steps = config.window_steps();
        let windows = dataset.windows(Split::Train, n_steps, 1);
        ensure!(
            !windows.is_empty(),
            "{} has no training window of {n_steps} steps: give data with longer files",
            dataset.card.name
        );
        let example = |window: &Window| dataset.example(window, None);
        let mus = models::posterior_means(vae, &windows, BATCH, example)?;
        let measured = windows.par_iter().map(|window| {
            let example = example(window);
            let passage = Passage::of_rows(&config.converter, &example.output);
            let values = attributes.iter().map(|one| one.measure(&passage)).collect();
            (values, example.conditions)
        });
        let (values, conditions): (Vec<_>, Vec<_>) = measured.unzip();
        Ok(Self {
            attributes,
            mus,
            values,
            conditions: conditions
                .into_iter()
                .filter(|one| !one.is_empty())
                .collect(),
        })
    }

    /// The vector of every attribute that differs enough for one.
    fn vectors(&self) -> Vectors {
        let mut vectors = Vectors {
            found: Vec::new(),
            constant: Vec::new(),
        };
        for (place, attribute) in self.attributes.iter().enumerate() {
            let values: Vec<Option<f64>> = self.values.iter().map(|values| values[place]).collect();
            match AttributeVector::fit(&self.mus, &values) {
                Some(vector) => vectors.found.push((*attribute, vector)),
                None => vectors.constant.push(*attribute),
            }
        }
        vectors
    }
}

/// The vectors of a model.
struct Vectors {
    found: Vec<(Attribute, AttributeVector)>,
    /// Attributes that are the same in nearly all windows, or of hardly any.
    constant: Vec<Attribute>,
}

impl Vectors {
    fn to_text(&self, n_windows: usize) -> String {
        let mut text = format!(
            "attributes of {n_windows} training windows: means of the quarters with least and most of each\n\n\
             {:<20} {:>8} {:>8} {:>8} {:>8} {:>7}\n",
            "attribute", "least", "most", "mean", "spread", "windows"
        );
        for (attribute, vector) in &self.found {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<20} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>7}  {}",
                attribute.id,
                vector.bottom,
                vector.top,
                vector.mean,
                vector.deviation,
                vector.n_sequences,
                attribute.words
            );
        }
        for attribute in &self.constant {
            let _ = writeln!(
                text,
                "{:<20} no vector, because it hardly differs: {}",
                attribute.id, attribute.words
            );
        }
        text
    }

    fn to_json(&self) -> serde_json::Value {
        let attributes: BTreeMap<&str, serde_json::Value> = self
            .found
            .iter()
            .map(|(attribute, vector)| {
                let figures = json!({
                    "words": attribute.words,
                    "bottom_quartile": vector.bottom,
                    "top_quartile": vector.top,
                    "mean": vector.mean,
                    "deviation": vector.deviation,
                    "n_windows": vector.n_sequences,
                });
                (attribute.id, figures)
            })
            .collect();
        json!(attributes)
    }
}

#[cfg(test)]
mod tests;
