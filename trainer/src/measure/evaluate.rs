//! `fourbar evaluate`: the held-out figures of a model, as a table, as numbers and as a page.

use super::completion::Completion;
use super::elbo::KlTerms;
use super::evaluation::{Evaluation, Settings};
use super::page::{Gallery, Page};
use super::training_log::Row;
use crate::arguments;
use crate::data::{Split, locate, prepare};
use crate::files;
use crate::models::{self, LoadedModel};
use crate::reading;
use anyhow::Context as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Fewer files are compared with nothing: a groove would be measured beside itself.
const FEWEST_FILES: usize = 5;

/// Arguments of `fourbar evaluate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to measure.
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub model: PathBuf,
    /// Folder or zip of MIDI files; without it, the Groove MIDI Dataset where `fourbar data` finds it.
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// How the files are read.
    #[command(flatten)]
    pub reading: reading::Args,
    /// Which part of the data to measure on.
    #[arg(long, default_value = "test")]
    pub split: Split,
    /// Also write every figure to this file.
    #[arg(long, value_name = "FILE.json", value_parser = files::path_parser())]
    pub json: Option<PathBuf>,
    /// Also draw the figures, with piano rolls of what the model plays, on one page.
    #[arg(long, value_name = "FILE.html", value_parser = files::path_parser())]
    pub html: Option<PathBuf>,
    /// The log of the model's training, for the page [default: beside the model, log.csv or the model's name with .csv]
    #[arg(long, value_name = "FILE.csv", requires = "html", value_parser = files::path_parser())]
    pub log: Option<PathBuf>,
    /// How many grooves to sample from the prior for the comparison with the data: those of --seed and the seeds after it.
    #[arg(long, value_name = "N", default_value = "512", value_parser = arguments::count)]
    pub samples: usize,
    /// How many pairs of held-out examples to interpolate between; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub pairs: usize,
    /// Picks the samples of the prior, the pairs, the posterior's samples and the sampled rows.
    #[arg(long, default_value_t = 0, value_parser = arguments::seed, allow_negative_numbers = true)]
    pub seed: u64,
}

/// Measures a checkpoint and prints the figures.
///
/// # Errors
/// If the model, the data or the log cannot be read, the split holds no example, or a report cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let model = LoadedModel::open(&args.model)?;
    let map = model.drum_map()?;
    let path = locate(args.data.as_deref())?;
    files::check_outputs(
        &[
            ("--model", Some(&args.model)),
            ("--data", Some(&path)),
            ("--log", args.log.as_deref()),
        ],
        &[
            ("--json", args.json.as_deref()),
            ("--html", args.html.as_deref()),
        ],
    )?;
    let log = match &args.html {
        Some(_) => log(args)?,
        None => Vec::new(),
    };
    let dataset = models::dataset(&model.metadata, &path, &args.reading)?;
    prepare::warn(&dataset, &path, &model.metadata.config, &mut io::stdout())?;
    if !models::has_learned_from(&model.metadata, &dataset) {
        writeln!(
            io::stdout(),
            "note: the model was trained on other data ({}), so \"{}\" may hold files that it has learned from",
            model.metadata.dataset.name,
            args.split.name()
        )?;
    }
    let n_files = dataset
        .files
        .iter()
        .filter(|file| file.split == args.split)
        .count();
    let is_comparable = n_files >= FEWEST_FILES;
    if !is_comparable {
        writeln!(
            io::stdout(),
            "note: the {} split of {} has {n_files} file(s), which are too few to compare with drummers or to interpolate between; \
             give more files, or measure on --split {}",
            args.split.name(),
            dataset.card.name,
            Split::Train.name()
        )?;
    }
    let settings = Settings {
        n_samples: args.samples,
        n_pairs: if is_comparable { args.pairs } else { 0 },
        kl_terms: KlTerms::of(&model.metadata),
        seed: args.seed,
    };
    let mut evaluation = Evaluation::of(&model.vae, &dataset, args.split, &settings)?;
    if is_comparable {
        evaluation.report.two_sample = evaluation.beside_drummers(&dataset, model.vae.config())?;
    }
    evaluation.report.knobs = evaluation.knobs(&model)?;
    evaluation.report.completion = Completion::of(
        &model.vae,
        &dataset,
        args.split,
        &evaluation.held_out,
        args.seed,
    )?;
    let report = &evaluation.report;
    let mut out = io::stdout();
    write!(out, "{}", report.to_text())?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(report).context("writing the report as JSON")?;
        files::write_atomically(path, (json + "\n").as_bytes())?;
        writeln!(out, "\n{} written", path.display())?;
    }
    if let Some(path) = &args.html {
        let page = Page {
            report,
            metadata: &model.metadata,
            log: &log,
            gallery: Gallery::of(&model.vae, &evaluation, map, args.seed)?,
        };
        files::write_atomically(path, page.to_html().as_bytes())?;
        writeln!(out, "\n{} written", path.display())?;
    }
    Ok(())
}

/// The rows of the training's log, if one was asked for or lies beside the model. What lies there and is none, is left out
/// with a word.
pub(super) fn log(args: &Args) -> anyhow::Result<Vec<Row>> {
    let read = |path: &Path| {
        Row::read_all(path).with_context(|| format!("{} is no log of a training", path.display()))
    };
    if let Some(path) = &args.log {
        return read(path);
    }
    // A run's own name for it, and that of a log that was kept with its model.
    let beside = [
        args.model.with_file_name("log.csv"),
        args.model.with_extension("csv"),
    ];
    let found = beside.iter().find(|path| path.is_file());
    let Some(path) = found else {
        return Ok(Vec::new());
    };
    read(path).or_else(|error| {
        writeln!(io::stdout(), "note: the page has no curves: {error:#}")?;
        Ok(Vec::new())
    })
}
