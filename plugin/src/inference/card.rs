//! What a model says of itself, for people: the card in the menu of models.

use crate::inference::abilities::{Abilities, ENERGY};
use fourbar_model::checkpoint::Metadata;
use fourbar_model::groove::STEPS_PER_BAR;

/// A model's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What each line is about, and what it says.
    pub lines: Vec<(&'static str, String)>,
}

impl Card {
    /// The card of a checkpoint.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let data = &metadata.dataset;
        let n_bars = metadata.config.n_steps.div_ceil(STEPS_PER_BAR);
        let mut lines = vec![
            ("Plays", bars(n_bars)),
            ("Takes", abilities(&Abilities::of(metadata))),
            (
                "Learned",
                format!("{}, {} steps of training", data.name, metadata.step),
            ),
            ("Licence", data.licence.clone()),
        ];
        let others = [
            ("Data by", &data.attribution),
            ("Made with", &metadata.command),
        ];
        let others = others.into_iter().filter(|(_, text)| !text.is_empty());
        lines.extend(others.map(|(about, text)| (about, text.clone())));
        Self { lines }
    }
}

fn bars(n_bars: usize) -> String {
    if n_bars == 1 {
        "one bar".to_owned()
    } else {
        format!("{n_bars} bars")
    }
}

/// What the model can be asked for, in the words of the controls.
fn abilities(abilities: &Abilities) -> String {
    let of_attributes = [
        (ENERGY.as_slice(), "energy"),
        (&["swing"], "swing"),
        (&["push"], "push"),
    ];
    let n_styles = abilities.styles.len();
    let mut words: Vec<String> = Vec::new();
    if n_styles > 0 {
        words.push(format!("{n_styles} styles"));
    }
    for (attributes, word) in of_attributes {
        if abilities.moves(attributes) {
            words.push(word.to_owned());
        }
    }
    if abilities.completes {
        words.extend(["fills", "variation", "locks", "a rhythm put in"].map(str::to_owned));
    }
    if words.is_empty() {
        "nothing but a seed, a temperature and a place to explore".to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use crate::inference::checkpoints;
    use crate::inference::models::{BuiltIn, Choice};

    fn line(model: BuiltIn, about: &str) -> String {
        let card = checkpoints::card(&Choice::BuiltIn(model)).unwrap();
        let mut lines = card.lines.into_iter();
        lines.find(|(name, _)| *name == about).unwrap().1
    }

    #[test]
    fn a_card_says_what_a_model_takes_and_what_it_learned_from() {
        let fourbar = BuiltIn::Fourbar;
        assert_eq!(line(fourbar, "Plays"), "4 bars");
        assert_eq!(
            line(fourbar, "Takes"),
            "18 styles, energy, swing, push, fills, variation, locks, a rhythm put in"
        );
        assert!(line(fourbar, "Learned").starts_with("Groove MIDI Dataset 1.0.0, 3610 steps"));
        assert_eq!(line(fourbar, "Licence"), "CC BY 4.0");
        assert!(line(fourbar, "Data by").contains("Jon Gillick"));
        assert!(line(fourbar, "Made with").starts_with("fourbar train --preset fourbar"));
        let magentas = line(BuiltIn::Groovae4Bar, "Takes");
        assert!(
            !magentas.contains("styles") && !magentas.contains("fills"),
            "{magentas}"
        );
    }

    #[test]
    fn a_model_that_is_not_there_has_no_card() {
        let problem = checkpoints::card(&Choice::in_file("gone.safetensors")).unwrap_err();
        assert!(problem.contains("gone.safetensors"), "{problem}");
    }
}
