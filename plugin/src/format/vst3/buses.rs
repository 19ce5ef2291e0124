//! The buses of the drums beside the mix.
//!
//! The framework (nice-plug 0.2.3) can have them, but a VST3 host would never learn of them: it shows the buses of its first
//! layout, and hosts ask for no more than they are shown. It calls every bus active from the start, reads past the end of
//! what a host hands over if that is fewer buses, and does not play at all while one of them is missing. So an instance
//! begins with the layout that has them all; all but the mix are shown as inactive; and what a host leaves out of a block,
//! as it may for a bus that it has not activated, is made up for by memory that nobody hears.

use crate::SEPARATE;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::BusDirections_::kOutput;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::BusInfo_::BusFlags_::kDefaultActive;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::MediaTypes_::kAudio;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusInfo, IAudioProcessor, IAudioProcessorVtbl,
    IComponent, IComponentVtbl, ProcessData, SpeakerArr, SpeakerArrangement,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::int32;
use std::cell::UnsafeCell;
use std::ptr;

/// The mix, and a bus for each drum.
const N_BUSES: usize = 1 + SEPARATE.aux_output_ports.len();

/// Lets an instance have all the buses there are.
///
/// # Safety
/// The interface must be that of an instance of the framework, and the functions the framework's for it.
pub(super) unsafe fn offer(framework: &IAudioProcessorVtbl, processor: *mut IAudioProcessor) {
    let mut none = SpeakerArr::kEmpty;
    let mut stereo: [SpeakerArrangement; N_BUSES] = [SpeakerArr::kStereo; N_BUSES];
    let n_buses = int32::try_from(N_BUSES).unwrap_or(1);
    // SAFETY: as the caller promises; the arrangements are as many as stated.
    unsafe {
        (framework.setBusArrangements)(processor, &raw mut none, 0, stereo.as_mut_ptr(), n_buses);
    }
}

/// Shows a host that a bus of a drum is not active before it says so.
pub(super) fn show_inactive(info: &mut BusInfo, index: int32) {
    let is_output = i64::from(info.direction) == i64::from(kOutput);
    let is_audio = i64::from(info.mediaType) == i64::from(kAudio);
    if is_output && is_audio && index > 0 {
        #[allow(
            clippy::unnecessary_cast,
            clippy::cast_sign_loss,
            reason = "its type differs between systems"
        )]
        let active = kDefaultActive as u32;
        info.flags &= !active;
    }
}

/// Memory for the buses that a host leaves out.
pub(super) struct Spare {
    /// Both channels of every bus, one after the other; resized only while there are no blocks.
    samples: UnsafeCell<Vec<f32>>,
}

// SAFETY: VST3 has `setupProcessing`, which resizes it, never called while `process` may be, which uses it.
unsafe impl Send for Spare {}
// SAFETY: as above.
unsafe impl Sync for Spare {}

impl Spare {
    pub(super) fn new() -> Self {
        Self {
            samples: UnsafeCell::new(Vec::new()),
        }
    }

    /// Makes room for blocks of `max_samples`.
    ///
    /// # Safety
    /// No block may be processed meanwhile.
    pub(super) unsafe fn resize(&self, max_samples: int32) {
        let max_samples = usize::try_from(max_samples).unwrap_or(0);
        // SAFETY: as the caller promises.
        let samples = unsafe { &mut *self.samples.get() };
        samples.clear();
        samples.resize(2 * N_BUSES * max_samples, 0.0);
    }

    /// Calls `process` with `data` in which all buses are there that the framework expects.
    ///
    /// # Safety
    /// `data` must be a host's, for the instance that `component` is of and the framework's functions belong to, and
    /// nobody else may use the spare memory meanwhile.
    pub(super) unsafe fn complete<R>(
        &self,
        data: *mut ProcessData,
        framework: &IComponentVtbl,
        component: *mut IComponent,
        process: impl FnOnce(*mut ProcessData) -> R,
    ) -> R {
        // SAFETY: as the caller promises.
        let (data, n_buses, samples) = unsafe {
            let n_buses = (framework.getBusCount)(component, media(kAudio), media(kOutput));
            (&mut *data, n_buses, &mut *self.samples.get())
        };
        let n_samples = usize::try_from(data.numSamples).unwrap_or(0);
        let is_short = 2 * N_BUSES * n_samples > samples.len();
        // Without any bus, or samples, it is no block but a flush of parameters.
        if n_buses <= 1 || data.numOutputs <= 0 || data.outputs.is_null() || n_samples == 0 {
            return process(data);
        }
        if is_short {
            // More than the host has set the plugin up for: a block with fewer buses than expected must not be read.
            let all_there = data.numOutputs >= n_buses;
            data.numOutputs = if all_there { data.numOutputs } else { 0 };
            return process(data);
        }
        let (host_outputs, n_host_outputs) = (data.outputs, data.numOutputs);
        let n_given = usize::try_from(data.numOutputs).unwrap_or(0);
        let mut channels = [[ptr::null_mut::<f32>(); 2]; N_BUSES];
        let mut pieces = samples.chunks_exact_mut(n_samples);
        let mut outputs: [AudioBusBuffers; N_BUSES] = std::array::from_fn(|index| {
            if index < n_given {
                // SAFETY: the host has given as many.
                let given = unsafe { ptr::read(host_outputs.add(index)) };
                // SAFETY: as above.
                if unsafe { is_stereo(&given) } {
                    return given;
                }
            }
            channels[index] = [(); 2].map(|()| {
                let piece = pieces.next();
                piece.map_or(ptr::null_mut(), <[f32]>::as_mut_ptr)
            });
            AudioBusBuffers {
                numChannels: 2,
                silenceFlags: 0,
                __field0: AudioBusBuffers__type0 {
                    channelBuffers32: ptr::null_mut(),
                },
            }
        });
        for (output, channels) in outputs.iter_mut().zip(&mut channels) {
            // SAFETY: both kinds of samples are behind a pointer of the same size.
            if unsafe { output.__field0.channelBuffers32.is_null() } {
                output.__field0.channelBuffers32 = channels.as_mut_ptr();
            }
        }
        data.outputs = outputs.as_mut_ptr();
        data.numOutputs = n_buses.min(int32::try_from(N_BUSES).unwrap_or(1));
        let result = process(data);
        data.outputs = host_outputs;
        data.numOutputs = n_host_outputs;
        result
    }
}

/// Whether there is room for two channels.
///
/// # Safety
/// The bus must be a host's, with 32-bit samples.
unsafe fn is_stereo(bus: &AudioBusBuffers) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let channels = bus.__field0.channelBuffers32;
        bus.numChannels >= 2
            && !channels.is_null()
            && !(*channels).is_null()
            && !(*channels.add(1)).is_null()
    }
}

/// A constant whose type differs between systems.
fn media(constant: impl TryInto<int32>) -> int32 {
    constant.try_into().unwrap_or(0)
}
