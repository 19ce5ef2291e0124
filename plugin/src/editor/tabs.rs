//! The names of the pages of a section, as headings of which one is lit.

use super::help::Help as _;
use super::theme;
use egui::{CursorIcon, Rect, Sense, Stroke, Ui, pos2};

/// Height of the names and what is left free under them.
const HEIGHT: f32 = 28.0;

/// Draws the names along the top of `inside`, each with its hint; a click chooses. Returns where the page goes.
pub(super) fn tabs<P: Copy + PartialEq>(
    ui: &Ui,
    inside: Rect,
    pages: &[(P, &str, &str)],
    chosen: &mut P,
) -> Rect {
    let names: String = pages.iter().map(|(_, name, _)| *name).collect();
    let room = inside.width() - theme::heading_width(ui.painter(), &names);
    let n_gaps = u8::try_from(pages.len().saturating_sub(1))
        .unwrap_or(1)
        .max(1);
    // A narrow window has them closer together.
    let gap = (room / f32::from(n_gaps)).clamp(6.0, 2.0 * theme::UNIT);
    let mut left = inside.left();
    for &(page, name, hint) in pages {
        let is_chosen = page == *chosen;
        let colour = if is_chosen {
            theme::TEXT
        } else {
            theme::TEXT_FAINT
        };
        let at = pos2(left, inside.top() + 8.0);
        let place = theme::heading(ui.painter(), at, name, colour);
        if is_chosen {
            let stroke = Stroke::new(2.0, theme::ACCENT);
            ui.painter()
                .hline(place.x_range(), place.bottom() + 3.0, stroke);
        }
        let response = ui
            .interact(
                place.expand(6.0),
                ui.id().with(("page", name)),
                Sense::click(),
            )
            .on_hover_cursor(CursorIcon::PointingHand)
            .help(hint);
        if response.clicked() {
            *chosen = page;
        }
        left = place.right() + gap;
    }
    inside.with_min_y(inside.top() + HEIGHT)
}
