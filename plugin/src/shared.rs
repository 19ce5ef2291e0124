//! What the audio thread, the worker, the editor and the project file share.

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
    /// Audio thread to editor: tempo that is played, or would be; 120 until the host has said.
    pub tempo_bpm: AtomicF32,
    /// Editor to audio thread: play on our own clock while the host is stopped.
    pub audition: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

/// What the editor draws and a project saves. The audio thread never touches it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The newest finished pattern.
    pub ready: Option<Arc<Ready>>,
    /// What the worker is doing.
    pub status: Status,
    /// What the network runs on, such as "CPU"; empty before it is loaded.
    pub device: String,
    /// Name of the model, such as "groovae_4bar"; empty before it is loaded.
    pub model: String,
    /// Counts the projects that were loaded, so that a pattern asked for before a load cannot end up in what was
    /// loaded.
    pub epoch: u64,
    /// Identity of the loaded checkpoint, or why there is none; `None` before the worker has tried.
    pub(crate) checkpoint: Option<Result<String, String>>,
    /// What was wrong with the pattern of the project that was loaded.
    pub(crate) damage: Option<String>,
}

/// What the worker is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Status {
    /// The checkpoint is being read.
    #[default]
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
        Self {
            playhead_beats: AtomicF32::new(-1.0),
            level: AtomicF32::new(0.0),
            tempo_bpm: AtomicF32::new(120.0),
            audition: AtomicBool::new(false),
            snapshot: Mutex::default(),
        }
    }
}

impl Shared {
    /// The snapshot, locked. Never call this on the audio thread.
    pub fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        // A holder that panicked leaves nothing half-written: every field is replaced whole.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Takes the pattern of a project that is being loaded, or what is wrong with it.
    pub(crate) fn restore(&mut self, saved: Result<Option<Arc<Ready>>, String>) {
        self.epoch += 1;
        (self.ready, self.damage) = match saved {
            Ok(ready) => (ready, None),
            Err(problem) => (None, Some(problem)),
        };
        self.settle();
    }

    /// Takes a pattern that the worker has made for a job of `epoch`.
    pub(crate) fn finish(&mut self, ready: Ready, epoch: u64) {
        if epoch == self.epoch {
            // The first pattern after a damaged one replaces it; the user should still see that.
            if self.ready.is_some() {
                self.damage = None;
            }
            self.ready = Some(Arc::new(ready));
        }
        self.settle();
    }

    /// Sets the status of a worker that has nothing to do.
    pub(crate) fn settle(&mut self) {
        let made_by = self.ready.as_ref().map(|ready| &ready.checkpoint_id);
        self.status = match &self.checkpoint {
            None => Status::Loading,
            Some(Err(problem)) if made_by.is_some() => Status::Problem(format!(
                "{problem}. The saved pattern plays, but no new one can be made."
            )),
            Some(Err(problem)) => Status::Problem(problem.clone()),
            Some(Ok(loaded)) if made_by.is_some_and(|made_by| made_by != loaded) => {
                let missing = made_by.map_or("", String::as_str);
                Status::Problem(format!(
                    "This project's pattern was made by the checkpoint {missing}, which is not in this plugin. The saved \
                     pattern plays; with another seed or setting, {loaded} makes a new one."
                ))
            }
            Some(Ok(_)) => match &self.damage {
                Some(problem) => Status::Problem(format!(
                    "The pattern saved in the project is damaged: {problem}. It was made again from the settings."
                )),
                None => Status::Ready,
            },
        };
    }
}
