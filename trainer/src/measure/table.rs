//! A [`Report`] as a table for the terminal.

use super::accuracy::{Accuracy, Choice};
use super::completion::Completion;
use super::drums::Drums;
use super::elbo::Elbo;
use super::features::Features;
use super::interpolation::{Curve, Interpolation};
use super::knobs::Knobs;
use super::onsets::Onsets;
use super::reconstruction::Reconstruction;
use super::report::{Prior, Report};
use super::statistics::{Estimate, Interval, Summary, ratio};
use super::two_sample::{Comparison, FEATURES, Feature, TwoSample, WindowFigures};
use crate::text::columns;
use fourbar_model::drums::Voice;

impl Report {
    /// Every figure in musical words.
    #[must_use]
    pub fn to_text(&self) -> String {
        let reconstruction = &self.reconstruction;
        let mut paragraphs = vec![
            format!(
                "{} on the {} split of {}: {} examples of {} steps from {} files\nHead: {}, which puts out {}\n",
                self.preset,
                self.split.name(),
                self.dataset,
                self.n_examples,
                self.n_steps,
                self.n_files,
                self.head,
                self.rows
            ),
            accuracy(reconstruction),
        ];
        if !reconstruction.segments.is_empty() {
            paragraphs.push(segments(reconstruction, self.n_steps));
        }
        if let (Some(drums), Some(sampled)) = (&reconstruction.drums, &reconstruction.drums_sampled)
        {
            paragraphs.push(onsets(drums, sampled));
            paragraphs.push(feel(drums));
        }
        paragraphs.push(elbo(&reconstruction.elbo));
        paragraphs.extend(self.interpolation.as_ref().map(interpolation));
        if let (Some(prior), Some(data)) = (&self.prior, &self.data) {
            paragraphs.push(features(prior, data));
        }
        paragraphs.extend(self.two_sample.as_ref().map(beside_drummers));
        paragraphs.extend(self.knobs.as_ref().map(knobs));
        paragraphs.extend(self.completion.as_ref().map(completion));
        paragraphs.join("\n")
    }
}

/// A table under its title.
fn titled(title: &str, rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>) -> String {
    format!("{title}\n{}", columns(rows))
}

/// How much comes back, by the decoder's ways of running.
fn accuracy(reconstruction: &Reconstruction) -> String {
    let ways = reconstruction.ways().map(|(way, _)| way.to_owned());
    let head = std::iter::once(String::new()).chain(ways).collect();
    let rows = accuracy_rows(reconstruction).map(|(name, estimates)| {
        let cells = estimates.map(|estimate| share(estimate.value, estimate.interval));
        std::iter::once(name).chain(cells).collect()
    });
    titled(
        "Played back from the posterior's mean; sampled is at temperature 1 (in brackets: 95 % interval by files)",
        std::iter::once::<Vec<String>>(head).chain(rows),
    )
}

/// What each accuracy that the model has is called, and what it is by [`Reconstruction::ways`].
pub(super) fn accuracy_rows(
    reconstruction: &Reconstruction,
) -> impl Iterator<Item = (String, [Estimate; 3])> {
    let ways = reconstruction.ways().map(|(_, accuracy)| accuracy);
    let mut rows = Vec::new();
    let mut line = |name: &str, figure: &dyn Fn(&Accuracy) -> Option<Estimate>| {
        if let [Some(forced), Some(free), Some(sampled)] = ways.map(figure) {
            rows.push((name.to_owned(), [forced, free, sampled]));
        }
    };
    line("rows right", &|accuracy| Some(accuracy.rows));
    line("rows right, mean over classes", &|accuracy| {
        accuracy.mean_per_class
    });
    for (i, Choice { name, .. }) in ways[0].by_choice.iter().enumerate() {
        line(&format!("{name} right"), &|accuracy| {
            Some(accuracy.by_choice[i].rows)
        });
        line(&format!("{name} right, mean over classes"), &|accuracy| {
            Some(accuracy.by_choice[i].mean_per_class)
        });
    }
    line("notes put out that are right", &|accuracy| {
        accuracy.precision
    });
    line("notes of the data that come back", &|accuracy| {
        accuracy.recall
    });
    rows.into_iter()
}

/// How a hierarchical decoder does in each segment.
fn segments(reconstruction: &Reconstruction, n_steps: usize) -> String {
    let segments = &reconstruction.segments;
    let n_rows = n_steps / segments.len();
    let row = |name: String, right: &Estimate, nats| {
        [name, share(right.value, right.interval), number(nats, 2)]
    };
    let head = ["rows", "right", "nats"].map(str::to_owned);
    let each = segments.iter().map(|segment| {
        let name = format!("{}–{}", segment.first_row + 1, segment.first_row + n_rows);
        row(name, &segment.accuracy.rows, Some(segment.r_loss_nats))
    });
    let mean = row(
        "mean".to_owned(),
        &reconstruction.teacher_forced.rows,
        ratio(reconstruction.elbo.r_loss_nats, segments.len()),
    );
    titled(
        &format!("Segment by segment: {n_rows} rows each, teacher-forced"),
        std::iter::once(head).chain(each).chain([mean]),
    )
}

/// Interpolations between examples, every other position.
fn interpolation(study: &Interpolation) -> String {
    let n_grams = format!("log-likelihood a row by {}-grams", study.n_gram_order);
    let mut rows = vec![vec!["position".to_owned()]];
    let positions = study.positions.iter().step_by(2);
    rows[0].extend(positions.map(|position| format!("{position:.1}")));
    for (name, curves) in [
        (
            "rows unlike the start",
            (|curve| &curve.hamming) as fn(&Curve) -> &Vec<Estimate>,
        ),
        (&n_grams, |curve| &curve.n_gram_nats_per_row),
        ("log-likelihood a row by the model", |curve| {
            &curve.model_nats_per_row
        }),
    ] {
        for (way, curve) in [("arc", &study.latent), ("blend", &study.blend)] {
            let estimates = curves(curve).iter().step_by(2);
            let cells = estimates.map(|estimate| number(estimate.value, 3));
            rows.push(
                std::iter::once(format!("{name}, {way}"))
                    .chain(cells)
                    .collect(),
            );
        }
    }
    titled(
        &format!(
            "Between {} pairs of examples: on the arc through the latent space, and in a blend row by row",
            study.n_pairs
        ),
        rows,
    )
}

/// Which hits are right.
fn onsets(drums: &Drums, sampled: &Drums) -> String {
    let row = |name: &str, onsets: &Onsets, interval: Option<Interval>| {
        [
            name.to_owned(),
            percent(onsets.precision()),
            percent(onsets.recall()),
            percent(onsets.f1()),
            (onsets.true_positives + onsets.false_negatives).to_string(),
            interval.map_or_else(String::new, |Interval { low, high }| {
                format!(
                    "F1 between {} and {}",
                    percent(Some(low)),
                    percent(Some(high))
                )
            }),
        ]
    };
    let head = ["", "precision", "recall", "F1", "hits", ""].map(str::to_owned);
    let by_voice = Voice::ALL.iter().filter_map(|voice| {
        let onsets = drums.onsets_by_voice.get(voice)?;
        Some(row(voice.name(), onsets, None))
    });
    let all = [("all drums", drums), ("all drums, sampled", sampled)];
    let all = all.map(|(name, drums)| row(name, &drums.onsets, drums.intervals.onset_f1));
    titled(
        "Drums, free-running, most likely (last line: sampled): which hits are right",
        std::iter::once(head).chain(by_voice).chain(all),
    )
}

/// How loud, how exact, and whether the first beat is there.
fn feel(drums: &Drums) -> String {
    let none = String::new;
    let between = |interval: Option<Interval>| {
        interval.map_or_else(none, |Interval { low, high }| {
            format!("between {low:.1} and {high:.1}")
        })
    };
    let mut rows = vec![["", "model", "data", ""].map(str::to_owned)];
    let mut row = |name: &str, model: String, data: String, rest: String| {
        rows.push([name.to_owned(), model, data, rest]);
    };
    if let Some(velocity) = &drums.velocity {
        let interval = between(drums.intervals.velocity_mae);
        row(
            "velocity error, 0–127",
            number(velocity.mae, 1),
            none(),
            interval,
        );
        for (name, model, data) in [
            ("velocity mean", velocity.mean, velocity.data_mean),
            ("velocity spread", velocity.spread, velocity.data_spread),
        ] {
            row(name, number(model, 1), number(data, 1), none());
        }
    }
    if let Some(timing) = &drums.timing {
        let in_ms = between(drums.intervals.timing_mae_ms);
        for (unit, decimals, error, interval, on_the_grid, spread, data_spread) in [
            (
                "ms",
                1,
                timing.mae_ms,
                in_ms,
                timing.quantised_mae_ms,
                timing.spread_ms,
                timing.data_spread_ms,
            ),
            (
                "16th steps",
                3,
                timing.mae_steps,
                none(),
                timing.quantised_mae_steps,
                timing.spread_steps,
                timing.data_spread_steps,
            ),
        ] {
            let figure = |figure| number(figure, decimals);
            row(
                &format!("timing error, {unit}"),
                figure(error),
                none(),
                interval,
            );
            row(
                "  of the same hits on the grid",
                figure(on_the_grid),
                none(),
                none(),
            );
            row(
                &format!("timing spread, {unit}"),
                figure(spread),
                figure(data_spread),
                none(),
            );
        }
    }
    let downbeat = &drums.downbeat;
    row(
        "first beat played",
        percent(downbeat.any),
        percent(downbeat.data_any),
        none(),
    );
    row(
        "first beat played by the kick",
        percent(downbeat.kick),
        percent(downbeat.data_kick),
        none(),
    );
    columns(rows)
}

/// The parts of the loss and of the ELBO.
fn elbo(elbo: &Elbo) -> String {
    let parts = elbo.parts_nats.iter();
    let parts: Vec<String> = parts
        .map(|(name, nats)| format!("{name} {nats:.2}"))
        .collect();
    let between = elbo.elbo_interval.map_or(String::new(), |interval| {
        format!(" (between {:.2} and {:.2})", interval.low, interval.high)
    });
    format!(
        "Loss and ELBO, nats for an example (teacher-forced, one sample of the posterior)\n  \
         r_loss {:.2} = {}\n  \
         kl_loss {:.2} (KL {:.2}, kl_bits {:.1}, of which {} free)\n  \
         loss {:.2} = r_loss + kl_beta {:.4} × kl_loss\n  \
         ELBO {:.2} = -(r_loss + KL){between}\n",
        elbo.r_loss_nats,
        parts.join(" + "),
        elbo.kl_loss_nats,
        elbo.kl_nats,
        elbo.kl_bits,
        elbo.free_bits,
        elbo.loss_nats,
        elbo.kl_beta,
        elbo.elbo_nats
    )
}

/// Samples of the prior beside the data.
fn features(prior: &Prior, data: &Features) -> String {
    let head = ["", "model", "data"].map(str::to_owned);
    titled(
        &format!(
            "Samples: {} of the prior at temperature {}, beside the data (mean ± standard deviation)",
            prior.features.n_grooves, prior.temperature
        ),
        std::iter::once(head).chain(feature_rows(&prior.features, data)),
    )
}

/// What each feature is called, and what it is of the model and of the data.
pub(super) fn feature_rows(model: &Features, data: &Features) -> impl Iterator<Item = [String; 3]> {
    let mut rows = Vec::new();
    let mut line = |name: &str, show: &dyn Fn(&Features) -> String| {
        rows.push([name.to_owned(), show(model), show(data)]);
    };
    line("first beat played", &|features| {
        share(features.downbeat, features.downbeat_interval)
    });
    line("first beat played by the kick", &|features| {
        share(features.downbeat_kick, features.downbeat_kick_interval)
    });
    line("hits a bar", &|features| summary(&features.hits_per_bar, 1));
    line("drums used", &|features| summary(&features.voices_used, 1));
    line("steps with a hit, share", &|features| {
        summary(&features.step_density, 2)
    });
    line("velocity within a groove: mean", &|features| {
        summary(&features.velocity_mean, 1)
    });
    line("  spread", &|features| {
        summary(&features.velocity_spread, 1)
    });
    line("velocity of all hits", &|features| {
        summary(&features.velocity_of_hits, 1)
    });
    line("steps early within a groove: mean", &|features| {
        summary(&features.offset_mean, 3)
    });
    line("  spread", &|features| summary(&features.offset_spread, 3));
    line("steps early of all hits", &|features| {
        summary(&features.offset_of_hits, 3)
    });
    line("hits ahead of the grid, share", &|features| {
        summary(&features.early_share, 2)
    });
    line("swing of the 16ths, steps", &|features| {
        summary(&features.swing, 3)
    });
    for voice in Voice::ALL {
        line(&format!("share of hits: {}", voice.name()), &|features| {
            percent(features.share_of_hits.get(&voice).copied().flatten())
        });
    }
    for (n_hits, name) in ["none", "one", "two", "three", "four or more"]
        .iter()
        .enumerate()
    {
        line(&format!("hits at once: {name}"), &|features| {
            percent(features.simultaneous_hits[n_hits])
        });
    }
    line("different grooves, of all", &|features| {
        percent(features.distinct_grooves)
    });
    line("different bars, of all", &|features| {
        percent(features.distinct_bars)
    });
    rows.into_iter()
}

/// Sets of windows beside drummers.
fn beside_drummers(two_sample: &TwoSample) -> String {
    titled(
        "Beside drummers, window by window (in brackets: 95 % interval by files; features: mean ± standard deviation)",
        two_sample_rows(two_sample),
    )
}

/// The table of sets beside drummers, its head first: what a row is called, and its cells for the drummers and for each
/// set that is compared with them.
pub(super) fn two_sample_rows(two_sample: &TwoSample) -> Vec<Vec<String>> {
    let TwoSample {
        split,
        drummers,
        comparisons,
    } = two_sample;
    let mut rows = Vec::new();
    let mut line = |name: &str, of_drummers: String, of_set: &dyn Fn(&Comparison) -> String| {
        let cells = [name.to_owned(), of_drummers].into_iter();
        rows.push(cells.chain(comparisons.iter().map(of_set)).collect());
    };
    let none = String::new;
    let head = format!("{} drummers", split.name());
    line("", head, &|set| set.name.to_owned());
    for (name, figure) in [
        (
            "windows",
            (|of| of.n_windows.to_string()) as fn(&WindowFigures) -> String,
        ),
        ("first beat played", |of| {
            share(of.downbeat.value, of.downbeat.interval)
        }),
        ("novelty, median", |of| estimate(&of.novelty.median)),
        ("copies", |of| of.novelty.copies.to_string()),
    ] {
        line(name, figure(drummers), &|set| figure(&set.windows));
    }
    line("overlap, mean of features", none(), &|set| {
        estimate(&set.overlap)
    });
    line("overlap, worst feature", none(), &|set| {
        estimate(&set.worst_overlap)
    });
    line("  which is", none(), &|set| set.worst_feature.to_owned());
    line("KL, nats, mean of features", none(), &|set| {
        estimate(&set.kl_nats)
    });
    line("Fréchet distance", none(), &|set| estimate(&set.frechet));
    line("classifier, AUC", none(), &|set| {
        let classifier = set.classifier.as_ref();
        classifier.map_or_else(none, |found| {
            estimate(&Estimate {
                value: Some(found.auc),
                interval: found.interval,
            })
        })
    });
    for Feature { id, words } in FEATURES {
        let of = |windows: &WindowFigures| summary(&windows.features[id], 3);
        line(words, of(drummers), &|set| of(&set.windows));
    }
    for Feature { id, words } in FEATURES {
        line(&format!("overlap: {words}"), none(), &|set| {
            number(Some(set.by_feature[id].overlap), 3)
        });
    }
    rows
}

/// What each attribute vector does.
fn knobs(knobs: &Knobs) -> String {
    let title = format!(
        "Knobs: attribute vectors set to -2 to +2 standard deviations at {} random points (in brackets: 95 % interval by points)",
        knobs.n_points
    );
    titled(&title, knob_rows(knobs))
}

/// The table of knobs, its head first: one row for each, with its rank correlation, the attribute at each setting, and the
/// effects on every attribute.
pub(super) fn knob_rows(knobs: &Knobs) -> Vec<Vec<String>> {
    let mut head = vec!["knob (rank correlation)".to_owned()];
    head.extend(knobs.settings.map(|setting| format!("at {setting:+}")));
    head.extend(knobs.knobs.keys().map(|id| format!("on {id}")));
    let rows = knobs.knobs.iter().map(|(id, knob)| {
        let mut row = vec![format!("{id} {}", estimate(&knob.rank_correlation))];
        let figures = knob.means.iter().chain(knob.effects.values());
        row.extend(figures.map(|figure| number(*figure, 2)));
        row
    });
    std::iter::once(head).chain(rows).collect()
}

/// What the model draws around known parts.
fn completion(completion: &Completion) -> String {
    let title = format!(
        "Known parts: the hits of {} held-out windows played from random points, and fills asked for in one bar",
        completion.n_windows
    );
    titled(&title, completion_rows(completion))
}

/// The figures of known parts, each with its name.
pub(super) fn completion_rows(completion: &Completion) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    for (what, feel, decimals) in [
        ("velocity", &completion.velocity, 3),
        ("offset in 16ths", &completion.offset, 4),
    ] {
        let drummers = summary(&feel.drummers, decimals);
        rows.push([format!("{what}: drummers"), drummers]);
        for (way, played) in [("drawn", &feel.drawn), ("most likely", &feel.most_likely)] {
            let figures = format!(
                "{}, off by {}, KL {}",
                summary(&played.summary, decimals),
                number(played.error, decimals),
                number(Some(played.kl_nats), 3)
            );
            rows.push([format!("{what}: {way}"), figures]);
        }
    }
    if let Some(fills) = &completion.fills {
        for (name, figure) in [
            ("called fills: drummers' labelled fills", &fills.of_labelled),
            ("called fills: bars of drummers' beats", &fills.of_beats),
            (
                "called fills: bars in which one was asked for",
                &fills.of_asked,
            ),
            ("called fills: the bars beside them", &fills.of_others),
            (
                "begin with kick or crash: bars of drummers' beats",
                &fills.downbeats,
            ),
            (
                "begin with kick or crash: bars after drummers' fills",
                &fills.downbeats_after_fills,
            ),
            (
                "begin with kick or crash: bars after an asked fill",
                &fills.downbeats_after_asked,
            ),
        ] {
            rows.push([name.to_owned(), share(figure.value, figure.interval)]);
        }
    }
    rows
}

/// A share with its interval, all in percent.
pub(super) fn share(share: Option<f64>, interval: Option<Interval>) -> String {
    match interval {
        Some(Interval { low, high }) => {
            format!(
                "{} ({:.1}–{:.1})",
                percent(share),
                100.0 * low,
                100.0 * high
            )
        }
        None => percent(share),
    }
}

/// A figure with its interval.
fn estimate(Estimate { value, interval }: &Estimate) -> String {
    let value = number(*value, 3);
    match interval {
        Some(Interval { low, high }) => format!("{value} ({low:.3}–{high:.3})"),
        None => value,
    }
}

fn summary(summary: &Summary, decimals: usize) -> String {
    format!(
        "{} ± {}",
        number(summary.mean, decimals),
        number(summary.spread, decimals)
    )
}

/// A share in percent; a dash if it is undefined.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

/// A number; a dash if it is undefined.
pub(super) fn number(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.decimals$}"))
}
