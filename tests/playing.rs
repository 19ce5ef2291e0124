//! What any host must hear, whatever the plugin format; `host_clap.rs` and `host_vst3.rs` run every test here.

use fourbar_model::drums::DrumMap;
use fourbar_model::note::Note;
use fourbar_model::pattern::Feel;
use fourbar_plugin::request::Ready;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::rule::{InForce, check, float};
use crate::harness::{Host, Mode, NoteEvent, Player, Setup, notes, param_id, sounding};

/// Writes a test for each function of this module, on one kind of host.
macro_rules! playing_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            playing, $host:
            every_note_of_the_pattern_is_heard_at_its_sample
            playback_equals_the_exported_notes
            no_loop_cuts_a_note
            block_sizes_do_not_change_the_notes
            every_pass_of_the_loop_is_the_same
            a_host_loop_of_four_bars_goes_on_like_the_song
            a_host_loop_of_an_odd_length_starts_anew_each_time
            a_host_loop_that_ends_inside_a_block_is_followed
            seeking_starting_mid_bar_and_stopping_lose_nothing
            a_count_in_before_the_song_is_played_too
            tempo_changes_move_the_notes_that_follow
            every_sample_rate_plays_the_same_music
            huge_blocks_play_the_same_notes
            realtime_playback_equals_the_bounce
            two_bounces_of_automated_requests_are_equal
            bounces_are_equal_where_the_host_says_offline_afterwards
            a_new_instance_plays_from_its_first_sample
            a_new_seed_takes_over_at_the_boundary_that_is_set
            bars_are_the_hosts_bars
            a_bar_that_cannot_be_is_counted_from_the_metre
            a_request_that_changes_in_every_block_is_played
            a_variation_is_named_after_its_place_in_the_song
            every_seed_reads_back_from_its_text
            a_request_while_stopped_counts_from_the_next_start
            the_feel_changes_without_a_new_pattern
            notes_end_where_they_began_when_channel_or_map_change
            bypass_ends_every_note_and_the_song_goes_on_after_it
            without_any_transport_it_plays_on_its_own_clock
            a_host_without_a_song_position_gets_notes_at_its_tempo
            a_stopped_host_hears_nothing
            absurd_transports_are_survived
            numbers_that_are_none_are_survived
            everything_can_be_automated_while_it_plays
            the_kit_is_heard_at_its_level
            a_reloaded_project_plays_the_same_notes
            a_state_can_come_in_the_middle_of_the_song
            a_project_saved_while_something_is_pressed_is_as_it_was
            the_state_of_a_newer_version_is_read_as_far_as_it_goes
            a_saved_pattern_plays_without_its_checkpoint
            damaged_states_are_refused_and_change_nothing_that_plays
            two_instances_play_side_by_side
            it_can_be_removed_while_it_is_generating
            it_can_be_deactivated_and_activated_again_and_again
            every_text_of_every_parameter_reads_back_as_itself
        }
    };
}
pub(crate) use playing_tests_on;

/// The plugin's default output channel, 10, as MIDI counts it.
const DRUM_CHANNEL: u8 = 9;

pub(crate) fn whole_song(ready: &Ready) -> [InForce<'_>; 1] {
    [InForce {
        from_beats: f64::NEG_INFINITY,
        pattern: &ready.pattern,
    }]
}

/// Checks that the player heard this pattern, as it was generated, from the song's start to its end.
fn check_song<H: Host>(player: &Player<H>, ready: &Ready) {
    check(
        player,
        &whole_song(ready),
        Feel::AS_GENERATED,
        &DrumMap::GM.keys(),
    );
}

/// Plays two passes and checks them against the rule.
fn check_two_passes<H: Host>(mut player: Player<H>) {
    player.play(32.0);
    player.stop();
    let ready = player.pattern().unwrap();
    assert!(ready.pattern.hits().len() > 8, "a groove has hits");
    check_song(&player, &ready);
    assert!(
        player
            .notes()
            .iter()
            .all(|note| note.channel == DRUM_CHANNEL)
    );
}

pub(crate) fn every_note_of_the_pattern_is_heard_at_its_sample<H: Host>() {
    check_two_passes(Player::<H>::offline());
}

pub(crate) fn playback_equals_the_exported_notes<H: Host>() {
    let mut player = Player::<H>::offline();
    player.play(32.0);
    player.stop();
    let ready = player.pattern().unwrap();
    let keys = DrumMap::GM.keys();
    let exported = ready
        .pattern
        .to_notes(Feel::AS_GENERATED, &keys, DRUM_CHANNEL);
    check_exported(&player, &exported);
}

/// Fails unless from the song's start to the loop's end the exported notes were heard, sample by sample, and those that
/// announce the next round.
pub(crate) fn check_exported<H: Host>(player: &Player<H>, exported: &[Note]) {
    let samples_per_beat = player.samples_per_beat();
    let end = 16.0 * samples_per_beat;
    let (mut heard, announcing): (Vec<_>, Vec<_>) = player
        .notes()
        .into_iter()
        .filter(|note| float(note.start) < end)
        .partition(|note| float(note.start) <= 15.875 * samples_per_beat + 1.0);
    assert_eq!(heard.len(), exported.len());
    heard.sort_by_key(|note| (note.start, note.pitch));
    let mut exported: Vec<_> = exported.iter().collect();
    exported.sort_by(|a, b| {
        a.onset_beats
            .total_cmp(&b.onset_beats)
            .then(a.pitch.cmp(&b.pitch))
    });
    for (heard, exported) in heard.iter().zip(exported) {
        let start = exported.onset_beats * samples_per_beat;
        let note_end = start + exported.duration_beats * samples_per_beat;
        let address = (heard.pitch, heard.channel);
        assert_eq!(address, (exported.pitch, exported.channel));
        assert!((heard.velocity - exported.velocity).abs() < 1e-3);
        // On the first sample at or after the moment.
        assert!(
            (-0.01..1.0).contains(&(float(heard.start) - start)),
            "{heard:?} at {start}"
        );
        let is_struck_again = announcing.iter().any(|next| next.start == heard.end);
        let is_cut_by_the_clip = note_end >= end && float(heard.end) > end;
        assert!(
            (-0.01..1.01).contains(&(float(heard.end) - note_end))
                || is_struck_again
                || is_cut_by_the_clip,
            "{heard:?} to {note_end}"
        );
    }
}

/// Neither the end of the pattern's loop nor that of the host's ends a note, whatever the seed.
pub(crate) fn no_loop_cuts_a_note<H: Host>() {
    for seed in 0..25_u32 {
        let mut player = Player::<H>::offline();
        player.set("seed", &seed.to_string());
        player.transport.cycle = [None, Some((0.0, 16.0)), Some((0.0, 4.0))][seed as usize % 3];
        let last_start = 33.0 * player.samples_per_beat();
        player.play(33.5);
        player.stop();
        let notes = player.notes();
        assert!(notes.len() > 8);
        let a_16th = 0.25 * player.samples_per_beat();
        for (index, note) in notes.iter().enumerate() {
            let is_struck_again = notes[index + 1..]
                .iter()
                .any(|next| next.pitch == note.pitch && next.start == note.end);
            let length = float(note.end - note.start);
            assert!(
                length > a_16th - 1.0 || is_struck_again || float(note.start) > last_start,
                "seed {seed}: {note:?} lasts {length} samples"
            );
        }
    }
}

pub(crate) fn block_sizes_do_not_change_the_notes<H: Host>() {
    // A low rate, so that blocks of one sample are not too many.
    let setup = Setup {
        sample_rate: 11_025.0,
        ..Setup::default()
    };
    let play = |sizes: &[u32]| {
        let mut player = Player::<H>::new(setup).with_blocks(sizes);
        player.seek(3.1);
        player.play(17.0);
        player.stop();
        player.heard
    };
    let expected = play(&[512]);
    assert!(notes(&expected).len() > 8);
    for sizes in [&[1][..], &[64], &[333], &[4096], &[1, 4096, 7, 333, 2, 64]] {
        assert_eq!(play(sizes), expected, "blocks of {sizes:?}");
    }
}

pub(crate) fn every_pass_of_the_loop_is_the_same<H: Host>() {
    let mut player = Player::<H>::offline();
    // A little more, because the stop ends what still sounds.
    player.play(65.0);
    player.stop();
    let heard = player.notes();
    let pass_samples = crate::harness::whole_samples(16.0 * player.samples_per_beat());
    let pass = |number: u64| -> Vec<_> {
        let start = number * pass_samples;
        heard
            .iter()
            .filter(|note| (start..start + pass_samples).contains(&note.start))
            .map(|note| {
                (
                    note.start - start,
                    note.end - start,
                    note.pitch,
                    note.velocity,
                )
            })
            .collect()
    };
    assert!(pass(1).len() > 8);
    assert_eq!(pass(1), pass(2));
    assert_eq!(pass(1), pass(3));
}

pub(crate) fn a_host_loop_of_four_bars_goes_on_like_the_song<H: Host>() {
    let mut player = Player::<H>::offline().with_blocks(&[512, 100]);
    player.transport.cycle = Some((4.0, 20.0));
    player.seek(4.0);
    player.play(50.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn a_host_loop_of_an_odd_length_starts_anew_each_time<H: Host>() {
    let mut player = Player::<H>::offline();
    player.transport.cycle = Some((1.5, 6.25));
    player.play(40.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

/// Most hosts end a block where their loop ends; these don't, and tell in the next block where they are.
pub(crate) fn a_host_loop_that_ends_inside_a_block_is_followed<H: Host>() {
    for cycle in [(0.0, 16.0), (4.0, 20.0), (1.5, 6.25), (3.0, 4.0)] {
        let mut player = Player::<H>::new(Setup {
            mode: Mode::Realtime,
            ..Setup::default()
        })
        .with_blocks(&[1000, 512]);
        player.wait_for_pattern(|_| true);
        player.run(64);
        player.splits_at_cycle = false;
        player.transport.cycle = Some(cycle);
        for number in 0_u32..1500 {
            // Automation cuts the block up as well.
            let level = f64::from(number % 10) / 10.0;
            player.change_at(number * 37 % 480, param_id("kit_level"), level);
            player.change_at(479, param_id("velocity"), 0.5);
            player.play(0.02);
        }
        player.stop();
        let ready = player.pattern().unwrap();
        check_song(&player, &ready);
    }
}

pub(crate) fn seeking_starting_mid_bar_and_stopping_lose_nothing<H: Host>() {
    let mut player = Player::<H>::offline().with_blocks(&[333]);
    for (from, beats) in [
        (5.3, 3.0),
        (0.0, 1.1),
        (15.9, 0.3),
        (15.99, 17.0),
        (2.0, 0.01),
        (7.0, 2.0),
    ] {
        player.seek(from);
        player.play(beats);
        if from < 5.0 {
            player.stop();
            assert_eq!(sounding(&player.heard), [], "stopped at {from} + {beats}");
        }
    }
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

/// Nothing but the pre-roll's own hits, and the one at its place.
pub(crate) fn a_count_in_before_the_song_is_played_too<H: Host>() {
    let mut player = Player::<H>::offline();
    player.seek(-4.0);
    player.play(12.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn tempo_changes_move_the_notes_that_follow<H: Host>() {
    let mut player = Player::<H>::offline();
    for tempo_bpm in [60.0, 174.0, 92.5, 300.0, 20.0] {
        player.transport.tempo_bpm = Some(tempo_bpm);
        player.play(3.3);
    }
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn every_sample_rate_plays_the_same_music<H: Host>() {
    for sample_rate in [8_000.0, 44_100.0, 96_000.0, 192_000.0] {
        check_two_passes(Player::<H>::new(Setup {
            sample_rate,
            ..Setup::default()
        }));
    }
}

pub(crate) fn huge_blocks_play_the_same_notes<H: Host>() {
    check_two_passes(
        Player::<H>::new(Setup {
            max_block: 65_536,
            ..Setup::default()
        })
        .with_blocks(&[65_536]),
    );
}

pub(crate) fn realtime_playback_equals_the_bounce<H: Host>() {
    let mut bounce = Player::<H>::offline().with_blocks(&[4096]);
    bounce.play(33.0);
    bounce.stop();

    let mut playback = Player::<H>::new(Setup {
        mode: Mode::Realtime,
        ..Setup::default()
    });
    playback.wait_for_pattern(|_| true);
    // One more block, in which the pattern comes over.
    playback.run(64);
    let start = playback.now();
    playback.play(33.0);
    playback.stop();

    let shifted: Vec<_> = playback
        .heard
        .iter()
        .map(|event| NoteEvent {
            sample: event.sample - start,
            ..*event
        })
        .collect();
    assert_eq!(shifted, bounce.heard);
}

/// The host's clock does not count, and neither do patterns of other requests: only what the song says.
pub(crate) fn two_bounces_of_automated_requests_are_equal<H: Host>() {
    let bounce = |sizes: &[u32]| {
        let mut player = Player::<H>::offline().with_blocks(sizes);
        for bar in 0_u32..10 {
            player.set("seed", &(bar * 7 % 5).to_string());
            player.set("latent_1", &(f64::from(bar) * 0.2 - 1.0).to_string());
            if bar % 3 == 1 {
                player.set("regenerate", "On");
            }
            player.play(2.0);
            player.set("regenerate", "Off");
            player.play(2.0);
        }
        player.stop();
        player.heard
    };
    let first = bounce(&[512]);
    assert!(notes(&first).len() > 20);
    assert_eq!(bounce(&[512]), first);
    assert_eq!(bounce(&[64, 1000]), first);
}

/// Everything that decides a pattern changes, in a host that tells of its render mode only when it renders already.
pub(crate) fn bounces_are_equal_where_the_host_says_offline_afterwards<H: Host>() {
    let bounce = |player: &mut Player<H>| {
        let start = player.now();
        player.seek(0.0);
        for number in 0_u32..40 {
            let place = |factor: u32| f64::from(number * factor % 11) / 10.0;
            player.set("temperature", &format!("{:.2}", 1.5 * place(3)));
            player.set("seed", &(number * 7 % 5).to_string());
            for axis in 1..=8 {
                let position = 2.0 * place(axis) - 1.0;
                player.set(&format!("latent_{axis}"), &format!("{position:.2}"));
            }
            player.set("regenerate", if number % 4 == 1 { "On" } else { "Off" });
            player.play(0.73);
        }
        player.stop();
        let heard = std::mem::take(&mut player.heard);
        heard
            .iter()
            .map(|event| NoteEvent {
                sample: event.sample - start,
                ..*event
            })
            .collect::<Vec<_>>()
    };
    let player = |mode| {
        Player::<H>::new(Setup {
            mode,
            ..Setup::default()
        })
    };
    let expected = bounce(&mut player(Mode::Offline));
    assert!(notes(&expected).len() > 20);
    let mut exporting = player(Mode::OfflineAfterwards);
    for number in 1..=3 {
        assert_eq!(bounce(&mut exporting), expected, "bounce {number}");
    }
    assert_eq!(bounce(&mut player(Mode::OfflineAfterwards)), expected);
}

/// A host may roll as soon as it has activated the plugin, before any thread has made a pattern.
pub(crate) fn a_new_instance_plays_from_its_first_sample<H: Host>() {
    let mut player = Player::<H>::new(Setup {
        mode: Mode::Realtime,
        ..Setup::default()
    });
    // As late as a hit on the first step can be.
    player.play(0.13);
    assert!(player.peak > 0.0, "the kit is silent");
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    assert_eq!(ready.pattern.hits()[0].grid_beats, 0.0, "it has a one");
    check_song(&player, &ready);
}

pub(crate) fn a_new_seed_takes_over_at_the_boundary_that_is_set<H: Host>() {
    // The request comes 1.3 beats into the song, and half a beat passes before it can count.
    for (apply_at, boundary) in [("Now", 2.0), ("Beat", 2.0), ("Bar", 4.0), ("Pattern", 16.0)] {
        let mut player = Player::<H>::offline();
        player.set("apply_at", apply_at);
        player.play_to(1.3);
        let old = player.pattern().unwrap();
        player.set("seed", "77");
        player.play_to(40.0);
        player.stop();
        let new = player.pattern().unwrap();
        assert_ne!(old.request.seed, 77);
        assert_eq!(new.request.seed, 77);
        let patterns = [
            InForce {
                from_beats: f64::NEG_INFINITY,
                pattern: &old.pattern,
            },
            InForce {
                from_beats: boundary,
                pattern: &new.pattern,
            },
        ];
        check(&player, &patterns, Feel::AS_GENERATED, &DrumMap::GM.keys());
    }
}

pub(crate) fn bars_are_the_hosts_bars<H: Host>() {
    let mut player = Player::<H>::offline();
    player.transport.time_signature = Some((7, 8));
    player.play_to(4.0);
    let old = player.pattern().unwrap();
    player.set("seed", "5");
    player.play_to(20.0);
    player.stop();
    let new = player.pattern().unwrap();
    let patterns = [(f64::NEG_INFINITY, &old), (7.0, &new)].map(|(from_beats, ready)| InForce {
        from_beats,
        pattern: &ready.pattern,
    });
    check(&player, &patterns, Feel::AS_GENERATED, &DrumMap::GM.keys());
}

pub(crate) fn a_bar_that_cannot_be_is_counted_from_the_metre<H: Host>() {
    for (metre, request_beats, boundary) in [((3, 4), 4.3, 6.0), ((5, 4), 8.3, 10.0)] {
        let mut player = Player::<H>::offline();
        player.transport.time_signature = Some(metre);
        player.transport.counts_bars_of_four = true;
        player.play_to(request_beats);
        let old = player.pattern().unwrap();
        player.set("seed", "5");
        player.play_to(20.0);
        player.stop();
        let new = player.pattern().unwrap();
        let patterns =
            [(f64::NEG_INFINITY, &old), (boundary, &new)].map(|(from_beats, ready)| InForce {
                from_beats,
                pattern: &ready.pattern,
            });
        check(&player, &patterns, Feel::AS_GENERATED, &DrumMap::GM.keys());
    }
}

/// A mapped knob or a drawn curve, from the first block of a fresh instance on.
pub(crate) fn a_request_that_changes_in_every_block_is_played<H: Host>() {
    for id in ["temperature", "latent_1", "seed"] {
        for n_samples in [1, 64, 512, 4096] {
            let mut player = Player::<H>::new(Setup {
                mode: Mode::Realtime,
                ..Setup::default()
            })
            .with_blocks(&[n_samples]);
            let values: Vec<f64> = (1..=7)
                .map(|number| {
                    let text = format!("{number}");
                    let text = if id == "seed" {
                        text
                    } else {
                        format!("0.{text}")
                    };
                    player.host.value_of_text(param_id(id), &text).unwrap()
                })
                .collect();
            player.transport.playing = true;
            let start = std::time::Instant::now();
            let mut n_blocks = 0;
            while player.heard.is_empty() {
                player.change(param_id(id), values[n_blocks % values.len()]);
                player.block(n_samples, None);
                n_blocks += 1;
                assert!(
                    start.elapsed().as_secs() < 10,
                    "{id} in blocks of {n_samples}: no note in {n_blocks} blocks"
                );
            }
            // The newest value is made, too, once the knob rests.
            player.set(id, if id == "seed" { "8" } else { "0.8" });
            player.stop();
            player.wait_for_pattern(|ready| {
                let request = ready.request;
                let found = match id {
                    "temperature" => request.temperature,
                    "latent_1" => request.latent[0],
                    _ => f32::from(u8::try_from(request.seed).unwrap()) / 10.0,
                };
                (found - 0.8).abs() < 1e-3
            });
        }
    }
}

pub(crate) fn a_variation_is_named_after_its_place_in_the_song<H: Host>() {
    let mut player = Player::<H>::offline();
    let mut names = Vec::new();
    for bar in 0_u32..4 {
        player.set("regenerate", if bar % 2 == 1 { "On" } else { "Off" });
        player.play(4.0);
        names.push(player.pattern().unwrap().request.name().to_string());
    }
    assert_eq!(names, ["000014", "000014@4", "000014@4", "000014@12"]);
    player.stop();
    // While the song stands, presses are counted.
    player.set("regenerate", "Off");
    player.run(64);
    player.set("regenerate", "On");
    let ready = player.wait_for_pattern(|ready| ready.request.variation == 1);
    assert_eq!(ready.request.name().to_string(), "000014-1");
}

pub(crate) fn every_seed_reads_back_from_its_text<H: Host>() {
    let mut host = H::new(Setup::default());
    let seed = param_id("seed");
    for number in (0..1_000_000).step_by(9_973).chain([1, 999_998, 999_999]) {
        let text = number.to_string();
        let value = host.value_of_text(seed, &text).unwrap();
        assert_eq!(host.text_of_value(seed, value), Some(text));
    }
}

pub(crate) fn a_request_while_stopped_counts_from_the_next_start<H: Host>() {
    let mut player = Player::<H>::offline();
    player.play(3.0);
    player.stop();
    player.forget();
    player.set("seed", "4242");
    player.run(64);
    player.seek(0.0);
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    assert_eq!(ready.request.seed, 4242);
    check_song(&player, &ready);
}

pub(crate) fn the_feel_changes_without_a_new_pattern<H: Host>() {
    for (timing, velocity) in [(0.0, 0.0), (2.0, 2.0), (0.5, 1.0)] {
        let mut player = Player::<H>::offline();
        player.set("timing", &format!("{}", timing * 100.0));
        player.set("velocity", &format!("{}", velocity * 100.0));
        player.play(33.0);
        player.stop();
        let ready = player.pattern().unwrap();
        let feel = Feel {
            timing,
            velocity,
            ..Feel::AS_GENERATED
        };
        check(&player, &whole_song(&ready), feel, &DrumMap::GM.keys());
    }
}

pub(crate) fn notes_end_where_they_began_when_channel_or_map_change<H: Host>() {
    let mut player = Player::<H>::offline().with_blocks(&[64]);
    for number in 0_u32..60 {
        player.set("channel", &(number % 16 + 1).to_string());
        player.set(
            "drum_map",
            if number % 3 == 0 {
                "Roland TD-11"
            } else {
                "General MIDI"
            },
        );
        player.set("midi_out", if number % 7 == 6 { "Off" } else { "On" });
        player.set("lane_channel_1", &(number % 5).to_string());
        player.set("choke_3", &(number % 2).to_string());
        player.set("choke_4", &(number % 3).to_string());
        let lengths = ["1/64", "1/16", "until next hit", "1/1"];
        player.set("note_length", lengths[number as usize % 4]);
        player.play(0.33);
    }
    player.stop();
    let heard = player.notes();
    let channels: std::collections::BTreeSet<_> = heard.iter().map(|note| note.channel).collect();
    assert!(channels.len() > 4, "{channels:?}");
}

pub(crate) fn bypass_ends_every_note_and_the_song_goes_on_after_it<H: Host>() {
    let mut player = Player::<H>::offline();
    player.play_to(2.02);
    player.change(param_id("bypass"), 1.0);
    player.play_to(2.1);
    assert_eq!(sounding(&player.heard), [], "bypassed");
    player.heard.clear();
    player.play_to(6.0);
    assert_eq!(player.heard, [], "bypassed");
    player.change(param_id("bypass"), 0.0);
    player.forget();
    player.play_to(40.0);
    player.stop();
    let ready = player.pattern().unwrap();
    let after: Vec<_> = player.notes();
    assert!(after.len() > 8, "the song goes on");
    // What plays after the bypass lies where the song is, not where it was.
    player.heard.retain(|event| event.sample >= after[0].start);
    check_song(&player, &ready);
}

pub(crate) fn without_any_transport_it_plays_on_its_own_clock<H: Host>() {
    let mut player = Player::<H>::offline();
    player.tells_transport = false;
    // The player's own idea of the song is that clock: 120 bpm from 0.
    player.play(33.0);
    let ready = player.pattern().unwrap();
    player.change(param_id("bypass"), 1.0);
    player.run(64);
    player.told.last_mut().unwrap().n_samples -= 64;
    check_song(&player, &ready);
}

pub(crate) fn a_host_without_a_song_position_gets_notes_at_its_tempo<H: Host>() {
    let mut player = Player::<H>::offline();
    player.transport.position_beats = None;
    player.transport.tempo_bpm = Some(240.0);
    player.transport.playing = true;
    player.run(48_000 * 8);
    player.stop();
    assert!(player.notes().len() > 16);
}

pub(crate) fn a_stopped_host_hears_nothing<H: Host>() {
    let mut player = Player::<H>::offline();
    player.run(48_000 * 4);
    assert_eq!(player.heard, []);
    assert_eq!(player.peak, 0.0);
}

pub(crate) fn absurd_transports_are_survived<H: Host>() {
    let mut player = Player::<H>::offline();
    let tempos = [f64::NAN, 0.0, -120.0, 1e300, f64::INFINITY, 1e-300, 120.0];
    let positions = [f64::NAN, -1e18, 1e18, 1e300, f64::NEG_INFINITY, -0.5, 0.0];
    player.transport.playing = true;
    for tempo_bpm in tempos {
        for position in positions {
            player.transport.tempo_bpm = Some(tempo_bpm);
            player.transport.position_beats = Some(position);
            player.block(300, None);
        }
    }
    // And it plays as ever afterwards.
    player.transport = crate::harness::Transport::default();
    player.stop();
    player.forget();
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn numbers_that_are_none_are_survived<H: Host>() {
    let mut player = Player::<H>::offline();
    let ids: Vec<u32> = player.host.parameters().iter().map(|(id, _)| *id).collect();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
        for id in &ids {
            if *id != param_id("bypass") {
                player.change(*id, value);
            }
        }
        player.play(2.0);
    }
    player.stop();
    notes(&player.heard);
    // What it saves must be readable again.
    let state = player.host.save();
    assert!(player.host.load(&state));
}

pub(crate) fn everything_can_be_automated_while_it_plays<H: Host>() {
    let mut player = Player::<H>::offline().with_blocks(&[256]);
    let parameters = player.host.parameters();
    for number in 0_u32..400 {
        let (id, _) = parameters[number as usize % parameters.len()];
        // A CLAP value runs over its own range, a VST3 one from 0 to 1.
        let value = f64::from(number * 7919 % 1000) / 1000.0;
        player.change_at(number * 31 % 256, id, value);
        player.play(0.25);
    }
    player.change(param_id("bypass"), 0.0);
    player.stop();
    notes(&player.heard);
}

pub(crate) fn the_kit_is_heard_at_its_level<H: Host>() {
    let peak = |level: &str, midi_out: &str| {
        let mut player = Player::<H>::offline();
        player.set("kit_level", level);
        player.set("midi_out", midi_out);
        player.play(16.0);
        player.stop();
        assert_eq!(player.heard.is_empty(), midi_out == "Off");
        player.peak
    };
    let loudest = peak("12", "On");
    assert!(
        (0.5..0.89).contains(&loudest),
        "{loudest} is within the limiter"
    );
    // As low as to be let alone by it.
    let normal = peak("-12", "On");
    assert!((0.05..=0.5).contains(&normal), "{normal}");
    let quiet = peak("-32", "Off");
    assert!((quiet / normal - 0.1).abs() < 0.02, "{quiet} and {normal}");
    assert_eq!(peak("-60", "On"), 0.0);
}

pub(crate) fn a_reloaded_project_plays_the_same_notes<H: Host>() {
    let mut player = Player::<H>::offline();
    player.set("seed", "31");
    player.set("temperature", "0.7");
    player.set("latent_3", "1.5");
    player.set("timing", "150");
    player.set("regenerate", "On");
    player.run(64);
    player.set("regenerate", "Off");
    player.play(32.0);
    player.stop();
    let state = player.host.save();

    let mut reloaded = Player::<H>::offline();
    assert!(reloaded.host.load(&state));
    reloaded.run(64);
    reloaded.play(32.0);
    reloaded.stop();
    assert_eq!(reloaded.heard, player.heard);
    assert_eq!(
        crate::harness::state::json(&mut reloaded.host),
        crate::harness::state::json(&mut player.host)
    );
}

pub(crate) fn a_state_can_come_in_the_middle_of_the_song<H: Host>() {
    let mut player = Player::<H>::offline();
    player.set("seed", "8");
    player.play(2.0);
    let state = player.host.save();
    player.set("seed", "9");
    player.play(6.05);
    assert!(player.host.load(&state));
    player.play(20.0);
    player.stop();
    notes(&player.heard);
    assert_eq!(player.pattern().unwrap().request.seed, 8);
}

/// The host sees the press that it saved, and nothing is pressed anew.
pub(crate) fn a_project_saved_while_something_is_pressed_is_as_it_was<H: Host>() {
    let mut player = Player::<H>::offline();
    player.set("regenerate", "On");
    player.set("fill_now", "On");
    player.play(4.0);
    player.stop();
    let saved = crate::harness::state::json(&mut player.host);
    assert_eq!(
        saved["params"]["regenerate"],
        serde_json::json!({ "bool": true })
    );

    let mut reloaded = Player::<H>::offline();
    assert!(
        reloaded
            .host
            .load(&crate::harness::state::of_json::<H>(&saved))
    );
    reloaded.run(64);
    assert_eq!(crate::harness::state::json(&mut reloaded.host), saved);
    reloaded.play(20.0);
    reloaded.stop();
    let ready = reloaded.pattern().unwrap();
    check_song(&reloaded, &ready);
}

/// The project of a newer Fourbar: unknown parameters, fields and values are left alone and the rest is read.
pub(crate) fn the_state_of_a_newer_version_is_read_as_far_as_it_goes<H: Host>() {
    let mut player = Player::<H>::offline();
    player.set("seed", "31");
    player.play(1.0);
    player.stop();
    let mut json = crate::harness::state::json(&mut player.host);
    json["version"] = "99.0.0".into();
    json["params"]["swing"] = serde_json::json!({ "f32": 0.5 });
    json["fields"]["morph"] = "{\"from\": [1, 2, 3]}".into();

    let mut older = Player::<H>::offline();
    assert!(older.host.load(&crate::harness::state::of_json::<H>(&json)));
    older.play(20.0);
    older.stop();
    let ready = older.pattern().unwrap();
    assert_eq!(ready.request.seed, 31);
    check_song(&older, &ready);
}

/// A project whose checkpoint this build does not have plays what it played.
pub(crate) fn a_saved_pattern_plays_without_its_checkpoint<H: Host>() {
    let mut player = Player::<H>::offline();
    player.play(1.0);
    player.stop();
    let mut json = crate::harness::state::json(&mut player.host);
    let mut ready = player.pattern().unwrap();
    ready.checkpoint_id = "a checkpoint from elsewhere".to_owned();
    let hits = ready.pattern.hits();
    ready.pattern = fourbar_model::pattern::Pattern::new(hits[..hits.len() / 2].to_vec(), 16.0);
    crate::harness::state::set_pattern(&mut json, &ready);

    let mut elsewhere = Player::<H>::offline();
    assert!(
        elsewhere
            .host
            .load(&crate::harness::state::of_json::<H>(&json))
    );
    elsewhere.play(33.0);
    elsewhere.stop();
    check_song(&elsewhere, &ready);
    assert_eq!(elsewhere.pattern(), Some(ready));
}

pub(crate) fn damaged_states_are_refused_and_change_nothing_that_plays<H: Host>() {
    let mut player = Player::<H>::offline();
    player.play(2.0);
    let good = player.host.save();
    let mut damaged: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        vec![0xff; 8],
        vec![0xff; 4096],
        good[..good.len() / 2].to_vec(),
        H::state_of_json(b"{}"),
        H::state_of_json(b"null"),
        H::state_of_json(b"{\"version\": 3, \"params\": [], \"fields\": \"\"}"),
    ];
    let mut noise = fourbar_model::noise::Noise::from_seed(1);
    for length in [7, 8, 9, 100, 3000] {
        #[expect(clippy::cast_possible_truncation, reason = "bytes are drawn below 256")]
        let bytes = (0..length).map(|_| noise.below(256) as u8).collect();
        damaged.push(bytes);
    }
    for position in (0..good.len()).step_by(good.len() / 60 + 1) {
        let mut flipped = good.clone();
        flipped[position] ^= 0x55;
        damaged.push(flipped);
    }
    for state in &damaged {
        player.host.load(state);
        player.play(0.5);
    }
    assert!(player.host.load(&good));
    player.stop();
    player.forget();
    player.seek(0.0);
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn two_instances_play_side_by_side<H: Host>() {
    let solo = |seed: &str| {
        let mut player = Player::<H>::offline();
        player.set("seed", seed);
        player.play(20.0);
        player.stop();
        player.heard
    };
    let (mut left, mut right) = (Player::<H>::offline(), Player::<H>::offline());
    left.set("seed", "3");
    right.set("seed", "4");
    for _ in 0..20 {
        left.play(1.0);
        right.play(1.0);
    }
    left.stop();
    right.stop();
    assert_eq!(left.heard, solo("3"));
    assert_eq!(right.heard, solo("4"));
    assert_ne!(left.heard, right.heard);
}

pub(crate) fn it_can_be_removed_while_it_is_generating<H: Host>() {
    for seed in 0..12 {
        let mut player = Player::<H>::new(Setup {
            mode: Mode::Realtime,
            ..Setup::default()
        });
        player.set("seed", &seed.to_string());
        player.transport.playing = true;
        player.run(64 * seed);
        drop(player);
    }
}

pub(crate) fn it_can_be_deactivated_and_activated_again_and_again<H: Host>() {
    let mut player = Player::<H>::offline();
    for number in 0_u32..20 {
        player.host.reactivate(Setup {
            sample_rate: [44_100.0, 48_000.0, 96_000.0][number as usize % 3],
            max_block: 512 + number,
            mode: if number % 2 == 0 {
                Mode::Realtime
            } else {
                Mode::Offline
            },
        });
        player.play(0.7);
    }
    player.host.reactivate(Setup::default());
    player.stop();
    assert_eq!(sounding(&player.heard), [], "after all that");
    player.heard.clear();
    player.told.clear();
    player.seek(0.0);
    player.play(20.0);
    player.stop();
    let ready = player.pattern().unwrap();
    check_song(&player, &ready);
}

pub(crate) fn every_text_of_every_parameter_reads_back_as_itself<H: Host>() {
    let mut host = H::new(Setup::default());
    let parameters = host.parameters();
    let expected = [
        "temperature",
        "seed",
        "regenerate",
        "latent_1",
        "latent_8",
        "timing",
        "velocity",
        "apply_at",
        "kit_level",
        "midi_out",
        "channel",
        "drum_map",
        "bypass",
        "style",
        "push",
        "velocity_max",
        "kit",
        "room",
        "drum_level_1",
        "pan_9",
        "tune_2",
        "decay_3",
    ];
    for id in expected {
        assert!(
            parameters.iter().any(|(hash, _)| *hash == param_id(id)),
            "no parameter {id}"
        );
    }
    let parameters: Vec<_> = parameters
        .into_iter()
        .map(|(id, name)| (id, name, host.largest_value(id)))
        .collect();
    let reads_back = |place: f64, host: &mut H| {
        for (id, name, largest) in &parameters {
            let value = place * largest;
            let text = host.text_of_value(*id, value).unwrap();
            let read = host.value_of_text(*id, &text);
            let again = read.and_then(|value| host.text_of_value(*id, value));
            prop_assert!(!text.is_empty());
            prop_assert_eq!(again.as_ref(), Some(&text), "{} at {}", name, value);
        }
        Ok(())
    };
    let host = std::cell::RefCell::new(host);
    // The ends and what is next to them, all over, and where the texts of some parameter change.
    let places = prop_oneof![
        Just(0.0),
        Just(1.0),
        1e-7..1e-3,
        (1e-7..1e-3).prop_map(|below| 1.0 - below),
        0.0..=1.0,
        (0..=1440_u32).prop_map(|twentieth_db| f64::from(twentieth_db) / 1440.0),
        (0..=2000_u32).prop_map(|half_percent| f64::from(half_percent) / 2000.0),
        (0..=999_999_u32).prop_map(|seed| f64::from(seed) / 999_999.0),
    ];
    let config = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&places, |place| reads_back(place, &mut host.borrow_mut()))
        .unwrap();
}
