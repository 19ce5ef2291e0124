//! The top line: the name, and what the plugin is doing with which model on which device.

use super::theme;
use crate::shared::{Snapshot, Status};
use egui::{Align2, Color32, CornerRadius, Painter, Pos2, Rect, Ui, pos2, vec2};

/// Draws the header in `rect`; `seconds` drives the pulse of the light while something is being made.
pub(super) fn show(ui: &Ui, rect: Rect, snapshot: &Snapshot, seconds: f64) {
    let painter = ui.painter();
    let name_at = paint_mark(painter, rect.left_center());
    let name = theme::wordmark(painter, name_at, "FOURBAR");
    let tagline_at = pos2(name.right() + 2.0 * theme::UNIT, rect.center().y + 1.0);
    theme::text(
        painter,
        tagline_at,
        Align2::LEFT_CENTER,
        "learned drum grooves",
        theme::medium(12.5),
        theme::TEXT_FAINT,
    );

    let (word, colour, is_busy) = match &snapshot.status {
        Status::Loading => ("Loading", theme::ACCENT, true),
        Status::Generating => ("Generating", theme::ACCENT, true),
        Status::Ready => ("Ready", theme::GOOD, false),
        Status::Problem(_) => ("Problem", theme::BAD, false),
    };
    let right = rect.right_center();
    let word = theme::text(
        painter,
        right,
        Align2::RIGHT_CENTER,
        word,
        theme::semibold(12.5),
        colour,
    );
    let light = pos2(word.left() - 12.0, rect.center().y);
    paint_light(painter, light, colour, is_busy.then_some(seconds));
    let model_at = pos2(light.x - 3.0 * theme::UNIT, rect.center().y);
    theme::text(
        painter,
        model_at,
        Align2::RIGHT_CENTER,
        &model_line(snapshot),
        theme::medium(12.5),
        theme::TEXT_SOFT,
    );
}

/// "groovae_4bar on CPU", as much of it as is known.
fn model_line(snapshot: &Snapshot) -> String {
    match (snapshot.model.as_str(), snapshot.device.as_str()) {
        ("", "") => String::new(),
        (model, "") => model.to_owned(),
        ("", device) => device.to_owned(),
        (model, device) => format!("{model}  \u{b7}  {device}"),
    }
}

/// Four bars of different heights, like a groove; returns where the name begins.
fn paint_mark(painter: &Painter, left: Pos2) -> Pos2 {
    const HEIGHTS: [f32; 4] = [22.0, 12.0, 17.0, 8.0];
    let mut x = left.x;
    for (height, strength) in HEIGHTS.into_iter().zip([1.0, 0.82, 0.66, 0.5]) {
        let bar = Rect::from_min_size(pos2(x, left.y + 11.0 - height), vec2(5.0, height));
        painter.rect_filled(
            bar,
            CornerRadius::same(2),
            theme::mix(theme::BACKGROUND, theme::ACCENT, strength),
        );
        x += 8.0;
    }
    pos2(x + 6.0, left.y)
}

fn paint_light(painter: &Painter, at: Pos2, colour: Color32, pulse_seconds: Option<f64>) {
    let strength = pulse_seconds.map_or(1.0, theme::pulse);
    painter.circle_filled(at, 6.5, colour.gamma_multiply(0.18 * strength));
    painter.circle_filled(at, 3.5, colour.gamma_multiply(0.4 + 0.6 * strength));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_line_names_what_is_known() {
        let line = |model: &str, device: &str| {
            model_line(&Snapshot {
                ready: None,
                status: Status::Ready,
                device: device.to_owned(),
                model: model.to_owned(),
                ..Snapshot::default()
            })
        };
        assert_eq!(line("groovae_4bar", "CPU"), "groovae_4bar  \u{b7}  CPU");
        assert_eq!(line("", ""), "");
        assert_eq!(line("", "CPU"), "CPU");
    }
}
