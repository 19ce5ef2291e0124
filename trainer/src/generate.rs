//! `fourbar generate`: music as MIDI files, invented, between others, near one, or made from one.
//!
//! The same model, arguments and seed give the same bytes. A sample depends on the seed and its own number only, so
//! asking for more samples never changes the first ones.

mod ability;
mod attribute;
mod input;
mod keys;
mod known;
mod nearby;
mod output;
mod player;
mod sample;
mod translate;
mod walk;

pub use attribute::Amount;
pub use known::Kept;
pub use output::Format;

use crate::arguments::{self, TEMPI_BPM};
use crate::files;
use crate::loaded_model::LoadedModel;
use crate::maps;
use crate::reading::PartArgs;
use fourbar_model::conditions::Conditions;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::midi::TimeSignature;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_model::temperature::Temperature;
use fourbar_model::vae::Vae;
use input::{Input, Reading};
use player::Player;
use std::io::{self, Write};
use std::path::PathBuf;

/// Tempo where neither the user nor an input gives one.
const DEFAULT_BPM: f64 = 120.0;
/// Files that are made where the user does not say how many.
const DEFAULT_COUNT: usize = 8;
/// Side of a grid where the user does not say how many.
const DEFAULT_SIDE: usize = 4;

/// What the music is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Invent music: points of the latent space drawn at random
    Sample,
    /// Play an input back: what the model understood of each window
    Reconstruct,
    /// Walk from one input to another: the points between the two
    Interpolate,
    /// Vary an input: points near it, see --strength
    Similar,
    /// Play an input and go on: one more window, drawn around its last bars by a model that completes known parts, else a
    /// variation of its last window
    Continue,
    /// Give an input's hits velocities and timing, with a model that has learned it
    Humanize,
    /// Turn taps, the notes of any instrument, into drums, with a model that has learned it
    Drumify,
    /// Fill the square between four inputs: top left, bottom left, top right, bottom right
    Grid,
}

impl Mode {
    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Reconstruct => "reconstruct",
            Self::Interpolate => "interpolate",
            Self::Similar => "similar",
            Self::Continue => "continue",
            Self::Humanize => "humanize",
            Self::Drumify => "drumify",
            Self::Grid => "grid",
        }
    }

    /// Number of inputs that it takes.
    fn n_inputs(self) -> usize {
        match self {
            Self::Sample => 0,
            Self::Reconstruct | Self::Similar | Self::Continue | Self::Humanize | Self::Drumify => {
                1
            }
            Self::Interpolate => 2,
            Self::Grid => 4,
        }
    }
}

/// Arguments of `fourbar generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to play with, such as bundles/models/groovae_4bar.safetensors of this repository
    #[arg(long, value_name = "FILE.safetensors", value_parser = files::path_parser())]
    pub model: PathBuf,
    /// What to make the music from
    #[arg(long, default_value = "sample")]
    pub mode: Mode,
    /// How many files, or the side of a grid [default: 8, a side of 4, or all of an input that is played back]
    #[arg(long, value_name = "N", value_parser = arguments::count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    /// Picks the music; the same seed gives the same files
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = arguments::seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// How freely notes are drawn, 0 for the most likely ones [default: 1 for samples and for models that draw velocities
    /// and timing, else 0]
    #[arg(long, value_name = "T", value_parser = arguments::temperature, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// How freely velocities and timing are drawn, by models that draw them [default: that of --temperature]
    #[arg(long, value_name = "T", value_parser = arguments::temperature, allow_negative_numbers = true)]
    pub feel_temperature: Option<f32>,
    /// The style to play in, for models that know styles, such as funk
    #[arg(long, value_name = "NAME")]
    pub style: Option<String>,
    /// Bars that are to be fills, counted from 1, such as 4 or 2,4: the others are to be none; for models that know fills
    #[arg(long, value_name = "BARS", value_parser = arguments::count, value_delimiter = ',')]
    pub fill: Vec<usize>,
    /// What similar keeps of the input as it is: drums (such as kick or closed-hi-hat) and bars (counted from 1), such as
    /// kick,snare or 1,2,3; for models that complete known parts
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    pub keep: Vec<Kept>,
    /// How far similar and continue go from the input: 0 is the input as the model plays it, 1 any sample
    #[arg(long, value_name = "X", default_value_t = 0.3, value_parser = arguments::fraction, allow_negative_numbers = true)]
    pub strength: f32,
    /// Interpolate on straight lines instead of arcs
    #[arg(long)]
    pub linear: bool,
    /// Add the vector of an attribute so many times, such as density=+1.5: once is from the quarter of the training data
    /// that has least of it to the quarter that has most; -10 to 10 times, may be repeated
    #[arg(long, value_name = "NAME=TIMES")]
    pub attribute: Vec<Amount>,
    /// Tempo of the files, 20 to 400 [default: the first input's, else 120]
    #[arg(long, value_name = "BPM", value_parser = arguments::tempo, allow_negative_numbers = true)]
    pub tempo: Option<f64>,
    /// A MIDI file in 4/4 of what the model plays: two to interpolate, four for a grid, else one
    #[arg(long, value_name = "FILE.mid", value_parser = files::path_parser())]
    pub input: Vec<PathBuf>,
    /// A MIDI file of drums that says which drums play, for models that are told [default: the first input's]
    #[arg(long, value_name = "FILE.mid", value_parser = files::path_parser())]
    pub controls: Option<PathBuf>,
    /// How the inputs number their drums: a name of `fourbar maps`, or a file of your own ending in .toml
    #[arg(long, value_name = "MAP", default_value = DrumMap::GM.id, value_parser = maps::parse)]
    pub input_map: &'static DrumMap,
    /// Where the drums of the inputs are.
    #[command(flatten)]
    pub part: PartArgs,
    /// How the files number their drums, likewise
    #[arg(long, value_name = "MAP", default_value = DrumMap::GM.id, value_parser = maps::parse)]
    pub drum_map: &'static DrumMap,
    /// What to write of each piece; may be repeated or a list, such as mid,png
    #[arg(
        long,
        value_name = "KIND",
        default_value = "mid",
        value_delimiter = ','
    )]
    pub format: Vec<Format>,
    /// The folder for the files; made if it is not there
    #[arg(long, value_name = "DIR", value_parser = files::path_parser())]
    pub out: PathBuf,
}

impl Args {
    /// How freely a model draws; `has_feel` says whether it draws velocities and timing, too.
    fn temperature(&self, has_feel: bool) -> Temperature {
        let is_drawn = has_feel || self.mode == Mode::Sample;
        let hits = self.temperature.unwrap_or(f32::from(u8::from(is_drawn)));
        Temperature {
            hits,
            feel: self.feel_temperature.unwrap_or(hits),
        }
    }

    /// Whether the number of inputs is right for the mode, and the count.
    fn check(&self) -> anyhow::Result<()> {
        let (found, wanted) = (self.input.len(), self.mode.n_inputs());
        let name = self.mode.name();
        let times = ["", "once", "twice", "", "four times"][wanted];
        anyhow::ensure!(
            found == 0 || wanted > 0,
            "--mode {name} takes no --input: choose another mode, such as interpolate or reconstruct"
        );
        anyhow::ensure!(
            found == wanted,
            "--mode {name} takes --input {times}; it was given {found} times"
        );
        let has_ends = matches!(self.mode, Mode::Interpolate | Mode::Grid);
        anyhow::ensure!(
            !has_ends || self.count != Some(1),
            "there is a way between two ends only: --count must be at least 2 for --mode {name}"
        );
        anyhow::ensure!(
            self.keep.is_empty() || self.mode == Mode::Similar,
            "--keep says what variations keep of an input: choose --mode similar"
        );
        Ok(())
    }
}

/// Generates music and writes it.
///
/// # Errors
/// If the model or an input cannot be used, the model cannot do what is asked, there are too few or too many inputs for
/// the mode, or a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    generate(args, &mut io::stdout())
}

/// See [`run`]; `out` is told what is read and written.
fn generate(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    args.check()?;
    let model = LoadedModel::open(&args.model)?;
    let config = &model.metadata.config;
    ability::check_mode(args.mode, config)?;
    ability::check_controls(args.mode, config, args.controls.is_some())?;

    let mut player = Player::new(&model, args, out)?;
    let reading = Reading {
        as_taps: args.mode == Mode::Drumify,
        copied_to: (args.mode == Mode::Continue).then(|| player.written_map()),
        ..player.reading()
    };
    let inputs = args
        .input
        .iter()
        .map(|path| Input::open(path, reading, out))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let bpm = tempo(args.tempo, inputs.first(), out)?;
    if args.tempo.is_some() || !inputs.is_empty() {
        player.set_tempo(bpm);
    }
    let count = args.count.unwrap_or(DEFAULT_COUNT);
    let takes = match args.mode {
        Mode::Sample => sample::samples(&player, count),
        Mode::Reconstruct => translate::reconstructions(&player, &inputs[0], args.count, out)?,
        Mode::Interpolate => walk::interpolation(&player, &inputs, count, out)?,
        Mode::Similar => nearby::variations(&player, &inputs[0], count, out)?,
        Mode::Continue => nearby::continuations(&player, &inputs[0], count, out)?,
        Mode::Humanize => translate::humanized(&player, &inputs[0], args.count, out)?,
        Mode::Drumify => translate::drumified(&player, &inputs[0], args.count, out)?,
        Mode::Grid => {
            let side = args.count.unwrap_or(DEFAULT_SIDE);
            walk::grid(&player, &inputs, side, out)?
        }
    };
    for take in takes {
        output::write(&take?, &player, bpm, args, out)?;
    }
    if let Some(remark) = player.remark() {
        writeln!(out, "{remark}")?;
    }
    Ok(())
}

/// The tempo to write: that which is `asked` for, else that of the first input, else the usual one. Says so where the
/// input's cannot be written.
fn tempo(asked: Option<f64>, input: Option<&Input>, out: &mut dyn Write) -> io::Result<f64> {
    let (None, Some(input)) = (asked, input) else {
        return Ok(asked.unwrap_or(DEFAULT_BPM));
    };
    let (slowest, fastest) = (TEMPI_BPM.start(), TEMPI_BPM.end());
    let (bpm, problem) = match input.song.tempos.first() {
        Some(tempo) if TEMPI_BPM.contains(&tempo.bpm) => return Ok(tempo.bpm),
        Some(tempo) => (
            tempo.bpm.clamp(*slowest, *fastest),
            format!(
                "its tempo, {:.1} bpm, is outside of {slowest} to {fastest}",
                tempo.bpm
            ),
        ),
        None => (DEFAULT_BPM, "it gives no tempo".to_owned()),
    };
    writeln!(
        out,
        "{}: {problem}: {bpm} bpm is written; --tempo gives another",
        input.name
    )?;
    Ok(bpm)
}

/// Music in the order in which it is written, made one by one: any number of pieces fits into the memory.
type Takes<'a> = Box<dyn Iterator<Item = anyhow::Result<Take>> + 'a>;

/// Generated music and what it is called.
struct Take {
    /// File name without its ending.
    stem: String,
    /// The same for people.
    title: String,
    notes: Vec<Note>,
    /// Length in 16th steps.
    n_steps: usize,
    metre: Metre,
    /// The point that it was decoded from, before attributes moved it, where it is a single one.
    z: Option<Vec<f32>>,
}

/// How music is counted.
#[derive(Debug, Clone, Copy)]
struct Metre {
    signature: TimeSignature,
    steps_per_bar: usize,
}

impl Metre {
    /// 4/4: that of music without an input.
    const COMMON: Self = Self {
        signature: TimeSignature::COMMON,
        steps_per_bar: STEPS_PER_BAR,
    };

    /// The bars that begin in so many steps.
    fn n_bars(self, n_steps: usize) -> usize {
        n_steps.div_ceil(self.steps_per_bar)
    }
}

/// The groove of one sample of a model that plays drums by itself: a point of the prior, then its hits, both from the
/// noise of `seed` and `index`.
///
/// # Errors
/// If the network fails or is not such a model.
pub fn sample(
    vae: &Vae,
    temperature: f32,
    seed: u64,
    index: usize,
) -> Result<Groove, fourbar_model::Error> {
    let mut noise = noise_of(seed, index);
    let z = vae.draw(None, &mut noise);
    vae.generate_groove(&z, &Conditions::default(), temperature, &mut noise)
}

/// The noise of the `index`th piece made from `seed`; the first one's is that of the seed itself.
#[must_use]
pub fn noise_of(seed: u64, index: usize) -> Noise {
    // Steps of 2^64 divided by the golden ratio: neighbouring seeds share no noise in any practical number of pieces.
    Noise::from_seed(seed.wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

#[cfg(test)]
mod tests;
