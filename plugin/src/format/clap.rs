//! The CLAP entry point: the framework's plugin, with what it gets wrong put right.
//!
//! A host gets the framework's own plugin (nice-plug 0.2.3) with four functions exchanged. `get_extension` hands out our
//! state extension ([`state`]), `process` corrects the events ([`events`]) and `activate` notes the sample rate for that;
//! `destroy` also frees what we added. Everything else goes straight to the framework.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

mod events;
mod state;

use crate::Fourbar;
use clap_sys::ext::state::CLAP_EXT_STATE;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::wrapper::clap::{
    CLAP_PLUGIN_FACTORY_ID, CLAP_VERSION, PluginDescriptor, Wrapper, clap_host, clap_plugin,
    clap_plugin_descriptor, clap_plugin_entry, clap_plugin_factory,
};
use nice_plug::wrapper::setup_logger;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Of the last activation.
    sample_rate_bits: AtomicU64,
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
    let framework: *const clap_plugin = unsafe {
        let wrapper = Arc::into_raw(Wrapper::<Fourbar>::new(host));
        (*wrapper).clap_plugin.as_ptr()
    };
    let plugin = clap_plugin {
        get_extension: Some(get_extension),
        activate: Some(activate),
        process: Some(process),
        destroy: Some(destroy),
        // SAFETY: as above.
        ..unsafe { *framework }
    };
    let sample_rate_bits = AtomicU64::new(0);
    Box::into_raw(Box::new(Corrected {
        plugin,
        framework,
        sample_rate_bits,
    }))
    .cast()
}

/// The framework's plugin behind the host's.
///
/// # Safety
/// `plugin` must come from [`create_plugin`] and not have been destroyed.
unsafe fn framework<'a>(plugin: *const clap_plugin) -> &'a clap_plugin {
    // SAFETY: then it points to the first field of a `Corrected`, whose other pointer is valid as long.
    unsafe { &*(*plugin.cast::<Corrected>()).framework }
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if plugin.is_null() || id.is_null() {
        return ptr::null();
    }
    // SAFETY: the host passes its plugin and a string. Extensions of the framework get by with the plugin's data, which
    // both plugins share.
    unsafe {
        if CStr::from_ptr(id) == CLAP_EXT_STATE {
            return (&raw const state::EXTENSION).cast();
        }
        let framework = framework(plugin);
        framework
            .get_extension
            .map_or(ptr::null(), |get_extension| get_extension(framework, id))
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
        (*plugin.cast::<Corrected>())
            .sample_rate_bits
            .store(sample_rate.to_bits(), Ordering::Relaxed);
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
    // SAFETY: the host passes its plugin and a block, whose events the framework reads before it returns.
    unsafe {
        let framework = framework(plugin);
        let Some(process_block) = framework.process else {
            return CLAP_PROCESS_ERROR;
        };
        let sample_rate_bits = (*plugin.cast::<Corrected>())
            .sample_rate_bits
            .load(Ordering::Relaxed);
        events::with_corrected_events(&*process, f64::from_bits(sample_rate_bits), |block| {
            process_block(framework, block)
        })
    }
}
