//! Small folders and archives, made on the spot, with everything that people's music folders hold.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use fourbar_model::converter::{DrumRows, DrumsConverter, GrooveConverter, MelodyConverter};
use fourbar_model::drums::Voice;
use fourbar_model::groove::Groove;
use fourbar_model::midi;
use fourbar_model::noise::Noise;
use fourbar_model::note::Note;
use std::fs;
use std::io::{self, Write};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A kick on every beat of `n_bars` bars, as MIDI; `key` and `channel` (from 0) make it something else.
fn beat_on(n_bars: u32, key: u8, channel: u8) -> Vec<u8> {
    midi::write(
        &notes_on(n_bars, key, channel),
        f64::from(4 * n_bars),
        120.0,
    )
}

fn notes_on(n_bars: u32, pitch: u8, channel: u8) -> Vec<Note> {
    let note = |beat| Note {
        onset_beats: f64::from(beat),
        duration_beats: 0.25,
        pitch,
        velocity: 0.8,
        channel,
    };
    (0..4 * n_bars).map(note).collect()
}

/// Where a Mac keeps the picture of a folder. Windows has no such names.
const A_MACS_ICON: &str = if cfg!(windows) { "a/Icon" } else { "a/Icon\r" };

fn beat(n_bars: u32) -> Vec<u8> {
    beat_on(n_bars, 36, 9)
}

pub(super) fn folder_of(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn load(path: &Path) -> Dataset {
    load_with(path, &Converter::Groove(GrooveConverter::default())).unwrap()
}

fn load_with(path: &Path, converter: &Converter) -> Result<Dataset> {
    Dataset::load(path, converter, &DrumMap::TD11)
}

/// The groove of a file in a single metre.
fn groove_of(file: &SourceFile) -> &Groove {
    let [part] = &file.extracted.parts[..] else {
        panic!("a single metre is a single part")
    };
    part.groove().unwrap()
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect()
}

fn load_error(path: &Path) -> String {
    let converter = Converter::Groove(GrooveConverter::default());
    format!("{:#}", load_with(path, &converter).unwrap_err())
}

#[test]
fn a_folder_is_searched_in_depth_and_everything_but_midi_is_ignored() {
    let (one, two) = (beat(4), beat(5));
    let folder = folder_of(&[
        ("b/deep/One.MID", &one),
        ("a/two.Midi", &two),
        ("a/readme.txt", b"words"),
        (A_MACS_ICON, b""),
        ("a/._two.mid", b"a Mac's shadow of two.mid"),
        (".mid", b"a file without a name"),
    ]);
    let dataset = load(folder.path());
    assert_eq!(names(&dataset), ["a/two.Midi", "b/deep/One.MID"]);
    assert_eq!(dataset.dropped, []);
    assert_eq!(dataset.n_ignored, 3);
}

#[test]
fn an_archive_and_a_folder_with_the_same_files_are_the_same_data() {
    let (one, two) = (beat(4), beat(5));
    let files: [(&str, &[u8]); 4] = [
        ("x/one.mid", &one),
        ("x/two.mid", &two),
        (A_MACS_ICON, b""),
        ("__MACOSX/x/._one.mid", b"shadow"),
    ];
    let folder = folder_of(&files);
    let archives = folder_of(&[("set.ZIP", &zip_of(&files))]);
    let (from_folder, from_zip) = (load(folder.path()), load(&archives.path().join("set.ZIP")));
    assert_eq!(names(&from_folder), names(&from_zip));
    for (a, b) in from_folder.files.iter().zip(&from_zip.files) {
        assert_eq!((a.split, groove_of(a)), (b.split, groove_of(b)));
    }
    assert_eq!(from_zip.card.name, "set.ZIP");
}

#[test]
fn the_split_follows_the_content_and_not_the_name_or_the_neighbours() {
    let songs: Vec<_> = (1..60).map(beat).collect();
    let alone = |song: &[u8]| load(folder_of(&[("renamed.mid", song)]).path()).files[0].split;
    let names: Vec<_> = (0..songs.len()).map(|i| format!("{i}.mid")).collect();
    let files: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(songs.iter().map(Vec::as_slice))
        .collect();
    let together = load(folder_of(&files).path());
    for split in Split::ALL {
        let n_files = together
            .files
            .iter()
            .filter(|file| file.split == split)
            .count();
        assert!(n_files > 0, "no file in {}", split.name());
    }
    for file in &together.files {
        let place: usize = file.name.trim_end_matches(".mid").parse().unwrap();
        assert_eq!(file.split, alone(&songs[place]), "{}", file.name);
    }
}

#[test]
fn eight_in_ten_files_are_for_training() {
    let n_of = |wanted| {
        (0..10_000_u32)
            .filter(|i| Split::of_content(&Sha256::digest(i.to_be_bytes()).into()) == wanted)
            .count()
    };
    assert!((7_800..8_200).contains(&n_of(Split::Train)));
    assert!((900..1_100).contains(&n_of(Split::Validation)));
    assert!((900..1_100).contains(&n_of(Split::Test)));
}

#[test]
fn an_index_decides_what_is_data_and_gives_everything_it_says_of_a_file() {
    let song = beat(4);
    let index = b"drummer,style,bpm,beat_type,midi_filename,split\r\n\
        drummer1,rock/halftime,93.5,fill,d1/a.mid,test\r\n\
        ,funk,n/a,solo,d1/b.mid,validation\r\n\
        ,,100,beat,d1/gone.mid,train\r\n\
        ,jazz,100,beat,d1/c.mid,tomorrow\r\n\
        ,jazz,100,beat,d1/a.mid,train\r\n";
    let files: [(&str, &[u8]); 5] = [
        ("set/info.csv", index),
        ("set/d1/a.mid", &song),
        ("set/d1/b.mid", &song),
        ("set/d1/c.mid", &song),
        ("set/extra.mid", &song),
    ];
    let dataset = load(folder_of(&files).path());
    assert_eq!(dataset.index.as_deref(), Some("set/info.csv"));
    assert_eq!(names(&dataset), ["set/d1/a.mid", "set/d1/b.mid"]);
    let [a, b] = &dataset.files[..] else {
        panic!("two files are usable")
    };
    assert_eq!(
        (a.split, a.style.as_deref(), a.bpm),
        (Split::Test, Some("rock"), 93.5)
    );
    assert_eq!(
        (b.split, b.style.as_deref(), b.bpm),
        (Split::Validation, Some("funk"), 120.0)
    );
    assert_eq!(
        (a.performer.as_deref(), a.beat_type),
        (Some("drummer1"), Some(BeatType::Fill))
    );
    assert_eq!((b.performer.as_deref(), b.beat_type), (None, None));
    let reasons: Vec<_> = dataset
        .dropped
        .iter()
        .map(|file| (file.name.as_str(), file.reason.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (
                "set/d1/c.mid",
                "info.csv puts it into an unknown split, \"tomorrow\""
            ),
            ("set/d1/gone.mid", "listed in info.csv, but not there"),
        ]
    );
    assert_eq!(dataset.n_ignored, 1);
}

#[test]
fn the_bars_of_labelled_fills_are_found_though_their_files_are_shorter_than_a_window() {
    let index = b"beat_type,midi_filename,split\n\
        beat,beat.mid,train\nfill,fill.mid,train\nfill,other.mid,test\n";
    // A fill of two bars around a silent one.
    let mut notes = notes_on(1, 38, 9);
    notes.extend(notes_on(1, 48, 9).into_iter().map(|note| Note {
        onset_beats: note.onset_beats + 8.0,
        ..note
    }));
    let files: [(&str, &[u8]); 4] = [
        ("info.csv", index),
        ("beat.mid", &beat(4)),
        ("fill.mid", &midi::write(&notes, 12.0, 120.0)),
        ("other.mid", &beat(1)),
    ];
    let dataset = load(folder_of(&files).path());
    assert!(
        dataset
            .windows(Split::Train, 64, 1)
            .iter()
            .all(|window| { dataset.files[window.file].beat_type == Some(BeatType::Beat) })
    );
    let bars = dataset.fill_bars(Split::Train);
    let drums: Vec<Vec<Voice>> = bars
        .iter()
        .map(|bar| {
            let groove = dataset.groove(bar).unwrap();
            assert_eq!(groove.n_steps(), 16);
            groove.hits().map(|(_, voice, _)| voice).collect()
        })
        .collect();
    assert_eq!(drums, [[Voice::Snare; 4], [Voice::HighTom; 4]]);
}

#[test]
fn a_damaged_index_stops_instead_of_changing_the_split() {
    let song = beat(4);
    let index: &[u8] = b"midi_filename,split\na.mid,train,surplus\n";
    let error = load_error(folder_of(&[("info.csv", index), ("a.mid", &song)]).path());
    assert!(
        error.contains("info.csv is damaged") && error.contains("line: 2"),
        "{error}"
    );
}

#[test]
fn an_info_csv_of_something_else_is_no_index() {
    let song = beat(4);
    let dataset =
        load(folder_of(&[("info.csv", b"artist,year\nx,1999\n"), ("a.mid", &song)]).path());
    assert_eq!(
        (dataset.index.as_deref(), names(&dataset)),
        (None, vec!["a.mid"])
    );
}

#[test]
fn every_unusable_file_is_dropped_with_its_reason_and_the_rest_is_kept() {
    let mut waltz = beat(4);
    let signature = waltz
        .windows(5)
        .position(|bytes| bytes == [0xFF, 0x58, 4, 4, 2])
        .unwrap();
    waltz[signature + 3] = 3;
    let mut song = notes_on(4, 60, 0);
    song.extend(notes_on(4, 64, 1));
    let far_away = Note {
        onset_beats: 4_000_000.0,
        ..notes_on(1, 36, 9)[0]
    };
    let files: [(&str, &[u8]); 9] = [
        ("empty.mid", b""),
        (
            "far.mid",
            &midi::write(&[notes_on(1, 36, 9)[0], far_away], 4_000_004.0, 120.0),
        ),
        ("good.mid", &beat(4)),
        ("melodies.mid", &midi::write(&song, 16.0, 120.0)),
        ("piano.mid", &beat_on(4, 60, 0)),
        ("silent.mid", &midi::write(&[], 16.0, 120.0)),
        ("text.mid", b"this is no MIDI"),
        ("unmapped.mid", &beat_on(4, 100, 9)),
        ("waltz.mid", &waltz),
    ];
    let dataset = load(folder_of(&files).path());
    assert_eq!(names(&dataset), ["good.mid"]);
    let reason = |name: &str| {
        dataset
            .dropped
            .iter()
            .find(|file| file.name == name)
            .unwrap()
            .reason
            .clone()
    };
    for (name, fragment) in [
        ("empty.mid", "empty"),
        ("far.mid", "beyond bar"),
        ("melodies.mid", "no drums"),
        ("piano.mid", "no drums"),
        ("silent.mid", "no notes"),
        ("text.mid", "MThd"),
        ("unmapped.mid", "keys 100"),
        ("waltz.mid", "metre is 3/4"),
    ] {
        assert!(reason(name).contains(fragment), "{name}: {}", reason(name));
    }
}

#[test]
fn a_file_that_announces_4_gib_or_stops_in_the_middle_is_read_as_far_as_it_goes() {
    let mut endless = beat(4);
    let track_length = endless
        .windows(4)
        .position(|bytes| bytes == b"MTrk")
        .unwrap()
        + 4;
    endless[track_length..track_length + 4].fill(0xFF);
    let whole = beat(8);
    let dataset = load(
        folder_of(&[
            ("cut.mid", &whole[..whole.len() / 2]),
            ("endless.mid", &endless),
        ])
        .path(),
    );
    let [cut, endless] = &dataset.files[..] else {
        panic!("both files are usable")
    };
    assert_eq!(groove_of(endless).n_hits(), 16);
    assert!(cut.is_cut_off && (8..24).contains(&groove_of(cut).n_hits()));
}

#[test]
fn drums_of_a_song_and_a_clip_on_its_own_channel_are_both_read() {
    let mut song = notes_on(4, 36, 9);
    song.extend(notes_on(4, 60, 2));
    let clip = beat_on(4, 38, 0);
    let dataset = load(
        folder_of(&[
            ("clip.mid", &clip),
            ("song.mid", &midi::write(&song, 16.0, 120.0)),
        ])
        .path(),
    );
    let [clip, song] = &dataset.files[..] else {
        panic!("both files are usable")
    };
    assert_eq!(
        (
            clip.extracted.channel,
            clip.extracted.n_notes,
            clip.n_notes_elsewhere
        ),
        (Some(0), 16, 0)
    );
    assert_eq!(
        (
            song.extracted.channel,
            song.extracted.n_notes,
            song.n_notes_elsewhere
        ),
        (Some(9), 16, 16)
    );
}

#[test]
fn windows_start_on_bar_lines_and_fit_into_their_file() {
    let dataset = load(folder_of(&[("long.mid", &beat(10)), ("short.mid", &beat(3))]).path());
    let split = dataset.files[0].split;
    let starts = |hop_bars| -> Vec<usize> {
        dataset
            .windows(split, 64, hop_bars)
            .iter()
            .map(|window| window.first_step)
            .collect()
    };
    assert_eq!(starts(1), [0, 16, 32, 48, 64, 80, 96]);
    assert_eq!(starts(4), [0, 64]);
    assert_eq!(dataset.windows(split, 161, 1), []);
    let window = dataset.windows(split, 64, 4)[1];
    assert_eq!(groove_in(&dataset, &window).n_hits(), 16);
}

/// What is played in a window.
fn groove_in(dataset: &Dataset, window: &Window) -> Groove {
    let output = dataset.example(window, None).output;
    dataset.converter.groove(&output).unwrap()
}

#[test]
fn an_early_hit_belongs_to_the_bar_that_it_announces() {
    let mut notes = notes_on(8, 38, 9);
    notes.push(Note {
        onset_beats: 15.95,
        pitch: 36,
        ..notes[0]
    });
    let dataset = load(folder_of(&[("early.mid", &midi::write(&notes, 32.0, 120.0))]).path());
    let windows = dataset.windows(dataset.files[0].split, 64, 4);
    let [before, after] = [0, 1].map(|place| groove_in(&dataset, &windows[place]));
    assert_eq!(before.cell(63, Voice::Kick), None);
    let announced = after.cell(0, Voice::Kick).unwrap();
    assert!(
        announced.offset > 0.15,
        "0.05 beats are 0.2 steps early: {}",
        announced.offset
    );
}

#[test]
fn an_entry_that_unpacks_to_more_than_any_performance_is_dropped() {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("bomb.mid", options).unwrap();
    for _ in 0..17 {
        zip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    zip.start_file("good.mid", options).unwrap();
    zip.write_all(&beat(4)).unwrap();
    let folder = folder_of(&[("set.zip", &zip.finish().unwrap().into_inner())]);
    let dataset = load(&folder.path().join("set.zip"));
    assert_eq!(names(&dataset), ["good.mid"]);
    assert!(
        dataset.dropped[0].reason.contains("larger than 16 MiB"),
        "{:?}",
        dataset.dropped
    );
}

#[test]
fn a_damaged_archive_entry_is_dropped_and_the_rest_is_kept() {
    let (good, bad) = (beat(4), beat(5));
    let mut archive = zip_of(&[("a-bad.mid", &bad), ("good.mid", &good)]);
    // The entry's data follows its local header of 30 bytes and its name of 9.
    let middle = 39 + bad.len() / 2;
    archive[middle] ^= 0x55;
    let dataset = load(&folder_of(&[("set.zip", &archive)]).path().join("set.zip"));
    assert_eq!(names(&dataset), ["good.mid"]);
    assert_eq!(dataset.dropped.len(), 1);
}

#[test]
fn no_damage_to_an_archive_does_more_than_cost_its_files() {
    let song = beat(4);
    let files: [(&str, &[u8]); 3] = [
        ("info.csv", b"midi_filename,split\na.mid,train\n"),
        ("a.mid", &song),
        ("b.mid", &song),
    ];
    let intact = zip_of(&files);
    let folder = folder_of(&[]);
    let path = folder.path().join("set.zip");
    let converter = Converter::Groove(GrooveConverter::default());
    let mut noise = Noise::from_seed(7);
    let mut n_opened = 0;
    for _ in 0..500 {
        let mut damaged = intact.clone();
        for _ in 0..1 + noise.below(4) {
            let place = noise.below(damaged.len());
            damaged[place] = [0, 0xFF, 0x80][noise.below(3)];
        }
        fs::write(&path, damaged).unwrap();
        n_opened += usize::from(load_with(&path, &converter).is_ok());
    }
    assert!(
        (1..500).contains(&n_opened),
        "some damage is survived and some is not: {n_opened}"
    );
}

#[test]
fn what_holds_no_midi_is_refused_with_a_remedy() {
    let folder = folder_of(&[
        ("cut.zip", &zip_of(&[("a.mid", &beat(4))])[..60]),
        ("text", b"words"),
    ]);
    let cut = load_error(&folder.path().join("cut.zip"));
    assert!(
        cut.contains("neither a folder nor a readable zip archive"),
        "{cut}"
    );
    let text = load_error(&folder.path().join("text"));
    assert!(
        text.contains("neither a folder nor a readable zip archive"),
        "{text}"
    );
    let missing = load_error(&folder.path().join("nowhere"));
    assert!(
        missing.contains("nowhere") && missing.contains("check the path"),
        "{missing}"
    );
    let words = load_error(folder_of(&[("text", b"words")]).path());
    assert!(words.contains("none of them MIDI"), "{words}");
}

#[test]
fn the_set_is_known_by_its_files_and_not_by_their_names() {
    let (one, two) = (beat(4), beat(5));
    let hash = |files: &[(&str, &[u8])]| load(folder_of(files).path()).card.sha256;
    let original = hash(&[("a.mid", &one), ("b.mid", &two)]);
    assert_eq!(original, hash(&[("z/a.mid", &two), ("y.mid", &one)]));
    assert_ne!(original, hash(&[("a.mid", &one)]));
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_followed_once() {
    let folder = folder_of(&[("set/a.mid", &beat(4))]);
    let elsewhere = folder_of(&[("b.mid", &beat(5))]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("set/loop")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("broken.mid"))
        .unwrap();
    let dataset = load(folder.path());
    assert_eq!(names(&dataset), ["linked/b.mid", "set/a.mid"]);
    assert_eq!(dataset.dropped.len(), 1, "the broken link is named");
    assert_eq!(dataset.dropped[0].name, "broken.mid");
}

#[test]
fn a_file_that_goes_after_it_was_listed_is_named_and_the_others_are_read() {
    let folder = folder_of(&[("a.mid", &beat(4)), ("b.mid", &beat(5))]);
    let mut corpus = Corpus::open(folder.path()).unwrap();
    fs::remove_file(folder.path().join("a.mid")).unwrap();
    let converter = Converter::Groove(GrooveConverter::default());
    let reading = Reading::default();
    let outcomes = corpus.read(Shard::WHOLE, &converter, &reading);
    let names = outcomes.iter().map(|outcome| match &outcome.performance {
        Ok(file) => Ok(file.name.as_str()),
        Err(dropped) => Err(dropped.name.as_str()),
    });
    assert_eq!(names.collect::<Vec<_>>(), [Err("a.mid"), Ok("b.mid")]);
}

#[test]
fn any_converter_finds_its_material_and_makes_examples_of_it() {
    let mut notes = notes_on(6, 36, 9);
    notes.extend(notes_on(6, 60, 0));
    let song = midi::write(&notes, 24.0, 120.0);
    let folder = folder_of(&[("song.mid", &song), ("drums.mid", &beat(6))]);
    let drums = Converter::Drums(DrumsConverter {
        input: DrumRows::Roll,
        ..DrumsConverter::default()
    });
    let melody = Converter::Melody(MelodyConverter {
        transpose: 5,
        ..MelodyConverter::default()
    });
    for (converter, usable) in [
        (drums, &["drums.mid", "song.mid"][..]),
        (melody, &["song.mid"]),
    ] {
        let dataset = load_with(folder.path(), &converter).unwrap();
        assert_eq!(names(&dataset), usable);
        assert_eq!(dataset.files.len() + dataset.dropped.len(), 2);
        let split = dataset.files[usable.len() - 1].split;
        let windows = dataset.windows(split, 64, 1);
        assert!(!windows.is_empty());
        let mut noise = Noise::from_seed(2);
        for window in dataset.draw(&windows, &mut noise) {
            let example = dataset.example(&window, Some(&mut noise));
            assert_eq!(*example.input.layout(), converter.input());
            assert_eq!(*example.output.layout(), converter.output());
            assert_eq!(
                (example.input.n_steps(), example.output.n_steps()),
                (64, 64)
            );
        }
    }
}

#[test]
fn an_epoch_takes_so_many_windows_of_each_file() {
    // Kicks on other beats in each bar: no two windows are equal.
    let song = |offset: usize| {
        let is_played =
            |beat: usize| beat.is_multiple_of(4) || (beat / 4 + offset) >> (beat % 4) & 1 == 1;
        let mut notes = notes_on(12, 36, 9);
        let mut beats = 0..;
        notes.retain(|_| beats.next().is_some_and(is_played));
        midi::write(&notes, 48.0, 120.0)
    };
    let folder = folder_of(&[
        ("a.mid", &song(1)),
        ("b.mid", &song(2)),
        ("c.mid", &song(3)),
    ]);
    let converter = Converter::Drums(DrumsConverter {
        max_per_song: Some(4),
        ..DrumsConverter::default()
    });
    let dataset = load_with(folder.path(), &converter).unwrap();
    let split = dataset.files[0].split;
    let n_files = dataset
        .files
        .iter()
        .filter(|file| file.split == split)
        .count();
    let windows = dataset.windows(split, 32, 1);
    assert_eq!(windows.len(), 11 * n_files);
    let mut noise = Noise::from_seed(4);
    let [first, second] = [(); 2].map(|()| dataset.draw(&windows, &mut noise));
    assert_eq!((first.len(), second.len()), (4 * n_files, 4 * n_files));
    assert_ne!(first, second, "each epoch draws anew");
}

#[test]
fn a_part_of_a_large_set_names_the_folders_that_are_not_there_once() {
    let song = beat_on(4, 60, 0);
    let table = b"canonical_composer,split,year,midi_filename\n\
        Berg,train,2018,2018/a.midi\nBerg,test,2018,2018/b.midi\nBach,validation,2015,2015/c.midi\n\
        Bach,train,2015,2015/d.midi\n";
    let folder = folder_of(&[("set/table-v3.csv", table), ("set/2015/c.midi", &song)]);
    let melody = Converter::Melody(MelodyConverter::default());
    let dataset = load_with(folder.path(), &melody).unwrap();
    assert_eq!(dataset.index.as_deref(), Some("set/table-v3.csv"));
    assert_eq!(names(&dataset), ["set/2015/c.midi"]);
    assert_eq!(dataset.files[0].split, Split::Validation);
    let dropped: Vec<_> = dataset
        .dropped
        .iter()
        .map(|file| (file.name.as_str(), file.reason.as_str()))
        .collect();
    assert_eq!(
        dropped,
        [
            ("set/2015/d.midi", "listed in table-v3.csv, but not there"),
            (
                "set/2018/",
                "a folder that is not there, with 2 file(s) listed in table-v3.csv"
            ),
        ]
    );
}

#[test]
fn settings_that_make_no_sense_stop_before_anything_is_read() {
    let converter = Converter::Drums(DrumsConverter {
        classes: 8,
        ..DrumsConverter::default()
    });
    let problem = load_with(folder_of(&[("a.mid", &beat(4))]).path(), &converter).unwrap_err();
    assert!(
        problem.to_string().contains("converter.classes"),
        "{problem}"
    );
}

#[test]
fn a_file_that_changes_its_metre_is_used_up_to_there_and_after_it() {
    // A kick on every beat of four ticks: four bars of 4/4, two of 3/4, five of 4/4.
    let kicks = |n_beats| [0, 0x99, 36, 100, 4, 36, 0].repeat(n_beats);
    let metre = |numerator| vec![0, 0xFF, 0x58, 4, numerator, 2, 24, 8];
    let track = [
        [metre(4), kicks(16)].concat(),
        [metre(3), kicks(6)].concat(),
        [metre(4), kicks(20)].concat(),
    ]
    .concat();
    let length = u32::try_from(track.len()).unwrap().to_be_bytes();
    let header = b"MThd\0\0\0\x06\0\0\0\x01\0\x04MTrk";
    let song = [&header[..], &length, &track].concat();

    let dataset = load(folder_of(&[("song.mid", &song)]).path());
    let [file] = &dataset.files[..] else {
        panic!("the file is usable: {:?}", dataset.dropped)
    };
    let [reason] = &file.extracted.left_out[..] else {
        panic!("one section is left out")
    };
    assert!(
        reason.contains("from beat 16, its metre is 3/4"),
        "{reason}"
    );
    let windows = dataset.windows(file.split, 64, 1);
    let places: Vec<_> = windows
        .iter()
        .map(|window| (window.part, window.first_step))
        .collect();
    assert_eq!(places, [(0, 0), (1, 0), (1, 16)]);

    let report = crate::data::prepare::Report::of(&dataset, Path::new("set"), 64, 1).to_string();
    assert!(
        report.contains("1  sections of usable files left out:"),
        "{report}"
    );
    assert!(
        report.contains("6  lost: in sections that are not used"),
        "{report}"
    );
}
