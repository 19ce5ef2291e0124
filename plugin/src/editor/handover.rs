//! Files for other programs, dragged to them or copied for them to paste, and files from them, dropped on the window.
//!
//! Every system has its own way, behind one interface: [`CAN_DRAG`], `carry`, [`Clipboard`] and [`Landing`]. Nothing here
//! waits: each hand-over is a job on a thread of its own.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod no_landing;
#[cfg(windows)]
mod windows;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;
#[cfg(target_os = "linux")]
use x11 as system;

use super::background::Background;
use super::export::Made;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(target_os = "linux"))]
pub(super) use no_landing::Landing;
#[cfg(target_os = "linux")]
pub(super) use system::Landing;
pub(super) use system::{CAN_DRAG, Clipboard};

/// What became of a drag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    target_os = "macos",
    expect(dead_code, reason = "nothing is dragged there")
)]
pub(super) enum Dropped {
    /// Another program has the file at this path.
    Taken(PathBuf),
    /// Nobody took it: the drag was cancelled, or ended where nothing is dropped.
    Nowhere,
}

/// A drag that is under way. Dropping this cancels it.
#[derive(Debug)]
pub(super) struct Drag {
    work: Background<Dropped>,
    is_welcome: Arc<AtomicBool>,
}

impl Drag {
    /// Starts to drag the file that `file` is about to make, while the button is down. `host_window` is the host's
    /// window around ours, over which nothing is dropped.
    pub(super) fn start(file: Background<Made>, host_window: usize) -> Self {
        let is_welcome = Arc::<AtomicBool>::default();
        let of_job = is_welcome.clone();
        let work = Background::start_stoppable("fourbar drag", move |stop| {
            system::carry(file, host_window, &of_job, stop)
        });
        Self { work, is_welcome }
    }

    /// Ends it where it is; nobody gets the file.
    pub(super) fn cancel(&self) {
        self.work.ask_to_end();
    }

    /// What became of it, once it is over.
    pub(super) fn outcome(&self) -> Option<Result<Dropped, String>> {
        self.work.outcome()
    }

    /// Whether the file would be taken where the pointer is.
    pub(super) fn is_welcome(&self) -> bool {
        self.is_welcome.load(Ordering::Relaxed)
    }
}
