//! What a song holds for one converter, and where windows lie in it.

use super::{melody, trio};
use crate::drums::DrumMap;
use crate::groove::{Groove, NotesLost};

/// What a song holds for one converter.
#[derive(Debug, Clone)]
pub struct Extracted {
    /// What windows are cut from, never empty: sections of one metre, and for most converters those without a long
    /// rest.
    pub parts: Vec<Part>,
    /// Why other sections of the song are not among them.
    pub left_out: Vec<String>,
    /// Notes that were looked at: those of the drums, of the melodies, of the trio.
    pub n_notes: usize,
    /// Those of them that are in no part.
    pub lost: NotesLost,
    /// Where the first of them begins, in beats.
    pub first_beats: f64,
    /// MIDI channel (0–15) of these notes, if it is a single one.
    pub channel: Option<u8>,
    /// How the drums were found, in words, if not simply on channel 10.
    pub found: Option<String>,
    /// What plays on channel 10 and is no drum, in words.
    pub aside: Option<String>,
    /// Strokes of the hi-hat that its pedal makes open or closed, and not their key.
    pub n_by_pedal: usize,
    /// A drum map that the notes fit clearly better than the one that they are read with.
    pub better_map: Option<&'static DrumMap>,
    /// Whether it is a whole song, in which equal windows are different places.
    pub(super) is_whole: bool,
}

/// A section of a song that windows are cut from.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it begins in the song, in beats.
    pub start_beats: f64,
    /// Length of its bars in steps.
    pub steps_per_bar: usize,
    pub(super) content: Content,
}

/// Where a window lies in what was extracted of its song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index into [`Extracted::parts`].
    pub part: usize,
    /// First step of the window in that part.
    pub first_step: usize,
}

/// What each converter keeps of a song.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Groove(Groove),
    /// The classes that play in each step, the first in the lowest bit.
    Drums(Vec<u64>),
    /// The label of each step.
    Melody(Vec<u16>),
    Trio(trio::Parts),
}

/// One kind of content; another one is another converter's.
macro_rules! content {
    ($name:ident: $Kind:ident($Type:ty)) => {
        pub(super) fn $name(&self) -> &$Type {
            match self {
                Self::$Kind(content) => content,
                _ => panic!("this is another converter's"),
            }
        }
    };
}

impl Content {
    content!(groove: Groove(Groove));
    content!(bits: Drums([u64]));
    content!(labels: Melody([u16]));
    content!(trio: Trio(trio::Parts));
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
    pub(super) fn covers(&self, first_step: usize, n_steps: usize) -> bool {
        match &self.content {
            Content::Trio(parts) => parts.cover(first_step, n_steps, self.steps_per_bar),
            _ => true,
        }
    }

    /// What a window holds, for comparison with others; `None` where equal windows are all kept.
    pub(super) fn fingerprint(&self, first_step: usize, n_steps: usize) -> Option<Vec<u64>> {
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

impl Content {
    /// The same so many times in a row; `None` for trios, whose bars are not all alike.
    fn repeated(&self, n_times: usize) -> Option<Self> {
        Some(match self {
            Self::Groove(groove) => Self::Groove(groove.repeated(n_times)),
            Self::Drums(bits) => Self::Drums(bits.repeat(n_times)),
            Self::Melody(labels) => Self::Melody(labels.repeat(n_times)),
            Self::Trio(_) => return None,
        })
    }
}

impl Extracted {
    /// Repeats a loop up to `n_steps`, if it fits into them several times without a rest. Says whether it did.
    pub fn repeat_to(&mut self, n_steps: usize) -> bool {
        let [part] = &mut self.parts[..] else {
            return false;
        };
        let n_loop = part.n_steps();
        if n_loop == 0 || n_loop >= n_steps || !n_steps.is_multiple_of(n_loop) {
            return false;
        }
        match part.content.repeated(n_steps / n_loop) {
            Some(content) => {
                part.content = content;
                true
            }
            None => false,
        }
    }

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
