//! What the scheduler promises, checked by hand; random songs are checked in `oracle`.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers in tests are small"
)]

use super::*;
use crate::audio::transport::{HostTime, TransportTracker};
use crate::request::{N_LATENT, Request};
use fourbar_model::drums::{DrumMap, Routing};
use fourbar_model::pattern::{Hit, Pattern};

pub(super) const SAMPLE_RATE: f64 = 48_000.0;
pub(super) fn to_gm() -> Output {
    Output {
        channel: 9,
        keys: DrumMap::GM.keys(),
        routing: Routing::PLAIN,
        midi: true,
    }
}

pub(super) fn ready(pattern: Pattern) -> Box<Ready> {
    let request = Request::new(1, 0, 1.0, [0.0; N_LATENT]);
    Box::new(Ready {
        request,
        checkpoint_id: "test".to_owned(),
        pattern,
        groove: None,
        n_passes: 1,
    })
}

fn hit(grid_beats: f64, offset_beats: f64, voice: Voice) -> Hit {
    Hit {
        grid_beats,
        offset_beats,
        voice,
        velocity: 0.5,
    }
}

fn playing(pattern: Pattern) -> Scheduler {
    let mut scheduler = Scheduler::new();
    assert!(scheduler.install(ready(pattern), None).is_none());
    scheduler
}

/// A note as a host is sent it.
struct Sent {
    on: u32,
    off: u32,
    voice: Voice,
    address: (u8, u8),
    velocity: f32,
}

/// A host at 120 bpm and 48 kHz: 24,000 samples a beat. Counts samples from the start of the test.
struct Song {
    tracker: TransportTracker,
    scheduler: Scheduler,
    host: HostTime,
    n_samples_played: u32,
    feel: Feel,
    output: Output,
    events: Vec<Event>,
}

impl Song {
    fn new(scheduler: Scheduler) -> Self {
        let host = HostTime {
            playing: true,
            tempo_bpm: Some(120.0),
            position_beats: Some(0.0),
            loop_beats: None,
            beats_per_bar: 4.0,
            bar_start_beats: None,
        };
        Self {
            tracker: TransportTracker::new(),
            scheduler,
            host,
            n_samples_played: 0,
            feel: Feel::AS_GENERATED,
            output: to_gm(),
            events: Vec::new(),
        }
    }

    fn seek(&mut self, beats: f64) {
        self.host.position_beats = Some(beats);
    }

    /// Plays `n_blocks` blocks of `n_samples`.
    fn play(&mut self, n_blocks: u32, n_samples: u32) {
        for _ in 0..n_blocks {
            let mut timings = Vec::new();
            for span in self
                .tracker
                .spans(&self.host, false, n_samples, SAMPLE_RATE)
            {
                self.scheduler
                    .process(&span, self.feel, self.output, |mut event| {
                        let (Event::NoteOn { timing, .. } | Event::NoteOff { timing, .. }) =
                            &mut event;
                        timings.push(*timing);
                        *timing += self.n_samples_played;
                        self.events.push(event);
                    });
            }
            assert!(timings.is_sorted() && timings.iter().all(|&timing| timing < n_samples));
            self.n_samples_played += n_samples;
            let moved_beats = f64::from(n_samples) / 24_000.0;
            self.host.position_beats = self.host.position_beats.map(|beats| beats + moved_beats);
        }
    }

    fn stop(&mut self) {
        self.host.playing = false;
        self.play(1, 64);
    }

    fn note_ons(&self) -> Vec<(u32, Voice)> {
        let on = |event: &Event| match *event {
            Event::NoteOn { timing, voice, .. } => Some((timing, voice)),
            Event::NoteOff { .. } => None,
        };
        self.events.iter().filter_map(on).collect()
    }

    /// Start, end, key and velocity of every note that has ended, in the order of their starts.
    fn notes(&self) -> Vec<(u32, u32, u8, f32)> {
        let mut notes = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let &Event::NoteOn {
                timing: on,
                voice,
                pitch,
                velocity,
                ..
            } = event
            else {
                continue;
            };
            let off = self.events[index..].iter().find_map(|event| match *event {
                Event::NoteOff {
                    timing,
                    voice: ended,
                    ..
                } if ended == voice => Some(timing),
                _ => None,
            });
            notes.extend(off.map(|off| (on, off, pitch, velocity)));
        }
        notes
    }

    /// Every note that the host is sent, in the order of their starts; one that has not ended ends never.
    fn sent(&self) -> Vec<Sent> {
        let mut notes: Vec<Sent> = Vec::new();
        for event in &self.events {
            match *event {
                Event::NoteOn {
                    timing,
                    voice,
                    pitch,
                    channel,
                    velocity,
                    midi: true,
                    ..
                } => notes.push(Sent {
                    on: timing,
                    off: u32::MAX,
                    voice,
                    address: (pitch, channel),
                    velocity,
                }),
                Event::NoteOff {
                    timing,
                    pitch,
                    channel,
                    midi: true,
                    ..
                } => {
                    let mut open = notes.iter_mut().filter(|note| note.off == u32::MAX);
                    let note = open.find(|note| note.address == (pitch, channel));
                    note.unwrap().off = timing;
                }
                _ => {}
            }
        }
        notes
    }

    fn note_offs(&self) -> Vec<(u32, Voice)> {
        let off = |event: &Event| match *event {
            Event::NoteOff { timing, voice, .. } => Some((timing, voice)),
            Event::NoteOn { .. } => None,
        };
        self.events.iter().filter_map(off).collect()
    }
}

/// A busy pattern: early, late and centred hits of every drum, some less than a note apart.
fn busy() -> Pattern {
    let voices = Voice::ALL.iter().cycle();
    let hits = (0_u32..64)
        .flat_map(|step| [step, step + 3, step + 5].map(|salt| (step, salt)))
        .zip(voices);
    let hits = hits.map(|((step, salt), &voice)| Hit {
        grid_beats: 0.25 * f64::from(step),
        offset_beats: (f64::from(salt * 37 % 64) - 31.0) / 256.0,
        voice,
        velocity: 0.2 + 0.01 * salt as f32,
    });
    Pattern::new(hits.collect(), 16.0)
}

#[test]
fn a_note_falls_on_the_first_sample_at_or_after_its_time() {
    let mut song = Song::new(playing(Pattern::new(
        vec![
            hit(1.0, 0.0, Voice::Kick),
            hit(2.0, 1.0 / 65_536.0, Voice::Snare),
            hit(3.0, -1.0 / 65_536.0, Voice::Ride),
        ],
        16.0,
    )));
    song.play(80, 1000);
    // 1/65536 beat is 0.37 samples.
    assert_eq!(
        song.note_ons(),
        [
            (24_000, Voice::Kick),
            (48_001, Voice::Snare),
            (72_000, Voice::Ride)
        ]
    );
    assert_eq!(
        song.note_offs(),
        [
            (30_000, Voice::Kick),
            (54_001, Voice::Snare),
            (78_000, Voice::Ride)
        ]
    );
}

/// Everything here is a whole number of 1/65536 beats and of samples per hour, so the expected sample is exact.
#[test]
fn sample_offsets_equal_exact_arithmetic_at_any_tempo_and_rate() {
    for (sample_rate, tempo_bpm) in [
        (44_100_u64, 133_u64),
        (48_000, 97),
        (96_000, 61),
        (22_050, 240),
        (192_000, 175),
    ] {
        let offsets_65536ths = [-8192_i64, -777, -1, 0, 1, 4095, 8191];
        let hits = (0_u32..)
            .zip(offsets_65536ths)
            .map(|(beat, offset)| hit(f64::from(beat + 1), offset as f64 / 65_536.0, Voice::Snare));
        let mut scheduler = playing(Pattern::new(hits.collect(), 16.0));
        let mut tracker = TransportTracker::new();
        let mut found = Vec::new();
        let block = 509;
        let samples_per_minute = sample_rate * 60;
        for start in (0..8 * samples_per_minute / tempo_bpm).step_by(block) {
            // As a CLAP host says it, in 1/2^31 beats.
            let position = (u128::from(start * tempo_bpm) << 31) / u128::from(samples_per_minute);
            let host = HostTime {
                playing: true,
                tempo_bpm: Some(tempo_bpm as f64),
                position_beats: Some(position as f64 / f64::from(1_u32 << 31)),
                loop_beats: None,
                beats_per_bar: 4.0,
                bar_start_beats: None,
            };
            for span in tracker.spans(&host, false, block as u32, sample_rate as f64) {
                scheduler.process(&span, Feel::AS_GENERATED, to_gm(), |event| {
                    if let Event::NoteOn { timing, .. } = event {
                        found.push(start + u64::from(timing));
                    }
                });
            }
        }
        let expected = (1_i64..).zip(offsets_65536ths).map(|(beat, offset)| {
            let onset_65536ths = u64::try_from(65_536 * beat + offset).unwrap();
            (onset_65536ths * samples_per_minute).div_ceil(65_536 * tempo_bpm)
        });
        assert_eq!(
            found,
            expected.collect::<Vec<_>>(),
            "{sample_rate} Hz, {tempo_bpm} bpm"
        );
    }
}

#[test]
fn block_sizes_do_not_matter() {
    let events = |n_samples: u32| {
        let mut song = Song::new(playing(busy()));
        song.play(786_432 / n_samples, n_samples);
        song.play(1, 786_432 % n_samples);
        song.events
    };
    let whole = events(786_432);
    assert!(whole.len() > 700);
    for n_samples in [1, 64, 333, 4096] {
        assert_eq!(events(n_samples), whole, "blocks of {n_samples}");
    }
}

/// Ways in which the drums can be sent: as nothing is said, and with keys, channels and choke groups that some share.
fn routed() -> Vec<Output> {
    let mut shared = to_gm();
    shared.keys = [36, 36, 42, 46, 36, 36, 50, 36, 51];
    shared.routing.channels = [0, 10, 0, 0, 2, 0, 0, 2, 16];
    shared.routing.chokes = [0, 3, 1, 1, 3, 0, 2, 0, 2];
    let mut outputs = vec![to_gm()];
    for note_length in NoteLength::ALL {
        shared.routing.note_length = note_length;
        outputs.push(shared);
    }
    outputs
}

#[test]
fn the_song_from_its_start_to_the_loops_end_is_what_the_pattern_exports() {
    let pattern = busy();
    for output in routed() {
        let mut song = Song::new(playing(pattern.clone()));
        song.output = output;
        song.play(20, 24_000);
        let sample = |beats: f64| (24_000.0 * beats - SAMPLE_TOLERANCE).ceil() as u32;
        let Output {
            keys,
            channel,
            routing,
            ..
        } = output;
        let exported = pattern.to_routed_notes(Feel::AS_GENERATED, &keys, channel, &routing);
        let mut expected: Vec<_> = exported
            .iter()
            .map(|note| {
                let end_beats = note.onset_beats + note.duration_beats;
                let (on, off) = (sample(note.onset_beats), sample(end_beats));
                let address = (note.pitch, note.channel);
                (on, off, address, note.velocity.to_bits())
            })
            .collect();
        expected.sort_unstable();
        // The last 32nd of a round belongs to the hits that announce the next one.
        let (round, announcing): (Vec<_>, Vec<_>) = song
            .sent()
            .into_iter()
            .filter(|note| note.on < 384_000)
            .partition(|note| note.on <= sample(15.875));
        assert!(!announcing.is_empty());
        let mut played: Vec<_> = round
            .into_iter()
            .map(|note| {
                let is_cut = announcing.iter().any(|next| {
                    next.on == note.off
                        && (next.address == note.address || routing.chokes(next.voice, note.voice))
                });
                let longest = (24_000.0 * routing.note_length.beats()) as u32;
                let off = if is_cut {
                    note.on.saturating_add(longest)
                } else {
                    note.off
                };
                let velocity = note.velocity.to_bits();
                (note.on, off.min(384_000), note.address, velocity)
            })
            .collect();
        played.sort_unstable();
        assert_eq!(played, expected, "{routing:?}");
    }
}

#[test]
fn every_later_round_is_the_same_note_by_note() {
    let mut song = Song::new(playing(busy()));
    song.play(70, 24_000);
    let round = |number: u32| -> Vec<_> {
        let start = 384_000 * number;
        song.notes()
            .into_iter()
            .filter(|note| (start..start + 384_000).contains(&note.0))
            .map(|(on, off, pitch, velocity)| (on - start, off - start, pitch, velocity))
            .collect()
    };
    assert!(round(1).len() > 100);
    assert_eq!(round(1), round(2));
    assert_eq!(round(1), round(3));
}

#[test]
fn the_one_is_not_lost_at_a_start_and_sounds_early_in_later_rounds() {
    let mut song = Song::new(playing(Pattern::new(
        vec![hit(0.0, -0.125, Voice::Kick)],
        16.0,
    )));
    song.play(33, 24_000);
    assert_eq!(
        song.note_ons(),
        [
            (0, Voice::Kick),
            (381_000, Voice::Kick),
            (765_000, Voice::Kick)
        ]
    );
    assert_eq!(
        song.note_offs(),
        [
            (6_000, Voice::Kick),
            (387_000, Voice::Kick),
            (771_000, Voice::Kick)
        ],
        "each lasts a 16th, into the next round"
    );
}

#[test]
fn a_start_in_mid_bar_plays_what_is_ahead_and_what_is_late() {
    let hits = vec![
        hit(1.0, 0.0, Voice::Kick),
        hit(2.0, 0.1, Voice::Snare),
        hit(2.0, -0.1, Voice::ClosedHat),
        hit(2.25, -0.1, Voice::Ride),
    ];
    let mut song = Song::new(playing(Pattern::new(hits, 16.0)));
    song.seek(2.05);
    song.play(24, 1000);
    assert_eq!(
        song.note_ons(),
        [(1_200, Voice::Snare), (2_400, Voice::Ride)]
    );
}

/// The busy pattern as the groove of several passes.
fn busy_passes(n_passes: u8) -> Scheduler {
    let groove = busy();
    let later = |hit: &Hit, pass: u8| Hit {
        grid_beats: hit.grid_beats + 16.0 * f64::from(pass),
        ..*hit
    };
    let passes =
        (0..n_passes).flat_map(|pass| groove.hits().iter().map(move |hit| later(hit, pass)));
    let pattern = Pattern::new(passes.collect(), 16.0 * f64::from(n_passes));
    let mut scheduler = Scheduler::new();
    let made = Ready {
        n_passes: n_passes.into(),
        ..*ready(pattern)
    };
    assert!(scheduler.install(Box::new(made), None).is_none());
    scheduler
}

#[test]
fn a_host_loop_of_the_grooves_length_repeats_the_groove() {
    for (n_samples, n_passes) in [(4_000, 1), (4_096, 1), (4_000, 4), (4_096, 4)] {
        let mut straight = Song::new(playing(busy()));
        straight.play(1_440, 1_000);
        let mut looped = Song::new(busy_passes(n_passes));
        while looped.n_samples_played < straight.n_samples_played {
            looped.play(1, n_samples);
            // With blocks of 4096 the loop's end lies inside a block.
            looped.seek(f64::from(looped.n_samples_played % 384_000) / 24_000.0);
        }
        let end = straight.n_samples_played;
        let up_to_end = |song: &Song| {
            song.note_ons()
                .into_iter()
                .filter(|on| on.0 < end)
                .collect::<Vec<_>>()
        };
        assert_eq!(up_to_end(&looped), up_to_end(&straight));
    }
}

#[test]
fn a_jump_to_another_pass_plays_that_pass_at_once() {
    let hits = vec![
        hit(0.0, 0.05, Voice::Kick),
        hit(0.25, -0.1, Voice::Ride),
        hit(15.75, 0.125, Voice::Ride),
        hit(16.0, 0.05, Voice::Snare),
        hit(16.25, -0.125, Voice::ClosedHat),
        hit(31.75, 0.125, Voice::Crash),
    ];
    let passes = Ready {
        n_passes: 2,
        ..*ready(Pattern::new(hits, 32.0))
    };
    let mut scheduler = Scheduler::new();
    assert!(scheduler.install(Box::new(passes), None).is_none());
    let mut song = Song::new(scheduler);
    song.seek(14.0);
    // To a 32nd before the end of the first pass, when its last hit and the first ones of the second are picked up.
    song.play(15, 3_000);
    song.seek(-0.125);
    song.play(3, 3_000);
    assert_eq!(
        song.note_ons(),
        [
            (45_000, Voice::Crash),
            (49_200, Voice::Kick),
            (51_600, Voice::Ride)
        ]
    );
}

#[test]
fn a_host_that_names_its_loop_may_wrap_inside_a_block() {
    for (loop_start, loop_end) in [(1.0, 4.0), (2.5, 9.125), (0.3, 16.3), (0.0, 0.7)] {
        let loop_samples = ((loop_end - loop_start) * 24_000.0_f64).round() as u32;
        let mut split = Song::new(playing(busy()));
        let mut whole = Song::new(playing(busy()));
        split.seek(loop_start);
        whole.seek(loop_start);
        whole.host.loop_beats = Some((loop_start, loop_end));
        for _ in 0..4 {
            split.play(1, loop_samples);
            split.seek(loop_start);
        }
        while whole.n_samples_played < split.n_samples_played {
            whole.play(1, 1_000);
            whole.seek(loop_start + f64::from(whole.n_samples_played % loop_samples) / 24_000.0);
        }
        whole.events.retain(|event| {
            let (Event::NoteOn { timing, .. } | Event::NoteOff { timing, .. }) = event;
            *timing < split.n_samples_played
        });
        assert!(whole.events == split.events, "{loop_start} to {loop_end}");
    }
}

#[test]
fn two_passes_of_any_host_loop_are_identical() {
    let mut song = Song::new(playing(busy()));
    let mut passes = Vec::new();
    for _ in 0..3 {
        song.seek(5.5);
        let start = song.n_samples_played;
        song.events.clear();
        song.play(10, 7_300);
        passes.push(
            song.note_ons()
                .iter()
                .map(|&(timing, voice)| (timing - start, voice))
                .collect::<Vec<_>>(),
        );
    }
    assert!(!passes[0].is_empty());
    assert!(passes.iter().all(|pass| *pass == passes[0]));
}

#[test]
fn a_new_pattern_rules_from_its_boundary_by_grid_place() {
    let old = Pattern::new(
        vec![hit(3.75, 0.125, Voice::Kick), hit(4.0, -0.125, Voice::Kick)],
        16.0,
    );
    let new = Pattern::new(
        vec![hit(3.75, 0.0, Voice::Snare), hit(4.0, -0.1, Voice::Snare)],
        16.0,
    );
    let mut song = Song::new(playing(old));
    song.play(80, 1_000);
    assert!(song.scheduler.install(ready(new), Some(4.0)).is_none());
    song.play(40, 1_000);
    assert_eq!(
        song.note_ons(),
        [(93_000, Voice::Kick), (93_600, Voice::Snare)]
    );
    assert!(song.scheduler.retired().is_some() && song.scheduler.retired().is_none());
}

#[test]
fn newer_patterns_displace_those_that_would_rule_later() {
    let pattern = |voice| ready(Pattern::new(vec![hit(8.0, 0.0, voice)], 16.0));
    let mut song = Song::new(playing(busy()));
    song.play(1, 1_000);
    assert!(
        song.scheduler
            .install(pattern(Voice::Kick), Some(4.0))
            .is_none()
    );
    assert!(
        song.scheduler
            .install(pattern(Voice::Snare), Some(8.0))
            .is_none()
    );
    let displaced = song
        .scheduler
        .install(pattern(Voice::Ride), Some(8.0))
        .unwrap();
    assert_eq!(displaced.pattern.hits()[0].voice, Voice::Snare);
    song.play(9, 24_000);
    let voices: Vec<_> = song
        .note_ons()
        .into_iter()
        .filter(|on| on.0 > 5 * 24_000)
        .collect();
    assert_eq!(voices, [(192_000, Voice::Ride)]);
}

#[test]
fn a_pending_boundary_moves_with_the_hosts_loop() {
    let mut song = Song::new(playing(Pattern::new(
        vec![hit(1.0, 0.0, Voice::Kick)],
        16.0,
    )));
    song.seek(15.0);
    song.play(3, 6_000);
    let new = Pattern::new(
        vec![hit(0.0, 0.0, Voice::Snare), hit(4.0, 0.0, Voice::Ride)],
        16.0,
    );
    song.scheduler.install(ready(new), Some(20.0));
    song.play(1, 6_000);
    song.seek(0.0);
    song.play(5, 24_000);
    assert_eq!(
        song.note_ons(),
        [(48_000, Voice::Kick), (120_000, Voice::Ride)]
    );
}

#[test]
fn a_pattern_of_two_bars_repeats_every_two_bars() {
    let early = vec![hit(0.0, -0.125, Voice::Kick)];
    let mut song = Song::new(playing(Pattern::new(early, 8.0)));
    song.play(17, 24_000);
    assert_eq!(
        song.note_ons(),
        [
            (0, Voice::Kick),
            (189_000, Voice::Kick),
            (381_000, Voice::Kick)
        ]
    );
}

#[test]
fn a_pattern_of_another_length_takes_its_place_in_the_song() {
    let short = Pattern::new(vec![hit(4.0, 0.0, Voice::Kick)], 8.0);
    let long = Pattern::new(
        vec![hit(4.0, 0.0, Voice::Snare), hit(12.0, 0.0, Voice::Ride)],
        16.0,
    );
    let mut song = Song::new(playing(short));
    song.play(5, 24_000);
    song.scheduler.install(ready(long), Some(8.0));
    song.play(16, 24_000);
    assert_eq!(
        song.note_ons(),
        [
            (96_000, Voice::Kick),
            (288_000, Voice::Ride),
            (480_000, Voice::Snare)
        ]
    );
}

#[test]
fn a_jump_by_whole_loops_goes_on_whatever_waits_for_its_boundary() {
    let pattern = |loop_beats| Pattern::new(vec![hit(0.0, -0.125, Voice::Kick)], loop_beats);
    for pending_beats in [8.0, 16.0] {
        let mut song = Song::new(playing(pattern(8.0)));
        song.seek(7.5);
        song.play(2, 6_000);
        song.scheduler
            .install(ready(pattern(pending_beats)), Some(12.0));
        song.seek(0.0);
        song.play(1, 24_000);
        // The early kick was played before the jump; starting over would play it once more.
        assert_eq!(song.note_ons().len(), 1, "{pending_beats}");
    }
}

#[test]
fn a_stop_ends_every_note() {
    let mut song = Song::new(playing(busy()));
    song.play(10, 1_000);
    assert!(song.scheduler.sounding.iter().any(Option::is_some));
    song.stop();
    let stop = song.n_samples_played - 64;
    assert!(song.note_offs().iter().all(|off| off.0 <= stop));
    assert_eq!(song.note_ons().len(), song.note_offs().len());
    let n_events = song.events.len();
    song.play(10, 4_096);
    assert_eq!(
        song.events.len(),
        n_events,
        "nothing plays while the song stands still"
    );
}

#[test]
fn a_note_outlasts_a_jump_unless_its_drum_is_struck_there() {
    let hits = vec![
        hit(1.0, 0.0, Voice::Kick),
        hit(1.0, 0.0, Voice::Snare),
        hit(6.0, 0.0, Voice::Snare),
    ];
    // Round the pattern's loop, back, and far ahead.
    for to_beats in [17.05, 5.95, 37.95, -10.05] {
        let mut song = Song::new(playing(Pattern::new(hits.clone(), 16.0)));
        song.seek(1.0);
        song.play(1, 1_200);
        song.seek(to_beats);
        song.play(10, 1_200);
        let ends: Vec<_> = song.notes()[..2].iter().map(|note| note.1).collect();
        let snare_end = if to_beats == 17.05 { 6_000 } else { 2_400 };
        assert_eq!(ends, [6_000, snare_end], "to {to_beats}");
    }
}

#[test]
fn a_host_loop_that_is_shorter_than_a_note_cuts_none() {
    let mut song = Song::new(playing(Pattern::new(
        vec![hit(0.0, 0.0, Voice::Kick), hit(0.05, 0.0, Voice::Snare)],
        16.0,
    )));
    song.host.loop_beats = Some((0.05, 0.125));
    song.play(1, 9_600);
    let kick = song.notes().into_iter().find(|note| note.2 == 36).unwrap();
    assert_eq!((kick.0, kick.1), (0, 6_000));
}

#[test]
fn notes_end_where_they_began_when_the_output_changes() {
    let mut song = Song::new(playing(Pattern::new(
        vec![hit(0.0, 0.0, Voice::ClosedHat)],
        16.0,
    )));
    song.play(1, 1_000);
    song.output = Output {
        channel: 3,
        keys: DrumMap::TD11.keys(),
        routing: Routing::PLAIN,
        midi: false,
    };
    song.play(1, 1_000);
    let off = Event::NoteOff {
        timing: 1_000,
        voice: Voice::ClosedHat,
        pitch: 42,
        channel: 9,
        midi: true,
    };
    assert_eq!(song.events[1..], [off]);
}

#[test]
fn a_first_pattern_is_played_from_where_the_song_is() {
    let mut song = Song::new(Scheduler::new());
    song.play(5, 4_800);
    let hits = vec![
        hit(0.75, 0.0, Voice::Kick),
        hit(1.0, -0.1, Voice::Snare),
        hit(1.25, 0.0, Voice::Ride),
    ];
    song.scheduler
        .install(ready(Pattern::new(hits, 16.0)), Some(4.0));
    song.play(5, 4_800);
    assert_eq!(
        song.note_ons(),
        [(24_000, Voice::Snare), (30_000, Voice::Ride)]
    );
}

#[test]
fn the_louder_of_two_hits_at_the_same_moment_is_played() {
    let quiet = Hit {
        velocity: 0.2,
        ..hit(1.0, 0.125, Voice::Snare)
    };
    let mut song = Song::new(playing(Pattern::new(
        vec![quiet, hit(1.25, -0.125, Voice::Snare)],
        16.0,
    )));
    song.play(2, 24_000);
    let velocities = song.events.iter().filter_map(|event| match event {
        Event::NoteOn { velocity, .. } => Some(*velocity),
        Event::NoteOff { .. } => None,
    });
    assert_eq!(velocities.collect::<Vec<_>>(), [0.5]);
}

#[test]
fn nonsense_neither_panics_nor_hangs() {
    let tiny = Pattern::new(vec![hit(0.0, 0.0, Voice::Kick)], 1e-300);
    let far_off = Pattern::new(
        vec![
            hit(0.0, 1e300, Voice::Kick),
            hit(1.0, f64::NAN, Voice::Ride),
        ],
        16.0,
    );
    let crowded = Pattern::new(
        (0..2_000).map(|_| hit(1.0, 0.0, Voice::Kick)).collect(),
        16.0,
    );
    for pattern in [tiny, far_off, crowded, Pattern::new(Vec::new(), 16.0)] {
        let mut song = Song::new(playing(pattern));
        song.feel = Feel {
            timing: f32::NAN,
            velocity: f32::INFINITY,
            ..Feel::AS_GENERATED
        };
        song.scheduler.install(ready(busy()), Some(f64::NAN));
        song.scheduler.install(ready(busy()), Some(f64::INFINITY));
        song.play(3, 48_000);
        song.stop();
        assert_eq!(song.note_ons().len(), song.note_offs().len());
    }
    let mut song = Song::new(playing(busy()));
    song.host.tempo_bpm = Some(10_000.0);
    song.play(1, 1 << 20);
    song.seek(-1e9);
    song.play(1, 4_096);
    song.stop();
    assert_eq!(song.note_ons().len(), song.note_offs().len());
}

#[test]
fn a_note_that_the_song_has_run_past_still_lasts_a_16th() {
    // The song was twice as fast in the last block as it said, so that the hit's time is over when it is struck.
    let mut song = Song::new(playing(Pattern::new(
        vec![hit(1.0, 0.0, Voice::Kick)],
        16.0,
    )));
    song.play(1, 20_000);
    song.seek(40_000.0 / 24_000.0);
    song.host.tempo_bpm = Some(240.0);
    song.play(1, 20_000);
    let notes: Vec<_> = song.notes().iter().map(|note| (note.0, note.1)).collect();
    assert_eq!(notes, [(20_000, 22_999)], "but for a sample");
}

#[test]
fn a_drum_that_is_struck_by_hand_lasts_a_16th_whether_the_song_runs_or_not() {
    for playing in [false, true] {
        let mut song = Song::new(Scheduler::new());
        song.scheduler = self::playing(Pattern::new(Vec::new(), 16.0));
        song.host.playing = playing;
        song.play(1, 1_000);
        song.scheduler.strike_by_hand(Voice::Snare);
        song.play(20, 1_000);
        let notes: Vec<_> = song.notes().iter().map(|note| (note.0, note.1)).collect();
        assert_eq!(notes, [(1_000, 7_000)], "playing: {playing}");
    }
}

#[test]
fn a_drum_that_is_struck_by_hand_ends_where_the_song_starts() {
    let mut song = Song::new(playing(Pattern::new(Vec::new(), 16.0)));
    song.stop();
    song.n_samples_played = 0;
    song.scheduler.strike_by_hand(Voice::Snare);
    song.play(1, 1_000);
    song.host.playing = true;
    song.play(10, 1_000);
    let notes: Vec<_> = song.notes().iter().map(|note| (note.0, note.1)).collect();
    assert_eq!(notes, [(0, 1_000)]);
}

#[test]
fn drums_on_one_key_cut_each_other() {
    let hits = vec![hit(0.0, 0.0, Voice::Kick), hit(0.125, 0.0, Voice::LowTom)];
    let mut song = Song::new(playing(Pattern::new(hits, 16.0)));
    song.output.keys[Voice::LowTom.index()] = 36;
    song.play(10, 1_000);
    let notes: Vec<_> = song.notes().iter().map(|note| (note.0, note.1)).collect();
    assert_eq!(notes, [(0, 3_000), (3_000, 9_000)]);
}

/// Start and end of every note of these hits, sent like this, in blocks of 1,000 samples.
fn ends(hits: &[Hit], output: Output) -> Vec<(u32, u32)> {
    let mut song = Song::new(playing(Pattern::new(hits.to_vec(), 16.0)));
    song.output = output;
    song.play(100, 1_000);
    song.stop();
    song.notes().iter().map(|note| (note.0, note.1)).collect()
}

/// The hi-hat in one choke group, and notes of this length.
fn hi_hat(note_length: NoteLength) -> Output {
    let mut output = to_gm();
    output.routing.note_length = note_length;
    for voice in [Voice::ClosedHat, Voice::OpenHat] {
        output.routing.chokes[voice.index()] = 1;
    }
    output
}

#[test]
fn a_note_lasts_until_its_drum_is_struck_or_choked_or_the_song_stops() {
    let hits = [
        hit(0.0, 0.0, Voice::OpenHat),
        hit(0.5, 0.0, Voice::Kick),
        hit(1.5, 0.0, Voice::ClosedHat),
        hit(2.0, 0.0, Voice::Kick),
    ];
    let held = ends(&hits, hi_hat(NoteLength::UntilNextHit));
    let stop = 100_000;
    let expected = [
        (0, 36_000),
        (12_000, 48_000),
        (36_000, stop),
        (48_000, stop),
    ];
    assert_eq!(held, expected);
    let beat = ends(&hits, hi_hat(NoteLength::Quarter));
    let expected = [
        (0, 24_000),
        (12_000, 36_000),
        (36_000, 60_000),
        (48_000, 72_000),
    ];
    assert_eq!(beat, expected);
}

#[test]
fn drums_that_are_struck_together_do_not_choke_each_other() {
    let hits = [
        hit(1.0, 0.0, Voice::ClosedHat),
        hit(1.0, 0.0, Voice::OpenHat),
        hit(1.5, 0.0, Voice::OpenHat),
    ];
    let held = ends(&hits, hi_hat(NoteLength::UntilNextHit));
    assert_eq!(
        held,
        [(24_000, 36_000), (24_000, 36_000), (36_000, 100_000)]
    );
}

#[test]
fn of_drums_on_one_key_at_one_moment_the_loudest_is_sent_and_all_are_struck() {
    let velocities = [
        (Voice::Kick, 0.4),
        (Voice::Snare, 0.9),
        (Voice::LowTom, 0.6),
    ];
    let hits = velocities.map(|(voice, velocity)| Hit {
        velocity,
        ..hit(1.0, 0.0, voice)
    });
    let mut song = Song::new(playing(Pattern::new(hits.into(), 16.0)));
    song.output.keys = [36; N_VOICES];
    song.play(50, 1_000);
    assert_eq!(song.note_ons().len(), 3, "for the kit");
    let sent: Vec<_> = song
        .sent()
        .iter()
        .map(|note| (note.on, note.off, note.voice))
        .collect();
    assert_eq!(sent, [(24_000, 30_000, Voice::Snare)]);
}

#[test]
fn a_drum_that_is_struck_by_hand_at_rest_does_not_sound_for_ever() {
    let mut song = Song::new(playing(Pattern::new(Vec::new(), 16.0)));
    song.output.routing.note_length = NoteLength::UntilNextHit;
    song.stop();
    song.n_samples_played = 0;
    song.scheduler.strike_by_hand(Voice::OpenHat);
    song.play(10, 1_000);
    let notes: Vec<_> = song.notes().iter().map(|note| (note.0, note.1)).collect();
    assert_eq!(notes, [(0, 6_000)]);
}

#[test]
fn a_note_ends_on_its_own_channel_where_its_drum_is_moved_to_another() {
    let hits = vec![hit(0.0, 0.0, Voice::OpenHat), hit(0.0, 0.0, Voice::Ride)];
    let mut song = Song::new(playing(Pattern::new(hits, 16.0)));
    song.output = hi_hat(NoteLength::UntilNextHit);
    song.play(1, 1_000);
    song.output.routing.channels[Voice::OpenHat.index()] = 3;
    song.output.routing.note_length = NoteLength::SixtyFourth;
    song.play(1, 1_000);
    let off = Event::NoteOff {
        timing: 1_000,
        voice: Voice::OpenHat,
        pitch: 46,
        channel: 9,
        midi: true,
    };
    assert_eq!(song.events[2..], [off], "the ride sounds on, as it began");
}
