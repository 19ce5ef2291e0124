//! The section in the middle: pages of controls for the pattern, one at a time.

use super::{drums, explore, fills, morph, play, theme};
use crate::params::FourbarParams;
use crate::request::N_CORNERS;
use crate::shared::Snapshot;
use egui::{CursorIcon, Rect, Sense, Stroke, Ui, pos2};
use nice_plug::prelude::ParamSetter;

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Page {
    /// Style, energy, swing.
    #[default]
    Play,
    /// Fills and variations.
    Fills,
    /// What is heard of each drum.
    Drums,
    /// Between the grooves in four slots.
    Morph,
    /// The eight latent axes.
    Explore,
}

impl Page {
    const ALL: [Self; 5] = [
        Self::Play,
        Self::Fills,
        Self::Drums,
        Self::Morph,
        Self::Explore,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Play => "Play",
            Self::Fills => "Fills",
            Self::Drums => "Drums",
            Self::Morph => "Morph",
            Self::Explore => "Explore",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Play => "Tell the drummer what to play.",
            Self::Fills => "Fills, and how the groove changes from pass to pass.",
            Self::Drums => "How much each drum plays, how loud, and on which key.",
            Self::Morph => "Between the grooves that you keep in slots 1 to 4.",
            Self::Explore => "Walk through the grooves that the model knows.",
        }
    }
}

/// Gaps between the names of the pages.
const GAPS: f32 = 4.0;

/// Draws the section in `rect` with the page that is chosen, `page`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    page: &mut Page,
    params: &FourbarParams,
    setter: &ParamSetter,
    snapshot: &Snapshot,
) {
    let abilities = snapshot.abilities.as_deref();
    let inside = theme::panel(ui.painter(), rect);
    tabs(ui, inside, page);
    let body = Rect::from_min_max(pos2(inside.left(), inside.top() + 28.0), inside.max);
    match page {
        Page::Play => play::show(ui, body, &params.play, setter, abilities),
        Page::Fills => fills::show(ui, body, &params.form, setter, abilities),
        Page::Drums => {
            let map = params.drum_map.value().map();
            drums::show(ui, body, &params.lanes, setter, map);
        }
        Page::Morph => morph::show(
            ui,
            body,
            &params.slots,
            setter,
            &snapshot.slots[..N_CORNERS],
        ),
        Page::Explore => explore::show(ui, body, params, setter, abilities),
    }
}

/// The names of the pages, as headings of which one is lit.
fn tabs(ui: &Ui, inside: Rect, page: &mut Page) {
    let names: String = Page::ALL.map(Page::name).concat();
    let room = inside.width() - theme::heading_width(ui.painter(), &names);
    // A narrow window has them closer together.
    let gap = (room / GAPS).clamp(theme::UNIT, 2.0 * theme::UNIT);
    let mut left = inside.left();
    for each in Page::ALL {
        let is_chosen = each == *page;
        let colour = if is_chosen {
            theme::TEXT
        } else {
            theme::TEXT_FAINT
        };
        let at = pos2(left, inside.top() + 8.0);
        let name = theme::heading(ui.painter(), at, each.name(), colour);
        if is_chosen {
            let stroke = Stroke::new(2.0, theme::ACCENT);
            ui.painter()
                .hline(name.x_range(), name.bottom() + 3.0, stroke);
        }
        let response = ui
            .interact(
                name.expand(6.0),
                ui.id().with(("page", each.name())),
                Sense::click(),
            )
            .on_hover_cursor(CursorIcon::PointingHand)
            .on_hover_text(each.hint());
        if response.clicked() {
            *page = each;
        }
        left = name.right() + gap;
    }
}
