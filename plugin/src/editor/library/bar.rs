//! The preset's name in the top line, with a heart, and the ones before and after.

use super::{Library, Wish, plain};
use crate::editor::button::{Emphasis, button};
use crate::editor::help::Help as _;
use crate::editor::icon::Icon;
use crate::editor::menu;
use crate::library::neighbour;
use crate::request::Request;
use egui::{Rect, Ui, pos2, vec2};

/// Width of the buttons around the name, and height of all.
const BUTTON: f32 = 26.0;
const HEIGHT: f32 = 28.0;
/// The most room that a name takes.
const MAX_WIDTH: f32 = 320.0;

impl Library {
    /// To open the preset so many places away among those that are shown.
    pub(in crate::editor) fn beside(&self, step: isize) -> Option<Wish> {
        let entries = self.listing.iter().flat_map(|listing| &listing.entries);
        let shown = entries.filter(|entry| self.filter.shows(entry));
        let next = neighbour(shown, self.key(), step)?;
        Some(Wish::Open(next.key.clone()))
    }

    /// Draws the bar in as much of `room` as it needs; `live` is what the parameters ask for.
    pub(in crate::editor) fn show_bar(&self, ui: &Ui, room: Rect, live: &Request) -> Option<Wish> {
        let size = vec2(room.width().min(MAX_WIDTH), HEIGHT);
        let whole = Rect::from_center_size(room.center(), size);
        let place = |left: f32, width: f32| {
            Rect::from_min_size(pos2(left, whole.top()), vec2(width, HEIGHT))
        };
        let mut entries = self.listing.iter().flat_map(|listing| &listing.entries);
        let key = self.key();
        let entry = key.and_then(|key| entries.find(|entry| entry.key == *key));
        let mut wish = None;
        let steps = [
            (
                whole.left(),
                -1,
                Icon::Before,
                "The preset before this one.",
            ),
            (whole.right() - BUTTON, 1, Icon::After, "The next preset."),
        ];
        for (left, step, icon, hint) in steps {
            let next = self.beside(step);
            let emphasis = match next {
                Some(_) => Emphasis::Normal,
                None => Emphasis::Disabled,
            };
            if button(ui, place(left, BUTTON), icon, "", emphasis, hint).clicked() {
                wish = next;
            }
        }
        let name = place(
            whole.left() + BUTTON + 2.0,
            whole.width() - 3.0 * BUTTON - 6.0,
        );
        let is_changed = self.opening.is_none()
            && self
                .current
                .as_ref()
                .is_some_and(|current| !plain(&current.request).matches(&plain(live)));
        let text = match key {
            Some(key) if is_changed => format!("{} *", key.name),
            Some(key) => key.name.clone(),
            None => "Library".to_owned(),
        };
        let response = menu::button(ui, name, "library", &text);
        if response.clicked() {
            wish = Some(Wish::Page);
        }
        response.help(
            "The library: all presets, to choose from, and to save one. A star: changed since.",
        );
        let heart = place(name.right() + 2.0, BUTTON);
        let (emphasis, icon) = match entry {
            None => (Emphasis::Disabled, Icon::Heart),
            Some(entry) if entry.is_loved => (Emphasis::On, Icon::FullHeart),
            Some(_) => (Emphasis::Normal, Icon::Heart),
        };
        let hint = "A heart for this preset, to find it again.";
        if button(ui, heart, icon, "", emphasis, hint).clicked()
            && let Some(entry) = entry
        {
            wish = Some(Wish::Love(entry.key.clone(), !entry.is_loved));
        }
        wish
    }
}
