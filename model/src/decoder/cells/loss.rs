//! What a batch of rows costs, given the numbers that decide every cell.
//!
//! One operation with its own gradient: only one cell in eight is hit, and the mixtures of the others cost nothing.

use super::Cells;
use crate::cpu::{read, values};
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::mixture::{OFFSET, VELOCITY, sigmoid, softplus};
use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor};

/// Numbers of a target row: the row itself, for each drum whether its hit counts, and whether its feel counts.
pub(super) const TARGET: usize = ROW + 2 * N_VOICES;
/// The parts of the loss: hits, velocities, offsets.
pub(super) const PARTS: usize = 3;

/// `(cells, targets) -> nats`.
///
/// # Shapes
/// `cells`: `[rows, drums * cell]`; `targets`: `[rows, TARGET]`, which gets no gradient; result: `[rows, PARTS]`.
pub(super) struct CellLoss {
    cell: usize,
}

impl CellLoss {
    pub(super) fn new(sizes: &Cells) -> Self {
        Self { cell: sizes.cell() }
    }

    /// One drum of a row: its numbers, and what they should say.
    fn drums<'a>(
        &self,
        cells: &'a [f32],
        target: &'a [f32],
    ) -> impl Iterator<Item = (&'a [f32], Target)> {
        cells
            .chunks_exact(self.cell)
            .enumerate()
            .map(|(drum, cell)| (cell, Target::of(target, drum)))
    }

    /// A cell's two mixtures.
    fn mixtures(cell: &[f32]) -> (&[f32], &[f32]) {
        cell[1..].split_at((cell.len() - 1) / 2)
    }
}

/// What a drum does in a row, and how much of it counts.
struct Target {
    hit: f32,
    velocity: f32,
    offset: f32,
    hit_counts: f32,
    /// 0 where there is no hit.
    feel_counts: f32,
}

impl Target {
    fn of(target: &[f32], drum: usize) -> Self {
        let column = |part: usize| target[part * N_VOICES + drum];
        Self {
            hit: column(0),
            velocity: column(1),
            offset: column(2),
            hit_counts: column(3),
            feel_counts: column(4) * column(0),
        }
    }
}

impl CustomOp2 for CellLoss {
    fn name(&self) -> &'static str {
        "cell-loss"
    }

    fn cpu_fwd(
        &self,
        cells: &CpuStorage,
        cells_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = cells_layout.shape().dims2()?;
        let cells = values(cells, cells_layout)?.chunks_exact(width);
        let targets = values(targets, targets_layout)?.chunks_exact(TARGET);
        let mut nats = vec![0.0; rows * PARTS];
        for ((cells, target), nats) in cells.zip(targets).zip(nats.chunks_exact_mut(PARTS)) {
            for (cell, target) in self.drums(cells, target) {
                nats[0] += target.hit_counts * (softplus(cell[0]) - target.hit * cell[0]);
                if target.feel_counts > 0.0 {
                    let (velocity, offset) = Self::mixtures(cell);
                    nats[1] += target.feel_counts * VELOCITY.nll(velocity, target.velocity);
                    nats[2] += target.feel_counts * OFFSET.nll(offset, target.offset);
                }
            }
        }
        Ok((CpuStorage::F32(nats), Shape::from((rows, PARTS))))
    }

    fn bwd(
        &self,
        cells: &Tensor,
        targets: &Tensor,
        _nats: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, width) = cells.dims2()?;
        let gradient = gradient.contiguous()?;
        let mut result = vec![0.0; cells.elem_count()];
        {
            let [cells, targets, gradient] = [cells, targets, &gradient].map(read);
            let cells = cells.values()?.chunks_exact(width);
            let targets = targets.values()?.chunks_exact(TARGET);
            let gradient = gradient.values()?.chunks_exact(PARTS);
            let rows = result.chunks_exact_mut(width);
            for (((cells, target), of_parts), row) in cells.zip(targets).zip(gradient).zip(rows) {
                let slopes = row.chunks_exact_mut(self.cell);
                for ((cell, target), slopes) in self.drums(cells, target).zip(slopes) {
                    slopes[0] = of_parts[0] * target.hit_counts * (sigmoid(cell[0]) - target.hit);
                    if target.feel_counts > 0.0 {
                        let (velocity, offset) = Self::mixtures(cell);
                        let (of_velocity, of_offset) = slopes[1..].split_at_mut(velocity.len());
                        let factor = |part: usize| of_parts[part] * target.feel_counts;
                        VELOCITY.add_gradient(velocity, target.velocity, factor(1), of_velocity);
                        OFFSET.add_gradient(offset, target.offset, factor(2), of_offset);
                    }
                }
            }
        }
        let result = Tensor::from_vec(result, cells.shape(), &Device::Cpu)?;
        Ok((Some(result), None))
    }
}
