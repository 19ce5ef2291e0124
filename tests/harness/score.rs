//! Which pattern is in force where, stated a second time and in the simplest way: what was asked for, and the boundary from
//! which it counts.
//!
//! Bars are counted from where the host's metre began, patterns from a bar. What is asked for while the song plays on is
//! heard from the first boundary that is half a beat ahead or more, a new metre from the first 16th; what comes later
//! displaces what was to be heard from there on. A fill ends with the first bar in which there is time for all of it.
//! Where the song starts, or jumps out of the phase of the groove in force, the newest is in force, and a fill that had yet to
//! be heard before the jump is asked for once more.

use std::sync::Arc;

use fourbar_model::groove::beats;
use fourbar_plugin::audio::pending::Boundary;
use fourbar_plugin::request::{Form, Ready, Request};

use super::rule::{InForce, Onset, Section, Told, onset_of};

/// Between asking and the first boundary.
const LEAD_BEATS: f64 = 0.5;
/// How far ahead of the song a pattern has been played.
const AHEAD_BEATS: f64 = 0.25;
/// Places closer than this are the same.
const SAME_PLACE_BEATS: f64 = 1e-6;

/// All that is asked for from a moment on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) apply_at: Boundary,
    /// How many fills have been asked for while the song played.
    pub(crate) n_fills: u32,
    /// Length of the host's bars, and where one of them began.
    pub(crate) bar_beats: f64,
    pub(crate) bars_from_beats: f64,
    /// The host's loop, where the host follows it.
    pub(crate) cycle: Option<(f64, f64)>,
}

/// A pattern and the position from which it is in force.
#[derive(Clone)]
struct Place {
    from_beats: f64,
    ready: Arc<Ready>,
}

/// A span of the song, in positions that are counted from a bar, and what is in force there.
pub(crate) struct Scored {
    span: Told,
    onset: Onset,
    places: Vec<Place>,
}

/// The score of a performance, in which `asked[span.n_asked]` is what was asked for in each span of `told`; `make` makes
/// patterns.
pub(crate) fn score(
    told: &[Told],
    asked: &[Asked],
    mut make: impl FnMut(&Request) -> Arc<Ready>,
) -> Vec<Scored> {
    let mut scored: Vec<Scored> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    let mut before: Option<&Asked> = None;
    let mut fill_from_beats = f64::NEG_INFINITY;
    for told in told {
        let now = &asked[told.n_asked];
        let moved_beats = now.bars_from_beats.rem_euclid(now.bar_beats);
        let mut span = Told {
            start_beats: told.start_beats - moved_beats,
            ..*told
        };
        let last = scored.last().map(|scored| scored.span);
        let end_beats = last.map_or(f64::NEG_INFINITY, |last| last.end_beats());
        let in_force = places
            .iter()
            .rfind(|place| place.from_beats <= end_beats + AHEAD_BEATS);
        let in_force = in_force.map(|place| place.ready.clone());
        let pass_beats = in_force.as_ref().map_or(1.0, |ready| ready.pass_beats());
        let onset = onset_of(&span, last.as_ref(), pass_beats);
        let plays_on = last.is_some_and(|last| last.end_sample() == span.first_sample);
        let has_lost_fill =
            onset == Onset::Anew && plays_on && fill_from_beats > end_beats - SAME_PLACE_BEATS;
        match onset {
            // To the bit, so that a hit between two spans is in one of them.
            Onset::Continues => span.start_beats = end_beats,
            Onset::InPhase(beats) => {
                for place in &mut places {
                    place.from_beats += beats;
                }
                fill_from_beats += beats;
            }
            Onset::Anew => {
                places.drain(..places.len().saturating_sub(1));
                for place in &mut places {
                    place.from_beats = f64::NEG_INFINITY;
                }
                fill_from_beats = f64::NEG_INFINITY;
            }
        }
        let mut place = |from_beats: f64, request: &Request| {
            places.retain(|place| place.from_beats < from_beats - SAME_PLACE_BEATS);
            let ready = make(request);
            places.push(Place { from_beats, ready });
        };
        if before.is_none_or(|before| before.request != now.request) {
            let is_new_metre =
                before.is_some_and(|before| before.request.metre != now.request.metre);
            let from_beats = match onset {
                Onset::Anew => f64::NEG_INFINITY,
                _ if is_new_metre => first_boundary(span, Boundary::Sixteenth, now, pass_beats),
                _ => first_boundary(span, now.apply_at, now, pass_beats),
            };
            place(from_beats, &now.request);
        }
        if has_lost_fill || before.is_some_and(|before| before.n_fills != now.n_fills) {
            let unit_beats = beats(now.request.metre.unit_steps());
            let fill_beats = f64::from(now.request.form.fill_beats).min(unit_beats);
            let earliest_beats = span.start_beats + LEAD_BEATS + fill_beats - SAME_PLACE_BEATS;
            let end_beats = (earliest_beats / unit_beats).ceil() * unit_beats;
            let cycle = now.cycle.filter(|&(_, end)| {
                told.start_beats < end
                    && end_beats - unit_beats > end - moved_beats - SAME_PLACE_BEATS
            });
            let round_beats = cycle.map_or(0.0, |(start, end)| end - start);
            let bar = (end_beats - round_beats) / unit_beats - 1.0;
            fill_from_beats = end_beats - fill_beats;
            place(fill_from_beats, &with_fill(&now.request, bar));
            place(end_beats, &now.request);
        }
        before = Some(now);
        scored.push(Scored {
            span,
            onset,
            places: places.clone(),
        });
    }
    scored
}

/// The request for a fill at the end of a bar of the song.
#[expect(clippy::cast_possible_truncation, reason = "tests play few bars")]
fn with_fill(request: &Request, bar: f64) -> Request {
    Request {
        form: Form {
            fill_in: Some(bar.round() as i32),
            ..request.form
        },
        ..*request
    }
}

fn first_boundary(span: Told, kind: Boundary, asked: &Asked, pass_beats: f64) -> f64 {
    let apart_beats = match kind {
        Boundary::Sixteenth => 0.25,
        Boundary::Beat => 1.0,
        Boundary::Bar => asked.bar_beats,
        Boundary::Loop => pass_beats,
    };
    let earliest_beats = span.start_beats + LEAD_BEATS - SAME_PLACE_BEATS;
    (earliest_beats / apart_beats).ceil() * apart_beats
}

impl Scored {
    /// The same for the rule.
    pub(crate) fn section(&self) -> Section<'_> {
        let in_force = self.places.iter().map(|place| InForce {
            from_beats: place.from_beats,
            pattern: &place.ready.pattern,
        });
        Section {
            span: self.span,
            onset: self.onset,
            in_force: in_force.collect(),
        }
    }
}
