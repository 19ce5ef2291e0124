//! What a model can be asked for, and which presets could do what it cannot.

use super::arguments::Mode;
use crate::settings::Config;
use fourbar_model::config::ModelConfig;
use fourbar_model::rows::RowLayout;

/// Refuses a mode that the model has not learned.
///
/// # Errors
/// If so; the text names the model, the reason, and the presets that have.
pub(super) fn check_mode(mode: Mode, config: &ModelConfig) -> anyhow::Result<()> {
    let (is_able, reason): (fn(&ModelConfig) -> bool, _) = match mode {
        Mode::Humanize => (
            humanizes,
            "it was not trained to give quantised hits their velocities and timing",
        ),
        Mode::Drumify => (takes_taps, "it was not trained to turn taps into drums"),
        _ => return Ok(()),
    };
    anyhow::ensure!(
        is_able(config),
        "the model {} cannot do --mode {}: {reason}; presets that can: {}",
        config.preset,
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
    config: &ModelConfig,
    is_given: bool,
) -> anyhow::Result<()> {
    let preset = &config.preset;
    let is_controlled = takes_hits(config);
    anyhow::ensure!(
        is_controlled || !is_given,
        "the model {preset} has no controls, so it cannot be given --controls: leave it out, or use a model that is conditioned on \
         which drums play; presets of such models: {}",
        presets_that(takes_hits)
    );
    anyhow::ensure!(
        !is_controlled || is_given || mode.n_inputs() > 0,
        "the model {preset} is conditioned on which drums play, {}, and makes the rest: give them with --controls FILE.mid",
        config
            .converter
            .controls()
            .map_or_else(String::new, |layout: RowLayout| layout.to_string())
    );
    Ok(())
}

fn humanizes(config: &ModelConfig) -> bool {
    config.takes_known() || config.converter.humanizes()
}

fn takes_taps(config: &ModelConfig) -> bool {
    config.takes_known() || config.converter.takes_taps()
}

fn takes_hits(config: &ModelConfig) -> bool {
    config.converter.takes_hits()
}

/// The names of the presets that are such a model.
fn presets_that(is_able: fn(&ModelConfig) -> bool) -> String {
    let able = Config::presets().unwrap_or_default().into_iter();
    let names: Vec<String> = able
        .filter(|preset| is_able(&preset.model))
        .map(|preset| preset.model.preset)
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_that_can_do_it_are_listed() {
        assert_eq!(presets_that(humanizes), "fourbar, groovae_2bar_humanize");
        assert_eq!(
            presets_that(takes_taps),
            "fourbar, groovae_2bar_tap_fixed_velocity, groovae_2bar_tap_fixed_velocity_note_dropout"
        );
        assert_eq!(presets_that(takes_hits), "groovae_2bar_hits_control");
    }

    #[test]
    fn a_mode_that_a_model_has_not_learned_is_refused_with_the_reason() {
        let plain = ModelConfig::flat_groove("groovae_4bar", 64, 8, vec![8], vec![16]);
        for (mode, reason, preset) in [
            (Mode::Humanize, "quantised hits", "groovae_2bar_humanize"),
            (Mode::Drumify, "taps", "groovae_2bar_tap_fixed_velocity"),
        ] {
            let problem = check_mode(mode, &plain)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            for words in ["groovae_4bar", mode.name(), reason, preset] {
                assert!(problem.contains(words), "{problem}");
            }
        }
        assert!(check_mode(Mode::Sample, &plain).is_ok());
    }
}
