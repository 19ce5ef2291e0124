//! How a song is cut into sections that windows can be cut from.

use super::extracted::{Extracted, Part};
use crate::drums::DrumMap;
use crate::error::Error;
use crate::groove::{MAX_BARS, NotesLost, STEPS_PER_BAR, beats, nearest_step, step_of};
use crate::midi::{self, Drums, Segment, Song, SplitAt};
use crate::note::Note;
use std::collections::{BTreeSet, HashMap};

/// The last step on which a note can end.
const LAST_STEP: usize = MAX_BARS * STEPS_PER_BAR;

/// How much of a song is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extent {
    /// What is played, without long rests.
    Tracks,
    /// All of a loop, `n_steps` long.
    Loop { n_steps: usize },
    /// Everything from the first bar, with silence up to `n_steps` and to the end of a loop of `n_loop`.
    Whole { n_steps: usize, n_loop: usize },
}

impl Extent {
    /// Steps to fill with silence, where everything is wanted.
    pub(super) fn n_filled(self) -> Option<usize> {
        match self {
            Self::Tracks => None,
            Self::Loop { n_steps } => Some(n_steps),
            Self::Whole { n_steps, n_loop } => Some(n_steps.max(n_loop)),
        }
    }

    /// Of a loop without so many steps at its beginning.
    fn without(self, n_skipped: usize) -> Self {
        match self {
            Self::Tracks => Self::Tracks,
            Self::Loop { n_steps } => Self::Loop {
                n_steps: n_steps.saturating_sub(n_skipped),
            },
            Self::Whole { n_steps, n_loop } => Self::Whole {
                n_steps,
                n_loop: n_loop.saturating_sub(n_skipped),
            },
        }
    }

    /// After how many steps of rest a track ends.
    pub(super) fn gap_steps(self, gap_bars: usize, steps_per_bar: usize) -> usize {
        match self {
            Self::Tracks if gap_bars > 0 => gap_bars.saturating_mul(steps_per_bar),
            _ => usize::MAX,
        }
    }
}

/// A song in sections of one metre, and which of them can be used.
pub(super) struct Sections {
    segments: Vec<Segment>,
    any_metre: bool,
    /// Those that were asked for and cannot be used, by their place.
    refused: BTreeSet<usize>,
    /// Bars before the first one.
    n_counted_in: usize,
}

impl Sections {
    pub(super) fn of(song: &Song, any_metre: bool, is_compatible: bool) -> Self {
        let split_at = if is_compatible {
            SplitAt::MetreOrTempo
        } else {
            SplitAt::Metre
        };
        Self {
            segments: song.segments(split_at),
            any_metre,
            refused: BTreeSet::new(),
            n_counted_in: 0,
        }
    }

    /// Begins after the bars in which a metronome or sticks count in: before the first of `notes`, in the order of time,
    /// whose key does not count in. Returns what is left of `extent`.
    pub(super) fn skip_count_in(
        &mut self,
        notes: &[Note],
        counts_in: impl Fn(u8) -> bool,
        extent: Extent,
    ) -> Extent {
        let n_before = notes
            .iter()
            .take_while(|note| counts_in(note.pitch))
            .count();
        let (1.., Some(first)) = (n_before, notes.get(n_before)) else {
            return extent;
        };
        let Ok(steps_per_bar) = self.steps_per_bar(0) else {
            return extent;
        };
        let start = &mut self.segments[0];
        self.n_counted_in = nearest_step(first.onset_beats.min(start.end_beats)) / steps_per_bar;
        let n_steps = self.n_counted_in * steps_per_bar;
        start.start_beats += beats(n_steps);
        extent.without(n_steps)
    }

    /// `notes`, in the order of time, by usable section; those in other sections are counted as lost.
    ///
    /// # Errors
    /// If a note lies beyond what a song can be long: the empty bars up to it would fill the memory.
    pub(super) fn cut(
        &mut self,
        notes: &[Note],
        lost: &mut NotesLost,
    ) -> Result<Vec<Section>, Error> {
        let is_within = |note: &&Note| step_of(note.onset_beats).is_some();
        let n_beyond = notes.len() - notes.iter().filter(is_within).count();
        if n_beyond > 0 {
            return Err(Error::Song(format!(
                "{n_beyond} of its notes lie beyond bar {MAX_BARS}: it is damaged, or cut it into parts"
            )));
        }
        let mut sections = Vec::new();
        for (place, notes) in midi::split(&self.segments, notes) {
            match self.steps_per_bar(place) {
                Ok(steps_per_bar) => sections.push(Section {
                    place,
                    start_beats: self.segments[place].start_beats,
                    steps_per_bar,
                    notes,
                }),
                Err(_) => {
                    self.refused.insert(place);
                    lost.outside += notes.len();
                }
            }
        }
        Ok(sections)
    }

    fn steps_per_bar(&self, place: usize) -> Result<usize, Error> {
        let signature = &self.segments[place].signature;
        let steps = signature.steps_per_bar()?;
        if steps == STEPS_PER_BAR || self.any_metre {
            Ok(steps)
        } else {
            Err(midi::wrong_metre(signature, steps))
        }
    }

    /// Why sections are refused, each reason once, in the order of the first section that it keeps out.
    fn left_out(&self) -> Vec<String> {
        let mut reasons: Vec<(String, f64, usize)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for &place in &self.refused {
            let Err(problem) = self.steps_per_bar(place) else {
                continue;
            };
            let problem = problem.to_string();
            match places.get(&problem) {
                Some(&reason) => reasons[reason].2 += 1,
                None => {
                    places.insert(problem.clone(), reasons.len());
                    reasons.push((problem, self.segments[place].start_beats, 0));
                }
            }
        }
        let in_words = |(problem, start_beats, n_more)| {
            if self.segments.len() == 1 {
                problem
            } else if n_more == 0 {
                format!("from beat {start_beats}, {problem}")
            } else {
                format!("from beat {start_beats} and {n_more} more time(s) later, {problem}")
            }
        };
        let counted_in = match self.n_counted_in {
            0 => None,
            1 => Some("the first bar, which counts in".to_owned()),
            n_bars => Some(format!("the first {n_bars} bars, which count in")),
        };
        counted_in
            .into_iter()
            .chain(reasons.into_iter().map(in_words))
            .collect()
    }

    /// What `parts` of `seen` are, or why there is nothing: the sections left out, or else `nothing`.
    pub(super) fn extracted(
        self,
        parts: Vec<Part>,
        seen: NotesSeen,
        nothing: impl FnOnce(&NotesSeen) -> String,
    ) -> Result<Extracted, Error> {
        let left_out = self.left_out();
        if parts.is_empty() {
            return Err(Error::Song(if left_out.is_empty() {
                nothing(&seen)
            } else {
                left_out.join("; ")
            }));
        }
        let is_one_channel = seen.channels.len() == 1;
        Ok(Extracted {
            parts,
            left_out,
            n_notes: seen.n_notes,
            lost: seen.lost,
            first_beats: seen.first_beats,
            found: seen.found,
            aside: seen.aside,
            n_by_pedal: seen.n_by_pedal,
            better_map: seen.better_map,
            channel: seen.channels.first().copied().filter(|_| is_one_channel),
            is_whole: false,
        })
    }
}

/// The notes that a converter looks at.
pub(super) struct NotesSeen {
    pub(super) n_notes: usize,
    /// Infinite without notes.
    first_beats: f64,
    channels: BTreeSet<u8>,
    /// Those that get into no part.
    pub(super) lost: NotesLost,
    /// How drums were found, and what plays on their channel beside them.
    found: Option<String>,
    aside: Option<String>,
    n_by_pedal: usize,
    better_map: Option<&'static DrumMap>,
}

impl NotesSeen {
    pub(super) fn nothing() -> Self {
        Self {
            n_notes: 0,
            first_beats: f64::INFINITY,
            channels: BTreeSet::new(),
            lost: NotesLost::default(),
            found: None,
            aside: None,
            n_by_pedal: 0,
            better_map: None,
        }
    }

    /// The notes of drums; keeps what is said of them.
    pub(super) fn drums(&mut self, drums: Drums, map: &DrumMap) -> Vec<Note> {
        self.found = drums.found;
        self.aside = drums.aside;
        self.n_by_pedal = drums.n_by_pedal;
        self.better_map = map.better_for(&drums.notes);
        drums.notes
    }

    pub(super) fn add(&mut self, notes: &[Note]) {
        self.n_notes += notes.len();
        for note in notes {
            self.first_beats = self.first_beats.min(note.onset_beats);
            self.channels.insert(note.channel);
        }
    }
}

/// Notes in one metre, in beats from its first bar line.
pub(super) struct Section {
    /// Among the sections of the song.
    pub(super) place: usize,
    pub(super) start_beats: f64,
    pub(super) steps_per_bar: usize,
    pub(super) notes: Vec<Note>,
}

impl Section {
    /// The step on which the last note ends.
    pub(super) fn n_steps(&self) -> usize {
        let ends = self.notes.iter().map(|note| steps(note).1);
        ends.max().unwrap_or(0)
    }
}

/// The step on which a note begins, and the later one on which it ends; within what a song can be long.
pub(super) fn steps(note: &Note) -> (usize, usize) {
    let first = nearest_step(note.onset_beats);
    let end = nearest_step(note.onset_beats + note.duration_beats);
    (first, end.clamp(first + 1, LAST_STEP.max(first + 1)))
}
