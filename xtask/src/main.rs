//! `cargo xtask <task>`: everything that is done to this repository, by one command.
//!
//! It depends neither on the plugin nor on the trainer: it calls cargo for them, and hosts the plugin as a file.
#![allow(clippy::print_stdout)]

mod artifact;
mod bundle;
mod ci;
mod command;
mod demo;
mod dist;
mod install;
mod release_notes;
mod third_party;
mod train;
mod validate;

use std::ffi::OsString;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Builds, plays, trains, installs and checks Fourbar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the plugin and play eight bars of it: MIDI, audio, a picture and a grid in the terminal.
    Demo(demo::DemoArgs),
    /// Build the CLAP and the VST3 plugin into bundles/plugins/.
    Bundle(bundle::BundleArgs),
    /// Build the plugins and copy them into your plugin folders.
    Install(bundle::BundleArgs),
    /// Run every plugin validator found on PATH on the built plugins.
    Validate(bundle::BundleArgs),
    /// Write the licences of everything that the plugin and the trainer contain into bundles/plugins/THIRD-PARTY.txt.
    ThirdParty,
    /// Build everything and pack what users of this system download into bundles/dist/.
    Dist(bundle::BundleArgs),
    /// Print what CHANGELOG.md says of the version that a tag names.
    ReleaseNotes(release_notes::ReleaseNotesArgs),
    /// Run every check, in the order of continuous integration.
    Ci,
    /// Say where the Groove MIDI Dataset is, downloading it where needed.
    #[command(disable_help_flag = true)]
    Data(TrainerArgs),
    /// Read a folder or zip of MIDI files and print what training would see.
    #[command(disable_help_flag = true)]
    Prepare(TrainerArgs),
    /// Train a checkpoint.
    #[command(disable_help_flag = true)]
    Train(TrainerArgs),
    /// Measure a checkpoint on held-out music.
    #[command(disable_help_flag = true)]
    Evaluate(TrainerArgs),
    /// Write MIDI files with a checkpoint.
    #[command(disable_help_flag = true)]
    Generate(TrainerArgs),
    /// Write docs/listen/: loops by drummers and by the plugin's model, to be told apart by ear.
    #[command(disable_help_flag = true)]
    Listen(TrainerArgs),
    /// Find the directions in which a checkpoint's music gets denser, swings more and so on.
    #[command(disable_help_flag = true)]
    Attributes(TrainerArgs),
    /// Say what a checkpoint holds.
    #[command(disable_help_flag = true)]
    Inspect(TrainerArgs),
    /// Make a checkpoint of Magenta's weights.
    #[command(disable_help_flag = true)]
    Import(TrainerArgs),
    /// Compare imported models with what magenta.js computes.
    #[command(disable_help_flag = true)]
    Parity(TrainerArgs),
    /// List the drum maps, or show the keys of one.
    #[command(disable_help_flag = true)]
    Maps(TrainerArgs),
    /// List the models that can be trained.
    #[command(disable_help_flag = true)]
    Presets(TrainerArgs),
    /// Draw the piano roll of a MIDI file.
    #[command(disable_help_flag = true)]
    Roll(TrainerArgs),
}

/// What the trainer's command of the same name takes; `--help` lists it.
#[derive(Args)]
struct TrainerArgs {
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(args) => demo::demo(&args),
        Task::Bundle(args) => bundle::bundle(&args).map(|_| ()),
        Task::Install(args) => install::install(&args),
        Task::Validate(args) => validate::validate(&args),
        Task::ThirdParty => third_party::third_party(),
        Task::Dist(args) => dist::dist(&args),
        Task::ReleaseNotes(args) => release_notes::release_notes(&args),
        Task::Ci => ci::ci(),
        Task::Data(args) => train::trainer("data", &args.arguments),
        Task::Prepare(args) => train::trainer("prepare", &args.arguments),
        Task::Train(args) => train::trainer("train", &args.arguments),
        Task::Evaluate(args) => train::trainer("evaluate", &args.arguments),
        Task::Generate(args) => train::trainer("generate", &args.arguments),
        Task::Listen(args) => train::trainer("listen", &args.arguments),
        Task::Attributes(args) => train::trainer("attributes", &args.arguments),
        Task::Inspect(args) => train::trainer("inspect", &args.arguments),
        Task::Import(args) => train::trainer("import", &args.arguments),
        Task::Parity(args) => train::trainer("parity", &args.arguments),
        Task::Maps(args) => train::trainer("maps", &args.arguments),
        Task::Presets(args) => train::trainer("presets", &args.arguments),
        Task::Roll(args) => train::trainer("roll", &args.arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_trainers_own_options_pass_through_even_help() {
        let cli = Cli::parse_from(["cargo xtask", "train", "--steps", "3", "--help", "-x"]);
        let Task::Train(args) = cli.task else {
            panic!("parsed as another task");
        };
        assert_eq!(args.arguments, ["--steps", "3", "--help", "-x"]);
    }
}
