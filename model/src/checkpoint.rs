//! A trained model in one file: what it is, where it came from, and its weights.
//!
//! The file is a safetensors file, readable by any tool that knows the format. Its weights are all of one [`Precision`].
//! Half precision (`F16`) is what training writes: it ends by rounding them, and what is measured and played is the
//! rounded model, so that a fast kernel that reads halves plays exactly the model of the card. Single precision (`F32`)
//! is what imported weights are kept in, because a rounded model is another one. Everything else is one JSON text in the
//! file's metadata under the key [`METADATA_KEY`], and the format version inside it is read before anything else is
//! trusted.

mod check;
pub mod migrate;
mod precision;

pub use precision::Precision;

use crate::Error;
use crate::attributes::AttributeVector;
use crate::config::ModelConfig;
use crate::latent::LatentMap;
use candle_core::Tensor;
use check::{check_metadata, check_names};
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The newest format that this program reads, and the one that it writes.
pub const FORMAT_VERSION: u32 = 3;

/// Key of our JSON text in the file's metadata. There is only one: the format's own map has no order, and a checkpoint
/// saved twice has to be the same bytes.
pub const METADATA_KEY: &str = "fourbar";

/// Longest header that is parsed. Ours is some 100 KiB; parsed JSON takes many times its text, and a damaged length
/// must not take the host's memory.
const MAX_HEADER_BYTES: usize = 4 << 20;

/// A model's weights and everything that has to be known to use them.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Everything but the weights.
    pub metadata: Metadata,
    /// The weights by name, single precision on the CPU, in the shapes of [`ModelConfig::tensors`]. They are rounded when
    /// they are saved in [`Precision::Half`], and those loaded from it are exact halves.
    pub tensors: BTreeMap<String, Tensor>,
}

/// What a checkpoint says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// [`FORMAT_VERSION`] of the program that wrote the file.
    pub format_version: u32,
    /// The sizes of the model.
    pub config: ModelConfig,
    /// Id of the [`DrumMap`](crate::drums::DrumMap) that the training files were read with: one of ours, or of a user.
    pub drum_map: String,
    /// The data it was trained on.
    pub dataset: DatasetCard,
    /// The command that trained it.
    pub command: String,
    /// Seed of that command.
    pub seed: u64,
    /// Optimiser steps taken.
    pub step: usize,
    /// Passes over the training windows.
    pub epochs: f64,
    /// Held-out figures, as `fourbar evaluate` writes them.
    pub metrics: serde_json::Value,
    /// Where real grooves lie in the latent space.
    pub latent: LatentMap,
    /// Directions that change a musical property, by its name, as `fourbar attributes` measures them; none in files that
    /// it has not been run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeVector>,
}

impl Metadata {
    /// What there is to say of a model as it begins: without steps, figures and attributes.
    #[must_use]
    pub fn new(
        config: ModelConfig,
        drum_map: &str,
        dataset: DatasetCard,
        latent: LatentMap,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            config,
            drum_map: drum_map.to_owned(),
            dataset,
            command: String::new(),
            seed: 0,
            step: 0,
            epochs: 0.0,
            metrics: serde_json::Value::Null,
            latent,
            attributes: BTreeMap::new(),
        }
    }
}

/// A data set's name and terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetCard {
    /// Name with its version.
    pub name: String,
    /// Licence of the data.
    pub licence: String,
    /// Who has to be named, and how.
    pub attribution: String,
    /// SHA-256 of the archive in lower-case hexadecimal; empty for a folder of files.
    pub sha256: String,
}

impl Checkpoint {
    /// Reads a checkpoint; `origin` (a file name, say) begins every error message.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the bytes are damaged, foreign or from a newer version, or if any tensor's name, shape,
    /// type or value is not what the configuration calls for.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, Error> {
        Self::with_precision(bytes, origin).map(|(checkpoint, _)| checkpoint)
    }

    /// Reads a checkpoint as [`Self::from_bytes`] does, and what its weights are stored in, which is needed to save it
    /// again without loss.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn with_precision(bytes: &[u8], origin: &str) -> Result<(Self, Precision), Error> {
        Self::parse(bytes).map_err(|problem| Error::Checkpoint {
            origin: origin.to_owned(),
            problem,
        })
    }

    /// What a checkpoint says about itself, read without its weights, which may be damaged.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the bytes are foreign, from a newer version, or damaged before the weights.
    pub fn metadata_of(bytes: &[u8], origin: &str) -> Result<Metadata, Error> {
        Self::described(bytes).map_err(|problem| Error::Checkpoint {
            origin: origin.to_owned(),
            problem,
        })
    }

    /// The file of a trained model, in [`Precision::Half`]; see [`Self::to_bytes_in`].
    ///
    /// # Errors
    /// As [`Self::to_bytes_in`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.to_bytes_in(Precision::Half)
    }

    /// The file: the metadata, then the weights rounded to `precision`, the same bytes for the same checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the checkpoint would not load again: a weight that the precision cannot hold, tensors
    /// that do not fit the configuration, a latent map of another width.
    pub fn to_bytes_in(&self, precision: Precision) -> Result<Vec<u8>, Error> {
        self.serialise(precision)
            .map_err(|problem| Error::Checkpoint {
                origin: "checkpoint to be saved".to_owned(),
                problem,
            })
    }

    fn described(bytes: &[u8]) -> Result<Metadata, String> {
        let metadata = read_metadata(&read_header(bytes)?)?;
        check_metadata(&metadata)?;
        Ok(metadata)
    }

    fn parse(bytes: &[u8]) -> Result<(Self, Precision), String> {
        let metadata = Self::described(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error.to_string()))?;
        let shapes = metadata.config.tensors();
        check_names(&shapes, file.names().into_iter())?;
        let mut precision = None;
        let mut tensors = BTreeMap::new();
        for (name, shape) in shapes {
            let view = file
                .tensor(&name)
                .map_err(|error| damaged(&error.to_string()))?;
            let precision = match precision {
                Some(precision) => precision,
                None => *precision.insert(Precision::of_first(&name, &view)?),
            };
            let tensor = precision.read(&name, &shape, &view)?;
            tensors.insert(name, tensor);
        }
        let precision = precision.ok_or_else(|| damaged("it has no weights"))?;
        Ok((Self { metadata, tensors }, precision))
    }

    fn serialise(&self, precision: Precision) -> Result<Vec<u8>, String> {
        check_metadata(&self.metadata)?;
        let shapes = self.metadata.config.tensors();
        check_names(&shapes, self.tensors.keys().map(String::as_str))?;
        let stored = shapes
            .iter()
            .map(|(name, shape)| {
                let bytes = precision.write(name, shape, &self.tensors[name])?;
                Ok((name, shape, bytes))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let views = stored
            .iter()
            .map(|(name, shape, bytes)| {
                let view = TensorView::new(precision.dtype(), (*shape).clone(), bytes)?;
                Ok((name, view))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| error.to_string())?;
        let json = serde_json::to_string(&self.metadata).map_err(|error| error.to_string())?;
        let info = HashMap::from([(METADATA_KEY.to_owned(), json)]);
        safetensors::serialize(views, Some(info)).map_err(|error| error.to_string())
    }
}

/// The JSON object that a safetensors file begins with. Parsed here before the library does, because a newer program's
/// file may hold what the library does not know, and because the library adds up announced places unchecked.
fn read_header(bytes: &[u8]) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let foreign = "this is not a safetensors file; choose a model that `fourbar train` wrote";
    let (length, rest) = bytes.split_first_chunk().ok_or(foreign)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| foreign)?;
    if length > MAX_HEADER_BYTES {
        return Err(foreign.to_owned());
    }
    let (text, data) = rest
        .split_at_checked(length)
        .ok_or_else(|| damaged("it ends inside its header"))?;
    let header: serde_json::Map<_, _> = serde_json::from_slice(text).map_err(|_| foreign)?;
    for (name, entry) in &header {
        let end = entry
            .get("data_offsets")
            .and_then(|offsets| offsets.get(1)?.as_u64());
        if end.is_some_and(|end| end > data.len() as u64) {
            return Err(damaged(&format!(
                "it ends inside tensor `{name}` or before it"
            )));
        }
    }
    Ok(header)
}

fn read_metadata(header: &serde_json::Map<String, serde_json::Value>) -> Result<Metadata, String> {
    let json = header
        .get("__metadata__")
        .and_then(|info| info.get(METADATA_KEY)?.as_str())
        .ok_or("the file has weights but no Fourbar description; choose a model that `fourbar train` wrote")?;
    let mut value: serde_json::Value = serde_json::from_str(json)
        .map_err(|error| damaged(&format!("its description is not JSON ({error})")))?;
    let version = value
        .get("format_version")
        .and_then(serde_json::Value::as_u64)
        .ok_or_else(|| damaged("its description has no format version"))?;
    if version > u64::from(FORMAT_VERSION) {
        return Err(format!(
            "made by a newer Fourbar (model format {version}, this one reads up to {FORMAT_VERSION}); update Fourbar"
        ));
    }
    if version < migrate::OLDEST {
        return Err(format!(
            "model format {version} does not exist, expected {} to {FORMAT_VERSION}; download or export the model again",
            migrate::OLDEST
        ));
    }
    migrate::metadata(&mut value);
    serde_json::from_value(value)
        .map_err(|error| damaged(&format!("its description is incomplete ({error})")))
}

fn damaged(problem: &str) -> String {
    format!("the file is damaged: {problem}; download or export the model again")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::drums::DrumMap;
    use crate::groove::ROW;
    use crate::noise::Noise;
    use candle_core::{DType, Device};
    use half::f16;
    use proptest::prelude::*;
    use safetensors::tensor::Dtype;

    fn small() -> Checkpoint {
        let config = ModelConfig::flat_groove("small", 16, 10, vec![3, 2], vec![4, 5]);
        let mut noise = Noise::from_seed(1);
        let random = |(name, shape): (String, Vec<usize>)| {
            let values = noise.normals(shape.iter().product());
            (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        };
        let tensors = config.tensors().into_iter().map(random).collect();
        let mus: Vec<Vec<f32>> = (0..30).map(|_| noise.normals(config.latent)).collect();
        let dataset = DatasetCard {
            name: "Grooves of our own".to_owned(),
            licence: "CC0-1.0".to_owned(),
            attribution: "none".to_owned(),
            sha256: "00".repeat(32),
        };
        let latent = LatentMap::fit(&mus, &[Some("rock"); 30], 9);
        let metadata = Metadata {
            command: "fourbar train --seed 5".to_owned(),
            seed: u64::MAX,
            step: 1234,
            epochs: 12.5,
            metrics: serde_json::json!({"onset_f1": 0.5}),
            ..Metadata::new(config, DrumMap::TD11.id, dataset, latent)
        };
        Checkpoint { metadata, tensors }
    }

    /// The file with the header's text passed through `change`.
    fn with_header(bytes: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (text, data) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
        let changed = change(String::from_utf8(text.to_vec()).unwrap());
        [
            &(changed.len() as u64).to_le_bytes()[..],
            changed.as_bytes(),
            data,
        ]
        .concat()
    }

    fn problem_of(bytes: &[u8]) -> String {
        match Checkpoint::from_bytes(bytes, "some.safetensors") {
            Err(Error::Checkpoint { origin, problem }) => {
                assert_eq!(origin, "some.safetensors");
                problem
            }
            other => panic!("expected a checkpoint error, found {other:?}"),
        }
    }

    #[track_caller]
    fn assert_says(problem: &str, parts: &[&str]) {
        for part in parts {
            assert!(problem.contains(part), "`{problem}` does not say `{part}`");
        }
    }

    #[test]
    fn what_is_saved_is_loaded_rounded_to_halves() {
        let saved = small();
        let loaded = Checkpoint::from_bytes(&saved.to_bytes().unwrap(), "").unwrap();
        assert_eq!(loaded.metadata, saved.metadata);
        assert_eq!(loaded.tensors.len(), saved.tensors.len());
        for (name, tensor) in &saved.tensors {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let rounded: Vec<f32> = values
                .iter()
                .map(|value| f16::from_f32(*value).to_f32())
                .collect();
            assert_eq!(loaded.tensors[name].dims(), tensor.dims());
            assert_eq!(
                loaded.tensors[name]
                    .flatten_all()
                    .unwrap()
                    .to_vec1::<f32>()
                    .unwrap(),
                rounded,
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_saved_in_single_precision_is_loaded_as_it_was() {
        let saved = small();
        let bytes = saved.to_bytes_in(Precision::Single).unwrap();
        let (loaded, precision) = Checkpoint::with_precision(&bytes, "").unwrap();
        assert_eq!(precision, Precision::Single);
        assert_eq!(loaded.metadata, saved.metadata);
        for (name, tensor) in &saved.tensors {
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(&loaded.tensors[name]), values(tensor), "{name}");
        }
        assert_eq!(loaded.to_bytes_in(precision).unwrap(), bytes);
        let (_, precision) = Checkpoint::with_precision(&saved.to_bytes().unwrap(), "").unwrap();
        assert_eq!(precision, Precision::Half);
    }

    #[test]
    fn a_file_in_single_precision_is_checked_like_any_other() {
        let mut bytes = small().to_bytes_in(Precision::Single).unwrap();
        for end in (8..bytes.len()).step_by(197) {
            assert_says(&problem_of(&bytes[..end]), &["damaged"]);
        }
        let longer = with_header(&bytes, |header| {
            header.replace("\"shape\":[5,27]", "\"shape\":[5,54]")
        });
        assert_says(&problem_of(&longer), &["damaged"]);
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert_says(&problem_of(&bytes), &["damaged", "of tensor `", "inf"]);

        let mut checkpoint = small();
        let bias = Tensor::full(f32::NAN, ROW, &Device::Cpu).unwrap();
        checkpoint
            .tensors
            .insert("decoder.output.bias".to_owned(), bias);
        let problem = checkpoint.to_bytes_in(Precision::Single).unwrap_err();
        assert_says(
            &problem.to_string(),
            &["`decoder.output.bias` holds NaN", "single precision"],
        );
    }

    #[test]
    fn a_file_that_mixes_precisions_is_refused_with_the_tensor() {
        // The last bias alone in single precision, with room for its numbers at the end of the file.
        let bytes = small().to_bytes().unwrap();
        let whole = SafeTensors::deserialize(&bytes).unwrap();
        let wide = vec![0; 4 * ROW];
        let views = whole.tensors().into_iter().map(|(name, view)| {
            let view = match name.as_str() {
                "decoder.output.bias" => TensorView::new(Dtype::F32, vec![ROW], &wide).unwrap(),
                _ => view,
            };
            (name, view)
        });
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let mixed = safetensors::serialize(views, header.metadata().clone()).unwrap();
        assert_says(
            &problem_of(&mixed),
            &[
                "`decoder.output.bias` is stored as F32",
                "expected F16",
                "export",
            ],
        );
    }

    #[test]
    fn saving_twice_and_saving_what_was_loaded_give_the_same_bytes() {
        let bytes = small().to_bytes().unwrap();
        assert_eq!(small().to_bytes().unwrap(), bytes);
        assert_eq!(
            Checkpoint::from_bytes(&bytes, "")
                .unwrap()
                .to_bytes()
                .unwrap(),
            bytes
        );
    }

    #[test]
    fn the_smallest_halves_survive() {
        let mut checkpoint = small();
        let smallest = f16::from_bits(1).to_f32();
        let bias = Tensor::full(smallest, ROW, &Device::Cpu).unwrap();
        checkpoint
            .tensors
            .insert("decoder.output.bias".to_owned(), bias);
        let loaded = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap(), "").unwrap();
        assert_eq!(
            loaded.tensors["decoder.output.bias"]
                .to_vec1::<f32>()
                .unwrap(),
            [smallest; ROW]
        );
    }

    #[test]
    fn weights_that_a_half_cannot_hold_are_not_saved() {
        for value in [70_000.0, f32::NAN, f32::NEG_INFINITY] {
            let mut checkpoint = small();
            let bias = Tensor::full(value, ROW, &Device::Cpu).unwrap();
            checkpoint
                .tensors
                .insert("decoder.output.bias".to_owned(), bias);
            let problem = checkpoint.to_bytes().unwrap_err().to_string();
            assert_says(
                &problem,
                &[
                    "`decoder.output.bias`",
                    &value.to_string(),
                    "65504",
                    "diverged",
                ],
            );
        }
    }

    #[test]
    fn a_missing_an_unknown_and_a_misshapen_tensor_are_named() {
        let bytes = small().to_bytes().unwrap();
        let renamed = with_header(&bytes, |header| {
            header.replace("encoder.mu.bias", "encoder.nu.bias")
        });
        assert_says(
            &problem_of(&renamed),
            &["`encoder.mu.bias` is missing", "[10]", "export"],
        );

        let mut checkpoint = small();
        checkpoint.tensors.insert(
            "extra".to_owned(),
            Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
        );
        assert_says(
            &checkpoint.to_bytes().unwrap_err().to_string(),
            &["`extra` is not expected"],
        );

        let reshaped = with_header(&bytes, |header| {
            header.replace("\"shape\":[5,27]", "\"shape\":[27,5]")
        });
        assert_says(
            &problem_of(&reshaped),
            &["`decoder.output.kernel`", "[27, 5]", "expected [5, 27]"],
        );
    }

    #[test]
    fn a_tensor_of_another_type_is_named() {
        let bytes = small().to_bytes().unwrap();
        let other = with_header(&bytes, |header| header.replace("\"F16\"", "\"I16\""));
        assert_says(
            &problem_of(&other),
            &[
                "tensor `encoder.cell_0.forward.kernel`",
                "I16",
                "expected F16 or F32",
            ],
        );
    }

    #[test]
    fn a_stored_weight_that_is_no_number_is_named() {
        let mut bytes = small().to_bytes().unwrap();
        let last = bytes.len() - 2;
        bytes[last..].copy_from_slice(&f16::NAN.to_le_bytes());
        assert_says(
            &problem_of(&bytes),
            &["damaged", "value", "of tensor `", "NaN"],
        );
    }

    #[test]
    fn a_newer_format_is_recognised_before_anything_else() {
        let newer = with_header(&small().to_bytes().unwrap(), |header| {
            let header = header.replace(
                r#"{\"format_version\":3,\"config\":"#,
                r#"{\"format_version\":4,\"size\":"#,
            );
            header.replace("\"F16\"", "\"F3\"")
        });
        assert_says(
            &problem_of(&newer),
            &["newer Fourbar", "format 4", "up to 3", "update"],
        );
    }

    #[test]
    fn sizes_that_no_model_has_are_refused_without_allocating_them() {
        let bytes = small().to_bytes().unwrap();
        let sizes = [
            (r#"\"n_steps\":16"#, r#"\"n_steps\":0"#, "n_steps is 0"),
            (
                r#"\"latent\":10"#,
                r#"\"latent\":1000000000"#,
                "latent is 1000000000",
            ),
            (
                r#"\"units\":[4,5]"#,
                r#"\"units\":[4,18446744073709551615]"#,
                "decoder.units is 1844",
            ),
            (
                r#"\"units\":[4,5]"#,
                r#"\"units\":[]"#,
                "number of decoder.units is 0",
            ),
        ];
        for (good, bad, says) in sizes {
            let changed = with_header(&bytes, |header| {
                assert!(header.contains(good), "{good}");
                header.replace(good, bad)
            });
            assert_says(&problem_of(&changed), &[says, "expected 1 to"]);
        }
    }

    #[test]
    fn a_latent_map_of_another_width_is_refused() {
        let mut checkpoint = small();
        checkpoint
            .metadata
            .latent
            .styles
            .insert("jazz".to_owned(), vec![0.0; 9]);
        assert_says(
            &checkpoint.to_bytes().unwrap_err().to_string(),
            &["a style", "9 values", "expected 10"],
        );

        let mut checkpoint = small();
        checkpoint.metadata.latent.axes.truncate(7);
        checkpoint.metadata.latent.spreads.truncate(7);
        assert_says(
            &checkpoint.to_bytes().unwrap_err().to_string(),
            &["7 axes", "expected 8 to 10"],
        );

        let mut checkpoint = small();
        checkpoint.metadata.latent.spreads[0] = f32::NAN;
        assert_says(&checkpoint.to_bytes().unwrap_err().to_string(), &["spread"]);
    }

    #[test]
    fn attribute_vectors_are_kept_and_those_of_another_width_refused() {
        let density = AttributeVector {
            vector: vec![0.5; 10],
            bottom: 0.1,
            top: 0.4,
            mean: 0.2,
            deviation: 0.1,
            n_sequences: 30,
        };
        let with = |vector: AttributeVector| {
            let mut checkpoint = small();
            let attributes = &mut checkpoint.metadata.attributes;
            attributes.insert("density".to_owned(), vector);
            checkpoint
        };
        let saved = with(density.clone());
        let loaded = Checkpoint::from_bytes(&saved.to_bytes().unwrap(), "").unwrap();
        assert_eq!(loaded.metadata.attributes["density"], density);

        let mut short = density.clone();
        short.vector.pop();
        let mut infinite = density.clone();
        infinite.vector[3] = f32::INFINITY;
        let mut unknown = density;
        unknown.deviation = f64::NAN;
        for wrong in [short, infinite, unknown] {
            assert_says(
                &with(wrong).to_bytes().unwrap_err().to_string(),
                &["`density`", "10 finite", "fourbar attributes"],
            );
        }
    }

    #[test]
    fn a_user_s_own_drum_map_is_only_a_name() {
        let mut checkpoint = small();
        checkpoint.metadata.drum_map = "cowbells".to_owned();
        let bytes = checkpoint.to_bytes().unwrap();
        let read = Checkpoint::from_bytes(&bytes, "own.safetensors").unwrap();
        assert_eq!(read.metadata.drum_map, "cowbells");
    }

    #[test]
    fn files_of_other_programs_are_recognised() {
        assert_says(
            &problem_of(b""),
            &["not a safetensors file", "fourbar train"],
        );
        assert_says(
            &problem_of(b"MThd\0\0\0\x06\0\x01\0\x01\x01\xe0MTrk"),
            &["not a safetensors file"],
        );
        let no_description = with_header(&small().to_bytes().unwrap(), |header| {
            header.replace("\"fourbar\"", "\"else\"")
        });
        assert_says(&problem_of(&no_description), &["no Fourbar description"]);
    }

    #[test]
    fn tensor_places_outside_of_the_file_are_refused() {
        let far = u64::MAX - 7;
        let shape = far / 2;
        let bytes = with_header(&small().to_bytes().unwrap(), |header| {
            let first = header.find("\"shape\"").unwrap();
            let end = first + header[first..].find('}').unwrap();
            let place = format!("\"shape\":[{shape}],\"data_offsets\":[0,{far}]");
            format!("{}{place}{}", &header[..first], &header[end..])
        });
        assert_says(&problem_of(&bytes), &["damaged", "ends inside tensor"]);
    }

    #[test]
    fn a_truncated_file_is_damaged_wherever_it_ends() {
        let bytes = small().to_bytes().unwrap();
        for end in (8..bytes.len()).step_by(97) {
            assert_says(&problem_of(&bytes[..end]), &["damaged"]);
        }
    }

    proptest! {
        #[test]
        fn changed_bytes_are_loaded_or_refused_but_never_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = small().to_bytes().unwrap();
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let _ = Checkpoint::from_bytes(&bytes, "changed.safetensors");
        }
    }
}
