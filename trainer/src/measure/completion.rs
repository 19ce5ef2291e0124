//! What a model draws around known parts: the feel of given hits, and fills that are asked for.

use super::decoding::BATCH;
use super::held_out;
use super::held_out::HeldOut;
use super::prior_samples::TEMPERATURE;
use super::statistics::{Estimate, Summary, count, ratio};
use super::two_sample::{Likeness, Windows};
use crate::data::FillClassifier;
use crate::data::{Dataset, Split};
use crate::make::noise_of;
use fourbar_model::conditions::{Conditions, Known};
use fourbar_model::drums::Voice;
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR};
use fourbar_model::temperature::Temperature;
use fourbar_model::vae::Vae;
use serde::Serialize;

/// Grooves in which a fill is asked for, and as many in which none is.
const N_GROOVES: usize = 512;
/// Probability from which a bar is called a fill.
const CALLED: f64 = 0.5;

/// What a model draws around known parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completion {
    /// Held-out windows whose hits were given.
    pub n_windows: usize,
    /// Velocities of given hits, 0 to 1.
    pub velocity: Feel,
    /// Offsets of given hits in 16th steps; late is positive.
    pub offset: Feel,
    /// Fills; `None` if the data set labels hardly any.
    pub fills: Option<Fills>,
}

/// One number of every hit: as drummers played it, as it was drawn for their hits from a random point of the prior, and the
/// most likely one, which is what regression would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Feel {
    /// The drummers'.
    pub drummers: Summary,
    /// Drawn at temperature 1.
    pub drawn: Played,
    /// At temperature 0 of the feel.
    pub most_likely: Played,
}

/// One number of every hit as the model plays it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Played {
    /// Mean and standard deviation.
    pub summary: Summary,
    /// Mean absolute distance from the drummer's number for the same hit.
    pub error: Option<f64>,
    /// Divergence of the drummers' distribution from this one, in nats, as in the comparison with drummers.
    pub kl_nats: f64,
}

/// What a classifier that knows the data set's labelled fills calls a fill. Shares of bars; intervals by bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fills {
    /// Of the held-out labelled fills.
    pub of_labelled: Estimate,
    /// Of the bars of held-out beats.
    pub of_beats: Estimate,
    /// Of bars in which a fill was asked for.
    pub of_asked: Estimate,
    /// Of the other bars of these grooves.
    pub of_others: Estimate,
    /// Share of the bars of held-out beats that begin with a kick or a crash.
    pub downbeats: Estimate,
    /// The same of bars that follow what is called a fill there.
    pub downbeats_after_fills: Estimate,
    /// The same of bars that follow a bar in which a fill was asked for; the first bar follows the last.
    pub downbeats_after_asked: Estimate,
}

impl Completion {
    /// Measures a model; `None` if it does not complete known parts.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn of(
        vae: &Vae,
        dataset: &Dataset,
        split: Split,
        held_out: &HeldOut,
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        let given = match &held_out.grooves {
            Some(grooves) if vae.config().takes_known() => grooves,
            _ => return Ok(None),
        };
        let conditions: Vec<Conditions> = given
            .iter()
            .map(|groove| Conditions {
                known: Some(Known::hits(groove)),
                ..Conditions::default()
            })
            .collect();
        let drawn = grooves(vae, &conditions, TEMPERATURE.into(), seed)?;
        let regressed = Temperature {
            hits: TEMPERATURE,
            feel: 0.0,
        };
        let most_likely = grooves(vae, &conditions, regressed, seed)?;
        let feel = |number: fn(Cell) -> f32| {
            let of = |grooves| numbers(given, grooves, number);
            Feel::of(&of(given), &of(&drawn), &of(&most_likely))
        };
        Ok(Some(Self {
            n_windows: given.len(),
            velocity: feel(|cell| cell.velocity),
            // A groove's offsets are early-positive.
            offset: feel(|cell| -cell.offset),
            fills: Fills::of(vae, dataset, split, seed)?,
        }))
    }
}

impl Feel {
    fn of(drummers: &[f64], drawn: &[f64], most_likely: &[f64]) -> Self {
        let played = |numbers: &[f64]| {
            let pairs = drummers.iter().zip(numbers);
            let distances: f64 = pairs.map(|(a, b)| (a - b).abs()).sum();
            Played {
                summary: Summary::of(numbers.iter().copied()),
                error: ratio(distances, numbers.len()),
                kl_nats: Likeness::of(drummers, numbers).kl_nats,
            }
        };
        Self {
            drummers: Summary::of(drummers.iter().copied()),
            drawn: played(drawn),
            most_likely: played(most_likely),
        }
    }
}

impl Fills {
    fn of(vae: &Vae, dataset: &Dataset, split: Split, seed: u64) -> anyhow::Result<Option<Self>> {
        let Some(classifier) = FillClassifier::of(dataset, Split::Train) else {
            return Ok(None);
        };
        let is_fill = |bar: &Groove| classifier.probability(bar) >= CALLED;
        let labelled = dataset.fill_bars(split);
        let labelled: Vec<Groove> = labelled
            .iter()
            .filter_map(|window| dataset.groove(window))
            .collect();
        let n_steps = vae.config().window_steps();
        let n_bars = n_steps / STEPS_PER_BAR;
        let beats = Windows::of_split(dataset, split, n_steps).grooves;
        let beats: Vec<Vec<Groove>> = beats.iter().map(bars).collect();
        let conditions: Vec<Conditions> = (0..N_GROOVES)
            .map(|index| Conditions {
                fills: Some((0..n_bars).map(|bar| bar == index % n_bars).collect()),
                ..Conditions::default()
            })
            .collect();
        let asked: Vec<Vec<Groove>> = grooves(vae, &conditions, TEMPERATURE.into(), seed)?
            .iter()
            .map(bars)
            .collect();
        let is_asked = |index: usize, bar: usize| bar == index % n_bars;
        let of_asked = |wanted: bool| {
            let grooves = asked.iter().enumerate();
            let bars = grooves.flat_map(move |(index, bars)| {
                let bars = bars.iter().enumerate();
                bars.filter(move |(bar, _)| is_asked(index, *bar) == wanted)
            });
            bars.map(|(_, bar)| bar)
        };
        let after_asked = asked
            .iter()
            .enumerate()
            .map(|(index, bars)| &bars[(index + 1) % n_bars]);
        let after_fills = beats.iter().flat_map(|bars| {
            let pairs = bars.windows(2).filter(|pair| is_fill(&pair[0]));
            pairs.map(|pair| &pair[1])
        });
        let beats = || beats.iter().flatten();
        Ok(Some(Self {
            of_labelled: share(labelled.iter(), is_fill),
            of_beats: share(beats(), is_fill),
            of_asked: share(of_asked(true), is_fill),
            of_others: share(of_asked(false), is_fill),
            downbeats: share(beats(), has_downbeat),
            downbeats_after_fills: share(after_fills, has_downbeat),
            downbeats_after_asked: share(after_asked, has_downbeat),
        }))
    }
}

/// Grooves under these conditions, each from its own point of the prior.
fn grooves(
    vae: &Vae,
    conditions: &[Conditions],
    temperature: Temperature,
    seed: u64,
) -> anyhow::Result<Vec<Groove>> {
    let mut grooves = Vec::with_capacity(conditions.len());
    for (batch, conditions) in conditions.chunks(BATCH).enumerate() {
        let samples = batch * BATCH..batch * BATCH + conditions.len();
        let mut noises: Vec<_> = samples.map(|index| noise_of(seed, index)).collect();
        let zs: Vec<_> = noises
            .iter_mut()
            .map(|noise| vae.draw(None, noise))
            .collect();
        let rows = vae.generate_batch(&zs, conditions, temperature, &mut noises)?;
        grooves.extend(held_out::grooves(vae.config(), rows.iter()).unwrap_or_default());
    }
    Ok(grooves)
}

/// The number of every hit of `given` as `played` has it.
fn numbers(given: &[Groove], played: &[Groove], number: fn(Cell) -> f32) -> Vec<f64> {
    let pairs = given.iter().zip(played);
    let cells = pairs.flat_map(|(given, played)| {
        let hits = given.hits();
        hits.filter_map(|(step, voice, _)| played.cell(step, voice))
    });
    cells.map(|cell| f64::from(number(cell))).collect()
}

fn bars(groove: &Groove) -> Vec<Groove> {
    let starts = (0..groove.n_steps()).step_by(STEPS_PER_BAR);
    starts
        .filter_map(|start| groove.window(start, STEPS_PER_BAR))
        .collect()
}

fn has_downbeat(bar: &Groove) -> bool {
    let plays = |voice| bar.cell(0, voice).is_some();
    plays(Voice::Kick) || plays(Voice::Crash)
}

fn share<'a>(bars: impl Iterator<Item = &'a Groove>, is_it: impl Fn(&Groove) -> bool) -> Estimate {
    let found: Vec<f64> = bars.map(|bar| count(usize::from(is_it(bar)))).collect();
    Estimate::mean(&found)
}
