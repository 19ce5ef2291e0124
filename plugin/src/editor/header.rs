//! The top line: the name, and what the plugin is doing with which model on which device.

use super::help::Help as _;
use super::model_menu::{ModelMenu, Picked};
use super::slots::{self, Hands, SlotAction};
use super::theme::{self, Shade};
use crate::shared::{Snapshot, Status};
use egui::{Align2, CornerRadius, Painter, Pos2, Rect, Sense, Ui, pos2, vec2};

/// Below this width the header has no room for the product's name.
const NARROW: f32 = 960.0;

/// What came of the header.
pub(super) struct Shown {
    /// What was picked in the menu of models.
    pub(super) picked: Option<Picked>,
    /// What is to be done with a slot.
    pub(super) slot: Option<SlotAction>,
    /// Room for the preset's name.
    pub(super) preset: Rect,
}

/// Draws the header in `rect`; `seconds` drives the pulse of the light while something is being made.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    snapshot: &Snapshot,
    seconds: f64,
    models: &mut ModelMenu,
    slots: &Hands,
) -> Shown {
    let painter = ui.painter();
    let name_at = paint_mark(painter, rect.left_center());
    // A narrow window keeps the mark and has room for the rest.
    let is_narrow = rect.width() < NARROW;
    let slots_left = if is_narrow {
        name_at.x + theme::UNIT
    } else {
        theme::wordmark(painter, name_at, "FOURBAR").right() + 3.0 * theme::UNIT
    };
    let slots_at = pos2(slots_left, rect.center().y);
    let slot = slots::show(ui, slots_at, slots, snapshot);

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
    // Why a better device failed can be a long story.
    let (device, story) = match snapshot.device.split_once(" (") {
        Some((device, _)) => (device, Some(&snapshot.device)),
        None => (snapshot.device.as_str(), None),
    };
    let device = theme::text(
        painter,
        pos2(light.x - 2.5 * theme::UNIT, rect.center().y),
        Align2::RIGHT_CENTER,
        device,
        theme::medium(12.5),
        theme::TEXT_SOFT,
    );
    if let Some(story) = story {
        ui.interact(device, ui.id().with("device"), Sense::hover())
            .help(story);
    }
    let model_at = pos2(device.left() - 1.5 * theme::UNIT, rect.center().y);
    let (picked, models_left) = models.show(ui, model_at, snapshot);
    let slots_right = slots_at.x + slots::WIDTH;
    Shown {
        picked,
        slot,
        preset: Rect::from_x_y_ranges(
            slots_right + 1.5 * theme::UNIT..=models_left - 1.5 * theme::UNIT,
            rect.y_range(),
        ),
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

fn paint_light(painter: &Painter, at: Pos2, colour: Shade, pulse_seconds: Option<f64>) {
    let strength = pulse_seconds.map_or(1.0, theme::pulse);
    painter.circle_filled(at, 6.5, colour.faded(0.18 * strength));
    painter.circle_filled(at, 3.5, colour.faded(0.4 + 0.6 * strength));
}
