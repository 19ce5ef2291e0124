//! A CLAP host around clack-host, which loads the plugin that is linked into this binary.
//!
//! Linked in, the plugin's allocation check counts for every block that a test processes.

mod note_ports;

use std::ffi::{CStr, CString};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::audio_ports_config::PluginAudioPortsConfig;
use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};
use clack_extensions::note_ports::{
    NoteDialect, NoteDialects, NotePortInfoBuffer, PluginNotePorts,
};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::{
    NoteOffEvent, NoteOnEvent, ParamValueEvent, TransportEvent, TransportFlags,
};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, EventHeader, Match};
use clack_host::extensions::prelude::{Extension, PluginExtensionSide};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};

use super::{Block, Change, Host, Mode, NoteEvent, Setup, Transport, real_time};
use note_ports::{NotePorts, Understands};

/// Room for events that no block of a test exceeds: growing inside the plugin's callback would count as its allocation.
const MAX_EVENTS: usize = 4096;

pub(crate) struct ClapHost {
    instance: PluginInstance<Handlers>,
    processor: Option<StartedPluginAudioProcessor<Handlers>>,
    setup: Setup,
    dialects: Option<NoteDialects>,
    audio: [Vec<f32>; 2],
    buses: Vec<[Vec<f32>; 2]>,
    events: EventBuffer,
}

struct Handlers;

/// What every thread of the host knows.
struct Requests {
    /// Whether the plugin wants to be called on the main thread.
    callback: AtomicBool,
    /// Which notes the host understands; `None`: it does not say.
    dialects: Option<NoteDialects>,
}

impl Requests {
    fn of_host_with(dialects: Option<NoteDialects>) -> Self {
        Self {
            callback: AtomicBool::new(false),
            dialects,
        }
    }
}

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.callback.store(true, Ordering::SeqCst);
    }
}

impl HostHandlers for Handlers {
    type Shared<'a> = Requests;
    type MainThread<'a> = Understands;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, shared: &Requests) {
        if shared.dialects.is_some() {
            builder.register::<NotePorts>();
        }
    }
}

impl Host for ClapHost {
    fn new(setup: Setup) -> Self {
        Self::with_dialects(setup, Some(NoteDialects::CLAP | NoteDialects::MIDI))
    }

    fn setup(&self) -> Setup {
        self.setup
    }

    fn reactivate(&mut self, setup: Setup) {
        self.deactivate();
        self.setup = setup;
        self.processor = Some(activate(&mut self.instance, setup));
    }

    fn process(&mut self, block: &Block) -> Vec<NoteEvent> {
        let n_samples = usize::try_from(block.n_samples).unwrap();
        for channel in self.audio.iter_mut().chain(self.buses.iter_mut().flatten()) {
            channel.clear();
            // What a host left in its buffer must not come out again.
            channel.resize(n_samples, 7.0);
        }
        let mut ports = AudioPorts::with_capacity(2 + 2 * self.buses.len(), 1 + self.buses.len());
        let all = std::iter::once(&mut self.audio).chain(&mut self.buses);
        let all: Vec<_> = all.collect();
        let mut output = ports.with_output_buffers(all.into_iter().map(|port| AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                port.iter_mut().map(|channel| channel.as_mut_slice()),
            ),
        }));
        self.events.clear();
        let transport = block
            .transport
            .map(|transport| transport_event(0, transport));
        let (input, changes) = (InputAudioBuffers::empty(), input_events(block));
        let (changes, mut sent) = (changes.as_input(), self.events.as_output());
        let processor = self.processor.as_mut().expect("the plugin is active");
        real_time::process(self.setup.mode, || {
            processor.process(
                &input,
                &mut output,
                &changes,
                &mut sent,
                None,
                transport.as_ref(),
            )
        })
        .unwrap();
        let dialects = self.dialects.unwrap_or(NoteDialects::CLAP);
        let note_event = |event| note_event(event, dialects);
        self.events.iter().filter_map(note_event).collect()
    }

    fn with_buses(setup: Setup) -> Self {
        let mut host = Self::new(setup);
        host.deactivate();
        let configs: PluginAudioPortsConfig = extension(&mut host.instance);
        let plugin = host.instance.plugin_handle();
        assert_eq!(configs.count(&plugin), 2);
        configs.select(&plugin, ClapId::new(1)).unwrap();
        host.buses = vec![Default::default(); 9];
        host.processor = Some(activate(&mut host.instance, setup));
        host
    }

    fn audio(&self) -> &[Vec<f32>; 2] {
        &self.audio
    }

    fn buses(&self) -> &[[Vec<f32>; 2]] {
        &self.buses
    }

    fn save(&mut self) -> Vec<u8> {
        let state: PluginState = extension(&mut self.instance);
        let mut bytes = Vec::new();
        state
            .save(&self.instance.plugin_handle(), &mut bytes)
            .unwrap();
        bytes
    }

    fn load(&mut self, bytes: &[u8]) -> bool {
        let state: PluginState = extension(&mut self.instance);
        state
            .load(&self.instance.plugin_handle(), &mut &bytes[..])
            .is_ok()
    }

    /// The framework writes the length in front.
    fn json_of_state(state: &[u8]) -> &[u8] {
        &state[8..]
    }

    fn state_of_json(json: &[u8]) -> Vec<u8> {
        let length = u64::try_from(json.len()).unwrap();
        [&length.to_le_bytes(), json].concat()
    }

    fn parameters(&mut self) -> Vec<(u32, String)> {
        let params: PluginParams = extension(&mut self.instance);
        let plugin = self.instance.plugin_handle();
        (0..params.count(&plugin))
            .map(|index| {
                let mut buffer = ParamInfoBuffer::new();
                let info = params.get_info(&plugin, index, &mut buffer).unwrap();
                let name = String::from_utf8(info.name.to_vec()).unwrap();
                (info.id.get(), name)
            })
            .collect()
    }

    fn largest_value(&mut self, id: u32) -> f64 {
        let params: PluginParams = extension(&mut self.instance);
        let plugin = self.instance.plugin_handle();
        let mut buffer = ParamInfoBuffer::new();
        let info = (0..params.count(&plugin)).find_map(|index| {
            let info = params.get_info(&plugin, index, &mut buffer)?;
            (info.id.get() == id).then_some((info.min_value, info.max_value))
        });
        let (min, max) = info.expect("the plugin has this parameter");
        assert_eq!(min, 0.0);
        max
    }

    fn value_of_text(&mut self, id: u32, text: &str) -> Option<f64> {
        let params: PluginParams = extension(&mut self.instance);
        let text = CString::new(text).unwrap();
        params.text_to_value(&self.instance.plugin_handle(), ClapId::new(id), &text)
    }

    fn text_of_value(&mut self, id: u32, value: f64) -> Option<String> {
        let params: PluginParams = extension(&mut self.instance);
        let mut buffer = [0; 256];
        let text = params
            .value_to_text(
                &self.instance.plugin_handle(),
                ClapId::new(id),
                value,
                &mut buffer,
            )
            .ok()?;
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    fn idle(&mut self) {
        let asked = self.instance.access_shared_handler(|requests: &Requests| {
            requests.callback.swap(false, Ordering::SeqCst)
        });
        if asked {
            self.instance.call_on_main_thread_callback();
        }
    }
}

impl ClapHost {
    /// A host that understands only these notes, or does not say which.
    pub(crate) fn with_dialects(setup: Setup, dialects: Option<NoteDialects>) -> Self {
        let mut instance = instance(c"org.fourbar.fourbar", dialects).unwrap();
        let processor = Some(activate(&mut instance, setup));
        Self {
            instance,
            processor,
            setup,
            dialects,
            audio: [Vec::new(), Vec::new()],
            buses: Vec::new(),
            events: EventBuffer::with_capacity(MAX_EVENTS),
        }
    }

    /// Names of the plugin's outputs.
    pub(crate) fn output_names(&mut self) -> Vec<String> {
        let ports: PluginAudioPorts = extension(&mut self.instance);
        let plugin = self.instance.plugin_handle();
        (0..ports.count(&plugin, false))
            .map(|index| {
                let mut buffer = AudioPortInfoBuffer::new();
                let info = ports.get(&plugin, index, false, &mut buffer).unwrap();
                String::from_utf8(info.name.to_vec()).unwrap()
            })
            .collect()
    }

    /// Which notes the plugin's output can send, and which it prefers.
    pub(crate) fn output_dialects(&mut self) -> (NoteDialects, Option<NoteDialect>) {
        let ports: PluginNotePorts = extension(&mut self.instance);
        let plugin = self.instance.plugin_handle();
        assert_eq!(ports.count(&plugin, false), 1);
        let mut buffer = NotePortInfoBuffer::new();
        let info = ports.get(&plugin, 0, false, &mut buffer).unwrap();
        (info.supported_dialects, info.preferred_dialect)
    }

    /// Tells the plugin to forget what it plays, as a host does after a glitch.
    pub(crate) fn reset(&mut self) {
        self.processor
            .as_mut()
            .expect("the plugin is active")
            .reset();
    }

    /// Saves through a stream that takes a few bytes at a time, as CLAP allows.
    pub(crate) fn save_in_pieces(&mut self) -> Vec<u8> {
        let state: PluginState = extension(&mut self.instance);
        let mut pieces = Pieces(Vec::new());
        state
            .save(&self.instance.plugin_handle(), &mut pieces)
            .unwrap();
        pieces.0
    }

    /// Saves through a stream that takes so many bytes and no more; whether the plugin says that it could.
    pub(crate) fn save_up_to(&mut self, n_bytes: usize) -> bool {
        let state: PluginState = extension(&mut self.instance);
        let mut room = vec![0; n_bytes];
        state
            .save(&self.instance.plugin_handle(), &mut room.as_mut_slice())
            .is_ok()
    }

    /// Loads from a stream that gives a few bytes at a time.
    pub(crate) fn load_in_pieces(&mut self, bytes: &[u8]) -> bool {
        let state: PluginState = extension(&mut self.instance);
        let mut pieces = Pieces(bytes.to_vec());
        state
            .load(&self.instance.plugin_handle(), &mut pieces)
            .is_ok()
    }

    /// Changes parameters of the inactive plugin, as hosts do that are not playing, and activates it again.
    pub(crate) fn flush(&mut self, changes: &[Change]) {
        self.deactivate();
        let params: PluginParams = extension(&mut self.instance);
        let events = input_events(&Block {
            changes: changes.to_vec(),
            ..Block::default()
        });
        params.flush(
            &mut self.instance.inactive_plugin_handle().unwrap(),
            &events.as_input(),
            &mut self.events.as_output(),
        );
        self.processor = Some(activate(&mut self.instance, self.setup));
    }

    /// The value of a parameter, in CLAP's unit.
    pub(crate) fn value(&mut self, id: u32) -> Option<f64> {
        let params: PluginParams = extension(&mut self.instance);
        params.get_value(&self.instance.plugin_handle(), ClapId::new(id))
    }

    /// Opens the editor inside an X11 window and returns its size.
    pub(crate) fn open_editor(&mut self, window: u32) -> GuiSize {
        self.open_editor_on(window, None)
    }

    /// The same in a host that says how many pixels its display has where others have one.
    pub(crate) fn open_editor_on(&mut self, window: u32, scale: Option<f64>) -> GuiSize {
        let gui: PluginGui = extension(&mut self.instance);
        let plugin = self.instance.plugin_handle();
        let configuration = GuiConfiguration {
            api_type: GuiApiType::X11,
            is_floating: false,
        };
        assert!(gui.is_api_supported(&plugin, configuration));
        gui.create(&plugin, configuration).unwrap();
        if let Some(scale) = scale {
            gui.set_scale(&plugin, scale).unwrap();
        }
        let size = gui.get_size(&plugin).unwrap();
        let window = Window::from_x11_handle(window.into());
        set_parent(gui, &plugin, window);
        gui.show(&plugin).unwrap();
        size
    }

    /// Gives the open editor another size, in pixels.
    pub(crate) fn resize_editor(&mut self, width: u32, height: u32) {
        let gui: PluginGui = extension(&mut self.instance);
        let size = GuiSize { width, height };
        gui.set_size(&self.instance.plugin_handle(), size).unwrap();
    }

    pub(crate) fn close_editor(&mut self) {
        let gui: PluginGui = extension(&mut self.instance);
        gui.destroy(&self.instance.plugin_handle());
    }

    fn deactivate(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.stop_processing());
        }
    }
}

/// A stream that hands over seven bytes at a time.
struct Pieces(Vec<u8>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.0.len()).min(7);
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Ok(n)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = bytes.len().min(7);
        self.0.extend(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Ids, names and features of the plugins in the built file, as a host's scanner reads them.
#[expect(
    unsafe_code,
    reason = "loading a plugin is running foreign code; this one was just built"
)]
pub(crate) fn scan() -> Vec<(String, String, Vec<String>)> {
    // SAFETY: the library is our own plugin.
    let entry = unsafe { PluginEntry::load(super::vst3::plugin_file()) }.unwrap();
    let text = |text: &CStr| text.to_str().unwrap().to_owned();
    let factory = entry.get_plugin_factory().unwrap();
    factory
        .plugin_descriptors()
        .map(|plugin| {
            let features = plugin.features().map(text).collect();
            (
                text(plugin.id().unwrap()),
                text(plugin.name().unwrap()),
                features,
            )
        })
        .collect()
}

/// Whether the library makes a plugin of this id.
pub(crate) fn makes(id: &CStr) -> bool {
    instance(id, None).is_ok()
}

fn instance(
    id: &CStr,
    dialects: Option<NoteDialects>,
) -> Result<PluginInstance<Handlers>, PluginInstanceError> {
    let host = HostInfo::new("Fourbar tests", "Fourbar", "", "1").unwrap();
    PluginInstance::new(
        |()| Requests::of_host_with(dialects),
        |requests: &Requests| Understands(requests.dialects.unwrap_or(NoteDialects::empty())),
        &entry(),
        id,
        &host,
    )
}

impl Drop for ClapHost {
    /// Clack leaks a plugin that is dropped while it is active.
    fn drop(&mut self) {
        self.deactivate();
    }
}

#[expect(
    unsafe_code,
    reason = "an entry is a table of foreign functions; this one is our own"
)]
fn entry() -> PluginEntry {
    // SAFETY: the entry is the framework's, made for exactly this use.
    unsafe { PluginEntry::load_from_raw(&fourbar_plugin::clap_entry, c"/fourbar-tests") }.unwrap()
}

#[expect(unsafe_code, reason = "the window must outlive the editor")]
fn set_parent(gui: PluginGui, plugin: &PluginMainThreadHandle<'_>, window: Window<'_, '_>) {
    // SAFETY: the editor tests close the editor before they destroy the window.
    unsafe { gui.set_parent(plugin, window) }.unwrap();
}

fn extension<E: Extension<ExtensionSide = PluginExtensionSide>>(
    instance: &mut PluginInstance<Handlers>,
) -> E {
    instance.plugin_handle().get_extension().unwrap()
}

fn activate(
    instance: &mut PluginInstance<Handlers>,
    setup: Setup,
) -> StartedPluginAudioProcessor<Handlers> {
    let render: PluginRender = extension(instance);
    let mode = match setup.mode {
        Mode::Realtime | Mode::OfflineAfterwards => RenderMode::Realtime,
        Mode::Offline => RenderMode::Offline,
    };
    render.set(&instance.plugin_handle(), mode).unwrap();
    let configuration = PluginAudioConfiguration {
        sample_rate: setup.sample_rate,
        min_frames_count: 1,
        max_frames_count: setup.max_block,
    };
    let processor = instance
        .activate(|_, _| (), configuration)
        .unwrap()
        .start_processing()
        .unwrap();
    if setup.mode == Mode::OfflineAfterwards {
        let plugin = instance.plugin_handle();
        render.set(&plugin, RenderMode::Offline).unwrap();
    }
    processor
}

fn input_events(block: &Block) -> EventBuffer {
    let mut events = EventBuffer::new();
    for change in &block.changes {
        events.push(&ParamValueEvent::new(
            change.offset,
            ClapId::new(change.id),
            Pckn::match_all(),
            change.value,
        ));
    }
    for note in &block.notes {
        let time = u32::try_from(note.sample).unwrap();
        let pckn = Pckn::new(
            0_u16,
            u16::from(note.channel),
            u16::from(note.pitch),
            Match::All,
        );
        match note.velocity {
            Some(velocity) => events.push(&NoteOnEvent::new(time, pckn, velocity.into())),
            None => events.push(&NoteOffEvent::new(time, pckn, 0.0)),
        }
    }
    if let Some((offset, transport)) = block.later_transport {
        events.push(&transport_event(offset, transport));
    }
    events.sort();
    events
}

fn transport_event(offset: u32, transport: Transport) -> TransportEvent {
    let mut flags = TransportFlags::empty();
    flags.set(TransportFlags::IS_PLAYING, transport.playing);
    flags.set(TransportFlags::HAS_TEMPO, transport.tempo_bpm.is_some());
    flags.set(
        TransportFlags::HAS_BEATS_TIMELINE,
        transport.position_beats.is_some(),
    );
    flags.set(
        TransportFlags::HAS_TIME_SIGNATURE,
        transport.time_signature.is_some(),
    );
    flags.set(TransportFlags::IS_LOOP_ACTIVE, transport.cycle.is_some());
    let (loop_start, loop_end) = transport.cycle.unwrap_or_default();
    let (numerator, denominator) = transport.time_signature.unwrap_or_default();
    TransportEvent {
        header: EventHeader::new_core(offset, EventFlags::empty()),
        flags,
        song_pos_beats: BeatTime::from_float(transport.position_beats.unwrap_or(0.0)),
        song_pos_seconds: SecondsTime::from_float(0.0),
        tempo: transport.tempo_bpm.unwrap_or(0.0),
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_float(loop_start),
        loop_end_beats: BeatTime::from_float(loop_end),
        loop_start_seconds: SecondsTime::from_float(0.0),
        loop_end_seconds: SecondsTime::from_float(0.0),
        bar_start: BeatTime::from_float(transport.bar_start_beats()),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number of bars of a short song"
        )]
        bar_number: transport.n_bars() as i32,
        time_signature_numerator: numerator,
        time_signature_denominator: denominator,
    }
}

/// The start or the end of a note; fails on one in a dialect that the host does not understand.
fn note_event(event: &UnknownEvent, dialects: NoteDialects) -> Option<NoteEvent> {
    let sample = u64::from(event.header().time());
    let number = |number: Match<u16>| u8::try_from(number.into_specific().unwrap()).unwrap();
    let (dialect, note) = match event.as_core_event()? {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the plugin's velocities are f32"
        )]
        CoreEventSpace::NoteOn(on) => {
            let velocity = Some(on.velocity() as f32);
            let (pitch, channel) = (number(on.key()), number(on.channel()));
            (NoteDialects::CLAP, (pitch, channel, velocity))
        }
        CoreEventSpace::NoteOff(off) => {
            let (pitch, channel) = (number(off.key()), number(off.channel()));
            (NoteDialects::CLAP, (pitch, channel, None))
        }
        CoreEventSpace::Midi(message) => {
            let [status, pitch, velocity] = message.data();
            let velocity = match status & 0xf0 {
                0x90 => Some(f32::from(velocity) / 127.0),
                0x80 => None,
                _ => panic!("the plugin sends plain notes only, not {status:#x}"),
            };
            (NoteDialects::MIDI, (pitch, status & 0x0f, velocity))
        }
        CoreEventSpace::NoteChoke(_) => panic!("the plugin sends plain notes only"),
        _ => return None,
    };
    assert!(
        dialects.contains(dialect),
        "the host understands {dialects:?}"
    );
    let (pitch, channel, velocity) = note;
    Some(NoteEvent {
        sample,
        pitch,
        channel,
        velocity,
    })
}
