//! What the audio thread, the worker and the editor share.

use crate::request::Ready;
use atomic_float::AtomicF32;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One per plugin instance; everybody holds it in an `Arc`.
#[derive(Debug)]
pub struct Shared {
    /// Audio thread to editor: position in the pattern's loop in beats; negative when stopped.
    pub playhead_beats: AtomicF32,
    /// Audio thread to editor: peak of the kit's last block, linear.
    pub level: AtomicF32,
    /// Editor to audio thread: play on our own clock while the host is stopped.
    pub audition: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

/// What the editor draws. The worker writes it; the audio thread never touches it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The newest finished pattern, which is also what a project saves.
    pub ready: Option<Arc<Ready>>,
    /// What the worker is doing.
    pub status: Status,
    /// What the network runs on, such as "CPU"; empty before it is loaded.
    pub device: String,
    /// Name of the model, such as "groovae_4bar"; empty before it is loaded.
    pub model: String,
}

/// What the worker is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The checkpoint is being read.
    Loading,
    /// The newest pattern is there.
    Ready,
    /// A pattern is being made.
    Generating,
    /// Something is wrong; the last pattern keeps playing. The text says what happened and what to do.
    Problem(String),
}

impl Default for Shared {
    fn default() -> Self {
        let snapshot = Snapshot {
            ready: None,
            status: Status::Loading,
            device: String::new(),
            model: String::new(),
        };
        Self {
            playhead_beats: AtomicF32::new(-1.0),
            level: AtomicF32::new(0.0),
            audition: AtomicBool::new(false),
            snapshot: Mutex::new(snapshot),
        }
    }
}

impl Shared {
    /// The snapshot, locked. Never call this on the audio thread.
    pub fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        // A panic of another holder leaves nothing half-written: every field is replaced whole.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
