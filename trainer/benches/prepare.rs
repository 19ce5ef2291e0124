//! Reading the whole Groove MIDI Dataset into grooves, from its archive.

use criterion::{Criterion, criterion_group, criterion_main};
use fourbar_model::converter::{Converter, GrooveConverter};
use fourbar_model::drums::DrumMap;
use fourbar_trainer::data;
use fourbar_trainer::data::Dataset;

fn prepare(criterion: &mut Criterion) {
    let Some(path) = data::published_in_environment() else {
        eprintln!(
            "skipped: {} does not name the published Groove MIDI Dataset",
            data::DATA_VARIABLE
        );
        return;
    };
    let converter = Converter::Groove(GrooveConverter::default());
    criterion.bench_function("prepare/groove-midi-dataset", |bencher| {
        bencher.iter(|| {
            Dataset::load(&path, &converter, &DrumMap::TD11)
                .expect("the published data set can be read")
        });
    });
}

criterion_group!(benches, prepare);
criterion_main!(benches);
