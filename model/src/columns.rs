//! Matrices side by side, as one operation for the CPU.
//!
//! The gradient of a general concatenation is added up number by number, also that of data, which nobody asks for.

use crate::cpu::{read, values};
use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, bail};

/// The most matrices that variables are behind.
const MAX_ARGUMENTS: usize = 3;

/// Matrices side by side, of which variables are behind at most three.
///
/// # Shapes
/// `parts`: `[rows, n]`, each with its own n; result: `[rows, sum of all n]`.
///
/// # Errors
/// If they have different numbers of rows, or too many have variables behind them.
pub(crate) fn side_by_side(parts: &[&Tensor]) -> Result<Tensor> {
    if !parts.iter().all(|part| part.device().is_cpu()) {
        return Tensor::cat(parts, 1);
    }
    let nothing = Tensor::zeros((0, 0), DType::F32, &Device::Cpu)?;
    let mut arguments = [const { None }; MAX_ARGUMENTS];
    let mut columns = Vec::with_capacity(parts.len());
    for part in parts {
        let (part, width) = (part.contiguous()?, part.dim(1)?);
        columns.push(if part.track_op() {
            let Some(index) = arguments.iter().position(Option::is_none) else {
                bail!("more than {MAX_ARGUMENTS} matrices with variables behind them");
            };
            arguments[index] = Some(part);
            Columns::Argument { index, width }
        } else {
            Columns::Data(part)
        });
    }
    let [a, b, c] = arguments.map(|argument| argument.unwrap_or_else(|| nothing.clone()));
    let n_rows = parts.first().map_or(Ok(0), |part| part.dim(0))?;
    a.apply_op3(&b, &c, SideBySide { n_rows, columns })
}

/// `(a, b, c) -> columns of these and of data`.
struct SideBySide {
    n_rows: usize,
    columns: Vec<Columns>,
}

enum Columns {
    /// One of the operation's arguments.
    Argument {
        index: usize,
        width: usize,
    },
    Data(Tensor),
}

impl Columns {
    fn width(&self) -> Result<usize> {
        match self {
            Self::Argument { width, .. } => Ok(*width),
            Self::Data(data) => data.dim(1),
        }
    }
}

impl CustomOp3 for SideBySide {
    fn name(&self) -> &'static str {
        "side-by-side"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let arguments = [
            values(a, a_layout)?,
            values(b, b_layout)?,
            values(c, c_layout)?,
        ];
        let widths = self.columns.iter().map(Columns::width);
        let total: usize = widths.sum::<Result<_>>()?;
        let mut result = vec![0.0; self.n_rows * total];
        let mut first = 0;
        for columns in &self.columns {
            let width = columns.width()?;
            let mut copy = |from: &[f32]| {
                if from.len() != self.n_rows * width {
                    bail!(
                        "{} of {} rows is not a matrix beside the others",
                        from.len(),
                        self.n_rows
                    );
                }
                for (row, from) in result.chunks_exact_mut(total).zip(from.chunks_exact(width)) {
                    row[first..][..width].copy_from_slice(from);
                }
                Ok(())
            };
            match columns {
                Columns::Argument { index, .. } => copy(arguments[*index])?,
                Columns::Data(data) => copy(read(data).values()?)?,
            }
            first += width;
        }
        Ok((CpuStorage::F32(result), Shape::from((self.n_rows, total))))
    }

    fn bwd(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        _c: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let gradient = read(&gradient);
        let rows = gradient.values()?.chunks_exact(result.dim(1)?);
        let mut of_arguments = [const { None }; MAX_ARGUMENTS];
        let mut first = 0;
        for columns in &self.columns {
            if let Columns::Argument { index, width } = *columns {
                let mut own = Vec::with_capacity(self.n_rows * width);
                for row in rows.clone() {
                    own.extend_from_slice(&row[first..][..width]);
                }
                let shape = (self.n_rows, width);
                of_arguments[index] = Some(Tensor::from_vec(own, shape, &Device::Cpu)?);
            }
            first += columns.width()?;
        }
        let [a, b, c] = of_arguments;
        Ok((a, b, c))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::Var;

    #[test]
    fn values_and_gradients_are_those_of_a_concatenation() {
        let mut noise = Noise::from_seed(1);
        let mut random = |columns: usize| {
            let values = noise.normals(7 * columns);
            Var::from_vec(values, (7, columns), &Device::Cpu).unwrap()
        };
        let [a, b, c, data, weight] = [3, 1, 4, 2, 12].map(&mut random);
        let data = data.as_tensor().detach();
        let parts = [&a, &data, &b, &c, &data].map(|part| part as &Tensor);
        let gradients = |joined: &Tensor| {
            let weighted = (joined * weight.as_tensor()).unwrap();
            weighted.sum_all().unwrap().backward().unwrap()
        };
        let (ours, general) = (
            side_by_side(&parts).unwrap(),
            Tensor::cat(&parts, 1).unwrap(),
        );
        let (of_ours, of_general) = (gradients(&ours), gradients(&general));
        assert!(of_ours.get(&data).is_none());
        let mut pairs = vec![(&ours, &general)];
        for var in [&a, &b, &c] {
            pairs.push((of_ours.get(var).unwrap(), of_general.get(var).unwrap()));
        }
        for (ours, general) in pairs {
            assert_eq!(
                ours.to_vec2::<f32>().unwrap(),
                general.to_vec2::<f32>().unwrap()
            );
        }
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        let var = |rows: usize| Var::zeros((rows, 2), DType::F32, &Device::Cpu).unwrap();
        assert!(side_by_side(&[&var(2), &var(3)]).is_err());
        let four = [2; 4].map(var);
        assert!(side_by_side(&four.each_ref().map(|var| var as &Tensor)).is_err());
    }
}
