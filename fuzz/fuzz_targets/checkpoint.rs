//! The bytes of a checkpoint; what opens must save and open as the same.
#![no_main]

use fourbar_model::checkpoint::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((checkpoint, precision)) = Checkpoint::with_precision(bytes, "fuzzed") else {
        return;
    };
    let saved = checkpoint
        .to_bytes_in(precision)
        .expect("what opened can be saved");
    Checkpoint::from_bytes(&saved, "saved").expect("what was saved opens");
});
