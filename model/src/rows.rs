//! Sequences as the network sees them: one row of numbers a step, in one of a few layouts.
//!
//! A converter gives rows of one layout and a head consumes rows of one layout, and [`RowLayout`] is how the two are
//! compared when a model is built: probabilities of 27 classes and 27 numbers of a groove are equally wide, and a model
//! that mixes them up trains without an error and never plays a beat.

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// What the numbers of one row mean.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RowLayout {
    /// For each of `drums`: whether it plays, then how loud each is, then how early (see [`crate::groove`]).
    Groove {
        /// Number of drums.
        drums: usize,
    },
    /// For each of `drums`: whether it plays; then one-hot velocities of all drums, then one-hot offsets.
    BinnedGroove {
        /// Number of drums.
        drums: usize,
        /// Classes of loudness.
        velocity_bins: usize,
        /// Classes of timing.
        offset_bins: usize,
    },
    /// For each of `classes`: whether it plays.
    Roll {
        /// Number of classes.
        classes: usize,
    },
    /// A roll with one more number, which is 1 where nothing plays.
    RollWithRest {
        /// Number of classes, the rest not counted.
        classes: usize,
    },
    /// One of `classes`.
    OneHot {
        /// Number of classes.
        classes: usize,
    },
    /// Several independent choices side by side: melody, bass and drums of a trio.
    OneHots {
        /// Number of classes of each choice.
        classes: Vec<usize>,
    },
}

impl RowLayout {
    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Groove { drums } => 3 * drums,
            Self::BinnedGroove {
                drums,
                velocity_bins,
                offset_bins,
            } => drums * (1 + velocity_bins + offset_bins),
            Self::Roll { classes } | Self::OneHot { classes } => *classes,
            Self::RollWithRest { classes } => classes + 1,
            Self::OneHots { classes } => classes.iter().sum(),
        }
    }

    /// The rows that a row-major array of [`Self::width`] numbers each describes, as a head puts them out: the larger
    /// of two, the largest of many. An incomplete last row is left out.
    ///
    /// # Panics
    /// If this is a roll of more than 64 classes, which no converter gives.
    #[must_use]
    pub fn read(&self, numbers: &[f32]) -> Rows {
        let rows = numbers.chunks_exact(self.width());
        let values = match self {
            Self::Groove { .. } | Self::BinnedGroove { .. } => {
                Values::Numbers(numbers[..rows.len() * self.width()].to_vec())
            }
            Self::Roll { classes } | Self::RollWithRest { classes } => {
                assert!(*classes <= 64, "a roll has at most 64 classes");
                let bits = |row: &[f32]| {
                    let on = row[..*classes]
                        .iter()
                        .enumerate()
                        .filter(|(_, x)| **x > 0.5);
                    on.fold(0, |bits, (class, _)| bits | 1 << class)
                };
                Values::Bits(rows.map(bits).collect())
            }
            Self::OneHot { .. } => Values::Labels(rows.map(largest).collect()),
            Self::OneHots { classes } => Values::Labels(
                rows.flat_map(|mut row| {
                    classes.iter().map(move |n| {
                        let (choice, rest) = row.split_at(*n);
                        row = rest;
                        largest(choice)
                    })
                })
                .collect(),
            ),
        };
        Rows {
            layout: self.clone(),
            values,
        }
    }
}

/// The place of the largest number, the first of equals.
fn largest(numbers: &[f32]) -> u16 {
    let mut best = 0;
    for (place, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = place;
        }
    }
    u16::try_from(best).expect("a choice has fewer than 2^16 classes")
}

impl fmt::Display for RowLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groove { drums } => write!(
                f,
                "groove rows of {drums} drums (hits, velocities, offsets)"
            ),
            Self::BinnedGroove { drums, .. } => write!(
                f,
                "groove rows of {drums} drums with classes of velocity and offset"
            ),
            Self::Roll { classes } => write!(f, "a roll of {classes} classes"),
            Self::RollWithRest { classes } => write!(f, "a roll of {classes} classes with a rest"),
            Self::OneHot { classes } => write!(f, "one of {classes} classes"),
            Self::OneHots { classes } => {
                let numbers: Vec<_> = classes.iter().map(ToString::to_string).collect();
                write!(f, "one class each of {}", numbers.join(" + "))
            }
        }
    }
}

/// A sequence of rows of one layout, stored compactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    layout: RowLayout,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// Row-major.
    Numbers(Vec<f32>),
    /// The classes that play in each step, the first in the lowest bit.
    Bits(Vec<u64>),
    /// The classes chosen in each step, choice after choice.
    Labels(Vec<u16>),
}

impl Rows {
    /// Rows of numbers, row-major: those of a groove.
    ///
    /// # Panics
    /// If `layout` is not one of a groove, or a row is incomplete.
    #[must_use]
    pub fn of_numbers(layout: RowLayout, numbers: Vec<f32>) -> Self {
        assert!(
            matches!(
                layout,
                RowLayout::Groove { .. } | RowLayout::BinnedGroove { .. }
            ),
            "{layout} are not stored as numbers"
        );
        assert!(
            numbers.len().is_multiple_of(layout.width()),
            "a row is incomplete"
        );
        Self {
            layout,
            values: Values::Numbers(numbers),
        }
    }

    /// Rows of a roll: the classes that play in each step, the first in the lowest bit.
    ///
    /// # Panics
    /// If `layout` is no roll, or has more than 64 classes.
    #[must_use]
    pub fn of_bits(layout: RowLayout, bits: Vec<u64>) -> Self {
        assert!(
            matches!(layout, RowLayout::Roll { classes } | RowLayout::RollWithRest { classes } if classes <= 64),
            "{layout} are not stored as bits"
        );
        Self {
            layout,
            values: Values::Bits(bits),
        }
    }

    /// Rows of choices: the classes chosen in each step, choice after choice.
    ///
    /// # Panics
    /// If `layout` is no choice, a step is incomplete, or a label is not among its classes.
    #[must_use]
    pub fn of_labels(layout: RowLayout, labels: Vec<u16>) -> Self {
        let classes = match &layout {
            RowLayout::OneHot { classes } => std::slice::from_ref(classes),
            RowLayout::OneHots { classes } => classes,
            _ => panic!("{layout} are not stored as labels"),
        };
        assert!(
            labels.len().is_multiple_of(classes.len()),
            "a step is incomplete"
        );
        let fits = |(label, n): (&u16, &usize)| usize::from(*label) < *n;
        assert!(
            labels.iter().zip(classes.iter().cycle()).all(fits),
            "a label is beyond its classes"
        );
        Self {
            layout,
            values: Values::Labels(labels),
        }
    }

    /// What the rows mean.
    #[must_use]
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Number of rows.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        match (&self.values, &self.layout) {
            (Values::Numbers(numbers), layout) => numbers.len() / layout.width(),
            (Values::Bits(bits), _) => bits.len(),
            (Values::Labels(labels), RowLayout::OneHots { classes }) => {
                labels.len() / classes.len()
            }
            (Values::Labels(labels), _) => labels.len(),
        }
    }

    /// The numbers of a groove, row-major; `None` for other layouts.
    #[must_use]
    pub fn numbers(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// The classes that play in each step of a roll; `None` for other layouts.
    #[must_use]
    pub fn bits(&self) -> Option<&[u64]> {
        match &self.values {
            Values::Bits(bits) => Some(bits),
            _ => None,
        }
    }

    /// The classes chosen in each step, choice after choice; `None` for layouts without choices.
    #[must_use]
    pub fn labels(&self) -> Option<&[u16]> {
        match &self.values {
            Values::Labels(labels) => Some(labels),
            _ => None,
        }
    }

    /// The rows of some steps.
    ///
    /// # Panics
    /// If there are no such steps.
    #[must_use]
    pub fn steps(&self, steps: Range<usize>) -> Self {
        fn part<T: Clone>(values: &[T], n_steps: usize, steps: Range<usize>) -> Vec<T> {
            let width = values.len() / n_steps;
            values[steps.start * width..steps.end * width].to_vec()
        }
        let n = self.n_steps();
        assert!(steps.end <= n, "there are only {n} steps");
        Self {
            layout: self.layout.clone(),
            values: match &self.values {
                Values::Numbers(numbers) => Values::Numbers(part(numbers, n, steps)),
                Values::Bits(bits) => Values::Bits(part(bits, n, steps)),
                Values::Labels(labels) => Values::Labels(part(labels, n, steps)),
            },
        }
    }

    /// All numbers, row-major: what the network reads.
    #[must_use]
    pub fn to_numbers(&self) -> Vec<f32> {
        let width = self.layout.width();
        match &self.values {
            Values::Numbers(numbers) => numbers.clone(),
            Values::Bits(bits) => {
                let rest = matches!(self.layout, RowLayout::RollWithRest { .. });
                let classes = width - usize::from(rest);
                let mut numbers = vec![0.0; bits.len() * width];
                for (row, bits) in numbers.chunks_exact_mut(width).zip(bits) {
                    for class in (0..classes).filter(|class| bits >> class & 1 == 1) {
                        row[class] = 1.0;
                    }
                    if rest && *bits == 0 {
                        row[classes] = 1.0;
                    }
                }
                numbers
            }
            Values::Labels(labels) => {
                let classes = match &self.layout {
                    RowLayout::OneHots { classes } => classes.as_slice(),
                    _ => &[width],
                };
                let mut numbers = vec![0.0; self.n_steps() * width];
                for (row, labels) in numbers
                    .chunks_exact_mut(width)
                    .zip(labels.chunks_exact(classes.len()))
                {
                    let mut first = 0;
                    for (label, n) in labels.iter().zip(classes) {
                        row[first + usize::from(*label)] = 1.0;
                        first += n;
                    }
                }
                numbers
            }
        }
    }
}

/// Sequences of one layout and length as the network's input.
///
/// # Shapes
/// Result: `[batch, steps, width]`, single precision.
///
/// # Errors
/// If layouts or lengths differ, or the device has no memory for it.
pub fn to_tensor(batch: &[&Rows], device: &Device) -> candle_core::Result<Tensor> {
    let Some(first) = batch.first() else {
        candle_core::bail!("a batch has at least one sequence");
    };
    let n_steps = first.n_steps();
    if let Some(other) = batch
        .iter()
        .find(|rows| rows.layout != first.layout || rows.n_steps() != n_steps)
    {
        candle_core::bail!(
            "a batch needs one layout and length, found {n_steps} steps of {} and {} steps of {}",
            first.layout,
            other.n_steps(),
            other.layout
        );
    }
    let numbers: Vec<f32> = batch.iter().flat_map(|rows| rows.to_numbers()).collect();
    Tensor::from_vec(
        numbers,
        (batch.len(), n_steps, first.layout.width()),
        device,
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    #[test]
    fn every_layout_reads_back_what_it_writes_whole_and_from_the_second_step() {
        let roll = Rows::of_bits(
            RowLayout::RollWithRest { classes: 3 },
            vec![0b101, 0, 0b010],
        );
        assert_eq!(
            roll.to_numbers(),
            [1., 0., 1., 0., 0., 0., 0., 1., 0., 1., 0., 0.]
        );
        let choices = Rows::of_labels(
            RowLayout::OneHots {
                classes: vec![2, 3],
            },
            vec![1, 0, 0, 2],
        );
        assert_eq!(
            choices.to_numbers(),
            [0., 1., 1., 0., 0., 1., 0., 0., 0., 1.]
        );
        let labels = Rows::of_labels(RowLayout::OneHot { classes: 512 }, vec![511, 0, 7]);
        let groove = Rows::of_numbers(
            RowLayout::Groove { drums: 1 },
            vec![1.0, 0.5, -0.25, 0.0, 0.0, 0.0],
        );
        for rows in [roll, choices, labels, groove] {
            assert_eq!(rows.layout().read(&rows.to_numbers()), rows);
            let numbers = &rows.to_numbers()[rows.layout().width()..];
            assert_eq!(rows.layout().read(numbers), rows.steps(1..rows.n_steps()));
        }
    }

    #[test]
    fn a_batch_of_two_layouts_is_refused() {
        let a = Rows::of_bits(RowLayout::Roll { classes: 9 }, vec![1]);
        let b = Rows::of_labels(RowLayout::OneHot { classes: 9 }, vec![1]);
        let problem = to_tensor(&[&a, &b], &Device::Cpu).unwrap_err().to_string();
        assert!(
            problem.contains("a roll of 9 classes") && problem.contains("one of 9 classes"),
            "{problem}"
        );
    }
}
