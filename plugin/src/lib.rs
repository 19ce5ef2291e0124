//! The Fourbar plugin: learned 4-bar drum grooves as CLAP and VST3.
//!
//! ```text
//! host, editor -> params (atomics) -> player -> Job -> worker -> Ready -> player -> host
//! worker -> Snapshot -> editor        player -> playhead, level (atomics) -> editor
//! ```
//!
//! The framework is met in this file, `params.rs`, `editor.rs` and `format/` only.

use nice_plug::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub mod audio;
pub mod editor;
pub mod files;
mod format;
pub mod groove_name;
pub mod inference;
pub mod key_maps;
pub mod library;
pub mod mailbox;
pub mod params;
pub mod recording;
pub mod request;
pub mod shared;
pub mod training;

pub use format::clap::clap_entry;

use audio::player::Player;
use audio::recorder::Played;
use audio::scheduler::Event;
use audio::transport::HostTime;
use format::Border;
use fourbar_kit::Stereo;
use fourbar_model::drums::N_VOICES;
use inference::models::Choice;
use inference::worker::Worker;
use inference::{checkpoints, first_pattern};
use mailbox::{WorkerEnd, mailbox};
use params::{FourbarParams, Grouped, KeyAction};
use request::{Metre, Ready, Request, Variations};
use shared::{Shared, Status};
use training::Training;

/// The plugin, as the framework sees it.
pub struct Fourbar {
    params: Arc<FourbarParams>,
    shared: Arc<Shared>,
    border: Arc<Border>,
    player: Player,
    variations: Variations,
    /// The restored state that the player knows; see [`shared::Snapshot::state_revision`].
    state_revision: u64,
    bar_phase: BarPhase,
    /// The value of the parameter *slot* in the block before.
    slot: i32,
    /// The worker's end of the mailbox, until there is a worker. A host's scan creates plugins that it never starts.
    idle_worker_end: Option<WorkerEnd<Ready>>,
    worker: Option<Worker>,
    training: Arc<Training>,
}

impl Drop for Fourbar {
    fn drop(&mut self) {
        self.training.end();
    }
}

impl Default for Fourbar {
    fn default() -> Self {
        let shared = Arc::<Shared>::default();
        let (audio_end, worker_end) = mailbox();
        let params = FourbarParams::new(shared.clone());
        Self {
            border: Border::new(params.clone()),
            player: Player::new(audio_end, shared.recording.clone()),
            params,
            shared,
            variations: Variations::default(),
            state_revision: 0,
            bar_phase: BarPhase::default(),
            slot: params::LIVE,
            idle_worker_end: Some(worker_end),
            worker: None,
            training: Arc::default(),
        }
    }
}

/// The mix of all drums.
const STEREO: AudioIOLayout = AudioIOLayout {
    main_output_channels: Some(new_nonzero_u32(2)),
    names: PortNames {
        layout: Some("Stereo"),
        ..PortNames::const_default()
    },
    ..AudioIOLayout::const_default()
};

/// The same, and a bus for each drum, in the order of `Voice::ALL`.
const SEPARATE: AudioIOLayout = AudioIOLayout {
    aux_output_ports: &[new_nonzero_u32(2); N_VOICES],
    names: PortNames {
        layout: Some("Stereo and a bus for each drum"),
        aux_outputs: &[
            "Kick",
            "Snare",
            "Closed hi-hat",
            "Open hi-hat",
            "Low tom",
            "Mid tom",
            "High tom",
            "Crash",
            "Ride",
        ],
        ..STEREO.names
    },
    ..STEREO
};

impl Plugin for Fourbar {
    const NAME: &'static str = "Fourbar";
    const VENDOR: &'static str = "Fourbar";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[STEREO, SEPARATE];
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::new(Grouped(self.params.clone()))
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Box<dyn Editor>> {
        editor::create(
            self.params.clone(),
            self.shared.clone(),
            self.training.clone(),
        )
    }

    fn filter_state(state: &mut PluginState) {
        params::sanitise(state);
    }

    /// Called on activation, and again whenever a project's state was loaded.
    fn initialize(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        _context: &mut impl InitContext<Self>,
    ) -> bool {
        let offline = self.border.is_offline();
        self.player
            .activate(config.sample_rate, offline, self.params.kit.index());
        self.take_restored_pattern();
        let base_variation = self.params.base_variation.load(Ordering::Relaxed);
        let request = self.params.request(base_variation);
        self.take_first_pattern(&request);
        let apply_at = self.params.apply_at.value().boundary();
        self.player
            .prepare(request, self.shared.model_revision(), apply_at);
        self.start_worker();
        true
    }

    fn reset(&mut self) {
        self.player.reset();
        self.variations.restart();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        // Hosts change their mode between any two blocks.
        self.player.offline = self.border.is_offline();
        let host = host_time(
            context.transport(),
            self.player.offline,
            &mut self.bar_phase,
        );
        let (played, n_played) = self.notes_in(context);
        self.follow_metre(context.transport());
        self.follow_slot(host.playing);
        let variation = self.variation(&host);
        let audition = self.shared.auditions(host.playing);
        let controls = self
            .params
            .controls(variation, audition, self.shared.take_struck());
        let [left, right] = buffer.as_slice() else {
            return ProcessStatus::Error("the output is not stereo");
        };
        left.fill(0.0);
        right.fill(0.0);
        let played = &played[..n_played];
        let mut buses = aux.outputs.iter_mut().map(Buffer::as_slice);
        let mut buses: [Stereo<'_>; N_VOICES] = std::array::from_fn(|_| match buses.next() {
            Some([left, right]) => [&mut **left, &mut **right],
            _ => Default::default(),
        });
        let mix = [&mut **left, &mut **right];
        let heard = self
            .player
            .process(&host, &controls, played, mix, &mut buses, |event| {
                context.send_event(note_event(event));
            });
        if let Some(tempo_bpm) = host.tempo_bpm {
            self.shared
                .tempo_bpm
                .store(narrow(tempo_bpm), Ordering::Relaxed);
        }
        if heard.playhead_beats.is_some() {
            self.shared.n_played.fetch_add(1, Ordering::Relaxed);
        }
        let playhead_beats = heard.playhead_beats.map_or(-1.0, narrow);
        self.shared
            .playhead_beats
            .store(playhead_beats, Ordering::Relaxed);
        self.shared.level.store(heard.level, Ordering::Relaxed);
        self.shared.variation.store(variation, Ordering::Relaxed);
        self.shared.sounds(self.player.current());
        // A host may put a plugin that claims less to sleep whenever it is silent, and then no note comes any more.
        ProcessStatus::KeepAlive
    }
}

impl Fourbar {
    /// Plays the pattern of the project that was loaded since the last call, if one was. What it was saved with pressed
    /// down is not pressed anew.
    fn take_restored_pattern(&mut self) {
        let (state_revision, ready, model_revision) = {
            let snapshot = self.shared.snapshot();
            let model_revision = self.shared.model_revision();
            (
                snapshot.state_revision,
                snapshot.ready.clone(),
                model_revision,
            )
        };
        if state_revision != self.state_revision {
            self.state_revision = state_revision;
            if let Some(ready) = &ready {
                // Until the host says another.
                self.shared.follow_metre(ready.request.metre);
            }
            self.variations.forget(self.params.asked());
            self.player.forget_fills(self.params.n_fills());
            self.player
                .restore(ready.as_deref().cloned(), model_revision, state_revision);
        }
    }

    /// Plays the pattern that the plugin comes with, if it is what is wanted and there is none yet.
    fn take_first_pattern(&mut self, request: &Request) {
        let mut snapshot = self.shared.snapshot();
        if snapshot.ready.is_some() || snapshot.choice != Choice::default() {
            return;
        }
        if let Some(first) = first_pattern::of(request) {
            snapshot.begin(first.clone());
            self.player.restore(
                Some(first),
                self.shared.model_revision(),
                snapshot.state_revision,
            );
        }
    }

    fn start_worker(&mut self) {
        let Some(worker_end) = self.idle_worker_end.take() else {
            return;
        };
        match Worker::start(worker_end, self.shared.clone(), checkpoints::engine) {
            Ok(worker) => self.worker = Some(worker),
            Err(error) => {
                let problem = format!("The system refused the thread that makes patterns: {error}");
                self.shared.snapshot().status = Status::Problem(problem);
            }
        }
    }

    /// The notes that come in with a block, and how many there are, after the keys that work the plugin have done so.
    fn notes_in(
        &mut self,
        context: &mut impl ProcessContext<Self>,
    ) -> ([Played; MAX_NOTES_IN], usize) {
        let mut played = [Played::NOTHING; MAX_NOTES_IN];
        let mut n_played = 0;
        let has_keys = self.params.notes_in.keys.value();
        while let Some(event) = context.next_event() {
            let NoteEvent::NoteOn {
                timing,
                note,
                velocity,
                ..
            } = event
            else {
                continue;
            };
            if self.shared.learns(note) {
                continue;
            }
            if let Some(action) = KeyAction::of(note).filter(|_| has_keys) {
                self.act(action);
            } else if let Some(place) = played.get_mut(n_played) {
                n_played += 1;
                *place = Played {
                    sample: timing,
                    key: note,
                    voice: self.params.voice_of(note),
                    velocity: finite_share(velocity),
                };
            }
        }
        (played, n_played)
    }

    /// Does what a key asks for.
    fn act(&self, action: KeyAction) {
        let slots = &self.params.slots;
        match action {
            KeyAction::Regenerate => self.params.press_regenerate(),
            KeyAction::Fill => self.params.press_fill(),
            KeyAction::PreviousSlot => slots.choose_by_key(slots.value() - 1),
            KeyAction::NextSlot => slots.choose_by_key(slots.value() + 1),
            KeyAction::Slot(slot) => slots.choose_by_key(params::slot_value(slot)),
            KeyAction::StartStop => {
                self.shared.audition.fetch_xor(true, Ordering::Relaxed);
            }
        }
    }

    /// Takes note of the host's metre, where it says one.
    fn follow_metre(&self, transport: &Transport) {
        let number = |number: Option<i32>| u8::try_from(number?).ok();
        let numbers = (
            number(transport.time_sig_numerator),
            number(transport.time_sig_denominator),
        );
        if let (Some(numerator), Some(denominator)) = numbers {
            self.shared.follow_metre(Metre::new(numerator, denominator));
        }
    }

    /// Lets the parameter *slot* count where it has changed, and where the song stops: it begins again as it is saved.
    fn follow_slot(&mut self, song_plays: bool) {
        let slot = self.params.slots.slot.value();
        let has_stopped = self.shared.host_plays.load(Ordering::Relaxed) && !song_plays;
        if std::mem::replace(&mut self.slot, slot) != slot || has_stopped {
            self.params.slots.forget_key();
        }
    }

    /// The variation to play, by what was pressed and recalled so far.
    fn variation(&mut self, host: &HostTime) -> u64 {
        let song_beats = host.position_beats.filter(|_| host.playing);
        self.variations
            .update(self.params.asked(), song_beats, &self.params.base_variation)
    }
}

/// A velocity that a host sends, if it is one.
fn finite_share(velocity: f32) -> f32 {
    if velocity.is_finite() {
        velocity.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The host's transport in our own words; what is no number is left out.
fn host_time(transport: &Transport, offline: bool, bar_phase: &mut BarPhase) -> HostTime {
    let number = |value: &f64| value.is_finite();
    let is_metre = |&(numerator, denominator): &(i32, i32)| {
        (1..=64).contains(&numerator) && (1..=64).contains(&denominator)
    };
    let metre = transport
        .time_sig_numerator
        .zip(transport.time_sig_denominator)
        .filter(is_metre);
    let beats_per_bar = metre.map_or(4.0, |(numerator, denominator)| {
        4.0 * f64::from(numerator) / f64::from(denominator)
    });
    let position_beats = transport.pos_beats().filter(number);
    let bar_start_beats = transport.bar_start_pos_beats().filter(number);
    HostTime {
        playing: transport.playing,
        tempo_bpm: transport.tempo.filter(number),
        position_beats,
        // An export runs straight through, whatever loop is set.
        loop_beats: transport.loop_range_beats().filter(|_| !offline),
        beats_per_bar,
        bar_start_beats: match (bar_start_beats, position_beats) {
            (Some(told_beats), Some(position_beats)) => {
                Some(bar_phase.bar_start(told_beats, position_beats, beats_per_bar))
            }
            _ => bar_start_beats,
        },
    }
}

/// Notes of one block that can come in; those beyond are lost.
const MAX_NOTES_IN: usize = 64;

/// Hosts round the song position and the start of a bar, each on its own: as much as they may differ at a bar line.
const BAR_ROUNDING_BEATS: f64 = 1.0 / 960.0;

/// Where the host's bars begin, from block to block.
///
/// The framework divides a CLAP block where a parameter changes, and counts the bars of all parts but the first from
/// song position 0 (nice-plug 0.2.3). In a song whose metre has changed before, they begin elsewhere; and the change of
/// a parameter is the very moment at which we have to know.
///
/// Ardour tells VST3 plugins that bar n begins at 4 n, in every metre and counted from 1. A bar that does not lie
/// around the position is not believed, and neither is what the same host says within a bar of that, which may be right
/// by chance. Bars are then counted from song position 0, or from where they were seen to begin.
#[derive(Debug, Default)]
struct BarPhase {
    start_beats: f64,
    length_beats: f64,
    position_beats: f64,
    /// Where the host last told a bar that cannot be.
    untrue_at_beats: Option<f64>,
}

impl BarPhase {
    /// Where the bar around `position_beats` began.
    fn bar_start(&mut self, told_beats: f64, position_beats: f64, length_beats: f64) -> f64 {
        let believable = -BAR_ROUNDING_BEATS..length_beats + BAR_ROUNDING_BEATS;
        if !believable.contains(&(position_beats - told_beats)) {
            self.untrue_at_beats = Some(position_beats);
        }
        let is_doubtful = self
            .untrue_at_beats
            .is_some_and(|untrue_at| (position_beats - untrue_at).abs() < length_beats);
        let told_beats = if is_doubtful {
            (position_beats / length_beats).floor() * length_beats
        } else {
            told_beats
        };
        let is_counted_from_zero = {
            let bars = told_beats / length_beats;
            (bars - bars.round()).abs() < 1e-6
        };
        #[expect(clippy::float_cmp, reason = "the same metre gives the same length")]
        let same_metre = self.length_beats == length_beats;
        let plays_on = (0.0..length_beats).contains(&(position_beats - self.position_beats));
        self.position_beats = position_beats;
        if is_counted_from_zero && same_metre && plays_on {
            self.start_beats +=
                ((position_beats - self.start_beats) / length_beats).floor() * length_beats;
        } else {
            self.start_beats = told_beats;
            self.length_beats = length_beats;
        }
        self.start_beats
    }
}

/// A note for the host.
fn note_event(event: Event) -> NoteEvent<()> {
    match event {
        Event::NoteOn {
            timing,
            pitch,
            channel,
            velocity,
            ..
        } => NoteEvent::NoteOn {
            timing,
            voice_id: None,
            channel,
            note: pitch,
            velocity,
        },
        Event::NoteOff {
            timing,
            pitch,
            channel,
            ..
        } => NoteEvent::NoteOff {
            timing,
            voice_id: None,
            channel,
            note: pitch,
            velocity: 0.0,
        },
    }
}

/// A number for the editor.
#[expect(
    clippy::cast_possible_truncation,
    reason = "single precision is enough to draw"
)]
fn narrow(number: f64) -> f32 {
    number as f32
}

impl ClapPlugin for Fourbar {
    const CLAP_ID: &'static str = "org.fourbar.fourbar";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Learned four-bar drum grooves");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::Instrument,
        ClapFeature::Drum,
        ClapFeature::DrumMachine,
        ClapFeature::Stereo,
    ];
}

impl Vst3Plugin for Fourbar {
    const VST3_CLASS_ID: [u8; 16] = *b"FourbarGrooveVAE";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Instrument, Vst3SubCategory::Drum];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_place_where_the_framework_divides_a_block() {
        let mut phase = BarPhase::default();
        // Bars of four beats from 3.5 on, after one bar of seven eighths.
        assert_eq!(phase.bar_start(3.5, 6.0, 4.0), 3.5);
        assert_eq!(
            phase.bar_start(4.0, 6.1, 4.0),
            3.5,
            "a part of the same block"
        );
        assert_eq!(
            phase.bar_start(7.5, 7.6, 4.0),
            7.5,
            "the next bar, told by the host"
        );
        assert_eq!(
            phase.bar_start(8.0, 11.5, 4.0),
            11.5,
            "the next bar, in a part of a block"
        );
    }

    #[test]
    fn a_bar_that_cannot_be_is_counted_from_the_metre() {
        // As Ardour has it: bar 2 of 3/4 is from 3 to 6, and is told to begin at 8.
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(4.0, 0.0, 3.0), 0.0);
        assert_eq!(phase.bar_start(8.0, 4.5, 3.0), 3.0);
        assert_eq!(phase.bar_start(12.0, 8.9, 3.0), 6.0);
        // In 5/4 some of it might be true.
        let mut phase = BarPhase::default();
        for tenth in 0..200_u8 {
            let beats = f64::from(tenth) / 10.0;
            let bar = (beats / 5.0).floor();
            assert_eq!(phase.bar_start(4.0 * (bar + 1.0), beats, 5.0), 5.0 * bar);
        }
        // In 4/4 it is a bar too late.
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(8.0, 6.0, 4.0), 4.0);
        // A bar start that the song has left behind long ago, and one rounded the other way than the position.
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(2.0, 7.0, 4.0), 4.0);
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(3.5, 3.499_9, 4.0), 3.5);
    }

    #[test]
    fn one_untrue_bar_does_not_move_bars_that_were_seen_to_begin_elsewhere() {
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(3.5, 6.0, 4.0), 3.5);
        assert_eq!(phase.bar_start(99.0, 6.1, 4.0), 3.5);
        assert_eq!(phase.bar_start(7.5, 9.0, 4.0), 7.5);
        assert_eq!(phase.bar_start(7.5, 11.0, 4.0), 7.5);
    }

    #[test]
    fn bars_follow_the_host_where_the_song_jumps_or_the_metre_changes() {
        let mut phase = BarPhase::default();
        assert_eq!(phase.bar_start(3.5, 6.0, 4.0), 3.5);
        assert_eq!(phase.bar_start(0.0, 0.0, 4.0), 0.0);
        assert_eq!(phase.bar_start(3.5, 6.0, 4.0), 3.5);
        assert_eq!(phase.bar_start(6.0, 6.1, 3.0), 6.0);
    }

    #[test]
    fn a_host_that_sends_nonsense_is_taken_for_one_that_says_nothing() {
        let mut transport = Transport::new(48_000.0);
        transport.playing = true;
        transport.tempo = Some(f64::NAN);
        transport.pos_beats = Some(f64::INFINITY);
        transport.bar_start_pos_beats = Some(f64::NAN);
        transport.time_sig_numerator = Some(0);
        transport.time_sig_denominator = Some(0);
        let host = host_time(&transport, false, &mut BarPhase::default());
        let said_nothing = host_time(&Transport::new(48_000.0), false, &mut BarPhase::default());
        assert_eq!(
            host,
            HostTime {
                playing: true,
                ..said_nothing
            }
        );
    }
}
