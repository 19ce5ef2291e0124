#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::models::tiny;
use candle_core::Tensor;
use clap::Parser;
use fourbar_model::checkpoint::Precision;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::midi;
use fourbar_model::note::Note;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// A folder with files of four bars, the later ones denser, and a model.
fn studio() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::save(folder.path());
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut list = "midi_filename,split,style,bpm\n".to_owned();
    for file in 0..24_u32 {
        // The last step plays in all of them, so that every file has four bars.
        let steps = (0..16 + 2 * file).chain([63]);
        let notes: Vec<Note> = steps
            .map(|step| Note {
                onset_beats: f64::from(step) / 4.0 + f64::from(file % 5) / 200.0,
                duration_beats: 0.1,
                pitch: if step.is_multiple_of(4) { 36 } else { 42 },
                velocity: if step.is_multiple_of(2) { 0.9 } else { 0.4 },
                channel: 9,
            })
            .collect();
        let name = format!("{file}.mid");
        std::fs::write(data.join(&name), midi::write(&notes, 16.0, 120.0)).unwrap();
        list += &format!("{name},train,rock,120\n");
    }
    std::fs::write(data.join("info.csv"), list).unwrap();
    folder
}

fn run_in(folder: &Path, more: &[&str]) -> Result<String> {
    let model = folder.join("tiny.safetensors").display().to_string();
    let data = folder.join("data").display().to_string();
    let all = ["attributes", "--model", &model, "--data", &data];
    let cli = Cli::try_parse_from(all.iter().chain(more))?;
    let mut said = Vec::new();
    measure(&cli.args, &mut said)?;
    Ok(String::from_utf8(said)?)
}

#[test]
fn vectors_are_written_into_the_checkpoint_and_their_effects_told() {
    let folder = studio();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (out, svg, json) = (place("out.safetensors"), place("map.svg"), place("a.json"));
    let arguments = [
        "--out",
        &out,
        "--svg",
        &svg,
        "--json",
        &json,
        "--samples",
        "8",
    ];
    let said = run_in(folder.path(), &arguments).unwrap();
    assert!(
        said.contains("note: the model was trained on other data"),
        "{said}"
    );
    assert!(said.contains(" 1 density "), "{said}");

    let bytes = std::fs::read(&out).unwrap();
    let checkpoint = Checkpoint::from_bytes(&bytes, "out").unwrap();
    let density = &checkpoint.metadata.attributes["density"];
    assert_eq!(density.vector.len(), 8);
    assert!(density.top > density.bottom);
    assert!(!checkpoint.metadata.attributes.contains_key("density_ride"));
    let before = std::fs::read(folder.path().join("tiny.safetensors")).unwrap();
    let before = Checkpoint::from_bytes(&before, "tiny").unwrap();
    assert!(
        before.metadata.attributes.is_empty(),
        "--out leaves the model alone"
    );

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(json["effects"]["density"]["density"].is_f64());
    assert_eq!(
        json["effects"].as_object().unwrap().len(),
        checkpoint.metadata.attributes.len()
    );
    assert!(
        json["without_vector"]
            .as_array()
            .unwrap()
            .contains(&"density_ride".into())
    );
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg"));

    let again = run_in(folder.path(), &["--samples", "8"]).unwrap();
    assert_eq!(
        again
            .lines()
            .filter(|line| !line.contains("written"))
            .collect::<Vec<_>>(),
        said.lines()
            .filter(|line| !line.contains("written"))
            .collect::<Vec<_>>(),
        "the same every time"
    );
}

#[test]
fn a_picture_is_never_written_over_the_model() {
    let folder = studio();
    let model = folder.path().join("tiny.safetensors");
    let before = std::fs::read(&model).unwrap();
    for output in ["--svg", "--json"] {
        let arguments = [output, &model.display().to_string()];
        let problem = format!("{:#}", run_in(folder.path(), &arguments).unwrap_err());
        assert!(
            problem.contains(output) && problem.contains("--model"),
            "{problem}"
        );
        assert_eq!(std::fs::read(&model).unwrap(), before);
    }
}

#[test]
fn a_model_keeps_its_precision_and_may_be_named_as_its_own_output() {
    let folder = studio();
    let path = folder.path().join("tiny.safetensors");
    let mut exact = Checkpoint::from_bytes(&std::fs::read(&path).unwrap(), "").unwrap();
    for tensor in exact.tensors.values_mut() {
        *tensor = (&*tensor * (1.0 / 3.0)).unwrap();
    }
    std::fs::write(&path, exact.to_bytes_in(Precision::Single).unwrap()).unwrap();
    let out = path.display().to_string();
    run_in(folder.path(), &["--samples", "8", "--out", &out]).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (measured, precision) = Checkpoint::with_precision(&bytes, "").unwrap();
    assert_eq!(precision, Precision::Single);
    assert!(!measured.metadata.attributes.is_empty());
    for (name, tensor) in &exact.tensors {
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&measured.tensors[name]), values(tensor), "{name}");
    }
}

#[test]
fn data_without_a_window_of_the_models_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    tiny::save(folder.path());
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let kick = Note {
        onset_beats: 0.0,
        duration_beats: 0.1,
        pitch: 36,
        velocity: 0.9,
        channel: 9,
    };
    std::fs::write(data.join("a.mid"), midi::write(&[kick], 4.0, 120.0)).unwrap();
    let problem = format!("{:#}", run_in(folder.path(), &[]).unwrap_err());
    assert!(
        problem.contains("shorter than one window of 4 bars"),
        "{problem}"
    );
}

#[test]
fn effects_are_measured_of_every_kind_of_model() {
    for model in tiny::every_kind() {
        let config = &model.metadata.config;
        let with = |component: f32| -> Vec<(Attribute, AttributeVector)> {
            let vector = AttributeVector {
                vector: vec![component; config.latent],
                bottom: 0.0,
                top: 1.0,
                mean: 0.5,
                deviation: 0.5,
                n_sequences: 100,
            };
            let attributes = Attribute::all(&config.converter).into_iter();
            attributes.map(|one| (one, vector.clone())).collect()
        };
        let silence = Groove::empty(config.n_steps);
        let example = config.converter.example_of_groove(&silence);
        let conditions: Vec<Conditions> = example
            .map(|example| example.conditions)
            .filter(|conditions| !conditions.is_empty())
            .into_iter()
            .collect();
        let measured =
            |component| effects(&model.vae, &with(component), &conditions, 6, 1.0, 3).unwrap();

        let nothing = measured(0.0);
        assert_eq!(nothing.means.len(), nothing.ids.len());
        let changes = nothing.means.iter().flatten().flatten();
        assert!(changes.clone().all(|change| *change == 0.0));
        let moved = measured(3.0);
        let has_moved = |change: &f64| change.is_finite() && *change != 0.0;
        assert!(
            moved.means.iter().flatten().flatten().any(has_moved),
            "{}",
            config.preset
        );
    }
}
