//! GrooVAE: the whole model, for training and for playing.

use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::decoder::{Decoder, FastDecoder};
use crate::drums::N_VOICES;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::groove::{Groove, ROW};
use crate::latent::Posterior;
use crate::layers::Dropout;
use crate::noise::Noise;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use std::collections::BTreeMap;

/// A variational autoencoder of grooves.
///
/// # Source
/// Gillick et al. 2019, "Learning to Groove with Inverse Sequence Transformations"; Magenta's `groovae_4bar`.
#[derive(Debug, Clone)]
pub struct GrooveVae {
    config: ModelConfig,
    device: Device,
    encoder: Encoder,
    decoder: Decoder,
    /// The decoder for one groove at a time on the CPU; absent on other devices and while training.
    fast: Option<FastDecoder>,
}

impl GrooveVae {
    /// The model over the tensors of `vb`, which may be variables that are being trained.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            device: vb.device().clone(),
            encoder: Encoder::new(config, &vb.pp("encoder"))?,
            decoder: Decoder::new(config, &vb.pp("decoder"))?,
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
        let config = &checkpoint.metadata.config;
        let tensors = checkpoint
            .tensors
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let mut vae = Self::new(
            config,
            VarBuilder::from_tensors(tensors, DType::F32, device),
        )?;
        if device.is_cpu() {
            vae.fast = FastDecoder::pack(config, &checkpoint.tensors)?;
        }
        Ok(vae)
    }

    /// Tensors of an untrained model.
    ///
    /// # Source
    /// TensorFlow's defaults as Magenta uses them: Glorot uniform for LSTM kernels (over the joint shape of input and
    /// recurrence) and for the output layer, N(0, 0.001²) for the layers into and out of the latent, biases 0.
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
                } else if name.contains("cell_") || name == "decoder.output.kernel" {
                    #[expect(clippy::cast_precision_loss, reason = "widths of layers are small")]
                    let limit = (6.0 / (shape[0] + shape[1]) as f32).sqrt();
                    let uniforms = noise.uniforms(n);
                    uniforms.iter().map(|u| (2.0 * u - 1.0) * limit).collect()
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

    /// The posterior of each groove of a batch.
    ///
    /// # Shapes
    /// `x`: `[batch, steps, 27]`; result: `[batch, latent]` each.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn encode(&self, x: &Tensor) -> Result<Posterior> {
        self.encoder.forward(x, &mut Dropout::off())
    }

    /// [`Self::encode`] with dropout, for training.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn encode_with(&self, x: &Tensor, dropout: &mut Dropout) -> Result<Posterior> {
        self.encoder.forward(x, dropout)
    }

    /// See [`Decoder::teacher_forced`].
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced(&self, x: &Tensor, z: &Tensor) -> Result<Tensor> {
        self.decoder.teacher_forced(x, z, &mut Dropout::off())
    }

    /// [`Self::teacher_forced`] with dropout, for training.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced_with(
        &self,
        x: &Tensor,
        z: &Tensor,
        dropout: &mut Dropout,
    ) -> Result<Tensor> {
        self.decoder.teacher_forced(x, z, dropout)
    }

    /// One groove from a latent of `config().latent` numbers; `temperature` 0 is the most likely groove.
    ///
    /// Uses up [`Decoder::n_uniforms`] numbers of `noise`, whatever the temperature.
    ///
    /// # Errors
    /// If `z` has another length or the device fails.
    pub fn generate(
        &self,
        z: &[f32],
        temperature: f32,
        noise: &mut Noise,
    ) -> std::result::Result<Groove, Error> {
        let mut grooves =
            self.generate_batch(&[z.to_vec()], temperature, std::slice::from_mut(noise))?;
        Ok(grooves.swap_remove(0))
    }

    /// Several grooves at once, each from its own latent and its own noise; the same grooves as one at a time.
    ///
    /// # Errors
    /// If a latent has another length or the device fails.
    pub fn generate_batch(
        &self,
        zs: &[Vec<f32>],
        temperature: f32,
        noises: &mut [Noise],
    ) -> std::result::Result<Vec<Groove>, Error> {
        let n_steps = self.config.n_steps;
        let uniforms: Vec<f32> = noises
            .iter_mut()
            .flat_map(|noise| noise.uniforms(Decoder::n_uniforms(n_steps)))
            .collect();
        let rows = match &self.fast {
            Some(fast) => fast.decode(zs, temperature, &uniforms)?,
            None => {
                let batch = zs.len();
                let z = Tensor::from_vec(zs.concat(), (batch, self.config.latent), &self.device)?;
                let shape = (batch, n_steps, N_VOICES);
                let uniforms = Tensor::from_vec(uniforms, shape, &self.device)?;
                let rows = self.decoder.sample(&z, temperature, &uniforms)?;
                rows.flatten_all()?.to_vec1()?
            }
        };
        Ok(rows
            .chunks_exact(n_steps * ROW)
            .map(Groove::from_rows)
            .collect())
    }
}
