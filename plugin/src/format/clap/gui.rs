//! The CLAP GUI extension. The framework's (nice-plug 0.2.3) answers `show` with a failure, although its editors are
//! shown as soon as they have a parent.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts pass pointers, and its contract says which are valid"
)]

use clap_sys::ext::gui::clap_plugin_gui;
use nice_plug::wrapper::clap::clap_plugin;
use std::ffi::c_void;
use std::sync::OnceLock;

/// What a host gets for the GUI extension: the framework's functions, which are the same for all instances, but for one.
pub(super) fn extension(framework: &clap_plugin_gui) -> *const c_void {
    static EXTENSION: OnceLock<clap_plugin_gui> = OnceLock::new();
    let extension = EXTENSION.get_or_init(|| clap_plugin_gui {
        show: Some(show),
        ..*framework
    });
    std::ptr::from_ref(extension).cast()
}

unsafe extern "C" fn show(plugin: *const clap_plugin) -> bool {
    !plugin.is_null()
}
