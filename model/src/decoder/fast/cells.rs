//! The decoder of cells for one CPU core: the same kernels, with a row drawn drum after drum between two steps.
//!
//! What the steps read besides the rows that were drawn is known before the first one. Its share of the sums is computed
//! for several steps at a time, so that these weights are read a few times and not 64. The rows that are read back are
//! mostly rests, and a product with 0 adds nothing, so only the others are multiplied.

mod start;
mod sums;

use super::kernel::{Layer, MAX_GROOVES, advance, pass_on};
use super::lanes::Lanes;
use super::network::{Cell, Columns, Dense, Matrix, Source};
use crate::activation::{silu, tanh};
use crate::conditions::Conditions;
use crate::decoder::cells::{CONTROLS, CellDecoder, Step, TEMPO, UNIFORMS, Within};
use crate::drums::N_VOICES;
use crate::fused::multiply_add;
use crate::groove::ROW;
use crate::layers;
use crate::temperature::Temperature;
use candle_core::Result;
use start::{Context, Start};
use std::sync::{Arc, OnceLock};
use sums::{add, add_some, add_strips};

/// Numbers of a row that is read back: the row, and that it is there.
const READ_BACK: usize = ROW + 1;

/// The decoder's weights in reading order.
#[derive(Debug)]
pub(super) struct CellNetwork {
    pub(super) n_steps: usize,
    pub(super) latent: usize,
    look_back: Vec<usize>,
    calibration: [f32; 2],
    fill_strength: f32,
    /// `[step][position]`.
    positions: Vec<Vec<f32>>,
    /// What reads the known cells forwards and backwards.
    known: [Cell; 2],
    /// What it says where nothing is known, as of most grooves: made for the first one.
    context_of_nothing: OnceLock<Arc<Context>>,
    /// z and tempo to the states of all layers.
    initial_state: Dense,
    /// To the first layer's input: z and tempo; what is known before the first step; the rows read back.
    embed: Dense,
    embed_context: Matrix,
    embed_rows: Matrix,
    cells: Vec<Cell>,
    /// To the hidden units of all drums: what is known before the first step; the last layer; the rows read back.
    hidden_context: Dense,
    hidden: Matrix,
    hidden_rows: Matrix,
    /// Hidden units to the numbers of each drum's cell.
    drums: Vec<Dense>,
    within: Within,
}

/// Grooves to decode together.
pub(super) struct CellJob<'a> {
    pub(super) zs: &'a [Vec<f32>],
    pub(super) conditions: &'a [Conditions],
    pub(super) temperature: Temperature,
    /// `[groove][step][UNIFORMS]`.
    pub(super) uniforms: &'a [f32],
    /// `[groove][step][ROW]`, silent.
    pub(super) rows: &'a mut [f32],
}

/// The state of at most `ROWS` grooves side by side; what fills the tile up is computed and not read.
struct Tile<const LANES: usize, const ROWS: usize> {
    /// What is read again at every step, of each groove.
    starts: Vec<Start>,
    layers: Vec<Layer<LANES, ROWS>>,
    /// The last layer's output, `[unit]`.
    h: Vec<[f32; ROWS]>,
    /// Hidden units before their activation, `[groove][unit]` with padding.
    hidden: Vec<f32>,
}

impl CellNetwork {
    /// `None` if a weight is not exactly a half.
    pub(super) fn pack(decoder: &CellDecoder) -> Result<Option<Self>> {
        let dense = |layer: &layers::Dense| Source::read(&layer.kernel, &layer.bias);
        let sizes = &decoder.sizes;
        let known = decoder.known.each_ref();
        let lstm = |layer: &crate::stack::Layer| Source::read(&layer.lstm.kernel, &layer.lstm.bias);
        let known = [lstm(known[0])?, lstm(known[1])?];
        let initial_state = dense(&decoder.stack.initial_state)?;
        let (embed, hidden) = (dense(&decoder.embed)?, dense(&decoder.hidden)?);
        let cells = decoder
            .stack
            .layers
            .iter()
            .map(lstm)
            .collect::<Result<Vec<_>>>()?;
        let bias = decoder.bias()?;
        let drums = (0..N_VOICES)
            .map(|drum| Source::read(&decoder.cell.get(drum)?, &bias.get(drum)?))
            .collect::<Result<Vec<_>>>()?;
        let all = [&initial_state, &embed, &hidden];
        let all = all.into_iter().chain(&known).chain(&cells).chain(&drums);
        if !all.into_iter().all(Source::is_exact) {
            return Ok(None);
        }
        let n_backs = READ_BACK * sizes.look_back.len();
        let n_units = cells.last().map_or(0, Source::n_units);
        let n_context = hidden.n_inputs() - n_units - n_backs;
        // The reference reads: last row, rows further back, context, z and tempo; and: h, rows further back, context.
        let embed_rows = 0..READ_BACK + n_backs;
        let embed_context = embed_rows.end..embed_rows.end + n_context;
        let embed_z = embed_context.end..embed.n_inputs();
        let hidden_rows = n_units..n_units + n_backs;
        let consecutive = Columns::Consecutive;
        Ok(Some(Self {
            n_steps: decoder.n_steps,
            latent: initial_state.n_inputs() - TEMPO,
            look_back: sizes.look_back.clone(),
            calibration: sizes.calibration,
            fill_strength: sizes.fill_strength,
            positions: decoder.positions.to_vec2()?,
            known: known.map(|source| source.cell(0..source.n_inputs())),
            context_of_nothing: OnceLock::new(),
            initial_state: initial_state.dense(),
            embed: embed.dense_of(embed_z),
            embed_context: embed.matrix(embed_context, consecutive),
            embed_rows: embed.matrix(embed_rows, consecutive),
            cells: cells
                .iter()
                .map(|source| source.cell(0..source.n_inputs()))
                .collect(),
            hidden_context: hidden.dense_of(hidden_rows.end..hidden.n_inputs()),
            hidden: hidden.matrix(0..n_units, consecutive),
            hidden_rows: hidden.matrix(hidden_rows, consecutive),
            drums: drums.iter().map(Source::dense).collect(),
            within: Within::of(decoder)?,
        }))
    }
}

/// Decodes all grooves of a job, at most [`MAX_GROOVES`] at a time.
#[inline(always)]
pub(super) fn decode<
    L: Lanes<LANES>,
    const LANES: usize,
    const STRIPS: usize,
    const ROWS: usize,
>(
    network: &CellNetwork,
    job: CellJob,
) {
    let grooves = job.zs.chunks(MAX_GROOVES);
    let grooves = grooves.zip(job.conditions.chunks(MAX_GROOVES));
    let uniforms = job
        .uniforms
        .chunks(MAX_GROOVES * network.n_steps * UNIFORMS);
    let rows = job.rows.chunks_mut(MAX_GROOVES * network.n_steps * ROW);
    for ((zs, conditions), (uniforms, rows)) in grooves.zip(uniforms.zip(rows)) {
        decode_together::<L, LANES, STRIPS, ROWS>(
            network,
            CellJob {
                zs,
                conditions,
                temperature: job.temperature,
                uniforms,
                rows,
            },
        );
    }
}

/// Decodes grooves side by side: each weight is read once a step.
#[inline(always)]
fn decode_together<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    network: &CellNetwork,
    job: CellJob,
) {
    let n_steps = network.n_steps;
    let temperature = job.temperature.times(network.calibration);
    let mut tiles: Vec<Tile<LANES, ROWS>> = Vec::new();
    for (zs, conditions) in job.zs.chunks(ROWS).zip(job.conditions.chunks(ROWS)) {
        let mut starts = Vec::with_capacity(ROWS);
        for (z, conditions) in zs.iter().zip(conditions) {
            starts.push(Start::new::<L, LANES, STRIPS>(network, z, conditions));
        }
        tiles.push(Tile::new(network, starts));
    }
    for step in 0..n_steps {
        for (tile, rows) in tiles.iter_mut().zip(job.rows.chunks(ROWS * n_steps * ROW)) {
            tile.begin::<L>(network, rows, step);
        }
        for (layer, cell) in network.cells.iter().enumerate() {
            for group in 0..cell.matrix.n_strips::<LANES>() / STRIPS {
                for tile in &mut tiles {
                    let layer = &mut tile.layers[layer];
                    advance::<L, LANES, STRIPS, ROWS>(cell, group * STRIPS, layer);
                }
            }
            for tile in &mut tiles {
                if let Some(h) = pass_on(&mut tile.layers, layer, cell.n_units) {
                    h.clone_into(&mut tile.h);
                }
            }
        }
        let n_strips = network.hidden.n_strips::<LANES>();
        for first in (0..n_strips).step_by(STRIPS) {
            for tile in &mut tiles {
                add_strips::<L, LANES, STRIPS, ROWS>(
                    &network.hidden,
                    first,
                    &tile.h,
                    &mut tile.hidden,
                );
            }
        }
        let rows = job.rows.chunks_mut(ROWS * n_steps * ROW);
        let uniforms = job.uniforms.chunks(ROWS * n_steps * UNIFORMS);
        for (tile, (rows, uniforms)) in tiles.iter_mut().zip(rows.zip(uniforms)) {
            tile.look_back::<L>(network, rows, step);
            tile.draw::<L, STRIPS>(network, temperature, step, uniforms, rows);
        }
    }
}

impl<const LANES: usize, const ROWS: usize> Tile<LANES, ROWS> {
    fn new(network: &CellNetwork, starts: Vec<Start>) -> Self {
        let mut states = vec![[0.0; ROWS]; network.initial_state.matrix.n_outputs()];
        for (groove, start) in starts.iter().enumerate() {
            for (state, value) in states.iter_mut().zip(&start.states) {
                state[groove] = *value;
            }
        }
        let mut rest = states.as_mut_slice();
        let mut layers = Vec::with_capacity(network.cells.len());
        for cell in &network.cells {
            let (state, others) = rest.split_at_mut(2 * cell.n_units);
            for value in state.iter_mut() {
                *value = tanh(*value);
            }
            layers.push(Layer::new(cell, state));
            rest = others;
        }
        Self {
            starts,
            layers,
            h: Vec::new(),
            hidden: vec![0.0; ROWS * network.hidden.n_outputs()],
        }
    }

    /// Begins a step: the first layer's input, and the hidden units without anything that this step decides. `rows`:
    /// `[groove][step][ROW]`.
    #[inline(always)]
    fn begin<L: Lanes<LANES>>(&mut self, network: &CellNetwork, rows: &[f32], step: usize) {
        let n_embedded = network.embed_rows.n_outputs();
        let n_hidden = network.hidden.n_outputs();
        let inputs = &mut self.layers[0].inputs;
        let n_below = inputs.len() - network.cells[0].n_units;
        let hidden = self.hidden.chunks_exact_mut(n_hidden);
        let grooves = self.starts.iter_mut().zip(hidden);
        for (groove, (start, hidden)) in grooves.enumerate() {
            let rows = &rows[groove * network.n_steps * ROW..];
            let lags = std::iter::once(&1).chain(&network.look_back);
            let read = numbers_read_back(rows, step, lags);
            let embedded = &mut start.embedded[step * n_embedded..][..n_embedded];
            add_some::<L, LANES>(&network.embed_rows, &read, embedded);
            for (input, value) in inputs[..n_below].iter_mut().zip(embedded) {
                input[groove] = *value;
            }
            hidden.copy_from_slice(&start.context.hidden[step * n_hidden..][..n_hidden]);
        }
    }

    /// Adds the share of the rows further back, the last one, to the hidden units. `rows`: `[groove][step][ROW]`.
    #[inline(always)]
    fn look_back<L: Lanes<LANES>>(&mut self, network: &CellNetwork, rows: &[f32], step: usize) {
        let rows = rows.chunks_exact(network.n_steps * ROW);
        let hidden = self.hidden.chunks_exact_mut(network.hidden.n_outputs());
        for (rows, hidden) in rows.zip(hidden) {
            let read = numbers_read_back(rows, step, network.look_back.iter());
            add_some::<L, LANES>(&network.hidden_rows, &read, hidden);
        }
    }

    /// Draws a step of each groove, drum after drum. `uniforms` and `rows`: `[groove][step][number]`.
    #[inline(always)]
    fn draw<L: Lanes<LANES>, const STRIPS: usize>(
        &mut self,
        network: &CellNetwork,
        temperature: Temperature,
        step: usize,
        uniforms: &[f32],
        rows: &mut [f32],
    ) {
        let (n_steps, n_hidden) = (network.n_steps, network.within.hidden());
        let n_outputs = network.hidden.n_outputs();
        let first = |groove: usize| groove * n_steps + step;
        let steps: Vec<Step> = self
            .starts
            .iter()
            .enumerate()
            .map(|(groove, start)| Step {
                back: network
                    .look_back
                    .iter()
                    .map(|&lag| row_before(&rows[groove * n_steps * ROW..], step, lag))
                    .collect(),
                controls: &start.context.controls[step * CONTROLS..][..CONTROLS],
                temperature,
                uniforms: &uniforms[first(groove) * UNIFORMS..][..UNIFORMS],
            })
            .collect();
        let mut active = vec![[0.0; ROWS]; n_hidden];
        for (drum, layer) in network.drums.iter().enumerate() {
            for (groove, hidden) in self.hidden.chunks_exact_mut(n_outputs).enumerate() {
                let own = &mut hidden[drum * n_hidden..][..n_hidden];
                silu(own);
                for (active, value) in active.iter_mut().zip(own) {
                    active[groove] = *value;
                }
            }
            let mut numbers = layer.sums().repeat(ROWS);
            add::<L, LANES, STRIPS, ROWS>(&layer.matrix, &active, &mut numbers);
            let numbers = numbers.chunks_exact_mut(layer.matrix.n_outputs());
            let hidden = self.hidden.chunks_exact_mut(n_outputs);
            let grooves = steps.iter().zip(numbers.zip(hidden));
            for (groove, (step, (numbers, hidden))) in grooves.enumerate() {
                let Some(feel) = network.within.draw(drum, numbers, step) else {
                    continue;
                };
                for (part, value) in [1.0, feel[0], feel[1]].into_iter().enumerate() {
                    rows[first(groove) * ROW + part * N_VOICES + drum] = value;
                    let weights = network.within.above(part, drum);
                    let below = (drum + 1) * n_hidden;
                    for (sum, weight) in hidden[below..].iter_mut().zip(&weights[below..]) {
                        *sum = multiply_add(value, *weight, *sum);
                    }
                }
            }
        }
    }
}

/// The row of a groove `lag` steps before `step`; `None` before the beginning.
#[inline(always)]
fn row_before(rows: &[f32], step: usize, lag: usize) -> Option<[f32; ROW]> {
    rows[step.checked_sub(lag)? * ROW..][..ROW].try_into().ok()
}

/// What a network reads that reads the rows of a groove so many steps before `step`, side by side: the number and value of
/// each input that is not 0. The last number of a row says that it is there.
fn numbers_read_back<'a>(
    rows: &[f32],
    step: usize,
    lags: impl Iterator<Item = &'a usize>,
) -> Vec<(usize, f32)> {
    let of_row = |(place, lag): (usize, &usize)| {
        let row = row_before(rows, step, *lag).unwrap_or([0.0; ROW]);
        let numbers = row.into_iter().chain([1.0]).enumerate();
        let first = place * READ_BACK;
        numbers.map(move |(number, value)| (first + number, value))
    };
    let numbers = lags.enumerate().flat_map(of_row);
    numbers.filter(|(_, value)| *value != 0.0).collect()
}
