//! What decides a cell besides the network: the rows further back, and a hit's own velocity.
//!
//! One operation with its own gradient: there is something to copy for one cell in eight only.

use super::draw::NOTHING_TO_COPY;
use crate::cpu::{read, values};
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::mixture::PER_COMPONENT;
use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor};

/// Adds to the mixtures of each cell what there is to copy, and what a hit's velocity means for its timing.
///
/// # Shapes
/// `cells`: `[rows, drums * cell]`, which the result has as well; `by_velocity`: `[drums, numbers of a mixture]`; `rows`:
/// `[rows, 27]`; each of `backs`: `[rows, 28]`, rows that lie further back and whether they are there. Neither the rows
/// nor those further back get a gradient.
///
/// # Errors
/// If shapes differ or the device fails.
pub(super) fn complete(
    cells: &Tensor,
    by_velocity: &Tensor,
    rows: Tensor,
    backs: Vec<Tensor>,
) -> Result<Tensor> {
    if cells.device().is_cpu() {
        cells.apply_op2(by_velocity, Complete { rows, backs })
    } else {
        stock(cells, by_velocity, &rows, &backs)
    }
}

/// [`complete`] in stock tensor operations: for other devices, and its reference in tests.
fn stock(cells: &Tensor, by_velocity: &Tensor, rows: &Tensor, backs: &[Tensor]) -> Result<Tensor> {
    let (n_rows, mixture) = (rows.dim(0)?, by_velocity.dim(1)?);
    let part = |row: &Tensor, i: usize| row.narrow(1, i * N_VOICES, N_VOICES)?.unsqueeze(2);
    let free = mixture / PER_COMPONENT - backs.len();
    let of_backs = |number: &dyn Fn(&Tensor) -> Result<Tensor>| {
        let numbers = backs.iter().map(number).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&numbers, 2)?.pad_with_zeros(2, free, 0)
    };
    let weights = of_backs(&|back| (part(back, 0)? - 1.0)? * f64::from(-NOTHING_TO_COPY))?;
    let scales = weights.zeros_like()?;
    let [velocities, offsets] = [1, 2].map(|i| of_backs(&|back| part(back, i)));
    let by_velocity = part(rows, 1)?.broadcast_mul(&by_velocity.unsqueeze(0)?)?;
    let of_velocity = Tensor::cat(&[&weights, &velocities?, &scales], 2)?;
    let of_offset = (Tensor::cat(&[&weights, &offsets?, &scales], 2)? + by_velocity)?;
    let added = Tensor::cat(&[of_velocity, of_offset], 2)?.pad_with_zeros(2, 1, 0)?;
    cells + added.reshape((n_rows, ()))?
}

/// `(cells, by_velocity) -> cells`, see [`complete`].
struct Complete {
    rows: Tensor,
    backs: Vec<Tensor>,
}

impl Complete {
    /// Calls `visit` with each hit's drum, velocity, and the place of its offset's mixture in all cells.
    fn each_hit(rows: &[f32], mixture: usize, mut visit: impl FnMut(usize, f32, usize)) {
        let cell = 1 + 2 * mixture;
        for (place, row) in rows.chunks_exact(ROW).enumerate() {
            for drum in (0..N_VOICES).filter(|&drum| row[drum] > 0.0) {
                let first = (place * N_VOICES + drum) * cell;
                visit(drum, row[N_VOICES + drum], first + 1 + mixture);
            }
        }
    }

    /// Centres component number `component` of each cell's mixtures on what the drum does in a row of `back`, and makes
    /// it impossible where there is nothing to copy.
    fn copy(cells: &mut [f32], back: &[f32], mixture: usize, component: usize) {
        let n = mixture / PER_COMPONENT;
        let drums = cells.chunks_exact_mut(1 + 2 * mixture);
        for (place, cell) in drums.enumerate() {
            let (row, drum) = (place / N_VOICES, place % N_VOICES);
            let row = &back[row * (ROW + 1)..][..ROW];
            for (part, mixture) in cell[1..].chunks_exact_mut(mixture).enumerate() {
                if row[drum] > 0.0 {
                    mixture[n + component] += row[(part + 1) * N_VOICES + drum];
                } else {
                    mixture[component] += NOTHING_TO_COPY;
                }
            }
        }
    }
}

impl CustomOp2 for Complete {
    fn name(&self) -> &'static str {
        "complete-cells"
    }

    fn cpu_fwd(
        &self,
        cells: &CpuStorage,
        cells_layout: &Layout,
        by_velocity: &CpuStorage,
        by_velocity_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, mixture) = by_velocity_layout.shape().dims2()?;
        let by_velocity = values(by_velocity, by_velocity_layout)?;
        let mut cells = values(cells, cells_layout)?.to_vec();
        let free = mixture / PER_COMPONENT - self.backs.len();
        for (lag, back) in self.backs.iter().enumerate() {
            Self::copy(&mut cells, read(back).values()?, mixture, free + lag);
        }
        let rows = read(&self.rows);
        Self::each_hit(rows.values()?, mixture, |drum, velocity, first| {
            let weights = &by_velocity[drum * mixture..][..mixture];
            for (number, weight) in cells[first..][..mixture].iter_mut().zip(weights) {
                *number += velocity * weight;
            }
        });
        Ok((CpuStorage::F32(cells), cells_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _cells: &Tensor,
        by_velocity: &Tensor,
        _completed: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, mixture) = by_velocity.dims2()?;
        let gradient = gradient.contiguous()?;
        let mut of_weights = vec![0.0; by_velocity.elem_count()];
        {
            let (rows, gradient) = (read(&self.rows), read(&gradient));
            let gradient = gradient.values()?;
            Self::each_hit(rows.values()?, mixture, |drum, velocity, first| {
                let weights = &mut of_weights[drum * mixture..][..mixture];
                for (weight, number) in weights.iter_mut().zip(&gradient[first..][..mixture]) {
                    *weight += velocity * number;
                }
            });
        }
        let of_weights = Tensor::from_vec(of_weights, by_velocity.shape(), &Device::Cpu)?;
        Ok((Some(gradient), Some(of_weights)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::Var;

    const N_ROWS: usize = 11;
    const COMPONENTS: usize = 5;

    /// Rows with hits on every third cell or so, and zeros elsewhere.
    fn rows(noise: &mut Noise, width: usize) -> Tensor {
        let mut rows = vec![0.0; N_ROWS * width];
        for row in rows.chunks_exact_mut(width) {
            for drum in 0..N_VOICES {
                if noise.uniform() < 0.3 {
                    row[drum] = 1.0;
                    row[N_VOICES + drum] = noise.uniform();
                    row[2 * N_VOICES + drum] = noise.uniform() - 0.5;
                }
            }
        }
        Tensor::from_vec(rows, (N_ROWS, width), &Device::Cpu).unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_stock_operations() {
        let mut noise = Noise::from_seed(1);
        let mixture = PER_COMPONENT * COMPONENTS;
        let mut random = |shape: &[usize]| {
            let values = noise.normals(shape.iter().product());
            Var::from_vec(values, shape, &Device::Cpu).unwrap()
        };
        let shape = [N_ROWS, N_VOICES * (1 + 2 * mixture)];
        let (cells, weight) = (random(&shape), random(&shape));
        let by_velocity = random(&[N_VOICES, mixture]);
        let row = rows(&mut noise, ROW);
        let backs = vec![rows(&mut noise, ROW + 1), rows(&mut noise, ROW + 1)];
        let gradients = |completed: &Tensor| {
            let weighted = (completed * weight.as_tensor()).unwrap();
            weighted.sum_all().unwrap().backward().unwrap()
        };
        let expected = stock(&cells, &by_velocity, &row, &backs).unwrap();
        let fused = complete(&cells, &by_velocity, row, backs).unwrap();
        let (of_fused, of_expected) = (gradients(&fused), gradients(&expected));
        let mut pairs = vec![(&fused, &expected)];
        for var in [&cells, &by_velocity] {
            pairs.push((of_fused.get(var).unwrap(), of_expected.get(var).unwrap()));
        }
        for (found, expected) in pairs {
            let difference = (found - expected).unwrap().abs().unwrap();
            let largest = difference.flatten_all().unwrap().max(0).unwrap();
            assert!(largest.to_scalar::<f32>().unwrap() < 1e-5);
        }
    }
}
