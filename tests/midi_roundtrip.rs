//! MIDI -> notes -> groove -> pattern -> notes -> MIDI, on our own fixtures and on the Groove MIDI Dataset.

use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR};
use fourbar_model::midi::{self, DRUM_CHANNEL, Damage, Song};
use fourbar_model::note::Note;
use fourbar_model::pattern::Feel;
use fourbar_trainer::data::{Dataset, Split};
use std::path::{Path, PathBuf};

/// What writing a hit may move it, in steps: half a tick of 240 to the step, and single precision.
const TIMING_TOLERANCE: f32 = 0.5 / 240.0 + 1e-5;
/// What writing a hit may change its velocity: half of one in 127, and single precision.
const VELOCITY_TOLERANCE: f32 = 0.5 / 127.0 + 1e-5;

/// The shortest note of a file whose drum is not struck again, up to half a tick at either end.
const A_32ND: f64 = 0.125 - 1.0 / 960.0;

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

/// The groove as a clip has it, which begins with its first step.
fn clip(groove: &Groove) -> Groove {
    let mut clip = groove.clone();
    for voice in Voice::ALL {
        let cell = groove.cell(0, voice).map(|cell| Cell {
            offset: cell.offset.min(0.0),
            ..cell
        });
        clip.set(0, voice, cell);
    }
    clip
}

/// The groove after it went through a MIDI file.
fn through_midi(groove: &Groove, map: &DrumMap, bpm: f64) -> Groove {
    let pattern = groove.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, &map.keys(), DRUM_CHANNEL);
    let song = midi::read(&midi::write(&notes, pattern.loop_beats(), bpm)).unwrap();
    for (index, note) in song.notes.iter().enumerate() {
        let end_beats = note.onset_beats + note.duration_beats;
        let is_struck_again = song.notes[index + 1..]
            .iter()
            .any(|next| next.pitch == note.pitch && (next.onset_beats - end_beats).abs() < 1e-9);
        assert!(note.duration_beats >= A_32ND || is_struck_again, "{note:?}");
    }
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
    ] {
        let problem = midi::read(&fixture(name)).unwrap_err().to_string();
        assert!(problem.contains(reason), "{name}: {problem}");
    }
}

#[test]
fn bytes_that_are_no_event_cost_nothing_else_and_are_counted() {
    let (mended, whole) = (song("no_event.mid"), song("beat.mid"));
    let [repair] = &mended.repairs[..] else {
        panic!("one damage: {:?}", mended.repairs)
    };
    assert_eq!((repair.damage, repair.position), (Damage::Event, 214));
    assert!(mended.notes.iter().all(|note| whole.notes.contains(note)));
    assert_eq!(whole.repairs, []);
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
    // The end of the last one is lost.
    let start = |note: &Note| (note.onset_beats, note.pitch, note.velocity, note.channel);
    let starts: Vec<_> = whole.notes.iter().map(start).collect();
    assert!(cut.notes.iter().all(|note| starts.contains(&start(note))));
}

#[test]
fn the_beat_returns_from_a_midi_file() {
    let (beat, _) = groove("beat.mid");
    for map in &DrumMap::ALL {
        assert_eq!(
            difference(&clip(&beat), &through_midi(&beat, map, 97.3)),
            None,
            "{}",
            map.name
        );
    }
}

#[test]
fn a_file_that_was_read_is_written_the_same() {
    let pattern = groove("beat.mid").0.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), DRUM_CHANNEL);
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
fn an_early_first_hit_begins_its_file_with_its_full_length() {
    // The second bar alone begins with the early kick.
    let bar = groove("beat.mid")
        .0
        .window(STEPS_PER_BAR, STEPS_PER_BAR)
        .unwrap();
    assert!(bar.cell(0, Voice::Kick).unwrap().offset > 0.0);
    let notes = bar
        .to_pattern()
        .to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), DRUM_CHANNEL);
    let kick = notes.iter().find(|note| note.pitch == 36).unwrap();
    assert_eq!((kick.onset_beats, kick.duration_beats), (0.0, 0.25));
    assert_eq!(
        difference(&clip(&bar), &through_midi(&bar, &DrumMap::GM, 120.0)),
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
        .flat_map(|file| &file.extracted.parts)
        .filter_map(|part| part.groove())
        .map(|groove| groove.n_hits())
        .sum();
    let n_same_cell: usize = data
        .files
        .iter()
        .map(|file| file.extracted.lost.same_cell)
        .sum();
    let n_lost: usize = data
        .files
        .iter()
        .map(|file| file.extracted.lost.total())
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
        if let Some(difference) = difference(&clip(&groove), &found) {
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
