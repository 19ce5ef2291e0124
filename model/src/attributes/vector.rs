//! The direction in which an attribute grows.

use super::{count, mean};
use serde::{Deserialize, Serialize};

/// Fewest sequences that an end of an attribute vector is the mean of: the mean of one or two is their own place, not
/// a direction.
const MIN_SEQUENCES: usize = 4;

/// The direction of an attribute in a model's latent space, and how the training data is distributed along it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeVector {
    /// Mean of the posterior means of the top quartile minus that of the bottom quartile, `[latent]`.
    pub vector: Vec<f32>,
    /// Mean of the attribute in the bottom quartile.
    pub bottom: f64,
    /// Mean of the attribute in the top quartile.
    pub top: f64,
    /// Mean of the attribute in all sequences that have it.
    pub mean: f64,
    /// Its standard deviation there.
    pub deviation: f64,
    /// Number of these sequences.
    pub n_sequences: usize,
}

impl AttributeVector {
    /// The vector from posterior means, `[latent]` each, and the attribute of each sequence, where it has one.
    ///
    /// Of equal values at the edge of a quartile all are in it: cutting somewhere among them would make the vector
    /// depend on the order of the data. If more than half of the data has one value, the sequences that have it are one
    /// end, and those with less or more the other. `None` if either end has fewer than four sequences.
    ///
    /// # Source
    /// Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music", section 5.4:
    /// means of the top and bottom quartiles of the training data. How equal values are dealt with is our own.
    ///
    /// # Panics
    /// If there are not as many values as means, or the means differ in width.
    #[must_use]
    pub fn fit(mus: &[Vec<f32>], values: &[Option<f64>]) -> Option<Self> {
        assert_eq!(
            mus.len(),
            values.len(),
            "every sequence has its place among the values"
        );
        let measured: Vec<(f64, &[f32])> = values
            .iter()
            .zip(mus)
            .filter_map(|(value, mu)| Some(((*value)?, mu.as_slice())))
            .collect();
        let (bottom, top) = quartiles(&measured)?;
        let vector = mean_vector(&top)
            .iter()
            .zip(mean_vector(&bottom))
            .map(|(top, bottom)| narrow(top - bottom))
            .collect();
        let values: Vec<f64> = measured.iter().map(|(value, _)| *value).collect();
        let centre = mean(values.iter().copied());
        let variance = mean(values.iter().map(|value| (value - centre).powi(2)));
        Some(Self {
            vector,
            bottom: mean(bottom.iter().map(|(value, _)| *value)),
            top: mean(top.iter().map(|(value, _)| *value)),
            mean: centre,
            deviation: variance.sqrt(),
            n_sequences: measured.len(),
        })
    }
}

impl AttributeVector {
    /// What is added to a latent vector, `[latent]`, to change the attribute by so many standard deviations of the
    /// training data.
    pub fn moved_by(&self, deviations: f32) -> impl Iterator<Item = f32> + '_ {
        let times = deviations * narrow(self.deviation / (self.top - self.bottom));
        self.vector.iter().map(move |component| times * component)
    }
}

/// A value and the latent vector of the sequence that has it.
type Measured<'a> = (f64, &'a [f32]);

/// The sequences at the two ends.
fn quartiles<'a>(measured: &[Measured<'a>]) -> Option<(Vec<Measured<'a>>, Vec<Measured<'a>>)> {
    let mut sorted: Vec<f64> = measured.iter().map(|(value, _)| *value).collect();
    sorted.sort_by(f64::total_cmp);
    let n_quarter = sorted.len() / 4;
    let low = *sorted.get(n_quarter.checked_sub(1)?)?;
    let high = sorted[sorted.len() - n_quarter];
    let chosen = |is_in: &dyn Fn(f64) -> bool| -> Vec<Measured<'a>> {
        measured
            .iter()
            .copied()
            .filter(|(value, _)| is_in(*value))
            .collect()
    };
    let (bottom, top) = if low < high {
        (
            chosen(&|value| value <= low),
            chosen(&|value| value >= high),
        )
    } else {
        let (below, above) = (chosen(&|value| value < low), chosen(&|value| value > low));
        let common = chosen(&|value| value == low);
        if below.len() >= above.len() {
            (below, common)
        } else {
            (common, above)
        }
    };
    (bottom.len().min(top.len()) >= MIN_SEQUENCES).then_some((bottom, top))
}

fn mean_vector(measured: &[Measured<'_>]) -> Vec<f64> {
    let width = measured.first().map_or(0, |(_, vector)| vector.len());
    let mut sums = vec![0.0; width];
    for (_, vector) in measured {
        assert_eq!(vector.len(), width, "all latent vectors are equally wide");
        for (sum, value) in sums.iter_mut().zip(*vector) {
            *sum += f64::from(*value);
        }
    }
    sums.iter().map(|sum| sum / count(measured.len())).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is meant"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    #[test]
    fn a_vector_leads_from_the_bottom_to_the_top_quartile() {
        let mus: Vec<Vec<f32>> = (0..16_u8).map(|i| vec![f32::from(i), 5.0]).collect();
        let mut values: Vec<Option<f64>> = (0..16_u8).map(|i| Some(f64::from(i))).collect();
        let vector = AttributeVector::fit(&mus, &values).unwrap();
        assert_eq!(vector.vector, [12.0, 0.0]);
        assert_eq!((vector.bottom, vector.top, vector.mean), (1.5, 13.5, 7.5));
        assert_eq!(vector.n_sequences, 16);
        values[15] = None;
        assert!(
            AttributeVector::fit(&mus, &values).is_none(),
            "a quarter of 15 is 3"
        );
    }

    #[test]
    fn equal_values_are_all_in_or_all_out() {
        let mus: Vec<Vec<f32>> = (0..16_u8).map(|i| vec![f32::from(i)]).collect();
        // Twelve have nothing: they are the bottom, the other four the top.
        let values: Vec<Option<f64>> = (0..16_u8)
            .map(|i| Some(if i < 12 { 0.0 } else { f64::from(i) }))
            .collect();
        let vector = AttributeVector::fit(&mus, &values).unwrap();
        assert_eq!(vector.vector, [13.5 - 5.5]);
        let constant = vec![Some(0.5); 16];
        assert!(AttributeVector::fit(&mus, &constant).is_none());
        assert!(AttributeVector::fit(&[], &[]).is_none());
    }
}
