//! The section in the middle: pages of controls for the pattern, one at a time.

use super::tabs::tabs;
use super::{drums, explore, fills, morph, play, theme};
use crate::params::FourbarParams;
use crate::request::N_CORNERS;
use crate::shared::Snapshot;
use egui::{Rect, Ui, pos2};
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
    let names = Page::ALL.map(|page| (page, page.name(), page.hint()));
    tabs(ui, inside, &names, page);
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
