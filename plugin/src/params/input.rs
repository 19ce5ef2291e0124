//! What notes that come in do.

use crate::request::N_SLOTS;
use nice_plug::prelude::*;

/// What notes that come in do.
#[derive(Params)]
pub struct InputParams {
    /// Whether they play the kit.
    #[id = "input_heard"]
    pub heard: BoolParam,
    /// Whether the lowest keys work the plugin; see [`KeyAction`].
    #[id = "input_keys"]
    pub keys: BoolParam,
}

impl InputParams {
    pub(super) fn new() -> Self {
        Self {
            heard: BoolParam::new("Input plays the kit", true),
            keys: BoolParam::new("Input keys", false),
        }
    }
}

/// What a key does where *input keys* is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Another groove.
    Regenerate,
    /// A fill at once.
    Fill,
    /// The slot before.
    PreviousSlot,
    /// The slot after.
    NextSlot,
    /// Play or stop while the host is stopped.
    StartStop,
    /// A slot, counted from 0.
    Slot(usize),
}

/// The first of the keys that work the plugin, and that of the first slot: below all drums.
const FIRST_ACTION: u8 = 12;
const FIRST_SLOT: u8 = 24;

impl KeyAction {
    /// What a MIDI key does, if it does anything.
    #[must_use]
    pub fn of(key: u8) -> Option<Self> {
        let actions = [
            Self::Regenerate,
            Self::Fill,
            Self::PreviousSlot,
            Self::NextSlot,
            Self::StartStop,
        ];
        let place = |first: u8| key.checked_sub(first).map(usize::from);
        let slot = place(FIRST_SLOT)
            .filter(|&slot| slot < N_SLOTS)
            .map(Self::Slot);
        slot.or_else(|| actions.get(place(FIRST_ACTION)?).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_below_the_drums_work_the_plugin() {
        assert_eq!(KeyAction::of(11), None);
        assert_eq!(KeyAction::of(12), Some(KeyAction::Regenerate));
        assert_eq!(KeyAction::of(16), Some(KeyAction::StartStop));
        assert_eq!(KeyAction::of(17), None);
        assert_eq!(KeyAction::of(24), Some(KeyAction::Slot(0)));
        assert_eq!(KeyAction::of(31), Some(KeyAction::Slot(7)));
        assert_eq!(KeyAction::of(36), None);
    }
}
