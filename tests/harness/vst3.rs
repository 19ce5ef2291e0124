//! A VST3 host that drives the factory of the built plugin file.

#![expect(
    unsafe_code,
    reason = "every call through a VST3 interface is a foreign call"
)]
#![allow(non_snake_case, reason = "the interfaces' methods are named so")]

mod callbacks;
mod objects;

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use libloading::Library;
use vst3::Steinberg::Vst::BusDirections_::kOutput;
use vst3::Steinberg::Vst::Event_::EventTypes_::{kNoteOffEvent, kNoteOnEvent};
use vst3::Steinberg::Vst::MediaTypes_::{kAudio, kEvent};
use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_;
use vst3::Steinberg::Vst::ProcessModes_::{kOffline, kRealtime};
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusInfo, Event, Event__type0, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentHandler, IComponentTrait, IEditController,
    IEditControllerTrait, IEventList, IHostApplication, IParameterChanges, NoteOffEvent,
    NoteOnEvent, ParameterInfo, ProcessContext, ProcessData, ProcessSetup, SpeakerArr, String128,
    TChar, ViewType,
};
use vst3::Steinberg::{
    FUnknown, IBStream, IPlugFrame, IPlugView, IPlugViewTrait, IPluginBaseTrait, IPluginFactory,
    IPluginFactoryTrait, PClassInfo, TUID, ViewRect, int32, kPlatformTypeX11EmbedWindowID,
    kResultOk, tresult,
};
use vst3::{ComPtr, ComWrapper, Interface};

use super::{Block, Host, Mode, NoteEvent, Setup, Transport, real_time};
use callbacks::{Application, Edits, Frame};
use objects::{Changes, Events, Stream};

/// Room for events that no block of a test exceeds: growing inside the plugin's callback would count as its allocation.
const MAX_EVENTS: usize = 512;

/// What a host does about the buses of the drums that it has not activated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum LeftOut {
    /// There are none, or it hands over buffers all the same.
    #[default]
    Nothing,
    /// Buses without channels.
    Channels,
    /// Only the mix.
    Buses,
}

pub(crate) struct Vst3Host {
    // The interfaces go before what they call back into.
    view: Option<ComPtr<IPlugView>>,
    controller: ComPtr<IEditController>,
    processor: ComPtr<IAudioProcessor>,
    component: ComPtr<IComponent>,
    edits: ComWrapper<Edits>,
    frame: ComWrapper<Frame>,
    _application: ComWrapper<Application>,
    setup: Setup,
    audio: [Vec<f32>; 2],
    buses: Vec<[Vec<f32>; 2]>,
    /// Buses of which no buffers are handed over although the plugin has them.
    pub(crate) left_out: LeftOut,
    n_samples: i64,
}

impl Host for Vst3Host {
    fn new(setup: Setup) -> Self {
        let mut host = Self::inactive(setup);
        host.activate();
        host
    }

    fn setup(&self) -> Setup {
        self.setup
    }

    fn reactivate(&mut self, setup: Setup) {
        self.deactivate();
        self.setup = setup;
        self.activate();
    }

    fn process(&mut self, block: &Block) -> Vec<NoteEvent> {
        let (result, events) = self.try_process(block);
        assert_eq!(result, kResultOk);
        events
    }

    fn with_buses(setup: Setup) -> Self {
        let mut host = Self::inactive(setup);
        host.buses = vec![Default::default(); 9];
        host.activate();
        host
    }

    fn audio(&self) -> &[Vec<f32>; 2] {
        &self.audio
    }

    fn buses(&self) -> &[[Vec<f32>; 2]] {
        &self.buses
    }

    fn save(&mut self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::of(Vec::new()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        assert_eq!(unsafe { self.component.getState(pointer) }, kResultOk);
        stream.bytes.borrow().clone()
    }

    fn load(&mut self, state: &[u8]) -> bool {
        let stream = ComWrapper::new(Stream::of(state.to_vec()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        unsafe { self.component.setState(pointer) == kResultOk }
    }

    fn json_of_state(state: &[u8]) -> &[u8] {
        state
    }

    fn state_of_json(json: &[u8]) -> Vec<u8> {
        json.to_vec()
    }

    fn parameters(&mut self) -> Vec<(u32, String)> {
        // SAFETY: `info` is a live local for each call; all-zero bytes are a valid ParameterInfo.
        unsafe {
            (0..self.controller.getParameterCount())
                .map(|index| {
                    let mut info: ParameterInfo = std::mem::zeroed();
                    let result = self.controller.getParameterInfo(index, &raw mut info);
                    assert_eq!(result, kResultOk);
                    (info.id, string_of(&info.title))
                })
                .collect()
        }
    }

    fn largest_value(&mut self, _id: u32) -> f64 {
        1.0
    }

    fn value_of_text(&mut self, id: u32, text: &str) -> Option<f64> {
        let mut text: Vec<TChar> = text.encode_utf16().chain([0]).collect();
        let mut value = 0.0;
        // SAFETY: the text ends in 0 and both pointers are to live locals.
        let result = unsafe {
            self.controller
                .getParamValueByString(id, text.as_mut_ptr(), &raw mut value)
        };
        (result == kResultOk).then_some(value)
    }

    fn text_of_value(&mut self, id: u32, value: f64) -> Option<String> {
        let mut text: String128 = [0; 128];
        // SAFETY: `text` is a live local of the size that the interface states.
        let result = unsafe {
            self.controller
                .getParamStringByValue(id, value, &raw mut text)
        };
        (result == kResultOk).then(|| string_of(&text))
    }

    /// The framework has its own thread for what must not be done in the audio callback.
    fn idle(&mut self) {}
}

impl Vst3Host {
    /// A plugin that has been created and not activated.
    pub(crate) fn inactive(setup: Setup) -> Self {
        let factory = factory();
        let class = class_id(&factory);
        let mut component: *mut c_void = std::ptr::null_mut();
        let application = ComWrapper::new(Application);
        let edits = ComWrapper::new(Edits::default());
        // SAFETY: the factory is alive and every pointer is to a live local; what it creates is ours to release.
        let component = unsafe {
            let created = factory.createInstance(
                class.as_ptr().cast(),
                IComponent::IID.as_ptr().cast(),
                &raw mut component,
            );
            assert_eq!(created, kResultOk);
            ComPtr::from_raw(component.cast::<IComponent>()).unwrap()
        };
        let controller: ComPtr<IEditController> = component.cast().unwrap();
        let processor: ComPtr<IAudioProcessor> = component.cast().unwrap();
        // SAFETY: as above; the context and the handler live as long as this host.
        unsafe {
            let context = application.as_com_ref::<IHostApplication>().unwrap();
            assert_eq!(
                component.initialize(context.as_ptr().cast::<FUnknown>()),
                kResultOk
            );
            let handler = edits.as_com_ref::<IComponentHandler>().unwrap();
            assert_eq!(controller.setComponentHandler(handler.as_ptr()), kResultOk);
        }
        Self {
            view: None,
            controller,
            processor,
            component,
            edits,
            frame: ComWrapper::new(Frame),
            _application: application,
            setup,
            audio: [Vec::new(), Vec::new()],
            buses: Vec::new(),
            left_out: LeftOut::Nothing,
            n_samples: 0,
        }
    }

    /// Processes one block; returns the plugin's answer and its note events.
    pub(crate) fn try_process(&mut self, block: &Block) -> (tresult, Vec<NoteEvent>) {
        assert!(
            block.later_transport.is_none(),
            "VST3 has no transport inside a block"
        );
        let n_samples = usize::try_from(block.n_samples).unwrap();
        for channel in self.audio.iter_mut().chain(self.buses.iter_mut().flatten()) {
            channel.clear();
            channel.resize(n_samples, 7.0);
        }
        let all = std::iter::once(&mut self.audio).chain(&mut self.buses);
        let mut channels: Vec<[*mut f32; 2]> = all
            .map(|bus| bus.each_mut().map(|channel| channel.as_mut_ptr()))
            .collect();
        let mut outputs: Vec<AudioBusBuffers> = channels
            .iter_mut()
            .enumerate()
            .map(|(index, channels)| {
                let is_there = index == 0 || self.left_out == LeftOut::Nothing;
                AudioBusBuffers {
                    numChannels: if is_there { 2 } else { 0 },
                    silenceFlags: 0,
                    __field0: AudioBusBuffers__type0 {
                        channelBuffers32: if is_there {
                            channels.as_mut_ptr()
                        } else {
                            std::ptr::null_mut()
                        },
                    },
                }
            })
            .collect();
        if self.left_out == LeftOut::Buses {
            outputs.truncate(1);
            outputs.shrink_to_fit();
        }
        let mut context = block
            .transport
            .map(|transport| process_context(transport, self.setup.sample_rate, self.n_samples));
        let changes = block.changes.iter();
        let changes = changes.map(|change| (change.id, change.offset.cast_signed(), change.value));
        let changes = ComWrapper::new(Changes::new(changes));
        let events = Vec::with_capacity(MAX_EVENTS);
        let events = ComWrapper::new(Events(RefCell::new(events)));
        let played = block.notes.iter().map(event_of_note).collect();
        let played = ComWrapper::new(Events(RefCell::new(played)));
        let mut data = ProcessData {
            processMode: process_mode(self.setup.mode == Mode::OfflineAfterwards),
            symbolicSampleSize: int(kSample32),
            numSamples: block.n_samples.cast_signed(),
            numInputs: 0,
            numOutputs: int32::try_from(outputs.len()).unwrap(),
            inputs: std::ptr::null_mut(),
            outputs: outputs.as_mut_ptr(),
            inputParameterChanges: changes.as_com_ref::<IParameterChanges>().unwrap().as_ptr(),
            outputParameterChanges: std::ptr::null_mut(),
            inputEvents: played.as_com_ref::<IEventList>().unwrap().as_ptr(),
            outputEvents: events.as_com_ref::<IEventList>().unwrap().as_ptr(),
            processContext: context
                .as_mut()
                .map_or(std::ptr::null_mut(), std::ptr::from_mut),
        };
        // SAFETY: every pointer in `data` is to a local that outlives the call, with the sizes stated beside it.
        let result = real_time::process(self.setup.mode, || unsafe {
            self.processor.process(&raw mut data)
        });
        self.n_samples += i64::from(block.n_samples);
        let events = events.0.borrow().iter().filter_map(note_event).collect();
        (result, events)
    }

    /// Name of every output and whether it is active before the host says so.
    pub(crate) fn outputs(&self) -> Vec<(String, bool)> {
        // SAFETY: `info` is a live local for each call; all-zero bytes are a valid BusInfo.
        unsafe {
            (0..self.component.getBusCount(int(kAudio), int(kOutput)))
                .map(|index| {
                    let mut info: BusInfo = std::mem::zeroed();
                    let result =
                        self.component
                            .getBusInfo(int(kAudio), int(kOutput), index, &raw mut info);
                    assert_eq!((result, info.channelCount), (kResultOk, 2));
                    (string_of(&info.name), info.flags & 1 == 1)
                })
                .collect()
        }
    }

    /// Activates the plugin without having set it up, as Carla does; whether it agrees.
    pub(crate) fn activate_without_setup(&mut self) -> bool {
        // SAFETY: the component is alive.
        unsafe { self.component.setActive(1) == kResultOk }
    }

    /// Sets the plugin up, whether it is active or not.
    pub(crate) fn set_up(&mut self) {
        let is_offline = self.setup.mode == Mode::Offline;
        let mut setup = ProcessSetup {
            processMode: process_mode(is_offline),
            symbolicSampleSize: int(kSample32),
            maxSamplesPerBlock: self.setup.max_block.cast_signed(),
            sampleRate: self.setup.sample_rate,
        };
        // SAFETY: the pointer is to a live local.
        let result = unsafe { self.processor.setupProcessing(&raw mut setup) };
        assert_eq!(result, kResultOk);
    }

    /// Tells the controller a value, as hosts do that show a parameter.
    pub(crate) fn tell_controller(&mut self, id: u32, value: f64) {
        // SAFETY: the controller is alive.
        let result = unsafe { self.controller.setParamNormalized(id, value) };
        assert_eq!(result, kResultOk);
    }

    /// The controller's value of a parameter.
    pub(crate) fn controller_value(&self, id: u32) -> f64 {
        // SAFETY: the controller is alive.
        unsafe { self.controller.getParamNormalized(id) }
    }

    /// Says whether there will be blocks.
    pub(crate) fn set_processing(&mut self, is_processing: bool) {
        // SAFETY: the plugin is active.
        unsafe { self.processor.setProcessing(is_processing.into()) };
    }

    /// What the editor changed since the host was made.
    pub(crate) fn n_edits(&self) -> usize {
        self.edits.n_edits.load(Ordering::SeqCst)
    }

    /// Opens the editor inside an X11 window and returns its width and height.
    pub(crate) fn open_editor(&mut self, window: u32) -> (i32, i32) {
        let parent = usize::try_from(window).unwrap() as *mut c_void;
        let mut size = ViewRect {
            left: 0,
            top: 0,
            right: 0,
            bottom: 0,
        };
        // SAFETY: the view is alive until `close_editor`, and the window outlives it.
        unsafe {
            let view = self.controller.createView(ViewType::kEditor);
            let view = ComPtr::from_raw(view).unwrap();
            assert_eq!(
                view.isPlatformTypeSupported(kPlatformTypeX11EmbedWindowID),
                kResultOk
            );
            let frame = self.frame.as_com_ref::<IPlugFrame>().unwrap();
            assert_eq!(view.setFrame(frame.as_ptr()), kResultOk);
            assert_eq!(view.getSize(&raw mut size), kResultOk);
            assert_eq!(
                view.attached(parent, kPlatformTypeX11EmbedWindowID),
                kResultOk
            );
            self.view = Some(view);
        }
        (size.right - size.left, size.bottom - size.top)
    }

    pub(crate) fn close_editor(&mut self) {
        let view = self.view.take().expect("the editor is open");
        // SAFETY: the view was attached and is released here.
        unsafe {
            assert_eq!(view.removed(), kResultOk);
            view.setFrame(std::ptr::null_mut());
        }
    }

    fn activate(&mut self) {
        let mut no_input = SpeakerArr::kEmpty;
        let mut stereo = vec![SpeakerArr::kStereo; 1 + self.buses.len()];
        // SAFETY: every pointer is to a live local.
        unsafe {
            let arranged = self.processor.setBusArrangements(
                &raw mut no_input,
                0,
                stereo.as_mut_ptr(),
                int32::try_from(stereo.len()).unwrap(),
            );
            assert_eq!(arranged, kResultOk);
            self.set_up();
            for media in [kAudio, kEvent] {
                let activated = self.component.activateBus(int(media), int(kOutput), 0, 1);
                assert_eq!(activated, kResultOk);
            }
            assert_eq!(self.component.setActive(1), kResultOk);
            self.processor.setProcessing(1);
        }
    }

    fn deactivate(&mut self) {
        // SAFETY: the plugin is active.
        unsafe {
            self.processor.setProcessing(0);
            self.component.setActive(0);
        }
    }
}

impl Drop for Vst3Host {
    fn drop(&mut self) {
        self.deactivate();
        // SAFETY: nothing calls the plugin afterwards but the releases of its interfaces.
        unsafe { self.component.terminate() };
    }
}

/// Bytes and names of the plugin's class, as a host's scanner reads them.
pub(crate) struct ClassInfo {
    pub(crate) id: [u8; 16],
    pub(crate) name: String,
    pub(crate) category: String,
}

/// Every class in the built file.
pub(crate) fn classes() -> Vec<ClassInfo> {
    let factory = factory();
    // SAFETY: `info` is a live local for each call; all-zero bytes are a valid PClassInfo.
    unsafe {
        (0..factory.countClasses())
            .map(|index| {
                let mut info: PClassInfo = std::mem::zeroed();
                assert_eq!(factory.getClassInfo(index, &raw mut info), kResultOk);
                ClassInfo {
                    id: info.cid.map(|byte| byte.to_ne_bytes()[0]),
                    name: ascii_of(&info.name),
                    category: ascii_of(&info.category),
                }
            })
            .collect()
    }
}

fn class_id(factory: &ComPtr<IPluginFactory>) -> TUID {
    let mut info = std::mem::MaybeUninit::<PClassInfo>::zeroed();
    // SAFETY: the factory fills the live local, of which all-zero bytes are valid too.
    unsafe {
        assert_eq!(factory.getClassInfo(0, info.as_mut_ptr()), kResultOk);
        info.assume_init().cid
    }
}

/// The plugin file that cargo built for this test run: it lies beside the test's own.
pub(crate) fn plugin_file() -> PathBuf {
    let folder = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let file = folder.join(libloading::library_filename("fourbar_plugin"));
    assert!(file.is_file(), "cargo built no {}", file.display());
    file
}

fn factory() -> ComPtr<IPluginFactory> {
    // Loaded once: a host that has loaded a plugin file keeps it, and so do its threads.
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    // SAFETY: the library is our own plugin and its entry points have the types that VST3 states.
    unsafe {
        let library = LIBRARY.get_or_init(|| {
            let library = Library::new(plugin_file()).unwrap();
            assert!(enter(&library));
            library
        });
        let get_factory = library
            .get::<unsafe extern "system" fn() -> *mut IPluginFactory>(b"GetPluginFactory")
            .unwrap();
        ComPtr::from_raw(get_factory()).unwrap()
    }
}

/// Calls what a host calls first, which is named differently on every system.
///
/// # Safety
/// The library is a VST3 plugin.
unsafe fn enter(library: &Library) -> bool {
    #[cfg(windows)]
    // SAFETY: the entry point has the type that VST3 states.
    unsafe {
        let enter = library.get::<unsafe extern "system" fn() -> bool>(b"InitDll");
        enter.unwrap()()
    }
    #[cfg(unix)]
    // SAFETY: as above; our plugin has no use for its own library's handle.
    unsafe {
        let name = if cfg!(target_os = "macos") {
            "bundleEntry"
        } else {
            "ModuleEntry"
        };
        let enter = library.get::<unsafe extern "C" fn(*mut c_void) -> bool>(name);
        enter.unwrap()(std::ptr::null_mut())
    }
}

/// A constant of VST3 as its interfaces take it: the compiler of each system chose a type for them.
fn int(constant: impl Into<i64>) -> int32 {
    int32::try_from(constant.into()).unwrap()
}

fn process_mode(is_offline: bool) -> int32 {
    int(if is_offline { kOffline } else { kRealtime })
}

fn process_context(transport: Transport, sample_rate: f64, n_samples: i64) -> ProcessContext {
    let flag = |flag, is_set| if is_set { int(flag).cast_unsigned() } else { 0 };
    // SAFETY: a plain C structure for which all-zero bytes are valid.
    let mut context: ProcessContext = unsafe { std::mem::zeroed() };
    context.state = flag(StatesAndFlags_::kPlaying, transport.playing)
        | flag(StatesAndFlags_::kTempoValid, transport.tempo_bpm.is_some())
        | flag(
            StatesAndFlags_::kProjectTimeMusicValid,
            transport.position_beats.is_some(),
        )
        | flag(
            StatesAndFlags_::kBarPositionValid,
            transport.position_beats.is_some(),
        )
        | flag(
            StatesAndFlags_::kTimeSigValid,
            transport.time_signature.is_some(),
        )
        | flag(StatesAndFlags_::kCycleValid, transport.cycle.is_some())
        | flag(StatesAndFlags_::kCycleActive, transport.cycle.is_some());
    context.sampleRate = sample_rate;
    context.projectTimeSamples = n_samples;
    context.continousTimeSamples = n_samples;
    context.projectTimeMusic = transport.position_beats.unwrap_or(0.0);
    context.barPositionMusic = transport.bar_start_beats();
    (context.cycleStartMusic, context.cycleEndMusic) = transport.cycle.unwrap_or_default();
    context.tempo = transport.tempo_bpm.unwrap_or(0.0);
    let (numerator, denominator) = transport.time_signature.unwrap_or_default();
    context.timeSigNumerator = numerator.into();
    context.timeSigDenominator = denominator.into();
    context
}

fn note_event(event: &Event) -> Option<NoteEvent> {
    let sample = u64::try_from(event.sampleOffset).unwrap();
    let kind = i32::from(event.r#type);
    // SAFETY: the type says which member of the union is there.
    unsafe {
        if kind == int(kNoteOnEvent) {
            let on = event.__field0.noteOn;
            Some(NoteEvent {
                sample,
                pitch: u8::try_from(on.pitch).unwrap(),
                channel: u8::try_from(on.channel).unwrap(),
                velocity: Some(on.velocity),
            })
        } else if kind == int(kNoteOffEvent) {
            let off = event.__field0.noteOff;
            Some(NoteEvent {
                sample,
                pitch: u8::try_from(off.pitch).unwrap(),
                channel: u8::try_from(off.channel).unwrap(),
                velocity: None,
            })
        } else {
            panic!("the plugin sends plain notes only")
        }
    }
}

/// A note that the host sends.
fn event_of_note(note: &NoteEvent) -> Event {
    let (channel, pitch) = (note.channel.into(), note.pitch.into());
    let (kind, content) = match note.velocity {
        Some(velocity) => {
            let on = NoteOnEvent {
                channel,
                pitch,
                tuning: 0.0,
                velocity,
                length: 0,
                noteId: -1,
            };
            (kNoteOnEvent, Event__type0 { noteOn: on })
        }
        None => {
            let off = NoteOffEvent {
                channel,
                pitch,
                velocity: 0.0,
                noteId: -1,
                tuning: 0.0,
            };
            (kNoteOffEvent, Event__type0 { noteOff: off })
        }
    };
    Event {
        busIndex: 0,
        sampleOffset: int32::try_from(note.sample).unwrap(),
        ppqPosition: 0.0,
        flags: 0,
        r#type: u16::try_from(int(kind)).unwrap(),
        __field0: content,
    }
}

fn string_of(text: &[TChar]) -> String {
    let end = text.iter().position(|&c| c == 0).unwrap_or(text.len());
    String::from_utf16(&text[..end]).unwrap()
}

fn ascii_of(text: &[c_char]) -> String {
    let bytes = text.iter().take_while(|&&c| c != 0);
    String::from_utf8(bytes.map(|c| c.to_ne_bytes()[0]).collect()).unwrap()
}
