//! `fourbar generate`: music as MIDI files, new, between others, near one, or made from one.
//!
//! The same model, arguments and seed give the same bytes. A sample depends on the seed and its own number only, so
//! asking for more samples never changes the first ones.

mod ability;
mod arguments;
mod attribute;
mod between;
mod input;
mod known;
mod nearby;
mod output;
mod player;
mod sample;
mod translate;
mod variation;

pub use arguments::{Args, Mode};
pub use sample::sample;

use crate::arguments::TEMPI_BPM;
use crate::models::LoadedModel;
use input::{Input, Reading};
use player::Player;
use std::io::{self, Write};

/// Tempo where neither the user nor an input gives one.
const DEFAULT_BPM: f64 = 120.0;
/// Files that are made where the user does not say how many.
const DEFAULT_COUNT: usize = 8;
/// Side of a grid where the user does not say how many.
const DEFAULT_SIDE: usize = 4;

/// Generates music and writes it.
///
/// # Errors
/// If the model or an input cannot be used, the model cannot do what is asked, there are too few or too many inputs for
/// the mode, or a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    generate(args, &mut io::stdout())
}

/// See [`run`]; `out` gets what is read and written.
fn generate(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    args.check()?;
    let model = LoadedModel::open(&args.model)?;
    let config = &model.metadata.config;
    ability::check_mode(args.mode, config)?;
    ability::check_controls(args.mode, config, args.controls.is_some())?;

    let mut player = Player::new(&model, args, out)?;
    let reading = Reading {
        as_taps: args.mode == Mode::Drumify,
        copied_to: (args.mode == Mode::Continue).then(|| player.written_map()),
        ..player.reading()
    };
    let inputs = args
        .input
        .iter()
        .map(|path| Input::open(path, reading, out))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let bpm = tempo(args.tempo, inputs.first(), out)?;
    if args.tempo.is_some() || !inputs.is_empty() {
        player.set_tempo(bpm);
    }
    let count = args.count.unwrap_or(DEFAULT_COUNT);
    let variations = match args.mode {
        Mode::Sample => sample::samples(&player, count),
        Mode::Reconstruct => translate::reconstructions(&player, &inputs[0], args.count, out)?,
        Mode::Interpolate => between::interpolation(&player, &inputs, count, out)?,
        Mode::Similar => nearby::variations(&player, &inputs[0], count, out)?,
        Mode::Continue => nearby::continuations(&player, &inputs[0], count, out)?,
        Mode::Humanize => translate::humanized(&player, &inputs[0], args.count, out)?,
        Mode::Drumify => translate::drumified(&player, &inputs[0], args.count, out)?,
        Mode::Grid => {
            let side = args.count.unwrap_or(DEFAULT_SIDE);
            between::grid(&player, &inputs, side, out)?
        }
    };
    for variation in variations {
        output::write(&variation?, &player, bpm, args, out)?;
    }
    if let Some(remark) = player.remark() {
        writeln!(out, "{remark}")?;
    }
    Ok(())
}

/// The tempo to write: that which is `asked` for, else that of the first input, else the usual one. Says so where the
/// input's cannot be written.
fn tempo(asked: Option<f64>, input: Option<&Input>, out: &mut dyn Write) -> io::Result<f64> {
    let (None, Some(input)) = (asked, input) else {
        return Ok(asked.unwrap_or(DEFAULT_BPM));
    };
    let (slowest, fastest) = (TEMPI_BPM.start(), TEMPI_BPM.end());
    let (bpm, problem) = match input.song.tempos.first() {
        Some(tempo) if TEMPI_BPM.contains(&tempo.bpm) => return Ok(tempo.bpm),
        Some(tempo) => (
            tempo.bpm.clamp(*slowest, *fastest),
            format!(
                "its tempo, {:.1} bpm, is outside of {slowest} to {fastest}",
                tempo.bpm
            ),
        ),
        None => (DEFAULT_BPM, "it gives no tempo".to_owned()),
    };
    writeln!(
        out,
        "{}: {problem}: {bpm} bpm is written; --tempo gives another",
        input.name
    )?;
    Ok(bpm)
}

#[cfg(test)]
mod tests;
