//! The raw material: folders, zip archives and archives inside archives, seen as one sorted list of named files.

use crate::reading::{self, MAX_FILE_BYTES};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Largest sum of announced sizes of all archives' MIDI entries: overlapping entries can announce far more than they hold.
const MAX_ANNOUNCED_BYTES: u64 = 64 << 30;
/// Largest archive inside an archive, which is unpacked into the memory to be read.
const MAX_INNER_BYTES: u64 = 256 << 20;
/// Largest sum of these.
const MAX_ALL_INNER_BYTES: u64 = 1 << 30;
/// Archives that are open at the same time: systems allow for some hundred files.
const MAX_ARCHIVES: usize = 500;
/// Archives inside archives inside archives are looked into so deep.
const MAX_DEPTH: usize = 4;

/// A file of the input that can be read by its place in [`Input::entries`].
pub(super) struct Entry {
    /// Path below the input's root, with `/` between its parts; archives are folders.
    pub(super) name: String,
    place: Place,
}

enum Place {
    Path(PathBuf),
    /// An archive of [`Input::archives`], and the place in it.
    Zip(usize, usize),
}

/// What an archive is read from.
trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// An opened folder or archive, with the archives in it.
pub(super) struct Input {
    /// Every file, sorted by name; without folders, without archives that are looked into, and without the invisible
    /// files a Mac adds.
    pub(super) entries: Vec<Entry>,
    /// Folders and archives that could not be looked into, with the reason.
    pub(super) unreadable: Vec<(String, String)>,
    archives: Vec<ZipArchive<Box<dyn Source>>>,
    is_archive: bool,
    announced_bytes: u64,
    inner_bytes: u64,
}

impl Input {
    /// Lists the files of a folder, recursively, or of a zip archive, and of the archives among them.
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
        let mut input = Self {
            entries: Vec::new(),
            unreadable: Vec::new(),
            archives: Vec::new(),
            is_archive: !kind.is_dir(),
            announced_bytes: 0,
            inner_bytes: 0,
        };
        if kind.is_dir() {
            input.list_folder(path)?;
        } else {
            let shown = path.display();
            let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
            input
                .list_archive("", Box::new(BufReader::new(file)))
                .with_context(|| {
                    format!("{shown} is neither a folder nor a readable zip archive: --data takes one of the two")
                })?;
        }
        input.look_into_archives();
        input.entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(input)
    }

    /// Whether the input is an archive.
    pub(super) fn is_archive(&self) -> bool {
        self.is_archive
    }

    /// The bytes of one entry.
    ///
    /// # Errors
    /// If it cannot be read, is damaged or encrypted, or is larger than any MIDI performance.
    pub(super) fn read(&mut self, entry: usize) -> io::Result<Vec<u8>> {
        reading::read_midi(open_place(&self.entries[entry].place, &mut self.archives)?)
    }

    /// The first bytes of an entry, at most so many; an announced size is never believed.
    ///
    /// # Errors
    /// If it cannot be read, is damaged or encrypted.
    pub(super) fn read_at_most(&mut self, entry: usize, n_bytes: u64) -> io::Result<Vec<u8>> {
        let source = open_place(&self.entries[entry].place, &mut self.archives)?;
        reading::read_at_most(source, n_bytes)
    }

    /// Adds the files of a folder and of those in it.
    fn list_folder(&mut self, root: &Path) -> Result<()> {
        // Symbolic links to folders are followed, so each real folder is remembered: a link to a parent ends there.
        let mut seen = BTreeSet::new();
        let mut folders = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            let listing = match fs::canonicalize(&folder) {
                Ok(real) if !seen.insert(real.clone()) => continue,
                // On Windows nothing on some network drives has such a path; of links there nobody knows where they end.
                Err(error) if folder.is_symlink() && !prefix.is_empty() => Err(error),
                _ => fs::read_dir(&folder),
            };
            let listing = match listing {
                Ok(listing) => listing,
                Err(error) if prefix.is_empty() => {
                    return Err(error)
                        .with_context(|| format!("cannot list the folder {}", root.display()));
                }
                Err(error) => {
                    self.unreadable.push((prefix, error.to_string()));
                    continue;
                }
            };
            for item in listing {
                let path = match item {
                    Ok(item) => item.path(),
                    Err(error) => {
                        self.unreadable.push((prefix.clone(), error.to_string()));
                        break;
                    }
                };
                let base = path.file_name().unwrap_or_default().to_string_lossy();
                let name = below(&prefix, &base);
                match fs::metadata(&path) {
                    Ok(kind) if kind.is_dir() => folders.push((path, name)),
                    // Pipes and devices are left alone: reading one could wait for ever.
                    Ok(kind) if kind.is_file() => self.add(name, Place::Path(path)),
                    Ok(_) => {}
                    Err(error) => self.unreadable.push((name, error.to_string())),
                }
            }
        }
        Ok(())
    }

    /// Adds the files of an archive, which is a folder of the name `prefix`.
    fn list_archive(&mut self, prefix: &str, source: Box<dyn Source>) -> Result<()> {
        let archive = ZipArchive::new(source)?;
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let entry = archive
                .by_index_data(index)
                .context("its list of files cannot be read")?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if entry.is_file() {
                if is_midi(&name) {
                    let size = entry.size().min(MAX_FILE_BYTES);
                    self.announced_bytes = self.announced_bytes.saturating_add(size);
                }
                names.push((index, name));
            }
        }
        ensure!(
            self.announced_bytes <= MAX_ANNOUNCED_BYTES,
            "it announces {} GiB of MIDI: it is damaged, or unpack it and give the folder",
            self.announced_bytes >> 30
        );
        let place = self.archives.len();
        self.archives.push(archive);
        for (index, name) in names {
            self.add(below(prefix, &name), Place::Zip(place, index));
        }
        Ok(())
    }

    fn add(&mut self, name: String, place: Place) {
        if !is_mac_litter(&name) {
            self.entries.push(Entry { name, place });
        }
    }

    /// Puts the files of the archives among the entries in their place; what cannot be looked into is remembered.
    fn look_into_archives(&mut self) {
        for _ in 0..MAX_DEPTH {
            for archive in self.take_archives() {
                let source = self.open_inner(&archive.place);
                let listed = source.and_then(|source| self.list_archive(&archive.name, source));
                if let Err(problem) = listed {
                    let reason = format!("an archive that cannot be looked into: {problem:#}");
                    self.unreadable.push((archive.name, reason));
                }
            }
        }
        for archive in self.take_archives() {
            let reason = format!("an archive inside more than {MAX_DEPTH} others: unpack it");
            self.unreadable.push((archive.name, reason));
        }
    }

    fn take_archives(&mut self) -> Vec<Entry> {
        let is_archive = |entry: &mut Entry| has_extension(&entry.name, &["zip"]);
        self.entries.extract_if(.., is_archive).collect()
    }

    /// What the archive at `place` is read from.
    fn open_inner(&mut self, place: &Place) -> Result<Box<dyn Source>> {
        ensure!(
            self.archives.len() < MAX_ARCHIVES,
            "there are more than {MAX_ARCHIVES} archives: unpack some"
        );
        if let Place::Path(path) = place {
            return Ok(Box::new(BufReader::new(File::open(path)?)));
        }
        let source = open_place(place, &mut self.archives)?;
        let bytes = reading::read_at_most(source, MAX_INNER_BYTES + 1)?;
        let size = bytes.len() as u64;
        ensure!(
            size <= MAX_INNER_BYTES && self.inner_bytes + size <= MAX_ALL_INNER_BYTES,
            "it is too large to be unpacked into the memory: unpack the archive around it"
        );
        self.inner_bytes += size;
        Ok(Box::new(Cursor::new(bytes)))
    }

    /// The error for an input without any MIDI file.
    pub(super) fn no_midi(&self, path: &Path) -> anyhow::Error {
        anyhow::anyhow!(
            "{} holds {} file(s), none of them MIDI: give a folder or a zip archive that holds files ending in {}",
            path.display(),
            self.entries.len(),
            ENDINGS.map(|ending| format!(".{ending}")).join(", ")
        )
    }
}

/// What the file at `place` is read from.
fn open_place<'a>(
    place: &Place,
    archives: &'a mut [ZipArchive<Box<dyn Source>>],
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match place {
        Place::Path(path) => Box::new(File::open(path)?),
        Place::Zip(archive, index) => Box::new(archives[*archive].by_index(*index)?),
    })
}

/// The path of `name` in the folder `prefix`; the root's is empty.
fn below(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}

/// The endings of MIDI files' names.
const ENDINGS: [&str; 5] = ["mid", "midi", "kar", "smf", "rmi"];

/// Whether a file's name says that it is MIDI.
pub(super) fn is_midi(name: &str) -> bool {
    has_extension(name, &ENDINGS)
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
