//! Products with a matrix that are added to sums which lie in memory, `[row][output]`.

use super::super::kernel::accumulate;
use super::super::lanes::Lanes;
use super::super::network::{Matrix, VECTORS, WIDTH};

/// Adds what a matrix makes of `inputs` to `sums`, `[row][output]`.
#[inline(always)]
pub(super) fn add<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    matrix: &Matrix,
    inputs: &[[f32; ROWS]],
    sums: &mut [f32],
) {
    for first in (0..matrix.n_strips::<LANES>()).step_by(STRIPS) {
        add_strips::<L, LANES, STRIPS, ROWS>(matrix, first, inputs, sums);
    }
}

/// [`add`] for `STRIPS` strips, or for as many as are left.
#[inline(always)]
pub(super) fn add_strips<
    L: Lanes<LANES>,
    const LANES: usize,
    const STRIPS: usize,
    const ROWS: usize,
>(
    matrix: &Matrix,
    first: usize,
    inputs: &[[f32; ROWS]],
    sums: &mut [f32],
) {
    let n_strips = matrix.n_strips::<LANES>();
    if STRIPS > 1 && first + STRIPS > n_strips {
        for strip in first..n_strips {
            add_exactly::<L, LANES, 1, ROWS>(matrix, strip, inputs, sums);
        }
    } else {
        add_exactly::<L, LANES, STRIPS, ROWS>(matrix, first, inputs, sums);
    }
}

#[inline(always)]
fn add_exactly<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(
    matrix: &Matrix,
    first: usize,
    inputs: &[[f32; ROWS]],
    sums: &mut [f32],
) {
    let n_outputs = matrix.n_outputs();
    let place = |strip: usize, row: usize, vector: usize| {
        let (block, lane) = Matrix::place_of::<LANES>(first + strip);
        row * n_outputs + (block * VECTORS + vector) * WIDTH + lane
    };
    let mut own = [[[[0.0; LANES]; VECTORS]; ROWS]; STRIPS];
    for (strip, own) in own.iter_mut().enumerate() {
        for (row, own) in own.iter_mut().enumerate() {
            for (vector, own) in own.iter_mut().enumerate() {
                own.copy_from_slice(&sums[place(strip, row, vector)..][..LANES]);
            }
        }
    }
    let own = accumulate::<L, LANES, STRIPS, ROWS>(matrix, first, inputs, own);
    for (strip, own) in own.iter().enumerate() {
        for (row, own) in own.iter().enumerate() {
            for (vector, own) in own.iter().enumerate() {
                sums[place(strip, row, vector)..][..LANES].copy_from_slice(own);
            }
        }
    }
}

/// Adds what a matrix makes of some of its inputs, given by number and value, to `sums`, `[output]`.
#[inline(always)]
pub(super) fn add_some<L: Lanes<LANES>, const LANES: usize>(
    matrix: &Matrix,
    inputs: &[(usize, f32)],
    sums: &mut [f32],
) {
    for strip in 0..matrix.n_strips::<LANES>() {
        let (block, lane) = Matrix::place_of::<LANES>(strip);
        let weights = matrix.block(block);
        let mut own = [[0.0; LANES]; VECTORS];
        for (vector, own) in own.iter_mut().enumerate() {
            own.copy_from_slice(&sums[(block * VECTORS + vector) * WIDTH + lane..][..LANES]);
        }
        for (input, value) in inputs {
            for (own, halves) in own.iter_mut().zip(&weights[*input].0) {
                let wide = L::widen(&halves.as_chunks().0[lane / LANES]);
                *own = L::multiply_add(*value, wide, *own);
            }
        }
        for (vector, own) in own.iter().enumerate() {
            sums[(block * VECTORS + vector) * WIDTH + lane..][..LANES].copy_from_slice(own);
        }
    }
}
