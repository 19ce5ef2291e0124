//! The host's transport, one audio block at a time, in beats.
//!
//! A host tells at the start of every block where the song is and how fast it runs. That position is taken as it
//! comes and never summed up; the tracker only remembers where the last block ended, so that it can tell a song that
//! plays on from one that was started or moved. Without a host transport it runs a clock of its own.

/// Tempo of the own clock where the host names none.
pub const DEFAULT_TEMPO_BPM: f64 = 120.0;

/// Tempos outside this range are no music, and are taken as unknown.
const TEMPO_RANGE_BPM: std::ops::RangeInclusive<f64> = 1.0..=10_000.0;

/// Song positions beyond this are damage: some 15 years at 120 bpm, and still exact to a hundredth of a sample.
const MAX_POSITION_BEATS: f64 = 1e9;

/// Hosts round the song position to a sample or to a tick of 1/1920 beat, at both ends of the block.
const POSITION_ROUNDING_BEATS: f64 = 1.0 / 960.0;

/// A loop shorter than this (64th note) is a slip of the mouse.
const MIN_LOOP_BEATS: f64 = 1.0 / 16.0;

/// Fraction of a sample by which a moment may precede a sample and still count as on it: CLAP hosts round song
/// positions to 2⁻³¹ beats, and no rounding may move a note by a sample.
pub const SAMPLE_TOLERANCE: f64 = 1e-3;

/// What the host says about the song at the first sample of a block; a plain copy of the framework's transport.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostTime {
    /// Whether the song runs.
    pub playing: bool,
    /// Tempo, in quarter notes per minute.
    pub tempo_bpm: Option<f64>,
    /// Song position, in quarter notes; negative while counting in.
    pub position_beats: Option<f64>,
    /// Start and end of the host's loop, where it is switched on *and* the host will follow it. Hosts name their loop
    /// even while they export the song straight through: leave it out of an offline render.
    pub loop_beats: Option<(f64, f64)>,
    /// Length of a bar, in quarter notes.
    pub beats_per_bar: f64,
    /// Where the current bar began.
    pub bar_start_beats: Option<f64>,
}

/// How a span is connected to what was played before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BlockOnset {
    /// The song plays on.
    Continues,
    /// The song starts, or another clock takes over.
    Starts,
    /// The song is suddenly elsewhere: a seek or the host's loop.
    Jumps {
        /// Where it would have been, had it played on.
        expected_beats: f64,
        /// How exactly that is known.
        slack_beats: f64,
    },
}

/// A span of a block over which the song runs straight on at one tempo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockSpan {
    /// Index in the block of the span's first sample.
    pub first_sample: u32,
    /// Number of samples, at least 1.
    pub n_samples: u32,
    /// Whether the song runs; everything below means something only then.
    pub playing: bool,
    /// Song position of the first sample.
    pub start_beats: f64,
    /// Song position of the sample after the last.
    pub end_beats: f64,
    /// Song time from one sample to the next.
    pub beats_per_sample: f64,
    /// How the span is connected to the one before.
    pub onset: BlockOnset,
}

/// Whose time the plugin follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Stopped,
    Host,
    Own,
}

/// Follows the host's transport from block to block. Owned by the audio thread.
#[derive(Debug)]
pub struct TransportTracker {
    clock: Clock,
    /// Where the last span ended.
    end_beats: f64,
    /// Song time per sample, and number of samples, of the last span.
    last_beats_per_sample: f64,
    last_samples: u32,
    /// Whether the host's loop ended in the block before, or ahead of it in the same block of the host.
    looped: bool,
}

impl Default for TransportTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl TransportTracker {
    /// A tracker that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Clock::Stopped,
            end_beats: 0.0,
            last_beats_per_sample: 0.0,
            last_samples: 0,
            looped: false,
        }
    }

    /// Forgets the last block: the next one starts, whatever its position.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The next block of `n_samples`, as the spans it consists of: one, unless the host's loop ends inside it.
    ///
    /// `audition` runs the own clock while the host's song stands still.
    pub fn spans(
        &mut self,
        host: &HostTime,
        audition: bool,
        n_samples: u32,
        sample_rate: f64,
    ) -> Spans {
        if n_samples == 0 {
            return Spans::none();
        }
        let no_transport = host.tempo_bpm.is_none() && host.position_beats.is_none();
        let position = host
            .position_beats
            .filter(|beats| beats.abs() <= MAX_POSITION_BEATS);
        let clock = match (host.playing && !no_transport, no_transport || audition) {
            // A host that plays but cannot say where gets the own clock, unless it said so a block ago.
            (true, _) if position.is_some() || self.clock == Clock::Host => Clock::Host,
            (true, _) | (false, true) => Clock::Own,
            (false, false) => Clock::Stopped,
        };
        let tempo_bpm = host.tempo_bpm.filter(|bpm| TEMPO_RANGE_BPM.contains(bpm));
        let beats_per_sample = tempo_bpm.unwrap_or(DEFAULT_TEMPO_BPM) / 60.0 / sample_rate.max(1.0);

        let changed = std::mem::replace(&mut self.clock, clock) != clock;
        let played_on = if changed { 0.0 } else { self.end_beats };
        let start_beats = match clock {
            Clock::Host => position.unwrap_or(played_on),
            Clock::Own => played_on,
            Clock::Stopped => position.unwrap_or(0.0),
        };
        let (expected_beats, slack_beats) = self.expectation(beats_per_sample, tempo_bpm.is_some());
        let overrun_beats = host
            .loop_beats
            .filter(|_| self.looped && clock == Clock::Host)
            .and_then(|cycle| overrun_beats(cycle, start_beats, expected_beats, slack_beats));
        let start_beats = start_beats - overrun_beats.unwrap_or(0.0);
        let onset = if changed {
            BlockOnset::Starts
        } else if (start_beats - expected_beats).abs() <= slack_beats || clock != Clock::Host {
            BlockOnset::Continues
        } else {
            BlockOnset::Jumps {
                expected_beats,
                slack_beats,
            }
        };

        let wraps =
            |&(start, end): &(f64, f64)| end - start >= MIN_LOOP_BEATS.max(beats_per_sample);
        let spans = Spans {
            playing: clock != Clock::Stopped,
            position_beats: start_beats,
            beats_per_sample,
            loop_beats: host
                .loop_beats
                .filter(wraps)
                .filter(|_| clock == Clock::Host),
            first_sample: 0,
            remaining_samples: n_samples,
            onset,
        };
        if let Some(last) = spans.clone().last() {
            self.looped = overrun_beats.is_some() || last.first_sample > 0;
            self.end_beats = last.end_beats;
            self.last_beats_per_sample = last.beats_per_sample;
            self.last_samples = last.n_samples;
        }
        spans
    }

    /// Where a block that continues the last one begins, and how far off it may be.
    fn expectation(&self, beats_per_sample: f64, tempo_is_known: bool) -> (f64, f64) {
        let rounding_beats = POSITION_ROUNDING_BEATS.max(2.0 * beats_per_sample);
        let n_samples = f64::from(self.last_samples);
        if !tempo_is_known {
            // It may be anything up to twice what we assume.
            return (
                self.end_beats,
                n_samples * self.last_beats_per_sample + rounding_beats,
            );
        }
        // The tempo may have changed anywhere inside the last block.
        let change_beats = n_samples * (beats_per_sample - self.last_beats_per_sample);
        (
            self.end_beats + change_beats / 2.0,
            change_beats.abs() / 2.0 + rounding_beats,
        )
    }
}

/// By how much a position runs on beyond the host's loop, if that is what it does.
///
/// The framework cuts a host's block up at automation, and gives every piece the position it would have without a loop
/// that ended earlier in the block.
fn overrun_beats(
    (loop_start, loop_end): (f64, f64),
    position_beats: f64,
    expected_beats: f64,
    slack_beats: f64,
) -> Option<f64> {
    let loop_beats = loop_end - loop_start;
    let n_loops = ((position_beats - expected_beats) / loop_beats).round();
    let overrun_beats = n_loops * loop_beats;
    let runs_on = n_loops >= 1.0
        && position_beats >= loop_end
        && (position_beats - overrun_beats - expected_beats).abs() <= slack_beats;
    runs_on.then_some(overrun_beats)
}

/// The spans of one block, in order.
#[derive(Debug, Clone)]
pub struct Spans {
    playing: bool,
    position_beats: f64,
    beats_per_sample: f64,
    loop_beats: Option<(f64, f64)>,
    first_sample: u32,
    remaining_samples: u32,
    onset: BlockOnset,
}

impl Spans {
    fn none() -> Self {
        Self {
            playing: false,
            position_beats: 0.0,
            beats_per_sample: 0.0,
            loop_beats: None,
            first_sample: 0,
            remaining_samples: 0,
            onset: BlockOnset::Continues,
        }
    }

    /// Number of samples before the host's loop ends, if it ends in what remains of the block.
    fn samples_to_loop_end(&self) -> Option<u32> {
        let (_, end_beats) = self.loop_beats?;
        let samples =
            ((end_beats - self.position_beats) / self.beats_per_sample - SAMPLE_TOLERANCE).ceil();
        // A song that is at the end already, or beyond, was put there to play on.
        if samples < 1.0 || samples >= f64::from(self.remaining_samples) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and the block's length"
        )]
        let whole = samples as u32;
        Some(whole)
    }
}

impl Iterator for Spans {
    type Item = BlockSpan;

    fn next(&mut self) -> Option<BlockSpan> {
        if self.remaining_samples == 0 {
            return None;
        }
        let to_loop_end = self.samples_to_loop_end();
        let n_samples = to_loop_end.unwrap_or(self.remaining_samples);
        let end_beats = self.position_beats + f64::from(n_samples) * self.beats_per_sample;
        let span = BlockSpan {
            first_sample: self.first_sample,
            n_samples,
            playing: self.playing,
            start_beats: self.position_beats,
            end_beats,
            beats_per_sample: self.beats_per_sample,
            onset: self.onset,
        };
        self.first_sample += n_samples;
        self.remaining_samples -= n_samples;
        if let (Some((loop_start, loop_end)), Some(_)) = (self.loop_beats, to_loop_end) {
            self.position_beats = loop_start + (end_beats - loop_end);
            self.onset = BlockOnset::Jumps {
                expected_beats: end_beats,
                slack_beats: POSITION_ROUNDING_BEATS,
            };
        }
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    /// 24,000 samples a beat.
    const SAMPLE_RATE: f64 = 48_000.0;

    fn at(position_beats: f64) -> HostTime {
        HostTime {
            playing: true,
            tempo_bpm: Some(120.0),
            position_beats: Some(position_beats),
            loop_beats: None,
            beats_per_bar: 4.0,
            bar_start_beats: None,
        }
    }

    const NO_TRANSPORT: HostTime = HostTime {
        playing: false,
        tempo_bpm: None,
        position_beats: None,
        loop_beats: None,
        beats_per_bar: 4.0,
        bar_start_beats: None,
    };

    fn one(tracker: &mut TransportTracker, host: &HostTime, n_samples: u32) -> BlockSpan {
        let spans: Vec<_> = tracker.spans(host, false, n_samples, SAMPLE_RATE).collect();
        assert_eq!(spans.len(), 1);
        spans[0]
    }

    #[test]
    fn a_piece_of_a_block_whose_loop_has_ended_goes_on_in_the_loop() {
        let mut tracker = TransportTracker::new();
        let looping = |position_beats| HostTime {
            loop_beats: Some((1.0, 3.0)),
            ..at(position_beats)
        };
        let spans: Vec<_> = tracker
            .spans(&looping(2.9), false, 4800, SAMPLE_RATE)
            .collect();
        assert_eq!(spans.len(), 2);
        // 3.1 stands for 1.1, and the one after it again for 1.2.
        for (told, meant) in [(3.1, 1.1), (3.2, 1.2), (1.3, 1.3)] {
            let piece = one(&mut tracker, &looping(told), 2400);
            assert!((piece.start_beats - meant).abs() < 1e-9);
            assert_eq!(piece.onset, BlockOnset::Continues);
        }
        // Nothing looped just now: the song has been moved behind its loop.
        let moved = one(&mut tracker, &looping(3.4), 2400);
        assert!(matches!(moved.onset, BlockOnset::Jumps { .. }));
    }

    #[test]
    fn a_song_that_plays_on_continues_and_a_moved_one_jumps() {
        let mut tracker = TransportTracker::new();
        assert_eq!(one(&mut tracker, &at(3.0), 2400).onset, BlockOnset::Starts);
        assert_eq!(
            one(&mut tracker, &at(3.1), 2400).onset,
            BlockOnset::Continues
        );
        let moved = one(&mut tracker, &at(0.0), 2400);
        assert!(
            matches!(moved.onset, BlockOnset::Jumps { expected_beats, .. } if (expected_beats - 3.2).abs() < 1e-9)
        );
        assert!(
            !one(
                &mut tracker,
                &HostTime {
                    playing: false,
                    ..at(0.1)
                },
                64
            )
            .playing
        );
        assert_eq!(one(&mut tracker, &at(0.1), 64).onset, BlockOnset::Starts);
    }

    #[test]
    fn positions_rounded_to_ticks_continue() {
        let mut tracker = TransportTracker::new();
        for block in 0..1000 {
            let exact = f64::from(block) * 64.0 / 24_000.0;
            let rounded = (exact * 1920.0).round() / 1920.0;
            let onset = one(&mut tracker, &at(rounded), 64).onset;
            assert_eq!(
                onset,
                if block == 0 {
                    BlockOnset::Starts
                } else {
                    BlockOnset::Continues
                }
            );
        }
    }

    #[test]
    fn a_tempo_that_changed_inside_the_last_block_is_no_jump() {
        let mut tracker = TransportTracker::new();
        one(&mut tracker, &at(0.0), 8000);
        // Half the block at 120, half at 180 bpm.
        let host = HostTime {
            tempo_bpm: Some(180.0),
            ..at(4000.0 / 24_000.0 + 4000.0 / 16_000.0)
        };
        assert_eq!(one(&mut tracker, &host, 8000).onset, BlockOnset::Continues);
    }

    #[test]
    fn a_loop_that_ends_inside_a_block_splits_it() {
        let mut tracker = TransportTracker::new();
        let host = HostTime {
            loop_beats: Some((1.0, 3.0)),
            ..at(2.9)
        };
        let spans: Vec<_> = tracker.spans(&host, false, 4800, SAMPLE_RATE).collect();
        assert_eq!(spans.len(), 2);
        assert_eq!((spans[0].first_sample, spans[0].n_samples), (0, 2400));
        assert_eq!((spans[1].first_sample, spans[1].n_samples), (2400, 2400));
        assert!((spans[1].start_beats - 1.0).abs() < 1e-9);
        assert!(matches!(spans[1].onset, BlockOnset::Jumps { .. }));
        assert_eq!(one(&mut tracker, &at(1.1), 64).onset, BlockOnset::Continues);
    }

    #[test]
    fn a_block_longer_than_the_loop_goes_round_it() {
        let mut tracker = TransportTracker::new();
        let host = HostTime {
            loop_beats: Some((0.0, 0.25)),
            ..at(0.0)
        };
        let spans: Vec<_> = tracker.spans(&host, false, 24_000, SAMPLE_RATE).collect();
        assert_eq!(spans.len(), 4);
        assert_eq!(spans.iter().map(|span| span.n_samples).sum::<u32>(), 24_000);
    }

    #[test]
    fn a_block_that_ends_with_the_loop_or_starts_beyond_it_is_whole() {
        let mut tracker = TransportTracker::new();
        one(
            &mut tracker,
            &HostTime {
                loop_beats: Some((0.0, 3.0)),
                ..at(2.9)
            },
            2400,
        );
        one(
            &mut tracker,
            &HostTime {
                loop_beats: Some((0.0, 3.0)),
                ..at(3.5)
            },
            2400,
        );
    }

    #[test]
    fn without_a_host_transport_the_own_clock_plays_from_zero() {
        let mut tracker = TransportTracker::new();
        let first = one(&mut tracker, &NO_TRANSPORT, 2400);
        assert_eq!(
            (first.playing, first.start_beats, first.onset),
            (true, 0.0, BlockOnset::Starts)
        );
        let second = one(&mut tracker, &NO_TRANSPORT, 2400);
        assert!((second.start_beats - 0.1).abs() < 1e-12);
        assert_eq!(second.onset, BlockOnset::Continues);
    }

    #[test]
    fn audition_runs_at_the_hosts_tempo_while_the_song_stands_still() {
        let mut tracker = TransportTracker::new();
        let stopped = HostTime {
            playing: false,
            tempo_bpm: Some(60.0),
            ..at(7.0)
        };
        assert!(
            !tracker
                .spans(&stopped, false, 64, SAMPLE_RATE)
                .next()
                .unwrap()
                .playing
        );
        let first = tracker
            .spans(&stopped, true, 4800, SAMPLE_RATE)
            .next()
            .unwrap();
        assert_eq!((first.playing, first.start_beats), (true, 0.0));
        let second = tracker
            .spans(&stopped, true, 4800, SAMPLE_RATE)
            .next()
            .unwrap();
        assert!((second.start_beats - 0.1).abs() < 1e-12);
        assert_eq!(
            tracker
                .spans(&at(7.0), true, 64, SAMPLE_RATE)
                .next()
                .unwrap()
                .onset,
            BlockOnset::Starts
        );
    }

    #[test]
    fn nonsense_from_the_host_is_ignored() {
        let mut tracker = TransportTracker::new();
        one(&mut tracker, &at(2.0), 2400);
        for tempo_bpm in [f64::NAN, f64::INFINITY, 0.0, -3.0, 1e300] {
            for position_beats in [f64::NAN, f64::INFINITY, 1e300] {
                let host = HostTime {
                    tempo_bpm: Some(tempo_bpm),
                    position_beats: Some(position_beats),
                    loop_beats: Some((f64::NAN, f64::INFINITY)),
                    ..at(0.0)
                };
                let span = one(&mut tracker, &host, 2400);
                assert_eq!(span.onset, BlockOnset::Continues);
                assert!(span.start_beats > 2.0 && span.end_beats < 10.0);
            }
        }
        assert!(
            tracker
                .spans(&at(0.0), false, 0, SAMPLE_RATE)
                .next()
                .is_none()
        );
        assert!(one(&mut tracker, &at(-2.0), u32::MAX).end_beats.is_finite());
    }
}
