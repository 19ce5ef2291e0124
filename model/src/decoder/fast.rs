//! The free-running decoder for one CPU core: what a plugin user waits for.
//!
//! A groove takes 64 steps that depend on each other, and each step reads every weight once, so its time is the time of
//! reading the weights. They are packed as halves, which is what a checkpoint of `fourbar train` holds, in the order in
//! which they are read, and widened in registers; z's share of the first layer is the same at every step and is computed
//! once.
//!
//! The arithmetic is single precision with one chain of fused multiply-adds per output, in the order of the inputs, and
//! with an exponential of our own. So every instruction set and every batch size gives the same bits, and a seed gives
//! the same groove on every machine.

mod cells;
mod kernel;
mod lanes;
mod network;

use super::Decoder;
use super::cells::UNIFORMS;
use crate::conditions::Conditions;
use crate::config::ModelConfig;
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::temperature::Temperature;
use candle_core::Result;
use cells::{CellJob, CellNetwork};
use kernel::Job;
use lanes::Lanes;
use network::Network;
use std::sync::Arc;

/// A decoder packed for the CPU that it runs on.
#[derive(Debug, Clone)]
pub struct FastDecoder {
    network: Packed,
    instructions: Instructions,
}

/// The weights of a decoder, by its kind.
#[derive(Debug, Clone)]
enum Packed {
    Rows(Arc<Network>),
    Cells(Arc<CellNetwork>),
}

/// The instruction sets that the kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256-bit vectors with fused multiply-add and half-precision loads.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the build's target has: NEON on ARM. Right everywhere, slow where there is no fused multiply-add.
    Portable,
}

impl FastDecoder {
    /// Packs the weights of `decoder`. `None` if one is not exactly a half, because another model would be played then,
    /// and for models of rows that are not [`ModelConfig::is_flat_groove`].
    ///
    /// # Errors
    /// If a tensor cannot be read.
    pub fn pack(config: &ModelConfig, decoder: &Decoder) -> Result<Option<Self>> {
        let network = match decoder {
            Decoder::Rows(_) if !config.is_flat_groove() => None,
            Decoder::Rows(decoder) => {
                Network::pack(config, decoder)?.map(|network| Packed::Rows(Arc::new(network)))
            }
            Decoder::Cells(decoder) => {
                CellNetwork::pack(decoder)?.map(|network| Packed::Cells(Arc::new(network)))
            }
        };
        Ok(network.map(|network| Self {
            network,
            instructions: Instructions::detect(),
        }))
    }

    /// The same decoder with each instruction set that this machine has, by name, fastest first.
    pub fn on_every_instruction_set(&self) -> impl Iterator<Item = (String, Self)> {
        Instructions::available().into_iter().map(|instructions| {
            let decoder = Self {
                network: self.network.clone(),
                instructions,
            };
            (format!("{instructions:?}"), decoder)
        })
    }

    /// Plays one groove for each of `zs`, the same one whatever the others are.
    ///
    /// A drum hits where its uniform is below sigmoid(logit / temperature), at temperature 0 where sigmoid(logit) is
    /// one half or more. Velocities and offsets are drawn by a decoder of cells only.
    ///
    /// # Shapes
    /// `zs`: `[batch][latent]`, `conditions`: one for each of the batch, `uniforms`: `[batch, steps, n_uniforms]`;
    /// result: `[batch, steps, 27]`, each row hits, velocities, offsets.
    ///
    /// # Errors
    /// If lengths do not match or a latent is not finite.
    pub fn decode(
        &self,
        zs: &[Vec<f32>],
        conditions: &[Conditions],
        temperature: Temperature,
        uniforms: &[f32],
    ) -> Result<Vec<f32>> {
        let (latent, n_steps, n_uniforms) = match &self.network {
            Packed::Rows(network) => (network.latent, network.n_steps, N_VOICES),
            Packed::Cells(network) => (network.latent, network.n_steps, UNIFORMS),
        };
        if let Some(z) = zs
            .iter()
            .find(|z| z.len() != latent || !z.iter().all(|value| value.is_finite()))
        {
            candle_core::bail!(
                "a latent has {} numbers, expected {latent} finite ones",
                z.len()
            );
        }
        if uniforms.len() != zs.len() * n_steps * n_uniforms || conditions.len() != zs.len() {
            candle_core::bail!(
                "{} uniforms and {} conditions, expected {n_steps} x {n_uniforms} uniforms and one for each of {}",
                uniforms.len(),
                conditions.len(),
                zs.len()
            );
        }
        let mut rows = vec![0.0; zs.len() * n_steps * ROW];
        match &self.network {
            Packed::Rows(network) => {
                let zs = zs.concat();
                for job in Job::split(network, &zs, temperature.hits, uniforms, &mut rows) {
                    self.instructions.run(RowTask { network, job });
                }
            }
            Packed::Cells(network) => self.instructions.run(CellTask {
                network,
                job: CellJob {
                    zs,
                    conditions,
                    temperature,
                    uniforms,
                    rows: &mut rows,
                },
            }),
        }
        Ok(rows)
    }
}

/// What is compiled for every instruction set.
trait Task {
    /// Whether there is only one groove.
    fn is_single(&self) -> bool;

    /// `STRIPS` strips of `LANES` outputs are summed up for a tile of `ROWS` grooves at a time.
    fn run<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(self);
}

struct RowTask<'a> {
    network: &'a Network,
    job: Job<'a>,
}

impl Task for RowTask<'_> {
    fn is_single(&self) -> bool {
        self.job.n_grooves == 1
    }

    #[inline(always)]
    fn run<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(self) {
        kernel::decode::<L, LANES, STRIPS, ROWS>(self.network, self.job);
    }
}

struct CellTask<'a> {
    network: &'a CellNetwork,
    job: CellJob<'a>,
}

impl Task for CellTask<'_> {
    fn is_single(&self) -> bool {
        self.job.zs.len() == 1
    }

    #[inline(always)]
    fn run<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize, const ROWS: usize>(self) {
        cells::decode::<L, LANES, STRIPS, ROWS>(self.network, self.job);
    }
}

impl Instructions {
    fn detect() -> Self {
        *Self::available()
            .first()
            .expect("the portable instructions are always there")
    }

    /// What this machine can run, fastest first.
    fn available() -> Vec<Self> {
        let mut available = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
            {
                available.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
            {
                available.push(Self::Avx2);
            }
        }
        available.push(Self::Portable);
        available
    }

    fn run(self, task: impl Task) {
        match self {
            #[cfg(target_arch = "x86_64")]
            #[expect(
                unsafe_code,
                reason = "`available` has seen these instructions on this machine"
            )]
            Self::Avx512 => unsafe { run_avx512(task) },
            #[cfg(target_arch = "x86_64")]
            #[expect(
                unsafe_code,
                reason = "`available` has seen these instructions on this machine"
            )]
            Self::Avx2 => unsafe { run_avx2(task) },
            Self::Portable => run_portable(task),
        }
    }
}

// As many as registers have room for: sums of strips x rows x 4 gates, an input of each row, and vectors of weights.

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn run_avx512(task: impl Task) {
    if task.is_single() {
        task.run::<lanes::Avx512, 16, 2, 1>();
    } else {
        task.run::<lanes::Avx512, 16, 1, 6>();
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn run_avx2(task: impl Task) {
    if task.is_single() {
        task.run::<lanes::Avx2, 8, 2, 1>();
    } else {
        // Three rows would fill the 16 registers, but the compiler then keeps a sum in memory, which halves the speed.
        task.run::<lanes::Avx2, 8, 1, 2>();
    }
}

fn run_portable(task: impl Task) {
    if task.is_single() {
        task.run::<lanes::Portable, 16, 1, 1>();
    } else {
        task.run::<lanes::Portable, 8, 1, 2>();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::noise::Noise;
    use crate::parameters::Parameters;
    use candle_core::{Device, Tensor};
    use half::f16;
    use std::collections::BTreeMap;

    impl FastDecoder {
        /// Without conditions.
        fn plain(&self, zs: &[Vec<f32>], temperature: f32, uniforms: &[f32]) -> Result<Vec<f32>> {
            let conditions = vec![Conditions::default(); zs.len()];
            self.decode(zs, &conditions, temperature.into(), uniforms)
        }
    }

    /// Sizes that fill no vector, no pair of blocks and no tile.
    fn odd_config(n_steps: usize) -> ModelConfig {
        ModelConfig::flat_groove("odd", n_steps, 10, vec![4], vec![20, 37, 5])
    }

    /// Random halves, large enough for gates to saturate now and then.
    fn random_tensors(config: &ModelConfig, noise: &mut Noise) -> BTreeMap<String, Tensor> {
        let random = |(name, shape): (String, Vec<usize>)| {
            let n = shape.iter().product();
            let values: Vec<f32> = noise
                .normals(n)
                .iter()
                .map(|value| f16::from_f32(0.3 * value).to_f32())
                .collect();
            (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        };
        config.tensors().into_iter().map(random).collect()
    }

    fn packed(config: &ModelConfig, tensors: &BTreeMap<String, Tensor>) -> Option<FastDecoder> {
        let decoder = Decoder::new(config, &Parameters::new(tensors)).unwrap();
        FastDecoder::pack(config, &decoder).unwrap()
    }

    fn decoder_on(
        instructions: Instructions,
        config: &ModelConfig,
        tensors: &BTreeMap<String, Tensor>,
    ) -> FastDecoder {
        let decoder = packed(config, tensors).unwrap();
        FastDecoder {
            instructions,
            ..decoder
        }
    }

    fn bits(rows: &[f32]) -> Vec<u32> {
        rows.iter().map(|value| value.to_bits()).collect()
    }

    /// The equations of the paper in double precision, weight by weight.
    fn textbook(
        config: &ModelConfig,
        tensors: &BTreeMap<String, Tensor>,
        z: &[f32],
        uniforms: &[f32],
    ) -> Vec<f64> {
        let dense = |name: &str, inputs: &[f64]| -> Vec<f64> {
            let kernel = tensors[&format!("{name}.kernel")].to_vec2::<f32>().unwrap();
            let bias = tensors[&format!("{name}.bias")].to_vec1::<f32>().unwrap();
            let mut sums: Vec<f64> = bias.into_iter().map(f64::from).collect();
            for (row, input) in kernel.iter().zip(inputs) {
                for (sum, weight) in sums.iter_mut().zip(row) {
                    *sum += input * f64::from(*weight);
                }
            }
            sums
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let z: Vec<f64> = z.iter().copied().map(f64::from).collect();
        let initial: Vec<f64> = dense("decoder.initial_state", &z)
            .iter()
            .map(|x| x.tanh())
            .collect();
        let mut initial = initial.as_slice();
        let mut states = Vec::new();
        for units in &config.decoder.units {
            states.push((
                initial[..*units].to_vec(),
                initial[*units..2 * units].to_vec(),
            ));
            initial = &initial[2 * units..];
        }
        let mut row = vec![0.0; ROW];
        let mut rows = Vec::new();
        for step in 0..config.n_steps {
            let mut x = [row.as_slice(), &z].concat();
            for (layer, (c, h)) in states.iter_mut().enumerate() {
                x.extend_from_slice(h);
                let gates = dense(&format!("decoder.cell_{layer}"), &x);
                let n = c.len();
                for unit in 0..n {
                    let [i, g, f, o] = [0, 1, 2, 3].map(|gate| gates[gate * n + unit]);
                    c[unit] = sigmoid(f + 1.0) * c[unit] + sigmoid(i) * g.tanh();
                    h[unit] = sigmoid(o) * c[unit].tanh();
                }
                x.clone_from(h);
            }
            let logits = dense("decoder.output", &x);
            for voice in 0..N_VOICES {
                let hit =
                    f64::from(uniforms[step * N_VOICES + voice]) < sigmoid(logits[voice] / 0.7);
                row[voice] = f64::from(hit);
                row[N_VOICES + voice] = sigmoid(logits[N_VOICES + voice]);
                row[2 * N_VOICES + voice] = logits[2 * N_VOICES + voice].tanh();
            }
            rows.extend_from_slice(&row);
        }
        rows
    }

    #[test]
    fn it_plays_what_the_equations_say() {
        let mut noise = Noise::from_seed(1);
        let config = odd_config(16);
        let tensors = random_tensors(&config, &mut noise);
        let decoder = packed(&config, &tensors).unwrap();
        for _ in 0..4 {
            let z = noise.normals(config.latent);
            let uniforms = noise.uniforms(config.n_steps * N_VOICES);
            let expected = textbook(&config, &tensors, &z, &uniforms);
            let rows = decoder.plain(&[z], 0.7, &uniforms).unwrap();
            assert!(expected.contains(&1.0), "something is hit");
            for (place, (row, expected)) in rows.iter().zip(&expected).enumerate() {
                assert!(
                    (f64::from(*row) - expected).abs() < 1e-5,
                    "value {place}: {row}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn every_instruction_set_and_batch_size_gives_the_same_bits() {
        let mut noise = Noise::from_seed(2);
        let config = odd_config(8);
        let tensors = random_tensors(&config, &mut noise);
        let zs: Vec<Vec<f32>> = (0..9).map(|_| noise.normals(config.latent)).collect();
        let n_uniforms = config.n_steps * N_VOICES;
        let uniforms = noise.uniforms(zs.len() * n_uniforms);
        let portable = decoder_on(Instructions::Portable, &config, &tensors);
        let reference: Vec<f32> = zs
            .iter()
            .zip(uniforms.chunks(n_uniforms))
            .flat_map(|(z, uniforms)| {
                portable
                    .plain(std::slice::from_ref(z), 1.0, uniforms)
                    .unwrap()
            })
            .collect();
        for instructions in Instructions::available() {
            let decoder = decoder_on(instructions, &config, &tensors);
            let batch = decoder.plain(&zs, 1.0, &uniforms).unwrap();
            assert_eq!(
                bits(&batch),
                bits(&reference),
                "{instructions:?}, all at once"
            );
            let one = decoder
                .plain(&zs[..1], 1.0, &uniforms[..n_uniforms])
                .unwrap();
            assert_eq!(
                bits(&one),
                bits(&reference[..one.len()]),
                "{instructions:?}, one"
            );
        }
    }

    #[test]
    fn more_grooves_than_are_decoded_together_keep_their_order() {
        let mut noise = Noise::from_seed(3);
        let config = odd_config(2);
        let decoder = packed(&config, &random_tensors(&config, &mut noise)).unwrap();
        let zs: Vec<Vec<f32>> = (0..150).map(|_| noise.normals(config.latent)).collect();
        let n_uniforms = config.n_steps * N_VOICES;
        let uniforms = noise.uniforms(zs.len() * n_uniforms);
        let together = decoder.plain(&zs, 1.0, &uniforms).unwrap();
        for ((z, uniforms), rows) in zs
            .iter()
            .zip(uniforms.chunks(n_uniforms))
            .zip(together.chunks(config.n_steps * ROW))
        {
            assert_eq!(
                decoder
                    .plain(std::slice::from_ref(z), 1.0, uniforms)
                    .unwrap(),
                rows
            );
        }
        assert!(decoder.plain(&[], 1.0, &[]).unwrap().is_empty());
    }

    #[test]
    fn temperature_0_is_the_most_likely_groove_whatever_the_noise() {
        let mut noise = Noise::from_seed(4);
        let config = odd_config(8);
        let decoder = packed(&config, &random_tensors(&config, &mut noise)).unwrap();
        let zs = [noise.normals(config.latent)];
        let n_uniforms = config.n_steps * N_VOICES;
        let likeliest = decoder
            .plain(&zs, 0.0, &noise.uniforms(n_uniforms))
            .unwrap();
        assert_eq!(
            likeliest,
            decoder
                .plain(&zs, 0.0, &noise.uniforms(n_uniforms))
                .unwrap()
        );
        assert_eq!(
            likeliest,
            decoder.plain(&zs, 1.0, &vec![0.5; n_uniforms]).unwrap()
        );
        let coldest = decoder.plain(&zs, 1e-30, &vec![0.5; n_uniforms]).unwrap();
        assert_eq!(likeliest, coldest);
    }

    #[test]
    fn weights_that_are_not_halves_are_left_to_another_decoder() {
        let config = odd_config(2);
        let mut tensors = random_tensors(&config, &mut Noise::from_seed(5));
        let kernel = tensors.get_mut("decoder.output.kernel").unwrap();
        *kernel = (&*kernel + 1e-5).unwrap();
        assert!(packed(&config, &tensors).is_none());
    }

    #[test]
    fn latents_and_noise_of_the_wrong_size_are_refused() {
        let config = odd_config(2);
        let tensors = random_tensors(&config, &mut Noise::from_seed(6));
        let decoder = packed(&config, &tensors).unwrap();
        let uniforms = vec![0.5; 2 * N_VOICES];
        assert!(decoder.plain(&[vec![0.0; 11]], 1.0, &uniforms).is_err());
        assert!(
            decoder
                .plain(&[vec![f32::NAN; 10]], 1.0, &uniforms)
                .is_err()
        );
        assert!(
            decoder
                .plain(&[vec![0.0; 10]], 1.0, &uniforms[1..])
                .is_err()
        );
    }
}
