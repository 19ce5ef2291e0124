//! A MIDI file as the network sees it, and back: `cargo run -p fourbar-model --example midi_to_groove [IN.mid [OUT.mid]]`.

#![expect(clippy::print_stdout, reason = "an example tells what it finds")]

use std::error::Error;
use std::{env, fs};

use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::Groove;
use fourbar_model::midi;
use fourbar_model::pattern::Feel;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = env::args().skip(1);
    let input = paths.next();
    let input = input.as_deref().unwrap_or("tests/fixtures/midi/beat.mid");
    let song = midi::read(&fs::read(input)?)?;
    let bpm = song.bpm_at(0.0);
    let (groove, lost) = Groove::from_notes(&song.drum_notes()?, &DrumMap::GM);
    println!("{input}: {} notes had no place in it", lost.total());
    for voice in Voice::ALL {
        let hits = groove.hits().filter(|(_, other, _)| *other == voice);
        for (step, _, cell) in hits {
            let (velocity, offset) = (cell.velocity, cell.offset);
            println!("{voice:?}, step {step}: velocity {velocity:.2}, early by {offset:.2} steps");
        }
    }
    if let Some(output) = paths.next() {
        let pattern = groove.to_pattern();
        let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), 9);
        fs::write(&output, midi::write(&notes, pattern.loop_beats(), bpm))?;
        println!("written to {output}");
    }
    Ok(())
}
