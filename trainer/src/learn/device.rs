//! Which processor does the tensor arithmetic.

use anyhow::{Context as _, Result};
use candle_core::Device;
use clap::ValueEnum;
use std::panic::catch_unwind;

/// Choice of `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// A GPU where this build and the machine have one, else the CPU.
    Auto,
    /// All cores of the CPU.
    Cpu,
    /// An NVIDIA GPU; needs a build with `--features cuda`.
    Cuda,
    /// An Apple GPU; needs a build with `--features metal`.
    Metal,
}

/// Opens the chosen device; of GPUs the one with this number, so that ranks on one machine have one each.
///
/// # Errors
/// If the machine or this build does not have it.
pub(super) fn open(choice: Choice, number: usize) -> Result<Device> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Cuda => cuda(number).with_context(|| format!("no CUDA device number {number}: build with --features cuda where CUDA is installed, or use --device cpu")),
        Choice::Metal => metal(number).context("no Metal device: build with --features metal on a Mac, or use --device cpu"),
        Choice::Auto => Ok(cuda(number).or_else(|| metal(number)).unwrap_or(Device::Cpu)),
    }
}

/// candle panics instead of failing where the driver's library is missing.
fn cuda(number: usize) -> Option<Device> {
    if !candle_core::utils::cuda_is_available() {
        return None;
    }
    catch_unwind(|| Device::new_cuda(number)).ok()?.ok()
}

fn metal(number: usize) -> Option<Device> {
    if !candle_core::utils::metal_is_available() {
        return None;
    }
    catch_unwind(|| Device::new_metal(number)).ok()?.ok()
}

/// What a device is called in messages.
#[must_use]
pub(super) fn name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "CPU",
        Device::Cuda(_) => "CUDA",
        Device::Metal(_) => "Metal",
    }
}
