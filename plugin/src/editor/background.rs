//! Work that the window does not wait for: files and other programs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread::{self, JoinHandle};

/// A job on a thread of its own, and its outcome or what went wrong.
///
/// The thread ends where this is dropped: a host may unload the plugin right after, and no thread may still run its code.
#[derive(Debug)]
pub(super) struct Background<T> {
    outcome: Receiver<Result<T, String>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `job` on a thread with this name. A job that may take long looks at its flag again and again, and ends soon
    /// once that is set, which is where this is dropped.
    pub(super) fn start_stoppable(
        name: &str,
        job: impl FnOnce(&AtomicBool) -> Result<T, String> + Send + 'static,
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let is_to_stop = stop.clone();
        let (sender, outcome) = mpsc::channel();
        let run = move || {
            // The window may be gone by then; then nobody asks.
            let _ = sender.send(job(&is_to_stop));
        };
        // Without a thread the receiver hears that its sender is gone, and says so.
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run).ok();
        Self {
            outcome,
            stop,
            thread,
        }
    }
}

impl<T> Background<T> {
    /// Asks the job to end soon; its outcome comes all the same.
    pub(super) fn ask_to_end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Stops the job and waits for its end; the outcome that nobody has had yet.
    pub(super) fn end(mut self) -> Option<Result<T, String>> {
        self.join();
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

    fn join(&mut self) {
        self.ask_to_end();
        if let Some(thread) = self.thread.take() {
            // A job that panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn outcome_of(job: fn() -> Result<u8, String>) -> Result<u8, String> {
        let background = Background::start_stoppable("test", move |_| job());
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
