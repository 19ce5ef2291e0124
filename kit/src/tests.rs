//! Whether the drums sound like drums, and whether they are played cleanly.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers in tests are small"
)]

mod drums;
mod measure;
mod playing;

use super::*;
use fourbar_model::pattern::Pattern;

/// Settings of a kit alone: without its room, and too quiet for the limiter to do anything.
fn dry(kit: usize) -> Settings {
    Settings {
        kit,
        gain: 0.25,
        room: 0.0,
        ..Settings::default()
    }
}

/// Strokes at the given samples, each on the next step.
fn strokes(strokes: &[(usize, Voice, f32)]) -> Vec<Stroke> {
    let steps = strokes.iter().zip(0..);
    steps
        .map(|(&(sample, voice, velocity), step)| Stroke {
            sample,
            voice,
            velocity,
            step,
        })
        .collect()
}

fn samples(seconds: f32, sample_rate: f32) -> usize {
    (seconds * sample_rate) as usize
}

/// A stroke alone, until it is silent; both channels together.
fn stroke(kit: &mut Kit, settings: &Settings, voice: Voice, velocity: f32) -> Vec<f64> {
    kit.silence();
    let n_samples = samples(3.0, kit.sample_rate());
    let [left, right] = kit.perform(settings, &strokes(&[(0, voice, velocity)]), n_samples);
    left.iter()
        .zip(&right)
        .map(|(left, right)| f64::from(left + right) / 2.0)
        .collect()
}

/// The groove of `cargo xtask demo`, as the plugin made it of seed 9 with its own model.
const DEMO: &str = include_str!("tests/demo.pattern.json");

/// A groove, twice, at 120 bpm and 48 kHz.
fn groove(pattern: &Pattern) -> Vec<Stroke> {
    let rounds = (0..2).flat_map(|round| {
        pattern.hits().iter().map(move |hit| {
            let start_beats = 16.0 * f64::from(round);
            let onset_beats = start_beats + hit.grid_beats + hit.offset_beats;
            Stroke {
                sample: (onset_beats * 24_000.0).max(0.0) as usize,
                voice: hit.voice,
                velocity: hit.velocity,
                step: ((start_beats + hit.grid_beats) * 4.0).round() as i64,
            }
        })
    });
    let mut strokes: Vec<Stroke> = rounds.collect();
    strokes.sort_by_key(|stroke| stroke.sample);
    strokes
}

/// The demo's.
fn demo() -> Vec<Stroke> {
    groove(&serde_json::from_str(DEMO).unwrap())
}

/// That of a new instance of the plugin, which is played harder.
fn first() -> Vec<Stroke> {
    let file = include_str!("../../bundles/models/fourbar.pattern.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    groove(&serde_json::from_value(file["pattern"].clone()).unwrap())
}
