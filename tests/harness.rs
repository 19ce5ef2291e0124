//! A host's side of the plugin: a fake transport, two small hosts, and what they hear.
//!
//! A test plays a [`Player`], which cuts time into blocks and moves the song position, on any [`Host`]. The player
//! collects note events with their sample positions; [`notes`] pairs them up and fails on a doubled or stray one.

pub(crate) mod clap;
pub(crate) mod process;
#[cfg(target_os = "linux")]
pub(crate) mod real_time;
pub(crate) mod rule;
pub(crate) mod score;
#[cfg(target_os = "linux")]
pub(crate) mod screen;
pub(crate) mod state;
pub(crate) mod vst3;
#[cfg(target_os = "linux")]
pub(crate) mod xdnd;

/// Where nothing watches the audio thread.
#[cfg(not(target_os = "linux"))]
mod real_time {
    pub(super) fn process<T>(_mode: super::Mode, block: impl FnOnce() -> T) -> T {
        block()
    }
}

use std::any::TypeId;
use std::sync::{Mutex, PoisonError};

use rule::Told;

/// What a host says about the song at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Transport {
    pub(crate) playing: bool,
    /// Hosts may leave out each of the following.
    pub(crate) tempo_bpm: Option<f64>,
    pub(crate) position_beats: Option<f64>,
    pub(crate) time_signature: Option<(u16, u16)>,
    pub(crate) cycle: Option<(f64, f64)>,
    /// Where the metre began, and with it a bar.
    pub(crate) bars_from_beats: f64,
    /// Tells that bar n, counted from 1, begins at beat 4 n, whatever the metre: Ardour.
    pub(crate) counts_bars_of_four: bool,
}

impl Default for Transport {
    /// Stopped at the start of a song in 4/4 at 120 bpm.
    fn default() -> Self {
        Self {
            playing: false,
            tempo_bpm: Some(120.0),
            position_beats: Some(0.0),
            time_signature: Some((4, 4)),
            cycle: None,
            counts_bars_of_four: false,
            bars_from_beats: 0.0,
        }
    }
}

impl Transport {
    pub(crate) fn beats_per_bar(&self) -> f64 {
        let (numerator, denominator) = self.time_signature.unwrap_or((4, 4));
        f64::from(numerator) * 4.0 / f64::from(denominator)
    }

    /// How many bars have passed since the metre began.
    pub(crate) fn n_bars(&self) -> f64 {
        let beats = self.position_beats.unwrap_or(0.0) - self.bars_from_beats;
        (beats / self.beats_per_bar()).floor()
    }

    /// Where the current bar starts, as the host has it.
    pub(crate) fn bar_start_beats(&self) -> f64 {
        if self.counts_bars_of_four {
            4.0 * (self.n_bars() + 1.0)
        } else {
            self.bars_from_beats + self.n_bars() * self.beats_per_bar()
        }
    }
}

/// A parameter change, as a host automates it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// In samples from the start of the block.
    pub(crate) offset: u32,
    pub(crate) id: u32,
    /// In the format's own unit, see [`Host::value_of_text`].
    pub(crate) value: f64,
}

/// What a host hands to the plugin for one block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) n_samples: u32,
    /// At the block's first sample. `None`: the host has no transport at all.
    pub(crate) transport: Option<Transport>,
    /// A transport that takes over inside the block (CLAP only).
    pub(crate) later_transport: Option<(u32, Transport)>,
    pub(crate) changes: Vec<Change>,
    /// Notes that the host sends.
    pub(crate) notes: Vec<NoteEvent>,
}

/// The start or end of a note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoteEvent {
    /// From the start of the block in a host, from the player's start in a player.
    pub(crate) sample: u64,
    pub(crate) pitch: u8,
    pub(crate) channel: u8,
    /// 0 to 1; `None` ends the note.
    pub(crate) velocity: Option<f32>,
}

/// Whether the host plays or renders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Realtime,
    /// It renders, and says so when it activates the plugin and at no other time.
    Offline,
    /// It renders, but has been activated to play: a VST3 host says so in every block, a CLAP host after the activation.
    OfflineAfterwards,
}

/// How a host activates a plugin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) sample_rate: f64,
    pub(crate) max_block: u32,
    pub(crate) mode: Mode,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sample_rate: 48_000.0,
            max_block: 4096,
            mode: Mode::Offline,
        }
    }
}

/// One loaded plugin in a host of some format.
pub(crate) trait Host: Sized + 'static {
    /// Creates and activates the plugin.
    fn new(setup: Setup) -> Self;

    fn setup(&self) -> Setup;

    /// Deactivates the plugin and activates it again.
    fn reactivate(&mut self, setup: Setup);

    /// Processes one block and returns its note events in the order in which they came.
    fn process(&mut self, block: &Block) -> Vec<NoteEvent>;

    /// The same, in a host that takes a bus for each drum beside the mix.
    fn with_buses(setup: Setup) -> Self;

    /// The sound of the last block.
    fn audio(&self) -> &[Vec<f32>; 2];

    /// The sound of the last block on the buses of the drums, if the host takes them.
    fn buses(&self) -> &[[Vec<f32>; 2]];

    fn save(&mut self) -> Vec<u8>;

    /// Whether the plugin accepted the state.
    fn load(&mut self, state: &[u8]) -> bool;

    /// The JSON inside a saved state, and the state around some JSON.
    fn json_of_state(state: &[u8]) -> &[u8];
    fn state_of_json(json: &[u8]) -> Vec<u8>;

    /// Ids and names of all parameters.
    fn parameters(&mut self) -> Vec<(u32, String)>;

    /// The largest value of a parameter in the format's own unit; the smallest is 0.
    fn largest_value(&mut self, id: u32) -> f64;

    /// The value that the plugin reads from a text, in the format's own unit.
    fn value_of_text(&mut self, id: u32, text: &str) -> Option<f64>;

    fn text_of_value(&mut self, id: u32, value: f64) -> Option<String>;

    /// Lets the plugin do what it asked to do on the main thread.
    fn idle(&mut self);
}

/// The host's number of a parameter with one of our permanent ids.
pub(crate) fn param_id(id: &str) -> u32 {
    // The framework's hash; changing it would break every saved automation, so it is stated here a second time.
    let hash = id.bytes().fold(0_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    hash & !(1 << 31)
}

/// A host that plays: it moves the song position and cuts time into blocks.
pub(crate) struct Player<H> {
    pub(crate) host: H,
    /// The transport at the next block's first sample.
    pub(crate) transport: Transport,
    /// Whether the host tells the plugin about its transport at all.
    pub(crate) tells_transport: bool,
    /// Whether a block ends where the host's loop ends.
    pub(crate) splits_at_cycle: bool,
    /// Used in turn.
    pub(crate) block_sizes: Vec<u32>,
    n_blocks: usize,
    now: u64,
    changes: Vec<Change>,
    played: Vec<NoteEvent>,
    pub(crate) heard: Vec<NoteEvent>,
    /// Where the song ran, for the [`rule`].
    pub(crate) told: Vec<Told>,
    /// How often a test has asked for something else, for the [`score`].
    pub(crate) n_asked: usize,
    /// The loudest sample so far.
    pub(crate) peak: f32,
    /// The sound since this was set, left and right.
    pub(crate) recording: Option<[Vec<f32>; 2]>,
}

/// Keeps an instance at a usual sample rate: its model and its drums would go with the last player and be made anew for the next
/// one, at the cost of all else that a short test does.
fn keep_an_instance<H: Host>(sample_rate: f64) {
    static KEPT: Mutex<Vec<(TypeId, f64)>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (TypeId::of::<H>(), sample_rate);
    if sample_rate <= 48_000.0 && !kept.contains(&key) {
        kept.push(key);
        std::mem::forget(H::new(Setup {
            sample_rate,
            ..Setup::default()
        }));
    }
}

impl<H: Host> Player<H> {
    /// In offline mode, where the first pattern is there at the first block that plays.
    pub(crate) fn offline() -> Self {
        Self::new(Setup::default())
    }

    pub(crate) fn new(setup: Setup) -> Self {
        keep_an_instance::<H>(setup.sample_rate);
        Self::on(H::new(setup))
    }

    pub(crate) fn on(host: H) -> Self {
        Self {
            host,
            transport: Transport::default(),
            tells_transport: true,
            splits_at_cycle: true,
            block_sizes: vec![512],
            n_blocks: 0,
            now: 0,
            changes: Vec::new(),
            played: Vec::new(),
            heard: Vec::new(),
            told: Vec::new(),
            n_asked: 0,
            peak: 0.0,
            recording: None,
        }
    }

    pub(crate) fn with_blocks(mut self, sizes: &[u32]) -> Self {
        self.block_sizes = sizes.to_vec();
        self
    }

    /// Samples since the player was made.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn sample_rate(&self) -> f64 {
        self.host.setup().sample_rate
    }

    pub(crate) fn tempo_bpm(&self) -> f64 {
        self.transport
            .tempo_bpm
            .expect("this test's host has a tempo")
    }

    pub(crate) fn position_beats(&self) -> f64 {
        self.transport
            .position_beats
            .expect("this test's host has a position")
    }

    pub(crate) fn samples_per_beat(&self) -> f64 {
        self.sample_rate() * 60.0 / self.tempo_bpm()
    }

    /// Changes a parameter at the next block's first sample.
    pub(crate) fn set(&mut self, id: &str, text: &str) {
        let id_hash = param_id(id);
        let value = self
            .host
            .value_of_text(id_hash, text)
            .unwrap_or_else(|| panic!("the plugin can't read {text:?} as {id}"));
        self.change(id_hash, value);
    }

    /// Changes a parameter to a value in the format's own unit, whatever the number.
    pub(crate) fn change(&mut self, id: u32, value: f64) {
        self.change_at(0, id, value);
    }

    /// The same, inside the next block.
    pub(crate) fn change_at(&mut self, offset: u32, id: u32, value: f64) {
        self.changes.push(Change { offset, id, value });
    }

    /// Plays a key on MIDI channel 1, in the next block.
    pub(crate) fn play_key(&mut self, pitch: u8, velocity: f32) {
        let note = |velocity| NoteEvent {
            sample: 0,
            pitch,
            channel: 0,
            velocity,
        };
        self.played.extend([note(Some(velocity)), note(None)]);
    }

    /// Moves the song position.
    pub(crate) fn seek(&mut self, beats: f64) {
        self.transport.position_beats = Some(beats);
    }

    /// Starts the transport and plays on for a number of beats, to the sample before or at their end.
    pub(crate) fn play(&mut self, beats: f64) {
        self.transport.playing = true;
        self.run(whole_samples(beats * self.samples_per_beat()));
    }

    /// Plays up to a song position, to the sample before or at it.
    pub(crate) fn play_to(&mut self, beats: f64) {
        self.play(beats - self.position_beats());
    }

    /// Stops the transport and processes one block, in which every note must end.
    pub(crate) fn stop(&mut self) {
        self.transport.playing = false;
        self.run(64);
    }

    /// Processes blocks for this many samples, whatever the transport does.
    pub(crate) fn run(&mut self, n_samples: u64) {
        let end = self.now + n_samples;
        while self.now < end {
            let n_block = self.next_block_size(end - self.now);
            self.block(n_block, None);
        }
    }

    /// The next size in turn, cut at the end of this run and at the end of the host's cycle.
    fn next_block_size(&mut self, n_left: u64) -> u32 {
        let size = self.block_sizes[self.n_blocks % self.block_sizes.len()];
        self.n_blocks += 1;
        let mut size = u64::from(size).min(n_left);
        if self.splits_at_cycle {
            size = size.min(self.samples_to_cycle_end().unwrap_or(u64::MAX));
        }
        u32::try_from(size).expect("a block is shorter than 2^32 samples")
    }

    /// Processes one block and moves on.
    pub(crate) fn block(&mut self, n_samples: u32, later_transport: Option<(u32, Transport)>) {
        let block = Block {
            n_samples,
            transport: self.tells_transport.then_some(self.transport),
            later_transport,
            changes: std::mem::take(&mut self.changes),
            notes: std::mem::take(&mut self.played),
        };
        let events = self.host.process(&block);
        self.heard.extend(events.iter().map(|event| NoteEvent {
            sample: self.now + event.sample,
            ..*event
        }));
        for sample in self.host.audio().iter().flatten() {
            assert!(sample.is_finite(), "the sound is {sample}");
            self.peak = self.peak.max(sample.abs());
        }
        for (recorded, channel) in self.recording.iter_mut().flatten().zip(self.host.audio()) {
            recorded.extend(channel);
        }
        match later_transport {
            Some((offset, later)) => {
                self.advance(offset);
                self.transport = later;
                self.advance(n_samples - offset);
            }
            None => self.advance(n_samples),
        }
    }

    /// How many samples come before the one at which the host's loop starts over.
    fn samples_to_cycle_end(&self) -> Option<u64> {
        let (_, end) = self.transport.cycle?;
        let beats_left = end - self.transport.position_beats?;
        let samples = (beats_left * self.samples_per_beat() - 1e-3).ceil();
        (self.transport.playing && samples >= 1.0).then(|| whole_samples(samples))
    }

    /// Moves on by samples over which the transport does not change, but for the host's loop.
    fn advance(&mut self, n_samples: u32) {
        let mut n_left = u64::from(n_samples);
        while n_left > 0 {
            let to_cycle_end = self.samples_to_cycle_end();
            let n_straight = to_cycle_end.map_or(n_left, |samples| samples.min(n_left));
            self.advance_straight(n_straight);
            if let (Some((start, end)), Some(n_to_end)) = (self.transport.cycle, to_cycle_end)
                && n_to_end == n_straight
            {
                self.seek(self.position_beats() - (end - start));
            }
            n_left -= n_straight;
        }
    }

    fn advance_straight(&mut self, n_samples: u64) {
        let first_sample = self.now;
        self.now += n_samples;
        let (true, Some(start_beats), Some(tempo_bpm)) = (
            self.transport.playing,
            self.transport.position_beats,
            self.transport.tempo_bpm,
        ) else {
            return;
        };
        let beats_per_sample = tempo_bpm / 60.0 / self.sample_rate();
        Told {
            first_sample,
            n_samples,
            start_beats,
            beats_per_sample,
            n_asked: self.n_asked,
        }
        .join(&mut self.told);
        self.seek(start_beats + rule::float(n_samples) * beats_per_sample);
    }

    /// Everything heard so far as notes; fails if one is still sounding.
    pub(crate) fn notes(&self) -> Vec<HeardNote> {
        notes(&self.heard)
    }

    /// Forgets what was heard, so that the next part of a test starts from nothing.
    pub(crate) fn forget(&mut self) {
        assert_eq!(sounding(&self.heard), [], "these notes hang");
        self.heard.clear();
        self.told.clear();
    }
}

/// The number of whole samples before a point in time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test times are positive and short"
)]
pub(crate) fn whole_samples(samples: f64) -> u64 {
    // A product that should be whole may lie a hair below it.
    (samples + 1e-6).floor() as u64
}

/// A note that a host heard from its start to its end, in samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeardNote {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) pitch: u8,
    pub(crate) channel: u8,
    pub(crate) velocity: f32,
}

/// Pairs note-ons with note-offs, in the order of the note-ons.
///
/// Fails on a note-on of a sounding note, a note-off of a silent one, events out of time order and hanging notes.
pub(crate) fn notes(events: &[NoteEvent]) -> Vec<HeardNote> {
    let mut notes: Vec<HeardNote> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut last_sample = 0;
    for event in events {
        assert!(
            event.sample >= last_sample,
            "{event:?} comes after sample {last_sample}"
        );
        last_sample = event.sample;
        let place = open.iter().position(|&note| {
            (notes[note].pitch, notes[note].channel) == (event.pitch, event.channel)
        });
        match (event.velocity, place) {
            (Some(velocity), None) => {
                assert!(velocity > 0.0 && velocity <= 1.0, "{event:?}");
                open.push(notes.len());
                notes.push(HeardNote {
                    start: event.sample,
                    end: event.sample,
                    pitch: event.pitch,
                    channel: event.channel,
                    velocity,
                });
            }
            (None, Some(place)) => notes[open.remove(place)].end = event.sample,
            (Some(_), Some(_)) => panic!("{event:?} is doubled: that note is still sounding"),
            (None, None) => panic!("{event:?} ends a note that is not sounding"),
        }
    }
    let hanging: Vec<_> = open.iter().map(|&note| notes[note]).collect();
    assert_eq!(hanging, [], "these notes hang");
    notes
}

/// The note-ons that have no note-off yet.
pub(crate) fn sounding(events: &[NoteEvent]) -> Vec<NoteEvent> {
    let mut open: Vec<NoteEvent> = Vec::new();
    for event in events {
        open.retain(|on| (on.pitch, on.channel) != (event.pitch, event.channel));
        if event.velocity.is_some() {
            open.push(*event);
        }
    }
    open
}

/// Writes a test for each of these functions of a module, on one kind of host.
macro_rules! tests_on {
    ($module:ident, $host:ty: $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::$module::$test::<$host>();
            }
        )*
    };
}
pub(crate) use tests_on;
