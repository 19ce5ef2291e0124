//! Dense layers as one operation for the CPU, with a hand-written gradient.
//!
//! Automatic differentiation of a product and a sum goes over every number several times more than it takes: for the
//! gradient of inputs that no variable is behind, and for sums over rows column by column. Here products go straight
//! from and to where the numbers lie.

use crate::cpu::{read, values};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use gemm::{Parallelism, gemm};
use pulp::Arch;

/// `x` times a kernel, plus a bias, for each of some groups of columns.
///
/// # Shapes
/// `x`: `[rows, groups * input]`; `kernel`: `[groups, input, output]`, or `[input, output]` of a single group; `bias`:
/// `[groups * output]`, or one for each row: `[rows, groups * output]`; result: `[rows, groups * output]`.
///
/// # Errors
/// If shapes differ or the device fails.
pub(crate) fn affine(x: &Tensor, kernel: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        let (kernel, bias) = (kernel.contiguous()?, bias.contiguous()?);
        x.contiguous()?.apply_op3(&kernel, &bias, Affine)
    } else {
        stock(x, kernel, bias)
    }
}

/// [`affine`] in stock tensor operations: for other devices, and its reference in tests.
fn stock(x: &Tensor, kernel: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let sizes = Sizes::of(x.shape(), kernel.shape())?;
    let products = if sizes.groups == 1 {
        x.matmul(&kernel.reshape((sizes.input, sizes.output))?)?
    } else {
        let x = x.reshape((sizes.rows, sizes.groups, sizes.input))?;
        let products = x.transpose(0, 1)?.contiguous()?.matmul(kernel)?;
        let products = products.transpose(0, 1)?.contiguous()?;
        products.reshape((sizes.rows, ()))?
    };
    products.broadcast_add(bias)
}

/// `(x, kernel, bias) -> y`, see [`affine`].
struct Affine;

/// What the shapes say.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    groups: usize,
    input: usize,
    output: usize,
}

impl Sizes {
    fn of(x: &Shape, kernel: &Shape) -> Result<Self> {
        let (rows, width) = x.dims2()?;
        let (groups, input, output) = match *kernel.dims() {
            [input, output] => (1, input, output),
            _ => kernel.dims3()?,
        };
        if width != groups * input {
            bail!("{x:?} does not fit the kernel {kernel:?}");
        }
        Ok(Self {
            rows,
            groups,
            input,
            output,
        })
    }

    /// The kernel of a group.
    fn kernel<'a>(&self, kernels: &'a [f32], group: usize) -> Matrix<'a> {
        let size = self.input * self.output;
        let values = &kernels[group * size..][..size];
        Matrix::of(values, self.input, self.output, self.output)
    }

    /// The columns of `x` that belong to a group.
    fn inputs<'a>(&self, x: &'a [f32], group: usize) -> Matrix<'a> {
        let first = group * self.input;
        Matrix::of(&x[first..], self.rows, self.input, self.groups * self.input)
    }

    /// The columns of `y`, or of its gradient, that belong to a group.
    fn outputs<'a>(&self, y: &'a [f32], group: usize) -> Matrix<'a> {
        let first = group * self.output;
        Matrix::of(
            &y[first..],
            self.rows,
            self.output,
            self.groups * self.output,
        )
    }
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        kernel: &CpuStorage,
        kernel_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(x_layout.shape(), kernel_layout.shape())?;
        let (x, kernel) = (values(x, x_layout)?, values(kernel, kernel_layout)?);
        let (bias, stride) = (values(bias, bias_layout)?, sizes.groups * sizes.output);
        let mut y = match *bias_layout.dims() {
            [width] if width == stride => bias.repeat(sizes.rows),
            [rows, width] if (rows, width) == (sizes.rows, stride) => bias.to_vec(),
            _ => bail!(
                "a bias {bias_layout:?} for {} x {stride} numbers",
                sizes.rows
            ),
        };
        for group in 0..sizes.groups {
            let own = &mut y[group * sizes.output..];
            add_product(
                sizes.inputs(x, group),
                sizes.kernel(kernel, group),
                own,
                stride,
            );
        }
        Ok((CpuStorage::F32(y), Shape::from((sizes.rows, stride))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(x.shape(), kernel.shape())?;
        let gradient = gradient.contiguous()?;
        // Nobody asks for the gradient of data.
        let mut of_x = x.track_op().then(|| vec![0.0; x.elem_count()]);
        let mut of_kernel = vec![0.0; kernel.elem_count()];
        let mut of_bias = (bias.rank() == 1).then(|| vec![0.0; bias.elem_count()]);
        {
            let [x, kernel, gradient] = [x, kernel, &gradient].map(read);
            let (x, kernel, gradient) = (x.values()?, kernel.values()?, gradient.values()?);
            for group in 0..sizes.groups {
                let of_y = sizes.outputs(gradient, group);
                let own = &mut of_kernel[group * sizes.input * sizes.output..];
                let inputs = sizes.inputs(x, group).transposed();
                add_product(inputs, of_y, own, sizes.output);
                if let Some(of_x) = &mut of_x {
                    let own = &mut of_x[group * sizes.input..];
                    let kernel = sizes.kernel(kernel, group).transposed();
                    add_product(of_y, kernel, own, sizes.groups * sizes.input);
                }
            }
            if let Some(of_bias) = &mut of_bias {
                Arch::new().dispatch(|| add_rows(gradient, of_bias));
            }
        }
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), &Device::Cpu);
        Ok((
            of_x.map(|of_x| tensor(of_x, x)).transpose()?,
            Some(tensor(of_kernel, kernel)?),
            Some(of_bias.map_or(Ok(gradient), |of_bias| tensor(of_bias, bias))?),
        ))
    }
}

/// A matrix in memory, row by row or column by column.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// How far a row, and a column, lies from the next one.
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The first `columns` columns of `values`, which have a row every `stride` numbers.
    fn of(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            values,
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
        }
    }

    fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Numbers from the first one to the last one.
    fn extent(&self) -> usize {
        match (self.rows, self.columns) {
            (0, _) | (_, 0) => 0,
            (rows, columns) => {
                (rows - 1) * self.row_stride + (columns - 1) * self.column_stride + 1
            }
        }
    }
}

/// Adds the product of `a` and `b` to the matrix in `sums`, which has a row every `stride` numbers. The numbers of a row do
/// not depend on how many rows there are.
fn add_product(a: Matrix, b: Matrix, sums: &mut [f32], stride: usize) {
    if a.rows == 1 {
        // gemm begins a single row with what is there, and adds it to several rows when they are summed up.
        let mut product = vec![0.0; b.columns];
        multiply_add(a, b, &mut product, b.columns);
        add_rows(&product, &mut sums[..b.columns]);
    } else {
        multiply_add(a, b, sums, stride);
    }
}

/// [`add_product`], rounded as gemm does.
#[expect(unsafe_code, reason = "gemm takes pointers; the extents are checked")]
fn multiply_add(a: Matrix, b: Matrix, sums: &mut [f32], stride: usize) {
    let (rows, columns, depth) = (a.rows, b.columns, a.columns);
    assert_eq!(b.rows, depth, "matrices that fit");
    assert!(columns <= stride, "rows of the result do not overlap");
    for matrix in [a, b, Matrix::of(sums, rows, columns, stride)] {
        assert!(matrix.extent() <= matrix.values.len(), "a matrix in memory");
    }
    unsafe {
        gemm(
            rows,
            columns,
            depth,
            sums.as_mut_ptr(),
            1,
            stride.cast_signed(),
            true,
            a.values.as_ptr(),
            a.column_stride.cast_signed(),
            a.row_stride.cast_signed(),
            b.values.as_ptr(),
            b.column_stride.cast_signed(),
            b.row_stride.cast_signed(),
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Adds each row of a matrix to `sums`.
#[inline(always)]
fn add_rows(matrix: &[f32], sums: &mut [f32]) {
    for row in matrix.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::Var;

    fn random(shape: &[usize], noise: &mut Noise) -> Var {
        let values = noise.normals(shape.iter().product());
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn assert_close(found: &Tensor, expected: &Tensor) {
        assert_eq!(found.dims(), expected.dims());
        let [found, expected] =
            [found, expected].map(|x| x.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found}, {expected}");
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_stock_operations() {
        let mut noise = Noise::from_seed(1);
        for (rows, groups, input, output) in [(37, 1, 20, 33), (5, 9, 12, 7), (1, 1, 1, 3)] {
            let x = random(&[rows, groups * input], &mut noise);
            let kernel = match groups {
                1 => random(&[input, output], &mut noise),
                _ => random(&[groups, input, output], &mut noise),
            };
            let weight = random(&[rows, groups * output], &mut noise);
            let gradients = |y: &Tensor| {
                let weighted = (y * weight.as_tensor()).unwrap();
                weighted.sum_all().unwrap().backward().unwrap()
            };
            for bias in [&[groups * output][..], &[rows, groups * output]] {
                let bias = random(bias, &mut noise);
                let fused = affine(&x, &kernel, &bias).unwrap();
                let expected = stock(&x, &kernel, &bias).unwrap();
                assert_close(&fused, &expected);
                let (fused, expected) = (gradients(&fused), gradients(&expected));
                for var in [&x, &kernel, &bias] {
                    assert_close(fused.get(var).unwrap(), expected.get(var).unwrap());
                }
                let data = x.as_tensor().detach();
                let without = gradients(&affine(&data, &kernel, &bias).unwrap());
                assert!(without.get(&data).is_none());
                for var in [&kernel, &bias] {
                    assert_close(without.get(var).unwrap(), expected.get(var).unwrap());
                }
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tensor = |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu);
        let x = tensor(&[2, 6]).unwrap();
        for (kernel, bias) in [
            (&[5, 4][..], &[4][..]),
            (&[2, 3, 4], &[4]),
            (&[6, 4], &[5]),
            (&[6, 4], &[3, 4]),
        ] {
            assert!(affine(&x, &tensor(kernel).unwrap(), &tensor(bias).unwrap()).is_err());
        }
    }
}
