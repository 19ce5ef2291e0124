//! Parts of a groove that stay as they are, whatever is drawn around them.
//!
//! Locking changes nothing that is heard: the whole groove is kept, and with it what it was drawn from. Only when
//! something else is asked for (another seed, a style), what is not locked is drawn anew, around what is.

use super::{CellChange, Metre, Ready, Request, id_of, to_bytes};
use fourbar_model::conditions::Known;
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::Groove;
use serde::{Deserialize, Serialize};

/// A groove, and which of its cells are locked. A project saves it; a request names it by its [id](Self::id).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedLocks")]
pub struct Locks {
    /// The groove, as one pass, and what it was drawn from.
    base: Ready,
    /// Of each step, a bit for each drum.
    locked: Vec<u16>,
}

/// [`Locks`] in a project, not checked yet.
#[derive(Deserialize)]
struct SavedLocks {
    base: Ready,
    locked: Vec<u16>,
}

impl TryFrom<SavedLocks> for Locks {
    type Error = String;

    fn try_from(SavedLocks { base, locked }: SavedLocks) -> Result<Self, String> {
        base.check()?;
        let is_one_pass = base.n_passes == 1 && base.groove.is_none();
        if !is_one_pass || base.plain_groove().n_steps() != locked.len() {
            return Err("the locked parts are not those of one groove".to_owned());
        }
        Ok(Self { base, locked })
    }
}

impl Locks {
    /// The groove of `ready` with what is locked in `before`, if anything was.
    #[must_use]
    pub fn of(ready: &Ready, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.hold(&ready.request, &ready.checkpoint_id) => before.clone(),
            _ => {
                let mut groove = ready.plain_groove();
                let mut locked = vec![0; groove.n_steps()];
                if let Some(before) = before {
                    before.lay_over(&mut groove);
                    let n_common = locked.len().min(before.locked.len());
                    locked[..n_common].copy_from_slice(&before.locked[..n_common]);
                }
                let base = Ready {
                    request: Request {
                        metre: Metre::default(),
                        ..ready.request
                    },
                    checkpoint_id: ready.checkpoint_id.clone(),
                    pattern: groove.to_pattern(),
                    groove: None,
                    n_passes: 1,
                };
                Self { base, locked }
            }
        }
    }

    /// Locks the cells for whose step and drum `is_meant` holds, or unlocks them if all of them are locked.
    pub fn toggle(&mut self, is_meant: impl Fn(usize, Voice) -> bool) {
        let is_locked = !self.all_locked(&is_meant);
        for (step, locked) in self.locked.iter_mut().enumerate() {
            for voice in Voice::ALL
                .into_iter()
                .filter(|&voice| is_meant(step, voice))
            {
                if is_locked {
                    *locked |= bit(voice);
                } else {
                    *locked &= !bit(voice);
                }
            }
        }
    }

    /// Changes cells and locks them; those after the groove's end are left alone.
    pub(super) fn put(&mut self, changes: impl IntoIterator<Item = CellChange>) {
        let mut groove = self.groove();
        for CellChange { step, voice, cell } in changes {
            if let Some(locked) = self.locked.get_mut(step) {
                *locked |= bit(voice);
                groove.set(step, voice, cell);
            }
        }
        self.base.pattern = groove.to_pattern();
    }

    /// Whether every cell for whose step and drum `is_meant` holds is locked, and there is one.
    #[must_use]
    pub fn all_locked(&self, is_meant: impl Fn(usize, Voice) -> bool) -> bool {
        let steps = 0..self.locked.len();
        let cells = steps.flat_map(|step| Voice::ALL.map(|voice| (step, voice)));
        let mut meant = cells
            .filter(|&(step, voice)| is_meant(step, voice))
            .peekable();
        meant.peek().is_some() && meant.all(|(step, voice)| self.is_locked(step, voice))
    }

    /// Whether a cell is locked; none is after the groove's end.
    #[must_use]
    pub fn is_locked(&self, step: usize, voice: Voice) -> bool {
        let locked = self.locked.get(step);
        locked.is_some_and(|locked| locked & bit(voice) != 0)
    }

    /// What names it in a request: equal ones have the same, in every version of the plugin. Never 0.
    #[must_use]
    pub fn id(&self) -> u64 {
        let base = &self.base;
        // Which locks the groove was drawn around no longer matters.
        let drawn_from = Request {
            locks: 0,
            ..base.request
        };
        let mut contents = to_bytes(&(drawn_from, &base.checkpoint_id, &base.pattern));
        contents.extend(self.locked.iter().flat_map(|locked| locked.to_le_bytes()));
        id_of(&contents)
    }

    /// Whether `request` asks the checkpoint for what the groove was drawn from, so that all of it stays.
    #[must_use]
    pub fn hold(&self, request: &Request, checkpoint_id: &str) -> bool {
        self.base.checkpoint_id == checkpoint_id && self.base.request.draws_like(request)
    }

    /// The whole groove.
    #[must_use]
    pub fn groove(&self) -> Groove {
        self.base.plain_groove()
    }

    /// What is locked, for a groove of `n_steps` to be drawn around; `None` if nothing is.
    #[must_use]
    pub fn known(&self, n_steps: usize) -> Option<Known> {
        let groove = self.groove().padded_to(n_steps).window(0, n_steps)?;
        let is_locked = |step, voice| self.is_locked(step, voice);
        let any = self.locked.iter().any(|&locked| locked != 0);
        any.then(|| Known::cells_by_step(&groove, is_locked))
    }

    /// Puts what is locked into another groove.
    pub fn lay_over(&self, groove: &mut Groove) {
        let own = self.groove();
        for step in 0..groove.n_steps() {
            for voice in Voice::ALL {
                if self.is_locked(step, voice) {
                    groove.set(step, voice, own.cell(step, voice));
                }
            }
        }
    }
}

const _: () = assert!(N_VOICES <= 16, "a drum is a bit of 16");

fn bit(voice: Voice) -> u16 {
    1 << voice.index()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::N_LATENT;
    use fourbar_model::groove::Cell;

    fn request(seed: u32) -> Request {
        Request::new(seed, 0, 1.0, [0.0; N_LATENT])
    }

    /// Two bars in which every drum plays every step, as loud as `velocity`.
    fn full(velocity: f32) -> Groove {
        let mut groove = Groove::empty(32);
        for step in 0..32 {
            for voice in Voice::ALL {
                let offset = 0.25;
                groove.set(step, voice, Some(Cell { velocity, offset }));
            }
        }
        groove
    }

    fn ready(seed: u32, velocity: f32) -> Ready {
        Ready {
            request: request(seed),
            checkpoint_id: "test".to_owned(),
            pattern: full(velocity).to_pattern(),
            groove: None,
            n_passes: 1,
        }
    }

    fn is_kick(_: usize, voice: Voice) -> bool {
        voice == Voice::Kick
    }

    #[test]
    fn a_part_is_locked_and_unlocked_as_a_whole() {
        let mut locks = Locks::of(&ready(1, 0.5), None);
        assert_eq!(locks.known(32), None);
        locks.toggle(is_kick);
        assert!(locks.all_locked(is_kick) && !locks.is_locked(0, Voice::Snare));
        let is_bar_2 = |step: usize, _: Voice| step >= 16;
        locks.toggle(is_bar_2);
        assert!(locks.is_locked(31, Voice::Ride) && !locks.is_locked(32, Voice::Ride));
        locks.toggle(is_bar_2);
        assert!(!locks.all_locked(is_kick) && locks.is_locked(0, Voice::Kick));
        locks.toggle(is_kick);
        assert!(locks.all_locked(is_kick), "what was half locked");
    }

    #[test]
    fn what_is_locked_stays_with_the_next_groove_and_the_rest_is_that_grooves() {
        let mut locks = Locks::of(&ready(1, 0.5), None);
        locks.toggle(is_kick);
        assert_eq!(
            Locks::of(&ready(1, 0.9), Some(&locks)),
            locks,
            "nothing else is asked for"
        );
        let next = Locks::of(&ready(2, 0.9), Some(&locks)).groove();
        let velocity = |voice| next.cell(3, voice).unwrap().velocity;
        assert_eq!([velocity(Voice::Kick), velocity(Voice::Snare)], [0.5, 0.9]);
    }

    #[test]
    fn all_stays_until_something_else_is_drawn() {
        let locks = Locks::of(&ready(1, 0.5), None);
        let hold = |request: Request| locks.hold(&request, "test");
        let mut filled = request(1);
        filled.form.fill_every = 4;
        filled.locks = 7;
        assert!(hold(filled) && !hold(request(2)) && !locks.hold(&request(1), "another"));
    }

    #[test]
    fn another_length_keeps_what_it_has() {
        let mut locks = Locks::of(&ready(1, 0.5), None);
        locks.toggle(is_kick);
        for n_steps in [16, 64] {
            assert_eq!(locks.known(n_steps).unwrap().n_steps(), n_steps);
            let mut groove = Groove::empty(n_steps);
            locks.lay_over(&mut groove);
            assert_eq!(groove.n_hits(), n_steps.min(32));
        }
    }

    #[test]
    fn locks_are_saved_as_they_are_and_their_id_is_that_of_their_contents() {
        let mut locks = Locks::of(&ready(1, 0.5), None);
        let before = locks.id();
        locks.toggle(is_kick);
        assert_ne!(locks.id(), before);
        let text = serde_json::to_string(&locks).unwrap();
        let again: Locks = serde_json::from_str(&text).unwrap();
        assert_eq!((again.id(), &again), (locks.id(), &locks));
        // Projects name them by it.
        assert_eq!(locks.id(), 100_606_707_163_830_013);
        for damaged in [
            text.replacen("0.5", "7.5", 1),
            text.replace("[1,1,", "[1,"),
            text.replace("\"n_passes\":1", "\"n_passes\":2"),
        ] {
            assert_ne!(damaged, text);
            assert!(serde_json::from_str::<Locks>(&damaged).is_err());
        }
    }
}
