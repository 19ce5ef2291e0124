//! Every preset, at a size that tests can afford: trained, measured, sampled and interpolated by the commands of a user.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use fourbar_model::head::Head;
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use fourbar_trainer::cli::Cli;
use fourbar_trainer::settings::{Config, preset_names};

/// Bars of each song: more than the longest model has.
const BARS: u8 = 18;

fn fourbar(arguments: &[&str]) {
    let all = std::iter::once(&"fourbar").chain(arguments);
    if let Err(error) = Cli::try_parse_from(all).unwrap().run() {
        panic!("fourbar {}: {error:#}", arguments.join(" "));
    }
}

/// A song with a melody on channel 1, a bass on channel 2 and drums on channel 10.
fn song(noise: &mut Noise) -> Vec<u8> {
    let mut notes = Vec::new();
    let mut play = |onset_beats: f64, duration_beats, pitch: usize, channel, noise: &mut Noise| {
        notes.push(Note {
            onset_beats,
            duration_beats,
            pitch: u8::try_from(pitch).unwrap(),
            velocity: 0.4 + 0.5 * noise.uniform(),
            channel,
        });
    };
    for step in 0..u32::from(BARS) * 16 {
        let beats = f64::from(step) / 4.0;
        let played = beats + 0.02 * f64::from(noise.uniform());
        match step % 16 {
            0 | 10 => play(played, 0.1, 36, 9, noise),
            4 | 12 => play(played, 0.1, 38, 9, noise),
            _ if noise.uniform() < 0.1 => play(played, 0.1, 38, 9, noise),
            _ => {}
        }
        if step % 2 == 0 {
            play(played, 0.1, 42, 9, noise);
            let pitch = 60 + [0, 2, 4, 7, 9][noise.below(5)];
            play(beats, 0.5, pitch, 0, noise);
        }
        if step % 4 == 0 {
            let pitch = 36 + [0, 5, 7][noise.below(3)];
            play(beats, 1.0, pitch, 1, noise);
        }
    }
    with_bass(midi::write(&notes, 4.0 * f64::from(BARS), 110.0))
}

/// The file with a track in front that puts the sound of a bass on channel 2.
fn with_bass(file: Vec<u8>) -> Vec<u8> {
    let mut smf = midly::Smf::parse(&file).unwrap();
    let program = midly::TrackEventKind::Midi {
        channel: 1.into(),
        message: midly::MidiMessage::ProgramChange { program: 33.into() },
    };
    for track in &mut smf.tracks {
        let kind = program;
        track.insert(
            0,
            midly::TrackEvent {
                delta: 0.into(),
                kind,
            },
        );
    }
    let mut bytes = Vec::new();
    smf.write_std(&mut bytes).unwrap();
    bytes
}

fn songs(folder: &Path) -> PathBuf {
    let data = folder.join("songs");
    std::fs::create_dir(&data).unwrap();
    let mut noise = Noise::from_seed(1);
    // Enough for the hash of their contents to put some into every split.
    for i in 0..24 {
        std::fs::write(data.join(format!("song_{i:02}.mid")), song(&mut noise)).unwrap();
    }
    data
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_preset_trains_and_its_model_is_measured_sampled_and_interpolated() {
    let folder = tempfile::tempdir().unwrap();
    let data = songs(folder.path());
    let inputs = [data.join("song_00.mid"), data.join("song_01.mid")];
    for name in preset_names() {
        let run = folder.path().join(name);
        let config = Config::preset(name).unwrap();
        let small = [
            "model.latent=8",
            "model.encoder.units=[8]",
            "model.decoder.units=[8, 8]",
            "train.batch_size=4",
            "data.drum_map=gm",
            "data.hop_bars=8",
        ];
        let mut arguments = vec![
            "train",
            "--preset",
            name,
            "--data",
            text(&data),
            "--out",
            text(&run),
        ];
        arguments.extend(["--steps", "20", "--seed", "3", "--device", "cpu"]);
        arguments.extend(small.iter().flat_map(|setting| ["--set", setting]));
        if matches!(config.model.decoder.head, Head::Nade(_)) {
            arguments.extend(["--set", "model.decoder.head.hidden=4"]);
        }
        fourbar(&arguments);

        let model = run.join("model.safetensors");
        let json = run.join("test.json");
        let measure = [
            "evaluate",
            "--model",
            text(&model),
            "--data",
            text(&data),
            "--samples",
            "4",
        ];
        fourbar(&[&measure[..], &["--json", text(&json)]].concat());
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        let nats = report["reconstruction"]["elbo"]["r_loss_nats"]
            .as_f64()
            .unwrap();
        assert!(nats.is_finite() && nats > 0.0, "{name}: {report}");

        let given = if config.model.converter.takes_hits() {
            vec!["--controls", text(&inputs[0])]
        } else {
            Vec::new()
        };
        let (samples, interpolated) = (run.join("samples"), run.join("interpolated"));
        let sample = [
            "generate",
            "--model",
            text(&model),
            "--mode",
            "sample",
            "--count",
            "2",
        ];
        fourbar(&[&sample[..], &["--out", text(&samples)], &given].concat());
        let interpolate = [
            "generate",
            "--model",
            text(&model),
            "--mode",
            "interpolate",
            "--count",
            "3",
        ];
        let ends = ["--input", text(&inputs[0]), "--input", text(&inputs[1])];
        fourbar(
            &[
                &interpolate[..],
                &ends,
                &["--out", text(&interpolated)],
                &given,
            ]
            .concat(),
        );
        for (folder, count) in [(samples, 2), (interpolated, 3)] {
            let files: Vec<PathBuf> = std::fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            let songs = files
                .iter()
                .filter(|file| file.extension().is_some_and(|end| end == "mid"));
            for file in songs.clone() {
                midi::read(&std::fs::read(file).unwrap()).unwrap();
            }
            assert_eq!(songs.count(), count, "{name}");
        }
    }
}
