//! Ids, texts and what hosts and projects can get wrong.

use super::*;
use crate::inference::models::{BuiltIn, Choice, UserModel};
use crate::request::Ready;
use fourbar_model::drums::Voice;
use fourbar_model::pattern::{Hit, Pattern};
use nice_plug::plugin::ParamValue;
use std::collections::BTreeMap;

fn ready() -> Ready {
    let hit = Hit {
        grid_beats: 0.25,
        offset_beats: 0.1,
        voice: Voice::Ride,
        velocity: 0.3,
    };
    Ready {
        request: Request::new(7, u64::MAX, 0.1, [0.3; N_LATENT]),
        checkpoint_id: "test".to_owned(),
        pattern: Pattern::new(vec![hit], request::LOOP_BEATS),
        groove: None,
        n_passes: 1,
    }
}

/// What a project saves of an instance whose newest pattern is `ready`.
fn saved_fields(ready: Ready) -> BTreeMap<String, String> {
    let shared = Arc::<Shared>::default();
    shared.snapshot().ready = Some(Arc::new(ready));
    FourbarParams::new(shared).serialize_fields()
}

fn state(params: &[(&str, ParamValue)], fields: &[(&str, &str)]) -> PluginState {
    PluginState {
        version: "99.0.0".to_owned(),
        params: params
            .iter()
            .map(|(id, value)| ((*id).to_owned(), value.clone()))
            .collect(),
        fields: fields
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect(),
    }
}

#[test]
fn the_ids_are_the_ones_that_projects_refer_to() {
    let params = FourbarParams::new(Arc::default());
    let ids: Vec<String> = params
        .param_map()
        .into_iter()
        .map(|(id, _, _)| id)
        .collect();
    // All drums have the same.
    let (ids, kit) = ids.split_at(ids.len() - 39);
    let (ids, of_drums) = ids.split_at(ids.len() - 40);
    assert_eq!(
        ids,
        [
            "temperature",
            "seed",
            "regenerate",
            "latent_1",
            "latent_2",
            "latent_3",
            "latent_4",
            "latent_5",
            "latent_6",
            "latent_7",
            "latent_8",
            "timing",
            "velocity",
            "apply_at",
            "kit_level",
            "midi_out",
            "channel",
            "drum_map",
            "bypass",
            "mute",
            "style",
            "complexity",
            "intensity",
            "swing",
            "push",
            "feel_temperature",
            "velocity_curve",
            "velocity_min",
            "velocity_max",
            "fill_every",
            "fill_size",
            "fill_now",
            "vary_every",
            "variation",
            "slot",
            "morph_x",
            "morph_y",
            "input_heard",
            "input_keys",
            "note_length",
            "mute_1",
            "density_1",
            "lane_velocity_1",
            "lane_channel_1",
            "choke_1",
        ]
    );
    let drums: Vec<String> = (2..=9)
        .flat_map(|drum| {
            let ids = ["mute", "density", "lane_velocity", "lane_channel", "choke"];
            ids.map(|id| format!("{id}_{drum}"))
        })
        .collect();
    assert_eq!(of_drums, drums);
    let drums = (1..=9)
        .flat_map(|drum| ["drum_level", "pan", "tune", "decay"].map(|id| format!("{id}_{drum}")));
    let expected: Vec<String> = ["kit", "room", "separate_outputs"]
        .map(str::to_owned)
        .into_iter()
        .chain(drums)
        .collect();
    assert_eq!(kit, expected);
    let fields = params.serialize_fields();
    assert_eq!(
        fields.keys().collect::<Vec<_>>(),
        [
            "editor", "export", "input", "lanes", "locks", "model", "pattern", "slots", "take"
        ]
    );
}

#[test]
fn every_text_parses_back_to_what_prints_the_same() {
    /// Every twentieth of a decibel of the kit's level is among them, and every half per cent.
    const N_VALUES: u16 = 7_200;
    let params = FourbarParams::new(Arc::default());
    for (id, param, _) in params.param_map() {
        for step in 0..=N_VALUES {
            let normalized = f32::from(step) / f32::from(N_VALUES);
            #[expect(unsafe_code, reason = "the parameters live until the end of the test")]
            let (text, text_again) = unsafe {
                let text = param.normalized_value_to_string(normalized, true);
                let parsed = param.string_to_normalized_value(&text);
                let parsed =
                    parsed.unwrap_or_else(|| panic!("{id} does not read its own text {text:?}"));
                (text, param.normalized_value_to_string(parsed, true))
            };
            assert_eq!(text, text_again, "{id}");
        }
    }
}

#[test]
fn the_kit_is_off_where_its_text_says_so() {
    let params = FourbarParams::new(Arc::default());
    for (level_db, text, is_off) in [
        (-60.0, "-inf dB", true),
        (-59.96, "-inf dB", true),
        (-59.94, "-59.9 dB", false),
    ] {
        let level = params.kit_level.preview_normalized(level_db);
        assert_eq!(
            params.kit_level.normalized_value_to_string(level, true),
            text
        );
        #[expect(unsafe_code, reason = "the parameters live until the end of the test")]
        unsafe {
            params
                .kit_level
                .as_ptr()
                ._internal_set_normalized_value(level)
        };
        assert_eq!(params.kit_gain() == 0.0, is_off, "{level_db}");
    }
}

#[test]
fn texts_are_readable_and_forgiving() {
    let params = FourbarParams::new(Arc::default());
    let text = |param: &FloatParam, value| {
        param.normalized_value_to_string(param.preview_normalized(value), true)
    };
    assert_eq!(text(&params.temperature, 0.0), "0.00 (most likely)");
    assert_eq!(text(&params.latent[0].position, -1.5), "-1.50 σ");
    assert_eq!(text(&params.timing, 1.25), "125 %");
    assert_eq!(text(&params.kit_level, MIN_LEVEL_DB), "-inf dB");
    let value = |param: &FloatParam, text| {
        param
            .string_to_normalized_value(text)
            .map(|n| param.preview_plain(n))
    };
    assert_eq!(value(&params.timing, "150"), Some(1.5));
    assert_eq!(value(&params.kit_level, "-inf"), Some(MIN_LEVEL_DB));
    assert_eq!(value(&params.temperature, "nan"), None);
    assert_eq!(value(&params.temperature, ""), None);
}

#[test]
fn what_is_no_number_never_becomes_a_value() {
    let params = FourbarParams::new(Arc::default());
    for (id, param, _) in params.param_map() {
        #[expect(unsafe_code, reason = "the parameters live until the end of the test")]
        unsafe {
            param._internal_set_normalized_value(f32::NAN);
            assert!(!param.unmodulated_plain_value().is_nan(), "{id}");
            if matches!(param, ParamPtr::FloatParam(_)) {
                param._internal_modulate_value(f32::NAN);
                param._internal_set_normalized_value(f32::NAN);
                assert!(!param.modulated_plain_value().is_nan(), "{id}");
                assert!(!param.modulated_normalized_value().is_nan(), "{id}");
            }
            param._internal_set_normalized_value(1.0);
            let normalized = param.modulated_normalized_value();
            assert_eq!(normalized, 1.0, "{id} takes numbers afterwards");
        }
    }
}

#[test]
fn every_seed_can_be_reached() {
    let params = FourbarParams::new(Arc::default());
    for seed in 0..=MAX_SEED {
        let normalized = params.seed.preview_normalized(seed);
        assert_eq!(params.seed.preview_plain(normalized), seed);
    }
}

#[test]
fn regenerate_counts_rising_edges() {
    let params = FourbarParams::new(Arc::default());
    let press = params.regenerate.as_ptr();
    for value in [1.0, 1.0, 0.0, 1.0, 0.0, 0.0] {
        #[expect(unsafe_code, reason = "the parameters live until the end of the test")]
        unsafe {
            press._internal_set_normalized_value(value)
        };
    }
    assert_eq!(params.n_presses.load(Ordering::Relaxed), 2);
}

#[test]
fn a_saved_pattern_comes_back_whole() {
    let fields = saved_fields(ready());
    let shared = Arc::<Shared>::default();
    FourbarParams::new(shared.clone()).deserialize_fields(&fields);
    assert_eq!(shared.snapshot().ready.as_deref(), Some(&ready()));
    assert_eq!(shared.snapshot().state_revision, 1);
}

#[test]
fn a_damaged_pattern_is_reported_and_not_played() {
    let good = saved_fields(ready())["pattern"].clone();
    let damaged = [
        ("a text", "\"not a pattern\"".to_owned()),
        ("cut off", good[..good.len() / 2].to_owned()),
        (
            "silent hit",
            good.replace("0.3,", "0.0,").replace(":0.3}", ":0.0}"),
        ),
        ("other length", good.replace("16.0", "1e308")),
        ("negative length", good.replace("16.0", "-16.0")),
        (
            "far hit",
            good.replace("\"grid_beats\":0.25", "\"grid_beats\":1e300"),
        ),
        (
            "late hit",
            good.replace("\"offset_beats\":0.1", "\"offset_beats\":7.0"),
        ),
        (
            "hot request",
            good.replace("\"temperature\":0.1", "\"temperature\":1e30"),
        ),
    ];
    for (what, text) in damaged {
        assert_ne!(text, good, "{what}");
        let mut state = state(&[], &[("pattern", &text), ("model", "\"fourbar\"")]);
        sanitise(&mut state);
        let shared = Arc::<Shared>::default();
        shared.snapshot().checkpoint = Some(Ok("test".to_owned()));
        FourbarParams::new(shared.clone()).deserialize_fields(&state.fields);
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.ready, None, "{what}");
        let status = snapshot.status;
        assert!(
            matches!(&status, crate::shared::Status::Problem(text) if text.contains("damaged")),
            "{what}"
        );
    }
}

#[test]
fn a_state_is_brought_into_range_and_what_is_unknown_is_left_out() {
    let mut state = state(
        &[
            ("temperature", ParamValue::F32(1e30)),
            ("latent_1", ParamValue::F32(f32::NEG_INFINITY)),
            ("timing", ParamValue::F32(f32::NAN)),
            ("velocity", ParamValue::F32(0.123)),
            ("seed", ParamValue::I32(-5)),
            ("channel", ParamValue::I32(i32::MAX)),
            ("apply_at", ParamValue::I32(99)),
            ("drum_map", ParamValue::Bool(true)),
            ("midi_out", ParamValue::Bool(false)),
            ("regenerate", ParamValue::Bool(true)),
            ("from_the_future", ParamValue::I32(1)),
        ],
        &[
            ("editor", r#"{"size":{"width":1e30,"height":0.0}}"#),
            ("from_the_future", "{}"),
        ],
    );
    sanitise(&mut state);
    let is_of_drums = |id: &str| id.ends_with(|end: char| end.is_ascii_digit());
    let left: BTreeMap<String, String> = state
        .params
        .iter()
        .filter(|(id, _)| !is_of_drums(id) || id.starts_with("latent"))
        .map(|(id, value)| (id.clone(), format!("{value:?}")))
        .collect();
    let expected = [
        ("channel", "I32(16)"),
        ("complexity", "F32(0.0)"),
        ("feel_temperature", "F32(2.0)"),
        ("fill_every", "I32(0)"),
        ("fill_now", "Bool(false)"),
        ("fill_size", "I32(2)"),
        ("input_heard", "Bool(true)"),
        ("input_keys", "Bool(false)"),
        ("intensity", "F32(0.0)"),
        ("kit", "I32(0)"),
        ("latent_1", "F32(-3.0)"),
        ("midi_out", "Bool(false)"),
        ("morph_x", "F32(0.5)"),
        ("morph_y", "F32(0.5)"),
        ("mute", "Bool(false)"),
        ("note_length", "I32(2)"),
        ("push", "F32(0.0)"),
        ("regenerate", "Bool(true)"),
        ("room", "F32(0.5)"),
        ("seed", "I32(0)"),
        ("separate_outputs", "Bool(false)"),
        ("slot", "I32(0)"),
        ("style", "I32(0)"),
        ("swing", "F32(0.0)"),
        ("temperature", "F32(2.0)"),
        ("variation", "F32(0.0)"),
        ("vary_every", "I32(1)"),
        ("velocity", "F32(0.123)"),
        ("velocity_curve", "F32(0.0)"),
        ("velocity_max", "I32(127)"),
        ("velocity_min", "I32(0)"),
    ];
    assert_eq!(
        left,
        expected
            .map(|(id, value)| (id.to_owned(), value.to_owned()))
            .into()
    );
    assert!(!state.fields.contains_key("editor"));
}

#[test]
fn a_project_of_before_there_was_more_to_play_with_plays_as_it_did() {
    let mut before = state(&[("temperature", ParamValue::F32(0.4))], &[]);
    sanitise(&mut before);
    let value = |id: &str| format!("{:?}", before.params[id]);
    assert_eq!(value("feel_temperature"), "F32(0.4)");
    for id in ["complexity", "intensity", "swing", "push", "velocity_curve"] {
        assert_eq!(value(id), "F32(0.0)", "{id}");
    }
    assert_eq!(value("style"), "I32(0)");
    for (id, expected) in [
        ("mute_9", "Bool(false)"),
        ("density_1", "F32(1.0)"),
        ("lane_velocity_5", "F32(1.0)"),
        ("kit", "I32(0)"),
        ("drum_level_1", "F32(0.0)"),
        ("pan_1", "F32(0.0)"),
        ("pan_3", "F32(-0.375)"),
        ("tune_5", "F32(0.0)"),
        ("decay_9", "F32(1.0)"),
    ] {
        assert_eq!(value(id), expected, "{id}");
    }
    let mut now = state(&[("swing", ParamValue::F32(0.5))], &[]);
    sanitise(&mut now);
    assert_eq!(format!("{:?}", now.params["swing"]), "F32(0.5)");
}

#[test]
fn styles_are_chosen_by_their_names() {
    let params = FourbarParams::new(Arc::default());
    let style = |text| {
        let normalized = params.play.style.string_to_normalized_value(text);
        normalized.map(|normalized| params.play.style.preview_plain(normalized))
    };
    assert_eq!([style("any"), style("Funk")], [Some(0), Some(6)]);
    assert_eq!(style("polka"), None);
    assert_eq!(style_name(style_value(Some(5))), "Funk");
}

#[test]
fn the_kit_is_chosen_by_its_name_and_drums_are_placed_in_words() {
    let params = FourbarParams::new(Arc::default());
    let kit = |text| {
        let normalized = params.kit.kit.string_to_normalized_value(text);
        normalized.map(|normalized| params.kit.kit.preview_plain(normalized))
    };
    assert_eq!(
        [kit("acoustic"), kit("808"), kit("909")].map(Option::unwrap),
        [0, 1, 2]
    );
    assert_eq!(kit("707"), None);
    let drum = &params.kit.drums[Voice::ClosedHat.index()];
    let pan = |text| {
        let normalized = drum.pan.string_to_normalized_value(text);
        normalized.map(|normalized| drum.pan.preview_plain(normalized))
    };
    assert_eq!(drum.pan.to_string(), "38 % L");
    assert_eq!(
        [pan("25 % r"), pan("c"), pan("-50"), pan("100L")],
        [Some(0.25), Some(0.0), Some(-0.5), Some(-1.0)]
    );
    let settings = params.kit.settings(1.0);
    assert_eq!(settings, fourbar_kit::Settings::default());
}

#[test]
fn a_window_of_sensible_size_is_kept() {
    let mut fields = FourbarParams::new(Arc::default()).serialize_fields();
    let mut state = state(&[], &[]);
    state.fields.append(&mut fields);
    sanitise(&mut state);
    assert!(state.fields.contains_key("editor"));
}

fn user_model() -> Choice {
    Choice::User(UserModel {
        file: "mine.safetensors".to_owned(),
        checkpoint_id: Some("mine 1234".to_owned()),
    })
}

#[test]
fn the_chosen_model_comes_back_and_is_loaded_once() {
    let shared = Arc::<Shared>::default();
    shared.choose(user_model());
    let fields = FourbarParams::new(shared).serialize_fields();
    let shared = Arc::<Shared>::default();
    let params = FourbarParams::new(shared.clone());
    for _ in 0..2 {
        params.deserialize_fields(&fields);
        assert_eq!(shared.snapshot().choice, user_model());
        assert_eq!(
            params.controls(0, false, [false; N_VOICES]).model_revision,
            1
        );
    }
}

#[test]
fn a_project_of_before_there_were_two_built_in_models_plays_the_first_one() {
    let models = ["null", "{\"file\": 7}", "{", "\"of tomorrow\""];
    let fields = models.map(|model| vec![("model", model)]);
    for fields in [vec![]].iter().chain(&fields) {
        let mut state = state(&[], fields);
        sanitise(&mut state);
        let shared = Arc::<Shared>::default();
        shared.choose(user_model());
        FourbarParams::new(shared.clone()).deserialize_fields(&state.fields);
        let first = Choice::BuiltIn(BuiltIn::Groovae4Bar);
        assert_eq!(shared.snapshot().choice, first);
    }
}

#[test]
fn solos_and_keys_come_back_and_a_project_without_has_none() {
    let params = FourbarParams::new(Arc::default());
    let choices = &params.lanes.choices;
    choices.of(Voice::Snare).solo.store(true, Ordering::Relaxed);
    choices.of(Voice::Ride).choose_key(Some(53));
    let fields = params.serialize_fields();
    let keys = |params: &FourbarParams| params.output().keys[Voice::Ride.index()];
    let is_heard =
        |params: &FourbarParams| Voice::ALL.map(|voice| params.feel().lanes.of(voice).is_heard);

    let reloaded = FourbarParams::new(Arc::default());
    reloaded.deserialize_fields(&fields);
    assert_eq!(keys(&reloaded), 53);
    assert_eq!(
        is_heard(&reloaded),
        Voice::ALL.map(|voice| voice == Voice::Snare)
    );
    for lanes in ["{}", r#"{"solo": 7}"#, r#"{"keys": {"ride": 200}}"#] {
        let mut state = state(&[], &[("lanes", lanes)]);
        sanitise(&mut state);
        reloaded.deserialize_fields(&state.fields);
        assert_eq!(
            (keys(&reloaded), is_heard(&reloaded)),
            (51, [true; N_VOICES]),
            "{lanes}"
        );
    }
}
