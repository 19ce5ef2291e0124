//! Trained models, opened from their files.

mod loaded;

pub use loaded::{LoadedModel, dataset, drum_map, has_learned_from};

#[cfg(test)]
pub(crate) use loaded::tiny;
