//! The names of the drums beside their lanes: a click plays the drum, a padlock keeps it, two letters silence it and all
//! others.

use super::bars::padlock;
use super::{Frame, Part, Touched};
use crate::editor::help::Help as _;
use crate::editor::theme::Shade;
use crate::editor::{gesture, theme};
use crate::params::{LaneParams, LanesParams, label};
use crate::request::Locks;
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Painter, Rect, Response, Sense, Ui, pos2, vec2,
};
use fourbar_model::drums::{N_VOICES, Voice};
use nice_plug::prelude::ParamSetter;
use std::sync::atomic::Ordering;

/// Side of a letter's square.
const LETTER: f32 = 18.0;

/// Draws the names. `glows`: how recently each drum was played, 0 to 1. Returns what was clicked.
pub(super) fn show(
    ui: &Ui,
    painter: &Painter,
    frame: &Frame,
    lanes: &LanesParams,
    setter: &ParamSetter,
    locks: Option<&Locks>,
    glows: &[f32; N_VOICES],
) -> Option<Touched> {
    let mut touched = None;
    let heard = lanes.lanes();
    for voice in Voice::ALL {
        let lane = frame.lane(voice);
        let row = Rect::from_x_y_ranges(frame.whole.left()..=lane.left(), lane.y_range());
        let (label, letters) = row.split_left_right_at_x(row.right() - 3.0 * LETTER - 16.0);
        let glow = glows[voice.index()];
        if name_of(ui, painter, label, voice, heard.of(voice).is_heard, glow).clicked() {
            touched = Some(Touched::Name(voice));
        }
        let [mute, solo] = [1.0, 2.0].map(|left| {
            let corner = pos2(
                letters.left() + left * (LETTER + 4.0),
                letters.center().y - LETTER / 2.0,
            );
            Rect::from_min_size(corner, vec2(LETTER, LETTER))
        });
        let at = pos2(letters.left() + LETTER / 2.0, letters.center().y);
        let hint = "Keep this drum: another groove is drawn around it.";
        if padlock(ui, painter, at, Part::Drum(voice), locks, hint) {
            touched = Some(Touched::Lock(Part::Drum(voice)));
        }
        self::mute(
            ui,
            painter,
            mute,
            &lanes.drums[voice.index()],
            setter,
            voice,
        );
        let choice = &lanes.choices.of(voice).solo;
        let is_on = choice.load(Ordering::Relaxed);
        let hint = "Solo: only the drums with a lit S are heard.";
        if letter(
            ui,
            painter,
            solo,
            "S",
            is_on.then_some(theme::GOOD),
            voice,
            hint,
        )
        .clicked()
        {
            choice.store(!is_on, Ordering::Relaxed);
        }
    }
    touched
}

fn mute(
    ui: &Ui,
    painter: &Painter,
    rect: Rect,
    params: &LaneParams,
    setter: &ParamSetter,
    voice: Voice,
) {
    let is_on = params.mute.value();
    let hint = "Mute: the drum is silent.";
    if letter(
        ui,
        painter,
        rect,
        "M",
        is_on.then_some(theme::BAD),
        voice,
        hint,
    )
    .clicked()
    {
        gesture::set(&params.mute, setter, !is_on);
    }
}

/// The drum's chip and name.
fn name_of(
    ui: &Ui,
    painter: &Painter,
    rect: Rect,
    voice: Voice,
    is_heard: bool,
    glow: f32,
) -> Response {
    let response = ui
        .interact(rect, ui.id().with(("drum", voice.index())), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let lit = if response.is_pointer_button_down_on() {
        1.0
    } else {
        glow
    };
    let y = rect.center().y;
    let chip = Rect::from_center_size(
        pos2(rect.left() + 16.0, y),
        vec2(4.0, (rect.height() - 10.0).max(6.0)),
    );
    let colour = theme::voice_colour(voice);
    painter.rect_filled(
        chip,
        CornerRadius::same(2),
        theme::mix(colour, theme::FLARE, lit * 0.6),
    );
    let at_rest: Color32 = match (response.hovered(), is_heard) {
        (true, _) => theme::TEXT.into(),
        (false, true) => theme::TEXT_SOFT.into(),
        (false, false) => theme::TEXT_FAINT.into(),
    };
    theme::text(
        painter,
        pos2(rect.left() + 26.0, y),
        Align2::LEFT_CENTER,
        &label(voice),
        theme::medium(12.0),
        theme::mix(at_rest, theme::FLARE, lit),
    );
    response.help("Click: hear the drum.")
}

/// A letter to be switched on, in `lit` while it is.
fn letter(
    ui: &Ui,
    painter: &Painter,
    rect: Rect,
    text: &str,
    lit: Option<Shade>,
    voice: Voice,
    hint: &str,
) -> Response {
    let id = ui.id().with(("letter", text, voice.index()));
    let response = ui
        .interact(rect, id, Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let (fill, ink) = match (lit, response.hovered()) {
        (Some(lit), _) => (lit, theme::BACKGROUND),
        (None, true) => (theme::CONTROL_HOVERED, theme::TEXT),
        (None, false) => (theme::CONTROL, theme::TEXT_FAINT),
    };
    painter.rect_filled(rect, CornerRadius::same(4), fill);
    theme::text(
        painter,
        rect.center(),
        Align2::CENTER_CENTER,
        text,
        theme::semibold(10.5),
        ink,
    );
    response.help(hint)
}
