//! What is played in and opened, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::Groove;
use fourbar_model::note::Note;
use fourbar_plugin::request::{Input, Ready, Source, Use};

use crate::harness::state::{json, of_json};
use crate::harness::{Host, NoteEvent, Player};
use crate::keeping::keep_four;

/// Writes a test for each function of this module, on one kind of host.
macro_rules! groove_in_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            groove_in, $host:
            a_rhythm_that_is_put_in_becomes_a_groove_in_four_ways
            keys_that_come_in_play_the_kit_and_work_the_plugin
        }
    };
}
pub(crate) use groove_in_tests_on;

/// A rock beat with everything on the grid and equally loud, put in to be used in this way.
pub(crate) fn stiff_beat(used_to: Use) -> Input {
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
