//! Which groove plays: the one that the other parameters ask for, one that was kept in a slot, or one between them.

use super::{FourbarParams, Maker, percent, share_of_percent};
use crate::request::{Kept, Metre, Morph, N_CORNERS, N_SLOTS, Source};
use crate::shared::Shared;
use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The value of the parameter *slot* at which the parameters are heard; 1 to [`N_SLOTS`] are slots.
pub const LIVE: i32 = 0;
/// The value at which the morph pad is heard.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "9"
)]
pub const MORPH: i32 = N_SLOTS as i32 + 1;

/// Which groove plays.
#[derive(Params)]
pub struct SlotsParams {
    /// [`LIVE`], a slot, or [`MORPH`].
    #[id = "slot"]
    pub slot: IntParam,
    /// From A and C to B and D.
    #[id = "morph_x"]
    pub morph_x: FloatParam,
    /// From C and D to A and B.
    #[id = "morph_y"]
    pub morph_y: FloatParam,
    /// What was kept.
    #[persist = "slots"]
    pub kept: SlotsField,
}

impl SlotsParams {
    pub(super) fn new(make: &Maker, shared: Arc<Shared>) -> Self {
        let share = |name, pick: fn(&FourbarParams) -> &FloatParam| {
            make.float(name, 0.5, 0.0, 1.0, pick)
                .with_unit(" %")
                .with_value_to_string(Arc::new(percent))
                .with_string_to_value(Arc::new(share_of_percent))
        };
        let range = IntRange::Linear {
            min: LIVE,
            max: MORPH,
        };
        Self {
            slot: IntParam::new("Slot", LIVE, range)
                .with_value_to_string(Arc::new(name))
                .with_string_to_value(Arc::new(value_of_name)),
            morph_x: share("Morph X", |params| &params.slots.morph_x),
            morph_y: share("Morph Y", |params| &params.slots.morph_y),
            kept: SlotsField(shared),
        }
    }

    /// What plays: the parameter's value, or what a key chose since.
    #[must_use]
    pub fn value(&self) -> i32 {
        let by_key = self.kept.0.slot_by_key.load(Ordering::Relaxed);
        if by_key >= LIVE {
            by_key
        } else {
            self.slot.value()
        }
    }

    /// Lets a key choose another slot, until the parameter changes.
    pub fn choose_by_key(&self, value: i32) {
        let value = value.clamp(LIVE, MORPH);
        self.kept.0.slot_by_key.store(value, Ordering::Relaxed);
    }

    /// Lets the parameter count again.
    pub fn forget_key(&self) {
        self.kept.0.slot_by_key.store(-1, Ordering::Relaxed);
    }

    /// The host's metre.
    #[must_use]
    pub fn metre(&self) -> Metre {
        self.kept.0.metre()
    }

    /// Where the pattern comes from. An empty slot plays what the parameters say, and an empty corner what is in the first
    /// one that is not.
    #[must_use]
    pub fn source(&self) -> Source {
        let ids = self.kept.0.slot_ids();
        let value = self.value();
        if value == MORPH {
            let corners: [u64; N_CORNERS] = std::array::from_fn(|corner| ids[corner]);
            let Some(first) = corners.into_iter().find(|&id| id != 0) else {
                return Source::Live;
            };
            return Source::Morph(Morph {
                corners: corners.map(|id| if id == 0 { first } else { id }),
                x: self.morph_x.value(),
                y: self.morph_y.value(),
            });
        }
        let slot = usize::try_from(value - 1).ok();
        match slot.and_then(|slot| ids.get(slot)) {
            Some(&id) if id != 0 => Source::Slot(id),
            _ => Source::Live,
        }
    }
}

/// The value of the parameter *slot* for a slot, counted from 0.
#[must_use]
pub fn slot_value(slot: usize) -> i32 {
    i32::try_from(slot + 1).unwrap_or(LIVE)
}

fn name(value: i32) -> String {
    match value {
        LIVE => "Live".to_owned(),
        MORPH => "Morph".to_owned(),
        slot => slot.to_string(),
    }
}

fn value_of_name(text: &str) -> Option<i32> {
    let text = text.trim();
    (LIVE..=MORPH).find(|&value| name(value).eq_ignore_ascii_case(text))
}

/// The persisted slots: what [`Shared`] holds for the worker anyway.
pub struct SlotsField(Arc<Shared>);

/// Slots on their way to or from a project file.
pub struct SavedSlots {
    slots: [Option<Arc<Kept>>; N_SLOTS],
    /// What is wrong with those that could not be read.
    problem: Option<String>,
}

impl Serialize for SavedSlots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.slots.iter().map(Option::as_deref))
    }
}

impl<'de> Deserialize<'de> for SavedSlots {
    /// Never fails on well-formed text: a slot that is damaged is reported, and takes no other with it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let mut saved = Self {
            slots: std::array::from_fn(|_| None),
            problem: None,
        };
        let values = value.as_array().map_or(&[][..], Vec::as_slice);
        for (slot, value) in values.iter().take(N_SLOTS).enumerate() {
            match serde_json::from_value::<Option<Kept>>(value.clone()) {
                Ok(kept) => saved.slots[slot] = kept.map(Arc::new),
                Err(error) => saved.problem = Some(format!("slot {}: {error}", slot + 1)),
            }
        }
        Ok(saved)
    }
}

impl PersistentField<'_, SavedSlots> for SlotsField {
    fn set(&self, saved: SavedSlots) {
        self.0.restore_slots(saved.slots, saved.problem);
    }

    fn map<F: Fn(&SavedSlots) -> R, R>(&self, f: F) -> R {
        let slots = self.0.snapshot().slots.clone();
        f(&SavedSlots {
            slots,
            problem: None,
        })
    }
}
