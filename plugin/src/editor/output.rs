//! The Output page: the preview kit, where notes go, listening and exporting.

use super::button::{Emphasis, button};
use super::choice::{segments, switch};
use super::icon::Icon;
use super::level::{self, Meter};
use super::number::number;
use super::stepper::stepper;
use super::theme;
use crate::params::FourbarParams;
use egui::{Align2, Rect, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;

/// What the section shows besides the parameters.
pub(super) struct Sound {
    /// Level of the kit.
    pub(super) meter: Meter,
    /// Whether the plugin plays by itself.
    pub(super) is_auditioning: bool,
    /// Whether the host's song plays.
    pub(super) host_plays: bool,
    /// Whether a pattern can be exported now.
    pub(super) can_export: bool,
}

/// What was pressed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pressed {
    /// Start or stop playing by itself.
    pub(super) audition: bool,
    /// Write the pattern to a file.
    pub(super) export: bool,
}

/// The curve of the velocities that are sent, and its ends.
fn velocities(ui: &Ui, rect: Rect, params: &FourbarParams, setter: &ParamSetter) {
    let width = (rect.width() - 2.0 * theme::UNIT) / 3.0;
    let place = |index: u8| {
        let left = rect.left() + (width + theme::UNIT) * f32::from(index);
        Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()))
    };
    let level = &params.level;
    let hint = "Makes the velocities that are sent louder (up) or softer (down) between the softest and the loudest.";
    number(ui, place(0), &level.bend, setter, hint);
    let hint = "The MIDI velocity of the softest hit there can be.";
    number(ui, place(1), &level.softest, setter, hint);
    let hint = "The MIDI velocity of the loudest hit there can be.";
    number(ui, place(2), &level.loudest, setter, hint);
}

/// Draws the page in the section `inside` under its heading.
pub(super) fn show(
    ui: &Ui,
    inside: Rect,
    params: &FourbarParams,
    setter: &ParamSetter,
    sound: &Sound,
) -> Pressed {
    let painter = ui.painter();
    let row = |index: u8| {
        let top = inside.top() + 26.0 + 37.0 * f32::from(index);
        Rect::from_min_size(pos2(inside.left(), top), vec2(inside.width(), 30.0))
    };
    let level = theme::labelled(painter, row(0), "Kit level");
    let hint = "How loud the built-in drum kit is. All the way down turns it off, for use with another instrument.";
    level::slider(ui, level, &params.kit_level, setter, sound.meter, hint);

    let midi = theme::labelled(painter, row(1), "MIDI out");
    let hint = "Send the notes to the host, to play another instrument or to record them.";
    switch(ui, midi, &params.midi_out, setter, hint);
    let channel = midi.with_min_x(midi.right() - 92.0);
    let label_at = pos2(channel.left() - theme::UNIT, channel.center().y);
    theme::text(
        painter,
        label_at,
        Align2::RIGHT_CENTER,
        "Ch.",
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    stepper(
        ui,
        channel,
        &params.channel,
        setter,
        |channel| channel.to_string(),
        "The MIDI channel of the notes; drums are usually on 10.",
    );

    let map = theme::labelled(painter, row(2), "Drum map");
    let hint = "Which MIDI keys the drums are sent on: General MIDI, or Roland's electronic kits.";
    segments(
        ui,
        map,
        &params.drum_map,
        setter,
        &["GM", "Roland TD-11"],
        hint,
    );

    velocities(
        ui,
        theme::labelled(painter, row(3), "Velocity"),
        params,
        setter,
    );

    let buttons = Rect::from_min_max(pos2(inside.left(), inside.bottom() - 36.0), inside.max);
    let (left, right) = buttons.split_left_right_at_fraction(0.5);
    let (icon, word, emphasis) = if sound.is_auditioning {
        (Icon::Stop, "Stop", Emphasis::On)
    } else {
        (Icon::Play, "Audition", Emphasis::Normal)
    };
    let emphasis = if sound.host_plays {
        Emphasis::Disabled
    } else {
        emphasis
    };
    let hint =
        "Plays the pattern while the host is stopped, until it is pressed again or the host plays.";
    let audition = button(
        ui,
        left.with_max_x(left.right() - theme::UNIT / 2.0),
        icon,
        word,
        emphasis,
        hint,
    )
    .clicked();
    let emphasis = if sound.can_export {
        Emphasis::Normal
    } else {
        Emphasis::Disabled
    };
    let hint =
        "Writes the pattern, exactly as it sounds now, as a MIDI file into your music folder.";
    let place = right.with_min_x(right.left() + theme::UNIT / 2.0);
    let export = button(ui, place, Icon::Export, "Export MIDI", emphasis, hint).clicked();
    Pressed { audition, export }
}
