//! What a model can be asked for, and what its latent axes change, in words for the editor.

use crate::request::N_LATENT;
use fourbar_model::attributes::AttributeVector;
use fourbar_model::checkpoint::Metadata;
use fourbar_model::latent::LatentMap;
use std::collections::{BTreeMap, BTreeSet};

/// The attributes that complexity and intensity change.
pub const ENERGY: [&str; 5] = [
    "density",
    "weak_share",
    "loudness",
    "hat_openness",
    "density_crash",
];

/// What a model can be asked for besides a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Abilities {
    /// The styles that it knows, as it calls them.
    pub styles: Vec<String>,
    /// The attributes of its music that can be changed.
    pub attributes: Vec<String>,
    /// Whether it draws the feel apart from the hits, around parts that are known, and knows what a fill is.
    pub completes: bool,
    /// What each latent axis changes most, such as "more open hats", each something else; empty where that is not known.
    pub axes: [String; N_LATENT],
}

impl Abilities {
    /// Those of a checkpoint.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            styles: metadata.config.styles.clone(),
            attributes: metadata.attributes.keys().cloned().collect(),
            completes: metadata.config.takes_known(),
            axes: names(&metadata.latent, &metadata.attributes),
        }
    }

    /// Whether all these attributes can be changed.
    #[must_use]
    pub fn moves(&self, attributes: &[&str]) -> bool {
        let is_known = |attribute: &&str| self.attributes.iter().any(|known| known == attribute);
        attributes.iter().all(is_known)
    }
}

/// Attributes by what people call more and less of them.
const WORDS: [(&str, &str, &str); 18] = [
    ("density", "busier", "sparser"),
    ("weak_share", "more 16ths", "fewer 16ths"),
    ("syncopation_16th", "more syncopated", "less syncopated"),
    ("syncopation_8th", "more off-beats", "fewer off-beats"),
    ("hat_openness", "more open hats", "fewer open hats"),
    ("density_kick", "more kick", "less kick"),
    ("density_snare", "more snare", "less snare"),
    ("density_closed_hat", "more hi-hat", "less hi-hat"),
    ("density_open_hat", "more open hats", "fewer open hats"),
    ("density_low_tom", "more low tom", "less low tom"),
    ("density_mid_tom", "more mid tom", "less mid tom"),
    ("density_high_tom", "more high tom", "less high tom"),
    ("density_crash", "more crashes", "fewer crashes"),
    ("density_ride", "more ride", "less ride"),
    ("swing", "more swing", "straighter"),
    ("push", "ahead of the beat", "laid back"),
    ("loudness", "louder", "softer"),
    ("dynamics", "more dynamics", "more even"),
];

/// What each axis changes most, in its own standard deviations: the attribute whose vector is longest along it, of those that
/// no other axis changes more.
fn names(latent: &LatentMap, attributes: &BTreeMap<String, AttributeVector>) -> [String; N_LATENT] {
    let axes = latent.axes.iter().zip(&latent.spreads).take(N_LATENT);
    let mut changes: Vec<_> = axes
        .enumerate()
        .flat_map(|(axis, (direction, spread))| {
            WORDS.iter().filter_map(move |word| {
                let vector = &attributes.get(word.0)?.vector;
                let products = vector.iter().zip(direction);
                let along: f32 = products
                    .map(|(of_vector, of_axis)| of_vector * of_axis)
                    .sum();
                Some((axis, word, along / spread))
            })
        })
        .collect();
    changes.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
    let mut names: [String; N_LATENT] = Default::default();
    let mut named = BTreeSet::new();
    for (axis, (attribute, more, less), along) in changes {
        if names[axis].is_empty() && named.insert(attribute) {
            let name = if along > 0.0 { more } else { less };
            names[axis] = (*name).to_owned();
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::checkpoints;
    use crate::inference::models::{BuiltIn, Choice};
    use crate::request::{Play, Request, STYLES};
    use fourbar_model::attributes;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Groove;

    fn of(model: BuiltIn) -> Abilities {
        let engine =
            checkpoints::engine(&Choice::BuiltIn(model)).expect("it is in the plugin file");
        engine.identity().abilities.clone()
    }

    #[test]
    fn the_plugins_own_model_can_be_asked_for_everything() {
        let fourbar = of(BuiltIn::Fourbar);
        let known = STYLES.map(|style| style.id);
        assert_eq!(fourbar.styles, known);
        assert!(fourbar.completes);
        assert!(fourbar.moves(&["density", "weak_share", "swing", "push"]));
        assert!(fourbar.moves(&["loudness", "hat_openness", "density_crash"]));
        let names: BTreeSet<_> = fourbar.axes.iter().collect();
        assert!(names.len() == N_LATENT && !names.contains(&String::new()));
    }

    /// Grooves that the plugin's own model plays when asked for `play`.
    fn grooves(play: Play) -> Vec<Groove> {
        let mut engine = checkpoints::engine(&Choice::default()).expect("it is in the plugin file");
        let of_seed = |seed| {
            let request = Request {
                play,
                ..Request::new(seed, 0, 1.0, [0.0; N_LATENT])
            };
            let made = engine.make(&request, None, None).expect("it plays");
            Groove::from_pattern(&made.pattern)
        };
        (0..16).map(of_seed).collect()
    }

    type Measure = fn(&Groove) -> Option<f64>;

    /// What `measure` says of the grooves on average.
    fn mean(grooves: &[Groove], measure: Measure) -> f64 {
        let measured = grooves.iter().map(|groove| measure(groove).unwrap_or(0.0));
        measured.sum::<f64>() / 16.0
    }

    #[test]
    fn every_control_moves_what_it_is_named_after() {
        let open_hats: Measure = |groove| Some(attributes::density_of(groove, Voice::OpenHat));
        let crashes: Measure = |groove| Some(attributes::density_of(groove, Voice::Crash));
        // What each control moves, and by how much at least from one of its ends to the other.
        type Control<'a> = (fn(&mut Play) -> &mut f32, &'a [(Measure, f64)]);
        let controls: [Control<'_>; 4] = [
            (|play| &mut play.complexity, &[(attributes::density, 0.5)]),
            (
                |play| &mut play.intensity,
                &[
                    (attributes::loudness, 0.15),
                    (open_hats, 0.03),
                    (crashes, 0.006),
                ],
            ),
            (|play| &mut play.swing, &[(attributes::swing, 0.1)]),
            (|play| &mut play.push, &[(attributes::push, 0.1)]),
        ];
        let auto = grooves(Play::default());
        for (index, (control, moved)) in controls.into_iter().enumerate() {
            let [less, more] = [-1.0, 1.0].map(|amount| {
                let mut play = Play::default();
                *control(&mut play) = amount;
                grooves(play)
            });
            for &(measure, difference) in moved {
                let [less, auto, more] = [&less, &auto, &more].map(|of| mean(of, measure));
                assert!(less < auto && auto < more, "{index}: {less} {auto} {more}");
                assert!(more - less > difference, "{index}: {less} {auto} {more}");
            }
        }
    }

    #[test]
    fn a_style_is_heard() {
        let ride = |groove: &Groove| Some(attributes::density_of(groove, Voice::Ride));
        let [jazz, hiphop] = ["jazz", "hiphop"].map(|id| {
            let style = STYLES.iter().position(|style| style.id == id);
            let play = Play {
                style,
                ..Play::default()
            };
            mean(&grooves(play), ride)
        });
        assert!(jazz > 1.5 * hiphop, "{jazz} and {hiphop}");
    }

    #[test]
    fn a_model_of_before_can_be_asked_for_less() {
        let magentas = of(BuiltIn::Groovae4Bar);
        assert!(magentas.styles.is_empty() && !magentas.completes);
        assert!(!magentas.moves(&["loudness"]));
    }

    #[test]
    fn an_axis_is_named_after_what_lies_along_it_and_along_no_other_more() {
        let vector = |vector: [f32; 2]| AttributeVector {
            vector: vector.to_vec(),
            bottom: 0.0,
            top: 1.0,
            mean: 0.5,
            deviation: 0.3,
            n_sequences: 9,
        };
        let attributes = BTreeMap::from([
            ("density".to_owned(), vector([0.5, 0.1])),
            ("swing".to_owned(), vector([-0.9, 0.2])),
        ]);
        let latent = LatentMap {
            mean: vec![0.0; 2],
            axes: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
            spreads: vec![1.0, 1.0],
            styles: BTreeMap::new(),
            prior: None,
        };
        let names = names(&latent, &attributes);
        assert_eq!(names[..3], ["straighter", "busier", ""]);
    }
}
