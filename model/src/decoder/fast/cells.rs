//! The decoder of cells for one CPU core: the same kernels, with a row drawn drum after drum between two steps.

use super::kernel::{Layer, accumulate, advance, dense};
use super::lanes::Lanes;
use super::network::{Cell, Columns, Dense, Matrix, Source, VECTORS, WIDTH};
use crate::activation::{silu, tanh};
use crate::conditions::Conditions;
use crate::decoder::cells::{
    CONTROLS, CellDecoder, Step, TEMPO, UNIFORMS, Within, controls, tempo,
};
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::layers;
use crate::temperature::Temperature;
use candle_core::Result;

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
    /// z and tempo to the states of all layers.
    initial_state: Dense,
    /// z, tempo and a step's context to the first layer's input; then what the rows read back add to it.
    embed: Dense,
    embed_rows: Matrix,
    cells: Vec<Cell>,
    /// A step's context to the hidden units of all drums; then what the last layer and the rows add to them.
    hidden: Dense,
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
        let embed_z = embed_rows.end + n_context..embed.n_inputs();
        let embed_context = embed_rows.end..embed_rows.end + n_context;
        let hidden_rows = 0..n_units + n_backs;
        let consecutive = Columns::Consecutive;
        Ok(Some(Self {
            n_steps: decoder.n_steps,
            latent: initial_state.n_inputs() - TEMPO,
            look_back: sizes.look_back.clone(),
            calibration: sizes.calibration,
            fill_strength: sizes.fill_strength,
            positions: decoder.positions.to_vec2()?,
            known: known.map(|source| source.cell(0..source.n_inputs())),
            initial_state: initial_state.dense(),
            embed: embed.dense_of(embed_z.chain(embed_context)),
            embed_rows: embed.matrix(embed_rows, consecutive),
            cells: cells
                .iter()
                .map(|source| source.cell(0..source.n_inputs()))
                .collect(),
            hidden: hidden.dense_of(hidden_rows.end..hidden.n_inputs()),
            hidden_rows: hidden.matrix(hidden_rows, consecutive),
            drums: drums.iter().map(Source::dense).collect(),
            within: Within::of(decoder)?,
        }))
    }
}

/// Decodes all grooves of a job, `ROWS` at a time.
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
    let (n_rows, n_uniforms) = (network.n_steps * ROW, network.n_steps * UNIFORMS);
    let grooves = job.zs.chunks(ROWS).zip(job.conditions.chunks(ROWS));
    let numbers = job
        .uniforms
        .chunks(ROWS * n_uniforms)
        .zip(job.rows.chunks_mut(ROWS * n_rows));
    for ((zs, conditions), (uniforms, rows)) in grooves.zip(numbers) {
        decode_tile::<L, LANES, STRIPS, ROWS>(
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

/// At most `ROWS` grooves side by side; what fills the tile up is computed and not read.
#[inline(always)]
fn decode_tile<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    network: &CellNetwork,
    job: CellJob,
) {
    let n_steps = network.n_steps;
    let controls: Vec<Vec<f32>> = job
        .conditions
        .iter()
        .map(|one| controls(one, n_steps, network.fill_strength))
        .collect();
    let contexts = contexts::<L, LANES, STRIPS, ROWS>(network, &controls);
    let mut z = vec![[0.0; ROWS]; network.latent + TEMPO];
    for (groove, (values, conditions)) in job.zs.iter().zip(job.conditions).enumerate() {
        for (z, value) in z
            .iter_mut()
            .zip(values.iter().copied().chain(tempo(conditions)))
        {
            z[groove] = value;
        }
    }
    let mut layers = start::<L, LANES, ROWS>(network, &z);
    let temperature = job.temperature.times(network.calibration);
    let n_embedding = network.embed.matrix.n_outputs();
    let mut embedded = vec![[0.0; ROWS]; n_embedding];
    let mut hidden = vec![[0.0; ROWS]; network.hidden.matrix.n_outputs()];
    for (step, context) in contexts.iter().enumerate() {
        let read_back = |lag: usize| read_back::<ROWS>(job.rows, n_steps, step, lag);
        let backs: Vec<[f32; ROWS]> = network
            .look_back
            .iter()
            .flat_map(|&lag| read_back(lag))
            .collect();

        let given = [z.as_slice(), context].concat();
        dense::<L, LANES, ROWS>(&network.embed, &given, &mut embedded);
        let read = [&read_back(1)[..], &backs].concat();
        add::<L, LANES, ROWS>(&network.embed_rows, &read, &mut embedded);
        let mut input = &embedded[..];
        for (layer, cell) in layers.iter_mut().zip(&network.cells) {
            let n_below = layer.inputs.len() - cell.n_units;
            layer.inputs[..n_below].copy_from_slice(&input[..n_below]);
            step_layer::<L, LANES, STRIPS, ROWS>(cell, layer);
            input = &layer.next_h[..cell.n_units];
        }
        dense::<L, LANES, ROWS>(&network.hidden, context, &mut hidden);
        let read = [input, &backs].concat();
        add::<L, LANES, ROWS>(&network.hidden_rows, &read, &mut hidden);

        let steps: Vec<Step> = controls
            .iter()
            .enumerate()
            .map(|(groove, controls)| Step {
                back: network
                    .look_back
                    .iter()
                    .map(|&lag| row_before(job.rows, n_steps, groove, step, lag))
                    .collect(),
                controls: &controls[step * CONTROLS..][..CONTROLS],
                temperature,
                uniforms: &job.uniforms[(groove * n_steps + step) * UNIFORMS..][..UNIFORMS],
            })
            .collect();
        draw_rows::<L, LANES, ROWS>(network, &steps, &mut hidden, |groove, column, value| {
            job.rows[(groove * n_steps + step) * ROW + column] = value;
        });
    }
}

/// What each step reads besides the rows, `[step][number][groove]`: what the known cells mean, those cells, and the place.
#[inline(always)]
fn contexts<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    network: &CellNetwork,
    controls: &[Vec<f32>],
) -> Vec<Vec<[f32; ROWS]>> {
    let n_steps = network.n_steps;
    let at = |step: usize| -> Vec<[f32; ROWS]> {
        let mut row = vec![[0.0; ROWS]; CONTROLS];
        for (groove, controls) in controls.iter().enumerate() {
            for (place, value) in row.iter_mut().zip(&controls[step * CONTROLS..][..CONTROLS]) {
                place[groove] = *value;
            }
        }
        row
    };
    let read = |cell: &Cell, steps: &mut dyn Iterator<Item = usize>| {
        let mut layer = Layer::<LANES, ROWS>::new(cell, &vec![[0.0; ROWS]; 2 * cell.n_units]);
        let mut outputs = vec![Vec::new(); n_steps];
        for step in steps {
            layer.inputs[..CONTROLS].copy_from_slice(&at(step));
            step_layer::<L, LANES, STRIPS, ROWS>(cell, &mut layer);
            outputs[step] = layer.next_h[..cell.n_units].to_vec();
        }
        outputs
    };
    let [forward, backward] = &network.known;
    let forward = read(forward, &mut (0..n_steps));
    let backward = read(backward, &mut (0..n_steps).rev());
    (0..n_steps)
        .map(|step| {
            let position = network.positions[step].iter().map(|value| [*value; ROWS]);
            let known = [forward[step].as_slice(), &backward[step], &at(step)].concat();
            known.into_iter().chain(position).collect()
        })
        .collect()
}

/// The layers before the first step.
#[inline(always)]
fn start<L: Lanes<LANES>, const LANES: usize, const ROWS: usize>(
    network: &CellNetwork,
    z: &[[f32; ROWS]],
) -> Vec<Layer<LANES, ROWS>> {
    let mut states = vec![[0.0; ROWS]; network.initial_state.matrix.n_outputs()];
    dense::<L, LANES, ROWS>(&network.initial_state, z, &mut states);
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
    layers
}

/// One step of an LSTM layer whose inputs from below are in place.
#[inline(always)]
fn step_layer<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    cell: &Cell,
    layer: &mut Layer<LANES, ROWS>,
) {
    for group in 0..cell.matrix.n_strips::<LANES>() / STRIPS {
        advance::<L, LANES, STRIPS, ROWS>(cell, group * STRIPS, layer);
    }
    let n_below = layer.inputs.len() - cell.n_units;
    let (inputs, h) = (&mut layer.inputs[n_below..], &layer.next_h[..cell.n_units]);
    inputs.copy_from_slice(h);
}

/// Adds what a matrix makes of `inputs` to `outputs`.
#[inline(always)]
fn add<L: Lanes<LANES>, const LANES: usize, const ROWS: usize>(
    matrix: &Matrix,
    inputs: &[[f32; ROWS]],
    outputs: &mut [[f32; ROWS]],
) {
    for strip in 0..matrix.n_strips::<LANES>() {
        let (block, first_lane) = Matrix::place_of::<LANES>(strip);
        let first = |vector: usize| (block * VECTORS + vector) * WIDTH + first_lane;
        let mut sums = [[[0.0; LANES]; VECTORS]; ROWS];
        for (row, vectors) in sums.iter_mut().enumerate() {
            for (vector, values) in vectors.iter_mut().enumerate() {
                for (value, output) in values.iter_mut().zip(&outputs[first(vector)..]) {
                    *value = output[row];
                }
            }
        }
        let [sums] = accumulate::<L, LANES, 1, ROWS>(matrix, strip, inputs, [sums]);
        for (row, vectors) in sums.iter().enumerate() {
            for (vector, values) in vectors.iter().enumerate() {
                for (output, value) in outputs[first(vector)..].iter_mut().zip(values) {
                    output[row] = *value;
                }
            }
        }
    }
}

/// The row of a groove `lag` steps before `step`; `None` before the beginning.
#[inline(always)]
fn row_before(
    rows: &[f32],
    n_steps: usize,
    groove: usize,
    step: usize,
    lag: usize,
) -> Option<[f32; ROW]> {
    let first = (groove * n_steps + step.checked_sub(lag)?) * ROW;
    rows[first..][..ROW].try_into().ok()
}

/// The rows of all grooves `lag` steps before `step`, and that they are there.
#[inline(always)]
fn read_back<const ROWS: usize>(
    rows: &[f32],
    n_steps: usize,
    step: usize,
    lag: usize,
) -> [[f32; ROWS]; READ_BACK] {
    let mut read = [[0.0; ROWS]; READ_BACK];
    for groove in 0..rows.len() / (n_steps * ROW) {
        let row = row_before(rows, n_steps, groove, step, lag).unwrap_or([0.0; ROW]);
        for (place, value) in read.iter_mut().zip(row) {
            place[groove] = value;
        }
    }
    read[ROW] = [1.0; ROWS];
    read
}

/// Draws a step of each groove, drum after drum; `write` is told each number of a row that is not 0.
#[inline(always)]
fn draw_rows<L: Lanes<LANES>, const LANES: usize, const ROWS: usize>(
    network: &CellNetwork,
    steps: &[Step],
    hidden: &mut [[f32; ROWS]],
    mut write: impl FnMut(usize, usize, f32),
) {
    let n_hidden = network.within.hidden();
    let mut active = vec![[0.0; ROWS]; n_hidden];
    let mut numbers = [[0.0; ROWS]; VECTORS * WIDTH];
    for (drum, layer) in network.drums.iter().enumerate() {
        active.copy_from_slice(&hidden[drum * n_hidden..][..n_hidden]);
        silu(active.as_flattened_mut());
        dense::<L, LANES, ROWS>(layer, &active, &mut numbers);
        for (groove, step) in steps.iter().enumerate() {
            let mut cell = numbers.map(|number| number[groove]);
            let Some(feel) = network.within.draw(drum, &mut cell, step) else {
                continue;
            };
            let values = [1.0, feel[0], feel[1]];
            for (part, value) in values.into_iter().enumerate() {
                write(groove, part * N_VOICES + drum, value);
                let weights = network.within.above(part, drum);
                let below = (drum + 1) * n_hidden;
                for (sum, weight) in hidden[below..].iter_mut().zip(&weights[below..]) {
                    sum[groove] = value.mul_add(*weight, sum[groove]);
                }
            }
        }
    }
}
