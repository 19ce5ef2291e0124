//! The preview kit: nine drums of our own making, so that a groove is heard without any routing.
//!
//! Every drum is synthesised once, at the host's sample rate, in a soft and a hard version of the same stroke; playing
//! is mixing the two by velocity. So the audio thread only adds up finished samples, whatever the drums cost to make.

mod drums;
mod synthesis;
pub mod wav;

use fourbar_model::drums::{N_VOICES, Voice};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Strokes that can ring at once: each drum with a few older strokes that fade.
const MAX_RINGING: usize = 32;

/// Strokes in one block: a roll of every drum in the longest block.
const MAX_TRIGGERS: usize = 512;

/// Length of a block in a performance.
const BLOCK_SAMPLES: usize = 64;

/// How long the open hi-hat takes to fall silent when it is closed.
const CHOKE_SECONDS: f32 = 0.012;

/// One drum, ready to be played.
#[derive(Debug)]
struct Drum {
    /// A stroke at low velocity, and the same stroke at velocity 1; equally long, equally loud.
    soft: Vec<f32>,
    hard: Vec<f32>,
    /// Gains of the left and the right channel.
    pan: [f32; 2],
    /// How long an older stroke takes to fade under a new one.
    retrigger_seconds: f32,
}

/// The nine drums at one sample rate.
#[derive(Debug)]
struct DrumSet {
    sample_rate: f32,
    drums: [Drum; N_VOICES],
}

/// The sets in use: a project with many instances makes and keeps its drums once.
static SETS: Mutex<Vec<Weak<DrumSet>>> = Mutex::new(Vec::new());

impl DrumSet {
    fn shared(sample_rate: f32) -> Arc<Self> {
        let mut sets = SETS.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|set| set.strong_count() > 0);
        #[expect(clippy::float_cmp, reason = "any other sample rate needs other drums")]
        let same = sets
            .iter()
            .filter_map(Weak::upgrade)
            .find(|set| set.sample_rate == sample_rate);
        same.unwrap_or_else(|| {
            let drums = Voice::ALL.map(|voice| drums::make(voice, sample_rate));
            let set = Arc::new(Self { sample_rate, drums });
            sets.push(Arc::downgrade(&set));
            set
        })
    }
}

/// A stroke that sounds.
#[derive(Debug, Clone, Copy)]
struct Ringing {
    voice: Voice,
    /// Next sample of the drum.
    position: usize,
    soft_gain: f32,
    hard_gain: f32,
    /// Falls from 1 to 0 when the stroke is cut short.
    fade: f32,
    fade_per_sample: f32,
}

/// A stroke that is to start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// When, in samples from the start of the block or of the performance.
    pub sample: usize,
    /// Which drum.
    pub voice: Voice,
    /// How hard, 0–1.
    pub velocity: f32,
}

/// Plays the nine drums. Owned by the audio thread: only [`Kit::new`] allocates.
#[derive(Debug)]
pub struct Kit {
    set: Arc<DrumSet>,
    ringing: Vec<Ringing>,
    /// Those of the next block, in the order of time.
    triggers: Vec<Stroke>,
    /// Gain at the end of the last block; `None` before the first.
    gain: Option<f32>,
}

impl Kit {
    /// The nine drums for `sample_rate`, in Hz. Making them takes about a hundredth of a second; kits that exist at the
    /// same time share them.
    #[must_use]
    pub fn new(sample_rate: f32) -> Self {
        Self {
            set: DrumSet::shared(sample_rate),
            ringing: Vec::with_capacity(MAX_RINGING),
            triggers: Vec::with_capacity(MAX_TRIGGERS),
            gain: None,
        }
    }

    /// The sample rate the drums were made for, in Hz.
    #[must_use]
    pub fn sample_rate(&self) -> f32 {
        self.set.sample_rate
    }

    /// Strikes a drum at sample `timing` of the next block to be rendered.
    pub fn trigger(&mut self, timing: u32, voice: Voice, velocity: f32) {
        if velocity > 0.0 && self.triggers.len() < MAX_TRIGGERS {
            let sample = usize::try_from(timing).unwrap_or(usize::MAX);
            let stroke = Stroke {
                sample,
                voice,
                velocity: velocity.min(1.0),
            };
            let place = self
                .triggers
                .partition_point(|other| other.sample <= sample);
            self.triggers.insert(place, stroke);
        }
    }

    /// Adds a block to `left` and `right`, which are equally long. The gain glides from that of the last block.
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32], gain: f32) {
        let n_samples = left.len().min(right.len());
        if n_samples == 0 {
            return;
        }
        let mut glide = Glide::new(self.gain.replace(gain).unwrap_or(gain), gain, n_samples);
        let mut done = 0;
        for index in 0..self.triggers.len() {
            let trigger = self.triggers[index];
            let until = trigger.sample.clamp(done, n_samples - 1);
            self.add(&mut left[done..until], &mut right[done..until], &mut glide);
            self.strike(trigger.voice, trigger.velocity);
            done = until;
        }
        self.triggers.clear();
        self.add(
            &mut left[done..n_samples],
            &mut right[done..n_samples],
            &mut glide,
        );
    }

    /// The left and the right channel of `n_samples` in which these strokes, in the order of time, start; at gain 1, and
    /// with what rings already. Allocates, unlike the rest: for sound that nobody waits for.
    #[must_use]
    pub fn perform(&mut self, strokes: &[Stroke], n_samples: usize) -> [Vec<f32>; 2] {
        let (mut left, mut right) = (vec![0.0; n_samples], vec![0.0; n_samples]);
        let mut strokes = strokes.iter().peekable();
        for start in (0..n_samples).step_by(BLOCK_SAMPLES) {
            let end = n_samples.min(start + BLOCK_SAMPLES);
            while let Some(stroke) = strokes.next_if(|stroke| stroke.sample < end) {
                let timing =
                    u32::try_from(stroke.sample.saturating_sub(start)).expect("a block is short");
                self.trigger(timing, stroke.voice, stroke.velocity);
            }
            self.render(&mut left[start..end], &mut right[start..end], 1.0);
        }
        [left, right]
    }

    /// Cuts everything off at once; for when the audio is interrupted anyway.
    pub fn silence(&mut self) {
        self.ringing.clear();
        self.triggers.clear();
        self.gain = None;
    }

    /// Starts a stroke; older ones of the same drum, and the hi-hat it closes or opens, fade under it.
    fn strike(&mut self, voice: Voice, velocity: f32) {
        self.fade(voice, self.set.drums[voice.index()].retrigger_seconds);
        match voice {
            Voice::ClosedHat => self.fade(Voice::OpenHat, CHOKE_SECONDS),
            Voice::OpenHat => self.fade(Voice::ClosedHat, CHOKE_SECONDS),
            _ => {}
        }
        if self.ringing.len() == MAX_RINGING {
            self.drop_faintest();
        }
        let hardness = drums::hardness(velocity);
        let level = drums::level(velocity);
        self.ringing.push(Ringing {
            voice,
            position: 0,
            soft_gain: level * (1.0 - hardness),
            hard_gain: level * hardness,
            fade: 1.0,
            fade_per_sample: 0.0,
        });
    }

    /// Lets every stroke of `voice` fall silent within `seconds`.
    fn fade(&mut self, voice: Voice, seconds: f32) {
        let fade_per_sample = 1.0 / (seconds * self.set.sample_rate).max(1.0);
        for stroke in self
            .ringing
            .iter_mut()
            .filter(|stroke| stroke.voice == voice)
        {
            stroke.fade_per_sample = stroke.fade_per_sample.max(fade_per_sample);
        }
    }

    /// Makes room where nobody hears it.
    fn drop_faintest(&mut self) {
        let level = |stroke: &Ringing| stroke.fade * (stroke.soft_gain + stroke.hard_gain);
        let faintest = (0..self.ringing.len())
            .min_by(|&a, &b| level(&self.ringing[a]).total_cmp(&level(&self.ringing[b])));
        if let Some(index) = faintest {
            self.ringing.swap_remove(index);
        }
    }

    /// Adds the next samples of everything that rings.
    fn add(&mut self, left: &mut [f32], right: &mut [f32], glide: &mut Glide) {
        let drums = &self.set.drums;
        for stroke in &mut self.ringing {
            stroke.add(&drums[stroke.voice.index()], left, right, *glide);
        }
        self.ringing.retain(|stroke| {
            stroke.fade > 0.0 && stroke.position < drums[stroke.voice.index()].hard.len()
        });
        glide.advance(left.len());
    }
}

impl Ringing {
    fn add(&mut self, drum: &Drum, left: &mut [f32], right: &mut [f32], glide: Glide) {
        let n_samples = left.len().min(drum.hard.len() - self.position);
        let (soft, hard) = (
            &drum.soft[self.position..][..n_samples],
            &drum.hard[self.position..][..n_samples],
        );
        let (left, right) = (&mut left[..n_samples], &mut right[..n_samples]);
        self.position += n_samples;
        let [pan_left, pan_right] = drum.pan;

        // The steady case is the usual one, and the compiler makes vectors of it.
        if self.fade_per_sample == 0.0 && glide.per_sample == 0.0 {
            let (soft_gain, hard_gain) = (self.soft_gain * glide.gain, self.hard_gain * glide.gain);
            for index in 0..n_samples {
                let sample = soft_gain * soft[index] + hard_gain * hard[index];
                left[index] += pan_left * sample;
                right[index] += pan_right * sample;
            }
            return;
        }
        let mut gain = glide.gain;
        for index in 0..n_samples {
            let sample =
                (self.soft_gain * soft[index] + self.hard_gain * hard[index]) * self.fade * gain;
            left[index] += pan_left * sample;
            right[index] += pan_right * sample;
            self.fade = (self.fade - self.fade_per_sample).max(0.0);
            gain += glide.per_sample;
        }
    }
}

/// A gain that changes evenly over a block, as a step would click.
#[derive(Debug, Clone, Copy)]
struct Glide {
    gain: f32,
    per_sample: f32,
}

impl Glide {
    fn new(from: f32, to: f32, n_samples: usize) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the gain of a single sample needs no more"
        )]
        let per_sample = (to - from) / n_samples as f32;
        Self {
            gain: from,
            per_sample,
        }
    }

    fn advance(&mut self, n_samples: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the gain of a single sample needs no more"
        )]
        let samples = n_samples as f32;
        self.gain += self.per_sample * samples;
    }
}

#[cfg(test)]
mod tests;
