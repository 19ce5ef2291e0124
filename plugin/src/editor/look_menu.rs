//! The two buttons at the bottom right: the page of keys, and the menu of zoom and colours.

use super::button::toggle;
use super::help::Help as _;
use super::look::{Look, Theme, ZOOMS};
use super::menu;
use egui::{Popup, Rect, RectAlign, Ui, vec2};

/// Widths of the two, and between them.
const KEYS: f32 = 28.0;
const MENU: f32 = 76.0;
const GAP: f32 = 6.0;
/// Width of both.
pub(super) const WIDTH: f32 = KEYS + GAP + MENU;
const HEIGHT: f32 = 22.0;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picked {
    /// The page of keys, or the grid again.
    Keys,
    /// Another look.
    Look(Look),
}

/// Draws the buttons at the right of `rect`; `shows_keys`: whether the page of keys is shown.
pub(super) fn show(ui: &Ui, rect: Rect, shows_keys: bool) -> Option<Picked> {
    let look = Look::now();
    let whole = egui::Align2::RIGHT_CENTER.align_size_within_rect(vec2(WIDTH, HEIGHT), rect);
    let (keys, menu) = whole.split_left_right_at_x(whole.left() + KEYS);
    let menu = menu.with_min_x(menu.left() + GAP);
    let hint = "All keys. Tab gives the keyboard to the window, Escape gives it back to the host.";
    let mut picked = toggle(ui, keys, "?", shows_keys, hint).then_some(Picked::Keys);
    let response = menu::button(ui, menu, "look", &format!("{} %", look.zoom_percent));
    let is_shown = Popup::menu(&response)
        .align(RectAlign::TOP_END)
        .gap(4.0)
        .width(150.0)
        .show(|ui| {
            for zoom in ZOOMS {
                let is_chosen = zoom == look.zoom_percent;
                if menu::line(ui, &format!("{zoom} %"), "", is_chosen).clicked() {
                    picked = Some(Picked::Look(look.zoomed_to(zoom)));
                }
            }
            ui.separator();
            for (theme, name) in [(Theme::Dark, "Dark"), (Theme::Light, "Light")] {
                if menu::line(ui, name, "", theme == look.theme).clicked() {
                    picked = Some(Picked::Look(Look { theme, ..look }));
                }
            }
        })
        .is_some();
    if !is_shown {
        response.help(
            "How large everything is, besides the scale of your display, and dark or light colours: on this machine, in all \
             projects.",
        );
    }
    picked
}
