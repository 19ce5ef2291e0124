//! What an exported file is to be: choices that a project keeps and nobody automates.

use crate::request::Ready;
use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The most passes of the groove that a file can be asked to hold.
pub const MAX_PASSES: u8 = 16;

/// A kind of file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// The notes.
    #[default]
    Midi,
    /// The kit's sound.
    Wav,
}

impl FileKind {
    /// What file names of the kind end in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Midi => "mid",
            Self::Wav => "wav",
        }
    }
}

/// Choices for exported files. Every value is atomic.
#[derive(Debug, Default)]
pub struct ExportChoices {
    is_sound: AtomicBool,
    /// 0 for as many as it takes until everything repeats.
    n_passes: AtomicU8,
    /// Whether the plugin falls silent once its file was dropped into another program, which plays it from now on.
    pub mutes: AtomicBool,
}

impl ExportChoices {
    /// The kind of file.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        if self.is_sound.load(Ordering::Relaxed) {
            FileKind::Wav
        } else {
            FileKind::Midi
        }
    }

    /// Chooses a kind of file.
    pub fn choose_kind(&self, kind: FileKind) {
        self.is_sound
            .store(kind == FileKind::Wav, Ordering::Relaxed);
    }

    /// Passes of the groove that a file holds; `None` for as many as it takes until everything repeats.
    #[must_use]
    pub fn n_passes(&self) -> Option<u8> {
        Some(self.n_passes.load(Ordering::Relaxed)).filter(|&n_passes| n_passes > 0)
    }

    /// Chooses how many passes.
    pub fn choose_passes(&self, n_passes: Option<u8>) {
        let n_passes = n_passes.unwrap_or(0).min(MAX_PASSES);
        self.n_passes.store(n_passes, Ordering::Relaxed);
    }

    /// How long a file of `ready` is, in beats.
    #[must_use]
    pub fn length_beats(&self, ready: &Ready) -> f64 {
        match self.n_passes() {
            None => ready.pattern.loop_beats(),
            Some(n_passes) => f64::from(n_passes) * ready.pass_beats(),
        }
    }
}

/// [`ExportChoices`] in a project.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedExport {
    kind: FileKind,
    passes: Option<u8>,
    mutes: bool,
}

impl PersistentField<'_, SavedExport> for ExportChoices {
    fn set(&self, saved: SavedExport) {
        self.choose_kind(saved.kind);
        self.choose_passes(saved.passes);
        self.mutes.store(saved.mutes, Ordering::Relaxed);
    }

    fn map<F: Fn(&SavedExport) -> R, R>(&self, f: F) -> R {
        f(&SavedExport {
            kind: self.kind(),
            passes: self.n_passes(),
            mutes: self.mutes.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    #[test]
    fn choices_come_back_and_are_within_their_range() {
        let (saved, restored) = (ExportChoices::default(), ExportChoices::default());
        saved.choose_kind(FileKind::Wav);
        saved.choose_passes(Some(3));
        saved.mutes.store(true, Ordering::Relaxed);
        let text = saved.map(|saved| serde_json::to_string(saved).unwrap());
        restored.set(serde_json::from_str(&text).unwrap());
        assert_eq!(
            (restored.kind(), restored.n_passes()),
            (FileKind::Wav, Some(3))
        );
        assert!(restored.mutes.load(Ordering::Relaxed));
        for (passes, expected) in [("null", None), ("0", None), ("200", Some(MAX_PASSES))] {
            let text = format!(r#"{{"passes": {passes}}}"#);
            restored.set(serde_json::from_str(&text).unwrap());
            assert_eq!(restored.n_passes(), expected);
        }
        assert_eq!(restored.kind(), FileKind::Midi);
    }
}
