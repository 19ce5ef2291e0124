//! The plugin in a CLAP host.

use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::{
    NoteOffEvent, NoteOnEvent, ParamValueEvent, TransportEvent, TransportFlags,
};
use clack_host::events::{EventFlags, EventHeader, Match};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};

use crate::call::{Call, MAX_BLOCK, Transport};

/// An active instance.
pub struct ClapHost {
    instance: PluginInstance<Handlers>,
    processor: Option<StartedPluginAudioProcessor<Handlers>>,
    /// Id and largest value of each parameter; the smallest is 0.
    parameters: Vec<(ClapId, f64)>,
    audio: [Vec<f32>; 2],
    events: EventBuffer,
}

struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();
}

struct Shared;

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {}
}

impl ClapHost {
    /// # Panics
    /// If the plugin cannot be made: it is the one that is linked in.
    #[must_use]
    pub fn new() -> Self {
        let host = HostInfo::new("Fourbar fuzz targets", "Fourbar", "", "1").unwrap();
        // SAFETY: the entry is our own plugin's.
        let entry = unsafe { PluginEntry::load_from_raw(&fourbar_plugin::clap_entry, c"/fourbar") }
            .unwrap();
        let id = c"org.fourbar.fourbar";
        let mut instance = PluginInstance::new(|()| Shared, |_| (), &entry, id, &host).unwrap();
        let configuration = PluginAudioConfiguration {
            sample_rate: 48_000.0,
            min_frames_count: 1,
            max_frames_count: MAX_BLOCK,
        };
        let processor = instance.activate(|_, _| (), configuration).unwrap();
        Self {
            parameters: parameters(&mut instance),
            instance,
            processor: Some(processor.start_processing().unwrap()),
            audio: [Vec::new(), Vec::new()],
            events: EventBuffer::with_capacity(4096),
        }
    }

    /// Processes a block.
    ///
    /// # Panics
    /// If the plugin reports an error, or its sound is not finite.
    pub fn process(&mut self, call: &Call) {
        let input = self.events_of(call);
        let transport = call.transport.as_ref();
        let transport = transport.map(|transport| transport_event(0, transport));
        for channel in &mut self.audio {
            channel.clear();
            channel.resize(call.n_samples() as usize, 7.0);
        }
        let mut ports = AudioPorts::with_capacity(2, 1);
        let channels = self.audio.iter_mut().map(Vec::as_mut_slice);
        let mut output = ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(channels),
        }]);
        self.events.clear();
        let processor = self.processor.as_mut().unwrap();
        processor
            .process(
                &InputAudioBuffers::empty(),
                &mut output,
                &input.as_input(),
                &mut self.events.as_output(),
                None,
                transport.as_ref(),
            )
            .unwrap();
        assert!(self.audio.iter().flatten().all(|sample| sample.is_finite()));
    }

    /// What comes with the block, in the order of time.
    fn events_of(&self, call: &Call) -> EventBuffer {
        let mut events = EventBuffer::new();
        for (offset, index, value) in &call.changes {
            let (id, largest) = self.parameters[usize::from(*index) % self.parameters.len()];
            let (time, value) = (call.place(*offset), value.of(largest));
            events.push(&ParamValueEvent::new(time, id, Pckn::match_all(), value));
        }
        for note in &call.notes {
            let (time, velocity) = (call.place(note.offset), f64::from(note.velocity));
            let (channel, key) = (note.channel.cast_unsigned(), note.key.cast_unsigned());
            let pckn = Pckn::new(0_u16, channel, key, Match::All);
            if note.is_on {
                events.push(&NoteOnEvent::new(time, pckn, velocity));
            } else {
                events.push(&NoteOffEvent::new(time, pckn, velocity));
            }
        }
        if let Some((offset, transport)) = &call.later {
            events.push(&transport_event(call.place(*offset), transport));
        }
        events.sort();
        events
    }

    /// Whether the plugin accepted the state.
    pub fn load(&mut self, state: &[u8]) -> bool {
        let extension = self.state();
        let plugin = self.instance.plugin_handle();
        extension.load(&plugin, &mut &state[..]).is_ok()
    }

    /// The plugin's state.
    ///
    /// # Panics
    /// If it cannot be saved.
    pub fn save(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let extension = self.state();
        let plugin = self.instance.plugin_handle();
        extension.save(&plugin, &mut bytes).unwrap();
        bytes
    }

    fn state(&mut self) -> PluginState {
        self.instance.plugin_handle().get_extension().unwrap()
    }
}

fn transport_event(offset: u32, transport: &Transport) -> TransportEvent {
    TransportEvent {
        header: EventHeader::new_core(offset, EventFlags::empty()),
        flags: TransportFlags::from_bits_retain(transport.flags),
        song_pos_beats: BeatTime::from_bits(transport.song_pos_beats),
        song_pos_seconds: SecondsTime::from_bits(0),
        tempo: transport.tempo,
        tempo_inc: transport.tempo_inc,
        loop_start_beats: BeatTime::from_bits(transport.cycle.0),
        loop_end_beats: BeatTime::from_bits(transport.cycle.1),
        loop_start_seconds: SecondsTime::from_bits(0),
        loop_end_seconds: SecondsTime::from_bits(0),
        bar_start: BeatTime::from_bits(transport.bar_start),
        bar_number: transport.bar_number,
        time_signature_numerator: transport.time_signature.0,
        time_signature_denominator: transport.time_signature.1,
    }
}

fn parameters(instance: &mut PluginInstance<Handlers>) -> Vec<(ClapId, f64)> {
    let plugin = instance.plugin_handle();
    let params: PluginParams = plugin.get_extension().unwrap();
    let mut buffer = ParamInfoBuffer::new();
    (0..params.count(&plugin))
        .map(|index| {
            let info = params.get_info(&plugin, index, &mut buffer).unwrap();
            (info.id, info.max_value)
        })
        .collect()
}

impl Default for ClapHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.stop_processing());
        }
    }
}
