//! What a training run writes: its settings, its log, the state to resume from and the best model so far.

use crate::config::TrainConfig;
use crate::files::write_atomically;
use crate::learner::{Learner, StepLosses};
use crate::optimizer::Adam;
use crate::tensorboard::EventFile;
use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Key of the state's description in its file's metadata.
const STATE_KEY: &str = "fourbar_training";

/// The folder of a run.
pub struct RunFolder {
    folder: PathBuf,
    events: EventFile,
    rows: Vec<Row>,
}

/// One line of `log.csv`: means since the line before it, and what validation said, where there was one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Steps made.
    pub step: usize,
    /// Passes over the training windows.
    pub epoch: f64,
    /// Minimised quantity on training grooves, with dropout, in nats a groove.
    pub loss: f64,
    /// Its part for hits.
    pub hits: f64,
    /// Its part for velocities.
    pub velocities: f64,
    /// Its part for offsets.
    pub offsets: f64,
    /// KL divergence, in nats.
    pub kl: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Minimised quantity on validation grooves, without dropout.
    pub validation_loss: Option<f64>,
    /// F1 of the hits of reconstructed validation grooves.
    pub onset_f1: Option<f64>,
    /// Mean distance of their velocities from the drummer's, 0–127.
    pub velocity_mae: Option<f64>,
    /// Mean distance of their timing from the drummer's, in milliseconds.
    pub timing_mae_ms: Option<f64>,
    /// Information in the latent, in bits a groove.
    pub kl_bits: Option<f64>,
    /// Minutes of training so far.
    pub minutes: f64,
}

/// Where a run stands, beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The settings that the run was started with.
    pub config: TrainConfig,
    /// Checksum of the data.
    pub dataset_sha256: String,
    /// Steps made.
    pub step: usize,
    /// Best validation loss so far and the step it was reached at.
    pub best: Option<(f64, usize)>,
    /// Validations since then.
    pub since_best: usize,
    /// Losses since the last line of the log, to be averaged.
    pub pending: Vec<StepLosses>,
    /// Minutes of training so far.
    pub minutes: f64,
}

impl RunFolder {
    /// Starts a run in `folder`, which must not hold one already.
    ///
    /// # Errors
    /// If it does, or cannot be written.
    pub fn create(folder: &Path, config: &TrainConfig) -> Result<Self> {
        ensure!(
            !folder.join("state.safetensors").exists(),
            "{} holds a training run already: give --resume to go on with it, or another --out",
            folder.display()
        );
        let text =
            toml::to_string(config).context("the configuration cannot be written as TOML")?;
        write_atomically(&folder.join("config.toml"), text.as_bytes())?;
        Ok(Self {
            folder: folder.to_owned(),
            events: EventFile::create(folder)?,
            rows: Vec::new(),
        })
    }

    /// Opens the folder of a run that is to be resumed.
    ///
    /// # Errors
    /// If there is none, or its files are damaged.
    pub fn resume(folder: &Path, device: &Device) -> Result<(Self, Learner, Progress)> {
        let path = folder.join("state.safetensors");
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "there is no run to resume in {}: leave out --resume to start one",
                folder.display()
            )
        })?;
        let (learner, progress) =
            read_state(&bytes, device).with_context(|| format!("{} is damaged", path.display()))?;
        let log = folder.join("log.csv");
        let mut rows: Vec<Row> = match csv::Reader::from_path(&log) {
            Ok(mut reader) => reader
                .deserialize()
                .collect::<Result<_, _>>()
                .with_context(|| format!("{} is damaged", log.display()))?,
            Err(_) => Vec::new(),
        };
        rows.retain(|row| row.step <= progress.step);
        let run = Self {
            folder: folder.to_owned(),
            events: EventFile::create(folder)?,
            rows,
        };
        Ok((run, learner, progress))
    }

    /// Where the best model is written.
    #[must_use]
    pub fn model_path(&self) -> PathBuf {
        self.folder.join("model.safetensors")
    }

    /// Appends a line to the log, for spreadsheets and for TensorBoard.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn log(&mut self, row: Row) -> Result<()> {
        let mut scalars = vec![
            ("train/loss", row.loss),
            ("train/hits", row.hits),
            ("train/velocities", row.velocities),
            ("train/offsets", row.offsets),
            ("train/kl_nats", row.kl),
            ("train/learning_rate", row.learning_rate),
            ("train/gradient_norm", row.gradient_norm),
        ];
        let validation = [
            ("validation/loss", row.validation_loss),
            ("validation/onset_f1", row.onset_f1),
            ("validation/velocity_mae", row.velocity_mae),
            ("validation/timing_mae_ms", row.timing_mae_ms),
            ("validation/kl_bits", row.kl_bits),
        ];
        scalars.extend(
            validation
                .into_iter()
                .filter_map(|(tag, value)| Some((tag, value?))),
        );
        self.events.scalars(row.step, &scalars)?;
        self.rows.push(row);
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &self.rows {
            writer.serialize(row)?;
        }
        let text = writer
            .into_inner()
            .context("the log cannot be written as CSV")?;
        write_atomically(&self.folder.join("log.csv"), &text)
    }

    /// Saves everything that an exact resumption needs.
    ///
    /// # Errors
    /// If the file cannot be written; the one before it is untouched then.
    pub fn save_state(&self, learner: &Learner, progress: &Progress) -> Result<()> {
        let mut tensors = BTreeMap::new();
        for ((name, tensor), (mean, square)) in learner
            .tensors()?
            .iter()
            .zip(learner.adam().mean.iter().zip(&learner.adam().square))
        {
            let shape = tensor.dims().to_vec();
            for (kind, values) in [
                ("parameter", &tensor.flatten_all()?.to_vec1()?),
                ("mean", mean),
                ("square", square),
            ] {
                let bytes: Vec<u8> = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                tensors.insert(format!("{kind}/{name}"), (shape.clone(), bytes));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, (shape, bytes))| {
                Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(STATE_KEY.to_owned(), serde_json::to_string(progress)?)]);
        write_atomically(
            &self.folder.join("state.safetensors"),
            &serialize(views, Some(metadata))?,
        )
    }
}

fn read_state(bytes: &[u8], device: &Device) -> Result<(Learner, Progress)> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let metadata = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(STATE_KEY));
    let progress: Progress = serde_json::from_str(metadata.context("it is not a training state")?)?;
    progress.config.check()?;
    let file = SafeTensors::deserialize(bytes)?;
    let mut parameters = BTreeMap::new();
    let mut adam = Adam {
        step: progress.step,
        mean: Vec::new(),
        square: Vec::new(),
    };
    let mut shapes = progress.config.model()?.tensors();
    shapes.sort();
    for (name, shape) in shapes {
        let read = |kind: &str| -> Result<Vec<f32>> {
            let view = file.tensor(&format!("{kind}/{name}"))?;
            if view.dtype() != Dtype::F32 || view.shape() != shape {
                bail!(
                    "{kind}/{name} has the shape {:?}, not {shape:?}",
                    view.shape()
                );
            }
            let (values, _) = view.data().as_chunks::<4>();
            Ok(values
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect())
        };
        let tensor = Tensor::from_vec(read("parameter")?, shape.clone(), &Device::Cpu)?;
        adam.mean.push(read("mean")?);
        adam.square.push(read("square")?);
        parameters.insert(name, tensor);
    }
    Ok((
        Learner::with(&progress.config, parameters, adam, device)?,
        progress,
    ))
}
