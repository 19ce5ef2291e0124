//! The one thread that looks for work for the workers of all instances.
//!
//! The audio thread must not make a system call, so it can wake nobody, and somebody has to look whether it has asked for
//! a pattern. That is done here for all instances at once, so that their workers sleep until there is something to do.
//! It is done often while a pattern may be wanted soon: while a song plays, while an editor is used, and for a while after
//! a request. Else it is done seldom, and threads of the host that may wait call [`wake`] where they learn of a change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How often to look while a pattern may be wanted soon: a request is not heard of later.
pub const ATTENTIVE_INTERVAL: Duration = Duration::from_millis(3);

/// How often to look else. All instances together wake the processor as often.
pub const IDLE_INTERVAL: Duration = Duration::from_millis(50);

/// How long a pattern may be wanted soon after the last sign of it.
const ATTENTION: Duration = Duration::from_secs(1);

/// What there is to see at one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Whether its worker has something to do.
    pub has_work: bool,
    /// Whether it has played since it was looked at last.
    pub has_played: bool,
}

/// The poller's thread, while there are instances.
static POLLER: Mutex<Poller> = Mutex::new(Poller {
    watched: Vec::new(),
    n_watched_ever: 0,
    running: None,
});

/// Whether there was a [`wake`] since the thread looked last.
static IS_WOKEN: AtomicBool = AtomicBool::new(false);

struct Poller {
    watched: Vec<Watched>,
    n_watched_ever: u64,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// One instance.
struct Watched {
    number: u64,
    look: Box<dyn FnMut() -> Sight + Send>,
    worker: Thread,
}

/// Looking at an instance; ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    number: u64,
}

impl Watch {
    /// Lets the poller look at an instance, and unpark `worker` as long as it has something to do.
    ///
    /// # Errors
    /// If the system refuses the poller's thread.
    pub fn new(
        look: impl FnMut() -> Sight + Send + 'static,
        worker: Thread,
    ) -> std::io::Result<Self> {
        let mut poller = poller();
        if poller.running.is_none() {
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            let thread = thread::Builder::new()
                .name("fourbar poller".to_owned())
                .spawn(move || run(&stopped))?;
            poller.running = Some(Running { thread, stop });
        }
        let number = poller.n_watched_ever;
        poller.n_watched_ever += 1;
        poller.watched.push(Watched {
            number,
            look: Box::new(look),
            worker,
        });
        drop(poller);
        wake();
        Ok(Self { number })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut poller = poller();
        poller
            .watched
            .retain(|watched| watched.number != self.number);
        let idle = if poller.watched.is_empty() {
            poller.running.take()
        } else {
            None
        };
        drop(poller);
        if let Some(Running { thread, stop }) = idle {
            stop.store(true, Ordering::Relaxed);
            thread.thread().unpark();
            // The host may unload the library when the last instance is gone. The thread cannot have panicked; if it had,
            // there would be nothing left to do here.
            drop(thread.join());
        }
    }
}

/// A pattern may be wanted soon. Makes a system call: never call this on the audio thread.
pub fn wake() {
    IS_WOKEN.store(true, Ordering::Relaxed);
    if let Some(running) = &poller().running {
        running.thread.thread().unpark();
    }
}

fn poller() -> MutexGuard<'static, Poller> {
    POLLER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(stop: &AtomicBool) {
    let mut attentive_until = Instant::now() + ATTENTION;
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if look_at_all() | IS_WOKEN.swap(false, Ordering::Relaxed) {
            attentive_until = now + ATTENTION;
        }
        thread::park_timeout(if now < attentive_until {
            ATTENTIVE_INTERVAL
        } else {
            IDLE_INTERVAL
        });
    }
}

/// Unparks every worker that has something to do. Whether anywhere a pattern may be wanted soon.
fn look_at_all() -> bool {
    let mut is_wanted = false;
    for watched in &mut poller().watched {
        let Sight {
            has_work,
            has_played,
        } = (watched.look)();
        if has_work {
            watched.worker.unpark();
        }
        is_wanted |= has_work || has_played;
    }
    is_wanted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use std::sync::mpsc::channel;

    /// How long a test waits for what should take milliseconds.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_worker_is_unparked_while_it_has_work_and_not_after_its_watch() {
        let has_work = Arc::new(AtomicBool::new(false));
        let looks_at = Arc::clone(&has_work);
        let (unparked, is_unparked) = channel();
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let worker = thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                thread::park();
                unparked.send(()).unwrap();
            }
        });
        let look = move || Sight {
            has_work: looks_at.load(Ordering::Relaxed),
            has_played: false,
        };
        let watch = Watch::new(look, worker.thread().clone()).unwrap();
        has_work.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            is_unparked.recv_timeout(PATIENCE).unwrap();
        }
        drop(watch);
        assert_eq!(Arc::strong_count(&has_work), 1, "nobody looks any more");
        done.store(true, Ordering::Relaxed);
        worker.thread().unpark();
        worker.join().unwrap();
    }

    #[test]
    fn instances_come_and_go_at_the_same_time() {
        let come_and_go = || {
            for _ in 0..200 {
                let look = || Sight {
                    has_work: false,
                    has_played: true,
                };
                drop(Watch::new(look, thread::current()).unwrap());
                wake();
            }
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(come_and_go)).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
