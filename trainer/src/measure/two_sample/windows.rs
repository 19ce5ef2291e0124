//! The windows that are compared.

use super::features::{FeatureVector, N_FEATURES, measure};
use crate::data::{BeatType, Dataset, Split};
use crate::measure::statistics::{Moments, Summary};
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;

/// Windows with fewer hits are left out: too little to measure.
pub(crate) const MIN_HITS: usize = 8;

/// Windows with the file that each is from and with their features.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    pub(crate) grooves: Vec<Groove>,
    /// Any numbers, equal for windows of the same file.
    pub(crate) files: Vec<usize>,
    pub(super) features: Vec<FeatureVector>,
}

impl Windows {
    /// Those of the grooves, each with the number of its file, that have [`MIN_HITS`] hits.
    pub(in crate::measure) fn of(grooves: impl IntoIterator<Item = (Groove, usize)>) -> Self {
        let (grooves, files): (Vec<Groove>, Vec<usize>) = grooves
            .into_iter()
            .filter(|(groove, _)| groove.n_hits() >= MIN_HITS)
            .unzip();
        Self {
            features: grooves.iter().map(measure).collect(),
            grooves,
            files,
        }
    }

    /// What drummers play in one split: the windows of `n_steps` in its beats in 4/4, side by side from the first bar. A
    /// file that an index calls a fill is no beat.
    pub(crate) fn of_split(dataset: &Dataset, split: Split, n_steps: usize) -> Self {
        let files = dataset.files.iter().enumerate();
        let beats =
            files.filter(|(_, file)| file.split == split && file.beat_type != Some(BeatType::Fill));
        Self::of(beats.flat_map(|(number, file)| {
            let parts = file.extracted.parts.iter();
            let in_common_time = parts.filter(|part| part.steps_per_bar == STEPS_PER_BAR);
            let grooves = in_common_time.filter_map(|part| part.groove());
            grooves.flat_map(move |groove| {
                let starts = (0..groove.n_steps()).step_by(n_steps);
                starts.filter_map(move |start| Some((groove.window(start, n_steps)?, number)))
            })
        }))
    }

    /// As many of the windows as `n`, each equally likely; all of them if there are no more.
    pub(super) fn some(&self, n: usize, noise: &mut Noise) -> Self {
        let places = draw(self.len(), n, noise);
        Self {
            grooves: places.iter().map(|i| self.grooves[*i].clone()).collect(),
            files: places.iter().map(|i| self.files[*i]).collect(),
            features: places.iter().map(|i| self.features[*i]).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.grooves.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.grooves.is_empty()
    }

    /// Mean and standard deviation of each feature, in their order.
    pub(super) fn summaries(&self) -> [Summary; N_FEATURES] {
        let mut moments = [Moments::default(); N_FEATURES];
        for vector in &self.features {
            moments
                .iter_mut()
                .zip(vector)
                .for_each(|(sum, x)| sum.add(*x));
        }
        moments.map(|moments| moments.summary())
    }
}

/// `n` of the numbers below `of`, ascending, every choice equally likely; all of them if there are no more.
pub(super) fn draw(of: usize, n: usize, noise: &mut Noise) -> Vec<usize> {
    let mut places: Vec<usize> = (0..of).collect();
    shuffle(&mut places, noise);
    places.truncate(n);
    places.sort_unstable();
    places
}

/// Puts items into an order of which each is equally likely (Fisher & Yates).
pub(crate) fn shuffle<T>(items: &mut [T], noise: &mut Noise) {
    for last in (1..items.len()).rev() {
        items.swap(last, noise.below(last + 1));
    }
}
