//! Piano rolls: a picture of who plays what and when, as PNG, as SVG, or as text in the terminal.
//!
//! A roll has one lane for each of the nine drums, cymbals on top and the kick at the bottom. Each hit is a mark that
//! begins where the hit sounds: how far it stands from the thin line of its 16th is its timing, and its colour says it
//! again (amber ahead of the grid, blue behind). Height and brightness are velocity.

mod drawing;
mod keys;
mod picture;

pub use keys::KeyRoll;
pub use picture::{Anchor, Colour, Picture, PictureKind, Shape, escape, length};

use fourbar_model::drums::{DrumMap, N_VOICES, Voice};
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::note::Note;
use std::collections::BTreeMap;

/// The most that is drawn, in bars of 4/4; a picture of more is too tall for most programs to open.
pub const MAX_BARS: usize = 64;
/// Grid steps in a quarter note, in the arithmetic of time.
const STEPS_PER_BEAT: f64 = 4.0;
/// Bars of 4/4 beside each other before the picture goes on below.
const BARS_PER_LINE: usize = 4;

/// The lanes from top to bottom, as a drummer's stave has them.
pub const LANES: [Voice; N_VOICES] = [
    Voice::Crash,
    Voice::Ride,
    Voice::HighTom,
    Voice::MidTom,
    Voice::LowTom,
    Voice::OpenHat,
    Voice::ClosedHat,
    Voice::Snare,
    Voice::Kick,
];

/// One hit as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    voice: Voice,
    /// Where it sounds, in steps from the start.
    onset_steps: f64,
    /// 0–1.
    velocity: f32,
}

impl Mark {
    /// The 16th it belongs to; an early hit of a loop's first step is at the loop's end and belongs to the step after.
    fn grid_steps(self) -> f64 {
        (self.onset_steps + 0.5).floor()
    }
}

/// What a piano roll shows: hits on nine lanes, over whole bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Roll {
    marks: Vec<Mark>,
    n_bars: usize,
    steps_per_bar: usize,
}

/// How many of `n_bars` bars of so many steps (at least 1) are drawn: at least one, no more steps than [`MAX_BARS`] have.
#[must_use]
pub fn drawn_bars(n_bars: usize, steps_per_bar: usize) -> usize {
    let most = (MAX_BARS * STEPS_PER_BAR / steps_per_bar).max(1);
    n_bars.clamp(1, most)
}

impl Roll {
    /// The roll of the first `n_bars` bars of 4/4 (at least 1, at most [`MAX_BARS`]) of `notes`; keys outside of `map`
    /// are left out.
    #[must_use]
    pub fn new(notes: &[Note], n_bars: usize, map: &DrumMap) -> Self {
        Self::in_bars(notes, n_bars, STEPS_PER_BAR, map)
    }

    /// [`Self::new`] in another metre: as many [as can be drawn](drawn_bars) of `n_bars` bars of `steps_per_bar` steps.
    #[must_use]
    pub fn in_bars(notes: &[Note], n_bars: usize, steps_per_bar: usize, map: &DrumMap) -> Self {
        let n_bars = drawn_bars(n_bars, steps_per_bar);
        let marks = notes.iter().filter_map(|note| {
            let onset_steps = note.onset_beats * STEPS_PER_BEAT;
            let is_inside = whole(onset_steps) < n_bars * steps_per_bar;
            let voice = map.voice(note.pitch).filter(|_| is_inside)?;
            Some(Mark {
                voice,
                onset_steps,
                velocity: note.velocity,
            })
        });
        Self {
            marks: marks.collect(),
            n_bars,
            steps_per_bar,
        }
    }

    /// Bars beside each other: as many as are as wide as those of 4/4.
    fn bars_per_line(&self) -> usize {
        let fitting = BARS_PER_LINE * STEPS_PER_BAR / self.steps_per_bar;
        fitting.clamp(1, BARS_PER_LINE)
    }

    /// Number of hits that are drawn.
    #[must_use]
    pub fn n_hits(&self) -> usize {
        self.marks.len()
    }

    /// The picture's file. `title` is written above it, and the tempo where one is known.
    ///
    /// # Errors
    /// If the PNG encoder fails.
    pub fn encode(
        &self,
        title: &str,
        bpm: Option<f64>,
        kind: PictureKind,
    ) -> anyhow::Result<Vec<u8>> {
        drawing::picture(self, title, &self.summary(bpm)).encode(kind)
    }

    /// The grid as text: a line for each drum, a character for each 16th, `.` a ghost note, `o` and `O` louder hits.
    ///
    /// Every hit stands on the 16th it belongs to; one that announces the loop's first step is shown there.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut loudest: BTreeMap<(Voice, usize), f32> = BTreeMap::new();
        for mark in &self.marks {
            let step = whole(mark.grid_steps()) % (self.n_bars * self.steps_per_bar);
            let cell = loudest.entry((mark.voice, step)).or_insert(0.0);
            *cell = cell.max(mark.velocity);
        }
        let symbol = |voice, step| match loudest.get(&(voice, step)) {
            None => '-',
            Some(&velocity) if velocity < 0.35 => '.',
            Some(&velocity) if velocity < 0.7 => 'o',
            Some(_) => 'O',
        };

        let mut text = String::new();
        let steps_per_bar = self.steps_per_bar;
        for first_bar in (0..self.n_bars).step_by(self.bars_per_line()) {
            let bars = first_bar..(first_bar + self.bars_per_line()).min(self.n_bars);
            text.push_str(&" ".repeat(14));
            for bar in bars.clone() {
                text.push_str(&format!(" {:<steps_per_bar$}", bar + 1));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
            for voice in LANES {
                text.push_str(&format!("{:>13} ", voice.name()));
                for bar in bars.clone() {
                    text.push('|');
                    text.extend(
                        (0..steps_per_bar).map(|step| symbol(voice, bar * steps_per_bar + step)),
                    );
                }
                text.push_str("|\n");
            }
        }
        text
    }

    /// Bars, hits and tempo in a few words.
    fn summary(&self, bpm: Option<f64>) -> String {
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let mut words = vec![count(self.n_bars, "bar"), count(self.n_hits(), "hit")];
        if let Some(bpm) = bpm {
            words.push(format!("{} bpm", (bpm * 10.0).round() / 10.0));
        }
        words.join("  ·  ")
    }
}

/// The whole step that a place at or after the start lies in.
fn whole(steps: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and the conversion saturates"
    )]
    let step = steps.max(0.0) as usize;
    step
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn note(onset_beats: f64, pitch: u8, velocity: f32) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.25,
            pitch,
            velocity,
            channel: 9,
        }
    }

    #[test]
    fn the_text_has_sixteen_characters_a_bar_and_says_how_loud() {
        let notes = [
            note(0.0, 36, 0.9),
            note(1.0, 38, 0.5),
            note(1.75, 38, 0.2),
            note(4.0, 36, 0.9),
        ];
        let text = Roll::new(&notes, 2, &DrumMap::GM).to_text();
        let line = |voice: Voice| {
            text.lines()
                .find(|line| line.contains(voice.name()))
                .unwrap()
                .to_owned()
        };
        assert_eq!(text.lines().count(), 10);
        assert!(line(Voice::Kick).ends_with(" |O---------------|O---------------|"));
        assert!(line(Voice::Snare).ends_with(" |----o--.--------|----------------|"));
    }

    #[test]
    fn a_hit_that_announces_the_loop_is_written_on_its_first_step() {
        let text = Roll::new(&[note(3.96, 36, 0.9)], 1, &DrumMap::GM).to_text();
        assert!(text.contains("|O---------------|"), "{text}");
    }

    #[test]
    fn the_louder_of_two_hits_in_a_cell_is_written() {
        let text = Roll::new(&[note(0.0, 36, 0.9), note(0.03, 36, 0.1)], 1, &DrumMap::GM).to_text();
        assert!(text.contains("|O---------------|"), "{text}");
    }

    #[test]
    fn a_roll_ends_at_the_last_bar_it_can_show() {
        let roll = Roll::new(
            &[note(0.0, 36, 1.0), note(1e9, 36, 1.0)],
            250_000_001,
            &DrumMap::GM,
        );
        assert_eq!((roll.n_bars, roll.n_hits()), (MAX_BARS, 1));
    }

    #[test]
    fn bars_of_another_metre_are_as_long_as_they_are() {
        let notes = [note(3.5, 36, 0.9), note(10.5, 38, 0.9)];
        let text = Roll::in_bars(&notes, 4, 14, &DrumMap::GM).to_text();
        let line = |voice: Voice| {
            let mut lines = text.lines();
            let line = lines.find(|line| line.trim_start().starts_with(voice.name()));
            line.unwrap().split_once('|').unwrap().1.to_owned()
        };
        let (rest, hit) = ("-".repeat(14), format!("O{}", "-".repeat(13)));
        assert_eq!(line(Voice::Kick), format!("{rest}|{hit}|{rest}|{rest}|"));
        assert_eq!(line(Voice::Snare), format!("{rest}|{rest}|{rest}|{hit}|"));
        // However long bars are, the picture is no longer than that of many short ones.
        assert_eq!(drawn_bars(1000, 14), 73);
        assert_eq!(drawn_bars(1000, 4080), 1);
    }

    #[test]
    fn the_svg_and_the_png_are_files_of_their_kind() {
        let roll = Roll::new(&[note(0.0, 36, 1.0)], 1, &DrumMap::GM);
        let svg = roll.encode("A & B", Some(120.0), PictureKind::Svg).unwrap();
        assert!(svg.starts_with(b"<svg") && String::from_utf8(svg).unwrap().contains("A &amp; B"));
        let png = roll.encode("A & B", Some(120.0), PictureKind::Png).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}
