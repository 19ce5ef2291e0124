//! The piano roll of a MIDI file: as a picture, or as text in the terminal.

use crate::files;
use crate::reading::maps;
use crate::reading::{self, PartArgs, Performance};
use anyhow::bail;
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::DrumMap;
use fourbar_roll::{MAX_BARS, PictureKind, Roll};
use std::io::{self, Write};
use std::path::PathBuf;

/// Arguments of `fourbar roll`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("output").required(true).multiple(true))]
pub struct Args {
    /// The MIDI file to draw
    #[arg(long, value_name = "FILE.mid", value_parser = files::path_parser())]
    pub input: PathBuf,
    /// Where to write the picture; the ending, .png or .svg, chooses the kind
    #[arg(long, value_name = "FILE", group = "output", value_parser = files::path_parser())]
    pub out: Option<PathBuf>,
    /// Print the grid in the terminal: one line for each drum, 16 characters a bar
    #[arg(long, group = "output")]
    pub text: bool,
    /// Words above the picture [default: the input's name]
    #[arg(long)]
    pub title: Option<String>,
    /// How the file numbers its drums: a name of `fourbar maps`, or a file of your own ending in .toml
    #[arg(long, value_name = "MAP", default_value = DrumMap::GM.id, value_parser = maps::parse)]
    pub drum_map: &'static DrumMap,
    /// Where the drums are.
    #[command(flatten)]
    pub part: PartArgs,
}

/// Draws a MIDI file.
///
/// # Errors
/// If the file cannot be used, holds no drum of the map, or the picture cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    draw(args, &mut io::stdout())
}

/// See [`run`]; `out` gets the text, and what is said of the file.
fn draw(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let kind = args.out.as_deref().map(PictureKind::of_path).transpose()?;
    files::check_outputs(
        &[("--input", Some(&args.input))],
        &[("--out", args.out.as_deref())],
    )?;
    let file = Performance::open(&args.input, args.part.part())?;
    let converter = Converter::Groove(GrooveConverter {
        any_metre: true,
        ..GrooveConverter::default()
    });
    let extracted = file.extract(&converter, args.drum_map, 1)?;
    let [part] = &extracted.parts[..] else {
        bail!(
            "{}: its metre changes, and a roll has one metre: cut it into parts",
            file.name
        );
    };
    let n_bars = part.n_bars();
    let mut notes = file.song.drums_in(args.drum_map)?.notes;
    for note in &mut notes {
        note.onset_beats -= part.start_beats;
    }
    let roll = Roll::in_bars(&notes, n_bars, part.steps_per_bar, args.drum_map);

    if let (Some(path), Some(kind)) = (&args.out, kind) {
        let stem = args.input.file_stem().unwrap_or_default().to_string_lossy();
        let title = args.title.as_deref().unwrap_or(&stem);
        files::write_atomically(path, &roll.encode(title, file.bpm(), kind)?)?;
        writeln!(out, "{} written", path.display())?;
    }
    if args.text {
        write!(out, "{}", roll.to_text())?;
    }
    let n_unmapped: usize = extracted.lost.unmapped.values().sum();
    if n_unmapped > 0 {
        writeln!(
            out,
            "{}: {n_unmapped} notes are no drum of the {} map and are left out",
            file.name, args.drum_map.name
        )?;
    }
    for reason in &extracted.left_out {
        writeln!(out, "{}: left out: {reason}", file.name)?;
    }
    for remark in reading::remarks(&file.song, &extracted, args.drum_map) {
        writeln!(out, "{}: {remark}", file.name)?;
    }
    if n_bars > MAX_BARS {
        writeln!(
            out,
            "{}: only the first {MAX_BARS} of its {n_bars} bars are drawn",
            file.name
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use fourbar_model::midi;
    use fourbar_model::note::Note;

    #[test]
    fn the_first_bar_that_is_drawn_is_the_first_one_after_the_count_in() {
        let note = |onset_beats, pitch| Note {
            onset_beats,
            duration_beats: 0.1,
            pitch,
            velocity: 0.9,
            channel: 9,
        };
        let clicks = (0..4).map(|beat| note(f64::from(beat), 33));
        let notes: Vec<Note> = clicks.chain([note(4.0, 36), note(6.0, 38)]).collect();
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("counted.mid");
        std::fs::write(&input, midi::write(&notes, 8.0, 120.0)).unwrap();
        let args = Args {
            input,
            out: None,
            text: true,
            title: None,
            drum_map: &DrumMap::GM,
            part: PartArgs::default(),
        };
        let mut out = Vec::new();
        draw(&args, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "snare |--------O-------|\n",
            "kick |O---------------|\n",
            "left out: the first bar, which counts in",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
