//! How daring what is drawn is.

use serde::{Deserialize, Serialize};

/// Factors on the randomness of what is drawn: 0 is what is most likely, 1 what was learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Of which drums play; of everything, in models without a distribution of the feel.
    pub hits: f32,
    /// Of velocities and timing.
    pub feel: f32,
}

impl From<f32> for Temperature {
    /// The same of both.
    fn from(temperature: f32) -> Self {
        Self {
            hits: temperature,
            feel: temperature,
        }
    }
}

impl Temperature {
    /// With both multiplied by a factor of their own.
    #[must_use]
    pub fn times(self, [hits, feel]: [f32; 2]) -> Self {
        Self {
            hits: self.hits * hits,
            feel: self.feel * feel,
        }
    }
}
