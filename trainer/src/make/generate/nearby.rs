//! Music near an input: variations of it, and what could come after it.

use super::input::Input;
use super::known::kept;
use super::player::{Passage, Player};
use super::variation::{Variation, Variations};
use crate::make::noise::noise_of;
use anyhow::Context as _;
use fourbar_model::conditions::{Conditions, Known};
use fourbar_model::converter::Example;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, STEPS_PER_BAR, beats};
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
) -> anyhow::Result<Variations<'a>> {
    let args = player.args;
    let window = input.first_window(player.converter, out)?;
    let mu = player.mu(&window.example)?;
    let groove = player.converter.groove(&window.example.output);
    let conditions = Conditions {
        known: groove.map_or(Ok(None), |groove| kept(&groove, &args.keep))?,
        ..player.conditions(Some(&window.example))
    };
    Ok(Box::new((0..count).map(move |index| {
        let mut noise = noise_of(args.seed, index);
        let z = near(player, &mu, &mut noise);
        let rows = player
            .play_with(&z, &conditions, &mut noise)
            .context("generating a variation")?;
        let number = index + 1;
        Ok(Variation {
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
/// A model that completes known parts draws it after the last bars of the input. No other model has learned what follows
/// what: it takes the last window for what the next one is like, and decodes a point near its own, which is a variation.
pub(super) fn continuations<'a>(
    player: &'a Player,
    input: &'a Input,
    count: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let last = input.last_window(player.converter, out)?;
    let mu = player.mu(&last.example)?;
    let args = player.args;
    let n_heard = input.part_steps(last.part);
    let n_added = input.answer_steps(last.part);
    let n_steps = n_heard + n_added;
    let heard = heard(player, input, last.part);
    Ok(Box::new((0..count).map(move |index| {
        let mut noise = noise_of(args.seed, index);
        let z = near(player, &mu, &mut noise);
        let rows = next_window(player, &z, &last.example, &mut noise)
            .context("generating a continuation")?;
        let added = Passage {
            first_step: n_heard,
            n_steps: n_added,
            rows,
        };
        let mut notes = heard.clone();
        notes.extend(player.joined(&[added], n_steps));
        let number = index + 1;
        Ok(Variation {
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

/// The window that comes after `last`, whose point `z` is near: by a model that completes known parts half a window at a
/// time, each after as many bars before it.
fn next_window(
    player: &Player,
    z: &[f32],
    last: &Example,
    noise: &mut Noise,
) -> anyhow::Result<Rows> {
    let conditions = player.conditions(Some(last));
    let n_steps = player.window_steps();
    let n_heard_bars = n_steps / STEPS_PER_BAR / 2;
    let heard = player.converter.groove(&last.output);
    let Some(heard) = heard.filter(|_| player.completes() && n_heard_bars > 0) else {
        return player.play_with(z, &conditions, noise);
    };
    let mut music = heard.padded_to(3 * n_steps);
    let mut end_step = n_steps;
    while end_step < 2 * n_steps {
        let first_step = end_step - n_heard_bars * STEPS_PER_BAR;
        let known = music.window(first_step, n_steps);
        let conditions = Conditions {
            known: known.map(|groove| Known::first_bars(&groove, n_heard_bars)),
            ..conditions.clone()
        };
        let rows = player.play_with(z, &conditions, noise)?;
        let played = player.converter.groove(&rows);
        for (step, voice, cell) in played.iter().flat_map(Groove::hits) {
            music.set(first_step + step, voice, Some(cell));
        }
        end_step = first_step + n_steps;
    }
    let added = music.window(n_steps, n_steps);
    let added = added.and_then(|groove| player.converter.example_of_groove(&groove));
    Ok(added.context("a groove has no rows")?.output)
}

/// The point `--strength` of the way on the arc from `mu` to a point of the prior: at 0 the input itself, at 1 a sample
/// that has nothing to do with it, and on the way as far from the centre as the points that the decoder knows.
///
/// # Source
/// Our own. magenta.js's `similar` mixes on the straight line, `s · mu + (1 − s) · noise`, with the opposite meaning of
/// the number; halfway, that point is nearer to the centre than both of its ends by a factor of about √2, where the
/// decoder plays what is common to everything.
fn near(player: &Player, mu: &[f32], noise: &mut Noise) -> Vec<f32> {
    slerp(mu, &player.draw(noise), player.args.strength)
}

/// What is played in a part of the input, as it will be written: drums as they were played, on the keys of the written
/// map; a melody or a trio as the model reads it, on the model's channels.
fn heard(player: &Player, input: &Input, part: usize) -> Vec<Note> {
    let end_beats = beats(input.part_steps(part));
    if player.converter.plays_drums() {
        let start_beats = input.part_start_beats(part);
        let rekeyed = |pitch: u8| rekeyed(pitch, player.args.input_map, player.written_map());
        let drums = input
            .song
            .drums()
            .map_or_else(|_| Vec::new(), |drums| drums.notes);
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

    #[test]
    fn keys_follow_their_drum_into_another_map() {
        assert_eq!(rekeyed(48, &DrumMap::TD11, &DrumMap::GM), Some(50));
        assert_eq!(rekeyed(35, &DrumMap::GM, &DrumMap::GM), Some(35));
        assert_eq!(rekeyed(100, &DrumMap::GM, &DrumMap::TD11), None);
    }
}
