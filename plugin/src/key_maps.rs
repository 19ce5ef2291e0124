//! Drum maps that the user may choose: those that we know, and files in the models folder, as `fourbar` reads them too.
//!
//! Nothing here is called on the audio thread.

use crate::files;
use crate::inference::models;
use fourbar_model::drums::{Definition, DrumMap, Keys, NoteLength, Routing, Voice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// How the names of the files end.
const EXTENSION: &str = "toml";
/// The largest file that is read, and the most that are.
const MAX_FILE_BYTES: u64 = 1 << 16;
const MAX_FILES: usize = 200;
/// The longest name that a map can be given, in characters.
pub const MAX_NAME: usize = 60;

/// Where each drum is sent: its key, and what a map says besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SavedMap")]
pub struct KeyMap {
    name: String,
    /// In the order of [`Voice::ALL`].
    keys: Keys,
    #[serde(skip_serializing_if = "Routing::is_plain")]
    routing: Routing,
}

/// [`KeyMap`] in a project, not checked yet.
#[derive(Deserialize)]
struct SavedMap {
    name: String,
    keys: Keys,
    #[serde(default)]
    routing: Routing,
}

impl TryFrom<SavedMap> for KeyMap {
    type Error = String;

    fn try_from(saved: SavedMap) -> Result<Self, String> {
        let SavedMap {
            name,
            keys,
            routing,
        } = saved;
        match keys.iter().find(|key| **key > 127) {
            Some(key) => Err(format!("the drum map {name:?} has a key {key}")),
            None => Ok(Self {
                name,
                keys,
                routing,
            }),
        }
    }
}

impl From<&DrumMap> for KeyMap {
    fn from(map: &DrumMap) -> Self {
        Self {
            name: map.name.to_owned(),
            keys: map.keys(),
            routing: map.routing,
        }
    }
}

impl KeyMap {
    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that each drum is sent on.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.keys
    }

    /// Channels, choke groups and the length of notes.
    #[must_use]
    pub fn routing(&self) -> Routing {
        self.routing
    }

    /// The maps that Fourbar knows, but the first two, which the parameter *Drum map* chooses.
    #[must_use]
    pub fn known() -> Vec<Self> {
        let of_parameter = [&DrumMap::GM, &DrumMap::TD11].map(|map| map.id);
        let others = DrumMap::ALL.iter();
        let others = others.filter(|map| !of_parameter.contains(&map.id));
        others.map(Self::from).collect()
    }

    /// The maps in `folder`, in the order of their files, and what is wrong with those that cannot be read; none if there
    /// is no folder.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn in_folder(folder: &Path) -> Result<(Vec<Self>, Vec<String>), String> {
        let read = |path: &Path| definition(path).map(|definition| Self::of(&definition));
        each_map(folder, read)
    }

    fn of(definition: &Definition) -> Self {
        Self {
            name: definition.name.clone(),
            keys: definition.keys().map(|keys| keys[0]),
            routing: Routing::from(definition),
        }
    }

    /// Saves where the drums are sent as a file of `folder` that is called `name`, and returns the map.
    ///
    /// # Errors
    /// If two drums have the same key, if there is such a map already, or if it cannot be written.
    pub fn save(folder: &Path, name: &str, keys: Keys, routing: &Routing) -> Result<Self, String> {
        let name = name.trim();
        let is_plain = |letter: char| letter.is_alphanumeric() || " -_.()".contains(letter);
        if name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(is_plain) {
            return Err(format!(
                "\"{name}\" cannot be a map's name: use letters, digits, spaces, and up to {MAX_NAME} of them."
            ));
        }
        let text = text(name, keys, routing).map_err(|error| error.to_string())?;
        let definition = parsed(&text).map_err(|problem| {
            format!("These keys cannot be saved: {problem}. Give each drum a key of its own.")
        })?;
        let map = Self::of(&definition);
        let path = folder.join(format!("{}.{EXTENSION}", name.to_lowercase()));
        let cannot = |error| format!("{} cannot be written: {error}", path.display());
        match files::create(&path, text.as_bytes()) {
            Ok(true) => Ok(map),
            Ok(false) => Err(format!(
                "There is a map \"{name}\" already: choose another name."
            )),
            Err(error) => Err(cannot(error)),
        }
    }
}

/// What `read` makes of each map's file in `folder`, in the order of their names, and what it says of the others.
fn each_map<T>(
    folder: &Path,
    read: impl Fn(&Path) -> Result<T, String>,
) -> Result<(Vec<T>, Vec<String>), String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(format!("{} cannot be read: {error}", folder.display())),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == EXTENSION))
        .take(MAX_FILES)
        .collect();
    paths.sort();
    let (mut maps, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read(&path) {
            Ok(map) => maps.push(map),
            Err(problem) => problems.push(problem),
        }
    }
    Ok((maps, problems))
}

/// What a map's file says.
fn definition(path: &Path) -> Result<Definition, String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let text = files::read(path, MAX_FILE_BYTES)
        .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
        .map_err(|error| format!("{file} cannot be read: {error}"))?;
    parsed(&text).map_err(|problem| format!("{file}: {problem}"))
}

fn parsed(text: &str) -> Result<Definition, String> {
    let definition: Definition =
        toml::from_str(text).map_err(|error| error.message().to_owned())?;
    definition.check()?;
    Ok(definition)
}

/// A map's file, in which each drum is read from the key that it is written with.
fn text(name: &str, keys: Keys, routing: &Routing) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct Map<'a> {
        name: &'a str,
        source: &'a str,
        note_length: NoteLength,
        drums: BTreeMap<Voice, Drum>,
    }
    #[derive(Serialize)]
    struct Drum {
        out: u8,
        #[serde(rename = "in")]
        read: [u8; 1],
        channel: Option<u8>,
        choke: Option<u8>,
    }
    let drum = |voice: Voice| {
        let index = voice.index();
        let named = |number: u8| (number > 0).then_some(number);
        let drum = Drum {
            out: keys[index],
            read: [keys[index]],
            channel: named(routing.channels[index]),
            choke: named(routing.chokes[index]),
        };
        (voice, drum)
    };
    toml::to_string(&Map {
        name,
        source: "Saved by Fourbar.",
        note_length: routing.note_length,
        drums: Voice::ALL.map(drum).into(),
    })
}

/// The user's maps, and what is wrong with the others.
///
/// # Errors
/// If there is no folder to look in, or it cannot be read.
pub fn of_user() -> Result<(Vec<KeyMap>, Vec<String>), String> {
    KeyMap::in_folder(&models::folder()?)
}

/// The user's maps to read files with, whose ids are their paths, and what is wrong with the others. They stay in memory.
///
/// # Errors
/// As of [`of_user`].
pub fn to_read_with() -> Result<(Vec<&'static DrumMap>, Vec<String>), String> {
    each_map(&models::folder()?, |path| {
        DrumMap::from_definition(&path.to_string_lossy(), &definition(path)?)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use fourbar_model::drums::N_VOICES;

    /// The hi-hat on a channel of its own and in a choke group, with long notes.
    fn hi_hat() -> Routing {
        let mut routing = Routing {
            note_length: NoteLength::Whole,
            ..Routing::PLAIN
        };
        for voice in [Voice::ClosedHat, Voice::OpenHat] {
            routing.channels[voice.index()] = 16;
            routing.chokes[voice.index()] = 1;
        }
        routing
    }

    #[test]
    fn a_saved_map_is_listed_with_the_keys_it_was_saved_with() {
        let folder = tempfile::tempdir().unwrap();
        let maps = folder.path().join("models");
        assert_eq!(KeyMap::in_folder(&maps).unwrap().0, []);
        let keys = [60, 61, 62, 63, 64, 65, 66, 67, 0];
        let saved = KeyMap::save(&maps, " My Pads ", keys, &hi_hat()).unwrap();
        assert_eq!((saved.name(), saved.keys()), ("My Pads", keys));
        assert_eq!(saved.routing(), hi_hat());
        fs::write(maps.join("broken.toml"), "name = 3").unwrap();
        fs::write(maps.join("model.safetensors"), "").unwrap();
        let (listed, problems) = KeyMap::in_folder(&maps).unwrap();
        assert_eq!(listed, [saved]);
        assert!(problems.len() == 1 && problems[0].starts_with("broken.toml: "));
        let again = KeyMap::save(&maps, "My Pads", keys, &Routing::PLAIN).unwrap_err();
        assert!(again.contains("already"), "{again}");
    }

    #[test]
    fn what_cannot_be_saved_is_said() {
        let save = |folder: &Path, name: &str, keys| KeyMap::save(folder, name, keys, &hi_hat());
        let folder = tempfile::tempdir().unwrap();
        let twice = save(folder.path(), "Twice", [36; N_VOICES]).unwrap_err();
        assert!(
            twice.contains("36") && twice.contains("key of its own"),
            "{twice}"
        );
        for name in ["", "  ", "../up", "a\"b", &"x".repeat(MAX_NAME + 1)] {
            assert!(save(folder.path(), name, DrumMap::GM.keys()).is_err());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let nowhere = save(&file, "Mine", DrumMap::GM.keys()).unwrap_err();
        assert!(nowhere.contains("mine.toml"), "{nowhere}");
    }

    #[test]
    fn every_known_map_but_those_of_the_parameter_is_there() {
        let known = KeyMap::known();
        assert_eq!(known.len(), DrumMap::ALL.len() - 2);
        assert!(known.iter().any(|map| map.name().contains("EZdrummer")));
    }

    #[test]
    fn a_project_cannot_bring_what_no_map_can_have() {
        let map = KeyMap::from(&DrumMap::GM);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<KeyMap>(&text).unwrap(), map);
        assert!(!text.contains("routing"), "as before there was any: {text}");
        let wrong = text.replace("36", "200");
        assert!(serde_json::from_str::<KeyMap>(&wrong).is_err());
        let routed = KeyMap {
            routing: hi_hat(),
            ..map
        };
        let text = serde_json::to_string(&routed).unwrap();
        assert_eq!(serde_json::from_str::<KeyMap>(&text).unwrap(), routed);
        let wrong = text.replace("1/1", "1/3");
        assert!(serde_json::from_str::<KeyMap>(&wrong).is_err());
    }
}
