//! `fourbar train`: the training loop.

mod training_set;

use super::base::{self, Base};
use super::device;
use super::launch::among_all;
use super::learner::Learner;
use super::progress::{Progress, duration, number};
use super::ranks::{Alone, Ranks};
use super::run_folder::{self, RunFolder};
use super::step_lines::{self, StepLines};
use crate::arguments;
use crate::data;
use crate::data::prepare;
use crate::data::{Dataset, Shards, Split};
use crate::files::{self, write_atomically};
use crate::measure::{Evaluation, HeldOut, KlTerms, Row, Settings, VALIDATION_COLUMNS, Validation};
use crate::reading::{self, Holdout};
use crate::settings::{Config, DEFAULT_PRESET};
use anyhow::{Context as _, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clap::Args as ClapArgs;
use fourbar_model::checkpoint::{Checkpoint, Metadata};
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::vae::Vae;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use training_set::TrainingSet;

/// Steps between two lines of the log.
const LOG_EVERY: usize = 50;
/// Samples of the prior in the final report.
const PRIOR_SAMPLES: usize = 1_024;

/// Whether the run is to stop: Ctrl-C was pressed, or the program that runs this one has gone.
static STOP: AtomicBool = AtomicBool::new(false);

/// Arguments of `fourbar train`; what is not given comes from the preset.
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    /// The model to train: a name of `fourbar presets`, or a file of your own ending in .toml
    /// [default: groovae_4bar]
    #[arg(long)]
    pub preset: Option<String>,
    /// Start from a trained model instead of from scratch, and keep its sizes: a checkpoint, or the model that comes with
    /// Fourbar if none is named
    #[arg(long, value_name = "MODEL", num_args = 0..=1, default_missing_value = base::SHIPPED,
        value_parser = files::path_parser(), conflicts_with = "preset")]
    pub base: Option<PathBuf>,
    /// The data that the model given by --base has learned from, so that it goes on learning from them [default: the Groove
    /// MIDI Dataset if the model has learned from that and `fourbar data` finds it here]
    #[arg(long, value_name = "PATH", value_parser = files::path_parser(), requires = "base")]
    pub base_data: Option<PathBuf>,
    /// Folder or zip of MIDI files [default: with --resume those of the run, else the Groove MIDI Dataset where `fourbar
    /// data` finds it]
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
    /// Folder for the run: model, log, settings and the state to resume from
    #[arg(long, value_name = "RUN_DIR", value_parser = files::path_parser())]
    pub out: PathBuf,
    /// Steps after which training ends, unless validation stops improving earlier [default: the preset's]
    #[arg(long)]
    pub steps: Option<usize>,
    /// Grooves per step [default: the preset's]
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Learning rate of the first step [default: the preset's]
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Seed of everything that is left to chance [default: the preset's]
    #[arg(long, value_parser = arguments::seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: device::Choice,
    /// Go on with the run in --out, exactly as if it had not been interrupted
    #[arg(long)]
    pub resume: bool,
    /// For programs that run this one: write a line of JSON to this file for each step, and stop once standard input is
    /// closed
    #[arg(long, value_name = "FILE", value_parser = files::path_parser())]
    pub progress: Option<PathBuf>,
    /// How the files are read.
    #[command(flatten)]
    pub reading: reading::Args,
    /// What the model is validated on: the files that are set aside, or none, so that every file trains
    /// [default: split]
    #[arg(long, value_name = "FILES")]
    pub validation: Option<Holdout>,
    /// Settings in a TOML file, any of those that a run saves as config.toml
    #[arg(long, value_name = "FILE.toml", value_parser = files::path_parser())]
    pub config: Option<PathBuf>,
    /// One setting, such as train.max_beta=0.5; can be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
}

impl Args {
    /// The settings of the preset or of the base, under the file's, under the command line's.
    fn resolve(&self, base: Option<&Base>) -> Result<Config> {
        let mut settings = self.settings.clone();
        let mut overrule = |key: &str, value: Option<String>| {
            settings.extend(value.map(|value| format!("train.{key}={value}")));
        };
        overrule("steps", self.steps.map(|steps| steps.to_string()));
        overrule("batch_size", self.batch_size.map(|size| size.to_string()));
        overrule(
            "learning_rate",
            self.learning_rate.map(|rate| format!("{rate:e}")),
        );
        overrule("seed", self.seed.map(|seed| seed.to_string()));
        let file = self.config.as_deref();
        let mut config = match base {
            Some(base) => Config::resolve_for_base(&base.checkpoint.metadata, file, &settings)?,
            None => Config::resolve(self.preset(), file, &settings)?,
        };
        config.data.overrule(&self.reading, self.validation);
        Ok(config)
    }

    fn preset(&self) -> &str {
        self.preset.as_deref().unwrap_or(DEFAULT_PRESET)
    }

    /// The command that starts the run, with file names but no folders, and without what the settings say as well.
    fn command(&self) -> String {
        let mut command = "fourbar train".to_owned();
        let preset = self.base.is_none().then(|| Path::new(self.preset()));
        for (flag, path) in [
            ("--preset", preset),
            ("--base", self.base.as_deref()),
            ("--data", self.data.as_deref()),
            ("--config", self.config.as_deref()),
        ] {
            if let Some(name) = path.and_then(Path::file_name) {
                command += &format!(" {flag} {}", name.to_string_lossy());
            }
        }
        for setting in self.reading.to_words() {
            command += &format!(" {setting}");
        }
        if self.validation == Some(Holdout::None) {
            command += " --validation none";
        }
        for setting in &self.settings {
            command += &format!(" --set {setting}");
        }
        command
    }

    /// Refuses what a run that goes on cannot take: anything but more steps would be another run.
    fn check_resumption(&self) -> Result<()> {
        let given = [
            ("--preset", self.preset.is_some()),
            ("--base", self.base.is_some()),
            ("--batch-size", self.batch_size.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--seed", self.seed.is_some()),
            ("--config", self.config.is_some()),
            ("--set", !self.settings.is_empty()),
            ("--drum-map", self.reading.drum_map.is_some()),
            ("--channel", self.reading.part.channel.is_some()),
            ("--track", self.reading.part.track.is_some()),
            ("--repeat-short", self.reading.repeat_short),
            ("--validation", self.validation.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|one| one.1).map(|one| one.0).collect();
        ensure!(
            given.is_empty(),
            "--resume goes on with the run's own settings: leave out {}",
            given.join(" and ")
        );
        Ok(())
    }
}

/// Trains a model, or goes on training one; with the feature `mpi`, together with all ranks that `mpirun` has started.
///
/// # Errors
/// If the arguments, the data or the run folder are unusable, or the loss stops being a number.
pub fn run(args: &Args) -> Result<()> {
    match ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)) {
        // A process that trains several models listens already.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => {}
        Err(error) => return Err(error).context("cannot listen for Ctrl-C"),
    }
    among_all(&args.out, |ranks| {
        // Launchers pass their own standard input on to the first rank alone.
        if args.progress.is_some() && ranks.is_first() {
            step_lines::stop_with_standard_input(&STOP)?;
        }
        let device = device::open(args.device, ranks.rank_on_machine())?;
        ensure!(
            !(ranks.any(device.is_cpu())? && ranks.any(!device.is_cpu())?),
            "some ranks have a GPU and others have none: start one rank a GPU, or give --device cpu"
        );
        train_among(ranks, args, &device, &STOP)
    })
}

/// [`run`] in this process alone, on a device that is open already, until `stop` is set.
///
/// # Errors
/// As [`run`].
pub fn train(args: &Args, device: &Device, stop: &AtomicBool) -> Result<()> {
    train_among(&Alone, args, device, stop)
}

/// [`run`] as one of `ranks`, until `stop` is set in any of them. All of them read the data and make every step; the first one
/// validates, prints and writes.
fn train_among(ranks: &dyn Ranks, args: &Args, device: &Device, stop: &AtomicBool) -> Result<()> {
    let mut out: Box<dyn Write> = if ranks.is_first() {
        Box::new(io::stdout())
    } else {
        Box::new(io::sink())
    };
    let lines_path = args.progress.as_deref().filter(|_| ranks.is_first());
    let mut lines = lines_path.map(StepLines::create).transpose()?;
    let (learner, base, mut progress) = if args.resume {
        args.check_resumption()?;
        let (learner, mut progress) = run_folder::read_state(&args.out, device)?;
        let steps = &mut progress.config.train.steps;
        *steps = args.steps.unwrap_or(*steps);
        let base = progress.base.as_ref().map(Base::reopen).transpose()?;
        (Some(learner), base, progress)
    } else {
        let open = |model: &PathBuf| Base::open(model, args.base_data.as_deref());
        let base = args.base.as_ref().map(open).transpose()?;
        let progress = Progress {
            config: args.resolve(base.as_ref())?,
            command: args.command(),
            data: None,
            dataset_sha256: String::new(),
            base: base.as_ref().map(|base| base.source.clone()),
            step: 0,
            best: None,
            since_best: 0,
            pending: Vec::new(),
            minutes: 0.0,
        };
        (None, base, progress)
    };
    let path = data::locate(args.data.as_deref().or(progress.data.as_deref()))?;
    progress.data = Some(std::path::absolute(&path)?.into());
    let shards = Shards::open(&path, &progress.config)?;
    let dataset = if let Some(shards) = &shards {
        writeln!(
            out,
            "{} shards, read in turn; what is measured on is from the first {}",
            shards.n_examples().len(),
            shards.n_sampled()
        )?;
        shards.sample()?
    } else {
        let reading = progress.config.reading()?;
        Dataset::load(&path, &progress.config.model.converter, reading)?
    };
    let model = &progress.config.model;
    let report = prepare::warn(&dataset, &path, model, &mut out)?;
    if let Some(remedy) = report.remedy_for_few() {
        writeln!(out, "note: {remedy}")?;
    }
    let mut set = TrainingSet::new(&dataset, shards.as_ref(), &mut progress.config, &mut out)?;
    if let Some(base) = &base {
        set.start_from(base, &mut out)?;
    }
    if args.resume {
        ensure!(
            progress.dataset_sha256 == dataset.card.sha256,
            "the run in {} was started with other data: give the same --data",
            args.out.display()
        );
    }
    progress.dataset_sha256.clone_from(&dataset.card.sha256);
    ensure!(
        ranks.agree_on(&progress.fingerprint()?)?,
        "the ranks have different data, settings or steps behind them: every machine needs the same files under the same names, \
         as in a shared file system"
    );
    let config = progress.config.clone();
    let open_folder = || {
        if args.resume {
            RunFolder::reopen(&args.out, progress.step)
        } else {
            RunFolder::create(&args.out, &config)
        }
    };
    let mut folder = ranks.is_first().then(open_folder).transpose()?;
    let mut learner = match learner {
        Some(learner) => learner,
        None => match &base {
            Some(base) => Learner::of_tensors(&config, base.checkpoint.tensors.clone(), device)?,
            None => Learner::new(&config, device)?,
        },
    };
    if let Some(base) = &base {
        learner.decay_towards(&base.checkpoint.tensors)?;
    }
    writeln!(
        out,
        "{}: {} training windows, {} validation grooves of {}; {} steps of {} on the {}{}",
        config.model.preset,
        set.n_windows,
        set.validation.as_ref().map_or(0, HeldOut::len),
        dataset.card.name,
        config.train.steps,
        config.train.batch_size,
        device::name(device),
        ranks.to_text(),
    )?;

    let steps_per_epoch = set.steps_per_epoch;
    let validate_every = if config.train.validate_every == 0 {
        steps_per_epoch.max(LOG_EVERY)
    } else {
        config.train.validate_every
    };
    let bar = if ranks.is_first() {
        ProgressBar::new(config.train.steps as u64).with_position(learner.step_number() as u64)
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} {per_sec}  {msg}",
    )?);
    let plain = !std::io::stderr().is_terminal();
    let before = progress.minutes;
    let first_step = learner.step_number();
    let started = Instant::now();
    let mut ended = "all steps made";

    while learner.step_number() < config.train.steps {
        let step = learner.step_number();
        set.turn_to(step)?;
        let example = |place| set.example_at(step, place);
        let losses = learner.step_among(ranks, set.batch_size(), example)?;
        progress.pending.push(losses);
        progress.step = learner.step_number();
        progress.minutes = before + started.elapsed().as_secs_f64() / 60.0;
        bar.inc(1);
        let rate = number(progress.step - first_step) / started.elapsed().as_secs_f64();
        if let Some(lines) = &mut lines {
            lines.write(&progress, rate)?;
        }

        let stopping = ranks.any(stop.load(Ordering::Relaxed))?;
        let last = progress.step == config.train.steps;
        let validating = progress.step.is_multiple_of(validate_every) || last || stopping;
        if !validating && !progress.step.is_multiple_of(LOG_EVERY) {
            continue;
        }
        let mut row = progress.row(steps_per_epoch);
        if let Some(folder) = &mut folder {
            let left = progress.time_left(validate_every, rate);
            if plain {
                println!("{}", plain_line(&row, &config, rate, &left));
            } else {
                let loss = row.figure("loss").unwrap_or(f64::NAN);
                bar.set_message(format!("loss {loss:.1}, {left}"));
            }
            if validating {
                let vae = rounded(&learner, &config)?;
                let validation = validate(&set, &vae)?;
                row.note(validation.as_ref());
                bar.suspend(|| println!("{}", validation_line(&row, validation.as_ref())));
                // Training losses of few examples are noise: without validation the last model is kept.
                if validation.is_none_or(|validation| progress.improves(validation.loss())) {
                    let checkpoint = checkpoint(&set, &vae, &progress)?;
                    write_atomically(&folder.model_path(), &checkpoint.to_bytes()?)?;
                }
            }
            folder.log(row)?;
            if validating {
                folder.save_state(&learner, &progress)?;
            }
        }
        if stopping {
            ended = "interrupted";
            break;
        }
        if validating && ranks.any(progress.since_best >= config.train.patience)? {
            ended = "validation stopped improving";
            break;
        }
    }
    bar.finish_and_clear();
    match &folder {
        Some(folder) => finish(&set, folder, &progress, ranks.count(), ended),
        None => Ok(()),
    }
}

impl Row {
    fn note(&mut self, validation: Option<&Validation>) {
        let Some(validation) = validation else {
            return;
        };
        for (name, figure) in VALIDATION_COLUMNS.iter().zip(validation.figures()) {
            let column = self.figures.iter_mut().find(|(column, _)| column == name);
            column.expect("every row has these columns").1 = figure;
        }
    }
}

fn plain_line(row: &Row, config: &Config, rate: f64, left: &str) -> String {
    let figure = |name| row.figure(name).unwrap_or(f64::NAN);
    format!(
        "step {} of {}, epoch {:.1}: loss {:.2}, {rate:.2} steps a second, {left}",
        row.step,
        config.train.steps,
        figure("epoch"),
        figure("loss")
    )
}

fn validation_line(row: &Row, validation: Option<&Validation>) -> String {
    let figure = |name| row.figure(name).unwrap_or(f64::NAN);
    match validation {
        None => format!(
            "step {}: loss {:.2} (no validation files)",
            row.step,
            figure("loss")
        ),
        Some(validation) => format!(
            "step {}, epoch {:.1}: {}",
            row.step,
            figure("epoch"),
            validation.to_text()
        ),
    }
}

/// The model as it would be shipped, with the map of its latent space.
fn checkpoint(set: &TrainingSet, vae: &Rounded, progress: &Progress) -> Result<Checkpoint> {
    Ok(Checkpoint {
        metadata: Metadata {
            command: progress.command(),
            seed: set.config.train.seed,
            step: progress.step,
            epochs: number(progress.step) / number(set.steps_per_epoch),
            attributes: set.attributes(),
            ..Metadata::new(
                set.config.model.clone(),
                set.dataset.drum_map.id,
                set.dataset.card.clone(),
                set.latent_map(&vae.vae)?,
            )
        },
        tensors: vae.tensors.clone(),
    })
}

fn validate(set: &TrainingSet, model: &Rounded) -> Result<Option<Validation>> {
    let held_out = set.validation.as_ref();
    held_out
        .map(|held_out| Validation::of(&model.vae, held_out, &set.config.train))
        .transpose()
}

/// Measures the best model on the held-out splits and writes the figures into its file.
fn finish(
    set: &TrainingSet,
    folder: &RunFolder,
    progress: &Progress,
    n_ranks: usize,
    ended: &str,
) -> Result<()> {
    let path = folder.model_path();
    let origin = path.display().to_string();
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {origin}"))?;
    let mut checkpoint = Checkpoint::from_bytes(&bytes, &origin)?;
    let mut vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
    if set.config.train.prior_kernels > 0 {
        checkpoint.metadata.latent.prior = set.prior(&vae)?;
        vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
    }
    let mut metrics = serde_json::Map::new();
    let mut sentences = Vec::new();
    for split in [Split::Validation, Split::Test] {
        if set
            .dataset
            .windows(split, set.n_steps, set.n_steps.div_ceil(STEPS_PER_BAR))
            .is_empty()
        {
            println!("no {} grooves to measure the model on", split.name());
            continue;
        }
        let settings = Settings {
            n_samples: PRIOR_SAMPLES,
            n_pairs: 0,
            kl_terms: KlTerms::at(&set.config.train, checkpoint.metadata.step),
            seed: set.config.train.seed,
        };
        let Evaluation { report, .. } = Evaluation::of(&vae, set.dataset, split, &settings)?;
        if let Some(drums) = &report.reconstruction.drums {
            sentences = drums.sentences();
        }
        metrics.insert(split.name().to_owned(), serde_json::to_value(report)?);
    }
    let run = serde_json::json!({
        "ended": ended,
        "steps": progress.step,
        "best_step": checkpoint.metadata.step,
        "minutes": progress.minutes,
        "ranks": n_ranks,
        "threads": rayon::current_num_threads(),
        "config": set.config,
    });
    metrics.insert("training".to_owned(), run);
    checkpoint.metadata.metrics = serde_json::Value::Object(metrics);
    write_atomically(&path, &checkpoint.to_bytes()?)?;
    println!(
        "{ended} after {} steps and {}; the model that is kept, of step {}, is {origin}",
        progress.step,
        duration(60.0 * progress.minutes),
        checkpoint.metadata.step
    );
    if !sentences.is_empty() {
        println!("of music that it has not learned from, it");
    }
    for sentence in sentences {
        println!("  {sentence}");
    }
    if let Some(models) = files::models_folder() {
        println!(
            "to play it: copy {origin} under a name of its own into {}, and choose it in the plugin's model menu",
            models.display()
        );
    }
    Ok(())
}

/// The model in training as it would be shipped: what is measured and kept is the model that is played, whose weights
/// are halves.
struct Rounded {
    tensors: BTreeMap<String, Tensor>,
    vae: Vae,
}

fn rounded(learner: &Learner, config: &Config) -> Result<Rounded> {
    let tensors = learner
        .averaged_tensors()?
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?.to_dtype(DType::F32)?)))
        .collect::<Result<BTreeMap<_, _>>>()?;
    let vae = Vae::of_tensors(&config.model, &tensors, &Device::Cpu)?;
    Ok(Rounded { tensors, vae })
}
