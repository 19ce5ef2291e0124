//! Hits that are put in, taken out and moved with the pointer.
//!
//! A click adds a hit or takes it out; a drag sets its velocity, and with Alt (Option) or Ctrl (Cmd) its timing; the right
//! button erases; the wheel changes the velocity. Shift is finer.

use super::frame::Frame;
use crate::editor::gesture;
use crate::request::CellChange;
use egui::{PointerButton, Response, Ui};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove};

/// How far a drag goes from silence to full velocity, in points.
const VELOCITY_TRAVEL: f32 = 120.0;
/// What a notch of the wheel adds to a velocity.
const NOTCH: f32 = 0.04;
/// The softest hit, the loudest, and that of a drum that has none to go by.
const VELOCITIES: (f32, f32) = (1.0 / 127.0, 1.0);
const NEW_VELOCITY: f32 = 0.75;
/// The furthest from the grid, late and early, in steps.
const OFFSETS: (f32, f32) = (-0.49, 0.49);

/// The hit that is being dragged.
#[derive(Debug, Clone, Copy)]
struct Held {
    step: usize,
    voice: Voice,
    cell: Cell,
    moves_timing: bool,
}

/// Changes of the cells of `groove`, which is shown in `frame`, by what the pointer does to `response`.
pub(super) fn edit(
    ui: &Ui,
    response: &Response,
    frame: &Frame,
    groove: &Groove,
) -> Option<CellChange> {
    let id = response.id.with("held");
    let under_pointer = || frame.cell_at(response.interact_pointer_pos()?);
    let existing = |(step, voice)| groove.cell(step, voice);

    if response.drag_started_by(PointerButton::Primary) {
        let origin = ui.input(|input| input.pointer.press_origin())?;
        let (step, voice) = frame.cell_at(origin)?;
        let found = groove.cell(step, voice);
        let held = Held {
            step,
            voice,
            cell: found.unwrap_or_else(|| new_hit(groove, step, voice)),
            moves_timing: ui.input(|input| input.modifiers.alt || input.modifiers.command),
        };
        ui.data_mut(|data| data.insert_temp(id, held));
        return found.is_none().then(|| held.change());
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<Held>(id));
    }
    if response.dragged_by(PointerButton::Primary) {
        let mut held = ui.data(|data| data.get_temp::<Held>(id))?;
        let delta = response.drag_delta();
        let slower = if ui.input(|input| input.modifiers.shift) {
            gesture::FINE
        } else {
            1.0
        };
        let before = held.cell;
        if held.moves_timing {
            // To the right is late.
            held.cell = moved(before, delta.x / frame.step_width() / slower);
        } else {
            held.cell.velocity = louder(before, -delta.y / VELOCITY_TRAVEL / slower);
        }
        ui.data_mut(|data| data.insert_temp(id, held));
        return (held.cell != before).then(|| held.change());
    }
    if response.dragged_by(PointerButton::Secondary) || response.secondary_clicked() {
        let at = under_pointer()?;
        return existing(at).map(|_| CellChange::rest(at.0, at.1));
    }
    if response.clicked() {
        let at @ (step, voice) = under_pointer()?;
        return Some(match existing(at) {
            Some(_) => CellChange::rest(step, voice),
            None => CellChange::hit(step, voice, new_hit(groove, step, voice)),
        });
    }
    let notches = gesture::wheel_notches(ui, response);
    if notches != 0.0 {
        let at @ (step, voice) = frame.cell_at(response.hover_pos()?)?;
        let cell = existing(at)?;
        let velocity = louder(cell, notches * NOTCH);
        return Some(CellChange::hit(step, voice, Cell { velocity, ..cell }));
    }
    None
}

impl Held {
    fn change(&self) -> CellChange {
        CellChange::hit(self.step, self.voice, self.cell)
    }
}

/// The velocity of `cell`, so much louder.
pub(super) fn louder(cell: Cell, by: f32) -> f32 {
    (cell.velocity + by).clamp(VELOCITIES.0, VELOCITIES.1)
}

/// The cell, so many steps later.
pub(super) fn moved(cell: Cell, later_steps: f32) -> Cell {
    let offset = (cell.offset - later_steps).clamp(OFFSETS.0, OFFSETS.1);
    Cell { offset, ..cell }
}

/// A hit as the groove would have it there: as loud as the drum's others, and off the grid as the other drums of the step.
pub(super) fn new_hit(groove: &Groove, step: usize, voice: Voice) -> Cell {
    let mean = |values: Vec<f32>| {
        let n = u16::try_from(values.len()).unwrap_or(u16::MAX);
        (n > 0).then(|| values.iter().sum::<f32>() / f32::from(n))
    };
    let of_drum = groove.hits().filter(|&(_, drum, _)| drum == voice);
    let velocities = of_drum.map(|(_, _, cell)| cell.velocity).collect();
    let of_step = Voice::ALL
        .into_iter()
        .filter_map(|drum| groove.cell(step, drum));
    let offsets = of_step.map(|cell| cell.offset).collect();
    Cell {
        velocity: mean(velocities).unwrap_or(NEW_VELOCITY),
        offset: mean(offsets).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_hit_is_played_as_the_groove_is() {
        let mut groove = Groove::empty(16);
        let empty = new_hit(&groove, 4, Voice::Snare);
        assert_eq!((empty.velocity, empty.offset), (NEW_VELOCITY, 0.0));
        let cell = |velocity, offset| Some(Cell { velocity, offset });
        groove.set(0, Voice::Snare, cell(0.25, 0.5));
        groove.set(8, Voice::Snare, cell(0.75, 0.5));
        groove.set(4, Voice::Kick, cell(1.0, -0.25));
        let new = new_hit(&groove, 4, Voice::Snare);
        assert_eq!((new.velocity, new.offset), (0.5, -0.25));
    }
}
