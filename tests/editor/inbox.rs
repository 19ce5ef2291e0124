//! What comes into the window: files that are dropped on it, and passes that are recorded.

use std::fs;
use std::path::PathBuf;

use fourbar_model::drums::Voice;
use fourbar_model::midi;
use fourbar_model::note::Note;
use fourbar_plugin::request::Ready;

use super::{ACCENT, player_with_editor, settle, until, until_it_draws};
use crate::harness::clap::ClapHost;
use crate::harness::screen::{Area, Window, with_screen};
use crate::harness::xdnd::drop_files;
use crate::harness::{Host as _, Player};

/// A place in the middle of the grid, where nothing asks for files.
pub(super) const ANYWHERE: (i16, i16) = (600, 250);
/// What the line at the bottom says, and its colour where something is wrong.
const STATUS: Area = Area {
    left: 16,
    top: 728,
    width: 900,
    height: 32,
};
const BAD: [u8; 3] = [0xFF, 0x8A, 0x80];

/// The name of the page Input, and the buttons on it.
const INPUT: Area = Area {
    left: 958,
    top: 498,
    width: 40,
    height: 24,
};
const RECORD: Area = Area {
    left: 855,
    top: 528,
    width: 273,
    height: 30,
};
const OVERDUB: Area = Area {
    left: 855,
    top: 566,
    width: 130,
    height: 30,
};

/// A MIDI file with a kick on every beat of four bars.
pub(super) fn four_to_the_floor() -> PathBuf {
    let notes: Vec<Note> = (0..16_u8)
        .map(|beat| Note {
            onset_beats: f64::from(beat),
            duration_beats: 0.25,
            pitch: 36,
            velocity: 0.8,
            channel: 9,
        })
        .collect();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let path = home.join("four to the floor.mid");
    fs::write(&path, midi::write(&notes, 16.0, 120.0)).unwrap();
    path
}

/// The steps on which a drum plays.
pub(super) fn steps_of(ready: &Ready, drum: Voice) -> Vec<usize> {
    let groove = ready.plain_groove();
    let hits = groove.hits().filter(|&(_, voice, _)| voice == drum);
    hits.map(|(step, ..)| step).collect()
}

#[test]
fn a_midi_file_that_is_dropped_anywhere_on_the_window_is_put_in() {
    with_screen(
        "editor::inbox::a_midi_file_that_is_dropped_anywhere_on_the_window_is_put_in",
        |window| {
            let path = four_to_the_floor();
            let mut player = player_with_editor(window);
            assert_eq!(player.pattern().unwrap().request.input, 0);
            let uri = format!("file://{}\r\n", path.display()).replace(' ', "%20");

            // Something that is no file, and a file that holds no music.
            assert!(!drop_files(ANYWHERE, "words", &["text/plain"]));
            let words = path.with_file_name("words.txt");
            fs::write(&words, "words").unwrap();
            let uri_of_words = format!("file://{}\r\n", words.display());
            assert!(drop_files(ANYWHERE, &uri_of_words, &["text/uri-list"]));
            until(&mut player, window, STATUS, BAD, true);
            assert_eq!(player.pattern().unwrap().request.input, 0);

            let many_forms = ["text/plain", "UTF8_STRING", "STRING", "text/uri-list"];
            assert!(drop_files(ANYWHERE, &uri, &many_forms));
            let made = player.wait_for_pattern(|ready| ready.request.input != 0);
            let beats: Vec<usize> = (0..16).map(|beat| 4 * beat).collect();
            assert_eq!(steps_of(&made, Voice::Kick), beats, "its hits are kept");
            until(&mut player, window, STATUS, BAD, false);

            // The window is closed and opened again: it still takes files.
            player.host.close_editor();
            player.host.open_editor(window.id);
            until_it_draws(window, || player.host.idle());
            fs::write(&path, midi::write(&[], 16.0, 120.0)).unwrap();
            assert!(drop_files(ANYWHERE, &uri, &["text/uri-list"]));
            until(&mut player, window, STATUS, BAD, true);
            player.host.close_editor();
        },
    );
}

/// Records a pass, with these notes at these beats of it; returns how many notes of the pattern are heard meanwhile.
fn record(player: &mut Player<ClapHost>, window: &Window, played: &[(f64, u8)]) -> usize {
    // In a song that runs; else the plugin's own clock would.
    player.seek(1.0);
    player.play_to(2.0);
    settle(player);
    window.click(RECORD);
    until(player, window, RECORD, ACCENT, true);
    // What is as near as a 16th when the pass begins is on its way.
    player.play_to(16.6);
    player.heard.clear();
    for &(beats, key) in played {
        player.play_to(16.0 + beats);
        player.play_key(key, 0.9);
    }
    player.play_to(31.5);
    let n_heard = player
        .heard
        .iter()
        .filter(|event| event.velocity.is_some())
        .count();
    player.play_to(33.0);
    player.stop();
    until(player, window, RECORD, ACCENT, false);
    n_heard
}

#[test]
fn a_pass_is_recorded_with_the_button_and_another_over_it() {
    with_screen(
        "editor::inbox::a_pass_is_recorded_with_the_button_and_another_over_it",
        |window| {
            const KICK: u8 = 36;
            const SNARE: u8 = 38;
            let mut player = player_with_editor(window);
            settle(&mut player);
            window.click(INPUT);
            until(&mut player, window, INPUT, ACCENT, true);

            let kicks = [(1.0, KICK), (4.0, KICK), (8.0, KICK), (12.0, KICK)];
            assert_eq!(record(&mut player, window, &kicks), 0, "it replaces");
            let first = player.wait_for_pattern(|ready| ready.request.input != 0);
            assert_eq!(steps_of(&first, Voice::Kick), [4, 16, 32, 48]);
            assert_eq!(first.plain_groove().hits().count(), 4, "and nothing else");

            window.click(OVERDUB);
            until(&mut player, window, OVERDUB, ACCENT, true);
            let snares = [(2.0, SNARE), (10.0, SNARE)];
            assert!(record(&mut player, window, &snares) > 0, "it goes on");
            let before = first.request.input;
            let second =
                player.wait_for_pattern(|ready| ![0, before].contains(&ready.request.input));
            assert_eq!(steps_of(&second, Voice::Kick), [4, 16, 32, 48]);
            assert_eq!(steps_of(&second, Voice::Snare), [8, 40]);
            player.host.close_editor();
        },
    );
}
