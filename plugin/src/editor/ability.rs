//! Controls that the chosen model has no use for: drawn dim, with a sentence that says why and what to do.

use super::help::Help as _;
use crate::inference::abilities::Abilities;
use egui::{Rect, Sense, Ui, UiBuilder};

/// What a control needs of a model.
#[derive(Debug, Clone, Copy)]
pub(super) enum Need {
    /// It knows styles.
    Styles,
    /// Attributes of its music can be changed.
    Attributes(&'static [&'static str]),
    /// It draws the feel apart from the hits, and around parts that are known.
    Completion,
}

impl Need {
    /// Why a control that has this need cannot be used; `None` if it can. A model that is not loaded yet can do all.
    fn problem(self, abilities: Option<&Abilities>, control: &str) -> Option<String> {
        let abilities = abilities?;
        let is_met = match self {
            Self::Styles => !abilities.styles.is_empty(),
            Self::Attributes(attributes) => abilities.moves(attributes),
            Self::Completion => abilities.completes,
        };
        (!is_met).then(|| {
            format!(
                "{control} does nothing with this model, which has not learned it. Choose the model fourbar at the top right."
            )
        })
    }
}

/// Draws the control in `rect` with `show`: dim and out of reach if the model lacks what it needs.
pub(super) fn needing(
    ui: &mut Ui,
    rect: Rect,
    need: Need,
    abilities: Option<&Abilities>,
    control: &str,
    show: impl FnOnce(&mut Ui),
) {
    let Some(problem) = need.problem(abilities, control) else {
        return show(ui);
    };
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.disable();
    show(&mut child);
    ui.interact(rect, ui.id().with(("unable", control)), Sense::hover())
        .help(problem);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_says_what_the_model_lacks_and_what_to_do() {
        let model = Abilities {
            attributes: vec!["swing".to_owned()],
            ..Abilities::default()
        };
        let problem = |need: Need| need.problem(Some(&model), "Style");
        assert!(problem(Need::Styles).is_some_and(|text| text.contains("Choose the model")));
        assert!(problem(Need::Completion).is_some());
        assert_eq!(problem(Need::Attributes(&["swing"])), None);
        assert_eq!(Need::Styles.problem(None, "Style"), None);
    }
}
