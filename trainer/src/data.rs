//! From MIDI files on disk to windows of music: where a data set is, what it holds, and what was left out.

mod dataset;
mod fills;
mod locate;
pub mod prepare;
mod shards;

pub use dataset::{BeatType, Copied, Dataset, Dropped, SourceFile, Split, Window};
pub use fills::FillClassifier;
pub use locate::{
    Args, DATA_VARIABLE, GMD_ATTRIBUTION, GMD_LICENCE, GMD_LICENCE_URL, GMD_SHA256, at_hand,
    locate, published_in_environment, run,
};
pub use shards::Shards;
