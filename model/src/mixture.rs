//! Velocities and timing as distributions: mixtures of discretised logistic distributions.
//!
//! A drummer who plays a snare either hard or as a ghost note never plays it half-way, which is what a squared error
//! teaches. A mixture keeps both, and drawing from it brings back the spread that people play with.
//!
//! The numbers of a mixture of n components are n logits of their weights, n means, n logarithms of their scales.
//!
//! # Source
//! Salimans et al. 2017, "PixelCNN++", equation 2.

use crate::activation::{exp, ln};

/// Numbers of a component: logit of its weight, mean, logarithm of its scale.
pub const PER_COMPONENT: usize = 3;
/// The smallest logarithm of a scale: sharper than any drummer.
const MIN_LOG_SCALE: f32 = -6.0;

/// The values that a quantity can take: multiples of `width` from `low` to `high`, where the tails are collected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    width: f32,
    low: f32,
    high: f32,
    max_log_scale: f32,
}

/// Velocities of a groove's rows: the 127 of MIDI.
pub const VELOCITY: Grid = Grid {
    width: 1.0 / 127.0,
    low: 1.0 / 127.0,
    high: 1.0,
    max_log_scale: 1.0,
};

/// Offsets of a groove's rows, which are doubled: a 120th of a step, the resolution of the Groove MIDI Dataset.
pub const OFFSET: Grid = Grid {
    width: 2.0 / 120.0,
    low: -1.0,
    high: 1.0,
    max_log_scale: 0.7,
};

/// Fills `means` with equally spaced values from `low` to `high`.
pub(crate) fn spread(low: f32, high: f32, means: &mut [f32]) {
    #[expect(clippy::cast_precision_loss, reason = "a mixture has few components")]
    let last = means.len().saturating_sub(1).max(1) as f32;
    let mut place = 0.0;
    for mean in means {
        *mean = low + (high - low) * place / last;
        place += 1.0;
    }
}

impl Grid {
    /// Negative logarithm of the probability of `value` under a mixture, in nats.
    #[must_use]
    pub fn nll(self, mixture: &[f32], value: f32) -> f32 {
        let joint = self.log_joint(mixture, value);
        log_sum(&mixture[..joint.len()]) - log_sum(&joint)
    }

    /// Adds `factor` times the gradient of [`Self::nll`] to `gradient`, which is laid out as `mixture`.
    pub fn add_gradient(self, mixture: &[f32], value: f32, factor: f32, gradient: &mut [f32]) {
        let n = mixture.len() / PER_COMPONENT;
        let joint = self.log_joint(mixture, value);
        let (prior, posterior) = (log_sum(&mixture[..n]), log_sum(&joint));
        for (k, joint) in joint.iter().enumerate() {
            let share = (joint - posterior).exp();
            gradient[k] += factor * ((mixture[k] - prior).exp() - share);
            let log_scale = mixture[2 * n + k];
            let (of_mean, of_scale) = self.slopes(mixture[n + k], log_scale, value);
            gradient[n + k] -= factor * share * of_mean;
            if self.scale_is_free(log_scale) {
                gradient[2 * n + k] -= factor * share * of_scale;
            }
        }
    }

    /// A value: at temperature 0 the mean of the most likely component, else drawn by two numbers from [0, 1), with
    /// logits divided and scales multiplied by the temperature. The same bits on every machine.
    #[inline(always)]
    #[must_use]
    pub fn draw(self, mixture: &[f32], temperature: f32, uniforms: [f32; 2]) -> f32 {
        let n = mixture.len() / PER_COMPONENT;
        let logits = &mixture[..n];
        let mut likeliest = 0;
        for k in 1..n {
            if logits[k] > logits[likeliest] {
                likeliest = k;
            }
        }
        if temperature <= 0.0 {
            return self.clip(mixture[n + likeliest]);
        }
        let weight = |k: usize| exp([(logits[k] - logits[likeliest]) / temperature])[0];
        let mut total = 0.0;
        for k in 0..n {
            total += weight(k);
        }
        let mut left = uniforms[0] * total;
        let mut chosen = likeliest;
        for k in 0..n {
            let weight = weight(k);
            if left < weight {
                chosen = k;
                break;
            }
            left -= weight;
        }
        // Inverse of the logistic distribution function; the ends of [0, 1) would be infinitely far away.
        let u = uniforms[1].clamp(1e-5, 1.0 - 1e-5);
        let scale = exp([self.log_scale(mixture[2 * n + chosen])])[0] * temperature;
        self.clip(mixture[n + chosen] + scale * ln(u / (1.0 - u)))
    }

    /// Logarithms of the components' weights (up to a common constant) times their probabilities of `value`.
    fn log_joint(self, mixture: &[f32], value: f32) -> Vec<f32> {
        let n = mixture.len() / PER_COMPONENT;
        let log_probability = |k| self.log_probability(mixture[n + k], mixture[2 * n + k], value);
        (0..n).map(|k| mixture[k] + log_probability(k)).collect()
    }

    /// The upper and lower end of a value's cell in units of the scale from the mean, and the scale.
    fn ends(self, mean: f32, log_scale: f32, value: f32) -> (f32, f32, f32) {
        let scale = self.log_scale(log_scale).exp();
        let end = |half: f32| (value + half - mean) / scale;
        (end(0.5 * self.width), end(-0.5 * self.width), scale)
    }

    fn log_probability(self, mean: f32, log_scale: f32, value: f32) -> f32 {
        let (upper, lower, scale) = self.ends(mean, log_scale, value);
        match self.tail(value) {
            Tail::Low => -softplus(-upper),
            Tail::High => -softplus(lower),
            // σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b − a)), which keeps its digits far out.
            Tail::Neither => {
                let width = self.width / scale;
                -softplus(-upper) - softplus(lower) + (-(-width).exp_m1()).ln()
            }
        }
    }

    /// Derivatives of [`Self::log_probability`] by the mean and by the logarithm of the scale.
    fn slopes(self, mean: f32, log_scale: f32, value: f32) -> (f32, f32) {
        let (upper, lower, scale) = self.ends(mean, log_scale, value);
        let above = sigmoid(-upper);
        let below = sigmoid(lower);
        match self.tail(value) {
            Tail::Low => (-above / scale, -upper * above),
            Tail::High => (below / scale, lower * below),
            Tail::Neither => {
                let width = self.width / scale;
                let narrow = width / width.exp_m1();
                (
                    (below - above) / scale,
                    lower * below - upper * above - narrow,
                )
            }
        }
    }

    fn tail(self, value: f32) -> Tail {
        if value >= self.high - 0.5 * self.width {
            Tail::High
        } else if value <= self.low + 0.5 * self.width {
            Tail::Low
        } else {
            Tail::Neither
        }
    }

    fn log_scale(self, log_scale: f32) -> f32 {
        log_scale.clamp(MIN_LOG_SCALE, self.max_log_scale)
    }

    fn scale_is_free(self, log_scale: f32) -> bool {
        (MIN_LOG_SCALE..=self.max_log_scale).contains(&log_scale)
    }

    fn clip(self, value: f32) -> f32 {
        value.clamp(self.low, self.high)
    }
}

/// Where a value's cell collects everything beyond it.
enum Tail {
    Low,
    High,
    Neither,
}

/// ln(1 + eˣ).
pub(crate) fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// ln Σ eˣ.
fn log_sum(values: &[f32]) -> f32 {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    /// Two components: a sharp one and a wide one.
    const MIXTURE: [f32; 6] = [0.3, -0.4, 0.31, 0.7, -3.5, -1.5];

    #[test]
    fn the_probabilities_of_all_values_add_up_to_one() {
        for (grid, first, n) in [(VELOCITY, 1.0, 127), (OFFSET, -60.0, 121)] {
            let mut total = 0.0;
            let mut step = first;
            for _ in 0..n {
                total += (-grid.nll(&MIXTURE, step * grid.width)).exp();
                step += 1.0;
            }
            assert!((total - 1.0).abs() < 1e-4, "{grid:?}: {total}");
        }
    }

    #[test]
    fn the_gradient_is_the_slope_in_the_middle_and_at_both_ends() {
        for value in [VELOCITY.low, 0.25, 0.3, 0.9, VELOCITY.high] {
            let mut gradient = [0.0; 6];
            VELOCITY.add_gradient(&MIXTURE, value, 1.0, &mut gradient);
            for (place, gradient) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut mixture = MIXTURE;
                    mixture[place] += by;
                    VELOCITY.nll(&mixture, value)
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!(
                    (slope - gradient).abs() < 0.02 * slope.abs().max(0.5),
                    "number {place} at {value}: {slope}, {gradient}"
                );
            }
        }
    }

    #[test]
    fn what_is_drawn_has_the_probabilities_of_the_loss() {
        let mut noise = Noise::from_seed(1);
        let n = 40_000;
        let mut counts = [0.0_f32; 128];
        for _ in 0..n {
            let value = VELOCITY.draw(&MIXTURE, 1.0, [noise.uniform(), noise.uniform()]);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a velocity"
            )]
            let level = (value * 127.0).round() as usize;
            counts[level] += 1.0;
        }
        for level in [1_u8, 20, 36, 40, 44, 89, 127] {
            let expected = (-VELOCITY.nll(&MIXTURE, f32::from(level) / 127.0)).exp();
            let found = counts[usize::from(level)] / 40_000.0;
            assert!(
                (found - expected).abs() < 5.0 * (expected / 40_000.0).sqrt() + 1e-4,
                "velocity {level}: {found}, expected {expected}"
            );
        }
    }

    #[test]
    fn at_temperature_zero_it_is_the_mean_of_the_likeliest_component() {
        assert!((VELOCITY.draw(&MIXTURE, 0.0, [0.99, 0.99]) - 0.31).abs() < 1e-7);
        let cold = VELOCITY.draw(&MIXTURE, 1e-3, [0.5, 0.9]);
        assert!((cold - 0.31).abs() < 1e-3, "{cold}");
    }
}
