//! The TOML files that users write: settings of a training run, and drum maps.
#![no_main]

use fourbar_fuzz::{bounded, file};
use fourbar_trainer::reading::maps;
use fourbar_trainer::settings::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    bounded(bytes, || {
        let path = file("file.toml", bytes);
        let _ = Config::resolve(&path.to_string_lossy(), None, &[]);
        let _ = Config::resolve("fourbar", Some(&path), &[]);
        let _ = maps::find(&path.to_string_lossy());
    });
});
