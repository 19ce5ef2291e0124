//! A whole session, as a producer has one: from the first groove to the bounce.

use std::fs;

use fourbar_model::drums::Voice;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_plugin::request::{Ready, Source};

use super::inbox::{ANYWHERE, four_to_the_floor, steps_of};
use super::outbox::{
    ELSEWHERE, drag, dropped, is_what_was_heard, play_from_start, player_beside_the_root, read,
};
use super::{kick_at, settle};
use crate::harness::clap::ClapHost;
use crate::harness::screen::{Area, with_screen};
use crate::harness::state::json;
use crate::harness::xdnd::{Manner, Program, drop_files};
use crate::harness::{Host as _, NoteEvent, Player};

/// The padlock of the first bar, and the first two slots.
const LOCK_BAR: Area = Area {
    left: 429,
    top: 60,
    width: 4,
    height: 4,
};
const SLOT_1: Area = Area {
    left: 240,
    top: 20,
    width: 12,
    height: 8,
};
const SLOT_2: Area = Area {
    left: 269,
    ..SLOT_1
};

#[test]
fn a_session_is_played_saved_reopened_and_bounced_twice_the_same() {
    with_screen(
        "editor::session::a_session_is_played_saved_reopened_and_bounced_twice_the_same",
        |window| {
            let mut player = player_beside_the_root(window);
            // Style and energy, from the host.
            for (id, text) in [
                ("style", "Funk"),
                ("complexity", "40 %"),
                ("intensity", "20 %"),
            ] {
                player.set(id, text);
            }
            let is_funk = |ready: &Ready| ready.request.play.style.is_some();
            player.wait_for_pattern(|ready| is_funk(ready) && ready.request.play.intensity > 0.1);

            // The first bar is locked, and stays when another groove is drawn.
            settle(&mut player);
            window.click(LOCK_BAR);
            let locked = player.wait_for_pattern(|ready| ready.request.locks != 0);
            player.set("seed", "77");
            let drawn = player.wait_for_pattern(|ready| ready.request.seed == 77);
            let first_bar = |ready: &Ready| ready.plain_groove().window(0, STEPS_PER_BAR);
            assert_eq!(first_bar(&drawn), first_bar(&locked));
            assert_ne!(drawn.plain_groove(), locked.plain_groove());

            // A kick more, by hand.
            let kicks = steps_of(&drawn, Voice::Kick);
            let step = (0..64).find(|step| !kicks.contains(step)).unwrap();
            settle(&mut player);
            window.click(kick_at(step.try_into().unwrap()));
            let edited = player
                .wait_for_pattern(|ready| steps_of(ready, Voice::Kick).len() == kicks.len() + 1);

            // Kept in a slot; then a rhythm from elsewhere, in another.
            settle(&mut player);
            window.click(SLOT_1);
            until_kept(&mut player, 0);
            let path = four_to_the_floor();
            let uri = format!("file://{}\r\n", path.display()).replace(' ', "%20");
            assert!(drop_files(ANYWHERE, &uri, &["text/uri-list"]));
            player.wait_for_pattern(|ready| ready.request.input != 0);
            settle(&mut player);
            window.click(SLOT_2);
            until_kept(&mut player, 1);

            // The slot is dragged out into another program.
            player.set("slot", "1");
            let is_slot = |ready: &Ready| matches!(ready.request.source, Source::Slot(_));
            let kept = player.wait_for_pattern(is_slot);
            assert_eq!(kept.pattern, edited.pattern);
            let heard = play_from_start(&mut player, 16.0);
            let program = Program::open(ELSEWHERE, Manner::Takes(5));
            drag(&mut player, window, ELSEWHERE.centre());
            is_what_was_heard(&read(&dropped(&program)), &heard);
            fs::remove_file(path).unwrap();

            let saved = player.host.save();
            player.host.close_editor();
            drop(player);
            let mut first = Player::<ClapHost>::offline();
            assert!(first.host.load(&saved));
            let bounce = perform(&mut first);
            assert!(bounce.len() > 200, "{} notes", bounce.len());
            let mut second = Player::<ClapHost>::offline().with_blocks(&[333, 4096, 17]);
            assert!(second.host.load(&saved));
            assert_eq!(perform(&mut second), bounce);
            assert_eq!(json(&mut second.host), json(&mut first.host));
        },
    );
}

/// Waits until something is in a slot.
fn until_kept(player: &mut Player<ClapHost>, slot: usize) {
    let start = std::time::Instant::now();
    let is_kept = |player: &mut Player<ClapHost>| {
        let project = json(&mut player.host);
        let slots = project["fields"]["slots"].as_str().unwrap();
        let slots: serde_json::Value = serde_json::from_str(slots).unwrap();
        !slots[slot].is_null()
    };
    while !is_kept(player) {
        assert!(start.elapsed().as_secs() < 60, "slot {slot} stays empty");
        settle(player);
    }
}

/// The song: a fill, the other slot, and a way from the one to the other on the morph pad. Returns what is heard, from the
/// song's start.
fn perform(player: &mut Player<ClapHost>) -> Vec<NoteEvent> {
    player.run(64);
    player.forget();
    let start = player.now();
    player.seek(0.0);
    player.set("slot", "1");
    player.play_to(5.3);
    player.set("fill_now", "On");
    player.play_to(6.0);
    player.set("fill_now", "Off");
    player.play_to(17.1);
    player.set("slot", "2");
    player.play_to(33.2);
    player.set("morph_y", "100");
    for (x, to_beats) in [("0", 37.1), ("30", 41.3), ("60", 45.2), ("100", 49.4)] {
        player.set("morph_x", x);
        player.set("slot", "Morph");
        player.play_to(to_beats);
    }
    player.stop();
    let from_start = |event: &NoteEvent| NoteEvent {
        sample: event.sample - start,
        ..*event
    };
    player.heard.iter().map(from_start).collect()
}
