//! Export MIDI: the pattern as it sounds now, as a file in the user's music folder.
//!
//! The file is written on a thread of its own, so a slow disk never holds up the window. It appears whole or not at
//! all, and no file that is already there is touched.

use super::background::Background;
use crate::groove_name::GrooveName;
use fourbar_model::drums::Keys;
use fourbar_model::midi;
use fourbar_model::pattern::{Feel, Pattern};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Files of one groove before we give up looking for a free name.
const MAX_COPIES: u32 = 9_999;

/// What to write: everything that decides how the pattern sounds.
#[derive(Debug, Clone)]
pub(super) struct Export {
    pub(super) pattern: Pattern,
    pub(super) feel: Feel,
    pub(super) keys: Keys,
    pub(super) channel: u8,
    pub(super) tempo_bpm: f64,
    pub(super) name: GrooveName,
}

impl Export {
    /// Starts writing to the user's music folder; the outcome is the file's path.
    pub(super) fn start(self) -> Background<PathBuf> {
        Background::start("fourbar export", move || self.write_to(&folder()?))
    }

    /// Writes the file into `folder`, which is made if it is not there, and returns its path.
    fn write_to(&self, folder: &Path) -> Result<PathBuf, String> {
        let notes = self.pattern.to_notes(self.feel, &self.keys, self.channel);
        let bytes = midi::write(&notes, self.pattern.loop_beats(), self.tempo_bpm);
        fs::create_dir_all(folder)
            .and_then(|()| self.save(folder, &bytes))
            .map_err(|error| in_words(folder, &error))
    }

    /// Saves `bytes` under the first free name.
    fn save(&self, folder: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut file = temporary(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        for copy in 1..=MAX_COPIES {
            let path = folder.join(file_name(self.name, copy));
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => file = taken.file,
                Err(failed) => return Err(failed.error),
            }
        }
        Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "every name for this groove is taken",
        ))
    }
}

/// A temporary file that becomes an ordinary one: the user's umask decides who may read it.
fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fourbar-");
    #[cfg(unix)]
    builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn file_name(name: GrooveName, copy: u32) -> String {
    match copy {
        1 => format!("Fourbar {name}.mid"),
        copy => format!("Fourbar {name} ({copy}).mid"),
    }
}

/// `Fourbar` in the user's music folder, else in their documents, else at home.
pub(super) fn folder() -> Result<PathBuf, String> {
    let user = directories::UserDirs::new()
        .ok_or("There is no home folder to export to: set HOME, then export again.".to_owned())?;
    let parent = user
        .audio_dir()
        .or(user.document_dir())
        .unwrap_or(user.home_dir());
    Ok(parent.join("Fourbar"))
}

fn in_words(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!(
                "Nothing was exported: the disk of {folder} is full. Free some space and export again."
            )
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!(
                "Nothing was exported: {folder} may not be written to. Change its permissions and export again."
            )
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!(
                "Nothing was exported: {folder} is not a folder with room for another file ({error})."
            )
        }
        _ => format!("Nothing was exported to {folder}: {error}."),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use fourbar_model::drums::{DrumMap, Voice};
    use fourbar_model::pattern::Hit;

    fn export() -> Export {
        let hit = |grid_beats, offset_beats, voice| Hit {
            grid_beats,
            offset_beats,
            voice,
            velocity: 0.7,
        };
        let hits = vec![
            hit(0.0, -0.05, Voice::Kick),
            hit(1.0, 0.04, Voice::Snare),
            hit(15.75, 0.1, Voice::Ride),
        ];
        Export {
            pattern: Pattern::new(hits, 16.0),
            feel: Feel {
                timing: 0.5,
                ..Feel::AS_GENERATED
            },
            keys: DrumMap::GM.keys(),
            channel: 9,
            tempo_bpm: 97.0,
            name: GrooveName {
                seed: 42,
                variation: 3,
            },
        }
    }

    #[test]
    fn the_file_holds_the_notes_as_they_sound_and_the_tempo() {
        let folder = tempfile::tempdir().unwrap();
        let export = export();
        let path = export.write_to(&folder.path().join("new")).unwrap();
        let song = midi::read(&fs::read(&path).unwrap()).unwrap();
        let expected = export
            .pattern
            .to_notes(export.feel, &export.keys, export.channel);
        assert_eq!(song.notes.len(), expected.len());
        for (read, sounding) in song.notes.iter().zip(&expected) {
            assert!((read.onset_beats - sounding.onset_beats).abs() < 1.0 / 480.0);
            assert_eq!(
                (read.pitch, read.channel),
                (sounding.pitch, sounding.channel)
            );
        }
        assert!((song.tempos[0].bpm - 97.0).abs() < 0.01);
    }

    #[test]
    fn the_file_is_named_after_seed_and_variation() {
        let folder = tempfile::tempdir().unwrap();
        let name = |export: Export| {
            let path = export.write_to(folder.path()).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name(export()), "Fourbar 000042-3.mid");
        assert_eq!(name(export()), "Fourbar 000042-3 (2).mid");
        let automated = Export {
            name: GrooveName {
                seed: 9,
                variation: crate::groove_name::variation_at(8.5),
            },
            ..export()
        };
        assert_eq!(name(automated), "Fourbar 000009@8.5.mid");
    }

    #[test]
    fn a_second_export_never_touches_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = export().write_to(folder.path()).unwrap();
        fs::write(&first, b"mine").unwrap();
        let second = export().write_to(folder.path()).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read(&first).unwrap(), b"mine");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("Fourbar");
        fs::write(&in_the_way, b"").unwrap();
        let message = export().write_to(&in_the_way).unwrap_err();
        assert!(
            message.contains("Fourbar") && message.starts_with("Nothing was exported"),
            "{message}"
        );
    }

    #[test]
    fn a_full_disk_is_said_in_plain_words() {
        let full = io::Error::from(ErrorKind::StorageFull);
        assert!(in_words(Path::new("/music"), &full).contains("is full"));
    }
}
