//! Songs to training examples and back.
//!
//! A converter decides what a model sees of music: a groove with its dynamics and timing, drums as labels or rolls, a
//! melody, a trio. It [extracts](Extracted) what a song holds for a model, cuts windows from it, turns a window into an [`Example`], and
//! turns rows that a model puts out into notes again.
//!
//! Every converter has `magenta_compat`: with it, examples are those of Magenta, faults included (but for rounding:
//! Magenta counts steps in seconds, where a few exact half steps fall to the other side); without it, the faults are
//! mended. What it changes stands with each converter; common to all is that Magenta cuts a song where
//! its tempo changes (or loses the song), although notes are in beats and a change of tempo moves none of them, and that
//! it takes the first windows of a long song where a new draw each epoch shows the model all of it.

mod extracted;
mod sections;

#[cfg(test)]
mod tests;

pub use drums::{DrumRows, magenta_js_rests};
pub use extracted::{Extracted, Part, Place};

use crate::conditions::Conditions;
use crate::drums::DrumMap;
use crate::error::Error;
use crate::groove::{Groove, STEPS_PER_BAR, nearest_step};
use crate::midi::{self, DRUM_CHANNEL, Program, Song};
use crate::noise::Noise;
use crate::note::Note;
use crate::rows::{self, RowLayout, Rows};
use candle_core::{Device, Tensor};
use extracted::Content;
use sections::{Extent, NotesSeen, Sections};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

/// Loudness of what a model without dynamics plays, as Magenta writes it.
const VELOCITY: f32 = 80.0 / 127.0;
/// The most windows that Magenta takes of a song, if nothing else is said.
const MAGENTA_MAX_PER_SONG: usize = 5;
/// A longer loop, in steps, is a song: its long rests are left out, as those of any other song.
const LONGEST_LOOP: usize = 16 * STEPS_PER_BAR;
/// The resolution of Magenta's files: 2.3 milliseconds at 120 beats per minute.
const MAGENTA_TICKS_PER_BEAT: u16 = 220;

/// Declares the converters' files, and the enum of them for configurations: a new converter is a line here.
macro_rules! converters {
    ($($file:ident: $Kind:ident($Converter:ident),)*) => {
        $(
            mod $file;
            pub use $file::$Converter;
        )*

        /// How songs become examples, and rows notes.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Converter {
            $(
                #[doc = concat!("`", stringify!($file), "`.")]
                $Kind($Converter),
            )*
        }

        impl Converter {
            /// The word for it in files and reports.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$Kind(_) => stringify!($file),)*
                }
            }

            fn inner(&self) -> &dyn Convert {
                match self {
                    $(Self::$Kind(converter) => converter,)*
                }
            }

            fn common(&self) -> Common {
                match self {
                    $(
                        Self::$Kind(converter) => Common {
                            max_per_song: converter.max_per_song,
                            any_metre: converter.any_metre,
                            magenta_compat: converter.magenta_compat,
                        },
                    )*
                }
            }

            /// The same converter with Magenta's examples.
            #[must_use]
            pub fn as_magenta(&self) -> Self {
                let mut converter = self.clone();
                match &mut converter {
                    $(Self::$Kind(converter) => converter.magenta_compat = true,)*
                }
                converter
            }
        }

        $(
            impl From<$Converter> for Converter {
                fn from(converter: $Converter) -> Self {
                    Self::$Kind(converter)
                }
            }
        )*
    };
}

converters! {
    groove: Groove(GrooveConverter),
    drums: Drums(DrumsConverter),
    melody: Melody(MelodyConverter),
    trio: Trio(TrioConverter),
}

/// What a converter has to know; the methods of [`Converter`] say what each is.
trait Convert {
    /// What it finds in a song, in words.
    fn subject(&self) -> Subject;
    fn check(&self) -> Result<(), Error>;
    fn input(&self) -> RowLayout;
    fn output(&self) -> RowLayout {
        self.input()
    }
    fn controls(&self) -> Option<RowLayout> {
        None
    }
    fn rows_per_step(&self) -> usize {
        1
    }
    /// What `sections` of a song hold.
    fn extract(
        &self,
        song: &Song,
        sections: Sections,
        map: &DrumMap,
        extent: Extent,
    ) -> Result<Extracted, Error>;
    /// The example of some steps of a [`Part`].
    fn example(&self, content: &Content, steps: Range<usize>, noise: Option<&mut Noise>)
    -> Example;
    fn example_of_groove(&self, _: &Groove) -> Option<Example> {
        None
    }
    fn groove(&self, _: &Rows) -> Option<Groove> {
        None
    }
    fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note>;
    fn programs(&self) -> &'static [Program] {
        &[]
    }
    fn channel_of(&self, is_drum: bool, program: u8) -> Option<u8>;
    fn needs_drum_map(&self) -> bool {
        true
    }
    fn plays_drums(&self) -> bool {
        false
    }
    fn keeps_feel(&self) -> bool {
        false
    }
    fn has_all_percussion(&self) -> bool {
        false
    }
    fn humanizes(&self) -> bool {
        false
    }
    fn takes_taps(&self) -> bool {
        false
    }
    fn takes_hits(&self) -> bool {
        false
    }
    /// The most windows that Magenta takes of a song.
    fn cap_of_magenta(&self, max_per_song: Option<usize>) -> Option<usize> {
        Some(max_per_song.unwrap_or(MAGENTA_MAX_PER_SONG))
    }
}

/// What a converter finds in a song, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it plays.
    pub music: &'static str,
    /// What files have to hold.
    pub files: &'static str,
    /// Which notes it looks at.
    pub notes: &'static str,
    /// To what it loses notes in one place.
    pub same_cell: &'static str,
    /// On which keys it loses notes; none if these are the keys without a drum in the map that songs are read with.
    pub unmapped: Option<String>,
}

/// The settings that every converter has.
struct Common {
    max_per_song: Option<usize>,
    any_metre: bool,
    magenta_compat: bool,
}

/// What a network learns from: rows it reads, rows it should put out, and what steers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// In the layout [`Converter::input`].
    pub input: Rows,
    /// In the layout [`Converter::output`], as long as `input`.
    pub output: Rows,
    /// What it is conditioned on; controls are in the layout [`Converter::controls`] and as long as `input`.
    pub conditions: Conditions,
}

/// Examples as the network's tensors.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[batch, steps, input]`.
    pub input: Tensor,
    /// `[batch, steps, output]`.
    pub output: Tensor,
    /// What each sequence is conditioned on.
    pub conditions: Vec<Conditions>,
}

impl Batch {
    /// Examples of one converter and length.
    ///
    /// # Errors
    /// If they differ in layout or length, or the device has no memory for them.
    pub fn new(examples: &[Example], device: &Device) -> candle_core::Result<Self> {
        let tensor = |rows: Vec<&Rows>| rows::to_tensor(&rows, device);
        Ok(Self {
            input: tensor(examples.iter().map(|example| &example.input).collect())?,
            output: tensor(examples.iter().map(|example| &example.output).collect())?,
            conditions: examples
                .iter()
                .map(|example| example.conditions.clone())
                .collect(),
        })
    }
}

impl Converter {
    /// What it finds in a song, in words.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.inner().subject()
    }

    /// What the rows of an example's input mean.
    #[must_use]
    pub fn input(&self) -> RowLayout {
        self.inner().input()
    }

    /// What the rows of an example's output mean.
    #[must_use]
    pub fn output(&self) -> RowLayout {
        self.inner().output()
    }

    /// What the rows of an example's controls mean, where there are any.
    #[must_use]
    pub fn controls(&self) -> Option<RowLayout> {
        self.inner().controls()
    }

    /// Rows of an example for each 16th step: 1, or 9 where a groove is split into its drums.
    #[must_use]
    pub fn rows_per_step(&self) -> usize {
        self.inner().rows_per_step()
    }

    /// Whether it asks which key is which drum.
    #[must_use]
    pub fn needs_drum_map(&self) -> bool {
        self.inner().needs_drum_map()
    }

    /// Whether all that it plays is drums.
    #[must_use]
    pub fn plays_drums(&self) -> bool {
        self.inner().plays_drums()
    }

    /// Whether hits have their own velocity and timing.
    #[must_use]
    pub fn keeps_feel(&self) -> bool {
        self.inner().keeps_feel()
    }

    /// Whether its drums are the 61 of General MIDI instead of nine, whatever map songs are read with.
    #[must_use]
    pub fn has_all_percussion(&self) -> bool {
        self.inner().has_all_percussion()
    }

    /// Whether a model learns to give quantised hits their velocity and timing.
    #[must_use]
    pub fn humanizes(&self) -> bool {
        self.inner().humanizes()
    }

    /// Whether a model learns to turn taps into drums.
    #[must_use]
    pub fn takes_taps(&self) -> bool {
        self.inner().takes_taps()
    }

    /// Whether a model is conditioned on which drums play.
    #[must_use]
    pub fn takes_hits(&self) -> bool {
        self.inner().takes_hits()
    }

    /// Whether these settings make sense together.
    ///
    /// # Errors
    /// If not; the text names the key.
    pub fn check(&self) -> Result<(), Error> {
        if self.cap() == Some(0) {
            return Err(wrong("max_per_song", "is at least 1; leave it out for all"));
        }
        self.inner().check()
    }

    /// Everything in `song` that windows can be cut from. `map` says which key is which drum.
    ///
    /// # Errors
    /// If there is nothing; the text says why.
    pub fn extract(&self, song: &Song, map: &DrumMap) -> Result<Extracted, Error> {
        let is_one_metre = song.steps_per_bar().is_ok();
        let extent = match song.loop_beats.map(nearest_step) {
            Some(n_steps) if is_one_metre && n_steps <= LONGEST_LOOP => Extent::Loop { n_steps },
            _ => Extent::Tracks,
        };
        self.find(song, map, extent)
    }

    /// `song` as it is, from its first bar on, with all its rests and with silence up to at least `n_steps`: for one
    /// that a person chose, where a data set has the [extracted sections](Self::extract) instead.
    ///
    /// # Errors
    /// If there is nothing; the text says why.
    pub fn whole(&self, song: &Song, map: &DrumMap, n_steps: usize) -> Result<Extracted, Error> {
        let n_loop = song.loop_beats.map_or(0, nearest_step);
        let extracted = self.find(song, map, Extent::Whole { n_steps, n_loop })?;
        Ok(Extracted {
            is_whole: true,
            ..extracted
        })
    }

    fn find(&self, song: &Song, map: &DrumMap, extent: Extent) -> Result<Extracted, Error> {
        let common = self.common();
        if common.magenta_compat {
            let song = song.clone().sounding();
            let map = if map.id == DrumMap::GM.id {
                &DrumMap::MAGENTA
            } else {
                map
            };
            let sections = Sections::of(&song, common.any_metre, true);
            return self.inner().extract(&song, sections, map, extent);
        }
        let sections = Sections::of(song, common.any_metre, false);
        self.inner().extract(song, sections, map, extent)
    }

    /// The windows of `n_steps` steps in `extracted`, on bar lines, one every `hop_bars` (at least 1) bars.
    ///
    /// Of windows of labels or rolls that are the same, the first is kept, except in a [whole](Self::whole) song. With
    /// `magenta_compat`, no more are listed than the converter takes of a song, drawn once and for all; otherwise
    /// [`Self::draw`] draws that many of them anew for each epoch.
    #[must_use]
    pub fn windows(&self, extracted: &Extracted, n_steps: usize, hop_bars: usize) -> Vec<Place> {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        for (index, part) in extracted.parts.iter().enumerate() {
            let hop = hop_bars.max(1).saturating_mul(part.steps_per_bar);
            let n_starts = (part.n_steps() + 1).saturating_sub(n_steps);
            for first_step in (0..n_starts).step_by(hop) {
                let is_new = match part.fingerprint(first_step, n_steps) {
                    Some(window) => extracted.is_whole || seen.insert(window),
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
        if self.is_compatible() && !extracted.is_whole {
            let kept = self.draw(places.len(), &mut Noise::from_seed(0));
            places = kept.into_iter().map(|index| places[index]).collect();
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
    /// If `extracted` is another converter's, or the window does not fit into it.
    #[must_use]
    pub fn example(
        &self,
        extracted: &Extracted,
        place: &Place,
        n_steps: usize,
        noise: Option<&mut Noise>,
    ) -> Example {
        let steps = place.first_step..place.first_step + n_steps;
        let content = &extracted.parts[place.part].content;
        self.inner().example(content, steps, noise)
    }

    /// What a groove is for a model of grooves or of nine drums: the example without variation. `None` for others.
    #[must_use]
    pub fn example_of_groove(&self, groove: &Groove) -> Option<Example> {
        self.inner().example_of_groove(groove)
    }

    /// The groove that rows of the layout [`Self::output`] are, where they are one: on the grid and equally loud if the
    /// model knows no better. `None` for 61 drums, for melodies and for trios.
    ///
    /// # Panics
    /// If the rows have another layout.
    #[must_use]
    pub fn groove(&self, rows: &Rows) -> Option<Groove> {
        self.inner().groove(rows)
    }

    /// The notes that rows of the layout [`Self::output`] are, in beats from 0, in the order of time.
    ///
    /// # Panics
    /// If the rows have another layout.
    #[must_use]
    pub fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        self.inner().notes(rows, map)
    }

    /// The sounds that [`Self::notes`] are meant for; channels that are not among them play a piano, or drums.
    #[must_use]
    pub fn programs(&self) -> &'static [Program] {
        self.inner().programs()
    }

    /// The channel on which [`Self::notes`] has what such an instrument plays; `None` if it has no place for it.
    #[must_use]
    pub fn channel_of(&self, is_drum: bool, program: u8) -> Option<u8> {
        self.inner().channel_of(is_drum, program)
    }

    /// The resolution that [`Self::notes`] are meant to be written with: Magenta's grid is coarser.
    #[must_use]
    pub fn ticks_per_beat(&self) -> u16 {
        if self.is_compatible() {
            MAGENTA_TICKS_PER_BEAT
        } else {
            midi::TICKS_PER_BEAT
        }
    }

    /// Whether Magenta's examples are wanted, faults included.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.common().magenta_compat
    }

    /// The most windows of a song that an epoch learns from.
    fn cap(&self) -> Option<usize> {
        let common = self.common();
        if common.magenta_compat {
            self.inner().cap_of_magenta(common.max_per_song)
        } else {
            common.max_per_song
        }
    }
}

/// Who plays drums and no melody: places in the instruments of a song. Where nothing but the look of a part tells, all who
/// play on channel 10; in Magenta always these.
fn drummers(song: &Song, is_compatible: bool) -> BTreeSet<usize> {
    match song.drums() {
        Ok(drums) if !is_compatible && !drums.is_by_look => drums.instruments.into_iter().collect(),
        _ => {
            let is_drummer = |place: &usize| song.instruments[*place].channel == DRUM_CHANNEL;
            (0..song.instruments.len()).filter(is_drummer).collect()
        }
    }
}

/// The error for a setting that makes no sense.
fn wrong(key: &str, problem: impl std::fmt::Display) -> Error {
    Error::Config(format!("converter.{key} {problem}"))
}

/// Why nothing is extracted of a song's drums: their keys belong to no drum.
fn no_drum_of(seen: &NotesSeen, map: &str) -> String {
    let lost = seen.lost.unmapped.keys().chain(seen.lost.aside.keys());
    let keys: Vec<_> = lost.map(u8::to_string).collect();
    format!(
        "none of its {} notes is in the {map} map (keys {})",
        seen.n_notes,
        keys.join(", ")
    )
}
