//! What is asked of the network, and what comes back.
//!
//! A [`Request`] is the *complete* input of a generation: the same request and the same checkpoint give the same
//! pattern on every run. That is what lets a project replay exactly and a bounce equal its playback.

use fourbar_model::pattern::Pattern;
use serde::{Deserialize, Serialize};

/// Number of latent positions that can be set from outside.
pub const N_LATENT: usize = 8;

/// The complete input of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The number the user sees and types.
    pub seed: u32,
    /// Which variation of the seed: 0 at first, another after each *regenerate*.
    pub take: u64,
    /// 0 is the most likely pattern, 1 as learned, 2 wild.
    pub temperature: f32,
    /// Position along the checkpoint's principal axes, in standard deviations.
    pub latent: [f32; N_LATENT],
}

/// A finished pattern and what it was made from; this is what the worker hands over and what a project saves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// What was asked for.
    pub request: Request,
    /// Identity of the checkpoint that answered.
    pub checkpoint_id: String,
    /// The answer.
    pub pattern: Pattern,
}
