//! The window: the pattern on top, what shapes it below.
//!
//! The editor sees no model and no audio. It reads the parameters, the playhead, the meter and the worker's snapshot,
//! and changes parameters through the host, so that hosts record every move. Nothing here waits: the snapshot's lock
//! is held for a copy, and files are written on another thread.

mod ability;
mod acts;
mod background;
mod button;
mod choice;
mod drag_handle;
mod drums;
mod explore;
mod export;
mod export_menu;
mod fader;
mod feel;
mod fills;
mod generate;
mod gesture;
mod grid;
mod groove_in;
mod handover;
mod header;
mod help;
mod history;
#[cfg(target_os = "linux")]
mod host_keys;
mod icon;
mod ideas;
mod keys;
mod kit;
mod knob;
mod layout;
mod level;
mod library;
mod listen;
mod look;
mod look_menu;
mod map_menu;
mod menu;
mod model_menu;
mod morph;
mod notice;
mod number;
mod outbox;
mod output;
mod pad;
mod pages;
mod past;
mod play;
mod seed;
mod slots;
mod status_line;
mod stepper;
mod tabs;
mod text_field;
mod theme;
mod training;
mod window;
mod wishes;
mod zoom;

use crate::inference::poller;
use crate::params::FourbarParams;
use crate::request::{Locks, N_BARS, Ready, Request, Source};
use crate::shared::{Shared, Snapshot, Status};
use crate::training::{State, Training};
use background::Background;
use egui::{Rect, Ui, UiBuilder, Vec2};
use fourbar_model::groove::Groove;
use grid::{BarAction, Touched};
use groove_in::GrooveIn;
use history::{History, Recipe};
#[cfg(target_os = "linux")]
use host_keys::HostKeys;
use ideas::Ideas;
use layout::Layout;
use level::Meter;
use library::Library;
use look::Look;
use map_menu::MapMenu;
use model_menu::ModelMenu;
use nice_plug::prelude::{Editor, ParamSetter};
use outbox::Outbox;
use pages::Pages;
use seed::Typed;
use slots::Hands;
use status_line::{Message, StatusLine};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use training::TrainingPage;

/// Makes the editor; its window opens when the host asks.
#[must_use]
pub fn create(
    params: Arc<FourbarParams>,
    shared: Arc<Shared>,
    training: Arc<Training>,
) -> Option<Box<dyn Editor>> {
    let state = params.editor_state.clone();
    Some(Box::new(window::EditorWindow::new(
        View::new(params, shared, training),
        state,
    )))
}

/// What the window shows and remembers, also while it is closed. Used by the window's thread only.
struct View {
    params: Arc<FourbarParams>,
    shared: Arc<Shared>,
    training: Arc<Training>,
    /// Whether a run was on its way when the last frame was drawn.
    was_training: bool,
    history: History,
    typed_seed: Typed,
    /// What the section on the left shows.
    making: Making,
    ideas: Ideas,
    meter: Meter,
    models: ModelMenu,
    pages: Pages,
    maps: MapMenu,
    outbox: Outbox,
    /// What the section on the right shows.
    way: Way,
    groove_in: GrooveIn,
    library: Library,
    training_page: TrainingPage,
    /// The bar that was copied.
    copied_bar: Option<Groove>,
    /// What the part above the sections shows.
    upper: Upper,
    /// The look on its way to the user's settings.
    look: Option<Background<()>>,
    /// The way to the host's keys, once one was wanted; there may be none.
    #[cfg(target_os = "linux")]
    host_keys: Option<Option<HostKeys>>,
    status_line: StatusLine,
    /// The models or the presets folder on its way to the user, and what is said then.
    folder: Option<Background<String>>,
    /// How the last hand-over went, until something else is said.
    done: Option<Message>,
}

/// The pages of the part above the sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Upper {
    /// The pattern.
    #[default]
    Grid,
    /// The presets.
    Library,
    /// A model that is trained further.
    Training,
    /// What every key does.
    Keys,
}

impl Upper {
    /// Goes to `page`, or back from it to the pattern.
    fn toggle(&mut self, page: Self) {
        *self = if *self == page { Self::Grid } else { page };
    }
}

/// The pages of the section on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Making {
    /// Another groove.
    #[default]
    Generate,
    /// Eight at once.
    Ideas,
    /// Those before.
    History,
}

impl Making {
    const PAGES: [(Self, &'static str, &'static str); 3] = [
        (
            Self::Generate,
            "Generate",
            "Another groove, and how daring it is.",
        ),
        (
            Self::Ideas,
            "Ideas",
            "Eight other grooves at once, to choose from.",
        ),
        (
            Self::History,
            "History",
            "Everything that was heard, to go back to.",
        ),
    ];
}

/// The pages of the section on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Way {
    /// Where the notes go.
    #[default]
    Output,
    /// How the built-in drums sound.
    Kit,
    /// What is played in.
    Input,
}

impl Way {
    const PAGES: [(Self, &'static str, &'static str); 3] = [
        (
            Self::Output,
            "Output",
            "The kit, where the notes go, and listening.",
        ),
        (
            Self::Kit,
            "Kit",
            "Which drums are built in, and how each of them sounds.",
        ),
        (
            Self::Input,
            "Input",
            "Play or open a rhythm, and the drummer makes a groove of it.",
        ),
    ];
}

/// What the user does to the corner of the window.
struct Corner {
    is_dragged: bool,
    wanted_size: Option<Vec2>,
}

impl View {
    fn new(params: Arc<FourbarParams>, shared: Arc<Shared>, training: Arc<Training>) -> Self {
        Self {
            params,
            shared,
            training,
            was_training: false,
            history: History::default(),
            typed_seed: Typed::default(),
            making: Making::default(),
            ideas: Ideas::default(),
            meter: Meter::default(),
            models: ModelMenu::default(),
            pages: Pages::default(),
            maps: MapMenu::default(),
            outbox: Outbox::default(),
            way: Way::default(),
            groove_in: GrooveIn::default(),
            library: Library::default(),
            training_page: TrainingPage::default(),
            copied_bar: None,
            upper: Upper::default(),
            look: None,
            #[cfg(target_os = "linux")]
            host_keys: None,
            status_line: StatusLine::default(),
            folder: None,
            done: None,
        }
    }

    /// Draws a frame.
    fn show(&mut self, ui: &mut Ui, setter: &ParamSetter) -> Corner {
        let acts = keys::follow(ui, |is_down| self.send_space(is_down));
        if ui.input(|input| !input.events.is_empty()) {
            poller::wake();
        }
        let look = Look::now();
        if !look.is_known && ui.input(|input| input.pointer.any_pressed()) {
            let is_known = true;
            self.use_look(Look { is_known, ..look });
        }
        let snapshot = self.shared.snapshot().clone();
        let sounding = self.shared.sounding();
        let (seconds, frame_seconds) = ui.input(|input| (input.time, input.stable_dt));
        self.meter
            .follow(self.shared.level.load(Ordering::Relaxed), frame_seconds);
        self.remember(&snapshot);
        self.hear_of_work(setter);
        let n_bars = sounding.as_ref().map_or(N_BARS, |ready| ready.n_bars());
        let outcome = self.groove_in.follow(&self.params, &self.shared, n_bars);
        self.take_groove_in(outcome);
        let live = self.live_request();
        let news = self.library.follow(&live);
        self.take_library_news(news, setter, &snapshot);
        for act in &acts {
            self.act(*act, setter, sounding.as_deref(), &snapshot);
        }
        let training = self.training.state();
        self.hear_of_training(&training);

        let window = ui.max_rect();
        let mut page = ui.new_child(UiBuilder::new().max_rect(window));
        page.painter().rect_filled(window, 0.0, theme::BACKGROUND);
        let layout = Layout::of(window);
        let shown = header::show(
            &page,
            layout.header,
            &snapshot,
            seconds,
            &mut self.models,
            &Hands {
                params: &self.params.slots,
                setter,
                acts: &acts,
            },
        );
        self.take_picked(shown.picked);
        self.take_slot(shown.slot, setter, sounding.as_deref(), &snapshot);
        let wish = self.library.show_bar(&page, shown.preset, &live);
        self.take_library_wish(wish, sounding.as_deref(), &snapshot);
        match self.upper {
            Upper::Grid => {
                self.show_grid(&page, layout.grid, setter, sounding.as_deref(), &snapshot);
            }
            Upper::Library => {
                let can_save = sounding.is_some();
                let wish = self.library.show_page(&mut page, layout.grid, can_save);
                self.take_library_wish(wish, sounding.as_deref(), &snapshot);
            }
            Upper::Training => {
                let tempo_bpm = self.shared.tempo_bpm();
                let wish = self.training_page.show(
                    &mut page,
                    layout.grid,
                    &training,
                    &snapshot,
                    tempo_bpm,
                );
                self.take_training_wish(wish);
            }
            Upper::Keys => keys::show(&page, layout.grid),
        }
        let sections = layout.sections;
        self.show_sections(&mut page, sections, setter, sounding.as_deref(), &snapshot);
        match look_menu::show(&page, layout.status_line, self.upper == Upper::Keys) {
            None => {}
            Some(look_menu::Picked::Keys) => self.upper.toggle(Upper::Keys),
            Some(look_menu::Picked::Look(look)) => self.use_look(look),
        }
        let room = layout.status_line;
        let said = room.with_max_x(room.right() - look_menu::WIDTH - theme::UNIT);
        let rest = rest_message(&snapshot, &training);
        let news = self.done.as_ref();
        self.status_line.show(&page, said, news, &rest);
        keys::paint_ring(&page);
        let (grip, wanted_size) = status_line::grip(&page, window);
        Corner {
            is_dragged: grip.dragged(),
            wanted_size,
        }
    }

    /// Leaves the space bar, as it goes down or up, to the host.
    #[cfg(target_os = "linux")]
    fn send_space(&mut self, is_down: bool) {
        let host = self.outbox.host_window;
        let keys = self.host_keys.get_or_insert_with(HostKeys::open);
        if let Some(keys) = keys {
            keys.send_space(host, is_down);
        }
    }

    /// The system gives it what the window does not want.
    #[cfg(not(target_os = "linux"))]
    fn send_space(&mut self, _is_down: bool) {}

    fn use_look(&mut self, look: Look) {
        self.look = Some(look.use_from_now_on());
    }

    /// Keeps patterns for undo, once the parameters are those of the newest one: others are on their way out.
    fn remember(&mut self, snapshot: &Snapshot) {
        let Some(ready) = &snapshot.ready else { return };
        let request = ready.request;
        // What plays from a slot is there to come back to anyway.
        let is_wanted =
            request.source.is_live() && request.matches(&self.params.request(request.variation));
        if is_wanted && !self.history.was_recorded(&request) {
            let recipe = Recipe {
                request,
                input: snapshot.input().cloned(),
                locks: snapshot.locks().cloned(),
                groove: ready.plain_groove(),
            };
            self.history.record(recipe, Instant::now());
        }
    }

    fn hear_of_work(&mut self, setter: &ParamSetter) {
        if let Some(news) = self.outbox.news() {
            self.done = Some(news.message);
            if news.is_dropped && self.params.export.mutes.load(Ordering::Relaxed) {
                gesture::set(&self.params.mute, setter, true);
            }
        }
        if let Some(outcome) = self.look.as_ref().and_then(Background::outcome) {
            self.look = None;
            if let Err(problem) = outcome {
                self.done = Some(Message::Problem(problem));
            }
        }
        if let Some(outcome) = self.folder.as_ref().and_then(Background::outcome) {
            self.folder = None;
            self.done = Some(match outcome {
                Ok(done) => Message::Done(done),
                Err(problem) => Message::Problem(problem),
            });
        }
    }

    /// Says how a run has ended.
    fn hear_of_training(&mut self, training: &State) {
        let is_training = matches!(training, State::Running(_));
        let has_ended = std::mem::replace(&mut self.was_training, is_training) && !is_training;
        if let (true, State::Ended(ended)) = (has_ended, training) {
            self.done = Some(match ended {
                Ok(name) => Message::Done(format!("{name} is trained, and plays.")),
                Err(failure) => Message::Problem(failure.sentence.clone()),
            });
        }
    }

    /// What the parameters ask for, whatever slot plays.
    fn live_request(&self) -> Request {
        let variation = self.shared.variation.load(Ordering::Relaxed);
        self.params.live_request(variation)
    }

    /// What the pattern is called.
    fn title(&self, ready: &Ready) -> String {
        let request = &ready.request;
        match (
            request.source,
            slots::slot_of(&request.source, self.shared.slot_ids()),
        ) {
            (Source::Morph(_), _) => "Morph".to_owned(),
            (_, Some(slot)) => format!("Slot {}", slot + 1),
            _ => request.name().to_string(),
        }
    }

    fn show_grid(
        &mut self,
        ui: &Ui,
        rect: Rect,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        let locks = snapshot.locks().map(Arc::as_ref);
        let edited = sounding.and_then(|ready| edited(ready, snapshot));
        let ready = edited.as_ref().or(sounding);
        let picture = grid::Picture {
            title: ready.map_or(String::new(), |ready| self.title(ready)),
            ready,
            feel: self.params.feel(),
            playhead_beats: f64::from(self.shared.playhead_beats.load(Ordering::Relaxed)),
            tempo_bpm: self.shared.tempo_bpm(),
            locks,
            notice: match &snapshot.status {
                Status::Problem(problem) => problem,
                _ => "Making the first pattern\u{2026}",
            },
        };
        let touched = grid::show(ui, rect, &picture, &self.params.lanes, setter);
        let Some((touched, ready)) = touched.zip(ready) else {
            return;
        };
        // What is changed in a slot is changed in Live.
        let is_live = ready.request.source.is_live();
        let kept = (!is_live).then(|| self.kept(ready, snapshot)).flatten();
        let (ready, locks) = match &kept {
            Some(kept) => (kept.ready(), kept.locks()),
            None => (ready, locks),
        };
        let mut changed = Locks::of(ready, locks);
        match touched {
            Touched::Name(voice) => return self.shared.strike(voice),
            Touched::Lock(part) => changed.toggle(|step, voice| part.has(step, voice)),
            Touched::Cell(change) => changed.change(change),
            Touched::Bar(bar, BarAction::Copy) => {
                self.copied_bar = changed.bar(bar);
                return;
            }
            Touched::Bar(bar, BarAction::Paste) => match &self.copied_bar {
                Some(contents) => changed.replace_bar(bar, contents),
                None => return,
            },
            Touched::Bar(bar, BarAction::Change(change)) => changed.change_bar(bar, change),
        }
        let request = match &kept {
            Some(kept) => {
                self.open(kept, setter);
                kept.ready().request
            }
            None => self.live_request(),
        };
        self.change_locks(changed, request);
    }

    /// Takes other locks into force, and `request` with them into the history at once: a host that is stopped may make no
    /// pattern of it.
    fn change_locks(&mut self, changed: Locks, request: Request) {
        let recipe = Recipe {
            request: Request {
                locks: changed.id(),
                metre: self.shared.metre(),
                ..request
            },
            input: self.shared.snapshot().input().cloned(),
            groove: changed.groove(),
            locks: Some(Arc::new(changed)),
        };
        self.shared.change_locks(recipe.locks.clone());
        self.history.record(recipe, Instant::now());
    }

    fn show_sections(
        &mut self,
        ui: &mut Ui,
        [generate, middle, feel, output]: [Rect; 4],
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        self.show_making(ui, generate, setter, sounding, snapshot);
        pages::show(
            ui,
            middle,
            &mut self.pages,
            &self.params,
            &self.shared,
            setter,
            snapshot,
        );
        let abilities = snapshot.abilities.as_deref();
        feel::show(ui, feel, &self.params, setter, abilities);
        let sound = output::Sound {
            meter: self.meter,
            can_export: sounding.is_some() && self.outbox.is_free(),
        };
        let inside = theme::panel(ui.painter(), output);
        let body = tabs::tabs(ui, inside, &Way::PAGES, &mut self.way);
        if self.way == Way::Kit {
            return kit::show(ui, body, &self.params.kit, setter);
        }
        if self.way == Way::Input {
            let outcome =
                self.groove_in
                    .show(ui, body, &self.params, &self.shared, setter, snapshot);
            self.take_groove_in(outcome);
            return;
        }
        let shown = output::show(ui, inside, &self.params, setter, &mut self.maps, &sound);
        let (params, shared) = (&self.params, &self.shared);
        let outbox = &mut self.outbox;
        let mut begins = outbox.show_handle(ui, shown.handle, sounding, params, shared);
        begins |= outbox.show_menu(&shown.more, sounding, params, shared);
        if let (Some(ready), true) = (sounding, shown.export) {
            outbox.start_export(ready, params, shared);
            begins = true;
        }
        if begins {
            self.done = None;
        }
    }

    /// The section on the left.
    fn show_making(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        let inside = theme::panel(ui.painter(), rect);
        let body = tabs::tabs(ui, inside, &Making::PAGES, &mut self.making);
        match self.making {
            Making::Generate => generate::show(
                ui,
                inside,
                &self.params,
                &self.shared,
                setter,
                &mut self.history,
                &mut self.typed_seed,
            ),
            Making::Ideas => {
                let playing = sounding.map(|ready| &ready.request);
                let (params, shared) = (&self.params, &self.shared);
                let play = |place| listen::show(ui, place, params, shared, setter);
                let wish = self.ideas.show(ui, body, playing, play);
                self.take_wish(wish, setter, snapshot);
            }
            Making::History => {
                if let Some(recipe) = past::show(ui, body, &mut self.history) {
                    generate::restore(&self.params, &self.shared, setter, &recipe);
                }
            }
        }
    }
}

/// What is said where there is nothing else to say.
fn rest_message(snapshot: &Snapshot, training: &State) -> Message {
    match (&snapshot.status, training) {
        (Status::Problem(problem), _) => Message::Problem(problem.clone()),
        (_, State::Running(progress)) => Message::Done(format!(
            "Training {}. {}",
            progress.name,
            training::how_far(progress)
        )),
        _ if !Look::now().is_known => Message::Hint(
            "Play your song, or press Play beside Regenerate, to hear the groove.\nRegenerate draws another, and the page Play tells \
             the drummer what you want.",
        ),
        _ => Message::Hint(
            "Shift: finer.  Double click: back to the default.  Wheel: step by step.\nTab: work the window with keys.  ? shows them all.",
        ),
    }
}

/// What is shown until the pattern that `ready` becomes by the newest edit is made.
fn edited(ready: &Ready, snapshot: &Snapshot) -> Option<Ready> {
    let (id, locks) = snapshot.named_locks()?;
    let request = Request {
        locks: id,
        ..ready.request
    };
    (id != ready.request.locks && locks.hold(&request, &ready.checkpoint_id)).then(|| {
        let groove = locks.groove();
        Ready {
            request,
            checkpoint_id: ready.checkpoint_id.clone(),
            pattern: request.metre.of_groove(&groove, |_| 0).to_pattern(),
            groove: Some(groove.to_pattern()),
            n_passes: 1,
        }
    })
}

#[cfg(test)]
mod tests;
