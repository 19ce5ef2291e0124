//! `fourbar prepare`: what a data set holds, and why files are left out, before any training is paid for.

mod report;
mod table;

pub use report::Report;

use crate::config::{Config, DEFAULT_PRESET, DataConfig};
use crate::dataset::Dataset;
use crate::{arguments, data, files};
use anyhow::{Context, Result, bail};
use fourbar_model::drums::DrumMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Arguments of `fourbar prepare`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder or zip of MIDI files [default: $FOURBAR_DATA, else the cached or downloaded Groove MIDI Dataset]
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// Bars from the start of one window to that of the next
    #[arg(long, value_name = "N", default_value_t = DataConfig::default().hop_bars, value_parser = arguments::count)]
    pub hop_bars: usize,
    /// How the files number their drums: td11 (e-kit, as the Groove MIDI Dataset) or gm (General MIDI)
    #[arg(long, value_name = "MAP", default_value = DrumMap::TD11.id, value_parser = parse_drum_map)]
    pub drum_map: &'static DrumMap,
    /// Write the same facts as JSON
    #[arg(long, value_name = "FILE", value_parser = files::path_parser())]
    pub json: Option<PathBuf>,
}

/// The drum map that an argument names.
///
/// # Errors
/// If there is no such map; the error lists those there are.
pub fn parse_drum_map(id: &str) -> Result<&'static DrumMap, String> {
    DrumMap::by_id(id).ok_or_else(|| {
        let known: Vec<_> = DrumMap::ALL.iter().map(|map| map.id).collect();
        format!(
            "there is no drum map \"{id}\"; there are {}",
            known.join(" and ")
        )
    })
}

/// Prints the report of a data set.
///
/// # Errors
/// If there is no data, or not one window of it can be used.
pub fn run(args: &Args) -> Result<()> {
    let path = data::locate(args.data.as_deref())?;
    let dataset = Dataset::load(&path, args.drum_map)?;
    let n_steps = Config::preset(DEFAULT_PRESET)?.model.n_steps;
    let report = Report::of(&dataset, &path, n_steps, args.hop_bars);
    write!(io::stdout(), "{report}")?;
    if let Some(path) = &args.json {
        let json =
            serde_json::to_vec_pretty(&report).context("the report cannot be put into JSON")?;
        files::write_atomically(path, &json)?;
    }
    if let Some(problem) = report.unusable() {
        bail!("{}: {problem}", path.display());
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::dataset::Split;

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
        let dataset = Dataset::load(&path, &DrumMap::TD11).unwrap();
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
        assert_eq!(report["name"], "Groove MIDI Dataset 1.0.0");
        assert_eq!(report["sha256"], data::GMD_SHA256);
    }
}
