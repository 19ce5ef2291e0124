//! How well the model plays a groove back that it has heard once, and what that costs in nats.

use super::features::{has_downbeat, has_kick_downbeat, midi_velocity};
use super::statistics::{Interval, Moments, count, ratio};
use crate::dataset::{Dataset, Split};
use crate::loss;
use anyhow::Context as _;
use candle_core::{Device, Tensor};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{self, Groove, STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::noise::Noise;
use fourbar_model::vae::GrooveVae;
use serde::Serialize;
use std::collections::BTreeMap;

/// Grooves that go through the network together.
const BATCH: usize = 64;

/// Grooves that the model has not learned from, with what is needed to measure it on them.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// The grooves, each as long as the model's.
    pub grooves: Vec<Groove>,
    /// Tempo of each groove in quarter notes a minute, to turn steps into milliseconds.
    pub bpms: Vec<f64>,
    /// Which file each groove is from: any numbers, equal for grooves of the same file.
    pub files: Vec<usize>,
}

impl HeldOut {
    /// The windows of one split, side by side (each bar once).
    #[must_use]
    pub fn of(dataset: &Dataset, split: Split, n_steps: usize) -> Self {
        let windows = dataset.windows(split, n_steps, n_steps / STEPS_PER_BAR);
        Self {
            grooves: windows
                .iter()
                .map(|window| dataset.groove(window, n_steps))
                .collect(),
            bpms: windows
                .iter()
                .map(|window| dataset.files[window.file].bpm)
                .collect(),
            files: windows.iter().map(|window| window.file).collect(),
        }
    }
}

/// The reconstruction of held-out grooves: encoded, then decoded from the posterior's mean, freely running, each hit as
/// likely as not decided for the likelier (temperature 0).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconstruction {
    /// How many grooves were reconstructed.
    pub n_grooves: usize,
    /// Hits of all drums together.
    pub onsets: Onsets,
    /// Hits of each drum.
    pub onsets_by_voice: BTreeMap<Voice, Onsets>,
    /// Loudness.
    pub velocity: Velocity,
    /// Timing.
    pub timing: Timing,
    /// The first beat.
    pub downbeat: Downbeat,
    /// What the model's training minimises.
    pub elbo: Elbo,
    /// How far the main figures can be trusted.
    pub intervals: Intervals,
}

/// Which hits were found. A hit counts if the same drum plays on the same step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Onsets {
    /// Played and reconstructed.
    pub found: usize,
    /// Played but not reconstructed.
    pub missed: usize,
    /// Reconstructed but not played.
    pub invented: usize,
}

impl Onsets {
    /// Share of the reconstructed hits that were played; `None` if nothing was reconstructed.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.invented)
    }

    /// Share of the played hits that were reconstructed; `None` if nothing was played.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(count(self.found), self.found + self.missed)
    }

    /// Harmonic mean of precision and recall; `None` if there are no hits on either side.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2.0 * count(self.found),
            2 * self.found + self.missed + self.invented,
        )
    }

    fn merge(&mut self, other: &Self) {
        self.found += other.found;
        self.missed += other.missed;
        self.invented += other.invented;
    }
}

/// An [`Onsets`] in a report: the counts and what follows from them.
#[derive(Serialize)]
struct OnsetsReport {
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    found: usize,
    missed: usize,
    invented: usize,
}

impl Serialize for Onsets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            found,
            missed,
            invented,
        } = *self;
        let (precision, recall, f1) = (self.precision(), self.recall(), self.f1());
        OnsetsReport {
            precision,
            recall,
            f1,
            found,
            missed,
            invented,
        }
        .serialize(serializer)
    }
}

/// Loudness of the reconstruction, in MIDI's 0–127.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Velocity {
    /// Mean absolute error over the hits that were found.
    pub mae: Option<f64>,
    /// Mean over all reconstructed hits.
    pub mean: Option<f64>,
    /// The same of the data.
    pub data_mean: Option<f64>,
    /// Standard deviation over all reconstructed hits.
    pub spread: Option<f64>,
    /// The same of the data.
    pub data_spread: Option<f64>,
}

/// Timing of the reconstruction. Milliseconds are at the tempo of each groove's file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timing {
    /// Mean absolute error over the hits that were found, in ms.
    pub mae_ms: Option<f64>,
    /// The error that playing the same hits exactly on the grid would have, in ms.
    pub quantised_mae_ms: Option<f64>,
    /// Standard deviation of the distance to the grid over all reconstructed hits, in ms.
    pub spread_ms: Option<f64>,
    /// The same of the data, in ms.
    pub data_spread_ms: Option<f64>,
    /// Mean absolute error in 16th steps.
    pub mae_steps: Option<f64>,
    /// That of playing on the grid, in steps.
    pub quantised_mae_steps: Option<f64>,
    /// Standard deviation in steps.
    pub spread_steps: Option<f64>,
    /// The same of the data, in steps.
    pub data_spread_steps: Option<f64>,
}

/// Shares of the grooves with a hit on their first step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Downbeat {
    /// Any drum, reconstructed.
    pub any: Option<f64>,
    /// Any drum, in the data.
    pub data_any: Option<f64>,
    /// The kick, reconstructed.
    pub kick: Option<f64>,
    /// The kick, in the data.
    pub data_kick: Option<f64>,
}

/// The parts of the evidence lower bound, means over the grooves, in nats for a whole groove: teacher-forced, without
/// dropout, one sample of the posterior. As in training, velocities and offsets cost their squared error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elbo {
    /// Cross entropy of the hits.
    pub hits_nats: f64,
    /// Squared error of the velocities.
    pub velocities_nats: f64,
    /// Squared error of the offsets (which the network's rows hold doubled).
    pub offsets_nats: f64,
    /// The three above together.
    pub r_loss_nats: f64,
    /// Kullback-Leibler divergence from the posterior to the prior.
    pub kl_nats: f64,
    /// The same in bits: how much the latent vector says about the groove.
    pub kl_bits: f64,
    /// Bits of it that training leaves free of charge.
    pub free_bits: f64,
    /// What is above the free bits.
    pub free_bits_cost_nats: f64,
    /// The bound itself, `-(r_loss_nats + kl_nats)`.
    pub elbo_nats: f64,
}

/// 95 % intervals, by resampling whole files.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of [`Onsets::f1`] over all drums.
    pub onset_f1: Option<Interval>,
    /// Of [`Velocity::mae`].
    pub velocity_mae: Option<Interval>,
    /// Of [`Timing::mae_ms`].
    pub timing_mae_ms: Option<Interval>,
}

/// Reconstructs and scores `held_out`.
///
/// `free_bits` is what training gave away (it only enters [`Elbo::free_bits_cost_nats`]); `seed` picks the posterior's
/// sample for the ELBO. Everything else is free of chance.
///
/// # Errors
/// If there is no groove, or the network fails on its device.
pub fn reconstruction(
    vae: &GrooveVae,
    held_out: &HeldOut,
    free_bits: f64,
    seed: u64,
) -> anyhow::Result<Reconstruction> {
    anyhow::ensure!(
        !held_out.grooves.is_empty(),
        "there is no groove to reconstruct"
    );
    let mut noise = Noise::from_seed(seed);
    let mut costs = Costs::default();
    let mut played = Vec::with_capacity(held_out.grooves.len());
    for grooves in held_out.grooves.chunks(BATCH) {
        let x = groove::to_tensor(grooves, vae.device())?;
        let posterior = vae.encode(&x).context("encoding held-out grooves")?;
        let mus: Vec<Vec<f32>> = posterior.mu.to_device(&Device::Cpu)?.to_vec2()?;
        // At temperature 0 the noise decides nothing, but every groove brings its own.
        let mut noises = vec![Noise::from_seed(seed); grooves.len()];
        played.extend(
            vae.generate_batch(&mus, 0.0, &mut noises)
                .context("decoding held-out grooves")?,
        );

        let (batch, latent) = posterior.mu.dims2()?;
        let eps = Tensor::from_vec(noise.normals(batch * latent), (batch, latent), vae.device())?;
        let z = posterior.sample(&eps)?;
        let rows = loss::groove(&vae.teacher_forced(&x, &z)?, &x)?;
        costs.hits.extend(numbers(&rows.hits)?);
        costs.velocities.extend(numbers(&rows.velocities)?);
        costs.offsets.extend(numbers(&rows.offsets)?);
        costs.kl.extend(numbers(&loss::kl(&posterior)?)?);
    }
    Ok(score(held_out, &played, costs.elbo(free_bits)))
}

/// A `[batch]` tensor as numbers.
fn numbers(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    let values: Vec<f32> = tensor.to_device(&Device::Cpu)?.to_vec1()?;
    Ok(values.into_iter().map(f64::from).collect())
}

/// What each groove costs, in nats.
#[derive(Default)]
struct Costs {
    hits: Vec<f64>,
    velocities: Vec<f64>,
    offsets: Vec<f64>,
    kl: Vec<f64>,
}

impl Costs {
    fn elbo(&self, free_bits: f64) -> Elbo {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / count(values.len());
        let (hits_nats, velocities_nats) = (mean(&self.hits), mean(&self.velocities));
        let (offsets_nats, kl_nats) = (mean(&self.offsets), mean(&self.kl));
        let free_nats = free_bits * std::f64::consts::LN_2;
        // One budget for a groove's whole latent vector, so the cost is taken before the mean.
        let charged: Vec<f64> = self.kl.iter().map(|kl| (kl - free_nats).max(0.0)).collect();
        let r_loss_nats = hits_nats + velocities_nats + offsets_nats;
        Elbo {
            hits_nats,
            velocities_nats,
            offsets_nats,
            r_loss_nats,
            kl_nats,
            kl_bits: kl_nats / std::f64::consts::LN_2,
            free_bits,
            free_bits_cost_nats: mean(&charged),
            elbo_nats: -(r_loss_nats + kl_nats),
        }
    }
}

/// Compares what was played back with what was heard.
fn score(held_out: &HeldOut, played: &[Groove], elbo: Elbo) -> Reconstruction {
    let mut by_file: BTreeMap<usize, Tally> = BTreeMap::new();
    for (((heard, played), bpm), file) in held_out
        .grooves
        .iter()
        .zip(played)
        .zip(&held_out.bpms)
        .zip(&held_out.files)
    {
        by_file.entry(*file).or_default().add(heard, played, *bpm);
    }
    let tallies: Vec<Tally> = by_file.into_values().collect();
    let total = Tally::sum(&tallies.iter().collect::<Vec<_>>());
    let interval = |figure: fn(&Tally) -> Option<f64>| {
        Interval::bootstrap(&tallies, |chosen| figure(&Tally::sum(chosen)))
    };

    let share = |n: usize| ratio(count(n), total.n_grooves);
    let (steps, ms) = (&total.timing_steps, &total.timing_ms);
    Reconstruction {
        n_grooves: total.n_grooves,
        onsets: total.onsets(),
        onsets_by_voice: total.by_voice.clone(),
        velocity: Velocity {
            mae: total.velocity_error.mean(),
            mean: total.velocity_played.summary().mean,
            data_mean: total.velocity_heard.summary().mean,
            spread: total.velocity_played.summary().spread,
            data_spread: total.velocity_heard.summary().spread,
        },
        timing: Timing {
            mae_ms: ms.error.mean(),
            quantised_mae_ms: ms.quantised_error.mean(),
            spread_ms: ms.played.summary().spread,
            data_spread_ms: ms.heard.summary().spread,
            mae_steps: steps.error.mean(),
            quantised_mae_steps: steps.quantised_error.mean(),
            spread_steps: steps.played.summary().spread,
            data_spread_steps: steps.heard.summary().spread,
        },
        downbeat: Downbeat {
            any: share(total.downbeats_played),
            data_any: share(total.downbeats_heard),
            kick: share(total.kicks_played),
            data_kick: share(total.kicks_heard),
        },
        elbo,
        intervals: Intervals {
            onset_f1: interval(|tally| tally.onsets().f1()),
            velocity_mae: interval(|tally| tally.velocity_error.mean()),
            timing_mae_ms: interval(|tally| tally.timing_ms.error.mean()),
        },
    }
}

/// Sums over some grooves, from which every figure follows; those of two parts can be added.
#[derive(Debug, Clone, Default)]
struct Tally {
    n_grooves: usize,
    by_voice: BTreeMap<Voice, Onsets>,
    velocity_error: Moments,
    velocity_played: Moments,
    velocity_heard: Moments,
    timing_steps: TimingTally,
    timing_ms: TimingTally,
    downbeats_played: usize,
    downbeats_heard: usize,
    kicks_played: usize,
    kicks_heard: usize,
}

/// The part of a [`Tally`] that is about offsets, in one unit.
#[derive(Debug, Clone, Default)]
struct TimingTally {
    error: Moments,
    quantised_error: Moments,
    played: Moments,
    heard: Moments,
}

impl TimingTally {
    fn merge(&mut self, other: &Self) {
        self.error.merge(&other.error);
        self.quantised_error.merge(&other.quantised_error);
        self.played.merge(&other.played);
        self.heard.merge(&other.heard);
    }
}

impl Tally {
    /// Counts one groove in.
    fn add(&mut self, heard: &Groove, played: &Groove, bpm: f64) {
        let step_ms = 60_000.0 / bpm / count(STEPS_PER_BEAT);
        self.n_grooves += 1;
        self.downbeats_heard += usize::from(has_downbeat(heard));
        self.downbeats_played += usize::from(has_downbeat(played));
        self.kicks_heard += usize::from(has_kick_downbeat(heard));
        self.kicks_played += usize::from(has_kick_downbeat(played));
        for voice in Voice::ALL {
            let onsets = self.by_voice.entry(voice).or_default();
            for step in 0..heard.n_steps() {
                let (heard, played) = (heard.cell(step, voice), played.cell(step, voice));
                if let Some(heard) = heard {
                    self.velocity_heard.add(midi_velocity(heard.velocity));
                    self.timing_steps.heard.add(f64::from(heard.offset));
                    self.timing_ms.heard.add(f64::from(heard.offset) * step_ms);
                }
                if let Some(played) = played {
                    self.velocity_played.add(midi_velocity(played.velocity));
                    self.timing_steps.played.add(f64::from(played.offset));
                    self.timing_ms
                        .played
                        .add(f64::from(played.offset) * step_ms);
                }
                match (heard, played) {
                    (Some(heard), Some(played)) => {
                        onsets.found += 1;
                        self.velocity_error.add(
                            (midi_velocity(played.velocity) - midi_velocity(heard.velocity)).abs(),
                        );
                        let error = (f64::from(played.offset) - f64::from(heard.offset)).abs();
                        let quantised_error = f64::from(heard.offset).abs();
                        self.timing_steps.error.add(error);
                        self.timing_steps.quantised_error.add(quantised_error);
                        self.timing_ms.error.add(error * step_ms);
                        self.timing_ms
                            .quantised_error
                            .add(quantised_error * step_ms);
                    }
                    (Some(_), None) => onsets.missed += 1,
                    (None, Some(_)) => onsets.invented += 1,
                    (None, None) => {}
                }
            }
        }
    }

    /// Counts another part in.
    fn merge(&mut self, other: &Self) {
        self.n_grooves += other.n_grooves;
        for (voice, onsets) in &other.by_voice {
            self.by_voice.entry(*voice).or_default().merge(onsets);
        }
        self.velocity_error.merge(&other.velocity_error);
        self.velocity_played.merge(&other.velocity_played);
        self.velocity_heard.merge(&other.velocity_heard);
        self.timing_steps.merge(&other.timing_steps);
        self.timing_ms.merge(&other.timing_ms);
        self.downbeats_played += other.downbeats_played;
        self.downbeats_heard += other.downbeats_heard;
        self.kicks_played += other.kicks_played;
        self.kicks_heard += other.kicks_heard;
    }

    fn sum(parts: &[&Self]) -> Self {
        let mut sum = Self::default();
        parts.iter().for_each(|part| sum.merge(part));
        sum
    }

    /// Hits of all drums together.
    fn onsets(&self) -> Onsets {
        let mut all = Onsets::default();
        self.by_voice.values().for_each(|onsets| all.merge(onsets));
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use fourbar_model::groove::Cell;

    const ELBO: Elbo = Elbo {
        hits_nats: 0.0,
        velocities_nats: 0.0,
        offsets_nats: 0.0,
        r_loss_nats: 0.0,
        kl_nats: 0.0,
        kl_bits: 0.0,
        free_bits: 0.0,
        free_bits_cost_nats: 0.0,
        elbo_nats: 0.0,
    };

    /// One bar with these hits: (step, voice, velocity, offset).
    fn bar(hits: &[(usize, Voice, f32, f32)]) -> Groove {
        let mut groove = Groove::empty(STEPS_PER_BAR);
        for &(step, voice, velocity, offset) in hits {
            groove.set(step, voice, Some(Cell { velocity, offset }));
        }
        groove
    }

    fn score_one(heard: Groove, played: Groove, bpm: f64) -> Reconstruction {
        score(
            &HeldOut {
                grooves: vec![heard],
                bpms: vec![bpm],
                files: vec![0],
            },
            &[played],
            ELBO,
        )
    }

    fn near(found: Option<f64>, expected: f64) -> bool {
        (found.unwrap() - expected).abs() < 1e-5
    }

    #[test]
    fn a_perfect_reconstruction_has_no_error() {
        let groove = bar(&[(0, Voice::Kick, 0.9, 0.1), (4, Voice::Snare, 0.7, -0.2)]);
        let scored = score_one(groove.clone(), groove, 120.0);
        assert_eq!(
            scored.onsets,
            Onsets {
                found: 2,
                missed: 0,
                invented: 0
            }
        );
        assert_eq!(
            (
                scored.onsets.f1(),
                scored.velocity.mae,
                scored.timing.mae_ms
            ),
            (Some(1.0), Some(0.0), Some(0.0))
        );
        assert_eq!(scored.velocity.spread, scored.velocity.data_spread);
        assert_eq!(scored.timing.spread_ms, scored.timing.data_spread_ms);
        assert_eq!(
            (scored.downbeat.any, scored.downbeat.data_kick),
            (Some(1.0), Some(1.0))
        );
    }

    #[test]
    fn onsets_are_counted_for_each_drum() {
        let heard = bar(&[
            (0, Voice::Kick, 1.0, 0.0),
            (8, Voice::Kick, 1.0, 0.0),
            (4, Voice::Snare, 1.0, 0.0),
        ]);
        let played = bar(&[
            (0, Voice::Kick, 1.0, 0.0),
            (9, Voice::Kick, 1.0, 0.0),
            (10, Voice::Kick, 1.0, 0.0),
        ]);
        let scored = score_one(heard, played, 120.0);
        let kick = scored.onsets_by_voice[&Voice::Kick];
        assert_eq!(
            kick,
            Onsets {
                found: 1,
                missed: 1,
                invented: 2
            }
        );
        assert!(
            near(kick.precision(), 1.0 / 3.0) && near(kick.recall(), 0.5) && near(kick.f1(), 0.4)
        );
        let snare = scored.onsets_by_voice[&Voice::Snare];
        assert_eq!(
            (snare.precision(), snare.recall(), snare.f1()),
            (None, Some(0.0), Some(0.0))
        );
        assert_eq!(scored.onsets_by_voice[&Voice::Ride].f1(), None);
        assert_eq!(
            scored.onsets,
            Onsets {
                found: 1,
                missed: 2,
                invented: 2
            }
        );
    }

    #[test]
    fn errors_are_in_midi_velocities_steps_and_milliseconds_at_the_files_tempo() {
        let heard = bar(&[(0, Voice::Kick, 1.0, 0.2), (4, Voice::Kick, 0.5, -0.2)]);
        let played = bar(&[(0, Voice::Kick, 0.9, 0.1), (4, Voice::Kick, 0.5, 0.1)]);
        // At 60 bpm a step lasts 250 ms.
        let scored = score_one(heard, played, 60.0);
        assert!(near(scored.velocity.mae, 0.05 * 127.0));
        assert!(near(scored.timing.mae_steps, 0.2) && near(scored.timing.mae_ms, 50.0));
        assert!(near(scored.timing.quantised_mae_steps, 0.2));
        assert!(
            near(scored.timing.spread_steps, 0.0) && near(scored.timing.data_spread_steps, 0.2)
        );
        assert!(near(scored.timing.data_spread_ms, 50.0));
        assert!(near(scored.velocity.data_spread, 0.25 * 127.0));
    }

    #[test]
    fn a_missing_downbeat_shows_beside_the_datas() {
        let heard = bar(&[(0, Voice::Kick, 1.0, 0.0)]);
        let played = bar(&[(0, Voice::ClosedHat, 1.0, 0.0)]);
        let downbeat = score_one(heard, played, 120.0).downbeat;
        let expected = Downbeat {
            any: Some(1.0),
            data_any: Some(1.0),
            kick: Some(0.0),
            data_kick: Some(1.0),
        };
        assert_eq!(downbeat, expected);
    }

    #[test]
    fn silence_played_back_has_undefined_errors_and_no_panic() {
        let scored = score_one(bar(&[(0, Voice::Kick, 1.0, 0.0)]), bar(&[]), 120.0);
        assert_eq!(
            (scored.onsets.f1(), scored.onsets.precision()),
            (Some(0.0), None)
        );
        assert_eq!(
            (
                scored.velocity.mae,
                scored.timing.mae_ms,
                scored.intervals.velocity_mae
            ),
            (None, None, None)
        );
    }

    #[test]
    fn free_bits_are_taken_off_each_groove_before_the_mean() {
        let nats = |bits: f64| bits * std::f64::consts::LN_2;
        let costs = Costs {
            hits: vec![1.0, 3.0],
            velocities: vec![2.0, 2.0],
            offsets: vec![0.5, 0.5],
            kl: vec![nats(40.0), nats(60.0)],
        };
        let elbo = costs.elbo(48.0);
        assert!((elbo.kl_bits - 50.0).abs() < 1e-9);
        assert!((elbo.free_bits_cost_nats - nats(6.0)).abs() < 1e-9);
        assert!((elbo.r_loss_nats - 4.5).abs() < 1e-9);
        assert!((elbo.elbo_nats + 4.5 + nats(50.0)).abs() < 1e-9);
    }
}
