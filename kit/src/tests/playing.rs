//! How the drums are played: when, how loud, and always the same.

use super::*;

fn peak(channels: &[Vec<f32>; 2]) -> f32 {
    channels
        .iter()
        .flatten()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// A block of a kit that is played on, alone.
fn block(kit: &mut Kit, settings: &Settings, n_samples: usize) -> [Vec<f32>; 2] {
    kit.perform(settings, &[], n_samples)
}

#[test]
fn nothing_clips_rumbles_or_clicks_at_any_sample_rate() {
    for sample_rate in [22_050.0, 44_100.0, 48_000.0, 96_000.0] {
        let mut player = Kit::new(sample_rate);
        for kit in 0..N_KITS {
            for voice in Voice::ALL {
                let stroke = stroke(&mut player, &dry(kit), voice, 1.0);
                assert!(stroke.iter().all(|sample| sample.is_finite()));
                let mean = stroke.iter().sum::<f64>() / stroke.len() as f64;
                assert!(mean.abs() < 2e-4, "{voice:?} has no constant part: {mean}");
                assert!(stroke[0].abs() < 2e-3, "{voice:?} begins at rest");
                let drums = player.sets.kits[kit].get().unwrap();
                let variants = &drums[voice.index()].variants;
                let n_played = variants[0].0.len() + player.limiter.delay_samples();
                assert!(
                    stroke[n_played - 1].abs() < 1e-3
                        && stroke[n_played..].iter().all(|&sample| sample == 0.0)
                );
            }
            player.silence();
            let everything = strokes(&Voice::ALL.map(|voice| (0, voice, 1.0)));
            let n_samples = samples(0.5, sample_rate);
            let loud = Settings {
                gain: 4.0,
                ..dry(kit)
            };
            assert!(peak(&player.perform(&loud, &everything, n_samples)) < 0.87);
        }
    }
}

#[test]
fn a_stroke_starts_at_its_sample_whatever_the_block() {
    let mut kit = Kit::new(48_000.0);
    let settings = Settings::default();
    let snare = |sample| strokes(&[(sample, Voice::Snare, 0.8)]);
    let [whole, _] = kit.perform(&settings, &snare(0), 4_096);
    for offset in [1, 63, 64, 500] {
        kit.silence();
        let [late, _] = kit.perform(&settings, &snare(offset), 4_096);
        assert!(late[..offset].iter().all(|&sample| sample == 0.0));
        assert!(late[offset..] == whole[..4_096 - offset]);
    }
}

#[test]
fn the_sound_is_the_same_in_blocks_of_every_size() {
    const N_SAMPLES: usize = 48_000;
    let mut settings = Settings::default();
    settings.drums[Voice::Snare.index()].tune = 1.07;
    settings.drums[Voice::Crash.index()].decay = 1.4;
    settings.drums[Voice::Kick.index()].decay = 0.6;
    let busy: Vec<_> = (0..40)
        .flat_map(|index| Voice::ALL.map(|voice| (index * 1_111, voice, 0.6)))
        .collect();
    let busy = strokes(&busy);
    let in_blocks = |sizes: &[usize]| {
        let mut kit = Kit::new(48_000.0);
        kit.prepare(settings.kit);
        let mut sound = [vec![0.0; N_SAMPLES], vec![0.0; N_SAMPLES]];
        let [left, right] = &mut sound;
        let mut sizes = sizes.iter().cycle();
        let mut start = 0;
        while start < N_SAMPLES {
            let end = N_SAMPLES.min(start + sizes.next().unwrap());
            for stroke in busy
                .iter()
                .filter(|stroke| (start..end).contains(&stroke.sample))
            {
                let sample = stroke.sample - start;
                kit.trigger(Stroke { sample, ..*stroke });
            }
            kit.render(
                &settings,
                [&mut left[start..end], &mut right[start..end]],
                &mut [],
            );
            start = end;
        }
        sound
    };
    let whole = in_blocks(&[N_SAMPLES]);
    for sizes in [&[1][..], &[64], &[100], &[512, 1, 33], &[4_096]] {
        assert!(in_blocks(sizes) == whole, "{sizes:?}");
    }
}

#[test]
fn no_two_equal_strokes_are_the_same_wave_and_each_place_always_has_the_same() {
    let mut player = Kit::new(48_000.0);
    for kit in 0..N_KITS {
        for voice in Voice::ALL {
            let mut wave = |step| {
                player.silence();
                let stroke = Stroke {
                    sample: 0,
                    voice,
                    velocity: 0.7,
                    step,
                };
                let [left, _] = player.perform(&dry(kit), &[stroke], 2_400);
                left
            };
            let waves: Vec<_> = (0..64).map(&mut wave).collect();
            for (step, one) in waves.iter().enumerate() {
                assert!(waves[..step].iter().all(|other| other != one));
                // Not a copy of one of the last bar that is only louder, either.
                for other in &waves[step.saturating_sub(16)..step] {
                    let product: f32 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                    let likeness = product / (energy(one) * energy(other)).sqrt();
                    let is_five_apart =
                        (step - waves.iter().position(|wave| wave == other).unwrap()) % 5 == 0;
                    assert!(likeness < 0.999_9 || is_five_apart, "{voice:?}: {likeness}");
                }
            }
            assert!(wave(37) == waves[37]);
        }
    }
}

#[test]
fn closing_the_hi_hat_chokes_it() {
    let mut kit = Kit::new(48_000.0);
    let settings = dry(0);
    let open_stroke = (0, Voice::OpenHat, 0.9);
    let closed_stroke = Stroke {
        step: 1,
        ..strokes(&[(4_800, Voice::ClosedHat, 0.2)])[0]
    };
    let [open, _] = kit.perform(&settings, &strokes(&[open_stroke]), 24_000);
    kit.silence();
    let [closed, _] = kit.perform(&settings, &[closed_stroke], 24_000);
    kit.silence();
    let both = [strokes(&[open_stroke])[0], closed_stroke];
    let [choked, _] = kit.perform(&settings, &both, 24_000);
    assert!(choked[..4_800] == open[..4_800]);
    let gone = 4_801 + samples(CHOKE_SECONDS, 48_000.0) + kit.limiter.delay_samples();
    let rest: Vec<f32> = choked
        .iter()
        .zip(&closed)
        .map(|(choked, closed)| choked - closed)
        .collect();
    assert!(energy(&rest[gone..]) < 1e-10 && energy(&open[gone..]) > 1e-4);
    let largest_step = |samples: &[f32]| {
        samples
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    };
    assert!(
        largest_step(&rest[4_790..gone]) <= largest_step(&open[4_700..5_400]),
        "without a click"
    );
}

#[test]
fn gains_glide() {
    let mut kit = Kit::new(48_000.0);
    let settings = dry(0);
    kit.trigger(strokes(&[(0, Voice::Crash, 1.0)])[0]);
    let loud = block(&mut kit, &settings, 4_800);
    let off = Settings {
        gain: 0.0,
        ..settings
    };
    let [fading, _] = block(&mut kit, &off, 4_800);
    let loudness = |samples: &[f32]| samples.iter().map(|sample| sample.abs()).sum::<f32>();
    assert!(loudness(&fading[..120]) > 0.4 * loudness(&loud[0][4_700..]));
    assert!(loudness(&fading[..240]) > 2.0 * loudness(&fading[240..480]));
    let [silent, _] = block(&mut kit, &off, 4_800);
    assert!(silent.iter().all(|&sample| sample == 0.0), "and off is off");
}

#[test]
fn levels_pans_tunes_and_decays_are_those_of_one_drum() {
    let mut kit = Kit::new(48_000.0);
    kit.prepare(0);
    let mut play = |settings: &Settings| {
        kit.silence();
        let tom = strokes(&[(0, Voice::LowTom, 0.5)]);
        kit.perform(settings, &tom, 96_000)
    };
    let plain = play(&dry(0));
    let with = |change: fn(&mut DrumSettings)| {
        let mut settings = dry(0);
        change(&mut settings.drums[Voice::LowTom.index()]);
        settings
    };
    let [left, right] = play(&with(|drum| drum.gain = 0.5));
    let halved = |whole: &[f32], half: &[f32]| {
        whole
            .iter()
            .zip(half)
            .all(|(whole, half)| (whole - 2.0 * half).abs() < 1e-6)
    };
    assert!(halved(&plain[0], &left) && halved(&plain[1], &right));

    let [left, right] = play(&with(|drum| drum.pan = -1.0));
    assert!(energy(&right) < 1e-9 * energy(&left));

    let crossings = |samples: &[f32]| {
        let tail = samples[4_800..19_200].windows(2);
        tail.filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count() as f64
    };
    let [octave_up, _] = play(&with(|drum| drum.tune = 2.0));
    let ratio = crossings(&octave_up) / crossings(&plain[0]);
    assert!((1.9..2.1).contains(&ratio), "{ratio}");

    let t60 = |[left, _]: [Vec<f32>; 2]| {
        let left: Vec<f64> = left.into_iter().map(f64::from).collect();
        measure::t60_seconds(&left, 48_000.0)
    };
    let usual = t60(plain);
    for (ratio, decay) in [(0.5, 0.5_f32), (1.6, 1.6)] {
        let mut settings = dry(0);
        settings.drums[Voice::LowTom.index()].decay = decay;
        let ratio = t60(play(&settings)) / usual / ratio;
        assert!((0.85..1.15).contains(&ratio), "{decay}: {ratio}");
    }
    let mut other = dry(0);
    other.drums[Voice::Kick.index()].gain = 0.0;
    assert!(play(&other) == play(&dry(0)), "no other drum's");
}

#[test]
fn a_drum_that_has_a_bus_is_on_it_too_or_instead() {
    const N_SAMPLES: usize = 4_000;
    let pair = strokes(&[(0, Voice::Kick, 0.3), (100, Voice::Snare, 0.3)]);
    let mut kit = Kit::new(48_000.0);
    kit.prepare(0);
    let mut play = |settings: &Settings| {
        kit.silence();
        let mut channels: Vec<Vec<f32>> = vec![vec![0.0; N_SAMPLES]; 20];
        let (mix, buses) = channels.split_at_mut(2);
        let [left, right] = mix else { unreachable!() };
        let mut buses: Vec<Stereo<'_>> = buses
            .chunks_mut(2)
            .map(|bus| bus.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>())
            .map(|bus| bus.try_into().unwrap())
            .collect();
        for &stroke in &pair {
            kit.trigger(stroke);
        }
        kit.render(settings, [left, right], &mut buses);
        channels
    };
    let both = play(&dry(0));
    let mixed = Kit::new(48_000.0).perform(&dry(0), &pair, N_SAMPLES);
    assert!(both[..2] == mixed, "the mix is as without buses");
    for (index, sample) in mixed[0].iter().enumerate() {
        assert!((both[2][index] + both[4][index] - sample).abs() < 1e-6);
    }
    assert!(energy(&both[2]) > 1e-3 && energy(&both[4]) > 1e-3 && energy(&both[6]) == 0.0);
    let split = play(&Settings {
        is_split: true,
        ..dry(0)
    });
    assert!(split[2..] == both[2..] && energy(&split[0]) == 0.0);
}

#[test]
fn the_kit_is_the_same_every_time_and_never_grows() {
    let settings = Settings::default();
    let many: Vec<_> = (0..2_000)
        .map(|index| (index * 20, Voice::ALL[index % 9], 0.7))
        .collect();
    let many = strokes(&many);
    let mut kit = Kit::new(44_100.0);
    let first = kit.perform(&settings, &many, 48_000);
    assert!(kit.ringing.len() <= MAX_RINGING && kit.ringing.capacity() == MAX_RINGING);
    for velocity in [f32::NAN, f32::INFINITY].repeat(2 * MAX_TRIGGERS) {
        kit.trigger(Stroke {
            velocity,
            sample: usize::MAX,
            ..many[0]
        });
    }
    assert_eq!(kit.triggers.capacity(), MAX_TRIGGERS);
    let [left, _] = block(&mut kit, &settings, 64);
    assert!(left.iter().all(|sample| sample.is_finite()));
    drop(kit);
    assert!(Kit::new(44_100.0).perform(&settings, &many, 48_000) == first);
}

#[test]
fn players_of_one_sample_rate_share_their_drums() {
    let (one, other) = (Kit::new(88_200.0), Kit::new(88_200.0));
    assert!(Arc::ptr_eq(&one.sets, &other.sets));
    assert!(!Arc::ptr_eq(&one.sets, &Kit::new(11_025.0).sets));
}

#[test]
fn a_kit_that_is_lacking_is_made_by_another_thread_while_the_one_before_plays() {
    let mut kit = Kit::new(12_000.0);
    kit.prepare(0);
    let wanted = dry(1);
    let mut sound = [[0.0; 512]; 2];
    let [left, right] = &mut sound;
    kit.trigger(strokes(&[(0, Voice::Snare, 1.0)])[0]);
    kit.render(&wanted, [left, right], &mut []);
    assert!(sound[0].iter().any(|&sample| sample != 0.0));
    assert!(!kit.has(1) && is_any_wanted());
    std::thread::spawn(make_wanted).join().unwrap();
    assert!(kit.has(1));
    assert!(!kit.has(2), "nobody has asked for it before");
}
