//! The crossing for what is played in: notes of one pass, from the audio thread to the editor.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Notes that can wait for the editor: more than anybody plays in 16 bars. Those beyond are lost.
const MAX_NOTES: usize = 4096;

/// How far the recording of a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Phase {
    /// Nothing is recorded.
    #[default]
    Off,
    /// It begins with the next pass of the groove.
    Armed,
    /// It ends with this pass.
    On,
}

/// A note that was played in, or the end of what is recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recorded {
    /// A note.
    Note {
        /// Its onset in the pass, in beats.
        beats: f64,
        /// Its MIDI key.
        key: u8,
        /// How hard, 0–1.
        velocity: f32,
    },
    /// The pass is over; this was its length in beats.
    End(f64),
}

/// Both ends; everybody holds it in an `Arc`. No method of the audio thread locks, waits or allocates.
#[derive(Debug)]
pub struct Recording {
    phase: AtomicU8,
    /// Whether what plays is heard while one records, and kept with what is recorded.
    pub overdub: AtomicBool,
    sender: Sender<Recorded>,
    receiver: Receiver<Recorded>,
}

impl Default for Recording {
    fn default() -> Self {
        let (sender, receiver) = bounded(MAX_NOTES);
        Self {
            phase: AtomicU8::new(Phase::Off as u8),
            overdub: AtomicBool::new(false),
            sender,
            receiver,
        }
    }
}

impl Recording {
    /// How far it is.
    pub fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Acquire);
        let all = [Phase::Off, Phase::Armed, Phase::On];
        all.into_iter()
            .find(|&known| known as u8 == phase)
            .unwrap_or_default()
    }

    /// Goes on to another phase.
    pub fn go_to(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Hands something to the editor. For the audio thread.
    pub fn send(&self, recorded: Recorded) {
        // Where there is no room, nobody has looked for thousands of notes.
        let _ = self.sender.try_send(recorded);
    }

    /// The next note or end. For the editor.
    pub fn receive(&self) -> Option<Recorded> {
        self.receiver.try_recv().ok()
    }
}
