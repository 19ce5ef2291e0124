//! The hits that were picked up from a pattern and wait for their time.

use super::LOOKAHEAD_BEATS;
use fourbar_model::drums::Voice;
use fourbar_model::pattern::{Feel, Hit, Pattern};
use std::cmp::Ordering;
use std::ops::Range;

/// Hits that wait at the same time lie on 4 steps at most, which makes 36 for a groove; room for denser hand-made loops.
const MAX_WAITING: usize = 128;

/// Loops shorter than a step are none.
const MIN_LOOP_BEATS: f64 = 0.25;

/// A hit whose moment is fixed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) onset_beats: f64,
    /// Its place on the song's grid.
    pub(super) grid_beats: f64,
    pub(super) voice: Voice,
    pub(super) velocity: f32,
}

impl Waiting {
    /// By time, then drum, then the louder first: as [`Pattern::to_notes`] sorts them.
    fn order(&self, other: &Self) -> Ordering {
        self.onset_beats
            .total_cmp(&other.onset_beats)
            .then(self.voice.cmp(&other.voice))
            .then(other.velocity.total_cmp(&self.velocity))
    }
}

/// All that wait. Never allocates after [`WaitingHits::new`].
#[derive(Debug)]
pub(super) struct WaitingHits {
    /// The next one last.
    hits: Vec<Waiting>,
}

impl WaitingHits {
    pub(super) fn new() -> Self {
        Self {
            hits: Vec::with_capacity(MAX_WAITING),
        }
    }

    pub(super) fn clear(&mut self) {
        self.hits.clear();
    }

    /// Moves them all to another place in the song.
    pub(super) fn shift(&mut self, beats: f64) {
        for hit in &mut self.hits {
            hit.onset_beats += beats;
            hit.grid_beats += beats;
        }
    }

    /// Forgets those whose places on the grid are not before `grid_beats`.
    pub(super) fn forget_from(&mut self, grid_beats: f64) {
        self.hits.retain(|hit| hit.grid_beats < grid_beats);
    }

    /// Adds the hits of `pattern` whose places on the song's grid lie in `grid`. `place` is given each hit's grid place
    /// and onset and says when it sounds, if at all.
    pub(super) fn pick_up(
        &mut self,
        pattern: &Pattern,
        grid: Range<f64>,
        feel: Feel,
        place: impl Fn(f64, f64) -> Option<f64>,
    ) {
        let loop_beats = pattern.loop_beats();
        if loop_beats < MIN_LOOP_BEATS {
            return;
        }
        // The quotient may be rounded up, hence one loop earlier; every comparison below is of exactly the same sum, so
        // that neighbouring spans neither share nor skip a hit.
        let mut round = (grid.start / loop_beats).floor() - 1.0;
        while round * loop_beats < grid.end {
            let grid_beats = |hit: &Hit| round * loop_beats + hit.grid_beats;
            let first = pattern
                .hits()
                .partition_point(|hit| grid_beats(hit) < grid.start);
            for hit in pattern.hits()[first..]
                .iter()
                .take_while(|hit| grid_beats(hit) < grid.end)
                .filter(|hit| pattern.is_heard(hit, feel))
            {
                let shift_beats = hit.offset_beats * f64::from(feel.timing);
                let onset_beats =
                    grid_beats(hit) + shift_beats.clamp(-LOOKAHEAD_BEATS, LOOKAHEAD_BEATS);
                if let Some(onset_beats) = place(grid_beats(hit), onset_beats) {
                    let velocity = pattern.velocity(hit, feel);
                    self.insert(Waiting {
                        onset_beats,
                        grid_beats: grid_beats(hit),
                        voice: hit.voice,
                        velocity,
                    });
                }
            }
            round += 1.0;
        }
    }

    /// The next hit, if it sounds before `to_beats`.
    pub(super) fn next_before(&self, to_beats: f64) -> Option<Waiting> {
        self.hits
            .last()
            .filter(|hit| hit.onset_beats < to_beats)
            .copied()
    }

    /// Takes the next hit off, with softer ones of the same drum at the very same moment, which are not to be heard.
    pub(super) fn take(&mut self, next: &Waiting) {
        let is_same =
            |hit: &mut Waiting| hit.onset_beats == next.onset_beats && hit.voice == next.voice;
        while self.hits.pop_if(is_same).is_some() {}
    }

    /// Whether a louder hit waits for the same moment as `hit`, of a drum that `is_meant`.
    pub(super) fn has_louder(&self, hit: &Waiting, is_meant: impl Fn(Voice) -> bool) -> bool {
        let at_once = self.hits.iter().rev();
        at_once
            .take_while(|other| other.onset_beats == hit.onset_beats)
            .any(|other| other.velocity > hit.velocity && is_meant(other.voice))
    }

    /// Adds a hit; of too many, the last are lost.
    pub(super) fn insert(&mut self, hit: Waiting) {
        if self.hits.len() < MAX_WAITING {
            let index = self.hits.partition_point(|other| other.order(&hit).is_gt());
            self.hits.insert(index, hit);
        }
    }

    #[cfg(test)]
    pub(super) fn has_grown(&self) -> bool {
        self.hits.capacity() != MAX_WAITING
    }
}
