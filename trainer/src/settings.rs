//! What decides a training run: presets, files of settings and `--set`, and what single settings do to an example or a
//! step.

mod augment;
mod conditions;
mod config;
mod layers;
pub mod presets;
mod schedule;

pub use augment::Augmentation;
pub use conditions::ConditionSampling;
pub use config::{
    AttributeOrder, Config, DEFAULT_PRESET, DataConfig, Schedule, ScheduledSampling, TrainConfig,
};
pub use layers::preset_names;
pub use schedule::{kl_weight, learning_rate};
