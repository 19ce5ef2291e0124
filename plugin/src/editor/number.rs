//! A value in a box of its own, to be dragged sideways: for what is set once and takes little room.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use egui::{Align2, CursorIcon, Rect, Sense, Ui};
use nice_plug::prelude::{Param, ParamSetter};

/// Distance dragged from one end to the other, in points.
const TRAVEL: f32 = 200.0;

/// A box for `param` filling `rect`.
pub(super) fn number<P: Param>(ui: &Ui, rect: Rect, param: &P, setter: &ParamSetter, hint: &str) {
    number_called(ui, rect, param, setter, "", hint);
}

/// The same with a `name` before the value.
pub(super) fn number_called<P: Param>(
    ui: &Ui,
    rect: Rect,
    param: &P,
    setter: &ParamSetter,
    name: &str,
    hint: &str,
) {
    let response = ui
        .interact(
            rect,
            ui.id().with(("number", param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let value = gesture::edit(ui, &response, param, setter, Travel::Both(TRAVEL));
    let lit = response.hovered() || response.dragged();
    let painter = ui.painter();
    theme::well(painter, rect, theme::CONTROL_EDGE);
    let colour = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::TEXT
    };
    theme::text(
        painter,
        rect.center(),
        Align2::CENTER_CENTER,
        format!("{name} {}", param.normalized_value_to_string(value, true)).trim(),
        theme::semibold(12.5),
        colour,
    );
    response.help(hint);
}
