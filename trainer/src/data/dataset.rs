//! Performances on disk, made ready to learn from.
//!
//! A data set is a folder or a zip archive of MIDI files. A [`Converter`] [extracts](fourbar_model::converter::Extracted)
//! from every file what a model learns from: its drums, its melodies, its trios. A file that cannot be used is kept as a
//! [`Dropped`] with the reason, so that nobody wonders where their music went. Training examples are windows of what was
//! extracted, cut on the bar lines of the quantised grid: a hit played a hair early belongs to the bar it announces.
//!
//! The Groove MIDI Dataset and MAESTRO bring an index with their own split into training, validation and test files. Any
//! other set is split by the SHA-256 of each file's *grid of onsets*, eight parts in ten for training and one each for
//! validation and test: the split stays when files are added, renamed or moved, and copies of a performance, on whatever
//! keys, never end up on both sides. They are used once.

#[cfg(test)]
mod cases;
mod copies;
mod corpus;
mod index;
mod input;
mod source;
mod split;
#[cfg(test)]
mod tests;

pub use corpus::Dropped;
pub(super) use corpus::{Corpus, MANIFEST, Shard};
pub use index::BeatType;
pub use source::SourceFile;
pub use split::Split;

use super::locate::{GMD_ATTRIBUTION, GMD_LICENCE};
use crate::files;
use crate::reading::Reading;
use anyhow::Result;
use fourbar_model::checkpoint::DatasetCard;
use fourbar_model::converter::{Converter, Example, Place};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;
use index::Index;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Identity of the Groove MIDI Dataset 1.0.0 (see [`contents_sha256`]), however it was packed.
const GMD_CONTENTS_SHA256: &str =
    "3a9898ea85b0400fdbec64fe0939e7a6158691774c899726f75a0ebfdda0823e";

/// SHA-256 of the table `maestro-v3.0.0.csv`.
const MAESTRO_INDEX_SHA256: &str =
    "cb88a64a12971a995dd41852aa3a33879501cf70d01b9a6feb637f4ad8d8ddff";
/// Licence of MAESTRO.
const MAESTRO_LICENCE: &str = "CC BY-NC-SA 4.0 (not for commercial use)";
/// Whom to credit for MAESTRO.
const MAESTRO_ATTRIBUTION: &str = "MAESTRO dataset by Curtis Hawthorne, Andriy Stasyuk, Adam Roberts, Ian Simon, \
    Cheng-Zhi Anna Huang, Sander Dieleman, Erich Elsen, Jesse Engel and Douglas Eck (Google LLC), \
    https://magenta.tensorflow.org/datasets/maestro";

/// A file that is left out because another one is the same performance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Path of the file below the data set's root.
    pub name: String,
    /// Path of the one that is used.
    pub of: String,
}

/// A data set in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What extracts the music of the files and makes examples of it.
    pub converter: Converter,
    /// The usable files, sorted by name.
    pub files: Vec<SourceFile>,
    /// The others, each with its reason.
    pub dropped: Vec<Dropped>,
    /// Path of the table that gave split, style, beat type and performer; `None` if the split is by content.
    pub index: Option<String>,
    /// Files that are not data: no MIDI by their name, or not listed in the index.
    pub n_ignored: usize,
    /// The tables among these, which have other columns than an index.
    pub other_tables: Vec<String>,
    /// Files that are the same performance as another one; those that an index lists are used all the same.
    pub copies: Vec<Copied>,
    /// What the set is called (the file's or folder's name, except for a set that is known) and its terms, if known. Its
    /// SHA-256 is that of the archive; for a folder, that of the SHA-256 values of its files, sorted.
    pub card: DatasetCard,
    /// The drum map that the notes were read with.
    pub drum_map: &'static DrumMap,
}

/// Where a training example lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Index into [`Dataset::files`].
    pub file: usize,
    /// Part of what was extracted of that file.
    pub part: usize,
    /// First step of the window in that part.
    pub first_step: usize,
    /// Length of the window in steps.
    pub n_steps: usize,
}

impl Dataset {
    /// Reads every MIDI file of a folder or zip archive, on all cores; nothing is unpacked to disk.
    ///
    /// # Errors
    /// If `path` is neither, holds no MIDI file, or its index is damaged, or the converter's settings make no sense. A
    /// file that cannot be used is not an error but one of [`Self::dropped`], even if it is the only one.
    pub fn load(path: &Path, converter: &Converter, reading: impl Into<Reading>) -> Result<Self> {
        converter.check()?;
        let mut corpus = Corpus::open(path)?;
        Self::read(&mut corpus, Shard::WHOLE, converter, &reading.into())
    }

    /// Reads the files of one shard of a corpus, as [`Self::load`] does those of a folder.
    ///
    /// # Errors
    /// If the converter's settings make no sense, or an archive cannot be read a second time.
    pub(super) fn read(
        corpus: &mut Corpus,
        shard: Shard,
        converter: &Converter,
        reading: &Reading,
    ) -> Result<Self> {
        converter.check()?;
        let index = &corpus.index;
        let mut digests: Vec<[u8; 32]> = index.iter().map(|index| index.sha256).collect();
        // What belongs to no file is said once.
        let (mut dropped, n_ignored) = if shard.number == 0 {
            let n_data = corpus.n_files() + usize::from(index.is_some());
            (corpus.missing.clone(), corpus.input.entries.len() - n_data)
        } else {
            (Vec::new(), 0)
        };
        let mut files = Vec::new();
        for outcome in corpus.read(shard, converter, reading) {
            digests.extend(outcome.sha256);
            match outcome.performance {
                Ok(file) => files.push(file),
                Err(file) => dropped.push(file),
            }
        }
        dropped.sort_by(|a, b| a.name.cmp(&b.name));
        let copies = copies(&files);
        if corpus.index.is_none() {
            let names: BTreeSet<&str> = copies.iter().map(|copy| copy.name.as_str()).collect();
            files.retain(|file| !names.contains(file.name.as_str()));
        }

        let contents = contents_sha256(digests);
        let sha256 = if corpus.input.is_archive() && shard == Shard::WHOLE {
            files::sha256(corpus.path())?
        } else {
            contents.clone()
        };
        Ok(Self {
            converter: converter.clone(),
            files,
            dropped,
            card: card(corpus.path(), &contents, corpus.index.as_ref(), sha256),
            index: corpus.index.as_ref().map(|index| index.name.clone()),
            n_ignored,
            other_tables: corpus.other_tables.clone(),
            copies,
            drum_map: corpus.drum_map(reading),
        })
    }

    /// The windows of `n_steps` steps in the files of `split`, one every `hop_bars` (at least 1) bars; see
    /// [`Converter::windows`].
    #[must_use]
    pub fn windows(&self, split: Split, n_steps: usize, hop_bars: usize) -> Vec<Window> {
        let mut windows = Vec::new();
        for (file, source) in self.files.iter().enumerate() {
            if source.split != split {
                continue;
            }
            let places = self.converter.windows(&source.extracted, n_steps, hop_bars);
            windows.extend(places.into_iter().map(|place| Window {
                file,
                part: place.part,
                first_step: place.first_step,
                n_steps,
            }));
        }
        windows
    }

    /// The bars of files that the index calls fills, in the files of `split`: each a window of one bar of 16 steps in
    /// which something plays. Most of these files are shorter than the window of any model, so that [`Self::windows`]
    /// has hardly one of them.
    #[must_use]
    pub fn fill_bars(&self, split: Split) -> Vec<Window> {
        let mut bars = self.windows(split, STEPS_PER_BAR, 1);
        bars.retain(|bar| {
            let file = &self.files[bar.file];
            let is_bar = file.extracted.parts[bar.part].steps_per_bar == STEPS_PER_BAR;
            let plays = || self.groove(bar).is_some_and(|groove| groove.n_hits() > 0);
            file.beat_type == Some(BeatType::Fill) && is_bar && plays()
        });
        bars
    }

    /// The groove of a window that [`Self::windows`] gave, as it was played; `None` if the converter keeps no dynamics
    /// and timing.
    #[must_use]
    pub fn groove(&self, window: &Window) -> Option<Groove> {
        let part = &self.files[window.file].extracted.parts[window.part];
        part.groove()?.window(window.first_step, window.n_steps)
    }

    /// Those of `windows` that the next epoch learns from, in their order: of each file as many as the converter takes of
    /// a song, drawn anew with each call.
    #[must_use]
    pub fn draw(&self, windows: &[Window], noise: &mut Noise) -> Vec<Window> {
        let mut drawn = Vec::new();
        for of_file in windows.chunk_by(|a, b| a.file == b.file) {
            let chosen = self.converter.draw(of_file.len(), noise);
            drawn.extend(chosen.into_iter().map(|place| of_file[place]));
        }
        drawn
    }

    /// What the network learns from in a window that [`Self::windows`] gave. `noise` draws what training varies; `None`
    /// leaves the window as it was played.
    #[must_use]
    pub fn example(&self, window: &Window, noise: Option<&mut Noise>) -> Example {
        let place = Place {
            part: window.part,
            first_step: window.first_step,
        };
        let extracted = &self.files[window.file].extracted;
        self.converter
            .example(extracted, &place, window.n_steps, noise)
    }
}

/// The files that are the same performance as another one. Of all, the one is used that fits the drum map best, the first
/// of equals.
fn copies(files: &[SourceFile]) -> Vec<Copied> {
    let mut by_grid: BTreeMap<[u8; 32], Vec<&SourceFile>> = BTreeMap::new();
    for file in files {
        by_grid.entry(file.fingerprint.grid).or_default().push(file);
    }
    let mut copies = Vec::new();
    for mut alike in by_grid.into_values().filter(|alike| alike.len() > 1) {
        alike.sort_by_key(|file| {
            let n_unmapped: usize = file.extracted.lost.unmapped.values().sum();
            (file.extracted.better_map.is_some(), n_unmapped)
        });
        let mut used: Vec<&SourceFile> = Vec::new();
        for file in alike {
            let is_same = |other: &&&SourceFile| file.fingerprint.is_copy_of(&other.fingerprint);
            match used.iter().find(is_same) {
                Some(other) => copies.push(Copied {
                    name: file.name.clone(),
                    of: other.name.clone(),
                }),
                None => used.push(file),
            }
        }
    }
    copies.sort_by(|a, b| a.name.cmp(&b.name));
    copies
}

/// What a data set is called, its terms and whom to credit.
fn card(path: &Path, contents: &str, index: Option<&Index>, sha256: String) -> DatasetCard {
    // Whatever part of MAESTRO is there, its table is the whole one.
    let is_maestro = |index: &Index| files::hex(&index.sha256) == MAESTRO_INDEX_SHA256;
    let [name, licence, attribution] = if contents == GMD_CONTENTS_SHA256 {
        ["Groove MIDI Dataset 1.0.0", GMD_LICENCE, GMD_ATTRIBUTION].map(str::to_owned)
    } else if index.is_some_and(is_maestro) {
        ["MAESTRO v3.0.0", MAESTRO_LICENCE, MAESTRO_ATTRIBUTION].map(str::to_owned)
    } else {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let unknown = "unknown: state it before you publish anything made from this data";
        [name.to_string_lossy().as_ref(), unknown, unknown].map(str::to_owned)
    };
    DatasetCard {
        name,
        licence,
        attribution,
        sha256,
    }
}

/// SHA-256 of the SHA-256 values of a data set's files, sorted: its identity whatever it is packed in.
fn contents_sha256(mut digests: Vec<[u8; 32]>) -> String {
    digests.sort_unstable();
    files::hex(&Sha256::digest(digests.concat()))
}
