//! The files that a set of weights consists of, wherever they lie: in a folder, in a tar archive, in a compressed one.
//!
//! Nothing is ever unpacked to disk. Files of a folder and of a plain archive are read in place, part by part; those
//! of a compressed archive are held in memory. A name is always relative and never leaves its folder.

use super::tensor::MAX_WEIGHT_BYTES;
use anyhow::{Context, Result, anyhow, bail};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, EntryType};

/// Most files that an archive may hold.
const MAX_FILES: usize = 10_000;

/// A set of files, by name; folders inside are parts of names, with `/` between them.
pub(super) struct Files {
    origin: PathBuf,
    /// The folder to look into for names that are not listed, which are those in folders below it.
    folder: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

/// Where one file's bytes are.
enum Entry {
    OnDisk {
        path: PathBuf,
        start: u64,
        n_bytes: u64,
    },
    InMemory(Vec<u8>),
}

impl Entry {
    fn of_file(path: PathBuf) -> io::Result<Self> {
        let n_bytes = path.metadata()?.len();
        Ok(Self::OnDisk {
            path,
            start: 0,
            n_bytes,
        })
    }
}

impl Files {
    /// The files of the folder or archive at `path`, or those beside the file at `path`, and its name, if it is a part
    /// of a set or the prefix that the parts share.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<String>)> {
        if path.is_dir() {
            return Ok((Self::of_folder(path)?, None));
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{}: there is no such file", path.display()))?
            .to_owned();
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !path.is_file() {
            let files = Self::of_folder(folder)
                .with_context(|| format!("{}: there is no such file", path.display()))?;
            if files.contains(&format!("{name}.index")) {
                return Ok((files, Some(name)));
            }
            bail!("{}: there is no such file or folder", path.display());
        }
        match Packing::of(path)? {
            Packing::Gzip => Ok((Self::of_compressed(path)?, None)),
            Packing::Tar => Ok((Self::of_tar(path)?, None)),
            Packing::None => {
                if name == "checkpoint" {
                    return Ok((Self::of_folder(folder)?, None));
                }
                let is_part = [".json", ".index"].iter().any(|end| name.ends_with(end))
                    || name.contains(".data-");
                if !is_part {
                    bail!(
                        "{}: neither a tar archive nor a part of a model; give a folder or archive, a \
                         weights_manifest.json, or a .index file",
                        path.display()
                    );
                }
                Ok((Self::of_folder(folder)?, Some(name)))
            }
        }
    }

    fn of_folder(folder: &Path) -> Result<Self> {
        let context = || format!("cannot read the folder {}", folder.display());
        let mut entries = BTreeMap::new();
        for entry in folder.read_dir().with_context(context)? {
            let path = entry.with_context(context)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name
                && path.is_file()
                && !is_shadow(name)
            {
                entries.insert(name.to_owned(), Entry::of_file(path).with_context(context)?);
            }
        }
        Ok(Self {
            origin: folder.to_owned(),
            folder: Some(folder.to_owned()),
            entries,
        })
    }

    fn of_tar(path: &Path) -> Result<Self> {
        let context = || cannot_unpack(path);
        let file = File::open(path).with_context(context)?;
        let end = file.metadata().with_context(context)?.len();
        let mut archive = Archive::new(file);
        let mut files = Self::empty(path);
        for entry in archive.entries_with_seek().with_context(context)? {
            let entry = entry.with_context(context)?;
            let Some(name) = files.name_of(&entry)? else {
                continue;
            };
            let (start, n_bytes) = (entry.raw_file_position(), entry.size());
            if start.checked_add(n_bytes).is_none_or(|last| last > end) {
                bail!(
                    "{}: it ends inside the file; download the archive again",
                    files.place(&name)
                );
            }
            let path = path.to_owned();
            files.insert(
                name,
                Entry::OnDisk {
                    path,
                    start,
                    n_bytes,
                },
            )?;
        }
        Ok(files)
    }

    fn of_compressed(path: &Path) -> Result<Self> {
        let context = || cannot_unpack(path);
        let file = File::open(path).with_context(context)?;
        let decoder = MultiGzDecoder::new(io::BufReader::new(file));
        let mut archive = Archive::new(Limited {
            inner: decoder,
            left: MAX_WEIGHT_BYTES,
        });
        let mut files = Self::empty(path);
        for entry in archive.entries().with_context(context)? {
            let mut entry = entry.with_context(context)?;
            let Some(name) = files.name_of(&entry)? else {
                continue;
            };
            // Grows with what is there, not with what the header announces.
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).with_context(|| {
                format!(
                    "{}: it cannot be unpacked; download the archive again",
                    files.place(&name)
                )
            })?;
            if u64::try_from(bytes.len()).ok() != Some(entry.size()) {
                bail!(
                    "{}: it ends inside the file; download the archive again",
                    files.place(&name)
                );
            }
            files.insert(name, Entry::InMemory(bytes))?;
        }
        Ok(files)
    }

    fn empty(archive: &Path) -> Self {
        Self {
            origin: archive.to_owned(),
            folder: None,
            entries: BTreeMap::new(),
        }
    }

    /// The name of an archive's entry; `None` if it is no file.
    fn name_of<R: Read>(&self, entry: &tar::Entry<R>) -> Result<Option<String>> {
        let path = entry.path().with_context(|| cannot_unpack(&self.origin))?;
        let name = relative_name(&path).ok_or_else(|| {
            anyhow!(
                "{}: its entry {path:?} leaves the archive's folder; do not trust it, or pack it again from inside \
                 the folder",
                self.origin()
            )
        })?;
        let is_file = matches!(
            entry.header().entry_type(),
            EntryType::Regular | EntryType::Continuous
        );
        Ok(Some(name).filter(|name| is_file && !is_shadow(name)))
    }

    fn insert(&mut self, name: String, entry: Entry) -> Result<()> {
        if self.entries.contains_key(&name) {
            bail!(
                "{}: the archive holds it twice; pack it again",
                self.place(&name)
            );
        }
        if self.entries.len() == MAX_FILES {
            bail!(
                "{}: more than {MAX_FILES} files; take the model's files out and import those",
                self.origin()
            );
        }
        self.entries.insert(name, entry);
        Ok(())
    }

    /// The folder or archive, for messages.
    pub(super) fn origin(&self) -> String {
        self.origin.display().to_string()
    }

    /// The file `name`, for messages.
    pub(super) fn place(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) => folder.join(name).display().to_string(),
            None => format!("{}: {name}", self.origin.display()),
        }
    }

    /// All listed files that are called `file`, whatever folder they are in.
    pub(super) fn named(&self, file: &str) -> Vec<&str> {
        let of_name = |name: &str| name.rsplit('/').next() == Some(file);
        self.entries
            .keys()
            .map(String::as_str)
            .filter(|name| of_name(name))
            .collect()
    }

    /// All listed files whose names end in `extension`.
    pub(super) fn with_extension(&self, extension: &str) -> Vec<&str> {
        self.entries
            .keys()
            .map(String::as_str)
            .filter(|name| name.ends_with(extension))
            .collect()
    }

    /// Whether there is a file of that name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.length(name).is_ok()
    }

    /// Length of the file in bytes.
    pub(super) fn length(&self, name: &str) -> Result<u64> {
        match self.entries.get(name) {
            Some(Entry::OnDisk { n_bytes, .. }) => Ok(*n_bytes),
            Some(Entry::InMemory(bytes)) => Ok(bytes.len() as u64),
            None => match self.below(name)? {
                Entry::OnDisk { n_bytes, .. } => Ok(n_bytes),
                Entry::InMemory(bytes) => Ok(bytes.len() as u64),
            },
        }
    }

    /// The whole file, if it has at most `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let n_bytes = self.length(name)?;
        if n_bytes > limit {
            bail!(
                "{}: {n_bytes} bytes, expected at most {limit}; this is no file of a model",
                self.place(name)
            );
        }
        self.read_part(name, 0, n_bytes)
    }

    /// `n_bytes` of the file from `offset`; an error if it has fewer.
    pub(super) fn read_part(&self, name: &str, offset: u64, n_bytes: u64) -> Result<Vec<u8>> {
        let length = self.length(name)?;
        let Some(end) = offset.checked_add(n_bytes).filter(|end| *end <= length) else {
            bail!(
                "{}: it has {length} bytes, but bytes {offset} to {} are called for; it is cut off: download it again",
                self.place(name),
                offset.saturating_add(n_bytes)
            );
        };
        let read = |entry: &Entry| match entry {
            Entry::OnDisk { path, start, .. } => read_from_disk(path, start + offset, n_bytes),
            Entry::InMemory(bytes) => {
                let place = |at: u64| usize::try_from(at).expect("what is in memory has a place");
                Ok(bytes[place(offset)..place(end)].to_vec())
            }
        };
        match self.entries.get(name) {
            Some(entry) => read(entry),
            None => read(&self.below(name)?),
        }
        .with_context(|| format!("cannot read {}", self.place(name)))
    }

    /// A file that is not listed, because it lies in a folder below.
    fn below(&self, name: &str) -> Result<Entry> {
        let missing = || {
            format!(
                "{}: the file is missing; download or export all files of the model again",
                self.place(name)
            )
        };
        let folder = self.folder.as_ref().with_context(missing)?;
        if relative_name(Path::new(name)).as_deref() != Some(name) {
            bail!(
                "{name:?} leaves the folder {}: do not trust this model",
                self.origin()
            );
        }
        let path = folder.join(name);
        if !path.is_file() {
            bail!(missing());
        }
        Entry::of_file(path).with_context(missing)
    }
}

/// The path as a name: its parts with `/` between them; `None` if it is absolute, leads upwards or is no text.
pub(super) fn relative_name(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => {
                parts.push(part.to_str().filter(|part| !part.contains('\\'))?)
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Whether the file is one of those that macOS puts beside every real one.
fn is_shadow(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .is_some_and(|file| file.starts_with("._"))
}

fn read_from_disk(path: &Path, start: u64, n_bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    // The caller has compared the number with the file's length.
    let mut bytes = Vec::new();
    file.take(n_bytes).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).ok() == Some(n_bytes) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn cannot_unpack(path: &Path) -> String {
    format!(
        "{}: the archive is damaged; download it again",
        path.display()
    )
}

/// How a file is packed, by its first bytes.
enum Packing {
    None,
    Tar,
    Gzip,
}

impl Packing {
    fn of(path: &Path) -> Result<Self> {
        let context = || format!("cannot read {}", path.display());
        let mut start = Vec::new();
        let file = File::open(path).with_context(context)?;
        file.take(512)
            .read_to_end(&mut start)
            .with_context(context)?;
        // The oldest tar files have no mark: their extension has to do.
        let is_tar = start.get(257..262) == Some(b"ustar".as_slice())
            || path.extension().is_some_and(|extension| extension == "tar");
        Ok(if start.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if is_tar {
            Self::Tar
        } else {
            Self::None
        })
    }
}

/// A reader that fails after so many bytes, for archives that unpack to far more than their size.
pub(super) struct Limited<R> {
    pub(super) inner: R,
    pub(super) left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n_bytes as u64).ok_or_else(|| {
            io::Error::other(format!(
                "it unpacks to more than {} GiB, which no model does",
                MAX_WEIGHT_BYTES >> 30
            ))
        })?;
        Ok(n_bytes)
    }
}

/// The name of a file in the same folder as the file `name`.
pub(super) fn beside(name: &str, file: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
    }
}
