//! Sets of windows beside each other, made up and of real drummers.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove};
use std::path::Path;

const N_STEPS: usize = 64;

/// Windows of made-up drummers, four of each file, with velocities around `loudness`.
fn windows(n: usize, loudness: f32, seed: u64) -> Windows {
    let groove = |index| {
        let mut noise = Noise::of_sample(seed, index);
        let mut groove = Groove::empty(N_STEPS);
        for step in (0..N_STEPS).step_by(2) {
            for voice in [Voice::Kick, Voice::Snare, Voice::ClosedHat] {
                let velocity = (loudness + 0.1 * noise.normal()).clamp(0.01, 1.0);
                let offset = 0.1 * noise.uniform();
                let plays = noise.uniform() < 0.5;
                groove.set(step, voice, plays.then_some(Cell { velocity, offset }));
            }
        }
        groove
    };
    Windows::of((0..n).map(|index| (groove(index), 1000 * index.div_euclid(4))))
}

fn compare(others: &Windows) -> Comparison {
    let (training, drummers) = (windows(400, 0.5, 1), windows(160, 0.5, 2));
    Comparison::of("others", &training, &drummers, others, 0).unwrap()
}

#[test]
fn windows_from_the_same_hand_are_alike_and_cannot_be_told_apart() {
    let alike = compare(&windows(200, 0.5, 3));
    assert!(alike.worst_overlap.value.unwrap() > 0.75, "{alike:?}");
    assert!(alike.overlap.value.unwrap() > 0.88, "{alike:?}");
    assert!(alike.frechet.value.unwrap() < 1.0, "{alike:?}");
    let classifier = alike.classifier.as_ref().unwrap();
    assert!((classifier.auc - 0.5).abs() < 0.1, "{classifier:?}");
    let interval = classifier.interval.unwrap();
    assert!(interval.low < 0.5 && interval.high > 0.5, "{interval:?}");
    assert_eq!((alike.windows.n_windows, alike.windows.n_files), (200, 50));
    assert_eq!(alike, compare(&windows(200, 0.5, 3)), "the same every time");
}

#[test]
fn windows_of_a_softer_hand_are_told_by_their_velocity() {
    let softer = compare(&windows(200, 0.3, 3));
    assert_eq!(softer.worst_feature, "velocity_mean");
    assert!(softer.worst_overlap.value.unwrap() < 0.05, "{softer:?}");
    assert!(softer.classifier.as_ref().unwrap().auc > 0.99, "{softer:?}");
    assert!(softer.frechet.value.unwrap() > 10.0, "{softer:?}");
    assert!(softer.by_feature["velocity_mean"].kl_nats > 1.0);
    assert!(softer.by_feature["kick_share"].overlap > 0.8);
}

#[test]
fn a_few_windows_of_one_file_have_figures_without_intervals() {
    let few = compare(&windows(3, 0.5, 3));
    assert!(few.overlap.value.is_some() && few.frechet.value.is_some());
    assert_eq!((few.overlap.interval, few.classifier), (None, None));
}

#[test]
fn windows_with_few_hits_are_left_out() {
    let hits = |n| {
        let mut groove = Groove::empty(N_STEPS);
        for step in 0..n {
            let cell = Cell {
                velocity: 0.5,
                offset: 0.0,
            };
            groove.set(step, Voice::Kick, Some(cell));
        }
        groove
    };
    let windows = Windows::of([(hits(7), 0), (hits(8), 1), (hits(0), 2)]);
    assert_eq!((windows.len(), windows.files), (1, vec![1]));
}

/// The figures are those of an independent implementation in Python, made from the definitions in `docs/evaluation.md`
/// with scikit-learn and SciPy.
#[test]
fn drummers_of_the_groove_midi_dataset_are_as_far_apart_as_another_judge_finds_them() {
    let Some(path) = std::env::var_os(crate::data::DATA_VARIABLE) else {
        println!(
            "FOURBAR_DATA is not set: the drummers of the Groove MIDI Dataset are not compared"
        );
        return;
    };
    let converter = Converter::Groove(GrooveConverter::default());
    let dataset = Dataset::load(Path::new(&path), &converter, &DrumMap::TD11).unwrap();
    if dataset.card.name != "Groove MIDI Dataset 1.0.0" {
        println!(
            "FOURBAR_DATA names another data set, {}: not compared",
            dataset.card.name
        );
        return;
    }
    let drummers = TwoSample::of(&dataset, Split::Test, N_STEPS, Vec::new(), 0)
        .unwrap()
        .unwrap();
    assert_eq!(
        (drummers.drummers.n_windows, drummers.drummers.n_files),
        (525, 75)
    );
    let [train, validation] = &drummers.comparisons[..] else {
        panic!("two sets of drummers")
    };
    assert_eq!(validation.windows.n_windows, 502);
    let near = |found: f64, expected: f64, tolerance: f64| {
        assert!(
            (found - expected).abs() < tolerance,
            "{found}, not {expected}"
        );
    };
    // The other judge drew other windows of the training files and other folds: a tenth is within the interval by files.
    for (set, [overlap, worst, frechet, auc], frechet_tolerance) in [
        (train, [0.890, 0.799, 1.75, 0.599], 0.5),
        (validation, [0.856, 0.731, 3.13, 0.602], 0.25),
    ] {
        println!(
            "{}: overlap {:.4}, worst {:.4} ({}), Fréchet {:.3}, AUC {:.4?}",
            set.name,
            set.overlap.value.unwrap(),
            set.worst_overlap.value.unwrap(),
            set.worst_feature,
            set.frechet.value.unwrap(),
            set.classifier.as_ref().unwrap(),
        );
        near(set.overlap.value.unwrap(), overlap, 0.01);
        near(set.worst_overlap.value.unwrap(), worst, 0.03);
        near(set.frechet.value.unwrap(), frechet, frechet_tolerance);
        near(set.classifier.as_ref().unwrap().auc, auc, 0.1);
    }
}
