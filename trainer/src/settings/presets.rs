//! `fourbar presets`: the models that can be trained.

use super::config::Config;
use crate::text::grouped;
use std::io::{self, Write as _};

/// Arguments of `fourbar presets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show every setting of this preset, in the form of a file that `train --preset FILE.toml` reads
    pub name: Option<String>,
}

/// Lists the presets, or shows one.
///
/// # Errors
/// If there is no preset of the name, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if let Some(name) = &args.name {
        write!(out, "{}", toml::to_string(&Config::preset(name)?)?)?;
        return Ok(());
    }
    for config in Config::presets()? {
        writeln!(out, "{}", config.model.preset)?;
        writeln!(out, "    {}", config.description)?;
        writeln!(
            out,
            "    {} parameters. {}.",
            grouped(config.model.n_parameters()),
            config.source
        )?;
        if !config.aliases.is_empty() {
            writeln!(out, "    Also {}.", config.aliases.join(", "))?;
        }
    }
    Ok(())
}
