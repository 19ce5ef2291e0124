//! Music that the model has not learned from.

use super::statistics::count;
use crate::data::{BeatType, Dataset, Split};
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::Example;
use fourbar_model::groove::{Groove, STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::rows::{RowLayout, Rows};

/// Held-out examples, with what is needed to measure a model on them.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// The examples, each as long as the model's.
    pub examples: Vec<Example>,
    /// What a drum kit plays of each example's output; `None` if the model plays no drums of the nine.
    pub grooves: Option<Vec<Groove>>,
    /// Tempo of each example in quarter notes a minute, to turn steps into milliseconds.
    pub bpms: Vec<f64>,
    /// Which file each example is from: any numbers, equal for examples of the same file.
    pub files: Vec<usize>,
    /// Whether each example is of a beat in 4/4: its bars have 16 steps, and no index calls its file a fill.
    pub is_beat: Vec<bool>,
    /// What each example is called: its file's name, and where in the file it begins (beats from 0).
    pub names: Vec<String>,
}

impl HeldOut {
    /// The windows of one split as the model would see them, side by side (each bar once).
    #[must_use]
    pub fn of(dataset: &Dataset, split: Split, config: &ModelConfig) -> Self {
        let n_steps = config.window_steps();
        let windows = dataset.windows(split, n_steps, n_steps.div_ceil(STEPS_PER_BAR));
        let examples = windows.iter().map(|window| dataset.example(window, None));
        let examples: Vec<Example> = examples.collect();
        let file = |window: &crate::data::Window| &dataset.files[window.file];
        Self {
            grooves: grooves(config, examples.iter().map(|example| &example.output)),
            examples,
            bpms: windows.iter().map(|window| file(window).bpm).collect(),
            files: windows.iter().map(|window| window.file).collect(),
            is_beat: windows
                .iter()
                .map(|window| {
                    let source = file(window);
                    let part = &source.extracted.parts[window.part];
                    source.beat_type != Some(BeatType::Fill) && part.steps_per_bar == STEPS_PER_BAR
                })
                .collect(),
            names: windows
                .iter()
                .map(|window| {
                    let beats = window.first_step / STEPS_PER_BEAT;
                    let source = file(window);
                    let start = source.extracted.parts[window.part].start_beats;
                    format!("{}, from beat {}", source.name, start + count(beats))
                })
                .collect(),
        }
    }

    /// How many examples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// At most `n` of the examples, evenly spread, in their order.
    #[must_use]
    pub fn thinned(&self, n: usize) -> Self {
        let stride = self.len().div_ceil(n.max(1)).max(1);
        let places = || (0..self.len()).step_by(stride);
        Self {
            examples: places().map(|i| self.examples[i].clone()).collect(),
            grooves: self
                .grooves
                .as_ref()
                .map(|grooves| places().map(|i| grooves[i].clone()).collect()),
            bpms: places().map(|i| self.bpms[i]).collect(),
            files: places().map(|i| self.files[i]).collect(),
            is_beat: places().map(|i| self.is_beat[i]).collect(),
            names: places().map(|i| self.names[i].clone()).collect(),
        }
    }

    /// What each example should be played back as.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &Rows> {
        self.examples.iter().map(|example| &example.output)
    }
}

/// What a drum kit plays of each sequence; `None` if the model plays no drums of the nine.
pub(super) fn grooves<'a>(
    config: &ModelConfig,
    sequences: impl Iterator<Item = &'a Rows>,
) -> Option<Vec<Groove>> {
    sequences
        .map(|rows| config.converter.groove(rows))
        .collect()
}

/// Whether rows of this layout say how loud and how early a drum plays.
pub(super) fn has_feel(layout: &RowLayout) -> bool {
    matches!(
        layout,
        RowLayout::Groove { .. } | RowLayout::BinnedGroove { .. }
    )
}
