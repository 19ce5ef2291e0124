//! The slots, in the top line: Live, eight kept grooves, and the morph pad.

use super::help::Help as _;
use super::keys::Act;
use super::{gesture, menu, theme};
use crate::params::{LIVE, MORPH, SlotsParams, slot_value};
use crate::request::{N_SLOTS, Source};
use crate::shared::Snapshot;
use egui::{Align2, CursorIcon, Popup, Rect, RectAlign, Response, Sense, Ui, pos2, vec2};
use nice_plug::prelude::{Param as _, ParamSetter};

/// What is to be done with a slot, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotAction {
    /// Keep what sounds in it.
    Keep(usize),
    /// Go on working on what is in it.
    Open(usize),
    /// Empty it.
    Empty(usize),
}

/// What the slots are worked with.
pub(super) struct Hands<'a> {
    pub(super) params: &'a SlotsParams,
    pub(super) setter: &'a ParamSetter<'a>,
    /// What the keys ask for.
    pub(super) acts: &'a [Act],
}

/// Width of *Live* and of *Morph*, of a slot, and between them.
const WORD: f32 = 52.0;
const SLOT: f32 = 26.0;
const GAP: f32 = 3.0;
/// Width of all of them.
#[expect(clippy::cast_precision_loss, reason = "8")]
pub(super) const WIDTH: f32 = 2.0 * WORD + N_SLOTS as f32 * (SLOT + GAP) + GAP + 2.0 * PADDING;
const HEIGHT: f32 = 26.0;
/// Around them.
const PADDING: f32 = 3.0;

/// Draws the slots with their left edge at the middle of `left`'s height. Returns what was asked for.
pub(super) fn show(
    ui: &Ui,
    left: egui::Pos2,
    &Hands {
        params,
        setter,
        acts,
    }: &Hands,
    snapshot: &Snapshot,
) -> Option<SlotAction> {
    let whole = Rect::from_min_size(
        left - vec2(0.0, HEIGHT / 2.0 + PADDING),
        vec2(WIDTH, HEIGHT + 2.0 * PADDING),
    );
    theme::well(ui.painter(), whole, theme::CONTROL_EDGE);
    let now = params.value();
    let place = |x: f32, width: f32| {
        let corner = pos2(whole.left() + PADDING + x, whole.top() + PADDING);
        Rect::from_min_size(corner, vec2(width, HEIGHT))
    };
    let can_morph = snapshot.slots.iter().take(4).any(Option::is_some);
    let choose = |value: i32| {
        params.forget_key();
        if value != params.slot.unmodulated_plain_value() {
            gesture::set(&params.slot, setter, value);
        }
    };
    let live = cell(ui, place(0.0, WORD), "Live", now == LIVE, true);
    if live
        .help("Live: the groove that the controls below make.")
        .clicked()
    {
        choose(LIVE);
    }
    let mut action = None;
    for act in acts {
        match *act {
            Act::Live => choose(LIVE),
            Act::Morph if can_morph => choose(MORPH),
            Act::Slot(slot) if snapshot.slots[slot].is_some() => choose(slot_value(slot)),
            Act::Slot(slot) | Act::Keep(slot) => action = Some(SlotAction::Keep(slot)),
            _ => {}
        }
    }
    let mut x = WORD + GAP;
    for slot in 0..N_SLOTS {
        let kept = snapshot.slots[slot].as_deref();
        let value = slot_value(slot);
        let is_filled = kept.is_some();
        let response = cell(
            ui,
            place(x, SLOT),
            &(slot + 1).to_string(),
            now == value && is_filled,
            is_filled,
        );
        x += SLOT + GAP;
        let Some(kept) = kept else {
            let hint = format!("Slot {} is empty. Click: keep what sounds in it.", slot + 1);
            if response.help(hint).clicked() {
                action = Some(SlotAction::Keep(slot));
            }
            continue;
        };
        if response.clicked() {
            choose(if now == value { LIVE } else { value });
        }
        if acts.contains(&Act::Menu) && response.has_focus() {
            menu::open_by_keys(&response);
            Popup::open_id(ui.ctx(), Popup::default_response_id(&response));
        }
        let menu = Popup::context_menu(&response)
            .align(RectAlign::BOTTOM_START)
            .gap(4.0)
            .width(210.0)
            .show(|ui| {
                let lines = [
                    ("Open: go on in Live", SlotAction::Open(slot)),
                    ("Replace by what sounds", SlotAction::Keep(slot)),
                    ("Empty", SlotAction::Empty(slot)),
                ];
                for (name, meant) in lines {
                    if menu::line(ui, name, "", false).clicked() {
                        action = Some(meant);
                    }
                }
            });
        if menu.is_none() {
            response.help(format!(
                "Slot {}: {}. Click: play it, and again: back to Live. Right click, or M: open, replace, empty.",
                slot + 1,
                kept.ready().request.name()
            ));
        }
    }
    let morph = cell(ui, place(x, WORD), "Morph", now == MORPH, can_morph);
    let hint = "Morph: between the grooves in slots 1 to 4, by the pad on the page Morph.";
    if morph.help(hint).clicked() && can_morph {
        choose(MORPH);
    }
    action
}

/// The slot that a pattern comes from, counted from 0.
pub(super) fn slot_of(source: &Source, ids: [u64; N_SLOTS]) -> Option<usize> {
    match source {
        Source::Slot(id) => ids.into_iter().position(|known| known == *id),
        Source::Live | Source::Morph(_) => None,
    }
}

fn cell(ui: &Ui, rect: Rect, text: &str, is_on: bool, is_filled: bool) -> Response {
    let response = ui
        .interact(rect, ui.id().with(("slot", text)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let (fill, ink) = match (is_on, is_filled, response.hovered()) {
        (true, ..) => (theme::ACCENT, theme::ON_ACCENT),
        (false, true, true) => (theme::CONTROL_HOVERED, theme::TEXT),
        (false, true, false) => (theme::CONTROL, theme::TEXT),
        (false, false, true) => (theme::CONTROL, theme::TEXT_SOFT),
        (false, false, false) => (theme::WELL, theme::TEXT_FAINT),
    };
    ui.painter().rect_filled(rect, theme::CONTROL_CORNERS, fill);
    theme::text(
        ui.painter(),
        rect.center(),
        Align2::CENTER_CENTER,
        text,
        theme::semibold(12.0),
        ink,
    );
    response
}
