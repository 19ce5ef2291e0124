//! A pad: two parameters under one pointer, each with its rest in the middle.

use super::help::Help as _;
use super::keys::{self, Turn};
use super::{gesture, theme};
use egui::{Align2, CursorIcon, Pos2, Rect, Response, Sense, Stroke, Ui, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};

/// How near to the middle, of the whole range, the pointer snaps to it.
const SNAP: f32 = 0.03;
/// What an arrow key moves, of the whole range.
const STEP: f32 = 0.025;
/// Radius of the puck.
const PUCK: f32 = 7.0;

/// What an axis of a pad sets, and what its two ends are called.
pub(super) struct Axis<'a> {
    pub(super) param: &'a FloatParam,
    pub(super) less: &'a str,
    pub(super) more: &'a str,
}

/// A pad for `x` (to the right) and `y` (upwards) filling `rect`. A double click puts both back to the middle.
pub(super) fn pad(
    ui: &Ui,
    rect: Rect,
    [x, y]: [Axis; 2],
    setter: &ParamSetter,
    hint: &str,
) -> Response {
    let response = ui
        .interact(
            rect,
            ui.id().with(("pad", x.param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::Crosshair);
    let field = rect.shrink(PUCK + 1.0);
    let pointer = response.interact_pointer_pos();
    let share = |at: f32, from: f32, to: f32| snapped(((at - from) / (to - from)).clamp(0.0, 1.0));
    let across = pointer.map(|at| share(at.x, field.left(), field.right()));
    let up = pointer.map(|at| share(at.y, field.bottom(), field.top()));
    let value = [
        gesture::follow(ui, &response, x.param, setter, across),
        gesture::follow(ui, &response, y.param, setter, up),
    ];
    if let Some((right, down, false)) = keys::arrow(&response) {
        for (param, steps) in [(x.param, right), (y.param, -down)] {
            let now = param.unmodulated_normalized_value();
            gesture::turn_to(param, setter, now + STEP * f32::from(steps));
        }
    }
    if let Some(Turn::Back) = keys::turn(&response) {
        for param in [x.param, y.param] {
            gesture::turn_to(param, setter, param.default_normalized_value());
        }
    }
    let lit = response.hovered() || response.dragged();
    paint(ui, rect, field, value, lit);
    paint_ends(ui, rect, &x, &y);
    response.help(hint)
}

/// The middle where `share` is next to it.
fn snapped(share: f32) -> f32 {
    if (share - 0.5).abs() < SNAP {
        0.5
    } else {
        share
    }
}

fn paint(ui: &Ui, rect: Rect, field: Rect, [x, y]: [f32; 2], lit: bool) {
    let painter = ui.painter();
    theme::well(painter, rect, theme::CONTROL_EDGE);
    for quarter in [0.25, 0.5, 0.75_f32] {
        let strength = if quarter == 0.5 { 1.0 } else { 0.5 };
        let stroke = Stroke::new(1.0, theme::mix(theme::WELL, theme::OUTLINE, strength));
        painter.hline(
            field.x_range(),
            egui::lerp(field.y_range().min..=field.y_range().max, quarter),
            stroke,
        );
        painter.vline(
            egui::lerp(field.x_range().min..=field.x_range().max, quarter),
            field.y_range(),
            stroke,
        );
    }
    let at: Pos2 = pos2(
        egui::lerp(field.left()..=field.right(), x),
        egui::lerp(field.bottom()..=field.top(), y),
    );
    let colour = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::ACCENT
    };
    let middle = field.center();
    painter.circle_stroke(middle, 4.0, Stroke::new(1.0, theme::OUTLINE_STRONG));
    let trace = theme::mix(theme::WELL, colour, 0.6);
    painter.line_segment([middle, at], Stroke::new(2.0, trace));
    painter.circle(at, PUCK, colour, Stroke::new(2.0, theme::WELL));
}

/// The names of the ends, along the edges.
fn paint_ends(ui: &Ui, rect: Rect, x: &Axis, y: &Axis) {
    let inset = vec2(6.0, 4.0);
    let ends = [
        (
            rect.left_center() + vec2(inset.x, -9.0),
            Align2::LEFT_CENTER,
            x.less,
        ),
        (
            rect.right_center() + vec2(-inset.x, -9.0),
            Align2::RIGHT_CENTER,
            x.more,
        ),
        (
            rect.center_top() + vec2(0.0, inset.y),
            Align2::CENTER_TOP,
            y.more,
        ),
        (
            rect.center_bottom() - vec2(0.0, inset.y),
            Align2::CENTER_BOTTOM,
            y.less,
        ),
    ];
    for (at, align, word) in ends {
        theme::text(
            ui.painter(),
            at,
            align,
            word,
            theme::medium(10.5),
            theme::TEXT_FAINT,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::snapped;

    #[test]
    fn next_to_the_middle_is_the_middle() {
        assert_eq!([snapped(0.48), snapped(0.52)], [0.5, 0.5]);
        assert_eq!([snapped(0.4), snapped(1.0)], [0.4, 1.0]);
    }
}
