//! A [`Report`] as a table for the terminal.

use super::{
    Accuracy, Drums, Elbo, Estimate, Features, Interpolation, Interval, Onsets, Report, Summary,
};
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
        accuracy(
            &mut lines,
            &reconstruction.teacher_forced,
            &reconstruction.free_running,
        );
        lines.push(String::new());
        if let Some(drums) = &reconstruction.drums {
            onsets(&mut lines, drums);
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
                "Invented: {} samples of the prior at temperature {}, beside the data (mean ± standard deviation)",
                prior.features.n_grooves, prior.temperature
            ));
            features(&mut lines, &prior.features, data);
        }
        lines.join("\n") + "\n"
    }
}

/// How much comes back, by the decoder's two ways of running.
fn accuracy(lines: &mut Vec<String>, forced: &Accuracy, free: &Accuracy) {
    lines.push(
        "Played back from the posterior's mean, temperature 0 (in brackets: 95 % interval by files)"
            .to_owned(),
    );
    lines.push(format!(
        "  {:<34}{:>24}{:>24}",
        "", "told the row before", "freely running"
    ));
    let mut line = |name: &str, forced: Option<&Estimate>, free: Option<&Estimate>| {
        if let (Some(forced), Some(free)) = (forced, free) {
            lines.push(format!(
                "  {name:<34}{:>24}{:>24}",
                share(forced.value, forced.interval),
                share(free.value, free.interval)
            ));
        }
    };
    line("rows right", Some(&forced.rows), Some(&free.rows));
    line(
        "  mean over the classes",
        forced.mean_per_class.as_ref(),
        free.mean_per_class.as_ref(),
    );
    for (forced, free) in forced.by_choice.iter().zip(&free.by_choice) {
        line(
            &format!("{} right", forced.name),
            Some(&forced.rows),
            Some(&free.rows),
        );
        line(
            "  mean over the classes",
            Some(&forced.mean_per_class),
            Some(&free.mean_per_class),
        );
    }
    line(
        "notes put out that are right",
        forced.precision.as_ref(),
        free.precision.as_ref(),
    );
    line(
        "notes of the data that come back",
        forced.recall.as_ref(),
        free.recall.as_ref(),
    );
}

/// The walks between examples, every other position.
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
                study.language_order
            ),
            cells(&curve.language_nats_per_row),
        );
    }
    for (name, curve) in [("arc", &study.latent), ("blend", &study.blend)] {
        line(
            &format!("log-likelihood a row by the model, {name}"),
            cells(&curve.model_nats_per_row),
        );
    }
}

/// Which hits were found.
fn onsets(lines: &mut Vec<String>, drums: &Drums) {
    lines.push("Drums, freely running: which hits are found".to_owned());
    lines.push(format!(
        "  {:<16}{:>10}{:>10}{:>10}{:>10}",
        "", "precision", "recall", "F1", "hits"
    ));
    let mut line = |name: &str, onsets: &Onsets, interval: Option<Interval>| {
        lines.push(format!(
            "  {name:<16}{:>10}{:>10}{:>10}{:>10}{}",
            percent(onsets.precision()),
            percent(onsets.recall()),
            percent(onsets.f1()),
            onsets.found + onsets.missed,
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
    line("all drums", &drums.onsets, drums.intervals.onset_f1);
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

/// The parts of the ELBO.
fn elbo(lines: &mut Vec<String>, elbo: &Elbo) {
    lines.push(
        "ELBO, nats for an example (told the row before, one sample of the posterior)".to_owned(),
    );
    let parts = elbo.parts_nats.iter();
    let parts: Vec<String> = parts
        .map(|(name, nats)| format!("{name} {nats:.2}"))
        .collect();
    lines.push(format!("  {} = {:.2}", parts.join(" + "), elbo.r_loss_nats));
    let between = elbo.elbo_interval.map_or(String::new(), |interval| {
        format!(" (between {:.2} and {:.2})", interval.low, interval.high)
    });
    lines.push(format!(
        "  KL {:.2} ({:.1} bits; {:.2} above the {} free bits)   ELBO {:.2}{between}",
        elbo.kl_nats, elbo.kl_bits, elbo.free_bits_cost_nats, elbo.free_bits, elbo.elbo_nats
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
