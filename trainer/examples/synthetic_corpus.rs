//! Writes a corpus of any size to measure with: loops of four bars, no two of them alike, in zip archives of 10,000.
//!
//! `cargo run --release -p fourbar-trainer --example synthetic_corpus -- FOLDER FILES`

#![expect(clippy::print_stdout, reason = "a program reports")]

use anyhow::{Context as _, Result};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove};
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Files in an archive, so that a million are a hundred.
const PER_ARCHIVE: usize = 10_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: synthetic_corpus FOLDER FILES";
    let folder = arguments.next().context(usage)?;
    let n_files: usize = arguments.next().context(usage)?.parse().context(usage)?;
    fs::create_dir_all(&folder)?;
    let mut n_bytes = 0;
    for first in (0..n_files).step_by(PER_ARCHIVE) {
        let path = Path::new(&folder).join(format!("{:04}.zip", first / PER_ARCHIVE));
        let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
        for number in first..n_files.min(first + PER_ARCHIVE) {
            let bytes = file(number);
            n_bytes += bytes.len();
            zip.start_file(format!("{number:07}.mid"), SimpleFileOptions::default())?;
            zip.write_all(&bytes)?;
        }
        zip.finish()?.flush()?;
    }
    println!("{n_files} files with {n_bytes} bytes");
    Ok(())
}

/// Kick, snare and hi-hat as in most songs, with ghost notes here and there, played by hand.
fn file(number: usize) -> Vec<u8> {
    let mut noise = Noise::of_sample(1, number);
    let mut groove = Groove::empty(64);
    for step in 0..64 {
        let mut play = |voice, loudness: f32| {
            let velocity = (loudness + 0.1 * noise.normal()).clamp(0.05, 1.0);
            let offset = 0.1 * noise.normal().clamp(-2.0, 2.0);
            groove.set(step, voice, Some(Cell { velocity, offset }));
            noise.uniform() < 0.2
        };
        let is_busy = step % 2 == 0 && play(Voice::ClosedHat, 0.5);
        match step % 16 {
            0 | 10 => _ = play(Voice::Kick, 0.9),
            4 | 12 => _ = play(Voice::Snare, 0.8),
            _ if is_busy => _ = play(Voice::Snare, 0.2),
            _ => {}
        }
    }
    let keys = DrumMap::GM.keys();
    let notes = groove.to_pattern().to_notes(Feel::AS_GENERATED, &keys, 9);
    midi::write(&notes, 16.0, 90.0 + 60.0 * f64::from(noise.uniform()))
}
