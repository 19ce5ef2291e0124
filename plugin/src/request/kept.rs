//! A groove that was kept in a slot: what is heard, and what it takes to go on working on it.

use super::{Input, Locks, Ready, Source, id_of, to_bytes};
use serde::{Deserialize, Serialize};

/// A groove that was kept. The pattern is saved whole, so that it plays wherever the model is not at hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedKept")]
pub struct Kept {
    ready: Ready,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Input>,
    locks: Option<Locks>,
}

/// [`Kept`] in a project, not checked yet.
#[derive(Deserialize)]
struct SavedKept {
    ready: Ready,
    input: Option<Input>,
    locks: Option<Locks>,
}

impl TryFrom<SavedKept> for Kept {
    type Error = String;

    fn try_from(saved: SavedKept) -> Result<Self, String> {
        let SavedKept {
            ready,
            input,
            locks,
        } = saved;
        ready.check()?;
        if !ready.request.source.is_live() {
            return Err("it is a slot within a slot".to_owned());
        }
        Ok(Self {
            ready,
            input,
            locks,
        })
    }
}

impl Kept {
    /// The pattern of `ready`, made of `input` and around `locks`. What comes from between slots becomes a groove of its own, all of which
    /// stays until something else is asked for.
    #[must_use]
    pub fn of(ready: &Ready, input: Option<&Input>, locks: Option<&Locks>) -> Self {
        let mut ready = ready.clone();
        if ready.request.source.is_live() {
            let locks = locks.filter(|locks| locks.id() == ready.request.locks);
            let input = input.filter(|input| input.id() == ready.request.input);
            return Self {
                ready,
                input: input.cloned(),
                locks: locks.cloned(),
            };
        }
        ready.request.source = Source::Live;
        let locks = Locks::of(&ready, None);
        ready.request.locks = locks.id();
        Self {
            ready,
            input: None,
            locks: Some(locks),
        }
    }

    /// The same groove with all of it locked, so that it stays whatever model plays.
    #[must_use]
    pub fn frozen(&self) -> Self {
        let mut ready = self.ready.clone();
        let mut locks = Locks::of(&ready, None);
        locks.toggle(|_, _| true);
        ready.request.locks = locks.id();
        ready.request.input = 0;
        Self {
            ready,
            input: None,
            locks: Some(locks),
        }
    }

    /// The pattern, as the request in it makes it.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// What it was made of.
    #[must_use]
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// What it was drawn around.
    #[must_use]
    pub fn locks(&self) -> Option<&Locks> {
        self.locks.as_ref()
    }

    /// What names it in a request; never 0.
    #[must_use]
    pub fn id(&self) -> u64 {
        id_of(&to_bytes(self))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::{Morph, N_LATENT, Request};
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::{Cell, Groove};

    fn ready(source: Source) -> Ready {
        let mut groove = Groove::empty(16);
        let cell = Cell {
            velocity: 0.5,
            offset: 0.25,
        };
        groove.set(4, Voice::Snare, Some(cell));
        Ready {
            request: Request {
                source,
                ..Request::new(7, 0, 1.0, [0.0; N_LATENT])
            },
            checkpoint_id: "test".to_owned(),
            pattern: groove.to_pattern(),
            groove: None,
            n_passes: 1,
        }
    }

    #[test]
    fn what_is_kept_is_saved_as_it_is_and_named_by_its_contents() {
        let kept = Kept::of(&ready(Source::Live), None, None);
        let text = serde_json::to_string(&kept).unwrap();
        let again: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!((again.id(), &again), (kept.id(), &kept));
        let mut other = ready(Source::Live);
        other.request.seed = 8;
        assert_ne!(Kept::of(&other, None, None).id(), kept.id());
        let nested = text.replacen("\"locks\":0", "\"locks\":0,\"source\":{\"Slot\":5}", 1);
        assert_ne!(nested, text);
        assert!(serde_json::from_str::<Kept>(&nested).is_err());
    }

    #[test]
    fn a_frozen_groove_is_the_same_and_locked() {
        let kept = Kept::of(&ready(Source::Live), None, None);
        let frozen = kept.frozen();
        let locks = frozen.locks().unwrap();
        assert!(locks.all_locked(|_, _| true));
        assert_eq!(locks.groove(), kept.ready().plain_groove());
        assert_eq!(frozen.ready().request.locks, locks.id());
    }

    #[test]
    fn what_is_between_slots_is_kept_as_a_groove_of_its_own() {
        let morph = Morph {
            corners: [1, 2, 3, 4],
            x: 0.3,
            y: 0.7,
        };
        let between = ready(Source::Morph(morph));
        let kept = Kept::of(&between, None, None);
        let request = &kept.ready().request;
        assert!(request.source.is_live());
        let locks = kept.locks().unwrap();
        assert!(request.locks == locks.id() && locks.hold(request, "test"));
        assert_eq!(locks.groove(), between.plain_groove());
    }
}
