//! Notes in the dialect that the host understands.
//!
//! The framework (nice-plug 0.2.3) offers CLAP's own notes and raw MIDI, but sends only the former. A host says which
//! dialects it understands; one that leaves out CLAP's own gets the same notes as MIDI messages.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

use super::{corrected, framework, framework_extension};
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    clap_event_header, clap_event_midi, clap_event_note, clap_output_events,
};
use clap_sys::ext::note_ports::{
    CLAP_EXT_NOTE_PORTS, CLAP_NOTE_DIALECT_CLAP, CLAP_NOTE_DIALECT_MIDI, clap_host_note_ports,
    clap_note_port_info, clap_plugin_note_ports,
};
use clap_sys::process::clap_process;
use fourbar_model::midi::midi_velocity;
use nice_plug::wrapper::clap::{clap_host, clap_plugin};
use std::sync::atomic::Ordering;

/// MIDI's status bytes, for channel 1.
const NOTE_OFF: u8 = 0x80;
const NOTE_ON: u8 = 0x90;

/// What a host gets for the note ports extension.
pub(super) static PORTS_EXTENSION: clap_plugin_note_ports = clap_plugin_note_ports {
    count: Some(count),
    get: Some(get),
};

/// Whether `host` understands notes as raw MIDI, but not CLAP's own. Call it once the host can be asked.
///
/// # Safety
/// `host` must be the host that the plugin was made for.
pub(super) unsafe fn only_midi_is_understood(host: *const clap_host) -> bool {
    // SAFETY: as the caller promises; CLAP says what the id stands for.
    let dialects = unsafe {
        host.as_ref().and_then(|host| {
            let extension = host.get_extension?(host, CLAP_EXT_NOTE_PORTS.as_ptr());
            let ports = extension.cast::<clap_host_note_ports>().as_ref()?;
            Some(ports.supported_dialects?(host))
        })
    };
    dialects.is_some_and(|dialects| {
        dialects & CLAP_NOTE_DIALECT_CLAP == 0 && dialects & CLAP_NOTE_DIALECT_MIDI != 0
    })
}

unsafe extern "C" fn count(plugin: *const clap_plugin, is_input: bool) -> u32 {
    if plugin.is_null() {
        return 0;
    }
    // SAFETY: the host passes its plugin.
    unsafe {
        let ports = framework_extension::<clap_plugin_note_ports>(plugin, CLAP_EXT_NOTE_PORTS);
        let count = ports.and_then(|ports| ports.count);
        count.map_or(0, |count| count(framework(plugin), is_input))
    }
}

unsafe extern "C" fn get(
    plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_note_port_info,
) -> bool {
    if plugin.is_null() || info.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin and room for the description.
    unsafe {
        let ports = framework_extension::<clap_plugin_note_ports>(plugin, CLAP_EXT_NOTE_PORTS);
        let get = ports.and_then(|ports| ports.get);
        let is_there = get.is_some_and(|get| get(framework(plugin), index, is_input, info));
        if is_there && corrected(plugin).sends_midi.load(Ordering::Relaxed) {
            (*info).preferred_dialect = CLAP_NOTE_DIALECT_MIDI;
        }
        is_there
    }
}

/// Calls `process` with `block`, whose host then gets notes as MIDI messages.
///
/// # Safety
/// `block` must be a CLAP block, and `process` must not keep it.
pub(super) unsafe fn with_midi<R>(
    block: &clap_process,
    process: impl FnOnce(&clap_process) -> R,
) -> R {
    if block.out_events.is_null() {
        return process(block);
    }
    let list = clap_output_events {
        ctx: block.out_events.cast_mut().cast(),
        try_push: Some(push_as_midi),
    };
    process(&clap_process {
        out_events: &raw const list,
        ..*block
    })
}

unsafe extern "C" fn push_as_midi(
    list: *const clap_output_events,
    event: *const clap_event_header,
) -> bool {
    // SAFETY: only `with_midi` makes such lists, around the host's list, and the framework passes an event.
    unsafe {
        let host = (*list).ctx.cast_const().cast::<clap_output_events>();
        let Some(push) = (*host).try_push else {
            return false;
        };
        match midi_event(event) {
            Some(message) => push(host, &raw const message.header),
            None => push(host, event),
        }
    }
}

/// The start or the end of a note as a MIDI message; `None` for any other event.
///
/// # Safety
/// `event` must be a CLAP event.
unsafe fn midi_event(event: *const clap_event_header) -> Option<clap_event_midi> {
    // SAFETY: as the caller promises; space and type say what the event is.
    let note = unsafe {
        let header = &*event;
        let is_note = matches!(header.type_, CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF);
        if header.space_id != CLAP_CORE_EVENT_SPACE_ID || !is_note {
            return None;
        }
        &*event.cast::<clap_event_note>()
    };
    let channel = u8::try_from(note.channel)
        .ok()
        .filter(|&channel| channel < 16)?;
    let key = u8::try_from(note.key).ok().filter(|&key| key < 128)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the plugin's velocities are single precision"
    )]
    let data = if note.header.type_ == CLAP_EVENT_NOTE_ON {
        [NOTE_ON | channel, key, midi_velocity(note.velocity as f32)]
    } else {
        [NOTE_OFF | channel, key, 0]
    };
    #[expect(clippy::cast_possible_truncation, reason = "some bytes")]
    let size = size_of::<clap_event_midi>() as u32;
    Some(clap_event_midi {
        header: clap_event_header {
            size,
            type_: CLAP_EVENT_MIDI,
            ..note.header
        },
        port_index: 0,
        data,
    })
}
