//! A knob: an arc from zero to the value, which is from the middle where it can go either way, with the value in the
//! host's words.

use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use egui::{Align2, CursorIcon, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};
use std::f32::consts::PI;

/// Distance dragged from one end to the other, in points.
const TRAVEL: f32 = 180.0;
/// Where the scale begins and ends, clockwise from three o'clock.
const START: f32 = 0.75 * PI;
const SWEEP: f32 = 1.5 * PI;

/// A knob for `param` with its name and value at its right, filling `rect`.
pub(super) fn knob(ui: &Ui, rect: Rect, param: &FloatParam, setter: &ParamSetter, hint: &str) {
    knob_called(ui, rect, param, setter, param.name(), hint);
}

/// [`knob`] with another name, where its place says the rest.
pub(super) fn knob_called(
    ui: &Ui,
    rect: Rect,
    param: &FloatParam,
    setter: &ParamSetter,
    name: &str,
    hint: &str,
) {
    let response = ui
        .interact(
            rect,
            ui.id().with(("knob", param.name())),
            Sense::click_and_drag(),
        )
        .on_hover_and_drag_cursor(CursorIcon::ResizeVertical);
    let value = gesture::edit(ui, &response, param, setter, Travel::Both(TRAVEL));
    let lit = response.hovered() || response.dragged();

    let radius = rect.height() / 2.0 - 2.0;
    let centre = pos2(rect.left() + radius + 2.0, rect.center().y);
    paint(
        ui.painter(),
        centre,
        radius,
        [param.preview_normalized(0.0), value],
        param.default_normalized_value(),
        lit,
    );

    let left = centre.x + radius + theme::by_room(ui.ctx(), 8.0, 12.0);
    theme::text(
        ui.painter(),
        pos2(left, centre.y - 10.0),
        Align2::LEFT_CENTER,
        name,
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    theme::text(
        ui.painter(),
        pos2(left, centre.y + 9.0),
        Align2::LEFT_CENTER,
        &param.normalized_value_to_string(value, true),
        theme::semibold(16.0),
        theme::TEXT,
    );
    response.help(hint);
}

fn paint(
    painter: &Painter,
    centre: Pos2,
    radius: f32,
    [zero, value]: [f32; 2],
    default: f32,
    lit: bool,
) {
    let rim = radius - 2.5;
    painter.add(arc(centre, rim, 0.0, 1.0, Stroke::new(4.0, theme::WELL)));
    painter.add(arc(
        centre,
        rim,
        0.0,
        1.0,
        Stroke::new(3.0, theme::CONTROL_EDGE),
    ));
    let colour = if lit {
        theme::ACCENT_HOVERED
    } else {
        theme::ACCENT
    };
    if (value - zero).abs() > 0.001 {
        painter.add(arc(centre, rim, zero, value, Stroke::new(4.0, colour)));
    }

    let body = radius - 8.0;
    let fill = if lit {
        theme::CONTROL_HOVERED
    } else {
        theme::CONTROL
    };
    painter.circle(centre, body, fill, Stroke::new(1.0, theme::CONTROL_EDGE));
    let (sin, cos) = (START + SWEEP * value).sin_cos();
    let direction = vec2(cos, sin);
    painter.line_segment(
        [
            centre + direction * (body * 0.38),
            centre + direction * (body - 3.0),
        ],
        Stroke::new(2.5, theme::TEXT),
    );
    // A notch where a double click takes the knob back to.
    let (sin, cos) = (START + SWEEP * default).sin_cos();
    painter.circle_filled(
        centre + vec2(cos, sin) * (radius + 2.0),
        1.4,
        theme::TEXT_FAINT,
    );
}

fn arc(centre: Pos2, radius: f32, from: f32, to: f32, stroke: Stroke) -> Shape {
    const SEGMENTS: u8 = 48;
    let points = (0..=SEGMENTS).map(|index| {
        let at = from + (to - from) * f32::from(index) / f32::from(SEGMENTS);
        let (sin, cos) = (START + SWEEP * at).sin_cos();
        centre + vec2(cos, sin) * radius
    });
    Shape::line(points.collect(), stroke)
}
