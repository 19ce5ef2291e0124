//! A project's state, as bytes and as the JSON inside, in both formats: what is accepted is saved and loaded the same.
#![no_main]

use fourbar_fuzz::bounded;
use fourbar_fuzz::clap::ClapHost;
use fourbar_fuzz::vst3::Vst3Host;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    static CLAP: RefCell<ClapHost> = RefCell::default();
    static VST3: RefCell<Vst3Host> = RefCell::default();
}

/// Loads a state, and if it is accepted, saves, loads and saves again.
macro_rules! load {
    ($host:expr, $state:expr) => {
        if bounded($state, || $host.load($state)) {
            let saved = $host.save();
            assert!($host.load(&saved), "its own state is refused");
            assert_eq!(
                $host.save(),
                saved,
                "its state changes when it is saved again"
            );
        }
    };
}

fuzz_target!(|json: &[u8]| {
    // In CLAP the framework writes the length in front.
    let chunk = [&(json.len() as u64).to_le_bytes(), json].concat();
    CLAP.with_borrow_mut(|host| {
        load!(host, &chunk);
        load!(host, json);
    });
    VST3.with_borrow_mut(|host| load!(host, json));
});
