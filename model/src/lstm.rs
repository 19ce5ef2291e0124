//! LSTM layers with Magenta's equations, gate order and initial state.
//!
//! A layer runs either one step at a time (a decoder that feeds on its own output, or any device) or over a whole
//! sequence whose input is known in advance (the encoder, and the decoder under teacher forcing). On the CPU the
//! second form is one fused operation with a hand-written backward pass.
//!
//! # Source
//! TensorFlow's `LSTMBlockCell` as Magenta uses it: gates i, g, f, o from one kernel over `[x; h]`, and 1 added to f.

mod recurrence;

use candle_core::{D, Result, Tensor};
use candle_nn::VarBuilder;
use recurrence::Recurrence;

/// Which end of a sequence a layer starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From step 0 on.
    Forward,
    /// From the last step back to step 0.
    Backward,
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
    /// Rows of the input: `[input, 4 * units]`.
    input_kernel: Tensor,
    /// Rows of the recurrence: `[units, 4 * units]`.
    recurrent_kernel: Tensor,
    /// `[4 * units]`.
    bias: Tensor,
    units: usize,
}

impl Lstm {
    /// The layer whose tensors `kernel` `[input + units, 4 * units]` and `bias` `[4 * units]` are in `vb`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(input: usize, units: usize, vb: &VarBuilder) -> Result<Self> {
        let kernel = vb.get((input + units, 4 * units), "kernel")?;
        Ok(Self {
            input_kernel: kernel.narrow(0, 0, input)?,
            recurrent_kernel: kernel.narrow(0, input, units)?,
            bias: vb.get(4 * units, "bias")?,
            units,
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
        let projected = x.matmul(&self.input_kernel)?.broadcast_add(&self.bias)?;
        self.step_projected(&projected, state)
    }

    /// One step whose input has been multiplied by the input rows of the kernel already, bias included.
    fn step_projected(&self, projected: &Tensor, state: &LstmState) -> Result<LstmState> {
        let gates = (projected + state.h.matmul(&self.recurrent_kernel)?)?.chunk(4, D::Minus1)?;
        let [i, g, f, o] = gates.as_slice() else {
            candle_core::bail!("an LSTM has four gates");
        };
        let kept = (&state.c * candle_nn::ops::sigmoid(&(f + 1.0)?)?)?;
        let c = (kept + (candle_nn::ops::sigmoid(i)? * g.tanh()?)?)?;
        let h = (candle_nn::ops::sigmoid(o)? * c.tanh()?)?;
        Ok(LstmState { c, h })
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
        let (steps, batch, input) = x.dims3()?;
        let projected = x
            .reshape((steps * batch, input))?
            .matmul(&self.input_kernel)?
            .reshape((steps, batch, 4 * self.units))?;
        if x.device().is_cpu() {
            let kernel = Tensor::cat(&[&self.recurrent_kernel, &self.bias.unsqueeze(0)?], 0)?;
            let initial = Tensor::cat(&[&initial.c, &initial.h], 1)?;
            return projected.apply_op3(&kernel, &initial, Recurrence::new(direction));
        }
        let mut outputs = self.steps(&projected.broadcast_add(&self.bias)?, initial, direction)?;
        if direction == Direction::Backward {
            outputs.reverse();
        }
        Tensor::stack(&outputs, 0)
    }

    /// The recurrence in stock tensor operations: for devices without the fused one, and its reference in tests.
    /// Outputs are in the order in which they were computed.
    fn steps(
        &self,
        projected: &Tensor,
        initial: &LstmState,
        direction: Direction,
    ) -> Result<Vec<Tensor>> {
        let steps = projected.dim(0)?;
        let mut state = initial.clone();
        (0..steps)
            .map(|i| {
                let t = match direction {
                    Direction::Forward => i,
                    Direction::Backward => steps - 1 - i,
                };
                state = self.step_projected(&projected.get(t)?, &state)?;
                Ok(state.h.clone())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;
    use crate::noise::Noise;
    use candle_core::{DType, Device, Var};
    use std::collections::HashMap;

    fn random(shape: &[usize], noise: &mut Noise) -> Var {
        let values = noise.normals(shape.iter().product());
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        Var::from_tensor(&(tensor * 0.3).unwrap()).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
        difference.max(0).unwrap().to_scalar::<f32>().unwrap()
    }

    /// Outputs and gradients of the fused operation against automatic differentiation of the stock operations, for
    /// sizes that fill whole vectors and tiles and for sizes that leave a remainder.
    #[test]
    fn fused_sequence_equals_stock_operations_in_values_and_gradients() {
        for (steps, batch, input, units) in [(5, 3, 4, 10), (3, 13, 7, 64), (2, 6, 5, 16)] {
            for direction in [Direction::Forward, Direction::Backward] {
                let mut noise = Noise::from_seed(7);
                let x = random(&[steps, batch, input], &mut noise);
                let kernel = random(&[input + units, 4 * units], &mut noise);
                let bias = random(&[4 * units], &mut noise);
                let c = random(&[batch, units], &mut noise);
                let h = random(&[batch, units], &mut noise);
                let weight = random(&[steps, batch, units], &mut noise);
                let tensors = HashMap::from([
                    ("kernel".to_owned(), kernel.as_tensor().clone()),
                    ("bias".to_owned(), bias.as_tensor().clone()),
                ]);
                let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
                let lstm = Lstm::new(input, units, &vb).unwrap();
                let initial = LstmState {
                    c: c.as_tensor().clone(),
                    h: h.as_tensor().clone(),
                };

                let fused = lstm.sequence(&x, &initial, direction).unwrap();
                let flat = x.reshape((steps * batch, input)).unwrap();
                let projected = flat.matmul(&lstm.input_kernel).unwrap();
                let projected = projected.broadcast_add(&lstm.bias).unwrap();
                let projected = projected.reshape((steps, batch, 4 * units)).unwrap();
                let mut stock = lstm.steps(&projected, &initial, direction).unwrap();
                if direction == Direction::Backward {
                    stock.reverse();
                }
                let stock = Tensor::stack(&stock, 0).unwrap();
                assert!(largest_difference(&fused, &stock) < 2e-6);

                let fused_gradients = (&fused * weight.as_tensor()).unwrap();
                let fused_gradients = fused_gradients.sum_all().unwrap().backward().unwrap();
                let stock_gradients = (&stock * weight.as_tensor()).unwrap();
                let stock_gradients = stock_gradients.sum_all().unwrap().backward().unwrap();
                for var in [&x, &kernel, &bias, &c, &h] {
                    let ours = fused_gradients.get(var).unwrap();
                    let theirs = stock_gradients.get(var).unwrap();
                    let largest = theirs.abs().unwrap().flatten_all().unwrap();
                    let largest = largest.max(0).unwrap().to_scalar::<f32>().unwrap();
                    assert!(largest_difference(ours, theirs) < 2e-6 * largest.max(1.0));
                }
            }
        }
    }
}
