//! Held-out figures: how well a model plays back what it hears, what lies between two things it has heard, and whether
//! what it invents is like the drummers.
//!
//! `fourbar evaluate` prints them as a table and writes a [`Report`]: with `--json` as numbers, with `--html` as a page
//! to look at. Training measures the same on the validation split while it runs, and puts a report into the checkpoint it
//! ships. The report's keys are the fields of the structs in this module; shares are 0–1, velocities 0–127, an undefined
//! figure is `null`, and [`REPORT_VERSION`] changes when a key goes or changes its meaning.

mod accuracy;
mod completion;
mod drums;
mod elbo;
mod features;
mod held_out;
mod interpolation;
mod knobs;
mod language;
mod onsets;
mod page;
mod reconstruction;
mod segments;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod two_sample;
pub mod validation;
mod words;

pub use accuracy::{Accuracy, Choice};
pub use completion::{Completion, Feel, Fills, Played};
pub use drums::{Downbeat, Drums, Intervals, Timing, Velocity};
pub use elbo::{Elbo, KlTerms};
pub use features::Features;
pub use held_out::HeldOut;
pub use interpolation::{Curve, Interpolation};
pub use knobs::{Knob, Knobs};
pub use onsets::Onsets;
pub use reconstruction::Reconstruction;
pub use segments::Segment;
pub use statistics::{Estimate, Interval, Summary};
pub use two_sample::{
    Comparison, Feature, FeatureLikeness, Novelty, Separability, TwoSample, WindowFigures,
};
pub use validation::Validation;

pub(crate) use two_sample::{MIN_HITS, Windows, shuffle};

use crate::dataset::{Dataset, Split};
use crate::loaded_model::{self, LoadedModel};
use crate::run_folder::Row;
use crate::{arguments, data, files, prepare, reading};
use anyhow::Context as _;
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::groove::Groove;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use page::{Gallery, Page};
use reconstruction::{BATCH, Choosing, Forced, play_back};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Version of the report's keys.
pub const REPORT_VERSION: u32 = 3;

/// Fewer files are compared with nothing: a groove would be measured beside itself.
const FEWEST_FILES: usize = 5;

/// Temperature of what is invented.
const TEMPERATURE: f32 = 1.0;

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
    /// How many grooves to invent for the comparison with the data: those of --seed and the seeds after it.
    #[arg(long, value_name = "N", default_value = "512", value_parser = arguments::count)]
    pub samples: usize,
    /// How many pairs of held-out examples to walk between; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub pairs: usize,
    /// Picks the invented grooves, the pairs, the posterior's samples and the sampled rows.
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
    let path = data::locate(args.data.as_deref())?;
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
    let dataset = loaded_model::dataset(&model.metadata, &path, &args.reading)?;
    prepare::warn(&dataset, &path, &model.metadata.config, &mut io::stdout())?;
    if !loaded_model::has_learned_from(&model.metadata, &dataset) {
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
            "note: the {} split of {} has {n_files} file(s), which are too few to compare with drummers or to walk between; \
             give more files, or measure on --split {}",
            args.split.name(),
            dataset.name,
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
fn log(args: &Args) -> anyhow::Result<Vec<Row>> {
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

/// Every held-out figure of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub report_version: u32,
    /// Name of the model's preset.
    pub preset: String,
    /// Name of the model's head.
    pub head: String,
    /// What a row of the model's output is, in words.
    pub rows: String,
    /// Name of the data set.
    pub dataset: String,
    /// Part of the data that was measured on.
    pub split: Split,
    /// Files that the examples are from.
    pub n_files: usize,
    /// Examples, side by side.
    pub n_examples: usize,
    /// Length of each, in rows.
    pub n_steps: usize,
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// The examples played back by the model.
    pub reconstruction: Reconstruction,
    /// What lies between them.
    pub interpolation: Option<Interpolation>,
    /// What the model invents; `None` if it plays no drums of the nine.
    pub prior: Option<Prior>,
    /// What the drummers play; `None` if the model plays no drums of the nine.
    pub data: Option<Features>,
    /// Inventions and reconstructions beside drummers, by their distributions. `None` if the model plays no grooves, there
    /// is no training data, or it was not asked for: it takes longer than the rest.
    pub two_sample: Option<TwoSample>,
    /// What the checkpoint's attribute vectors do. `None` if it has none of these, or it was not asked for.
    pub knobs: Option<Knobs>,
    /// What the model draws around known parts. `None` if it completes none, or it was not asked for.
    pub completion: Option<Completion>,
}

/// Features of grooves that the model invented.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prior {
    /// Temperature of the hits.
    pub temperature: f32,
    /// What the grooves are like.
    pub features: Features,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Grooves to invent.
    pub n_samples: usize,
    /// Pairs of examples to walk between; 0 leaves the walks out.
    pub n_pairs: usize,
    /// What training charges for the latent vector; it only enters the [`Elbo`]'s loss.
    pub kl_terms: KlTerms,
    /// Picks everything that is left to chance.
    pub seed: u64,
}

/// A report, and what a picture of it needs.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The figures.
    pub report: Report,
    /// What was measured on.
    held_out: HeldOut,
    /// What the model made of it, running freely: the most likely rows.
    played: Vec<Rows>,
    /// The same, drawn at temperature 1.
    sampled: Vec<Rows>,
    /// What the model invented, if it plays drums of the nine.
    invented: Option<Vec<Groove>>,
}

impl Evaluation {
    /// Measures `vae` on one split of `dataset`.
    ///
    /// # Errors
    /// If the split holds nothing of the model's length, or the network fails.
    pub fn of(
        vae: &Vae,
        dataset: &Dataset,
        split: Split,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let config = vae.config();
        let held_out = HeldOut::of(dataset, split, config);
        anyhow::ensure!(
            !held_out.is_empty(),
            "the {} split of {} holds nothing of {} steps: choose another --split, or data with longer files",
            split.name(),
            dataset.name,
            config.n_steps
        );
        let forced = Forced::of(vae, &held_out, settings.seed)?;
        let played = play_back(vae, &held_out, Choosing::MostLikely)?;
        let sampled = Choosing::Sampled {
            seed: settings.seed,
        };
        let sampled = play_back(vae, &held_out, sampled)?;
        let reconstruction = Reconstruction::of(
            vae,
            &held_out,
            &forced,
            &played,
            &sampled,
            settings.kl_terms,
        );
        let interpolation = if settings.n_pairs == 0 {
            None
        } else {
            let language = interpolation::language_of(dataset, config);
            Interpolation::of(vae, &held_out, &language, settings.n_pairs, settings.seed)?
        };
        let invented = invented_grooves(vae, &held_out, settings.n_samples, settings.seed)?;
        let report = Report {
            report_version: REPORT_VERSION,
            preset: config.preset.clone(),
            head: config.decoder.head.name().to_owned(),
            rows: config.converter.output().to_string(),
            dataset: dataset.name.clone(),
            split,
            n_files: held_out.files.iter().collect::<BTreeSet<_>>().len(),
            n_examples: held_out.len(),
            n_steps: config.n_steps,
            seed: settings.seed,
            reconstruction,
            interpolation,
            prior: invented.as_ref().map(|grooves| Prior {
                temperature: TEMPERATURE,
                features: Features::of(grooves, &(0..grooves.len()).collect::<Vec<_>>()),
            }),
            data: held_out
                .grooves
                .as_ref()
                .map(|grooves| Features::of(grooves, &held_out.files)),
            two_sample: None,
            knobs: None,
            completion: None,
        };
        Ok(Self {
            report,
            held_out,
            played,
            sampled,
            invented,
        })
    }

    /// Inventions and reconstructions beside the drummers of `dataset`, which the rest was measured on; `None` if the
    /// model plays no grooves, or there is no training data.
    ///
    /// # Errors
    /// If the classifier cannot be trained.
    fn beside_drummers(
        &self,
        dataset: &Dataset,
        config: &ModelConfig,
    ) -> anyhow::Result<Option<TwoSample>> {
        let Some(invented) = &self.invented else {
            return Ok(None);
        };
        // Each sample counts as a file of its own.
        let invented = invented.iter().cloned().zip(dataset.files.len()..);
        let mut sets = vec![("prior samples", Windows::of(invented))];
        for (name, rows) in [
            ("reconstructions, most likely", &self.played),
            ("reconstructions, sampled", &self.sampled),
        ] {
            let grooves = held_out::grooves(config, rows.iter()).unwrap_or_default();
            let files = self.held_out.files.iter().copied();
            let of_beats = grooves.into_iter().zip(files).zip(&self.held_out.is_beat);
            let of_beats = of_beats.filter(|(_, is_beat)| **is_beat);
            sets.push((name, Windows::of(of_beats.map(|(window, _)| window))));
        }
        let Report { split, seed, .. } = self.report;
        TwoSample::of(dataset, split, config.window_steps(), sets, seed)
    }

    /// What the model's attribute vectors do; `None` if it has none.
    ///
    /// # Errors
    /// If the network fails.
    fn knobs(&self, model: &LoadedModel) -> anyhow::Result<Option<Knobs>> {
        let examples = self.held_out.examples.iter();
        let conditions: Vec<Conditions> = examples.map(|one| one.conditions.clone()).collect();
        let attributes = &model.metadata.attributes;
        Knobs::of(&model.vae, attributes, &conditions, self.report.seed)
    }
}

/// `n_samples` grooves decoded from the prior at [`TEMPERATURE`]; `None` if the model plays no drums of the nine.
///
/// # Errors
/// If the network fails.
fn invented_grooves(
    vae: &Vae,
    held_out: &HeldOut,
    n_samples: usize,
    seed: u64,
) -> anyhow::Result<Option<Vec<Groove>>> {
    if held_out.grooves.is_none() {
        return Ok(None);
    }
    let mut grooves: Vec<Groove> = Vec::with_capacity(n_samples);
    let samples: Vec<usize> = (0..n_samples).collect();
    for batch in samples.chunks(BATCH) {
        let rows = invented(vae, held_out, batch, seed)?;
        grooves.extend(held_out::grooves(vae.config(), rows.iter()).unwrap_or_default());
    }
    Ok(Some(grooves))
}

/// What the model invents at [`TEMPERATURE`]: number i is the sequence of the seed `seed` + i, in the plugin as in
/// `fourbar generate`. A model that is told which drums play is told those of one held-out example after the other.
fn invented(
    vae: &Vae,
    held_out: &HeldOut,
    samples: &[usize],
    seed: u64,
) -> anyhow::Result<Vec<Rows>> {
    let mut noises: Vec<Noise> = samples
        .iter()
        .map(|sample| Noise::from_seed(seed.wrapping_add(*sample as u64)))
        .collect();
    let zs: Vec<Vec<f32>> = noises
        .iter_mut()
        .map(|noise| vae.draw(None, noise))
        .collect();
    let conditions: Vec<Conditions> = samples
        .iter()
        .map(|sample| {
            held_out.examples[sample % held_out.len()]
                .conditions
                .clone()
        })
        .collect();
    vae.generate_batch(&zs, &conditions, TEMPERATURE, &mut noises)
        .context("decoding samples of the prior")
}
