//! A [`Report`] as a table for the terminal.

use super::accuracy::{Accuracy, Choice};
use super::completion::Completion;
use super::drums::Drums;
use super::elbo::Elbo;
use super::features::Features;
use super::interpolation::Interpolation;
use super::knobs::Knobs;
use super::onsets::Onsets;
use super::reconstruction::Reconstruction;
use super::report::Report;
use super::statistics::{Estimate, Interval, Summary, ratio};
use super::two_sample::{Comparison, FEATURES, Feature, TwoSample, WindowFigures};
use fourbar_model::drums::Voice;

impl Report {
    /// Every figure in musical words.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = vec![
            format!(
                "{} on the {} split of {}: {} examples of {} steps from {} files",
                self.preset,
                self.split.name(),
                self.dataset,
                self.n_examples,
                self.n_steps,
                self.n_files
            ),
            format!("Head: {}, which puts out {}", self.head, self.rows),
            String::new(),
        ];
        let reconstruction = &self.reconstruction;
        accuracy(&mut lines, reconstruction);
        lines.push(String::new());
        if !reconstruction.segments.is_empty() {
            segments(&mut lines, reconstruction, self.n_steps);
            lines.push(String::new());
        }
        if let (Some(drums), Some(sampled)) = (&reconstruction.drums, &reconstruction.drums_sampled)
        {
            onsets(&mut lines, drums, sampled);
            lines.push(String::new());
            feel(&mut lines, drums);
            lines.push(String::new());
        }
        elbo(&mut lines, &reconstruction.elbo);
        if let Some(study) = &self.interpolation {
            lines.push(String::new());
            interpolation(&mut lines, study);
        }
        if let (Some(prior), Some(data)) = (&self.prior, &self.data) {
            lines.push(String::new());
            lines.push(format!(
                "Samples: {} of the prior at temperature {}, beside the data (mean ± standard deviation)",
                prior.features.n_grooves, prior.temperature
            ));
            features(&mut lines, &prior.features, data);
        }
        if let Some(two_sample) = &self.two_sample {
            lines.push(String::new());
            beside_drummers(&mut lines, two_sample);
        }
        if let Some(of) = &self.knobs {
            lines.push(String::new());
            knobs(&mut lines, of);
        }
        if let Some(of) = &self.completion {
            lines.push(String::new());
            completion(&mut lines, of);
        }
        lines.join("\n") + "\n"
    }
}

/// How much comes back, by the decoder's ways of running.
fn accuracy(lines: &mut Vec<String>, reconstruction: &Reconstruction) {
    lines.push(
        "Played back from the posterior's mean; sampled is at temperature 1 (in brackets: 95 % interval by files)"
            .to_owned(),
    );
    let mut line = |name: &str, [forced, free, sampled]: [&str; 3]| {
        lines.push(format!("  {name:<32}{forced:>24}{free:>29}{sampled:>26}"));
    };
    line("", reconstruction.ways().map(|(way, _)| way));
    for (name, estimates) in accuracy_rows(reconstruction) {
        let cells = estimates.map(|estimate| share(estimate.value, estimate.interval));
        line(&name, cells.each_ref().map(String::as_str));
    }
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
fn segments(lines: &mut Vec<String>, reconstruction: &Reconstruction, n_steps: usize) {
    let segments = &reconstruction.segments;
    let n_rows = n_steps / segments.len();
    lines.push(format!(
        "Segment by segment: {n_rows} rows each, teacher-forced"
    ));
    let mut line = |name: &str, right: &str, nats: &str| {
        lines.push(format!("  {name:<12}{right:>24}{nats:>12}"));
    };
    let cell = |rows: &Estimate| share(rows.value, rows.interval);
    line("rows", "right", "nats");
    for segment in segments {
        let name = format!("{}–{}", segment.first_row + 1, segment.first_row + n_rows);
        let nats = number(Some(segment.r_loss_nats), 2);
        line(&name, &cell(&segment.accuracy.rows), &nats);
    }
    let mean_nats = ratio(reconstruction.elbo.r_loss_nats, segments.len());
    let right = cell(&reconstruction.teacher_forced.rows);
    line("mean", &right, &number(mean_nats, 2));
}

/// Interpolations between examples, every other position.
fn interpolation(lines: &mut Vec<String>, study: &Interpolation) {
    lines.push(format!(
        "Between {} pairs of examples: on the arc through the latent space, and in a blend row by row",
        study.n_pairs
    ));
    let mut line = |name: &str, cells: Vec<String>| {
        let cells: String = cells
            .iter()
            .step_by(2)
            .map(|cell| format!("{cell:>9}"))
            .collect();
        lines.push(format!("  {name:<42}{cells}"));
    };
    let positions = study.positions.iter();
    line("position", positions.map(|at| format!("{at:.1}")).collect());
    let cells = |curve: &[Estimate]| -> Vec<String> {
        curve
            .iter()
            .map(|estimate| number(estimate.value, 3))
            .collect()
    };
    for (name, curve) in [("arc", &study.latent), ("blend", &study.blend)] {
        line(
            &format!("rows unlike the start, {name}"),
            cells(&curve.hamming),
        );
    }
    for (name, curve) in [("arc", &study.latent), ("blend", &study.blend)] {
        line(
            &format!(
                "log-likelihood a row by {}-grams, {name}",
                study.n_gram_order
            ),
            cells(&curve.n_gram_nats_per_row),
        );
    }
    for (name, curve) in [("arc", &study.latent), ("blend", &study.blend)] {
        line(
            &format!("log-likelihood a row by the model, {name}"),
            cells(&curve.model_nats_per_row),
        );
    }
}

/// Which hits are right.
fn onsets(lines: &mut Vec<String>, drums: &Drums, sampled: &Drums) {
    lines.push(
        "Drums, free-running, most likely (last line: sampled): which hits are right".to_owned(),
    );
    lines.push(format!(
        "  {:<20}{:>10}{:>10}{:>10}{:>10}",
        "", "precision", "recall", "F1", "hits"
    ));
    let mut line = |name: &str, onsets: &Onsets, interval: Option<Interval>| {
        lines.push(format!(
            "  {name:<20}{:>10}{:>10}{:>10}{:>10}{}",
            percent(onsets.precision()),
            percent(onsets.recall()),
            percent(onsets.f1()),
            onsets.true_positives + onsets.false_negatives,
            interval.map_or(String::new(), |interval| format!(
                "   F1 between {} and {}",
                percent(Some(interval.low)),
                percent(Some(interval.high))
            ))
        ));
    };
    for voice in Voice::ALL {
        if let Some(onsets) = drums.onsets_by_voice.get(&voice) {
            line(voice.name(), onsets, None);
        }
    }
    for (name, drums) in [("all drums", drums), ("all drums, sampled", sampled)] {
        line(name, &drums.onsets, drums.intervals.onset_f1);
    }
}

/// How loud, how exact, and whether the first beat is there.
fn feel(lines: &mut Vec<String>, drums: &Drums) {
    let between = |interval: Option<Interval>| {
        interval.map_or(String::new(), |interval| {
            format!("   between {:.1} and {:.1}", interval.low, interval.high)
        })
    };
    lines.push(format!("  {:<34}{:>10}{:>10}", "", "model", "data"));
    let mut line = |name: &str, model: String, data: Option<String>, rest: &str| {
        let data = data.unwrap_or_default();
        lines.push(
            format!("  {name:<34}{model:>10}{data:>10}{rest}")
                .trim_end()
                .to_owned(),
        );
    };
    if let Some(velocity) = &drums.velocity {
        line(
            "velocity error, 0–127",
            number(velocity.mae, 1),
            None,
            &between(drums.intervals.velocity_mae),
        );
        for (name, model, data) in [
            ("velocity mean", velocity.mean, velocity.data_mean),
            ("velocity spread", velocity.spread, velocity.data_spread),
        ] {
            line(name, number(model, 1), Some(number(data, 1)), "");
        }
    }
    if let Some(timing) = &drums.timing {
        line(
            "timing error, ms",
            number(timing.mae_ms, 1),
            None,
            &between(drums.intervals.timing_mae_ms),
        );
        let on_the_grid = number(timing.quantised_mae_ms, 1);
        line("  of the same hits on the grid, ms", on_the_grid, None, "");
        line(
            "timing spread, ms",
            number(timing.spread_ms, 1),
            Some(number(timing.data_spread_ms, 1)),
            "",
        );
        line(
            "timing error, 16th steps",
            number(timing.mae_steps, 3),
            None,
            "",
        );
        let on_the_grid = number(timing.quantised_mae_steps, 3);
        line("  of the same hits on the grid", on_the_grid, None, "");
        line(
            "timing spread, 16th steps",
            number(timing.spread_steps, 3),
            Some(number(timing.data_spread_steps, 3)),
            "",
        );
    }
    let downbeat = &drums.downbeat;
    for (name, model, data) in [
        ("first beat played", downbeat.any, downbeat.data_any),
        (
            "first beat played by the kick",
            downbeat.kick,
            downbeat.data_kick,
        ),
    ] {
        line(name, percent(model), Some(percent(data)), "");
    }
}

/// The parts of the loss and of the ELBO.
fn elbo(lines: &mut Vec<String>, elbo: &Elbo) {
    lines.push(
        "Loss and ELBO, nats for an example (teacher-forced, one sample of the posterior)"
            .to_owned(),
    );
    let parts = elbo.parts_nats.iter();
    let parts: Vec<String> = parts
        .map(|(name, nats)| format!("{name} {nats:.2}"))
        .collect();
    lines.push(format!(
        "  r_loss {:.2} = {}",
        elbo.r_loss_nats,
        parts.join(" + ")
    ));
    lines.push(format!(
        "  kl_loss {:.2} (KL {:.2}, kl_bits {:.1}, of which {} free)",
        elbo.kl_loss_nats, elbo.kl_nats, elbo.kl_bits, elbo.free_bits
    ));
    lines.push(format!(
        "  loss {:.2} = r_loss + kl_beta {} × kl_loss",
        elbo.loss_nats,
        number(Some(elbo.kl_beta), 4)
    ));
    let between = elbo.elbo_interval.map_or(String::new(), |interval| {
        format!(" (between {:.2} and {:.2})", interval.low, interval.high)
    });
    lines.push(format!(
        "  ELBO {:.2} = -(r_loss + KL){between}",
        elbo.elbo_nats
    ));
}

/// Two collections of grooves beside each other.
fn features(lines: &mut Vec<String>, model: &Features, data: &Features) {
    lines.push(format!("  {:<34}{:>20}{:>20}", "", "model", "data"));
    let rows = feature_rows(model, data);
    lines.extend(rows.map(|[name, model, data]| format!("  {name:<34}{model:>20}{data:>20}")));
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
fn beside_drummers(lines: &mut Vec<String>, two_sample: &TwoSample) {
    lines.push(
        "Beside drummers, window by window (in brackets: 95 % interval by files; features: mean ± standard deviation)"
            .to_owned(),
    );
    for (name, cells) in two_sample_rows(two_sample) {
        let cells: String = cells.iter().map(|cell| format!("{cell:>30}")).collect();
        lines.push(format!("  {name:<34}{cells}"));
    }
}

/// The table of sets beside drummers, its head first: what a row is called, and its cells for the drummers and for each
/// set that is compared with them.
pub(super) fn two_sample_rows(two_sample: &TwoSample) -> Vec<(String, Vec<String>)> {
    let TwoSample {
        split,
        drummers,
        comparisons,
    } = two_sample;
    let mut rows = Vec::new();
    let mut line = |name: &str, of_drummers: String, of_set: &dyn Fn(&Comparison) -> String| {
        let cells = std::iter::once(of_drummers).chain(comparisons.iter().map(of_set));
        rows.push((name.to_owned(), cells.collect()));
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
fn knobs(lines: &mut Vec<String>, knobs: &Knobs) {
    lines.push(format!(
        "Knobs: attribute vectors set to -2 to +2 standard deviations at {} random points (in brackets: 95 % interval by points)",
        knobs.n_points
    ));
    for row in knob_rows(knobs) {
        let (name, cells) = row.split_first().expect("a row has a name");
        let cells: String = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        lines.push(format!("  {name:<34}{cells}"));
    }
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
fn completion(lines: &mut Vec<String>, completion: &Completion) {
    lines.push(format!(
        "Known parts: the hits of {} held-out windows played from random points, and fills asked for in one bar",
        completion.n_windows
    ));
    for [name, value] in completion_rows(completion) {
        lines.push(format!("  {name:<66}{value:>30}"));
    }
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
