//! What is heard of each drum of a pattern, and how loud: mutes, fewer hits, and a trim of the velocity.

use crate::drums::{N_VOICES, Voice};
use serde::{Deserialize, Serialize};

/// How one drum is played.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Whether it is played at all.
    pub is_heard: bool,
    /// Share of its hits that is played, 0 to 1; the softest of every bar are left out first.
    pub density: f32,
    /// Factor on its velocities, 0 to 2.
    pub velocity: f32,
}

/// How every drum is played, in the order of [`Voice::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lanes(pub [Lane; N_VOICES]);

impl Lane {
    /// As generated.
    pub const AS_GENERATED: Self = Self {
        is_heard: true,
        density: 1.0,
        velocity: 1.0,
    };
}

impl Lanes {
    /// Every drum as generated.
    pub const AS_GENERATED: Self = Self([Lane::AS_GENERATED; N_VOICES]);

    /// No drum at all.
    pub const SILENT: Self = Self(
        [Lane {
            is_heard: false,
            ..Lane::AS_GENERATED
        }; N_VOICES],
    );

    /// How `voice` is played.
    #[must_use]
    pub fn of(&self, voice: Voice) -> Lane {
        self.0[voice.index()]
    }
}
