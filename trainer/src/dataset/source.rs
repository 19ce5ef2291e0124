//! One MIDI file, judged and turned into a groove.

use super::Split;
use super::index::Row;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, MAX_BARS, NotesLost};
use fourbar_model::midi::{self, Song};
use fourbar_model::note::Note;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// General MIDI's drum channel, counted from 0.
const DRUM_CHANNEL: u8 = 9;

/// The keys on which the General MIDI drum kit has its drums and cymbals.
const KIT_KEYS: RangeInclusive<u8> = 35..=59;

/// The keys of kick and snare, without which a single-channel clip is not taken for drums.
const BACKBONE_KEYS: RangeInclusive<u8> = 35..=40;

/// Length of the only bar that a groove knows, in quarter notes.
const BEATS_PER_BAR: f64 = 4.0;

/// One usable performance.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path below the data set's root, with `/` between its parts.
    pub name: String,
    /// What it is used for.
    pub split: Split,
    /// Primary style, such as `rock`, where an index names it.
    pub style: Option<String>,
    /// Tempo at the first note, in quarter notes a minute. Notes are in beats, so it never shapes a groove.
    pub bpm: f64,
    /// MIDI channel that was read, 0–15.
    pub channel: u8,
    /// Notes on that channel.
    pub n_notes: usize,
    /// Notes on other channels, which are not drums.
    pub n_notes_elsewhere: usize,
    /// Notes that begin in the file and never end, on any channel.
    pub n_unclosed: usize,
    /// The whole performance, in whole bars.
    pub song_groove: Groove,
    /// Notes that are not in the groove.
    pub lost: NotesLost,
}

impl SourceFile {
    /// Reads one performance, or says why it cannot be used.
    ///
    /// `sha256` is that of `bytes` and decides the split of a file without a `row` in the index.
    pub(super) fn read(
        name: &str,
        bytes: &[u8],
        sha256: &[u8; 32],
        row: Option<&Row>,
        map: &DrumMap,
    ) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("empty file".to_owned());
        }
        let song = midi::read(bytes).map_err(|error| error.to_string())?;
        let (channel, notes) = drum_notes(&song)?;
        check_metre(&song, &notes)?;
        let (song_groove, lost) = Groove::from_notes(&notes, map);
        if lost.outside > 0 {
            let n_outside = lost.outside;
            return Err(format!("{n_outside} of its notes lie beyond bar {MAX_BARS}: it is damaged, or cut it into parts"));
        }
        if song_groove.n_hits() == 0 {
            let keys: Vec<_> = lost.unmapped.keys().map(u8::to_string).collect();
            return Err(format!("none of its {} notes is in the {} map (keys {})", notes.len(), map.name, keys.join(", ")));
        }
        let split = match row {
            Some(row) => {
                row.split().ok_or_else(|| format!("info.csv puts it into an unknown split, \"{}\"", row.split_word()))?
            }
            None => Split::of_content(sha256),
        };
        Ok(Self {
            name: name.to_owned(),
            split,
            style: row.and_then(Row::style).map(str::to_owned),
            bpm: row.and_then(Row::bpm).unwrap_or_else(|| tempo_at_first_note(&song, &notes)),
            channel,
            n_notes: notes.len(),
            n_notes_elsewhere: song.notes.len() - notes.len(),
            n_unclosed: song.unclosed_notes,
            song_groove,
            lost,
        })
    }
}

/// The notes of a song that are drums, and their channel.
///
/// These are the notes on channel 10. A clip that a sequencer exported on its track's channel has none there: it is
/// taken for drums if it uses a single channel, at least nine tenths of its notes are keys of the General MIDI kit,
/// and kick or snare is among them. A song of melodies alone would otherwise be learnt as drumming.
fn drum_notes(song: &Song) -> Result<(u8, Vec<Note>), String> {
    if song.notes.is_empty() {
        return Err("no notes".to_owned());
    }
    let on_drum_channel: Vec<Note> = song.notes.iter().copied().filter(|note| note.channel == DRUM_CHANNEL).collect();
    if !on_drum_channel.is_empty() {
        return Ok((DRUM_CHANNEL, on_drum_channel));
    }
    let channels: BTreeSet<u8> = song.notes.iter().map(|note| note.channel).collect();
    let n_kit_keys = song.notes.iter().filter(|note| KIT_KEYS.contains(&note.pitch)).count();
    let has_backbone = song.notes.iter().any(|note| BACKBONE_KEYS.contains(&note.pitch));
    match channels.first() {
        Some(&channel) if channels.len() == 1 && n_kit_keys * 10 >= song.notes.len() * 9 && has_backbone => {
            Ok((channel, song.notes.clone()))
        }
        _ => {
            let channels: Vec<_> = channels.iter().map(|channel| (channel + 1).to_string()).collect();
            let n_notes = song.notes.len();
            Err(format!("no drums: nothing on channel 10, and its {n_notes} notes on channel {} are no drum kit", channels.join(", ")))
        }
    }
}

/// Refuses a song whose bars, as far as it has notes, are not all four quarter notes long and one after the other.
fn check_metre(song: &Song, notes: &[Note]) -> Result<(), String> {
    let end_beats = notes.last().map_or(0.0, |note| note.onset_beats);
    for signature in song.time_signatures.iter().filter(|signature| signature.beats <= end_beats) {
        let (numerator, denominator) = (signature.numerator, signature.denominator);
        if u32::from(numerator) != denominator {
            return Err(format!("metre {numerator}/{denominator}: only bars of four quarter notes can be learnt"));
        }
        let bars = signature.beats / BEATS_PER_BAR;
        if (bars - bars.round()).abs() > 1e-6 {
            return Err(format!(
                "a time signature in the middle of a bar, at beat {:.2}: its bar lines are not every four quarter notes",
                signature.beats
            ));
        }
    }
    Ok(())
}

/// The tempo in force at the first note, in quarter notes a minute; MIDI's default is 120.
fn tempo_at_first_note(song: &Song, notes: &[Note]) -> f64 {
    let first_beats = notes.first().map_or(0.0, |note| note.onset_beats);
    song.tempos.iter().rfind(|tempo| tempo.beats <= first_beats).map_or(120.0, |tempo| tempo.bpm)
}

