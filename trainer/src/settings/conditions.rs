//! Which conditions the examples of a training run are given.
//!
//! A model that is to answer with and without a style, a tempo or parts that are already decided has to see examples of
//! each. Half of them or more know nothing of the music, as most requests do; the others know what a player may lock: some
//! drums, some bars, the hits, a tapped rhythm, how it begins, all but one bar.

use fourbar_model::conditions::{Conditions, Known};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;
use serde::{Deserialize, Serialize};

/// The probabilities with which examples are given conditions; none is given by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionSampling {
    /// Probability that the style is given, where it is known.
    pub style: f64,
    /// Probability that the tempo is given.
    pub tempo: f64,
    /// Probability that it is given which bars are fills, where that can be known.
    pub fills: f64,
    /// Probability that fills which are given are hidden from the encoder: another bar takes their place in what it reads,
    /// so that the decoder learns to play a fill because it is asked for, and not because the latent says so.
    pub hide_fills: f64,
    /// Probability that parts of the music are given.
    pub known: f64,
    /// What those parts are: one of these, each equally likely.
    pub kinds: Vec<KnownKind>,
    /// Probability of each drum, where drums are given.
    pub drum: f64,
    /// Probability of each bar, where bars are given.
    pub bar: f64,
}

/// What can be known of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownKind {
    /// Some of the drums.
    Drums,
    /// Some of the bars.
    Bars,
    /// Every hit, but not how it is played.
    Hits,
    /// The loudest hit of each step, but not which drum plays it.
    Tap,
    /// The first bars, up to all but the last.
    FirstBars,
    /// All bars but one.
    AllButOneBar,
}

impl KnownKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Drums,
        Self::Bars,
        Self::Hits,
        Self::Tap,
        Self::FirstBars,
        Self::AllButOneBar,
    ];
}

impl Default for ConditionSampling {
    fn default() -> Self {
        Self {
            style: 0.0,
            tempo: 0.0,
            fills: 0.0,
            hide_fills: 0.0,
            known: 0.0,
            kinds: KnownKind::ALL.to_vec(),
            drum: 0.5,
            bar: 0.6,
        }
    }
}

impl ConditionSampling {
    /// Whether anything is ever given.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let probabilities = [self.style, self.tempo, self.fills, self.known];
        probabilities.iter().any(|probability| *probability > 0.0)
    }

    /// The conditions of one example: of `groove`, played in `style` (its index among those of the model) and at
    /// `tempo_bpm`; `fills` says of each bar whether it is one.
    #[must_use]
    pub fn draw(
        &self,
        groove: &Groove,
        style: Option<usize>,
        tempo_bpm: f32,
        fills: Option<Vec<bool>>,
        noise: &mut Noise,
    ) -> Conditions {
        Conditions {
            style: style.filter(|_| chance(self.style, noise)),
            tempo_bpm: chance(self.tempo, noise).then_some(tempo_bpm),
            fills: fills.filter(|_| chance(self.fills, noise)),
            known: chance(self.known, noise).then(|| self.known(groove, noise)),
            controls: None,
        }
    }

    /// What the encoder reads instead of `groove` where the fills among `conditions` are hidden from it: each fill has
    /// become one of the bars that are none. `None` where nothing is hidden.
    #[must_use]
    pub fn hidden(
        &self,
        groove: &Groove,
        conditions: &Conditions,
        noise: &mut Noise,
    ) -> Option<Groove> {
        let fills = conditions.fills.as_ref()?;
        let bars = |wanted: bool| (0..fills.len()).filter(move |bar| fills[*bar] == wanted);
        let others: Vec<usize> = bars(false).collect();
        if others.is_empty() || bars(true).next().is_none() || !chance(self.hide_fills, noise) {
            return None;
        }
        let mut read = groove.clone();
        for fill in bars(true) {
            let other = others[noise.below(others.len())];
            for step in 0..STEPS_PER_BAR {
                for voice in Voice::ALL {
                    let cell = groove.cell(other * STEPS_PER_BAR + step, voice);
                    read.set(fill * STEPS_PER_BAR + step, voice, cell);
                }
            }
        }
        Some(read)
    }

    fn known(&self, groove: &Groove, noise: &mut Noise) -> Known {
        let n_bars = groove.n_steps() / STEPS_PER_BAR;
        match self.kinds[noise.below(self.kinds.len())] {
            KnownKind::Drums => {
                let drums: Vec<Voice> = Voice::ALL
                    .into_iter()
                    .filter(|_| chance(self.drum, noise))
                    .collect();
                Known::drums(groove, &drums)
            }
            KnownKind::Bars => {
                let bars: Vec<usize> = (0..n_bars).filter(|_| chance(self.bar, noise)).collect();
                Known::bars(groove, &bars)
            }
            KnownKind::Hits => Known::hits(groove),
            KnownKind::Tap => Known::tap(groove),
            KnownKind::FirstBars => Known::first_bars(groove, 1 + noise.below(n_bars - 1)),
            KnownKind::AllButOneBar => {
                let unknown = noise.below(n_bars);
                let bars: Vec<usize> = (0..n_bars).filter(|bar| *bar != unknown).collect();
                Known::bars(groove, &bars)
            }
        }
    }
}

fn chance(probability: f64, noise: &mut Noise) -> bool {
    f64::from(noise.uniform()) < probability
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::conditions::KnownCell;
    use fourbar_model::drums::N_VOICES;
    use fourbar_model::groove::Cell;

    const N_DRAWS: usize = 4_000;

    /// Four bars in which every drum plays on every step.
    fn groove() -> Groove {
        let mut groove = Groove::empty(64);
        for step in 0..64 {
            for voice in Voice::ALL {
                let (velocity, offset) = (0.5, 0.1);
                groove.set(step, voice, Some(Cell { velocity, offset }));
            }
        }
        groove
    }

    fn draws(sampling: &ConditionSampling) -> Vec<Conditions> {
        let (groove, mut noise) = (groove(), Noise::from_seed(1));
        (0..N_DRAWS)
            .map(|_| sampling.draw(&groove, Some(3), 120.0, None, &mut noise))
            .collect()
    }

    /// What is known of parts of one kind, drawn many times.
    fn known(kind: KnownKind) -> Vec<Known> {
        let sampling = ConditionSampling {
            known: 1.0,
            kinds: vec![kind],
            ..ConditionSampling::default()
        };
        draws(&sampling)
            .into_iter()
            .flat_map(|one| one.known)
            .collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a few thousand draws")]
    fn assert_share(count: usize, of: usize, expected: f64) {
        let share = count as f64 / of as f64;
        assert!((share - expected).abs() < 0.025, "{share}, not {expected}");
    }

    fn is_full(cell: KnownCell) -> bool {
        matches!(cell, KnownCell::Full(Some(_)))
    }

    /// Which bars are known; each has to be so as a whole, or not at all.
    fn bars(known: &Known) -> Vec<bool> {
        let bars = known.steps().chunks(STEPS_PER_BAR).map(|bar| {
            let n_full = bar.iter().flatten().filter(|cell| is_full(**cell)).count();
            assert!(n_full == 0 || n_full == STEPS_PER_BAR * N_VOICES);
            n_full > 0
        });
        bars.collect()
    }

    #[test]
    fn nothing_is_given_by_default() {
        assert!(
            draws(&ConditionSampling::default())
                .iter()
                .all(Conditions::is_empty)
        );
    }

    #[test]
    fn each_condition_is_given_as_often_as_asked_and_each_kind_equally_often() {
        let sampling = ConditionSampling {
            style: 0.5,
            tempo: 0.9,
            known: 0.4,
            ..ConditionSampling::default()
        };
        let drawn = draws(&sampling);
        let count = |is: &dyn Fn(&Conditions) -> bool| drawn.iter().filter(|one| is(one)).count();
        assert_share(count(&|one| one.style == Some(3)), N_DRAWS, 0.5);
        assert_share(count(&|one| one.tempo_bpm == Some(120.0)), N_DRAWS, 0.9);
        let n_known = count(&|one| one.known.is_some());
        assert_share(n_known, N_DRAWS, 0.4);
        let of_known = |is: fn(&Known) -> bool| count(&|one| one.known.as_ref().is_some_and(is));
        assert_share(of_known(|known| known.taps().is_some()), n_known, 1.0 / 6.0);
        let all_hits = |known: &Known| {
            let mut cells = known.steps().iter().flatten();
            cells.all(|cell| *cell == KnownCell::Hit(true))
        };
        assert_share(of_known(all_hits), n_known, 1.0 / 6.0);
        let unknown_style = sampling.draw(&groove(), None, 120.0, None, &mut Noise::from_seed(1));
        assert_eq!(unknown_style.style, None);
    }

    #[test]
    fn drums_are_known_one_by_one_all_through() {
        let known = known(KnownKind::Drums);
        let mut n_drums = 0;
        for known in &known {
            for voice in Voice::ALL {
                let of_drum = |step: &[KnownCell; N_VOICES]| is_full(step[voice.index()]);
                let n_steps = known.steps().iter().filter(|step| of_drum(step)).count();
                assert!(n_steps == 0 || n_steps == 64);
                n_drums += usize::from(n_steps > 0);
            }
        }
        assert_share(n_drums, N_VOICES * known.len(), 0.5);
    }

    #[test]
    fn bars_are_known_one_by_one() {
        let known = known(KnownKind::Bars);
        let n_bars = known.iter().flat_map(bars).filter(|bar| *bar).count();
        assert_share(n_bars, 4 * known.len(), 0.6);
    }

    #[test]
    fn a_fill_is_hidden_behind_another_bar_as_often_as_asked() {
        let sampling = ConditionSampling {
            hide_fills: 0.7,
            ..ConditionSampling::default()
        };
        // Bar n has n hits.
        let mut groove = Groove::empty(64);
        for bar in 0..4 {
            for step in 0..=bar {
                let (velocity, offset) = (0.5, 0.1);
                let cell = Some(Cell { velocity, offset });
                groove.set(STEPS_PER_BAR * bar + step, Voice::Snare, cell);
            }
        }
        let n_hits = |groove: &Groove, bar| {
            let bar = groove.window(bar * STEPS_PER_BAR, STEPS_PER_BAR);
            bar.expect("the bar is in the groove").n_hits()
        };
        let read = |fills: Option<[bool; 4]>, noise: &mut Noise| {
            let conditions = Conditions {
                fills: fills.map(Vec::from),
                ..Conditions::default()
            };
            sampling.hidden(&groove, &conditions, noise)
        };
        let mut noise = Noise::from_seed(1);
        let mut seen = [0; 4];
        for _ in 0..N_DRAWS {
            if let Some(read) = read(Some([false, false, true, false]), &mut noise) {
                assert_eq!([0, 1, 3].map(|bar| n_hits(&read, bar)), [1, 2, 4]);
                seen[n_hits(&read, 2) - 1] += 1;
            }
        }
        assert_share(seen.iter().sum(), N_DRAWS, 0.7);
        assert_eq!(seen[2], 0);
        assert!(seen.iter().filter(|count| **count > N_DRAWS / 5).count() == 3);
        for nothing in [None, Some([false; 4]), Some([true; 4])] {
            assert!((0..100).all(|_| read(nothing, &mut noise).is_none()));
        }
    }

    #[test]
    fn the_first_one_to_three_bars_are_known_equally_often() {
        let known: Vec<Vec<bool>> = known(KnownKind::FirstBars).iter().map(bars).collect();
        for n_bars in 1..4 {
            let expected: Vec<bool> = (0..4).map(|bar| bar < n_bars).collect();
            let count = known.iter().filter(|bars| **bars == expected).count();
            assert_share(count, known.len(), 1.0 / 3.0);
        }
    }

    #[test]
    fn each_bar_is_the_only_unknown_one_equally_often() {
        let known: Vec<Vec<bool>> = known(KnownKind::AllButOneBar).iter().map(bars).collect();
        for unknown in 0..4 {
            let expected: Vec<bool> = (0..4).map(|bar| bar != unknown).collect();
            let count = known.iter().filter(|bars| **bars == expected).count();
            assert_share(count, known.len(), 0.25);
        }
    }
}
