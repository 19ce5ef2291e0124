//! The whole model, for training and for playing.
//!
//! A checkpoint opened, and a groove of it:
//!
//! ```
//! use candle_core::Device;
//! use fourbar_model::{checkpoint::Checkpoint, conditions::Conditions, noise::Noise, vae::Vae};
//!
//! let file = "../bundles/models/fourbar.safetensors";
//! let checkpoint = Checkpoint::from_bytes(&std::fs::read(file)?, file)?;
//! let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
//! let mut noise = Noise::from_seed(9);
//! let z = vae.draw(Some("funk"), &mut noise);
//! let groove = vae.generate_groove(&z, &Conditions::default(), 1.0, &mut noise)?;
//! assert_eq!(groove.n_steps(), 64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::checkpoint::{Checkpoint, Metadata};
use crate::conditions::{self, Conditions};
use crate::config::ModelConfig;
use crate::decoder::{Decoder, FastDecoder};
use crate::error::Error;
use crate::groove::Groove;
use crate::latent::{Posterior, Prior};
use crate::layers::Dropout;
use crate::network::Network;
use crate::noise::Noise;
use crate::parameters::Parameters;
use crate::rows::{self, Rows};
use crate::temperature::Temperature;
use candle_core::{Device, Result, Tensor};
use std::collections::BTreeMap;

/// A variational autoencoder of sequences.
///
/// # Source
/// Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music" (MusicVAE), and
/// Gillick et al. 2019, "Learning to Groove with Inverse Sequence Transformations" (GrooVAE), as Magenta has them.
#[derive(Debug, Clone)]
pub struct Vae {
    config: ModelConfig,
    device: Device,
    network: Network,
    /// The decoder for one groove at a time on the CPU; absent on other devices, while training, and for models that it
    /// does not know.
    fast: Option<FastDecoder>,
    /// Where new points are drawn from, if not from the standard normal distribution.
    prior: Option<Prior>,
}

impl Vae {
    /// The model over tensors on a device, by their names; they may be variables that are being trained.
    ///
    /// # Errors
    /// If the configuration cannot be built (its converter and head do not fit, say), or a tensor is missing or has
    /// another shape.
    pub fn new(
        config: &ModelConfig,
        tensors: &BTreeMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        config.check().map_err(candle_core::Error::msg)?;
        Ok(Self {
            config: config.clone(),
            device: device.clone(),
            network: Network::new(config, &Parameters::new(tensors))?,
            fast: None,
            prior: None,
        })
    }

    /// The model of a checkpoint, on a device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        device: &Device,
    ) -> std::result::Result<Self, Error> {
        let Metadata { config, latent, .. } = &checkpoint.metadata;
        Ok(Self {
            prior: latent.prior.clone(),
            ..Self::of_tensors(config, &checkpoint.tensors, device)?
        })
    }

    /// The model over tensors that stay as they are, brought to a device.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_tensors(
        config: &ModelConfig,
        tensors: &BTreeMap<String, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let on_device = tensors
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let mut vae = Self::new(config, &on_device, device)?;
        if device.is_cpu() {
            vae.fast = FastDecoder::pack(config, &vae.network.decoder)?;
        }
        Ok(vae)
    }

    /// Tensors of an untrained model, as its layers declare them.
    ///
    /// # Source
    /// TensorFlow's defaults as Magenta uses them.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn initial_tensors(
        config: &ModelConfig,
        noise: &mut Noise,
    ) -> Result<BTreeMap<String, Tensor>> {
        let declarations = config.declarations().into_iter();
        declarations
            .map(|one| Ok((one.name.clone(), one.draw(noise)?)))
            .collect()
    }

    /// The sizes of the model.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where the model runs.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The same model decoding with each instruction set that this machine has, by name, fastest first; none for a model
    /// that plays in tensor operations. All of them play the same.
    pub fn on_every_instruction_set(&self) -> impl Iterator<Item = (String, Self)> {
        let decoders = self.fast.iter();
        let decoders = decoders.flat_map(FastDecoder::on_every_instruction_set);
        decoders.map(|(name, decoder)| {
            let fast = Some(decoder);
            (
                name,
                Self {
                    fast,
                    ..self.clone()
                },
            )
        })
    }

    /// The decoder in stock tensor operations.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.network.decoder
    }

    /// The posterior of each sequence of a batch.
    ///
    /// # Shapes
    /// `x`: `[batch, steps, input]`; `conditions`: one for each of the batch; result: `[batch, latent]` each.
    ///
    /// # Errors
    /// If shapes differ, controls are missing or not wanted, or the device fails.
    pub fn encode(&self, x: &Tensor, conditions: &[Conditions]) -> Result<Posterior> {
        self.encode_with(x, conditions, &mut Dropout::off())
    }

    /// [`Self::encode`] with dropout, for training.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_with(
        &self,
        x: &Tensor,
        conditions: &[Conditions],
        dropout: &mut Dropout,
    ) -> Result<Posterior> {
        match conditions::controls(conditions, x.device())? {
            None => self.network.encoder.forward(x, dropout),
            Some(controls) => self
                .network
                .encoder
                .forward(&Tensor::cat(&[x, &controls], 2)?, dropout),
        }
    }

    /// A point for a new sequence, `[latent]`: of a style, where the model has learned where its points lie.
    #[must_use]
    pub fn draw(&self, style: Option<&str>, noise: &mut Noise) -> Vec<f32> {
        Prior::draw_from(self.prior.as_ref(), self.config.latent, style, noise)
    }

    /// One sequence from a latent of `config().latent` numbers; `temperature` 0 is the most likely one.
    ///
    /// Uses up [`Self::n_uniforms`] numbers of `noise`, whatever the temperature.
    ///
    /// # Errors
    /// If `z` has another length, the conditions do not fit or the device fails.
    pub fn generate(
        &self,
        z: &[f32],
        conditions: &Conditions,
        temperature: impl Into<Temperature>,
        noise: &mut Noise,
    ) -> std::result::Result<Rows, Error> {
        let conditions = std::slice::from_ref(conditions);
        let zs = [z.to_vec()];
        let mut rows =
            self.generate_batch(&zs, conditions, temperature, std::slice::from_mut(noise))?;
        Ok(rows.swap_remove(0))
    }

    /// Several sequences at once, each from its own latent, conditions and noise; the same as one at a time.
    ///
    /// # Errors
    /// If a latent has another length, the conditions do not fit or the device fails.
    pub fn generate_batch(
        &self,
        zs: &[Vec<f32>],
        conditions: &[Conditions],
        temperature: impl Into<Temperature>,
        noises: &mut [Noise],
    ) -> std::result::Result<Vec<Rows>, Error> {
        let temperature = temperature.into();
        self.check_conditions(conditions, zs.len())?;
        let (n_steps, layout) = (self.config.n_steps, self.config.converter.output());
        let n_uniforms = self.n_uniforms();
        let uniforms: Vec<f32> = noises
            .iter_mut()
            .flat_map(|noise| noise.uniforms(n_uniforms))
            .collect();
        let numbers = match &self.fast {
            Some(fast) => fast.decode(zs, conditions, temperature, &uniforms)?,
            None => {
                let batch = zs.len();
                let z = Tensor::from_vec(zs.concat(), (batch, self.config.latent), &self.device)?;
                let shape = (batch, n_steps, n_uniforms / n_steps);
                let uniforms = Tensor::from_vec(uniforms, shape, &self.device)?;
                let rows = self
                    .network
                    .decoder
                    .sample(&z, conditions, temperature, &uniforms)?;
                rows.flatten_all()?.to_vec1()?
            }
        };
        let sequences = numbers.chunks_exact(n_steps * layout.width());
        Ok(sequences.map(|numbers| layout.read(numbers)).collect())
    }

    /// [`Self::generate`] for models that play drums.
    ///
    /// # Errors
    /// As [`Self::generate`], and if the model plays something else.
    pub fn generate_groove(
        &self,
        z: &[f32],
        conditions: &Conditions,
        temperature: impl Into<Temperature>,
        noise: &mut Noise,
    ) -> std::result::Result<Groove, Error> {
        let rows = self.generate(z, conditions, temperature, noise)?;
        self.config.converter.groove(&rows).ok_or_else(|| {
            Error::Request(format!("the model {} plays no drums", self.config.preset))
        })
    }

    /// The mean of a groove's posterior, `[latent]`.
    ///
    /// # Errors
    /// If the model sees no grooves of this length, or the device fails.
    pub fn encode_groove(&self, groove: &Groove) -> std::result::Result<Vec<f32>, Error> {
        let example = self.config.converter.example_of_groove(groove);
        let example = example.filter(|_| groove.n_steps() == self.config.n_steps);
        let Some(example) = example else {
            let (preset, n_steps) = (&self.config.preset, self.config.n_steps);
            return Err(Error::Request(format!(
                "the model {preset} sees no groove of {} steps; it sees music of {n_steps}",
                groove.n_steps()
            )));
        };
        let x = rows::to_tensor(&[&example.input], &self.device)?;
        let posterior = self.encode(&x, &[example.conditions])?;
        Ok(posterior.mu.flatten_all()?.to_vec1()?)
    }

    /// Numbers from [0, 1) that one sequence uses up.
    #[must_use]
    pub fn n_uniforms(&self) -> usize {
        self.config.n_steps * self.network.decoder.n_uniforms()
    }

    /// Whether there are conditions for each sequence of a batch, of the kinds that the model takes.
    fn check_conditions(
        &self,
        conditions: &[Conditions],
        batch: usize,
    ) -> std::result::Result<(), Error> {
        if conditions.len() != batch {
            return Err(Error::Request(format!(
                "{} conditions for {batch} sequences: give one for each",
                conditions.len()
            )));
        }
        conditions
            .iter()
            .try_for_each(|one| self.config.check_conditions(one))
    }
}

#[cfg(test)]
mod tests;
