//! Undo and redo of patterns: which seed, variation, temperature and latent position made the ones before.
//!
//! Going back only sets parameters and the variation; the same ones make the same pattern again.

use crate::groove_name::GrooveName;
use crate::request::{Form, N_LATENT, Play, Request};
use std::time::{Duration, Instant};

/// Patterns remembered; older ones are forgotten.
const LIMIT: usize = 64;
/// Changes of a control that follow each other faster than this are one change.
const ONE_MOVEMENT: Duration = Duration::from_millis(700);
/// Two positions this close are the same: hosts pass values through a range of 0 to 1 and back.
const SAME: f32 = 1e-4;

/// What chooses a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recipe {
    pub(super) name: GrooveName,
    pub(super) temperature: f32,
    pub(super) feel_temperature: f32,
    pub(super) latent: [f32; N_LATENT],
    pub(super) play: Play,
    pub(super) form: Form,
}

impl From<&Request> for Recipe {
    fn from(request: &Request) -> Self {
        Self {
            name: request.name(),
            temperature: request.temperature,
            feel_temperature: request.feel_temperature,
            latent: request.latent,
            play: request.play,
            form: request.form,
        }
    }
}

impl Recipe {
    /// Whether both make the same pattern.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= SAME;
        self.name == other.name
            && self.play.style == other.play.style
            && self.form.fill_every == other.form.fill_every
            && self.form.fill_beats == other.form.fill_beats
            && self.form.vary_every == other.form.vary_every
            && self.amounts().iter().zip(&other.amounts()).all(near)
            && self.latent.iter().zip(&other.latent).all(near)
    }

    /// Everything that has no steps, but for the latent position.
    fn amounts(&self) -> [f32; 7] {
        let play = self.play;
        [
            self.temperature,
            self.feel_temperature,
            play.complexity,
            play.intensity,
            play.swing,
            play.push,
            self.form.variation,
        ]
    }
}

/// The patterns so far and the place among them. Owned by the editor's thread.
#[derive(Debug, Default)]
pub(super) struct History {
    recipes: Vec<Recipe>,
    current: usize,
    /// The one that was recorded last, which sounds until the one that undo or redo asked for comes in.
    sounding: Option<Recipe>,
    last_change: Option<Instant>,
}

impl History {
    /// Remembers that a pattern made from `recipe` has arrived `now`.
    ///
    /// A control being moved makes many patterns; those that follow each other closely and share a name count as one.
    pub(super) fn record(&mut self, recipe: Recipe, now: Instant) {
        let before = self.sounding.replace(recipe);
        if before.is_some_and(|before| before.matches(&recipe)) {
            return;
        }
        let Some(shown) = self.recipes.get_mut(self.current) else {
            self.recipes.push(recipe);
            return;
        };
        if shown.matches(&recipe) {
            return;
        }
        let is_same_movement = shown.name == recipe.name
            && self.current > 0
            && self
                .last_change
                .is_some_and(|last| now.duration_since(last) < ONE_MOVEMENT);
        self.last_change = Some(now);
        if is_same_movement {
            *shown = recipe;
            self.recipes.truncate(self.current + 1);
            return;
        }
        self.recipes.truncate(self.current + 1);
        self.recipes.push(recipe);
        if self.recipes.len() > LIMIT {
            self.recipes.remove(0);
        }
        self.current = self.recipes.len() - 1;
    }

    /// The pattern before this one; the place moves to it.
    pub(super) fn undo(&mut self) -> Option<Recipe> {
        self.current = self.current.checked_sub(1)?;
        self.last_change = None;
        self.recipes.get(self.current).copied()
    }

    /// The pattern after this one; the place moves to it.
    pub(super) fn redo(&mut self) -> Option<Recipe> {
        let next = *self.recipes.get(self.current + 1)?;
        self.current += 1;
        self.last_change = None;
        Some(next)
    }

    /// Whether [`Self::undo`] has somewhere to go.
    pub(super) fn can_undo(&self) -> bool {
        self.current > 0
    }

    /// Whether [`Self::redo`] has somewhere to go.
    pub(super) fn can_redo(&self) -> bool {
        self.current + 1 < self.recipes.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn recipe(seed: u32, temperature: f32) -> Recipe {
        Recipe {
            name: GrooveName { seed, variation: 0 },
            temperature,
            feel_temperature: 1.0,
            latent: [0.0; N_LATENT],
            play: Play::default(),
            form: Form::default(),
        }
    }

    /// A history of patterns with these seeds, a second apart, and the time after them.
    fn history(seeds: impl IntoIterator<Item = u32>) -> (History, Instant) {
        let mut history = History::default();
        let mut now = Instant::now();
        for seed in seeds {
            history.record(recipe(seed, 1.0), now);
            now += Duration::from_secs(1);
        }
        (history, now)
    }

    #[test]
    fn undo_and_redo_walk_along_the_patterns() {
        let (mut history, _) = history([1, 2, 3]);
        assert_eq!(history.undo().unwrap().name.seed, 2);
        assert_eq!(history.undo().unwrap().name.seed, 1);
        assert!(!history.can_undo());
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo().unwrap().name.seed, 2);
        assert_eq!(history.redo().unwrap().name.seed, 3);
        assert!(!history.can_redo());
        assert_eq!(history.redo(), None);
    }

    #[test]
    fn the_pattern_that_undo_brings_back_is_not_a_new_one() {
        let (mut history, now) = history([1, 2]);
        let back = history.undo().unwrap();
        let through_the_host = Recipe {
            temperature: back.temperature + 1e-6,
            ..back
        };
        history.record(through_the_host, now);
        assert!(history.can_redo());
    }

    #[test]
    fn the_pattern_that_sounds_until_the_one_before_comes_in_is_not_a_new_one() {
        let (mut history, now) = history([1, 2]);
        history.undo();
        history.record(recipe(2, 1.0), now);
        assert!(history.can_redo());
        history.record(recipe(1, 1.0), now);
        assert!(history.can_redo() && !history.can_undo());
    }

    #[test]
    fn a_new_pattern_after_undo_forgets_the_ones_that_followed() {
        let (mut history, now) = history([1, 2, 3]);
        history.undo();
        history.record(recipe(9, 1.0), now);
        assert!(!history.can_redo());
        assert_eq!(history.undo().unwrap().name.seed, 2);
    }

    #[test]
    fn one_movement_of_a_control_is_one_step_back() {
        let (mut history, mut now) = history([1]);
        for hundredth in 1..=20_u8 {
            history.record(recipe(1, 1.0 + f32::from(hundredth) / 100.0), now);
            now += Duration::from_millis(30);
        }
        assert_eq!(history.undo().unwrap().temperature, 1.0);
        assert!(!history.can_undo());
    }

    #[test]
    fn another_seed_is_always_a_step_of_its_own() {
        let mut history = History::default();
        let now = Instant::now();
        for seed in 1..=3 {
            history.record(recipe(seed, 1.0), now);
        }
        assert_eq!(history.undo().unwrap().name.seed, 2);
    }

    #[test]
    fn every_variation_is_a_step_of_its_own() {
        let mut history = History::default();
        let now = Instant::now();
        for variation in 0..3 {
            let name = GrooveName { seed: 9, variation };
            history.record(
                Recipe {
                    name,
                    ..recipe(9, 1.0)
                },
                now,
            );
        }
        assert_eq!(history.undo().unwrap().name.variation, 1);
        assert_eq!(history.undo().unwrap().name.variation, 0);
        assert!(!history.can_undo());
    }

    #[test]
    fn the_oldest_patterns_are_forgotten() {
        let (mut history, _) = history(0..200);
        let mut oldest = 200;
        while let Some(recipe) = history.undo() {
            oldest = recipe.name.seed;
        }
        assert_eq!(usize::try_from(oldest).unwrap(), 200 - LIMIT);
    }
}
