//! Held-out figures: how well a model plays back what it hears, what lies between two things it has heard, and whether
//! what it invents is like the drummers.
//!
//! `fourbar evaluate` prints them as a table and writes a [`Report`]: with `--json` as numbers, with `--html` as a page
//! to look at. Training measures the same on the validation split while it runs, and puts a report into the checkpoint it
//! ships. The report's keys are the fields of the structs in this module; shares are 0–1, velocities 0–127, an undefined
//! figure is `null`, and [`REPORT_VERSION`] changes when a key changes its meaning.

mod accuracy;
mod drums;
mod features;
mod held_out;
mod interpolation;
mod language;
mod onsets;
mod page;
mod reconstruction;
mod statistics;
mod table;
mod tokens;
pub mod validation;

pub use accuracy::{Accuracy, Choice};
pub use drums::{Downbeat, Drums, Intervals, Timing, Velocity};
pub use features::Features;
pub use held_out::HeldOut;
pub use interpolation::{Curve, Interpolation};
pub use onsets::Onsets;
pub use reconstruction::{Elbo, Reconstruction};
pub use statistics::{Estimate, Interval, Summary};
pub use validation::Validation;

use crate::config::Config;
use crate::dataset::{Dataset, Split};
use crate::generate::noise_of;
use crate::loaded_model::LoadedModel;
use crate::run_folder::Row;
use crate::{arguments, data, files};
use anyhow::Context as _;
use fourbar_model::checkpoint::Metadata;
use fourbar_model::groove::Groove;
use fourbar_model::noise::Noise;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use page::{Gallery, Page};
use reconstruction::{BATCH, Forced, play_back};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Version of the report's keys.
pub const REPORT_VERSION: u32 = 2;

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
    /// Which part of the data to measure on.
    #[arg(long, default_value = "test")]
    pub split: Split,
    /// Also write every figure to this file.
    #[arg(long, value_name = "FILE.json", value_parser = files::path_parser())]
    pub json: Option<PathBuf>,
    /// Also draw the figures, with piano rolls of what the model plays, on one page.
    #[arg(long, value_name = "FILE.html", value_parser = files::path_parser())]
    pub html: Option<PathBuf>,
    /// The log of the model's training, for the page [default: log.csv beside the model, if there is one]
    #[arg(long, value_name = "FILE.csv", requires = "html", value_parser = files::path_parser())]
    pub log: Option<PathBuf>,
    /// How many grooves to invent for the comparison with the data.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = arguments::count)]
    pub samples: usize,
    /// How many pairs of held-out examples to walk between; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub pairs: usize,
    /// Picks the invented grooves, the pairs and the posterior's samples.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Measures a checkpoint and prints the figures.
///
/// # Errors
/// If the model, the data or the log cannot be read, the split holds no example, or a report cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let model = LoadedModel::open(&args.model)?;
    let map = model.drum_map()?;
    let log = match &args.html {
        Some(_) => log(args)?,
        None => Vec::new(),
    };
    let path = data::locate(args.data.as_deref())?;
    let dataset = Dataset::load(&path, &model.metadata.config.converter, map)?;
    let learned = &model.metadata.dataset;
    // A folder and an archive of the same files differ in their hash, but a known set has its name in both.
    if dataset.sha256 != learned.sha256 && dataset.name != learned.name {
        writeln!(
            io::stdout(),
            "note: the model was trained on other data ({}), so \"{}\" may hold files that it has learned from",
            learned.name,
            args.split.name()
        )?;
    }
    let settings = Settings {
        n_samples: args.samples,
        n_pairs: args.pairs,
        free_bits: free_bits(&model.metadata),
        seed: args.seed,
    };
    let evaluation = Evaluation::of(&model.vae, &dataset, args.split, &settings)?;
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

/// The rows of the training's log, if one was asked for or lies beside the model.
fn log(args: &Args) -> anyhow::Result<Vec<Row>> {
    let read = |path: &Path| {
        Row::read_all(path).with_context(|| format!("{} is no log of a training", path.display()))
    };
    let beside = args.model.with_file_name("log.csv");
    match &args.log {
        Some(path) => read(path),
        None if beside.exists() => read(&beside),
        None => Ok(Vec::new()),
    }
}

/// The bits that the model's training left free, as its run noted in the checkpoint, else those of its preset.
fn free_bits(metadata: &Metadata) -> f64 {
    let noted = metadata
        .metrics
        .pointer("/training/config/train/free_bits")
        .and_then(serde_json::Value::as_f64);
    let preset = || {
        Config::preset(&metadata.config.preset)
            .ok()
            .map(|config| config.train.free_bits)
    };
    noted.or_else(preset).unwrap_or(0.0)
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
    /// What training gave away; it only enters [`Elbo::free_bits_cost_nats`].
    pub free_bits: f64,
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
    /// What the model made of it, freely running.
    played: Vec<Rows>,
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
        let played = play_back(vae, &held_out)?;
        let reconstruction =
            Reconstruction::of(vae, &held_out, &forced, &played, settings.free_bits);
        let interpolation = if settings.n_pairs == 0 {
            None
        } else {
            let language = interpolation::language_of(dataset, config);
            Interpolation::of(vae, &held_out, &language, settings.n_pairs, settings.seed)?
        };
        let prior = prior(
            vae,
            &held_out,
            settings.n_samples,
            TEMPERATURE,
            settings.seed,
        )?;
        let report = Report {
            report_version: REPORT_VERSION,
            preset: config.preset.clone(),
            head: config.decoder.head.clone(),
            rows: config.converter.output().to_string(),
            dataset: dataset.name.clone(),
            split,
            n_files: held_out.files.iter().collect::<BTreeSet<_>>().len(),
            n_examples: held_out.len(),
            n_steps: config.n_steps,
            seed: settings.seed,
            reconstruction,
            interpolation,
            prior,
            data: held_out
                .grooves
                .as_ref()
                .map(|grooves| Features::of(grooves, &held_out.files)),
        };
        Ok(Self {
            report,
            held_out,
            played,
        })
    }
}

/// Features of `n_samples` grooves decoded from z ~ N(0, 1), hits drawn at `temperature`; `None` if the model plays no
/// drums of the nine. A model that is told which drums play is told those of one held-out example after the other.
///
/// # Errors
/// If the network fails.
pub fn prior(
    vae: &Vae,
    held_out: &HeldOut,
    n_samples: usize,
    temperature: f32,
    seed: u64,
) -> anyhow::Result<Option<Prior>> {
    if held_out.grooves.is_none() {
        return Ok(None);
    }
    let mut grooves: Vec<Groove> = Vec::with_capacity(n_samples);
    let samples: Vec<usize> = (0..n_samples).collect();
    for batch in samples.chunks(BATCH) {
        let rows = invented(vae, held_out, batch, temperature, seed)?;
        grooves.extend(held_out::grooves(vae.config(), rows.iter()).unwrap_or_default());
    }
    Ok(Some(Prior {
        temperature,
        features: Features::of(&grooves, &samples),
    }))
}

/// The sequences that `fourbar generate` invents by these numbers; see [`prior`].
fn invented(
    vae: &Vae,
    held_out: &HeldOut,
    samples: &[usize],
    temperature: f32,
    seed: u64,
) -> anyhow::Result<Vec<Rows>> {
    let mut noises: Vec<Noise> = samples
        .iter()
        .map(|sample| noise_of(seed, *sample))
        .collect();
    let zs: Vec<Vec<f32>> = noises
        .iter_mut()
        .map(|noise| noise.normals(vae.config().latent))
        .collect();
    let controls: Option<Vec<Rows>> = samples
        .iter()
        .map(|sample| held_out.examples[sample % held_out.len()].controls.clone())
        .collect();
    vae.generate_batch(&zs, controls.as_deref(), temperature, &mut noises)
        .context("decoding samples of the prior")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::generate::sample;
    use crate::loaded_model::{LoadedModel, tiny};
    use fourbar_model::attributes::AttributeVector;
    use fourbar_model::converter::Example;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Cell;
    use fourbar_model::rows::RowLayout;

    /// Examples of noise for any model, two of each file.
    pub(super) fn held_out(vae: &Vae, n: usize) -> HeldOut {
        let config = vae.config();
        let examples: Vec<Example> = (0..n)
            .map(|index| {
                let mut noise = Noise::of_sample(11, index);
                let example = config
                    .converter
                    .example_of_groove(&groove(config.n_steps, &mut noise));
                example.unwrap_or_else(|| Example {
                    input: rows(&config.converter.input(), config.n_steps, index),
                    output: rows(&config.converter.output(), config.n_steps, index),
                    controls: None,
                })
            })
            .collect();
        HeldOut {
            grooves: held_out::grooves(config, examples.iter().map(|example| &example.output)),
            examples,
            bpms: vec![100.0; n],
            files: (0..n).map(|index| index / 2).collect(),
            names: (0..n).map(|index| format!("{index}.mid")).collect(),
        }
    }

    fn groove(n_steps: usize, noise: &mut Noise) -> Groove {
        let mut groove = Groove::empty(n_steps);
        for step in 0..n_steps {
            for voice in Voice::ALL {
                let plays = noise.uniform() < 0.1;
                let (velocity, offset) = (0.2 + 0.8 * noise.uniform(), noise.uniform() - 0.5);
                groove.set(step, voice, plays.then_some(Cell { velocity, offset }));
            }
        }
        groove
    }

    /// The same music for layouts of the same kind.
    fn rows(layout: &RowLayout, n_steps: usize, index: usize) -> Rows {
        let mut noise = Noise::of_sample(12, index);
        let classes = tokens::choices(layout);
        if classes.is_empty() {
            let mut bits = || {
                let notes = (0..61).filter(|_| noise.uniform() < 0.02);
                notes.fold(0, |bits, class| bits | 1 << class)
            };
            return Rows::of_bits(layout.clone(), (0..n_steps).map(|_| bits()).collect());
        }
        let labels = classes.iter().cycle().take(n_steps * classes.len());
        let label = |classes: &usize| u16::try_from(noise.below(*classes)).unwrap();
        Rows::of_labels(layout.clone(), labels.map(label).collect())
    }

    fn reconstruction(vae: &Vae, held_out: &HeldOut, seed: u64) -> Reconstruction {
        let forced = Forced::of(vae, held_out, seed).unwrap();
        let played = play_back(vae, held_out).unwrap();
        Reconstruction::of(vae, held_out, &forced, &played, 48.0)
    }

    fn evaluation(model: &LoadedModel, n: usize) -> Evaluation {
        let held_out = held_out(&model.vae, n);
        let config = model.vae.config();
        let language = language::LanguageModel::learn(
            held_out.outputs().map(tokens::tokens),
            tokens::n_tokens(&config.converter.output()),
        );
        Evaluation {
            report: Report {
                report_version: REPORT_VERSION,
                preset: config.preset.clone(),
                head: config.decoder.head.clone(),
                rows: config.converter.output().to_string(),
                dataset: "noise".to_owned(),
                split: Split::Test,
                n_files: n / 2,
                n_examples: n,
                n_steps: config.n_steps,
                seed: 0,
                reconstruction: reconstruction(&model.vae, &held_out, 0),
                interpolation: Interpolation::of(&model.vae, &held_out, &language, 3, 0).unwrap(),
                prior: prior(&model.vae, &held_out, 4, 1.0, 0).unwrap(),
                data: held_out
                    .grooves
                    .as_ref()
                    .map(|grooves| Features::of(grooves, &held_out.files)),
            },
            played: play_back(&model.vae, &held_out).unwrap(),
            held_out,
        }
    }

    #[test]
    fn every_kind_of_model_is_measured_the_same_every_time_and_its_elbo_adds_up() {
        for model in tiny::every_kind() {
            let held_out = held_out(&model.vae, 6);
            let measured = reconstruction(&model.vae, &held_out, 1);
            assert_eq!(measured, reconstruction(&model.vae, &held_out, 1));
            let elbo = &measured.elbo;
            assert!(elbo.r_loss_nats > 0.0 && elbo.kl_nats > 0.0);
            assert!((elbo.elbo_nats + elbo.r_loss_nats + elbo.kl_nats).abs() < 1e-9);
            assert!(elbo.elbo_interval.unwrap().low <= elbo.elbo_nats);
            for accuracy in [&measured.teacher_forced, &measured.free_running] {
                let rows = accuracy.rows.value.unwrap();
                assert!((0.0..1.0).contains(&rows), "{}", model.vae.config().preset);
                assert!(accuracy.rows.interval.unwrap().high >= rows);
                assert_ne!(
                    accuracy.precision.is_some(),
                    accuracy.mean_per_class.is_some()
                );
            }
            if let Some(drums) = &measured.drums {
                let n_hits: usize = held_out.grooves.unwrap().iter().map(Groove::n_hits).sum();
                assert_eq!(drums.onsets.found + drums.onsets.missed, n_hits);
            }
        }
    }

    #[test]
    fn a_decoder_that_is_told_the_truth_is_right_more_often() {
        // The tiny models' weights are noise, but the rows that they are most sure of are their own: teacher-forced on
        // what they play themselves they play it again.
        for model in tiny::every_kind() {
            let mut held_out = held_out(&model.vae, 4);
            let played = play_back(&model.vae, &held_out).unwrap();
            for (example, played) in held_out.examples.iter_mut().zip(played) {
                example.output = played;
            }
            let forced = Forced::of(&model.vae, &held_out, 0).unwrap();
            let accuracy = Accuracy::of(held_out.outputs(), &forced.played, &held_out.files);
            assert!(
                accuracy.rows.value.unwrap() > 0.99,
                "{}: {accuracy:?}",
                model.vae.config().preset
            );
        }
    }

    #[test]
    fn batches_do_not_change_what_is_measured() {
        let model = tiny::open();
        let all = held_out(&model.vae, 66);
        let n_found = |held_out: &HeldOut| {
            let played = play_back(&model.vae, held_out).unwrap();
            let played = held_out::grooves(model.vae.config(), played.iter()).unwrap();
            let heard = held_out.grooves.as_ref().unwrap();
            let drums = Drums::without_intervals(heard, &played, &held_out.bpms, true);
            drums.onsets.found
        };
        let alone = |index: usize| HeldOut {
            examples: vec![all.examples[index].clone()],
            grooves: all
                .grooves
                .as_ref()
                .map(|grooves| vec![grooves[index].clone()]),
            bpms: vec![100.0],
            files: vec![0],
            names: vec![String::new()],
        };
        assert_eq!(
            n_found(&all),
            (0..66).map(|index| n_found(&alone(index))).sum::<usize>()
        );
    }

    #[test]
    fn the_prior_is_measured_on_the_grooves_that_generate_writes() {
        let model = tiny::open();
        let grooves: Vec<Groove> = (0..70)
            .map(|index| sample(&model.vae, 1.0, 5, index).unwrap())
            .collect();
        let files: Vec<usize> = (0..70).collect();
        let held_out = held_out(&model.vae, 2);
        assert_eq!(
            prior(&model.vae, &held_out, 70, 1.0, 5)
                .unwrap()
                .unwrap()
                .features,
            Features::of(&grooves, &files)
        );
    }

    #[test]
    fn a_validation_has_the_figures_of_the_report() {
        for model in tiny::every_kind() {
            let held_out = held_out(&model.vae, 6);
            let train = Config::preset("groovae_4bar").unwrap().train;
            let validation = Validation::of(&model.vae, &held_out, &train).unwrap();
            let report = reconstruction(&model.vae, &held_out, train.seed);
            let [loss, kl_bits, forced, free, f1, velocity, _] = validation.figures();
            assert!(loss.is_some_and(f64::is_finite) && kl_bits == Some(report.elbo.kl_bits));
            assert_eq!(forced, report.teacher_forced.rows.value);
            assert_eq!(free, report.free_running.rows.value);
            let drums = report.drums.as_ref();
            assert_eq!(f1, drums.and_then(|drums| drums.onsets.f1()));
            assert_eq!(velocity, drums.and_then(|drums| drums.velocity?.mae));
            assert!(validation.to_text().contains("of rows right"));
        }
    }

    #[test]
    fn a_report_has_its_documented_keys_and_its_table_names_every_drum() {
        let report = evaluation(&tiny::open(), 4).report;
        let json = serde_json::to_value(&report).unwrap();
        for place in [
            "/report_version",
            "/split",
            "/reconstruction/teacher_forced/rows/value",
            "/reconstruction/free_running/recall/interval/low",
            "/reconstruction/drums/onsets/f1",
            "/reconstruction/drums/onsets_by_voice/kick/precision",
            "/reconstruction/drums/velocity/mae",
            "/reconstruction/drums/timing/mae_ms",
            "/reconstruction/drums/timing/data_spread_steps",
            "/reconstruction/drums/downbeat/data_any",
            "/reconstruction/drums/intervals/onset_f1",
            "/reconstruction/elbo/kl_bits",
            "/reconstruction/elbo/parts_nats/hits",
            "/interpolation/latent/hamming/10/value",
            "/interpolation/blend/language_nats_per_row/0/interval",
            "/prior/temperature",
            "/prior/features/downbeat",
            "/prior/features/hits_per_bar/mean",
            "/data/downbeat",
            "/data/share_of_hits/closed_hat",
            "/data/simultaneous_hits/4",
        ] {
            assert!(json.pointer(place).is_some(), "{place}");
        }
        let text = report.to_text();
        assert!(
            Voice::ALL.iter().all(|voice| text.contains(voice.name())),
            "{text}"
        );
    }

    #[test]
    fn what_a_model_does_not_have_is_null_and_not_in_its_table() {
        for model in tiny::every_kind() {
            let evaluation = evaluation(&model, 4);
            let json = serde_json::to_value(&evaluation.report).unwrap();
            let text = evaluation.report.to_text();
            assert!(text.contains("rows right"), "{text}");
            let plays_drums = evaluation.held_out.grooves.is_some();
            for (place, words) in [
                ("/reconstruction/drums", "all drums"),
                ("/prior", "Invented"),
                ("/data", "drums used"),
            ] {
                assert_eq!(
                    json.pointer(place).unwrap().is_null(),
                    !plays_drums,
                    "{place}"
                );
                assert_eq!(text.contains(words), plays_drums, "{text}");
            }
            let has_controls = model.vae.config().converter.controls().is_some();
            assert_eq!(json["interpolation"].is_null(), has_controls);
            assert_eq!(text.contains("Between"), !has_controls, "{text}");
            let is_trio = text.contains("melody") && text.contains("bass");
            assert_eq!(is_trio, model.vae.config().preset == "trio");
        }
    }

    #[test]
    fn the_page_of_every_kind_of_model_is_whole_and_needs_nothing_else() {
        let density = AttributeVector {
            vector: vec![0.5; 8],
            bottom: 0.125,
            top: 0.5,
            mean: 0.25,
            deviation: 0.1,
            n_sequences: 30,
        };
        for mut model in tiny::every_kind() {
            let attributes = &mut model.metadata.attributes;
            attributes.insert("density".to_owned(), density.clone());
            let evaluation = evaluation(&model, 4);
            let row = |step| Row {
                step,
                figures: vec![("loss".to_owned(), Some(3.0)), ("kl".to_owned(), None)],
            };
            let log = [row(50), row(100)];
            let page = Page {
                report: &evaluation.report,
                metadata: &model.metadata,
                log: &log,
                gallery: Gallery::of(&model.vae, &evaluation, model.drum_map().unwrap(), 0)
                    .unwrap(),
            };
            let html = page.to_html();
            assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
            for (open, close) in [
                ("<svg", "</svg>"),
                ("<section", "</section>"),
                ("<g", "</g>"),
            ] {
                let n_open = html.matches(&format!("{open} ")).count()
                    + html.matches(&format!("{open}>")).count();
                assert_eq!(n_open, html.matches(close).count(), "{open}");
            }
            for forbidden in ["<script", "http://", "https://", "NaN", "inf"] {
                let found = html.replace("http://www.w3.org/2000/svg", "");
                assert!(!found.contains(forbidden), "{forbidden}");
            }
            let has_controls = model.vae.config().converter.controls().is_some();
            assert_eq!(html.contains("Hamming"), !has_controls);
            assert!(html.contains("<td>density</td><td>0.125</td><td>0.250</td><td>0.500</td>"));
        }
    }
}
