//! Weights as TensorFlow's trainer saves them: `PREFIX.index`, a sorted table of where each tensor lies, and
//! `PREFIX.data-0000k-of-0000n`, the tensors' bytes.
//!
//! # Source
//! TensorFlow's "tensor bundle", format version 1, with the fields of `tensor_bundle.proto`.

mod message;
pub(super) mod table;

use super::archive::{Files, beside, relative_name};
use super::tensor::{
    MAX_INDEX_BYTES, MAX_WEIGHT_BYTES, RawTensor, check_finite, check_shape, each, is_bookkeeping,
};
use anyhow::{Context, Result, anyhow, ensure};
use half::{bf16, f16};
use message::Fields;
use std::collections::BTreeMap;
use std::path::Path;

/// Most parts that a checkpoint's data may come in.
const MAX_SHARDS: u64 = 10_000;

/// The newest format that this program reads.
const FORMAT_VERSION: u64 = 1;

/// All tensors of the checkpoint `prefix`.
pub(super) fn read(files: &Files, prefix: &str) -> Result<BTreeMap<String, RawTensor>> {
    let index = format!("{prefix}.index");
    let place = files.place(&index);
    let bytes = files.read(&index, MAX_INDEX_BYTES)?;
    let damaged = |problem| anyhow!("{place}: {problem}; download or save the checkpoint again");
    let mut rows = table::read(&bytes).map_err(damaged)?;
    let header = rows
        .remove([].as_slice())
        .ok_or_else(|| damaged("it has no header".to_owned()))?;
    let n_shards = read_header(&header).map_err(damaged)?;

    let mut tensors = BTreeMap::new();
    let mut total = 0_u64;
    for (key, row) in rows {
        let name = String::from_utf8(key)
            .map_err(|_| damaged("the name of a tensor is no text".to_owned()))?;
        if is_bookkeeping(&name) {
            continue;
        }
        let of_tensor = |problem| {
            anyhow!("{place}: tensor `{name}`: {problem}; download or save the checkpoint again")
        };
        let entry = Entry::of(&row, n_shards).map_err(of_tensor)?;
        total = total.saturating_add(entry.n_bytes);
        ensure!(
            total <= MAX_WEIGHT_BYTES,
            "{place}: its tensors have more than {} GiB, which no model has",
            MAX_WEIGHT_BYTES >> 30
        );
        let shard = format!("{prefix}.data-{:05}-of-{n_shards:05}", entry.shard);
        let bytes = files
            .read_part(&shard, entry.offset, entry.n_bytes)
            .with_context(|| format!("tensor `{name}` of {place}"))?;
        let found = table::mask(crc32c::crc32c(&bytes));
        ensure!(
            found == entry.checksum,
            "{}: tensor `{name}` is damaged: its checksum is {found:08x}, expected {:08x}; download or save the \
             checkpoint again",
            files.place(&shard),
            entry.checksum
        );
        let values = entry.number.decode(&bytes);
        check_finite(&values).map_err(of_tensor)?;
        let shape = entry.shape;
        tensors.insert(name, RawTensor { shape, values });
    }
    Ok(tensors)
}

/// The prefix that the trainer's `checkpoint` file calls the newest, if its index is there: the trainer writes the
/// path on its own machine, so only the last part of it counts.
pub(super) fn newest(files: &Files, state: &str) -> Result<Option<String>> {
    let text = files.read(state, MAX_INDEX_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    let path = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("model_checkpoint_path:"))
        .map(|path| path.trim().trim_matches('"').replace('\\', "/"));
    let Some(path) = path else {
        return Ok(None);
    };
    let last = path.rsplit('/').next().unwrap_or(&path);
    let prefix = relative_name(Path::new(last)).map(|name| beside(state, &name));
    Ok(prefix.filter(|prefix| files.contains(&format!("{prefix}.index"))))
}

/// The number of data files, from the message under the empty key.
fn read_header(header: &[u8]) -> Result<u64, String> {
    let mut n_shards = 0;
    for field in Fields::new(header) {
        match field? {
            (1, value) => n_shards = value.number()?,
            (2, value) if value.number()? != 0 => {
                return Err("its numbers are big-endian, which is not supported".to_owned());
            }
            (3, value) => {
                for field in Fields::new(value.bytes()?) {
                    let (field, value) = field?;
                    if field == 2 && value.number()? > FORMAT_VERSION {
                        return Err("it was saved by a newer TensorFlow".to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    if (1..=MAX_SHARDS).contains(&n_shards) {
        Ok(n_shards)
    } else {
        Err(format!(
            "its header announces {n_shards} data files, expected 1 to {MAX_SHARDS}"
        ))
    }
}

/// Where a tensor lies, and what it is.
struct Entry {
    shape: Vec<usize>,
    number: Number,
    shard: u64,
    offset: u64,
    n_bytes: u64,
    checksum: u32,
}

impl Entry {
    fn of(message: &[u8], n_shards: u64) -> Result<Self, String> {
        let (mut dtype, mut shape, mut checksum) = (0, Vec::new(), 0);
        let (mut shard, mut offset, mut n_bytes) = (0, 0, 0);
        for field in Fields::new(message) {
            match field? {
                (1, value) => dtype = value.number()?,
                (2, value) => shape = read_shape(value.bytes()?)?,
                (3, value) => shard = value.number()?,
                (4, value) => offset = value.number()?,
                (5, value) => n_bytes = value.number()?,
                (6, value) => checksum = value.fixed32()?,
                (7, _) => {
                    return Err("it was saved in slices, which is not supported".to_owned());
                }
                _ => {}
            }
        }
        let number = Number::of(dtype)?;
        let (shape, n_values) = check_shape(&shape)?;
        let expected = n_values as u64 * number.n_bytes();
        if n_bytes != expected {
            return Err(format!(
                "it has {n_bytes} bytes, but its shape {shape:?} takes {expected}"
            ));
        }
        if shard >= n_shards {
            return Err(format!("it lies in data file {shard} of {n_shards}"));
        }
        Ok(Self {
            shape,
            number,
            shard,
            offset,
            n_bytes,
            checksum,
        })
    }
}

/// The axes of a shape, one message each.
fn read_shape(message: &[u8]) -> Result<Vec<i64>, String> {
    let mut shape = Vec::new();
    for field in Fields::new(message) {
        let (field, value) = field?;
        if field == 2 {
            let mut length = 0;
            for field in Fields::new(value.bytes()?) {
                let (field, value) = field?;
                if field == 1 {
                    length = value.number()?.cast_signed();
                }
            }
            shape.push(length);
        } else if field == 3 && value.number()? != 0 {
            return Err("its shape is unknown".to_owned());
        }
    }
    Ok(shape)
}

/// The types of numbers that a layer can have.
enum Number {
    Single,
    Double,
    Half,
    Brain,
}

impl Number {
    /// The type with TensorFlow's number `dtype`.
    fn of(dtype: u64) -> Result<Self, String> {
        match dtype {
            1 => Ok(Self::Single),
            2 => Ok(Self::Double),
            14 => Ok(Self::Brain),
            19 => Ok(Self::Half),
            _ => Err(format!(
                "its dtype is TensorFlow's number {dtype}, expected 1 (float32), 2 (float64), 14 (bfloat16) or 19 \
                 (float16)"
            )),
        }
    }

    fn n_bytes(&self) -> u64 {
        match self {
            Self::Double => 8,
            Self::Single => 4,
            Self::Half | Self::Brain => 2,
        }
    }

    fn decode(&self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Single => each(bytes, f32::from_le_bytes),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "we compute in single precision"
            )]
            Self::Double => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::Half => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Brain => each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        }
    }
}
