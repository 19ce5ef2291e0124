//! MIDI -> notes -> groove -> pattern -> notes -> MIDI, on our own fixtures and on the Groove MIDI Dataset.

use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR};
use fourbar_model::midi::{self, DRUM_CHANNEL, Song};
use fourbar_model::pattern::Feel;
use fourbar_trainer::dataset::{Dataset, Split};
use std::path::{Path, PathBuf};

/// What writing a hit may move it, in steps: half a tick of 240 to the step, and single precision.
const TIMING_TOLERANCE: f32 = 0.5 / 240.0 + 1e-5;
/// What writing a hit may change its velocity: half of one in 127, and single precision.
const VELOCITY_TOLERANCE: f32 = 0.5 / 127.0 + 1e-5;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/midi")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn song(name: &str) -> Song {
    midi::read(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The groove of a fixture read as General MIDI, and how many notes it could not hold.
fn groove(name: &str) -> (Groove, usize) {
    let notes = song(name)
        .drum_notes()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let (groove, lost) = Groove::from_notes(&notes, &DrumMap::GM);
    (groove, lost.total())
}

/// The steps on which `voice` plays.
fn steps(groove: &Groove, voice: Voice) -> Vec<usize> {
    groove
        .hits()
        .filter(|hit| hit.1 == voice)
        .map(|(step, ..)| step)
        .collect()
}

/// The groove after it went through a MIDI file.
fn through_midi(groove: &Groove, map: &DrumMap, bpm: f64) -> Groove {
    let pattern = groove.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, map, DRUM_CHANNEL);
    let song = midi::read(&midi::write(&notes, pattern.loop_beats(), bpm)).unwrap();
    assert_eq!(
        (song.end_beats, song.unclosed_notes),
        (pattern.loop_beats(), 0)
    );
    let (found, lost) = Groove::from_loop(&song.notes, groove.n_steps(), map);
    assert_eq!(lost.total(), 0);
    found
}

/// Says how the grooves differ by more than a file's resolution, if they do.
fn difference(expected: &Groove, found: &Groove) -> Option<String> {
    if (expected.n_steps(), expected.n_hits()) != (found.n_steps(), found.n_hits()) {
        let counts =
            |groove: &Groove| format!("{} hits in {} steps", groove.n_hits(), groove.n_steps());
        return Some(format!(
            "expected {}, found {}",
            counts(expected),
            counts(found)
        ));
    }
    expected.hits().find_map(|(step, voice, cell)| {
        let is_same = |found: Cell| {
            (cell.offset - found.offset).abs() <= TIMING_TOLERANCE
                && (cell.velocity - found.velocity).abs() <= VELOCITY_TOLERANCE
        };
        let found = found.cell(step, voice);
        (!found.is_some_and(is_same)).then(|| {
            format!(
                "step {step}, {}: expected {cell:?}, found {found:?}",
                voice.name()
            )
        })
    })
}

#[test]
fn the_beat_is_read_as_it_was_written() {
    let (beat, n_lost) = groove("beat.mid");
    assert_eq!(beat.n_steps(), 32);
    assert_eq!(n_lost, 1, "the soft stroke of the flam");
    let hat = [0, 2, 4, 6, 8, 10, 12, 18, 20, 22, 24, 26, 28, 30];
    assert_eq!(steps(&beat, Voice::ClosedHat), hat);
    assert_eq!(steps(&beat, Voice::OpenHat), [14]);
    assert_eq!(steps(&beat, Voice::Crash), [16]);
    assert_eq!(steps(&beat, Voice::Kick), [0, 8, 16, 22]);
    assert_eq!(steps(&beat, Voice::Snare), [4, 12, 20, 28]);
    assert_eq!(steps(&beat, Voice::LowTom), [30, 31]);

    let cell = |velocity: f32, offset| {
        Some(Cell {
            velocity: velocity / 127.0,
            offset,
        })
    };
    assert_eq!(beat.cell(16, Voice::Kick), cell(112.0, 0.25), "early");
    assert_eq!(beat.cell(20, Voice::Snare), cell(98.0, -0.2), "late");
    assert_eq!(
        beat.cell(28, Voice::Snare),
        cell(118.0, 0.0),
        "the loud stroke of the flam"
    );
}

#[test]
fn every_way_to_store_the_beat_is_the_same_groove() {
    let (expected, n_lost) = groove("beat.mid");
    for name in [
        "beat_format_1.mid",
        "beat_format_2.mid",
        "beat_time_code.mid",
        "beat_riff.rmi",
        "beat_4_gib.mid",
        "beat_junk.mid",
        "beat_workstation.mid",
    ] {
        let (found, found_lost) = groove(name);
        assert_eq!(
            (difference(&expected, &found), found_lost),
            (None, n_lost),
            "{name}"
        );
    }
}

#[test]
fn a_file_that_holds_no_groove_says_why() {
    for (name, reason) in [
        ("waltz.mid", "12 sixteenth steps"),
        ("metre_change.mid", "changes from 4/4 to 7/8 at beat 4"),
        ("melody.mid", "no drums"),
        ("no_notes.mid", "no notes"),
    ] {
        let problem = song(name).drum_notes().unwrap_err().to_string();
        assert!(problem.contains(reason), "{name}: {problem}");
    }
}

#[test]
fn a_file_that_is_no_midi_says_where() {
    for (name, reason) in [
        ("empty.mid", "at byte 0: the file is empty"),
        ("not_midi.mid", "at byte 0: there is no MThd header"),
        ("no_event.mid", "at byte 214: there is no MIDI event here"),
    ] {
        let problem = midi::read(&fixture(name)).unwrap_err().to_string();
        assert!(problem.contains(reason), "{name}: {problem}");
    }
}

#[test]
fn a_file_that_stops_in_the_middle_keeps_its_beginning_and_says_so() {
    let (cut, whole) = (song("cut.mid"), song("beat.mid"));
    assert!(
        cut.truncated_at
            .is_some_and(|at| at <= fixture("cut.mid").len())
    );
    assert_eq!(whole.truncated_at, None);
    assert!(cut.notes.len() > whole.notes.len() / 2);
    assert!(cut.notes.iter().all(|note| whole.notes.contains(note)));
}

#[test]
fn the_beat_returns_from_a_midi_file() {
    let (beat, _) = groove("beat.mid");
    for map in &DrumMap::ALL {
        assert_eq!(
            difference(&beat, &through_midi(&beat, map, 97.3)),
            None,
            "{}",
            map.name
        );
    }
}

#[test]
fn a_file_that_was_read_is_written_the_same() {
    let pattern = groove("beat.mid").0.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM, DRUM_CHANNEL);
    let bytes = midi::write(&notes, pattern.loop_beats(), 97.3);
    assert_eq!(
        midi::write(
            &midi::read(&bytes).unwrap().notes,
            pattern.loop_beats(),
            97.3
        ),
        bytes
    );
}

#[test]
fn an_early_first_hit_returns_from_the_end_of_the_loop() {
    // The second bar alone begins with the early kick.
    let bar = groove("beat.mid")
        .0
        .window(STEPS_PER_BAR, STEPS_PER_BAR)
        .unwrap();
    let notes = bar
        .to_pattern()
        .to_notes(Feel::AS_GENERATED, &DrumMap::GM, DRUM_CHANNEL);
    assert_eq!(
        notes.last().map(|note| (note.pitch, note.onset_beats)),
        Some((36, 4.0 - 0.0625))
    );
    assert_eq!(
        difference(&bar, &through_midi(&bar, &DrumMap::GM, 120.0)),
        None
    );
}

#[test]
fn the_groove_midi_dataset_has_the_notes_that_the_reference_counts() {
    let Some(data) = groove_midi_dataset() else {
        return;
    };
    let n_hits: usize = data
        .files
        .iter()
        .flat_map(|file| &file.material.parts)
        .filter_map(|part| part.groove())
        .map(|groove| groove.n_hits())
        .sum();
    let n_same_cell: usize = data
        .files
        .iter()
        .map(|file| file.material.lost.same_cell)
        .sum();
    let n_lost: usize = data
        .files
        .iter()
        .map(|file| file.material.lost.total())
        .sum();
    // The files and notes are those that Magenta's GrooveConverter sees. It discards 30,019 of them: 48 more than we
    // do, because it counts steps in seconds, and there rounding pushes some exact half steps down instead of up.
    assert_eq!(data.files.len(), 1138);
    assert_eq!(
        (n_hits + n_same_cell, n_same_cell, n_lost),
        (432_806, 29_971, 29_971)
    );
}

#[test]
fn every_window_of_the_groove_midi_dataset_returns_from_a_midi_file() {
    let Some(data) = groove_midi_dataset() else {
        return;
    };
    let mut n_windows = 0;
    for window in Split::ALL
        .into_iter()
        .flat_map(|split| data.windows(split, 64, 4))
    {
        let output = data.example(&window, None).output;
        let groove = data.converter.groove(&output).unwrap();
        let file = &data.files[window.file];
        let found = through_midi(&groove, &DrumMap::TD11, file.bpm);
        if let Some(difference) = difference(&groove, &found) {
            panic!(
                "{} from step {}: {difference}",
                file.name, window.first_step
            );
        }
        n_windows += 1;
    }
    assert_eq!(n_windows, 5108);
}

/// The data set that `FOURBAR_DATA` names; says so where there is none.
fn groove_midi_dataset() -> Option<Dataset> {
    let Some(path) = std::env::var_os("FOURBAR_DATA").map(PathBuf::from) else {
        println!("not checked on the Groove MIDI Dataset: set FOURBAR_DATA to its zip to do so");
        return None;
    };
    Some(
        Dataset::load(
            &path,
            &Converter::Groove(GrooveConverter::default()),
            &DrumMap::TD11,
        )
        .unwrap(),
    )
}
