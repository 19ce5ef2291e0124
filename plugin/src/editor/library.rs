//! The library in the window: the preset's name in the top line, and a page over the grid to choose from.
//!
//! Files are read and written on threads of their own.

mod bar;
mod page;

use super::background::Background;
use super::gesture;
use super::status_line::Message;
use crate::inference::models::Choice;
use crate::library::{self, Filter, Folder, Key, Listing, Opened, Origin, Preset, Settings};
use crate::params::FourbarParams;
use crate::request::{Form, Kept, Metre, Request};
use egui::Id;
use fourbar_model::drums::Voice;
use nice_plug::prelude::ParamSetter;
use std::sync::atomic::AtomicBool;

/// The fields of the page in which text is typed.
fn text_ids() -> [Id; 3] {
    ["library search", "preset name", "preset tags"].map(Id::new)
}

/// The presets and what is done with them. Used by the window's thread only.
#[derive(Default)]
pub(super) struct Library {
    /// `None` until it has been read.
    listing: Option<Listing>,
    reading: Option<Background<Listing>>,
    opening: Option<(Key, Background<Opened>)>,
    /// The name that is saved under.
    saving: Option<Background<String>>,
    loving: Option<Background<()>>,
    filter: Filter,
    typed_name: String,
    typed_tags: String,
    current: Option<Current>,
}

/// The preset that was played or saved last.
struct Current {
    key: Key,
    /// What the parameters asked for then.
    request: Request,
}

/// What the window has to do or to say.
pub(super) enum News {
    /// Play this preset.
    Play(Box<Opened>),
    /// Say something.
    Said(Message),
}

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Show the page, or the grid again.
    Page,
    /// Play a preset.
    Open(Key),
    /// Give a preset a heart, or take it back.
    Love(Key, bool),
    /// Save what sounds.
    Save,
    /// Show the folder.
    Folder,
}

impl Library {
    /// Takes what was read and written since the last frame; `live` is what the parameters ask for.
    pub(super) fn follow(&mut self, live: &Request) -> Option<News> {
        if self.listing.is_none() && self.reading.is_none() {
            self.read();
        }
        if let Some(outcome) = self.reading.as_ref().and_then(Background::outcome) {
            self.reading = None;
            let listing = outcome.unwrap_or_else(|problem| Listing {
                entries: Vec::new(),
                problem: Some(problem),
            });
            let problem = listing.problem.clone();
            if self.current.is_none() {
                self.current = find(&listing, live);
            }
            self.listing = Some(listing);
            if let Some(problem) = problem {
                return Some(News::Said(Message::Problem(problem)));
            }
        }
        let opening = self.opening.as_ref();
        if let Some(outcome) = opening.and_then(|(_, opening)| opening.outcome()) {
            self.opening = None;
            return Some(match outcome {
                Ok(opened) => News::Play(Box::new(opened)),
                Err(problem) => News::Said(Message::Problem(problem)),
            });
        }
        if let Some(outcome) = self.saving.as_ref().and_then(Background::outcome) {
            self.saving = None;
            self.read();
            return Some(News::Said(match outcome {
                Ok(name) => {
                    self.typed_name.clear();
                    let done = Message::Done(format!("Saved {name} in the library."));
                    self.current = Some(Current {
                        key: Key::of_user(&name),
                        request: *live,
                    });
                    done
                }
                Err(problem) => Message::Problem(problem),
            }));
        }
        if let Some(outcome) = self.loving.as_ref().and_then(Background::outcome) {
            self.loving = None;
            self.read();
            if let Err(problem) = outcome {
                return Some(News::Said(Message::Problem(problem)));
            }
        }
        None
    }

    fn read(&mut self) {
        let job = |_: &AtomicBool| Ok(Listing::of(Folder::of_user()));
        self.reading = Some(Background::start_stoppable("fourbar library", job));
    }

    /// Starts to read a preset; `loaded` is the checkpoint that plays now.
    pub(super) fn open(&mut self, key: Key, loaded: Option<String>) {
        let wanted = key.clone();
        let opening = Background::start_stoppable("fourbar preset", move |_| {
            library::open(wanted, loaded.as_deref())
        });
        self.opening = Some((key, opening));
    }

    /// Gives a preset a heart, or takes it back.
    pub(super) fn love(&mut self, key: Key, is_loved: bool) {
        let entries = self.listing.iter_mut().flat_map(|list| &mut list.entries);
        for entry in entries.filter(|entry| entry.key == key) {
            entry.is_loved = is_loved;
        }
        self.loving = Some(Background::start_stoppable("fourbar heart", move |_| {
            library::love(&Folder::of_user()?, &key, is_loved)
        }));
    }

    /// Starts to save a groove that `model` made under the name that was typed; returns why it cannot.
    pub(super) fn save(
        &mut self,
        kept: Kept,
        model: Choice,
        settings: Settings,
    ) -> Option<Message> {
        let name = match library::check_name(&self.typed_name) {
            Ok(name) => name.to_owned(),
            Err(problem) => return Some(Message::Problem(problem)),
        };
        let taken = self.taken().map(|key| key.name.clone());
        let tags = library::tags_of(&self.typed_tags);
        self.saving = Some(Background::start_stoppable("fourbar save", move |_| {
            let preset = Preset::new(kept, model, settings, tags);
            let folder = Folder::of_user()?;
            match taken {
                Some(name) => folder.replace(&name, &preset).map(|()| name),
                None => folder.save(&name, &preset).map(|()| name),
            }
        }));
        None
    }

    /// The preset that is played, or about to be.
    fn key(&self) -> Option<&Key> {
        let opening = self.opening.as_ref().map(|(key, _)| key);
        opening.or(self.current.as_ref().map(|current| &current.key))
    }

    /// The preset of the user that has the name which was typed, whatever the size of its letters.
    fn taken(&self) -> Option<&Key> {
        let wanted = self.typed_name.trim().to_lowercase();
        let keys = self.listing.iter().flat_map(|listing| &listing.entries);
        let mut keys = keys.map(|entry| &entry.key);
        keys.find(|key| key.origin == Origin::User && key.name.to_lowercase() == wanted)
    }

    /// Takes note of what is played now.
    pub(super) fn note(&mut self, key: Key, request: Request) {
        self.current = Some(Current { key, request });
    }
}

/// The preset that the parameters are those of.
fn find(listing: &Listing, live: &Request) -> Option<Current> {
    let is_played = |request: &Request| plain(request).matches(&plain(live));
    listing.entries.iter().find_map(|entry| {
        let request = entry.contents.as_ref().ok()?.request;
        is_played(&request).then(|| Current {
            key: entry.key.clone(),
            request: *live,
        })
    })
}

/// A request without what no preset decides: the metre, and a fill that was asked for in passing.
fn plain(request: &Request) -> Request {
    Request {
        metre: Metre::default(),
        form: Form {
            fill_in: None,
            ..request.form
        },
        ..*request
    }
}

/// Sets the parameters that a preset decides besides its request, each as a gesture of its own.
pub(super) fn set(params: &FourbarParams, setter: &ParamSetter, settings: &Settings) {
    gesture::change(&params.timing, setter, settings.timing);
    gesture::change(&params.velocity, setter, settings.velocity);
    for voice in Voice::ALL {
        let lane = &params.lanes.drums[voice.index()];
        let wanted = settings.of(voice);
        gesture::change(&lane.mute, setter, wanted.mute);
        gesture::change(&lane.density, setter, wanted.density);
        gesture::change(&lane.velocity, setter, wanted.velocity);
    }
}
