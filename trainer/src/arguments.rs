//! Numbers on the command line, refused with a sentence where they mean nothing.

use std::ops::RangeInclusive;

/// Tempi that a groove can be written at, in quarter notes a minute.
pub const TEMPI_BPM: RangeInclusive<f64> = 20.0..=400.0;

/// A count of at least one.
///
/// # Errors
/// If `text` is none.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 would do nothing: give 1 or more".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a whole number of 1 or more".to_owned()),
    }
}

/// A seed: it picks one of many equally good results.
///
/// # Errors
/// If `text` is no number that a seed can be.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// A temperature: 0 for the most likely hits, 1 for chance as the model has learned it.
///
/// # Errors
/// If `text` is no number, negative, or not finite.
pub fn temperature(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(temperature) if temperature.is_finite() && temperature >= 0.0 => Ok(temperature),
        _ => Err(
            "a temperature is a number from 0 (the most likely hits) upwards; 1 is as learned"
                .to_owned(),
        ),
    }
}

/// A tempo in quarter notes a minute.
///
/// # Errors
/// If `text` is no number in [`TEMPI_BPM`].
pub fn tempo(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(bpm) if TEMPI_BPM.contains(&bpm) => Ok(bpm),
        _ => Err(format!(
            "a tempo is a number from {} to {} bpm",
            TEMPI_BPM.start(),
            TEMPI_BPM.end()
        )),
    }
}

/// How far to go, from 0 to 1.
///
/// # Errors
/// If `text` is no number between them.
pub fn fraction(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("not a number from 0 to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_mean_something_pass() {
        assert_eq!(count("3"), Ok(3));
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(temperature("0"), Ok(0.0));
        assert_eq!(tempo("93.5"), Ok(93.5));
        assert_eq!(fraction("0.3"), Ok(0.3));
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused_with_a_sentence() {
        assert!(count("0").is_err_and(|problem| problem.contains("1 or more")));
        assert!(count("-1").is_err() && count("2.5").is_err());
        for text in ["-1", "1.5", "18446744073709551616", "", "lucky"] {
            assert!(
                seed(text).is_err_and(|problem| problem.contains("whole number from 0")),
                "{text}"
            );
        }
        for text in ["NaN", "-0.1", "inf", "1e39", "hot"] {
            assert!(
                temperature(text).is_err_and(|problem| problem.contains("from 0")),
                "{text}"
            );
        }
        for text in ["NaN", "-0.1", "1.01", "far"] {
            assert!(
                fraction(text).is_err_and(|problem| problem.contains("0 to 1")),
                "{text}"
            );
        }
        for text in ["0", "19.9", "401", "NaN", "-inf", ""] {
            assert!(
                tempo(text).is_err_and(|problem| problem.contains("20 to 400")),
                "{text}"
            );
        }
    }
}
