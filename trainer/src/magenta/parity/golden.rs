//! The `golden.json` of a case, as magenta.js's program wrote it.

use anyhow::{Context, Result, ensure};
use fourbar_model::converter::Converter;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::midi::{Program, Song};
use fourbar_model::note::Note;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::Path;

/// The channel that a trio's bass is put on.
const BASS_CHANNEL: u8 = 1;
/// The first of the sounds that are basses.
const BASSES: std::ops::Range<u8> = 32..40;

/// What magenta.js was given and what it made of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Golden {
    note_sequence: Sequence,
    /// Rows of the converter's output, and numbers of each.
    pub(super) input_shape: [usize; 2],
    pub(super) input: Vec<f32>,
    /// Rows of the controls, and numbers of each: the first ones of `input`.
    pub(super) control_shape: Option<[usize; 2]>,
    pub(super) mu: Vec<f32>,
    /// Latents, one after the other.
    pub(super) z: Vec<f32>,
    /// Numbers of the decoding of `z`, where rows are narrow.
    pub(super) decoded: Option<Vec<f32>>,
    /// Labels of the decoding of `z`, where rows are wide.
    pub(super) decoded_argmax: Option<Vec<f32>>,
    /// The decoding of `mu`, in the same form.
    pub(super) recon_argmax_or_values: Vec<f32>,
    /// The notes of each decoding of `z`.
    pub(super) decoded_notes: Option<Vec<Vec<GoldenNote>>>,
    /// The decodings along the way from `input` to its reversal, in the same form.
    pub(super) interp: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct Sequence {
    qpm: f64,
    notes: Vec<GoldenNote>,
}

/// A note in seconds or in steps, or both.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GoldenNote {
    pub(super) pitch: u8,
    pub(super) velocity: Option<u8>,
    start: Option<f64>,
    end: Option<f64>,
    /// First step and the one after the last; an object instead of a number where there are none.
    qs: Option<serde_json::Value>,
    qe: Option<serde_json::Value>,
    program: Option<u8>,
    #[serde(default)]
    is_drum: bool,
}

impl Golden {
    /// Reads the file, and checks that its lists fit together.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let place = path.display();
        let text = std::fs::read(path).with_context(|| format!("cannot read {place}"))?;
        let golden: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{place}: not the results of a case"))?;
        let [n_rows, width] = golden.input_shape;
        ensure!(
            n_rows.checked_mul(width) == Some(golden.input.len()) && width > 0,
            "{place}: input has {} numbers, inputShape is {:?}",
            golden.input.len(),
            golden.input_shape
        );
        ensure!(
            !golden.mu.is_empty() && golden.z.len().is_multiple_of(golden.mu.len()),
            "{place}: z has {} numbers, mu {}",
            golden.z.len(),
            golden.mu.len()
        );
        ensure!(
            golden.control_shape.is_none_or(|[rows, _]| rows == n_rows),
            "{place}: controlShape is {:?}, inputShape {:?}",
            golden.control_shape,
            golden.input_shape
        );
        Ok(golden)
    }

    /// The notes that magenta.js was given, as a song that our `converter` reads as magenta.js's does.
    ///
    /// Both keep the loudest of several hits in one place. Of equally loud ones magenta.js keeps the first in its list,
    /// and as a tap it takes any key; the song leaves us no choice there.
    pub(super) fn song(&self, converter: &Converter, map: &DrumMap) -> Result<Song> {
        let in_seconds = converter.keeps_feel();
        let taps = converter.takes_taps();
        let mut heard = HashSet::new();
        let mut notes = Vec::new();
        for golden in &self.note_sequence.notes {
            let program = golden.program.unwrap_or(0);
            let Some(channel) = converter.channel_of(golden.is_drum, program) else {
                continue;
            };
            let times = if in_seconds { None } else { golden.in_steps() };
            let (start_beats, end_beats) = times
                .or_else(|| golden.in_seconds(self.note_sequence.qpm))
                .context("a note of noteSequence has no time")?;
            let mut note = Note {
                onset_beats: start_beats,
                duration_beats: end_beats - start_beats,
                pitch: golden.pitch,
                velocity: f32::from(golden.velocity.unwrap_or(80)) / 127.0,
                channel,
            };
            if in_seconds {
                let drum = map.voice(note.pitch);
                if taps && drum.is_none() {
                    note.pitch = map.pitches[Voice::OpenHat.index()][0];
                }
                let step = (4.0 * start_beats + 0.5).floor().to_bits();
                let place = if taps { None } else { Some(drum) };
                if !heard.insert((step, golden.velocity, place)) {
                    continue;
                }
            }
            notes.push(note);
        }
        let bass = self
            .note_sequence
            .notes
            .iter()
            .filter_map(|note| note.program);
        let bass = Program {
            channel: BASS_CHANNEL,
            program: bass
                .filter(|program| BASSES.contains(program))
                .min()
                .unwrap_or(BASSES.start),
        };
        Ok(Song::from_notes(notes, &[bass]))
    }
}

impl GoldenNote {
    /// Start and end in beats, from seconds.
    pub(super) fn in_seconds(&self, bpm: f64) -> Option<(f64, f64)> {
        Some((self.start? * bpm / 60.0, self.end? * bpm / 60.0))
    }

    /// Start and end in beats, from steps.
    pub(super) fn in_steps(&self) -> Option<(f64, f64)> {
        let beats = |step: &Option<serde_json::Value>| Some(step.as_ref()?.as_f64()? / 4.0);
        Some((beats(&self.qs)?, beats(&self.qe)?))
    }
}
