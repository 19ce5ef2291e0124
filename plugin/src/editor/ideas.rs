//! The Ideas page: eight other grooves at once, drawn with the settings of now, to be heard by a click and kept.

use super::background::Background;
use super::button::{Emphasis, button};
use super::generate::beside_play;
use super::help::Help as _;
use super::icon::Icon;
use super::theme;
use crate::inference::checkpoints;
use crate::inference::models::Choice;
use crate::request::{Input, Locks, Ready, Request};
use egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use fourbar_model::drums::N_VOICES;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How many there are, side by side and in all.
const COLUMNS: usize = 4;
const N_IDEAS: usize = 8;

/// The ideas so far. Used by the window's thread only.
#[derive(Default)]
pub(super) struct Ideas {
    drawn: Vec<Ready>,
    drawing: Option<Background<Vec<Ready>>>,
}

/// What an idea is drawn from.
pub(super) struct Idea {
    pub(super) choice: Choice,
    /// With the seeds of the ideas in place of its own.
    pub(super) request: Request,
    pub(super) input: Option<Arc<Input>>,
    pub(super) locks: Option<Arc<Locks>>,
}

/// What was asked for.
pub(super) enum Wish {
    /// Draw others, with these seeds.
    Draw,
    /// Play this one.
    Play(Request),
    /// Keep this one in a slot.
    Keep(Box<Ready>),
    /// Nothing could be drawn.
    Problem(String),
}

impl Ideas {
    /// Starts drawing ideas with these seeds.
    pub(super) fn draw(&mut self, source: Idea, seeds: impl Iterator<Item = u32>) {
        let requests: Vec<Request> = seeds
            .take(N_IDEAS)
            .map(|seed| with_seed(source.request, seed))
            .collect();
        self.drawing = Some(Background::start_stoppable("fourbar ideas", move |stop| {
            let mut engine = checkpoints::engine(&source.choice)?;
            let (input, locks) = (source.input.as_deref(), source.locks.as_deref());
            requests
                .iter()
                .take_while(|_| !stop.load(Ordering::Relaxed))
                .map(|request| engine.make(request, input, locks))
                .collect()
        }));
    }

    /// Draws the page in `rect`; `playing` is the request of the pattern that sounds, and `show_play` draws the button that
    /// plays it.
    pub(super) fn show(
        &mut self,
        ui: &Ui,
        rect: Rect,
        playing: Option<&Request>,
        show_play: impl FnOnce(Rect),
    ) -> Option<Wish> {
        let mut wish = None;
        if let Some(outcome) = self.drawing.as_ref().and_then(Background::outcome) {
            self.drawing = None;
            match outcome {
                Ok(drawn) => self.drawn = drawn,
                Err(problem) => wish = Some(Wish::Problem(problem)),
            }
        }
        let (top, rest) = rect.split_top_bottom_at_y(rect.top() + 32.0);
        let (top, play) = beside_play(top);
        show_play(play);
        let emphasis = if self.drawing.is_some() {
            Emphasis::Disabled
        } else {
            Emphasis::Normal
        };
        let hint = "Eight other grooves with the settings of now: click one to hear it, its corner to keep it in a slot.";
        if button(ui, top, Icon::Die, "Eight ideas", emphasis, hint).clicked() {
            wish = Some(Wish::Draw);
        }
        let rest = rest.with_min_y(rest.top() + theme::UNIT);
        for (index, ready) in self.drawn.iter().enumerate() {
            let place = cell(rest, index);
            let is_playing = playing.is_some_and(|playing| playing.matches(&ready.request));
            match idea(ui, place, index, ready, is_playing) {
                Some(Clicked::Idea) => wish = Some(Wish::Play(ready.request)),
                Some(Clicked::Corner) => wish = Some(Wish::Keep(Box::new(ready.clone()))),
                None => {}
            }
        }
        if self.drawn.is_empty() {
            theme::text(
                ui.painter(),
                rest.center(),
                Align2::CENTER_CENTER,
                "None yet.",
                theme::medium(12.0),
                theme::TEXT_FAINT,
            );
        }
        wish
    }
}

/// The same request for the groove of another seed.
fn with_seed(mut request: Request, seed: u32) -> Request {
    request.seed = seed;
    request.variation = 0;
    request
}

/// What of an idea was clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clicked {
    Idea,
    Corner,
}

/// The place of an idea.
fn cell(whole: Rect, index: usize) -> Rect {
    let count = |n: usize| f32::from(u8::try_from(n).unwrap_or(u8::MAX));
    let gap = 6.0;
    let width = (whole.width() + gap) / count(COLUMNS) - gap;
    let height = (whole.height() + gap) / count(N_IDEAS / COLUMNS) - gap;
    let (row, column) = (index / COLUMNS, index % COLUMNS);
    let corner = whole.min + vec2((width + gap) * count(column), (height + gap) * count(row));
    Rect::from_min_size(corner, vec2(width, height))
}

/// One idea as a small grid.
fn idea(ui: &Ui, rect: Rect, index: usize, ready: &Ready, is_playing: bool) -> Option<Clicked> {
    let response = ui
        .interact(rect, ui.id().with(("idea", index)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let corner = Rect::from_min_max(
        pos2(rect.right() - 18.0, rect.top()),
        pos2(rect.right(), rect.top() + 18.0),
    );
    let keep = ui
        .interact(corner, ui.id().with(("keep idea", index)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let edge = match (is_playing, response.hovered()) {
        (true, _) => theme::ACCENT,
        (false, true) => theme::TEXT_FAINT,
        (false, false) => theme::CONTROL_EDGE,
    };
    let painter = ui.painter();
    theme::well(painter, rect, edge);
    let inside = rect.shrink2(vec2(5.0, 8.0)).with_min_y(rect.top() + 16.0);
    let lane = inside.height() / f32::from(u8::try_from(N_VOICES).unwrap_or(1));
    let length = ready.pass_beats();
    for hit in ready
        .pattern
        .hits()
        .iter()
        .filter(|hit| hit.grid_beats < length)
    {
        let x = inside.left() + inside.width() * share(hit.grid_beats / length);
        let row = f32::from(u8::try_from(N_VOICES - 1 - hit.voice.index()).unwrap_or(0));
        let mark = Rect::from_min_size(pos2(x, inside.top() + lane * row), vec2(1.5, lane - 1.0));
        let colour = theme::mix(
            theme::WELL,
            theme::voice_colour(hit.voice),
            0.4 + 0.6 * hit.velocity,
        );
        painter.rect_filled(mark, CornerRadius::ZERO, colour);
    }
    let colour = if keep.hovered() {
        theme::ACCENT
    } else {
        theme::TEXT_FAINT
    };
    Icon::Plus.paint(painter, corner.center(), 8.0, colour);
    if is_playing {
        painter.rect_stroke(
            rect,
            theme::CONTROL_CORNERS,
            Stroke::new(1.5, theme::ACCENT),
            StrokeKind::Inside,
        );
    }
    let is_kept = keep.clicked();
    let is_clicked = response.clicked() && !is_kept;
    keep.help("Keep it in the first empty slot.");
    response.help(ready.request.name().to_string());
    if is_kept {
        Some(Clicked::Corner)
    } else {
        is_clicked.then_some(Clicked::Idea)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place on the screen")]
fn share(share: f64) -> f32 {
    share as f32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::N_LATENT;
    use std::time::{Duration, Instant};

    #[test]
    fn ideas_have_the_settings_of_now_and_seeds_of_their_own() {
        let mut ideas = Ideas::default();
        let mut request = Request::new(14, 3, 0.5, [0.0; N_LATENT]);
        request.play.swing = 0.5;
        let source = Idea {
            choice: Choice::default(),
            request,
            input: None,
            locks: None,
        };
        ideas.draw(source, 100..200);
        let start = Instant::now();
        let drawn = loop {
            if let Some(outcome) = ideas.drawing.as_ref().and_then(Background::outcome) {
                break outcome.unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        };
        let expected: Vec<Request> = (100..108).map(|seed| with_seed(request, seed)).collect();
        let requests: Vec<Request> = drawn.iter().map(|ready| ready.request).collect();
        assert_eq!(requests, expected);
    }

    #[test]
    fn every_idea_has_a_place_of_its_own() {
        let whole = Rect::from_min_size(pos2(10.0, 20.0), vec2(228.0, 150.0));
        let places: Vec<Rect> = (0..N_IDEAS).map(|index| cell(whole, index)).collect();
        for (index, place) in places.iter().enumerate() {
            assert!(whole.expand(0.01).contains_rect(*place));
            assert!(
                places[..index]
                    .iter()
                    .all(|other| !other.intersects(*place))
            );
        }
    }
}
