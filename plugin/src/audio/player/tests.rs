//! The audio path without a host: what is heard when.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use super::*;
use crate::mailbox::{WorkerEnd, mailbox};
use crate::request::Metre;
use fourbar_model::drums::{DrumMap, Routing};
use fourbar_model::pattern::{Hit, Pattern};

/// At 120 bpm and 48 kHz.
const SAMPLES_PER_BEAT: f64 = 24_000.0;
/// A tenth of a beat.
const BLOCK_SAMPLES: usize = 2400;
const BLOCK_BEATS: f64 = 0.1;

/// A note as the host sees it: when, in beats, and of which seed.
type Played = Vec<(f64, u32)>;

struct Rig {
    player: Player,
    worker: WorkerEnd<Ready>,
    /// Song position.
    beats: f64,
    host_loop: Option<(f64, f64)>,
    played: Played,
    n_sounding: i32,
}

/// A pattern of four kicks a bar whose velocity tells the seed.
fn ready(request: Request) -> Ready {
    let hit = |beat: u8| Hit {
        grid_beats: f64::from(beat),
        offset_beats: 0.0,
        voice: Voice::Kick,
        velocity: 0.1 + f32::from(u8::try_from(request.seed).unwrap()) / 256.0,
    };
    Ready {
        request,
        checkpoint_id: "test".to_owned(),
        pattern: Pattern::new((0..16).map(hit).collect(), LOOP_BEATS),
        groove: None,
        n_passes: 1,
    }
}

fn request(seed: u32) -> Request {
    Request::new(seed, 0, 1.0, [0.0; 8])
}

fn controls(seed: u32, apply_at: Boundary) -> Controls {
    Controls {
        request: request(seed),
        model_revision: 0,
        apply_at,
        n_fills: 0,
        feel: Feel::AS_GENERATED,
        output: Output {
            channel: 9,
            keys: DrumMap::GM.keys(),
            routing: Routing::PLAIN,
            midi: true,
        },
        kit: Settings {
            gain: 0.5,
            ..Settings::default()
        },
        bypass: false,
        mute: false,
        audition: false,
        input_heard: true,
        struck: [false; N_VOICES],
    }
}

fn playing_at(beats: f64) -> HostTime {
    HostTime {
        playing: true,
        tempo_bpm: Some(120.0),
        position_beats: Some(beats),
        loop_beats: None,
        beats_per_bar: 4.0,
        bar_start_beats: Some((beats / 4.0).floor() * 4.0),
    }
}

impl Rig {
    fn new() -> Self {
        let (audio_end, worker) = mailbox();
        Self {
            player: Player::new(audio_end, Arc::default()),
            worker,
            beats: 0.0,
            host_loop: None,
            played: Vec::new(),
            n_sounding: 0,
        }
    }

    /// A rig that plays seed 1 from the start of the song.
    fn that_plays_seed_1() -> Self {
        let mut rig = Self::new();
        rig.player.restore(Some(ready(request(1))), 0, 1);
        rig
    }

    fn block(&mut self, controls: &Controls) {
        let (mut left, mut right) = (vec![0.0; BLOCK_SAMPLES], vec![0.0; BLOCK_SAMPLES]);
        let host = HostTime {
            loop_beats: self.host_loop,
            ..playing_at(self.beats)
        };
        let (beats, played, n_sounding) = (self.beats, &mut self.played, &mut self.n_sounding);
        self.player.process(
            &host,
            controls,
            &[],
            [&mut left[..], &mut right[..]],
            &mut [],
            |event| match event {
                Event::NoteOn {
                    timing, velocity, ..
                } => {
                    *n_sounding += 1;
                    let seed = ((velocity - 0.1) * 256.0).round();
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a seed below 256"
                    )]
                    played.push((beats + f64::from(timing) / SAMPLES_PER_BEAT, seed as u32));
                }
                Event::NoteOff { .. } => *n_sounding -= 1,
            },
        );
        self.beats += BLOCK_BEATS;
    }

    fn answer(&mut self) {
        self.worker.tend();
        if let Some(job) = self.worker.newest() {
            // Another model plays louder, and so does what is locked.
            let locks = u32::try_from(job.request.locks).unwrap();
            let louder = request(job.request.seed + 100 * job.model_revision + 50 * locks);
            let made = Some(Box::new(ready(louder)));
            self.worker.deliver(crate::mailbox::Reply { job, made });
        }
    }

    /// Plays to `to_beats`; `seed_at` is the seed parameter at a place; the worker answers every `patience` blocks.
    fn play(
        mut self,
        to_beats: f64,
        apply_at: Boundary,
        patience: usize,
        seed_at: impl Fn(f64) -> u32,
    ) -> Played {
        let mut n_blocks = 0;
        while self.beats < to_beats - 1e-9 {
            self.block(&controls(seed_at(self.beats), apply_at));
            n_blocks += 1;
            if n_blocks % patience == 0 {
                self.answer();
            }
        }
        self.played
    }
}

/// The seed heard on every beat.
fn seeds(played: &Played) -> Vec<u32> {
    for (beat, (beats, _)) in played.iter().enumerate() {
        let beat = f64::from(u32::try_from(beat).unwrap());
        assert!((beats - beat).abs() < 1e-4, "{played:?}");
    }
    played.iter().map(|&(_, seed)| seed).collect()
}

#[test]
fn the_pattern_of_the_project_plays_from_the_first_sample_without_any_worker() {
    let played = Rig::that_plays_seed_1().play(4.0, Boundary::Bar, usize::MAX, |_| 1);
    assert_eq!(seeds(&played), [1; 4]);
}

#[test]
fn a_pattern_made_before_play_is_there_on_the_one() {
    let mut rig = Rig::new();
    rig.player.prepare(request(3), 0, Boundary::Bar);
    rig.answer();
    assert_eq!(seeds(&rig.play(2.0, Boundary::Bar, 1, |_| 3)), [3, 3]);
}

#[test]
fn a_change_comes_in_at_the_boundary_however_soon_the_pattern_is_there() {
    for patience in [1, 2, 3] {
        let play = |apply_at, change_beats: f64| {
            let seed_at = move |beats: f64| if beats > change_beats - 1e-9 { 2 } else { 1 };
            seeds(&Rig::that_plays_seed_1().play(9.0, apply_at, patience, seed_at))
        };
        assert_eq!(play(Boundary::Bar, 2.0), [1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(play(Boundary::Bar, 3.5), [1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(play(Boundary::Bar, 3.6), [1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(play(Boundary::Beat, 2.4), [1, 1, 1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(play(Boundary::Sixteenth, 2.4), [1, 1, 1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(play(Boundary::Sixteenth, 2.6), [1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(play(Boundary::Loop, 2.0), [1; 9]);
    }
}

#[test]
fn another_model_takes_over_at_the_boundary_with_the_same_settings() {
    let mut rig = Rig::that_plays_seed_1();
    while rig.beats < 9.0 - 1e-9 {
        let model_revision = u32::from(rig.beats > 2.0 - 1e-9);
        rig.block(&Controls {
            model_revision,
            ..controls(1, Boundary::Bar)
        });
        rig.answer();
    }
    assert_eq!(seeds(&rig.played), [1, 1, 1, 1, 101, 101, 101, 101, 101]);
}

#[test]
fn a_late_pattern_comes_in_at_the_next_boundary_of_its_kind() {
    let seed_at = |beats: f64| if beats > 2.0 - 1e-9 { 2 } else { 1 };
    // The worker answers first after 3 beats and a half.
    let played = Rig::that_plays_seed_1().play(9.0, Boundary::Beat, 35, seed_at);
    assert_eq!(seeds(&played), [1, 1, 1, 1, 2, 2, 2, 2, 2]);
    let played = Rig::that_plays_seed_1().play(9.0, Boundary::Bar, 39, seed_at);
    assert_eq!(seeds(&played), [1, 1, 1, 1, 1, 1, 1, 1, 2]);
}

#[test]
fn a_pattern_that_comes_in_the_block_in_which_the_song_jumps_keeps_its_bar() {
    for (jump_beats, is_in_time) in [(16.0, true), (32.0, true), (-16.0, true), (16.0, false)] {
        let mut rig = Rig::that_plays_seed_1();
        rig.beats = 16.0;
        while rig.beats < 19.0 - 1e-9 {
            rig.block(&controls(1, Boundary::Bar));
        }
        // In the bar from 20, or after one that was missed.
        let (jump_from_beats, comes_in_beats) = if is_in_time {
            (19.5, 20.0)
        } else {
            (20.5, 24.0)
        };
        while rig.beats < jump_from_beats - 1e-9 {
            rig.block(&controls(2, Boundary::Bar));
        }
        rig.answer();
        rig.beats += jump_beats;
        let mut played = rig.play(26.0 + jump_beats, Boundary::Bar, 1, |_| 2);
        played.retain(|&(_, seed)| seed == 2);
        let first_beats = played[0].0 - jump_beats;
        assert!(
            (first_beats - comes_in_beats).abs() < 1e-4,
            "{jump_beats}: {first_beats}"
        );
    }
}

/// The seed of a knob that is turned by ten a beat.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a seed below 256"
)]
fn turning_seed(beats: f64) -> u32 {
    (beats * 10.0).round() as u32 + 1
}

#[test]
fn a_knob_that_never_rests_still_changes_every_bar_and_by_the_place_alone() {
    for patience in [1, 2] {
        let played = Rig::that_plays_seed_1().play(13.0, Boundary::Bar, patience, turning_seed);
        // What was asked for up to half a beat before the bar: at 3.5, 7.5 and 11.5.
        assert_eq!(
            seeds(&played),
            [1, 1, 1, 1, 36, 36, 36, 36, 76, 76, 76, 76, 116]
        );
    }
}

#[test]
fn a_knob_that_never_rests_has_a_first_pattern_and_then_one_in_every_bar() {
    for patience in [1, 2] {
        let played = Rig::new().play(13.0, Boundary::Bar, patience, turning_seed);
        let beats: Vec<_> = played.iter().map(|note| note.0.round()).collect();
        let from_beat_1: Vec<_> = (1..13_u8).map(f64::from).collect();
        assert_eq!(
            beats, from_beat_1,
            "the first pattern is there in an instant"
        );
        let seeds: Vec<_> = played.iter().map(|note| note.1).collect();
        assert_eq!(
            seeds[3..],
            [36, 36, 36, 36, 76, 76, 76, 76, 116],
            "what was asked for up to half a beat before each bar"
        );
    }
}

#[test]
fn a_pattern_of_the_model_before_is_no_first_pattern() {
    let mut rig = Rig::new();
    rig.block(&controls(1, Boundary::Bar));
    let job = rig.worker.newest().unwrap();
    let of_another_model = Controls {
        model_revision: 1,
        ..controls(1, Boundary::Bar)
    };
    rig.block(&of_another_model);
    rig.worker.deliver(Reply {
        job,
        made: Some(Box::new(ready(job.request))),
    });
    rig.block(&of_another_model);
    assert!(rig.player.current().is_none());
    rig.answer();
    rig.block(&of_another_model);
    assert_eq!(rig.player.current().unwrap().request.seed, 101);
}

#[test]
fn an_offline_render_waits_and_equals_the_playback() {
    for apply_at in [Boundary::Sixteenth, Boundary::Beat, Boundary::Bar] {
        let playback = Rig::that_plays_seed_1().play(9.0, apply_at, 1, turning_seed);

        let (audio_end, mut worker) = mailbox();
        let mut rig = Rig::that_plays_seed_1();
        rig.player = Player::new(audio_end, Arc::default());
        rig.player.restore(Some(ready(request(1))), 0, 1);
        rig.player.offline = true;
        let stop = std::sync::atomic::AtomicBool::new(false);
        let bounce = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    worker.tend();
                    if let Some(job) = worker.newest() {
                        thread::sleep(Duration::from_millis(5));
                        let made = Some(Box::new(ready(job.request)));
                        worker.deliver(Reply { job, made });
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let bounce = rig.play(9.0, apply_at, usize::MAX, turning_seed);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            bounce
        });
        assert_eq!(bounce, playback);
    }
}

#[test]
fn a_pattern_that_cannot_be_made_leaves_the_last_one_playing_and_is_not_asked_for_again() {
    let mut rig = Rig::that_plays_seed_1();
    let mut n_jobs = 0;
    for _ in 0..80 {
        rig.block(&controls(2, Boundary::Bar));
        if let Some(job) = rig.worker.newest() {
            n_jobs += 1;
            rig.worker.deliver(Reply { job, made: None });
        }
    }
    assert_eq!((seeds(&rig.played), n_jobs), (vec![1; 8], 1));
}

#[test]
fn a_bypass_ends_all_notes_and_playing_goes_on_in_the_right_place() {
    let mut rig = Rig::that_plays_seed_1();
    for block in 0..40 {
        let controls = Controls {
            bypass: (11..25).contains(&block),
            ..controls(1, Boundary::Bar)
        };
        rig.block(&controls);
        assert!(!controls.bypass || rig.n_sounding == 0);
    }
    let beats: Vec<f64> = rig.played.iter().map(|(beats, _)| beats.round()).collect();
    assert_eq!(beats, [0.0, 1.0, 3.0]);
}

#[test]
fn a_muted_pattern_ends_its_notes_and_drums_can_still_be_struck() {
    let mut rig = Rig::that_plays_seed_1();
    for block in 0..40 {
        let controls = Controls {
            mute: (11..25).contains(&block),
            ..controls(1, Boundary::Bar)
        };
        rig.block(&controls);
        assert!(!controls.mute || rig.n_sounding == 0);
    }
    let n_played = rig.played.len();
    assert_eq!(n_played, 3);
    let mut struck = [false; N_VOICES];
    struck[Voice::Ride.index()] = true;
    rig.block(&Controls {
        mute: true,
        struck,
        ..controls(1, Boundary::Bar)
    });
    assert_eq!(rig.played.len(), n_played + 1);
}

#[test]
fn no_block_sends_more_than_the_frameworks_queue_holds_and_no_note_hangs() {
    let hit = |step: u16, voice| Hit {
        grid_beats: f64::from(step) / 4.0,
        offset_beats: 0.0,
        voice,
        velocity: 0.5,
    };
    let hits = (0..64)
        .flat_map(|step| Voice::ALL.map(|voice| hit(step, voice)))
        .collect();
    let dense = Ready {
        pattern: Pattern::new(hits, LOOP_BEATS),
        ..ready(request(1))
    };
    let mut player = Rig::new().player;
    player.restore(Some(dense), 0, 1);
    let mut held = [0_i32; 128];
    let mut beats = 0.0;
    for tempo_bpm in [120.0, 999.0, 10_000.0, 120.0] {
        let mut samples = vec![0.0; 65_536];
        let host = HostTime {
            tempo_bpm: Some(tempo_bpm),
            ..playing_at(beats)
        };
        let mut n_events = 0;
        player.process(
            &host,
            &controls(1, Boundary::Bar),
            &[],
            [&mut samples.clone()[..], &mut samples[..]],
            &mut [],
            |event| {
                n_events += 1;
                match event {
                    Event::NoteOn { pitch, .. } => held[usize::from(pitch)] += 1,
                    Event::NoteOff { pitch, .. } => held[usize::from(pitch)] -= 1,
                }
                assert!(
                    held.iter().all(|n| (0..=1).contains(n)),
                    "doubled or ended twice"
                );
            },
        );
        assert!(n_events <= MAX_MIDI_EVENTS, "{n_events} at {tempo_bpm} bpm");
        beats += 65_536.0 / 48_000.0 / 60.0 * tempo_bpm;
    }
    let stopped = HostTime {
        playing: false,
        ..playing_at(beats)
    };
    let mut samples = vec![0.0; 64];
    player.process(
        &stopped,
        &controls(1, Boundary::Bar),
        &[],
        [&mut samples.clone()[..], &mut samples[..]],
        &mut [],
        |event| {
            if let Event::NoteOff { pitch, .. } = event {
                held[usize::from(pitch)] -= 1;
            }
        },
    );
    assert_eq!(held, [0; 128]);
}

#[test]
fn what_is_done_by_hand_is_heard_at_the_next_16th_whatever_else_waits_for_the_bar() {
    let mut rig = Rig::that_plays_seed_1();
    while rig.beats < 4.0 - 1e-9 {
        let mut controls = controls(1, Boundary::Bar);
        controls.request.locks = u64::from(rig.beats > 1.2);
        rig.block(&controls);
        rig.answer();
    }
    assert_eq!(seeds(&rig.played), [1, 1, 51, 51]);
}

#[test]
fn a_new_metre_is_heard_at_the_next_16th_whatever_waits_for_the_bar() {
    let mut rig = Rig::that_plays_seed_1();
    let mut in_three = controls(2, Boundary::Loop);
    in_three.request.metre = Metre::new(3, 4);
    while rig.beats < 6.0 - 1e-9 {
        let wanted = if rig.beats < 2.05 {
            controls(1, Boundary::Loop)
        } else {
            in_three
        };
        rig.block(&wanted);
        rig.answer();
    }
    assert_eq!(seeds(&rig.played), [1, 1, 1, 2, 2, 2]);
}

#[test]
fn a_fill_is_in_a_bar_of_the_song_whatever_plays_before_it() {
    let mut rig = Rig::that_plays_seed_1();
    rig.beats = 64.0;
    rig.block(&controls(1, Boundary::Bar));
    // While another groove, which may be longer, waits for its boundary.
    let pressed = Controls {
        n_fills: 1,
        ..controls(2, Boundary::Bar)
    };
    rig.block(&pressed);
    rig.worker.tend();
    let job = rig.worker.newest().unwrap();
    assert_eq!((job.request.seed, job.request.form.fill_in), (2, Some(17)));
}

/// Plays the song over these places, with a fill asked for in the second block, and answers at once. Says which fills were
/// asked for, and the patterns that were in force at the end of each block, by whether they have the fill.
fn with_fill(
    places_beats: &[(f64, f64)],
    host_loop: Option<(f64, f64)>,
) -> (Vec<i32>, Vec<(f64, bool)>) {
    let mut rig = Rig::that_plays_seed_1();
    rig.host_loop = host_loop;
    let mut n_fills = 0;
    let (mut wanted, mut in_force) = (Vec::new(), Vec::new());
    for &(start_beats, end_beats) in places_beats {
        rig.beats = start_beats;
        while rig.beats < end_beats - BLOCK_BEATS / 2.0 {
            let controls = Controls {
                n_fills,
                ..controls(1, Boundary::Bar)
            };
            rig.block(&controls);
            n_fills = 1;
            rig.worker.tend();
            if let Some(job) = rig.worker.newest() {
                wanted.extend(job.request.form.fill_in);
                let made = Some(Box::new(ready(job.request)));
                rig.worker.deliver(crate::mailbox::Reply { job, made });
            }
            let current = rig.player.current().unwrap();
            in_force.push((rig.beats, current.request.form.fill_in.is_some()));
        }
    }
    (wanted, in_force)
}

#[test]
fn a_fill_that_the_song_jumps_away_from_is_played_where_it_goes_on() {
    // The jumps are out of the phase of the four bars that play; at the last of them, the fill in bar 11 is over.
    let places = [(64.0, 65.0), (42.0, 49.0), (3.0, 12.0)];
    assert_eq!(with_fill(&places, None).0, [17, 11]);
}

#[test]
fn a_fill_after_the_end_of_the_hosts_loop_is_in_its_first_bar_whatever_the_phase() {
    for ((start, end), bar) in [((8.0, 16.0), 2), ((0.0, 16.0), 0), ((4.0, 24.0), 1)] {
        let places = [(end - 1.0, end), (start, end - 1.0)];
        let (wanted, in_force) = with_fill(&places, Some((start, end)));
        assert_eq!(wanted, [bar]);
        // A pattern is in force as far ahead as its hits can be early.
        for (end_beats, has_fill) in &in_force[10..] {
            let is_in_bar = *end_beats < start + 4.0 - LOOKAHEAD_BEATS;
            assert_eq!(*has_fill, is_in_bar, "{end_beats} in a loop from {start}");
        }
    }
}

#[test]
fn a_fill_that_the_host_does_not_loop_back_for_leaves_the_groove_as_it_was() {
    let (_, in_force) = with_fill(&[(15.0, 40.0)], Some((8.0, 16.0)));
    assert_eq!(in_force.last().map(|block| block.1), Some(false));
    let (_, in_force) = with_fill(&[(15.0, 15.6), (32.5, 60.0)], Some((8.0, 16.0)));
    assert_eq!(in_force.last().map(|block| block.1), Some(false));
}
