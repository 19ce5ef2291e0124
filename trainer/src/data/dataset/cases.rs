//! Files as people have them, each after a public complaint about a program that reads MIDI: what `prepare` gives for
//! them, and that the commands for single files read them in the same way.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::data::prepare::Report;
use crate::reading::{Holdout, Performance};
use fourbar_model::converter::GrooveConverter;
use fourbar_model::drums::Voice;
use fourbar_model::groove::Groove;
use fourbar_model::midi::DrumPart;
use serde_json::Value;
use tempfile::TempDir;

const TICKS: u32 = 480;
const BAR: u32 = 4 * TICKS;

/// A track: its events with their ticks, in any order, and where it ends.
#[derive(Clone, Default)]
struct Track {
    events: Vec<(u32, Vec<u8>)>,
    end: u32,
}

impl Track {
    fn named(name: &str) -> Self {
        Self::default().meta(3, name.as_bytes())
    }

    fn event(mut self, tick: u32, bytes: &[u8]) -> Self {
        self.events.push((tick, bytes.to_vec()));
        self
    }

    fn meta(self, kind: u8, data: &[u8]) -> Self {
        let head = [0xFF, kind, u8::try_from(data.len()).unwrap()];
        self.event(0, &[&head, data].concat())
    }

    /// A note on a channel counted from 1.
    fn note(self, tick: u32, channel: u8, key: u8, velocity: u8, length: u32) -> Self {
        self.event(tick, &[0x8F + channel, key, velocity])
            .event(tick + length, &[0x7F + channel, key, 64])
    }

    /// A rock beat, its keys as `keys` has those of General MIDI.
    fn beat(mut self, first_bar: u32, n_bars: u32, channel: u8, keys: fn(u8) -> u8) -> Self {
        for (tick, key, velocity) in beat(first_bar, n_bars) {
            self = self.note(tick, channel, keys(key), velocity, 48);
        }
        self.until(first_bar + n_bars)
    }

    /// A line of held notes, one an eighth.
    fn line(mut self, n_bars: u32, channel: u8, lowest: u8) -> Self {
        for eighth in 0..8 * n_bars {
            let key = lowest + u8::try_from(eighth * 5 % 13).unwrap();
            self = self.note(eighth * TICKS / 2, channel, key, 85, 216);
        }
        self.until(n_bars)
    }

    fn until(mut self, n_bars: u32) -> Self {
        self.end = n_bars * BAR;
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut events = self.events.clone();
        // A note ends before the next one begins.
        events.sort_by_key(|(tick, bytes)| (*tick, bytes[0] & 0xF0 != 0x80 && bytes[0] < 0xF0));
        let mut data = Vec::new();
        let mut now = 0;
        for (tick, bytes) in events {
            data.extend(variable_length(tick - now));
            data.extend(bytes);
            now = tick;
        }
        data.extend(variable_length(self.end.max(now) - now));
        data.extend([0xFF, 0x2F, 0]);
        [
            &b"MTrk"[..],
            &u32::try_from(data.len()).unwrap().to_be_bytes(),
            &data,
        ]
        .concat()
    }
}

/// Tick, key and velocity of a beat with a crash on its first stroke.
fn beat(first_bar: u32, n_bars: u32) -> Vec<(u32, u8, u8)> {
    let mut notes = vec![(first_bar * BAR, 49, 100)];
    for bar in first_bar..first_bar + n_bars {
        for eighth in 0..8 {
            let velocity = if eighth % 2 == 0 { 80 } else { 55 };
            notes.push((bar * BAR + eighth * TICKS / 2, 42, velocity));
        }
        for (eighth, key, velocity) in [(0, 36, 105), (2, 38, 110), (5, 36, 105), (6, 38, 110)] {
            notes.push((bar * BAR + eighth * TICKS / 2, key, velocity));
        }
    }
    notes
}

fn variable_length(ticks: u32) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(ticks & 0x7F).unwrap()];
    let mut rest = ticks >> 7;
    while rest > 0 {
        bytes.insert(0, u8::try_from(rest & 0x7F).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes
}

fn file(tracks: &[Track]) -> Vec<u8> {
    let format = u8::from(tracks.len() > 1);
    let [high, low] = u16::try_from(TICKS).unwrap().to_be_bytes();
    let n_tracks = u8::try_from(tracks.len()).unwrap();
    let mut bytes = b"MThd\0\0\0\x06".to_vec();
    bytes.extend([0, format, 0, n_tracks, high, low]);
    tracks
        .iter()
        .for_each(|track| bytes.extend(track.to_bytes()));
    bytes
}

fn metre(numerator: u8, power: u8) -> Track {
    Track::named("conductor")
        .meta(0x58, &[numerator, power, 24, 8])
        .meta(0x51, &[0x08, 0x52, 0xAF])
}

/// A conductor and these tracks.
fn song(tracks: &[Track]) -> Vec<u8> {
    file(&[&[metre(4, 2)], tracks].concat())
}

fn folder_of(files: &[(&str, Vec<u8>)]) -> TempDir {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, &bytes[..]))
        .collect();
    tests::folder_of(&files)
}

/// A data set as `prepare` sees it: the set, its facts, and what is printed.
struct Prepared {
    dataset: Dataset,
    json: Value,
    text: String,
}

fn prepare(files: &[(&str, Vec<u8>)]) -> Prepared {
    prepare_with(files, Reading::default(), 64)
}

fn prepare_with(files: &[(&str, Vec<u8>)], reading: Reading, n_steps: usize) -> Prepared {
    let folder = folder_of(files);
    let converter = Converter::Groove(GrooveConverter::default());
    let dataset = Dataset::load(folder.path(), &converter, reading).unwrap();
    let report = Report::of(&dataset, folder.path(), n_steps, 1);
    Prepared {
        json: serde_json::to_value(&report).unwrap(),
        text: report.to_string(),
        dataset,
    }
}

impl Prepared {
    fn n_windows(&self) -> u64 {
        let splits = self.json["splits"].as_object().unwrap();
        splits
            .values()
            .map(|split| split["windows"].as_u64().unwrap())
            .sum()
    }

    #[track_caller]
    fn says(&self, words: &str) {
        assert!(
            self.text.contains(words),
            "{words:?} is not in\n{}",
            self.text
        );
    }
}

/// The groove of a single file as `prepare` reads it, which is how `roll` and `generate` read it, too.
#[track_caller]
fn groove(bytes: &[u8]) -> Groove {
    let prepared = prepare(&[("a.mid", bytes.to_vec())]);
    let [file] = &prepared.dataset.files[..] else {
        panic!("{}", prepared.text);
    };
    let [part] = &file.extracted.parts[..] else {
        panic!("a single metre is a single part");
    };
    let groove = part.groove().unwrap().clone();

    let folder = folder_of(&[("a.mid", bytes.to_vec())]);
    let performance = Performance::open(&folder.path().join("a.mid"), DrumPart::Found).unwrap();
    let extracted = performance
        .extract(&prepared.dataset.converter, &DrumMap::GM, 1)
        .unwrap();
    assert_eq!(extracted.parts[0].groove(), Some(&groove));
    groove
}

fn hits(groove: &Groove, voice: Voice) -> usize {
    groove.hits().filter(|hit| hit.1 == voice).count()
}

/// Bass drum, snare drum, closed and open hi-hat, and crash cymbals of `n_bars` of the beat.
#[track_caller]
fn assert_is_the_beat(groove: &Groove, n_bars: usize) {
    assert_eq!(groove.n_steps(), 16 * n_bars);
    let voices = [Voice::Kick, Voice::Snare, Voice::ClosedHat, Voice::Crash];
    let counts = voices.map(|voice| hits(groove, voice));
    assert_eq!(counts, [2 * n_bars, 2 * n_bars, 8 * n_bars, 1]);
    assert_eq!(groove.n_hits(), 12 * n_bars + 1);
}

fn same(key: u8) -> u8 {
    key
}

#[test]
fn a_drum_has_no_length() {
    // On and off on one tick, and note-ons alone.
    let zero =
        beat(0, 4)
            .into_iter()
            .fold(Track::default().until(4), |track, (tick, key, velocity)| {
                track
                    .event(tick, &[0x99, key, velocity])
                    .event(tick + u32::from(key == 42), &[0x99, key, 0])
            });
    assert_is_the_beat(&groove(&file(&[zero])), 4);
    let endless = beat(0, 4)
        .into_iter()
        .fold(Track::default().until(4), |track, (tick, key, velocity)| {
            track.event(tick, &[0x99, key, velocity])
        });
    let endless = file(&[endless]);
    assert_is_the_beat(&groove(&endless), 4);
    let prepared = prepare(&[("a.mid", endless)]);
    prepared.says("       49  have no end or no length: drums need none");
    assert_eq!(prepared.json["notes"]["without_length"], 49);
    assert_eq!(prepared.json["notes"]["unclosed"], 0);
}

#[test]
fn a_kit_that_is_spread_over_channels_is_one_kit() {
    let of_key = |name: &str, channel: u8, key: u8| {
        let notes = beat(0, 8).into_iter().filter(|note| note.1 == key);
        notes.fold(
            Track::named(name).until(8),
            |track, (tick, key, velocity)| track.note(tick, channel, key, velocity, 48),
        )
    };
    for names in [["Kick", "Snare", "Hat", "Crash"], ["", "", "", ""]] {
        let [kick, snare, hat, crash] = names;
        let tracks = [
            of_key(kick, 1, 36),
            of_key(snare, 2, 38),
            of_key(hat, 3, 42),
            of_key(crash, 4, 49),
        ];
        assert_is_the_beat(&groove(&song(&tracks)), 8);
    }
}

#[test]
fn a_melody_on_channel_10_of_another_port_is_left_aside() {
    for names in [["Drums A", "Strings B"], ["", ""]] {
        let tracks = [
            Track::named(names[0]).meta(0x21, &[0]).beat(0, 8, 10, same),
            Track::named(names[1]).meta(0x21, &[1]).line(8, 10, 60),
        ];
        let bytes = song(&tracks);
        assert_is_the_beat(&groove(&bytes), 8);
        let prepared = prepare(&[("a.mid", bytes)]);
        prepared.says("1  of them with more on channel 10 that is no drum:");
        prepared.says("channel 10 of port 2, track 3");
        assert_eq!(prepared.json["notes"]["elsewhere"], 64);
    }
}

#[test]
fn selections_say_where_the_drums_are() {
    let melody = |selection: &[&[u8]]| {
        let track = selection
            .iter()
            .fold(Track::named("A"), |track, bytes| track.event(0, bytes));
        track.line(8, 10, 60)
    };
    let kit = |selection: &[&[u8]]| {
        let track = selection
            .iter()
            .fold(Track::named("B"), |track, bytes| track.event(0, bytes));
        track.beat(0, 8, 11, same)
    };
    // General MIDI 2's banks, GS and XG.
    for (of_melody, of_kit) in [
        (
            &[&[0xB9, 0, 121][..], &[0xB9, 32, 0], &[0xC9, 11]][..],
            &[&[0xBA, 0, 120][..], &[0xBA, 32, 0], &[0xCA, 0]][..],
        ),
        (
            &[&[
                0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0x1B, 0xF7,
            ]],
            &[&[
                0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 1, 0x10, 0xF7,
            ]],
        ),
        (
            &[&[0xF0, 8, 0x43, 0x10, 0x4C, 8, 9, 7, 0, 0xF7]],
            &[&[0xF0, 8, 0x43, 0x10, 0x4C, 8, 10, 7, 2, 0xF7]],
        ),
        (
            &[&[0xF0, 8, 0x43, 0x10, 0x4C, 8, 9, 7, 0, 0xF7]],
            &[&[0xBA, 0, 127], &[0xCA, 0]],
        ),
    ] {
        let bytes = song(&[melody(of_melody), kit(of_kit)]);
        assert_is_the_beat(&groove(&bytes), 8);
        prepare(&[("a.mid", bytes)])
            .says("1  of them with drums on channel 11, selected for drums");
    }
}

#[test]
fn a_loop_s_pushed_hits_announce_its_first_beat() {
    let pushed = |end| {
        let track = Track::default()
            .beat(0, 4, 10, same)
            .note(4 * BAR - 24, 10, 36, 105, end)
            .note(4 * BAR - 24, 10, 49, 100, end);
        file(&[Track { end: 0, ..track }])
    };
    // The file ends with its last note, before the bar line, on it, or after it.
    for end in [0, 1, 24, 53] {
        let bytes = pushed(end);
        let groove = groove(&bytes);
        assert_eq!(groove.n_steps(), 64, "{end}");
        assert_eq!(
            hits(&groove, Voice::Crash),
            1,
            "both crashes are on the first beat"
        );
        assert_eq!(prepare(&[("a.mid", bytes)]).n_windows(), 1, "{end}");
    }
}

#[test]
fn twelve_loops_of_four_bars_are_twelve_windows() {
    let loops: Vec<(String, Vec<u8>)> = (0..12_u32)
        .map(|i| {
            let track = Track::default()
                .beat(0, 4, 10, same)
                .note(30 * i, 10, 45, 90, 20)
                .note(4 * BAR - 20, 10, 36, 105, 20);
            (format!("{i}.mid"), file(&[track.until(4)]))
        })
        .collect();
    let files: Vec<(&str, Vec<u8>)> = loops
        .iter()
        .map(|(name, bytes)| (&**name, bytes.clone()))
        .collect();
    let prepared = prepare(&files);
    assert_eq!(prepared.n_windows(), 12);
    prepared.says(
        "of only 12 files are set aside and do not train: --validation none trains on every file",
    );
    let every = Reading {
        validation: Holdout::None,
        ..Reading::default()
    };
    let prepared = prepare_with(&files, every, 64);
    assert_eq!(prepared.json["splits"]["train"]["windows"], 12);
}

#[test]
fn a_track_whose_length_was_never_written_is_read_to_its_end() {
    let whole = file(&[Track::default().beat(0, 8, 10, same)]);
    for length in [0_u32, 3, 100, 1 << 20] {
        let mut bytes = whole.clone();
        bytes[18..22].copy_from_slice(&length.to_be_bytes());
        assert_is_the_beat(&groove(&bytes), 8);
        if length <= 100 {
            let prepared = prepare(&[("a.mid", bytes)]);
            prepared.says("a.mid: 1 track has a wrong length (first at byte 18): read to where the events end");
            assert_eq!(prepared.json["repairs"][0]["damage"], "track_length");
        }
    }
}

#[test]
fn bad_bytes_cost_their_event_and_nothing_else() {
    let other = Track::named("Bass")
        .event(0, &[0xB0, 7, 168])
        .event(TICKS, &[0xF5])
        .line(8, 1, 30);
    let bytes = song(&[other, Track::named("Drums").beat(0, 8, 10, same)]);
    assert_is_the_beat(&groove(&bytes), 8);
    let prepared = prepare(&[("a.mid", bytes)]);
    let repairs = &prepared.json["repairs"];
    assert_eq!(repairs.as_array().unwrap().len(), 2, "{repairs}");
    prepared.says("2  damages that were mended:");
}

#[test]
fn what_follows_the_announced_tracks_costs_nothing() {
    let mut bytes = song(&[Track::named("Drums").beat(0, 8, 10, same)]);
    let extra = [
        &b"\0\xFF\x03\x05extra\0\xFF\x7F\x08$$\0\x1A\0\0\0\0"[..],
        &[0xFF, 0x2F, 0],
    ]
    .concat();
    bytes.extend(b"MTrk");
    bytes.extend(u32::try_from(extra.len()).unwrap().to_be_bytes());
    bytes.extend(extra);
    assert_is_the_beat(&groove(&bytes), 8);
    assert_eq!(
        prepare(&[("a.mid", bytes)]).json["repairs"],
        serde_json::json!([])
    );
}

#[test]
fn midi_has_several_endings_and_others_are_not_looked_at() {
    let of_bars = |n_bars| file(&[Track::default().beat(0, n_bars, 10, same)]);
    let names = [
        "a.MID",
        "b.Midi",
        "c.kar",
        "d.smf",
        "e.rmi",
        "f.SMF",
        "g.mid.bak",
        "h.txt",
        "i.sty",
    ];
    let files: Vec<(&str, Vec<u8>)> = names.into_iter().zip((4..13).map(of_bars)).collect();
    let prepared = prepare(&files);
    assert_eq!(prepared.json["files"]["usable"], 6);
    assert_eq!(prepared.json["files"]["ignored"], 3);
}

#[test]
fn the_metronome_of_general_midi_2_is_no_snare() {
    let clicks = (0..36_u32).fold(Track::default(), |track, beat| {
        track.note(
            beat * TICKS,
            10,
            if beat % 4 == 0 { 34 } else { 33 },
            100,
            48,
        )
    });
    let bytes = song(&[clicks.beat(1, 8, 10, same)]);
    let groove = groove(&bytes);
    // The first bar only counts in.
    assert_is_the_beat(&groove, 8);
    let prepared = prepare(&[("a.mid", bytes)]);
    assert_eq!(prepared.n_windows(), 5);
    prepared.says("a.mid: the first bar, which counts in");
    prepared.says("36  left out: sound effects, sticks and the metronome of General MIDI 2");
    prepared.says("key 33 × 27 (21 %), key 34 × 9 (7 %)");
    assert_eq!(
        prepared.json["notes"]["lost_aside"],
        serde_json::json!({"33": 27, "34": 9})
    );
    assert_eq!(prepared.json["notes"]["lost_same_cell"], 0);
    // Magenta folds them into the snare drum, and so does what is compatible with it.
    let compatible = Converter::Groove(GrooveConverter {
        magenta_compat: true,
        ..GrooveConverter::default()
    });
    let folder = folder_of(&[(
        "a.mid",
        song(&[Track::default().beat(0, 4, 10, |key| if key == 38 { 33 } else { key })]),
    )]);
    let dataset = Dataset::load(folder.path(), &compatible, &DrumMap::GM).unwrap();
    let groove = dataset.files[0].extracted.parts[0].groove().unwrap();
    assert_eq!(hits(groove, Voice::Snare), 8);
}

fn addictive(key: u8) -> u8 {
    match key {
        42 => 49,
        49 => 77,
        other => other,
    }
}

fn toontrack(key: u8) -> u8 {
    match key {
        42 => 61,
        49 => 57,
        other => other,
    }
}

#[test]
fn a_map_that_fits_better_is_named_and_never_chosen() {
    let hats = |track: Track, channel| {
        (0..32_u32).fold(track, |track, i| {
            track.note(i * TICKS + 120, channel, 48, 60, 48)
        })
    };
    for channel in [1, 10] {
        let bytes = song(&[hats(Track::default(), channel).beat(0, 8, channel, addictive)]);
        let prepared = prepare(&[("a.mid", bytes)]);
        prepared.says("1 file(s) fit the XLN Addictive Drums 2 map clearly better (--drum-map addictive2): a.mid");
        assert_eq!(prepared.json["better_maps"][0]["id"], "addictive2");
        assert_eq!(prepared.json["drum_map"], "gm");
    }
    let odd = |track: Track, channel| {
        (0..8_u32).fold(track, |track, bar| {
            track.note(bar * BAR + 720, channel, 24, 70, 48).note(
                bar * BAR + 1680,
                channel,
                60,
                90,
                48,
            )
        })
    };
    for channel in [1, 10] {
        let bytes = song(&[odd(Track::default(), channel).beat(0, 8, channel, toontrack)]);
        let prepared = prepare(&[("a.mid", bytes)]);
        prepared.says("fit the Toontrack ");
        prepared.says("key 24 × 8 (8 %)");
        let better = prepared.json["better_maps"][0]["id"].as_str().unwrap();
        let reading = Reading::from(DrumMap::by_id(better).unwrap());
        let bytes = song(&[odd(Track::default(), channel).beat(0, 8, channel, toontrack)]);
        let prepared = prepare_with(&[("a.mid", bytes)], reading, 64);
        assert_eq!(prepared.json["better_maps"], serde_json::json!([]));
        let groove = prepared.dataset.files[0].extracted.parts[0]
            .groove()
            .unwrap();
        assert_eq!(hits(groove, Voice::OpenHat), 16);
    }
}

#[test]
fn the_pedal_opens_the_hi_hat_where_its_key_does_not() {
    let pedal = |track: Track, open: u8, closed: u8| {
        (0..64_u32).fold(track, |track, eighth| {
            let value = if eighth % 8 == 7 { open } else { closed };
            track.event((eighth * TICKS / 2).saturating_sub(2), &[0xB9, 4, value])
        })
    };
    let bytes = song(&[pedal(Track::default(), 0, 127).beat(0, 8, 10, same)]);
    let found = groove(&bytes);
    assert_eq!(
        (hits(&found, Voice::OpenHat), hits(&found, Voice::ClosedHat)),
        (8, 56)
    );
    prepare(&[("a.mid", bytes)]).says("64  are hi-hats that their pedal opens or closes");
    // A pedal that is always up says nothing, and a key for the open hi-hat says all.
    let bytes = song(&[pedal(Track::default(), 0, 0).beat(0, 8, 10, same)]);
    assert_is_the_beat(&groove(&bytes), 8);
    let both = pedal(Track::default(), 0, 127).note(120, 10, 46, 90, 48);
    let found = groove(&song(&[both.beat(0, 8, 10, same)]));
    assert_eq!(
        (hits(&found, Voice::OpenHat), hits(&found, Voice::ClosedHat)),
        (1, 64)
    );
}

/// Loops that differ in a tom.
fn loops(n: u32, n_bars: u32) -> Vec<(String, Vec<u8>)> {
    let of = |i: u32| {
        let track = Track::default()
            .beat(0, n_bars, 10, same)
            .note(31 * i, 10, 45, 90, 20);
        (format!("{i}.mid"), file(&[track.until(n_bars)]))
    };
    (0..n).map(of).collect()
}

#[test]
fn short_loops_are_repeated_on_request_and_presets_that_take_them_are_named() {
    let loops = loops(24, 2);
    let files: Vec<(&str, Vec<u8>)> = loops
        .iter()
        .map(|(name, bytes)| (&**name, bytes.clone()))
        .collect();
    let prepared = prepare(&files);
    assert_eq!(
        (
            prepared.n_windows(),
            prepared.json["files"]["shorter_than_window"].as_u64()
        ),
        (0, Some(24))
    );
    prepared.says("--repeat-short repeats loops");
    prepared.says("groovae_2bar_humanize");
    let repeated = Reading {
        repeat_to: Some(64),
        ..Reading::default()
    };
    let prepared = prepare_with(&files, repeated, 64);
    assert_eq!(prepared.n_windows(), 24);
    prepared.says("24  of them short loops, repeated up to 4 bars");
    let groove = prepared.dataset.files[0].extracted.parts[0]
        .groove()
        .unwrap();
    assert_eq!(groove.window(0, 32), groove.window(32, 32));
    assert_eq!(prepare_with(&files, Reading::default(), 32).n_windows(), 24);
}

#[test]
fn the_same_groove_in_five_maps_and_two_folders_is_one() {
    let maps = ["AD2", "BFD3", "GM", "SD3", "SSD5"];
    let keys: [fn(u8) -> u8; 5] = [
        addictive,
        |key| if key == 42 { 50 } else { key },
        same,
        toontrack,
        |key| if key == 36 { 24 } else { key },
    ];
    let mut files = Vec::new();
    for i in 0..10_u32 {
        for (map, keys) in maps.into_iter().zip(keys) {
            let track = Track::default()
                .beat(0, 8, 10, keys)
                .note(31 * i, 10, 45, 90, 20)
                .until(8);
            files.push((format!("{map}/Groove {i}.mid"), file(&[track])));
        }
        let again = files.last().unwrap().1.clone();
        files.push((format!("Copy of SSD5/Groove {i}.mid"), again));
    }
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, bytes)| (&**name, bytes.clone()))
        .collect();
    let prepared = prepare(&files);
    assert_eq!(prepared.json["files"]["usable"], 10);
    assert_eq!(prepared.json["copies"].as_array().unwrap().len(), 50);
    prepared.says("50  copies of others, used once:");
    prepared.says("AD2/Groove 0.mid: the same performance as GM/Groove 0.mid");
    assert!(
        prepared
            .dataset
            .files
            .iter()
            .all(|file| file.name.starts_with("GM/"))
    );
    // Whoever has only some of them has them in the same split.
    let alone = prepare(&files[..1]);
    assert_eq!(
        alone.dataset.files[0].split,
        prepared.dataset.files[0].split
    );
}

#[test]
fn bars_of_another_length_name_the_setting_that_takes_them() {
    for (numerator, power, name) in [(12, 3, "12/8"), (3, 2, "3/4"), (7, 3, "7/8")] {
        let bytes = file(&[
            metre(numerator, power),
            Track::default().beat(0, 12, 10, same),
        ]);
        let prepared = prepare(&[("a.mid", bytes.clone())]);
        prepared.says(&format!("a.mid: its metre is {name}, so its bars have"));
        prepared.says("--set any_metre=true uses bars of any length");
        let any = Converter::Groove(GrooveConverter {
            any_metre: true,
            ..GrooveConverter::default()
        });
        let folder = folder_of(&[("a.mid", bytes)]);
        let dataset = Dataset::load(folder.path(), &any, Reading::default()).unwrap();
        assert_eq!((dataset.files.len(), dataset.dropped.len()), (1, 0));
    }
}

#[test]
fn percussion_beside_a_kit_does_not_unmake_it() {
    let percussion = (0..32_u32).fold(Track::default(), |track, beat| {
        track
            .note(beat * TICKS, 1, 56, 70, 48)
            .note(beat * TICKS + 120, 1, 70, 60, 48)
            .note(beat * TICKS + 360, 1, 70, 60, 48)
            .note(beat * TICKS + 240, 1, 62, 80, 48)
    });
    let bytes = song(&[percussion.beat(0, 8, 1, same)]);
    let groove = groove(&bytes);
    assert_eq!(hits(&groove, Voice::Kick), 16);
    prepare(&[("a.mid", bytes)])
        .says("1  of them with drums on channel 1, which plays like a drum kit");
}

#[test]
fn a_bass_line_is_no_kit_and_the_parts_are_listed() {
    let keys = [36, 36, 43, 41, 38, 40, 36, 35];
    for (name, length) in [("", 216), ("", 60), ("Bass", 60)] {
        let line = (0..64_usize).fold(Track::named(name), |track, eighth| {
            let tick = u32::try_from(eighth).unwrap() * TICKS / 2;
            track.note(tick, 1, keys[eighth % 8], 90, length)
        });
        let prepared = prepare(&[("a.mid", song(&[line.until(8)]))]);
        assert_eq!(prepared.json["files"]["usable"], 0);
        prepared.says("a.mid: it has no drums that are certain: channel 1, track 2");
        prepared.says("(64 notes, keys 35 to 43");
        prepared.says("--channel N or --track N");
    }
    let chosen = Reading {
        part: DrumPart::Channel(0),
        ..Reading::default()
    };
    let line = Track::default().line(8, 1, 30);
    let prepared = prepare_with(&[("a.mid", song(&[line]))], chosen, 64);
    assert_eq!(prepared.json["files"]["usable"], 1);
    prepared.says("1  of them with drums on channel 1, as you chose");
}

#[test]
fn general_midi_is_the_map_of_a_user_s_own_files_and_the_e_kit_s_of_the_groove_midi_dataset() {
    let bytes = file(&[Track::default().beat(0, 4, 10, |key| if key == 36 { 35 } else { key })]);
    let own = prepare(&[("a.mid", bytes.clone())]);
    assert_eq!(
        (
            own.dataset.drum_map.id,
            own.json["notes"]["lost_unmapped"].clone()
        ),
        ("gm", serde_json::json!({}))
    );
    let table = b"drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,split\n\
        drummer1,s,1,rock,100,beat,4-4,a.mid,train\n";
    let listed = prepare(&[("info.csv", table.to_vec()), ("a.mid", bytes)]);
    assert_eq!(listed.dataset.drum_map.id, "td11");
    assert_eq!(
        listed.json["notes"]["lost_unmapped"],
        serde_json::json!({"35": 8})
    );
    listed.says("the General MIDI map has drums for 8 of them (--drum-map gm)");
}

#[test]
fn a_table_of_another_program_is_no_index_and_one_of_ours_may_be_written_anyhow() {
    let bytes = file(&[Track::default().beat(0, 4, 10, same)]);
    let mut huge = b"name,key,bpm\n".to_vec();
    huge.extend(b"loop,C,100\n".repeat(2 << 20));
    let prepared = prepare(&[("pack.csv", huge), ("a.mid", bytes.clone())]);
    assert_eq!(prepared.json["files"]["usable"], 1);
    prepared.says("pack.csv is no index of MIDI files: it has no columns midi_filename and split");
    assert_eq!(
        prepared.json["other_tables"],
        serde_json::json!(["pack.csv"])
    );

    let rows = |separator: &str| {
        let columns = ["style", "midi_filename", "split"].join(separator);
        let row = ["caf\u{e9}", "d\\a.mid", "test"].join(separator);
        format!("{columns}\r\n{row}\r\n")
    };
    let utf16 = |text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        let units = text.encode_utf16().flat_map(bytes);
        [mark, &units.collect::<Vec<_>>()].concat()
    };
    let commas = rows(",");
    let tables = [
        commas.clone().into_bytes(),
        [b"\xEF\xBB\xBF", commas.as_bytes()].concat(),
        rows(";").into_bytes(),
        rows("\t").into_bytes(),
        utf16(&commas, b"\xFF\xFE", u16::to_le_bytes),
        utf16(&rows(";"), b"\xFE\xFF", u16::to_be_bytes),
        utf16(&commas, b"", u16::to_le_bytes),
        commas
            .chars()
            .map(|character| u8::try_from(u32::from(character)).unwrap())
            .collect(),
    ];
    for (i, table) in tables.into_iter().enumerate() {
        let prepared = prepare(&[("info.csv", table), ("d/a.mid", bytes.clone())]);
        let [file] = &prepared.dataset.files[..] else {
            panic!("table {i}: {}", prepared.text);
        };
        assert_eq!(
            (file.split, file.style.as_deref()),
            (Split::Test, Some("caf\u{e9}")),
            "table {i}"
        );
    }
}
