//! Weights of Magenta's models, in the forms in which people have them.
//!
//! Two forms exist: what magenta.js loads in a browser (a manifest and raw shards) and what TensorFlow's trainer
//! writes (an index and raw data). Either may lie in a folder or in a tar archive, compressed or not. All of them come
//! out as the same thing: [`RawTensor`]s by the name that Magenta gave them.
//!
//! Names and sizes of these tensors tell what kind of model they are ([`Imported`]); what its rows mean and how long
//! its sequences are, magenta.js writes beside the weights, and for TensorFlow's the user names a preset. Kernels,
//! gates and states have the same order as ours, and the forget bias is in neither: nothing is converted but names.

mod archive;
mod layout;
mod names;
mod tensorflow;
#[cfg(test)]
mod tests;
mod tfjs;

use crate::config::Config;
use crate::files::{self, path_parser, write_atomically};
use anyhow::{Context, Result, anyhow, bail, ensure};
use archive::Files;
use candle_core::Tensor;
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, FORMAT_VERSION, Metadata, Precision};
use fourbar_model::config::ModelConfig;
use fourbar_model::drums::DrumMap;
use fourbar_model::latent::LatentMap;
use layout::Layout;
use names::{Renamed, listed};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Most bytes of weights that are read. The largest of Magenta's models has a fifth of it.
const MAX_WEIGHT_BYTES: u64 = 4 << 30;

/// Most bytes of a text or an index beside the weights.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// Most axes of a tensor.
const MAX_AXES: usize = 8;

/// Axes of the latent map, where the latent has as many.
const MAP_AXES: usize = 16;

/// Arguments of `fourbar import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Weights of magenta.js (a folder with a weights_manifest.json) or of TensorFlow (a folder with a .index file, the
    /// file, or its prefix), or a tar archive of either
    #[arg(long, value_name = "DIR|FILE", value_parser = path_parser())]
    pub from: PathBuf,
    /// What the model is, where no config.json beside the weights tells: a name of `fourbar presets`
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// The model to write
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    pub out: PathBuf,
}

/// Writes the model that Magenta's weights are.
///
/// # Errors
/// If the weights cannot be read or are no model, or the file cannot be written.
pub fn run(args: &Args) -> Result<()> {
    check_out(args)?;
    let imported = Imported::read(&args.from, args.preset.as_deref())?;
    write_atomically(&args.out, &imported.to_bytes()?)?;
    let mut out = io::stdout();
    let Imported {
        config, left_out, ..
    } = imported;
    if !left_out.is_empty() {
        writeln!(
            out,
            "left out, as no part of the model: {}",
            left_out.join(", ")
        )?;
    }
    writeln!(
        out,
        "{}: {}, {} weights, encoder {:?}, latent {}, {} head on {:?}, {} rows a sequence",
        args.out.display(),
        config.preset,
        config.n_parameters(),
        config.encoder.units,
        config.latent,
        config.decoder.head.name(),
        config.decoder.units,
        config.n_steps
    )?;
    Ok(())
}

/// Refuses to write over a part of the weights, which lie beside each other.
fn check_out(args: &Args) -> Result<()> {
    let Args { from, out, .. } = args;
    files::check_outputs(&[("--from", Some(from))], &[("--out", Some(out))])?;
    let folder = match from.parent() {
        _ if from.is_dir() => from,
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let is_beside = || {
        let out = out.canonicalize().ok()?;
        Some(files::is_same(out.parent()?, folder))
    };
    let is_ours = out.extension().is_some_and(|end| end == "safetensors");
    ensure!(
        is_ours || !out.is_file() || is_beside() != Some(true),
        "--out {} lies beside the weights and may be a part of them; choose a name that ends in .safetensors (nothing \
         was changed)",
        out.display()
    );
    Ok(())
}

/// A model of Magenta's in our names.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The files that the weights came from.
    pub origin: String,
    /// Its sizes and what its rows mean.
    pub config: ModelConfig,
    /// The keys of its drums.
    pub drum_map: &'static DrumMap,
    /// The weights in single precision, as they were found; in the shapes of [`ModelConfig::tensors`].
    pub tensors: BTreeMap<String, Tensor>,
    /// Names of tensors beside the model, which have no place in it.
    pub left_out: Vec<String>,
}

impl Imported {
    /// The model whose weights are at `path`; see [`Weights::read`]. Its layout is that of the `config.json` beside
    /// them, or else of the preset, which otherwise only gives the model its name; its sizes are those of the weights.
    ///
    /// # Errors
    /// If the weights cannot be read, nothing tells their layout, or they are not those of a model of that layout: the
    /// message lists every name and shape that does not fit.
    pub fn read(path: &Path, preset: Option<&str>) -> Result<Self> {
        let weights = Weights::read(path)?;
        let origin = weights.origin;
        let preset = preset.map(Config::preset).transpose()?;
        let layout = match (&weights.config, preset) {
            (Some(config), preset) => {
                let name = preset.map_or_else(|| name_of(path), |preset| preset.model.preset);
                Layout::of_config(config, &name)
                    .with_context(|| format!("the config.json beside {origin}"))?
            }
            (None, Some(preset)) => {
                let drum_map = preset.drum_map()?.unwrap_or(&DrumMap::TD11);
                Layout::of_preset(preset.model, drum_map)
            }
            (None, None) => bail!(
                "{origin}: weights do not tell what kind of music they are for, and there is no config.json beside them; \
                 give --preset NAME (`fourbar presets` lists them)"
            ),
        };
        let renamed = Renamed::of(weights.tensors);
        renamed.check().with_context(|| origin.clone())?;
        let config = layout.config(&renamed).map_err(|error| {
            let without_place = listed(renamed.without_place());
            anyhow!("{origin}: {error:#}{without_place}")
        })?;
        let problem = || {
            format!(
                "{origin}: these weights cannot be a model {}",
                config.preset
            )
        };
        config
            .check()
            .map_err(anyhow::Error::msg)
            .with_context(problem)?;
        Ok(Self {
            left_out: renamed.others.clone(),
            tensors: renamed.fit(&config, &origin)?,
            origin,
            config,
            drum_map: layout.drum_map,
        })
    }

    /// The model as a file of ours, with what is known of where it came from. Its weights are in single precision, as
    /// they were: rounded to halves it would be another model, whose latents are off by more than [`crate::parity`] allows.
    ///
    /// # Errors
    /// If no checkpoint can hold the model.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let latent = self.latent_map()?;
        let checkpoint = Checkpoint {
            metadata: Metadata {
                format_version: FORMAT_VERSION,
                drum_map: self.drum_map.id.to_owned(),
                dataset: DatasetCard {
                    name: "unknown: weights imported from Magenta's format".to_owned(),
                    licence: "unknown: that of the weights".to_owned(),
                    attribution: "whoever trained the weights".to_owned(),
                    sha256: String::new(),
                },
                command: format!("fourbar import --from {}", file_name(&self.origin)),
                seed: 0,
                step: 0,
                epochs: 0.0,
                metrics: serde_json::json!({}),
                latent,
                attributes: BTreeMap::new(),
                config: self.config.clone(),
            },
            tensors: self.tensors.clone(),
        };
        Ok(checkpoint.to_bytes_in(Precision::Single)?)
    }

    /// A map of the latent space without the data that the model has learned from: around the prior's mean, along the
    /// directions in which the encoder's last layer moves most, as far as the prior reaches.
    fn latent_map(&self) -> Result<LatentMap> {
        let rows = self.tensors["encoder.mu.kernel"].to_vec2::<f32>()?;
        let opposite = rows.iter().map(|row| row.iter().map(|x| -x).collect());
        let both: Vec<Vec<f32>> = rows.iter().cloned().chain(opposite).collect();
        let mut map = LatentMap::fit(&both, &vec![None; both.len()], MAP_AXES);
        map.spreads.fill(1.0);
        Ok(map)
    }
}

/// What a model at `path` is called, but for the endings of archives and checkpoints.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".json", ".gz", ".tgz", ".tar", ".index"];
    let name = endings.iter().fold(name.as_ref(), |name, ending| {
        name.strip_suffix(ending).unwrap_or(name)
    });
    match name {
        "" | "weights_manifest" => "imported".to_owned(),
        name => name.to_owned(),
    }
}

/// The last part of a path, which is not the user's own business.
fn file_name(origin: &str) -> &str {
    origin.rsplit(['/', '\\']).next().unwrap_or(origin)
}

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

/// Numbers in single precision, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// As many numbers as the shape calls for, all finite.
    pub values: Vec<f32>,
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

/// The name of a file in the same folder as the file `name`.
fn beside(name: &str, file: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
    }
}

/// Whether the tensor is the optimiser's or the trainer's, and of no use to who plays the model: Adam's two means of
/// every weight, the powers of its two rates, and the step count.
fn is_bookkeeping(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let stem = match last.rsplit_once('_') {
        Some((stem, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => last,
    };
    matches!(stem, "Adam" | "beta1_power" | "beta2_power" | "global_step")
}

/// The shape as lengths, and the number of values in it.
fn check_shape(shape: &[i64]) -> Result<(Vec<usize>, usize), String> {
    if shape.len() > MAX_AXES {
        return Err(format!(
            "it has {} axes, expected at most {MAX_AXES}",
            shape.len()
        ));
    }
    let lengths: Option<Vec<usize>> = shape.iter().map(|n| usize::try_from(*n).ok()).collect();
    let n_values = lengths
        .as_ref()
        .and_then(|lengths| {
            lengths
                .iter()
                .try_fold(1_usize, |product, n| product.checked_mul(*n))
        })
        .filter(|n| u64::try_from(*n).is_ok_and(|n| n <= MAX_WEIGHT_BYTES));
    match (lengths, n_values) {
        (Some(lengths), Some(n_values)) => Ok((lengths, n_values)),
        _ => Err(format!("its shape {shape:?} is not that of a weight")),
    }
}

/// Refuses what is no number.
fn check_finite(values: &[f32]) -> Result<(), String> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => Err(format!(
            "value {place} is {}, expected a finite number",
            values[place]
        )),
        None => Ok(()),
    }
}

/// The numbers that `bytes` hold, each made of `N` of them.
fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| number(*chunk)).collect()
}
