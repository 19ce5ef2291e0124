//! Training a model further on a user's loops: `fourbar train --base`, as a program of its own.
//!
//! The plugin holds no training code. A run belongs to the plugin instance and not to its window. It has a thread, which
//! writes the loops into a folder, starts the command, follows what it writes, and puts the model among the user's. Nothing
//! here is called on the audio thread.

mod command;
mod loops;
mod process;
mod run;

pub use command::VARIABLE as COMMAND_VARIABLE;
pub use loops::Loops;
pub use run::{Failure, Order, Progress, Steps};

use crate::inference::engine::guarded;
use crate::inference::models::Choice;
use run::Ended;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The training of one plugin instance, which the plugin and its window hold.
#[derive(Debug, Default)]
pub struct Training {
    state: Arc<Mutex<State>>,
    job: Mutex<Option<Job>>,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum State {
    /// Nothing was trained yet, or what was is cancelled.
    #[default]
    Idle,
    /// A run has come so far.
    Running(Progress),
    /// The last run has ended: the name of the model in the models folder, or why there is none.
    Ended(Result<String, Failure>),
}

/// A run on its thread.
#[derive(Debug)]
struct Job {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Training {
    /// Starts a run, unless one is on its way. `chosen` is called with the model once it is among the user's.
    pub fn start(&self, order: Order, chosen: impl FnOnce(Choice) + Send + 'static) {
        if self.is_running() {
            return;
        }
        self.end();
        let stop = Arc::<AtomicBool>::default();
        *locked(&self.state) = State::Running(Progress::beginning(&order));
        let (state, is_to_stop) = (self.state.clone(), stop.clone());
        let run = move || {
            let tell = |progress| *locked(&state) = State::Running(progress);
            let ended =
                guarded(|| Ok(run::run(&order, tell, &is_to_stop))).unwrap_or_else(|panic| {
                    Err(Failure::said(format!("Nothing was trained: {panic}.")))
                });
            *locked(&state) = match ended {
                Ok(Ended::Cancelled) => State::Idle,
                Ok(Ended::With(file)) => {
                    let model = Choice::in_file(&file);
                    let name = model.name().to_owned();
                    chosen(model);
                    State::Ended(Ok(name))
                }
                Err(failure) => State::Ended(Err(failure)),
            };
        };
        let thread = thread::Builder::new().name("fourbar training".to_owned());
        match thread.spawn(run) {
            Ok(thread) => *locked(&self.job) = Some(Job { stop, thread }),
            Err(error) => {
                let problem =
                    format!("Nothing was trained: the system gave us no thread ({error}).");
                *locked(&self.state) = State::Ended(Err(Failure::said(problem)));
            }
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        locked(&self.state).clone()
    }

    /// Whether a run is on its way.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(*locked(&self.state), State::Running(_))
    }

    /// Asks the run to end without a model; it does so soon.
    pub fn cancel(&self) {
        if let Some(job) = &*locked(&self.job) {
            job.stop();
        }
    }

    /// Ends the run, with the program that trains, and waits for its thread: no other may run the plugin's code once the
    /// plugin is removed. That takes some milliseconds.
    pub fn end(&self) {
        let job = locked(&self.job).take();
        if let Some(job) = job {
            job.stop();
            // One that panicked has ended too.
            let _ = job.thread.join();
        }
    }
}

impl Job {
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

/// Locks `mutex`; what is in it is replaced whole, so that no panic leaves it half-written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
