//! Random transports: whatever a host does, no note is doubled, lost, cut or left hanging.
//!
//! `FOURBAR_SCENARIOS` is how many are tried in place of a few hundred.

use fourbar_model::drums::{DrumMap, N_VOICES, Voice};
use fourbar_model::pattern::{Feel, Hit, Lane, Lanes, Pattern};
use proptest::prelude::*;

use crate::harness::clap::ClapHost;
use crate::harness::rule::{InForce, Told, check};
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Player, Setup, Transport, state};

/// What a host does next.
#[derive(Clone, Debug)]
enum Action {
    Play {
        beats: f64,
    },
    Stop,
    Seek {
        beats: f64,
    },
    /// Moves by whole passes of the pattern.
    SeekLoops {
        n_loops: i32,
    },
    Tempo {
        bpm: f64,
    },
    Cycle {
        start: f64,
        length: f64,
    },
    NoCycle,
    /// A note comes in with the next block, which plays the kit and nothing else.
    KeyIn {
        pitch: u8,
    },
    /// A transport event inside a block: another tempo from there on.
    TempoInsideBlock {
        n_samples: u32,
        offset: u32,
        bpm: f64,
    },
}

#[derive(Clone, Debug)]
struct Scenario {
    sample_rate: f64,
    block_sizes: Vec<u32>,
    hits: Vec<Hit>,
    timing: f32,
    lanes: Vec<Lane>,
    actions: Vec<Action>,
}

fn hit() -> impl Strategy<Value = Hit> {
    (0..64_u32, 0..N_VOICES, -0.125..=0.125_f64, 0.01..=1.0_f32).prop_map(
        |(step, voice, offset_beats, velocity)| Hit {
            grid_beats: f64::from(step) / 4.0,
            offset_beats,
            voice: Voice::from_index(voice).unwrap(),
            velocity,
        },
    )
}

/// At most one hit in a cell, as in every groove.
fn hits() -> impl Strategy<Value = Vec<Hit>> {
    prop::collection::vec(hit(), 1..120).prop_map(|mut hits| {
        hits.sort_by(|a, b| {
            a.grid_beats
                .total_cmp(&b.grid_beats)
                .then(a.voice.cmp(&b.voice))
        });
        hits.dedup_by_key(|hit| (hit.grid_beats.to_bits(), hit.voice));
        hits
    })
}

/// Most drums are played as they are.
fn lane() -> impl Strategy<Value = Lane> {
    let share = |most: u8| (0..=most).prop_map(|percent| f32::from(percent) / 100.0);
    let whole = Lane {
        is_heard: true,
        density: 1.0,
        velocity: 1.0,
    };
    prop_oneof![
        3 => Just(whole),
        2 => (prop::bool::weighted(0.8), share(100), share(200)).prop_map(
            |(is_heard, density, velocity)| Lane { is_heard, density, velocity }
        ),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let tempo = || 30.0..300.0_f64;
    prop_oneof![
        6 => (0.01..9.0_f64).prop_map(|beats| Action::Play { beats }),
        1 => Just(Action::Stop),
        2 => (-20..400_i32).prop_map(|place| Action::Seek { beats: f64::from(place) / 7.0 }),
        1 => (-2..3_i32).prop_map(|n_loops| Action::SeekLoops { n_loops }),
        2 => tempo().prop_map(|bpm| Action::Tempo { bpm }),
        1 => (0..60_u32, 2..70_u32).prop_map(|(start, length)| Action::Cycle {
            start: f64::from(start) / 2.0,
            length: f64::from(length) / 2.0,
        }),
        1 => Just(Action::NoCycle),
        1 => (32..90_u8).prop_map(|pitch| Action::KeyIn { pitch }),
        2 => (2..3000_u32, 0.0..1.0_f64, tempo()).prop_map(|(n_samples, place, bpm)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place inside the block"
            )]
            let offset = 1 + (place * f64::from(n_samples - 1)) as u32;
            Action::TempoInsideBlock { n_samples, offset: offset.min(n_samples - 1), bpm }
        }),
    ]
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (
        prop::sample::select(vec![8_000.0, 22_050.0, 44_100.0, 48_000.0]),
        prop::collection::vec(prop_oneof![1..40_u32, 40..700_u32, 700..4096_u32], 1..5),
        hits(),
        prop::sample::select(vec![0.0, 1.0, 2.0, 0.37]),
        prop::collection::vec(lane(), N_VOICES),
        prop::collection::vec(action(), 2..12),
    )
        .prop_map(
            |(sample_rate, block_sizes, hits, timing, lanes, actions)| Scenario {
                sample_rate,
                block_sizes,
                hits,
                timing,
                lanes,
                actions,
            },
        )
}

fn perform<H: Host>(player: &mut Player<H>, action: &Action) {
    match *action {
        Action::Play { beats } => player.play(beats),
        Action::Stop => player.stop(),
        Action::Seek { beats } => seek_far(player, beats),
        Action::SeekLoops { n_loops } => {
            player.seek(player.position_beats() + 16.0 * f64::from(n_loops));
        }
        Action::Tempo { bpm } => player.transport.tempo_bpm = Some(bpm),
        Action::Cycle { start, length } => {
            player.transport.cycle = Some((start, start + length));
            seek_far(player, start);
        }
        Action::NoCycle => player.transport.cycle = None,
        Action::KeyIn { pitch } => player.play_key(pitch, 0.7),
        Action::TempoInsideBlock {
            n_samples,
            offset,
            bpm,
        } => {
            player.transport.cycle = None;
            let beats = f64::from(offset) * player.tempo_bpm() / 60.0 / player.sample_rate();
            let moved = if player.transport.playing { beats } else { 0.0 };
            let later = Transport {
                tempo_bpm: Some(bpm),
                position_beats: Some(player.position_beats() + moved),
                ..player.transport
            };
            player.block(n_samples, Some((offset, later)));
        }
    }
}

/// Seeks to `beats`, or beyond it where that would be next to where the song was last played, or to that place of
/// another loop.
///
/// So short a way may also be a change of tempo inside the last block, up to half a second of it at 300 bpm, or rounding:
/// the song is taken to play on.
fn seek_far<H: Host>(player: &mut Player<H>, beats: f64) {
    let last_beats = player.told.last().map_or(0.0, Told::end_beats);
    let distance = (beats - last_beats + 8.0).rem_euclid(16.0) - 8.0;
    player.seek(if distance.abs() < 2.6 {
        beats + 5.2
    } else {
        beats
    });
}

/// A plugin with this pattern in it, as if a project had been opened.
fn player_of<H: Host>(scenario: &Scenario) -> (Player<H>, Pattern) {
    let setup = Setup {
        sample_rate: scenario.sample_rate,
        ..Setup::default()
    };
    let mut player = Player::<H>::new(setup).with_blocks(&scenario.block_sizes);
    player.set("timing", &(scenario.timing * 100.0).to_string());
    for (lane, number) in scenario.lanes.iter().zip(1..) {
        let mute = if lane.is_heard { "Off" } else { "On" };
        player.set(&format!("mute_{number}"), mute);
        let percent = |share: f32| (share * 100.0).to_string();
        player.set(&format!("density_{number}"), &percent(lane.density));
        player.set(&format!("lane_velocity_{number}"), &percent(lane.velocity));
    }
    player.play(0.1);
    player.stop();
    let mut ready = player.pattern().unwrap();
    ready.pattern = Pattern::new(scenario.hits.clone(), 16.0);
    let mut json = state::json(&mut player.host);
    state::set_pattern(&mut json, &ready);
    assert!(player.host.load(&state::of_json::<H>(&json)));
    player.stop();
    player.forget();
    (player, ready.pattern)
}

/// Plays the scenario and compares every note and its length with the rule.
fn play<H: Host>(scenario: &Scenario) {
    let (mut player, pattern) = player_of::<H>(scenario);
    for action in &scenario.actions {
        perform(&mut player, action);
    }
    player.stop();
    let patterns = [InForce {
        from_beats: f64::NEG_INFINITY,
        pattern: &pattern,
    }];
    let feel = Feel {
        timing: scenario.timing,
        lanes: Lanes(std::array::from_fn(|voice| scenario.lanes[voice])),
        ..Feel::AS_GENERATED
    };
    check(&player, &patterns, feel, &DrumMap::GM.keys());
}

/// The same where a host tells of a new tempo at the start of a block only.
fn at_block_starts(mut scenario: Scenario) -> Scenario {
    for action in &mut scenario.actions {
        if let Action::TempoInsideBlock { bpm, .. } = *action {
            *action = Action::Tempo { bpm };
        }
    }
    scenario
}

fn cases(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("FOURBAR_SCENARIOS").ok();
    ProptestConfig {
        cases: wanted.map_or(usual, |number| number.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_note_is_doubled_lost_cut_or_left_hanging(scenario in scenario()) {
        play::<ClapHost>(&scenario);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_note_is_doubled_lost_cut_or_left_hanging_in_vst3(scenario in scenario().prop_map(at_block_starts)) {
        play::<Vst3Host>(&scenario);
    }
}
