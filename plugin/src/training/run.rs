//! One run: the loops as files, the command that learns them, and its model among the user's.

use super::command;
use super::loops::Loops;
use super::process::Process;
use crate::files;
use crate::inference::models;
use serde::Deserialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often it is looked how far the command has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Steps over which a loss is averaged: a single one depends on the loops that it happens to see.
const AVERAGED: usize = 10;

/// What a user asks for.
#[derive(Debug, Clone)]
pub struct Order {
    /// The new model's name, which a file can have.
    pub name: String,
    /// The file in the models folder that it starts from; the plugin's own model if there is none.
    pub base: Option<String>,
    /// What it is to learn.
    pub loops: Loops,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The new model's name.
    pub name: String,
    /// `None` while the loops are read.
    pub steps: Option<Steps>,
}

/// How far the command has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Steps made.
    pub n_made: usize,
    /// Those after which the run ends.
    pub n_wanted: usize,
    /// Loss of the first steps and of the last ones: how much the model is surprised by what is played.
    pub losses: [f64; 2],
    /// Seconds of training still to come.
    pub seconds_left: f64,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened and what to do, for the user.
    pub sentence: String,
    /// The command line that does by hand what was tried, where the loops are there for it.
    pub command: Option<String>,
}

/// How a run ended that did not fail.
pub(super) enum Ended {
    /// With this file in the models folder.
    With(String),
    /// Because it was to stop.
    Cancelled,
}

impl Failure {
    /// One of which there is nothing more to say.
    pub(super) fn said(sentence: String) -> Self {
        Self {
            sentence,
            command: None,
        }
    }
}

impl Progress {
    /// Of a run that has just begun.
    pub(super) fn beginning(order: &Order) -> Self {
        Self {
            name: order.name.clone(),
            steps: None,
        }
    }
}

/// Trains what is asked for until `stop` is set, and tells how far it has come.
///
/// # Errors
/// Why there is no model, and where everything is that there is of it.
pub(super) fn run(
    order: &Order,
    tell: impl Fn(Progress),
    stop: &AtomicBool,
) -> Result<Ended, Failure> {
    let models = models::folder().map_err(Failure::said)?;
    let cannot = |folder: &Path, error| {
        Failure::said(files::in_words(
            "Nothing was trained",
            "train again",
            folder,
            &error,
        ))
    };
    // Whether it can be written into is better known now than after the training.
    fs::create_dir_all(&models)
        .and_then(|()| files::temporary(&models))
        .map_err(|error| cannot(&models, error))?;
    let folder = tempfile::Builder::new()
        .prefix("fourbar-training-")
        .tempdir()
        .map_err(|error| cannot(&std::env::temp_dir(), error))?;
    let place = Place {
        loops: folder.path().join(&order.name),
        run: folder.path().join("run"),
        progress: folder.path().join("progress.jsonl"),
        log: folder.path().join("log.txt"),
    };
    order
        .loops
        .write(&place.loops, stop)
        .map_err(Failure::said)?;
    let arguments = place.arguments(order, &models);
    train(order, &place, &models, &arguments, tell, stop).map_err(|sentence| {
        // What there is of the run stays, for the user to look at or to go on with.
        let _ = folder.keep();
        Failure {
            sentence,
            command: Some(command::in_shell(&arguments)),
        }
    })
}

/// Where the files of a run are.
struct Place {
    loops: PathBuf,
    run: PathBuf,
    progress: PathBuf,
    log: PathBuf,
}

impl Place {
    /// What `fourbar` is to do.
    fn arguments(&self, order: &Order, models: &Path) -> Vec<OsString> {
        let base = order.base.as_ref();
        let base = base.map_or("fourbar".into(), |file| models.join(file).into_os_string());
        vec![
            "train".into(),
            "--base".into(),
            base,
            "--data".into(),
            self.loops.clone().into(),
            "--drum-map".into(),
            order.loops.map.id.into(),
            "--repeat-short".into(),
            "--validation".into(),
            "none".into(),
            "--out".into(),
            self.run.clone().into(),
        ]
    }
}

/// Runs the command and puts its model among the user's.
fn train(
    order: &Order,
    place: &Place,
    models: &Path,
    arguments: &[OsString],
    tell: impl Fn(Progress),
    stop: &AtomicBool,
) -> Result<Ended, String> {
    let name = &order.name;
    let program = command::find()?;
    let mut process = start(&program, arguments, place).map_err(|error| {
        format!(
            "Nothing was trained: {} cannot be started: {error}.",
            program.display()
        )
    })?;
    let mut steps = FollowedSteps::default();
    let status = loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(Ended::Cancelled);
        }
        if let Some(steps) = steps.follow(&place.progress) {
            tell(Progress {
                name: name.clone(),
                steps: Some(steps),
            });
        }
        match process.ended() {
            Ok(Some(status)) => break status,
            Ok(None) => thread::park_timeout(LOOK_EVERY),
            Err(error) => return Err(format!("Training {name} was lost sight of: {error}.")),
        }
    };
    if !status.success() {
        return Err(format!(
            "Training {name} failed: {} All that it said is in {}.",
            last_words(&place.log, status),
            place.log.display()
        ));
    }
    let model = place.run.join("model.safetensors");
    put(&model, models, name).map(Ended::With).map_err(|why| {
        format!(
            "{name} is trained, but not among your models: {why} It is kept as {}.",
            model.display()
        )
    })
}

fn start(program: &Path, arguments: &[OsString], place: &Place) -> io::Result<Process> {
    let log = File::create(&place.log)?;
    let n_cores = thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("--progress")
        .arg(&place.progress)
        // Half of the cores are left to the host.
        .env("RAYON_NUM_THREADS", n_cores.div_ceil(2).to_string())
        // Closed with the host, however that ends.
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log);
    Process::start(&mut command)
}

/// A line of the command's file of progress.
#[derive(Deserialize)]
struct Line {
    step: usize,
    steps: usize,
    loss: f64,
    seconds_left: f64,
}

/// What the command has written of its steps.
#[derive(Default)]
struct FollowedSteps {
    file: Option<File>,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
    losses: Vec<f64>,
}

impl FollowedSteps {
    /// How far the command has come, if that is news.
    fn follow(&mut self, path: &Path) -> Option<Steps> {
        if self.file.is_none() {
            // Not there before the command has begun.
            self.file = File::open(path).ok();
        }
        // What was read before an error is there all the same.
        let _ = self.file.as_mut()?.read_to_end(&mut self.begun);
        let end = self.begun.iter().rposition(|&byte| byte == b'\n')?;
        let whole: Vec<u8> = self.begun.drain(..=end).collect();
        let lines = whole.split(|&byte| byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let last = lines.inspect(|line| self.losses.push(line.loss)).last()?;
        let n_averaged = AVERAGED.min(self.losses.len());
        let first = &self.losses[..n_averaged];
        let newest = &self.losses[self.losses.len() - n_averaged..];
        Some(Steps {
            n_made: last.step,
            n_wanted: last.steps,
            losses: [mean(first), mean(newest)],
            seconds_left: last.seconds_left,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of numbers")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// What a command that failed said last: its error, if it called it so.
fn last_words(log: &Path, status: ExitStatus) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let mut lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = log
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "));
    match error.or(lines.next_back()) {
        Some(words) => format!("{}.", words.trim_end_matches('.')),
        None => format!("it ended without a word ({status})."),
    }
}

/// Puts a copy of `model` into the models folder under a name that no other has; returns that of the file.
fn put(model: &Path, models: &Path, name: &str) -> Result<String, String> {
    let bytes = fs::read(model).map_err(|error| format!("its file cannot be read ({error})."))?;
    // One that has gone, perhaps with its disk, is not made anew elsewhere.
    if !models.is_dir() {
        return Err(format!("there is no folder {} any more.", models.display()));
    }
    let cannot = |error| files::in_words("it was not copied", "copy it there", models, &error);
    let mut file = files::written(models, &bytes).map_err(cannot)?;
    let (mut file_name, mut number) = (models::file_name(name), 1);
    loop {
        match file.persist_noclobber(models.join(&file_name)) {
            Ok(_) => return Ok(file_name),
            Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => file = failed.file,
            Err(failed) => return Err(cannot(failed.error)),
        }
        number += 1;
        file_name = models::file_name(&format!("{name} {number}"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::io::Write as _;

    #[test]
    fn steps_are_followed_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.jsonl");
        let mut followed = FollowedSteps::default();
        assert_eq!(followed.follow(&path), None);
        let mut file = File::create(&path).unwrap();
        file.write_all(br#"{"step":1,"steps":4,"loss":8.0,"seconds_left":3.0}"#)
            .unwrap();
        assert_eq!(followed.follow(&path), None, "a line without an end");
        file.write_all(b"\nnonsense\n").unwrap();
        let first = followed.follow(&path).unwrap();
        assert_eq!(
            (first.n_made, first.n_wanted, first.losses),
            (1, 4, [8.0; 2])
        );
        assert_eq!(followed.follow(&path), None);
        for step in 2..=12 {
            let loss = 10 - step;
            writeln!(
                file,
                r#"{{"step":{step},"steps":4,"loss":{loss},"seconds_left":0.5}}"#
            )
            .unwrap();
        }
        let last = followed.follow(&path).unwrap();
        assert_eq!((last.n_made, last.seconds_left), (12, 0.5));
        assert_eq!(last.losses, [4.4, 2.5]);
    }

    #[test]
    fn a_model_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        let model = folder.path().join("model.safetensors");
        fs::write(&model, "new").unwrap();
        fs::create_dir(&models).unwrap();
        fs::write(models.join("mine.safetensors"), "old").unwrap();
        assert_eq!(put(&model, &models, "mine").unwrap(), "mine 2.safetensors");
        assert_eq!(put(&model, &models, "mine").unwrap(), "mine 3.safetensors");
        let old = fs::read_to_string(models.join("mine.safetensors")).unwrap();
        assert_eq!(old, "old");
        assert_eq!(
            fs::read_dir(&models).unwrap().count(),
            3,
            "nothing is left half"
        );
    }

    #[test]
    fn a_models_folder_that_has_gone_is_said_and_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.safetensors");
        fs::write(&model, "new").unwrap();
        let gone = folder.path().join("gone");
        assert!(
            put(&model, &gone, "mine")
                .unwrap_err()
                .contains("gone any more")
        );
        assert!(!gone.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_last_words_are_the_error_or_else_the_last_line() {
        use std::os::unix::process::ExitStatusExt as _;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.txt");
        let killed = ExitStatus::from_raw(9);
        assert!(last_words(&log, killed).contains("signal: 9"));
        for (text, expected) in [
            ("read 3 files\n\nout of memory\n\n", "out of memory."),
            (
                "reading\nerror: no MIDI file in it.\n\nFor more, try --help\n",
                "no MIDI file in it.",
            ),
        ] {
            fs::write(&log, text).unwrap();
            assert_eq!(last_words(&log, killed), expected);
        }
    }
}
