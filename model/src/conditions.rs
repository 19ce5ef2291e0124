//! What a sequence is conditioned on: everything besides the latent that decides what is played.
//!
//! Conditions travel from an example to its loss, and from a request to its pattern. Each is optional, and a model that
//! was not trained with one refuses it ([`ModelConfig::check_conditions`](crate::config::ModelConfig::check_conditions)), because it would be ignored.

use crate::drums::{N_VOICES, Voice};
use crate::groove::{Cell, Groove, STEPS_PER_BAR};
use crate::rows::{self, Rows};
use candle_core::{Device, Tensor};

/// What a sequence is conditioned on; each part is optional.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// Index into the model's list of styles ([`styles`](crate::config::ModelConfig::styles)), if one is asked for.
    pub style: Option<usize>,
    /// Tempo in beats a minute.
    pub tempo_bpm: Option<f32>,
    /// Control rows that Magenta's conditional models read at every step: hits whose feel is asked for, say.
    pub controls: Option<Rows>,
    /// Cells that are already decided, by step and drum.
    pub known: Option<Known>,
    /// Bar by bar, whether it is to be a fill.
    pub fills: Option<Vec<bool>>,
}

/// What is known of a sequence of drums.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    steps: Vec<[KnownCell; N_VOICES]>,
    tap: Option<Vec<Option<Cell>>>,
}

/// What is known of one drum on one step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum KnownCell {
    /// Nothing.
    #[default]
    Unknown,
    /// Whether the drum plays, but not how.
    Hit(bool),
    /// All of it: the hit with its feel, or a rest.
    Full(Option<Cell>),
}

impl Conditions {
    /// Control rows and nothing else.
    #[must_use]
    pub fn of_controls(controls: Option<Rows>) -> Self {
        Self {
            controls,
            ..Self::default()
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The control rows of a batch, where it has any.
///
/// # Shapes
/// Result: `[batch, steps, controls]`.
///
/// # Errors
/// If some sequences have controls and others have not, if their layouts or lengths differ, or the device has no memory
/// for them.
pub(crate) fn controls(
    batch: &[Conditions],
    device: &Device,
) -> candle_core::Result<Option<Tensor>> {
    let controls: Vec<&Rows> = batch
        .iter()
        .filter_map(|one| one.controls.as_ref())
        .collect();
    match controls.len() {
        0 => Ok(None),
        n if n == batch.len() => Ok(Some(rows::to_tensor(&controls, device)?)),
        n => candle_core::bail!("{n} of {} sequences of a batch have controls", batch.len()),
    }
}

impl Known {
    /// Nothing is known of `n_steps`.
    #[must_use]
    pub fn nothing(n_steps: usize) -> Self {
        Self {
            steps: vec![[KnownCell::Unknown; N_VOICES]; n_steps],
            tap: None,
        }
    }

    /// Cells of `groove` for whose bar (of 16 steps, from 0) and drum `is_known` holds, hits and feel; the others are
    /// unknown.
    #[must_use]
    pub fn cells(groove: &Groove, is_known: impl Fn(usize, Voice) -> bool) -> Self {
        Self::cells_by_step(groove, |step, voice| is_known(step / STEPS_PER_BAR, voice))
    }

    /// Cells of `groove` for whose step (from 0) and drum `is_known` holds, hits and feel; the others are unknown.
    #[must_use]
    pub fn cells_by_step(groove: &Groove, is_known: impl Fn(usize, Voice) -> bool) -> Self {
        Self::of(groove, |step, voice, cell| {
            if is_known(step, voice) {
                KnownCell::Full(cell)
            } else {
                KnownCell::Unknown
            }
        })
    }

    /// `drums` are those of `groove`, hits and feel; the others are unknown.
    #[must_use]
    pub fn drums(groove: &Groove, drums: &[Voice]) -> Self {
        Self::cells(groove, |_, voice| drums.contains(&voice))
    }

    /// These bars (of 16 steps, from 0) are those of `groove`, hits and feel; the others are unknown.
    #[must_use]
    pub fn bars(groove: &Groove, bars: &[usize]) -> Self {
        Self::cells(groove, |bar, _| bars.contains(&bar))
    }

    /// The first `n` bars are those of `groove`.
    #[must_use]
    pub fn first_bars(groove: &Groove, n: usize) -> Self {
        let bars: Vec<usize> = (0..n).collect();
        Self::bars(groove, &bars)
    }

    /// The hits are those of `groove`; how they are played is unknown.
    #[must_use]
    pub fn hits(groove: &Groove) -> Self {
        Self::of(groove, |_, _, cell| KnownCell::Hit(cell.is_some()))
    }

    /// The loudest hit of each step of `groove` is known, but not which drum plays it, nor what plays beside it.
    #[must_use]
    pub fn tap(groove: &Groove) -> Self {
        let tap = (0..groove.n_steps()).map(|step| groove.loudest(step));
        Self {
            tap: Some(tap.collect()),
            ..Self::nothing(groove.n_steps())
        }
    }

    /// The same with all that `other` knows, which counts where both know something.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for (own, others) in self.steps.iter_mut().zip(&other.steps) {
            for (own, other) in own.iter_mut().zip(others) {
                if *other != KnownCell::Unknown {
                    *own = *other;
                }
            }
        }
        if other.tap.is_some() {
            self.tap.clone_from(&other.tap);
        }
        self
    }

    fn of(groove: &Groove, cell: impl Fn(usize, Voice, Option<Cell>) -> KnownCell) -> Self {
        let step = |step| Voice::ALL.map(|voice| cell(step, voice, groove.cell(step, voice)));
        Self {
            steps: (0..groove.n_steps()).map(step).collect(),
            tap: None,
        }
    }

    /// Length in steps.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    /// What is known of each drum on each step.
    #[must_use]
    pub fn steps(&self) -> &[[KnownCell; N_VOICES]] {
        &self.steps
    }

    /// A line of hits whose drums are not known, as long as the sequence; `None` where nothing was tapped on a step.
    #[must_use]
    pub fn taps(&self) -> Option<&[Option<Cell>]> {
        self.tap.as_deref()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::rows::RowLayout;

    const SOFT: Cell = Cell {
        velocity: 0.3,
        offset: 0.1,
    };
    const LOUD: Cell = Cell {
        velocity: 0.9,
        offset: -0.1,
    };

    /// A soft kick and a loud snare together, a kick in the second bar.
    fn groove() -> Groove {
        let mut groove = Groove::empty(32);
        groove.set(0, Voice::Kick, Some(SOFT));
        groove.set(0, Voice::Snare, Some(LOUD));
        groove.set(20, Voice::Kick, Some(LOUD));
        groove
    }

    fn n_unknown(known: &Known) -> usize {
        let cells = known.steps().iter().flatten();
        cells.filter(|cell| **cell == KnownCell::Unknown).count()
    }

    #[test]
    fn what_is_known_is_what_was_chosen_of_a_groove() {
        let (kick, snare) = (Voice::Kick.index(), Voice::Snare.index());
        let known = Known::drums(&groove(), &[Voice::Kick]);
        assert_eq!(known.steps()[0][kick], KnownCell::Full(Some(SOFT)));
        assert_eq!(known.steps()[1][kick], KnownCell::Full(None));
        assert_eq!(n_unknown(&known), 32 * (N_VOICES - 1));

        let known = Known::first_bars(&groove(), 1);
        assert_eq!(known.steps()[0][snare], KnownCell::Full(Some(LOUD)));
        assert_eq!(known.steps()[20][kick], KnownCell::Unknown);
        assert_eq!(n_unknown(&known), 16 * N_VOICES);
        let known = Known::bars(&groove(), &[1]);
        assert_eq!(known.steps()[20][kick], KnownCell::Full(Some(LOUD)));
        assert_eq!(n_unknown(&known), 16 * N_VOICES);

        let known = Known::hits(&groove());
        assert_eq!(known.steps()[0][kick], KnownCell::Hit(true));
        assert_eq!(known.steps()[1][kick], KnownCell::Hit(false));
        assert_eq!(n_unknown(&known), 0);

        let known = Known::tap(&groove());
        let taps = known.taps().unwrap();
        assert_eq!((taps.len(), taps[0], taps[1]), (32, Some(LOUD), None));
        assert_eq!(n_unknown(&known), 32 * N_VOICES);
    }

    #[test]
    fn a_batch_with_controls_for_some_is_refused() {
        let roll = Rows::of_bits(RowLayout::Roll { classes: 9 }, vec![0; 4]);
        let with = Conditions::of_controls(Some(roll));
        let tensor = |batch: &[Conditions]| controls(batch, &Device::Cpu);
        let both = tensor(&[with.clone(), with.clone()]).unwrap().unwrap();
        assert_eq!(both.dims(), [2, 4, 9]);
        assert!(tensor(&[Conditions::default()]).unwrap().is_none());
        let problem = tensor(&[with, Conditions::default()]).unwrap_err();
        assert!(problem.to_string().contains("1 of 2"), "{problem}");
    }
}
