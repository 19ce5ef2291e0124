//! What a program that runs `fourbar train` is told of the run: a line of JSON for each step, such as
//! `{"step":3,"steps":200,"loss":612.5,"seconds_left":98.5}`.

use super::progress::{Progress, number};
use crate::files::cannot_write;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The file that gets the lines.
pub(super) struct StepLines {
    path: PathBuf,
    file: File,
}

#[derive(Serialize)]
struct Line {
    /// Steps made, and those after which the run ends.
    step: usize,
    steps: usize,
    /// Of the last step.
    loss: f64,
    /// Seconds of training still to come.
    seconds_left: f64,
}

impl StepLines {
    /// Starts the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| cannot_write(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Adds the line of the step that was just made, at `rate` steps a second.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&mut self, progress: &Progress, rate: f64) -> Result<()> {
        let steps = progress.config.train.steps;
        let line = Line {
            step: progress.step,
            steps,
            loss: progress.pending.last().map_or(f64::NAN, |last| last.loss),
            seconds_left: number(steps.saturating_sub(progress.step)) / rate,
        };
        // In one piece: who follows the file sees whole lines.
        let text = serde_json::to_string(&line)? + "\n";
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| cannot_write(&self.path, error))
    }
}

/// Sets `stop` once standard input is closed, as it is when the program that holds its other end is no more.
///
/// # Errors
/// If the system refuses the thread that waits for it.
pub(super) fn stop_with_standard_input(stop: &'static AtomicBool) -> Result<()> {
    let wait = || {
        // What comes in means nothing, and neither does how it ends.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    };
    thread::Builder::new()
        .name("standard input".to_owned())
        .spawn(wait)
        .context("the system gives no thread to watch standard input")?;
    Ok(())
}
