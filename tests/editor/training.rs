//! A model is trained from the window, on a file and from a model of the user's own.

use std::path::{Path, PathBuf};

use fourbar_model::midi;
use fourbar_model::note::Note;

use super::{ACCENT, PICTURE, player_with_editor, settle, until, until_another};
use crate::harness::screen::{Area, ENTER, with_screen};
use crate::user_models::training::{real_command, write_command};
use crate::user_models::{choose, drums};

/// The menu of models, the place below it, and the line in it that shows the page.
const MENU: Area = Area {
    left: 960,
    top: 14,
    width: 60,
    height: 20,
};
const MENU_BELOW: Area = Area {
    left: 800,
    top: 60,
    width: 240,
    height: 200,
};
const TRAIN_LINE: Area = Area {
    left: 720,
    top: 156,
    width: 100,
    height: 10,
};

/// On the page: the button that takes all files, the second model to start from, the field for the name, and the button that
/// begins.
const ALL_FILES: Area = Area {
    left: 480,
    top: 60,
    width: 88,
    height: 28,
};
const OWN_BASE: Area = Area {
    left: 900,
    top: 162,
    width: 100,
    height: 28,
};
const NAME: Area = Area {
    left: 700,
    top: 196,
    width: 300,
    height: 28,
};
const TRAIN: Area = Area {
    left: 1018,
    top: 230,
    width: 110,
    height: 28,
};
/// All of the page that is below its first row.
const CHOICES: Area = Area {
    left: 16,
    top: 91,
    width: 1128,
    height: 180,
};
/// The bar that fills.
const BAR: Area = Area {
    left: 590,
    top: 136,
    width: 500,
    height: 12,
};

#[test]
fn a_model_is_trained_from_the_window() {
    with_screen(
        "editor::training::a_model_is_trained_from_the_window",
        |window| {
            let home = PathBuf::from(std::env::var_os("HOME").unwrap());
            let data = PathBuf::from(std::env::var_os("XDG_DATA_HOME").unwrap());
            let (programs, loops) = (home.join(".local/bin"), home.join("Fourbar"));
            let models = data.join("fourbar/models");
            for folder in [&programs, &loops, &models] {
                std::fs::create_dir_all(folder).unwrap();
            }
            // It goes on until it has been seen.
            let seen = home.join("seen");
            let wait = r#"while [ ! -e "$HOME/seen" ]; do sleep 0.1; done"#;
            let script = format!("unset FOURBAR_DATA{}{wait}", real_command());
            write_command(&programs, &script);
            std::fs::write(loops.join("beat.mid"), beat()).unwrap();
            let base = drums(2, 1).to_bytes().unwrap();
            std::fs::write(models.join("base.safetensors"), base).unwrap();

            let mut player = player_with_editor(window);
            choose(&mut player, Some("base.safetensors"));
            let made_by_base =
                player.wait_for_pattern(|ready| ready.checkpoint_id.starts_with("mine "));
            settle(&mut player);
            let closed = window.pixels(MENU_BELOW);
            window.click(MENU);
            until_another(&mut player, window, MENU_BELOW, &closed);
            let open = window.pixels(MENU_BELOW);
            window.click(TRAIN_LINE);
            until_another(&mut player, window, MENU_BELOW, &open);
            settle(&mut player);

            window.click(ALL_FILES);
            until(&mut player, window, ALL_FILES, ACCENT, true);
            let other = window.pixels(OWN_BASE);
            window.click(OWN_BASE);
            until_another(&mut player, window, OWN_BASE, &other);
            window.click(NAME);
            until(&mut player, window, NAME, ACCENT, true);
            window.type_text("lesson");
            window.press(&[ENTER]);
            until(&mut player, window, NAME, ACCENT, false);
            settle(&mut player);
            if let Some(path) = std::env::var_os(PICTURE) {
                window.write_png(&Path::new(&path).with_file_name("train.png"), CHOICES);
            }
            window.click(TRAIN);
            until(&mut player, window, BAR, ACCENT, true);
            std::fs::write(seen, "").unwrap();
            player.wait_for_pattern(|ready| {
                let made_by = &ready.checkpoint_id;
                made_by.starts_with("mine ") && *made_by != made_by_base.checkpoint_id
            });
            assert!(models.join("lesson.safetensors").exists());
            player.host.close_editor();
        },
    );
}

/// A file with two bars of kick and snare.
fn beat() -> Vec<u8> {
    let notes = [(0.0, 36), (1.0, 38), (2.0, 36), (3.0, 38), (3.5, 36)];
    let notes = notes.map(|(onset_beats, pitch)| Note {
        onset_beats,
        duration_beats: 0.25,
        pitch,
        velocity: 0.8,
        channel: 9,
    });
    midi::write(&notes, 8.0, 110.0)
}
