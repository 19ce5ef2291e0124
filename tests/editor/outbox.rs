//! What leaves the window as a file: dragged to another program, copied, exported.

use std::fs;
use std::path::{Path, PathBuf};

use fourbar_model::midi::{self, Song};

use super::{ACCENT, AUDITION, FILLS, player_with_editor, settle, until, until_another};
use crate::harness::Player;
use crate::harness::clap::ClapHost;
use crate::harness::process::{fill_disk, run_on_disk};
use crate::harness::screen::{Area, ESCAPE, Window, with_screen};
use crate::harness::xdnd::{Lived, Manner, Program, pasted_uri_list};

/// By which the pattern is dragged out.
const HANDLE: Area = Area {
    left: 855,
    top: 651,
    width: 273,
    height: 30,
};
/// The button of the menu with what a file is to be.
const MORE: Area = Area {
    left: 1096,
    top: 686,
    width: 32,
    height: 30,
};
/// Where another program's window is.
pub(super) const ELSEWHERE: Area = Area {
    left: 1400,
    top: 300,
    width: 300,
    height: 200,
};
/// A place with no window but the root's.
const NOWHERE: (i16, i16) = (2000, 1400);
const WINDOW: Area = Area {
    left: 0,
    top: 0,
    width: 1160,
    height: 760,
};
/// What the line at the bottom says, and its colours where all is well and where it is not.
const STATUS: Area = Area {
    left: 16,
    top: 728,
    width: 900,
    height: 32,
};
const GOOD: [u8; 3] = [0x7F, 0xD6, 0xA2];
const BAD: [u8; 3] = [0xFF, 0x8A, 0x80];

#[test]
fn a_pattern_is_dragged_to_another_program_again_and_again() {
    with_screen(
        "editor::outbox::a_pattern_is_dragged_to_another_program_again_and_again",
        |window| {
            let mut player = player_beside_the_root(window);
            player.transport.tempo_bpm = Some(97.0);
            player.transport.time_signature = Some((7, 8));
            player.set("swing", "60 %");
            player.set("density_1", "50 %");
            player.set("fill_every", "8 bars");
            player.wait_for_pattern(|ready| {
                ready.request.form.fill_every == 8 && ready.request.play.swing > 0.5
            });
            let length_beats = player.pattern().unwrap().pattern.loop_beats();
            assert_eq!(
                length_beats, 28.0,
                "eight bars of 7/8, the last with a fill"
            );
            let heard = play_from_start(&mut player, length_beats);
            assert!(heard.len() > 64);

            let program = Program::open(ELSEWHERE, Manner::Takes(5));
            let mut paths = Vec::new();
            for _ in 0..3 {
                drag(&mut player, window, ELSEWHERE.centre());
                let path = dropped(&program);
                let song = read(&path);
                assert!((song.tempos[0].bpm - 97.0).abs() < 1e-3);
                let metre = song.time_signatures[0];
                assert_eq!((metre.numerator, metre.denominator), (7, 8));
                assert_eq!(song.end_beats, length_beats, "the end of the track");
                is_what_was_heard(&song, &heard);
                paths.push(path);
                nothing_is_held(&mut player, window);
            }
            assert!(paths.iter().all(|path| *path == paths[0]), "one file");
            assert_eq!(paths[0].parent(), Some(&*export_folder()));

            player.set("seed", "77");
            player.wait_for_pattern(|ready| ready.request.seed == 77);
            drag(&mut player, window, ELSEWHERE.centre());
            assert_ne!(dropped(&program), paths[0]);
            player.host.close_editor();
        },
    );
}

#[test]
fn a_drag_that_ends_nowhere_leaves_nothing_behind() {
    with_screen(
        "editor::outbox::a_drag_that_ends_nowhere_leaves_nothing_behind",
        |window| {
            let mut player = player_beside_the_root(window);
            // Over the root window, over a program that knows nothing of drops, and over the plugin itself.
            let unaware = Area {
                top: 700,
                ..ELSEWHERE
            };
            let _unaware = Program::open(unaware, Manner::Unaware);
            for place in [NOWHERE, unaware.centre(), (300, 300)] {
                drag(&mut player, window, place);
                nothing_is_held(&mut player, window);
            }

            // Cancelled over a program that would have taken it.
            let program = Program::open(ELSEWHERE, Manner::Takes(5));
            pick_up(&mut player, window);
            carry(&mut player, window, ELSEWHERE.centre());
            assert!(matches!(program.next(), Lived::Entered(5, _)));
            window.hold(ESCAPE, true);
            assert_eq!(program.next(), Lived::Left);
            window.hold(ESCAPE, false);
            window.release_button();
            nothing_is_held(&mut player, window);

            // Carried over it and away again.
            pick_up(&mut player, window);
            carry(&mut player, window, ELSEWHERE.centre());
            assert!(matches!(program.next(), Lived::Entered(5, _)));
            carry(&mut player, window, NOWHERE);
            assert_eq!(program.next(), Lived::Left);
            window.release_button();
            nothing_is_held(&mut player, window);
            assert!(program.is_left_alone());
            settle(&mut player);
            assert_eq!(files(&export_folder()), Vec::<PathBuf>::new());
            player.host.close_editor();
        },
    );
}

#[test]
fn programs_of_all_manners_are_dropped_on() {
    with_screen(
        "editor::outbox::programs_of_all_manners_are_dropped_on",
        |window| {
            let mut player = player_beside_the_root(window);
            let at = |index: i16| Area {
                left: 1200 + 300 * (index % 4),
                top: 100 + 300 * (index / 4),
                width: 250,
                height: 250,
            };
            let silent = Program::open(at(0), Manner::Silent);
            drag(&mut player, window, at(0).centre());
            assert!(matches!(silent.next(), Lived::Entered(..)));
            until(&mut player, window, STATUS, BAD, true);
            assert_eq!(silent.next(), Lived::Left);
            nothing_is_held(&mut player, window);

            let refuses = Program::open(at(1), Manner::Refuses);
            drag(&mut player, window, at(1).centre());
            assert!(matches!(refuses.next(), Lived::Entered(..)));
            assert_eq!(refuses.next(), Lived::Left);

            for (index, manner) in [
                (2, Manner::TakesByProxy),
                (3, Manner::Takes(3)),
                (4, Manner::TakesWithoutThanks),
            ] {
                let program = Program::open(at(index), manner);
                drag(&mut player, window, at(index).centre());
                read(&dropped(&program));
                until(&mut player, window, STATUS, GOOD, true);
                nothing_is_held(&mut player, window);
            }

            // Too old to be understood.
            let old = Program::open(at(5), Manner::Takes(2));
            drag(&mut player, window, at(5).centre());
            nothing_is_held(&mut player, window);
            assert!(old.is_left_alone());
            player.host.close_editor();
        },
    );
}

#[test]
fn the_editor_is_closed_and_the_plugin_removed_in_the_middle_of_a_drag() {
    with_screen(
        "editor::outbox::the_editor_is_closed_and_the_plugin_removed_in_the_middle_of_a_drag",
        |window| {
            let program = Program::open(ELSEWHERE, Manner::Takes(5));
            let mut player = player_beside_the_root(window);
            pick_up(&mut player, window);
            carry(&mut player, window, ELSEWHERE.centre());
            assert!(matches!(program.next(), Lived::Entered(5, _)));
            player.host.close_editor();
            drop(player);
            assert_eq!(program.next(), Lived::Left);
            window.release_button();
            assert!(!window.is_button_down());
        },
    );
}

/// What is in the menu: the second kind of file, one pass more, the switch for muting, the last of the folders and the one
/// two lines above it, and the buttons.
const WAV: (i16, i16) = (1052, 431);
const ONE_MORE: (i16, i16) = (1101, 463);
const MUTE: (i16, i16) = (889, 496);
const HOME: (i16, i16) = (839, 615);
const FIRST_IN_HOME: (i16, i16) = (839, 563);
const COPY: (i16, i16) = (879, 657);
const EXPORT: (i16, i16) = (1039, 657);

/// What changes in the menu with each: the kind that is lit at first, the number of passes, the switch, and the folder's
/// path, whose row moves as the list below it grows.
const MIDI: Area = Area {
    left: 876,
    top: 422,
    width: 112,
    height: 20,
};
const PASSES: Area = Area {
    left: 910,
    top: 454,
    width: 160,
    height: 20,
};
const SWITCH: Area = Area {
    left: 872,
    top: 486,
    width: 36,
    height: 20,
};
const FOLDER: Area = Area {
    left: 872,
    top: 496,
    width: 240,
    height: 60,
};

#[test]
fn the_menu_decides_what_a_file_is_and_where_it_goes() {
    with_screen(
        "editor::outbox::the_menu_decides_what_a_file_is_and_where_it_goes",
        |window| {
            let home = export_folder().parent().unwrap().to_owned();
            let grooves = home.join("Grooves");
            fs::create_dir(&grooves).unwrap();
            let mut player = player_beside_the_root(window);
            open_menu(&mut player, window);
            // What is above the folders moves as their list grows.
            for (place, shows) in [
                (WAV, MIDI),
                (ONE_MORE, PASSES),
                (ONE_MORE, PASSES),
                (MUTE, SWITCH),
            ] {
                click(&mut player, window, place, shows);
            }
            for (place, folder) in [(HOME, &home), (FIRST_IN_HOME, &grooves)] {
                // What changes afterwards is not that the pointer is somewhere else.
                carry(&mut player, window, place);
                click(&mut player, window, place, FOLDER);
                until_chosen(&mut player, folder);
            }
            if let Some(path) = std::env::var_os(super::PICTURE) {
                window.write_png(path.as_ref(), WINDOW);
            }
            click(&mut player, window, EXPORT, FOLDER);
            until(&mut player, window, STATUS, GOOD, true);
            let path = grooves.join("Fourbar 000014.wav");
            assert_eq!(files(&grooves), [&*path]);
            // Two passes of four bars at 120 bpm, 48 kHz, two channels of 24 bits.
            let n_bytes = 44 + 16 * 48_000 * 2 * 3;
            assert_eq!(fs::metadata(&path).unwrap().len(), n_bytes);

            // Dropped, it is the same file, and the plugin is quiet.
            let program = Program::open(ELSEWHERE, Manner::Takes(5));
            assert!(n_notes(&mut player) > 0);
            drag(&mut player, window, ELSEWHERE.centre());
            assert_eq!(dropped(&program), path);
            until(&mut player, window, AUDITION, ACCENT, true);
            assert_eq!(n_notes(&mut player), 0);
            window.click(AUDITION);
            until(&mut player, window, AUDITION, ACCENT, false);
            assert!(n_notes(&mut player) > 0);

            assert_eq!(pasted_uri_list(), None);
            open_menu(&mut player, window);
            click(&mut player, window, COPY, FOLDER);
            until(&mut player, window, STATUS, GOOD, true);
            for _ in 0..2 {
                assert_eq!(path_in(&pasted_uri_list().unwrap()), path);
            }

            // A folder that has gone is said and not made again.
            fs::remove_dir_all(&grooves).unwrap();
            open_menu(&mut player, window);
            click(&mut player, window, EXPORT, FOLDER);
            until(&mut player, window, STATUS, BAD, true);
            assert!(!grooves.exists());
            player.host.close_editor();
            drop(player);
            assert_eq!(pasted_uri_list(), None, "the plugin has gone");
        },
    );
}

/// Set in the run of a test whose export folder is a small disk of its own.
const ON_DISK: &str = "FOURBAR_TEST_ON_DISK";

#[test]
fn a_full_disk_is_said_and_the_next_export_is_whole() {
    let name = "editor::outbox::a_full_disk_is_said_and_the_next_export_is_whole";
    with_screen(name, |window| {
        let folder = export_folder();
        if std::env::var_os(ON_DISK).is_none() {
            fs::create_dir(&folder).unwrap();
            run_on_disk(name, &folder, 64, &[(ON_DISK, "1".as_ref())]);
            return;
        }
        let mut player = player_beside_the_root(window);
        let export = |player: &mut Player<ClapHost>, colour| {
            open_menu(player, window);
            click(player, window, EXPORT, FOLDER);
            until(player, window, STATUS, colour, true);
        };
        let filler = fill_disk(&folder);
        export(&mut player, BAD);
        assert_eq!(files(&folder), [&*filler], "half a file is left");
        fs::remove_file(filler).unwrap();
        export(&mut player, GOOD);
        let [path] = &files(&folder)[..] else {
            panic!("one file is exported");
        };
        let heard = play_from_start(&mut player, 16.0);
        is_what_was_heard(&read(path), &heard);
        player.host.close_editor();
    });
}

/// Opens the menu and waits for its list of folders.
fn open_menu(player: &mut Player<ClapHost>, window: &Window) {
    settle(player);
    let before = window.pixels(FOLDER);
    window.click(MORE);
    until_another(player, window, FOLDER, &before);
}

/// Clicks, and waits until a part of the menu shows something else and everything rests.
fn click(player: &mut Player<ClapHost>, window: &Window, (left, top): (i16, i16), shows: Area) {
    let (width, height) = (2, 2);
    let before = window.pixels(shows);
    window.click(Area {
        left,
        top,
        width,
        height,
    });
    until_another(player, window, shows, &before);
}

/// Waits until files are exported to `folder`, and the menu shows that.
fn until_chosen(player: &mut Player<ClapHost>, folder: &Path) {
    let settings = PathBuf::from(std::env::var_os("XDG_CONFIG_HOME").unwrap());
    let file = settings.join("fourbar/export-folders.json");
    let words = format!("\"chosen\":{folder:?}");
    let remembered = || fs::read_to_string(&file).unwrap_or_default();
    let start = std::time::Instant::now();
    while !remembered().contains(&words) {
        assert!(start.elapsed().as_secs() < 60, "{folder:?} is not chosen");
        settle(player);
    }
    settle(player);
}

/// Plays a bar and counts what is heard.
fn n_notes(player: &mut Player<ClapHost>) -> usize {
    settle(player);
    play_from_start(player, 4.0).len()
}

/// A player with its editor open in a window that is no larger than the editor.
pub(super) fn player_beside_the_root(window: &Window) -> Player<ClapHost> {
    window.resize(WINDOW.width, WINDOW.height);
    let mut player = player_with_editor(window);
    settle(&mut player);
    player
}

/// A note as it was heard: when, in beats from the song's start, which key, how loud.
pub(super) type Heard = (f64, u8, f32);

/// Plays the song from its start and returns what was heard.
pub(super) fn play_from_start(player: &mut Player<ClapHost>, to_beats: f64) -> Vec<Heard> {
    player.stop();
    player.forget();
    player.seek(0.0);
    let start = player.now();
    player.play_to(to_beats);
    player.stop();
    #[expect(clippy::cast_precision_loss, reason = "a short song")]
    let beats = |sample: u64| (sample - start) as f64 / player.samples_per_beat();
    let notes = player.notes().into_iter();
    notes
        .map(|note| (beats(note.start), note.pitch, note.velocity))
        .collect()
}

/// The file holds every note at its time, its key and its velocity.
pub(super) fn is_what_was_heard(song: &Song, heard: &[Heard]) {
    let tolerance_beats = 1.0 / 960.0 + 1e-4;
    let mut rest = heard.to_vec();
    for note in &song.notes {
        let place = rest.iter().position(|(beats, key, velocity)| {
            (beats - note.onset_beats).abs() < tolerance_beats
                && *key == note.pitch
                && (velocity - note.velocity).abs() < 1.0 / 127.0
        });
        rest.remove(place.unwrap_or_else(|| panic!("{note:?} was not heard")));
    }
    // What announces the next round, before the end of this one.
    let announces = |(beats, ..): &Heard| *beats > song.end_beats - 0.25;
    assert!(rest.len() < 8 && rest.iter().all(announces), "{rest:?}");
}

/// Takes hold of the pattern, and moves far enough for it to be a drag; again where a slow screen has missed it.
fn pick_up(player: &mut Player<ClapHost>, window: &Window) {
    const N_TRIES: usize = 4;
    for _ in 0..N_TRIES {
        settle(player);
        window.press_button(HANDLE);
        settle(player);
        let (left, top) = HANDLE.centre();
        carry(player, window, (left + 12, top - 12));
        let start = std::time::Instant::now();
        while start.elapsed().as_secs() < 10 {
            if window.pixels(HANDLE).contains(&ACCENT) {
                return;
            }
            settle(player);
        }
        window.release_button();
        settle(player);
    }
    panic!("no drag begins");
}

fn carry(player: &mut Player<ClapHost>, window: &Window, place: (i16, i16)) {
    window.move_to(place);
    settle(player);
}

/// Drags the pattern to a place of the screen.
pub(super) fn drag(player: &mut Player<ClapHost>, window: &Window, place: (i16, i16)) {
    pick_up(player, window);
    carry(player, window, (place.0 - 20, place.1 - 20));
    carry(player, window, place);
    window.release_button();
    until(player, window, HANDLE, ACCENT, false);
}

/// The path of the file that the program has been given.
pub(super) fn dropped(program: &Program) -> PathBuf {
    let Lived::Entered(version, forms) = program.next() else {
        panic!("nothing comes over the program");
    };
    assert!((3..=5).contains(&version));
    assert_eq!(forms, ["text/uri-list", "text/plain", "UTF8_STRING"]);
    match program.next() {
        Lived::Dropped(uri_list, path) => {
            let path = PathBuf::from(path);
            assert_eq!(path_in(&uri_list), path);
            path
        }
        other => panic!("{other:?}"),
    }
}

/// The path in a list of one file's address.
fn path_in(uri_list: &str) -> PathBuf {
    let address = uri_list.strip_prefix("file://").unwrap();
    let address = address.strip_suffix("\r\n").unwrap();
    address.replace("%20", " ").into()
}

pub(super) fn read(path: &Path) -> Song {
    midi::read(&fs::read(path).unwrap()).unwrap()
}

fn export_folder() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").unwrap()).join("Fourbar")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The pointer is free, and the window takes clicks.
fn nothing_is_held(player: &mut Player<ClapHost>, window: &Window) {
    assert!(!window.is_button_down());
    until(player, window, HANDLE, ACCENT, false);
    settle(player);
    for page in [FILLS, super::PLAY] {
        window.click(page);
        until(player, window, page, ACCENT, true);
    }
}
