//! How the learning rate and the weight of the KL divergence change over a run.

use super::config::{Schedule, TrainConfig};
use std::f64::consts::PI;

/// The learning rate of a step, the first of which is 0.
#[must_use]
pub fn learning_rate(train: &TrainConfig, step: usize) -> f64 {
    let (initial, minimum) = (train.learning_rate, train.min_learning_rate);
    match train.schedule {
        Schedule::Exponential => {
            (initial - minimum) * power(train.learning_rate_decay, step) + minimum
        }
        Schedule::Cosine { warmup } if step < warmup => {
            initial * number(step + 1) / number(warmup + 1)
        }
        Schedule::Cosine { warmup } => {
            let last = train.steps.saturating_sub(warmup + 1).max(1);
            let done = number((step - warmup).min(last)) / number(last);
            minimum + (initial - minimum) * (1.0 + (PI * done).cos()) / 2.0
        }
    }
}

/// β of the KL divergence at a step, the first of which is 0: with `train.beta_steps` in a straight line from 0 to
/// `train.max_beta`, else maximum · (1 − rateˢᵗᵉᵖ), where a rate of 0 gives the maximum from step 1 on.
///
/// # Source
/// Sønderby et al. 2016, "Ladder Variational Autoencoders" (the line); Magenta's `MusicVAE` (the rate).
#[must_use]
pub fn kl_weight(train: &TrainConfig, step: usize) -> f64 {
    let share = if train.beta_steps > 0 {
        (number(step) / number(train.beta_steps)).min(1.0)
    } else {
        1.0 - power(train.beta_rate, step)
    };
    train.max_beta * share
}

fn power(base: f64, step: usize) -> f64 {
    base.powi(i32::try_from(step).unwrap_or(i32::MAX))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of steps are far below 2^53"
)]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }

    #[test]
    fn exponential_decay_starts_at_the_initial_rate_and_ends_at_the_minimum() {
        let train = TrainConfig::default();
        assert_near(learning_rate(&train, 0), 1e-3);
        assert_near(learning_rate(&train, 1), 0.9999 * 0.99e-3 + 1e-5);
        assert_near(learning_rate(&train, 10_000_000), 1e-5);
    }

    #[test]
    fn a_cosine_rises_to_the_full_rate_and_falls_to_the_minimum_at_the_last_step() {
        let train = TrainConfig {
            schedule: Schedule::Cosine { warmup: 4 },
            steps: 105,
            learning_rate: 1.0,
            min_learning_rate: 0.02,
            ..TrainConfig::default()
        };
        for (step, expected) in [
            (0, 0.2),
            (3, 0.8),
            (4, 1.0),
            (29, 0.02 + 0.98 * (1.0 + 0.5_f64.sqrt()) / 2.0),
            (54, 0.51),
            (104, 0.02),
            (1_000, 0.02),
        ] {
            assert_near(learning_rate(&train, step), expected);
        }
    }

    #[test]
    fn a_cosine_of_fewer_steps_than_its_warm_up_is_the_warm_up() {
        let train = TrainConfig {
            schedule: Schedule::Cosine { warmup: 9 },
            steps: 2,
            learning_rate: 1.0,
            ..TrainConfig::default()
        };
        assert_near(learning_rate(&train, 1), 0.2);
        assert!(learning_rate(&train, 9).is_finite());
    }

    #[test]
    fn kl_weight_is_off_at_the_first_step_only_when_its_rate_is_zero() {
        let train = |beta_rate| TrainConfig {
            max_beta: 0.2,
            beta_rate,
            ..TrainConfig::default()
        };
        assert_near(kl_weight(&train(0.0), 0), 0.0);
        assert_near(kl_weight(&train(0.0), 1), 0.2);
        assert!(kl_weight(&train(0.99999), 1) < 1e-5);
    }

    #[test]
    fn kl_weight_rises_in_a_line_over_its_steps() {
        let train = TrainConfig {
            max_beta: 0.5,
            beta_steps: 200,
            ..TrainConfig::default()
        };
        for (step, expected) in [(0, 0.0), (50, 0.125), (200, 0.5), (201, 0.5)] {
            assert_near(kl_weight(&train, step), expected);
        }
    }
}
