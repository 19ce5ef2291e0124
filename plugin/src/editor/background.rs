//! Work that the window does not wait for: files and other programs.

use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

/// A job on a thread of its own, and its outcome or what went wrong.
#[derive(Debug)]
pub(super) struct Background<T>(Receiver<Result<T, String>>);

impl<T: Send + 'static> Background<T> {
    /// Starts `job` on a thread with this name.
    pub(super) fn start(
        name: &str,
        job: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        let run = move || {
            // The window may be gone by then; then nobody asks.
            let _ = sender.send(job());
        };
        // Without a thread the receiver hears that its sender is gone, and says so.
        let _ = thread::Builder::new().name(name.to_owned()).spawn(run);
        Self(receiver)
    }

    /// The outcome, once there is one.
    pub(super) fn outcome(&self) -> Option<Result<T, String>> {
        match self.0.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(
                "The system gave us no thread: close other programs and try again.".to_owned(),
            )),
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
    fn the_outcome_comes_when_the_job_is_done_even_if_it_fails() {
        assert_eq!(outcome_of(|| Ok(7)), Ok(7));
        assert_eq!(
            outcome_of(|| Err("full".to_owned())),
            Err("full".to_owned())
        );
    }
}
