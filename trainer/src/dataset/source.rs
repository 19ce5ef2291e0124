//! One MIDI file, judged and turned into a groove.

use super::Split;
use super::index::Row;
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::{Groove, MAX_BARS, NotesLost};
use fourbar_model::midi::{self, Song};
use fourbar_model::note::Note;

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
    /// Notes without an end or without a length, which are left out; on any channel.
    pub n_unclosed: usize,
    /// Whether the file stops in the middle of a track; what came before was read.
    pub is_cut_off: bool,
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
        let song = midi::read(bytes).map_err(|error| error.to_string())?;
        let notes = song.drum_notes().map_err(|error| error.to_string())?;
        let (song_groove, lost) = Groove::from_notes(&notes, map);
        if lost.outside > 0 {
            let n_outside = lost.outside;
            return Err(format!(
                "{n_outside} of its notes lie beyond bar {MAX_BARS}: it is damaged, or cut it into parts"
            ));
        }
        if song_groove.n_hits() == 0 {
            let keys: Vec<_> = lost.unmapped.keys().map(u8::to_string).collect();
            return Err(format!(
                "none of its {} notes is in the {} map (keys {})",
                notes.len(),
                map.name,
                keys.join(", ")
            ));
        }
        let split = match row {
            Some(row) => row.split().ok_or_else(|| {
                format!(
                    "info.csv puts it into an unknown split, \"{}\"",
                    row.split_word()
                )
            })?,
            None => Split::of_content(sha256),
        };
        Ok(Self {
            name: name.to_owned(),
            split,
            style: row.and_then(Row::style).map(str::to_owned),
            bpm: row
                .and_then(Row::bpm)
                .unwrap_or_else(|| tempo_at_first_note(&song, &notes)),
            channel: notes
                .first()
                .map_or(midi::DRUM_CHANNEL, |note| note.channel),
            n_notes: notes.len(),
            n_notes_elsewhere: song.notes.len() - notes.len(),
            n_unclosed: song.unclosed_notes,
            is_cut_off: song.truncated_at.is_some(),
            song_groove,
            lost,
        })
    }
}

/// The tempo in force at the first note, in quarter notes a minute; MIDI's default is 120.
fn tempo_at_first_note(song: &Song, notes: &[Note]) -> f64 {
    let first_beats = notes.first().map_or(0.0, |note| note.onset_beats);
    song.tempos
        .iter()
        .rfind(|tempo| tempo.beats <= first_beats)
        .map_or(120.0, |tempo| tempo.bpm)
}
