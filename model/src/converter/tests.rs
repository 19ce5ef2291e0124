//! Every converter against what magenta.js makes of the same notes, and what all of them share.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use crate::midi::{TempoChange, TimeSignature};
use proptest::prelude::*;
use serde_json::Value;

/// The input rows of a case, and those that our converter makes of its notes.
fn expected_and_found(case: &Value) -> (Vec<f32>, Vec<f32>) {
    let converter: Converter = serde_json::from_value(case["converter"].clone()).unwrap();
    let beats_per_unit = if case["in_steps"] == true {
        0.25
    } else {
        case["qpm"].as_f64().unwrap() / 60.0
    };
    let channel = if matches!(converter, Converter::Melody(_)) {
        0
    } else {
        9
    };
    let notes: Vec<[f64; 4]> = serde_json::from_value(case["notes"].clone()).unwrap();
    let notes = notes.iter().map(|[pitch, velocity, start, end]| Note {
        onset_beats: start * beats_per_unit,
        duration_beats: (end - start) * beats_per_unit,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a key"
        )]
        pitch: *pitch as u8,
        #[expect(clippy::cast_possible_truncation, reason = "at most 127")]
        velocity: *velocity as f32 / 127.0,
        channel,
    });
    let song = Song::from_notes(notes.collect(), &[]);
    let [n_steps, width]: [usize; 2] = serde_json::from_value(case["shape"].clone()).unwrap();
    let map = &DrumMap::MAGENTA_JS;
    let extracted = converter.whole(&song, map, n_steps).unwrap();
    let windows = converter.windows(&extracted, n_steps, 1);
    let example = converter.example(&extracted, &windows[0], n_steps, None);
    assert_eq!(converter.input().width(), width);

    let mut expected = vec![0.0; n_steps * width];
    for entry in case["input"].as_array().unwrap() {
        let [step, column] = [0, 1].map(|place| usize::try_from(entry[place].as_u64().unwrap()));
        #[expect(clippy::cast_possible_truncation, reason = "single precision")]
        let number = entry[2].as_f64().unwrap() as f32;
        expected[step.unwrap() * width + column.unwrap()] = number;
    }
    let found = match example.input.layout() {
        RowLayout::RollWithRest { .. } => magenta_js_rests(&example.input),
        _ => example.input.to_numbers(),
    };
    (expected, found)
}

#[test]
fn inputs_are_those_of_magenta_js() {
    let fixture: Value = serde_json::from_str(include_str!("magenta_js.json")).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let (expected, found) = expected_and_found(case);
        assert_eq!(found.len(), expected.len(), "{}", case["name"]);
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() < 1e-6,
                "{}, number {place}: {found} for {expected}",
                case["name"]
            );
        }
    }
}

/// A kick on every beat of `n_bars` bars of 4/4, with a snare on the last beat of every fourth.
fn beat(n_bars: u8) -> Vec<Note> {
    let strike = |beat| Note {
        onset_beats: f64::from(beat),
        duration_beats: 0.25,
        pitch: if beat % 16 == 15 { 38 } else { 36 },
        velocity: 0.5,
        channel: 9,
    };
    (0..4 * n_bars).map(strike).collect()
}

fn song(notes: Vec<Note>, signatures: &[(f64, u8, u32)], tempos: &[(f64, f64)]) -> Song {
    let signature = |&(beats, numerator, denominator)| TimeSignature {
        beats,
        numerator,
        denominator,
    };
    let tempo = |&(beats, bpm)| TempoChange { beats, bpm };
    Song {
        time_signatures: signatures.iter().map(signature).collect(),
        tempos: tempos.iter().map(tempo).collect(),
        ..Song::from_notes(notes, &[])
    }
}

fn groove(magenta_compat: bool) -> Converter {
    Converter::Groove(GrooveConverter {
        magenta_compat,
        ..GrooveConverter::default()
    })
}

fn drums(magenta_compat: bool) -> Converter {
    Converter::Drums(DrumsConverter {
        magenta_compat,
        ..DrumsConverter::default()
    })
}

/// Start and bars of every part.
fn parts(converter: &Converter, song: &Song) -> Vec<(f64, usize)> {
    let extracted = converter.extract(song, &DrumMap::GM).unwrap();
    let parts = extracted.parts.iter();
    parts
        .map(|part| (part.start_beats, part.n_bars()))
        .collect()
}

fn refusal(converter: &Converter, song: &Song) -> String {
    converter
        .extract(song, &DrumMap::GM)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_change_of_tempo_moves_no_bar_line_except_for_magenta() {
    let song = song(beat(8), &[], &[(0.0, 100.0), (13.0, 90.0)]);
    assert_eq!(parts(&groove(false), &song), [(0.0, 8)]);
    assert_eq!(parts(&drums(false), &song), [(0.0, 8)]);
    assert_eq!(parts(&drums(true), &song), [(0.0, 4), (13.0, 5)]);
    let problem = refusal(&groove(true), &song);
    assert!(problem.contains("second tempo at beat 13"), "{problem}");
}

#[test]
fn bars_count_from_the_last_change_of_metre_and_other_metres_are_left_out_with_the_reason() {
    let song = song(beat(8), &[(0.0, 4, 4), (12.0, 3, 4), (15.0, 4, 4)], &[]);
    for converter in [groove(false), drums(false)] {
        let extracted = converter.extract(&song, &DrumMap::GM).unwrap();
        assert_eq!(parts(&converter, &song), [(0.0, 3), (15.0, 5)]);
        let [reason] = &extracted.left_out[..] else {
            panic!("one section is left out")
        };
        assert!(
            reason.starts_with("from beat 12, its metre is 3/4, so its bars have 12"),
            "{reason}"
        );
        assert_eq!(extracted.lost.outside, 3);
    }
    let problem = refusal(&groove(true), &song);
    assert!(problem.contains("changes from 4/4 to 3/4"), "{problem}");
}

#[test]
fn a_reason_that_returns_is_given_once() {
    let signatures = [(0.0, 4, 4), (4.0, 3, 4), (16.0, 4, 4), (24.0, 3, 4)];
    let extracted = drums(false)
        .extract(&song(beat(8), &signatures, &[]), &DrumMap::GM)
        .unwrap();
    let [reason] = &extracted.left_out[..] else {
        panic!("3/4 is one reason")
    };
    assert!(
        reason.starts_with("from beat 4 and 1 more time(s) later, its metre is 3/4"),
        "{reason}"
    );
}

#[test]
fn bars_of_any_length_are_used_on_request_and_windows_begin_on_them() {
    let song = song(beat(7), &[(0.0, 7, 8)], &[]);
    assert!(refusal(&groove(false), &song).contains("14 sixteenth steps"));
    let converter = Converter::Groove(GrooveConverter {
        any_metre: true,
        ..GrooveConverter::default()
    });
    let extracted = converter.extract(&song, &DrumMap::GM).unwrap();
    let windows = converter.windows(&extracted, 64, 1);
    let starts: Vec<_> = windows.iter().map(|place| place.first_step).collect();
    assert_eq!(starts, [0, 14, 28, 42]);
}

#[test]
fn an_early_hit_is_on_the_downbeat_that_it_announces_even_after_a_change_of_metre() {
    let mut notes = beat(8);
    notes[16].onset_beats -= 0.1;
    let song = song(notes, &[(0.0, 4, 4), (8.0, 2, 4), (16.0, 4, 4)], &[]);
    let extracted = groove(false).extract(&song, &DrumMap::GM).unwrap();
    let groove = extracted.parts[1].groove().unwrap();
    let (step, _, cell) = groove.hits().next().unwrap();
    assert_eq!((step, groove.n_hits()), (0, 16));
    assert!((cell.offset - 0.4).abs() < 1e-6);
}

#[test]
fn a_key_without_a_drum_is_counted_except_by_magenta() {
    let mut notes = beat(4);
    notes[3].pitch = 100;
    let song = song(notes, &[], &[]);
    let extracted = groove(false).extract(&song, &DrumMap::GM).unwrap();
    assert_eq!(extracted.lost.unmapped.get(&100), Some(&1));
    assert!(refusal(&groove(true), &song).contains("key 100"));
}

#[test]
fn equal_windows_of_labels_are_one_and_a_groove_keeps_them_all() {
    let song = song(beat(12), &[], &[]);
    let count = |converter: &Converter| {
        let extracted = converter.extract(&song, &DrumMap::GM).unwrap();
        converter.windows(&extracted, 64, 1).len()
    };
    assert_eq!(
        count(&drums(false)),
        4,
        "the snare is in one of four places"
    );
    assert_eq!(count(&groove(false)), 9);
}

#[test]
fn a_song_s_windows_are_drawn_anew_for_each_epoch() {
    let capped = |magenta_compat| {
        Converter::Drums(DrumsConverter {
            max_per_song: Some(3),
            magenta_compat,
            ..DrumsConverter::default()
        })
    };
    let mut noise = Noise::from_seed(1);
    let mut n_drawn = [0; 10];
    for _ in 0..1000 {
        let drawn = capped(false).draw(10, &mut noise);
        assert!(drawn.is_sorted() && drawn.len() == 3);
        drawn.iter().for_each(|window| n_drawn[*window] += 1);
    }
    assert!(
        n_drawn.iter().all(|n| (240..360).contains(n)),
        "{n_drawn:?}"
    );
    assert_eq!(capped(false).draw(2, &mut noise), [0, 1]);
    assert_eq!(drums(false).draw(4, &mut noise), [0, 1, 2, 3]);

    let song = song(beat(12), &[], &[]);
    let extracted = capped(true).extract(&song, &DrumMap::GM).unwrap();
    let windows = |converter: &Converter| converter.windows(&extracted, 64, 1).len();
    assert_eq!(windows(&capped(true)), 3);
    // Magenta's own number, where there are more.
    assert!(windows(&drums(false)) >= 4);
    assert_eq!(windows(&drums(true)), windows(&drums(false)).min(5));
}

#[test]
fn a_note_years_away_is_refused_instead_of_filling_the_memory() {
    let mut notes = beat(4);
    notes[15].onset_beats = 1e12;
    let song = song(notes, &[], &[]);
    for converter in [groove(false), drums(false)] {
        assert!(refusal(&converter, &song).contains("beyond bar 16384"));
    }
}

#[test]
fn bars_that_only_count_in_are_no_music() {
    let click = |at: usize| Note {
        onset_beats: crate::groove::beats(4 * at),
        pitch: 33,
        ..beat(1)[0]
    };
    let mut notes = beat(4);
    notes.iter_mut().for_each(|note| note.onset_beats += 8.0);
    // The first stroke is early.
    notes[0].onset_beats -= 0.1;
    notes.splice(0..0, (0..8).map(click));
    let counted = Song {
        loop_beats: Some(24.0),
        ..song(notes, &[], &[])
    };
    let all_percussion = Converter::Drums(DrumsConverter {
        classes: 61,
        input: DrumRows::Roll,
        output: DrumRows::Roll,
        ..DrumsConverter::default()
    });
    for (converter, expected) in [
        (groove(false), (8.0, 64)),
        (drums(false), (8.0, 64)),
        // Where the metronome is a class of its own, it is music.
        (all_percussion, (0.0, 96)),
    ] {
        let whole = converter.whole(&counted, &DrumMap::GM, 1).unwrap();
        let extracted = converter.extract(&counted, &DrumMap::GM).unwrap();
        let reasons = if expected.0 > 0.0 {
            vec!["the first 2 bars, which count in".to_owned()]
        } else {
            Vec::new()
        };
        for extracted in [whole, extracted] {
            let [part] = &extracted.parts[..] else {
                panic!("one metre is one part");
            };
            assert_eq!((part.start_beats, part.n_steps()), expected);
            assert_eq!(extracted.left_out, reasons);
        }
    }
}

#[test]
fn settings_are_read_by_name_and_unknown_ones_are_refused() {
    let read = |json: &str| serde_json::from_str::<Converter>(json);
    let humanize = read(r#"{"kind": "groove", "humanize": true}"#).unwrap();
    let expected = Converter::Groove(GrooveConverter {
        humanize: true,
        ..GrooveConverter::default()
    });
    assert_eq!(humanize, expected);
    let problem = read(r#"{"kind": "melody", "gap": 2}"#).unwrap_err();
    assert!(problem.to_string().contains("unknown field `gap`"));
    for kind in ["groove", "drums", "melody", "trio"] {
        let converter = read(&format!(r#"{{"kind": "{kind}"}}"#)).unwrap();
        converter.check().unwrap();
        let json = serde_json::to_string(&converter).unwrap();
        assert_eq!(read(&json).unwrap(), converter);
    }
}

/// A song as a damaged file might hold it: any metre, any tempo, drums and melodies in any order.
fn any_song() -> impl Strategy<Value = Song> {
    let note = (0.0..100.0_f64, 1e-6..40.0_f64, 0..128_u8, 0..4_u8).prop_map(
        |(onset_beats, duration_beats, pitch, player)| Note {
            onset_beats,
            duration_beats,
            pitch,
            velocity: 0.5,
            channel: [0, 1, 2, 9][usize::from(player)],
        },
    );
    let signature = (0.0..100.0_f64, 0..9_u8, 0..7_u32).prop_map(|(beats, numerator, power)| {
        let denominator = if power == 6 { 0 } else { 1 << power };
        (beats, numerator, denominator)
    });
    (
        prop::collection::vec(note, 0..60),
        prop::collection::vec(signature, 0..4),
        prop::collection::vec((0.0..100.0_f64, 20.0..300.0_f64), 0..3),
        0..64_u8,
    )
        .prop_map(|(notes, mut signatures, mut tempos, program)| {
            signatures.sort_by(|a, b| a.0.total_cmp(&b.0));
            tempos.sort_by(|a, b| a.0.total_cmp(&b.0));
            let bass = Program {
                channel: 1,
                program,
            };
            Song {
                time_signatures: song(Vec::new(), &signatures, &[]).time_signatures,
                tempos: song(Vec::new(), &[], &tempos).tempos,
                ..Song::from_notes(notes, &[bass])
            }
        })
}

proptest! {
    #[test]
    fn whatever_a_song_holds_examples_have_their_layouts_and_become_notes(
        song in any_song(), any_metre: bool, magenta_compat: bool, is_split: bool, is_whole: bool, seed: u64,
    ) {
        let mut converters = ["groove", "drums", "melody", "trio"].map(|kind| {
            let json = format!(
                r#"{{"kind": "{kind}", "any_metre": {any_metre}, "magenta_compat": {magenta_compat}}}"#
            );
            serde_json::from_str::<Converter>(&json).unwrap()
        });
        if let Converter::Groove(converter) = &mut converters[0] {
            converter.split_instruments = is_split;
            converter.hits_as_controls = true;
            converter.tapify = seed % 2 == 0;
            converter.max_note_dropout = 0.8;
        }
        if let Converter::Melody(converter) = &mut converters[2] {
            converter.transpose = 5;
        }
        for converter in converters {
            let found = if is_whole {
                converter.whole(&song, &DrumMap::GM, 32)
            } else {
                converter.extract(&song, &DrumMap::GM)
            };
            let Ok(extracted) = found else { continue };
            prop_assert!(!extracted.parts.is_empty());
            prop_assert!(extracted.lost.total() <= extracted.n_notes);
            let mut noise = Noise::from_seed(seed);
            for place in converter.windows(&extracted, 32, 1) {
                let part = &extracted.parts[place.part];
                prop_assert_eq!(place.first_step % part.steps_per_bar, 0);
                let example = converter.example(&extracted, &place, 32, Some(&mut noise));
                let n_rows = 32 * converter.rows_per_step();
                prop_assert_eq!((example.input.layout(), example.input.n_steps()), (&converter.input(), n_rows));
                prop_assert_eq!((example.output.layout(), example.output.n_steps()), (&converter.output(), n_rows));
                let controls = example.conditions.controls.as_ref().map(|rows| (rows.layout().clone(), rows.n_steps()));
                prop_assert_eq!(controls, converter.controls().map(|layout| (layout, n_rows)));
                for note in converter.notes(&example.output, &DrumMap::GM) {
                    let is_early = magenta_compat && note.onset_beats >= -0.125;
                    prop_assert!(note.onset_beats >= 0.0 || is_early);
                    prop_assert!(note.onset_beats < 8.0 && note.duration_beats > 0.0);
                }
            }
        }
    }
}
