//! What a model is to learn: files that were chosen and grooves of the project, as a folder of MIDI files.

use crate::files;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::Groove;
use fourbar_model::midi::{self, DRUM_CHANNEL};
use fourbar_model::pattern::Feel;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest file that is taken, as in `fourbar`.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Loops for a model.
#[derive(Debug, Clone)]
pub struct Loops {
    /// MIDI files.
    pub files: Vec<PathBuf>,
    /// Grooves of the project, by name.
    pub grooves: Vec<(String, Groove)>,
    /// How the files number their drums.
    pub map: &'static DrumMap,
    /// The tempo of the grooves.
    pub tempo_bpm: f64,
}

impl Loops {
    /// Writes all of them as files of `folder`, which is made, until `stop` is set.
    ///
    /// # Errors
    /// If a file cannot be read or written; the text names it.
    pub(super) fn write(&self, folder: &Path, stop: &AtomicBool) -> Result<(), String> {
        let undone = |error| files::in_words("Nothing was trained", "train again", folder, &error);
        fs::create_dir_all(folder).map_err(undone)?;
        let grooves = self.grooves.iter().map(|(name, groove)| {
            let pattern = groove.to_pattern();
            let notes = pattern.to_notes(Feel::AS_GENERATED, &self.map.keys(), DRUM_CHANNEL);
            let bytes = midi::write(&notes, pattern.loop_beats(), self.tempo_bpm);
            Ok::<_, String>((format!("{name}.mid"), bytes))
        });
        let files = self.files.iter().map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| {
                format!(
                    "Nothing was trained: {} cannot be read ({error}). Leave it out, or put it back.",
                    path.display()
                )
            })?;
            Ok((name.into_owned(), bytes))
        });
        for (index, file) in grooves.chain(files).enumerate() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (name, bytes) = file?;
            // Files of different folders may have the same name.
            fs::write(folder.join(format!("{:03} {name}", index + 1)), bytes).map_err(undone)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Cell;

    fn loops(files: Vec<PathBuf>) -> Loops {
        let mut groove = Groove::empty(32);
        let cell = Cell {
            velocity: 0.5,
            offset: 0.25,
        };
        groove.set(5, Voice::Ride, Some(cell));
        Loops {
            files,
            grooves: vec![("Slot 1".to_owned(), groove)],
            map: &DrumMap::TD11,
            tempo_bpm: 97.0,
        }
    }

    #[test]
    fn files_and_grooves_become_a_folder_that_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a/beat.mid", "b/beat.mid"].map(|name| folder.path().join(name));
        for path in &paths {
            files::replace(path, path.display().to_string().as_bytes()).unwrap();
        }
        let written = folder.path().join("mine");
        let loops = loops(paths.to_vec());
        loops.write(&written, &AtomicBool::new(false)).unwrap();
        for (path, name) in paths.iter().zip(["002 beat.mid", "003 beat.mid"]) {
            assert_eq!(
                fs::read(written.join(name)).unwrap(),
                fs::read(path).unwrap()
            );
        }
        let song = midi::read(&fs::read(written.join("001 Slot 1.mid")).unwrap()).unwrap();
        let groove = Groove::from_loop(&song.drum_notes().unwrap(), 32, &DrumMap::TD11).0;
        assert_eq!(groove.n_hits(), 1);
        assert!(groove.cell(5, Voice::Ride).is_some());
    }

    #[test]
    fn a_file_that_has_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone.mid");
        let written = loops(vec![gone]).write(&folder.path().join("mine"), &AtomicBool::new(false));
        assert!(written.unwrap_err().contains("gone.mid cannot be read"));
    }
}
