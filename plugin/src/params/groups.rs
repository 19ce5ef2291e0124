//! The groups in which hosts and screen readers list the parameters: CLAP's modules and VST3's units. They are the pages of the
//! window, in its order.

use super::FourbarParams;
use nice_plug::prelude::{ParamPtr, Params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groups in the order in which they are listed; what is in none comes first.
const ORDER: [&str; 12] = [
    "", "Generate", "Play", "Fills", "Drums", "Slots", "Explore", "Feel", "Output", "Velocity",
    "Kit", "Input",
];

/// The parameters, each in its group.
pub struct Grouped(pub Arc<FourbarParams>);

#[expect(
    unsafe_code,
    reason = "the pointers are those of the parameters inside, which live as long as this"
)]
unsafe impl Params for Grouped {
    fn param_map(&self) -> Vec<(String, ParamPtr, String)> {
        let mut map = self.0.param_map();
        for (id, _, group) in &mut map {
            if let Some(wanted) = group_of(id) {
                wanted.clone_into(group);
            }
        }
        map.sort_by_key(|(.., group)| ORDER.iter().position(|known| known == group));
        map
    }

    fn serialize_fields(&self) -> BTreeMap<String, String> {
        self.0.serialize_fields()
    }

    fn deserialize_fields(&self, serialized: &BTreeMap<String, String>) {
        self.0.deserialize_fields(serialized);
    }
}

/// The group of a parameter by its id, where that is not the one of the struct that holds it.
fn group_of(id: &str) -> Option<&'static str> {
    match id {
        "temperature" | "seed" | "regenerate" | "apply_at" => Some("Generate"),
        "timing" | "velocity" | "feel_temperature" => Some("Feel"),
        "kit_level" | "midi_out" | "channel" | "drum_map" | "mute" => Some("Output"),
        _ if id.starts_with("latent_") => Some("Explore"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_but_the_bypass_is_in_a_group_and_the_axes_are_in_one() {
        let params = FourbarParams::new(Arc::default());
        let map = Grouped(params).param_map();
        for (id, _, group) in &map {
            assert!(ORDER.contains(&group.as_str()), "{id} is in {group}");
            assert_eq!(group.is_empty(), id == "bypass", "{id}");
        }
        let of_axes = map.iter().filter(|(id, ..)| id.starts_with("latent_"));
        let groups: Vec<&str> = of_axes.map(|(.., group)| group.as_str()).collect();
        assert_eq!(groups, ["Explore"; 8]);
        // Each group is listed in one piece.
        let mut listed: Vec<&str> = map.iter().map(|(.., group)| group.as_str()).collect();
        listed.dedup();
        assert_eq!(listed, ORDER);
    }
}
