//! Where a pattern comes from: the parameters, a slot, or between four slots.

use super::{finite_or, is_near};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// Slots of an instance.
pub const N_SLOTS: usize = 8;
/// Slots between which one can morph: the first ones.
pub const N_CORNERS: usize = 4;

/// Where a pattern comes from.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Source {
    /// What the other fields of the request say.
    #[default]
    Live,
    /// A groove that was [kept](super::Kept), by its id.
    Slot(u64),
    /// A place between four of them.
    Morph(Morph),
}

/// A place on the morph pad.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Morph {
    /// The ids of what is in the corners: A top left, B top right, C bottom left, D bottom right.
    pub corners: [u64; N_CORNERS],
    /// From left to right, 0 to 1.
    pub x: f32,
    /// From bottom to top, 0 to 1.
    pub y: f32,
}

impl Source {
    /// Whether it is what the parameters say.
    #[must_use]
    pub fn is_live(&self) -> bool {
        *self == Self::Live
    }

    /// Whether both are the same place.
    pub(super) fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Morph(a), Self::Morph(b)) => {
                a.corners == b.corners && is_near(&a.x, &b.x) && is_near(&a.y, &b.y)
            }
            _ => self == other,
        }
    }

    /// With every number in its range.
    pub(super) fn in_range(self) -> Self {
        let share = |share: f32| finite_or(share, 0.5).clamp(0.0, 1.0);
        match self {
            Self::Morph(Morph { corners, x, y }) => Self::Morph(Morph {
                corners,
                x: share(x),
                y: share(y),
            }),
            _ => self,
        }
    }
}

impl Morph {
    /// How much of each corner there is at the place, 0 to 1; together 1.
    #[must_use]
    pub fn weights(&self) -> [f32; N_CORNERS] {
        let Self { x, y, .. } = *self;
        [(1.0 - x) * y, x * y, (1.0 - x) * (1.0 - y), x * (1.0 - y)]
    }
}

impl Hash for Source {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Live => 0_u8.hash(state),
            Self::Slot(id) => (1_u8, id).hash(state),
            Self::Morph(Morph { corners, x, y }) => {
                (2_u8, corners, x.to_bits(), y.to_bits()).hash(state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_is_all_of_one_groove_and_the_middle_a_quarter_of_each() {
        let at = |x, y| {
            let corners = [1, 2, 3, 4];
            Morph { corners, x, y }.weights()
        };
        assert_eq!(at(0.0, 1.0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(1.0, 1.0), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(at(0.0, 0.0), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(at(1.0, 0.0), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(at(0.5, 0.5), [0.25; 4]);
    }
}
