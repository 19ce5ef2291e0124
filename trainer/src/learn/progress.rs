//! Where a training run stands, how it is said, and when it will end.

use super::base::BaseSource;
use super::learner::StepLosses;
use super::saved_path::SavedPath;
use crate::measure::{Row, VALIDATION_COLUMNS};
use crate::settings::Config;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Where a run stands, beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The settings that the run was started with.
    pub(super) config: Config,
    /// The command that it was started with, but for what may be asked for anew.
    pub(super) command: String,
    /// Where the data was, if the run says so.
    #[serde(default)]
    pub(super) data: Option<SavedPath>,
    /// Checksum of the data.
    pub(super) dataset_sha256: String,
    /// The model that the run started from, if it did not start from scratch.
    #[serde(default)]
    pub(super) base: Option<BaseSource>,
    /// Steps made.
    pub(super) step: usize,
    /// Best validation loss so far and the step it was reached at.
    pub(super) best: Option<(f64, usize)>,
    /// Validations since then.
    pub(super) since_best: usize,
    /// Losses since the last line of the log, to be averaged.
    pub(super) pending: Vec<StepLosses>,
    /// Minutes of training so far.
    pub(super) minutes: f64,
}

impl Progress {
    /// A checksum of what all ranks must have in common: settings, data, base and steps made.
    ///
    /// # Errors
    /// If the settings cannot be written as JSON.
    pub(super) fn fingerprint(&self) -> Result<[u8; 32]> {
        let base = self.base.as_ref().map(BaseSource::sha256);
        let common = (&self.config, &self.dataset_sha256, base, self.step);
        Ok(Sha256::digest(serde_json::to_vec(&common)?).into())
    }

    /// The command to repeat the run.
    pub(super) fn command(&self) -> String {
        let train = &self.config.train;
        format!(
            "{} --steps {} --batch-size {} --learning-rate {} --seed {} --out RUN_DIR",
            self.command, train.steps, train.batch_size, train.learning_rate, train.seed
        )
    }

    /// The means since the last row of the log; weight and learning rate are those of the last step.
    pub(super) fn row(&mut self, steps_per_epoch: usize) -> Row {
        let losses = std::mem::take(&mut self.pending);
        let mean = |part: &dyn Fn(&StepLosses) -> f64| {
            Some(losses.iter().map(part).sum::<f64>() / number(losses.len()))
        };
        let names = losses.iter().flat_map(|losses| losses.parts.keys());
        let names: BTreeSet<&String> = names.collect();
        let mut figures = vec![
            (
                "epoch".to_owned(),
                Some(number(self.step) / number(steps_per_epoch)),
            ),
            ("loss".to_owned(), mean(&|losses| losses.loss)),
        ];
        figures.extend(
            names
                .into_iter()
                .map(|name| (name.clone(), mean(&|losses| losses.parts[name]))),
        );
        let last = |setting: fn(&StepLosses) -> f64| losses.last().map(setting);
        let mut rest = vec![
            ("r_loss", mean(&|losses| losses.parts.values().sum())),
            ("kl", mean(&|losses| losses.kl)),
            ("kl_loss", mean(&|losses| losses.kl_cost)),
            ("kl_beta", last(|losses| losses.beta)),
            ("learning_rate", last(|losses| losses.learning_rate)),
            ("gradient_norm", mean(&|losses| losses.gradient_norm)),
            ("minutes", Some(self.minutes)),
        ];
        if losses.iter().any(|losses| losses.attribute_cost.is_some()) {
            let cost = mean(&|losses| losses.attribute_cost.unwrap_or_default());
            rest.insert(4, ("attribute_loss", cost));
        }
        figures.extend(
            rest.into_iter()
                .map(|(name, figure)| (name.to_owned(), figure)),
        );
        figures.extend(VALIDATION_COLUMNS.map(|name| (name.to_owned(), None)));
        Row {
            step: self.step,
            figures,
        }
    }

    /// How long the run still takes at `rate` steps a second: it ends where validation no longer improves.
    pub(super) fn time_left(&self, validate_every: usize, rate: f64) -> String {
        let train = &self.config.train;
        let n_validations = train.patience.saturating_sub(self.since_best);
        let n_unimproved = n_validations
            .saturating_mul(validate_every)
            .saturating_sub(self.step % validate_every);
        let n_left = train.steps.saturating_sub(self.step);
        let at_most = duration(number(n_left) / rate);
        if n_unimproved >= n_left {
            return format!("{at_most} left");
        }
        let unimproved = duration(number(n_unimproved) / rate);
        format!("{unimproved} left unless validation improves, {at_most} at most")
    }

    /// Whether `figure` is the best one yet, and how long ago the best one was.
    pub(super) fn improves(&mut self, figure: f64) -> bool {
        let better = self.best.is_none_or(|(best, _)| figure < best);
        if better {
            self.best = Some((figure, self.step));
            self.since_best = 0;
        } else {
            self.since_best += 1;
        }
        better
    }
}

/// So many seconds in the unit that fits.
pub(super) fn duration(seconds: f64) -> String {
    let (n, unit) = match seconds {
        ..60.0 => (seconds, "second"),
        ..5_400.0 => (seconds / 60.0, "minute"),
        _ => (seconds / 3_600.0, "hour"),
    };
    let n = format!("{n:.0}");
    let plural = if n == "1" { "" } else { "s" };
    format!("{n} {unit}{plural}")
}

/// A count of steps.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of steps are far below 2^53"
)]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::settings::DEFAULT_PRESET;
    use std::collections::BTreeMap;

    #[test]
    fn durations_are_in_the_unit_that_fits() {
        for (seconds, expected) in [
            (0.4, "0 seconds"),
            (1.2, "1 second"),
            (59.0, "59 seconds"),
            (61.0, "1 minute"),
            (24_480.0, "7 hours"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn the_time_left_is_that_to_the_end_that_can_be_expected() {
        let mut progress = at_step(100);
        progress.config.train.steps = 10_000;
        progress.config.train.patience = 3;
        progress.since_best = 1;
        assert_eq!(
            progress.time_left(150, 2.0),
            "2 minutes left unless validation improves, 82 minutes at most"
        );
        progress.config.train.patience = usize::MAX;
        assert_eq!(progress.time_left(150, 2.0), "82 minutes left");
    }

    /// A run that has come so far.
    fn at_step(step: usize) -> Progress {
        Progress {
            config: Config::preset(DEFAULT_PRESET).unwrap(),
            command: String::new(),
            data: None,
            dataset_sha256: String::new(),
            base: None,
            step,
            best: None,
            since_best: 0,
            pending: Vec::new(),
            minutes: 1.0,
        }
    }

    #[test]
    fn a_row_of_the_log_has_the_parts_of_the_loss_as_training_weighs_them() {
        let step = |hits: f64, kl: f64, beta: f64| StepLosses {
            loss: hits + 1.0 + beta * (kl - 2.0),
            parts: BTreeMap::from([("hits".to_owned(), hits), ("offsets".to_owned(), 1.0)]),
            kl,
            kl_cost: kl - 2.0,
            beta,
            attribute_cost: None,
            learning_rate: beta / 100.0,
            gradient_norm: 1.0,
        };
        let mut progress = Progress {
            pending: vec![step(4.0, 6.0, 0.25), step(6.0, 8.0, 0.5)],
            ..at_step(100)
        };
        let row = progress.row(50);
        for (name, expected) in [
            ("epoch", 2.0),
            ("loss", (6.0 + 10.0) / 2.0),
            ("hits", 5.0),
            ("offsets", 1.0),
            ("r_loss", 6.0),
            ("kl", 7.0),
            ("kl_loss", 5.0),
            ("kl_beta", 0.5),
            ("learning_rate", 0.005),
            ("gradient_norm", 1.0),
        ] {
            let figure = row.figure(name).unwrap();
            assert!((figure - expected).abs() < 1e-12, "{name}: {figure}");
        }
        assert!(progress.pending.is_empty());
    }
}
