//! The bytes of a `.mid` file -> [`Song`].
//!
//! Real files are sloppy, so what is unambiguous is read: any wrapping before the header (RIFF), junk between the
//! tracks, wrong track counts and lengths, running status across other events, a missing end of track. A file that
//! stops in the middle keeps its beginning. Nothing is allocated by a size that the file announces.

use super::track::Track;
use super::{Song, TempoChange, TimeSignature};
use crate::error::Error;
use crate::note::Note;
use std::slice;

/// The tempo of a file that names none, in quarter notes per minute.
const DEFAULT_BPM: f64 = 120.0;

/// Reads a Standard MIDI File of format 0, 1 or 2, bare or in a RIFF wrapper.
///
/// The tracks of format 2 follow one another, each from the next bar line. A note-off ends every open note of its
/// track, channel and key, except those that began on the same tick; if there is no other, these are discarded.
///
/// # Source
/// The pairing of notes is pretty_midi's, so that a data set has the notes that others report.
///
/// # Errors
/// If the bytes are no MIDI file, or hold something that is no MIDI event: with the byte where it is.
pub fn read(bytes: &[u8]) -> Result<Song, Error> {
    let header = Header::find(bytes)?;
    let mut song = Song::default();
    let mut tracks = Vec::new();
    let mut position = header.end;
    while let Some(chunk) = next_track_chunk(bytes, position) {
        let track = Track::read(chunk.data, chunk.start)?;
        position = chunk.start + chunk.data.len();
        song.unclosed_notes += track.unclosed_notes;
        song.truncated_at = song.truncated_at.or(track.cut_at);
        if chunk.is_cut && !track.is_ended {
            song.truncated_at.get_or_insert(position);
        }
        tracks.push(track);
    }
    if tracks.is_empty() {
        return Err(problem(header.end, "there is no track after the header"));
    }
    if tracks.len() < header.n_tracks {
        song.truncated_at.get_or_insert(bytes.len());
    }

    match header.format {
        Format::Together => song.add_tracks(&tracks, header.division, 0.0),
        Format::InTurn => {
            for track in &tracks {
                let start_beats = song.next_bar_line();
                song.add_tracks(slice::from_ref(track), header.division, start_beats);
            }
        }
    }
    song.notes.sort_by(|a, b| {
        a.onset_beats
            .total_cmp(&b.onset_beats)
            .then(a.pitch.cmp(&b.pitch))
    });
    Ok(song)
}

impl Song {
    /// Appends tracks that sound together and share one tempo map.
    fn add_tracks(&mut self, tracks: &[Track], division: Division, start_beats: f64) {
        let mut tempos: Vec<_> = tracks
            .iter()
            .flat_map(|track| track.tempos.clone())
            .collect();
        tempos.sort_by_key(|&(tick, _)| tick);
        let mut signatures: Vec<_> = tracks
            .iter()
            .flat_map(|track| track.signatures.clone())
            .collect();
        signatures.sort_by_key(|&(tick, ..)| tick);

        let clock = Clock::new(division, &tempos);
        let beats = |tick| start_beats + clock.beats(tick);
        for (tick, bpm) in tempos {
            self.tempos.push(TempoChange {
                beats: beats(tick),
                bpm,
            });
        }
        for (tick, numerator, denominator) in signatures {
            self.time_signatures.push(TimeSignature {
                beats: beats(tick),
                numerator,
                denominator,
            });
        }
        for track in tracks {
            self.notes.extend(track.notes.iter().map(|note| Note {
                onset_beats: beats(note.start),
                duration_beats: clock.beats(note.end) - clock.beats(note.start),
                pitch: note.pitch,
                velocity: f32::from(note.velocity) / 127.0,
                channel: note.channel,
            }));
            self.end_beats = self.end_beats.max(beats(track.end));
        }
    }

    /// The first bar line at or after the end.
    fn next_bar_line(&self) -> f64 {
        let (bar_start, bar_beats) = match self.time_signatures.last() {
            Some(signature) if signature.numerator > 0 && signature.denominator > 0 => (
                signature.beats,
                4.0 * f64::from(signature.numerator) / f64::from(signature.denominator),
            ),
            _ => (0.0, 4.0),
        };
        bar_start + ((self.end_beats - bar_start) / bar_beats).ceil() * bar_beats
    }
}

/// How the tracks of a file relate.
#[derive(Clone, Copy)]
enum Format {
    /// Formats 0 and 1.
    Together,
    /// Format 2.
    InTurn,
}

/// What a tick is.
#[derive(Clone, Copy)]
enum Division {
    TicksPerBeat(f64),
    /// SMPTE time code: ticks run with the clock, whatever the tempo.
    TicksPerSecond(f64),
}

impl Division {
    /// Reads the division field, which stands at byte `position` of the file.
    fn from_field(field: u16, position: usize) -> Result<Self, Error> {
        let [high, low] = field.to_be_bytes();
        match (high, low) {
            (0, 0) => Err(problem(position, "a quarter note cannot have 0 ticks")),
            (0..=127, _) => Ok(Self::TicksPerBeat(f64::from(field))),
            (_, 0) => Err(problem(
                position,
                "a frame of time code cannot have 0 ticks",
            )),
            (negated_frames, ticks_per_frame) => {
                let frames_per_second = match negated_frames.wrapping_neg() {
                    29 => 30.0 / 1.001,
                    frames @ (24 | 25 | 30) => f64::from(frames),
                    frames => {
                        return Err(problem(
                            position,
                            format!("time code cannot have {frames} frames a second"),
                        ));
                    }
                };
                Ok(Self::TicksPerSecond(
                    frames_per_second * f64::from(ticks_per_frame),
                ))
            }
        }
    }
}

struct Header {
    format: Format,
    /// How many tracks the file announces.
    n_tracks: usize,
    division: Division,
    /// Where the tracks begin.
    end: usize,
}

impl Header {
    /// Finds the header, at the start or in a wrapper, and reads it.
    fn find(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(problem(0, "the file is empty"));
        }
        let Some(start) = find(bytes, b"MThd", 0) else {
            return Err(problem(
                0,
                "there is no MThd header; export the file as a Standard MIDI File",
            ));
        };
        let data = start + 8;
        let fields = (
            u16_at(bytes, data),
            u16_at(bytes, data + 2),
            u16_at(bytes, data + 4),
        );
        let (Some(format), Some(n_tracks), Some(division)) = fields else {
            return Err(problem(bytes.len(), "the file stops within its header"));
        };
        let format = match format {
            0 | 1 => Format::Together,
            2 => Format::InTurn,
            other => {
                return Err(problem(
                    data,
                    format!("MIDI file format {other} is unknown; 0, 1 and 2 exist"),
                ));
            }
        };
        let division = Division::from_field(division, data + 4)?;
        // A length that leads out of the file is wrong, and a shorter one too: all known headers have six bytes.
        let length =
            chunk_length(bytes, start).filter(|length| (6..=bytes.len() - data).contains(length));
        Ok(Self {
            format,
            n_tracks: usize::from(n_tracks),
            division,
            end: data + length.unwrap_or(6),
        })
    }
}

/// The data of one track.
struct Chunk<'a> {
    /// Offset of the data into the file.
    start: usize,
    data: &'a [u8],
    /// Whether the file ends before the length that the chunk announces.
    is_cut: bool,
}

/// The first track at or after `position`; other chunks and junk are passed over.
fn next_track_chunk(bytes: &[u8], mut position: usize) -> Option<Chunk<'_>> {
    loop {
        let rest = bytes.get(position..)?;
        let length = chunk_length(bytes, position);
        if rest.starts_with(b"MTrk") {
            let available = rest.len().saturating_sub(8);
            let start = bytes.len() - available;
            let whole = length.filter(|&length| length <= available);
            let data = &bytes[start..start + whole.unwrap_or(available)];
            return Some(Chunk {
                start,
                data,
                is_cut: whole.is_none(),
            });
        }
        let is_other_chunk =
            rest.len() >= 8 && rest[..4].iter().all(|byte| (b' '..=b'~').contains(byte));
        position = match length {
            Some(length) if is_other_chunk && length <= rest.len() - 8 => position + 8 + length,
            _ => find(bytes, b"MTrk", position)?,
        };
    }
}

/// The length that the chunk at `position` announces.
fn chunk_length(bytes: &[u8], position: usize) -> Option<usize> {
    let length = bytes.get(position + 4..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

/// Where `id` first stands at or after `from`.
fn find(bytes: &[u8], id: &[u8; 4], from: usize) -> Option<usize> {
    bytes
        .get(from..)?
        .windows(4)
        .position(|window| window == id)
        .map(|offset| from + offset)
}

/// The big-endian number at `position`.
fn u16_at(bytes: &[u8], position: usize) -> Option<u16> {
    Some(u16::from_be_bytes(
        *bytes.get(position..)?.first_chunk::<2>()?,
    ))
}

/// Where ticks are in musical time.
struct Clock {
    /// Never empty, the first from tick 0.
    segments: Vec<Segment>,
}

/// A time in which ticks have one length.
struct Segment {
    start_tick: u64,
    start_beats: f64,
    ticks_per_beat: f64,
}

impl Clock {
    /// A clock for `division`, with tempo changes in the order of time.
    fn new(division: Division, tempos: &[(u64, f64)]) -> Self {
        match division {
            Division::TicksPerBeat(ticks_per_beat) => Self {
                segments: vec![Segment {
                    start_tick: 0,
                    start_beats: 0.0,
                    ticks_per_beat,
                }],
            },
            Division::TicksPerSecond(ticks) => {
                let ticks_per_beat = |bpm| ticks * 60.0 / bpm;
                let first = Segment {
                    start_tick: 0,
                    start_beats: 0.0,
                    ticks_per_beat: ticks_per_beat(DEFAULT_BPM),
                };
                let mut clock = Self {
                    segments: vec![first],
                };
                for &(start_tick, bpm) in tempos {
                    let start_beats = clock.beats(start_tick);
                    clock.segments.push(Segment {
                        start_tick,
                        start_beats,
                        ticks_per_beat: ticks_per_beat(bpm),
                    });
                }
                clock
            }
        }
    }

    fn beats(&self, tick: u64) -> f64 {
        let next = self
            .segments
            .partition_point(|segment| segment.start_tick <= tick);
        let segment = &self.segments[next - 1];
        #[expect(clippy::cast_precision_loss, reason = "no file holds 2⁵³ ticks")]
        let elapsed = (tick - segment.start_tick) as f64;
        // Division is exact where a multiplication by the inverse would push a half step to the wrong side.
        segment.start_beats + elapsed / segment.ticks_per_beat
    }
}

fn problem(position: usize, problem: impl Into<String>) -> Error {
    Error::Midi {
        position,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::midi::write;
    use proptest::prelude::*;

    /// A kick from beat 0 to 1 at 2 ticks a beat, and the end on beat 4.
    const KICK: &[u8] = &[0, 0x99, 36, 127, 2, 36, 0, 6, 0xFF, 0x2F, 0];

    fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [id, &u32::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
    }

    fn header(format: u8, n_tracks: u8, division: u16) -> Vec<u8> {
        let [high, low] = division.to_be_bytes();
        chunk(b"MThd", &[0, format, 0, n_tracks, high, low])
    }

    fn file(format: u8, division: u16, tracks: &[&[u8]]) -> Vec<u8> {
        let n_tracks = u8::try_from(tracks.len()).unwrap();
        let tracks: Vec<_> = tracks
            .iter()
            .flat_map(|data| chunk(b"MTrk", data))
            .collect();
        [header(format, n_tracks, division), tracks].concat()
    }

    fn onsets(song: &Song) -> Vec<f64> {
        song.notes.iter().map(|note| note.onset_beats).collect()
    }

    fn refusal(bytes: &[u8]) -> (usize, String) {
        match read(bytes) {
            Err(Error::Midi { position, problem }) => (position, problem),
            other => panic!("expected a refusal, found {other:?}"),
        }
    }

    #[test]
    fn a_note_is_read_in_beats_with_its_velocity() {
        let song = read(&file(0, 2, &[KICK])).unwrap();
        let kick = Note {
            onset_beats: 0.0,
            duration_beats: 1.0,
            pitch: 36,
            velocity: 1.0,
            channel: 9,
        };
        assert_eq!(song.notes, [kick]);
        assert_eq!(
            (song.end_beats, song.unclosed_notes, song.truncated_at),
            (4.0, 0, None)
        );
    }

    #[test]
    fn the_tracks_of_format_1_sound_together() {
        let snare = [3, 0x99, 38, 127, 1, 38, 0, 0, 0xFF, 0x2F, 0];
        let song = read(&file(1, 2, &[KICK, &snare])).unwrap();
        assert_eq!(onsets(&song), [0.0, 1.5]);
    }

    #[test]
    fn the_tracks_of_format_2_follow_one_another_at_bar_lines() {
        // The first track ends on beat 4.5; in 3/4, the next bar line is beat 6.
        let waltz = [
            0, 0xFF, 0x58, 4, 3, 2, 24, 8, 0, 0x99, 38, 9, 9, 38, 0, 0, 0xFF, 0x2F, 0,
        ];
        let song = read(&file(2, 2, &[&waltz, KICK])).unwrap();
        assert_eq!(onsets(&song), [0.0, 6.0]);
        assert_eq!(song.end_beats, 10.0);
    }

    #[test]
    fn tempo_changes_are_reported_and_move_no_note() {
        let tempos = [
            0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, 4, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20,
        ];
        let song = read(&file(1, 2, &[&tempos, &[6, 0x99, 36, 9, 1, 36, 0]])).unwrap();
        assert_eq!(onsets(&song), [3.0]);
        let found: Vec<_> = song
            .tempos
            .iter()
            .map(|tempo| (tempo.beats, tempo.bpm))
            .collect();
        assert_eq!(found, [(0.0, 60.0), (2.0, 120.0)]);
    }

    #[test]
    fn time_code_is_turned_into_beats_by_the_tempo() {
        // 25 frames of 40 ticks: a tick is a millisecond. 120 bpm for one second, then 60 bpm.
        let track = [
            0x87, 0x68, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40, // second 1: 60 bpm
            0x87, 0x68, 0x99, 36, 9, 1, 36, 0, // second 2
        ];
        let song = read(&file(0, 0xE728, &[&track])).unwrap();
        assert_eq!(onsets(&song), [3.0]);
        let drop_frame = read(&file(0, 0xE350, &[&[0x60, 0x99, 36, 9, 1, 36, 0]])).unwrap();
        assert!((drop_frame.notes[0].onset_beats - 96.0 / 80.0 * 1.001 / 30.0 * 2.0).abs() < 1e-12);
    }

    #[test]
    fn an_odd_tick_is_read_without_rounding_to_the_wrong_side() {
        // Half a step at every resolution that has one: the reader must not turn it into less than a half.
        for ticks in (8..0x8000).step_by(8) {
            let clock = Clock::new(Division::TicksPerBeat(f64::from(ticks)), &[]);
            assert_eq!(
                clock.beats(u64::from(u16::try_from(ticks / 8).unwrap())),
                0.125,
                "{ticks} ticks"
            );
        }
    }

    #[test]
    fn a_riff_wrapper_is_looked_through() {
        let midi = file(0, 2, &[KICK]);
        let mut riff = b"RIFF\0\0\0\0RMIDdata\0\0\0\0".to_vec();
        riff.extend(&midi);
        riff.extend(b"\0LIST\x04\0\0\0INFO");
        assert_eq!(read(&riff).unwrap(), read(&midi).unwrap());
    }

    #[test]
    fn junk_and_other_chunks_between_tracks_are_passed_over() {
        let mut bytes = header(1, 2, 2);
        bytes.extend(chunk(b"XFIH", b"MTrk inside another chunk is no track"));
        bytes.extend(chunk(b"MTrk", KICK));
        bytes.extend([
            0, 0, 0, 7, b'j', b'u', b'n', b'k', 0xFF, 0xFF, 0xFF, 0xFF, 1,
        ]);
        bytes.extend(chunk(b"MTrk", KICK));
        bytes.extend(b"trailing");
        let song = read(&bytes).unwrap();
        assert_eq!((onsets(&song), song.truncated_at), (vec![0.0, 0.0], None));
    }

    #[test]
    fn a_chunk_that_announces_4_gib_is_read_as_far_as_the_file_goes() {
        let mut bytes = header(0, 1, 2);
        bytes.extend(b"MTrk\xFF\xFF\xFF\xFF");
        bytes.extend(KICK);
        assert_eq!(read(&bytes).unwrap(), read(&file(0, 2, &[KICK])).unwrap());
        // A text of 256 MiB inside it.
        bytes.truncate(bytes.len() - 4);
        let position = bytes.len();
        bytes.extend([0, 0xFF, 0x01, 0xFF, 0xFF, 0xFF, 0x7F, b'x']);
        let song = read(&bytes).unwrap();
        assert_eq!((song.notes.len(), song.truncated_at), (1, Some(position)));
    }

    #[test]
    fn a_file_that_stops_in_the_middle_keeps_its_beginning() {
        let bytes = file(1, 2, &[KICK, KICK]);
        for length in header(1, 2, 2).len() + 8 + 7..bytes.len() - 3 {
            let song = read(&bytes[..length]).unwrap();
            assert!(!song.notes.is_empty(), "{length} bytes");
            assert!(
                song.truncated_at.is_some_and(|at| at <= length),
                "{length} bytes: {:?}",
                song.truncated_at
            );
        }
    }

    #[test]
    fn a_track_without_an_end_is_whole() {
        let song = read(&file(0, 2, &[&KICK[..7]])).unwrap();
        assert_eq!(
            (song.notes.len(), song.truncated_at, song.end_beats),
            (1, None, 1.0)
        );
    }

    #[test]
    fn what_is_no_midi_file_is_refused_with_the_place() {
        assert_eq!(refusal(b"").1, "the file is empty");
        assert!(refusal(b"PK\x03\x04 a zip").1.contains("no MThd header"));
        assert_eq!(
            refusal(b"MThd\0\0\0\x06\0\x01\0"),
            (11, "the file stops within its header".to_owned())
        );
        assert!(refusal(&header(0, 1, 480)).1.contains("no track"));
        assert_eq!(refusal(&file(3, 480, &[KICK])).0, 8);
        assert_eq!(refusal(&file(0, 0, &[KICK])).0, 12);
        // −128 frames a second, which overflows when it is negated in eight bits.
        assert!(refusal(&file(0, 0x8001, &[KICK])).1.contains("128 frames"));
        assert_eq!(
            refusal(&file(0, 480, &[&[0, 0xF5, 0, 0, 0, 0, 0, 0]])).0,
            22
        );
    }

    fn any_note() -> impl Strategy<Value = Note> {
        (0.0..32.0, 0.0..2.0, 0..128_u8, 0.0..1.0_f32, 0..16_u8).prop_map(
            |(onset_beats, duration_beats, pitch, velocity, channel)| Note {
                onset_beats,
                duration_beats,
                pitch,
                velocity,
                channel,
            },
        )
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), format in 0..3_u8) {
            let _ = read(&bytes);
            let _ = read(&file(format, 480, &[&bytes, KICK]));
        }

        #[test]
        fn any_damage_to_a_file_is_read_or_refused(
            notes in prop::collection::vec(any_note(), 0..40),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = write(&notes, 32.0, 120.0);
            for (place, byte) in damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = read(&bytes);
            bytes.truncate(length.index(bytes.len()));
            if let Ok(song) = read(&bytes) {
                prop_assert!(song.notes.iter().all(|note| note.onset_beats >= 0.0 && note.duration_beats > 0.0));
            }
        }
    }
}
