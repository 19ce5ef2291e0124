//! `fourbar prepare`: what a data set holds, and why files are left out, before any training is paid for.

mod report;

pub use report::Report;

use crate::dataset::Dataset;
use crate::{data, files};
use anyhow::{Context, Result, bail};
use fourbar_model::config::ModelConfig;
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
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    pub hop_bars: u16,
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
        format!("there is no drum map \"{id}\"; there are {}", known.join(" and "))
    })
}

/// Prints the report of a data set.
///
/// # Errors
/// If there is no data, or not one window of it can be used.
pub fn run(args: &Args) -> Result<()> {
    let path = data::locate(args.data.as_deref())?;
    let dataset = Dataset::load(&path, args.drum_map)?;
    let n_steps = ModelConfig::groovae_4bar().n_steps;
    let report = Report::of(&dataset, &path, n_steps, usize::from(args.hop_bars));
    write!(io::stdout(), "{report}")?;
    if let Some(path) = &args.json {
        let json = serde_json::to_vec_pretty(&report).context("the report cannot be put into JSON")?;
        files::write_atomically(path, &json)?;
    }
    if let Some(problem) = report.unusable() {
        bail!("{}: {problem}", path.display());
    }
    Ok(())
}
