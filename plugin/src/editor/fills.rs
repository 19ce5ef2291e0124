//! The Fills page: fills at the ends of bars, and how the groove changes from pass to pass.

use super::ability::{Need, needing};
use super::button::{Emphasis, button};
use super::choice::segments;
use super::icon::Icon;
use super::knob::knob;
use super::{gesture, theme};
use crate::inference::abilities::Abilities;
use crate::params::FormParams;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;

/// Draws the page in `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    params: &FormParams,
    setter: &ParamSetter,
    abilities: Option<&Abilities>,
) {
    needing(ui, rect, Need::Completion, abilities, "This page", |ui| {
        fills(ui, rect, params, setter);
        variations(ui, rect, params, setter);
    });
}

fn row(rect: Rect, top: f32, height: f32) -> Rect {
    Rect::from_min_size(
        pos2(rect.left(), rect.top() + top),
        vec2(rect.width(), height),
    )
}

fn fills(ui: &Ui, rect: Rect, params: &FormParams, setter: &ParamSetter) {
    let every = theme::labelled(ui.painter(), row(rect, 0.0, 30.0), "Fill every");
    let labels = ["Off", "1", "2", "4", "8", "16"];
    let hint =
        "Ends every 1, 2, 4, 8 or 16 bars of the song with a fill that leads into the next one.";
    segments(ui, every, &params.fill_every, setter, &labels, hint);

    let size = theme::labelled(ui.painter(), row(rect, 38.0, 30.0), "Fill size");
    let labels = ["1 beat", "2 beats", "1 bar"];
    let hint = "How long a fill is, up to the end of its bar.";
    segments(ui, size, &params.fill_size, setter, &labels, hint);

    let now = row(rect, 76.0, 32.0);
    let hint = "Plays a fill at the end of this bar, or of the next if this one is nearly over.";
    if button(ui, now, Icon::Play, "Fill now", Emphasis::Normal, hint).clicked() {
        fill_now(params, setter);
    }
}

/// Presses *Fill now* and lets it go.
pub(super) fn fill_now(params: &FormParams, setter: &ParamSetter) {
    gesture::set(&params.fill_now, setter, true);
    gesture::set(&params.fill_now, setter, false);
}

fn variations(ui: &Ui, rect: Rect, params: &FormParams, setter: &ParamSetter) {
    let lower = row(rect, 126.0, 56.0);
    let (left, right) = lower.split_left_right_at_fraction(0.57);
    let hint = "How much of the groove the drummer plays anew each time. 0 % repeats it as it is.";
    knob(ui, left, &params.variation, setter, hint);
    let every = Rect::from_min_max(pos2(right.left(), right.bottom() - 32.0), right.max);
    theme::text(
        ui.painter(),
        pos2(right.left(), right.top() + 10.0),
        egui::Align2::LEFT_CENTER,
        "every \u{2026} passes",
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    let hint = "How many times the groove is played before it is varied.";
    segments(
        ui,
        every,
        &params.vary_every,
        setter,
        &["1", "2", "4"],
        hint,
    );
}
