//! Which presets have a heart: a small file among the user's presets.

use super::{Folder, Key};
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The presets that have a heart.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hearts(BTreeSet<Key>);

impl Hearts {
    /// Those that are remembered in `folder`.
    ///
    /// # Errors
    /// If their file cannot be read: it is not written over then. The text is for the user.
    pub(super) fn load(folder: &Folder) -> Result<Self, String> {
        let file = file(folder);
        let in_words = |error: String| {
            format!(
                "The hearts in {} cannot be read ({error}): mend the file or delete it.",
                file.display()
            )
        };
        match files::read(&file, MAX_BYTES) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| in_words(error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(in_words(error.to_string())),
        }
    }

    pub(super) fn save(&self, folder: &Folder) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        files::replace(&file(folder), &text).map_err(|error| {
            let undone = "The heart was not saved";
            files::in_words(undone, "click it again", folder.path(), &error)
        })
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.0.contains(key)
    }

    pub(super) fn set(&mut self, key: &Key, is_loved: bool) {
        if is_loved {
            self.0.insert(key.clone());
        } else {
            self.0.remove(key);
        }
    }
}

fn file(folder: &Folder) -> PathBuf {
    folder.path().join("hearts.json")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_is_damaged_is_said_and_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path().to_owned());
        fs::write(file(&folder), "[{").unwrap();
        let problem = super::super::love(&folder, &Key::of_user("mine"), true).unwrap_err();
        assert!(problem.contains("hearts.json"), "{problem}");
        assert_eq!(fs::read(file(&folder)).unwrap(), b"[{");
    }
}
