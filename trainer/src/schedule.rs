//! How the learning rate and the weight of the KL divergence change over a run.

/// Exponential decay from `initial` to `minimum`: (initial − minimum) · decayˢᵗᵉᵖ + minimum.
#[must_use]
pub fn learning_rate(initial: f64, minimum: f64, decay: f64, step: usize) -> f64 {
    (initial - minimum) * power(decay, step) + minimum
}

/// β of the KL divergence: maximum · (1 − rateˢᵗᵉᵖ), so 0 at step 0; a rate of 0 gives the maximum from step 1 on.
#[must_use]
pub fn kl_weight(maximum: f64, rate: f64, step: usize) -> f64 {
    maximum * (1.0 - power(rate, step))
}

fn power(base: f64, step: usize) -> f64 {
    base.powi(i32::try_from(step).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_starts_at_the_initial_one_and_ends_at_the_minimum() {
        assert!((learning_rate(1e-3, 1e-5, 0.9999, 0) - 1e-3).abs() < 1e-12);
        assert!((learning_rate(1e-3, 1e-5, 0.9999, 10_000_000) - 1e-5).abs() < 1e-12);
    }

    #[test]
    fn kl_weight_is_off_at_the_first_step_only_when_its_rate_is_zero() {
        assert!(kl_weight(0.2, 0.0, 0).abs() < 1e-12);
        assert!((kl_weight(0.2, 0.0, 1) - 0.2).abs() < 1e-12);
        assert!(kl_weight(0.2, 0.99999, 1) < 1e-5);
    }
}
