//! What is kept of grooves: locks, slots, sessions, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::noise::Noise;
use fourbar_plugin::library::Preset;
use fourbar_plugin::library::factory::Factory;
use fourbar_plugin::request::{BarChange, CellChange, Kept, Locks, Ready, Source, Use};

use crate::groove_in::stiff_beat;
use crate::harness::state::{json, of_json};
use crate::harness::{Host, NoteEvent, Player, param_id};
use crate::library::texts;

/// Writes a test for each function of this module, on one kind of host.
macro_rules! keeping_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            keeping, $host:
            what_is_locked_stays_to_the_bit_and_every_playback_is_the_same
            damaged_locks_are_reported_and_the_project_plays
            slots_play_what_was_kept_and_a_morph_goes_from_one_to_the_others
            slots_are_switched_at_the_boundary_and_every_playback_is_the_same
            a_damaged_slot_is_emptied_and_the_others_stay
            any_session_is_saved_as_it_was_opened
        }
    };
}
pub(crate) use keeping_tests_on;

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
pub(crate) fn keep_four<H: Host>(player: &mut Player<H>) -> Vec<Ready> {
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

/// How many sessions are tried; more with `FOURBAR_SESSIONS`.
const N_SESSIONS: usize = 12;

pub(crate) fn any_session_is_saved_as_it_was_opened<H: Host>() {
    let n_sessions = std::env::var("FOURBAR_SESSIONS");
    let n_sessions = n_sessions.map_or(N_SESSIONS, |number| number.parse().unwrap());
    let mut player = Player::<H>::offline();
    let patterns = keep_four(&mut player);
    let presets: Vec<Preset> = Factory::embedded().presets[..4]
        .iter()
        .map(|preset| Factory::embedded().open(&preset.name).unwrap())
        .collect();
    let mut noise = Noise::from_seed(7);
    // Bypassed or muted, it does not play, and nobody waits for its pattern.
    let silences = ["bypass", "mute"].map(param_id);
    let ids = player.host.parameters();
    let ids: Vec<u32> = ids
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| !silences.contains(id))
        .collect();
    for session in 0..n_sessions {
        for &id in &ids {
            if noise.below(3) == 0 {
                let share = f64::from(noise.uniform());
                let largest = player.host.largest_value(id);
                let value = (share * largest * 64.0).round() / 64.0;
                player.change(id, value);
            }
        }
        let preset = &presets[noise.below(presets.len())];
        if noise.below(4) == 0 {
            for (id, text) in texts(preset) {
                player.set(&id, &text);
            }
        }
        let metres = [(4, 4), (3, 4), (5, 4), (6, 8), (7, 8), (12, 8)];
        player.transport.time_signature = Some(metres[noise.below(metres.len())]);
        player.run(64);
        let mut project = json(&mut player.host);
        let locks = edited(&patterns[noise.below(patterns.len())], &mut noise);
        let slots: Vec<Option<Kept>> = (0..8)
            .map(|slot| match (slot + session) % 4 {
                0 => None,
                1 => Some(preset.kept.clone()),
                _ => {
                    let ready = &patterns[noise.below(patterns.len())];
                    Some(Kept::of(ready, None, Some(&locks)))
                }
            })
            .collect();
        let uses = [Use::Humanise, Use::Drumify, Use::Follow, Use::Start];
        let input = (session % 2 == 0).then(|| stiff_beat(uses[session / 2 % 4]));
        let key = noise.below(128);
        let lanes = serde_json::json!({ "solo": ["ride"], "keys": { "kick": key } });
        let passes = noise.below(16) + 1;
        let export = serde_json::json!({ "kind": "wav", "passes": passes, "mutes": true });
        for (field, text) in [
            ("locks", serde_json::to_string(&Some(&locks))),
            ("slots", serde_json::to_string(&slots)),
            ("input", serde_json::to_string(&input)),
            ("lanes", serde_json::to_string(&lanes)),
            ("export", serde_json::to_string(&export)),
        ] {
            project["fields"][field] = text.unwrap().into();
        }
        assert!(player.host.load(&of_json::<H>(&project)));
        let saved = settled(&mut player);
        let mut reopened = Player::<H>::offline();
        reopened.transport.time_signature = player.transport.time_signature;
        assert!(reopened.host.load(&saved));
        let again = settled(&mut reopened);
        let [before, after] = [&saved, &again].map(|state| -> serde_json::Value {
            serde_json::from_slice(H::json_of_state(state)).unwrap()
        });
        for part in ["params", "fields"] {
            for (name, value) in before[part].as_object().unwrap() {
                assert_eq!(value, &after[part][name], "{name} in session {session}");
            }
        }
        assert!(H::json_of_state(&saved) == H::json_of_state(&again));
    }
}

/// A groove of which parts are locked and others were changed by hand.
fn edited(ready: &Ready, noise: &mut Noise) -> Locks {
    let mut locks = Locks::of(ready, None);
    let drum = Voice::ALL[noise.below(9)];
    locks.toggle(|step, voice| step < 16 || voice == drum);
    for _ in 0..noise.below(12) {
        let (step, voice) = (noise.below(64), Voice::ALL[noise.below(9)]);
        let cell = Cell {
            velocity: 1.0 - noise.uniform(),
            offset: noise.uniform() - 0.5,
        };
        locks.change(if noise.below(3) == 0 {
            CellChange::rest(step, voice)
        } else {
            CellChange::hit(step, voice, cell)
        });
    }
    let changes = [
        BarChange::ShiftLeft,
        BarChange::ShiftRight,
        BarChange::Clear,
        BarChange::Repeat,
    ];
    locks.change_bar(noise.below(4), changes[noise.below(4)]);
    locks
}

/// The state once no pattern is on its way any more: a host that renders waits for what it plays.
pub(crate) fn settled<H: Host>(player: &mut Player<H>) -> Vec<u8> {
    player.seek(0.0);
    player.play(0.6);
    player.stop();
    player.host.save()
}
