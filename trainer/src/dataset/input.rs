//! The raw material: a folder or a zip archive, seen as a sorted list of named files.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Largest file that is read, in bytes. Far above any MIDI performance, so that a hostile entry cannot fill the memory.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Largest sum of announced sizes of an archive's MIDI entries: overlapping entries can announce far more than they hold.
const MAX_ARCHIVE_BYTES: u64 = 64 << 30;

/// A file of the input that can be read by its place in [`Input::entries`].
pub(super) struct Entry {
    /// Path below the input's root, with `/` between its parts.
    pub(super) name: String,
    place: Place,
}

enum Place {
    Path(PathBuf),
    Zip(usize),
}

/// An opened folder or archive.
pub(super) struct Input {
    /// Every file, sorted by name; without folders and without the invisible files a Mac adds.
    pub(super) entries: Vec<Entry>,
    /// Folders that could not be looked into, with the system's reason.
    pub(super) unreadable: Vec<(String, String)>,
    archive: Option<ZipArchive<BufReader<File>>>,
}

impl Input {
    /// Lists the files of a folder, recursively, or of a zip archive.
    ///
    /// # Errors
    /// If `path` does not exist, is neither a folder nor a zip archive, or cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let kind = fs::metadata(path).with_context(|| {
            format!(
                "cannot open {}: check the path given as --data",
                path.display()
            )
        })?;
        let mut input = if kind.is_dir() {
            Self::open_folder(path)?
        } else {
            Self::open_archive(path)?
        };
        input.entries.retain(|entry| !is_mac_litter(&entry.name));
        input.entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(input)
    }

    /// Whether the input is an archive.
    pub(super) fn is_archive(&self) -> bool {
        self.archive.is_some()
    }

    /// The bytes of one entry.
    ///
    /// # Errors
    /// If it cannot be read, is damaged or encrypted, or is larger than any MIDI performance.
    pub(super) fn read(&mut self, entry: usize) -> io::Result<Vec<u8>> {
        match (&self.entries[entry].place, &mut self.archive) {
            (Place::Path(path), _) => read_bounded(File::open(path)?),
            (Place::Zip(index), Some(archive)) => read_bounded(archive.by_index(*index)?),
            (Place::Zip(_), None) => unreachable!("zip entries are only listed with their archive"),
        }
    }

    fn open_folder(root: &Path) -> Result<Self> {
        let mut input = Self {
            entries: Vec::new(),
            unreadable: Vec::new(),
            archive: None,
        };
        // Symbolic links to folders are followed, so each real folder is remembered: a link to a parent ends there.
        let mut seen = BTreeSet::new();
        let mut folders = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            let listing = fs::canonicalize(&folder).and_then(|real| {
                if seen.insert(real) {
                    fs::read_dir(&folder).map(Some)
                } else {
                    Ok(None)
                }
            });
            let listing = match listing {
                Ok(None) => continue,
                Ok(Some(listing)) => listing,
                Err(error) if prefix.is_empty() => {
                    return Err(error)
                        .with_context(|| format!("cannot list the folder {}", root.display()));
                }
                Err(error) => {
                    input.unreadable.push((prefix, error.to_string()));
                    continue;
                }
            };
            for item in listing {
                let path = match item {
                    Ok(item) => item.path(),
                    Err(error) => {
                        input.unreadable.push((prefix.clone(), error.to_string()));
                        break;
                    }
                };
                let base = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let name = if prefix.is_empty() {
                    base
                } else {
                    format!("{prefix}/{base}")
                };
                match fs::metadata(&path) {
                    Ok(kind) if kind.is_dir() => folders.push((path, name)),
                    // Pipes and devices are left alone: reading one could wait for ever.
                    Ok(kind) if kind.is_file() => input.entries.push(Entry {
                        name,
                        place: Place::Path(path),
                    }),
                    Ok(_) => {}
                    Err(error) => input.unreadable.push((name, error.to_string())),
                }
            }
        }
        Ok(input)
    }

    fn open_archive(path: &Path) -> Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let archive = ZipArchive::new(BufReader::new(file)).with_context(|| {
            format!("{shown} is neither a folder nor a readable zip archive: --data takes one of the two")
        })?;
        let mut entries = Vec::new();
        let mut announced: u64 = 0;
        for index in 0..archive.len() {
            let entry = archive
                .by_index_data(index)
                .with_context(|| format!("cannot read the list of files in {shown}"))?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if entry.is_file() {
                if is_midi(&name) {
                    announced = announced.saturating_add(entry.size().min(MAX_FILE_BYTES));
                }
                entries.push(Entry {
                    name,
                    place: Place::Zip(index),
                });
            }
        }
        ensure!(
            announced <= MAX_ARCHIVE_BYTES,
            "{shown} announces {} GiB of MIDI: it is damaged, or unpack it and give the folder",
            announced >> 30
        );
        Ok(Self {
            entries,
            unreadable: Vec::new(),
            archive: Some(archive),
        })
    }

    /// The error for an input without any MIDI file, with the remedy that fits what is there instead.
    pub(super) fn no_midi(&self, path: &Path) -> anyhow::Error {
        let n_archives = self
            .entries
            .iter()
            .filter(|entry| has_extension(&entry.name, &["zip"]))
            .count();
        let remedy = if n_archives > 0 {
            format!("it holds {n_archives} zip archive(s): give one of them as --data")
        } else {
            "give a folder or a zip archive that holds files ending in .mid or .midi".to_owned()
        };
        anyhow::anyhow!(
            "{} holds {} file(s), none of them MIDI: {remedy}",
            path.display(),
            self.entries.len()
        )
    }
}

/// Whether a file's name says that it is MIDI.
pub(super) fn is_midi(name: &str) -> bool {
    has_extension(name, &["mid", "midi"])
}

/// Whether a file's name ends with one of `extensions`, in capitals or not.
pub(super) fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rsplit_once('.').is_some_and(|(stem, found)| {
        !stem.is_empty()
            && extensions
                .iter()
                .any(|wanted| found.eq_ignore_ascii_case(wanted))
    })
}

/// macOS puts a shadow `._name.mid`, which is no MIDI, beside every file it copies to a foreign disk or archive.
fn is_mac_litter(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "__MACOSX" || part.starts_with("._"))
}

/// Reads to the end without ever believing an announced size.
fn read_bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "larger than {} MiB, which no MIDI performance is",
            MAX_FILE_BYTES >> 20
        )));
    }
    Ok(bytes)
}
