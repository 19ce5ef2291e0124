//! magenta.js's form.

use super::*;
use half::f16;
use serde_json::{Value, json};

/// A folder with a manifest and its shards.
fn model(manifest: &Value, shards: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let text = manifest.to_string().into_bytes();
    folder(&[&[("weights_manifest.json", text)], shards].concat())
}

/// One group of one shard called `shard` with one tensor called `w`.
fn one(shape: Value, dtype: &str, quantization: Value) -> Value {
    let mut weight = json!({"name": "w", "shape": shape, "dtype": dtype});
    if !quantization.is_null() {
        weight["quantization"] = quantization;
    }
    json!([{"paths": ["shard"], "weights": [weight]}])
}

#[test]
fn tensors_lie_one_after_another_across_shards_and_groups() {
    let manifest = json!([
        {"paths": ["a", "deep/b"], "weights": [
            {"name": "one", "shape": [2, 2], "dtype": "float32"},
            {"name": "global_step", "shape": [], "dtype": "int32"},
            {"name": "two", "shape": [], "dtype": "float32"},
        ]},
        {"paths": ["c"], "weights": [{"name": "three", "shape": [3], "dtype": "float16"}]},
    ]);
    let mut first = singles(&[1.0, -2.5, 3.0, 4.0]);
    first.extend(7_i32.to_le_bytes());
    first.extend(singles(&[0.125]));
    let second = first.split_off(6);
    let third = [0.5, -1.0, 65504.0]
        .map(|x| f16::from_f32(x).to_le_bytes())
        .concat();
    let config = json!({"type": "MusicVAE"});
    let model = model(
        &manifest,
        &[
            ("a", first),
            ("deep/b", second),
            ("c", third),
            ("config.json", config.to_string().into_bytes()),
        ],
    );
    let weights = Weights::read(model.path()).unwrap();
    let expected = [
        ("one", tensor(&[2, 2], &[1.0, -2.5, 3.0, 4.0])),
        ("three", tensor(&[3], &[0.5, -1.0, 65504.0])),
        ("two", tensor(&[], &[0.125])),
    ];
    assert_eq!(
        weights.tensors,
        expected
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .into()
    );
    assert_eq!(weights.config, Some(config));
    let by_file = Weights::read(&at(&model, "weights_manifest.json")).unwrap();
    assert_eq!(by_file.tensors, weights.tensors);
}

#[test]
fn quantised_tensors_are_scaled_back() {
    let of = |quantization: Value, bytes: Vec<u8>| {
        let model = model(
            &one(json!([3]), "float32", quantization),
            &[("shard", bytes)],
        );
        Weights::read(model.path()).unwrap().tensors["w"]
            .values
            .clone()
    };
    let eight = json!({"dtype": "uint8", "scale": 0.5, "min": -3.0});
    assert_eq!(of(eight, vec![0, 1, 255]), [-3.0, -2.5, 124.5]);
    let sixteen = json!({"dtype": "uint16", "scale": 0.25, "min": -1.0});
    assert_eq!(
        of(sixteen, vec![0, 0, 1, 0, 0xff, 0xff]),
        [-1.0, -0.75, 16382.75]
    );
    let halves = [0.5, -1.0, 2.0]
        .map(|x| f16::from_f32(x).to_le_bytes())
        .concat();
    assert_eq!(of(json!({"dtype": "float16"}), halves), [0.5, -1.0, 2.0]);
}

#[test]
fn a_manifest_that_cannot_be_true_is_refused() {
    let cases = [
        (one(json!([-1]), "float32", Value::Null), "[-1]"),
        (
            one(json!([1_u64 << 40, 1_u64 << 40]), "float32", Value::Null),
            "is not that of a weight",
        ),
        (
            one(json!([1_u64 << 31]), "float32", Value::Null),
            "more than 4 GiB",
        ),
        (
            one(json!([2, 1_u64 << 62, 3]), "float32", Value::Null),
            "is not that of a weight",
        ),
        (
            one(json!([1, 1, 1, 1, 1, 1, 1, 1, 1]), "float32", Value::Null),
            "9 axes",
        ),
        (
            one(json!([1.5]), "float32", Value::Null),
            "not a weights manifest",
        ),
        (
            one(json!([2]), "string", Value::Null),
            "\"string\", expected \"float32\"",
        ),
        (one(json!([2]), "int32", Value::Null), "\"int32\""),
        (
            one(json!([2]), "float32", json!({"dtype": "uint8"})),
            "no scale and min",
        ),
        (
            one(
                json!([2]),
                "float32",
                json!({"dtype": "int4", "scale": 1, "min": 0}),
            ),
            "\"int4\"",
        ),
        (json!({"weights": []}), "not a weights manifest"),
        (json!([{"paths": ["shard"]}]), "weights"),
    ];
    for (manifest, problem) in cases {
        let model = model(&manifest, &[("shard", vec![0; 8])]);
        assert_says(
            &problem_of(model.path()),
            &["weights_manifest.json", problem],
        );
    }
    let not_json = folder(&[("weights_manifest.json", b"\xff\xfe".to_vec())]);
    assert_says(&problem_of(not_json.path()), &["not a weights manifest"]);
}

#[test]
fn shards_of_the_wrong_length_name_the_first_incomplete_tensor() {
    let weight = |name: &str| json!({"name": name, "shape": [2], "dtype": "float32"});
    let manifest = json!([{"paths": ["a", "b"], "weights": [weight("x"), weight("y")]}]);
    for (length, parts) in [
        (7, ["16 bytes", "have 11", "`y` is not complete"]),
        (0, ["16 bytes", "have 4", "`x` is not complete"]),
        (13, ["16 bytes", "have 17", "download"]),
    ] {
        let model = model(&manifest, &[("a", vec![0; 4]), ("b", vec![0; length])]);
        assert_says(&problem_of(model.path()), &parts);
    }
    let missing = model(&manifest, &[("a", vec![0; 4])]);
    assert_says(&problem_of(missing.path()), &["b", "missing", "download"]);
}

#[test]
fn a_path_out_of_the_models_folder_is_never_followed() {
    let outside = folder(&[("shard", vec![0; 4]), ("model/x", vec![])]);
    let inside = at(&outside, "model");
    let absolute = at(&outside, "shard").display().to_string();
    for path in ["../shard", "deep/../../shard", "..\\shard", &absolute] {
        let manifest = json!([{"paths": [path], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}]}]);
        std::fs::write(inside.join("weights_manifest.json"), manifest.to_string()).unwrap();
        assert_says(&problem_of(&inside), &["leaves the folder", "shard"]);
    }
}

#[test]
fn a_tensor_listed_twice_or_not_finite_is_named() {
    let weight = json!({"name": "w", "shape": [1], "dtype": "float32"});
    let twice = json!([
        {"paths": ["a"], "weights": [weight]},
        {"paths": ["a"], "weights": [weight]},
    ]);
    let twice = model(&twice, &[("a", vec![0; 4])]);
    assert_says(&problem_of(twice.path()), &["`w`", "twice"]);
    let nan = model(
        &one(json!([2]), "float32", Value::Null),
        &[("shard", singles(&[1.0, f32::NAN]))],
    );
    assert_says(&problem_of(nan.path()), &["`w`", "value 1 is NaN"]);
}
