//! A drum performance in a MIDI file that was named on the command line.

use crate::arguments::TEMPI_BPM;
use anyhow::Context as _;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, NotesLost, STEPS_PER_BAR};
use fourbar_model::midi;
use fourbar_model::note::Note;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest file that is read: far above any MIDI performance, so that a wrong path cannot fill the memory.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Longest loop that is recognised as one, in bars.
const MAX_LOOP_BARS: f64 = 4096.0;
/// Length of every bar, in quarter notes.
const BEATS_PER_BAR: f64 = 4.0;

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
    /// Where its longest track ends, in beats.
    end_beats: f64,
}

impl Clip {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is not MIDI, has no drums, or is not in 4/4. The text names the file and the remedy.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {name}"))?;
        anyhow::ensure!(
            bytes.len() as u64 <= MAX_FILE_BYTES,
            "{name} is larger than {} MiB, which no drum performance is: give a MIDI file",
            MAX_FILE_BYTES >> 20
        );
        let unusable = || format!("{name} cannot be used (give a MIDI file of drums in 4/4)");
        let song = midi::read(&bytes).with_context(unusable)?;
        let notes = song.drum_notes().with_context(unusable)?;
        let bpm = song
            .tempos
            .first()
            .map(|tempo| tempo.bpm)
            .filter(|bpm| TEMPI_BPM.contains(bpm));
        Ok(Self {
            name,
            notes,
            bpm,
            n_unclosed: song.unclosed_notes,
            truncated_at: song.truncated_at,
            end_beats: song.end_beats,
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
        let (groove, lost) = match self.loop_steps() {
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

    /// Length of the loop in steps, if the file is one.
    fn loop_steps(&self) -> Option<usize> {
        let n_bars = (self.end_beats / BEATS_PER_BAR).round();
        // Files with few ticks to the beat round their notes, but never a bar line.
        let ends_on_bar_line = (self.end_beats - n_bars * BEATS_PER_BAR).abs() < 1e-6;
        let holds_all = self
            .notes
            .iter()
            .all(|note| note.onset_beats < self.end_beats);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and MAX_LOOP_BARS"
        )]
        let n_steps = n_bars as usize * STEPS_PER_BAR;
        (ends_on_bar_line && holds_all && (1.0..=MAX_LOOP_BARS).contains(&n_bars))
            .then_some(n_steps)
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
}
