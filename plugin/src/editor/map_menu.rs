//! The menu of drum maps: those that Fourbar knows and the user's own, searched by name; the keys of now can be saved as
//! another.

use super::background::Background;
use super::help::Help as _;
use super::text_field::text_field;
use super::{gesture, menu, theme};
use crate::audio::scheduler::Output;
use crate::inference::models;
use crate::key_maps::{self, KeyMap, MAX_NAME};
use crate::params::{DrumMapChoice, FourbarParams, LanesParams, length_value};
use egui::{
    Id, Key, Popup, PopupCloseBehavior, Rect, RectAlign, RichText, ScrollArea, Sense, Ui, vec2,
};
use fourbar_model::drums::{Routing, Voice};
use nice_plug::prelude::ParamSetter;
use std::sync::atomic::AtomicBool;

const WIDTH: f32 = 300.0;
/// Height of the field for what is searched.
const FIELD: f32 = 28.0;
const MAX_HEIGHT: f32 = 300.0;

/// The maps of the user, and what is typed. Used by the window's thread only.
#[derive(Default)]
pub(super) struct MapMenu {
    search: String,
    /// Whether the menu has just been opened.
    is_new: bool,
    own: Vec<KeyMap>,
    problems: Vec<String>,
    listing: Option<Background<(Vec<KeyMap>, Vec<String>)>>,
    saving: Option<Background<KeyMap>>,
}

/// A map of the menu.
enum Entry {
    OfParameter(DrumMapChoice),
    Other(KeyMap),
}

/// The field for what is searched.
fn text_id() -> Id {
    Id::new("search maps")
}

impl MapMenu {
    /// Draws the button in `rect`, and the menu if it is open.
    pub(super) fn show(
        &mut self,
        ui: &Ui,
        rect: Rect,
        params: &FourbarParams,
        setter: &ParamSetter,
    ) {
        let response = menu::button(ui, rect, "drum map", &name(params));
        if response.clicked() {
            self.search.clear();
            self.is_new = true;
            let job = |_: &AtomicBool| key_maps::of_user();
            self.listing = Some(Background::start_stoppable("fourbar maps", job));
        }
        self.hear(params);
        let menu = Popup::menu(&response)
            .align(RectAlign::TOP_END)
            .gap(4.0)
            .width(WIDTH)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.show_menu(ui, params, setter));
        if menu.is_none() {
            response.help(
                "Which MIDI keys the drums are sent on: those of your drum sampler. Single keys are changed on the page Drums.",
            );
        }
    }

    /// Takes what was read or written since the last frame.
    fn hear(&mut self, params: &FourbarParams) {
        if let Some(listed) = self.listing.as_ref().and_then(Background::outcome) {
            self.listing = None;
            match listed {
                Ok((own, problems)) => (self.own, self.problems) = (own, problems),
                Err(problem) => self.problems = vec![problem],
            }
        }
        if let Some(saved) = self.saving.as_ref().and_then(Background::outcome) {
            self.saving = None;
            match saved {
                Ok(map) => {
                    self.search.clear();
                    self.problems.clear();
                    self.own.push(map.clone());
                    params.lanes.choices.choose_map(Some(map));
                }
                Err(problem) => self.problems = vec![problem],
            }
        }
    }

    fn show_menu(&mut self, ui: &mut Ui, params: &FourbarParams, setter: &ParamSetter) {
        // A menu is first drawn unseen, to learn its size.
        if !ui.is_sizing_pass() && std::mem::take(&mut self.is_new) {
            ui.memory_mut(|memory| memory.request_focus(text_id()));
        }
        let (place, _) = ui.allocate_exact_size(vec2(WIDTH, FIELD), Sense::hover());
        let hint = "Search, or a name to save as";
        let field = text_field(ui, place, text_id(), &mut self.search, hint, MAX_NAME);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let wanted = self.search.trim().to_lowercase();
        let chosen = params.lanes.choices.map();
        ScrollArea::vertical()
            .max_height(MAX_HEIGHT)
            .show(ui, |ui| {
                let found = |(entry, _): &(Entry, _)| entry.name().to_lowercase().contains(&wanted);
                for (index, (entry, remark)) in self.entries().into_iter().filter(found).enumerate()
                {
                    let is_chosen = entry.is(params, chosen.as_ref());
                    let line = menu::line(ui, entry.name(), remark, is_chosen);
                    // Enter takes the first.
                    if line.clicked() || (is_entered && index == 0) {
                        entry.choose(params, setter);
                        ui.close();
                    }
                }
            });
        for problem in &self.problems {
            ui.label(RichText::new(problem).color(theme::BAD));
        }
        let name = self.search.trim().to_owned();
        if !name.is_empty() && self.saving.is_none() {
            let line = format!("Save these keys as \u{201C}{name}\u{201D}");
            if menu::line(ui, &line, "", false).clicked() {
                let Output { keys, routing, .. } = params.output();
                let job =
                    move |_: &AtomicBool| KeyMap::save(&models::folder()?, &name, keys, &routing);
                self.saving = Some(Background::start_stoppable("fourbar map", job));
            }
        }
    }

    /// Every map, and what is to be said of it.
    fn entries(&self) -> Vec<(Entry, &'static str)> {
        let of_parameter = [DrumMapChoice::Gm, DrumMapChoice::Td11].map(Entry::OfParameter);
        let own = self.own.iter().cloned().map(Entry::Other);
        let known = KeyMap::known().into_iter().map(Entry::Other);
        let own = own.map(|entry| (entry, "yours"));
        let known = of_parameter.into_iter().chain(known);
        own.chain(known.map(|entry| (entry, ""))).collect()
    }
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::OfParameter(choice) => choice.map().name,
            Self::Other(map) => map.name(),
        }
    }

    fn is(&self, params: &FourbarParams, chosen: Option<&KeyMap>) -> bool {
        match self {
            Self::OfParameter(choice) => chosen.is_none() && params.drum_map.value() == *choice,
            Self::Other(map) => chosen == Some(map),
        }
    }

    fn choose(self, params: &FourbarParams, setter: &ParamSetter) {
        let (map, routing) = match self {
            Self::OfParameter(choice) => {
                gesture::set(&params.drum_map, setter, choice);
                (None, choice.map().routing)
            }
            Self::Other(map) => {
                let routing = map.routing();
                (Some(map), routing)
            }
        };
        params.lanes.choices.choose_map(map);
        route(&params.lanes, setter, &routing);
    }
}

/// Sets channels, choke groups and the length of notes.
fn route(params: &LanesParams, setter: &ParamSetter, routing: &Routing) {
    let length = length_value(routing.note_length);
    gesture::change(&params.note_length, setter, length);
    for voice in Voice::ALL {
        let (index, drum) = (voice.index(), &params.drums[voice.index()]);
        gesture::change(&drum.channel, setter, routing.channels[index].into());
        gesture::change(&drum.choke, setter, routing.chokes[index].into());
    }
}

/// What the keys of now are called.
fn name(params: &FourbarParams) -> String {
    let chosen = params.lanes.choices.map();
    let map = params.drum_map.value().map();
    let (name, routing) = match &chosen {
        Some(chosen) => (chosen.name(), chosen.routing()),
        None => (map.name, map.routing),
    };
    if params.lanes.choices.has_own_keys() || params.lanes.routing() != routing {
        format!("{name}, changed")
    } else {
        name.to_owned()
    }
}
