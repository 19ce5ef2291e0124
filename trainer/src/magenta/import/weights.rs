//! The weights of a model as they were found, and what lies beside them.

use super::archive::{Files, beside};
use super::tensor::{MAX_INDEX_BYTES, RawTensor};
use super::{tensorflow, tfjs};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// The weights of a model as they were found, and what lies beside them.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The files they came from, as the user would name them.
    pub origin: String,
    /// Every tensor of the model by its original name. What only the optimiser needs is left out.
    pub tensors: BTreeMap<String, RawTensor>,
    /// magenta.js's `config.json` beside the weights, where there is one.
    pub config: Option<serde_json::Value>,
}

impl Weights {
    /// Reads the weights at `path`: a folder or a tar archive of either form, a manifest, or a checkpoint's index or
    /// prefix (`model.ckpt-1000`, which is how TensorFlow names one).
    ///
    /// # Errors
    /// If there are no weights at `path` or several sets, or they are damaged, incomplete or of a type that Magenta's
    /// models do not have; the message names the file, the tensor and the remedy.
    pub fn read(path: &Path) -> Result<Self> {
        let (files, chosen) = Files::open(path)?;
        let form = match chosen {
            Some(name) => Form::of_file(&name),
            None => Form::find(&files)?,
        };
        let (name, tensors) = match &form {
            Form::Tfjs { manifest } => (manifest, tfjs::read(&files, manifest)?),
            Form::TensorFlow { prefix } => (prefix, tensorflow::read(&files, prefix)?),
        };
        Ok(Self {
            origin: files.place(name),
            tensors,
            config: read_config(&files, name)?,
        })
    }
}

/// Which of the two forms the weights have, and the name of the file that leads to the others.
enum Form {
    Tfjs { manifest: String },
    TensorFlow { prefix: String },
}

impl Form {
    /// The form that a file named by the user belongs to.
    fn of_file(name: &str) -> Self {
        if name.ends_with(".json") {
            return Self::Tfjs {
                manifest: name.to_owned(),
            };
        }
        let shard = name
            .rfind(".data-")
            .filter(|at| name[at + 6..].contains("-of-"));
        let prefix = name
            .strip_suffix(".index")
            .or(shard.map(|at| &name[..at]))
            .unwrap_or(name);
        Self::TensorFlow {
            prefix: prefix.to_owned(),
        }
    }

    /// The one set of weights among `files`.
    fn find(files: &Files) -> Result<Self> {
        let origin = files.origin();
        let manifests = files.named("weights_manifest.json");
        match manifests.as_slice() {
            [manifest] => {
                return Ok(Self::Tfjs {
                    manifest: (*manifest).to_owned(),
                });
            }
            [] => {}
            several => bail!(
                "{origin}: there are several models in it ({}); take the one you want out and import that",
                several.join(", ")
            ),
        }
        if let [state] = files.named("checkpoint").as_slice()
            && let Some(prefix) = tensorflow::newest(files, state)?
        {
            return Ok(Self::TensorFlow { prefix });
        }
        let indices = files.with_extension(".index");
        match indices.as_slice() {
            [index] => Ok(Self::of_file(index)),
            [] => bail!(
                "{origin}: no weights found; expected a weights_manifest.json (magenta.js) or a .index file \
                 (TensorFlow)"
            ),
            several => bail!(
                "{origin}: there are several checkpoints in it ({}); give the file of one of them",
                several.join(", ")
            ),
        }
    }
}

/// magenta.js's description of the model, which lies in the same folder as the file `name`.
fn read_config(files: &Files, name: &str) -> Result<Option<serde_json::Value>> {
    let config = beside(name, "config.json");
    if !files.contains(&config) {
        return Ok(None);
    }
    let text = files.read(&config, MAX_INDEX_BYTES)?;
    let value = serde_json::from_slice(&text).with_context(|| {
        format!(
            "{}: not JSON; export it again, or remove it and give --preset",
            files.place(&config)
        )
    })?;
    Ok(Some(value))
}
