//! The recurrent part of an LSTM layer over a whole sequence, as one tensor operation for the CPU.
//!
//! Automatic differentiation of 64 steps spends most of its time adding zero-filled gradients of the same weights.
//! Here the weights are packed once for a sequence, the gates are finished in vector registers, and the backward pass
//! leaves one large matrix product for the weights' gradient.

use super::Direction;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use std::sync::{Mutex, PoisonError};

/// Rows of the batch that one tile of the matrix product holds in registers, by the number of lanes in a vector:
/// four vectors of accumulators a row must fit the registers beside four vectors of weights.
const WIDE_TILE: usize = 6;
const NARROW_TILE: usize = 2;

/// `(projected, kernel, initial) -> h`.
///
/// # Shapes
/// `projected`: the input multiplied by its kernel, `[steps, batch, 4 * units]`; `kernel`: the recurrent rows and, as
/// the last row, the bias, `[units + 1, 4 * units]`; `initial`: c then h, `[batch, 2 * units]`; result
/// `[steps, batch, units]`.
pub(super) struct Recurrence {
    direction: Direction,
    /// What the backward pass needs of the forward pass.
    saved: Mutex<Option<Activations>>,
}

/// Values of a forward pass.
struct Activations {
    /// Gates i, g, f, o after their non-linearities, `[steps, batch, 4 * units]`.
    gates: Vec<f32>,
    /// Cells, `[steps, batch, units]`.
    cells: Vec<f32>,
}

impl Recurrence {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            saved: Mutex::new(None),
        }
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "lstm-recurrence"
    }

    fn cpu_fwd(
        &self,
        projected: &CpuStorage,
        projected_layout: &Layout,
        kernel: &CpuStorage,
        kernel_layout: &Layout,
        initial: &CpuStorage,
        initial_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (steps, batch, width) = projected_layout.shape().dims3()?;
        let sizes = Sizes {
            steps,
            batch,
            units: width / 4,
            direction: self.direction,
        };
        let (activations, outputs) = Arch::new().dispatch(ForwardPass {
            sizes,
            projected: contiguous(projected, projected_layout)?,
            kernel: contiguous(kernel, kernel_layout)?,
            initial: contiguous(initial, initial_layout)?,
        });
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(activations);
        let shape = Shape::from((steps, batch, sizes.units));
        Ok((CpuStorage::F32(outputs), shape))
    }

    fn bwd(
        &self,
        projected: &Tensor,
        kernel: &Tensor,
        initial: &Tensor,
        outputs: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (steps, batch, width) = projected.dims3()?;
        let sizes = Sizes {
            steps,
            batch,
            units: width / 4,
            direction: self.direction,
        };
        let saved = self
            .saved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(activations) = saved else {
            bail!("{}: the backward pass ran twice", self.name());
        };
        let gradient = flat(gradient)?;
        let kernel = flat(kernel)?;
        let initial_values = flat(initial)?;
        let gradients = Arch::new().dispatch(BackwardPass {
            sizes,
            activations,
            gradient: &gradient,
            kernel: &kernel,
            initial: &initial_values,
        });

        let gates = Tensor::from_vec(gradients.gates, (steps * batch, width), &Device::Cpu)?;
        let before = sizes.outputs_before(outputs, initial)?;
        let weights = before.t()?.matmul(&gates)?;
        let bias = Tensor::from_vec(gradients.bias, (1, width), &Device::Cpu)?;
        Ok((
            Some(gates.reshape((steps, batch, width))?),
            Some(Tensor::cat(&[weights, bias], 0)?),
            Some(Tensor::from_vec(
                gradients.initial,
                initial.shape(),
                &Device::Cpu,
            )?),
        ))
    }
}

/// The single-precision values of a tensor that lies in memory without gaps.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("lstm-recurrence needs contiguous tensors");
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => bail!("lstm-recurrence needs f32 tensors, not {:?}", other.dtype()),
    }
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    units: usize,
    direction: Direction,
}

impl Sizes {
    /// The step that is computed as number `i`.
    fn step(&self, i: usize) -> usize {
        match self.direction {
            Direction::Forward => i,
            Direction::Backward => self.steps - 1 - i,
        }
    }

    /// The output that each step started from, `[steps * batch, units]`: the one computed before it, or the initial.
    fn outputs_before(&self, outputs: &Tensor, initial: &Tensor) -> Result<Tensor> {
        let first = initial.narrow(1, self.units, self.units)?.unsqueeze(0)?;
        let last = self.steps - 1;
        let shifted = match self.direction {
            Direction::Forward => Tensor::cat(&[&first, &outputs.narrow(0, 0, last)?], 0)?,
            Direction::Backward => Tensor::cat(&[&outputs.narrow(0, 1, last)?, &first], 0)?,
        };
        shifted.reshape((self.steps * self.batch, self.units))
    }
}

struct ForwardPass<'a> {
    sizes: Sizes,
    projected: &'a [f32],
    kernel: &'a [f32],
    initial: &'a [f32],
}

impl WithSimd for ForwardPass<'_> {
    type Output = (Activations, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        if S::F32_LANES == 16 {
            forward::<S, WIDE_TILE>(simd, &self)
        } else {
            forward::<S, NARROW_TILE>(simd, &self)
        }
    }
}

#[inline(always)]
fn forward<S: Simd, const R: usize>(simd: S, pass: &ForwardPass) -> (Activations, Vec<f32>) {
    let Sizes {
        steps,
        batch,
        units,
        ..
    } = pass.sizes;
    let lanes = S::F32_LANES;
    let recurrent = &pass.kernel[..units * 4 * units];
    let bias = &pass.kernel[units * 4 * units..];
    // Vector g of block j holds gate g of the block's units, so that a tile ends with whole gates in registers.
    let packed = Packed::new::<S>(units, units.div_ceil(lanes), |k, j, g, l| {
        let unit = j * lanes + l;
        if unit < units {
            recurrent[k * 4 * units + g * units + unit]
        } else {
            0.0
        }
    });
    let mut gates = vec![0.0; steps * batch * 4 * units];
    let mut cells = vec![0.0; steps * batch * units];
    let mut outputs = vec![0.0; steps * batch * units];
    let mut cell: Vec<f32> = rows(pass.initial, 2 * units, 0, units);
    let mut output: Vec<f32> = rows(pass.initial, 2 * units, units, units);
    let mut tiles = Vec::new();
    let one = simd.splat_f32s(1.0);

    for t in (0..steps).map(|i| pass.sizes.step(i)) {
        tile_rows::<R>(&output, units, &mut tiles);
        for (j, block) in packed.blocks::<S>().enumerate() {
            let first = j * lanes;
            let n = lanes.min(units - first);
            for (tile, columns) in tiles.chunks_exact(units).enumerate() {
                let sums = multiply::<S, R>(simd, columns, block);
                for (r, sum) in sums.iter().enumerate() {
                    let row = tile * R + r;
                    if row >= batch {
                        break;
                    }
                    let at = (t * batch + row) * 4 * units + first;
                    let gate = |g: usize| {
                        let projected = &pass.projected[at + g * units..][..n];
                        let bias = &bias[g * units + first..][..n];
                        let input = simd.add_f32s(load(simd, projected), load(simd, bias));
                        simd.add_f32s(sum[g], input)
                    };
                    let i = sigmoid(simd, gate(0));
                    let g = tanh(simd, gate(1));
                    let f = sigmoid(simd, simd.add_f32s(gate(2), one));
                    let o = sigmoid(simd, gate(3));
                    let own = row * units + first;
                    let kept = simd.mul_f32s(f, load(simd, &cell[own..][..n]));
                    let c = simd.mul_add_f32s(i, g, kept);
                    let h = simd.mul_f32s(o, tanh(simd, c));
                    for (k, gate) in [i, g, f, o].into_iter().enumerate() {
                        store(simd, &mut gates[at + k * units..][..n], gate);
                    }
                    let here = (t * batch + row) * units + first;
                    store(simd, &mut cell[own..][..n], c);
                    store(simd, &mut cells[here..][..n], c);
                    store(simd, &mut outputs[here..][..n], h);
                }
            }
        }
        output.copy_from_slice(&outputs[t * batch * units..][..batch * units]);
    }
    (Activations { gates, cells }, outputs)
}

struct BackwardPass<'a> {
    sizes: Sizes,
    activations: Activations,
    gradient: &'a [f32],
    kernel: &'a [f32],
    initial: &'a [f32],
}

/// Gradients of everything but the recurrent weights, which are one matrix product away.
struct Gradients {
    /// Of the gates before their non-linearities, `[steps, batch, 4 * units]`.
    gates: Vec<f32>,
    /// `[4 * units]`.
    bias: Vec<f32>,
    /// `[batch, 2 * units]`.
    initial: Vec<f32>,
}

impl WithSimd for BackwardPass<'_> {
    type Output = Gradients;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        if S::F32_LANES == 16 {
            backward::<S, WIDE_TILE>(simd, self)
        } else {
            backward::<S, NARROW_TILE>(simd, self)
        }
    }
}

#[inline(always)]
fn backward<S: Simd, const R: usize>(simd: S, pass: BackwardPass) -> Gradients {
    let Sizes {
        steps,
        batch,
        units,
        ..
    } = pass.sizes;
    let lanes = S::F32_LANES;
    let width = 4 * units;
    let Activations { mut gates, cells } = pass.activations;
    // The transposed kernel: vector v of block j holds the units from (4 j + v) * lanes on.
    let packed = Packed::new::<S>(width, units.div_ceil(4 * lanes), |k, j, v, l| {
        let unit = (4 * j + v) * lanes + l;
        if unit < units {
            pass.kernel[unit * width + k]
        } else {
            0.0
        }
    });
    let initial_cell = rows(pass.initial, 2 * units, 0, units);
    let mut cell_gradient = vec![0.0; batch * units];
    let mut output_gradient = vec![0.0; batch * units];
    let mut tiles = Vec::new();
    let one = simd.splat_f32s(1.0);

    for i in (0..steps).rev() {
        let t = pass.sizes.step(i);
        let cells_before = match i {
            0 => &initial_cell[..],
            _ => &cells[pass.sizes.step(i - 1) * batch * units..][..batch * units],
        };
        for row in 0..batch {
            for first in (0..units).step_by(lanes) {
                let n = lanes.min(units - first);
                let own = row * units + first;
                let here = t * batch * units + own;
                let at = (t * batch + row) * width + first;
                let at_lanes = |values: &[f32], from: usize| load(simd, &values[from..][..n]);
                let i = at_lanes(&gates, at);
                let g = at_lanes(&gates, at + units);
                let f = at_lanes(&gates, at + 2 * units);
                let o = at_lanes(&gates, at + 3 * units);
                let output = simd.add_f32s(
                    at_lanes(pass.gradient, here),
                    at_lanes(&output_gradient, own),
                );
                let squashed = tanh(simd, at_lanes(&cells, here));
                let through = simd.mul_f32s(output, o);
                let cell = simd.mul_add_f32s(
                    through,
                    simd.negate_mul_add_f32s(squashed, squashed, one),
                    at_lanes(&cell_gradient, own),
                );
                // d sigmoid = s (1 - s), d tanh = 1 - tanh².
                let slope = |s| simd.mul_f32s(s, simd.sub_f32s(one, s));
                let input = simd.mul_f32s(simd.mul_f32s(cell, g), slope(i));
                let candidate =
                    simd.mul_f32s(simd.mul_f32s(cell, i), simd.negate_mul_add_f32s(g, g, one));
                let forget =
                    simd.mul_f32s(simd.mul_f32s(cell, at_lanes(cells_before, own)), slope(f));
                let exposed = simd.mul_f32s(simd.mul_f32s(output, squashed), slope(o));
                store(simd, &mut cell_gradient[own..][..n], simd.mul_f32s(cell, f));
                for (k, gate) in [input, candidate, forget, exposed].into_iter().enumerate() {
                    store(simd, &mut gates[at + k * units..][..n], gate);
                }
            }
        }
        tile_rows::<R>(
            &gates[t * batch * width..][..batch * width],
            width,
            &mut tiles,
        );
        for (j, block) in packed.blocks::<S>().enumerate() {
            for (tile, columns) in tiles.chunks_exact(width).enumerate() {
                let sums = multiply::<S, R>(simd, columns, block);
                for (r, sum) in sums.iter().enumerate() {
                    let row = tile * R + r;
                    if row >= batch {
                        break;
                    }
                    for (v, &values) in sum.iter().enumerate() {
                        let first = (4 * j + v) * lanes;
                        if first < units {
                            let n = lanes.min(units - first);
                            let own = row * units + first;
                            store(simd, &mut output_gradient[own..][..n], values);
                        }
                    }
                }
            }
        }
    }

    let mut bias = vec![0.0; width];
    for row in gates.chunks_exact(width) {
        for (sum, &value) in bias.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let initial = cell_gradient
        .chunks_exact(units)
        .zip(output_gradient.chunks_exact(units))
        .flat_map(|(c, h)| c.iter().chain(h).copied())
        .collect();
    Gradients {
        gates,
        bias,
        initial,
    }
}

/// Columns `first..first + n` of a matrix with rows of `width`.
fn rows(matrix: &[f32], width: usize, first: usize, n: usize) -> Vec<f32> {
    matrix
        .chunks_exact(width)
        .flat_map(|row| &row[first..first + n])
        .copied()
        .collect()
}

/// A matrix of `depth` rows, cut into blocks of four vectors of columns, each block's rows one after another.
struct Packed {
    values: Vec<f32>,
    block: usize,
}

impl Packed {
    /// Packs the matrix whose element in row k, lane l of vector v of block j is `element(k, j, v, l)`.
    #[inline(always)]
    fn new<S: Simd>(
        depth: usize,
        n_blocks: usize,
        element: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let lanes = S::F32_LANES;
        let mut values = Vec::with_capacity(n_blocks * depth * 4 * lanes);
        for j in 0..n_blocks {
            for k in 0..depth {
                for v in 0..4 {
                    values.extend((0..lanes).map(|l| element(k, j, v, l)));
                }
            }
        }
        Self {
            values,
            block: depth * 4 * lanes,
        }
    }

    #[inline(always)]
    fn blocks<S: Simd>(&self) -> impl Iterator<Item = &[[S::f32s; 4]]> {
        self.values
            .chunks_exact(self.block)
            .map(|block| S::as_simd_f32s(block).0.as_chunks().0)
    }
}

/// Rearranges the rows of a matrix with `width` columns into tiles of `R` rows, column by column; the last tile is
/// filled up with zeros.
fn tile_rows<const R: usize>(matrix: &[f32], width: usize, tiles: &mut Vec<[f32; R]>) {
    let n_tiles = (matrix.len() / width).div_ceil(R);
    tiles.clear();
    tiles.resize(n_tiles * width, [0.0; R]);
    for (row, values) in matrix.chunks_exact(width).enumerate() {
        let tile = &mut tiles[row / R * width..][..width];
        for (column, &value) in tile.iter_mut().zip(values) {
            column[row % R] = value;
        }
    }
}

/// `tile * block`. The sums are a local value, or the compiler would keep them in memory instead of registers.
#[inline(always)]
fn multiply<S: Simd, const R: usize>(
    simd: S,
    tile: &[[f32; R]],
    block: &[[S::f32s; 4]],
) -> [[S::f32s; 4]; R] {
    let mut sums = [[simd.splat_f32s(0.0); 4]; R];
    for (column, weights) in tile.iter().zip(block) {
        for (sum, &value) in sums.iter_mut().zip(column) {
            let value = simd.splat_f32s(value);
            for (sum, &weight) in sum.iter_mut().zip(weights) {
                *sum = simd.mul_add_f32s(value, weight, *sum);
            }
        }
    }
    sums
}

/// The vector that starts with `values`, filled up with zeros. (pulp's partial load is a call of its own, far too dear
/// where the vector is whole.)
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    match S::as_simd_f32s(values) {
        ([whole], []) => *whole,
        _ => simd.partial_load_f32s(values),
    }
}

/// Writes as many lanes as `values` has room for.
#[inline(always)]
fn store<S: Simd>(simd: S, values: &mut [f32], vector: S::f32s) {
    match S::as_mut_simd_f32s(values) {
        ([whole], []) => *whole = vector,
        _ => simd.partial_store_f32s(values, vector),
    }
}

#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// tanh x = 2 σ(2x) − 1.
#[inline(always)]
fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let two = simd.splat_f32s(2.0);
    simd.mul_add_f32s(
        two,
        sigmoid(simd, simd.mul_f32s(two, x)),
        simd.splat_f32s(-1.0),
    )
}

/// eˣ within 2 units in the last place, for x clamped to ±87: 2ⁿ eʳ with |r| ≤ ½ ln 2.
///
/// # Source
/// Cephes `expf`: the split of ln 2 and the polynomial.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(
        simd.splat_f32s(-87.0),
        simd.min_f32s(simd.splat_f32s(87.0), x),
    );
    // Adding 1.5 · 2²³ leaves the nearest whole number in the low bits of the sum.
    let shift = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), shift);
    let n = simd.sub_f32s(shifted, shift);
    let r = simd.negate_mul_add_f32s(n, simd.splat_f32s(0.693_359_4), x);
    let r = simd.negate_mul_add_f32s(n, simd.splat_f32s(-2.121_944_4e-4), r);
    let polynomial = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
        1.0,
        1.0,
    ]
    .into_iter()
    .fold(simd.splat_f32s(0.0), |sum, coefficient| {
        simd.mul_add_f32s(sum, r, simd.splat_f32s(coefficient))
    });
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(polynomial), exponent))
}
