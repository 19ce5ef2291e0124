//! Archives of either form.

use super::*;
use crate::magenta::import::archive::Limited;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

/// A tar archive of these files; names may be ones that a well-meaning program refuses to write.
fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The model in a folder of the archive, with the shadow files of macOS.
fn packed(prefix: &str) -> (Vec<u8>, BTreeMap<String, RawTensor>) {
    let (files, tensors) = checkpoint::small();
    let mut all = Vec::new();
    for (name, bytes) in files {
        all.push((format!("{prefix}._{name}"), b"shadow".to_vec()));
        all.push((format!("{prefix}{name}"), bytes));
    }
    (tar_of(&all), tensors)
}

#[test]
fn checkpoints_are_read_out_of_archives() {
    for prefix in ["", "./", "cat-drums/train/"] {
        let (tar, tensors) = packed(prefix);
        let folder = folder(&[
            ("m.tar", tar.clone()),
            ("m.tar.gz", compressed(&tar)),
            ("without_extension", compressed(&tar)),
        ]);
        for name in ["m.tar", "m.tar.gz", "without_extension"] {
            let weights = Weights::read(&at(&folder, name)).unwrap();
            assert_eq!(weights.tensors, tensors);
            assert_says(&weights.origin, &[name, "model.ckpt-7"]);
        }
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            3,
            "nothing is unpacked"
        );
    }
}

#[test]
fn manifests_are_read_out_of_archives() {
    let manifest =
        r#"[{"paths": ["s/1"], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}]}]"#;
    let tar = tar_of(&[
        ("groovae/s/1".to_owned(), singles(&[4.5])),
        ("groovae/weights_manifest.json".to_owned(), manifest.into()),
        ("groovae/config.json".to_owned(), b"{}".to_vec()),
    ]);
    let folder = folder(&[("m.tar", tar.clone()), ("m.tgz", compressed(&tar))]);
    for name in ["m.tar", "m.tgz"] {
        let weights = Weights::read(&at(&folder, name)).unwrap();
        assert_eq!(weights.tensors["w"], tensor(&[1], &[4.5]));
        assert_eq!(weights.config, Some(serde_json::json!({})));
    }
}

#[test]
fn a_manifest_in_an_archive_reaches_no_file_outside_it() {
    let manifest =
        r#"[{"paths": ["shard"], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}]}]"#;
    let tar = tar_of(&[("weights_manifest.json".to_owned(), manifest.into())]);
    let folder = folder(&[("m.tar", tar), ("shard", vec![0; 4])]);
    assert_says(
        &problem_of(&at(&folder, "m.tar")),
        &["m.tar", "shard", "missing"],
    );
}

#[test]
fn entries_that_leave_the_archive_or_come_twice_are_refused() {
    for (names, part) in [
        (["../model.index", "a"], "leaves the archive's folder"),
        (["/etc/model.index", "a"], "leaves the archive's folder"),
        (["a/../../model.index", "a"], "leaves the archive's folder"),
        (["model.index", "./model.index"], "twice"),
    ] {
        let files = names.map(|name| (name.to_owned(), vec![1, 2, 3]));
        let tar = tar_of(&files);
        let folder = folder(&[("m.tar", tar.clone()), ("m.tgz", compressed(&tar))]);
        for name in ["m.tar", "m.tgz"] {
            assert_says(
                &problem_of(&at(&folder, name)),
                &[name, "model.index", part],
            );
        }
    }
}

#[test]
fn links_in_archives_are_not_followed() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive
        .append_link(&mut header, "weights_manifest.json", "/etc/hostname")
        .unwrap();
    let folder = folder(&[("m.tar", archive.into_inner().unwrap())]);
    assert_says(&problem_of(&at(&folder, "m.tar")), &["no weights found"]);
}

#[test]
fn cut_and_damaged_archives_say_so() {
    let (tar, _) = packed("deep/");
    let zipped = compressed(&tar);
    for length in (1..zipped.len()).step_by(37) {
        let folder = folder(&[("m.tgz", zipped[..length].to_vec())]);
        assert_says(&problem_of(&at(&folder, "m.tgz")), &["m.tgz"]);
    }
    // The data are the last file; what follows them only fills the archive up.
    for length in (600..tar.len() - 2048).step_by(512) {
        let folder = folder(&[("m.tar", tar[..length + 100].to_vec())]);
        assert_says(&problem_of(&at(&folder, "m.tar")), &["m.tar"]);
    }
    let folder = folder(&[
        ("m.tar", vec![b'x'; 2000]),
        ("m.tgz", b"\x1f\x8bnonsense".to_vec()),
    ]);
    assert_says(&problem_of(&at(&folder, "m.tar")), &["m.tar", "download"]);
    assert_says(&problem_of(&at(&folder, "m.tgz")), &["m.tgz", "download"]);
}

#[test]
fn an_announced_size_takes_no_memory() {
    let mut tar = tar_of(&[("model.index".to_owned(), vec![0; 100])]);
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes().copy_from_slice(&tar[..512]);
    header.set_size(1 << 45);
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    let folder = folder(&[("m.tar", tar.clone()), ("m.tgz", compressed(&tar))]);
    for name in ["m.tar", "m.tgz"] {
        assert_says(&problem_of(&at(&folder, name)), &[name, "download"]);
    }
}

#[test]
fn what_unpacks_to_too_much_is_given_up() {
    let mut bomb = Limited {
        inner: std::io::repeat(0),
        left: 100_000,
    };
    let mut bytes = Vec::new();
    let error = bomb.read_to_end(&mut bytes).unwrap_err();
    assert_says(&error.to_string(), &["more than 4 GiB"]);
    assert!(bytes.len() <= 100_000);
}
