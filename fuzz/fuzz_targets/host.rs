//! Whatever a host may send to the player: blocks, transports, parameters.
#![no_main]

use arbitrary::Arbitrary;
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};
use fourbar_fuzz::clap::{ClapHost, MAX_BLOCK};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

/// One call of the host's.
#[derive(Debug, Arbitrary)]
struct Call {
    n_samples: u16,
    transport: Option<Transport>,
    /// A transport that takes over inside the block.
    later: Option<(u16, Transport)>,
    /// Where in the block, which parameter, and its value: between 0 and its largest, or whatever number.
    changes: Vec<(u16, u8, Value)>,
}

#[derive(Debug, Arbitrary)]
enum Value {
    Inside(u16),
    Any(f64),
}

#[derive(Debug, Arbitrary)]
struct Transport {
    flags: u32,
    song_pos_beats: i64,
    tempo: f64,
    tempo_inc: f64,
    cycle: (i64, i64),
    bar_start: i64,
    bar_number: i32,
    time_signature: (u16, u16),
}

impl Transport {
    fn event(&self, offset: u32) -> TransportEvent {
        TransportEvent {
            header: EventHeader::new_core(offset, EventFlags::empty()),
            flags: TransportFlags::from_bits_retain(self.flags),
            song_pos_beats: BeatTime::from_bits(self.song_pos_beats),
            song_pos_seconds: SecondsTime::from_bits(0),
            tempo: self.tempo,
            tempo_inc: self.tempo_inc,
            loop_start_beats: BeatTime::from_bits(self.cycle.0),
            loop_end_beats: BeatTime::from_bits(self.cycle.1),
            loop_start_seconds: SecondsTime::from_bits(0),
            loop_end_seconds: SecondsTime::from_bits(0),
            bar_start: BeatTime::from_bits(self.bar_start),
            bar_number: self.bar_number,
            time_signature_numerator: self.time_signature.0,
            time_signature_denominator: self.time_signature.1,
        }
    }
}

fn send(host: &mut ClapHost, call: &Call) {
    let n_samples = 1 + u32::from(call.n_samples) % MAX_BLOCK;
    let place = |offset: u16| u32::from(offset) % n_samples;
    let mut events = EventBuffer::new();
    for (offset, index, value) in &call.changes {
        let (id, largest) = host.parameters[usize::from(*index) % host.parameters.len()];
        let value = match value {
            Value::Inside(part) => largest * f64::from(*part) / f64::from(u16::MAX),
            Value::Any(value) => *value,
        };
        events.push(&ParamValueEvent::new(
            place(*offset),
            id,
            Pckn::match_all(),
            value,
        ));
    }
    if let Some((offset, transport)) = &call.later {
        events.push(&transport.event(place(*offset)));
    }
    events.sort();
    let transport = call.transport.as_ref().map(|transport| transport.event(0));
    host.process(n_samples, &events, transport.as_ref());
}

thread_local! {
    static HOST: RefCell<ClapHost> = RefCell::default();
}

fuzz_target!(|calls: Vec<Call>| {
    HOST.with_borrow_mut(|host| calls.iter().for_each(|call| send(host, call)));
});
