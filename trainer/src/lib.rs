//! From a folder of MIDI to a trained model: everything behind the `fourbar` command.

#![allow(
    clippy::print_stdout,
    reason = "the commands of a command-line program print their results"
)]

pub mod arguments;
pub mod attributes;
pub mod augment;
pub mod cli;
pub mod conditions;
pub mod config;
pub mod data;
pub mod dataset;
pub mod device;
pub mod eval;
pub mod files;
pub mod fills;
pub mod generate;
pub mod import;
pub mod inspect;
pub mod learner;
pub mod listen;
pub mod loaded_model;
pub mod loss;
pub mod maps;
pub mod optimizer;
pub mod parity;
pub mod prepare;
pub mod presets;
pub mod reading;
pub mod roll;
pub mod run_folder;
pub mod schedule;
pub mod tensorboard;
pub mod train;
