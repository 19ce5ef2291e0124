//! The files of a data set, found and listed but not read yet, in one piece or in equal shards.

use super::index::{Index, Listing};
use super::input::{self, Input};
use super::source::SourceFile;
use crate::reading::Reading;
use anyhow::{Context as _, Result, bail};
use fourbar_model::converter::Converter;
use fourbar_model::drums::DrumMap;
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Files are read one after the other and parsed on every core, this many bytes at a time.
const BATCH_BYTES: usize = 32 << 20;
/// What a shard says of itself, in its archive.
pub(in crate::data) const MANIFEST: &str = "fourbar-shard.json";

/// A file that cannot be used, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Path of the file, or of a folder of them, below the data set's root, with `/` between its parts.
    pub name: String,
    /// Why, in a sentence that a musician understands.
    pub reason: String,
}

/// One of `count` equal parts of a corpus: of its files in the order of their names, the one at place `number` and every
/// `count`th from there on. So each shard is a fair sample of the whole, whatever its folders hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::data) struct Shard {
    /// From 0.
    pub(in crate::data) number: usize,
    /// At least 1.
    pub(in crate::data) count: usize,
}

impl Shard {
    /// The whole corpus as a single shard.
    pub(in crate::data) const WHOLE: Self = Self {
        number: 0,
        count: 1,
    };
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.number, self.count)
    }
}

/// A folder or archive whose files are listed and not read yet.
pub(in crate::data) struct Corpus {
    path: PathBuf,
    pub(super) input: Input,
    pub(super) index: Option<Index>,
    pub(super) other_tables: Vec<String>,
    /// The files that are data, in the order of their names.
    chosen: Vec<Chosen>,
    /// What could not be looked into, or is listed and not there.
    pub(super) missing: Vec<Dropped>,
}

/// A file that is data.
#[derive(Clone, Copy)]
struct Chosen {
    /// Its place in [`Input::entries`].
    entry: usize,
    /// Its place in [`Index::rows`], if there is an index.
    row: Option<usize>,
}

/// One file as it was read.
pub(super) struct Outcome {
    /// SHA-256 of its content, if it could be read.
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) performance: Result<SourceFile, Dropped>,
}

impl Corpus {
    /// Lists the files of a folder or zip archive.
    ///
    /// # Errors
    /// If `path` is neither, holds no MIDI file, holds several shards, or its index is damaged.
    pub(in crate::data) fn open(path: &Path) -> Result<Self> {
        let mut input = Input::open(path)?;
        let below = format!("/{MANIFEST}");
        let is_manifest = |entry: &&input::Entry| entry.name.ends_with(&below);
        if let Some(manifest) = input.entries.iter().find(is_manifest) {
            let shard = manifest.name.trim_end_matches(&below);
            bail!(
                "{} holds shards, which `fourbar train` reads in turn and no other command does: give one of them, such as {}",
                path.display(),
                path.join(shard).display()
            );
        }
        let (index, other_tables) = Index::find(&mut input)?;
        let (chosen, mut missing) = match &index {
            Some(index) => listed(&input, index),
            None => (all_midi(&input), Vec::new()),
        };
        missing.extend(input.unreadable.iter().map(|(name, reason)| Dropped {
            name: name.clone(),
            reason: reason.clone(),
        }));
        if chosen.is_empty() && missing.is_empty() {
            return Err(input.no_midi(path));
        }
        Ok(Self {
            path: path.to_owned(),
            input,
            index,
            other_tables,
            chosen,
            missing,
        })
    }

    /// The folder or archive.
    pub(in crate::data) fn path(&self) -> &Path {
        &self.path
    }

    /// How many of its files are data.
    pub(in crate::data) fn n_files(&self) -> usize {
        self.chosen.len()
    }

    /// SHA-256 of the names of these files and of what the index says of them: what decides which of them are in which shard.
    pub(in crate::data) fn listing_sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.index.as_ref().map_or([0; 32], |index| index.sha256));
        for chosen in &self.chosen {
            let name = &self.input.entries[chosen.entry].name;
            hasher.update(name.len().to_be_bytes());
            hasher.update(name);
        }
        hasher.finalize().into()
    }

    /// The drum map that its files are read with: the one that is named, else the one that fits.
    pub(super) fn drum_map(&self, reading: &Reading) -> &'static DrumMap {
        let is_of_drummers = self.index.as_ref().is_some_and(Index::is_of_drummers);
        reading.map.unwrap_or(if is_of_drummers {
            &DrumMap::TD11
        } else {
            &DrumMap::GM
        })
    }

    /// Reads every file of a shard, in turn, and parses on all cores.
    pub(super) fn read(
        &mut self,
        shard: Shard,
        converter: &Converter,
        reading: &Reading,
    ) -> Vec<Outcome> {
        let map = self.drum_map(reading);
        let places = shard.number..self.chosen.len();
        let places: Vec<usize> = places.step_by(shard.count).collect();
        // Seconds pass only for sets of many thousand files; the bar hides itself where there is no terminal.
        let progress = ProgressBar::new(places.len() as u64).with_message("reading MIDI files");
        let mut outcomes = Vec::with_capacity(places.len());
        while outcomes.len() < places.len() {
            let mut batch = Vec::new();
            let mut batch_bytes = 0;
            for &place in &places[outcomes.len()..] {
                let bytes = self.input.read(self.chosen[place].entry);
                batch_bytes += bytes.as_ref().map_or(0, Vec::len);
                batch.push((place, bytes));
                if batch_bytes >= BATCH_BYTES {
                    break;
                }
            }
            let index = self.index.as_ref();
            let (entries, chosen) = (&self.input.entries, &self.chosen);
            outcomes.par_extend(batch.into_par_iter().map(|(place, bytes)| {
                let Chosen { entry, row } = chosen[place];
                let name = entries[entry].name.clone();
                let row = index.zip(row);
                let row = row.map(|(index, row)| Listing {
                    index,
                    row: &index.rows[row],
                });
                match bytes {
                    Ok(bytes) => {
                        let performance =
                            SourceFile::read(&name, place, &bytes, row, converter, map, reading);
                        Outcome {
                            sha256: Some(Sha256::digest(&bytes).into()),
                            performance: performance.map_err(|reason| Dropped { name, reason }),
                        }
                    }
                    Err(error) => Outcome {
                        sha256: None,
                        performance: Err(Dropped {
                            name,
                            reason: error.to_string(),
                        }),
                    },
                }
            }));
            progress.set_position(outcomes.len() as u64);
        }
        progress.finish_and_clear();
        outcomes
    }

    /// The bytes of `files`, which were read from this corpus, as a zip archive, with what the index says of them and with
    /// `manifest`.
    ///
    /// # Errors
    /// If one of them cannot be read any more, or two have one name.
    pub(in crate::data) fn pack(
        &mut self,
        files: &[SourceFile],
        manifest: &[u8],
    ) -> Result<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(MANIFEST, SimpleFileOptions::default())?;
        zip.write_all(manifest)?;
        if let Some(index) = &self.index {
            let mut table = csv::Writer::from_writer(Vec::new());
            for row in files.iter().filter_map(|file| self.chosen[file.place].row) {
                table.serialize(&index.rows[row])?;
            }
            zip.start_file("info.csv", SimpleFileOptions::default())?;
            zip.write_all(&table.into_inner()?)?;
        }
        for file in files {
            let context = || format!("cannot put {} into the shard", file.name);
            let bytes = self.input.read(self.chosen[file.place].entry);
            let bytes = bytes.with_context(context)?;
            zip.start_file(&*file.name, SimpleFileOptions::default())
                .with_context(context)?;
            zip.write_all(&bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

/// The files that the index lists, and those that are not there.
fn listed(input: &Input, index: &Index) -> (Vec<Chosen>, Vec<Dropped>) {
    let places: BTreeMap<&str, usize> = input
        .entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.name.as_str(), place))
        .collect();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, row) in index.rows.iter().enumerate() {
        // The first line of a file counts: a second one must not put it into another split as well.
        rows.entry(row.name()).or_insert(place);
    }
    let (mut chosen, mut missing) = (Vec::new(), Vec::new());
    // A part of a large set may be all that was downloaded: a folder that is not there is one loss.
    let folders: BTreeSet<&str> = places.keys().map(|name| folder(name)).collect();
    let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, row) in rows {
        match places.get(name) {
            Some(&entry) => chosen.push(Chosen {
                entry,
                row: Some(row),
            }),
            None if folders.contains(folder(name)) => missing.push(Dropped {
                name: name.to_owned(),
                reason: format!("listed in {}, but not there", index.base_name()),
            }),
            None => *gone.entry(folder(name)).or_default() += 1,
        }
    }
    missing.extend(gone.into_iter().map(|(folder, n_files)| Dropped {
        name: folder.to_owned(),
        reason: format!(
            "a folder that is not there, with {n_files} file(s) listed in {}",
            index.base_name()
        ),
    }));
    (chosen, missing)
}

/// Every file whose name ends like MIDI.
fn all_midi(input: &Input) -> Vec<Chosen> {
    let entries = input.entries.iter().enumerate();
    entries
        .filter(|(_, entry)| input::is_midi(&entry.name))
        .map(|(entry, _)| Chosen { entry, row: None })
        .collect()
}

/// The folder of a path, with its `/`.
fn folder(name: &str) -> &str {
    &name[..name.rfind('/').map_or(0, |slash| slash + 1)]
}
