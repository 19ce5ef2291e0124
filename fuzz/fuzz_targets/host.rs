//! Whatever a host of either format may send to the player: blocks, transports, parameters, notes.
#![no_main]

use arbitrary::Arbitrary;
use fourbar_fuzz::call::Call;
use fourbar_fuzz::clap::ClapHost;
use fourbar_fuzz::vst3::Vst3Host;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

#[derive(Debug, Arbitrary)]
enum Input {
    Clap(Vec<Call>),
    Vst3(Vec<Call>),
}

thread_local! {
    static CLAP: RefCell<ClapHost> = RefCell::default();
    static VST3: RefCell<Vst3Host> = RefCell::default();
}

fuzz_target!(|input: Input| match input {
    Input::Clap(calls) => CLAP.with_borrow_mut(|host| {
        calls.iter().for_each(|call| host.process(call));
    }),
    Input::Vst3(calls) => VST3.with_borrow_mut(|host| {
        calls.iter().for_each(|call| host.process(call));
    }),
});
