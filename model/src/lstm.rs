//! LSTM layers with Magenta's equations, gate order and initial state.
//!
//! A layer runs either one step at a time (a decoder that feeds on its own output) or over a whole sequence whose input is
//! known in advance (the encoder, and the decoder under teacher forcing). The second form is one operation with a
//! hand-written backward pass: fused for the CPU, in tensor operations elsewhere.
//!
//! # Source
//! TensorFlow's `LSTMBlockCell` as Magenta uses it: gates i, g, f, o from one kernel over `[x; h]`, and 1 added to f.

mod blocks;
mod passes;
mod recurrence;
mod sequence;
mod vector;

use crate::parameters::{Init, Parameters};
use candle_core::{D, Result, Tensor};
use recurrence::Recurrence;
use sequence::{Sequence, Spare};

/// Which end of a sequence a layer starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From step 0 on.
    Forward,
    /// From the last step back to step 0.
    Backward,
}

/// Which outputs of a sequence are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outputs {
    Every,
    /// The one computed last.
    Last,
}

/// The memory of one layer between two steps.
#[derive(Debug, Clone)]
pub struct LstmState {
    /// Cell, `[batch, units]`.
    pub c: Tensor,
    /// Output, `[batch, units]`.
    pub h: Tensor,
}

impl LstmState {
    /// The state before the first step where nothing else is said: zeros, on the device and in the type of `like`.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn zeros(batch: usize, units: usize, like: &Tensor) -> Result<Self> {
        let zeros = Tensor::zeros((batch, units), like.dtype(), like.device())?;
        Ok(Self {
            c: zeros.clone(),
            h: zeros,
        })
    }
}

/// One LSTM layer in one direction.
#[derive(Debug, Clone)]
pub struct Lstm {
    /// Rows of the input, then those of the recurrence: `[input + units, 4 * units]`.
    pub(crate) kernel: Tensor,
    /// `[4 * units]`.
    pub(crate) bias: Tensor,
    units: usize,
    spare: Spare,
}

impl Lstm {
    /// The layer whose tensors are `kernel` `[input + units, 4 * units]` and `bias` `[4 * units]`. The kernel begins
    /// spread over the joint width of input and recurrence, as in TensorFlow.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(input: usize, units: usize, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            kernel: parameters.get("kernel", &[input + units, 4 * units], Init::Glorot)?,
            bias: parameters.get("bias", &[4 * units], Init::Zeros)?,
            units,
            spare: Spare::default(),
        })
    }

    /// Units of this layer.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// One step.
    ///
    /// # Shapes
    /// `x`: `[batch, input]`; the state before and after: `[batch, units]` each.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn step(&self, x: &Tensor, state: &LstmState) -> Result<LstmState> {
        // One product with the whole kernel: parts of it would each cost a gradient of its full size. It goes through a
        // view, because candle keeps every term of a sum of gradients that come straight from products.
        let kernel = self.kernel.reshape(self.kernel.shape())?;
        let inputs = Tensor::cat(&[x, &state.h], 1)?;
        let gates = inputs.matmul(&kernel)?.broadcast_add(&self.bias)?;
        advance(&gates, state)
    }

    /// A whole sequence.
    ///
    /// # Shapes
    /// `x`: `[steps, batch, input]`; `initial`: `[batch, units]` each; result: the output h of every step,
    /// `[steps, batch, units]`, in the order of time whatever the direction.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sequence(
        &self,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
    ) -> Result<Tensor> {
        self.whole(x, initial, direction, Outputs::Every)
    }

    /// The output of the last step of [`Self::sequence`] that is computed (step 0 of a backward layer),
    /// `[batch, units]`, for less than all of them.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn last(&self, x: &Tensor, initial: &LstmState, direction: Direction) -> Result<Tensor> {
        self.whole(x, initial, direction, Outputs::Last)
    }

    /// All that an operation of a whole sequence reads besides its input and the kernel; see [`Sequence`].
    fn state(&self, initial: &LstmState) -> Result<Tensor> {
        let (c, h) = (initial.c.flatten_all()?, initial.h.flatten_all()?);
        Tensor::cat(&[&c, &h, &self.bias], 0)
    }

    /// [`Self::sequence`] or [`Self::last`] as one operation with a hand-written gradient.
    fn whole(
        &self,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
        outputs: Outputs,
    ) -> Result<Tensor> {
        let state = self.state(initial)?;
        let x = x.contiguous()?;
        if x.device().is_cpu() {
            let operation = Sequence::new(direction, outputs, self.spare.clone());
            x.apply_op3(&self.kernel, &state, operation)
        } else {
            let operation = Recurrence::run(&x, &self.kernel, &state, direction, outputs)?;
            x.apply_op3(&self.kernel, &state, operation)
        }
    }
}

/// The state after a step, from the sums that its gates are taken of: `[batch, 4 * units]`.
fn advance(gates: &Tensor, state: &LstmState) -> Result<LstmState> {
    let gates = gates.chunk(4, D::Minus1)?;
    let [i, g, f, o] = gates.as_slice() else {
        candle_core::bail!("an LSTM has four gates");
    };
    let kept = (&state.c * candle_nn::ops::sigmoid(&(f + 1.0)?)?)?;
    let c = (kept + (candle_nn::ops::sigmoid(i)? * g.tanh()?)?)?;
    let h = (candle_nn::ops::sigmoid(o)? * c.tanh()?)?;
    Ok(LstmState { c, h })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::{Device, Var};
    use std::collections::BTreeMap;

    fn random(shape: &[usize], noise: &mut Noise) -> Var {
        let values = noise.normals(shape.iter().product());
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        Var::from_tensor(&(tensor * 0.3).unwrap()).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
        difference.max(0).unwrap().to_scalar::<f32>().unwrap()
    }

    /// The recurrence step by step, for automatic differentiation. Outputs are in the order in which they were computed.
    fn step_by_step(
        lstm: &Lstm,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
    ) -> Vec<Tensor> {
        let mut order: Vec<usize> = (0..x.dim(0).unwrap()).collect();
        if direction == Direction::Backward {
            order.reverse();
        }
        let mut state = initial.clone();
        let step = |t| {
            state = lstm.step(&x.get(t).unwrap(), &state).unwrap();
            state.h.clone()
        };
        order.into_iter().map(step).collect()
    }

    /// The layer as it runs on a GPU, on the CPU.
    fn as_on_a_gpu(
        lstm: &Lstm,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
        outputs: Outputs,
    ) -> Tensor {
        let state = lstm.state(initial).unwrap();
        let operation = Recurrence::run(x, &lstm.kernel, &state, direction, outputs).unwrap();
        x.apply_op3(&lstm.kernel, &state, operation).unwrap()
    }

    /// Outputs and gradients of the operations of whole sequences against automatic differentiation of single steps, for
    /// sizes that fill whole vectors and tiles and for sizes that leave a remainder, also in used memory.
    #[test]
    fn whole_sequences_equal_single_steps_in_values_and_gradients() {
        for (steps, batch, input, units) in [
            (5, 3, 4, 10),
            (3, 13, 7, 64),
            (2, 6, 32, 16),
            (29, 16, 20, 24),
        ] {
            let mut noise = Noise::from_seed(7);
            let x = random(&[steps, batch, input], &mut noise);
            let kernel = random(&[input + units, 4 * units], &mut noise);
            let bias = random(&[4 * units], &mut noise);
            let c = random(&[batch, units], &mut noise);
            let h = random(&[batch, units], &mut noise);
            let tensors = BTreeMap::from([
                ("kernel".to_owned(), kernel.as_tensor().clone()),
                ("bias".to_owned(), bias.as_tensor().clone()),
            ]);
            let lstm = Lstm::new(input, units, &Parameters::new(&tensors)).unwrap();
            let initial = LstmState {
                c: c.as_tensor().clone(),
                h: h.as_tensor().clone(),
            };
            for direction in [Direction::Forward, Direction::Backward] {
                let mut stock = step_by_step(&lstm, &x, &initial, direction);
                let stock_last = stock.last().unwrap().clone();
                if direction == Direction::Backward {
                    stock.reverse();
                }
                let stock = Tensor::stack(&stock, 0).unwrap();
                let fused = lstm.sequence(&x, &initial, direction).unwrap();
                let variables = [&kernel, &bias, &c, &h, &x];
                assert_same(&fused, &stock, &variables, &mut noise);
                let fused_last = lstm.last(&x, &initial, direction).unwrap();
                assert_same(&fused_last, &stock_last, &variables, &mut noise);
                let on_gpu = as_on_a_gpu(&lstm, &x, &initial, direction, Outputs::Every);
                assert_same(&on_gpu, &stock, &variables, &mut noise);
                let on_gpu = as_on_a_gpu(&lstm, &x, &initial, direction, Outputs::Last);
                assert_same(&on_gpu, &stock_last, &variables, &mut noise);
                let data = x.as_tensor().detach();
                let fused = lstm.sequence(&data, &initial, direction).unwrap();
                assert_same(&fused, &stock, &variables[..4], &mut noise);
            }
        }
    }

    /// Compares values, and the gradients of a random weighting of them.
    fn assert_same(fused: &Tensor, stock: &Tensor, variables: &[&Var], noise: &mut Noise) {
        assert!(largest_difference(fused, stock) < 2e-6);
        let weight = random(fused.dims(), noise);
        let gradients = |x: &Tensor| {
            let weighted = (x * weight.as_tensor()).unwrap();
            weighted.sum_all().unwrap().backward().unwrap()
        };
        let (ours, theirs) = (gradients(fused), gradients(stock));
        for var in variables {
            let (ours, theirs) = (ours.get(var).unwrap(), theirs.get(var).unwrap());
            let largest = theirs.abs().unwrap().flatten_all().unwrap();
            let largest = largest.max(0).unwrap().to_scalar::<f32>().unwrap();
            assert!(largest_difference(ours, theirs) < 2e-6 * largest.max(1.0));
        }
    }
}
