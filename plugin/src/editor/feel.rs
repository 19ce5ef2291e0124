//! The Feel section: how much of the pattern's own timing and dynamics is played, and how freely they are drawn.

use super::ability::{Need, needing};
use super::knob::{knob, knob_called};
use super::theme;
use crate::inference::abilities::Abilities;
use crate::params::FourbarParams;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;

/// Draws the section in `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    params: &FourbarParams,
    setter: &ParamSetter,
    abilities: Option<&Abilities>,
) {
    let inside = theme::panel(ui.painter(), rect);
    theme::heading(
        ui.painter(),
        pos2(inside.left(), inside.top() + 8.0),
        "Feel",
        theme::TEXT_SOFT,
    );
    let height = theme::by_room(ui.ctx(), 46.0, 56.0);
    let row = |index: u8| {
        let top = inside.top() + 30.0 + 64.0 * f32::from(index);
        Rect::from_min_size(pos2(inside.left(), top), vec2(inside.width(), height))
    };
    knob(
        ui,
        row(0),
        &params.timing,
        setter,
        "How far hits stray from the grid. 0 % is quantised, 100 % is as generated, 200 % is twice as loose. The pattern stays the same.",
    );
    knob(
        ui,
        row(1),
        &params.velocity,
        setter,
        "How much loud and soft hits differ. 0 % makes all equally loud, 100 % is as generated, 200 % doubles the contrast.",
    );
    needing(
        ui,
        row(2),
        Need::Completion,
        abilities,
        "Feel temperature",
        |ui| {
            let hint = "How freely timing and velocity are drawn. 0 is the most likely feel, 1 is as the drummers played, 2 is loose. The hits stay the same.";
            let param = &params.play.feel_temperature;
            knob_called(ui, row(2), param, setter, "Temperature", hint);
        },
    );
}
