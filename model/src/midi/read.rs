//! The bytes of a `.mid` file -> [`Song`].
//!
//! Real files are sloppy, so what is unambiguous is read: any wrapping before the header (RIFF), junk between the
//! tracks, wrong track counts and lengths, running status across other events, a missing end of track. A file that
//! stops in the middle keeps its beginning. Nothing is allocated by a size that the file announces.

use super::{DRUM_CHANNEL, Song, TempoChange, TimeSignature};
use crate::error::Error;
use crate::note::Note;
use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};
use std::collections::HashMap;

/// The tempo of a file that names none, in quarter notes per minute.
const DEFAULT_BPM: f64 = 120.0;

/// Reads a Standard MIDI File of format 0, 1 or 2, bare or in a RIFF wrapper.
///
/// The tracks of format 2 follow one another, each from the next bar line. A note-off ends every open note of its
/// track, channel and key, except those that began on the same tick.
///
/// # Errors
/// If the bytes are no MIDI file, or hold something that is no MIDI event: with the byte where it is.
pub fn read(bytes: &[u8]) -> Result<Song, Error> {
    let header = Header::find(bytes)?;
    let mut tracks = Vec::new();
    let mut song = Song::default();
    let mut position = header.end;
    while let Some(chunk) = next_track_chunk(bytes, position) {
        position = chunk.start + chunk.data.len();
        tracks.push(Track::read(&chunk, tracks.len() + 1, &mut song)?);
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
            for track in tracks.chunks(1) {
                let start_beats = song.next_bar_line();
                song.add_tracks(track, header.division, start_beats);
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
            .flat_map(|track| &track.tempos)
            .copied()
            .collect();
        tempos.sort_by_key(|&(tick, _)| tick);
        let mut signatures: Vec<_> = tracks
            .iter()
            .flat_map(|track| &track.signatures)
            .copied()
            .collect();
        signatures.sort_by_key(|&(tick, ..)| tick);

        let clock = Clock::new(division, &tempos);
        let beats = |tick| start_beats + clock.beats(tick);
        self.tempos
            .extend(tempos.iter().map(|&(tick, bpm)| TempoChange {
                beats: beats(tick),
                bpm,
            }));
        self.time_signatures
            .extend(
                signatures
                    .iter()
                    .map(|&(tick, numerator, denominator)| TimeSignature {
                        beats: beats(tick),
                        numerator,
                        denominator,
                    }),
            );
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

    /// The first bar line that no note crosses.
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
                "there is no MThd header; export the file again as a Standard MIDI File",
            ));
        };
        let data = start + 8;
        let (
            Some(announced),
            Some(
                &[
                    format_high,
                    format_low,
                    tracks_high,
                    tracks_low,
                    division_high,
                    division_low,
                ],
            ),
        ) = (
            chunk_length(bytes, start),
            bytes.get(data..).and_then(<[u8]>::first_chunk::<6>),
        )
        else {
            return Err(problem(bytes.len(), "the file stops within its header"));
        };
        let format = match u16::from_be_bytes([format_high, format_low]) {
            0 | 1 => Format::Together,
            2 => Format::InTurn,
            other => {
                return Err(problem(
                    data,
                    format!("MIDI file format {other} is unknown; 0, 1 and 2 exist"),
                ));
            }
        };
        let division = match (division_high, division_low) {
            (0, 0) => return Err(problem(data + 4, "a quarter note cannot have 0 ticks")),
            (0..=127, _) => {
                Division::TicksPerBeat(f64::from(u16::from_be_bytes([division_high, division_low])))
            }
            (_, 0) => return Err(problem(data + 5, "a time code frame cannot have 0 ticks")),
            (negated_frames, ticks_per_frame) => {
                let frames_per_second = match negated_frames.wrapping_neg() {
                    29 => 30.0 / 1.001,
                    frames @ (24 | 25 | 30) => f64::from(frames),
                    other => {
                        return Err(problem(
                            data + 4,
                            format!("time code with {other} frames a second is unknown"),
                        ));
                    }
                };
                Division::TicksPerSecond(frames_per_second * f64::from(ticks_per_frame))
            }
        };
        // A header length that leads out of the file is wrong; all known headers have six bytes.
        let length = if (6..=bytes.len() - data).contains(&announced) {
            announced
        } else {
            6
        };
        let n_tracks = usize::from(u16::from_be_bytes([tracks_high, tracks_low]));
        Ok(Self {
            format,
            n_tracks,
            division,
            end: data + length,
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
            let announced = length.unwrap_or(available);
            let start = bytes.len() - available;
            let data = &bytes[start..start + announced.min(available)];
            return Some(Chunk {
                start,
                data,
                is_cut: announced > available,
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

/// One track, in ticks from its start.
#[derive(Default)]
struct Track {
    notes: Vec<TickNote>,
    /// Tick, quarter notes per minute.
    tempos: Vec<(u64, f64)>,
    /// Tick, numerator, denominator.
    signatures: Vec<(u64, u8, u32)>,
    end: u64,
}

struct TickNote {
    start: u64,
    end: u64,
    pitch: u8,
    velocity: u8,
    channel: u8,
}

impl Track {
    /// Reads the events of a track up to its end; what concerns the whole file is noted in `song`.
    fn read(chunk: &Chunk<'_>, number: usize, song: &mut Song) -> Result<Self, Error> {
        let mut track = Self::default();
        let mut open_notes = OpenNotes::default();
        let mut events = EventIter::new(chunk.data);
        let mut running_status = None;
        let mut is_ended = false;
        while !is_ended && !events.unread().is_empty() {
            let unread = events.unread();
            let position = chunk.start + chunk.data.len() - unread.len();
            // The standard lets other events cancel the running status, but files exist that count on it.
            if events.running_status().is_none() {
                *events.running_status_mut() = running_status;
            }
            let payload = Payload::of(unread);
            if payload
                .as_ref()
                .is_some_and(|payload| payload.end > unread.len())
            {
                song.truncated_at.get_or_insert(position);
                break;
            }
            let Some(Ok(event)) = events.next() else {
                if let Some(payload) = payload {
                    // A text, signature or other message whose content makes no sense to midly: skip it alone.
                    track.end = track.end.saturating_add(payload.delta);
                    events = EventIter::new(&unread[payload.end..]);
                    continue;
                }
                if is_beginning_of_event(unread, running_status) {
                    song.truncated_at.get_or_insert(position);
                    break;
                }
                return Err(problem(
                    position,
                    format!(
                        "track {number} holds something that is no MIDI event; export the file again"
                    ),
                ));
            };
            running_status = events.running_status().or(running_status);
            track.end = track.end.saturating_add(u64::from(event.delta.as_int()));
            match event.kind {
                TrackEventKind::Midi { channel, message } => {
                    let channel = channel.as_int();
                    match message {
                        MidiMessage::NoteOn { key, vel } if vel > 0 => {
                            open_notes.begin(channel, key.as_int(), vel.as_int(), track.end);
                        }
                        MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => {
                            open_notes.end(channel, key.as_int(), track.end, &mut track.notes);
                        }
                        MidiMessage::ProgramChange { .. } => {
                            song.names_instruments |= channel != DRUM_CHANNEL
                        }
                        _ => {}
                    }
                }
                TrackEventKind::Meta(MetaMessage::Tempo(micros)) if micros > 0 => {
                    track
                        .tempos
                        .push((track.end, 60e6 / f64::from(micros.as_int())));
                }
                TrackEventKind::Meta(MetaMessage::TimeSignature(numerator, power, ..)) => {
                    let denominator = 1_u32.checked_shl(u32::from(power)).unwrap_or(0);
                    track.signatures.push((track.end, numerator, denominator));
                }
                TrackEventKind::Meta(MetaMessage::EndOfTrack) => is_ended = true,
                _ => {}
            }
        }
        if chunk.is_cut && !is_ended {
            song.truncated_at
                .get_or_insert(chunk.start + chunk.data.len());
        }
        song.unclosed_notes += open_notes.count();
        Ok(track)
    }
}

/// The notes of a track that still sound, by channel and key; those of one key in the order of their starts.
#[derive(Default)]
struct OpenNotes {
    /// Start and velocity of each.
    by_key: HashMap<(u8, u8), Vec<(u64, u8)>>,
}

impl OpenNotes {
    fn begin(&mut self, channel: u8, pitch: u8, velocity: u8, tick: u64) {
        self.by_key
            .entry((channel, pitch))
            .or_default()
            .push((tick, velocity));
    }

    /// Closes what began before `tick`.
    fn end(&mut self, channel: u8, pitch: u8, tick: u64, closed: &mut Vec<TickNote>) {
        let Some(open) = self.by_key.get_mut(&(channel, pitch)) else {
            return;
        };
        let n_older = open.partition_point(|&(start, _)| start < tick);
        closed.extend(open.drain(..n_older).map(|(start, velocity)| TickNote {
            start,
            end: tick,
            pitch,
            velocity,
            channel,
        }));
    }

    fn count(&self) -> usize {
        self.by_key.values().map(Vec::len).sum()
    }
}

/// The extent of an event that carries its own length: a meta or system exclusive message.
struct Payload {
    delta: u64,
    /// Length of the whole event, in bytes; may exceed what the track holds.
    end: usize,
}

impl Payload {
    /// The extent of the event at the start of `event`, if it is of this kind and its length can be read.
    fn of(event: &[u8]) -> Option<Self> {
        let (delta, status_at) = variable_length(event, 0)?;
        let length_at = match event.get(status_at)? {
            0xFF => status_at + 2,
            0xF0 | 0xF7 => status_at + 1,
            _ => return None,
        };
        let (length, data_at) = variable_length(event, length_at)?;
        Some(Self {
            delta: u64::from(delta),
            end: data_at.saturating_add(usize::try_from(length).ok()?),
        })
    }
}

/// A number in MIDI's variable-length form, of at most four bytes, and the offset after it.
fn variable_length(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut number = 0;
    for index in at..at + 4 {
        let byte = *bytes.get(index)?;
        number = number << 7 | u32::from(byte & 0x7F);
        if byte < 0x80 {
            return Some((number, index + 1));
        }
    }
    Some((number, at + 4))
}

/// Whether `unread` would be an event if only the track went on.
fn is_beginning_of_event(unread: &[u8], running_status: Option<u8>) -> bool {
    /// No channel message is longer: four bytes of time, status, two of data.
    const LONGEST: usize = 7;
    if unread.len() >= LONGEST {
        return false;
    }
    let mut continued = unread.to_vec();
    continued.resize(unread.len() + LONGEST, 0);
    let mut events = EventIter::new(&continued);
    *events.running_status_mut() = running_status;
    matches!(events.next(), Some(Ok(_)))
}

/// Where ticks are in musical time.
struct Clock {
    /// From which tick on, which beat that is, and beats per tick from there; never empty, the first at tick 0.
    segments: Vec<(u64, f64, f64)>,
}

impl Clock {
    /// A clock for `division`, with tempo changes in the order of time.
    fn new(division: Division, tempos: &[(u64, f64)]) -> Self {
        let mut clock = Self {
            segments: Vec::new(),
        };
        match division {
            Division::TicksPerBeat(ticks) => clock.segments.push((0, 0.0, 1.0 / ticks)),
            Division::TicksPerSecond(ticks) => {
                clock.segments.push((0, 0.0, DEFAULT_BPM / 60.0 / ticks));
                for &(tick, bpm) in tempos {
                    clock
                        .segments
                        .push((tick, clock.beats(tick), bpm / 60.0 / ticks));
                }
            }
        }
        clock
    }

    fn beats(&self, tick: u64) -> f64 {
        let next = self.segments.partition_point(|&(start, ..)| start <= tick);
        let (start, beats, beats_per_tick) = self.segments[next - 1];
        #[expect(
            clippy::cast_precision_loss,
            reason = "2⁵³ ticks are more than any file holds"
        )]
        let elapsed = (tick - start) as f64;
        beats + elapsed * beats_per_tick
    }
}

fn problem(position: usize, problem: impl Into<String>) -> Error {
    Error::Midi {
        position,
        problem: problem.into(),
    }
}
