//! The section in the middle: pages of controls for the pattern, one at a time.

use super::drums::DrumsPage;
use super::tabs::tabs;
use super::{explore, fills, morph, play, theme};
use crate::params::FourbarParams;
use crate::request::N_CORNERS;
use crate::shared::{Shared, Snapshot};
use egui::{Rect, Ui};
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
            Self::Drums => "How much each drum plays, how loud, and where its notes go.",
            Self::Morph => "Between the grooves that you keep in slots 1 to 4.",
            Self::Explore => "Walk through the grooves that the model knows.",
        }
    }
}

/// The pages, and what they remember. Used by the window's thread only.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) shown: Page,
    pub(super) drums: DrumsPage,
}

/// Draws the section in `rect` with the page that is chosen.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    pages: &mut Pages,
    params: &FourbarParams,
    shared: &Shared,
    setter: &ParamSetter,
    snapshot: &Snapshot,
) {
    let Pages { shown, drums } = pages;
    let abilities = snapshot.abilities.as_deref();
    let inside = theme::panel(ui.painter(), rect);
    let names = Page::ALL.map(|page| (page, page.name(), page.hint()));
    let body = tabs(ui, inside, &names, shown);
    if *shown != Page::Drums {
        drums.end_learning(shared);
    }
    match shown {
        Page::Play => play::show(ui, body, &params.play, setter, abilities),
        Page::Fills => fills::show(ui, body, &params.form, setter, abilities),
        Page::Drums => drums.show(ui, body, params, setter, shared),
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
