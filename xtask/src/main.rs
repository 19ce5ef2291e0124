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
mod factory_presets;
mod fuzz;
mod install;
mod release_notes;
#[cfg(target_os = "linux")]
mod rtsan;
#[cfg(target_os = "linux")]
mod soak;
mod target;
mod third_party;
mod train;
mod validate;
mod windows;

use std::ffi::OsString;

use anyhow::Result;
use clap::{Parser, Subcommand};

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
    Install(bundle::FeatureArgs),
    /// Run every plugin validator found on PATH on the built plugins.
    Validate(bundle::FeatureArgs),
    /// Choose the presets that come with the plugin anew, for another built-in model (needs FOURBAR_DATA).
    FactoryPresets,
    /// Write the licences of everything that the plugin and the trainer contain into bundles/plugins/THIRD-PARTY.txt.
    ThirdParty,
    /// Build everything and pack what users of a system download into bundles/dist/.
    Dist(bundle::BundleArgs),
    /// Give hostile input to everything that reads any, for a minute each (needs cargo-fuzz and a nightly compiler).
    Fuzz(fuzz::FuzzArgs),
    /// Play random transports under LLVM's real-time sanitizer (needs a nightly compiler and a C compiler).
    #[cfg(target_os = "linux")]
    Rtsan(rtsan::RtsanArgs),
    /// Play 32 instances for an hour under random automation, and watch their memory and their time.
    #[cfg(target_os = "linux")]
    Soak(soak::SoakArgs),
    /// Pack what users of Windows download, built with MinGW, and run the tests where Wine is.
    Windows(windows::WindowsArgs),
    /// Print what CHANGELOG.md says of the version that a tag names.
    ReleaseNotes(release_notes::ReleaseNotesArgs),
    /// Run every check, in the order of continuous integration.
    Ci(ci::CiArgs),
    /// List the trainer's commands, each of which is a task as well, such as `cargo xtask train --help`.
    Trainer,
    /// What no other task is called: a command of the trainer, with what it takes.
    #[command(external_subcommand)]
    OfTrainer(Vec<OsString>),
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(args) => demo::demo(&args),
        Task::Bundle(args) => bundle::bundle(&args).map(|_| ()),
        Task::Install(args) => install::install(&args),
        Task::Validate(args) => validate::validate(&args),
        Task::FactoryPresets => factory_presets::factory_presets(),
        Task::ThirdParty => third_party::third_party(),
        Task::Dist(args) => dist::dist(&args),
        Task::Fuzz(args) => fuzz::fuzz(&args),
        #[cfg(target_os = "linux")]
        Task::Rtsan(args) => rtsan::rtsan(&args),
        #[cfg(target_os = "linux")]
        Task::Soak(args) => soak::soak(&args),
        Task::Windows(args) => windows::windows(&args),
        Task::ReleaseNotes(args) => release_notes::release_notes(&args),
        Task::Ci(args) => ci::ci(&args),
        Task::Trainer => train::trainer(&["--help".into()]),
        Task::OfTrainer(arguments) => train::trainer(&arguments),
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
        let Task::OfTrainer(arguments) = cli.task else {
            panic!("parsed as another task");
        };
        assert_eq!(arguments, ["train", "--steps", "3", "--help", "-x"]);
    }
}
