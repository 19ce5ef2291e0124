//! An LSTM layer over a whole sequence in tensor operations, for GPUs.
//!
//! There an operation costs the same however small it is, and automatic differentiation needs more than a hundred for a step,
//! most of which add zeros. Here a step is nine, and its gradient some fifteen.

use super::{Direction, Outputs};
use candle_core::backend::BackendStorage as _;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp3, Layout, MetalStorage, Result, Shape, Storage, Tensor, bail,
};
use candle_nn::ops::sigmoid;

/// The result of [`super::Sequence`], computed already, and its gradient.
pub(super) struct Recurrence {
    direction: Direction,
    outputs: Outputs,
    /// In the order in which they were computed.
    steps: Vec<Step>,
    result: Tensor,
}

/// What the gradient needs of a step.
struct Step {
    h_before: Tensor,
    c_before: Tensor,
    /// The gates after their sigmoid, i, unused, f and o: `[batch, 4 * units]`.
    gates: Tensor,
    /// The new values, `[batch, units]`.
    g: Tensor,
    /// tanh of the cell after the step.
    tanh_c: Tensor,
}

impl Recurrence {
    /// Runs the layer; shapes are those of [`super::Sequence`].
    pub(super) fn run(
        x: &Tensor,
        kernel: &Tensor,
        state: &Tensor,
        direction: Direction,
        outputs: Outputs,
    ) -> Result<Self> {
        let (x, kernel, state) = (x.detach(), kernel.detach(), state.detach());
        let (n_steps, batch, input) = x.dims3()?;
        let units = kernel.dim(1)? / 4;
        let n = batch * units;
        let mut c = state.narrow(0, 0, n)?.reshape((batch, units))?;
        let mut h = state.narrow(0, n, n)?.reshape((batch, units))?;
        let bias = (state.narrow(0, 2 * n, 4 * units)? + one_for_f(units, &state)?)?;
        let projected = x
            .flatten(0, 1)?
            .matmul(&kernel.narrow(0, 0, input)?)?
            .broadcast_add(&bias)?
            .reshape((n_steps, batch, 4 * units))?;
        let recurrent_kernel = kernel.narrow(0, input, units)?;
        let mut steps = Vec::with_capacity(n_steps);
        let mut hs = Vec::with_capacity(n_steps);
        for t in in_order(direction, n_steps) {
            let sums = (projected.get(t)? + h.matmul(&recurrent_kernel)?)?;
            let gates = sigmoid(&sums)?;
            let [i, f, o] = [0, 2, 3].map(|gate| part(&gates, gate));
            let g = part(&sums, 1)?.tanh()?;
            let c_after = ((i? * &g)? + (f? * &c)?)?;
            let tanh_c = c_after.tanh()?;
            let h_after = (o? * &tanh_c)?;
            hs.push(h_after.clone());
            steps.push(Step {
                h_before: std::mem::replace(&mut h, h_after),
                c_before: std::mem::replace(&mut c, c_after),
                gates,
                g,
                tanh_c,
            });
        }
        let result = match outputs {
            Outputs::Every => stack_in_time(hs, direction)?,
            Outputs::Last => h,
        };
        Ok(Self {
            direction,
            outputs,
            steps,
            result,
        })
    }

    /// Something of every step, `[steps, …]` in the order in which the steps were computed.
    fn of_all(&self, of: impl Fn(&Step) -> &Tensor) -> Result<Tensor> {
        let tensors: Vec<&Tensor> = self.steps.iter().map(of).collect();
        Tensor::stack(&tensors, 0)
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "lstm-recurrence"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.result.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("{}: the result is on another device", self.name()),
        }
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (storage, layout) = self.result.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("{}: the result is on another device", self.name()),
        }
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        let (storage, layout) = self.result.storage_and_layout();
        match &*storage {
            Storage::Metal(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("{}: the result is on another device", self.name()),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        _state: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (x_tracked, x, kernel) = (x.track_op(), x.detach(), kernel.detach());
        let (n_steps, batch, input) = x.dims3()?;
        let units = kernel.dim(1)? / 4;
        // What the gradients of h and of c are multiplied by, of all steps at once.
        let gates = self.of_all(|step| &step.gates)?;
        let [i, f, o] = [0, 2, 3].map(|gate| gates.narrow(2, gate * units, units));
        let (i, f, o) = (i?, f?, o?);
        let g = self.of_all(|step| &step.g)?;
        let tanh_c = self.of_all(|step| &step.tanh_c)?;
        let c_before = self.of_all(|step| &step.c_before)?;
        let h_to_c = (&o * of_tanh(&tanh_c)?)?;
        let h_to_o = (&tanh_c * of_sigmoid(&o)?)?;
        let to_i = (&g * of_sigmoid(&i)?)?;
        let to_g = (&i * of_tanh(&g)?)?;
        let to_f = (&c_before * of_sigmoid(&f)?)?;
        let c_to_sums = Tensor::stack(&[to_i, to_g, to_f], 2)?;

        let recurrent_kernel = kernel.narrow(0, input, units)?.t()?;
        let mut dh = Tensor::zeros((batch, units), x.dtype(), x.device())?;
        let mut dc = dh.clone();
        let mut dsums = Vec::with_capacity(n_steps);
        let order: Vec<usize> = in_order(self.direction, n_steps).collect();
        for (step, &t) in order.iter().enumerate().rev() {
            dh = match self.outputs {
                Outputs::Every => (dh + gradient.get(t)?)?,
                Outputs::Last if step + 1 == n_steps => gradient.clone(),
                Outputs::Last => dh,
            };
            dc = (dc + (&dh * h_to_c.get(step)?)?)?;
            let of_c = dc.unsqueeze(1)?.broadcast_mul(&c_to_sums.get(step)?)?;
            let of_o = (&dh * h_to_o.get(step)?)?;
            let of_sums = Tensor::cat(&[of_c.reshape((batch, 3 * units))?, of_o], 1)?;
            dc = (dc * f.get(step)?)?;
            dh = of_sums.matmul(&recurrent_kernel)?;
            dsums.push(of_sums);
        }
        dsums.reverse();
        let dsums = stack_in_time(dsums, self.direction)?.flatten(0, 1)?;
        let h_before = self.steps.iter().map(|step| step.h_before.clone());
        let h_before = stack_in_time(h_before.collect(), self.direction)?.flatten(0, 1)?;
        let dx = if x_tracked {
            let dx = dsums.matmul(&kernel.narrow(0, 0, input)?.t()?)?;
            Some(dx.reshape(x.shape())?)
        } else {
            None
        };
        let dkernel = [x.flatten(0, 1)?, h_before].map(|inputs| inputs.t()?.matmul(&dsums));
        let [of_input, of_recurrence] = dkernel;
        let dkernel = Tensor::cat(&[of_input?, of_recurrence?], 0)?;
        let dstate = [dc.flatten_all()?, dh.flatten_all()?, dsums.sum(0)?];
        Ok((dx, Some(dkernel), Some(Tensor::cat(&dstate, 0)?)))
    }
}

/// The steps as they are computed.
fn in_order(direction: Direction, n_steps: usize) -> impl Iterator<Item = usize> {
    (0..n_steps).map(move |step| match direction {
        Direction::Forward => step,
        Direction::Backward => n_steps - 1 - step,
    })
}

/// What was computed step by step, in the order of time: `[steps, …]`.
fn stack_in_time(mut tensors: Vec<Tensor>, direction: Direction) -> Result<Tensor> {
    if direction == Direction::Backward {
        tensors.reverse();
    }
    Tensor::stack(&tensors, 0)
}

/// A quarter of the columns.
fn part(gates: &Tensor, gate: usize) -> Result<Tensor> {
    let units = gates.dim(1)? / 4;
    gates.narrow(1, gate * units, units)
}

/// What is added to the bias: 1 for f, `[4 * units]`.
fn one_for_f(units: usize, like: &Tensor) -> Result<Tensor> {
    let ones: Vec<f32> = (0..4 * units)
        .map(|unit| f32::from(u8::from(unit / units == 2)))
        .collect();
    Tensor::new(ones, like.device())
}

/// The derivative of the sigmoid where it is `y`.
fn of_sigmoid(y: &Tensor) -> Result<Tensor> {
    y - y.sqr()?
}

/// The derivative of the hyperbolic tangent where it is `y`.
fn of_tanh(y: &Tensor) -> Result<Tensor> {
    y.sqr()?.affine(-1.0, 1.0)
}
