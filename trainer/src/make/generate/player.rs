//! A model with everything on the command line that does not depend on the mode.

use super::arguments::Args;
use super::attribute;
use super::input::{Input, Reading, bars};
use crate::make::noise::noise_of;
use crate::models::{self, LoadedModel};
use anyhow::{bail, ensure};
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::{Converter, Example};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, STEPS_PER_BAR, beats};
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::pattern::Feel;
use fourbar_model::rows::Rows;
use fourbar_model::temperature::Temperature;
use fourbar_model::{midi, vae::Vae};
use std::cell::Cell;
use std::io::Write;

/// How freely hits are drawn, in turn, where the most likely ones are none.
const LIVELIER: [f32; 2] = [0.5, 1.0];

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
    /// What every piece is conditioned on; controls may come with an input instead.
    conditions: Conditions,
    /// Windows whose most likely hits are none.
    n_silent: Cell<usize>,
}

impl<'a> Player<'a> {
    /// Prepares the model for the arguments; says which bars of a file of controls are used.
    ///
    /// # Errors
    /// If the controls cannot be read, or the model has not the attributes or the style.
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
            n_silent: Cell::new(0),
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
        player.conditions.style = player.style()?;
        player.conditions.fills = player.fills()?;
        Ok(player)
    }

    /// The style that is asked for, as its index among those of the model.
    fn style(&self) -> anyhow::Result<Option<usize>> {
        let Some(asked) = &self.args.style else {
            return Ok(None);
        };
        let ModelConfig { preset, styles, .. } = self.vae.config();
        let found = styles.iter().position(|style| style == asked);
        ensure!(
            found.is_some() || styles.is_empty(),
            "the model {preset} has no style {asked:?}; it has {}",
            styles.join(", ")
        );
        // A model without any refuses it in its own words.
        Ok(found.or(Some(0)))
    }

    /// Of each bar whether it is to be a fill, if any is asked for.
    fn fills(&self) -> anyhow::Result<Option<Vec<bool>>> {
        let asked = &self.args.fill;
        let n_bars = self.window_steps() / STEPS_PER_BAR;
        if let Some(bar) = asked.iter().find(|bar| **bar > n_bars) {
            bail!(
                "--fill {bar}: there is no such bar, the model plays {}",
                bars(n_bars)
            );
        }
        let fills = (1..=n_bars).map(|bar| asked.contains(&bar)).collect();
        Ok((!asked.is_empty()).then_some(fills))
    }

    /// Plays for this tempo, if the model hears one.
    pub(super) fn set_tempo(&mut self, bpm: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a tempo in single precision is enough"
        )]
        let bpm = bpm as f32;
        self.conditions.tempo_bpm = self.vae.config().takes_tempo().then_some(bpm);
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
            part: self.args.part.part(),
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
        let alone = std::slice::from_ref(example);
        let means = models::posterior_means(self.vae, alone, 1, Example::clone)?;
        Ok(means.concat())
    }

    /// A point of the prior, of the style that is asked for.
    pub(super) fn draw(&self, noise: &mut Noise) -> Vec<f32> {
        self.vae.draw(self.args.style.as_deref(), noise)
    }

    /// Whether the model draws whatever is not known around that which is.
    pub(super) fn completes(&self) -> bool {
        self.vae.config().takes_known()
    }

    /// How freely the model draws.
    pub(super) fn temperature(&self) -> Temperature {
        self.args.temperature(self.completes())
    }

    /// What a piece is conditioned on: what the command line says and, where that gives no controls, those of `input`.
    pub(super) fn conditions(&self, input: Option<&Example>) -> Conditions {
        let given = &self.conditions;
        let of_input = || input?.conditions.controls.clone();
        Conditions {
            controls: given.controls.clone().or_else(of_input),
            ..given.clone()
        }
    }

    /// What the model plays at `z`, moved by the attributes, with the noise of number `index`.
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
        self.play_with(z, &self.conditions(input), &mut noise)
    }

    /// [`Self::play`] under these conditions, with noise of which some is used up.
    ///
    /// Where every hit is a little less likely than none, the most likely music is silence; then hits are drawn.
    ///
    /// # Errors
    /// If the network fails.
    pub(super) fn play_with(
        &self,
        z: &[f32],
        conditions: &Conditions,
        noise: &mut Noise,
    ) -> anyhow::Result<Rows> {
        let z: Vec<f32> = z.iter().zip(&self.shift).map(|(z, by)| z + by).collect();
        let temperature = self.temperature();
        let mut rows = self.vae.generate(&z, conditions, temperature, noise)?;
        if temperature.hits > 0.0 || !self.notes(&rows).is_empty() {
            return Ok(rows);
        }
        self.n_silent.set(self.n_silent.get() + 1);
        for hits in LIVELIER {
            let livelier = Temperature {
                hits,
                ..temperature
            };
            rows = self.vae.generate(&z, conditions, livelier, noise)?;
            if !self.notes(&rows).is_empty() {
                break;
            }
        }
        Ok(rows)
    }

    /// What a user should know of how the music was played, in a sentence.
    pub(super) fn remark(&self) -> Option<String> {
        let n_silent = self.n_silent.get();
        (n_silent > 0).then(|| {
            let [first, last] = LIVELIER;
            format!(
                "in {n_silent} window(s) no hit is more likely than none, so hits are drawn at temperature {first}, else \
                 {last}; --temperature chooses for all"
            )
        })
    }

    /// The notes of a window.
    pub(super) fn notes(&self, rows: &Rows) -> Vec<Note> {
        self.converter.notes(rows, self.args.drum_map)
    }

    /// The notes of a piece of `n_steps` that is played from its start: a hit that announces a passage comes at the end of
    /// the one before it. With `magenta_compat`, notes are Magenta's.
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
        let map = self.args.drum_map;
        notes.extend(pattern.to_routed_notes(
            Feel::AS_GENERATED,
            &map.keys(),
            midi::DRUM_CHANNEL,
            &map.routing,
        ));
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
