//! The History page: everything that was heard since the window was first opened, to go back to.

use super::history::{History, Recipe};
use super::menu;
use egui::{Rect, ScrollArea, Ui, UiBuilder};

/// Draws the page in `rect`; returns what was gone back to.
pub(super) fn show(ui: &mut Ui, rect: Rect, history: &mut History) -> Option<Recipe> {
    let (heard, shown) = history.heard();
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    let mut picked = None;
    ScrollArea::vertical()
        .id_salt("history")
        .max_height(rect.height())
        .auto_shrink(false)
        .show(&mut child, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (place, (name, change)) in heard.iter().enumerate() {
                if menu::line(ui, name, change, place == shown).clicked() {
                    picked = Some(place);
                }
            }
        });
    history.go_to(picked?)
}
