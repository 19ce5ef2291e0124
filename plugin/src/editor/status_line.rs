//! The bottom line: what the last export or the worker has to say.

use super::theme;
use egui::{Align2, Color32, CursorIcon, Id, Rect, Response, Sense, Stroke, Ui, Vec2, pos2};

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// How to use what is under the pointer.
    Hint(&'static str),
    /// Something that was asked for is done.
    Done(String),
    /// Something that the user should do something about.
    Problem(String),
}

/// Draws `message` in `rect`; a message that does not fit is whole in its tooltip.
pub(super) fn show(ui: &Ui, rect: Rect, message: &Message) {
    let (text, colour): (&str, Color32) = match message {
        Message::Hint(text) => (text, theme::TEXT_FAINT),
        Message::Done(text) => (text, theme::GOOD),
        Message::Problem(text) => (text, theme::BAD),
    };
    let painter = ui.painter();
    let is_whole = theme::text_within(
        painter,
        rect.left_center(),
        Align2::LEFT_CENTER,
        text,
        theme::medium(12.0),
        colour,
        rect.width(),
    );
    if !is_whole {
        ui.interact(rect, Id::new("status line"), Sense::hover())
            .on_hover_text(text);
    }
}

/// Draws the grip of the window's corner and returns its drag as a wish for a new size.
pub(super) fn grip(ui: &Ui, window: Rect) -> (Response, Option<Vec2>) {
    let corner = Rect::from_min_max(window.max - Vec2::splat(20.0), window.max);
    let response = ui
        .interact(corner, Id::new("window corner"), Sense::drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeNwSe);
    let colour = if response.hovered() || response.dragged() {
        theme::TEXT_SOFT
    } else {
        theme::CONTROL_EDGE
    };
    for inset in [5.0, 9.0, 13.0] {
        let from = pos2(window.right() - inset, window.bottom() - 4.0);
        let to = pos2(window.right() - 4.0, window.bottom() - inset);
        ui.painter()
            .line_segment([from, to], Stroke::new(1.5, colour));
    }
    // Where the grip was taken hold of stays under the pointer.
    let held_at = response.id.with("held at");
    let Some(pointer) = response.interact_pointer_pos() else {
        return (response, None);
    };
    if response.drag_started() {
        ui.data_mut(|data| data.insert_temp(held_at, window.max - pointer));
    }
    let held = ui.data(|data| data.get_temp(held_at)).unwrap_or(Vec2::ZERO);
    let wish = response.dragged().then(|| pointer + held - window.min);
    (response, wish)
}
