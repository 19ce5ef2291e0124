//! How the LSTM kernels lay out matrices.
//!
//! A *blocked* matrix is cut into blocks of as many columns as a vector has lanes, and the rows of a block lie one
//! after another: `[blocks][rows][lanes]`. Rows and columns that the matrix does not have, but that fill up a tile or
//! a vector, are zeros, so that no loop over a blocked matrix has an edge to mind.

use super::vector::{load, store};
use pulp::Simd;

/// A line of the cache; vectors that straddle two take twice as long to load.
const ALIGNMENT: usize = 64;

/// Numbers whose first one starts a line of the cache.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    values: Vec<f32>,
    len: usize,
}

impl Aligned {
    /// `n` zeros.
    pub(super) fn zeros(n: usize) -> Self {
        Self {
            values: vec![0.0; n + ALIGNMENT / size_of::<f32>()],
            len: n,
        }
    }

    /// Makes room for `n` numbers; those that were there before are of no account.
    pub(super) fn resize(&mut self, n: usize) {
        if self.values.len() < n + ALIGNMENT / size_of::<f32>() {
            *self = Self::zeros(n);
        }
        self.len = n;
    }

    /// Makes it `n` zeros.
    pub(super) fn clear(&mut self, n: usize) {
        self.resize(n);
        self.fill(0.0);
    }

    fn start(&self) -> usize {
        self.values.as_ptr().align_offset(ALIGNMENT)
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.values[self.start()..][..self.len]
    }
}

impl std::ops::DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        let start = self.start();
        &mut self.values[start..][..self.len]
    }
}

/// Copies a matrix with rows of `width` into a blocked one with `rows` rows.
#[inline(always)]
pub(super) fn import<S: Simd>(
    simd: S,
    matrix: &[f32],
    width: usize,
    blocked: &mut [f32],
    rows: usize,
) {
    let lanes = S::F32_LANES;
    for (j, block) in blocked.chunks_exact_mut(rows * lanes).enumerate() {
        let n = lanes.min(width - j * lanes);
        let (block, rest) = block.split_at_mut(matrix.len() / width * lanes);
        for (row, values) in block.chunks_exact_mut(lanes).enumerate() {
            store(
                simd,
                values,
                load(simd, &matrix[row * width + j * lanes..][..n]),
            );
        }
        rest.fill(0.0);
    }
}

/// Adds a matrix with rows of `width` to a blocked one with `rows` rows.
#[inline(always)]
pub(super) fn add<S: Simd>(
    simd: S,
    matrix: &[f32],
    width: usize,
    blocked: &mut [f32],
    rows: usize,
) {
    let lanes = S::F32_LANES;
    for (j, block) in blocked.chunks_exact_mut(rows * lanes).enumerate() {
        let n = lanes.min(width - j * lanes);
        let matrix = matrix.chunks_exact(width);
        for (values, row) in block.chunks_exact_mut(lanes).zip(matrix) {
            let sum = simd.add_f32s(load(simd, values), load(simd, &row[j * lanes..][..n]));
            store(simd, values, sum);
        }
    }
}

/// Copies a blocked matrix with `rows` rows into one with rows of `width`.
#[inline(always)]
pub(super) fn export<S: Simd>(
    simd: S,
    blocked: &[f32],
    rows: usize,
    matrix: &mut [f32],
    width: usize,
) {
    let lanes = S::F32_LANES;
    for (j, block) in blocked.chunks_exact(rows * lanes).enumerate() {
        let n = lanes.min(width - j * lanes);
        let matrix = matrix.chunks_exact_mut(width);
        for (values, row) in block.chunks_exact(lanes).zip(matrix) {
            store(simd, &mut row[j * lanes..][..n], load(simd, values));
        }
    }
}

/// Rows `row..row + R` of a blocked matrix with `rows` rows and blocks of `width` columns, times four vectors of
/// columns of another, added to `start`. The sums are a local value, or the compiler would keep them in memory instead
/// of registers.
#[inline(always)]
pub(super) fn multiply<S: Simd, const R: usize>(
    simd: S,
    blocked: &[f32],
    (rows, width): (usize, usize),
    row: usize,
    columns: &[[S::f32s; 4]],
    start: [S::f32s; 4],
) -> [[S::f32s; 4]; R] {
    let mut sums = [start; R];
    let blocks = blocked.chunks_exact(rows * width);
    for (block, columns) in blocks.zip(columns.chunks_exact(width)) {
        let tile = &block[row * width..][..R * width];
        for (k, weights) in columns.iter().enumerate() {
            for (r, sum) in sums.iter_mut().enumerate() {
                let value = simd.splat_f32s(tile[r * width + k]);
                for (sum, &weight) in sum.iter_mut().zip(weights) {
                    *sum = simd.mul_add_f32s(value, weight, *sum);
                }
            }
        }
    }
    sums
}

/// Adds the product of a transposed and a plain matrix, both blocked, to `sums`: elements `R * tile..R * (tile + 1)` of
/// the rows of a block `left` times the rows of `right`.
#[inline(always)]
pub(super) fn multiply_transposed<S: Simd, const R: usize>(
    simd: S,
    left: &[f32],
    tile: usize,
    right: &[[S::f32s; 4]],
    mut sums: [[S::f32s; 4]; R],
) -> [[S::f32s; 4]; R] {
    let stride = S::F32_LANES / R;
    let tiles = left.as_chunks::<R>().0.chunks_exact(R * stride);
    for (tiles, weights) in tiles.zip(right.as_chunks::<R>().0) {
        // So many rows at a time that the loop is short enough to be foreseen.
        let tiles = &tiles[tile..][..(R - 1) * stride + 1];
        for (k, weights) in weights.iter().enumerate() {
            for (sum, &value) in sums.iter_mut().zip(&tiles[k * stride]) {
                let value = simd.splat_f32s(value);
                for (sum, &weight) in sum.iter_mut().zip(weights) {
                    *sum = simd.mul_add_f32s(value, weight, *sum);
                }
            }
        }
    }
    sums
}

/// A slice whose length is a multiple of four vectors, as groups of four vectors.
#[inline(always)]
pub(super) fn fours<S: Simd>(values: &[f32]) -> &[[S::f32s; 4]] {
    S::as_simd_f32s(values).0.as_chunks().0
}

/// [`fours`] that can be written.
#[inline(always)]
pub(super) fn fours_mut<S: Simd>(values: &mut [f32]) -> &mut [[S::f32s; 4]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}
