//! The Generate page: another pattern, its name, back and forth, and how adventurous the model is.

use super::button::{Emphasis, button};
use super::choice::segments;
use super::history::{History, Recipe};
use super::icon::Icon;
use super::knob::knob;
use super::seed::{self, Typed};
use super::{gesture, listen, theme};
use crate::groove_name::GrooveName;
use crate::params::{FillEvery, FillSize, FourbarParams, LIVE, VaryEvery, style_value};
use crate::request::MAX_SEED;
use crate::shared::Shared;
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;

/// Draws the page in the section `inside` under its heading.
pub(super) fn show(
    ui: &mut Ui,
    inside: Rect,
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
    history: &mut History,
    typed: &mut Typed,
) {
    let painter = &ui.painter().clone();
    let row = |top: f32, height: f32| {
        Rect::from_min_size(
            pos2(inside.left(), inside.top() + top),
            vec2(inside.width(), height),
        )
    };
    let (place, play) = beside_play(row(28.0, 42.0));
    let hint = "Plays another pattern: a new random seed. Undo brings the old one back.";
    let (icon, emphasis) = (Icon::Die, Emphasis::Primary);
    if button(ui, place, icon, "Regenerate", emphasis, hint).clicked() {
        regenerate(params, setter);
    }
    listen::show(ui, play, params, shared, setter);

    let variation = shared.variation.load(Ordering::Relaxed);
    let field = theme::labelled(painter, row(82.0, 30.0), "Seed");
    seed::show(ui, field, params, setter, variation, typed);

    let middle = row(122.0, 52.0);
    let width = theme::by_room(ui.ctx(), 34.0, 38.0);
    let redo = Rect::from_center_size(
        pos2(middle.right() - width / 2.0, middle.center().y),
        vec2(width, 34.0),
    );
    let undo = redo.translate(vec2(
        -width - theme::by_room(ui.ctx(), 6.0, theme::UNIT),
        0.0,
    ));
    let hint = "How adventurous the pattern is. 0 is the most likely hits, 1 is as the drummers played, 2 is wild.";
    knob(
        ui,
        middle.with_max_x(undo.left()),
        &params.temperature,
        setter,
        hint,
    );
    if button(
        ui,
        undo,
        Icon::Undo,
        "",
        enabled(history.undone().is_some()),
        &format!("Undo: {}", history.undone().unwrap_or("nothing yet")),
    )
    .clicked()
    {
        self::undo(params, shared, setter, history);
    }
    if button(
        ui,
        redo,
        Icon::Redo,
        "",
        enabled(history.redone().is_some()),
        &format!("Redo: {}", history.redone().unwrap_or("nothing")),
    )
    .clicked()
    {
        self::redo(params, shared, setter, history);
    }

    let hint = "When a new pattern comes in while the song plays: at once, or at the next beat, bar, or start of the pattern.";
    let apply_at = theme::labelled(painter, row(184.0, 30.0), "Apply at");
    segments(
        ui,
        apply_at,
        &params.apply_at,
        setter,
        &["Now", "Beat", "Bar", "Pattern"],
        hint,
    );
}

/// The place of what makes grooves, and of the button beside it that plays them.
pub(super) fn beside_play(row: Rect) -> (Rect, Rect) {
    let (left, right) = row.split_left_right_at_x(row.right() - listen::WIDTH);
    (left.with_max_x(left.right() - theme::UNIT), right)
}

/// Wants another groove.
pub(super) fn regenerate(params: &FourbarParams, setter: &ParamSetter) {
    let name = GrooveName {
        seed: another_seed(params.seed.value()),
        variation: 0,
    };
    seed::choose(params, setter, name);
    play_live(params, setter);
}

/// Goes back to the groove before, if there is one.
pub(super) fn undo(
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
    history: &mut History,
) {
    if let Some(recipe) = history.undo() {
        restore(params, shared, setter, &recipe);
    }
}

/// Goes on to the groove that was taken back last, if there is one.
pub(super) fn redo(
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
    history: &mut History,
) {
    if let Some(recipe) = history.redo() {
        restore(params, shared, setter, &recipe);
    }
}

fn enabled(is_enabled: bool) -> Emphasis {
    if is_enabled {
        Emphasis::Normal
    } else {
        Emphasis::Disabled
    }
}

/// Sets every parameter of `recipe` that differs, each as a gesture of its own, the variation and what was put in and locked, and
/// plays it Live.
pub(super) fn restore(
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
    recipe: &Recipe,
) {
    let request = &recipe.request;
    shared.change_input(recipe.input.clone());
    shared.change_locks(recipe.locks.clone());
    play_live(params, setter);
    seed::choose(params, setter, request.name());
    let (play, wanted) = (&params.play, &request.play);
    let style = style_value(wanted.style);
    gesture::change(&play.style, setter, style);
    let (form, wanted_form) = (&params.form, &request.form);
    gesture::change(
        &form.fill_every,
        setter,
        FillEvery::of_bars(wanted_form.fill_every),
    );
    gesture::change(
        &form.fill_size,
        setter,
        FillSize::of_beats(wanted_form.fill_beats),
    );
    gesture::change(
        &form.vary_every,
        setter,
        VaryEvery::of_passes(wanted_form.vary_every),
    );
    let amounts = [
        (&params.temperature, request.temperature),
        (&play.feel_temperature, request.feel_temperature),
        (&play.complexity, wanted.complexity),
        (&play.intensity, wanted.intensity),
        (&play.swing, wanted.swing),
        (&play.push, wanted.push),
        (&form.variation, wanted_form.variation),
    ];
    let positions = params.latent.iter().map(|axis| &axis.position);
    for (param, wanted) in amounts.into_iter().chain(positions.zip(request.latent)) {
        gesture::change(param, setter, wanted);
    }
}

/// Plays what the parameters say, whatever slot played.
pub(super) fn play_live(params: &FourbarParams, setter: &ParamSetter) {
    params.slots.forget_key();
    gesture::change(&params.slots.slot, setter, LIVE);
}

/// A random seed other than `current`, from the system's randomness.
pub(super) fn another_seed(current: i32) -> u32 {
    let range = u64::from(MAX_SEED);
    // A random step round the circle of seeds that is not a whole turn.
    let step = 1 + RandomState::new().hash_one(current) % range;
    let next = (u64::from(current.unsigned_abs()) + step) % (range + 1);
    u32::try_from(next).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_seed_is_in_range_and_is_another() {
        for current in [0, 1, 500_000, MAX_SEED] {
            for _ in 0..200 {
                let seed = another_seed(current.cast_signed());
                assert!(seed <= MAX_SEED && seed != current);
            }
        }
    }
}
