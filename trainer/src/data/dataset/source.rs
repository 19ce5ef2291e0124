//! One MIDI file, judged and turned into extracted.

use super::copies::Fingerprint;
use super::index::{BeatType, Listing};
use super::split::Split;
use crate::reading::{Holdout, Reading};
use fourbar_model::converter::{Converter, Extracted};
use fourbar_model::drums::DrumMap;
use fourbar_model::midi::Repair;

/// One usable performance.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path below the data set's root, with `/` between its parts.
    pub name: String,
    /// What it is used for.
    pub split: Split,
    /// Primary style, such as `rock`, where an index names it.
    pub style: Option<String>,
    /// Whether it is a beat or a fill, where an index says so.
    pub beat_type: Option<BeatType>,
    /// Who plays, where an index names them.
    pub performer: Option<String>,
    /// Tempo at the first note, in quarter notes a minute. Notes are in beats, so it never shapes an example.
    pub bpm: f64,
    /// What windows are cut from.
    pub extracted: Extracted,
    /// Notes that the converter does not look at: other channels, other sounds.
    pub n_notes_elsewhere: usize,
    /// Notes without an end or without a length, on any channel: left out of a listed file, which is read as its
    /// publishers do, and kept in others.
    pub n_unclosed: usize,
    /// Whether the file stops in the middle of a track; what came before was read.
    pub is_cut_off: bool,
    /// What of the file is damaged and was mended.
    pub repairs: Vec<Repair>,
    /// Whether it is a short loop that was repeated.
    pub is_repeated: bool,
    /// Its place among the files of its corpus.
    pub(super) place: usize,
    /// What its copies share with it.
    pub(super) fingerprint: Fingerprint,
}

impl SourceFile {
    /// Reads one performance, or says why it cannot be used.
    ///
    /// Its grid of onsets decides the split of a file without a `listing` in an index.
    pub(super) fn read(
        name: &str,
        place: usize,
        bytes: &[u8],
        listing: Option<Listing<'_>>,
        converter: &Converter,
        map: &DrumMap,
        reading: &Reading,
    ) -> Result<Self, String> {
        let song = reading
            .song(bytes, listing.is_some() || converter.is_compatible())
            .map_err(|error| error.to_string())?;
        let mut extracted = converter
            .extract(&song, map)
            .map_err(|error| error.to_string())?;
        let is_repeated = reading
            .repeat_to
            .is_some_and(|n_steps| extracted.repeat_to(n_steps));
        let fingerprint = Fingerprint::of(&song);
        let split = match listing {
            Some(Listing { index, row }) => row.split().ok_or_else(|| {
                format!(
                    "{} puts it into an unknown split, \"{}\"",
                    index.base_name(),
                    row.split_word()
                )
            })?,
            None if reading.validation == Holdout::None => Split::Train,
            None => Split::of_content(&fingerprint.grid),
        };
        let row = listing.map(|listing| listing.row);
        Ok(Self {
            name: name.to_owned(),
            split,
            style: row.and_then(|row| row.style()).map(str::to_owned),
            beat_type: row.and_then(|row| row.beat_type()),
            performer: row.and_then(|row| row.performer()).map(str::to_owned),
            bpm: row
                .and_then(|row| row.bpm())
                .unwrap_or_else(|| song.bpm_at(extracted.first_beats)),
            n_notes_elsewhere: song.notes.len() - extracted.n_notes,
            extracted,
            n_unclosed: song.unclosed_notes,
            is_cut_off: song.truncated_at.is_some(),
            repairs: song.repairs,
            is_repeated,
            place,
            fingerprint,
        })
    }
}
