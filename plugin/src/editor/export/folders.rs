//! Folders for exported files: the one that was chosen last, on this machine and in whatever project, and where another
//! may be.

use crate::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Folders that are listed; whoever has more opens one of them first.
const MAX_LISTED: usize = 1_000;
/// Folders that were used and are remembered.
const MAX_USED: usize = 4;

/// Where exported files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::editor) struct Folder {
    pub(in crate::editor) path: PathBuf,
    /// Whether it is ours, to be made where it is missing. A folder that somebody chose and that has gone, perhaps with its
    /// disk, is not made anew elsewhere.
    is_ours: bool,
}

/// A folder to choose, by a name that says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::editor) struct Place {
    pub(in crate::editor) name: String,
    pub(in crate::editor) path: PathBuf,
}

/// A folder, and where one can go from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::editor) struct Listing {
    pub(in crate::editor) path: PathBuf,
    /// The folder around it.
    pub(in crate::editor) parent: Option<PathBuf>,
    /// Those in it, by name.
    pub(in crate::editor) inside: Vec<Place>,
    /// Those that everybody has, and those that were used last.
    pub(in crate::editor) favourites: Vec<Place>,
}

impl Folder {
    /// The folder that was chosen last; before one was, [`Self::ours`].
    ///
    /// # Errors
    /// If the user has no home; the text is for the user.
    pub(in crate::editor) fn chosen() -> Result<Self, String> {
        match Memory::load().chosen {
            Some(path) => Ok(Self {
                is_ours: Self::ours().is_ok_and(|ours| ours.path == path),
                path,
            }),
            None => Self::ours(),
        }
    }

    /// `Fourbar` in the user's music folder, else in their documents, else at home.
    ///
    /// # Errors
    /// If the user has no home; the text is for the user.
    pub(in crate::editor) fn ours() -> Result<Self, String> {
        let user = directories::UserDirs::new().ok_or_else(no_home)?;
        let parent = user
            .audio_dir()
            .or(user.document_dir())
            .unwrap_or(user.home_dir());
        Ok(Self {
            path: parent.join("Fourbar"),
            is_ours: true,
        })
    }

    /// The path of the folder that was chosen last, in which files can be written; from now on one that was used.
    ///
    /// # Errors
    /// What is in the way, for the user.
    pub(in crate::editor) fn prepared() -> Result<PathBuf, String> {
        let folder = Self::chosen()?;
        folder.prepare()?;
        let mut memory = Memory::load();
        if memory.note(&folder.path) {
            // The file that is to be written is more important.
            let _ = memory.save();
        }
        Ok(folder.path)
    }

    /// Sees to it that there is such a folder.
    fn prepare(&self) -> Result<(), String> {
        if self.is_ours {
            return fs::create_dir_all(&self.path)
                .map_err(|error| super::in_words(&self.path, &error));
        }
        if self.path.is_dir() {
            return Ok(());
        }
        Err(format!(
            "Nothing was exported: there is no folder {} any more. Choose another one beside Export.",
            self.path.display()
        ))
    }

    /// Chooses the folder at `path` for all exports from now on.
    ///
    /// # Errors
    /// What is in the way, for the user.
    pub(in crate::editor) fn choose(path: &Path) -> Result<(), String> {
        let mut memory = Memory::load();
        memory.chosen = Some(path.to_owned());
        memory.save().map_err(|error| {
            format!(
                "The folder {} could not be remembered for exports: {error}.",
                path.display()
            )
        })
    }
}

impl Listing {
    /// What there is in and around the folder at `path`.
    ///
    /// # Errors
    /// If it cannot be read; the text is for the user.
    pub(in crate::editor) fn of(path: PathBuf) -> Result<Self, String> {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // Ours may not have been made yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    parent: parent(&path),
                    path,
                    inside: Vec::new(),
                    favourites: favourites(),
                });
            }
            Err(error) => {
                return Err(format!(
                    "The folder {} cannot be read: {error}.",
                    path.display()
                ));
            }
        };
        let folder = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let is_shown = !name.starts_with('.') && entry.path().is_dir();
            is_shown.then(|| Place {
                name,
                path: entry.path(),
            })
        };
        let mut inside: Vec<Place> = entries.filter_map(folder).take(MAX_LISTED).collect();
        inside.sort_by_cached_key(|place| (place.name.to_lowercase(), place.name.clone()));
        Ok(Self {
            parent: parent(&path),
            path,
            inside,
            favourites: favourites(),
        })
    }
}

fn no_home() -> String {
    "There is no home folder to export to: set HOME, then export again.".to_owned()
}

/// The next folder around the one at `path` that is there.
fn parent(path: &Path) -> Option<PathBuf> {
    let mut around = path.ancestors().skip(1);
    around.find(|parent| parent.is_dir()).map(Path::to_owned)
}

/// Folders of which everybody has one, and those that were used last.
fn favourites() -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut add = |name: String, path: &Path| {
        let is_there = |places: &[Place]| places.iter().any(|place| place.path == path);
        if !is_there(&places) {
            let path = path.to_owned();
            places.push(Place { name, path });
        }
    };
    if let Ok(ours) = Folder::ours() {
        add("Fourbar's own".to_owned(), &ours.path);
    }
    if let Some(user) = directories::UserDirs::new() {
        let of_user = [
            ("Music", user.audio_dir()),
            ("Desktop", user.desktop_dir()),
            ("Documents", user.document_dir()),
            ("Home", Some(user.home_dir())),
        ];
        for (name, path) in of_user {
            if let Some(path) = path.filter(|path| path.is_dir()) {
                add(name.to_owned(), path);
            }
        }
    }
    for used in Memory::load().used {
        if let (Some(name), true) = (used.file_name(), used.is_dir()) {
            add(name.to_string_lossy().into_owned(), &used);
        }
    }
    places
}

/// What is remembered of folders, in a file among the user's settings.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// The export folder; `None` for ours.
    chosen: Option<PathBuf>,
    /// Those that files were written to, newest first.
    used: Vec<PathBuf>,
}

impl Memory {
    /// What is remembered; nothing where there is no such file or it is damaged.
    fn load() -> Self {
        Self::file()
            .map(|file| Self::read(&file))
            .unwrap_or_default()
    }

    fn save(&self) -> io::Result<()> {
        let file = Self::file().ok_or(io::Error::other("there is no home folder"))?;
        self.write(&file)
    }

    fn file() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "fourbar")?;
        Some(folders.config_dir().join("export-folders.json"))
    }

    fn read(file: &Path) -> Self {
        let text = fs::read(file).unwrap_or_default();
        let mut memory: Self = serde_json::from_slice(&text).unwrap_or_default();
        memory.chosen = memory.chosen.filter(|path| path.is_absolute());
        memory.used.truncate(MAX_USED);
        memory
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        files::replace(file, &serde_json::to_vec(self)?)
    }

    /// Notes that a file goes to the folder at `path`. True if that is news.
    fn note(&mut self, path: &Path) -> bool {
        if self.used.first().is_some_and(|newest| newest == path) {
            return false;
        }
        self.used.retain(|used| used != path);
        self.used.insert(0, path.to_owned());
        self.used.truncate(MAX_USED);
        true
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn folders_are_remembered_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config/export-folders.json");
        assert_eq!(Memory::read(&file), Memory::default());
        let mut memory = Memory {
            chosen: Some(folder.path().join("Jo's grooves")),
            used: Vec::new(),
        };
        for name in ["/a", "/b", "/a", "/c", "/d", "/e"] {
            assert!(memory.note(Path::new(name)));
            assert!(!memory.note(Path::new(name)));
        }
        assert_eq!(memory.used, ["/e", "/d", "/c", "/a"].map(PathBuf::from));
        memory.write(&file).unwrap();
        assert_eq!(Memory::read(&file), memory);
        for nonsense in ["", "7", r#"{"chosen": "not/from/the/root"}"#] {
            fs::write(&file, nonsense).unwrap();
            assert_eq!(Memory::read(&file), Memory::default());
        }
    }

    #[test]
    fn a_chosen_folder_that_has_gone_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stick/grooves");
        let mut chosen = Folder {
            path: path.clone(),
            is_ours: false,
        };
        let message = chosen.prepare().unwrap_err();
        assert!(message.starts_with("Nothing was exported"), "{message}");
        assert!(!path.exists());
        chosen.is_ours = true;
        assert_eq!(chosen.prepare(), Ok(()));
        assert!(path.is_dir());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("Fourbar");
        fs::write(&in_the_way, b"").unwrap();
        let ours = Folder {
            path: in_the_way,
            is_ours: true,
        };
        let message = ours.prepare().unwrap_err();
        assert!(
            message.contains("Fourbar") && message.starts_with("Nothing was exported"),
            "{message}"
        );
    }

    #[test]
    fn folders_are_listed_by_name_and_files_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b", "A", ".hidden"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("file"), b"").unwrap();
        let listing = Listing::of(folder.path().to_owned()).unwrap();
        let names: Vec<&str> = listing.inside.iter().map(|place| &*place.name).collect();
        assert_eq!(names, ["A", "b"]);
        assert_eq!(listing.parent.as_deref(), folder.path().parent());
        // One that is not there yet leads to where it would be.
        let missing = Listing::of(path("no/such")).unwrap();
        assert_eq!(missing.parent.as_deref(), Some(folder.path()));
        assert!(Listing::of(path("file")).is_err());
    }
}
