//! The model that a run starts from, where it does not start from scratch.
//!
//! A few loops are too few to learn drumming from, and enough to teach a model that can drum how somebody plays. All of its
//! weights go on from where they are, at a low rate. What it knows is kept in two ways: a share of each batch is from the
//! data that it learned from, where those are at hand, and weight decay leads back to the weights that it had.
//!
//! # Source
//! Robins 1995, "Catastrophic Forgetting, Rehearsal and Pseudorehearsal", for the first way;
//! [`approach`](super::optimizer::approach) names that of the second.

use super::saved_path::SavedPath;
use crate::data::{self, Dataset};
use crate::files;
use crate::models;
use crate::reading;
use anyhow::{Context as _, Result, ensure};
use fourbar_model::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The word for the model that comes with Fourbar.
pub(super) const SHIPPED: &str = "fourbar";

static SHIPPED_MODEL: &[u8] = include_bytes!("../../../bundles/models/fourbar.safetensors");

/// Where a base and its data are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BaseSource {
    /// The path of a checkpoint, or [`SHIPPED`].
    model: SavedPath,
    /// SHA-256 of the checkpoint.
    sha256: String,
    /// The data that it learned from, where they are at hand.
    data: Option<SavedPath>,
}

impl BaseSource {
    /// SHA-256 of the checkpoint.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// A trained model, and the data that it learned from where they are at hand.
pub(super) struct Base {
    pub(super) source: BaseSource,
    pub(super) checkpoint: Checkpoint,
    pub(super) dataset: Option<Dataset>,
}

impl Base {
    /// Opens a model, a path or [`SHIPPED`], and the data that it learned from: those at `data` if given, else those that
    /// are at hand, if they are the ones.
    ///
    /// # Errors
    /// If the model or the given data cannot be read, or the model has not learned from them.
    pub(super) fn open(model: &Path, data: Option<&Path>) -> Result<Self> {
        let is_shipped = model == Path::new(SHIPPED);
        let bytes = if is_shipped {
            SHIPPED_MODEL.to_vec()
        } else {
            std::fs::read(model)
                .with_context(|| format!("cannot read the model {}", model.display()))?
        };
        let checkpoint = Checkpoint::from_bytes(&bytes, &model.display().to_string())?;
        let found = match data {
            Some(path) => Some((path.to_owned(), Self::learned_from(&checkpoint, path)?)),
            None => data::at_hand().and_then(|path| {
                let dataset = Self::learned_from(&checkpoint, &path).ok()?;
                Some((path, dataset))
            }),
        };
        let absolute = |path: PathBuf| std::path::absolute(path).map(SavedPath::from);
        let (data, dataset) = found.unzip();
        let model = model.to_owned();
        Ok(Self {
            source: BaseSource {
                model: if is_shipped {
                    model.into()
                } else {
                    absolute(model)?
                },
                sha256: files::hex(&Sha256::digest(&bytes)),
                data: data.map(absolute).transpose()?,
            },
            checkpoint,
            dataset,
        })
    }

    /// The data set at `path`, from which the model has learned.
    fn learned_from(checkpoint: &Checkpoint, path: &Path) -> Result<Dataset> {
        let metadata = &checkpoint.metadata;
        let dataset = models::dataset(metadata, path, &reading::Args::default())?;
        ensure!(
            models::has_learned_from(metadata, &dataset),
            "the model has learned from {}, and not from {}",
            metadata.dataset.name,
            path.display()
        );
        Ok(dataset)
    }

    /// Opens the model and the data of a run that goes on.
    ///
    /// # Errors
    /// If one of them is not what it was.
    pub(super) fn reopen(source: &BaseSource) -> Result<Self> {
        let base = Self::open(&source.model, source.data.as_deref())?;
        ensure!(
            base.source == *source,
            "the run started from another {}: put that model and its data back",
            source.model.display()
        );
        Ok(base)
    }
}
