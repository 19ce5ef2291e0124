//! The Groove MIDI Dataset's `info.csv`: which files are data, and each one's split, style and tempo.

use super::Split;
use super::input::Input;
use anyhow::{Context, Result};
use serde::Deserialize;

/// What `info.csv` says about one file.
#[derive(Deserialize)]
pub(super) struct Row {
    midi_filename: String,
    split: String,
    #[serde(default)]
    style: String,
    #[serde(default, deserialize_with = "csv::invalid_option")]
    bpm: Option<f64>,
}

/// An `info.csv`, with the paths of its files made relative to the input's root.
pub(super) struct Index {
    /// Place of the `info.csv` itself among the input's entries.
    pub(super) entry: usize,
    /// One row a file, in the file's order.
    pub(super) rows: Vec<Row>,
}

impl Row {
    /// The part of the split that the file belongs to; `None` if the word is unknown.
    pub(super) fn split(&self) -> Option<Split> {
        Split::ALL
            .into_iter()
            .find(|split| split.name() == self.split)
    }

    /// The word in the `split` column.
    pub(super) fn split_word(&self) -> &str {
        &self.split
    }

    /// The style before the slash: `rock` of `rock/halftime`.
    pub(super) fn style(&self) -> Option<&str> {
        let primary = self.style.split('/').next().unwrap_or_default().trim();
        (!primary.is_empty()).then_some(primary)
    }

    /// The tempo, if the column holds a usable one.
    pub(super) fn bpm(&self) -> Option<f64> {
        self.bpm.filter(|bpm| bpm.is_finite() && *bpm > 0.0)
    }

    /// Path of the file below the input's root.
    pub(super) fn name(&self) -> &str {
        &self.midi_filename
    }
}

impl Index {
    /// Reads the topmost `info.csv` that has the data set's columns; `None` if there is no such file.
    ///
    /// # Errors
    /// If there is one, but a line of it cannot be read: going on would change the split without a word.
    pub(super) fn find(input: &mut Input) -> Result<Option<Self>> {
        let mut candidates: Vec<usize> = (0..input.entries.len())
            .filter(|&entry| input.entries[entry].name.rsplit('/').next() == Some("info.csv"))
            .collect();
        candidates.sort_by_key(|&entry| input.entries[entry].name.matches('/').count());
        for entry in candidates {
            let name = input.entries[entry].name.clone();
            let bytes = input
                .read(entry)
                .with_context(|| format!("cannot read {name}"))?;
            if let Some(rows) = read_rows(&name, &bytes)? {
                return Ok(Some(Self { entry, rows }));
            }
        }
        Ok(None)
    }
}

/// The rows of an `info.csv`; `None` if its columns are those of something else.
fn read_rows(name: &str, bytes: &[u8]) -> Result<Option<Vec<Row>>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let is_index = reader.headers().is_ok_and(|headers| {
        ["midi_filename", "split"]
            .iter()
            .all(|wanted| headers.iter().any(|found| found == *wanted))
    });
    if !is_index {
        return Ok(None);
    }
    let folder = name.strip_suffix("info.csv").unwrap_or_default();
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        let mut row: Row = row.with_context(|| {
            format!("{name} is damaged: get the data set again, or delete this file to split by content instead")
        })?;
        row.midi_filename = format!("{folder}{}", row.midi_filename);
        rows.push(row);
    }
    Ok(Some(rows))
}
