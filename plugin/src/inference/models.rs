//! The user's own models: checkpoints in a folder, which a project names.
//!
//! A model is put into the folder as a file, by hand, by `fourbar train` or by `fourbar import`. Nothing here is called
//! on the audio thread.

use crate::files;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::{env, fs};

/// An environment variable with the path of another models folder.
pub const FOLDER_VARIABLE: &str = "FOURBAR_MODELS";

/// How the names of the files end.
const EXTENSION: &str = "safetensors";
/// The largest file that is read, many times what any model of drums needs: what is no model must not fill the memory.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// The most files that are listed.
const MAX_FILES: usize = 500;

/// Which model is to play, as a project names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// One inside the plugin file.
    BuiltIn(BuiltIn),
    /// One in the models folder.
    User(UserModel),
}

/// A model inside the plugin file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BuiltIn {
    /// The one that a new instance plays.
    #[default]
    #[serde(rename = "fourbar")]
    Fourbar,
    /// Magenta's GrooVAE, which was the only one before there was another.
    #[serde(rename = "groovae_4bar")]
    Groovae4Bar,
}

impl BuiltIn {
    /// Every model inside the plugin file, in the order of the menu.
    pub const ALL: [Self; 2] = [Self::Fourbar, Self::Groovae4Bar];

    /// Its name, which is also that of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fourbar => "fourbar",
            Self::Groovae4Bar => "groovae_4bar",
        }
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self::BuiltIn(BuiltIn::default())
    }
}

impl Choice {
    /// The model that is in `file` of the models folder now.
    #[must_use]
    pub fn in_file(file: &str) -> Self {
        Self::User(UserModel {
            file: file.to_owned(),
            checkpoint_id: None,
        })
    }

    /// The model's name for the user: that of its file, without the ending.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::BuiltIn(model) => model.name(),
            Self::User(model) => name(&model.file),
        }
    }
}

/// A checkpoint in the models folder, as a project names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserModel {
    /// Name of the file.
    pub file: String,
    /// Identity of the weights that were in it; `None` while they have not been read.
    pub checkpoint_id: Option<String>,
}

/// The file that the model `name` is in.
#[must_use]
pub fn file_name(name: &str) -> String {
    format!("{name}.{EXTENSION}")
}

/// The name of the model in `file`.
#[must_use]
pub fn name(file: &str) -> &str {
    file.strip_suffix(EXTENSION)
        .and_then(|stem| stem.strip_suffix('.'))
        .unwrap_or(file)
}

/// The user's models folder, which need not be there: [`FOLDER_VARIABLE`] if it is set, else `fourbar/models` among the
/// user's application data, such as `~/.local/share/fourbar/models` on Linux.
///
/// # Errors
/// If the user has no home.
pub fn folder() -> Result<PathBuf, String> {
    if let Some(folder) = env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    folder_of_user().ok_or_else(|| {
        format!("There is no home folder to look for models in: set HOME or {FOLDER_VARIABLE}")
    })
}

fn folder_of_user() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "fourbar")?;
    Some(folders.data_dir().join("models"))
}

/// The names of the files in `folder` that look like models, sorted; none if there is no folder.
///
/// # Errors
/// If the folder cannot be read; the text is for the user.
pub fn list(folder: &Path) -> Result<Vec<String>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(format!(
                "The models folder {} cannot be read: {error}",
                folder.display()
            ));
        }
    };
    let mut files: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| Path::new(file).extension() == Some(OsStr::new(EXTENSION)))
        .take(MAX_FILES)
        .collect();
    files.sort_by_cached_key(|file| (file.to_lowercase(), file.clone()));
    Ok(files)
}

/// The bytes of `file` in `folder`, and its path.
///
/// # Errors
/// If it is not there or cannot be read; the text names the file and a remedy.
pub fn read(folder: &Path, file: &str) -> Result<(Vec<u8>, PathBuf), String> {
    // A project must not make the plugin read files elsewhere.
    if Path::new(file).file_name() != Some(OsStr::new(file)) {
        return Err(format!(
            "{file:?} is not the name of a file in the models folder: choose another model"
        ));
    }
    let path = folder.join(file);
    match files::read(&path, MAX_FILE_BYTES) {
        Ok(bytes) => Ok((bytes, path)),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(format!(
            "{} is larger than a model can be: choose another one",
            path.display()
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!(
            "The model {file} is not in the models folder {}: put it there and open the project again, or choose \
             another model",
            folder.display()
        )),
        Err(error) => Err(format!(
            "The model {} cannot be read ({error}): put it there again, or choose another one",
            path.display()
        )),
    }
}

/// Shows the models folder in the system's file manager; says where it is.
///
/// # Errors
/// If that fails; the text says where the folder is too.
pub fn show_folder(stop: &AtomicBool) -> Result<String, String> {
    let folder = folder()?;
    let path = folder.display();
    match files::show(&folder, stop) {
        Ok(()) => Ok(format!("Your models are in {path}")),
        Err(error) => Err(format!(
            "The models folder {path} could not be shown: {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    #[test]
    fn the_readme_names_the_folder_of_this_system() {
        if env::var_os("XDG_DATA_HOME").is_some() {
            return;
        }
        let user = directories::BaseDirs::new().unwrap();
        let (root, name) = if cfg!(windows) {
            (user.config_dir(), "%APPDATA%")
        } else {
            (user.home_dir(), "~")
        };
        let folder = folder_of_user().unwrap();
        let named = Path::new(name).join(folder.strip_prefix(root).unwrap());
        let named = format!("`{}`", named.display());
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&named), "{named} is not in the README");
    }

    #[test]
    fn models_are_listed_by_name_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "b.safetensors",
            "A.safetensors",
            "a.md",
            "safetensors",
            "c.safetensors.part",
        ] {
            fs::write(folder.path().join(file), b"").unwrap();
        }
        assert_eq!(
            list(folder.path()),
            Ok(vec!["A.safetensors".to_owned(), "b.safetensors".to_owned()])
        );
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_models() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(&folder.path().join("models")), Ok(Vec::new()));
    }

    #[test]
    fn a_missing_model_is_named_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let problem = read(folder.path(), "mine.safetensors").unwrap_err();
        assert!(problem.contains("mine.safetensors"), "{problem}");
        assert!(
            problem.contains(&folder.path().display().to_string()),
            "{problem}"
        );
    }

    #[test]
    fn only_files_of_the_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        fs::create_dir(&models).unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        let absolute = folder.path().join("secret").display().to_string();
        for file in ["../secret", "..", "", absolute.as_str()] {
            let problem = read(&models, file).unwrap_err();
            assert!(problem.contains("not the name of a file"), "{problem}");
        }
    }

    #[test]
    fn a_models_name_is_that_of_its_file() {
        assert_eq!(name("my_drums.v2.safetensors"), "my_drums.v2");
        assert_eq!(name("other"), "other");
    }
}
