//! The Input page: a rhythm is recorded, opened or dropped on the window, and the drummer makes a groove of it.

use super::ability::{Need, needing};
use super::background::Background;
use super::button::{Emphasis, button, toggle};
use super::choice::switch;
use super::export::Folder;
use super::help::Help as _;
use super::icon::Icon;
use super::{menu, theme};
use crate::params::FourbarParams;
use crate::recording::{Phase, Recorded};
use crate::request::{Input, Use};
use crate::shared::{Shared, Snapshot};
use egui::{Align2, Popup, Rect, RectAlign, ScrollArea, Ui, pos2, vec2};
use fourbar_model::groove::{STEPS_PER_BAR, nearest_step};
use fourbar_model::midi;
use fourbar_model::note::Note;
use fourbar_model::pattern::BAR_BEATS;
use nice_plug::prelude::ParamSetter;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Files that are listed, and the largest that is read, in bytes.
const MAX_FILES: usize = 200;
const MAX_BYTES: u64 = 4 << 20;

/// What can be made of a rhythm: what it is, its name, and what is meant.
const USES: [(Use, &str, &str); 4] = [
    (Use::Humanise, "Humanise", "its hits, played by a drummer"),
    (Use::Drumify, "Drumify", "its taps become drums"),
    (Use::Follow, "Follow", "other hits, its timing and accents"),
    (Use::Start, "Start from here", "grooves that resemble it"),
];

/// A rhythm on its way in. Used by the window's thread only.
#[derive(Default)]
pub(super) struct GrooveIn {
    /// What is made of the next rhythm: the same as of the one that is put in.
    used_to: Use,
    played: Vec<Note>,
    files: Vec<PathBuf>,
    listing: Option<Background<Vec<PathBuf>>>,
    opening: Option<Background<(String, Vec<Note>)>>,
}

/// What the page has to say and to do.
pub(super) enum Outcome {
    /// This was put in, or nothing is any more.
    Input(Option<Input>),
    /// Something went wrong.
    Problem(String),
}

impl GrooveIn {
    /// Takes what was recorded or opened since the last frame, for grooves of `n_bars`.
    pub(super) fn follow(
        &mut self,
        params: &FourbarParams,
        shared: &Shared,
        n_bars: usize,
    ) -> Option<Outcome> {
        while let Some(recorded) = shared.recording.receive() {
            match recorded {
                Recorded::Note {
                    beats,
                    key,
                    velocity,
                } => self.played.push(Note {
                    onset_beats: beats,
                    duration_beats: 0.0,
                    pitch: key,
                    velocity,
                    channel: 0,
                }),
                Recorded::End(beats) => {
                    let notes = std::mem::take(&mut self.played);
                    let metre = params.slots.metre();
                    let n_bars = nearest_step(beats) / metre.unit_steps();
                    let in_model = |note: Note| {
                        let onset_beats = metre.in_model(note.onset_beats, n_bars)?;
                        Some(Note {
                            onset_beats,
                            ..note
                        })
                    };
                    let mut notes: Vec<Note> = notes.into_iter().filter_map(in_model).collect();
                    if shared.recording.overdub.load(Ordering::Relaxed) {
                        notes.extend(heard(params, shared));
                    }
                    let problem =
                        "Nothing was played in: arm it again, and play when the pass begins.";
                    return Some(self.put_in(params, "played in", &notes, n_bars, problem));
                }
            }
        }
        let opened = self.opening.as_ref().and_then(Background::outcome)?;
        self.opening = None;
        Some(match opened {
            Ok((name, notes)) => {
                let problem = format!("{name} has no notes in its first bars.");
                self.put_in(params, &name, &notes, n_bars, &problem)
            }
            Err(problem) => Outcome::Problem(problem),
        })
    }

    fn put_in(
        &self,
        params: &FourbarParams,
        name: &str,
        notes: &[Note],
        n_bars: usize,
        problem: &str,
    ) -> Outcome {
        let n_steps = n_bars * STEPS_PER_BAR;
        let voice_of = |key| params.voice_of(key);
        let input = Input::of_notes(name, self.used_to, notes, n_steps, voice_of);
        match input {
            Some(input) => Outcome::Input(Some(input)),
            None => Outcome::Problem(problem.to_owned()),
        }
    }

    /// Opens the first MIDI file of those that were dropped on the window, in place of one that is being opened.
    pub(super) fn land(&mut self, files: Vec<PathBuf>) {
        let file = files.iter().find(|file| is_midi(file)).or(files.first());
        if let Some(path) = file.cloned() {
            self.start_to_open(path);
        }
    }

    fn start_to_open(&mut self, path: PathBuf) {
        let job = move |_: &AtomicBool| read(&path);
        self.opening = Some(Background::start_stoppable("fourbar open", job));
    }

    /// Draws the page in `rect`.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        params: &FourbarParams,
        shared: &Shared,
        setter: &ParamSetter,
        snapshot: &Snapshot,
    ) -> Option<Outcome> {
        let row = |index: u8| {
            let top = rect.top() + 38.0 * f32::from(index);
            Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), 30.0))
        };
        record(ui, row(0), shared);
        let (left, right) = row(1).split_left_right_at_fraction(0.5);
        let overdub = shared.recording.overdub.load(Ordering::Relaxed);
        let hint = "Lit: what you play is added to the groove that you hear. Else it is recorded alone, to a click.";
        let left = left.with_max_x(left.right() - theme::UNIT / 2.0);
        if toggle(ui, left, "Overdub", overdub, hint) {
            shared.recording.overdub.store(!overdub, Ordering::Relaxed);
        }
        self.open(ui, right.with_min_x(right.left() + theme::UNIT / 2.0));

        let abilities = snapshot.abilities.as_deref();
        if let Some(input) = snapshot.input() {
            self.used_to = input.used_to;
        }
        let mut outcome = None;
        needing(ui, row(2), Need::Completion, abilities, "Groove in", |ui| {
            let place = theme::labelled(ui.painter(), row(2), "Make of it");
            if let Some(used_to) = uses(ui, place, self.used_to) {
                self.used_to = used_to;
                let input = snapshot.input().map(|input| input.used_to(used_to));
                outcome = input.map(|input| Outcome::Input(Some(input)));
            }
        });
        let place = theme::labelled(ui.painter(), row(3), "Put in");
        let (name, colour) = match snapshot.input() {
            Some(input) => (input.name.as_str(), theme::TEXT),
            None => ("nothing", theme::TEXT_FAINT),
        };
        let clear = place.with_min_x(place.right() - 64.0);
        theme::text_within(
            ui.painter(),
            place.left_center(),
            Align2::LEFT_CENTER,
            name,
            theme::semibold(12.5),
            colour,
            place.width() - 72.0,
        );
        if snapshot.input().is_some() {
            let hint =
                "Takes the rhythm out: grooves are drawn from the seed again. Undo brings it back.";
            if toggle(ui, clear, "Take out", false, hint) {
                outcome = Some(Outcome::Input(None));
            }
        }
        let (left, right) = row(4).split_left_right_at_fraction(0.5);
        let hint = "Notes that come in play the kit.";
        let heard = labelled_switch(ui, left, "Play kit");
        switch(ui, heard, &params.notes_in.heard, setter, hint);
        let hint = "Low keys work the plugin: 12 regenerate, 13 fill, 14 and 15 the slot before and after, 16 start and stop, 24 to 31 the slots.";
        let keys = labelled_switch(ui, right, "Keys");
        switch(ui, keys, &params.notes_in.keys, setter, hint);
        outcome
    }

    /// The menu of MIDI files.
    fn open(&mut self, ui: &Ui, rect: Rect) {
        let response = menu::button(ui, rect, "midi files", "Open\u{2026}");
        if response.clicked() {
            let job = |_: &AtomicBool| midi_files(&Folder::chosen()?.path);
            self.listing = Some(Background::start_stoppable("fourbar files", job));
        }
        if let Some(files) = self.listing.as_ref().and_then(Background::outcome) {
            self.files = files.unwrap_or_default();
            self.listing = None;
        }
        let mut chosen = None;
        let menu = Popup::menu(&response)
            .align(RectAlign::TOP_END)
            .gap(4.0)
            .width(280.0)
            .show(|ui| {
                if self.files.is_empty() {
                    let hint = "Put MIDI files into your export folder, Fourbar in your music folder unless you chose another, and they are listed here.";
                    ui.label(egui::RichText::new(hint).color(theme::TEXT_FAINT));
                }
                ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                    for path in &self.files {
                        if menu::line(ui, &name_of(path), "", false).clicked() {
                            chosen = Some(path.clone());
                        }
                    }
                });
            });
        if menu.is_none() {
            response.help(
                "A MIDI file whose rhythm is put in. On Linux one can also be dropped anywhere on the window.",
            );
        }
        if let Some(path) = chosen {
            self.start_to_open(path);
        }
    }
}

/// The button that arms a recording.
fn record(ui: &Ui, rect: Rect, shared: &Shared) {
    let phase = shared.recording.phase();
    let (text, emphasis) = match phase {
        Phase::Off => ("Record a pass", Emphasis::Normal),
        Phase::Armed => ("Counting in\u{2026}", Emphasis::On),
        Phase::On => ("Recording\u{2026}", Emphasis::On),
    };
    let hint = "Records what you play on a MIDI keyboard or pads, for one pass of the groove, from its next beginning on.";
    if !button(ui, rect, Icon::Record, text, emphasis, hint).clicked() {
        return;
    }
    if phase == Phase::Off {
        shared.recording.go_to(Phase::Armed);
        // Where the host is stopped, the plugin's own clock counts in.
        let host_plays = shared.host_plays.load(Ordering::Relaxed);
        if !host_plays {
            shared.audition.store(true, Ordering::Relaxed);
        }
    } else {
        shared.recording.go_to(Phase::Off);
    }
}

/// The menu of what is made of a rhythm; returns what was chosen.
fn uses(ui: &Ui, rect: Rect, now: Use) -> Option<Use> {
    let chosen = USES.iter().find(|(used_to, ..)| *used_to == now);
    let name = chosen.map_or("", |(_, name, _)| name);
    let response = menu::button(ui, rect, "use of input", name);
    let mut picked = None;
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_START)
        .gap(4.0)
        .width(340.0)
        .show(|ui| {
            for (used_to, name, meant) in USES {
                if menu::line(ui, name, meant, used_to == now).clicked() {
                    picked = Some(used_to);
                }
            }
        });
    if menu.is_none() {
        response.help("What the drummer makes of the rhythm that is put in.");
    }
    picked
}

/// A word and the place of its switch.
fn labelled_switch(ui: &Ui, rect: Rect, word: &str) -> Rect {
    theme::text(
        ui.painter(),
        rect.left_center() + vec2(44.0, 0.0),
        Align2::LEFT_CENTER,
        word,
        theme::medium(12.0),
        theme::TEXT_SOFT,
    );
    rect
}

/// The groove that is heard, as notes.
fn heard(params: &FourbarParams, shared: &Shared) -> Vec<Note> {
    let keys = params.output().keys;
    let sounding = shared.sounding();
    let pattern = sounding.map(|ready| ready.plain_groove().to_pattern());
    pattern.map_or(Vec::new(), |pattern| {
        pattern.to_notes(params.feel(), &keys, 0)
    })
}

/// Whether a file's name ends as those of MIDI files do.
fn is_midi(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["mid", "midi"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// The MIDI files in a folder, by name; none where the folder is not there yet.
pub(super) fn midi_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_midi(path))
        .collect();
    files.sort();
    files.truncate(MAX_FILES);
    Ok(files)
}

/// The name of a file and its notes: the drums if it has any, else all, from the bar of the first on.
fn read(path: &Path) -> Result<(String, Vec<Note>), String> {
    let name = name_of(path);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| format!("{name} cannot be read: {error}."))?;
    let song = midi::read(&bytes).map_err(|error| format!("{name}: {error}"))?;
    let mut notes = song.drum_notes().unwrap_or_default();
    if notes.is_empty() {
        notes = song.notes;
    }
    let first = notes
        .iter()
        .map(|note| note.onset_beats)
        .fold(f64::INFINITY, f64::min);
    if first.is_finite() {
        let start = (first / BAR_BEATS + 0.01).floor() * BAR_BEATS;
        for note in &mut notes {
            note.onset_beats -= start;
        }
    }
    Ok((name, notes))
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use fourbar_model::midi::write;

    #[test]
    fn a_file_is_read_from_the_bar_of_its_first_note() {
        let folder = tempfile::tempdir().unwrap();
        let note = |onset_beats: f64, channel: u8| Note {
            onset_beats,
            duration_beats: 0.25,
            pitch: 40,
            velocity: 0.5,
            channel,
        };
        for (name, channel) in [("drums.MID", 9), ("bass.mid", 2)] {
            let bytes = write(&[note(9.0, channel), note(12.5, channel)], 16.0, 120.0);
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::write(folder.path().join("broken.mid"), b"MThd").unwrap();
        fs::write(folder.path().join("notes.txt"), b"").unwrap();
        let files = midi_files(folder.path()).unwrap();
        let names: Vec<String> = files.iter().map(|path| name_of(path)).collect();
        assert_eq!(names, ["bass.mid", "broken.mid", "drums.MID"]);
        for index in [0, 2] {
            let (_, notes) = read(&files[index]).unwrap();
            let onsets: Vec<f64> = notes.iter().map(|note| note.onset_beats).collect();
            assert_eq!(onsets, [1.0, 4.5]);
        }
        assert!(read(&files[1]).unwrap_err().starts_with("broken.mid: "));
        assert!(midi_files(&folder.path().join("gone")).unwrap().is_empty());
    }
}
