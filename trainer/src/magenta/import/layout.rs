//! What the rows of an imported model mean, and how long its sequences are: nothing that weights can tell.
//!
//! magenta.js keeps it in `config.json`, beside the weights; TensorFlow's checkpoints keep none of it, so that a preset
//! has to say it.

use super::names::Renamed;
use anyhow::{Context, Result, anyhow, bail, ensure};
use fourbar_model::config::{DecoderConfig, EncoderConfig, Hierarchy, ModelConfig};
use fourbar_model::converter::{
    Converter, DrumRows, DrumsConverter, GrooveConverter, MelodyConverter, TrioConverter,
};
use fourbar_model::drums::{DrumMap, N_VOICES};
use fourbar_model::head::{self, Head};
use fourbar_model::rows::{RowLayout, Rows};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A model but for its sizes.
pub(super) struct Layout {
    /// A model of this layout; of another size than the weights, or of none.
    model: ModelConfig,
    segments: Segments,
    /// The keys of its drums.
    pub(super) drum_map: &'static DrumMap,
}

/// Who says whether there are segments, and a decoder for each voice.
enum Segments {
    /// The preset does.
    Known,
    /// The weights do; `config.json` only says how many segments there are then.
    OfTheWeights { n_segments: Option<usize> },
}

/// The maps that nine drums may have; the first is magenta.js's own.
const MAPS: [&DrumMap; 3] = [&DrumMap::MAGENTA_JS, &DrumMap::MAGENTA, &DrumMap::TD11];

/// What helps if `config.json` does not say what it should.
const REMEDY: &str =
    "give the config.json that came with the model, or remove it and give --preset NAME";

/// magenta.js's `config.json`. Nothing in it is taken for granted but the types of what is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "type")]
    kind: Option<String>,
    data_converter: Option<ConverterSpec>,
    #[serde(default)]
    extra_controls: Option<Vec<ControlSpec>>,
    #[serde(default)]
    chord_encoder: Option<Value>,
    #[serde(default)]
    use_boolean_decoder: bool,
}

#[derive(Deserialize)]
struct ConverterSpec {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    args: ArgsSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ArgsSpec {
    num_steps: Option<usize>,
    num_segments: Option<usize>,
    steps_per_quarter: Option<usize>,
    pitch_classes: Option<Vec<Vec<u8>>>,
    min_pitch: Option<u8>,
    max_pitch: Option<u8>,
    humanize: bool,
    tapify: bool,
    split_instruments: bool,
    mel_args: Option<Box<ArgsSpec>>,
    bass_args: Option<Box<ArgsSpec>>,
    drums_args: Option<Box<ArgsSpec>>,
}

#[derive(Deserialize)]
struct ControlSpec {
    name: String,
    depth: usize,
}

impl Layout {
    /// The layout that a `config.json` describes, of a model called `name`.
    ///
    /// # Errors
    /// If it describes a model that we cannot build; the text names the key.
    pub(super) fn of_config(config: &Value, name: &str) -> Result<Self> {
        let spec = Spec::deserialize(config).map_err(|error| {
            let key = wrong_key(config).map_or_else(String::new, |key| format!("{key}: "));
            anyhow!("{key}{error}; {REMEDY}")
        })?;
        let kind = spec.kind.with_context(|| missing("type"))?;
        ensure!(
            kind == "MusicVAE",
            "type is {kind:?}, but only models of type \"MusicVAE\" can be imported"
        );
        ensure!(
            spec.chord_encoder.is_none_or(|encoder| encoder.is_null()),
            "chordEncoder: models conditioned on chords cannot be imported"
        );
        let of_data = spec
            .data_converter
            .with_context(|| missing("dataConverter"))?;
        let args = &of_data.args;
        let n_controls = spec.extra_controls.iter().flatten().map(|c| c.depth).sum();
        let drums = Classes::of(match &args.drums_args {
            Some(drums) => drums.pitch_classes.as_deref(),
            None => args.pitch_classes.as_deref(),
        })?;
        let labels = |labels| {
            if labels {
                DrumRows::Labels
            } else {
                DrumRows::Roll
            }
        };
        let of_drums = |input, output| -> Result<Converter> {
            let converter = DrumsConverter {
                classes: drums.n,
                input: labels(input),
                output: labels(output),
                ..DrumsConverter::default()
            };
            drums.check_keys(&converter)?;
            Ok(converter.into())
        };
        let kind = of_data
            .kind
            .with_context(|| missing("dataConverter.type"))?;
        let converter = match kind.as_str() {
            "DrumsConverter" => of_drums(false, true)?,
            "DrumRollConverter" => of_drums(false, false)?,
            "DrumsOneHotConverter" => of_drums(true, true)?,
            "GrooveConverter" => groove_converter(args, n_controls)?.into(),
            "MelodyConverter" => melody_converter(args)?.into(),
            "TrioConverter" => trio_converter(args, &drums)?.into(),
            other => bail!(
                "dataConverter.type is {other:?}, which is no kind of music that can be imported"
            ),
        };
        let has_controls = converter.controls().map_or(0, |layout| layout.width());
        if spec.extra_controls.is_some() && n_controls != has_controls {
            let names = spec
                .extra_controls
                .iter()
                .flatten()
                .map(|c| c.name.as_str());
            bail!(
                "extraControls: {n_controls} numbers ({}) are not those of a model that can be imported, such as the 9 hits \
                 of groovae_2bar_hits_control",
                names.collect::<Vec<_>>().join(", ")
            );
        }
        let steps = args
            .num_steps
            .filter(|steps| *steps > 0)
            .with_context(|| missing("dataConverter.args.numSteps"))?;
        let head = match &converter {
            converter if converter.keeps_feel() => Head::Groove(head::Groove),
            _ if spec.use_boolean_decoder => Head::Boolean(head::Boolean),
            _ => Head::Categorical(head::Categorical),
        };
        let model = ModelConfig {
            preset: name.to_owned(),
            n_steps: steps.saturating_mul(converter.rows_per_step()),
            latent: 0,
            styles: Vec::new(),
            converter,
            encoder: EncoderConfig {
                units: Vec::new(),
                levels: Vec::new(),
                residual: false,
            },
            decoder: DecoderConfig {
                head,
                units: Vec::new(),
                hierarchy: None,
                split: false,
                residual: false,
            },
        };
        let n_segments = args.num_segments.filter(|n_segments| *n_segments > 0);
        Ok(Self {
            model,
            segments: Segments::OfTheWeights { n_segments },
            drum_map: drums.map,
        })
    }

    /// The layout of a preset.
    pub(super) fn of_preset(model: ModelConfig, drum_map: &'static DrumMap) -> Self {
        Self {
            model,
            segments: Segments::Known,
            drum_map,
        }
    }

    /// The model of this layout with the sizes of these weights.
    ///
    /// # Errors
    /// If the weights are those of no model at all, or of a hierarchy that the layout does not know of.
    pub(super) fn config(&self, weights: &Renamed) -> Result<ModelConfig> {
        let mut model = self.model.clone();
        if let Segments::OfTheWeights { n_segments } = self.segments {
            find_hierarchy(&mut model, n_segments, weights)?;
        }
        model.latent = weights
            .length("encoder.mu.bias", 0)
            .context("there is no encoder/mu/bias among the weights")?;
        let encoder = match model.encoder.levels.len() {
            0 => "encoder",
            _ => "encoder.level_0",
        };
        let core = core(model.decoder.hierarchy.is_some(), model.decoder.split);
        for (units, prefix, direction) in [
            (&mut model.encoder.units, encoder, ".forward"),
            (&mut model.decoder.units, core, ""),
        ] {
            let found = weights.units(prefix, direction);
            if !found.is_empty() {
                *units = found;
            }
            ensure!(
                !units.is_empty(),
                "there are no {prefix} cells of an LSTM among the weights"
            );
        }
        let is_roll = matches!(model.converter.output(), RowLayout::Roll { .. });
        if let Some(hidden) = weights.length(&format!("{core}.nade.encode"), 1)
            && is_roll
        {
            model.decoder.head = Head::Nade(head::Nade { hidden });
        }
        Ok(model)
    }
}

fn missing(key: &str) -> String {
    format!("{key} is missing; {REMEDY}")
}

/// Most keys of an object that are looked at for a wrong one; magenta.js has ten.
const MAX_KEYS: usize = 50;

/// The key without which a `config.json` that cannot be read could be.
fn wrong_key(config: &Value) -> Option<String> {
    fn search(config: &Value, place: &str) -> Option<String> {
        let keys = config.pointer(place)?.as_object()?.keys();
        keys.take(MAX_KEYS).find_map(|key| {
            let mut without = config.clone();
            without.pointer_mut(place)?.as_object_mut()?.remove(key);
            Spec::deserialize(&without).ok()?;
            let key = format!("{place}/{key}");
            Some(search(config, &key).unwrap_or(key))
        })
    }
    let place = search(config, "")?;
    Some(place.trim_start_matches('/').replace('/', "."))
}

/// Takes the levels and parts of `model` from the names of its weights.
fn find_hierarchy(
    model: &mut ModelConfig,
    segments: Option<usize>,
    weights: &Renamed,
) -> Result<()> {
    let has_level = |level: &usize| weights.has(&format!("encoder.level_{level}."));
    let n_levels = (0..).take_while(has_level).count();
    let has_conductor = weights.has("decoder.conductor.");
    if n_levels > 0 || has_conductor {
        let n_steps = model.n_steps;
        let segments = segments.with_context(|| {
            let problem = missing("dataConverter.args.numSegments in config.json");
            format!("the weights are those of a hierarchy, but {problem}")
        })?;
        ensure!(
            n_steps.is_multiple_of(segments),
            "{n_steps} rows cannot be cut into {segments} segments (numSegments) of one length"
        );
        let rows = n_steps / segments;
        if has_conductor {
            model.decoder.hierarchy = Some(Hierarchy { segments, rows });
        }
        match n_levels {
            0 => {}
            2 => model.encoder.levels = vec![segments, rows],
            _ => {
                bail!("its encoder has {n_levels} levels, where config.json tells the lengths of 2")
            }
        }
    }
    model.decoder.split = weights.has(&format!("{}.", core(has_conductor, true)));
    Ok(())
}

/// Where the tensors of the first decoder that puts out rows are.
fn core(is_hierarchical: bool, is_split: bool) -> &'static str {
    match (is_hierarchical, is_split) {
        (false, false) => "decoder",
        (false, true) => "decoder.part_0",
        (true, false) => "decoder.core",
        (true, true) => "decoder.core.part_0",
    }
}

fn groove_converter(args: &ArgsSpec, n_controls: usize) -> Result<GrooveConverter> {
    ensure!(
        matches!(args.steps_per_quarter, None | Some(0 | 4)),
        "dataConverter.args.stepsPerQuarter is {:?}, but only grids of 16ths (4) can be imported",
        args.steps_per_quarter
    );
    let hits = if args.split_instruments { 10 } else { 9 };
    Ok(GrooveConverter {
        tapify: args.tapify,
        // magenta.js's taps have no dynamics.
        fixed_velocities: args.tapify,
        humanize: args.humanize,
        split_instruments: args.split_instruments,
        hits_as_controls: n_controls == hits,
        ..GrooveConverter::default()
    })
}

fn melody_converter(args: &ArgsSpec) -> Result<MelodyConverter> {
    let key =
        |name, key: Option<u8>| key.with_context(|| missing(&format!("dataConverter.args.{name}")));
    Ok(MelodyConverter {
        min_pitch: key("minPitch", args.min_pitch)?,
        max_pitch: key("maxPitch", args.max_pitch)?,
        // magenta.js takes a melody of any sound.
        programs: [0, 127],
        ..MelodyConverter::default()
    })
}

fn trio_converter(args: &ArgsSpec, drums: &Classes) -> Result<TrioConverter> {
    let ours = MelodyConverter::default();
    for (name, voice) in [("melArgs", &args.mel_args), ("bassArgs", &args.bass_args)] {
        let voice = voice
            .as_ref()
            .with_context(|| missing(&format!("dataConverter.args.{name}")))?;
        let theirs = melody_converter(voice).with_context(|| name)?;
        ensure!(
            (theirs.min_pitch, theirs.max_pitch) == (ours.min_pitch, ours.max_pitch),
            "dataConverter.args.{name}: keys {} to {}, but only trios of keys {} to {} can be imported",
            theirs.min_pitch,
            theirs.max_pitch,
            ours.min_pitch,
            ours.max_pitch
        );
    }
    ensure!(
        drums.n == N_VOICES,
        "dataConverter.args.drumsArgs.pitchClasses: {} drums, but only trios of {N_VOICES} can be imported",
        drums.n
    );
    Ok(TrioConverter::default())
}

/// The drums that a `config.json` names.
struct Classes {
    n: usize,
    /// The first key of each, if they are not magenta.js's own.
    keys: Option<Vec<u8>>,
    map: &'static DrumMap,
}

impl Classes {
    fn of(classes: Option<&[Vec<u8>]>) -> Result<Self> {
        let Some(classes) = classes else {
            let map = MAPS[0];
            return Ok(Self {
                n: map.pitches.len(),
                keys: None,
                map,
            });
        };
        let keys: Option<Vec<u8>> = classes.iter().map(|keys| keys.first().copied()).collect();
        let keys = keys.context("dataConverter.args.pitchClasses: a drum has no key")?;
        let sets = |keys: &[u8]| keys.iter().copied().collect::<BTreeSet<u8>>();
        let is_map = |map: &&DrumMap| {
            let theirs = classes.iter().map(|keys| sets(keys));
            map.pitches.iter().map(|keys| sets(keys)).eq(theirs)
        };
        let map = MAPS.into_iter().find(is_map);
        if map.is_none() && classes.len() == N_VOICES {
            bail!(
                "dataConverter.args.pitchClasses: these nine drums are none of the maps {}",
                MAPS.map(|map| map.name).join(", ")
            );
        }
        Ok(Self {
            n: classes.len(),
            keys: Some(keys),
            map: map.unwrap_or(&DrumMap::GM),
        })
    }

    /// Whether a converter plays these keys.
    fn check_keys(&self, converter: &DrumsConverter) -> Result<()> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let roll = Converter::from(DrumsConverter {
            output: DrumRows::Roll,
            ..converter.clone()
        });
        roll.check().context("dataConverter.args.pitchClasses")?;
        let all = Rows::of_bits(roll.output(), vec![(1 << self.n) - 1]);
        let ours = roll.notes(&all, self.map).into_iter();
        let ours: Vec<u8> = ours.map(|note| note.pitch).collect();
        ensure!(
            ours == *keys,
            "dataConverter.args.pitchClasses: the drums are others than ours, or in another order: {keys:?} instead of \
             {ours:?}"
        );
        Ok(())
    }
}
