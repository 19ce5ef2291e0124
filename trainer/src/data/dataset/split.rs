//! What the files of a data set are used for.

use serde::{Deserialize, Serialize};

/// What a file is used for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// The network learns from these.
    Train,
    /// Decides which checkpoint is kept.
    Validation,
    /// Seen by nobody before the final figures.
    Test,
}

impl Split {
    /// Every split, in the usual order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The word for it in `info.csv`, on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The split of a file that no index lists, from the SHA-256 of what stays the same in its copies.
    pub(super) fn of_content(sha256: &[u8; 32]) -> Self {
        match sha256[..8].iter().fold(0, |remainder, &byte| {
            (remainder * 256 + u32::from(byte)) % 10
        }) {
            0..8 => Self::Train,
            8 => Self::Validation,
            _ => Self::Test,
        }
    }
}
