//! `fourbar presets`: the models that can be trained.

use crate::config::Config;
use std::io::{self, Write as _};

/// Arguments of `fourbar presets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show every setting of this preset, in the form of a file that `train --preset FILE.toml` reads
    pub name: Option<String>,
}

/// Lists the presets, or shows one.
///
/// # Errors
/// If there is no preset of the name, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if let Some(name) = &args.name {
        write!(out, "{}", toml::to_string(&Config::preset(name)?)?)?;
        return Ok(());
    }
    for config in Config::presets()? {
        let shapes = config.model.tensors();
        let n_parameters: usize = shapes
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        writeln!(out, "{}", config.model.preset)?;
        writeln!(out, "    {}", config.description)?;
        writeln!(
            out,
            "    {} parameters. {}.",
            thousands(n_parameters),
            config.source
        )?;
        if !config.aliases.is_empty() {
            writeln!(out, "    Also {}.", config.aliases.join(", "))?;
        }
    }
    Ok(())
}

/// A number with a comma after every three digits.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!(
            [7, 123, 4_085_019].map(thousands),
            ["7", "123", "4,085,019"]
        );
    }
}
