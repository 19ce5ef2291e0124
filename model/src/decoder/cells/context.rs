//! What a sequence is conditioned on, as the numbers that the network reads.

use crate::activation::ln;
use crate::conditions::{Conditions, KnownCell};
use crate::drums::N_VOICES;
use crate::groove::STEPS_PER_BAR;
use candle_core::{Device, Result, Tensor};

/// Where the columns of a step's control row begin: which hits are known, the hits, which feel is known, velocities,
/// offsets, the tap line (tapped at all, hit, velocity, offset), and the fill (asked for either way, wanted).
const HIT_KNOWN: usize = 0;
const HIT: usize = N_VOICES;
const FEEL_KNOWN: usize = 2 * N_VOICES;
const VELOCITY: usize = 3 * N_VOICES;
const OFFSET: usize = 4 * N_VOICES;
const TAP: usize = 5 * N_VOICES;
const FILL: usize = TAP + 4;
/// Numbers of a control row.
pub(crate) const CONTROLS: usize = FILL + 2;
/// Numbers that stand for a tempo: whether there is one, and its logarithm.
pub(crate) const TEMPO: usize = 2;
/// The tempo that counts as 0.
const USUAL_BPM: f32 = 110.0;

/// The conditions of a batch.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// `[batch, TEMPO]`.
    pub(super) tempo: Tensor,
    /// `[batch, steps, CONTROLS]`.
    pub(super) controls: Tensor,
}

impl Context {
    /// The conditions of each sequence of a batch of `n_steps`; `fill` is as in [`controls`].
    ///
    /// # Errors
    /// If the device has no memory for them.
    pub(super) fn new(
        batch: &[Conditions],
        n_steps: usize,
        fill: f32,
        device: &Device,
    ) -> Result<Self> {
        let tempo = batch.iter().flat_map(tempo);
        let controls: Vec<f32> = batch
            .iter()
            .flat_map(|one| controls(one, n_steps, fill))
            .collect();
        Ok(Self {
            tempo: Tensor::from_vec(tempo.collect(), (batch.len(), TEMPO), device)?,
            controls: Tensor::from_vec(controls, (batch.len(), n_steps, CONTROLS), device)?,
        })
    }
}

/// Whether a tempo is asked for, and how far it lies from the usual one.
pub(crate) fn tempo(conditions: &Conditions) -> [f32; TEMPO] {
    match conditions.tempo_bpm {
        Some(bpm) => [1.0, ln(bpm / USUAL_BPM) * std::f32::consts::LOG2_E],
        None => [0.0; TEMPO],
    }
}

/// The control rows of one sequence, row-major; `fill` stands for a fill that is asked for.
pub(crate) fn controls(conditions: &Conditions, n_steps: usize, fill: f32) -> Vec<f32> {
    let mut rows = vec![0.0; n_steps * CONTROLS];
    let known = conditions.known.as_ref();
    let fills = conditions.fills.as_deref();
    for (step, row) in rows.chunks_exact_mut(CONTROLS).enumerate() {
        let cells = known.map_or(&[][..], |known| &known.steps()[step]);
        for (drum, cell) in cells.iter().enumerate() {
            let (hit_known, feel) = match cell {
                KnownCell::Unknown => (None, None),
                KnownCell::Hit(hit) => (Some(*hit), None),
                KnownCell::Full(cell) => (Some(cell.is_some()), Some(*cell)),
            };
            row[HIT_KNOWN + drum] = flag(hit_known.is_some());
            row[HIT + drum] = flag(hit_known == Some(true));
            row[FEEL_KNOWN + drum] = flag(feel.is_some());
            if let Some(Some(cell)) = feel {
                row[VELOCITY + drum] = cell.velocity;
                row[OFFSET + drum] = 2.0 * cell.offset;
            }
        }
        if let Some(taps) = known.and_then(|known| known.taps()) {
            row[TAP] = 1.0;
            if let Some(tap) = taps[step] {
                row[TAP + 1..FILL].copy_from_slice(&[1.0, tap.velocity, 2.0 * tap.offset]);
            }
        }
        if let Some(wanted) = fills.and_then(|fills| fills.get(step / STEPS_PER_BAR)) {
            row[FILL..].copy_from_slice(&[1.0, fill * flag(*wanted)]);
        }
    }
    rows
}

fn flag(is: bool) -> f32 {
    f32::from(u8::from(is))
}

/// What is known of a cell, read from its control row.
pub(super) fn known_cell(controls: &[f32], drum: usize) -> (Option<bool>, Option<[f32; 2]>) {
    let hit = (controls[HIT_KNOWN + drum] > 0.0).then_some(controls[HIT + drum] > 0.0);
    let feel = (controls[FEEL_KNOWN + drum] > 0.0)
        .then_some([controls[VELOCITY + drum], controls[OFFSET + drum]]);
    (hit, feel)
}

/// For each step of each sequence, whether each drum's hit counts in the loss, then whether its feel does: what is known
/// does not.
pub(super) fn counts(batch: &[Conditions], n_steps: usize) -> Vec<f32> {
    let mut counts = Vec::with_capacity(batch.len() * n_steps * 2 * N_VOICES);
    for conditions in batch {
        for row in controls(conditions, n_steps, 1.0).chunks_exact(CONTROLS) {
            let known = [&row[HIT_KNOWN..HIT], &row[FEEL_KNOWN..VELOCITY]].concat();
            counts.extend(known.iter().map(|known| 1.0 - known));
        }
    }
    counts
}
