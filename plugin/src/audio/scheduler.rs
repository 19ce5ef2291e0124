//! Turns the pattern in force and the song's motion into notes at exact samples.
//!
//! **Which hits.** Pattern loops are counted from song position 0. A hit has a place on the song's grid, `g = k *
//! loop_beats + grid_beats`, and sounds at `g + timing * offset_beats`, before its bar, loop or pattern boundary if it
//! is early, after it if it is late. It belongs to the pattern in force at its *grid place*. To make sure that each is
//! played exactly once, hits are picked up in the order of the grid, as far ahead as the earliest hit can be early
//! ([`LOOKAHEAD_BEATS`]), together with the feel of that moment, and wait for their time.
//!
//! **Which sample.** A note falls on the first sample at or after its time.
//!
//! **How long.** A note lasts as long as the output says, by default a 16th, which is 10 ms or more up to 1,500 bpm,
//! wherever the song goes meanwhile: into the pattern's next round, round the host's loop, or elsewhere. It ends sooner
//! where its drum or its key is struck again, where another drum of its choke group is struck, and where the song stops,
//! is reset or is sent to another output. Drums that are struck at the very same moment do not end each other; of those on
//! one key, the host hears the loudest alone, as in a file.
//!
//! **Where the song starts or jumps**, hits whose place on the grid lies ahead but whose early onset is already past
//! sound with the first sample: the "one" is never lost. A jump by whole passes of the groove in force (a host looping 4
//! bars) goes on as if nothing had happened, because the early "one" was played just before it. Grooves that wait for their
//! boundary go along, whatever their length: which of them have come by then depends on the worker.

mod output;
mod waiting;

pub use output::Output;

use crate::audio::transport::{BlockOnset, BlockSpan, SAMPLE_TOLERANCE};
use crate::request::Ready;
use fourbar_kit::step_at;
use fourbar_model::drums::{N_VOICES, NoteLength, Voice};
use fourbar_model::pattern::Feel;
use output::Sounding;
use std::collections::VecDeque;
use waiting::{Waiting, WaitingHits};

/// How far a hit can be from its place on the grid: half a step, doubled by a timing amount of 200 %. A new pattern
/// has to be installed this long before the boundary from which it is to rule.
pub const LOOKAHEAD_BEATS: f64 = 0.25;

/// Blocks are worked off in pieces of this length, so that few hits wait at a time.
const SLICE_BEATS: f64 = 0.25;

/// Patterns on their way in and out. A pattern comes at most every 16th and waits at most a loop for its boundary, but
/// newer ones displace those that would rule later.
const MAX_PATTERNS: usize = 16;

/// Jumps that differ by less than this share of a pattern lead to the same place of it.
const SAME_PLACE: f64 = 1e-6;

/// How loud a drum is that is struck by hand.
const BY_HAND_VELOCITY: f32 = 0.8;

/// Something to be played, at sample `timing` of the block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A drum is struck.
    NoteOn {
        /// Sample in the block.
        timing: u32,
        /// Which drum.
        voice: Voice,
        /// MIDI key.
        pitch: u8,
        /// MIDI channel, 0–15.
        channel: u8,
        /// Loudness, greater than 0 and at most 1.
        velocity: f32,
        /// The place on the song's grid that the hit belongs to, in sixteenths; the same wherever playback began.
        step: i64,
        /// Whether to tell the host.
        midi: bool,
    },
    /// The note that the drum sounded last ends.
    NoteOff {
        /// Sample in the block.
        timing: u32,
        /// Which drum.
        voice: Voice,
        /// MIDI key of its note-on.
        pitch: u8,
        /// MIDI channel of its note-on.
        channel: u8,
        /// Whether the host was told of the note-on.
        midi: bool,
    },
}

/// What a span means for the pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Motion {
    /// The song stands still.
    Rests,
    /// The pattern starts over at the span's position.
    Restarts,
    /// The pattern plays on.
    Continues,
    /// The pattern plays on, but the song position moved by this many beats, a multiple of the length of its groove.
    /// Boundaries ahead move with it.
    Loops(f64),
}

/// A pattern that is to rule the grid from a boundary on.
#[derive(Debug)]
struct Pending {
    from_beats: f64,
    pattern: Box<Ready>,
}

/// Plays patterns. Owned by the audio thread: nothing here allocates or frees after [`Scheduler::new`].
#[derive(Debug)]
pub struct Scheduler {
    current: Option<Box<Ready>>,
    /// The grid place from which it is in force.
    current_from_beats: f64,
    /// In the order in which they will rule.
    pending: VecDeque<Pending>,
    /// Out of force, to be freed elsewhere.
    #[expect(
        clippy::vec_box,
        reason = "taking a pattern out of its box would free the box here"
    )]
    retired: Vec<Box<Ready>>,
    waiting: WaitingHits,
    /// At most one note per drum.
    sounding: [Option<Sounding>; N_VOICES],
    /// Whether the last span was played; the positions below mean something only then.
    rolling: bool,
    /// Where the last span ended.
    end_beats: f64,
    /// Everything that sounds before this has been sent.
    played_to_beats: f64,
    /// Every hit with a grid place before this has been picked up.
    picked_to_beats: f64,
    /// Drums that were struck by hand since the last span.
    struck: [bool; N_VOICES],
    /// Time since the song stopped, in beats: drums can be struck by hand meanwhile.
    rest_beats: f64,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl Scheduler {
    /// A scheduler without a pattern.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: None,
            current_from_beats: f64::NEG_INFINITY,
            pending: VecDeque::with_capacity(MAX_PATTERNS),
            retired: Vec::with_capacity(MAX_PATTERNS),
            waiting: WaitingHits::new(),
            sounding: [None; N_VOICES],
            rolling: false,
            end_beats: 0.0,
            played_to_beats: 0.0,
            picked_to_beats: 0.0,
            struck: [false; N_VOICES],
            rest_beats: 0.0,
        }
    }

    /// The pattern in force.
    #[must_use]
    pub fn current(&self) -> Option<&Ready> {
        self.current.as_deref()
    }

    /// The first boundary a pattern installed now can rule from; `None` if it would be in force at once, because
    /// nothing is playing.
    #[must_use]
    pub fn earliest_boundary_beats(&self) -> Option<f64> {
        (self.rolling && self.current.is_some()).then_some(self.picked_to_beats)
    }

    /// Plays a drum with the next span, whether the song runs or not.
    pub fn strike_by_hand(&mut self, voice: Voice) {
        self.struck[voice.index()] = true;
    }

    /// Puts `pattern` in force from the grid place `from_beats` on, or as soon as possible.
    ///
    /// If nothing is playing, or nothing was installed before, that is at once. A start and a jump out of the
    /// pattern's phase put the newest pattern in force too. Patterns that were to rule later than a newer one never
    /// will. What comes back is a pattern that is no longer needed; there may be more, see [`Self::retired`].
    pub fn install(&mut self, pattern: Box<Ready>, from_beats: Option<f64>) -> Option<Box<Ready>> {
        if self.pending.len() + self.retired.len() >= MAX_PATTERNS {
            return Some(pattern);
        }
        match self.earliest_boundary_beats() {
            None => {
                self.retire_pending_from(f64::NEG_INFINITY);
                self.retired.extend(self.current.replace(pattern));
                self.current_from_beats = f64::NEG_INFINITY;
            }
            Some(earliest_beats) => {
                let from_beats =
                    from_beats.map_or(earliest_beats, |beats| beats.max(earliest_beats));
                self.retire_pending_from(from_beats);
                self.pending.push_back(Pending {
                    from_beats,
                    pattern,
                });
            }
        }
        self.retired()
    }

    /// A pattern that is no longer needed; to be asked until there is none, after every block.
    pub fn retired(&mut self) -> Option<Box<Ready>> {
        self.retired.pop()
    }

    /// What `span` means for the pattern in force.
    #[must_use]
    pub fn motion(&self, span: &BlockSpan) -> Motion {
        let Some(current) = &self.current else {
            return if span.playing {
                Motion::Restarts
            } else {
                Motion::Rests
            };
        };
        match span.onset {
            _ if !span.playing => Motion::Rests,
            _ if !self.rolling => Motion::Restarts,
            BlockOnset::Starts => Motion::Restarts,
            BlockOnset::Continues => Motion::Continues,
            BlockOnset::Jumps {
                expected_beats,
                slack_beats,
            } => {
                let moved_beats = span.start_beats - expected_beats;
                let pass_beats = current.pass_beats();
                let whole_passes_beats = (moved_beats / pass_beats).round() * pass_beats;
                if (moved_beats - whole_passes_beats).abs() <= slack_beats {
                    Motion::Loops(whole_passes_beats)
                } else {
                    Motion::Restarts
                }
            }
        }
    }

    /// Plays one span of a block: calls `emit` with its events, in the order of time.
    pub fn process(
        &mut self,
        span: &BlockSpan,
        feel: Feel,
        output: Output,
        mut emit: impl FnMut(Event),
    ) {
        let feel = without_nonsense(feel);
        match self.motion(span) {
            Motion::Rests => {
                self.rest(span, output, &mut emit);
                return;
            }
            Motion::Restarts => {
                if self.rolling && matches!(span.onset, BlockOnset::Jumps { .. }) {
                    self.shift_sounding(span.start_beats - self.end_beats);
                } else {
                    self.release_all(span.first_sample, &mut emit);
                }
                self.restart(span, feel);
            }
            Motion::Continues => {}
            Motion::Loops(beats) => {
                self.shift_sounding(beats);
                self.shift(beats);
                self.pick_up_of_other_pass(beats, feel);
            }
        }
        self.release_moved(span.first_sample, output, &mut emit);
        self.wait_for_struck(span.start_beats);
        let end_beats = last_moment_beats(span);
        while self.played_to_beats < end_beats {
            let slice_end_beats = (self.played_to_beats + SLICE_BEATS).min(end_beats);
            self.pick_up_to(slice_end_beats + LOOKAHEAD_BEATS, feel, |_, onset_beats| {
                Some(onset_beats)
            });
            self.play_to(slice_end_beats, span, output, &mut emit);
            self.played_to_beats = slice_end_beats;
        }
        self.end_beats = span.end_beats;
    }

    /// Ends every sounding note.
    fn release_all(&mut self, timing: u32, mut emit: impl FnMut(Event)) {
        for slot in &mut self.sounding {
            if let Some(note) = slot.take() {
                emit(note.off(timing));
            }
        }
    }

    /// Ends the notes that an [`Output`] other than the present one began.
    fn release_moved(&mut self, timing: u32, output: Output, mut emit: impl FnMut(Event)) {
        for slot in &mut self.sounding {
            let moved = |note: &mut Sounding| {
                note.midi != output.midi || note.address() != output.address(note.voice)
            };
            if let Some(note) = slot.take_if(moved) {
                emit(note.off(timing));
            }
        }
    }

    /// The song stands still: ends every note, puts the newest pattern in force, and plays what is struck by hand.
    fn rest(&mut self, span: &BlockSpan, mut output: Output, mut emit: impl FnMut(Event)) {
        if output.routing.note_length == NoteLength::UntilNextHit {
            // Nothing else might ever end what is struck by hand.
            output.routing.note_length = NoteLength::default();
        }
        if std::mem::take(&mut self.rolling) {
            self.release_all(span.first_sample, &mut emit);
            self.waiting.clear();
            self.install_newest();
            self.rest_beats = 0.0;
        }
        let start_beats = self.rest_beats;
        self.rest_beats += f64::from(span.n_samples) * span.beats_per_sample;
        let span = BlockSpan {
            start_beats,
            end_beats: self.rest_beats,
            ..*span
        };
        self.release_moved(span.first_sample, output, &mut emit);
        self.wait_for_struck(start_beats);
        self.play_to(last_moment_beats(&span), &span, output, emit);
    }

    /// Where a span begins: in the song, or on the clock that runs while it stands still.
    pub(super) fn place_beats(&self, span: &BlockSpan) -> f64 {
        if span.playing {
            span.start_beats
        } else {
            self.rest_beats
        }
    }

    /// Lets the drums that were struck by hand wait for `onset_beats`.
    fn wait_for_struck(&mut self, onset_beats: f64) {
        let struck = std::mem::take(&mut self.struck);
        for voice in Voice::ALL.into_iter().filter(|voice| struck[voice.index()]) {
            self.waiting.insert(Waiting {
                onset_beats,
                grid_beats: onset_beats,
                voice,
                velocity: BY_HAND_VELOCITY,
            });
        }
    }

    /// Starts over at the span's position, with the newest pattern.
    fn restart(&mut self, span: &BlockSpan, feel: Feel) {
        self.install_newest();
        self.rolling = self.current.is_some();
        self.waiting.clear();
        let earliest_onset_beats = span.start_beats - SAMPLE_TOLERANCE * span.beats_per_sample;
        // Hosts round the place at which they start to a sample.
        let first_grid_beats = span.start_beats - span.beats_per_sample;
        self.played_to_beats = earliest_onset_beats;
        self.picked_to_beats = earliest_onset_beats - LOOKAHEAD_BEATS;
        self.pick_up_to(
            earliest_onset_beats + LOOKAHEAD_BEATS,
            feel,
            |grid_beats, onset_beats| {
                if onset_beats >= earliest_onset_beats {
                    Some(onset_beats)
                } else {
                    (grid_beats >= first_grid_beats).then_some(span.start_beats)
                }
            },
        );
    }

    /// Moves the sounding notes to where the song now is.
    fn shift_sounding(&mut self, beats: f64) {
        for note in self.sounding.iter_mut().flatten() {
            note.onset_beats += beats;
            note.end_beats += beats;
        }
    }

    /// Moves every hit and every boundary ahead to where the song now is.
    fn shift(&mut self, beats: f64) {
        self.played_to_beats += beats;
        self.picked_to_beats += beats;
        self.current_from_beats += beats;
        self.waiting.shift(beats);
        for pending in &mut self.pending {
            pending.from_beats += beats;
        }
    }

    /// After a jump by `beats` to a pass of the pattern in force that is another one, puts its hits in place of those that were
    /// picked up ahead of the jump.
    fn pick_up_of_other_pass(&mut self, beats: f64, feel: Feel) {
        let Some(current) = &self.current else {
            return;
        };
        let n_loops = beats / current.pattern.loop_beats();
        if (n_loops - n_loops.round()).abs() < SAME_PLACE {
            return;
        }
        let played_to_beats = self.played_to_beats;
        let from_beats = (played_to_beats - LOOKAHEAD_BEATS).max(self.current_from_beats);
        self.waiting.forget_from(from_beats);
        self.waiting.pick_up(
            &current.pattern,
            from_beats..self.picked_to_beats,
            feel,
            |_, onset_beats| (onset_beats >= played_to_beats).then_some(onset_beats),
        );
    }

    /// Picks up the hits with grid places up to `to_beats`. `place` is given each hit's grid place and onset and says
    /// when it sounds, if at all.
    fn pick_up_to(&mut self, to_beats: f64, feel: Feel, place: impl Fn(f64, f64) -> Option<f64>) {
        while self.picked_to_beats < to_beats {
            while let Some(due) = self
                .pending
                .pop_front_if(|next| next.from_beats <= self.picked_to_beats)
            {
                self.retired.extend(self.current.replace(due.pattern));
                self.current_from_beats = due.from_beats;
            }
            let until_beats = self
                .pending
                .front()
                .map_or(to_beats, |next| next.from_beats.min(to_beats));
            if let Some(current) = &self.current {
                self.waiting.pick_up(
                    &current.pattern,
                    self.picked_to_beats..until_beats,
                    feel,
                    &place,
                );
            }
            self.picked_to_beats = until_beats;
        }
    }

    /// Sends everything that sounds before `to_beats`.
    fn play_to(
        &mut self,
        to_beats: f64,
        span: &BlockSpan,
        output: Output,
        mut emit: impl FnMut(Event),
    ) {
        loop {
            let next_hit = self.waiting.next_before(to_beats);
            let next_moment_beats = next_hit.map_or(to_beats, |hit| hit.onset_beats);
            let next_end = self
                .sounding
                .iter_mut()
                .filter(|slot| slot.is_some())
                .min_by(|a, b| {
                    let end_beats =
                        |slot: &Option<Sounding>| slot.map_or(f64::INFINITY, |note| note.end_beats);
                    end_beats(a).total_cmp(&end_beats(b))
                });
            // Of a note that ends and one that begins at the same moment, the end comes first.
            if let Some(note) =
                next_end.and_then(|slot| slot.take_if(|note| note.end_beats <= next_moment_beats))
            {
                emit(note.off(sample_of(note.end_beats, span)));
            } else if let Some(hit) = next_hit {
                self.strike(hit, span, output, &mut emit);
            } else {
                return;
            }
        }
    }

    /// Plays the hit that waits at the front.
    fn strike(
        &mut self,
        hit: Waiting,
        span: &BlockSpan,
        output: Output,
        mut emit: impl FnMut(Event),
    ) {
        self.waiting.take(&hit);
        let timing = sample_of(hit.onset_beats, span);
        let address = output.address(hit.voice);
        let is_covered = self.is_covered(&hit, output);
        let is_ended = |note: &mut Sounding| {
            let is_cut =
                || note.address() == address || output.routing.chokes(hit.voice, note.voice);
            note.voice == hit.voice
                || !is_covered && note.onset_beats != hit.onset_beats && is_cut()
        };
        for slot in &mut self.sounding {
            if let Some(ended) = slot.take_if(is_ended) {
                emit(ended.off(timing));
            }
        }
        // A song that ran faster than it said may have left the hit's time behind, and that of its end, too.
        let begins_beats = hit
            .onset_beats
            .max(span.start_beats - span.beats_per_sample);
        let (pitch, channel) = address;
        let note = Sounding {
            onset_beats: hit.onset_beats,
            end_beats: begins_beats + output.routing.note_length.beats(),
            voice: hit.voice,
            pitch,
            channel,
            midi: output.midi && !is_covered,
        };
        emit(Event::NoteOn {
            timing,
            voice: hit.voice,
            pitch,
            channel,
            velocity: hit.velocity,
            step: step_at(hit.grid_beats),
            midi: note.midi,
        });
        if is_covered {
            emit(note.off(timing));
        } else {
            self.sounding[hit.voice.index()] = Some(note);
        }
    }

    /// Whether another drum is struck at the moment of `hit` on its key, and no softer: the kit plays both.
    fn is_covered(&self, hit: &Waiting, output: Output) -> bool {
        let address = output.address(hit.voice);
        let mut sounding = self.sounding.iter().flatten();
        sounding.any(|note| {
            note.voice != hit.voice
                && note.onset_beats == hit.onset_beats
                && note.address() == address
        }) || self
            .waiting
            .has_louder(hit, |voice| output.address(voice) == address)
    }

    /// Puts the newest pattern in force at once.
    fn install_newest(&mut self) {
        if let Some(newest) = self.pending.pop_back() {
            self.retired.extend(self.current.replace(newest.pattern));
            self.retire_pending_from(f64::NEG_INFINITY);
        }
        self.current_from_beats = f64::NEG_INFINITY;
    }

    /// Retires the patterns that were to rule from `from_beats` or later.
    fn retire_pending_from(&mut self, from_beats: f64) {
        while let Some(dropped) = self
            .pending
            .pop_back_if(|last| last.from_beats >= from_beats)
        {
            self.retired.push(dropped.pattern);
        }
    }
}

/// Where `span` ends for what is played in it: with its last sample, as a moment between that and the end of the block
/// falls on the next sample.
fn last_moment_beats(span: &BlockSpan) -> f64 {
    span.start_beats + (f64::from(span.n_samples - 1) + SAMPLE_TOLERANCE) * span.beats_per_sample
}

/// The first sample of `span` at or after `beats`.
fn sample_of(beats: f64, span: &BlockSpan) -> u32 {
    let samples = ((beats - span.start_beats) / span.beats_per_sample - SAMPLE_TOLERANCE).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the span"
    )]
    let index = samples.clamp(0.0, f64::from(span.n_samples - 1)) as u32;
    span.first_sample + index
}

/// `feel`, as generated where a host sent no number.
fn without_nonsense(feel: Feel) -> Feel {
    let or_as_generated = |amount: f32| if amount.is_finite() { amount } else { 1.0 };
    Feel {
        timing: or_as_generated(feel.timing),
        velocity: or_as_generated(feel.velocity),
        ..feel
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
