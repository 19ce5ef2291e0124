//! Turns the files of the drum maps into constants, so that the audio thread reads them without parsing or allocating.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[expect(unreachable_pub, reason = "the crate exports these")]
#[path = "src/drums/definition.rs"]
mod definition;
#[path = "src/drums/note_length.rs"]
mod note_length;

use definition::Definition;

fn main() {
    let folder = Path::new("maps");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=src/drums/definition.rs");
    println!("cargo::rerun-if-changed=src/drums/note_length.rs");
    let mut maps: Vec<(String, Definition)> = fs::read_dir(folder)
        .expect("the crate has its folder of maps")
        .map(|entry| read(&entry.expect("a folder of ours can be listed").path()))
        .collect();
    // In the order of menus: the two that models of ours are trained with, then by name.
    let rank = |id: &str| {
        ["gm", "td11"]
            .iter()
            .position(|first| *first == id)
            .unwrap_or(2)
    };
    maps.sort_by_key(|(id, map)| (map.hidden, rank(id), map.name.to_lowercase()));

    let mut code = String::from("impl DrumMap {\n");
    for (id, map) in &maps {
        write_map(&mut code, id, map);
    }
    let names = |is_wanted: &dyn Fn(&Definition) -> bool| -> Vec<String> {
        let wanted = maps.iter().filter(|(_, map)| is_wanted(map));
        wanted
            .map(|(id, _)| format!("Self::{}", id.to_uppercase()))
            .collect()
    };
    let visible = names(&|map| !map.hidden);
    let all = names(&|_| true);
    let _ = write!(
        code,
        "/// Every map of a kit, in the order of menus.\npub const ALL: [Self; {}] = [{}];\n\
         /// These and the maps that only models have.\nconst EVERY: &[Self] = &[{}];\n}}\n",
        visible.len(),
        visible.join(", "),
        all.join(", ")
    );
    let path =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder")).join("drum_maps.rs");
    fs::write(path, code).expect("cargo's folder can be written to");
}

/// A map and its id, which is the file's name.
fn read(path: &Path) -> (String, Definition) {
    let text = fs::read_to_string(path).expect("a map of ours is text");
    let id = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("its name is plain");
    let map: Definition =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    map.check()
        .unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    (id.to_owned(), map)
}

fn write_map(code: &mut String, id: &str, map: &Definition) {
    let keys: Vec<String> = map.keys().iter().map(|keys| format!("&{keys:?}")).collect();
    let hat = map.hat.as_ref().map_or("None".to_owned(), |hat| {
        format!(
            "Some(Pedal {{ controller: {}, open_below: {}, keys: &{:?} }})",
            hat.controller,
            hat.open_below,
            map.hat_keys()
        )
    });
    let source = map.source.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = write!(
        code,
        "/// {name}.\n///\n/// # Source\n/// {source}\npub const {constant}: Self = Self {{\n\
         id: {id:?}, name: {name:?}, source: {source:?}, pitches: [{keys}],\n\
         aside: &{aside:?}, aside_name: {what:?}, hat: {hat},\n\
         routing: Routing {{ channels: {channels:?}, chokes: {chokes:?}, note_length: NoteLength::{length:?} }},\n}};\n",
        name = map.name,
        constant = id.to_uppercase(),
        keys = keys.join(", "),
        aside = map.aside.keys,
        what = map.aside.what,
        channels = map.channels(),
        chokes = map.chokes(),
        length = map.note_length,
    );
}
