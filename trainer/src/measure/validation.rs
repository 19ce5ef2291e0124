//! What the training loop measures while it runs: the figures of a report that are quickly had, and the columns of the
//! log that hold them.

use super::accuracy::share_of_rows;
use super::decoding::{Choosing, Forced, play_back};
use super::drums::Drums;
use super::elbo::KlTerms;
use super::held_out::{HeldOut, grooves, has_feel};
use crate::settings::TrainConfig;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;

/// The columns of the log that only a validation fills.
pub const COLUMNS: [&str; 7] = [
    "validation_loss",
    "validation_kl_bits",
    "validation_teacher_forced_accuracy",
    "validation_accuracy",
    "validation_onset_f1",
    "validation_velocity_mae",
    "validation_timing_mae_ms",
];

/// Examples that are decoded freely running, at most: a long sequence of a large model takes seconds each.
const MAX_FREE_RUNNING: usize = 256;

/// A model in training, measured on held-out examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// What training minimises, without dropout and without what the order of attributes costs, in nats.
    loss: f64,
    kl_bits: f64,
    /// Shares of rows that are right.
    teacher_forced: Option<f64>,
    free_running: Option<f64>,
    drums: Option<Drums>,
}

impl Validation {
    /// Measures `vae` on `held_out`, which is not empty: what it costs on all of it, what it plays on an even choice.
    ///
    /// # Errors
    /// If the network fails on its device.
    pub fn of(vae: &Vae, held_out: &HeldOut, train: &TrainConfig) -> anyhow::Result<Self> {
        let forced = Forced::of(vae, held_out, train.seed)?;
        // The weight of training's end at every step: losses of different steps are to be compared.
        let elbo = forced.costs.elbo(KlTerms::last(train));
        let some = held_out.thinned(MAX_FREE_RUNNING);
        let played = play_back(vae, &some, Choosing::MostLikely)?;
        let drums = some
            .grooves
            .as_ref()
            .zip(grooves(vae.config(), played.iter()));
        let has_feel = has_feel(&vae.config().converter.output());
        Ok(Self {
            loss: elbo.loss_nats,
            kl_bits: elbo.kl_bits,
            teacher_forced: right(held_out, &forced.played),
            free_running: right(&some, &played),
            drums: drums.map(|(targets, outputs)| {
                Drums::without_intervals(targets, &outputs, &some.bpms, has_feel)
            }),
        })
    }

    /// What decides which model is kept: the loss of training, without dropout.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The figures of [`COLUMNS`], in that order; `None` for what such a model does not have.
    #[must_use]
    pub fn figures(&self) -> [Option<f64>; COLUMNS.len()] {
        let drums = self.drums.as_ref();
        [
            Some(self.loss),
            Some(self.kl_bits),
            self.teacher_forced,
            self.free_running,
            drums.and_then(|drums| drums.onsets.f1()),
            drums.and_then(|drums| drums.velocity?.mae),
            drums.and_then(|drums| drums.timing?.mae_ms),
        ]
    }

    /// The figures in a line of words.
    #[must_use]
    pub fn to_text(&self) -> String {
        let percent = |share: Option<f64>| {
            share.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
        };
        let number = |value: Option<f64>, digits: usize| {
            value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let mut text = format!(
            "validation loss {:.2}, {:.0} bits used, {} of rows right ({} teacher-forced)",
            self.loss,
            self.kl_bits,
            percent(self.free_running),
            percent(self.teacher_forced)
        );
        let Some(drums) = &self.drums else {
            return text;
        };
        text += &format!(", onset F1 {}", number(drums.onsets.f1(), 3));
        if let (Some(velocity), Some(timing)) = (&drums.velocity, &drums.timing) {
            text += &format!(
                ", velocity off by {} of 127, timing off by {} ms (drummers spread {} ms, we {})",
                number(velocity.mae, 1),
                number(timing.mae_ms, 1),
                number(timing.data_spread_ms, 1),
                number(timing.spread_ms, 1)
            );
        }
        text
    }
}

/// Share of rows that were played as they are in the data.
fn right(held_out: &HeldOut, played: &[Rows]) -> Option<f64> {
    share_of_rows(held_out.outputs().zip(played))
}
