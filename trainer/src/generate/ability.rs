//! What a model can be asked for, and which presets could do what it cannot.

use super::Mode;
use crate::config::Config;
use fourbar_model::converter::Converter;
use fourbar_model::rows::RowLayout;

/// Refuses a mode that the model has not learned.
///
/// # Errors
/// If so; the text names the model, the reason, and the presets that have.
pub(super) fn check_mode(mode: Mode, preset: &str, converter: &Converter) -> anyhow::Result<()> {
    let (is_able, reason): (fn(&Converter) -> bool, _) = match mode {
        Mode::Humanize => (
            Converter::humanizes,
            "it was not trained to give quantised hits their velocities and timing",
        ),
        Mode::Drumify => (
            Converter::takes_taps,
            "it was not trained to turn taps into drums",
        ),
        _ => return Ok(()),
    };
    anyhow::ensure!(
        is_able(converter),
        "the model {preset} cannot do --mode {}: {reason}; presets that can: {}",
        mode.name(),
        presets_that(is_able)
    );
    Ok(())
}

/// Refuses controls for a model that has none, and asks for those that a model needs. Which drum a row is of is no
/// control that a user gives.
///
/// # Errors
/// If there are any and should not be, or the other way round.
pub(super) fn check_controls(
    mode: Mode,
    preset: &str,
    converter: &Converter,
    is_given: bool,
) -> anyhow::Result<()> {
    let is_controlled = converter.takes_hits();
    anyhow::ensure!(
        is_controlled || !is_given,
        "the model {preset} has no controls, so it cannot be given --controls: leave it out, or use a model that is told \
         which drums play; presets of such models: {}",
        presets_that(Converter::takes_hits)
    );
    anyhow::ensure!(
        !is_controlled || is_given || mode.n_inputs() > 0,
        "the model {preset} is told which drums play, {}, and makes the rest: give them with --controls FILE.mid",
        converter
            .controls()
            .map_or_else(String::new, |layout: RowLayout| layout.to_string())
    );
    Ok(())
}

/// The names of the presets whose converter is such a one.
fn presets_that(is_able: fn(&Converter) -> bool) -> String {
    let able = Config::presets().unwrap_or_default().into_iter();
    let names: Vec<String> = able
        .filter(|preset| is_able(&preset.model.converter))
        .map(|preset| preset.model.preset)
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::converter::GrooveConverter;

    #[test]
    fn the_presets_that_can_do_it_are_listed() {
        assert_eq!(presets_that(Converter::humanizes), "groovae_2bar_humanize");
        assert_eq!(
            presets_that(Converter::takes_taps),
            "groovae_2bar_tap_fixed_velocity, groovae_2bar_tap_fixed_velocity_note_dropout"
        );
        assert_eq!(
            presets_that(Converter::takes_hits),
            "groovae_2bar_hits_control"
        );
    }

    #[test]
    fn a_mode_that_a_model_has_not_learned_is_refused_with_the_reason() {
        let plain = Converter::Groove(GrooveConverter::default());
        for (mode, reason, preset) in [
            (Mode::Humanize, "quantised hits", "groovae_2bar_humanize"),
            (Mode::Drumify, "taps", "groovae_2bar_tap_fixed_velocity"),
        ] {
            let problem = check_mode(mode, "groovae_4bar", &plain)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            for words in ["groovae_4bar", mode.name(), reason, preset] {
                assert!(problem.contains(words), "{problem}");
            }
        }
        assert!(check_mode(Mode::Sample, "groovae_4bar", &plain).is_ok());
    }
}
