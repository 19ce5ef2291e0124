//! A corpus that is too large for the memory, cut into shards: archives of some thousand files each, which training reads in
//! turn.
//!
//! A shard is an ordinary zip archive of usable MIDI files, with what a table says of them and with a manifest. The manifest
//! says which shard of how many it is, of which corpus, and how many windows were found in it with which settings; so a
//! run knows how long an epoch is before it has read a single file, and that no shard is missing, damaged or of something else.

#[cfg(test)]
mod tests;

use super::dataset::{Corpus, Dataset, MANIFEST, Shard, Split};
use crate::files::{hex, write_atomically};
use crate::reading::{Reading, maps};
use crate::settings::Config;
use anyhow::{Context as _, Result, bail, ensure};
use fourbar_model::checkpoint::DatasetCard;
use fourbar_model::converter::Converter;
use fourbar_model::noise::Noise;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Version of the manifest.
const VERSION: u32 = 1;
/// The first shards that hold so many windows stand for the corpus where all of it would be too much: for what a model is
/// validated and measured on, for the map of its latent space, for what a fill is.
const SAMPLE_WINDOWS: usize = 16_384;
/// More shards that are missing than this are counted and not named.
const MAX_NAMED: usize = 8;

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    shard: Shard,
    /// SHA-256 of the names of all files of the corpus, the same in all of its shards.
    corpus_sha256: String,
    /// What windows were found with; see [`settings`].
    settings: Value,
    /// Id of the drum map that the files were read with.
    drum_map: String,
    /// Its SHA-256 is that of the contents of this shard.
    card: DatasetCard,
    n_files: usize,
    n_windows: BTreeMap<Split, usize>,
    /// Training windows that an epoch learns from.
    n_examples: usize,
}

/// The settings that decide which windows are found in a file.
fn settings(config: &Config) -> Result<Value> {
    let settings = json!({
        "model": { "converter": config.model.converter, "n_steps": config.model.window_steps() },
        "data": config.data,
    });
    // As numbers are when they have been written and read.
    Ok(serde_json::from_slice(&serde_json::to_vec(&settings)?)?)
}

/// The keys below `key` whose values differ.
fn differences(key: &str, a: &Value, b: &Value) -> Vec<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let of = |map: &serde_json::Map<_, _>, name: &String| {
                map.get(name).cloned().unwrap_or_default()
            };
            keys.flat_map(|name| {
                let key = [key, name].join(if key.is_empty() { "" } else { "." });
                differences(&key, &of(a, name), &of(b, name))
            })
            .collect()
        }
        _ if a == b => Vec::new(),
        _ => vec![key.to_owned()],
    }
}

/// The windows of each split, and how many of those for training an epoch learns from.
fn count(dataset: &Dataset, config: &Config) -> (BTreeMap<Split, usize>, usize) {
    let windows = Split::ALL
        .map(|split| dataset.windows(split, config.model.window_steps(), config.data.hop_bars));
    let n_examples = dataset.draw(&windows[0], &mut Noise::from_seed(0)).len();
    let counts = Split::ALL
        .into_iter()
        .zip(windows.map(|of_split| of_split.len()));
    (counts.collect(), n_examples)
}

/// The file name of a shard.
fn file_name(shard: Shard) -> String {
    format!("shard-{:05}-of-{:05}.zip", shard.number, shard.count)
}

/// The shard whose file has this name.
fn of_file_name(name: &str) -> Option<Shard> {
    let (number, count) = name
        .strip_prefix("shard-")?
        .strip_suffix(".zip")?
        .split_once("-of-")?;
    let shard = Shard {
        number: number.parse().ok()?,
        count: count.parse().ok()?,
    };
    (file_name(shard) == name).then_some(shard)
}

/// Writes a shard of `corpus`, which `dataset` was read from, into `folder`, whole or not at all. Returns its path.
///
/// # Errors
/// If a file of it cannot be read any more, or the shard cannot be written.
pub(super) fn write(
    corpus: &mut Corpus,
    shard: Shard,
    dataset: &Dataset,
    config: &Config,
    folder: &Path,
) -> Result<PathBuf> {
    let (n_windows, n_examples) = count(dataset, config);
    let manifest = Manifest {
        version: VERSION,
        shard,
        corpus_sha256: hex(&corpus.listing_sha256()),
        settings: settings(config)?,
        drum_map: dataset.drum_map.id.to_owned(),
        card: dataset.card.clone(),
        n_files: dataset.files.len(),
        n_windows,
        n_examples,
    };
    let path = folder.join(file_name(shard));
    let bytes = corpus.pack(&dataset.files, &serde_json::to_vec_pretty(&manifest)?)?;
    write_atomically(&path, &bytes)?;
    Ok(path)
}

/// The shards of a corpus, all of them, none of which has been read.
#[derive(Debug)]
pub struct Shards {
    folder: PathBuf,
    config: Config,
    reading: Reading,
    /// In the order of their numbers.
    manifests: Vec<Manifest>,
}

impl Shards {
    /// The shards in `folder` for a run with the settings of `config`; `None` if there are none, because it is no folder or
    /// holds something else.
    ///
    /// # Errors
    /// If one of them is missing, damaged, of another corpus or prepared with other settings.
    pub fn open(folder: &Path, config: &Config) -> Result<Option<Self>> {
        let mut found = Vec::new();
        if folder.is_dir() {
            let context = || format!("cannot list the folder {}", folder.display());
            for entry in fs::read_dir(folder).with_context(context)? {
                let name = entry.with_context(context)?.file_name();
                found.extend(name.to_str().and_then(of_file_name));
            }
        }
        found.sort_by_key(|shard| (shard.count, shard.number));
        let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
            return Ok(None);
        };
        ensure!(
            first.count == last.count,
            "{} holds {} and {}, which do not belong together: remove the files of one preparation",
            folder.display(),
            file_name(first),
            file_name(last)
        );
        let is_missing = |number: &usize| found.iter().all(|shard| shard.number != *number);
        let missing: Vec<usize> = (0..first.count).filter(is_missing).collect();
        if let Some(number) = missing.first() {
            let named: Vec<String> = missing
                .iter()
                .take(MAX_NAMED)
                .map(usize::to_string)
                .collect();
            bail!(
                "{} of the {} shards are not in {}: {}{}; `fourbar prepare --shards {} --shard {number} --out {}`, with the \
                 data and settings of the others, writes the first of these",
                missing.len(),
                first.count,
                folder.display(),
                named.join(", "),
                if missing.len() > MAX_NAMED {
                    " and so on"
                } else {
                    ""
                },
                first.count,
                folder.display()
            );
        }
        let mut manifests: Vec<Manifest> = Vec::with_capacity(found.len());
        for shard in found {
            let path = folder.join(file_name(shard));
            let manifest = read_manifest(&path).with_context(|| damaged(&path, shard))?;
            ensure!(
                manifest.shard == shard,
                "{} holds {}, although its name says {shard}: give it its name back, and prepare the one that is missing then",
                path.display(),
                manifest.shard
            );
            if let Some(other) = manifests.first() {
                ensure!(
                    manifest.corpus_sha256 == other.corpus_sha256,
                    "{} is of other files than {}: files came or went in between, or the data are others; prepare all shards again",
                    path.display(),
                    file_name(other.shard)
                );
            }
            let others = differences("", &settings(config)?, &manifest.settings);
            ensure!(
                others.is_empty(),
                "{} was prepared with other settings than those of this run ({} differ): prepare the shards again with the \
                 --preset, --set and so on of the run, or give the run those that they were prepared with",
                path.display(),
                others.join(", ")
            );
            manifests.push(manifest);
        }
        let mut reading = config.reading()?;
        if reading.map.is_none() {
            // The map that fits the corpus, whatever of its table is in a shard.
            reading.map = maps::find(&manifests[0].drum_map).map(Some)?;
        }
        Ok(Some(Self {
            folder: folder.to_owned(),
            config: config.clone(),
            reading,
            manifests,
        }))
    }

    /// Training windows of all shards.
    #[must_use]
    pub fn n_windows(&self) -> usize {
        let of_shard = |manifest: &Manifest| manifest.n_windows.get(&Split::Train).copied();
        self.manifests.iter().filter_map(of_shard).sum()
    }

    /// For each shard, how many of its training windows an epoch learns from.
    #[must_use]
    pub fn n_examples(&self) -> Vec<usize> {
        let manifests = self.manifests.iter();
        manifests.map(|manifest| manifest.n_examples).collect()
    }

    /// Reads a shard.
    ///
    /// # Errors
    /// If it cannot be read, or is not any more what its manifest says.
    pub fn load(&self, number: usize) -> Result<Dataset> {
        let manifest = &self.manifests[number];
        let path = self.folder.join(file_name(manifest.shard));
        let damaged = || damaged(&path, manifest.shard);
        // It may have been prepared anew since it was opened.
        ensure!(
            read_manifest(&path).with_context(damaged)? == *manifest,
            damaged()
        );
        let converter: &Converter = &self.config.model.converter;
        let dataset = Dataset::load(&path, converter, self.reading).with_context(damaged)?;
        let found = (dataset.files.len(), count(&dataset, &self.config));
        let expected = (
            manifest.n_files,
            (manifest.n_windows.clone(), manifest.n_examples),
        );
        ensure!(found == expected, damaged());
        Ok(dataset)
    }

    /// How many shards, from the first on, stand for all.
    #[must_use]
    pub fn n_sampled(&self) -> usize {
        let mut n_windows = 0;
        let is_needed = |manifest: &&Manifest| {
            let is_needed = n_windows < SAMPLE_WINDOWS;
            n_windows += manifest.n_windows.values().sum::<usize>();
            is_needed
        };
        self.manifests.iter().take_while(is_needed).count()
    }

    /// Reads the shards that stand for all, as one data set with the name, the terms and the SHA-256 of the whole corpus.
    ///
    /// # Errors
    /// If one of them cannot be read, or none holds a file.
    pub fn sample(&self) -> Result<Dataset> {
        let mut sample: Option<Dataset> = None;
        let with_files = |number: &usize| self.manifests[*number].n_files > 0;
        for number in (0..self.n_sampled()).filter(with_files) {
            let shard = self.load(number)?;
            match &mut sample {
                Some(sample) => sample.files.extend(shard.files),
                None => sample = Some(shard),
            }
        }
        let sample = sample.with_context(|| {
            format!(
                "the shards in {} hold no usable file: `fourbar prepare` says why",
                self.folder.display()
            )
        })?;
        let mut hasher = Sha256::new();
        for manifest in &self.manifests {
            hasher.update(&manifest.card.sha256);
        }
        Ok(Dataset {
            card: DatasetCard {
                sha256: hex(&hasher.finalize()),
                ..self.manifests[0].card.clone()
            },
            ..sample
        })
    }
}

/// What to say of a shard that cannot be used.
fn damaged(path: &Path, shard: Shard) -> String {
    format!(
        "{} is damaged or was changed: `fourbar prepare --shards {} --shard {} --out {}`, with the data and settings of the \
         others, writes it again",
        path.display(),
        shard.count,
        shard.number,
        path.parent().unwrap_or(Path::new(".")).display()
    )
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    let manifest: Manifest = serde_json::from_reader(archive.by_name(MANIFEST)?)?;
    ensure!(
        manifest.version == VERSION,
        "it is of version {} of Fourbar's shards, and this fourbar reads version {VERSION}",
        manifest.version
    );
    Ok(manifest)
}
