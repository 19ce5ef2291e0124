//! From a folder of MIDI to a trained model: everything behind the `fourbar` command.

#![allow(clippy::print_stdout, reason = "the commands of a command-line program print their results")]

pub mod data;
pub mod dataset;
pub mod files;
pub mod prepare;
