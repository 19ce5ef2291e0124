//! The table that comes with a data set, such as the Groove MIDI Dataset's `info.csv`: which files are data, and each
//! one's split, style, tempo, beat type and performer.

use super::input::{self, Input};
use super::split::Split;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a performance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BeatType {
    /// Time that is kept, fills in passing included.
    Beat,
    /// A fill by itself, a bar or two long.
    Fill,
}

impl BeatType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Beat, Self::Fill];

    /// The word for it in `info.csv` and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beat => "beat",
            Self::Fill => "fill",
        }
    }
}

/// What an index says about a file.
#[derive(Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) index: &'a Index,
    pub(super) row: &'a Row,
}

/// Enough of a table for its first line.
const HEAD_BYTES: u64 = 1 << 16;

/// What the table says about one file.
#[derive(Deserialize, Serialize)]
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
    /// Reads the topmost table that has the columns `midi_filename` and `split`, `info.csv` before others; `None` if there
    /// is no such table. Also gives the names of the other tables, which are of something else.
    ///
    /// # Errors
    /// If there is one, but a line of it cannot be read: going on would change the split without a word.
    pub(super) fn find(input: &mut Input) -> Result<(Option<Self>, Vec<String>)> {
        let mut tables: Vec<usize> = (0..input.entries.len())
            .filter(|&entry| input::has_extension(&input.entries[entry].name, &["csv", "tsv"]))
            .collect();
        tables.sort_by_key(|&entry| {
            let name = &input.entries[entry].name;
            (name.matches('/').count(), base_name(name) != "info.csv")
        });
        let mut index = None;
        let mut others = Vec::new();
        for entry in tables {
            let name = input.entries[entry].name.clone();
            // Any table can be huge; only its first line tells whether it is ours.
            let delimiter = match (&index, input.read_at_most(entry, HEAD_BYTES)) {
                (None, Ok(head)) => delimiter(&text(&head)),
                _ => None,
            };
            let Some(delimiter) = delimiter else {
                others.push(name);
                continue;
            };
            let bytes = input
                .read(entry)
                .with_context(|| format!("cannot read {name}"))?;
            index = Some(Self {
                rows: read_rows(&name, &text(&bytes), delimiter)?,
                sha256: Sha256::digest(&bytes).into(),
                name,
            });
        }
        Ok((index, others))
    }

    /// Whether it is a table of drummers on the e-kit, as that of the Groove MIDI Dataset and of its descendants.
    pub(super) fn is_of_drummers(&self) -> bool {
        self.rows
            .iter()
            .any(|row| !row.drummer.is_empty() && !row.beat_type.is_empty())
    }

    /// The table's name without its folder.
    pub(super) fn base_name(&self) -> &str {
        base_name(&self.name)
    }
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What stands between the columns of a table whose first line has ours; `None` if it is of something else.
fn delimiter(head: &str) -> Option<u8> {
    [b',', b';', b'\t'].into_iter().find(|&delimiter| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(head.as_bytes());
        reader.headers().is_ok_and(|headers| {
            ["midi_filename", "split"]
                .iter()
                .all(|wanted| headers.iter().any(|found| found == *wanted))
        })
    })
}

/// The rows of a table of ours.
fn read_rows(name: &str, text: &str, delimiter: u8) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let folder = name.strip_suffix(base_name(name)).unwrap_or_default();
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        let mut row: Row = row.with_context(|| {
            format!("{name} is damaged: get the data set again, or delete this file to split by content instead")
        })?;
        let path = row.midi_filename.replace('\\', "/");
        row.midi_filename = format!("{folder}{path}");
        rows.push(row);
    }
    Ok(rows)
}

/// The text of a table: UTF-16 with its mark or by its zeros, else UTF-8, else Latin-1.
fn text(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], number: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| number(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, first, ..] if *first != 0 => utf16(bytes, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            let latin = || bytes.iter().copied().map(char::from).collect();
            str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned)
        }
    }
}
