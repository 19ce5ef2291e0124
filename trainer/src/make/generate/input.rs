//! The MIDI files that music is made from, in windows as long as the model's.

use super::variation::Metre;
use crate::reading::{Performance, remarks};
use anyhow::{Context as _, anyhow};
use fourbar_model::converter::{Converter, Example, Extracted, Place};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::midi::{DRUM_CHANNEL, DrumPart, Song};
use fourbar_model::note::Note;
use std::io::{self, Write};
use std::path::Path;

/// How inputs are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// That of the model.
    pub(super) converter: &'a Converter,
    /// How they number their drums.
    pub(super) map: &'static DrumMap,
    /// Where their drums are.
    pub(super) part: DrumPart,
    /// 16th steps of the model's window.
    pub(super) window_steps: usize,
    /// Whether every note, of whatever instrument, is a tap.
    pub(super) as_taps: bool,
    /// How drums are numbered that are copied as they were played, if any are.
    pub(super) copied_to: Option<&'static DrumMap>,
}

impl Reading<'_> {
    /// What the files hold for this model.
    fn subject(&self) -> &'static str {
        if self.as_taps {
            "taps on any instrument"
        } else {
            self.converter.subject().music
        }
    }
}

/// A MIDI file to start from.
pub(super) struct Input {
    /// The file's name as it was given.
    pub(super) name: String,
    /// The same without folder and ending.
    pub(super) stem: String,
    /// As it was read, every instrument.
    pub(super) song: Song,
    extracted: Extracted,
    parts: Vec<Extent>,
    window_steps: usize,
}

/// Size of one of the parts of the extracted, without the silence at its end.
struct Extent {
    n_steps: usize,
    steps_per_bar: usize,
    start_beats: f64,
}

impl Extent {
    /// From one window to the next: as many bars as fit into one.
    fn hop_steps(&self, window_steps: usize) -> usize {
        (window_steps / self.steps_per_bar).max(1) * self.steps_per_bar
    }
}

/// The windows of an input in which anything plays, in the order of time.
pub(super) struct Windows {
    /// Those that music is made from.
    pub(super) used: Vec<InputWindow>,
    /// Those that come after as many as are asked for.
    pub(super) surplus: Vec<InputWindow>,
}

/// Some bars of an input, as many as the model takes.
#[derive(Debug, Clone)]
pub(super) struct InputWindow {
    /// Among the sections and voices of the input that music is read from.
    pub(super) part: usize,
    /// First step in its part.
    pub(super) first_step: usize,
    /// Counted from 0 in its part.
    pub(super) first_bar: usize,
    /// Bars that are in the input; the rest up to the model's length is silence.
    pub(super) n_bars: usize,
    /// Bars of silence that fill it up.
    n_added: usize,
    /// What the model sees.
    pub(super) example: Example,
}

impl InputWindow {
    /// Its bars as people count them.
    pub(super) fn bars_in_words(&self) -> String {
        words(self.first_bar, self.n_bars)
    }
}

impl Input {
    /// Reads a MIDI file, and says what of it cannot be used.
    ///
    /// # Errors
    /// If it cannot be read or holds nothing for the model; the text names the file, the reason and the remedy.
    pub(super) fn open(path: &Path, reading: Reading, out: &mut dyn Write) -> anyhow::Result<Self> {
        let mut file = Performance::open(path, reading.part)?;
        let heard = file.song.clone();
        if reading.as_taps {
            file.song = taps(&file.song, reading.map);
        }
        let read = |n_steps| {
            let extracted = file.extract(reading.converter, reading.map, n_steps);
            extracted.map_err(|problem| {
                anyhow!(
                    "{problem:#}; give a MIDI file of {} in 4/4",
                    reading.subject()
                )
            })
        };
        let parts: Vec<Extent> = read(1)?
            .parts
            .iter()
            .map(|part| Extent {
                n_steps: part.n_steps(),
                steps_per_bar: part.steps_per_bar,
                start_beats: part.start_beats,
            })
            .collect();
        // Room for a whole window at the beginning of the last bars of every part.
        let needed = parts.iter().map(|part| {
            let hop = part.hop_steps(reading.window_steps);
            (part.n_steps.div_ceil(hop) - 1) * hop + reading.window_steps
        });
        let extracted = read(needed.max().unwrap_or(reading.window_steps))?;

        let input = Self {
            stem: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            name: file.name,
            song: heard,
            extracted,
            parts,
            window_steps: reading.window_steps,
        };
        input.report_reading(reading, out)?;
        Ok(input)
    }

    /// Says how the file was read and what of it cannot be used.
    fn report_reading(&self, reading: Reading, out: &mut dyn Write) -> io::Result<()> {
        let map = if reading.converter.plays_drums() && !reading.as_taps {
            format!(" with the {} map", reading.map.name)
        } else {
            String::new()
        };
        let lengths: Vec<String> = self
            .parts
            .iter()
            .map(|part| bars(part.n_steps.div_ceil(part.steps_per_bar)))
            .collect();
        writeln!(
            out,
            "{}: {}, read as {}{map}{}",
            self.name,
            lengths.join(" and "),
            reading.subject(),
            self.losses(reading)
        )?;
        if !reading.as_taps {
            for remark in remarks(&self.song, &self.extracted, reading.map) {
                writeln!(out, "{}: {remark}", self.name)?;
            }
        }
        for reason in &self.extracted.left_out {
            writeln!(out, "{}: left out: {reason}", self.name)?;
        }
        let mut tempos: Vec<f64> = self.song.tempos.iter().map(|tempo| tempo.bpm).collect();
        tempos.dedup();
        if let [first, second, ..] = tempos[..] {
            writeln!(
                out,
                "{}: its tempo changes (from {first:.0} to {second:.0} bpm); bars are counted in beats, and what is written \
                 has one tempo: the first one, or that of --tempo",
                self.name
            )?;
        }
        Ok(())
    }

    /// What of the input cannot be used, each in a few words after a semicolon; nothing if all can.
    fn losses(&self, reading: Reading) -> String {
        let lost = &self.extracted.lost;
        let n_unmapped: usize = lost.unmapped.values().sum();
        let keys: Vec<String> = lost.unmapped.keys().map(u8::to_string).collect();
        let (shared, unmapped) = if reading.converter.plays_drums() {
            (
                "share a 16th with a louder one of the same drum",
                "are no drum of this map",
            )
        } else {
            ("begin with a higher one", "are outside of the model's keys")
        };
        // Drums that are copied are written whether or not the model hears them, all keys if the map is the same.
        let copied_to = reading
            .copied_to
            .filter(|_| reading.converter.plays_drums());
        let fate = |is_copied| {
            if is_copied {
                "not heard by the model"
            } else {
                "left out"
            }
        };
        let shared_fate = fate(copied_to.is_some());
        let unmapped_fate = fate(copied_to.is_some_and(|map| map.id == reading.map.id));
        // A drum has no length; a melody is nothing without.
        let keeps_unclosed = reading.converter.plays_drums() && !reading.converter.is_compatible();
        let n_unclosed = if keeps_unclosed {
            0
        } else {
            self.song.unclosed_notes
        };
        let mut words = String::new();
        for (n, fate, what) in [
            (lost.same_cell, shared_fate, shared.to_owned()),
            (
                n_unmapped,
                unmapped_fate,
                format!("{unmapped} (keys {})", keys.join(", ")),
            ),
            (
                lost.outside,
                "left out",
                "lie outside of its bars".to_owned(),
            ),
            (n_unclosed, "left out", "never end".to_owned()),
        ] {
            if n > 0 {
                words += &format!("; notes {fate} because they {what}: {n}");
            }
        }
        words
    }

    /// All windows side by side, the last of each part filled up with silence.
    fn all_windows(&self, converter: &Converter) -> Vec<InputWindow> {
        let mut windows = Vec::new();
        for (part, extent) in self.parts.iter().enumerate() {
            let hop = extent.hop_steps(self.window_steps);
            for first_step in (0..extent.n_steps).step_by(hop) {
                windows.extend(self.window(converter, part, first_step));
            }
        }
        windows
    }

    /// The window of a part that begins on a step; `None` if the converter has cut the part before its end.
    fn window(&self, converter: &Converter, part: usize, first_step: usize) -> Option<InputWindow> {
        let extent = &self.parts[part];
        if first_step + self.window_steps > self.extracted.parts[part].n_steps() {
            return None;
        }
        let place = Place { part, first_step };
        let n_there = (extent.n_steps - first_step).min(extent.hop_steps(self.window_steps));
        let n_bars = n_there.div_ceil(extent.steps_per_bar);
        Some(InputWindow {
            part,
            first_step,
            first_bar: first_step / extent.steps_per_bar,
            n_bars,
            n_added: (self.window_steps / extent.steps_per_bar).saturating_sub(n_bars),
            example: converter.example(&self.extracted, &place, self.window_steps, None),
        })
    }

    /// The windows in which anything plays, at most `count` of them; says which bars are used and which are left out.
    pub(super) fn windows(
        &self,
        converter: &Converter,
        count: Option<usize>,
        out: &mut dyn Write,
    ) -> anyhow::Result<Windows> {
        let mut used = Vec::new();
        let mut silent = Vec::new();
        let mut surplus = Vec::new();
        for window in self.all_windows(converter) {
            let plays = !converter
                .notes(&window.example.output, &DrumMap::GM)
                .is_empty();
            if !plays {
                silent.push(window);
            } else if count.is_some_and(|count| used.len() >= count) {
                surplus.push(window);
            } else {
                used.push(window);
            }
        }
        for window in &used {
            let added = if window.n_added > 0 {
                format!(", filled up with {} of silence", bars(window.n_added))
            } else {
                String::new()
            };
            let words = self.window_in_words(window);
            writeln!(out, "{}: using {words}{added}", self.name)?;
        }
        for (windows, reason) in [
            (&silent, "nothing plays there"),
            (&surplus, "there is more than is used"),
        ] {
            if !windows.is_empty() {
                writeln!(
                    out,
                    "{}: left out, because {reason}: {}",
                    self.name,
                    self.sections_in_words(windows)
                )?;
            }
        }
        anyhow::ensure!(!used.is_empty(), "{}: nothing plays in it", self.name);
        Ok(Windows { used, surplus })
    }

    /// The first window in which anything plays; says which one that is.
    pub(super) fn first_window(
        &self,
        converter: &Converter,
        out: &mut dyn Write,
    ) -> anyhow::Result<InputWindow> {
        Ok(self.windows(converter, Some(1), out)?.used.swap_remove(0))
    }

    /// The last bars of the first part, as many as the model takes.
    ///
    /// # Errors
    /// If there are fewer, or nothing plays in them.
    pub(super) fn last_window(
        &self,
        converter: &Converter,
        out: &mut dyn Write,
    ) -> anyhow::Result<InputWindow> {
        let extent = &self.parts[0];
        let n_bars = extent.n_steps / extent.steps_per_bar;
        let needed = self.window_steps.div_ceil(extent.steps_per_bar);
        anyhow::ensure!(
            n_bars >= needed,
            "{} has only {}, and to go on this model has to hear {needed}: give a longer file, or repeat the loop in it",
            self.name,
            bars(n_bars)
        );
        let first_step = (n_bars - needed) * extent.steps_per_bar;
        let window = self
            .window(converter, 0, first_step)
            .with_context(|| format!("{} is longer than the model's max_bars", self.name))?;
        let words = self.window_in_words(&window);
        anyhow::ensure!(
            !converter
                .notes(&window.example.output, &DrumMap::GM)
                .is_empty(),
            "{}: nothing plays in {words}, after which the music should go on: give a file that ends with music",
            self.name
        );
        let before = match window.first_bar {
            0 => String::new(),
            n => format!("; what comes before ({}) is played but not heard", bars(n)),
        };
        writeln!(
            out,
            "{}: going on after {words}, which the model hears{before}",
            self.name
        )?;
        if self.parts.len() > 1 {
            let n_others = self.parts.len() - 1;
            writeln!(
                out,
                "{}: left out, because one is continued: {n_others} other part(s)",
                self.name
            )?;
        }
        Ok(window)
    }

    /// Bars of a window, and of which part, where there are several.
    fn window_in_words(&self, window: &InputWindow) -> String {
        self.bars_in_words(window.part, window.first_bar, window.n_bars)
    }

    /// The bars of windows, in the order of time, neighbours together.
    fn sections_in_words(&self, windows: &[InputWindow]) -> String {
        let follows = |a: &InputWindow, b: &InputWindow| {
            (a.part, a.first_bar + a.n_bars) == (b.part, b.first_bar)
        };
        let words: Vec<String> = windows
            .chunk_by(follows)
            .map(|section| {
                let n_bars = section.iter().map(|window| window.n_bars).sum();
                self.bars_in_words(section[0].part, section[0].first_bar, n_bars)
            })
            .collect();
        words.join("; ")
    }

    fn bars_in_words(&self, part: usize, first_bar: usize, n_bars: usize) -> String {
        let words = words(first_bar, n_bars);
        if self.parts.len() == 1 {
            return words;
        }
        let start_beats = self.parts[part].start_beats;
        format!("{words} of part {} (from beat {start_beats})", part + 1)
    }

    /// The name of a window's file after the word for the mode.
    pub(super) fn window_stem(&self, window: &InputWindow) -> String {
        let (first, last) = (window.first_bar + 1, window.first_bar + window.n_bars);
        let part = if self.parts.len() == 1 {
            String::new()
        } else {
            format!("part-{}-", window.part + 1)
        };
        format!("{part}bars-{first:03}-{last:03}")
    }

    /// Length of a part in steps: whole bars.
    pub(super) fn part_steps(&self, part: usize) -> usize {
        let extent = &self.parts[part];
        extent.n_steps.next_multiple_of(extent.steps_per_bar)
    }

    /// Steps of what a window of a part is answered with: the whole bars that the model takes.
    pub(super) fn answer_steps(&self, part: usize) -> usize {
        self.window_steps
            .min(self.parts[part].hop_steps(self.window_steps))
    }

    /// How a part is counted.
    pub(super) fn metre(&self, part: usize) -> Metre {
        let extent = &self.parts[part];
        Metre {
            signature: self.song.signature_at(extent.start_beats),
            steps_per_bar: extent.steps_per_bar,
        }
    }

    /// Where a part begins, in beats.
    pub(super) fn part_start_beats(&self, part: usize) -> f64 {
        self.parts[part].start_beats
    }

    /// Number of parts: sections of one metre, and voices that could each be the melody.
    pub(super) fn n_parts(&self) -> usize {
        self.parts.len()
    }

    /// A whole part as the model sees it.
    pub(super) fn whole_part(&self, converter: &Converter, part: usize) -> Example {
        let place = Place {
            part,
            first_step: 0,
        };
        let n_steps = self
            .part_steps(part)
            .min(self.extracted.parts[part].n_steps());
        converter.example(&self.extracted, &place, n_steps, None)
    }
}

/// Every note of a song as a stroke on one drum.
fn taps(song: &Song, map: &DrumMap) -> Song {
    let tap = |note: &Note| Note {
        pitch: map.pitch(Voice::OpenHat),
        channel: DRUM_CHANNEL,
        ..*note
    };
    let notes = song.notes.iter().map(tap).collect();
    Song {
        tempos: song.tempos.clone(),
        time_signatures: song.time_signatures.clone(),
        end_beats: song.end_beats,
        unclosed_notes: song.unclosed_notes,
        truncated_at: song.truncated_at,
        ..Song::from_notes(notes, &[])
    }
}

/// A number of bars in words.
pub(super) fn bars(n: usize) -> String {
    format!("{n} {}", if n == 1 { "bar" } else { "bars" })
}

/// Bars as people count them, from 1.
fn words(first_bar: usize, n_bars: usize) -> String {
    let (first, last) = (first_bar + 1, first_bar + n_bars);
    if first == last {
        format!("bar {first}")
    } else {
        format!("bars {first} to {last}")
    }
}
