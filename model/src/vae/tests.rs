//! What must hold for every kind of model.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;
use crate::converter::Converter;
use crate::rows;
use candle_core::Var;
use std::collections::BTreeSet;

/// A configuration with small layers: `changes` are merged into the decoder's part.
fn config(converter: &str, encoder: &str, decoder: &str) -> ModelConfig {
    let converter: Converter = serde_json::from_str(converter).unwrap();
    let config = ModelConfig {
        preset: "small".to_owned(),
        n_steps: 8,
        latent: 6,
        styles: Vec::new(),
        converter,
        encoder: serde_json::from_str(encoder).unwrap(),
        decoder: serde_json::from_str(decoder).unwrap(),
    };
    config.check().unwrap();
    config
}

const GROOVE: &str = r#"{"kind": "groove"}"#;
const LABELS: &str = r#"{"kind": "drums", "input": "roll", "output": "labels"}"#;
const ROLL: &str = r#"{"kind": "drums", "input": "roll", "output": "roll"}"#;
const GROOVE_HEAD: &str = r#""groove""#;
const CATEGORICAL_HEAD: &str = r#""categorical""#;
const BOOLEAN_HEAD: &str = r#""boolean""#;
const NADE_HEAD: &str = r#"{"kind": "nade", "hidden": 4}"#;
const FLAT: &str = r#"{"units": [7]}"#;

/// One of each kind of encoder, decoder, head and control.
fn every_kind() -> Vec<ModelConfig> {
    let decoder = |head: &str, more: &str| format!(r#"{{"head": {head}, "units": [5, 9]{more}}}"#);
    let trio = r#"{"kind": "trio"}"#;
    let controlled = r#"{"kind": "groove", "hits_as_controls": true}"#;
    let hierarchy = r#", "hierarchy": {"segments": 2, "rows": 4}"#;
    vec![
        config(GROOVE, FLAT, &decoder(GROOVE_HEAD, "")),
        config(
            GROOVE,
            r#"{"units": [7, 3]}"#,
            &decoder(GROOVE_HEAD, hierarchy),
        ),
        config(
            GROOVE,
            r#"{"units": [7], "levels": [2, 4]}"#,
            &decoder(GROOVE_HEAD, hierarchy),
        ),
        config(controlled, FLAT, &decoder(GROOVE_HEAD, "")),
        config(controlled, FLAT, &decoder(GROOVE_HEAD, hierarchy)),
        config(LABELS, FLAT, &decoder(CATEGORICAL_HEAD, hierarchy)),
        config(ROLL, FLAT, &decoder(BOOLEAN_HEAD, "")),
        config(ROLL, FLAT, &decoder(NADE_HEAD, "")),
        config(
            ROLL,
            FLAT,
            &decoder(NADE_HEAD, r#", "hierarchy": {"segments": 4, "rows": 2}"#),
        ),
        config(
            r#"{"kind": "melody"}"#,
            FLAT,
            &decoder(CATEGORICAL_HEAD, ""),
        ),
        config(trio, FLAT, &decoder(CATEGORICAL_HEAD, "")),
        config(
            trio,
            FLAT,
            &decoder(
                CATEGORICAL_HEAD,
                r#", "split": true, "hierarchy": {"segments": 2, "rows": 4}"#,
            ),
        ),
        config(
            GROOVE,
            r#"{"units": [7, 7, 3], "residual": true}"#,
            &decoder(GROOVE_HEAD, r#", "residual": true"#),
        ),
    ]
}

/// Large enough for outputs to differ from step to step.
fn random_tensors(config: &ModelConfig) -> BTreeMap<String, Tensor> {
    let mut noise = Noise::from_seed(5);
    let random = |(name, shape): (String, Vec<usize>)| {
        let values: Vec<f32> = noise.normals(shape.iter().product());
        let values = values.iter().map(|x| 0.7 * x).collect();
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    config.tensors().into_iter().map(random).collect()
}

/// Without the fast decoder, whose tests are its own.
fn model(config: &ModelConfig) -> Vae {
    Vae::new(config, &random_tensors(config), &Device::Cpu).unwrap()
}

fn conditions(config: &ModelConfig, noise: &mut Noise) -> Conditions {
    Conditions::of_controls(config.converter.controls().map(|layout| {
        let numbers: Vec<f32> = noise.uniforms(config.n_steps * layout.width());
        layout.read(&numbers)
    }))
}

fn to_tensor(batch: &[Rows]) -> Tensor {
    rows::to_tensor(&batch.iter().collect::<Vec<_>>(), &Device::Cpu).unwrap()
}

fn largest(x: &Tensor) -> f32 {
    x.abs()
        .unwrap()
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

#[test]
fn a_model_is_built_from_exactly_the_tensors_that_its_configuration_lists() {
    for config in every_kind() {
        let all = random_tensors(&config);
        let names: BTreeSet<&String> = all.keys().collect();
        assert_eq!(names.len(), config.tensors().len(), "{config:?}");
        for missing in names {
            let mut tensors = all.clone();
            tensors.remove(missing);
            let problem = Vae::of_tensors(&config, &tensors, &Device::Cpu).unwrap_err();
            assert!(
                problem.to_string().contains(missing),
                "{missing}: {problem}"
            );
        }
    }
}

/// What was drawn freely must be what the decoder, teacher-forced on these rows, finds most likely: it is so only if rows, latent,
/// controls and states reach every step alike in both ways of running, across the bounds of segments.
#[test]
fn running_freely_and_being_told_the_same_rows_agree() {
    for config in every_kind() {
        let vae = model(&config);
        let mut noise = Noise::from_seed(1);
        let batch = 3;
        let zs: Vec<Vec<f32>> = (0..batch).map(|_| noise.normals(config.latent)).collect();
        let conditions: Vec<Conditions> = (0..batch)
            .map(|_| conditions(&config, &mut noise))
            .collect();
        let mut noises = vec![Noise::from_seed(2); batch];
        let free = vae
            .generate_batch(&zs, &conditions, 0.0, &mut noises)
            .unwrap();
        let free = to_tensor(&free);
        let z = Tensor::from_vec(zs.concat(), (batch, config.latent), &Device::Cpu).unwrap();
        let forced = vae
            .decoder()
            .teacher_forced(&free, &z, &conditions, &mut Dropout::off())
            .unwrap();
        let likely = vae.decoder().most_likely(&forced).unwrap();
        assert!(largest(&(likely - &free).unwrap()) < 1e-5, "{config:?}");
        // Scheduled sampling that never samples is teacher forcing.
        let scheduled = vae
            .decoder()
            .scheduled(&free, &z, &conditions, 0.0, &mut noise, &mut Dropout::off())
            .unwrap();
        for (forced, scheduled) in forced.iter().zip(&scheduled) {
            assert!(largest(&(forced - scheduled).unwrap()) < 1e-5, "{config:?}");
        }
    }
}

#[test]
fn a_sequence_does_not_depend_on_its_neighbours_in_the_batch() {
    for config in every_kind() {
        let vae = model(&config);
        let mut noise = Noise::from_seed(3);
        let zs: Vec<Vec<f32>> = (0..3).map(|_| noise.normals(config.latent)).collect();
        let conditions: Vec<Conditions> = (0..3).map(|_| conditions(&config, &mut noise)).collect();
        let noises: Vec<Noise> = (0..3).map(Noise::from_seed).collect();
        let together = vae
            .generate_batch(&zs, &conditions, 1.0, &mut noises.clone())
            .unwrap();
        for i in 0..3 {
            let alone = vae
                .generate(&zs[i], &conditions[i], 1.0, &mut noises[i].clone())
                .unwrap();
            assert_eq!(alone.layout(), together[i].layout());
            let numbers = alone.to_numbers().into_iter().zip(together[i].to_numbers());
            let difference = numbers.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "{difference}: {config:?}");
        }
    }
}

#[test]
fn every_tensor_of_every_kind_of_model_learns() {
    for config in every_kind() {
        let variables: BTreeMap<String, Var> = random_tensors(&config)
            .into_iter()
            .map(|(name, tensor)| (name, Var::from_tensor(&tensor).unwrap()))
            .collect();
        let tensors: BTreeMap<String, Tensor> = variables
            .iter()
            .map(|(name, var)| (name.clone(), var.as_tensor().clone()))
            .collect();
        let vae = Vae::new(&config, &tensors, &Device::Cpu).unwrap();
        let mut noise = Noise::from_seed(4);
        let rows = |layout: &crate::rows::RowLayout, noise: &mut Noise| {
            let sequences: Vec<Rows> = (0..2)
                .map(|_| layout.read(&noise.uniforms(config.n_steps * layout.width())))
                .collect();
            to_tensor(&sequences)
        };
        let input = rows(&config.converter.input(), &mut noise);
        let output = rows(&config.converter.output(), &mut noise);
        let conditions: Vec<Conditions> = (0..2).map(|_| conditions(&config, &mut noise)).collect();
        let epsilon = noise.normals(2 * config.latent);
        let epsilon = Tensor::from_vec(epsilon, (2, config.latent), &Device::Cpu).unwrap();
        for sampling in [None, Some(0.5)] {
            let posterior = vae.encode(&input, &conditions).unwrap();
            let z = posterior.sample(&epsilon).unwrap();
            let (decoder, dropout) = (vae.decoder(), &mut Dropout::off());
            let outputs = match sampling {
                None => decoder.teacher_forced(&output, &z, &conditions, dropout),
                Some(p) => decoder.scheduled(&output, &z, &conditions, p, &mut noise, dropout),
            };
            let parts = decoder.loss(&outputs.unwrap(), &output, &[]).unwrap();
            let parts: Vec<Tensor> = parts.into_iter().map(|(_, part)| part).collect();
            let loss = Tensor::stack(&parts, 0).unwrap().sum_all().unwrap();
            let store = loss.backward().unwrap();
            for (name, var) in &variables {
                let gradient = store
                    .get(var)
                    .unwrap_or_else(|| panic!("{name} has no gradient: {config:?}"));
                assert!(largest(gradient) > 0.0, "{name} does not learn: {config:?}");
            }
        }
    }
}

#[test]
fn controls_are_asked_for_and_refused_in_words() {
    let kinds = every_kind();
    let mut noise = Noise::from_seed(6);
    let roll = conditions(&kinds[3], &mut noise);
    let z = noise.normals(6);
    let problem = |config: &ModelConfig, conditions: &Conditions| {
        let outcome = model(config).generate(&z, conditions, 0.0, &mut Noise::from_seed(0));
        outcome.unwrap_err().to_string()
    };
    assert!(problem(&kinds[0], &roll).contains("has no controls"));
    assert!(
        problem(&kinds[3], &Conditions::default())
            .contains("has to be given its controls: a roll of 9 classes")
    );
    let layout = roll.controls.unwrap().layout().clone();
    let short = Conditions::of_controls(Some(Rows::of_bits(layout, vec![0; 3])));
    assert!(problem(&kinds[3], &short).contains("8 steps"));
}

/// The checksum (FNV-1a over the bits) was taken when the rule for each tensor still stood in one place, by its name.
#[test]
fn untrained_models_begin_as_they_always_have() {
    let mut checksum = 0xcbf2_9ce4_8422_2325_u64;
    for config in every_kind() {
        let tensors = Vae::initial_tensors(&config, &mut Noise::from_seed(1)).unwrap();
        for tensor in tensors.values() {
            for value in tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
                checksum ^= u64::from(value.to_bits());
                checksum = checksum.wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    assert_eq!(checksum, 0xec5c_3ccc_b15c_fa35);
}
