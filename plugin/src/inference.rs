//! The worker thread: requests in, patterns out, by the model that was chosen.

pub mod abilities;
pub mod card;
pub mod checkpoints;
pub mod engine;
pub(crate) mod first_pattern;
pub mod models;
mod morph;
mod passes;
pub mod poller;
pub mod worker;
