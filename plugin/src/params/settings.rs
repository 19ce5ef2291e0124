//! The settings that a preset holds besides its request, as the parameters are now.

use super::FourbarParams;
use crate::library::{DrumSettings, Settings};
use fourbar_model::drums::Voice;

impl FourbarParams {
    /// What a preset would hold of how the groove is played.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let drum = |voice: Voice| {
            let lane = &self.lanes.drums[voice.index()];
            let settings = DrumSettings {
                mute: lane.mute.value(),
                density: lane.density.value(),
                velocity: lane.velocity.value(),
            };
            (settings != DrumSettings::default()).then_some((voice, settings))
        };
        Settings {
            timing: self.timing.value(),
            velocity: self.velocity.value(),
            drums: Voice::ALL.into_iter().filter_map(drum).collect(),
        }
    }
}
