//! Does what the parts of the window ask for, which none of them can do alone.

use super::background::Background;
use super::groove_in::Outcome;
use super::history::Recipe;
use super::ideas::{Idea, Wish};
use super::library::{self, News, Wish as LibraryWish};
use super::model_menu::Picked;
use super::slots::SlotAction;
use super::status_line::Message;
use super::training::Wish as TrainingWish;
use super::{Upper, View, edited, generate, seed};
use crate::inference::models;
use crate::library::{Folder, Opened};
use crate::request::{Kept, Ready, Source};
use crate::shared::Snapshot;
use nice_plug::prelude::ParamSetter;
use std::sync::Arc;

impl View {
    pub(super) fn take_picked(&mut self, picked: Option<Picked>) {
        match picked {
            None => {}
            Some(Picked::Model(choice)) => {
                self.shared.choose(choice);
                self.done = None;
            }
            Some(Picked::Folder) => {
                let show = models::show_folder;
                self.folder = Some(Background::start_stoppable("fourbar folder", show));
            }
            Some(Picked::Train) => {
                self.upper = Upper::Training;
            }
        }
    }

    pub(super) fn take_training_wish(&mut self, wish: Option<TrainingWish>) {
        match wish {
            None => {}
            Some(TrainingWish::Close) => self.upper = Upper::Grid,
            Some(TrainingWish::Cancel) => self.training.cancel(),
            Some(TrainingWish::Problem(problem)) => self.done = Some(Message::Problem(problem)),
            Some(TrainingWish::Start(order)) => {
                self.done = None;
                let shared = self.shared.clone();
                self.training
                    .start(order, move |model| shared.choose(model));
            }
        }
    }

    pub(super) fn take_slot(
        &mut self,
        action: Option<SlotAction>,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        match action {
            None => {}
            Some(SlotAction::Empty(slot)) => self.shared.keep(slot, None),
            Some(SlotAction::Keep(slot)) => {
                if let Some(kept) = sounding.and_then(|ready| self.kept(ready, snapshot)) {
                    self.shared.keep(slot, Some(kept));
                }
            }
            Some(SlotAction::Open(slot)) => {
                if let Some(kept) = &snapshot.slots[slot] {
                    self.open(kept, setter);
                }
            }
        }
    }

    pub(super) fn take_library_wish(
        &mut self,
        wish: Option<LibraryWish>,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        match wish {
            None => {}
            Some(LibraryWish::Page) => self.upper.toggle(Upper::Library),
            Some(LibraryWish::Open(key)) => {
                let loaded = snapshot.checkpoint.clone().and_then(Result::ok);
                self.library.open(key, loaded);
            }
            Some(LibraryWish::Love(key, is_loved)) => self.library.love(key, is_loved),
            Some(LibraryWish::Folder) => {
                let show = Folder::show_of_user;
                self.folder = Some(Background::start_stoppable("fourbar folder", show));
            }
            Some(LibraryWish::Save) => {
                let kept = sounding.and_then(|ready| self.kept(ready, snapshot));
                if let Some(kept) = kept {
                    let settings = self.params.settings();
                    let choice = snapshot.choice.clone();
                    let said = self
                        .library
                        .save(Arc::unwrap_or_clone(kept), choice, settings);
                    self.done = said.or(self.done.take());
                }
            }
        }
    }

    pub(super) fn take_library_news(
        &mut self,
        news: Option<News>,
        setter: &ParamSetter,
        snapshot: &Snapshot,
    ) {
        match news {
            None => {}
            Some(News::Said(message)) => self.done = Some(message),
            Some(News::Play(opened)) => self.play_preset(&opened, setter, snapshot),
        }
    }

    /// Goes on in Live with a preset. Where its model is not here, the whole groove is locked.
    fn play_preset(&mut self, opened: &Opened, setter: &ParamSetter, snapshot: &Snapshot) {
        let Opened {
            key,
            preset,
            has_model,
        } = opened;
        let loaded = snapshot.checkpoint.as_ref().and_then(|it| it.as_ref().ok());
        let made_by = &preset.kept.ready().checkpoint_id;
        self.done = None;
        if *has_model {
            if loaded != Some(made_by) {
                self.shared.choose(preset.model.clone());
            }
            self.open(&preset.kept, setter);
            self.library.note(key.clone(), preset.kept.ready().request);
        } else {
            let frozen = preset.kept.frozen();
            self.open(&frozen, setter);
            self.library.note(key.clone(), frozen.ready().request);
            self.done = Some(Message::Problem(format!(
                "{} was made by the model {made_by}, which is not here: its groove is locked, and what is drawn anew is \
                 another model's.",
                key.name
            )));
        }
        library::set(&self.params, setter, &preset.settings);
    }

    pub(super) fn take_wish(
        &mut self,
        wish: Option<Wish>,
        setter: &ParamSetter,
        snapshot: &Snapshot,
    ) {
        match wish {
            None => {}
            Some(Wish::Problem(problem)) => self.done = Some(Message::Problem(problem)),
            Some(Wish::Draw) => {
                let source = Idea {
                    choice: snapshot.choice.clone(),
                    request: self.params.live_request(0),
                    input: snapshot.input().cloned(),
                    locks: snapshot.locks().cloned(),
                };
                let first = self.params.seed.value();
                let another = |seed: &u32| Some(generate::another_seed(seed.cast_signed()));
                let seeds = std::iter::successors(another(&first.cast_unsigned()), another);
                self.ideas.draw(source, seeds);
            }
            Some(Wish::Play(request)) => {
                seed::choose(&self.params, setter, request.name());
                generate::play_live(&self.params, setter);
            }
            Some(Wish::Keep(ready)) => {
                let Some(slot) = snapshot.slots.iter().position(Option::is_none) else {
                    let problem =
                        "All slots are full: empty one with the right button, then keep it.";
                    self.done = Some(Message::Problem(problem.to_owned()));
                    return;
                };
                let input = snapshot.input().map(Arc::as_ref);
                let locks = snapshot.locks().map(Arc::as_ref);
                let kept = Kept::of(&ready, input, locks);
                self.shared.keep(slot, Some(Arc::new(kept)));
                self.done = Some(Message::Done(format!("Kept in slot {}.", slot + 1)));
            }
        }
    }

    /// Puts in what was recorded, opened or taken out.
    pub(super) fn take_groove_in(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Problem(problem)) => self.done = Some(Message::Problem(problem)),
            Some(Outcome::Input(input)) => {
                self.done = None;
                self.shared.change_input(input.map(Arc::new));
            }
        }
    }

    /// What is kept of the pattern that sounds.
    pub(super) fn kept(&self, ready: &Ready, snapshot: &Snapshot) -> Option<Arc<Kept>> {
        if let Source::Slot(id) = ready.request.source {
            return self.shared.kept_named(id);
        }
        let edited = edited(ready, snapshot);
        Some(Arc::new(Kept::of(
            edited.as_ref().unwrap_or(ready),
            snapshot.input().map(Arc::as_ref),
            snapshot.locks().map(Arc::as_ref),
        )))
    }

    /// Goes on in Live with a groove that was kept.
    pub(super) fn open(&self, kept: &Kept, setter: &ParamSetter) {
        let recipe = Recipe {
            request: kept.ready().request,
            input: kept.input().cloned().map(Arc::new),
            locks: kept.locks().cloned().map(Arc::new),
            groove: kept.ready().plain_groove(),
        };
        generate::restore(&self.params, &self.shared, setter, &recipe);
    }
}
