//! What notes look like: a drum kit, or something that is held.

use crate::drums::{DrumMap, Voice};
use crate::note::Note;
use std::collections::BTreeSet;

/// Hits so close together are one stroke of a drummer with several limbs, in beats.
const TOGETHER_BEATS: f64 = 1.0 / 32.0;
/// Of held notes, a kit has so large a share on its keys: a piano has half of them above.
const OF_HELD_KIT: f64 = 0.8;
/// A note that sounds for more than this part of the time to the next one is held.
pub(super) const HELD: f64 = 0.6;

/// Whether the notes, in the order of time, are those of a drum kit: there is a bass drum, drum and cymbal are struck
/// together now and then, and the same drums come again. In General MIDI there can be percussion beside it, unless the
/// notes are held; in any other map there has to be a beat and hardly anything else.
pub(super) fn is_kit(notes: &[Note]) -> bool {
    let mut maps = DrumMap::ALL.iter();
    let is_struck = || legato(notes) <= HELD || share_of_kit(notes) >= OF_HELD_KIT;
    notes.len() >= 2 * keys(notes).len()
        && ((has_beat_of(notes, kit_voice) && is_struck())
            || maps.any(|map| map.is_beat(notes) && has_beat_of(notes, |key| map.voice(key))))
}

/// Whether there is a bass drum among notes whose drums are `voice`, a fifth of them keeps time, and now and then a drum
/// and what keeps time are struck together, one of them with several others: pairs that are always the same could be the
/// octaves of a left hand.
fn has_beat_of(notes: &[Note], voice: impl Fn(u8) -> Option<Voice>) -> bool {
    let is_beaten = |key: &u8| matches!(voice(*key), Some(Voice::Kick | Voice::Snare));
    let keeps_time = |key: &u8| {
        matches!(
            voice(*key),
            Some(Voice::ClosedHat | Voice::OpenHat | Voice::Ride)
        )
    };
    let mut pairs = BTreeSet::new();
    let (mut n_moments, mut n_together, mut n_in_time) = (0, 0, 0);
    for moment in moments(notes) {
        let struck = moment.iter().map(|note| note.pitch);
        let beaten: Vec<u8> = struck.clone().filter(is_beaten).collect();
        let in_time: Vec<u8> = struck.filter(keeps_time).collect();
        n_moments += 1;
        n_together += usize::from(!beaten.is_empty() && !in_time.is_empty());
        n_in_time += beaten.len() + in_time.len();
        for drum in beaten {
            pairs.extend(in_time.iter().map(|cymbal| (drum, *cymbal)));
        }
    }
    let drums: BTreeSet<u8> = pairs.iter().map(|(drum, _)| *drum).collect();
    let cymbals: BTreeSet<u8> = pairs.iter().map(|(_, cymbal)| *cymbal).collect();
    notes
        .iter()
        .any(|note| voice(note.pitch) == Some(Voice::Kick))
        && pairs.len() > drums.len().min(cymbals.len())
        && share(n_together, n_moments) >= 0.08
        && share(n_in_time, notes.len()) >= 0.2
}

/// Whether the notes are of many pitches and held until about the next one, and are either one at a time or not on the
/// keys of a kit.
pub(super) fn is_held(notes: &[Note]) -> bool {
    let n_together = moments(notes).filter(|moment| moment.len() > 1).count();
    let is_line = share(n_together, notes.len()) <= 0.05;
    keys(notes).len() >= 5 && ((is_line && legato(notes) > HELD) || is_held_beyond_kit(notes))
}

/// Whether the notes are held until about the next one, and most of them are not on the keys of a kit.
pub(super) fn is_held_beyond_kit(notes: &[Note]) -> bool {
    share_of_kit(notes) < 0.5 && legato(notes) > HELD
}

/// The share of notes on the keys of a kit.
fn share_of_kit(notes: &[Note]) -> f64 {
    let of_kit = notes.iter().filter(|note| kit_voice(note.pitch).is_some());
    share(of_kit.count(), notes.len())
}

/// For which part of the time to the next stroke a note is held, in the median.
pub(super) fn legato(notes: &[Note]) -> f64 {
    let moments: Vec<&[Note]> = moments(notes).collect();
    let mut held: Vec<f64> = moments
        .windows(2)
        .map(|pair| {
            let longest = pair[0]
                .iter()
                .map(|note| note.duration_beats)
                .fold(0.0, f64::max);
            longest / (pair[1][0].onset_beats - pair[0][0].onset_beats)
        })
        .collect();
    held.sort_by(f64::total_cmp);
    held.get(held.len() / 2).copied().unwrap_or(0.0)
}

/// Notes, in the order of time, that are struck together.
fn moments(notes: &[Note]) -> impl Iterator<Item = &[Note]> {
    notes.chunk_by(|a, b| b.onset_beats - a.onset_beats <= TOGETHER_BEATS)
}

/// The drum of a key of General MIDI's kit, with the hi-hat's edge of electronic kits and without Latin percussion.
pub(super) fn kit_voice(key: u8) -> Option<Voice> {
    DrumMap::GM
        .voice(key)
        .filter(|_| matches!(key, 22 | 26 | 35..=53 | 55 | 57 | 59))
}

pub(super) fn keys(notes: &[Note]) -> BTreeSet<u8> {
    notes.iter().map(|note| note.pitch).collect()
}

fn share(n: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³ notes")]
    let share = n as f64 / of.max(1) as f64;
    share
}
