//! The audio thread asks the system for nothing, whatever a host does: neither memory, nor a lock that somebody else
//! holds, nor time to wait.
//!
//! `FOURBAR_TRANSPORTS` is how many random transports are played in place of some hundred. `cargo xtask rtsan` plays them
//! under LLVM's real-time sanitizer.

use std::ffi::OsStr;
use std::process::Command;

use fourbar_model::noise::Noise;

use crate::harness::clap::ClapHost;
use crate::harness::real_time::{self, REFUSED};
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Mode, Player, Setup, Transport};

/// Set in the second run of the test that is meant to end its process.
const ALLOCATES: &str = "FOURBAR_TEST_ALLOCATES";
/// So many transports are played by one instance.
const PER_INSTANCE: usize = 100;
const MAX_BLOCK: u32 = 2048;

#[test]
fn a_system_call_of_the_audio_thread_ends_the_tests() {
    if std::env::var_os(ALLOCATES).is_some() {
        // So much memory comes from the system.
        real_time::process(Mode::Realtime, || {
            std::hint::black_box(vec![1_u8; 16 << 20]);
        });
        return;
    }
    if !real_time::is_watched() {
        println!("this system cannot refuse system calls of a thread: they are not watched");
        return;
    }
    let name = "real_time::a_system_call_of_the_audio_thread_ends_the_tests";
    let run = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(ALLOCATES, OsStr::new("1"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success() && said.contains(REFUSED), "{said}");
}

#[test]
fn no_transport_makes_the_audio_thread_of_clap_ask_the_system_for_anything() {
    play::<ClapHost>(100, |player, noise| {
        let offset = below(noise, 64);
        Some((offset, transport(noise, player.transport)))
    });
}

#[test]
fn no_transport_makes_the_audio_thread_of_vst3_ask_the_system_for_anything() {
    play::<Vst3Host>(100, |_, _| None);
}

/// Plays random transports in real time while every parameter moves and keys are played. `later` is the transport that
/// takes over inside a block, where the format has such a thing.
fn play<H: Host>(usual: usize, later: impl Fn(&Player<H>, &mut Noise) -> Option<(u32, Transport)>) {
    let wanted = std::env::var("FOURBAR_TRANSPORTS").ok();
    let n_transports = wanted.map_or(usual, |number| number.parse().unwrap());
    let mut noise = Noise::from_seed(12);
    let mut played = 0;
    while played < n_transports {
        let mut player = player::<H>(&mut noise);
        let parameters = parameters(&mut player.host);
        for _ in 0..PER_INSTANCE.min(n_transports - played) {
            player.transport = transport(&mut noise, player.transport);
            player.tells_transport = noise.below(20) > 0;
            for _ in 0..1 + noise.below(12) {
                if noise.below(2) == 0 {
                    let (id, largest) = parameters[noise.below(parameters.len())];
                    player.change(id, f64::from(noise.uniform()) * largest);
                }
                if noise.below(4) == 0 {
                    let key = u8::try_from(noise.below(128)).unwrap();
                    player.play_key(key, 0.01 + 0.99 * noise.uniform());
                }
                let later = (noise.below(8) == 0).then(|| later(&player, &mut noise));
                let n_samples = 64 + below(&mut noise, MAX_BLOCK - 64);
                player.block(n_samples, later.flatten());
                player.heard.clear();
            }
            played += 1;
        }
    }
}

/// An instance that plays to its mix or also to a bus for each drum.
fn player<H: Host>(noise: &mut Noise) -> Player<H> {
    let setup = Setup {
        sample_rate: [22_050.0, 44_100.0, 48_000.0, 96_000.0][noise.below(4)],
        max_block: MAX_BLOCK,
        mode: Mode::Realtime,
    };
    let make = if noise.below(2) == 0 {
        H::new
    } else {
        H::with_buses
    };
    Player::on(make(setup))
}

/// Id and largest value of every parameter.
fn parameters<H: Host>(host: &mut H) -> Vec<(u32, f64)> {
    let all = host.parameters();
    all.into_iter()
        .map(|(id, _)| (id, host.largest_value(id)))
        .collect()
}

/// What a host might say after `before`: it plays on, or anything else is the case.
fn transport(noise: &mut Noise, before: Transport) -> Transport {
    let mut number = |least: f64, most: f64| least + (most - least) * f64::from(noise.uniform());
    let (tempo, position, start, length) = (
        number(10.0, 500.0),
        number(-8.0, 400.0),
        number(0.0, 30.0),
        number(0.01, 40.0),
    );
    let metres = [(4, 4), (3, 4), (5, 4), (7, 8), (12, 8), (1, 64), (32, 1)];
    let (jumps, has_tempo) = (noise.below(2) == 0, noise.below(20) > 0);
    let loops = has_tempo && noise.below(3) == 0;
    Transport {
        playing: noise.below(5) > 0,
        tempo_bpm: has_tempo.then_some(tempo),
        position_beats: if jumps {
            (noise.below(10) > 0).then_some(position)
        } else {
            before.position_beats
        },
        time_signature: (noise.below(10) > 0).then(|| metres[noise.below(metres.len())]),
        cycle: loops.then_some((start, start + length)),
        ..before
    }
}

fn below(noise: &mut Noise, bound: u32) -> u32 {
    u32::try_from(noise.below(bound as usize)).unwrap()
}
