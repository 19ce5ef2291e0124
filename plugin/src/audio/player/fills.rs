//! Fills that are asked for at once: in which bar of the song each is, and where it goes when the song jumps.

use super::{ComingFill, Player, SAME_PLACE_BEATS};
use crate::audio::pending::{Boundary, LEAD_BEATS};
use crate::audio::scheduler::Motion;
use crate::audio::transport::{BlockOnset, BlockSpan};
use crate::request::{Form, Job, Request};
use fourbar_model::groove;

impl Player {
    /// Moves the fill that is to come with the song. Says whether it has to be asked for anew, because the song jumps out of the
    /// phase of the groove, where nothing that is pending keeps its place.
    pub(super) fn follow_fill(&mut self, job: Job, motion: Motion, span: &BlockSpan) -> bool {
        let Some(fill) = self.fill.take() else {
            return false;
        };
        let jump = match span.onset {
            BlockOnset::Jumps {
                expected_beats,
                slack_beats,
            } => Some((expected_beats, slack_beats + SAME_PLACE_BEATS)),
            BlockOnset::Starts | BlockOnset::Continues => None,
        };
        let came_to_beats = jump.map_or(span.start_beats, |(expected_beats, _)| expected_beats);
        let is_to_come = fill.from_beats > came_to_beats - SAME_PLACE_BEATS;
        let round_beats = fill.round_beats.filter(|round_beats| {
            jump.is_some_and(|(expected_beats, slack_beats)| {
                (expected_beats - round_beats - span.start_beats).abs() <= slack_beats
            })
        });
        if let Some(round_beats) = round_beats {
            // As the newest that is pending, the fill begins here if nothing keeps its place.
            let end_beats = fill.end_beats - round_beats;
            self.pending.place(job, Some(end_beats), Boundary::Beat);
            return false;
        }
        match motion {
            Motion::Rests | Motion::Restarts => {
                if fill.round_beats.is_some() {
                    self.pending.place(job, None, Boundary::Beat);
                }
                return is_to_come && jump.is_some();
            }
            Motion::Continues => {
                if fill.round_beats.is_some() && fill.end_beats < span.end_beats + LEAD_BEATS {
                    // The host has left its loop.
                    self.pending
                        .place(job, Some(fill.end_beats), Boundary::Beat);
                } else if is_to_come || fill.round_beats.is_some() {
                    self.fill = Some(fill);
                }
            }
            Motion::Loops(beats) => {
                self.fill = is_to_come.then_some(ComingFill {
                    from_beats: fill.from_beats + beats,
                    end_beats: fill.end_beats + beats,
                    ..fill
                });
            }
        }
        false
    }

    /// Asks for a fill at the end of the first bar of the song in which there is time for all of it after `now_beats`, and for
    /// the same pattern without it from the next bar on. A bar after the end of the host's loop is one at its start.
    pub(super) fn want_fill(&mut self, job: Job, now_beats: f64, host_loop: Option<(f64, f64)>) {
        let form = job.request.form;
        let fill_beats = f64::from(form.fill_beats);
        let unit_beats = groove::beats(job.request.metre.unit_steps());
        let fill_beats = fill_beats.min(unit_beats);
        let earliest_end_beats = now_beats + LEAD_BEATS + fill_beats;
        let end_beats = ((earliest_end_beats - SAME_PLACE_BEATS) / unit_beats).ceil() * unit_beats;
        let bar_beats = end_beats - unit_beats;
        let host_loop =
            host_loop.filter(|&(_, end)| now_beats < end && bar_beats > end - SAME_PLACE_BEATS);
        let round_beats = host_loop.map(|(start, end)| end - start);
        let bar_beats = bar_beats - round_beats.unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "song positions that are no damage have fewer bars"
        )]
        let bar = (bar_beats / unit_beats).round() as i32;
        let with_fill = Form {
            fill_in: Some(bar),
            ..form
        };
        let filled = Job {
            request: Request {
                form: with_fill,
                ..job.request
            },
            ..job
        };
        let from_beats = end_beats - fill_beats;
        self.pending.place(filled, Some(from_beats), Boundary::Beat);
        if round_beats.is_none() {
            self.pending.place(job, Some(end_beats), Boundary::Beat);
        }
        self.fill = Some(ComingFill {
            from_beats,
            end_beats,
            round_beats,
        });
    }
}
