//! The Play page: style, energy, swing, and ahead of the beat or behind it.

use super::ability::{Need, needing};
use super::help::Help as _;
use super::knob::knob;
use super::pad::{Axis, pad};
use super::{gesture, menu, theme};
use crate::inference::abilities::{Abilities, ENERGY};
use crate::params::{PlayParams, style_name, style_value};
use crate::request::STYLES;
use egui::{Align2, Popup, Rect, RectAlign, ScrollArea, Ui, pos2, vec2};
use nice_plug::prelude::{Param, ParamSetter};

/// Draws the page in `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    params: &PlayParams,
    setter: &ParamSetter,
    abilities: Option<&Abilities>,
) {
    // What is beside the pad.
    let side_width = theme::by_room(ui.ctx(), 118.0, 124.0);
    let (left, side) = rect.split_left_right_at_x(rect.right() - side_width);
    let energy = left.with_max_x(left.right() - 1.5 * theme::UNIT);
    let need = Need::Attributes(&ENERGY);
    needing(ui, energy, need, abilities, "Energy", |ui| {
        let axes = [
            Axis {
                param: &params.complexity,
                less: "sparser",
                more: "busier",
            },
            Axis {
                param: &params.intensity,
                less: "softer",
                more: "louder",
            },
        ];
        let hint = "How busy and how hard the drummer plays. The middle leaves both to the model. Double click: back to the middle.";
        pad(ui, energy, axes, setter, hint);
    });

    let row = |top: f32, height: f32| {
        Rect::from_min_size(
            pos2(side.left(), side.top() + top),
            vec2(side_width, height),
        )
    };
    needing(ui, row(0.0, 50.0), Need::Styles, abilities, "Style", |ui| {
        let label = row(0.0, 16.0);
        theme::text(
            ui.painter(),
            label.left_center(),
            Align2::LEFT_CENTER,
            "Style",
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
        styles(ui, row(20.0, 30.0), params, setter, abilities);
    });
    let need = Need::Attributes(&["swing"]);
    needing(ui, row(68.0, 54.0), need, abilities, "Swing", |ui| {
        let hint = "Swings the 16ths between the 8ths, or plays them straight. 0 % leaves it to the model.";
        knob(ui, row(68.0, 54.0), &params.swing, setter, hint);
    });
    let need = Need::Attributes(&["push"]);
    needing(ui, row(132.0, 54.0), need, abilities, "Push/Drag", |ui| {
        let hint = "Plays ahead of the beat (up) or lays back behind it (down). 0 % leaves it to the model.";
        knob(ui, row(132.0, 54.0), &params.push, setter, hint);
    });
}

/// The menu of styles. Those that the model does not know are listed as such.
fn styles(
    ui: &Ui,
    rect: Rect,
    params: &PlayParams,
    setter: &ParamSetter,
    abilities: Option<&Abilities>,
) {
    let now = params.style.unmodulated_plain_value();
    let response = menu::button(ui, rect, "style", style_name(now));
    let is_known = |id: &str| {
        abilities.is_none_or(|abilities| abilities.styles.iter().any(|known| known == id))
    };
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_START)
        .gap(4.0)
        .width(180.0)
        .show(|ui| {
            ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                let any = std::iter::once((None, "any of them", true));
                let each = STYLES.iter().enumerate();
                let each = each.map(|(place, style)| (Some(place), "", is_known(style.id)));
                for (style, remark, is_known) in any.chain(each) {
                    let value = style_value(style);
                    let remark = if is_known { remark } else { "not learned" };
                    if menu::line(ui, style_name(value), remark, value == now).clicked() {
                        gesture::set(&params.style, setter, value);
                    }
                }
            });
        });
    if menu.is_none() {
        response.help("The style the drummer plays in. Any takes whatever the seed draws.");
    }
}
