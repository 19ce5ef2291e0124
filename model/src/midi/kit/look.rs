//! What notes look like: a drum kit, or something that is held.

use crate::drums::{DrumMap, Voice};
use crate::note::Note;
use std::collections::BTreeSet;

/// Hits so close together are one stroke of a drummer with several limbs, in beats.
const TOGETHER_BEATS: f64 = 1.0 / 32.0;
/// A note that sounds for more than this part of the time to the next one is held.
pub(super) const HELD: f64 = 0.6;

/// Whether the notes, in the order of time, are those of a drum kit in General MIDI or in any map that there is.
pub(super) fn is_kit(notes: &[Note]) -> bool {
    let others = DrumMap::ALL.iter().filter(|map| map.id != DrumMap::GM.id);
    is_kit_of(notes, 0.2, kit_voice)
        || others
            .into_iter()
            .any(|map| is_kit_of(notes, 0.8, |key| map.voice(key)))
}

/// Whether the notes are those of a drum kit whose keys are `voice`: there is a kick; kick or snare coincide with a
/// cymbal now and then; the same drums come again; and at least the share `least` of the notes keeps time.
fn is_kit_of(notes: &[Note], least: f64, voice: impl Fn(u8) -> Option<Voice>) -> bool {
    let is_beaten = |voice| matches!(voice, Voice::Kick | Voice::Snare);
    let is_hat_or_ride = |voice| matches!(voice, Voice::ClosedHat | Voice::OpenHat | Voice::Ride);
    let is_cymbal = |voice| is_hat_or_ride(voice) || voice == Voice::Crash;
    let voices = |notes: &[Note]| -> Vec<Voice> {
        notes.iter().filter_map(|note| voice(note.pitch)).collect()
    };
    let played = voices(notes);
    let keeps_time = |voice: &&Voice| is_beaten(**voice) || is_hat_or_ride(**voice);
    let n_in_time = played.iter().filter(keeps_time).count();
    let mut n_moments = 0;
    let mut n_coincidences = 0;
    for moment in moments(notes) {
        let struck = voices(moment);
        let has = |is_wanted: &dyn Fn(Voice) -> bool| struck.iter().any(|voice| is_wanted(*voice));
        n_moments += 1;
        n_coincidences += usize::from(has(&is_beaten) && has(&is_cymbal));
    }
    played.contains(&Voice::Kick)
        && share(n_coincidences, n_moments) >= 0.08
        && share(n_in_time, notes.len()) >= least
        && notes.len() >= 2 * keys(notes).len()
}

/// Whether the notes are of many pitches and held until about the next one, and are either one at a time or not on the
/// keys of a kit.
pub(super) fn is_held(notes: &[Note]) -> bool {
    let n_together = moments(notes).filter(|moment| moment.len() > 1).count();
    let n_of_kit = notes
        .iter()
        .filter(|note| kit_voice(note.pitch).is_some())
        .count();
    let is_line = share(n_together, notes.len()) <= 0.05;
    let is_beyond_kit = share(n_of_kit, notes.len()) < 0.5;
    keys(notes).len() >= 5 && legato(notes) > HELD && (is_line || is_beyond_kit)
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
