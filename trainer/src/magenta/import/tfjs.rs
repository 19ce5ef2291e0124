//! Weights as magenta.js loads them: `weights_manifest.json` lists groups of shards and the tensors in them, in order;
//! the shards are raw little-endian numbers, one tensor after another.
//!
//! # Source
//! The weights format of TensorFlow.js; quantised tensors are `value = stored · scale + min`.

use super::archive::{Files, beside, relative_name};
use super::tensor::{
    MAX_INDEX_BYTES, MAX_WEIGHT_BYTES, RawTensor, check_finite, check_shape, each, is_bookkeeping,
};
use anyhow::{Context, Result, anyhow, bail};
use half::f16;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    dtype: String,
    /// Absent for halves, which are not scaled.
    scale: Option<f64>,
    min: Option<f64>,
}

/// All tensors that the manifest names.
pub(super) fn read(files: &Files, manifest: &str) -> Result<BTreeMap<String, RawTensor>> {
    let place = files.place(manifest);
    let text = files.read(manifest, MAX_INDEX_BYTES)?;
    let groups: Vec<Group> = serde_json::from_slice(&text).with_context(|| {
        format!("{place}: not a weights manifest of magenta.js; download or export it again")
    })?;
    let mut names = BTreeSet::new();
    let mut tensors = BTreeMap::new();
    for group in &groups {
        let mut layout = Vec::new();
        for entry in &group.weights {
            let problem = |problem| {
                anyhow!(
                    "{place}: tensor `{}`: {problem}; export the model again",
                    entry.name
                )
            };
            if !names.insert(&entry.name) {
                return Err(problem("it is listed twice".to_owned()));
            }
            layout.push((entry, Stored::of(entry).map_err(problem)?));
        }
        let data = read_shards(files, manifest, &group.paths, &layout)?;
        let mut rest = data.as_slice();
        for (entry, stored) in layout {
            let (bytes, after) = rest.split_at(stored.n_bytes());
            rest = after;
            if is_bookkeeping(&entry.name) {
                continue;
            }
            let values = stored.decode(bytes);
            check_finite(&values).map_err(|problem| {
                anyhow!(
                    "{place}: tensor `{}`: {problem}; download or export the model again",
                    entry.name
                )
            })?;
            let shape = stored.shape;
            tensors.insert(entry.name.clone(), RawTensor { shape, values });
        }
    }
    Ok(tensors)
}

/// The shards of a group in one piece, exactly as long as its tensors are.
fn read_shards(
    files: &Files,
    manifest: &str,
    paths: &[String],
    layout: &[(&Entry, Stored)],
) -> Result<Vec<u8>> {
    let place = files.place(manifest);
    let mut names = Vec::new();
    for path in paths {
        let name = relative_name(Path::new(path)).with_context(|| {
            format!(
                "{place}: the path {path:?} leaves the folder of the model; do not trust it, or correct the path"
            )
        })?;
        names.push(beside(manifest, &name));
    }
    let mut found = 0_u64;
    for name in &names {
        found = found.saturating_add(files.length(name)?);
    }
    let expected = layout.iter().try_fold(0_u64, |sum, (_, stored)| {
        sum.checked_add(stored.n_bytes() as u64)
    });
    let Some(expected) = expected.filter(|n| *n <= MAX_WEIGHT_BYTES) else {
        bail!(
            "{place}: its tensors have more than {} GiB, which no model has; export it again",
            MAX_WEIGHT_BYTES >> 30
        );
    };
    if found != expected {
        let mut before = 0;
        let cut = layout.iter().find(|(_, stored)| {
            before += stored.n_bytes() as u64;
            before > found
        });
        let last = match cut {
            Some((entry, _)) => format!(", so `{}` is not complete", entry.name),
            None => String::new(),
        };
        bail!(
            "{place}: its tensors have {expected} bytes, but the shards ({}) have {found}{last}; download or export \
             all files again",
            paths.join(", ")
        );
    }
    let mut data = Vec::new();
    for name in &names {
        data.extend(files.read(name, MAX_WEIGHT_BYTES)?);
    }
    Ok(data)
}

/// How a tensor lies in a shard.
struct Stored {
    shape: Vec<usize>,
    n_values: usize,
    number: Number,
}

enum Number {
    Single,
    Half,
    /// Whole numbers of the trainer's own, which no layer has.
    Count,
    Byte(Scale),
    Pair(Scale),
}

struct Scale {
    scale: f64,
    min: f64,
}

impl Stored {
    fn of(entry: &Entry) -> Result<Self, String> {
        let (shape, n_values) = check_shape(&entry.shape)?;
        Ok(Self {
            shape,
            n_values,
            number: Number::of(entry)?,
        })
    }

    /// Length of the tensor in the shard.
    fn n_bytes(&self) -> usize {
        self.n_values * self.number.n_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Vec<f32> {
        match &self.number {
            Number::Single => each(bytes, f32::from_le_bytes),
            Number::Half => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            #[expect(clippy::cast_precision_loss, reason = "no layer has whole numbers")]
            Number::Count => each(bytes, |bytes| i32::from_le_bytes(bytes) as f32),
            Number::Byte(scale) => each(bytes, |[byte]| scale.apply(byte.into())),
            Number::Pair(scale) => each(bytes, |bytes| scale.apply(u16::from_le_bytes(bytes))),
        }
    }
}

impl Number {
    fn of(entry: &Entry) -> Result<Self, String> {
        let is_float = matches!(entry.dtype.as_str(), "float32" | "float16");
        let is_count = entry.dtype == "int32" && is_bookkeeping(&entry.name);
        if !is_float && !is_count {
            return Err(format!(
                "its dtype is {:?}, expected \"float32\" or \"float16\"",
                entry.dtype
            ));
        }
        let Some(quantization) = &entry.quantization else {
            return Ok(match entry.dtype.as_str() {
                "float32" => Self::Single,
                "float16" => Self::Half,
                _ => Self::Count,
            });
        };
        let scale = || match (quantization.scale, quantization.min) {
            (Some(scale), Some(min)) if scale.is_finite() && min.is_finite() => {
                Ok(Scale { scale, min })
            }
            _ => Err("its quantization has no scale and min".to_owned()),
        };
        match quantization.dtype.as_str() {
            "uint8" => Ok(Self::Byte(scale()?)),
            "uint16" => Ok(Self::Pair(scale()?)),
            "float16" => Ok(Self::Half),
            other => Err(format!(
                "it is quantised to {other:?}, expected \"uint8\", \"uint16\" or \"float16\""
            )),
        }
    }

    fn n_bytes(&self) -> usize {
        match self {
            Self::Single | Self::Count => 4,
            Self::Half | Self::Pair(_) => 2,
            Self::Byte(_) => 1,
        }
    }
}

impl Scale {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the nearest single-precision number is what magenta.js computes with"
    )]
    fn apply(&self, stored: u16) -> f32 {
        (f64::from(stored) * self.scale + self.min) as f32
    }
}
