//! `fourbar inspect`: what a checkpoint holds.

use crate::files;
use anyhow::{Context as _, Result};
use fourbar_model::checkpoint::{Checkpoint, Metadata, Precision};
use fourbar_model::config::ModelConfig;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Figures of a report that are worth a line, by their place in it; older reports have those of drums elsewhere.
const HEADLINES: [(&str, &str); 11] = [
    ("/reconstruction/elbo/r_loss_nats", "reconstruction, nats"),
    ("/reconstruction/elbo/kl_bits", "latent, bits"),
    (
        "/reconstruction/teacher_forced/rows/value",
        "rows right, teacher-forced",
    ),
    (
        "/reconstruction/free_running/rows/value",
        "rows right, free-running, most likely",
    ),
    (
        "/reconstruction/free_running_sampled/rows/value",
        "rows right, free-running, sampled",
    ),
    ("/reconstruction/onsets/f1", "onset F1"),
    ("/reconstruction/drums/onsets/f1", "onset F1"),
    ("/reconstruction/timing/mae_ms", "timing error, ms"),
    ("/reconstruction/drums/timing/mae_ms", "timing error, ms"),
    ("/reconstruction/velocity/mae", "velocity error, of 127"),
    (
        "/reconstruction/drums/velocity/mae",
        "velocity error, of 127",
    ),
];

/// Arguments of `fourbar inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checkpoint to look into
    #[arg(value_name = "MODEL", value_parser = files::path_parser())]
    pub model: PathBuf,
    /// Print everything that it says about itself as JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints what a checkpoint holds.
///
/// # Errors
/// If it cannot be read or is damaged.
pub fn run(args: &Args) -> Result<()> {
    let origin = args.model.display().to_string();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {origin}"))?;
    let (checkpoint, precision) = Checkpoint::with_precision(&bytes, &origin)?;
    let text = if args.json {
        as_json(&checkpoint.metadata, precision, bytes.len())? + "\n"
    } else {
        as_text(&checkpoint.metadata, precision, bytes.len())
    };
    write!(io::stdout(), "{text}")?;
    Ok(())
}

/// The description as it is stored, and what follows from it.
fn as_json(metadata: &Metadata, precision: Precision, n_bytes: usize) -> Result<String> {
    let tensors: Vec<Value> = metadata
        .config
        .tensors()
        .into_iter()
        .map(|(name, shape)| json!({"name": name, "shape": shape}))
        .collect();
    let all = json!({
        "bytes": n_bytes,
        "parameters": metadata.config.n_parameters(),
        "precision": precision.to_string(),
        "input": metadata.config.converter.input().to_string(),
        "output": metadata.config.converter.output().to_string(),
        "controls": metadata.config.converter.controls().map(|layout| layout.to_string()),
        "tensors": tensors,
        "description": metadata,
    });
    serde_json::to_string_pretty(&all).context("the description cannot be JSON")
}

/// The description for people: a name and what stands for it on each line.
fn as_text(metadata: &Metadata, precision: Precision, n_bytes: usize) -> String {
    let config = &metadata.config;
    let converter = &config.converter;
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<13} {what}");
    };
    line("preset", &config.preset);
    line("length", &format!("{} rows", config.n_steps));
    line("converter", &settings(&json!(converter)));
    line("reads", &converter.input().to_string());
    line("writes", &converter.output().to_string());
    if let Some(controls) = converter.controls() {
        line("controls", &controls.to_string());
    }
    line(
        "encoder",
        &layers(&config.encoder.units, &config.encoder.levels),
    );
    line("latent", &format!("{} numbers", config.latent));
    let hierarchy = config.decoder.hierarchy.into_iter();
    let decoder_levels: Vec<usize> = hierarchy.flat_map(|cut| [cut.segments, cut.rows]).collect();
    line("decoder", &layers(&config.decoder.units, &decoder_levels));
    line("head", &head_in_words(config));
    let n_parameters = config.n_parameters();
    line(
        "size",
        &format!("{n_parameters} parameters in {precision}, {n_bytes} bytes"),
    );
    line("drum map", &metadata.drum_map);
    line("data", &metadata.dataset.name);
    line("licence", &metadata.dataset.licence);
    line("attribution", &metadata.dataset.attribution);
    if !metadata.dataset.sha256.is_empty() {
        line("sha-256", &metadata.dataset.sha256);
    }
    line("command", &metadata.command);
    line(
        "trained",
        &format!(
            "{} steps, {:.1} passes over the data, seed {}",
            metadata.step, metadata.epochs, metadata.seed
        ),
    );
    for headline in headlines(&metadata.metrics) {
        line("held out", &headline);
    }
    line("directions", &metadata.latent.axes.len().to_string());
    line(
        "styles",
        &or_none(metadata.latent.styles.keys().map(String::as_str)),
    );
    line(
        "attributes",
        &or_none(metadata.attributes.keys().map(String::as_str)),
    );
    text
}

/// What the head consumes, and whether the parts of a row have decoders of their own.
fn head_in_words(config: &ModelConfig) -> String {
    let head = &config.decoder.head;
    let mut words = format!("{}: {}", head.name(), head.kind().consumes_words());
    for (name, size) in head.kind().sizes() {
        words += &format!(", {name} {size}");
    }
    if config.decoder.split {
        words += ", a decoder for each choice";
    }
    words
}

/// The layers of a network and, in a hierarchy, the lengths of its levels.
fn layers(units: &[usize], levels: &[usize]) -> String {
    let join = |numbers: &[usize]| {
        let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
        words.join(" × ")
    };
    if levels.is_empty() {
        format!("flat, LSTM layers of {} units", join_list(units))
    } else {
        format!(
            "hierarchical, {} rows, LSTM layers of {} units",
            join(levels),
            join_list(units)
        )
    }
}

fn join_list(numbers: &[usize]) -> String {
    let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
    words.join(" and ")
}

/// The kind of a converter and those of its settings that say something.
fn settings(converter: &Value) -> String {
    let Some(settings) = converter.as_object() else {
        return converter.to_string();
    };
    let kind = settings.get("kind").and_then(Value::as_str);
    let says_something = |value: &&Value| {
        !value.is_null()
            && **value != json!(false)
            && **value != json!([])
            && value.as_f64() != Some(0.0)
    };
    let others: Vec<String> = settings
        .iter()
        .filter(|(key, _)| *key != "kind")
        .filter(|(_, value)| says_something(value))
        .map(|(key, value)| match value {
            Value::Bool(true) => key.clone(),
            Value::String(word) => format!("{key} {word}"),
            value => format!("{key} {value}"),
        })
        .collect();
    let mut words = kind.unwrap_or_default().to_owned();
    if !others.is_empty() {
        words += &format!(" ({})", others.join(", "));
    }
    words
}

/// The most telling figures of each split that was measured.
fn headlines(metrics: &Value) -> Vec<String> {
    let splits = ["validation", "test"].into_iter();
    splits
        .filter_map(|split| {
            let report = metrics.get(split)?;
            let figures: Vec<String> = HEADLINES
                .iter()
                .filter_map(|(place, words)| {
                    let figure = report.pointer(place)?.as_f64()?;
                    Some(format!("{words} {figure:.3}"))
                })
                .collect();
            (!figures.is_empty()).then(|| format!("{split}: {}", figures.join(", ")))
        })
        .collect()
}

fn or_none<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::models::tiny;
    use fourbar_model::converter::{Converter, GrooveConverter};

    #[test]
    fn a_checkpoint_says_what_it_is_and_where_it_came_from() {
        let mut metadata = tiny::open().metadata;
        metadata.metrics = json!({
            "test": {"reconstruction": {"elbo": {"r_loss_nats": 127.04}, "onsets": {"f1": 0.684}}},
        });
        metadata
            .latent
            .styles
            .insert("funk".to_owned(), vec![0.0; 8]);
        let text = as_text(&metadata, Precision::Half, 12_345);
        for words in [
            "preset        tiny",
            "length        64 rows",
            "writes        groove rows of 9 drums",
            "groove: groove rows (hits, velocities, offsets)",
            "LSTM layers of 16 and 16 units",
            "parameters in half precision, 12345 bytes",
            "licence       none",
            "test: reconstruction, nats 127.040, onset F1 0.684",
            "styles        funk",
            "attributes    none",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
    }

    #[test]
    fn the_settings_of_a_converter_that_differ_from_nothing_are_named() {
        let converter = Converter::Groove(GrooveConverter {
            humanize: true,
            add_instruments: vec![2],
            ..GrooveConverter::default()
        });
        let words = settings(&json!(converter));
        assert_eq!(words, "groove (add_instruments [2], humanize)");
        assert_eq!(
            settings(&json!(Converter::Groove(GrooveConverter::default()))),
            "groove"
        );
    }

    #[test]
    fn the_json_is_everything() {
        let metadata = tiny::open().metadata;
        let json = as_json(&metadata, Precision::Single, 1).unwrap();
        let all: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(all["precision"], "single precision");
        assert_eq!(all["description"]["config"]["preset"], "tiny");
        assert_eq!(all["tensors"][0]["shape"], json!([27 + 8, 4 * 8]));
        assert_eq!(all["controls"], Value::Null);
    }
}
