//! Where a drum's notes go: its key, its channel, its choke group; and how long the notes of all drums are.

use crate::editor::gesture::{self, Travel};
use crate::editor::help::Help as _;
use crate::editor::keys::{self, Turn};
use crate::editor::theme::Shade;
use crate::editor::{menu, theme};
use crate::params::{FourbarParams, LaneChoice, LanesParams, MAX_KEY, length_value};
use crate::shared::Shared;
use egui::{Align2, CursorIcon, Popup, Rect, RectAlign, Response, Sense, Ui};
use fourbar_model::drums::{NoteLength, Voice};
use nice_plug::prelude::{IntParam, Param, ParamSetter};

/// Distance dragged for one key, and for one channel or group.
const POINTS_A_KEY: f32 = 8.0;
const POINTS_A_STEP: f32 = 12.0;
const MENU_WIDTH: f32 = 160.0;

/// The drum whose key is to be learned from the next that comes in. Used by the window's thread only.
#[derive(Debug, Default)]
pub(super) struct Learning(Option<Voice>);

impl Learning {
    /// Takes the key that has come in, if one was waited for.
    pub(super) fn follow(&mut self, params: &LanesParams, shared: &Shared) {
        if let (Some(voice), Some(key)) = (self.0, shared.learned()) {
            params.choices.of(voice).choose_key(Some(key));
            self.0 = None;
        }
    }

    /// Waits for the key of `voice`, or no longer.
    fn toggle(&mut self, voice: Voice, shared: &Shared) {
        self.0 = (self.0 != Some(voice)).then_some(voice);
        shared.learn(self.0.is_some());
    }

    /// Waits no longer.
    pub(super) fn end(&mut self, shared: &Shared) {
        if self.0.take().is_some() {
            shared.learn(false);
        }
    }
}

/// The menu of how long notes are, in `rect`.
pub(super) fn length(ui: &Ui, rect: Rect, param: &IntParam, setter: &ParamSetter) {
    let text = |length: NoteLength| match length {
        NoteLength::UntilNextHit => length.name().to_owned(),
        length => format!("{} notes", length.name()),
    };
    let now = param.unmodulated_plain_value();
    let chosen = NoteLength::ALL
        .into_iter()
        .find(|length| length_value(*length) == now);
    let response = menu::button(ui, rect, "note length", &text(chosen.unwrap_or_default()));
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_END)
        .gap(4.0)
        .width(MENU_WIDTH)
        .show(|ui| {
            for length in NoteLength::ALL {
                if menu::line(ui, &text(length), "", Some(length) == chosen).clicked() {
                    gesture::set(param, setter, length_value(length));
                }
            }
        });
    if menu.is_none() {
        response.help(
            "How long the notes are that are sent. They end sooner where their drum is struck again or choked.",
        );
    }
}

/// The key, the channel and the choke group of a drum.
pub(super) fn show(
    ui: &Ui,
    [key, channel, choke]: [Rect; 3],
    params: &FourbarParams,
    voice: Voice,
    setter: &ParamSetter,
    learning: &mut Learning,
    shared: &Shared,
) {
    let lanes = &params.lanes;
    let choice = lanes.choices.of(voice);
    let of_map = lanes.choices.map_keys(params.drum_map.value().map())[voice.index()];
    let is_learning = learning.0 == Some(voice);
    if self::key(ui, key, choice, of_map, voice, is_learning) {
        learning.toggle(voice, shared);
    }
    let drum = &lanes.drums[voice.index()];
    let of_kit = params.channel.value();
    let hint = "The MIDI channel of the drum: that of the page Output, or one of its own. Drag up or down. Double click: that of \
                the page Output.";
    number(ui, channel, &drum.channel, setter, hint, |own| match own {
        0 => of_kit.to_string(),
        own => own.to_string(),
    });
    let hint = "A hit ends the notes of the other drums with the same number, as closing a hi-hat ends the open one. Drag up \
                or down. Double click: none.";
    number(ui, choke, &drum.choke, setter, hint, |group| match group {
        0 => "\u{2013}".to_owned(),
        group => group.to_string(),
    });
}

/// A number that is `shown_as` text and lit where it is not 0; dragged up and down, back to 0 by a double click.
fn number(
    ui: &Ui,
    rect: Rect,
    param: &IntParam,
    setter: &ParamSetter,
    hint: &str,
    shown_as: impl Fn(i32) -> String,
) {
    let response = cell(ui, rect, param.name());
    #[expect(clippy::cast_precision_loss, reason = "16 at most")]
    let n_steps = param.step_count().unwrap_or(1) as f32;
    let travel = Travel::Vertical(n_steps * POINTS_A_STEP);
    let value = param.preview_plain(gesture::edit(ui, &response, param, setter, travel));
    let text = shown_as(value);
    paint(ui, rect, &response, &text, theme::CONTROL_EDGE, value != 0);
    response.help(hint);
}

/// What a key or a number responds to.
fn cell(ui: &Ui, rect: Rect, name: &str) -> Response {
    ui.interact(rect, ui.id().with(("cell", name)), Sense::click_and_drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeVertical)
}

/// Paints it with `text`, which is lit where it `is_own`, not that of all drums.
fn paint(ui: &Ui, rect: Rect, response: &Response, text: &str, edge: Shade, is_own: bool) {
    let painter = ui.painter();
    theme::well(painter, rect, edge);
    let colour = match (response.hovered(), is_own) {
        (true, _) => theme::ACCENT_HOVERED,
        (false, true) => theme::ACCENT,
        (false, false) => theme::TEXT,
    };
    theme::text(
        painter,
        rect.center(),
        Align2::CENTER_CENTER,
        text,
        theme::semibold(11.5),
        colour,
    );
}

/// So many keys above `key`, as far as there are any.
#[expect(clippy::cast_possible_truncation, reason = "a few steps")]
fn moved(key: u8, steps: f32) -> u8 {
    key.saturating_add_signed(steps as i8).min(MAX_KEY)
}

/// The key that the drum is sent on: dragged up and down, back to the map's by a double click. True if it is clicked, to be
/// learned or no longer.
fn key(
    ui: &Ui,
    rect: Rect,
    choice: &LaneChoice,
    of_map: u8,
    voice: Voice,
    is_learning: bool,
) -> bool {
    let response = cell(ui, rect, voice.name());
    let id = response.id;
    let key = choice.key_or(of_map);
    if response.dragged() {
        let wanted = ui.data(|data| data.get_temp(id)).unwrap_or(f32::from(key))
            - response.drag_delta().y / POINTS_A_KEY;
        let wanted = wanted.clamp(0.0, f32::from(MAX_KEY));
        ui.data_mut(|data| data.insert_temp(id, wanted));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 127"
        )]
        choice.choose_key(Some(wanted.round() as u8));
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<f32>(id));
    }
    if response.double_clicked() {
        choice.choose_key(None);
    }
    match keys::turn(&response) {
        None => {}
        Some(Turn::By(steps)) => choice.choose_key(Some(moved(key, steps))),
        Some(Turn::To(end)) => choice.choose_key(Some(if end > 0.0 { MAX_KEY } else { 0 })),
        Some(Turn::Back) => choice.choose_key(None),
    }
    let (text, edge) = if is_learning {
        ("play it".to_owned(), theme::ACCENT)
    } else {
        (choice.key_or(of_map).to_string(), theme::CONTROL_EDGE)
    };
    paint(ui, rect, &response, &text, edge, choice.key().is_some());
    // The first click of a double click begins to wait for a key, and the second ends it.
    let is_clicked = response.clicked();
    response.help(
        "The MIDI key that the drum is sent on. Click, then play a key or hit a pad; or drag up or down. Double click: that of \
         the drum map.",
    );
    is_clicked
}
