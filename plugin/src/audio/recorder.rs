//! Records what is played in, for one pass of the groove, and clicks while somebody needs the beat.
//!
//! A recording begins where a pass does. Who comes in a little early still plays the first step, so notes are taken half a
//! step before that; who comes in early at the end plays the first step of the next pass, which is the same.

use super::transport::BlockSpan;
use crate::recording::{Phase, Recorded, Recording};
use fourbar_model::drums::Voice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How early the first step can be played: half a step.
const EARLY_BEATS: f64 = 0.125;
/// How loud the click is on the "one", and on the other beats.
const CLICKS: (f32, f32) = (0.8, 0.45);
/// The drum that clicks.
pub(super) const CLICK: Voice = Voice::ClosedHat;
/// Places closer than this are the same: hosts round.
const SAME_PLACE_BEATS: f64 = 1e-6;

/// A note that came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Played {
    /// When, in samples from the start of the block.
    pub sample: u32,
    /// Its MIDI key.
    pub key: u8,
    /// The drum that the key plays, if it plays one.
    pub voice: Option<Voice>,
    /// How hard, 0–1.
    pub velocity: f32,
}

impl Played {
    /// No note, to fill an array with.
    pub const NOTHING: Self = Self {
        sample: 0,
        key: 0,
        voice: None,
        velocity: 0.0,
    };
}

/// Records passes. Owned by the audio thread.
#[derive(Debug)]
pub(super) struct Recorder {
    recording: Arc<Recording>,
    /// What is left of the pass that is recorded, and its whole length.
    left_beats: f64,
    pass_beats: f64,
}

impl Recorder {
    pub(super) fn new(recording: Arc<Recording>) -> Self {
        Self {
            recording,
            left_beats: 0.0,
            pass_beats: 0.0,
        }
    }

    /// Whether nothing but what is played in is to be heard.
    pub(super) fn replaces(&self) -> bool {
        self.recording.phase() == Phase::On && !self.is_overdub()
    }

    /// Records what of `played` falls into `span` of a song whose passes and bars are this long, and lets `click` know when to
    /// click and how loud.
    pub(super) fn record(
        &mut self,
        span: &BlockSpan,
        pass_beats: f64,
        bar_beats: f64,
        played: &[Played],
        mut click: impl FnMut(u32, f32),
    ) {
        let phase = self.recording.phase();
        if phase == Phase::Off {
            return;
        }
        if !span.playing {
            if phase == Phase::On {
                self.end();
            }
            return;
        }
        let place = (span.start_beats + SAME_PLACE_BEATS).rem_euclid(pass_beats);
        let until_pass = pass_beats - place;
        let length = span.end_beats - span.start_beats;
        if phase == Phase::Armed {
            let begins_here = place <= 2.0 * SAME_PLACE_BEATS;
            if begins_here || until_pass <= length {
                self.recording.go_to(Phase::On);
                self.pass_beats = pass_beats;
                // To the end of the pass that begins in this span.
                self.left_beats = pass_beats + if begins_here { 0.0 } else { until_pass };
            }
        }
        let is_on = self.recording.phase() == Phase::On;
        if is_on && !self.is_overdub() || !is_on && until_pass <= bar_beats {
            clicks(span, bar_beats, &mut click);
        }
        let end_sample = span.first_sample + span.n_samples;
        let is_here = |note: &&Played| (span.first_sample..end_sample).contains(&note.sample);
        for note in played.iter().filter(is_here) {
            let samples = f64::from(note.sample - span.first_sample);
            let from_start = samples * span.beats_per_sample;
            let counts = if is_on {
                // From where the pass begins, which may be later in the span.
                let from_pass = from_start + self.pass_beats - self.left_beats;
                (-EARLY_BEATS..self.pass_beats).contains(&from_pass)
            } else {
                until_pass - from_start <= EARLY_BEATS
            };
            if counts {
                self.recording.send(Recorded::Note {
                    beats: (span.start_beats + from_start).rem_euclid(pass_beats),
                    key: note.key,
                    velocity: note.velocity,
                });
            }
        }
        if is_on {
            self.left_beats -= length;
            if self.left_beats <= SAME_PLACE_BEATS {
                self.end();
            }
        }
    }

    fn is_overdub(&self) -> bool {
        self.recording.overdub.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.recording.send(Recorded::End(self.pass_beats));
        self.recording.go_to(Phase::Off);
    }
}

/// The beats in a span, by their samples.
fn clicks(span: &BlockSpan, bar_beats: f64, click: &mut impl FnMut(u32, f32)) {
    let mut beat = (span.start_beats - SAME_PLACE_BEATS).ceil();
    while beat < span.end_beats - SAME_PLACE_BEATS {
        let samples = ((beat - span.start_beats) / span.beats_per_sample).max(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the span"
        )]
        let sample = (samples as u32).min(span.n_samples - 1);
        let is_one = (beat + SAME_PLACE_BEATS).rem_euclid(bar_beats) < 2.0 * SAME_PLACE_BEATS;
        click(
            span.first_sample + sample,
            if is_one { CLICKS.0 } else { CLICKS.1 },
        );
        beat += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::transport::BlockOnset;
    use proptest::prelude::*;

    const SPAN_SAMPLES: u32 = 1_000;
    const BEATS_PER_SAMPLE: f64 = 1e-4;

    fn span(start_beats: f64) -> BlockSpan {
        BlockSpan {
            first_sample: 0,
            n_samples: SPAN_SAMPLES,
            playing: true,
            start_beats,
            end_beats: start_beats + f64::from(SPAN_SAMPLES) * BEATS_PER_SAMPLE,
            beats_per_sample: BEATS_PER_SAMPLE,
            onset: BlockOnset::Continues,
        }
    }

    /// Plays spans from 3 to 10 beats in a groove of 4, with a note at each of `notes`; what was recorded, and the beats
    /// that clicked.
    fn recorded(notes: &[f64], overdub: bool) -> (Vec<Recorded>, Vec<f64>) {
        let recording = Arc::new(Recording::default());
        recording.overdub.store(overdub, Ordering::Relaxed);
        recording.go_to(Phase::Armed);
        let mut recorder = Recorder::new(recording.clone());
        let mut clicked = Vec::new();
        for tenth in 30..100_u8 {
            let span = span(f64::from(tenth) / 10.0);
            let inside = notes
                .iter()
                .filter(|beats| (span.start_beats..span.end_beats).contains(beats));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in the span"
            )]
            let played: Vec<Played> = inside
                .map(|beats| Played {
                    sample: ((beats - span.start_beats) / BEATS_PER_SAMPLE) as u32,
                    key: 36,
                    voice: None,
                    velocity: 0.5,
                })
                .collect();
            recorder.record(&span, 4.0, 4.0, &played, |sample, _| {
                clicked.push((span.start_beats + f64::from(sample) * BEATS_PER_SAMPLE).round());
            });
        }
        assert_eq!(recording.phase(), Phase::Off);
        (
            std::iter::from_fn(|| recording.receive()).collect(),
            clicked,
        )
    }

    fn beats(recorded: &[Recorded]) -> Vec<f64> {
        let beats = |recorded: &Recorded| match recorded {
            Recorded::Note { beats, .. } => Some((beats * 100.0).round() / 100.0),
            Recorded::End(_) => None,
        };
        recorded.iter().filter_map(beats).collect()
    }

    #[test]
    fn one_pass_is_recorded_and_what_comes_in_early_is_its_first_step() {
        let (recorded, _) = recorded(&[3.5, 3.91, 4.25, 7.91, 8.25, 9.0], true);
        assert_eq!(beats(&recorded), [3.91, 0.25, 3.91]);
        assert_eq!(recorded.last(), Some(&Recorded::End(4.0)));
    }

    #[test]
    fn it_clicks_in_the_bar_before_and_while_nothing_else_is_heard() {
        assert_eq!(recorded(&[], true).1, [3.0]);
        assert_eq!(recorded(&[], false).1, [3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn a_song_that_stops_ends_it() {
        let recording = Arc::new(Recording::default());
        recording.go_to(Phase::Armed);
        let mut recorder = Recorder::new(recording.clone());
        recorder.record(&span(4.0), 4.0, 4.0, &[], |_, _| {});
        assert_eq!(recording.phase(), Phase::On);
        let stopped = BlockSpan {
            playing: false,
            ..span(0.0)
        };
        recorder.record(&stopped, 4.0, 4.0, &[], |_, _| {});
        assert_eq!(recording.phase(), Phase::Off);
        assert_eq!(recording.receive(), Some(Recorded::End(4.0)));
    }
    proptest! {
        #[test]
        fn whatever_the_blocks_the_notes_of_one_pass_are_recorded_once(
            start_beats in -8.0..40.0_f64,
            pass_beats in prop::sample::select(vec![4.0, 7.0, 12.0, 16.0]),
            blocks in prop::collection::vec((1..40_000_u32, prop::collection::vec(0.0..1.0_f64, 0..4)), 1..60),
        ) {
            let recording = Arc::new(Recording::default());
            recording.go_to(Phase::Armed);
            let mut recorder = Recorder::new(recording.clone());
            let first_beats = (start_beats / pass_beats).ceil() * pass_beats;
            let mut expected = Vec::new();
            let mut position_beats = start_beats;
            for (n_samples, places) in blocks {
                let span = BlockSpan {
                    n_samples,
                    end_beats: position_beats + f64::from(n_samples) * BEATS_PER_SAMPLE,
                    ..span(position_beats)
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "in the span"
                )]
                let sample = |place: f64| (place * f64::from(n_samples)) as u32;
                let played: Vec<Played> = places
                    .into_iter()
                    .map(|place| Played { sample: sample(place), key: 36, ..Played::NOTHING })
                    .collect();
                for note in &played {
                    let beats = position_beats + f64::from(note.sample) * BEATS_PER_SAMPLE;
                    if (-EARLY_BEATS..pass_beats).contains(&(beats - first_beats)) {
                        expected.push((beats.rem_euclid(pass_beats) * 1000.0).round());
                    }
                }
                recorder.record(&span, pass_beats, 4.0, &played, |sample, _| {
                    assert!(sample < n_samples);
                });
                position_beats = span.end_beats;
            }
            let is_over = position_beats > first_beats + pass_beats - SAME_PLACE_BEATS;
            prop_assert_eq!(recording.phase() == Phase::Off, is_over);
            let mut recorded: Vec<Recorded> = std::iter::from_fn(|| recording.receive()).collect();
            if is_over {
                prop_assert_eq!(recorded.pop(), Some(Recorded::End(pass_beats)));
            }
            let heard: Vec<f64> = recorded.iter().map(|note| match note {
                Recorded::Note { beats, .. } => (beats * 1000.0).round(),
                Recorded::End(_) => f64::NAN,
            }).collect();
            prop_assert_eq!(heard, expected);
        }
    }
}
