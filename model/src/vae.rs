//! The whole model, for training and for playing.

use crate::checkpoint::Checkpoint;
use crate::conditions::{self, Conditions};
use crate::config::ModelConfig;
use crate::decoder::{Decoder, FastDecoder};
use crate::encoder::Encoder;
use crate::error::Error;
use crate::groove::Groove;
use crate::latent::Posterior;
use crate::layers::Dropout;
use crate::noise::Noise;
use crate::rows::Rows;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
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
    encoder: Encoder,
    decoder: Decoder,
    /// The decoder for one groove at a time on the CPU; absent on other devices, while training, and for models that it
    /// does not know.
    fast: Option<FastDecoder>,
}

impl Vae {
    /// The model over the tensors of `vb`, which may be variables that are being trained.
    ///
    /// # Errors
    /// If the configuration cannot be built (its converter and head do not fit, say), or a tensor is missing or has
    /// another shape.
    pub fn new(config: &ModelConfig, vb: VarBuilder) -> Result<Self> {
        config.check().map_err(candle_core::Error::msg)?;
        Ok(Self {
            config: config.clone(),
            device: vb.device().clone(),
            encoder: Encoder::new(config, &vb.pp("encoder"))?,
            decoder: Decoder::new(config, &vb)?,
            fast: None,
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
        Ok(Self::of_tensors(
            &checkpoint.metadata.config,
            &checkpoint.tensors,
            device,
        )?)
    }

    /// The model over tensors by their names, on a device.
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
        let vb = VarBuilder::from_tensors(on_device, DType::F32, device);
        let mut vae = Self::new(config, vb)?;
        if device.is_cpu() {
            vae.fast = FastDecoder::pack(config, tensors)?;
        }
        Ok(vae)
    }

    /// Tensors of an untrained model.
    ///
    /// # Source
    /// TensorFlow's defaults as Magenta uses them: Glorot uniform for LSTM kernels (over the joint shape of input and
    /// recurrence), the output layer and projections, N(0, 0.001²) for the layers into and out of the latent, a normal
    /// distribution cut at two deviations of 1/√classes for NADE, biases 0.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn initial_tensors(
        config: &ModelConfig,
        noise: &mut Noise,
    ) -> Result<BTreeMap<String, Tensor>> {
        config
            .tensors()
            .into_iter()
            .map(|(name, shape)| {
                let n = shape.iter().product();
                let values = if name.ends_with("bias") {
                    vec![0.0; n]
                } else if name.contains("cell_") || name.ends_with("output.kernel") {
                    let limit = (6.0 / narrow(shape[0] + shape[1])).sqrt();
                    let uniforms = noise.uniforms(n);
                    uniforms.iter().map(|u| (2.0 * u - 1.0) * limit).collect()
                } else if name.contains("nade.") {
                    let deviation = narrow(shape[0]).sqrt().recip();
                    (0..n).map(|_| deviation * cut_normal(noise)).collect()
                } else {
                    noise.normals(n).iter().map(|x| 0.001 * x).collect()
                };
                Ok((name, Tensor::from_vec(values, shape, &Device::Cpu)?))
            })
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

    /// The decoder in stock tensor operations.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
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
            None => self.encoder.forward(x, dropout),
            Some(controls) => self
                .encoder
                .forward(&Tensor::cat(&[x, &controls], 2)?, dropout),
        }
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
        temperature: f32,
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
        temperature: f32,
        noises: &mut [Noise],
    ) -> std::result::Result<Vec<Rows>, Error> {
        self.check_conditions(conditions, zs.len())?;
        let (n_steps, layout) = (self.config.n_steps, self.config.converter.output());
        let n_uniforms = self.n_uniforms();
        let uniforms: Vec<f32> = noises
            .iter_mut()
            .flat_map(|noise| noise.uniforms(n_uniforms))
            .collect();
        let numbers = match &self.fast {
            Some(fast) => fast.decode(zs, temperature, &uniforms)?,
            None => {
                let batch = zs.len();
                let z = Tensor::from_vec(zs.concat(), (batch, self.config.latent), &self.device)?;
                let shape = (batch, n_steps, n_uniforms / n_steps);
                let uniforms = Tensor::from_vec(uniforms, shape, &self.device)?;
                let rows = self
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
        temperature: f32,
        noise: &mut Noise,
    ) -> std::result::Result<Groove, Error> {
        let rows = self.generate(z, conditions, temperature, noise)?;
        self.config.converter.groove(&rows).ok_or_else(|| {
            Error::Request(format!("the model {} plays no drums", self.config.preset))
        })
    }

    /// Numbers from [0, 1) that one sequence uses up.
    #[must_use]
    pub fn n_uniforms(&self) -> usize {
        self.config.n_steps * self.decoder.n_uniforms()
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

#[expect(clippy::cast_precision_loss, reason = "widths of layers are small")]
fn narrow(size: usize) -> f32 {
    size as f32
}

/// A standard normal number, drawn again until it lies within two deviations.
fn cut_normal(noise: &mut Noise) -> f32 {
    loop {
        let x = noise.normal();
        if x.abs() <= 2.0 {
            return x;
        }
    }
}

#[cfg(test)]
mod tests;
