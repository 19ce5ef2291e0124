//! A pattern ready to be played: hits in beats and the length of the loop.
//!
//! A pattern keeps each hit's place on the grid apart from how far off the grid it is played, so that the amount of
//! feel can change while it plays, without asking the network again.

mod lanes;
mod level;
mod notes;

pub use lanes::{Lane, Lanes};
pub use level::Level;

use crate::drums::Voice;
use serde::{Deserialize, Serialize};

/// Length of a drum note of which nothing else is said, in beats: one 16th.
pub const NOTE_BEATS: f64 = 0.25;

/// Shortest note of a clip, in beats: a 32nd. It leaves room for the latest hit of a loop as it was generated.
const SHORTEST_NOTE_BEATS: f64 = 0.125;

/// The softest velocity that still sounds: MIDI's 1 of 127. A note-on with velocity 0 would be a note-off.
pub const SOFTEST: f32 = 1.0 / 127.0;

/// Length of a bar of 4/4.
pub const BAR_BEATS: f64 = 4.0;

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

/// A hit as it is played in a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// When, in beats from the clip's start.
    pub onset_beats: f64,
    /// Its place on the grid, in beats from the loop's start.
    pub grid_beats: f64,
    /// Which drum.
    pub voice: Voice,
    /// How loud, greater than 0 and at most 1.
    pub velocity: f32,
}

/// How much of a pattern's own timing and dynamics is played; 1 is as generated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Feel {
    /// Factor on every hit's distance from the grid; 0 is quantised, 2 doubles it.
    pub timing: f32,
    /// Factor on every hit's distance from the pattern's mean velocity; 0 is flat, 2 doubles the contrast.
    pub velocity: f32,
    /// What is heard of each drum.
    pub lanes: Lanes,
    /// How loud the result is sent.
    pub level: Level,
}

impl Feel {
    /// The pattern as generated.
    pub const AS_GENERATED: Self = Self {
        timing: 1.0,
        velocity: 1.0,
        lanes: Lanes::AS_GENERATED,
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

    /// This loop cut or repeated to `loop_beats` (greater than 0), every hit as loud as here.
    ///
    /// The amount of dynamics counts from the mean of the whole loop, so the mean stays what it is here: a part of the
    /// loop sounds as it does in the loop.
    #[must_use]
    pub fn of_length(&self, loop_beats: f64) -> Self {
        let starts = (0_u32..).map(|round| f64::from(round) * self.loop_beats);
        let rounds = starts.take_while(|&start_beats| start_beats < loop_beats);
        let hits = rounds.flat_map(|start_beats| {
            self.hits.iter().map(move |hit| Hit {
                grid_beats: start_beats + hit.grid_beats,
                ..*hit
            })
        });
        Self {
            hits: hits.filter(|hit| hit.grid_beats < loop_beats).collect(),
            loop_beats,
            mean_velocity: self.mean_velocity,
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

    /// How loud `hit` is played if it is: never silent, at most 1.
    #[must_use]
    pub fn velocity(&self, hit: &Hit, feel: Feel) -> f32 {
        // In this form, the amount 1 is exact.
        let velocity = hit.velocity + (feel.velocity - 1.0) * (hit.velocity - self.mean_velocity);
        let trimmed = velocity.clamp(SOFTEST, 1.0) * feel.lanes.of(hit.voice).velocity;
        feel.level.of(trimmed.clamp(SOFTEST, 1.0))
    }

    /// Whether `hit`, one of this pattern, is played.
    #[must_use]
    pub fn is_heard(&self, hit: &Hit, feel: Feel) -> bool {
        let lane = feel.lanes.of(hit.voice);
        lane.is_heard && (lane.density >= 1.0 || self.share_before(hit) < lane.density)
    }

    /// Share of the hits of the same drum in the same bar that a thinned-out pattern keeps rather than `hit`: the louder
    /// ones, and of equals the earlier.
    fn share_before(&self, hit: &Hit) -> f32 {
        let bar_beats = (hit.grid_beats / BAR_BEATS).floor() * BAR_BEATS;
        let first = self
            .hits
            .partition_point(|other| other.grid_beats < bar_beats);
        let of_bar = self.hits[first..]
            .iter()
            .take_while(|other| other.grid_beats < bar_beats + BAR_BEATS);
        let (mut n_before, mut n_all) = (0.0, 0.0);
        for other in of_bar.filter(|other| other.voice == hit.voice) {
            n_all += 1.0;
            let is_before = other.velocity > hit.velocity
                || other.velocity >= hit.velocity && other.grid_beats < hit.grid_beats;
            n_before += if is_before { 1.0 } else { 0.0 };
        }
        n_before / n_all
    }

    /// When `hit` is played in a clip, which begins and ends with the loop; see [`Self::to_notes`].
    fn clip_onset_beats(&self, hit: &Hit, feel: Feel) -> f64 {
        let onset_beats = hit.grid_beats + f64::from(feel.timing) * hit.offset_beats;
        let latest_beats = (self.loop_beats - SHORTEST_NOTE_BEATS).max(0.0);
        onset_beats.clamp(0.0, latest_beats)
    }

    /// What is heard of the loop in a clip, in the order of time; see [`Self::to_notes`].
    #[must_use]
    pub fn to_strokes(&self, feel: Feel) -> Vec<Stroke> {
        let heard = self.hits.iter().filter(|hit| self.is_heard(hit, feel));
        let mut strokes: Vec<Stroke> = heard
            .map(|hit| Stroke {
                onset_beats: self.clip_onset_beats(hit, feel),
                grid_beats: hit.grid_beats,
                voice: hit.voice,
                velocity: self.velocity(hit, feel),
            })
            .collect();
        strokes.sort_by(|a, b| a.onset_beats.total_cmp(&b.onset_beats));
        strokes
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
    use crate::drums::DrumMap;

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
            let notes = pattern.to_notes(timing(amount), &DrumMap::GM.keys(), 9);
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
    fn a_loop_that_is_cut_or_repeated_sounds_as_it_does_in_the_whole() {
        let hits = vec![
            hit(0.0, -0.1, Voice::Kick, 0.9),
            hit(4.0, -0.1, Voice::Kick, 0.3),
            hit(7.75, 0.1, Voice::Snare, 0.6),
        ];
        let pattern = Pattern::new(hits, 8.0);
        let feel = Feel {
            velocity: 2.0,
            ..Feel::AS_GENERATED
        };
        let whole = pattern.to_strokes(feel);
        assert_eq!(pattern.of_length(4.0).to_strokes(feel), whole[..1]);
        let twice = pattern.of_length(16.0);
        assert_eq!((twice.loop_beats(), twice.hits().len()), (16.0, 6));
        let strokes = twice.to_strokes(feel);
        assert_eq!(strokes[..2], whole[..2]);
        // Only the clip's own end cuts, and only its own start waits.
        assert!((strokes[2].onset_beats - 7.85).abs() < 1e-9);
        assert!((strokes[3].onset_beats - 7.9).abs() < 1e-9);
        for (again, first) in strokes[3..].iter().zip(&whole) {
            assert_eq!((again.voice, again.velocity), (first.voice, first.velocity));
        }
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

    /// Everything about `voice` as `lane` has it.
    fn with_lane(voice: Voice, lane: Lane) -> Feel {
        let mut feel = Feel::AS_GENERATED;
        feel.lanes.0[voice.index()] = lane;
        feel
    }

    #[test]
    fn a_thinned_out_drum_loses_the_softest_hits_of_every_bar_and_the_others_none() {
        let velocities = [0.9, 0.3, 0.6, 0.3];
        let bar = |first_beats: f64| {
            let beats = [0.0, 1.0, 2.0, 3.0].into_iter();
            beats
                .zip(velocities)
                .map(move |(beats, velocity)| hit(first_beats + beats, 0.0, Voice::Snare, velocity))
        };
        let mut hits: Vec<Hit> = bar(0.0).chain(bar(4.0)).collect();
        hits.push(hit(0.0, 0.0, Voice::Kick, 0.1));
        let pattern = Pattern::new(hits, 8.0);
        let heard = |density| {
            let lane = Lane {
                density,
                ..Lane::AS_GENERATED
            };
            let feel = with_lane(Voice::Snare, lane);
            let heard = pattern
                .hits()
                .iter()
                .filter(|hit| pattern.is_heard(hit, feel));
            heard.map(|hit| hit.grid_beats).collect::<Vec<_>>()
        };
        assert_eq!(heard(1.0).len(), 9);
        assert_eq!(heard(0.75), [0.0, 0.0, 1.0, 2.0, 4.0, 5.0, 6.0]);
        assert_eq!(heard(0.5), [0.0, 0.0, 2.0, 4.0, 6.0]);
        assert_eq!(heard(0.01), [0.0, 0.0, 4.0]);
        assert_eq!(heard(0.0), [0.0], "the kick");
    }

    #[test]
    fn a_mute_and_a_trim_are_of_one_drum_and_in_its_notes() {
        let hits = vec![
            hit(0.0, 0.0, Voice::Kick, 0.5),
            hit(1.0, 0.0, Voice::Snare, 0.5),
        ];
        let pattern = Pattern::new(hits, 4.0);
        let notes = |lane| {
            let notes = pattern.to_notes(with_lane(Voice::Kick, lane), &DrumMap::GM.keys(), 9);
            let heard = notes.iter().map(|note| (note.pitch, note.velocity));
            heard.collect::<Vec<_>>()
        };
        let muted = Lane {
            is_heard: false,
            ..Lane::AS_GENERATED
        };
        assert_eq!(notes(muted), [(38, 0.5)]);
        let trim = |velocity| Lane {
            velocity,
            ..Lane::AS_GENERATED
        };
        assert_eq!(notes(trim(0.5)), [(36, 0.25), (38, 0.5)]);
        assert_eq!(notes(trim(2.0)), [(36, 1.0), (38, 0.5)]);
        assert_eq!(notes(trim(0.0)), [(36, SOFTEST), (38, 0.5)]);
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
