//! Parts of an input that variations keep as they are.

use super::input::bars;
use anyhow::ensure;
use fourbar_model::conditions::Known;
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use std::str::FromStr;

/// A part of a groove that a variation keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// A drum, all through.
    Drum(Voice),
    /// A bar with all its drums, counted from 0.
    Bar(usize),
}

impl FromStr for Kept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(bar @ 1..) = text.parse::<usize>() {
            return Ok(Self::Bar(bar - 1));
        }
        let is_it = |voice: &Voice| option_name(*voice) == text;
        Voice::ALL
            .into_iter()
            .find(is_it)
            .map(Self::Drum)
            .ok_or_else(|| {
                format!(
                    "neither a bar, counted from 1, nor a drum: {}",
                    Voice::ALL.map(option_name).join(", ")
                )
            })
    }
}

/// A drum's name on the command line.
fn option_name(voice: Voice) -> String {
    voice.name().replace(' ', "-")
}

/// What is known of `groove` where these parts of it are kept; `None` where there are none.
///
/// # Errors
/// If it has not so many bars.
pub(super) fn kept(groove: &Groove, parts: &[Kept]) -> anyhow::Result<Option<Known>> {
    let n_bars = groove.n_steps() / STEPS_PER_BAR;
    for part in parts {
        if let Kept::Bar(bar) = part {
            ensure!(
                *bar < n_bars,
                "--keep {}: there is no such bar, the model plays {}",
                bar + 1,
                bars(n_bars)
            );
        }
    }
    let is_kept =
        |bar, voice| parts.contains(&Kept::Bar(bar)) || parts.contains(&Kept::Drum(voice));
    Ok((!parts.is_empty()).then(|| Known::cells(groove, is_kept)))
}
