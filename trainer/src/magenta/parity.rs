//! `fourbar parity`: whether imported models compute what magenta.js computes from the same weights.
//!
//! A case is a folder of weights with a `golden.json`: notes, and what magenta.js made of them at each stage. Every
//! stage is given what magenta.js had there, so that an error shows where it arises. Decoding is deterministic: the
//! most likely label, a hit where it is more likely than not.

mod golden;

use super::import::Imported;
use crate::files::path_parser;
use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::{Example, Place};
use fourbar_model::drums::DrumMap;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::rows::{RowLayout, Rows};
use fourbar_model::vae::Vae;
use golden::{Golden, GoldenNote};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The tempo at which magenta.js wrote the notes of the cases, in quarter notes a minute.
const NOTES_BPM: f64 = 97.0;

/// What numbers of the converter, posterior means, decoded numbers and seconds may differ by; labels may not.
const INPUT_BOUND: f64 = 1e-6;
const MU_BOUND: f64 = 1e-5;
const DECODED_BOUND: f64 = 1e-4;
const NOTES_BOUND: f64 = 1e-6;

/// The file that makes a folder a case.
const GOLDEN: &str = "golden.json";

/// Arguments of `fourbar parity`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A case, or a folder of cases: weights, their config.json, and magenta.js's results in golden.json
    #[arg(value_name = "DIR", value_parser = path_parser())]
    pub folder: PathBuf,
}

/// Prints the largest error of each stage of each case.
///
/// # Errors
/// If there is no case, one cannot be read, or an error lies beyond its bound.
pub fn run(args: &Args) -> Result<()> {
    let mut out = io::stdout();
    let mut beyond = Vec::new();
    let mut n_cases = 0;
    for folder in cases(&args.folder)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        writeln!(out, "{name}")?;
        for stage in compare(&folder)? {
            writeln!(out, "    {stage}")?;
            if !stage.is_within() {
                beyond.push(format!("{name}: {}", stage.name));
            }
        }
        n_cases += 1;
    }
    if !beyond.is_empty() {
        bail!(
            "{} of {n_cases} cases' stages lie beyond their bounds: {}",
            beyond.len(),
            beyond.join(", ")
        );
    }
    writeln!(out, "{n_cases} cases, all within their bounds")?;
    Ok(())
}

/// The folder itself if it is a case, or else the cases in it, by name.
///
/// # Errors
/// If there are none.
pub fn cases(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.join(GOLDEN).is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let context = || format!("cannot read the folder {}", folder.display());
    let mut cases = Vec::new();
    for entry in folder.read_dir().with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.join(GOLDEN).is_file() {
            cases.push(path);
        }
    }
    ensure!(
        !cases.is_empty(),
        "{}: no case found; expected a folder with a {GOLDEN}, or a folder of such",
        folder.display()
    );
    cases.sort();
    Ok(cases)
}

/// How far one stage of a case is from magenta.js.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What was compared.
    pub name: &'static str,
    /// The largest difference of two numbers, or how many labels differ.
    pub error: f64,
    /// What the error may be.
    pub bound: f64,
    /// Numbers, labels or notes that were compared.
    pub n_compared: usize,
}

impl Stage {
    /// Whether it is as near as it has to be.
    #[must_use]
    pub fn is_within(&self) -> bool {
        // Written so that an error that is no number is beyond.
        self.error <= self.bound
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            error,
            bound,
            n_compared,
        } = self;
        let verdict = if self.is_within() { "" } else { ", TOO FAR" };
        if *bound == 0.0 {
            return write!(
                f,
                "{name:<14} {error} of {n_compared} labels differ{verdict}"
            );
        }
        write!(
            f,
            "{name:<14} {error:<9.2e} of at most {bound:e} over {n_compared}{verdict}"
        )
    }
}

/// Compares every stage of the case in `folder`, played from the file that `fourbar import` would write.
///
/// # Errors
/// If the weights or results cannot be read, or do not belong together.
pub fn compare(folder: &Path) -> Result<Vec<Stage>> {
    let imported = Imported::read(folder, None)?;
    let golden = Golden::read(&folder.join(GOLDEN))?;
    let case = Case::new(imported, golden)?;
    let mut stages = vec![case.input()?, case.mu()?];
    stages.extend(case.decoded()?);
    stages.extend(case.interpolation()?);
    Ok(stages)
}

/// A model, and what magenta.js computes with it.
struct Case {
    config: ModelConfig,
    drum_map: &'static DrumMap,
    vae: Vae,
    golden: Golden,
    /// What our converter makes of the notes; the model is given magenta.js's input, but these controls.
    example: Example,
}

impl Case {
    fn new(imported: Imported, golden: Golden) -> Result<Self> {
        let file = imported.to_bytes()?;
        let Imported {
            origin,
            config,
            drum_map,
            ..
        } = imported;
        let layout = config.converter.input();
        ensure!(
            golden.input_shape == [config.n_steps, layout.width()],
            "{origin}: the model reads {} rows of {} numbers, but {GOLDEN} has an inputShape of {:?}",
            config.n_steps,
            layout.width(),
            golden.input_shape
        );
        ensure!(
            golden.mu.len() == config.latent,
            "{origin}: the model has a latent of {}, but {GOLDEN} one of {}",
            config.latent,
            golden.mu.len()
        );
        let columns = golden.control_shape.map(|[_, n]| n);
        let controls = config.converter.controls();
        ensure!(
            columns == controls.as_ref().map(RowLayout::width),
            "{origin}: the model has {} controls, but {GOLDEN} a controlShape of {:?}",
            controls.as_ref().map_or(0, RowLayout::width),
            golden.control_shape
        );
        let checkpoint = Checkpoint::from_bytes(&file, &origin)?;
        let converter = &config.converter;
        let song = golden.song(converter, drum_map)?;
        let extracted = converter.whole(&song, drum_map, config.window_steps())?;
        let place = Place {
            part: 0,
            first_step: 0,
        };
        let example = converter.example(&extracted, &place, config.window_steps(), None);
        Ok(Self {
            vae: Vae::from_checkpoint(&checkpoint, &Device::Cpu)?,
            config,
            drum_map,
            golden,
            example,
        })
    }

    /// What the converter makes of the notes.
    fn input(&self) -> Result<Stage> {
        let mut numbers = self.example.input.to_numbers();
        if let RowLayout::RollWithRest { classes } = self.config.converter.input() {
            write_rests_as_magenta_js(&mut numbers, classes + 1);
        }
        Stage::of_numbers("input", &numbers, &self.golden.input, INPUT_BOUND)
    }

    /// The posterior mean of magenta.js's input.
    fn mu(&self) -> Result<Stage> {
        let mu = self.encode(&self.golden.input)?.concat();
        Stage::of_numbers("mu", &mu, &self.golden.mu, MU_BOUND)
    }

    /// What the latents decode to: of `z`, as numbers or labels and as notes, and of the posterior mean.
    fn decoded(&self) -> Result<Vec<Stage>> {
        let golden = &self.golden;
        let zs: Vec<Vec<f32>> = golden
            .z
            .chunks_exact(self.config.latent)
            .map(<[f32]>::to_vec)
            .collect();
        let decoded = self.decode(&zs)?;
        let expected = golden.decoded.as_ref().or(golden.decoded_argmax.as_ref());
        let expected =
            expected.with_context(|| format!("{GOLDEN} has neither decoded nor decodedArgmax"))?;
        let mut stages = vec![self.compare_rows("decoded", &decoded, expected)?];
        if let Some(notes) = &golden.decoded_notes {
            let rows = match &golden.decoded {
                Some(numbers) => self.read(numbers),
                None => decoded,
            };
            stages.push(self.compare_notes(&rows, notes)?);
        }
        let reconstruction = self.decode(std::slice::from_ref(&golden.mu))?;
        stages.push(self.compare_rows(
            "reconstruction",
            &reconstruction,
            &golden.recon_argmax_or_values,
        )?);
        Ok(stages)
    }

    /// Three steps in a straight line from the input to its reversal in time.
    fn interpolation(&self) -> Result<Option<Stage>> {
        let Some(expected) = &self.golden.interp else {
            return Ok(None);
        };
        let width = self.config.converter.input().width();
        let forward = self.golden.input.as_slice();
        let backward: Vec<f32> = forward
            .chunks_exact(width)
            .rev()
            .flatten()
            .copied()
            .collect();
        let ends = self.encode(&[forward, &backward].concat())?;
        let middle = ends[0]
            .iter()
            .zip(&ends[1])
            .map(|(a, b)| a + 0.5 * (b - a))
            .collect();
        let decoded = self.decode(&[ends[0].clone(), middle, ends[1].clone()])?;
        Ok(Some(self.compare_rows(
            "interpolation",
            &decoded,
            expected,
        )?))
    }

    /// The posterior mean of each sequence of a batch of inputs.
    fn encode(&self, inputs: &[f32]) -> Result<Vec<Vec<f32>>> {
        let [n_rows, width] = self.golden.input_shape;
        let batch = inputs.len() / (n_rows * width);
        let x = Tensor::from_slice(inputs, (batch, n_rows, width), &Device::Cpu)?;
        let conditions = vec![self.example.conditions.clone(); batch];
        let posterior = self.vae.encode(&x, &conditions)?;
        Ok(posterior.mu.to_vec2()?)
    }

    /// The most likely sequence of each latent.
    fn decode(&self, zs: &[Vec<f32>]) -> Result<Vec<Rows>> {
        let conditions = vec![self.example.conditions.clone(); zs.len()];
        let mut unused: Vec<Noise> = zs.iter().map(|_| Noise::from_seed(0)).collect();
        Ok(self.vae.generate_batch(zs, &conditions, 0.0, &mut unused)?)
    }

    /// Sequences of decoded rows from their numbers.
    fn read(&self, numbers: &[f32]) -> Vec<Rows> {
        let layout = self.config.converter.output();
        let sequences = numbers.chunks(self.config.n_steps * layout.width());
        sequences.map(|numbers| layout.read(numbers)).collect()
    }

    /// Decoded sequences with magenta.js's, which are labels where it says that they are.
    fn compare_rows(&self, name: &'static str, rows: &[Rows], expected: &[f32]) -> Result<Stage> {
        let numbers: Vec<f32> = rows.iter().flat_map(Rows::to_numbers).collect();
        if self.golden.decoded.is_some() {
            return Stage::of_numbers(name, &numbers, expected, DECODED_BOUND);
        }
        let width = self.config.converter.output().width();
        let labels = numbers.chunks_exact(width).map(first_of_largest);
        Stage::of_labels(name, &labels.collect::<Vec<_>>(), expected)
    }

    /// The notes of decoded sequences with magenta.js's, in any order.
    fn compare_notes(&self, rows: &[Rows], expected: &[Vec<GoldenNote>]) -> Result<Stage> {
        // What Magenta does with silent and early notes, magenta.js does, too.
        let converter = self.config.converter.as_magenta();
        ensure!(
            rows.len() == expected.len(),
            "{} decoded sequences, but decodedNotes has {}",
            rows.len(),
            expected.len()
        );
        let mut stage = Stage {
            name: "notes",
            error: 0.0,
            bound: NOTES_BOUND,
            n_compared: 0,
        };
        for (rows, expected) in rows.iter().zip(expected) {
            let ours = converter.notes(rows, self.drum_map);
            stage.n_compared += expected.len();
            stage.error = stage.error.max(distance(&ours, expected));
        }
        Ok(stage)
    }
}

impl Stage {
    fn of_numbers(name: &'static str, ours: &[f32], theirs: &[f32], bound: f64) -> Result<Self> {
        same_length(name, ours.len(), theirs.len())?;
        let differences = ours
            .iter()
            .zip(theirs)
            .map(|(a, b)| f64::from(*a) - f64::from(*b));
        let error = differences.fold(0.0, |largest: f64, difference| {
            // A number that is none must not get lost in a comparison.
            if difference.is_nan() {
                f64::INFINITY
            } else {
                largest.max(difference.abs())
            }
        });
        Ok(Self {
            name,
            error,
            bound,
            n_compared: ours.len(),
        })
    }

    fn of_labels(name: &'static str, ours: &[usize], theirs: &[f32]) -> Result<Self> {
        same_length(name, ours.len(), theirs.len())?;
        #[expect(clippy::cast_precision_loss, reason = "labels are below 2^24")]
        let differs = |(ours, theirs): (&usize, &f32)| *ours as f32 != *theirs;
        let n_different = ours
            .iter()
            .zip(theirs)
            .filter(|pair| differs(*pair))
            .count();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 labels")]
        Ok(Self {
            name,
            error: n_different as f64,
            bound: 0.0,
            n_compared: ours.len(),
        })
    }
}

fn same_length(name: &str, ours: usize, theirs: usize) -> Result<()> {
    ensure!(
        ours == theirs,
        "{name}: the model gives {ours} numbers, but {GOLDEN} has {theirs}"
    );
    Ok(())
}

/// A note as both sides can tell it, in beats.
struct Heard {
    pitch: u8,
    start: f64,
    end: f64,
    /// As MIDI counts it; magenta.js writes notes on the grid without.
    velocity: Option<f32>,
}

/// The largest difference of two sets of notes: in seconds, or infinite where one has a note that the other has not.
fn distance(ours: &[Note], theirs: &[GoldenNote]) -> f64 {
    if ours.len() != theirs.len() {
        return f64::INFINITY;
    }
    let ours = ours.iter().map(|note| Heard {
        pitch: note.pitch,
        start: note.onset_beats,
        end: note.onset_beats + note.duration_beats,
        velocity: Some((127.0 * note.velocity).round()),
    });
    let theirs = theirs.iter().map(|note| {
        let steps = note.in_steps();
        let times = steps.or_else(|| note.in_seconds(NOTES_BPM));
        let (start, end) = times.unwrap_or((f64::NAN, f64::NAN));
        Heard {
            pitch: note.pitch,
            start,
            end,
            velocity: note.velocity.map(f32::from).filter(|_| steps.is_none()),
        }
    });
    let (mut ours, mut theirs): (Vec<_>, Vec<_>) = (ours.collect(), theirs.collect());
    for notes in [&mut ours, &mut theirs] {
        notes.sort_by(|a, b| (a.pitch.cmp(&b.pitch)).then(a.start.total_cmp(&b.start)));
    }
    let apart = |(ours, theirs): (&Heard, &Heard)| {
        let is_same = ours.pitch == theirs.pitch
            && (theirs.velocity.is_none() || theirs.velocity == ours.velocity);
        let beats = (ours.start - theirs.start).abs() + (ours.end - theirs.end).abs();
        if is_same && !beats.is_nan() {
            beats * 60.0 / NOTES_BPM
        } else {
            f64::INFINITY
        }
    };
    ours.iter().zip(&theirs).map(apart).fold(0.0, f64::max)
}

/// Moves the mark of a rest, the last number of each row, to where magenta.js writes it: into the row before.
///
/// # Source
/// Its `DrumsConverter` sets column −1 of a row, which in its buffer is the last column of the row before. Models were
/// trained by Magenta's own converter, whose marks are in their places, as ours are.
fn write_rests_as_magenta_js(numbers: &mut [f32], width: usize) {
    let mut next = 0.0;
    for row in numbers.rchunks_exact_mut(width) {
        std::mem::swap(&mut row[width - 1], &mut next);
    }
}

/// The place of the largest number, the first of equals.
fn first_of_largest(numbers: &[f32]) -> usize {
    let largest = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    numbers
        .iter()
        .position(|number| *number == largest)
        .unwrap_or(0)
}
