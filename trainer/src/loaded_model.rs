//! A checkpoint file, opened for playing.

use anyhow::Context as _;
use candle_core::Device;
use fourbar_model::checkpoint::{Checkpoint, Metadata};
use fourbar_model::drums::DrumMap;
use fourbar_model::vae::GrooveVae;
use std::path::Path;

/// A trained model and what its checkpoint says about it.
pub struct LoadedModel {
    /// The checkpoint's description.
    pub metadata: Metadata,
    /// The network, on the CPU.
    pub vae: GrooveVae,
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
        let vae = GrooveVae::from_checkpoint(&checkpoint, &Device::Cpu)?;
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
        let id = &self.metadata.drum_map;
        DrumMap::by_id(id).with_context(|| {
            format!("the model was trained with the drum map {id:?}, which is unknown here")
        })
    }
}
