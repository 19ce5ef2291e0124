//! The kit's level: a slider with the meter inside it.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};

/// The bottom of the meter, in decibels.
const FLOOR_DB: f32 = -60.0;
/// How fast the meter falls, in decibels a second.
const FALL_DB: f32 = 30.0;

/// What the meter shows, from peak to peak.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    shown_db: f32,
}

impl Default for Meter {
    fn default() -> Self {
        Self { shown_db: FLOOR_DB }
    }
}

impl Meter {
    /// Rises at once to `peak` (linear) and falls slowly; `seconds` have passed since the last call.
    pub(super) fn follow(&mut self, peak: f32, seconds: f32) {
        let peak_db = if peak > 0.0 {
            20.0 * peak.log10()
        } else {
            FLOOR_DB
        };
        let fallen_db = self.shown_db - FALL_DB * seconds;
        self.shown_db = peak_db.max(fallen_db).clamp(FLOOR_DB, 12.0);
    }
}

/// A horizontal slider for `param` filling `rect`, its value at the right, `meter` along its track.
pub(super) fn slider(
    ui: &Ui,
    rect: Rect,
    param: &FloatParam,
    setter: &ParamSetter,
    meter: Meter,
    hint: &str,
) {
    let (left, value_rect) = rect.split_left_right_at_x(rect.right() - 58.0);
    let track = Rect::from_center_size(left.center(), vec2(left.width() - 12.0, 8.0));
    let response = ui
        .interact(
            left,
            ui.id().with(("level", param.name())),
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

    let painter = ui.painter();
    let corners = CornerRadius::same(4);
    painter.rect(
        track,
        corners,
        theme::WELL,
        Stroke::new(1.0, theme::CONTROL_EDGE),
        StrokeKind::Outside,
    );
    let top_db = param.preview_plain(1.0);
    let filled = ((meter.shown_db - FLOOR_DB) / (top_db - FLOOR_DB)).clamp(0.0, 1.0);
    if filled > 0.0 {
        let bar = track.with_max_x(track.left() + track.width() * filled);
        let colour = if meter.shown_db > 0.0 {
            theme::BAD
        } else {
            theme::GOOD
        };
        painter.rect_filled(bar, corners, colour);
    }
    let at = pos2(
        egui::lerp(track.left()..=track.right(), value),
        track.center().y,
    );
    let fill = if lit {
        theme::CONTROL_EDGE
    } else {
        theme::CONTROL_HOVERED
    };
    let cap = Rect::from_center_size(at, vec2(10.0, 20.0));
    painter.rect(
        cap,
        CornerRadius::same(3),
        fill,
        Stroke::new(1.0, theme::BACKGROUND),
        StrokeKind::Outside,
    );
    let line = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::ACCENT
    };
    painter.vline(
        at.x,
        cap.top() + 4.0..=cap.bottom() - 4.0,
        Stroke::new(2.0, line),
    );

    let text = param.normalized_value_to_string(value, true);
    theme::text(
        painter,
        value_rect.right_center(),
        Align2::RIGHT_CENTER,
        &text,
        theme::medium(12.5),
        theme::TEXT,
    );
    response.help(hint);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_rises_at_once_and_falls_slowly() {
        let mut meter = Meter::default();
        meter.follow(1.0, 0.016);
        assert_eq!(meter.shown_db, 0.0);
        meter.follow(0.0, 0.5);
        assert_eq!(meter.shown_db, -15.0);
        meter.follow(0.0, 10.0);
        assert_eq!(meter.shown_db, FLOOR_DB);
    }

    #[test]
    fn a_peak_that_is_not_a_number_leaves_the_meter_falling() {
        let mut meter = Meter::default();
        meter.follow(f32::NAN, 0.016);
        assert_eq!(meter.shown_db, FLOOR_DB);
    }
}
