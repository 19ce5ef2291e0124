//! A zip archive to a data set: archives inside, tables, MIDI files.
#![no_main]

use fourbar_fuzz::file;
use fourbar_model::converter::Converter;
use fourbar_trainer::data::Dataset;
use fourbar_trainer::reading::Reading;
use fourbar_trainer::settings::Config;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CONVERTER: LazyLock<Converter> = LazyLock::new(|| {
    let preset = Config::preset("fourbar").expect("the preset is right");
    preset.model.converter
});

fuzz_target!(|bytes: &[u8]| {
    let _ = Dataset::load(&file("set.zip", bytes), &CONVERTER, Reading::default());
});
