//! The button beside Regenerate that plays the pattern without the host, or makes a muted one heard again.

use super::button::{Emphasis, button};
use super::gesture;
use super::icon::Icon;
use crate::params::FourbarParams;
use crate::shared::Shared;
use egui::{Rect, Ui};
use nice_plug::prelude::ParamSetter;
use std::sync::atomic::Ordering;

/// Width of the button.
pub(super) const WIDTH: f32 = 78.0;

/// Draws the button in `rect`.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
) {
    let (icon, word, emphasis, hint) = if params.mute.value() {
        let hint = "The pattern is muted, so that it is not heard twice where it was dropped. Press to hear it here again.";
        (Icon::Play, "Unmute", Emphasis::On, hint)
    } else {
        let hint = "Plays the pattern while the host is stopped, until it is pressed again or the host plays.";
        let is_playing = shared.audition.load(Ordering::Relaxed);
        let host_plays = shared.host_plays.load(Ordering::Relaxed);
        match (host_plays, is_playing) {
            (true, _) => (Icon::Play, "Play", Emphasis::Disabled, hint),
            (false, true) => (Icon::Stop, "Stop", Emphasis::On, hint),
            (false, false) => (Icon::Play, "Play", Emphasis::Normal, hint),
        }
    };
    if button(ui, rect, icon, word, emphasis, hint).clicked() {
        press(params, shared, setter);
    }
}

/// Does what the button does.
pub(super) fn press(params: &FourbarParams, shared: &Shared, setter: &ParamSetter) {
    if params.mute.value() {
        gesture::set(&params.mute, setter, false);
    } else if !shared.host_plays.load(Ordering::Relaxed) {
        shared.audition.fetch_xor(true, Ordering::Relaxed);
    }
}
