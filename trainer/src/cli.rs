//! The `fourbar` command: arguments -> one function of the library.

use crate::{
    attributes, data, eval, generate, import, inspect, listen, maps, parity, prepare, presets,
    roll, train,
};
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
    Prepare(prepare::Args),
    /// Measure a model on grooves that it has not learned from
    Evaluate(eval::Args),
    /// Write grooves as MIDI files: invented, between two others, or played back
    Generate(generate::Args),
    /// Write a page of loops by drummers and by a model, to find out whether listeners can tell them apart
    Listen(listen::Args),
    /// Measure in which directions of a model's latent space the music gets denser, swings more and so on
    Attributes(attributes::Args),
    /// Say what a checkpoint holds
    Inspect(inspect::Args),
    /// Draw a MIDI file's drums as a piano roll: PNG, SVG or text
    Roll(roll::Args),
    /// List the drum maps: which MIDI key is which drum, and where that is documented
    Maps(maps::Args),
    /// List the models that can be trained
    Presets(presets::Args),
    /// Train a model
    Train(train::Args),
    /// Turn weights of Magenta, from its trainer or its website, into a model
    Import(import::Args),
    /// Check imported models against what magenta.js computes
    Parity(parity::Args),
    /// Find or download the Groove MIDI Dataset
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
            Command::Evaluate(args) => eval::run(&args),
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
}
