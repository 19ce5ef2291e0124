//! MIDI bytes to a song, to the examples of a preset's converter, and back to notes.
#![no_main]

use fourbar_fuzz::bounded;
use fourbar_model::drums::DrumMap;
use fourbar_model::midi;
use fourbar_trainer::settings::Config;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PRESETS: LazyLock<Vec<Config>> =
    LazyLock::new(|| Config::presets().expect("the presets are right"));

fuzz_target!(init: { LazyLock::force(&PRESETS); }, |bytes: &[u8]| {
    bounded(bytes, || {
        let Ok(song) = midi::read(bytes) else { return };
        let _ = song.drum_notes();
        // All of them would take ten milliseconds; the last byte, which few files use, chooses one.
        let chosen = bytes.last().map_or(0, |&byte| usize::from(byte) % PRESETS.len());
        let model = &PRESETS[chosen].model;
        let converter = &model.converter;
        let Ok(extracted) = converter.extract(&song, &DrumMap::GM) else { return };
        for place in converter.windows(&extracted, model.window_steps(), 1).into_iter().take(4) {
            let example = converter.example(&extracted, &place, model.window_steps(), None);
            let _ = converter.notes(&example.output, &DrumMap::GM);
        }
    });
});
