//! The few functions of vectors that the LSTM kernels are made of.

use pulp::Simd;

/// The vector that starts with `values`, filled up with zeros. (pulp's partial load is a call of its own, far too dear
/// where the vector is whole.)
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    match S::as_simd_f32s(values) {
        ([whole], []) => *whole,
        _ => simd.partial_load_f32s(values),
    }
}

/// Writes as many lanes as `values` has room for.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, values: &mut [f32], vector: S::f32s) {
    match S::as_mut_simd_f32s(values) {
        ([whole], []) => *whole = vector,
        _ => simd.partial_store_f32s(values, vector),
    }
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// tanh x = 2 σ(2x) − 1.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let two = simd.splat_f32s(2.0);
    simd.mul_add_f32s(
        two,
        sigmoid(simd, simd.mul_f32s(two, x)),
        simd.splat_f32s(-1.0),
    )
}

/// eˣ within 2 units in the last place, for x clamped to ±87: 2ⁿ eʳ with |r| ≤ ½ ln 2.
///
/// # Source
/// Cephes `expf`: the split of ln 2 and the polynomial.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(
        simd.splat_f32s(-87.0),
        simd.min_f32s(simd.splat_f32s(87.0), x),
    );
    // Adding 1.5 · 2²³ leaves the nearest whole number in the low bits of the sum.
    let shift = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), shift);
    let n = simd.sub_f32s(shifted, shift);
    let r = simd.negate_mul_add_f32s(n, simd.splat_f32s(0.693_359_4), x);
    let r = simd.negate_mul_add_f32s(n, simd.splat_f32s(-2.121_944_4e-4), r);
    let polynomial = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
        1.0,
        1.0,
    ]
    .into_iter()
    .fold(simd.splat_f32s(0.0), |sum, coefficient| {
        simd.mul_add_f32s(sum, r, simd.splat_f32s(coefficient))
    });
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(polynomial), exponent))
}
