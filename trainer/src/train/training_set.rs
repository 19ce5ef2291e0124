//! The examples that a run learns from, in the order in which it sees them.

use crate::config::{Config, TrainConfig};
use crate::dataset::{Dataset, Split, Window};
use crate::eval::HeldOut;
use anyhow::{Result, bail};
use candle_core::Device;
use fourbar_model::converter::{Batch, Example};
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use rayon::prelude::*;

/// Training examples that the latent map is fitted to, at most: enough for ten axes, and a matter of seconds.
const MAP_EXAMPLES: usize = 2_048;
/// Principal axes in the latent map; the plugin has eight controls.
const MAP_AXES: usize = 8;

/// The data of a run and what it has come to with them.
pub(super) struct TrainingSet<'a> {
    pub(super) dataset: &'a Dataset,
    /// The run's settings, with the batch that the data allow.
    pub(super) config: Config,
    /// Length of a window in 16th steps.
    pub(super) n_steps: usize,
    pub(super) steps_per_epoch: usize,
    pub(super) windows: Vec<Window>,
    /// The validation split, if there is any.
    pub(super) validation: Option<HeldOut>,
    /// The epoch that `order` is of.
    epoch: Option<usize>,
    /// The windows of that epoch, shuffled.
    order: Vec<Window>,
}

impl<'a> TrainingSet<'a> {
    /// The training windows of `dataset` for `config`, whose batch is made smaller where there are too few.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn new(dataset: &'a Dataset, config: &mut Config) -> Result<Self> {
        let n_steps = config.model.window_steps();
        let windows = dataset.windows(Split::Train, n_steps, config.data.hop_bars);
        let n_examples = dataset.draw(&windows, &mut Noise::from_seed(0)).len();
        if n_examples == 0 {
            bail!(
                "{} holds no training window of {n_steps} steps: `fourbar prepare --preset {}` shows why",
                dataset.name,
                config.model.preset
            );
        }
        let batch_size = &mut config.train.batch_size;
        if *batch_size > n_examples {
            println!(
                "a batch of {batch_size} is larger than the data: using {n_examples} examples a step"
            );
            *batch_size = n_examples;
        }
        let held_out = HeldOut::of(dataset, Split::Validation, &config.model);
        Ok(Self {
            dataset,
            config: config.clone(),
            n_steps,
            steps_per_epoch: n_examples / config.train.batch_size,
            windows,
            validation: (!held_out.is_empty()).then_some(held_out),
            epoch: None,
            order: Vec::new(),
        })
    }

    /// The examples of step `step`. Each epoch draws its windows anew where the converter takes only some of a song,
    /// goes through them in an order of its own, and varies each of them as the converter says.
    pub(super) fn batch(&mut self, step: usize) -> Vec<Example> {
        let TrainConfig {
            batch_size, seed, ..
        } = self.config.train;
        let epoch = step / self.steps_per_epoch;
        if self.epoch != Some(epoch) {
            let mut noise = Noise::of_sample(!seed, epoch);
            self.order = self.dataset.draw(&self.windows, &mut noise);
            for i in (1..self.order.len()).rev() {
                self.order.swap(i, noise.below(i + 1));
            }
            self.epoch = Some(epoch);
        }
        let first = step % self.steps_per_epoch * batch_size;
        let windows = self.order[first..first + batch_size].iter().enumerate();
        windows
            .map(|(i, window)| {
                let mut noise = Noise::of_sample(seed.rotate_left(32), step * batch_size + i);
                self.dataset.example(window, Some(&mut noise))
            })
            .collect()
    }

    /// Where the training examples lie in the latent space of `vae`.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn latent_map(&self, vae: &Vae) -> Result<LatentMap> {
        let hop_bars = self.n_steps.div_ceil(STEPS_PER_BAR);
        let windows = self.dataset.windows(Split::Train, self.n_steps, hop_bars);
        let stride = windows.len().div_ceil(MAP_EXAMPLES).max(1);
        let windows: Vec<Window> = windows.into_iter().step_by(stride).collect();
        let mus: Vec<Vec<Vec<f32>>> = windows
            .par_chunks(self.config.train.micro_batch)
            .map(|windows| {
                let examples: Vec<Example> = windows
                    .iter()
                    .map(|window| self.dataset.example(window, None))
                    .collect();
                let batch = Batch::new(&examples, &Device::Cpu)?;
                let posterior = vae.encode(&batch.input, &batch.conditions)?;
                Ok(posterior.mu.to_vec2()?)
            })
            .collect::<Result<_>>()?;
        let styles: Vec<Option<&str>> = windows
            .iter()
            .map(|window| self.dataset.files[window.file].style.as_deref())
            .collect();
        Ok(LatentMap::fit(&mus.concat(), &styles, MAP_AXES))
    }
}
