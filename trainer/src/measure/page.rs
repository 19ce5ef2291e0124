//! A [`Report`] as one page to look at: nothing but HTML, its style and drawings inside it, for light and dark screens.

mod chart;
mod gallery;
mod roll;

pub(super) use gallery::Gallery;

use super::completion::Completion;
use super::drums::Drums;
use super::interpolation::{self, Interpolation};
use super::knobs::Knobs;
use super::onsets::Onsets;
use super::report::Report;
use super::segments::Segment;
use super::statistics::{Estimate, Interval, count as number};
use super::table::{
    accuracy_rows, completion_rows, feature_rows, knob_rows, number as written, percent, share,
    two_sample_rows,
};
use super::training_log::Row;
use super::two_sample::TwoSample;
use chart::{Chart, Curve};
use fourbar_model::checkpoint::Metadata;
use fourbar_model::drums::Voice;
use fourbar_model::note::Note;
use fourbar_roll::escape;
use roll::{Scene, Size};

const STYLE: &str = include_str!("page/style.css");

/// Everything that the page shows.
pub(super) struct Page<'a> {
    /// The figures.
    pub(super) report: &'a Report,
    /// What the model's checkpoint says about it.
    pub(super) metadata: &'a Metadata,
    /// The log of its training; may be empty.
    pub(super) log: &'a [Row],
    /// The music.
    pub(super) gallery: Gallery,
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn to_html(&self) -> String {
        let report = self.report;
        let title = escape(&format!("{} on held-out music", report.preset));
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n\
             <p class=\"quiet\">{} examples of {} steps from {} files, the {} split of {}. A {} head puts out {}.</p>\n",
            escape(&report.preset),
            report.n_examples,
            report.n_steps,
            report.n_files,
            report.split.name(),
            escape(&report.dataset),
            escape(&report.head),
            escape(&report.rows)
        );
        html += &self.sentences();
        html += &self.tiles();
        html += &self.accuracy();
        html += &segments(&report.reconstruction.segments);
        if let (Some(most_likely), Some(sampled)) = (
            &report.reconstruction.drums,
            &report.reconstruction.drums_sampled,
        ) {
            html += &drums(most_likely, sampled);
        }
        html += &self.training();
        html += &self.reconstructions();
        html += &self.walk();
        html += &report
            .interpolation
            .as_ref()
            .map_or(String::new(), distances);
        html += &self.samples();
        html += &report
            .two_sample
            .as_ref()
            .map_or(String::new(), beside_drummers);
        html += &self.attributes();
        html += &report.knobs.as_ref().map_or(String::new(), knobs);
        html += &report.completion.as_ref().map_or(String::new(), completion);
        html += &self.footer();
        html + "</main>\n</body>\n</html>\n"
    }

    /// What the figures mean.
    fn sentences(&self) -> String {
        let drums = self.report.reconstruction.drums.as_ref();
        let sentences = drums.map(Drums::sentences).unwrap_or_default();
        let items: String = sentences
            .iter()
            .map(|sentence| format!("<li>{}</li>\n", escape(sentence)))
            .collect();
        if items.is_empty() {
            return items;
        }
        format!(
            "<div class=\"lead\">Of music that it has not learned from, the model\n<ul>\n{items}</ul></div>\n"
        )
    }

    /// The figures that say most, each with its interval: rows that hold two to four tiles, so that none is left over.
    fn tiles(&self) -> String {
        let reconstruction = &self.report.reconstruction;
        let elbo = &reconstruction.elbo;
        let in_percent = |interval: Option<Interval>| {
            interval.map(|Interval { low, high }| {
                format!("95 %: {:.1} to {:.1} %", 100.0 * low, 100.0 * high)
            })
        };
        let between = |interval: Option<Interval>| {
            interval.map(|Interval { low, high }| format!("95 %: {low:.1} to {high:.1}"))
        };
        let tile = |name: &str, figure: String, rest: Option<String>| {
            let rest = rest.unwrap_or_default();
            format!(
                "<div class=\"tile\"><small>{name}</small><b>{figure}</b><small>{rest}&nbsp;</small></div>\n"
            )
        };
        let mut right: String = reconstruction
            .ways()
            .into_iter()
            .map(|(way, accuracy)| {
                let rows = &accuracy.rows;
                let name = format!("rows right, {way}");
                tile(&name, percent(rows.value), in_percent(rows.interval))
            })
            .collect();
        let mut feel = String::new();
        if let Some(drums) = &reconstruction.drums {
            right += &tile(
                "onset F1 of all drums, most likely",
                percent(drums.onsets.f1()),
                in_percent(drums.intervals.onset_f1),
            );
            if let (Some(velocity), Some(timing)) = (&drums.velocity, &drums.timing) {
                feel += &tile(
                    "velocity error, of 127",
                    written(velocity.mae, 1),
                    between(drums.intervals.velocity_mae),
                );
                feel += &tile(
                    "timing error, ms",
                    written(timing.mae_ms, 1),
                    between(drums.intervals.timing_mae_ms),
                );
            }
        }
        let bound = [
            tile(
                "bits in the latent (KL)",
                format!("{:.1}", elbo.kl_bits),
                Some(format!("{} of them free in training", elbo.free_bits)),
            ),
            tile(
                "loss, nats an example",
                format!("{:.1}", elbo.loss_nats),
                Some(format!(
                    "rows {:.1}, and {:.4} × {:.1} of KL above the free bits",
                    elbo.r_loss_nats, elbo.kl_beta, elbo.kl_loss_nats
                )),
            ),
            tile(
                "ELBO, nats an example",
                format!("{:.1}", elbo.elbo_nats),
                between(elbo.elbo_interval),
            ),
        ];
        let rows = [right, feel, bound.concat()].into_iter();
        rows.filter(|tiles| !tiles.is_empty())
            .map(|tiles| format!("<div class=\"tiles\">\n{tiles}</div>\n"))
            .collect()
    }

    /// What comes back, by the decoder's ways of running.
    fn accuracy(&self) -> String {
        let reconstruction = &self.report.reconstruction;
        let ways = reconstruction.ways().map(|(way, _)| way);
        let mut rows = String::new();
        for (name, estimates) in accuracy_rows(reconstruction) {
            for (i, (way, estimate)) in ways.iter().zip(&estimates).enumerate() {
                rows += &format!(
                    "<tr><td>{name}</td><td>{way}</td><td class=\"wide\">{}</td><td>{}</td></tr>\n",
                    meter(estimate, &format!("c{i}")),
                    share(estimate.value, estimate.interval)
                );
            }
        }
        section(
            "What comes back",
            "Each example is encoded once and decoded from the mean of its posterior. <i>Teacher-forced</i>, the decoder \
             is given the true row before each one and has only the next to find, which is easier than playing. \
             <i>Free-running</i>, it reads its own rows, as it does when it plays: every row the most likely one, or \
             <i>sampled</i>, drawn at temperature 1, which is how the plugin plays. The dark bars are 95 % intervals, by \
             resampling whole files.",
            &format!(
                "<div class=\"scroll\"><table>\n<tr><th></th><th></th><th></th><th></th></tr>\n{rows}</table></div>\n"
            ),
        )
    }

    fn reconstructions(&self) -> String {
        let gallery = &self.gallery;
        let mut body = String::new();
        for example in &gallery.reconstructions {
            let scene = Scene::of(
                [&example.heard, &example.played].into_iter(),
                gallery.n_steps,
                gallery.map,
            );
            body += &format!(
                "<h3>{}</h3>\n<div class=\"who\"><span>played by a human: {}</span></div>\n{}\
                 <div class=\"who\"><span>played back by the model</span><span>{} of rows right</span></div>\n{}",
                example.rank,
                escape(&example.name),
                scene.to_svg(&example.heard, Size::Full, "held-out music"),
                percent(Some(example.right)),
                scene.to_svg(&example.played, Size::Full, "its reconstruction")
            );
        }
        section(
            "Reconstructions",
            "Three held-out examples, chosen by how much of them comes back, above what the model makes of them.",
            &(legend(gallery) + &body),
        )
    }

    fn walk(&self) -> String {
        let Gallery {
            walk, n_steps, map, ..
        } = &self.gallery;
        let decoded = walk.decoded.iter().map(|(_, notes)| notes);
        let all = [&walk.start, &walk.end].into_iter().chain(decoded);
        let scene = Scene::of(all, *n_steps, map);
        let strip = |name: &str, notes: &[Note]| {
            let strip = scene.to_svg(notes, Size::Strip, name);
            format!("<div class=\"who\"><span>{name}</span></div>\n{strip}")
        };
        let mut body = strip("start", &walk.start);
        for (t, notes) in &walk.decoded {
            body += &strip(&format!("{:.0} % of the way", 100.0 * t), notes);
        }
        body += &strip("end", &walk.end);
        section(
            "From one to another",
            &format!(
                "From {} to {} on the arc between their latents: the human originals above and below, decoded music \
                 between them.",
                escape(&walk.from),
                escape(&walk.to)
            ),
            &body,
        )
    }

    fn samples(&self) -> String {
        let gallery = &self.gallery;
        let scene = Scene::of(gallery.samples.iter(), gallery.n_steps, gallery.map);
        let mut body = String::new();
        for notes in &gallery.samples {
            body += &scene.to_svg(notes, Size::Full, "an invention");
        }
        if let (Some(prior), Some(data)) = (&self.report.prior, &self.report.data) {
            let rows: String = feature_rows(&prior.features, data)
                .map(|[name, model, data]| {
                    let name = escape(name.trim_start());
                    format!("<tr><td>{name}</td><td>{model}</td><td>{data}</td></tr>\n")
                })
                .collect();
            body += &format!(
                "<h3>{} samples beside the drummers (mean ± standard deviation)</h3>\n<div class=\"scroll\"><table>\n\
                 <tr><th></th><th>model</th><th>data</th></tr>\n{rows}</table></div>\n",
                prior.features.n_grooves
            );
        }
        section(
            "Samples of the prior",
            &format!(
                "Decoded from random places of the latent space, drawn at temperature {}: what the plugin and \
                 <code>fourbar generate</code> play with the seeds {} and after.",
                super::prior_samples::TEMPERATURE,
                self.report.seed
            ),
            &body,
        )
    }

    /// The directions that change a musical property, if the checkpoint has any.
    fn attributes(&self) -> String {
        let rows: String = self
            .metadata
            .attributes
            .iter()
            .map(|(name, of)| {
                let figures = [of.bottom, of.mean, of.top, of.deviation];
                let cell = |figure| format!("<td>{}</td>", written(Some(figure), 3));
                let cells: String = figures.into_iter().map(cell).collect();
                format!("<tr><td>{}</td>{cells}</tr>\n", escape(name))
            })
            .collect();
        if rows.is_empty() {
            return rows;
        }
        section(
            "Attributes",
            "Each is a direction of the latent space from the training examples with the least of it to those with the \
             most; <code>fourbar generate --attribute</code> follows it.",
            &format!(
                "<div class=\"scroll\"><table>\n<tr><th></th><th>lowest quarter</th><th>mean</th>\
                 <th>highest quarter</th><th>deviation</th></tr>\n{rows}</table></div>\n"
            ),
        )
    }

    /// The curves of the training's log.
    fn training(&self) -> String {
        let column = |name: &str, shown: &str, factor: f64| {
            let points = self.log.iter().filter_map(|row| {
                let figure = row.figure(name)?;
                Some((number(row.step), factor * figure))
            });
            Curve::new(shown, points.collect())
        };
        let bits = std::f64::consts::LN_2.recip();
        let parts = self.report.reconstruction.elbo.parts_nats.keys();
        let charts = [
            Chart {
                title: "Loss, nats an example",
                x_axis: "steps",
                curves: vec![
                    column("loss", "training", 1.0),
                    column("validation_loss", "validation", 1.0),
                ],
            },
            Chart {
                title: "Parts of the training loss, nats",
                x_axis: "steps",
                curves: parts.map(|name| column(name, name, 1.0)).collect(),
            },
            Chart {
                title: "What comes back in validation, share",
                x_axis: "steps",
                curves: vec![
                    column("validation_accuracy", "rows, free-running", 1.0),
                    column(
                        "validation_teacher_forced_accuracy",
                        "rows, teacher-forced",
                        1.0,
                    ),
                    column("validation_onset_f1", "onset F1", 1.0),
                ],
            },
            Chart {
                title: "Bits in the latent (KL)",
                x_axis: "steps",
                curves: vec![
                    column("kl", "training", bits),
                    column("validation_kl_bits", "validation", 1.0),
                ],
            },
        ];
        let charts: String = charts.iter().filter_map(Chart::to_svg).collect();
        if charts.is_empty() {
            return charts;
        }
        section(
            "Training",
            "Training figures are with dropout and whatever else makes training harder; those of the validation \
             split are without.",
            &format!("<div class=\"charts\">\n{charts}</div>\n"),
        )
    }

    fn footer(&self) -> String {
        let metadata = self.metadata;
        format!(
            "<footer><p>Trained for {} steps on {} ({}): <code>{}</code></p><p>{}</p>\
             <p>Everything left to chance is by seed {}.</p></footer>\n",
            metadata.step,
            escape(&metadata.dataset.name),
            escape(&metadata.dataset.licence),
            escape(&metadata.command),
            escape(&metadata.dataset.attribution),
            self.report.seed
        )
    }
}

/// How a hierarchical decoder does in each segment; nothing if there are not several.
fn segments(segments: &[Segment]) -> String {
    let places: Vec<f64> = (1..=segments.len()).map(number).collect();
    let right: Vec<Estimate> = segments
        .iter()
        .map(|segment| segment.accuracy.rows)
        .collect();
    let nats = segments.iter().map(|segment| segment.r_loss_nats);
    let charts = [
        (
            "Rows right, share",
            Curve::of_estimates("rows right", &places, &right),
        ),
        (
            "Reconstruction loss, nats a segment",
            Curve::new("nats", places.iter().copied().zip(nats).collect()),
        ),
    ];
    let charts: String = charts
        .into_iter()
        .filter_map(|(title, curve)| {
            let chart = Chart {
                title,
                x_axis: "segment",
                curves: vec![curve],
            };
            chart.to_svg()
        })
        .collect();
    if charts.is_empty() {
        return charts;
    }
    section(
        "Segment by segment",
        "A hierarchical decoder decodes each segment afresh from an embedding of its own. Teacher-forced; the band \
         is the 95 % interval.",
        &format!("<div class=\"charts\">\n{charts}</div>\n"),
    )
}

/// Which drums come back.
fn drums(drums: &Drums, sampled: &Drums) -> String {
    let mut rows = String::new();
    let mut row = |name: &str, onsets: &Onsets, interval: Option<Interval>, colour: &str| {
        let f1 = Estimate {
            value: onsets.f1(),
            interval,
        };
        rows += &format!(
            "<tr><td>{name}</td><td class=\"wide\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            meter(&f1, colour),
            share(f1.value, f1.interval),
            percent(onsets.precision()),
            percent(onsets.recall()),
            onsets.true_positives + onsets.false_negatives
        );
    };
    for voice in Voice::ALL {
        if let Some(onsets) = drums.onsets_by_voice.get(&voice) {
            row(voice.name(), onsets, None, "c1");
        }
    }
    for (name, drums, colour) in [
        ("all drums", drums, "c1"),
        ("all drums, sampled", sampled, "c2"),
    ] {
        row(name, &drums.onsets, drums.intervals.onset_f1, colour);
    }
    let mut body = format!(
        "<div class=\"scroll\"><table>\n<tr><th></th><th></th><th>F1</th><th>precision</th><th>recall</th>\
         <th>hits played</th></tr>\n{rows}</table></div>\n"
    );
    if let (Some(velocity), Some(timing)) = (&drums.velocity, &drums.timing) {
        let row = |name: &str, model: Option<f64>, data: Option<f64>| {
            format!(
                "<tr><td>{name}</td><td>{}</td><td>{}</td></tr>\n",
                written(model, 1),
                written(data, 1)
            )
        };
        body += &format!(
            "<h3>Feel</h3>\n<table>\n<tr><th></th><th>model</th><th>data</th></tr>\n{}{}{}</table>\n",
            row("velocity, mean", velocity.mean, velocity.data_mean),
            row("velocity, spread", velocity.spread, velocity.data_spread),
            row("timing spread, ms", timing.spread_ms, timing.data_spread_ms)
        );
    }
    section(
        "Drum by drum",
        "A hit is right if the same drum plays on the same 16th; free-running, most likely but in the last line of the \
         table.",
        &body,
    )
}

/// Distance and likelihood on the way from one example to another.
fn distances(study: &Interpolation) -> String {
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
    let charts = [
        chart("Hamming distance to the start, share of rows", |curve| {
            &curve.hamming
        }),
        chart(&n_grams, |curve| &curve.n_gram_nats_per_row),
        chart("Log-likelihood under the model, nats a row", |curve| {
            &curve.model_nats_per_row
        }),
    ];
    let charts: String = charts.iter().filter_map(Chart::to_svg).collect();
    section(
        "How music changes on the way",
        &format!(
            "Means over {} pairs of held-out examples, of different files if there are two; bands are 95 % intervals. \
             Conditional models keep the first example's controls.",
            study.n_pairs
        ),
        &format!(
            "<div class=\"charts\">\n{charts}<div class=\"quiet\">\n\
             <p>The <em>blend</em> takes each row from the end with the probability of the position, else from the \
             start: it is what was played at both ends, and in between it is no music.</p>\n\
             <p>The <em>arc</em> goes from the latent of the one to that of the other and is decoded on the way. It \
             begins and ends at the reconstructions, which is why it does not begin at a distance of 0, and should be \
             likely all the way.</p>\n\
             <p>The judge of likelihood is one that has seen no network: which row follows which four in the training \
             data. Source: Roberts et al. 2018, figure 3.</p>\n</div>\n</div>\n"
        ),
    )
}

/// Samples and reconstructions beside drummers.
fn beside_drummers(two_sample: &TwoSample) -> String {
    let rows = two_sample_rows(two_sample).into_iter();
    section(
        "Beside drummers",
        "Whether windows could be a drummer's: distributions of sixteen features beside those of held-out drummers. What \
         another set of drummers reaches is the level to reach. Overlap: area under both kernel densities, 1 if they are the \
         same. KL: divergence of the drummers' density from the other. Fréchet distance: of the z-scored features. AUC: of \
         gradient boosting that tells the two sets apart, 0.5 if it cannot. Novelty: Jaccard distance of the hits to the \
         nearest training window of another file. In brackets: 95 % intervals, by resampling whole files.",
        &table(rows),
    )
}

/// What each attribute vector does.
fn knobs(knobs: &Knobs) -> String {
    section(
        "Knobs",
        &format!(
            "Each attribute vector, set to -2 to +2 standard deviations at {} random points: Spearman's rank correlation of \
             the setting and the attribute (with its 95 % interval by points), the attribute at each setting in deviations \
             from the training mean, and by how many deviations every attribute changes for one of the setting.",
            knobs.n_points
        ),
        &table(knob_rows(knobs).into_iter()),
    )
}

/// What the model draws around known parts.
fn completion(completion: &Completion) -> String {
    let head = ["figure".to_owned(), "value".to_owned()];
    let rows = std::iter::once(head).chain(completion_rows(completion));
    section(
        "Known parts",
        &format!(
            "The hits of {} held-out windows, with velocities and offsets from a random point of the prior: mean ± standard \
             deviation, mean distance from the drummer's number for the same hit, and the KL divergence of the drummers' \
             distribution. The most likely numbers are nearer to each hit's, as regression is, and too much alike. Fills: what \
             a classifier that has learned the data set's labelled fills calls one.",
            completion.n_windows
        ),
        &table(rows.map(Vec::from)),
    )
}

/// A table whose first row is its head.
fn table(rows: impl Iterator<Item = Vec<String>>) -> String {
    let row = |(place, cells): (usize, Vec<String>)| {
        let tag = if place == 0 { "th" } else { "td" };
        let cells = cells.iter().map(|cell| escape(cell.trim_start()));
        let cells: String = cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.enumerate().map(row).collect();
    format!("<div class=\"scroll\"><table>\n{rows}</table></div>\n")
}

/// A card of the page; `words` may hold markup.
fn section(title: &str, words: &str, body: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n<p class=\"quiet\">{words}</p>\n{body}</section>\n")
}

/// A share as a bar, its interval above it.
fn meter(estimate: &Estimate, colour: &str) -> String {
    let Some(value) = estimate.value else {
        return String::new();
    };
    let interval = estimate.interval.map_or(String::new(), |interval| {
        format!(
            "<u style=\"left:{:.1}%;width:{:.1}%\"></u>",
            100.0 * interval.low,
            100.0 * (interval.high - interval.low)
        )
    });
    format!(
        "<div class=\"meter {colour}\"><i style=\"width:{:.1}%\"></i>{interval}</div>",
        100.0 * value
    )
}

/// How to read the rolls.
fn legend(gallery: &Gallery) -> String {
    let all = gallery
        .reconstructions
        .iter()
        .flat_map(|example| &example.heard);
    let (drums, melodies): (Vec<&Note>, Vec<&Note>) =
        all.partition(|note| note.channel == fourbar_model::midi::DRUM_CHANNEL);
    let key = |colour: &str, words: &str| {
        format!("<span class=\"key\" style=\"background:var(--{colour})\"></span>{words}")
    };
    let mut keys = String::new();
    let is_off = |note: &&Note| (note.onset_beats * 4.0).fract().abs() > 1e-6;
    if drums.iter().any(is_off) {
        keys += &key("early", "ahead of the grid");
        keys += &key("on", "on the grid");
        keys += &key("late", "behind it");
        keys += " &nbsp; height is velocity";
    }
    if melodies.iter().any(|note| note.channel == 1) {
        keys += &key("c0", "melody");
        keys += &key("c1", "bass");
    }
    format!("<p class=\"quiet\"><small>{keys}</small></p>\n")
}
