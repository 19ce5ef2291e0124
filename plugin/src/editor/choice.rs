//! One of a few: segments side by side, and a switch for on and off.

use super::help::Help as _;
use super::{gesture, theme};
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use nice_plug::prelude::{BoolParam, Param, ParamSetter};

/// Segments for the values of a stepped `param`, one label each, filling `rect`.
pub(super) fn segments<P: Param>(
    ui: &Ui,
    rect: Rect,
    param: &P,
    setter: &ParamSetter,
    labels: &[&str],
    hint: &str,
) {
    let value = param.unmodulated_normalized_value();
    let is_chosen = |index: &usize| (value - normalized(*index, labels.len())).abs() < 1e-3;
    let chosen = (0..labels.len()).find(is_chosen);
    if let Some(picked) = options(ui, rect, param.name(), labels, chosen, hint) {
        let step = normalized(picked, labels.len());
        gesture::set(param, setter, param.preview_plain(step));
    }
}

/// Segments with these labels, of which `chosen` is lit, filling `rect`. Returns the one that was clicked.
pub(super) fn options(
    ui: &Ui,
    rect: Rect,
    name: &str,
    labels: &[&str],
    chosen: Option<usize>,
    hint: &str,
) -> Option<usize> {
    let painter = ui.painter();
    theme::well(painter, rect, theme::CONTROL_EDGE);
    // Wider words get wider segments, with the same room around each.
    let widths: Vec<f32> = labels.iter().map(|label| text_width(ui, label)).collect();
    let room = (rect.width() - 4.0 - widths.iter().sum::<f32>()) * normalized(1, labels.len() + 1);
    let mut left = rect.left() + 2.0;
    let mut picked = None;
    for (index, (label, width)) in labels.iter().zip(widths).enumerate() {
        let segment = Rect::from_min_size(
            pos2(left, rect.top() + 2.0),
            vec2(width + room, rect.height() - 4.0),
        );
        left += width + room;
        let id = ui.id().with(("segment", name, *label));
        let response = ui
            .interact(segment, id, Sense::click())
            .on_hover_cursor(CursorIcon::PointingHand);
        if response.clicked() {
            picked = Some(index);
        }
        let is_chosen = chosen == Some(index);
        if is_chosen {
            painter.rect_filled(
                segment,
                CornerRadius::same(5),
                theme::chosen(theme::CONTROL),
            );
        } else if response.hovered() {
            painter.rect_filled(segment, CornerRadius::same(5), theme::CONTROL);
        }
        let (font, colour) = if is_chosen {
            (theme::semibold(12.0), theme::ACCENT)
        } else {
            (theme::medium(12.0), theme::TEXT_SOFT)
        };
        theme::text(
            painter,
            segment.center(),
            Align2::CENTER_CENTER,
            label,
            font,
            colour,
        );
        response.help(hint);
    }
    picked
}

fn text_width(ui: &Ui, text: &str) -> f32 {
    ui.painter()
        .layout_no_wrap(text.to_owned(), theme::semibold(12.0), theme::TEXT.into())
        .size()
        .x
}

/// The normalised value of choice `index` of `n_choices`.
fn normalized(index: usize, n_choices: usize) -> f32 {
    let whole = |n: usize| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    whole(index) / whole(n_choices.saturating_sub(1).max(1))
}

/// A switch for `param`, 36 by 20 points, at the left middle of `rect`.
pub(super) fn switch(ui: &Ui, rect: Rect, param: &BoolParam, setter: &ParamSetter, hint: &str) {
    let is_on = param.value();
    if toggle(ui, rect, param.name(), is_on, hint) {
        gesture::set(param, setter, !is_on);
    }
}

/// A switch that `is_on` or off, likewise. True if it was clicked.
pub(super) fn toggle(ui: &Ui, rect: Rect, name: &str, is_on: bool, hint: &str) -> bool {
    let body = Align2::LEFT_CENTER.align_size_within_rect(vec2(36.0, 20.0), rect);
    let response = ui
        .interact(body, ui.id().with(("switch", name)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let fill = match (is_on, response.hovered()) {
        (true, false) => theme::ACCENT,
        (true, true) => theme::ACCENT_HOVERED,
        (false, false) => theme::CONTROL,
        (false, true) => theme::CONTROL_HOVERED,
    };
    let painter = ui.painter();
    painter.rect(
        body,
        CornerRadius::same(10),
        fill,
        Stroke::new(1.0, theme::CONTROL_EDGE),
        StrokeKind::Inside,
    );
    let knob_x = if is_on {
        body.right() - 10.0
    } else {
        body.left() + 10.0
    };
    let knob = if is_on {
        theme::ON_ACCENT
    } else {
        theme::TEXT_SOFT
    };
    painter.circle_filled(pos2(knob_x, body.center().y), 6.5, knob);
    response.help(hint).clicked()
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn the_first_choice_is_0_and_the_last_is_1() {
        assert_eq!(normalized(0, 4), 0.0);
        assert_eq!(normalized(3, 4), 1.0);
        assert!((normalized(1, 4) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(normalized(0, 1), 0.0);
    }
}
