//! The CLAP entry point: the framework's plugin, with what it gets wrong put right.
//!
//! A host gets the framework's own plugin (nice-plug 0.2.3) with some functions exchanged. `get_extension` hands out
//! extensions of ours, `process` corrects the events that come ([`events`]) and translates those that go ([`notes`]),
//! for which `init` and `activate` note what they have to know. `on_main_thread` also looks after the workers, because
//! the framework asks for it when a parameter has changed. `destroy` also frees what we added. Everything else goes
//! straight to the framework.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

mod events;
mod gui;
mod notes;
mod render;
mod state;

use super::Border;
use crate::Fourbar;
use crate::inference::poller;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_plugin_audio_ports};
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::note_ports::CLAP_EXT_NOTE_PORTS;
use clap_sys::ext::render::CLAP_EXT_RENDER;
use clap_sys::ext::state::CLAP_EXT_STATE;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::wrapper::clap::{
    CLAP_PLUGIN_FACTORY_ID, CLAP_VERSION, PluginDescriptor, Wrapper, clap_host, clap_plugin,
    clap_plugin_descriptor, clap_plugin_entry, clap_plugin_factory,
};
use nice_plug::wrapper::setup_logger;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The library's entry point, which CLAP hosts look for by this name.
#[unsafe(no_mangle)]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(get_factory),
};

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(get_plugin_count),
    get_plugin_descriptor: Some(get_plugin_descriptor),
    create_plugin: Some(create_plugin),
};

/// A plugin as the host sees it. The host's pointer to `plugin` is also one to the whole.
#[repr(C)]
struct Corrected {
    /// The framework's functions and data, but for the exchanged functions.
    plugin: clap_plugin,
    framework: *const clap_plugin,
    host: *const clap_host,
    border: Arc<Border>,
    /// Of the last activation.
    sample_rate_bits: AtomicU64,
    /// Whether the host understands notes only as raw MIDI.
    sends_midi: AtomicBool,
}

fn descriptor() -> &'static PluginDescriptor {
    static DESCRIPTOR: OnceLock<PluginDescriptor> = OnceLock::new();
    DESCRIPTOR.get_or_init(PluginDescriptor::for_plugin::<Fourbar>)
}

extern "C" fn init(_plugin_path: *const c_char) -> bool {
    setup_logger::<Fourbar>();
    true
}

extern "C" fn deinit() {}

unsafe extern "C" fn get_factory(factory_id: *const c_char) -> *const c_void {
    // SAFETY: the host passes a string or nothing.
    if !factory_id.is_null() && unsafe { CStr::from_ptr(factory_id) } == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        ptr::null()
    }
}

extern "C" fn get_plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    1
}

extern "C" fn get_plugin_descriptor(
    _factory: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    if index == 0 {
        descriptor().clap_plugin_descriptor()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn create_plugin(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    plugin_id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: the host passes a string or nothing.
    if plugin_id.is_null() || unsafe { CStr::from_ptr(plugin_id) } != descriptor().clap_id() {
        return ptr::null();
    }
    // SAFETY: the host passes itself. The framework takes the reference to its wrapper back in its `destroy`, and until
    // then the wrapper stays where it is.
    let Some((wrapper, border)) = Border::with(|| unsafe { Wrapper::<Fourbar>::new(host) }) else {
        return ptr::null();
    };
    let framework: *const clap_plugin = unsafe { (*Arc::into_raw(wrapper)).clap_plugin.as_ptr() };
    let plugin = clap_plugin {
        init: Some(init_plugin),
        get_extension: Some(get_extension),
        activate: Some(activate),
        process: Some(process),
        on_main_thread: Some(on_main_thread),
        destroy: Some(destroy),
        // SAFETY: as above.
        ..unsafe { *framework }
    };
    Box::into_raw(Box::new(Corrected {
        plugin,
        framework,
        host,
        border,
        sample_rate_bits: AtomicU64::new(0),
        sends_midi: AtomicBool::new(false),
    }))
    .cast()
}

/// The plugin with what we added to it.
///
/// # Safety
/// `plugin` must come from [`create_plugin`] and not have been destroyed.
unsafe fn corrected<'a>(plugin: *const clap_plugin) -> &'a Corrected {
    // SAFETY: then it points to the first field of a `Corrected`.
    unsafe { &*plugin.cast::<Corrected>() }
}

/// The framework's plugin behind the host's.
///
/// # Safety
/// As for [`corrected`].
unsafe fn framework<'a>(plugin: *const clap_plugin) -> &'a clap_plugin {
    // SAFETY: as the caller promises; the framework's plugin is valid as long as ours.
    unsafe { &*corrected(plugin).framework }
}

/// An extension of the framework's plugin.
///
/// # Safety
/// As for [`corrected`], and `E` must be the type that CLAP gives the extension `id`.
unsafe fn framework_extension<'a, E>(plugin: *const clap_plugin, id: &CStr) -> Option<&'a E> {
    // SAFETY: the framework's function is called with the framework's plugin, and CLAP says what the id stands for.
    unsafe {
        let framework = framework(plugin);
        let extension = framework.get_extension?(framework, id.as_ptr());
        extension.cast::<E>().as_ref()
    }
}

unsafe extern "C" fn init_plugin(plugin: *const clap_plugin) -> bool {
    if plugin.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin, and lives as long.
    unsafe {
        let framework = framework(plugin);
        let is_initialised = framework.init.is_some_and(|init| init(framework));
        let corrected = corrected(plugin);
        let sends_midi = notes::only_midi_is_understood(corrected.host);
        corrected.sends_midi.store(sends_midi, Ordering::Relaxed);
        is_initialised
    }
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if plugin.is_null() || id.is_null() {
        return ptr::null();
    }
    // SAFETY: the host passes its plugin and a string. Extensions of the framework get by with the plugin's data, which
    // both plugins share.
    unsafe {
        let framework = framework(plugin);
        let extension = framework
            .get_extension
            .map_or(ptr::null(), |get_extension| get_extension(framework, id));
        if extension.is_null() {
            return ptr::null();
        }
        match CStr::from_ptr(id) {
            id if id == CLAP_EXT_STATE => (&raw const state::EXTENSION).cast(),
            id if id == CLAP_EXT_RENDER => (&raw const render::EXTENSION).cast(),
            id if id == CLAP_EXT_NOTE_PORTS => (&raw const notes::PORTS_EXTENSION).cast(),
            id if id == CLAP_EXT_GUI => gui::extension(&*extension.cast()),
            _ => extension,
        }
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    poller::wake();
    // SAFETY: the host passes its plugin.
    unsafe {
        let framework = framework(plugin);
        if let Some(on_main_thread) = framework.on_main_thread {
            on_main_thread(framework);
        }
    }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: the host gives up its plugin, which was a box; the framework's is given up with it.
    unsafe {
        let corrected = Box::from_raw(plugin.cast::<Corrected>().cast_mut());
        if let Some(destroy) = (*corrected.framework).destroy {
            destroy(corrected.framework);
        }
    }
}

unsafe extern "C" fn activate(
    plugin: *const clap_plugin,
    sample_rate: f64,
    min_frames: u32,
    max_frames: u32,
) -> bool {
    if plugin.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin.
    unsafe {
        let sample_rate_bits = &corrected(plugin).sample_rate_bits;
        sample_rate_bits.store(sample_rate.to_bits(), Ordering::Relaxed);
        let framework = framework(plugin);
        framework
            .activate
            .is_some_and(|activate| activate(framework, sample_rate, min_frames, max_frames))
    }
}

unsafe extern "C" fn process(
    plugin: *const clap_plugin,
    process: *const clap_process,
) -> clap_process_status {
    if plugin.is_null() || process.is_null() {
        return CLAP_PROCESS_ERROR;
    }
    // SAFETY: the host passes its plugin and a block, whose events the framework reads and writes before it returns.
    unsafe {
        let corrected = corrected(plugin);
        let framework = framework(plugin);
        let Some(process_block) = framework.process else {
            return CLAP_PROCESS_ERROR;
        };
        // The framework reads all its ports of a host that hands over any (nice-plug 0.2.3).
        let ports = framework_extension::<clap_plugin_audio_ports>(plugin, CLAP_EXT_AUDIO_PORTS);
        let count = ports.and_then(|ports| ports.count);
        let n_outputs = count.map_or(0, |count| count(framework, false));
        if (1..n_outputs).contains(&(*process).audio_outputs_count) {
            return CLAP_PROCESS_ERROR;
        }
        let sample_rate = f64::from_bits(corrected.sample_rate_bits.load(Ordering::Relaxed));
        events::with_corrected_events(&*process, sample_rate, |block| {
            if corrected.sends_midi.load(Ordering::Relaxed) {
                notes::with_midi(block, |block| process_block(framework, block))
            } else {
                process_block(framework, block)
            }
        })
    }
}
