//! Where the notes of drums go besides their keys, and what ends them.

use super::definition::{self, Definition};
use super::{N_VOICES, NoteLength, Voice};
use serde::{Deserialize, Serialize};

/// Channels of drums, how long their notes are, and which of them end each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Routing {
    /// The MIDI channel of each drum, 1–16, in the order of [`Voice::ALL`]; 0 for that of the whole kit.
    pub channels: [u8; N_VOICES],
    /// The choke group of each drum, from 1 on; 0 for none. A hit ends the notes of the other drums of its group that
    /// began before it, as closing a hi-hat ends the open one.
    pub chokes: [u8; N_VOICES],
    /// How long every note is.
    pub note_length: NoteLength,
}

/// [`Routing`] in a project, not checked yet.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Unchecked {
    channels: [u8; N_VOICES],
    chokes: [u8; N_VOICES],
    note_length: NoteLength,
}

impl TryFrom<Unchecked> for Routing {
    type Error = String;

    fn try_from(unchecked: Unchecked) -> Result<Self, String> {
        let Unchecked {
            channels,
            chokes,
            note_length,
        } = unchecked;
        let numbers = channels.iter().zip(&chokes);
        for (voice, (&channel, &choke)) in Voice::ALL.into_iter().zip(numbers) {
            let named = |number: u8| (number > 0).then_some(number);
            definition::check_route(voice.name(), named(channel), named(choke))?;
        }
        Ok(Self {
            channels,
            chokes,
            note_length,
        })
    }
}

impl Routing {
    /// All drums on the channel of the kit, each note a 16th, none choked: as if nothing was said.
    pub const PLAIN: Self = Self {
        channels: [0; N_VOICES],
        chokes: [0; N_VOICES],
        note_length: NoteLength::Sixteenth,
    };

    /// Whether it says nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::PLAIN
    }

    /// The MIDI channel of `voice`, 0–15, where the kit's is `of_kit`.
    #[must_use]
    pub fn channel_or(&self, voice: Voice, of_kit: u8) -> u8 {
        self.channels[voice.index()]
            .checked_sub(1)
            .unwrap_or(of_kit)
    }

    /// Whether a hit of `voice` ends the note of `other`, another drum, that began before it.
    #[must_use]
    pub fn chokes(&self, voice: Voice, other: Voice) -> bool {
        let group = self.chokes[voice.index()];
        group > 0 && group == self.chokes[other.index()]
    }
}

impl From<&Definition> for Routing {
    fn from(definition: &Definition) -> Self {
        Self {
            channels: definition.channels(),
            chokes: definition.chokes(),
            note_length: definition.note_length,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    #[test]
    fn a_saved_routing_returns_the_same_and_a_damaged_one_is_refused() {
        let mut routing = Routing::PLAIN;
        routing.channels[2] = 16;
        routing.chokes[3] = 4;
        routing.note_length = NoteLength::UntilNextHit;
        let text = serde_json::to_string(&routing).unwrap();
        assert_eq!(serde_json::from_str::<Routing>(&text).unwrap(), routing);
        assert_eq!(
            serde_json::from_str::<Routing>("{}").unwrap(),
            Routing::PLAIN
        );
        for (from, to, said) in [
            ("16", "17", "channel 17"),
            ("4", "5", "choke group 5"),
            ("until", "till", "1/64, 1/32"),
        ] {
            let damaged = serde_json::from_str::<Routing>(&text.replace(from, to));
            let problem = damaged.unwrap_err().to_string();
            assert!(problem.contains(said), "{problem}");
        }
    }

    #[test]
    fn a_drum_chokes_those_of_its_group_and_has_a_channel_of_its_own_or_the_kits() {
        let mut routing = Routing::PLAIN;
        assert!(
            !routing.chokes(Voice::ClosedHat, Voice::OpenHat),
            "no group"
        );
        routing.chokes[Voice::ClosedHat.index()] = 2;
        routing.chokes[Voice::OpenHat.index()] = 2;
        routing.chokes[Voice::Ride.index()] = 1;
        assert!(routing.chokes(Voice::ClosedHat, Voice::OpenHat));
        assert!(!routing.chokes(Voice::Ride, Voice::OpenHat));
        routing.channels[Voice::Ride.index()] = 1;
        let channels = [Voice::Kick, Voice::Ride].map(|voice| routing.channel_or(voice, 9));
        assert_eq!(channels, [9, 0]);
    }
}
