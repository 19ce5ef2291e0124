//! The presets that come with the plugin: seeds and styles in one small file, which the built-in model makes grooves of.
//!
//! `cargo xtask factory-presets` chooses them anew, by figures of the drummers of the data set; see `tests/library.rs`.

use super::{Preset, Settings};
use crate::inference::checkpoints;
use crate::inference::engine::Engine;
use crate::inference::models::Choice;
use crate::request::{Kept, N_LATENT, Ready, Request, STYLES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The file with all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factory {
    /// The checkpoint that they were chosen with.
    pub checkpoint_id: String,
    /// By style.
    pub presets: Vec<FactoryPreset>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactoryPreset {
    /// No other has it.
    pub name: String,
    /// Id of its style.
    pub style: String,
    /// The seed of its groove.
    pub seed: u32,
    /// What its figures say.
    pub tags: Vec<String>,
    /// The [`digest`] of what it plays.
    pub notes: String,
}

impl Factory {
    /// The file in the plugin.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Factory> = LazyLock::new(|| {
            // A damaged one is a failing test.
            let text = include_str!("../../../bundles/presets/factory.json");
            serde_json::from_str(text).unwrap_or_default()
        });
        &EMBEDDED
    }

    /// The preset with this name, as the built-in model plays it.
    ///
    /// # Errors
    /// If there is none or it cannot be made; the text is for the user.
    pub fn open(&self, name: &str) -> Result<Preset, String> {
        let preset = self.presets.iter().find(|preset| preset.name == name);
        let preset = preset.ok_or_else(|| format!("There is no preset {name} in the plugin."))?;
        let model = Choice::default();
        let ready = preset.make(&mut checkpoints::engine(&model)?)?;
        let kept = Kept::of(&ready, None, None);
        let tags = preset.tags.clone();
        Ok(Preset::new(kept, model, Settings::default(), tags))
    }
}

impl FactoryPreset {
    /// What it asks for.
    #[must_use]
    pub fn request(&self) -> Request {
        let style = STYLES.iter().position(|style| style.id == self.style);
        request(style, self.seed)
    }

    /// What it plays.
    ///
    /// # Errors
    /// If the model fails; the text is for the user.
    pub fn make(&self, engine: &mut Engine) -> Result<Ready, String> {
        engine.make(&self.request(), None, None)
    }
}

/// What a factory preset of a style asks for.
#[must_use]
pub fn request(style: Option<usize>, seed: u32) -> Request {
    let mut request = Request::new(seed, 0, 1.0, [0.0; N_LATENT]);
    request.play.style = style;
    request
}

/// A short text that tells patterns apart.
#[must_use]
pub fn digest(ready: &Ready) -> String {
    let text = serde_json::to_vec(&ready.pattern).unwrap_or_default();
    let hash = Sha256::digest(text);
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::collections::BTreeSet;

    /// Three for every style.
    const N_PRESETS: usize = 3 * STYLES.len();

    #[test]
    fn there_are_some_of_every_style_and_no_two_are_alike() {
        let presets = &Factory::embedded().presets;
        assert_eq!(presets.len(), N_PRESETS);
        let of_all = |part: fn(&FactoryPreset) -> &str| -> BTreeSet<&str> {
            presets.iter().map(part).collect()
        };
        assert_eq!(of_all(|preset| &preset.name).len(), N_PRESETS);
        assert_eq!(of_all(|preset| &preset.notes).len(), N_PRESETS);
        let styles: BTreeSet<&str> = STYLES.iter().map(|style| style.id).collect();
        assert_eq!(of_all(|preset| &preset.style), styles);
    }

    #[test]
    fn each_plays_what_it_was_chosen_for() {
        let factory = Factory::embedded();
        let mut engine = checkpoints::engine(&Choice::default()).unwrap();
        assert_eq!(engine.identity().checkpoint_id, factory.checkpoint_id);
        for preset in &factory.presets {
            let ready = preset.make(&mut engine).unwrap();
            assert_eq!(ready.check(), Ok(()));
            assert_eq!(digest(&ready), preset.notes, "{}", preset.name);
        }
        let first = &factory.presets[0];
        let opened = factory.open(&first.name).unwrap();
        assert_eq!(digest(opened.kept.ready()), first.notes);
        assert!(factory.open("no such").is_err());
    }
}
