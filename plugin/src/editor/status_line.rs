//! The bottom line, of two rows: what the control does that the user is at, or what the last export or the worker has to say.

use super::help;
use super::theme;
use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, CursorIcon, Id, Rect, Response, Sense, Stroke, Ui, Vec2, pos2};
use std::time::{Duration, Instant};

/// How long news is said before what the user is at may say something else.
const NEWS: Duration = Duration::from_secs(8);

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// How to use what is there.
    Hint(&'static str),
    /// Something that was asked for is done.
    Done(String),
    /// Something that the user should do something about.
    Problem(String),
}

/// What was said last. Used by the window's thread only.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    news: Option<(Message, Instant)>,
}

impl StatusLine {
    /// Draws in `rect` what there is to say: `news` while it is new, what the user is at, `news` again, or `rest`.
    pub(super) fn show(&mut self, ui: &Ui, rect: Rect, news: Option<&Message>, rest: &Message) {
        if self.news.as_ref().map(|(said, _)| said) != news {
            self.news = news.map(|news| (news.clone(), Instant::now()));
        }
        let is_new = (self.news.as_ref()).is_some_and(|(_, since)| since.elapsed() < NEWS);
        let help = help::take(ui.ctx()).filter(|_| !is_new);
        let (text, colour): (&str, Color32) = match (&help, news.unwrap_or(rest)) {
            (Some(help), _) => (help, theme::TEXT_SOFT.into()),
            (None, Message::Hint(text)) => (text, theme::TEXT_FAINT.into()),
            (None, Message::Done(text)) => (text, theme::GOOD.into()),
            (None, Message::Problem(text)) => (text, theme::BAD.into()),
        };
        let mut job =
            LayoutJob::simple(text.to_owned(), theme::medium(11.5), colour, f32::INFINITY);
        job.wrap = TextWrapping {
            max_width: rect.width(),
            max_rows: 2,
            ..TextWrapping::default()
        };
        let galley = ui.painter().layout_job(job);
        let is_whole = !galley.elided;
        let place = Align2::LEFT_CENTER.anchor_size(rect.left_center(), galley.size());
        ui.painter().galley(place.min, galley, colour);
        if !is_whole {
            ui.interact(rect, Id::new("status line"), Sense::hover())
                .on_hover_text(text);
        }
    }
}
/// Draws the grip of the window's corner and returns its drag as a wish for a new size.
pub(super) fn grip(ui: &Ui, window: Rect) -> (Response, Option<Vec2>) {
    let corner = Rect::from_min_max(window.max - Vec2::splat(20.0), window.max);
    let response = ui
        .interact(corner, Id::new("window corner"), Sense::drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeNwSe);
    let colour = if response.hovered() || response.dragged() {
        theme::TEXT
    } else {
        theme::CONTROL_EDGE
    };
    for inset in [5.0, 9.0, 13.0] {
        let from = pos2(window.right() - inset, window.bottom() - 4.0);
        let to = pos2(window.right() - 4.0, window.bottom() - inset);
        ui.painter()
            .line_segment([from, to], Stroke::new(1.5, colour));
    }
    // Where the grip was taken hold of stays under the pointer.
    let held_at = response.id.with("held at");
    let Some(pointer) = response.interact_pointer_pos() else {
        return (response, None);
    };
    if response.drag_started() {
        ui.data_mut(|data| data.insert_temp(held_at, window.max - pointer));
    }
    let held = ui.data(|data| data.get_temp(held_at)).unwrap_or(Vec2::ZERO);
    let wish = response.dragged().then(|| pointer + held - window.min);
    (response, wish)
}
