//! LSTM layers that read their own last row and end in a head, for the whole sequence or for one segment after the other.
//!
//! In a hierarchy a *conductor* turns the latent into one embedding for each segment, and the *core* decodes every
//! segment from its embedding as a flat decoder does from the latent. The core starts afresh in each segment, but reads
//! the last row of the segment before. Under teacher forcing all rows are known, so the segments go through the core
//! side by side.
//!
//! # Source
//! Magenta's `BaseLstmDecoder`, `HierarchicalLstmDecoder` (with `disable_autoregression`) and `SplitMultiOutLstmDecoder`.

use crate::conditions::{self, Conditions};
use crate::config::{ModelConfig, PartConfig};
use crate::head::{HeadLayer, choice_name};
use crate::layers::{Dense, Dropout};
use crate::noise::Noise;
use crate::parameters::{Init, Parameters};
use crate::stack::Stack;
use candle_core::{D, DType, Result, Tensor};
use std::sync::Arc;

/// A decoder that draws row after row.
#[derive(Debug, Clone)]
pub struct RowDecoder {
    n_segments: usize,
    segment_steps: usize,
    /// Numbers of a row.
    width: usize,
    conductor: Option<Stack>,
    pub(super) parts: Vec<Part>,
}

/// One of the independent decoders that a row is put together from; all but a split decoder have one.
#[derive(Debug, Clone)]
pub(super) struct Part {
    first_column: usize,
    width: usize,
    pub(super) stack: Stack,
    pub(super) output: Dense,
    head: Arc<dyn HeadLayer>,
}

impl Part {
    fn new(
        config: &ModelConfig,
        part: &PartConfig,
        embedding: usize,
        parameters: &Parameters,
    ) -> Result<Self> {
        let decoder = &config.decoder;
        let head = decoder.head.kind();
        let width = part.layout.width();
        let input = width + embedding + config.controls();
        let units = decoder.units.last().copied().unwrap_or(0);
        Ok(Self {
            first_column: part.first_column,
            width,
            stack: Stack::new(
                embedding,
                input,
                &decoder.units,
                decoder.residual,
                parameters,
            )?,
            output: Dense::new(
                units,
                head.n_outputs(&part.layout),
                Init::Glorot,
                &parameters.under("output"),
            )?,
            head: head.build(&part.layout, parameters)?,
        })
    }

    /// This part's columns of rows.
    fn columns(&self, rows: &Tensor) -> Result<Tensor> {
        rows.narrow(D::Minus1, self.first_column, self.width)
    }
}

impl RowDecoder {
    /// The decoder of a configuration, whose tensors are all named below `decoder`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Result<Self> {
        let decoder = &config.decoder;
        let mut embedding = config.latent;
        let mut conductor = None;
        if decoder.hierarchy.is_some() {
            let parameters = parameters.under("decoder.conductor");
            conductor = Some(Stack::new(
                config.latent,
                1,
                &decoder.units,
                decoder.residual,
                &parameters,
            )?);
            embedding = decoder.units.last().copied().unwrap_or(0);
        }
        let part =
            |part: &PartConfig| Part::new(config, part, embedding, &parameters.under(&part.prefix));
        Ok(Self {
            n_segments: config.n_steps / config.segment_steps(),
            segment_steps: config.segment_steps(),
            width: config.converter.output().width(),
            conductor,
            parts: config.parts().iter().map(part).collect::<Result<_>>()?,
        })
    }

    /// What each segment is decoded from, `[segments, batch, embedding]`: z itself if the decoder is flat.
    fn embeddings(&self, z: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
        match &self.conductor {
            None => z.unsqueeze(0),
            Some(conductor) => {
                let nothing =
                    Tensor::zeros((self.n_segments, z.dim(0)?, 1), DType::F32, z.device())?;
                conductor.sequence(nothing, z, dropout)
            }
        }
    }

    /// `[batch, steps, n]` to `[rows of a segment, segments * batch, n]`.
    fn by_segment(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, _, n) = x.dims3()?;
        let x = x.reshape((batch, self.n_segments, self.segment_steps, n))?;
        x.permute((2, 1, 0, 3))?.contiguous()?.reshape((
            self.segment_steps,
            self.n_segments * batch,
            n,
        ))
    }

    /// Undoes [`Self::by_segment`].
    fn in_order(&self, x: &Tensor) -> Result<Tensor> {
        let (_, rows, n) = x.dims3()?;
        let batch = rows / self.n_segments;
        let x = x.reshape((self.segment_steps, self.n_segments, batch, n))?;
        let steps = self.n_segments * self.segment_steps;
        x.permute((2, 1, 0, 3))?
            .contiguous()?
            .reshape((batch, steps, n))
    }

    /// What the decoder says of every step when the rows before it are the true ones: the numbers that each part's head
    /// reads.
    ///
    /// # Shapes
    /// `rows`: `[batch, steps, width]`; `z`: `[batch, latent]`; `conditions`: one for each of the batch; result:
    /// `[batch, steps, n_outputs]` for each part.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced(
        &self,
        rows: &Tensor,
        z: &Tensor,
        conditions: &[Conditions],
        dropout: &mut Dropout,
    ) -> Result<Vec<Tensor>> {
        let (batch, steps, _) = rows.dims3()?;
        let embeddings = self.embeddings(z, dropout)?;
        let embedding = embeddings.reshape(((), embeddings.dim(2)?))?;
        let every_step = embedding
            .unsqueeze(0)?
            .broadcast_as((self.segment_steps, embedding.dim(0)?, embedding.dim(1)?))?
            .contiguous()?;
        let silence = Tensor::zeros((batch, 1, self.width), DType::F32, rows.device())?;
        let previous = Tensor::cat(&[&silence, &rows.narrow(1, 0, steps - 1)?], 1)?;
        let previous = self.by_segment(&previous)?;
        let controls = conditions::controls(conditions, rows.device())?
            .map(|controls| self.by_segment(&controls))
            .transpose()?;
        self.parts
            .iter()
            .map(|part| {
                let mut input = vec![part.columns(&previous)?, every_step.clone()];
                input.extend(controls.clone());
                let h = part
                    .stack
                    .sequence(Tensor::cat(&input, 2)?, &embedding, dropout)?;
                let (steps, rows, units) = h.dims3()?;
                let outputs = part.output.forward(&h.reshape((steps * rows, units))?)?;
                self.in_order(&outputs.reshape((steps, rows, ()))?)
            })
            .collect()
    }

    /// [`Self::teacher_forced`], but for each step and example the row before it is, with this probability, one that
    /// the decoder has drawn itself at temperature 1 (scheduled sampling).
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    ///
    /// # Source
    /// Bengio et al. 2015, "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks".
    pub fn scheduled(
        &self,
        rows: &Tensor,
        z: &Tensor,
        conditions: &[Conditions],
        probability: f32,
        noise: &mut Noise,
        dropout: &mut Dropout,
    ) -> Result<Vec<Tensor>> {
        let batch = z.dim(0)?;
        let shape = (batch, self.n_steps(), self.n_uniforms());
        let uniforms = noise.uniforms(shape.0 * shape.1 * shape.2);
        let uniforms = Tensor::from_vec(uniforms, shape, z.device())?;
        let mut outputs = vec![Vec::new(); self.parts.len()];
        let truth_or_own = |step: usize, drawn: Tensor| {
            let own: Vec<u8> = (0..batch)
                .map(|_| u8::from(noise.uniform() < probability))
                .collect();
            let own = Tensor::from_vec(own, (batch, 1), z.device())?.broadcast_as(drawn.shape())?;
            own.where_cond(&drawn, &rows.narrow(1, step, 1)?.squeeze(1)?.contiguous()?)
        };
        self.run(
            z,
            conditions,
            1.0,
            &uniforms,
            dropout,
            truth_or_own,
            |part, output| {
                outputs[part].push(output.clone());
            },
        )?;
        outputs
            .iter()
            .map(|outputs| Tensor::stack(outputs, 1))
            .collect()
    }

    /// Sequences from latents, each row read back as the next one's input; see [`HeadLayer::sample`].
    ///
    /// # Shapes
    /// `z`: `[batch, latent]`; `conditions`: one for each of the batch; `uniforms`: `[batch, steps, n_uniforms]` in
    /// [0, 1); result: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sample(
        &self,
        z: &Tensor,
        conditions: &[Conditions],
        temperature: f32,
        uniforms: &Tensor,
    ) -> Result<Tensor> {
        let mut rows = Vec::with_capacity(self.n_steps());
        let own = |_, drawn: Tensor| {
            rows.push(drawn.clone());
            Ok(drawn)
        };
        self.run(
            z,
            conditions,
            temperature,
            uniforms,
            &mut Dropout::off(),
            own,
            |_, _| {},
        )?;
        Tensor::stack(&rows, 1)
    }

    /// Step after step: `next` turns a step's number and the row that was drawn for it into the row that is read back,
    /// `hear` is told each part's outputs.
    #[expect(
        clippy::too_many_arguments,
        reason = "the two walks that differ in nothing else"
    )]
    fn run(
        &self,
        z: &Tensor,
        conditions: &[Conditions],
        temperature: f32,
        uniforms: &Tensor,
        dropout: &mut Dropout,
        mut next: impl FnMut(usize, Tensor) -> Result<Tensor>,
        mut hear: impl FnMut(usize, &Tensor),
    ) -> Result<()> {
        let controls = conditions::controls(conditions, z.device())?;
        let embeddings = self.embeddings(z, dropout)?;
        let mut previous = Tensor::zeros((z.dim(0)?, self.width), DType::F32, z.device())?;
        for segment in 0..self.n_segments {
            let embedding = embeddings.get(segment)?;
            let mut states = self
                .parts
                .iter()
                .map(|part| part.stack.start(&embedding))
                .collect::<Result<Vec<_>>>()?;
            for step in segment * self.segment_steps..(segment + 1) * self.segment_steps {
                let at_step = |x: &Tensor| x.narrow(1, step, 1)?.squeeze(1);
                let control = controls.as_ref().map(at_step).transpose()?;
                let uniforms = at_step(uniforms)?;
                let mut drawn = Vec::with_capacity(self.parts.len());
                let mut first_uniform = 0;
                for (i, (part, states)) in self.parts.iter().zip(&mut states).enumerate() {
                    let mut input = vec![part.columns(&previous)?, embedding.clone()];
                    input.extend(control.clone());
                    let h = part.stack.step(Tensor::cat(&input, 1)?, states, dropout)?;
                    let outputs = part.output.forward(&h)?;
                    hear(i, &outputs);
                    let n_uniforms = part.head.n_uniforms();
                    let uniforms = uniforms.narrow(1, first_uniform, n_uniforms)?;
                    first_uniform += n_uniforms;
                    drawn.push(
                        part.head
                            .sample(&outputs.detach(), temperature, &uniforms)?,
                    );
                }
                previous = next(step, Tensor::cat(&drawn, 1)?)?;
            }
        }
        Ok(())
    }

    /// The parts of the reconstruction loss by name, each `[batch]`: sums over the steps, in nats.
    ///
    /// # Shapes
    /// `outputs`: as from [`Self::teacher_forced`]; `targets`: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn loss(
        &self,
        outputs: &[Tensor],
        targets: &Tensor,
    ) -> Result<Vec<(&'static str, Tensor)>> {
        let (batch, steps, _) = targets.dims3()?;
        let mut parts: Vec<(&'static str, Tensor)> = Vec::new();
        for (i, (part, outputs)) in self.parts.iter().zip(outputs).enumerate() {
            let targets = part
                .columns(targets)?
                .reshape((batch * steps, part.width))?;
            let outputs = outputs.reshape((batch * steps, ()))?;
            for (name, nats) in part.head.loss(&outputs, &targets)? {
                let name = if self.parts.len() > 1 {
                    choice_name(i)
                } else {
                    name
                };
                parts.push((name, nats.reshape((batch, steps))?.sum(1)?));
            }
        }
        Ok(parts)
    }

    /// The most likely rows, given outputs of [`Self::teacher_forced`].
    ///
    /// # Shapes
    /// Result: `[batch, steps, width]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn most_likely(&self, outputs: &[Tensor]) -> Result<Tensor> {
        let rows = self
            .parts
            .iter()
            .zip(outputs)
            .map(|(part, outputs)| {
                let (batch, steps, n) = outputs.dims3()?;
                let no_chance = Tensor::zeros(
                    (batch * steps, part.head.n_uniforms()),
                    DType::F32,
                    outputs.device(),
                )?;
                let rows =
                    part.head
                        .sample(&outputs.reshape((batch * steps, n))?, 0.0, &no_chance)?;
                rows.reshape((batch, steps, part.width))
            })
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&rows, 2)
    }

    fn n_steps(&self) -> usize {
        self.n_segments * self.segment_steps
    }

    /// Numbers from [0, 1) that one row uses up.
    #[must_use]
    pub fn n_uniforms(&self) -> usize {
        self.parts.iter().map(|part| part.head.n_uniforms()).sum()
    }
}
