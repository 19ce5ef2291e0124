//! A pattern ready to be played: hits in beats and the length of the loop.
//!
//! A pattern keeps each hit's place on the grid apart from how far off the grid it is played, so that the amount of
//! feel can change while it plays, without asking the network again.

mod level;

pub use level::Level;

use crate::drums::{DrumMap, N_VOICES, Voice};
use crate::note::Note;
use serde::{Deserialize, Serialize};

/// Length of every drum note, in beats: one 16th.
pub const NOTE_BEATS: f64 = 0.25;

/// Shortest note of a clip, in beats: a 32nd. It leaves room for the latest hit of a loop as it was generated.
const SHORTEST_NOTE_BEATS: f64 = 0.125;

/// The softest velocity that still sounds: MIDI's 1 of 127. A note-on with velocity 0 would be a note-off.
pub const SOFTEST: f32 = 1.0 / 127.0;

/// The longest loop that is restored from a saved project, a thousand bars: a damaged length must not fill the memory.
const LONGEST_LOOP_BEATS: f64 = 4000.0;

/// One drum hit of a [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Place on the grid, in beats from the start of the loop.
    pub grid_beats: f64,
    /// Distance from the grid, in beats; **late is positive**, as a clock counts.
    pub offset_beats: f64,
    /// Which drum.
    pub voice: Voice,
    /// Loudness, greater than 0 and at most 1.
    pub velocity: f32,
}

/// How much of a pattern's own timing and dynamics is played; 1 is as generated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Feel {
    /// Factor on every hit's distance from the grid; 0 is quantised, 2 doubles it.
    pub timing: f32,
    /// Factor on every hit's distance from the pattern's mean velocity; 0 is flat, 2 doubles the contrast.
    pub velocity: f32,
    /// How loud the result is sent.
    pub level: Level,
}

impl Feel {
    /// The pattern as generated.
    pub const AS_GENERATED: Self = Self {
        timing: 1.0,
        velocity: 1.0,
        level: Level::AS_GENERATED,
    };
}

/// A loop of drum hits, in the order of their places on the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedPattern", into = "SavedPattern")]
pub struct Pattern {
    hits: Vec<Hit>,
    loop_beats: f64,
    mean_velocity: f32,
}

impl Pattern {
    /// A loop of `loop_beats` (greater than 0) with these hits, in any order.
    #[must_use]
    pub fn new(mut hits: Vec<Hit>, loop_beats: f64) -> Self {
        hits.sort_by(|a, b| {
            a.grid_beats
                .total_cmp(&b.grid_beats)
                .then(a.voice.cmp(&b.voice))
        });
        let mean_velocity = mean_velocity(&hits);
        Self {
            hits,
            loop_beats,
            mean_velocity,
        }
    }

    /// The hits, by place on the grid, then by drum.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Length of the loop, in beats.
    #[must_use]
    pub fn loop_beats(&self) -> f64 {
        self.loop_beats
    }

    /// When `hit` is played, in beats from the start of the loop and below its length.
    ///
    /// An early hit on the first step comes out at the end of the loop, where it announces the next round.
    #[must_use]
    pub fn onset_beats(&self, hit: &Hit, feel: Feel) -> f64 {
        let wrapped = (hit.grid_beats + f64::from(feel.timing) * hit.offset_beats)
            .rem_euclid(self.loop_beats);
        // The remainder of a tiny negative number rounds to the loop length itself.
        if wrapped < self.loop_beats {
            wrapped
        } else {
            0.0
        }
    }

    /// How loud `hit` is played: never silent, at most 1.
    #[must_use]
    pub fn velocity(&self, hit: &Hit, feel: Feel) -> f32 {
        // In this form, the amount 1 is exact.
        let velocity = hit.velocity + (feel.velocity - 1.0) * (hit.velocity - self.mean_velocity);
        feel.level.of(velocity.clamp(SOFTEST, 1.0))
    }

    /// When `hit` is played in a clip, which begins and ends with the loop; see [`Self::to_notes`].
    fn clip_onset_beats(&self, hit: &Hit, feel: Feel) -> f64 {
        let onset_beats = hit.grid_beats + f64::from(feel.timing) * hit.offset_beats;
        let latest_beats = (self.loop_beats - SHORTEST_NOTE_BEATS).max(0.0);
        onset_beats.clamp(0.0, latest_beats)
    }

    /// The loop as the notes of a clip, sorted by onset, then by drum: what the plugin plays from the song's start to
    /// the loop's end.
    ///
    /// A note lasts [`NOTE_BEATS`], but ends where its own drum is struck again and never after the loop's end. Of two
    /// hits of one drum at the very same moment, the louder is played.
    ///
    /// A clip begins with its "one": a hit that anticipates the loop's start is played at the start, as it is where a
    /// song starts. At the clip's end, which has to be the loop's or the clip could not be looped, a note would be cut
    /// to what the hit is early, often less than 10 ms, and nothing would sound on the first beat of the first round.
    /// Every other hit is where it is, but for an exaggerated timing: the last note keeps a 32nd.
    #[must_use]
    pub fn to_notes(&self, feel: Feel, map: &DrumMap, channel: u8) -> Vec<Note> {
        let mut played: Vec<(f64, Voice, f32)> = self
            .hits
            .iter()
            .map(|hit| {
                (
                    self.clip_onset_beats(hit, feel),
                    hit.voice,
                    self.velocity(hit, feel),
                )
            })
            .collect();
        played.sort_by(|a, b| {
            a.0.total_cmp(&b.0)
                .then(a.1.cmp(&b.1))
                .then(b.2.total_cmp(&a.2))
        });
        played.dedup_by(|later, earlier| later.0 == earlier.0 && later.1 == earlier.1);

        let mut next_onset = [self.loop_beats; N_VOICES];
        let mut notes = Vec::with_capacity(played.len());
        for &(onset_beats, voice, velocity) in played.iter().rev() {
            let end_beats = (onset_beats + NOTE_BEATS).min(next_onset[voice.index()]);
            next_onset[voice.index()] = onset_beats;
            let duration_beats = end_beats - onset_beats;
            notes.push(Note {
                onset_beats,
                duration_beats,
                pitch: map.pitch(voice),
                velocity,
                channel,
            });
        }
        notes.reverse();
        notes
    }
}

fn mean_velocity(hits: &[Hit]) -> f32 {
    if hits.is_empty() {
        return 0.0;
    }
    let sum: f64 = hits.iter().map(|hit| f64::from(hit.velocity)).sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "rounding to single precision"
    )]
    let mean = (sum / hits.len() as f64) as f32;
    mean
}

/// What is saved of a [`Pattern`]; the rest follows from it.
#[derive(Serialize, Deserialize)]
struct SavedPattern {
    hits: Vec<Hit>,
    loop_beats: f64,
}

impl From<Pattern> for SavedPattern {
    fn from(pattern: Pattern) -> Self {
        Self {
            hits: pattern.hits,
            loop_beats: pattern.loop_beats,
        }
    }
}

/// A saved project can be damaged; a pattern that is not a loop must not reach the audio thread.
impl TryFrom<SavedPattern> for Pattern {
    type Error = String;

    fn try_from(saved: SavedPattern) -> Result<Self, String> {
        let length = saved.loop_beats;
        if !(length > 0.0 && length <= LONGEST_LOOP_BEATS) {
            return Err(format!("a pattern cannot be {length} beats long"));
        }
        for (index, hit) in saved.hits.iter().enumerate() {
            if !(0.0..length).contains(&hit.grid_beats) || !hit.offset_beats.is_finite() {
                return Err(format!(
                    "hit {index} of the pattern lies outside its loop of {length} beats"
                ));
            }
            if !(hit.velocity > 0.0 && hit.velocity <= 1.0) {
                return Err(format!(
                    "hit {index} of the pattern has the impossible velocity {}",
                    hit.velocity
                ));
            }
        }
        Ok(Self::new(saved.hits, length))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn hit(grid_beats: f64, offset_beats: f64, voice: Voice, velocity: f32) -> Hit {
        Hit {
            grid_beats,
            offset_beats,
            voice,
            velocity,
        }
    }

    fn timing(amount: f32) -> Feel {
        Feel {
            timing: amount,
            ..Feel::AS_GENERATED
        }
    }

    #[test]
    fn an_early_hit_on_the_first_step_is_played_at_the_end_of_the_loop() {
        let pattern = Pattern::new(vec![hit(0.0, -0.125, Voice::Kick, 0.5)], 16.0);
        let onset_beats = pattern.onset_beats(&pattern.hits()[0], Feel::AS_GENERATED);
        assert_eq!(onset_beats, 15.875);
    }

    #[test]
    fn a_clip_begins_with_its_one_and_its_last_note_keeps_a_32nd() {
        let hits = vec![
            hit(0.0, -0.1, Voice::Kick, 0.5),
            hit(15.75, 0.1, Voice::Snare, 0.5),
            hit(15.75, 0.12, Voice::Ride, 0.5),
        ];
        let pattern = Pattern::new(hits, 16.0);
        let played = |amount| {
            let notes = pattern.to_notes(timing(amount), &DrumMap::GM, 9);
            let end = notes
                .iter()
                .map(|note| note.onset_beats + note.duration_beats);
            assert!(end.fold(0.0, f64::max) <= 16.0);
            notes
                .iter()
                .map(|note| (note.pitch, note.onset_beats, note.duration_beats))
                .collect::<Vec<_>>()
        };
        assert_eq!(played(1.0)[0], (36, 0.0, NOTE_BEATS));
        assert_eq!(played(1.0)[1].1, 15.85);
        assert!(played(1.0).iter().all(|note| note.2 > 0.125));
        assert_eq!(played(2.0)[0], (36, 0.0, NOTE_BEATS));
        assert_eq!(played(2.0)[1..], [(38, 15.875, 0.125), (51, 15.875, 0.125)]);
    }

    #[test]
    fn an_onset_never_reaches_the_loop_length() {
        let pattern = Pattern::new(vec![hit(0.0, -1e-20, Voice::Kick, 0.5)], 16.0);
        assert_eq!(
            pattern.onset_beats(&pattern.hits()[0], Feel::AS_GENERATED),
            0.0
        );
    }

    #[test]
    fn timing_amount_scales_the_distance_from_the_grid() {
        let pattern = Pattern::new(vec![hit(1.0, 0.0625, Voice::Snare, 0.5)], 16.0);
        let onset = |amount| pattern.onset_beats(&pattern.hits()[0], timing(amount));
        assert_eq!([onset(0.0), onset(1.0), onset(2.0)], [1.0, 1.0625, 1.125]);
    }

    #[test]
    fn velocity_amount_scales_the_distance_from_the_mean_and_never_silences() {
        let hits = vec![
            hit(0.0, 0.0, Voice::Kick, 0.25),
            hit(1.0, 0.0, Voice::Kick, 0.75),
        ];
        let pattern = Pattern::new(hits, 16.0);
        let played = |amount| {
            let feel = Feel {
                velocity: amount,
                ..Feel::AS_GENERATED
            };
            pattern
                .hits()
                .iter()
                .map(|hit| pattern.velocity(hit, feel))
                .collect::<Vec<_>>()
        };
        assert_eq!(played(0.0), [0.5, 0.5]);
        assert_eq!(played(1.0), [0.25, 0.75]);
        assert_eq!(played(2.0), [SOFTEST, 1.0]);
    }

    #[test]
    fn a_note_ends_where_its_own_drum_is_struck_again() {
        let hits = vec![
            hit(0.0, 0.125, Voice::Snare, 0.5),
            hit(0.25, 0.0, Voice::Snare, 0.5),
            hit(0.25, -0.0625, Voice::Kick, 0.5),
        ];
        let notes = Pattern::new(hits, 4.0).to_notes(Feel::AS_GENERATED, &DrumMap::GM, 9);
        let heard: Vec<_> = notes
            .iter()
            .map(|note| (note.pitch, note.onset_beats, note.duration_beats))
            .collect();
        assert_eq!(
            heard,
            [(38, 0.125, 0.125), (36, 0.1875, 0.25), (38, 0.25, 0.25)]
        );
    }

    #[test]
    fn two_hits_of_one_drum_at_one_moment_are_the_louder_one() {
        let hits = vec![
            hit(0.0, 0.125, Voice::Snare, 0.5),
            hit(0.25, -0.125, Voice::Snare, 0.75),
        ];
        let notes = Pattern::new(hits, 4.0).to_notes(Feel::AS_GENERATED, &DrumMap::TD11, 3);
        let expected = Note {
            onset_beats: 0.125,
            duration_beats: 0.25,
            pitch: 38,
            velocity: 0.75,
            channel: 3,
        };
        assert_eq!(notes, [expected]);
    }

    #[test]
    fn hits_are_sorted_by_place_and_drum() {
        let hits = vec![
            hit(1.0, 0.0, Voice::Kick, 0.5),
            hit(0.5, 0.0, Voice::Ride, 0.5),
            hit(0.5, 0.0, Voice::Kick, 0.5),
        ];
        let pattern = Pattern::new(hits, 4.0);
        let order: Vec<_> = pattern
            .hits()
            .iter()
            .map(|hit| (hit.grid_beats, hit.voice))
            .collect();
        assert_eq!(
            order,
            [(0.5, Voice::Kick), (0.5, Voice::Ride), (1.0, Voice::Kick)]
        );
    }

    #[test]
    fn a_saved_pattern_returns_the_same() {
        let pattern = Pattern::new(
            vec![
                hit(0.0, -0.0312, Voice::Crash, 0.9),
                hit(3.75, 0.1, Voice::Ride, 0.3),
            ],
            16.0,
        );
        let json = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<Pattern>(&json).unwrap(), pattern);
    }

    #[test]
    fn a_damaged_saved_pattern_is_refused_with_its_place() {
        let refuse = |json: &str| {
            serde_json::from_str::<Pattern>(json)
                .unwrap_err()
                .to_string()
        };
        assert!(refuse(r#"{"hits": [], "loop_beats": 0.0}"#).contains("0 beats long"));
        assert!(refuse(r#"{"hits": [], "loop_beats": 1e300}"#).contains("beats long"));
        let hit = r#"{"grid_beats": 17.0, "offset_beats": 0.0, "voice": "kick", "velocity": 0.5}"#;
        assert!(refuse(&format!(r#"{{"hits": [{hit}], "loop_beats": 16.0}}"#)).contains("hit 0"));
        let hit = r#"{"grid_beats": 1.0, "offset_beats": 0.0, "voice": "kick", "velocity": 7.0}"#;
        assert!(
            refuse(&format!(r#"{{"hits": [{hit}], "loop_beats": 16.0}}"#)).contains("velocity 7")
        );
    }
}
