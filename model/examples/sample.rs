//! Grooves of a checkpoint: `cargo run --release -p fourbar-model --example sample [MODEL.safetensors [SEED [OUT.mid]]]`.

#![expect(clippy::print_stdout, reason = "an example tells what it finds")]

use std::error::Error;
use std::{env, fs};

use candle_core::Device;
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::conditions::Conditions;
use fourbar_model::drums::DrumMap;
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use fourbar_model::vae::Vae;

const BPM: f64 = 120.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let model = arguments.next();
    let model = model
        .as_deref()
        .unwrap_or("bundles/models/fourbar.safetensors");
    let seed = arguments.next().as_deref().unwrap_or("9").parse()?;
    let output = arguments.next();
    let output = output.as_deref().unwrap_or("groove.mid");

    let checkpoint = Checkpoint::from_bytes(&fs::read(model)?, model)?;
    let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
    let mut noise = Noise::from_seed(seed);
    let z = vae.draw(None, &mut noise);
    let groove = vae.generate_groove(&z, &Conditions::default(), 1.0, &mut noise)?;
    println!("{} hits in {} steps", groove.n_hits(), groove.n_steps());

    let pattern = groove.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), 9);
    fs::write(output, midi::write(&notes, pattern.loop_beats(), BPM))?;
    println!("written to {output}");
    Ok(())
}
