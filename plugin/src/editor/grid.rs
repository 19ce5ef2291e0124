//! The pattern: nine lanes by its steps, 64 for four bars. A hit is a bar that begins where it is played, so its distance
//! from the grid line is its timing, and whose height and brightness are its velocity, both with the current amounts.

mod bars;
mod frame;
mod hits;
mod names;
mod pencil;

pub(super) use bars::BarAction;

use frame::Frame;

use super::theme;
use crate::params::LanesParams;
use crate::request::{CellChange, Locks, Metre, Ready};
use egui::{Align2, CornerRadius, Painter, Rect, Sense, Stroke, Ui, vec2};
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
    let mut frame = Frame::new(rect.shrink2(vec2(1.0, 1.0)), pass_beats, metre);
    frame.pass_start_beats = pass * pass_beats;
    frame.paint_lanes(&painter);
    frame.paint_locked(&painter, picture.locks);
    let mut touched = frame.ruler(ui, &painter);
    let mut glows = [0.0; N_VOICES];
    match picture.ready {
        Some(ready) => {
            let lanes = ui.interact(frame.lanes, ui.id().with("hits"), Sense::click_and_drag());
            let is_used = lanes.contains_pointer() || lanes.dragged();
            let change = is_used.then(|| pencil::edit(ui, &lanes, &frame, &frame.groove(ready)));
            touched = touched.or(change.flatten().map(Touched::Cell));
            glows = frame.paint_hits(ui, &ready.pattern, picture, lanes.hover_pos());
            frame.paint_groove_name(&painter, &with_pass(&picture.title, ready, pass));
        }
        None => frame.paint_notice(&painter, picture.notice),
    }
    let named = names::show(ui, &painter, &frame, lanes, setter, picture.locks, &glows);
    let locked = frame.lock_bars(ui, &painter, picture.locks);
    frame.paint_playhead(&painter, picture.playhead_beats - frame.pass_start_beats);
    touched.or(named).or(locked)
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
        let tint = theme::ACCENT.gamma_multiply(0.1);
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
