//! A [`Report`] as one page to look at and to listen to: nothing but HTML, with drawings and sound inside it.

mod chart;
mod figures;
mod gallery;
mod music;
mod roll;

pub(super) use gallery::Gallery;

use super::drums::Drums;
use super::report::Report;
use super::statistics::Interval;
use super::table::{number, percent};
use super::training_log::Row;
use super::web;
use fourbar_model::checkpoint::Metadata;
use maud::{Markup, html};

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
        let Self {
            report,
            metadata,
            log,
            gallery,
        } = self;
        let reconstruction = &report.reconstruction;
        let body = html! {
            main {
                h1 { (report.preset) }
                p.quiet {
                    (report.n_examples) " examples of " (report.n_steps) " steps from " (report.n_files) " files, the "
                    (report.split.name()) " split of " (report.dataset) ". A " (report.head) " head puts out " (report.rows) "."
                }
                (self.sentences())
                (self.tiles())
                (figures::accuracy(reconstruction))
                (figures::segments(&reconstruction.segments))
                @if let (Some(most_likely), Some(sampled)) = (&reconstruction.drums, &reconstruction.drums_sampled) {
                    (figures::drums(most_likely, sampled))
                }
                (figures::training(log, &reconstruction.elbo))
                (music::reconstructions(gallery))
                (music::interpolation(gallery))
                @if let Some(study) = &report.interpolation { (figures::interpolation(study)) }
                (music::samples(gallery, report))
                @if let Some(two_sample) = &report.two_sample { (figures::beside_drummers(two_sample)) }
                (figures::attributes(metadata))
                @if let Some(knobs) = &report.knobs { (figures::knobs(knobs)) }
                @if let Some(completion) = &report.completion { (figures::completion(completion)) }
                (self.footer())
            }
        };
        web::document(
            &format!("{} on held-out music", report.preset),
            STYLE,
            &body,
        )
    }

    /// What the figures mean.
    fn sentences(&self) -> Markup {
        let drums = self.report.reconstruction.drums.as_ref();
        let sentences = drums.map(Drums::sentences).unwrap_or_default();
        html! {
            @if !sentences.is_empty() {
                .lead {
                    "Of music that it has not learned from, the model"
                    ul { @for sentence in sentences { li { (sentence) } } }
                }
            }
        }
    }

    /// The figures that say most, each with its interval: rows that hold two to four tiles, so that none is left over.
    fn tiles(&self) -> Markup {
        let reconstruction = &self.report.reconstruction;
        let elbo = &reconstruction.elbo;
        let mut right: Vec<Markup> = reconstruction
            .ways()
            .into_iter()
            .map(|(way, accuracy)| {
                let rows = &accuracy.rows;
                let name = format!("rows right, {way}");
                tile(&name, &percent(rows.value), in_percent(rows.interval))
            })
            .collect();
        let mut feel = Vec::new();
        if let Some(drums) = &reconstruction.drums {
            right.push(tile(
                "onset F1 of all drums, most likely",
                &percent(drums.onsets.f1()),
                in_percent(drums.intervals.onset_f1),
            ));
            if let (Some(velocity), Some(timing)) = (&drums.velocity, &drums.timing) {
                feel.push(tile(
                    "velocity error, of 127",
                    &number(velocity.mae, 1),
                    between(drums.intervals.velocity_mae),
                ));
                feel.push(tile(
                    "timing error, ms",
                    &number(timing.mae_ms, 1),
                    between(drums.intervals.timing_mae_ms),
                ));
            }
        }
        let free = format!("{} of them free in training", elbo.free_bits);
        let parts = format!(
            "rows {:.1}, and {:.4} × {:.1} of KL above the free bits",
            elbo.r_loss_nats, elbo.kl_beta, elbo.kl_loss_nats
        );
        let nats = |nats| number(Some(nats), 1);
        let bound = vec![
            tile("bits in the latent (KL)", &nats(elbo.kl_bits), free),
            tile("loss, nats an example", &nats(elbo.loss_nats), parts),
            tile(
                "ELBO, nats an example",
                &nats(elbo.elbo_nats),
                between(elbo.elbo_interval),
            ),
        ];
        html! {
            @for tiles in [right, feel, bound].iter().filter(|tiles| !tiles.is_empty()) {
                .tiles { @for tile in tiles { (tile) } }
            }
        }
    }

    fn footer(&self) -> Markup {
        let Metadata {
            step,
            dataset,
            command,
            ..
        } = self.metadata;
        html! {
            footer {
                p {
                    "Trained for " (step) " steps on " (dataset.name) " (" (dataset.licence) "): " code { (command) }
                }
                p { (dataset.attribution) }
                p { "Everything left to chance is by seed " (self.report.seed) "." }
            }
        }
    }
}

fn tile(name: &str, figure: &str, rest: String) -> Markup {
    html! { .tile { small { (name) } b { (figure) } small { (rest) "\u{a0}" } } }
}

fn in_percent(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| {
        format!("95 %: {:.1} to {:.1} %", 100.0 * low, 100.0 * high)
    })
}

fn between(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| {
        format!("95 %: {low:.1} to {high:.1}")
    })
}
