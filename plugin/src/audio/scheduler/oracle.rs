//! Random songs, compared note by note with an oracle that knows only the rules.
//!
//! The oracle writes down the song position of every single sample and looks up, for every hit of every round, the
//! first sample that is not before it. It has no windows, queues or look-ahead that could double or lose a note.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers in tests are small"
)]

use super::tests::{SAMPLE_RATE, ready, to_gm};
use super::*;
use crate::audio::transport::{HostTime, TransportTracker};
use fourbar_model::drums::{DrumMap, Routing};
use fourbar_model::noise::Noise;
use fourbar_model::pattern::{Hit, Pattern};
use proptest::prelude::*;

/// What the user or the host does before a block.
#[derive(Debug, Clone)]
enum Action {
    PlayOn,
    /// To another tempo, from the next block on.
    Tempo(f64),
    /// To another tempo, after this part of the block.
    TempoInside(f64, f64),
    /// To a place out of phase.
    Seek(f64),
    /// By whole patterns, give or take a sample.
    Loop(i32, f64),
    Stop,
    Start,
    Feel(f32, f32),
    Output(Output),
    /// Pattern number; beats from here to its boundary.
    Install(usize, Option<f64>),
}

#[derive(Debug, Clone)]
struct Step {
    action: Action,
    n_samples: u32,
}

/// What happens in one block, for the scheduler and for the oracle.
struct Block {
    host: HostTime,
    n_samples: u32,
    feel: Feel,
    output: Output,
    install: Option<(usize, Option<f64>)>,
    connection: Connection,
}

/// What the oracle is told of how a block follows the one before.
#[derive(Clone, Copy, PartialEq)]
enum Connection {
    Stopped,
    Restarts,
    Continues,
    /// Song position moved by this, in phase.
    Loops(f64),
}

/// A note with the numbers of its first and its last sample, counted from the start of the test.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Played {
    on: usize,
    off: usize,
    pitch: u8,
    channel: u8,
    velocity: f32,
    midi: bool,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => Just(Action::PlayOn),
        2 => (20.0..400.0).prop_map(Action::Tempo),
        2 => (60.0..200.0, 0.0..1.0).prop_map(|(bpm, part)| Action::TempoInside(bpm, part)),
        2 => (-20.0..100.0).prop_map(Action::Seek),
        2 => ((-2..3), -1.0..1.0).prop_map(|(n_loops, samples)| Action::Loop(n_loops, samples)),
        1 => Just(Action::Stop),
        3 => Just(Action::Start),
        3 => (0.0_f32..2.0, 0.0_f32..2.0).prop_map(|(timing, velocity)| Action::Feel(timing, velocity)),
        2 => output().prop_map(Action::Output),
        4 => (0_usize..4, prop::option::of((-1.0..6.0).prop_map(|beats: f64| (4.0 * beats).round() / 4.0)))
            .prop_map(|(index, beats)| Action::Install(index, beats)),
    ]
}

/// Keys, channels and choke groups of few enough that drums share them.
fn output() -> impl Strategy<Value = Output> {
    let keys = prop_oneof![
        Just(DrumMap::GM.keys()),
        Just(DrumMap::TD11.keys()),
        prop::array::uniform9(36_u8..42),
    ];
    let numbers = |most: u8| prop_oneof![Just([0; N_VOICES]), prop::array::uniform9(0..=most)];
    let length = prop::sample::select(NoteLength::ALL.to_vec());
    let routing =
        (numbers(3), numbers(2), length).prop_map(|(channels, chokes, note_length)| Routing {
            channels,
            chokes,
            note_length,
        });
    (0_u8..16, keys, routing, prop::bool::weighted(0.8)).prop_map(
        |(channel, keys, routing, midi)| Output {
            channel,
            keys,
            routing,
            midi,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n_samples = prop_oneof![1_u32..=8192, 1_u32..=64, Just(1_u32), Just(64), Just(8192)];
    prop::collection::vec(
        (action(), n_samples).prop_map(|(action, n_samples)| Step { action, n_samples }),
        1..60,
    )
}

/// A random pattern of two or four bars: every density, offsets up to the largest and often exactly none.
fn pattern(seed: u64) -> Pattern {
    let mut noise = Noise::from_seed(seed);
    let density = noise.uniform() * 0.6;
    let n_steps: u8 = if noise.below(2) == 0 { 32 } else { 64 };
    let mut hits = Vec::new();
    for step in 0..n_steps {
        for voice in Voice::ALL {
            if noise.uniform() < density {
                let offset_beats = match noise.below(4) {
                    0 => 0.0,
                    1 => 0.125,
                    _ => 0.25 * (f64::from(noise.uniform()) - 0.5),
                };
                let velocity = 1.0 - 0.9 * noise.uniform();
                hits.push(Hit {
                    grid_beats: 0.25 * f64::from(step),
                    offset_beats,
                    voice,
                    velocity,
                });
            }
        }
    }
    Pattern::new(hits, 0.25 * f64::from(n_steps))
}

/// Lets a host play `steps`; ends with a stop.
fn song(steps: &[Step], start_beats: f64) -> Vec<Block> {
    let (mut position_beats, mut tempo_bpm, mut playing) = (start_beats, 120.0, false);
    let mut feel = Feel::AS_GENERATED;
    let mut output = to_gm();
    let stop = Step {
        action: Action::Stop,
        n_samples: 1,
    };
    let mut blocks = Vec::new();
    for (index, Step { action, n_samples }) in steps.iter().chain([&stop]).enumerate() {
        let was_playing = playing;
        let mut connection = if playing {
            Connection::Continues
        } else {
            Connection::Stopped
        };
        let mut install = None;
        let mut next_tempo = (tempo_bpm, 1.0);
        match *action {
            Action::PlayOn => {}
            Action::Tempo(bpm) => next_tempo = (bpm, 1.0),
            Action::TempoInside(bpm, part) => next_tempo = (bpm, part),
            Action::Seek(beats) => {
                let moved: f64 = beats - position_beats;
                // Near the same phase, it could be a change of tempo inside the last block.
                let beats = if (moved - (moved / 8.0).round() * 8.0).abs() < 1.2 {
                    beats + 2.4
                } else {
                    beats
                };
                position_beats = beats;
                connection = if playing {
                    Connection::Restarts
                } else {
                    Connection::Stopped
                };
            }
            Action::Loop(n_loops, samples) if playing && n_loops != 0 => {
                let beats = 16.0 * f64::from(n_loops);
                position_beats += beats + samples * tempo_bpm / 60.0 / SAMPLE_RATE;
                connection = Connection::Loops(beats);
            }
            Action::Loop(..) => {}
            Action::Stop => (playing, connection) = (false, Connection::Stopped),
            Action::Start => playing = true,
            Action::Feel(timing, velocity) => {
                feel = Feel {
                    timing,
                    velocity,
                    ..Feel::AS_GENERATED
                }
            }
            Action::Output(other) => output = other,
            Action::Install(index, beats) => {
                install = Some((index, beats.map(|beats| position_beats.floor() + beats)))
            }
        }
        // Most songs are to play from the start.
        if index == 0 && !steps.len().is_multiple_of(8) {
            playing = true;
        }
        if playing && !was_playing {
            connection = Connection::Restarts;
        }
        let host = HostTime {
            playing,
            tempo_bpm: Some(tempo_bpm),
            position_beats: Some(position_beats),
            loop_beats: None,
            beats_per_bar: 4.0,
            bar_start_beats: None,
        };
        blocks.push(Block {
            host,
            n_samples: *n_samples,
            feel,
            output,
            install,
            connection,
        });
        if playing {
            let part_bpm = next_tempo.1 * tempo_bpm + (1.0 - next_tempo.1) * next_tempo.0;
            position_beats += f64::from(*n_samples) * part_bpm / 60.0 / SAMPLE_RATE;
        }
        tempo_bpm = next_tempo.0;
    }
    blocks
}

/// Plays the song with the real thing, and checks what can be checked without knowing the notes.
fn played(blocks: &[Block], patterns: &[Pattern]) -> Vec<Played> {
    let mut tracker = TransportTracker::new();
    let mut scheduler = Scheduler::new();
    let mut sounding: [Option<Played>; N_VOICES] = [None; N_VOICES];
    let mut notes = Vec::new();
    let mut first_sample = 0;
    let mut n_patterns = 0;
    for block in blocks {
        if let Some((index, from_beats)) = block.install {
            n_patterns += 1;
            let displaced = scheduler.install(ready(patterns[index].clone()), from_beats);
            n_patterns -= displaced.into_iter().count();
        }
        let mut last_timing = 0;
        for span in tracker.spans(&block.host, false, block.n_samples, SAMPLE_RATE) {
            scheduler.process(&span, block.feel, block.output, |event| {
                let (Event::NoteOn { timing, .. } | Event::NoteOff { timing, .. }) = event;
                assert!(
                    last_timing <= timing && timing < block.n_samples,
                    "events are sorted and inside the block"
                );
                last_timing = timing;
                let sample = first_sample + timing as usize;
                match event {
                    Event::NoteOn {
                        voice,
                        pitch,
                        channel,
                        velocity,
                        midi,
                        ..
                    } => {
                        let note = Played {
                            on: sample,
                            off: 0,
                            pitch,
                            channel,
                            velocity,
                            midi,
                        };
                        let mut others = sounding.iter().flatten();
                        assert!(
                            !midi
                                || !others
                                    .any(|other| other.midi && other.address() == note.address()),
                            "a key is released before it is struck again"
                        );
                        let doubled = sounding[voice.index()].replace(note);
                        assert_eq!(
                            doubled, None,
                            "a drum is switched off before it is switched on again"
                        );
                    }
                    Event::NoteOff {
                        voice,
                        pitch,
                        channel,
                        midi,
                        ..
                    } => {
                        let note = sounding[voice.index()]
                            .take()
                            .expect("a note-off has a note-on");
                        assert_eq!(
                            (note.pitch, note.channel, note.midi),
                            (pitch, channel, midi)
                        );
                        notes.push(Played {
                            off: sample,
                            ..note
                        });
                    }
                }
            });
        }
        while scheduler.retired().is_some() {
            n_patterns -= 1;
        }
        first_sample += block.n_samples as usize;
    }
    assert_eq!(sounding, [None; N_VOICES], "no note hangs");
    let n_kept = usize::from(scheduler.current.is_some()) + scheduler.pending.len();
    assert_eq!(
        n_patterns, n_kept,
        "every pattern is in force, waiting, or given back"
    );
    assert!(
        scheduler.pending.capacity() == MAX_PATTERNS
            && scheduler.retired.capacity() == MAX_PATTERNS
    );
    assert!(!scheduler.waiting.has_grown(), "nothing was allocated");
    notes
}

/// Onset, drum and velocity of a hit.
type Stroke = (f64, Voice, f32);

/// A note that has begun.
#[derive(Debug, Clone, Copy)]
struct Begun {
    /// As far as it is known: it has no end yet.
    note: Played,
    voice: Voice,
    /// If it began in this run.
    onset_beats: Option<f64>,
    /// How long it still sounds, from the start of the run on.
    left_beats: f64,
}

/// A stroke of a [`Run`].
#[derive(Clone, Copy)]
struct Struck {
    stroke: Stroke,
    /// Of the run.
    sample: usize,
    address: (u8, u8),
    routing: Routing,
    /// Whether another drum is louder on the same key at the same moment.
    is_covered: bool,
}

impl Struck {
    /// Whether it ends a note that began before it, or at the same moment.
    fn ends(&self, begun: &Begun) -> bool {
        let (onset_beats, voice, _) = self.stroke;
        voice == begun.voice
            || !self.is_covered
                && begun.onset_beats != Some(onset_beats)
                && (self.address == begun.note.address() || self.routing.chokes(voice, begun.voice))
    }
}

impl Played {
    /// Its key and channel.
    fn address(&self) -> (u8, u8) {
        (self.pitch, self.channel)
    }
}

/// A block of a [`Run`].
struct Told {
    /// Index of its first sample.
    first: usize,
    /// The position of that sample.
    start_beats: f64,
    beats_per_sample: f64,
    feel: Feel,
    output: Output,
}

/// A span of song without restart, in positions that do not jump.
#[derive(Default)]
struct Run {
    first_sample: usize,
    /// The furthest position reached at each sample, with the tolerance.
    reached_beats: Vec<f64>,
    blocks: Vec<Told>,
    /// Position of the sample after the last.
    end_beats: f64,
    /// Song positions that are later than these samples' are moved by this.
    unwrapped_by_beats: f64,
    start_beats: f64,
    beats_per_sample: f64,
    /// From which grid place which pattern rules.
    rules: Vec<(f64, usize)>,
}

impl Run {
    /// The first sample at or after `beats`.
    fn sample(&self, beats: f64) -> Option<usize> {
        let index = self
            .reached_beats
            .partition_point(|&reached| reached < beats);
        (index < self.reached_beats.len()).then_some(index)
    }

    /// The block that sample `index` is in.
    fn block(&self, index: usize) -> &Told {
        self.blocks
            .iter()
            .rfind(|block| block.first <= index)
            .unwrap()
    }

    /// The notes that end in this run, and those that still sound at its end. `begun`: those that sound at its start.
    fn notes(&self, patterns: &[Pattern], begun: &[Begun]) -> (Vec<Played>, Vec<Begun>) {
        let struck = self.struck(patterns);
        let (mut ended, mut sounding) = (Vec::new(), Vec::new());
        let mut end = |begun: Begun, from: usize, later: &[Struck]| {
            let end_beats = self.start_beats + begun.left_beats;
            let moved = self.blocks.iter().find(|block| {
                block.first >= from
                    && (block.output.midi, block.output.address(begun.voice))
                        != (begun.note.midi, begun.note.address())
            });
            let ends = [
                self.sample(end_beats),
                later
                    .iter()
                    .find(|next| next.ends(&begun))
                    .map(|next| next.sample),
                moved.map(|block| block.first),
            ];
            match ends.into_iter().flatten().min() {
                Some(off) => ended.push(Played {
                    off: self.first_sample + off,
                    ..begun.note
                }),
                None => sounding.push(Begun {
                    left_beats: end_beats - self.end_beats,
                    onset_beats: None,
                    ..begun
                }),
            }
        };
        for &begun in begun {
            end(begun, 0, &struck);
        }
        let mut alone = Vec::new();
        for (index, one) in struck.iter().enumerate() {
            let (onset_beats, voice, velocity) = one.stroke;
            let Told {
                start_beats,
                beats_per_sample,
                output,
                ..
            } = *self.block(one.sample);
            let on = self.first_sample + one.sample;
            let (pitch, channel) = one.address;
            let note = Played {
                on,
                off: on,
                pitch,
                channel,
                velocity,
                midi: output.midi && !one.is_covered,
            };
            if one.is_covered {
                alone.push(note);
                continue;
            }
            let begun = Begun {
                note,
                voice,
                onset_beats: Some(onset_beats),
                left_beats: onset_beats.max(start_beats - beats_per_sample)
                    + output.routing.note_length.beats()
                    - self.start_beats,
            };
            end(begun, one.sample + 1, &struck[index + 1..]);
        }
        ended.extend(alone);
        (ended, sounding)
    }

    /// What is struck in this run, in the order of time.
    fn struck(&self, patterns: &[Pattern]) -> Vec<Struck> {
        let mut strokes = self.strokes(patterns);
        strokes.sort_by(|a, b| {
            a.0.total_cmp(&b.0)
                .then(a.1.cmp(&b.1))
                .then(b.2.total_cmp(&a.2))
        });
        strokes.dedup_by(|later, earlier| later.0 == earlier.0 && later.1 == earlier.1);
        let in_run = strokes.iter().filter_map(|&stroke| {
            let sample = self.sample(stroke.0)?;
            let output = self.block(sample).output;
            Some(Struck {
                stroke,
                sample,
                address: output.address(stroke.1),
                routing: output.routing,
                is_covered: false,
            })
        });
        let mut struck: Vec<Struck> = in_run.collect();
        // Of those on one key at one moment, the loudest is sent, and of equals the first.
        for same_moment in struck.chunk_by_mut(|a, b| a.stroke.0 == b.stroke.0) {
            for index in 0..same_moment.len() {
                let one = same_moment[index];
                let before = |other: usize, another: &Struck| {
                    another.stroke.2 > one.stroke.2
                        || another.stroke.2 == one.stroke.2 && other < index
                };
                same_moment[index].is_covered =
                    same_moment.iter().enumerate().any(|(other, another)| {
                        another.address == one.address && before(other, another)
                    });
            }
        }
        struck
    }

    /// Every hit of every round around this run.
    fn strokes(&self, patterns: &[Pattern]) -> Vec<Stroke> {
        let mut strokes = Vec::new();
        let last_beats = self
            .reached_beats
            .last()
            .copied()
            .unwrap_or(self.start_beats);
        let tolerance_beats = SAMPLE_TOLERANCE * self.beats_per_sample;
        for (rule, &(from_beats, pattern)) in self.rules.iter().enumerate() {
            let to_beats = self
                .rules
                .get(rule + 1)
                .map_or(f64::INFINITY, |next| next.0);
            let pattern = &patterns[pattern];
            let loop_beats = pattern.loop_beats();
            let rounds = ((self.start_beats / loop_beats).floor() as i32 - 1)
                ..=((last_beats / loop_beats).ceil() as i32 + 1);
            for (round, hit) in
                rounds.flat_map(|round| pattern.hits().iter().map(move |hit| (round, hit)))
            {
                let grid_beats = loop_beats * f64::from(round) + hit.grid_beats;
                if !(from_beats..to_beats).contains(&grid_beats) {
                    continue;
                }
                // The feel of the block that comes within the look-ahead of the grid place.
                let Some(near) = self.sample(grid_beats - 0.25) else {
                    continue;
                };
                let feel = self.block(near).feel;
                let onset_beats = grid_beats + f64::from(feel.timing) * hit.offset_beats;
                let velocity = pattern.velocity(hit, feel);
                if onset_beats >= self.start_beats - tolerance_beats {
                    strokes.push((onset_beats, hit.voice, velocity));
                } else if grid_beats >= self.start_beats - self.beats_per_sample {
                    strokes.push((self.start_beats, hit.voice, velocity));
                }
            }
        }
        strokes
    }
}

/// What the rules say about the song.
fn expected(blocks: &[Block], patterns: &[Pattern]) -> Vec<Played> {
    let mut notes = Vec::new();
    let mut begun = Vec::new();
    let mut run: Option<Run> = None;
    let mut current = None;
    let mut first_sample = 0;
    for block in blocks {
        if let Some((index, from_beats)) = block.install {
            match (&mut run, current) {
                (Some(run), Some(_)) => {
                    let earliest = run.reached_beats.last().unwrap() + 0.25;
                    let from_beats = from_beats.map_or(earliest, |beats| {
                        (beats + run.unwrapped_by_beats).max(earliest)
                    });
                    run.rules.retain(|rule| rule.0 < from_beats);
                    run.rules.push((from_beats, index));
                }
                _ => current = Some(index),
            }
        }
        let position_beats = block.host.position_beats.unwrap();
        let beats_per_sample = block.host.tempo_bpm.unwrap() / 60.0 / SAMPLE_RATE;
        // A song without a pattern begins when the first one comes.
        let begins = block.connection == Connection::Restarts || run.is_none() && current.is_some();
        let ended = if begins || block.connection == Connection::Stopped {
            run.take()
        } else {
            None
        };
        if let Some(ended) = ended {
            current = ended.rules.last().map(|rule| rule.1);
            let (ended, sounding) = ended.notes(patterns, &begun);
            notes.extend(ended);
            begun = sounding;
        }
        // Where the song stops, every note ends; where it jumps, notes sound on.
        if block.connection == Connection::Stopped {
            notes.extend(begun.drain(..).map(|begun: Begun| Played {
                off: first_sample,
                ..begun.note
            }));
        }
        if let Some(index) = current.filter(|_| begins && block.host.playing) {
            run = Some(Run {
                first_sample,
                start_beats: position_beats,
                beats_per_sample,
                rules: vec![(f64::NEG_INFINITY, index)],
                ..Run::default()
            });
        }
        if let (Some(run), true) = (&mut run, block.host.playing) {
            if let Connection::Loops(beats) = block.connection {
                run.unwrapped_by_beats -= beats;
            }
            let start_beats = position_beats + run.unwrapped_by_beats;
            run.blocks.push(Told {
                first: run.reached_beats.len(),
                start_beats,
                beats_per_sample,
                feel: block.feel,
                output: block.output,
            });
            run.end_beats = start_beats + f64::from(block.n_samples) * beats_per_sample;
            for sample in 0..block.n_samples {
                let beats = start_beats + (f64::from(sample) + SAMPLE_TOLERANCE) * beats_per_sample;
                let furthest = run
                    .reached_beats
                    .last()
                    .map_or(beats, |last| last.max(beats));
                run.reached_beats.push(furthest);
            }
        }
        first_sample += block.n_samples as usize;
    }
    notes
}

fn sorted(mut notes: Vec<Played>) -> Vec<Played> {
    notes.sort_by(|a, b| a.partial_cmp(b).expect("velocities are numbers"));
    notes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_note_is_doubled_lost_cut_or_left_hanging(
        steps in steps(),
        start_beats in prop_oneof![Just(0.0), Just(-4.0), 0.0..64.0],
        seeds in prop::array::uniform4(any::<u64>()),
        has_first_pattern in prop::bool::weighted(0.9),
    ) {
        let patterns = seeds.map(pattern);
        let mut blocks = song(&steps, start_beats);
        if has_first_pattern {
            blocks[0].install = Some((0, None));
        }
        let (played, expected) = (sorted(played(&blocks, &patterns)), sorted(expected(&blocks, &patterns)));
        let difference = played.iter().zip(&expected).position(|(played, expected)| played != expected);
        if let Some(index) = difference.or((played.len() != expected.len()).then_some(played.len().min(expected.len()))) {
            prop_assert_eq!(played.get(index), expected.get(index), "note {} of {}", index, expected.len());
        }
    }
}

#[test]
fn the_random_songs_are_worth_playing() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let patterns = [1, 2, 3, 4].map(pattern);
    let mut n_notes = 0;
    for _ in 0..50 {
        let steps = steps()
            .new_tree(&mut runner)
            .expect("a strategy makes values")
            .current();
        let mut blocks = song(&steps, 0.0);
        blocks[0].install = Some((0, None));
        n_notes += expected(&blocks, &patterns).len();
    }
    assert!(n_notes > 1_000, "only {n_notes} notes in 50 songs");
}
