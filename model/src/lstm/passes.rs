//! The forward and the backward pass of an LSTM layer over a sequence.
//!
//! Input and recurrence are one matrix product per step, whose tiles end with whole gates in registers. Everything is
//! blocked (see [`super::blocks`]) from the first step to the gradient of the weights.

use super::blocks::{
    Aligned, add, export, fours, fours_mut, import, multiply, multiply_transposed,
};
use super::vector::{load, sigmoid, store, tanh};
use super::{Direction, Outputs};
use pulp::{Simd, WithSimd};

/// Rows that a tile of a matrix product holds in registers, four vectors each, beside four vectors of weights: with 32
/// registers and with 16. A tile of columns must not be wider than a vector.
const WIDE_TILE: usize = 4;
const NARROW_TILE: usize = 2;

/// Rows of a batch times steps over which the gradient of the weights is summed before it goes back to memory.
const GRADIENT_DEPTH: usize = 64;

/// What a pass computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) input: usize,
    pub(super) units: usize,
    pub(super) direction: Direction,
    pub(super) outputs: Outputs,
}

impl Sizes {
    /// The step that is computed as number `i`.
    fn step(&self, i: usize) -> usize {
        match self.direction {
            Direction::Forward => i,
            Direction::Backward => self.steps - 1 - i,
        }
    }

    /// The part of the outputs, or of their gradient, that belongs to the step computed as number `i`.
    fn output(&self, i: usize) -> Option<std::ops::Range<usize>> {
        let size = self.batch * self.units;
        match self.outputs {
            Outputs::Every => Some(self.step(i) * size..(self.step(i) + 1) * size),
            Outputs::Last => (i + 1 == self.steps).then_some(0..size),
        }
    }
}

/// Values of a forward pass, in the order in which steps were computed; all blocked.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// The input of each step and the output of the one before, `[steps + 1][input + units]`. The last input is unused.
    inputs: Aligned,
    /// Cells before each step and after the last one, `[steps + 1][units]`.
    cells: Aligned,
    /// Gates i, g, f, o after their non-linearities, `[steps][units]`, four vectors each.
    gates: Aligned,
    /// The kernel in the order in which a pass reads it; not kept from one pass to the next.
    packed: Aligned,
}

/// The sizes of blocked matrices, in numbers.
#[derive(Clone, Copy)]
struct Blocked {
    lanes: usize,
    /// Rows of the batch, filled up to whole tiles.
    rows: usize,
    /// A batch of inputs.
    input: usize,
    /// A batch of units.
    units: usize,
}

impl Blocked {
    fn new<S: Simd, const R: usize>(sizes: &Sizes) -> Self {
        let lanes = S::F32_LANES;
        let rows = sizes.batch.next_multiple_of(R);
        Self {
            lanes,
            rows,
            input: rows * sizes.input.next_multiple_of(lanes),
            units: rows * sizes.units.next_multiple_of(lanes),
        }
    }

    /// A batch of inputs and units.
    fn joint(&self) -> usize {
        self.input + self.units
    }

    /// Blocks of units.
    fn unit_blocks(&self) -> usize {
        self.units / (self.rows * self.lanes)
    }

    /// Rows of the kernel, filled up to whole vectors for input and for units.
    fn depth(&self) -> usize {
        self.joint() / self.rows
    }

    /// The row of the kernel, if there is one, that row `k` of the filled-up kernel is.
    fn kernel_row(&self, sizes: &Sizes, k: usize) -> Option<usize> {
        let input = self.input / self.rows;
        if k < input {
            (k < sizes.input).then_some(k)
        } else {
            (k - input < sizes.units).then_some(k - input + sizes.input)
        }
    }
}

/// See [`super::sequence::Sequence`] for the shapes.
pub(super) struct ForwardPass<'a> {
    pub(super) sizes: Sizes,
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    pub(super) state: &'a [f32],
    /// Memory of an earlier pass, or nothing.
    pub(super) activations: Activations,
}

impl WithSimd for ForwardPass<'_> {
    type Output = (Activations, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        match S::F32_LANES {
            16 => forward::<S, WIDE_TILE>(simd, self),
            1 => forward::<S, 1>(simd, self),
            _ => forward::<S, NARROW_TILE>(simd, self),
        }
    }
}

#[inline(always)]
fn forward<S: Simd, const R: usize>(simd: S, pass: ForwardPass) -> (Activations, Vec<f32>) {
    let Sizes {
        steps,
        batch,
        input,
        units,
        ..
    } = pass.sizes;
    let blocked = Blocked::new::<S, R>(&pass.sizes);
    let (lanes, rows) = (blocked.lanes, blocked.rows);
    let (cell, state) = pass.state.split_at(batch * units);
    let (output, bias) = state.split_at(batch * units);
    let bias = pack_bias::<S>(simd, bias, &blocked);

    let Activations {
        mut inputs,
        mut cells,
        mut gates,
        mut packed,
    } = pass.activations;
    pack(simd, &pass.sizes, &blocked, pass.kernel, &mut packed);
    inputs.resize((steps + 1) * blocked.joint());
    cells.resize((steps + 1) * blocked.units);
    gates.resize(steps * 4 * blocked.units);
    import(simd, cell, units, &mut cells[..blocked.units], rows);
    let first = &mut inputs[blocked.input..blocked.joint()];
    import(simd, output, units, first, rows);
    let mut outputs = vec![
        0.0;
        match pass.sizes.outputs {
            Outputs::Every => steps * batch * units,
            Outputs::Last => batch * units,
        }
    ];

    for i in 0..steps {
        let (now, next) = inputs[i * blocked.joint()..].split_at_mut(blocked.joint());
        let next = &mut next[blocked.input..blocked.joint()];
        let (before, after) = cells[i * blocked.units..].split_at_mut(blocked.units);
        let gates = &mut gates[i * 4 * blocked.units..][..4 * blocked.units];
        let x = &pass.x[pass.sizes.step(i) * batch * input..][..batch * input];
        import(simd, x, input, &mut now[..blocked.input], rows);
        for j in 0..blocked.unit_blocks() {
            let weights = &packed[j * blocked.depth() * 4 * lanes..][..blocked.depth() * 4 * lanes];
            let start = fours::<S>(&bias)[j];
            for row in (0..rows).step_by(R) {
                let sums =
                    multiply::<S, R>(simd, now, (rows, lanes), row, fours::<S>(weights), start);
                for (r, &[i, g, f, o]) in sums.iter().enumerate() {
                    let at = (j * rows + row + r) * lanes;
                    let i = sigmoid(simd, i);
                    let g = tanh(simd, g);
                    let f = sigmoid(simd, f);
                    let o = sigmoid(simd, o);
                    let kept = simd.mul_f32s(f, load(simd, &before[at..][..lanes]));
                    let c = simd.mul_add_f32s(i, g, kept);
                    let h = simd.mul_f32s(o, tanh(simd, c));
                    fours_mut::<S>(&mut gates[4 * at..][..4 * lanes])[0] = [i, g, f, o];
                    store(simd, &mut after[at..][..lanes], c);
                    store(simd, &mut next[at..][..lanes], h);
                }
            }
        }
        if let Some(own) = pass.sizes.output(i) {
            export(simd, next, rows, &mut outputs[own], units);
        }
    }
    let activations = Activations {
        inputs,
        cells,
        gates,
        packed,
    };
    (activations, outputs)
}

/// The kernel `[input + units, 4 * units]`, filled up, as `[blocks of units][depth]` with four vectors each: the four
/// gates of the block's units.
#[inline(always)]
fn pack<S: Simd>(simd: S, sizes: &Sizes, blocked: &Blocked, kernel: &[f32], packed: &mut Aligned) {
    let (lanes, units) = (S::F32_LANES, sizes.units);
    packed.clear(blocked.unit_blocks() * blocked.depth() * 4 * lanes);
    for k in 0..blocked.depth() {
        let Some(row) = blocked.kernel_row(sizes, k) else {
            continue;
        };
        let row = &kernel[row * 4 * units..][..4 * units];
        for j in 0..blocked.unit_blocks() {
            let first = j * lanes;
            let n = lanes.min(units - first);
            let four = &mut packed[(j * blocked.depth() + k) * 4 * lanes..][..4 * lanes];
            for (g, vector) in four.chunks_exact_mut(lanes).enumerate() {
                store(simd, vector, load(simd, &row[g * units + first..][..n]));
            }
        }
    }
}

/// The opposite of [`pack`].
#[inline(always)]
fn unpack<S: Simd>(simd: S, sizes: &Sizes, blocked: &Blocked, packed: &[f32]) -> Vec<f32> {
    let (lanes, units) = (S::F32_LANES, sizes.units);
    let mut kernel = vec![0.0; (sizes.input + units) * 4 * units];
    for k in 0..blocked.depth() {
        let Some(row) = blocked.kernel_row(sizes, k) else {
            continue;
        };
        let row = &mut kernel[row * 4 * units..][..4 * units];
        for j in 0..blocked.unit_blocks() {
            let first = j * lanes;
            let n = lanes.min(units - first);
            let four = &packed[(j * blocked.depth() + k) * 4 * lanes..][..4 * lanes];
            for (g, vector) in four.chunks_exact(lanes).enumerate() {
                store(simd, &mut row[g * units + first..][..n], load(simd, vector));
            }
        }
    }
    kernel
}

/// The bias as four vectors per block of units, the forget gate's one higher.
#[inline(always)]
fn pack_bias<S: Simd>(simd: S, bias: &[f32], blocked: &Blocked) -> Aligned {
    let lanes = S::F32_LANES;
    let units = bias.len() / 4;
    let mut packed = Aligned::zeros(blocked.unit_blocks() * 4 * lanes);
    for (j, four) in packed.chunks_exact_mut(4 * lanes).enumerate() {
        let first = j * lanes;
        let n = lanes.min(units - first);
        for (g, vector) in four.chunks_exact_mut(lanes).enumerate() {
            let raise = simd.splat_f32s(if g == 2 { 1.0 } else { 0.0 });
            let values = load(simd, &bias[g * units + first..][..n]);
            store(simd, vector, simd.add_f32s(values, raise));
        }
    }
    packed
}

/// See [`super::sequence::Sequence`] for the shapes.
pub(super) struct BackwardPass<'a> {
    pub(super) sizes: Sizes,
    /// The gates become their gradients.
    pub(super) activations: &'a mut Activations,
    pub(super) kernel: &'a [f32],
    /// Of the outputs.
    pub(super) gradient: &'a [f32],
    /// Whether the gradient of the input is of use.
    pub(super) through: bool,
}

/// Gradients, each in the shape of what it belongs to.
pub(super) struct Gradients {
    pub(super) x: Option<Vec<f32>>,
    pub(super) kernel: Vec<f32>,
    pub(super) state: Vec<f32>,
}

impl WithSimd for BackwardPass<'_> {
    type Output = Gradients;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        match S::F32_LANES {
            16 => backward::<S, WIDE_TILE>(simd, self),
            1 => backward::<S, 1>(simd, self),
            _ => backward::<S, NARROW_TILE>(simd, self),
        }
    }
}

#[inline(always)]
fn backward<S: Simd, const R: usize>(simd: S, pass: BackwardPass) -> Gradients {
    let Sizes {
        steps,
        batch,
        input,
        units,
        ..
    } = pass.sizes;
    let blocked = Blocked::new::<S, R>(&pass.sizes);
    let (lanes, rows) = (blocked.lanes, blocked.rows);
    let Activations {
        inputs,
        cells,
        gates,
        packed,
    } = pass.activations;
    let input_blocks = if pass.through {
        blocked.input / (rows * lanes)
    } else {
        0
    };
    pack_transposed::<S>(&pass.sizes, &blocked, input_blocks, pass.kernel, packed);
    let depth = 4 * lanes * blocked.unit_blocks();
    let mut x = vec![
        0.0;
        if pass.through {
            steps * batch * input
        } else {
            0
        }
    ];
    let mut joint = Aligned::zeros(packed.len() / depth * rows);
    let mut cell_gradient = Aligned::zeros(blocked.units);
    let mut bias = Aligned::zeros(4 * lanes * blocked.unit_blocks());

    for i in (0..steps).rev() {
        let output_gradient = &mut joint[input_blocks * rows * lanes..][..blocked.units];
        if let Some(own) = pass.sizes.output(i) {
            add(simd, &pass.gradient[own], units, output_gradient, rows);
        }
        let gates = &mut gates[i * 4 * blocked.units..][..4 * blocked.units];
        let (before, after) = cells[i * blocked.units..].split_at(blocked.units);
        for j in 0..blocked.unit_blocks() {
            let block = j * rows * lanes..(j + 1) * rows * lanes;
            let bias = &mut fours_mut::<S>(&mut bias)[j];
            *bias = gate_gradients(
                simd,
                &mut fours_mut::<S>(gates)[j * rows..][..rows],
                S::as_simd_f32s(&before[block.clone()]).0,
                S::as_simd_f32s(&after[block.clone()]).0,
                S::as_simd_f32s(&output_gradient[block.clone()]).0,
                S::as_mut_simd_f32s(&mut cell_gradient[block]).0,
                *bias,
            );
        }
        for (v, columns) in packed.chunks_exact(depth * 4 * lanes).enumerate() {
            for row in (0..rows).step_by(R) {
                let zeros = [simd.splat_f32s(0.0); 4];
                let columns = fours::<S>(columns);
                let sums = multiply::<S, R>(simd, gates, (rows, 4 * lanes), row, columns, zeros);
                for (r, sums) in sums.iter().enumerate() {
                    for (k, &sum) in sums.iter().enumerate() {
                        let at = ((4 * v + k) * rows + row + r) * lanes;
                        store(simd, &mut joint[at..][..lanes], sum);
                    }
                }
            }
        }
        if pass.through {
            let t = pass.sizes.step(i);
            let own = &mut x[t * batch * input..][..batch * input];
            export(
                simd,
                &joint[..input_blocks * rows * lanes],
                rows,
                own,
                input,
            );
        }
    }

    let mut state = vec![0.0; 2 * batch * units + 4 * units];
    let (cell, rest) = state.split_at_mut(batch * units);
    let (output, own_bias) = rest.split_at_mut(batch * units);
    export(simd, &cell_gradient, rows, cell, units);
    let output_gradient = &joint[input_blocks * rows * lanes..][..blocked.units];
    export(simd, output_gradient, rows, output, units);
    for (j, four) in bias.chunks_exact(4 * lanes).enumerate() {
        let first = j * lanes;
        let n = lanes.min(units - first);
        for (g, vector) in four.chunks_exact(lanes).enumerate() {
            own_bias[g * units + first..][..n].copy_from_slice(&vector[..n]);
        }
    }
    weight_gradient::<S, R>(simd, steps, &blocked, inputs, gates, packed);
    Gradients {
        x: pass.through.then_some(x),
        kernel: unpack(simd, &pass.sizes, &blocked, packed),
        state,
    }
}

/// Turns the gates of a block of units into the gradients of what came before their non-linearities, and the gradient
/// of the cells after the step into that of the cells before it. Returns `bias` and the sum of the gates' gradients.
#[inline(always)]
fn gate_gradients<S: Simd>(
    simd: S,
    gates: &mut [[S::f32s; 4]],
    before: &[S::f32s],
    after: &[S::f32s],
    output_gradient: &[S::f32s],
    cell_gradient: &mut [S::f32s],
    mut bias: [S::f32s; 4],
) -> [S::f32s; 4] {
    let one = simd.splat_f32s(1.0);
    let cells = before.iter().zip(after);
    let gradients = cell_gradient.iter_mut().zip(output_gradient);
    for ((gates, (&before, &after)), (cell_gradient, &output)) in
        gates.iter_mut().zip(cells).zip(gradients)
    {
        let [i, g, f, o] = *gates;
        // d sigmoid = s (1 - s) = s - s², d tanh = 1 - tanh².
        let squashed = tanh(simd, after);
        let through = simd.mul_f32s(output, o);
        let opened = simd.negate_mul_add_f32s(squashed, squashed, one);
        let cell = simd.mul_add_f32s(through, opened, *cell_gradient);
        let input = simd.mul_f32s(simd.mul_f32s(cell, g), simd.negate_mul_add_f32s(i, i, i));
        let candidate = simd.mul_f32s(simd.mul_f32s(cell, i), simd.negate_mul_add_f32s(g, g, one));
        let forget = simd.mul_f32s(
            simd.mul_f32s(cell, before),
            simd.negate_mul_add_f32s(f, f, f),
        );
        let exposed = simd.mul_f32s(
            simd.mul_f32s(output, squashed),
            simd.negate_mul_add_f32s(o, o, o),
        );
        *cell_gradient = simd.mul_f32s(cell, f);
        *gates = [input, candidate, forget, exposed];
        for (sum, &gradient) in bias.iter_mut().zip(&*gates) {
            *sum = simd.add_f32s(*sum, gradient);
        }
    }
    bias
}

/// The transposed kernel: blocks of four vectors of columns (the last `input_blocks` blocks of the input and those of
/// the units), whose rows are in the order of the blocked gates.
#[inline(always)]
fn pack_transposed<S: Simd>(
    sizes: &Sizes,
    blocked: &Blocked,
    input_blocks: usize,
    kernel: &[f32],
    packed: &mut Aligned,
) {
    let (lanes, units) = (S::F32_LANES, sizes.units);
    let skipped = blocked.input / blocked.rows - input_blocks * lanes;
    let n_columns = blocked.depth() - skipped;
    let depth = 4 * lanes * blocked.unit_blocks();
    packed.clear(n_columns.next_multiple_of(4 * lanes) * depth);
    for (block, columns) in packed.chunks_exact_mut(depth * 4 * lanes).enumerate() {
        for (j, rows) in columns.chunks_exact_mut(4 * lanes * 4 * lanes).enumerate() {
            let first = j * lanes;
            let n = lanes.min(units - first);
            for (g, rows) in rows.chunks_exact_mut(lanes * 4 * lanes).enumerate() {
                for column in 0..4 * lanes {
                    let k = skipped + block * 4 * lanes + column;
                    if k >= blocked.depth() {
                        break;
                    }
                    let Some(row) = blocked.kernel_row(sizes, k) else {
                        continue;
                    };
                    let from = &kernel[row * 4 * units + g * units + first..][..n];
                    for (row, &value) in rows.chunks_exact_mut(4 * lanes).zip(from) {
                        row[column] = value;
                    }
                }
            }
        }
    }
}

/// The gradient of the kernel, laid out as by [`pack`], from what each step read and the gradients of its gates.
#[inline(always)]
fn weight_gradient<S: Simd, const R: usize>(
    simd: S,
    steps: usize,
    blocked: &Blocked,
    inputs: &[f32],
    gates: &[f32],
    packed: &mut Aligned,
) {
    let (lanes, rows) = (blocked.lanes, blocked.rows);
    packed.clear(blocked.unit_blocks() * blocked.depth() * 4 * lanes);
    let at_once = (GRADIENT_DEPTH / rows).max(1);
    for first in (0..steps).step_by(at_once) {
        let steps = first..steps.min(first + at_once);
        for (j, sums) in packed
            .chunks_exact_mut(blocked.depth() * 4 * lanes)
            .enumerate()
        {
            for (tile, sums) in fours_mut::<S>(sums)
                .as_chunks_mut::<R>()
                .0
                .iter_mut()
                .enumerate()
            {
                let (block, tile) = (tile / (lanes / R), tile % (lanes / R));
                let mut local = *sums;
                for i in steps.clone() {
                    let input =
                        &inputs[i * blocked.joint() + block * rows * lanes..][..rows * lanes];
                    let gates =
                        &gates[i * 4 * blocked.units + j * rows * 4 * lanes..][..rows * 4 * lanes];
                    local =
                        multiply_transposed::<S, R>(simd, input, tile, fours::<S>(gates), local);
                }
                *sums = local;
            }
        }
    }
}
