//! `fourbar train`: the training loop.

use crate::config::TrainConfig;
use crate::data;
use crate::dataset::{Dataset, Split, Window};
use crate::device;
use crate::eval::{self, HeldOut, Reconstruction, reconstruction};
use crate::files::{self, write_atomically};
use crate::learner::{Learner, StepLosses};
use crate::run_folder::{Progress, Row, RunFolder};
use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use clap::Args as ClapArgs;
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, FORMAT_VERSION, Metadata};
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, STEPS_PER_BAR, to_tensor};
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::vae::GrooveVae;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Steps between two lines of the log.
const LOG_EVERY: usize = 50;
/// Training grooves that the latent map is fitted to, at most: enough for ten axes, and a matter of seconds.
const MAP_GROOVES: usize = 2_048;
/// Principal axes in the latent map; the plugin has eight controls.
const MAP_AXES: usize = 8;
/// Samples of the prior in the final report.
const PRIOR_SAMPLES: usize = 1_024;

/// Arguments of `fourbar train`; what is not given comes from the preset.
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    /// The model to train: groovae_4bar
    #[arg(long)]
    pub preset: Option<String>,
    /// Folder or zip of MIDI files; without it, the Groove MIDI Dataset where `fourbar data` finds it
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// Folder for the run: model, log, settings and the state to resume from
    #[arg(long, value_name = "RUN_DIR", value_parser = files::path_parser())]
    pub out: PathBuf,
    /// Steps after which training ends, unless validation stops improving earlier
    #[arg(long)]
    pub steps: Option<usize>,
    /// Grooves per step
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Learning rate of the first step
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Seed of everything that is left to chance
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: device::Choice,
    /// Go on with the run in --out, exactly as if it had not been interrupted
    #[arg(long)]
    pub resume: bool,
    /// Settings in a TOML file, any of those that a run saves as config.toml
    #[arg(long, value_name = "FILE.toml", value_parser = files::path_parser())]
    pub config: Option<PathBuf>,
}

impl Args {
    /// The preset's settings, under the file's, under the command line's.
    fn resolve(&self) -> Result<TrainConfig> {
        let mut config = match &self.config {
            Some(path) => TrainConfig::read(path)?,
            None => TrainConfig::default(),
        };
        self.overrule(&mut config);
        config.check()?;
        Ok(config)
    }

    fn overrule(&self, config: &mut TrainConfig) {
        if let Some(preset) = &self.preset {
            config.preset.clone_from(preset);
        }
        config.steps = self.steps.unwrap_or(config.steps);
        config.batch_size = self.batch_size.unwrap_or(config.batch_size);
        config.learning_rate = self.learning_rate.unwrap_or(config.learning_rate);
        config.seed = self.seed.unwrap_or(config.seed);
    }

    /// The command to repeat the run, with file names but no folders.
    fn command(&self, config: &TrainConfig) -> String {
        let mut command = format!("fourbar train --preset {}", config.preset);
        for (flag, path) in [("--data", &self.data), ("--config", &self.config)] {
            if let Some(name) = path.as_deref().and_then(Path::file_name) {
                command += &format!(" {flag} {}", name.to_string_lossy());
            }
        }
        command
            + &format!(
                " --steps {} --batch-size {} --learning-rate {} --seed {} --out RUN_DIR",
                config.steps, config.batch_size, config.learning_rate, config.seed
            )
    }
}

/// Trains a model, or goes on training one.
///
/// # Errors
/// If the arguments, the data or the run folder are unusable, or the loss stops being a number.
pub fn run(args: &Args) -> Result<()> {
    let device = device::open(args.device)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stop_at_ctrl_c = Arc::clone(&stop);
    ctrlc::set_handler(move || stop_at_ctrl_c.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    train(args, &device, &stop)
}

/// [`run`] on a device that is open already, until `stop` is set.
///
/// # Errors
/// As [`run`].
pub fn train(args: &Args, device: &Device, stop: &AtomicBool) -> Result<()> {
    let (folder, learner, mut progress) = if args.resume {
        let (folder, learner, mut progress) = RunFolder::resume(&args.out, device)?;
        ensure!(
            args.config.is_none(),
            "--resume goes on with the run's own settings: leave out --config"
        );
        // More steps may be asked for; anything else would be another run.
        progress.config.steps = args.steps.unwrap_or(progress.config.steps);
        (Some(folder), Some(learner), progress)
    } else {
        let config = args.resolve()?;
        let progress = Progress {
            config,
            dataset_sha256: String::new(),
            step: 0,
            best: None,
            since_best: 0,
            pending: Vec::new(),
            minutes: 0.0,
        };
        (None, None, progress)
    };
    let map = DrumMap::by_id(&progress.config.drum_map).with_context(|| {
        format!(
            "there is no drum map {:?}; try gm or td11",
            progress.config.drum_map
        )
    })?;
    let dataset = Dataset::load(
        &data::locate(args.data.as_deref())?,
        &Converter::Groove(GrooveConverter::default()),
        map,
    )?;
    let mut material = Material::new(&dataset, &mut progress.config)?;
    if args.resume {
        ensure!(
            progress.dataset_sha256 == dataset.sha256,
            "the run in {} was started with other data: give the same --data",
            args.out.display()
        );
    }
    progress.dataset_sha256.clone_from(&dataset.sha256);
    let config = progress.config.clone();
    let mut folder = match folder {
        Some(folder) => folder,
        None => RunFolder::create(&args.out, &config)?,
    };
    let mut learner = match learner {
        Some(learner) => learner,
        None => Learner::new(&config, device)?,
    };
    println!(
        "{}: {} training windows, {} validation grooves of {}; {} steps of {} on the {}",
        config.preset,
        material.windows.len(),
        material
            .validation
            .as_ref()
            .map_or(0, |held_out| held_out.grooves.len()),
        dataset.name,
        config.steps,
        config.batch_size,
        device::name(device),
    );

    let steps_per_epoch = material.windows.len() / config.batch_size;
    let validate_every = if config.validate_every == 0 {
        steps_per_epoch
    } else {
        config.validate_every
    };
    let bar = ProgressBar::new(config.steps as u64).with_position(learner.step_number() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} {per_sec} {eta} left  {msg}",
    )?);
    let plain = !std::io::stderr().is_terminal();
    let before = progress.minutes;
    let first_step = learner.step_number();
    let started = Instant::now();
    let mut ended = "all steps made";

    while learner.step_number() < config.steps {
        let batch = material.batch(learner.step_number());
        progress.pending.push(learner.step(&batch)?);
        progress.step = learner.step_number();
        progress.minutes = before + started.elapsed().as_secs_f64() / 60.0;
        bar.inc(1);

        let stopping = stop.load(Ordering::Relaxed);
        let last = progress.step == config.steps;
        let validating = progress.step.is_multiple_of(validate_every) || last || stopping;
        if !validating && !progress.step.is_multiple_of(LOG_EVERY) {
            continue;
        }
        let mut row = progress.row(steps_per_epoch);
        if plain {
            println!(
                "{}",
                plain_line(&row, progress.step - first_step, &config, started)
            );
        } else {
            bar.set_message(format!("loss {:.1}", row.loss));
        }
        if validating {
            let checkpoint = material.checkpoint(args, &learner, &progress, steps_per_epoch)?;
            let validation = material.validate(&checkpoint, &config)?;
            let figure = validation
                .as_ref()
                .map_or(row.loss, |figures| validation_loss(figures, &config));
            row.note(validation.as_ref(), figure);
            bar.suspend(|| println!("{}", musical_line(&row, validation.as_ref())));
            if progress.improves(figure) {
                write_atomically(&folder.model_path(), &checkpoint.to_bytes()?)?;
            }
        }
        folder.log(row)?;
        if validating {
            folder.save_state(&learner, &progress)?;
        }
        if stopping {
            ended = "stopped by Ctrl-C";
            break;
        }
        if progress.since_best >= config.patience {
            ended = "validation stopped improving";
            break;
        }
    }
    bar.finish_and_clear();
    material.finish(&folder, &progress, ended)
}

impl Progress {
    /// The means since the last row of the log.
    fn row(&mut self, steps_per_epoch: usize) -> Row {
        let losses = std::mem::take(&mut self.pending);
        let mean = |part: fn(&StepLosses) -> f64| {
            losses.iter().map(part).sum::<f64>() / number(losses.len())
        };
        Row {
            step: self.step,
            epoch: number(self.step) / number(steps_per_epoch),
            loss: mean(|losses| losses.loss),
            hits: mean(|losses| losses.hits),
            velocities: mean(|losses| losses.velocities),
            offsets: mean(|losses| losses.offsets),
            kl: mean(|losses| losses.kl),
            learning_rate: losses.last().map_or(0.0, |losses| losses.learning_rate),
            gradient_norm: mean(|losses| losses.gradient_norm),
            minutes: self.minutes,
            ..Row::default()
        }
    }

    /// Whether `figure` is the best one yet, and how long ago the best one was.
    fn improves(&mut self, figure: f64) -> bool {
        let better = self.best.is_none_or(|(best, _)| figure < best);
        if better {
            self.best = Some((figure, self.step));
            self.since_best = 0;
        } else {
            self.since_best += 1;
        }
        better
    }
}

impl Row {
    fn note(&mut self, validation: Option<&Reconstruction>, figure: f64) {
        let Some(figures) = validation else {
            return;
        };
        self.validation_loss = Some(figure);
        self.onset_f1 = figures.onsets.f1();
        self.velocity_mae = figures.velocity.mae;
        self.timing_mae_ms = figures.timing.mae_ms;
        self.kl_bits = Some(figures.elbo.kl_bits);
    }
}

/// What training minimises, on held-out grooves and without dropout.
fn validation_loss(figures: &Reconstruction, config: &TrainConfig) -> f64 {
    figures.elbo.r_loss_nats + config.max_beta * figures.elbo.free_bits_cost_nats
}

fn plain_line(row: &Row, steps_made: usize, config: &TrainConfig, started: Instant) -> String {
    let rate = number(steps_made) / started.elapsed().as_secs_f64();
    let minutes_left = number(config.steps - row.step) / rate / 60.0;
    format!(
        "step {} of {}, epoch {:.1}: loss {:.2}, {rate:.2} steps a second, {minutes_left:.0} minutes left at most",
        row.step, config.steps, row.epoch, row.loss
    )
}

fn musical_line(row: &Row, validation: Option<&Reconstruction>) -> String {
    let Some(figures) = validation else {
        return format!(
            "step {}: loss {:.2} (no validation files)",
            row.step, row.loss
        );
    };
    let or_dash = |value: Option<f64>, digits: usize| {
        value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    format!(
        "step {}, epoch {:.1}: validation loss {}, onset F1 {}, velocity off by {} of 127, timing off by {} ms \
         (drummers spread {} ms, we {}), {} bits used",
        row.step,
        row.epoch,
        or_dash(row.validation_loss, 2),
        or_dash(row.onset_f1, 3),
        or_dash(row.velocity_mae, 1),
        or_dash(row.timing_mae_ms, 1),
        or_dash(figures.timing.data_spread_ms, 1),
        or_dash(figures.timing.spread_ms, 1),
        or_dash(row.kl_bits, 0),
    )
}

/// The grooves of a run.
struct Material<'a> {
    dataset: &'a Dataset,
    config: TrainConfig,
    n_steps: usize,
    windows: Vec<Window>,
    validation: Option<HeldOut>,
    /// The epoch that `order` is of.
    epoch: Option<usize>,
    order: Vec<usize>,
}

impl<'a> Material<'a> {
    fn new(dataset: &'a Dataset, config: &mut TrainConfig) -> Result<Self> {
        let n_steps = config.model()?.n_steps;
        let windows = dataset.windows(Split::Train, n_steps, config.hop_bars);
        if windows.is_empty() {
            bail!(
                "{} holds no training groove of {n_steps} steps: `fourbar prepare` shows why",
                dataset.name
            );
        }
        if config.batch_size > windows.len() {
            println!(
                "a batch of {} is larger than the data: using {} grooves a step",
                config.batch_size,
                windows.len()
            );
            config.batch_size = windows.len();
        }
        let held_out = HeldOut::of(dataset, Split::Validation, n_steps);
        Ok(Self {
            dataset,
            config: config.clone(),
            n_steps,
            windows,
            validation: (!held_out.grooves.is_empty()).then_some(held_out),
            epoch: None,
            order: Vec::new(),
        })
    }

    /// The grooves of step `step`: each epoch goes through the windows in an order of its own.
    fn batch(&mut self, step: usize) -> Vec<Groove> {
        let batch_size = self.config.batch_size;
        let steps_per_epoch = self.windows.len() / batch_size;
        let epoch = step / steps_per_epoch;
        if self.epoch != Some(epoch) {
            let mut noise = Noise::of_sample(!self.config.seed, epoch);
            self.order = (0..self.windows.len()).collect();
            for i in (1..self.order.len()).rev() {
                self.order.swap(i, noise.below(i + 1));
            }
            self.epoch = Some(epoch);
        }
        let first = step % steps_per_epoch * batch_size;
        self.order[first..first + batch_size]
            .iter()
            .map(|&i| self.dataset.groove(&self.windows[i], self.n_steps))
            .collect()
    }

    /// The model as it would be shipped: weights rounded, with the map of its latent space.
    fn checkpoint(
        &self,
        args: &Args,
        learner: &Learner,
        progress: &Progress,
        steps_per_epoch: usize,
    ) -> Result<Checkpoint> {
        let model = self.config.model()?;
        // What is measured and kept is the model that is played: its weights are halves.
        let tensors = learner
            .tensors()?
            .into_iter()
            .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?.to_dtype(DType::F32)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        let by_name = tensors.clone().into_iter().collect();
        let vae = GrooveVae::new(
            &model,
            VarBuilder::from_tensors(by_name, DType::F32, &Device::Cpu),
        )?;
        Ok(Checkpoint {
            metadata: Metadata {
                format_version: FORMAT_VERSION,
                config: model,
                drum_map: self.config.drum_map.clone(),
                dataset: DatasetCard {
                    name: self.dataset.name.clone(),
                    licence: self.dataset.licence.clone(),
                    attribution: self.dataset.attribution.clone(),
                    sha256: self.dataset.sha256.clone(),
                },
                command: args.command(&progress.config),
                seed: self.config.seed,
                step: progress.step,
                epochs: number(progress.step) / number(steps_per_epoch),
                metrics: serde_json::Value::Null,
                latent: self.latent_map(&vae)?,
            },
            tensors,
        })
    }

    fn latent_map(&self, vae: &GrooveVae) -> Result<LatentMap> {
        let windows =
            self.dataset
                .windows(Split::Train, self.n_steps, self.n_steps / STEPS_PER_BAR);
        let stride = windows.len().div_ceil(MAP_GROOVES).max(1);
        let windows: Vec<Window> = windows.into_iter().step_by(stride).collect();
        let mus: Vec<Vec<Vec<f32>>> = windows
            .par_chunks(self.config.micro_batch)
            .map(|windows| {
                let grooves: Vec<Groove> = windows
                    .iter()
                    .map(|window| self.dataset.groove(window, self.n_steps))
                    .collect();
                Ok(vae
                    .encode(&to_tensor(&grooves, &Device::Cpu)?)?
                    .mu
                    .to_vec2()?)
            })
            .collect::<Result<_>>()?;
        let styles: Vec<Option<&str>> = windows
            .iter()
            .map(|window| self.dataset.files[window.file].style.as_deref())
            .collect();
        Ok(LatentMap::fit(&mus.concat(), &styles, MAP_AXES))
    }

    fn validate(
        &self,
        checkpoint: &Checkpoint,
        config: &TrainConfig,
    ) -> Result<Option<Reconstruction>> {
        let Some(held_out) = &self.validation else {
            return Ok(None);
        };
        let vae = GrooveVae::from_checkpoint(checkpoint, &Device::Cpu)?;
        Ok(Some(reconstruction(
            &vae,
            held_out,
            config.free_bits,
            config.seed,
        )?))
    }

    /// Measures the best model on the held-out splits and writes the figures into its file.
    fn finish(&self, folder: &RunFolder, progress: &Progress, ended: &str) -> Result<()> {
        let path = folder.model_path();
        let origin = path.display().to_string();
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {origin}"))?;
        let mut checkpoint = Checkpoint::from_bytes(&bytes, &origin)?;
        let vae = GrooveVae::from_checkpoint(&checkpoint, &Device::Cpu)?;
        let mut metrics = serde_json::Map::new();
        for split in [Split::Validation, Split::Test] {
            if self
                .dataset
                .windows(split, self.n_steps, self.n_steps / STEPS_PER_BAR)
                .is_empty()
            {
                println!("no {} grooves to measure the model on", split.name());
                continue;
            }
            let report = eval::report(
                &vae,
                self.dataset,
                split,
                PRIOR_SAMPLES,
                self.config.free_bits,
                self.config.seed,
            )?;
            metrics.insert(split.name().to_owned(), serde_json::to_value(report)?);
        }
        let run = serde_json::json!({
            "ended": ended,
            "steps": progress.step,
            "best_step": checkpoint.metadata.step,
            "minutes": progress.minutes,
            "threads": rayon::current_num_threads(),
            "config": self.config,
        });
        metrics.insert("training".to_owned(), run);
        checkpoint.metadata.metrics = serde_json::Value::Object(metrics);
        write_atomically(&path, &checkpoint.to_bytes()?)?;
        println!(
            "{ended} after {} steps and {:.1} minutes; the best model, of step {}, is {origin}",
            progress.step, progress.minutes, checkpoint.metadata.step
        );
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of steps are far below 2^53"
)]
fn number(count: usize) -> f64 {
    count as f64
}
