//! What is done to a groove by hand. What was touched is locked, so that it stays when the rest is drawn anew.

use super::Locks;
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR};

/// What one cell is to become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellChange {
    pub(super) step: usize,
    pub(super) voice: Voice,
    pub(super) cell: Option<Cell>,
}

impl CellChange {
    /// A hit.
    #[must_use]
    pub fn hit(step: usize, voice: Voice, cell: Cell) -> Self {
        let cell = Some(cell);
        Self { step, voice, cell }
    }

    /// A rest.
    #[must_use]
    pub fn rest(step: usize, voice: Voice) -> Self {
        let cell = None;
        Self { step, voice, cell }
    }
}

/// What is done to a whole bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarChange {
    /// All of it a 16th earlier; what leaves it at the left comes in at the right.
    ShiftLeft,
    /// All of it a 16th later.
    ShiftRight,
    /// Take every hit out.
    Clear,
    /// Play it once more, in place of the next bar.
    Repeat,
}

/// The difference that editing made to a groove.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The cells that are others.
    cells: Vec<(usize, Voice)>,
    /// What was done, for people.
    pub name: &'static str,
}

impl Edit {
    /// What makes `after` of `before`; `None` if they are the same.
    #[must_use]
    pub fn between(before: &Groove, after: &Groove) -> Option<Self> {
        let n_steps = before.n_steps().max(after.n_steps());
        let all = (0..n_steps).flat_map(|step| Voice::ALL.map(|voice| (step, voice)));
        let differs =
            |&(step, voice): &(usize, Voice)| before.cell(step, voice) != after.cell(step, voice);
        let cells: Vec<_> = all.filter(differs).collect();
        let of = |groove: &Groove| {
            cells
                .first()
                .and_then(|&(step, voice)| groove.cell(step, voice))
        };
        let name = match (cells.as_slice(), of(before), of(after)) {
            ([], ..) => return None,
            ([_], None, Some(_)) => "a hit added",
            ([_], Some(_), None) => "a hit taken out",
            ([_], Some(old), Some(new)) if old.offset.to_bits() == new.offset.to_bits() => {
                "velocity of a hit"
            }
            ([_], Some(old), Some(new)) if old.velocity.to_bits() == new.velocity.to_bits() => {
                "timing of a hit"
            }
            ([_], ..) => "a hit",
            _ => "several hits",
        };
        Some(Self { cells, name })
    }

    /// Whether both were done to the same single hit, as every part of a drag is.
    #[must_use]
    pub fn goes_on_with(&self, next: &Self) -> bool {
        self.cells.len() == 1 && self.cells == next.cells
    }
}

impl Locks {
    /// Changes a cell and locks it. One after the groove's end is left alone.
    pub fn change(&mut self, change: CellChange) {
        self.put([change]);
    }

    /// A bar of the groove, counted from 0; `None` after its end.
    #[must_use]
    pub fn bar(&self, bar: usize) -> Option<Groove> {
        self.groove().window(bar * STEPS_PER_BAR, STEPS_PER_BAR)
    }

    /// Puts `contents` in place of a bar and locks it.
    pub fn replace_bar(&mut self, bar: usize, contents: &Groove) {
        let first = bar * STEPS_PER_BAR;
        let steps = 0..STEPS_PER_BAR;
        self.put(steps.flat_map(|step| {
            Voice::ALL.map(|voice| CellChange {
                step: first + step,
                voice,
                cell: contents.cell(step, voice),
            })
        }));
    }

    /// Does something to a bar and locks what it has changed. The last bar has no next one.
    pub fn change_bar(&mut self, bar: usize, change: BarChange) {
        let Some(contents) = self.bar(bar) else {
            return;
        };
        match change {
            BarChange::ShiftLeft => self.replace_bar(bar, &turned(&contents, 1)),
            BarChange::ShiftRight => self.replace_bar(bar, &turned(&contents, STEPS_PER_BAR - 1)),
            BarChange::Clear => self.replace_bar(bar, &Groove::empty(STEPS_PER_BAR)),
            BarChange::Repeat => self.replace_bar(bar + 1, &contents),
        }
    }
}

/// A bar that begins `n_steps` later in itself.
fn turned(bar: &Groove, n_steps: usize) -> Groove {
    let [head, tail] = [(0, n_steps), (n_steps, STEPS_PER_BAR - n_steps)]
        .map(|(first, n_steps)| bar.window(first, n_steps).unwrap_or(Groove::empty(n_steps)));
    Groove::concat(&[tail, head])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::{N_LATENT, Ready, Request};

    const HIT: Cell = Cell {
        velocity: 0.5,
        offset: 0.25,
    };

    /// Two bars with a kick on each "one".
    fn locks() -> Locks {
        let mut groove = Groove::empty(32);
        for step in [0, 16] {
            groove.set(step, Voice::Kick, Some(HIT));
        }
        let ready = Ready {
            request: Request::new(1, 0, 1.0, [0.0; N_LATENT]),
            checkpoint_id: "test".to_owned(),
            pattern: groove.to_pattern(),
            groove: None,
            n_passes: 1,
        };
        Locks::of(&ready, None)
    }

    fn kicks(locks: &Locks) -> Vec<usize> {
        locks.groove().hits().map(|(step, ..)| step).collect()
    }

    #[test]
    fn what_is_edited_is_there_to_the_bit_and_locked_and_nothing_else_is() {
        let mut locks = locks();
        locks.change(CellChange::hit(3, Voice::Snare, HIT));
        locks.change(CellChange::rest(16, Voice::Kick));
        locks.change(CellChange::rest(99, Voice::Kick));
        assert_eq!(locks.groove().cell(3, Voice::Snare), Some(HIT));
        assert_eq!(locks.groove().cell(16, Voice::Kick), None);
        let n_locked = (0..32)
            .flat_map(|step| Voice::ALL.map(|voice| (step, voice)))
            .filter(|&(step, voice)| locks.is_locked(step, voice))
            .count();
        assert!(locks.is_locked(3, Voice::Snare) && locks.is_locked(16, Voice::Kick));
        assert_eq!(n_locked, 2);
    }

    #[test]
    fn bars_are_shifted_within_themselves_repeated_pasted_and_cleared() {
        let mut locks = locks();
        locks.change_bar(1, BarChange::ShiftLeft);
        assert_eq!(kicks(&locks), [0, 31]);
        locks.change_bar(1, BarChange::ShiftRight);
        locks.change_bar(0, BarChange::ShiftRight);
        assert_eq!(kicks(&locks), [1, 16]);
        locks.change_bar(0, BarChange::Repeat);
        assert_eq!(kicks(&locks), [1, 17]);
        let copied = locks.bar(0).unwrap();
        locks.change_bar(0, BarChange::Clear);
        assert_eq!(kicks(&locks), [17]);
        locks.replace_bar(1, &copied);
        locks.change_bar(1, BarChange::Repeat);
        locks.change_bar(7, BarChange::Clear);
        assert_eq!(kicks(&locks), [17], "the last bar has no next one");
        assert!(locks.all_locked(|_, _| true));
    }

    #[test]
    fn an_edit_is_called_by_what_it_did() {
        let plain = locks().groove();
        let after = |change: &dyn Fn(&mut Locks)| {
            let mut locks = locks();
            change(&mut locks);
            Edit::between(&plain, &locks.groove())
        };
        let changed = |cell| {
            let change = after(&|locks| locks.change(CellChange::hit(0, Voice::Kick, cell)));
            change.unwrap()
        };
        assert_eq!(after(&|_| {}), None);
        let added = after(&|locks| locks.change(CellChange::hit(1, Voice::Kick, HIT))).unwrap();
        let gone = after(&|locks| locks.change(CellChange::rest(0, Voice::Kick))).unwrap();
        let louder = changed(Cell {
            velocity: 0.9,
            ..HIT
        });
        let later = changed(Cell {
            offset: -0.1,
            ..HIT
        });
        let all = after(&|locks| locks.change_bar(0, BarChange::ShiftLeft)).unwrap();
        let names = [&added, &gone, &louder, &later, &all].map(|edit| edit.name);
        assert_eq!(
            names,
            [
                "a hit added",
                "a hit taken out",
                "velocity of a hit",
                "timing of a hit",
                "several hits"
            ]
        );
        assert!(louder.goes_on_with(&later) && !louder.goes_on_with(&added));
        assert!(!all.goes_on_with(&all));
    }
}
