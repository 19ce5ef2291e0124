//! Generated music before it is written.

use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::midi::TimeSignature;
use fourbar_model::note::Note;

/// Music in the order in which it is written, made one by one: any number of pieces fits into the memory.
pub(super) type Variations<'a> = Box<dyn Iterator<Item = anyhow::Result<Variation>> + 'a>;

/// Generated music and what it is called.
pub(super) struct Variation {
    /// File name without its ending.
    pub(super) stem: String,
    /// The same for people.
    pub(super) title: String,
    pub(super) notes: Vec<Note>,
    /// Length in 16th steps.
    pub(super) n_steps: usize,
    pub(super) metre: Metre,
    /// The point that it was decoded from, before attributes moved it, where it is a single one.
    pub(super) z: Option<Vec<f32>>,
}

/// How music is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metre {
    pub(super) signature: TimeSignature,
    pub(super) steps_per_bar: usize,
}

impl Metre {
    /// 4/4: that of music without an input.
    pub(super) const COMMON: Self = Self {
        signature: TimeSignature::COMMON,
        steps_per_bar: STEPS_PER_BAR,
    };

    /// The bars that begin in so many steps.
    pub(super) fn n_bars(self, n_steps: usize) -> usize {
        n_steps.div_ceil(self.steps_per_bar)
    }
}
