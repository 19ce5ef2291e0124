//! Sequences of music, drum grooves above all, and the networks that play them.
//!
//! Data flows through this crate in one line each way:
//!
//! ```text
//! .mid -> Song -> Extracted -> Example { input, output: Rows, conditions } -> [batch, steps, width] -> Posterior -> z
//! z, Conditions -> [batch, steps, n_outputs] -> Rows -> Groove -> Pattern -> Vec<Note> -> .mid
//! ```
//!
//! - A [`Converter`](converter::Converter) extracts the music of a [`Song`](midi::Song), cuts examples from it, and turns
//!   rows into notes again; the conversion and its inverse stand side by side.
//! - [`Rows`](rows::Rows) are a sequence as the network sees it, in one of a few [layouts](rows::RowLayout).
//! - [`Conditions`](conditions::Conditions) are everything besides the latent that decides what is played: a style, a
//!   tempo, parts that are already known.
//! - A [`Vae`](vae::Vae) encodes rows to a [`Posterior`](latent::Posterior) and makes rows from a point of the latent
//!   space. Its layers declare their tensors to [`Parameters`](parameters::Parameters).
//! - A [`Head`](head::Head) turns the decoder's numbers into a row, and says what a row costs in training.
//! - A [`Checkpoint`](checkpoint::Checkpoint) is all of a model in one file: [configuration](config::ModelConfig),
//!   weights, and where they came from.
//!
//! Without the feature `network` there is the music only: notes, drums, grooves, patterns and MIDI (and, with the feature
//! `noise`, random numbers), for what needs no tensors and should not wait for them to be compiled.
//!
//! The crate opens no file, starts no thread and knows no host: the plugin and the trainer call the same functions, so a
//! training example and a live groove cannot drift apart.

#[cfg(feature = "network")]
mod activation;
#[cfg(feature = "network")]
mod affine;
#[cfg(feature = "network")]
pub mod attributes;
#[cfg(feature = "network")]
pub mod checkpoint;
#[cfg(feature = "network")]
mod columns;
#[cfg(feature = "network")]
pub mod conditions;
#[cfg(feature = "network")]
pub mod config;
#[cfg(feature = "network")]
pub mod converter;
#[cfg(feature = "network")]
mod cpu;
#[cfg(feature = "network")]
pub mod decoder;
pub mod drums;
#[cfg(feature = "network")]
pub mod encoder;
pub mod error;
#[cfg(feature = "network")]
mod fused;
pub mod groove;
#[cfg(feature = "network")]
pub mod head;
#[cfg(feature = "network")]
pub mod latent;
#[cfg(feature = "network")]
pub mod layers;
#[cfg(feature = "network")]
pub mod lstm;
pub mod midi;
#[cfg(feature = "network")]
pub mod mixture;
#[cfg(feature = "network")]
pub mod network;
#[cfg(feature = "noise")]
pub mod noise;
pub mod note;
#[cfg(feature = "network")]
pub mod parameters;
pub mod pattern;
#[cfg(feature = "network")]
pub mod rows;
#[cfg(feature = "network")]
pub mod stack;
#[cfg(feature = "network")]
pub mod temperature;
#[cfg(feature = "network")]
pub mod vae;

pub use error::Error;
