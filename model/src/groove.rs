//! A groove: what each drum does on each 16th step.
//!
//! A groove is the form in which the network sees music. Every drum either rests on a step or plays one [`Cell`]: how
//! loud, and how far off the grid. **An offset is positive when the hit is early**, as in Magenta's `GrooveConverter`,
//! and lies in (−0.5, 0.5] steps: half a step early still belongs to this step, half a step late is the next one. A hit
//! that anticipates a bar line therefore belongs to the bar it announces, wherever a window is cut.
//!
//! Only this file knows the layout of the network's rows: nine hits, nine velocities, nine offsets.

use crate::drums::{DrumMap, N_VOICES, Voice};
use crate::note::Note;
use crate::pattern::{Hit, Pattern, SOFTEST};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;

/// Steps in a quarter note: the grid is 16th notes.
pub const STEPS_PER_BEAT: usize = 4;
/// Steps in a bar of four quarter notes.
pub const STEPS_PER_BAR: usize = 16;
/// Numbers in one step of the network's input and output: hits, then velocities, then offsets.
pub const ROW: usize = 3 * N_VOICES;
/// The longest song that is read, nine hours at 120 beats per minute: a few damaged bytes in a MIDI file can place a
/// note years after the start, and the empty bars up to it would fill the memory.
pub const MAX_BARS: usize = 16_384;

/// [`STEPS_PER_BEAT`] in the arithmetic of time.
const STEPS_PER_BEAT_F64: f64 = 4.0;
/// The latest offset of a step, in steps: the next single-precision number above −0.5, which is the next step.
const LATEST_OFFSET: f32 = -0.499_999_97;

/// One hit of one drum on one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Loudness, 0–1.
    pub velocity: f32,
    /// Distance from the grid in steps, **early is positive**, in (−0.5, 0.5].
    pub offset: f32,
}

/// What each drum does on each 16th step.
#[derive(Debug, Clone, PartialEq)]
pub struct Groove {
    rows: Vec<[Option<Cell>; N_VOICES]>,
}

/// The notes that a groove has no place for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotesLost {
    /// Notes that share drum and step with a louder one, or with an equally loud earlier one.
    pub same_cell: usize,
    /// Notes on keys that the drum map gives to no drum: key -> how many.
    pub unmapped: BTreeMap<u8, usize>,
    /// Notes before the start, or later than a groove can be long.
    pub outside: usize,
}

impl NotesLost {
    /// How many notes were lost, for whatever reason.
    #[must_use]
    pub fn total(&self) -> usize {
        self.same_cell + self.unmapped.values().sum::<usize>() + self.outside
    }
}

impl Groove {
    /// Silence of `n_steps`.
    #[must_use]
    pub fn empty(n_steps: usize) -> Self {
        Self {
            rows: vec![[None; N_VOICES]; n_steps],
        }
    }

    /// The groove of a song, in whole bars up to its last hit, and what it could not hold.
    ///
    /// Each note goes to its nearest step, from a half upwards to the next one; the loudest note of a cell is kept,
    /// the first of equals. Channels are not looked at. The result has no steps if no note has a place.
    ///
    /// # Source
    /// Magenta's `GrooveConverter._to_tensors`, with steps counted in beats instead of seconds.
    #[must_use]
    pub fn from_notes(notes: &[Note], map: &DrumMap) -> (Self, NotesLost) {
        let mut lost = NotesLost::default();
        let hits = place(notes, map, &mut lost);
        let n_bars = hits
            .iter()
            .map(|(step, ..)| step / STEPS_PER_BAR + 1)
            .max()
            .unwrap_or(0);
        let mut groove = Self::empty(n_bars * STEPS_PER_BAR);
        for (step, voice, cell) in hits {
            groove.keep_loudest(step, voice, cell, &mut lost);
        }
        (groove, lost)
    }

    /// The groove of a loop of `n_steps`, in which a hit before the loop's end can belong to its first step, and what
    /// it could not hold: notes that start after the end are outside.
    ///
    /// Undoes [`Self::to_pattern`] followed by [`Pattern::to_notes`], up to rounding.
    #[must_use]
    pub fn from_loop(notes: &[Note], n_steps: usize, map: &DrumMap) -> (Self, NotesLost) {
        let mut lost = NotesLost::default();
        let mut groove = Self::empty(n_steps);
        for (step, voice, cell) in place(notes, map, &mut lost) {
            let announces_next_round = step == n_steps && cell.offset > 0.0;
            let step = if announces_next_round { 0 } else { step };
            if step < n_steps {
                groove.keep_loudest(step, voice, cell, &mut lost);
            } else {
                lost.outside += 1;
            }
        }
        (groove, lost)
    }

    /// The groove that a row-major array of `n_steps` × [`ROW`] numbers describes, as the network puts it out.
    ///
    /// A drum plays where its hit exceeds one half. Velocities are clipped so that a hit is never silent, offsets to
    /// what belongs to the step. An incomplete last row is left out.
    #[must_use]
    pub fn from_rows(rows: &[f32]) -> Self {
        let cells = rows.chunks_exact(ROW).map(|row| {
            Voice::ALL.map(|voice| {
                let column = voice.index();
                (row[column] > 0.5).then(|| Cell {
                    velocity: clip(row[N_VOICES + column], SOFTEST, 1.0),
                    offset: clip(row[2 * N_VOICES + column] / 2.0, LATEST_OFFSET, 0.5),
                })
            })
        });
        Self {
            rows: cells.collect(),
        }
    }

    /// The groove as a row-major array of `n_steps` × [`ROW`] numbers; a rest is three zeros, an offset is doubled.
    #[must_use]
    pub fn to_rows(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.n_steps() * ROW];
        for (row, cells) in rows.chunks_exact_mut(ROW).zip(&self.rows) {
            for (column, cell) in cells.iter().enumerate() {
                if let Some(cell) = cell {
                    row[column] = 1.0;
                    row[N_VOICES + column] = cell.velocity;
                    row[2 * N_VOICES + column] = 2.0 * cell.offset;
                }
            }
        }
        rows
    }

    /// The groove of a pattern as generated; the inverse of [`Self::to_pattern`].
    #[must_use]
    pub fn from_pattern(pattern: &Pattern) -> Self {
        let n_steps = nearest_step(pattern.loop_beats());
        let mut groove = Self::empty(n_steps);
        for hit in pattern.hits() {
            let step = nearest_step(hit.grid_beats);
            if step < n_steps {
                let offset = offset_from_steps(-hit.offset_beats * STEPS_PER_BEAT_F64);
                let velocity = hit.velocity;
                groove.set(step, hit.voice, Some(Cell { velocity, offset }));
            }
        }
        groove
    }

    /// The groove as a loop of hits in beats, to be played.
    #[must_use]
    pub fn to_pattern(&self) -> Pattern {
        let hits = self.hits().map(|(step, voice, cell)| Hit {
            grid_beats: beats(step),
            offset_beats: -f64::from(cell.offset) / STEPS_PER_BEAT_F64,
            voice,
            velocity: cell.velocity.max(SOFTEST),
        });
        Pattern::new(hits.collect(), beats(self.n_steps()))
    }

    /// Length in steps.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.rows.len()
    }

    /// Number of hits.
    #[must_use]
    pub fn n_hits(&self) -> usize {
        self.hits().count()
    }

    /// Every hit, step by step, in the order of the drums.
    pub fn hits(&self) -> impl Iterator<Item = (usize, Voice, Cell)> + '_ {
        self.rows.iter().enumerate().flat_map(|(step, cells)| {
            Voice::ALL
                .into_iter()
                .filter_map(move |voice| Some((step, voice, cells[voice.index()]?)))
        })
    }

    /// What `voice` does on `step`: `None` for a rest, and after the end.
    #[must_use]
    pub fn cell(&self, step: usize, voice: Voice) -> Option<Cell> {
        self.rows.get(step)?[voice.index()]
    }

    /// Replaces what `voice` does on `step`.
    ///
    /// # Panics
    /// If `step` is not below [`Self::n_steps`].
    pub fn set(&mut self, step: usize, voice: Voice, cell: Option<Cell>) {
        self.rows[step][voice.index()] = cell;
    }

    /// The part from `first_step` with `n_steps`; `None` if the groove ends before it.
    #[must_use]
    pub fn window(&self, first_step: usize, n_steps: usize) -> Option<Self> {
        let rows = self
            .rows
            .get(first_step..first_step.checked_add(n_steps)?)?;
        Some(Self {
            rows: rows.to_vec(),
        })
    }

    fn keep_loudest(&mut self, step: usize, voice: Voice, cell: Cell, lost: &mut NotesLost) {
        let place = &mut self.rows[step][voice.index()];
        if let Some(kept) = place {
            lost.same_cell += 1;
            if cell.velocity <= kept.velocity {
                return;
            }
        }
        *place = Some(cell);
    }
}

/// Grooves of one length as the network's input.
///
/// # Shapes
/// Result: `[batch, steps, 27]`, single precision.
///
/// # Errors
/// If the lengths differ, or if the device has no memory for it.
pub fn to_tensor(grooves: &[Groove], device: &Device) -> candle_core::Result<Tensor> {
    let n_steps = grooves.first().map_or(0, Groove::n_steps);
    if let Some(other) = grooves.iter().find(|groove| groove.n_steps() != n_steps) {
        candle_core::bail!(
            "a batch of grooves needs one length, found {n_steps} and {} steps",
            other.n_steps()
        );
    }
    let rows = grooves.iter().flat_map(Groove::to_rows).collect();
    Tensor::from_vec(rows, (grooves.len(), n_steps, ROW), device)
}

/// The step, drum and cell of every note that has them, in the order of the notes.
fn place(notes: &[Note], map: &DrumMap, lost: &mut NotesLost) -> Vec<(usize, Voice, Cell)> {
    let mut hits = Vec::with_capacity(notes.len());
    for note in notes {
        let Some(voice) = map.voice(note.pitch) else {
            *lost.unmapped.entry(note.pitch).or_default() += 1;
            continue;
        };
        let step = nearest_step(note.onset_beats);
        // Written so that an onset that is no number is outside, too.
        let is_within = note.onset_beats >= 0.0 && step < MAX_BARS * STEPS_PER_BAR;
        if !is_within {
            lost.outside += 1;
            continue;
        }
        let offset = offset_from_steps((beats(step) - note.onset_beats) * STEPS_PER_BEAT_F64);
        let velocity = note.velocity;
        hits.push((step, voice, Cell { velocity, offset }));
    }
    hits
}

/// `number` within the limits; unlike `clamp`, the lower one for what is no number, as a damaged network puts out.
fn clip(number: f32, lowest: f32, highest: f32) -> f32 {
    number.max(lowest).min(highest)
}

/// The nearest step, a half going up; negative places give 0.
fn nearest_step(beats: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "truncation is the rule; casts saturate"
    )]
    let step = (beats * STEPS_PER_BEAT_F64 + 0.5) as usize;
    step
}

/// Where a step is on the grid.
fn beats(step: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³ steps")]
    let step = step as f64;
    step / STEPS_PER_BEAT_F64
}

/// An offset in single precision that still belongs to its step.
fn offset_from_steps(early_steps: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    let offset = early_steps as f32;
    offset.clamp(LATEST_OFFSET, 0.5)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::pattern::Feel;
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
        let (groove, _) =
            Groove::from_notes(&[note(0.0, 36, 0.5), note(3.9, 36, 0.5)], &DrumMap::GM);
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
        let tensor = to_tensor(&[Groove::empty(4), groove.clone()], &Device::Cpu).unwrap();
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
        let error = to_tensor(&[Groove::empty(16), Groove::empty(32)], &Device::Cpu).unwrap_err();
        assert!(error.to_string().contains("16 and 32 steps"), "{error}");
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
                let notes = groove.to_pattern().to_notes(Feel::AS_GENERATED, map, 9);
                let (found, lost) = Groove::from_loop(&notes, 64, map);
                prop_assert_eq!(lost.total(), 0);
                prop_assert_eq!(found.n_hits(), groove.n_hits());
                for ((step, voice, cell), (found_step, found_voice, found_cell)) in groove.hits().zip(found.hits()) {
                    prop_assert_eq!((step, voice), (found_step, found_voice));
                    prop_assert_eq!(cell.velocity, found_cell.velocity);
                    prop_assert!((cell.offset - found_cell.offset).abs() < 1e-5);
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
}
