//! Performances that are there more than once: sold for several samplers, saved in two folders, exported again.
//!
//! Another sampler numbers the drums otherwise and answers other velocities, but a performance keeps its grid of onsets,
//! to fractions of a millisecond. Files that share it are always in the same split.

use fourbar_model::midi::Song;
use fourbar_model::note::Note;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Places in a beat that are told apart.
const PLACES: f64 = 96.0;
/// Velocities of a performance, at least; fewer say nothing about it.
const FEWEST_VELOCITIES: usize = 3;

/// What of a performance stays the same in its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// Where something begins, and how much of it.
    pub(super) grid: [u8; 32],
    /// Which of the notes are louder than which.
    dynamics: [u8; 32],
    /// Which of the notes are on one key, whatever that is.
    keys: [u8; 32],
    has_dynamics: bool,
    is_played: bool,
}

impl Fingerprint {
    /// That of all notes of a song.
    pub(super) fn of(song: &Song) -> Self {
        let mut onsets: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        let mut keys: BTreeMap<(u8, u8), Vec<i64>> = BTreeMap::new();
        for note in &song.notes {
            onsets
                .entry(place(note))
                .or_default()
                .push(note.velocity.to_bits());
            keys.entry((note.channel, note.pitch))
                .or_default()
                .push(place(note));
        }
        let velocities: BTreeSet<u32> = onsets.values().flatten().copied().collect();
        // Positive numbers are in the order of their bits.
        let ranks: BTreeMap<u32, usize> = velocities.iter().copied().zip(0..).collect();
        let n_off_grid = onsets.keys().filter(|place| is_off_grid(**place)).count();

        let (mut grid, mut dynamics, mut all_keys) = (Sha256::new(), Sha256::new(), Sha256::new());
        for (place, velocities) in &mut onsets {
            velocities.sort_unstable();
            for hasher in [&mut grid, &mut dynamics] {
                hasher.update(place.to_be_bytes());
                hasher.update(velocities.len().to_be_bytes());
            }
            for velocity in velocities {
                dynamics.update(ranks[velocity].to_be_bytes());
            }
        }
        let mut lines: Vec<Vec<i64>> = keys.into_values().collect();
        lines.sort_unstable();
        for line in lines {
            all_keys.update(line.len().to_be_bytes());
            line.into_iter()
                .for_each(|place| all_keys.update(place.to_be_bytes()));
        }
        Self {
            grid: grid.finalize().into(),
            dynamics: dynamics.finalize().into(),
            keys: all_keys.finalize().into(),
            has_dynamics: velocities.len() >= FEWEST_VELOCITIES,
            is_played: n_off_grid * 4 >= onsets.len(),
        }
    }

    /// Whether both are one performance. Loops on the grid can share it by chance; then their dynamics tell.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        let has_same_keys = self.keys == other.keys;
        self.grid == other.grid
            && if self.dynamics == other.dynamics {
                has_same_keys || self.has_dynamics
            } else {
                has_same_keys && self.is_played
            }
    }
}

fn place(note: &Note) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "casts saturate")]
    let place = (note.onset_beats * PLACES).round() as i64;
    place
}

/// Whether nothing that is written with a grid lies here: neither a 16th nor one of three in an eighth.
fn is_off_grid(place: i64) -> bool {
    place % 24 != 0 && place % 16 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A performance of onsets (in 96ths of a beat), keys and velocities.
    fn performance(notes: &[(u32, u8, u8)]) -> Fingerprint {
        let note = |&(place, pitch, velocity): &(u32, u8, u8)| Note {
            onset_beats: f64::from(place) / PLACES,
            duration_beats: 0.1,
            pitch,
            velocity: f32::from(velocity) / 127.0,
            channel: 9,
        };
        Fingerprint::of(&Song::from_notes(notes.iter().map(note).collect(), &[]))
    }

    const PLAYED: [(u32, u8, u8); 6] = [
        (1, 42, 80),
        (2, 36, 100),
        (47, 42, 50),
        (97, 42, 82),
        (98, 38, 110),
        (146, 42, 54),
    ];
    const WRITTEN: [(u32, u8, u8); 6] = [
        (0, 42, 80),
        (0, 36, 100),
        (48, 42, 50),
        (96, 42, 80),
        (96, 38, 110),
        (144, 42, 50),
    ];

    #[test]
    fn another_map_and_other_velocities_leave_a_performance_what_it_is() {
        let mapped = PLAYED.map(|(place, key, velocity)| (place, key + 7, velocity));
        let louder = PLAYED.map(|(place, key, velocity)| (place, key, velocity + 9));
        let levelled = PLAYED.map(|(place, key, velocity)| (place, key, 30 + velocity % 9));
        // A sampler with one key less.
        let folded = PLAYED.map(|(place, key, velocity)| (place, key.min(38), velocity));
        for copy in [mapped, louder, levelled, folded] {
            assert!(
                performance(&copy).is_copy_of(&performance(&PLAYED)),
                "{copy:?}"
            );
        }
        let mapped = WRITTEN.map(|(place, key, velocity)| (place, key + 7, velocity));
        assert!(performance(&mapped).is_copy_of(&performance(&WRITTEN)));
    }

    #[test]
    fn loops_that_only_share_the_grid_are_different() {
        let other_dynamics =
            WRITTEN.map(|(place, key, velocity)| (place, key, 127 - velocity % 40));
        let mut other_keys = WRITTEN.map(|(place, key, _)| (place, key, 100));
        let level = performance(&other_keys);
        other_keys[1].1 = 38;
        other_keys[4].1 = 36;
        other_keys[5].1 = 36;
        let mut later = PLAYED;
        later[5].0 += 1;
        for (a, b) in [
            (performance(&other_dynamics), performance(&WRITTEN)),
            (performance(&other_keys), level),
            (performance(&later), performance(&PLAYED)),
        ] {
            assert!(!a.is_copy_of(&b));
        }
        let grids = [&other_dynamics, &WRITTEN].map(|notes| performance(notes).grid);
        assert_eq!(grids[0], grids[1]);
    }
}
