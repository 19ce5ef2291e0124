//! What a song holds for one converter, and where windows lie in it.

use super::{melody, trio};
use crate::groove::{Groove, NotesLost};

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
    /// Where the first of them begins, in beats.
    pub first_beats: f64,
    /// MIDI channel (0–15) of these notes, if it is a single one.
    pub channel: Option<u8>,
    /// Whether it is a whole song, in which equal windows are different places.
    pub(super) is_whole: bool,
}

/// A stretch of a song that windows are cut from.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it begins in the song, in beats.
    pub start_beats: f64,
    /// Length of its bars in steps.
    pub steps_per_bar: usize,
    pub(super) content: Content,
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
                _ => panic!("the material is another converter's"),
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
