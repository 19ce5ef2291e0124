//! A [`Report`] as a table for the terminal.

use super::{Features, Interval, Onsets, Reconstruction, Report, Summary};
use fourbar_model::drums::Voice;

impl Report {
    /// Every figure in musical words.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!(
            "{} on the {} split of {}: {} grooves of {} bars from {} files",
            self.preset,
            self.split.name(),
            self.dataset,
            self.n_grooves,
            self.n_bars,
            self.n_files
        )];
        lines.push(String::new());
        onsets(&mut lines, &self.reconstruction);
        lines.push(String::new());
        feel(&mut lines, &self.reconstruction);
        lines.push(String::new());
        elbo(&mut lines, &self.reconstruction);
        lines.push(String::new());
        lines.push(format!(
            "Invented: {} samples of the prior at temperature {}, beside the data (mean ± standard deviation)",
            self.prior.features.n_grooves, self.prior.temperature
        ));
        features(&mut lines, &self.prior.features, &self.data);
        lines.join("\n") + "\n"
    }
}

/// Which hits were found.
fn onsets(lines: &mut Vec<String>, reconstruction: &Reconstruction) {
    lines.push(
        "Played back from the posterior's mean, temperature 0: which hits are found".to_owned(),
    );
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
        if let Some(onsets) = reconstruction.onsets_by_voice.get(&voice) {
            line(voice.name(), onsets, None);
        }
    }
    line(
        "all drums",
        &reconstruction.onsets,
        reconstruction.intervals.onset_f1,
    );
}

/// How loud, how exact, and whether the first beat is there.
fn feel(lines: &mut Vec<String>, reconstruction: &Reconstruction) {
    let Reconstruction {
        velocity,
        timing,
        downbeat,
        intervals,
        ..
    } = reconstruction;
    let between = |interval: Option<Interval>| {
        interval.map_or(String::new(), |interval| {
            format!("   between {:.1} and {:.1}", interval.low, interval.high)
        })
    };
    lines.push(format!("  {:<34}{:>10}{:>10}", "", "model", "data"));
    let mut line = |name: &str, model: String, data: String, rest: String| {
        lines.push(
            format!("  {name:<34}{model:>10}{data:>10}{rest}")
                .trim_end()
                .to_owned(),
        );
    };
    let nothing = String::new;
    line(
        "velocity error, 0–127",
        number(velocity.mae, 1),
        nothing(),
        between(intervals.velocity_mae),
    );
    line(
        "velocity mean",
        number(velocity.mean, 1),
        number(velocity.data_mean, 1),
        nothing(),
    );
    line(
        "velocity spread",
        number(velocity.spread, 1),
        number(velocity.data_spread, 1),
        nothing(),
    );
    line(
        "timing error, ms",
        number(timing.mae_ms, 1),
        nothing(),
        between(intervals.timing_mae_ms),
    );
    line(
        "  of the same hits on the grid, ms",
        number(timing.quantised_mae_ms, 1),
        nothing(),
        nothing(),
    );
    line(
        "timing spread, ms",
        number(timing.spread_ms, 1),
        number(timing.data_spread_ms, 1),
        nothing(),
    );
    line(
        "timing error, 16th steps",
        number(timing.mae_steps, 3),
        nothing(),
        nothing(),
    );
    line(
        "  of the same hits on the grid",
        number(timing.quantised_mae_steps, 3),
        nothing(),
        nothing(),
    );
    line(
        "timing spread, 16th steps",
        number(timing.spread_steps, 3),
        number(timing.data_spread_steps, 3),
        nothing(),
    );
    line(
        "first beat played",
        percent(downbeat.any),
        percent(downbeat.data_any),
        nothing(),
    );
    line(
        "first beat played by the kick",
        percent(downbeat.kick),
        percent(downbeat.data_kick),
        nothing(),
    );
}

/// The parts of the ELBO.
fn elbo(lines: &mut Vec<String>, reconstruction: &Reconstruction) {
    let elbo = &reconstruction.elbo;
    lines.push("ELBO, nats for a groove (teacher-forced, one sample of the posterior)".to_owned());
    let parts = elbo.parts_nats.iter();
    let parts: Vec<String> = parts
        .map(|(name, nats)| format!("{name} {nats:.2}"))
        .collect();
    lines.push(format!("  {} = {:.2}", parts.join(" + "), elbo.r_loss_nats));
    lines.push(format!(
        "  KL {:.2} ({:.1} bits; {:.2} above the {} free bits)   ELBO {:.2}",
        elbo.kl_nats, elbo.kl_bits, elbo.free_bits_cost_nats, elbo.free_bits, elbo.elbo_nats
    ));
}

/// Two collections of grooves beside each other.
fn features(lines: &mut Vec<String>, model: &Features, data: &Features) {
    lines.push(format!("  {:<34}{:>20}{:>20}", "", "model", "data"));
    let mut line = |name: &str, show: &dyn Fn(&Features) -> String| {
        lines.push(format!("  {name:<34}{:>20}{:>20}", show(model), show(data)));
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
}

/// A share with its interval, all in percent.
fn share(share: Option<f64>, interval: Option<Interval>) -> String {
    match interval {
        Some(Interval { low, high }) => {
            format!(
                "{} ({:.0}–{:.0})",
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
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

/// A number; a dash if it is undefined.
fn number(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.decimals$}"))
}
