//! Imported models compute what magenta.js computes from the same weights, and importing loses nothing.
//!
//! Expected numbers: `@magenta/music` 1.23.1; see `fixtures/parity/README.md` and `fixtures/parity_more/README.md`.

use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::conditions::Conditions;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use fourbar_trainer::magenta::import::{self, Imported, Weights};
use fourbar_trainer::magenta::parity;
use half::f16;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder)
}

/// A copy of a case that may be changed.
fn copy_of(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in fixtures("parity").join(name).read_dir().unwrap() {
        let file = file.unwrap();
        fs::write(
            copy.path().join(file.file_name()),
            fs::read(file.path()).unwrap(),
        )
        .unwrap();
    }
    copy
}

fn import(from: &Path, preset: Option<&str>, out: &Path) -> anyhow::Result<()> {
    import::run(&import::Args {
        from: from.to_owned(),
        preset: preset.map(str::to_owned),
        out: out.to_owned(),
    })
}

#[test]
fn every_stage_of_every_model_is_that_of_magenta_js() {
    let mut cases = parity::cases(&fixtures("parity")).unwrap();
    assert_eq!(cases.len(), 9);
    cases.extend(parity::cases(&fixtures("parity_more")).unwrap());
    assert_eq!(cases.len(), 16);
    for case in cases {
        let stages = parity::compare(&case).unwrap();
        assert!(stages.len() >= 5, "{case:?}: {stages:?}");
        for stage in stages {
            assert!(stage.is_within(), "{case:?}: {stage}");
            assert!(stage.n_compared > 0, "{case:?}: {stage}");
        }
    }
}

#[test]
fn a_model_that_is_a_little_off_does_not_pass() {
    let copy = copy_of("groove_flat_64");
    let shard = copy.path().join("group1-shard1of1");
    let mut weights = fs::read(&shard).unwrap();
    for number in weights.as_chunks_mut::<4>().0 {
        *number = f16::from_f32(f32::from_le_bytes(*number))
            .to_f32()
            .to_le_bytes();
    }
    fs::write(&shard, weights).unwrap();
    let stages = parity::compare(copy.path()).unwrap();
    let too_far: Vec<_> = stages.iter().filter(|stage| !stage.is_within()).collect();
    let names: Vec<_> = too_far.iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["mu", "decoded", "reconstruction", "interpolation"]);
    let error = parity::run(&parity::Args {
        folder: copy.path().to_owned(),
    });
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("beyond their bounds")
    );
}

#[test]
fn a_checkpoint_of_tensorflow_holds_the_same_weights() {
    let tfjs = Weights::read(&fixtures("parity/drums_nade_32")).unwrap();
    let packed = fixtures("parity_tensorflow/drums_nade_32.tgz");
    let tensorflow = Weights::read(&packed).unwrap();
    assert_eq!(tensorflow.tensors, tfjs.tensors);
    assert_eq!(tensorflow.tensors.len(), 18);
}

#[test]
fn an_imported_model_is_a_checkpoint_that_plays() {
    let folder = tempfile::tempdir().unwrap();
    for case in parity::cases(&fixtures("parity")).unwrap() {
        let imported = Imported::read(&case, None).unwrap();
        let out = folder.path().join("model.safetensors");
        import(&case, None, &out).unwrap();
        let checkpoint = Checkpoint::from_bytes(&fs::read(&out).unwrap(), "").unwrap();
        assert_eq!(checkpoint.metadata.config, imported.config);
        assert_eq!(
            checkpoint.metadata.config.preset,
            case.file_name().unwrap().to_str().unwrap()
        );
        for (name, tensor) in &imported.tensors {
            let ours = checkpoint.tensors[name]
                .flatten_all()
                .unwrap()
                .to_vec1::<f32>()
                .unwrap();
            let theirs = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(ours, theirs, "{name}");
        }
        let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu).unwrap();
        if imported.config.controls() == 0 {
            let z = vec![0.5; imported.config.latent];
            let rows = vae
                .generate(&z, &Conditions::default(), 1.0, &mut Noise::from_seed(1))
                .unwrap();
            assert_eq!(rows.n_steps(), imported.config.n_steps);
        }
    }
}

#[test]
fn an_imported_file_encodes_as_magenta_js_does() {
    let folder = tempfile::tempdir().unwrap();
    let case = fixtures("parity/groove_flat_64");
    let out = folder.path().join("model.safetensors");
    import(&case, None, &out).unwrap();
    let checkpoint = Checkpoint::from_bytes(&fs::read(&out).unwrap(), "").unwrap();
    let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu).unwrap();

    let golden = fs::read_to_string(case.join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let numbers = |key: &str| -> Vec<f64> {
        let numbers = golden[key].as_array().unwrap().iter();
        numbers.map(|number| number.as_f64().unwrap()).collect()
    };
    #[expect(clippy::cast_possible_truncation, reason = "what the model reads")]
    let input: Vec<f32> = numbers("input").iter().map(|x| *x as f32).collect();
    let x = Tensor::from_vec(input, (1, 64, 27), &Device::Cpu).unwrap();
    let mu: Vec<Vec<f32>> = vae
        .encode(&x, &[Conditions::default()])
        .unwrap()
        .mu
        .to_vec2()
        .unwrap();
    let errors = mu[0]
        .iter()
        .zip(numbers("mu"))
        .map(|(ours, theirs)| (f64::from(*ours) - theirs).abs());
    let largest = errors.fold(0.0, f64::max);
    assert!(largest < 1e-5, "mu is off by {largest}");
}

#[test]
fn a_preset_tells_what_weights_without_a_description_are() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let packed = fixtures("parity_tensorflow/drums_nade_32.tgz");
    let problem = import(&packed, None, &out).unwrap_err().to_string();
    assert!(
        problem.contains("--preset") && problem.contains("drums_nade_32"),
        "{problem}"
    );

    import(&packed, Some("nade-drums_2bar_reduced"), &out).unwrap();
    let config = Checkpoint::from_bytes(&fs::read(&out).unwrap(), "")
        .unwrap()
        .metadata
        .config;
    assert_eq!(config.preset, "nade-drums_2bar_reduced");
    let of_magenta_js = Imported::read(&fixtures("parity/drums_nade_32"), None)
        .unwrap()
        .config;
    assert_eq!(config.encoder, of_magenta_js.encoder);
    assert_eq!(config.decoder, of_magenta_js.decoder);
    assert_eq!((config.latent, config.n_steps), (10, 32));
}

#[test]
fn a_preset_that_the_weights_do_not_fit_is_answered_with_everything_that_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let packed = fixtures("parity_tensorflow/drums_nade_32.tgz");
    let problem = format!(
        "{:#}",
        import(&packed, Some("groovae_4bar"), &out).unwrap_err()
    );
    for part in [
        "drums_nade_32.tgz",
        "not those of the model groovae_4bar",
        "`decoder/output_projection/kernel` is [12, 16], but the model's `decoder.output.kernel` is [12, 27]",
        "no place for `decoder/nade/w_enc`",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let problem = format!(
        "{:#}",
        import(&packed, Some("hierdec_groove_4bar"), &out).unwrap_err()
    );
    for part in [
        "`decoder.conductor.initial_state.kernel`",
        "is missing",
        "no place for `decoder/z_to_initial_state",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let problem = format!(
        "{:#}",
        import(&packed, Some("nade-drums_2bar_full"), &out).unwrap_err()
    );
    for part in [
        "nade-drums_2bar_full",
        "`encoder/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/kernel` is [30, 80], but the model's \
         `encoder.cell_0.forward.kernel` is [82, 80]",
        "`decoder/nade/w_enc` is [9, 7], but the model's `decoder.nade.encode` is [61, 7]",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let problem = format!(
        "{:#}",
        import(&packed, Some("nade-drums_2bar_ful"), &out).unwrap_err()
    );
    assert!(
        problem.contains("did you mean nade-drums_2bar_full"),
        "{problem}"
    );
    assert!(!out.exists());
}

#[test]
fn missing_and_strange_tensors_are_listed() {
    let copy = copy_of("groove_hier_4x16");
    let manifest = copy.path().join("weights_manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text
        .replace("encoder/sigma/kernel", "encoder/tau/kernel")
        .replace(
            "core_decoder/decoder/output_projection/bias",
            "core_decoder/decoder/output/bias",
        );
    fs::write(&manifest, text).unwrap();
    let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
    for part in [
        "`encoder.sigma.kernel` [32, 10] is missing",
        "`decoder.core.output.bias` [27] is missing",
        "no place for `encoder/tau/kernel` [32, 10]",
        "no place for `core_decoder/decoder/output/bias` [27]",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn weights_of_something_else_are_named() {
    let copy = copy_of("groove_flat_64");
    let manifest = copy.path().join("weights_manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("\"encoder/", "\"model/a/")
            .replace("\"decoder/", "\"model/b/"),
    )
    .unwrap();
    let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
    for part in [
        "weights_manifest.json",
        "none of these tensors",
        "model/a/mu/kernel",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    fs::write(
        &manifest,
        text.replace("\"encoder/sigma/", "\"other/sigma/"),
    )
    .unwrap();
    let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
    for part in [
        "`encoder.sigma.bias` [10] is missing",
        "no place for `other/sigma/bias`",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    fs::write(&manifest, text.replace("encoder/mu/bias", "foo/bar")).unwrap();
    let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
    for part in ["no encoder/mu/bias", "no place for `foo/bar`"] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn a_description_of_another_model_is_refused_with_its_key() {
    let copy = copy_of("groove_hier_4x16");
    let config = copy.path().join("config.json");
    let good = fs::read_to_string(&config).unwrap();
    for (from, to, part) in [
        ("MusicVAE", "MusicRNN", "type is \"MusicRNN\""),
        (
            "GrooveConverter",
            "MultitrackConverter",
            "dataConverter.type is \"MultitrackConverter\"",
        ),
        (
            "GrooveConverter",
            "DrumsConverter",
            "is [43, 64], but the model's",
        ),
        (
            "\"numSegments\": 4",
            "\"numSegments\": 5",
            "cannot be cut into 5 segments",
        ),
        ("\"numSegments\": 4,", "", "numSegments in config.json"),
        ("\"numSteps\": 64,", "", "numSteps is missing"),
        (
            "\"numSteps\": 64",
            "\"numSteps\": -64",
            "dataConverter.args.numSteps: invalid value",
        ),
        ("\"type\": \"MusicVAE\",", "", "type is missing; give"),
        (
            "\"numSteps\": 64",
            "\"numSteps\": \"64\"",
            "dataConverter.args.numSteps: invalid type",
        ),
        (
            "\"numSteps\": 64",
            "\"pitchClasses\": [[36], [38], [42], [46], [45], [48], [50], [49], [51]], \"numSteps\": 64",
            "pitchClasses",
        ),
        (
            "\"type\": \"MusicVAE\"",
            "\"type\": \"MusicVAE\", \"extraControls\": [{\"name\": \"key\", \"depth\": 12}]",
            "extraControls: 12 numbers (key)",
        ),
        (
            "\"type\": \"MusicVAE\"",
            "\"type\": \"MusicVAE\", \"chordEncoder\": \"PitchChordEncoder\"",
            "chordEncoder",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&config, good.replace(from, to)).unwrap();
        let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
        assert!(problem.contains(part), "{problem}");
    }
    for nothing in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"type": "MusicVAE", "dataConverter": {}}"#,
    ] {
        fs::write(&config, nothing).unwrap();
        let problem = format!("{:#}", Imported::read(copy.path(), None).unwrap_err());
        for part in [
            "config.json",
            "give the config.json that came with the model",
            "--preset NAME",
        ] {
            assert!(problem.contains(part), "{nothing}: {problem}");
        }
    }
}

#[test]
fn a_part_of_the_weights_is_never_written_over() {
    let copy = copy_of("groove_flat_64");
    for part in ["group1-shard1of1", "weights_manifest.json", "config.json"] {
        let path = copy.path().join(part);
        let before = fs::read(&path).unwrap();
        for from in [copy.path(), &copy.path().join("weights_manifest.json")] {
            let problem = import(from, None, &path).unwrap_err().to_string();
            assert!(problem.contains("nothing was changed"), "{problem}");
            assert_eq!(fs::read(&path).unwrap(), before);
        }
    }
    let beside = copy.path().join("model.safetensors");
    import(copy.path(), None, &beside).unwrap();
    import(copy.path(), None, &beside).unwrap();
}

#[test]
fn a_folder_without_cases_is_no_parity() {
    let empty = tempfile::tempdir().unwrap();
    let problem = parity::run(&parity::Args {
        folder: empty.path().to_owned(),
    });
    assert!(problem.unwrap_err().to_string().contains("no case found"));
}
