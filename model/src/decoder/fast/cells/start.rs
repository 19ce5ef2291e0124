//! What is known of a groove before its first step, and what it means for all of them.

use super::super::kernel::{Layer, advance, pass_on};
use super::super::lanes::Lanes;
use super::super::network::{Cell, Matrix};
use super::CellNetwork;
use super::sums::{add, add_strips};
use crate::conditions::Conditions;
use crate::decoder::cells::{CONTROLS, controls, tempo};

/// Steps whose sums are computed together where they do not depend on each other.
const STEPS_AT_A_TIME: usize = 2;

/// A groove before its first step.
pub(super) struct Start {
    /// `[step][CONTROLS]`.
    pub(super) controls: Vec<f32>,
    /// z and tempo, for all layers; not yet squashed.
    pub(super) states: Vec<f32>,
    /// The sums of the first layer's input and of the hidden units, without rows and units: `[step][output]`.
    pub(super) embedded: Vec<f32>,
    pub(super) hidden: Vec<f32>,
}

/// What is known of the cells, as all steps read it.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// `[step][CONTROLS]`.
    controls: Vec<f32>,
    /// What each step reads besides the rows: what the known cells mean, those cells, and the place; steps in groups of
    /// [`STEPS_AT_A_TIME`], `[group][number][step]`. What fills the last group up is zeros.
    inputs: Vec<Vec<[f32; STEPS_AT_A_TIME]>>,
    /// The sums of the hidden units, without rows and units: `[step][output]`.
    hidden: Vec<f32>,
}

impl Start {
    #[inline(always)]
    pub(super) fn new<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize>(
        network: &CellNetwork,
        z: &[f32],
        conditions: &Conditions,
    ) -> Self {
        let of =
            |conditions: &Conditions| controls(conditions, network.n_steps, network.fill_strength);
        let of_nothing = network
            .context_of_nothing
            .get_or_init(|| Context::new::<L, LANES, STRIPS>(network, of(&Conditions::default())));
        let controls = of(conditions);
        let context = if controls == of_nothing.controls {
            of_nothing.clone()
        } else {
            Context::new::<L, LANES, STRIPS>(network, controls)
        };
        let z = z.iter().copied().chain(tempo(conditions));
        let z: Vec<[f32; 1]> = z.map(|value| [value]).collect();
        // Loops, so that each product is compiled once.
        let mut of_z = [&network.initial_state, &network.embed].map(|layer| {
            let sums = layer.sums().to_vec();
            (&layer.matrix, sums)
        });
        for (matrix, sums) in &mut of_z {
            add::<L, LANES, 1, 1>(matrix, &z, sums);
        }
        let [(_, states), (_, embedded)] = of_z;
        Self {
            states,
            embedded: context.add::<L, LANES>(&network.embed_context, &embedded),
            controls: context.controls,
            hidden: context.hidden,
        }
    }
}

impl Context {
    /// `controls`: `[step][CONTROLS]`.
    #[inline(always)]
    fn new<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize>(
        network: &CellNetwork,
        controls: Vec<f32>,
    ) -> Self {
        let n_steps = network.n_steps;
        let mut known = [const { Vec::new() }; 2];
        for (is_backward, (cell, outputs)) in network.known.iter().zip(&mut known).enumerate() {
            let steps = (0..n_steps).map(|i| if is_backward == 1 { n_steps - 1 - i } else { i });
            *outputs = read::<L, LANES, STRIPS>(cell, &controls, steps);
        }
        let of_step = |step: usize| {
            let known = known.iter().flat_map(move |outputs| &outputs[step]);
            let own = &controls[step * CONTROLS..][..CONTROLS];
            known.chain(own).chain(&network.positions[step])
        };
        let group = |first: usize| {
            let mut group = vec![[0.0; STEPS_AT_A_TIME]; network.embed_context.n_inputs];
            for step in first..n_steps.min(first + STEPS_AT_A_TIME) {
                for (number, value) in group.iter_mut().zip(of_step(step)) {
                    number[step - first] = *value;
                }
            }
            group
        };
        let inputs = (0..n_steps).step_by(STEPS_AT_A_TIME).map(group).collect();
        let mut context = Self {
            controls,
            inputs,
            hidden: Vec::new(),
        };
        let hidden = &network.hidden_context;
        context.hidden = context.add::<L, LANES>(&hidden.matrix, hidden.sums());
        context
    }

    /// The products of `matrix` with the inputs of every step, added to the same `sums`, `[step][output]`.
    #[inline(always)]
    fn add<L: Lanes<LANES>, const LANES: usize>(&self, matrix: &Matrix, sums: &[f32]) -> Vec<f32> {
        let mut sums = sums.repeat(self.inputs.len() * STEPS_AT_A_TIME);
        for strip in 0..matrix.n_strips::<LANES>() {
            let groups = sums.chunks_exact_mut(STEPS_AT_A_TIME * matrix.n_outputs());
            for (inputs, sums) in self.inputs.iter().zip(groups) {
                add_strips::<L, LANES, 1, STEPS_AT_A_TIME>(matrix, strip, inputs, sums);
            }
        }
        sums
    }
}

/// What an LSTM layer that goes over the control rows of `steps` in this order says of each step, `[step][unit]`.
#[inline(always)]
fn read<L: Lanes<LANES>, const LANES: usize, const STRIPS: usize>(
    cell: &Cell,
    controls: &[f32],
    steps: impl ExactSizeIterator<Item = usize>,
) -> Vec<Vec<f32>> {
    let mut layer = [Layer::<LANES, 1>::new(cell, &vec![[0.0]; 2 * cell.n_units])];
    let mut outputs = vec![Vec::new(); steps.len()];
    for step in steps {
        let own = &controls[step * CONTROLS..][..CONTROLS];
        layer[0].inputs[..CONTROLS]
            .as_flattened_mut()
            .copy_from_slice(own);
        for group in 0..cell.matrix.n_strips::<LANES>() / STRIPS {
            advance::<L, LANES, STRIPS, 1>(cell, group * STRIPS, &mut layer[0]);
        }
        let h = pass_on(&mut layer, 0, cell.n_units).expect("there is no layer above");
        outputs[step] = h.as_flattened().to_vec();
    }
    outputs
}
