//! The files that users give each other: presets, and the drum maps that the plugin reads.
#![no_main]

use fourbar_fuzz::{bounded, file};
use fourbar_plugin::key_maps::KeyMap;
use fourbar_plugin::library::Preset;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    bounded(bytes, || {
        if let Ok(preset) = Preset::from_text(bytes) {
            let text = preset.to_text().expect("what was read can be written");
            let again = Preset::from_text(text.as_bytes());
            assert_eq!(again.as_ref(), Ok(&preset), "what was written can be read");
        }
        let path = file("map.toml", bytes);
        let folder = path.parent().expect("it lies in a folder");
        let _ = KeyMap::in_folder(folder);
    });
});
