//! LSTM layers on top of each other, with dropout between them and shortcuts around them.
//!
//! # Source
//! Magenta's `lstm_utils.rnn_cell`: dropout on the input of every layer; with the residual flag a layer's input is added
//! to its output, after a dense projection where the widths differ or the layer is the first.

use crate::layers::{Dense, Dropout, NEAR_ZERO};
use crate::lstm::{Direction, Lstm, LstmState};
use crate::parameters::{Init, Parameters};
use candle_core::{Result, Tensor};

/// One layer in one direction.
#[derive(Debug, Clone)]
pub struct Layer {
    projection: Option<Dense>,
    pub(crate) lstm: Lstm,
    residual: bool,
}

impl Layer {
    /// Layer `i` of layers with these `units`, which reads `input` numbers, from `parameters`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(
        i: usize,
        input: usize,
        units: &[usize],
        residual: bool,
        parameters: &Parameters,
    ) -> Result<Self> {
        let projects = residual && (i == 0 || units[i - 1] != units[i]);
        let projection = projects
            .then(|| {
                Dense::new(
                    input,
                    units[i],
                    Init::Glorot,
                    &parameters.under("projection"),
                )
            })
            .transpose()?;
        let input = if projects { units[i] } else { input };
        Ok(Self {
            projection,
            lstm: Lstm::new(input, units[i], parameters)?,
            residual,
        })
    }

    /// Units of the layer, the width of its output.
    #[must_use]
    pub fn units(&self) -> usize {
        self.lstm.units()
    }

    /// A whole sequence.
    ///
    /// # Shapes
    /// `x`: `[steps, batch, input]`; `initial`: `[batch, units]` each; result: `[steps, batch, units]` in the order of
    /// time.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sequence(
        &self,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
        dropout: &mut Dropout,
    ) -> Result<Tensor> {
        let x = self.input(x, dropout)?;
        let h = self.lstm.sequence(&x, initial, direction)?;
        if self.residual { h + x } else { Ok(h) }
    }

    /// The output of the last step of [`Self::sequence`] that is made: step 0 if it runs backwards.
    ///
    /// # Shapes
    /// `x`: `[steps, batch, input]`; `initial`: `[batch, units]` each; result: `[batch, units]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn last(
        &self,
        x: &Tensor,
        initial: &LstmState,
        direction: Direction,
        dropout: &mut Dropout,
    ) -> Result<Tensor> {
        let x = self.input(x, dropout)?;
        let h = self.lstm.last(&x, initial, direction)?;
        if !self.residual {
            return Ok(h);
        }
        let last = match direction {
            Direction::Forward => x.dim(0)? - 1,
            Direction::Backward => 0,
        };
        h + x.get(last)?
    }

    /// What the LSTM reads of a sequence: the input with dropout, projected where the shortcut needs it.
    fn input(&self, x: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
        let x = dropout.apply(x)?;
        let Some(projection) = &self.projection else {
            return Ok(x);
        };
        let (steps, batch, width) = x.dims3()?;
        let projected = projection.forward(&x.reshape((steps * batch, width))?)?;
        projected.reshape((steps, batch, self.units()))
    }

    /// One step: the new state, and the output.
    ///
    /// # Shapes
    /// `x`: `[batch, input]`; the state: `[batch, units]` each; the output: `[batch, units]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn step(
        &self,
        x: &Tensor,
        state: &LstmState,
        dropout: &mut Dropout,
    ) -> Result<(LstmState, Tensor)> {
        let mut x = dropout.apply(x)?;
        if let Some(projection) = &self.projection {
            x = projection.forward(&x)?;
        }
        let state = self.lstm.step(&x, state)?;
        let output = if self.residual {
            (&state.h + x)?
        } else {
            state.h.clone()
        };
        Ok((state, output))
    }
}

/// Layers that run forwards from an initial state that a vector decides: the body of every decoder.
#[derive(Debug, Clone)]
pub struct Stack {
    pub(crate) initial_state: Dense,
    pub(crate) layers: Vec<Layer>,
}

impl Stack {
    /// Layers with these `units` that read `input` numbers a step and start from a vector of `embedding` numbers.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(
        embedding: usize,
        input: usize,
        units: &[usize],
        residual: bool,
        parameters: &Parameters,
    ) -> Result<Self> {
        let states = 2 * units.iter().sum::<usize>();
        let from_embedding = parameters.under("initial_state");
        let initial_state = Dense::new(embedding, states, NEAR_ZERO, &from_embedding)?;
        let mut width = input;
        let mut layers = Vec::with_capacity(units.len());
        for i in 0..units.len() {
            layers.push(Layer::new(
                i,
                width,
                units,
                residual,
                &parameters.under(format!("cell_{i}")),
            )?);
            width = units[i];
        }
        Ok(Self {
            initial_state,
            layers,
        })
    }

    /// The state of each layer before the first step: tanh of a dense layer over `embedding` `[batch, embedding]`, cut
    /// into c₀, h₀, c₁, h₁, …
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn start(&self, embedding: &Tensor) -> Result<Vec<LstmState>> {
        let packed = self.initial_state.forward(embedding)?.tanh()?;
        let mut first = 0;
        self.layers
            .iter()
            .map(|layer| {
                let units = layer.units();
                let c = packed.narrow(1, first, units)?;
                let h = packed.narrow(1, first + units, units)?;
                first += 2 * units;
                Ok(LstmState { c, h })
            })
            .collect()
    }

    /// A whole sequence from the start that `embedding` decides.
    ///
    /// # Shapes
    /// `x`: `[steps, batch, input]`; result: `[steps, batch, units of the last layer]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn sequence(&self, x: Tensor, embedding: &Tensor, dropout: &mut Dropout) -> Result<Tensor> {
        let initial = self.start(embedding)?;
        self.layers
            .iter()
            .zip(&initial)
            .try_fold(x, |x, (layer, initial)| {
                layer.sequence(&x, initial, Direction::Forward, dropout)
            })
    }

    /// One step; `states` are moved on.
    ///
    /// # Shapes
    /// `x`: `[batch, input]`; result: `[batch, units of the last layer]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    pub fn step(
        &self,
        x: Tensor,
        states: &mut [LstmState],
        dropout: &mut Dropout,
    ) -> Result<Tensor> {
        self.layers
            .iter()
            .zip(states)
            .try_fold(x, |x, (layer, state)| {
                let (next, output) = layer.step(&x, state, dropout)?;
                *state = next;
                Ok(output)
            })
    }
}
