//! `fourbar listen`: a page of loops by drummers and by a model, to find out whether listeners can tell them apart.
//!
//! The loops come in pairs of one tempo, one by a drummer of the test split and one by the model, and are shuffled. All
//! are played by the plugin's preview kit at one gain. The same model, data and seed give the same page.

mod clips;
mod page;
#[cfg(test)]
mod tests;

use crate::arguments;
use crate::data;
use crate::files;
use crate::measure::sound;
use crate::models;
use crate::models::LoadedModel;
use crate::reading;
use anyhow::Context as _;
use clips::Clip;
use page::Page;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How often each loop is played: so often that one hears it as a loop.
const N_ROUNDS: u8 = 2;

/// Arguments of `fourbar listen`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to judge [default: the one of this repository that the plugin has inside]
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub model: Option<PathBuf>,
    /// Folder or zip of MIDI files; without it, the Groove MIDI Dataset where `fourbar data` finds it
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// The folder for the page, index.html [default: docs/listen in this repository]
    #[arg(long, value_name = "DIR", value_parser = files::path_parser())]
    pub out: Option<PathBuf>,
    /// Picks the loops and their order
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = arguments::seed, allow_negative_numbers = true)]
    pub seed: u64,
}

/// Writes the page.
///
/// # Errors
/// If the model or the data cannot be read, there are too few drummers' loops, the model plays no drums by itself, or the
/// page cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let model_path = args.model.clone().unwrap_or_else(default_model);
    let data_path = data::locate(args.data.as_deref())?;
    let out = args.out.clone();
    let folder = out.unwrap_or_else(|| repository().join("docs/listen"));
    let page_path = folder.join("index.html");
    files::check_outputs(
        &[("--model", Some(&model_path)), ("--data", Some(&data_path))],
        &[("--out", Some(&page_path))],
    )?;
    let model = LoadedModel::open(&model_path)?;
    let dataset = models::dataset(&model.metadata, &data_path, &reading::Args::default())?;

    let clips = clips::choose(&model, &dataset, args.seed)?;
    let loops: Vec<_> = clips.iter().map(Clip::to_loop).collect();
    let sounds = sound::record(&loops, N_ROUNDS).context("encoding the sound")?;
    let page = Page {
        model: &model.metadata,
        dataset: &dataset,
        seed: args.seed,
        clips: &clips,
        sounds: &sounds,
    };
    let html = page.to_html();
    files::write_atomically(&page_path, html.as_bytes())?;
    writeln!(
        io::stdout(),
        "{} written ({} kB): open it in a browser",
        page_path.display(),
        html.len() / 1000
    )?;
    Ok(())
}

/// The checkpoint of this repository that is listened to unless another is named.
#[must_use]
pub fn default_model() -> PathBuf {
    repository().join("bundles/models/fourbar.safetensors")
}

/// The folder that this command was built in.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the trainer lies inside the repository")
}
