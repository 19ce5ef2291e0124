//! The decoder's weights in the order in which the kernel reads them.

use crate::config::ModelConfig;
use crate::decoder::RowDecoder;
use crate::groove::ROW;
use crate::layers;
use candle_core::{Result, Tensor};
use half::f16;

/// Outputs in a vector of a block.
pub(super) const WIDTH: usize = 16;
/// Vectors in a block: the gates of an LSTM, consecutive columns of a dense layer.
pub(super) const VECTORS: usize = 4;
/// An LSTM has a multiple of this many blocks, because the kernel takes up to two strips of it at a time.
const STRIPS_AT_A_TIME: usize = 2;

/// A block's biases, or its sums.
pub(super) type Sums = [[f32; WIDTH]; VECTORS];

/// One input's weights to the outputs of a block, bits of halves; a multiple of the cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Weights(pub(super) [[u16; WIDTH]; VECTORS]);

/// Weights as `[block][input]`. Outputs that fill the last block up have weights of zero.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) n_inputs: usize,
    weights: Vec<Weights>,
}

/// One LSTM layer; inputs are those from below, then its own last output.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) n_units: usize,
    pub(super) matrix: Matrix,
    /// With the forget gate's 1.
    pub(super) bias: Vec<Sums>,
}

/// A dense layer.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) matrix: Matrix,
    pub(super) bias: Vec<Sums>,
}

/// The decoder.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) n_steps: usize,
    pub(super) latent: usize,
    /// z to the states of all layers: c then h of the first, of the second, and so on.
    pub(super) initial_state: Dense,
    /// z's share of the first layer's sums.
    pub(super) from_z: Matrix,
    pub(super) cells: Vec<Cell>,
    pub(super) output: Dense,
}

impl Network {
    /// `None` if a weight is not exactly a half.
    pub(super) fn pack(config: &ModelConfig, decoder: &RowDecoder) -> Result<Option<Self>> {
        let [part] = decoder.parts.as_slice() else {
            candle_core::bail!("a decoder of grooves has one part");
        };
        let dense = |layer: &layers::Dense| Source::read(&layer.kernel, &layer.bias);
        let initial_state = dense(&part.stack.initial_state)?;
        let output = dense(&part.output)?;
        let cells = part.stack.layers.iter();
        let cells = cells
            .map(|layer| Source::read(&layer.lstm.kernel, &layer.lstm.bias))
            .collect::<Result<Vec<_>>>()?;
        let Some(first) = cells
            .first()
            .filter(|_| config.latent > 0 && config.n_steps > 0)
        else {
            candle_core::bail!("a decoder has steps, a latent and at least one layer");
        };
        if ![&initial_state, &output]
            .into_iter()
            .chain(&cells)
            .all(Source::is_exact)
        {
            return Ok(None);
        }

        let z_rows = ROW..ROW + config.latent;
        let from_z = first.matrix(z_rows.clone(), Columns::Gates);
        let cells = cells
            .iter()
            .enumerate()
            .map(|(layer, source)| match layer {
                0 => source.cell((0..z_rows.start).chain(z_rows.end..source.n_inputs())),
                _ => source.cell(0..source.n_inputs()),
            })
            .collect();
        Ok(Some(Self {
            n_steps: config.n_steps,
            latent: config.latent,
            initial_state: initial_state.dense(),
            from_z,
            cells,
            output: output.dense(),
        }))
    }
}

impl Matrix {
    /// Number of outputs with padding.
    pub(super) fn n_outputs(&self) -> usize {
        self.weights.len() / self.n_inputs * VECTORS * WIDTH
    }

    /// Strips are `LANES` neighbouring lanes of each vector of a block.
    pub(super) fn n_strips<const LANES: usize>(&self) -> usize {
        self.n_outputs() / VECTORS / LANES
    }

    /// A strip's block and its first lane there.
    #[inline(always)]
    pub(super) fn place_of<const LANES: usize>(strip: usize) -> (usize, usize) {
        (strip * LANES / WIDTH, strip * LANES % WIDTH)
    }

    /// The weights of a block, `[input]`.
    #[inline(always)]
    pub(super) fn block(&self, block: usize) -> &[Weights] {
        &self.weights[block * self.n_inputs..][..self.n_inputs]
    }
}

impl Dense {
    /// The sums before any input, `[output]` with padding.
    pub(super) fn sums(&self) -> &[f32] {
        self.bias.as_flattened().as_flattened()
    }
}

/// How the columns of a kernel are laid out in blocks.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    /// `WIDTH` units a block, a vector for each of their gates.
    Gates,
    /// As they come.
    Consecutive,
}

/// A kernel `[in, out]` and its bias as a checkpoint holds them.
pub(super) struct Source {
    kernel: Vec<f32>,
    bias: Vec<f32>,
}

impl Source {
    pub(super) fn read(kernel: &Tensor, bias: &Tensor) -> Result<Self> {
        Ok(Self {
            kernel: kernel.flatten_all()?.to_vec1()?,
            bias: bias.to_vec1()?,
        })
    }

    pub(super) fn n_inputs(&self) -> usize {
        self.kernel.len() / self.bias.len()
    }

    pub(super) fn is_exact(&self) -> bool {
        self.kernel
            .iter()
            .all(|weight| weight.is_finite() && f16::from_f32(*weight).to_f32() == *weight)
    }

    /// Units of an LSTM.
    pub(super) fn n_units(&self) -> usize {
        self.bias.len() / VECTORS
    }

    pub(super) fn dense(&self) -> Dense {
        self.dense_of(0..self.n_inputs())
    }

    /// The dense layer that reads the inputs in `rows`, in that order.
    pub(super) fn dense_of(&self, rows: impl Iterator<Item = usize>) -> Dense {
        let columns = Columns::Consecutive;
        Dense {
            matrix: self.matrix(rows, columns),
            bias: self.bias(columns),
        }
    }

    pub(super) fn cell(&self, rows: impl Iterator<Item = usize>) -> Cell {
        const FORGET: usize = 2;
        let columns = Columns::Gates;
        let mut bias = self.bias(columns);
        for forget in bias.iter_mut().flat_map(|sums| &mut sums[FORGET]) {
            *forget += 1.0;
        }
        Cell {
            n_units: self.n_units(),
            matrix: self.matrix(rows, columns),
            bias,
        }
    }

    /// The weights of the inputs in `rows`, in that order.
    pub(super) fn matrix(&self, rows: impl Iterator<Item = usize>, columns: Columns) -> Matrix {
        let rows: Vec<usize> = rows.collect();
        let n_outputs = self.bias.len();
        let weights = (0..self.n_blocks(columns))
            .flat_map(|block| rows.iter().map(move |row| (block, row)))
            .map(|(block, row)| {
                let row = &self.kernel[row * n_outputs..][..n_outputs];
                Weights(
                    self.gather(block, columns, row)
                        .map(|vector| vector.map(|weight| f16::from_f32(weight).to_bits())),
                )
            })
            .collect();
        Matrix {
            n_inputs: rows.len(),
            weights,
        }
    }

    fn bias(&self, columns: Columns) -> Vec<Sums> {
        (0..self.n_blocks(columns))
            .map(|block| self.gather(block, columns, &self.bias))
            .collect()
    }

    fn n_blocks(&self, columns: Columns) -> usize {
        let n_blocks = self.bias.len().div_ceil(VECTORS * WIDTH);
        match columns {
            Columns::Gates => n_blocks.next_multiple_of(STRIPS_AT_A_TIME),
            Columns::Consecutive => n_blocks,
        }
    }

    /// The values of a row that belong to the outputs of a block.
    fn gather(&self, block: usize, columns: Columns, row: &[f32]) -> Sums {
        let mut values = [[0.0; WIDTH]; VECTORS];
        for (vector, values) in values.iter_mut().enumerate() {
            for (lane, value) in values.iter_mut().enumerate() {
                let column = match columns {
                    Columns::Gates => {
                        let n_units = row.len() / VECTORS;
                        let unit = block * WIDTH + lane;
                        (unit < n_units).then_some(vector * n_units + unit)
                    }
                    Columns::Consecutive => Some((block * VECTORS + vector) * WIDTH + lane),
                };
                *value = column
                    .and_then(|column| row.get(column))
                    .copied()
                    .unwrap_or(0.0);
            }
        }
        values
    }
}
