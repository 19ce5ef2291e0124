//! Drum grooves and the network that plays them.
//!
//! Data flows through this crate in one line each way:
//!
//! ```text
//! .mid -> Vec<Note> -> Groove -> [batch, steps, 27] -> Posterior -> z [batch, latent]
//! z -> [batch, steps, 27] -> Groove -> Pattern -> Vec<Note> -> .mid
//! ```
//!
//! Every arrow is one function with its inverse beside it. The crate opens no file, starts no thread and knows no
//! host: the plugin and the trainer call the same functions, so a training example and a live groove cannot drift
//! apart.

pub mod attributes;
pub mod checkpoint;
pub mod conditions;
pub mod config;
pub mod converter;
pub mod decoder;
pub mod drums;
pub mod encoder;
pub mod error;
pub mod groove;
pub mod head;
pub mod latent;
pub mod layers;
pub mod lstm;
pub mod midi;
pub mod network;
pub mod noise;
pub mod note;
pub mod parameters;
pub mod pattern;
pub mod rows;
pub mod stack;
pub mod vae;

pub use error::Error;
