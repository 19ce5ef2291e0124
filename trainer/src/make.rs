//! What a checkpoint is good for: music, pictures of music, and what is known of the model itself.

pub mod attributes;
pub mod generate;
pub mod inspect;
mod noise;
pub mod roll;

pub use noise::noise_of;
