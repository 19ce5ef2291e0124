//! The Morph page: a pad between the grooves in slots 1 to 4.

use super::pad::{Axis, pad};
use super::{gesture, theme};
use crate::params::{MORPH, SlotsParams};
use crate::request::{Kept, N_CORNERS};
use egui::{Align2, Rect, Ui, vec2};
use nice_plug::prelude::{Param, ParamSetter};
use std::sync::Arc;

/// Draws the page in `rect`, for what is kept in the corners.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    params: &SlotsParams,
    setter: &ParamSetter,
    corners: &[Option<Arc<Kept>>],
) {
    let axis = |param| Axis {
        param,
        less: "",
        more: "",
    };
    let axes = [axis(&params.morph_x), axis(&params.morph_y)];
    let hint = "Between the grooves in slots 1 to 4. In a corner you hear what was kept; in between, what the model finds there.";
    let response = pad(ui, rect, axes, setter, hint);
    let is_used = response.drag_started() || response.clicked();
    let is_any_kept = corners.iter().any(Option::is_some);
    if is_used && is_any_kept && params.slot.unmodulated_plain_value() != MORPH {
        gesture::set(&params.slot, setter, MORPH);
    }
    let inset = vec2(8.0, 6.0);
    let places: [_; N_CORNERS] = [
        (rect.left_top() + inset, Align2::LEFT_TOP),
        (
            rect.right_top() + vec2(-inset.x, inset.y),
            Align2::RIGHT_TOP,
        ),
        (
            rect.left_bottom() + vec2(inset.x, -inset.y),
            Align2::LEFT_BOTTOM,
        ),
        (rect.right_bottom() - inset, Align2::RIGHT_BOTTOM),
    ];
    let names = ["A", "B", "C", "D"];
    for ((kept, name), (at, align)) in corners.iter().zip(names).zip(places) {
        let (text, colour) = match kept {
            Some(kept) => {
                let groove = kept.ready().request.name();
                (format!("{name}  {groove}"), theme::TEXT_SOFT)
            }
            None => (format!("{name}  empty"), theme::TEXT_FAINT),
        };
        theme::text(
            ui.painter(),
            at,
            align,
            &text,
            theme::semibold(11.5),
            colour,
        );
    }
    if !is_any_kept {
        theme::text(
            ui.painter(),
            rect.center() + vec2(0.0, 28.0),
            Align2::CENTER_CENTER,
            "Keep grooves in slots 1 to 4 first.",
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
    }
}
