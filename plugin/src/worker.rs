//! The thread that makes patterns: requests in, patterns out.
//!
//! Every plugin instance has one of its own. The framework's shared background thread would not do: it serves all
//! instances, and a panic on it ends it for the others and can take the host down. Here a panic or an error becomes a
//! [`Status`], and the last pattern keeps playing.

use crate::engine::{Engine, guarded};
use crate::mailbox::{Reply, WorkerEnd};
use crate::request::{Job, Ready};
use crate::shared::{Shared, Status};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the worker looks for a request: often enough not to be heard, seldom enough not to be seen in a profile.
const POLL_INTERVAL: Duration = Duration::from_millis(3);

/// A running worker; dropping it stops the thread and waits for it, at most one generation long.
#[derive(Debug)]
pub struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread. `load` runs on it first, because reading a checkpoint takes longer than a host should wait.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(
        mailbox: WorkerEnd<Ready>,
        shared: Arc<Shared>,
        load: impl FnOnce() -> Result<Engine, String> + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("fourbar worker".to_owned())
            .spawn(move || run(mailbox, &shared, &stopped, load))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked outside `guarded`; if it had, there would be nothing left to do here.
            drop(thread.join());
        }
    }
}

fn run(
    mut mailbox: WorkerEnd<Ready>,
    shared: &Shared,
    stop: &AtomicBool,
    load: impl FnOnce() -> Result<Engine, String>,
) {
    let mut engine = guarded(load);
    announce(&engine, shared);
    while !stop.load(Ordering::Relaxed) {
        mailbox.tend();
        match mailbox.newest() {
            Some(job) => mailbox.deliver(answer(job, &mut engine, shared)),
            None => thread::sleep(POLL_INTERVAL),
        }
    }
}

/// Shows what was loaded, or why nothing was.
fn announce(engine: &Result<Engine, String>, shared: &Shared) {
    let mut snapshot = shared.snapshot();
    match engine {
        Ok(engine) => {
            snapshot.checkpoint = Some(Ok(engine.identity().checkpoint_id.clone()));
            snapshot.model.clone_from(&engine.identity().model);
            snapshot.device = engine.device();
        }
        Err(problem) => snapshot.checkpoint = Some(Err(problem.clone())),
    }
    snapshot.settle();
}

/// Makes one pattern and shows how it went.
fn answer(job: Job, engine: &mut Result<Engine, String>, shared: &Shared) -> Reply<Ready> {
    let Job { request, epoch } = job;
    let Ok(engine) = engine else {
        return Reply {
            request,
            made: None,
        };
    };
    shared.snapshot().status = Status::Generating;
    let made = engine.make(&request);
    let mut snapshot = shared.snapshot();
    snapshot.device = engine.device();
    match made {
        Ok(ready) => {
            snapshot.finish(ready.clone(), epoch);
            Reply {
                request,
                made: Some(Box::new(ready)),
            }
        }
        Err(problem) => {
            snapshot.status = Status::Problem(problem);
            Reply {
                request,
                made: None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::engine::tests::{fake, identity};
    use crate::mailbox::{AudioEnd, mailbox};
    use crate::request::Request;
    use std::time::Instant;

    fn job(seed: u32) -> Job {
        let request = Request::new(seed, 0, 1.0, [0.0; 8]);
        Job { request, epoch: 0 }
    }

    fn start(
        load: impl FnOnce() -> Result<Engine, String> + Send + 'static,
    ) -> (AudioEnd<Ready>, Arc<Shared>, Worker) {
        let (audio, worker_end) = mailbox();
        let shared = Arc::new(Shared::default());
        let worker = Worker::start(worker_end, Arc::clone(&shared), load).unwrap();
        (audio, shared, worker)
    }

    /// The reply to `job`, as the audio thread of an offline render waits for it.
    fn reply(audio: &AudioEnd<Ready>, job: Job) -> Reply<Ready> {
        assert!(audio.post(job));
        let start = Instant::now();
        loop {
            if let Some(reply) = audio.receive() {
                return reply;
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the worker never answered"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_request_comes_back_as_a_pattern_and_is_shown() {
        let (audio, shared, _worker) =
            start(|| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        let reply = reply(&audio, job(5));
        assert_eq!(reply.request, job(5).request);
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.ready.as_deref(), reply.made.as_deref());
        assert_eq!(snapshot.status, Status::Ready);
        assert_eq!(
            (snapshot.device.as_str(), snapshot.model.as_str()),
            ("CPU", "test model")
        );
    }

    #[test]
    fn a_panic_becomes_a_status_and_the_worker_goes_on() {
        let panics_once = |n| {
            if n == 1 {
                panic!("index out of bounds")
            } else {
                Ok(())
            }
        };
        let (audio, shared, _worker) =
            start(move || Ok(Engine::new(identity(), vec![fake("CPU", panics_once)])));
        assert!(reply(&audio, job(5)).made.is_none());
        let status = shared.snapshot().status.clone();
        assert!(
            matches!(&status, Status::Problem(text) if text.contains("index out of bounds")),
            "{status:?}"
        );
        assert!(reply(&audio, job(6)).made.is_some());
        assert_eq!(shared.snapshot().status, Status::Ready);
    }

    #[test]
    fn a_gpu_that_fails_later_loses_no_pattern_and_is_shown() {
        let fails_later = |n| {
            if n > 2 {
                Err("out of memory".to_owned())
            } else {
                Ok(())
            }
        };
        let is_slow = |_| {
            thread::sleep(Duration::from_millis(20));
            Ok(())
        };
        let devices = move || vec![fake("GPU", fails_later), fake("CPU", is_slow)];
        let (audio, shared, _worker) = start(move || Ok(Engine::new(identity(), devices())));
        assert!(reply(&audio, job(5)).made.is_some());
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.device, "CPU (GPU failed: out of memory)");
        assert_eq!(snapshot.status, Status::Ready);
    }

    #[test]
    fn without_a_checkpoint_the_saved_pattern_stays_and_the_status_says_why() {
        let saved = Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])
            .make(&job(5).request)
            .unwrap();
        let (audio, shared, _worker) = start(|| Err("the checkpoint is damaged".to_owned()));
        shared.snapshot().restore(Ok(Some(Arc::new(saved.clone()))));
        assert!(reply(&audio, Job { epoch: 1, ..job(6) }).made.is_none());
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.ready.as_deref(), Some(&saved));
        assert!(
            matches!(&snapshot.status, Status::Problem(text) if text.contains("the checkpoint is damaged"))
        );
    }

    #[test]
    fn a_pattern_of_another_checkpoint_is_kept_and_named() {
        let mut saved = Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])
            .make(&job(5).request)
            .unwrap();
        saved.checkpoint_id = "an older one".to_owned();
        let (audio, shared, _worker) =
            start(|| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        let _ = reply(&audio, job(1));
        shared.snapshot().restore(Ok(Some(Arc::new(saved))));
        let status = shared.snapshot().status.clone();
        assert!(
            matches!(&status, Status::Problem(text) if text.contains("an older one")),
            "{status:?}"
        );
        let _ = reply(&audio, Job { epoch: 1, ..job(6) });
        assert_eq!(
            shared.snapshot().status,
            Status::Ready,
            "a new pattern needs no excuse"
        );
    }

    #[test]
    fn a_pattern_asked_for_before_a_project_was_loaded_does_not_end_up_in_it() {
        let (audio, shared, _worker) =
            start(|| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        shared.snapshot().restore(Ok(None));
        assert!(reply(&audio, job(5)).made.is_some());
        assert_eq!(shared.snapshot().ready, None);
    }

    #[test]
    fn dropping_the_worker_ends_its_thread_even_while_it_generates() {
        let is_slow = |_| {
            thread::sleep(Duration::from_millis(100));
            Ok(())
        };
        let (audio, shared, worker) =
            start(move || Ok(Engine::new(identity(), vec![fake("CPU", is_slow)])));
        assert!(audio.post(job(5)));
        thread::sleep(Duration::from_millis(20));
        drop(worker);
        assert_eq!(
            Arc::strong_count(&shared),
            1,
            "the thread and all it held are gone"
        );
    }
}
