//! One audio block of 64 samples through the plugin's own audio path: transport, orders, scheduler, kit.
//!
//! The pattern is a generated one and plays at 120 bpm. Beside criterion's figures it prints how much of the block's
//! duration the audio thread needs, and how long a new instance takes to its first pattern.

use criterion::{Criterion, criterion_group, criterion_main};
use fourbar_plugin::audio::player::{Controls, Player};
use fourbar_plugin::audio::transport::HostTime;
use fourbar_plugin::inference::checkpoints;
use fourbar_plugin::inference::models::Choice;
use fourbar_plugin::mailbox::mailbox;
use fourbar_plugin::params::FourbarParams;
use fourbar_plugin::request::Ready;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const SAMPLE_RATE: f32 = 48_000.0;
const BLOCK_SAMPLES: usize = 64;
const TEMPO_BPM: f64 = 120.0;

/// A player in the middle of a song.
struct Song {
    player: Player,
    controls: Controls,
    beats: f64,
    left: [f32; BLOCK_SAMPLES],
    right: [f32; BLOCK_SAMPLES],
}

impl Song {
    fn new() -> Self {
        let controls = FourbarParams::new(Arc::default()).controls(0, false, [false; 9]);
        let (audio_end, _worker_end) = mailbox();
        let mut player = Player::new(audio_end, Arc::default());
        player.activate(SAMPLE_RATE, false, 0);
        player.restore(Some(generated(&controls)), 0, 1);
        Self {
            player,
            controls,
            beats: 0.0,
            left: [0.0; BLOCK_SAMPLES],
            right: [0.0; BLOCK_SAMPLES],
        }
    }

    fn block(&mut self) {
        let host = HostTime {
            playing: true,
            tempo_bpm: Some(TEMPO_BPM),
            position_beats: Some(self.beats),
            loop_beats: None,
            beats_per_bar: 4.0,
            bar_start_beats: Some(0.0),
        };
        self.left.fill(0.0);
        self.right.fill(0.0);
        let heard = self.player.process(
            &host,
            &self.controls,
            &[],
            [&mut self.left[..], &mut self.right[..]],
            &mut [],
            |event| {
                black_box(event);
            },
        );
        black_box(heard);
        self.beats += block_seconds() / 60.0 * TEMPO_BPM;
    }
}

/// The pattern of the controls, from a checkpoint that nobody has read before.
fn generated(controls: &Controls) -> Ready {
    let mut engine =
        checkpoints::engine(&Choice::default()).expect("the embedded checkpoint loads");
    engine
        .make(&controls.request, None, None)
        .expect("the network makes a pattern")
}

fn block_seconds() -> f64 {
    64.0 / f64::from(SAMPLE_RATE)
}

#[expect(
    clippy::print_stdout,
    reason = "the ratio is what the benchmark is for"
)]
fn audio_block(criterion: &mut Criterion) {
    let mut song = Song::new();
    criterion.bench_function("audio block of 64 samples", |bencher| {
        bencher.iter(|| song.block())
    });

    let start = Instant::now();
    black_box(generated(&song.controls));
    let first_ms = 1e3 * start.elapsed().as_secs_f64();
    println!("checkpoint read and first pattern made: {first_ms:.1} ms");

    // Two rounds of the loop: every hit, ringing kit and silence in their true proportion.
    let n_blocks: u32 = 12_000;
    let mut song = Song::new();
    let start = Instant::now();
    for _ in 0..n_blocks {
        song.block();
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(n_blocks);
    let percent = 100.0 * seconds / block_seconds();
    println!(
        "audio block of 64 samples: {:.2} µs, {percent:.3} % of its duration",
        seconds * 1e6
    );
}

criterion_group!(benches, audio_block);
criterion_main!(benches);
