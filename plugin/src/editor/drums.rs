//! The Drums page: how many of its hits each drum plays and how loud, or where its notes go.

mod sending;

use super::choice::options;
use super::gesture::{self, Travel};
use super::help::Help as _;
use super::theme;
use crate::params::{FourbarParams, LaneParams, label};
use crate::shared::Shared;
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use fourbar_model::drums::Voice;
use nice_plug::prelude::{FloatParam, Param, ParamSetter};
use sending::Learning;

/// Height of what is for all drums, and of what is left free under it.
const TOP: f32 = 20.0;
const UNDER_TOP: f32 = 3.0;
/// Width of the two sides' names.
const SIDES: f32 = 100.0;
/// Height of the column headings.
const HEADINGS: f32 = 14.0;
/// Room for the names.
const NAMES: f32 = 86.0;

/// What the page remembers. Used by the window's thread only.
#[derive(Debug, Default)]
pub(super) struct DrumsPage {
    side: Side,
    learning: Learning,
}

/// What is shown of each drum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Side {
    /// What it plays.
    #[default]
    Playing,
    /// Where its notes go.
    Sending,
}

impl DrumsPage {
    /// Waits for no key any longer.
    pub(super) fn end_learning(&mut self, shared: &Shared) {
        self.learning.end(shared);
    }

    /// Draws the page in `rect`.
    pub(super) fn show(
        &mut self,
        ui: &Ui,
        rect: Rect,
        params: &FourbarParams,
        setter: &ParamSetter,
        shared: &Shared,
    ) {
        self.learning.follow(&params.lanes, shared);
        let (top, drums) = rect.split_top_bottom_at_y(rect.top() + TOP + UNDER_TOP);
        let top = top.with_max_y(top.bottom() - UNDER_TOP);
        let sides = [Side::Playing, Side::Sending];
        let chosen = sides.iter().position(|side| *side == self.side);
        let hint = "What each drum plays, or where its notes go.";
        let place = top.with_max_x(top.left() + SIDES);
        if let Some(picked) = options(ui, place, "side", &["Playing", "MIDI"], chosen, hint) {
            self.side = sides[picked];
            self.end_learning(shared);
        }
        match self.side {
            Side::Playing => {
                rows(ui, drums, ["Hits", "Velocity"], |voice, columns| {
                    let drum = &params.lanes.drums[voice.index()];
                    playing(ui, columns, drum, voice, setter);
                });
            }
            Side::Sending => {
                let length = top.with_min_x(place.right() + theme::UNIT);
                sending::length(ui, length, &params.lanes.note_length, setter);
                rows(ui, drums, ["Key", "Ch.", "Choke"], |voice, columns| {
                    let learning = &mut self.learning;
                    sending::show(ui, columns, params, voice, setter, learning, shared);
                });
            }
        }
    }
}

/// Names every drum, and lets `draw` fill its columns, which are as wide as each other, under their headings.
fn rows<const N: usize>(
    ui: &Ui,
    rect: Rect,
    headings: [&str; N],
    mut draw: impl FnMut(Voice, [Rect; N]),
) {
    let columns = |row: Rect| -> [Rect; N] {
        let n_columns = f32::from(u8::try_from(N).unwrap_or(u8::MAX));
        let step = (row.width() - NAMES + theme::UNIT) / n_columns;
        let mut right = row.left() + NAMES - theme::UNIT;
        [(); N].map(|()| {
            let left = right + theme::UNIT;
            right += step;
            row.with_min_x(left).with_max_x(right)
        })
    };
    let top = rect.with_max_y(rect.top() + HEADINGS);
    for (column, heading) in columns(top).into_iter().zip(headings) {
        theme::text(
            ui.painter(),
            column.left_top(),
            Align2::LEFT_TOP,
            heading,
            theme::medium(11.0),
            theme::TEXT_FAINT,
        );
    }
    let height = (rect.height() - HEADINGS) / 9.0;
    let mut top = top.bottom();
    // As in the grid: cymbals on top, the kick at the bottom.
    for voice in Voice::ALL.into_iter().rev() {
        let row = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height));
        top += height;
        theme::text(
            ui.painter(),
            row.left_center(),
            Align2::LEFT_CENTER,
            &label(voice),
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
        draw(voice, columns(row.shrink2(vec2(0.0, 1.5))));
    }
}

/// How many hits a drum plays, and how loud.
fn playing(
    ui: &Ui,
    [density, velocity]: [Rect; 2],
    drum: &LaneParams,
    voice: Voice,
    setter: &ParamSetter,
) {
    let hint = "How many of the drum's hits are played: fewer leaves out the softest of every bar. For more, ask for a busier groove on the page Play.";
    bar(ui, density, &drum.density, setter, (voice, 0.0), hint);
    let hint = "How loud the drum is played, in the notes and in the kit.";
    bar(ui, velocity, &drum.velocity, setter, (voice, 0.0), hint);
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
    let lit = response.hovered() || response.dragged() || response.has_focus();
    let painter = ui.painter();
    let corners = CornerRadius::same(3);
    painter.rect_filled(rect, corners, theme::WELL);
    let strength = if lit {
        theme::BAR_UNDER_POINTER
    } else {
        theme::BAR
    };
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
    response.help(hint);
}
