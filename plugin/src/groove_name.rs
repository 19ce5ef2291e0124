//! What a groove is called: its seed, and its variation if it is one.
//!
//! `000009` is the groove of seed 9. `000009-2` is its second variation: *regenerate* was pressed twice while the song
//! stood still. `000009@64.25` is the variation that automation of *regenerate* asks for at beat 64.25 of the song. A
//! name can be read out, typed, pasted and be part of a file's name.

use crate::request::MAX_SEED;
use std::fmt;
use std::str::FromStr;

/// The takes from here on belong to places in the song, so that no counting reaches them.
const PLACES: u64 = 1 << 63;
/// The variation of the song's start, counted from [`PLACES`] on in 16ths; those before it are pre-roll.
const SONG_START: i64 = 1 << 40;

/// Names a groove among those of one model, temperature and latent position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrooveName {
    /// The seed, at most [`MAX_SEED`].
    pub seed: u32,
    /// Which variation of the seed; 0 is the one that the seed alone names.
    pub variation: u64,
}

/// The variation of a press at a place in the song.
#[must_use]
pub fn variation_at(song_beats: f64) -> u64 {
    // Rounded, because hosts report the same place with different last digits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large becomes the largest number, what is none 0"
    )]
    let sixteenth = (song_beats * 4.0).round() as i64;
    let counted = SONG_START + sixteenth.clamp(-SONG_START, SONG_START);
    PLACES | counted.cast_unsigned()
}

/// The place in the song that a variation belongs to, in beats.
fn place_of(variation: u64) -> Option<f64> {
    let counted = (variation & !PLACES).cast_signed();
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact for every variation that a place has"
    )]
    let sixteenth = (counted - SONG_START) as f64;
    (variation & PLACES != 0).then_some(sixteenth / 4.0)
}

impl fmt::Display for GrooveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.seed)?;
        match (place_of(self.variation), self.variation) {
            (Some(beats), _) => write!(f, "@{beats}"),
            (None, 0) => Ok(()),
            (None, variation) => write!(f, "-{variation}"),
        }
    }
}

/// A text that names no groove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoName;

impl FromStr for GrooveName {
    type Err = NoName;

    /// Reads a name, with or without leading zeros and spaces around it.
    fn from_str(text: &str) -> Result<Self, NoName> {
        let text = text.trim();
        let (seed, variation) = text.split_at(text.find(['-', '@']).unwrap_or(text.len()));
        let seed = number(seed)
            .and_then(|seed| u32::try_from(seed).ok())
            .filter(|&seed| seed <= MAX_SEED);
        let variation = match variation.split_at_checked(1) {
            None => Some(0),
            Some(("@", place)) => place
                .parse()
                .ok()
                .filter(|beats: &f64| beats.is_finite())
                .map(variation_at),
            Some((_, variation)) => number(variation).filter(|&variation| variation < PLACES),
        };
        match (seed, variation) {
            (Some(seed), Some(variation)) => Ok(Self { seed, variation }),
            _ => Err(NoName),
        }
    }
}

/// A number of digits alone, without a sign.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(seed: u32, variation: u64) -> GrooveName {
        GrooveName { seed, variation }
    }

    #[test]
    fn a_name_says_seed_and_variation() {
        assert_eq!(name(9, 0).to_string(), "000009");
        assert_eq!(name(999_999, 2).to_string(), "999999-2");
        assert_eq!(name(9, variation_at(64.25)).to_string(), "000009@64.25");
        assert_eq!(name(9, variation_at(0.0)).to_string(), "000009@0");
        assert_eq!(name(9, variation_at(-4.0)).to_string(), "000009@-4");
    }

    #[test]
    fn every_name_is_read_back() {
        let places = [-4.0, -0.25, 0.0, 0.5, 64.25, 1e6, 1e9].map(variation_at);
        for variation in [0, 1, 2, u64::from(u32::MAX)].into_iter().chain(places) {
            for seed in [0, 9, 999_999] {
                let name = name(seed, variation);
                assert_eq!(name.to_string().parse(), Ok(name));
            }
        }
    }

    #[test]
    fn a_name_may_be_typed_without_zeros_and_pasted_with_spaces() {
        assert_eq!("9".parse(), Ok(name(9, 0)));
        assert_eq!(" 000042-3\n".parse(), Ok(name(42, 3)));
        assert_eq!("7@8".parse(), Ok(name(7, variation_at(8.0))));
    }

    #[test]
    fn what_names_no_groove_is_refused() {
        for text in [
            "",
            "-",
            "@",
            "-1",
            "+1",
            "1000000",
            "9-",
            "9@",
            "9@nan",
            "9@inf",
            "9--1",
            "9-+1",
            "nine",
            "9 9",
            "99999999999999999999",
            "9-9223372036854775808",
        ] {
            assert_eq!(text.parse::<GrooveName>(), Err(NoName), "{text}");
        }
    }

    #[test]
    fn places_are_told_apart_by_16ths_and_rounded_like_hosts_do() {
        assert_eq!(variation_at(8.01), variation_at(7.99));
        assert_ne!(variation_at(8.0), variation_at(8.25));
        assert_ne!(variation_at(0.0), variation_at(-0.25));
        assert_eq!(variation_at(f64::NAN), variation_at(0.0));
        for beats in [-1e300, 0.0, 1e300] {
            assert!(variation_at(beats) >= PLACES, "no counting reaches it");
        }
    }
}
