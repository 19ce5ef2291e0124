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

/// Opens the chosen device.
///
/// # Errors
/// If the machine or this build does not have it.
pub(super) fn open(choice: Choice) -> Result<Device> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Cuda => cuda().context("no CUDA device: build with --features cuda where CUDA is installed, or use --device cpu"),
        Choice::Metal => metal().context("no Metal device: build with --features metal on a Mac, or use --device cpu"),
        Choice::Auto => Ok(cuda().or_else(metal).unwrap_or(Device::Cpu)),
    }
}

/// candle panics instead of failing where the driver's library is missing.
fn cuda() -> Option<Device> {
    if !candle_core::utils::cuda_is_available() {
        return None;
    }
    catch_unwind(|| Device::new_cuda(0)).ok()?.ok()
}

fn metal() -> Option<Device> {
    if !candle_core::utils::metal_is_available() {
        return None;
    }
    catch_unwind(|| Device::new_metal(0)).ok()?.ok()
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
