//! Arguments of `fourbar generate`.

use super::attribute::Amount;
use super::known::Kept;
use crate::arguments;
use crate::files;
use crate::reading::PartArgs;
use crate::reading::maps;
use fourbar_model::drums::DrumMap;
use fourbar_model::temperature::Temperature;
use std::path::PathBuf;

/// What the music is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// New music: points of the latent space drawn from the prior
    Sample,
    /// Play an input back: what the model understood of each window
    Reconstruct,
    /// Interpolate from one input to another: the points between the two
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
    pub(super) fn name(self) -> &'static str {
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
    pub(super) fn n_inputs(self) -> usize {
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

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// MIDI, to be played
    Mid,
    /// Notes, settings and latent vector as text for programs
    Json,
    /// The piano roll in pixels
    Png,
    /// The piano roll in shapes
    Svg,
}

impl Format {
    /// The ending of a file of this kind, without the dot.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Mid => "mid",
            Self::Json => "json",
            Self::Png => "png",
            Self::Svg => "svg",
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
    /// A MIDI file of drums that says which drums play, for conditional models [default: the first input's]
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
    pub(super) fn temperature(&self, has_feel: bool) -> Temperature {
        let is_drawn = has_feel || self.mode == Mode::Sample;
        let hits = self.temperature.unwrap_or(f32::from(u8::from(is_drawn)));
        Temperature {
            hits,
            feel: self.feel_temperature.unwrap_or(hits),
        }
    }

    /// Whether the number of inputs is right for the mode, and the count.
    pub(super) fn check(&self) -> anyhow::Result<()> {
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
