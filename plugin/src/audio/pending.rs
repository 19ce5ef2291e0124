//! Pending requests: patterns that have been asked for, and the beat at which each takes effect.
//!
//! The place is decided when a pattern is asked for, from the song alone, so that it does not depend on how long the
//! network takes. It leaves [`LEAD_BEATS`] for making the pattern and for its early hits.

use super::scheduler::Motion;
use crate::request::Job;
use std::collections::VecDeque;

/// Time between a request and the first boundary at which it can be heard.
pub const LEAD_BEATS: f64 = 0.5;

/// Requests that can be pending. Boundaries are a 16th apart at least, and the lead is two of them.
const MAX_PENDING: usize = 8;

/// Places closer than this are the same place: hosts round positions.
const SAME_PLACE_BEATS: f64 = 1e-6;

/// The host's bars around the present song position, and the loop of the pattern in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bars {
    /// Where any bar begins.
    pub start_beats: f64,
    /// How long a bar is.
    pub length_beats: f64,
    /// How long the pattern's loop is, which is counted from song position 0.
    pub loop_beats: f64,
}

/// Where a new pattern can come into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Every 16th.
    Sixteenth,
    /// Every beat.
    Beat,
    /// Every bar of the host.
    Bar,
    /// Where the pattern's loop begins again.
    Loop,
}

impl Boundary {
    /// The first boundary of this kind that is not before `beats`.
    #[must_use]
    pub fn at_or_after(self, beats: f64, bars: Bars) -> f64 {
        let (start_beats, length_beats) = match self {
            Self::Sixteenth => (0.0, 0.25),
            Self::Beat => (0.0, 1.0),
            Self::Bar => (bars.start_beats, bars.length_beats),
            Self::Loop => (0.0, bars.loop_beats),
        };
        let n_units = ((beats - SAME_PLACE_BEATS - start_beats) / length_beats).ceil();
        start_beats + n_units * length_beats
    }
}

/// A pattern that was asked for and has not come yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PendingRequest {
    /// What is to be made.
    pub job: Job,
    /// From where it is to rule; `None` for at once.
    pub from_beats: Option<f64>,
    /// The kind of boundary to look for if it comes too late.
    pub boundary: Boundary,
    /// Whether the worker has been asked.
    pub posted: bool,
    /// Whether an offline render has waited for it in vain.
    pub given_up: bool,
}

/// The pending requests, in the order of the places from which they rule. Owned by the audio thread; never grows.
#[derive(Debug)]
pub struct PendingRequests {
    queue: VecDeque<PendingRequest>,
}

impl Default for PendingRequests {
    fn default() -> Self {
        Self {
            queue: VecDeque::with_capacity(MAX_PENDING),
        }
    }
}

impl PendingRequests {
    /// Asks for a pattern. Those that were to rule from the same place or later never will, and are forgotten.
    pub fn place(&mut self, job: Job, from_beats: Option<f64>, boundary: Boundary) {
        let place = from_beats.unwrap_or(f64::NEG_INFINITY) - SAME_PLACE_BEATS;
        while self
            .queue
            .pop_back_if(|pending| pending.from_beats.unwrap_or(f64::NEG_INFINITY) >= place)
            .is_some()
        {}
        if self.queue.len() == MAX_PENDING {
            // The first one may be being made; without it, a worker that is behind would deliver nothing that is wanted.
            self.queue.remove(1);
        }
        self.queue.push_back(PendingRequest {
            job,
            from_beats,
            boundary,
            posted: false,
            given_up: false,
        });
    }

    /// Moves the places with the song; where the pattern starts over, the newest one is wanted at once.
    pub fn follow(&mut self, motion: Motion) {
        match motion {
            Motion::Continues => {}
            Motion::Loops(beats) => {
                for pending in &mut self.queue {
                    pending.from_beats = pending.from_beats.map(|from_beats| from_beats + beats);
                }
            }
            Motion::Rests | Motion::Restarts => {
                if let Some(newest) = self.queue.pop_back() {
                    self.queue.clear();
                    self.queue.push_back(PendingRequest {
                        from_beats: None,
                        ..newest
                    });
                }
            }
        }
    }

    /// The one that is to be filled first.
    pub fn first(&mut self) -> Option<&mut PendingRequest> {
        self.queue.front_mut()
    }

    /// Takes the first one off the list if it is the one for `job`.
    pub fn fill(&mut self, job: &Job) -> Option<PendingRequest> {
        self.queue
            .pop_front_if(|pending| pending.posted && pending.job == *job)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    const FOUR_FOUR: Bars = Bars {
        start_beats: 0.0,
        length_beats: 4.0,
        loop_beats: 16.0,
    };

    fn job(seed: u32) -> Job {
        Job {
            request: Request::new(seed, 0, 1.0, [0.0; 8]),
            model_revision: 0,
            state_revision: 0,
        }
    }

    fn list(pending: &PendingRequests) -> Vec<(u32, Option<f64>)> {
        pending
            .queue
            .iter()
            .map(|pending| (pending.job.request.seed, pending.from_beats))
            .collect()
    }

    #[test]
    fn a_boundary_is_the_first_at_or_after_a_place() {
        let at = |boundary: Boundary, beats| boundary.at_or_after(beats, FOUR_FOUR);
        assert_eq!(
            [at(Boundary::Sixteenth, 0.3), at(Boundary::Sixteenth, 0.5)],
            [0.5, 0.5]
        );
        assert_eq!(
            [at(Boundary::Beat, 3.0), at(Boundary::Beat, 3.1)],
            [3.0, 4.0]
        );
        assert_eq!([at(Boundary::Bar, 4.0), at(Boundary::Bar, 4.1)], [4.0, 8.0]);
        assert_eq!(
            [at(Boundary::Loop, 0.1), at(Boundary::Loop, 16.1)],
            [16.0, 32.0]
        );
        assert_eq!(at(Boundary::Bar, 4.0 + 1e-9), 4.0, "hosts round positions");
        assert_eq!(at(Boundary::Bar, -0.5), 0.0, "pre-roll");
    }

    #[test]
    fn bars_are_the_hosts_bars() {
        let seven_eight = Bars {
            start_beats: 1.0,
            length_beats: 3.5,
            loop_beats: 16.0,
        };
        assert_eq!(Boundary::Bar.at_or_after(2.0, seven_eight), 4.5);
        assert_eq!(Boundary::Bar.at_or_after(0.0, seven_eight), 1.0);
    }

    #[test]
    fn a_short_pattern_begins_again_sooner() {
        let two_bars = Bars {
            loop_beats: 8.0,
            ..FOUR_FOUR
        };
        assert_eq!(Boundary::Loop.at_or_after(16.1, two_bars), 24.0);
    }

    #[test]
    fn a_reply_of_the_model_before_answers_no_request() {
        let mut pending = PendingRequests::default();
        pending.place(job(1), None, Boundary::Bar);
        pending.first().expect("there is one").posted = true;
        let before = job(1);
        let now = Job {
            model_revision: 1,
            ..before
        };
        pending.place(now, None, Boundary::Bar);
        pending.first().expect("there is one").posted = true;
        assert_eq!(pending.fill(&before), None);
        assert_eq!(pending.fill(&now).map(|pending| pending.job), Some(now));
    }

    #[test]
    fn a_newer_request_for_the_same_place_or_an_earlier_one_replaces() {
        let mut pending = PendingRequests::default();
        pending.place(job(1), Some(4.0), Boundary::Bar);
        pending.place(job(2), Some(8.0), Boundary::Bar);
        pending.place(job(3), Some(8.0 + 1e-9), Boundary::Bar);
        assert_eq!(list(&pending), [(1, Some(4.0)), (3, Some(8.0 + 1e-9))]);
        pending.place(job(4), Some(2.0), Boundary::Beat);
        assert_eq!(list(&pending), [(4, Some(2.0))]);
        pending.place(job(5), None, Boundary::Beat);
        assert_eq!(list(&pending), [(5, None)]);
    }

    #[test]
    fn only_the_first_request_is_filled_and_only_once_it_was_posted() {
        let mut pending = PendingRequests::default();
        pending.place(job(1), Some(4.0), Boundary::Bar);
        pending.place(job(2), Some(8.0), Boundary::Bar);
        assert_eq!(pending.fill(&job(1)), None);
        pending.first().expect("there is one").posted = true;
        assert_eq!(pending.fill(&job(2)), None);
        assert_eq!(
            pending.fill(&job(1)).map(|pending| pending.from_beats),
            Some(Some(4.0))
        );
        assert_eq!(list(&pending), [(2, Some(8.0))]);
    }

    #[test]
    fn requests_move_with_a_loop_and_come_at_once_after_a_restart() {
        let mut pending = PendingRequests::default();
        pending.place(job(1), Some(20.0), Boundary::Bar);
        pending.place(job(2), Some(24.0), Boundary::Bar);
        pending.follow(Motion::Loops(-16.0));
        assert_eq!(list(&pending), [(1, Some(4.0)), (2, Some(8.0))]);
        pending.follow(Motion::Restarts);
        assert_eq!(list(&pending), [(2, None)]);
    }

    #[test]
    fn the_list_never_grows_and_keeps_the_request_that_is_being_filled() {
        let mut pending = PendingRequests::default();
        let capacity = pending.queue.capacity();
        for seed in 0..100 {
            pending.place(job(seed), Some(f64::from(seed)), Boundary::Sixteenth);
        }
        assert_eq!(pending.queue.capacity(), capacity);
        let seed =
            |pending: Option<&PendingRequest>| pending.map(|pending| pending.job.request.seed);
        assert_eq!(seed(pending.queue.front()), Some(0));
        assert_eq!(seed(pending.queue.back()), Some(99));
    }
}
