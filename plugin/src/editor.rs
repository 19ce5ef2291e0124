//! The window: the pattern on top, what shapes it below.
//!
//! The editor sees no model and no audio. It reads the parameters, the playhead, the meter and the worker's snapshot,
//! and changes parameters through the host, so that hosts record every move. Nothing here waits: the snapshot's lock
//! is held for a copy, and files are written on another thread.

mod ability;
mod background;
mod button;
mod choice;
mod drag_handle;
mod drums;
mod explore;
mod export;
mod export_menu;
mod fader;
mod feel;
mod fills;
mod generate;
mod gesture;
mod grid;
mod handover;
mod header;
mod history;
mod icon;
mod knob;
mod level;
mod menu;
mod model_menu;
mod notice;
mod number;
mod outbox;
mod output;
mod pad;
mod pages;
mod play;
mod seed;
mod status_line;
mod stepper;
mod theme;
mod window;

use crate::inference::models;
use crate::inference::poller;
use crate::params::FourbarParams;
use crate::request::Ready;
use crate::shared::{Shared, Snapshot, Status};
use background::Background;
use egui::{Rect, Ui, UiBuilder, Vec2, pos2, vec2};
use history::{History, Recipe};
use level::Meter;
use model_menu::{ModelMenu, Picked};
use nice_plug::prelude::{Editor, ParamSetter};
use outbox::Outbox;
use pages::Page;
use seed::Typed;
use status_line::Message;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Height of the header.
const HEADER: f32 = 48.0;
/// Height of the sections under the grid.
const SECTIONS: f32 = 240.0;
/// Height of the bottom line.
const STATUS_LINE: f32 = 32.0;
/// Distance from the window's edge.
const MARGIN: f32 = 2.0 * theme::UNIT;
/// Distance between sections.
const GAP: f32 = 1.5 * theme::UNIT;

/// Makes the editor; its window opens when the host asks.
#[must_use]
pub fn create(params: Arc<FourbarParams>, shared: Arc<Shared>) -> Option<Box<dyn Editor>> {
    let state = params.editor_state.clone();
    Some(Box::new(window::EditorWindow::new(
        View::new(params, shared),
        state,
    )))
}

/// What the window shows and remembers, also while it is closed. Used by the window's thread only.
struct View {
    params: Arc<FourbarParams>,
    shared: Arc<Shared>,
    history: History,
    typed_seed: Typed,
    meter: Meter,
    models: ModelMenu,
    page: Page,
    outbox: Outbox,
    /// The models folder on its way to the user.
    folder: Option<Background<PathBuf>>,
    /// How the last hand-over went, until something else is said.
    done: Option<Message>,
}

/// What the user does to the corner of the window.
struct Corner {
    is_dragged: bool,
    wanted_size: Option<Vec2>,
}

impl View {
    fn new(params: Arc<FourbarParams>, shared: Arc<Shared>) -> Self {
        Self {
            params,
            shared,
            history: History::default(),
            typed_seed: Typed::default(),
            meter: Meter::default(),
            models: ModelMenu::default(),
            page: Page::default(),
            outbox: Outbox::default(),
            folder: None,
            done: None,
        }
    }

    /// Draws a frame.
    fn show(&mut self, ui: &mut Ui, setter: &ParamSetter) -> Corner {
        leave_keys_to_host(ui);
        if ui.input(|input| !input.events.is_empty()) {
            poller::wake();
        }
        let snapshot = self.shared.snapshot().clone();
        let sounding = self.shared.sounding();
        let (seconds, frame_seconds) = ui.input(|input| (input.time, input.stable_dt));
        self.meter
            .follow(self.shared.level.load(Ordering::Relaxed), frame_seconds);
        self.remember(&snapshot);
        self.hear_of_work(setter);

        let window = ui.max_rect();
        let mut page = ui.new_child(UiBuilder::new().max_rect(window));
        page.painter().rect_filled(window, 0.0, theme::BACKGROUND);
        // A window smaller than the smallest is cut off at the right and the bottom.
        let inside = Rect::from_min_size(window.min, window.size().max(window::MIN_SIZE))
            .shrink2(vec2(MARGIN, 0.0));
        let (top, rest) = inside.split_top_bottom_at_y(inside.top() + HEADER);
        let (rest, bottom) = rest.split_top_bottom_at_y(rest.bottom() - STATUS_LINE);
        let (middle, sections) = rest.split_top_bottom_at_y(rest.bottom() - SECTIONS);

        let picked = header::show(&page, top, &snapshot, seconds, &mut self.models);
        self.take_picked(picked);
        let grid = middle.with_max_y(middle.bottom() - GAP);
        self.show_grid(&page, grid, setter, sounding.as_deref(), &snapshot);
        self.show_sections(&mut page, sections, setter, sounding.as_deref(), &snapshot);
        status_line::show(
            &page,
            bottom.with_max_x(bottom.right() - MARGIN),
            &self.message(&snapshot),
        );
        let (grip, wanted_size) = status_line::grip(&page, window);
        Corner {
            is_dragged: grip.dragged(),
            wanted_size,
        }
    }

    /// Keeps patterns for undo, once the parameters are those of the newest one: others are on their way out.
    fn remember(&mut self, snapshot: &Snapshot) {
        let Some(ready) = &snapshot.ready else { return };
        let made = Recipe::from(&ready.request);
        if made.matches(&Recipe::from(&self.params.request(ready.request.variation))) {
            self.history.record(made, Instant::now());
        }
    }

    fn hear_of_work(&mut self, setter: &ParamSetter) {
        if let Some(news) = self.outbox.news() {
            self.done = Some(news.message);
            if news.is_dropped && self.params.export.mutes.load(Ordering::Relaxed) {
                gesture::set(&self.params.mute, setter, true);
            }
        }
        if let Some(outcome) = self.folder.as_ref().and_then(Background::outcome) {
            self.folder = None;
            self.done = Some(match outcome {
                Ok(path) => Message::Done(format!("Your models are in {}", path.display())),
                Err(problem) => Message::Problem(problem),
            });
        }
    }

    fn take_picked(&mut self, picked: Option<Picked>) {
        match picked {
            None => {}
            Some(Picked::Model(choice)) => {
                self.shared.choose(choice);
                self.done = None;
            }
            Some(Picked::Folder) => {
                self.folder = Some(Background::start("fourbar folder", models::show_folder));
            }
        }
    }

    fn show_grid(
        &self,
        ui: &Ui,
        rect: Rect,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        let picture = grid::Picture {
            ready: sounding,
            feel: self.params.feel(),
            playhead_beats: f64::from(self.shared.playhead_beats.load(Ordering::Relaxed)),
            tempo_bpm: self.shared.tempo_bpm(),
            notice: match &snapshot.status {
                Status::Problem(problem) => problem,
                _ => "Making the first pattern\u{2026}",
            },
        };
        if let Some(voice) = grid::show(ui, rect, &picture, &self.params.lanes, setter) {
            self.shared.strike(voice);
        }
    }

    fn show_sections(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        let [generate, middle, feel, output] = columns(rect);
        let abilities = snapshot.abilities.as_deref();
        let variation = self.shared.variation.load(Ordering::Relaxed);
        generate::show(
            ui,
            generate,
            &self.params,
            setter,
            variation,
            &mut self.history,
            &mut self.typed_seed,
        );
        pages::show(ui, middle, &mut self.page, &self.params, setter, abilities);
        feel::show(ui, feel, &self.params, setter, abilities);
        let sound = output::Sound {
            meter: self.meter,
            is_auditioning: self.shared.audition.load(Ordering::Relaxed),
            host_plays: self.shared.host_plays.load(Ordering::Relaxed),
            can_export: sounding.is_some() && self.outbox.is_free(),
        };
        let shown = output::show(ui, output, &self.params, setter, &sound);
        if shown.audition {
            self.shared
                .audition
                .store(!sound.is_auditioning, Ordering::Relaxed);
        }
        let (params, shared) = (&self.params, &self.shared);
        let outbox = &mut self.outbox;
        let mut begins = outbox.show_handle(ui, shown.handle, sounding, params, shared);
        begins |= outbox.show_menu(&shown.more, sounding, params, shared);
        if let (Some(ready), true) = (sounding, shown.export) {
            outbox.start_export(ready, params, shared);
            begins = true;
        }
        if begins {
            self.done = None;
        }
    }

    fn message(&self, snapshot: &Snapshot) -> Message {
        match (&snapshot.status, &self.done) {
            (Status::Problem(problem), _) => Message::Problem(problem.clone()),
            (_, Some(done)) => done.clone(),
            _ => Message::Hint(
                "Shift: finer.  Double click: back to the default.  Wheel: step by step.",
            ),
        }
    }
}

/// Takes back the keyboard focus that Tab gives to controls: the space bar must not press one. A name may be typed.
fn leave_keys_to_host(ui: &Ui) {
    ui.memory_mut(|memory| {
        if let Some(focused) = memory.focused().filter(|&id| id != seed::text_id()) {
            memory.surrender_focus(focused);
        }
    });
}

/// The four sections side by side, the wider ones taking more of a wide window.
fn columns(rect: Rect) -> [Rect; 4] {
    const NARROWEST: [f32; 4] = [260.0, 256.0, 156.0, 260.0];
    const SHARE: [f32; 4] = [0.3, 0.34, 0.08, 0.28];
    let spare = rect.width() - NARROWEST.iter().sum::<f32>() - 3.0 * GAP;
    let mut left = rect.left();
    std::array::from_fn(|index| {
        let width = NARROWEST[index] + SHARE[index] * spare;
        let column = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        left += width + GAP;
        column
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_fill_the_row_at_every_size() {
        for width in [window::MIN_SIZE.x - 2.0 * MARGIN, 1128.0, 2400.0] {
            let row = Rect::from_min_size(pos2(MARGIN, 0.0), vec2(width, SECTIONS));
            let columns = columns(row);
            assert!((columns[3].right() - row.right()).abs() < 0.01);
            for pair in columns.windows(2) {
                assert!((pair[1].left() - pair[0].right() - GAP).abs() < 0.01);
            }
        }
    }
}
