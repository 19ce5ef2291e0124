//! Held-out figures: how well a model plays back what it hears, and whether what it invents is like the drummers.
//!
//! `fourbar evaluate` prints them as a table and, with `--json`, writes a [`Report`]. Training measures the same on the
//! validation split while it runs, and puts a report into the checkpoint it ships. The report's keys are the fields of
//! the structs in this module; shares are 0–1, velocities 0–127, an undefined figure is `null`, and
//! [`REPORT_VERSION`] changes when a key changes its meaning.

mod features;
mod reconstruction;
mod score;
mod statistics;
mod table;

pub use features::Features;
pub use reconstruction::{
    Downbeat, Elbo, HeldOut, Intervals, Onsets, Reconstruction, Timing, Velocity, reconstruction,
};
pub use statistics::{Interval, Summary};

use crate::config::Config;
use crate::dataset::{Dataset, Split};
use crate::generate::noise_of;
use crate::loaded_model::LoadedModel;
use crate::{arguments, data, files};
use anyhow::Context as _;
use fourbar_model::checkpoint::Metadata;
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Version of the report's keys.
pub const REPORT_VERSION: u32 = 2;

/// Prior samples that are decoded together.
const BATCH: usize = 64;

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
    /// How many grooves to invent for the comparison with the data.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = arguments::count)]
    pub samples: usize,
    /// Picks the invented grooves and the posterior's samples.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Measures a checkpoint and prints the figures.
///
/// # Errors
/// If the model or the data cannot be read, the split holds no groove, or the report cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let model = LoadedModel::open(&args.model)?;
    let data = data::locate(args.data.as_deref())?;
    let dataset = Dataset::load(
        &data,
        &Converter::Groove(GrooveConverter::default()),
        model.drum_map()?,
    )?;
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
    let free_bits = free_bits(&model.metadata);
    let report = report(
        &model.vae,
        &dataset,
        args.split,
        args.samples,
        free_bits,
        args.seed,
    )?;
    let mut out = io::stdout();
    write!(out, "{}", report.to_text())?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).context("writing the report as JSON")?;
        files::write_atomically(path, (json + "\n").as_bytes())?;
        writeln!(out, "\n{} written", path.display())?;
    }
    Ok(())
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
    /// Name of the data set.
    pub dataset: String,
    /// Part of the data that was measured on.
    pub split: Split,
    /// Files that the grooves are from.
    pub n_files: usize,
    /// Grooves, side by side.
    pub n_grooves: usize,
    /// Length of each.
    pub n_bars: usize,
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// The grooves played back by the model.
    pub reconstruction: Reconstruction,
    /// What the model invents.
    pub prior: Prior,
    /// What the drummers play.
    pub data: Features,
}

/// Features of grooves that the model invented.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prior {
    /// Temperature of the hits.
    pub temperature: f32,
    /// What the grooves are like.
    pub features: Features,
}

/// Measures `vae` on one split of `dataset`; see [`reconstruction()`] and [`prior`] for the arguments.
///
/// # Errors
/// If the split holds no groove of the model's length, or the network fails.
pub fn report(
    vae: &Vae,
    dataset: &Dataset,
    split: Split,
    n_samples: usize,
    free_bits: f64,
    seed: u64,
) -> anyhow::Result<Report> {
    let n_steps = vae.config().n_steps;
    let n_bars = n_steps / STEPS_PER_BAR;
    let held_out = HeldOut::of(dataset, split, n_steps);
    anyhow::ensure!(
        !held_out.grooves.is_empty(),
        "the {} split of {} holds no groove of {n_bars} bars: choose another --split, or data with longer files",
        split.name(),
        dataset.name
    );
    let temperature = 1.0;
    Ok(Report {
        report_version: REPORT_VERSION,
        preset: vae.config().preset.clone(),
        dataset: dataset.name.clone(),
        split,
        n_files: held_out.files.iter().collect::<BTreeSet<_>>().len(),
        n_grooves: held_out.grooves.len(),
        n_bars,
        seed,
        reconstruction: reconstruction(vae, &held_out, free_bits, seed)?,
        prior: Prior {
            temperature,
            features: prior(vae, n_samples, temperature, seed)?,
        },
        data: Features::of(&held_out.grooves, &held_out.files),
    })
}

/// Features of `n_samples` grooves decoded from z ~ N(0, 1), hits drawn at `temperature`.
///
/// # Errors
/// If the network fails.
pub fn prior(vae: &Vae, n_samples: usize, temperature: f32, seed: u64) -> anyhow::Result<Features> {
    let mut grooves = Vec::with_capacity(n_samples);
    let samples: Vec<usize> = (0..n_samples).collect();
    for batch in samples.chunks(BATCH) {
        let mut noises: Vec<Noise> = batch.iter().map(|sample| noise_of(seed, *sample)).collect();
        let zs: Vec<Vec<f32>> = noises
            .iter_mut()
            .map(|noise| noise.normals(vae.config().latent))
            .collect();
        let rows = vae
            .generate_batch(&zs, None, temperature, &mut noises)
            .context("decoding samples of the prior")?;
        grooves.extend(
            rows.iter()
                .filter_map(|rows| vae.config().converter.groove(rows)),
        );
    }
    Ok(Features::of(&grooves, &samples))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::generate::sample;
    use crate::loaded_model::tiny;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::{Cell, Groove};

    /// Grooves of the tiny model's length with a hit wherever `plays` says so.
    fn held_out(n: usize, plays: fn(usize, usize) -> bool) -> HeldOut {
        let grooves = (0..n).map(|index| {
            let mut groove = Groove::empty(64);
            for step in (0..64).filter(|step| plays(index, *step)) {
                groove.set(
                    step,
                    Voice::Snare,
                    Some(Cell {
                        velocity: 0.5,
                        offset: 0.1,
                    }),
                );
            }
            groove
        });
        HeldOut {
            grooves: grooves.collect(),
            bpms: vec![100.0; n],
            files: (0..n).collect(),
        }
    }

    #[test]
    fn a_model_is_measured_the_same_every_time_and_its_elbo_adds_up() {
        let model = tiny::open();
        let held_out = held_out(70, |index, step| step.is_multiple_of(index % 7 + 1));
        let measured = reconstruction(&model.vae, &held_out, 48.0, 1).unwrap();
        assert_eq!(
            measured,
            reconstruction(&model.vae, &held_out, 48.0, 1).unwrap()
        );
        assert_eq!(measured.n_grooves, 70);
        let snare = measured.onsets_by_voice[&Voice::Snare];
        let n_played: usize = held_out.grooves.iter().map(Groove::n_hits).sum();
        assert_eq!(snare.found + snare.missed, n_played);
        let elbo = &measured.elbo;
        assert!(elbo.parts_nats["hits"] > 0.0 && elbo.kl_nats > 0.0);
        assert!((elbo.elbo_nats + elbo.r_loss_nats + elbo.kl_nats).abs() < 1e-9);
    }

    #[test]
    fn batches_do_not_change_what_is_measured() {
        let model = tiny::open();
        let all = held_out(66, |index, step| (step + index).is_multiple_of(5));
        let alone = |index: usize| HeldOut {
            grooves: vec![all.grooves[index].clone()],
            bpms: vec![100.0],
            files: vec![0],
        };
        let n_found = |held_out: &HeldOut| {
            reconstruction(&model.vae, held_out, 0.0, 1)
                .unwrap()
                .onsets
                .found
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
        assert_eq!(
            prior(&model.vae, 70, 1.0, 5).unwrap(),
            Features::of(&grooves, &files)
        );
    }

    #[test]
    fn nothing_to_reconstruct_is_an_error() {
        let problem =
            reconstruction(&tiny::open().vae, &held_out(0, |_, _| true), 0.0, 1).unwrap_err();
        assert!(problem.to_string().contains("no groove"));
    }

    #[test]
    fn a_report_has_its_documented_keys_and_its_table_names_every_drum() {
        let model = tiny::open();
        let held_out = held_out(3, |_, step| step.is_multiple_of(4));
        let report = Report {
            report_version: REPORT_VERSION,
            preset: "tiny".to_owned(),
            dataset: "noise".to_owned(),
            split: Split::Test,
            n_files: 3,
            n_grooves: 3,
            n_bars: 4,
            seed: 0,
            reconstruction: reconstruction(&model.vae, &held_out, 48.0, 0).unwrap(),
            prior: Prior {
                temperature: 1.0,
                features: prior(&model.vae, 4, 1.0, 0).unwrap(),
            },
            data: Features::of(&held_out.grooves, &held_out.files),
        };
        let json = serde_json::to_value(&report).unwrap();
        for place in [
            "/report_version",
            "/split",
            "/reconstruction/onsets/f1",
            "/reconstruction/onsets_by_voice/kick/precision",
            "/reconstruction/velocity/mae",
            "/reconstruction/timing/mae_ms",
            "/reconstruction/timing/data_spread_steps",
            "/reconstruction/downbeat/data_any",
            "/reconstruction/elbo/kl_bits",
            "/reconstruction/intervals/onset_f1",
            "/prior/temperature",
            "/prior/features/downbeat",
            "/prior/features/hits_per_bar/mean",
            "/data/downbeat",
            "/data/share_of_hits/closed_hat",
            "/data/simultaneous_hits/4",
        ] {
            assert!(json.pointer(place).is_some(), "{place}");
        }
        assert_eq!(json["data"]["downbeat"], 1.0);
        let text = report.to_text();
        assert!(
            Voice::ALL.iter().all(|voice| text.contains(voice.name())),
            "{text}"
        );
    }
}
