//! The kits that there are, one a file.

mod acoustic;
mod analog_808;
mod analog_909;

use crate::recipe::KitRecipe;

/// Every kit. Projects know them by their place in the list: new ones come at its end.
pub(crate) const KITS: [&KitRecipe; N_KITS] = [&acoustic::KIT, &analog_808::KIT, &analog_909::KIT];

/// How many kits there are.
pub const N_KITS: usize = 3;

/// The name of a kit.
#[must_use]
pub fn kit_name(kit: usize) -> &'static str {
    KITS[kit.min(N_KITS - 1)].name
}
