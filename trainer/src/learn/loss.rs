//! What the latent costs in training, in nats. What the rows cost is the head's business.

use candle_core::{Result, Tensor};

/// What the KL divergence costs when the latent of an example may carry `free_bits` for nothing:
/// max(KL − `free_bits` · ln 2, 0).
///
/// # Shapes
/// `kl` and result: `[batch]`.
///
/// # Errors
/// If the device fails.
pub(super) fn beyond_free_bits(kl: &Tensor, free_bits: f64) -> Result<Tensor> {
    (kl - free_bits * std::f64::consts::LN_2)?.relu()
}

/// What it costs that the first numbers of `z` do not have the order of the music's attributes: for number k of `z` and
/// attribute k, |tanh(δ · (zᵢ − zⱼ)) − sign(aᵢ − aⱼ)|, summed over the attributes; of each example i the mean over all
/// examples j of the batch.
///
/// # Shapes
/// `z`: `[batch, latent]`; `attributes`: `[batch, n]`, n at most latent; result: `[batch]`.
///
/// # Errors
/// If shapes differ or the device fails.
///
/// # Source
/// Pati & Lerch 2020, "Attribute-based Regularization of Latent Spaces for Variational Auto-Encoders" (AR-VAE).
pub(super) fn attribute_order(z: &Tensor, attributes: &Tensor, delta: f64) -> Result<Tensor> {
    let n = attributes.dim(1)?;
    let differences = |x: &Tensor| x.unsqueeze(1)?.broadcast_sub(&x.unsqueeze(0)?);
    let found = (differences(&z.narrow(1, 0, n)?)? * delta)?.tanh()?;
    let wanted = differences(attributes)?.sign()?;
    (found - wanted)?.abs()?.mean(1)?.sum(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;
    use candle_core::Device;

    #[test]
    fn free_bits_are_one_budget_for_the_whole_latent() {
        let kl = Tensor::new(&[30f32, 40.0], &Device::Cpu).unwrap();
        let cost = beyond_free_bits(&kl, 48.0)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!(cost[0].abs() < 1e-6 && (cost[1] - 6.729).abs() < 0.01);
    }

    /// [`attribute_order`] of two attributes in a latent of three numbers.
    fn order_costs<const N: usize>(z: [[f32; 3]; N], attributes: [[f32; 2]; N]) -> Vec<f32> {
        let z = Tensor::new(&z, &Device::Cpu).unwrap();
        let attributes = Tensor::new(&attributes, &Device::Cpu).unwrap();
        let costs = attribute_order(&z, &attributes, 2.0).unwrap();
        costs.to_vec1().unwrap()
    }

    #[test]
    fn latent_numbers_in_the_order_of_their_attributes_cost_nothing() {
        let ordered = [[-20.0, 20.0, 1.0], [0.0, 0.0, 5.0], [20.0, -20.0, 2.0]];
        let rising = [[1.0, 0.3], [2.0, 0.2], [3.0, 0.1]];
        assert!(
            order_costs(ordered, rising)
                .iter()
                .all(|cost| cost.abs() < 1e-6)
        );
        // The first number is the wrong way round: 2 in two of the three pairs of each example, its own being the third.
        let falling = rising.map(|[a, b]| [-a, b]);
        let wrong = order_costs(ordered, falling);
        assert!(
            wrong.iter().all(|cost| (cost - 4.0 / 3.0).abs() < 1e-6),
            "{wrong:?}"
        );
        // tanh(2 · 0.5) stands for a difference in z where there is none in the music.
        let tied = order_costs([[0.5, 0.0, 0.0], [0.0; 3]], [[1.0, 1.0]; 2]);
        let expected = 1.0_f32.tanh() / 2.0;
        assert!(
            tied.iter().all(|cost| (cost - expected).abs() < 1e-6),
            "{tied:?}"
        );
    }

    #[test]
    fn the_gradient_brings_latent_numbers_into_the_order_of_their_attributes() {
        let attributes = Tensor::new(&[[3f32], [1.0], [2.0]], &Device::Cpu).unwrap();
        let z = candle_core::Var::new(&[[-0.3f32], [0.2], [0.1]], &Device::Cpu).unwrap();
        for _ in 0..200 {
            let cost = attribute_order(&z, &attributes, 2.0).unwrap();
            let gradients = cost.sum_all().unwrap().backward().unwrap();
            let step = (gradients.get(&z).unwrap() * 0.05).unwrap();
            z.set(&(z.as_tensor() - step).unwrap()).unwrap();
        }
        let z = z.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(z[0] > z[2] + 0.5 && z[2] > z[1] + 0.5, "{z:?}");
    }
}
