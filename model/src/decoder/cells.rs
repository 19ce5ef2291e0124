//! Grooves drawn cell after cell: a decoder that gives every hit, velocity and offset a distribution.
//!
//! Within a step the drums come in a fixed order. Whether a drum plays depends on the drums before it in this step, its
//! velocity on that, its timing on both. The network also reads the rows of one bar and of two bars ago, and the
//! mixtures of velocity and timing have components that copy what the same drum did there: drummers repeat themselves
//! from bar to bar more than a recurrent network does by itself.
//!
//! Cells can be known beforehand, and the rest is drawn around them; a style and a tempo can be asked for.

mod complete;
mod context;
mod draw;
mod loss;

use crate::affine::affine;
use crate::columns::side_by_side;
use crate::conditions::Conditions;
use crate::config::ModelConfig;
use crate::drums::N_VOICES;
use crate::groove::ROW;
use crate::head::Cells;
use crate::layers::{Dense, Dropout};
use crate::lstm::{Direction, LstmState};
use crate::parameters::{Init, Parameters};
use crate::stack::{Layer, Stack};
use crate::temperature::Temperature;
use candle_core::{Device, Result, Tensor};
pub(super) use context::{CONTROLS, TEMPO, controls, tempo};
pub(super) use draw::{Step, Within};

use complete::complete;
use context::Context;
use loss::{CellLoss, PARTS, TARGET};

/// Uniform numbers that a step uses up, whatever is known: for each drum its hit, the component and place of its velocity
/// and of its offset.
pub(super) const UNIFORMS: usize = 5 * N_VOICES;

/// The decoder in stock tensor operations.
#[derive(Debug, Clone)]
pub struct CellDecoder {
    pub(super) sizes: Cells,
    pub(super) n_steps: usize,
    /// `[steps, position]`.
    pub(super) positions: Tensor,
    pub(super) known: [Layer; 2],
    pub(super) embed: Dense,
    pub(super) stack: Stack,
    pub(super) hidden: Dense,
    /// What the drums above a drum add to its hidden units, `[27, drums * hidden]`.
    above: Tensor,
    /// Which of these weights there are, as ones and zeros.
    is_above: Tensor,
    /// `[drums, hidden, cell]`.
    pub(super) cell: Tensor,
    /// `[drums, cell]`, beside what is usual.
    cell_bias: Tensor,
    /// `[cell]`.
    usual: Tensor,
    /// What a drum's velocity adds to the mixture of its offset, `[drums, numbers of a mixture]`.
    by_velocity: Tensor,
}

impl CellDecoder {
    /// The decoder whose tensors are under `vb`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: &ModelConfig, sizes: &Cells, parameters: &Parameters) -> Result<Self> {
        let direction = |name: &str| {
            let parameters = parameters.under("known").under(name);
            Layer::new(0, CONTROLS, &[sizes.known], false, &parameters)
        };
        let context = sizes.look_back_width() + 2 * sizes.known + CONTROLS + sizes.position;
        let z = config.latent + TEMPO;
        let units = &config.decoder.units;
        let top = units.last().copied().unwrap_or(0);
        let hidden = N_VOICES * sizes.hidden;
        let cell = sizes.cell();
        let dense = |name: &str, input, output| {
            Dense::new(input, output, Init::Glorot, &parameters.under(name))
        };
        Ok(Self {
            sizes: sizes.clone(),
            n_steps: config.n_steps,
            positions: parameters.get(
                "positions",
                &[config.n_steps, sizes.position],
                Init::Normal(1.0),
            )?,
            known: [direction("forward")?, direction("backward")?],
            embed: dense("embed", ROW + 1 + context + z, sizes.embedding)?,
            stack: Stack::new(z, sizes.embedding, units, false, parameters)?,
            hidden: dense("hidden", top + context, hidden)?,
            above: parameters.get("above", &[ROW, hidden], Init::Normal(0.05))?,
            is_above: is_above(sizes.hidden)?,
            cell: parameters.get(
                "cell.kernel",
                &[N_VOICES, sizes.hidden, cell],
                Init::Normal(0.03),
            )?,
            cell_bias: parameters.get("cell.bias", &[N_VOICES, cell], Init::Zeros)?,
            usual: Tensor::from_vec(sizes.usual_cell(), cell, &Device::Cpu)?,
            by_velocity: parameters.get("by_velocity", &[N_VOICES, (cell - 1) / 2], Init::Zeros)?,
        })
    }

    /// The numbers that decide every cell when all rows are the true ones.
    ///
    /// # Shapes
    /// `rows`: `[batch, steps, 27]`; `z`: `[batch, latent]`; result: `[batch, steps, drums * cell]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn teacher_forced(
        &self,
        rows: &Tensor,
        z: &Tensor,
        conditions: &[Conditions],
        dropout: &mut Dropout,
    ) -> Result<Tensor> {
        let given = Context::new(conditions, self.n_steps, 1.0, z.device())?;
        let rows = rows.transpose(0, 1)?.contiguous()?;
        let (steps, batch, _) = rows.dims3()?;
        let z = Tensor::cat(&[z, &given.tempo], 1)?;
        let mut read = |lag: usize| with_presence(&shifted(&rows, lag)?, dropout)?.flatten(0, 1);
        let last = read(1)?;
        let backs = self.sizes.look_back.iter();
        let backs = backs.map(|&lag| read(lag)).collect::<Result<Vec<_>>>()?;
        let known = self.known(&given)?.flatten(0, 1)?;
        let positions = self.positions.unsqueeze(1)?;
        let positions = positions
            .broadcast_as((steps, batch, self.sizes.position))?
            .flatten(0, 1)?;
        let mut context: Vec<&Tensor> = backs.iter().collect();
        context.extend([&known, &positions]);
        let context = side_by_side(&context)?;
        let every_step = z
            .unsqueeze(0)?
            .broadcast_as((steps, batch, z.dim(1)?))?
            .flatten(0, 1)?;
        let input = side_by_side(&[&last, &context, &every_step])?;
        let embedded = self.embed.forward(&input)?.reshape((steps, batch, ()))?;
        let h = self.stack.sequence(embedded, &z, dropout)?;
        let input = dropout.apply_half(&side_by_side(&[&h.flatten(0, 1)?, &context])?)?;
        let (rows, above) = (rows.flatten(0, 1)?, self.is_above.to_device(z.device())?);
        let above = affine(&rows, &(&self.above * above)?, &self.hidden.bias)?;
        let hidden = affine(&input, &self.hidden.kernel, &above)?;
        let hidden = dropout.apply_half_to_silu(&hidden)?;
        let cells = affine(&hidden, &self.cell, &self.bias()?.flatten_all()?)?;
        complete(&cells, &self.by_velocity, rows, backs)?
            .reshape((steps, batch, ()))?
            .transpose(0, 1)?
            .contiguous()
    }

    /// The parts of the loss by name, each `[batch]`, in nats: of what is not known.
    ///
    /// # Shapes
    /// `cells`: as from [`Self::teacher_forced`]; `rows`: `[batch, steps, 27]`.
    ///
    /// # Errors
    /// If shapes differ.
    pub fn loss(
        &self,
        cells: &Tensor,
        rows: &Tensor,
        conditions: &[Conditions],
    ) -> Result<Vec<(&'static str, Tensor)>> {
        let (batch, steps, width) = cells.dims3()?;
        let counts = context::counts(conditions, steps);
        let counts = Tensor::from_vec(counts, (batch, steps, 2 * N_VOICES), &Device::Cpu)?;
        let targets = Tensor::cat(&[&rows.to_device(&Device::Cpu)?, &counts], 2)?;
        let nats = cells
            .to_device(&Device::Cpu)?
            .reshape((batch * steps, width))?
            .apply_op2(
                &targets.reshape((batch * steps, TARGET))?,
                CellLoss::new(&self.sizes),
            )?;
        let nats = nats.reshape((batch, steps, PARTS))?.sum(1)?;
        let nats = nats.to_device(cells.device())?;
        ["hits", "velocities", "offsets"]
            .into_iter()
            .enumerate()
            .map(|(part, name)| Ok((name, nats.narrow(1, part, 1)?.squeeze(1)?)))
            .collect()
    }

    /// Grooves from latents, each row read back as the next one's input.
    ///
    /// # Shapes
    /// `z`: `[batch, latent]`; `uniforms`: `[batch, steps, UNIFORMS]` in [0, 1); result: `[batch, steps, 27]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sample(
        &self,
        z: &Tensor,
        conditions: &[Conditions],
        temperature: Temperature,
        uniforms: &Tensor,
    ) -> Result<Tensor> {
        let off = &mut Dropout::off();
        let uniforms = uniforms.flatten_all()?.to_vec1::<f32>()?;
        let (batch, device) = (z.dim(0)?, z.device());
        let fill = self.sizes.fill_strength;
        let given = Context::new(conditions, self.n_steps, fill, device)?;
        let z = Tensor::cat(&[z, &given.tempo], 1)?;
        let known = self.known(&given)?;
        let controls: Vec<Vec<f32>> = conditions
            .iter()
            .map(|one| controls(one, self.n_steps, fill))
            .collect();
        let within = Within::of(self)?;
        let temperature = temperature.times(self.sizes.calibration);
        let mut states = self.stack.start(&z)?;
        let mut rows = vec![0.0; batch * self.n_steps * ROW];
        for step in 0..self.n_steps {
            let before = |sequence: usize, lag: usize| {
                let first = (sequence * self.n_steps + step.checked_sub(lag)?) * ROW;
                Some(first..first + ROW)
            };
            let look_back = |lag: usize| -> Result<Tensor> {
                let mut values = Vec::with_capacity(batch * (ROW + 1));
                for sequence in 0..batch {
                    match before(sequence, lag) {
                        Some(place) => values.extend_from_slice(&rows[place]),
                        None => values.extend([0.0; ROW]),
                    }
                    values.push(1.0);
                }
                Tensor::from_vec(values, (batch, ROW + 1), device)
            };
            let lags = self.sizes.look_back.iter();
            let mut context = lags
                .map(|&lag| look_back(lag))
                .collect::<Result<Vec<_>>>()?;
            context.push(known.get(step)?);
            let position = self.positions.narrow(0, step, 1)?;
            context.push(
                position
                    .broadcast_as((batch, self.sizes.position))?
                    .contiguous()?,
            );
            let context = Tensor::cat(&context, 1)?;
            let input = Tensor::cat(&[&look_back(1)?, &context, &z], 1)?;
            let h = self
                .stack
                .step(self.embed.forward(&input)?, &mut states, off)?;
            let hidden = self.hidden.forward(&Tensor::cat(&[&h, &context], 1)?)?;
            for (sequence, hidden) in hidden.to_vec2::<f32>()?.into_iter().enumerate() {
                let at = (sequence * self.n_steps + step) * UNIFORMS;
                let lags = self.sizes.look_back.iter();
                let row = |lag| rows[before(sequence, lag)?].try_into().ok();
                let step = Step {
                    back: lags.map(|&lag| row(lag)).collect(),
                    controls: &controls[sequence][step * CONTROLS..][..CONTROLS],
                    temperature,
                    uniforms: &uniforms[at..][..UNIFORMS],
                };
                let row = within.row(hidden, &step);
                let first = at / UNIFORMS * ROW;
                rows[first..first + ROW].copy_from_slice(&row);
            }
        }
        Tensor::from_vec(rows, (batch, self.n_steps, ROW), device)
    }

    /// The most likely rows, given the numbers of their cells: hits that are at least as likely as not, each with the mean
    /// of its most likely component.
    ///
    /// # Shapes
    /// `cells`: as from [`Self::teacher_forced`]; result: `[batch, steps, 27]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn most_likely(&self, cells: &Tensor) -> Result<Tensor> {
        let (batch, steps, width) = cells.dims3()?;
        let numbers = cells.flatten_all()?.to_vec1::<f32>()?;
        let rows: Vec<f32> = numbers
            .chunks_exact(width)
            .flat_map(|cells| draw::most_likely(cells, self.sizes.cell()))
            .collect();
        Tensor::from_vec(rows, (batch, steps, ROW), cells.device())
    }

    /// What the network makes of the known cells, and the cells, `[steps, batch, 2 * known + CONTROLS]`.
    fn known(&self, given: &Context) -> Result<Tensor> {
        let controls = given.controls.transpose(0, 1)?.contiguous()?;
        let [forward, backward] = &self.known;
        let initial = LstmState::zeros(controls.dim(1)?, self.sizes.known, &controls)?;
        // Without dropout: what is known is not to be doubted.
        let off = &mut Dropout::off();
        let forward = forward.sequence(&controls, &initial, Direction::Forward, off)?;
        let backward = backward.sequence(&controls, &initial, Direction::Backward, off)?;
        let known = side_by_side(&[
            &forward.flatten(0, 1)?,
            &backward.flatten(0, 1)?,
            &controls.flatten(0, 1)?,
        ])?;
        let (steps, batch, _) = controls.dims3()?;
        known.reshape((steps, batch, ()))
    }

    /// `[drums, cell]`.
    pub(crate) fn bias(&self) -> Result<Tensor> {
        let usual = self.usual.to_device(self.cell_bias.device())?;
        self.cell_bias.broadcast_add(&usual)
    }
}

/// Rows `lag` steps later, silence before them.
fn shifted(rows: &Tensor, lag: usize) -> Result<Tensor> {
    let steps = rows.dim(0)?;
    rows.narrow(0, 0, steps.saturating_sub(lag))?
        .pad_with_zeros(0, lag.min(steps), 0)
}

/// Rows `[steps, batch, 27]` with a number beside each that says whether it is there: dropout leaves some of them out,
/// and silence is not the same as not knowing.
fn with_presence(rows: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
    let (steps, batch, _) = rows.dims3()?;
    let is_there = dropout.kept((steps, batch, 1), rows.device())?;
    Tensor::cat(&[&rows.broadcast_mul(&is_there)?, &is_there], 2)
}

/// 1 where a column of a row belongs to a drum above the drum of a hidden unit, `[27, drums * hidden]`.
fn is_above(hidden: usize) -> Result<Tensor> {
    let values: Vec<f32> = (0..ROW)
        .flat_map(|column| {
            (0..N_VOICES * hidden)
                .map(move |unit| f32::from(u8::from(column % N_VOICES < unit / hidden)))
        })
        .collect();
    Tensor::from_vec(values, (ROW, N_VOICES * hidden), &Device::Cpu)
}

#[cfg(test)]
mod tests;
