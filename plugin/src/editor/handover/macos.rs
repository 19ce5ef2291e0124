//! Files for other programs on macOS: the pasteboard. Nothing is dragged: a dragging session takes the release of the button
//! from the window, which has to be tried on a Mac before anybody's host depends on it.

use super::Dropped;
use crate::editor::background::Background;
use crate::editor::export::Made;
use objc2::runtime::ProtocolObject;
use objc2_app_kit::NSPasteboard;
use objc2_foundation::{NSArray, NSURL};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Whether a drag can be begun here.
pub(in crate::editor) const CAN_DRAG: bool = false;

/// Refuses, as no drag can be begun.
pub(super) fn carry(
    file: Background<Made>,
    _host_window: usize,
    _is_welcome: &AtomicBool,
    _stop: &AtomicBool,
) -> Result<Dropped, String> {
    if let Some(Ok(made)) = file.end() {
        made.discard();
    }
    Err("Files cannot be dragged on this system: copy or export instead.".to_owned())
}

/// A file on the pasteboard, which on macOS stays there whatever becomes of the plugin.
#[derive(Debug)]
pub(in crate::editor) struct Clipboard;

impl Clipboard {
    /// Puts the file at `path` on the pasteboard.
    ///
    /// # Errors
    /// In words for the user.
    pub(in crate::editor) fn offer(path: &Path) -> Result<Self, String> {
        let refused = || format!("{} could not be copied. Export it instead.", path.display());
        let url = NSURL::from_file_path(path).ok_or_else(refused)?;
        let objects = NSArray::from_retained_slice(&[ProtocolObject::from_retained(url)]);
        let pasteboard = NSPasteboard::generalPasteboard();
        pasteboard.clearContents();
        if pasteboard.writeObjects(&objects) {
            Ok(Self)
        } else {
            Err(refused())
        }
    }
}
