//! Drums on the grid: which of nine or 61 classes play on each step, without dynamics or timing.

use super::extracted::{Content, Extracted, Part};
use super::sections::{Extent, NotesSeen, Sections, steps};
use super::{Convert, Example, Subject, VELOCITY, no_drum_of, wrong};
use crate::conditions::Conditions;
use crate::drums::{DrumMap, N_VOICES, Voice};
use crate::error::Error;
use crate::groove::{self, Cell, Groove, NotesLost};
use crate::midi::{DRUM_CHANNEL, Song};
use crate::noise::Noise;
use crate::note::Note;
use crate::pattern::NOTE_BEATS;
use crate::rows::{RowLayout, Rows};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The keys of the 61 classes, one each: all of General MIDI's percussion.
///
/// # Source
/// note-seq's `FULL_DRUM_PITCH_CLASSES`.
const FULL: [u8; 61] = [
    36, 35, 38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85, 42, 44, 54, 68, 69, 70, 71,
    73, 78, 80, 46, 67, 72, 74, 79, 81, 45, 29, 41, 61, 64, 84, 48, 47, 60, 63, 77, 86, 87, 50, 30,
    43, 62, 76, 83, 49, 55, 57, 58, 51, 52, 53, 59, 82,
];

/// The form of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrumRows {
    /// One label for each set of drums that can play together: 2⁹ with nine drums. Label 0 is a rest, and the first
    /// drum is the lowest bit.
    #[default]
    Labels,
    /// A number for each drum; as an input, with one more for a rest.
    Roll,
}

/// Drum tracks to examples and back.
///
/// A track begins in the bar of its first hit and ends before a long rest; windows are cut from tracks. What the
/// original does otherwise, with `magenta_compat`: only channel 10 is drums, a change of tempo begins a new bar, and of
/// a song with more windows than `max_per_song` (5 if it is not given) the same are taken in every epoch.
///
/// # Source
/// Magenta's `DrumsConverter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrumsConverter {
    /// 9, the drums of the map that the notes are read with, or 61, all of General MIDI's percussion.
    pub classes: usize,
    /// What the model reads.
    pub input: DrumRows,
    /// What it puts out.
    pub output: DrumRows,
    /// A track ends after a rest of so many bars; 0 for one track however long the rests.
    pub gap_bars: usize,
    /// The most bars of a track; what comes after is left out.
    pub max_bars: Option<usize>,
    /// The most windows of a song that an epoch learns from; all without it.
    pub max_per_song: Option<usize>,
    /// Also use songs whose bars have another length than 16 steps; windows begin on their own bar lines.
    pub any_metre: bool,
    /// Do as Magenta does.
    pub magenta_compat: bool,
}

impl Default for DrumsConverter {
    fn default() -> Self {
        Self {
            classes: N_VOICES,
            input: DrumRows::Labels,
            output: DrumRows::Labels,
            gap_bars: 1,
            max_bars: None,
            max_per_song: None,
            any_metre: false,
            magenta_compat: false,
        }
    }
}

impl Convert for DrumsConverter {
    fn subject(&self) -> Subject {
        let foreign = "on keys that are no percussion of General MIDI";
        Subject {
            music: "drums",
            files: "drums in 4/4",
            notes: "of the drums",
            same_cell: "another note of the same drum on the same 16th step",
            unmapped: self.has_all_percussion().then(|| foreign.to_owned()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if ![N_VOICES, FULL.len()].contains(&self.classes) {
            return Err(wrong(
                "classes",
                format!("is 9 or 61, not {}", self.classes),
            ));
        }
        for (key, rows) in [("input", self.input), ("output", self.output)] {
            if rows == DrumRows::Labels && self.classes > N_VOICES {
                let problem = "cannot be \"labels\" with 61 classes, which would be 2^61 labels: use \"roll\"";
                return Err(wrong(key, problem));
            }
        }
        if self.max_bars == Some(0) {
            return Err(wrong("max_bars", "is at least 1; leave it out for all"));
        }
        Ok(())
    }

    fn input(&self) -> RowLayout {
        match self.input {
            DrumRows::Labels => self.labels(),
            DrumRows::Roll => RowLayout::RollWithRest {
                classes: self.classes,
            },
        }
    }

    fn output(&self) -> RowLayout {
        match self.output {
            DrumRows::Labels => self.labels(),
            DrumRows::Roll => RowLayout::Roll {
                classes: self.classes,
            },
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
        let notes = if self.magenta_compat {
            drums_of_magenta(song)?
        } else {
            seen.drums(song.drums_in(map)?, map)
        };
        seen.add(&notes);
        let counts_in = |key| map.aside.contains(&key) && self.class(key, map).is_none();
        let extent = sections.skip_count_in(&notes, counts_in, extent);
        let mut parts = Vec::new();
        for section in sections.cut(&notes, &mut seen.lost)? {
            let hits = self.hits(&section.notes, map, &mut seen.lost);
            let steps_per_bar = section.steps_per_bar;
            let gap_steps = extent.gap_steps(self.gap_bars, steps_per_bar);
            for mut track in tracks(&hits, steps_per_bar, gap_steps) {
                if let Some(n_steps) = extent.n_filled() {
                    track = track.whole(n_steps);
                }
                if let Some(max_bars) = self.max_bars {
                    track.cut(max_bars.saturating_mul(steps_per_bar), &mut seen.lost);
                }
                parts.push(Part {
                    start_beats: section.start_beats + groove::beats(track.first_step),
                    steps_per_bar,
                    content: Content::Drums(track.bits),
                });
            }
        }
        sections.extracted(parts, seen, |seen| no_drum_of(seen, self.map_name(map)))
    }

    fn example_of_groove(&self, groove: &Groove) -> Option<Example> {
        (self.classes == N_VOICES).then(|| {
            let mut bits = vec![0; groove.n_steps()];
            for (step, voice, _) in groove.hits() {
                bits[step] |= 1 << voice.index();
            }
            self.example_of(&bits)
        })
    }

    fn groove(&self, rows: &Rows) -> Option<Groove> {
        let bits = (self.classes == N_VOICES).then(|| self.bits(rows))?;
        let mut groove = Groove::empty(bits.len());
        for (step, bits) in bits.iter().enumerate() {
            for voice in Voice::ALL {
                let cell = Cell {
                    velocity: VELOCITY,
                    offset: 0.0,
                };
                groove.set(
                    step,
                    voice,
                    (bits >> voice.index() & 1 == 1).then_some(cell),
                );
            }
        }
        Some(groove)
    }

    fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        let mut notes = Vec::new();
        for (step, bits) in self.bits(rows).iter().enumerate() {
            let classes = (0..self.classes).filter(|class| bits >> class & 1 == 1);
            notes.extend(classes.map(|class| Note {
                onset_beats: groove::beats(step),
                duration_beats: NOTE_BEATS,
                pitch: self.pitch(class, map),
                velocity: VELOCITY,
                channel: DRUM_CHANNEL,
            }));
        }
        notes
    }

    fn example(&self, content: &Content, steps: Range<usize>, _: Option<&mut Noise>) -> Example {
        self.example_of(&content.bits()[steps])
    }

    fn channel_of(&self, _: bool, _: u8) -> Option<u8> {
        Some(DRUM_CHANNEL)
    }

    fn plays_drums(&self) -> bool {
        true
    }

    fn needs_drum_map(&self) -> bool {
        !self.has_all_percussion()
    }

    fn has_all_percussion(&self) -> bool {
        self.classes != N_VOICES
    }
}

impl DrumsConverter {
    fn labels(&self) -> RowLayout {
        RowLayout::OneHot {
            classes: 1 << self.classes,
        }
    }

    /// The class of a key.
    fn class(&self, pitch: u8, map: &DrumMap) -> Option<usize> {
        if self.classes == N_VOICES {
            map.voice(pitch).map(Voice::index)
        } else {
            FULL.iter().position(|key| *key == pitch)
        }
    }

    /// The key that a class is written with.
    fn pitch(&self, class: usize, map: &DrumMap) -> u8 {
        if self.classes == N_VOICES {
            map.pitches[class][0]
        } else {
            FULL[class]
        }
    }

    fn map_name<'a>(&self, map: &'a DrumMap) -> &'a str {
        if self.classes == N_VOICES {
            map.name
        } else {
            "full General MIDI"
        }
    }

    /// The steps on which something plays, and what, in the order of time.
    pub(super) fn hits(
        &self,
        notes: &[Note],
        map: &DrumMap,
        lost: &mut NotesLost,
    ) -> Vec<(usize, u64)> {
        let mut hits: Vec<(usize, u64)> = Vec::new();
        for note in notes {
            let Some(class) = self.class(note.pitch, map) else {
                lost.without_drum(note.pitch, map);
                continue;
            };
            let (step, _) = steps(note);
            match hits.last_mut() {
                Some((last, bits)) if *last == step => {
                    lost.same_cell += usize::from(*bits >> class & 1 == 1);
                    *bits |= 1 << class;
                }
                _ => hits.push((step, 1 << class)),
            }
        }
        hits
    }

    fn example_of(&self, bits: &[u64]) -> Example {
        Example {
            input: self.rows(self.input(), bits),
            output: self.rows(self.output(), bits),
            conditions: Conditions::default(),
        }
    }

    fn rows(&self, layout: RowLayout, bits: &[u64]) -> Rows {
        match layout {
            RowLayout::OneHot { .. } => {
                Rows::of_labels(layout, bits.iter().copied().map(label).collect())
            }
            _ => Rows::of_bits(layout, bits.to_vec()),
        }
    }

    /// The classes that play in each step of rows of the layout of the output.
    fn bits(&self, rows: &Rows) -> Vec<u64> {
        assert_eq!(
            *rows.layout(),
            self.output(),
            "the rows are another converter's"
        );
        match (rows.bits(), rows.labels()) {
            (Some(bits), _) => bits.to_vec(),
            (_, Some(labels)) => labels.iter().copied().map(u64::from).collect(),
            (None, None) => unreachable!("drums are labels or rolls"),
        }
    }
}

/// The numbers of a roll with rests as magenta.js feeds them to a network: each step has the rest of the step after it,
/// and the last one has none. Results of that program can only be compared on this input.
///
/// # Source
/// magenta.js's `DrumRollConverter.toTensor`, which writes the rest to column −1 of its buffer.
///
/// # Panics
/// If the rows have another layout than [`RowLayout::RollWithRest`].
#[must_use]
pub fn magenta_js_rests(rows: &Rows) -> Vec<f32> {
    assert!(
        matches!(rows.layout(), RowLayout::RollWithRest { .. }),
        "{} have no rests",
        rows.layout()
    );
    let width = rows.layout().width();
    let mut numbers = rows.to_numbers();
    let mut rest_after = 0.0;
    for row in numbers.chunks_exact_mut(width).rev() {
        std::mem::swap(&mut row[width - 1], &mut rest_after);
    }
    numbers
}

/// What plays on channel 10.
fn drums_of_magenta(song: &Song) -> Result<Vec<Note>, Error> {
    let is_drum = |note: &&Note| note.channel == DRUM_CHANNEL;
    let notes: Vec<Note> = song.notes.iter().filter(is_drum).copied().collect();
    if notes.is_empty() {
        let problem = "it has no drums: nothing on MIDI channel 10";
        return Err(Error::Song(problem.to_owned()));
    }
    Ok(notes)
}

/// The label of the drums that play together.
pub(super) fn label(bits: u64) -> u16 {
    u16::try_from(bits).expect("labels are only used for nine drums")
}

/// Drums from a bar line on, in whole bars.
pub(super) struct Track {
    pub(super) first_step: usize,
    /// The classes that play in each step.
    pub(super) bits: Vec<u64>,
}

impl Track {
    /// The same from the first bar on, with silence up to at least `n_steps`.
    pub(super) fn whole(mut self, n_steps: usize) -> Self {
        self.bits.splice(0..0, vec![0; self.first_step]);
        let n_steps = n_steps.max(self.bits.len());
        self.bits.resize(n_steps, 0);
        Self {
            first_step: 0,
            bits: self.bits,
        }
    }

    /// Leaves out what comes after `n_steps`.
    pub(super) fn cut(&mut self, n_steps: usize, lost: &mut NotesLost) {
        let end = n_steps.min(self.bits.len());
        for bits in self.bits.drain(end..) {
            lost.outside += bits.count_ones() as usize;
        }
    }
}

/// `hits` in tracks: each begins in the bar of its first hit and ends before a rest of `gap_steps`.
///
/// # Source
/// note-seq's `extract_drum_tracks`.
pub(super) fn tracks(hits: &[(usize, u64)], steps_per_bar: usize, gap_steps: usize) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    let mut end = 0;
    for &(step, bits) in hits {
        match tracks.last_mut() {
            Some(track) if step - end < gap_steps => {
                track.bits.resize(step - track.first_step, 0);
                track.bits.push(bits);
            }
            _ => {
                let first_step = step - step % steps_per_bar;
                let mut track = vec![0; step - first_step];
                track.push(bits);
                tracks.push(Track {
                    first_step,
                    bits: track,
                });
            }
        }
        end = step + 1;
    }
    for track in &mut tracks {
        let n_steps = track.bits.len().next_multiple_of(steps_per_bar);
        track.bits.resize(n_steps, 0);
    }
    tracks
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::super::Converter;
    use super::*;
    use proptest::prelude::*;

    /// The keys of [`FULL`] and their places, as printed by note-seq's list.
    const EVERY_PITCH: &str = "\
        22/- 26/- 27/3 28/4 29/34 30/47 31/5 32/6 33/7 34/8 35/1 36/0 37/9 38/2 39/10 40/11 41/35 42/17 \
        43/48 44/18 45/33 46/27 47/40 48/39 49/52 50/46 51/56 52/57 53/58 54/19 55/53 56/12 57/54 58/55 \
        59/59 60/41 61/36 62/49 63/42 64/37 65/13 66/14 67/28 68/20 69/21 70/22 71/23 72/29 73/24 74/30 \
        75/15 76/50 77/43 78/25 79/31 80/26 81/32 82/60 83/51 84/38 85/16 86/44 87/45";

    #[test]
    fn every_key_has_the_place_that_the_reference_gives_it() {
        let converter = DrumsConverter {
            classes: 61,
            ..DrumsConverter::default()
        };
        let mut expected = [None; 128];
        for entry in EVERY_PITCH.split_whitespace() {
            let (pitch, class) = entry.split_once('/').unwrap();
            expected[pitch.parse::<usize>().unwrap()] = class.parse().ok();
        }
        for pitch in 0..128_u8 {
            let found = converter.class(pitch, &DrumMap::TD11);
            assert_eq!(found, expected[usize::from(pitch)], "key {pitch}");
        }
    }

    #[test]
    fn a_label_is_the_sum_of_its_drums_and_a_roll_marks_rests() {
        let mut converter = DrumsConverter::default();
        let labels = converter.example_of(&[0b101, 0, 511]).input;
        assert_eq!(labels.labels(), Some(&[5, 0, 511][..]));
        assert_eq!(labels.layout().width(), 512);
        converter.input = DrumRows::Roll;
        let roll = converter.example_of(&[0b101, 0]).input;
        let kick_and_hat = [1., 0., 1., 0., 0., 0., 0., 0., 0., 0.];
        let rest = [0., 0., 0., 0., 0., 0., 0., 0., 0., 1.];
        assert_eq!(roll.to_numbers(), [kick_and_hat, rest].concat());
    }

    #[test]
    fn a_track_begins_with_its_bar_and_ends_before_a_rest_of_a_bar() {
        let found = |steps: &[usize], gap_steps| -> Vec<(usize, usize)> {
            let hits: Vec<_> = steps.iter().map(|step| (*step, 1)).collect();
            let tracks = tracks(&hits, 16, gap_steps);
            tracks
                .iter()
                .map(|track| (track.first_step, track.bits.len()))
                .collect()
        };
        assert_eq!(found(&[20, 36], 16), [(16, 32)], "15 steps of rest");
        assert_eq!(found(&[20, 37], 16), [(16, 16), (32, 16)], "16 steps");
        assert_eq!(found(&[20, 400], usize::MAX), [(16, 400)]);
        assert_eq!(found(&[], 16), []);
    }

    #[test]
    fn a_roll_of_magenta_js_has_each_rest_a_step_too_early() {
        let converter = DrumsConverter {
            input: DrumRows::Roll,
            ..DrumsConverter::default()
        };
        let numbers = magenta_js_rests(&converter.example_of(&[1, 0, 0, 1, 0]).input);
        let rests: Vec<f32> = numbers.chunks_exact(10).map(|row| row[9]).collect();
        assert_eq!(rests, [1.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let problem = |converter| Converter::Drums(converter).check().unwrap_err().to_string();
        let seven = DrumsConverter {
            classes: 7,
            ..DrumsConverter::default()
        };
        assert!(problem(seven).contains("9 or 61, not 7"));
        let mut full = DrumsConverter {
            classes: 61,
            input: DrumRows::Roll,
            ..DrumsConverter::default()
        };
        assert!(problem(full.clone()).contains("converter.output"));
        full.output = DrumRows::Roll;
        assert!(Converter::Drums(full).check().is_ok());
    }

    proptest! {
        #[test]
        fn rows_return_from_their_notes(bits in prop::collection::vec(0..512_u64, 32), is_roll: bool) {
            let converter = DrumsConverter {
                output: if is_roll { DrumRows::Roll } else { DrumRows::Labels },
                ..DrumsConverter::default()
            };
            let rows = converter.rows(converter.output(), &bits);
            for map in &DrumMap::ALL {
                let song = Song::from_notes(converter.notes(&rows, map), &[]);
                prop_assume!(!song.notes.is_empty());
                let converter = Converter::Drums(converter.clone());
                let extracted = converter.whole(&song, map, 32).unwrap();
                let windows = converter.windows(&extracted, 32, 1);
                let example = converter.example(&extracted, &windows[0], 32, None);
                prop_assert_eq!(&example.output, &rows);
                let groove = converter.groove(&rows).unwrap();
                prop_assert_eq!(converter.example_of_groove(&groove).unwrap().output, rows.clone());
            }
        }

        #[test]
        fn sixty_one_drums_return_from_their_notes(bits in prop::collection::vec(1..1_u64 << 61, 16)) {
            let converter = DrumsConverter {
                classes: 61,
                input: DrumRows::Roll,
                output: DrumRows::Roll,
                ..DrumsConverter::default()
            };
            let rows = converter.rows(converter.output(), &bits);
            let song = Song::from_notes(converter.notes(&rows, &DrumMap::GM), &[]);
            let converter = Converter::Drums(converter);
            let extracted = converter.extract(&song, &DrumMap::GM).unwrap();
            let windows = converter.windows(&extracted, 16, 1);
            let example = converter.example(&extracted, &windows[0], 16, None);
            prop_assert_eq!(example.output, rows);
        }
    }
}
