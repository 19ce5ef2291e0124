//! A small room: a dozen reflections from its walls, left and right at different times, and a short tail.
//!
//! # Source
//! Moorer, *About this reverberation business*, Computer Music Journal 1979: early reflections from taps; Jot and
//! Chaigne, *Digital delay networks for designing artificial reverberators*, AES 1991: the tail, four delays that feed
//! each other through a Householder matrix.

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

    /// What comes back of a sample, left and right.
    pub(crate) fn next(&mut self, sample: f32) -> [f32; 2] {
        if sample == 0.0 {
            if self.n_silent >= self.silent_after {
                return [0.0; 2];
            }
            self.n_silent += 1;
            if self.n_silent == self.silent_after {
                self.clear();
                return [0.0; 2];
            }
        } else {
            self.n_silent = 0;
        }
        self.bright += self.damping * (sample - self.bright);
        self.low += self.floor * (self.bright - self.low);
        let sample = self.bright - self.low;
        self.input.push(sample);
        let early = self.taps.map(|taps| {
            taps.iter()
                .map(|&(ago, gain)| gain * self.input.ago(ago))
                .sum::<f32>()
        });

        let mut back = [0.0; 4];
        for (line, back) in back.iter_mut().enumerate() {
            let old = self.tail[line].ago(self.lengths[line]);
            self.damped[line] += self.damping * (old - self.damped[line]);
            *back = self.feedback[line] * self.damped[line];
        }
        let half_sum = 0.5 * back.iter().sum::<f32>();
        let [left, right] = early;
        let fresh = [left, right, -left, right].map(|early| 0.5 * early);
        for ((tail, back), fresh) in self.tail.iter_mut().zip(back).zip(fresh) {
            tail.push(back - half_sum + fresh);
        }
        [
            LEVEL * (left + TAIL_LEVEL * (back[0] - back[2] + back[3])),
            LEVEL * (right + TAIL_LEVEL * (back[1] + back[2] - back[3])),
        ]
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
const MAX_DELAY: usize = N_PAST - 1;

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

    fn push(&mut self, sample: f32) {
        self.samples[self.next % N_PAST] = sample;
        self.next = (self.next + 1) % N_PAST;
    }

    /// The sample that was pushed `ago` pushes before the next.
    fn ago(&self, ago: usize) -> f32 {
        self.samples[self.next.wrapping_sub(ago) % N_PAST]
    }
}
