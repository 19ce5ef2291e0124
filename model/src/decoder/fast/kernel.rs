//! The decoding loop, once for all instruction sets.
//!
//! Everything here is inlined into the functions that enable instructions. `STRIPS` strips of `LANES` outputs are summed
//! up for a tile of `ROWS` grooves at a time, and the gates are finished before the sums leave the registers.

use super::lanes::Lanes;
use super::network::{Cell, Dense, Matrix, Network, Sums, VECTORS, WIDTH};
use crate::activation::{sigmoid, tanh};
use crate::drums::N_VOICES;
use crate::fused::multiply_add;
use crate::groove::ROW;

/// Grooves decoded together: enough to read each weight rarely, few enough for their states to stay in the cache.
pub(super) const MAX_GROOVES: usize = 66;

/// Some grooves to decode; the shapes are those of `FastDecoder::decode`.
pub(super) struct Job<'a> {
    pub(super) n_grooves: usize,
    zs: &'a [f32],
    temperature: f32,
    uniforms: &'a [f32],
    rows: &'a mut [f32],
}

impl<'a> Job<'a> {
    /// Jobs of at most [`MAX_GROOVES`].
    pub(super) fn split(
        network: &Network,
        zs: &'a [f32],
        temperature: f32,
        uniforms: &'a [f32],
        rows: &'a mut [f32],
    ) -> impl Iterator<Item = Self> {
        let (latent, n_steps) = (network.latent, network.n_steps);
        zs.chunks(MAX_GROOVES * latent)
            .zip(uniforms.chunks(MAX_GROOVES * n_steps * N_VOICES))
            .zip(rows.chunks_mut(MAX_GROOVES * n_steps * ROW))
            .map(move |((zs, uniforms), rows)| Self {
                n_grooves: zs.len() / latent,
                zs,
                temperature,
                uniforms,
                rows,
            })
    }
}

/// The sums of a strip for each groove of a tile.
pub(super) type StripSums<const LANES: usize, const ROWS: usize> = [[[f32; LANES]; VECTORS]; ROWS];

/// The state of `ROWS` grooves; those that fill the last tile up decode a latent vector of zeros, unread.
struct Tile<const LANES: usize, const ROWS: usize> {
    layers: Vec<Layer<LANES, ROWS>>,
    /// What the output layer reads: the last layer's output, `[unit]`.
    h: Vec<[f32; ROWS]>,
    /// What the output layer writes, `[column]` with padding.
    logits: Vec<[f32; ROWS]>,
}

/// The state of one layer of `ROWS` grooves.
pub(super) struct Layer<const LANES: usize, const ROWS: usize> {
    /// From below, then the layer's own last output.
    pub(super) inputs: Vec<[f32; ROWS]>,
    /// The sums before any input, `[strip]`: the bias, and z's share in the first layer.
    start: Vec<StripSums<LANES, ROWS>>,
    /// The cell states, `[strip]`.
    cells: Vec<[[f32; LANES]; ROWS]>,
    /// The output of the running step, `[unit]` with padding; the other units still need the last one.
    pub(super) next_h: Vec<[f32; ROWS]>,
}

/// Decodes all grooves of a job.
#[inline(always)]
pub(super) fn decode<
    L: Lanes<LANES>,
    const LANES: usize,
    const STRIPS: usize,
    const ROWS: usize,
>(
    network: &Network,
    mut job: Job,
) {
    let mut tiles: Vec<Tile<LANES, ROWS>> = Vec::new();
    for zs in job.zs.chunks(ROWS * network.latent) {
        tiles.push(start::<L, LANES, ROWS>(network, zs));
    }
    for step in 0..network.n_steps {
        for (layer, cell) in network.cells.iter().enumerate() {
            let n_groups = cell.matrix.n_strips::<LANES>() / STRIPS;
            for group in 0..n_groups {
                for tile in &mut tiles {
                    advance::<L, LANES, STRIPS, ROWS>(
                        cell,
                        group * STRIPS,
                        &mut tile.layers[layer],
                    );
                }
            }
            for tile in &mut tiles {
                if let Some(h) = pass_on(&mut tile.layers, layer, cell.n_units) {
                    h.clone_into(&mut tile.h);
                }
            }
        }
        for (index, tile) in tiles.iter_mut().enumerate() {
            dense::<L, LANES, ROWS>(&network.output, &tile.h, &mut tile.logits);
            tile.emit(&mut job, index * ROWS, step * N_VOICES, step * ROW);
        }
    }
}

/// A tile before its first step; the previous row is all zeros there.
#[inline(always)]
fn start<L: Lanes<LANES>, const LANES: usize, const ROWS: usize>(
    network: &Network,
    zs: &[f32],
) -> Tile<LANES, ROWS> {
    let mut z = vec![[0.0; ROWS]; network.latent];
    for (row, source) in zs.chunks_exact(network.latent).enumerate() {
        for (z, source) in z.iter_mut().zip(source) {
            z[row] = *source;
        }
    }

    let mut states = vec![[0.0; ROWS]; network.initial_state.matrix.n_outputs()];
    dense::<L, LANES, ROWS>(&network.initial_state, &z, &mut states);
    let mut layers = Vec::with_capacity(network.cells.len());
    let mut rest = states.as_mut_slice();
    for cell in &network.cells {
        let (state, others) = rest.split_at_mut(2 * cell.n_units);
        for value in state.iter_mut() {
            *value = tanh(*value);
        }
        layers.push(Layer::new(cell, state));
        rest = others;
    }
    for (strip, start) in layers[0].start.iter_mut().enumerate() {
        [*start] = accumulate::<L, LANES, 1, ROWS>(&network.from_z, strip, &z, [*start]);
    }
    Tile {
        layers,
        h: Vec::new(),
        logits: vec![[0.0; ROWS]; network.output.matrix.n_outputs()],
    }
}

impl<const LANES: usize, const ROWS: usize> Layer<LANES, ROWS> {
    /// `state` is c, then h, each `[unit]`.
    pub(super) fn new(cell: &Cell, state: &[[f32; ROWS]]) -> Self {
        let (c, h) = state.split_at(cell.n_units);
        let n_strips = cell.matrix.n_strips::<LANES>();
        let mut inputs = vec![[0.0; ROWS]; cell.matrix.n_inputs];
        inputs[cell.matrix.n_inputs - cell.n_units..].copy_from_slice(h);
        let mut cells = vec![[[0.0; LANES]; ROWS]; n_strips];
        for (unit, c) in c.iter().enumerate() {
            for (row, c) in c.iter().enumerate() {
                cells[unit / LANES][row][unit % LANES] = *c;
            }
        }
        Self {
            inputs,
            start: (0..n_strips)
                .map(|strip| [strip_of(&cell.bias, strip); ROWS])
                .collect(),
            cells,
            next_h: vec![[0.0; ROWS]; n_strips * LANES],
        }
    }
}

impl<const LANES: usize, const ROWS: usize> Tile<LANES, ROWS> {
    /// Makes rows of the logits, and feeds them back. `uniform` and `value` are where the step begins in a groove's
    /// uniforms and rows.
    #[inline(always)]
    fn emit(&mut self, job: &mut Job, first_groove: usize, uniform: usize, value: usize) {
        let uniforms = job
            .uniforms
            .chunks_exact(job.uniforms.len() / job.n_grooves)
            .skip(first_groove);
        let rows = job
            .rows
            .chunks_exact_mut(job.rows.len() / job.n_grooves)
            .skip(first_groove);
        for (index, (uniforms, rows)) in uniforms.zip(rows).take(ROWS).enumerate() {
            let mut logits = [0.0; 2 * WIDTH];
            for (logit, column) in logits.iter_mut().zip(&self.logits) {
                *logit = column[index];
            }
            let row = &mut rows[value..][..ROW];
            row.copy_from_slice(&sample(
                logits,
                job.temperature,
                &uniforms[uniform..][..N_VOICES],
            ));
            for (input, value) in self.layers[0].inputs.iter_mut().zip(row) {
                input[index] = *value;
            }
        }
    }
}

/// Ends a layer's step: its output goes to itself and to the layer above, or is returned by the last one.
pub(super) fn pass_on<const LANES: usize, const ROWS: usize>(
    layers: &mut [Layer<LANES, ROWS>],
    layer: usize,
    n_units: usize,
) -> Option<&[[f32; ROWS]]> {
    let (below, above) = layers.split_at_mut(layer + 1);
    let layer = &mut below[layer];
    let h = &layer.next_h[..n_units];
    let n_below = layer.inputs.len() - n_units;
    layer.inputs[n_below..].copy_from_slice(h);
    match above.first_mut() {
        Some(above) => {
            above.inputs[..n_units].copy_from_slice(h);
            None
        }
        None => Some(h),
    }
}

/// One row: hits drawn, velocities and offsets as they are, in empty cells too.
#[inline(always)]
fn sample(logits: [f32; 2 * WIDTH], temperature: f32, uniforms: &[f32]) -> [f32; ROW] {
    let mut warm = logits;
    if temperature > 0.0 {
        for logit in &mut warm {
            *logit /= temperature;
        }
    }
    let (probabilities, velocities, offsets) = (sigmoid(warm), sigmoid(logits), tanh(logits));
    let mut row = [0.0; ROW];
    for voice in 0..N_VOICES {
        let hits = if temperature > 0.0 {
            uniforms[voice] < probabilities[voice]
        } else {
            probabilities[voice] >= 0.5
        };
        row[voice] = f32::from(u8::from(hits));
        row[N_VOICES + voice] = velocities[N_VOICES + voice];
        row[2 * N_VOICES + voice] = offsets[2 * N_VOICES + voice];
    }
    row
}

/// One step of `STRIPS` strips of an LSTM layer.
#[inline(always)]
pub(super) fn advance<
    L: Lanes<LANES>,
    const LANES: usize,
    const STRIPS: usize,
    const ROWS: usize,
>(
    cell: &Cell,
    first_strip: usize,
    layer: &mut Layer<LANES, ROWS>,
) {
    let mut sums = [[[[0.0; LANES]; VECTORS]; ROWS]; STRIPS];
    sums.copy_from_slice(&layer.start[first_strip..][..STRIPS]);
    let sums = accumulate::<L, LANES, STRIPS, ROWS>(&cell.matrix, first_strip, &layer.inputs, sums);
    for (strip, sums) in (first_strip..).zip(sums) {
        for (row, gates) in sums.into_iter().enumerate() {
            let c = &mut layer.cells[strip][row];
            let h;
            (*c, h) = finish(gates, *c);
            for (next, h) in layer.next_h[strip * LANES..][..LANES].iter_mut().zip(h) {
                next[row] = h;
            }
        }
    }
}

/// The new cell state and output of `LANES` units.
///
/// # Source
/// TensorFlow's `LSTMBlockCell`; the forget gate's 1 is in the bias.
#[inline(always)]
fn finish<const LANES: usize>(
    gates: [[f32; LANES]; VECTORS],
    c: [f32; LANES],
) -> ([f32; LANES], [f32; LANES]) {
    let [input, candidate, forget, output] = gates;
    let (input, candidate) = (sigmoid(input), tanh(candidate));
    let (forget, output) = (sigmoid(forget), sigmoid(output));
    let mut next = [0.0; LANES];
    for lane in 0..LANES {
        next[lane] = multiply_add(forget[lane], c[lane], input[lane] * candidate[lane]);
    }
    let mut h = tanh(next);
    for (h, output) in h.iter_mut().zip(output) {
        *h *= output;
    }
    (next, h)
}

/// A dense layer, `[input]` to `[output]` with padding.
#[inline(always)]
pub(super) fn dense<L: Lanes<LANES>, const LANES: usize, const ROWS: usize>(
    layer: &Dense,
    inputs: &[[f32; ROWS]],
    outputs: &mut [[f32; ROWS]],
) {
    for strip in 0..layer.matrix.n_strips::<LANES>() {
        let start = [strip_of(&layer.bias, strip); ROWS];
        let [sums] = accumulate::<L, LANES, 1, ROWS>(&layer.matrix, strip, inputs, [start]);
        let (block, first_lane) = Matrix::place_of::<LANES>(strip);
        for (row, vectors) in sums.iter().enumerate() {
            for (vector, values) in vectors.iter().enumerate() {
                let first = (block * VECTORS + vector) * WIDTH + first_lane;
                for (output, value) in outputs[first..][..LANES].iter_mut().zip(values) {
                    output[row] = *value;
                }
            }
        }
    }
}

/// Adds the inputs times their weights to the sums of `STRIPS` strips, each sum in the order of the inputs.
#[inline(always)]
pub(super) fn accumulate<
    L: Lanes<LANES>,
    const LANES: usize,
    const STRIPS: usize,
    const ROWS: usize,
>(
    matrix: &Matrix,
    first_strip: usize,
    inputs: &[[f32; ROWS]],
    mut sums: [StripSums<LANES, ROWS>; STRIPS],
) -> [StripSums<LANES, ROWS>; STRIPS] {
    let mut strips = [(&[][..], 0); STRIPS];
    for (index, strip) in strips.iter_mut().enumerate() {
        let (block, first_lane) = Matrix::place_of::<LANES>(first_strip + index);
        let weights = matrix.block(block);
        assert_eq!(weights.len(), inputs.len(), "a weight for every input");
        *strip = (weights, first_lane / LANES);
    }
    for (index, input) in inputs.iter().enumerate() {
        for (sums, (weights, part)) in sums.iter_mut().zip(strips) {
            // One vector of weights at a time: the inputs, the sums and it are all that registers have to hold.
            for (vector, halves) in weights[index].0.iter().enumerate() {
                let wide = L::widen(&halves.as_chunks().0[part]);
                for (sums, input) in sums.iter_mut().zip(input) {
                    sums[vector] = L::multiply_add(*input, wide, sums[vector]);
                }
            }
        }
    }
    sums
}

/// The part of `[block]` values that belongs to a strip.
#[inline(always)]
fn strip_of<const LANES: usize>(blocks: &[Sums], strip: usize) -> [[f32; LANES]; VECTORS] {
    let (block, first_lane) = Matrix::place_of::<LANES>(strip);
    let mut part = [[0.0; LANES]; VECTORS];
    for (part, vector) in part.iter_mut().zip(&blocks[block]) {
        part.copy_from_slice(&vector[first_lane..][..LANES]);
    }
    part
}
