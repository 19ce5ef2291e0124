//! How MIDI files are read: the same for every command.
//!
//! A set that brings a table of its own, such as the Groove MIDI Dataset, is read as its publishers read it, so that its
//! figures are those that others report. A user's own files are read as they are meant: a drum has no length, and a loop
//! is a loop.

pub mod maps;

use crate::arguments::{self, TEMPI_BPM};
use anyhow::Context as _;
use fourbar_model::converter::{Converter, Extracted};
use fourbar_model::drums::DrumMap;
use fourbar_model::midi::{self, DrumPart, Song};
use maps::NamedMap;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file that is read: far above any MIDI performance, so that a wrong path cannot fill the memory.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// How MIDI files are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// How they number their drums; if nothing is said, as the Groove MIDI Dataset if it is that, else as General MIDI.
    pub map: Option<&'static DrumMap>,
    /// Where their drums are.
    pub part: DrumPart,
    /// Length in steps that short loops are repeated up to, if they are.
    pub repeat_to: Option<usize>,
    /// What a model is validated on.
    pub validation: Holdout,
}

/// What a model is validated on while it learns.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Holdout {
    /// The files that the table, or else their content, sets aside
    #[default]
    Split,
    /// Nothing: every file trains, for the smallest sets
    None,
}

impl From<&'static DrumMap> for Reading {
    /// With this map, and nothing else said.
    fn from(map: &'static DrumMap) -> Self {
        Self {
            map: Some(map),
            ..Self::default()
        }
    }
}

/// The arguments that say how the files of a data set are read.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct Args {
    /// How the files number their drums: a name of `fourbar maps`, or a file of your own ending in .toml [default: td11
    /// for the Groove MIDI Dataset, else gm]
    #[arg(long, value_name = "MAP", value_parser = maps::parse_named)]
    pub drum_map: Option<NamedMap>,
    /// Where the drums are.
    #[command(flatten)]
    pub part: PartArgs,
    /// Repeat loops of one and two bars up to the model's window
    #[arg(long)]
    pub repeat_short: bool,
}

/// The arguments that say where drums are.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(skip)]
pub struct PartArgs {
    /// The MIDI channel of the drums, 1 to 16 [default: found by what each file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), conflicts_with = "track")]
    pub channel: Option<u8>,
    /// The track of the drums, counted from 1
    #[arg(long, value_name = "N", value_parser = arguments::count)]
    pub track: Option<usize>,
}

impl Args {
    /// What the arguments say, for a model with windows of `n_steps`.
    #[must_use]
    pub fn reading(&self, n_steps: usize) -> Reading {
        Reading {
            map: self.drum_map.as_ref().map(|named| named.map),
            part: self.part.part(),
            repeat_to: self.repeat_short.then_some(n_steps),
            validation: Holdout::Split,
        }
    }

    /// The arguments as they are written, with file names but no folders.
    #[must_use]
    pub fn to_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(map) = &self.drum_map {
            let name = Path::new(&map.word).file_name().unwrap_or_default();
            words.push(format!("--drum-map {}", name.to_string_lossy()));
        }
        words.extend(
            self.part
                .channel
                .map(|channel| format!("--channel {channel}")),
        );
        words.extend(self.part.track.map(|track| format!("--track {track}")));
        words.extend(self.repeat_short.then(|| "--repeat-short".to_owned()));
        words
    }
}

impl PartArgs {
    /// Where the drums are.
    #[must_use]
    pub fn part(self) -> DrumPart {
        match (self.channel, self.track) {
            (Some(channel), _) => DrumPart::Channel(channel.saturating_sub(1)),
            (None, Some(track)) => DrumPart::Track(track.saturating_sub(1)),
            (None, None) => DrumPart::Found,
        }
    }
}

impl Reading {
    /// The song of a file's bytes; `is_listed` if a table of its own describes it.
    ///
    /// # Errors
    /// If it is no MIDI file.
    pub fn song(&self, bytes: &[u8], is_listed: bool) -> Result<Song, fourbar_model::Error> {
        let song = Song {
            drum_part: self.part,
            ..midi::read(bytes)?
        };
        Ok(if is_listed {
            song.sounding()
        } else {
            song.looped()
        })
    }
}

/// The bytes of a MIDI file.
///
/// # Errors
/// If it cannot be read, or is larger than any performance.
pub fn read_midi(source: impl Read) -> io::Result<Vec<u8>> {
    let bytes = read_at_most(source, MAX_FILE_BYTES + 1)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "larger than {} MiB, which no MIDI performance is",
            MAX_FILE_BYTES >> 20
        )));
    }
    Ok(bytes)
}

/// The first bytes of a file, at most so many, whatever size it announces.
///
/// # Errors
/// If it cannot be read.
pub fn read_at_most(source: impl Read, n_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A MIDI file that was named on the command line.
#[derive(Debug, Clone)]
pub struct Performance {
    /// The file's name as it was given.
    pub name: String,
    /// What it holds.
    pub song: Song,
}

impl Performance {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not MIDI. The text names the file and the remedy.
    pub fn open(path: &Path, part: DrumPart) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let bytes = File::open(path)
            .and_then(read_midi)
            .with_context(|| format!("cannot read {name}"))?;
        let song = midi::read(&bytes)
            .with_context(|| format!("{name} cannot be used (give a MIDI file)"))?;
        let song = Song {
            drum_part: part,
            ..song
        };
        Ok(Self { name, song })
    }

    /// Tempo at the beginning in quarter notes a minute, if the file gives one that can be written again.
    #[must_use]
    pub fn bpm(&self) -> Option<f64> {
        let first = self.song.tempos.first()?;
        Some(first.bpm).filter(|bpm| TEMPI_BPM.contains(bpm))
    }

    /// The whole song as `converter` sees it, filled up with silence so that windows of `n_steps` steps side by side
    /// hold all of it.
    ///
    /// # Errors
    /// If the converter finds nothing in it. The text names the file and says why.
    pub fn extract(
        &self,
        converter: &Converter,
        map: &DrumMap,
        n_steps: usize,
    ) -> anyhow::Result<Extracted> {
        let song = self.song.clone().looped();
        let find = |n_steps| {
            converter
                .whole(&song, map, n_steps)
                .with_context(|| format!("{} cannot be used", self.name))
        };
        let extracted = find(n_steps)?;
        let n_used = extracted.longest_steps();
        match n_used.next_multiple_of(n_steps.max(1)) {
            n_filled if n_filled > n_used => find(n_filled),
            _ => Ok(extracted),
        }
    }
}

/// What a user should know of how a file was read, each in a sentence without its name.
#[must_use]
pub fn remarks(song: &Song, extracted: &Extracted, map: &DrumMap) -> Vec<String> {
    let lost = &extracted.lost;
    let keys = |keys: &BTreeMap<u8, usize>| {
        let words: Vec<String> = keys.iter().map(|(key, n)| format!("{key} × {n}")).collect();
        words.join(", ")
    };
    let mut remarks: Vec<String> = song.repairs.iter().map(ToString::to_string).collect();
    remarks.extend(
        song.truncated_at
            .map(|byte| format!("the file breaks off at byte {byte}; what comes before is read")),
    );
    remarks.extend(
        extracted
            .found
            .as_ref()
            .map(|found| format!("the drums are on {found}")),
    );
    remarks.extend(
        extracted
            .aside
            .as_ref()
            .map(|aside| format!("left aside, because it is no drum: {aside}")),
    );
    if extracted.n_by_pedal > 0 {
        remarks.push(format!(
            "the pedal opens and closes {} strokes of the hi-hat",
            extracted.n_by_pedal
        ));
    }
    if !lost.aside.is_empty() {
        remarks.push(format!(
            "left out, because they are {}: keys {}",
            map.aside_name,
            keys(&lost.aside)
        ));
    }
    remarks.extend(extracted.better_map.map(|better| {
        format!(
            "its notes fit the {} map clearly better than {} ({})",
            better.name, map.name, better.id
        )
    }));
    remarks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use fourbar_model::converter::{DrumsConverter, GrooveConverter, MelodyConverter};
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Groove;
    use fourbar_model::note::Note;

    fn note(onset_beats: f64, pitch: u8) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.01,
            pitch,
            velocity: 0.5,
            channel: 9,
        }
    }

    fn grooves() -> Converter {
        Converter::Groove(GrooveConverter::default())
    }

    fn opened(bytes: &[u8]) -> anyhow::Result<Performance> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mid");
        std::fs::write(&path, bytes).unwrap();
        Performance::open(&path, DrumPart::Found)
    }

    fn groove(bytes: &[u8]) -> anyhow::Result<Groove> {
        let extracted = opened(bytes)?.extract(&grooves(), &DrumMap::GM, 1)?;
        Ok(extracted.parts[0].groove().unwrap().clone())
    }

    #[test]
    fn a_loop_keeps_its_length_and_its_announced_first_beat() {
        let bytes = midi::write(&[note(1.0, 38), note(15.97, 36)], 16.0, 93.0);
        let groove = groove(&bytes).unwrap();
        assert_eq!(groove.n_steps(), 64);
        assert!(groove.cell(0, Voice::Kick).is_some());
        let bpm = opened(&bytes).unwrap().bpm().unwrap();
        assert!((bpm - 93.0).abs() < 1e-3);
    }

    #[test]
    fn a_performance_that_ends_anywhere_has_the_bars_it_needs() {
        let bytes = midi::write(&[note(1.0, 38), note(15.97, 36)], 16.3, 93.0);
        assert_eq!(groove(&bytes).unwrap().n_steps(), 80);
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let problem = |bytes: &[u8]| {
            let problem = format!("{:#}", groove(bytes).unwrap_err());
            assert!(problem.contains("clip.mid"), "{problem}");
            problem
        };
        assert!(problem(b"hello").contains("MIDI"));
        assert!(problem(&midi::write(&[], 16.0, 120.0)).contains("no notes"));
        let unmapped = midi::write(&[note(0.0, 100)], 16.0, 120.0);
        assert!(problem(&unmapped).contains("none of its 1 notes"));
        let mut waltz = midi::write(&[note(0.0, 36)], 12.0, 120.0);
        let is_signature = |bytes: &[u8]| bytes == [0xFF, 0x58, 4];
        let signature = waltz.windows(3).position(is_signature).unwrap();
        waltz[signature + 3] = 3;
        assert!(problem(&waltz).contains("12 sixteenth"));
        let melody = Converter::Melody(MelodyConverter::default());
        let drums = opened(&midi::write(&[note(0.0, 36)], 16.0, 93.0)).unwrap();
        let problem = drums.extract(&melody, &DrumMap::GM, 64).unwrap_err();
        assert!(format!("{problem:#}").contains("no melody"), "{problem:#}");
    }

    #[test]
    fn the_windows_of_a_whole_song_lie_side_by_side_and_keep_its_rests_and_repeats() {
        // Bars 1, 2 and 7 of an eight-bar loop are the same; a kick before its end announces the first beat.
        let notes = [
            note(0.0, 38),
            note(4.0, 38),
            note(24.0, 38),
            note(31.97, 36),
        ];
        let file = opened(&midi::write(&notes, 32.0, 93.0)).unwrap();
        let drums = Converter::Drums(DrumsConverter::default());
        for converter in [grooves(), drums] {
            let extracted = file.extract(&converter, &DrumMap::GM, 48).unwrap();
            assert_eq!(extracted.n_bars(), 9, "three windows of three bars");
            let windows = converter.windows(&extracted, 48, 3);
            let starts: Vec<_> = windows.iter().map(|place| place.first_step).collect();
            assert_eq!(starts, [0, 48, 96]);
            let output = |window| converter.example(&extracted, window, 48, None).output;
            let groove = converter.groove(&output(&windows[0])).unwrap();
            assert!(groove.cell(0, Voice::Kick).is_some());
            let middle = converter.groove(&output(&windows[1])).unwrap();
            assert_eq!(middle.n_hits(), 0);
        }
    }

    #[test]
    fn how_a_file_was_read_is_said() {
        let mut bytes = midi::write(&[note(0.0, 36), note(1.0, 33)], 16.0, 120.0);
        let place = bytes.windows(4).position(|id| id == b"MTrk").unwrap() + 4;
        bytes[place..place + 4].fill(0);
        let file = opened(&bytes).unwrap();
        let extracted = file.extract(&grooves(), &DrumMap::GM, 64).unwrap();
        let remarks = remarks(&file.song, &extracted, &DrumMap::GM);
        let [repair, aside] = &remarks[..] else {
            panic!("{remarks:?}")
        };
        assert!(repair.starts_with("1 track has a wrong length"), "{repair}");
        assert!(
            aside.ends_with("the metronome of General MIDI 2: keys 33 × 1"),
            "{aside}"
        );
    }

    #[test]
    fn the_words_of_arguments_are_those_that_were_given() {
        let args = Args {
            drum_map: Some(maps::parse_named("td17").unwrap()),
            part: PartArgs {
                channel: Some(1),
                track: None,
            },
            repeat_short: true,
        };
        assert_eq!(
            args.to_words().join(" "),
            "--drum-map td17 --channel 1 --repeat-short"
        );
        assert_eq!(args.reading(64).part, DrumPart::Channel(0));
        assert_eq!(args.reading(64).repeat_to, Some(64));
    }
}
