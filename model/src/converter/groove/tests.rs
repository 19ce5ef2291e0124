//! What becomes of the input, and that the output returns.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use crate::converter::Converter;
use proptest::prelude::*;

fn cell(velocity: f32, offset: f32) -> Cell {
    Cell { velocity, offset }
}

/// Four steps: kick and louder snare, a soft kick, nothing, a hi-hat.
fn groove() -> Groove {
    let mut groove = Groove::empty(4);
    groove.set(0, Voice::Kick, Some(cell(0.5, 0.25)));
    groove.set(0, Voice::Snare, Some(cell(0.75, -0.125)));
    groove.set(1, Voice::Kick, Some(cell(0.25, 0.0)));
    groove.set(3, Voice::ClosedHat, Some(cell(1.0, 0.5)));
    groove
}

fn input(converter: &GrooveConverter) -> Vec<(usize, Voice, Cell)> {
    let example = converter.example_of(&groove(), None);
    assert_eq!(converter.groove_of(&example.output), groove());
    converter.input_groove(&groove(), None).hits().collect()
}

#[test]
fn humanize_takes_dynamics_and_timing_and_leaves_the_hits() {
    let converter = GrooveConverter {
        humanize: true,
        ..GrooveConverter::default()
    };
    let groove_in = groove();
    let silent = groove_in
        .hits()
        .map(|(step, voice, _)| (step, voice, cell(0.0, 0.0)));
    assert_eq!(input(&converter), silent.collect::<Vec<_>>());
    let example = converter.example_of(&groove(), None);
    let row = &example.input.numbers().unwrap()[..ROW];
    assert_eq!((row[0], row[1]), (1.0, 1.0), "a soundless hit is a hit");
    assert_eq!(row[N_VOICES..], [0.0; 18]);
}

#[test]
fn fixed_velocities_take_the_dynamics_only() {
    let converter = GrooveConverter {
        fixed_velocities: true,
        ..GrooveConverter::default()
    };
    assert_eq!(input(&converter)[1], (0, Voice::Snare, cell(0.0, -0.125)));
}

#[test]
fn a_tap_is_the_loudest_hit_of_its_step() {
    let converter = GrooveConverter {
        tapify: true,
        ..GrooveConverter::default()
    };
    let taps = [
        (0, TAP, cell(0.75, -0.125)),
        (1, TAP, cell(0.25, 0.0)),
        (3, TAP, cell(1.0, 0.5)),
    ];
    assert_eq!(input(&converter), taps);
}

#[test]
fn a_person_taps_on_any_key() {
    let tap = |pitch, channel| Note {
        onset_beats: 0.25,
        duration_beats: 0.25,
        pitch,
        velocity: 0.5,
        channel,
    };
    let converter = Converter::Groove(GrooveConverter {
        tapify: true,
        ..GrooveConverter::default()
    });
    let played = |notes: Vec<Note>| {
        let song = Song::from_notes(notes, &[]);
        let extracted = converter.whole(&song, &DrumMap::TD11, 16).unwrap();
        let windows = converter.windows(&extracted, 16, 1);
        converter.example(&extracted, &windows[0], 16, None).input
    };
    let on_a_snare = played(vec![tap(38, 9)]);
    assert_eq!(played(vec![tap(60, 0)]), on_a_snare);
    assert_eq!(played(vec![tap(100, 9), tap(60, 0)]), on_a_snare);
}

#[test]
fn added_instruments_are_missing_from_the_input() {
    let converter = GrooveConverter {
        add_instruments: vec![0, 2],
        ..GrooveConverter::default()
    };
    assert_eq!(input(&converter), [(0, Voice::Snare, cell(0.75, -0.125))]);
}

#[test]
fn controls_are_the_hits_whatever_the_input_lacks() {
    let converter = GrooveConverter {
        hits_as_controls: true,
        tapify: true,
        ..GrooveConverter::default()
    };
    let controls = converter
        .example_of(&groove(), None)
        .conditions
        .controls
        .unwrap();
    assert_eq!(controls.bits(), Some(&[0b11, 0b1, 0, 0b100][..]));
    assert_eq!(*controls.layout(), converter.controls().unwrap());
}

#[test]
fn a_split_row_is_one_drum_and_its_control_names_it() {
    let mut converter = GrooveConverter {
        split_instruments: true,
        ..GrooveConverter::default()
    };
    let example = converter.example_of(&groove(), None);
    assert_eq!(
        (example.input.n_steps(), example.input.layout().width()),
        (36, 3)
    );
    let numbers = example.input.numbers().unwrap();
    assert_eq!(numbers[..6], [1.0, 0.5, 0.5, 1.0, 0.75, -0.25]);
    let drums = example.conditions.controls.unwrap();
    assert_eq!(
        drums.labels().unwrap()[..11],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]
    );

    converter.hits_as_controls = true;
    let controls = converter
        .example_of(&groove(), None)
        .conditions
        .controls
        .unwrap();
    let row = |step: usize| controls.to_numbers()[10 * step..10 * (step + 1)].to_vec();
    assert_eq!(row(1), [1., 0., 1., 0., 0., 0., 0., 0., 0., 0.]);
    assert_eq!(row(2), [0., 0., 0., 1., 0., 0., 0., 0., 0., 0.]);
}

#[test]
fn bins_are_one_hot_for_each_drum_and_kind() {
    let converter = GrooveConverter {
        velocity_bins: Some(5),
        offset_bins: Some(3),
        ..GrooveConverter::default()
    };
    let example = converter.example_of(&groove(), None);
    let row = &example.input.numbers().unwrap()[..9 * 9];
    // Kick: 0.5 of 0, 0.25, 0.5, 0.75, 1; then snare at 0.75; rests are at 0.
    assert_eq!(row[9..14], [0., 0., 1., 0., 0.]);
    assert_eq!(row[14..19], [0., 0., 0., 1., 0.]);
    assert_eq!(row[19..24], [1., 0., 0., 0., 0.]);
    // Offsets 0.5 and −0.25 as a row has them, of −1, 0, 1.
    assert_eq!(row[54..60], [0., 0., 1., 0., 1., 0.]);
    assert_eq!(row.iter().sum::<f32>(), 2.0 + 9.0 + 9.0);
}

#[test]
fn dropout_is_drawn_anew_and_takes_soft_hits_first() {
    let converter = GrooveConverter {
        max_note_dropout: 0.8,
        ..GrooveConverter::default()
    };
    let mut noise = Noise::from_seed(5);
    let mut n_kept = [0_u32; 4];
    for _ in 0..4000 {
        let input = converter.input_groove(&groove(), Some(&mut noise));
        for (n_kept, (step, voice, _)) in n_kept.iter_mut().zip(groove().hits()) {
            *n_kept += u32::from(input.cell(step, voice).is_some());
        }
    }
    // Velocities 0.5, 0.75, 0.25, 1; the mean probability is 0.4 times 1 − velocity, at least 0.2.
    for (n_kept, dropped) in n_kept.into_iter().zip([0.2, 0.1, 0.3, 0.08]) {
        let share = f64::from(n_kept) / 4000.0;
        assert!(
            (1.0 - share - dropped).abs() < 0.03,
            "{share} for {dropped}"
        );
    }
    assert_eq!(converter.input_groove(&groove(), None), groove());
}

#[test]
fn what_dropout_takes_stays_away_from_the_taps() {
    let mut converter = GrooveConverter {
        tapify: true,
        ..GrooveConverter::default()
    };
    let nothing = Groove::empty(4);
    assert_eq!(converter.taps(&groove(), &nothing).n_hits(), 0);
    converter.magenta_compat = true;
    let leaked: Vec<_> = converter.taps(&groove(), &nothing).hits().collect();
    assert_eq!(
        leaked,
        [(0, TAP, cell(0.5, 0.25)), (1, TAP, cell(0.25, 0.0))],
        "Magenta brings kicks back"
    );
}

#[test]
fn silent_hits_and_notes_before_the_start_are_only_magenta_s() {
    let mut numbers = vec![0.0; 2 * ROW];
    (numbers[0], numbers[18]) = (1.0, 1.0);
    let rows = |converter: &GrooveConverter| Rows::of_numbers(converter.input(), numbers.clone());
    let mut converter = GrooveConverter::default();
    let [note] = converter.notes(&rows(&converter), &DrumMap::GM)[..] else {
        panic!("one hit is one note")
    };
    assert!(note.velocity > 0.0);
    assert_eq!(note.onset_beats, 0.0, "a clip begins with it");
    converter.magenta_compat = true;
    let [note] = converter.notes(&rows(&converter), &DrumMap::GM)[..] else {
        panic!("one hit is one note")
    };
    assert_eq!((note.velocity, note.onset_beats), (0.0, -0.125));
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let problem = |change: fn(&mut GrooveConverter)| {
        let mut converter = GrooveConverter::default();
        change(&mut converter);
        Converter::Groove(converter)
            .check()
            .unwrap_err()
            .to_string()
    };
    assert!(problem(|c| c.max_note_dropout = f64::NAN).contains("converter.max_note_dropout"));
    assert!(problem(|c| c.add_instruments = vec![2, 9]).contains("drum 9"));
    assert!(problem(|c| c.velocity_bins = Some(8)).contains("go together"));
    let one = |c: &mut GrooveConverter| (c.velocity_bins, c.offset_bins) = (Some(1), Some(8));
    assert!(problem(one).contains("between 2 and 1024"));
    assert!(problem(|c| c.max_per_song = Some(0)).contains("max_per_song"));
    assert!(
        Converter::Groove(GrooveConverter::default())
            .check()
            .is_ok()
    );
}

fn any_groove() -> impl Strategy<Value = Groove> {
    let cell = (1..=127_u8, -0.499..=0.5_f32)
        .prop_map(|(velocity, offset)| cell(f32::from(velocity) / 127.0, offset));
    prop::collection::btree_map((0..32_usize, 0..N_VOICES), cell, 0..60).prop_map(|cells| {
        let mut groove = Groove::empty(32);
        for ((step, column), cell) in cells {
            groove.set(step, Voice::ALL[column], Some(cell));
        }
        groove
    })
}

proptest! {
    #[test]
    fn a_groove_returns_from_its_rows(groove in any_groove(), is_split: bool) {
        let converter = GrooveConverter { split_instruments: is_split, ..GrooveConverter::default() };
        prop_assert_eq!(converter.groove_of(&converter.rows(&groove)), groove);
    }

    #[test]
    fn a_groove_returns_from_its_bins_to_the_same_bins(
        groove in any_groove(), is_split: bool, velocities in 2..40_usize, offsets in 2..40_usize,
    ) {
        let converter = GrooveConverter {
            split_instruments: is_split,
            velocity_bins: Some(velocities),
            offset_bins: Some(offsets),
            ..GrooveConverter::default()
        };
        let rows = converter.rows(&groove);
        prop_assert_eq!(rows.n_steps(), 32 * converter.rows_per_step());
        prop_assert_eq!(converter.rows(&converter.groove_of(&rows)), rows);
    }
}
