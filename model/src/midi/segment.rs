//! A song cut where its metre or its tempo changes.
//!
//! Windows are cut on bar lines, and bar lines are counted from the last change of metre. Notes are in beats, so a
//! change of tempo alone moves nothing: only who wants what Magenta gets cuts there as well.

use super::{Song, TimeSignature};
use crate::groove::HALF_STEP_BEATS;
use crate::note::Note;

/// Where a song is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitAt {
    /// Where the metre changes. A hit less than half a step before the change belongs to the downbeat it announces.
    Metre,
    /// Where metre or tempo changes, to the tick: an early downbeat is left to the section before.
    MetreOrTempo,
}

/// A section of a song in one metre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Where it begins, in beats; bars are counted from here.
    pub start_beats: f64,
    /// Where the next one begins; infinite for the last.
    pub end_beats: f64,
    /// The metre of all its bars.
    pub signature: TimeSignature,
    /// How much earlier than its ends its notes may begin, in beats.
    early_beats: f64,
}

impl Song {
    /// The song in sections of one metre, in the order of time; at least one.
    ///
    /// A song begins in 4/4 at 120 beats per minute. Changes at beat 0 only say how it begins; those that change
    /// nothing, and those after the last note, cut nothing.
    ///
    /// # Source
    /// note-seq's `split_note_sequence_on_time_changes`.
    #[must_use]
    pub fn segments(&self, split_at: SplitAt) -> Vec<Segment> {
        let (cuts_at_tempo, early_beats) = match split_at {
            SplitAt::Metre => (false, HALF_STEP_BEATS),
            SplitAt::MetreOrTempo => (true, 0.0),
        };
        let mut changes: Vec<f64> = self.time_signatures.iter().map(|at| at.beats).collect();
        if cuts_at_tempo {
            changes.extend(self.tempos.iter().map(|at| at.beats));
        }
        changes.sort_by(f64::total_cmp);
        changes.dedup();

        let last_end_beats = self.last_end_beats();
        let mut segments = Vec::new();
        let mut start_beats = 0.0;
        let (mut signature, mut bpm) = (self.signature_at(0.0), self.bpm_at(0.0));
        for change in changes {
            let (next_signature, next_bpm) = (self.signature_at(change), self.bpm_at(change));
            let is_real =
                !next_signature.same_metre(&signature) || (cuts_at_tempo && next_bpm != bpm);
            if change > 0.0 && change < last_end_beats && is_real {
                segments.push(Segment {
                    start_beats,
                    end_beats: change,
                    signature,
                    early_beats,
                });
                (start_beats, signature, bpm) = (change, next_signature, next_bpm);
            }
        }
        segments.push(Segment {
            start_beats,
            end_beats: f64::INFINITY,
            signature,
            early_beats,
        });
        segments
    }
}

/// `notes`, in the order of time, by the place of the section in `segments` (all those of a song) in which they begin;
/// sections without notes are left out. Notes are cut at the end of their section and counted in beats from its start,
/// so that one that announces the first beat begins before 0.
#[must_use]
pub fn split(segments: &[Segment], notes: &[Note]) -> Vec<(usize, Vec<Note>)> {
    let mut sections: Vec<(usize, Vec<Note>)> = Vec::new();
    for note in notes {
        let begins_by =
            |segment: &Segment| segment.start_beats - segment.early_beats <= note.onset_beats;
        let place = segments.partition_point(begins_by).saturating_sub(1);
        let segment = &segments[place];
        let note = Note {
            onset_beats: note.onset_beats - segment.start_beats,
            duration_beats: note
                .duration_beats
                .min(segment.end_beats - note.onset_beats),
            ..*note
        };
        match sections.last_mut() {
            Some((last, notes)) if *last == place => notes.push(note),
            _ => sections.push((place, vec![note])),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::super::TempoChange;
    use super::*;

    fn note(onset_beats: f64) -> Note {
        Note {
            onset_beats,
            duration_beats: 1.0,
            pitch: 36,
            velocity: 0.5,
            channel: 9,
        }
    }

    /// A note on every beat for twelve beats, with these changes.
    fn song(signatures: &[(f64, u8, u32)], tempos: &[(f64, f64)]) -> Song {
        let notes = (0..12).map(|beat| note(f64::from(beat))).collect();
        let time_signatures =
            signatures
                .iter()
                .map(|&(beats, numerator, denominator)| TimeSignature {
                    beats,
                    numerator,
                    denominator,
                });
        let tempos = tempos
            .iter()
            .map(|&(beats, bpm)| TempoChange { beats, bpm });
        Song {
            time_signatures: time_signatures.collect(),
            tempos: tempos.collect(),
            ..Song::from_notes(notes, &[])
        }
    }

    fn cuts(song: &Song, split_at: SplitAt) -> Vec<(f64, String)> {
        let segments = song.segments(split_at);
        segments
            .iter()
            .map(|segment| (segment.start_beats, segment.signature.to_string()))
            .collect()
    }

    fn at(cuts: &[(f64, &str)]) -> Vec<(f64, String)> {
        cuts.iter()
            .map(|(beats, metre)| (*beats, (*metre).to_owned()))
            .collect()
    }

    #[test]
    fn a_song_is_cut_only_where_its_metre_really_changes() {
        let common = at(&[(0.0, "4/4")]);
        for (signatures, expected) in [
            (&[][..], &common),
            (&[(0.0, 4, 4), (4.0, 4, 4)], &common),
            (&[(4.0, 4, 4)], &common),
            (&[(0.0, 4, 4), (12.0, 3, 4)], &common),
            (&[(0.0, 3, 4)], &at(&[(0.0, "3/4")])),
            (&[(4.0, 3, 4)], &at(&[(0.0, "4/4"), (4.0, "3/4")])),
            (
                &[(0.0, 3, 4), (6.0, 2, 2), (6.0, 4, 4)],
                &at(&[(0.0, "3/4"), (6.0, "4/4")]),
            ),
        ] {
            let song = song(signatures, &[]);
            assert_eq!(&cuts(&song, SplitAt::Metre), expected, "{signatures:?}");
        }
    }

    #[test]
    fn a_change_of_tempo_cuts_only_for_who_asks() {
        let song = song(&[], &[(0.0, 100.0), (2.0, 100.0), (4.0, 90.0)]);
        assert_eq!(cuts(&song, SplitAt::Metre), at(&[(0.0, "4/4")]));
        let cuts = cuts(&song, SplitAt::MetreOrTempo);
        assert_eq!(cuts, at(&[(0.0, "4/4"), (4.0, "4/4")]));
    }

    #[test]
    fn notes_count_from_the_start_of_their_section_and_end_with_it() {
        let mut song = song(&[(0.0, 4, 4), (6.0, 3, 4)], &[]);
        song.notes = vec![note(5.5), note(5.9), note(6.0), note(7.0)];
        let places = |split_at| -> Vec<Vec<(f64, f64)>> {
            let sections = split(&song.segments(split_at), &song.notes);
            let of_section = |(_, notes): &(usize, Vec<Note>)| {
                let places = notes.iter();
                places
                    .map(|note| (note.onset_beats, note.duration_beats))
                    .collect()
            };
            sections.iter().map(of_section).collect()
        };
        let announced = 5.9 - 6.0;
        assert_eq!(
            places(SplitAt::Metre),
            [
                vec![(5.5, 0.5)],
                vec![(announced, 1.0), (0.0, 1.0), (1.0, 1.0)]
            ]
        );
        assert_eq!(places(SplitAt::MetreOrTempo)[0].len(), 2);
    }
}
