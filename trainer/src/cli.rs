//! The `fourbar` command: arguments -> one function of the library.

use crate::data::{self, prepare};
use crate::learn::train;
use crate::magenta::{import, parity};
use crate::make::{attributes, generate, inspect, roll};
use crate::measure::{evaluate, listen};
use crate::reading::maps;
use crate::settings::presets;
use clap::{Parser, Subcommand};

/// Learn drum grooves from MIDI files, and play them.
#[derive(Debug, Parser)]
#[command(name = "fourbar", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a folder or zip of MIDI files holds, and why files are left out
    #[command(after_help = "Example: fourbar prepare --data my-loops --repeat-short")]
    Prepare(prepare::Args),
    /// Measure a model on grooves that it has not learned from
    #[command(
        after_help = "Example: fourbar evaluate --model run/model.safetensors --html report.html"
    )]
    Evaluate(evaluate::Args),
    /// Write grooves as MIDI files: new ones, between two others, or played back
    #[command(
        after_help = "Example: fourbar generate --model run/model.safetensors --mode similar --input beat.mid --out variations"
    )]
    Generate(generate::Args),
    /// Write a page of loops by drummers and by a model, to find out whether listeners can tell them apart
    #[command(after_help = "Example: fourbar listen --model run/model.safetensors --out page")]
    Listen(listen::Args),
    /// Measure in which directions of a model's latent space the music gets denser, swings more and so on
    #[command(
        after_help = "Example: fourbar attributes --model run/model.safetensors --data my-loops"
    )]
    Attributes(attributes::Args),
    /// Say what a checkpoint holds
    #[command(after_help = "Example: fourbar inspect run/model.safetensors")]
    Inspect(inspect::Args),
    /// Draw a MIDI file's drums as a piano roll: PNG, SVG or text
    #[command(after_help = "Example: fourbar roll --input beat.mid --text")]
    Roll(roll::Args),
    /// List the drum maps: which MIDI key is which drum, and where that is documented
    #[command(after_help = "Example: fourbar maps addictive2")]
    Maps(maps::Args),
    /// List the models that can be trained
    #[command(after_help = "Example: fourbar presets groovae_4bar")]
    Presets(presets::Args),
    /// Train a model
    #[command(after_help = "Example: fourbar train --data my-loops --out run")]
    Train(train::Args),
    /// Turn weights of Magenta, from its trainer or its website, into a model
    #[command(
        after_help = "Example: fourbar import --from groovae_4bar.tar --preset groovae_4bar --out groovae.safetensors"
    )]
    Import(import::Args),
    /// Check imported models against what magenta.js computes
    #[command(after_help = "Example: fourbar parity cases")]
    Parity(parity::Args),
    /// Find or download the Groove MIDI Dataset
    #[command(after_help = "Example: fourbar data --data loops.zip")]
    Data(data::Args),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The command's own; the text is for the user.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Prepare(args) => prepare::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Generate(args) => generate::run(&args),
            Command::Listen(args) => listen::run(&args),
            Command::Attributes(args) => attributes::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Roll(args) => roll::run(&args),
            Command::Maps(args) => maps::run(&args),
            Command::Presets(args) => presets::run(&args),
            Command::Train(args) => train::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Parity(args) => parity::run(&args),
            Command::Data(args) => data::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_every_command_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_that_it_takes() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let words = help.as_deref().unwrap_or_default();
            let example = words.strip_prefix("Example: ").unwrap_or_default();
            let parsed = Cli::try_parse_from(example.split_whitespace());
            assert!(parsed.is_ok(), "{}: {parsed:?}", command.get_name());
        }
    }
}
