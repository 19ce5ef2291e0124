//! The passes of a pattern: the groove itself, its variations, and what ends with a fill.
//!
//! A fill and a variation are drawn around what stays of the groove, so that they belong to it. What is not drawn anew,
//! which is all that is locked, is the same to the bit.

use crate::request::{Form, Request};
use fourbar_model::conditions::{Conditions, Known, KnownCell};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{Groove, STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::noise::Noise;

/// All passes that `request` asks for of the groove `base`, which was made under `conditions`. `draw` makes another groove
/// under other conditions.
///
/// # Errors
/// If `draw` fails.
pub(super) fn passes(
    request: &Request,
    base: &Groove,
    conditions: &Conditions,
    mut draw: impl FnMut(&Conditions, &Noise) -> Result<Groove, String>,
) -> Result<Vec<Groove>, String> {
    let form = request.form;
    let n_bars = base.n_steps() / STEPS_PER_BAR;
    let is_locked = |step: usize, voice: Voice| {
        let locked = conditions.known.as_ref().map(Known::steps);
        locked.is_some_and(|steps| matches!(steps[step][voice.index()], KnownCell::Full(_)))
    };
    let mut passes = Vec::new();
    let mut variations = vec![base.clone()];
    let n_passes = form.n_passes(n_bars);
    for pass in 0..n_passes {
        let variation = form.variation_of(pass);
        if variation == variations.len() {
            let mut noise = request.noise_of(2 * variation);
            let is_varied = noise.chances(form.variation, n_bars * N_VOICES);
            let around = Conditions {
                known: Some(Known::cells_by_step(base, |step, voice| {
                    let bar = step / STEPS_PER_BAR;
                    !is_varied[bar * N_VOICES + voice.index()] || is_locked(step, voice)
                })),
                ..conditions.clone()
            };
            variations.push(draw(&around, &noise)?);
        }
        let plain = &variations[variation];
        let fills: Vec<bool> = (0..n_bars)
            .map(|bar| form.has_fill(pass * n_bars + bar, n_passes * n_bars))
            .collect();
        passes.push(if fills.contains(&true) {
            let is_kept = |step, voice| !is_in_fill(step, &fills, form) || is_locked(step, voice);
            let around = Conditions {
                known: Some(Known::cells_by_step(plain, is_kept)),
                fills: Some(fills.clone()),
                ..conditions.clone()
            };
            draw(&around, &request.noise_of(2 * pass + 1))?
        } else {
            plain.clone()
        });
    }
    Ok(passes)
}

/// Whether a step is in one of the fills, which are at the ends of bars.
fn is_in_fill(step: usize, fills: &[bool], form: Form) -> bool {
    let first_step = STEPS_PER_BAR - usize::from(form.fill_beats) * STEPS_PER_BEAT;
    fills[step / STEPS_PER_BAR] && step % STEPS_PER_BAR >= first_step
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::inference::checkpoints;
    use crate::inference::models::{BuiltIn, Choice};
    use crate::request::{N_LATENT, Ready};

    fn made(form: Form, model: BuiltIn) -> Ready {
        let request = Request {
            form,
            ..Request::new(14, 0, 1.0, [0.0; N_LATENT])
        };
        let mut engine = checkpoints::engine(&Choice::BuiltIn(model)).unwrap();
        engine.make(&request, None, None).unwrap()
    }

    fn groove(form: Form) -> Groove {
        Groove::from_pattern(&made(form, BuiltIn::Fourbar).pattern)
    }

    /// Steps on which two grooves differ, from the start of `b`; the shorter one goes round.
    fn differences(a: &Groove, b: &Groove) -> Vec<usize> {
        let differs = |step: &usize| {
            let cell = |groove: &Groove, voice| groove.cell(step % groove.n_steps(), voice);
            Voice::ALL
                .iter()
                .any(|&voice| cell(a, voice) != cell(b, voice))
        };
        (0..b.n_steps()).filter(differs).collect()
    }

    fn fills(fill_every: u8, fill_beats: u8) -> Form {
        Form {
            fill_every,
            fill_beats,
            ..Form::default()
        }
    }

    #[test]
    fn a_fill_changes_the_end_of_its_bar_and_nothing_else() {
        let plain = groove(Form::default());
        for (every, beats, fill) in [(4, 4, 48..64), (4, 1, 60..64), (8, 2, 120..128)] {
            let filled = groove(fills(every, beats));
            assert_eq!(filled.n_steps(), fill.end);
            let changed = differences(&plain, &filled);
            assert!(
                changed.iter().all(|step| fill.contains(step)),
                "{changed:?}"
            );
            assert!(!changed.is_empty(), "every {every} bars");
        }
    }

    #[test]
    fn a_variation_changes_its_share_and_the_first_passes_are_the_groove() {
        let plain = groove(Form::default());
        let varied = groove(Form {
            vary_every: 2,
            variation: 0.25,
            ..Form::default()
        });
        assert_eq!(varied.n_steps(), 16 * plain.n_steps());
        let changed = differences(&plain, &varied);
        assert!(changed.iter().all(|&step| step >= 2 * plain.n_steps()));
        let pass = |index: usize| varied.window(index * 64, 64).unwrap();
        assert_eq!(pass(2), pass(3));
        assert_ne!(pass(2), pass(4));
        assert_ne!(pass(2), pass(0));
    }

    #[test]
    fn a_model_that_completes_nothing_plays_the_groove_itself() {
        let form = Form {
            vary_every: 1,
            variation: 0.5,
            ..fills(1, 4)
        };
        let [plain, same] = [Form::default(), form].map(|form| made(form, BuiltIn::Groovae4Bar));
        assert_eq!(plain.pattern, same.pattern);
    }
}
