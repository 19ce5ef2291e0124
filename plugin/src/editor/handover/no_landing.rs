//! Where files cannot be dropped on the window: on Windows and macOS.

use std::path::PathBuf;

/// Takes no files: egui-baseview 0.6 keeps to itself what is dropped on its window.
#[derive(Debug)]
pub(in crate::editor) enum Landing {}

impl Landing {
    /// No landing.
    pub(in crate::editor) fn open(
        _: usize,
        _: impl Fn(Vec<PathBuf>) + Send + 'static,
    ) -> Option<Self> {
        None
    }
}
