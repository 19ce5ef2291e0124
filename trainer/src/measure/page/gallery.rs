//! What is drawn on the page: music that was heard, what a model makes of it, and what it invents.

use crate::measure::decoding::means;
use crate::measure::evaluation::Evaluation;
use crate::measure::held_out::HeldOut;
use crate::measure::prior_samples::sample_prior;
use crate::measure::statistics::count;
use crate::measure::{accuracy, interpolation};
use fourbar_model::drums::DrumMap;
use fourbar_model::latent::slerp;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;

/// Sequences of the walk that is drawn, the reconstructions of both ends among them.
const N_STRIPS: u8 = 7;
/// Samples of the prior that are drawn.
const N_SAMPLES: usize = 3;
/// Which reconstructions are drawn, as shares of the way from the worst to the best.
const RANKS: [(&str, f64); 3] = [
    ("Among the weakest tenth", 0.1),
    ("In the middle", 0.5),
    ("Among the best tenth", 0.9),
];

/// Music that is drawn on the page.
pub(in crate::measure) struct Gallery {
    pub(super) map: &'static DrumMap,
    /// Length of every roll in 16ths.
    pub(super) n_steps: usize,
    pub(super) reconstructions: Vec<Reconstructed>,
    pub(super) walk: Walk,
    pub(super) samples: Vec<Vec<Note>>,
}

/// A held-out sequence beside what the model makes of it.
pub(super) struct Reconstructed {
    pub(super) rank: &'static str,
    pub(super) name: String,
    pub(super) right: f64,
    pub(super) heard: Vec<Note>,
    pub(super) played: Vec<Note>,
}

/// A way from one held-out sequence to another.
pub(super) struct Walk {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) start: Vec<Note>,
    /// The places on the way with what is decoded there.
    pub(super) decoded: Vec<(f32, Vec<Note>)>,
    pub(super) end: Vec<Note>,
}

impl Gallery {
    /// Chooses what is drawn, by `seed` where it is left to chance. A walk of a model with controls has those of its
    /// start all the way.
    ///
    /// # Errors
    /// If the network fails on its device.
    pub(in crate::measure) fn of(
        vae: &Vae,
        evaluation: &Evaluation,
        map: &'static DrumMap,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let Evaluation {
            held_out, played, ..
        } = evaluation;
        let converter = &vae.config().converter;
        let notes = |rows: &Rows| converter.notes(rows, map);
        let samples: Vec<usize> = (0..N_SAMPLES).collect();
        let rows = sample_prior(vae, held_out, &samples, seed)?;
        let reconstructions = ranked(held_out, played).map(|(rank, place, right)| Reconstructed {
            rank,
            name: held_out.names[place].clone(),
            right,
            heard: notes(&held_out.examples[place].output),
            played: notes(&played[place]),
        });
        Ok(Self {
            map,
            n_steps: vae.config().window_steps(),
            reconstructions: reconstructions.collect(),
            walk: Walk::of(vae, held_out, map, seed)?,
            samples: rows.iter().map(notes).collect(),
        })
    }
}

/// The reconstructions of [`RANKS`], as places among the examples with the share of rows that is right.
fn ranked<'a>(
    held_out: &'a HeldOut,
    played: &'a [Rows],
) -> impl Iterator<Item = (&'static str, usize, f64)> {
    let pairs = held_out.outputs().zip(played);
    let mut shares: Vec<(f64, usize)> = pairs
        .enumerate()
        .filter_map(|(place, pair)| {
            let right = accuracy::share_of_rows(std::iter::once(pair))?;
            Some((right, place))
        })
        .collect();
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    RANKS.into_iter().filter_map(move |(rank, share)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the list"
        )]
        let at = (share * count(shares.len().checked_sub(1)?)).round() as usize;
        let (right, place) = shares[at];
        Some((rank, place, right))
    })
}

impl Walk {
    fn of(vae: &Vae, held_out: &HeldOut, map: &'static DrumMap, seed: u64) -> anyhow::Result<Self> {
        let notes = |rows: &Rows| vae.config().converter.notes(rows, map);
        let (start, end) = interpolation::pairs(held_out, 1, seed)[0];
        let ends = [start, end].map(|place| held_out.examples[place].clone());
        let mus = means(vae, &ends)?;
        let decoded = (0..N_STRIPS)
            .map(|strip| {
                let t = f32::from(strip) / f32::from(N_STRIPS - 1);
                let z = slerp(&mus[0], &mus[1], t);
                let conditions = &ends[0].conditions;
                let rows = vae.generate(&z, conditions, 0.0, &mut Noise::from_seed(0))?;
                Ok((t, notes(&rows)))
            })
            .collect::<anyhow::Result<_>>()?;
        let [from, to] = [start, end].map(|place| held_out.names[place].clone());
        Ok(Self {
            from,
            to,
            start: notes(&ends[0].output),
            decoded,
            end: notes(&ends[1].output),
        })
    }
}
