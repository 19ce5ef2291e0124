//! The host's side of CLAP's note ports: which notes it understands.
//!
//! clack-extensions (0.2) has one, but hands out a pointer to a pointer to its functions.

#![expect(
    unsafe_code,
    reason = "an extension is a table of foreign functions; this one is our own"
)]

use std::ffi::CStr;

use clack_extensions::note_ports::NoteDialects;
use clack_host::extensions::prelude::*;
use clack_host::prelude::MainThreadHandler;
use clap_sys::ext::note_ports::{CLAP_EXT_NOTE_PORTS, clap_host_note_ports};
use clap_sys::host::clap_host;

use super::Handlers;

/// Which notes the host understands, if it says so.
pub(super) struct Understands(pub(super) NoteDialects);

impl MainThreadHandler<'_> for Understands {}

/// The extension.
#[derive(Clone, Copy)]
pub(super) struct NotePorts;

// SAFETY: the type holds nothing, so it fits any pointer.
unsafe impl Extension for NotePorts {
    const IDENTIFIERS: &[&CStr] = &[CLAP_EXT_NOTE_PORTS];
    type ExtensionSide = HostExtensionSide;

    unsafe fn from_raw(_raw: RawExtension<Self::ExtensionSide>) -> Self {
        Self
    }
}

// SAFETY: this is the structure that CLAP states for the identifier.
unsafe impl ExtensionImplementation<Handlers> for NotePorts {
    const IMPLEMENTATION: RawExtensionImplementation =
        RawExtensionImplementation::new(&clap_host_note_ports {
            supported_dialects: Some(supported_dialects),
            rescan: Some(rescan),
        });
}

unsafe extern "C" fn supported_dialects(host: *const clap_host) -> u32 {
    // SAFETY: the plugin passes its host.
    let dialects =
        unsafe { HostWrapper::<Handlers>::handle_main_thread(host, |host| Ok(host.0.bits())) };
    dialects.unwrap()
}

unsafe extern "C" fn rescan(_host: *const clap_host, _flags: u32) {}
