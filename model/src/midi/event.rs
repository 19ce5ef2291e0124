//! One event of a track, from its bytes; and where the next one begins, if these are none.
//!
//! Files in the wild hold bytes that the standard forbids, and other programs play them. So a value above 127 is read as
//! 127, messages that belong on a cable only are passed over, and after bytes that are nothing at all reading goes on
//! with the next two events that can be told apart from chance by their status bytes.

/// How far the end of a system exclusive message without a length is looked for: those that choose drums are shorter.
const LONGEST_EXCLUSIVE: usize = 512;

/// An event, and the time since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event<'a> {
    /// Ticks since the event before.
    pub(super) delta: u32,
    pub(super) message: Message<'a>,
    /// Where the next event begins.
    pub(super) end: usize,
    /// Whether the standard forbids it as it stands.
    pub(super) is_damaged: bool,
}

/// What happens. Channels are 0–15; keys, velocities, numbers, values and programs 0–127.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// A key is struck, with a velocity above 0.
    NoteOn { channel: u8, key: u8, velocity: u8 },
    /// A key is let go.
    NoteOff { channel: u8, key: u8 },
    /// A controller is moved.
    Controller { channel: u8, number: u8, value: u8 },
    /// A channel gets another sound.
    Program { channel: u8, program: u8 },
    /// System exclusive data, without the byte that begins it.
    Exclusive(&'a [u8]),
    /// What is said about the music, by its number.
    Meta { kind: u8, data: &'a [u8] },
    /// Anything else.
    Other,
}

/// Why there is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoEvent {
    /// The bytes end within one.
    CutOff,
    /// These bytes are nothing; the next event that can be made out is here, if there is one.
    Damaged { next: Option<usize> },
}

impl<'a> Event<'a> {
    /// The event at `at`, which is within `data`. `running_status` is the status of the last channel message, which the
    /// next one may leave out; the standard lets other messages cancel it, but files exist that count on it.
    pub(super) fn read(
        data: &'a [u8],
        at: usize,
        running_status: &mut Option<u8>,
    ) -> Result<Self, NoEvent> {
        let found = Self::at(data, at, *running_status);
        if let Some((event, status)) = found
            && event.end <= data.len()
        {
            *running_status = status;
            return Ok(event);
        }
        match (found, next_after(data, at)) {
            (Some(_), None) => Err(NoEvent::CutOff),
            (_, next) => Err(NoEvent::Damaged { next }),
        }
    }

    /// The event at `at` and the running status after it. It ends beyond the data where they are cut off.
    fn at(data: &'a [u8], at: usize, running_status: Option<u8>) -> Option<(Self, Option<u8>)> {
        let cut_off = |delta| Self {
            delta,
            message: Message::Other,
            end: usize::MAX,
            is_damaged: false,
        };
        let Some((delta, status_at)) = variable_length(data, at) else {
            return Some((cut_off(0), None));
        };
        let Some(&first) = data.get(status_at) else {
            return Some((cut_off(delta), None));
        };
        let (status, data_at) = if first < 0x80 {
            (running_status?, status_at)
        } else {
            (first, status_at + 1)
        };
        let event = match status {
            0x80..=0xEF => Self::of_channel(data, data_at, status)?,
            0xFF => Self::with_payload(data, data_at + 1, |payload| Message::Meta {
                kind: data[data_at],
                data: payload,
            }),
            0xF0 => Self::exclusive(data, data_at),
            0xF7 => Self::with_payload(data, data_at, |_| Message::Other),
            // Messages for a cable, with as many bytes as they have there.
            0xF1 | 0xF3 => Self::misplaced(data_at + 1),
            0xF2 => Self::misplaced(data_at + 2),
            0xF6 | 0xF8 | 0xFA..=0xFC | 0xFE => Self::misplaced(data_at),
            _ => return None,
        };
        let next_status = if status < 0xF0 {
            Some(status)
        } else {
            running_status
        };
        Some((Self { delta, ..event }, next_status))
    }

    /// A channel message whose data bytes begin at `at`; `None` if they cannot be its own.
    fn of_channel(data: &'a [u8], at: usize, status: u8) -> Option<Self> {
        let n_bytes = if matches!(status >> 4, 0xC | 0xD) {
            1
        } else {
            2
        };
        let end = at + n_bytes;
        let byte = |place: usize| data.get(at + place).copied().unwrap_or_default();
        let (number, value) = (byte(0), byte(1).min(127));
        let channel = status & 0x0F;
        let message = match status >> 4 {
            // A key, a controller or a sound that does not exist: the message is passed over.
            _ if number > 127 => Message::Other,
            0x9 if value > 0 => Message::NoteOn {
                channel,
                key: number,
                velocity: value,
            },
            0x8 | 0x9 => Message::NoteOff {
                channel,
                key: number,
            },
            0xB => Message::Controller {
                channel,
                number,
                value,
            },
            0xC => Message::Program {
                channel,
                program: number,
            },
            _ => Message::Other,
        };
        Some(Self {
            delta: 0,
            message,
            end,
            is_damaged: (0..n_bytes).any(|place| byte(place) > 127),
        })
    }

    /// A message whose length stands at `at`, before its data.
    fn with_payload(
        data: &'a [u8],
        at: usize,
        message: impl FnOnce(&'a [u8]) -> Message<'a>,
    ) -> Self {
        let extent = variable_length(data, at).map(|(length, start)| {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            (start, start.saturating_add(length))
        });
        let (start, end) = extent.unwrap_or((usize::MAX, usize::MAX));
        Self {
            delta: 0,
            message: data.get(start..end).map_or(Message::Other, message),
            end,
            is_damaged: false,
        }
    }

    /// A system exclusive message; one without a length, as on a cable, lasts up to its end byte.
    fn exclusive(data: &'a [u8], at: usize) -> Self {
        let event = Self::with_payload(data, at, Message::Exclusive);
        if event.end <= data.len() {
            return event;
        }
        let rest = data.get(at..).unwrap_or_default();
        let rest = &rest[..rest.len().min(LONGEST_EXCLUSIVE)];
        match rest.iter().position(|byte| *byte == 0xF7) {
            Some(length) => Self {
                delta: 0,
                message: Message::Exclusive(&rest[..length]),
                end: at + length + 1,
                is_damaged: true,
            },
            None => event,
        }
    }

    /// A message that does not belong into a file.
    fn misplaced(end: usize) -> Self {
        Self {
            delta: 0,
            message: Message::Other,
            end,
            is_damaged: true,
        }
    }
}

/// Where the first event after `at` begins that states its status and is followed by another one, or by nothing.
fn next_after(data: &[u8], at: usize) -> Option<usize> {
    let has_status = |at: usize| {
        let is_delta = data.get(at).is_some_and(|byte| *byte < 0x80);
        let is_status = data.get(at + 1).is_some_and(|byte| *byte >= 0x80);
        is_delta && is_status
    };
    let sound = |at: usize, status| {
        let (event, status) = Event::at(data, at, status)?;
        let is_sound = event.end <= data.len() && !event.is_damaged;
        is_sound.then_some((event.end, status))
    };
    (at + 1..data.len()).find(|&place| {
        let followed = |(end, status)| end == data.len() || sound(end, status).is_some();
        has_status(place) && sound(place, None).is_some_and(followed)
    })
}

/// A number in MIDI's variable-length form, of at most four bytes, and the offset after it.
fn variable_length(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut number = 0;
    for index in at..at.saturating_add(4) {
        let byte = *bytes.get(index)?;
        number = (number << 7) | u32::from(byte & 0x7F);
        if byte < 0x80 {
            return Some((number, index + 1));
        }
    }
    Some((number, at + 4))
}
