//! The Explore page: eight directions through the model's space of grooves, named after what each changes most.

use super::{button, fader::fader, gesture};
use crate::inference::abilities::Abilities;
use crate::params::FourbarParams;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::{Param, ParamSetter};

/// Room for what lies below the faders.
const BELOW: f32 = 14.0;

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

    let height = (rect.height() - BELOW) / 8.0;
    let mut top = rect.top();
    for (index, axis) in params.latent.iter().enumerate() {
        let row = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height));
        top += height;
        let number = index + 1;
        let change = abilities.map_or("", |known| &known.axes[index]);
        let label = match change {
            "" => format!("Latent {number}"),
            change => format!("{number}  {change}"),
        };
        let hint = hint(number, change);
        fader(ui, row, &axis.position, setter, &label, &hint);
    }
}

fn hint(number: usize, change: &str) -> String {
    let change = if change.is_empty() {
        "A direction in which the grooves that the model knows differ".to_owned()
    } else {
        format!("To the right: {change}, above all")
    };
    format!(
        "Latent {number}. {change}. The middle leaves the seed's pattern as it is; \u{b1}1 \u{3c3} is ordinary, \u{b1}3 \u{3c3} is extreme. Double click: back to the middle."
    )
}
