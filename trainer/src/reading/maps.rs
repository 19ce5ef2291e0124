//! `fourbar maps`: the drum maps that there are, ours and the user's own.
//!
//! A map is a TOML file: ours are in `model/maps`, a user's own ones in the folder of the models, or anywhere if their
//! path is given.

use crate::files;
use anyhow::{Context as _, Result, anyhow};
use fourbar_model::drums::{Definition, DrumMap, N_VOICES, NoteLength, Routing, Voice};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Arguments of `fourbar maps`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the keys of this map
    #[arg(value_name = "MAP", value_parser = parse)]
    pub map: Option<&'static DrumMap>,
}

/// Lists the maps, or shows one.
///
/// # Errors
/// If nothing can be printed.
pub fn run(args: &Args) -> Result<()> {
    let mut out = io::stdout().lock();
    if let Some(map) = args.map {
        write!(out, "{}", text(map))?;
        return Ok(());
    }
    for map in &DrumMap::ALL {
        writeln!(out, "{:<16}{}", map.id, map.name)?;
    }
    let folder = files::models_folder();
    let own = folder.as_deref().map(own_maps).unwrap_or_default();
    for path in &own {
        match read(path) {
            Ok(map) => writeln!(out, "{:<16}{} ({})", map.id, map.name, path.display())?,
            Err(problem) => writeln!(out, "{}: {problem:#}", path.display())?,
        }
    }
    if let Some(folder) = folder {
        writeln!(
            out,
            "\nA file NAME.toml in {} is a map of your own; `fourbar maps gm` shows the keys of one of these.",
            folder.display()
        )?;
    }
    Ok(())
}

/// The drum map that an argument names: one of ours, a user's own, or a file.
///
/// # Errors
/// If there is no such map, or its file is wrong; the text lists those there are, or names the line.
pub fn parse(word: &str) -> Result<&'static DrumMap, String> {
    find(word).map_err(|error| format!("{error:#}"))
}

/// A drum map and the word that named it: for a user's own file, its path.
#[derive(Debug, Clone)]
pub struct NamedMap {
    /// The word.
    pub word: String,
    /// The map.
    pub map: &'static DrumMap,
}

/// [`parse`], with the word.
///
/// # Errors
/// As [`parse`].
pub fn parse_named(word: &str) -> Result<NamedMap, String> {
    let word = word.to_owned();
    parse(&word).map(|map| NamedMap { word, map })
}

/// See [`parse`].
///
/// # Errors
/// As [`parse`].
pub fn find(word: &str) -> Result<&'static DrumMap> {
    if let Some(map) = DrumMap::by_id(word) {
        return Ok(map);
    }
    if Path::new(word).extension().is_some_and(|end| end == "toml") {
        return read(&files::expand_home(word.into()));
    }
    if let Some(path) = files::models_folder().map(|folder| folder.join(format!("{word}.toml")))
        && path.is_file()
    {
        return read(&path);
    }
    let known: Vec<_> = DrumMap::ALL.iter().map(|map| map.id).collect();
    Err(anyhow!(
        "there is no drum map \"{word}\"; there are {}, and any file ending in .toml (see `fourbar maps`)",
        known.join(", ")
    ))
}

/// The map of a file, which is called by the file's name.
fn read(path: &Path) -> Result<&'static DrumMap> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the drum map {}", path.display()))?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    let map: Definition = toml::from_str(&text)
        .map_err(|error| anyhow!("{}: {}", path.display(), error.to_string().trim_end()))?;
    DrumMap::from_definition(&id, &map).map_err(|problem| anyhow!("{}: {problem}", path.display()))
}

/// The maps in a folder, in the order of names.
fn own_maps(folder: &Path) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = listing
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    paths
}

/// The keys of a map and where they are from.
fn text(map: &DrumMap) -> String {
    let mut text = format!("{} ({})\n{}\n\n", map.name, map.id, map.source);
    text += &format!("{:<16}{:>7}  {}\n", "", "written", "read");
    for voice in Voice::ALL {
        text += &format!(
            "{:<16}{:>7}  {}\n",
            voice.name(),
            map.pitch(voice),
            numbers(map.pitches[voice.index()])
        );
    }
    if !map.aside.is_empty() {
        text += &format!(
            "{:<16}{:>7}  {} ({})\n",
            "left out",
            "",
            numbers(map.aside),
            map.aside_name
        );
    }
    if let Some(hat) = map.hat {
        text += &format!(
            "Where all keys of the hi-hat are closed, or all open, controller {} tells: below {} it is open.\n",
            hat.controller, hat.open_below
        );
    }
    text + &routing_text(&map.routing)
}

/// Where drums are sent besides their keys, a line for each that is not sent as all are.
fn routing_text(routing: &Routing) -> String {
    let mut text = String::new();
    for voice in Voice::ALL {
        let number = |numbers: [u8; N_VOICES]| numbers[voice.index()];
        let said = [
            ("on channel", number(routing.channels)),
            ("in choke group", number(routing.chokes)),
        ];
        let said: Vec<String> = said
            .into_iter()
            .filter(|(_, number)| *number > 0)
            .map(|(what, number)| format!("{what} {number}"))
            .collect();
        if !said.is_empty() {
            text += &format!("{} is sent {}.\n", voice.name(), said.join(", "));
        }
    }
    if routing.note_length != NoteLength::default() {
        text += &format!("Notes last {}.\n", routing.note_length.name());
    }
    text
}

/// Keys in ascending order.
fn numbers(keys: &[u8]) -> String {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let words: Vec<String> = keys.iter().map(u8::to_string).collect();
    words.join(" ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use std::fs;

    const MINE: &str = r#"
        name = "My pads"
        source = "the manual of my pads"
        [drums]
        kick = { out = 1, in = [1, 2] }
        snare = { out = 3, in = [3] }
        closed_hat = { out = 4, in = [4] }
        open_hat = { out = 5, in = [5] }
        low_tom = { out = 6, in = [6] }
        mid_tom = { out = 7, in = [7] }
        high_tom = { out = 8, in = [8] }
        crash = { out = 9, in = [9] }
        ride = { out = 10, in = [10] }
    "#;

    #[test]
    fn a_map_of_the_user_s_own_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pads.toml");
        fs::write(&path, MINE).unwrap();
        let map = find(path.to_str().unwrap()).unwrap();
        assert_eq!(
            (map.id, map.name, map.voice(2)),
            ("pads", "My pads", Some(Voice::Kick))
        );
        assert_eq!(own_maps(folder.path()), std::slice::from_ref(&path));
        assert!(
            text(map).contains("kick                  1  1 2"),
            "{}",
            text(map)
        );
        for (from, to, expected) in [
            (
                "in = [10]",
                "in = [11]",
                "ride is written with key 10, which it does not read",
            ),
            ("in = [10]", "in = [10, 9]", "key 9 is both crash and ride"),
            ("snare", "snaer", "line 6"),
            ("in = [10]", "in = [10], gate = 1", "unknown field `gate`"),
            (
                "in = [10]",
                "in = [10], channel = 17",
                "ride has channel 17",
            ),
            (
                "[drums]",
                "note_length = \"1/3\"\n[drums]",
                "1/64, 1/32, 1/16",
            ),
        ] {
            fs::write(&path, MINE.replace(from, to)).unwrap();
            let problem = parse(path.to_str().unwrap()).unwrap_err();
            assert!(
                problem.contains("pads.toml") && problem.contains(expected),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_map_says_where_its_drums_are_sent_and_how_long_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pads.toml");
        let routed = MINE
            .replace("[4]", "[4], choke = 2")
            .replace("[5]", "[5], choke = 2, channel = 16")
            .replace("[drums]", "note_length = \"until next hit\"\n[drums]");
        fs::write(&path, routed).unwrap();
        let map = find(path.to_str().unwrap()).unwrap();
        let expected = "closed hi-hat is sent in choke group 2.\n\
                        open hi-hat is sent on channel 16, in choke group 2.\n\
                        Notes last until next hit.\n";
        assert!(text(map).ends_with(expected), "{}", text(map));
        assert_eq!(routing_text(&DrumMap::GM.routing), "");
    }

    #[test]
    fn an_unknown_map_is_an_error_that_lists_the_known_ones() {
        let problem = parse("roland").unwrap_err();
        assert!(
            problem.contains("\"roland\"") && problem.contains("gm, td11"),
            "{problem}"
        );
        assert_eq!(parse("addictive2").unwrap().id, "addictive2");
    }
}
