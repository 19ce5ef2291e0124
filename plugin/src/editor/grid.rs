//! The pattern: nine lanes by its steps, 64 for four bars. A hit is a bar that begins where it is played, so its distance
//! from the grid line is its timing, and whose height and brightness are its velocity, both with the current amounts.

mod bars;
mod cursor;
mod frame;
mod hits;
mod names;
mod pencil;

pub(super) use bars::BarAction;

use cursor::Cursor;
use frame::Frame;

use super::help::Help as _;
use super::theme;
use crate::params::LanesParams;
use crate::request::{CellChange, Locks, Metre, Ready};
use egui::{Align2, CornerRadius, Id, Painter, Rect, Sense, Stroke, Ui, vec2};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Groove, STEPS_PER_BAR, nearest_step};
use fourbar_model::pattern::Feel;
use nice_plug::prelude::ParamSetter;

/// Room for the names of the drums, and what can be done to each.
const NAMES: f32 = 186.0;
/// Room for the bar numbers.
const RULER: f32 = 24.0;
/// Room before the first step, in steps: an early hit of step 0 is drawn there, although it sounds at the loop's end.
const STEPS_BEFORE: f64 = 0.75;
/// Room after the last step, in steps, for its late hits.
const STEPS_AFTER: f64 = 0.5;
/// Beats shown when there is no pattern yet.
const EMPTY_BEATS: f64 = 16.0;

/// How to edit.
const POINTER: &str = "Click: add a hit or take it out.  Drag: velocity.  Alt or Ctrl and drag: timing.  Right button: erase.  Bar \
                       numbers: copy, shift, clear.";
const KEYS: &str = "Arrows: another cell.  Enter: add a hit or take it out.  + and \u{2212}: velocity.  Ctrl Left, Ctrl Right: timing.";

/// What the grid shows this frame.
pub(super) struct Picture<'a> {
    /// What the pattern is called.
    pub(super) title: String,
    /// The pattern that sounds, if there is one.
    pub(super) ready: Option<&'a Ready>,
    /// How it is played now.
    pub(super) feel: Feel,
    /// Position in the loop; negative when nothing plays.
    pub(super) playhead_beats: f64,
    /// Tempo, for timings in milliseconds.
    pub(super) tempo_bpm: f64,
    /// What is locked of the groove.
    pub(super) locks: Option<&'a Locks>,
    /// Said in the middle when there is no pattern.
    pub(super) notice: &'a str,
}

/// What was clicked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Touched {
    /// The name of a drum.
    Name(Voice),
    /// The padlock of a part.
    Lock(Part),
    /// A cell, which is to be changed.
    Cell(CellChange),
    /// The menu of a bar, from 0.
    Bar(usize, BarAction),
}

/// A part of the groove that has a padlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A drum.
    Drum(Voice),
    /// A bar, from 0.
    Bar(usize),
}

impl Part {
    /// Whether a cell belongs to it.
    pub(super) fn has(self, step: usize, voice: Voice) -> bool {
        match self {
            Self::Drum(drum) => voice == drum,
            Self::Bar(bar) => step / STEPS_PER_BAR == bar,
        }
    }
}

/// Draws `picture` in `rect`, with the drums' `lanes`. Returns what was clicked.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    picture: &Picture,
    lanes: &LanesParams,
    setter: &ParamSetter,
) -> Option<Touched> {
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect(
        rect,
        theme::PANEL_CORNERS,
        theme::PANEL,
        Stroke::new(1.0, theme::OUTLINE),
        egui::StrokeKind::Inside,
    );
    let pass_beats = picture.ready.map_or(EMPTY_BEATS, Ready::pass_beats);
    let pass = (picture.playhead_beats.max(0.0) / pass_beats).floor();
    let metre = picture
        .ready
        .map_or(Metre::default(), |ready| ready.request.metre);
    let inside = rect.shrink2(vec2(1.0, 1.0));
    let used = used_lanes(ui, rect, picture.ready);
    let mut frame = Frame::new(inside, pass_beats, metre, used);
    frame.pass_start_beats = pass * pass_beats;
    frame.paint_lanes(&painter);
    frame.paint_locked(&painter, picture.locks);
    let mut touched = frame.ruler(ui, &painter);
    let mut glows = [0.0; N_VOICES];
    match picture.ready {
        Some(ready) => {
            let lanes = ui.interact(frame.lanes, hits_id(ui), Sense::click_and_drag());
            let is_used = lanes.contains_pointer() || lanes.dragged() || lanes.has_focus();
            let groove = is_used.then(|| frame.groove(ready));
            let drawn =
                (groove.as_ref()).and_then(|groove| pencil::edit(ui, &lanes, &frame, groove));
            let at_keys =
                (groove.as_ref()).and_then(|groove| cursor::edit(ui, &lanes, &frame, groove));
            let typed = at_keys.and_then(|(_, change)| change);
            touched = touched.or(drawn.or(typed).map(Touched::Cell));
            let (played, pointed_at) =
                frame.paint_hits(ui, &ready.pattern, picture, lanes.hover_pos());
            glows = played;
            let of_hit = |hit| frame.describe(&ready.pattern, hit, picture);
            let help = match at_keys {
                Some((cursor, _)) => {
                    cursor.paint(&painter, &frame);
                    let Cursor { step, voice } = cursor;
                    let hit = frame.hit_on(&ready.pattern, step, voice);
                    let place = || frame.place(step, voice);
                    format!("{}\n{KEYS}", hit.map_or_else(place, of_hit))
                }
                None => match pointed_at {
                    Some(hit) => format!("{}\n{POINTER}", of_hit(hit)),
                    None => POINTER.to_owned(),
                },
            };
            lanes.help(help);
            frame.paint_groove_name(&painter, &with_pass(&picture.title, ready, pass));
        }
        None => frame.paint_notice(&painter, picture.notice),
    }
    let named = names::show(ui, &painter, &frame, lanes, setter, picture.locks, &glows);
    let locked = frame.lock_bars(ui, &painter, picture.locks);
    frame.paint_playhead(&painter, picture.playhead_beats - frame.pass_start_beats);
    touched.or(named).or(locked)
}

fn hits_id(ui: &Ui) -> Id {
    ui.id().with("hits")
}

/// The drums that have hits. While the user is at the grid, no lane changes its height under the pointer.
fn used_lanes(ui: &Ui, rect: Rect, ready: Option<&Ready>) -> [bool; N_VOICES] {
    let id = ui.id().with("used lanes");
    let is_at = ui.rect_contains_pointer(rect) || ui.memory(|memory| memory.has_focus(hits_id(ui)));
    let before = ui.data(|data| data.get_temp(id)).filter(|_| is_at);
    let used = before.unwrap_or_else(|| {
        let hits = ready.map_or(&[][..], |ready| ready.pattern.hits());
        Voice::ALL.map(|voice| hits.iter().any(|hit| hit.voice == voice))
    });
    if ready.is_some() {
        ui.data_mut(|data| data.insert_temp(id, used));
    }
    used
}

/// The name of the groove, and which pass of it is shown where they differ.
fn with_pass(title: &str, ready: &Ready, pass: f64) -> String {
    match ready.n_passes {
        1 => title.to_owned(),
        n_passes => format!("{title}  {}/{n_passes}", pass + 1.0),
    }
}

impl Frame {
    /// The groove of the pass that is shown, in the model's bars.
    fn groove(&self, ready: &Ready) -> Groove {
        if !self.metre.is_plain() {
            return ready.plain_groove();
        }
        let whole = Groove::from_pattern(&ready.pattern);
        let [first, n_steps] = [self.pass_start_beats, self.loop_beats].map(nearest_step);
        whole.window(first, n_steps).unwrap_or(whole)
    }

    /// Tints what is locked.
    fn paint_locked(&self, painter: &Painter, locks: Option<&Locks>) {
        let Some(locks) = locks else { return };
        let tint = theme::ACCENT.faded(0.1);
        for step in 0..nearest_step(self.loop_beats) {
            let left = self.x_of_step(step);
            let Some(step) = self.source(step) else {
                continue;
            };
            for voice in Voice::ALL
                .into_iter()
                .filter(|&voice| locks.is_locked(step, voice))
            {
                let cell = Rect::from_x_y_ranges(
                    left..=left + self.step_width(),
                    self.lane(voice).y_range(),
                );
                painter.rect_filled(cell, CornerRadius::ZERO, tint);
            }
        }
    }

    /// In the corner between ruler and drums.
    fn paint_groove_name(&self, painter: &Painter, name: &str) {
        let at = self.whole.left_top() + vec2(14.0, RULER / 2.0 + 1.0);
        theme::text(
            painter,
            at,
            Align2::LEFT_CENTER,
            name,
            theme::semibold(11.5),
            theme::TEXT,
        );
    }
}
