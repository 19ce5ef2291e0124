//! Every converter against what magenta.js makes of the same notes, and what all of them share.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
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
    let material = converter.whole(&song, map, n_steps).unwrap();
    let windows = converter.windows(&material, n_steps, 1);
    let example = converter.example(&material, &windows[0], n_steps, None);
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
