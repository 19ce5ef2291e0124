//! Songs to training examples and back.
//!
//! A converter decides what a model sees of music: a groove with its dynamics and timing, drums as labels or rolls, a
//! melody, a trio. It finds the [`Material`] of a song, cuts windows from it, turns a window into an [`Example`], and
//! turns rows that a model puts out into notes again.
//!
//! Every converter has `magenta_compat`: with it, examples are those of the original, faults included; without it, the
//! faults are mended. What it changes stands with each converter; common to all is that the original cuts a song where
//! its tempo changes (or loses the song), although notes are in beats and a change of tempo moves none of them, and that
//! it takes the first windows of a long song where a new draw each epoch shows the model all of it.

mod drums;
mod groove;
mod melody;
mod trio;

#[cfg(test)]
mod tests;

pub use drums::{DrumRows, DrumsConverter, magenta_js_rests};
pub use groove::GrooveConverter;
pub use melody::MelodyConverter;
pub use trio::TrioConverter;

use crate::drums::DrumMap;
use crate::error::Error;
use crate::groove::{Groove, MAX_BARS, NotesLost, STEPS_PER_BAR, nearest_step, step_of};
use crate::midi::{self, Program, Segment, Song, SplitAt};
use crate::noise::Noise;
use crate::note::Note;
use crate::rows::{RowLayout, Rows};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// Loudness of what a model without dynamics plays, as the original writes it.
const VELOCITY: f32 = 80.0 / 127.0;
/// The last step on which a note can end.
const LAST_STEP: usize = MAX_BARS * STEPS_PER_BAR;

/// How songs become examples, and rows notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Converter {
    /// Drums with dynamics and timing.
    Groove(GrooveConverter),
    /// Drums on the grid.
    Drums(DrumsConverter),
    /// One voice.
    Melody(MelodyConverter),
    /// Melody, bass and drums.
    Trio(TrioConverter),
}

/// What a network learns from: rows it reads, rows it should put out, and rows that steer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// In the layout [`Converter::input`].
    pub input: Rows,
    /// In the layout [`Converter::output`], as long as `input`.
    pub output: Rows,
    /// In the layout [`Converter::controls`], as long as `input`.
    pub controls: Option<Rows>,
}

/// What a song holds for one converter.
#[derive(Debug, Clone)]
pub struct Material {
    /// What windows are cut from, never empty: stretches of one metre, and for most converters those without a long
    /// rest.
    pub parts: Vec<Part>,
    /// Why other stretches of the song are not among them.
    pub left_out: Vec<String>,
    /// Notes that were looked at: those of the drums, of the melodies, of the trio.
    pub n_notes: usize,
    /// Those of them that are in no part.
    pub lost: NotesLost,
    /// MIDI channel (0–15) of these notes, if it is a single one.
    pub channel: Option<u8>,
}

/// A stretch of a song that windows are cut from.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it begins in the song, in beats.
    pub start_beats: f64,
    /// Length of its bars in steps.
    pub steps_per_bar: usize,
    content: Content,
}

/// Where a window lies in its material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index into [`Material::parts`].
    pub part: usize,
    /// First step of the window in that part.
    pub first_step: usize,
}

/// What each converter keeps of a song.
#[derive(Debug, Clone)]
enum Content {
    Groove(Groove),
    /// The classes that play in each step, the first in the lowest bit.
    Drums(Vec<u64>),
    /// The label of each step.
    Melody(Vec<u16>),
    Trio(trio::Parts),
}

impl Part {
    /// Length in steps: whole bars.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        match &self.content {
            Content::Groove(groove) => groove.n_steps(),
            Content::Drums(bits) => bits.len(),
            Content::Melody(labels) => labels.len(),
            Content::Trio(parts) => parts.n_steps(),
        }
    }

    /// Length in bars.
    #[must_use]
    pub fn n_bars(&self) -> usize {
        self.n_steps().div_ceil(self.steps_per_bar)
    }

    /// Dynamics and timing, where the converter keeps them.
    #[must_use]
    pub fn groove(&self) -> Option<&Groove> {
        match &self.content {
            Content::Groove(groove) => Some(groove),
            _ => None,
        }
    }

    /// Whether every voice plays in the window, or may rest there.
    fn covers(&self, first_step: usize, n_steps: usize) -> bool {
        match &self.content {
            Content::Trio(parts) => parts.cover(first_step, n_steps, self.steps_per_bar),
            _ => true,
        }
    }

    /// What a window holds, for comparison with others; `None` where equal windows are all kept.
    fn fingerprint(&self, first_step: usize, n_steps: usize) -> Option<Vec<u64>> {
        let range = first_step..first_step + n_steps;
        match &self.content {
            Content::Drums(bits) => Some(bits[range].to_vec()),
            Content::Melody(labels) => {
                let labels = melody::window(&labels[range]);
                Some(labels.into_iter().map(u64::from).collect())
            }
            Content::Groove(_) | Content::Trio(_) => None,
        }
    }
}

impl Material {
    /// Bars of all parts.
    #[must_use]
    pub fn n_bars(&self) -> usize {
        self.parts.iter().map(Part::n_bars).sum()
    }

    /// Steps of the longest part.
    #[must_use]
    pub fn longest_steps(&self) -> usize {
        self.parts.iter().map(Part::n_steps).max().unwrap_or(0)
    }
}

impl Converter {
    /// What the rows of an example's input mean.
    #[must_use]
    pub fn input(&self) -> RowLayout {
        match self {
            Self::Groove(converter) => converter.layout(),
            Self::Drums(converter) => converter.input_layout(),
            Self::Melody(converter) => converter.layout(),
            Self::Trio(_) => TrioConverter::layout(),
        }
    }

    /// What the rows of an example's output mean.
    #[must_use]
    pub fn output(&self) -> RowLayout {
        match self {
            Self::Drums(converter) => converter.output_layout(),
            _ => self.input(),
        }
    }

    /// What the rows of an example's controls mean, where there are any.
    #[must_use]
    pub fn controls(&self) -> Option<RowLayout> {
        match self {
            Self::Groove(converter) => converter.controls_layout(),
            _ => None,
        }
    }

    /// Rows of an example for each 16th step: 1, or 9 where a groove is split into its drums.
    #[must_use]
    pub fn rows_per_step(&self) -> usize {
        match self {
            Self::Groove(converter) => converter.rows_per_step(),
            _ => 1,
        }
    }

    /// Whether these settings make sense together.
    ///
    /// # Errors
    /// If not; the text names the key.
    pub fn check(&self) -> Result<(), Error> {
        if self.cap() == Some(0) {
            return Err(wrong("max_per_song", "is at least 1; leave it out for all"));
        }
        match self {
            Self::Groove(converter) => converter.check(),
            Self::Drums(converter) => converter.check(),
            Self::Melody(converter) => converter.check(),
            Self::Trio(converter) => converter.check(),
        }
    }

    /// Everything in `song` that windows can be cut from. `map` says which key is which drum.
    ///
    /// # Errors
    /// If there is nothing; the text says why.
    pub fn material(&self, song: &Song, map: &DrumMap) -> Result<Material, Error> {
        self.find(song, map, Extent::Tracks)
    }

    /// `song` as it is, from its first bar on, with all its rests and with silence up to at least `n_steps`: for one
    /// that a person chose, where a data set has the [material](Self::material) instead.
    ///
    /// # Errors
    /// If there is nothing; the text says why.
    pub fn whole(&self, song: &Song, map: &DrumMap, n_steps: usize) -> Result<Material, Error> {
        self.find(song, map, Extent::Whole { n_steps })
    }

    fn find(&self, song: &Song, map: &DrumMap, extent: Extent) -> Result<Material, Error> {
        let stretches = Stretches::of(song, self.any_metre(), self.is_compatible());
        match self {
            Self::Groove(converter) => converter.material(song, stretches, map, extent),
            Self::Drums(converter) => converter.material(song, stretches, map, extent),
            Self::Melody(converter) => converter.material(song, stretches, extent),
            Self::Trio(converter) => converter.material(song, stretches, map, extent),
        }
    }

    /// The windows of `n_steps` steps in `material`, on bar lines, one every `hop_bars` (at least 1) bars.
    ///
    /// Of windows of labels or rolls that are the same, the first is kept. With `magenta_compat`, no more are listed
    /// than the converter takes of a song; otherwise [`Self::draw`] draws that many of them anew for each epoch.
    #[must_use]
    pub fn windows(&self, material: &Material, n_steps: usize, hop_bars: usize) -> Vec<Place> {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        for (index, part) in material.parts.iter().enumerate() {
            let hop = hop_bars.max(1).saturating_mul(part.steps_per_bar);
            let n_starts = (part.n_steps() + 1).saturating_sub(n_steps);
            for first_step in (0..n_starts).step_by(hop) {
                let is_new = match part.fingerprint(first_step, n_steps) {
                    Some(window) => seen.insert(window),
                    None => part.covers(first_step, n_steps),
                };
                if is_new {
                    places.push(Place {
                        part: index,
                        first_step,
                    });
                }
            }
        }
        if self.is_compatible() {
            places.truncate(self.cap().unwrap_or(usize::MAX));
        }
        places
    }

    /// Which of the `n_windows` windows of one song an epoch learns from, ascending: all of them, or as many as the
    /// converter takes of a song, each equally likely.
    #[must_use]
    pub fn draw(&self, n_windows: usize, noise: &mut Noise) -> Vec<usize> {
        let n_drawn = self.cap().map_or(n_windows, |cap| cap.min(n_windows));
        let mut windows: Vec<usize> = (0..n_windows).collect();
        if n_drawn < n_windows {
            for place in 0..n_drawn {
                let other = place + noise.below(n_windows - place);
                windows.swap(place, other);
            }
            windows.truncate(n_drawn);
            windows.sort_unstable();
        }
        windows
    }

    /// The window of `n_steps` steps at `place`, which [`Self::windows`] gave for that length.
    ///
    /// `noise` draws what training varies: the notes that are dropped, the key of a melody. Without it, the window is
    /// as it was played.
    ///
    /// # Panics
    /// If `material` is another converter's, or the window does not fit into it.
    #[must_use]
    pub fn example(
        &self,
        material: &Material,
        place: &Place,
        n_steps: usize,
        noise: Option<&mut Noise>,
    ) -> Example {
        let range = place.first_step..place.first_step + n_steps;
        match (self, &material.parts[place.part].content) {
            (Self::Groove(converter), Content::Groove(groove)) => {
                let groove = groove
                    .window(place.first_step, n_steps)
                    .expect("the window fits into its part");
                converter.example(&groove, noise)
            }
            (Self::Drums(converter), Content::Drums(bits)) => converter.example(&bits[range]),
            (Self::Melody(converter), Content::Melody(labels)) => {
                converter.example(&labels[range], noise)
            }
            (Self::Trio(_), Content::Trio(parts)) => parts.example(range),
            _ => panic!("the material is another converter's"),
        }
    }

    /// What a groove is for a model of grooves or of nine drums: the example without variation. `None` for others.
    #[must_use]
    pub fn example_of_groove(&self, groove: &Groove) -> Option<Example> {
        match self {
            Self::Groove(converter) => Some(converter.example(groove, None)),
            Self::Drums(converter) => converter.example_of_groove(groove),
            Self::Melody(_) | Self::Trio(_) => None,
        }
    }

    /// The groove that rows of the layout [`Self::output`] are, where they are one: on the grid and equally loud if the
    /// model knows no better. `None` for 61 drums, for melodies and for trios.
    ///
    /// # Panics
    /// If the rows have another layout.
    #[must_use]
    pub fn groove(&self, rows: &Rows) -> Option<Groove> {
        match self {
            Self::Groove(converter) => Some(converter.groove(rows)),
            Self::Drums(converter) => converter.groove(rows),
            Self::Melody(_) | Self::Trio(_) => None,
        }
    }

    /// The notes that rows of the layout [`Self::output`] are, in beats from 0, in the order of time.
    ///
    /// # Panics
    /// If the rows have another layout.
    #[must_use]
    pub fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        match self {
            Self::Groove(converter) => converter.notes(rows, map),
            Self::Drums(converter) => converter.notes(rows, map),
            Self::Melody(converter) => converter.notes(rows),
            Self::Trio(_) => TrioConverter::notes(rows, map),
        }
    }

    /// The sounds that [`Self::notes`] are meant for; channels that are not among them play a piano, or drums.
    #[must_use]
    pub fn programs(&self) -> &'static [Program] {
        match self {
            Self::Trio(_) => TrioConverter::PROGRAMS,
            _ => &[],
        }
    }

    /// Whether the original's examples are wanted, faults included.
    fn is_compatible(&self) -> bool {
        match self {
            Self::Groove(converter) => converter.magenta_compat,
            Self::Drums(converter) => converter.magenta_compat,
            Self::Melody(converter) => converter.magenta_compat,
            Self::Trio(converter) => converter.magenta_compat,
        }
    }

    /// Whether bars of any length are used.
    fn any_metre(&self) -> bool {
        match self {
            Self::Groove(converter) => converter.any_metre,
            Self::Drums(converter) => converter.any_metre,
            Self::Melody(converter) => converter.any_metre,
            Self::Trio(converter) => converter.any_metre,
        }
    }

    /// The most windows of a song that an epoch learns from.
    fn cap(&self) -> Option<usize> {
        match self {
            // The original reads this number of a groove's windows and never uses it.
            Self::Groove(converter) if converter.magenta_compat => None,
            Self::Groove(converter) => converter.max_per_song,
            Self::Drums(converter) => converter.max_per_song,
            Self::Melody(converter) => converter.max_per_song,
            Self::Trio(converter) => converter.max_per_song,
        }
    }
}

/// How much of a song is wanted.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// What is played, without long rests.
    Tracks,
    /// Everything from the first bar, with silence up to `n_steps`.
    Whole { n_steps: usize },
}

impl Extent {
    /// Steps to fill with silence.
    fn n_steps(self) -> usize {
        match self {
            Self::Tracks => 0,
            Self::Whole { n_steps } => n_steps,
        }
    }

    /// After how many steps of rest a track ends.
    fn gap_steps(self, gap_bars: usize, steps_per_bar: usize) -> usize {
        match self {
            Self::Tracks if gap_bars > 0 => gap_bars.saturating_mul(steps_per_bar),
            _ => usize::MAX,
        }
    }
}

/// A song in stretches of one metre, and which of them can be used.
struct Stretches {
    segments: Vec<Segment>,
    any_metre: bool,
    /// Those that were asked for and cannot be used, by their place.
    refused: BTreeSet<usize>,
}

impl Stretches {
    fn of(song: &Song, any_metre: bool, is_compatible: bool) -> Self {
        let split_at = if is_compatible {
            SplitAt::MetreOrTempo
        } else {
            SplitAt::Metre
        };
        Self {
            segments: song.segments(split_at),
            any_metre,
            refused: BTreeSet::new(),
        }
    }

    /// `notes`, in the order of time, by usable stretch; those in other stretches are counted as lost.
    ///
    /// # Errors
    /// If a note lies beyond what a song can be long: the empty bars up to it would fill the memory.
    fn cut(&mut self, notes: &[Note], lost: &mut NotesLost) -> Result<Vec<Stretch>, Error> {
        let is_within = |note: &&Note| step_of(note.onset_beats).is_some();
        let n_beyond = notes.len() - notes.iter().filter(is_within).count();
        if n_beyond > 0 {
            return Err(Error::Song(format!(
                "{n_beyond} of its notes lie beyond bar {MAX_BARS}: it is damaged, or cut it into parts"
            )));
        }
        let mut stretches = Vec::new();
        for (place, notes) in midi::split(&self.segments, notes) {
            match self.steps_per_bar(place) {
                Ok(steps_per_bar) => stretches.push(Stretch {
                    place,
                    start_beats: self.segments[place].start_beats,
                    steps_per_bar,
                    notes,
                }),
                Err(_) => {
                    self.refused.insert(place);
                    lost.outside += notes.len();
                }
            }
        }
        Ok(stretches)
    }

    fn steps_per_bar(&self, place: usize) -> Result<usize, Error> {
        let signature = &self.segments[place].signature;
        let steps = signature.steps_per_bar()?;
        if steps == STEPS_PER_BAR || self.any_metre {
            Ok(steps)
        } else {
            Err(midi::wrong_metre(signature, steps))
        }
    }

    /// Why each refused stretch is.
    fn left_out(&self) -> Vec<String> {
        let reason = |&place: &usize| {
            let problem = self.steps_per_bar(place).err()?;
            let start_beats = self.segments[place].start_beats;
            Some(if self.segments.len() == 1 {
                problem.to_string()
            } else {
                format!("from beat {start_beats}, {problem}")
            })
        };
        self.refused.iter().filter_map(reason).collect()
    }

    /// The material that `parts` are, or why there is none: the stretches left out, or else `nothing`.
    fn material(
        self,
        parts: Vec<Part>,
        n_notes: usize,
        lost: NotesLost,
        channel: Option<u8>,
        nothing: impl FnOnce(&NotesLost) -> String,
    ) -> Result<Material, Error> {
        let left_out = self.left_out();
        if !parts.is_empty() {
            return Ok(Material {
                parts,
                left_out,
                n_notes,
                lost,
                channel,
            });
        }
        Err(Error::Song(if left_out.is_empty() {
            nothing(&lost)
        } else {
            left_out.join("; ")
        }))
    }
}

/// Notes in one metre, in beats from its first bar line.
struct Stretch {
    /// Among the stretches of the song.
    place: usize,
    start_beats: f64,
    steps_per_bar: usize,
    notes: Vec<Note>,
}

impl Stretch {
    /// The step on which the last note ends.
    fn n_steps(&self) -> usize {
        let ends = self.notes.iter().map(|note| steps(note).1);
        ends.max().unwrap_or(0)
    }
}

/// The step on which a note begins, and the later one on which it ends; within what a song can be long.
fn steps(note: &Note) -> (usize, usize) {
    let first = nearest_step(note.onset_beats);
    let end = nearest_step(note.onset_beats + note.duration_beats);
    (first, end.clamp(first + 1, LAST_STEP.max(first + 1)))
}

/// The error for a setting that makes no sense.
fn wrong(key: &str, problem: impl std::fmt::Display) -> Error {
    Error::Config(format!("converter.{key} {problem}"))
}

/// Why a song's drums are no material: their keys belong to no drum.
fn no_drum_of(n_notes: usize, map: &str, lost: &NotesLost) -> String {
    let keys: Vec<_> = lost.unmapped.keys().map(u8::to_string).collect();
    format!(
        "none of its {n_notes} notes is in the {map} map (keys {})",
        keys.join(", ")
    )
}
