//! What a player of the plugin can ask of the drummer, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::Groove;
use fourbar_model::note::Note;
use fourbar_model::pattern::{Feel, Lane};
use fourbar_plugin::request::{Input, Kept, Locks, Play, Ready, Request, Source, Use};

use crate::harness::rule::check;
use crate::harness::state::{json, of_json, pattern_in};
use crate::harness::{Host, NoteEvent, Player, Setup};
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
            the_kit_sounds_the_same_in_blocks_of_every_size
            the_kit_sounds_the_same_wherever_playback_began
            kits_and_drums_sound_as_they_are_set
            every_drum_has_a_bus_beside_the_mix_or_instead
            what_is_locked_stays_to_the_bit_and_every_playback_is_the_same
            damaged_locks_are_reported_and_the_project_plays
            slots_play_what_was_kept_and_a_morph_goes_from_one_to_the_others
            slots_are_switched_at_the_boundary_and_every_playback_is_the_same
            a_damaged_slot_is_emptied_and_the_others_stay
            a_rhythm_that_is_put_in_becomes_a_groove_in_four_ways
            keys_that_come_in_play_the_kit_and_work_the_plugin
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

pub(crate) fn what_is_locked_stays_to_the_bit_and_every_playback_is_the_same<H: Host>() {
    let mut player = Player::<H>::offline();
    let first = player.wait_for_pattern(|_| true);
    let is_bar_2 = |step: usize| step % 64 / 16 == 1;
    let is_locked = |step: usize, voice: Voice| voice == Voice::Kick || is_bar_2(step);
    let mut locks = Locks::of(&first, None);
    locks.toggle(is_locked);
    let mut project = json(&mut player.host);
    project["fields"]["locks"] = serde_json::to_string(&Some(&locks)).unwrap().into();
    assert!(player.host.load(&of_json::<H>(&project)));
    let same = player.wait_for_pattern(|ready| ready.request.locks == locks.id());
    assert_eq!(same.pattern, first.pattern, "locking changes nothing");

    for (id, text) in [
        ("seed", "77"),
        ("fill_every", "4 bars"),
        ("variation", "40 %"),
    ] {
        player.set(id, text);
    }
    let is_new = |ready: &Ready| ready.request.seed == 77 && ready.n_passes == 16;
    let redrawn = player.wait_for_pattern(is_new);
    let [before, after] = [&first, &redrawn].map(|ready| Groove::from_pattern(&ready.pattern));
    let mut n_changed = 0;
    for step in 0..after.n_steps() {
        for voice in Voice::ALL {
            let is_same = before.cell(step % 64, voice) == after.cell(step, voice);
            assert!(
                is_same || !is_locked(step, voice),
                "{voice:?} on step {step}"
            );
            n_changed += usize::from(!is_same);
        }
    }
    assert!(n_changed > 100, "only {n_changed} cells changed");

    let notes = |player: &mut Player<H>| -> Vec<(u64, u8, u32)> {
        player.forget();
        let start = player.now();
        player.seek(40.0);
        player.play(40.0);
        player.stop();
        let begin = |event: &NoteEvent| {
            Some((event.sample - start, event.pitch, event.velocity?.to_bits()))
        };
        player.heard.iter().filter_map(begin).collect()
    };
    let heard = notes(&mut player);
    let saved = player.host.save();
    let mut bounced = Player::<H>::offline().with_blocks(&[333, 4096, 17]);
    assert!(bounced.host.load(&saved));
    bounced.run(64);
    assert_eq!(bounced.pattern(), Some(redrawn));
    assert_eq!(notes(&mut bounced), heard);
}

pub(crate) fn damaged_locks_are_reported_and_the_project_plays<H: Host>() {
    let mut player = Player::<H>::offline();
    let first = player.wait_for_pattern(|_| true);
    let mut project = json(&mut player.host);
    project["fields"]["locks"] = r#"{"base": 7}"#.into();
    assert!(player.host.load(&of_json::<H>(&project)));
    assert_eq!(player.wait_for_pattern(|_| true), first, "made again");
    assert_eq!(json(&mut player.host)["fields"]["locks"], "null");
}

/// Patterns of four seeds, the second with fills, kept in the first four slots of a project that is loaded into `player`.
fn keep_four<H: Host>(player: &mut Player<H>) -> Vec<Ready> {
    let seeds = [14, 20, 33, 47];
    let patterns: Vec<Ready> = seeds
        .iter()
        .map(|&seed| {
            player.set("seed", &seed.to_string());
            let fills = if seed == 20 { "4 bars" } else { "Never" };
            player.set("fill_every", fills);
            player.wait_for_pattern(|ready| {
                ready.request.seed == seed && (ready.request.form.fill_every > 0) == (seed == 20)
            })
        })
        .collect();
    let kept: Vec<Kept> = patterns
        .iter()
        .map(|ready| Kept::of(ready, None, None))
        .collect();
    let mut project = json(&mut player.host);
    project["fields"]["slots"] = serde_json::to_string(&kept).unwrap().into();
    assert!(player.host.load(&of_json::<H>(&project)));
    patterns
}

pub(crate) fn slots_play_what_was_kept_and_a_morph_goes_from_one_to_the_others<H: Host>() {
    let mut player = Player::<H>::offline();
    let patterns = keep_four(&mut player);
    for (slot, kept) in patterns.iter().enumerate() {
        player.set("slot", &(slot + 1).to_string());
        let is_slot = |ready: &Ready| matches!(ready.request.source, Source::Slot(_));
        let played =
            player.wait_for_pattern(|ready| is_slot(ready) && ready.pattern == kept.pattern);
        assert_eq!(played.n_passes, kept.n_passes);
    }
    // What the other controls say is not heard meanwhile, and an empty slot plays what they say.
    player.set("seed", "5");
    player.set("slot", "8");
    player.wait_for_pattern(|ready| ready.request.seed == 5 && ready.request.source.is_live());

    player.set("slot", "Morph");
    let mut at = |x: &str, y: &str| {
        player.set("morph_x", x);
        player.set("morph_y", y);
        let [x, y] = [x, y].map(|text| text.parse::<f32>().unwrap() / 100.0);
        player.wait_for_pattern(|ready| match ready.request.source {
            Source::Morph(at) => (at.x - x).abs() + (at.y - y).abs() < 1e-3,
            _ => false,
        })
    };
    let corners = [("0", "100"), ("100", "100"), ("0", "0"), ("100", "0")];
    for ((x, y), kept) in corners.into_iter().zip(&patterns) {
        assert_eq!(at(x, y).pattern, kept.pattern, "in the corner {x}, {y}");
    }
    let n_same = |a: &Ready, b: &Ready| {
        let [a, b] = [a, b].map(Ready::plain_groove);
        a.hits()
            .filter(|&(step, voice, cell)| b.cell(step, voice) == Some(cell))
            .count()
    };
    let [near, far, middle] = [at("10", "100"), at("35", "100"), at("50", "50")];
    let of_a = [&near, &far, &middle].map(|ready| n_same(&patterns[0], ready));
    assert!(
        of_a[0] > of_a[1] && of_a[1] > of_a[2],
        "{of_a:?} hits are those of A"
    );
    assert!(patterns.iter().all(|kept| kept.pattern != middle.pattern));
}

pub(crate) fn slots_are_switched_at_the_boundary_and_every_playback_is_the_same<H: Host>() {
    let mut player = Player::<H>::offline();
    let patterns = keep_four(&mut player);
    let play = |player: &mut Player<H>| {
        player.set("slot", "1");
        player.set("morph_y", "100");
        player.set("morph_x", "0");
        player.run(64);
        player.forget();
        player.seek(0.0);
        player.play(5.0);
        // In the middle of a bar, so that it comes in with the next.
        player.set("slot", "3");
        player.play(10.0);
        player.set("slot", "Morph");
        for x in ["20", "40", "60", "80", "100"] {
            player.set("morph_x", x);
            player.play(3.0);
        }
        player.stop();
        player.heard.clone()
    };
    let heard = play(&mut player);
    let onsets = |ready: &Ready, from: f64, to: f64| {
        let hits = ready.pattern.hits().iter();
        hits.filter(|hit| (from..to).contains(&hit.grid_beats))
            .count()
    };
    let n_on = |from: f64, to: f64| {
        let sample = |beats: f64| beats * 24_000.0 - 3_200.0;
        let range = sample(from)..sample(to);
        let is_on = |event: &&NoteEvent| event.velocity.is_some();
        let start = heard.first().unwrap().sample;
        let place = move |event: &NoteEvent| {
            let samples = u32::try_from(event.sample - start).unwrap();
            f64::from(samples)
        };
        heard
            .iter()
            .filter(is_on)
            .filter(|event| range.contains(&place(event)))
            .count()
    };
    assert!(n_on(0.0, 8.0).abs_diff(onsets(&patterns[0], 0.0, 8.0)) <= 3);
    assert!(n_on(8.0, 12.0).abs_diff(onsets(&patterns[2], 8.0, 12.0)) <= 3);

    let notes = |heard: &[NoteEvent]| -> Vec<(u64, u8, Option<u32>)> {
        let start = heard.first().unwrap().sample;
        let note = |event: &NoteEvent| {
            (
                event.sample - start,
                event.pitch,
                event.velocity.map(f32::to_bits),
            )
        };
        heard.iter().map(note).collect()
    };
    let saved = player.host.save();
    let mut bounced = Player::<H>::offline().with_blocks(&[333, 4096, 17]);
    assert!(bounced.host.load(&saved));
    bounced.run(64);
    // Where a parameter changes depends on the block that the host is in; all places here are apart from the boundaries.
    assert_eq!(notes(&play(&mut bounced)), notes(&heard));
    let [before, after] =
        [saved, bounced.host.save()].map(|state| H::json_of_state(&state).to_vec());
    let slots = |state: &[u8]| -> serde_json::Value {
        let project: serde_json::Value = serde_json::from_slice(state).unwrap();
        project["fields"]["slots"].clone()
    };
    assert_eq!(slots(&before), slots(&after));
}

pub(crate) fn a_damaged_slot_is_emptied_and_the_others_stay<H: Host>() {
    let mut player = Player::<H>::offline();
    keep_four(&mut player);
    let mut project = json(&mut player.host);
    let slots = project["fields"]["slots"].as_str().unwrap();
    let mut slots: Vec<serde_json::Value> = serde_json::from_str(slots).unwrap();
    slots[1]["ready"]["pattern"]["loop_beats"] = 1e9.into();
    project["fields"]["slots"] = serde_json::to_string(&slots).unwrap().into();
    assert!(player.host.load(&of_json::<H>(&project)));
    let after = json(&mut player.host);
    let after = after["fields"]["slots"].as_str().unwrap();
    let after: Vec<serde_json::Value> = serde_json::from_str(after).unwrap();
    assert!(after[1].is_null());
    assert_eq!([&after[0], &after[2]], [&slots[0], &slots[2]]);
    player.set("slot", "3");
    player.wait_for_pattern(|ready| matches!(ready.request.source, Source::Slot(_)));
}

/// A rock beat with everything on the grid and equally loud, put in to be used in this way.
fn stiff_beat(used_to: Use) -> Input {
    let hits = (0..32_u8).flat_map(|eighth| {
        let drum = match eighth % 4 {
            0 => Some(36),
            2 => Some(38),
            _ => None,
        };
        std::iter::once(42).chain(drum).map(move |pitch| Note {
            onset_beats: f64::from(eighth) / 2.0,
            duration_beats: 0.25,
            pitch,
            velocity: 0.5,
            channel: 9,
        })
    });
    let notes: Vec<Note> = hits.collect();
    Input::of_notes("a beat", used_to, &notes, 64, |key| DrumMap::GM.voice(key)).unwrap()
}

pub(crate) fn a_rhythm_that_is_put_in_becomes_a_groove_in_four_ways<H: Host>() {
    let mut player = Player::<H>::offline();
    let plain = player.wait_for_pattern(|_| true).plain_groove();
    let project = json(&mut player.host);
    let mut put_in = |used_to: Use, seed: &str| {
        let input = stiff_beat(used_to);
        let mut project = project.clone();
        project["fields"]["input"] = serde_json::to_string(&Some(&input)).unwrap().into();
        assert!(player.host.load(&of_json::<H>(&project)));
        player.set("seed", seed);
        let is_made = |ready: &Ready| {
            ready.request.input == input.id() && format!("{}", ready.request.seed) == seed
        };
        player.wait_for_pattern(is_made).plain_groove()
    };
    let beat = stiff_beat(Use::Humanise).drums();
    let is_played = |groove: &Groove| -> Vec<(usize, Voice)> {
        groove
            .hits()
            .map(|(step, voice, _)| (step, voice))
            .collect()
    };
    let spread = |groove: &Groove| {
        let offsets: Vec<f32> = groove.hits().map(|(.., cell)| cell.offset.abs()).collect();
        offsets
            .iter()
            .fold(0.0, |most: f32, offset| most.max(*offset))
    };

    let human = put_in(Use::Humanise, "14");
    assert_eq!(is_played(&human), is_played(&beat), "its hits are kept");
    assert!(spread(&human) > 0.02, "and played by a drummer");
    let again = put_in(Use::Humanise, "15");
    assert_eq!(is_played(&again), is_played(&beat));
    assert_ne!(again, human, "another seed is another playing");

    let drummed = put_in(Use::Drumify, "14");
    let n_tapped = (0..64).filter(|step| step % 2 == 0);
    let n_with_tap = n_tapped
        .filter(|&step| drummed.loudest(step).is_some())
        .count();
    assert!(n_with_tap >= 30, "{n_with_tap} of 32 taps are drums");
    assert_ne!(drummed, plain);

    let led = put_in(Use::Follow, "14");
    assert_eq!(
        is_played(&led),
        is_played(&plain),
        "the hits are those of the seed"
    );
    assert!(
        led.hits()
            .all(|(step, _, cell)| step % 2 == 1 || cell.offset == 0.0)
    );

    // How far from the beat grooves are that begin there, and those that begin nowhere.
    let mut distance = |used_to: Use| -> usize {
        let seeds = ["1", "2", "3", "4", "5", "6"];
        let grooves = seeds.map(|seed| put_in(used_to, seed));
        let hits = is_played(&beat);
        let distances = grooves.iter().map(|groove| {
            let played = is_played(groove);
            let n_common = played.iter().filter(|hit| hits.contains(hit)).count();
            played.len() + hits.len() - 2 * n_common
        });
        distances.sum()
    };
    let (near, far) = (distance(Use::Start), distance(Use::Follow));
    assert!(2 * near < far, "{near} and {far} hits are others");
}

pub(crate) fn keys_that_come_in_play_the_kit_and_work_the_plugin<H: Host>() {
    let mut player = Player::<H>::offline();
    let patterns = keep_four(&mut player);
    player.set("slot", "Live");
    player.run(4096);
    player.peak = 0.0;
    let is_heard = |player: &mut Player<H>, key: u8| {
        player.run(96_000);
        player.peak = 0.0;
        player.play_key(key, 1.0);
        player.run(2_000);
        player.peak > 0.01
    };
    assert!(is_heard(&mut player, 38));
    assert!(!is_heard(&mut player, 24), "no drum");
    assert_eq!(player.heard, [], "nothing is sent on");
    player.set("input_heard", "Off");
    assert!(!is_heard(&mut player, 38));

    player.set("input_keys", "On");
    let plays = |kept: &Ready| {
        let pattern = kept.pattern.clone();
        move |ready: &Ready| {
            matches!(ready.request.source, Source::Slot(_)) && ready.pattern == pattern
        }
    };
    player.play_key(26, 0.8);
    player.wait_for_pattern(plays(&patterns[2]));
    player.play_key(15, 0.8);
    player.wait_for_pattern(plays(&patterns[3]));
    player.play_key(14, 0.8);
    player.wait_for_pattern(plays(&patterns[2]));
    // The parameter counts again once it is moved.
    player.set("slot", "1");
    player.wait_for_pattern(plays(&patterns[0]));
    player.set("slot", "Live");
    let before = player.wait_for_pattern(|ready| ready.request.source.is_live());
    player.play_key(12, 0.8);
    player.wait_for_pattern(|ready| ready.request.variation == before.request.variation + 1);
    // Start and stop, where the host is stopped.
    player.play_key(16, 0.8);
    player.run(96_000);
    assert!(!player.heard.is_empty());
    player.play_key(16, 0.8);
    player.run(64);
    player.forget();
    player.run(96_000);
    assert_eq!(player.heard, []);
    // A fill, while the song plays.
    let mut first_bar = |with_fill: bool| -> Vec<(u64, u8)> {
        player.forget();
        player.seek(0.0);
        player.play(0.5);
        if with_fill {
            player.play_key(13, 0.8);
        }
        player.play(7.5);
        player.stop();
        let start = player.heard.first().unwrap().sample;
        let note = |event: &NoteEvent| (event.sample - start, event.pitch);
        player.heard.iter().map(note).collect()
    };
    let plain = first_bar(false);
    assert_eq!(first_bar(false), plain);
    assert_ne!(first_bar(true), plain);
}
