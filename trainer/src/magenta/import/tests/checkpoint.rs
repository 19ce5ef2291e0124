//! TensorFlow's form, with a small writer of its own.

use super::*;
use crate::magenta::import::tensorflow::table::{FOOTER_BYTES, MAGIC, mask};
use half::{bf16, f16};

/// A tensor as TensorFlow describes it; the fields are those of its message.
#[derive(Clone)]
struct Stored {
    name: String,
    dtype: u64,
    shape: Vec<i64>,
    shard: usize,
    bytes: Vec<u8>,
}

impl Stored {
    fn new(name: &str, dtype: u64, shape: &[i64], bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            shard: 0,
            bytes,
        }
    }
}

/// A file's name and its bytes.
type File = (String, Vec<u8>);

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn number_field(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn bytes_field(field: u64, bytes: &[u8]) -> Vec<u8> {
    [
        varint(field << 3 | 2),
        varint(bytes.len() as u64),
        bytes.to_vec(),
    ]
    .concat()
}

fn header(n_shards: u64) -> Vec<u8> {
    let version = number_field(1, 1);
    [number_field(1, n_shards), bytes_field(3, &version)].concat()
}

fn description(tensor: &Stored, offset: usize) -> Vec<u8> {
    let axes = tensor.shape.iter().map(|n| {
        let axis = number_field(1, n.cast_unsigned());
        bytes_field(2, &axis)
    });
    let shape: Vec<u8> = axes.flatten().collect();
    let checksum = mask(crc32c::crc32c(&tensor.bytes));
    [
        number_field(1, tensor.dtype),
        bytes_field(2, &shape),
        number_field(3, tensor.shard as u64),
        number_field(4, offset as u64),
        number_field(5, tensor.bytes.len() as u64),
        [varint(6 << 3 | 5), checksum.to_le_bytes().to_vec()].concat(),
    ]
    .concat()
}

/// A table of sorted rows: blocks of `per_block` rows, keys anew every three rows.
fn table(rows: &[(Vec<u8>, Vec<u8>)], per_block: usize, packed: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut write = |rows: &[(Vec<u8>, Vec<u8>)]| {
        let (mut block, mut restarts) = (Vec::new(), Vec::new());
        for (at, (key, value)) in rows.iter().enumerate() {
            let shared = if at % 3 == 0 {
                restarts.push(u32::try_from(block.len()).unwrap());
                0
            } else {
                let pairs = key.iter().zip(&rows[at - 1].0);
                pairs.take_while(|(a, b)| a == b).count()
            };
            for length in [shared, key.len() - shared, value.len()] {
                block.extend(varint(length as u64));
            }
            block.extend(&key[shared..]);
            block.extend(value);
        }
        block.extend(restarts.iter().flat_map(|at| at.to_le_bytes()));
        block.extend(u32::try_from(restarts.len()).unwrap().to_le_bytes());
        if packed {
            block = snap::raw::Encoder::new().compress_vec(&block).unwrap();
        }
        let handle = [varint(file.len() as u64), varint(block.len() as u64)].concat();
        block.push(u8::from(packed));
        let checksum = mask(crc32c::crc32c(&block));
        file.extend(block);
        file.extend(checksum.to_le_bytes());
        handle
    };
    let index: Vec<_> = rows
        .chunks(per_block)
        .map(|rows| (rows.last().unwrap().0.clone(), write(rows)))
        .collect();
    let mut footer = [write(&[]), write(&index)].concat();
    footer.resize(FOOTER_BYTES - 8, 0);
    footer.extend(MAGIC.to_le_bytes());
    file.extend(footer);
    file
}

/// The files of a checkpoint: the index, then the data.
fn files(prefix: &str, tensors: &[Stored], n_shards: usize, packed: bool) -> Vec<File> {
    let mut shards = vec![Vec::new(); n_shards];
    let mut rows = vec![(Vec::new(), header(n_shards as u64))];
    for tensor in tensors {
        let shard: &mut Vec<u8> = &mut shards[tensor.shard];
        rows.push((
            tensor.name.clone().into_bytes(),
            description(tensor, shard.len()),
        ));
        shard.extend(&tensor.bytes);
    }
    rows.sort();
    let mut files = vec![(format!("{prefix}.index"), table(&rows, 7, packed))];
    for (k, bytes) in shards.into_iter().enumerate() {
        files.push((format!("{prefix}.data-{k:05}-of-{n_shards:05}"), bytes));
    }
    files
}

/// A folder with these files.
fn of_files(files: &[File]) -> tempfile::TempDir {
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    folder(&files)
}

/// A checkpoint with one tensor, and its index made of one row of this description.
fn described(description: Vec<u8>) -> tempfile::TempDir {
    let rows = [(Vec::new(), header(1)), (b"w".to_vec(), description)];
    of_files(&[
        ("m.index".to_owned(), table(&rows, 7, false)),
        ("m.data-00000-of-00001".to_owned(), vec![0; 8]),
    ])
}

/// The files of a small checkpoint, for the tests of archives.
pub(super) fn small() -> (Vec<File>, BTreeMap<String, RawTensor>) {
    let stored = Stored::new("encoder/mu/bias", 1, &[2], singles(&[1.5, -2.0]));
    let tensors = [("encoder/mu/bias".to_owned(), tensor(&[2], &[1.5, -2.0]))];
    (files("model.ckpt-7", &[stored], 1, false), tensors.into())
}

#[test]
fn tensors_of_every_type_come_back_from_several_shards_and_blocks() {
    let values = [0.5_f32, -1.25, 3.0, 0.0, -0.0, 1024.0];
    let mut stored = Vec::new();
    for cell in 0..20 {
        let kernel = format!("decoder/multi_rnn_cell/cell_{cell}/lstm_cell/kernel");
        let bytes = match cell % 4 {
            0 => (1, singles(&values)),
            1 => (
                2,
                values
                    .iter()
                    .flat_map(|x| f64::from(*x).to_le_bytes())
                    .collect(),
            ),
            2 => (
                19,
                values
                    .iter()
                    .flat_map(|x| f16::from_f32(*x).to_le_bytes())
                    .collect(),
            ),
            _ => (
                14,
                values
                    .iter()
                    .flat_map(|x| bf16::from_f32(*x).to_le_bytes())
                    .collect(),
            ),
        };
        let mut kernel = Stored::new(&kernel, bytes.0, &[2, 3], bytes.1);
        kernel.shard = cell % 3;
        let mut slot = kernel.clone();
        slot.name += "/Adam_1";
        stored.extend([kernel, slot]);
    }
    stored.push(Stored::new(
        "global_step",
        9,
        &[],
        vec![1, 0, 0, 0, 0, 0, 0, 0],
    ));
    stored.push(Stored::new("scalar", 1, &[], singles(&[2.0])));
    for packed in [false, true] {
        let folder = of_files(&files("m", &stored, 3, packed));
        for name in ["", "m", "m.index", "m.data-00001-of-00003"] {
            let weights = Weights::read(&at(&folder, name)).unwrap();
            assert_eq!(weights.tensors.len(), 21, "{:?}", weights.tensors.keys());
            assert_eq!(weights.tensors["scalar"], tensor(&[], &[2.0]));
            for cell in 0..20 {
                let kernel = &weights.tensors
                    [&format!("decoder/multi_rnn_cell/cell_{cell}/lstm_cell/kernel")];
                assert_eq!(*kernel, tensor(&[2, 3], &values));
            }
            assert_eq!(weights.config, None);
        }
    }
}

#[test]
fn a_folder_of_several_checkpoints_is_read_where_the_trainer_says_which_is_the_newest() {
    let of = |value: f32| Stored::new("w", 1, &[1], singles(&[value]));
    let mut all = files("model.ckpt-1", &[of(1.0)], 1, false);
    all.extend(files("model.ckpt-2", &[of(2.0)], 1, false));
    let folder = of_files(&all);
    assert_says(
        &problem_of(folder.path()),
        &[
            "several checkpoints",
            "model.ckpt-1.index",
            "model.ckpt-2.index",
        ],
    );
    for state in [
        "model_checkpoint_path: \"model.ckpt-2\"\nall_model_checkpoint_paths: \"model.ckpt-1\"\n",
        "model_checkpoint_path: \"/home/someone/run/train/model.ckpt-2\"\n",
        "model_checkpoint_path: \"C:\\\\run\\\\model.ckpt-2\"\n",
    ] {
        std::fs::write(at(&folder, "checkpoint"), state).unwrap();
        for path in [folder.path(), &at(&folder, "checkpoint")] {
            assert_eq!(Weights::read(path).unwrap().tensors["w"].values, [2.0]);
        }
    }
    assert_eq!(
        Weights::read(&at(&folder, "model.ckpt-1")).unwrap().tensors["w"].values,
        [1.0]
    );
}

#[test]
fn damaged_and_missing_data_name_the_file_and_the_tensor() {
    let good = files(
        "m",
        &[Stored::new("w", 1, &[2], singles(&[1.0, 2.0]))],
        1,
        false,
    );
    let with_data = |bytes: Option<Vec<u8>>| {
        let mut files = good.clone();
        match bytes {
            Some(bytes) => files[1].1 = bytes,
            None => drop(files.pop()),
        }
        let folder = of_files(&files);
        problem_of(folder.path())
    };
    let mut flipped = good[1].1.clone();
    flipped[3] ^= 1;
    assert_says(
        &with_data(Some(flipped)),
        &["m.data-00000-of-00001", "`w`", "checksum"],
    );
    assert_says(
        &with_data(Some(vec![0; 7])),
        &["m.data-00000-of-00001", "`w`", "7 bytes", "cut off"],
    );
    assert_says(
        &with_data(None),
        &["m.data-00000-of-00001", "`w`", "missing", "download"],
    );
}

#[test]
fn no_damage_to_the_index_passes_unnoticed_or_panics() {
    let tensors: Vec<_> = (0..9)
        .map(|i| Stored::new(&format!("cell_{i}/kernel"), 1, &[1], singles(&[1.0])))
        .collect();
    let good = files("m", &tensors, 1, false);
    let index = &good[0].1;
    let folder = of_files(&good);
    let expected = Weights::read(folder.path()).unwrap().tensors;
    for length in 0..index.len() {
        std::fs::write(at(&folder, "m.index"), &index[..length]).unwrap();
        assert_says(&problem_of(folder.path()), &["m.index"]);
    }
    let blocks = index.len() - FOOTER_BYTES;
    for place in 0..index.len() {
        let mut damaged = index.clone();
        damaged[place] ^= 0x41;
        std::fs::write(at(&folder, "m.index"), damaged).unwrap();
        match Weights::read(folder.path()) {
            // Nothing reads the block of properties, nor what fills the footer up.
            Ok(weights) => assert_eq!(weights.tensors, expected),
            Err(error) => assert_says(&format!("{error:#}"), &["m.index"]),
        }
        let is_read = place < blocks - 200;
        assert!(
            !is_read || Weights::read(folder.path()).is_err(),
            "byte {place}"
        );
    }
}

#[test]
fn a_description_that_cannot_be_true_is_refused() {
    let of = |dtype: u64, shape: &[i64], change: &dyn Fn(&mut Vec<u8>)| {
        let mut description = description(&Stored::new("w", dtype, shape, vec![0; 8]), 0);
        change(&mut description);
        let folder = described(description);
        problem_of(folder.path())
    };
    let keep = |_: &mut Vec<u8>| {};
    // The last field of a kind counts.
    let append = |field: Vec<u8>| move |bytes: &mut Vec<u8>| bytes.extend(&field);
    let cases = [
        (of(1, &[-2], &keep), "[-2]"),
        (of(1, &[i64::MAX, 4], &keep), "is not that of a weight"),
        (of(1, &[3], &keep), "8 bytes, but its shape [3] takes 12"),
        (of(3, &[2], &keep), "number 3"),
        (of(7, &[2], &keep), "number 7"),
        (of(1, &[2], &append(number_field(3, 1))), "data file 1 of 1"),
        (of(1, &[2], &append(number_field(4, u64::MAX))), "cut off"),
        (of(1, &[2], &append(bytes_field(7, &[]))), "slices"),
        (of(1, &[2], &append(vec![0xff])), "damaged"),
        (of(1, &[2], &append(bytes_field(1, b"x"))), "damaged"),
        (
            of(1, &[2], &|bytes| bytes.truncate(bytes.len() - 1)),
            "damaged",
        ),
        (
            of(1, &[1 << 31], &append(number_field(5, 1 << 33))),
            "more than 4 GiB",
        ),
    ];
    for (problem, part) in cases {
        assert_says(&problem, &["m.index", "w", part]);
    }
}

#[test]
fn a_header_that_cannot_be_true_is_refused() {
    let version = |min_consumer| bytes_field(3, &number_field(2, min_consumer));
    let cases = [
        (header(0), "0 data files"),
        (header(u64::MAX), "data files"),
        ([header(1), number_field(2, 1)].concat(), "big-endian"),
        ([header(1), version(2)].concat(), "newer TensorFlow"),
    ];
    for (header, part) in cases {
        let folder = of_files(&[(
            "m.index".to_owned(),
            table(&[(Vec::new(), header)], 7, false),
        )]);
        assert_says(&problem_of(folder.path()), &["m.index", part]);
    }
    let rows = [(b"w".to_vec(), Vec::new())];
    let without = of_files(&[("m.index".to_owned(), table(&rows, 7, false))]);
    assert_says(&problem_of(without.path()), &["no header"]);
}

#[test]
fn keys_that_unfold_to_far_more_than_the_file_are_refused() {
    let twice = [(b"a".to_vec(), Vec::new()), (b"a".to_vec(), Vec::new())];
    let folder = of_files(&[("m.index".to_owned(), table(&twice, 7, false))]);
    assert_says(&problem_of(folder.path()), &["`a` is listed twice"]);

    let key = vec![b'k'; 1 << 20];
    let rows: Vec<_> = (0..50_u8)
        .map(|i| ([key.as_slice(), &[i]].concat(), Vec::new()))
        .collect();
    let folder = of_files(&[("m.index".to_owned(), table(&rows, 50, true))]);
    assert_says(&problem_of(folder.path()), &["m.index", "damaged"]);
}
