//! Gradient clipping, Adam with decoupled weight decay, and the average of the weights that it goes through.

use pulp::Arch;
use rayon::prelude::*;

/// Global norm of gradients.
#[must_use]
pub fn norm(gradients: &[&[f32]]) -> f64 {
    let squares: Vec<f64> = gradients
        .par_iter()
        .map(|gradient| Arch::new().dispatch(|| sum_of_squares(gradient)))
        .collect();
    squares.into_iter().sum::<f64>().sqrt()
}

/// In several sums side by side, as vector instructions work.
#[inline(always)]
fn sum_of_squares(values: &[f32]) -> f64 {
    let (chunks, rest) = values.as_chunks::<32>();
    let mut sums = [0.0; 32];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    let rest = rest.iter().map(|&value| f64::from(value).powi(2));
    sums.into_iter().chain(rest).sum()
}

/// The factor that brings gradients of a global norm down to `largest` where they are above it. A norm that is not
/// below 10,000, or not a number, is taken for an accident: the factor is 0.
///
/// # Source
/// Magenta's `global_norm` clipping.
#[must_use]
pub fn clip(norm: f64, largest: f64) -> f64 {
    if norm < 10_000.0 {
        largest / norm.max(largest)
    } else {
        0.0
    }
}

/// Adam with β₁ = 0.9, β₂ = 0.999, ε = 1e-8 and weight decay that bypasses the running means.
///
/// # Source
/// Kingma & Ba 2015 in TensorFlow's form: ε is added to √v, not to the corrected √v̂. Loshchilov & Hutter 2019,
/// "Decoupled Weight Decay Regularization" (AdamW); as in PyTorch, each update multiplies every parameter, biases
/// included, by 1 − learning rate · weight decay.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// Updates made.
    pub step: usize,
    /// Running mean of the gradients, one vector per parameter tensor.
    pub mean: Vec<Vec<f32>>,
    /// Running mean of their squares.
    pub square: Vec<Vec<f32>>,
}

impl Adam {
    const BETA_1: f32 = 0.9;
    const BETA_2: f32 = 0.999;
    const EPSILON: f32 = 1e-8;

    /// The state before the first update of tensors with these numbers of elements.
    #[must_use]
    pub fn new(sizes: &[usize]) -> Self {
        let zeros: Vec<Vec<f32>> = sizes.iter().map(|&n| vec![0.0; n]).collect();
        Self {
            step: 0,
            mean: zeros.clone(),
            square: zeros,
        }
    }

    /// One update of `parameters` in place, with gradients that are first multiplied by `factor`; a factor of 0 makes
    /// them 0 even where they are not numbers. A `weight_decay` of 0 leaves the parameters' own size alone.
    pub fn update(
        &mut self,
        parameters: &mut [Vec<f32>],
        gradients: &[&[f32]],
        factor: f64,
        learning_rate: f64,
        weight_decay: f64,
    ) {
        self.step += 1;
        let t = i32::try_from(self.step).unwrap_or(i32::MAX);
        let correction = (1.0 - f64::from(Self::BETA_2).powi(t)).sqrt()
            / (1.0 - f64::from(Self::BETA_1).powi(t));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "factors in single precision are enough"
        )]
        let (factor, rate, keep) = (
            factor as f32,
            (learning_rate * correction) as f32,
            (1.0 - learning_rate * weight_decay) as f32,
        );
        let state = self.mean.par_iter_mut().zip(&mut self.square);
        parameters
            .par_iter_mut()
            .zip(gradients)
            .zip(state)
            .for_each(|((parameters, gradients), (mean, square))| {
                Arch::new().dispatch(|| {
                    Self::update_tensor(parameters, gradients, mean, square, factor, rate, keep);
                });
            });
    }

    #[inline(always)]
    fn update_tensor(
        parameters: &mut [f32],
        gradients: &[f32],
        mean: &mut [f32],
        square: &mut [f32],
        factor: f32,
        rate: f32,
        keep: f32,
    ) {
        let state = mean.iter_mut().zip(square);
        let moves = parameters.iter_mut().zip(gradients);
        for ((parameter, &gradient), (m, v)) in moves.zip(state) {
            let gradient = if factor == 0.0 {
                0.0
            } else {
                gradient * factor
            };
            *m = Self::BETA_1 * *m + (1.0 - Self::BETA_1) * gradient;
            *v = Self::BETA_2 * *v + (1.0 - Self::BETA_2) * gradient * gradient;
            *parameter = keep * *parameter - rate * *m / (v.sqrt() + Self::EPSILON);
        }
    }
}

/// Counts the parameters after update number `n_updates` (from 1) into their running averages, which keep the share
/// `decay`; the first updates, before there are 1 / (1 − decay) of them, have equal shares.
///
/// # Source
/// Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; with exponential forgetting as in
/// Kingma & Ba 2015, section 7.2.
pub(super) fn average(
    averages: &mut [Vec<f32>],
    parameters: &[Vec<f32>],
    decay: f64,
    n_updates: usize,
) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "counts of steps are far below 2^53, and the share in single precision is enough"
    )]
    let share = (1.0 - decay).max(1.0 / n_updates as f64) as f32;
    approach(averages, parameters, share);
}

/// Moves `values` by a share of their distance to `targets`: with a share of learning rate · weight decay, decay towards
/// other weights than 0.
///
/// # Source
/// Li, Grandvalet & Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks" (L2-SP),
/// decoupled from the gradients as in AdamW.
pub(super) fn approach(values: &mut [Vec<f32>], targets: &[Vec<f32>], share: f32) {
    let pairs = values.par_iter_mut().zip(targets);
    pairs.for_each(|(values, targets)| {
        Arch::new().dispatch(|| {
            for (value, &target) in values.iter_mut().zip(targets) {
                *value += share * (target - *value);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_update_moves_every_parameter_by_the_learning_rate() {
        let mut adam = Adam::new(&[2]);
        let mut parameters = [vec![1.0, 1.0]];
        adam.update(&mut parameters, &[&[0.5, -3.0]], 1.0, 0.01, 0.0);
        assert!((parameters[0][0] - 0.99).abs() < 1e-5 && (parameters[0][1] - 1.01).abs() < 1e-5);
    }

    #[test]
    fn adam_finds_the_minimum_of_a_parabola() {
        let mut adam = Adam::new(&[1]);
        let mut parameters = [vec![5.0]];
        for _ in 0..2_000 {
            let gradient = 2.0 * (parameters[0][0] - 3.0);
            adam.update(&mut parameters, &[&[gradient]], 1.0, 0.02, 0.0);
        }
        assert!((parameters[0][0] - 3.0).abs() < 1e-2);
    }

    #[test]
    fn weight_decay_shrinks_parameters_beside_the_gradients_step() {
        let mut adam = Adam::new(&[2]);
        let mut parameters = [vec![2.0, -1.0]];
        for _ in 0..2 {
            adam.update(&mut parameters, &[&[1.0, 0.0]], 1.0, 0.1, 0.5);
        }
        // 2 · 0.95 − 0.1 = 1.8, then 1.8 · 0.95 − 0.1; without a gradient nothing but the decay.
        assert!((parameters[0][0] - 1.61).abs() < 1e-6);
        assert!((parameters[0][1] + 0.9025).abs() < 1e-6);
        // Adam with the decay inside the gradient would move both by the learning rate instead.
        assert_eq!(adam.mean[0][1], 0.0);
    }

    #[test]
    fn the_average_is_the_mean_at_first_and_forgets_exponentially_later() {
        let mut averages = [vec![7.0]];
        for (i, expected) in [(1_u8, 1.0), (2, 1.5), (3, 2.0), (4, 2.5), (5, 3.125)] {
            average(&mut averages, &[vec![f32::from(i)]], 0.75, usize::from(i));
            assert!((averages[0][0] - expected).abs() < 1e-6, "{averages:?}");
        }
    }

    #[test]
    fn the_norm_is_that_of_all_tensors_together() {
        assert!((norm(&[&[2.0; 40], &[1.0; 9]]) - 13.0).abs() < 1e-12);
    }

    #[test]
    fn clipping_keeps_small_gradients_and_drops_accidents() {
        assert!((clip(0.5, 1.0) - 1.0).abs() < 1e-12);
        assert!((clip(50.0, 1.0) - 0.02).abs() < 1e-12);
        assert!(clip(10_000.0, 1.0) == 0.0 && clip(f64::NAN, 1.0) == 0.0);
    }

    #[test]
    fn an_accident_leaves_the_parameters_as_they_are() {
        let mut adam = Adam::new(&[2]);
        let mut parameters = [vec![1.0, 2.0]];
        adam.update(&mut parameters, &[&[f32::NAN, 1.0]], 0.0, 0.01, 0.0);
        assert_eq!(parameters[0], [1.0, 2.0]);
    }
}
