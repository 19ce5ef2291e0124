//! Models from the user's folder, in a host: what a project with one plays here and elsewhere.
//!
//! A project names its model in its state, so choosing one is loading a state.

#[cfg(target_os = "linux")]
pub(crate) mod training;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use fourbar_model::checkpoint::{Checkpoint, DatasetCard, Metadata};
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::{Converter, MelodyConverter};
use fourbar_model::drums::DrumMap;
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use fourbar_plugin::inference::models::FOLDER_VARIABLE;
use fourbar_plugin::request::Ready;
use serde_json::{Value, json};

use crate::harness::clap::ClapHost;
use crate::harness::process::run_alone;
use crate::harness::rule::{InForce, check};
use crate::harness::state;
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Player};

/// Set in a test's second run to its models folder.
const HAS_FOLDER: &str = "FOURBAR_TEST_MODELS";

/// Runs `test` in a process of its own that has these models in its models folder.
fn with_models(name: &str, models: &[(&str, Checkpoint)], test: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(HAS_FOLDER) {
        return test(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    for (file, checkpoint) in models {
        std::fs::write(folder.path().join(file), checkpoint.to_bytes().unwrap()).unwrap();
    }
    let path = folder.path().as_os_str();
    run_alone(name, &[(FOLDER_VARIABLE, path), (HAS_FOLDER, path)]);
}

/// An untrained model that plays `n_bars`.
pub(crate) fn drums(n_bars: usize, seed: u64) -> Checkpoint {
    untrained(
        ModelConfig::flat_groove("mine", 16 * n_bars, 8, vec![8], vec![8]),
        seed,
    )
}

fn melody() -> Checkpoint {
    let mut config = drums(2, 1).metadata.config;
    config.converter = Converter::Melody(MelodyConverter::default());
    config.decoder.head = "categorical".parse().unwrap();
    untrained(config, 1)
}

fn untrained(config: ModelConfig, seed: u64) -> Checkpoint {
    let mut noise = Noise::from_seed(seed);
    let tensors: BTreeMap<_, _> = config
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let values = noise.normals(shape.iter().product());
            (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        })
        .collect();
    let mus: Vec<Vec<f32>> = (0..20).map(|_| noise.normals(config.latent)).collect();
    let dataset = DatasetCard {
        name: "none".to_owned(),
        licence: "CC0-1.0".to_owned(),
        attribution: "none".to_owned(),
        sha256: String::new(),
    };
    let latent = LatentMap::fit(&mus, &[None; 20], 8);
    let metadata = Metadata {
        command: "a test".to_owned(),
        seed,
        ..Metadata::new(config, DrumMap::GM.id, dataset, latent)
    };
    Checkpoint { metadata, tensors }
}

/// Loads a project like the present one that plays `file`, or what a new instance plays, and has no pattern yet.
pub(crate) fn choose<H: Host>(player: &mut Player<H>, file: Option<&str>) {
    let mut project = state::json(&mut player.host);
    let choice = match file {
        Some(file) => json!({"file": file, "checkpoint_id": null}),
        None => json!("fourbar"),
    };
    project["fields"]["model"] = choice.to_string().into();
    project["fields"]["pattern"] = "null".into();
    assert!(player.host.load(&state::of_json::<H>(&project)));
}

/// The choice that a saved project holds.
fn choice<H: Host>(player: &mut Player<H>) -> Value {
    let project = state::json(&mut player.host);
    serde_json::from_str(project["fields"]["model"].as_str().unwrap()).unwrap()
}

/// Plays two rounds of the longest loop, checks every note against the rule, and returns the pattern.
fn performance<H: Host>(player: &mut Player<H>) -> Ready {
    player.seek(0.0);
    player.play(32.0);
    player.stop();
    let ready = player.pattern().unwrap();
    let in_force = [InForce {
        from_beats: f64::NEG_INFINITY,
        pattern: &ready.pattern,
    }];
    check(player, &in_force, Feel::AS_GENERATED, &DrumMap::GM.keys());
    ready
}

/// What the plugin's own model plays.
fn own_pattern<H: Host>() -> Ready {
    performance(&mut Player::<H>::offline())
}

#[test]
fn models_play_different_patterns_each_in_its_own_length() {
    fn on<H: Host>() {
        let mut patterns = vec![own_pattern::<H>()];
        for (file, loop_beats) in [
            ("two_bars.safetensors", 8.0),
            ("four_bars.safetensors", 16.0),
            ("other.safetensors", 16.0),
        ] {
            let mut player = Player::<H>::offline();
            choose(&mut player, Some(file));
            let ready = performance(&mut player);
            assert_eq!(ready.pattern.loop_beats(), loop_beats, "{file}");
            assert!(ready.checkpoint_id.starts_with("mine "));
            assert_eq!(choice(&mut player)["checkpoint_id"], ready.checkpoint_id);
            patterns.push(ready);
        }
        for (index, ready) in patterns.iter().enumerate() {
            for other in &patterns[..index] {
                assert_eq!(ready.request, other.request);
                assert_ne!(ready.pattern, other.pattern);
            }
        }
    }
    with_models(
        "user_models::models_play_different_patterns_each_in_its_own_length",
        &[
            ("two_bars.safetensors", drums(2, 1)),
            ("four_bars.safetensors", drums(4, 2)),
            ("other.safetensors", drums(4, 3)),
        ],
        |_| {
            on::<ClapHost>();
            on::<Vst3Host>();
        },
    );
}

#[test]
fn a_project_with_a_users_model_plays_the_same_when_it_is_loaded_again() {
    with_models(
        "user_models::a_project_with_a_users_model_plays_the_same_when_it_is_loaded_again",
        &[("mine.safetensors", drums(2, 1))],
        |_| {
            let mut player = Player::<ClapHost>::offline();
            choose(&mut player, Some("mine.safetensors"));
            player.set("seed", "31");
            player.run(64);
            let ready = performance(&mut player);
            let project = state::json(&mut player.host);

            let mut reloaded = Player::<ClapHost>::offline();
            assert!(reloaded.host.load(&state::of_json::<ClapHost>(&project)));
            assert_eq!(performance(&mut reloaded), ready);
            assert_eq!(state::json(&mut reloaded.host), project);
            // And it is the model, not only its pattern, that came back.
            for player in [&mut player, &mut reloaded] {
                player.forget();
                player.set("seed", "32");
                player.run(64);
            }
            assert_eq!(performance(&mut reloaded), performance(&mut player));
            assert_ne!(reloaded.pattern(), Some(ready));
        },
    );
}

#[test]
fn two_instances_play_different_models_side_by_side() {
    with_models(
        "user_models::two_instances_play_different_models_side_by_side",
        &[
            ("one.safetensors", drums(4, 1)),
            ("other.safetensors", drums(2, 2)),
        ],
        |_| {
            let files = [Some("one.safetensors"), Some("other.safetensors"), None];
            let solo = files.map(|file| {
                let mut player = Player::<ClapHost>::offline();
                choose(&mut player, file);
                player.play(20.0);
                player.stop();
                player.heard
            });
            let mut together = files.map(|file| {
                let mut player = Player::<ClapHost>::offline();
                choose(&mut player, file);
                player
            });
            for _ in 0..20 {
                for player in &mut together {
                    player.play(1.0);
                }
            }
            for (player, solo) in together.iter_mut().zip(solo) {
                player.stop();
                assert_eq!(player.heard, solo);
            }
        },
    );
}

#[test]
fn without_its_model_a_project_plays_its_pattern_and_keeps_its_choice() {
    with_models(
        "user_models::without_its_model_a_project_plays_its_pattern_and_keeps_its_choice",
        &[("mine.safetensors", drums(2, 1))],
        |folder| {
            let mut player = Player::<ClapHost>::offline();
            choose(&mut player, Some("mine.safetensors"));
            let ready = performance(&mut player);
            let project = state::json(&mut player.host);
            let chosen = choice(&mut player);
            drop(player);

            let path = folder.join("mine.safetensors");
            for bytes in [None, Some(drums(2, 9).to_bytes().unwrap())] {
                match &bytes {
                    None => std::fs::remove_file(&path).unwrap(),
                    Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                }
                let mut elsewhere = Player::<ClapHost>::offline();
                assert!(elsewhere.host.load(&state::of_json::<ClapHost>(&project)));
                assert_eq!(performance(&mut elsewhere), ready);
                elsewhere.forget();
                elsewhere.set("seed", "77");
                elsewhere.run(64);
                let new = performance(&mut elsewhere);
                assert_ne!(new.checkpoint_id, ready.checkpoint_id);
                let made_by_own = new.checkpoint_id.starts_with("fourbar ");
                assert_eq!(made_by_own, bytes.is_none());
                if bytes.is_none() {
                    assert_eq!(choice(&mut elsewhere), chosen, "the file may come back");
                }
            }
        },
    );
}

#[test]
fn what_cannot_be_played_leaves_the_plugins_own_model() {
    with_models(
        "user_models::what_cannot_be_played_leaves_the_plugins_own_model",
        &[
            ("melody.safetensors", melody()),
            ("long.safetensors", drums(17, 1)),
        ],
        |folder| {
            let whole = drums(2, 1).to_bytes().unwrap();
            std::fs::write(folder.join("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
            std::fs::write(folder.join("text.safetensors"), "not a model").unwrap();
            std::fs::create_dir(folder.join("folder.safetensors")).unwrap();
            let own = own_pattern::<ClapHost>();
            for file in [
                "melody.safetensors",
                "long.safetensors",
                "cut.safetensors",
                "text.safetensors",
                "folder.safetensors",
                "nowhere.safetensors",
                "../models/mine.safetensors",
            ] {
                let mut player = Player::<ClapHost>::offline();
                choose(&mut player, Some(file));
                assert_eq!(performance(&mut player), own, "{file}");
            }
        },
    );
}

#[test]
fn a_project_from_before_there_was_a_choice_plays_the_model_that_there_was() {
    with_models(
        "user_models::a_project_from_before_there_was_a_choice_plays_the_model_that_there_was",
        &[("mine.safetensors", drums(2, 1))],
        |_| {
            let mut player = Player::<ClapHost>::offline();
            let saved = state::json(&mut player.host);
            for model in [None, Some("null")] {
                let mut project = saved.clone();
                let fields = project["fields"].as_object_mut().unwrap();
                assert!(fields.remove("model").is_some());
                if let Some(model) = model {
                    fields.insert("model".to_owned(), model.into());
                }
                choose(&mut player, Some("mine.safetensors"));
                let _ = performance(&mut player);
                player.forget();
                assert!(player.host.load(&state::of_json::<ClapHost>(&project)));
                // Its pattern plays as it was saved; the next one is by the model that there was.
                let saved = performance(&mut player);
                assert!(saved.checkpoint_id.starts_with("fourbar "));
                player.forget();
                player.set("seed", "77");
                player.run(64);
                let played = performance(&mut player);
                assert!(played.checkpoint_id.starts_with("groovae_4bar "));
                player.forget();
                assert_eq!(choice(&mut player), json!("groovae_4bar"));
            }
        },
    );
}
