//! From a folder of MIDI to a trained model: everything behind the `fourbar` command.

#![allow(
    clippy::print_stdout,
    reason = "the commands of a command-line program print their results"
)]

pub mod arguments;
pub mod cli;
pub mod data;
pub mod files;
pub mod learn;
pub mod magenta;
pub mod make;
pub mod measure;
pub mod models;
pub mod reading;
pub mod settings;
pub mod text;
