//! The editor opens and closes while the host automates, on a virtual screen.

mod inbox;
mod keys;
mod library;
mod look;
mod outbox;
mod session;
mod training;

use std::collections::BTreeSet;
use std::path::Path;

use fourbar_model::drums::Voice;
use fourbar_plugin::request::Ready;

use crate::harness::clap::ClapHost;
use crate::harness::screen::{
    Area, CONTROL, END, ENTER, ESCAPE, Window, with_screen, with_screen_without_opengl,
};
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

#[test]
fn without_opengl_the_window_says_so_and_the_host_lives() {
    with_screen_without_opengl(
        "editor::without_opengl_the_window_says_so_and_the_host_lives",
        |window| {
            let mut clap = player::<ClapHost>();
            let size = clap.host.open_editor(window.id);
            assert!(size.width >= 400 && size.height >= 200, "{size:?}");
            shows_a_sentence(window);
            automate(&mut clap);
            clap.host.close_editor();

            let mut vst3 = player::<Vst3Host>();
            vst3.host.open_editor(window.id);
            shows_a_sentence(window);
            if let Some(path) = std::env::var_os(PICTURE) {
                window.write_png(path.as_ref(), NOTICE);
            }
            automate(&mut vst3);
            vst3.host.close_editor();
        },
    );
}

/// Where the sentence stands.
const NOTICE: Area = Area {
    left: 0,
    top: 0,
    width: 600,
    height: 60,
};

fn shows_a_sentence(window: &Window) {
    let pixels = window.pixels(NOTICE);
    let n_white = pixels.iter().filter(|&&pixel| pixel == [255; 3]).count();
    assert!((500..5_000).contains(&n_white), "{n_white} white pixels");
}

/// Set to a path, it makes [`the_editor_shows_the_pattern_that_plays`] write its picture there, and those of the pages beside
/// it: `docs/editor.png` is one. The tests of [`look`] write theirs there, too: every page at the smallest size, the light theme,
/// and 200 %.
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
            let whole = Area {
                left: 0,
                top: 0,
                width,
                height,
            };
            let before = window.pixels(whole);
            // In real time, so that the window keeps up.
            while player.position_beats() < 5.6 {
                player.play(0.02);
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            let after = window.pixels(whole);
            let n_changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
            // The playhead alone is a line through the whole grid.
            assert!(n_changed > 300, "only {n_changed} pixels changed");
            if let Some(path) = std::env::var_os(PICTURE) {
                window.write_png(path.as_ref(), whole);
                write_pages(&mut player, window, path.as_ref());
            }
            player.stop();
            player.host.close_editor();
        },
    );
}

/// Writes a picture of the lower half of the window for every page, beside the one at `path`.
fn write_pages(player: &mut Player<ClapHost>, window: &Window, path: &Path) {
    // In a window of twice the size in which it opens.
    let sections = Area {
        left: 0,
        top: 970,
        width: 2320,
        height: 492,
    };
    let tab = |left: i16| Area {
        left: 2 * left,
        top: 2 * 504,
        width: 8,
        height: 8,
    };
    // The other side of the page Drums.
    let sending = Area {
        left: 2 * 430,
        top: 2 * 536,
        ..tab(0)
    };
    let pages = [
        ("fills", tab(412)),
        ("drums", tab(468)),
        ("drums-midi", sending),
        ("morph", tab(528)),
        ("explore", tab(592)),
        ("ideas", tab(118)),
        ("kit", tab(940)),
        ("input", tab(978)),
    ];
    for (name, tab) in pages {
        window.click(tab);
        // Twice the size is slow to draw without a graphics card.
        for _ in 0..15 {
            settle(player);
        }
        window.write_png(&path.with_file_name(format!("{name}.png")), sections);
    }
    let whole = Area {
        left: 0,
        top: 0,
        width: 2320,
        height: 970,
    };
    for (name, left, top) in [("library", 700, 22), ("keys", 1030, 742)] {
        window.click(Area {
            left: 2 * left,
            top: 2 * top,
            width: 8,
            height: 8,
        });
        for _ in 0..15 {
            settle(player);
        }
        window.write_png(&path.with_file_name(format!("{name}.png")), whole);
    }
}

/// Controls in a window of the size in which it opens.
const SEED: Area = Area {
    left: 100,
    top: 582,
    width: 208,
    height: 30,
};
const AUDITION: Area = Area {
    left: 230,
    top: 528,
    width: 78,
    height: 42,
};
const UNDO: Area = Area {
    left: 224,
    top: 631,
    width: 38,
    height: 34,
};
const REDO: Area = Area { left: 270, ..UNDO };
/// The names of two pages, with the line under the one that is chosen.
const FILLS: Area = Area {
    left: 396,
    top: 498,
    width: 40,
    height: 24,
};
const PLAY: Area = Area { left: 350, ..FILLS };
/// A place on the pad of the page Play, to the right and above its middle.
const BUSY_AND_LOUD: Area = Area {
    left: 465,
    top: 555,
    width: 10,
    height: 10,
};
/// The pictogram of a button that can be pressed.
const ENABLED: [u8; 3] = [0xEC, 0xEE, 0xF3];
/// Around the text field while it is open, and around a button that is on.
const ACCENT: [u8; 3] = [0xFD, 0xA8, 0x56];
/// The upper edge of the ring around the control *Live* while that has the keyboard, and the ring's colour in the dark theme.
const AT_LIVE: Area = Area {
    left: 178,
    top: 8,
    width: 50,
    height: 2,
};
const RING: [u8; 3] = ENABLED;
/// Behind selected text.
const SELECTED: [u8; 3] = [0, 92, 128];

#[test]
fn a_seed_is_typed_copied_and_pasted() {
    with_screen("editor::a_seed_is_typed_copied_and_pasted", |window| {
        let mut player = player_with_editor(window);
        let edit = |player: &mut Player<ClapHost>, keys: &dyn Fn(&mut Player<ClapHost>)| {
            open_seed(player, window);
            keys(player);
            until(player, window, SEED, ACCENT, false);
        };
        edit(&mut player, &|_| {
            window.type_text("123456-2");
            window.press(&[ENTER]);
        });
        player.wait_for_pattern(|ready| ready.request.name().to_string() == "123456-2");
        edit(&mut player, &|player| {
            window.press(&[CONTROL, 'c'.into()]);
            window.press(&[END]);
            until(player, window, SEED, SELECTED, false);
            window.press(&[ESCAPE]);
        });
        player.set("seed", "77");
        player.wait_for_pattern(|ready| ready.request.name().to_string() == "000077-2");
        edit(&mut player, &|_| {
            window.type_text("0");
            window.press(&[ENTER]);
        });
        player.wait_for_pattern(|ready| ready.request.name().to_string() == "000000");
        edit(&mut player, &|_| {
            window.press(&[CONTROL, 'v'.into()]);
            window.press(&[ENTER]);
        });
        player.wait_for_pattern(|ready| ready.request.name().to_string() == "123456-2");
        // What names no groove changes nothing, and neither does what is cancelled or typed beside the field.
        edit(&mut player, &|_| {
            window.type_text("1234567");
            window.press(&[ENTER]);
            window.type_text("5");
            window.press(&[ENTER]);
        });
        edit(&mut player, &|_| {
            window.type_text("5");
            window.press(&[ESCAPE]);
        });
        let ready = player.pattern().unwrap();
        assert_eq!(ready.request.name().to_string(), "123456-2");
        player.host.close_editor();
    });
}

#[test]
fn undo_brings_back_what_automation_replaced() {
    with_screen(
        "editor::undo_brings_back_what_automation_replaced",
        |window| {
            let mut player = player_with_editor(window);
            let named =
                |name: &'static str| move |ready: &Ready| ready.request.name().to_string() == name;
            player.play(4.0);
            player.set("regenerate", "On");
            player.wait_for_pattern(named("000014@4"));
            until(&mut player, window, UNDO, ENABLED, true);
            window.click(UNDO);
            player.wait_for_pattern(named("000014"));
            until(&mut player, window, REDO, ENABLED, true);
            window.click(REDO);
            player.wait_for_pattern(named("000014@4"));
            player.stop();
            player.host.close_editor();
        },
    );
}

#[test]
fn pages_are_chosen_by_their_names_and_the_pad_asks_for_both_its_sides() {
    with_screen(
        "editor::pages_are_chosen_by_their_names_and_the_pad_asks_for_both_its_sides",
        |window| {
            let mut player = player_with_editor(window);
            for page in [FILLS, PLAY] {
                window.click(page);
                until(&mut player, window, page, ACCENT, true);
            }
            settle(&mut player);
            window.click(BUSY_AND_LOUD);
            player.wait_for_pattern(|ready| {
                let play = ready.request.play;
                play.complexity > 0.3 && play.intensity > 0.3
            });
            player.host.close_editor();
        },
    );
}

#[test]
fn hits_are_added_dragged_taken_out_and_undone() {
    with_screen(
        "editor::hits_are_added_dragged_taken_out_and_undone",
        |window| {
            let mut player = player_with_editor(window);
            let plain = player.pattern().unwrap().plain_groove();
            let step = (0..64)
                .find(|&step| plain.cell(step, Voice::Kick).is_none())
                .unwrap();
            let kick = |ready: &Ready| ready.plain_groove().cell(step, Voice::Kick);
            let place = kick_at(step.try_into().unwrap());

            for _ in 0..5 {
                settle(&mut player);
            }
            window.click(place);
            let added = player.wait_for_pattern(|ready| kick(ready).is_some());
            let mut expected = plain.clone();
            expected.set(step, Voice::Kick, kick(&added));
            assert_eq!(added.plain_groove(), expected, "nothing else has changed");

            let softer = |ready: &Ready| {
                kick(ready).is_some_and(|cell| cell.velocity < kick(&added).unwrap().velocity - 0.2)
            };
            settle(&mut player);
            // A drag that falls between two frames of a slow screen moves nothing.
            let start = std::time::Instant::now();
            while !player.pattern().is_some_and(|ready| softer(&ready)) {
                assert!(start.elapsed().as_secs() < 60, "no drag made it softer");
                window.drag(
                    place,
                    Area {
                        top: place.top + 60,
                        ..place
                    },
                );
                for _ in 0..10 {
                    settle(&mut player);
                }
            }

            // What was edited stays when the rest is drawn anew.
            let edited = player.pattern().unwrap();
            player.set("seed", "20");
            let another = player.wait_for_pattern(|ready| ready.request.seed == 20);
            assert_eq!(kick(&another), kick(&edited));
            assert_ne!(another.plain_groove(), edited.plain_groove());

            let mut undo = |is_back: &dyn Fn(&Ready) -> bool| {
                until(&mut player, window, UNDO, ENABLED, true);
                settle(&mut player);
                window.click(UNDO);
                player.wait_for_pattern(is_back)
            };
            let mut back = undo(&|ready| ready.request.seed == 14);
            // What is done to one hit without a rest is one step.
            while let Some(hit) = kick(&back) {
                back = undo(&|ready| kick(ready) != Some(hit));
            }
            assert_eq!(back.plain_groove(), plain);
            player.host.close_editor();
        },
    );
}

/// The kick's cell on a step, in a window of the size in which it opens.
fn kick_at(step: i16) -> Area {
    Area {
        left: 216 + step * 1428 / 100,
        top: 444,
        width: 4,
        height: 4,
    }
}

#[test]
fn audition_ends_where_the_host_plays() {
    with_screen("editor::audition_ends_where_the_host_plays", |window| {
        let mut player = player_with_editor(window);
        let press = |player: &mut Player<ClapHost>, is_on_after: bool| {
            window.click(AUDITION);
            until(player, window, AUDITION, ACCENT, is_on_after);
        };
        let n_notes = |player: &mut Player<ClapHost>| {
            player.run(64);
            player.heard.clear();
            player.run(48_000 * 4);
            player.heard.len()
        };
        assert_eq!(n_notes(&mut player), 0);
        press(&mut player, true);
        assert!(n_notes(&mut player) > 8, "the host is stopped");
        press(&mut player, false);
        assert_eq!(n_notes(&mut player), 0, "pressed again");

        press(&mut player, true);
        player.play(4.0);
        until(&mut player, window, AUDITION, ACCENT, false);
        window.click(AUDITION);
        // Once the field is open, the click before was taken note of.
        open_seed(&mut player, window);
        window.press(&[ESCAPE]);
        player.stop();
        assert_eq!(
            n_notes(&mut player),
            0,
            "pressed before and while it played"
        );

        until(&mut player, window, SEED, ACCENT, false);
        press(&mut player, true);
        assert!(n_notes(&mut player) > 8, "pressed after it");
        player.host.close_editor();
    });
}

/// A player with a pattern, whose editor is open in `window`.
fn player_with_editor(window: &Window) -> Player<ClapHost> {
    let mut player = player::<ClapHost>();
    player.wait_for_pattern(|_| true);
    player.host.open_editor(window.id);
    until_it_draws(window, || player.host.idle());
    player
}

/// The menu of drum maps, what is above it once it is open, the name of a page, that of its other side, and the kick's key and
/// channel there.
const MAP: Area = Area {
    left: 960,
    top: 592,
    width: 140,
    height: 18,
};
const MAPS: Area = Area {
    left: 880,
    top: 400,
    width: 200,
    height: 120,
};
const DRUMS: Area = Area {
    left: 452,
    top: 498,
    width: 40,
    height: 24,
};
const SENDING: Area = Area {
    left: 424,
    top: 530,
    width: 20,
    height: 16,
};
const KICK_KEY: Area = Area {
    left: 440,
    top: 700,
    width: 52,
    height: 14,
};
const KICK_CHANNEL: Area = Area {
    left: 508,
    ..KICK_KEY
};

#[test]
fn a_map_is_found_by_name_and_a_key_learned_from_a_pad() {
    with_screen(
        "editor::a_map_is_found_by_name_and_a_key_learned_from_a_pad",
        |window| {
            const BFD3_KICK: u8 = 24;
            const PAD: u8 = 61;
            const CHANNEL: u8 = 9;
            let mut player = player_with_editor(window);
            settle(&mut player);
            let closed = window.pixels(MAPS);
            window.click(MAP);
            until_another(&mut player, window, MAPS, &closed);
            window.type_text("bfd");
            window.press(&[ENTER]);
            let start = std::time::Instant::now();
            while !sent_in_a_bar(&mut player).contains(&(BFD3_KICK, CHANNEL)) {
                assert!(start.elapsed().as_secs() < 60, "the keys stay as they are");
                settle(&mut player);
            }

            window.click(DRUMS);
            until(&mut player, window, DRUMS, ACCENT, true);
            let playing = window.pixels(KICK_KEY);
            window.click(SENDING);
            until_another(&mut player, window, KICK_KEY, &playing);
            window.click(KICK_KEY);
            until(&mut player, window, KICK_KEY, ACCENT, true);
            let waits = window.pixels(KICK_KEY);
            player.play_key(PAD, 0.8);
            until_another(&mut player, window, KICK_KEY, &waits);
            let sent = sent_in_a_bar(&mut player);
            assert!(
                sent.contains(&(PAD, CHANNEL)) && !sent.contains(&(BFD3_KICK, CHANNEL)),
                "{sent:?}"
            );

            // Alone of all drums on a channel of its own.
            let up = Area {
                top: KICK_CHANNEL.top - 30,
                ..KICK_CHANNEL
            };
            while sent_in_a_bar(&mut player).contains(&(PAD, CHANNEL)) {
                assert!(start.elapsed().as_secs() < 120, "no drag moved the kick");
                window.drag(KICK_CHANNEL, up);
                settle(&mut player);
            }
            let sent = sent_in_a_bar(&mut player);
            let own = sent.iter().filter(|(_, channel)| *channel != CHANNEL);
            assert!(
                own.eq(sent.iter().filter(|(pitch, _)| *pitch == PAD)),
                "{sent:?}"
            );

            // Saved and opened, it is as it was.
            let state = player.host.save();
            let mut again = self::player::<ClapHost>();
            assert!(again.host.load(&state));
            assert_eq!(sent_in_a_bar(&mut again), sent);
            player.host.close_editor();
        },
    );
}

/// The keys and channels of what is played in the song's first bar.
fn sent_in_a_bar(player: &mut Player<ClapHost>) -> BTreeSet<(u8, u8)> {
    player.stop();
    player.forget();
    player.seek(0.0);
    player.play_to(4.0);
    player.stop();
    let notes = player.notes();
    notes
        .iter()
        .map(|note| (note.pitch, note.channel))
        .collect()
}

/// Clicks the seed and waits for its text field, in which all is selected.
fn open_seed(player: &mut Player<ClapHost>, window: &Window) {
    // A click finds what the last frame has drawn.
    settle(player);
    window.click(SEED);
    until(player, window, SEED, ACCENT, true);
    until(player, window, SEED, SELECTED, true);
}

/// Goes on until `colour` is in a part of the screen, or is not.
fn until(
    player: &mut Player<ClapHost>,
    window: &Window,
    area: Area,
    colour: [u8; 3],
    is_there: bool,
) {
    let start = std::time::Instant::now();
    while window.pixels(area).contains(&colour) != is_there {
        assert!(
            start.elapsed().as_secs() < 60,
            "{colour:?} in {area:?} is not {is_there}"
        );
        settle(player);
    }
}

/// Gives the window the keys, by its first click, which ends the first hint.
fn give_keys(player: &mut Player<ClapHost>, window: &Window) {
    const HINT: Area = Area {
        left: 16,
        top: 728,
        width: 600,
        height: 32,
    };
    const NOTHING: Area = Area {
        left: 2,
        top: 2,
        width: 4,
        height: 4,
    };
    settle(player);
    let hint = window.pixels(HINT);
    window.click(NOTHING);
    until_another(player, window, HINT, &hint);
}

/// Waits until a part of the window shows something else and rests.
fn until_another(player: &mut Player<ClapHost>, window: &Window, area: Area, before: &[[u8; 3]]) {
    let start = std::time::Instant::now();
    let mut last = Vec::new();
    let mut n_same = 0;
    while n_same < 4 || last == before {
        assert!(start.elapsed().as_secs() < 60, "{area:?} stays what it is");
        settle(player);
        let now = window.pixels(area);
        n_same = if now == last { n_same + 1 } else { 0 };
        last = now;
    }
}

/// Blocks for a tenth of a second, in which the editor draws.
fn settle(player: &mut Player<ClapHost>) {
    for _ in 0..5 {
        player.run(64);
        player.host.idle();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
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
