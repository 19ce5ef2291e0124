//! The music of the page: what humans played, what a model makes of it, and what it plays from the prior.

use super::roll::Scene;
use crate::measure::decoding::means;
use crate::measure::evaluation::Evaluation;
use crate::measure::held_out::HeldOut;
use crate::measure::prior_samples::sample_prior;
use crate::measure::sound::{self, Loop};
use crate::measure::statistics::count;
use crate::measure::{accuracy, interpolation};
use anyhow::Context as _;
use fourbar_model::converter::Converter;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::Groove;
use fourbar_model::latent::slerp;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;

/// Sequences between both ends of an interpolation, the reconstructions of these among them.
const N_STRIPS: u8 = 7;
/// Samples of the prior.
const N_SAMPLES: usize = 3;
/// How often each groove is heard: the page stays small.
const N_ROUNDS: u8 = 1;
/// Which reconstructions are drawn, as shares of the way from the worst to the best.
const RANKS: [(&str, f64); 3] = [
    ("Among the weakest tenth", 0.1),
    ("In the middle", 0.5),
    ("Among the best tenth", 0.9),
];

/// Music on the page.
pub(in crate::measure) struct Gallery {
    map: &'static DrumMap,
    /// Length of every roll in 16ths.
    n_steps: usize,
    pub(super) reconstructions: Vec<Reconstructed>,
    pub(super) interpolation: Interpolated,
    pub(super) samples: Vec<Sequence>,
}

/// One piece of music.
pub(super) struct Sequence {
    pub(super) notes: Vec<Note>,
    /// What a drum kit plays of it, at this tempo in quarter notes a minute; `None` if the model plays no drums of the nine.
    groove: Option<Groove>,
    bpm: f64,
    /// The groove as an Ogg Opus file.
    pub(super) sound: Option<Vec<u8>>,
}

/// A held-out sequence beside what the model makes of it.
pub(super) struct Reconstructed {
    pub(super) rank: &'static str,
    pub(super) name: String,
    pub(super) right: f64,
    pub(super) target: Sequence,
    pub(super) output: Sequence,
}

/// A way from one held-out sequence to another.
pub(super) struct Interpolated {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) start: Sequence,
    /// The places on the way with what is decoded there.
    pub(super) decoded: Vec<(f32, Sequence)>,
    pub(super) end: Sequence,
}

impl Gallery {
    /// Chooses what is shown, by `seed` where it is left to chance. Conditional models keep the first example's controls
    /// all the way of an interpolation.
    ///
    /// # Errors
    /// If the network fails on its device, or the encoder of the sound.
    pub(in crate::measure) fn of(
        vae: &Vae,
        evaluation: &Evaluation,
        map: &'static DrumMap,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let Evaluation {
            held_out, played, ..
        } = evaluation;
        let to_sequence = |rows: &Rows, bpm| Sequence::of(rows, bpm, &vae.config().converter, map);
        let reconstructions = ranked(held_out, played).map(|(rank, place, right)| Reconstructed {
            rank,
            name: held_out.names[place].clone(),
            right,
            target: to_sequence(&held_out.examples[place].output, held_out.bpms[place]),
            output: to_sequence(&played[place], held_out.bpms[place]),
        });
        let samples: Vec<usize> = (0..N_SAMPLES).collect();
        let samples = sample_prior(vae, held_out, &samples, seed)?;
        // Each is conditioned on one of the examples, and played at its tempo.
        let samples = samples.iter().zip(held_out.bpms.iter().cycle());
        let mut gallery = Self {
            map,
            n_steps: vae.config().window_steps(),
            reconstructions: reconstructions.collect(),
            interpolation: Interpolated::of(vae, held_out, map, seed)?,
            samples: samples.map(|(rows, bpm)| to_sequence(rows, *bpm)).collect(),
        };
        gallery.record().context("encoding the sound")?;
        Ok(gallery)
    }

    /// Gives every groove its sound, all with one gain.
    fn record(&mut self) -> opus_pure::Result<()> {
        let of_examples = self.reconstructions.iter_mut();
        let of_examples =
            of_examples.flat_map(|example| [&mut example.target, &mut example.output]);
        let Interpolated {
            start,
            decoded,
            end,
            ..
        } = &mut self.interpolation;
        let on_the_way = decoded.iter_mut().map(|(_, sequence)| sequence);
        let mut sequences: Vec<&mut Sequence> = of_examples
            .chain([start, end])
            .chain(on_the_way)
            .chain(&mut self.samples)
            .filter(|sequence| sequence.groove.is_some())
            .collect();
        let loops: Vec<Loop<'_>> = sequences
            .iter()
            .filter_map(|sequence| {
                Some(Loop {
                    groove: sequence.groove.as_ref()?,
                    bpm: sequence.bpm,
                })
            })
            .collect();
        let sounds = sound::record(&loops, N_ROUNDS)?;
        for (sequence, sound) in sequences.iter_mut().zip(sounds) {
            sequence.sound = Some(sound);
        }
        Ok(())
    }

    /// What the rolls of some of its sequences have in common.
    pub(super) fn scene<'a>(&self, sequences: impl IntoIterator<Item = &'a Sequence>) -> Scene<'_> {
        let notes = sequences.into_iter().map(|sequence| &sequence.notes);
        Scene::of(notes, self.n_steps, self.map)
    }
}

impl Sequence {
    /// What rows of the converter's output are, still without sound.
    fn of(rows: &Rows, bpm: f64, converter: &Converter, map: &DrumMap) -> Self {
        Self {
            notes: converter.notes(rows, map),
            groove: converter.groove(rows),
            bpm,
            sound: None,
        }
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

impl Interpolated {
    fn of(vae: &Vae, held_out: &HeldOut, map: &DrumMap, seed: u64) -> anyhow::Result<Self> {
        let (start, end) = interpolation::pairs(held_out, 1, seed)[0];
        let bpm = held_out.bpms[start];
        let to_sequence = |rows: &Rows| Sequence::of(rows, bpm, &vae.config().converter, map);
        let ends = [start, end].map(|place| held_out.examples[place].clone());
        let mus = means(vae, &ends)?;
        let decoded = (0..N_STRIPS)
            .map(|strip| {
                let t = f32::from(strip) / f32::from(N_STRIPS - 1);
                let z = slerp(&mus[0], &mus[1], t);
                let conditions = &ends[0].conditions;
                let rows = vae.generate(&z, conditions, 0.0, &mut Noise::from_seed(0))?;
                Ok((t, to_sequence(&rows)))
            })
            .collect::<anyhow::Result<_>>()?;
        let [from, to] = [start, end].map(|place| held_out.names[place].clone());
        Ok(Self {
            from,
            to,
            start: to_sequence(&ends[0].output),
            decoded,
            end: to_sequence(&ends[1].output),
        })
    }
}
