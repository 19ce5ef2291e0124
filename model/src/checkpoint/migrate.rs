//! Descriptions of older formats, brought up to date before they are read.

use serde_json::{Value, json};

/// The oldest format that can be read.
pub(super) const OLDEST: u64 = 2;

/// Brings a checkpoint's description of any format since [`OLDEST`] up to the newest one.
pub(super) fn metadata(metadata: &mut Value) {
    if let Some(model) = metadata.get_mut("config") {
        config(model);
    }
    metadata["format_version"] = json!(super::FORMAT_VERSION);
}

/// Brings the JSON of a [`ModelConfig`](crate::config::ModelConfig) up to date; one that is, stays as it is.
///
/// Up to format 2 a decoder had the hidden units of a NADE head beside the head's name, and its hierarchy as a list of
/// two numbers.
pub fn config(config: &mut Value) {
    let Some(decoder) = config.get_mut("decoder").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(hidden) = decoder.remove("nade_hidden") {
        let kind = decoder.remove("head");
        decoder.insert("head".to_owned(), json!({"kind": kind, "hidden": hidden}));
    }
    let levels = decoder.remove("levels");
    if let Some([segments, rows]) = levels.as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        let hierarchy = json!({"segments": segments, "rows": rows});
        decoder.insert("hierarchy".to_owned(), hierarchy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_hierarchies_of_format_2_are_those_of_today() {
        let decoder = |more: &Value| json!({"decoder": more, "latent": 3});
        for (old, new) in [
            (
                json!({"head": "groove", "units": [4]}),
                json!({"head": "groove", "units": [4]}),
            ),
            (
                json!({"head": "nade", "nade_hidden": 128, "units": [4], "levels": [4, 16]}),
                json!({
                    "head": {"kind": "nade", "hidden": 128},
                    "units": [4],
                    "hierarchy": {"segments": 4, "rows": 16}
                }),
            ),
        ] {
            let mut migrated = decoder(&old);
            config(&mut migrated);
            assert_eq!(migrated, decoder(&new));
            config(&mut migrated);
            assert_eq!(migrated, decoder(&new));
        }
    }
}
