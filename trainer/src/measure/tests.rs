//! Every kind of model, measured and drawn.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::decoding::{Choosing, Forced, play_back};
use super::evaluate::{Args, log, run};
use super::page::{Gallery, Page};
use super::prior_samples::{TEMPERATURE, sampled_grooves};
use super::*;
use crate::data::Split;
use crate::make::generate::sample;
use crate::models::{LoadedModel, tiny};
use crate::reading;
use crate::settings::Config;
use candle_core::{Device, Tensor};
use fourbar_model::attributes::AttributeVector;
use fourbar_model::conditions::Conditions;
use fourbar_model::converter::{Batch, Example};
use fourbar_model::drums::Voice;
use fourbar_model::groove::Groove;
use fourbar_model::groove::{Cell, STEPS_PER_BAR};
use fourbar_model::layers::Dropout;
use fourbar_model::noise::Noise;
use fourbar_model::rows::RowLayout;
use fourbar_model::rows::Rows;
use fourbar_model::vae::Vae;
use std::path::Path;

/// One bar with these hits: (step, voice, velocity, offset).
pub(super) fn bar(hits: &[(usize, Voice, f32, f32)]) -> Groove {
    let mut groove = Groove::empty(STEPS_PER_BAR);
    for &(step, voice, velocity, offset) in hits {
        groove.set(step, voice, Some(Cell { velocity, offset }));
    }
    groove
}

/// Examples of noise for any model, two of each file.
pub(super) fn held_out(vae: &Vae, n: usize) -> HeldOut {
    let config = vae.config();
    let examples: Vec<Example> = (0..n)
        .map(|index| {
            let mut noise = Noise::of_sample(11, index);
            let example = config
                .converter
                .example_of_groove(&groove(config.n_steps, &mut noise));
            example.unwrap_or_else(|| Example {
                input: rows(&config.converter.input(), config.n_steps, index),
                output: rows(&config.converter.output(), config.n_steps, index),
                conditions: Conditions::default(),
            })
        })
        .collect();
    HeldOut {
        grooves: held_out::grooves(config, examples.iter().map(|example| &example.output)),
        examples,
        bpms: vec![100.0; n],
        files: (0..n).map(|index| index / 2).collect(),
        is_beat: vec![true; n],
        names: (0..n).map(|index| format!("{index}.mid")).collect(),
    }
}

fn groove(n_steps: usize, noise: &mut Noise) -> Groove {
    let mut groove = Groove::empty(n_steps);
    for step in 0..n_steps {
        for voice in Voice::ALL {
            let plays = noise.uniform() < 0.1;
            let (velocity, offset) = (0.2 + 0.8 * noise.uniform(), noise.uniform() - 0.5);
            groove.set(step, voice, plays.then_some(Cell { velocity, offset }));
        }
    }
    groove
}

/// The same music for layouts of the same kind.
fn rows(layout: &RowLayout, n_steps: usize, index: usize) -> Rows {
    let mut noise = Noise::of_sample(12, index);
    let classes = tokens::choices(layout);
    if classes.is_empty() {
        let mut bits = || {
            let notes = (0..61).filter(|_| noise.uniform() < 0.02);
            notes.fold(0, |bits, class| bits | 1 << class)
        };
        return Rows::of_bits(layout.clone(), (0..n_steps).map(|_| bits()).collect());
    }
    let labels = classes.iter().cycle().take(n_steps * classes.len());
    let label = |classes: &usize| u16::try_from(noise.below(*classes)).unwrap();
    Rows::of_labels(layout.clone(), labels.map(label).collect())
}

/// What the model plays back, as `fourbar evaluate` draws it.
pub(super) fn most_likely(vae: &Vae, held_out: &HeldOut) -> Vec<Rows> {
    play_back(vae, held_out, Choosing::MostLikely).unwrap()
}

fn sampled(vae: &Vae, held_out: &HeldOut, seed: u64) -> Vec<Rows> {
    play_back(vae, held_out, Choosing::Sampled { seed }).unwrap()
}

fn reconstruction(vae: &Vae, held_out: &HeldOut, seed: u64) -> Reconstruction {
    let kl_terms = KlTerms {
        free_bits: 48.0,
        beta: 0.2,
    };
    let forced = Forced::of(vae, held_out, seed).unwrap();
    let most_likely = most_likely(vae, held_out);
    let sampled = sampled(vae, held_out, seed);
    Reconstruction::of(vae, held_out, &forced, &most_likely, &sampled, kl_terms)
}

fn evaluation(model: &LoadedModel, n: usize) -> Evaluation {
    let held_out = held_out(&model.vae, n);
    let config = model.vae.config();
    let n_grams = n_gram::NGramModel::learn(
        held_out.outputs().map(tokens::tokens),
        tokens::n_tokens(&config.converter.output()),
    );
    let prior_samples = sampled_grooves(&model.vae, &held_out, 4, 0).unwrap();
    let features =
        |grooves: &[Groove]| Features::of(grooves, &(0..grooves.len()).collect::<Vec<_>>());
    Evaluation {
        report: Report {
            report_version: REPORT_VERSION,
            preset: config.preset.clone(),
            head: config.decoder.head.name().to_owned(),
            rows: config.converter.output().to_string(),
            dataset: "noise".to_owned(),
            split: Split::Test,
            n_files: n / 2,
            n_examples: n,
            n_steps: config.n_steps,
            seed: 0,
            reconstruction: reconstruction(&model.vae, &held_out, 0),
            interpolation: Interpolation::of(&model.vae, &held_out, &n_grams, 3, 0).unwrap(),
            prior: prior_samples.as_deref().map(|grooves| Prior {
                temperature: TEMPERATURE,
                features: features(grooves),
            }),
            data: held_out
                .grooves
                .as_ref()
                .map(|grooves| Features::of(grooves, &held_out.files)),
            two_sample: None,
            knobs: None,
            completion: None,
        },
        played: most_likely(&model.vae, &held_out),
        sampled: sampled(&model.vae, &held_out, 0),
        prior_samples,
        held_out,
    }
}

#[test]
fn every_kind_of_model_is_measured_the_same_every_time_and_its_elbo_adds_up() {
    for model in tiny::every_kind() {
        let held_out = held_out(&model.vae, 6);
        let measured = reconstruction(&model.vae, &held_out, 1);
        assert_eq!(measured, reconstruction(&model.vae, &held_out, 1));
        let elbo = &measured.elbo;
        assert!(elbo.r_loss_nats > 0.0 && elbo.kl_nats > 0.0);
        assert!((elbo.elbo_nats + elbo.r_loss_nats + elbo.kl_nats).abs() < 1e-9);
        assert!(elbo.elbo_interval.unwrap().low <= elbo.elbo_nats);
        for (_, accuracy) in measured.ways() {
            let rows = accuracy.rows.value.unwrap();
            assert!((0.0..1.0).contains(&rows), "{}", model.vae.config().preset);
            assert!(accuracy.rows.interval.unwrap().high >= rows);
            assert_ne!(
                accuracy.precision.is_some(),
                accuracy.mean_per_class.is_some()
            );
        }
        if let Some(grooves) = &held_out.grooves {
            let n_hits: usize = grooves.iter().map(Groove::n_hits).sum();
            for drums in [measured.drums.unwrap(), measured.drums_sampled.unwrap()] {
                assert_eq!(
                    drums.onsets.true_positives + drums.onsets.false_negatives,
                    n_hits
                );
            }
        }
    }
}

#[test]
fn a_decoder_that_is_told_the_truth_is_right_more_often() {
    // The tiny models' weights are noise, but the rows that they are most sure of are their own: teacher-forced on
    // what they play themselves they play it again.
    for model in tiny::every_kind() {
        let mut held_out = held_out(&model.vae, 4);
        let played = most_likely(&model.vae, &held_out);
        for (example, played) in held_out.examples.iter_mut().zip(played) {
            example.output = played;
        }
        let forced = Forced::of(&model.vae, &held_out, 0).unwrap();
        let accuracy = Accuracy::of(held_out.outputs(), &forced.played, &held_out.files);
        assert!(
            accuracy.rows.value.unwrap() > 0.99,
            "{}: {accuracy:?}",
            model.vae.config().preset
        );
    }
}

#[test]
fn sampled_rows_follow_the_seed_and_are_the_most_likely_ones_of_a_model_that_is_sure() {
    for model in tiny::every_kind() {
        let config = model.vae.config();
        let held_out = held_out(&model.vae, 4);
        let unsure = sampled(&model.vae, &held_out, 1);
        assert_eq!(unsure, sampled(&model.vae, &held_out, 1));
        assert_ne!(unsure, sampled(&model.vae, &held_out, 2));
        assert_ne!(unsure, most_likely(&model.vae, &held_out));
        if config.takes_known() {
            // Its velocities and offsets are drawn however sure it is of the hits.
            continue;
        }

        let mut noise = Noise::from_seed(4);
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let scale = if name.contains("output.") { 1e6 } else { 0.5 };
            let values = noise.normals(shape.iter().product());
            let values = values.iter().map(|x| scale * x).collect();
            let tensor = Tensor::from_vec::<_, f32>(values, shape, &Device::Cpu);
            (name, tensor.unwrap())
        };
        let tensors = config.tensors().into_iter().map(tensor).collect();
        let sure = Vae::of_tensors(config, &tensors, &Device::Cpu).unwrap();
        let measured = reconstruction(&sure, &held_out, 1);
        assert_eq!(measured.free_running_sampled, measured.free_running);
        assert_eq!(measured.drums_sampled, measured.drums);
    }
}

#[test]
fn segments_cost_together_what_the_whole_costs_and_are_right_on_average_as_often() {
    for model in tiny::every_kind() {
        let (vae, seed) = (&model.vae, 1);
        let held_out = held_out(vae, 4);
        let Reconstruction {
            segments,
            elbo,
            teacher_forced,
            ..
        } = reconstruction(vae, &held_out, seed);
        let is_flat = vae.config().decoder.hierarchy.is_none();
        assert_eq!(segments.len(), if is_flat { 0 } else { 2 });

        let batch = Batch::new(&held_out.examples, &Device::Cpu).unwrap();
        let conditions = &batch.conditions;
        let posterior = vae.encode(&batch.input, conditions).unwrap();
        let eps = Noise::from_seed(seed).normals(4 * vae.config().latent);
        let eps = Tensor::from_vec(eps, (4, vae.config().latent), &Device::Cpu).unwrap();
        let z = posterior.sample(&eps).unwrap();
        let decoder = vae.decoder();
        let outputs = decoder.teacher_forced(&batch.output, &z, conditions, &mut Dropout::off());
        let parts = decoder
            .loss(&outputs.unwrap(), &batch.output, &batch.conditions)
            .unwrap();
        for (name, nats) in parts {
            let nats = elbo::numbers_of(&nats).unwrap();
            let mean = nats.iter().sum::<f64>() / 4.0;
            let near = |sum: f64| (sum - mean).abs() < 1e-3 * mean;
            assert!(near(elbo.parts_nats[name]), "{name}: {mean}, {elbo:?}");
            let of_segments = segments.iter().map(|segment| segment.parts_nats[name]);
            assert!(is_flat || near(of_segments.sum()), "{name}: {mean}");
        }
        if !is_flat {
            let shares = segments.iter().map(|segment| segment.accuracy.rows.value);
            let mean = shares.map(Option::unwrap).sum::<f64>() / 2.0;
            assert!((mean - teacher_forced.rows.value.unwrap()).abs() < 1e-12);
        }
    }
}

#[test]
fn what_is_right_in_a_segment_is_counted_there() {
    for model in tiny::every_kind() {
        let config = model.vae.config();
        if config.decoder.hierarchy.is_none() {
            continue;
        }
        // What the model plays itself comes back teacher-forced: here in the first segment only.
        let mut held_out = held_out(&model.vae, 4);
        let played = most_likely(&model.vae, &held_out);
        for (example, played) in held_out.examples.iter_mut().zip(played) {
            let layout = example.output.layout().clone();
            let place = config.segment_steps() * layout.width();
            let (own, other) = (played.to_numbers(), example.output.to_numbers());
            example.output = layout.read(&[&own[..place], &other[place..]].concat());
        }
        let segments = reconstruction(&model.vae, &held_out, 0).segments;
        let right = |i: usize| segments[i].accuracy.rows.value.unwrap();
        assert_eq!((segments[0].first_row, segments[1].first_row), (0, 16));
        assert!(right(0) > 0.99 && right(1) < 0.99, "{}", config.preset);
    }
}

#[test]
fn batches_do_not_change_what_is_measured() {
    let model = tiny::open();
    let all = held_out(&model.vae, 66);
    let n_found = |held_out: &HeldOut| {
        let outputs = most_likely(&model.vae, held_out);
        let outputs = held_out::grooves(model.vae.config(), outputs.iter()).unwrap();
        let targets = held_out.grooves.as_ref().unwrap();
        let drums = Drums::without_intervals(targets, &outputs, &held_out.bpms, true);
        drums.onsets.true_positives
    };
    let alone = |index: usize| HeldOut {
        examples: vec![all.examples[index].clone()],
        grooves: all
            .grooves
            .as_ref()
            .map(|grooves| vec![grooves[index].clone()]),
        bpms: vec![100.0],
        files: vec![0],
        is_beat: vec![true],
        names: vec![String::new()],
    };
    assert_eq!(
        n_found(&all),
        (0..66).map(|index| n_found(&alone(index))).sum::<usize>()
    );

    // A sequence is drawn alike, whatever else is in its batch, and otherwise than the same one at another place.
    let first = sampled(&model.vae, &alone(0), 1).remove(0);
    assert_eq!(sampled(&model.vae, &all, 1)[0], first);
    let alike = HeldOut {
        examples: vec![all.examples[0].clone(); 66],
        ..all.clone()
    };
    let drawn = sampled(&model.vae, &alike, 1);
    assert!(drawn[0] == first && drawn[1..].iter().all(|rows| *rows != first));
}

#[test]
fn the_prior_is_measured_on_the_grooves_of_successive_seeds() {
    let model = tiny::open();
    let of_seed = |seed| sample(&model.vae, 1.0, seed, 0).unwrap();
    let grooves: Vec<Groove> = (5..75).map(of_seed).collect();
    let held_out = held_out(&model.vae, 2);
    let prior_samples = sampled_grooves(&model.vae, &held_out, 70, 5).unwrap();
    assert_eq!(prior_samples.unwrap(), grooves);
}

#[test]
fn a_validation_has_the_figures_of_the_report() {
    for model in tiny::every_kind() {
        let held_out = held_out(&model.vae, 6);
        let train = Config::preset("groovae_4bar").unwrap().train;
        let validation = Validation::of(&model.vae, &held_out, &train).unwrap();
        let report = reconstruction(&model.vae, &held_out, train.seed);
        let [loss, kl_bits, forced, free, f1, velocity, _] = validation.figures();
        assert!(loss.is_some_and(f64::is_finite) && kl_bits == Some(report.elbo.kl_bits));
        assert_eq!(forced, report.teacher_forced.rows.value);
        assert_eq!(free, report.free_running.rows.value);
        let drums = report.drums.as_ref();
        assert_eq!(f1, drums.and_then(|drums| drums.onsets.f1()));
        assert_eq!(velocity, drums.and_then(|drums| drums.velocity?.mae));
        assert!(validation.to_text().contains("of rows right"));
    }
}

#[test]
fn a_report_has_its_documented_keys_and_its_table_names_every_drum() {
    let report = evaluation(&tiny::open(), 4).report;
    let json = serde_json::to_value(&report).unwrap();
    for place in [
        "/report_version",
        "/split",
        "/reconstruction/teacher_forced/rows/value",
        "/reconstruction/free_running/recall/interval/low",
        "/reconstruction/free_running_sampled/rows/interval/low",
        "/reconstruction/drums_sampled/onsets/f1",
        "/reconstruction/drums_sampled/intervals/onset_f1/low",
        "/reconstruction/segments",
        "/reconstruction/drums/onsets/f1",
        "/reconstruction/drums/onsets_by_voice/kick/precision",
        "/reconstruction/drums/velocity/mae",
        "/reconstruction/drums/timing/mae_ms",
        "/reconstruction/drums/timing/data_spread_steps",
        "/reconstruction/drums/downbeat/data_any",
        "/reconstruction/drums/intervals/onset_f1",
        "/reconstruction/elbo/kl_bits",
        "/reconstruction/elbo/parts_nats/hits",
        "/reconstruction/elbo/r_loss_nats",
        "/reconstruction/elbo/kl_loss_nats",
        "/reconstruction/elbo/kl_beta",
        "/reconstruction/elbo/loss_nats",
        "/reconstruction/drums/onsets/found",
        "/reconstruction/drums/onsets/missed",
        "/reconstruction/drums/onsets/invented",
        "/interpolation/language_order",
        "/interpolation/latent/hamming/10/value",
        "/interpolation/blend/language_nats_per_row/0/interval",
        "/prior/temperature",
        "/prior/features/downbeat",
        "/prior/features/hits_per_bar/mean",
        "/data/downbeat",
        "/data/share_of_hits/closed_hat",
        "/data/simultaneous_hits/4",
    ] {
        assert!(json.pointer(place).is_some(), "{place}");
    }
    let text = report.to_text();
    assert!(
        Voice::ALL.iter().all(|voice| text.contains(voice.name())),
        "{text}"
    );
}

#[test]
fn what_a_model_does_not_have_is_null_and_not_in_its_table() {
    for model in tiny::every_kind() {
        let evaluation = evaluation(&model, 4);
        let json = serde_json::to_value(&evaluation.report).unwrap();
        let text = evaluation.report.to_text();
        assert!(text.contains("rows right"), "{text}");
        for (way, _) in evaluation.report.reconstruction.ways() {
            assert!(text.contains(way), "{text}");
        }
        let is_hierarchical = model.vae.config().decoder.hierarchy.is_some();
        let segments = json["reconstruction"]["segments"].as_array().unwrap();
        assert_eq!(segments.len(), if is_hierarchical { 2 } else { 0 });
        assert_eq!(text.contains("Segment by segment"), is_hierarchical);
        let plays_drums = evaluation.held_out.grooves.is_some();
        for (place, words) in [
            ("/reconstruction/drums", "all drums"),
            ("/prior", "Samples:"),
            ("/data", "drums used"),
        ] {
            assert_eq!(
                json.pointer(place).unwrap().is_null(),
                !plays_drums,
                "{place}"
            );
            assert_eq!(text.contains(words), plays_drums, "{text}");
        }
        assert!(json["interpolation"].is_object());
        assert!(text.contains("Between"), "{text}");
        let is_trio = text.contains("melody") && text.contains("bass");
        assert_eq!(is_trio, model.vae.config().preset == "trio");
    }
}

/// Arguments for the tiny model in `folder`, with a page.
fn arguments(folder: &Path) -> Args {
    Args {
        reading: reading::Args::default(),
        model: tiny::save(folder),
        data: Some(folder.to_owned()),
        split: Split::Test,
        json: None,
        html: Some(folder.join("page.html")),
        log: None,
        samples: 4,
        pairs: 0,
        seed: 0,
    }
}

#[test]
fn a_log_of_an_older_version_that_was_kept_with_its_model_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let args = arguments(folder.path());
    assert_eq!(log(&args).unwrap(), []);
    std::fs::write(
        folder.path().join("tiny.csv"),
        "step,loss,validation_loss,onset_f1,velocity_mae,timing_mae_ms,kl_bits\n50,9.5,,,,,\n100,9,8,0.5,20,12,30\n\
         150,8,7,0.6,19,11,31\n",
    )
    .unwrap();
    let rows = log(&args).unwrap();
    assert_eq!(rows[2].figure("validation_onset_f1"), Some(0.6));
    assert_eq!(rows[2].figure("validation_kl_bits"), Some(31.0));
    let model = tiny::open();
    let evaluation = evaluation(&model, 4);
    let page = Page {
        report: &evaluation.report,
        metadata: &model.metadata,
        log: &rows,
        gallery: Gallery::of(&model.vae, &evaluation, model.drum_map().unwrap(), 0).unwrap(),
    };
    let html = page.to_html();
    for chart in [
        "Loss, nats",
        "What comes back in validation",
        "onset F1</text>",
    ] {
        assert!(html.contains(chart), "{chart}");
    }

    std::fs::write(folder.path().join("tiny.csv"), "name,price\nsnare,5\n").unwrap();
    assert_eq!(log(&args).unwrap(), [], "another table is left out");
    std::fs::write(folder.path().join("log.csv"), "step,loss\n50,9.5\n").unwrap();
    assert_eq!(log(&args).unwrap().len(), 1, "a run's own log comes first");
}

#[test]
fn a_report_is_never_written_over_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let args = arguments(folder.path());
    let model = std::fs::read(&args.model).unwrap();
    let over_model = Args {
        json: Some(folder.path().join("./tiny.safetensors")),
        ..args
    };
    let problem = format!("{:#}", run(&over_model).unwrap_err());
    assert!(
        problem.contains("--json") && problem.contains("--model"),
        "{problem}"
    );
    assert_eq!(std::fs::read(&over_model.model).unwrap(), model);
}

/// A page without its sound, which is letters that can spell anything.
fn without_sound(html: &str) -> String {
    let mut parts = html.split("data:audio/ogg;base64,");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| page + part.split_once('"').unwrap().1)
}

#[test]
fn the_page_of_every_kind_of_model_is_whole_and_needs_nothing_else() {
    let density = AttributeVector {
        vector: vec![0.5; 8],
        bottom: 0.125,
        top: 0.5,
        mean: 0.25,
        deviation: 0.1,
        n_sequences: 30,
    };
    for mut model in tiny::every_kind() {
        let attributes = &mut model.metadata.attributes;
        attributes.insert("density".to_owned(), density.clone());
        let evaluation = evaluation(&model, 4);
        let row = |step| Row {
            step,
            figures: vec![("loss".to_owned(), Some(3.0)), ("kl".to_owned(), None)],
        };
        let log = [row(50), row(100)];
        let page = Page {
            report: &evaluation.report,
            metadata: &model.metadata,
            log: &log,
            gallery: Gallery::of(&model.vae, &evaluation, model.drum_map().unwrap(), 0).unwrap(),
        };
        let html = page.to_html();
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
        for (open, close) in [
            ("<svg", "</svg>"),
            ("<section", "</section>"),
            ("<g", "</g>"),
        ] {
            let n_open = html.matches(&format!("{open} ")).count()
                + html.matches(&format!("{open}>")).count();
            assert_eq!(n_open, html.matches(close).count(), "{open}");
        }
        for forbidden in ["<script", "http://", "https://", "NaN", "inf"] {
            let found = without_sound(&html).replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(forbidden), "{forbidden}");
        }
        assert!(html.contains("Hamming"));
        // Three pairs, an interpolation with its ends, and three samples: all that is drawn, where it is grooves.
        let plays_grooves = evaluation.held_out.grooves.is_some();
        let n_drawn = html.matches("<svg class=\"roll\"").count();
        let n_players = html.matches("<audio controls").count();
        assert_eq!(
            (n_drawn, n_players),
            (18, if plays_grooves { 18 } else { 0 })
        );
        let is_hierarchical = model.vae.config().decoder.hierarchy.is_some();
        assert_eq!(html.contains("Segment by segment"), is_hierarchical);
        for (way, _) in evaluation.report.reconstruction.ways() {
            assert!(html.contains(way), "{way}");
        }
        assert!(html.contains("<td>density</td><td>0.125</td><td>0.250</td><td>0.500</td>"));
    }
}
