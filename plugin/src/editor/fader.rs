//! A vertical fader that rests in its middle, for positions that can go either way.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};

/// A fader for `param` filling `rect`: the value above, `label` below.
pub(super) fn fader(
    ui: &Ui,
    rect: Rect,
    param: &FloatParam,
    setter: &ParamSetter,
    label: &str,
    hint: &str,
) {
    let track = Rect::from_x_y_ranges(
        rect.center().x - 3.0..=rect.center().x + 3.0,
        rect.top() + 26.0..=rect.bottom() - 26.0,
    );
    let response = ui
        .interact(
            rect,
            ui.id().with(("fader", param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::ResizeVertical);
    let value = gesture::edit(
        ui,
        &response,
        param,
        setter,
        Travel::Vertical(track.height()),
    );
    let lit = response.hovered() || response.dragged();
    let moved = (value - 0.5).abs() > 0.001;

    let painter = ui.painter();
    painter.rect(
        track,
        CornerRadius::same(3),
        theme::WELL,
        Stroke::new(1.0, theme::CONTROL_EDGE),
        StrokeKind::Outside,
    );
    for sigma in [-2.0, -1.0, 1.0, 2.0_f32] {
        let y = egui::lerp(
            track.bottom()..=track.top(),
            param.preview_normalized(sigma),
        );
        for side in [-8.0, 8.0] {
            let x = rect.center().x + side;
            painter.hline(x - 1.5..=x + 1.5, y, Stroke::new(1.0, theme::OUTLINE));
        }
    }
    let middle = track.center().y;
    painter.hline(
        rect.center().x - 9.0..=rect.center().x + 9.0,
        middle,
        Stroke::new(1.0, theme::CONTROL_EDGE),
    );

    let at = pos2(
        track.center().x,
        egui::lerp(track.bottom()..=track.top(), value),
    );
    let colour = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::ACCENT
    };
    if moved {
        let filled = Rect::from_x_y_ranges(track.x_range(), middle.min(at.y)..=middle.max(at.y));
        painter.rect_filled(
            filled,
            CornerRadius::same(2),
            theme::mix(theme::WELL, colour, 0.75),
        );
    }
    let cap = Rect::from_center_size(at, vec2(20.0, 10.0));
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
    painter.hline(
        cap.left() + 4.0..=cap.right() - 4.0,
        cap.center().y,
        Stroke::new(2.0, line),
    );

    let number = signed(param.preview_plain(value));
    let colour = if moved || lit {
        theme::TEXT
    } else {
        theme::TEXT_FAINT
    };
    let above = pos2(rect.center().x, rect.top() + 7.0);
    theme::text(
        painter,
        above,
        Align2::CENTER_CENTER,
        &number,
        theme::medium(11.5),
        colour,
    );
    let below = pos2(rect.center().x, rect.bottom() - 7.0);
    theme::text(
        painter,
        below,
        Align2::CENTER_CENTER,
        label,
        theme::medium(12.0),
        theme::TEXT_SOFT,
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
