//! Presets: those that come with the plugin are like drummers' grooves, and one that is saved plays the same again.
//! `host_clap.rs` and `host_vst3.rs` run the second part.

use std::collections::{BTreeMap, BTreeSet};

use fourbar_model::attributes::{
    density, dynamics, hat_openness, loudness, push, swing, syncopation_16th, weak_share,
};
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_plugin::inference::checkpoints;
use fourbar_plugin::inference::engine::Engine;
use fourbar_plugin::inference::models::Choice;
use fourbar_plugin::library::factory::{Factory, FactoryPreset, digest, request};
use fourbar_plugin::library::{DrumSettings, Folder, Preset, Settings, tags_of};
use fourbar_plugin::request::{Kept, Locks, Ready, STYLES};
use fourbar_trainer::data::{Dataset, Split, published_in_environment};

use crate::harness::state::{json, of_json};
use crate::harness::{Host, NoteEvent, Player};

/// Writes a test for each function of this module that takes a host, on one kind of host.
macro_rules! library_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            library, $host:
            a_preset_plays_what_it_was_saved_from
        }
    };
}
pub(crate) use library_tests_on;

/// Set to the path of the file, it makes [`factory_presets_are_like_the_drummers_of_their_style`] choose the presets anew.
const FILE: &str = "FOURBAR_FACTORY_PRESETS";

/// Seeds that are tried for each style at most, and grooves like drummers' that are enough to choose from.
const N_SEEDS: u32 = 3_000;
const N_CANDIDATES: usize = 30;
/// Length of a groove of the built-in model, in steps.
const N_STEPS: usize = 64;
/// The share of the drummers' grooves of a style that a preset lies among, in every figure.
const BAND: [f64; 2] = [0.05, 0.95];
/// The most that two presets may have in common: of the hits of either, the share that both have.
const MAX_COMMON: f64 = 0.6;
/// The three presets of a style: what they are called, and which share of the drummers' grooves has fewer hits.
const PLACES: [(&str, f64); 3] = [("sparse", 0.2), ("steady", 0.5), ("busy", 0.8)];

/// What a groove is measured by; `None` where it has too few hits for it.
type Figures = [Option<f64>; 8];

fn figures(groove: &Groove) -> Figures {
    let mut struck = vec![false; groove.n_steps()];
    for (step, ..) in groove.hits() {
        struck[step] = true;
    }
    [
        density(groove),
        weak_share(groove),
        syncopation_16th(&struck),
        swing(groove),
        push(groove),
        loudness(groove),
        dynamics(groove),
        hat_openness(groove),
    ]
}

/// Drummers' grooves, sorted by each figure.
struct Drummers([Vec<f64>; 8]);

impl Drummers {
    fn of(grooves: &[Groove]) -> Self {
        let all: Vec<Figures> = grooves.iter().map(figures).collect();
        Self(std::array::from_fn(|figure| {
            let mut sorted: Vec<f64> = all.iter().filter_map(|figures| figures[figure]).collect();
            sorted.sort_by(f64::total_cmp);
            sorted
        }))
    }

    /// The value of a figure below which this share of the grooves lies; `None` where too few have the figure to say.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    fn at(&self, figure: usize, share: f64) -> Option<f64> {
        let sorted = &self.0[figure];
        let place = (share * (sorted.len().checked_sub(1)?) as f64).round() as usize;
        (sorted.len() >= 8).then(|| sorted[place])
    }

    /// Whether every figure lies among those of most of the grooves.
    fn have(&self, figures: &Figures) -> bool {
        (0..figures.len()).all(|figure| {
            let band = BAND.map(|share| self.at(figure, share));
            match (figures[figure], band) {
                (Some(value), [Some(low), Some(high)]) => low <= value && value <= high,
                _ => true,
            }
        })
    }

    /// How far the figures are from the middle ones, and the first, the density, from that of this share of the grooves.
    fn distance(&self, figures: &Figures, density: f64) -> f64 {
        let of_one = |figure: usize| {
            let share = if figure == 0 { density } else { 0.5 };
            let [low, high] = BAND.map(|share| self.at(figure, share));
            let (value, middle) = (figures[figure]?, self.at(figure, share)?);
            Some((value - middle).abs() / (high? - low?).max(1e-6))
        };
        (0..figures.len()).filter_map(of_one).sum()
    }
}

/// The drummers' grooves of the data set, by style.
fn drummers() -> Option<Vec<(&'static str, Vec<Groove>)>> {
    let path = published_in_environment()?;
    let converter = Converter::Groove(GrooveConverter::default());
    let dataset = Dataset::load(&path, &converter, &DrumMap::TD11).unwrap();
    let splits = [Split::Train, Split::Validation, Split::Test];
    let windows: Vec<_> = splits
        .into_iter()
        .flat_map(|split| dataset.windows(split, N_STEPS, 1))
        .collect();
    let of_style = |id: &'static str| {
        let is_of_style = |file: usize| dataset.files[file].style.as_deref() == Some(id);
        let of_style = windows.iter().filter(|window| is_of_style(window.file));
        let grooves = of_style.filter_map(|window| dataset.groove(window));
        (id, grooves.filter(|groove| groove.n_hits() >= 8).collect())
    };
    Some(STYLES.iter().map(|style| of_style(style.id)).collect())
}

#[test]
fn factory_presets_are_like_the_drummers_of_their_style() {
    let file = std::env::var_os(FILE);
    let Some(drummers) = drummers() else {
        assert!(
            file.is_none(),
            "presets are chosen by the Groove MIDI Dataset: download it (cargo xtask data) and set FOURBAR_DATA to its archive"
        );
        println!("FOURBAR_DATA is not set: the presets are not compared with drummers");
        return;
    };
    let mut engine = checkpoints::engine(&Choice::default()).unwrap();
    if let Some(file) = file {
        let factory = choose(&mut engine, &drummers);
        let text = serde_json::to_string_pretty(&factory).unwrap();
        return std::fs::write(file, text + "\n").unwrap();
    }
    let drummers: BTreeMap<&str, Drummers> = drummers
        .iter()
        .map(|(style, grooves)| (*style, Drummers::of(grooves)))
        .collect();
    let mut grooves: Vec<Groove> = Vec::new();
    for preset in &Factory::embedded().presets {
        let groove = preset.make(&mut engine).unwrap().plain_groove();
        let figures = figures(&groove);
        let name = &preset.name;
        assert!(
            drummers[preset.style.as_str()].have(&figures),
            "{name}: {figures:?}"
        );
        for other in &grooves {
            assert!(
                common(other, &groove) < MAX_COMMON,
                "{name} is like another"
            );
        }
        grooves.push(groove);
    }
}

/// For each style and each place the groove that is most in the middle of the drummers', and unlike those chosen before.
fn choose(engine: &mut Engine, drummers: &[(&str, Vec<Groove>)]) -> Factory {
    let mut chosen: Vec<Groove> = Vec::new();
    let mut presets = Vec::new();
    for (index, (style, grooves)) in STYLES
        .iter()
        .zip(drummers.iter().map(|it| &it.1))
        .enumerate()
    {
        let drummers = Drummers::of(grooves);
        let made = (0..N_SEEDS).map(|seed| {
            let request = request(Some(index), seed);
            engine.make(&request, None, None).unwrap()
        });
        let candidates: Vec<(Ready, Groove, Figures)> = made
            .map(|ready| {
                let groove = ready.plain_groove();
                let figures = figures(&groove);
                (ready, groove, figures)
            })
            .filter(|(_, groove, figures)| has_every_one(groove) && drummers.have(figures))
            .take(N_CANDIDATES)
            .collect();
        let last = candidates.get(N_CANDIDATES - 1);
        let n_tried = last.map_or(N_SEEDS, |(ready, ..)| ready.request.seed + 1);
        println!(
            "{}: {} of the first {n_tried} seeds are like drummers' {} windows",
            style.name,
            candidates.len(),
            grooves.len()
        );
        for (word, share) in PLACES {
            let is_unlike = |groove: &Groove| {
                chosen
                    .iter()
                    .all(|other| common(other, groove) < MAX_COMMON)
            };
            let distance = |figures: &Figures| drummers.distance(figures, share);
            let (ready, groove, _) = candidates
                .iter()
                .filter(|(_, groove, _)| is_unlike(groove))
                .min_by(|a, b| distance(&a.2).total_cmp(&distance(&b.2)))
                .unwrap_or_else(|| panic!("no {word} {} groove: try more seeds", style.name));
            let traits = traits(groove);
            let suffix = traits.first().map_or("", |(_, suffix)| suffix);
            let tags = traits.iter().map(|(tag, _)| *tag);
            presets.push(FactoryPreset {
                name: format!("{}, {word}{suffix}", style.name),
                style: style.id.to_owned(),
                seed: ready.request.seed,
                tags: std::iter::once(word)
                    .chain(tags)
                    .map(str::to_owned)
                    .collect(),
                notes: digest(ready),
            });
            chosen.push(groove.clone());
        }
    }
    Factory {
        checkpoint_id: engine.identity().checkpoint_id.clone(),
        presets,
    }
}

/// Whether something plays on the first beat of every bar.
fn has_every_one(groove: &Groove) -> bool {
    let ones = (0..groove.n_steps()).step_by(STEPS_PER_BAR);
    let plays = |step| {
        Voice::ALL
            .iter()
            .any(|&voice| groove.cell(step, voice).is_some())
    };
    ones.into_iter().all(plays)
}

/// Of the hits of two grooves, the share that both have.
fn common(a: &Groove, b: &Groove) -> f64 {
    let places = |groove: &Groove| -> BTreeSet<(usize, usize)> {
        groove
            .hits()
            .map(|(step, voice, _)| (step, voice.index()))
            .collect()
    };
    let (a, b) = (places(a), places(b));
    let count = |n: usize| f64::from(u32::try_from(n).unwrap());
    count(a.intersection(&b).count()) / count(a.union(&b).count()).max(1.0)
}

/// What stands out of a groove, as tags and as parts of a name.
fn traits(groove: &Groove) -> Vec<(&'static str, &'static str)> {
    let share = |of: &dyn Fn(Voice, f32) -> bool, among: &dyn Fn(Voice) -> bool| {
        let hits: Vec<_> = groove
            .hits()
            .filter(|(_, voice, _)| among(*voice))
            .collect();
        let n = hits
            .iter()
            .filter(|(_, voice, cell)| of(*voice, cell.velocity))
            .count();
        let count = |n: usize| f64::from(u32::try_from(n).unwrap());
        count(n) / count(hits.len()).max(1.0)
    };
    let all = |_: Voice| true;
    let is_cymbal = |voice| [Voice::Ride, Voice::ClosedHat, Voice::OpenHat].contains(&voice);
    let is_tom = |voice, _| [Voice::LowTom, Voice::MidTom, Voice::HighTom].contains(&voice);
    let is_ghost = |_, velocity| velocity < 0.35;
    let at_least = |value: Option<f64>, bound: f64| value.is_some_and(|value| value >= bound);
    let at_most = |value: Option<f64>, bound: f64| value.is_some_and(|value| value <= bound);
    let traits = [
        (
            share(&|voice, _| voice == Voice::Ride, &is_cymbal) > 0.5,
            "ride",
            " on the ride",
        ),
        (share(&is_tom, &all) > 0.2, "toms", " with toms"),
        (
            share(&is_ghost, &|voice| voice == Voice::Snare) > 0.4,
            "ghost notes",
            " with ghost notes",
        ),
        (
            at_least(hat_openness(groove), 0.2),
            "open hats",
            " with open hats",
        ),
        (at_least(swing(groove), 0.15), "swung", ", swung"),
        (at_most(loudness(groove), 0.4), "soft", ""),
        (at_least(loudness(groove), 0.6), "loud", ""),
        (at_least(weak_share(groove), 0.35), "syncopated", ""),
    ];
    let is_there = |&(is_there, ..): &(bool, _, _)| is_there;
    traits
        .into_iter()
        .filter(is_there)
        .map(|(_, tag, suffix)| (tag, suffix))
        .collect()
}

/// What is played from beat 40 on for ten bars.
fn heard<H: Host>(player: &mut Player<H>) -> Vec<(u64, u8, u32)> {
    player.forget();
    let start = player.now();
    player.seek(40.0);
    player.play(40.0);
    player.stop();
    let begin =
        |event: &NoteEvent| Some((event.sample - start, event.pitch, event.velocity?.to_bits()));
    player.heard.iter().filter_map(begin).collect()
}

pub(crate) fn a_preset_plays_what_it_was_saved_from<H: Host>() {
    // A groove with a locked bar, fills and a feel of its own.
    let mut player = Player::<H>::offline();
    let first = player.wait_for_pattern(|_| true);
    let mut locks = Locks::of(&first, None);
    locks.toggle(|step, _| step < STEPS_PER_BAR);
    let put_locks = |player: &mut Player<H>, locks: Option<&Locks>| {
        let mut project = json(&mut player.host);
        project["fields"]["locks"] = serde_json::to_string(&locks).unwrap().into();
        assert!(player.host.load(&of_json::<H>(&project)));
        let id = locks.map_or(0, Locks::id);
        player.wait_for_pattern(|ready| ready.request.locks == id);
    };
    put_locks(&mut player, Some(&locks));
    for (id, text) in [
        ("seed", "77"),
        ("style", "Funk"),
        ("temperature", "0.8"),
        ("complexity", "30 %"),
        ("swing", "-20 %"),
        ("fill_every", "8 bars"),
        ("fill_size", "2 beats"),
        ("timing", "70 %"),
        ("mute_3", "On"),
        ("density_1", "60 %"),
        ("lane_velocity_2", "80 %"),
    ] {
        player.set(id, text);
    }
    let is_wanted = |ready: &Ready| {
        let request = ready.request;
        request.seed == 77 && request.locks == locks.id() && ready.n_passes == 2
    };
    let saved_from = player.wait_for_pattern(is_wanted);
    let expected = heard(&mut player);
    assert!(expected.len() > 30, "{} notes", expected.len());

    let plain = DrumSettings::default;
    let (mute, density, velocity) = (true, 0.6, 0.8);
    let settings = Settings {
        timing: 0.7,
        velocity: 1.0,
        drums: BTreeMap::from([
            (Voice::ClosedHat, DrumSettings { mute, ..plain() }),
            (Voice::Kick, DrumSettings { density, ..plain() }),
            (
                Voice::Snare,
                DrumSettings {
                    velocity,
                    ..plain()
                },
            ),
        ]),
    };
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path().to_owned());
    let kept = Kept::of(&saved_from, None, Some(&locks));
    let preset = Preset::new(kept, Choice::default(), settings, tags_of("test"));
    folder.save("Mine", &preset).unwrap();

    let read = folder.read("Mine").unwrap();
    assert_eq!(read.kept.ready(), &saved_from);
    let mut other = Player::<H>::offline();
    put_locks(&mut other, read.kept.locks());
    for (id, text) in texts(&read) {
        other.set(&id, &text);
    }
    let again = other.wait_for_pattern(is_wanted);
    assert_eq!(again.pattern, saved_from.pattern);
    assert_eq!(heard(&mut other), expected);
}

/// The parameters that a preset decides, as texts.
pub(crate) fn texts(preset: &Preset) -> Vec<(String, String)> {
    let request = preset.kept.ready().request;
    let (play, form) = (request.play, request.form);
    let percent = |share: f32| (100.0 * share).to_string();
    let every = match form.fill_every {
        0 => "Never".to_owned(),
        bars => format!("{bars} bars"),
    };
    let style = play.style.map_or("Any", |style| STYLES[style].name);
    let size = ["1 beat", "2 beats", "", "1 bar"][usize::from(form.fill_beats) - 1];
    let passes = if form.vary_every == 1 {
        "1 pass".to_owned()
    } else {
        format!("{} passes", form.vary_every)
    };
    let mut texts = vec![
        ("seed", request.seed.to_string()),
        ("temperature", request.temperature.to_string()),
        ("feel_temperature", request.feel_temperature.to_string()),
        ("style", style.to_owned()),
        ("complexity", percent(play.complexity)),
        ("intensity", percent(play.intensity)),
        ("swing", percent(play.swing)),
        ("push", percent(play.push)),
        ("fill_every", every),
        ("fill_size", size.to_owned()),
        ("vary_every", passes),
        ("variation", percent(form.variation)),
        ("timing", percent(preset.settings.timing)),
        ("velocity", percent(preset.settings.velocity)),
    ]
    .into_iter()
    .map(|(id, text)| (id.to_owned(), text))
    .collect::<Vec<_>>();
    for (number, voice) in (1..).zip(Voice::ALL) {
        let drum = preset.settings.of(voice);
        texts.push((
            format!("mute_{number}"),
            if drum.mute { "On" } else { "Off" }.to_owned(),
        ));
        texts.push((format!("density_{number}"), percent(drum.density)));
        texts.push((format!("lane_velocity_{number}"), percent(drum.velocity)));
    }
    texts
}
