//! The music of the page, to look at and, where it is a groove, to listen to.

use super::gallery::{Gallery, Sequence};
use super::roll::{Scene, Size};
use crate::measure::prior_samples::TEMPERATURE;
use crate::measure::report::Report;
use crate::measure::table::{feature_rows, percent};
use crate::measure::web::{player, section, table};
use fourbar_model::midi::DRUM_CHANNEL;
use fourbar_model::note::Note;
use maud::{Markup, html};

/// Held-out music above what the model makes of it.
pub(super) fn reconstructions(gallery: &Gallery) -> Markup {
    let body = html! {
        (legend(gallery))
        @for example in &gallery.reconstructions {
            @let scene = gallery.scene([&example.target, &example.output]);
            h3 { (example.rank) }
            (sequence(&scene, Size::Full, &format!("played by a human: {}", example.name), &example.target))
            (sequence(
                &scene,
                Size::Full,
                &format!("played back by the model, {} of rows right", percent(Some(example.right))),
                &example.output,
            ))
        }
    };
    section(
        "Reconstructions",
        &html! {
            "Three held-out examples, chosen by how much of them comes back, above what the model makes of them."
        },
        &body,
    )
}

/// From one held-out sequence to another.
pub(super) fn interpolation(gallery: &Gallery) -> Markup {
    let ends = &gallery.interpolation;
    let decoded = ends.decoded.iter().map(|(_, sequence)| sequence);
    let scene = gallery.scene([&ends.start, &ends.end].into_iter().chain(decoded));
    let body = html! {
        (sequence(&scene, Size::Strip, "start", &ends.start))
        @for (t, decoded) in &ends.decoded {
            (sequence(&scene, Size::Strip, &format!("{:.0} % of the way", 100.0 * t), decoded))
        }
        (sequence(&scene, Size::Strip, "end", &ends.end))
    };
    section(
        "From one to another",
        &html! {
            "From " (ends.from) " to " (ends.to) " on the arc between their latents: what humans played above and below, \
             decoded music between them."
        },
        &body,
    )
}

/// What the model plays by itself.
pub(super) fn samples(gallery: &Gallery, report: &Report) -> Markup {
    let scene = gallery.scene(&gallery.samples);
    let body = html! {
        @for (seed, sample) in (report.seed..).zip(&gallery.samples) {
            (sequence(&scene, Size::Full, &format!("seed {seed}"), sample))
        }
        @if let (Some(prior), Some(data)) = (&report.prior, &report.data) {
            h3 { (prior.features.n_grooves) " samples beside the drummers (mean ± standard deviation)" }
            @let head = ["", "model", "data"].map(str::to_owned);
            (table(std::iter::once(head).chain(feature_rows(&prior.features, data))))
        }
    };
    section(
        "Samples of the prior",
        &html! {
            "Decoded from random places of the latent space, drawn at temperature " (TEMPERATURE) ": what the plugin and "
            code { "fourbar generate" } " play with the seeds " (report.seed) " and after."
        },
        &body,
    )
}

/// One sequence under its name.
fn sequence(scene: &Scene<'_>, size: Size, name: &str, sequence: &Sequence) -> Markup {
    html! {
        .who {
            span { (name) }
            @if let Some(sound) = &sequence.sound { (player(sound, name)) }
        }
        (scene.to_svg(&sequence.notes, size, name))
    }
}

/// How to read the rolls.
fn legend(gallery: &Gallery) -> Markup {
    let all = gallery
        .reconstructions
        .iter()
        .flat_map(|example| &example.target.notes);
    let (drums, melodies): (Vec<&Note>, Vec<&Note>) =
        all.partition(|note| note.channel == DRUM_CHANNEL);
    let is_off = |note: &&Note| (note.onset_beats * 4.0).fract().abs() > 1e-6;
    let mut keys = Vec::new();
    if drums.iter().any(is_off) {
        keys.extend([
            ("early", "ahead of the grid"),
            ("on", "on the grid"),
            ("late", "behind it; height is velocity"),
        ]);
    }
    if melodies.iter().any(|note| note.channel == 1) {
        keys.extend([("c0", "melody"), ("c1", "bass")]);
    }
    html! {
        p.quiet {
            small { @for (colour, words) in keys { span.key style={ "background:var(--" (colour) ")" } {} (words) } }
        }
    }
}
