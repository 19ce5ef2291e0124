//! The Kit page: which built-in drums are heard, how much room, and level, place, pitch and decay of each drum.

use super::button::toggle;
use super::drums::bar;
use super::help::Help as _;
use super::number::number_called;
use super::{gesture, menu, theme};
use crate::params::{KitParams, label, name_of_kit};
use egui::{Align2, Popup, Rect, RectAlign, Ui, pos2, vec2};
use fourbar_kit::N_KITS;
use fourbar_model::drums::Voice;
use nice_plug::prelude::{Param, ParamSetter};

/// Height of what is for all drums.
const TOP: f32 = 28.0;
/// Height of the column headings.
const HEADINGS: f32 = 14.0;
/// Room for the names.
const NAMES: f32 = 86.0;
/// Widths of the room's amount and of the button beside it, and between them.
const ROOM: f32 = 74.0;
const SPLIT: f32 = 42.0;
const GAP: f32 = 4.0;

/// Draws the page in `rect`.
pub(super) fn show(ui: &mut Ui, rect: Rect, params: &KitParams, setter: &ParamSetter) {
    let (top, drums) = rect.split_top_bottom_at_y(rect.top() + TOP);
    let top = top.with_max_y(top.bottom() - 4.0);
    for_all(ui, top, params, setter);

    let height = (drums.height() - HEADINGS) / 9.0;
    let columns = |row: Rect| {
        let width = (row.width() - NAMES - 3.0 * theme::UNIT) / 4.0;
        [0.0, 1.0, 2.0, 3.0].map(|index| {
            let left = row.left() + NAMES + (width + theme::UNIT) * index;
            Rect::from_min_size(pos2(left, row.top()), vec2(width, row.height()))
        })
    };
    let headings = drums.with_max_y(drums.top() + HEADINGS);
    for (column, heading) in columns(headings)
        .into_iter()
        .zip(["Level", "Pan", "Tune", "Decay"])
    {
        theme::text(
            ui.painter(),
            column.center_top(),
            Align2::CENTER_TOP,
            heading,
            theme::medium(11.0),
            theme::TEXT_FAINT,
        );
    }
    // As in the grid: cymbals on top, the kick at the bottom.
    let mut top = drums.top() + HEADINGS;
    for voice in Voice::ALL.into_iter().rev() {
        let row = Rect::from_min_size(pos2(drums.left(), top), vec2(drums.width(), height));
        top += height;
        theme::text(
            ui.painter(),
            row.left_center(),
            Align2::LEFT_CENTER,
            &label(voice),
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
        let drum = &params.drums[voice.index()];
        let [level, pan, tune, decay] = columns(row.shrink2(vec2(0.0, 1.5)));
        let hint = "How loud the drum is in the kit; the notes stay as they are.";
        bar(ui, level, &drum.level, setter, (voice, 0.0), hint);
        let hint = "Where the drum is, between left and right.";
        bar(ui, pan, &drum.pan, setter, (voice, 0.5), hint);
        let hint = "How high the drum is tuned, in semitones.";
        bar(ui, tune, &drum.tune, setter, (voice, 0.5), hint);
        let hint = "How long the drum rings.";
        bar(ui, decay, &drum.decay, setter, (voice, 0.0), hint);
    }
}

/// What is for all drums: the kit, the room, and whether the mix is without those that have a bus of their own.
fn for_all(ui: &Ui, row: Rect, params: &KitParams, setter: &ParamSetter) {
    let split = row.with_min_x(row.right() - SPLIT);
    let room = row
        .with_max_x(split.left() - GAP)
        .with_min_x(split.left() - GAP - ROOM);
    kits(ui, row.with_max_x(room.left() - GAP), params, setter);
    let hint = "How much of a small room is heard around the drums.";
    number_called(ui, room, &params.room, setter, "Room", hint);
    let hint = "Takes drums out of the mix that the host hears on outputs of their own.";
    let is_split = params.separate_outputs.value();
    if toggle(ui, split, "Split", is_split, hint) {
        gesture::set(&params.separate_outputs, setter, !is_split);
    }
}

/// The menu of kits.
fn kits(ui: &Ui, rect: Rect, params: &KitParams, setter: &ParamSetter) {
    let now = params.kit.unmodulated_plain_value();
    let response = menu::button(ui, rect, "kit", name_of_kit(now));
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_START)
        .gap(4.0)
        .width(180.0)
        .show(|ui| {
            for kit in (0..).take(N_KITS) {
                if menu::line(ui, name_of_kit(kit), "", kit == now).clicked() {
                    gesture::set(&params.kit, setter, kit);
                }
            }
        });
    if menu.is_none() {
        response.help("Which drums play the groove.");
    }
}
