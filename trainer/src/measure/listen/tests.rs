//! The page, of a small model and of grooves that are made on the spot.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::clips::{Clip, N_PAIRS, Player, choose};
use super::*;
use crate::data::Dataset;
use crate::make::generate::sample;
use crate::measure::sound::SAMPLE_RATE;
use crate::models::tiny;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fourbar_model::config::ModelConfig;
use fourbar_model::converter::{Converter, GrooveConverter, MelodyConverter};
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BAR, beats};
use fourbar_model::midi::{self, DRUM_CHANNEL};
use fourbar_model::noise::Noise;
use fourbar_model::pattern::Feel;
use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, Trim};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use tempfile::TempDir;

/// Largest tempo of the data.
const TOP_BPM: usize = 300;

/// A data set: so many files of the test split, each at a tempo of its own, and two that are none of the drummers' beats of
/// this split.
fn data(n_files: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "drummer,style,bpm,beat_type,midi_filename,split\n".to_owned();
    let mut add = |name: &str, bpm: usize, beat_type: &str, split: &str| {
        writeln!(table, "ann,rock,{bpm},{beat_type},{name},{split}").unwrap();
        let groove = groove(3 * STEPS_PER_BAR, &mut Noise::from_seed(bpm as u64));
        let notes =
            groove
                .to_pattern()
                .to_notes(Feel::AS_GENERATED, &DrumMap::TD11.keys(), DRUM_CHANNEL);
        let bpm = u16::try_from(bpm).unwrap();
        let bytes = midi::write(&notes, beats(groove.n_steps()), f64::from(bpm));
        std::fs::write(folder.path().join(name), bytes).unwrap();
    };
    for index in 0..n_files {
        add(
            &format!("beat{index}.mid"),
            TOP_BPM - 2 * index,
            "beat",
            "test",
        );
    }
    add("fill.mid", 101, "fill", "test");
    add("learned.mid", 102, "beat", "train");
    std::fs::write(folder.path().join("info.csv"), table).unwrap();
    folder
}

fn groove(n_steps: usize, noise: &mut Noise) -> Groove {
    let mut groove = Groove::empty(n_steps);
    for step in 0..n_steps {
        for voice in Voice::ALL {
            let plays = noise.uniform() < 0.15;
            let (velocity, offset) = (0.2 + 0.8 * noise.uniform(), noise.uniform() - 0.5);
            groove.set(step, voice, plays.then_some(Cell { velocity, offset }));
        }
    }
    groove
}

/// The file of a model of single bars, in `folder`.
fn save_model(folder: &Path) -> PathBuf {
    let config = ModelConfig::flat_groove("tiny", STEPS_PER_BAR, 8, vec![8], vec![16, 16]);
    tiny::save_as(folder, config)
}

fn model() -> LoadedModel {
    let folder = tempfile::tempdir().unwrap();
    LoadedModel::open(&save_model(folder.path())).unwrap()
}

fn dataset(folder: &Path) -> Dataset {
    let converter = Converter::Groove(GrooveConverter::default());
    Dataset::load(folder, &converter, &DrumMap::TD11).unwrap()
}

fn is_drummer(clip: &Clip) -> bool {
    matches!(clip.player, Player::Drummer { .. })
}

/// The page that the command writes of 25 files of data.
static PAGE: LazyLock<String> = LazyLock::new(|| html(data(25).path(), 0));

/// The page that the command writes of the data in `folder`.
fn html(folder: &Path, seed: u64) -> String {
    let out = tempfile::tempdir().unwrap();
    run(&Args {
        model: Some(save_model(folder)),
        data: Some(folder.to_owned()),
        out: Some(out.path().join("listen")),
        seed,
    })
    .unwrap();
    std::fs::read_to_string(out.path().join("listen/index.html")).unwrap()
}

/// The samples of an Ogg Opus file of one channel.
fn decode(file: &[u8]) -> Vec<f32> {
    let mut reader = OggOpusReader::new(file).unwrap();
    let rate = i32::from(SAMPLE_RATE);
    let mut decoder = reader.head().decoder(rate).unwrap();
    let mut trim = Trim::new(reader.head(), rate, 1).unwrap();
    let mut block = vec![0.0; MAX_PACKET_SAMPLES];
    let mut samples = Vec::new();
    for packet in reader.packets() {
        let packet = packet.unwrap();
        let n = decoder
            .decode(&packet.data, MAX_PACKET_SAMPLES, &mut block)
            .unwrap();
        samples.extend_from_slice(trim.keep(&packet, &block[..n]));
    }
    samples
}

/// The clips as the page has them.
fn recorded(clips: &[Clip]) -> Vec<Vec<u8>> {
    let loops: Vec<_> = clips.iter().map(Clip::to_loop).collect();
    sound::record(&loops, N_ROUNDS).unwrap()
}

fn peak(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// The sounds inside a page.
fn sounds(html: &str) -> Vec<Vec<u8>> {
    let after = html.split("src=\"data:audio/ogg;base64,").skip(1);
    let texts = after.map(|rest| rest.split('"').next().unwrap());
    texts
        .map(|text| BASE64_STANDARD.decode(text).unwrap())
        .collect()
}

#[test]
fn each_of_twenty_drummers_loops_is_paired_with_the_models_at_the_same_tempo() {
    let (folder, model) = (data(25), model());
    let dataset = dataset(folder.path());
    let clips = choose(&model, &dataset, 0).unwrap();
    assert_eq!(clips.len(), 2 * N_PAIRS);
    let tempos_of = |drummers: bool| {
        let some = clips.iter().filter(|clip| is_drummer(clip) == drummers);
        let mut tempos: Vec<f64> = some.map(|clip| clip.bpm).collect();
        tempos.sort_by(f64::total_cmp);
        tempos
    };
    assert_eq!(tempos_of(true).len(), N_PAIRS);
    assert_eq!(tempos_of(true), tempos_of(false));

    let mut files = BTreeSet::new();
    for clip in &clips {
        match &clip.player {
            Player::Drummer { file } => {
                assert!(
                    file.starts_with("beat") && files.insert(file),
                    "{file} is a drummer's and heard once"
                );
                let source = dataset.files.iter().find(|one| one.name == *file).unwrap();
                let whole = source.extracted.parts[0].groove().unwrap();
                let windows = (0..3).filter_map(|bar| whole.window(16 * bar, 16));
                assert!(windows.into_iter().any(|window| window == clip.groove));
            }
            Player::Machine { seed } => {
                assert!(*seed < 1_000_000);
                let again = sample(&model.vae, 1.0, *seed, 0).unwrap();
                assert_eq!(again, clip.groove, "the plugin's groove of this seed");
            }
        }
    }
}

#[test]
fn the_order_says_nothing_about_who_plays() {
    const N_SEEDS: u64 = 100;
    let (folder, model) = (data(N_PAIRS), model());
    let dataset = dataset(folder.path());
    let mut drummers_at = [0; 2 * N_PAIRS];
    let (mut n_changes, mut n_neighbours_of_a_pair) = (0, 0);
    for seed in 0..N_SEEDS {
        let clips = choose(&model, &dataset, seed).unwrap();
        for (count, clip) in drummers_at.iter_mut().zip(&clips) {
            *count += usize::from(is_drummer(clip));
        }
        for pair in clips.windows(2) {
            n_changes += usize::from(is_drummer(&pair[0]) != is_drummer(&pair[1]));
            n_neighbours_of_a_pair += usize::from(pair[0].bpm == pair[1].bpm);
        }
    }
    // Four standard deviations: of 100 tosses of a coin; of the changes and the pairs that chance puts side by side.
    assert!(
        drummers_at.iter().all(|count| (30..=70).contains(count)),
        "{drummers_at:?}"
    );
    assert!((1870..=2130).contains(&n_changes), "{n_changes}");
    assert!(
        (60..=140).contains(&n_neighbours_of_a_pair),
        "{n_neighbours_of_a_pair}"
    );
}

#[test]
fn the_page_has_forty_players_that_sound_and_an_answer_to_each() {
    let page = &*PAGE;
    let sounds = sounds(page);
    assert_eq!(sounds.len(), 2 * N_PAIRS);
    assert_eq!(page.matches("<audio controls").count(), 2 * N_PAIRS);
    for kind in ["drummer", "machine"] {
        let answers = page.matches(&format!("<tr data-kind=\"{kind}\">")).count();
        assert_eq!(answers, N_PAIRS, "{kind}");
        let choices = page.matches(&format!("value=\"{kind}\">")).count();
        assert_eq!(choices, 2 * N_PAIRS, "{kind}");
    }
    let mut lengths: Vec<usize> = Vec::new();
    let mut loudest: f32 = 0.0;
    for sound in &sounds {
        let samples = decode(sound);
        let peak = peak(&samples);
        assert!((0.05..1.0).contains(&peak), "peak {peak}");
        loudest = loudest.max(peak);
        lengths.push(samples.len());
    }
    assert!(loudest > 0.6, "one gain for all, set by the loudest");
    lengths.sort_unstable();
    let (pairs, rest) = lengths.as_chunks::<2>();
    assert!(rest.is_empty() && pairs.iter().all(|[a, b]| a == b));
    let lengths: BTreeSet<_> = pairs.iter().collect();
    assert_eq!(lengths.len(), N_PAIRS, "every pair has its own tempo");
}

#[test]
fn what_is_seen_before_the_answers_does_not_give_them_away() {
    let page = &*PAGE;
    let form = page.split("<form").nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    let clips: BTreeSet<String> = (1..)
        .zip(form.split("<fieldset").skip(1))
        .map(|(number, clip)| {
            let start = clip.find("base64,").unwrap();
            let end = start + clip[start..].find('"').unwrap();
            let without_sound = [&clip[..start], &clip[end..]].concat();
            without_sound
                .replace(&format!("Loop {number}"), "Loop")
                .replace(&format!("clip{number}"), "clip")
        })
        .collect();
    assert_eq!(clips.len(), 1, "all clips look alike: {clips:?}");
    let key = page.split("<details id=\"key\">").nth(1).unwrap();
    assert!(!page.contains("<details open") && key.contains("seed") && key.contains("beat"));
}

#[test]
fn the_page_needs_nothing_else_and_credits_the_drummers() {
    let page = &*PAGE;
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for forbidden in [
        "src=\"http",
        "<link",
        "@import",
        "url(",
        "fetch(",
        "import ",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("Licence: unknown: state it before you publish"));

    let (folder, model) = (data(N_PAIRS), model());
    let mut dataset = dataset(folder.path());
    dataset.card.licence = data::GMD_LICENCE.to_owned();
    dataset.card.attribution = data::GMD_ATTRIBUTION.to_owned();
    let page = Page {
        model: &model.metadata,
        dataset: &dataset,
        seed: 0,
        clips: &choose(&model, &dataset, 0).unwrap(),
        sounds: &[],
    };
    let html = page.to_html();
    assert!(
        html.contains("<a href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a>")
    );
    assert!(html.contains("Jon Gillick, Adam Roberts"));
}

#[test]
fn the_same_command_writes_the_same_page_and_another_seed_another() {
    let folder = data(N_PAIRS);
    let page = html(folder.path(), 7);
    assert!(page == html(folder.path(), 7), "the same bytes");
    assert!(page != html(folder.path(), 8));
}

/// A clip of one bar at 120 bpm, a 16th of which is 6000 samples.
fn clip(hits: &[(usize, Voice, f32, f32)]) -> Clip {
    let mut groove = Groove::empty(STEPS_PER_BAR);
    for &(step, voice, velocity, offset) in hits {
        groove.set(step, voice, Some(Cell { velocity, offset }));
    }
    Clip {
        groove,
        bpm: 120.0,
        player: Player::Machine { seed: 0 },
    }
}

#[test]
fn every_hit_sounds_when_it_is_played_in_both_rounds() {
    // An early kick on the "one", and a late closed hi-hat in the middle of the bar.
    let early = clip(&[
        (0, Voice::Kick, 1.0, 0.5),
        (8, Voice::ClosedHat, 1.0, -0.25),
    ]);
    let samples = decode(&recorded(&[early])[0]);
    let (bar, sixteenth) = (96_000, 6_000);
    assert_eq!(samples.len(), sixteenth / 2 + 2 * bar + 110_400);
    let loud = 0.05 * peak(&samples);
    for round in 0..2 {
        let one = sixteenth / 2 + round * bar;
        for onset in [one - sixteenth / 2, one + 8 * sixteenth + sixteenth / 4] {
            // 20 ms of attack and of what Opus smears.
            let begins = samples[onset..]
                .iter()
                .position(|x| x.abs() > loud)
                .unwrap();
            assert!(begins < 960, "{begins} samples after {onset}");
            let before = &samples[onset.saturating_sub(3_000)..onset.saturating_sub(960)];
            assert!(peak(before) < loud, "silence before {onset}");
        }
    }
}

#[test]
fn the_last_cymbal_rings_to_its_end() {
    let late = clip(&[(15, Voice::Crash, 1.0, -0.5)]);
    let samples = decode(&recorded(&[late])[0]);
    let end = samples.len() - 960;
    assert!(peak(&samples[end..]) < 0.005, "nothing is cut off");
    assert!(
        peak(&samples[end - 72_000..end]) > 0.01,
        "it rings for long"
    );
}

#[test]
fn soft_playing_stays_soft_beside_hard_playing() {
    let snares = |velocity| clip(&[(4, Voice::Snare, velocity, 0.0)]);
    let of = |clips: &[Clip]| -> Vec<f32> {
        let sounds = recorded(clips);
        sounds.iter().map(|sound| peak(&decode(sound))).collect()
    };
    let peaks = of(&[snares(0.25), snares(1.0)]);
    // The kit plays by the power of 1.2, and its limiter takes from the peaks of hard strokes.
    let ratio = peaks[1] / peaks[0];
    assert!((3.0..5.3).contains(&ratio), "{ratio}");
    assert!(of(&[clip(&[])])[0] < 1e-3, "silence stays silence");
}

#[test]
fn what_cannot_be_judged_is_refused_with_a_remedy() {
    let (few, model) = (data(N_PAIRS - 1), model());
    let problem = |model: &LoadedModel, dataset: &Dataset| {
        format!("{:#}", choose(model, dataset, 0).unwrap_err())
    };
    let words = problem(&model, &dataset(few.path()));
    assert!(
        words.contains("20 files") && words.contains("has 19") && words.contains("--data"),
        "{words}"
    );

    let mut config = ModelConfig::flat_groove("tune", STEPS_PER_BAR, 8, vec![8], vec![16]);
    config.converter = Converter::Melody(MelodyConverter::default());
    config.decoder.head = "categorical".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tune = LoadedModel::open(&tiny::save_as(folder.path(), config)).unwrap();
    let enough = data(N_PAIRS);
    let converter = &tune.metadata.config.converter;
    let tunes = Dataset::load(enough.path(), converter, &DrumMap::TD11).unwrap();
    assert!(problem(&tune, &tunes).contains("a model of grooves"));
    let words = problem(&tune, &dataset(enough.path()));
    assert!(words.contains("plays no drums"), "{words}");
}

#[test]
fn the_page_is_never_written_over_what_is_read() {
    let folder = data(N_PAIRS);
    let model = save_model(folder.path());
    let page = folder.path().join("index.html");
    std::fs::rename(model, &page).unwrap();
    let problem = run(&Args {
        model: Some(page.clone()),
        data: Some(folder.path().to_owned()),
        out: Some(folder.path().to_owned()),
        seed: 0,
    });
    let problem = format!("{:#}", problem.unwrap_err());
    assert!(
        problem.contains("--out") && problem.contains("--model"),
        "{problem}"
    );
    assert!(LoadedModel::open(&page).is_ok());
}
