//! What the latent costs in training, in nats. What the rows cost is the head's business.

use candle_core::{Result, Tensor};
use fourbar_model::latent::Posterior;

/// Closed-form KL divergence from `posterior` to the standard normal prior, in nats.
///
/// # Shapes
/// Result: `[batch]`.
///
/// # Errors
/// If the device fails.
///
/// # Source
/// Kingma & Welling 2013, appendix B: ½ Σ (μ² + σ² − 1 − ln σ²).
pub fn kl(posterior: &Posterior) -> Result<Tensor> {
    let variance = posterior.sigma.sqr()?;
    let terms = ((posterior.mu.sqr()? + &variance)? - (variance.log()? + 1.0)?)?;
    terms.sum(1)? * 0.5
}

/// What the KL divergence costs when the latent of an example may carry `free_bits` for nothing:
/// max(KL − `free_bits` · ln 2, 0).
///
/// # Shapes
/// `kl` and result: `[batch]`.
///
/// # Errors
/// If the device fails.
pub fn beyond_free_bits(kl: &Tensor, free_bits: f64) -> Result<Tensor> {
    (kl - free_bits * std::f64::consts::LN_2)?.relu()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn kl_of_the_initial_posterior_is_what_the_original_has() {
        // softplus(0) = ln 2 in each of 256 dimensions: 27.3 nats.
        let mu = Tensor::zeros((1, 256), DType::F32, &Device::Cpu).unwrap();
        let sigma = (mu.ones_like().unwrap() * std::f64::consts::LN_2).unwrap();
        let nats = kl(&Posterior { mu, sigma })
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()[0];
        assert!((nats - 27.35).abs() < 0.05, "{nats}");
    }

    #[test]
    fn free_bits_are_one_budget_for_the_whole_latent() {
        let kl = Tensor::new(&[30f32, 40.0], &Device::Cpu).unwrap();
        let cost = beyond_free_bits(&kl, 48.0)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!(cost[0].abs() < 1e-6 && (cost[1] - 6.729).abs() < 0.01);
    }
}
