//! Folders for exported files: the one that was chosen last, on this machine and in whatever project, and where another
//! may be.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Folders that are listed; whoever has more opens one of them first.
const MAX_LISTED: usize = 1_000;

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
    /// Those that are everybody's.
    pub(in crate::editor) favourites: Vec<Place>,
}

impl Folder {
    /// The folder that was chosen last; before one was, [`Self::ours`].
    ///
    /// # Errors
    /// If the user has no home; the text is for the user.
    pub(in crate::editor) fn chosen() -> Result<Self, String> {
        match memory().and_then(|memory| remembered(&memory)) {
            Some(path) => Ok(Self {
                path,
                is_ours: false,
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

    /// The path of the folder that was chosen last, in which files can be written.
    ///
    /// # Errors
    /// What is in the way, for the user.
    pub(in crate::editor) fn prepared() -> Result<PathBuf, String> {
        let folder = Self::chosen()?;
        folder.prepare()?;
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

    /// Chooses the folder at `path` for this export and those to come.
    ///
    /// # Errors
    /// What is in the way, for the user.
    pub(in crate::editor) fn choose(path: &Path) -> Result<(), String> {
        let memory = memory().ok_or_else(no_home)?;
        let path_in_words = path.display();
        let unsaved = |error: io::Error| {
            format!("The folder {path_in_words} could not be remembered for exports: {error}.")
        };
        if Self::ours().is_ok_and(|ours| ours.path == path) {
            return match fs::remove_file(&memory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unsaved(error)),
                _ => Ok(()),
            };
        }
        remember(&memory, path).map_err(unsaved)
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

fn favourites() -> Vec<Place> {
    let user = directories::UserDirs::new();
    let place = |name: &str, path: Option<&Path>| {
        let path = path.filter(|path| path.is_dir())?;
        Some(Place {
            name: name.to_owned(),
            path: path.to_owned(),
        })
    };
    let mut places: Vec<Place> = Folder::ours()
        .ok()
        .map(|ours| Place {
            name: "Fourbar's own".to_owned(),
            path: ours.path,
        })
        .into_iter()
        .collect();
    if let Some(user) = user {
        let others = [
            place("Music", user.audio_dir()),
            place("Desktop", user.desktop_dir()),
            place("Documents", user.document_dir()),
            place("Home", Some(user.home_dir())),
        ];
        places.extend(others.into_iter().flatten());
    }
    places
}

/// The file in which the chosen folder is remembered.
fn memory() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "fourbar")?;
    Some(folders.config_dir().join("export-folder.json"))
}

fn remembered(memory: &Path) -> Option<PathBuf> {
    let text = fs::read(memory).ok()?;
    let path: PathBuf = serde_json::from_slice(&text).ok()?;
    path.is_absolute().then_some(path)
}

fn remember(memory: &Path, path: &Path) -> io::Result<()> {
    let text = serde_json::to_vec(path)?;
    let folder = memory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = super::temporary(folder)?;
    io::Write::write_all(&mut file, &text)?;
    file.persist(memory)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_folder_is_remembered_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let memory = folder.path().join("config/export-folder.json");
        assert_eq!(remembered(&memory), None);
        remember(&memory, Path::new("/music/Jo's grooves")).unwrap();
        remember(&memory, Path::new("/music/Jo's other grooves")).unwrap();
        let path = remembered(&memory).unwrap();
        assert_eq!(path, Path::new("/music/Jo's other grooves"));
        for nonsense in ["", "7", r#""not/from/the/root""#] {
            fs::write(&memory, nonsense).unwrap();
            assert_eq!(remembered(&memory), None);
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
