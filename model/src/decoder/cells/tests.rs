#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use crate::conditions::{Known, KnownCell};
use crate::converter::{Converter, GrooveConverter};
use crate::decoder::{Decoder, FastDecoder};
use crate::drums::Voice;
use crate::groove::{Cell, Groove};
use crate::head::Head;
use crate::noise::Noise;
use crate::vae::Vae;
use candle_core::{DType, Var};
use std::collections::BTreeMap;

const STEPS: usize = 48;

/// A small model that looks two bars back.
fn config() -> ModelConfig {
    let mut config = ModelConfig::flat_groove("cells", STEPS, 5, vec![4], vec![12, 10]);
    config.converter = Converter::Groove(GrooveConverter::default());
    config.decoder.head = Head::Cells(Cells {
        hidden: 7,
        components: 3,
        look_back: vec![16, 32],
        embedding: 9,
        position: 3,
        known: 4,
        calibration: [1.0, 1.0],
        fill_strength: 1.0,
    });
    config
}

/// Weights that are large enough for every cell to be decided by all that it depends on.
fn tensors(config: &ModelConfig) -> BTreeMap<String, Tensor> {
    let mut noise = Noise::from_seed(3);
    let large = |(name, tensor): (String, Tensor)| {
        let shape = tensor.shape().clone();
        let values = noise.normals(shape.elem_count());
        let random = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        // Hits as likely as not.
        let mean = if name.ends_with("cell.bias") {
            1.5
        } else {
            0.0
        };
        (name, random.affine(0.4, mean).unwrap())
    };
    let initial = Vae::initial_tensors(config, &mut Noise::from_seed(1)).unwrap();
    initial.into_iter().map(large).collect()
}

fn decoder(config: &ModelConfig) -> CellDecoder {
    let vae = Vae::new(config, &tensors(config), &Device::Cpu).unwrap();
    match vae.decoder() {
        Decoder::Cells(decoder) => *decoder.clone(),
        Decoder::Rows(_) => panic!("the head asks for cells"),
    }
}

fn latents(batch: usize) -> Tensor {
    let values = Noise::from_seed(5).normals(batch * 5);
    Tensor::from_vec(values, (batch, 5), &Device::Cpu).unwrap()
}

fn uniforms(batch: usize) -> Tensor {
    let values = Noise::from_seed(6).uniforms(batch * STEPS * UNIFORMS);
    Tensor::from_vec(values, (batch, STEPS, UNIFORMS), &Device::Cpu).unwrap()
}

fn groove_of(rows: &Tensor, sequence: usize) -> Groove {
    let numbers = rows.get(sequence).unwrap().flatten_all().unwrap();
    Groove::from_rows(&numbers.to_vec1::<f32>().unwrap())
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A tempo for one sequence and a part that is known for the other.
fn conditions(known: Known) -> [Conditions; 2] {
    let tempo = Conditions {
        tempo_bpm: Some(170.0),
        fills: Some(vec![false, false, true]),
        ..Conditions::default()
    };
    let known = Conditions {
        known: Some(known),
        ..Conditions::default()
    };
    [tempo, known]
}

#[test]
fn what_is_most_likely_by_itself_is_most_likely_under_teacher_forcing() {
    let decoder = decoder(&config());
    let (z, uniforms) = (latents(2), uniforms(2));
    let free = decoder.sample(
        &z,
        &conditions(Known::nothing(STEPS)),
        1.0.into(),
        &uniforms,
    );
    let half = Known::drums(&groove_of(&free.unwrap(), 1), &[Voice::Kick, Voice::Crash]);
    for known in [Known::nothing(STEPS), half] {
        let conditions = conditions(known);
        let rows = decoder
            .sample(&z, &conditions, 0.0.into(), &uniforms)
            .unwrap();
        let cells = decoder
            .teacher_forced(&rows, &z, &conditions, &mut Dropout::off())
            .unwrap();
        let forced = decoder.most_likely(&cells).unwrap();
        let (rows, forced) = (numbers(&rows), numbers(&forced));
        assert!(rows.iter().sum::<f32>() > 20.0, "something plays");
        let differ = |(row, forced): &(&f32, &f32)| (*row - *forced).abs() > 1e-4;
        let n_known = conditions[1].known.as_ref().map_or(0, |known| {
            let cells = known.steps().iter().flatten();
            cells.filter(|cell| **cell != KnownCell::Unknown).count()
        });
        // Known cells need not be likely.
        let n_different = rows.iter().zip(&forced).filter(differ).count();
        assert!(n_different <= 3 * n_known, "{n_different} numbers differ");
    }
}

#[test]
fn what_is_known_is_kept_to_the_bit_and_the_rest_is_drawn_around_it() {
    let decoder = decoder(&config());
    let (z, uniforms) = (latents(2), uniforms(2));
    let sample = |known: Known| {
        let rows = decoder.sample(&z, &conditions(known), 1.0.into(), &uniforms);
        groove_of(&rows.unwrap(), 1)
    };
    let free = sample(Known::nothing(STEPS));
    let mut other = free.clone();
    let hit = Cell {
        velocity: 0.123,
        offset: -0.321,
    };
    for step in (0..STEPS).step_by(3) {
        other.set(step, Voice::Snare, Some(hit));
        other.set(step, Voice::Ride, None);
    }
    let locked = sample(Known::drums(&other, &[Voice::Snare, Voice::Ride]));
    let bars = sample(Known::bars(&other, &[1]));
    let hits = sample(Known::hits(&other));
    for step in 0..STEPS {
        for voice in Voice::ALL {
            let cell = other.cell(step, voice);
            if [Voice::Snare, Voice::Ride].contains(&voice) {
                assert_eq!(locked.cell(step, voice), cell);
            }
            if step / 16 == 1 {
                assert_eq!(bars.cell(step, voice), cell);
            }
            assert_eq!(hits.cell(step, voice).is_some(), cell.is_some());
        }
    }
    assert_ne!(locked, other);
    assert_ne!(bars, other);
    assert_ne!(hits, other);
}

#[test]
fn the_gradient_of_the_loss_is_its_slope() {
    let config = config();
    let tensors: BTreeMap<String, Var> = tensors(&config)
        .into_iter()
        .map(|(name, tensor)| (name, Var::from_tensor(&tensor).unwrap()))
        .collect();
    let of = |tensors: &BTreeMap<String, Tensor>| {
        let vae = Vae::new(&config, tensors, &Device::Cpu).unwrap();
        let Decoder::Cells(decoder) = vae.decoder() else {
            panic!("the head asks for cells");
        };
        let rows = decoder
            .sample(
                &latents(2),
                &conditions(Known::nothing(STEPS)),
                1.0.into(),
                &uniforms(2),
            )
            .unwrap();
        let known = Known::first_bars(&groove_of(&rows, 1), 1);
        (*decoder.clone(), rows, conditions(known))
    };
    let values: BTreeMap<String, Tensor> = tensors
        .iter()
        .map(|(name, var)| (name.clone(), var.as_tensor().clone()))
        .collect();
    let (decoder, rows, conditions) = of(&values);
    let loss = |decoder: &CellDecoder| {
        let cells = decoder
            .teacher_forced(&rows, &latents(2), &conditions, &mut Dropout::off())
            .unwrap();
        let parts = decoder.loss(&cells, &rows, &conditions).unwrap();
        let sums = parts.iter().map(|(_, nats)| nats.sum_all().unwrap());
        sums.reduce(|a, b| (a + b).unwrap()).unwrap()
    };
    let gradients = loss(&decoder).backward().unwrap();
    for (name, var) in tensors
        .iter()
        .filter(|(name, _)| name.starts_with("decoder"))
    {
        let gradient = gradients.get(var).unwrap();
        let size: f32 = gradient
            .sqr()
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar()
            .unwrap();
        let size = f64::from(size).sqrt();
        let direction = (gradient / size).unwrap();
        let moved = |by: f64| {
            let mut values = values.clone();
            let value = (var.as_tensor().detach() + (&direction * by).unwrap()).unwrap();
            values.insert(name.clone(), value);
            let vae = Vae::new(&config, &values, &Device::Cpu).unwrap();
            let Decoder::Cells(decoder) = vae.decoder().clone() else {
                panic!("the head asks for cells");
            };
            f64::from(loss(&decoder).to_scalar::<f32>().unwrap())
        };
        let slope = (moved(5e-3) - moved(-5e-3)) / 1e-2;
        assert!(
            (slope / size - 1.0).abs() < 0.03,
            "{name}: {slope}, expected {size}"
        );
    }
}

#[test]
fn the_fast_decoder_plays_what_the_tensors_play_whatever_the_instructions_and_the_batch() {
    let mut config = config();
    if let Head::Cells(cells) = &mut config.decoder.head {
        cells.fill_strength = 2.0;
    }
    let halves: BTreeMap<String, Tensor> = tensors(&config)
        .into_iter()
        .map(|(name, tensor)| {
            let half = tensor.to_dtype(DType::F16).unwrap();
            (name, half.to_dtype(DType::F32).unwrap())
        })
        .collect();
    let vae = Vae::new(&config, &halves, &Device::Cpu).unwrap();
    let fast = FastDecoder::pack(&config, vae.decoder()).unwrap().unwrap();
    let free = vae.decoder().sample(
        &latents(2),
        &conditions(Known::nothing(STEPS)),
        1.0.into(),
        &uniforms(2),
    );
    let known = Known::drums(&groove_of(&free.unwrap(), 0), &[Voice::Snare]);
    let conditions = conditions(known);
    let zs = latents(2).to_vec2::<f32>().unwrap();
    let draws = numbers(&uniforms(2));
    for temperature in [0.0, 1.0] {
        let expected =
            vae.decoder()
                .sample(&latents(2), &conditions, temperature.into(), &uniforms(2));
        let expected = numbers(&expected.unwrap());
        let together = fast
            .decode(&zs, &conditions, temperature.into(), &draws)
            .unwrap();
        for (place, (found, expected)) in together.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() < 1e-3,
                "number {place} at temperature {temperature}: {found}, expected {expected}"
            );
        }
        for (_, other) in fast.on_every_instruction_set() {
            // More than are decoded together, in several tiles of any machine; and one by itself.
            let many: Vec<usize> = (0..70).map(|i| i % 3 % 2).collect();
            let of_many = |n: usize, all: &[f32]| -> Vec<f32> {
                let one = |i: &usize| all[i * n..][..n].to_vec();
                many.iter().flat_map(one).collect()
            };
            let rows = other.decode(
                &many.iter().map(|i| zs[*i].clone()).collect::<Vec<_>>(),
                &many
                    .iter()
                    .map(|i| conditions[*i].clone())
                    .collect::<Vec<_>>(),
                temperature.into(),
                &of_many(draws.len() / 2, &draws),
            );
            assert_eq!(rows.unwrap(), of_many(together.len() / 2, &together));
            let half = draws.len() / 2;
            let second = other.decode(
                &zs[1..],
                &conditions[1..],
                temperature.into(),
                &draws[half..],
            );
            assert_eq!(second.unwrap(), together[together.len() / 2..]);
        }
    }
}
