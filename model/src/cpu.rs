//! How operations of our own for the CPU get at the numbers of tensors.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};
use std::ops::Deref;

/// The single-precision values of a tensor that lies in memory without gaps.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("an operation for the CPU needs contiguous tensors");
    };
    Ok(&storage.as_slice()?[start..end])
}

/// A tensor that is being read.
pub(crate) struct Reading<'a, Guard> {
    storage: Guard,
    layout: &'a Layout,
}

/// Holds a tensor's numbers, until what is returned goes out of scope.
pub(crate) fn read(tensor: &Tensor) -> Reading<'_, impl Deref<Target = Storage>> {
    let (storage, layout) = tensor.storage_and_layout();
    Reading { storage, layout }
}

impl<Guard: Deref<Target = Storage>> Reading<'_, Guard> {
    /// As [`values`].
    pub(crate) fn values(&self) -> Result<&[f32]> {
        match &*self.storage {
            Storage::Cpu(storage) => values(storage, self.layout),
            _ => bail!("an operation for the CPU got a tensor that is elsewhere"),
        }
    }
}
