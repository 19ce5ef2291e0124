//! What keeps the sum of the drums under full scale.
//!
//! It looks half a millisecond ahead, by which the sound is late; a host is not told, as it would shift the notes by as
//! much. Loud peaks are rounded towards [`CEILING`], on the way down within that half millisecond and on the way up slowly,
//! so that a drum keeps the shape of its wave. Peaks are those of the wave between the samples, too.

/// Where it begins to round, linear: -4.4 dBFS.
const KNEE: f32 = 0.6;

/// What no peak passes, linear: -1.3 dBFS. The rest to -1 dBFS is for what the interpolation misses.
const CEILING: f32 = 0.86;

/// Time in which it turns down.
const ATTACK_SECONDS: f32 = 0.000_35;

/// Time in which it lets go to a part of 1/e.
const RELEASE_SECONDS: f32 = 0.06;

/// So near to 1 it has let go.
const RELEASED: f32 = 0.9999;

/// Samples on each side of the place where the wave is interpolated.
const HALF_KERNEL: usize = 8;

/// Between two samples smaller than this no wave of drums comes to the knee.
const QUIET: f32 = 0.7 * KNEE;

/// Places between two samples at which it is: four times oversampling.
const N_BETWEEN: usize = 3;

/// No attack is longer, at any sample rate.
const MAX_ATTACK_SAMPLES: usize = 128;

/// The limiter of a pair of channels, which it turns down together so that nothing moves between them.
#[derive(Debug)]
pub(crate) struct Limiter {
    kernels: [[f32; 2 * HALF_KERNEL]; N_BETWEEN],
    attack_samples: usize,
    release: f32,
    /// The last samples of each channel, twice, so that the newest are always in one piece.
    past: [[f32; 2 * N_PAST]; 2],
    next: usize,
    /// Samples since there was any input, as far as that matters.
    n_silent: usize,
    /// Gains that single peaks want, on their way up again.
    wanted: f32,
    /// The last of them, and the smallest of each attack's length.
    all_wanted: Window,
    lowest: Window,
}

/// Samples that are remembered.
const N_PAST: usize = MAX_ATTACK_SAMPLES + 2 * HALF_KERNEL;

impl Limiter {
    /// A limiter for `sample_rate`, in Hz.
    pub(crate) fn new(sample_rate: f32) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few samples"
        )]
        let attack_samples = (ATTACK_SECONDS * sample_rate).ceil() as usize;
        let attack_samples = attack_samples.clamp(1, MAX_ATTACK_SAMPLES);
        Self {
            kernels: [0.25, 0.5, 0.75].map(kernel),
            attack_samples,
            release: 1.0 - (-1.0 / (RELEASE_SECONDS * sample_rate)).exp(),
            past: [[0.0; 2 * N_PAST]; 2],
            next: 0,
            n_silent: N_PAST,
            wanted: 1.0,
            all_wanted: Window::new(attack_samples),
            lowest: Window::new(attack_samples),
        }
    }

    /// How late it is, in samples.
    pub(crate) fn delay_samples(&self) -> usize {
        HALF_KERNEL + self.attack_samples - 1
    }

    /// Limits the next samples of both channels in place; they come out [`Self::delay_samples`] late.
    pub(crate) fn process(&mut self, [left, right]: [&mut [f32]; 2]) {
        let n_samples = left.len().min(right.len());
        let loudest = loudest(left).max(loudest(right));
        if loudest > 0.0 {
            self.n_silent = 0;
        } else if self.is_open() && self.n_silent >= N_PAST {
            return;
        } else {
            self.n_silent = self.n_silent.saturating_add(n_samples);
        }
        let newest = self.next + N_PAST;
        let before = self.past.each_ref();
        let before = before.map(|past| self::loudest(&past[newest - HALF_KERNEL..newest]));
        // Nothing comes near the knee: it is only late.
        let passes = self.is_open() && loudest.max(before[0]).max(before[1]) < QUIET;
        for (left, right) in left.iter_mut().zip(right) {
            let end = self.push([*left, *right]);
            let gain = if passes { 1.0 } else { self.gain_at(end) };
            let place = end - 1 - self.delay_samples();
            [*left, *right] = self.past.each_ref().map(|past| gain * past[place]);
        }
    }

    /// Whether it turns nothing down, and has not just done so.
    fn is_open(&self) -> bool {
        self.wanted >= 1.0 && self.all_wanted.is_open() && self.lowest.is_open()
    }

    /// Remembers a sample of each channel; returns the place after them, before which are all that are remembered.
    fn push(&mut self, samples: [f32; 2]) -> usize {
        let newest = self.next;
        self.next = if newest + 1 == N_PAST { 0 } else { newest + 1 };
        for (past, sample) in self.past.iter_mut().zip(samples) {
            past[newest] = sample;
            past[newest + N_PAST] = sample;
        }
        newest + N_PAST + 1
    }

    /// The gain of what comes out next.
    fn gain_at(&mut self, end: usize) -> f32 {
        let peak = self.peak_before(end);
        let for_peak = if peak > KNEE {
            let range = CEILING - KNEE;
            (KNEE + range * ((peak - KNEE) / range).tanh()) / peak
        } else {
            1.0
        };
        let released = self.wanted + self.release * (1.0 - self.wanted);
        self.wanted = for_peak.min(if released > RELEASED { 1.0 } else { released });
        self.all_wanted.push(self.wanted);
        self.lowest.push(self.all_wanted.smallest());
        self.lowest.mean()
    }

    /// The larger of both channels' peaks at the sample [`HALF_KERNEL`] before `end` and up to the next.
    fn peak_before(&self, end: usize) -> f32 {
        let around = end - 2 * HALF_KERNEL..end;
        let mut peak = 0.0_f32;
        for past in &self.past {
            let around = &past[around.clone()];
            let [here, next] = [HALF_KERNEL - 1, HALF_KERNEL].map(|place| around[place].abs());
            peak = peak.max(here);
            if here.max(next) < QUIET {
                continue;
            }
            for kernel in &self.kernels {
                let products = around.iter().zip(kernel).map(|(a, b)| a * b);
                peak = peak.max(sum(products).abs());
            }
        }
        peak
    }

    /// Lets go at once.
    pub(crate) fn clear(&mut self) {
        self.past = [[0.0; 2 * N_PAST]; 2];
        self.n_silent = N_PAST;
        self.wanted = 1.0;
        self.all_wanted = Window::new(self.attack_samples);
        self.lowest = Window::new(self.attack_samples);
    }
}

fn loudest(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |loudest, sample| loudest.max(sample.abs()))
}

/// What a wave is worth `between` the two samples in the middle: a sinc under a squared cosine.
fn kernel(between: f32) -> [f32; 2 * HALF_KERNEL] {
    let mut place = -between - 7.0;
    [(); 2 * HALF_KERNEL].map(|()| {
        let x = std::f32::consts::PI * place;
        place += 1.0;
        x.sin() / x * (x / 16.0).cos().powi(2)
    })
}

/// The sum of some numbers, several at a time so that the compiler makes vectors of them.
fn sum(mut numbers: impl Iterator<Item = f32>) -> f32 {
    let mut sums = [0.0; 4];
    loop {
        let next = [(); 4].map(|()| numbers.next());
        for (sum, number) in sums.iter_mut().zip(next) {
            *sum += number.unwrap_or(0.0);
        }
        if next[3].is_none() {
            return sums.iter().sum();
        }
    }
}

/// The last few gains.
#[derive(Debug)]
struct Window {
    /// Twice, so that they are always in one piece and added up in the same order.
    gains: [f32; 2 * MAX_ATTACK_SAMPLES],
    n_gains: usize,
    next: usize,
    /// How many of them are 1.
    n_open: usize,
}

impl Window {
    fn new(n_gains: usize) -> Self {
        Self {
            gains: [1.0; 2 * MAX_ATTACK_SAMPLES],
            n_gains,
            next: 0,
            n_open: n_gains,
        }
    }

    fn push(&mut self, gain: f32) {
        let is_open = |gain: f32| usize::from(gain >= 1.0);
        self.n_open -= is_open(self.gains[self.next]);
        self.n_open += is_open(gain);
        self.gains[self.next] = gain;
        self.gains[self.next + self.n_gains] = gain;
        self.next += 1;
        if self.next == self.n_gains {
            self.next = 0;
        }
    }

    /// From the oldest to the newest.
    fn in_order(&self) -> &[f32] {
        &self.gains[self.next..self.next + self.n_gains]
    }

    /// Whether all of them are 1.
    fn is_open(&self) -> bool {
        self.n_open == self.n_gains
    }

    fn smallest(&self) -> f32 {
        if self.is_open() {
            return 1.0;
        }
        self.in_order().iter().fold(1.0, |a, &b| a.min(b))
    }

    fn mean(&self) -> f32 {
        if self.is_open() {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few gains")]
        let n_gains = self.n_gains as f32;
        sum(self.in_order().iter().copied()) / n_gains
    }
}
