//! A whole number with a button on either side; the number itself can be dragged.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::icon::Icon;
use super::theme;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Response, Sense, Ui};
use nice_plug::prelude::{IntParam, Param, ParamSetter};

/// Points dragged for one step of a number with few steps.
const POINTS_A_STEP: f32 = 12.0;

/// A stepper for `param` filling `rect`, which shows a value as the text that `shown_as` it. Returns the number's response.
pub(super) fn stepper(
    ui: &Ui,
    rect: Rect,
    param: &IntParam,
    setter: &ParamSetter,
    shown_as: impl Fn(i32) -> String,
    hint: &str,
) -> Response {
    let painter = ui.painter();
    theme::well(painter, rect, theme::CONTROL_EDGE);
    let side = rect.height();
    let (less, rest) = rect.split_left_right_at_x(rect.left() + side);
    let (middle, more) = rest.split_left_right_at_x(rest.right() - side);

    let drag = ui
        .interact(
            middle,
            ui.id().with(("stepper", param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let n_steps = f32::from(u16::try_from(param.step_count().unwrap_or(1)).unwrap_or(u16::MAX));
    let travel = (n_steps * POINTS_A_STEP).min(6_000.0);
    let shown = gesture::edit(ui, &drag, param, setter, Travel::Horizontal(travel));

    let value = param.preview_plain(shown);
    let (lowest, highest) = (param.preview_plain(0.0), param.preview_plain(1.0));
    if side_button(ui, less, Icon::Minus, param.name()).clicked() && value > lowest {
        gesture::set(param, setter, value - 1);
    }
    if side_button(ui, more, Icon::Plus, param.name()).clicked() && value < highest {
        gesture::set(param, setter, value + 1);
    }
    let colour = if drag.hovered() || drag.dragged() {
        theme::ACCENT_HOVERED
    } else {
        theme::TEXT
    };
    theme::text(
        painter,
        middle.center(),
        Align2::CENTER_CENTER,
        &shown_as(value),
        theme::semibold(13.0),
        colour,
    );
    drag.help(hint)
}

/// One of the two buttons of the stepper `name`.
pub(super) fn side_button(ui: &Ui, rect: Rect, icon: Icon, name: &str) -> Response {
    let response = ui
        .interact(
            rect,
            ui.id().with(("step", name, icon == Icon::Plus)),
            Sense::click(),
        )
        .on_hover_cursor(CursorIcon::PointingHand);
    let (fill, ink) = if response.is_pointer_button_down_on() {
        (theme::CONTROL_PRESSED, theme::ACCENT)
    } else if response.hovered() {
        (theme::CONTROL_HOVERED, theme::TEXT)
    } else {
        (theme::CONTROL, theme::TEXT_SOFT)
    };
    ui.painter()
        .rect_filled(rect.shrink(2.0), CornerRadius::same(5), fill);
    icon.paint(ui.painter(), rect.center(), 9.0, ink);
    response
}
