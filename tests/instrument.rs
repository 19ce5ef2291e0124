//! What a player of the plugin can ask of the drummer, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::{DrumMap, NoteLength, Routing, Voice};
use fourbar_model::note::Note;
use fourbar_model::pattern::{Feel, Lane};
use fourbar_plugin::request::{Locks, Play, Request};

use crate::harness::rule::check;
use crate::harness::state::{json, of_json, pattern_in};
use crate::harness::{Host, NoteEvent, Player, Setup};
use crate::keeping::keep_four;
use crate::playing::{check_exported, whole_song};

/// Writes a test for each function of this module, on one kind of host.
macro_rules! instrument_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            instrument, $host:
            what_is_asked_of_the_drummer_is_played_and_saved
            velocities_stay_between_the_ends_that_are_set
            a_project_of_before_plays_as_it_did
            a_project_of_before_there_were_lanes_plays_as_it_did
            a_project_of_before_there_were_slots_plays_as_it_did
            fills_and_variations_come_where_the_pattern_has_them
            a_fill_that_is_asked_for_leads_into_the_next_bar
            a_fill_that_is_asked_for_at_the_end_of_the_hosts_loop_is_played_at_its_start
            drums_are_muted_thinned_out_trimmed_and_moved_to_other_keys
            drums_go_to_channels_of_their_own_until_they_are_choked
            a_solo_silences_the_other_drums
            the_kit_sounds_the_same_in_blocks_of_every_size
            the_kit_sounds_the_same_wherever_playback_began
            kits_and_drums_sound_as_they_are_set
            every_drum_has_a_bus_beside_the_mix_or_instead
        }
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
    for (id, text) in [
        ("mute_1", "On"),
        ("density_3", "20 %"),
        ("lane_channel_2", "3"),
        ("choke_3", "1"),
        ("choke_4", "1"),
        ("note_length", "until next hit"),
    ] {
        player.set(id, text);
    }
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

/// A state that the plugin saved with locks, edits and a drum on a key of its own, before there were slots, inputs, metres and
/// kits.
const BEFORE_SLOTS: &[u8] = include_bytes!("fixtures/state/before_slots.json");

pub(crate) fn a_project_of_before_there_were_slots_plays_as_it_did<H: Host>() {
    let before: serde_json::Value = serde_json::from_slice(BEFORE_SLOTS).unwrap();
    let mut player = Player::<H>::offline();
    keep_four(&mut player);
    for (id, text) in [("slot", "2"), ("kit", "808"), ("input_keys", "On")] {
        player.set(id, text);
    }
    player.run(64);
    assert!(player.host.load(&of_json::<H>(&before)));
    player.play(80.0);
    player.stop();
    let saved = pattern_in(&before).unwrap();
    assert!(saved.request.locks != 0 && saved.n_passes == 2);
    assert_eq!(player.pattern(), Some(saved.clone()));
    let mut feel = Feel::AS_GENERATED;
    feel.lanes.0[Voice::HighTom.index()].is_heard = false;
    feel.lanes.0[Voice::ClosedHat.index()].density = 0.75;
    feel.lanes.0[Voice::Snare.index()].velocity = 0.8;
    let mut keys = DrumMap::GM.keys();
    keys[Voice::Kick.index()] = 35;
    check(&player, &whole_song(&saved), feel, &keys);

    // What is locked stays when something else is asked for.
    let after = json(&mut player.host);
    for part in ["params", "fields"] {
        for (name, value) in before[part].as_object().unwrap() {
            assert_eq!(after[part][name], *value, "{name}");
        }
    }
    player.set("seed", "5");
    let drawn = player.wait_for_pattern(|ready| ready.request.seed == 5);
    let locks: Locks = serde_json::from_str(before["fields"]["locks"].as_str().unwrap()).unwrap();
    let [kept, drawn] = [saved, drawn].map(|ready| ready.plain_groove());
    let mut n_changed = 0;
    for step in 0..kept.n_steps() {
        for voice in Voice::ALL {
            let is_same = kept.cell(step, voice) == drawn.cell(step, voice);
            assert!(
                is_same || !locks.is_locked(step, voice),
                "{voice:?} on step {step}"
            );
            n_changed += usize::from(!is_same);
        }
    }
    assert!(n_changed > 10, "only {n_changed} cells changed");
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

pub(crate) fn a_fill_that_is_asked_for_at_the_end_of_the_hosts_loop_is_played_at_its_start<
    H: Host,
>() {
    let played = |is_pressed: bool| -> Vec<(u64, u8)> {
        let mut player = Player::<H>::offline();
        player.wait_for_pattern(|_| true);
        let start = player.now();
        player.transport.cycle = Some((0.0, 16.0));
        player.seek(0.0);
        player.play(15.0);
        if is_pressed {
            player.set("fill_now", "On");
        }
        player.play(17.0);
        player.stop();
        let begin = |event: &NoteEvent| {
            event.velocity?;
            Some((event.sample - start, event.pitch))
        };
        player.heard.iter().filter_map(begin).collect()
    };
    let (plain, filled) = (played(false), played(true));
    // The loop begins anew after 16 beats, and the fill is in its first bar.
    let bar = 16 * 24_000 - 3000..20 * 24_000 + 3000;
    let around = |notes: &[(u64, u8)]| -> Vec<_> {
        notes
            .iter()
            .filter(|note| !bar.contains(&note.0))
            .copied()
            .collect()
    };
    assert_eq!(around(&plain), around(&filled));
    assert_ne!(plain, filled);
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

pub(crate) fn drums_go_to_channels_of_their_own_until_they_are_choked<H: Host>() {
    let mut player = Player::<H>::offline();
    for (id, text) in [
        ("lane_channel_2", "3"),
        ("lane_channel_9", "16"),
        ("choke_3", "1"),
        ("choke_4", "1"),
        ("note_length", "until next hit"),
    ] {
        player.set(id, text);
    }
    player.play(32.0);
    player.stop();
    let mut routing = Routing {
        note_length: NoteLength::UntilNextHit,
        ..Routing::PLAIN
    };
    routing.channels[Voice::Snare.index()] = 3;
    routing.channels[Voice::Ride.index()] = 16;
    for voice in [Voice::ClosedHat, Voice::OpenHat] {
        routing.chokes[voice.index()] = 1;
    }
    let (feel, keys) = (Feel::AS_GENERATED, DrumMap::GM.keys());
    let ready = player.pattern().unwrap();
    let exported = ready.pattern.to_routed_notes(feel, &keys, 9, &routing);
    let is_choked = |note: &Note| note.pitch == keys[Voice::OpenHat.index()];
    assert!(
        exported.iter().any(is_choked),
        "the groove opens its hi-hat"
    );
    check_exported(&player, &exported);

    let saved = player.host.save();
    let mut reloaded = Player::<H>::offline();
    assert!(reloaded.host.load(&saved));
    reloaded.play(32.0);
    reloaded.stop();
    check_exported(&reloaded, &exported);
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

/// The sound of so many beats from a place in the song on, with these parameters set.
fn sound<H: Host>(
    settings: &[(&str, &str)],
    blocks: &[u32],
    from_beats: f64,
    n_beats: f64,
) -> [Vec<f32>; 2] {
    let mut player = Player::<H>::offline().with_blocks(blocks);
    for (id, text) in settings {
        player.set(id, text);
    }
    player.seek(from_beats);
    player.recording = Some(Default::default());
    player.play(n_beats);
    player.recording.take().unwrap()
}

pub(crate) fn the_kit_sounds_the_same_in_blocks_of_every_size<H: Host>() {
    let settings = [("tune_2", "+1.5 st"), ("decay_1", "70 %"), ("room", "80 %")];
    let whole = sound::<H>(&settings, &[4096], 0.0, 18.0);
    assert!(whole[0].iter().any(|sample| sample.abs() > 0.3));
    for blocks in [&[64][..], &[480], &[1, 1000, 37]] {
        assert!(
            sound::<H>(&settings, blocks, 0.0, 18.0) == whole,
            "{blocks:?}"
        );
    }
}

pub(crate) fn the_kit_sounds_the_same_wherever_playback_began<H: Host>() {
    // Without what remembers more than the drums do.
    let settings = [("room", "0 %"), ("kit_level", "-12")];
    const SAMPLES_A_BEAT: usize = 24_000;
    let straight = sound::<H>(&settings, &[512], 0.0, 40.0);
    // Longer than any drum rings after playback has begun there.
    let (from, heard) = (20.0, 26 * SAMPLES_A_BEAT..40 * SAMPLES_A_BEAT);
    let late = sound::<H>(&settings, &[480], from, 20.0);
    for (straight, late) in straight.iter().zip(&late) {
        let straight = &straight[heard.clone()];
        let late = &late[6 * SAMPLES_A_BEAT..];
        let differences = straight.iter().zip(late).map(|(a, b)| (a - b).abs());
        assert!(straight.iter().any(|sample| sample.abs() > 0.05));
        assert!(differences.fold(0.0, f32::max) < 1e-6);
    }
}

pub(crate) fn kits_and_drums_sound_as_they_are_set<H: Host>() {
    let bar = |settings: &[(&str, &str)]| sound::<H>(settings, &[512], 0.0, 4.0);
    let sounds = [
        bar(&[]),
        bar(&[("kit", "808")]),
        bar(&[("kit", "909")]),
        bar(&[("room", "0 %")]),
        bar(&[("tune_1", "-3.0 st")]),
        bar(&[("decay_2", "50 %")]),
        bar(&[("pan_3", "80 % R")]),
        bar(&[("drum_level_1", "-6.0 dB")]),
    ];
    for (index, one) in sounds.iter().enumerate() {
        assert!(sounds[..index].iter().all(|other| other != one), "{index}");
    }
    let levels: Vec<_> = (1..=9).map(|drum| format!("drum_level_{drum}")).collect();
    let off: Vec<_> = levels.iter().map(|id| (id.as_str(), "-inf")).collect();
    assert!(bar(&off).iter().flatten().all(|&sample| sample == 0.0));
}

/// The sound of two bars: the mix, and the sum of what is on the buses of the drums.
fn mix_and_buses<H: Host>(host: H, settings: &[(&str, &str)]) -> [[Vec<f32>; 2]; 2] {
    let mut player = Player::on(host);
    for (id, text) in settings {
        player.set(id, text);
    }
    player.recording = Some(Default::default());
    let mut buses: [Vec<f32>; 2] = Default::default();
    player.transport.playing = true;
    for _ in 0..8 * 24_000 / 480 {
        player.block(480, None);
        for (side, sum) in buses.iter_mut().enumerate() {
            let start = sum.len();
            sum.resize(start + 480, 0.0);
            for bus in player.host.buses() {
                for (sum, sample) in sum[start..].iter_mut().zip(&bus[side]) {
                    *sum += sample;
                }
            }
        }
    }
    [player.recording.take().unwrap(), buses]
}

pub(crate) fn every_drum_has_a_bus_beside_the_mix_or_instead<H: Host>() {
    // Low enough for the limiter to let it alone.
    let dry = [("room", "0 %"), ("kit_level", "-12")];
    let setup = Setup::default();
    let [plain, none] = mix_and_buses(H::new(setup), &dry);
    assert!(none.iter().flatten().all(|&sample| sample == 0.0));
    let [mix, buses] = mix_and_buses(H::with_buses(setup), &dry);
    assert!(mix == plain, "the mix is the same");
    for (mix, buses) in mix.iter().zip(&buses) {
        let differences = mix.iter().zip(buses).map(|(a, b)| (a - b).abs());
        assert!(differences.fold(0.0, f32::max) < 1e-6);
    }
    let separate = [dry[0], dry[1], ("separate_outputs", "On")];
    let [rest, separated] = mix_and_buses(H::with_buses(setup), &separate);
    assert!(separated == buses);
    assert!(
        rest.iter().flatten().all(|&sample| sample == 0.0),
        "the room is off"
    );
    let [rest, _] = mix_and_buses(H::with_buses(setup), &separate[2..]);
    assert!(rest[0].iter().any(|sample| sample.abs() > 0.01), "the room");
    let [without, _] = mix_and_buses(H::new(setup), &separate);
    assert!(without == plain, "in a host that has no bus for them");
}
