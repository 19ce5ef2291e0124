//! A groove: what each drum does on each 16th step.
//!
//! A groove is the form in which the network sees music. Every drum either rests on a step or plays one [`Cell`]: how
//! loud, and how far off the grid. **An offset is positive when the hit is early**, as in Magenta's `GrooveConverter`,
//! and lies in (−0.5, 0.5] steps: half a step early still belongs to this step, half a step late is the next one. A hit
//! that anticipates a bar line therefore belongs to the bar it announces, wherever a window is cut.
//!
//! Only this file knows the layout of the network's rows: nine hits, nine velocities, nine offsets.
//!
//! From a MIDI file to a groove and back:
//!
//! ```
//! use fourbar_model::{drums::DrumMap, groove::Groove, midi, pattern::Feel};
//!
//! let song = midi::read(&std::fs::read("../tests/fixtures/midi/beat.mid")?)?;
//! let (groove, _lost) = Groove::from_notes(&song.drum_notes()?, &DrumMap::GM);
//! let pattern = groove.to_pattern();
//! let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), 9);
//! let file = midi::write(&notes, pattern.loop_beats(), 120.0);
//!
//! let (again, _lost) = Groove::from_notes(&midi::read(&file)?.drum_notes()?, &DrumMap::GM);
//! assert_eq!(again.n_hits(), groove.n_hits());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
mod tests;

use crate::drums::{DrumMap, N_VOICES, Voice};
use crate::note::Note;
use crate::pattern::{Hit, Pattern, SOFTEST};
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

/// Half a step, in beats: how early a hit can be and still belong to its step.
pub(crate) const HALF_STEP_BEATS: f64 = 0.125;

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
    /// Notes on keys that the drum map does not know: key -> how many.
    pub unmapped: BTreeMap<u8, usize>,
    /// Notes on keys that the drum map knows and that are no drum, such as a metronome: key -> how many.
    pub aside: BTreeMap<u8, usize>,
    /// Notes more than half a step before the start, later than a groove can be long, or in a section of the song that
    /// is not used.
    pub outside: usize,
}

impl NotesLost {
    /// How many notes were lost, for whatever reason.
    #[must_use]
    pub fn total(&self) -> usize {
        let by_key = self.unmapped.values().chain(self.aside.values());
        self.same_cell + by_key.sum::<usize>() + self.outside
    }

    /// Counts the losses of another part of the same song as well.
    pub fn add(&mut self, other: &Self) {
        self.same_cell += other.same_cell;
        self.outside += other.outside;
        for (&key, &n_notes) in &other.unmapped {
            *self.unmapped.entry(key).or_default() += n_notes;
        }
        for (&key, &n_notes) in &other.aside {
            *self.aside.entry(key).or_default() += n_notes;
        }
    }

    /// Counts a note on a key that is no drum of `map`.
    pub(crate) fn without_drum(&mut self, pitch: u8, map: &DrumMap) {
        let keys = if map.aside.contains(&pitch) {
            &mut self.aside
        } else {
            &mut self.unmapped
        };
        *keys.entry(pitch).or_default() += 1;
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
        Self::from_notes_in_bars(notes, map, STEPS_PER_BAR)
    }

    /// [`Self::from_notes`] in another metre: in whole bars of `steps_per_bar` (at least 1) steps.
    #[must_use]
    pub fn from_notes_in_bars(
        notes: &[Note],
        map: &DrumMap,
        steps_per_bar: usize,
    ) -> (Self, NotesLost) {
        let mut lost = NotesLost::default();
        let hits = place(notes, map, &mut lost);
        let n_steps = hits.iter().map(|(step, ..)| step + 1).max().unwrap_or(0);
        let mut groove = Self::empty(n_steps.next_multiple_of(steps_per_bar));
        for (step, voice, cell) in hits {
            groove.keep_loudest(step, voice, cell, &mut lost);
        }
        (groove, lost)
    }

    /// The groove of a loop of `n_steps`, in which a hit before the loop's end can belong to its first step, and what
    /// it could not hold: notes that start after the end are outside.
    ///
    /// Undoes [`Self::to_pattern`] followed by [`Pattern::to_notes`], up to rounding, but for early hits on the first step:
    /// a clip begins with them.
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

    /// The loudest hit of a step, the first of equals.
    #[must_use]
    pub fn loudest(&self, step: usize) -> Option<Cell> {
        let mut loudest: Option<Cell> = None;
        for cell in Voice::ALL.map(|voice| self.cell(step, voice)) {
            if let Some(cell) = cell
                && loudest.is_none_or(|kept| cell.velocity > kept.velocity)
            {
                loudest = Some(cell);
            }
        }
        loudest
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

    /// The groove so many times in a row.
    #[must_use]
    pub fn repeated(&self, n_times: usize) -> Self {
        Self {
            rows: self.rows.repeat(n_times),
        }
    }

    /// Grooves one after the other.
    #[must_use]
    pub fn concat(grooves: &[Self]) -> Self {
        let rows = grooves.iter().flat_map(|groove| &groove.rows);
        Self {
            rows: rows.copied().collect(),
        }
    }

    /// The groove with silence after its end, up to at least `n_steps`.
    #[must_use]
    pub fn padded_to(mut self, n_steps: usize) -> Self {
        if n_steps > self.n_steps() {
            self.rows.resize(n_steps, [None; N_VOICES]);
        }
        self
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

/// The step, drum and cell of every note that has them, in the order of the notes.
fn place(notes: &[Note], map: &DrumMap, lost: &mut NotesLost) -> Vec<(usize, Voice, Cell)> {
    let mut hits = Vec::with_capacity(notes.len());
    for note in notes {
        let Some(voice) = map.voice(note.pitch) else {
            lost.without_drum(note.pitch, map);
            continue;
        };
        let Some(step) = step_of(note.onset_beats) else {
            lost.outside += 1;
            continue;
        };
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

/// The step that an onset belongs to: the nearest one, a half going up. `None` more than half a step before the start,
/// and later than [`MAX_BARS`].
pub(crate) fn step_of(onset_beats: f64) -> Option<usize> {
    let step = nearest_step(onset_beats);
    // Written so that an onset that is no number is outside, too.
    let is_within = onset_beats >= -HALF_STEP_BEATS && step < MAX_BARS * STEPS_PER_BAR;
    is_within.then_some(step)
}

/// The nearest step, a half going up; negative places give 0.
#[must_use]
pub fn nearest_step(beats: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "truncation is the rule; casts saturate"
    )]
    let step = (beats * STEPS_PER_BEAT_F64 + 0.5) as usize;
    step
}

/// Where a step is on the grid, or how long so many steps are, in beats.
#[must_use]
pub fn beats(step: usize) -> f64 {
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
