//! Drawing a row: drum after drum, each cell from what was drawn before it.

use super::context::known_cell;
use super::{CellDecoder, UNIFORMS};
use crate::activation::sigmoid;
use crate::drums::N_VOICES;
use crate::fused::multiply_add;
use crate::groove::ROW;
use crate::mixture::{OFFSET, PER_COMPONENT, VELOCITY};
use crate::temperature::Temperature;
use candle_core::Result;
use pulp::{Arch, NullaryFnOnce};

/// What makes a component that copies impossible where there is nothing to copy.
pub(super) const NOTHING_TO_COPY: f32 = -20.0;
/// Uniforms of a drum.
const PER_DRUM: usize = UNIFORMS / N_VOICES;

/// The weights within a step, `[in][out]` in memory.
#[derive(Debug)]
pub(crate) struct Within {
    hidden: usize,
    /// Numbers that decide a cell.
    width: usize,
    /// Components that do not copy.
    components: usize,
    above: Vec<f32>,
    cell: Vec<f32>,
    cell_bias: Vec<f32>,
    by_velocity: Vec<f32>,
}

/// What a row is drawn from.
pub(crate) struct Step<'a> {
    /// The rows that lie as far back as the configuration says; `None` before the beginning.
    pub(crate) back: Vec<Option<[f32; ROW]>>,
    /// The step's control row.
    pub(crate) controls: &'a [f32],
    pub(crate) temperature: Temperature,
    /// [`UNIFORMS`] numbers.
    pub(crate) uniforms: &'a [f32],
}

impl Within {
    pub(crate) fn of(decoder: &CellDecoder) -> Result<Self> {
        let values = |tensor: &candle_core::Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        Ok(Self {
            hidden: decoder.sizes.hidden,
            width: decoder.sizes.cell(),
            components: decoder.sizes.components,
            above: values(&decoder.above)?,
            cell: values(&decoder.cell)?,
            cell_bias: values(&decoder.bias()?)?,
            by_velocity: values(&decoder.by_velocity)?,
        })
    }

    /// Hidden units of a drum.
    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// What one number of a drum's cell (0: its hit, 1: its velocity, 2: its offset) adds to the hidden units of all drums.
    pub(crate) fn above(&self, part: usize, drum: usize) -> &[f32] {
        let width = N_VOICES * self.hidden;
        &self.above[(part * N_VOICES + drum) * width..][..width]
    }

    /// The row of a step, from the hidden units of all drums before their activation.
    pub(super) fn row(&self, hidden: Vec<f32>, step: &Step) -> [f32; ROW] {
        Arch::new().dispatch(DrawRow {
            within: self,
            hidden,
            step,
        })
    }

    /// The numbers that decide a drum's cell.
    #[inline(always)]
    fn cell(&self, drum: usize, hidden: &[f32]) -> Vec<f32> {
        let mut cell = self.cell_bias[drum * self.width..][..self.width].to_vec();
        let weights = &self.cell[drum * self.hidden * self.width..];
        for (x, weights) in hidden.iter().zip(weights.chunks_exact(self.width)) {
            let activation = x * sigmoid([*x])[0];
            for (sum, weight) in cell.iter_mut().zip(weights) {
                *sum = multiply_add(activation, *weight, *sum);
            }
        }
        cell
    }

    /// Velocity and offset of a drum's hit, or `None` for a rest; `cell` begins with the numbers that decide it, and is
    /// written over.
    #[inline(always)]
    pub(crate) fn draw(&self, drum: usize, cell: &mut [f32], step: &Step) -> Option<[f32; 2]> {
        let uniforms = &step.uniforms[drum * PER_DRUM..][..PER_DRUM];
        let (known_hit, known_feel) = known_cell(step.controls, drum);
        let hit = known_hit.unwrap_or_else(|| {
            let temperature = step.temperature.hits;
            if temperature > 0.0 {
                uniforms[0] < sigmoid([cell[0] / temperature])[0]
            } else {
                cell[0] >= 0.0
            }
        });
        if !hit {
            return None;
        }
        if known_feel.is_some() {
            return known_feel;
        }
        let (of_velocity, of_offset) = cell[1..self.width].split_at_mut((self.width - 1) / 2);
        self.copy(of_velocity, step, N_VOICES + drum, drum);
        self.copy(of_offset, step, 2 * N_VOICES + drum, drum);
        let temperature = step.temperature.feel;
        let velocity = VELOCITY.draw(of_velocity, temperature, [uniforms[1], uniforms[2]]);
        let by_velocity = &self.by_velocity[drum * of_offset.len()..][..of_offset.len()];
        for (number, weight) in of_offset.iter_mut().zip(by_velocity) {
            *number = multiply_add(velocity, *weight, *number);
        }
        let offset = OFFSET.draw(of_offset, temperature, [uniforms[3], uniforms[4]]);
        Some([velocity, offset])
    }

    /// Centres the components that copy on what the drum did in the rows further back.
    #[inline(always)]
    fn copy(&self, mixture: &mut [f32], step: &Step, column: usize, drum: usize) {
        let n = mixture.len() / PER_COMPONENT;
        for (lag, back) in step.back.iter().enumerate() {
            let component = self.components + lag;
            match back.as_ref().filter(|row| row[drum] > 0.0) {
                Some(row) => mixture[n + component] += row[column],
                None => mixture[component] += NOTHING_TO_COPY,
            }
        }
    }
}

/// [`Within::row`], compiled for each kind of vectors that a processor may have.
struct DrawRow<'a> {
    within: &'a Within,
    hidden: Vec<f32>,
    step: &'a Step<'a>,
}

impl NullaryFnOnce for DrawRow<'_> {
    type Output = [f32; ROW];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Self {
            within,
            mut hidden,
            step,
        } = self;
        let n_hidden = within.hidden;
        let mut row = [0.0; ROW];
        for drum in 0..N_VOICES {
            let mut cell = within.cell(drum, &hidden[drum * n_hidden..][..n_hidden]);
            if let Some([velocity, offset]) = within.draw(drum, &mut cell, step) {
                for (part, value) in [1.0, velocity, offset].into_iter().enumerate() {
                    row[part * N_VOICES + drum] = value;
                    let below = (drum + 1) * n_hidden;
                    let weights = &within.above(part, drum)[below..];
                    for (sum, weight) in hidden[below..].iter_mut().zip(weights) {
                        *sum = multiply_add(value, *weight, *sum);
                    }
                }
            }
        }
        row
    }
}

/// The most likely row, given the numbers of all its cells.
pub(super) fn most_likely(cells: &[f32], width: usize) -> [f32; ROW] {
    let mut row = [0.0; ROW];
    for (drum, cell) in cells.chunks_exact(width).enumerate() {
        if cell[0] >= 0.0 {
            let (velocity, offset) = cell[1..].split_at((width - 1) / 2);
            row[drum] = 1.0;
            row[N_VOICES + drum] = VELOCITY.draw(velocity, 0.0, [0.0; 2]);
            row[2 * N_VOICES + drum] = OFFSET.draw(offset, 0.0, [0.0; 2]);
        }
    }
    row
}
