//! How long notes are sent.
//!
//! Also compiled into the build script, which reads it in the files of the drum maps.

use serde::{Deserialize, Serialize};

/// How long a drum's note is: so much of a bar of 4/4, or until something ends it. Whatever it is, a note ends where its
/// drum is struck again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NoteLength {
    /// 1/64: for what wants a trigger and nothing else.
    SixtyFourth,
    /// 1/32.
    ThirtySecond,
    /// 1/16.
    #[default]
    Sixteenth,
    /// 1/8.
    Eighth,
    /// 1/4, a beat.
    Quarter,
    /// 1/2.
    Half,
    /// 1/1.
    Whole,
    /// Until the drum is struck again or choked: for what sounds only while a key is held.
    UntilNextHit,
}

impl NoteLength {
    /// All of them, from the shortest to the longest.
    pub const ALL: [Self; 8] = [
        Self::SixtyFourth,
        Self::ThirtySecond,
        Self::Sixteenth,
        Self::Eighth,
        Self::Quarter,
        Self::Half,
        Self::Whole,
        Self::UntilNextHit,
    ];

    /// Permanent name in files, which is that for people too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SixtyFourth => "1/64",
            Self::ThirtySecond => "1/32",
            Self::Sixteenth => "1/16",
            Self::Eighth => "1/8",
            Self::Quarter => "1/4",
            Self::Half => "1/2",
            Self::Whole => "1/1",
            Self::UntilNextHit => "until next hit",
        }
    }

    /// The length with this name, if there is one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|length| length.name() == name)
    }

    /// In beats; infinite until the next hit.
    #[must_use]
    pub const fn beats(self) -> f64 {
        match self {
            Self::SixtyFourth => 0.0625,
            Self::ThirtySecond => 0.125,
            Self::Sixteenth => 0.25,
            Self::Eighth => 0.5,
            Self::Quarter => 1.0,
            Self::Half => 2.0,
            Self::Whole => 4.0,
            Self::UntilNextHit => f64::INFINITY,
        }
    }
}

impl TryFrom<String> for NoteLength {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::by_name(&name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("a note's length is \"{name}\", but can be {names}")
        })
    }
}

impl From<NoteLength> for String {
    fn from(length: NoteLength) -> Self {
        length.name().to_owned()
    }
}
