//! Which patterns have been asked for, and from which place in the song each is to rule.
//!
//! The place is decided when a pattern is asked for, from the song alone, so that it does not depend on how long the
//! network takes. It leaves [`LEAD_BEATS`] for making the pattern and for its early hits.

use crate::params::ApplyAt;
use crate::request::Job;
use crate::scheduler::Motion;
use std::collections::VecDeque;

/// Time between a request and the first boundary at which it can be heard.
pub const LEAD_BEATS: f64 = 0.5;

/// Patterns that can be on order. Boundaries are a 16th apart at least, and the lead is two of them.
const MAX_ORDERS: usize = 8;

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

/// The first boundary of kind `unit` that is not before `beats`.
#[must_use]
pub fn boundary(unit: ApplyAt, beats: f64, bars: Bars) -> f64 {
    let (start_beats, length_beats) = match unit {
        ApplyAt::Now => (0.0, 0.25),
        ApplyAt::Beat => (0.0, 1.0),
        ApplyAt::Bar => (bars.start_beats, bars.length_beats),
        ApplyAt::Pattern => (0.0, bars.loop_beats),
    };
    let n_units = ((beats - SAME_PLACE_BEATS - start_beats) / length_beats).ceil();
    start_beats + n_units * length_beats
}

/// One pattern on order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// What is to be made.
    pub job: Job,
    /// From where it is to rule; `None` for at once.
    pub from_beats: Option<f64>,
    /// The kind of boundary to look for if it comes too late.
    pub unit: ApplyAt,
    /// Whether the worker has been asked.
    pub posted: bool,
    /// Whether an offline render has waited for it in vain.
    pub given_up: bool,
}

/// The patterns on order, in the order of the places from which they rule. Owned by the audio thread; never grows.
#[derive(Debug)]
pub struct Orders {
    queue: VecDeque<Order>,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            queue: VecDeque::with_capacity(MAX_ORDERS),
        }
    }
}

impl Orders {
    /// Orders a pattern. Those that were to rule from the same place or later never will, and are forgotten.
    pub fn place(&mut self, job: Job, from_beats: Option<f64>, unit: ApplyAt) {
        let place = from_beats.unwrap_or(f64::NEG_INFINITY) - SAME_PLACE_BEATS;
        while self
            .queue
            .pop_back_if(|order| order.from_beats.unwrap_or(f64::NEG_INFINITY) >= place)
            .is_some()
        {}
        if self.queue.len() == MAX_ORDERS {
            // The first one may be being made; without it, a worker that is behind would deliver nothing that is wanted.
            self.queue.remove(1);
        }
        self.queue.push_back(Order {
            job,
            from_beats,
            unit,
            posted: false,
            given_up: false,
        });
    }

    /// Moves the places with the song; where the pattern starts over, the newest order is wanted at once.
    pub fn follow(&mut self, motion: Motion) {
        match motion {
            Motion::Continues => {}
            Motion::Loops(beats) => {
                for order in &mut self.queue {
                    order.from_beats = order.from_beats.map(|from_beats| from_beats + beats);
                }
            }
            Motion::Rests | Motion::Restarts => {
                if let Some(newest) = self.queue.pop_back() {
                    self.queue.clear();
                    self.queue.push_back(Order {
                        from_beats: None,
                        ..newest
                    });
                }
            }
        }
    }

    /// The order that is to be filled first.
    pub fn first(&mut self) -> Option<&mut Order> {
        self.queue.front_mut()
    }

    /// Takes the first order off the list if it is the one for `job`.
    pub fn fill(&mut self, job: &Job) -> Option<Order> {
        self.queue
            .pop_front_if(|order| order.posted && order.job == *job)
    }

    /// Forgets all orders.
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
            choice: 0,
            epoch: 0,
        }
    }

    fn list(orders: &Orders) -> Vec<(u32, Option<f64>)> {
        orders
            .queue
            .iter()
            .map(|order| (order.job.request.seed, order.from_beats))
            .collect()
    }

    #[test]
    fn a_boundary_is_the_first_at_or_after_a_place() {
        let at = |unit, beats| boundary(unit, beats, FOUR_FOUR);
        assert_eq!([at(ApplyAt::Now, 0.3), at(ApplyAt::Now, 0.5)], [0.5, 0.5]);
        assert_eq!([at(ApplyAt::Beat, 3.0), at(ApplyAt::Beat, 3.1)], [3.0, 4.0]);
        assert_eq!([at(ApplyAt::Bar, 4.0), at(ApplyAt::Bar, 4.1)], [4.0, 8.0]);
        assert_eq!(
            [at(ApplyAt::Pattern, 0.1), at(ApplyAt::Pattern, 16.1)],
            [16.0, 32.0]
        );
        assert_eq!(at(ApplyAt::Bar, 4.0 + 1e-9), 4.0, "hosts round positions");
        assert_eq!(at(ApplyAt::Bar, -0.5), 0.0, "pre-roll");
    }

    #[test]
    fn bars_are_the_hosts_bars() {
        let seven_eight = Bars {
            start_beats: 1.0,
            length_beats: 3.5,
            loop_beats: 16.0,
        };
        assert_eq!(boundary(ApplyAt::Bar, 2.0, seven_eight), 4.5);
        assert_eq!(boundary(ApplyAt::Bar, 0.0, seven_eight), 1.0);
    }

    #[test]
    fn a_short_pattern_begins_again_sooner() {
        let two_bars = Bars {
            loop_beats: 8.0,
            ..FOUR_FOUR
        };
        assert_eq!(boundary(ApplyAt::Pattern, 16.1, two_bars), 24.0);
    }

    #[test]
    fn a_reply_of_the_model_before_fills_no_order() {
        let mut orders = Orders::default();
        orders.place(job(1), None, ApplyAt::Bar);
        orders.first().expect("there is one").posted = true;
        let before = job(1);
        let now = Job {
            choice: 1,
            ..before
        };
        orders.place(now, None, ApplyAt::Bar);
        orders.first().expect("there is one").posted = true;
        assert_eq!(orders.fill(&before), None);
        assert_eq!(orders.fill(&now).map(|order| order.job), Some(now));
    }

    #[test]
    fn a_newer_order_for_the_same_place_or_an_earlier_one_replaces() {
        let mut orders = Orders::default();
        orders.place(job(1), Some(4.0), ApplyAt::Bar);
        orders.place(job(2), Some(8.0), ApplyAt::Bar);
        orders.place(job(3), Some(8.0 + 1e-9), ApplyAt::Bar);
        assert_eq!(list(&orders), [(1, Some(4.0)), (3, Some(8.0 + 1e-9))]);
        orders.place(job(4), Some(2.0), ApplyAt::Beat);
        assert_eq!(list(&orders), [(4, Some(2.0))]);
        orders.place(job(5), None, ApplyAt::Beat);
        assert_eq!(list(&orders), [(5, None)]);
    }

    #[test]
    fn only_the_first_order_is_filled_and_only_once_it_was_posted() {
        let mut orders = Orders::default();
        orders.place(job(1), Some(4.0), ApplyAt::Bar);
        orders.place(job(2), Some(8.0), ApplyAt::Bar);
        assert_eq!(orders.fill(&job(1)), None);
        orders.first().expect("there is one").posted = true;
        assert_eq!(orders.fill(&job(2)), None);
        assert_eq!(
            orders.fill(&job(1)).map(|order| order.from_beats),
            Some(Some(4.0))
        );
        assert_eq!(list(&orders), [(2, Some(8.0))]);
    }

    #[test]
    fn orders_move_with_a_loop_and_come_at_once_after_a_restart() {
        let mut orders = Orders::default();
        orders.place(job(1), Some(20.0), ApplyAt::Bar);
        orders.place(job(2), Some(24.0), ApplyAt::Bar);
        orders.follow(Motion::Loops(-16.0));
        assert_eq!(list(&orders), [(1, Some(4.0)), (2, Some(8.0))]);
        orders.follow(Motion::Restarts);
        assert_eq!(list(&orders), [(2, None)]);
    }

    #[test]
    fn the_list_never_grows_and_keeps_the_order_that_is_being_filled() {
        let mut orders = Orders::default();
        let capacity = orders.queue.capacity();
        for seed in 0..100 {
            orders.place(job(seed), Some(f64::from(seed)), ApplyAt::Now);
        }
        assert_eq!(orders.queue.capacity(), capacity);
        let seed = |order: Option<&Order>| order.map(|order| order.job.request.seed);
        assert_eq!(seed(orders.queue.front()), Some(0));
        assert_eq!(seed(orders.queue.back()), Some(99));
    }
}
