//! Settings in layers, each a TOML table that overrules the ones before: the preset, a file of the user's own, and `--set
//! key=value`.
//!
//! Crates for layers of settings (figment, config) merge tables as well, but know nothing of what makes most of this file: a
//! table of another `kind` replaces the former one, `--set` takes the end of a key where only one has it, and a wrong key
//! comes with the one that was probably meant.

use anyhow::{Context as _, Result, bail};
use include_dir::{Dir, include_dir};
use std::path::Path;
use toml::{Table, Value};

/// The presets' files.
static PRESETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/presets");

/// The names of all presets, in order.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&str> = PRESETS
        .files()
        .filter_map(|file| file.path().file_stem()?.to_str())
        .collect();
    names.sort_unstable();
    names.into_iter()
}

/// A preset's name and settings, from this repository or from a file of the user's.
pub(super) fn preset_table(preset: &str) -> Result<(String, Table)> {
    let path = Path::new(preset);
    if path
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        return Ok((name, read_table(path)?));
    }
    let mut aliases = Vec::new();
    for name in preset_names() {
        let text = PRESETS
            .get_file(format!("{name}.toml"))
            .and_then(|file| file.contents_utf8())
            .with_context(|| format!("the preset {name} is not text"))?;
        let table: Table = text
            .parse()
            .with_context(|| format!("in the preset {name}"))?;
        let also = table
            .get("aliases")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let also: Vec<String> = also.filter_map(Value::as_str).map(str::to_owned).collect();
        if name == preset || also.iter().any(|alias| alias == preset) {
            return Ok((name.to_owned(), table));
        }
        aliases.extend(also);
    }
    let names = preset_names().map(str::to_owned).chain(aliases);
    bail!(
        "there is no preset {preset:?}{}; `fourbar presets` lists all, and a path ending in .toml is a preset of your own",
        nearest(preset, names).map_or_else(String::new, |name| format!(", did you mean {name}?"))
    )
}

/// A file of settings.
///
/// # Errors
/// If it cannot be read or is not TOML.
pub(super) fn read_table(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings {}", path.display()))?;
    text.parse()
        .with_context(|| format!("in the settings {}", path.display()))
}

/// Overrules `table` with `other`, key by key.
pub(super) fn merge(table: &mut Table, other: Table) {
    for (key, value) in other {
        match (table.get_mut(&key), value) {
            // Another kind has other keys: nothing of the former one stays.
            (Some(Value::Table(old)), Value::Table(new)) if !new.contains_key("kind") => {
                merge(old, new)
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Overrules one key of `table`: a path such as `train.batch_size`, or the end of one that only one of the `known` keys
/// has. Without a value the key is taken away.
pub(super) fn apply(table: &mut Table, setting: &str, known: &Value) -> Result<()> {
    let (key, value) = setting
        .split_once('=')
        .context("a setting is key=value, such as train.batch_size=32")?;
    let (key, text) = (key.trim(), value.trim());
    let paths = paths(known, "");
    let ends: Vec<&String> = paths
        .iter()
        .filter(|path| path.ends_with(&format!(".{key}")))
        .collect();
    let path = match ends.as_slice() {
        [only] if !paths.iter().any(|path| path == key) => (*only).clone(),
        _ if key.contains('.') => key.to_owned(),
        [] => bail!(
            "there is no setting {key}{}",
            nearest(key, paths).map_or_else(String::new, |name| format!(", did you mean {name}?"))
        ),
        several => bail!(
            "{key} can be {}",
            several
                .iter()
                .map(|path| path.as_str())
                .collect::<Vec<_>>()
                .join(" or ")
        ),
    };
    // What is no TOML value is a word without its quotation marks.
    let value = format!("x = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("x"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    let (tables, last) = path.rsplit_once('.').unwrap_or(("", &path));
    let (mut place, mut known) = (table, Some(known));
    for name in tables.split('.').filter(|name| !name.is_empty()) {
        // A table that is not there yet has the default's values, of which some may have to stand together.
        known = known.and_then(|known| known.get(name));
        let next = place
            .entry(name)
            .or_insert_with(|| known.cloned().unwrap_or_else(|| Value::Table(Table::new())));
        place = next
            .as_table_mut()
            .with_context(|| format!("{name} is a single value"))?;
    }
    if text.is_empty() {
        place.remove(last);
    } else {
        place.insert(last.to_owned(), value);
    }
    Ok(())
}

/// The paths of all values below `value`, and of the tables among them that a setting can replace as a whole.
fn paths(value: &Value, prefix: &str) -> Vec<String> {
    match value {
        Value::Table(table) => {
            let own = prefix.contains('.').then(|| prefix.to_owned());
            let below = table.iter().flat_map(|(key, value)| {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                paths(value, &path)
            });
            own.into_iter().chain(below).collect()
        }
        _ => vec![prefix.to_owned()],
    }
}

/// The most similar name, if it is similar at all.
fn nearest(name: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    let likeness = |candidate: &String| {
        let end = candidate.rsplit('.').next().unwrap_or(candidate);
        strsim::jaro_winkler(name, candidate).max(strsim::jaro_winkler(name, end))
    };
    names
        .into_iter()
        .map(|candidate| (likeness(&candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The message, with the key that was probably meant where it is about an unknown one.
pub(super) fn with_suggestion(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    match quoted
        .next()
        .filter(|_| message.starts_with("unknown field"))
    {
        Some(unknown) => match nearest(&unknown, quoted) {
            Some(name) => format!("{message}: did you mean `{name}`?"),
            None => message.to_owned(),
        },
        None => message.to_owned(),
    }
}
