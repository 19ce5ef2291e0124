//! The window is worked with the keys alone.

use fourbar_model::drums::Voice;
use fourbar_plugin::request::Ready;

use super::{
    AT_LIVE, ENABLED, RING, UNDO, give_keys, player_with_editor, settle, until, until_another,
};
use crate::harness::Player;
use crate::harness::clap::ClapHost;
use crate::harness::screen::{Area, ENTER, ESCAPE, RIGHT, SHIFT, TAB, Window, with_screen};

/// The left edge of the ring around the grid.
const AT_GRID: Area = Area {
    left: 199,
    top: 200,
    width: 6,
    height: 4,
};
/// The top line and the grid.
const TOP: Area = Area {
    left: 0,
    top: 0,
    width: 1160,
    height: 470,
};
/// The grid, or the page in its place.
const GRID: Area = Area {
    left: 32,
    top: 80,
    width: 300,
    height: 300,
};
#[test]
fn everything_is_done_with_the_keys_and_none_is_taken_from_the_host_before() {
    with_screen(
        "editor::keys::everything_is_done_with_the_keys_and_none_is_taken_from_the_host_before",
        |window| {
            let mut player = player_with_editor(window);
            give_keys(&mut player, window);

            // Before Tab, only the page of keys is there for the asking.
            window.type_text("r");
            let grid = window.pixels(GRID);
            for _ in 0..2 {
                let before = window.pixels(GRID);
                window.press(&[SHIFT, '/'.into()]);
                until_another(&mut player, window, GRID, &before);
            }
            assert!(window.pixels(GRID) == grid, "the same grid again");
            assert_eq!(player.pattern().unwrap().request.seed, 14);

            // The first control is Live, and the next a slot, in which Enter keeps the groove. The space bar is
            // the host's.
            window.press(&[TAB]);
            until(&mut player, window, AT_LIVE, RING, true);
            window.press(&[RIGHT]);
            until(&mut player, window, AT_LIVE, RING, false);
            assert!(!window.was_sent_a_key(), "none was the host's so far");
            window.type_text(" ");
            let start = std::time::Instant::now();
            while !window.was_sent_a_key() {
                assert!(start.elapsed().as_secs() < 60, "the host has no space bar");
                settle(&mut player);
            }
            let before = window.pixels(TOP);
            window.press(&[ENTER]);
            until_another(&mut player, window, TOP, &before);
            window.type_text("1");
            player.wait_for_pattern(|ready| !ready.request.source.is_live());
            window.type_text("0");
            player.wait_for_pattern(|ready| ready.request.source.is_live());

            window.type_text("r");
            let another = player.wait_for_pattern(|ready| ready.request.seed != 14);
            until(&mut player, window, UNDO, ENABLED, true);
            settle(&mut player);
            window.type_text("z");
            let first = player.wait_for_pattern(|ready| ready.request.seed == 14);
            assert_ne!(another.plain_groove(), first.plain_groove());

            edit_the_grid(&mut player, window, &first);

            // With Escape the keys are the host's again: the one that is listened to after this one has done nothing.
            window.press(&[ESCAPE]);
            until(&mut player, window, AT_GRID, RING, false);
            let before = player.pattern().unwrap().request.seed;
            let grid = window.pixels(GRID);
            window.type_text("r");
            window.press(&[SHIFT, '/'.into()]);
            until_another(&mut player, window, GRID, &grid);
            assert_eq!(player.pattern().unwrap().request.seed, before);
            player.host.close_editor();
        },
    );
}

/// Takes the kick on the "one" out, adds another beside it and makes that one softer.
fn edit_the_grid(player: &mut Player<ClapHost>, window: &Window, first: &Ready) {
    const MOST_CONTROLS: usize = 40;
    let mut n_passed = 0;
    while !window.pixels(AT_GRID).contains(&RING) {
        assert!(n_passed < MOST_CONTROLS, "Tab does not come to the grid");
        let before = window.pixels(TOP);
        window.press(&[TAB]);
        until_another(player, window, TOP, &before);
        n_passed += 1;
    }
    let kick = |ready: &Ready, step| ready.plain_groove().cell(step, Voice::Kick);
    assert!(kick(first, 0).is_some() && kick(first, 1).is_none());
    window.press(&[ENTER]);
    player.wait_for_pattern(|ready| kick(ready, 0).is_none());
    let before = window.pixels(TOP);
    window.press(&[RIGHT]);
    until_another(player, window, TOP, &before);
    window.press(&[ENTER]);
    let added = player.wait_for_pattern(|ready| kick(ready, 1).is_some());
    settle(player);
    window.type_text("-");
    player.wait_for_pattern(|ready| {
        let velocity = |ready| kick(ready, 1).map(|cell| cell.velocity);
        velocity(ready) < velocity(&added)
    });
}
