//! Music near an input: variations of it, and what could come after it.

use super::input::{Input, InputWindow};
use super::player::{Passage, Player};
use super::{Take, Takes, noise_of};
use anyhow::Context as _;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::beats;
use fourbar_model::latent::slerp;
use fourbar_model::midi::DRUM_CHANNEL;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::rows::Rows;
use std::io::Write;

/// Variations of the first window of an input.
pub(super) fn variations<'a>(
    player: &'a Player,
    input: &'a Input,
    count: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Takes<'a>> {
    let window = input.first_window(player.converter, out)?;
    let mu = player.mu(&window.example)?;
    let args = player.args;
    Ok(Box::new((0..count).map(move |index| {
        let (z, rows) =
            played_near(player, &mu, &window, index).context("generating a variation")?;
        let number = index + 1;
        Ok(Take {
            stem: format!("similar-seed{}-{number:03}", args.seed),
            title: format!(
                "variation {number} of {}  ·  seed {}  ·  strength {}",
                input.stem, args.seed, args.strength
            ),
            notes: player.notes(&rows),
            n_steps: player.window_steps(),
            metre: input.metre(window.part),
            z: Some(z),
        })
    })))
}

/// The input and one more window after it.
///
/// No model here has learned what follows what. The last window of the input is taken for what the next one is like: a
/// point near its own is decoded, which is a variation of it.
pub(super) fn continuations<'a>(
    player: &'a Player,
    input: &'a Input,
    count: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Takes<'a>> {
    let last = input.last_window(player.converter, out)?;
    let mu = player.mu(&last.example)?;
    let args = player.args;
    let n_heard = input.part_steps(last.part);
    let n_added = input.answer_steps(last.part);
    let n_steps = n_heard + n_added;
    let heard = heard(player, input, last.part);
    Ok(Box::new((0..count).map(move |index| {
        let (z, rows) =
            played_near(player, &mu, &last, index).context("generating a continuation")?;
        let added = Passage {
            first_step: n_heard,
            n_steps: n_added,
            rows,
        };
        let mut notes = heard.clone();
        notes.extend(player.joined(&[added], n_steps));
        let number = index + 1;
        Ok(Take {
            stem: format!("continue-seed{}-{number:03}", args.seed),
            title: format!(
                "{} continued, {number}  ·  seed {}  ·  strength {}",
                input.stem, args.seed, args.strength
            ),
            notes,
            n_steps,
            metre: input.metre(last.part),
            z: Some(z),
        })
    })))
}

/// Variation number `index` of a window whose posterior has the mean `mu`: its point and its rows.
fn played_near(
    player: &Player,
    mu: &[f32],
    window: &InputWindow,
    index: usize,
) -> anyhow::Result<(Vec<f32>, Rows)> {
    let mut noise = noise_of(player.args.seed, index);
    let z = near(mu, player.args.strength, &mut noise);
    let rows = player.play_with(&z, Some(&window.example), &mut noise)?;
    Ok((z, rows))
}

/// The point `strength` of the way on the arc from `mu` to a point of the prior: at 0 the input itself, at 1 a sample that
/// has nothing to do with it, and on the way as far from the centre as the points that the decoder knows.
///
/// # Source
/// Our own. magenta.js's `similar` mixes on the straight line, `s · mu + (1 − s) · noise`, with the opposite meaning of
/// the number; halfway, that point is nearer to the centre than both of its ends by a factor of about √2, where the
/// decoder plays what is common to everything.
fn near(mu: &[f32], strength: f32, noise: &mut Noise) -> Vec<f32> {
    let elsewhere = noise.normals(mu.len());
    slerp(mu, &elsewhere, strength)
}

/// What is played in a part of the input, as it will be written: drums as they were played, on the keys of the written
/// map; a melody or a trio as the model reads it, on the model's channels.
fn heard(player: &Player, input: &Input, part: usize) -> Vec<Note> {
    let end_beats = beats(input.part_steps(part));
    if player.converter.plays_drums() {
        let start_beats = input.part_start_beats(part);
        let rekeyed = |pitch: u8| rekeyed(pitch, player.args.input_map, player.written_map());
        let drums = input.song.drums().unwrap_or_default();
        drums
            .into_iter()
            .filter(|note| note.onset_beats >= start_beats - beats(1) / 2.0)
            .filter_map(|note| {
                Some(Note {
                    onset_beats: (note.onset_beats - start_beats).max(0.0),
                    pitch: rekeyed(note.pitch)?,
                    channel: DRUM_CHANNEL,
                    ..note
                })
            })
            .filter(|note| note.onset_beats < end_beats)
            .collect()
    } else {
        let example = input.whole_part(player.converter, part);
        player.notes(&example.output)
    }
}

/// The key of the same drum in another map; keys that are no drum stay silent. The same map keeps every key.
fn rekeyed(pitch: u8, from: &DrumMap, to: &DrumMap) -> Option<u8> {
    if from.id == to.id {
        Some(pitch)
    } else {
        from.voice(pitch).map(|voice| to.pitch(voice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(z: &[f32]) -> f32 {
        z.iter().map(|x| x * x).sum::<f32>().sqrt()
    }

    #[test]
    fn a_strength_of_nothing_is_the_input_and_of_one_has_nothing_of_it() {
        let mu = Noise::from_seed(1).normals(64);
        let near = |strength| near(&mu, strength, &mut Noise::from_seed(2));
        assert_eq!(near(0.0), mu);
        let far = Noise::from_seed(2).normals(64);
        assert!(
            near(1.0)
                .iter()
                .zip(&far)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }

    #[test]
    fn a_variation_keeps_the_distance_from_the_centre_that_a_straight_mix_loses() {
        let mu = Noise::from_seed(1).normals(512);
        let noise = Noise::from_seed(2).normals(512);
        let on_arc = norm(&near(&mu, 0.5, &mut Noise::from_seed(2)));
        let straight: Vec<f32> = mu.iter().zip(&noise).map(|(a, b)| 0.5 * (a + b)).collect();
        let ends = (norm(&mu) + norm(&noise)) / 2.0;
        assert!((on_arc / ends - 1.0).abs() < 0.02, "{on_arc} of {ends}");
        assert!((norm(&straight) / ends - 0.5_f32.sqrt()).abs() < 0.05);
    }

    #[test]
    fn keys_follow_their_drum_into_another_map() {
        assert_eq!(rekeyed(48, &DrumMap::TD11, &DrumMap::GM), Some(50));
        assert_eq!(rekeyed(35, &DrumMap::GM, &DrumMap::GM), Some(35));
        assert_eq!(rekeyed(100, &DrumMap::GM, &DrumMap::TD11), None);
    }
}
