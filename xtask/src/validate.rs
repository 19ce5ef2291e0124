//! Runs the plugin validators that this machine has on the built plugins.

use std::process::Command;

use anyhow::{Result, bail};

use crate::bundle::{Bundles, FeatureArgs, bundle_for};
use crate::command::{find_program, quoted, run};
use crate::target::Target;

/// A validator that the user may have on `PATH`.
struct Validator {
    program: &'static str,
    source: &'static str,
    command: fn(&Bundles, Command) -> Command,
}

const VALIDATORS: [Validator; 3] = [
    Validator {
        program: "clap-validator",
        source: "free-audio publishes it",
        command: clap_validator,
    },
    Validator {
        program: "validator",
        source: "the VST 3 SDK builds it",
        command: vst3_validator,
    },
    Validator {
        program: "pluginval",
        source: "Tracktion publishes it",
        command: pluginval,
    },
];

/// Builds the plugins and runs every validator found on `PATH`; says which were not found.
///
/// # Errors
/// If the build or a validator fails.
pub(crate) fn validate(args: &FeatureArgs) -> Result<()> {
    let bundles = bundle_for(&Target::here()?, args)?;
    let mut failed = Vec::new();
    for validator in VALIDATORS {
        let Some(program) = find_program(validator.program) else {
            println!(
                "\n== {}: not found on PATH, so not run ({})",
                validator.program, validator.source
            );
            continue;
        };
        let mut command = (validator.command)(&bundles, Command::new(program));
        println!("\n== {}", quoted(&command));
        if let Err(error) = run(&mut command) {
            println!("{error}");
            failed.push(validator.program);
        }
    }
    if !failed.is_empty() {
        bail!("the plugin did not pass {}", failed.join(" and "));
    }
    Ok(())
}

fn clap_validator(bundles: &Bundles, mut command: Command) -> Command {
    command.arg("validate").arg(&bundles.clap);
    command
}

fn vst3_validator(bundles: &Bundles, mut command: Command) -> Command {
    command.arg(&bundles.vst3);
    command
}

/// At the strictest level. It opens the editor, so it needs a screen: a virtual one where there is none.
fn pluginval(bundles: &Bundles, command: Command) -> Command {
    let has_screen = std::env::consts::OS != "linux" || std::env::var_os("DISPLAY").is_some();
    let virtual_screen = find_program("xvfb-run").filter(|_| !has_screen);
    let mut command = match &virtual_screen {
        Some(xvfb_run) => {
            let mut wrapped = Command::new(xvfb_run);
            wrapped.arg("--auto-servernum").arg(command.get_program());
            wrapped
        }
        None => command,
    };
    if !has_screen && virtual_screen.is_none() {
        println!("\nNo screen and no xvfb-run: pluginval leaves the editor out.");
        command.arg("--skip-gui-tests");
    }
    command
        .args(["--strictness-level", "10", "--validate-in-process"])
        .arg("--validate")
        .arg(&bundles.vst3);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_validator_is_pointed_at_its_own_format() {
        let bundles = Bundles {
            clap: "Fourbar.clap".into(),
            vst3: "Fourbar.vst3".into(),
        };
        for validator in VALIDATORS {
            let command = (validator.command)(&bundles, Command::new(validator.program));
            let expected = if validator.program == "clap-validator" {
                "Fourbar.clap`"
            } else {
                "Fourbar.vst3`"
            };
            let line = quoted(&command);
            assert!(
                line.contains(validator.program) && line.ends_with(expected),
                "{line}"
            );
        }
    }
}
