//! The examples that a run learns from, in the order in which it sees them.

use crate::data::{Dataset, FillClassifier, Shards, Split, Window};
use crate::learn::base::Base;
use crate::measure::{HeldOut, shuffle};
use crate::models;
use crate::settings::{Config, TrainConfig};
use anyhow::{Result, bail};
use fourbar_model::attributes::AttributeVector;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::Example;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::latent::{LatentMap, Located, Prior};
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

/// Training examples that the latent map is fitted to, at most: enough for ten axes, and a matter of seconds.
const MAP_EXAMPLES: usize = 2_048;
/// Training examples that the prior is fitted to, at most.
const PRIOR_EXAMPLES: usize = 16_384;
/// Probability above which a bar counts as a fill: rather none than half a one.
const FILL: f64 = 0.7;
/// Principal axes in the latent map; the plugin has eight controls.
const MAP_AXES: usize = 8;

/// The data of a run and what it has come to with them.
pub(super) struct TrainingSet<'a> {
    /// All data, or a sample of what is in shards.
    pub(super) dataset: &'a Dataset,
    /// What training reads in turn, where it is too much for the memory.
    shards: Option<&'a Shards>,
    /// The run's settings, with the batch that the data allow.
    pub(super) config: Config,
    /// Length of a window in 16th steps.
    pub(super) n_steps: usize,
    pub(super) steps_per_epoch: usize,
    /// How many training windows there are.
    pub(super) n_windows: usize,
    /// The training windows of `dataset`.
    windows: Vec<Window>,
    /// For each shard, how many of its windows an epoch learns from; data in memory are one shard.
    n_examples: Vec<usize>,
    /// The validation split, if there is any.
    pub(super) validation: Option<HeldOut>,
    /// Which bars are fills, if examples are conditioned on them.
    fills: Option<FillClassifier>,
    /// The model that the run starts from, if it starts from one.
    base: Option<&'a Base>,
    /// What that model has learned from, where it goes on learning from it.
    rehearsal: Option<Box<Self>>,
    /// The epoch that `open` is of.
    epoch: Option<usize>,
    /// The shards that the present batch is from.
    open: Vec<OpenShard<'a>>,
}

/// A shard in memory.
struct OpenShard<'a> {
    number: usize,
    dataset: Cow<'a, Dataset>,
    /// The windows that the epoch learns from, shuffled.
    order: Vec<Window>,
    /// Their places in the epoch.
    places: Range<usize>,
}

impl<'a> TrainingSet<'a> {
    /// The training windows of `dataset`, or of the `shards` of which it is a sample, for `config`, whose batch is made
    /// smaller where there are too few, which is said to `out`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn new(
        dataset: &'a Dataset,
        shards: Option<&'a Shards>,
        config: &mut Config,
        out: &mut dyn Write,
    ) -> Result<Self> {
        let n_steps = config.model.window_steps();
        let windows = dataset.windows(Split::Train, n_steps, config.data.hop_bars);
        let in_memory = || vec![dataset.draw(&windows, &mut Noise::from_seed(0)).len()];
        let of_shards = shards.map_or_else(in_memory, Shards::n_examples);
        let n_examples: usize = of_shards.iter().sum();
        if n_examples == 0 {
            bail!(
                "{} holds no training window of {n_steps} steps: `fourbar prepare --preset {}` shows why",
                dataset.card.name,
                config.model.preset
            );
        }
        let batch_size = &mut config.train.batch_size;
        if *batch_size > n_examples {
            writeln!(
                out,
                "a batch of {batch_size} is larger than the data: using {n_examples} examples a step"
            )?;
            *batch_size = n_examples;
        }
        let held_out = HeldOut::of(dataset, Split::Validation, &config.model);
        Ok(Self {
            dataset,
            shards,
            config: config.clone(),
            n_steps,
            steps_per_epoch: n_examples / config.train.batch_size,
            n_windows: shards.map_or(windows.len(), Shards::n_windows),
            windows,
            n_examples: of_shards,
            validation: (!held_out.is_empty()).then_some(held_out),
            fills: (config.train.conditions.fills > 0.0)
                .then(|| FillClassifier::of(dataset, Split::Train))
                .flatten(),
            base: None,
            rehearsal: None,
            epoch: None,
            open: Vec::new(),
        })
    }

    /// Starts from `base`: what that learned from is learned on with each batch, as far as the settings say so and it is at
    /// hand, and the latent space stays as it is described there.
    ///
    /// # Errors
    /// If the data of the base hold no training window.
    pub(super) fn start_from(&mut self, base: &'a Base, out: &mut dyn Write) -> Result<()> {
        self.base = Some(base);
        let mut config = self.config.clone();
        let train = &mut config.train;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a batch is small"
        )]
        let n_rehearsed = (train.batch_size as f64 * train.rehearsal).round() as usize;
        if let Some(dataset) = base.dataset.as_ref().filter(|_| n_rehearsed > 0) {
            train.batch_size = n_rehearsed;
            // Other noise than that of the run's own examples.
            train.seed = !train.seed;
            let rehearsal = Self::new(dataset, None, &mut config, out)?;
            // Loops of a user's own have no fills that are named so.
            self.fills = self.fills.take().or_else(|| rehearsal.fills.clone());
            self.rehearsal = Some(Box::new(rehearsal));
        }
        Ok(())
    }

    /// Examples of a step: the run's own, and after them those of what is rehearsed.
    pub(super) fn batch_size(&self) -> usize {
        let rehearsal = self.rehearsal.as_deref();
        self.config.train.batch_size + rehearsal.map_or(0, Self::batch_size)
    }

    /// Gets the windows of the batch of `step` into memory and order. Each epoch draws its windows anew where the converter
    /// takes only some of a song, goes through the shards in an order of its own, and through each one's windows likewise.
    ///
    /// # Errors
    /// If a shard cannot be read.
    pub(super) fn turn_to(&mut self, step: usize) -> Result<()> {
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.turn_to(step)?;
        }
        let epoch = step / self.steps_per_epoch;
        if self.epoch != Some(epoch) {
            self.open.clear();
            self.epoch = Some(epoch);
        }
        let n = self.config.train.batch_size;
        let first = step % self.steps_per_epoch * n;
        let is_of_batch = |places: &Range<usize>| {
            !places.is_empty() && places.start < first + n && first < places.end
        };
        self.open.retain(|shard| is_of_batch(&shard.places));
        for (number, places) in self.shards_of(epoch) {
            let is_open = self.open.iter().any(|shard| shard.number == number);
            if is_of_batch(&places) && !is_open {
                let shard = self.open(epoch, number, places)?;
                self.open.push(shard);
            }
        }
        Ok(())
    }

    /// The shards in the order in which an epoch goes through them, each with the places of its windows.
    fn shards_of(&self, epoch: usize) -> Vec<(usize, Range<usize>)> {
        let mut order: Vec<usize> = (0..self.n_examples.len()).collect();
        let seed = !self.config.train.seed.rotate_left(32);
        shuffle(&mut order, &mut Noise::of_sample(seed, epoch));
        let mut end = 0;
        let in_turn = order.into_iter().map(|number| {
            let first = end;
            end += self.n_examples[number];
            (number, first..end)
        });
        in_turn.collect()
    }

    /// Reads a shard and puts its windows into the order of an epoch.
    fn open(&self, epoch: usize, number: usize, places: Range<usize>) -> Result<OpenShard<'a>> {
        let mut noise = Noise::of_sample(
            !self.config.train.seed,
            epoch * self.n_examples.len() + number,
        );
        let (dataset, mut order) = match self.shards {
            None => {
                let order = self.dataset.draw(&self.windows, &mut noise);
                (Cow::Borrowed(self.dataset), order)
            }
            Some(shards) => {
                let dataset = shards.load(number)?;
                let hop_bars = self.config.data.hop_bars;
                let windows = dataset.windows(Split::Train, self.n_steps, hop_bars);
                let order = dataset.draw(&windows, &mut noise);
                (Cow::Owned(dataset), order)
            }
        };
        shuffle(&mut order, &mut noise);
        Ok(OpenShard {
            number,
            dataset,
            order,
            places,
        })
    }

    /// The example at a place of the batch of `step`, below [`Self::batch_size`], varied as the converter says. It follows
    /// from the seed, the step and the place alone.
    pub(super) fn example_at(&self, step: usize, place: usize) -> Example {
        let TrainConfig {
            batch_size, seed, ..
        } = self.config.train;
        match &self.rehearsal {
            Some(rehearsal) if place >= batch_size => {
                rehearsal.example_at(step, place - batch_size)
            }
            _ => {
                let of_epoch = step % self.steps_per_epoch * batch_size + place;
                let shard = self
                    .open
                    .iter()
                    .find(|shard| shard.places.contains(&of_epoch));
                let shard = shard.expect("`turn_to` has opened the shards of this step");
                let window = &shard.order[of_epoch - shard.places.start];
                let mut noise = Noise::of_sample(seed.rotate_left(32), step * batch_size + place);
                self.example(&shard.dataset, window, &mut noise)
            }
        }
    }

    /// A window as the converter and the settings vary it, with the conditions that are drawn for it.
    fn example(&self, dataset: &Dataset, window: &Window, noise: &mut Noise) -> Example {
        let TrainConfig {
            augment,
            conditions,
            ..
        } = &self.config.train;
        let plain = dataset.groove(window);
        let Some(plain) = plain.filter(|_| augment.is_on() || conditions.is_on()) else {
            return dataset.example(window, Some(noise));
        };
        let groove = augment.vary(&plain, noise);
        let example = dataset.converter.example_of_groove(&groove);
        let mut example = example.expect("the converter has grooves");
        let file = &dataset.files[window.file];
        let styles = &self.config.model.styles;
        let style = styles
            .iter()
            .position(|style| file.style.as_ref() == Some(style));
        let fills = self.fills.as_ref().map(|classifier| {
            let bars = classifier.of_bars(&plain).into_iter();
            bars.map(|probability| probability > FILL).collect()
        });
        #[expect(clippy::cast_possible_truncation, reason = "a tempo needs few digits")]
        let bpm = file.bpm as f32;
        let controls = example.conditions.controls.take();
        example.conditions = Conditions {
            controls,
            ..conditions.draw(&groove, style, bpm, fills, noise)
        };
        if let Some(read) = conditions.hidden(&groove, &example.conditions, noise) {
            let read = dataset.converter.example_of_groove(&read);
            example.input = read.expect("the converter has grooves").input;
        }
        example
    }

    /// Where the training examples lie in the latent space of `vae`: the base's own map where there is a base, because the
    /// axes of a few loops are no axes of all music.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn latent_map(&self, vae: &Vae) -> Result<LatentMap> {
        if let Some(base) = self.base {
            return Ok(base.checkpoint.metadata.latent.clone());
        }
        let hop_bars = self.n_steps.div_ceil(STEPS_PER_BAR);
        let windows = self.dataset.windows(Split::Train, self.n_steps, hop_bars);
        let windows = at_most(MAP_EXAMPLES, windows);
        let posteriors = self.posteriors(&windows, vae)?;
        let mus: Vec<Vec<f32>> = posteriors.into_iter().map(|[mu, _]| mu).collect();
        Ok(LatentMap::fit(&mus, &self.styles(&windows), MAP_AXES))
    }

    /// The directions of attributes in the latent space, where they are known: those of the base.
    pub(super) fn attributes(&self) -> BTreeMap<String, AttributeVector> {
        let known = self.base.map(|base| &base.checkpoint.metadata.attributes);
        known.cloned().unwrap_or_default()
    }

    /// The distribution that new grooves are drawn from, made of the training examples' posteriors, with the styles of the
    /// base for who asks for them.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn prior(&self, vae: &Vae) -> Result<Option<Prior>> {
        let windows = at_most(PRIOR_EXAMPLES, self.windows.clone());
        let styles = self.styles(&windows);
        let posteriors = self.posteriors(&windows, vae)?.into_iter();
        let located = posteriors.zip(&windows).zip(styles);
        let located = located.map(|(([mean, deviation], window), style)| Located {
            mean,
            deviation,
            style,
            song: window.file,
        });
        let grooves: Vec<Located> = located.collect();
        let own = Prior::fit(&grooves, self.config.train.prior_kernels);
        let of_base = self
            .base
            .and_then(|base| base.checkpoint.metadata.latent.prior.as_ref());
        Ok(match (own, of_base) {
            (Some(own), Some(of_base)) => Some(own.with_styles_of(of_base)),
            (own, _) => own,
        })
    }

    /// The style of each window, where it is known.
    fn styles(&self, windows: &[Window]) -> Vec<Option<&str>> {
        let file = |window: &Window| &self.dataset.files[window.file];
        windows
            .iter()
            .map(|window| file(window).style.as_deref())
            .collect()
    }

    /// Mean and deviation of each window's posterior.
    fn posteriors(&self, windows: &[Window], vae: &Vae) -> Result<Vec<[Vec<f32>; 2]>> {
        let example = |window: &Window| self.dataset.example(window, None);
        models::posteriors(vae, windows, self.config.train.micro_batch, example)
    }
}

/// Every nth of `windows`, with the smallest n that leaves no more than `most`.
fn at_most(most: usize, windows: Vec<Window>) -> Vec<Window> {
    let stride = windows.len().div_ceil(most).max(1);
    windows.into_iter().step_by(stride).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::data::prepare;
    use fourbar_model::midi;
    use fourbar_model::note::Note;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Twenty loops of four bars, each faster than the one before, in six shards.
    fn shards(folder: &Path, config: &Config) -> Shards {
        let (data, out) = (folder.join("data"), folder.join("shards"));
        fs::create_dir(&data).unwrap();
        for i in 0..20_u8 {
            let note = |onset_beats, pitch| Note {
                onset_beats,
                duration_beats: 0.25,
                pitch,
                velocity: 0.8,
                channel: 9,
            };
            let mut notes: Vec<Note> = (0..16).map(|beat| note(f64::from(beat), 36)).collect();
            notes.push(note(0.75 * f64::from(i), 38));
            let bytes = midi::write(&notes, 16.0, 100.0 + f64::from(i));
            fs::write(data.join(format!("{i}.mid")), bytes).unwrap();
        }
        prepare::into_shards(&data, &out, 6, None).unwrap();
        Shards::open(&out, config).unwrap().unwrap()
    }

    /// Which windows a step learns from, by the tempo of their files.
    fn batch(set: &mut TrainingSet, step: usize) -> Vec<u32> {
        set.turn_to(step).unwrap();
        let of_batch = 0..set.batch_size();
        let tempo = |place| {
            let of_epoch = step % set.steps_per_epoch * set.batch_size() + place;
            let is_in = |shard: &&OpenShard| shard.places.contains(&of_epoch);
            let shard = set.open.iter().find(is_in).unwrap();
            let window = &shard.order[of_epoch - shard.places.start];
            assert_eq!(shard.places.len(), shard.order.len());
            assert!(set.open.len() <= 3, "no more than a batch needs");
            shard.dataset.files[window.file].bpm.round()
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "tempi"
        )]
        of_batch.map(|place| tempo(place) as u32).collect()
    }

    #[test]
    fn an_epoch_goes_through_every_shard_once_in_an_order_of_its_own_wherever_a_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::preset("groovae_4bar").unwrap();
        let shards = shards(folder.path(), &config);
        config.train.batch_size = 3;
        let sample = shards.sample().unwrap();
        let mut out = Vec::new();
        let mut set = |config: &mut Config| {
            TrainingSet::new(&sample, Some(&shards), config, &mut out).unwrap()
        };
        let mut whole = set(&mut config);
        let n_steps = whole.steps_per_epoch;
        assert_eq!(n_steps, shards.n_windows() / 3);
        let steps: Vec<Vec<u32>> = (0..2 * n_steps)
            .map(|step| batch(&mut whole, step))
            .collect();
        let (first, second) = steps.split_at(n_steps);
        for epoch in [first, second] {
            let seen: BTreeSet<&u32> = epoch.iter().flatten().collect();
            assert_eq!(seen.len(), 3 * n_steps, "{epoch:?}");
        }
        assert_ne!(first, second);
        // Whoever begins in the middle sees what the others see.
        for step in [2 * n_steps - 1, n_steps + 1, 1] {
            assert_eq!(batch(&mut set(&mut config), step), steps[step]);
        }
        config.train.seed += 1;
        assert_ne!(batch(&mut set(&mut config), 0), steps[0]);
    }
}
