//! An LSTM layer over a whole sequence, as one tensor operation for the CPU.
//!
//! Automatic differentiation of 64 steps spends most of its time adding zero-filled gradients of the same weights.
//! Here the weights are packed once for a sequence, and the backward pass leaves one product for their gradient.

use super::passes::{Activations, BackwardPass, ForwardPass, Sizes};
use super::{Direction, Outputs};
use crate::cpu::{read, values};
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use pulp::Arch;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of passes that are over, for those to come: fresh memory costs a page fault per 4 KiB.
pub(super) type Spare = Arc<Mutex<Vec<Activations>>>;

/// `(x, kernel, state) -> h`.
///
/// # Shapes
/// `x`: `[steps, batch, input]`; `kernel`: `[input + units, 4 * units]`; `state`: the initial c and h, `[batch, units]`
/// each, and the bias, `[4 * units]`, one after another in one dimension; result: `[steps, batch, units]`, or
/// `[batch, units]` of the step that is computed last.
pub(super) struct Sequence {
    direction: Direction,
    outputs: Outputs,
    /// What the backward pass needs of the forward pass.
    saved: Mutex<Option<Activations>>,
    spare: Spare,
}

impl Sequence {
    pub(super) fn new(direction: Direction, outputs: Outputs, spare: Spare) -> Self {
        Self {
            direction,
            outputs,
            saved: Mutex::new(None),
            spare,
        }
    }

    fn sizes(&self, x: &Shape, kernel: &Shape) -> Result<Sizes> {
        let (steps, batch, input) = x.dims3()?;
        let (_, width) = kernel.dims2()?;
        Ok(Sizes {
            steps,
            batch,
            input,
            units: width / 4,
            direction: self.direction,
            outputs: self.outputs,
        })
    }
}

impl CustomOp3 for Sequence {
    fn name(&self) -> &'static str {
        "lstm-sequence"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        kernel: &CpuStorage,
        kernel_layout: &Layout,
        state: &CpuStorage,
        state_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = self.sizes(x_layout.shape(), kernel_layout.shape())?;
        let (activations, outputs) = Arch::new().dispatch(ForwardPass {
            sizes,
            x: values(x, x_layout)?,
            kernel: values(kernel, kernel_layout)?,
            state: values(state, state_layout)?,
            activations: lock(&self.spare).pop().unwrap_or_default(),
        });
        *lock(&self.saved) = Some(activations);
        let shape = match self.outputs {
            Outputs::Every => Shape::from((sizes.steps, sizes.batch, sizes.units)),
            Outputs::Last => Shape::from((sizes.batch, sizes.units)),
        };
        Ok((CpuStorage::F32(outputs), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        state: &Tensor,
        _outputs: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = self.sizes(x.shape(), kernel.shape())?;
        let Some(mut activations) = lock(&self.saved).take() else {
            bail!("{}: the backward pass ran twice", self.name());
        };
        let gradient = gradient.contiguous()?;
        let (gradient, weights) = (read(&gradient), read(kernel));
        let gradients = Arch::new().dispatch(BackwardPass {
            sizes,
            activations: &mut activations,
            kernel: weights.values()?,
            gradient: gradient.values()?,
            through: x.track_op(),
        });
        lock(&self.spare).push(activations);
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), &Device::Cpu);
        Ok((
            gradients.x.map(|values| tensor(values, x)).transpose()?,
            Some(tensor(gradients.kernel, kernel)?),
            Some(tensor(gradients.state, state)?),
        ))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
