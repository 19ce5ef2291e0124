//! A small room: a dozen reflections from its walls, left and right at different times, and a short tail.
//!
//! # Source
//! Moorer, *About this reverberation business*, Computer Music Journal 1979: early reflections from taps; Jot and
//! Chaigne, *Digital delay networks for designing artificial reverberators*, AES 1991: the tail, four delays that feed
//! each other through a Householder matrix.

use crate::PIECE_SAMPLES;

/// Arrival of each reflection in milliseconds, and its strength; the walls are not equally far on both sides.
const REFLECTIONS: [[(f32, f32); 7]; 2] = [
    [
        (3.1, 0.55),
        (7.3, -0.42),
        (11.9, 0.36),
        (15.1, 0.3),
        (19.7, -0.26),
        (24.1, 0.2),
        (29.3, -0.15),
    ],
    [
        (4.3, -0.53),
        (6.1, 0.4),
        (10.3, 0.38),
        (16.9, -0.31),
        (18.1, 0.25),
        (25.7, -0.2),
        (31.1, 0.16),
    ],
];

/// Lengths of the tail's delays in milliseconds.
const TAIL_MS: [f32; 4] = [17.3, 21.1, 25.9, 30.7];

/// Time in which the tail falls by 60 dB.
const TAIL_T60_SECONDS: f32 = 0.45;

/// Walls take away highs with every reflection, and a room of this size has no lows to give.
const DAMPING_HZ: f32 = 5_500.0;
const FLOOR_HZ: f32 = 140.0;

/// How loud all of it is, and the tail beside the reflections.
const LEVEL: f32 = 2.0;
const TAIL_LEVEL: f32 = 0.32;

/// Nothing is left of a sound after this.
const SILENT_AFTER_SECONDS: f32 = 1.5;

/// The room. Only [`Room::new`] allocates.
#[derive(Debug)]
pub(crate) struct Room {
    input: Delay,
    taps: [[(usize, f32); 7]; 2],
    tail: [Delay; 4],
    lengths: [usize; 4],
    feedback: [f32; 4],
    damped: [f32; 4],
    damping: f32,
    floor: f32,
    low: f32,
    bright: f32,
    /// Samples since there was any input.
    n_silent: usize,
    silent_after: usize,
}

impl Room {
    /// A room for `sample_rate`, in Hz.
    pub(crate) fn new(sample_rate: f32) -> Self {
        let samples = |ms: f32| n_samples(ms / 1000.0 * sample_rate).clamp(1, MAX_DELAY);
        let lengths = TAIL_MS.map(samples);
        let one_pole = |hz: f32| 1.0 - (-std::f32::consts::TAU * hz / sample_rate).exp();
        Self {
            input: Delay::new(),
            taps: REFLECTIONS.map(|side| side.map(|(ms, gain)| (samples(ms), gain))),
            tail: lengths.map(|_| Delay::new()),
            lengths,
            feedback: TAIL_MS.map(|ms| 10_f32.powf(-3.0 * ms / 1000.0 / TAIL_T60_SECONDS)),
            damped: [0.0; 4],
            damping: one_pole(DAMPING_HZ.min(0.4 * sample_rate)),
            floor: one_pole(FLOOR_HZ),
            low: 0.0,
            bright: 0.0,
            n_silent: usize::MAX,
            silent_after: n_samples(SILENT_AFTER_SECONDS * sample_rate),
        }
    }

    /// Writes what comes back of `sound` to the left and the right channel, all equally long.
    pub(crate) fn process(&mut self, sound: &[f32], [left, right]: [&mut [f32]; 2]) {
        left.fill(0.0);
        right.fill(0.0);
        let last = sound.iter().rposition(|&sample| sample != 0.0);
        let n_heard = match last {
            Some(last) => last + 1 + self.silent_after,
            None => self.silent_after.saturating_sub(self.n_silent),
        };
        let n_samples = sound.len();
        self.n_silent = match last {
            Some(last) => n_samples - last - 1,
            None => self.n_silent.saturating_add(n_samples),
        };
        // The tail is fed by what it gave as long ago as its shortest delay.
        let n_at_once = self
            .lengths
            .into_iter()
            .min()
            .unwrap_or(1)
            .min(PIECE_SAMPLES);
        let mut pieces = sound[..n_samples.min(n_heard)].chunks(n_at_once);
        let mut places = left.chunks_mut(n_at_once).zip(right.chunks_mut(n_at_once));
        for (piece, (left, right)) in pieces.by_ref().zip(places.by_ref()) {
            self.add_piece(piece, left, right);
        }
        if n_heard > 0 && n_heard <= n_samples {
            self.clear();
        }
    }

    fn add_piece(&mut self, sound: &[f32], left: &mut [f32], right: &mut [f32]) {
        let n_samples = sound.len();
        let mut filtered = [0.0; PIECE_SAMPLES];
        for (filtered, sample) in filtered.iter_mut().zip(sound) {
            self.bright += self.damping * (sample - self.bright);
            self.low += self.floor * (self.bright - self.low);
            *filtered = self.bright - self.low;
        }
        self.input.push(&filtered[..n_samples]);
        let mut early = [[0.0; PIECE_SAMPLES]; 2];
        for (early, taps) in early.iter_mut().zip(&self.taps) {
            for &(ago, gain) in taps {
                // The newest of the piece was pushed one push before the next.
                self.input
                    .add(ago + n_samples - 1, gain, &mut early[..n_samples]);
            }
        }

        let mut old = [[0.0; PIECE_SAMPLES]; 4];
        for ((old, tail), length) in old.iter_mut().zip(&self.tail).zip(self.lengths) {
            tail.add(length, 1.0, &mut old[..n_samples]);
        }
        let mut fed = [[0.0; PIECE_SAMPLES]; 4];
        for index in 0..n_samples {
            let mut back = [0.0; 4];
            for line in 0..4 {
                self.damped[line] += self.damping * (old[line][index] - self.damped[line]);
                back[line] = self.feedback[line] * self.damped[line];
            }
            let half_sum = 0.5 * back.iter().sum::<f32>();
            let [early_left, early_right] = [early[0][index], early[1][index]];
            let fresh = [early_left, early_right, -early_left, early_right];
            for line in 0..4 {
                fed[line][index] = back[line] - half_sum + 0.5 * fresh[line];
            }
            left[index] = LEVEL * (early_left + TAIL_LEVEL * (back[0] - back[2] + back[3]));
            right[index] = LEVEL * (early_right + TAIL_LEVEL * (back[1] + back[2] - back[3]));
        }
        for (tail, fed) in self.tail.iter_mut().zip(&fed) {
            tail.push(&fed[..n_samples]);
        }
    }

    /// Silences it at once.
    pub(crate) fn clear(&mut self) {
        self.input.samples.fill(0.0);
        for line in &mut self.tail {
            line.samples.fill(0.0);
        }
        self.damped = [0.0; 4];
        (self.low, self.bright) = (0.0, 0.0);
        self.n_silent = usize::MAX;
    }
}

fn n_samples(samples: f32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a second or so"
    )]
    let samples = samples.round() as usize;
    samples
}

/// Samples that are remembered, a power of two: 31 ms and more up to 192 kHz.
const N_PAST: usize = 8192;
const MAX_DELAY: usize = N_PAST - PIECE_SAMPLES;

/// The last samples of a signal.
#[derive(Debug)]
struct Delay {
    samples: Box<[f32; N_PAST]>,
    /// Where the next goes.
    next: usize,
}

impl Delay {
    fn new() -> Self {
        Self {
            samples: Box::new([0.0; N_PAST]),
            next: 0,
        }
    }

    fn push(&mut self, samples: &[f32]) {
        let n_before_end = samples.len().min(N_PAST - self.next);
        let (before_end, rest) = samples.split_at(n_before_end);
        self.samples[self.next..self.next + n_before_end].copy_from_slice(before_end);
        self.samples[..rest.len()].copy_from_slice(rest);
        self.next = (self.next + samples.len()) % N_PAST;
    }

    /// Adds `gain` times the samples that were pushed `ago` pushes before the next, and after.
    fn add(&self, ago: usize, gain: f32, to: &mut [f32]) {
        let start = self.next.wrapping_sub(ago) % N_PAST;
        let (before_end, rest) = to.split_at_mut(to.len().min(N_PAST - start));
        for (to, past) in [
            (before_end, &self.samples[start..]),
            (rest, &self.samples[..]),
        ] {
            for (to, past) in to.iter_mut().zip(past) {
                *to += gain * past;
            }
        }
    }
}
