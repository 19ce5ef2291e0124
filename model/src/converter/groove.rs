//! Drums with dynamics and timing: a groove in, a groove out, and what is taken away from the input so that the model
//! learns to put it back.

#[cfg(test)]
mod tests;

use super::extracted::{Content, Extracted, Part};
use super::sections::{Extent, NotesSeen, Sections};
use super::{Convert, Example, Subject, no_drum_of, wrong};
use crate::conditions::Conditions;
use crate::drums::{DrumMap, N_VOICES, Voice};
use crate::error::Error;
use crate::groove::{self, Cell, Groove, ROW, STEPS_PER_BAR};
use crate::midi::{self, DRUM_CHANNEL, Song, SplitAt};
use crate::noise::Noise;
use crate::note::Note;
use crate::pattern::{Feel, NOTE_BEATS};
use crate::rows::{RowLayout, Rows};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The drum that taps are written on.
const TAP: Voice = Voice::OpenHat;
/// The loudest hit is dropped with this part of the drawn probability.
const LEAST_DROPOUT: f32 = 0.2;
/// Added to the upper end of bins, so that the largest number falls into the last.
const BIN_MARGIN: f32 = 0.0001;

/// Grooves to examples and back; all off by default, where input and output are the same groove.
///
/// The changes to the input come in the order of the fields. What Magenta does otherwise, with `magenta_compat`:
///
/// - it takes the notes of every channel for drums, where we look for the drums;
/// - a key without a drum ends the run, where we leave the note out and count it;
/// - a change of tempo or metre anywhere loses the whole song, where we lose the sections in another metre;
/// - when note dropout leaves nothing of a step, the tap of its kick stays;
/// - `max_per_song` has no effect;
/// - rows with velocities below 1/254 become notes of velocity 0, which are silent, an early first hit begins before 0,
///   and binned rows do not return what was put in; where we wrap, clip and invert.
///
/// # Source
/// Magenta's `GrooveConverter`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrooveConverter {
    /// Each hit of the input is left out with a probability drawn for the example below this, times 1 − velocity but at
    /// least 0.2: ghost notes go first.
    pub max_note_dropout: f64,
    /// The input is a rhythm tapped on one drum, the open hi-hat: the loudest hit of each step. In a song that a person
    /// chose, any key of any channel is a tap where there are no drums.
    pub tapify: bool,
    /// The input is quantised and has no dynamics.
    pub humanize: bool,
    /// The input has no dynamics.
    pub fixed_velocities: bool,
    /// The input lacks these drums, by their column.
    pub add_instruments: Vec<usize>,
    /// The model is conditioned on which drums play, whatever the input lacks.
    pub hits_as_controls: bool,
    /// Each step is nine rows, one a drum, and the model is conditioned on which drum a row is of.
    pub split_instruments: bool,
    /// Classes of velocity instead of a number; needs `offset_bins`.
    pub velocity_bins: Option<usize>,
    /// Classes of timing instead of a number; needs `velocity_bins`.
    pub offset_bins: Option<usize>,
    /// The most windows of a song that an epoch learns from; all without it.
    pub max_per_song: Option<usize>,
    /// Also use songs whose bars have another length than 16 steps; windows begin on their own bar lines.
    pub any_metre: bool,
    /// Do as Magenta does.
    pub magenta_compat: bool,
}

impl Convert for GrooveConverter {
    fn subject(&self) -> Subject {
        Subject {
            music: "drums",
            files: "drums in 4/4",
            notes: "of the drums",
            same_cell: "a louder note of the same drum on the same 16th step",
            unmapped: None,
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.max_note_dropout) {
            return Err(wrong(
                "max_note_dropout",
                format!("is a probability, not {}", self.max_note_dropout),
            ));
        }
        if let Some(column) = self.add_instruments.iter().find(|drum| **drum >= N_VOICES) {
            return Err(wrong(
                "add_instruments",
                format!("names drum {column}; there are 0 to {}", N_VOICES - 1),
            ));
        }
        match (self.velocity_bins, self.offset_bins) {
            (None, None) => Ok(()),
            (Some(2..=1024), Some(2..=1024)) => Ok(()),
            (Some(_), Some(_)) => Err(wrong(
                "velocity_bins and offset_bins",
                "are between 2 and 1024",
            )),
            _ => Err(wrong(
                "velocity_bins and offset_bins",
                "go together: give both, or neither",
            )),
        }
    }

    fn rows_per_step(&self) -> usize {
        N_VOICES / self.drums()
    }

    fn input(&self) -> RowLayout {
        let drums = self.drums();
        match self.bins() {
            Some((velocity, offset)) => RowLayout::BinnedGroove {
                drums,
                velocity_bins: velocity.n,
                offset_bins: offset.n,
            },
            None => RowLayout::Groove { drums },
        }
    }

    /// Whether the drums play, then which drum a split row is of.
    fn controls(&self) -> Option<RowLayout> {
        match (self.hits_as_controls, self.split_instruments) {
            (false, false) => None,
            (true, false) => Some(RowLayout::Roll { classes: N_VOICES }),
            (false, true) => Some(RowLayout::OneHot { classes: N_VOICES }),
            (true, true) => Some(RowLayout::Roll {
                classes: 1 + N_VOICES,
            }),
        }
    }

    fn extract(
        &self,
        song: &Song,
        mut sections: Sections,
        map: &DrumMap,
        extent: Extent,
    ) -> Result<Extracted, Error> {
        let mut seen = NotesSeen::nothing();
        let notes = match extent {
            _ if self.magenta_compat => {
                refused_by_magenta(song, map)?;
                song.notes.clone()
            }
            Extent::Whole { .. } if self.tapify => taps_on_any_key(song, map),
            _ => seen.drums(song.drums_in(map)?, map),
        };
        seen.add(&notes);
        let extent = sections.skip_count_in(&notes, |key| map.aside.contains(&key), extent);
        let mut parts = Vec::new();
        for section in sections.cut(&notes, &mut seen.lost)? {
            let (groove, lost) =
                Groove::from_notes_in_bars(&section.notes, map, section.steps_per_bar);
            seen.lost.add(&lost);
            if groove.n_hits() > 0 {
                parts.push(Part {
                    start_beats: section.start_beats,
                    steps_per_bar: section.steps_per_bar,
                    content: Content::Groove(groove.padded_to(extent.n_filled().unwrap_or(0))),
                });
            }
        }
        sections.extracted(parts, seen, |seen| no_drum_of(seen, map.name))
    }

    fn groove(&self, rows: &Rows) -> Option<Groove> {
        Some(self.groove_of(rows))
    }

    fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        if self.magenta_compat {
            return self.notes_of_magenta(rows, map);
        }
        let pattern = self.groove_of(rows).to_pattern();
        pattern.to_routed_notes(
            Feel::AS_GENERATED,
            &map.keys(),
            DRUM_CHANNEL,
            &map.routing,
        )
    }

    fn example(
        &self,
        content: &Content,
        steps: Range<usize>,
        noise: Option<&mut Noise>,
    ) -> Example {
        let groove = content.groove().window(steps.start, steps.len());
        self.example_of(&groove.expect("the window fits into its part"), noise)
    }

    fn example_of_groove(&self, groove: &Groove) -> Option<Example> {
        Some(self.example_of(groove, None))
    }

    fn channel_of(&self, _: bool, _: u8) -> Option<u8> {
        Some(DRUM_CHANNEL)
    }

    fn plays_drums(&self) -> bool {
        true
    }

    fn keeps_feel(&self) -> bool {
        true
    }

    fn humanizes(&self) -> bool {
        self.humanize
    }

    fn takes_taps(&self) -> bool {
        self.tapify
    }

    fn takes_hits(&self) -> bool {
        self.hits_as_controls
    }

    fn cap_of_magenta(&self, _: Option<usize>) -> Option<usize> {
        // Magenta reads this number of a groove's windows and never uses it.
        None
    }
}

impl GrooveConverter {
    /// Drums of a row.
    fn drums(&self) -> usize {
        if self.split_instruments { 1 } else { N_VOICES }
    }

    fn example_of(&self, groove: &Groove, noise: Option<&mut Noise>) -> Example {
        Example {
            input: self.rows(&self.input_groove(groove, noise)),
            output: self.rows(groove),
            conditions: Conditions::of_controls(self.control_rows(groove)),
        }
    }

    /// What is left of `groove` for the input.
    fn input_groove(&self, groove: &Groove, noise: Option<&mut Noise>) -> Groove {
        let mut input = groove.clone();
        if let Some(noise) = noise.filter(|_| self.max_note_dropout > 0.0) {
            drop_notes(&mut input, self.max_note_dropout, noise);
        }
        if self.tapify {
            input = self.taps(groove, &input);
        }
        let hits: Vec<(usize, Voice, Cell)> = input.hits().collect();
        for (step, voice, mut cell) in hits {
            if self.humanize {
                cell.offset = 0.0;
            }
            if self.humanize || self.fixed_velocities {
                cell.velocity = 0.0;
            }
            let is_kept = !self.add_instruments.contains(&voice.index());
            input.set(step, voice, is_kept.then_some(cell));
        }
        input
    }

    /// The loudest hit of each step of `input`, which dropout has made of `groove`, as taps.
    fn taps(&self, groove: &Groove, input: &Groove) -> Groove {
        let mut taps = Groove::empty(input.n_steps());
        for step in 0..input.n_steps() {
            let mut loudest = input.loudest(step);
            if self.magenta_compat && loudest.is_none() {
                loudest = groove.cell(step, Voice::Kick);
            }
            taps.set(step, TAP, loudest);
        }
        taps
    }

    fn control_rows(&self, groove: &Groove) -> Option<Rows> {
        let layout = self.controls()?;
        let cells = (0..groove.n_steps()).flat_map(|step| Voice::ALL.map(|voice| (step, voice)));
        let hit = |(step, voice)| u64::from(groove.cell(step, voice).is_some());
        Some(match (self.hits_as_controls, self.split_instruments) {
            (true, true) => {
                let bits = cells.map(|cell| hit(cell) | 2 << cell.1.index());
                Rows::of_bits(layout, bits.collect())
            }
            (false, _) => {
                let labels = Voice::ALL.map(|voice| voice as u16);
                Rows::of_labels(layout, labels.repeat(groove.n_steps()))
            }
            (true, false) => {
                let bits = (0..groove.n_steps()).map(|step| {
                    let drums = Voice::ALL.into_iter();
                    drums.fold(0, |bits, voice| bits | hit((step, voice)) << voice.index())
                });
                Rows::of_bits(layout, bits.collect())
            }
        })
    }

    /// `groove` as rows of the layout of the input.
    fn rows(&self, groove: &Groove) -> Rows {
        let mut numbers = groove.to_rows();
        if self.split_instruments {
            numbers = transposed(&numbers, 3, N_VOICES);
        }
        if let Some((velocity, offset)) = self.bins() {
            let drums = self.drums();
            let rows = numbers.chunks_exact(3 * drums);
            numbers = rows
                .flat_map(|row| {
                    let (hits, values) = row.split_at(drums);
                    let (velocities, offsets) = values.split_at(drums);
                    let mut binned = hits.to_vec();
                    binned.extend(velocities.iter().flat_map(|x| velocity.one_hot(*x)));
                    binned.extend(offsets.iter().flat_map(|x| offset.one_hot(*x)));
                    binned
                })
                .collect();
        }
        Rows::of_numbers(self.input(), numbers)
    }

    /// The groove that rows of [`Self::layout`] are; undoes [`Self::rows`], up to the width of a bin.
    fn groove_of(&self, rows: &Rows) -> Groove {
        Groove::from_rows(&self.plain_numbers(rows, Bins::middle, Bins::middle))
    }

    /// The numbers of `rows` as a groove of nine drums has them, bins read by `velocity` and `offset`.
    fn plain_numbers(
        &self,
        rows: &Rows,
        velocity: impl Fn(&Bins, usize) -> f32,
        offset: impl Fn(&Bins, usize) -> f32,
    ) -> Vec<f32> {
        assert_eq!(
            *rows.layout(),
            self.input(),
            "the rows are another converter's"
        );
        let numbers = rows.numbers().expect("a groove's rows are numbers");
        let mut plain = match self.bins() {
            None => numbers.to_vec(),
            Some((velocity_bins, offset_bins)) => {
                let drums = self.drums();
                let width = rows.layout().width();
                let of_row = |row: &[f32]| {
                    let (hits, values) = row.split_at(drums);
                    let (velocities, offsets) = values.split_at(drums * velocity_bins.n);
                    let velocities = velocities.chunks_exact(velocity_bins.n);
                    let offsets = offsets.chunks_exact(offset_bins.n);
                    let mut plain = hits.to_vec();
                    plain.extend(velocities.map(|bins| velocity(&velocity_bins, largest(bins))));
                    plain.extend(offsets.map(|bins| offset(&offset_bins, largest(bins))));
                    plain
                };
                numbers.chunks_exact(width).flat_map(of_row).collect()
            }
        };
        if self.split_instruments {
            plain = transposed(&plain, N_VOICES, 3);
        }
        plain
    }

    /// Every hit for one 16th, with whatever velocity and onset it has.
    fn notes_of_magenta(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        let velocity = |bins: &Bins, bin: usize| {
            let velocity = 127.0 * as_f32(bin) / as_f32(bins.n);
            velocity.trunc() / 127.0
        };
        // A row holds offsets doubled.
        let offset = |bins: &Bins, bin: usize| 2.0 * (as_f32(bin) / as_f32(bins.n) - 0.5);
        let numbers = self.plain_numbers(rows, velocity, offset);
        let mut notes = Vec::new();
        for (step, row) in numbers.chunks_exact(ROW).enumerate() {
            for voice in Voice::ALL {
                let column = voice.index();
                if row[column] > 0.5 {
                    let velocity = (127.0 * row[N_VOICES + column]).round_ties_even();
                    let offset = f64::from(row[2 * N_VOICES + column] / 2.0);
                    notes.push(Note {
                        onset_beats: groove::beats(step) - offset.clamp(-0.5, 0.5) * NOTE_BEATS,
                        duration_beats: NOTE_BEATS,
                        pitch: map.pitch(voice),
                        velocity: velocity.clamp(0.0, 127.0) / 127.0,
                        channel: DRUM_CHANNEL,
                    });
                }
            }
        }
        notes.sort_by(|a, b| a.onset_beats.total_cmp(&b.onset_beats));
        notes
    }

    /// The classes of velocity and of offset, where there are any.
    fn bins(&self) -> Option<(Bins, Bins)> {
        let velocity = Bins {
            lowest: 0.0,
            n: self.velocity_bins?,
        };
        let offset = Bins {
            lowest: -1.0,
            n: self.offset_bins?,
        };
        Some((velocity, offset))
    }
}

/// Leaves out hits, each with a probability that is drawn once below `most`, the softer the likelier.
fn drop_notes(groove: &mut Groove, most: f64, noise: &mut Noise) {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    let probability = noise.uniform() * most as f32;
    let hits: Vec<(usize, Voice, Cell)> = groove.hits().collect();
    for (step, voice, cell) in hits {
        if noise.uniform() < probability * LEAST_DROPOUT.max(1.0 - cell.velocity) {
            groove.set(step, voice, None);
        }
    }
}

/// The notes of the drums or else of everyone, those on keys of no drum on the drum of taps: who taps a rhythm for the
/// model to play does so on whatever is at hand.
fn taps_on_any_key(song: &Song, map: &DrumMap) -> Vec<Note> {
    let drums = song.drums_in(map).map(|drums| drums.notes);
    let mut notes = drums.unwrap_or_else(|_| song.notes.clone());
    for note in &mut notes {
        if map.voice(note.pitch).is_none() {
            note.pitch = map.pitch(TAP);
        }
    }
    notes
}

/// The error for a song that Magenta makes nothing of, or dies of.
fn refused_by_magenta(song: &Song, map: &DrumMap) -> Result<(), Error> {
    if song.notes.is_empty() {
        return Err(Error::Song("it has no notes".to_owned()));
    }
    let steps_per_bar = song.steps_per_bar()?;
    if steps_per_bar != STEPS_PER_BAR {
        let signature = &song.segments(SplitAt::Metre)[0].signature;
        return Err(midi::wrong_metre(signature, steps_per_bar));
    }
    // Any second tempo, also one that no note is played in.
    let bpm = song.bpm_at(0.0);
    if let Some(other) = song.tempos.iter().find(|tempo| tempo.bpm != bpm) {
        return Err(Error::Song(format!(
            "it has a second tempo at beat {}, and magenta_compat loses such songs",
            other.beats
        )));
    }
    let unknown = song
        .notes
        .iter()
        .find(|note| map.voice(note.pitch).is_none());
    match unknown {
        Some(note) => Err(Error::Song(format!(
            "key {} is no drum of the {} map, and magenta_compat stops there",
            note.pitch, map.name
        ))),
        None => Ok(()),
    }
}

/// Classes of a number between `lowest` and 1: bin k is what lies above bound k − 1 and up to bound k.
struct Bins {
    lowest: f32,
    n: usize,
}

impl Bins {
    /// The largest number of a bin.
    fn bound(&self, bin: usize) -> f32 {
        let width = (1.0 + BIN_MARGIN - self.lowest) / as_f32(self.n - 1);
        self.lowest + width * as_f32(bin)
    }

    /// The number that stands for a bin: the first holds one number only, the others a range.
    fn middle(&self, bin: usize) -> f32 {
        match bin {
            0 => self.lowest,
            _ => (self.bound(bin - 1) + self.bound(bin)) / 2.0,
        }
    }

    /// A one for the bin that holds `number`, among zeros.
    fn one_hot(&self, number: f32) -> Vec<f32> {
        let bin = (0..self.n).find(|&bin| number <= self.bound(bin));
        let mut row = vec![0.0; self.n];
        row[bin.unwrap_or(self.n - 1)] = 1.0;
        row
    }
}

/// The place of the largest number, the first of equals.
fn largest(numbers: &[f32]) -> usize {
    let mut best = 0;
    for (place, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = place;
        }
    }
    best
}

/// Each block of `n_rows` rows and `n_columns` columns turned into its columns and rows.
fn transposed(numbers: &[f32], n_rows: usize, n_columns: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(numbers.len());
    for block in numbers.chunks_exact(n_rows * n_columns) {
        for column in 0..n_columns {
            turned.extend((0..n_rows).map(|row| block[row * n_columns + column]));
        }
    }
    turned
}

fn as_f32(n: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
    let n = n as f32;
    n
}
