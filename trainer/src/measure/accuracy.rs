//! Counting rows that came back: the one measure that all kinds of models share.

use super::onsets::Onsets;
use super::statistics::{Estimate, by_file, count, ratio};
use super::tokens::{choices, notes};
use fourbar_model::head::choice_name;
use fourbar_model::rows::Rows;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much of held-out sequences is right, row by row. Intervals are by resampling whole files.
///
/// # Source
/// The accuracies of Magenta's heads, and Roberts et al. 2018, table 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    /// Share of rows that are right as a whole: the label, every choice, or every hit (a groove's velocities and
    /// offsets do not count).
    pub rows: Estimate,
    /// Mean over the classes that occur in the data of the share of their rows that is right; the mean of the choices
    /// if there are several. `None` for rolls and grooves.
    pub mean_per_class: Option<Estimate>,
    /// The same for each choice of a row, where there are several (melody, bass and drums of a trio).
    pub by_choice: Vec<Choice>,
    /// Of rolls and grooves: share of the notes put out that are in the data. `None` for labels.
    pub precision: Option<Estimate>,
    /// Of rolls and grooves: share of the data's notes that are put out. `None` for labels.
    pub recall: Option<Estimate>,
}

/// Accuracy of one of a row's choices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// What it is called.
    pub name: &'static str,
    /// Share of rows in which it is right.
    pub rows: Estimate,
    /// Mean over its classes that occur in the data of the share of their rows in which it is right.
    pub mean_per_class: Estimate,
}

impl Accuracy {
    /// Compares what was put out with the data, sequence by sequence; `files` names the file each is from.
    pub(super) fn of<'a>(
        data: impl Iterator<Item = &'a Rows>,
        played: &[Rows],
        files: &[usize],
    ) -> Self {
        let pairs: Vec<(&Rows, &Rows)> = data.zip(played).collect();
        let tallies = by_file(files, |tally: &mut Tally, index| {
            let (data, played) = pairs[index];
            tally.add(data, played);
        });
        let share = |figure: fn(&Tally) -> (usize, usize)| {
            Estimate::of(&tallies, |chosen| {
                let sum = chosen.iter().map(|tally| figure(tally));
                let (part, all) = sum.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
                ratio(count(part), all)
            })
        };
        let rows = share(|tally| (tally.n_right, tally.n_rows));

        let n_choices = pairs
            .first()
            .map_or(0, |(data, _)| choices(data.layout()).len());
        let per_class = |choices: std::ops::Range<usize>| {
            Estimate::of(&tallies, |chosen| {
                let means = choices.clone().map(|choice| mean_per_class(chosen, choice));
                let sum = means.sum::<Option<f64>>()?;
                ratio(sum, choices.len())
            })
        };
        let by_choice = (0..n_choices).map(|choice| Choice {
            name: choice_name(choice),
            rows: Estimate::of(&tallies, |chosen| {
                let classes = chosen
                    .iter()
                    .flat_map(|tally| tally.classes[choice].values());
                let (right, all) = classes.fold((0, 0), |sum, class| {
                    (sum.0 + class.n_right, sum.1 + class.n)
                });
                ratio(count(right), all)
            }),
            mean_per_class: per_class(choice..choice + 1),
        });
        let is_roll = n_choices == 0;
        Self {
            rows,
            mean_per_class: (!is_roll).then(|| per_class(0..n_choices)),
            by_choice: if n_choices > 1 {
                by_choice.collect()
            } else {
                Vec::new()
            },
            precision: is_roll.then(|| {
                share(|tally| {
                    (
                        tally.notes.true_positives,
                        tally.notes.true_positives + tally.notes.false_positives,
                    )
                })
            }),
            recall: is_roll.then(|| {
                share(|tally| {
                    (
                        tally.notes.true_positives,
                        tally.notes.true_positives + tally.notes.false_negatives,
                    )
                })
            }),
        }
    }
}

/// Share of the rows of all sequences that are right as a whole.
pub(super) fn share_of_rows<'a>(pairs: impl Iterator<Item = (&'a Rows, &'a Rows)>) -> Option<f64> {
    let mut tally = Tally::default();
    pairs.for_each(|(data, played)| tally.add(data, played));
    ratio(count(tally.n_right), tally.n_rows)
}

/// Counts over some sequences.
#[derive(Debug, Default)]
struct Tally {
    n_rows: usize,
    n_right: usize,
    /// Of rolls and grooves.
    notes: Onsets,
    /// Of each choice, the classes that occur in the data.
    classes: Vec<BTreeMap<u16, Class>>,
}

/// The rows of one class.
#[derive(Debug, Default)]
struct Class {
    n: usize,
    n_right: usize,
}

impl Tally {
    /// Counts one sequence in.
    fn add(&mut self, data: &Rows, played: &Rows) {
        self.n_rows += data.n_steps();
        if let (Some(labels), Some(played)) = (data.labels(), played.labels()) {
            let n_choices = choices(data.layout()).len();
            self.classes.resize_with(n_choices, BTreeMap::new);
            let rows = labels
                .chunks_exact(n_choices)
                .zip(played.chunks_exact(n_choices));
            for (labels, played) in rows {
                self.n_right += usize::from(labels == played);
                let choices = self.classes.iter_mut().zip(labels.iter().zip(played));
                for (classes, (label, played)) in choices {
                    let class = classes.entry(*label).or_default();
                    class.n += 1;
                    class.n_right += usize::from(label == played);
                }
            }
            return;
        }
        for (data, played) in notes(data).into_iter().zip(notes(played)) {
            self.n_right += usize::from(data == played);
            let n = |bits: u64| bits.count_ones() as usize;
            self.notes.merge(&Onsets {
                true_positives: n(data & played),
                false_negatives: n(data & !played),
                false_positives: n(played & !data),
            });
        }
    }
}

/// Mean over the classes of a choice that occur of the share of their rows that is right.
fn mean_per_class(tallies: &[&Tally], choice: usize) -> Option<f64> {
    let last = tallies
        .iter()
        .filter_map(|tally| tally.classes[choice].last_key_value());
    let n_classes = last.map(|(label, _)| usize::from(*label) + 1).max()?;
    let mut sums = vec![(0, 0); n_classes];
    for tally in tallies {
        for (label, class) in &tally.classes[choice] {
            let (right, all) = &mut sums[usize::from(*label)];
            *right += class.n_right;
            *all += class.n;
        }
    }
    let shares = sums
        .into_iter()
        .filter_map(|(right, all)| ratio(count(right), all));
    let shares: Vec<f64> = shares.collect();
    ratio(shares.iter().sum(), shares.len())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use fourbar_model::rows::RowLayout;

    fn near(found: Option<f64>, expected: f64) -> bool {
        (found.unwrap() - expected).abs() < 1e-12
    }

    #[test]
    fn a_rare_class_counts_as_much_as_a_frequent_one_in_the_mean_per_class() {
        let layout = RowLayout::OneHot { classes: 9 };
        let rows = |labels: [u16; 4]| Rows::of_labels(layout.clone(), labels.to_vec());
        let accuracy = Accuracy::of([rows([0, 0, 0, 7])].iter(), &[rows([0, 0, 0, 8])], &[0]);
        assert!(near(accuracy.rows.value, 0.75));
        assert!(near(accuracy.mean_per_class.unwrap().value, 0.5));
        assert_eq!((accuracy.precision, accuracy.by_choice.len()), (None, 0));
    }

    #[test]
    fn a_row_of_a_trio_is_right_if_all_three_choices_are() {
        let layout = RowLayout::OneHots {
            classes: vec![3, 3, 4],
        };
        let rows = |labels: &[u16]| Rows::of_labels(layout.clone(), labels.to_vec());
        let accuracy = Accuracy::of(
            [rows(&[0, 0, 0, 1, 1, 1, 2, 2, 2])].iter(),
            &[rows(&[0, 0, 0, 1, 1, 3, 2, 0, 3])],
            &[5],
        );
        assert!(near(accuracy.rows.value, 1.0 / 3.0));
        let shares: Vec<_> = accuracy
            .by_choice
            .iter()
            .map(|choice| (choice.name, (3.0 * choice.rows.value.unwrap()).round()))
            .collect();
        assert_eq!(shares, [("melody", 3.0), ("bass", 2.0), ("drums", 1.0)]);
        assert!(near(accuracy.mean_per_class.unwrap().value, 2.0 / 3.0));
    }

    #[test]
    fn the_row_of_a_roll_is_right_if_every_class_is_and_notes_are_counted_beside() {
        let rows = |bits: [u64; 3]| Rows::of_bits(RowLayout::Roll { classes: 61 }, bits.to_vec());
        let accuracy = Accuracy::of(
            [rows([0b11, 0, 1 << 60])].iter(),
            &[rows([0b01, 0, 1 << 60 | 1])],
            &[0],
        );
        assert!(near(accuracy.rows.value, 1.0 / 3.0));
        assert!(near(accuracy.precision.unwrap().value, 2.0 / 3.0));
        assert!(near(accuracy.recall.unwrap().value, 2.0 / 3.0));
        assert_eq!(accuracy.mean_per_class, None);
    }

    #[test]
    fn a_grooves_row_is_its_hits() {
        let layout = RowLayout::Groove { drums: 1 };
        let rows = |numbers: [f32; 6]| Rows::of_numbers(layout.clone(), numbers.to_vec());
        let accuracy = Accuracy::of(
            [rows([1.0, 0.9, 0.1, 0.0, 0.0, 0.0])].iter(),
            &[rows([1.0, 0.1, -0.3, 1.0, 0.4, 0.0])],
            &[0],
        );
        assert!(near(accuracy.rows.value, 0.5) && near(accuracy.recall.unwrap().value, 1.0));
        assert!(near(accuracy.precision.unwrap().value, 0.5));
    }
}
