//! Sigmoid and tanh over arrays, without a branch and from operations that round the same way on every machine.

/// e to the power of x, within 2 units in the last place for |x| up to 87, the value at 87 or -87 beyond.
#[inline(always)]
fn exp<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
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
        let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
        let n = rounded - ROUND;
        let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
        let mut power = SERIES[0];
        for coefficient in &SERIES[1..] {
            power = power.mul_add(r, *coefficient);
        }
        *result = power * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    }
    result
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn sigmoid<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
    let mut result = exp(scale(x, -1.0));
    for value in &mut result {
        *value = 1.0 / (1.0 + *value);
    }
    result
}

/// Hyperbolic tangent, within 2e-7 of the true value.
#[inline(always)]
pub(super) fn tanh<const LANES: usize>(x: [f32; LANES]) -> [f32; LANES] {
    let mut result = sigmoid(scale(x, 2.0));
    for value in &mut result {
        *value = value.mul_add(2.0, -1.0);
    }
    result
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
    fn extreme_inputs_saturate() {
        assert_eq!(sigmoid([f32::INFINITY, 1e30]), [1.0, 1.0]);
        assert!(sigmoid([f32::NEG_INFINITY])[0] < 1e-37);
        assert_eq!(tanh([f32::INFINITY, f32::NEG_INFINITY]), [1.0, -1.0]);
    }
}
