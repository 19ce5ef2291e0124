//! The audio thread's whole work on one block, without any host or framework.
//!
//! In this order: follow the transport, order the pattern that the controls ask for, install the patterns that have
//! come, play. Nothing here locks, allocates, frees, logs or waits, except that an offline render waits for a pattern
//! whose time has come, because there the song stands still meanwhile.

use crate::mailbox::{AudioEnd, Reply};
use crate::orders::{Bars, LEAD_BEATS, Order, Orders, boundary};
use crate::params::ApplyAt;
use crate::request::{Job, LOOP_BEATS, Ready, Request};
use crate::scheduler::{Event, LOOKAHEAD_BEATS, Motion, Output, Scheduler};
use crate::transport::{BlockSpan, HostTime, TransportTracker};
use fourbar_kit::Kit;
use fourbar_model::drums::N_VOICES;
use fourbar_model::pattern::Feel;
use std::thread;
use std::time::{Duration, Instant};

/// MIDI events in one block. The framework's queue for CLAP has room for 512 and would allocate for more; only a block
/// of many seconds or an absurd tempo comes near.
const MAX_MIDI_EVENTS: usize = 500;

/// How long an offline render waits for one pattern.
const OFFLINE_PATIENCE: Duration = Duration::from_secs(10);

/// What the parameters say in this block.
#[derive(Debug, Clone, Copy)]
pub struct Controls {
    /// The pattern that is wanted.
    pub request: Request,
    /// Which choice of a model is to make it; see [`crate::shared::Shared::n_choices`].
    pub choice: u32,
    /// When a new pattern comes in.
    pub apply_at: ApplyAt,
    /// How the pattern is played.
    pub feel: Feel,
    /// Where the notes go.
    pub output: Output,
    /// Linear gain of the kit.
    pub kit_gain: f32,
    /// Whether to be silent.
    pub bypass: bool,
    /// Whether to play on our own clock while the host is stopped.
    pub audition: bool,
}

/// What the editor wants to know of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Position in the loop at the start of the block; `None` when nothing plays.
    pub playhead_beats: Option<f64>,
    /// The kit's peak, linear.
    pub level: f32,
}

/// Plays patterns. Owned by the audio thread; the main thread touches it only while the audio thread is held off.
#[derive(Debug)]
pub struct Player {
    mailbox: AudioEnd<Ready>,
    tracker: TransportTracker,
    scheduler: Scheduler,
    orders: Orders,
    kit: Option<Kit>,
    sample_rate: f64,
    /// Whether the host renders and can wait.
    pub offline: bool,
    /// The newest pattern that was ordered or restored.
    wanted: Option<Job>,
    /// Which restored state the next jobs belong to.
    epoch: u64,
    /// Of which drum the host has been told a note-on and not yet its note-off.
    held: [bool; N_VOICES],
}

impl Player {
    /// A player that gets its patterns from `mailbox`; silent until [`Self::activate`].
    #[must_use]
    pub fn new(mailbox: AudioEnd<Ready>) -> Self {
        Self {
            mailbox,
            tracker: TransportTracker::new(),
            scheduler: Scheduler::new(),
            orders: Orders::default(),
            kit: None,
            sample_rate: 48_000.0,
            offline: false,
            wanted: None,
            epoch: 0,
            held: [false; N_VOICES],
        }
    }

    /// Prepares for `sample_rate`. `offline`: the host renders and can wait. Allocates.
    pub fn activate(&mut self, sample_rate: f32, offline: bool) {
        // A sample rate that is none must not reach the kit's synthesis.
        let sample_rate = if (1_000.0..=1_000_000.0).contains(&sample_rate) {
            sample_rate
        } else {
            48_000.0
        };
        self.sample_rate = f64::from(sample_rate);
        self.offline = offline;
        #[expect(clippy::float_cmp, reason = "any other sample rate needs other drums")]
        let fits = self
            .kit
            .as_ref()
            .is_some_and(|kit| kit.sample_rate() == sample_rate);
        if !fits {
            self.kit = Some(Kit::new(sample_rate));
        }
    }

    /// Plays the pattern of a project that was just loaded, or none, and forgets what was on order before. `choice` is
    /// that of the project's model. Allocates and frees.
    pub fn restore(&mut self, ready: Option<Ready>, choice: u32, epoch: u64) {
        self.orders.clear();
        self.epoch = epoch;
        self.wanted = ready.as_ref().map(|ready| Job {
            request: ready.request,
            choice,
            epoch,
        });
        if let Some(ready) = ready {
            drop(self.scheduler.install(Box::new(ready), None));
        }
    }

    /// Orders the first pattern, before any block is played.
    pub fn prepare(&mut self, request: Request, choice: u32, apply_at: ApplyAt) {
        let job = Job {
            request,
            choice,
            epoch: self.epoch,
        };
        if self.wanted != Some(job) {
            self.want(job, None, apply_at);
            self.post();
        }
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

    /// Plays one block: adds the kit to `left` and `right`, and sends the notes for the host to `emit`, in the order of
    /// time.
    pub fn process(
        &mut self,
        host: &HostTime,
        controls: &Controls,
        left: &mut [f32],
        right: &mut [f32],
        mut emit: impl FnMut(Event),
    ) -> Heard {
        let n_samples = u32::try_from(left.len()).unwrap_or(u32::MAX);
        let audition = controls.audition && !controls.bypass;
        let mut n_sent = 0;
        let mut playhead_beats = None;
        for span in self
            .tracker
            .spans(host, audition, n_samples, self.sample_rate)
        {
            let span = BlockSpan {
                playing: span.playing && !controls.bypass,
                ..span
            };
            if span.playing && playhead_beats.is_none() {
                playhead_beats = Some(span.start_beats.rem_euclid(self.loop_beats()));
            }
            self.order(&span, self.bars(host), controls);
            let Self {
                scheduler,
                kit,
                held,
                ..
            } = self;
            scheduler.process(&span, controls.feel, controls.output, |event| {
                if let (
                    Event::NoteOn {
                        timing,
                        voice,
                        velocity,
                        ..
                    },
                    Some(kit),
                ) = (event, kit.as_mut())
                {
                    kit.trigger(timing, voice, velocity);
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
            kit.render(
                left,
                right,
                if controls.bypass {
                    0.0
                } else {
                    controls.kit_gain
                },
            );
        }
        let level = left
            .iter()
            .chain(right.iter())
            .fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        Heard {
            playhead_beats,
            level,
        }
    }

    /// Orders what the controls ask for, and installs what has come.
    fn order(&mut self, span: &BlockSpan, bars: Bars, controls: &Controls) {
        let motion = self.scheduler.motion(span);
        self.orders.follow(motion);
        let job = Job {
            request: controls.request,
            choice: controls.choice,
            epoch: self.epoch,
        };
        if self.wanted != Some(job) {
            let plays_on = matches!(motion, Motion::Continues | Motion::Loops(_));
            let from_beats =
                plays_on.then(|| boundary(controls.apply_at, span.start_beats + LEAD_BEATS, bars));
            self.want(job, from_beats, controls.apply_at);
        }
        self.collect(span, bars);
        if self.offline && span.playing {
            self.wait_for_due_orders(span, bars);
        }
    }

    fn want(&mut self, job: Job, from_beats: Option<f64>, unit: ApplyAt) {
        self.wanted = Some(job);
        self.orders.place(job, from_beats, unit);
    }

    /// Asks the worker for the first order, if it does not know it yet.
    fn post(&mut self) {
        if let Some(order) = self.orders.first().filter(|order| !order.posted) {
            order.posted = self.mailbox.post(order.job);
        }
    }

    /// Exchanges everything there is to exchange with the worker.
    fn collect(&mut self, span: &BlockSpan, bars: Bars) {
        self.post();
        while let Some(Reply { job, made }) = self.mailbox.receive() {
            let order = self.orders.fill(&job);
            match (order, made) {
                (Some(order), Some(ready)) => self.install(ready, order, span, bars),
                // Displaced while it was made. Settings that never rest displace every order, and the next is not made
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

    /// Whether a pattern made for `job`, which is no longer on order, is nearer to what is wanted than what would play
    /// without it: no pattern is playing, and it was made by the same model since the same project was opened.
    fn is_better_than_nothing(&self, job: &Job) -> bool {
        self.scheduler.earliest_boundary_beats().is_none()
            && self
                .wanted
                .is_some_and(|wanted| (wanted.choice, wanted.epoch) == (job.choice, job.epoch))
    }

    /// Puts a pattern in force from the place it was ordered for, or from the next boundary if it is late.
    fn install(&mut self, ready: Box<Ready>, order: Order, span: &BlockSpan, bars: Bars) {
        let starts_over = matches!(
            self.scheduler.motion(span),
            Motion::Rests | Motion::Restarts
        );
        let from_beats = match self.scheduler.earliest_boundary_beats() {
            Some(earliest_beats) if !starts_over => {
                let in_time = order
                    .from_beats
                    .filter(|&from_beats| from_beats >= earliest_beats);
                Some(in_time.unwrap_or_else(|| boundary(order.unit, earliest_beats, bars)))
            }
            _ => None,
        };
        if let Some(displaced) = self.scheduler.install(ready, from_beats) {
            self.mailbox.give_back(displaced);
        }
    }

    /// Waits for every pattern whose hits are to be played in `span`.
    fn wait_for_due_orders(&mut self, span: &BlockSpan, bars: Bars) {
        let needed_to_beats = span.end_beats + LOOKAHEAD_BEATS;
        let start = Instant::now();
        while let Some(order) = self.orders.first() {
            let is_due = order
                .from_beats
                .is_none_or(|from_beats| from_beats <= needed_to_beats);
            if !is_due || order.given_up {
                return;
            }
            if start.elapsed() > OFFLINE_PATIENCE {
                order.given_up = true;
                return;
            }
            thread::sleep(Duration::from_millis(1));
            self.collect(span, bars);
        }
    }

    /// Length of the loop that is played.
    fn loop_beats(&self) -> f64 {
        self.scheduler
            .current()
            .map_or(LOOP_BEATS, |ready| ready.pattern.loop_beats())
    }

    fn bars(&self, host: &HostTime) -> Bars {
        Bars {
            start_beats: host.bar_start_beats.unwrap_or(0.0),
            length_beats: host.beats_per_bar,
            loop_beats: self.loop_beats(),
        }
    }
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
