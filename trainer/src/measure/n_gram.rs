//! How likely a sequence of rows is, by what usually follows what: a judge that knows nothing of any network.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

/// Rows that are looked at together: the last one and the four before it, as in the paper.
pub(super) const ORDER: usize = 5;

/// An n-gram model of rows, learned by counting. Probabilities of long contexts rest on those of shorter ones, and
/// those of none on all rows being equally likely: nothing is impossible.
///
/// # Source
/// Witten and Bell 1991, "The Zero-Frequency Problem", in its interpolated form.
#[derive(Debug)]
pub(super) struct NGramModel {
    /// How many different rows there can be.
    n_tokens: f64,
    contexts: HashMap<u64, Followers>,
    /// How often a row follows a context; keys are hashes, which all but never collide and take little memory.
    counts: HashMap<u64, u32>,
}

/// What follows a context.
#[derive(Debug, Default)]
struct Followers {
    n: u32,
    n_different: u32,
}

impl NGramModel {
    /// Learns from sequences of tokens, of which there can be `n_tokens` different ones.
    pub(super) fn learn(sequences: impl Iterator<Item = Vec<u64>>, n_tokens: f64) -> Self {
        let mut model = Self {
            n_tokens,
            contexts: HashMap::new(),
            counts: HashMap::new(),
        };
        for sequence in sequences {
            for (place, token) in sequence.iter().enumerate() {
                for context in contexts(&sequence[..place]) {
                    let followers = model.contexts.entry(hash(context)).or_default();
                    let n = model.counts.entry(hash((context, token))).or_default();
                    followers.n += 1;
                    followers.n_different += u32::from(*n == 0);
                    *n += 1;
                }
            }
        }
        model
    }

    /// Log-likelihood of a sequence, in nats.
    pub(super) fn log_likelihood(&self, sequence: &[u64]) -> f64 {
        let tokens = sequence.iter().enumerate();
        tokens
            .map(|(place, token)| self.probability(&sequence[..place], *token).ln())
            .sum()
    }

    fn probability(&self, before: &[u64], token: u64) -> f64 {
        let mut probability = self.n_tokens.recip();
        for context in contexts(before) {
            let Some(followers) = self.contexts.get(&hash(context)) else {
                break;
            };
            let n = self.counts.get(&hash((context, token))).copied();
            let (n, n_different) = (f64::from(n.unwrap_or(0)), f64::from(followers.n_different));
            probability = (n + n_different * probability) / (f64::from(followers.n) + n_different);
        }
        probability
    }

    /// How many contexts were seen; 0 if there was nothing to learn from.
    pub(super) fn n_contexts(&self) -> usize {
        self.contexts.len()
    }
}

/// The contexts that rows `before` give, shortest first.
fn contexts(before: &[u64]) -> impl Iterator<Item = &[u64]> {
    (0..=before.len().min(ORDER - 1)).map(|length| &before[before.len() - length..])
}

/// The same on every machine and in every run.
fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> NGramModel {
        NGramModel::learn([vec![0, 1, 0, 1, 0, 1], vec![0, 1, 2]].into_iter(), 4.0)
    }

    #[test]
    fn the_probabilities_of_all_rows_add_up_to_one_after_anything() {
        for before in [vec![], vec![0], vec![3], vec![0, 1, 0, 1, 0, 1, 0]] {
            let sum: f64 = (0..4)
                .map(|token| model().probability(&before, token))
                .sum();
            assert!((sum - 1.0).abs() < 1e-12, "{before:?}: {sum}");
        }
    }

    #[test]
    fn what_was_heard_is_likelier_than_what_was_not() {
        let likelihood = |sequence: &[u64]| model().log_likelihood(sequence);
        assert!(likelihood(&[0, 1, 0, 1]) > likelihood(&[0, 1, 1, 0]));
        assert!(likelihood(&[0, 1, 1, 0]) > likelihood(&[3, 3, 3, 3]));
        assert!(likelihood(&[3, 3, 3, 3]).is_finite());
    }

    #[test]
    fn with_nothing_learned_all_rows_are_equally_likely() {
        let model = NGramModel::learn(std::iter::empty(), 8.0);
        assert_eq!(model.n_contexts(), 0);
        let expected = -3.0 * 8.0_f64.ln();
        assert!((model.log_likelihood(&[0, 5, 7]) - expected).abs() < 1e-12);
    }
}
