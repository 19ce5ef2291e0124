//! Random sessions: whatever a host and a player do, no note is doubled, lost, cut or left hanging.
//!
//! The same few hundred are tried each time; as many others as `FOURBAR_SCENARIOS` says where that is set.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use fourbar_model::drums::{DrumMap, N_VOICES, Voice};
use fourbar_model::groove::beats;
use fourbar_model::pattern::{Feel, Hit, Lane, Lanes, Pattern};
use fourbar_plugin::audio::pending::Boundary;
use fourbar_plugin::groove_name::variation_at;
use fourbar_plugin::inference::checkpoints;
use fourbar_plugin::inference::engine::Engine;
use fourbar_plugin::inference::models::Choice;
use fourbar_plugin::request::{
    Form, Kept, Metre, Morph, N_CORNERS, N_LATENT, N_SLOTS, Ready, Request, Source,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::harness::clap::ClapHost;
use crate::harness::rule::{Told, check_sections};
use crate::harness::score::{Asked, Scored, score};
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Player, Setup, Transport, param_id, state};

/// What a host or a player does next.
#[derive(Clone, Debug)]
enum Action {
    Play {
        beats: f64,
    },
    Stop,
    Seek {
        beats: f64,
    },
    /// Moves by a multiple of two bars, which is the length of the shortest groove.
    SeekBars {
        n_pairs: i32,
    },
    Tempo {
        bpm: f64,
    },
    Cycle {
        start: f64,
        length: f64,
    },
    NoCycle,
    /// From the next bar on.
    Metre {
        numerator: u16,
        denominator: u16,
    },
    /// The parameter *slot*: the values are *Live*, the slots and *Morph*.
    Slot {
        value: usize,
    },
    /// A place on the morph pad, in percent.
    MorphTo {
        x: u8,
        y: u8,
    },
    FillNow,
    /// A key works the plugin.
    Trigger {
        key: u8,
    },
    /// A note comes in, which plays the kit and nothing else.
    KeyIn {
        pitch: u8,
    },
    /// A transport event inside a block: another tempo from there on.
    TempoInsideBlock {
        n_samples: u32,
        offset: u32,
        bpm: f64,
    },
}

#[derive(Clone, Debug)]
struct Scenario {
    sample_rate: f64,
    block_sizes: Vec<u32>,
    /// What is in the slots besides grooves of the model: of four bars, of two, and two passes of four.
    wild: [Vec<Hit>; 3],
    apply_at: (&'static str, Boundary),
    /// *Fill size* and *Fill every* of the live groove.
    form: (&'static str, &'static str),
    timing: f32,
    lanes: Vec<Lane>,
    actions: Vec<Action>,
}

fn hit(n_steps: u32) -> impl Strategy<Value = Hit> {
    (0..n_steps, 0..N_VOICES, -0.125..=0.125_f64, 0.01..=1.0_f32).prop_map(
        |(step, voice, offset_beats, velocity)| Hit {
            grid_beats: f64::from(step) / 4.0,
            offset_beats,
            voice: Voice::from_index(voice).unwrap(),
            velocity,
        },
    )
}

/// At most one hit in a cell, as in every groove.
fn hits(n_steps: u32) -> impl Strategy<Value = Vec<Hit>> {
    prop::collection::vec(hit(n_steps), 1..120).prop_map(|mut hits| {
        hits.sort_by(|a, b| {
            a.grid_beats
                .total_cmp(&b.grid_beats)
                .then(a.voice.cmp(&b.voice))
        });
        hits.dedup_by_key(|hit| (hit.grid_beats.to_bits(), hit.voice));
        hits
    })
}

/// Most drums are played as they are.
fn lane() -> impl Strategy<Value = Lane> {
    let share = |most: u8| (0..=most).prop_map(|percent| f32::from(percent) / 100.0);
    let whole = Lane {
        is_heard: true,
        density: 1.0,
        velocity: 1.0,
    };
    prop_oneof![
        3 => Just(whole),
        2 => (prop::bool::weighted(0.8), share(100), share(200)).prop_map(
            |(is_heard, density, velocity)| Lane { is_heard, density, velocity }
        ),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let tempo = || 30.0..300.0_f64;
    prop_oneof![
        6 => (0.01..9.0_f64).prop_map(|beats| Action::Play { beats }),
        1 => Just(Action::Stop),
        2 => (-20..400_i32).prop_map(|place| Action::Seek { beats: f64::from(place) / 7.0 }),
        1 => (-5..6_i32).prop_map(|n_pairs| Action::SeekBars { n_pairs }),
        2 => tempo().prop_map(|bpm| Action::Tempo { bpm }),
        1 => (0..60_u32, 2..70_u32).prop_map(|(start, length)| Action::Cycle {
            start: f64::from(start) / 2.0,
            length: f64::from(length) / 2.0,
        }),
        1 => Just(Action::NoCycle),
        2 => prop::sample::select(vec![(4, 4), (3, 4), (5, 4), (6, 8), (7, 8), (12, 8)])
            .prop_map(|(numerator, denominator)| Action::Metre { numerator, denominator }),
        3 => (0..=N_SLOTS).prop_map(|value| Action::Slot { value }),
        1 => (0..=100_u8, 0..=100_u8).prop_map(|(x, y)| Action::MorphTo { x, y }),
        2 => Just(Action::FillNow),
        3 => prop::sample::select(vec![12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
            .prop_map(|key| Action::Trigger { key }),
        1 => (32..90_u8).prop_map(|pitch| Action::KeyIn { pitch }),
        2 => (2..3000_u32, 0.0..1.0_f64, tempo()).prop_map(|(n_samples, place, bpm)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place inside the block"
            )]
            let offset = 1 + (place * f64::from(n_samples - 1)) as u32;
            Action::TempoInsideBlock { n_samples, offset: offset.min(n_samples - 1), bpm }
        }),
    ]
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let boundaries = [
        ("Now", Boundary::Sixteenth),
        ("Beat", Boundary::Beat),
        ("Bar", Boundary::Bar),
        ("Pattern", Boundary::Loop),
    ];
    let forms = [
        ("1 beat", "Never"),
        ("2 beats", "2 bars"),
        ("1 bar", "8 bars"),
    ];
    (
        prop::sample::select(vec![8_000.0, 22_050.0, 44_100.0, 48_000.0]),
        prop::collection::vec(prop_oneof![1..40_u32, 40..700_u32, 700..4096_u32], 1..5),
        (hits(64), hits(32), hits(128)).prop_map(<[_; 3]>::from),
        prop::sample::select(boundaries.to_vec()),
        prop::sample::select(forms.to_vec()),
        prop::sample::select(vec![0.0, 1.0, 2.0, 0.37]),
        prop::collection::vec(lane(), N_VOICES),
        prop::collection::vec(action(), 2..12),
    )
        .prop_map(
            |(sample_rate, block_sizes, wild, apply_at, form, timing, lanes, actions)| Scenario {
                sample_rate,
                block_sizes,
                wild,
                apply_at,
                form,
                timing,
                lanes,
                actions,
            },
        )
}

fn engine() -> Engine {
    checkpoints::engine(&Choice::default()).unwrap()
}

/// Grooves of the model that are kept: the second has fills, the third varies, the last is in 7/8.
static OF_MODEL: LazyLock<[Kept; 4]> = LazyLock::new(|| {
    let fills = Form {
        fill_every: 4,
        fill_beats: 2,
        ..Form::default()
    };
    let varies = Form {
        vary_every: 4,
        variation: 0.25,
        ..Form::default()
    };
    let mut engine = engine();
    [
        (20, Form::default(), Metre::default()),
        (33, fills, Metre::default()),
        (47, varies, Metre::default()),
        (52, fills, Metre::new(7, 8)),
    ]
    .map(|(seed, form, metre)| {
        let request = Request {
            form,
            metre,
            ..Request::new(seed, 0, 1.0, [0.0; N_LATENT])
        };
        let ready = engine.make(&request, None, None).unwrap();
        Kept::of(&ready, None, None)
    })
});

/// What is in the slots, the last of which is empty.
fn slots(scenario: &Scenario) -> Vec<Kept> {
    let wild = |hits: &[Hit], n_bars: u32, n_passes: usize| {
        let loop_beats = 4.0 * f64::from(n_bars);
        let ready = Ready {
            request: Request::new(1, 0, 1.0, [0.0; N_LATENT]),
            checkpoint_id: "a hand".to_owned(),
            pattern: Pattern::new(hits.to_vec(), loop_beats),
            groove: None,
            n_passes,
        };
        Kept::of(&ready, None, None)
    };
    let [four_bars, two_bars, two_passes] = &scenario.wild;
    let [plain, fills, varies, in_seven] = OF_MODEL.clone();
    vec![
        wild(four_bars, 4, 1),
        wild(two_bars, 2, 1),
        plain,
        fills,
        wild(two_passes, 8, 2),
        varies,
        in_seven,
    ]
}

thread_local! {
    /// What makes the patterns that are expected, and those that it has made, by what decides them.
    static MAKER: RefCell<(Engine, HashMap<u64, Arc<Ready>>)> =
        RefCell::new((engine(), HashMap::new()));
}

/// Patterns that are remembered.
const MAX_MADE: usize = 500;

/// The pattern of `request`, by an engine beside the plugin's.
fn made(request: &Request, slots: &[Kept]) -> Arc<Ready> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    request.hash(&mut hasher);
    let kept = |id| slots.iter().find(|kept| kept.id() == id).unwrap();
    MAKER.with_borrow_mut(|(engine, known)| {
        if known.len() >= MAX_MADE {
            known.clear();
        }
        let ready = known.entry(hasher.finish()).or_insert_with(|| {
            let ready = match request.source {
                Source::Live => engine.make(request, None, None),
                Source::Slot(id) => engine.play(request, kept(id)),
                Source::Morph(at) => engine.morph(request, &at, at.corners.map(kept)),
            };
            Arc::new(ready.unwrap())
        });
        ready.clone()
    })
}

/// A plugin in a host, and what has been asked of it.
struct Session<'a, H> {
    player: Player<H>,
    scenario: &'a Scenario,
    slots: Vec<Kept>,
    /// The parameter *slot*, and what a key chose since.
    slot: usize,
    slot_by_key: Option<usize>,
    morph: (f32, f32),
    base_variation: u64,
    variation_of_run: Option<u64>,
    n_fills: u32,
    asked: Vec<Asked>,
}

/// The value of *slot* at which the morph pad is heard.
const MORPH: usize = N_SLOTS + 1;

impl<'a, H: Host> Session<'a, H> {
    /// A project that was opened, with the first slot chosen.
    fn open(scenario: &'a Scenario) -> Self {
        let setup = Setup {
            sample_rate: scenario.sample_rate,
            ..Setup::default()
        };
        let mut player = Player::<H>::new(setup).with_blocks(&scenario.block_sizes);
        let (fill_size, fill_every) = scenario.form;
        for (id, text) in [
            ("timing", (scenario.timing * 100.0).to_string().as_str()),
            ("slot", "1"),
            ("input_keys", "On"),
            ("apply_at", scenario.apply_at.0),
            ("fill_size", fill_size),
            ("fill_every", fill_every),
        ] {
            player.set(id, text);
        }
        for (lane, number) in scenario.lanes.iter().zip(1..) {
            let mute = if lane.is_heard { "Off" } else { "On" };
            player.set(&format!("mute_{number}"), mute);
            let percent = |share: f32| (share * 100.0).to_string();
            player.set(&format!("density_{number}"), &percent(lane.density));
            player.set(&format!("lane_velocity_{number}"), &percent(lane.velocity));
        }
        player.run(64);
        let slots = slots(scenario);
        let mut json = state::json(&mut player.host);
        json["fields"]["slots"] = serde_json::to_string(&slots).unwrap().into();
        assert!(player.host.load(&state::of_json::<H>(&json)));
        player.stop();
        player.forget();
        let mut session = Self {
            player,
            scenario,
            slots,
            slot: 1,
            slot_by_key: None,
            morph: (0.5, 0.5),
            base_variation: 0,
            variation_of_run: None,
            n_fills: 0,
            asked: Vec::new(),
        };
        session.asked.push(session.asked_now());
        session
    }

    fn asked_now(&self) -> Asked {
        let transport = &self.player.transport;
        let (numerator, denominator) = transport.time_signature.unwrap();
        let [numerator, denominator] =
            [numerator, denominator].map(|number| u8::try_from(number).unwrap());
        Asked {
            request: self.request(Metre::new(numerator, denominator)),
            apply_at: self.scenario.apply_at.1,
            n_fills: self.n_fills,
            bar_beats: transport.beats_per_bar(),
            bars_from_beats: transport.bars_from_beats,
            // A host that renders follows no loop.
            cycle: None,
        }
    }

    fn request(&self, metre: Metre) -> Request {
        let (fill_size, fill_every) = self.scenario.form;
        let number = |text: &str| -> u8 {
            let digits = text.split(' ').next();
            digits.unwrap().parse().unwrap_or(0)
        };
        let fill_beats = if fill_size == "1 bar" {
            4
        } else {
            number(fill_size)
        };
        let ids: Vec<u64> = self.slots.iter().map(Kept::id).collect();
        let source = match self.slot_by_key.unwrap_or(self.slot) {
            MORPH => Source::Morph(Morph {
                corners: ids[..N_CORNERS].try_into().unwrap(),
                x: self.morph.0,
                y: self.morph.1,
            }),
            slot => match slot.checked_sub(1).and_then(|slot| ids.get(slot)) {
                Some(&id) => Source::Slot(id),
                None => {
                    let form = Form {
                        fill_every: number(fill_every),
                        fill_beats,
                        ..Form::default()
                    };
                    let variation = self.variation_of_run.unwrap_or(self.base_variation);
                    return Request {
                        form,
                        metre,
                        ..Request::new(14, variation, 1.0, [0.0; N_LATENT])
                    };
                }
            },
        };
        Request::of_source(source, fill_beats, metre)
    }

    /// Asks for what is wanted now, and lets the plugin hear of it.
    fn ask(&mut self) {
        self.asked.push(self.asked_now());
        self.player.n_asked += 1;
        self.player.run(64);
    }

    fn perform(&mut self, action: &Action) {
        let player = &mut self.player;
        let is_playing = player.transport.playing;
        match *action {
            Action::Play { beats } => player.play(beats),
            Action::Stop => {
                player.stop();
                // The next playback begins with what is saved.
                self.slot_by_key = self.slot_by_key.filter(|_| !is_playing);
                self.variation_of_run = None;
                self.ask();
            }
            Action::Seek { beats } => self.seek_far(beats),
            Action::SeekBars { n_pairs } => {
                let moved_beats = f64::from(n_pairs) * self.two_bars_beats();
                self.player.seek(self.player.position_beats() + moved_beats);
            }
            Action::Tempo { bpm } => player.transport.tempo_bpm = Some(bpm),
            Action::Cycle { start, length } => {
                player.transport.cycle = Some((start, start + length));
                self.seek_far(start);
            }
            Action::NoCycle => player.transport.cycle = None,
            Action::Metre {
                numerator,
                denominator,
            } => {
                player.transport.cycle = None;
                if is_playing {
                    let bar_beats = player.transport.beats_per_bar();
                    let next_beats = player.transport.bar_start_beats() + bar_beats;
                    player.play_to(next_beats);
                    player.transport.bars_from_beats = next_beats;
                }
                player.transport.time_signature = Some((numerator, denominator));
                self.ask();
            }
            Action::Slot { value } => {
                self.choose(value);
                self.ask();
            }
            Action::MorphTo { x, y } => {
                player.set("morph_x", &x.to_string());
                player.set("morph_y", &y.to_string());
                self.morph = (f32::from(x) / 100.0, f32::from(y) / 100.0);
                self.choose(MORPH);
                self.ask();
            }
            Action::FillNow => {
                player.change(param_id("fill_now"), 1.0);
                self.n_fills += u32::from(is_playing);
                self.ask();
                self.player.change(param_id("fill_now"), 0.0);
                self.player.run(64);
            }
            Action::Trigger { key } => {
                player.play_key(key, 0.8);
                let slot = self.slot_by_key.unwrap_or(self.slot);
                match key {
                    12 if is_playing => {
                        self.variation_of_run = Some(variation_at(player.position_beats()));
                    }
                    12 => self.base_variation += 1,
                    13 => self.n_fills += u32::from(is_playing),
                    14 => self.slot_by_key = Some(slot.saturating_sub(1)),
                    15 => self.slot_by_key = Some((slot + 1).min(MORPH)),
                    _ => self.slot_by_key = Some(usize::from(key) - 23),
                }
                self.ask();
            }
            Action::KeyIn { pitch } => player.play_key(pitch, 0.7),
            Action::TempoInsideBlock {
                n_samples,
                offset,
                bpm,
            } => {
                player.transport.cycle = None;
                let beats = f64::from(offset) * player.tempo_bpm() / 60.0 / player.sample_rate();
                let moved = if is_playing { beats } else { 0.0 };
                let later = Transport {
                    tempo_bpm: Some(bpm),
                    position_beats: Some(player.position_beats() + moved),
                    ..player.transport
                };
                player.block(n_samples, Some((offset, later)));
            }
        }
    }

    /// Moves the parameter *slot*, after which a key no longer counts.
    fn choose(&mut self, value: usize) {
        let text = match value {
            0 => "Live".to_owned(),
            MORPH => "Morph".to_owned(),
            slot => slot.to_string(),
        };
        self.player.set("slot", &text);
        if value != self.slot {
            self.slot_by_key = None;
        }
        self.slot = value;
    }

    /// Two bars of a groove, of which all grooves here are multiples.
    fn two_bars_beats(&self) -> f64 {
        let metre = self.asked.last().unwrap().request.metre;
        beats(2 * metre.unit_steps())
    }

    /// Seeks to `beats`, or beyond it where that would be next to where the song was last played, or to that place of
    /// another round.
    ///
    /// So short a way may also be a change of tempo inside the last block, up to half a second of it at 300 bpm, or rounding:
    /// the song is taken to play on.
    fn seek_far(&mut self, beats: f64) {
        let last_beats = self.player.told.last().map_or(0.0, Told::end_beats);
        let length = self.two_bars_beats();
        let distance = (beats - last_beats + length / 2.0).rem_euclid(length) - length / 2.0;
        self.player.seek(if distance.abs() < 2.6 {
            beats - distance + length / 2.0
        } else {
            beats
        });
    }
}

/// Plays the scenario and compares every note and its length with the rule.
fn play<H: Host>(scenario: &Scenario) {
    let mut session = Session::<H>::open(scenario);
    for action in &scenario.actions {
        session.perform(action);
    }
    session.player.stop();
    let Session {
        player,
        slots,
        asked,
        ..
    } = &session;
    let scored = score(&player.told, asked, |request| made(request, slots));
    let feel = Feel {
        timing: scenario.timing,
        lanes: Lanes(std::array::from_fn(|voice| scenario.lanes[voice])),
        ..Feel::AS_GENERATED
    };
    let sections: Vec<_> = scored.iter().map(Scored::section).collect();
    check_sections(player, &sections, feel, &DrumMap::GM.keys());
}

/// The same where a host tells of a new tempo at the start of a block only.
fn at_block_starts(mut scenario: Scenario) -> Scenario {
    for action in &mut scenario.actions {
        if let Action::TempoInsideBlock { bpm, .. } = *action {
            *action = Action::Tempo { bpm };
        }
    }
    scenario
}

fn cases(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("FOURBAR_SCENARIOS").ok();
    ProptestConfig {
        rng_seed: match wanted {
            Some(_) => RngSeed::Random,
            None => RngSeed::Fixed(12),
        },
        cases: wanted.map_or(usual, |number| number.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_note_is_doubled_lost_cut_or_left_hanging(scenario in scenario()) {
        play::<ClapHost>(&scenario);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_note_is_doubled_lost_cut_or_left_hanging_in_vst3(scenario in scenario().prop_map(at_block_starts)) {
        play::<Vst3Host>(&scenario);
    }
}
