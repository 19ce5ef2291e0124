//! A small CLAP host: loads the plugin from its file and plays it in offline render mode.

use std::ffi::{CStr, CString};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};

pub(crate) const PLUGIN_ID: &CStr = c"org.fourbar.fourbar";
const BLOCK_FRAMES: u32 = 512;

/// How long the drums ring out after the last bar.
const TAIL_SECONDS: u32 = 2;

/// What to play.
pub(crate) struct Setup {
    pub(crate) sample_rate: u32,
    pub(crate) tempo_bpm: f64,
    pub(crate) n_beats: u32,
    pub(crate) seed: u32,
    pub(crate) temperature: f64,
}

/// What the host received.
pub(crate) struct Performance {
    /// In the order of their onsets.
    pub(crate) notes: Vec<PlayedNote>,
    /// Left and right, -1 to 1, with the ringing after the last bar.
    pub(crate) audio: Vec<[f32; 2]>,
}

/// One note from its note-on to its note-off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlayedNote {
    pub(crate) onset_beats: f64,
    pub(crate) end_beats: f64,
    pub(crate) pitch: u8,
    pub(crate) channel: u8,
    /// 0 to 1.
    pub(crate) velocity: f64,
}

/// Loads the plugin at `path`, sets it up and plays it from song position 0.
///
/// # Errors
/// If the file is no such plugin, or the plugin fails or leaves a note sounding.
#[expect(
    unsafe_code,
    reason = "loading a plugin is running foreign code; this one was just built"
)]
pub(crate) fn perform(path: &Path, setup: &Setup) -> Result<Performance> {
    // SAFETY: the library was built from this repository and follows the CLAP specification.
    let entry = unsafe { PluginEntry::load(path) }.context("loading the plugin file")?;
    let host = HostInfo::new("Fourbar demo", "Fourbar", "", env!("CARGO_PKG_VERSION"))
        .context("naming the host")?;
    let mut instance = PluginInstance::<()>::new(|()| (), |()| (), &entry, PLUGIN_ID, &host)
        .context("creating the plugin")?;

    let render: PluginRender = extension(&mut instance)?;
    render
        .set(&instance.plugin_handle(), RenderMode::Offline)
        .context("switching to offline rendering")?;
    let settings = [
        parameter_event(&mut instance, "Seed", &setup.seed.to_string())?,
        parameter_event(&mut instance, "Temperature", &setup.temperature.to_string())?,
    ];

    let configuration = PluginAudioConfiguration {
        sample_rate: f64::from(setup.sample_rate),
        min_frames_count: 1,
        max_frames_count: BLOCK_FRAMES,
    };
    let stopped = instance
        .activate(|(), ()| (), configuration)
        .context("activating the plugin")?;
    let Ok(mut processor) = stopped.start_processing() else {
        bail!("the plugin refused to start processing");
    };
    let recorded = record(&mut processor, setup, settings);
    instance.deactivate(processor.stop_processing());
    recorded
}

/// What the plugin offers beside what every plugin does.
///
/// # Errors
/// If it does not.
pub(crate) fn extension<
    E: clack_host::extensions::prelude::Extension<
            ExtensionSide = clack_host::extensions::prelude::PluginExtensionSide,
        >,
>(
    instance: &mut PluginInstance<()>,
) -> Result<E> {
    instance
        .plugin_handle()
        .get_extension()
        .with_context(|| format!("the plugin has no {}", std::any::type_name::<E>()))
}

/// A change of the parameter of this name to the value that the plugin reads from `text`.
fn parameter_event(
    instance: &mut PluginInstance<()>,
    name: &str,
    text: &str,
) -> Result<ParamValueEvent> {
    let params: PluginParams = extension(instance)?;
    let plugin = instance.plugin_handle();
    let mut buffer = ParamInfoBuffer::new();
    let id = (0..params.count(&plugin))
        .filter_map(|index| {
            let info = params.get_info(&plugin, index, &mut buffer)?;
            (info.name == name.as_bytes()).then_some(info.id)
        })
        .next()
        .with_context(|| format!("the plugin has no parameter {name}"))?;
    let text = CString::new(text).context("a parameter value has no NUL")?;
    let value = params
        .text_to_value(&plugin, id, &text)
        .with_context(|| format!("the plugin can't read {text:?} as {name}"))?;
    Ok(ParamValueEvent::new(0, id, Pckn::match_all(), value))
}

/// Plays all beats, then lets the drums ring out with the transport stopped.
fn record(
    processor: &mut StartedPluginAudioProcessor<()>,
    setup: &Setup,
    settings: [ParamValueEvent; 2],
) -> Result<Performance> {
    let beats_per_sample = setup.tempo_bpm / 60.0 / f64::from(setup.sample_rate);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of frames; the slowest tempo gives 10 million"
    )]
    let n_song_frames = (f64::from(setup.n_beats) / beats_per_sample).round() as u32;
    let n_frames = n_song_frames + TAIL_SECONDS * setup.sample_rate;

    let mut performance = Performance {
        notes: Vec::new(),
        audio: Vec::new(),
    };
    let mut sounding: Vec<PlayedNote> = Vec::new();
    let mut input_events = EventBuffer::new();
    for setting in &settings {
        input_events.push(setting);
    }
    let mut frame = 0;
    while frame < n_frames {
        // No block reaches across the end of the song, where the transport stops.
        let playing = frame < n_song_frames;
        let end = if playing { n_song_frames } else { n_frames };
        let n_block = BLOCK_FRAMES.min(end - frame);
        let transport = transport(
            setup,
            f64::from(frame.min(n_song_frames)) * beats_per_sample,
            playing,
        );
        let (audio, events) = process(processor, n_block, &transport, &input_events)?;
        input_events.clear();
        performance.audio.extend(audio);
        for event in &events {
            let sample = frame + event.header().time();
            let beats = f64::from(sample) * beats_per_sample;
            receive(event, beats, &mut sounding, &mut performance.notes)?;
        }
        frame += n_block;
    }
    ensure!(
        sounding.is_empty(),
        "{} notes were still sounding after the last bar",
        sounding.len()
    );
    performance.notes.sort_by(|a, b| {
        a.onset_beats
            .total_cmp(&b.onset_beats)
            .then(a.pitch.cmp(&b.pitch))
    });
    Ok(performance)
}

/// One block of the plugin's sound and events.
fn process(
    processor: &mut StartedPluginAudioProcessor<()>,
    n_frames: u32,
    transport: &TransportEvent,
    input_events: &EventBuffer,
) -> Result<(Vec<[f32; 2]>, EventBuffer)> {
    let n_frames = usize::try_from(n_frames).context("a block fits the memory")?;
    let mut channels = [vec![0.0_f32; n_frames], vec![0.0_f32; n_frames]];
    let mut events = EventBuffer::new();
    let mut ports = AudioPorts::with_capacity(2, 1);
    let mut output = ports.with_output_buffers([AudioPortBuffer {
        latency: 0,
        channels: AudioPortBufferType::f32_output_only(
            channels.iter_mut().map(|channel| channel.as_mut_slice()),
        ),
    }]);
    processor
        .process(
            &InputAudioBuffers::empty(),
            &mut output,
            &input_events.as_input(),
            &mut events.as_output(),
            None,
            Some(transport),
        )
        .context("the plugin failed to process a block")?;
    let [left, right] = channels;
    Ok((
        left.into_iter().zip(right).map(|(l, r)| [l, r]).collect(),
        events,
    ))
}

fn transport(setup: &Setup, position_beats: f64, playing: bool) -> TransportEvent {
    let mut flags = TransportFlags::HAS_TEMPO
        | TransportFlags::HAS_BEATS_TIMELINE
        | TransportFlags::HAS_SECONDS_TIMELINE
        | TransportFlags::HAS_TIME_SIGNATURE;
    flags.set(TransportFlags::IS_PLAYING, playing);
    let bar = (position_beats / 4.0).floor();
    TransportEvent {
        header: clack_host::events::EventHeader::new_core(
            0,
            clack_host::events::EventFlags::empty(),
        ),
        flags,
        song_pos_beats: BeatTime::from_float(position_beats),
        song_pos_seconds: SecondsTime::from_float(position_beats * 60.0 / setup.tempo_bpm),
        tempo: setup.tempo_bpm,
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_float(0.0),
        loop_end_beats: BeatTime::from_float(0.0),
        loop_start_seconds: SecondsTime::from_float(0.0),
        loop_end_seconds: SecondsTime::from_float(0.0),
        bar_start: BeatTime::from_float(bar * 4.0),
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 100")]
        bar_number: bar as i32,
        time_signature_numerator: 4,
        time_signature_denominator: 4,
    }
}

/// Opens or closes a note.
fn receive(
    event: &UnknownEvent,
    beats: f64,
    sounding: &mut Vec<PlayedNote>,
    notes: &mut Vec<PlayedNote>,
) -> Result<()> {
    match event.as_core_event() {
        Some(CoreEventSpace::NoteOn(on)) => sounding.push(PlayedNote {
            onset_beats: beats,
            end_beats: beats,
            pitch: midi_number(on.key())?,
            channel: midi_number(on.channel())?,
            velocity: on.velocity(),
        }),
        Some(CoreEventSpace::NoteOff(off)) => {
            let (pitch, channel) = (midi_number(off.key())?, midi_number(off.channel())?);
            let place = sounding
                .iter()
                .position(|note| note.pitch == pitch && note.channel == channel)
                .with_context(|| format!("a note-off of pitch {pitch}, which is not sounding"))?;
            notes.push(PlayedNote {
                end_beats: beats,
                ..sounding.remove(place)
            });
        }
        _ => {}
    }
    Ok(())
}

/// The key or channel of a note of the plugin, which always names both.
fn midi_number(number: clack_host::events::Match<u16>) -> Result<u8> {
    let number = number
        .into_specific()
        .context("a note for every key or channel")?;
    u8::try_from(number).with_context(|| format!("a note with the number {number}"))
}
