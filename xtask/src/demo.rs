//! The first look: builds the plugin, plays it in a host, and shows what came out.
//!
//! Nothing here knows how a groove is made: the notes and the sound are those that the built plugin
//! handed to its host. The plugin is compiled with hardly any optimisation, which changes none of them and spares
//! whoever looks for the first time most of the wait.

pub(crate) mod host;
mod midi;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::artifact::Build;
use crate::command::repository;
use crate::target::Target;
use fourbar_kit::wav;
use fourbar_model::drums::DrumMap;
use fourbar_model::note::Note;
use fourbar_roll::{PictureKind, Roll};
use host::{PlayedNote, Setup};

/// Two passes of the four-bar loop.
const N_BARS: u32 = 8;
const BEATS_PER_BAR: u32 = 4;
const SAMPLE_RATE: u32 = 48_000;

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// The folder for groove.mid, groove.wav and groove.png [default: target/demo].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Beats per minute.
    #[arg(long, value_name = "BPM", default_value_t = 120.0, value_parser = tempo)]
    tempo: f64,
    /// Another seed, another groove.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(..1_000_000))]
    seed: u32,
    /// How daring the groove is; 0 plays what is most likely.
    #[arg(long, default_value_t = 1.0, value_parser = temperature)]
    temperature: f64,
}

/// Plays eight bars of the built plugin and writes `groove.mid`, `groove.wav` and `groove.png`.
///
/// # Errors
/// If the build fails, the plugin does not load or plays nothing, or a file can't be written.
pub(crate) fn demo(args: &DemoArgs) -> Result<()> {
    println!("Building the plugin, unoptimised, which takes minutes the first time.");
    let build = Build {
        profile: "quick",
        features: &[],
        target: &Target::here()?,
        glibc: None,
    };
    let plugin = build.library()?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| repository().join("target/demo"));
    fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;

    println!("Playing {N_BARS} bars of it in a host.");
    let performance = host::perform(
        &plugin,
        &Setup {
            sample_rate: SAMPLE_RATE,
            tempo_bpm: args.tempo,
            n_beats: N_BARS * BEATS_PER_BAR,
            seed: args.seed,
            temperature: args.temperature,
        },
    )
    .with_context(|| format!("playing {}", plugin.display()))?;
    ensure!(
        !performance.notes.is_empty(),
        "the plugin played no note in {N_BARS} bars"
    );

    let midi_path = out.join("groove.mid");
    let wav_path = out.join("groove.wav");
    let picture_path = out.join("groove.png");
    write(
        &midi_path,
        &midi::file(&performance.notes, args.tempo, N_BARS * BEATS_PER_BAR)?,
    )?;
    write(&wav_path, &wav(&performance.audio)?)?;
    let title = format!(
        "Fourbar, seed {}, temperature {}",
        args.seed, args.temperature
    );
    let roll = roll(&performance.notes);
    write(
        &picture_path,
        &roll.encode(&title, Some(args.tempo), PictureKind::Png)?,
    )?;
    print!("{}", roll.to_text());

    println!();
    println!(
        "The plugin played {} notes in {N_BARS} bars to its host:",
        performance.notes.len()
    );
    for (what, path) in [
        ("MIDI", midi_path),
        ("sound", wav_path),
        ("picture", picture_path),
    ] {
        println!("  {what:8} {}", path.display());
    }
    println!();
    println!(
        "Another groove:      cargo xtask demo --seed {}",
        args.seed + 1
    );
    println!("Into your DAW:       cargo xtask install");
    Ok(())
}

/// The bytes of a WAV file.
fn wav(audio: &[[f32; 2]]) -> Result<Vec<u8>> {
    let header = wav::header(audio.len(), SAMPLE_RATE);
    let header = header.context("the audio is longer than a WAV file can hold")?;
    let mut bytes = header.to_vec();
    bytes.extend(
        audio
            .iter()
            .flat_map(|&[left, right]| wav::frame(left, right)),
    );
    Ok(bytes)
}

/// What was played, on a lane for each drum.
fn roll(notes: &[PlayedNote]) -> Roll {
    let notes: Vec<_> = notes
        .iter()
        .map(|note| Note {
            onset_beats: note.onset_beats,
            duration_beats: note.end_beats - note.onset_beats,
            pitch: note.pitch,
            #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
            velocity: note.velocity as f32,
            channel: note.channel,
        })
        .collect();
    Roll::new(&notes, N_BARS as usize, &DrumMap::GM)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// A tempo that a MIDI file can state.
fn tempo(text: &str) -> Result<f64, String> {
    number_within(text, 10.0, 1000.0)
}

/// The range of the plugin's parameter.
fn temperature(text: &str) -> Result<f64, String> {
    number_within(text, 0.0, 2.0)
}

fn number_within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("is not between {least} and {most}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_groove_can_have_are_refused() {
        assert_eq!(tempo("174.5"), Ok(174.5));
        assert_eq!(temperature("0"), Ok(0.0));
        for text in ["0", "-120", "NaN", "inf", "fast"] {
            assert!(tempo(text).is_err(), "{text}");
        }
        assert!(temperature("2.1").is_err());
    }
}
