//! What can go wrong in this crate.

/// An error of this crate; its text names the place and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A MIDI file that cannot be read.
    #[error("not a readable MIDI file, at byte {position}: {problem}")]
    Midi {
        /// Offset into the file, in bytes.
        position: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A MIDI file that can be read, but holds no groove.
    #[error("{0}")]
    Song(String),
    /// A configuration that no model can have; the text names the key.
    #[error("{0}")]
    Config(String),
    /// A checkpoint that cannot be used.
    #[error("{origin}: {problem}")]
    Checkpoint {
        /// File name, or where else the bytes came from.
        origin: String,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// Something was asked of a model that it cannot do.
    #[error("{0}")]
    Request(String),
    /// A tensor operation that failed: a device that ran out of memory or disappeared.
    #[cfg(feature = "network")]
    #[error("the tensor library failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
