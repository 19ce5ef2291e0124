//! Models that the plugin has trained: the job behind its window, with the real trainer and with commands that fail.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clap::Parser as _;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove};
use fourbar_plugin::inference::models::{Choice, FOLDER_VARIABLE};
use fourbar_plugin::training::{COMMAND_VARIABLE, Failure, Loops, Order, State, Steps, Training};
use fourbar_trainer::cli::Cli;

use super::{choose, drums, performance};
use crate::harness::Player;
use crate::harness::clap::ClapHost;
use crate::harness::process::run_alone;

/// Set in a test's second run to the folder of all that it has.
const HAS_PLACE: &str = "FOURBAR_TEST_PLACE";
/// Set to the arguments of a command, a line each, where this program is to be `fourbar`.
const ARGUMENTS: &str = "FOURBAR_TEST_ARGUMENTS";

/// Where a test's files are.
struct Place(PathBuf);

impl Place {
    fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// The folder of temporary files.
    fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    fn is_clean(&self) -> bool {
        self.temporary().read_dir().unwrap().next().is_none()
    }
}

/// Runs `test` in a process of its own whose command `fourbar` is this script of the shell, or is nowhere.
fn with_command(name: &str, script: Option<&str>, test: impl FnOnce(&Place)) {
    if let Some(place) = std::env::var_os(HAS_PLACE) {
        return test(&Place(place.into()));
    }
    let folder = tempfile::tempdir().unwrap();
    let place = Place(folder.path().to_owned());
    std::fs::create_dir(place.temporary()).unwrap();
    std::fs::create_dir(place.models()).unwrap();
    let base = drums(2, 1).to_bytes().unwrap();
    std::fs::write(place.models().join("base.safetensors"), base).unwrap();
    let command = script.map(|script| write_command(&place.0, script));
    let (models, temporary) = (place.models(), place.temporary());
    run_alone(
        name,
        &[
            (HAS_PLACE, folder.path().as_ref()),
            (FOLDER_VARIABLE, models.as_ref()),
            ("TMPDIR", temporary.as_ref()),
            ("HOME", folder.path().as_ref()),
            ("FOURBAR_DATA", "".as_ref()),
            (COMMAND_VARIABLE, command.unwrap_or_default().as_ref()),
            (
                "PATH",
                if script.is_some() {
                    "/usr/bin:/bin"
                } else {
                    ""
                }
                .as_ref(),
            ),
        ],
    );
}

/// Writes a script of the shell as a command into `folder`; it finds `$out` and `$progress` set.
pub(crate) fn write_command(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("fourbar");
    let arguments = r#"
previous=
for argument; do
    case "$previous" in
        --out) out=$argument ;;
        --progress) progress=$argument ;;
    esac
    previous=$argument
done
"#;
    std::fs::write(&path, format!("#!/bin/sh{arguments}{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A script that is the trainer itself, for a few steps.
pub(crate) fn real_command() -> String {
    format!(
        r#"
{ARGUMENTS}=$(printf '%s\n' "$@" --steps 12)
export {ARGUMENTS}
'{}' user_models::training::fourbar --exact --nocapture || exit 1
"#,
        std::env::current_exe().unwrap().display()
    )
}

/// The command of [`real_command`]; as a test of its own it has nothing to do.
#[test]
fn fourbar() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else {
        return;
    };
    let command = Cli::try_parse_from(std::iter::once("fourbar").chain(arguments.lines()));
    if let Err(error) = command.unwrap().run() {
        println!("error: {error:#}");
        std::process::exit(1);
    }
}

/// A groove of two bars that nobody would learn otherwise.
fn groove() -> Groove {
    let mut groove = Groove::empty(32);
    for step in [0, 3, 6, 10, 13, 16, 19, 22, 26, 29] {
        let cell = Cell {
            velocity: 0.9,
            offset: 0.0,
        };
        groove.set(step, Voice::Ride, Some(cell));
    }
    groove
}

/// What was asked for in all tests: a copy of the small model that knows one more groove.
fn order() -> Order {
    Order {
        name: "my rides".to_owned(),
        base: Some("base.safetensors".to_owned()),
        loops: Loops {
            files: Vec::new(),
            grooves: vec![("slot 1".to_owned(), groove())],
            map: &DrumMap::GM,
            tempo_bpm: 100.0,
        },
    }
}

/// A training that was started, and the model that it chooses.
fn started() -> (Training, Receiver<Choice>) {
    let training = Training::default();
    let (sender, chosen) = channel();
    training.start(order(), move |model| sender.send(model).unwrap());
    (training, chosen)
}

/// Waits until the training has come to where `is_there` says.
fn wait<T>(training: &Training, is_there: impl Fn(State) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        let state = training.state();
        if let Some(found) = is_there(state.clone()) {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{state:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_steps(training: &Training) -> Steps {
    wait(training, |state| match state {
        State::Running(progress) => progress.steps,
        state => panic!("{state:?}"),
    })
}

fn wait_for_failure(training: &Training) -> Failure {
    wait(training, |state| match state {
        State::Ended(ended) => Some(ended.unwrap_err()),
        _ => None,
    })
}

#[test]
fn a_model_is_trained_put_among_the_others_chosen_and_played() {
    with_command(
        "user_models::training::a_model_is_trained_put_among_the_others_chosen_and_played",
        Some(&real_command()),
        |place| {
            let (training, chosen) = started();
            let steps = wait_for_steps(&training);
            assert!((1..=12).contains(&steps.n_made) && steps.n_wanted == 12);
            assert!(steps.losses.iter().all(|loss| loss.is_finite()));
            let name = wait(&training, |state| match state {
                State::Ended(ended) => Some(ended.unwrap()),
                _ => None,
            });
            assert_eq!(name, "my rides");
            assert_eq!(chosen.recv(), Ok(Choice::in_file("my rides.safetensors")));
            assert!(place.is_clean(), "nothing is left of the run");

            let played = ["base.safetensors", "my rides.safetensors"].map(|file| {
                let mut player = Player::<ClapHost>::offline();
                choose(&mut player, Some(file));
                performance(&mut player)
            });
            assert_ne!(played[0].checkpoint_id, played[1].checkpoint_id);
        },
    );
}

#[test]
fn a_command_that_dies_is_said_in_its_own_words_with_the_place_of_all_that_it_said() {
    with_command(
        "user_models::training::a_command_that_dies_is_said_in_its_own_words_with_the_place_of_all_that_it_said",
        Some(
            "echo reading; echo 'error: no drums in it: choose other files' >&2; echo bye; exit 1",
        ),
        |place| {
            let (training, chosen) = started();
            let failure = wait_for_failure(&training);
            assert!(
                failure
                    .sentence
                    .contains("no drums in it: choose other files. ")
            );
            let log = failure.sentence.split(" is in ").nth(1).unwrap();
            let log = std::fs::read_to_string(log.trim_end_matches('.')).unwrap();
            assert!(log.contains("reading") && log.contains("bye"), "{log}");
            let command = failure.command.unwrap();
            assert!(command.starts_with("fourbar train --base /"), "{command}");
            assert!(chosen.try_recv().is_err());
            assert_eq!(place.models().read_dir().unwrap().count(), 1);
        },
    );
}

#[test]
fn a_command_that_is_killed_is_said_too_and_another_run_can_begin() {
    with_command(
        "user_models::training::a_command_that_is_killed_is_said_too_and_another_run_can_begin",
        Some("kill -9 $$"),
        |_| {
            let (training, _chosen) = started();
            let failure = wait_for_failure(&training);
            assert!(failure.sentence.contains("signal: 9"), "{failure:?}");
            training.start(order(), |_| {});
            let again = wait_for_failure(&training);
            assert!(again.sentence.contains("signal: 9"), "{again:?}");
        },
    );
}

/// A command that trains for ever, as far as one can see, and says who it is and who its child.
const ENDLESS: &str = r#"
sleep 600 & echo $! > "$progress.pids"
echo $$ >> "$progress.pids"
echo '{"step":1,"steps":9,"loss":5,"seconds_left":80}' > "$progress"
wait
"#;

#[test]
fn a_run_that_is_cancelled_or_whose_plugin_goes_leaves_nothing_behind() {
    with_command(
        "user_models::training::a_run_that_is_cancelled_or_whose_plugin_goes_leaves_nothing_behind",
        Some(ENDLESS),
        |place| {
            let cancel = |training: &Training| {
                training.cancel();
                wait(training, |state| (state == State::Idle).then_some(()));
            };
            for end in [&cancel as &dyn Fn(&Training), &Training::end] {
                let (training, chosen) = started();
                let _ = wait_for_steps(&training);
                let pids = pids(place);
                assert!(pids.iter().all(|pid| is_alive(pid)));
                let start = Instant::now();
                end(&training);
                assert!(
                    start.elapsed() < Duration::from_secs(2),
                    "{:?}",
                    start.elapsed()
                );
                assert!(place.is_clean());
                // What the command has started is waited for by the system.
                while pids.iter().any(|pid| is_alive(pid)) {
                    assert!(start.elapsed() < Duration::from_secs(20), "{pids:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
                assert_eq!(training.state(), State::Idle);
                assert!(chosen.try_recv().is_err());
                assert_eq!(place.models().read_dir().unwrap().count(), 1);
            }
        },
    );
}

/// The processes of the run that is on its way.
fn pids(place: &Place) -> Vec<String> {
    let run = place.temporary().read_dir().unwrap().next().unwrap();
    let pids = run.unwrap().path().join("progress.jsonl.pids");
    let pids = std::fs::read_to_string(pids).unwrap();
    pids.lines().map(str::to_owned).collect()
}

/// Whether a process is there that has not ended.
fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // What follows the name in brackets is the state.
    status.is_ok_and(|status| !status.rsplit(") ").next().unwrap().starts_with('Z'))
}

#[test]
fn without_the_command_it_is_said_where_to_put_it_and_what_to_run() {
    with_command(
        "user_models::training::without_the_command_it_is_said_where_to_put_it_and_what_to_run",
        None,
        |_| {
            let (training, _chosen) = started();
            let failure = wait_for_failure(&training);
            assert!(failure.sentence.contains("was not found"), "{failure:?}");
            // The loops are there for the command that is to be run.
            let command = failure.command.unwrap();
            let loops = command.split('\'').find(|word| word.ends_with("my rides"));
            assert_eq!(Path::new(loops.unwrap()).read_dir().unwrap().count(), 1);
        },
    );
}

#[test]
fn a_model_is_not_lost_where_the_models_folder_has_gone() {
    with_command(
        "user_models::training::a_model_is_not_lost_where_the_models_folder_has_gone",
        Some(r#"mkdir "$out"; echo weights > "$out/model.safetensors"; rm -r "$FOURBAR_MODELS""#),
        |place| {
            let (training, chosen) = started();
            let failure = wait_for_failure(&training);
            assert!(
                failure.sentence.contains("my rides is trained"),
                "{failure:?}"
            );
            let kept = failure.sentence.split("kept as ").nth(1).unwrap();
            let kept = std::fs::read_to_string(kept.trim_end_matches('.')).unwrap();
            assert_eq!(kept, "weights\n");
            assert!(chosen.try_recv().is_err() && !place.models().exists());
        },
    );
}

#[test]
fn a_folder_that_cannot_be_written_into_is_said_before_anything_is_trained() {
    with_command(
        "user_models::training::a_folder_that_cannot_be_written_into_is_said_before_anything_is_trained",
        Some("touch \"$HOME/was started\""),
        |place| {
            std::fs::remove_dir_all(place.models()).unwrap();
            std::fs::write(place.models(), "in the way").unwrap();
            let (training, _chosen) = started();
            let failure = wait_for_failure(&training);
            assert!(
                failure.sentence.starts_with("Nothing was trained"),
                "{failure:?}"
            );
            assert!(!place.0.join("was started").exists());
        },
    );
}
