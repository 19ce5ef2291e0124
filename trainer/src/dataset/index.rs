//! The table that comes with a data set, such as the Groove MIDI Dataset's `info.csv`: which files are data, and each
//! one's split, style, tempo, beat type and performer.

use super::input::{self, Input};
use super::{BeatType, Split};
use anyhow::{Context, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What the table says about one file.
#[derive(Deserialize)]
pub(super) struct Row {
    midi_filename: String,
    split: String,
    #[serde(default)]
    style: String,
    #[serde(default)]
    beat_type: String,
    #[serde(default, deserialize_with = "csv::invalid_option")]
    bpm: Option<f64>,
    #[serde(default)]
    drummer: String,
}

/// A table, with the paths of its files made relative to the input's root.
pub(super) struct Index {
    /// Path of the table itself below the input's root.
    pub(super) name: String,
    /// SHA-256 of the table itself.
    pub(super) sha256: [u8; 32],
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

    /// Whether the file is a beat or a fill, if the column says either.
    pub(super) fn beat_type(&self) -> Option<BeatType> {
        let word = self.beat_type.trim();
        BeatType::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// Who plays, if the column says.
    pub(super) fn performer(&self) -> Option<&str> {
        Some(self.drummer.trim()).filter(|name| !name.is_empty())
    }

    /// Path of the file below the input's root.
    pub(super) fn name(&self) -> &str {
        &self.midi_filename
    }
}

impl Index {
    /// Reads the topmost table of comma-separated values that has the columns `midi_filename` and `split`, `info.csv`
    /// before others; `None` if there is no such file.
    ///
    /// # Errors
    /// If there is one, but a line of it cannot be read: going on would change the split without a word.
    pub(super) fn find(input: &mut Input) -> Result<Option<Self>> {
        let mut candidates: Vec<usize> = (0..input.entries.len())
            .filter(|&entry| input::has_extension(&input.entries[entry].name, &["csv"]))
            .collect();
        candidates.sort_by_key(|&entry| {
            let name = &input.entries[entry].name;
            (name.matches('/').count(), base_name(name) != "info.csv")
        });
        for entry in candidates {
            let name = input.entries[entry].name.clone();
            let bytes = input
                .read(entry)
                .with_context(|| format!("cannot read {name}"))?;
            if let Some(rows) = read_rows(&name, &bytes)? {
                let sha256 = Sha256::digest(&bytes).into();
                return Ok(Some(Self { name, sha256, rows }));
            }
        }
        Ok(None)
    }

    /// The table's name without its folder.
    pub(super) fn base_name(&self) -> &str {
        base_name(&self.name)
    }
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The rows of a table; `None` if its columns are those of something else.
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
    let folder = name.strip_suffix(base_name(name)).unwrap_or_default();
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
