//! A performance in a MIDI file that was named on the command line.

use crate::arguments::TEMPI_BPM;
use anyhow::Context as _;
use fourbar_model::converter::{Converter, Material};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, NotesLost, STEPS_PER_BAR, beats};
use fourbar_model::midi::{self, Song};
use fourbar_model::note::Note;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest file that is read: far above any MIDI performance, so that a wrong path cannot fill the memory.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Longest loop that is recognised as one, in bars.
const MAX_LOOP_BARS: f64 = 4096.0;

/// A MIDI file, whatever it holds.
#[derive(Debug, Clone)]
pub struct SongFile {
    /// The file's name as it was given.
    pub name: String,
    /// What it holds.
    pub song: Song,
}

impl SongFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not MIDI. The text names the file and the remedy.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {name}"))?;
        anyhow::ensure!(
            bytes.len() as u64 <= MAX_FILE_BYTES,
            "{name} is larger than {} MiB, which no performance is: give a MIDI file",
            MAX_FILE_BYTES >> 20
        );
        let song = midi::read(&bytes)
            .with_context(|| format!("{name} cannot be used (give a MIDI file)"))?;
        Ok(Self { name, song })
    }

    /// Tempo at the beginning in quarter notes a minute, if the file gives one that can be written again.
    #[must_use]
    pub fn bpm(&self) -> Option<f64> {
        let first = self.song.tempos.first()?;
        Some(first.bpm).filter(|bpm| TEMPI_BPM.contains(bpm))
    }

    /// The whole song as `converter` sees it, filled up with silence so that windows of `n_steps` steps side by side
    /// hold all of it. A file that ends on a bar line is a [loop](Song::as_loop).
    ///
    /// # Errors
    /// If the converter finds nothing in it. The text names the file and says why.
    pub fn material(
        &self,
        converter: &Converter,
        map: &DrumMap,
        n_steps: usize,
    ) -> anyhow::Result<Material> {
        let looped = self
            .loop_steps()
            .map(|_| self.song.as_loop(self.song.end_beats));
        let song = looped.as_ref().unwrap_or(&self.song);
        let find = |n_steps| {
            converter
                .whole(song, map, n_steps)
                .with_context(|| format!("{} cannot be used", self.name))
        };
        let material = find(n_steps.max(self.loop_steps().unwrap_or(0)))?;
        let n_used = material.longest_steps();
        match n_used.next_multiple_of(n_steps.max(1)) {
            n_filled if n_filled > n_used => find(n_filled),
            _ => Ok(material),
        }
    }

    /// Length of the loop in steps, if the file is one. Bars are those of its metre, or of 4/4 if that changes.
    fn loop_steps(&self) -> Option<usize> {
        let end_beats = self.song.end_beats;
        let steps_per_bar = self.song.steps_per_bar().unwrap_or(STEPS_PER_BAR);
        let beats_per_bar = beats(steps_per_bar);
        let n_bars = (end_beats / beats_per_bar).round();
        // Files with few ticks to the beat round their notes, but never a bar line.
        let ends_on_bar_line = (end_beats - n_bars * beats_per_bar).abs() < 1e-6;
        let notes = &self.song.notes;
        let holds_all = notes.iter().all(|note| note.onset_beats < end_beats);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and MAX_LOOP_BARS"
        )]
        let n_steps = n_bars as usize * steps_per_bar;
        (ends_on_bar_line && holds_all && (1.0..=MAX_LOOP_BARS).contains(&n_bars))
            .then_some(n_steps)
    }
}

/// The drum notes of a MIDI file in 4/4.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The file's name as it was given.
    pub name: String,
    /// Its drum notes, sorted by onset.
    pub notes: Vec<Note>,
    /// Tempo at the beginning in quarter notes a minute, if the file gives one that can be written again.
    pub bpm: Option<f64>,
    /// Notes on any channel that begin but never end, and are left out.
    pub n_unclosed: usize,
    /// The byte at which the file stops in the middle of a track; what came before is used.
    pub truncated_at: Option<usize>,
    /// Length in steps, if the file is a loop.
    loop_steps: Option<usize>,
}

impl Clip {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is not MIDI, has no drums, or is not in 4/4. The text names the file and the remedy.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = SongFile::open(path)?;
        let notes = file.song.drum_notes().with_context(|| {
            format!(
                "{} cannot be used (give a MIDI file of drums in 4/4)",
                file.name
            )
        })?;
        Ok(Self {
            notes,
            bpm: file.bpm(),
            n_unclosed: file.song.unclosed_notes,
            truncated_at: file.song.truncated_at,
            loop_steps: file.loop_steps(),
            name: file.name,
        })
    }

    /// The performance as a groove of whole bars, and the notes it cannot hold.
    ///
    /// A file that ends on a bar line, as workstations and this project write them, is a loop: a hit just before its
    /// end announces the first beat and belongs there. In any other file such a hit begins one more bar.
    ///
    /// # Errors
    /// If no note is a drum of `map`.
    pub fn groove(&self, map: &DrumMap) -> anyhow::Result<(Groove, NotesLost)> {
        let (groove, lost) = match self.loop_steps {
            Some(n_steps) => Groove::from_loop(&self.notes, n_steps, map),
            None => Groove::from_notes(&self.notes, map),
        };
        anyhow::ensure!(
            groove.n_hits() > 0,
            "{}: none of its {} notes is a drum of the {} map; try the other drum map",
            self.name,
            self.notes.len(),
            map.name
        );
        Ok((groove, lost))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn note(onset_beats: f64, pitch: u8) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.01,
            pitch,
            velocity: 0.5,
            channel: 9,
        }
    }

    fn saved(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mid");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn a_loop_keeps_its_length_and_its_announced_first_beat() {
        let (_folder, path) = saved(&midi::write(&[note(1.0, 38), note(15.97, 36)], 16.0, 93.0));
        let clip = Clip::open(&path).unwrap();
        let (groove, _) = clip.groove(&DrumMap::GM).unwrap();
        assert_eq!(groove.n_steps(), 64);
        assert!(groove.cell(0, fourbar_model::drums::Voice::Kick).is_some());
        assert!((clip.bpm.unwrap() - 93.0).abs() < 1e-3);
    }

    #[test]
    fn a_performance_that_ends_anywhere_has_the_bars_it_needs() {
        let (_folder, path) = saved(&midi::write(&[note(1.0, 38), note(15.97, 36)], 16.3, 93.0));
        let (groove, _) = Clip::open(&path).unwrap().groove(&DrumMap::GM).unwrap();
        assert_eq!(groove.n_steps(), 80);
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let problem = |bytes: &[u8]| {
            let (_folder, path) = saved(bytes);
            let problem = format!(
                "{:#}",
                Clip::open(&path)
                    .and_then(|clip| clip.groove(&DrumMap::GM))
                    .unwrap_err()
            );
            assert!(problem.contains("clip.mid"), "{problem}");
            problem
        };
        assert!(problem(b"hello").contains("MIDI"));
        assert!(problem(&midi::write(&[], 16.0, 120.0)).contains("no notes"));
        assert!(
            problem(&midi::write(&[note(0.0, 100)], 16.0, 120.0)).contains("none of its 1 notes")
        );
        let mut waltz = midi::write(&[note(0.0, 36)], 12.0, 120.0);
        let signature = waltz
            .windows(3)
            .position(|bytes| bytes == [0xff, 0x58, 4])
            .unwrap();
        waltz[signature + 3] = 3;
        assert!(problem(&waltz).contains("12 sixteenth"));
    }

    #[test]
    fn the_windows_of_a_whole_song_lie_side_by_side_and_keep_its_rests_and_repeats() {
        use fourbar_model::converter::{DrumsConverter, GrooveConverter};

        // Bars 1, 2 and 7 of an eight-bar loop are the same; a kick before its end announces the first beat.
        let notes = [
            note(0.0, 38),
            note(4.0, 38),
            note(24.0, 38),
            note(31.97, 36),
        ];
        let (_folder, path) = saved(&midi::write(&notes, 32.0, 93.0));
        let file = SongFile::open(&path).unwrap();
        let groove = Converter::Groove(GrooveConverter::default());
        let drums = Converter::Drums(DrumsConverter::default());
        for converter in [groove, drums] {
            let material = file.material(&converter, &DrumMap::GM, 48).unwrap();
            assert_eq!(material.n_bars(), 9, "three windows of three bars");
            let windows = converter.windows(&material, 48, 3);
            let starts: Vec<_> = windows.iter().map(|place| place.first_step).collect();
            assert_eq!(starts, [0, 48, 96]);
            let first = converter.example(&material, &windows[0], 48, None).output;
            let groove = converter.groove(&first).unwrap();
            assert!(groove.cell(0, fourbar_model::drums::Voice::Kick).is_some());
            let middle = converter.example(&material, &windows[1], 48, None).output;
            assert_eq!(converter.groove(&middle).unwrap().n_hits(), 0);
        }
    }

    #[test]
    fn a_file_without_what_a_model_wants_is_named_with_the_reason() {
        use fourbar_model::converter::MelodyConverter;

        let (_folder, path) = saved(&midi::write(&[note(0.0, 36)], 16.0, 93.0));
        let melody = Converter::Melody(MelodyConverter::default());
        let file = SongFile::open(&path).unwrap();
        let problem = file.material(&melody, &DrumMap::GM, 64).unwrap_err();
        let problem = format!("{problem:#}");
        assert!(
            problem.contains("clip.mid") && problem.contains("no melody"),
            "{problem}"
        );
    }
}
