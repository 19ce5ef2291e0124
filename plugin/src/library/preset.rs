//! One preset as a file: a groove, what it takes to go on working on it, and the settings that belong to how it sounds.

use crate::inference::models::Choice;
use crate::request::Kept;
use fourbar_model::drums::Voice;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the files that are written; those of a later one are not read.
const VERSION: u32 = 1;
/// The most tags of a preset, and letters of one.
const MAX_TAGS: usize = 12;
const MAX_TAG: usize = 24;

/// A groove and its settings.
///
/// A preset says what the drummer plays. Where the notes go, how the built-in drums sound, what is soloed and when a pattern
/// comes in belong to the project, and no preset touches them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// The version of the file.
    fourbar_preset: u32,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The model that made it.
    pub model: Choice,
    /// How it is played, besides what its request says.
    #[serde(default)]
    pub settings: Settings,
    /// The groove, its request, and what was locked and put in.
    pub kept: Kept,
}

/// How a groove is played, besides what its request says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Share of the timing that is played, 0 to 2.
    pub timing: f32,
    /// Share of the dynamics that is played, 0 to 2.
    pub velocity: f32,
    /// The drums that are not played as they are.
    #[serde(default)]
    pub drums: BTreeMap<Voice, DrumSettings>,
}

/// How a drum is played.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrumSettings {
    /// Whether it is silent.
    pub mute: bool,
    /// Share of its hits, 0 to 1.
    pub density: f32,
    /// Factor on its velocities, 0 to 2.
    pub velocity: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timing: 1.0,
            velocity: 1.0,
            drums: BTreeMap::new(),
        }
    }
}

impl Default for DrumSettings {
    fn default() -> Self {
        Self {
            mute: false,
            density: 1.0,
            velocity: 1.0,
        }
    }
}

impl Settings {
    /// How `voice` is played.
    #[must_use]
    pub fn of(&self, voice: Voice) -> DrumSettings {
        self.drums.get(&voice).copied().unwrap_or_default()
    }
}

impl Preset {
    /// A preset of what was kept of a groove that `model` made.
    #[must_use]
    pub fn new(kept: Kept, model: Choice, settings: Settings, tags: Vec<String>) -> Self {
        Self {
            fourbar_preset: VERSION,
            tags,
            model,
            settings,
            kept,
        }
    }

    /// The contents of its file: JSON, a line for each part.
    ///
    /// # Errors
    /// If a number cannot be written.
    pub fn to_text(&self) -> serde_json::Result<String> {
        let Self {
            fourbar_preset,
            tags,
            model,
            settings,
            kept,
        } = self;
        let tags = serde_json::to_string(tags)?;
        let model = serde_json::to_string(model)?;
        let settings = serde_json::to_string(settings)?;
        let kept = serde_json::to_string(kept)?;
        Ok(format!(
            "{{\n  \"fourbar_preset\": {fourbar_preset},\n  \"tags\": {tags},\n  \"model\": {model},\n  \
             \"settings\": {settings},\n  \"kept\": {kept}\n}}\n"
        ))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, for the user, to follow its name and a colon.
    pub fn from_text(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            fourbar_preset: u32,
        }
        let version = serde_json::from_slice::<Version>(text)
            .map_err(|error| format!("it is no preset of Fourbar, or damaged ({error})"))?;
        if version.fourbar_preset > VERSION {
            return Err("it was saved by a newer Fourbar; update this one to play it".to_owned());
        }
        let preset: Self =
            serde_json::from_slice(text).map_err(|error| format!("it is damaged ({error})"))?;
        Ok(Self {
            tags: tidy(preset.tags.iter().map(String::as_str)),
            ..preset
        })
    }
}

/// The tags in a text that separates them by commas.
#[must_use]
pub fn tags_of(text: &str) -> Vec<String> {
    tidy(text.split(','))
}

/// Tags in small letters, without doubles, and no more and no longer ones than a list can show.
fn tidy<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut tidied: Vec<String> = Vec::new();
    for tag in tags {
        let tag: String = tag.trim().to_lowercase().chars().take(MAX_TAG).collect();
        if !tag.is_empty() && !tidied.contains(&tag) && tidied.len() < MAX_TAGS {
            tidied.push(tag);
        }
    }
    tidied
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::request::{N_LATENT, Ready, Request};
    use fourbar_model::groove::{Cell, Groove};

    /// A preset with one snare.
    pub(in crate::library) fn preset(seed: u32) -> Preset {
        let mut groove = Groove::empty(16);
        let cell = Cell {
            velocity: 0.3,
            offset: 0.1,
        };
        groove.set(4, Voice::Snare, Some(cell));
        let ready = Ready {
            request: Request::new(seed, 0, 0.7, [0.1; N_LATENT]),
            checkpoint_id: "test".to_owned(),
            pattern: groove.to_pattern(),
            groove: None,
            n_passes: 1,
        };
        let muted = DrumSettings {
            mute: true,
            density: 0.3,
            ..DrumSettings::default()
        };
        let settings = Settings {
            timing: 0.7,
            velocity: 1.3,
            drums: BTreeMap::from([(Voice::OpenHat, muted)]),
        };
        let kept = Kept::of(&ready, None, None);
        Preset::new(kept, Choice::default(), settings, tags_of("dry, late"))
    }

    #[test]
    fn a_preset_is_read_as_it_was_written_and_a_line_is_a_part() {
        let preset = preset(7);
        let text = preset.to_text().unwrap();
        assert_eq!(text.lines().count(), 7, "{text}");
        assert_eq!(Preset::from_text(text.as_bytes()), Ok(preset));
    }

    #[test]
    fn what_is_damaged_or_of_tomorrow_is_said() {
        let text = preset(7).to_text().unwrap();
        let problem = |text: &str| Preset::from_text(text.as_bytes()).unwrap_err();
        let newer = text.replacen("_preset\": 1", "_preset\": 2", 1);
        assert!(problem(&newer).contains("newer"));
        for damaged in ["", "{}", "7", &text[..text.len() / 2]] {
            assert!(problem(damaged).contains("no preset"), "{damaged}");
        }
        // Nothing that a model could not have made is played.
        let hostile = text.replacen("\"seed\":7", "\"seed\":7000000", 1);
        assert_ne!(hostile, text);
        assert!(problem(&hostile).contains("damaged"));
    }

    #[test]
    fn a_file_with_any_byte_changed_is_refused_or_read_as_it_is_written() {
        let text = preset(7).to_text().unwrap().into_bytes();
        for (place, new) in (0..text.len()).flat_map(|place| [(place, b'9'), (place, b'"')]) {
            let mut changed = text.clone();
            changed[place] = new;
            if let Ok(preset) = Preset::from_text(&changed) {
                let again = preset.to_text().unwrap();
                assert_eq!(Preset::from_text(again.as_bytes()), Ok(preset), "{again}");
            }
        }
    }

    #[test]
    fn tags_are_small_and_few() {
        assert_eq!(tags_of(" Late,dry,, late ,DRY"), ["late", "dry"]);
        let many: Vec<String> = (0..99).map(|n| format!("{n}{}", "x".repeat(99))).collect();
        let tags = tags_of(&many.join(","));
        assert_eq!(tags.len(), MAX_TAGS);
        assert!(tags.iter().all(|tag| tag.chars().count() == MAX_TAG));
    }
}
