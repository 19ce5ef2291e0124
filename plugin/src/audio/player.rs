//! The audio thread's whole work on one block, without any host or framework.
//!
//! In this order: follow the transport, ask for the pattern that the controls ask for, install the patterns that have
//! come, play. Nothing here locks, allocates, frees, logs or waits, except that an offline render waits for a pattern
//! whose time has come, because there the song stands still meanwhile.

mod fills;

use super::pending::{Bars, Boundary, LEAD_BEATS, PendingRequest, PendingRequests};
use super::recorder::{CLICK, Played, Recorder};
use super::scheduler::{Event, LOOKAHEAD_BEATS, Motion, Output, Scheduler};
use super::transport::{BlockSpan, HostTime, TransportTracker};
use crate::mailbox::{AudioEnd, Reply};
use crate::recording::Recording;
use crate::request::{Job, LOOP_BEATS, Ready, Request};
use fourbar_kit::{Kit, Settings, Stereo, Stroke, step_at};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::pattern::{Feel, Lanes};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// MIDI events in one block. The framework's queue for CLAP has room for 512 and would allocate for more; only a block
/// of many seconds or an absurd tempo comes near.
const MAX_MIDI_EVENTS: usize = 500;

/// Places closer than this are the same: hosts round positions.
const SAME_PLACE_BEATS: f64 = 1e-6;

/// How often an offline render looks for one pattern or kit, with a pause in between: a minute or more. A busy machine may
/// take long, and another pattern would be another song. Counted, because a clock jumps when a machine has slept.
const N_OFFLINE_LOOKS: usize = 60_000;
const OFFLINE_PAUSE: Duration = Duration::from_millis(1);

/// What the parameters say in this block.
#[derive(Debug, Clone, Copy)]
pub struct Controls {
    /// The pattern that is wanted.
    pub request: Request,
    /// Which choice of a model is to make it; see [`crate::shared::Shared::model_revision`].
    pub model_revision: u32,
    /// When a new pattern comes in.
    pub apply_at: Boundary,
    /// How often a fill was asked for at once.
    pub n_fills: u32,
    /// How the pattern is played.
    pub feel: Feel,
    /// Where the notes go.
    pub output: Output,
    /// How the kit sounds.
    pub kit: Settings,
    /// Whether to be silent.
    pub bypass: bool,
    /// Whether not to play the pattern.
    pub mute: bool,
    /// Whether to play on our own clock while the host is stopped.
    pub audition: bool,
    /// Whether notes that come in play the kit.
    pub input_heard: bool,
    /// Drums that were struck by hand.
    pub struck: [bool; N_VOICES],
}

/// What the editor wants to know of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Position in the loop at the start of the block; `None` when nothing plays.
    pub playhead_beats: Option<f64>,
    /// The kit's peak on any of its buses, linear.
    pub level: f32,
}

/// A fill that was asked for and has not begun.
#[derive(Debug, Clone, Copy)]
struct ComingFill {
    from_beats: f64,
    /// Where the groove without it comes back.
    end_beats: f64,
    /// How far the host's loop takes the song back before the fill begins; the groove without it is asked for then.
    round_beats: Option<f64>,
}

/// Plays patterns. Owned by the audio thread; the main thread touches it only while the audio thread is held off.
#[derive(Debug)]
pub struct Player {
    mailbox: AudioEnd<Ready>,
    tracker: TransportTracker,
    scheduler: Scheduler,
    pending: PendingRequests,
    recorder: Recorder,
    kit: Option<Kit>,
    sample_rate: f64,
    /// Whether the host renders and can wait.
    pub offline: bool,
    /// The newest pattern that was asked for or restored.
    wanted: Option<Job>,
    /// How often a fill had been asked for in the block before.
    n_fills: u32,
    /// The fill that was asked for last, until it begins.
    fill: Option<ComingFill>,
    /// Which restored state the next jobs belong to.
    state_revision: u64,
    /// Of which drum the host has been told a note-on and not yet its note-off.
    held: [bool; N_VOICES],
}

impl Player {
    /// A player that gets its patterns from `mailbox` and records into `recording`; silent until [`Self::activate`].
    #[must_use]
    pub fn new(mailbox: AudioEnd<Ready>, recording: Arc<Recording>) -> Self {
        Self {
            mailbox,
            tracker: TransportTracker::new(),
            scheduler: Scheduler::new(),
            pending: PendingRequests::default(),
            recorder: Recorder::new(recording),
            kit: None,
            sample_rate: 48_000.0,
            offline: false,
            wanted: None,
            n_fills: 0,
            fill: None,
            state_revision: 0,
            held: [false; N_VOICES],
        }
    }

    /// Prepares for `sample_rate` and the built-in drums of `kit`. `offline`: the host renders and can wait. Allocates.
    pub fn activate(&mut self, sample_rate: f32, offline: bool, kit: usize) {
        // A sample rate that is none must not reach the kit's synthesis.
        let sample_rate = if (1_000.0..=1_000_000.0).contains(&sample_rate) {
            sample_rate
        } else {
            48_000.0
        };
        self.sample_rate = f64::from(sample_rate);
        self.offline = offline;
        #[expect(clippy::float_cmp, reason = "any other sample rate needs other drums")]
        let fitting = self
            .kit
            .take()
            .filter(|kit| kit.sample_rate() == sample_rate);
        let player = fitting.unwrap_or_else(|| Kit::new(sample_rate));
        player.prepare(kit);
        self.kit = Some(player);
    }

    /// Plays the pattern of a project that was just loaded, or none, and forgets what was pending before. `model_revision` is
    /// that of the project's model. Allocates and frees.
    pub fn restore(&mut self, ready: Option<Ready>, model_revision: u32, state_revision: u64) {
        self.pending.clear();
        self.state_revision = state_revision;
        self.wanted = ready.as_ref().map(|ready| Job {
            request: ready.request,
            model_revision,
            state_revision,
        });
        if let Some(ready) = ready {
            drop(self.scheduler.install(Box::new(ready), None));
        }
    }

    /// Asks for the first pattern, before any block is played.
    pub fn prepare(&mut self, request: Request, model_revision: u32, apply_at: Boundary) {
        let job = Job {
            request,
            model_revision,
            state_revision: self.state_revision,
        };
        if self.wanted != Some(job) {
            self.want(job, None, apply_at);
            self.post();
        }
    }

    /// Takes the fills that were asked for so far as played.
    pub fn forget_fills(&mut self, n_fills: u32) {
        self.n_fills = n_fills;
    }

    /// Forgets the transport and the kit's sound. Notes that sound are ended in the next block.
    pub fn reset(&mut self) {
        self.tracker.reset();
        if let Some(kit) = &mut self.kit {
            kit.silence();
        }
    }

    /// The pattern in force.
    #[must_use]
    pub fn current(&self) -> Option<&Ready> {
        self.scheduler.current()
    }

    /// Plays one block, in which the notes `played` come in: adds the kit to the mix, and each drum to its own of `buses`
    /// if there are any, and sends the notes for the host to `emit`, in the order of time.
    pub fn process(
        &mut self,
        host: &HostTime,
        controls: &Controls,
        played: &[Played],
        [left, right]: Stereo<'_>,
        buses: &mut [Stereo<'_>],
        mut emit: impl FnMut(Event),
    ) -> Heard {
        let host = &on_bars(host);
        let n_samples = u32::try_from(left.len()).unwrap_or(u32::MAX);
        let audition = controls.audition && !controls.bypass;
        let mut n_sent = 0;
        let mut playhead_beats = None;
        let is_struck = |voice: &Voice| controls.struck[voice.index()] && !controls.bypass;
        for voice in Voice::ALL.into_iter().filter(is_struck) {
            self.scheduler.strike_by_hand(voice);
        }
        for span in self
            .tracker
            .spans(host, audition, n_samples, self.sample_rate)
        {
            let span = BlockSpan {
                playing: span.playing && !controls.bypass && !controls.mute,
                ..span
            };
            if span.playing && playhead_beats.is_none() {
                playhead_beats = Some(span.start_beats.rem_euclid(self.loop_beats()));
            }
            self.request(&span, host, controls);
            let pass_beats = self.pass_beats();
            let start_beats = self.scheduler.place_beats(&span);
            let stroke = |sample: u32, voice, velocity| {
                let beats = f64::from(sample - span.first_sample) * span.beats_per_sample;
                Stroke {
                    sample: usize::try_from(sample).unwrap_or(usize::MAX),
                    voice,
                    velocity,
                    step: step_at(start_beats + beats),
                }
            };
            if let Some(kit) = &mut self.kit {
                let click = |sample, velocity| kit.trigger(stroke(sample, CLICK, velocity));
                self.recorder
                    .record(&span, pass_beats, host.beats_per_bar, played, click);
                let span_samples = span.first_sample..span.first_sample + span.n_samples;
                let is_heard =
                    |note: &&Played| controls.input_heard && span_samples.contains(&note.sample);
                for note in played.iter().filter(is_heard) {
                    if let Some(voice) = note.voice {
                        kit.trigger(stroke(note.sample, voice, note.velocity));
                    }
                }
            }
            let feel = if self.recorder.replaces() {
                Feel {
                    lanes: Lanes::SILENT,
                    ..controls.feel
                }
            } else {
                controls.feel
            };
            let Self {
                scheduler,
                kit,
                held,
                ..
            } = self;
            scheduler.process(&span, feel, controls.output, |event| {
                if let (
                    Event::NoteOn {
                        timing,
                        voice,
                        velocity,
                        step,
                        ..
                    },
                    Some(kit),
                ) = (event, kit.as_mut())
                {
                    kit.trigger(Stroke {
                        sample: usize::try_from(timing).unwrap_or(usize::MAX),
                        voice,
                        velocity,
                        step,
                    });
                }
                if admit(event, held, n_sent) {
                    n_sent += 1;
                    emit(event);
                }
            });
            while let Some(pattern) = self.scheduler.retired() {
                self.mailbox.give_back(pattern);
            }
        }
        if let Some(kit) = &mut self.kit {
            if self.offline {
                wait_for(|| kit.has(controls.kit.kit));
            }
            let settings = Settings {
                gain: if controls.bypass {
                    0.0
                } else {
                    controls.kit.gain
                },
                ..controls.kit
            };
            kit.render(&settings, [&mut *left, &mut *right], buses);
        }
        let of_buses = buses.iter().flatten().flat_map(|channel| channel.iter());
        let level = left
            .iter()
            .chain(right.iter())
            .chain(of_buses)
            .fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        Heard {
            playhead_beats,
            level,
        }
    }

    /// Asks for what the controls want, and installs what has come.
    fn request(&mut self, span: &BlockSpan, host: &HostTime, controls: &Controls) {
        let bars = self.bars(host);
        let motion = self.scheduler.motion(span);
        self.pending.follow(motion);
        let job = Job {
            request: controls.request,
            model_revision: controls.model_revision,
            state_revision: self.state_revision,
        };
        let has_lost_fill = self.follow_fill(job, motion, span);
        if self.wanted != Some(job) {
            let plays_on = matches!(motion, Motion::Continues | Motion::Loops(_));
            let boundary = if self
                .wanted
                .is_some_and(|wanted| is_due_at_once(&wanted, &job))
            {
                Boundary::Sixteenth
            } else {
                controls.apply_at
            };
            let from_beats =
                plays_on.then(|| boundary.at_or_after(span.start_beats + LEAD_BEATS, bars));
            self.want(job, from_beats, boundary);
        }
        let n_fills = std::mem::replace(&mut self.n_fills, controls.n_fills);
        if (n_fills != controls.n_fills || has_lost_fill) && span.playing {
            self.want_fill(job, span.start_beats, host.loop_beats);
        }
        self.collect(span, bars);
        if self.offline && span.playing {
            self.wait_for_due_requests(span, bars);
        }
    }

    fn want(&mut self, job: Job, from_beats: Option<f64>, boundary: Boundary) {
        self.wanted = Some(job);
        self.pending.place(job, from_beats, boundary);
    }

    /// Asks the worker for the first pending request, if it does not know it yet.
    fn post(&mut self) {
        if let Some(pending) = self.pending.first().filter(|pending| !pending.posted) {
            pending.posted = self.mailbox.post(pending.job);
        }
    }

    /// Exchanges everything there is to exchange with the worker.
    fn collect(&mut self, span: &BlockSpan, bars: Bars) {
        self.post();
        while let Some(Reply { job, made }) = self.mailbox.receive() {
            let pending = self.pending.fill(&job);
            match (pending, made) {
                (Some(pending), Some(ready)) => self.install(ready, pending, span, bars),
                // Displaced while it was made. Settings that never rest displace every request, and the next is not made
                // sooner.
                (None, Some(ready)) if self.is_better_than_nothing(&job) => {
                    if let Some(displaced) = self.scheduler.install(ready, None) {
                        self.mailbox.give_back(displaced);
                    }
                }
                // Asked for, but no longer wanted.
                (None, Some(ready)) => self.mailbox.give_back(ready),
                // Not made: the status says why, and the last pattern plays on.
                (_, None) => {}
            }
            self.post();
        }
    }

    /// Whether a pattern made for `job`, which is no longer pending, is nearer to what is wanted than what would play
    /// without it: no pattern is playing, and it was made by the same model since the same project was opened.
    fn is_better_than_nothing(&self, job: &Job) -> bool {
        self.scheduler.earliest_boundary_beats().is_none()
            && self.wanted.is_some_and(|wanted| {
                (wanted.model_revision, wanted.state_revision)
                    == (job.model_revision, job.state_revision)
            })
    }

    /// Puts a pattern in force from the place it was asked for, or from the next boundary if it is late.
    fn install(
        &mut self,
        ready: Box<Ready>,
        pending: PendingRequest,
        span: &BlockSpan,
        bars: Bars,
    ) {
        let motion = self.scheduler.motion(span);
        let starts_over = matches!(motion, Motion::Rests | Motion::Restarts);
        // The scheduler is still where the last block ended, and takes what it has along when it plays this one.
        let moved_beats = match motion {
            Motion::Loops(beats) => beats,
            _ => 0.0,
        };
        let from_beats = match self.scheduler.earliest_boundary_beats() {
            Some(earliest_beats) if !starts_over => {
                let earliest_beats = earliest_beats + moved_beats;
                let in_time = pending
                    .from_beats
                    .filter(|&from_beats| from_beats >= earliest_beats);
                let from_beats =
                    in_time.unwrap_or_else(|| pending.boundary.at_or_after(earliest_beats, bars));
                Some(from_beats - moved_beats)
            }
            _ => None,
        };
        if let Some(displaced) = self.scheduler.install(ready, from_beats) {
            self.mailbox.give_back(displaced);
        }
    }

    /// Waits for every pattern whose hits are to be played in `span`.
    fn wait_for_due_requests(&mut self, span: &BlockSpan, bars: Bars) {
        let needed_to_beats = span.end_beats + LOOKAHEAD_BEATS;
        let mut n_looks = 0;
        while let Some(pending) = self.pending.first() {
            let is_due = pending
                .from_beats
                .is_none_or(|from_beats| from_beats <= needed_to_beats);
            if !is_due || pending.given_up {
                return;
            }
            if n_looks == N_OFFLINE_LOOKS {
                pending.given_up = true;
                return;
            }
            n_looks += 1;
            thread::sleep(OFFLINE_PAUSE);
            self.collect(span, bars);
        }
    }

    /// Length of the loop that is played.
    fn loop_beats(&self) -> f64 {
        self.scheduler
            .current()
            .map_or(LOOP_BEATS, |ready| ready.pattern.loop_beats())
    }

    /// Length of the groove that is played.
    fn pass_beats(&self) -> f64 {
        self.scheduler
            .current()
            .map_or(LOOP_BEATS, Ready::pass_beats)
    }

    fn bars(&self, host: &HostTime) -> Bars {
        Bars {
            start_beats: host.bar_start_beats.unwrap_or(0.0),
            length_beats: host.beats_per_bar,
            loop_beats: self.pass_beats(),
        }
    }
}

/// The same time, counted from a place at which a bar of the host begins, so that bars of the pattern are bars of the host.
fn on_bars(host: &HostTime) -> HostTime {
    let start_beats = host.bar_start_beats.unwrap_or(0.0);
    let before_beats = start_beats.rem_euclid(host.beats_per_bar);
    // Hosts round; bars that are counted from 0 stay where they are, to the bit.
    let is_counted_from_zero =
        before_beats < SAME_PLACE_BEATS || host.beats_per_bar - before_beats < SAME_PLACE_BEATS;
    if is_counted_from_zero {
        return *host;
    }
    let moved = |beats: f64| beats - before_beats;
    HostTime {
        position_beats: host.position_beats.map(moved),
        loop_beats: host
            .loop_beats
            .map(|(start, end)| (moved(start), moved(end))),
        bar_start_beats: host.bar_start_beats.map(moved),
        ..*host
    }
}

/// Waits until something is there that another thread makes.
fn wait_for(is_there: impl Fn() -> bool) {
    for _ in 0..N_OFFLINE_LOOKS {
        if is_there() {
            return;
        }
        thread::sleep(OFFLINE_PAUSE);
    }
}

/// Whether the metre has changed, in which the pattern before plays on in other bars than the host's, or nothing but what is
/// locked, which is worked on by hand.
fn is_due_at_once(before: &Job, now: &Job) -> bool {
    let (before, now) = (before.request, now.request);
    let locks = now.locks;
    let same = Request { locks, ..before };
    before.metre != now.metre || before.locks != locks && same == now
}

/// Whether to tell the host of `event`, after `n_sent` others in this block. A note-on is told only if there will be
/// room for its note-off and those of all notes that are held; a note-off exactly if its note-on was told.
fn admit(event: Event, held: &mut [bool; N_VOICES], n_sent: usize) -> bool {
    match event {
        Event::NoteOn { voice, midi, .. } => {
            let n_held = held.iter().filter(|&&is_held| is_held).count();
            let tell = midi && n_sent + n_held + 2 <= MAX_MIDI_EVENTS;
            held[voice.index()] = tell;
            tell
        }
        Event::NoteOff { voice, .. } => std::mem::take(&mut held[voice.index()]),
    }
}

#[cfg(test)]
mod tests;
