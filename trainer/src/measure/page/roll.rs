//! Piano rolls on the page: small, several on the same lanes, in the page's colours. Drums have a lane each, marked where
//! they sound (amber ahead of the grid, blue behind); melodies are bars between their lowest and highest note. The crate of
//! piano rolls draws single pictures with a ground of their own, which can be PNG; these are styled by the page.

use crate::measure::statistics::count;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::midi::DRUM_CHANNEL;
use fourbar_model::note::Note;
use fourbar_roll::{LANES, escape};
use maud::{Markup, PreEscaped};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 84.0;
/// Deviation from the grid from which a hit is early or late, in steps: a few milliseconds.
const ON_GRID_STEPS: f64 = 0.04;

/// What several rolls have in common.
pub(super) struct Scene<'a> {
    map: &'a DrumMap,
    n_steps: usize,
    drums: Vec<Drum>,
    /// Lowest and highest key of the melodies.
    keys: Option<(u8, u8)>,
}

/// What is drawn on one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drum {
    Voice(Voice),
    /// A key that is none of the nine drums.
    Key(u8),
}

/// How large a roll is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// To be looked at.
    Full,
    /// One of many in a strip.
    Strip,
}

impl Size {
    fn lane(self) -> f64 {
        match self {
            Self::Full => 14.0,
            Self::Strip => 10.0,
        }
    }

    /// Height of all keys together.
    fn melody(self) -> f64 {
        match self {
            Self::Full => 110.0,
            Self::Strip => 54.0,
        }
    }
}

impl<'a> Scene<'a> {
    /// The lanes that some of `rolls` use, for sequences of `n_steps` 16ths.
    pub(super) fn of<'n>(
        rolls: impl Iterator<Item = &'n Vec<Note>>,
        n_steps: usize,
        map: &'a DrumMap,
    ) -> Self {
        let notes: Vec<&Note> = rolls.flatten().collect();
        let (drums, melodies): (Vec<&Note>, Vec<&Note>) = notes
            .into_iter()
            .partition(|note| note.channel == DRUM_CHANNEL);
        let mut used: Vec<Drum> = drums.iter().map(|note| drum(note, map)).collect();
        let order = |drum: &Drum| match drum {
            Drum::Key(key) => (0, u8::MAX - key),
            Drum::Voice(voice) => {
                let lane = LANES.iter().position(|lane| lane == voice);
                (1, u8::try_from(lane.unwrap_or_default()).unwrap_or(u8::MAX))
            }
        };
        used.sort_by_key(order);
        used.dedup();
        let keys = melodies.iter().map(|note| note.pitch);
        Self {
            map,
            n_steps,
            drums: used,
            keys: keys.clone().min().zip(keys.max()),
        }
    }

    /// One roll, with the names of its lanes; `label` says what it is to who cannot see it.
    pub(super) fn to_svg(&self, notes: &[Note], size: Size, label: &str) -> Markup {
        let melody = self.keys.map_or(0.0, |_| size.melody());
        let lanes = size.lane() * count(self.drums.len());
        let height = (melody + lanes).max(size.lane());
        let name = escape(label);
        let mut svg = format!(
            "<svg class=\"roll\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{name}\">\n"
        );
        svg += &self.grid(size, melody, height);
        for note in notes {
            svg += &if note.channel == DRUM_CHANNEL {
                self.hit(note, size, melody)
            } else {
                self.bar(note, size)
            };
        }
        PreEscaped(svg + "\n</svg>\n")
    }

    /// Lanes, their names, and the lines of steps, beats and bars.
    fn grid(&self, size: Size, melody: f64, height: f64) -> String {
        let mut svg = String::new();
        let width = WIDTH - LEFT;
        if melody > 0.0 {
            svg += &format!(
                "<rect class=\"ground\" x=\"{LEFT}\" y=\"0\" width=\"{width}\" height=\"{:.1}\"/>",
                melody - 1.0
            );
        }
        for (lane, drum) in self.drums.iter().enumerate() {
            let top = melody + size.lane() * count(lane);
            svg += &format!(
                "<rect class=\"ground\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width}\" height=\"{:.1}\"/>",
                size.lane() - 1.0
            );
            let name = match drum {
                Drum::Voice(voice) => voice.name().to_owned(),
                Drum::Key(key) => format!("key {key}"),
            };
            svg += &format!(
                "<text class=\"lane\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 8.0,
                top + 0.74 * size.lane(),
                (size.lane() - 1.0).min(11.0)
            );
        }
        // In many bars the lines of the beats would hide the music.
        let every = if self.n_steps > 4 * STEPS_PER_BAR {
            STEPS_PER_BAR
        } else {
            STEPS_PER_BEAT
        };
        for step in (0..=self.n_steps).step_by(every) {
            let kind = if step.is_multiple_of(STEPS_PER_BAR) {
                "bar"
            } else {
                "beat"
            };
            let x = self.x(count(step));
            svg += &format!("<path class=\"{kind}\" d=\"M{x:.1} 0V{height:.1}\"/>");
        }
        svg.push('\n');
        svg
    }

    /// A drum's mark: how far from its 16th it stands is its timing, height and opacity are its velocity.
    fn hit(&self, note: &Note, size: Size, melody: f64) -> String {
        let drum = drum(note, self.map);
        let Some(lane) = self.drums.iter().position(|lane| *lane == drum) else {
            return String::new();
        };
        let steps = note.onset_beats * count(STEPS_PER_BEAT);
        let late = steps - steps.round();
        // A hit that is ahead of the loop's first step sounds at its end; it is read where it belongs.
        let first = steps.round() >= count(self.n_steps);
        let place = if first { late } else { steps };
        let kind = if late < -ON_GRID_STEPS {
            "early"
        } else if late > ON_GRID_STEPS {
            "late"
        } else {
            "on"
        };
        let velocity = f64::from(note.velocity.clamp(0.0, 1.0));
        let room = size.lane() - 2.0;
        let height = room * (0.35 + 0.65 * velocity);
        let bottom = melody + size.lane() * count(lane + 1) - 1.5;
        let width = (0.62 * self.step_width()).min(9.0);
        format!(
            "<rect class=\"{kind}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1\" opacity=\"{:.2}\"/>",
            self.x(place),
            bottom - height,
            0.45 + 0.55 * velocity
        )
    }

    /// A melody's note, as long as it sounds.
    fn bar(&self, note: &Note, size: Size) -> String {
        let (low, high) = self.keys.unwrap_or((note.pitch, note.pitch));
        let key = (size.melody() - 1.0) / (f64::from(high - low) + 1.0);
        let beat = count(STEPS_PER_BEAT);
        let width = note.duration_beats * beat * self.step_width() - 0.8;
        format!(
            "<rect class=\"voice{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"1\"/>",
            note.channel.min(1),
            self.x(note.onset_beats * beat),
            f64::from(high.saturating_sub(note.pitch)) * key,
            width.max(1.0),
            key.clamp(1.5, 8.0)
        )
    }

    fn step_width(&self) -> f64 {
        (WIDTH - LEFT - 1.0) / count(self.n_steps.max(1))
    }

    fn x(&self, steps: f64) -> f64 {
        LEFT + steps * self.step_width()
    }
}

fn drum(note: &Note, map: &DrumMap) -> Drum {
    map.voice(note.pitch)
        .map_or(Drum::Key(note.pitch), Drum::Voice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(onset_beats: f64, pitch: u8, channel: u8) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.5,
            pitch,
            velocity: 0.8,
            channel,
        }
    }

    #[test]
    fn only_lanes_that_are_used_are_drawn_cymbals_above_the_kick() {
        let rolls = [
            vec![note(0.0, 36, DRUM_CHANNEL)],
            vec![note(0.0, 49, DRUM_CHANNEL), note(0.0, 60, DRUM_CHANNEL)],
        ];
        let scene = Scene::of(rolls.iter(), 16, &DrumMap::GM);
        let crash = Drum::Voice(Voice::Crash);
        assert_eq!(scene.drums.last(), Some(&Drum::Voice(Voice::Kick)));
        assert!(scene.drums.contains(&crash) && scene.keys.is_none());
        let svg = scene.to_svg(&rolls[0], Size::Full, "a < b").into_string();
        assert!(svg.contains("kick") && svg.contains("crash") && svg.contains("a &lt; b"));
        assert_eq!(svg.matches("class=\"on\"").count(), 1);
    }

    #[test]
    fn a_hit_shows_whether_it_is_early_or_late() {
        let rolls = [vec![
            note(0.97, 36, DRUM_CHANNEL),
            note(2.03, 36, DRUM_CHANNEL),
        ]];
        let svg = Scene::of(rolls.iter(), 16, &DrumMap::GM)
            .to_svg(&rolls[0], Size::Strip, "0.5")
            .into_string();
        assert!(svg.contains("class=\"early\"") && svg.contains("class=\"late\""));
    }

    #[test]
    fn a_hit_that_announces_the_loop_is_drawn_before_its_first_step() {
        let rolls = [vec![note(3.97, 36, DRUM_CHANNEL)]];
        let scene = Scene::of(rolls.iter(), 16, &DrumMap::GM);
        let svg = scene.to_svg(&rolls[0], Size::Full, "").into_string();
        let expected = format!("class=\"early\" x=\"{:.1}\"", scene.x(-0.12));
        assert!(svg.contains(&expected), "{svg}");
    }

    #[test]
    fn melody_and_bass_are_told_apart_and_stay_within_their_keys() {
        let rolls = [vec![note(0.0, 72, 0), note(0.0, 36, 1)]];
        let scene = Scene::of(rolls.iter(), 16, &DrumMap::GM);
        assert_eq!((scene.keys, scene.drums.len()), (Some((36, 72)), 0));
        let svg = scene.to_svg(&rolls[0], Size::Full, "trio").into_string();
        assert!(svg.contains("voice0") && svg.contains("voice1"));
    }
}
