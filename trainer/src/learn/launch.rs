//! Whether this process trains alone or is one of those that an MPI launcher has started.

#[cfg(feature = "mpi")]
use super::mpi::among_launched;
use super::ranks::{Alone, Ranks};
use anyhow::Result;
use std::path::Path;

/// Does `work`, which writes into `folder`, as one of the processes that an MPI launcher has started; in this process alone
/// where none has, without a word to MPI, which would leave files behind and can be started once only.
///
/// # Errors
/// If a launcher has started several processes and MPI cannot be started or is not built in, or the work fails.
pub(super) fn among_all(folder: &Path, work: impl FnOnce(&dyn Ranks) -> Result<()>) -> Result<()> {
    // Open MPI's variable, that of MPICH and those that descend from it, and that of Slurm's srun.
    let variables = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
    let count = variables.iter().find_map(|name| std::env::var(name).ok());
    if count.is_none_or(|count| count == "1") {
        return work(&Alone);
    }
    among_launched(folder, work)
}

/// Refuses the work, which each process would do alone, into the same folder.
#[cfg(not(feature = "mpi"))]
fn among_launched(_: &Path, _: impl FnOnce(&dyn Ranks) -> Result<()>) -> Result<()> {
    anyhow::bail!(
        "this fourbar cannot train with others: build it with --features mpi, or leave out mpirun"
    )
}
