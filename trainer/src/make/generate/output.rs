//! Files of generated music, in the formats that the user asks for.

use super::arguments::{Args, Format};
use super::input::bars;
use super::player::Player;
use super::variation::Variation;
use crate::files;
use fourbar_model::groove::beats;
use fourbar_model::midi::{self, DRUM_CHANNEL, Setup};
use fourbar_model::note::Note;
use fourbar_roll::{KeyRoll, PictureKind, Roll, drawn_bars};
use serde::Serialize;
use std::io::Write;

/// What is written as JSON.
#[derive(Serialize)]
struct Description<'a> {
    model: &'a str,
    mode: &'a str,
    title: &'a str,
    seed: u64,
    temperature: f32,
    /// Of velocities and timing.
    feel_temperature: f32,
    bpm: f64,
    /// Such as 4/4.
    metre: String,
    n_steps: usize,
    /// Before attributes moved it; absent where several windows were joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    latent: Option<&'a [f32]>,
    attributes: Vec<String>,
    notes: Vec<DescribedNote>,
}

/// A note as JSON has it.
#[derive(Serialize)]
struct DescribedNote {
    onset_beats: f64,
    duration_beats: f64,
    pitch: u8,
    /// 0–1.
    velocity: f32,
    /// As musicians count it: 10 is drums.
    channel: u8,
}

impl DescribedNote {
    fn of(note: &Note) -> Self {
        Self {
            onset_beats: note.onset_beats,
            duration_beats: note.duration_beats,
            pitch: note.pitch,
            velocity: note.velocity,
            channel: note.channel + 1,
        }
    }
}

/// Writes a variation in every format that is asked for.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn write(
    variation: &Variation,
    player: &Player,
    bpm: f64,
    args: &Args,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let preset = &player.vae.config().preset;
    let title = format!("{preset}  ·  {}", variation.title);
    let mut formats = args.format.clone();
    formats.sort_unstable();
    formats.dedup();
    let n_bars = variation.metre.n_bars(variation.n_steps);
    let n_drawn = drawn_bars(n_bars, variation.metre.steps_per_bar);
    for format in formats {
        let bytes = match format {
            Format::Mid => {
                let setup = Setup {
                    bpm,
                    signature: variation.metre.signature,
                    ticks_per_beat: player.converter.ticks_per_beat(),
                    programs: player.converter.programs(),
                };
                midi::write_with(&variation.notes, beats(variation.n_steps), &setup)
            }
            Format::Json => describe(variation, player, bpm)?,
            Format::Png => picture(variation, player, &title, bpm, PictureKind::Png)?,
            Format::Svg => picture(variation, player, &title, bpm, PictureKind::Svg)?,
        };
        let path = args
            .out
            .join(format!("{}.{}", variation.stem, format.ending()));
        files::write_atomically(&path, &bytes)?;
        writeln!(
            out,
            "{}  ({} notes in {})",
            path.display(),
            variation.notes.len(),
            bars(n_bars)
        )?;
        let is_picture = matches!(format, Format::Png | Format::Svg);
        if is_picture && n_bars > n_drawn {
            writeln!(
                out,
                "{}: only the first {n_drawn} bars are drawn",
                path.display()
            )?;
        }
    }
    Ok(())
}

fn describe(variation: &Variation, player: &Player, bpm: f64) -> anyhow::Result<Vec<u8>> {
    let (args, temperature) = (player.args, player.temperature());
    let description = Description {
        model: &player.vae.config().preset,
        mode: args.mode.name(),
        title: &variation.title,
        seed: args.seed,
        temperature: temperature.hits,
        feel_temperature: temperature.feel,
        bpm,
        metre: variation.metre.signature.to_string(),
        n_steps: variation.n_steps,
        latent: variation.z.as_deref(),
        attributes: args.attribute.iter().map(|amount| amount.words()).collect(),
        notes: variation.notes.iter().map(DescribedNote::of).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&description)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The piano roll: nine lanes of drums, or keys where anything else plays.
fn picture(
    variation: &Variation,
    player: &Player,
    title: &str,
    bpm: f64,
    kind: PictureKind,
) -> anyhow::Result<Vec<u8>> {
    let steps_per_bar = variation.metre.steps_per_bar;
    let n_bars = variation.metre.n_bars(variation.n_steps);
    let map = player.written_map();
    if player.converter.plays_drums() {
        return Roll::in_bars(&variation.notes, n_bars, steps_per_bar, map).encode(
            title,
            Some(bpm),
            kind,
        );
    }
    let (drums, keys): (Vec<Note>, Vec<Note>) = variation
        .notes
        .iter()
        .partition(|note| note.channel == DRUM_CHANNEL);
    KeyRoll::new(&keys, &drums, n_bars, steps_per_bar, map).encode(title, kind)
}
