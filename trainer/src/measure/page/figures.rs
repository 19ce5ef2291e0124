//! The figures of the page, as tables and as charts.

use super::chart::{Chart, Curve};
use crate::measure::completion::Completion;
use crate::measure::drums::Drums;
use crate::measure::elbo::Elbo;
use crate::measure::interpolation::{self, Interpolation};
use crate::measure::knobs::Knobs;
use crate::measure::onsets::Onsets;
use crate::measure::reconstruction::Reconstruction;
use crate::measure::segments::Segment;
use crate::measure::statistics::{Estimate, Interval, count};
use crate::measure::table::{
    accuracy_rows, completion_rows, knob_rows, number, percent, share, two_sample_rows,
};
use crate::measure::training_log::Row;
use crate::measure::two_sample::TwoSample;
use crate::measure::web::{section, table};
use fourbar_model::checkpoint::Metadata;
use fourbar_model::drums::Voice;
use maud::{Markup, html};

/// What comes back, by the decoder's ways of running.
pub(super) fn accuracy(reconstruction: &Reconstruction) -> Markup {
    let ways = reconstruction.ways().map(|(way, _)| way);
    let body = html! {
        .scroll {
            table {
                tr { th {} th {} th {} th {} }
                @for (name, estimates) in accuracy_rows(reconstruction) {
                    @for (i, (way, estimate)) in ways.iter().zip(&estimates).enumerate() {
                        tr {
                            td { (name) } td { (way) } td.wide { (meter(estimate, &format!("c{i}"))) }
                            td { (share(estimate.value, estimate.interval)) }
                        }
                    }
                }
            }
        }
    };
    let words = html! {
        "Each example is encoded once and decoded from the mean of its posterior. " i { "Teacher-forced" } ", the decoder is \
         given the true row before each one and has only the next to find, which is easier than playing. "
        i { "Free-running" } ", it reads its own rows, as it does when it plays: every row the most likely one, or "
        i { "sampled" } ", drawn at temperature 1, which is how the plugin plays. The dark bars are 95 % intervals, by \
         resampling whole files."
    };
    section("What comes back", &words, &body)
}

/// How a hierarchical decoder does in each segment; nothing if there are not several.
pub(super) fn segments(segments: &[Segment]) -> Markup {
    let places: Vec<f64> = (1..=segments.len()).map(count).collect();
    let right = segments.iter().map(|segment| segment.accuracy.rows);
    let right: Vec<Estimate> = right.collect();
    let nats = segments.iter().map(|segment| segment.r_loss_nats);
    let nats = places.iter().copied().zip(nats).collect();
    let of_segments = |title, curve| Chart {
        title,
        x_axis: "segment",
        curves: vec![curve],
    };
    charts(
        "Segment by segment",
        &html! {
            "A hierarchical decoder decodes each segment afresh from an embedding of its own. Teacher-forced; the band is \
             the 95 % interval."
        },
        &[
            of_segments(
                "Rows right, share",
                Curve::of_estimates("rows right", &places, &right),
            ),
            of_segments(
                "Reconstruction loss, nats a segment",
                Curve::new("nats", nats),
            ),
        ],
        &html! {},
    )
}

/// Which drums come back.
pub(super) fn drums(drums: &Drums, sampled: &Drums) -> Markup {
    let row = |name: &str, onsets: &Onsets, interval: Option<Interval>, colour: &str| {
        let f1 = Estimate {
            value: onsets.f1(),
            interval,
        };
        html! {
            tr {
                td { (name) } td.wide { (meter(&f1, colour)) } td { (share(f1.value, f1.interval)) }
                td { (percent(onsets.precision())) } td { (percent(onsets.recall())) } td { (onsets.true_positives + onsets.false_negatives) }
            }
        }
    };
    let by_voice = Voice::ALL.iter();
    let by_voice = by_voice.filter_map(|voice| Some((voice, drums.onsets_by_voice.get(voice)?)));
    let all =
        |name, drums: &Drums, colour| row(name, &drums.onsets, drums.intervals.onset_f1, colour);
    let body = html! {
        .scroll {
            table {
                tr { th {} th {} th { "F1" } th { "precision" } th { "recall" } th { "hits played" } }
                @for (voice, onsets) in by_voice { (row(voice.name(), onsets, None, "c1")) }
                (all("all drums", drums, "c1"))
                (all("all drums, sampled", sampled, "c2"))
            }
        }
        @if let (Some(velocity), Some(timing)) = (&drums.velocity, &drums.timing) {
            @let figures = [
                ("velocity, mean", velocity.mean, velocity.data_mean),
                ("velocity, spread", velocity.spread, velocity.data_spread),
                ("timing spread, ms", timing.spread_ms, timing.data_spread_ms),
            ];
            @let head = ["", "model", "data"].map(str::to_owned);
            h3 { "Feel" }
            (table(std::iter::once(head).chain(
                figures.map(|(name, model, data)| [name.to_owned(), number(model, 1), number(data, 1)])
            )))
        }
    };
    let words = html! {
        "A hit is right if the same drum plays on the same 16th; free-running, most likely but in the last line of the table."
    };
    section("Drum by drum", &words, &body)
}

/// The curves of the training's log.
pub(super) fn training(log: &[Row], elbo: &Elbo) -> Markup {
    let column = |name: &str, shown: &str, factor: f64| {
        let points = log.iter().filter_map(|row| {
            let figure = row.figure(name)?;
            Some((count(row.step), factor * figure))
        });
        Curve::new(shown, points.collect())
    };
    let over_steps = |title, curves| Chart {
        title,
        x_axis: "steps",
        curves,
    };
    let bits = std::f64::consts::LN_2.recip();
    let parts = elbo.parts_nats.keys();
    charts(
        "Training",
        &html! {
            "Training figures are with dropout and whatever else makes training harder; those of the validation split are \
             without."
        },
        &[
            over_steps(
                "Loss, nats an example",
                vec![
                    column("loss", "training", 1.0),
                    column("validation_loss", "validation", 1.0),
                ],
            ),
            over_steps(
                "Parts of the training loss, nats",
                parts.map(|name| column(name, name, 1.0)).collect(),
            ),
            over_steps(
                "What comes back in validation, share",
                vec![
                    column("validation_accuracy", "rows, free-running", 1.0),
                    column(
                        "validation_teacher_forced_accuracy",
                        "rows, teacher-forced",
                        1.0,
                    ),
                    column("validation_onset_f1", "onset F1", 1.0),
                ],
            ),
            over_steps(
                "Bits in the latent (KL)",
                vec![
                    column("kl", "training", bits),
                    column("validation_kl_bits", "validation", 1.0),
                ],
            ),
        ],
        &html! {},
    )
}

/// Distance and likelihood on the way from one example to another.
pub(super) fn interpolation(study: &Interpolation) -> Markup {
    let chart = |title, curves: fn(&interpolation::Curve) -> &Vec<Estimate>| {
        let curve = |name, of| Curve::of_estimates(name, &study.positions, curves(of));
        Chart {
            title,
            x_axis: "position on the way",
            curves: vec![
                curve("arc through the latent space", &study.latent),
                curve("blend row by row", &study.blend),
            ],
        }
    };
    let n_grams = format!(
        "Log-likelihood under {}-grams of the training data, nats a row",
        study.n_gram_order
    );
    let how_to_read = html! {
        .quiet {
            p {
                "The " em { "blend" } " takes each row from the end with the probability of the position, else from the \
                 start: it is what was played at both ends, and in between it is no music."
            }
            p {
                "The " em { "arc" } " goes from the latent of the one to that of the other and is decoded on the way. It \
                 begins and ends at the reconstructions, which is why it does not begin at a distance of 0, and should be \
                 likely all the way."
            }
            p {
                "The judge of likelihood is one that has seen no network: which row follows which four in the training \
                 data. Source: Roberts et al. 2018, figure 3."
            }
        }
    };
    charts(
        "How music changes on the way",
        &html! {
            "Means over " (study.n_pairs) " pairs of held-out examples, of different files if there are two; bands are 95 % \
             intervals. Conditional models keep the first example's controls."
        },
        &[
            chart("Hamming distance to the start, share of rows", |curve| {
                &curve.hamming
            }),
            chart(&n_grams, |curve| &curve.n_gram_nats_per_row),
            chart("Log-likelihood under the model, nats a row", |curve| {
                &curve.model_nats_per_row
            }),
        ],
        &how_to_read,
    )
}

/// Samples and reconstructions beside drummers.
pub(super) fn beside_drummers(two_sample: &TwoSample) -> Markup {
    let rows = two_sample_rows(two_sample).into_iter();
    let words = html! {
        "Whether windows could be a drummer's: distributions of sixteen features beside those of held-out drummers. What \
         another set of drummers reaches is the level to reach. Overlap: area under both kernel densities, 1 if they are the \
         same. KL: divergence of the drummers' density from the other. Fréchet distance: of the z-scored features. AUC: of \
         gradient boosting that tells the two sets apart, 0.5 if it cannot. Novelty: Jaccard distance of the hits to the \
         nearest training window of another file. In brackets: 95 % intervals, by resampling whole files."
    };
    section("Beside drummers", &words, &table(rows))
}

/// The directions that change a musical property, if the checkpoint has any.
pub(super) fn attributes(metadata: &Metadata) -> Markup {
    if metadata.attributes.is_empty() {
        return html! {};
    }
    let head = ["", "lowest quarter", "mean", "highest quarter", "deviation"].map(str::to_owned);
    let rows = metadata.attributes.iter().map(|(name, of)| {
        let figure = |figure| number(Some(figure), 3);
        let [bottom, mean, top, deviation] = [of.bottom, of.mean, of.top, of.deviation].map(figure);
        [name.clone(), bottom, mean, top, deviation]
    });
    let words = html! {
        "Each is a direction of the latent space from the training examples with the least of it to those with the most; "
        code { "fourbar generate --attribute" } " follows it."
    };
    section(
        "Attributes",
        &words,
        &table(std::iter::once(head).chain(rows)),
    )
}

/// What each attribute vector does.
pub(super) fn knobs(knobs: &Knobs) -> Markup {
    let words = html! {
        "Each attribute vector, set to -2 to +2 standard deviations at " (knobs.n_points) " random points: Spearman's rank \
         correlation of the setting and the attribute (with its 95 % interval by points), the attribute at each setting in \
         deviations from the training mean, and by how many deviations every attribute changes for one of the setting."
    };
    section("Knobs", &words, &table(knob_rows(knobs)))
}

/// What the model draws around known parts.
pub(super) fn completion(completion: &Completion) -> Markup {
    let head = ["figure", "value"].map(str::to_owned);
    let words = html! {
        "The hits of " (completion.n_windows) " held-out windows, with velocities and offsets from a random point of the \
         prior: mean ± standard deviation, mean distance from the drummer's number for the same hit, and the KL divergence \
         of the drummers' distribution. The most likely numbers are nearer to each hit's, as regression is, and too much \
         alike. Fills: what a classifier that has learned the data set's labelled fills calls one."
    };
    section(
        "Known parts",
        &words,
        &table(std::iter::once(head).chain(completion_rows(completion))),
    )
}

/// A section of charts, those without a curve left out, and what stands beside the last one; nothing without a chart.
fn charts(title: &str, words: &Markup, charts: &[Chart<'_>], beside: &Markup) -> Markup {
    let charts: Vec<Markup> = charts.iter().filter_map(Chart::to_svg).collect();
    if charts.is_empty() {
        return html! {};
    }
    section(
        title,
        words,
        &html! { .charts { @for chart in &charts { (chart) } (beside) } },
    )
}

/// A share as a bar, its interval above it.
fn meter(estimate: &Estimate, colour: &str) -> Markup {
    let Estimate { value, interval } = estimate;
    let width = |share: f64| format!("width:{:.1}%", 100.0 * share);
    html! {
        @if let Some(value) = value {
            .meter.(colour) {
                i style=(width(*value)) {}
                @if let Some(Interval { low, high }) = interval {
                    u style={ "left:" (format!("{:.1}", 100.0 * low)) "%;" (width(high - low)) } {}
                }
            }
        }
    }
}
