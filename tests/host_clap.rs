//! The plugin in a CLAP host.

use clack_extensions::note_ports::{NoteDialect, NoteDialects};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::pattern::Feel;

use crate::groove_in::groove_in_tests_on;
use crate::harness::clap::{ClapHost, makes, scan};
use crate::harness::rule::{InForce, check};
use crate::harness::{Change, Host as _, Player, Setup, Transport, param_id, sounding};
use crate::instrument::instrument_tests_on;
use crate::keeping::keeping_tests_on;
use crate::library::library_tests_on;
use crate::metres::metres_tests_on;
use crate::playing::playing_tests_on;

playing_tests_on!(ClapHost);
instrument_tests_on!(ClapHost);
keeping_tests_on!(ClapHost);
groove_in_tests_on!(ClapHost);
metres_tests_on!(ClapHost);
library_tests_on!(ClapHost);

#[test]
fn a_tempo_change_inside_a_block_moves_the_notes_that_follow_it() {
    let mut player = Player::<ClapHost>::offline();
    player.transport.playing = true;
    for number in 0_u32..400 {
        let (n_samples, offset) = (512, 1 + number * 37 % 511);
        let position = player.position_beats();
        let beats_before = f64::from(offset) * player.tempo_bpm() / 60.0 / player.sample_rate();
        let later = Transport {
            tempo_bpm: Some(60.0 + f64::from(number * 13 % 150)),
            position_beats: Some(position + beats_before),
            ..player.transport
        };
        player.block(n_samples, Some((offset, later)));
    }
    player.stop();
    check_song(player);
}

#[test]
fn a_jump_inside_a_block_is_a_jump_at_that_sample() {
    let mut player = Player::<ClapHost>::offline();
    player.transport.playing = true;
    for number in 0_u32..60 {
        let later = Transport {
            position_beats: Some(f64::from(number * 29 % 61) / 3.0),
            ..player.transport
        };
        player.block(4000, Some((100 + number, later)));
        player.play(0.4);
    }
    player.stop();
    check_song(player);
}

#[test]
fn parameters_that_change_inside_a_block_do_not_move_the_notes() {
    let mut player = Player::<ClapHost>::offline();
    player.transport.playing = true;
    for number in 0_u32..300 {
        player.change_at(
            number * 17 % 512,
            param_id("kit_level"),
            f64::from(number % 10) / 10.0,
        );
        player.block(512, None);
    }
    player.stop();
    check_song(player);
}

#[test]
fn a_reset_ends_the_notes_in_the_next_block() {
    let mut player = Player::<ClapHost>::offline().with_blocks(&[64]);
    for _ in 0..40 {
        player.play(0.21);
        player.host.reset();
        let n_heard = player.heard.len();
        let open = sounding(&player.heard);
        player.play(0.003);
        let ended: Vec<_> = player.heard[n_heard..]
            .iter()
            .filter(|event| event.velocity.is_none())
            .map(|event| event.pitch)
            .collect();
        for note in open {
            assert!(ended.contains(&note.pitch), "{note:?} hangs after a reset");
        }
    }
    player.stop();
    player.notes();
}

/// Every note that a host hears which understands only these dialects.
fn heard_in(dialects: Option<NoteDialects>) -> Vec<(u64, u8, u8, Option<f32>)> {
    let host = ClapHost::with_dialects(Setup::default(), dialects);
    let mut player = Player::on(host);
    for number in 0_u32..20 {
        player.set("channel", &(1 + number % 16).to_string());
        player.play(1.0);
    }
    player.stop();
    assert!(player.notes().len() > 8);
    let in_midi = |velocity: f32| (127.0 * velocity).round();
    let part = |event: &crate::harness::NoteEvent| {
        let velocity = event.velocity.map(in_midi);
        (event.sample, event.channel, event.pitch, velocity)
    };
    player.heard.iter().map(part).collect()
}

#[test]
fn a_host_that_understands_only_raw_midi_hears_the_same_notes() {
    let expected = heard_in(Some(NoteDialects::CLAP));
    assert_eq!(heard_in(Some(NoteDialects::MIDI)), expected);
    assert_eq!(heard_in(None), expected, "one that does not say");
    assert_eq!(heard_in(Some(NoteDialects::all())), expected);
}

#[test]
fn the_note_port_offers_midi_and_prefers_what_the_host_understands() {
    for (host, preferred) in [
        (Some(NoteDialects::MIDI), NoteDialect::Midi),
        (Some(NoteDialects::all()), NoteDialect::Clap),
        (None, NoteDialect::Clap),
    ] {
        let mut host = ClapHost::with_dialects(Setup::default(), host);
        let (offered, prefers) = host.output_dialects();
        assert_eq!(offered, NoteDialects::CLAP | NoteDialects::MIDI);
        assert_eq!(prefers, Some(preferred));
    }
}

#[test]
fn the_state_says_what_the_host_sees() {
    let mut player = Player::<ClapHost>::offline();
    player.set("channel", "3");
    player.set("drum_map", "Roland TD-11");
    player.run(64);
    let state = player.host.save();
    let mut other = Player::<ClapHost>::offline();
    assert!(other.host.load(&state));
    for id in ["channel", "drum_map"] {
        let id = param_id(id);
        assert_eq!(other.host.value(id), player.host.value(id));
    }
}

#[test]
fn states_travel_through_streams_that_give_and_take_a_few_bytes() {
    let mut player = Player::<ClapHost>::offline();
    player.set("seed", "12");
    player.play(1.0);
    player.stop();
    let state = player.host.save();
    assert_eq!(player.host.save_in_pieces(), state);
    let mut other = Player::<ClapHost>::offline();
    assert!(other.host.load_in_pieces(&state));
    assert_eq!(other.host.save(), state);
}

#[test]
fn a_flushed_change_is_as_good_as_one_in_a_block() {
    let mut in_block = Player::<ClapHost>::offline();
    let mut flushed = Player::<ClapHost>::offline();
    let parameters = in_block.host.parameters();
    let changes: Vec<_> = parameters
        .iter()
        .filter(|(id, _)| *id != param_id("bypass") && *id != param_id("regenerate"))
        .map(|(id, _)| Change {
            offset: 0,
            id: *id,
            value: 1.0,
        })
        .collect();
    for change in &changes {
        in_block.change(change.id, change.value);
    }
    in_block.run(64);
    flushed.host.flush(&changes);
    flushed.run(64);
    for player in [&mut in_block, &mut flushed] {
        player.play(20.0);
        player.stop();
    }
    assert_eq!(flushed.heard, in_block.heard);
    assert_eq!(flushed.host.save(), in_block.host.save());
}

#[test]
fn the_built_file_offers_one_instrument() {
    let plugins = scan();
    assert_eq!(plugins.len(), 1);
    let (id, name, features) = &plugins[0];
    assert_eq!(
        (id.as_str(), name.as_str()),
        ("org.fourbar.fourbar", "Fourbar")
    );
    for feature in ["instrument", "drum-machine", "stereo"] {
        assert!(features.iter().any(|has| has == feature), "{features:?}");
    }
}

#[test]
fn only_its_own_id_makes_the_plugin() {
    assert!(makes(c"org.fourbar.fourbar"));
    assert!(!makes(c"org.fourbar.fourbar2"));
    assert!(!makes(c""));
}

fn check_song(mut player: Player<ClapHost>) {
    let ready = player.pattern().unwrap();
    let patterns = [InForce {
        from_beats: f64::NEG_INFINITY,
        pattern: &ready.pattern,
    }];
    check(&player, &patterns, Feel::AS_GENERATED, &DrumMap::GM.keys());
}

#[test]
fn a_host_can_choose_a_bus_for_each_drum() {
    assert_eq!(ClapHost::new(Setup::default()).output_names(), ["Output"]);
    let outputs = ClapHost::with_buses(Setup::default()).output_names();
    assert_eq!(outputs[0], "Output");
    let drums = Voice::ALL.map(Voice::name);
    let names: Vec<_> = outputs[1..]
        .iter()
        .map(|name| name.to_lowercase())
        .collect();
    assert_eq!(names, drums);
}
