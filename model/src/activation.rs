//! Elementary functions from operations that round the same way on every machine; those over arrays have no branch.

use crate::fused::multiply_add;

/// e to the power of x, within 2 units in the last place for |x| up to 87, the value at 87 or -87 beyond.
#[inline(always)]
pub(crate) fn exp<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
    // Adding it leaves a number rounded to an integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with so few bits that its multiples are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // The power series up to the 7th power: the rest is below 6e-9 for |r| <= ln 2 / 2.
    const SERIES: [f32; 8] = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        1.0 / 2.0,
        1.0,
        1.0,
    ];
    let mut result = [0.0; LANES];
    for (result, x) in result.iter_mut().zip(x) {
        let x = if x > 87.0 { 87.0 } else { x };
        let x = if x < -87.0 { -87.0 } else { x };
        let rounded = multiply_add(x, std::f32::consts::LOG2_E, ROUND);
        let n = rounded - ROUND;
        let r = multiply_add(n, -LN_2_LOW, multiply_add(n, -LN_2_HIGH, x));
        let mut power = SERIES[0];
        for coefficient in &SERIES[1..] {
            power = multiply_add(power, r, *coefficient);
        }
        *result = power * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    }
    result
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
    let mut result = exp(scale(x, -1.0));
    for value in &mut result {
        *value = 1.0 / (1.0 + *value);
    }
    result
}

/// Hyperbolic tangent, within 2e-7 of the true value.
#[inline(always)]
pub(crate) fn tanh<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
    let mut result = sigmoid(scale(x, 2.0));
    for value in &mut result {
        *value = multiply_add(*value, 2.0, -1.0);
    }
    result
}

/// x σ(x) of each number, in place.
#[inline(always)]
pub(crate) fn silu(values: &mut [f32]) {
    const LANES: usize = 16;
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for values in chunks {
        let sigmoids = sigmoid(*values);
        for (value, sigmoid) in values.iter_mut().zip(sigmoids) {
            *value *= sigmoid;
        }
    }
    for value in rest {
        let [sigmoid] = sigmoid([*value]);
        *value *= sigmoid;
    }
}

/// The natural logarithm of a normal positive number, within 2e-7 of the true value or of its size.
///
/// # Source
/// Cephes `logf`.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const SERIES: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    // x = 2ⁿ (1 + f) with 1 + f between √½ and √2.
    let exponent = x.to_bits().wrapping_sub(SQRT_HALF).cast_signed() >> 23;
    let mantissa = x.to_bits().wrapping_sub(exponent.cast_unsigned() << 23);
    let f = f32::from_bits(mantissa) - 1.0;
    #[expect(clippy::cast_precision_loss, reason = "an exponent is small")]
    let n = exponent as f32;
    let mut sum = SERIES[0];
    for coefficient in &SERIES[1..] {
        sum = multiply_add(sum, f, *coefficient);
    }
    let square = f * f;
    let rest = multiply_add(sum * f, square, multiply_add(n, LN_2_LOW, -0.5 * square));
    multiply_add(n, LN_2_HIGH, f + rest)
}

#[inline(always)]
fn scale<const LANES: usize>(x: [f32; LANES], factor: f32) -> [f32; LANES] {
    let mut result = x;
    for value in &mut result {
        *value *= factor;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_tanh_are_within_2e_7_everywhere() {
        for i in -200_000..=200_000 {
            #[expect(clippy::cast_precision_loss, reason = "small integers")]
            let x = i as f32 / 2_000.0;
            let wide = f64::from(x);
            let [sigmoid] = sigmoid([x]);
            let [tanh] = tanh([x]);
            assert!(
                (f64::from(sigmoid) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7,
                "sigmoid of {x}"
            );
            assert!((f64::from(tanh) - wide.tanh()).abs() < 2e-7, "tanh of {x}");
        }
    }

    #[test]
    fn the_logarithm_is_exact_over_the_whole_range() {
        for i in -1_200..=1_200 {
            #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
            let x = (f64::from(i) / 14.0).exp() as f32;
            if x.is_normal() {
                let expected = f64::from(x).ln();
                let error = (f64::from(ln(x)) - expected).abs();
                assert!(error < 2e-7 * expected.abs().max(1.0), "ln {x}: {error}");
            }
        }
    }

    #[test]
    fn extreme_inputs_saturate() {
        assert_eq!(sigmoid([f32::INFINITY, 1e30]), [1.0, 1.0]);
        assert!(sigmoid([f32::NEG_INFINITY])[0] < 1e-37);
        assert_eq!(tanh([f32::INFINITY, f32::NEG_INFINITY]), [1.0, -1.0]);
    }
}
