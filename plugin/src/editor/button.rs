//! Buttons: the big one, ordinary ones, and small ones with only a pictogram.

use super::help::Help as _;
use super::icon::Icon;
use super::theme;
use egui::{Align2, Color32, CursorIcon, Painter, Rect, Response, Sense, Ui, pos2, vec2};

/// How much a button asks to be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emphasis {
    /// The main thing to do here: filled with the accent.
    Primary,
    /// One of the things to do.
    Normal,
    /// Something that is switched on.
    On,
    /// Cannot be pressed now.
    Disabled,
}

/// A button that fills `rect`; `label` may be empty. `hint` says in plain words what it does.
pub(super) fn button(
    ui: &Ui,
    rect: Rect,
    icon: Icon,
    label: &str,
    emphasis: Emphasis,
    hint: &str,
) -> Response {
    let sense = if emphasis == Emphasis::Disabled {
        Sense::hover()
    } else {
        Sense::click()
    };
    // By its place: what it says may change while it is pressed.
    let [left, top] = [rect.left(), rect.top()].map(f32::to_bits);
    let mut response = ui.interact(rect, ui.id().with(("button", left, top)), sense);
    if emphasis != Emphasis::Disabled {
        response = response.on_hover_cursor(CursorIcon::PointingHand);
    }
    let painter = ui.painter();
    let ink = paint_body(painter, rect, emphasis, &response);
    let (icon_size, font) = match emphasis {
        Emphasis::Primary => (17.0, theme::semibold(15.0)),
        _ => (13.0, theme::semibold(12.5)),
    };
    if label.is_empty() {
        icon.paint(painter, rect.center(), icon_size, ink);
    } else {
        let galley = painter.layout_no_wrap(label.to_owned(), font, ink);
        let gap = theme::UNIT;
        let left = rect.center().x - (icon_size + gap + galley.size().x) / 2.0;
        icon.paint(
            painter,
            pos2(left + icon_size / 2.0, rect.center().y),
            icon_size,
            ink,
        );
        let text_at = Align2::LEFT_CENTER
            .anchor_size(pos2(left + icon_size + gap, rect.center().y), galley.size());
        painter.galley(text_at.min, galley, ink);
    }
    response.help(hint)
}

/// A button with a word that is lit while it is on; true if it was clicked.
pub(super) fn toggle(ui: &Ui, rect: Rect, label: &str, is_on: bool, hint: &str) -> bool {
    let response = ui
        .interact(rect, ui.id().with(("toggle", label)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let emphasis = if is_on {
        Emphasis::On
    } else {
        Emphasis::Normal
    };
    let painter = ui.painter();
    let ink = paint_body(painter, rect, emphasis, &response);
    let centre = rect.center();
    theme::text(
        painter,
        centre,
        Align2::CENTER_CENTER,
        label,
        theme::semibold(12.5),
        ink,
    );
    response.help(hint).clicked()
}

/// Paints a button without its words; returns the colour for them.
fn paint_body(painter: &Painter, rect: Rect, emphasis: Emphasis, response: &Response) -> Color32 {
    let (fill, ink) = colours(emphasis, response);
    let edge = match emphasis {
        Emphasis::Normal => theme::CONTROL_EDGE.into(),
        Emphasis::On => theme::ACCENT.into(),
        Emphasis::Primary | Emphasis::Disabled => fill,
    };
    theme::body(painter, rect, fill, edge);
    ink
}

fn colours(emphasis: Emphasis, response: &Response) -> (Color32, Color32) {
    let pressed = response.is_pointer_button_down_on();
    let pick = |at_rest, hovered, when_pressed| {
        if pressed {
            when_pressed
        } else if response.hovered() {
            hovered
        } else {
            at_rest
        }
    };
    match emphasis {
        Emphasis::Primary => (
            pick(theme::ACCENT, theme::ACCENT_HOVERED, theme::ACCENT_PRESSED).into(),
            theme::ON_ACCENT.into(),
        ),
        Emphasis::Normal => (
            pick(
                theme::CONTROL,
                theme::CONTROL_HOVERED,
                theme::CONTROL_PRESSED,
            )
            .into(),
            theme::TEXT.into(),
        ),
        Emphasis::On => {
            let surface = pick(
                theme::CONTROL,
                theme::CONTROL_HOVERED,
                theme::CONTROL_PRESSED,
            );
            (theme::chosen(surface), theme::ACCENT.into())
        }
        Emphasis::Disabled => (
            theme::mix(theme::PANEL, theme::CONTROL, 0.5),
            theme::TEXT_FAINT.into(),
        ),
    }
}

/// A small text button without a frame, such as a section's "Reset"; its right edge is centred on `right`.
pub(super) fn link(ui: &Ui, right: egui::Pos2, label: &str, hint: &str) -> Response {
    let galley = ui.painter().layout_no_wrap(
        label.to_owned(),
        theme::medium(11.5),
        theme::TEXT_FAINT.into(),
    );
    let rect = Align2::RIGHT_CENTER.anchor_size(right, galley.size());
    let response = ui
        .interact(
            rect.expand2(vec2(6.0, 4.0)),
            ui.id().with(("link", hint)),
            Sense::click(),
        )
        .on_hover_cursor(CursorIcon::PointingHand);
    let colour = if response.hovered() {
        theme::TEXT
    } else {
        theme::TEXT_FAINT
    };
    ui.painter()
        .galley_with_override_text_color(rect.min, galley, colour.into());
    response.help(hint)
}
