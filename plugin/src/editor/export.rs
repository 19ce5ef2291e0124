//! Export: the pattern as it sounds now, as a MIDI file or as the kit's sound.
//!
//! Files are written on threads of their own, so a slow disk never holds up the window. A file appears whole or not at
//! all, and no file that is already there is touched.

mod folders;
mod sound;

pub(super) use folders::{Folder, Listing, Place};

use crate::files;
use crate::groove_name::GrooveName;
use crate::params::FileKind;
use crate::request::Metre;
use fourbar_kit::Settings;
use fourbar_model::drums::{Keys, Routing};
use fourbar_model::midi;
use fourbar_model::pattern::{Feel, Pattern};
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::{fs, io};
use tempfile::NamedTempFile;

/// Files of one groove before we give up looking for a free name.
const MAX_COPIES: u32 = 9_999;

/// What to write: everything that decides how the pattern sounds.
#[derive(Debug, Clone)]
pub(super) struct Export {
    /// As long as the file is to be.
    pub(super) pattern: Pattern,
    pub(super) feel: Feel,
    pub(super) keys: Keys,
    pub(super) channel: u8,
    pub(super) routing: Routing,
    pub(super) tempo_bpm: f64,
    pub(super) metre: Metre,
    /// How the kit sounds.
    pub(super) kit: Settings,
    pub(super) kind: FileKind,
    pub(super) name: GrooveName,
}

/// A file that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) path: PathBuf,
    /// Whether it was written for this, and not there before.
    is_new: bool,
}

impl Made {
    /// Takes the file back: nobody was given it.
    pub(super) fn discard(self) {
        if self.is_new {
            // One that cannot be removed is in nobody's way.
            let _ = fs::remove_file(self.path);
        }
    }
}

impl Export {
    /// Writes a new file into the user's export folder.
    pub(super) fn make(&self, stop: &AtomicBool) -> Result<Made, String> {
        self.write_new(&Folder::prepared()?, stop)
    }

    /// The same, unless the very same file is there: for other programs, which a file is handed to again and again.
    pub(super) fn make_for_others(&self, stop: &AtomicBool) -> Result<Made, String> {
        self.write_or_find(&Folder::prepared()?, stop)
    }

    /// Writes the file into `folder` under the first free name.
    fn write_new(&self, folder: &Path, stop: &AtomicBool) -> Result<Made, String> {
        self.write(folder, stop)
            .and_then(|file| self.keep(file, folder, |_, _| false))
            .map_err(|error| in_words(folder, &error))
    }

    /// The same, but for a file of this groove that holds the very same already.
    fn write_or_find(&self, folder: &Path, stop: &AtomicBool) -> Result<Made, String> {
        self.write(folder, stop)
            .and_then(|file| self.keep(file, folder, holds_the_same))
            .map_err(|error| in_words(folder, &error))
    }

    fn write(&self, folder: &Path, stop: &AtomicBool) -> io::Result<NamedTempFile> {
        let mut file = files::temporary(folder)?;
        let mut writer = BufWriter::new(file.as_file_mut());
        match self.kind {
            FileKind::Midi => writer.write_all(&self.midi())?,
            FileKind::Wav => self.write_sound(&mut writer, stop)?,
        }
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn midi(&self) -> Vec<u8> {
        let notes =
            self.pattern
                .to_routed_notes(self.feel, &self.keys, self.channel, &self.routing);
        let [numerator, denominator] = self.metre.to_bytes();
        let setup = midi::Setup {
            bpm: self.tempo_bpm,
            signature: midi::TimeSignature {
                beats: 0.0,
                numerator,
                denominator: denominator.into(),
            },
            ticks_per_beat: midi::TICKS_PER_BEAT,
            programs: &[],
        };
        midi::write_with(&notes, self.pattern.loop_beats(), &setup)
    }

    /// Gives `file` the first name that is free, or whose file is the one that is wanted.
    fn keep(
        &self,
        mut file: NamedTempFile,
        folder: &Path,
        is_wanted: fn(&Path, &NamedTempFile) -> bool,
    ) -> io::Result<Made> {
        for copy in 1..=MAX_COPIES {
            let path = folder.join(self.file_name(copy));
            if is_wanted(&path, &file) {
                return Ok(Made {
                    path,
                    is_new: false,
                });
            }
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(Made { path, is_new: true }),
                Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => file = taken.file,
                Err(failed) => return Err(failed.error),
            }
        }
        Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "every name for this groove is taken",
        ))
    }

    fn file_name(&self, copy: u32) -> String {
        let (name, extension) = (self.name, self.kind.extension());
        match copy {
            1 => format!("Fourbar {name}.{extension}"),
            copy => format!("Fourbar {name} ({copy}).{extension}"),
        }
    }
}

/// Whether there is a file at `path` and it holds what `file` does.
fn holds_the_same(path: &Path, file: &NamedTempFile) -> bool {
    let same_bytes = || -> io::Result<bool> {
        let (theirs, ours) = (fs::File::open(path)?, fs::File::open(file.path())?);
        if theirs.metadata()?.len() != ours.metadata()?.len() {
            return Ok(false);
        }
        let mut theirs = BufReader::new(theirs).bytes();
        for byte in BufReader::new(ours).bytes() {
            if theirs.next().transpose()? != Some(byte?) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same_bytes().unwrap_or(false)
}

fn in_words(folder: &Path, error: &io::Error) -> String {
    files::in_words("Nothing was exported", "export again", folder, error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use fourbar_model::drums::{DrumMap, Voice};
    use fourbar_model::pattern::Hit;

    pub(super) fn export() -> Export {
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
        let mut routing = Routing::PLAIN;
        routing.channels[Voice::Snare.index()] = 2;
        Export {
            pattern: Pattern::new(hits, 16.0),
            feel: Feel {
                timing: 0.5,
                ..Feel::AS_GENERATED
            },
            keys: DrumMap::GM.keys(),
            channel: 9,
            routing,
            tempo_bpm: 97.0,
            metre: Metre::new(7, 8),
            kit: Settings::default(),
            kind: FileKind::Midi,
            name: GrooveName {
                seed: 42,
                variation: 3,
            },
        }
    }

    fn write_new(export: &Export, folder: &Path) -> PathBuf {
        let made = export.write_new(folder, &AtomicBool::new(false)).unwrap();
        assert!(made.is_new);
        made.path
    }

    #[test]
    fn the_file_holds_the_notes_as_they_sound_and_the_tempo() {
        let folder = tempfile::tempdir().unwrap();
        let export = export();
        let path = write_new(&export, folder.path());
        let song = midi::read(&fs::read(&path).unwrap()).unwrap();
        let expected = export.pattern.to_routed_notes(
            export.feel,
            &export.keys,
            export.channel,
            &export.routing,
        );
        assert_eq!(song.notes.len(), expected.len());
        for (read, sounding) in song.notes.iter().zip(&expected) {
            assert!((read.onset_beats - sounding.onset_beats).abs() < 1.0 / 480.0);
            assert_eq!(
                (read.pitch, read.channel),
                (sounding.pitch, sounding.channel)
            );
        }
        assert_eq!(song.notes[1].channel, 1, "the snare's own");
        assert!((song.tempos[0].bpm - 97.0).abs() < 0.01);
        let metre = song.time_signatures[0];
        assert_eq!((metre.numerator, metre.denominator), (7, 8));
        assert_eq!(song.end_beats, 16.0, "the track ends with the loop");
    }

    #[test]
    fn what_is_handed_over_again_is_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let hand_over = |export: &Export| {
            let stop = AtomicBool::new(false);
            export.write_or_find(folder.path(), &stop).unwrap()
        };
        let first = hand_over(&export());
        let again = hand_over(&export());
        assert_eq!((&first.path, true), (&again.path, first.is_new));
        let slower = hand_over(&Export {
            tempo_bpm: 80.0,
            ..export()
        });
        assert_ne!(slower.path, first.path);
        // What was there before is not taken back.
        again.discard();
        assert!(first.path.exists());
        first.discard();
        slower.discard();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_file_is_named_after_seed_and_variation() {
        let folder = tempfile::tempdir().unwrap();
        let name = |export: Export| {
            let path = write_new(&export, folder.path());
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
        let first = write_new(&export(), folder.path());
        fs::write(&first, b"mine").unwrap();
        let second = write_new(&export(), folder.path());
        assert_ne!(first, second);
        assert_eq!(fs::read(&first).unwrap(), b"mine");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }
}
