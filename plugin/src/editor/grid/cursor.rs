//! Hits that are put in, taken out and moved with the keys, at a cell that the arrows move.

use super::frame::Frame;
use super::pencil::{louder, moved, new_hit};
use crate::editor::keys::{self, Turn};
use crate::editor::theme;
use crate::request::CellChange;
use egui::{Key, Painter, Response, Stroke, StrokeKind, Ui};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Cell, Groove};

/// What a step adds to a velocity, and a key to the timing, in steps of the grid.
const VELOCITY_STEP: f32 = 0.02;
const TIMING_STEP: f32 = 0.02;

/// A cell of the grid, by the step that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) step: usize,
    pub(super) voice: Voice,
}

/// The cell of the cursor, if the grid has the keyboard, and what the keys change there.
pub(super) fn edit(
    ui: &Ui,
    response: &Response,
    frame: &Frame,
    groove: &Groove,
) -> Option<(Cursor, Option<CellChange>)> {
    if !response.has_focus() {
        return None;
    }
    let id = response.id.with("cursor");
    let start = Cursor {
        step: 0,
        voice: Voice::ALL[0],
    };
    let mut cursor = ui.data(|data| data.get_temp(id)).unwrap_or(start);
    cursor.step = cursor.step.min(frame.n_steps().saturating_sub(1));
    let mut later = 0.0;
    match keys::arrow(response) {
        None => {}
        Some((right, _, true)) => later = f32::from(right) * TIMING_STEP,
        Some((right, down, false)) => cursor = cursor.moved(right, down, frame.n_steps()),
    }
    ui.data_mut(|data| data.insert_temp(id, cursor));
    Some((cursor, change(response, frame, groove, cursor, later)))
}

fn change(
    response: &Response,
    frame: &Frame,
    groove: &Groove,
    Cursor { step, voice }: Cursor,
    later: f32,
) -> Option<CellChange> {
    let step = frame.source(step)?;
    let found = groove.cell(step, voice);
    if keys::pressed(response, Key::Enter) {
        return Some(match found {
            Some(_) => CellChange::rest(step, voice),
            None => CellChange::hit(step, voice, new_hit(groove, step, voice)),
        });
    }
    let cell = found?;
    let velocity = match keys::turn(response) {
        Some(Turn::Back) => return Some(CellChange::rest(step, voice)),
        Some(Turn::By(steps)) => louder(cell, steps * VELOCITY_STEP),
        Some(Turn::To(end)) => louder(cell, 2.0 * end - 1.0),
        None => cell.velocity,
    };
    let wanted = moved(Cell { velocity, ..cell }, later);
    (wanted != cell).then(|| CellChange::hit(step, voice, wanted))
}

impl Cursor {
    /// The cell beside it; the one at the edge, if there is none.
    fn moved(self, right: i8, down: i8, n_steps: usize) -> Self {
        let along = |place: usize, by: i8, n: usize| {
            let moved = place.saturating_add_signed(by.into());
            moved.min(n.saturating_sub(1))
        };
        // As in the grid: the first drum is at the bottom.
        let voice = along(self.voice.index(), -down, N_VOICES);
        Self {
            step: along(self.step, right, n_steps),
            voice: Voice::ALL[voice],
        }
    }

    pub(super) fn paint(self, painter: &Painter, frame: &Frame) {
        let cell = frame.cell_of(self.step, self.voice);
        let stroke = Stroke::new(2.0, theme::TEXT);
        painter.rect_stroke(cell, theme::CONTROL_CORNERS, stroke, StrokeKind::Inside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_in_the_grid() {
        let at = |step, voice: usize| Cursor {
            step,
            voice: Voice::ALL[voice],
        };
        let corner = at(0, 0);
        assert_eq!(corner.moved(-1, 0, 64), corner);
        assert_eq!(corner.moved(0, 1, 64), corner);
        assert_eq!(corner.moved(1, 0, 64), at(1, 0));
        assert_eq!(corner.moved(0, -1, 64), at(0, 1));
        let other = at(63, N_VOICES - 1);
        assert_eq!(other.moved(1, 0, 64), other);
        assert_eq!(other.moved(0, -1, 64), other);
    }
}
