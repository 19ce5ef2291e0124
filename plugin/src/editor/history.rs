//! Undo and redo of patterns: which seed, variation, temperature and latent position made the ones before.
//!
//! Going back only sets parameters and the variation; the same ones make the same pattern again.

use crate::request::{Edit, Input, Locks, Play, Request};
use fourbar_model::groove::Groove;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Patterns remembered; older ones are forgotten.
const LIMIT: usize = 64;
/// Changes of a control, or of one hit, that follow each other faster than this are one change.
const ONE_MOVEMENT: Duration = Duration::from_millis(700);
/// What makes a pattern: the request, and what it names.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) request: Request,
    pub(super) input: Option<Arc<Input>>,
    pub(super) locks: Option<Arc<Locks>>,
    /// The groove that was made, without fills and variations.
    pub(super) groove: Groove,
}

impl Recipe {
    /// What one has to do to come from `before` to this one, for people.
    fn change_since(&self, before: &Self) -> &'static str {
        let (old, new) = (&before.request, &self.request);
        let plain = Play::default();
        let rest = |play: Play| Play {
            style: plain.style,
            complexity: plain.complexity,
            intensity: plain.intensity,
            ..play
        };
        if old.name() != new.name() {
            "another groove"
        } else if old.input != new.input {
            "a rhythm put in"
        } else if let Some(edit) = self.edit_since(before) {
            edit.name
        } else if old.locks != new.locks {
            "locks"
        } else if old.play.style != new.play.style {
            "style"
        } else if rest(old.play) != rest(new.play) {
            "swing and push"
        } else if old.play != new.play {
            "energy"
        } else if old.form != new.form {
            "fills and variation"
        } else if old.latent != new.latent {
            "explore"
        } else {
            "temperature"
        }
    }

    /// What was done by hand to the groove of `before`.
    fn edit_since(&self, before: &Self) -> Option<Edit> {
        let is_of_same_draw = self.request.draws_like(&before.request);
        is_of_same_draw.then(|| Edit::between(&before.groove, &self.groove))?
    }
}

/// The patterns so far and the place among them. Owned by the editor's thread.
#[derive(Debug, Default)]
pub(super) struct History {
    recipes: Vec<Recipe>,
    current: usize,
    /// The one that was recorded last, which sounds until the one that undo or redo asked for comes in.
    sounding: Option<Request>,
    last_change: Option<Instant>,
}

impl History {
    /// Whether `request` is what was recorded last.
    pub(super) fn was_recorded(&self, request: &Request) -> bool {
        self.sounding.is_some_and(|last| last.matches(request))
    }

    /// Remembers that a pattern made from `recipe` has arrived `now`.
    ///
    /// A control being moved makes many patterns; those that follow each other closely and share a name count as one.
    pub(super) fn record(&mut self, recipe: Recipe, now: Instant) {
        let was_recorded = self.was_recorded(&recipe.request);
        self.sounding = Some(recipe.request);
        if was_recorded {
            return;
        }
        let last_edit = self.last_edit();
        let Some(shown) = self.recipes.get_mut(self.current) else {
            self.recipes.push(recipe);
            return;
        };
        if shown.request.matches(&recipe.request) {
            return;
        }
        let is_same_hit = || {
            let next = recipe.edit_since(shown);
            last_edit
                .zip(next)
                .is_some_and(|(last, next)| last.goes_on_with(&next))
        };
        let is_same_movement = shown.request.name() == recipe.request.name()
            && (shown.request.locks == recipe.request.locks || is_same_hit())
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

    /// What was done by hand to come to the shown pattern.
    fn last_edit(&self) -> Option<Edit> {
        let before = self.recipes.get(self.current.checked_sub(1)?)?;
        self.recipes.get(self.current)?.edit_since(before)
    }

    /// The pattern before this one; the place moves to it.
    pub(super) fn undo(&mut self) -> Option<Recipe> {
        self.current = self.current.checked_sub(1)?;
        self.last_change = None;
        self.recipes.get(self.current).cloned()
    }

    /// The pattern after this one; the place moves to it.
    pub(super) fn redo(&mut self) -> Option<Recipe> {
        let next = self.recipes.get(self.current + 1)?.clone();
        self.current += 1;
        self.last_change = None;
        Some(next)
    }

    /// What the patterns are called and what was done for each, newest first, and the place of the shown one.
    pub(super) fn heard(&self) -> (Vec<(String, &'static str)>, usize) {
        let places = (0..self.recipes.len()).rev();
        let heard = places.map(|place| {
            let name = self.recipes[place].request.name().to_string();
            (name, self.change_to(place).unwrap_or("the first"))
        });
        let shown = self.recipes.len().saturating_sub(self.current + 1);
        (heard.collect(), shown)
    }

    /// The pattern at a place of [`Self::heard`]; the place moves to it.
    pub(super) fn go_to(&mut self, place: usize) -> Option<Recipe> {
        let place = self.recipes.len().checked_sub(place + 1)?;
        self.current = place;
        self.last_change = None;
        self.recipes.get(place).cloned()
    }

    /// What [`Self::undo`] would take back; `None` if it has nowhere to go.
    pub(super) fn undone(&self) -> Option<&'static str> {
        self.change_to(self.current)
    }

    /// What [`Self::redo`] would do again; `None` if it has nowhere to go.
    pub(super) fn redone(&self) -> Option<&'static str> {
        self.change_to(self.current + 1)
    }

    fn change_to(&self, place: usize) -> Option<&'static str> {
        let before = self.recipes.get(place.checked_sub(1)?)?;
        Some(self.recipes.get(place)?.change_since(before))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::request::N_LATENT;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Cell;

    fn recipe(seed: u32, temperature: f32) -> Recipe {
        Recipe {
            request: Request::new(seed, 0, temperature, [0.0; N_LATENT]),
            input: None,
            locks: None,
            groove: Groove::empty(16),
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
        assert_eq!(history.undo().unwrap().request.seed, 2);
        assert_eq!(history.undo().unwrap().request.seed, 1);
        assert!(history.undone().is_none());
        assert!(history.undo().is_none());
        assert_eq!(history.redo().unwrap().request.seed, 2);
        assert_eq!(history.redo().unwrap().request.seed, 3);
        assert!(history.redone().is_none());
        assert!(history.redo().is_none());
    }

    #[test]
    fn the_pattern_that_undo_brings_back_is_not_a_new_one() {
        let (mut history, now) = history([1, 2]);
        let back = history.undo().unwrap();
        let mut through_the_host = back;
        through_the_host.request.temperature += 1e-6;
        history.record(through_the_host, now);
        assert!(history.redone().is_some());
    }

    #[test]
    fn the_pattern_that_sounds_until_the_one_before_comes_in_is_not_a_new_one() {
        let (mut history, now) = history([1, 2]);
        history.undo();
        history.record(recipe(2, 1.0), now);
        assert!(history.redone().is_some());
        history.record(recipe(1, 1.0), now);
        assert!(history.redone().is_some() && history.undone().is_none());
    }

    #[test]
    fn a_new_pattern_after_undo_forgets_the_ones_that_followed() {
        let (mut history, now) = history([1, 2, 3]);
        history.undo();
        history.record(recipe(9, 1.0), now);
        assert!(history.redone().is_none());
        assert_eq!(history.undo().unwrap().request.seed, 2);
    }

    #[test]
    fn one_movement_of_a_control_is_one_step_back() {
        let (mut history, mut now) = history([1]);
        for hundredth in 1..=20_u8 {
            history.record(recipe(1, 1.0 + f32::from(hundredth) / 100.0), now);
            now += Duration::from_millis(30);
        }
        assert_eq!(history.undo().unwrap().request.temperature, 1.0);
        assert!(history.undone().is_none());
    }

    #[test]
    fn another_seed_is_always_a_step_of_its_own() {
        let mut history = History::default();
        let now = Instant::now();
        for seed in 1..=3 {
            history.record(recipe(seed, 1.0), now);
        }
        assert_eq!(history.undo().unwrap().request.seed, 2);
    }

    #[test]
    fn every_variation_is_a_step_of_its_own() {
        let mut history = History::default();
        let now = Instant::now();
        for variation in 0..3 {
            let mut varied = recipe(9, 1.0);
            varied.request.variation = variation;
            history.record(varied, now);
        }
        assert_eq!(history.undo().unwrap().request.variation, 1);
        assert_eq!(history.undo().unwrap().request.variation, 0);
        assert!(history.undone().is_none());
    }

    #[test]
    fn a_hit_that_is_dragged_is_one_step_and_another_hit_another() {
        let (mut history, mut now) = history([1]);
        let drag = |step: usize, velocity: f32| {
            let mut edited = recipe(1, 1.0);
            let cell = Cell {
                velocity,
                offset: 0.0,
            };
            edited.groove.set(step, Voice::Kick, Some(cell));
            edited.request.locks = velocity.to_bits().into();
            edited
        };
        for velocity in [0.5, 0.6, 0.7] {
            history.record(drag(4, velocity), now);
            now += Duration::from_millis(30);
        }
        let mut both = drag(4, 0.7);
        let cell = both.groove.cell(4, Voice::Kick);
        both.groove.set(5, Voice::Kick, cell);
        both.request.locks = 7;
        history.record(both, now);
        assert_eq!(history.undone(), Some("a hit added"));
        assert_eq!(history.undo().unwrap().groove, drag(4, 0.7).groove);
        assert_eq!(history.undo().unwrap().groove.n_hits(), 0);
        assert!(history.undone().is_none());
    }

    #[test]
    fn what_was_heard_is_listed_newest_first_and_gone_back_to() {
        let (mut history, _) = history([1, 2, 3]);
        let (heard, shown) = history.heard();
        let names: Vec<&str> = heard.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["000003", "000002", "000001"]);
        assert_eq!(
            (heard[0].1, heard[2].1, shown),
            ("another groove", "the first", 0)
        );
        assert_eq!(history.go_to(2).unwrap().request.seed, 1);
        assert_eq!(history.heard().1, 2);
        assert_eq!(history.redo().unwrap().request.seed, 2);
        assert!(history.go_to(3).is_none());
    }

    #[test]
    fn undo_says_what_it_takes_back() {
        let (mut history, now) = history([1, 2]);
        let changes: [fn(&mut Request); 6] = [
            |request| request.play.style = Some(3),
            |request| request.play.intensity = 0.5,
            |request| request.play.swing = 0.5,
            |request| request.form.fill_every = 4,
            |request| request.latent[2] = 1.0,
            |request| request.locks = 7,
        ];
        let mut recipe = recipe(2, 1.0);
        let mut said = vec![history.undone().unwrap()];
        for (seconds, change) in (1..).zip(changes) {
            change(&mut recipe.request);
            history.record(recipe.clone(), now + Duration::from_secs(seconds));
            said.push(history.undone().unwrap());
        }
        let expected = [
            "another groove",
            "style",
            "energy",
            "swing and push",
            "fills and variation",
            "explore",
            "locks",
        ];
        assert_eq!(said, expected);
        history.undo();
        assert_eq!(history.redone(), Some("locks"));
    }

    #[test]
    fn the_oldest_patterns_are_forgotten() {
        let (mut history, _) = history(0..200);
        let mut oldest = 200;
        while let Some(recipe) = history.undo() {
            oldest = recipe.request.seed;
        }
        assert_eq!(usize::try_from(oldest).unwrap(), 200 - LIMIT);
    }
}
