//! Melody, bass and drums together: three labels a step.

use super::drums::{self, DrumsConverter};
use super::extracted::{Content, Extracted, Part};
use super::melody::{self, MelodyConverter};
use super::sections::{Extent, NotesSeen, Section, Sections, steps};
use super::{Convert, Example, Subject, wrong};
use crate::conditions::Conditions;
use crate::drums::{DrumMap, N_VOICES};
use crate::error::Error;
use crate::groove::NotesLost;
use crate::midi::{DRUM_CHANNEL, Program, Song};
use crate::noise::Noise;
use crate::note::Note;
use crate::rows::{RowLayout, Rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The sounds of melodies: keyboards, mallets, organs and guitars.
const MELODIC: Range<u8> = 0..32;
/// The sounds of basses.
const BASSES: Range<u8> = 32..40;
/// Magenta looks at no more instruments of a song.
const MAX_INSTRUMENTS: usize = 33;

/// Trios to examples and back.
///
/// Every melodic instrument is combined with every bass and every drummer. A window is used where all three play, a
/// short rest allowed. What Magenta does otherwise, with `magenta_compat`: a change of tempo begins a new bar, and
/// of a song with more windows than `max_per_song` (5 if it is not given) the same are taken in every epoch.
///
/// # Source
/// Magenta's `TrioConverter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrioConverter {
    /// An instrument may rest so many bars before and after one in which it plays.
    pub gap_bars: usize,
    /// The most bars of a song; what comes after is left out.
    pub max_bars: usize,
    /// The most windows of a song that an epoch learns from; all without it.
    pub max_per_song: Option<usize>,
    /// Also use songs whose bars have another length than 16 steps; windows begin on their own bar lines.
    pub any_metre: bool,
    /// Do as Magenta does.
    pub magenta_compat: bool,
}

impl Default for TrioConverter {
    fn default() -> Self {
        Self {
            gap_bars: 2,
            max_bars: 1024,
            max_per_song: None,
            any_metre: false,
            magenta_compat: false,
        }
    }
}

impl Convert for TrioConverter {
    fn subject(&self) -> Subject {
        Subject {
            music: "melody, bass and drums",
            files: "melody, bass and drums (on channel 10) in 4/4",
            notes: "of melodies, basses and drums",
            same_cell: "a higher note, or another of the same drum, on the same 16th step",
            unmapped: Some("on keys that no drum of the map and no piano has".to_owned()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.max_bars == 0 {
            return Err(wrong("max_bars", "is at least 1"));
        }
        Ok(())
    }

    fn extract(
        &self,
        song: &Song,
        mut sections: Sections,
        map: &DrumMap,
        extent: Extent,
    ) -> Result<Extracted, Error> {
        if song.notes.is_empty() {
            return Err(Error::Song("it has no notes".to_owned()));
        }
        // Every instrument counts for the length of a section, whether it is one of a trio or not.
        let mut bands: BTreeMap<usize, Band> = BTreeMap::new();
        for section in sections.cut(&song.notes, &mut NotesLost::default())? {
            let n_bars = section.n_steps().div_ceil(section.steps_per_bar);
            bands.insert(
                section.place,
                Band {
                    start_beats: section.start_beats,
                    steps_per_bar: section.steps_per_bar,
                    n_bars: n_bars.min(self.max_bars),
                    players: [const { Vec::new() }; 3],
                },
            );
        }
        let mut seen = NotesSeen::nothing();
        for (role, notes) in self.musicians(song, map, &mut seen) {
            seen.add(&notes);
            for section in sections.cut(&notes, &mut seen.lost)? {
                let band = bands
                    .get_mut(&section.place)
                    .expect("every note of the song is in a section");
                if let Some(player) = self.player(role, &section, band.n_bars, map, &mut seen.lost)
                {
                    band.players[role as usize].push(player);
                }
            }
        }

        let mut parts = Vec::new();
        let mut incomplete = Vec::new();
        for mut band in bands.into_values() {
            if let Some(missing) = band.missing() {
                incomplete.push((band.start_beats, missing));
                if !matches!(extent, Extent::Whole { .. }) || band.n_notes() == 0 {
                    seen.lost.outside += band.n_notes();
                    continue;
                }
                // A song that a person chose is taken as it is.
                band.rest();
            }
            parts.extend(self.trios(&band, extent));
        }
        let nothing = incomplete.first().map(|(_, missing)| missing.clone());
        let mut extracted = sections.extracted(parts, seen, |_| {
            nothing.unwrap_or_else(|| "it has no notes in time".to_owned())
        })?;
        let reasons = incomplete
            .into_iter()
            .map(|(beat, missing)| format!("from beat {beat}, {missing}"));
        extracted.left_out.extend(reasons);
        Ok(extracted)
    }

    fn notes(&self, rows: &Rows, map: &DrumMap) -> Vec<Note> {
        assert_eq!(
            *rows.layout(),
            Self::layout(),
            "the rows are another converter's"
        );
        let labels = rows.labels().expect("a trio's rows are labels");
        let voice = |place: usize| labels.iter().copied().skip(place).step_by(3);
        let melody = MelodyConverter::default();
        let mut notes = melody.sounding(voice(0), Self::PROGRAMS[0].channel);
        notes.extend(melody.sounding(voice(1), Self::PROGRAMS[1].channel));
        let drums = DrumsConverter::default();
        let drum_rows = Rows::of_labels(drums.output(), voice(2).collect());
        notes.extend(drums.notes(&drum_rows, map));
        notes.sort_by(|a, b| a.onset_beats.total_cmp(&b.onset_beats));
        notes
    }

    fn input(&self) -> RowLayout {
        Self::layout()
    }

    fn example(&self, content: &Content, steps: Range<usize>, _: Option<&mut Noise>) -> Example {
        content.trio().example(steps)
    }

    fn programs(&self) -> &'static [Program] {
        Self::PROGRAMS
    }

    fn channel_of(&self, is_drum: bool, program: u8) -> Option<u8> {
        Some(match role(is_drum, program)? {
            Role::Melody => Self::PROGRAMS[0].channel,
            Role::Bass => Self::PROGRAMS[1].channel,
            Role::Drums => DRUM_CHANNEL,
        })
    }
}

impl TrioConverter {
    /// The channel that each of the three is written on, and the sounds: a piano, a finger bass.
    const PROGRAMS: &[Program] = &[
        Program {
            channel: 0,
            program: 0,
        },
        Program {
            channel: 1,
            program: 33,
        },
    ];

    /// Melody, bass, drums.
    fn layout() -> RowLayout {
        let RowLayout::OneHot { classes } = MelodyConverter::default().input() else {
            unreachable!("a melody is one of many keys");
        };
        RowLayout::OneHots {
            classes: vec![classes, classes, 1 << N_VOICES],
        }
    }

    /// Who could be one of the three, and what they play.
    fn musicians(&self, song: &Song, map: &DrumMap, seen: &mut NotesSeen) -> Vec<(Role, Vec<Note>)> {
        let drums = song.drums_in(map).ok().filter(|_| !self.magenta_compat);
        let drummers = match &drums {
            Some(drums) => drums.instruments.iter().copied().collect(),
            None => super::drummers(song, true),
        };
        let mut musicians = Vec::new();
        for (place, instrument) in song.instruments.iter().take(MAX_INSTRUMENTS).enumerate() {
            let Some(role) = role(drummers.contains(&place), instrument.program) else {
                continue;
            };
            let notes = match role {
                Role::Drums => song.notes_of(instrument).copied().collect(),
                Role::Melody | Role::Bass => melody::sounding(song, instrument),
            };
            musicians.push((role, notes));
        }
        // Where the drums are not simply channel 10, several instruments can be one kit.
        if let Some(drums) = drums.filter(|drums| drums.found.is_some()) {
            musicians.retain(|(role, _)| !matches!(role, Role::Drums));
            musicians.push((Role::Drums, seen.drums(drums, map)));
        }
        musicians
    }

    /// What one instrument plays in a section, if anything.
    fn player(
        &self,
        role: Role,
        section: &Section,
        n_bars: usize,
        map: &DrumMap,
        lost: &mut NotesLost,
    ) -> Option<Player> {
        let n_steps = n_bars * section.steps_per_bar;
        let n_lost_before = lost.total();
        let labels: Arc<[u16]> = match role {
            Role::Melody | Role::Bass => {
                let strikes = MelodyConverter::default().strikes(&section.notes, lost);
                let mut melodies =
                    melody::melodies(&strikes, section.steps_per_bar, usize::MAX, lost);
                let mut melody = melodies.pop()?.whole(n_steps);
                melody.cut(n_steps, lost);
                melody.labels.into()
            }
            Role::Drums => {
                let hits = DrumsConverter::default().hits(&section.notes, map, lost);
                let mut tracks = drums::tracks(&hits, section.steps_per_bar, usize::MAX);
                let mut track = tracks.pop()?.whole(n_steps);
                track.cut(n_steps, lost);
                track.bits.iter().copied().map(drums::label).collect()
            }
        };
        let mut plays = vec![false; n_bars];
        for note in &section.notes {
            let (first, end) = steps(note);
            let first_bar = (first / section.steps_per_bar).min(n_bars);
            let end_bar = end.div_ceil(section.steps_per_bar).min(n_bars);
            plays[first_bar..end_bar.max(first_bar)].fill(true);
        }
        let is_covered = |bar: usize| {
            let first = bar.saturating_sub(self.gap_bars);
            let end = bar
                .saturating_add(self.gap_bars)
                .saturating_add(1)
                .min(n_bars);
            plays[first..end].contains(&true)
        };
        Some(Player {
            labels,
            n_notes: section.notes.len() - (lost.total() - n_lost_before),
            covered: (0..n_bars).map(is_covered).collect(),
        })
    }

    /// Every melody with every bass and every drummer.
    fn trios(&self, band: &Band, extent: Extent) -> Vec<Part> {
        let [melodies, basses, drummers] = &band.players;
        let mut parts = Vec::new();
        for melody in melodies {
            for bass in basses {
                for drums in drummers {
                    let mut trio = Parts {
                        voices: [melody, bass, drums].map(|player| Arc::clone(&player.labels)),
                        n_steps: band.n_bars * band.steps_per_bar,
                        covered: self.covered([melody, bass, drums]),
                    };
                    if let Extent::Whole { n_steps, n_loop } = extent {
                        trio.n_steps = trio.n_steps.max(n_steps).max(n_loop);
                        trio.covered = vec![true; trio.n_steps.div_ceil(band.steps_per_bar)];
                    }
                    parts.push(Part {
                        start_beats: band.start_beats,
                        steps_per_bar: band.steps_per_bar,
                        content: Content::Trio(trio),
                    });
                }
            }
        }
        parts
    }

    /// The bars in which all three play or may rest: in the first and the last ones it is enough that one plays.
    fn covered(&self, players: [&Player; 3]) -> Vec<bool> {
        let n_bars = players[0].covered.len();
        let all = |bar: usize| players.iter().all(|player| player.covered[bar]);
        let mut covered: Vec<bool> = (0..n_bars).map(all).collect();
        let edge = self.gap_bars.min(n_bars);
        for bars in [0..edge, n_bars - edge..n_bars] {
            let any = players
                .iter()
                .any(|player| player.covered[bars.clone()].contains(&true));
            covered[bars].fill(any);
        }
        covered
    }
}

/// What an instrument is in a trio.
#[derive(Clone, Copy)]
enum Role {
    Melody,
    Bass,
    Drums,
}

fn role(is_drum: bool, program: u8) -> Option<Role> {
    if is_drum {
        Some(Role::Drums)
    } else if MELODIC.contains(&program) {
        Some(Role::Melody)
    } else if BASSES.contains(&program) {
        Some(Role::Bass)
    } else {
        None
    }
}

/// Who plays in a section.
struct Band {
    start_beats: f64,
    steps_per_bar: usize,
    n_bars: usize,
    /// By [`Role`].
    players: [Vec<Player>; 3],
}

impl Band {
    /// Who is missing for a trio, in words.
    fn missing(&self) -> Option<String> {
        let names = [
            "melody (a sound of 0 to 31)",
            "bass (a sound of 32 to 39)",
            "drums (MIDI channel 10)",
        ];
        let players = names.iter().zip(&self.players);
        let missing: Vec<&str> = players
            .filter(|(_, players)| players.is_empty())
            .map(|(name, _)| *name)
            .collect();
        (!missing.is_empty())
            .then(|| format!("it is no trio, for it has no {}", missing.join(" and no ")))
    }

    /// How many notes everyone plays.
    fn n_notes(&self) -> usize {
        let players = self.players.iter().flatten();
        players.map(|player| player.n_notes).sum()
    }

    /// Lets those who are missing rest.
    fn rest(&mut self) {
        let n_steps = self.n_bars * self.steps_per_bar;
        for players in self.players.iter_mut().filter(|players| players.is_empty()) {
            players.push(Player {
                labels: vec![0; n_steps].into(),
                n_notes: 0,
                covered: vec![true; self.n_bars],
            });
        }
    }
}

/// What one instrument plays.
struct Player {
    /// Of the whole section.
    labels: Arc<[u16]>,
    /// How many notes they are.
    n_notes: usize,
    /// The bars in which it plays or may rest.
    covered: Vec<bool>,
}

/// Melody, bass and drums of one combination.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    /// What each plays; it rests after the end.
    voices: [Arc<[u16]>; 3],
    n_steps: usize,
    /// The bars that windows may hold.
    covered: Vec<bool>,
}

impl Parts {
    pub(super) fn n_steps(&self) -> usize {
        self.n_steps
    }

    pub(super) fn cover(&self, first_step: usize, n_steps: usize, steps_per_bar: usize) -> bool {
        let end = (first_step + n_steps).div_ceil(steps_per_bar);
        self.covered[first_step / steps_per_bar..end]
            .iter()
            .all(|bar| *bar)
    }

    pub(super) fn example(&self, steps: Range<usize>) -> Example {
        let label = |voice: &Arc<[u16]>, step: usize| voice.get(step).copied().unwrap_or(0);
        let labels = steps.flat_map(|step| self.voices.each_ref().map(|voice| label(voice, step)));
        let rows = Rows::of_labels(TrioConverter::layout(), labels.collect());
        Example {
            input: rows.clone(),
            output: rows,
            conditions: Conditions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::super::Converter;
    use super::*;
    use proptest::prelude::*;

    /// A whole note in each of these bars.
    fn whole_notes(channel: u8, pitch: u8, bars: Range<u8>) -> Vec<Note> {
        let note = |bar| Note {
            onset_beats: 4.0 * f64::from(bar),
            duration_beats: 4.0,
            pitch,
            velocity: 0.5,
            channel,
        };
        bars.map(note).collect()
    }

    fn song(players: &[Vec<Note>]) -> Song {
        let guitar = Program {
            channel: 2,
            program: 30,
        };
        let programs = [TrioConverter::PROGRAMS, &[guitar]].concat();
        Song::from_notes(players.concat(), &programs)
    }

    fn windows(song: &Song, n_bars: usize) -> (Extracted, Vec<super::super::Place>) {
        let converter = Converter::Trio(TrioConverter::default());
        let extracted = converter.extract(song, &DrumMap::GM).unwrap();
        let windows = converter.windows(&extracted, 16 * n_bars, 1);
        (extracted, windows)
    }

    #[test]
    fn every_melody_goes_with_every_bass_and_every_drummer() {
        let song = song(&[
            whole_notes(0, 60, 0..4),
            whole_notes(1, 40, 0..4),
            whole_notes(2, 67, 0..4),
            whole_notes(9, 36, 0..4),
        ]);
        let (extracted, windows) = windows(&song, 2);
        assert_eq!((extracted.parts.len(), windows.len()), (2, 2 * 3));
        let converter = Converter::Trio(TrioConverter::default());
        let example = converter.example(&extracted, &windows[3], 32, None);
        assert_eq!(example.input.labels().unwrap()[..3], [67 - 19, 40 - 19, 1]);
        assert_eq!(example.input.layout().width(), 692);
    }

    #[test]
    fn windows_lie_where_all_three_play_or_rest_for_a_short_while() {
        let drums = whole_notes(9, 36, 0..12);
        let bass = whole_notes(1, 40, 0..12);
        let melody = [whole_notes(0, 60, 0..2), whole_notes(0, 60, 8..12)].concat();
        let (_, windows) = windows(&song(&[melody, bass, drums]), 3);
        // Two bars after the second and two before the eighth may be rests: bars 0 to 3 and 6 to 11.
        let first_bars: Vec<_> = windows.iter().map(|place| place.first_step / 16).collect();
        assert_eq!(first_bars, [0, 1, 6, 7, 8, 9]);
    }

    #[test]
    fn a_song_without_one_of_the_three_is_refused_with_its_name() {
        let song = song(&[whole_notes(0, 60, 0..4), whole_notes(9, 36, 0..4)]);
        let converter = Converter::Trio(TrioConverter::default());
        let problem = converter.extract(&song, &DrumMap::GM).unwrap_err();
        assert!(problem.to_string().contains("has no bass"), "{problem}");
    }

    /// Labels of one voice in which no note ends that did not begin.
    fn voice() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec((2..90_u16, 1..4_usize), 16).prop_map(|notes| {
            let mut labels = Vec::new();
            for (key, n_steps) in notes {
                labels.push(key);
                labels.resize(labels.len() + n_steps - 1, 0);
                labels.push(1);
            }
            labels.truncate(32);
            labels
        })
    }

    proptest! {
        #[test]
        fn rows_return_from_their_notes(
            melody in voice(), bass in voice(), drums in prop::collection::vec(1..512_u16, 32),
        ) {
            let labels = (0..32).flat_map(|step| [melody[step], bass[step], drums[step]]);
            let rows = Rows::of_labels(TrioConverter::layout(), labels.collect());
            let converter = Converter::Trio(TrioConverter::default());
            let notes = converter.notes(&rows, &DrumMap::GM);
            let song = Song::from_notes(notes, converter.programs());
            let extracted = converter.extract(&song, &DrumMap::GM).unwrap();
            let windows = converter.windows(&extracted, 32, 1);
            prop_assert_eq!(windows.len(), 1);
            prop_assert_eq!(converter.example(&extracted, &windows[0], 32, None).output, rows);
        }
    }
}
