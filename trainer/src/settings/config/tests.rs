//! Presets, and what overrules them.

#![expect(clippy::unwrap_used, reason = "a failing test should stop here")]

use super::*;
use fourbar_model::config::Hierarchy;
use fourbar_model::head::{Boolean, Head, Nade};

fn problem(settings: &[&str]) -> String {
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    format!(
        "{:#}",
        Config::resolve(DEFAULT_PRESET, None, &settings).unwrap_err()
    )
}

#[test]
fn every_preset_can_be_trained() {
    assert!(Config::presets().unwrap().len() >= 23);
}

#[test]
fn checkpoints_of_the_tutorial_resolve_to_their_presets() {
    for (alias, name) in [
        ("cat-drums_2bar_small.hikl", "cat-drums_2bar_small"),
        ("cat-drums_2bar_small.lokl", "cat-drums_2bar_small"),
        (
            "groovae_2bar_hits_control_tfds",
            "groovae_2bar_hits_control",
        ),
    ] {
        assert_eq!(Config::preset(alias).unwrap().model.preset, name);
    }
}

#[test]
fn a_resolved_configuration_reads_back_the_same() {
    for config in Config::presets().unwrap() {
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
    }
}

#[test]
fn settings_overrule_by_path_and_by_the_end_of_it() {
    let settings = [
        "train.batch_size=3",
        "steps=7",
        "model.decoder.hierarchy={segments = 4, rows = 16}",
        "drum_map=gm",
    ];
    let config = Config::resolve(DEFAULT_PRESET, None, &settings.map(str::to_owned)).unwrap();
    assert_eq!((config.train.batch_size, config.train.steps), (3, 7));
    let hierarchy = Some(Hierarchy {
        segments: 4,
        rows: 16,
    });
    assert_eq!(config.model.decoder.hierarchy, hierarchy);
    assert_eq!(config.data.drum_map, "gm");
}

#[test]
fn parts_of_a_setting_are_set_one_by_one_and_taken_away() {
    let settings = [
        "train.scheduled_sampling.kind=exponential",
        "train.scheduled_sampling.rate=0.5",
    ];
    let config = Config::resolve(DEFAULT_PRESET, None, &settings.map(str::to_owned)).unwrap();
    let expected = ScheduledSampling::Exponential { rate: 0.5 };
    assert_eq!(config.train.scheduled_sampling, expected);
    let of_nade = |settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|&text| text.to_owned()).collect();
        let config = Config::resolve("nade-drums_2bar_reduced", None, &settings);
        config.unwrap().model.decoder.head
    };
    assert_eq!(of_nade(&["head.hidden=4"]), Head::Nade(Nade { hidden: 4 }));
    assert_eq!(of_nade(&["head=boolean"]), Head::Boolean(Boolean));
}

#[test]
fn a_schedule_is_set_by_its_kind() {
    let settings = ["schedule.kind=cosine", "train.schedule.warmup=100"].map(str::to_owned);
    let config = Config::resolve(DEFAULT_PRESET, None, &settings).unwrap();
    assert_eq!(config.train.schedule, Schedule::Cosine { warmup: 100 });
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    assert!(problem(&["learning_rat=0.1"]).contains("train.learning_rate"));
    assert!(problem(&["train.learning_rat=0.1"]).contains("did you mean `learning_rate`"));
    assert!(problem(&["model.latnet=3"]).contains("did you mean `latent`"));
    assert!(problem(&["units=[3]"]).contains("model.decoder.units or model.encoder.units"));
    let unknown = format!("{:#}", Config::preset("groovae_4bars").unwrap_err());
    assert!(unknown.contains("did you mean groovae_4bar?"), "{unknown}");
}

#[test]
fn a_setting_out_of_range_is_named() {
    assert!(problem(&["dropout_keep=0.0"]).contains("train.dropout_keep"));
    assert!(problem(&["learning_rate=nan"]).contains("train.learning_rate"));
    assert!(problem(&["train.steps=0"]).contains("train.steps is 0"));
    assert!(problem(&["weight_decay=-0.1"]).contains("train.weight_decay"));
    assert!(problem(&["rotate_toms=1.1"]).contains("train.augment.rotate_toms"));
    let labels = ["rotate_toms=0.1"].map(str::to_owned);
    let labels = Config::resolve("cat-drums_2bar_small", None, &labels).unwrap_err();
    assert!(
        format!("{labels:#}").contains("does not keep"),
        "{labels:#}"
    );
    assert!(problem(&["conditions.known=2"]).contains("train.conditions.known is 2"));
    assert!(problem(&["conditions.known=0.4", "kinds=[]"]).contains("at least one of"));
    assert!(problem(&["beta_rate=0.9", "beta_steps=500"]).contains("two ways"));
    let unknown = problem(&[r#"attributes.names=["swing", "groove"]"#]);
    assert!(
        unknown.contains("\"groove\"; this model's music has density, "),
        "{unknown}"
    );
    let settings = ["model.latent=1", r#"attributes.names=["swing", "push"]"#];
    assert!(problem(&settings).contains("2 names, but model.latent only 1"));
    assert!(problem(&["encoder.units=[1000000000]"]).contains("encoder.units is 1000000000"));
    assert!(problem(&["latent=1000000000000"]).contains("latent is 1000000000000"));
    assert!(problem(&["model.n_steps=1088"]).contains("expected 1 to 1024"));
    assert!(
        problem(&[
            "model.converter.velocity_bins=8",
            "model.converter.offset_bins=8"
        ])
        .contains("no head consumes")
    );
    assert!(problem(&["head=categorical"]).contains("groove rows"));
    assert!(
        problem(&["model.decoder.hierarchy={segments = 4, rows = 15}"])
            .contains("multiply to n_steps, 64")
    );
}

#[test]
fn a_users_own_file_overrules_and_can_be_a_preset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "[train]\nbatch_size = 5\n").unwrap();
    let config = Config::resolve(DEFAULT_PRESET, Some(&path), &[]).unwrap();
    assert_eq!(config.train.batch_size, 5);
    std::fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(Config::preset(path.to_str().unwrap()).unwrap(), config);
    std::fs::write(&path, "[train]\nbatchsize = 5\n").unwrap();
    let problem = format!(
        "{:#}",
        Config::resolve(DEFAULT_PRESET, Some(&path), &[]).unwrap_err()
    );
    assert!(
        problem.contains("mine.toml") && problem.contains("did you mean `batch_size`"),
        "{problem}"
    );
}

#[test]
fn scheduled_sampling_follows_magenta() {
    let inverse = ScheduledSampling::InverseSigmoid { rate: 1000.0 };
    assert!((inverse.probability(0) - 0.000_999).abs() < 1e-5);
    assert!((inverse.probability(6_908) - 0.5).abs() < 1e-3);
    assert!((inverse.probability(10_000) - 0.957).abs() < 1e-3);
    let exponential = ScheduledSampling::Exponential { rate: 0.5 };
    assert!((exponential.probability(2) - 0.75).abs() < 1e-12);
}
