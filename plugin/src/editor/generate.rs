//! The Generate section: another pattern, the seed, back and forth, and how adventurous the model is.

use super::button::{Emphasis, button};
use super::choice::segments;
use super::history::{History, Recipe};
use super::icon::Icon;
use super::knob::knob;
use super::stepper::stepper;
use super::{gesture, theme};
use crate::params::FourbarParams;
use crate::request::MAX_SEED;
use egui::{Align2, Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;
use std::hash::{BuildHasher, RandomState};

/// Draws the section in `rect`.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    params: &FourbarParams,
    setter: &ParamSetter,
    history: &mut History,
) {
    let painter = ui.painter();
    let inside = theme::panel(painter, rect);
    theme::heading(
        painter,
        pos2(inside.left(), inside.top() + 8.0),
        "Generate",
        theme::TEXT_SOFT,
    );

    let row = |top: f32, height: f32| {
        Rect::from_min_size(
            pos2(inside.left(), inside.top() + top),
            vec2(inside.width(), height),
        )
    };
    let hint = "Plays another pattern: a new random seed. Undo brings the old one back.";
    if button(
        ui,
        row(28.0, 44.0),
        Icon::Die,
        "Regenerate",
        Emphasis::Primary,
        hint,
    )
    .clicked()
    {
        gesture::set(&params.seed, setter, another_seed(params.seed.value()));
    }

    let seed_row = row(84.0, 32.0);
    let (seed, arrows) =
        seed_row.split_left_right_at_x(seed_row.right() - 2.0 * 32.0 - 2.0 * theme::UNIT);
    stepper(
        ui,
        seed,
        &params.seed,
        setter,
        6,
        "The seed is the pattern's number: the same number always brings back the same pattern. Drag it, or step with the buttons.",
    );
    let undo = Rect::from_min_size(arrows.min + vec2(theme::UNIT, 0.0), vec2(32.0, 32.0));
    let redo = undo.translate(vec2(32.0 + theme::UNIT, 0.0));
    if button(
        ui,
        undo,
        Icon::Undo,
        "",
        enabled(history.can_undo()),
        "The pattern before this one",
    )
    .clicked()
        && let Some(recipe) = history.undo()
    {
        restore(params, setter, &recipe);
    }
    if button(
        ui,
        redo,
        Icon::Redo,
        "",
        enabled(history.can_redo()),
        "The pattern after this one",
    )
    .clicked()
        && let Some(recipe) = history.redo()
    {
        restore(params, setter, &recipe);
    }

    let bottom = Rect::from_min_max(pos2(inside.left(), inside.top() + 128.0), inside.max);
    let (left, right) = bottom.split_left_right_at_fraction(0.5);
    knob(
        ui,
        Rect::from_min_size(
            pos2(left.left(), left.center().y - 28.0),
            vec2(left.width(), 56.0),
        ),
        &params.temperature,
        setter,
        "How adventurous the pattern is. 0 is the most likely hits, 1 is as the drummers played, 2 is wild.",
    );
    theme::text(
        painter,
        pos2(right.left(), right.center().y - 20.0),
        Align2::LEFT_CENTER,
        "New pattern starts",
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    segments(
        ui,
        Rect::from_min_size(
            pos2(right.left(), right.center().y - 4.0),
            vec2(right.width(), 28.0),
        ),
        &params.apply_at,
        setter,
        &["Now", "Beat", "Bar", "Loop"],
        "When a new pattern comes in while the song plays: at once, or at the next beat, bar, or start of the four bars.",
    );
}

fn enabled(is_enabled: bool) -> Emphasis {
    if is_enabled {
        Emphasis::Normal
    } else {
        Emphasis::Disabled
    }
}

/// Sets every parameter of `recipe` that differs, each as a gesture of its own.
fn restore(params: &FourbarParams, setter: &ParamSetter, recipe: &Recipe) {
    let now = Recipe::from(&params.request(0));
    if now.seed != recipe.seed {
        gesture::set(
            &params.seed,
            setter,
            recipe.seed.min(MAX_SEED).cast_signed(),
        );
    }
    if now.temperature.to_bits() != recipe.temperature.to_bits() {
        gesture::set(&params.temperature, setter, recipe.temperature);
    }
    for (axis, (before, after)) in params
        .latent
        .iter()
        .zip(now.latent.iter().zip(&recipe.latent))
    {
        if before.to_bits() != after.to_bits() {
            gesture::set(&axis.position, setter, *after);
        }
    }
}

/// A random seed other than `current`, from the system's randomness.
fn another_seed(current: i32) -> i32 {
    let range = u64::from(MAX_SEED);
    // A random step round the circle of seeds that is not a whole turn.
    let step = 1 + RandomState::new().hash_one(current) % range;
    let next = (u64::from(current.unsigned_abs()) + step) % (range + 1);
    i32::try_from(next).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_seed_is_in_range_and_is_another() {
        let highest = MAX_SEED.cast_signed();
        for current in [0, 1, 500_000, highest] {
            for _ in 0..200 {
                let seed = another_seed(current);
                assert!((0..=highest).contains(&seed) && seed != current);
            }
        }
    }
}
