//! The trainer's modules import downwards only: no room from one above it, no module in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rooms and the single modules between them, from top to bottom.
const ROOMS: [&str; 12] = [
    "cli",
    "learn",
    "measure",
    "make",
    "magenta",
    "models",
    "data",
    "settings",
    "reading",
    "arguments",
    "files",
    "text",
];

/// The modules of the trainer by their paths, such as `measure::page`, each with those that it imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_room_imports_from_one_above_it() {
    let level = |module: &str| {
        let room = module.split("::").next().unwrap();
        let level = ROOMS.iter().position(|name| *name == room);
        level.unwrap_or_else(|| panic!("{room} is not in the list of rooms"))
    };
    for (module, imports) in imports() {
        for import in imports {
            assert!(level(&module) <= level(&import), "{module} -> {import}");
        }
    }
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut left = imports();
    loop {
        let done = |imports: &BTreeSet<String>| !imports.iter().any(|name| left.contains_key(name));
        let next: BTreeMap<_, _> = left
            .clone()
            .into_iter()
            .filter(|(_, of)| !done(of))
            .collect();
        if next.len() == left.len() {
            break;
        }
        left = next;
    }
    assert!(left.is_empty(), "a circle among {left:#?}");
}

fn imports() -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/src");
    let mut sources = BTreeMap::new();
    read(&root, "", &mut sources);
    let of = |(module, code): (&String, &String)| {
        let mut imports: BTreeSet<String> = paths(code)
            .iter()
            .filter_map(|path| resolve(module, path, &sources))
            .filter(|import| import != module)
            .collect();
        let is_child = |name: &&String| parent(name) == *module;
        imports.extend(sources.keys().filter(is_child).cloned());
        (module.clone(), imports)
    };
    sources.iter().map(of).collect()
}

/// Reads the modules of a folder, without their tests and comments.
fn read(folder: &Path, parent: &str, sources: &mut BTreeMap<String, String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = [parent, name].join(if parent.is_empty() { "" } else { "::" });
        if path.is_dir() {
            read(&path, &module, sources);
        } else if path.extension().is_some_and(|end| end == "rs") {
            sources.insert(
                module,
                production_code(&std::fs::read_to_string(&path).unwrap()),
            );
        }
    }
    let is_test = |module: &str| {
        module
            .split("::")
            .any(|name| ["tests", "cases"].contains(&name))
    };
    sources.retain(|module, _| !is_test(module) && !["lib", "main"].contains(&module.as_str()));
}

/// Without comments, and up to the first inline module of tests.
fn production_code(source: &str) -> String {
    let parts: Vec<&str> = source.split("#[cfg(test)]").collect();
    let is_inline = |part: &&str| {
        let item = part
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with("#["));
        item.is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    };
    let n_parts = parts.iter().position(is_inline).unwrap_or(parts.len());
    let lines = parts[..n_parts].iter().flat_map(|part| part.lines());
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The paths that begin with `crate` or `super`, imported or written out.
fn paths(code: &str) -> Vec<String> {
    let starts = code
        .match_indices("crate::")
        .chain(code.match_indices("super::"));
    let is_start = |before: &str| !before.ends_with("::") && !before.ends_with("(in ");
    let at_start = starts.filter(|(at, _)| is_start(&code[..*at]));
    at_start
        .flat_map(|(at, _)| expand(tree(&code[at..])))
        .collect()
}

/// The tree of paths that a text begins with.
fn tree(text: &str) -> &str {
    let mut depth = 0;
    let is_end = |character: char| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        let is_path = character.is_alphanumeric() || "_:{".contains(character);
        depth == 0 && !is_path
    };
    &text[..text.find(is_end).unwrap_or(text.len())]
}

/// The paths of a tree: of `a::{b, c::d}` those are `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some((stem, branches)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let mut depth = 0;
    let is_between = |character: char| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && character == ','
    };
    let branches = branches.trim_end().trim_end_matches('}');
    let branches = branches.split(is_between).flat_map(expand);
    branches
        .map(|branch| stem.trim().to_owned() + &branch)
        .collect()
}

/// The module that a path leads to, as far as it names modules.
fn resolve(module: &str, path: &str, sources: &BTreeMap<String, String>) -> Option<String> {
    let mut place = module.to_owned();
    for name in path.split("::") {
        place = match name {
            "crate" => String::new(),
            "super" => parent(&place).to_owned(),
            name if place.is_empty() => name.to_owned(),
            name => format!("{place}::{name}"),
        };
    }
    let mut place = place.as_str();
    while !place.is_empty() && !sources.contains_key(place) {
        place = parent(place);
    }
    (!place.is_empty()).then(|| place.to_owned())
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}
