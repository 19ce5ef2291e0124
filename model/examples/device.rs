//! Whether a GPU plays what the CPU plays, and how fast: one groove after the other, and many at once.
//!
//! `cargo run --release -p fourbar-model --features cuda --example device -- cuda 4096 [MODEL.safetensors]`; `cpu` for `cuda`
//! compares the CPU with itself.

#![expect(clippy::print_stdout, reason = "an example tells what it finds")]

use std::error::Error;
use std::time::Instant;
use std::{env, fs};

use candle_core::Device;
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;

/// Grooves that are made one after the other and compared.
const N_COMPARED: usize = 16;
/// Largest distance of a latent number that is put down to rounding.
const TOLERANCE: f32 = 1e-3;

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: device cpu|cuda|metal COUNT [MODEL.safetensors]";
    let mut arguments = env::args().skip(1);
    let device = match arguments.next().as_deref() {
        Some("cpu") => Device::Cpu,
        Some("cuda") => Device::new_cuda(0)?,
        Some("metal") => Device::new_metal(0)?,
        _ => return Err(usage.into()),
    };
    let count: usize = arguments.next().ok_or(usage)?.parse()?;
    let path = arguments.next();
    let path = path
        .as_deref()
        .unwrap_or("bundles/models/fourbar.safetensors");
    let checkpoint = Checkpoint::from_bytes(&fs::read(path)?, path)?;
    let on_cpu = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
    let vae = Vae::from_checkpoint(&checkpoint, &device)?;
    println!("{path} on {device:?}");

    let draw = |seed| {
        let mut noise = Noise::from_seed(seed);
        (vae.draw(None, &mut noise), noise)
    };
    let play = |vae: &Vae, seed| {
        let (z, mut noise) = draw(seed);
        vae.generate_groove(&z, &Conditions::default(), 1.0, &mut noise)
    };
    // The first one warms up.
    play(&vae, 0)?;
    let started = Instant::now();
    let grooves = (0..).take(N_COMPARED).map(|seed| play(&vae, seed));
    let grooves: Vec<Groove> = grooves.collect::<Result<_, _>>()?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "one by one: {:.2} ms a groove",
        milliseconds_each(seconds, N_COMPARED)
    );

    let mut furthest = 0.0_f32;
    let mut n_same = 0;
    for (seed, groove) in (0..).zip(&grooves) {
        let reference = play(&on_cpu, seed)?;
        n_same += usize::from(
            reference
                .hits()
                .map(|(step, voice, _)| (step, voice))
                .eq(groove.hits().map(|(step, voice, _)| (step, voice))),
        );
        let pairs = on_cpu.encode_groove(&reference)?;
        let pairs = pairs.into_iter().zip(vae.encode_groove(&reference)?);
        furthest = pairs.fold(furthest, |most, (a, b)| most.max((a - b).abs()));
    }
    println!(
        "{n_same} of {N_COMPARED} grooves have the hits of the CPU's; latents differ by {furthest:.1e} at most"
    );
    if furthest.is_nan() || furthest > TOLERANCE {
        return Err(format!("latents differ by more than {TOLERANCE}").into());
    }

    let (zs, mut noises): (Vec<_>, Vec<_>) = (0..).take(count).map(draw).unzip();
    let conditions = vec![Conditions::default(); count];
    let started = Instant::now();
    vae.generate_batch(&zs, &conditions, 1.0, &mut noises)?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{count} at once: {seconds:.2} s, {:.3} ms a groove",
        milliseconds_each(seconds, count)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn milliseconds_each(seconds: f64, count: usize) -> f64 {
    1e3 * seconds / count as f64
}
