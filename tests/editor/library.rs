//! A preset is saved, found and played by mouse and keyboard.

use std::path::PathBuf;

use super::{ACCENT, ENABLED, player_with_editor, settle, until};
use crate::harness::screen::{Area, ENTER, with_screen};
use crate::harness::state::json;

/// The preset's name in the top line, in a window of the size in which it opens.
const BAR: Area = Area {
    left: 620,
    top: 14,
    width: 200,
    height: 20,
};
/// On the page: the button that closes it, and what is behind a control.
const CLOSE: Area = Area {
    left: 1066,
    top: 62,
    width: 60,
    height: 26,
};
const CONTROL: [u8; 3] = [0x20, 0x25, 0x2F];
/// The fields for what is looked for and for a name, and the button that saves.
const SEARCH: Area = Area {
    left: 32,
    top: 60,
    width: 240,
    height: 30,
};
const NAME: Area = Area {
    left: 160,
    top: 434,
    width: 300,
    height: 30,
};
const SAVE: Area = Area {
    left: 1018,
    top: 434,
    width: 110,
    height: 30,
};
/// The names of the first two presets that are shown, side by side.
const FIRST: Area = Area {
    left: 66,
    top: 100,
    width: 120,
    height: 24,
};
const SECOND: Area = Area { left: 612, ..FIRST };
const HEART: Area = Area {
    left: 36,
    top: 100,
    width: 20,
    height: 24,
};

#[test]
fn a_preset_is_saved_found_and_played() {
    with_screen(
        "editor::library::a_preset_is_saved_found_and_played",
        |window| {
            let mut player = player_with_editor(window);
            player.set("seed", "20");
            player.set("timing", "60 %");
            let saved_from = player.wait_for_pattern(|ready| ready.request.seed == 20);
            settle(&mut player);
            window.click(BAR);
            until(&mut player, window, CLOSE, CONTROL, true);
            until(&mut player, window, SECOND, ENABLED, true);

            window.click(NAME);
            until(&mut player, window, NAME, ACCENT, true);
            window.type_text("my groove");
            window.press(&[ENTER]);
            until(&mut player, window, SAVE, ENABLED, true);
            settle(&mut player);
            window.click(SAVE);
            // Its name is lit in the top line once it is on the disk.
            let folder = presets_folder();
            let start = std::time::Instant::now();
            while !folder.join("my groove.fourbar").exists() {
                assert!(start.elapsed().as_secs() < 60, "nothing was saved");
                settle(&mut player);
            }

            player.set("seed", "77");
            player.set("timing", "100 %");
            player.wait_for_pattern(|ready| ready.request.seed == 77);
            window.click(SEARCH);
            until(&mut player, window, SEARCH, ACCENT, true);
            window.type_text("my gro");
            window.press(&[ENTER]);
            // One is found, which was saved last.
            until(&mut player, window, SECOND, ENABLED, false);
            until(&mut player, window, FIRST, ACCENT, true);
            settle(&mut player);
            window.click(FIRST);
            let again = player.wait_for_pattern(|ready| ready.request.seed == 20);
            assert_eq!(again, saved_from);
            let start = std::time::Instant::now();
            while (timing(&json(&mut player.host)) - 0.6).abs() > 1e-3 {
                assert!(start.elapsed().as_secs() < 60, "the timing stays");
                settle(&mut player);
            }

            window.click(HEART);
            until(&mut player, window, HEART, ACCENT, true);
            let start = std::time::Instant::now();
            let hearts = folder.join("hearts.json");
            while !std::fs::read_to_string(&hearts).is_ok_and(|text| text.contains("my groove")) {
                assert!(start.elapsed().as_secs() < 60, "no heart was saved");
                settle(&mut player);
            }
            player.host.close_editor();
        },
    );
}

/// Where this process, which has a home of its own, keeps presets.
fn presets_folder() -> PathBuf {
    let data = std::env::var_os("XDG_DATA_HOME").unwrap();
    PathBuf::from(data).join("fourbar/presets")
}

fn timing(project: &serde_json::Value) -> f64 {
    let value = &project["params"]["timing"];
    value.as_f64().or(value["f32"].as_f64()).unwrap()
}
