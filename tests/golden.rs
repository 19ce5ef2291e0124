//! The same seed is the same groove on every system and processor: MIDI files, byte for byte, by their hashes.
//!
//! The hashes are in `golden/midi.sha256`, as `sha256sum` writes them. After a change that is meant to play something else
//! `FOURBAR_GOLDEN=write cargo test --workspace --test fourbar golden` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Parser as _;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::midi;
use fourbar_model::pattern::{Feel, Level};
use fourbar_plugin::inference::checkpoints::engines_on_every_instruction_set;
use fourbar_plugin::inference::engine::Engine;
use fourbar_plugin::inference::models::BuiltIn;
use fourbar_plugin::request::{
    Form, Input, Kept, Locks, Metre, Morph, N_LATENT, Play, Ready, Request, STYLES, Source, Use,
};
use fourbar_trainer::cli::Cli;
use sha2::{Digest as _, Sha256};

/// MIDI files by name.
type Files = BTreeMap<String, Vec<u8>>;

const BPM: f64 = 120.0;
const HASHES: &str = "tests/golden/midi.sha256";
/// The tests write one file.
static WRITING: Mutex<()> = Mutex::new(());

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The input of everything that is made from one.
fn beat() -> PathBuf {
    repository().join("tests/fixtures/midi/beat.mid")
}

#[test]
fn the_plugin_plays_the_golden_grooves_of_fourbar_with_every_instruction_set() {
    check_grooves(BuiltIn::Fourbar);
}

#[test]
fn the_plugin_plays_the_golden_grooves_of_groovae_with_every_instruction_set() {
    check_grooves(BuiltIn::Groovae4Bar);
}

#[test]
fn the_trainer_generates_its_golden_files() {
    for model in BuiltIn::ALL {
        let folder = format!("trainer/{}", model.name());
        check(&folder, &generated(model), "the detected instructions");
    }
}

fn check_grooves(model: BuiltIn) {
    let folder = format!("plugin/{}", model.name());
    for (instructions, mut engine) in engines_on_every_instruction_set(model).unwrap() {
        check(&folder, &grooves(&mut engine), &instructions);
    }
}

/// Compares the hashes of `files` with those that are recorded of `folder`, or records them.
fn check(folder: &str, files: &Files, instructions: &str) {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = repository().join(HASHES);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut recorded: BTreeMap<&str, &str> = text
        .lines()
        .map(|line| {
            let (hash, name) = line.split_once("  ").unwrap();
            (name, hash)
        })
        .collect();
    let found: BTreeMap<String, String> = files
        .iter()
        .map(|(name, bytes)| (format!("{folder}/{name}"), hash(bytes)))
        .collect();
    if std::env::var_os("FOURBAR_GOLDEN").is_some_and(|value| value == "write") {
        recorded.retain(|name, _| !name.starts_with(&format!("{folder}/")));
        recorded.extend(
            found
                .iter()
                .map(|(name, hash)| (name.as_str(), hash.as_str())),
        );
        let mut lines = String::new();
        for (name, hash) in recorded {
            writeln!(lines, "{hash}  {name}").unwrap();
        }
        std::fs::write(path, lines).unwrap();
        return;
    }
    let others: Vec<&String> = found
        .iter()
        .filter(|(name, hash)| recorded.get(name.as_str()) != Some(&hash.as_str()))
        .map(|(name, _)| name)
        .collect();
    assert!(
        others.is_empty(),
        "{} of {} files are not those of {HASHES} with {instructions}: {others:#?}",
        others.len(),
        found.len()
    );
    let n_recorded = recorded
        .keys()
        .filter(|name| name.starts_with(&format!("{folder}/")))
        .count();
    assert_eq!(n_recorded, found.len(), "files of {folder} in {HASHES}");
}

fn hash(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A groove of each thing that can be asked of the plugin.
fn grooves(engine: &mut Engine) -> Files {
    let mut files = Files::new();
    let plain = |seed| Request::new(seed, 0, 1.0, [0.0; N_LATENT]);
    let mut add = |name: &str, ready: &Ready, feel: Feel| {
        let notes = ready.pattern.to_notes(feel, &DrumMap::GM.keys(), 9);
        let bytes = midi::write(&notes, ready.pattern.loop_beats(), BPM);
        files.insert(format!("{name}.mid"), bytes);
    };

    let mut seeds = Vec::new();
    for seed in [1, 2, 3, 14, 999_999] {
        let ready = engine.make(&plain(seed), None, None).unwrap();
        add(&format!("seed-{seed}"), &ready, Feel::AS_GENERATED);
        seeds.push(ready);
    }
    let feel = Feel {
        timing: 1.7,
        velocity: 0.6,
        level: Level {
            bend: 0.4,
            ..Level::AS_GENERATED
        },
        ..Feel::AS_GENERATED
    };
    add("feel", &seeds[0], feel);

    for (name, request) in requests(plain(5)) {
        let ready = engine.make(&request, None, None).unwrap();
        add(&name, &ready, Feel::AS_GENERATED);
    }

    let song = midi::read(&std::fs::read(beat()).unwrap()).unwrap();
    for used_to in [Use::Humanise, Use::Drumify, Use::Follow, Use::Start] {
        let n_steps = engine.identity().n_steps;
        let input = Input::of_notes("beat", used_to, &song.notes, n_steps, |key| {
            DrumMap::GM.voice(key)
        });
        let input = input.unwrap();
        let request = Request {
            input: input.id(),
            ..plain(6)
        };
        let ready = engine.make(&request, Some(&input), None).unwrap();
        add(&format!("input-{used_to:?}"), &ready, Feel::AS_GENERATED);
    }

    let mut locks = Locks::of(&seeds[0], None);
    locks.toggle(|step, voice| voice == Voice::Kick || step >= 48);
    let request = Request {
        locks: locks.id(),
        ..plain(7)
    };
    let ready = engine.make(&request, None, Some(&locks)).unwrap();
    add("locks", &ready, Feel::AS_GENERATED);

    let kept: Vec<Kept> = seeds.iter().map(|one| Kept::of(one, None, None)).collect();
    let [a, b, c, d] = [&kept[0], &kept[1], &kept[2], &kept[3]];
    for (name, x, y) in [("near-a-corner", 0.1, 0.9), ("in-the-middle", 0.5, 0.5)] {
        let at = Morph {
            corners: [a.id(), b.id(), c.id(), d.id()],
            x,
            y,
        };
        let request = Request::of_source(Source::Morph(at), 4, Metre::default());
        let ready = engine.morph(&request, &at, [a, b, c, d]).unwrap();
        add(&format!("morph-{name}"), &ready, Feel::AS_GENERATED);
    }
    files
}

/// Requests that differ from `plain` in one thing each, by name.
fn requests(plain: Request) -> Vec<(String, Request)> {
    let mut requests = Vec::new();
    let mut add = |name: &str, request| requests.push((name.to_owned(), request));
    add(
        "variation",
        Request {
            variation: 3,
            ..plain
        },
    );
    for temperature in [0.0, 0.5, 2.0] {
        let name = format!("temperature-{temperature}");
        let feel_temperature = 2.0 - temperature;
        add(
            &name,
            Request {
                temperature,
                feel_temperature,
                ..plain
            },
        );
    }
    for (axis, position) in [(0, 2.5), (1, -1.3), (7, 3.0)] {
        let mut latent = [0.0; N_LATENT];
        latent[axis] = position;
        add(&format!("latent-{axis}"), Request { latent, ..plain });
    }
    for style in [5, 9, 16] {
        let play = Play {
            style: Some(style),
            ..Play::default()
        };
        add(
            &format!("style-{}", STYLES[style].id),
            Request { play, ..plain },
        );
    }
    let knobs = Play {
        complexity: 0.7,
        intensity: -0.5,
        swing: 0.9,
        push: 0.3,
        ..Play::default()
    };
    add(
        "knobs",
        Request {
            play: knobs,
            ..plain
        },
    );
    for (name, fill_every, fill_beats, variation) in [
        ("fill", 4, 2, 0.0),
        ("fills", 2, 4, 0.0),
        ("variations", 0, 4, 0.3),
    ] {
        let form = Form {
            fill_every,
            fill_beats,
            variation,
            vary_every: 8,
            ..Form::default()
        };
        add(name, Request { form, ..plain });
    }
    for (numerator, denominator) in [(3, 4), (7, 8), (6, 8)] {
        let metre = Metre::new(numerator, denominator);
        add(
            &format!("metre-{numerator}-{denominator}"),
            Request { metre, ..plain },
        );
    }
    requests
}

/// Files of every mode of `fourbar generate` that the model can do.
fn generated(model: BuiltIn) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let name = model.name();
    let file = repository().join(format!("bundles/models/{name}.safetensors"));
    let file = file.display().to_string();
    let generate = |arguments: &[&str]| {
        let always = ["fourbar", "generate", "--model", &file, "--out", &out];
        let cli = Cli::try_parse_from(always.iter().chain(arguments)).unwrap();
        cli.run().unwrap();
    };
    let beat = beat().display().to_string();
    generate(&["--seed", "11", "--count", "4"]);
    let samples: Vec<String> = [1, 2, 3, 4]
        .map(|number| format!("{out}/sample-seed11-{number:03}.mid"))
        .into();
    let [a, b, c, d] = [&samples[0], &samples[1], &samples[2], &samples[3]];
    for mode in ["reconstruct", "similar", "continue"] {
        generate(&["--mode", mode, "--count", "2", "--input", a]);
    }
    generate(&[
        "--mode",
        "interpolate",
        "--count",
        "5",
        "--input",
        a,
        "--input",
        b,
    ]);
    let corners = ["--input", a, "--input", b, "--input", c, "--input", d];
    generate(&[&["--mode", "grid", "--count", "3"][..], &corners].concat());
    if model == BuiltIn::Fourbar {
        for mode in ["humanize", "drumify"] {
            generate(&["--mode", mode, "--input", &beat]);
        }
        let asked = ["--style", "jazz", "--fill", "4", "--seed", "12"];
        generate(&[&asked[..], &["--count", "2", "--attribute", "swing=+1"]].concat());
    }
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    });
    files.collect()
}
