//! The Feel section: how much of the pattern's own timing and dynamics is played.

use super::{knob::knob, theme};
use crate::params::FourbarParams;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;

/// Draws the section in `rect`.
pub(super) fn show(ui: &Ui, rect: Rect, params: &FourbarParams, setter: &ParamSetter) {
    let inside = theme::panel(ui.painter(), rect);
    theme::heading(
        ui.painter(),
        pos2(inside.left(), inside.top() + 8.0),
        "Feel",
        theme::TEXT_SOFT,
    );
    let rows = Rect::from_min_max(pos2(inside.left(), inside.top() + 28.0), inside.max);
    let (upper, lower) = rows.split_top_bottom_at_fraction(0.5);
    let place = |half: Rect| {
        Rect::from_min_size(
            pos2(half.left(), half.center().y - 36.0),
            vec2(half.width(), 72.0),
        )
    };
    knob(
        ui,
        place(upper),
        &params.timing,
        setter,
        "How far hits stray from the grid. 0 % is quantised, 100 % is as generated, 200 % is twice as loose. The pattern stays the same.",
    );
    knob(
        ui,
        place(lower),
        &params.velocity,
        setter,
        "How much loud and soft hits differ. 0 % makes all equally loud, 100 % is as generated, 200 % doubles the contrast.",
    );
}
