//! Fills and variations: what changes from one pass of the groove to the next.

use super::{Maker, count_presses, percent, share_of_percent};
use crate::request::Form;
use nice_plug::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// Fills and variations.
#[derive(Params)]
pub struct FormParams {
    /// Bars from a fill to the next.
    #[id = "fill_every"]
    pub fill_every: EnumParam<FillEvery>,
    /// How long fills are.
    #[id = "fill_size"]
    pub fill_size: EnumParam<FillSize>,
    /// Momentary: the bar that is next to end ends with a fill.
    #[id = "fill_now"]
    pub fill_now: BoolParam,
    /// Passes of the groove until it is varied.
    #[id = "vary_every"]
    pub vary_every: EnumParam<VaryEvery>,
    /// Share of the groove that a variation plays anew.
    #[id = "variation"]
    pub variation: FloatParam,
}

/// Bars from a fill to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum FillEvery {
    /// No fills.
    #[id = "never"]
    Never,
    /// Every bar.
    #[id = "1"]
    #[name = "1 bar"]
    One,
    /// Every other bar.
    #[id = "2"]
    #[name = "2 bars"]
    Two,
    /// Every four bars.
    #[id = "4"]
    #[name = "4 bars"]
    Four,
    /// Every eight bars.
    #[id = "8"]
    #[name = "8 bars"]
    Eight,
    /// Every sixteen bars.
    #[id = "16"]
    #[name = "16 bars"]
    Sixteen,
}

/// How long fills are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum FillSize {
    /// The last beat of the bar.
    #[id = "1"]
    #[name = "1 beat"]
    Beat,
    /// Its second half.
    #[id = "2"]
    #[name = "2 beats"]
    Half,
    /// The whole bar.
    #[id = "4"]
    #[name = "1 bar"]
    Bar,
}

/// Passes of the groove until it is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum VaryEvery {
    /// Every pass.
    #[id = "1"]
    #[name = "1 pass"]
    One,
    /// Every other pass.
    #[id = "2"]
    #[name = "2 passes"]
    Two,
    /// Every four passes.
    #[id = "4"]
    #[name = "4 passes"]
    Four,
}

impl FormParams {
    pub(super) fn new(make: &Maker, n_fills: Arc<AtomicU32>) -> Self {
        Self {
            fill_every: EnumParam::new("Fill every", FillEvery::Never),
            fill_size: EnumParam::new("Fill size", FillSize::Bar),
            fill_now: BoolParam::new("Fill now", false).with_callback(count_presses(n_fills)),
            vary_every: EnumParam::new("Vary every", VaryEvery::Two),
            variation: make
                .float("Variation", 0.0, 0.0, 1.0, |params| &params.form.variation)
                .with_unit(" %")
                .with_value_to_string(Arc::new(percent))
                .with_string_to_value(Arc::new(share_of_percent)),
        }
    }

    /// What they ask for.
    #[must_use]
    pub fn form(&self) -> Form {
        Form {
            fill_every: self.fill_every.value().bars(),
            fill_beats: self.fill_size.value().beats(),
            fill_in: None,
            vary_every: self.vary_every.value().passes(),
            variation: self.variation.value(),
        }
    }
}

impl FillEvery {
    fn bars(self) -> u8 {
        match self {
            Self::Never => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// The value for so many bars.
    #[must_use]
    pub fn of_bars(bars: u8) -> Self {
        value_for(Self::bars, bars)
    }
}

impl FillSize {
    fn beats(self) -> u8 {
        match self {
            Self::Beat => 1,
            Self::Half => 2,
            Self::Bar => 4,
        }
    }

    /// The value for so many beats.
    #[must_use]
    pub fn of_beats(beats: u8) -> Self {
        value_for(Self::beats, beats)
    }
}

impl VaryEvery {
    fn passes(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// The value for so many passes.
    #[must_use]
    pub fn of_passes(passes: u8) -> Self {
        value_for(Self::passes, passes)
    }
}

/// The value that stands for `wanted`; the first one if none does.
fn value_for<E: Enum + Copy>(number: fn(E) -> u8, wanted: u8) -> E {
    let values = (0..E::variants().len()).map(E::from_index);
    let found = values.into_iter().find(|&value| number(value) == wanted);
    found.unwrap_or_else(|| E::from_index(0))
}
