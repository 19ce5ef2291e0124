//! What a player of the plugin can ask of the drummer, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::pattern::{Feel, Lane};
use fourbar_plugin::request::{Play, Request};

use crate::harness::rule::check;
use crate::harness::state::{json, of_json, pattern_in};
use crate::harness::{Host, NoteEvent, Player};
use crate::playing::whole_song;

/// Writes a test for each function of this module, on one kind of host.
macro_rules! instrument_tests_on {
    ($host:ty) => {
        $crate::instrument::instrument_tests_on! {
            $host:
            what_is_asked_of_the_drummer_is_played_and_saved
            velocities_stay_between_the_ends_that_are_set
            a_project_of_before_plays_as_it_did
            a_project_of_before_there_were_lanes_plays_as_it_did
            fills_and_variations_come_where_the_pattern_has_them
            a_fill_that_is_asked_for_leads_into_the_next_bar
            drums_are_muted_thinned_out_trimmed_and_moved_to_other_keys
            a_solo_silences_the_other_drums
        }
    };
    ($host:ty: $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::instrument::$test::<$host>();
            }
        )*
    };
}
pub(crate) use instrument_tests_on;

pub(crate) fn what_is_asked_of_the_drummer_is_played_and_saved<H: Host>() {
    let mut player = Player::<H>::offline();
    let plain = player.wait_for_pattern(|_| true);
    for (id, text) in [
        ("style", "Funk"),
        ("complexity", "50 %"),
        ("intensity", "-25 %"),
        ("swing", "100 %"),
        ("push", "-50 %"),
        ("feel_temperature", "0.50"),
    ] {
        player.set(id, text);
    }
    let is_asked_for = |request: &Request| request.play.style.is_some();
    player.play(16.0);
    player.stop();
    let ready = player.wait_for_pattern(|ready| is_asked_for(&ready.request));
    let Play {
        complexity,
        intensity,
        swing,
        push,
        ..
    } = ready.request.play;
    assert_eq!(
        [complexity, intensity, swing, push],
        [0.5, -0.25, 1.0, -0.5]
    );
    assert_eq!(ready.request.feel_temperature, 0.5);
    assert_ne!(ready.pattern, plain.pattern);

    let state = player.host.save();
    let mut reloaded = Player::<H>::offline();
    assert!(reloaded.host.load(&state));
    reloaded.run(64);
    assert_eq!(reloaded.pattern(), Some(ready));
    reloaded.play(16.0);
    reloaded.stop();
    player.forget();
    player.seek(0.0);
    player.play(16.0);
    player.stop();
    let velocities = |player: &Player<H>| -> Vec<_> {
        player.heard.iter().map(|event| event.velocity).collect()
    };
    assert_eq!(velocities(&reloaded), velocities(&player));
}

pub(crate) fn velocities_stay_between_the_ends_that_are_set<H: Host>() {
    let mut player = Player::<H>::offline();
    player.set("velocity_min", "40");
    player.set("velocity_max", "90");
    player.play(16.0);
    player.stop();
    let velocities: Vec<f32> = player
        .heard
        .iter()
        .filter_map(|event| event.velocity)
        .collect();
    assert!(velocities.len() > 30);
    let range = 39.5 / 127.0..90.5 / 127.0;
    assert!(velocities.iter().all(|velocity| range.contains(velocity)));
}

/// A state that the plugin saved before there was anything to be asked of the drummer.
const BEFORE_PLAY: &[u8] = include_bytes!("fixtures/state/before_play.json");

pub(crate) fn a_project_of_before_plays_as_it_did<H: Host>() {
    let before: serde_json::Value = serde_json::from_slice(BEFORE_PLAY).unwrap();
    let mut player = Player::<H>::offline();
    // Into an instance that was played with.
    for (id, text) in [("style", "Jazz"), ("swing", "80 %"), ("velocity_min", "60")] {
        player.set(id, text);
    }
    player.play(8.0);
    player.stop();
    player.forget();
    assert!(player.host.load(&of_json::<H>(&before)));
    player.seek(0.0);
    player.play(32.0);
    player.stop();
    let saved = pattern_in(&before).unwrap();
    assert_eq!(player.pattern(), Some(saved.clone()));
    let feel = Feel::AS_GENERATED;
    check(&player, &whole_song(&saved), feel, &DrumMap::TD11.keys());
    let after = json(&mut player.host);
    for (id, value) in before["params"].as_object().unwrap() {
        assert_eq!(after["params"][id], *value, "{id}");
    }
}

/// A state that the plugin saved before drums could be muted or moved to other keys.
const BEFORE_LANES: &[u8] = include_bytes!("fixtures/state/before_lanes.json");

pub(crate) fn a_project_of_before_there_were_lanes_plays_as_it_did<H: Host>() {
    let before: serde_json::Value = serde_json::from_slice(BEFORE_LANES).unwrap();
    let mut player = Player::<H>::offline();
    player.set("mute_1", "On");
    player.set("density_3", "20 %");
    player.run(64);
    let mut player = with_lanes(player, r#"{"solo": ["ride"], "keys": {"ride": 3}}"#);
    assert!(player.host.load(&of_json::<H>(&before)));
    player.play(80.0);
    player.stop();
    let saved = pattern_in(&before).unwrap();
    assert_eq!(saved.n_passes, 2);
    assert_eq!(player.pattern(), Some(saved.clone()));
    let feel = Feel::AS_GENERATED;
    check(&player, &whole_song(&saved), feel, &DrumMap::GM.keys());
}

pub(crate) fn fills_and_variations_come_where_the_pattern_has_them<H: Host>() {
    let mut player = Player::<H>::offline();
    for (id, text) in [
        ("fill_every", "16 bars"),
        ("fill_size", "2 beats"),
        ("variation", "30 %"),
        ("vary_every", "4 passes"),
    ] {
        player.set(id, text);
    }
    player.play(300.0);
    player.seek(117.3);
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    assert_eq!((ready.n_passes, ready.pattern.loop_beats()), (16, 256.0));
    check(
        &player,
        &whole_song(&ready),
        Feel::AS_GENERATED,
        &DrumMap::GM.keys(),
    );
}

/// Sample, key and velocity of the beginning of every note of four bars in which *fill now* is pressed at beat 5 or not.
fn with_fill<H: Host>(is_pressed: bool, blocks: &[u32]) -> Vec<(u64, u8, u32)> {
    let mut player = Player::<H>::offline().with_blocks(blocks);
    player.play(5.0);
    if is_pressed {
        player.set("fill_now", "On");
    }
    player.play(1.0);
    player.set("fill_now", "Off");
    player.play(18.0);
    player.stop();
    let begin = |event: &NoteEvent| Some((event.sample, event.pitch, event.velocity?.to_bits()));
    player.heard.iter().filter_map(begin).collect()
}

pub(crate) fn a_fill_that_is_asked_for_leads_into_the_next_bar<H: Host>() {
    const SAMPLES_A_BEAT: u64 = 24_000;
    let plain = with_fill::<H>(false, &[4000]);
    let filled = with_fill::<H>(true, &[4000]);
    // The second bar is too near, so it is the third; what is half a step early or late belongs to it as well.
    let bar = 8 * SAMPLES_A_BEAT - 3000..12 * SAMPLES_A_BEAT + 3000;
    let around = |notes: &[(u64, u8, u32)]| -> Vec<_> {
        let is_around = |note: &&(u64, u8, u32)| !bar.contains(&note.0);
        notes.iter().filter(is_around).copied().collect()
    };
    assert_eq!(around(&plain), around(&filled));
    assert_ne!(plain, filled);
    assert_eq!(with_fill::<H>(true, &[1000]), filled, "in other blocks");
}

/// A player that has opened its own project with these choices for the drums.
fn with_lanes<H: Host>(mut player: Player<H>, lanes: &str) -> Player<H> {
    let mut project = json(&mut player.host);
    project["fields"]["lanes"] = lanes.into();
    assert!(player.host.load(&of_json::<H>(&project)));
    player
}

pub(crate) fn drums_are_muted_thinned_out_trimmed_and_moved_to_other_keys<H: Host>() {
    let mut player = Player::<H>::offline();
    let ready = player.wait_for_pattern(|_| true);
    for (id, text) in [
        ("mute_2", "On"),
        ("density_3", "50 %"),
        ("lane_velocity_1", "60 %"),
    ] {
        player.set(id, text);
    }
    player.run(64);
    let mut player = with_lanes(player, r#"{"keys": {"kick": 35, "closed_hat": 44}}"#);
    player.play(40.0);
    player.stop();
    assert_eq!(player.pattern(), Some(ready.clone()), "the same pattern");
    let mut feel = Feel::AS_GENERATED;
    feel.lanes.0[Voice::Snare.index()].is_heard = false;
    feel.lanes.0[Voice::ClosedHat.index()].density = 0.5;
    feel.lanes.0[Voice::Kick.index()].velocity = 0.6;
    let mut keys = DrumMap::GM.keys();
    keys[Voice::Kick.index()] = 35;
    keys[Voice::ClosedHat.index()] = 44;
    check(&player, &whole_song(&ready), feel, &keys);
    assert!(player.heard.iter().any(|event| event.pitch == 44));

    let saved = json(&mut player.host);
    assert_eq!(
        saved["fields"]["lanes"],
        r#"{"solo":[],"keys":{"kick":35,"closed_hat":44}}"#
    );
    let mut reloaded = Player::<H>::offline();
    assert!(reloaded.host.load(&of_json::<H>(&saved)));
    reloaded.play(40.0);
    reloaded.stop();
    check(&reloaded, &whole_song(&ready), feel, &keys);
}

pub(crate) fn a_solo_silences_the_other_drums<H: Host>() {
    let mut player = with_lanes(Player::<H>::offline(), r#"{"solo": ["kick"]}"#);
    player.play(16.0);
    player.stop();
    let ready = player.pattern().unwrap();
    let mut feel = Feel::AS_GENERATED;
    feel.lanes.0 = [Lane {
        is_heard: false,
        ..Lane::AS_GENERATED
    }; 9];
    feel.lanes.0[Voice::Kick.index()].is_heard = true;
    check(&player, &whole_song(&ready), feel, &DrumMap::GM.keys());
    assert!(!player.heard.is_empty());
}
