//! Inputs as the model plays them: played back, humanised, turned from taps into drums.

use super::input::{Input, InputWindow};
use super::player::{Passage, Player};
use super::variation::{Variation, Variations};
use crate::make::noise::noise_of;
use anyhow::Context as _;
use fourbar_model::conditions::{Conditions, Known};
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::rows::Rows;
use std::io::Write;

/// Every window of the input in which anything plays, as the model plays it back from the posterior's mean.
pub(super) fn reconstructions<'a>(
    player: &'a Player,
    input: &'a Input,
    count: Option<usize>,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let windows = input.windows(player.converter, count, out)?.used;
    let numbered = windows.into_iter().enumerate();
    Ok(Box::new(numbered.map(move |(index, window)| {
        let (z, rows) = translated(player, &window, index)?;
        let n_steps = input.answer_steps(window.part);
        let passage = Passage {
            first_step: 0,
            n_steps,
            rows,
        };
        Ok(Variation {
            stem: format!("reconstruct-{}", input.window_stem(&window)),
            title: format!("{}, {}, played back", input.stem, window.bars_in_words()),
            notes: player.joined(&[passage], n_steps),
            n_steps,
            metre: input.metre(window.part),
            z: Some(z),
        })
    })))
}

/// The input's hits with the velocities and the timing of the model, all windows in one piece for each part.
///
/// A model that completes known parts is given the hits. With another the hits stay, whatever it would play: its own
/// velocity and timing go to those that it plays too; one that it would leave out has the mean velocity of its drum in
/// the window, or of all if the drum plays nowhere.
pub(super) fn humanized<'a>(
    player: &Player,
    input: &Input,
    count: Option<usize>,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let (mode, words) = ("humanize", "humanised");
    if player.completes() {
        let play = completion(player, Known::hits);
        return whole_parts(player, input, count, mode, words, out, play);
    }
    let (mut n_left_out, mut n_added, mut n_hits) = (0, 0, 0);
    let play = |window: &InputWindow, index| {
        let (_, rows) = translated(player, window, index)?;
        let converter = player.converter;
        let n_steps = input.answer_steps(window.part);
        let answer = |rows| converter.groove(rows)?.window(0, n_steps);
        let (Some(played), Some(given)) = (answer(&rows), answer(&window.example.output)) else {
            return Ok(rows);
        };
        for (step, voice, _) in given.hits() {
            n_hits += 1;
            n_left_out += usize::from(played.cell(step, voice).is_none());
        }
        n_added += played
            .hits()
            .filter(|(step, voice, _)| given.cell(*step, *voice).is_none())
            .count();
        let kept = converter.example_of_groove(&with_hits_of(&given, &played));
        Ok(kept.map_or(rows, |example| example.output))
    };
    let variations = whole_parts(player, input, count, mode, words, out, play)?;
    writeln!(
        out,
        "{}: {n_hits} hits humanised; the model alone would have left out {n_left_out} of them and added {n_added}",
        input.name
    )?;
    Ok(variations)
}

/// Drums to the taps that the input's notes are, all windows in one piece for each part.
pub(super) fn drumified<'a>(
    player: &Player,
    input: &Input,
    count: Option<usize>,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let (mode, words) = ("drumify", "drums to its taps");
    if player.completes() {
        let play = completion(player, Known::tap);
        return whole_parts(player, input, count, mode, words, out, play);
    }
    let play = |window: &InputWindow, index| Ok(translated(player, window, index)?.1);
    whole_parts(player, input, count, mode, words, out, play)
}

/// What a model draws around that which is `known` of a window. One point of the prior plays all windows, as one drummer
/// plays a song.
fn completion(
    player: &Player,
    known: fn(&Groove) -> Known,
) -> impl FnMut(&InputWindow, usize) -> anyhow::Result<Rows> {
    let z = player.draw(&mut noise_of(player.args.seed, 0));
    move |window, index| {
        let groove = player.converter.groove(&window.example.output);
        let conditions = Conditions {
            known: groove.as_ref().map(known),
            ..player.conditions(None)
        };
        let mut noise = noise_of(player.args.seed, index);
        player
            .play_with(&z, &conditions, &mut noise)
            .context("generating around an input")
    }
}

/// What the model makes of a window, and the point that it is.
fn translated(
    player: &Player,
    window: &InputWindow,
    index: usize,
) -> anyhow::Result<(Vec<f32>, Rows)> {
    let mu = player.mu(&window.example)?;
    let rows = player
        .play(&mu, Some(&window.example), index)
        .context("generating from an input")?;
    Ok((mu, rows))
}

/// Every part of the input with what `play` makes of its windows joined, up to the first window that is left out because
/// there is more than `count`.
fn whole_parts<'a>(
    player: &Player,
    input: &Input,
    count: Option<usize>,
    mode: &str,
    words: &str,
    out: &mut dyn Write,
    mut play: impl FnMut(&InputWindow, usize) -> anyhow::Result<Rows>,
) -> anyhow::Result<Variations<'a>> {
    let windows = input.windows(player.converter, count, out)?;
    let mut parts: Vec<Vec<Passage>> = Vec::new();
    parts.resize_with(input.n_parts(), Vec::new);
    for (index, window) in windows.used.iter().enumerate() {
        parts[window.part].push(Passage {
            first_step: window.first_step,
            n_steps: input.answer_steps(window.part),
            rows: play(window, index)?,
        });
    }
    let mut variations = Vec::new();
    for (part, passages) in parts.iter().enumerate() {
        if passages.is_empty() {
            continue;
        }
        let mut surplus = windows.surplus.iter();
        let n_steps = surplus
            .find(|window| window.part == part)
            .map_or(input.part_steps(part), |window| window.first_step);
        let number = if parts.len() == 1 {
            String::new()
        } else {
            format!("-part-{}", part + 1)
        };
        variations.push(Ok(Variation {
            stem: format!("{mode}-{}{number}", input.stem),
            title: format!("{}, {words}", input.stem),
            notes: player.joined(passages, n_steps),
            n_steps,
            metre: input.metre(part),
            z: None,
        }));
    }
    Ok(Box::new(variations.into_iter()))
}

/// The hits of `given`, played as those of `played`.
fn with_hits_of(given: &Groove, played: &Groove) -> Groove {
    let mean = |is_in: &dyn Fn(usize) -> bool| -> Option<Cell> {
        let cells: Vec<Cell> = played
            .hits()
            .filter(|(_, voice, _)| is_in(voice.index()))
            .map(|(_, _, cell)| cell)
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24 hits")]
        let n_cells = cells.len() as f32;
        (!cells.is_empty()).then(|| Cell {
            velocity: cells.iter().map(|cell| cell.velocity).sum::<f32>() / n_cells,
            offset: cells.iter().map(|cell| cell.offset).sum::<f32>() / n_cells,
        })
    };
    let mut kept = Groove::empty(given.n_steps());
    for (step, voice, cell) in given.hits() {
        let cell = played
            .cell(step, voice)
            .or_else(|| mean(&|drum| drum == voice.index()))
            .or_else(|| mean(&|_| true))
            .unwrap_or(Cell {
                offset: 0.0,
                ..cell
            });
        kept.set(step, voice, Some(cell));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::drums::Voice;

    fn cell(velocity: f32, offset: f32) -> Cell {
        Cell { velocity, offset }
    }

    #[test]
    fn the_hits_are_those_given_and_the_feel_is_the_one_played() {
        let mut given = Groove::empty(16);
        let mut played = Groove::empty(16);
        for step in [0, 4, 8] {
            given.set(step, Voice::Snare, Some(cell(1.0, 0.3)));
        }
        given.set(2, Voice::Crash, Some(cell(1.0, 0.3)));
        played.set(0, Voice::Snare, Some(cell(0.5, 0.25)));
        played.set(4, Voice::Snare, Some(cell(0.25, -0.25)));
        played.set(5, Voice::Kick, Some(cell(0.75, 0.0)));
        let kept = with_hits_of(&given, &played);
        let hits: Vec<_> = kept.hits().collect();
        assert_eq!(
            hits,
            [
                (0, Voice::Snare, cell(0.5, 0.25)),
                (2, Voice::Crash, cell(0.5, 0.0)),
                (4, Voice::Snare, cell(0.25, -0.25)),
                (8, Voice::Snare, cell(0.375, 0.0)),
            ]
        );
    }

    #[test]
    fn a_model_that_plays_nothing_leaves_the_input_on_the_grid() {
        let mut given = Groove::empty(4);
        given.set(1, Voice::Kick, Some(cell(0.7, 0.2)));
        let kept = with_hits_of(&given, &Groove::empty(4));
        assert_eq!(kept.cell(1, Voice::Kick), Some(cell(0.7, 0.0)));
    }
}
