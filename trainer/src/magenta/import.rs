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
mod tensor;
mod tensorflow;
#[cfg(test)]
mod tests;
mod tfjs;
mod weights;

pub use tensor::RawTensor;
pub use weights::Weights;

use crate::files::{self, path_parser, write_atomically};
use crate::settings::Config;
use anyhow::{Context, Result, anyhow, bail, ensure};
use candle_core::Tensor;
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, Metadata, Precision};
use fourbar_model::config::ModelConfig;
use fourbar_model::drums::DrumMap;
use fourbar_model::latent::LatentMap;
use layout::Layout;
use names::{Renamed, listed};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
    /// they were: rounded to halves it would be another model, whose latents are off by more than [`crate::magenta::parity`] allows.
    ///
    /// # Errors
    /// If no checkpoint can hold the model.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let dataset = DatasetCard {
            name: "unknown: weights imported from Magenta's format".to_owned(),
            licence: "unknown: that of the weights".to_owned(),
            attribution: "whoever trained the weights".to_owned(),
            sha256: String::new(),
        };
        let (config, latent) = (self.config.clone(), self.latent_map()?);
        let checkpoint = Checkpoint {
            metadata: Metadata {
                command: format!("fourbar import --from {}", file_name(&self.origin)),
                metrics: serde_json::json!({}),
                ..Metadata::new(config, self.drum_map.id, dataset, latent)
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
