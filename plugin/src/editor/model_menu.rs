//! Which model plays: its name in the header, and a menu of those that there are, with the card of the one under the
//! pointer.

use super::background::Background;
use super::help::Help as _;
use super::theme::Shade;
use super::{menu, theme};
use crate::inference::card::Card;
use crate::inference::checkpoints;
use crate::inference::models::{self, BuiltIn, Choice};
use crate::shared::Snapshot;
use egui::text::LayoutJob;
use egui::{Align, Align2, Layout, Popup, Pos2, Rect, RectAlign, ScrollArea, TextFormat, Ui, vec2};
use std::sync::atomic::AtomicBool;

/// Height of the button in the header.
const HEIGHT: f32 = 28.0;
/// The most room that a name takes in the header.
const MAX_NAME: f32 = 140.0;
/// Size of the menu.
const MENU_WIDTH: f32 = 328.0;
const MAX_LIST: f32 = 220.0;

/// The menu and what it lists.
#[derive(Debug)]
pub(super) struct ModelMenu {
    /// The files in the models folder, as they were when the menu was last opened.
    files: Result<Vec<String>, String>,
    listing: Option<Background<Vec<String>>>,
    /// What the models say of themselves, of those that were pointed at since then.
    cards: Vec<(Choice, Result<Card, String>)>,
    reading: Option<(Choice, Background<Card>)>,
}

/// What was picked in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Picked {
    /// A model to play.
    Model(Choice),
    /// The models folder is to be shown.
    Folder,
    /// A model is to be trained.
    Train,
}

/// A line of the menu that is a model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    choice: Choice,
    remark: &'static str,
    is_chosen: bool,
}

impl Default for ModelMenu {
    fn default() -> Self {
        Self {
            files: Ok(Vec::new()),
            listing: None,
            cards: Vec::new(),
            reading: None,
        }
    }
}

impl ModelMenu {
    /// Draws the button with its right end at `right`, and the menu if it is open. Returns what was picked and where the button
    /// begins.
    pub(super) fn show(
        &mut self,
        ui: &Ui,
        right: Pos2,
        snapshot: &Snapshot,
    ) -> (Option<Picked>, f32) {
        let name = name(snapshot);
        let place = place(ui, right, name);
        let response = menu::button(ui, place, "model", name);
        if response.clicked() {
            let job = |_: &AtomicBool| models::list(&models::folder()?);
            self.listing = Some(Background::start_stoppable("fourbar models", job));
            self.cards.clear();
        }
        if let Some(files) = self.listing.as_ref().and_then(Background::outcome) {
            self.files = files;
            self.listing = None;
        }
        let menu = Popup::menu(&response)
            .align(RectAlign::BOTTOM_END)
            .gap(4.0)
            .width(MENU_WIDTH)
            .show(|ui| self.show_menu(ui, snapshot));
        if menu.is_none() {
            response.help("Which model makes the patterns: a built-in one or your own.");
        }
        (menu.and_then(|menu| menu.inner), place.left())
    }

    fn show_menu(&mut self, ui: &mut Ui, snapshot: &Snapshot) -> Option<Picked> {
        ui.set_width(MENU_WIDTH);
        let mut picked = None;
        let mut described = None;
        let files = self.files.as_deref().unwrap_or_default();
        ScrollArea::vertical().max_height(MAX_LIST).show(ui, |ui| {
            for line in lines(files, &snapshot.choice) {
                let response = menu::line(ui, line.choice.name(), line.remark, line.is_chosen);
                let is_at_it = response.hovered() || response.has_focus();
                if is_at_it || (line.is_chosen && described.is_none()) {
                    described = Some(line.choice.clone());
                }
                if response.clicked() {
                    picked = Some(Picked::Model(line.choice));
                }
            }
        });
        ui.separator();
        let hint = match &self.files {
            Err(problem) => Some(problem.as_str()),
            Ok(files) if files.is_empty() && self.listing.is_none() => Some(
                "Put checkpoints that `fourbar train` or `fourbar import` wrote into the models folder, and they are \
                 listed here.",
            ),
            Ok(_) => None,
        };
        if let Some(hint) = hint {
            ui.label(egui::RichText::new(hint).color(theme::TEXT_FAINT));
        }
        if menu::line(ui, "Train on my loops\u{2026}", "", false).clicked() {
            picked = Some(Picked::Train);
        }
        if menu::line(ui, "Open the models folder", "", false).clicked() {
            picked = Some(Picked::Folder);
        }
        if let Some(choice) = described {
            ui.separator();
            // The lines of a menu are as wide as it is, which is no way to set a paragraph.
            ui.with_layout(Layout::top_down(Align::LEFT), |ui| {
                match self.card(choice) {
                    Some(Ok(card)) => show_card(ui, card),
                    Some(Err(problem)) => {
                        ui.label(egui::RichText::new(problem).color(theme::BAD));
                    }
                    None => {}
                }
            });
        }
        picked
    }

    /// What the model says of itself, once it has been read.
    fn card(&mut self, choice: Choice) -> Option<&Result<Card, String>> {
        if let Some((of, reading)) = &self.reading
            && let Some(card) = reading.outcome()
        {
            self.cards.push((of.clone(), card));
            self.reading = None;
        }
        let place = self.cards.iter().position(|(of, _)| *of == choice);
        if place.is_none() && self.reading.is_none() {
            let of = choice.clone();
            let job = move |_: &AtomicBool| checkpoints::card(&of);
            let reading = Background::start_stoppable("fourbar card", job);
            self.reading = Some((choice, reading));
        }
        Some(&self.cards[place?].1)
    }
}

/// Draws a card, a paragraph for each of its lines.
fn show_card(ui: &mut Ui, card: &Card) {
    for (about, text) in &card.lines {
        let mut paragraph = LayoutJob::default();
        let format = |font, colour: Shade| TextFormat::simple(font, colour.into());
        paragraph.append(about, 0.0, format(theme::medium(11.5), theme::TEXT_FAINT));
        paragraph.append(
            text,
            theme::UNIT,
            format(theme::medium(11.5), theme::TEXT_SOFT),
        );
        ui.label(paragraph);
    }
}

/// The name of the model that plays, or that is being loaded.
fn name(snapshot: &Snapshot) -> &str {
    if snapshot.checkpoint.is_some() && !snapshot.model.is_empty() {
        &snapshot.model
    } else {
        snapshot.choice.name()
    }
}

/// The models to choose from: those in the plugin file, those in the folder, and the chosen one if it is neither.
fn lines(files: &[String], choice: &Choice) -> Vec<Line> {
    let chosen = match choice {
        Choice::BuiltIn(_) => None,
        Choice::User(model) => Some(model.file.as_str()),
    };
    let built_in = BuiltIn::ALL.map(|model| {
        let own = Choice::BuiltIn(model);
        Line {
            is_chosen: own == *choice,
            choice: own,
            remark: "built in",
        }
    });
    let in_folder = files.iter().map(|file| Line {
        choice: Choice::in_file(file),
        remark: "",
        is_chosen: chosen == Some(file),
    });
    let missing = chosen
        .filter(|chosen| !files.iter().any(|file| file == chosen))
        .map(|file| Line {
            choice: Choice::in_file(file),
            remark: "not in the folder",
            is_chosen: true,
        });
    built_in
        .into_iter()
        .chain(in_folder)
        .chain(missing)
        .collect()
}

/// The place of the button, as wide as its name.
fn place(ui: &Ui, right: Pos2, name: &str) -> Rect {
    let text =
        ui.painter()
            .layout_no_wrap(name.to_owned(), theme::semibold(12.5), theme::TEXT.into());
    let width = text.size().x.min(MAX_NAME) + menu::BUTTON_ROOM;
    Align2::RIGHT_CENTER.anchor_size(right, vec2(width, HEIGHT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::models::UserModel;

    #[test]
    fn the_chosen_model_is_marked_and_listed_even_if_it_is_missing() {
        let files = ["a.safetensors".to_owned(), "b.safetensors".to_owned()];
        let marked = |choice: &Choice| -> Vec<(String, bool)> {
            lines(&files, choice)
                .into_iter()
                .map(|line| (line.choice.name().to_owned(), line.is_chosen))
                .collect()
        };
        let menu = |names: &[&str], chosen: &str| -> Vec<(String, bool)> {
            let names = names.iter();
            names
                .map(|name| ((*name).to_owned(), *name == chosen))
                .collect()
        };
        let all = ["fourbar", "groovae_4bar", "a", "b"];
        assert_eq!(marked(&Choice::default()), menu(&all, "fourbar"));
        let old = Choice::BuiltIn(BuiltIn::Groovae4Bar);
        assert_eq!(marked(&old), menu(&all, "groovae_4bar"));
        let chosen = Choice::User(UserModel {
            file: "b.safetensors".to_owned(),
            checkpoint_id: Some("b 12".to_owned()),
        });
        assert_eq!(marked(&chosen), menu(&all, "b"));
        let gone = Choice::in_file("gone.safetensors");
        assert_eq!(
            marked(&gone),
            menu(&["fourbar", "groovae_4bar", "a", "b", "gone"], "gone")
        );
    }

    #[test]
    fn the_name_is_that_of_the_model_that_plays_and_before_of_the_one_that_is_loaded() {
        let mut snapshot = Snapshot {
            choice: Choice::in_file("mine.safetensors"),
            ..Snapshot::default()
        };
        assert_eq!(name(&snapshot), "mine");
        snapshot.model = "fourbar".to_owned();
        snapshot.checkpoint = Some(Ok(String::new()));
        assert_eq!(name(&snapshot), "fourbar");
    }
}
