//! The pattern as a file for others: exported, dragged to another program, or copied. Used by the window's thread only.

use super::background::Background;
use super::button::{Emphasis, button};
use super::drag_handle::{self, Handle};
use super::export::{Export, Made};
use super::export_menu::{Asked, ExportMenu};
use super::handover::{CAN_DRAG, Clipboard, Drag, Dropped};
use super::icon::Icon;
use super::status_line::Message;
use crate::audio::scheduler::Output;
use crate::params::FourbarParams;
use crate::request::Ready;
use crate::shared::Shared;
use egui::{CursorIcon, InputState, Key, Rect, Response, Ui};
use fourbar_kit::Settings;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Files on their way out, and the menu that says what they are to be.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    menu: ExportMenu,
    export: Option<Background<Made>>,
    copy: Option<Background<(PathBuf, Clipboard)>>,
    drag: Option<Drag>,
    /// What was copied last, for as long as others may paste it.
    clipboard: Option<Clipboard>,
    /// The host's window around ours, by its number on this system; 0 before there was one.
    pub(super) host_window: usize,
}

/// What has come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) message: Message,
    /// Whether another program has the pattern now.
    pub(super) is_dropped: bool,
}

impl Outbox {
    /// What has come of the last export, drag or copy.
    pub(super) fn news(&mut self) -> Option<News> {
        if let Some(outcome) = self.export.as_ref().and_then(Background::outcome) {
            self.export = None;
            return Some(said(
                outcome.map(|made| format!("Exported to {}", made.path.display())),
            ));
        }
        if let Some(outcome) = self.copy.as_ref().and_then(Background::outcome) {
            self.copy = None;
            return Some(said(outcome.map(|(path, clipboard)| {
                self.clipboard = Some(clipboard);
                format!("Copied {}: paste it in another program.", path.display())
            })));
        }
        let outcome = self.drag.as_ref().and_then(Drag::outcome)?;
        self.drag = None;
        Some(match outcome {
            Ok(Dropped::Taken(path)) => News {
                message: Message::Done(format!("Dropped {}, which stays there.", path.display())),
                is_dropped: true,
            },
            Ok(Dropped::Nowhere) => News {
                message: Message::Hint(
                    "Nothing was dropped. Drag to a track or a folder, or press Export.",
                ),
                is_dropped: false,
            },
            Err(problem) => said(Err(problem)),
        })
    }

    /// Whether an export can begin.
    pub(super) fn is_free(&self) -> bool {
        self.export.is_none() && self.copy.is_none()
    }

    /// Draws the handle in `rect`, where this system has drags, and begins one where it is taken hold of. True if one begins.
    pub(super) fn show_handle(
        &mut self,
        ui: &Ui,
        rect: Rect,
        ready: Option<&Ready>,
        params: &FourbarParams,
        shared: &Shared,
    ) -> bool {
        if !CAN_DRAG {
            return self.show_copy(ui, rect, ready, params, shared);
        }
        let handle = Handle {
            ready,
            feel: params.feel(),
            kind: params.export.kind(),
            is_dragged: self.drag.is_some(),
        };
        let response = drag_handle::show(ui, rect, &handle);
        if let Some(drag) = &self.drag {
            let icon = match (response.dragged(), drag.is_welcome()) {
                (false, _) => CursorIcon::Default,
                (true, true) => CursorIcon::Copy,
                (true, false) => CursorIcon::Grabbing,
            };
            ui.ctx().set_cursor_icon(icon);
            // The drag sees the key by itself while it is held; a tap may be too short for that.
            let is_cancelled =
                |input: &InputState| input.pointer.primary_down() && input.key_pressed(Key::Escape);
            if ui.input(is_cancelled) {
                drag.cancel();
            }
        }
        let Some(ready) = ready.filter(|_| response.drag_started()) else {
            return false;
        };
        let export = export(ready, params, shared);
        let make = move |stop: &AtomicBool| export.make_for_others(stop);
        let file = Background::start_stoppable("fourbar export", make);
        // One that was dropped before and is still waited for gives way.
        self.drag = Some(Drag::start(file, self.host_window));
        true
    }

    /// Draws a button in place of the handle: what is copied can be pasted where nothing can be dropped.
    fn show_copy(
        &mut self,
        ui: &Ui,
        rect: Rect,
        ready: Option<&Ready>,
        params: &FourbarParams,
        shared: &Shared,
    ) -> bool {
        let ready = ready.filter(|_| self.is_free());
        let emphasis = match ready {
            Some(_) => Emphasis::Normal,
            None => Emphasis::Disabled,
        };
        let hint =
            "Puts the pattern on the clipboard as a file, to be pasted in a DAW or a folder.";
        let copy = button(ui, rect, Icon::Copy, "Copy as file", emphasis, hint);
        let Some(ready) = ready.filter(|_| copy.clicked()) else {
            return false;
        };
        self.start_copy(ready, params, shared);
        true
    }

    /// Shows the menu that `button` opens, and does what is asked for in it. True if something begins.
    pub(super) fn show_menu(
        &mut self,
        button: &Response,
        ready: Option<&Ready>,
        params: &FourbarParams,
        shared: &Shared,
    ) -> bool {
        let can_export = ready.is_some() && self.is_free();
        let asked = self.menu.show(button, &params.export, can_export);
        let (Some(ready), Some(asked)) = (ready, asked) else {
            return false;
        };
        match asked {
            Asked::Export => self.start_export(ready, params, shared),
            Asked::Copy => self.start_copy(ready, params, shared),
        }
        true
    }

    /// Starts writing a new file.
    pub(super) fn start_export(&mut self, ready: &Ready, params: &FourbarParams, shared: &Shared) {
        let export = export(ready, params, shared);
        let make = move |stop: &AtomicBool| export.make(stop);
        self.export = Some(Background::start_stoppable("fourbar export", make));
    }

    /// Starts writing a file for the clipboard.
    pub(super) fn start_copy(&mut self, ready: &Ready, params: &FourbarParams, shared: &Shared) {
        let export = export(ready, params, shared);
        let copy = move |stop: &AtomicBool| {
            let made = export.make_for_others(stop)?;
            let clipboard = Clipboard::offer(&made.path)?;
            Ok((made.path, clipboard))
        };
        self.copy = Some(Background::start_stoppable("fourbar copy", copy));
    }
}

fn said(outcome: Result<String, String>) -> News {
    News {
        message: match outcome {
            Ok(done) => Message::Done(done),
            Err(problem) => Message::Problem(problem),
        },
        is_dropped: false,
    }
}

/// What `ready` sounds like now, as a file.
fn export(ready: &Ready, params: &FourbarParams, shared: &Shared) -> Export {
    let Output {
        keys,
        channel,
        routing,
        ..
    } = params.output();
    let gain = params.kit_gain();
    Export {
        pattern: ready.pattern.of_length(params.export.length_beats(ready)),
        feel: params.feel(),
        keys,
        channel,
        routing,
        tempo_bpm: shared.tempo_bpm(),
        metre: ready.request.metre,
        // A kit that is off here, for another instrument to play, is asked for all the same.
        kit: Settings {
            is_split: false,
            ..params.kit.settings(if gain > 0.0 { gain } else { 1.0 })
        },
        kind: params.export.kind(),
        name: ready.request.name(),
    }
}
