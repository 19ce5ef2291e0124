//! A product and a sum that are rounded once, on every machine.

/// `a * b + c`, rounded once. Where the enabled instructions have that, it is one of them.
#[inline(always)]
pub(crate) fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    // MinGW's function for processors without the instruction rounds the product, too.
    if cfg!(all(windows, target_env = "gnu")) {
        in_double(a, b, c)
    } else {
        a.mul_add(b, c)
    }
}

/// The same from double precision, which holds the product exactly. The sum is rounded to odd, so that what single precision
/// makes of it is what it would make of the exact sum.
///
/// # Source
/// Boldo & Melquiond 2008, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd"; the
/// error of the sum is Knuth's.
#[inline(always)]
fn in_double(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let of_c = sum - product;
    let error = (product - (sum - of_c)) + (c - of_c);
    // Also false for the error of what is not finite, which is no number.
    let is_inexact = error.abs() > 0.0;
    let bits = sum.to_bits();
    let odd = if !is_inexact || bits & 1 == 1 {
        bits
    } else if (error > 0.0) == (sum > 0.0) {
        bits + 1
    } else {
        bits - 1
    };
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    let rounded = f64::from_bits(odd) as f32;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    #[test]
    fn a_product_and_a_sum_are_rounded_once() {
        let near_one = 1.0 + 2.0_f32.powi(-12);
        let square = 1.0 + 2.0_f32.powi(-11);
        let tiny = 2.0_f32.powi(-60);
        // The square is halfway between two numbers; whatever is added decides.
        for (c, expected) in [(0.0, square), (-tiny, square), (tiny, square.next_up())] {
            for compute in [multiply_add, in_double] {
                let found = compute(near_one, near_one, c);
                assert_eq!(found.to_bits(), expected.to_bits(), "{c:e}");
            }
        }
        for (a, b, c) in [
            (f32::MAX, 2.0, 0.0),
            (f32::INFINITY, 1.0, 1.0),
            (2.0, 3.0, f32::NEG_INFINITY),
            (1e-30, 1e-30, 1e-45),
            (-0.0, 1.0, -0.0),
        ] {
            let found = [multiply_add(a, b, c), in_double(a, b, c)].map(f32::to_bits);
            #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
            let expected = (f64::from(a) * f64::from(b) + f64::from(c)) as f32;
            assert_eq!(found, [expected.to_bits(); 2], "{a} {b} {c}");
        }
        assert!(multiply_add(f32::INFINITY, 0.0, 1.0).is_nan());
        assert!(in_double(f32::INFINITY, 0.0, 1.0).is_nan());
    }

    #[test]
    fn double_precision_gives_the_bits_of_the_instruction() {
        let mut noise = Noise::from_seed(1);
        for _ in 0..100_000 {
            let [a, b, c] = [1.0, 1.0, 1e-4].map(|size| size * noise.normal());
            let found = [
                in_double(a, b, c),
                in_double(a, c, b),
                in_double(a, b, -a * b),
            ];
            let expected = [
                multiply_add(a, b, c),
                multiply_add(a, c, b),
                multiply_add(a, b, -a * b),
            ];
            assert_eq!(found.map(f32::to_bits), expected.map(f32::to_bits));
        }
    }
}
