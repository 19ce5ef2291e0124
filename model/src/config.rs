//! What a model is: the rows it reads and writes, and the sizes of its networks.

use crate::conditions::Conditions;
use crate::converter::{Converter, GrooveConverter};
use crate::drums::N_VOICES;
use crate::error::Error;
use crate::groove::STEPS_PER_BAR;
use crate::head::{self, Head};
use crate::rows::RowLayout;
use serde::{Deserialize, Serialize};

/// The longest sequence, in rows.
const MAX_STEPS: usize = 1024;
/// The most layers of a network.
const MAX_LAYERS: usize = 8;
/// The most units of a layer, and numbers of a latent.
const MAX_WIDTH: usize = 4096;

/// Everything that determines a model but its weights. It travels with them, so that a checkpoint needs no preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Name of the preset that this configuration came from.
    pub preset: String,
    /// Length of one sequence, in rows: 16th steps.
    pub n_steps: usize,
    /// Width of the latent vector.
    pub latent: usize,
    /// Names of the styles that it can be asked for; none if it was trained without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub styles: Vec<String>,
    /// How music becomes rows, and rows become music.
    pub converter: Converter,
    /// The network from rows to the latent.
    pub encoder: EncoderConfig,
    /// The network from the latent to rows.
    pub decoder: DecoderConfig,
}

/// Sizes of an encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// Units of each direction of each layer; in a hierarchy, of each of its levels.
    pub units: Vec<usize>,
    /// Lengths of the levels of a hierarchy, the one next to the latent first: `[4, 16]` reads 4 segments of 16 rows. A
    /// flat encoder has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<usize>,
    /// Whether a layer's input is added to its output.
    #[serde(default)]
    pub residual: bool,
}

/// Sizes of a decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// How a row is made of the decoder's numbers.
    #[serde(deserialize_with = "head::by_name_or_table")]
    pub head: Head,
    /// Units of each layer; in a hierarchy, of the conductor and of the core.
    pub units: Vec<usize>,
    /// How the sequence is cut, if a conductor decides what each segment is decoded from; a flat decoder has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy: Option<Hierarchy>,
    /// Whether each choice of a row (melody, bass and drums of a trio) has a core of its own.
    #[serde(default)]
    pub split: bool,
    /// Whether a layer's input is added to its output.
    #[serde(default)]
    pub residual: bool,
}

/// A sequence in segments of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchy {
    /// Number of segments.
    pub segments: usize,
    /// Rows of each.
    pub rows: usize,
}

/// One of the independent decoders that a row is put together from; all but a split decoder have one.
#[derive(Debug, Clone)]
pub(crate) struct PartConfig {
    /// Prefix of its tensors.
    pub(crate) prefix: String,
    /// What its columns of a row mean.
    pub(crate) layout: RowLayout,
    /// Its first column in a row.
    pub(crate) first_column: usize,
}

impl ModelConfig {
    /// A flat model of grooves with nine drums.
    #[must_use]
    pub fn flat_groove(
        preset: &str,
        n_steps: usize,
        latent: usize,
        encoder_units: Vec<usize>,
        decoder_units: Vec<usize>,
    ) -> Self {
        Self {
            preset: preset.to_owned(),
            n_steps,
            latent,
            styles: Vec::new(),
            converter: Converter::Groove(GrooveConverter::default()),
            encoder: EncoderConfig {
                units: encoder_units,
                levels: Vec::new(),
                residual: false,
            },
            decoder: DecoderConfig {
                head: Head::Groove(head::Groove),
                units: decoder_units,
                hierarchy: None,
                split: false,
                residual: false,
            },
        }
    }

    /// Whether the model is one that the fast decoder knows: flat, of nine-drum grooves, without controls.
    #[must_use]
    pub fn is_flat_groove(&self) -> bool {
        let decoder = &self.decoder;
        self.converter.output() == (RowLayout::Groove { drums: N_VOICES })
            && self.controls() == 0
            && matches!(decoder.head, Head::Groove(_))
            && decoder.hierarchy.is_none()
            && !decoder.residual
    }

    /// Whether a style can be asked for.
    #[must_use]
    pub fn takes_style(&self) -> bool {
        !self.styles.is_empty()
    }

    /// Whether a tempo can be asked for.
    #[must_use]
    pub fn takes_tempo(&self) -> bool {
        self.decoder.head.kind().takes_tempo()
    }

    /// Whether cells can be given that the model completes.
    #[must_use]
    pub fn takes_known(&self) -> bool {
        self.decoder.head.kind().takes_known()
    }

    /// Refuses a configuration that cannot be built.
    ///
    /// # Errors
    /// The first thing that does not fit, and what would.
    pub fn check(&self) -> Result<(), String> {
        self.converter.check().map_err(|error| error.to_string())?;
        check_size("n_steps", self.n_steps, MAX_STEPS)?;
        check_size("latent", self.latent, MAX_WIDTH)?;
        let head = &self.decoder.head;
        for (name, size) in head.kind().sizes() {
            check_size(&format!("decoder.head.{name}"), size, MAX_WIDTH)?;
        }
        for (name, units) in [
            ("encoder.units", &self.encoder.units),
            ("decoder.units", &self.decoder.units),
        ] {
            check_size(&format!("the number of {name}"), units.len(), MAX_LAYERS)?;
            for units in units {
                check_size(name, *units, MAX_WIDTH)?;
            }
        }
        for part in self.parts() {
            if !head.consumes(&part.layout) {
                let remedy = match head::fitting(&part.layout)[..] {
                    [] => "no head consumes such rows yet: choose another converter".to_owned(),
                    ref heads => format!(
                        "choose the head `{}`, or another converter",
                        heads.join("` or `")
                    ),
                };
                return Err(format!(
                    "decoder.head: the converter gives {}, but a {} head consumes {}: {remedy}",
                    part.layout,
                    head.name(),
                    head.kind().consumes_words()
                ));
            }
        }
        if self.decoder.split && !matches!(self.converter.output(), RowLayout::OneHots { .. }) {
            return Err(format!(
                "decoder.split needs rows of several choices, such as a trio's, but the converter gives {}",
                self.converter.output()
            ));
        }
        let decoder = &self.decoder;
        let is_flat = decoder.hierarchy.is_none() && !decoder.residual && !decoder.split;
        if matches!(head, Head::Cells(_)) && !is_flat {
            return Err(
                "decoder.head: a decoder of cells is flat: leave out decoder.hierarchy, residual and split".to_owned(),
            );
        }
        let rows_per_step = self.converter.rows_per_step();
        if !self.n_steps.is_multiple_of(rows_per_step) {
            return Err(format!(
                "n_steps is {}, but the converter gives {rows_per_step} rows for each step of music",
                self.n_steps
            ));
        }
        let levels = &self.encoder.levels;
        if levels.len() == 1 || !levels.is_empty() && !multiply_to(levels, self.n_steps) {
            return Err(format!(
                "encoder.levels is {levels:?}: the lengths of two or more levels must multiply to n_steps, {}",
                self.n_steps
            ));
        }
        if let Some(Hierarchy { segments, rows }) = self.decoder.hierarchy
            && !multiply_to(&[segments, rows], self.n_steps)
        {
            return Err(format!(
                "decoder.hierarchy is {segments} segments of {rows} rows: they must multiply to n_steps, {}",
                self.n_steps
            ));
        }
        Ok(())
    }

    /// Whether the model takes these conditions, and is given the controls that it needs.
    ///
    /// # Errors
    /// [`Error::Request`] naming the condition that does not fit, and the remedy.
    pub fn check_conditions(&self, conditions: &Conditions) -> Result<(), Error> {
        let name = &self.preset;
        let refuse = |problem: String| Err(Error::Request(format!("the model {name} {problem}")));
        match conditions.style {
            Some(_) if !self.takes_style() => {
                return refuse(
                    "knows no styles, so none can be asked for: leave the style out, or choose a model that was trained \
                     with styles"
                        .to_owned(),
                );
            }
            Some(style) if style >= self.styles.len() => {
                return refuse(format!(
                    "has no style {style}: choose one of 0 to {}, which are {}",
                    self.styles.len() - 1,
                    self.styles.join(", ")
                ));
            }
            _ => {}
        }
        match conditions.tempo_bpm {
            Some(_) if !self.takes_tempo() => {
                return refuse(
                    "plays the same at every tempo, so none can be asked for: leave the tempo out, or choose a model that \
                     was trained with tempos"
                        .to_owned(),
                );
            }
            Some(bpm) if !(bpm.is_finite() && bpm > 0.0) => {
                return refuse(format!(
                    "cannot play {bpm} beats a minute: give a tempo above 0"
                ));
            }
            _ => {}
        }
        match &conditions.known {
            Some(_) if !self.takes_known() => {
                return refuse(
                    "makes whole sequences, so no part can be given: leave the known parts out, or choose a model that \
                     was trained to complete them"
                        .to_owned(),
                );
            }
            Some(known) if known.n_steps() != self.window_steps() => {
                return refuse(format!(
                    "plays {} steps, but {} are given as known: give as many as it plays",
                    self.window_steps(),
                    known.n_steps()
                ));
            }
            _ => {}
        }
        let n_bars = self.window_steps() / STEPS_PER_BAR;
        match &conditions.fills {
            Some(_) if !self.takes_known() => {
                return refuse(
                    "has not learned what a fill is, so none can be asked for: leave the fills out, or choose a model that \
                     was trained with them"
                        .to_owned(),
                );
            }
            Some(fills) if fills.len() != n_bars => {
                return refuse(format!(
                    "plays {n_bars} bars, but fills are asked for in {}: say of each bar whether it is one",
                    fills.len()
                ));
            }
            _ => {}
        }
        match (self.converter.controls(), &conditions.controls) {
            (None, None) => Ok(()),
            (None, Some(_)) => refuse("has no controls to be given: leave them out".to_owned()),
            (Some(layout), None) => refuse(format!("has to be given its controls: {layout}")),
            (Some(layout), Some(rows))
                if *rows.layout() != layout || rows.n_steps() != self.n_steps =>
            {
                refuse(format!(
                    "has to be given {} steps of {layout} as controls, found {} steps of {}",
                    self.n_steps,
                    rows.n_steps(),
                    rows.layout()
                ))
            }
            _ => Ok(()),
        }
    }

    /// Numbers that the encoder reads at a step: the input's row and the control row.
    #[must_use]
    pub fn encoder_input(&self) -> usize {
        self.converter.input().width() + self.controls()
    }

    /// Numbers of a control row; 0 where there are no controls.
    #[must_use]
    pub fn controls(&self) -> usize {
        self.converter.controls().map_or(0, |layout| layout.width())
    }

    /// Length of one sequence in 16th steps.
    #[must_use]
    pub fn window_steps(&self) -> usize {
        self.n_steps / self.converter.rows_per_step()
    }

    /// Rows of a segment: all of them if the decoder is flat.
    #[must_use]
    pub fn segment_steps(&self) -> usize {
        let hierarchy = self.decoder.hierarchy;
        hierarchy.map_or(self.n_steps, |hierarchy| hierarchy.rows)
    }

    pub(crate) fn parts(&self) -> Vec<PartConfig> {
        let layout = self.converter.output();
        let core = if self.decoder.hierarchy.is_none() {
            "decoder"
        } else {
            "decoder.core"
        };
        match layout {
            RowLayout::OneHots { classes } if self.decoder.split => {
                let mut first_column = 0;
                let part = |(i, classes)| {
                    let part = PartConfig {
                        prefix: format!("{core}.part_{i}"),
                        layout: RowLayout::OneHot { classes },
                        first_column,
                    };
                    first_column += classes;
                    part
                };
                classes.into_iter().enumerate().map(part).collect()
            }
            layout => vec![PartConfig {
                prefix: core.to_owned(),
                layout,
                first_column: 0,
            }],
        }
    }
}

fn multiply_to(lengths: &[usize], product: usize) -> bool {
    let lengths = lengths.iter();
    lengths
        .copied()
        .try_fold(1_usize, usize::checked_mul)
        .is_some_and(|found| found == product)
}

fn check_size(name: &str, size: usize, max: usize) -> Result<(), String> {
    if (1..=max).contains(&size) {
        return Ok(());
    }
    Err(format!("{name} is {size}, expected 1 to {max}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::conditions::Known;
    use crate::groove::Groove;
    use crate::rows::Rows;

    fn groovae_4bar() -> ModelConfig {
        ModelConfig::flat_groove("groovae_4bar", 64, 256, vec![512], vec![256, 256])
    }

    fn n_parameters(config: &ModelConfig) -> usize {
        config.check().unwrap();
        config.n_parameters()
    }

    #[test]
    fn groovae_4bar_has_as_many_parameters_as_magenta_s() {
        assert_eq!(n_parameters(&groovae_4bar()), 4_085_019);
    }

    #[test]
    fn the_hierarchical_decoder_of_the_report_has_its_parameters() {
        // The report's model has a categorical head of 27 classes on 27 numbers; the sizes are those of the groove head.
        let mut config = groovae_4bar();
        config.decoder.hierarchy = Some(Hierarchy {
            segments: 8,
            rows: 8,
        });
        assert_eq!(n_parameters(&config), 5_137_691);
    }

    #[test]
    fn the_pair_of_the_report_is_refused_by_name() {
        let mut config = groovae_4bar();
        config.decoder.head = Head::Categorical(head::Categorical);
        let problem = config.check().unwrap_err();
        for words in [
            "groove rows of 9 drums",
            "categorical head consumes one of several classes",
            "`groove`",
        ] {
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn a_condition_that_a_model_was_not_trained_with_is_refused_with_the_remedy() {
        let config = ModelConfig::flat_groove("plain", 32, 4, vec![4], vec![4]);
        let mut styled = config.clone();
        styled.styles = vec!["funk".to_owned(), "rock".to_owned()];
        let problem = |conditions: &Conditions, config: &ModelConfig| {
            config.check_conditions(conditions).unwrap_err().to_string()
        };
        let style = |style| Conditions {
            style: Some(style),
            ..Conditions::default()
        };
        assert!(problem(&style(0), &config).contains("leave the style out"));
        assert!(styled.check_conditions(&style(1)).is_ok());
        assert!(problem(&style(2), &styled).contains("0 to 1, which are funk, rock"));
        let tempo = Conditions {
            tempo_bpm: Some(120.0),
            ..Conditions::default()
        };
        assert!(problem(&tempo, &config).contains("leave the tempo out"));
        let known = Conditions {
            known: Some(Known::hits(&Groove::empty(32))),
            ..Conditions::default()
        };
        assert!(problem(&known, &config).contains("leave the known parts out"));
        let roll = Rows::of_bits(RowLayout::Roll { classes: 9 }, vec![0; 32]);
        let controls = Conditions::of_controls(Some(roll));
        assert!(problem(&controls, &config).contains("plain has no controls"));
        assert!(config.check_conditions(&Conditions::default()).is_ok());
    }

    #[test]
    fn lengths_that_do_not_multiply_are_refused() {
        for (segments, rows) in [(4, 15), (0, 16), (1 << 60, 1 << 60)] {
            let mut config = groovae_4bar();
            config.decoder.hierarchy = Some(Hierarchy { segments, rows });
            let problem = config.check().unwrap_err();
            assert!(problem.contains("multiply to n_steps, 64"), "{problem}");
        }
        for levels in [vec![4, 15], vec![64], vec![2, 2, 15], vec![0, 16]] {
            let mut config = groovae_4bar();
            config.encoder.levels = levels;
            let problem = config.check().unwrap_err();
            assert!(problem.contains("multiply to n_steps, 64"), "{problem}");
        }
    }
}
