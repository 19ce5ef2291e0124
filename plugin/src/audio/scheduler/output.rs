//! Where notes go, and those that sound there.

use super::Event;
use fourbar_model::drums::{Keys, Routing, Voice};

/// Where notes go. May change at any block; sounding notes end where they began.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// MIDI channel of the drums that have none of their own, 0–15.
    pub channel: u8,
    /// Which key each drum is on.
    pub keys: Keys,
    /// Channels of single drums, how long notes are, and which drums end each other's.
    pub routing: Routing,
    /// Whether notes are sent to the host; the preview kit plays them in any case.
    pub midi: bool,
}

impl Output {
    /// Key and channel of a drum.
    pub(super) fn address(&self, voice: Voice) -> (u8, u8) {
        let channel = self.routing.channel_or(voice, self.channel);
        (self.keys[voice.index()], channel)
    }
}

/// A note that has been switched on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sounding {
    pub(super) onset_beats: f64,
    pub(super) end_beats: f64,
    pub(super) voice: Voice,
    pub(super) pitch: u8,
    pub(super) channel: u8,
    pub(super) midi: bool,
}

impl Sounding {
    /// Its key and channel.
    pub(super) fn address(&self) -> (u8, u8) {
        (self.pitch, self.channel)
    }

    /// Its end, at sample `timing` of the block.
    pub(super) fn off(&self, timing: u32) -> Event {
        let Self {
            voice,
            pitch,
            channel,
            midi,
            ..
        } = *self;
        Event::NoteOff {
            timing,
            voice,
            pitch,
            channel,
            midi,
        }
    }
}
