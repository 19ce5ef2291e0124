//! The Latent section: eight directions through the model's space of grooves.

use super::{button, fader::fader, gesture, theme};
use crate::params::FourbarParams;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::{Param, ParamSetter};

/// Draws the section in `rect`.
pub(super) fn show(ui: &Ui, rect: Rect, params: &FourbarParams, setter: &ParamSetter) {
    let inside = theme::panel(ui.painter(), rect);
    theme::heading(
        ui.painter(),
        pos2(inside.left(), inside.top() + 8.0),
        "Latent",
        theme::TEXT_SOFT,
    );
    if button::link(
        ui,
        pos2(inside.right(), inside.top() + 8.0),
        "Reset",
        "All eight back to the middle",
    )
    .clicked()
    {
        for axis in &params.latent {
            if axis.position.unmodulated_plain_value() != 0.0 {
                gesture::set(&axis.position, setter, 0.0);
            }
        }
    }

    let row = Rect::from_min_max(
        pos2(inside.left(), inside.top() + 28.0),
        inside.max + vec2(0.0, 2.0),
    );
    let width = row.width() / 8.0;
    let mut left = row.left();
    for (number, axis) in (1..).zip(&params.latent) {
        let column = Rect::from_min_size(pos2(left, row.top()), vec2(width, row.height()));
        left += width;
        let hint = hint(number);
        fader(
            ui,
            column,
            &axis.position,
            setter,
            &number.to_string(),
            &hint,
        );
    }
}

fn hint(number: u8) -> String {
    let rank = match number {
        1 => "The direction in which the grooves that the model knows differ most".to_owned(),
        2 => "The direction in which they differ most after the first".to_owned(),
        _ => format!("Direction {number} of eight, by how much grooves differ along it"),
    };
    format!(
        "Latent {number}. {rank}. The middle leaves the seed's pattern as it is; \u{b1}1 \u{3c3} is ordinary, \u{b1}3 \u{3c3} is extreme. Double click: back to the middle."
    )
}
