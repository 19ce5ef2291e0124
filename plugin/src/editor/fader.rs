//! A fader that rests in its middle, for positions that can go either way.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};

/// Room for the label and for the value.
const LABEL: f32 = 124.0;
const VALUE: f32 = 34.0;

/// A fader for `param` filling `rect`: `label` at the left, the value at the right.
pub(super) fn fader(
    ui: &Ui,
    rect: Rect,
    param: &FloatParam,
    setter: &ParamSetter,
    label: &str,
    hint: &str,
) {
    let middle_y = rect.center().y;
    let track = Rect::from_x_y_ranges(
        rect.left() + LABEL..=rect.right() - VALUE,
        middle_y - 2.5..=middle_y + 2.5,
    );
    let response = ui
        .interact(
            rect,
            ui.id().with(("fader", param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let value = gesture::edit(
        ui,
        &response,
        param,
        setter,
        Travel::Horizontal(track.width()),
    );
    let lit = response.hovered() || response.dragged();
    let moved = (value - 0.5).abs() > 0.001;
    let x_of = |value: f32| egui::lerp(track.left()..=track.right(), value);

    let painter = ui.painter();
    painter.rect(
        track,
        CornerRadius::same(3),
        theme::WELL,
        Stroke::new(1.0, theme::CONTROL_EDGE),
        StrokeKind::Outside,
    );
    let middle = x_of(0.5);
    painter.vline(
        middle,
        middle_y - 7.0..=middle_y + 7.0,
        Stroke::new(1.0, theme::CONTROL_EDGE),
    );

    let at = pos2(x_of(value), middle_y);
    let colour = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::ACCENT
    };
    if moved {
        let filled = Rect::from_x_y_ranges(middle.min(at.x)..=middle.max(at.x), track.y_range());
        painter.rect_filled(
            filled,
            CornerRadius::same(2),
            theme::mix(theme::WELL, colour, 0.75),
        );
    }
    let cap = Rect::from_center_size(at, vec2(9.0, 14.0));
    let fill = if lit {
        theme::CONTROL_EDGE
    } else {
        theme::CONTROL_HOVERED
    };
    painter.rect(
        cap,
        CornerRadius::same(3),
        fill,
        Stroke::new(1.0, theme::BACKGROUND),
        StrokeKind::Outside,
    );
    let line = if moved { colour } else { theme::TEXT_SOFT };
    painter.vline(
        at.x,
        cap.top() + 3.0..=cap.bottom() - 3.0,
        Stroke::new(2.0, line),
    );

    theme::text(
        painter,
        rect.left_center(),
        Align2::LEFT_CENTER,
        label,
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    let colour = if moved || lit {
        theme::TEXT
    } else {
        theme::TEXT_FAINT
    };
    theme::text(
        painter,
        rect.right_center(),
        Align2::RIGHT_CENTER,
        &signed(param.preview_plain(value)),
        theme::medium(11.5),
        colour,
    );
    response.help(hint);
}

/// `position` with one decimal and a sign that is as wide for minus as for plus; zero has none.
fn signed(position: f32) -> String {
    let text = format!("{position:+.1}");
    match text.strip_prefix('-') {
        _ if text.ends_with("0.0") => "0".to_owned(),
        Some(magnitude) => format!("\u{2212}{magnitude}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn a_position_shows_its_side_of_the_middle() {
        assert_eq!(signed(1.2), "+1.2");
        assert_eq!(signed(-0.5), "\u{2212}0.5");
        assert_eq!(signed(0.0), "0");
        assert_eq!(signed(-0.01), "0");
        assert_eq!(signed(-3.0), "\u{2212}3.0");
    }
}
