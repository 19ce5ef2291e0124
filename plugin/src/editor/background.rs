//! Work that the window does not wait for: files and other programs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread::{self, JoinHandle};

/// A job on a thread of its own, and its outcome or what went wrong.
#[derive(Debug)]
pub(super) struct Background<T> {
    outcome: Receiver<Result<T, String>>,
    /// Of a job that may take long.
    stoppable: Option<Stoppable>,
}

/// A job that ends soon after it is asked to.
#[derive(Debug)]
struct Stoppable {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `job` on a thread with this name.
    pub(super) fn start(
        name: &str,
        job: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Self {
        let (outcome, _) = start(name, job);
        Self {
            outcome,
            stoppable: None,
        }
    }

    /// Starts a `job` that may take long: it looks at its flag again and again, and ends soon once that is set, which is
    /// where this is dropped. A host may unload the plugin right after, and no thread may still run its code.
    pub(super) fn start_stoppable(
        name: &str,
        job: impl FnOnce(&AtomicBool) -> Result<T, String> + Send + 'static,
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let is_to_stop = stop.clone();
        let (outcome, thread) = start(name, move || job(&is_to_stop));
        Self {
            outcome,
            stoppable: Some(Stoppable { stop, thread }),
        }
    }

    /// Asks a job that can be stopped to end soon; its outcome comes all the same.
    pub(super) fn ask_to_end(&self) {
        if let Some(stoppable) = &self.stoppable {
            stoppable.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Stops a job that can be stopped and waits for its end; the outcome that nobody has had yet.
    pub(super) fn end(mut self) -> Option<Result<T, String>> {
        self.stoppable = None;
        self.outcome()
    }

    /// The outcome, once there is one.
    pub(super) fn outcome(&self) -> Option<Result<T, String>> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(
                "The system gave us no thread: close other programs and try again.".to_owned(),
            )),
        }
    }
}

fn start<T: Send + 'static>(
    name: &str,
    job: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> (Receiver<Result<T, String>>, Option<JoinHandle<()>>) {
    let (sender, receiver) = mpsc::channel();
    let run = move || {
        // The window may be gone by then; then nobody asks.
        let _ = sender.send(job());
    };
    // Without a thread the receiver hears that its sender is gone, and says so.
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run).ok();
    (receiver, thread)
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A job that panicked has ended too.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn outcome_of(job: fn() -> Result<u8, String>) -> Result<u8, String> {
        let background = Background::start("test", job);
        let start = Instant::now();
        loop {
            if let Some(outcome) = background.outcome() {
                return outcome;
            }
            assert!(start.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_long_job_has_ended_once_it_is_let_go() {
        let has_ended = Arc::<AtomicBool>::default();
        let ended = has_ended.clone();
        let background = Background::start_stoppable("test", move |stop| {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            ended.store(true, Ordering::Relaxed);
            Ok(())
        });
        assert_eq!(background.outcome(), None);
        background.ask_to_end();
        assert_eq!(background.end(), Some(Ok(())));
        assert!(has_ended.load(Ordering::Relaxed));
    }

    #[test]
    fn the_outcome_comes_when_the_job_is_done_even_if_it_fails() {
        assert_eq!(outcome_of(|| Ok(7)), Ok(7));
        assert_eq!(
            outcome_of(|| Err("full".to_owned())),
            Err("full".to_owned())
        );
    }
}
