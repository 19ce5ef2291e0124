//! Gradient clipping and Adam.

use rayon::prelude::*;

/// Scales gradients to a global norm of at most `largest`. A norm that is not below 10,000, or not a number, is taken
/// for an accident: the gradients become 0. Returns the norm before.
///
/// # Source
/// Magenta's `global_norm` clipping.
pub fn clip(gradients: &mut [Vec<f32>], largest: f64) -> f64 {
    let square: f64 = gradients
        .iter()
        .flatten()
        .map(|&g| f64::from(g) * f64::from(g))
        .sum();
    let norm = square.sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a factor in single precision is enough"
    )]
    let factor = if norm < 10_000.0 {
        (largest / norm.max(largest)) as f32
    } else {
        0.0
    };
    for gradient in gradients.iter_mut().flatten() {
        *gradient = if factor == 0.0 {
            0.0
        } else {
            *gradient * factor
        };
    }
    norm
}

/// Adam with β₁ = 0.9, β₂ = 0.999, ε = 1e-8 and no weight decay.
///
/// # Source
/// Kingma & Ba 2015 in TensorFlow's form: ε is added to √v, not to the corrected √v̂.
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

    /// One update of `parameters` in place.
    pub fn update(
        &mut self,
        parameters: &mut [Vec<f32>],
        gradients: &[Vec<f32>],
        learning_rate: f64,
    ) {
        self.step += 1;
        let t = i32::try_from(self.step).unwrap_or(i32::MAX);
        let correction = (1.0 - f64::from(Self::BETA_2).powi(t)).sqrt()
            / (1.0 - f64::from(Self::BETA_1).powi(t));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a step size in single precision is enough"
        )]
        let rate = (learning_rate * correction) as f32;
        let state = self.mean.par_iter_mut().zip(&mut self.square);
        parameters
            .par_iter_mut()
            .zip(gradients)
            .zip(state)
            .for_each(|((parameters, gradients), (mean, square))| {
                for (((parameter, &gradient), m), v) in
                    parameters.iter_mut().zip(gradients).zip(mean).zip(square)
                {
                    *m = Self::BETA_1 * *m + (1.0 - Self::BETA_1) * gradient;
                    *v = Self::BETA_2 * *v + (1.0 - Self::BETA_2) * gradient * gradient;
                    *parameter -= rate * *m / (v.sqrt() + Self::EPSILON);
                }
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_update_moves_every_parameter_by_the_learning_rate() {
        let mut adam = Adam::new(&[2]);
        let mut parameters = [vec![1.0, 1.0]];
        adam.update(&mut parameters, &[vec![0.5, -3.0]], 0.01);
        assert!((parameters[0][0] - 0.99).abs() < 1e-5 && (parameters[0][1] - 1.01).abs() < 1e-5);
    }

    #[test]
    fn adam_finds_the_minimum_of_a_parabola() {
        let mut adam = Adam::new(&[1]);
        let mut parameters = [vec![5.0]];
        for _ in 0..2_000 {
            let gradient = 2.0 * (parameters[0][0] - 3.0);
            adam.update(&mut parameters, &[vec![gradient]], 0.02);
        }
        assert!((parameters[0][0] - 3.0).abs() < 1e-2);
    }

    #[test]
    fn clipping_keeps_small_gradients_and_drops_accidents() {
        let mut small = [vec![0.3, 0.4]];
        assert!((clip(&mut small, 1.0) - 0.5).abs() < 1e-6);
        assert!((small[0][0] - 0.3).abs() < 1e-6);
        let mut large = [vec![30.0, 40.0]];
        clip(&mut large, 1.0);
        assert!((large[0][0] - 0.6).abs() < 1e-6);
        let mut broken = [vec![f32::NAN, 1.0]];
        assert!(clip(&mut broken, 1.0).is_nan());
        assert_eq!(broken[0], [0.0, 0.0]);
    }
}
