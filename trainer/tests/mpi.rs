//! Training by several processes. Built with the feature `mpi` only; needs `mpirun` on PATH.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use fourbar_trainer::measure::Row;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A model that takes milliseconds a step, of whose batch of nine in five parts no number of ranks here has equal shares.
const TINY: [&str; 8] = [
    "batch_size=9",
    "micro_batch=2",
    "validate_every=1",
    "patience=1000000",
    "model.latent=4",
    "model.encoder.units=[8]",
    "model.decoder.units=[8]",
    "learning_rate=0.01",
];

/// A folder of 40 loops of four bars that differ.
fn data(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    fs::create_dir(&data).unwrap();
    let mut noise = Noise::from_seed(3);
    for i in 0..40 {
        let mut groove = Groove::empty(64);
        for step in 0..64 {
            let voice = if step % 8 == 4 {
                Voice::Snare
            } else {
                Voice::Kick
            };
            if step % 4 == 0 || noise.uniform() < 0.2 {
                let (velocity, offset) = (noise.uniform(), noise.uniform() - 0.49);
                groove.set(step, voice, Some(Cell { velocity, offset }));
            }
        }
        let notes = groove
            .to_pattern()
            .to_notes(Feel::AS_GENERATED, &DrumMap::TD11.keys(), 9);
        let bytes = midi::write(&notes, 16.0, 100.0);
        fs::write(data.join(format!("beat_{i:02}.mid")), bytes).unwrap();
    }
    data
}

/// `fourbar train` by so many ranks; by one, without `mpirun`.
fn fourbar(n_ranks: usize, out: &Path, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_fourbar");
    let mut command = if n_ranks == 1 {
        Command::new(program)
    } else {
        let mut command = Command::new("mpirun");
        command.args(["-n", &n_ranks.to_string(), program]);
        command
    };
    // Open MPI would refuse to start as root, as tests do in containers, and more ranks than there are processors.
    command
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .args(["train", "--device", "cpu", "--out"])
        .arg(out)
        .args(arguments);
    command
}

/// The arguments of a run of the tiny model.
fn tiny(data: &Path, steps: &str) -> Vec<String> {
    let mut arguments = ["--steps", steps, "--seed", "5", "--data"]
        .map(str::to_owned)
        .to_vec();
    arguments.push(data.to_str().unwrap().to_owned());
    for setting in TINY {
        arguments.extend(["--set".to_owned(), setting.to_owned()]);
    }
    arguments
}

fn train(n_ranks: usize, out: &Path, arguments: &[String]) -> Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = fourbar(n_ranks, out, &arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{n_ranks} ranks: {error}");
    output
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn log(folder: &Path) -> Vec<Row> {
    Row::read_all(&folder.join("log.csv")).unwrap()
}

/// Asserts that two runs have the same losses in every row of their logs, but for rounding.
fn assert_same_losses(a: &Path, b: &Path, n_rows: usize) {
    let (a, b) = (log(a), log(b));
    assert_eq!((a.len(), b.len()), (n_rows, n_rows));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a.step, b.step);
        for (name, figure) in a.figures.iter().filter(|(name, _)| name != "minutes") {
            if let (Some(figure), Some(other)) = (figure, b.figure(name)) {
                let difference = (figure - other).abs() / figure.abs().max(1.0);
                assert!(
                    difference < 1e-4,
                    "step {}, {name}: {figure} and {other}",
                    a.step
                );
            }
        }
    }
}

/// The tensors and the state of the optimiser that a run has left.
fn state(folder: &Path) -> Vec<u8> {
    let state = fs::read(folder.join("state.safetensors")).unwrap();
    let header = u64::from_le_bytes(state[..8].try_into().unwrap());
    state[8 + usize::try_from(header).unwrap()..].to_vec()
}

#[test]
fn several_ranks_have_the_losses_of_one_process_and_go_on_in_other_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let run = |n_ranks: usize| folder.path().join(format!("by_{n_ranks}"));
    for n_ranks in [1, 2, 4] {
        let output = train(n_ranks, &run(n_ranks), &tiny(&data, "6"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.matches("training windows").count(), 1, "{said}");
        assert_eq!(n_ranks == 1, !said.contains("ranks"), "{said}");
        assert_same_losses(&run(1), &run(n_ranks), 6);
    }

    // Two, then four, then one.
    let other = folder.path().join("by_others");
    train(2, &other, &tiny(&data, "2"));
    for (n_ranks, steps) in [(4, "4"), (1, "6")] {
        train(n_ranks, &other, &words(&["--resume", "--steps", steps]));
    }
    assert_same_losses(&run(1), &other, 6);

    // As many as before leave the same bits as if there had been no interruption.
    let halves = folder.path().join("by_2_in_halves");
    train(2, &halves, &tiny(&data, "3"));
    train(2, &halves, &words(&["--resume", "--steps", "6"]));
    assert!(
        state(&run(2)) == state(&halves),
        "weights or optimiser state differ"
    );
}

#[test]
fn two_ranks_share_out_the_batches_of_shards() {
    let folder = tempfile::tempdir().unwrap();
    let (data, shards) = (data(folder.path()), folder.path().join("shards"));
    let prepared = Command::new(env!("CARGO_BIN_EXE_fourbar"))
        .args(["prepare", "--shards", "3", "--data"])
        .arg(&data)
        .arg("--out")
        .arg(&shards)
        .output();
    assert!(prepared.unwrap().status.success());
    // More than an epoch of 32 or so loops in batches of nine.
    let run = |n_ranks: usize| folder.path().join(format!("by_{n_ranks}"));
    for n_ranks in [1, 2] {
        train(n_ranks, &run(n_ranks), &tiny(&shards, "5"));
    }
    assert_same_losses(&run(1), &run(2), 5);
}

/// With what depends on the other examples of a part (attributes), averaged weights, conditions and augmentation.
#[test]
fn two_ranks_have_the_losses_of_one_process_with_the_model_of_the_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let run = |n_ranks: usize| folder.path().join(format!("by_{n_ranks}"));
    for n_ranks in [1, 2] {
        let mut arguments = words(&[
            "--preset",
            "fourbar",
            "--steps",
            "2",
            "--validation",
            "none",
        ]);
        arguments.extend(words(&[
            "--set",
            "validate_every=1",
            "--data",
            data.to_str().unwrap(),
        ]));
        train(n_ranks, &run(n_ranks), &arguments);
    }
    assert_same_losses(&run(1), &run(2), 2);
}

#[test]
fn more_ranks_than_parts_of_a_batch_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = tiny(&data(folder.path()), "1");
    arguments.extend(words(&["--set", "micro_batch=8"]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = fourbar(3, &folder.path().join("run"), &arguments)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    let sentence = "a batch of 9 in parts of 8 is not enough for 3 ranks";
    assert_eq!(error.matches(sentence).count(), 1, "{error}");
}

#[test]
fn a_rank_that_dies_ends_the_run_with_a_sentence_and_a_model_to_go_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = tiny(&data(folder.path()), "1000000");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let out = folder.path().join("run");
    let mut launcher = fourbar(2, &out, &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    let wait = || {
        assert!(Instant::now() < limit, "it takes too long");
        thread::sleep(Duration::from_millis(20));
    };
    while !out.join("state.safetensors").exists() {
        wait();
    }
    let victim = rank_of(launcher.id(), 1);
    assert!(
        Command::new("kill")
            .args(["-KILL", &victim])
            .status()
            .unwrap()
            .success()
    );
    while launcher.try_wait().unwrap().is_none() {
        wait();
    }
    let output = launcher.wait_with_output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    let sentence = "error: the launcher ends the run, as it does when a rank has died or on Ctrl-C: what was validated last is in";
    assert!(error.contains(sentence), "{error}");

    let n_rows = log(&out).len();
    let model = fs::read(out.join("model.safetensors")).unwrap();
    Checkpoint::from_bytes(&model, "model.safetensors").unwrap();
    train(
        2,
        &out,
        &words(&["--resume", "--steps", &(n_rows + 1).to_string()]),
    );
    assert!(log(&out).len() >= n_rows);
}

/// The process of a rank that a launcher has started.
fn rank_of(launcher: u32, rank: usize) -> String {
    let is_it = |process: &Path| {
        let read = |name| fs::read(process.join(name)).unwrap_or_default();
        // After the name in parentheses: state and parent.
        let status = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = status
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1));
        let variable = format!("OMPI_COMM_WORLD_RANK={rank}");
        parent == Some(&launcher.to_string())
            && read("environ")
                .split(|&byte| byte == 0)
                .any(|one| one == variable.as_bytes())
    };
    let mut processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
    let process = processes.find(|process| is_it(&process.path())).unwrap();
    process.file_name().into_string().unwrap()
}
