//! Every committed checkpoint works.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::{Checkpoint, FORMAT_VERSION};
use fourbar_model::conditions::Conditions;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use fourbar_trainer::settings::Config;

fn committed() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles/models");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "safetensors")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no checkpoint is committed");
    files
}

fn load(path: &Path) -> Checkpoint {
    let bytes = std::fs::read(path).unwrap();
    Checkpoint::from_bytes(&bytes, &path.display().to_string()).unwrap()
}

#[test]
fn each_names_its_config_by_its_file_name() {
    for path in committed() {
        let metadata = load(&path).metadata;
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(metadata.config.preset, name);
        assert_eq!(metadata.config, Config::preset(name).unwrap().model);
    }
}

#[test]
fn the_listening_page_is_of_the_model_inside_the_plugin() {
    let path = fourbar_trainer::measure::listen::default_model();
    assert!(path.is_file(), "{}", path.display());
    let name = path.file_stem().unwrap().to_str().unwrap();
    assert_eq!(
        name,
        fourbar_plugin::inference::models::BuiltIn::default().name()
    );
}

#[test]
fn a_file_of_format_2_loads_and_is_saved_in_the_newest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles/models");
    let bytes = std::fs::read(path.join("groovae_4bar.safetensors")).unwrap();
    let says = |bytes: &[u8], version: u32| {
        let words = format!(r#"\"format_version\":{version},"#);
        String::from_utf8_lossy(bytes).contains(&words)
    };
    assert!(says(&bytes, 2));
    let loaded = Checkpoint::from_bytes(&bytes, "").unwrap();
    let saved = loaded.to_bytes().unwrap();
    assert!(says(&saved, FORMAT_VERSION));
    let again = Checkpoint::from_bytes(&saved, "").unwrap();
    assert_eq!(again.metadata, loaded.metadata);
    for (name, tensor) in &loaded.tensors {
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&again.tensors[name]), values(tensor), "{name}");
    }
}

#[test]
fn each_decodes_a_groove_and_the_same_one_twice() {
    for path in committed() {
        let checkpoint = load(&path);
        let model = Vae::from_checkpoint(&checkpoint, &Device::Cpu).unwrap();
        let z = Noise::from_seed(1).normals(model.config().latent);
        for temperature in [0.0, 1.0] {
            let generate = || {
                model
                    .generate_groove(
                        &z,
                        &Conditions::default(),
                        temperature,
                        &mut Noise::from_seed(2),
                    )
                    .unwrap()
            };
            let groove = generate();
            assert_eq!(groove.n_steps(), model.config().n_steps);
            assert_eq!(groove, generate(), "{}", path.display());
        }
        let groove = model
            .generate_groove(&z, &Conditions::default(), 1.0, &mut Noise::from_seed(2))
            .unwrap();
        assert!(
            groove.n_hits() > 8,
            "{} plays next to nothing",
            path.display()
        );
    }
}

#[test]
fn each_holds_the_latent_axes_that_the_plugin_has_parameters_for() {
    for path in committed() {
        let metadata = load(&path).metadata;
        let latent = &metadata.latent;
        assert!(latent.axes.len() >= 8 && latent.spreads.len() == latent.axes.len());
        for axis in &latent.axes {
            assert_eq!(axis.len(), metadata.config.latent);
            let length: f32 = axis.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-3, "an axis of length {length}");
        }
        assert!(latent.spreads.iter().all(|spread| *spread > 0.0));
    }
}

#[test]
fn each_has_its_card_beside_it() {
    for path in committed() {
        let card = path.with_extension("md");
        let text = std::fs::read_to_string(&card)
            .unwrap_or_else(|error| panic!("{}: {error}", card.display()));
        let metadata = load(&path).metadata;
        let facts = [
            metadata.dataset.licence,
            metadata.dataset.sha256,
            format!("--preset {}", metadata.config.preset),
            format!("--seed {}", metadata.seed),
        ];
        for fact in facts {
            assert!(
                text.contains(&fact),
                "{} does not say {fact:?}",
                card.display()
            );
        }
    }
}
