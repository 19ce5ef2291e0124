//! Piano rolls of melodies and trios: a lane for each key, and one for each drum that plays.

use super::drawn_bars;
use super::picture::{Anchor, Colour, Picture, PictureKind, Shape, length};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::STEPS_PER_BEAT;
use fourbar_model::note::Note;

const LANE_HEIGHT: f32 = 9.0;
const DRUM_LANE_HEIGHT: f32 = 16.0;
const LEFT: f32 = 112.0;
const RIGHT: f32 = 28.0;
const TOP: f32 = 82.0;
const BOTTOM: f32 = 24.0;
/// Steps up to this many, eight bars of 4/4, are drawn at their full width; more share the width of these.
const WIDE_STEPS: usize = 128;
const STEP_WIDTH: f32 = 15.0;
const MIN_WIDTH: f32 = 620.0;
/// Keys that are drawn around a single note.
const MARGIN_KEYS: u8 = 2;

const WHITE_KEY: Colour = Colour(25, 29, 37);
const BLACK_KEY: Colour = Colour(18, 21, 27);
const BEAT_LINE: Colour = Colour(45, 51, 64);
/// By channel: melody, bass.
const VOICES: [Colour; 2] = [Colour(255, 170, 70), Colour(90, 170, 255)];
const DRUMS: Colour = Colour(236, 238, 245);

/// What a piano roll of melodies shows: notes on the lanes of their keys, and the drums that play with them.
#[derive(Debug, Clone)]
pub struct KeyRoll<'a> {
    keys: &'a [Note],
    /// Drum and note.
    drums: Vec<(Voice, &'a Note)>,
    n_bars: usize,
    steps_per_bar: usize,
}

impl<'a> KeyRoll<'a> {
    /// The roll of as many [as can be drawn](drawn_bars) of `n_bars` bars of `steps_per_bar` steps; drums outside of `map`
    /// are left out.
    #[must_use]
    pub fn new(
        keys: &'a [Note],
        drums: &'a [Note],
        n_bars: usize,
        steps_per_bar: usize,
        map: &DrumMap,
    ) -> Self {
        let drums = drums
            .iter()
            .filter_map(|note| Some((map.voice(note.pitch)?, note)));
        Self {
            keys,
            drums: drums.collect(),
            n_bars: drawn_bars(n_bars, steps_per_bar),
            steps_per_bar,
        }
    }

    /// The lowest and the highest key that has a lane.
    fn range(&self) -> (u8, u8) {
        let pitches = || self.keys.iter().map(|note| note.pitch);
        let (low, high) = match (pitches().min(), pitches().max()) {
            (Some(low), Some(high)) => (low, high),
            _ => (60, 60),
        };
        (
            low.saturating_sub(MARGIN_KEYS),
            high.saturating_add(MARGIN_KEYS).min(127),
        )
    }

    /// The drums that play, cymbals on top.
    fn voices(&self) -> Vec<Voice> {
        let plays = |voice: &Voice| self.drums.iter().any(|(of, _)| of == voice);
        Voice::ALL.into_iter().rev().filter(plays).collect()
    }

    /// The picture's file, with `title` above it.
    ///
    /// # Errors
    /// If the PNG encoder fails.
    pub fn encode(&self, title: &str, kind: PictureKind) -> anyhow::Result<Vec<u8>> {
        self.picture(title).encode(kind)
    }

    fn picture(&self, title: &str) -> Picture {
        let (low, high) = self.range();
        let voices = self.voices();
        let n_steps = self.n_bars * self.steps_per_bar;
        let step_width = STEP_WIDTH * length(n_steps.min(WIDE_STEPS)) / length(n_steps);
        let roll_width = step_width * length(n_steps);
        let keys_height = f32::from(high - low + 1) * LANE_HEIGHT;
        let height = TOP + keys_height + length(voices.len()) * DRUM_LANE_HEIGHT + BOTTOM;
        let width = (LEFT + roll_width + RIGHT).max(MIN_WIDTH);

        let mut shapes = vec![Shape::title(LEFT, title)];
        for pitch in low..=high {
            let y = TOP + f32::from(high - pitch) * LANE_HEIGHT;
            let is_black = [1, 3, 6, 8, 10].contains(&(pitch % 12));
            let colour = if is_black { BLACK_KEY } else { WHITE_KEY };
            shapes.push(Shape::rectangle(
                LEFT,
                y,
                roll_width,
                LANE_HEIGHT - 1.0,
                colour,
            ));
            if pitch.is_multiple_of(12) {
                let name = format!("C{}", i16::from(pitch / 12) - 1);
                let baseline = y + LANE_HEIGHT - 1.0;
                shapes.push(Shape::label(
                    LEFT - 12.0,
                    baseline,
                    11.0,
                    Anchor::End,
                    &name,
                ));
            }
        }
        for (lane, voice) in voices.iter().enumerate() {
            let y = TOP + keys_height + length(lane) * DRUM_LANE_HEIGHT;
            shapes.push(Shape::rectangle(
                LEFT,
                y + 1.0,
                roll_width,
                DRUM_LANE_HEIGHT - 2.0,
                BLACK_KEY,
            ));
            shapes.push(Shape::label(
                LEFT - 12.0,
                y + DRUM_LANE_HEIGHT - 4.0,
                12.0,
                Anchor::End,
                voice.name(),
            ));
        }
        self.lines(&mut shapes, step_width, height - BOTTOM);

        let x_of = |onset_beats: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "a place in the picture")]
            let beats = onset_beats as f32;
            LEFT + beats * length(STEPS_PER_BEAT) * step_width
        };
        let right_end = LEFT + roll_width;
        for note in self.keys {
            let x = x_of(note.onset_beats);
            let end = x_of(note.onset_beats + note.duration_beats).min(right_end);
            if x < right_end {
                let y = TOP + f32::from(high - note.pitch) * LANE_HEIGHT;
                let colour = VOICES[usize::from(note.channel) % VOICES.len()];
                let bright = Colour::BACKGROUND.towards(colour, 0.5 + 0.5 * note.velocity);
                let width = (end - x - 1.0).max(1.0);
                shapes.push(Shape::rectangle(x, y, width, LANE_HEIGHT - 1.0, bright));
            }
        }
        for (voice, note) in &self.drums {
            let lane = voices.iter().position(|of| of == voice);
            let x = x_of(note.onset_beats);
            if let Some(lane) = lane.filter(|_| x < right_end) {
                let y = TOP + keys_height + length(lane) * DRUM_LANE_HEIGHT;
                let bright = Colour::BACKGROUND.towards(DRUMS, 0.4 + 0.6 * note.velocity);
                let width = (step_width * 0.6).max(1.0);
                shapes.push(Shape::rectangle(
                    x,
                    y + 2.0,
                    width,
                    DRUM_LANE_HEIGHT - 4.0,
                    bright,
                ));
            }
        }
        Picture {
            width,
            height,
            background: Colour::BACKGROUND,
            shapes,
        }
    }

    /// The lines of beats and bars, and the bars' numbers.
    fn lines(&self, shapes: &mut Vec<Shape>, step_width: f32, bottom: f32) {
        for step in 0..=self.n_bars * self.steps_per_bar {
            let x = LEFT + length(step) * step_width;
            let step_of_bar = step % self.steps_per_bar;
            let (colour, above) = if step_of_bar == 0 {
                (Colour::BAR_LINE, 6.0)
            } else if step_of_bar.is_multiple_of(STEPS_PER_BEAT) {
                (BEAT_LINE, 0.0)
            } else {
                continue;
            };
            shapes.push(Shape::rectangle(
                x - 0.5,
                TOP - above,
                1.0,
                bottom - TOP + above,
                colour,
            ));
        }
        for bar in 0..self.n_bars {
            let x = LEFT + length(bar * self.steps_per_bar) * step_width + 4.0;
            let number = (bar + 1).to_string();
            shapes.push(Shape::label(x, TOP - 9.0, 11.0, Anchor::Start, &number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(onset_beats: f64, pitch: u8, channel: u8) -> Note {
        Note {
            onset_beats,
            duration_beats: 2.0,
            pitch,
            velocity: 1.0,
            channel,
        }
    }

    #[test]
    fn a_note_is_as_wide_as_it_is_long_and_higher_ones_stand_above() {
        let keys = [note(0.0, 60, 0), note(4.0, 72, 1)];
        let picture = KeyRoll::new(&keys, &[], 2, 16, &DrumMap::GM).picture("A trio");
        let marks: Vec<(f32, f32, f32)> = picture
            .shapes
            .iter()
            .filter_map(|shape| match shape {
                Shape::Rectangle {
                    x,
                    y,
                    width,
                    colour,
                    ..
                } if VOICES.contains(colour) => Some((*x, *y, *width)),
                _ => None,
            })
            .collect();
        let [low, high] = marks[..] else {
            panic!("two notes are two marks: {marks:?}")
        };
        assert_eq!((low.0, low.2), (LEFT, 8.0 * STEP_WIDTH - 1.0));
        assert_eq!(high.0, LEFT + 16.0 * STEP_WIDTH);
        assert!(high.1 < low.1);
    }

    #[test]
    fn the_drums_of_a_trio_have_lanes_below() {
        let drums = [note(0.0, 36, 9), note(1.0, 38, 9)];
        let roll = KeyRoll::new(&[], &drums, 1, 16, &DrumMap::GM);
        assert_eq!(roll.voices(), [Voice::Snare, Voice::Kick]);
        let svg = roll.picture("A & B").to_svg();
        assert!(svg.contains(Voice::Kick.name()) && svg.contains("A &amp; B"));
    }
}
