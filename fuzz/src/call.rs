//! What a host may send with a block, whatever the format: any number where the format has a number.

use arbitrary::Arbitrary;

/// The longest block that is processed.
pub const MAX_BLOCK: u32 = 1024;

/// One call of the host's.
#[derive(Debug, Arbitrary)]
pub struct Call {
    n_samples: u16,
    pub transport: Option<Transport>,
    /// A transport that takes over inside the block, in CLAP.
    pub later: Option<(u16, Transport)>,
    /// Where in the block, which parameter, and its value.
    pub changes: Vec<(u16, u8, Value)>,
    pub notes: Vec<Note>,
}

/// The value of a parameter: a part of its largest, or whatever number.
#[derive(Debug, Arbitrary)]
pub enum Value {
    Inside(u16),
    Any(f64),
}

/// The start or the end of a note.
#[derive(Debug, Arbitrary)]
pub struct Note {
    pub offset: u16,
    pub is_on: bool,
    pub channel: i16,
    pub key: i16,
    pub velocity: f32,
}

/// What a host says about the song. Positions are in beats times 2^31, as in CLAP.
#[derive(Debug, Arbitrary)]
pub struct Transport {
    pub flags: u32,
    pub song_pos_beats: i64,
    pub tempo: f64,
    pub tempo_inc: f64,
    pub cycle: (i64, i64),
    pub bar_start: i64,
    pub bar_number: i32,
    pub time_signature: (u16, u16),
}

impl Call {
    /// The length of the block.
    #[must_use]
    pub fn n_samples(&self) -> u32 {
        1 + u32::from(self.n_samples) % MAX_BLOCK
    }

    /// A place inside the block.
    #[must_use]
    pub fn place(&self, offset: u16) -> u32 {
        u32::from(offset) % self.n_samples()
    }
}

impl Value {
    /// The value of a parameter that goes from 0 to `largest`.
    #[must_use]
    pub fn of(&self, largest: f64) -> f64 {
        match self {
            Self::Inside(part) => largest * f64::from(*part) / f64::from(u16::MAX),
            Self::Any(value) => *value,
        }
    }
}
