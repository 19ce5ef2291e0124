//! A stroke that sounds: samples of a drum, at its own speed, with its own decay and place.

use crate::make::{Drum, N_VARIANTS, Variant};
use fourbar_model::drums::Voice;
use std::ops::Range;

/// A drum that decays longer than it was made for is faded over this last part of its samples.
const LAST_PART: f32 = 0.2;

/// A stroke that sounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ringing {
    pub(crate) voice: Voice,
    pub(crate) kit: usize,
    variant: usize,
    /// How many samples have sounded, and of how many.
    n_played: u32,
    n_samples: u32,
    /// Samples of the drum a sample. Where a sample is read follows from its number alone, whatever the blocks are.
    rate: f64,
    /// Gains of the soft and of the hard version.
    gains: [f32; 2],
    /// Gains of the left and of the right channel.
    pan: [f32; 2],
    /// What the decay is corrected by.
    envelope: f32,
    envelope_per_sample: f32,
    /// Falls from 1 to 0 when the stroke is cut short.
    fade: f32,
    fade_per_sample: f32,
}

/// How a stroke sounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) variant: usize,
    /// From 0 to 1.
    pub(crate) hardness: f32,
    /// Linear gain.
    pub(crate) level: f32,
    /// -1 is left, 1 is right.
    pub(crate) pan: f32,
    /// Factor on the pitch.
    pub(crate) tune: f32,
    /// Factor on the time in which it decays.
    pub(crate) decay: f32,
}

impl Ringing {
    pub(crate) fn new(voice: Voice, kit: usize, drum: &Drum, manner: Manner) -> Self {
        // Equal power: a drum is as loud at the side as in the middle.
        let angle = (1.0 + manner.pan) * std::f32::consts::FRAC_PI_4;
        let pan = [angle.cos(), angle.sin()].map(|gain| gain * std::f32::consts::SQRT_2);
        let decibels_per_sample = -60.0 / drum.t60_samples * (1.0 / manner.decay - 1.0);
        let rate = f64::from(manner.tune);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "some seconds of samples"
        )]
        let n_samples = (drum.variants[manner.variant].0.len() as f64 / rate).ceil() as u32;
        Self {
            voice,
            kit,
            variant: manner.variant,
            n_played: 0,
            n_samples,
            rate,
            gains: [
                manner.level * (1.0 - manner.hardness),
                manner.level * manner.hardness,
            ],
            pan,
            envelope: 1.0,
            envelope_per_sample: 10_f32.powf(decibels_per_sample * manner.tune / 20.0),
            fade: 1.0,
            fade_per_sample: 0.0,
        }
    }

    /// Lets it fall silent within this many samples.
    pub(crate) fn fade_within(&mut self, samples: f32) {
        self.fade_per_sample = self.fade_per_sample.max(1.0 / samples.max(1.0));
    }

    /// How much of it there is still to hear.
    pub(crate) fn level(&self) -> f32 {
        self.fade * self.envelope.min(1.0) * (self.gains[0] + self.gains[1])
    }

    pub(crate) fn is_over(&self) -> bool {
        self.fade <= 0.0 || self.n_played == self.n_samples
    }

    /// Writes its next samples to `left` and `right`, which are equally long; says how many, after which it is over.
    pub(crate) fn render(&mut self, drum: &Drum, left: &mut [f32], right: &mut [f32]) -> usize {
        let n_samples =
            (self.n_samples - self.n_played).min(u32::try_from(left.len()).unwrap_or(0));
        let numbers = self.n_played..self.n_played + n_samples;
        let n_samples = numbers.len();
        let (left, right) = (&mut left[..n_samples], &mut right[..n_samples]);
        self.read(&drum.variants[self.variant], numbers.clone(), left);
        if drum.is_wide {
            let other = (self.variant + 2) % N_VARIANTS;
            self.read(&drum.variants[other], numbers.clone(), right);
        } else {
            right.copy_from_slice(left);
        }
        self.n_played = numbers.end;
        self.shape(numbers.start, left, right);
        n_samples
    }

    /// Samples of one variant, soft and hard in their proportion.
    fn read(&self, Variant(pairs): &Variant, numbers: Range<u32>, mono: &mut [f32]) {
        let [soft, hard] = self.gains;
        let mix = |pair: &[f32; 2]| soft * pair[0] + hard * pair[1];
        #[expect(clippy::float_cmp, reason = "any other speed needs more work")]
        if self.rate == 1.0 {
            let pairs = pairs.iter().skip(numbers.start as usize);
            for (sample, pair) in mono.iter_mut().zip(pairs) {
                *sample = mix(pair);
            }
            return;
        }
        let at = |index: usize| pairs.get(index).map_or(0.0, mix);
        for (sample, number) in mono.iter_mut().zip(numbers) {
            let position = f64::from(number) * self.rate;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place among the samples"
            )]
            let whole = position as u32;
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
            let between = (position - f64::from(whole)) as f32;
            let whole = whole as usize;
            let before = whole.checked_sub(1).map_or(0.0, at);
            let around = [before, at(whole), at(whole + 1), at(whole + 2)];
            *sample = cubic(around, between);
        }
    }

    /// Decay, end and place of samples from number `start` on.
    fn shape(&mut self, start: u32, left: &mut [f32], right: &mut [f32]) {
        let [pan_left, pan_right] = self.pan;
        #[expect(clippy::float_cmp, reason = "exactly as made")]
        let as_made = self.envelope_per_sample == 1.0;
        if as_made && self.fade_per_sample == 0.0 {
            for (left, right) in left.iter_mut().zip(right) {
                *left *= pan_left;
                *right *= pan_right;
            }
            return;
        }
        let outlasts_its_samples = self.envelope_per_sample > 1.0;
        for ((left, right), number) in left.iter_mut().zip(right).zip(start..) {
            let mut gain = self.envelope * self.fade;
            if outlasts_its_samples {
                gain *= self.share_to_go(number).min(LAST_PART) / LAST_PART;
            }
            *left *= pan_left * gain;
            *right *= pan_right * gain;
            self.envelope *= self.envelope_per_sample;
            self.fade = (self.fade - self.fade_per_sample).max(0.0);
        }
    }

    fn share_to_go(&self, number: u32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = (self.n_samples - number) as f32 / self.n_samples as f32;
        share
    }
}

/// The curve through four samples, between the second and the third (Catmull and Rom).
fn cubic([a, b, c, d]: [f32; 4], between: f32) -> f32 {
    let slope = 0.5 * (c - a);
    let next_slope = 0.5 * (d - b);
    let rest = b - c;
    let cube = 2.0 * rest + slope + next_slope;
    let square = -3.0 * rest - 2.0 * slope - next_slope;
    ((cube * between + square) * between + slope) * between + b
}
