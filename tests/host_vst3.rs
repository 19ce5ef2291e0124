//! The built plugin file in a VST3 host.

use fourbar_model::drums::{N_VOICES, Voice};

use crate::groove_in::groove_in_tests_on;
use crate::harness::state::json;
use crate::harness::vst3::{LeftOut, Vst3Host, classes};
use crate::harness::{Block, Host as _, Player, Setup, param_id};
use crate::instrument::instrument_tests_on;
use crate::keeping::keeping_tests_on;
use crate::library::library_tests_on;
use crate::metres::metres_tests_on;
use crate::playing::playing_tests_on;

playing_tests_on!(Vst3Host);
instrument_tests_on!(Vst3Host);
keeping_tests_on!(Vst3Host);
groove_in_tests_on!(Vst3Host);
metres_tests_on!(Vst3Host);
library_tests_on!(Vst3Host);

#[test]
fn the_factory_offers_one_instrument() {
    let classes = classes();
    assert_eq!(classes.len(), 1);
    assert_eq!(classes[0].name, "Fourbar");
    assert_eq!(classes[0].category, "Audio Module Class");
    // Permanent: projects name the plugin by it.
    #[cfg(not(target_os = "windows"))]
    assert_eq!(&classes[0].id, b"FourbarGrooveVAE");
}

/// Values that differ from every default.
fn values(host: &mut Vst3Host) -> Vec<(u32, f64)> {
    let densities = (1..=N_VOICES).map(|drum| format!("density_{drum}"));
    let others = ["midi_out", "velocity_max", "fill_size", "input_heard"].map(str::to_owned);
    let at_the_top: Vec<u32> = densities.chain(others).map(|id| param_id(&id)).collect();
    let parameters = host.parameters();
    parameters
        .into_iter()
        .map(|(id, _)| (id, if at_the_top.contains(&id) { 0.0 } else { 1.0 }))
        .collect()
}

#[test]
fn a_state_saved_right_after_a_change_holds_the_new_value() {
    let mut idle = Vst3Host::new(Setup::default());
    idle.set_processing(false);
    let mut processing = Vst3Host::new(Setup::default());
    let before = json(&mut processing)["params"].clone();
    for (id, value) in values(&mut idle) {
        idle.tell_controller(id, value);
        processing.tell_controller(id, value);
        assert_eq!(processing.controller_value(id), value);
    }
    let saved = json(&mut processing)["params"].clone();
    assert_eq!(saved, json(&mut idle)["params"]);
    for (id, value) in saved.as_object().unwrap() {
        assert_ne!(value, &before[id], "{id}");
    }
}

#[test]
fn a_change_is_not_lost_when_the_host_stops_processing() {
    let mut host = Vst3Host::new(Setup::default());
    host.tell_controller(param_id("temperature"), 0.25);
    host.set_processing(false);
    host.set_processing(true);
    assert_eq!(host.controller_value(param_id("temperature")), 0.25);
    assert_eq!(json(&mut host)["params"]["temperature"]["f32"], 0.5);
}

#[test]
fn a_project_replaces_what_the_controller_was_told() {
    let mut host = Vst3Host::new(Setup::default());
    let project = host.save();
    host.tell_controller(param_id("temperature"), 0.25);
    assert!(host.load(&project));
    assert_eq!(host.controller_value(param_id("temperature")), 0.5);
    assert_eq!(host.save(), project);
}

/// Hosts show automation by telling the controller, some time after the processor.
#[test]
fn an_echo_of_automation_changes_neither_the_song_nor_the_project() {
    let play = |echo: bool| {
        let mut player = Player::<Vst3Host>::offline();
        let mut last = None;
        for number in 0_u32..30 {
            let seed = f64::from(number * 7 % 5) / 999_999.0;
            if let Some(last) = last.replace(seed).filter(|_| echo) {
                player.host.tell_controller(param_id("seed"), last);
            }
            player.change(param_id("seed"), seed);
            player.play(0.6);
        }
        player.stop();
        // The pattern that is saved beside the parameters may still be in the making.
        let parameters = json(&mut player.host)["params"].clone();
        assert!(parameters.is_object());
        (player.heard, parameters)
    };
    assert_eq!(play(true), play(false));
}

#[test]
fn it_can_be_activated_before_it_is_set_up() {
    let mut host = Vst3Host::inactive(Setup::default());
    assert!(host.activate_without_setup());
    let block = Block {
        n_samples: 64,
        ..Block::default()
    };
    let (result, events) = host.try_process(&block);
    assert_ne!(result, vst3::Steinberg::kResultOk);
    assert_eq!(events, []);
    host.set_up();
    host.set_processing(true);
    let mut player = Player::on(host);
    player.play(16.0);
    player.stop();
    assert!(player.notes().len() > 8);
}

#[test]
fn drums_have_buses_that_are_not_active_from_the_start() {
    let outputs = Vst3Host::inactive(Setup::default()).outputs();
    assert_eq!(outputs.len(), 10);
    assert_eq!(outputs[0], ("Output".to_owned(), true));
    for (voice, (name, is_active)) in Voice::ALL.into_iter().zip(&outputs[1..]) {
        assert_eq!(name.to_lowercase(), voice.name());
        assert!(!is_active, "{name}");
    }
}

#[test]
fn a_host_that_leaves_out_buses_hears_the_mix() {
    let play = |left_out| {
        let mut host = Vst3Host::with_buses(Setup::default());
        host.left_out = left_out;
        let mut player = Player::on(host);
        player.recording = Some(Default::default());
        player.play(8.0);
        player.stop();
        (player.recording.take().unwrap(), player.heard)
    };
    let all = play(LeftOut::Nothing);
    assert!(all.0[0].iter().any(|sample| sample.abs() > 0.1));
    assert!(play(LeftOut::Channels) == all);
    assert!(play(LeftOut::Buses) == all);
}
