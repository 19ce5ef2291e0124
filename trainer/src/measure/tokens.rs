//! Rows as things that are equal or not: what accuracy, Hamming distance and the n-gram model count.

use fourbar_model::rows::{RowLayout, Rows};

/// One number for each row, the same for rows that are the same: which classes play, or which are chosen. How loud and
/// how early a drum plays does not count.
pub(super) fn tokens(rows: &Rows) -> Vec<u64> {
    if let Some(labels) = rows.labels() {
        let classes = choices(rows.layout());
        let token = |labels: &[u16]| {
            let choices = labels.iter().zip(&classes);
            choices.fold(0, |token, (label, n)| {
                token * (*n as u64) + u64::from(*label)
            })
        };
        return labels.chunks_exact(classes.len()).map(token).collect();
    }
    notes(rows)
}

/// How many different tokens rows of this layout can have.
pub(super) fn n_tokens(layout: &RowLayout) -> f64 {
    let numbers = |n: &usize| super::statistics::count(*n);
    match layout {
        RowLayout::Groove { drums: n }
        | RowLayout::BinnedGroove { drums: n, .. }
        | RowLayout::Roll { classes: n }
        | RowLayout::RollWithRest { classes: n } => numbers(n).exp2(),
        RowLayout::OneHot { classes } => numbers(classes),
        RowLayout::OneHots { classes } => classes.iter().map(numbers).product(),
    }
}

/// The classes of each choice of a row; none where rows are not choices.
pub(super) fn choices(layout: &RowLayout) -> Vec<usize> {
    match layout {
        RowLayout::OneHot { classes } => vec![*classes],
        RowLayout::OneHots { classes } => classes.clone(),
        _ => Vec::new(),
    }
}

/// Which drums or classes play in each step of a roll or a groove, the first in the lowest bit; nothing for choices.
pub(super) fn notes(rows: &Rows) -> Vec<u64> {
    if let Some(bits) = rows.bits() {
        return bits.to_vec();
    }
    let (RowLayout::Groove { drums } | RowLayout::BinnedGroove { drums, .. }) = rows.layout()
    else {
        return Vec::new();
    };
    let numbers = rows.numbers().unwrap_or_default();
    let hits = |row: &[f32]| {
        let hits = row[..*drums].iter().enumerate();
        hits.filter(|(_, hit)| **hit > 0.5)
            .fold(0, |bits, (drum, _)| bits | 1 << drum)
    };
    numbers
        .chunks_exact(rows.layout().width())
        .map(hits)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_if_the_same_drums_play_however_loud() {
        let layout = RowLayout::Groove { drums: 2 };
        let loud = Rows::of_numbers(layout.clone(), vec![0.0, 1.0, 0.0, 0.9, 0.0, 0.2]);
        let soft = Rows::of_numbers(layout, vec![0.0, 1.0, 0.0, 0.1, 0.0, -0.2]);
        assert_eq!((tokens(&loud), tokens(&soft)), (vec![0b10], vec![0b10]));
    }

    #[test]
    fn choices_side_by_side_are_one_token() {
        let layout = RowLayout::OneHots {
            classes: vec![2, 3],
        };
        assert!((n_tokens(&layout) - 6.0).abs() < 1e-12);
        let all: Vec<u16> = (0..2)
            .flat_map(|a| (0..3).flat_map(move |b| [a, b]))
            .collect();
        assert_eq!(tokens(&Rows::of_labels(layout, all)), [0, 1, 2, 3, 4, 5]);
    }
}
