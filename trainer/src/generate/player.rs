//! A model with everything on the command line that does not depend on the mode.

use super::input::{Input, Reading};
use super::{Args, attribute, noise_of};
use crate::loaded_model::LoadedModel;
use anyhow::Context as _;
use candle_core::Device;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::{Batch, Converter, Example};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, beats};
use fourbar_model::note::Note;
use fourbar_model::pattern::Feel;
use fourbar_model::rows::Rows;
use fourbar_model::{midi, vae::Vae};
use std::io::Write;

/// What a model plays in some steps of a longer piece.
pub(super) struct Passage {
    /// Where it begins in the piece.
    pub(super) first_step: usize,
    /// Steps of `rows` that are played; the model may have put out more.
    pub(super) n_steps: usize,
    pub(super) rows: Rows,
}

/// Plays points of a model's latent space.
pub(super) struct Player<'a> {
    pub(super) vae: &'a Vae,
    pub(super) converter: &'a Converter,
    pub(super) args: &'a Args,
    /// What the attributes add to every point.
    shift: Vec<f32>,
    /// What every piece is conditioned on; where this is nothing, on what an input brings.
    conditions: Conditions,
}

impl<'a> Player<'a> {
    /// Prepares the model for the arguments; says which bars of a file of controls are used.
    ///
    /// # Errors
    /// If the controls cannot be read, or the model has not the attributes.
    pub(super) fn new(
        model: &'a LoadedModel,
        args: &'a Args,
        out: &mut dyn Write,
    ) -> anyhow::Result<Self> {
        let mut player = Self {
            vae: &model.vae,
            converter: &model.metadata.config.converter,
            args,
            shift: attribute::shift(&model.metadata, &args.attribute)?,
            conditions: Conditions::default(),
        };
        player.conditions = match &args.controls {
            Some(path) => {
                let input = Input::open(path, player.reading(), out)?;
                input
                    .first_window(player.converter, out)?
                    .example
                    .conditions
            }
            None if player.converter.takes_hits() => Conditions::default(),
            None => player.conditions_of_silence(),
        };
        Ok(player)
    }

    /// Conditions that say the same of every music.
    fn conditions_of_silence(&self) -> Conditions {
        let silence = Groove::empty(self.window_steps());
        let example = self.converter.example_of_groove(&silence);
        example.map_or_else(Conditions::default, |example| example.conditions)
    }

    /// How inputs are read for this model.
    pub(super) fn reading(&self) -> Reading<'a> {
        Reading {
            converter: self.converter,
            map: self.args.input_map,
            window_steps: self.window_steps(),
            as_taps: false,
            copied_to: None,
        }
    }

    /// Length of a window in 16th steps.
    pub(super) fn window_steps(&self) -> usize {
        self.vae.config().window_steps()
    }

    /// The mean of the posterior of one example, alone: it must not depend on neighbours in a batch.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn mu(&self, example: &Example) -> anyhow::Result<Vec<f32>> {
        let batch = Batch::new(std::slice::from_ref(example), self.vae.device())?;
        let posterior = self
            .vae
            .encode(&batch.input, &batch.conditions)
            .context("encoding an input")?;
        Ok(posterior
            .mu
            .to_device(&Device::Cpu)?
            .squeeze(0)?
            .to_vec1()?)
    }

    /// What the model plays at `z`, moved by the attributes, with the noise of number `index`. The conditions are those
    /// of the command line, else those of `input`.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn play(
        &self,
        z: &[f32],
        input: Option<&Example>,
        index: usize,
    ) -> anyhow::Result<Rows> {
        let mut noise = noise_of(self.args.seed, index);
        self.play_with(z, input, &mut noise)
    }

    /// [`Self::play`] with noise of which some is used up.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn play_with(
        &self,
        z: &[f32],
        input: Option<&Example>,
        noise: &mut fourbar_model::noise::Noise,
    ) -> anyhow::Result<Rows> {
        let z: Vec<f32> = z.iter().zip(&self.shift).map(|(z, by)| z + by).collect();
        let own = input.map(|example| &example.conditions);
        let conditions = own
            .filter(|_| self.conditions.is_empty())
            .unwrap_or(&self.conditions);
        Ok(self
            .vae
            .generate(&z, conditions, self.args.temperature(), noise)?)
    }

    /// The notes of a window.
    pub(super) fn notes(&self, rows: &Rows) -> Vec<Note> {
        self.converter.notes(rows, self.args.drum_map)
    }

    /// The notes of a piece of `n_steps` that is played from its start: a hit that announces a passage comes at the end of
    /// the one before it. With `magenta_compat`, notes are the original's.
    pub(super) fn joined(&self, passages: &[Passage], n_steps: usize) -> Vec<Note> {
        let mut groove = Groove::empty(n_steps);
        let mut notes = Vec::new();
        for passage in passages {
            let first_step = passage.first_step;
            let end_step = n_steps.min(first_step + passage.n_steps);
            let window = self.converter.groove(&passage.rows);
            if let Some(window) = window.filter(|_| !self.converter.is_compatible()) {
                for (step, voice, cell) in window.hits() {
                    if first_step + step < end_step {
                        groove.set(first_step + step, voice, Some(cell));
                    }
                }
            } else {
                let moved = self.notes(&passage.rows).into_iter().map(|note| Note {
                    onset_beats: note.onset_beats + beats(first_step),
                    ..note
                });
                notes.extend(moved.filter(|note| note.onset_beats < beats(end_step)));
            }
        }
        let pattern = groove.to_pattern();
        notes.extend(pattern.to_notes(Feel::AS_GENERATED, self.args.drum_map, midi::DRUM_CHANNEL));
        notes
    }

    /// The map that the written drums are numbered with: models of all General MIDI percussion have their own.
    pub(super) fn written_map(&self) -> &'static DrumMap {
        if self.converter.has_all_percussion() {
            &DrumMap::GM
        } else {
            self.args.drum_map
        }
    }
}
