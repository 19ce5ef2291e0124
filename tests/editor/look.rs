//! Zoom, colours and the smallest size, chosen in the window and kept for the user.

use std::path::Path;

use super::{
    AT_LIVE, PICTURE, RING, give_keys, player, settle, until, until_another, until_it_draws,
};
use crate::harness::clap::ClapHost;
use crate::harness::screen::{Area, CONTROL, TAB, UP, Window, with_screen};
use crate::harness::{Host as _, Player};

/// A part of the window's background in all sizes, and its colour in both themes.
const EDGE: Area = Area {
    left: 0,
    top: 0,
    width: 8,
    height: 2,
};
/// The same at the bottom of the smallest window at 200 %.
const LOWEST: Area = Area { top: 1116, ..EDGE };
const DARK: [u8; 3] = [0x0C, 0x0E, 0x12];
const LIGHT: [u8; 3] = [0xDD, 0xE1, 0xE8];

#[test]
fn zoom_and_colours_are_chosen_in_the_window_and_kept() {
    with_screen(
        "editor::look::zoom_and_colours_are_chosen_in_the_window_and_kept",
        |window| {
            let mut player = player::<ClapHost>();
            player.wait_for_pattern(|_| true);
            let size = player.host.open_editor(window.id);
            assert_eq!((size.width, size.height), (1160, 760));
            until_it_draws(window, || player.host.idle());
            until(&mut player, window, EDGE, DARK, true);

            give_keys(&mut player, window);
            window.press(&[TAB]);
            until(&mut player, window, AT_LIVE, RING, true);
            window.type_text("t");
            until(&mut player, window, EDGE, LIGHT, true);
            picture(window, "light", (1160, 760));

            // Four choices up from 100 %. This host lets no window grow by itself, so that everything is as large as it can be
            // in this one, and nothing is cut off.
            let before = window.pixels(NAMES);
            for _ in 0..4 {
                window.press(&[CONTROL, UP]);
                settle(&mut player);
            }
            until_another(&mut player, window, NAMES, &before);
            picture(window, "zoomed", (1160, 760));
            player.host.close_editor();

            // Another window has the look of the first, in the size of its project.
            let mut other = self::player::<ClapHost>();
            let size = other.host.open_editor(window.id);
            assert_eq!((size.width, size.height), (2320, 1520));
            other.host.close_editor();

            let size = player.host.open_editor(window.id);
            assert_eq!((size.width, size.height), (1160, 760), "as it was closed");
            player.host.resize_editor(1800, 1120);
            until(&mut player, window, LOWEST, LIGHT, true);
            picture(window, "smallest_at_200", (1800, 1120));
            player.host.close_editor();

            let kept = std::env::var_os("XDG_CONFIG_HOME").unwrap();
            let kept = std::fs::read_to_string(Path::new(&kept).join("fourbar/window.json"));
            let kept = kept.unwrap();
            assert!(
                kept.contains("\"zoom_percent\":200") && kept.contains("\"theme\":\"light\""),
                "{kept}"
            );
        },
    );
}

/// The names of the drums.
const NAMES: Area = Area {
    left: 40,
    top: 80,
    width: 120,
    height: 380,
};

/// The window of the smallest size.
const SMALLEST: Area = Area {
    left: 0,
    top: 0,
    width: 900,
    height: 560,
};

#[test]
fn every_page_is_shown_at_the_smallest_size() {
    with_screen(
        "editor::look::every_page_is_shown_at_the_smallest_size",
        |window| {
            let mut player = player::<ClapHost>();
            player.wait_for_pattern(|_| true);
            player.host.open_editor(window.id);
            until_it_draws(window, || player.host.idle());
            let before = window.pixels(SMALLEST);
            player.host.resize_editor(900, 560);
            until_another(&mut player, window, SMALLEST, &before);
            let pages = [
                ("fills", (320, 308)),
                ("drums", (365, 308)),
                ("morph", (415, 308)),
                ("explore", (465, 308)),
                ("ideas", (117, 308)),
                ("history", (180, 308)),
                ("kit", (746, 308)),
                ("input", (790, 308)),
                ("library", (540, 24)),
                ("keys", (784, 544)),
            ];
            picture(window, "smallest_play", (900, 560));
            for (name, place) in pages {
                open(&mut player, window, place);
                picture(window, &format!("smallest_{name}"), (900, 560));
            }
            player.host.close_editor();
        },
    );
}

fn open(player: &mut Player<ClapHost>, window: &Window, (left, top): (i16, i16)) {
    let place = Area {
        left,
        top,
        width: 2,
        height: 2,
    };
    let before = window.pixels(SMALLEST);
    window.click(place);
    until_another(player, window, SMALLEST, &before);
}

/// Writes a picture of the window beside the one that is asked for, if one is.
fn picture(window: &Window, name: &str, (width, height): (u16, u16)) {
    if let Some(path) = std::env::var_os(PICTURE) {
        let path = Path::new(&path).with_file_name(format!("{name}.png"));
        let whole = Area {
            left: 0,
            top: 0,
            width,
            height,
        };
        window.write_png(&path, whole);
    }
}
