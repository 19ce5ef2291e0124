//! `fourbar prepare`: what a data set holds, and why files are left out, before any training is paid for.

mod report;
mod table;

pub use report::Report;

use super::dataset::{Corpus, Dataset, Shard};
use super::locate::locate;
use super::shards;
use crate::arguments;
use crate::files;
use crate::reading::{self, Holdout};
use crate::settings::{Config, DEFAULT_PRESET};
use crate::text::grouped;
use anyhow::{Context, Result, bail, ensure};
use fourbar_model::config::ModelConfig;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Arguments of `fourbar prepare`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder or zip of MIDI files [default: $FOURBAR_DATA, else the cached or downloaded Groove MIDI Dataset]
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// The model to prepare for: a name of `fourbar presets`, or a file of your own ending in .toml
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PRESET)]
    pub preset: String,
    /// Bars from the start of one window to that of the next [default: the preset's]
    #[arg(long, value_name = "N", value_parser = arguments::count)]
    pub hop_bars: Option<usize>,
    /// How the files are read.
    #[command(flatten)]
    pub reading: reading::Args,
    /// What a model is validated on: the files that are set aside, or none, so that every file trains
    #[arg(long, value_name = "FILES")]
    pub validation: Option<Holdout>,
    /// Settings in a TOML file, as for `fourbar train`
    #[arg(long, value_name = "FILE.toml", value_parser = files::path_parser())]
    pub config: Option<PathBuf>,
    /// One setting, as for `fourbar train`, such as model.n_steps=32; can be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// Write the same facts as JSON
    #[arg(long, value_name = "FILE", value_parser = files::path_parser())]
    pub json: Option<PathBuf>,
    /// For data that are too large for the memory: cut them into so many shards of some thousand files, which `fourbar train
    /// --data FOLDER` reads in turn
    #[arg(long, value_name = "N", value_parser = arguments::count, requires = "out")]
    pub shards: Option<usize>,
    /// Make only the shard with this number, from 0 to N - 1: each can be made by another process or machine [default: all
    /// shards, one after the other]
    #[arg(long, value_name = "I", requires = "shards")]
    pub shard: Option<usize>,
    /// Folder that the shards are written into
    #[arg(long, value_name = "FOLDER", value_parser = files::path_parser(), requires = "shards")]
    pub out: Option<PathBuf>,
}

impl Default for Args {
    /// A report for the default preset of the data that are found, as where a command line says no more.
    fn default() -> Self {
        Self {
            data: None,
            preset: DEFAULT_PRESET.to_owned(),
            hop_bars: None,
            reading: reading::Args::default(),
            validation: None,
            config: None,
            settings: Vec::new(),
            json: None,
            shards: None,
            shard: None,
            out: None,
        }
    }
}

/// Prints the report of a data set; or cuts it into shards, which are written.
///
/// # Errors
/// If there is no data, or not one window of it can be used; if there are no such shards, or one cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let mut config = Config::resolve(&args.preset, args.config.as_deref(), &args.settings)?;
    config.data.overrule(&args.reading, args.validation);
    config.data.hop_bars = args.hop_bars.unwrap_or(config.data.hop_bars);
    let path = locate(args.data.as_deref())?;
    files::check_outputs(
        &[
            ("--data", Some(&path)),
            ("--config", args.config.as_deref()),
            ("--preset", Some(Path::new(&args.preset))),
        ],
        &[
            ("--json", args.json.as_deref()),
            ("--out", args.out.as_deref()),
        ],
    )?;
    let mut corpus = Corpus::open(&path)?;
    if let (Some(count), Some(folder)) = (args.shards, &args.out) {
        return write_shards(&mut corpus, count, folder, &config, args);
    }
    let (_, report) = report(&mut corpus, Shard::WHOLE, &config, args)?;
    if let Some(problem) = report.unusable() {
        bail!("{}: {problem}", path.display());
    }
    Ok(())
}

/// Writes the shard that is asked for, with its report, or all of `count` shards, with a line each.
fn write_shards(
    corpus: &mut Corpus,
    count: usize,
    folder: &Path,
    config: &Config,
    args: &Args,
) -> Result<()> {
    let n_files = corpus.n_files();
    ensure!(
        count <= n_files,
        "--shards {count} is more than the {n_files} file(s) of {}: some thousand files a shard do well",
        corpus.path().display()
    );
    if let Some(number) = args.shard {
        ensure!(
            number < count,
            "--shard {number} is none of {count} shards: their numbers are 0 to {}",
            count - 1
        );
        let shard = Shard { number, count };
        let (dataset, _) = report(corpus, shard, config, args)?;
        let path = shards::write(corpus, shard, &dataset, config, folder)?;
        writeln!(io::stdout(), "{shard} is {}", path.display())?;
        return Ok(());
    }
    ensure!(
        args.json.is_none(),
        "--json is the report of one shard: say which with --shard"
    );
    let reading = config.reading()?;
    for number in 0..count {
        let shard = Shard { number, count };
        let dataset = Dataset::read(corpus, shard, &config.model.converter, &reading)?;
        let path = shards::write(corpus, shard, &dataset, config, folder)?;
        let [used, dropped, copies] = [
            dataset.files.len(),
            dataset.dropped.len(),
            dataset.copies.len(),
        ]
        .map(grouped);
        writeln!(
            io::stdout(),
            "{shard}: {used} files, {dropped} that cannot be used, {copies} copies; {}",
            path.display()
        )?;
    }
    Ok(())
}

/// Reads a shard, and says what it holds.
fn report(
    corpus: &mut Corpus,
    shard: Shard,
    config: &Config,
    args: &Args,
) -> Result<(Dataset, Report)> {
    let dataset = Dataset::read(corpus, shard, &config.model.converter, &config.reading()?)?;
    let n_steps = config.model.window_steps();
    let report = Report::of(&dataset, corpus.path(), n_steps, config.data.hop_bars);
    write!(io::stdout(), "{report}")?;
    if let Some(path) = &args.json {
        let json =
            serde_json::to_vec_pretty(&report).context("the report cannot be put into JSON")?;
        files::write_atomically(path, &json)?;
    }
    Ok((dataset, report))
}

/// Says what a user should know of a data set before a model learns from it or is measured on it; returns the report
/// that it is from.
///
/// # Errors
/// If nothing can be written.
pub fn warn(
    dataset: &Dataset,
    path: &Path,
    model: &ModelConfig,
    out: &mut dyn Write,
) -> Result<Report> {
    let report = Report::of(dataset, path, model.window_steps(), 1);
    for warning in report.warnings() {
        writeln!(out, "warning: {warning} (see `fourbar prepare`)")?;
    }
    Ok(report)
}

/// Prepares shards of `data` in `out` with the default preset: all of them, or the one with this number.
#[cfg(test)]
pub(crate) fn into_shards(
    data: &Path,
    out: &Path,
    count: usize,
    number: Option<usize>,
) -> Result<()> {
    run(&Args {
        data: Some(data.to_owned()),
        shards: Some(count),
        shard: number,
        out: Some(out.to_owned()),
        ..Args::default()
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::data;
    use crate::data::{Split, Window};
    use fourbar_model::converter::{Converter, DrumsConverter, GrooveConverter, MelodyConverter};
    use fourbar_model::drums::DrumMap;
    use fourbar_model::noise::Noise;
    use std::collections::HashSet;

    /// The reference counts are those of magenta's `GrooveConverter` with `split_bars=4`, by the hop between windows.
    #[test]
    fn the_groove_midi_dataset_has_the_reference_counts() {
        let Some(path) = data::published_in_environment() else {
            eprintln!(
                "skipped: {} does not name the published Groove MIDI Dataset",
                data::DATA_VARIABLE
            );
            return;
        };
        let converter = Converter::Groove(GrooveConverter::default());
        let dataset = Dataset::load(&path, &converter, &DrumMap::TD11).unwrap();
        let windows = |hop_bars| Split::ALL.map(|split| dataset.windows(split, 64, hop_bars).len());
        assert_eq!(windows(4), [4_078, 504, 526]);
        assert_eq!(windows(1), [15_694, 1_939, 1_919]);

        let report = serde_json::to_value(Report::of(&dataset, &path, 64, 4)).unwrap();
        assert_eq!(report["files"]["usable"], 1_138);
        assert_eq!(report["files"]["dropped"], 12);
        assert_eq!(report["files"]["shorter_than_window"], 684);
        assert_eq!(report["notes"]["read"], 432_806);
        // The reference has 48 more: it counts steps in seconds, where rounding moves some exact half steps down.
        assert_eq!(report["notes"]["lost_same_cell"], 29_971);
        assert_eq!(report["notes"]["lost_unmapped"], serde_json::json!({}));
        assert_eq!(report["styles"].as_object().unwrap().len(), 18);
        assert_eq!(report["beat_types"]["fill"]["files"], 647);
        assert_eq!(report["performers"].as_object().unwrap().len(), 10);
        assert_eq!(report["name"], "Groove MIDI Dataset 1.0.0");
        assert_eq!(report["sha256"], data::GMD_SHA256);
    }

    /// The reference counts are those of magenta's `DrumsConverter` with the classes of the e-kit and four bars.
    #[test]
    fn the_drums_of_the_groove_midi_dataset_have_the_reference_counts() {
        let Some(path) = data::published_in_environment() else {
            eprintln!(
                "skipped: {} does not name the published Groove MIDI Dataset",
                data::DATA_VARIABLE
            );
            return;
        };
        let converter = Converter::Drums(DrumsConverter::default());
        let dataset = Dataset::load(&path, &converter, &DrumMap::TD11).unwrap();
        assert_eq!((dataset.files.len(), dataset.dropped.len()), (1_138, 12));
        let windows: Vec<Window> = Split::ALL
            .into_iter()
            .flat_map(|split| dataset.windows(split, 64, 1))
            .collect();
        assert_eq!(windows.len(), 19_344);
        for (max_per_song, n_windows) in [(20, 6_645), (5, 2_039)] {
            let mut capped = dataset.clone();
            capped.converter = Converter::Drums(DrumsConverter {
                max_per_song: Some(max_per_song),
                ..DrumsConverter::default()
            });
            let drawn = capped.draw(&windows, &mut Noise::from_seed(0));
            assert_eq!(drawn.len(), n_windows, "at most {max_per_song}");
        }

        let mut n_by_label = [0_usize; 512];
        let mut distinct = HashSet::new();
        for window in &windows {
            let output = dataset.example(window, None).output;
            let labels = output.labels().unwrap();
            labels
                .iter()
                .for_each(|label| n_by_label[usize::from(*label)] += 1);
            distinct.insert(labels.to_vec());
        }
        assert_eq!(distinct.len(), 19_311);
        assert_eq!(n_by_label.iter().filter(|n| **n > 0).count(), 151);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³ steps")]
        let shares = n_by_label.map(|n| n as f64 / (64 * windows.len()) as f64);
        assert!((shares[0] - 0.245).abs() < 5e-4, "rests: {}", shares[0]);
        let entropy: f64 = shares
            .iter()
            .filter(|share| **share > 0.0)
            .map(|p| -p * p.ln())
            .sum();
        assert!((entropy - 2.815).abs() < 5e-4, "{entropy} nats");
    }

    /// Files and split are those that the data set's own table has for 2015.
    #[test]
    fn the_piano_of_maestro_2015_is_melodies_with_the_split_of_its_table() {
        let Some(path) = std::env::var_os("FOURBAR_MAESTRO") else {
            eprintln!("skipped: FOURBAR_MAESTRO does not name the MIDI files of MAESTRO's 2015");
            return;
        };
        let converter = Converter::Melody(MelodyConverter {
            max_per_song: Some(5),
            ..MelodyConverter::default()
        });
        let dataset = Dataset::load(Path::new(&path), &converter, &DrumMap::TD11).unwrap();
        assert_eq!(dataset.card.name, "MAESTRO v3.0.0");
        let n_files = Split::ALL.map(|split| {
            let in_split = dataset.files.iter().filter(|file| file.split == split);
            in_split.count()
        });
        assert_eq!(n_files, [95, 13, 21]);
        let n_notes = dataset.files.iter().map(|file| file.extracted.n_notes);
        assert_eq!(n_notes.sum::<usize>(), 532_663);
        let windows = Split::ALL.map(|split| dataset.windows(split, 64, 1));
        // Counted by a program of its own after note-seq's `extract_melodies`, with `mido` for the notes.
        assert_eq!(windows.iter().map(Vec::len).sum::<usize>(), 24_656);
        let mut noise = Noise::from_seed(0);
        let drawn = windows.map(|windows| dataset.draw(&windows, &mut noise).len());
        assert_eq!(drawn.iter().sum::<usize>(), 5 * 129);
    }
}
