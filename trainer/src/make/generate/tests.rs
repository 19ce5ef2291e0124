#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::models::tiny;
use clap::Parser;
use fourbar_model::attributes::AttributeVector;
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::{Converter, DrumRows, DrumsConverter, GrooveConverter};
use fourbar_model::converter::{MelodyConverter, TrioConverter};
use fourbar_model::midi::{self, DrumPart, Program, Setup, TimeSignature};
use fourbar_model::note::Note;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

mod known;

/// A model and a place for files.
struct Studio {
    folder: tempfile::TempDir,
    model: PathBuf,
}

/// What `fourbar generate` wrote, by name, and what it said.
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    said: String,
}

impl Studio {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = tiny::save(folder.path());
        Self { folder, model }
    }

    /// With a flat model of this converter, of `n_steps` steps.
    fn of(converter: Converter, head: &str, n_steps: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ModelConfig::flat_groove("small", n_steps, 8, vec![8], vec![16]);
        config.converter = converter;
        config.decoder.head = head.parse().unwrap();
        let model = tiny::save_as(folder.path(), config);
        Self { folder, model }
    }

    fn of_groove(converter: GrooveConverter) -> Self {
        Self::of(Converter::Groove(converter), "groove", 32)
    }

    /// A MIDI file with these bytes.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// A MIDI file with these notes in a loop of `loop_beats`.
    fn song(&self, name: &str, notes: &[Note], programs: &[Program], loop_beats: f64) -> String {
        let setup = Setup {
            programs,
            ..AT_93_BPM
        };
        self.file(name, &midi::write_with(notes, loop_beats, &setup))
    }

    /// A MIDI file with kicks at these beats, in a loop of `loop_beats`.
    fn clip(&self, name: &str, kicks: &[f64], loop_beats: f64) -> String {
        let notes: Vec<Note> = kicks.iter().map(|&beats| note(beats, 36, 9)).collect();
        self.song(name, &notes, &[], loop_beats)
    }

    /// What `fourbar generate` does with these arguments in a new folder.
    fn try_generate(&self, arguments: &[&str]) -> Result<Made, String> {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let model = self.model.display().to_string();
        let place = folder.path().display().to_string();
        let all = ["generate", "--model", &model, "--out", &place];
        let cli =
            Cli::try_parse_from(all.iter().chain(arguments)).map_err(|error| error.to_string())?;
        let mut said = Vec::new();
        super::generate(&cli.args, &mut said).map_err(|error| format!("{error:#}"))?;
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        });
        Ok(Made {
            files: files.collect(),
            said: String::from_utf8(said).unwrap(),
        })
    }

    /// The input as the model plays it, in a loop.
    fn loop_of(&self, input: &str) -> Vec<u8> {
        let arguments = ["--mode", "similar", "--strength", "0", "--count", "1"];
        let mut files = self.generate(&[&arguments[..], &["--input", input]].concat());
        files.remove("similar-seed0-001.mid").unwrap()
    }

    fn generate(&self, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        self.try_generate(arguments).unwrap().files
    }

    #[track_caller]
    fn problem(&self, arguments: &[&str]) -> String {
        self.try_generate(arguments)
            .map(|made| made.said)
            .unwrap_err()
    }
}

/// What the inputs of these tests say apart from their notes.
const AT_93_BPM: Setup<'static> = Setup {
    bpm: 93.0,
    signature: TimeSignature::COMMON,
    ticks_per_beat: midi::TICKS_PER_BEAT,
    programs: &[],
};

fn note(onset_beats: f64, pitch: u8, channel: u8) -> Note {
    Note {
        onset_beats,
        duration_beats: 0.25,
        pitch,
        velocity: 0.8,
        channel,
    }
}

/// Key and 16th step of every note, sorted.
fn grid(bytes: &[u8]) -> Vec<(usize, u8)> {
    let song = midi::read(bytes).unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few bars"
    )]
    let step = |note: &Note| (note.onset_beats * 4.0).round() as usize;
    let mut grid: Vec<_> = song
        .notes
        .iter()
        .map(|note| (step(note), note.pitch))
        .collect();
    grid.sort_unstable();
    grid
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let studio = Studio::open();
    let arguments = |seed| ["--count", "3", "--seed", seed, "--format", "mid,png"];
    let files = studio.generate(&arguments("7"));
    assert_eq!(files.len(), 6);
    assert_eq!(files, studio.generate(&arguments("7")));
    let others = studio.generate(&arguments("8"));
    assert_ne!(
        files["sample-seed7-001.mid"],
        others["sample-seed8-001.mid"]
    );
    assert_ne!(files["sample-seed7-001.mid"], files["sample-seed7-002.mid"]);
}

#[test]
fn every_mode_gives_the_same_bytes_for_the_same_seed() {
    let studio = Studio::open();
    let inputs: Vec<String> = [0.0, 1.0, 2.25, 3.5]
        .iter()
        .map(|&beat| studio.clip(&format!("{beat}.mid"), &[beat, beat + 6.0], 16.0))
        .collect();
    for mode in ["reconstruct", "interpolate", "similar", "continue", "grid"] {
        let n_inputs = <Mode as clap::ValueEnum>::from_str(mode, false)
            .unwrap()
            .n_inputs();
        let mut arguments = vec!["--mode", mode, "--count", "2", "--temperature", "0.8"];
        for input in &inputs[..n_inputs] {
            arguments.extend(["--input", input]);
        }
        let files = studio.generate(&arguments);
        assert!(!files.is_empty(), "{mode}");
        assert_eq!(files, studio.generate(&arguments), "{mode}");
    }
}

#[test]
fn asking_for_more_samples_keeps_the_first_ones() {
    let studio = Studio::open();
    let few = studio.generate(&["--count", "2"]);
    let many = studio.generate(&["--count", "5"]);
    assert_eq!(many.len(), 5);
    assert!(few.iter().all(|(name, bytes)| many[name] == *bytes));
}

#[test]
fn a_written_groove_has_its_tempo_and_ends_with_its_fourth_bar() {
    let studio = Studio::open();
    for (name, bytes) in studio.generate(&["--count", "2", "--tempo", "93"]) {
        let song = midi::read(&bytes).unwrap();
        assert_eq!(song.end_beats, 16.0, "{name}");
        assert!((song.tempos[0].bpm - 93.0).abs() < 1e-3);
        assert!(
            song.notes
                .iter()
                .all(|note| note.channel == midi::DRUM_CHANNEL && note.velocity > 0.0)
        );
    }
}

#[test]
fn every_format_is_a_file_of_its_kind() {
    let studio = Studio::open();
    let arguments = [
        "--count", "1", "--format", "json,svg", "--format", "png", "--format", "json",
    ];
    let files = studio.generate(&arguments);
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(
        names,
        [
            "sample-seed0-001.json",
            "sample-seed0-001.png",
            "sample-seed0-001.svg"
        ]
    );
    assert!(files["sample-seed0-001.png"].starts_with(b"\x89PNG"));
    assert!(files["sample-seed0-001.svg"].starts_with(b"<svg"));
    let json: serde_json::Value = serde_json::from_slice(&files["sample-seed0-001.json"]).unwrap();
    let midi = &studio.generate(&["--count", "1"])["sample-seed0-001.mid"];
    let n_notes = midi::read(midi).unwrap().notes.len();
    assert_eq!(json["notes"].as_array().unwrap().len(), n_notes);
    assert_eq!(json["latent"].as_array().unwrap().len(), 8);
    assert_eq!(json["notes"][0]["channel"], 10);
    assert!(studio.problem(&["--format", "wav"]).contains("svg"));
}

#[test]
fn a_walk_between_equal_inputs_stays_where_it_is() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0);
    let interpolation = [
        "--mode",
        "interpolate",
        "--input",
        &clip,
        "--input",
        &clip,
        "--count",
        "3",
        "--temperature",
        "1",
    ];
    for more in [&[][..], &["--linear"]] {
        let files = studio.generate(&[&interpolation, more].concat());
        assert_eq!(files.len(), 3);
        assert!(
            files
                .values()
                .all(|bytes| *bytes == files["interpolate-001.mid"])
        );
    }
}

#[test]
fn an_early_first_hit_begins_whatever_is_written() {
    let studio = Studio::open();
    // Among so many crashes on the first beat the model plays one early, somewhere.
    let clips = (0..8_u8).map(|number| {
        let notes: Vec<Note> = (0..64)
            .map(|step| note(f64::from(step) / 4.0, 35 + (number + step) % 16, 9))
            .collect();
        studio.song(&format!("{number}.mid"), &notes, &[], 16.0)
    });
    let mut n_on_the_beat = 0;
    for clip in clips {
        for (mode, more) in [
            ("reconstruct", &[][..]),
            ("similar", &["--strength", "0", "--count", "1"]),
        ] {
            let arguments = ["--mode", mode, "--input", &clip, "--format", "json"];
            let files = studio.generate(&[&arguments[..], more].concat());
            let json: serde_json::Value =
                serde_json::from_slice(files.values().next().unwrap()).unwrap();
            for note in json["notes"].as_array().unwrap() {
                let number = |key| note[key].as_f64().unwrap();
                let (onset_beats, duration_beats) =
                    (number("onset_beats"), number("duration_beats"));
                assert!(onset_beats <= 15.875, "{note}");
                if onset_beats == 0.0 {
                    n_on_the_beat += 1;
                    // The same drum comes again half a step early at the earliest.
                    assert!(duration_beats >= 0.125, "{note}");
                }
            }
        }
    }
    assert!(n_on_the_beat > 0, "no early hit among them");
}

#[test]
fn a_walk_begins_and_ends_with_the_inputs_as_the_model_plays_them_back() {
    let studio = Studio::open();
    let a = studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0);
    let b = studio.clip("b.mid", &[1.0, 3.25, 7.0, 9.5, 12.0, 14.75], 16.0);
    let interpolation = ["--mode", "interpolate", "--input", &a, "--input", &b];
    let alone = |clip| studio.loop_of(clip);
    for more in [&[][..], &["--linear"]] {
        let interpolation = studio.generate(&[&interpolation, more].concat());
        assert_eq!(interpolation.len(), DEFAULT_COUNT);
        assert_eq!(interpolation["interpolate-001.mid"], alone(&a));
        assert_eq!(interpolation["interpolate-008.mid"], alone(&b));
    }
    assert_ne!(alone(&a), alone(&b));
}

#[test]
fn a_grid_has_the_inputs_in_its_corners_column_by_column() {
    let studio = Studio::open();
    let clips = [
        studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0),
        studio.clip("b.mid", &[1.0, 3.25, 7.0, 9.5, 12.0], 16.0),
        studio.clip("c.mid", &[0.5, 1.5, 2.5, 3.5, 11.0], 16.0),
        studio.clip("d.mid", &[15.0], 16.0),
    ];
    let mut arguments = vec!["--mode", "grid", "--count", "3"];
    for clip in &clips {
        arguments.extend(["--input", clip]);
    }
    let files = studio.generate(&arguments);
    assert_eq!(files.len(), 9);
    let corners = [(1, 1), (3, 1), (1, 3), (3, 3)];
    for (clip, (row, column)) in clips.iter().zip(corners) {
        let corner = &files[&format!("grid-row{row:02}-column{column:02}.mid")];
        assert_eq!(corner, &studio.loop_of(clip), "{clip}");
    }
}

#[test]
fn a_variation_of_no_strength_is_the_input_as_the_model_plays_it() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0);
    let vary = |strength| {
        studio.generate(&[
            "--mode",
            "similar",
            "--input",
            &clip,
            "--count",
            "2",
            "--strength",
            strength,
        ])
    };
    let alone = studio.generate(&["--mode", "reconstruct", "--input", &clip]);
    let same = vary("0");
    // From the start, what the loop plays just before its end comes on the first step.
    let steps_of_a_loop = |bytes| -> Vec<(usize, u8)> {
        let mut steps: Vec<_> = grid(bytes)
            .into_iter()
            .map(|(step, pitch)| (step % 64, pitch))
            .collect();
        steps.sort_unstable();
        steps
    };
    assert_eq!(
        steps_of_a_loop(&same["similar-seed0-001.mid"]),
        steps_of_a_loop(&alone["reconstruct-bars-001-004.mid"])
    );
    assert_eq!(same["similar-seed0-001.mid"], same["similar-seed0-002.mid"]);
    let other = vary("1");
    assert_ne!(
        other["similar-seed0-001.mid"],
        other["similar-seed0-002.mid"]
    );
    assert!(
        studio
            .problem(&["--mode", "similar", "--input", &clip, "--strength", "2"])
            .contains("0 to 1")
    );
}

#[test]
fn a_continuation_begins_with_the_input_and_adds_a_window() {
    let studio = Studio::open();
    let kicks: Vec<f64> = (0..20).map(f64::from).collect();
    let clip = studio.clip("a.mid", &kicks, 20.0);
    let made = studio
        .try_generate(&["--mode", "continue", "--input", &clip, "--count", "2"])
        .unwrap();
    assert!(
        made.said.contains("going on after bars 2 to 5"),
        "{}",
        made.said
    );
    let bytes = &made.files["continue-seed0-001.mid"];
    assert_eq!(midi::read(bytes).unwrap().end_beats, 36.0);
    let heard: Vec<_> = grid(bytes)
        .into_iter()
        .filter(|(step, _)| *step < 79)
        .collect();
    let given: Vec<_> = (0..20).map(|beat| (4 * beat, 36)).collect();
    assert_eq!(heard, given);
}

#[test]
fn a_single_bar_is_too_short_to_go_on_from() {
    let studio = Studio::open();
    let clip = studio.clip("bar.mid", &[0.0, 1.0], 4.0);
    let problem = studio.problem(&["--mode", "continue", "--input", &clip]);
    for words in ["bar.mid", "only 1 bar", "4", "repeat"] {
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn every_four_bars_are_played_back_and_silent_ones_left_out() {
    let studio = Studio::open();
    let clip = studio.clip("long.mid", &[0.0, 33.0], 40.0);
    let reconstruct = ["--mode", "reconstruct", "--input", &clip];
    let made = studio.try_generate(&reconstruct).unwrap();
    let names: Vec<&String> = made.files.keys().collect();
    assert_eq!(
        names,
        [
            "reconstruct-bars-001-004.mid",
            "reconstruct-bars-009-010.mid"
        ]
    );
    for words in [
        "10 bars, read as drums",
        "using bars 9 to 10, filled up with 2 bars of silence",
        "left out, because nothing plays there: bars 5 to 8",
    ] {
        assert!(made.said.contains(words), "{}", made.said);
    }
    let one = studio
        .try_generate(&[&reconstruct[..], &["--count", "1"]].concat())
        .unwrap();
    assert_eq!(one.files.len(), 1);
    assert!(
        one.said
            .contains("there is more than is used: bars 9 to 10"),
        "{}",
        one.said
    );
}

#[test]
fn a_short_loop_is_filled_up_with_silence_and_keeps_its_announced_first_beat() {
    let studio = Studio::open();
    let clip = studio.clip("short.mid", &[1.0, 3.96], 4.0);
    let made = studio
        .try_generate(&["--mode", "reconstruct", "--input", &clip])
        .unwrap();
    let words = "1 bar, read as drums with the General MIDI map";
    assert!(made.said.contains(words), "{}", made.said);
    assert!(
        made.said
            .contains("using bar 1, filled up with 3 bars of silence"),
        "{}",
        made.said
    );
}

#[test]
fn the_tempo_is_the_inputs_unless_one_is_given() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0], 16.0);
    let bpm = |more: &[&str]| {
        let files = studio.generate(&[&["--mode", "reconstruct", "--input", &clip], more].concat());
        midi::read(&files["reconstruct-bars-001-004.mid"])
            .unwrap()
            .tempos[0]
            .bpm
            .round()
    };
    assert_eq!(bpm(&[]), 93.0);
    assert_eq!(bpm(&["--tempo", "174"]), 174.0);
}

#[test]
fn humanised_hits_stay_where_they_are() {
    let studio = Studio::of_groove(GrooveConverter {
        humanize: true,
        ..GrooveConverter::default()
    });
    let kicks = [0.0, 1.5, 2.0, 8.0, 9.75, 17.0];
    let clip = studio.clip("a.mid", &kicks, 24.0);
    let made = studio
        .try_generate(&["--mode", "humanize", "--input", &clip])
        .unwrap();
    assert!(made.said.contains("6 hits humanised"), "{}", made.said);
    let bytes = &made.files["humanize-a.mid"];
    assert_eq!(
        grid(bytes),
        [(0, 36), (6, 36), (8, 36), (32, 36), (39, 36), (68, 36)]
    );
    let song = midi::read(bytes).unwrap();
    assert_eq!(song.end_beats, 24.0);
    assert!(
        song.notes
            .iter()
            .any(|note| (note.onset_beats * 4.0).fract() != 0.0)
    );
}

#[test]
fn of_a_limited_number_of_windows_only_the_bars_used_are_written() {
    let studio = Studio::of_groove(GrooveConverter {
        humanize: true,
        ..GrooveConverter::default()
    });
    let kicks: Vec<f64> = (0..28).map(f64::from).collect();
    let clip = studio.clip("seven.mid", &kicks, 28.0);
    let humanize = |more: &[&str]| {
        let made = studio
            .try_generate(&[&["--mode", "humanize", "--input", &clip], more].concat())
            .unwrap();
        let song = midi::read(&made.files["humanize-seven.mid"]).unwrap();
        (made.said, song.end_beats, song.notes.len())
    };
    let (said, end_beats, n_notes) = humanize(&["--count", "2"]);
    assert!(said.contains("more than is used: bars 5 to 7"), "{said}");
    assert_eq!((end_beats, n_notes), (16.0, 16));
    let (said, end_beats, n_notes) = humanize(&[]);
    assert!(said.contains("using bar 7, filled up with 1 bar"), "{said}");
    assert_eq!((end_beats, n_notes), (28.0, 28));
}

#[test]
fn any_notes_are_taps_to_a_model_of_taps() {
    let studio = Studio::of_groove(GrooveConverter {
        tapify: true,
        fixed_velocities: true,
        ..GrooveConverter::default()
    });
    let beats = [0.0, 1.5, 2.0, 5.25];
    let melody: Vec<Note> = beats
        .iter()
        .zip([60, 64, 67, 72])
        .map(|(&beat, pitch)| note(beat, pitch, 3))
        .collect();
    let melody = studio.song("melody.mid", &melody, &[], 8.0);
    let drums = studio.clip("drums.mid", &beats, 8.0);
    let drumify = |input: &str| {
        studio
            .try_generate(&["--mode", "drumify", "--input", input])
            .unwrap()
    };
    let (of_melody, of_drums) = (drumify(&melody), drumify(&drums));
    assert!(
        of_melody.said.contains("read as taps"),
        "{}",
        of_melody.said
    );
    assert_eq!(
        of_melody.files["drumify-melody.mid"],
        of_drums.files["drumify-drums.mid"]
    );
    let song = midi::read(&of_melody.files["drumify-melody.mid"]).unwrap();
    assert!(song.notes.iter().all(|note| note.channel == 9));
}

#[test]
fn a_model_that_has_not_learned_a_mode_says_who_has() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0], 16.0);
    for (mode, preset) in [
        ("humanize", "groovae_2bar_humanize"),
        ("drumify", "groovae_2bar_tap_fixed_velocity"),
    ] {
        let problem = studio.problem(&["--mode", mode, "--input", &clip]);
        assert!(
            problem.contains("tiny") && problem.contains(preset),
            "{problem}"
        );
    }
}

#[test]
fn controls_say_which_drums_play() {
    let studio = Studio::of_groove(GrooveConverter {
        hits_as_controls: true,
        ..GrooveConverter::default()
    });
    let problem = studio.problem(&["--count", "1"]);
    assert!(problem.contains("--controls FILE.mid"), "{problem}");
    let a = studio.clip("a.mid", &[0.0, 2.0, 4.5], 8.0);
    let b = studio.clip("b.mid", &[1.0, 3.0], 8.0);
    let sample = |controls: &str| studio.generate(&["--count", "1", "--controls", controls]);
    assert_eq!(sample(&a), sample(&a));
    assert_ne!(sample(&a), sample(&b));
    let interpolation = ["--mode", "interpolate", "--input", &a, "--input", &b];
    assert_eq!(studio.generate(&interpolation).len(), DEFAULT_COUNT);
}

#[test]
fn controls_are_refused_by_a_model_that_has_none() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0], 16.0);
    let problem = studio.problem(&["--controls", &clip]);
    for words in ["tiny has no controls", "groovae_2bar_hits_control"] {
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn a_model_that_is_told_the_drum_of_each_row_needs_no_controls() {
    let converter = Converter::Groove(GrooveConverter {
        split_instruments: true,
        ..GrooveConverter::default()
    });
    let studio = Studio::of(converter, "groove", 9 * 16);
    for (name, bytes) in studio.generate(&["--count", "2"]) {
        assert_eq!(midi::read(&bytes).unwrap().end_beats, 4.0, "{name}");
    }
    let clip = studio.clip("a.mid", &[0.0, 5.0], 8.0);
    let files = studio.generate(&["--mode", "reconstruct", "--input", &clip]);
    assert_eq!(files.len(), 2);
}

#[test]
fn drums_on_the_grid_of_either_size_are_generated() {
    for (classes, head, rows) in [
        (9, "categorical", DrumRows::Labels),
        (9, "boolean", DrumRows::Roll),
        (61, "boolean", DrumRows::Roll),
    ] {
        let converter = Converter::Drums(DrumsConverter {
            classes,
            input: rows,
            output: rows,
            ..DrumsConverter::default()
        });
        let studio = Studio::of(converter, head, 32);
        let clip = studio.clip("a.mid", &[0.0, 2.0, 8.5], 16.0);
        let interpolation = [
            "--mode",
            "interpolate",
            "--input",
            &clip,
            "--input",
            &clip,
            "--count",
            "2",
            "--format",
            "mid,png",
        ];
        assert_eq!(studio.generate(&interpolation).len(), 4, "{classes} {head}");
        let going_on = ["--mode", "continue", "--input", &clip, "--count", "1"];
        let files = studio.generate(&going_on);
        let song = midi::read(&files["continue-seed0-001.mid"]).unwrap();
        assert_eq!(song.end_beats, 24.0, "{classes} {head}");
    }
}

#[test]
fn a_melody_is_read_and_written_on_its_own_channel() {
    let converter = Converter::Melody(MelodyConverter::default());
    let studio = Studio::of(converter, "categorical", 32);
    let notes: Vec<Note> = (0..8)
        .map(|beat| note(f64::from(beat), 60 + beat, 2))
        .collect();
    let melody = studio.song("melody.mid", &notes, &[], 8.0);
    let files = studio.generate(&[
        "--mode", "continue", "--input", &melody, "--count", "1", "--format", "mid,svg",
    ]);
    let song = midi::read(&files["continue-seed0-001.mid"]).unwrap();
    assert_eq!(song.end_beats, 16.0);
    assert!(song.notes.iter().all(|note| note.channel == 0));
    let heard: Vec<u8> = song.notes.iter().take(8).map(|note| note.pitch).collect();
    assert_eq!(heard, [60, 61, 62, 63, 64, 65, 66, 67]);

    let drums = studio.clip("drums.mid", &[0.0], 8.0);
    let problem = studio.problem(&["--mode", "similar", "--input", &drums]);
    for words in ["drums.mid", "no melody", "give a MIDI file of a melody"] {
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn a_trio_is_three_channels_with_their_sounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ModelConfig::flat_groove("small", 32, 8, vec![8], vec![16]);
    config.converter = Converter::Trio(TrioConverter::default());
    config.decoder.head = "categorical".parse().unwrap();
    config.decoder.split = true;
    let model = tiny::save_as(folder.path(), config);
    let studio = Studio { folder, model };
    let mut notes = Vec::new();
    for beat in 0..8 {
        let onset = f64::from(beat);
        notes.extend([note(onset, 72, 0), note(onset, 40, 1), note(onset, 36, 9)]);
    }
    let bass = Program {
        channel: 1,
        program: 33,
    };
    let song = studio.song("trio.mid", &notes, &[bass], 8.0);
    let heard = studio.generate(&[
        "--mode", "continue", "--input", &song, "--count", "1", "--format", "mid,png",
    ]);
    assert_eq!(heard.len(), 2);
    let song = midi::read(&heard["continue-seed0-001.mid"]).unwrap();
    let mut channels: Vec<(u8, u8)> = song
        .instruments
        .iter()
        .map(|player| (player.channel, player.program))
        .collect();
    channels.sort_unstable();
    assert_eq!(channels, [(0, 0), (1, 33), (9, 0)]);
}

#[test]
fn an_attribute_moves_every_point() {
    let studio = Studio::open();
    let problem = studio.problem(&["--attribute", "density=1"]);
    assert!(problem.contains("fourbar attributes"), "{problem}");

    let bytes = std::fs::read(&studio.model).unwrap();
    let mut checkpoint = Checkpoint::from_bytes(&bytes, "tiny").unwrap();
    let density = AttributeVector {
        vector: vec![2.0; 8],
        bottom: 0.1,
        top: 0.9,
        mean: 0.5,
        deviation: 0.2,
        n_sequences: 100,
    };
    let attributes = &mut checkpoint.metadata.attributes;
    attributes.insert("density".to_owned(), density);
    std::fs::write(&studio.model, checkpoint.to_bytes().unwrap()).unwrap();
    let sample = |times: &str| studio.generate(&["--count", "2", "--attribute", times]);
    let plain = studio.generate(&["--count", "2"]);
    assert_eq!(sample("density=0"), plain);
    assert_ne!(sample("density=+1.5"), plain);
    assert_ne!(sample("density=-1.5"), sample("density=+1.5"));
    let problem = studio.problem(&["--attribute", "swing=1"]);
    assert!(problem.contains("it has density"), "{problem}");
}

#[test]
fn a_wrong_number_of_inputs_is_refused_with_the_right_one() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0], 16.0);
    let clip = clip.as_str();
    let interpolation = ["--mode", "interpolate", "--input", clip];
    for (arguments, part) in [
        (vec!["--input", clip], "takes no --input"),
        (interpolation.to_vec(), "--input twice"),
        (vec!["--mode", "reconstruct"], "--input once"),
        (
            vec!["--mode", "grid", "--input", clip],
            "--input four times",
        ),
        (
            [&interpolation[..], &["--input", clip, "--count", "1"]].concat(),
            "at least 2",
        ),
        (vec!["--count", "0"], "1 or more"),
        (vec!["--temperature", "NaN"], "from 0"),
        (vec!["--tempo", "1000"], "20 to 400"),
        (vec!["--drum-map", "808"], "there are gm, td11,"),
    ] {
        let problem = studio.problem(&arguments);
        assert!(problem.contains(part), "{arguments:?}: {problem}");
    }
}

#[test]
fn a_number_below_nothing_is_refused_with_what_it_could_be() {
    let studio = Studio::open();
    for (arguments, part) in [
        (["--seed", "-1"], "a seed is a whole number from 0"),
        (["--count", "-1"], "1 or more"),
        (["--temperature", "-1"], "from 0"),
        (["--strength", "-0.5"], "0 to 1"),
        (["--tempo", "-120"], "20 to 400"),
    ] {
        let problem = studio.problem(&arguments);
        assert!(problem.contains(part), "{arguments:?}: {problem}");
    }
}

#[test]
fn a_file_is_written_before_the_next_is_made() {
    let studio = Studio::open();
    let clip = studio.clip("a.mid", &[0.0], 16.0);
    let clip = clip.as_str();
    for (mode, n_inputs) in [
        ("sample", 0),
        ("similar", 1),
        ("continue", 1),
        ("interpolate", 2),
        ("grid", 4),
    ] {
        let mut arguments = vec!["--mode", mode, "--count", "1000000000000"];
        arguments.extend(["--input", clip].repeat(n_inputs));
        // Nothing can be written below a file.
        let cli = Cli::try_parse_from(
            ["generate", "--model"]
                .into_iter()
                .chain([studio.model.to_str().unwrap(), "--out", clip])
                .chain(arguments),
        )
        .unwrap();
        let problem = super::generate(&cli.args, &mut Vec::new()).unwrap_err();
        assert!(problem.to_string().contains("cannot write"), "{problem:#}");
    }
}

#[test]
fn a_tempo_that_cannot_be_written_is_said_with_what_is_written_instead() {
    let studio = Studio::open();
    let kick = [note(0.0, 36, 9)];
    let input = |name: &str, bpm| {
        let setup = Setup { bpm, ..AT_93_BPM };
        studio.file(name, &midi::write_with(&kick, 16.0, &setup))
    };
    let plain = std::fs::read(input("plain.mid", 93.0)).unwrap();
    let tempo = plain.windows(3).position(|bytes| bytes == [0xff, 0x51, 3]);
    let without = {
        let mut bytes = plain.clone();
        bytes[tempo.unwrap() + 3..][..3].fill(0);
        studio.file("zero.mid", &bytes)
    };
    for (clip, said, bpm) in [
        (
            input("fast.mid", 500.0),
            "500.0 bpm, is outside of 20 to 400: 400 bpm",
            400.0,
        ),
        (
            input("slow.mid", 3.6),
            "3.6 bpm, is outside of 20 to 400: 20 bpm",
            20.0,
        ),
        (without, "gives no tempo: 120 bpm", 120.0),
    ] {
        let reconstruct = ["--mode", "reconstruct", "--input", &clip];
        let made = studio.try_generate(&reconstruct).unwrap();
        assert!(made.said.contains(said), "{}", made.said);
        let song = midi::read(&made.files["reconstruct-bars-001-004.mid"]).unwrap();
        assert!((song.tempos[0].bpm - bpm).abs() < 1e-3);
        let asked = [&reconstruct[..], &["--tempo", "93"]].concat();
        assert!(!studio.try_generate(&asked).unwrap().said.contains("bpm"));
    }
}

#[test]
fn the_metre_of_the_input_is_written_and_its_bars_are_counted() {
    // Four bars of 7/8 are 56 steps.
    let groove = GrooveConverter {
        any_metre: true,
        humanize: true,
        ..GrooveConverter::default()
    };
    let notes: Vec<Note> = (0..112)
        .map(|step| note(f64::from(step) / 2.0, 36, 9))
        .collect();
    let setup = Setup {
        signature: TimeSignature {
            beats: 0.0,
            numerator: 7,
            denominator: 8,
        },
        ..AT_93_BPM
    };
    let bytes = midi::write_with(&notes, 56.0, &setup);
    // The second model takes more than whole bars of this metre.
    for (n_steps, continued_bars, answered_bars) in [(56, 20, 4), (64, 20, 4)] {
        let studio = Studio::of(Converter::Groove(groove.clone()), "groove", n_steps);
        let clip = studio.file("a.mid", &bytes);
        for (mode, n_bars) in [
            ("reconstruct", answered_bars),
            ("humanize", 16),
            ("continue", continued_bars),
        ] {
            let arguments = ["--mode", mode, "--input", &clip, "--format", "mid,json"];
            let made = studio.try_generate(&arguments).unwrap();
            assert!(made.said.contains("16 bars, read"), "{}", made.said);
            let words = format!(" in {n_bars} bars)");
            assert!(made.said.contains(&words), "{mode}: {}", made.said);
            let is_humanized = made.said.contains("112 hits humanised");
            assert_eq!(is_humanized, mode == "humanize", "{}", made.said);
            for (name, bytes) in &made.files {
                if name.ends_with("json") {
                    let json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                    assert_eq!(json["metre"], "7/8", "{name}");
                    continue;
                }
                let song = midi::read(bytes).unwrap();
                let signature = song.time_signatures[0];
                assert_eq!(
                    (signature.numerator, signature.denominator),
                    (7, 8),
                    "{name}"
                );
                assert_eq!(song.end_beats, 3.5 * f64::from(n_bars), "{name}");
            }
        }
        let humanized = studio.generate(&["--mode", "humanize", "--input", &clip]);
        assert_eq!(grid(&humanized["humanize-a.mid"]).len(), 112);
    }
}

#[test]
fn a_loop_in_another_metre_keeps_its_announced_first_beat() {
    let studio = Studio::of(
        Converter::Groove(GrooveConverter {
            any_metre: true,
            ..GrooveConverter::default()
        }),
        "groove",
        56,
    );
    let setup = Setup {
        signature: TimeSignature {
            beats: 0.0,
            numerator: 7,
            denominator: 8,
        },
        ..AT_93_BPM
    };
    let notes = [note(1.0, 36, 9), note(13.96, 36, 9)];
    let clip = studio.file("a.mid", &midi::write_with(&notes, 14.0, &setup));
    let made = studio
        .try_generate(&["--mode", "reconstruct", "--input", &clip])
        .unwrap();
    assert!(made.said.contains("4 bars, read"), "{}", made.said);
}

#[test]
fn drums_on_another_channel_are_read_and_it_is_said() {
    let studio = Studio::open();
    let on = |name: &str, channel| {
        let clip = studio.song(name, &[note(0.0, 36, channel)], &[], 16.0);
        studio
            .try_generate(&["--mode", "reconstruct", "--input", &clip])
            .unwrap()
    };
    let (usual, other) = (on("ten.mid", 9), on("one.mid", 0));
    assert_eq!(usual.files, other.files);
    assert!(!usual.said.contains("channel"), "{}", usual.said);
    let words = "the drums are on channel 1, which plays a few drums";
    assert!(other.said.contains(words), "{}", other.said);
}

#[test]
fn what_is_copied_without_being_heard_is_not_said_to_be_left_out() {
    let studio = Studio::open();
    let mut notes: Vec<Note> = (0..16).map(|beat| note(f64::from(beat), 36, 9)).collect();
    notes.extend([note(1.5, 99, 9), note(2.05, 36, 9)]);
    let clip = studio.song("a.mid", &notes, &[], 16.0);
    let going_on = ["--mode", "continue", "--input", &clip, "--count", "1"];
    let made = |more: &[&str]| {
        let made = studio
            .try_generate(&[&going_on[..], more].concat())
            .unwrap();
        let song = midi::read(&made.files["continue-seed0-001.mid"]).unwrap();
        let copied = song.notes.iter().filter(|note| note.pitch == 99).count();
        (made.said, copied)
    };
    let (said, n_copied) = made(&[]);
    for words in [
        "not heard by the model because they share a 16th with a louder one of the same drum: 1",
        "not heard by the model because they are no drum of this map (keys 99): 1",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(n_copied, 1);
    let (said, n_copied) = made(&["--drum-map", "td11"]);
    let words = "left out because they are no drum of this map (keys 99): 1";
    assert!(said.contains(words), "{said}");
    assert_eq!(n_copied, 0);
    let similar = ["--mode", "similar", "--input", &clip, "--count", "1"];
    let said = studio.try_generate(&similar).unwrap().said;
    assert!(!said.contains("not heard"), "{said}");
}

/// The bytes of a loop with other bytes in the place of some.
fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

#[test]
fn inputs_that_cannot_be_used_are_named_with_reason_and_remedy() {
    let studio = Studio::open();
    let plain = midi::write(&[note(0.0, 36, 9), note(5.0, 38, 9)], 16.0, 93.0);
    let write = |name: &str, bytes: &[u8]| studio.file(name, bytes);
    let seven_eights = changed(&plain, &[0xff, 0x58, 4, 4, 2], &[0xff, 0x58, 4, 7, 3]);
    let melody = midi::write(&[note(0.0, 60, 0), note(1.0, 72, 1)], 16.0, 93.0);
    for (file, reason) in [
        (write("seven.mid", &seven_eights), "7/8"),
        (write("melody.mid", &melody), "no drums"),
        (
            write("empty.mid", &midi::write(&[], 16.0, 93.0)),
            "no notes",
        ),
        (write("text.mid", b"hello"), "MIDI"),
    ] {
        let problem = studio.problem(&["--mode", "similar", "--input", &file]);
        for words in [file.as_str(), reason, "a MIDI file"] {
            assert!(problem.contains(words), "{problem}");
        }
    }
    let gone = studio.folder.path().join("gone.mid").display().to_string();
    let problem = studio.problem(&["--mode", "similar", "--input", &gone]);
    assert!(problem.contains("gone.mid"), "{problem}");
}

#[test]
fn a_change_of_tempo_is_said_and_moves_nothing() {
    let studio = Studio::open();
    let plain = midi::write(&[note(0.0, 36, 9), note(5.0, 36, 9)], 16.0, 93.0);
    // After the name of the track, whose length stays as it is: a second tempo later would need another event, so the
    // first note's delta carries it.
    let second_tempo = [0x00, 0xff, 0x51, 0x03, 0x0a, 0x2c, 0x2b];
    let place = plain
        .windows(3)
        .rposition(|window| window == [0xff, 0x2f, 0x00])
        .unwrap();
    // The delta of the end of the track is in the bytes before it; the new event takes its time over.
    let delta_start = place - 2;
    let mut bytes = plain[..delta_start].to_vec();
    bytes.extend(&plain[delta_start..place]);
    bytes.extend(&second_tempo[1..]);
    bytes.extend([0x00]);
    bytes.extend(&plain[place..]);
    let length = u32::try_from(bytes.len() - 22).unwrap();
    bytes[18..22].copy_from_slice(&length.to_be_bytes());
    let path = studio.folder.path().join("tempi.mid");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(clip_tempos(&path), 2);
    let path = path.display().to_string();
    let made = studio
        .try_generate(&["--mode", "reconstruct", "--input", &path])
        .unwrap();
    assert!(made.said.contains("its tempo changes"), "{}", made.said);
    let steady = studio.folder.path().join("steady.mid");
    std::fs::write(&steady, plain).unwrap();
    let steady = steady.display().to_string();
    assert_eq!(
        made.files,
        studio.generate(&["--mode", "reconstruct", "--input", &steady])
    );
}

#[test]
fn a_window_in_which_no_hit_is_likely_is_not_empty() {
    let studio = Studio::open();
    let bytes = std::fs::read(&studio.model).unwrap();
    let mut checkpoint = Checkpoint::from_bytes(&bytes, "tiny").unwrap();
    for (name, value) in [("kernel", 0.0), ("bias", -1.0)] {
        let name = format!("decoder.output.{name}");
        let tensor = checkpoint.tensors.get_mut(&name).unwrap();
        *tensor = tensor.affine(0.0, value).unwrap();
    }
    std::fs::write(&studio.model, checkpoint.to_bytes().unwrap()).unwrap();
    let steps: Vec<f64> = (0..16).map(f64::from).collect();
    let input = studio.clip("full.mid", &steps, 16.0);
    for mode in ["reconstruct", "similar"] {
        let arguments = ["--mode", mode, "--temperature", "0", "--input", &input];
        let made = studio.try_generate(&arguments).unwrap();
        assert!(
            made.files.values().all(|bytes| !grid(bytes).is_empty()),
            "{mode}"
        );
        assert!(
            made.said.contains("no hit is more likely than none"),
            "{}",
            made.said
        );
    }
}

fn clip_tempos(path: &Path) -> usize {
    let file = crate::reading::Performance::open(path, DrumPart::Found).unwrap();
    file.song.tempos.len()
}
