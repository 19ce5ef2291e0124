//! What training minimises, in nats.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::sigmoid;
use fourbar_model::drums::N_VOICES;
use fourbar_model::latent::Posterior;

/// Added to probabilities before their logarithm is taken, as `tf.losses.log_loss` does.
const LOG_EPSILON: f64 = 1e-7;

/// The parts of the reconstruction loss, each `[batch]`: sums over steps and drums.
#[derive(Debug, Clone)]
pub struct GrooveLoss {
    /// Negative log-likelihood of the hits.
    pub hits: Tensor,
    /// Squared error of the velocities, in every cell.
    pub velocities: Tensor,
    /// Squared error of the offsets (in half steps, as the network sees them), in every cell.
    pub offsets: Tensor,
}

impl GrooveLoss {
    /// The sum of the three parts, `[batch]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn total(&self) -> Result<Tensor> {
        (&self.hits + &self.velocities)? + &self.offsets
    }
}

/// Reconstruction loss of a groove head.
///
/// # Shapes
/// `outputs`: `[batch, steps, 27]`, before the head's non-linearities; `targets`: `[batch, steps, 27]`.
///
/// # Errors
/// If the shapes differ.
///
/// # Source
/// Magenta's `GrooveLstmDecoder`: log loss of the hits and squared errors of the rest, neither weighted nor masked.
pub fn groove(outputs: &Tensor, targets: &Tensor) -> Result<GrooveLoss> {
    let part = |x: &Tensor, i: usize| x.narrow(D::Minus1, i * N_VOICES, N_VOICES);
    let sum = |x: Tensor| x.sum((1, 2));
    let hits = part(targets, 0)?;
    let p = sigmoid(&part(outputs, 0)?)?;
    let present = (&hits * (&p + LOG_EPSILON)?.log()?)?;
    let absent = ((1.0 - &hits)? * ((1.0 - &p)? + LOG_EPSILON)?.log()?)?;
    Ok(GrooveLoss {
        hits: sum((present + absent)?.neg()?)?,
        velocities: sum((part(targets, 1)? - sigmoid(&part(outputs, 1)?)?)?.sqr()?)?,
        offsets: sum((part(targets, 2)? - part(outputs, 2)?.tanh()?)?.sqr()?)?,
    })
}

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
    fn loss_of_zero_logits_is_log_two_per_hit_cell_and_a_quarter_per_velocity_cell() {
        let outputs = Tensor::zeros((1, 64, 27), DType::F32, &Device::Cpu).unwrap();
        let loss = groove(&outputs, &outputs).unwrap();
        let value = |x: &Tensor| x.to_vec1::<f32>().unwrap()[0];
        assert!((value(&loss.hits) - 399.25).abs() < 0.1);
        assert!((value(&loss.velocities) - 144.0).abs() < 0.01);
        assert!(value(&loss.offsets).abs() < 1e-6);
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
