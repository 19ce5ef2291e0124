//! The model computes what Magenta's own implementation computes from the same weights.
//!
//! Expected numbers: `@magenta/music` 1.23.1; see `fixtures/parity/README.md`.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use fourbar_model::config::ModelConfig;
use fourbar_model::decoder::Decoder;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, ROW};
use fourbar_model::note::Note;
use fourbar_model::vae::Vae;
use fourbar_trainer::import::Weights;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const N_STEPS: usize = 64;

struct Case {
    golden: Value,
    config: ModelConfig,
    tensors: HashMap<String, Tensor>,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/parity")
            .join(name);
        let json = |file: &str| -> Value {
            serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
        };
        let weights = std::fs::read(folder.join("group1-shard1of1")).unwrap();
        let mut numbers = weights
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes));
        let mut tensors = HashMap::new();
        for entry in json("weights_manifest.json")[0]["weights"]
            .as_array()
            .unwrap()
        {
            let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
            let values: Vec<f32> = numbers.by_ref().take(shape.iter().product()).collect();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            tensors.insert(our_name(entry["name"].as_str().unwrap()), tensor);
        }
        let width = |name: &str| tensors[name].dims()[0];
        let config = ModelConfig::flat_groove(
            name,
            N_STEPS,
            tensors["encoder.mu.bias"].elem_count(),
            vec![width("encoder.cell_0.forward.bias") / 4],
            vec![
                width("decoder.cell_0.bias") / 4,
                width("decoder.cell_1.bias") / 4,
            ],
        );
        Self {
            golden: json("golden.json"),
            config,
            tensors,
        }
    }

    fn variables(&self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.tensors.clone(), DType::F32, &Device::Cpu)
    }

    fn numbers(&self, key: &str) -> Vec<f32> {
        serde_json::from_value(self.golden[key].clone()).unwrap()
    }

    /// The deterministic decoding of a batch of latents.
    fn decode(&self, z: &Tensor) -> Vec<f32> {
        let decoder = Decoder::new(&self.config, &self.variables()).unwrap();
        let unused = Tensor::zeros(
            (z.dim(0).unwrap(), N_STEPS, ROW / 3),
            DType::F32,
            &Device::Cpu,
        )
        .unwrap();
        let rows = decoder.sample(z, None, 0.0, &unused).unwrap();
        rows.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn mu(&self, rows: Vec<f32>) -> Tensor {
        let vae = Vae::new(&self.config, self.variables()).unwrap();
        let batch = rows.len() / (N_STEPS * ROW);
        let x = Tensor::from_vec(rows, (batch, N_STEPS, ROW), &Device::Cpu).unwrap();
        vae.encode(&x, None).unwrap().mu
    }
}

/// What we call the tensor that Magenta's checkpoints call `name`.
fn our_name(name: &str) -> String {
    let layer = name
        .replace(
            "bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell",
            "forward",
        )
        .replace(
            "bidirectional_rnn/bw/multi_rnn_cell/cell_0/lstm_cell",
            "backward",
        )
        .replace("multi_rnn_cell/", "")
        .replace("/lstm_cell", "")
        .replace("z_to_initial_state", "initial_state")
        .replace("output_projection", "output");
    layer.replace('/', ".")
}

fn assert_close(ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance, "number {i}: {a} instead of {b}");
    }
}

#[test]
fn converter_makes_the_same_tensor_of_the_same_notes() {
    let case = Case::open("groove_flat_64");
    let sequence = &case.golden["noteSequence"];
    let beats_per_second = sequence["qpm"].as_f64().unwrap() / 60.0;
    let notes: Vec<Note> = sequence["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            let seconds = |key: &str| note[key].as_f64().unwrap();
            Note {
                onset_beats: seconds("start") * beats_per_second,
                duration_beats: (seconds("end") - seconds("start")) * beats_per_second,
                pitch: u8::try_from(note["pitch"].as_u64().unwrap()).unwrap(),
                velocity: f32::from(u8::try_from(note["velocity"].as_u64().unwrap()).unwrap())
                    / 127.0,
                channel: 9,
            }
        })
        .collect();
    let (groove, _) = Groove::from_notes(&notes, &DrumMap::GM);
    assert_close(&groove.to_rows(), &case.numbers("input"), 1e-5);
}

#[test]
fn encoder_gives_the_same_posterior_means() {
    let case = Case::open("groove_flat_64");
    let mu = case
        .mu(case.numbers("input"))
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    assert_close(&mu, &case.numbers("mu"), 1e-5);
}

#[test]
fn decoder_gives_the_same_grooves() {
    let case = Case::open("groove_flat_64");
    let z = Tensor::from_vec(case.numbers("z"), (2, case.config.latent), &Device::Cpu).unwrap();
    assert_close(&case.decode(&z), &case.numbers("decoded"), 1e-4);
    let mu = Tensor::from_vec(case.numbers("mu"), (1, case.config.latent), &Device::Cpu).unwrap();
    assert_close(
        &case.decode(&mu),
        &case.numbers("reconArgmaxOrValues"),
        1e-4,
    );
}

#[test]
fn linear_interpolation_passes_through_the_same_grooves() {
    let case = Case::open("groove_flat_64");
    let forward = case.numbers("input");
    let backward: Vec<f32> = forward.chunks_exact(ROW).rev().flatten().copied().collect();
    let mu = case.mu([forward, backward].concat());
    let (a, b) = (mu.get(0).unwrap(), mu.get(1).unwrap());
    let middle = ((&a + &b).unwrap() * 0.5).unwrap();
    let z = Tensor::stack(&[a, middle, b], 0).unwrap();
    assert_close(&case.decode(&z), &case.numbers("interp"), 1e-4);
}

#[test]
fn a_checkpoint_of_tensorflow_holds_the_same_weights() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let tfjs = Weights::read(&fixtures.join("parity/drums_nade_32")).unwrap();
    let tensorflow = Weights::read(&fixtures.join("parity_tensorflow/drums_nade_32.tgz")).unwrap();
    assert_eq!(tensorflow.tensors, tfjs.tensors);
    assert_eq!(tensorflow.tensors.len(), 18);
}
