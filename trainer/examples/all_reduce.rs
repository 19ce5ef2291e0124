//! What an all-reduce costs between the ranks that `mpirun` has started, and the latency α and bandwidth β of the model in
//! docs/scale.md that follow from it.
//!
//! `cargo build --release --workspace --features fourbar-trainer/mpi --example all_reduce`, then
//! `mpirun -n 2 target/release/examples/all_reduce`.

#![expect(clippy::print_stdout, reason = "an example shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "sizes and ranks are small numbers"
)]

use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _};
use std::time::Instant;

/// Numbers in a buffer: one, as of a question to all ranks, up to those of a large model's gradient.
const SIZES: [usize; 5] = [1, 1 << 10, 1 << 16, 1 << 20, 1 << 22];
const N_ROUNDS: usize = 21;

fn main() {
    let universe = mpi::initialize().expect("MPI can be started");
    let world = universe.world();
    let seconds = SIZES.map(|n| all_reduce_seconds(&world, n));
    if world.rank() > 0 {
        return;
    }
    println!("{} ranks, medians of {N_ROUNDS} rounds", world.size());
    for (n, seconds) in SIZES.iter().zip(seconds) {
        println!("{:>10} bytes {:>10.1} µs", 4 * n, 1e6 * seconds);
    }
    let ranks = f64::from(world.size());
    let bytes = 4.0 * SIZES[4] as f64;
    let alpha = seconds[0] / (2.0 * (ranks - 1.0));
    let beta = 2.0 * (ranks - 1.0) / ranks * bytes / (seconds[4] - seconds[0]);
    println!("α {:.1} µs, β {:.2} GB/s", 1e6 * alpha, 1e-9 * beta);
}

/// Median time of the sum of `n` numbers.
fn all_reduce_seconds(world: &SimpleCommunicator, n: usize) -> f64 {
    let own = vec![1.0_f32; n];
    let mut sum = vec![0.0_f32; n];
    let mut round = || {
        world.barrier();
        let start = Instant::now();
        world.all_reduce_into(&own[..], &mut sum[..], SystemOperation::sum());
        start.elapsed().as_secs_f64()
    };
    let mut seconds: Vec<f64> = (0..N_ROUNDS).map(|_| round()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[N_ROUNDS / 2]
}
