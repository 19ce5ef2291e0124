//! Variations of a groove that the same drummer could have played, drawn anew each time training sees a window.
//!
//! A harder or softer touch, on the ride instead of the hi-hat, a roll across the toms that starts elsewhere: the
//! model sees more grooves than there are in the data, none of which a listener would find odd.

use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::noise::Noise;
use fourbar_model::pattern::SOFTEST;
use serde::{Deserialize, Serialize};

/// How much windows are varied in training; not at all by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Standard deviation of the logarithm of the power that all velocities of a window are raised to: a normal number
    /// around 0, within two deviations. The hardest hits stay as they are, and so does the spread of all windows together.
    pub velocity_curve: f64,
    /// Probability that closed hi-hat and ride change places.
    pub swap_hat_and_ride: f64,
    /// Probability that the toms change places: the low one's part goes to the high tom, the middle one's to the low
    /// tom, the high one's to the middle tom.
    pub rotate_toms: f64,
}

impl Augmentation {
    /// Whether it ever changes anything.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self != Self::default()
    }

    /// A variation of `groove`, the same for the same `noise`.
    #[must_use]
    pub fn vary(&self, groove: &Groove, noise: &mut Noise) -> Groove {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "settings in single precision are enough"
        )]
        let [deviation, swap, rotate] = [
            self.velocity_curve,
            self.swap_hat_and_ride,
            self.rotate_toms,
        ]
        .map(|x| x as f32);
        let power = (deviation * noise.normal().clamp(-2.0, 2.0)).exp();
        let swaps = noise.uniform() < swap;
        let rotates = noise.uniform() < rotate;
        let mut varied = Groove::empty(groove.n_steps());
        for (step, voice, cell) in groove.hits() {
            let voice = match voice {
                Voice::ClosedHat if swaps => Voice::Ride,
                Voice::Ride if swaps => Voice::ClosedHat,
                Voice::LowTom if rotates => Voice::HighTom,
                Voice::MidTom if rotates => Voice::LowTom,
                Voice::HighTom if rotates => Voice::MidTom,
                other => other,
            };
            let velocity = cell.velocity.powf(power).clamp(SOFTEST, 1.0);
            varied.set(step, voice, Some(Cell { velocity, ..cell }));
        }
        varied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All nine drums on one step, and a soft and a loud snare on the next ones.
    fn groove() -> Groove {
        let mut groove = Groove::empty(4);
        let cell = |velocity| {
            Some(Cell {
                velocity,
                offset: 0.1,
            })
        };
        for (voice, velocity) in Voice::ALL.into_iter().zip(1_u8..) {
            groove.set(0, voice, cell(f32::from(velocity) / 20.0));
        }
        groove.set(1, Voice::Snare, cell(SOFTEST));
        groove.set(2, Voice::Snare, cell(1.0));
        groove
    }

    fn velocities(groove: &Groove, step: usize) -> Vec<f32> {
        let cells = Voice::ALL.map(|voice| groove.cell(step, voice));
        cells
            .into_iter()
            .flatten()
            .map(|cell| cell.velocity)
            .collect()
    }

    #[test]
    fn nothing_is_varied_by_default() {
        let augmentation = Augmentation::default();
        assert!(!augmentation.is_on());
        assert_eq!(
            augmentation.vary(&groove(), &mut Noise::from_seed(1)),
            groove()
        );
    }

    #[test]
    fn a_window_is_harder_or_softer_as_a_whole_and_its_hardest_hits_stay() {
        let augmentation = Augmentation {
            velocity_curve: 0.15,
            ..Augmentation::default()
        };
        let mut noise = Noise::from_seed(1);
        let mut powers = Vec::new();
        for _ in 0..1_000 {
            let varied = augmentation.vary(&groove(), &mut noise);
            let ride = varied
                .cell(0, Voice::Ride)
                .map_or(0.0, |cell| cell.velocity);
            let power = ride.ln() / 0.45_f32.ln();
            for (before, after) in velocities(&groove(), 0).iter().zip(velocities(&varied, 0)) {
                assert!((after - before.powf(power)).abs() < 1e-5);
            }
            assert!(velocities(&varied, 1)[0] >= SOFTEST);
            assert_eq!(velocities(&varied, 2), [1.0]);
            powers.push(power.ln());
        }
        let mean = powers.iter().sum::<f32>() / 1_000.0;
        let variance = powers
            .iter()
            .map(|power| (power - mean).powi(2))
            .sum::<f32>()
            / 1_000.0;
        // Cutting at two deviations takes the deviation down to 0.96 of what it was.
        assert!(mean.abs() < 0.02, "{mean}");
        assert!(
            (variance.sqrt() - 0.144).abs() < 0.012,
            "{}",
            variance.sqrt()
        );
        assert!(powers.iter().all(|power| power.abs() < 0.301));
    }

    #[test]
    fn cymbals_and_toms_change_places_as_often_as_asked_and_keep_their_feel() {
        let augmentation = Augmentation {
            swap_hat_and_ride: 0.25,
            rotate_toms: 0.5,
            ..Augmentation::default()
        };
        let plain = velocities(&groove(), 0);
        let moved = |order: [usize; 9]| order.map(|column| plain[column]).to_vec();
        let swapped = moved([0, 1, 8, 3, 4, 5, 6, 7, 2]);
        let rotated = moved([0, 1, 2, 3, 5, 6, 4, 7, 8]);
        let both = moved([0, 1, 8, 3, 5, 6, 4, 7, 2]);
        let mut counts = [0; 4];
        let mut noise = Noise::from_seed(1);
        for _ in 0..4_000 {
            let varied = augmentation.vary(&groove(), &mut noise);
            assert!(varied.hits().all(|(_, _, cell)| cell.offset == 0.1));
            let found = velocities(&varied, 0);
            let kind = [&plain, &swapped, &rotated, &both]
                .iter()
                .position(|expected| **expected == found);
            counts[kind.unwrap_or_else(|| panic!("{found:?}"))] += 1;
        }
        for (count, expected) in counts.into_iter().zip([1_500_i32, 500, 1_500, 500]) {
            assert!((count - expected).abs() < 120, "{counts:?}");
        }
    }
}
