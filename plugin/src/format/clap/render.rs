//! The CLAP render extension. The framework's (nice-plug 0.2.3) tells the plugin of another mode only when the host has
//! restarted it; ours tells it at once.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts pass pointers, and its contract says which are valid"
)]

use super::corrected;
use clap_sys::ext::render::{
    CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render, clap_plugin_render_mode,
};
use nice_plug::wrapper::clap::clap_plugin;

/// What a host gets for the render extension.
pub(super) static EXTENSION: clap_plugin_render = clap_plugin_render {
    has_hard_realtime_requirement: Some(has_hard_realtime_requirement),
    set: Some(set),
};

unsafe extern "C" fn has_hard_realtime_requirement(_plugin: *const clap_plugin) -> bool {
    false
}

unsafe extern "C" fn set(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    let is_offline = match mode {
        CLAP_RENDER_REALTIME => false,
        CLAP_RENDER_OFFLINE => true,
        _ => return false,
    };
    if plugin.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin.
    unsafe { corrected(plugin) }.border.set_offline(is_offline);
    true
}
