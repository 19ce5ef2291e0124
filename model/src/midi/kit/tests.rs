//! Files as people have them, each with the drums that are in it.

#![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

use super::*;

/// Keys that are struck in turn, one in each 16th for four bars (`-` is a rest), with notes of this length in beats.
struct Line<'a> {
    keys: &'a str,
    length: f64,
}

fn struck(keys: &str) -> Line<'_> {
    Line { keys, length: 0.1 }
}

fn held(keys: &str) -> Line<'_> {
    Line { keys, length: 0.24 }
}

/// A track: its name, its channel (1 to 16), its port, its sound, what is selected for it, and its lines.
struct Track<'a> {
    name: &'a str,
    channel: u8,
    port: u16,
    program: u8,
    selected: Option<bool>,
    lines: Vec<Line<'a>>,
}

fn track<'a>(channel: u8, lines: Vec<Line<'a>>) -> Track<'a> {
    Track {
        name: "",
        channel,
        port: 0,
        program: 0,
        selected: None,
        lines,
    }
}

const HATS: &str = "42 - 42 - 42 - 42 -";
const KICK: &str = "36 - - - - - - - - - 36 - - - - -";
const SNARE: &str = "- - - - 38 - - - - - - - 38 - - -";
const BASS: &str = "36 - 36 38 - 40 41 - 43 - 41 40 - 38 - 35";
const TUNE: &str = "60 - 64 67 - 72 71 69 - 67 65 64 - 62 60 59";
const CHORDS: [&str; 3] = ["60 - - -", "64 - - -", "67 - 69 -"];

fn kit() -> Vec<Line<'static>> {
    [HATS, KICK, SNARE].map(struck).into()
}

fn song(tracks: &[Track]) -> Song {
    let mut song = Song {
        track_names: tracks
            .iter()
            .map(|track| Some(track.name.to_owned()))
            .collect(),
        ..Song::default()
    };
    for (place, track) in tracks.iter().enumerate() {
        let mut instrument = Instrument {
            program: track.program,
            channel: track.channel - 1,
            track: place,
            port: track.port,
            selected: track.selected,
            notes: Vec::new(),
        };
        for line in &track.lines {
            let steps = line.keys.split(' ').cycle().take(64);
            for (step, key) in steps.enumerate().filter(|(_, key)| *key != "-") {
                instrument.notes.push(song.notes.len());
                song.notes.push(Note {
                    onset_beats: crate::groove::beats(step),
                    duration_beats: line.length,
                    pitch: key.parse().unwrap(),
                    velocity: 0.5,
                    channel: track.channel - 1,
                });
            }
        }
        song.instruments.push(instrument);
    }
    song
}

/// The places of the tracks that are the drums, and what is said of them.
fn drums(tracks: &[Track]) -> (Vec<usize>, Option<String>, Option<String>) {
    let song = song(tracks);
    let drums = song.drums().unwrap();
    assert_eq!(
        drums.notes.len(),
        drums
            .instruments
            .iter()
            .map(|&place| song.instruments[place].notes.len())
            .sum::<usize>()
    );
    (drums.instruments, drums.found, drums.aside)
}

fn refusal(tracks: &[Track]) -> String {
    song(tracks).drums().unwrap_err().to_string()
}

#[test]
fn channel_10_is_drums_whatever_else_plays_and_whatever_it_is() {
    let tune = || track(1, vec![held(TUNE)]);
    assert_eq!(drums(&[tune(), track(10, kit())]), (vec![1], None, None));
    for line in [struck("60 - 62 -"), held(TUNE), held("45 47 50 43 41")] {
        assert_eq!(drums(&[tune(), track(10, vec![line])]).0, [1]);
    }
}

#[test]
fn what_the_file_selects_comes_before_channel_10() {
    let vibraphone = Track {
        selected: Some(false),
        ..track(10, vec![held(TUNE)])
    };
    let selected = Track {
        selected: Some(true),
        ..track(11, kit())
    };
    let (found, said, _) = drums(&[vibraphone, selected]);
    assert_eq!(found, [1]);
    assert_eq!(said.unwrap(), "channel 11, selected for drums");
}

#[test]
fn a_second_kit_that_is_selected_plays_along() {
    let selected = Track {
        selected: Some(true),
        ..track(11, vec![struck("60 62")])
    };
    assert_eq!(drums(&[track(10, kit()), selected]).0, [0, 1]);
}

#[test]
fn a_melody_on_channel_10_of_another_port_is_no_drum() {
    for lines in [
        vec![held(TUNE)],
        CHORDS.map(|keys| Line { keys, length: 0.9 }).into(),
    ] {
        let other = Track {
            port: 1,
            ..track(10, lines)
        };
        let (found, said, aside) = drums(&[track(10, kit()), other]);
        assert_eq!((found, said), (vec![0], None));
        assert!(aside.unwrap().starts_with("channel 10 of port 2, track 2"));
    }
    let congas = Track {
        port: 1,
        ..track(10, vec![struck("62 - 63 64")])
    };
    assert_eq!(drums(&[track(10, kit()), congas]).0, [0, 1]);
}

#[test]
fn names_tell_drums_from_a_melody_even_on_channel_10() {
    let named = |name, channel, lines| Track {
        name,
        ..track(channel, lines)
    };
    let organ = named("Pipe Organ", 10, vec![struck("42 - 38 46")]);
    let (found, said, aside) = drums(&[organ, named("Drums", 3, vec![struck("38 - 40 -")])]);
    assert_eq!(found, [1]);
    assert_eq!(said.unwrap(), "channel 3, named like drums");
    assert!(aside.unwrap().contains("\"Pipe Organ\""));
    for (name, is_drums) in [
        ("Kick", true),
        ("BD 1", true),
        ("Bass Drum", true),
        ("closed hats", true),
        ("Batterie", true),
        ("Bass", false),
        ("Steel Drums", false),
        ("Lead", false),
    ] {
        let found = song(&[named(name, 5, vec![struck("36 43 - 45 36 - 48 50 41")])]).drums();
        assert_eq!(found.is_ok(), is_drums, "{name}");
    }
}

#[test]
fn the_name_of_a_song_says_nothing_of_its_channels() {
    // Format 0: one track, two channels.
    let mut song = song(&[
        Track {
            name: "Drumming song",
            ..track(1, vec![held(TUNE)])
        },
        track(2, vec![held(BASS)]),
    ]);
    song.instruments[1].track = 0;
    assert!(song.drums().is_err());
}

#[test]
fn a_clip_on_another_channel_is_drums_if_it_plays_like_a_kit() {
    let (found, said, _) = drums(&[track(1, kit())]);
    assert_eq!(found, [0]);
    assert_eq!(said.unwrap(), "channel 1, which plays like a drum kit");
    // Percussion beside the kit does not unmake it, whatever its keys.
    let mut loud = kit();
    loud.extend(
        [
            "70 70 70 70",
            "56 - 62 -",
            "- 63 - 64",
            "82 - 75 76",
            "- 99 - -",
        ]
        .map(struck),
    );
    assert_eq!(drums(&[track(1, loud)]).0, [0]);
    // Nor do notes without a length, or held ones.
    for length in [0.0, 0.25, 1.0] {
        let lines = [HATS, KICK, SNARE].map(|keys| Line { keys, length });
        assert_eq!(drums(&[track(1, lines.into())]).0, [0]);
    }
}

#[test]
fn a_few_drums_are_a_beat_where_nothing_speaks_against_it() {
    for keys in [KICK, SNARE, HATS, "36 - 42 - 38 - 42 -"] {
        assert_eq!(drums(&[track(1, vec![struck(keys)])]).0, [0], "{keys}");
    }
    for keys in ["36 - 43 -", "36 38 40 -", "45 - 50 -", "60 - - -"] {
        assert!(
            refusal(&[track(1, vec![struck(keys)])]).contains("certain"),
            "{keys}"
        );
    }
    let bass = Track {
        program: 33,
        ..track(1, vec![struck(KICK)])
    };
    assert!(song(&[bass]).drums().is_err());
}

#[test]
fn a_bass_a_tune_and_chords_are_no_kit() {
    for lines in [
        vec![held(BASS)],
        vec![struck(BASS)],
        vec![held("38 40 42 43 45 47 49 50")],
        vec![held(TUNE)],
        CHORDS.map(held).into(),
        // The left hand of a piano: octaves.
        vec![
            held(BASS),
            held("48 - 48 50 - 52 53 - 55 - 53 52 - 50 - 47"),
        ],
        // Both hands.
        [
            "36 - 37 - 38 - 39 - 40 - 41 - 42 - 43 -",
            "48 - 49 - 50 - 51 - 52 - 48 - 49 - 50 -",
            "60 - 67 - 62 - 69 - 64 - 71 - 66 - 61 -",
            "64 - 67 - 70 - 64 - 67 - 70 - 64 - 67 -",
        ]
        .map(|keys| Line { keys, length: 0.45 })
        .into(),
    ] {
        let problem = refusal(&[track(1, lines)]);
        assert!(
            problem.starts_with("it has no drums that are certain: channel 1, track 1 ("),
            "{problem}"
        );
        assert!(problem.contains("--channel N or --track N"), "{problem}");
    }
}

#[test]
fn a_kit_that_is_spread_over_channels_or_tracks_is_one_kit() {
    let piece = |channel, keys| track(channel, vec![struck(keys)]);
    let tune = || track(9, vec![held(TUNE)]);
    let pieces = |channels: [u8; 4]| {
        let [kick, snare, hats, toms] = channels;
        [
            piece(kick, KICK),
            piece(snare, SNARE),
            piece(hats, HATS),
            piece(toms, "- - - - - - - 45 41 -"),
            tune(),
        ]
    };
    let (found, said, _) = drums(&pieces([1, 2, 3, 4]));
    assert_eq!(found, [0, 1, 2, 3]);
    assert_eq!(
        said.unwrap(),
        "channels 1, 2, 3, 4, which play the drums of one kit"
    );
    assert_eq!(drums(&pieces([1, 1, 1, 1])).0, [0, 1, 2, 3]);
    // Nothing keeps time, and the snare drum is struck in two ways.
    let rim = "- - - - 38 - - - - - - 37 38 - - -";
    assert_eq!(drums(&[piece(1, KICK), piece(2, rim), tune()]).0, [0, 1]);
    // Two tunes of a few notes are none.
    assert!(
        song(&[piece(1, "36 - 43 -"), piece(2, "- 48 - 50")])
            .drums()
            .is_err()
    );
}

#[test]
fn the_user_has_the_last_word() {
    let mut song = song(&[track(10, kit()), track(1, vec![held(BASS)])]);
    song.drum_part = DrumPart::Channel(0);
    assert_eq!(song.drums().unwrap().instruments, [1]);
    song.drum_part = DrumPart::Track(1);
    assert_eq!(song.drums().unwrap().instruments, [1]);
    song.drum_part = DrumPart::Channel(4);
    let problem = song.drums().unwrap_err().to_string();
    assert!(
        problem.starts_with("there is no channel 5, as you chose; it has channel 10, track 1"),
        "{problem}"
    );
}
