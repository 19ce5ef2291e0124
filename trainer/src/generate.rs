//! `fourbar generate`: grooves as MIDI files, invented, between two others, or played back.
//!
//! The same model, arguments and seed give the same bytes. A sample depends on the seed and its own number only, so
//! asking for more samples never changes the first ones.

use crate::clip::Clip;
use crate::loaded_model::LoadedModel;
use crate::prepare::parse_drum_map;
use crate::roll::{PictureKind, Roll};
use crate::{arguments, files};
use anyhow::Context as _;
use candle_core::Device;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{self, Groove, NotesLost, STEPS_PER_BAR};
use fourbar_model::latent::slerp;
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use fourbar_model::vae::Vae;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Tempo where neither the user nor an input gives one.
const DEFAULT_BPM: f64 = 120.0;
/// Grooves that are made where the user does not say how many.
const DEFAULT_COUNT: usize = 8;

/// What the grooves are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Invent grooves: points of the latent space drawn at random
    Sample,
    /// Walk from one input to another: the points between the two
    Interpolate,
    /// Play an input back: what the model understood of each four bars
    Reconstruct,
}

/// Arguments of `fourbar generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to play with, such as bundles/models/groovae_4bar.safetensors of this repository
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub model: PathBuf,
    /// What to make the grooves from
    #[arg(long, default_value = "sample")]
    pub mode: Mode,
    /// How many grooves [default: 8; when reconstructing, all of the input]
    #[arg(long, value_name = "N", value_parser = arguments::count)]
    pub count: Option<usize>,
    /// Picks the grooves; the same seed gives the same files
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// How freely hits are drawn, 0 for the most likely ones [default: 1 for samples, else 0]
    #[arg(long, value_name = "T", value_parser = arguments::temperature)]
    pub temperature: Option<f32>,
    /// Tempo of the files, 20 to 400 [default: the first input's, else 120]
    #[arg(long, value_name = "BPM", value_parser = arguments::tempo)]
    pub tempo: Option<f64>,
    /// A MIDI file of drums in 4/4: one to reconstruct, two to interpolate
    #[arg(long, value_name = "FILE.mid", value_parser = files::path_parser())]
    pub input: Vec<PathBuf>,
    /// How the inputs number their drums: gm (General MIDI) or td11 (e-kit, as the Groove MIDI Dataset)
    #[arg(long, value_name = "MAP", default_value = DrumMap::GM.id, value_parser = parse_drum_map)]
    pub input_map: &'static DrumMap,
    /// How the files number their drums: gm or td11
    #[arg(long, value_name = "MAP", default_value = DrumMap::GM.id, value_parser = parse_drum_map)]
    pub drum_map: &'static DrumMap,
    /// Also draw each groove's piano roll, as png or svg
    #[arg(long, value_name = "KIND")]
    pub roll: Option<PictureKind>,
    /// The folder for the files; made if it is not there
    #[arg(long, value_name = "DIR", value_parser = files::path_parser())]
    pub out: PathBuf,
}

/// Generates grooves and writes them.
///
/// # Errors
/// If the model or an input cannot be used, there are too few or too many inputs for the mode, or a file cannot be
/// written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    generate(args, &mut io::stdout())
}

/// See [`run`]; `out` is told what is read and written.
fn generate(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    check_inputs(args)?;
    let model = LoadedModel::open(&args.model)?;
    let inputs = args
        .input
        .iter()
        .map(|path| Input::open(path, args.input_map, out))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let takes = match args.mode {
        Mode::Sample => samples(&model.vae, args)?,
        Mode::Interpolate => interpolation(&model.vae, &inputs, args, out)?,
        Mode::Reconstruct => reconstruction(&model.vae, &inputs[0], args, out)?,
    };

    let bpm = args
        .tempo
        .or_else(|| inputs.first()?.clip.bpm)
        .unwrap_or(DEFAULT_BPM);
    for take in &takes {
        write(take, &model.metadata.config.preset, bpm, args, out)?;
    }
    Ok(())
}

/// Whether the number of inputs is right for the mode.
fn check_inputs(args: &Args) -> anyhow::Result<()> {
    let n_inputs = args.input.len();
    match args.mode {
        Mode::Sample => {
            anyhow::ensure!(
                n_inputs == 0,
                "--mode sample takes no --input: choose interpolate or reconstruct"
            );
        }
        Mode::Interpolate => {
            anyhow::ensure!(
                n_inputs == 2,
                "--mode interpolate takes --input twice; it was given {n_inputs} times"
            );
            anyhow::ensure!(
                args.count != Some(1),
                "a walk has two ends: --count must be at least 2 to interpolate"
            );
        }
        Mode::Reconstruct => {
            anyhow::ensure!(
                n_inputs == 1,
                "--mode reconstruct takes --input once; it was given {n_inputs} times"
            );
        }
    }
    Ok(())
}

/// A generated groove and what it is called.
struct Take {
    /// File name without its ending.
    stem: String,
    /// The same for people.
    title: String,
    groove: Groove,
}

/// Invented grooves.
fn samples(vae: &Vae, args: &Args) -> anyhow::Result<Vec<Take>> {
    let temperature = args.temperature.unwrap_or(1.0);
    (0..args.count.unwrap_or(DEFAULT_COUNT))
        .map(|index| {
            let groove =
                sample(vae, temperature, args.seed, index).context("generating a sample")?;
            let number = index + 1;
            Ok(Take {
                stem: format!("sample-seed{}-{number:03}", args.seed),
                title: format!(
                    "sample {number}  ·  seed {}  ·  temperature {temperature}",
                    args.seed
                ),
                groove,
            })
        })
        .collect()
}

/// The groove of one sample: a point of the prior, then its hits, both from the noise of `seed` and `index`.
///
/// # Errors
/// If the network fails.
pub fn sample(
    vae: &Vae,
    temperature: f32,
    seed: u64,
    index: usize,
) -> Result<Groove, fourbar_model::Error> {
    let mut noise = noise_of(seed, index);
    let z = noise.normals(vae.config().latent);
    vae.generate_groove(&z, temperature, &mut noise)
}

/// The noise of the `index`th groove made from `seed`; the first one's is that of the seed itself.
#[must_use]
pub fn noise_of(seed: u64, index: usize) -> Noise {
    // Steps of 2^64 divided by the golden ratio: neighbouring seeds share no noise in any practical number of grooves.
    Noise::from_seed(seed.wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Grooves on the arc between the posterior means of two inputs, ends included.
///
/// All are drawn with the same noise, so that only the place on the way makes a difference.
fn interpolation(
    vae: &Vae,
    inputs: &[Input],
    args: &Args,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<Take>> {
    let n_steps = vae.config().n_steps;
    let ends = inputs
        .iter()
        .map(|input| input.first_window(n_steps, out))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mus = posterior_means(vae, &ends)?;
    let temperature = args.temperature.unwrap_or(0.0);
    let count = args.count.unwrap_or(DEFAULT_COUNT);
    (0..count)
        .map(|index| {
            #[expect(clippy::cast_precision_loss, reason = "a fraction of the way")]
            let t = index as f32 / (count - 1) as f32;
            let z = slerp(&mus[0], &mus[1], t);
            let groove = vae
                .generate_groove(&z, temperature, &mut noise_of(args.seed, 0))
                .context("generating between two grooves")?;
            Ok(Take {
                stem: format!("interpolate-{:03}", index + 1),
                title: format!(
                    "{:.0} % of the way from {} to {}",
                    t * 100.0,
                    inputs[0].stem,
                    inputs[1].stem
                ),
                groove,
            })
        })
        .collect()
}

/// Every window of the input in which anything plays, as the model plays it back from the posterior's mean.
fn reconstruction(
    vae: &Vae,
    input: &Input,
    args: &Args,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<Take>> {
    let mut windows = input.windows(vae.config().n_steps);
    if let Some(count) = args.count {
        windows.truncate(count);
    }
    input.report(&windows, out)?;
    let grooves: Vec<Groove> = windows.iter().map(|window| window.groove.clone()).collect();
    let mus = posterior_means(vae, &grooves)?;
    let temperature = args.temperature.unwrap_or(0.0);
    windows
        .iter()
        .zip(&mus)
        .enumerate()
        .map(|(index, (window, mu))| {
            let groove = vae
                .generate_groove(mu, temperature, &mut noise_of(args.seed, index))
                .context("generating a reconstruction")?;
            let (first, last) = (window.first_bar + 1, window.first_bar + window.n_bars);
            Ok(Take {
                stem: format!("reconstruct-bars-{first:03}-{last:03}"),
                title: format!("{}, bars {first}–{last}, played back", input.stem),
                groove,
            })
        })
        .collect()
}

/// The posterior means of some grooves, one after the other: a groove's mean must not depend on its neighbours.
fn posterior_means(vae: &Vae, grooves: &[Groove]) -> anyhow::Result<Vec<Vec<f32>>> {
    grooves
        .iter()
        .map(|groove| {
            let x = groove::to_tensor(std::slice::from_ref(groove), vae.device())?;
            let posterior = vae.encode(&x, None).context("encoding an input")?;
            Ok(posterior
                .mu
                .to_device(&Device::Cpu)?
                .squeeze(0)?
                .to_vec1()?)
        })
        .collect()
}

/// A MIDI file to start from.
struct Input {
    clip: Clip,
    /// The file's name without folder and ending.
    stem: String,
    groove: Groove,
}

/// Some bars of an input, as many as the model takes.
struct InputWindow {
    /// Counted from 0.
    first_bar: usize,
    /// Bars that are in the input; the rest up to the model's length is silence.
    n_bars: usize,
    groove: Groove,
}

impl Input {
    /// Reads a MIDI file, and says what of it cannot be used.
    fn open(path: &Path, map: &'static DrumMap, out: &mut dyn Write) -> anyhow::Result<Self> {
        let clip = Clip::open(path)?;
        let (groove, lost) = clip.groove(map)?;
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let n_bars = groove.n_steps() / STEPS_PER_BAR;
        writeln!(
            out,
            "{}: {}, read with the {} map{}",
            clip.name,
            bars(n_bars),
            map.name,
            losses(&clip, &lost)
        )?;
        Ok(Self { clip, stem, groove })
    }

    /// Windows of `n_steps` side by side, the last one filled up with silence; without those in which nothing plays.
    fn windows(&self, n_steps: usize) -> Vec<InputWindow> {
        (0..self.groove.n_steps())
            .step_by(n_steps)
            .map(|first_step| {
                let n_there = n_steps.min(self.groove.n_steps() - first_step);
                let mut groove = Groove::empty(n_steps);
                for (step, voice, cell) in self.groove.hits() {
                    if (first_step..first_step + n_there).contains(&step) {
                        groove.set(step - first_step, voice, Some(cell));
                    }
                }
                InputWindow {
                    first_bar: first_step / STEPS_PER_BAR,
                    n_bars: n_there / STEPS_PER_BAR,
                    groove,
                }
            })
            .filter(|window| window.groove.n_hits() > 0)
            .collect()
    }

    /// The first window in which anything plays; says which one that is.
    fn first_window(&self, n_steps: usize, out: &mut dyn Write) -> anyhow::Result<Groove> {
        let mut windows = self.windows(n_steps);
        windows.truncate(1);
        self.report(&windows, out)?;
        let window = windows
            .pop()
            .with_context(|| format!("{}: nothing plays in it", self.clip.name))?;
        Ok(window.groove)
    }

    /// Says which bars are used, and where silence was added.
    fn report(&self, windows: &[InputWindow], out: &mut dyn Write) -> io::Result<()> {
        for window in windows {
            let n_added = window.groove.n_steps() / STEPS_PER_BAR - window.n_bars;
            let added = if n_added > 0 {
                format!(", filled up with {} of silence", bars(n_added))
            } else {
                String::new()
            };
            let (first, last) = (window.first_bar + 1, window.first_bar + window.n_bars);
            let used = if first == last {
                format!("bar {first}")
            } else {
                format!("bars {first} to {last}")
            };
            writeln!(out, "{}: using {used}{added}", self.clip.name)?;
        }
        Ok(())
    }
}

/// What of an input cannot be used, each in a few words after a semicolon; nothing if all can.
fn losses(clip: &Clip, lost: &NotesLost) -> String {
    let n_unmapped: usize = lost.unmapped.values().sum();
    let keys: Vec<String> = lost.unmapped.keys().map(u8::to_string).collect();
    let mut words = String::new();
    for (n, what) in [
        (
            lost.same_cell,
            "share a 16th with a louder one of the same drum".to_owned(),
        ),
        (
            n_unmapped,
            format!("are no drum of this map (keys {})", keys.join(", ")),
        ),
        (lost.outside, "lie outside of its bars".to_owned()),
        (clip.n_unclosed, "never end".to_owned()),
    ] {
        if n > 0 {
            words += &format!("; notes left out because they {what}: {n}");
        }
    }
    if let Some(byte) = clip.truncated_at {
        words += &format!("; the file breaks off at byte {byte}");
    }
    words
}

/// A number of bars in words.
fn bars(n: usize) -> String {
    format!("{n} {}", if n == 1 { "bar" } else { "bars" })
}

/// Writes a groove's MIDI file and, if wished, its picture.
fn write(
    take: &Take,
    preset: &str,
    bpm: f64,
    args: &Args,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let pattern = take.groove.to_pattern();
    let notes = pattern.to_notes(Feel::AS_GENERATED, args.drum_map, midi::DRUM_CHANNEL);
    let path = args.out.join(format!("{}.mid", take.stem));
    files::write_atomically(&path, &midi::write(&notes, pattern.loop_beats(), bpm))?;
    writeln!(out, "{}  ({} hits)", path.display(), notes.len())?;

    if let Some(kind) = args.roll {
        let picture = Roll::new(&notes, take.groove.n_steps() / STEPS_PER_BAR, args.drum_map)
            .encode(&format!("{preset}  ·  {}", take.title), Some(bpm), kind)?;
        files::write_atomically(
            &args.out.join(format!("{}.{}", take.stem, kind.ending())),
            &picture,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::loaded_model::tiny;
    use clap::Parser;
    use fourbar_model::note::Note;
    use std::collections::BTreeMap;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// A model and a place for files.
    struct Studio {
        folder: tempfile::TempDir,
        model: PathBuf,
    }

    impl Studio {
        fn open() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let model = tiny::save(folder.path());
            Self { folder, model }
        }

        /// A MIDI file with kicks at these beats, in a loop of `loop_beats`.
        fn clip(&self, name: &str, kicks: &[f64], loop_beats: f64) -> String {
            let notes: Vec<Note> = kicks
                .iter()
                .map(|&onset_beats| Note {
                    onset_beats,
                    duration_beats: 0.1,
                    pitch: 36,
                    velocity: 0.8,
                    channel: 9,
                })
                .collect();
            let path = self.folder.path().join(name);
            std::fs::write(&path, midi::write(&notes, loop_beats, 93.0)).unwrap();
            path.display().to_string()
        }

        /// What `fourbar generate` writes with these arguments into a new folder, or its error.
        fn try_generate(&self, arguments: &[&str]) -> Result<BTreeMap<String, Vec<u8>>, String> {
            let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
            let model = self.model.display().to_string();
            let place = folder.path().display().to_string();
            let all = ["generate", "--model", &model, "--out", &place];
            let cli = Cli::try_parse_from(all.iter().chain(arguments))
                .map_err(|error| error.to_string())?;
            super::generate(&cli.args, &mut io::sink()).map_err(|error| format!("{error:#}"))?;
            let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
                let entry = entry.unwrap();
                (
                    entry.file_name().into_string().unwrap(),
                    std::fs::read(entry.path()).unwrap(),
                )
            });
            Ok(files.collect())
        }

        fn generate(&self, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
            self.try_generate(arguments).unwrap()
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let studio = Studio::open();
        let arguments = |seed| ["--count", "3", "--seed", seed, "--roll", "png"];
        let files = studio.generate(&arguments("7"));
        assert_eq!(files.len(), 6);
        assert_eq!(files, studio.generate(&arguments("7")));
        let others = studio.generate(&arguments("8"));
        assert_ne!(
            files["sample-seed7-001.mid"],
            others["sample-seed8-001.mid"]
        );
        assert_ne!(files["sample-seed7-001.mid"], files["sample-seed7-002.mid"]);
    }

    #[test]
    fn asking_for_more_samples_keeps_the_first_ones() {
        let studio = Studio::open();
        let few = studio.generate(&["--count", "2"]);
        let many = studio.generate(&["--count", "5"]);
        assert_eq!(many.len(), 5);
        assert!(few.iter().all(|(name, bytes)| many[name] == *bytes));
    }

    #[test]
    fn a_written_groove_has_its_tempo_and_ends_with_its_fourth_bar() {
        let studio = Studio::open();
        for (name, bytes) in studio.generate(&["--count", "2", "--tempo", "93"]) {
            let song = midi::read(&bytes).unwrap();
            assert_eq!(song.end_beats, 16.0, "{name}");
            assert!((song.tempos[0].bpm - 93.0).abs() < 1e-3);
            assert!(
                song.notes
                    .iter()
                    .all(|note| note.channel == midi::DRUM_CHANNEL && note.velocity > 0.0)
            );
        }
    }

    #[test]
    fn a_walk_between_equal_inputs_stays_where_it_is() {
        let studio = Studio::open();
        let clip = studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0);
        let walk = [
            "--mode",
            "interpolate",
            "--input",
            &clip,
            "--input",
            &clip,
            "--count",
            "3",
            "--temperature",
            "1",
        ];
        let files = studio.generate(&walk);
        assert_eq!(files.len(), 3);
        assert!(
            files
                .values()
                .all(|bytes| *bytes == files["interpolate-001.mid"])
        );
    }

    #[test]
    fn a_walk_begins_and_ends_with_the_inputs_as_the_model_plays_them_back() {
        let studio = Studio::open();
        let a = studio.clip("a.mid", &[0.0, 2.0, 4.5], 16.0);
        let b = studio.clip("b.mid", &[1.0, 3.25, 7.0, 9.5, 12.0, 14.75], 16.0);
        let walk = studio.generate(&["--mode", "interpolate", "--input", &a, "--input", &b]);
        let alone = |clip| {
            studio.generate(&["--mode", "reconstruct", "--input", clip])["reconstruct-bars-001-004.mid"].clone()
        };
        assert_eq!(walk.len(), DEFAULT_COUNT);
        assert_eq!(walk["interpolate-001.mid"], alone(&a));
        assert_eq!(walk["interpolate-008.mid"], alone(&b));
        assert_ne!(alone(&a), alone(&b));
    }

    #[test]
    fn every_four_bars_are_played_back_and_silent_ones_left_out() {
        let studio = Studio::open();
        let clip = studio.clip("long.mid", &[0.0, 33.0], 40.0);
        let names: Vec<String> = studio
            .generate(&["--mode", "reconstruct", "--input", &clip])
            .into_keys()
            .collect();
        assert_eq!(
            names,
            [
                "reconstruct-bars-001-004.mid",
                "reconstruct-bars-009-010.mid"
            ]
        );
        let one = studio.generate(&["--mode", "reconstruct", "--input", &clip, "--count", "1"]);
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn a_short_input_is_filled_up_with_silence() {
        let studio = Studio::open();
        let path = studio.clip("short.mid", &[0.0, 3.96], 4.0);
        let mut said = Vec::new();
        let short = Input::open(Path::new(&path), &DrumMap::GM, &mut said).unwrap();
        let windows = short.windows(64);
        assert_eq!(
            (
                windows.len(),
                windows[0].n_bars,
                windows[0].groove.n_steps()
            ),
            (1, 1, 64)
        );
        short.first_window(64, &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains("using bar 1, filled up with 3 bars of silence"),
            "{said}"
        );
    }

    #[test]
    fn the_tempo_is_the_inputs_unless_one_is_given() {
        let studio = Studio::open();
        let clip = studio.clip("a.mid", &[0.0], 16.0);
        let bpm = |more: &[&str]| {
            let files =
                studio.generate(&[&["--mode", "reconstruct", "--input", &clip], more].concat());
            midi::read(&files["reconstruct-bars-001-004.mid"])
                .unwrap()
                .tempos[0]
                .bpm
                .round()
        };
        assert_eq!(bpm(&[]), 93.0);
        assert_eq!(bpm(&["--tempo", "174"]), 174.0);
    }

    #[test]
    fn a_wrong_number_of_inputs_is_refused_with_the_right_one() {
        let studio = Studio::open();
        let clip = studio.clip("a.mid", &[0.0], 16.0);
        for (arguments, part) in [
            (vec!["--input", &clip], "takes no --input"),
            (
                vec!["--mode", "interpolate", "--input", &clip],
                "--input twice",
            ),
            (vec!["--mode", "reconstruct"], "--input once"),
            (
                vec![
                    "--mode",
                    "interpolate",
                    "--input",
                    &clip,
                    "--input",
                    &clip,
                    "--count",
                    "1",
                ],
                "at least 2",
            ),
            (vec!["--count", "0"], "1 or more"),
            (vec!["--temperature", "NaN"], "from 0"),
            (vec!["--tempo", "1000"], "20 to 400"),
            (vec!["--drum-map", "808"], "gm and td11"),
        ] {
            let problem = studio.try_generate(&arguments).unwrap_err();
            assert!(problem.contains(part), "{arguments:?}: {problem}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let studio = Studio::open();
        let mut clip = Clip::open(Path::new(&studio.clip("a.mid", &[0.0], 16.0))).unwrap();
        assert_eq!(losses(&clip, &NotesLost::default()), "");
        clip.truncated_at = Some(77);
        let lost = NotesLost {
            same_cell: 2,
            unmapped: BTreeMap::from([(100, 3)]),
            outside: 0,
        };
        let words = losses(&clip, &lost);
        for part in ["same drum: 2", "(keys 100): 3", "breaks off at byte 77"] {
            assert!(words.contains(part), "{words}");
        }
    }
}
