//! The bytes of a `.mid` file -> [`Song`].
//!
//! Real files are sloppy, so what is unambiguous is read: any wrapping before the header (RIFF), junk between the
//! tracks, wrong track counts and lengths, running status across other events, a missing end of track. One bad event
//! costs one event, and is counted. A file that stops in the middle keeps its beginning. Nothing is allocated by a size
//! that the file announces.

use super::repair::{self, Damage};
use super::rhythm::Rhythm;
use super::track::Track;
use super::{HatPedal, Player, Song, TempoChange, TimeSignature};
use crate::error::Error;
use crate::note::Note;
use std::slice;

/// The tempo of a file that names none, in quarter notes per minute.
pub(super) const DEFAULT_BPM: f64 = 120.0;

/// A file with more than one damage to so many events is no MIDI file, or nothing in it can be trusted.
const EVENTS_PER_DAMAGE: usize = 4;

/// Reads a Standard MIDI File of format 0, 1 or 2, bare or in a RIFF wrapper.
///
/// The tracks of format 2 follow one another, each from the next bar line. A note-off ends every open note of its
/// track, port, channel and key, except those that began on the same tick; if there is no other, these have no length,
/// as have those that no note-off ends. A drum has no length, so all of them are kept.
///
/// # Source
/// The pairing of notes is pretty_midi's, so that a data set has the notes that others report; pretty_midi leaves out
/// those without a length, see [`Song::sounding`].
///
/// # Errors
/// If the bytes are no MIDI file, or too many of them are damaged: with the byte where that begins.
pub fn read(bytes: &[u8]) -> Result<Song, Error> {
    let header = Header::find(bytes)?;
    let mut song = Song::default();
    let mut tracks = Vec::new();
    let mut position = header.end;
    while let Some(chunk) = Chunk::next(bytes, position) {
        let track = Track::read(bytes, chunk.start, chunk.announced_end, chunk.limit);
        let has_wrong_length = chunk.has_wrong_length(bytes, &track);
        position = chunk.end(bytes, &track);
        if tracks.len() >= header.n_tracks && track.notes.is_empty() {
            // What programs append for themselves.
            continue;
        }
        if has_wrong_length {
            repair::count(&mut song.repairs, Damage::TrackLength, chunk.start - 4);
        }
        repair::add(&mut song.repairs, &track.repairs);
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
    check_damage(&song, &tracks)?;

    match header.format {
        Format::Together => song.add_tracks(&tracks, header.division, 0.0),
        Format::InTurn => {
            for track in &tracks {
                let start_beats = song.next_bar_line();
                song.add_tracks(slice::from_ref(track), header.division, start_beats);
            }
        }
    }
    song.track_names = tracks.iter().map(|track| track.name.clone()).collect();
    let players = players(&tracks, header.format);
    song.arrange(players);
    Ok(song)
}

/// Refuses a file of which so much is damaged that the rest is chance.
fn check_damage(song: &Song, tracks: &[Track]) -> Result<(), Error> {
    let of_events = song
        .repairs
        .iter()
        .filter(|repair| repair.damage != Damage::TrackLength);
    let n_damaged: usize = of_events.clone().map(|repair| repair.n_times).sum();
    let n_events: usize = tracks.iter().map(|track| track.n_events).sum();
    match of_events.map(|repair| repair.position).min() {
        Some(position) if n_damaged * EVENTS_PER_DAMAGE > n_events => Err(problem(
            position,
            format!(
                "there is no MIDI event here, nor at {n_damaged} places in all; export the file again"
            ),
        )),
        _ => Ok(()),
    }
}

/// Who plays each note, track after track.
fn players(tracks: &[Track], format: Format) -> Vec<Player> {
    let together = match format {
        Format::Together => tracks.len().max(1),
        Format::InTurn => 1,
    };
    let mut players = Vec::new();
    for (group, tracks) in tracks.chunks(together).enumerate() {
        let rhythm = Rhythm::of(tracks);
        for (place, track) in tracks.iter().enumerate() {
            players.extend(track.notes.iter().map(|note| Player {
                program: note.program,
                channel: note.channel,
                track: group * together + place,
                port: note.port,
                selected: rhythm.selected(note.port, note.channel, note.start),
            }));
        }
    }
    players
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
        let mut pedals: Vec<_> = tracks.iter().flat_map(|track| &track.pedals).collect();
        pedals.sort_by_key(|pedal| pedal.tick);

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
        self.hat_pedals
            .extend(pedals.into_iter().map(|pedal| HatPedal {
                beats: beats(pedal.tick),
                port: pedal.port,
                channel: pedal.channel,
                controller: pedal.controller,
                value: pedal.value,
            }));
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

/// Where the data of one track are.
struct Chunk {
    /// Offset of the data into the file.
    start: usize,
    /// Where it says that it ends, or the end of the file if that is before.
    announced_end: usize,
    /// Where it must end: there, or, if what follows is no chunk, at the next track or the end of the file.
    limit: usize,
    /// Whether the file ends before the length that the chunk announces.
    is_cut: bool,
}

impl Chunk {
    /// The first track at or after `position`; other chunks and junk are passed over.
    fn next(bytes: &[u8], mut position: usize) -> Option<Self> {
        loop {
            let rest = bytes.get(position..)?;
            let length = chunk_length(bytes, position);
            if rest.starts_with(b"MTrk") {
                let start = bytes.len().min(position + 8);
                let whole = length.filter(|&length| length <= bytes.len() - start);
                let announced_end = whole.map_or(bytes.len(), |length| start + length);
                let limit = if is_chunk(bytes, announced_end) {
                    announced_end
                } else {
                    find(bytes, b"MTrk", announced_end).unwrap_or(bytes.len())
                };
                return Some(Self {
                    start,
                    announced_end,
                    limit,
                    is_cut: whole.is_none(),
                });
            }
            position = match length {
                Some(length) if is_chunk(bytes, position) && length <= rest.len() - 8 => {
                    position + 8 + length
                }
                _ => find(bytes, b"MTrk", position)?,
            };
        }
    }

    /// Where to look for the next one after `track`, which was read from this one.
    fn end(&self, bytes: &[u8], track: &Track) -> usize {
        if self.has_wrong_length(bytes, track) {
            track.read_to
        } else {
            self.announced_end
        }
    }

    /// Whether its events end elsewhere than it says: beyond, or where another track begins. A file that stops in the
    /// middle is not meant.
    fn has_wrong_length(&self, bytes: &[u8], track: &Track) -> bool {
        let begins_another = || bytes[track.read_to..].starts_with(b"MTrk");
        let is_before = track.is_ended && track.read_to < self.announced_end;
        track.read_to > self.announced_end || (is_before && begins_another())
    }
}

/// Whether a chunk of whatever kind begins at `position`, or the file ends there.
fn is_chunk(bytes: &[u8], position: usize) -> bool {
    let Some(rest) = bytes.get(position..) else {
        return false;
    };
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    rest.is_empty() || (rest.len() >= 8 && rest[..4].iter().all(is_printable))
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
    fn an_instrument_is_a_track_a_channel_and_a_sound() {
        // A bass, then a clavinet on the same channel; the sound at a note's end counts, and a new track begins with piano.
        let track = [
            0, 0xC0, 33, 0, 0x90, 40, 9, 1, 40, 0, 0, 0xC0, 7, 0, 0x90, 41, 9, 1, 41, 0, 0, 0xFF,
            0x2F, 0,
        ];
        let song = read(&file(1, 2, &[&track, &[0, 0x90, 42, 9, 1, 42, 0], KICK])).unwrap();
        let instruments: Vec<_> = song
            .instruments
            .iter()
            .map(|player| {
                let keys: Vec<_> = song.notes_of(player).map(|note| note.pitch).collect();
                (player.program, player.channel, player.track, keys)
            })
            .collect();
        assert_eq!(
            instruments,
            [
                (33, 0, 0, vec![40]),
                (7, 0, 0, vec![41]),
                (0, 0, 1, vec![42]),
                (0, 9, 2, vec![36]),
            ]
        );
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

    fn repairs(song: &Song) -> Vec<(Damage, usize, usize)> {
        let repairs = song.repairs.iter();
        repairs
            .map(|repair| (repair.damage, repair.position, repair.n_times))
            .collect()
    }

    #[test]
    fn a_track_whose_length_is_wrong_is_read_to_where_its_events_end() {
        let whole = file(1, 2, &[KICK, KICK]);
        let lengths = [18, 18 + 8 + KICK.len()];
        for length in [0_u32, 1, 6, 10, 12, 19, 20, 200] {
            for place in lengths {
                let mut bytes = whole.clone();
                bytes[place..place + 4].copy_from_slice(&length.to_be_bytes());
                let song = read(&bytes).unwrap();
                assert_eq!(
                    (onsets(&song), song.end_beats),
                    (vec![0.0, 0.0], 4.0),
                    "{length} at {place}"
                );
                let is_last = place == lengths[1];
                let is_beyond_file = is_last && length > 11;
                let expected = [(Damage::TrackLength, place, 1)];
                let expected = if is_beyond_file { &[] } else { &expected[..] };
                assert_eq!(repairs(&song), expected, "{length} at {place}");
            }
        }
    }

    #[test]
    fn what_programs_append_after_the_announced_tracks_costs_nothing() {
        // A track of seq66's own, whose end lacks its time.
        let extra = [0, 0xFF, 0x7F, 4, 0x24, 0x24, 0, 0x1A, 0xFF, 0x2F, 0];
        let mut bytes = file(1, 2, &[KICK]);
        let expected = read(&bytes).unwrap();
        bytes.extend(chunk(b"MTrk", &extra));
        assert_eq!(read(&bytes).unwrap(), expected);
        // Music is no such thing.
        bytes.extend(chunk(b"MTrk", KICK));
        assert_eq!(onsets(&read(&bytes).unwrap()), [0.0, 0.0]);
    }

    #[test]
    fn a_bad_event_in_another_track_costs_that_event() {
        let other = [
            0, 0xB0, 7, 168, 0, 0xF5, 0, 0x90, 60, 9, 1, 60, 0, 0, 0x90, 62, 9, 1, 62, 0,
        ];
        let song = read(&file(1, 2, &[KICK, &other])).unwrap();
        assert_eq!(onsets(&song), [0.0, 0.0, 0.5]);
        let start = 14 + 8 + KICK.len() + 8;
        assert_eq!(
            repairs(&song),
            [(Damage::Value, start, 1), (Damage::Event, start + 4, 1)]
        );
        assert_eq!(
            song.repairs[0].to_string(),
            "1 event has a value that does not exist (first at byte 41): clipped or passed over"
        );
    }

    #[test]
    fn a_file_of_note_ons_alone_keeps_every_onset() {
        let song = read(&file(
            0,
            2,
            &[&[0, 0x99, 36, 9, 2, 36, 9, 0, 38, 9, 0, 38, 0]],
        ))
        .unwrap();
        assert_eq!(onsets(&song), [0.0, 1.0, 1.0]);
        assert_eq!(song.unclosed_notes, 3);
        assert!(song.notes.iter().all(|note| note.duration_beats == 0.0));
    }

    #[test]
    fn a_selection_of_another_track_decides_who_plays_drums() {
        // GS: the part of channel 1 becomes a rhythm part on tick 1.
        let conductor = [
            1, 0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 2, 0x18, 0xF7,
        ];
        let player = [0, 0x90, 36, 9, 1, 36, 0, 0, 36, 9, 1, 36, 0];
        let song = read(&file(1, 2, &[&conductor, &player])).unwrap();
        let found: Vec<_> = song
            .instruments
            .iter()
            .map(|player| (player.channel, player.selected, player.notes.len()))
            .collect();
        assert_eq!(found, [(0, None, 1), (0, Some(true), 1)]);
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
        fn any_events_are_read_or_refused(
            events in prop::collection::vec((0..200_u8, 0x80..=0xFF_u8, any::<u8>(), 0..150_u8), 0..100),
            length in any::<prop::sample::Index>(),
        ) {
            let bytes: Vec<u8> = events.into_iter().flat_map(|(a, b, c, d)| [a, b, c, d]).collect();
            let mut whole = file(1, 2, &[KICK, &bytes, KICK]);
            let _ = read(&whole);
            let place = length.index(whole.len() - 4);
            whole[place..place + 4].copy_from_slice(&[0, 0, 0, 3]);
            let _ = read(&whole);
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
                prop_assert!(song.notes.iter().all(|note| note.onset_beats >= 0.0 && note.duration_beats >= 0.0));
            }
        }
    }
}
