//! A pattern as the notes of a clip.

use super::{Feel, Pattern, Stroke};
use crate::drums::{Keys, Routing};
use crate::note::Note;

impl Pattern {
    /// [`Self::to_routed_notes`] where all drums are on `channel`, and every note is a 16th.
    #[must_use]
    pub fn to_notes(&self, feel: Feel, keys: &Keys, channel: u8) -> Vec<Note> {
        self.to_routed_notes(feel, keys, channel, &Routing::PLAIN)
    }

    /// The loop as the notes of a clip, sorted by onset, then by key: what the plugin plays from the song's start to
    /// the loop's end. `channel`, 0–15, is that of the drums to which `routing` gives none of their own.
    ///
    /// A note is as long as `routing` says, but ends where its key is struck again on its channel, where its drum is
    /// choked, and never after the loop's end. Of two hits on one key at the very same moment, the louder is played.
    ///
    /// A clip begins with its "one": a hit that anticipates the loop's start is played at the start, as it is where a
    /// song starts. At the clip's end, which has to be the loop's or the clip could not be looped, a note would be cut
    /// to what the hit is early, often less than 10 ms, and nothing would sound on the first beat of the first round.
    /// Every other hit is where it is, but for an exaggerated timing: the last note keeps a 32nd.
    #[must_use]
    pub fn to_routed_notes(
        &self,
        feel: Feel,
        keys: &Keys,
        channel: u8,
        routing: &Routing,
    ) -> Vec<Note> {
        let address = |stroke: &Stroke| {
            let channel = routing.channel_or(stroke.voice, channel);
            (keys[stroke.voice.index()], channel)
        };
        let mut strokes = self.to_strokes(feel);
        strokes.sort_by(|a, b| {
            a.onset_beats
                .total_cmp(&b.onset_beats)
                .then(address(a).cmp(&address(b)))
                .then(b.velocity.total_cmp(&a.velocity))
        });
        strokes.dedup_by(|later, earlier| {
            later.onset_beats == earlier.onset_beats && address(later) == address(earlier)
        });

        let note = |(index, stroke): (usize, &Stroke)| {
            let (pitch, channel) = address(stroke);
            let longest_beats = routing.note_length.beats();
            let end_beats = (stroke.onset_beats + longest_beats).min(self.loop_beats());
            let ends_it = |next: &&Stroke| {
                next.onset_beats > stroke.onset_beats
                    && (address(next) == (pitch, channel)
                        || routing.chokes(next.voice, stroke.voice))
            };
            let mut meanwhile = strokes[index + 1..]
                .iter()
                .take_while(|next| next.onset_beats < end_beats);
            let end_beats = meanwhile
                .find(ends_it)
                .map_or(end_beats, |next| next.onset_beats);
            Note {
                onset_beats: stroke.onset_beats,
                duration_beats: end_beats - stroke.onset_beats,
                pitch,
                velocity: stroke.velocity,
                channel,
            }
        };
        strokes.iter().enumerate().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drums::{DrumMap, NoteLength, Voice};
    use crate::pattern::Hit;

    fn hit(grid_beats: f64, offset_beats: f64, voice: Voice, velocity: f32) -> Hit {
        Hit {
            grid_beats,
            offset_beats,
            voice,
            velocity,
        }
    }

    /// Onset, duration and key of the notes of `hits` in a loop of a bar.
    fn routed(hits: Vec<Hit>, routing: &Routing) -> Vec<(f64, f64, u8)> {
        let (pattern, keys) = (Pattern::new(hits, 4.0), DrumMap::GM.keys());
        let notes = pattern.to_routed_notes(Feel::AS_GENERATED, &keys, 9, routing);
        let plain = |note: &Note| (note.onset_beats, note.duration_beats, note.pitch);
        notes.iter().map(plain).collect()
    }

    /// The hi-hat in one choke group, and notes of this length.
    fn hi_hat(note_length: NoteLength) -> Routing {
        let mut routing = Routing {
            note_length,
            ..Routing::PLAIN
        };
        for voice in [Voice::ClosedHat, Voice::OpenHat] {
            routing.chokes[voice.index()] = 1;
        }
        routing
    }

    #[test]
    fn a_closed_hi_hat_ends_the_open_one_and_no_other_drum() {
        let hits = vec![
            hit(0.0, 0.0, Voice::Crash, 0.5),
            hit(0.5, 0.0, Voice::OpenHat, 0.5),
            hit(1.0, 0.0, Voice::Kick, 0.5),
            hit(1.5, 0.0, Voice::ClosedHat, 0.5),
        ];
        let held = routed(hits.clone(), &hi_hat(NoteLength::UntilNextHit));
        let expected = [
            (0.0, 4.0, 49),
            (0.5, 1.0, 46),
            (1.0, 3.0, 36),
            (1.5, 2.5, 42),
        ];
        assert_eq!(held, expected);
        let short: Vec<f64> = routed(hits, &hi_hat(NoteLength::ThirtySecond))
            .iter()
            .map(|note| note.1)
            .collect();
        assert_eq!(short, [0.125; 4]);
    }

    #[test]
    fn drums_that_are_struck_together_do_not_choke_each_other() {
        let hits = vec![
            hit(1.0, 0.0, Voice::ClosedHat, 0.5),
            hit(1.0, 0.0, Voice::OpenHat, 0.5),
            hit(1.5, 0.0, Voice::OpenHat, 0.5),
        ];
        let held = routed(hits, &hi_hat(NoteLength::UntilNextHit));
        assert_eq!(held, [(1.0, 0.5, 42), (1.0, 0.5, 46), (1.5, 2.5, 46)]);
    }

    #[test]
    fn drums_on_one_key_of_two_channels_are_two_instruments() {
        let hits = vec![
            hit(0.0, 0.0, Voice::Kick, 0.5),
            hit(0.0, 0.0, Voice::Snare, 0.75),
            hit(0.125, 0.0, Voice::Kick, 0.5),
        ];
        let mut routing = Routing::PLAIN;
        routing.channels[Voice::Snare.index()] = 2;
        let pattern = Pattern::new(hits, 4.0);
        let notes = pattern.to_routed_notes(Feel::AS_GENERATED, &[60; 9], 9, &routing);
        let heard: Vec<_> = notes
            .iter()
            .map(|note| (note.onset_beats, note.duration_beats, note.channel))
            .collect();
        assert_eq!(heard, [(0.0, 0.25, 1), (0.0, 0.125, 9), (0.125, 0.25, 9)]);
    }

    #[test]
    fn drums_on_one_key_are_one_instrument() {
        let hits = vec![
            hit(0.0, 0.0, Voice::Kick, 0.5),
            hit(0.0, 0.0, Voice::LowTom, 0.75),
            hit(1.0, 0.0, Voice::Kick, 0.5),
            hit(1.125, 0.0, Voice::LowTom, 0.5),
        ];
        let mut keys = DrumMap::GM.keys();
        keys[Voice::LowTom.index()] = keys[Voice::Kick.index()];
        let notes = Pattern::new(hits, 4.0).to_notes(Feel::AS_GENERATED, &keys, 9);
        let heard: Vec<_> = notes
            .iter()
            .map(|note| (note.onset_beats, note.duration_beats, note.velocity))
            .collect();
        assert_eq!(
            heard,
            [(0.0, 0.25, 0.75), (1.0, 0.125, 0.5), (1.125, 0.25, 0.5)]
        );
    }

    #[test]
    fn a_note_ends_where_its_own_drum_is_struck_again() {
        let hits = vec![
            hit(0.0, 0.125, Voice::Snare, 0.5),
            hit(0.25, 0.0, Voice::Snare, 0.5),
            hit(0.25, -0.0625, Voice::Kick, 0.5),
        ];
        let notes = Pattern::new(hits, 4.0).to_notes(Feel::AS_GENERATED, &DrumMap::GM.keys(), 9);
        let heard: Vec<_> = notes
            .iter()
            .map(|note| (note.pitch, note.onset_beats, note.duration_beats))
            .collect();
        assert_eq!(
            heard,
            [(38, 0.125, 0.125), (36, 0.1875, 0.25), (38, 0.25, 0.25)]
        );
    }

    #[test]
    fn two_hits_of_one_drum_at_one_moment_are_the_louder_one() {
        let hits = vec![
            hit(0.0, 0.125, Voice::Snare, 0.5),
            hit(0.25, -0.125, Voice::Snare, 0.75),
        ];
        let notes = Pattern::new(hits, 4.0).to_notes(Feel::AS_GENERATED, &DrumMap::TD11.keys(), 3);
        let expected = Note {
            onset_beats: 0.125,
            duration_beats: 0.25,
            pitch: 38,
            velocity: 0.75,
            channel: 3,
        };
        assert_eq!(notes, [expected]);
    }
}
