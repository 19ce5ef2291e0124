//! The events that come with a CLAP block, in the form in which the framework reads them right.
//!
//! The framework (nice-plug 0.2.3) divides a block where a parameter or the transport changes, and makes two mistakes.
//! It takes the first event of a block for one at the block's start. And it counts a transport's song position from the
//! block's start, where CLAP counts from the event. So we put an event without meaning first, and move the positions.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_TEMPO, clap_event_header,
    clap_event_transport, clap_input_events,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use clap_sys::process::clap_process;
use std::mem::MaybeUninit;
use std::ptr;

/// An event that nobody knows, at the start of the block.
#[expect(clippy::cast_possible_truncation, reason = "16 bytes")]
static NO_EVENT: clap_event_header = clap_event_header {
    size: size_of::<clap_event_header>() as u32,
    time: 0,
    space_id: u16::MAX,
    type_: 0,
    flags: 0,
};

/// A block's events, on the stack of the audio thread.
struct Events {
    host: *const clap_input_events,
    sample_rate: f64,
    /// Which of the host's events the corrected ones are.
    indices: [u32; 2],
    /// Two, because the framework looks at the next event while it still uses the last transport.
    transports: [MaybeUninit<clap_event_transport>; 2],
    newest: usize,
}

/// Calls `process` with `block`, its events corrected.
///
/// # Safety
/// `block` must be a CLAP block, and `process` must not keep it.
pub(super) unsafe fn with_corrected_events<R>(
    block: &clap_process,
    sample_rate: f64,
    process: impl FnOnce(&clap_process) -> R,
) -> R {
    // SAFETY: the host passes a list or nothing.
    let is_empty = unsafe {
        block
            .in_events
            .as_ref()
            .and_then(|list| Some(list.size?(list)))
            .is_none_or(|n_events| n_events == 0)
    };
    if is_empty {
        return process(block);
    }
    let mut events = Events {
        host: block.in_events,
        sample_rate,
        indices: [u32::MAX; 2],
        transports: [MaybeUninit::uninit(); 2],
        newest: 0,
    };
    let list = clap_input_events {
        ctx: (&raw mut events).cast(),
        size: Some(size),
        get: Some(get),
    };
    process(&clap_process {
        in_events: &raw const list,
        ..*block
    })
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: only `with_corrected_events` makes such lists, and the host's list lives as long.
    unsafe {
        let host = (*(*list).ctx.cast::<Events>()).host;
        (*host).size.map_or(0, |size| size(host)).saturating_add(1)
    }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    let Some(index) = index.checked_sub(1) else {
        return &raw const NO_EVENT;
    };
    // SAFETY: as for `size`. The audio thread alone uses the list, and each of the two places is written only when the
    // framework is done with what it held.
    unsafe {
        let events = (*list).ctx.cast::<Events>();
        let host = (*events).host;
        let event = (*host).get.map_or(ptr::null(), |get| get(host, index));
        if event.is_null() || !is_transport_inside(&*event) {
            return event;
        }
        let known = (*events).indices.iter().position(|&known| known == index);
        let place = known.unwrap_or_else(|| {
            let place = 1 - (*events).newest;
            (*events).newest = place;
            (*events).indices[place] = index;
            let transport = counted_from_the_block(&*event.cast(), (*events).sample_rate);
            (&raw mut (*events).transports[place]).write(MaybeUninit::new(transport));
            place
        });
        (&raw const (*events).transports[place]).cast()
    }
}

/// Whether `event` is a transport after the block's first sample.
fn is_transport_inside(event: &clap_event_header) -> bool {
    let is_whole =
        usize::try_from(event.size).is_ok_and(|size| size >= size_of::<clap_event_transport>());
    event.space_id == CLAP_CORE_EVENT_SPACE_ID
        && event.type_ == CLAP_EVENT_TRANSPORT
        && event.time > 0
        && is_whole
}

/// `transport` with the song position that the song would have had at the start of the block, at the same tempo.
fn counted_from_the_block(
    transport: &clap_event_transport,
    sample_rate: f64,
) -> clap_event_transport {
    let mut counted = *transport;
    // Without a tempo the framework does not count on.
    if transport.flags & CLAP_TRANSPORT_HAS_TEMPO != 0 {
        let seconds = f64::from(transport.header.time) / sample_rate;
        let beats = seconds / 60.0 * transport.tempo;
        counted.song_pos_seconds = transport
            .song_pos_seconds
            .saturating_sub(fixed_point(seconds, CLAP_SECTIME_FACTOR));
        counted.song_pos_beats = transport
            .song_pos_beats
            .saturating_sub(fixed_point(beats, CLAP_BEATTIME_FACTOR));
    }
    counted
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the factor is a power of two; what is no number becomes 0, what is too large the largest"
)]
fn fixed_point(number: f64, factor: i64) -> i64 {
    (number * factor as f64).round() as i64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use clap_sys::events::{CLAP_EVENT_NOTE_ON, CLAP_TRANSPORT_HAS_BEATS_TIMELINE};

    const SAMPLE_RATE: f64 = 48_000.0;

    fn transport(time: u32, type_: u16, beats: f64) -> clap_event_transport {
        // SAFETY: numbers alone.
        let mut event: clap_event_transport = unsafe { std::mem::zeroed() };
        event.header = clap_event_header {
            size: u32::try_from(size_of::<clap_event_transport>()).unwrap(),
            time,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_,
            flags: 0,
        };
        event.flags = CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_HAS_BEATS_TIMELINE;
        event.tempo = 120.0;
        event.song_pos_beats = fixed_point(beats, CLAP_BEATTIME_FACTOR);
        event
    }

    unsafe extern "C" fn test_size(list: *const clap_input_events) -> u32 {
        let events = unsafe { &*(*list).ctx.cast::<Vec<clap_event_transport>>() };
        u32::try_from(events.len()).unwrap()
    }

    unsafe extern "C" fn test_get(
        list: *const clap_input_events,
        index: u32,
    ) -> *const clap_event_header {
        let events = unsafe { &*(*list).ctx.cast::<Vec<clap_event_transport>>() };
        (&raw const events[index as usize]).cast()
    }

    /// What the framework reads of `events`: time and song position of each.
    fn read(mut events: Vec<clap_event_transport>) -> Vec<(u32, f64)> {
        let list = clap_input_events {
            ctx: (&raw mut events).cast(),
            size: Some(test_size),
            get: Some(test_get),
        };
        // SAFETY: numbers and null pointers alone.
        let mut block: clap_process = unsafe { std::mem::zeroed() };
        block.in_events = &raw const list;
        let read = |block: &clap_process| unsafe {
            let list = block.in_events;
            let n_events = (*list).size.unwrap()(list);
            let event = |index| {
                let event = (*list).get.unwrap()(list, index);
                assert_eq!(event, (*list).get.unwrap()(list, index), "asked twice");
                let header = *event;
                let position = if header.space_id == u16::MAX {
                    0
                } else {
                    (*event.cast::<clap_event_transport>()).song_pos_beats
                };
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let beats = position as f64 / CLAP_BEATTIME_FACTOR as f64;
                (header.time, beats)
            };
            (0..n_events).map(event).collect()
        };
        // SAFETY: the block holds what `read` reads.
        unsafe { with_corrected_events(&block, SAMPLE_RATE, read) }
    }

    #[test]
    fn an_event_at_the_start_comes_first_and_positions_count_from_there() {
        let at = |time, beats| transport(time, CLAP_EVENT_TRANSPORT, beats);
        let read = read(vec![
            at(0, 3.0),
            at(2400, 8.0),
            transport(3000, CLAP_EVENT_NOTE_ON, 5.0),
            at(4800, 9.0),
            at(9600, 1.0),
        ]);
        let expected = [
            (0, 0.0),
            (0, 3.0),
            (2400, 7.9),
            (3000, 5.0),
            (4800, 8.8),
            (9600, 0.6),
        ];
        assert_eq!(read.len(), expected.len());
        for (read, expected) in read.iter().zip(expected) {
            assert_eq!(read.0, expected.0);
            assert!(
                (read.1 - expected.1).abs() < 1e-9,
                "{read:?} is not {expected:?}"
            );
        }
    }

    #[test]
    fn a_transport_stays_where_it_is_while_the_next_one_is_looked_at() {
        let mut events = vec![
            transport(100, CLAP_EVENT_TRANSPORT, 1.0),
            transport(200, CLAP_EVENT_TRANSPORT, 2.0),
        ];
        let host = clap_input_events {
            ctx: (&raw mut events).cast(),
            size: Some(test_size),
            get: Some(test_get),
        };
        // SAFETY: numbers and null pointers alone.
        let mut block: clap_process = unsafe { std::mem::zeroed() };
        block.in_events = &raw const host;
        // SAFETY: the block holds what is read.
        unsafe {
            with_corrected_events(&block, SAMPLE_RATE, |block| {
                let list = block.in_events;
                let get = (*list).get.unwrap();
                let first = get(list, 1).cast::<clap_event_transport>();
                let position = (*first).song_pos_beats;
                let second = get(list, 2).cast::<clap_event_transport>();
                assert_eq!((*first).song_pos_beats, position);
                assert!((*second).song_pos_beats > position);
            });
        }
    }

    #[test]
    fn a_block_without_events_is_passed_on_as_it_is() {
        // SAFETY: numbers and null pointers alone.
        let block: clap_process = unsafe { std::mem::zeroed() };
        // SAFETY: nothing is read.
        unsafe {
            with_corrected_events(&block, SAMPLE_RATE, |passed| {
                assert!(ptr::eq(passed, &block))
            })
        };
    }
}
