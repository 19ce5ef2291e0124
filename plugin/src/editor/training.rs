//! The page over the grid on which a model is trained further: on the left the files that it is to learn, on the right what
//! else, and how far it has come.

use super::background::Background;
use super::button::{Emphasis, button, toggle};
use super::choice::options;
use super::export::{Folder, Listing, Place};
use super::groove_in::midi_files;
use super::help::Help as _;
use super::icon::Icon;
use super::text_field::text_field;
use super::{menu, theme};
use crate::inference::models::Choice;
use crate::key_maps;
use crate::library::check_name;
use crate::shared::Snapshot;
use crate::training::{Failure, Loops, Order, Progress, State, Steps};
use egui::{Align2, Id, Popup, Rect, RectAlign, RichText, ScrollArea, Ui, UiBuilder, vec2};
use fourbar_model::drums::DrumMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Height of a row, and its distance to the next.
const ROW: f32 = 28.0;
const GAP: f32 = 6.0;
/// The left part's share of the width.
const FILES: f32 = 0.5;

/// The field for the model's name.
pub(super) fn text_id() -> Id {
    Id::new("name of the trained model")
}

/// What is chosen on the page. Used by the window's thread only.
pub(super) struct TrainingPage {
    /// The folder that is looked into; `None` before it was.
    seen: Option<Result<Seen, String>>,
    looking: Option<Background<Seen>>,
    files: BTreeSet<PathBuf>,
    with_slots: bool,
    with_input: bool,
    map: &'static DrumMap,
    own_maps: Vec<&'static DrumMap>,
    map_problems: Vec<String>,
    listing_maps: Option<Background<(Vec<&'static DrumMap>, Vec<String>)>>,
    from_own: bool,
    name: String,
}

/// A folder, and the MIDI files in it.
struct Seen {
    folder: Listing,
    files: Vec<PathBuf>,
}

/// What the user asks for.
pub(super) enum Wish {
    /// The grid again.
    Close,
    /// A model is to be trained.
    Start(Order),
    /// It is not to be trained any more.
    Cancel,
    /// Something is wrong with what was asked for.
    Problem(String),
}

impl Default for TrainingPage {
    fn default() -> Self {
        Self {
            seen: None,
            looking: None,
            files: BTreeSet::new(),
            with_slots: false,
            with_input: false,
            map: &DrumMap::GM,
            own_maps: Vec::new(),
            map_problems: Vec::new(),
            listing_maps: None,
            from_own: false,
            name: String::new(),
        }
    }
}

impl TrainingPage {
    /// Draws the page in `rect`.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        state: &State,
        snapshot: &Snapshot,
        tempo_bpm: f64,
    ) -> Option<Wish> {
        if self.seen.is_none() && self.looking.is_none() {
            self.look(|| Ok(Folder::chosen()?.path));
        }
        if let Some(seen) = self.looking.as_ref().and_then(Background::outcome) {
            self.looking = None;
            self.seen = Some(seen);
        }
        let inside = theme::panel(ui.painter(), rect);
        let (left, right) = inside.split_left_right_at_fraction(FILES);
        let mut rows = Rows {
            rest: right.with_min_x(right.left() + theme::UNIT),
        };
        let top = rows.next();
        let mut wish = close(ui, top).then_some(Wish::Close);
        self.show_files(ui, left.with_max_x(left.right() - theme::UNIT));
        match state {
            State::Running(progress) => {
                if show_progress(ui, &mut rows, progress) {
                    wish = Some(Wish::Cancel);
                }
            }
            State::Idle | State::Ended(_) => {
                let order = self.show_choices(ui, &mut rows, snapshot, tempo_bpm);
                wish = order.or(wish);
                if let State::Ended(ended) = state {
                    show_end(ui, rows.rest, ended);
                }
            }
        }
        wish
    }

    fn look(&mut self, path: impl FnOnce() -> Result<PathBuf, String> + Send + 'static) {
        let job = |_: &AtomicBool| {
            let path = path()?;
            let files = midi_files(&path)?;
            let folder = Listing::of(path)?;
            Ok(Seen { folder, files })
        };
        self.looking = Some(Background::start_stoppable("fourbar folders", job));
    }

    /// The folder, those around it, and its files, each of which is taken or left by a click.
    fn show_files(&mut self, ui: &mut Ui, rect: Rect) {
        let (top, list) = rect.split_top_bottom_at_y(rect.top() + ROW + GAP);
        let top = top.with_max_y(top.bottom() - GAP);
        let all = top.with_min_x(top.right() - 88.0);
        let mut wanted = None;
        match &self.seen {
            None => faint(ui, list, "Looking into the folder\u{2026}"),
            Some(Err(problem)) => {
                faint(ui, list, problem);
                if toggle(ui, all, "Back", false, "Fourbar's own folder.") {
                    wanted = Some(Folder::ours().map(|ours| ours.path));
                }
            }
            Some(Ok(Seen { folder, files })) => {
                theme::text_within(
                    ui.painter(),
                    top.left_center(),
                    Align2::LEFT_CENTER,
                    &folder.path.display().to_string(),
                    theme::semibold(12.5),
                    theme::TEXT,
                    top.width() - all.width() - theme::UNIT,
                );
                let has_all =
                    !files.is_empty() && files.iter().all(|file| self.files.contains(file));
                let hint = "Takes every MIDI file of this folder, or leaves them.";
                if toggle(ui, all, "All files", has_all, hint) {
                    for file in files {
                        if has_all {
                            self.files.remove(file);
                        } else {
                            self.files.insert(file.clone());
                        }
                    }
                }
                wanted = lines(ui, list, folder, files, &mut self.files).map(Ok);
            }
        }
        if let Some(wanted) = wanted {
            self.look(|| wanted);
        }
    }

    /// The menu of drum maps, with the user's own.
    fn show_maps(&mut self, ui: &Ui, rect: Rect) {
        let response = menu::button(ui, rect, "map of loops", self.map.name);
        if response.clicked() {
            let job = |_: &AtomicBool| key_maps::to_read_with();
            self.listing_maps = Some(Background::start_stoppable("fourbar maps", job));
        }
        if let Some(listed) = self.listing_maps.as_ref().and_then(Background::outcome) {
            self.listing_maps = None;
            (self.own_maps, self.map_problems) =
                listed.unwrap_or_else(|problem| (Vec::new(), vec![problem]));
        }
        let menu = Popup::menu(&response)
            .align(RectAlign::BOTTOM_END)
            .gap(4.0)
            .width(280.0)
            .show(|ui| {
                ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
                    let own = self.own_maps.iter().map(|&map| (map, "yours"));
                    for (map, remark) in own.chain(DrumMap::ALL.iter().map(|map| (map, ""))) {
                        if menu::line(ui, map.name, remark, map.id == self.map.id).clicked() {
                            self.map = map;
                        }
                    }
                });
                for problem in &self.map_problems {
                    ui.label(RichText::new(problem).color(theme::BAD));
                }
            });
        if menu.is_none() {
            response.help("Which keys are which drums in your files.");
        }
    }

    /// What else is to be learned, and how; returns what is asked for.
    fn show_choices(
        &mut self,
        ui: &mut Ui,
        rows: &mut Rows,
        snapshot: &Snapshot,
        tempo_bpm: f64,
    ) -> Option<Wish> {
        let n_slots = snapshot.slots.iter().flatten().count();
        let place = theme::labelled(ui.painter(), rows.next(), "Learn too");
        let (slots, input) = place.split_left_right_at_fraction(0.5);
        let hint = "The grooves that you keep in slots, as they are there.";
        let label = format!("Slots ({n_slots})");
        let slots = slots.with_max_x(slots.right() - theme::UNIT / 2.0);
        self.with_slots ^= toggle(ui, slots, &label, self.with_slots, hint);
        let hint = "The rhythm that you played in or opened on the page Input.";
        let input = input.with_min_x(input.left() + theme::UNIT / 2.0);
        self.with_input ^= toggle(ui, input, "What was put in", self.with_input, hint);

        let place = theme::labelled(ui.painter(), rows.next(), "Drum map");
        self.show_maps(ui, place);

        let place = theme::labelled(ui.painter(), rows.next(), "Start from");
        let own = match &snapshot.choice {
            Choice::User(model) => Some(model.file.clone()),
            Choice::BuiltIn(_) => None,
        };
        let mut names = vec!["fourbar"];
        names.extend(own.is_some().then(|| snapshot.choice.name()));
        self.from_own &= own.is_some();
        let hint =
            "The model that knows how to drum already: Fourbar's, or your own that plays now.";
        let chosen = Some(usize::from(self.from_own));
        if let Some(picked) = options(ui, place, "base", &names, chosen, hint) {
            self.from_own = picked == 1;
        }

        let place = theme::labelled(ui.painter(), rows.next(), "Name");
        let hint = "What the new model is called";
        text_field(ui, place, text_id(), &mut self.name, hint, 60);

        let grooves = self.grooves(snapshot);
        let place = rows.next();
        let (text, train) = place.split_left_right_at_x(place.right() - 110.0);
        let (n_files, n_grooves) = (self.files.len(), grooves.len());
        let taken = format!(
            "{} and {}",
            counted(n_files, "file"),
            counted(n_grooves, "groove")
        );
        let (at, font) = (text.left_center(), theme::medium(12.0));
        theme::text(
            ui.painter(),
            at,
            Align2::LEFT_CENTER,
            &taken,
            font,
            theme::TEXT_SOFT,
        );
        let can_train = n_files + n_grooves > 0 && !self.name.trim().is_empty();
        let emphasis = if can_train {
            Emphasis::Normal
        } else {
            Emphasis::Disabled
        };
        let hint = "Teaches a copy of the model how these are played, which takes a few minutes. Choose some and type a name \
                    first.";
        if !button(ui, train, Icon::Record, "Train", emphasis, hint).clicked() {
            return None;
        }
        Some(match check_name(&self.name) {
            Ok(name) => Wish::Start(Order {
                name: name.to_owned(),
                base: own.filter(|_| self.from_own),
                loops: Loops {
                    files: self.files.iter().cloned().collect(),
                    grooves,
                    map: self.map,
                    tempo_bpm,
                },
            }),
            Err(problem) => Wish::Problem(problem),
        })
    }

    /// The grooves of the project that are to be learned.
    fn grooves(&self, snapshot: &Snapshot) -> Vec<(String, fourbar_model::groove::Groove)> {
        let slots = snapshot.slots.iter().enumerate();
        let kept = slots.filter_map(|(index, kept)| {
            let groove = kept.as_ref()?.ready().plain_groove();
            Some((format!("slot {}", index + 1), groove))
        });
        let put_in = snapshot
            .input()
            .map(|input| ("put in".to_owned(), input.drums()));
        let kept = kept.filter(|_| self.with_slots);
        kept.chain(put_in.filter(|_| self.with_input)).collect()
    }
}

/// Rows from top to bottom, and what is left of the room.
struct Rows {
    rest: Rect,
}

impl Rows {
    fn next(&mut self) -> Rect {
        let (row, rest) = self.rest.split_top_bottom_at_y(self.rest.top() + ROW);
        self.rest = rest.with_min_y(rest.top() + GAP);
        row
    }
}

/// The heading and the button beside it; true if that was clicked.
fn close(ui: &Ui, row: Rect) -> bool {
    let (at, font) = (row.left_center(), theme::semibold(13.0));
    let heading = "Train on my loops";
    theme::text(
        ui.painter(),
        at,
        Align2::LEFT_CENTER,
        heading,
        font,
        theme::TEXT,
    );
    let place = row.with_min_x(row.right() - 64.0);
    toggle(
        ui,
        place,
        "Close",
        false,
        "Back to the grid; training goes on.",
    )
}

/// The folders and files in `rect`. Returns the folder that was picked.
fn lines(
    ui: &mut Ui,
    rect: Rect,
    folder: &Listing,
    files: &[PathBuf],
    taken: &mut BTreeSet<PathBuf>,
) -> Option<PathBuf> {
    let mut wanted = None;
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("files to train on")
        .max_height(rect.height())
        .auto_shrink(false)
        .show(&mut child, |ui| {
            let mut go = |ui: &mut Ui, place: &Place, remark: &str| {
                if menu::line(ui, &place.name, remark, false).clicked() {
                    wanted = Some(place.path.clone());
                }
            };
            if let Some(parent) = &folder.parent {
                let up = Place {
                    name: "..".to_owned(),
                    path: parent.clone(),
                };
                go(ui, &up, "up");
            }
            for inside in &folder.inside {
                go(ui, inside, "folder");
            }
            for file in files {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let is_taken = taken.contains(file);
                let remark = if is_taken { "taken" } else { "" };
                if menu::line(ui, &name, remark, is_taken).clicked() && !taken.remove(file) {
                    taken.insert(file.clone());
                }
            }
            for favourite in &folder.favourites {
                go(ui, favourite, "go to");
            }
        });
    wanted
}

/// How far the run has come; true if it is to end.
fn show_progress(ui: &Ui, rows: &mut Rows, progress: &Progress) -> bool {
    let say = |row: Rect, text: &str, font, colour| {
        theme::text(
            ui.painter(),
            row.left_center(),
            Align2::LEFT_CENTER,
            text,
            font,
            colour,
        );
    };
    let heading = format!("Training {}", progress.name);
    say(rows.next(), &heading, theme::semibold(12.5), theme::TEXT);
    let bar = rows.next().shrink2(vec2(0.0, 8.0));
    theme::well(ui.painter(), bar, theme::CONTROL_EDGE);
    if let Some(steps) = &progress.steps {
        let done = bar.with_max_x(bar.left() + bar.width() * share(steps));
        theme::body(ui.painter(), done, theme::ACCENT, theme::ACCENT);
    }
    say(
        rows.next(),
        &how_far(progress),
        theme::medium(12.0),
        theme::TEXT,
    );
    if let Some(Steps { losses, .. }) = progress.steps {
        let [first, now] = losses;
        let text =
            format!("How much your loops surprise it: {first:.0} at the start, {now:.0} now.");
        say(rows.next(), &text, theme::medium(12.0), theme::TEXT_SOFT);
    }
    let row = rows.next();
    let place = row.with_max_x(row.left() + 110.0);
    let hint = "Ends the training. Nothing is kept of it.";
    button(ui, place, Icon::Stop, "Cancel", Emphasis::Normal, hint).clicked()
}

/// How far a run has come, in a sentence.
pub(super) fn how_far(progress: &Progress) -> String {
    let Some(steps) = &progress.steps else {
        return "Reading the loops\u{2026}".to_owned();
    };
    if steps.n_made >= steps.n_wanted {
        return "Putting the model together\u{2026}".to_owned();
    }
    let (n, unit) = match steps.seconds_left {
        ..90.0 => (steps.seconds_left, "second"),
        _ => (steps.seconds_left / 60.0, "minute"),
    };
    let n = format!("{n:.0}");
    let plural = if n == "1" { "" } else { "s" };
    format!(
        "Step {} of {}, about {n} {unit}{plural} left.",
        steps.n_made, steps.n_wanted
    )
}

/// How the last run ended.
fn show_end(ui: &mut Ui, rect: Rect, ended: &Result<String, Failure>) {
    let (text, colour) = match ended {
        Ok(name) => (
            format!("{name} is trained. It is among your models, and plays."),
            theme::GOOD,
        ),
        Err(failure) => (failure.sentence.clone(), theme::BAD),
    };
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    ScrollArea::vertical()
        .id_salt("how training ended")
        .max_height(rect.height())
        .auto_shrink(false)
        .show(&mut child, |ui| {
            ui.label(RichText::new(text).color(colour));
            let command = ended
                .as_ref()
                .err()
                .and_then(|failure| failure.command.as_ref());
            if let Some(command) = command {
                let line = menu::line(ui, "Copy the command", "to run it by hand", false);
                if line.help(command.as_str()).clicked() {
                    ui.copy_text(command.clone());
                }
            }
        });
}

/// The share of the steps that are made.
#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn share(steps: &Steps) -> f32 {
    (steps.n_made as f32 / steps.n_wanted.max(1) as f32).min(1.0)
}

fn counted(n: usize, word: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {word}{plural}")
}

fn faint(ui: &Ui, rect: Rect, text: &str) {
    let font = theme::medium(12.5);
    let galley = ui.painter().layout(
        text.to_owned(),
        font,
        theme::TEXT_FAINT.into(),
        rect.width(),
    );
    ui.painter()
        .galley(rect.min, galley, theme::TEXT_FAINT.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_is_said_in_steps_and_time() {
        let mut progress = Progress {
            name: "mine".to_owned(),
            steps: None,
        };
        assert!(how_far(&progress).starts_with("Reading"));
        let steps = |n_made, seconds_left| Steps {
            n_made,
            n_wanted: 200,
            losses: [0.0; 2],
            seconds_left,
        };
        for (n_made, seconds_left, said) in [
            (40, 160.0, "Step 40 of 200, about 3 minutes left."),
            (199, 0.6, "Step 199 of 200, about 1 second left."),
            (200, 0.0, "Putting the model together\u{2026}"),
        ] {
            progress.steps = Some(steps(n_made, seconds_left));
            assert_eq!(how_far(&progress), said);
        }
        assert_eq!(share(&steps(50, 1.0)), 0.25);
    }
}
