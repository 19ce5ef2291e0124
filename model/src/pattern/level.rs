//! How loud a pattern is sent, whatever its own dynamics: a curve from the velocity of a hit to that of its note.

use super::SOFTEST;
use serde::{Deserialize, Serialize};

/// The curve's exponent is this to the power of minus its bend: at one end velocities are cubed, at the other end their
/// cube roots are played.
const STEEPEST: f32 = 3.0;

/// A velocity curve between two ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// -1 makes all but the loudest hits softer, 1 all but the softest louder, 0 leaves them.
    pub bend: f32,
    /// What a velocity of 0 becomes, 0 to 1.
    pub softest: f32,
    /// What a velocity of 1 becomes, 0 to 1; not less than `softest` in effect.
    pub loudest: f32,
}

impl Level {
    /// Velocities stay as they are.
    pub const AS_GENERATED: Self = Self {
        bend: 0.0,
        softest: 0.0,
        loudest: 1.0,
    };

    /// The velocity that is sent for `velocity`: never silent, at most 1.
    #[must_use]
    pub fn of(self, velocity: f32) -> f32 {
        let bent = if self.bend == 0.0 {
            velocity
        } else {
            velocity.powf(STEEPEST.powf(-self.bend))
        };
        let range = (self.loudest - self.softest).max(0.0);
        (self.softest + range * bent).clamp(SOFTEST, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn velocities_stay_exactly_as_they_are_by_default() {
        for velocity in [SOFTEST, 0.1, 0.3, 0.777, 1.0] {
            assert_eq!(Level::AS_GENERATED.of(velocity), velocity);
        }
    }

    #[test]
    fn a_bend_keeps_the_ends_and_moves_what_is_between() {
        let bent = |bend| Level {
            bend,
            ..Level::AS_GENERATED
        };
        assert!((bent(1.0).of(0.125) - 0.5).abs() < 1e-6);
        assert!((bent(-1.0).of(0.5) - 0.125).abs() < 1e-6);
        assert_eq!([bent(1.0).of(1.0), bent(-1.0).of(1.0)], [1.0, 1.0]);
    }

    #[test]
    fn the_ends_hold_for_every_velocity_and_louder_stays_louder() {
        let level = Level {
            softest: 0.3,
            loudest: 0.8,
            ..Level::AS_GENERATED
        };
        assert_eq!([level.of(1.0), level.of(0.0)], [0.8, 0.3]);
        assert!(level.of(0.6) > level.of(0.5));
        let crossed = Level {
            softest: 0.9,
            loudest: 0.1,
            ..Level::AS_GENERATED
        };
        assert_eq!([crossed.of(0.1), crossed.of(1.0)], [0.9, 0.9]);
    }
}
