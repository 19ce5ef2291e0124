//! A checkpoint file, opened for playing.

use crate::data::Dataset;
use crate::reading::maps;
use crate::reading::{self, Reading};
use anyhow::Context as _;
use candle_core::Device;
use fourbar_model::checkpoint::{Checkpoint, Metadata};
use fourbar_model::drums::DrumMap;
use fourbar_model::vae::Vae;
use std::path::Path;

/// A trained model and what its checkpoint says about it.
pub struct LoadedModel {
    /// The checkpoint's description.
    pub metadata: Metadata,
    /// The network, on the CPU.
    pub vae: Vae,
}

impl LoadedModel {
    /// Reads the checkpoint at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is no checkpoint of this version of Fourbar.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the model {}", path.display()))?;
        let checkpoint = Checkpoint::from_bytes(&bytes, &path.display().to_string())?;
        let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
        Ok(Self {
            metadata: checkpoint.metadata,
            vae,
        })
    }

    /// The drum map that the model's training data was read with.
    ///
    /// # Errors
    /// If this version of Fourbar does not know it.
    pub fn drum_map(&self) -> anyhow::Result<&'static DrumMap> {
        drum_map(&self.metadata)
    }
}

/// The drum map that a model's training data was read with.
///
/// # Errors
/// If it is none of ours and none of the user's own.
pub fn drum_map(metadata: &Metadata) -> anyhow::Result<&'static DrumMap> {
    maps::find(&metadata.drum_map)
        .context("the model was trained with a drum map that is unknown here")
}

/// The data set at `path`, read for a model: the set that it was trained on as it was then, any other one as it is meant.
///
/// # Errors
/// As [`Dataset::load`].
pub fn dataset(
    metadata: &Metadata,
    path: &Path,
    reading: &reading::Args,
) -> anyhow::Result<Dataset> {
    let converter = &metadata.config.converter;
    let reading = reading.reading(metadata.config.window_steps());
    let dataset = Dataset::load(path, converter, reading)?;
    if reading.map.is_some()
        || !has_learned_from(metadata, &dataset)
        || dataset.drum_map.id == metadata.drum_map
    {
        return Ok(dataset);
    }
    let reading = Reading {
        map: Some(drum_map(metadata)?),
        ..reading
    };
    Dataset::load(path, converter, reading)
}

/// Whether a data set is the one that a model was trained on. A folder and an archive of the same files differ in their hash,
/// but a known set has its name in both.
pub fn has_learned_from(metadata: &Metadata, dataset: &Dataset) -> bool {
    let learned = &metadata.dataset;
    dataset.card.sha256 == learned.sha256 || dataset.card.name == learned.name
}

/// A model so small that tests can afford it; its weights are noise, so its grooves depend on all that they should.
#[cfg(test)]
pub(crate) mod tiny {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::LoadedModel;
    use candle_core::{Device, Tensor};
    use fourbar_model::checkpoint::{Checkpoint, DatasetCard, Metadata};
    use fourbar_model::config::{Hierarchy, ModelConfig};
    use fourbar_model::head::{Cells, Head, Nade};
    use fourbar_model::latent::LatentMap;
    use fourbar_model::noise::Noise;
    use serde_json::json;
    use std::path::{Path, PathBuf};

    /// The file of a model of grooves, in `folder`.
    pub(crate) fn save(folder: &Path) -> PathBuf {
        save_as(folder, groove())
    }

    fn groove() -> ModelConfig {
        ModelConfig::flat_groove("tiny", 64, 8, vec![8], vec![16, 16])
    }

    /// A model of grooves that completes known parts and knows two styles.
    pub(crate) fn cells() -> ModelConfig {
        let mut config = groove();
        config.preset = "cells".to_owned();
        config.styles = vec!["funk".to_owned(), "rock".to_owned()];
        config.decoder.head = Head::Cells(Cells {
            hidden: 4,
            components: 2,
            look_back: vec![16, 32],
            embedding: 8,
            position: 3,
            known: 4,
            calibration: [1.0, 1.0],
            fill_strength: 1.0,
        });
        config
    }

    /// The file of a model of any kind, in `folder`.
    pub(crate) fn save_as(folder: &Path, config: ModelConfig) -> PathBuf {
        let mut noise = Noise::from_seed(3);
        let tensors = config.tensors().into_iter().map(|(name, shape)| {
            let values = noise
                .normals(shape.iter().product())
                .iter()
                .map(|x| 0.5 * x)
                .collect();
            (
                name,
                Tensor::from_vec::<_, f32>(values, shape, &Device::Cpu).unwrap(),
            )
        });
        let tensors = tensors.collect();
        let mus: Vec<Vec<f32>> = (0..20).map(|_| noise.normals(config.latent)).collect();
        let dataset = DatasetCard {
            name: "noise".to_owned(),
            licence: "none".to_owned(),
            attribution: "none".to_owned(),
            sha256: "00".repeat(32),
        };
        let latent = LatentMap::fit(&mus, &[None; 20], 8);
        let metadata = Metadata {
            command: "none".to_owned(),
            seed: 3,
            ..Metadata::new(config, "td11", dataset, latent)
        };
        let path = folder.join("tiny.safetensors");
        std::fs::write(&path, Checkpoint { metadata, tensors }.to_bytes().unwrap()).unwrap();
        path
    }

    /// The flat model of grooves, opened.
    pub(crate) fn open() -> LoadedModel {
        open_of(groove())
    }

    fn open_of(config: ModelConfig) -> LoadedModel {
        let folder = tempfile::tempdir().unwrap();
        LoadedModel::open(&save_as(folder.path(), config)).unwrap()
    }

    /// One model of each head, converter and shape of decoder.
    pub(crate) fn every_kind() -> Vec<LoadedModel> {
        let drums =
            |input: &str, output: &str| json!({"kind": "drums", "input": input, "output": output});
        let kinds = [
            ("groove", json!({"kind": "groove"}), "groove", false),
            (
                "humanize",
                json!({"kind": "groove", "humanize": true}),
                "groove",
                true,
            ),
            (
                "hits_control",
                json!({"kind": "groove", "hits_as_controls": true}),
                "groove",
                false,
            ),
            ("labels", drums("labels", "labels"), "categorical", true),
            ("roll", drums("roll", "roll"), "boolean", false),
            ("nade", drums("roll", "roll"), "nade", false),
            (
                "percussion",
                json!({"kind": "drums", "classes": 61, "input": "roll", "output": "roll"}),
                "nade",
                false,
            ),
            ("melody", json!({"kind": "melody"}), "categorical", true),
            ("trio", json!({"kind": "trio"}), "categorical", true),
        ];
        let stacked = kinds
            .into_iter()
            .map(|(name, converter, head, hierarchical)| {
                let mut config = ModelConfig::flat_groove(name, 32, 8, vec![8], vec![8]);
                config.converter = serde_json::from_value(converter).unwrap();
                config.decoder.head = match head {
                    "nade" => Head::Nade(Nade { hidden: 4 }),
                    name => name.parse().unwrap(),
                };
                config.decoder.split = name == "trio";
                if hierarchical {
                    config.decoder.hierarchy = Some(Hierarchy {
                        segments: 2,
                        rows: 16,
                    });
                }
                open_of(config)
            });
        stacked.chain([open_of(cells())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let problem = |path: &Path| {
            LoadedModel::open(path)
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default()
        };
        assert!(problem(&folder.path().join("gone.safetensors")).contains("gone.safetensors"));
        let foreign = folder.path().join("foreign.safetensors");
        std::fs::write(&foreign, b"something else").expect("a written file");
        assert!(problem(&foreign).contains("foreign.safetensors"));
    }
}
