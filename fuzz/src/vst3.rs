//! The plugin through its VST3 factory.
#![allow(non_snake_case, reason = "the interfaces' methods are named so")]

#[path = "../../tests/harness/vst3/objects.rs"]
mod objects;

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use vst3::Steinberg::Vst::BusDirections_::kOutput;
use vst3::Steinberg::Vst::Event_::EventTypes_::{kNoteOffEvent, kNoteOnEvent};
use vst3::Steinberg::Vst::MediaTypes_::{kAudio, kEvent};
use vst3::Steinberg::Vst::ProcessModes_::kRealtime;
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, Event, Event__type0, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentTrait, IEditController, IEditControllerTrait,
    IEventList, IParameterChanges, NoteOffEvent, NoteOnEvent, ParamID, ParameterInfo,
    ProcessContext, ProcessData, ProcessSetup, SpeakerArr,
};
use vst3::Steinberg::{
    IBStream, IPluginBaseTrait, IPluginFactory, IPluginFactoryTrait, PClassInfo, int32, kResultOk,
};
use vst3::{ComPtr, ComWrapper, Interface};

use crate::call::{Call, MAX_BLOCK, Note, Transport};
use objects::{Changes, Events, Stream};

const SAMPLE_RATE: f64 = 48_000.0;

unsafe extern "system" {
    fn GetPluginFactory() -> *mut IPluginFactory;
}

/// An active instance.
pub struct Vst3Host {
    component: ComPtr<IComponent>,
    processor: ComPtr<IAudioProcessor>,
    parameters: Vec<ParamID>,
    audio: [Vec<f32>; 2],
    n_samples: i64,
}

impl Vst3Host {
    /// # Panics
    /// If the plugin cannot be made: it is the one that is linked in.
    #[must_use]
    pub fn new() -> Self {
        // The entry links the plugin, whose factory is found by name.
        assert_eq!(fourbar_plugin::clap_entry.clap_version.major, 1);
        // SAFETY: every pointer is to a live local, and what the factory makes is ours.
        let component = unsafe {
            let factory = ComPtr::from_raw(GetPluginFactory()).unwrap();
            let mut info: PClassInfo = std::mem::zeroed();
            assert_eq!(factory.getClassInfo(0, &raw mut info), kResultOk);
            let mut component: *mut c_void = ptr::null_mut();
            let (class, interface) = (info.cid.as_ptr().cast(), IComponent::IID.as_ptr().cast());
            let created = factory.createInstance(class, interface, &raw mut component);
            assert_eq!(created, kResultOk);
            ComPtr::from_raw(component.cast::<IComponent>()).unwrap()
        };
        // SAFETY: the component has just been made; it takes no host as one.
        assert_eq!(unsafe { component.initialize(ptr::null_mut()) }, kResultOk);
        let processor: ComPtr<IAudioProcessor> = component.cast().unwrap();
        activate(&component, &processor);
        Self {
            parameters: parameters(&component.cast().unwrap()),
            component,
            processor,
            audio: [Vec::new(), Vec::new()],
            n_samples: 0,
        }
    }

    /// Processes a block.
    ///
    /// # Panics
    /// If the plugin reports an error, or its sound is not finite.
    pub fn process(&mut self, call: &Call) {
        for channel in &mut self.audio {
            channel.clear();
            channel.resize(call.n_samples() as usize, 7.0);
        }
        let mut channels = self.audio.each_mut().map(|channel| channel.as_mut_ptr());
        let mut output = AudioBusBuffers {
            numChannels: 2,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: channels.as_mut_ptr(),
            },
        };
        let transport = call.transport.as_ref();
        let mut context = transport.map(|transport| process_context(transport, self.n_samples));
        let changes = ComWrapper::new(self.changes_of(call));
        let mut played: Vec<_> = call.notes.iter().map(|note| event(call, note)).collect();
        played.sort_by_key(|event| event.sampleOffset);
        let played = ComWrapper::new(Events(RefCell::new(played)));
        let sent = ComWrapper::new(Events(RefCell::default()));
        let mut data = ProcessData {
            processMode: kRealtime as int32,
            symbolicSampleSize: kSample32 as int32,
            numSamples: call.n_samples() as int32,
            numInputs: 0,
            numOutputs: 1,
            inputs: ptr::null_mut(),
            outputs: &raw mut output,
            inputParameterChanges: changes.as_com_ref::<IParameterChanges>().unwrap().as_ptr(),
            outputParameterChanges: ptr::null_mut(),
            inputEvents: played.as_com_ref::<IEventList>().unwrap().as_ptr(),
            outputEvents: sent.as_com_ref::<IEventList>().unwrap().as_ptr(),
            processContext: context.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
        };
        // SAFETY: every pointer in `data` is to a local that outlives the call, with the sizes stated beside it.
        assert_eq!(unsafe { self.processor.process(&raw mut data) }, kResultOk);
        self.n_samples += i64::from(call.n_samples());
        assert!(self.audio.iter().flatten().all(|sample| sample.is_finite()));
    }

    fn changes_of(&self, call: &Call) -> Changes {
        let changes = call.changes.iter().map(|(offset, index, value)| {
            let id = self.parameters[usize::from(*index) % self.parameters.len()];
            (id, call.place(*offset) as int32, value.of(1.0))
        });
        Changes::new(changes)
    }

    /// Whether the plugin accepted the state.
    ///
    /// # Panics
    /// Never: a stream is a stream.
    pub fn load(&mut self, state: &[u8]) -> bool {
        let stream = ComWrapper::new(Stream::of(state.to_vec()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        unsafe { self.component.setState(pointer) == kResultOk }
    }

    /// The plugin's state.
    ///
    /// # Panics
    /// If it cannot be saved.
    pub fn save(&mut self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::of(Vec::new()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        assert_eq!(unsafe { self.component.getState(pointer) }, kResultOk);
        stream.bytes.take()
    }
}

impl Default for Vst3Host {
    fn default() -> Self {
        Self::new()
    }
}

fn activate(component: &ComPtr<IComponent>, processor: &ComPtr<IAudioProcessor>) {
    let (mut no_input, mut stereo) = (SpeakerArr::kEmpty, SpeakerArr::kStereo);
    let mut setup = ProcessSetup {
        processMode: kRealtime as int32,
        symbolicSampleSize: kSample32 as int32,
        maxSamplesPerBlock: MAX_BLOCK as int32,
        sampleRate: SAMPLE_RATE,
    };
    let (inputs, outputs) = (&raw mut no_input, &raw mut stereo);
    // SAFETY: every pointer is to a live local.
    unsafe {
        assert_eq!(
            processor.setBusArrangements(inputs, 0, outputs, 1),
            kResultOk
        );
        assert_eq!(processor.setupProcessing(&raw mut setup), kResultOk);
        for media in [kAudio, kEvent] {
            component.activateBus(media as int32, kOutput as int32, 0, 1);
        }
        assert_eq!(component.setActive(1), kResultOk);
        processor.setProcessing(1);
    }
}

/// Ids of the parameters.
fn parameters(controller: &ComPtr<IEditController>) -> Vec<ParamID> {
    // SAFETY: `info` is a live local for each call; all-zero bytes are a valid ParameterInfo.
    unsafe {
        (0..controller.getParameterCount())
            .map(|index| {
                let mut info: ParameterInfo = std::mem::zeroed();
                assert_eq!(controller.getParameterInfo(index, &raw mut info), kResultOk);
                info.id
            })
            .collect()
    }
}

fn process_context(transport: &Transport, n_samples: i64) -> ProcessContext {
    let beats = |fixed: i64| fixed as f64 / f64::from(1_u32 << 31);
    // SAFETY: all-zero bytes are a valid ProcessContext.
    let nothing: ProcessContext = unsafe { std::mem::zeroed() };
    ProcessContext {
        state: transport.flags,
        sampleRate: SAMPLE_RATE,
        projectTimeSamples: n_samples,
        projectTimeMusic: beats(transport.song_pos_beats),
        barPositionMusic: beats(transport.bar_start),
        cycleStartMusic: beats(transport.cycle.0),
        cycleEndMusic: beats(transport.cycle.1),
        tempo: transport.tempo,
        timeSigNumerator: transport.time_signature.0.into(),
        timeSigDenominator: transport.time_signature.1.into(),
        ..nothing
    }
}

fn event(call: &Call, note: &Note) -> Event {
    let (channel, pitch, velocity) = (note.channel, note.key, note.velocity);
    let (kind, content) = if note.is_on {
        let noteOn = NoteOnEvent {
            channel,
            pitch,
            tuning: 0.0,
            velocity,
            length: 0,
            noteId: -1,
        };
        (kNoteOnEvent, Event__type0 { noteOn })
    } else {
        let noteOff = NoteOffEvent {
            channel,
            pitch,
            velocity,
            noteId: -1,
            tuning: 0.0,
        };
        (kNoteOffEvent, Event__type0 { noteOff })
    };
    Event {
        busIndex: 0,
        sampleOffset: call.place(note.offset) as int32,
        ppqPosition: 0.0,
        flags: 0,
        r#type: kind as u16,
        __field0: content,
    }
}
