//! What a training run survives: its end at any write, a full disk, a disk that may not be written to, any number of
//! threads, a clock that jumps, and names and numbers of other countries.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use candle_core::Device;

use super::{Args, args, data, log, open, resumed, train};
use crate::harness::process::{fill_disk, run_alone, run_on_disk, run_while_the_clock_jumps};

/// The folder that a process of these tests works in.
const PLACE: &str = "FOURBAR_TEST_PLACE";
const STEPS: usize = 3;

fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// A run of a model that takes milliseconds a step, and is saved after each.
fn tiny(data: &Path, out: &Path) -> Args {
    let mut args = args(data, out.to_owned(), STEPS);
    args.settings = [
        "validate_every=1",
        "model.latent=4",
        "model.encoder.units=[8]",
        "model.decoder.units=[8]",
    ]
    .map(str::to_owned)
    .to_vec();
    args
}

/// The end of a run that nothing befalls.
fn undisturbed(folder: &Path, data: &Path) -> Vec<u8> {
    let out = folder.join("undisturbed");
    train(&tiny(data, &out));
    tensors(&out)
}

/// Weights and the optimiser's state in the folder of a run.
fn tensors(folder: &Path) -> Vec<u8> {
    let state = fs::read(folder.join("state.safetensors")).unwrap();
    let header = u64::from_le_bytes(state[..8].try_into().unwrap());
    state[8 + usize::try_from(header).unwrap()..].to_vec()
}

/// Goes on with a run, if it has come so far that it can be gone on with, else begins it.
fn train_to_the_end(data: &Path, out: &Path) {
    if out.join("state.safetensors").exists() {
        train(&resumed(out.to_owned(), STEPS));
    } else {
        train(&tiny(data, out));
    }
}

/// `FOURBAR_KILLS=all` ends a run at every write, flush and renaming; else a few of each are chosen.
#[test]
fn a_run_that_is_killed_at_any_write_goes_on_to_the_same_end() {
    let name = "training::faults::a_run_that_is_killed_at_any_write_goes_on_to_the_same_end";
    if let Some(place) = place() {
        let data = place.parent().unwrap().join("data");
        return train_to_the_end(&data, &place);
    }
    let traced = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status();
    if !traced.is_ok_and(|status| status.success()) {
        println!("{name}: there is no strace that may end a process at a write");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let end = undisturbed(folder.path(), &data);
    let kills_all = std::env::var_os("FOURBAR_KILLS").is_some();
    let stride = if kills_all { 1 } else { 7 };
    for call in ["write", "fsync", "rename"] {
        for n in (1..).step_by(stride) {
            let out = folder.path().join(format!("killed at {call} {n}"));
            let run = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null"])
                .arg(format!("--inject=/^{call}:signal=KILL:when={n}"))
                .arg(std::env::current_exe().unwrap())
                .args([name, "--exact"])
                .env(PLACE, &out)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if run.unwrap().success() {
                assert!(n > stride, "a run calls {call} less than {n} times");
                println!("killed before each {stride}th {call} of less than {n}");
                break;
            }
            assert_nothing_is_half(&out);
            train_to_the_end(&data, &out);
            assert!(
                tensors(&out) == end,
                "killed at {call} {n}, it ends otherwise"
            );
            assert_is_tidy(&out);
        }
    }
}

fn assert_nothing_is_half(out: &Path) {
    if out.join("model.safetensors").exists() {
        open(&out.join("model.safetensors"));
    }
    if out.join("log.csv").exists() {
        log(out);
    }
}

/// Asserts that a run leaves its files and none of those that it was writing.
fn assert_is_tidy(out: &Path) {
    let names = fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("events.out."));
    names.sort();
    let files = [
        "config.toml",
        "log.csv",
        "model.safetensors",
        "state.safetensors",
    ];
    assert_eq!(names, files);
}

#[test]
fn a_full_disk_and_one_that_may_not_be_written_to_end_a_run_that_can_go_on() {
    let name =
        "training::faults::a_full_disk_and_one_that_may_not_be_written_to_end_a_run_that_can_go_on";
    if let Some(place) = place() {
        return run_out_of_disk(&place);
    }
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    run_on_disk(name, &disk, 512, &[(PLACE, disk.as_os_str())]);
}

fn run_out_of_disk(disk: &Path) {
    let folder = disk.parent().unwrap();
    let data = folder.join("data");
    let out = disk.join("run");
    train(&Args {
        steps: Some(1),
        ..tiny(&data, &out)
    });
    let problem = || {
        let args = resumed(out.clone(), STEPS);
        let error = train::train(&args, &Device::Cpu, &AtomicBool::new(false)).unwrap_err();
        open(&out.join("model.safetensors"));
        format!("{error:#}")
    };
    let filler = fill_disk(disk);
    let full = problem();
    assert!(full.contains("the disk is full; free some space"), "{full}");
    assert!(full.contains(&out.display().to_string()), "{full}");
    fs::remove_file(filler).unwrap();

    let remount = |how| {
        let mounted = Command::new("mount").args(["-o", how]).arg(disk).status();
        assert!(mounted.unwrap().success());
    };
    remount("remount,ro");
    let read_only = problem();
    assert!(
        read_only.contains("choose a place that you may write to"),
        "{read_only}"
    );
    remount("remount,rw");
    train(&resumed(out.clone(), STEPS));
    assert!(tensors(&out) == undisturbed(folder, &data));
    assert_is_tidy(&out);
}

#[test]
fn no_number_of_threads_changes_what_is_trained() {
    let name = "training::faults::no_number_of_threads_changes_what_is_trained";
    if let Some(place) = place() {
        return train_to_the_end(&place.parent().unwrap().join("data"), &place);
    }
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let end = undisturbed(folder.path(), &data);
    for n_threads in ["0", "512"] {
        let out = folder.path().join(n_threads);
        let threads: &OsStr = n_threads.as_ref();
        run_alone(
            name,
            &[(PLACE, out.as_os_str()), ("RAYON_NUM_THREADS", threads)],
        );
        assert!(tensors(&out) == end, "{n_threads} threads");
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing_of_what_is_trained() {
    let name = "training::faults::a_clock_that_jumps_changes_nothing_of_what_is_trained";
    if let Some(place) = place() {
        return train_to_the_end(&place.parent().unwrap().join("data"), &place);
    }
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let out = folder.path().join("run");
    if run_while_the_clock_jumps(name, &[(PLACE, out.as_os_str())]) {
        assert!(tensors(&out) == undisturbed(folder.path(), &data));
        assert_is_tidy(&out);
    }
}

#[test]
fn a_run_among_names_that_are_no_text_is_trained_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(OsStr::from_bytes(b"gr\xFCn"));
    fs::create_dir(&place).unwrap();
    let data = data(&place);
    fs::rename(
        data.join("beat_00.mid"),
        data.join(OsStr::from_bytes(b"Fu\xDFball.mid")),
    )
    .unwrap();
    let out = place.join("run");
    train(&Args {
        steps: Some(1),
        ..tiny(&data, &out)
    });
    train(&resumed(out.clone(), STEPS));
    assert_is_tidy(&out);
}
