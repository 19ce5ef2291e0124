//! The Drums page: how many of its hits each drum plays, how loud, and on which key.

use super::gesture::{self, Travel};
use super::theme;
use crate::params::{LaneChoice, LanesParams, MAX_KEY, label};
use crate::shared::Shared;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use fourbar_model::drums::{DrumMap, Voice};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};

/// Height of the column headings.
const HEADINGS: f32 = 14.0;
/// Room for the names.
const NAMES: f32 = 86.0;
/// Width of a key's box.
const KEY: f32 = 40.0;
/// Distance dragged for one key.
const POINTS_A_KEY: f32 = 8.0;

/// The drum whose key is to be learned from the next that comes in. Used by the window's thread only.
#[derive(Debug, Default)]
pub(super) struct Learning(Option<Voice>);

impl Learning {
    /// Takes the key that has come in, if one was waited for.
    fn follow(&mut self, params: &LanesParams, shared: &Shared) {
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

/// Draws the page in `rect`; `map` has the keys of the drums for which none is chosen.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    params: &LanesParams,
    setter: &ParamSetter,
    map: &DrumMap,
    learning: &mut Learning,
    shared: &Shared,
) {
    learning.follow(params, shared);
    let of_map = params.choices.map_keys(map);
    let height = (rect.height() - HEADINGS) / 9.0;
    let columns = |row: Rect| {
        let bars = (row.width() - NAMES - KEY - 2.0 * theme::UNIT) / 2.0;
        let density = Rect::from_min_size(
            pos2(row.left() + NAMES, row.top()),
            vec2(bars, row.height()),
        );
        let velocity = density.translate(vec2(bars + theme::UNIT, 0.0));
        [density, velocity, row.with_min_x(row.right() - KEY)]
    };
    let headings = rect.with_max_y(rect.top() + HEADINGS);
    for (column, heading) in columns(headings)
        .into_iter()
        .zip(["Hits", "Velocity", "Key"])
    {
        theme::text(
            ui.painter(),
            column.left_top(),
            Align2::LEFT_TOP,
            heading,
            theme::medium(11.0),
            theme::TEXT_FAINT,
        );
    }
    // As in the grid: cymbals on top, the kick at the bottom.
    let mut top = rect.top() + HEADINGS;
    for voice in Voice::ALL.into_iter().rev() {
        let row = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height));
        top += height;
        let [density, velocity, key] = columns(row.shrink2(vec2(0.0, 1.5)));
        theme::text(
            ui.painter(),
            row.left_center(),
            Align2::LEFT_CENTER,
            &label(voice),
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
        let drum = &params.drums[voice.index()];
        let hint = "How many of the drum's hits are played: fewer leaves out the softest of every bar. For more, ask for a busier groove on the page Play.";
        bar(ui, density, &drum.density, setter, (voice, 0.0), hint);
        let hint = "How loud the drum is played, in the notes and in the kit.";
        bar(ui, velocity, &drum.velocity, setter, (voice, 0.0), hint);
        let choice = params.choices.of(voice);
        let is_learning = learning.0 == Some(voice);
        if self::key(ui, key, choice, of_map[voice.index()], voice, is_learning) {
            learning.toggle(voice, shared);
        }
    }
}

/// A bar for `param` from a share of the width to its value, with the value in it.
pub(super) fn bar(
    ui: &Ui,
    rect: Rect,
    param: &FloatParam,
    setter: &ParamSetter,
    (voice, from): (Voice, f32),
    hint: &str,
) {
    let id = ui.id().with(("bar", param.name()));
    let response = ui
        .interact(rect, id, Sense::click_and_drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let travel = Travel::Horizontal(rect.width());
    let value = gesture::edit(ui, &response, param, setter, travel);
    let lit = response.hovered() || response.dragged();
    let painter = ui.painter();
    let corners = CornerRadius::same(3);
    painter.rect_filled(rect, corners, theme::WELL);
    let strength = if lit { 0.6 } else { 0.42 };
    let colour = theme::mix(theme::WELL, theme::voice_colour(voice), strength);
    painter.rect_filled(
        rect.with_min_x(rect.left() + rect.width() * value.min(from))
            .with_max_x(rect.left() + rect.width() * value.max(from)),
        corners,
        colour,
    );
    if from > 0.0 {
        let middle = rect.left() + rect.width() * from;
        painter.vline(middle, rect.y_range(), Stroke::new(1.0, theme::OUTLINE));
    }
    painter.rect_stroke(
        rect,
        corners,
        Stroke::new(1.0, theme::CONTROL_EDGE),
        StrokeKind::Inside,
    );
    if lit {
        theme::text(
            painter,
            rect.center(),
            Align2::CENTER_CENTER,
            &param.normalized_value_to_string(value, true),
            theme::semibold(11.5),
            theme::TEXT,
        );
    }
    response.on_hover_text(hint);
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
    let id = ui.id().with(("key", voice.index()));
    let response = ui
        .interact(rect, id, Sense::click_and_drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeVertical);
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
    let painter = ui.painter();
    let edge = if is_learning {
        theme::ACCENT
    } else {
        theme::CONTROL_EDGE
    };
    theme::well(painter, rect, edge);
    let colour = match (response.hovered(), choice.key()) {
        (true, _) => theme::ACCENT_HOVERED,
        (false, Some(_)) => theme::ACCENT,
        (false, None) => theme::TEXT,
    };
    let text = if is_learning {
        "play it".to_owned()
    } else {
        choice.key_or(of_map).to_string()
    };
    theme::text(
        painter,
        rect.center(),
        Align2::CENTER_CENTER,
        &text,
        theme::semibold(11.5),
        colour,
    );
    // The first click of a double click begins to wait for a key, and the second ends it.
    let is_clicked = response.clicked();
    response.on_hover_text(
        "The MIDI key that the drum is sent on. Click, then play a key or hit a pad; or drag up or down. Double click: that of \
         the drum map.",
    );
    is_clicked
}
