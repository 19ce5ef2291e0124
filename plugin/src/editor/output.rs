//! The Output page: the preview kit, where notes go, and what leaves as a file.

use super::button::{Emphasis, button};
use super::choice::switch;
use super::icon::Icon;
use super::level::{self, Meter};
use super::map_menu::MapMenu;
use super::number::number;
use super::stepper::stepper;
use super::theme;
use crate::params::FourbarParams;
use egui::{Align2, Rect, Response, Ui, pos2, vec2};
use nice_plug::prelude::ParamSetter;

/// What the section shows besides the parameters.
pub(super) struct Sound {
    /// Level of the kit.
    pub(super) meter: Meter,
    /// Whether a pattern can be exported now.
    pub(super) can_export: bool,
}

/// What was pressed, and what others draw into.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Write the pattern to a file.
    pub(super) export: bool,
    /// The button beside Export, which opens a menu.
    pub(super) more: Response,
    /// The place of the handle by which the pattern is dragged out.
    pub(super) handle: Rect,
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
    maps: &mut MapMenu,
    sound: &Sound,
) -> Shown {
    let painter = ui.painter();
    let row = |index: u8| {
        let top = inside.top() + 23.0 + 32.0 * f32::from(index);
        Rect::from_min_size(pos2(inside.left(), top), vec2(inside.width(), 28.0))
    };
    let level = theme::labelled(painter, row(0), "Kit level");
    let hint = "How loud the built-in drum kit is. All the way down turns it off, for use with another instrument.";
    level::slider(ui, level, &params.kit_level, setter, sound.meter, hint);

    let midi = theme::labelled(painter, row(1), "MIDI out");
    let hint = "Send the notes to the host, to play another instrument or to record them.";
    switch(ui, midi, &params.midi_out, setter, hint);
    let channel = midi.with_min_x(midi.right() - theme::by_room(ui.ctx(), 82.0, 92.0));
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
    maps.show(ui, map, params, setter);

    velocities(
        ui,
        theme::labelled(painter, row(3), "Velocity"),
        params,
        setter,
    );

    let row = |bottom: f32| {
        let bottom = inside.bottom() - bottom;
        Rect::from_x_y_ranges(inside.x_range(), bottom - 30.0..=bottom)
    };
    let (export, more) = export_buttons(ui, row(0.0), sound.can_export);
    Shown {
        export,
        more,
        handle: row(35.0),
    }
}

/// Export, and what it is to write. Whether it was pressed, and the button of its menu.
fn export_buttons(ui: &Ui, row: Rect, can_export: bool) -> (bool, Response) {
    let (place, more) = row.split_left_right_at_x(row.right() - 32.0);
    let emphasis = if can_export {
        Emphasis::Normal
    } else {
        Emphasis::Disabled
    };
    let hint = "Writes the pattern, exactly as it sounds now, as a file into your export folder.";
    let place = place.with_max_x(place.right() - theme::UNIT / 2.0);
    let export = button(ui, place, Icon::Export, "Export", emphasis, hint).clicked();
    let hint = "MIDI or sound, how many passes, which folder; and the file on the clipboard.";
    (
        export,
        button(ui, more, Icon::More, "", Emphasis::Normal, hint),
    )
}
