//! Which loops are heard, and in which order.

use crate::data::{Dataset, Split};
use crate::measure::sound::Loop;
use crate::measure::two_sample::{MIN_HITS, Windows, shuffle};
use crate::models::LoadedModel;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;
use std::collections::BTreeSet;

/// Pairs of a drummer's loop and the model's.
pub(super) const N_PAIRS: usize = 20;

/// How freely the model plays: as it has learned.
pub(super) const TEMPERATURE: f32 = 1.0;

/// Seeds that the plugin's field takes, from 0.
const N_SEEDS: usize = 1_000_000;

/// Seeds in turn that may give hardly any hits, before the model is called silent.
const MAX_TRIES: usize = 100;

/// A loop and what is to be found out about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clip {
    pub(super) groove: Groove,
    /// Tempo in quarter notes a minute: the drummer's, in both loops of a pair.
    pub(super) bpm: f64,
    pub(super) player: Player,
}

impl Clip {
    /// What is heard of it.
    pub(super) fn to_loop(&self) -> Loop<'_> {
        Loop {
            groove: &self.groove,
            bpm: self.bpm,
        }
    }
}

/// Who plays a loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Player {
    /// A human.
    Drummer {
        /// Path of the recording below the data set's root.
        file: String,
    },
    /// The model.
    Machine {
        /// The seed that it plays this with, in the plugin as well.
        seed: u64,
    },
}

/// [`N_PAIRS`] loops by drummers, the windows of the test split as `fourbar evaluate` cuts them, no two of one file, and as
/// many by the model, each at the tempo of one of them; shuffled.
///
/// # Errors
/// If the test split has too few files with such a window, or the model plays no drums by itself, or next to none.
pub(super) fn choose(
    model: &LoadedModel,
    dataset: &Dataset,
    seed: u64,
) -> anyhow::Result<Vec<Clip>> {
    let mut noise = Noise::from_seed(seed);
    let mut clips = Vec::with_capacity(2 * N_PAIRS);
    for human in drummers(model, dataset, &mut noise)? {
        clips.push(machine(model, human.bpm, &mut noise)?);
        clips.push(human);
    }
    shuffle(&mut clips, &mut noise);
    Ok(clips)
}

/// The drummers' loops.
fn drummers(
    model: &LoadedModel,
    dataset: &Dataset,
    noise: &mut Noise,
) -> anyhow::Result<Vec<Clip>> {
    let n_steps = model.vae.config().window_steps();
    let windows = Windows::of_split(dataset, Split::Test, n_steps);
    let mut places: Vec<usize> = (0..windows.len()).collect();
    shuffle(&mut places, noise);
    let mut files = BTreeSet::new();
    places.retain(|place| files.insert(windows.files[*place]));
    anyhow::ensure!(
        places.len() >= N_PAIRS,
        "{N_PAIRS} files of drummers are needed, and the test split of {} has {} in which they play {} bars of 4/4 with \
         dynamics and timing: give more with --data, or choose a model of grooves",
        dataset.card.name,
        places.len(),
        n_steps / STEPS_PER_BAR
    );
    let clips = places[..N_PAIRS].iter().map(|place| {
        let file = &dataset.files[windows.files[*place]];
        Clip {
            groove: windows.grooves[*place].clone(),
            bpm: file.bpm,
            player: Player::Drummer {
                file: file.name.clone(),
            },
        }
    });
    Ok(clips.collect())
}

/// A loop by the model for a tempo, which it is conditioned on if it has learned tempi. As of the drummers' loops, those
/// with hardly any hits are left out.
fn machine(model: &LoadedModel, bpm: f64, noise: &mut Noise) -> anyhow::Result<Clip> {
    let config = model.vae.config();
    #[expect(clippy::cast_possible_truncation, reason = "a tempo needs no more")]
    let conditions = Conditions {
        tempo_bpm: config.takes_tempo().then_some(bpm as f32),
        ..Conditions::default()
    };
    for _ in 0..MAX_TRIES {
        let seed = noise.below(N_SEEDS) as u64;
        let mut noise = Noise::from_seed(seed);
        let z = model.vae.draw(None, &mut noise);
        let groove = model
            .vae
            .generate_groove(&z, &conditions, TEMPERATURE, &mut noise)?;
        if groove.n_hits() >= MIN_HITS {
            return Ok(Clip {
                groove,
                bpm,
                player: Player::Machine { seed },
            });
        }
    }
    anyhow::bail!(
        "the model {} plays next to nothing: fewer than {MIN_HITS} hits with {MAX_TRIES} seeds in turn; choose a model that \
         was trained for longer",
        config.preset
    )
}
