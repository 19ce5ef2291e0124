//! Magenta's names of tensors, and ours.

use super::tensor::RawTensor;
use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use fourbar_model::config::ModelConfig;
use std::collections::BTreeMap;

/// Most tensors of a kind that a message lists.
const MAX_LISTED: usize = 50;

/// Our name of the tensor that Magenta calls `name`; `None` if no model that we can build has it.
///
/// # Source
/// The variable scopes of Magenta's `lstm_models.py`.
pub(super) fn our_name(name: &str) -> Option<String> {
    // TensorFlow numbers the outputs of an operation; a variable has one.
    let name = name.strip_suffix(":0").unwrap_or(name);
    let parts: Vec<&str> = name.split('/').collect();
    let (last, layer) = parts.split_last()?;
    match layer {
        ["encoder", layer @ ("mu" | "sigma")] => weight(&format!("encoder.{layer}"), last),
        ["encoder", cell, rest @ ..] if is_numbered(cell, "cell_") => {
            weight(&format!("encoder.{cell}.{}", direction(rest)?), last)
        }
        ["encoder", level, cell, rest @ ..] if is_numbered(cell, "cell_") => {
            let level = level.strip_prefix("hierarchical_")?;
            let layer = format!("encoder.{level}.{cell}.{}", direction(rest)?);
            is_numbered(level, "level_").then(|| weight(&layer, last))?
        }
        ["decoder", "hierarchical_level_0", "initial_state"] => {
            weight("decoder.conductor.initial_state", last)
        }
        ["decoder", "hierarchical_level_0", cell, "lstm_cell"] if is_numbered(cell, "cell_") => {
            weight(&format!("decoder.conductor.{cell}"), last)
        }
        ["decoder", rest @ ..] => of_core("decoder", rest, last),
        ["core_decoder", "decoder", rest @ ..] => of_core("decoder.core", rest, last),
        ["core_decoder", core, "decoder", rest @ ..] => {
            of_core(&format!("decoder.core.{}", part(core)?), rest, last)
        }
        [core, "decoder", rest @ ..] => of_core(&format!("decoder.{}", part(core)?), rest, last),
        _ => None,
    }
}

/// A layer's kernel or bias.
fn weight(layer: &str, last: &str) -> Option<String> {
    matches!(last, "kernel" | "bias").then(|| format!("{layer}.{last}"))
}

/// Which direction of a bidirectional layer these scopes are.
fn direction(scopes: &[&str]) -> Option<&'static str> {
    match scopes {
        [
            "bidirectional_rnn",
            "fw",
            "multi_rnn_cell",
            "cell_0",
            "lstm_cell",
        ] => Some("forward"),
        [
            "bidirectional_rnn",
            "bw",
            "multi_rnn_cell",
            "cell_0",
            "lstm_cell",
        ] => Some("backward"),
        _ => None,
    }
}

/// A tensor of a decoder that puts out rows.
fn of_core(prefix: &str, layer: &[&str], last: &str) -> Option<String> {
    match (layer, last) {
        (["z_to_initial_state"], _) => weight(&format!("{prefix}.initial_state"), last),
        (["output_projection"], _) => weight(&format!("{prefix}.output"), last),
        (["multi_rnn_cell", cell, "lstm_cell"], _) if is_numbered(cell, "cell_") => {
            weight(&format!("{prefix}.{cell}"), last)
        }
        (["nade"], "w_enc") => Some(format!("{prefix}.nade.encode")),
        (["nade"], "w_dec_t") => Some(format!("{prefix}.nade.decode")),
        _ => None,
    }
}

/// Our name of a decoder that is one of several.
fn part(core: &str) -> Option<String> {
    let part = core.strip_prefix("core_decoder_")?;
    let part = format!("part_{part}");
    is_numbered(&part, "part_").then_some(part)
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The weights of a model by our names, and what else there was.
pub(super) struct Renamed {
    /// The tensor and what Magenta calls it.
    pub(super) tensors: BTreeMap<String, (String, RawTensor)>,
    /// What is said of tensors that look like a model's, but have no place in one that we can build.
    strangers: Vec<String>,
    /// Names of tensors that do not look like a model's. They are left out of one that is whole without them.
    pub(super) others: Vec<String>,
}

impl Renamed {
    pub(super) fn of(tensors: BTreeMap<String, RawTensor>) -> Self {
        let mut renamed = Self {
            tensors: BTreeMap::new(),
            strangers: Vec::new(),
            others: Vec::new(),
        };
        for (name, mut tensor) in tensors {
            let Some(ours) = our_name(&name) else {
                if is_of_a_model(&name) {
                    renamed
                        .strangers
                        .push(format!("no place for `{name}` {:?}", tensor.shape));
                } else {
                    renamed.others.push(name);
                }
                continue;
            };
            // NADE's matrices have an axis of length 1 for a product that we write otherwise.
            if ours.contains(".nade.") && tensor.shape.len() == 3 {
                tensor.shape.retain(|length| *length != 1);
            }
            if let Some((other, _)) = renamed.tensors.insert(ours, (name.clone(), tensor)) {
                renamed
                    .strangers
                    .push(format!("`{name}` and `{other}` are the same layer"));
            }
        }
        renamed
    }

    /// Refuses weights of which no tensor has a name that we know.
    pub(super) fn check(&self) -> Result<()> {
        if self.tensors.is_empty() {
            bail!(
                "none of these tensors is one of a MusicVAE or GrooVAE as Magenta names them:{}",
                listed(self.without_place())
            );
        }
        Ok(())
    }

    /// What is said of every tensor that has no place in a model, for an error: one of them may be what is missing under
    /// another name.
    pub(super) fn without_place(&self) -> Vec<String> {
        let others = self
            .others
            .iter()
            .map(|name| format!("no place for `{name}`"));
        self.strangers.iter().cloned().chain(others).collect()
    }

    /// Length of an axis of the tensor that we call `name`.
    pub(super) fn length(&self, name: &str, axis: usize) -> Option<usize> {
        self.tensors.get(name)?.1.shape.get(axis).copied()
    }

    /// Whether there are tensors whose names begin so.
    pub(super) fn has(&self, prefix: &str) -> bool {
        let first = self.tensors.range(prefix.to_owned()..).next();
        first.is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// Units of the layers `cell_0`, `cell_1`, … below a prefix; `direction` ends the names of bidirectional ones.
    pub(super) fn units(&self, prefix: &str, direction: &str) -> Vec<usize> {
        (0..)
            .map_while(|i| self.length(&format!("{prefix}.cell_{i}{direction}.bias"), 0))
            .map(|gates| gates / 4)
            .collect()
    }

    /// The tensors that a model of this configuration has.
    ///
    /// # Errors
    /// If one is missing, has another shape or has no place; the text lists them all, and those that do not look like a
    /// model's.
    pub(super) fn fit(
        self,
        config: &ModelConfig,
        origin: &str,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut without_place = self.without_place();
        let is_whole = self.strangers.is_empty();
        let mut found = self.tensors;
        let mut problems = Vec::new();
        let mut tensors = BTreeMap::new();
        for (name, shape) in config.tensors() {
            match found.remove(&name) {
                None => problems.push(format!("`{name}` {shape:?} is missing")),
                Some((theirs, tensor)) if tensor.shape != shape => problems.push(format!(
                    "`{theirs}` is {:?}, but the model's `{name}` is {shape:?}",
                    tensor.shape
                )),
                Some((_, tensor)) => {
                    let tensor = Tensor::from_vec(tensor.values, shape, &Device::Cpu)?;
                    tensors.insert(name, tensor);
                }
            }
        }
        if problems.is_empty() && found.is_empty() && is_whole {
            return Ok(tensors);
        }
        let left = found.values();
        without_place.extend(
            left.map(|(theirs, tensor)| format!("no place for `{theirs}` {:?}", tensor.shape)),
        );
        bail!(
            "{origin}: these weights are not those of the model {}; choose another preset, or weights that are \
             complete:{}{}",
            config.preset,
            listed(problems),
            listed(without_place)
        )
    }
}

/// Lines of an error, not more than can be read; empty without any.
pub(super) fn listed(mut lines: Vec<String>) -> String {
    let n_more = lines.len().saturating_sub(MAX_LISTED);
    lines.truncate(MAX_LISTED);
    if n_more > 0 {
        lines.push(format!("… and {n_more} more"));
    }
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// Whether a name stands in the scope of an encoder or decoder, and not beside the model.
fn is_of_a_model(name: &str) -> bool {
    let scope = name.split('/').next().unwrap_or(name);
    [
        "encoder",
        "decoder",
        "core_decoder",
        "control_preprocessing",
    ]
    .iter()
    .any(|known| scope.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_magentas_models_has_one_of_ours() {
        for (theirs, ours) in [
            (
                "encoder/cell_1/bidirectional_rnn/bw/multi_rnn_cell/cell_0/lstm_cell/kernel",
                "encoder.cell_1.backward.kernel",
            ),
            (
                "encoder/hierarchical_level_1/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias",
                "encoder.level_1.cell_0.forward.bias",
            ),
            ("encoder/sigma/kernel:0", "encoder.sigma.kernel"),
            (
                "decoder/z_to_initial_state/bias",
                "decoder.initial_state.bias",
            ),
            (
                "decoder/multi_rnn_cell/cell_2/lstm_cell/kernel",
                "decoder.cell_2.kernel",
            ),
            ("decoder/nade/w_enc", "decoder.nade.encode"),
            (
                "decoder/hierarchical_level_0/initial_state/kernel",
                "decoder.conductor.initial_state.kernel",
            ),
            (
                "decoder/hierarchical_level_0/cell_1/lstm_cell/bias",
                "decoder.conductor.cell_1.bias",
            ),
            (
                "core_decoder/decoder/output_projection/bias",
                "decoder.core.output.bias",
            ),
            (
                "core_decoder/decoder/nade/w_dec_t",
                "decoder.core.nade.decode",
            ),
            (
                "core_decoder/core_decoder_2/decoder/multi_rnn_cell/cell_0/lstm_cell/bias",
                "decoder.core.part_2.cell_0.bias",
            ),
            (
                "core_decoder_0/decoder/output_projection/kernel",
                "decoder.part_0.output.kernel",
            ),
        ] {
            assert_eq!(our_name(theirs).as_deref(), Some(ours));
        }
    }

    #[test]
    fn lists_in_errors_have_an_end() {
        assert_eq!(listed(Vec::new()), "");
        let lines = (0..1000).map(|n| format!("tensor {n}"));
        let text = listed(lines.collect());
        assert_eq!(text.lines().count(), 1 + MAX_LISTED + 1);
        assert!(text.ends_with("\n  … and 950 more"));
    }

    #[test]
    fn names_of_other_things_have_none() {
        for name in [
            "",
            "kernel",
            "encoder/mu/w_enc",
            "encoder/cell_/bidirectional_rnn/bw/multi_rnn_cell/cell_0/lstm_cell/kernel",
            "encoder/cell_0/bidirectional_rnn/up/multi_rnn_cell/cell_0/lstm_cell/kernel",
            "encoder/level_1/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias",
            "decoder/hierarchical_level_1/cell_1/lstm_cell/bias",
            "decoder/nade/kernel",
            "core_decoder/core_decoder_x/decoder/output_projection/bias",
            "control_preprocessing/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/bias",
            "learning_rate",
        ] {
            assert_eq!(our_name(name), None, "{name}");
        }
    }
}
