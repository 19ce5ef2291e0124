//! A model in training: its variables, one optimisation step, and all that is needed to go on later.

use super::loss;
use super::optimizer::{Adam, approach, average, clip, norm};
use super::ranks::{Alone, Ranks};
use crate::settings::Config;
use crate::settings::{kl_weight, learning_rate};
use anyhow::{Context as _, Result, ensure};
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor, Var};
use fourbar_model::attributes::{Attribute, Passage};
use fourbar_model::converter::{Batch, Example};
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one step cost; means over its examples, in nats.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepLosses {
    /// What was minimised: the sum of `parts`, `beta * kl_cost`, and what the order of the attributes costs.
    pub loss: f64,
    /// The parts of the reconstruction loss by name, as the model's head has them.
    pub parts: BTreeMap<String, f64>,
    /// KL divergence.
    pub kl: f64,
    /// The KL divergence beyond the free bits.
    pub kl_cost: f64,
    /// Weight of the KL divergence.
    pub beta: f64,
    /// What the order of the attributes in the latent costs, weighted, where there are any.
    #[serde(default)]
    pub attribute_cost: Option<f64>,
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
}

/// A model in training.
pub struct Learner {
    config: Config,
    vae: Vae,
    /// What the first numbers of the latent are to stand for.
    attributes: Vec<Attribute>,
    names: Vec<String>,
    variables: Vec<Var>,
    /// The variables' values on the host, where Adam works.
    parameters: Vec<Vec<f32>>,
    /// Their running averages, where the settings ask for them.
    averages: Option<Vec<Vec<f32>>>,
    /// The weights that weight decay leads to, where that is not 0.
    anchor: Option<Vec<Vec<f32>>>,
    adam: Adam,
}

/// The gradients and losses of a part of a batch, summed over its examples.
struct Part {
    /// The gradients of all variables on the CPU, then the parts of the reconstruction loss, the KL divergence, what of it
    /// costs, and the cost of the attributes: one flat vector, so that parts and ranks are added up in one go.
    sums: Vec<f32>,
    /// What the parts of the reconstruction loss are called.
    names: Vec<&'static str>,
}

impl Learner {
    /// An untrained model.
    ///
    /// # Errors
    /// If the model cannot be built or the device fails.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        let mut noise = Noise::from_seed(config.train.seed);
        let tensors = Vae::initial_tensors(&config.model, &mut noise)?;
        Self::of_tensors(config, tensors, device)
    }

    /// A model before its first step, with weights of its own.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape, or the device fails.
    pub fn of_tensors(
        config: &Config,
        tensors: BTreeMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let sizes: Vec<usize> = tensors.values().map(Tensor::elem_count).collect();
        let zeros = || sizes.iter().map(|&size| vec![0.0; size]).collect();
        let averages = (config.train.average > 0.0).then(zeros);
        Self::with(config, tensors, averages, Adam::new(&sizes), device)
    }

    /// A model whose training goes on from saved tensors (in the order of their names), their averages where the
    /// settings ask for them, and optimiser state.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape, or the device fails.
    pub fn with(
        config: &Config,
        tensors: BTreeMap<String, Tensor>,
        averages: Option<Vec<Vec<f32>>>,
        adam: Adam,
        device: &Device,
    ) -> Result<Self> {
        // Parts of a batch run side by side; a matrix product inside one must not spread over threads as well.
        gemm::set_threading_threshold(usize::MAX);
        keep_freed_memory();
        let mut names = Vec::with_capacity(tensors.len());
        let mut variables = Vec::with_capacity(tensors.len());
        let mut parameters = Vec::with_capacity(tensors.len());
        for (name, tensor) in tensors {
            parameters.push(tensor.flatten_all()?.to_vec1()?);
            variables.push(Var::from_tensor(&tensor.to_device(device)?)?);
            names.push(name);
        }
        let by_name = names
            .iter()
            .cloned()
            .zip(variables.iter().map(|var| var.as_tensor().clone()));
        let vae = Vae::new(&config.model, &by_name.collect(), device)?;
        Ok(Self {
            config: config.clone(),
            vae,
            attributes: config.ordered_attributes()?,
            names,
            variables,
            parameters,
            averages,
            anchor: None,
            adam,
        })
    }

    /// Makes weight decay lead to `tensors`, those of another model of this shape, instead of to 0.
    ///
    /// # Errors
    /// If a tensor is missing or not of single precision.
    pub fn decay_towards(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let values = |name: &String| -> Result<Vec<f32>> {
            let tensor = tensors.get(name);
            let tensor = tensor.with_context(|| format!("the tensor {name} is missing"))?;
            Ok(tensor.flatten_all()?.to_vec1()?)
        };
        self.anchor = Some(self.names.iter().map(values).collect::<Result<_>>()?);
        Ok(())
    }

    /// Steps made so far.
    #[must_use]
    pub fn step_number(&self) -> usize {
        self.adam.step
    }

    /// The optimiser's state; its vectors are in the order of [`Self::tensors`].
    #[must_use]
    pub fn adam(&self) -> &Adam {
        &self.adam
    }

    /// The running averages of the weights, in the order of [`Self::tensors`], where the settings ask for them.
    #[must_use]
    pub fn averages(&self) -> Option<&[Vec<f32>]> {
        self.averages.as_deref()
    }

    /// A copy of every tensor, by name, on the CPU.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        self.named(&self.parameters)
    }

    /// The tensors that are measured and kept: the averages where the settings ask for them, else [`Self::tensors`].
    ///
    /// # Errors
    /// If memory runs out.
    pub fn averaged_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        self.named(self.averages.as_ref().unwrap_or(&self.parameters))
    }

    fn named(&self, values: &[Vec<f32>]) -> Result<BTreeMap<String, Tensor>> {
        let named = self.names.iter().zip(&self.variables).zip(values);
        named
            .map(|((name, var), values)| {
                Ok((
                    name.clone(),
                    Tensor::from_slice(values, var.shape(), &Device::Cpu)?,
                ))
            })
            .collect()
    }

    /// [`Self::step_among`] in this process alone.
    ///
    /// # Errors
    /// As there.
    pub fn step(&mut self, examples: &[Example]) -> Result<StepLosses> {
        self.step_among(&Alone, examples.len(), |place| examples[place].clone())
    }

    /// One step on a batch of `batch_size` examples, which are made by their places in it, as one of `ranks`. Each rank works
    /// on its share of the batch's parts; from the sum of all gradients on, all do the same. The randomness follows from the
    /// seed, the number of the step and the number of the part: on the CPU, where `train.micro_batch` cuts the parts, a step
    /// is the same with any number of ranks, but for the order in which floating-point numbers are added.
    ///
    /// # Errors
    /// If there are more ranks than parts, the loss is not a finite number (nothing is changed then), or the device or the
    /// connection to another rank fails.
    pub fn step_among(
        &mut self,
        ranks: &dyn Ranks,
        batch_size: usize,
        example: impl Fn(usize) -> Example + Sync,
    ) -> Result<StepLosses> {
        let step = self.adam.step;
        let train = self.config.train.clone();
        let beta = kl_weight(&train, step);
        let part_size = if self.vae.device().is_cpu() {
            train.micro_batch
        } else {
            batch_size.div_ceil(ranks.count())
        };
        let n_parts = batch_size.div_ceil(part_size);
        ensure!(
            ranks.count() <= n_parts,
            "a batch of {batch_size} in parts of {part_size} is not enough for {} ranks: start fewer, or set a larger \
             train.batch_size or a smaller train.micro_batch",
            ranks.count()
        );
        let parts: Vec<Part> = ranks
            .share(n_parts)
            .into_par_iter()
            .map(|i| {
                let places = i * part_size..batch_size.min((i + 1) * part_size);
                let examples: Vec<Example> = places.map(&example).collect();
                self.part(&examples, beta, &mut self.noise(step, i))
            })
            .collect::<Result<_>>()?;
        let mut parts = parts.into_iter();
        let Part { mut sums, names } = parts.next().context("every rank has a part")?;
        for part in parts {
            for (sum, value) in sums.iter_mut().zip(part.sums) {
                *sum += value;
            }
        }
        ranks.sum(&mut sums)?;

        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        let share = 1.0 / batch_size as f64;
        let mut rest = &sums[..];
        let gradients: Vec<&[f32]> = self
            .parameters
            .iter()
            .map(|parameters| {
                rest.split_off(..parameters.len())
                    .expect("one of each parameter")
            })
            .collect();
        let mut means = rest.iter().map(|&sum| f64::from(sum) * share);
        let parts: BTreeMap<String, f64> = names
            .into_iter()
            .map(str::to_owned)
            .zip(&mut means)
            .collect();
        let mut mean = || means.next().expect("three figures follow the parts");
        let (kl, kl_cost, attribute_cost) = (mean(), mean(), mean());
        let attribute_cost = (!self.attributes.is_empty()).then_some(attribute_cost);
        let loss =
            parts.values().sum::<f64>() + beta * kl_cost + attribute_cost.unwrap_or_default();
        ensure!(
            loss.is_finite(),
            "the loss of step {step} is {loss}: try a smaller --learning-rate"
        );
        let gradient_norm = share * norm(&gradients);
        let factor = share * clip(gradient_norm, train.gradient_clip);
        let learning_rate = learning_rate(&train, step);
        let mut decay_to_zero = train.weight_decay;
        if let Some(anchor) = &self.anchor {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a share in single precision is enough"
            )]
            let share = (learning_rate * train.weight_decay).min(1.0) as f32;
            approach(&mut self.parameters, anchor, share);
            decay_to_zero = 0.0;
        }
        self.adam.update(
            &mut self.parameters,
            &gradients,
            factor,
            learning_rate,
            decay_to_zero,
        );
        if let Some(averages) = &mut self.averages {
            average(averages, &self.parameters, train.average, self.adam.step);
        }
        for (var, values) in self.variables.iter().zip(&self.parameters) {
            if var.device().is_cpu() {
                var.inplace_op1(&Overwrite(values))?;
            } else {
                var.set(&Tensor::from_slice(values, var.shape(), var.device())?)?;
            }
        }
        Ok(StepLosses {
            loss,
            parts,
            kl,
            kl_cost,
            beta,
            attribute_cost,
            learning_rate,
            gradient_norm,
        })
    }

    /// The noise of part `i` of a batch.
    fn noise(&self, step: usize, i: usize) -> Noise {
        // Steps and seeds far apart: no two of them share a key of the generator.
        let key = self.config.train.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (step as u64 + 1);
        Noise::of_sample(key, i)
    }

    fn part(&self, examples: &[Example], beta: f64, noise: &mut Noise) -> Result<Part> {
        let device = self.vae.device();
        let train = &self.config.train;
        let Batch {
            input,
            output,
            conditions,
        } = Batch::new(examples, device)?;
        let latent = self.vae.config().latent;
        let epsilon = noise.normals(examples.len() * latent);
        let epsilon = Tensor::from_vec(epsilon, (examples.len(), latent), device)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "probabilities in single precision are enough"
        )]
        let (keep, sampling) = (
            train.dropout_keep as f32,
            train.scheduled_sampling.probability(self.adam.step) as f32,
        );
        let mut dropout = Dropout::keep(keep, noise.clone());
        let posterior = match train.encoder_dropout_keep {
            None => self.vae.encode_with(&input, &conditions, &mut dropout)?,
            #[expect(clippy::cast_possible_truncation, reason = "as above")]
            Some(keep) => {
                let mut dropout = Dropout::keep(keep as f32, noise.branch());
                self.vae.encode_with(&input, &conditions, &mut dropout)?
            }
        };
        let z = posterior.sample(&epsilon)?;
        let decoder = self.vae.decoder();
        let outputs = if sampling > 0.0 {
            // Not the numbers that dropout draws.
            let mut draws = noise.branch();
            decoder.scheduled(&output, &z, &conditions, sampling, &mut draws, &mut dropout)?
        } else {
            decoder.teacher_forced(&output, &z, &conditions, &mut dropout)?
        };
        let reconstruction = decoder.loss(&outputs, &output, &conditions)?;
        let kl = posterior.kl_nats()?;
        let kl_cost = loss::beyond_free_bits(&kl, train.free_bits)?;
        let mut total = (&kl_cost * beta)?;
        for (_, nats) in &reconstruction {
            total = (total + nats)?;
        }
        let attribute_cost = self.attribute_cost(examples, &z)?;
        if let Some(cost) = &attribute_cost {
            total = (total + cost)?;
        }
        let mut store = total.sum_all()?.backward()?;
        let n_parameters: usize = self.parameters.iter().map(Vec::len).sum();
        let mut sums = Vec::with_capacity(n_parameters + reconstruction.len() + 3);
        for var in &self.variables {
            match store.remove(var) {
                Some(gradient) => sums.extend(gradient.flatten_all()?.to_vec1::<f32>()?),
                None => sums.resize(sums.len() + var.elem_count(), 0.0),
            }
        }
        let mut names = Vec::with_capacity(reconstruction.len());
        for (name, nats) in &reconstruction {
            names.push(*name);
            sums.push(nats.sum_all()?.to_scalar()?);
        }
        sums.push(kl.sum_all()?.to_scalar()?);
        sums.push(kl_cost.sum_all()?.to_scalar()?);
        sums.push(match attribute_cost {
            Some(cost) => cost.sum_all()?.to_scalar()?,
            None => 0.0,
        });
        Ok(Part { sums, names })
    }

    /// What it costs each example that the first numbers of its `z` are not in the order of its attributes among these
    /// examples, weighted; an attribute that means nothing there counts as 0. `None` without attributes.
    fn attribute_cost(&self, examples: &[Example], z: &Tensor) -> Result<Option<Tensor>> {
        if self.attributes.is_empty() {
            return Ok(None);
        }
        let converter = &self.vae.config().converter;
        let values = examples.iter().flat_map(|example| {
            let passage = Passage::of_rows(converter, &example.output);
            let measure = move |one: &Attribute| one.measure(&passage).unwrap_or_default();
            self.attributes.iter().map(measure)
        });
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the order of the values counts"
        )]
        let values: Vec<f32> = values.map(|value| value as f32).collect();
        let shape = (examples.len(), self.attributes.len());
        let values = Tensor::from_vec(values, shape, z.device())?;
        let order = &self.config.train.attributes;
        let cost = loss::attribute_order(z, &values, order.delta)?;
        Ok(Some((cost * order.weight)?))
    }
}

/// Makes the allocator of glibc keep the memory that one step frees for the next one, where it would give it back to
/// the system and pay a page fault per 4 KiB to have it again. It keeps as much as twice the largest block that was
/// ever freed, if that is at most 32 MiB; pages of this one are never touched. Other allocators do not mind.
///
/// # Source
/// mallopt(3), "dynamic mmap threshold".
fn keep_freed_memory() {
    std::hint::black_box(Vec::<u8>::with_capacity((32 << 20) - (64 << 10)));
}

/// Writes numbers into a tensor on the CPU.
struct Overwrite<'a>(&'a [f32]);

impl InplaceOp1 for Overwrite<'_> {
    fn name(&self) -> &'static str {
        "overwrite"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            candle_core::bail!("{} needs a contiguous f32 tensor", self.name());
        };
        values[start..end].copy_from_slice(self.0);
        Ok(())
    }
}
