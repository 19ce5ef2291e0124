//! The one thing that the instruction sets do differently: widening halves.
//!
//! Everything else is written over arrays, which the compiler turns into vectors of the enabled size. All functions of
//! the kernel are inlined into the few that enable instructions, so they are compiled for those.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_loadu_si256, _mm512_cvtph_ps};

/// Widens `LANES` finite halves, given by their bits.
pub(super) trait Widen<const LANES: usize> {
    fn widen(halves: &[u16; LANES]) -> [f32; LANES];
}

/// 16 at a time; to be used only where AVX-512 F is enabled.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Widen<16> for Avx512 {
    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "the load is of exactly the array, and the vector has the layout of the result"
    )]
    fn widen(halves: &[u16; 16]) -> [f32; 16] {
        unsafe { std::mem::transmute(_mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast()))) }
    }
}

/// 8 at a time; to be used only where AVX and F16C are enabled.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Widen<8> for Avx2 {
    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "the load is of exactly the array, and the vector has the layout of the result"
    )]
    fn widen(halves: &[u16; 8]) -> [f32; 8] {
        unsafe { std::mem::transmute(_mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().cast()))) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Widen<16> for Avx2 {
    #[inline(always)]
    fn widen(halves: &[u16; 16]) -> [f32; 16] {
        let (parts, _) = halves.as_chunks::<8>();
        let mut wide = [0.0; 16];
        for (part, wide) in parts.iter().zip(wide.as_chunks_mut::<8>().0) {
            *wide = Self::widen(part);
        }
        wide
    }
}

/// Integer arithmetic that every machine has.
pub(super) struct Portable;

impl<const LANES: usize> Widen<LANES> for Portable {
    #[inline(always)]
    fn widen(halves: &[u16; LANES]) -> [f32; LANES] {
        // Halves count exponents from 15, singles from 127.
        const EXPONENT_SHIFT: f32 = f32::from_bits((127 + 127 - 15) << 23);
        let mut wide = [0.0; LANES];
        for (wide, half) in wide.iter_mut().zip(halves) {
            let magnitude = f32::from_bits(u32::from(half & 0x7fff) << 13) * EXPONENT_SHIFT;
            *wide = f32::from_bits(magnitude.to_bits() | u32::from(half & 0x8000) << 16);
        }
        wide
    }
}

/// `factor * a + sum` in every lane, rounded once.
#[inline(always)]
pub(super) fn multiply_add<const LANES: usize>(
    factor: f32,
    a: [f32; LANES],
    sum: [f32; LANES],
) -> [f32; LANES] {
    let mut result = sum;
    for (result, a) in result.iter_mut().zip(a) {
        *result = a.mul_add(factor, *result);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    #[test]
    fn every_finite_half_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                let [wide] = Portable::widen(&[bits]);
                assert_eq!(
                    wide.to_bits(),
                    half.to_f32_const().to_bits(),
                    "half {bits:#06x}"
                );
            }
        }
    }
}
