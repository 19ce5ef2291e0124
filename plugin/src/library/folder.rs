//! The user's presets: files in a folder, which may be copied, renamed and given away.

use super::{Preset, Summary};
use crate::files;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// How the names of the files end.
const EXTENSION: &str = "fourbar";
/// The largest file that is read, in bytes: the longest pattern with every hit it can have is smaller.
const MAX_BYTES: u64 = 8 << 20;
/// The most presets that are listed.
const MAX_FILES: usize = 2_000;
/// The longest name, in letters.
const MAX_NAME: usize = 60;

/// The name of a preset, and what is in it or why it cannot be played.
pub(super) type Listed = (String, Result<Summary, String>);

/// A folder of presets, which need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The user's: `fourbar/presets` among their application data, such as `~/.local/share/fourbar/presets` on Linux.
    ///
    /// # Errors
    /// If the user has no home; the text is for the user.
    pub fn of_user() -> Result<Self, String> {
        directories::ProjectDirs::from("", "", "fourbar")
            .map(|folders| Self(folders.data_dir().join("presets")))
            .ok_or_else(|| {
                "There is no home folder to keep presets in: set HOME and open the window again."
                    .to_owned()
            })
    }

    /// The folder at `path`.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Shows the user's in the system's file manager; says where it is.
    ///
    /// # Errors
    /// If that fails; the text says where the folder is too.
    pub fn show_of_user(stop: &AtomicBool) -> Result<String, String> {
        let folder = Self::of_user()?.0;
        let path = folder.display();
        match files::show(&folder, stop) {
            Ok(()) => Ok(format!("Your presets are in {path}")),
            Err(error) => Err(format!(
                "The presets folder {path} could not be shown: {error}"
            )),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The presets in it.
    ///
    /// # Errors
    /// If the folder cannot be read; the text is for the user.
    pub(super) fn list(&self) -> Result<Vec<Listed>, String> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(format!(
                    "The presets folder {} cannot be read: {error}.",
                    self.0.display()
                ));
            }
        };
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names = files.filter_map(|file| {
            let path = Path::new(&file);
            let is_preset = path.extension() == Some(OsStr::new(EXTENSION));
            Some(path.file_stem()?.to_str()?.to_owned()).filter(|_| is_preset)
        });
        let summary = |preset: Preset| Summary {
            request: preset.kept.ready().request,
            tags: preset.tags,
        };
        let presets = names.take(MAX_FILES).map(|name| {
            let contents = self.read(&name).map(summary);
            (name, contents)
        });
        Ok(presets.collect())
    }

    /// The preset with this name.
    ///
    /// # Errors
    /// If it cannot be read or played; the text is for the user.
    pub fn read(&self, name: &str) -> Result<Preset, String> {
        let path = self.file(name);
        let bytes = files::read(&path, MAX_BYTES).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                format!("The preset {name} is not in {} any more.", self.0.display())
            }
            _ => format!("The preset {} cannot be read: {error}.", path.display()),
        })?;
        Preset::from_text(&bytes).map_err(|problem| {
            format!("The preset {} cannot be played: {problem}.", path.display())
        })
    }

    /// Saves a preset under a name that is free.
    ///
    /// # Errors
    /// If it is not, or the preset cannot be written; the text is for the user.
    pub fn save(&self, name: &str, preset: &Preset) -> Result<(), String> {
        let text = preset.to_text().map_err(io::Error::from);
        match text.and_then(|text| files::create(&self.file(name), text.as_bytes())) {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!(
                "There is a preset {name} already: choose another name, or save again to replace it."
            )),
            Err(error) => Err(self.in_words(&error)),
        }
    }

    /// Puts a preset in the place of another one of yours.
    ///
    /// # Errors
    /// If it cannot be written; the old one is still there then. The text is for the user.
    pub fn replace(&self, name: &str, preset: &Preset) -> Result<(), String> {
        let text = preset.to_text().map_err(io::Error::from);
        text.and_then(|text| files::replace(&self.file(name), text.as_bytes()))
            .map_err(|error| self.in_words(&error))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.{EXTENSION}"))
    }

    fn in_words(&self, error: &io::Error) -> String {
        files::in_words("The preset was not saved", "save again", &self.0, error)
    }
}

/// The name of a preset as it was typed, if files on every system can have it.
///
/// # Errors
/// Why they cannot; the text is for the user.
pub fn check_name(typed: &str) -> Result<&str, String> {
    const FORBIDDEN: &str = r#"/\:*?"<>|"#;
    let name = typed.trim();
    let is_forbidden = |letter: char| FORBIDDEN.contains(letter) || letter.is_control();
    if name.is_empty() {
        return Err("Type a name for the preset first.".to_owned());
    }
    if name.contains(is_forbidden) || name.starts_with('.') || name.ends_with('.') {
        return Err(format!(
            "{name} cannot be the name of a file: leave out {FORBIDDEN} and dots at its ends."
        ));
    }
    if name.chars().count() > MAX_NAME {
        return Err(format!(
            "The name is longer than {MAX_NAME} letters: shorten it."
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::preset::tests::preset;
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path().join("presets"));
        (place, folder)
    }

    #[test]
    fn presets_are_saved_read_replaced_and_never_lost() {
        let (_place, folder) = folder();
        assert_eq!(folder.list(), Ok(Vec::new()), "there is no folder yet");
        folder.save("Late", &preset(7)).unwrap();
        let problem = folder.save("Late", &preset(8)).unwrap_err();
        assert!(problem.contains("already"), "{problem}");
        assert_eq!(folder.read("Late"), Ok(preset(7)));
        folder.replace("Late", &preset(8)).unwrap();
        assert_eq!(folder.read("Late"), Ok(preset(8)));
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    #[test]
    fn files_that_are_no_presets_are_listed_with_the_reason_and_others_are_not() {
        let (_place, folder) = folder();
        folder.save("whole", &preset(7)).unwrap();
        let put = |file: &str, contents: &[u8]| {
            fs::write(folder.path().join(file), contents).unwrap();
        };
        put("damaged.fourbar", b"{");
        put("other.json", b"{}");
        put(".fourbar", b"");
        fs::create_dir(folder.path().join("folder.fourbar")).unwrap();
        let large = fs::File::create(folder.path().join("large.fourbar")).unwrap();
        large.set_len(MAX_BYTES + 1).unwrap();
        let mut listed = folder.list().unwrap();
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["damaged", "folder", "large", "whole"]);
        for (name, contents) in &listed[..3] {
            let problem = contents.as_ref().unwrap_err();
            assert!(problem.contains(name), "{problem}");
        }
        assert_eq!(listed[3].1.as_ref().unwrap().tags, ["dry", "late"]);
    }

    #[test]
    fn a_preset_that_has_gone_and_a_folder_that_is_none_are_said() {
        let (place, folder) = folder();
        let problem = folder.read("gone").unwrap_err();
        assert!(problem.contains("gone is not in"), "{problem}");
        let file = place.path().join("file");
        fs::write(&file, b"").unwrap();
        for none in [file.join("presets"), file] {
            let problem = Folder::at(none).save("name", &preset(7)).unwrap_err();
            assert!(problem.starts_with("The preset was not saved"), "{problem}");
        }
    }

    #[test]
    fn a_name_is_one_that_files_can_have_everywhere() {
        assert_eq!(check_name(" Späte Ghosts (3) "), Ok("Späte Ghosts (3)"));
        for bad in [
            "",
            "  ",
            "AC/DC",
            "..",
            ".hidden",
            "end.",
            "a\nb",
            &"x".repeat(61),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
