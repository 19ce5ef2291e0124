//! Notes, rows and patterns to grooves and back.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use crate::pattern::Feel;
use crate::rows::{self, RowLayout, Rows};
use candle_core::Device;
use proptest::prelude::*;

fn note(onset_beats: f64, pitch: u8, velocity: f32) -> Note {
    Note {
        onset_beats,
        duration_beats: 0.25,
        pitch,
        velocity,
        channel: 9,
    }
}

fn kick(onset_beats: f64) -> (usize, Cell) {
    let (groove, _) = Groove::from_notes(&[note(onset_beats, 36, 0.5)], &DrumMap::GM);
    let (step, _, cell) = groove.hits().next().unwrap();
    (step, cell)
}

#[test]
fn an_offset_is_positive_when_the_hit_is_early() {
    assert_eq!(
        kick(1.0 - 0.0625),
        (
            4,
            Cell {
                velocity: 0.5,
                offset: 0.25
            }
        )
    );
    assert_eq!(
        kick(1.0 + 0.0625),
        (
            4,
            Cell {
                velocity: 0.5,
                offset: -0.25
            }
        )
    );
}

#[test]
fn a_hit_half_a_step_late_is_the_next_step_half_a_step_early() {
    assert_eq!(
        kick(0.125),
        (
            1,
            Cell {
                velocity: 0.5,
                offset: 0.5
            }
        )
    );
}

#[test]
fn a_hit_just_before_the_half_is_late_on_its_step() {
    let (step, cell) = kick(0.125 - 1e-12);
    assert_eq!(step, 0);
    assert!(
        cell.offset > -0.5,
        "{} rounds to the next step",
        cell.offset
    );
}

#[test]
fn an_early_hit_belongs_to_the_bar_it_announces() {
    let (groove, _) = Groove::from_notes(&[note(0.0, 36, 0.5), note(3.9, 36, 0.5)], &DrumMap::GM);
    assert_eq!(groove.n_steps(), 32);
    let second_bar = groove.window(16, 16).unwrap();
    let downbeat = second_bar.cell(0, Voice::Kick).unwrap();
    assert!((downbeat.offset - 0.4).abs() < 1e-6);
    assert_eq!(groove.window(0, 16).unwrap().n_hits(), 1);
}

#[test]
fn the_loudest_note_of_a_cell_is_kept_and_the_others_are_counted() {
    let flam = [
        note(0.95, 38, 0.25),
        note(1.0, 40, 0.75),
        note(1.05, 38, 0.75),
        note(1.06, 37, 0.5),
    ];
    let (groove, lost) = Groove::from_notes(&flam, &DrumMap::GM);
    assert_eq!(
        groove.cell(4, Voice::Snare),
        Some(Cell {
            velocity: 0.75,
            offset: 0.0
        })
    );
    assert_eq!((groove.n_hits(), lost.same_cell, lost.total()), (1, 3, 3));
}

#[test]
fn a_silent_note_is_a_hit() {
    let (groove, lost) = Groove::from_notes(&[note(0.0, 36, 0.0)], &DrumMap::GM);
    assert_eq!((groove.n_hits(), lost.total()), (1, 0));
}

#[test]
fn keys_of_no_drum_are_counted_and_make_no_bars() {
    let notes = [
        note(0.0, 36, 0.5),
        note(0.0, 35, 0.5),
        note(0.0, 100, 0.5),
        note(90.0, 100, 0.5),
    ];
    let (groove, lost) = Groove::from_notes(&notes, &DrumMap::TD11);
    assert_eq!((groove.n_steps(), groove.n_hits()), (16, 1));
    assert_eq!(lost.unmapped, BTreeMap::from([(35, 1), (100, 2)]));
}

#[test]
fn the_map_decides_which_tom_a_key_plays() {
    let played = |map: &DrumMap| {
        Groove::from_notes(&[note(0.0, 48, 0.5)], map)
            .0
            .hits()
            .next()
            .unwrap()
            .1
    };
    assert_eq!(
        (played(&DrumMap::GM), played(&DrumMap::TD11)),
        (Voice::MidTom, Voice::HighTom)
    );
}

#[test]
fn a_note_years_away_is_counted_instead_of_filling_the_memory() {
    let notes = [
        note(0.0, 36, 0.5),
        note(1e12, 36, 0.5),
        note(-1.0, 36, 0.5),
        note(f64::NAN, 36, 0.5),
    ];
    let (groove, lost) = Groove::from_notes(&notes, &DrumMap::GM);
    assert_eq!((groove.n_steps(), lost.outside), (16, 3));
}

#[test]
fn no_notes_are_no_steps() {
    assert_eq!(
        Groove::from_notes(&[], &DrumMap::GM),
        (Groove::empty(0), NotesLost::default())
    );
}

#[test]
fn a_window_that_does_not_fit_is_none() {
    let groove = Groove::empty(32);
    assert_eq!(
        groove.window(16, 16).map(|window| window.n_steps()),
        Some(16)
    );
    assert_eq!(groove.window(17, 16), None);
    assert_eq!(groove.window(1, usize::MAX), None);
}

#[test]
fn a_row_holds_hits_then_velocities_then_doubled_offsets() {
    let mut groove = Groove::empty(2);
    groove.set(
        1,
        Voice::Snare,
        Some(Cell {
            velocity: 0.75,
            offset: 0.25,
        }),
    );
    let mut expected = vec![0.0; 2 * ROW];
    (expected[ROW + 1], expected[ROW + 10], expected[ROW + 19]) = (1.0, 0.75, 0.5);
    assert_eq!(groove.to_rows(), expected);
}

#[test]
fn what_the_network_exaggerates_is_clipped() {
    let cell = |hit, velocity, offset| {
        let mut row = [0.0; ROW];
        (row[0], row[9], row[18]) = (hit, velocity, offset);
        Groove::from_rows(&row).cell(0, Voice::Kick)
    };
    assert_eq!(cell(0.5, 1.0, 0.0), None);
    assert_eq!(
        cell(0.51, 2.0, 3.0),
        Some(Cell {
            velocity: 1.0,
            offset: 0.5
        })
    );
    assert_eq!(
        cell(1.0, -1.0, -3.0),
        Some(Cell {
            velocity: SOFTEST,
            offset: LATEST_OFFSET
        })
    );
    assert_eq!(cell(f32::NAN, 1.0, 0.0), None);
    let damaged = cell(1.0, f32::NAN, f32::NAN).unwrap();
    assert!(damaged.velocity.is_finite() && damaged.offset.is_finite());
}

/// Grooves as the network reads them.
fn to_tensor(grooves: &[Groove]) -> candle_core::Result<candle_core::Tensor> {
    let layout = RowLayout::Groove { drums: N_VOICES };
    let rows: Vec<Rows> = grooves
        .iter()
        .map(|groove| Rows::of_numbers(layout.clone(), groove.to_rows()))
        .collect();
    rows::to_tensor(&rows.iter().collect::<Vec<_>>(), &Device::Cpu)
}

#[test]
fn a_batch_is_a_tensor_of_batch_steps_and_rows() {
    let mut groove = Groove::empty(4);
    groove.set(
        3,
        Voice::Ride,
        Some(Cell {
            velocity: 1.0,
            offset: 0.0,
        }),
    );
    let tensor = to_tensor(&[Groove::empty(4), groove.clone()]).unwrap();
    assert_eq!(tensor.dims(), [2, 4, ROW]);
    let rows: Vec<f32> = tensor
        .get(1)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    assert_eq!(rows, groove.to_rows());
}

#[test]
fn a_batch_of_different_lengths_is_refused() {
    let error = to_tensor(&[Groove::empty(16), Groove::empty(32)]).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("16 steps") && error.contains("32 steps"),
        "{error}"
    );
}

fn any_groove() -> impl Strategy<Value = Groove> {
    let cell = (SOFTEST..=1.0_f32, LATEST_OFFSET..=0.5_f32)
        .prop_map(|(velocity, offset)| Cell { velocity, offset });
    prop::collection::btree_map((0..64_usize, 0..N_VOICES), cell, 0..100).prop_map(|cells| {
        let mut groove = Groove::empty(64);
        for ((step, column), cell) in cells {
            groove.set(step, Voice::ALL[column], Some(cell));
        }
        groove
    })
}

proptest! {
    #[test]
    fn a_groove_returns_from_its_rows_unchanged(groove in any_groove()) {
        prop_assert_eq!(Groove::from_rows(&groove.to_rows()), groove);
    }

    #[test]
    fn a_groove_returns_from_its_pattern_unchanged(groove in any_groove()) {
        prop_assert_eq!(Groove::from_pattern(&groove.to_pattern()), groove);
    }

    #[test]
    fn a_groove_returns_from_the_notes_of_its_loop(groove in any_groove()) {
        for map in &DrumMap::ALL {
            let notes = groove.to_pattern().to_notes(Feel::AS_GENERATED, &map.keys(), 9);
            let (found, lost) = Groove::from_loop(&notes, 64, map);
            prop_assert_eq!(lost.total(), 0);
            prop_assert_eq!(found.n_hits(), groove.n_hits());
            for ((step, voice, cell), (found_step, found_voice, found_cell)) in groove.hits().zip(found.hits()) {
                prop_assert_eq!((step, voice), (found_step, found_voice));
                prop_assert_eq!(cell.velocity, found_cell.velocity);
                let offset = if step == 0 { cell.offset.min(0.0) } else { cell.offset };
                prop_assert!((offset - found_cell.offset).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn offsets_stay_within_their_step(onsets in prop::collection::vec(0.0..100.0_f64, 1..50)) {
        let notes: Vec<_> = onsets.iter().map(|&onset| note(onset, 36, 0.5)).collect();
        let (groove, lost) = Groove::from_notes(&notes, &DrumMap::GM);
        prop_assert_eq!(groove.n_hits() + lost.total(), notes.len());
        for (_, _, cell) in groove.hits() {
            prop_assert!(cell.offset > -0.5 && cell.offset <= 0.5);
        }
    }
}
