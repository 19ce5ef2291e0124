//! The rule by which a pattern is played, stated a second time and in the simplest way.
//!
//! It looks at the whole performance at once, where the plugin sees one block after the other: a hit of the pattern in
//! force at its grid place sounds at that place plus its offset, whenever the song runs over that moment. Where the
//! song starts, or jumps out of the loop's phase, a hit whose early onset has just been missed sounds at once. A note
//! lasts a 16th of the song's time wherever the song goes meanwhile, unless its drum is struck again or the song stops.

use fourbar_model::drums::Keys;
use fourbar_model::pattern::{Feel, NOTE_BEATS, Pattern};

use super::{HeardNote, Host, Player};

/// A distance in song time that no rounding exceeds and no test seeks by.
const ROUNDING_BEATS: f64 = 1e-5;

/// Jumps by a multiple of this keep the phase: whole passes of the patterns of all tests that do without a
/// [`score`](super::score).
const PASS_BEATS: f64 = 16.0;

/// A span of samples over which the song ran at one tempo, as the host told the plugin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) first_sample: u64,
    pub(crate) n_samples: u64,
    pub(crate) start_beats: f64,
    pub(crate) beats_per_sample: f64,
    /// How often the test had asked for something else when it began.
    pub(crate) n_asked: usize,
}

impl Told {
    pub(crate) fn end_beats(&self) -> f64 {
        self.start_beats + float(self.n_samples) * self.beats_per_sample
    }

    pub(crate) fn end_sample(&self) -> u64 {
        self.first_sample + self.n_samples
    }

    /// Adds this to the end of `told`, as a part of the last span where it goes straight on from that.
    #[expect(clippy::float_cmp, reason = "the same tempo is the same number")]
    pub(crate) fn join(self, told: &mut Vec<Told>) {
        match told.last_mut() {
            Some(last)
                if last.end_sample() == self.first_sample
                    && last.n_asked == self.n_asked
                    && last.beats_per_sample == self.beats_per_sample
                    && (last.end_beats() - self.start_beats).abs() < ROUNDING_BEATS =>
            {
                last.n_samples += self.n_samples;
            }
            _ => told.push(self),
        }
    }
}

/// A pattern and the song position from which its hits count.
#[derive(Clone, Copy)]
pub(crate) struct InForce<'a> {
    pub(crate) from_beats: f64,
    pub(crate) pattern: &'a Pattern,
}

/// A span, how it is connected to the one before it, and what is in force where it runs.
pub(crate) struct Section<'a> {
    pub(crate) span: Told,
    pub(crate) onset: Onset,
    /// First to last.
    pub(crate) in_force: Vec<InForce<'a>>,
}

/// A note that must be heard.
#[derive(Clone, Copy, Debug)]
struct Expected {
    /// Not rounded to a sample.
    start_samples: f64,
    pitch: u8,
    velocity: f32,
    /// Whether rounding decides if it sounds.
    may_be_missing: bool,
    /// Where it ends unless its drum is struck again; not rounded to a sample.
    end_samples: f64,
}

impl Expected {
    /// Whether `note`, one of `heard`, is this one.
    fn is(&self, note: &HeardNote, heard: &[HeardNote]) -> bool {
        let is_first_sample_after =
            |sample: u64, moment: f64| (-0.01..1.01).contains(&(float(sample) - moment));
        let is_struck_again = || {
            heard
                .iter()
                .any(|next| next.pitch == note.pitch && next.start == note.end && next != note)
        };
        note.pitch == self.pitch
            && (note.velocity - self.velocity).abs() < 1e-3
            && is_first_sample_after(note.start, self.start_samples)
            && (is_first_sample_after(note.end, self.end_samples)
                || float(note.end) < self.end_samples && is_struck_again())
    }
}

/// Fails unless the player's notes are exactly those of `patterns`, first to last in force.
pub(crate) fn check<H: Host>(
    player: &Player<H>,
    patterns: &[InForce<'_>],
    feel: Feel,
    keys: &Keys,
) {
    let told = player.told.iter().copied();
    let sections: Vec<_> = told
        .scan(None, |last, span| {
            let onset = onset_of(&span, last.as_ref(), PASS_BEATS);
            *last = Some(span);
            Some(Section {
                span,
                onset,
                in_force: patterns.to_vec(),
            })
        })
        .collect();
    check_sections(player, &sections, feel, keys);
}

/// Fails unless the player's notes are exactly those of `sections`.
pub(crate) fn check_sections<H: Host>(
    player: &Player<H>,
    sections: &[Section<'_>],
    feel: Feel,
    keys: &Keys,
) {
    let heard = player.notes();
    let mut left = heard.clone();
    for expected in expected_notes(sections, feel, keys) {
        let place = left.iter().position(|note| expected.is(note, &heard));
        match place {
            Some(place) => {
                left.remove(place);
            }
            // A note of the same drum on the same sample may then be another one's: that of the place jumped to.
            None => assert!(
                expected.may_be_missing,
                "lost, or too short or long: {expected:?}\nheard near it: {:?}\ntold: {:?}",
                near(&heard, expected.start_samples),
                player.told,
            ),
        }
    }
    assert!(
        left.is_empty(),
        "not in any pattern: {left:?}\ntold: {:?}",
        player.told
    );
}

fn near(heard: &[HeardNote], sample: f64) -> Vec<&HeardNote> {
    heard
        .iter()
        .filter(|note| (float(note.start) - sample).abs() < 3000.0)
        .collect()
}

fn expected_notes(sections: &[Section<'_>], feel: Feel, keys: &Keys) -> Vec<Expected> {
    let mut expected = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let span = &section.span;
        let next = sections.get(index + 1);
        let edges = Edges {
            onset: section.onset,
            ends: next.is_none_or(|next| next.onset != Onset::Continues),
        };
        for (order, place) in section.in_force.iter().enumerate() {
            let until = section.in_force.get(order + 1);
            let in_force = place.from_beats..until.map_or(f64::INFINITY, |next| next.from_beats);
            let hits = place.pattern.hits().iter();
            for hit in hits.filter(|hit| place.pattern.is_heard(hit, feel)) {
                let offset_beats = hit.offset_beats * f64::from(feel.timing);
                let loop_beats = place.pattern.loop_beats();
                for grid_beats in grid_places(span, hit.grid_beats, loop_beats) {
                    let when = edges.when(span, grid_beats, grid_beats + offset_beats);
                    if !in_force.contains(&grid_beats) || when == When::Never {
                        continue;
                    }
                    let beats_in = (grid_beats + offset_beats - span.start_beats).max(0.0);
                    expected.push(Expected {
                        start_samples: float(span.first_sample) + beats_in / span.beats_per_sample,
                        pitch: keys[hit.voice.index()],
                        velocity: place.pattern.velocity(hit, feel),
                        may_be_missing: when == When::Perhaps,
                        end_samples: end_samples(&sections[index..], beats_in),
                    });
                }
            }
        }
    }
    expected.sort_by(|a, b| a.start_samples.total_cmp(&b.start_samples));
    expected
}

/// Every place of a loop's hit on the song's grid that may sound in a span.
fn grid_places(span: &Told, grid_beats: f64, loop_beats: f64) -> impl Iterator<Item = f64> {
    let first_loop = ((span.start_beats - 1.0 - grid_beats) / loop_beats).floor();
    let end_beats = span.end_beats() + 1.0;
    std::iter::successors(Some(first_loop * loop_beats + grid_beats), move |place| {
        Some(place + loop_beats)
    })
    .take_while(move |place| *place < end_beats)
}

/// Whether a hit sounds in a span.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Surely,
    /// So near a start, stop or jump that rounding decides.
    Perhaps,
    Never,
}

/// What a span begins and ends with.
struct Edges {
    onset: Onset,
    ends: bool,
}

impl Edges {
    fn when(&self, span: &Told, grid_beats: f64, onset_beats: f64) -> When {
        // Hosts and the plugin round a start to a sample each.
        let rounding_beats = 2.0 * span.beats_per_sample;
        let is_near = |beats: f64, edge: f64| (beats - edge).abs() < rounding_beats;
        let (start, end) = (span.start_beats, span.end_beats());
        let starts = self.onset != Onset::Continues;
        if starts && is_near(onset_beats, start) || self.ends && is_near(onset_beats, end) {
            return When::Perhaps;
        }
        if (start..end).contains(&onset_beats) {
            return When::Surely;
        }
        if self.onset != Onset::Anew || onset_beats >= start {
            return When::Never;
        }
        // Early, and just missed: it sounds at once if its place on the grid is still ahead.
        if is_near(grid_beats, start) {
            When::Perhaps
        } else if grid_beats > start {
            When::Surely
        } else {
            When::Never
        }
    }
}

/// How a span is connected to the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Onset {
    Continues,
    /// A jump by whole passes, of this length: what was early has been played already.
    InPhase(f64),
    Anew,
}

/// How `span` is connected to `last`, at whose end a groove of this length is in force.
pub(crate) fn onset_of(span: &Told, last: Option<&Told>, pass_beats: f64) -> Onset {
    let Some(last) = last.filter(|last| last.end_sample() == span.first_sample) else {
        return Onset::Anew;
    };
    let jump_beats = span.start_beats - last.end_beats();
    let whole_beats = (jump_beats / pass_beats).round() * pass_beats;
    if jump_beats.abs() < ROUNDING_BEATS {
        Onset::Continues
    } else if (jump_beats - whole_beats).abs() < 2.0 * last.beats_per_sample {
        Onset::InPhase(whole_beats)
    } else {
        Onset::Anew
    }
}

/// Where a note ends that begins `beats_in` beats after the start of the first of `sections`, if its drum is not struck
/// again: a 16th later, or where the song stops.
fn end_samples(sections: &[Section<'_>], beats_in: f64) -> f64 {
    let mut beats_left = beats_in + NOTE_BEATS;
    for (index, Section { span, .. }) in sections.iter().enumerate() {
        let span_beats = float(span.n_samples) * span.beats_per_sample;
        if beats_left <= span_beats {
            return float(span.first_sample) + beats_left / span.beats_per_sample;
        }
        let next = sections.get(index + 1);
        if next.is_none_or(|next| next.span.first_sample != span.end_sample()) {
            return float(span.end_sample());
        }
        beats_left -= span_beats;
    }
    unreachable!("there is a span, and where the last one ends the song stops")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a test has fewer than 2^53 samples"
)]
pub(crate) fn float(samples: u64) -> f64 {
    samples as f64
}
