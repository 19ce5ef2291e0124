//! The Explore page: eight directions through the model's space of grooves, named after what each changes most.

use super::{button, fader::fader, gesture, theme};
use crate::inference::abilities::Abilities;
use crate::params::FourbarParams;
use egui::{Align2, Rect, Ui, pos2, vec2};
use nice_plug::prelude::{Param, ParamSetter};

/// Room for what the axis under the pointer changes.
const CAPTION: f32 = 16.0;

/// Draws the page in `rect`.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    params: &FourbarParams,
    setter: &ParamSetter,
    abilities: Option<&Abilities>,
) {
    if button::link(
        ui,
        pos2(rect.right(), rect.bottom() - 5.0),
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

    let row = rect.with_max_y(rect.bottom() - CAPTION);
    let width = row.width() / 8.0;
    let mut caption = String::new();
    let mut left = row.left();
    for (index, axis) in params.latent.iter().enumerate() {
        let column = Rect::from_min_size(pos2(left, row.top()), vec2(width, row.height()));
        left += width;
        let number = (index + 1).to_string();
        let change = abilities.map_or("", |known| &known.axes[index]);
        fader(
            ui,
            column,
            &axis.position,
            setter,
            &number,
            &hint(&number, change),
        );
        if ui.rect_contains_pointer(column) && !change.is_empty() {
            caption = format!("{number} up: {change}");
        }
    }
    theme::text(
        ui.painter(),
        rect.center_bottom() + vec2(0.0, 2.0),
        Align2::CENTER_BOTTOM,
        &caption,
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
}

fn hint(number: &str, change: &str) -> String {
    let change = if change.is_empty() {
        "A direction in which the grooves that the model knows differ".to_owned()
    } else {
        format!("Up: {change}, above all")
    };
    format!(
        "Latent {number}. {change}. The middle leaves the seed's pattern as it is; \u{b1}1 \u{3c3} is ordinary, \u{b1}3 \u{3c3} is extreme. Double click: back to the middle."
    )
}
