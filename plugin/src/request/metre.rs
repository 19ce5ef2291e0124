//! Bars of the host's length from the model's, which are all of four beats.
//!
//! A bar of quarters or of odd eighths (3/4, 5/4, 7/8) is cut from the model's bar, or goes on with its last beats: its "one" is
//! the model's "one". Where the bar ends with a fill, the fill stays and the beats before it are left out. In bars of dotted
//! quarters (6/8, 9/8, 12/8) a beat of the model becomes a dotted quarter, with its four 16ths on the first, the second and the
//! third eighth and on the 16th after that: eighths become a shuffle.

use fourbar_model::groove::{Groove, STEPS_PER_BAR, STEPS_PER_BEAT, beats, nearest_step};
use serde::{Deserialize, Serialize};

/// Beats of the model's bar.
const MODEL_BEATS: usize = STEPS_PER_BAR / STEPS_PER_BEAT;
/// 16ths of a dotted quarter, and where the four 16ths of a beat are in it.
const DOTTED_STEPS: usize = 6;
const IN_DOTTED: [usize; STEPS_PER_BEAT] = [0, 2, 4, 5];
/// The longest bar that is made, in 16ths: two of the model's.
const MAX_BAR_STEPS: usize = 2 * STEPS_PER_BAR;

/// A metre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metre {
    numerator: u8,
    denominator: u8,
}

impl Default for Metre {
    fn default() -> Self {
        Self {
            numerator: 4,
            denominator: 4,
        }
    }
}

impl Metre {
    /// The metre with these numbers; 4/4 in place of one whose bars are no whole 16ths, or longer than two of the model's.
    #[must_use]
    pub fn new(numerator: u8, denominator: u8) -> Self {
        let is_known = [1, 2, 4, 8, 16].contains(&denominator) && numerator > 0;
        let metre = Self {
            numerator,
            denominator,
        };
        if is_known && metre.bar_steps() <= MAX_BAR_STEPS {
            metre
        } else {
            Self::default()
        }
    }

    /// Its numerator and its denominator.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 2] {
        [self.numerator, self.denominator]
    }

    /// The same, if it is one that can be made.
    #[must_use]
    pub(super) fn in_range(self) -> Self {
        Self::new(self.numerator, self.denominator)
    }

    /// Whether its bars are the model's.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.is_dotted() && self.bar_steps() == STEPS_PER_BAR
    }

    /// Whether it is 4/4.
    #[must_use]
    pub fn is_four_four(&self) -> bool {
        *self == Self::default()
    }

    /// Length of a bar, in 16ths.
    #[must_use]
    pub fn bar_steps(&self) -> usize {
        usize::from(self.numerator) * STEPS_PER_BAR / usize::from(self.denominator)
    }

    /// Bars that are made of one of the model's: two in 6/8, where each has two of its beats.
    #[must_use]
    pub fn bars_of_one(&self) -> usize {
        if self.is_dotted() {
            (MODEL_BEATS / self.dotted_beats()).max(1)
        } else {
            1
        }
    }

    /// Length of what is made of a bar of the model, in 16ths.
    #[must_use]
    pub fn unit_steps(&self) -> usize {
        self.bars_of_one() * self.bar_steps()
    }

    /// Length of a beat, in 16ths.
    #[must_use]
    pub fn beat_steps(&self) -> usize {
        if self.is_dotted() {
            DOTTED_STEPS
        } else {
            STEPS_PER_BEAT
        }
    }

    /// Whether its beats are dotted quarters.
    fn is_dotted(&self) -> bool {
        self.denominator == 8 && self.numerator >= 6 && self.numerator.is_multiple_of(3)
    }

    fn dotted_beats(&self) -> usize {
        usize::from(self.numerator) / 3
    }

    /// For every 16th of what is made of a groove, the step that it plays, if it plays one. `fill_beats` is how much of a bar of
    /// the model, counted from 0, is a fill at its end.
    #[must_use]
    pub fn sources(
        &self,
        n_bars: usize,
        fill_beats: impl Fn(usize) -> usize,
    ) -> Vec<Option<usize>> {
        let of_bar = |bar: usize| {
            let first = bar * STEPS_PER_BAR;
            let beats = self.beats(fill_beats(bar));
            let steps = beats.into_iter().flat_map(|beat| self.steps_of_beat(beat));
            let mut steps: Vec<Option<usize>> =
                steps.map(|step| step.map(|step| first + step)).collect();
            // An odd eighth.
            steps.truncate(self.unit_steps());
            steps
        };
        (0..n_bars).flat_map(of_bar).collect()
    }

    /// The beats of the model's bar that are played, in this order, if its last `fill` are a fill.
    fn beats(&self, fill: usize) -> Vec<usize> {
        let n_beats = if self.is_dotted() {
            self.dotted_beats() * self.bars_of_one()
        } else {
            self.bar_steps().div_ceil(STEPS_PER_BEAT)
        };
        if n_beats > MODEL_BEATS {
            let more = n_beats - MODEL_BEATS;
            // It goes on with the beats that lead to its end.
            let again = (0..more).map(|beat| MODEL_BEATS - 1 - (more - 1 - beat) % MODEL_BEATS);
            return (0..MODEL_BEATS).chain(again).collect();
        }
        let fill = fill.min(n_beats);
        (0..n_beats - fill)
            .chain(MODEL_BEATS - fill..MODEL_BEATS)
            .collect()
    }

    /// The steps of a beat of the model's bar where they are played.
    fn steps_of_beat(&self, beat: usize) -> Vec<Option<usize>> {
        let first = beat * STEPS_PER_BEAT;
        if self.is_dotted() {
            let place = |place: usize| IN_DOTTED.iter().position(|&there| there == place);
            (0..DOTTED_STEPS)
                .map(|step| Some(first + place(step)?))
                .collect()
        } else {
            (first..first + STEPS_PER_BEAT).map(Some).collect()
        }
    }

    /// Where in `n_bars` of the model something is that was played at `onset_beats` of what is made of them; `None` where that
    /// is nowhere.
    #[must_use]
    pub fn in_model(&self, onset_beats: f64, n_bars: usize) -> Option<f64> {
        let sources = self.sources(n_bars, |_| 0);
        let step = nearest_step(onset_beats);
        // The end is the next start.
        let source = if step == sources.len() {
            n_bars * STEPS_PER_BAR
        } else {
            (*sources.get(step)?)?
        };
        Some(onset_beats + (beats(source) - beats(step)))
    }

    /// What is made of a groove of whole bars.
    #[must_use]
    pub fn of_groove(&self, groove: &Groove, fill_beats: impl Fn(usize) -> usize) -> Groove {
        let sources = self.sources(groove.n_steps() / STEPS_PER_BAR, fill_beats);
        let mut made = Groove::empty(sources.len());
        for (step, source) in sources.into_iter().enumerate() {
            for voice in fourbar_model::drums::Voice::ALL {
                let cell = source.and_then(|source| groove.cell(source, voice));
                made.set(step, voice, cell);
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps that a bar plays, by the beat of the model and the 16th in it.
    fn bar(numerator: u8, denominator: u8, fill: usize) -> Vec<Option<usize>> {
        Metre::new(numerator, denominator).sources(1, |_| fill)
    }

    fn steps(range: impl IntoIterator<Item = usize>) -> Vec<Option<usize>> {
        range.into_iter().map(Some).collect()
    }

    #[test]
    fn a_bar_of_four_is_the_models_own() {
        for (numerator, denominator) in [(4, 4), (2, 2), (8, 8)] {
            assert!(Metre::new(numerator, denominator).is_plain());
            assert_eq!(bar(numerator, denominator, 4), steps(0..16));
        }
    }

    #[test]
    fn a_shorter_bar_is_cut_and_a_longer_one_goes_on() {
        assert_eq!(bar(3, 4, 0), steps(0..12));
        assert_eq!(bar(7, 8, 0), steps(0..14));
        assert_eq!(bar(2, 4, 0), steps(0..8));
        assert_eq!(bar(5, 4, 0), steps((0..16).chain(12..16)));
        assert_eq!(bar(6, 4, 0), steps((0..16).chain(8..16)));
    }

    #[test]
    fn a_fill_is_whole_where_there_is_room_for_it() {
        assert_eq!(bar(3, 4, 1), steps((0..8).chain(12..16)));
        assert_eq!(bar(3, 4, 4), steps(4..16));
        assert_eq!(bar(5, 4, 2), bar(5, 4, 0));
    }

    #[test]
    fn beats_become_dotted_quarters() {
        let beat = |beat: usize| {
            let first = 4 * beat;
            let step = |step: usize| Some(first + step);
            [step(0), None, step(1), None, step(2), step(3)]
        };
        assert_eq!(bar(12, 8, 0), [beat(0), beat(1), beat(2), beat(3)].concat());
        assert_eq!(bar(6, 8, 0), bar(12, 8, 0), "two bars");
        assert_eq!(bar(9, 8, 0), [beat(0), beat(1), beat(2)].concat());
        assert_eq!(Metre::new(6, 8).bars_of_one(), 2);
        assert_eq!(Metre::new(6, 8).unit_steps(), 24);
    }

    #[test]
    fn what_is_played_in_is_found_in_the_models_bars() {
        let in_three = |beats| Metre::new(3, 4).in_model(beats, 2);
        assert_eq!([in_three(1.05), in_three(3.0)], [Some(1.05), Some(4.0)]);
        assert_eq!([in_three(5.95), in_three(7.0)], [Some(7.95), None]);
        assert_eq!(Metre::new(12, 8).in_model(1.0, 1), Some(0.5));
        assert_eq!(Metre::new(12, 8).in_model(0.25, 1), None);
    }

    #[test]
    fn every_metre_makes_bars_of_its_length() {
        for numerator in 1..=32 {
            for denominator in [1, 2, 4, 8, 16] {
                let metre = Metre::new(numerator, denominator);
                let made = metre.sources(3, |bar| bar);
                assert_eq!(made.len(), 3 * metre.unit_steps(), "{metre:?}");
                assert_eq!(made.first(), Some(&Some(0)), "{metre:?}");
            }
        }
        for (numerator, denominator) in [(0, 4), (4, 3), (4, 32), (33, 16), (9, 4), (200, 8)] {
            assert_eq!(Metre::new(numerator, denominator), Metre::default());
        }
    }
}
