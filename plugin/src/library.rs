//! The library: presets that come with the plugin and the user's own, to be found, loved and played.
//!
//! A preset is a groove with the settings that made it. Those of the plugin are seeds in one small file; the user's are
//! files in a folder, to be copied and given away. Nothing here is called on the audio thread.

pub mod factory;
mod folder;
mod hearts;
mod preset;
mod search;

pub use folder::{Folder, check_name};
pub use preset::{DrumSettings, Preset, Settings, tags_of};
pub use search::{Filter, neighbour};

use crate::inference::checkpoints;
use crate::request::Request;
use factory::Factory;
use hearts::Hearts;
use serde::{Deserialize, Serialize};

/// Whose a preset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It came with the plugin.
    Factory,
    /// It is a file in the user's folder.
    User,
}

/// What a preset is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Its name, which no other preset of the same origin has.
    pub name: String,
    /// Whose it is.
    pub origin: Origin,
}

/// A preset in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is known by.
    pub key: Key,
    /// What is in it, or why it cannot be played, for the user.
    pub contents: Result<Summary, String>,
    /// Whether it has a heart.
    pub is_loved: bool,
}

/// What the list shows of a preset.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What it asks for.
    pub request: Request,
    /// What it was called to be found again.
    pub tags: Vec<String>,
}

/// All presets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// By name.
    pub entries: Vec<Entry>,
    /// Why some may be missing, for the user.
    pub problem: Option<String>,
}

/// A preset that is to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What it is known by.
    pub key: Key,
    /// What is in it.
    pub preset: Preset,
    /// Whether the model that made it is here.
    pub has_model: bool,
}

impl Key {
    /// The preset of the user with this name.
    #[must_use]
    pub fn of_user(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            origin: Origin::User,
        }
    }
}

impl Listing {
    /// The presets of the plugin, and those in the user's `folder`.
    #[must_use]
    pub fn of(folder: Result<Folder, String>) -> Self {
        let factory = Factory::embedded().presets.iter().map(|preset| {
            let summary = Summary {
                request: preset.request(),
                tags: preset.tags.clone(),
            };
            (Origin::Factory, preset.name.clone(), Ok(summary))
        });
        let files = folder.clone().and_then(|folder| folder.list());
        let hearts = folder.and_then(|folder| Hearts::load(&folder));
        let problem = files.as_ref().err().or(hearts.as_ref().err()).cloned();
        let (files, hearts) = (files.unwrap_or_default(), hearts.unwrap_or_default());
        let of_user = files
            .into_iter()
            .map(|(name, contents)| (Origin::User, name, contents));
        let mut entries: Vec<Entry> = factory
            .chain(of_user)
            .map(|(origin, name, contents)| {
                let key = Key { name, origin };
                Entry {
                    is_loved: hearts.has(&key),
                    key,
                    contents,
                }
            })
            .collect();
        entries.sort_by_cached_key(|entry| (entry.key.name.to_lowercase(), entry.key.clone()));
        Self { entries, problem }
    }
}

/// Gives a preset a heart, or takes it back.
///
/// # Errors
/// If that cannot be remembered; the text is for the user.
pub fn love(folder: &Folder, key: &Key, is_loved: bool) -> Result<(), String> {
    let mut hearts = Hearts::load(folder)?;
    hearts.set(key, is_loved);
    hearts.save(folder)
}

/// Reads a preset, or makes it if it came with the plugin; `loaded` is the checkpoint that plays now.
///
/// # Errors
/// If it cannot be played; the text is for the user.
pub fn open(key: Key, loaded: Option<&str>) -> Result<Opened, String> {
    if key.origin == Origin::Factory {
        let preset = Factory::embedded().open(&key.name)?;
        return Ok(Opened {
            key,
            preset,
            has_model: true,
        });
    }
    let preset = Folder::of_user()?.read(&key.name)?;
    let made_by = &preset.kept.ready().checkpoint_id;
    let is_there = || {
        let engine = checkpoints::engine(&preset.model);
        engine.is_ok_and(|engine| engine.identity().checkpoint_id == *made_by)
    };
    Ok(Opened {
        key,
        has_model: loaded == Some(made_by.as_str()) || is_there(),
        preset,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::preset::tests::preset;
    use super::*;

    #[test]
    fn presets_of_both_origins_are_listed_by_name_with_their_hearts() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path().join("presets"));
        let plain = Listing::of(Ok(folder.clone()));
        assert_eq!(plain.problem, None);
        let n_factory = plain.entries.len();
        let namesake = plain.entries[3].key.clone();
        for name in ["zebra", "Aardvark", &namesake.name] {
            folder.save(name, &preset(7)).unwrap();
        }
        love(&folder, &Key::of_user("zebra"), true).unwrap();
        love(&folder, &namesake, true).unwrap();

        let listing = Listing::of(Ok(folder.clone()));
        assert_eq!(listing.entries.len(), n_factory + 3);
        let (first, last) = (&listing.entries[0], &listing.entries[n_factory + 2]);
        assert_eq!(first.key, Key::of_user("Aardvark"));
        assert_eq!((&last.key, last.is_loved), (&Key::of_user("zebra"), true));
        let loved = listing.entries.iter().filter(|entry| entry.is_loved);
        let loved: Vec<&Key> = loved.map(|entry| &entry.key).collect();
        assert_eq!(
            loved,
            [&namesake, &Key::of_user("zebra")],
            "not its namesake"
        );
        love(&folder, &namesake, false).unwrap();
        let n_loved = |listing: Listing| listing.entries.iter().filter(|e| e.is_loved).count();
        assert_eq!(n_loved(Listing::of(Ok(folder))), 1);
    }

    #[test]
    fn damaged_hearts_hide_no_preset() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path().to_owned());
        folder.save("mine", &preset(7)).unwrap();
        std::fs::write(place.path().join("hearts.json"), "{").unwrap();
        let listing = Listing::of(Ok(folder));
        assert!(listing.problem.unwrap().contains("hearts.json"));
        let mine = Key::of_user("mine");
        assert!(listing.entries.iter().any(|entry| entry.key == mine));
    }

    #[test]
    fn the_plugins_presets_are_there_where_the_users_folder_is_not() {
        let listing = Listing::of(Err("no home".to_owned()));
        assert_eq!(listing.problem.as_deref(), Some("no home"));
        assert_eq!(listing.entries.len(), Factory::embedded().presets.len());
    }
}
