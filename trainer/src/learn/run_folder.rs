//! What a training run writes: its settings, its log, the state to resume from and the best model so far.

use super::learner::Learner;
use super::optimizer::Adam;
use super::progress::Progress;
use super::tensorboard::EventFile;
use crate::files::{self, hex, write_atomically};
use crate::measure::Row;
use crate::settings::Config;
use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::migrate;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Key of the state's description in its file's metadata.
const STATE_KEY: &str = "fourbar_training";
/// Key of the checksum of all that follows the metadata.
const CHECKSUM_KEY: &str = "sha256";

/// The folder of a run.
pub(super) struct RunFolder {
    folder: PathBuf,
    events: EventFile,
    rows: Vec<Row>,
}

impl RunFolder {
    /// Starts a run in `folder`, which must not hold one already.
    ///
    /// # Errors
    /// If it does, or cannot be written.
    pub(super) fn create(folder: &Path, config: &Config) -> Result<Self> {
        ensure!(
            !state_path(folder).exists(),
            "{} holds a training run already: give --resume to go on with it, or another --out",
            folder.display()
        );
        let text =
            toml::to_string(config).context("the configuration cannot be written as TOML")?;
        write_atomically(&folder.join("config.toml"), text.as_bytes())?;
        Self::open(folder, Vec::new())
    }

    /// Opens the folder of a run that goes on after `step`.
    ///
    /// # Errors
    /// If its log is damaged, or it cannot be written.
    pub(super) fn reopen(folder: &Path, step: usize) -> Result<Self> {
        let log = folder.join("log.csv");
        let mut rows = if log.exists() {
            Row::read_all(&log).with_context(|| format!("{} is damaged", log.display()))?
        } else {
            Vec::new()
        };
        rows.retain(|row| row.step <= step);
        Self::open(folder, rows)
    }

    fn open(folder: &Path, rows: Vec<Row>) -> Result<Self> {
        files::remove_unfinished(folder)
            .with_context(|| format!("cannot tidy up {}", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            events: EventFile::create(folder)?,
            rows,
        })
    }

    /// Where the best model is written.
    #[must_use]
    pub(super) fn model_path(&self) -> PathBuf {
        self.folder.join("model.safetensors")
    }

    /// Appends a line to the log, for spreadsheets and for TensorBoard.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn log(&mut self, row: Row) -> Result<()> {
        let scalars: Vec<(String, f64)> = row
            .figures
            .iter()
            .filter_map(|(name, figure)| Some((tag(name), (*figure)?)))
            .collect();
        self.events.scalars(row.step, &scalars)?;
        self.rows.push(row);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let columns = columns(&self.rows);
        writer.write_record(std::iter::once("step").chain(columns.iter().copied()))?;
        for row in &self.rows {
            writer.write_field(row.step.to_string())?;
            for column in &columns {
                let figure = row.figure(column);
                writer.write_field(figure.map_or_else(String::new, |figure| figure.to_string()))?;
            }
            writer.write_record(None::<&[u8]>)?;
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
    pub(super) fn save_state(&self, learner: &Learner, progress: &Progress) -> Result<()> {
        let mut tensors = BTreeMap::new();
        let adam = learner.adam();
        for (i, (name, tensor)) in learner.tensors()?.iter().enumerate() {
            let shape = tensor.dims().to_vec();
            let parameter = tensor.flatten_all()?.to_vec1()?;
            let average = learner.averages().map(|averages| ("average", &averages[i]));
            let kinds = [
                ("parameter", &parameter),
                ("mean", &adam.mean[i]),
                ("square", &adam.square[i]),
            ];
            for (kind, values) in kinds.into_iter().chain(average) {
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
        // safetensors puts tensors of one type in the order of their names.
        let mut checksum = Sha256::new();
        for (_, bytes) in tensors.values() {
            checksum.update(bytes);
        }
        let metadata = HashMap::from([
            (STATE_KEY.to_owned(), serde_json::to_string(progress)?),
            (CHECKSUM_KEY.to_owned(), hex(&checksum.finalize())),
        ]);
        write_atomically(
            &state_path(&self.folder),
            &serialize(views, Some(metadata))?,
        )
    }
}

/// The columns that the last row has, then those that only earlier ones have: a run that is resumed by another version
/// of this program may have other figures from there on, and the rows before leave them empty.
fn columns(rows: &[Row]) -> Vec<&str> {
    let mut columns = Vec::new();
    for (name, _) in rows.iter().rev().flat_map(|row| &row.figures) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns
}

/// A column's name as TensorBoard groups it: `validation/loss`, `train/loss`.
fn tag(column: &str) -> String {
    match column.strip_prefix("validation_") {
        Some(name) => format!("validation/{name}"),
        None => format!("train/{column}"),
    }
}

fn state_path(folder: &Path) -> PathBuf {
    folder.join("state.safetensors")
}

/// What can be gone on from in the folder of a run that has been cut off.
#[cfg(feature = "mpi")]
pub(super) fn remainder(folder: &Path) -> String {
    let folder_name = folder.display();
    if state_path(folder).exists() {
        format!("what was validated last is in {folder_name}, and --resume goes on from there")
    } else {
        format!("nothing had been validated yet, so {folder_name} holds no model to go on from")
    }
}

/// Reads where the run in `folder` stands.
///
/// # Errors
/// If there is none, or its state is damaged.
pub(super) fn read_state(folder: &Path, device: &Device) -> Result<(Learner, Progress)> {
    let path = state_path(folder);
    let bytes = std::fs::read(&path).with_context(|| {
        format!(
            "there is no run to resume in {}: leave out --resume to start one",
            folder.display()
        )
    })?;
    state_of_bytes(&bytes, device).with_context(|| format!("{} is damaged", path.display()))
}

fn state_of_bytes(bytes: &[u8], device: &Device) -> Result<(Learner, Progress)> {
    let (header_length, header) = SafeTensors::read_metadata(bytes)?;
    let metadata = header.metadata().as_ref();
    let described = |key| metadata.and_then(|metadata| metadata.get(key));
    let progress = described(STATE_KEY).context("it is not a training state")?;
    let mut progress: serde_json::Value = serde_json::from_str(progress)?;
    // A run can be resumed by a newer version of this program.
    if let Some(model) = progress.pointer_mut("/config/model") {
        migrate::config(model);
    }
    let progress: Progress = serde_json::from_value(progress)?;
    // The length of the header stands before it, in 8 bytes.
    let checksum = hex(&Sha256::digest(&bytes[8 + header_length..]));
    ensure!(
        described(CHECKSUM_KEY) == Some(&checksum),
        "its checksum is wrong: start the run again in another folder, or go back to a copy"
    );
    progress.config.check()?;
    let file = SafeTensors::deserialize(bytes)?;
    let mut parameters = BTreeMap::new();
    let mut adam = Adam {
        step: progress.step,
        mean: Vec::new(),
        square: Vec::new(),
    };
    let mut averages = (progress.config.train.average > 0.0).then(Vec::new);
    let mut shapes = progress.config.model.tensors();
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
        if let Some(averages) = &mut averages {
            averages.push(read("average")?);
        }
        parameters.insert(name, tensor);
    }
    Ok((
        Learner::with(&progress.config, parameters, averages, adam, device)?,
        progress,
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn row(step: usize, figures: &[(&str, Option<f64>)]) -> Row {
        let figures = figures.iter();
        Row {
            step,
            figures: figures
                .map(|(name, of)| ((*name).to_owned(), *of))
                .collect(),
        }
    }

    #[test]
    fn a_log_that_gets_new_columns_keeps_its_rows_and_leaves_the_new_ones_empty_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        std::fs::write(&path, "step,loss,former\n50,3.5,1\n").unwrap();
        let mut run = RunFolder {
            folder: folder.path().to_owned(),
            events: EventFile::create(folder.path()).unwrap(),
            rows: Row::read_all(&path).unwrap(),
        };
        run.log(row(100, &[("loss", Some(2.5)), ("kl_beta", Some(0.2))]))
            .unwrap();
        let columns = |former, beta| [("loss", former), ("kl_beta", beta)];
        let expected = [
            row(
                50,
                &[&columns(Some(3.5), None)[..], &[("former", Some(1.0))]].concat(),
            ),
            row(
                100,
                &[&columns(Some(2.5), Some(0.2))[..], &[("former", None)]].concat(),
            ),
        ];
        assert_eq!(Row::read_all(&path).unwrap(), expected);
    }
}
