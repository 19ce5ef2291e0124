//! How the groove is played: style, energy, swing, and how freely its feel is drawn.

use super::{
    FourbarParams, Maker, leading_number, share_of_percent, signed_percent, temperature_text,
};
use crate::request::{MAX_TEMPERATURE, Play, STYLES};
use nice_plug::prelude::*;
use std::sync::Arc;

/// What a drummer would be told.
#[derive(Params)]
pub struct PlayParams {
    /// 0 for any, else one more than the place in [`STYLES`].
    #[id = "style"]
    pub style: IntParam,
    /// Sparse and plain to busy and syncopated, -1 to 1.
    #[id = "complexity"]
    pub complexity: FloatParam,
    /// Soft to loud, -1 to 1.
    #[id = "intensity"]
    pub intensity: FloatParam,
    /// Straight to swung, -1 to 1.
    #[id = "swing"]
    pub swing: FloatParam,
    /// Behind the beat to ahead of it, -1 to 1.
    #[id = "push"]
    pub push: FloatParam,
    /// How freely velocities and timing are drawn, as the temperature of the hits.
    #[id = "feel_temperature"]
    pub feel_temperature: FloatParam,
}

impl PlayParams {
    pub(super) fn new(make: &Maker) -> Self {
        let amount = |name, pick: fn(&FourbarParams) -> &FloatParam| {
            make.float(name, 0.0, -1.0, 1.0, pick)
                .with_unit(" %")
                .with_value_to_string(Arc::new(signed_percent))
                .with_string_to_value(Arc::new(share_of_percent))
        };
        let last = i32::try_from(STYLES.len()).unwrap_or(0);
        Self {
            style: IntParam::new("Style", 0, IntRange::Linear { min: 0, max: last })
                .with_value_to_string(Arc::new(|value| style_name(value).to_owned()))
                .with_string_to_value(Arc::new(style_of_name)),
            complexity: amount("Complexity", |params| &params.play.complexity),
            intensity: amount("Intensity", |params| &params.play.intensity),
            swing: amount("Swing", |params| &params.play.swing),
            push: amount("Push/Drag", |params| &params.play.push),
            feel_temperature: make
                .float("Feel temperature", 1.0, 0.0, MAX_TEMPERATURE, |params| {
                    &params.play.feel_temperature
                })
                .with_value_to_string(Arc::new(temperature_text))
                .with_string_to_value(Arc::new(leading_number)),
        }
    }

    /// What they ask for, besides the temperature.
    #[must_use]
    pub fn play(&self) -> Play {
        let style = usize::try_from(self.style.value()).unwrap_or(0);
        Play {
            style: style.checked_sub(1),
            complexity: self.complexity.value(),
            intensity: self.intensity.value(),
            swing: self.swing.value(),
            push: self.push.value(),
        }
    }
}

/// The value of the parameter *style* for a place in [`STYLES`].
#[must_use]
pub fn style_value(style: Option<usize>) -> i32 {
    style.map_or(0, |style| i32::try_from(style + 1).unwrap_or(0))
}

/// What the value of the parameter *style* is called.
#[must_use]
pub fn style_name(value: i32) -> &'static str {
    let place = usize::try_from(value).unwrap_or(0).checked_sub(1);
    let style = place.and_then(|place| STYLES.get(place));
    style.map_or("Any", |style| style.name)
}

fn style_of_name(text: &str) -> Option<i32> {
    let text = text.trim();
    let last = i32::try_from(STYLES.len()).ok()?;
    (0..=last).find(|&value| style_name(value).eq_ignore_ascii_case(text))
}
