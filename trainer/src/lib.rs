//! From a folder of MIDI to a trained model: everything behind the `fourbar` command.
//!
//! A tiny model that learns a beat:
//!
//! ```
//! use candle_core::Device;
//! use fourbar_model::groove::{Cell, Groove};
//! use fourbar_model::drums::Voice;
//! use fourbar_trainer::learn::Learner;
//! use fourbar_trainer::settings::{Config, DEFAULT_PRESET};
//!
//! let tiny = ["model.latent=4", "model.encoder.units=[8]", "model.decoder.units=[8]"];
//! let config = Config::resolve(DEFAULT_PRESET, None, &tiny.map(str::to_owned))?;
//! let mut beat = Groove::empty(config.model.n_steps);
//! for step in (0..beat.n_steps()).step_by(4) {
//!     beat.set(step, Voice::Kick, Some(Cell { velocity: 0.9, offset: 0.0 }));
//! }
//! let example = config.model.converter.example_of_groove(&beat).expect("it takes grooves");
//! let mut learner = Learner::new(&config, &Device::Cpu)?;
//! let first = learner.step(&[example.clone()])?.loss;
//! for _ in 0..20 {
//!     learner.step(&[example.clone()])?;
//! }
//! assert!(learner.step(&[example])?.loss < first);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
