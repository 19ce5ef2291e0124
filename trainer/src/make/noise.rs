//! The noise behind a seed.

use fourbar_model::noise::Noise;

/// The noise of the `index`th piece made from `seed`; the first one's is that of the seed itself.
#[must_use]
pub fn noise_of(seed: u64, index: usize) -> Noise {
    // Steps of 2^64 divided by the golden ratio: neighbouring seeds share no noise in any practical number of pieces.
    Noise::from_seed(seed.wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}
