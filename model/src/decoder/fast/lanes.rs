//! What the instruction sets do differently: the innermost two operations.
//!
//! Everything else is written over arrays, which the compiler turns into vectors of the enabled size. All functions of
//! the kernel are inlined into the few that enable instructions, so they are compiled for those. The two operations
//! here are spelled out, because the compiler sometimes takes arrays apart, and then the whole decode is slow.

use crate::fused::multiply_add;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm_loadu_si128, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_si256,
    _mm256_set1_ps, _mm512_cvtph_ps, _mm512_fmadd_ps, _mm512_set1_ps,
};

#[cfg(target_arch = "x86_64")]
use std::mem::transmute;

/// `LANES` numbers at a time.
pub(super) trait Lanes<const LANES: usize> {
    /// Single-precision values of finite halves, given by their bits.
    fn widen(halves: &[u16; LANES]) -> [f32; LANES];

    /// `factor * a + sum` in every lane, rounded once.
    fn multiply_add(factor: f32, a: [f32; LANES], sum: [f32; LANES]) -> [f32; LANES];
}

/// To be used only where AVX-512 F is enabled.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the user enables the instructions, and vectors have the layout of arrays of their size"
)]
impl Lanes<16> for Avx512 {
    #[inline(always)]
    fn widen(halves: &[u16; 16]) -> [f32; 16] {
        unsafe { transmute(_mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn multiply_add(factor: f32, a: [f32; 16], sum: [f32; 16]) -> [f32; 16] {
        unsafe {
            let a = transmute::<[f32; 16], __m512>(a);
            let sum = transmute::<[f32; 16], __m512>(sum);
            transmute(_mm512_fmadd_ps(_mm512_set1_ps(factor), a, sum))
        }
    }
}

/// To be used only where AVX2, FMA and F16C are enabled.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the user enables the instructions, and vectors have the layout of arrays of their size"
)]
impl Lanes<8> for Avx2 {
    #[inline(always)]
    fn widen(halves: &[u16; 8]) -> [f32; 8] {
        unsafe { transmute(_mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn multiply_add(factor: f32, a: [f32; 8], sum: [f32; 8]) -> [f32; 8] {
        unsafe {
            let a = transmute::<[f32; 8], __m256>(a);
            let sum = transmute::<[f32; 8], __m256>(sum);
            transmute(_mm256_fmadd_ps(_mm256_set1_ps(factor), a, sum))
        }
    }
}

/// Whatever the build's target has, from operations that every machine rounds the same way.
pub(super) struct Portable;

impl<const LANES: usize> Lanes<LANES> for Portable {
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

    #[inline(always)]
    fn multiply_add(factor: f32, a: [f32; LANES], sum: [f32; LANES]) -> [f32; LANES] {
        let mut result = sum;
        for (result, a) in result.iter_mut().zip(a) {
            *result = multiply_add(a, factor, *result);
        }
        result
    }
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
