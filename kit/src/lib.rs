//! The preview kits: nine drums of our own making in three manners, so that a groove is heard without any routing.
//!
//! Every drum is synthesised once, at the host's sample rate, as a few strokes that differ a little, each in a soft and a
//! hard version; playing is choosing one and mixing its two versions by velocity. So the audio thread only adds up
//! finished samples, whatever the drums cost to make. Behind them are a small room and a limiter.
//!
//! A kit is a file in `kits/`, which says what each of its drums is made of, and its line in `kits.rs`.

mod kits;
mod limiter;
mod make;
mod recipe;
mod ringing;
mod room;
mod synthesis;
pub mod wav;

pub use kits::{N_KITS, kit_name};

use fourbar_model::drums::{N_VOICES, Voice};
use kits::KITS;
use limiter::Limiter;
use make::{Drum, N_VARIANTS};
use recipe::KitRecipe;
use ringing::{Manner, Ringing};
use room::Room;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

/// Strokes that can ring at once: each drum with a few older strokes that fade.
const MAX_RINGING: usize = 32;

/// Strokes in one block: a roll of every drum in the longest block.
const MAX_TRIGGERS: usize = 512;

/// Blocks are rendered in pieces of this length.
const PIECE_SAMPLES: usize = 64;

/// How long the open hi-hat takes to fall silent when it is closed.
const CHOKE_SECONDS: f32 = 0.012;

/// How long a gain takes to come to a part of 1/e of a new one, as a step would click.
const GLIDE_SECONDS: f32 = 0.005;
/// So near it is there.
const GLIDE_END: f32 = 1e-6;

/// How far a stroke's loudness, in decibels, and its hardness can be from what its velocity says.
const LOOSE_DECIBELS: f32 = 0.35;
const LOOSE_HARDNESS: f32 = 0.07;

/// The drums of every kit at one sample rate, those of each made when they are first wanted.
#[derive(Debug)]
struct DrumSets {
    sample_rate: f32,
    kits: [OnceLock<[Drum; N_VOICES]>; N_KITS],
    /// Which kits an audio thread has asked for, which cannot make them itself.
    wanted: [AtomicBool; N_KITS],
}

/// The sets in use: a project with many instances makes and keeps its drums once.
static SETS: Mutex<Vec<Weak<DrumSets>>> = Mutex::new(Vec::new());

/// Whether a kit has been asked for since [`make_wanted`] looked last.
static IS_ANY_WANTED: AtomicBool = AtomicBool::new(false);

impl DrumSets {
    fn of(sample_rate: f32) -> Arc<Self> {
        let mut known = SETS.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|sets| sets.strong_count() > 0);
        #[expect(clippy::float_cmp, reason = "any other sample rate needs other drums")]
        let same = known
            .iter()
            .filter_map(Weak::upgrade)
            .find(|sets| sets.sample_rate == sample_rate);
        same.unwrap_or_else(|| {
            let sets = Arc::new(Self {
                sample_rate,
                kits: [const { OnceLock::new() }; N_KITS],
                wanted: [const { AtomicBool::new(false) }; N_KITS],
            });
            known.push(Arc::downgrade(&sets));
            sets
        })
    }

    /// The drums of a kit: makes them if nobody has yet, or waits for whoever does.
    fn make(&self, kit: usize) {
        self.kits[kit].get_or_init(|| make_kit(KITS[kit], self.sample_rate));
    }

    /// The drums of a kit if they are there; if not, they are asked for.
    fn get(&self, kit: usize) -> Option<&[Drum; N_VOICES]> {
        let drums = self.kits[kit].get();
        if drums.is_none() && !self.wanted[kit].swap(true, Ordering::Relaxed) {
            IS_ANY_WANTED.store(true, Ordering::Release);
        }
        drums
    }
}

/// Whether a player lacks the kit that it is to play, so that [`make_wanted`] has something to do.
#[must_use]
pub fn is_any_wanted() -> bool {
    IS_ANY_WANTED.load(Ordering::Acquire)
}

/// Makes the kits that players lack: some hundredths of a second for each.
pub fn make_wanted() {
    if !IS_ANY_WANTED.swap(false, Ordering::AcqRel) {
        return;
    }
    let known: Vec<_> = {
        let known = SETS.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(Weak::upgrade).collect()
    };
    for sets in known {
        let is_wanted = |kit: &usize| sets.wanted[*kit].load(Ordering::Relaxed);
        (0..N_KITS).filter(is_wanted).for_each(|kit| sets.make(kit));
    }
}

/// Makes a kit, each drum on a thread of its own if there is one to be had.
fn make_kit(kit: &'static KitRecipe, sample_rate: f32) -> [Drum; N_VOICES] {
    thread::scope(|scope| {
        let made = Voice::ALL.map(|voice| {
            let make = move || make::make(kit, voice, sample_rate);
            let thread = thread::Builder::new().spawn_scoped(scope, make);
            (make, thread)
        });
        made.map(|(make, thread)| {
            let made = thread.ok().and_then(|thread| thread.join().ok());
            made.unwrap_or_else(make)
        })
    })
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
    /// Where in the song the stroke belongs, in sixteenths from its start. It decides which of the drum's strokes is
    /// played and how it differs from others of its velocity: the same place always sounds the same.
    pub step: i64,
}

/// The [step](Stroke::step) at a place of the song's grid, in beats.
#[must_use]
pub fn step_at(beats: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the conversion saturates, at a place that no song reaches"
    )]
    let step = (4.0 * beats).round() as i64;
    step
}

/// How the kit is to sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Which kit, below [`N_KITS`].
    pub kit: usize,
    /// Linear gain of everything.
    pub gain: f32,
    /// How much of the room is heard, 0–1.
    pub room: f32,
    /// Each drum, in the order of [`Voice::ALL`]. Changes are heard from the drum's next stroke on.
    pub drums: [DrumSettings; N_VOICES],
    /// Whether drums that have a bus of their own are left out of the mix.
    pub is_split: bool,
}

/// How one drum is to sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrumSettings {
    /// Linear gain.
    pub gain: f32,
    /// -1 is left, 1 is right, as the drummer sits.
    pub pan: f32,
    /// Factor on the pitch, greater than 0.
    pub tune: f32,
    /// Factor on the time in which it decays, greater than 0.
    pub decay: f32,
}

/// Where the drums are, as the drummer sits, in the order of [`Voice::ALL`]; -1 is left.
pub const PANORAMA: [f32; N_VOICES] = [0.0, 0.0625, -0.375, -0.375, 0.5, 0.125, -0.25, -0.5, 0.5];

/// How much of the room is heard if nobody says otherwise.
pub const USUAL_ROOM: f32 = 0.5;

impl Default for Settings {
    fn default() -> Self {
        Self {
            kit: 0,
            gain: 1.0,
            room: USUAL_ROOM,
            drums: PANORAMA.map(|pan| DrumSettings {
                gain: 1.0,
                pan,
                tune: 1.0,
                decay: 1.0,
            }),
            is_split: false,
        }
    }
}

/// The left and the right channel of a bus, equally long.
pub type Stereo<'a> = [&'a mut [f32]; 2];

/// Plays the drums. Owned by the audio thread: [`Kit::new`], [`Kit::prepare`] and [`Kit::perform`] allocate, nothing else.
#[derive(Debug)]
pub struct Kit {
    sets: Arc<DrumSets>,
    /// The kit that plays; the one before for as long as the drums of the one that is wanted are not there.
    kit: usize,
    ringing: Vec<Ringing>,
    /// Those of the next block, in the order of time.
    triggers: Vec<Stroke>,
    room: Room,
    /// That of the mix, and those of the drums' own buses.
    limiter: Limiter,
    bus_limiters: [Limiter; N_VOICES],
    /// Share of the way to another gain in a sample.
    glide: f32,
    /// Gain and amount of room at the end of the last block; `None` before the first.
    gains: Option<[f32; 2]>,
}

impl Kit {
    /// A player for `sample_rate`, in Hz, which is silent until a kit is [prepared](Self::prepare). Those that exist at the
    /// same time share their drums.
    #[must_use]
    pub fn new(sample_rate: f32) -> Self {
        Self {
            sets: DrumSets::of(sample_rate),
            kit: 0,
            ringing: Vec::with_capacity(MAX_RINGING),
            triggers: Vec::with_capacity(MAX_TRIGGERS),
            room: Room::new(sample_rate),
            limiter: Limiter::new(sample_rate),
            bus_limiters: std::array::from_fn(|_| Limiter::new(sample_rate)),
            glide: 1.0 - (-1.0 / (GLIDE_SECONDS * sample_rate)).exp(),
            gains: None,
        }
    }

    /// The sample rate the drums were made for, in Hz.
    #[must_use]
    pub fn sample_rate(&self) -> f32 {
        self.sets.sample_rate
    }

    /// Makes a kit, or waits for it where somebody else makes it: some hundredths of a second.
    pub fn prepare(&self, kit: usize) {
        self.sets.make(kit.min(N_KITS - 1));
    }

    /// Whether a kit is there to be played. One that is not is asked for, and is there after [`make_wanted`].
    #[must_use]
    pub fn has(&self, kit: usize) -> bool {
        self.sets.get(kit.min(N_KITS - 1)).is_some()
    }

    /// Strikes a drum in the next block to be rendered.
    pub fn trigger(&mut self, stroke: Stroke) {
        if stroke.velocity > 0.0 && self.triggers.len() < MAX_TRIGGERS {
            let velocity = stroke.velocity.min(1.0);
            let is_before = |other: &Stroke| other.sample <= stroke.sample;
            let place = self.triggers.partition_point(is_before);
            self.triggers.insert(place, Stroke { velocity, ..stroke });
        }
    }

    /// Adds a block to `mix`: the drums, the room, and the limiter over both. Of the buses of the drums, in the order of
    /// [`Voice::ALL`], each that is there is as long as the mix, and the others are empty; a drum is added to its own as
    /// well, without the room and under a limiter of its own, or instead where the settings say so.
    pub fn render(&mut self, settings: &Settings, mix: Stereo<'_>, buses: &mut [Stereo<'_>]) {
        let [left, right] = mix;
        let n_samples = left.len().min(right.len());
        if n_samples == 0 {
            return;
        }
        let kit = settings.kit.min(N_KITS - 1);
        if self.has(kit) {
            self.kit = kit;
        }
        let start = |stroke: &Stroke| stroke.sample.min(n_samples - 1);
        let (mut done, mut n_struck) = (0, 0);
        while done < n_samples {
            while let Some(&stroke) = self
                .triggers
                .get(n_struck)
                .filter(|next| start(next) <= done)
            {
                self.strike(&stroke, settings);
                n_struck += 1;
            }
            let next = self.triggers.get(n_struck).map_or(n_samples, start);
            let end = next.min(done + PIECE_SAMPLES);
            let piece = [&mut left[done..end], &mut right[done..end]];
            self.add_piece(settings, piece, buses, done);
            done = end;
        }
        self.triggers.clear();
    }

    /// The left and the right channel of `n_samples` in which these strokes, in the order of time, start, with what rings
    /// already. Allocates, unlike the rest: for sound that nobody waits for.
    #[must_use]
    pub fn perform(
        &mut self,
        settings: &Settings,
        strokes: &[Stroke],
        n_samples: usize,
    ) -> [Vec<f32>; 2] {
        self.prepare(settings.kit);
        let (mut left, mut right) = (vec![0.0; n_samples], vec![0.0; n_samples]);
        let mut strokes = strokes.iter().peekable();
        for start in (0..n_samples).step_by(PIECE_SAMPLES) {
            let end = n_samples.min(start + PIECE_SAMPLES);
            while let Some(&stroke) = strokes.next_if(|stroke| stroke.sample < end) {
                let sample = stroke.sample.saturating_sub(start);
                self.trigger(Stroke { sample, ..stroke });
            }
            let piece = [&mut left[start..end], &mut right[start..end]];
            self.render(settings, piece, &mut []);
        }
        [left, right]
    }

    /// Cuts everything off at once; for when the audio is interrupted anyway.
    pub fn silence(&mut self) {
        self.ringing.clear();
        self.triggers.clear();
        self.room.clear();
        self.limiter.clear();
        self.bus_limiters.iter_mut().for_each(Limiter::clear);
        self.gains = None;
    }

    /// Starts a stroke; older ones of the same drum, and the hi-hat it closes or opens, fade under it.
    fn strike(&mut self, stroke: &Stroke, settings: &Settings) {
        let (voice, kit) = (stroke.voice, self.kit);
        let Some(drums) = self.sets.kits[kit].get() else {
            return;
        };
        let drum = &drums[voice.index()];
        let manner = manner(stroke, &settings.drums[voice.index()]);
        let ringing = Ringing::new(voice, kit, drum, manner);
        let retrigger_seconds = drum.retrigger_seconds;
        self.fade(voice, retrigger_seconds);
        match voice {
            Voice::ClosedHat => self.fade(Voice::OpenHat, CHOKE_SECONDS),
            Voice::OpenHat => self.fade(Voice::ClosedHat, CHOKE_SECONDS),
            _ => {}
        }
        if self.ringing.len() == MAX_RINGING {
            self.drop_faintest();
        }
        self.ringing.push(ringing);
    }

    /// Lets every stroke of `voice` fall silent within `seconds`.
    fn fade(&mut self, voice: Voice, seconds: f32) {
        let samples = seconds * self.sample_rate();
        let of_voice = |stroke: &&mut Ringing| stroke.voice == voice;
        for stroke in self.ringing.iter_mut().filter(of_voice) {
            stroke.fade_within(samples);
        }
    }

    /// Makes room where nobody hears it.
    fn drop_faintest(&mut self) {
        let level = |index: &usize| self.ringing[*index].level();
        let faintest = (0..self.ringing.len()).min_by(|a, b| level(a).total_cmp(&level(b)));
        if let Some(index) = faintest {
            self.ringing.remove(index);
        }
    }

    /// Adds the next few samples of everything that rings, which come `done` samples after the start of the buses.
    fn add_piece(
        &mut self,
        settings: &Settings,
        [left, right]: Stereo<'_>,
        buses: &mut [Stereo<'_>],
        done: usize,
    ) {
        let n_samples = left.len();
        let mut mix = [[0.0_f32; PIECE_SAMPLES]; 2];
        let mut room = [0.0_f32; PIECE_SAMPLES];
        let mut own = [[[0.0_f32; PIECE_SAMPLES]; 2]; N_VOICES];
        let gains = self.glide_to([settings.gain, settings.room]);
        for stroke in &mut self.ringing {
            let Some(drums) = self.sets.kits[stroke.kit].get() else {
                continue;
            };
            let drum = &drums[stroke.voice.index()];
            let mut piece = [[0.0_f32; PIECE_SAMPLES]; 2];
            let [piece_left, piece_right] = &mut piece;
            let n_played = stroke.render(
                drum,
                &mut piece_left[..n_samples],
                &mut piece_right[..n_samples],
            );
            for index in 0..n_played {
                room[index] += 0.5 * drum.room * (piece_left[index] + piece_right[index]);
            }
            let bus = buses.get_mut(stroke.voice.index());
            let bus = bus.filter(|[left, right]| !left.is_empty() && !right.is_empty());
            if bus.is_none() || !settings.is_split {
                for index in 0..n_played {
                    mix[0][index] += piece_left[index];
                    mix[1][index] += piece_right[index];
                }
            }
            if bus.is_some() {
                for (own, piece) in own[stroke.voice.index()].iter_mut().zip(&piece) {
                    for (own, sample) in own.iter_mut().zip(&piece[..n_played]) {
                        *own += sample;
                    }
                }
            }
        }
        self.ringing.retain(|stroke| !stroke.is_over());
        for ((bus, limiter), own) in buses.iter_mut().zip(&mut self.bus_limiters).zip(&mut own) {
            if bus.iter().all(|channel| !channel.is_empty()) {
                let bus = bus
                    .each_mut()
                    .map(|channel| &mut channel[done..done + n_samples]);
                add_limited(own, &gains, limiter, bus);
            }
        }
        let mut back = [[0.0_f32; PIECE_SAMPLES]; 2];
        let [back_left, back_right] = &mut back;
        let back_of = [&mut back_left[..n_samples], &mut back_right[..n_samples]];
        self.room.process(&room[..n_samples], back_of);
        for (mix, back) in mix.iter_mut().zip(&back) {
            for ((mix, back), [_, wet]) in mix.iter_mut().zip(back).zip(&gains) {
                *mix += wet * back;
            }
        }
        add_limited(&mut mix, &gains, &mut self.limiter, [left, right]);
        self.gains = Some(gains[n_samples - 1]);
    }

    /// Gain and amount of room in the next samples, on their way to `target`.
    fn glide_to(&self, target: [f32; 2]) -> [[f32; 2]; PIECE_SAMPLES] {
        let mut gains = self.gains.unwrap_or(target);
        std::array::from_fn(|_| {
            for (gain, target) in gains.iter_mut().zip(target) {
                *gain += self.glide * (target - *gain);
                if (*gain - target).abs() < GLIDE_END {
                    *gain = target;
                }
            }
            gains
        })
    }
}

/// Adds a piece at its gains to a bus, under its limiter.
fn add_limited(
    piece: &mut [[f32; PIECE_SAMPLES]; 2],
    gains: &[[f32; 2]; PIECE_SAMPLES],
    limiter: &mut Limiter,
    bus: Stereo<'_>,
) {
    let n_samples = bus[0].len();
    for channel in &mut *piece {
        for (sample, [gain, _]) in channel.iter_mut().zip(gains) {
            *sample *= gain;
        }
    }
    limiter.process(piece.each_mut().map(|channel| &mut channel[..n_samples]));
    for (bus, piece) in bus.into_iter().zip(piece) {
        for (bus, sample) in bus.iter_mut().zip(piece) {
            *bus += *sample;
        }
    }
}

/// How a stroke sounds: what its velocity and the settings say, and a little of what its place in the song decides.
fn manner(stroke: &Stroke, drum: &DrumSettings) -> Manner {
    let nuance = nuance(stroke);
    let [lean, push] = [nuance, nuance >> 32].map(|bits| {
        let [low, high, ..] = bits.to_le_bytes();
        f32::from(u16::from_le_bytes([low, high])) / 32_767.5 - 1.0
    });
    let n_variants = i64::try_from(N_VARIANTS).unwrap_or(1);
    let offset = i64::try_from(stroke.voice.index()).unwrap_or(0);
    let variant = (2 * stroke.step + offset).rem_euclid(n_variants);
    let velocity = stroke.velocity;
    // Ghost notes are 20 dB below accents.
    let level = velocity.powf(1.2) * 10_f32.powf(LOOSE_DECIBELS * push / 20.0);
    Manner {
        variant: usize::try_from(variant).unwrap_or(0),
        hardness: (velocity + LOOSE_HARDNESS * lean).clamp(0.0, 1.0),
        level: level * drum.gain,
        pan: drum.pan,
        tune: drum.tune,
        decay: drum.decay,
    }
}

/// Random bits that are the same for the same drum at the same place.
///
/// # Source
/// Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014 (SplitMix64's finaliser).
fn nuance(stroke: &Stroke) -> u64 {
    let place = stroke.step.cast_unsigned().wrapping_mul(N_VOICES as u64);
    let mut bits = place
        .wrapping_add(stroke.voice.index() as u64)
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
