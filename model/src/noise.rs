//! All randomness, from a seed.
//!
//! candle cannot seed its CPU generator, and a pattern must be the same on every machine: so every random number that
//! shapes sound or training comes from here and is passed in.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random numbers that is the same for the same seed on every platform and in every version.
#[derive(Debug, Clone)]
pub struct Noise {
    generator: ChaCha8Rng,
}

impl Noise {
    /// The stream of `seed`.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Stream number `sample` of the 2⁶⁴ independent ones that `seed` has.
    #[must_use]
    pub fn of_sample(seed: u64, sample: usize) -> Self {
        let mut noise = Self::from_seed(seed);
        noise.generator.set_stream(sample as u64);
        noise
    }

    /// A stream of its own for another purpose, drawn from this one.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self::from_seed(self.generator.next_u64())
    }

    /// A number from the 2²⁴ equally spaced values of [0, 1).
    pub fn uniform(&mut self) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "24 bits fit a single-precision number exactly"
        )]
        let numerator = (self.generator.next_u32() >> 8) as f32;
        numerator / 16_777_216.0
    }

    /// `n` times true with `probability`, to the nearest 2⁻³².
    pub fn chances(&mut self, probability: f32, n: usize) -> Vec<bool> {
        // The conversion saturates: a probability of 1 misses one draw in 2³², and that of less than 0 is none.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturating and rounding are meant"
        )]
        let threshold = (f64::from(probability) * 4_294_967_296.0).round() as u32;
        let mut chances = Vec::with_capacity(n);
        let mut bytes = [0; 4 * 1024];
        while chances.len() < n {
            let words = (n - chances.len()).min(bytes.len() / 4);
            let bytes = &mut bytes[..4 * words];
            self.generator.fill_bytes(bytes);
            let words = bytes.as_chunks().0.iter();
            chances.extend(words.map(|&word| u32::from_le_bytes(word) < threshold));
        }
        chances
    }

    /// A number below `bound`, each equally likely up to a bias of `bound` in 2⁶⁴; `bound` must be at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.generator.next_u64()) * bound as u128;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the product shifted by 64 bits is below `bound`"
        )]
        let index = (wide >> 64) as usize;
        index
    }

    /// A standard normal number (Marsaglia's polar method; the second one of each pair is not used).
    pub fn normal(&mut self) -> f32 {
        loop {
            let u = 2.0 * f64::from(self.uniform()) - 1.0;
            let v = 2.0 * f64::from(self.uniform()) - 1.0;
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounding to single precision is meant"
                )]
                return (u * (-2.0 * square.ln() / square).sqrt()) as f32;
            }
        }
    }

    /// `n` numbers of [`Self::uniform`].
    pub fn uniforms(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.uniform()).collect()
    }

    /// `n` numbers of [`Self::normal`].
    pub fn normals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.normal()).collect()
    }
}
