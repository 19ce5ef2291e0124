//! One voice: at each step nothing new, an end, or a key.

use super::extracted::{Content, Extracted, Part};
use super::sections::{Extent, NotesSeen, Sections, steps};
use super::{Convert, Example, Subject, VELOCITY, wrong};
use crate::conditions::Conditions;
use crate::drums::DrumMap;
use crate::error::Error;
use crate::groove::{self, NotesLost};
use crate::midi::{Instrument, Song};
use crate::noise::Noise;
use crate::note::Note;
use crate::rows::{RowLayout, Rows};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The channel that a melody is written on.
const CHANNEL: u8 = 0;
/// The label of a step on which nothing changes: a rest goes on, or a note sounds on.
const HOLD: u16 = 0;
/// The label of a step on which the note ends.
const END: u16 = 1;
/// Instruments of a song that are looked at: each can be as long as the song, and a damaged file can name thousands.
const MAX_INSTRUMENTS: usize = 128;
/// The label of the lowest key.
const FIRST_KEY: u16 = 2;

/// Melodies to examples and back.
///
/// The highest of the notes that begin on a step is the melody, and a new note ends the one before. A melody begins in
/// the bar of its first note and ends before a long rest; windows are cut from melodies. What Magenta does
/// otherwise, with `magenta_compat`: a change of tempo begins a new bar, and of a song with more windows than
/// `max_per_song` (5 if it is not given) the same are taken in every epoch.
///
/// # Source
/// Magenta's `OneHotMelodyConverter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MelodyConverter {
    /// The first and the last of the sounds that play melodies: 0 to 31 are keyboards, mallets, organs and guitars.
    pub programs: [u8; 2],
    /// The lowest key that is used.
    pub min_pitch: u8,
    /// The highest key that is used.
    pub max_pitch: u8,
    /// A melody ends after a rest of so many bars; 0 for one melody however long the rests.
    pub gap_bars: usize,
    /// The most bars of a melody; what comes after is left out.
    pub max_bars: Option<usize>,
    /// In training, a window is moved by a number of semitones that is drawn anew for each epoch, at most this many up or
    /// down, within the keys.
    pub transpose: u8,
    /// The most windows of a song that an epoch learns from; all without it.
    pub max_per_song: Option<usize>,
    /// Also use songs whose bars have another length than 16 steps; windows begin on their own bar lines.
    pub any_metre: bool,
    /// Do as Magenta does.
    pub magenta_compat: bool,
}

impl Default for MelodyConverter {
    fn default() -> Self {
        Self {
            programs: [0, 31],
            min_pitch: 21,
            max_pitch: 108,
            gap_bars: 1,
            max_bars: None,
            transpose: 0,
            max_per_song: None,
            any_metre: false,
            magenta_compat: false,
        }
    }
}

impl Convert for MelodyConverter {
    fn subject(&self) -> Subject {
        Subject {
            music: "a melody",
            files: "melodies in 4/4",
            notes: "of melodic instruments",
            same_cell: "a higher note that begins on the same 16th step",
            unmapped: Some(format!(
                "on keys beyond {}–{}",
                self.min_pitch, self.max_pitch
            )),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let [first, last] = self.programs;
        if first > last || last > 127 {
            return Err(wrong(
                "programs",
                format!("are a first and a last of 0 to 127, not {first} to {last}"),
            ));
        }
        if self.min_pitch > self.max_pitch || self.max_pitch > 127 {
            return Err(wrong(
                "min_pitch and max_pitch",
                format!(
                    "are keys of 0 to 127, not {} to {}",
                    self.min_pitch, self.max_pitch
                ),
            ));
        }
        if self.max_bars == Some(0) {
            return Err(wrong("max_bars", "is at least 1; leave it out for all"));
        }
        Ok(())
    }

    /// Hold, end, and the keys.
    fn input(&self) -> RowLayout {
        RowLayout::OneHot {
            classes: usize::from(self.label(self.max_pitch)) + 1,
        }
    }

    fn extract(
        &self,
        song: &Song,
        mut sections: Sections,
        _: &DrumMap,
        extent: Extent,
    ) -> Result<Extracted, Error> {
        if song.notes.is_empty() {
            return Err(Error::Song("it has no notes".to_owned()));
        }
        let [first, last] = self.programs;
        let drummers = super::drummers(song, self.magenta_compat);
        let mut seen = NotesSeen::nothing();
        let mut parts = Vec::new();
        for (place, instrument) in song.instruments.iter().take(MAX_INSTRUMENTS).enumerate() {
            if drummers.contains(&place) || !(first..=last).contains(&instrument.program) {
                continue;
            }
            let notes: Vec<Note> = sounding(song, instrument);
            seen.add(&notes);
            for section in sections.cut(&notes, &mut seen.lost)? {
                let strikes = self.strikes(&section.notes, &mut seen.lost);
                let steps_per_bar = section.steps_per_bar;
                let gap_steps = extent.gap_steps(self.gap_bars, steps_per_bar);
                for mut melody in melodies(&strikes, steps_per_bar, gap_steps, &mut seen.lost) {
                    if let Some(n_steps) = extent.n_filled() {
                        melody = melody.whole(n_steps);
                    }
                    if let Some(max_bars) = self.max_bars {
                        melody.cut(max_bars.saturating_mul(steps_per_bar), &mut seen.lost);
                    }
                    parts.push(Part {
                        start_beats: section.start_beats + groove::beats(melody.first_step),
                        steps_per_bar,
                        content: Content::Melody(melody.labels),
                    });
                }
            }
        }
        sections.extracted(parts, seen, |seen| {
            if seen.n_notes == 0 {
                format!("it has no melody: no instrument plays with a sound of {first} to {last}")
            } else {
                format!(
                    "none of its {} notes is a key of {} to {}",
                    seen.n_notes, self.min_pitch, self.max_pitch
                )
            }
        })
    }

    fn notes(&self, rows: &Rows, _: &DrumMap) -> Vec<Note> {
        assert_eq!(
            *rows.layout(),
            self.input(),
            "the rows are another converter's"
        );
        let labels = rows.labels().expect("a melody's rows are labels");
        self.sounding(labels.iter().copied(), CHANNEL)
    }

    fn example(
        &self,
        content: &Content,
        steps: Range<usize>,
        noise: Option<&mut Noise>,
    ) -> Example {
        self.example_of(&content.labels()[steps], noise)
    }

    fn channel_of(&self, _: bool, _: u8) -> Option<u8> {
        Some(CHANNEL)
    }

    fn needs_drum_map(&self) -> bool {
        false
    }
}

/// The notes of an instrument with pitches: one without a length is not seen.
pub(super) fn sounding(song: &Song, instrument: &Instrument) -> Vec<Note> {
    let notes = song.notes_of(instrument).copied();
    notes.filter(|note| note.duration_beats > 0.0).collect()
}

impl MelodyConverter {
    fn label(&self, pitch: u8) -> u16 {
        FIRST_KEY + u16::from(pitch - self.min_pitch)
    }

    /// The notes that could be of the melody, by step, the highest first.
    pub(super) fn strikes(&self, notes: &[Note], lost: &mut NotesLost) -> Vec<Strike> {
        let mut strikes = Vec::with_capacity(notes.len());
        for note in notes {
            if !(self.min_pitch..=self.max_pitch).contains(&note.pitch) {
                *lost.unmapped.entry(note.pitch).or_default() += 1;
                continue;
            }
            let (step, end) = steps(note);
            strikes.push(Strike {
                step,
                end,
                label: self.label(note.pitch),
            });
        }
        strikes.sort_by_key(|strike| (strike.step, std::cmp::Reverse(strike.label)));
        strikes
    }

    fn example_of(&self, labels: &[u16], noise: Option<&mut Noise>) -> Example {
        let mut labels = window(labels);
        if let Some(noise) = noise.filter(|_| self.transpose > 0) {
            self.transpose(&mut labels, noise);
        }
        let rows = Rows::of_labels(self.input(), labels);
        Example {
            input: rows.clone(),
            output: rows,
            conditions: Conditions::default(),
        }
    }

    /// Moves the melody by an interval that keeps it within the keys, each equally likely.
    fn transpose(&self, labels: &mut [u16], noise: &mut Noise) {
        let keys = || labels.iter().copied().filter(|label| *label >= FIRST_KEY);
        let (Some(lowest), Some(highest)) = (keys().min(), keys().max()) else {
            return;
        };
        let down = (lowest - FIRST_KEY).min(u16::from(self.transpose));
        let up = (self.label(self.max_pitch) - highest).min(u16::from(self.transpose));
        let interval = noise.below(usize::from(down + up) + 1);
        let interval = u16::try_from(interval).expect("at most twice 255 semitones");
        for label in labels.iter_mut().filter(|label| **label >= FIRST_KEY) {
            *label = *label + interval - down;
        }
    }

    /// The notes that labels are, on `channel`: each sounds up to the next, its end, or the end of all.
    pub(super) fn sounding(&self, labels: impl Iterator<Item = u16>, channel: u8) -> Vec<Note> {
        let mut notes: Vec<Note> = Vec::new();
        let mut is_sounding = false;
        for (step, label) in labels.enumerate() {
            if label >= FIRST_KEY {
                notes.push(Note {
                    onset_beats: groove::beats(step),
                    duration_beats: 0.0,
                    pitch: u8::try_from(u16::from(self.min_pitch) + label - FIRST_KEY)
                        .expect("a label is a MIDI key"),
                    velocity: VELOCITY,
                    channel,
                });
                is_sounding = true;
            } else if label == END {
                is_sounding = false;
            }
            if let Some(last) = notes.last_mut().filter(|_| is_sounding) {
                last.duration_beats = groove::beats(step + 1) - last.onset_beats;
            }
        }
        notes
    }
}

/// A note on the grid.
#[derive(Clone, Copy)]
pub(super) struct Strike {
    step: usize,
    /// The step on which it ends, later than `step`.
    end: usize,
    label: u16,
}

/// A melody from a bar line on, in whole bars.
pub(super) struct Melody {
    first_step: usize,
    pub(super) labels: Vec<u16>,
}

impl Melody {
    /// Adds a note that begins later than every other.
    fn add(&mut self, strike: Strike) {
        let start = strike.step - self.first_step;
        let end = strike.end - self.first_step;
        self.labels.truncate(start);
        self.labels.resize(end + 1, HOLD);
        self.labels[start] = strike.label;
        self.labels[end] = END;
    }

    /// Sounds the last note up to its end, and rests up to `n_steps`, or to what there is.
    fn rest_until(&mut self, n_steps: usize) {
        if n_steps > self.labels.len() {
            let last = self.labels.iter().rfind(|label| **label != HOLD);
            let is_sounding = last.is_some_and(|label| *label != END);
            self.labels.push(if is_sounding { END } else { HOLD });
            self.labels.resize(n_steps, HOLD);
        }
    }

    /// The same from the first bar on, with rests up to at least `n_steps`.
    pub(super) fn whole(mut self, n_steps: usize) -> Self {
        self.labels.splice(0..0, vec![HOLD; self.first_step]);
        self.first_step = 0;
        self.rest_until(n_steps);
        self
    }

    /// Leaves out what comes after `n_steps`.
    pub(super) fn cut(&mut self, n_steps: usize, lost: &mut NotesLost) {
        let end = n_steps.min(self.labels.len());
        let left_out = self.labels.drain(end..);
        lost.outside += left_out.filter(|label| *label >= FIRST_KEY).count();
    }
}

/// `strikes` in melodies: each begins in the bar of its first note and ends before a rest of `gap_steps`.
///
/// # Source
/// note-seq's `extract_melodies`.
pub(super) fn melodies(
    strikes: &[Strike],
    steps_per_bar: usize,
    gap_steps: usize,
    lost: &mut NotesLost,
) -> Vec<Melody> {
    let mut melodies: Vec<Melody> = Vec::new();
    let mut last: Option<Strike> = None;
    for &strike in strikes {
        if last.is_some_and(|last| last.step == strike.step) {
            lost.same_cell += 1;
            continue;
        }
        match (&last, melodies.last_mut()) {
            (Some(last), Some(melody)) if strike.step.saturating_sub(last.end) < gap_steps => {
                melody.add(strike);
            }
            _ => {
                let mut melody = Melody {
                    first_step: strike.step - strike.step % steps_per_bar,
                    labels: Vec::new(),
                };
                melody.add(strike);
                melodies.push(melody);
            }
        }
        last = Some(strike);
    }
    for melody in &mut melodies {
        // The end of a note that sounds up to a bar line is not written: the melody ends there.
        melody.labels.pop();
        melody.rest_until(melody.labels.len().next_multiple_of(steps_per_bar));
    }
    melodies
}

/// The labels of a window: an end whose note began before it means nothing there.
pub(super) fn window(labels: &[u16]) -> Vec<u16> {
    let mut labels = labels.to_vec();
    let before_first_note = labels.iter_mut().take_while(|label| **label < FIRST_KEY);
    before_first_note.for_each(|label| *label = HOLD);
    labels
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::super::Converter;
    use super::*;
    use crate::drums::DrumMap;
    use proptest::prelude::*;

    /// Key, first step, last step.
    fn song(notes: &[(u8, usize, usize)]) -> Song {
        let note = |&(pitch, first, end): &(u8, usize, usize)| Note {
            onset_beats: groove::beats(first),
            duration_beats: groove::beats(end - first),
            pitch,
            velocity: 0.5,
            channel: 0,
        };
        Song::from_notes(notes.iter().map(note).collect(), &[])
    }

    fn extract(song: &Song) -> Extracted {
        let converter = Converter::Melody(MelodyConverter::default());
        converter.extract(song, &DrumMap::GM).unwrap()
    }

    /// The labels of each melody, keys as keys.
    fn melodies_of(notes: &[(u8, usize, usize)]) -> Vec<Vec<u16>> {
        let of_part = |part: &Part| {
            let Content::Melody(labels) = &part.content else {
                panic!("melodies are melodies")
            };
            let key = |label: &u16| if *label < 2 { *label } else { label - 2 + 21 };
            labels.iter().map(key).collect()
        };
        extract(&song(notes)).parts.iter().map(of_part).collect()
    }

    /// One bar with these labels and holds elsewhere.
    fn bar(labels: &[(usize, u16)]) -> Vec<u16> {
        let mut bar = vec![HOLD; 16];
        for &(step, label) in labels {
            bar[step] = label;
        }
        bar
    }

    #[test]
    fn the_classes_are_hold_end_and_88_keys() {
        let layout = MelodyConverter::default().input();
        assert_eq!(layout, RowLayout::OneHot { classes: 90 });
    }

    #[test]
    fn a_note_is_its_key_then_holds_then_an_end() {
        assert_eq!(
            melodies_of(&[(60, 1, 4), (62, 4, 6)]),
            [bar(&[(1, 60), (4, 62), (6, END)])]
        );
    }

    #[test]
    fn the_highest_of_notes_that_begin_together_is_the_melody_and_cuts_the_one_before() {
        assert_eq!(
            melodies_of(&[(72, 0, 12), (60, 4, 8), (64, 4, 6)]),
            [bar(&[(0, 72), (4, 64), (6, END)])]
        );
        assert_eq!(extract(&song(&[(60, 4, 8), (64, 4, 6)])).lost.same_cell, 1);
    }

    #[test]
    fn a_melody_ends_before_a_bar_of_rest_and_begins_with_a_bar() {
        assert_eq!(
            melodies_of(&[(60, 3, 5), (62, 21, 22)]),
            [bar(&[(3, 60), (5, END)]), bar(&[(5, 62), (6, END)])]
        );
        assert_eq!(
            melodies_of(&[(60, 3, 5), (62, 20, 21)]),
            [[bar(&[(3, 60), (5, END)]), bar(&[(4, 62), (5, END)])].concat()]
        );
    }

    #[test]
    fn an_end_on_the_last_bar_line_is_not_written() {
        assert_eq!(melodies_of(&[(60, 8, 16)]), [bar(&[(8, 60)])]);
    }

    #[test]
    fn keys_beyond_the_piano_are_counted_and_other_sounds_are_not_looked_at() {
        let song = song(&[(20, 0, 4), (60, 0, 4), (109, 4, 8)]);
        assert_eq!(extract(&song).lost.unmapped.len(), 2);
        let bass = MelodyConverter {
            programs: [32, 39],
            ..MelodyConverter::default()
        };
        let problem = Converter::Melody(bass).extract(&song, &DrumMap::GM);
        let problem = problem.unwrap_err().to_string();
        assert!(
            problem.contains("no instrument plays with a sound of 32 to 39"),
            "{problem}"
        );
    }

    #[test]
    fn an_end_before_the_first_note_of_a_window_is_a_hold() {
        let converter = Converter::Melody(MelodyConverter::default());
        let extracted = extract(&song(&[(60, 8, 20), (64, 24, 28)]));
        let windows = converter.windows(&extracted, 16, 1);
        let second = converter.example(&extracted, &windows[1], 16, None).input;
        assert_eq!(second.labels().unwrap(), bar(&[(8, 64 - 19), (12, END)]));
    }

    #[test]
    fn each_epoch_draws_an_interval_that_keeps_the_melody_within_the_keys() {
        let converter = MelodyConverter {
            transpose: 5,
            ..MelodyConverter::default()
        };
        let labels = bar(&[(0, 85), (4, 89), (8, END)]);
        let mut noise = Noise::from_seed(3);
        let mut intervals = [0; 6];
        for _ in 0..600 {
            let moved = converter.example_of(&labels, Some(&mut noise)).output;
            let moved = moved.labels().unwrap();
            let down = labels[0] - moved[0];
            assert_eq!(moved, bar(&[(0, 85 - down), (4, 89 - down), (8, END)]));
            intervals[usize::from(down)] += 1;
        }
        assert!(
            intervals.iter().all(|n| (60..140).contains(n)),
            "{intervals:?}"
        );
        let evaluated = converter.example_of(&labels, None).output;
        assert_eq!(evaluated.labels().unwrap(), labels);
    }

    proptest! {
        #[test]
        fn labels_return_from_their_notes(labels in prop::collection::vec(0..90_u16, 32)) {
            // Ends of nothing are not music: what is seen is all that can return.
            let mut is_sounding = false;
            let heard: Vec<u16> = labels.into_iter().map(|label| {
                let seen = if label == END && !is_sounding { HOLD } else { label };
                is_sounding = seen >= FIRST_KEY || (is_sounding && seen == HOLD);
                seen
            }).collect();
            let converter = MelodyConverter::default();
            let rows = Rows::of_labels(converter.input(), heard);
            let song = Song::from_notes(converter.notes(&rows, &DrumMap::GM), &[]);
            prop_assume!(!song.notes.is_empty());
            let converter = Converter::Melody(converter);
            let extracted = converter.whole(&song, &DrumMap::GM, 32).unwrap();
            let windows = converter.windows(&extracted, 32, 1);
            prop_assert_eq!(windows.len(), 1);
            let example = converter.example(&extracted, &windows[0], 32, None);
            prop_assert_eq!(example.output, rows);
        }
    }
}
