//! How a model learns: the loop, one step and its parts, and what a run writes.

mod base;
mod device;
mod launch;
mod learner;
mod loss;
#[cfg(feature = "mpi")]
mod mpi;
mod optimizer;
mod progress;
mod ranks;
mod run_folder;
mod saved_path;
mod step_lines;
mod tensorboard;
pub mod train;

pub use device::Choice;
pub use learner::Learner;
pub use optimizer::{Adam, clip, norm};
pub use ranks::{Alone, Ranks};
