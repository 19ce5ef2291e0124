//! What a model's figures mean, in sentences for a musician.

use super::drums::Drums;
use fourbar_model::drums::Voice;

/// Fewer hits of a drum say nothing about it.
const FEWEST_HITS: usize = 10;
/// A smaller share of a drum's hits that is found is hardly anything.
const HARDLY: f64 = 0.3;
/// An F1 of all drums that looks good.
const GOOD_F1: f64 = 0.5;

impl Drums {
    /// How much of the grooves comes back, and how exactly; and what the figure of all drums together hides.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let voices = [Voice::Kick, Voice::Snare, Voice::ClosedHat];
        let found: Vec<String> = voices
            .into_iter()
            .filter_map(|voice| {
                Some(format!(
                    "{} of {}s",
                    percent(self.recall_of(voice)?),
                    voice.name()
                ))
            })
            .collect();
        if found.is_empty() {
            return Vec::new();
        }
        let mut sentence = format!("finds {}", found.join(", "));
        if let Some((timing, error, spread)) = self
            .timing
            .and_then(|timing| Some((timing, timing.mae_ms?, timing.data_spread_ms?)))
        {
            sentence += &format!(
                "; timing off by {error:.0} ms, where drummers spread by {spread:.0} ms and the model by {:.0}",
                timing.spread_ms.unwrap_or_default()
            );
        }
        if let Some(error) = self.velocity.and_then(|velocity| velocity.mae) {
            sentence += &format!("; velocity off by {error:.0} of 127");
        }
        let mut sentences = vec![sentence];
        sentences.extend(
            [Voice::Kick, Voice::Snare]
                .into_iter()
                .filter_map(|voice| self.warning(voice)),
        );
        sentences
    }

    /// The share of a drum's hits that is found, if there are enough of them.
    fn recall_of(&self, voice: Voice) -> Option<f64> {
        let onsets = self.onsets_by_voice.get(&voice)?;
        (onsets.true_positives + onsets.false_negatives >= FEWEST_HITS)
            .then(|| onsets.recall())
            .flatten()
    }

    fn warning(&self, voice: Voice) -> Option<String> {
        let found = self.recall_of(voice).filter(|found| *found < HARDLY)?;
        let mut warning = format!(
            "warning: hardly any {} is found ({})",
            voice.name(),
            percent(found)
        );
        if let Some(f1) = self.onsets.f1().filter(|f1| *f1 >= GOOD_F1) {
            warning += &format!(", although the F1 of all drums, {f1:.2}, looks good");
        }
        Some(warning + ": train longer, or on more music like yours")
    }
}

/// A share as a whole number.
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use fourbar_model::groove::{Cell, Groove};

    /// A bar with hats in every step, and a kick or a snare in all of those of a whole number.
    fn groove(with: impl Fn(usize) -> Option<Voice>, offset: f32) -> Groove {
        let mut groove = Groove::empty(16);
        let cell = |velocity| Some(Cell { velocity, offset });
        for step in 0..16 {
            groove.set(step, Voice::ClosedHat, cell(0.5));
            if let Some(voice) = with(step) {
                groove.set(step, voice, cell(1.0));
            }
        }
        groove
    }

    fn drums(played: impl Fn(usize) -> Option<Voice>) -> Drums {
        let target = groove(
            |step| Some(if step < 10 { Voice::Kick } else { Voice::Snare }),
            0.1,
        );
        Drums::of(&[target], &[groove(played, 0.0)], &[150.0], &[0], true)
    }

    #[test]
    fn figures_are_said_in_a_sentence() {
        let half = drums(|step| (step < 5).then_some(Voice::Kick));
        assert_eq!(
            half.sentences(),
            [
                "finds 50 % of kicks, 100 % of closed hi-hats; timing off by 10 ms, where drummers spread by 0 ms and \
                 the model by 0; velocity off by 0 of 127"
            ]
        );
        assert_eq!(
            Drums::of(&[], &[], &[], &[], true).sentences(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_kick_that_is_hardly_found_is_said_however_good_the_rest_is() {
        let hats = drums(|step| (step < 2).then_some(Voice::Kick));
        let warning = hats.sentences().pop().unwrap();
        assert_eq!(
            warning,
            "warning: hardly any kick is found (20 %), although the F1 of all drums, 0.72, looks good: train longer, or \
             on more music like yours"
        );
    }
}
