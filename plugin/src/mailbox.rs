//! The crossings between the audio thread and the worker.
//!
//! Three bounded lock-free channels, made together: requests go to the worker, replies come back, and patterns that
//! the audio thread no longer plays return to be freed. The audio thread only ever tries to send and to receive. Nobody
//! waits on a channel, because a blocked receiver would make the sender take a lock: the [`crate::inference::poller`] looks.

use crate::request::Job;
use crossbeam_channel::{Receiver, Sender, bounded};

/// Requests that can be under way; the worker reads only the newest.
const MAX_REQUESTS: usize = 4;

/// Patterns that can be outside the worker at the same time.
const MAX_PATTERNS: usize = 16;

/// Both ends of one plugin instance's mailbox for patterns of type `P`.
#[must_use]
pub fn mailbox<P>() -> (AudioEnd<P>, WorkerEnd<P>) {
    let (request_sender, requests) = bounded(MAX_REQUESTS);
    let (reply_sender, replies) = bounded(MAX_PATTERNS);
    // Twice as many as the worker delivers: a pattern restored from a project returns here too.
    let (return_sender, returns) = bounded(2 * MAX_PATTERNS);
    let audio = AudioEnd {
        requests: request_sender,
        replies,
        returns: return_sender,
    };
    let worker = WorkerEnd {
        requests,
        replies: reply_sender,
        returns,
        n_outside: 0,
        undelivered: None,
    };
    (audio, worker)
}

/// The worker's answer to a request.
#[derive(Debug)]
pub struct Reply<P> {
    /// What was asked for.
    pub job: Job,
    /// The pattern; `None` if it could not be made, which the status explains.
    pub made: Option<Box<P>>,
}

/// The audio thread's end. No method locks, waits, allocates or frees.
#[derive(Debug)]
pub struct AudioEnd<P> {
    requests: Sender<Job>,
    replies: Receiver<Reply<P>>,
    returns: Sender<Box<P>>,
}

impl<P> AudioEnd<P> {
    /// Asks for a pattern; `false` if the worker is so far behind that nothing can be sent at the moment.
    pub fn post(&self, job: Job) -> bool {
        self.requests.try_send(job).is_ok()
    }

    /// The next reply, in the order in which they were made.
    #[must_use]
    pub fn receive(&self) -> Option<Reply<P>> {
        self.replies.try_recv().ok()
    }

    /// Gives a pattern back to be freed by the worker.
    pub fn give_back(&self, pattern: Box<P>) {
        // The channel holds more than can ever be outside the worker, so it is full or closed only if the worker could
        // not be started at all; then the pattern is freed here.
        drop(self.returns.try_send(pattern));
    }
}

/// The worker's end.
#[derive(Debug)]
pub struct WorkerEnd<P> {
    requests: Receiver<Job>,
    replies: Sender<Reply<P>>,
    returns: Receiver<Box<P>>,
    /// Patterns delivered and not yet returned.
    n_outside: usize,
    /// A reply that found no room, because the host does not run the audio thread at the moment.
    undelivered: Option<Reply<P>>,
}

impl<P> WorkerEnd<P> {
    /// The newest request since the last call; older ones are dropped.
    #[must_use]
    pub fn newest(&self) -> Option<Job> {
        self.requests.try_iter().last()
    }

    /// A look at what the audio thread has sent, from another thread.
    #[must_use]
    pub fn slot(&self) -> Slot<P> {
        Slot {
            requests: self.requests.clone(),
            returns: self.returns.clone(),
        }
    }

    /// Whether a reply waits for room.
    #[must_use]
    pub fn holds_reply(&self) -> bool {
        self.undelivered.is_some()
    }

    /// Hands a reply to the audio thread. If it has room for none, the reply waits for [`Self::tend`], and a newer one
    /// replaces it.
    pub fn deliver(&mut self, reply: Reply<P>) {
        self.undelivered = Some(reply);
        self.send_undelivered();
    }

    /// Frees what came back and sends what could not be sent before.
    pub fn tend(&mut self) {
        for pattern in self.returns.try_iter() {
            self.n_outside = self.n_outside.saturating_sub(1);
            drop(pattern);
        }
        self.send_undelivered();
    }

    fn send_undelivered(&mut self) {
        if self.n_outside >= MAX_PATTERNS {
            return;
        }
        let Some(reply) = self.undelivered.take() else {
            return;
        };
        let holds_pattern = reply.made.is_some();
        match self.replies.try_send(reply) {
            Ok(()) => self.n_outside += usize::from(holds_pattern),
            Err(full) => self.undelivered = Some(full.into_inner()),
        }
    }
}

/// The slot of the worker's mailbox: shows whether something is inside.
#[derive(Debug)]
pub struct Slot<P> {
    requests: Receiver<Job>,
    returns: Receiver<Box<P>>,
}

impl<P> Slot<P> {
    /// Whether there is anything for the worker.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        !self.requests.is_empty() || !self.returns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::{self, ThreadId};

    fn job(seed: u32) -> Job {
        Job {
            request: Request::new(seed, 0, 1.0, [0.0; 8]),
            model_revision: 0,
            state_revision: 0,
        }
    }

    /// A pattern that notes on which thread it is freed.
    struct Witness {
        freed_on: Arc<std::sync::Mutex<Vec<ThreadId>>>,
    }

    impl Drop for Witness {
        fn drop(&mut self) {
            if let Ok(mut threads) = self.freed_on.lock() {
                threads.push(thread::current().id());
            }
        }
    }

    #[test]
    fn the_newest_request_wins() {
        let (audio, worker) = mailbox::<()>();
        assert!((1..=3).all(|seed| audio.post(job(seed))));
        assert_eq!(worker.newest(), Some(job(3)));
        assert_eq!(worker.newest(), None);
    }

    #[test]
    fn a_full_request_channel_refuses_instead_of_waiting() {
        let (audio, worker) = mailbox::<()>();
        let accepted = (0..100).filter(|&seed| audio.post(job(seed))).count();
        assert_eq!(accepted, MAX_REQUESTS);
        assert!(worker.newest().is_some());
        assert!(
            audio.post(job(7)),
            "and takes requests again once it is read"
        );
    }

    #[test]
    fn patterns_are_freed_by_the_worker_and_none_is_leaked() {
        let freed_on = Arc::default();
        let (audio, mut worker) = mailbox();
        let (to_worker, from_audio) = bounded::<()>(0);
        let (to_audio, from_worker) = bounded::<()>(0);
        let witnesses = Arc::clone(&freed_on);
        let worker_thread = thread::spawn(move || {
            for seed in 0..100 {
                let made = Box::new(Witness {
                    freed_on: Arc::clone(&witnesses),
                });
                worker.deliver(Reply {
                    job: job(seed),
                    made: Some(made),
                });
                to_audio.send(()).expect("the test's audio thread listens");
                from_audio.recv().expect("the test's audio thread answers");
                worker.tend();
            }
            thread::current().id()
        });
        for _ in 0..100 {
            from_worker.recv().expect("the worker announces a pattern");
            let reply = audio.receive().expect("a reply is there");
            audio.give_back(reply.made.expect("it holds a pattern"));
            to_worker.send(()).expect("the worker listens");
        }
        let worker_id = worker_thread.join().expect("the worker ends well");
        let threads: Vec<ThreadId> = freed_on.lock().expect("nobody panicked").clone();
        assert_eq!(threads, vec![worker_id; 100]);
    }

    #[test]
    fn without_an_audio_thread_only_the_newest_reply_waits() {
        let alive = Arc::new(AtomicUsize::new(0));
        struct Counted(Arc<AtomicUsize>, u32);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let (audio, mut worker) = mailbox();
        for seed in 0..1000 {
            alive.fetch_add(1, Ordering::Relaxed);
            let made = Some(Box::new(Counted(Arc::clone(&alive), seed)));
            worker.deliver(Reply {
                job: job(seed),
                made,
            });
        }
        assert_eq!(alive.load(Ordering::Relaxed), MAX_PATTERNS + 1);

        let mut last = 0;
        for _ in 0..=MAX_PATTERNS {
            let pattern = audio.receive().and_then(|reply| reply.made);
            let pattern = pattern.expect("a pattern is there");
            last = pattern.1;
            audio.give_back(pattern);
            worker.tend();
        }
        assert_eq!(last, 999);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}
