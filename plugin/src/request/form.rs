//! What changes from one pass of the groove to the next: fills, and a drummer's variations.

use super::finite_or;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// The most bars until everything repeats.
pub const MAX_FORM_BARS: usize = 64;
/// The longest fill: a bar.
const MAX_FILL_BEATS: u8 = 4;

/// Fills and variations. A pattern has as many passes of the groove as it takes until they repeat; where each is depends on
/// the bar in the song alone. The default is the groove itself, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// Bars from the end of a fill to the end of the next; 0 for no fills.
    pub fill_every: u8,
    /// Length of a fill at the end of its bar, in beats.
    pub fill_beats: u8,
    /// A bar of the song, in bars of the model from 0, that ends with a fill whatever else does.
    pub fill_in: Option<i32>,
    /// Passes of the groove until it is varied.
    pub vary_every: u8,
    /// Share of the groove that a variation plays anew, 0 to 1.
    pub variation: f32,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            fill_every: 0,
            fill_beats: MAX_FILL_BEATS,
            fill_in: None,
            vary_every: 2,
            variation: 0.0,
        }
    }
}

impl Form {
    /// Passes of a groove of `n_bars` bars until everything repeats.
    #[must_use]
    pub fn n_passes(&self, n_bars: usize) -> usize {
        let most = (MAX_FORM_BARS / n_bars.max(1)).max(1);
        if self.varies() {
            return most;
        }
        let until_repeated =
            |pass: &usize| (pass * n_bars).is_multiple_of(self.fill_every.max(1).into());
        (1..most).find(until_repeated).unwrap_or(most)
    }

    /// Whether a bar of a pattern of `n_bars`, counted from 0, ends with a fill.
    #[must_use]
    pub fn has_fill(&self, bar: usize, n_bars: usize) -> bool {
        let every = usize::from(self.fill_every);
        let is_due = every > 0 && (bar + 1).is_multiple_of(every);
        let in_pattern =
            |song_bar: i32| i32::try_from(n_bars).map(|n| song_bar.rem_euclid(n.max(1)));
        let is_asked_for =
            |song_bar| in_pattern(song_bar).is_ok_and(|place| usize::try_from(place) == Ok(bar));
        is_due || self.fill_in.is_some_and(is_asked_for)
    }

    /// Which variation a pass plays, counted from 0; 0 is the groove itself.
    #[must_use]
    pub fn variation_of(&self, pass: usize) -> usize {
        if self.varies() {
            pass / usize::from(self.vary_every.max(1))
        } else {
            0
        }
    }

    fn varies(&self) -> bool {
        self.variation > 0.0
    }

    /// With every number in its range.
    #[must_use]
    pub(super) fn in_range(self) -> Self {
        Self {
            fill_every: self.fill_every.min(16),
            fill_beats: self.fill_beats.clamp(1, MAX_FILL_BEATS),
            fill_in: self.fill_in,
            vary_every: self.vary_every.clamp(1, 16),
            variation: finite_or(self.variation, 0.0).clamp(0.0, 1.0),
        }
    }
}

impl Hash for Form {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            fill_every,
            fill_beats,
            fill_in,
            vary_every,
            variation,
        } = *self;
        (
            fill_every,
            fill_beats,
            fill_in,
            vary_every,
            variation.to_bits(),
        )
            .hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fills_every(fill_every: u8) -> Form {
        Form {
            fill_every,
            ..Form::default()
        }
    }

    #[test]
    fn a_pattern_is_as_long_as_it_takes_until_it_repeats() {
        let passes = |every, n_bars| fills_every(every).n_passes(n_bars);
        assert_eq!([0, 1, 2, 4].map(|every| passes(every, 4)), [1; 4]);
        assert_eq!([passes(8, 4), passes(16, 4), passes(4, 1)], [2, 4, 4]);
        assert_eq!([passes(4, 3), passes(16, 16), passes(8, 16)], [4, 1, 1]);
        let varied = Form {
            vary_every: 1,
            variation: 0.2,
            ..Form::default()
        };
        assert_eq!(varied.n_passes(4), 16);
    }

    #[test]
    fn a_fill_comes_in_the_last_of_so_many_bars() {
        let bars =
            |form: Form| -> Vec<usize> { (0..8).filter(|&bar| form.has_fill(bar, 8)).collect() };
        assert!(bars(Form::default()).is_empty());
        assert_eq!(bars(fills_every(2)), [1, 3, 5, 7]);
        assert_eq!(bars(fills_every(8)), [7]);
        let now = Form {
            fill_in: Some(2),
            ..fills_every(4)
        };
        assert_eq!(bars(now), [2, 3, 7]);
        // In a later round of the pattern, and before the song.
        for song_bar in [18, -6] {
            let fill_in = Some(song_bar);
            assert_eq!(bars(Form { fill_in, ..now }), [2, 3, 7]);
        }
    }

    #[test]
    fn the_first_passes_are_the_groove_itself() {
        let form = Form {
            vary_every: 2,
            variation: 0.3,
            ..Form::default()
        };
        let variations: Vec<usize> = (0..6).map(|pass| form.variation_of(pass)).collect();
        assert_eq!(variations, [0, 0, 1, 1, 2, 2]);
        let still = Form {
            variation: 0.0,
            ..form
        };
        assert_eq!((still.variation_of(5), still.n_passes(4)), (0, 1));
    }
}
