//! The editor opens and closes while the host automates, on a virtual screen.

use crate::harness::clap::ClapHost;
use crate::harness::screen::{Window, with_screen};
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Mode, Player, Setup, param_id};

const N_OPENS: usize = 3;

#[test]
fn the_clap_editor_draws_and_closes_while_the_host_automates() {
    with_screen(
        "editor::the_clap_editor_draws_and_closes_while_the_host_automates",
        |window| {
            let mut player = player::<ClapHost>();
            for _ in 0..N_OPENS {
                let size = player.host.open_editor(window.id);
                assert!(size.width >= 400 && size.height >= 200, "{size:?}");
                automate_until_it_draws(&mut player, window);
                player.host.close_editor();
                automate(&mut player);
            }
        },
    );
}

#[test]
fn the_vst3_editor_draws_and_closes_while_the_host_automates() {
    with_screen(
        "editor::the_vst3_editor_draws_and_closes_while_the_host_automates",
        |window| {
            let mut player = player::<Vst3Host>();
            for _ in 0..N_OPENS {
                let (width, height) = player.host.open_editor(window.id);
                assert!(width >= 400 && height >= 200, "{width} x {height}");
                automate_until_it_draws(&mut player, window);
                player.host.close_editor();
                automate(&mut player);
            }
            assert_eq!(
                player.host.n_edits(),
                0,
                "an editor that is only looked at changes nothing"
            );
        },
    );
}

#[test]
fn a_plugin_is_removed_with_its_editor_open() {
    with_screen(
        "editor::a_plugin_is_removed_with_its_editor_open",
        |window| {
            let mut player = player::<ClapHost>();
            player.host.open_editor(window.id);
            automate_until_it_draws(&mut player, window);
            player.host.close_editor();
            drop(player);
            let mut player = self::player::<ClapHost>();
            player.host.open_editor(window.id);
            player.host.close_editor();
        },
    );
}

/// Set to a path, it makes [`the_editor_shows_the_pattern_that_plays`] write its picture there: `docs/editor.png` is one.
const PICTURE: &str = "FOURBAR_PICTURE";

#[test]
fn the_editor_shows_the_pattern_that_plays() {
    with_screen(
        "editor::the_editor_shows_the_pattern_that_plays",
        |window| {
            let mut player = player::<ClapHost>();
            player.wait_for_pattern(|_| true);
            let size = player.host.open_editor_on(window.id, Some(2.0));
            let [width, height] =
                [size.width, size.height].map(|side| u16::try_from(side).unwrap());
            until_it_draws(window, || player.host.idle());
            let before = window.pixels(width, height);
            // In real time, so that the window keeps up.
            while player.position_beats() < 5.6 {
                player.play(0.02);
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            let after = window.pixels(width, height);
            let n_changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
            // The playhead alone is a line through the whole grid.
            assert!(n_changed > 300, "only {n_changed} pixels changed");
            if let Some(path) = std::env::var_os(PICTURE) {
                window.write_png(path.as_ref(), width, height);
            }
            player.stop();
            player.host.close_editor();
        },
    );
}

fn player<H: Host>() -> Player<H> {
    Player::new(Setup {
        mode: Mode::Realtime,
        ..Setup::default()
    })
}

/// A few blocks in which parameters move.
fn automate<H: Host>(player: &mut Player<H>) {
    for number in 0_u32..10 {
        let value = f64::from(number) / 10.0;
        for id in ["temperature", "latent_1", "timing", "kit_level"] {
            player.change(param_id(id), value);
        }
        player.play(0.02);
        player.host.idle();
    }
}

/// Goes on until the editor shows more colours than an empty window has.
fn automate_until_it_draws<H: Host>(player: &mut Player<H>, window: &Window) {
    until_it_draws(window, || automate(player));
    automate(player);
}

fn until_it_draws(window: &Window, mut meanwhile: impl FnMut()) {
    let start = std::time::Instant::now();
    while window.n_colours(20) < 20 {
        assert!(start.elapsed().as_secs() < 60, "the editor stays blank");
        meanwhile();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
