//! The line above the grid: the number of every bar, which opens a menu, and its padlock.

use super::frame::Frame;
use super::{Part, RULER, Touched};
use crate::editor::help::Help as _;
use crate::editor::icon::Icon;
use crate::editor::{menu, theme};
use crate::request::{BarChange, Locks};
use egui::{Align2, CursorIcon, Painter, Popup, Pos2, Rect, RectAlign, Sense, Ui, pos2, vec2};
use fourbar_model::groove::nearest_step;

/// What can be done to a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::editor) enum BarAction {
    /// Remember it.
    Copy,
    /// Put what was remembered in its place.
    Paste,
    /// Change it.
    Change(BarChange),
}

impl BarAction {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Copy, "Copy"),
        (Self::Paste, "Paste"),
        (Self::Change(BarChange::ShiftLeft), "Shift a 16th left"),
        (Self::Change(BarChange::ShiftRight), "Shift a 16th right"),
        (
            Self::Change(BarChange::Repeat),
            "Double: repeat in the next bar",
        ),
        (Self::Change(BarChange::Clear), "Clear"),
    ];
}

impl Frame {
    /// The ruler; returns what was chosen of a bar's menu.
    pub(super) fn ruler(&self, ui: &Ui, painter: &Painter) -> Option<Touched> {
        let mut chosen = None;
        let y = self.whole.top() + RULER / 2.0 + 1.0;
        for (bar, beat, step) in self.beats() {
            let at = pos2(self.x_of_step(step) + 4.0, y);
            if beat == 0 {
                let of_model = bar / self.metre.bars_of_one();
                chosen = bar_menu(ui, painter, at, bar, of_model).or(chosen);
            } else if self.points_a_beat > 40.0 {
                theme::text(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &format!("{}.{}", bar + 1, beat + 1),
                    theme::medium(10.5),
                    theme::TEXT_FAINT,
                );
            }
        }
        chosen
    }

    /// The padlock of every bar, at its end in the ruler; returns the one that was clicked.
    pub(super) fn lock_bars(
        &self,
        ui: &Ui,
        painter: &Painter,
        locks: Option<&Locks>,
    ) -> Option<Touched> {
        let mut clicked = None;
        let unit_steps = self.metre.unit_steps();
        let n_bars = nearest_step(self.loop_beats) / unit_steps;
        for bar in 0..n_bars {
            let end = self.x_of_step(unit_steps * (bar + 1));
            let at = pos2(end - 11.0, self.whole.top() + RULER / 2.0 + 1.0);
            let part = Part::Bar(bar);
            let hint = "Keep this bar: another groove is drawn around it.";
            if padlock(ui, painter, at, part, locks, hint) {
                clicked = Some(Touched::Lock(part));
            }
        }
        clicked
    }
}

/// The number of a bar, which opens the menu of the model's bar; returns what was chosen.
fn bar_menu(ui: &Ui, painter: &Painter, at: Pos2, bar: usize, of_model: usize) -> Option<Touched> {
    let place = Rect::from_min_size(at - vec2(4.0, 10.0), vec2(30.0, 20.0));
    let response = ui
        .interact(place, ui.id().with(("bar", bar)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    if response.clicked() {
        menu::open_by_keys(&response);
    }
    let is_open = Popup::is_id_open(ui.ctx(), Popup::default_response_id(&response));
    let colour = if response.hovered() || is_open {
        theme::ACCENT
    } else {
        theme::TEXT_SOFT
    };
    let number = format!("{} \u{2026}", bar + 1);
    let text = if colour == theme::ACCENT {
        &number
    } else {
        &number[..number.len() - 4]
    };
    theme::text(
        painter,
        at,
        Align2::LEFT_CENTER,
        text,
        theme::semibold(12.0),
        colour,
    );
    let mut chosen = None;
    let menu = Popup::menu(&response)
        .align(RectAlign::BOTTOM_START)
        .gap(4.0)
        .width(230.0)
        .show(|ui| {
            for (action, name) in BarAction::ALL {
                if menu::line(ui, name, "", false).clicked() {
                    chosen = Some(Touched::Bar(of_model, action));
                }
            }
        });
    if menu.is_none() {
        response.help("Copy, paste, shift, double or clear this bar.");
    }
    chosen
}

/// A padlock around `at` that is lit while all of `part` is locked; true if it was clicked.
pub(super) fn padlock(
    ui: &Ui,
    painter: &Painter,
    at: Pos2,
    part: Part,
    locks: Option<&Locks>,
    hint: &str,
) -> bool {
    let id = match part {
        Part::Drum(voice) => ui.id().with(("lock drum", voice.index())),
        Part::Bar(bar) => ui.id().with(("lock bar", bar)),
    };
    let response = ui
        .interact(
            Rect::from_center_size(at, vec2(18.0, 18.0)),
            id,
            Sense::click(),
        )
        .on_hover_cursor(CursorIcon::PointingHand);
    let is_locked =
        locks.is_some_and(|locks| locks.all_locked(|step, voice| part.has(step, voice)));
    let colour = match (is_locked, response.hovered()) {
        (true, _) => theme::ACCENT.into(),
        (false, true) => theme::TEXT.into(),
        (false, false) => theme::mix(theme::PANEL, theme::TEXT_FAINT, theme::PADLOCK),
    };
    Icon::Lock.paint(painter, at, 11.0, colour);
    response.help(hint).clicked()
}
