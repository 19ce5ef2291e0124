//! Trained models, opened from their files.

mod loaded;
mod posteriors;

pub use loaded::{LoadedModel, dataset, drum_map, has_learned_from};
pub use posteriors::{posterior_means, posteriors};

#[cfg(test)]
pub(crate) use loaded::tiny;
