//! What a drummer would be told: which style, how busy, how hard, how much swing, ahead of the beat or behind it.

use super::finite_or;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// A style that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// What models call it.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
}

const fn style(id: &'static str, name: &'static str) -> Style {
    Style { id, name }
}

/// Every style. Projects and automation refer to their places in this list: others go to its end.
pub const STYLES: [Style; 18] = [
    style("afrobeat", "Afrobeat"),
    style("afrocuban", "Afro-Cuban"),
    style("blues", "Blues"),
    style("country", "Country"),
    style("dance", "Dance"),
    style("funk", "Funk"),
    style("gospel", "Gospel"),
    style("highlife", "Highlife"),
    style("hiphop", "Hip-hop"),
    style("jazz", "Jazz"),
    style("latin", "Latin"),
    style("middleeastern", "Middle Eastern"),
    style("neworleans", "New Orleans"),
    style("pop", "Pop"),
    style("punk", "Punk"),
    style("reggae", "Reggae"),
    style("rock", "Rock"),
    style("soul", "Soul"),
];

/// How the groove is to be played. The default leaves all to the model.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Play {
    /// Place in [`STYLES`]; `None` for any.
    pub style: Option<usize>,
    /// Sparse and plain at -1, busy and syncopated at 1.
    pub complexity: f32,
    /// Soft and on the quiet drums at -1, loud and on open hi-hats and cymbals at 1.
    pub intensity: f32,
    /// Straight at -1, swung at 1.
    pub swing: f32,
    /// Behind the beat at -1, ahead of it at 1.
    pub push: f32,
}

/// How far the ends of a control are from its middle, in standard deviations of the attributes that it moves.
const REACH: f32 = 2.0;

impl Play {
    /// The attributes of a model's music that are to change, by their names, and by how many standard deviations.
    pub fn moves(&self) -> impl Iterator<Item = (&'static str, f32)> {
        let moves = [
            ("density", self.complexity),
            ("weak_share", self.complexity),
            ("loudness", self.intensity),
            ("hat_openness", self.intensity),
            ("density_crash", self.intensity),
            ("swing", self.swing),
            ("push", self.push),
        ];
        let is_moved = |&(_, amount): &(&str, f32)| amount != 0.0;
        let scaled = moves.map(|(attribute, amount)| (attribute, REACH * amount));
        scaled.into_iter().filter(is_moved)
    }

    /// What models call the style that is asked for.
    #[must_use]
    pub fn style_id(&self) -> Option<&'static str> {
        Some(STYLES.get(self.style?)?.id)
    }

    /// With every amount in its range, and a style that there is.
    #[must_use]
    pub(super) fn in_range(self) -> Self {
        let amount = |amount: f32| finite_or(amount, 0.0).clamp(-1.0, 1.0);
        Self {
            style: self.style.filter(|&style| style < STYLES.len()),
            complexity: amount(self.complexity),
            intensity: amount(self.intensity),
            swing: amount(self.swing),
            push: amount(self.push),
        }
    }
}

impl Hash for Play {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            style,
            complexity,
            intensity,
            swing,
            push,
        } = *self;
        style.hash(state);
        [complexity, intensity, swing, push]
            .map(f32::to_bits)
            .hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groove_is_left_alone_unless_something_is_asked_for() {
        assert_eq!(Play::default().moves().count(), 0);
        assert_eq!(Play::default().style_id(), None);
    }

    #[test]
    fn complexity_is_hits_and_where_they_fall() {
        let busy = Play {
            complexity: 0.5,
            ..Play::default()
        };
        let moves: Vec<_> = busy.moves().collect();
        assert_eq!(moves, [("density", 1.0), ("weak_share", 1.0)]);
    }

    #[test]
    fn intensity_is_velocity_and_which_drums_play() {
        let soft = Play {
            intensity: -0.5,
            ..Play::default()
        };
        let moves: Vec<_> = soft.moves().collect();
        assert_eq!(
            moves,
            [
                ("loudness", -1.0),
                ("hat_openness", -1.0),
                ("density_crash", -1.0)
            ]
        );
    }

    #[test]
    fn nonsense_is_brought_into_range() {
        let wild = Play {
            style: Some(999),
            complexity: f32::NAN,
            intensity: 7.0,
            swing: -7.0,
            push: f32::INFINITY,
        };
        let tame = Play {
            style: None,
            complexity: 0.0,
            intensity: 1.0,
            swing: -1.0,
            push: 0.0,
        };
        assert_eq!(wild.in_range(), tame);
    }
}
