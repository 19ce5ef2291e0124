//! What an exported file is to be and where it goes: a menu beside the Export button.

use super::background::Background;
use super::button::{Emphasis, button};
use super::choice::{options, toggle};
use super::export::{Folder, Listing, Place};
use super::help::Help as _;
use super::icon::Icon;
use super::stepper::side_button;
use super::{menu, theme};
use crate::params::{ExportChoices, FileKind, MAX_PASSES};
use egui::{
    Align2, Popup, PopupCloseBehavior, Rect, RectAlign, Response, ScrollArea, Sense, Stroke,
    StrokeKind, Ui, pos2, vec2,
};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Size of the menu.
const WIDTH: f32 = 312.0;
const MAX_LIST: f32 = 156.0;
/// Height of a row.
const ROW: f32 = 32.0;

/// The menu and the folder that it shows.
#[derive(Debug, Default)]
pub(super) struct ExportMenu {
    /// The export folder and what is in it, as it was when it was last looked at.
    listing: Option<Result<Listing, String>>,
    looking: Option<Background<Listing>>,
}

/// What was asked for in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A file in the folder.
    Export,
    /// The file on the clipboard.
    Copy,
}

impl ExportMenu {
    /// Shows the menu that `button` opens.
    pub(super) fn show(
        &mut self,
        button: &Response,
        choices: &ExportChoices,
        can_export: bool,
    ) -> Option<Asked> {
        if button.clicked() {
            self.look(|| Listing::of(Folder::chosen()?.path));
        }
        if let Some(listing) = self.looking.as_ref().and_then(Background::outcome) {
            self.listing = Some(listing);
            self.looking = None;
        }
        let menu = Popup::menu(button)
            .align(RectAlign::TOP_END)
            .gap(4.0)
            .width(WIDTH)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| {
                ui.set_width(WIDTH);
                ui.spacing_mut().item_spacing.y = 0.0;
                file(ui, choices);
                ui.separator();
                self.show_folder(ui);
                ui.separator();
                let asked = buttons(ui, can_export);
                if asked.is_some() {
                    ui.close();
                }
                asked
            });
        menu.and_then(|menu| menu.inner)
    }

    fn show_folder(&mut self, ui: &mut Ui) {
        let mut wanted = None;
        match &self.listing {
            None => faint(ui, "Looking into the folder\u{2026}"),
            Some(Err(problem)) => {
                faint(ui, problem);
                if menu::line(ui, "Fourbar's own folder", "", false).clicked() {
                    self.look(|| {
                        let ours = Folder::ours()?.path;
                        Folder::choose(&ours)?;
                        Listing::of(ours)
                    });
                }
            }
            Some(Ok(listing)) => wanted = folders(ui, listing),
        }
        if let Some(path) = wanted {
            self.look(move || {
                let listing = Listing::of(path)?;
                Folder::choose(&listing.path)?;
                Ok(listing)
            });
        }
    }

    fn look(&mut self, job: impl FnOnce() -> Result<Listing, String> + Send + 'static) {
        let looking = Background::start_stoppable("fourbar folders", move |_| job());
        self.looking = Some(looking);
    }
}

/// Which file it is to be.
fn file(ui: &mut Ui, choices: &ExportChoices) {
    let kind = row(ui, "File");
    let kinds = [FileKind::Midi, FileKind::Wav];
    let chosen = kinds.iter().position(|&kind| kind == choices.kind());
    let hint =
        "MIDI holds the notes; WAV holds the sound of the built-in kit, at 48 kHz and 24 bit.";
    if let Some(picked) = options(ui, kind, "file", &["MIDI", "WAV"], chosen, hint) {
        choices.choose_kind(kinds[picked]);
    }
    passes(ui, choices);
    let switch = row(ui, "Mute");
    let mutes = choices.mutes.load(Ordering::Relaxed);
    let hint = "Once the pattern is dropped in another program, it plays there: Fourbar mutes itself until you press \
                Unmute.";
    if toggle(ui, switch, "mute after a drag", mutes, hint) {
        choices.mutes.store(!mutes, Ordering::Relaxed);
    }
    theme::text(
        ui.painter(),
        pos2(switch.left() + 36.0 + theme::UNIT, switch.center().y),
        Align2::LEFT_CENTER,
        "after a drag",
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
}

/// How many passes of the groove it holds.
fn passes(ui: &mut Ui, choices: &ExportChoices) {
    let place = row(ui, "Passes");
    theme::well(ui.painter(), place, theme::CONTROL_EDGE);
    let side = place.height();
    let (less, rest) = place.split_left_right_at_x(place.left() + side);
    let (middle, more) = rest.split_left_right_at_x(rest.right() - side);
    let now = choices.n_passes();
    if side_button(ui, less, Icon::Minus, "passes").clicked() {
        choices.choose_passes(now.and_then(|now| now.checked_sub(1)));
    }
    if side_button(ui, more, Icon::Plus, "passes").clicked() {
        choices.choose_passes(Some(now.unwrap_or(0).saturating_add(1).min(MAX_PASSES)));
    }
    let text = match now {
        None => "Until it repeats".to_owned(),
        Some(n_passes) => n_passes.to_string(),
    };
    theme::text(
        ui.painter(),
        middle.center(),
        Align2::CENTER_CENTER,
        &text,
        theme::semibold(12.5),
        theme::TEXT,
    );
    let hint = "How often the groove is played in the file, with its fills and variations as they are heard from the \
                song's start.";
    ui.interact(middle, ui.id().with("passes"), Sense::hover())
        .help(hint);
}

/// The folder, those around it and those that are quickly gone to. Returns the one that was picked.
fn folders(ui: &mut Ui, listing: &Listing) -> Option<PathBuf> {
    let mut wanted = None;
    let place = row(ui, "Folder");
    let path = listing.path.display().to_string();
    // The end of a path says more than its start.
    let shown = end_that_fits(ui, &path, place.width());
    theme::text(
        ui.painter(),
        place.left_center(),
        Align2::LEFT_CENTER,
        &shown,
        theme::semibold(12.0),
        theme::TEXT,
    );
    ui.interact(place, ui.id().with("folder"), Sense::hover())
        .help(path);
    let mut line = |ui: &mut Ui, place: &Place, remark: &str| {
        if menu::line(ui, &place.name, remark, place.path == listing.path).clicked() {
            wanted = Some(place.path.clone());
        }
    };
    ScrollArea::vertical().max_height(MAX_LIST).show(ui, |ui| {
        if let Some(parent) = &listing.parent {
            let up = Place {
                name: "..".to_owned(),
                path: parent.clone(),
            };
            line(ui, &up, "up");
        }
        for inside in &listing.inside {
            line(ui, inside, "");
        }
        for favourite in &listing.favourites {
            line(ui, favourite, "go to");
        }
    });
    wanted
}

/// As much of the end of `text` as `width` has room for.
fn end_that_fits(ui: &Ui, text: &str, width: f32) -> String {
    let fits = |text: &str| {
        let galley =
            ui.painter()
                .layout_no_wrap(text.to_owned(), theme::semibold(12.0), theme::TEXT.into());
        galley.size().x <= width
    };
    if fits(text) {
        return text.to_owned();
    }
    let ends = text.char_indices().skip(1).map(|(start, _)| &text[start..]);
    let mut shortened = ends.map(|end| format!("\u{2026}{end}"));
    shortened.find(|end| fits(end)).unwrap_or_default()
}

fn buttons(ui: &mut Ui, can_export: bool) -> Option<Asked> {
    let (place, _) = ui.allocate_exact_size(vec2(WIDTH, ROW + theme::UNIT), Sense::hover());
    let place = place.with_min_y(place.top() + theme::UNIT);
    let (left, right) = place.split_left_right_at_fraction(0.5);
    let emphasis = if can_export {
        Emphasis::Normal
    } else {
        Emphasis::Disabled
    };
    let left = left.with_max_x(left.right() - theme::UNIT / 2.0);
    let right = right.with_min_x(right.left() + theme::UNIT / 2.0);
    let hint = "Puts the file on the clipboard, to be pasted in a file manager or a DAW that takes files from there.";
    let copy = button(ui, left, Icon::Copy, "Copy as file", emphasis, hint).clicked();
    let hint = "Writes a new file into this folder.";
    let export = button(ui, right, Icon::Export, "Export here", emphasis, hint).clicked();
    // The menu has the colour of buttons.
    let edge = Stroke::new(1.0, theme::CONTROL_EDGE);
    for place in [left, right] {
        ui.painter()
            .rect_stroke(place, theme::CONTROL_CORNERS, edge, StrokeKind::Inside);
    }
    match (copy, export) {
        (true, _) => Some(Asked::Copy),
        (_, true) => Some(Asked::Export),
        _ => None,
    }
}

/// The next row of the menu, with its label drawn; the room for the control.
fn row(ui: &mut Ui, label: &str) -> Rect {
    let (place, _) = ui.allocate_exact_size(vec2(WIDTH, ROW), Sense::hover());
    theme::labelled(ui.painter(), place.shrink2(vec2(0.0, 2.0)), label)
}

fn faint(ui: &mut Ui, text: &str) {
    ui.label(egui::RichText::new(text).color(theme::TEXT_FAINT));
}
