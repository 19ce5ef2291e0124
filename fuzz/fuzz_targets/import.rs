//! Weights in Magenta's forms: a tar archive of a magenta.js model or of a TensorFlow checkpoint.
#![no_main]

use fourbar_fuzz::file;
use fourbar_trainer::magenta::import::Imported;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("weights.tar", bytes);
    for preset in [None, Some("cat-drums_2bar_small")] {
        if let Ok(imported) = Imported::read(&path, preset) {
            let _ = imported.to_bytes();
        }
    }
});
