//! Why a categorical head never learned grooves: `cargo run --release -p fourbar-trainer --example mismatched_pair`.
//!
//! The student report trained a decoder that ends in a softmax over 27 classes on rows that are no classes at all, but
//! nine hits, nine velocities and nine offsets. Its loss fell for 900 steps and rose ever after. This example shows
//! both halves of the reason on a network of one hidden layer:
//!
//! 1. A row's numbers do not add up to 1, and a third of its offsets are negative. For labels y that do add up to 1,
//!    the gradient of −Σ y·ln softmax(a) is softmax(a) − y, and TensorFlow's fused kernel returns that *for any y*. For
//!    these rows the true gradient is (Σ y)·softmax(a) − y. Following the former, Adam does not descend the printed
//!    loss: where a hit (1) and its velocity (say 0.6) are both there, it drives their logits apart without end.
//! 2. The exact gradient, which candle computes, does make the loss fall. It means nothing: negative labels leave the
//!    loss without a lower bound, and whatever is learned, a softmax draws *one* of the 27 numbers in a step, so that
//!    no hit ever comes with a velocity.
//!
//! Fourbar refuses to build the pair: the last lines print what it says. Grooves are read from `FOURBAR_DATA` where that is set; rows
//! with the same statistics are drawn where it is not.

#![expect(clippy::print_stdout, reason = "an example tells what it finds")]

use anyhow::Result;
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::ops::{log_softmax, softmax};
use fourbar_model::groove::ROW;
use fourbar_model::noise::Noise;
use fourbar_trainer::data;
use fourbar_trainer::data::{Dataset, Split};
use fourbar_trainer::learn::{Adam, clip, norm};
use fourbar_trainer::settings::{Config, DEFAULT_PRESET};

/// Steps in a bar: the network is told the place in the bar beside the row before.
const STEPS_PER_BAR: usize = 16;
const STEPS: usize = 64;
const INPUT: usize = ROW + STEPS_PER_BAR;
const HIDDEN: usize = 128;
const BATCH: usize = 16;
const TRAINING_STEPS: usize = 4_000;

fn main() -> Result<()> {
    let sequences = sequences()?;
    println!(
        "mean sum of a row: {:.2} (a distribution has 1)",
        mean_sum(&sequences)
    );
    println!("\nloss in nats a sequence of 64 steps");
    println!(
        "{:>6}  {:>16}  {:>14}",
        "step", "softmax - label", "true gradient"
    );
    let as_the_report_had_it = losses(&sequences, Gradient::SoftmaxMinusLabel)?;
    let exact = losses(&sequences, Gradient::Exact)?;
    for ((step, theirs), (_, ours)) in as_the_report_had_it.iter().zip(&exact) {
        println!("{step:>6}  {theirs:>16.1}  {ours:>14.1}");
    }
    let pair = Config::resolve(
        DEFAULT_PRESET,
        None,
        &["model.decoder.head=categorical".to_owned()],
    );
    if let Err(problem) = pair {
        println!("\nFourbar says of this pair: {problem:#}");
    }
    Ok(())
}

/// What Adam follows.
#[derive(Clone, Copy)]
enum Gradient {
    /// The derivative of the loss.
    Exact,
    /// What TensorFlow's `softmax_cross_entropy_with_logits` returns.
    SoftmaxMinusLabel,
}

/// The loss at some steps of a training run, each the mean of up to a hundred steps.
fn losses(sequences: &[Vec<f32>], gradient: Gradient) -> Result<Vec<(usize, f32)>> {
    let mut noise = Noise::from_seed(1);
    let mut layer = |input: usize, output: usize| -> Result<Var> {
        #[expect(clippy::cast_precision_loss, reason = "widths of layers are small")]
        let limit = (6.0 / (input + output) as f32).sqrt();
        let values: Vec<f32> = noise
            .uniforms(input * output)
            .iter()
            .map(|u| (2.0 * u - 1.0) * limit)
            .collect();
        Ok(Var::from_tensor(&Tensor::from_vec(
            values,
            (input, output),
            &Device::Cpu,
        )?)?)
    };
    let variables = [layer(INPUT, HIDDEN)?, layer(HIDDEN, ROW)?];
    let sizes: Vec<usize> = variables.iter().map(|var| var.elem_count()).collect();
    let mut adam = Adam::new(&sizes);
    let mut values = variables
        .iter()
        .map(|var| Ok(var.flatten_all()?.to_vec1()?))
        .collect::<Result<Vec<Vec<f32>>>>()?;
    let mut order = Noise::from_seed(2);
    let mut log = Vec::new();
    // Since the last full hundred of steps: single batches differ too much.
    let mut recent = Vec::new();
    for step in 0..=TRAINING_STEPS {
        let (input, rows) = batch(sequences, &mut order)?;
        let logits = input.matmul(&variables[0])?.tanh()?.matmul(&variables[1])?;
        let loss = (log_softmax(&logits, D::Minus1)? * &rows)?
            .sum_all()?
            .neg()?;
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        let share = 1.0 / BATCH as f64;
        recent.push((&loss * share)?.to_scalar::<f32>()?);
        if step == 0 || step == 100 || step % 500 == 0 {
            log.push((
                step,
                recent.iter().sum::<f32>() * recent_share(recent.len()),
            ));
        }
        if step % 100 == 0 {
            recent.clear();
        }
        let followed = match gradient {
            Gradient::Exact => loss,
            // Its gradient with respect to the logits is the factor.
            Gradient::SoftmaxMinusLabel => {
                (&logits * (softmax(&logits, D::Minus1)? - &rows)?.detach())?.sum_all()?
            }
        };
        let store = (followed * share)?.backward()?;
        let gradients = variables
            .iter()
            .map(|var| {
                let gradient = store.get(var).expect("every variable reaches the loss");
                Ok(gradient.flatten_all()?.to_vec1()?)
            })
            .collect::<Result<Vec<Vec<f32>>>>()?;
        let gradients: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
        let factor = clip(norm(&gradients), 1.0);
        adam.update(&mut values, &gradients, factor, 1e-3, 0.0);
        for (var, values) in variables.iter().zip(&values) {
            var.set(&Tensor::from_slice(values, var.shape(), &Device::Cpu)?)?;
        }
    }
    Ok(log)
}

#[expect(clippy::cast_precision_loss, reason = "at most a hundred")]
fn recent_share(n: usize) -> f32 {
    1.0 / n as f32
}

/// Inputs `[batch * steps, row before + place in the bar]` and rows `[batch * steps, 27]`.
fn batch(sequences: &[Vec<f32>], order: &mut Noise) -> Result<(Tensor, Tensor)> {
    let mut inputs = Vec::with_capacity(BATCH * STEPS * INPUT);
    let mut rows = Vec::with_capacity(BATCH * STEPS * ROW);
    for _ in 0..BATCH {
        let sequence = &sequences[order.below(sequences.len())];
        let mut before = &[0.0; ROW][..];
        for (step, row) in sequence.chunks_exact(ROW).enumerate() {
            inputs.extend_from_slice(before);
            inputs.extend(
                (0..STEPS_PER_BAR).map(|place| f32::from(u8::from(place == step % STEPS_PER_BAR))),
            );
            before = row;
        }
        rows.extend_from_slice(sequence);
    }
    Ok((
        Tensor::from_vec(inputs, (BATCH * STEPS, INPUT), &Device::Cpu)?,
        Tensor::from_vec(rows, (BATCH * STEPS, ROW), &Device::Cpu)?.to_dtype(DType::F32)?,
    ))
}

/// Four-bar grooves as the network would see them.
fn sequences() -> Result<Vec<Vec<f32>>> {
    if std::env::var_os("FOURBAR_DATA").is_none() {
        println!(
            "FOURBAR_DATA is not set: drawing rows with the statistics of the Groove MIDI Dataset"
        );
        let mut noise = Noise::from_seed(3);
        return Ok((0..512).map(|_| drawn(&mut noise)).collect());
    }
    let config = Config::preset(DEFAULT_PRESET)?;
    let dataset = Dataset::load(
        &data::locate(None)?,
        &config.model.converter,
        config.reading()?,
    )?;
    let windows = dataset.windows(Split::Train, STEPS, 4);
    Ok(windows
        .iter()
        .map(|window| dataset.example(window, None).output.to_numbers())
        .collect())
}

/// Hits as frequent, as loud and as early as those of the data set, but without any music in them.
fn drawn(noise: &mut Noise) -> Vec<f32> {
    let mut rows = vec![0.0; STEPS * ROW];
    for row in rows.chunks_exact_mut(ROW) {
        for drum in 0..ROW / 3 {
            if noise.uniform() < 0.131 {
                row[drum] = 1.0;
                row[ROW / 3 + drum] = (0.557 + 0.276 * noise.normal()).clamp(0.01, 1.0);
                row[2 * ROW / 3 + drum] = 2.0 * (0.063 + 0.202 * noise.normal()).clamp(-0.49, 0.5);
            }
        }
    }
    rows
}

fn mean_sum(sequences: &[Vec<f32>]) -> f32 {
    let sums = sequences.iter().map(|rows| rows.iter().sum::<f32>());
    #[expect(clippy::cast_precision_loss, reason = "a few thousand sequences")]
    let n_rows = (sequences.len() * STEPS) as f32;
    sums.sum::<f32>() / n_rows
}
