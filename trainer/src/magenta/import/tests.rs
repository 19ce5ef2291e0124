//! Files of every form, written here and read back; and files that must not be believed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod archives;
mod checkpoint;
mod manifest;

use super::tensor::is_bookkeeping;
use super::*;
use std::path::PathBuf;

/// A temporary folder with these files in it.
fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// What is said about the weights at `path`, which are none.
#[track_caller]
fn problem_of(path: &Path) -> String {
    match Weights::read(path) {
        Ok(weights) => panic!("read {:?}", weights.tensors.keys()),
        Err(error) => format!("{error:#}"),
    }
}

#[track_caller]
fn assert_says(problem: &str, parts: &[&str]) {
    for part in parts {
        assert!(problem.contains(part), "`{problem}` does not say `{part}`");
    }
}

fn singles(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn tensor(shape: &[usize], values: &[f32]) -> RawTensor {
    RawTensor {
        shape: shape.to_vec(),
        values: values.to_vec(),
    }
}

#[test]
fn the_optimisers_tensors_are_told_from_the_models() {
    for name in [
        "encoder/mu/kernel/Adam",
        "encoder/mu/kernel/Adam_1",
        "beta1_power",
        "beta2_power_1",
        "global_step",
    ] {
        assert!(is_bookkeeping(name), "{name}");
    }
    for name in [
        "encoder/mu/kernel",
        "decoder/nade/w_enc",
        "cell_0",
        "Adam/kernel",
    ] {
        assert!(!is_bookkeeping(name), "{name}");
    }
}

#[test]
fn a_path_without_weights_says_what_was_expected() {
    let empty = folder(&[("notes.txt", b"none".to_vec())]);
    assert_says(
        &problem_of(empty.path()),
        &["no weights found", "weights_manifest.json", ".index"],
    );
    assert_says(
        &problem_of(&empty.path().join("notes.txt")),
        &["notes.txt", "neither a tar archive"],
    );
    assert_says(
        &problem_of(&empty.path().join("gone")),
        &["gone", "no such file"],
    );
    assert_says(&problem_of(Path::new("/nowhere/at/all")), &["no such file"]);
    assert_says(&problem_of(Path::new("..")), &["no weights found"]);
}

#[test]
fn a_damaged_description_is_named() {
    let model = folder(&[
        ("weights_manifest.json", b"[]".to_vec()),
        ("config.json", b"{".to_vec()),
    ]);
    assert_says(
        &problem_of(model.path()),
        &["config.json", "not JSON", "--preset"],
    );
}

/// The path of a file of the folder.
fn at(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}
