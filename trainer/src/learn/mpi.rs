//! The processes that an MPI launcher, such as `mpirun`, has started.

use super::ranks::Ranks;
use super::run_folder;
use anyhow::{Context as _, Result};
use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// One of the processes that a launcher has started.
struct Started {
    world: SimpleCommunicator,
    rank_on_machine: usize,
}

impl Ranks for Started {
    fn rank(&self) -> usize {
        number(self.world.rank())
    }

    fn count(&self) -> usize {
        number(self.world.size())
    }

    fn rank_on_machine(&self) -> usize {
        self.rank_on_machine
    }

    /// MPI ends the process where another one is no longer there.
    fn sum(&self, values: &mut [f32]) -> Result<()> {
        let own = values.to_vec();
        self.world
            .all_reduce_into(&own[..], values, SystemOperation::sum());
        Ok(())
    }
}

/// Does `work`, which writes into `folder`, as one of these processes.
///
/// # Errors
/// If MPI cannot be started, or the work fails.
pub(super) fn among_launched(
    folder: &Path,
    work: impl FnOnce(&dyn Ranks) -> Result<()>,
) -> Result<()> {
    let (universe, _) = mpi::initialize_with_threading(Threading::Funneled)
        .context("MPI cannot be started twice in a process")?;
    let world = universe.world();
    let machine = world.split_shared(world.rank());
    let ranks = Started {
        rank_on_machine: number(machine.rank()),
        world,
    };
    share_processors(number(machine.size()))?;
    say_when_ended(ranks.is_first().then(|| folder.to_owned()))?;
    let result = work(&ranks);
    if result.is_err() {
        // What all ranks meet with is said once, by the first, whose end is that of the others.
        if !ranks.is_first() {
            thread::sleep(Duration::from_secs(2));
        }
        // To leave MPI in order would be to wait for ranks that wait for this one: the launcher ends them.
        std::mem::forget(universe);
    }
    result.with_context(|| format!("rank {} of {}", ranks.rank(), ranks.count()))
}

/// Has the `n_ranks` of this machine share its processors, as far as they may be used, unless the user says otherwise.
fn share_processors(n_ranks: usize) -> Result<()> {
    if n_ranks == 1 || std::env::var_os("RAYON_NUM_THREADS").is_some() {
        return Ok(());
    }
    let n_processors = thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads((n_processors / n_ranks).max(1))
        .build_global()
        .context("the threads of this rank cannot be started")
}

/// Ends this process when the launcher tells it to, which it does where another rank has died; with a sentence on what is left
/// in the run's folder, where that is given.
fn say_when_ended(folder: Option<PathBuf>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM]).context("cannot listen for the launcher")?;
    let listen = move || {
        if signals.forever().next().is_some() {
            if let Some(folder) = &folder {
                eprintln!(
                    "error: the launcher ends the run, as it does when a rank has died or on Ctrl-C: {}",
                    run_folder::remainder(folder)
                );
            }
            std::process::exit(1);
        }
    };
    thread::Builder::new()
        .name("launcher".to_owned())
        .spawn(listen)
        .context("cannot listen for the launcher")?;
    Ok(())
}

/// A rank or a count of ranks.
fn number(rank: mpi::topology::Rank) -> usize {
    usize::try_from(rank).expect("ranks and their counts are not negative")
}
