//! The velocities that are sent: a curve between two ends.

use super::{Maker, share_of_percent, signed_percent};
use fourbar_model::pattern::Level;
use nice_plug::prelude::*;
use std::sync::Arc;

/// The curve from a hit's velocity to its note's.
#[derive(Params)]
pub struct LevelParams {
    /// Softer to louder between the ends, -1 to 1.
    #[id = "velocity_curve"]
    pub bend: FloatParam,
    /// MIDI velocity of the softest hit there can be.
    #[id = "velocity_min"]
    pub softest: IntParam,
    /// MIDI velocity of the loudest.
    #[id = "velocity_max"]
    pub loudest: IntParam,
}

/// The largest MIDI velocity.
const MAX_VELOCITY: i32 = 127;

impl LevelParams {
    pub(super) fn new(make: &Maker) -> Self {
        let velocity = |name, default| {
            let range = IntRange::Linear {
                min: 0,
                max: MAX_VELOCITY,
            };
            IntParam::new(name, default, range)
        };
        Self {
            bend: make
                .float("Velocity curve", 0.0, -1.0, 1.0, |params| {
                    &params.level.bend
                })
                .with_unit(" %")
                .with_value_to_string(Arc::new(signed_percent))
                .with_string_to_value(Arc::new(share_of_percent)),
            softest: velocity("Velocity min", 0),
            loudest: velocity("Velocity max", MAX_VELOCITY),
        }
    }

    /// The curve that they describe.
    #[must_use]
    pub fn level(&self) -> Level {
        let share = |param: &IntParam| {
            let velocity = i16::try_from(param.value()).unwrap_or(0);
            f32::from(velocity) / 127.0
        };
        Level {
            bend: self.bend.value(),
            softest: share(&self.softest),
            loudest: share(&self.loudest),
        }
    }
}
